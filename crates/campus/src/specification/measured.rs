//! What came of a clause's meter, what speaks against believing it, and the ruling that follows.
//!
//! Not modelled: degrees of doubt; a value is shown, or it is not.

use super::judge::Span;
use super::ruling::time;
use super::{Band, Circumstances, Clause, Limit, Measure, Outlook, Rule, Ruling, Severity, Verdict};
use crate::spectrum::flicker::{Flickermeter, OBSERVATION_S, long_term, not_exceeded_95};
use crate::spectrum::sampling::Findings;
use crate::spectrum::swings::Swings;
use crate::spectrum::windows::Worst;

/// Greatest reading as a share of the rated power outside which its unit is doubted. A guess: a campus below a hundredth of its
/// rating is not at work, one beyond double would have tripped.
const BELIEVABLE: (f64, f64) = (0.01, 2.0);

/// What all clauses are judged with.
pub(super) struct Known {
    /// Time between readings that can differ, or over which one averages, s.
    pub(super) interval_s: f64,
    coverage: f64,
    outlook: Outlook,
    collapsed: bool,
    averages: bool,
    unknown_update: bool,
    doubts: Vec<String>,
    unlikely: Option<String>,
}

impl Known {
    pub(super) fn of(circumstances: &Circumstances, findings: &Findings, outlook: Outlook, collapsed: bool) -> Self {
        let update_s = circumstances.update_s.unwrap_or_else(|| findings.update_s());
        let greatest_w = findings.range_w.0.abs().max(findings.range_w.1.abs());
        let share = greatest_w / outlook.reference_w;
        let unlikely = (outlook.given && !(BELIEVABLE.0..=BELIEVABLE.1).contains(&share))
            .then(|| format!("the greatest reading is {share:.2e} of the rated power: is the unit right?"));
        Self {
            interval_s: update_s.max(circumstances.averaging_s),
            coverage: findings.coverage(),
            outlook,
            collapsed,
            averages: circumstances.averages && circumstances.averaging_s == 0.0,
            unknown_update: findings.unknown_update && circumstances.update_s.is_none(),
            doubts: findings.doubts.clone(),
            unlikely,
        }
    }
}

pub(super) fn too_slow(band: &Band, need_s: f64, have_s: f64) -> String {
    format!("{} Hz needs a reading every {}; one comes every {}", band.high_hz, time(need_s), time(have_s))
}

/// What came of a clause's meter.
#[derive(Default)]
pub(super) struct Measured {
    value: Option<f64>,
    at_s: Option<f64>,
    broken: Option<(f64, u64)>,
    pub(super) remark: String,
    /// Why the value says nothing.
    pub(super) blind: Option<String>,
    /// Why the limit is met though the value is above it.
    excused: Option<String>,
    /// Why the limit cannot count as met.
    partial: Option<String>,
    /// Whether the true value may be larger.
    at_least: bool,
}

impl Measured {
    pub(super) fn take(&mut self, worst: Worst, value: f64, step_s: f64) {
        if worst.found() && value.is_finite() {
            (self.value, self.at_s) = (Some(value), Some(worst.at as f64 * step_s));
        }
    }

    /// Why the true value may be larger; the first doubt stays.
    pub(super) fn doubt(&mut self, why: String) {
        self.at_least = true;
        self.partial.get_or_insert(why);
    }

    /// A swing inside a window, over `over_s` of time (one for a swing as such).
    ///
    /// Between readings that lie further apart than the window, some window in between holds at least its part of the change.
    pub(super) fn inside(
        &mut self,
        worst: Worst,
        over_s: f64,
        window_s: f64,
        known: &Known,
        readings: f64,
        step_s: f64,
    ) {
        let apart_s = known.interval_s.max(step_s);
        let sparse = apart_s > window_s * 1.001;
        let parts = if sparse { libm::ceil(apart_s / window_s.max(1e-9) - 1e-6) } else { 1.0 };
        let over_s = if sparse && over_s != 1.0 { window_s } else { over_s };
        self.take(worst, worst.value / parts / over_s, step_s);
        if known.interval_s * readings > window_s * 1.001 {
            self.doubt(format!(
                "a window of {} needs a reading every {}; one comes every {}",
                time(window_s),
                time(window_s / readings),
                time(known.interval_s)
            ));
        }
        self.sensor(known);
        if self.value.is_none() {
            self.blind = Some(format!("the trace has no uninterrupted stretch of {}", time(window_s)));
        }
    }

