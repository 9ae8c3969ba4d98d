//! What would make a failed clause pass: the limit, the network or the share that would do, and the least ideal store of one kind.
//!
//! The kind: a store that leads the import along the mean of the load's last so many seconds. It needs no foresight and does not
//! drift; the shortest mean with which the judge's own measure passes is the least of them in energy. Beside it stands, for swings
//! inside a window, a power below which no store of any kind passes. Both are found on the trace's means over equal stretches.
//!
//! Not modelled: losses, delay and limits of a real store; stores of another kind, which may need less; a clause that is mended
//! by changing the load itself.

use super::ruling::time;
use super::{Circumstances, Clause, Connection, Judge, Limit, Measure, Outlook, Rule, Ruling, Specification, Verdict};
use crate::spectrum::sampling::{Findings, Piece};
use crate::spectrum::swings::Swings;
use crate::spectrum::windows::{Bucket, Buckets};

/// Stretches of the trace that are kept to find remedies on: 16 MB. A guess: ten hours at 1 kHz are then means of 128 ms.
pub(super) const MOST_KEPT: usize = 1 << 19;
/// Least stretches in a window. A guess: fewer say too little of what moves inside it.
const FEWEST: f64 = 4.0;
/// Stretches that are looked at before it is asked whether a limit is broken by now.
const CHUNK: usize = 4096;
/// A shorter mean is looked for until the two lie this near, share of its length.
const NEAR: f64 = 0.02;

/// An ideal store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IdealStore {
    /// Greatest power in or out, W.
    pub power_w: f64,
    /// Between its emptiest and its fullest moment, J.
    pub energy_j: f64,
    /// Length of the mean along which it leads the import, s; zero where the plan leads it.
    pub mean_s: f64,
}

/// What would make a clause pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remedy {
    /// The least store of its kind with which the clause passes.
    pub store: Option<IdealStore>,
    /// No store with less power passes, whatever its kind, W.
    pub at_least_w: Option<f64>,
    /// Share of the amplitude (of the band, of the line, of the swings) that would have to go.
    pub share: Option<f64>,
    /// In words.
    pub words: String,
}

/// The trace as remedies are looked for: means over equal stretches.
pub(super) struct Kept<'a> {
    thin: &'a Buckets,
    specification: &'a Specification,
    outlook: Outlook,
    step_s: f64,
    runs: Vec<Run<'a>>,
}

/// Stretches without a gap between them, and how many are missing behind.
struct Run<'a> {
    all: &'a [Bucket],
    /// Sums of the means up to each, about the first: sums of hours keep the digits of a second.
    sums: Vec<f64>,
    level_w: f64,
    gap: usize,
}

impl Run<'_> {
    /// Mean over the last `count` stretches at the end of one. What came before the first is not known: until there are so
    /// many, the import stands at the mean of these.
    fn mean_w(&self, place: usize, count: usize) -> f64 {
        let count = count.min(self.all.len());
        let until = (place + 1).max(count);
        self.level_w + (self.sums[until] - self.sums[until - count]) / count as f64
    }
}

/// Cuts a trace where it has gaps.
fn runs(thin: &Buckets) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = thin.all.as_slice();
    while !rest.is_empty() {
        let whole = rest.iter().position(|bucket| bucket.3 == 0).unwrap_or(rest.len());
        let (all, behind) = rest.split_at(whole);
        let gap = behind.iter().position(|bucket| bucket.3 > 0).unwrap_or(behind.len());
        rest = &behind[gap..];
        let mean_w = |bucket: &Bucket| bucket.2 / bucket.3 as f64;
        let level_w = all.first().map_or(0.0, mean_w);
        let mut sum = 0.0;
        let sums = core::iter::once(0.0).chain(all.iter().map(|bucket| {
            sum += mean_w(bucket) - level_w;
            sum
        }));
        runs.push(Run { all, sums: sums.collect(), level_w, gap });
    }
    runs
}