    /// A stretch shorter than the window shows only a part of what the window could hold.
    pub(super) fn covers(&mut self, swings: &Swings, window_s: f64, step_s: f64) {
        let longest_s = swings.longest() as f64 * step_s;
        if longest_s < 0.999 * window_s && self.value.is_some() {
            self.doubt(format!(
                "a window of {} needs as much without a gap; the longest stretch is {}",
                time(window_s),
                time(longest_s)
            ));
        }
    }

    /// How often the limit was broken.
    pub(super) fn watched(&mut self, swings: &Swings, watch: Option<usize>) {
        let seen = watch.map(|place| swings.watches()[place]);
        self.broken = seen.map(|watch| (watch.broken as f64 / swings.windows().max(1) as f64, watch.times));
    }

    /// What the clause's own measure looked at, of all that was measured.
    pub(super) fn looked_at(&mut self, judged: u64, taken: u64, coverage: f64) {
        let share = judged as f64 / taken.max(1) as f64;
        if share < coverage {
            self.doubt(format!(
                "only {:.1} % of what was measured lies in stretches long enough to be judged",
                100.0 * share
            ));
        }
    }

    pub(super) fn spectral(
        &mut self,
        spans: &[Span],
        band: &Band,
        measure: Measure,
        known: &Known,
        readings: f64,
        step_s: f64,
    ) {
        let floor_w = if measure.is_share() { band.negligible * known.outlook.reference_w } else { -1.0 };
        let worst = |loud: bool| {
            spans.iter().filter(|span| (span.rms_w > floor_w) == loud).max_by(|a, b| a.value.total_cmp(&b.value))
        };
        let loudest = spans.iter().map(|span| span.rms_w).fold(0.0, f64::max);
        if let Some(span) = worst(true).or(worst(false)) {
            (self.value, self.at_s) = (Some(span.value), Some(span.at as f64 * step_s));
            self.remark = format!("strongest line at {:.3} Hz", span.hz);
            let span_s = span.length as f64 * step_s;
            if span_s < 0.9 * band.window_s {
                self.remark.push_str(&format!(", over the {} that there are", time(span_s)));
            }
            if loudest <= floor_w {
                self.excused = Some(format!(
                    "at most {:.3} % of the reference moves in the band: met whatever the share (negligible: {:.3} %)",
                    100.0 * loudest / known.outlook.reference_w,
                    100.0 * band.negligible
                ));
            }
        }
        if known.interval_s * readings * band.high_hz > 1.001 {
            self.blind = Some(too_slow(band, 1.0 / (readings * band.high_hz), known.interval_s));
        }
        self.sensor(known);
    }

    /// A severity of flicker, and beside it what the others are where the trace is long enough.
    pub(super) fn flicker(&mut self, meter: &Flickermeter, seen: &[(u64, f64)], severity: Severity, step_s: f64) {
        let length = OBSERVATION_S / step_s;
        let (long, most) = (long_term(seen, length), not_exceeded_95(seen, length));
        let (value, at) = match severity {
            Severity::Short => (meter.worst.found().then_some(meter.worst.value), Some(meter.worst.at)),
            Severity::Short95 => (most.map(|(pst, _)| pst), None),
            Severity::Long => (long.map(|(plt, _)| plt), long.map(|(_, at)| at)),
        };
        self.value = value;
        self.at_s = value.and(at).map(|at| at as f64 * step_s);
        if value.is_none() {
            self.blind = Some(match severity {
                Severity::Short95 => {
                    format!("needs {} of ten minutes without a gap", severity.needs_s() / OBSERVATION_S)
                }
                _ => format!("needs {} without a gap", time(severity.needs_s())),
            });
        }
        let mut beside = Vec::new();
        if let Some((pst, count)) = most.filter(|_| severity != Severity::Short95) {
            beside.push(format!("95 % of {count} Pst are at most {pst:.3}"));
        }
        if let Some((plt, _)) = long.filter(|_| severity != Severity::Long) {
            beside.push(format!("worst Plt {plt:.3}"));
        }
        self.remark = beside.join(", ");
    }