impl<'a> Kept<'a> {
    pub(super) fn new(thin: &'a Buckets, specification: &'a Specification, outlook: Outlook, step_s: f64) -> Self {
        Self { thin, specification, outlook, step_s, runs: runs(thin) }
    }

    /// Length of a stretch, s.
    fn stretch_s(&self) -> f64 {
        self.thin.size as f64 * self.step_s
    }

    /// The clauses on a network and a reference power that are the original's, with nothing asked of the sampling: that was
    /// settled on the trace itself.
    fn of(&self, clauses: &[&Clause]) -> Specification {
        let volts = |clause: &&Clause| {
            matches!(clause.rule, Rule::VoltageStep { .. } | Rule::VoltageRange { .. } | Rule::Flicker { .. })
        };
        let known = self.specification;
        let connection = if clauses.iter().any(volts) {
            known.connection
        } else {
            Connection { short_circuit_ratio: None, x_over_r: None, ..known.connection }
        };
        Specification {
            rated_w: Some(self.outlook.reference_w),
            connection,
            clauses: clauses.iter().map(|clause| (*clause).clone()).collect(),
            provenance: Vec::new(),
            ..known.clone()
        }
    }

    /// Whether the stretches are short enough for this clause.
    fn shows(&self, clause: &Clause) -> bool {
        let stretch_s = self.stretch_s();
        match &clause.rule {
            Rule::Ramp { window_s, .. }
            | Rule::Range { window_s }
            | Rule::VoltageStep { window_s }
            | Rule::VoltageRange { window_s } => FEWEST * stretch_s <= *window_s,
            Rule::Schedule { .. } => false,
            // A mean takes from all that varies: a share is left until nothing is.
            Rule::Spectral { measure, .. } if measure.is_share() => false,
            Rule::Spectral { .. } | Rule::Flicker { .. } => {
                self.specification.shown_from_s(clause, stretch_s).is_some()
            }
        }
    }

    /// The store that leads the import along a mean over `count` stretches.
    fn store(&self, count: usize) -> IdealStore {
        let stretch_s = self.stretch_s();
        let mut store = IdealStore { power_w: 0.0, energy_j: 0.0, mean_s: count as f64 * stretch_s };
        for run in &self.runs {
            let (mut held_j, mut least_j, mut most_j) = (0.0_f64, 0.0_f64, 0.0_f64);
            for (place, bucket) in run.all.iter().enumerate() {
                let w = run.mean_w(place, count);
                store.power_w = store.power_w.max(w - bucket.0).max(bucket.1 - w);
                held_j += (w - bucket.2 / bucket.3 as f64) * stretch_s;
                (least_j, most_j) = (least_j.min(held_j), most_j.max(held_j));
            }
            store.energy_j = store.energy_j.max(most_j - least_j);
        }
        store
    }

    /// Whether a swing inside a window keeps its limit behind a mean over `count` stretches: as the judge measures it, given up
    /// as soon as it is broken.
    fn swing_kept(&self, clause: &Clause, window_s: f64, count: usize) -> bool {
        let stretch_s = self.stretch_s();
        let mut swings = Swings::new(libm::round(window_s / stretch_s).max(1.0) as usize);
        let limit_w = limit_w(clause, self.outlook);
        let over = match clause.rule {
            Rule::Ramp { .. } => window_s.max(swings.window() as f64 * stretch_s) / window_s,
            _ => 1.0,
        };
        let broken = |swings: &Swings| {
            let worst = match clause.rule {
                Rule::Ramp { up: true, .. } => swings.up,
                Rule::Ramp { up: false, .. } => swings.down,
                _ => swings.range,
            };
            worst.value / over > limit_w
        };
        let mut led = Vec::with_capacity(CHUNK);
        for run in &self.runs {
            for first in (0..run.all.len()).step_by(CHUNK) {
                led.clear();
                led.extend((first..(first + CHUNK).min(run.all.len())).map(|place| run.mean_w(place, count)));
                swings.push(&led);
                if broken(&swings) {
                    return false;
                }
            }
            swings.gap(run.gap as u64);
        }
        !broken(&swings)
    }

    /// Whether one clause is kept behind a mean over `count` stretches.
    fn kept(&self, clause: &Clause, count: usize) -> bool {
        match clause.rule {
            Rule::Ramp { window_s, .. } | Rule::Range { window_s } => self.swing_kept(clause, window_s, count),
            _ => self.all_kept(&[clause], count),
        }
    }

    /// Whether the judge finds none of these clauses broken behind a mean over `count` stretches.
    fn all_kept(&self, clauses: &[&Clause], count: usize) -> bool {
        let step_s = self.stretch_s();
        let mut judge = Judge::new(self.of(clauses), Circumstances { step_s, ..Circumstances::default() });
        let (mut rows, mut range_w) = (0_u64, (f64::INFINITY, f64::NEG_INFINITY));
        for run in &self.runs {
            let led: Vec<f64> = (0..run.all.len()).map(|place| run.mean_w(place, count)).collect();
            rows += (led.len() + run.gap) as u64;
            range_w = led.iter().fold(range_w, |(a, b), w| (a.min(*w), b.max(*w)));
            judge.push(Piece::Samples(&led));
            if run.gap > 0 {
                judge.push(Piece::Gap(run.gap as u64));
            }
        }
        let last_ns = (rows.saturating_sub(1) as f64 * step_s * 1e9) as i64;
        let findings = Findings { rows, last_ns, step_s, interval_s: step_s, range_w, ..Findings::default() };
        let rulings = judge.finish(&findings).1;
        rulings.iter().all(|ruling| ruling.verdict != Verdict::Fail && ruling.measured.is_some())
    }