    /// What is not known of the sensor, for clauses that look at moments.
    pub(super) fn sensor(&mut self, known: &Known) {
        if known.averages {
            self.doubt("the sensor averages, over a time that is not known (--averaging)".to_owned());
        }
        if known.unknown_update {
            self.doubt(
                "readings stay the same for long, at few levels: how often is the sensor refreshed? (--update)"
                    .to_owned(),
            );
        }
    }

    /// What holds for every clause.
    pub(super) fn whole(mut self, clause: &Clause, known: &Known, coverage: f64) -> Self {
        if known.collapsed
            && matches!(clause.rule, Rule::VoltageStep { .. } | Rule::VoltageRange { .. } | Rule::Flicker { .. })
        {
            self.blind = Some("the network, as given, cannot carry the power at all".to_owned());
        }
        if self.value.is_none() && self.blind.is_none() {
            self.blind = Some("the trace is too short".to_owned());
        }
        if self.blind.is_some() {
            // A number that says nothing is not shown.
            self = Self { blind: self.blind, ..Self::default() };
        }
        if known.coverage < coverage {
            self.doubt(format!("only {:.2} % of the time was measured", 100.0 * known.coverage));
        }
        if let Some(doubt) = known.doubts.first() {
            self.doubt(doubt.clone());
        }
        if let Some(unlikely) = &known.unlikely {
            self.partial.get_or_insert(unlikely.clone());
        }
        if matches!(clause.limit, Limit::Share(_)) && !known.outlook.given {
            self.doubt(
                "a share of what is not known: the greatest reading stands for the rated power (--set rated=...)"
                    .to_owned(),
            );
        }
        self
    }
}

/// The ruling on what was measured.
pub(super) fn rule(clause: &Clause, measured: Measured, known: &Known) -> Ruling {
    let outlook = &known.outlook;
    let (unit, size) = outlook.unit(&clause.rule);
    let limit = match clause.limit {
        Limit::Amount(limit) => Some(limit),
        Limit::Share(share) => match clause.rule {
            Rule::Ramp { window_s, .. } => Some(share * outlook.reference_w / window_s),
            _ => Some(share * outlook.reference_w),
        },
        Limit::Open => None,
    };
    let over = measured.value.zip(limit).is_some_and(|(value, limit)| value > limit);
    let mut why = Vec::new();
    let verdict = if let Some(blind) = measured.blind {
        why.push(blind);
        Verdict::NotShown
    } else if limit.is_none() {
        why.push(format!("the specification leaves this limit open (--set {}=...)", clause.name));
        Verdict::NotShown
    } else if over && measured.excused.is_none() {
        Verdict::Fail
    } else if let Some(partial) = &measured.partial {
        why.push(partial.clone());
        Verdict::NotShown
    } else {
        Verdict::Pass
    };
    why.extend(measured.excused.clone().filter(|_| verdict != Verdict::NotShown));
    why.extend(Some(measured.remark).filter(|remark| !remark.is_empty()));
    if let (Verdict::Fail, Some((share, times))) = (verdict, measured.broken) {
        why.push(format!("broken in {:.3} % of all windows, {times} times over", 100.0 * share));
    }
    let margin = measured.value.zip(limit).map(|(value, limit)| (limit - value) / limit);
    Ruling {
        name: clause.name.clone(),
        measure: clause.rule.words(),
        verdict,
        measured: measured.value.map(|value| value / size),
        at_least: measured.at_least,
        limit: limit.map(|limit| limit / size),
        unit,
        margin: margin.filter(|_| measured.excused.is_none()),
        at_s: measured.at_s,
        broken: measured.broken,
        why: why.join("; "),
        source: clause.source.clone(),
        remedy: None,
    }
}