    /// The store of the shortest mean with which this clause is kept: doubled until it is, then halved in between.
    fn shortest(&self, clause: &Clause) -> Option<IdealStore> {
        if !self.shows(clause) {
            return None;
        }
        let (mut low, mut high) = (1, 2);
        while !self.kept(clause, high) {
            (low, high) = (high, 2 * high);
            if high > self.thin.all.len() / 2 {
                return None;
            }
        }
        while (high - low) as f64 > (NEAR * high as f64).max(1.0) {
            let middle = low.midpoint(high);
            if self.kept(clause, middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(self.store(high))
    }
}

/// What would make each failed clause pass, into its ruling; and the store with which all of them do, where there are several
/// and it breaks nothing else that is kept now.
pub(super) fn remedies(
    kept: &Kept<'_>,
    rulings: &mut [Ruling],
    deviations: &[Option<(f64, Vec<f64>)>],
) -> Option<IdealStore> {
    let clauses = &kept.specification.clauses;
    let mut led: Vec<(&Clause, f64)> = Vec::new();
    for ((clause, ruling), deviations) in clauses.iter().zip(rulings.iter_mut()).zip(deviations) {
        if ruling.verdict != Verdict::Fail {
            continue;
        }
        let mut remedy = Remedy { share: share(clause, ruling), ..Remedy::default() };
        if let Some((interval_s, off_w)) = deviations {
            remedy.store = scheduled(off_w, limit_w(clause, kept.outlook), *interval_s);
            remedy.at_least_w = remedy.store.map(|store| store.power_w);
        } else if !ruling.at_least {
            remedy.store = kept.shortest(clause);
            led.extend(remedy.store.map(|store| (clause, store.mean_s)));
            remedy.at_least_w = swing(clause, ruling, kept.outlook);
        }
        remedy.words = words(clause, ruling, &remedy, kept);
        ruling.remedy = Some(remedy);
    }
    if led.len() < 2 {
        return None;
    }
    let mean_s = led.iter().map(|(_, mean_s)| *mean_s).fold(0.0, f64::max);
    let shown: Vec<&Clause> = clauses
        .iter()
        .zip(rulings.iter())
        .filter(|(clause, ruling)| {
            let mended = led.iter().any(|(known, _)| known.name == clause.name);
            mended || ruling.verdict == Verdict::Pass && kept.shows(clause)
        })
        .map(|(clause, _)| clause)
        .collect();
    let count = libm::round(mean_s / kept.stretch_s()) as usize;
    kept.all_kept(&shown, count).then(|| kept.store(count))
}

/// The limit of a clause on power, W: inside the window, for a ramp.
fn limit_w(clause: &Clause, outlook: Outlook) -> f64 {
    match (clause.limit, &clause.rule) {
        (Limit::Amount(limit), Rule::Ramp { window_s, .. }) => limit * window_s,
        (Limit::Amount(limit), _) => limit,
        (Limit::Share(share), _) => share * outlook.reference_w,
        (Limit::Open, _) => f64::INFINITY,
    }
}

/// Half of what a swing has too much: at its two ends a store can give as much at most as its power, in both directions.
fn swing(clause: &Clause, ruling: &Ruling, outlook: Outlook) -> Option<f64> {
    let (_, size) = outlook.unit(&clause.rule);
    let found = ruling.measured? * size;
    let found_w = match clause.rule {
        Rule::Ramp { window_s, .. } => found * window_s,
        Rule::Range { .. } => found,
        _ => return None,
    };
    Some(0.5 * (found_w - limit_w(clause, outlook)))
}

/// Share of the amplitude that must go, where the clause is a share or goes with the amplitude.
///
/// Of a share of energy e = B / (B + O) with O as it is, s is left where B' / B = s (1 - e) / ((1 - s) e); amplitudes go with its
/// root.
fn share(clause: &Clause, ruling: &Ruling) -> Option<f64> {
    let (found, limit) = (ruling.measured?, ruling.limit?);
    match &clause.rule {
        Rule::Spectral { measure, .. } if measure.is_share() => {
            let (e, s) = (0.01 * found, 0.01 * limit);
            (e < 1.0).then(|| 1.0 - libm::sqrt(s * (1.0 - e) / ((1.0 - s) * e)))
        }
        Rule::Ramp { .. } | Rule::Schedule { .. } => None,
        _ => Some(1.0 - limit / found),
    }
}

/// The least store with which means of intervals, this far from the plan, keep within the limit: with the least power that
/// any store needs, the least energy that any store of that power needs (what it holds lies between bounds that every interval
/// moves; where they cross, there is too little).
fn scheduled(off_w: &[f64], limit_w: f64, interval_s: f64) -> Option<IdealStore> {
    let power_w = off_w.iter().map(|off| off.abs() - limit_w).fold(0.0, f64::max);
    let enough = |energy_j: f64| {
        let (mut least, mut most) = (0.0_f64, energy_j);
        off_w.iter().all(|off| {
            least = (least + (-off - limit_w).max(-power_w) * interval_s).max(0.0);
            most = (most + (-off + limit_w).min(power_w) * interval_s).min(energy_j);
            least <= most
        })
    };
    let (mut low, mut high) = (0.0, power_w * interval_s);
    while !enough(high) {
        low = high;
        high *= 2.0;
        if high > power_w * interval_s * 2.0 * off_w.len() as f64 {
            return None;
        }
    }
    while high - low > 1e-3 * high {
        let middle = 0.5 * (low + high);
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(IdealStore { power_w, energy_j: high, mean_s: 0.0 })
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        a if a >= 1.0 => format!("{value:.2}"),
        a if a >= 0.001 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// The same, rounded up: as a limit it is kept by what was measured.
fn digits_up(value: f64) -> String {
    let unit = match value.abs() {
        a if a >= 100.0 => 1.0,
        a if a >= 10.0 => 0.1,
        a if a >= 1.0 => 0.01,
        _ => 0.0001,
    };
    digits(libm::ceil(value / unit - 1e-9) * unit)
}

fn words(clause: &Clause, ruling: &Ruling, remedy: &Remedy, kept: &Kept<'_>) -> String {
    let (unit, size) = kept.outlook.power();
    let (_, own) = kept.outlook.unit(&clause.rule);
    let mut parts = Vec::new();
    if let Some(found) = ruling.measured {
        parts.push(format!("a limit of {} {}", digits_up(found), ruling.unit).trim_end().to_owned());
    }
    match (&clause.rule, remedy.share) {
        (Rule::Spectral { measure, .. }, Some(share)) => {
            let what = match measure {
                Measure::EnergyShare | Measure::Rms => "the amplitude of all that moves in the band",
                Measure::LineShare | Measure::LineAmplitude => {
                    "the amplitude of that line (if none beside it is as strong)"
                }
            };
            let of = match measure {
                Measure::Rms | Measure::LineAmplitude => ruling.measured.map(|found| share * found * own / size),
                Measure::EnergyShare | Measure::LineShare => None,
            };
            let power = of.map_or_else(String::new, |power| format!(" ({} {unit})", digits(power)));
            parts.push(format!("{:.1} %{power} less of {what}", 100.0 * share));
        }
        (Rule::VoltageStep { .. } | Rule::VoltageRange { .. } | Rule::Flicker { .. }, Some(share)) => {
            parts.push(format!(
                "{} times the short-circuit power or swings {:.1} % smaller (to first order)",
                digits_up(1.0 / (1.0 - share)),
                100.0 * share
            ));
        }
        _ => {}
    }
    if let Some(store) = remedy.store {
        let how = if store.mean_s > 0.0 {
            format!("leads the import along the mean of the last {}", time(store.mean_s))
        } else {
            "keeps the means of the intervals at the limit".to_owned()
        };
        parts.push(format!(
            "an ideal store of {} {unit} and {} {unit}h that {how}",
            digits(store.power_w / size),
            digits(store.energy_j / 3600.0 / size)
        ));
    }
    let mut text = parts.join(", or ");
    if let Some(at_least_w) = remedy.at_least_w {
        text.push_str(&format!("; with less than {} {unit} no store of any kind does", digits(at_least_w / size)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_kept_by_the_least_store_that_the_intervals_need() {
        // 8 W too much, 8 W too little, limit 5: 3 W; the store gives 3 W for an interval, and takes as much.
        let store = scheduled(&[8.0, -8.0, 0.0], 5.0, 100.0).expect("there is one");
        assert!((store.power_w - 3.0).abs() < 1e-9 && (store.energy_j / 300.0 - 1.0).abs() < 2e-3, "{store:?}");
        // Twice in a row: as much again; with an interval of 0 in between, in which 3 W can be taken back, not.
        let twice = scheduled(&[8.0, 8.0], 5.0, 100.0).expect("there is one");
        assert!((twice.energy_j / 600.0 - 1.0).abs() < 2e-3, "{twice:?}");
        let apart = scheduled(&[8.0, 0.0, 8.0], 5.0, 100.0).expect("there is one");
        assert!((apart.energy_j / 300.0 - 1.0).abs() < 2e-3, "{apart:?}");
    }

    #[test]
    fn a_limit_that_would_be_kept_is_rounded_up() {
        assert_eq!(
            ["25.501", "0.99601", "144.2", "20"].map(|text| digits_up(text.parse().expect("a number"))),
            ["25.6", "0.9961", "145", "20.0"]
        );
    }

    #[test]
    fn a_mean_begins_at_that_of_its_first_length() {
        let mut thin = Buckets::of_at_most(16);
        thin.push(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        thin.gap(3);
        thin.push(&[0.0, 1.0]);
        let runs = runs(&thin);
        let led = |run: &Run<'_>| (0..run.all.len()).map(|place| run.mean_w(place, 4)).collect::<Vec<f64>>();
        assert_eq!((runs.len(), runs[0].gap, runs[1].gap), (2, 3, 0));
        assert_eq!(led(&runs[0]), [1.5, 1.5, 1.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]);
        assert_eq!(led(&runs[1]), [0.5, 0.5]);
    }
}
