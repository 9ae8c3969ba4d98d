//! The judge: takes the even samples of a trace, measures what the clauses name, and rules at the end.
//!
//! A limit that is broken is broken, however little the trace shows; a limit that is not broken counts as met only where the
//! sampling could have shown the break.
//!
//! Not modelled: noise of the meter (a reading is taken at its word).

use super::ruling::time;
use super::{Band, Circumstances, Clause, Limit, Outlook, Rule, Ruling, Specification, Verdict};
use crate::spectrum::flicker::{Flickermeter, SETTLE_S};
use crate::spectrum::network::{Feeder, Network};
use crate::spectrum::sampling::{Findings, Piece};
use crate::spectrum::welch::{Spectrum, Welch};
use crate::spectrum::windows::{Buckets, Change, Deviation, Range, Worst};

/// Longest segment of a spectrum, samples: 4 M samples are 32 MB, and there are some such buffers.
const LONGEST_SEGMENT: usize = 1 << 22;
/// Least rate at which flicker can be measured, Hz. A guess from the straight line between samples: it takes 0.6 % off 8.8 Hz.
const FLICKER_HZ: f64 = 200.0;
/// Samples converted to voltage at a time.
const BLOCK: usize = 4096;

/// What measures a clause.
enum Meter {
    Ramp(Change),
    Range(Range),
    Schedule(Deviation),
    Spectral { welch: usize, spans: Vec<Span> },
    VoltageStep(Change),
    VoltageRange(Range),
    Flicker(Box<Flickermeter>),
    Nothing(String),
}

/// A span's spectrum as one clause sees it.
#[derive(Clone, Copy)]
struct Span {
    at: u64,
    value: f64,
    rms_w: f64,
    hz: f64,
}

/// What a report draws.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The trace itself, W.
    pub power: Buckets,
    /// For each ramp clause: its name, its window, its stretches (in samples of the stride), the stride.
    pub ramps: Vec<(String, f64, Buckets, usize)>,
    /// Spectrum of the whole trace.
    pub whole: Option<Spectrum>,
    /// Spectrum of the span that was worst for the first clause on a spectrum.
    pub worst: Option<Spectrum>,
    /// Severity of each observation: first sample, Pst.
    pub flicker: Vec<(u64, f64)>,
}

/// Measures and rules.
pub struct Judge {
    specification: Specification,
    circumstances: Circumstances,
    meters: Vec<Meter>,
    welches: Vec<(Welch, usize, f64)>,
    feeder: Option<Feeder>,
    collapsed: bool,
    squares: Vec<f64>,
    volts: Vec<f64>,
    traces: Traces,
    worst_span: f64,
}

impl Judge {
    /// A judge of a trace whose step is known.
    #[must_use]
    pub fn new(specification: Specification, circumstances: Circumstances) -> Self {
        assert!(circumstances.step_s > 0.0, "the step of the samples is known");
        let mut judge = Self {
            feeder: feeder(&specification),
            meters: Vec::new(),
            welches: Vec::new(),
            collapsed: false,
            squares: vec![0.0; BLOCK],
            volts: vec![0.0; BLOCK],
            traces: Traces::default(),
            worst_span: f64::NEG_INFINITY,
            specification,
            circumstances,
        };
        for place in 0..judge.specification.clauses.len() {
            let meter = judge.meter(&judge.specification.clauses[place].rule.clone());
            judge.meters.push(meter);
        }
        judge
    }

    fn samples(&self, span_s: f64) -> usize {
        (libm::round(span_s / self.circumstances.step_s).max(1.0) as usize).min(1 << 40)
    }

    fn meter(&mut self, rule: &Rule) -> Meter {
        let step_s = self.circumstances.step_s;
        match rule {
            Rule::Ramp { window_s, .. } => Meter::Ramp(Change::new(self.samples(*window_s))),
            Rule::Range { window_s } => Meter::Range(Range::new(self.samples(*window_s))),
            Rule::Schedule { interval_s } => match self.circumstances.plan.clone() {
                None => Meter::Nothing("no plan was given (--plan FILE)".to_owned()),
                Some(plan) => {
                    let first_s =
                        libm::fmod(interval_s - libm::fmod(self.circumstances.clock_s, *interval_s), *interval_s);
                    let coverage = self.specification.evidence.coverage;
                    Meter::Schedule(Deviation::new(interval_s / step_s, first_s / step_s, coverage, plan))
                }
            },
            Rule::Band(band) | Rule::Component(band) => self.spectral(band),
            Rule::VoltageStep { .. } | Rule::VoltageRange { .. } | Rule::Flicker { .. } if self.feeder.is_none() => {
                let known = &self.specification;
                let missing = [
                    ("rated", known.rated_w.is_none()),
                    ("short_circuit_ratio", known.connection.short_circuit_ratio.is_none()),
                    ("x_over_r", known.connection.x_over_r.is_none()),
                ];
                let names: Vec<&str> = missing.iter().filter(|(_, open)| *open).map(|(name, _)| *name).collect();
                Meter::Nothing(format!(
                    "the network is not known: {} (in the specification, or --set {}=...)",
                    names.join(", "),
                    names.first().unwrap_or(&"rated")
                ))
            }
            Rule::VoltageStep { window_s } => Meter::VoltageStep(Change::new(self.samples(*window_s))),
            Rule::VoltageRange { window_s } => Meter::VoltageRange(Range::new(self.samples(*window_s))),
            Rule::Flicker { .. } if step_s > 1.001 / FLICKER_HZ => {
                Meter::Nothing(format!("needs {FLICKER_HZ} readings a second; one comes every {}", time(step_s)))
            }
            Rule::Flicker { lamp } => Meter::Flicker(Box::new(Flickermeter::new(*lamp, step_s))),
        }
    }

    fn spectral(&mut self, band: &Band) -> Meter {
        let need_s = 1.0 / (self.specification.evidence.readings_per_period * band.high_hz);
        if self.circumstances.step_s > 1.001 * need_s {
            return Meter::Nothing(too_slow(band, need_s, self.circumstances.step_s));
        }
        let wanted = self.samples(self.specification.evidence.periods_per_segment / band.low_hz).max(16);
        let length = wanted.next_power_of_two();
        if length > LONGEST_SEGMENT {
            return Meter::Nothing(format!(
                "a segment for {} Hz would hold {length} samples at this rate",
                band.low_hz
            ));
        }
        let known = |(_, have, window_s): &(Welch, usize, f64)| *have == length && *window_s == band.window_s;
        let welch = self.welches.iter().position(known).unwrap_or_else(|| {
            let room = self.samples(band.window_s).saturating_sub(length) / (length / 2);
            self.welches.push((Welch::new(self.circumstances.step_s, length, room as u64 + 1), length, band.window_s));
            self.welches.len() - 1
        });
        Meter::Spectral { welch, spans: Vec::new() }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Samples(even) | Piece::Spread { even, .. } => {
                even.chunks(BLOCK).for_each(|block| self.samples_in(block));
            }
            Piece::Gap(samples) => self.gap(samples),
        }
    }

    fn samples_in(&mut self, block: &[f64]) {
        self.traces.power.push(block);
        if let Some(feeder) = self.feeder {
            self.squares.clear();
            self.squares.extend(block.iter().map(|power_w| feeder.square_pu(*power_w)));
            self.collapsed |= self.squares.iter().any(|square| square.is_nan());
            self.volts.clear();
            self.volts.extend(self.squares.iter().map(|square| libm::sqrt(*square)));
        }
        let (squares, volts, flicker) = (&self.squares, &self.volts, &mut self.traces.flicker);
        for meter in &mut self.meters {
            match meter {
                Meter::Ramp(change) => change.push(block),
                Meter::Range(range) => range.push(block),
                Meter::Schedule(deviation) => deviation.push(block),
                Meter::VoltageStep(change) => change.push(volts),
                Meter::VoltageRange(range) => range.push(volts),
                Meter::Flicker(meter) => meter.push(squares, &mut |seen| flicker.push((seen.start, seen.pst))),
                Meter::Spectral { .. } | Meter::Nothing(_) => {}
            }
        }
        let mut welches = core::mem::take(&mut self.welches);
        for (place, (welch, ..)) in welches.iter_mut().enumerate() {
            welch.push(block, &mut |spectrum| self.see(place, spectrum));
        }
        self.welches = welches;
    }

    /// What each clause on this spectrum measures in one span.
    fn see(&mut self, place: usize, spectrum: &Spectrum) {
        let mut first = true;
        for (clause, meter) in self.specification.clauses.iter().zip(&mut self.meters) {
            let (Meter::Spectral { welch, spans }, Rule::Band(band) | Rule::Component(band)) = (meter, &clause.rule)
            else {
                continue;
            };
            if *welch != place {
                continue;
            }
            let most_hz = spectrum.bin_hz * spectrum.psd.len() as f64;
            let (hz, largest) = spectrum.largest(band.low_hz, band.high_hz, most_hz);
            let share = spectrum.share(band.low_hz, band.high_hz, most_hz);
            let value = if matches!(clause.rule, Rule::Band(_)) { share } else { largest };
            let rms_w = libm::sqrt(spectrum.energy(band.low_hz, band.high_hz));
            spans.push(Span { at: spectrum.start, value, rms_w, hz });
            // What the report draws as the worst is where the band moves most.
            if first && place == 0 && rms_w > self.worst_span {
                self.worst_span = rms_w;
                self.traces.worst = Some(spectrum.clone());
            }
            first = false;
        }
    }

    fn gap(&mut self, samples: u64) {
        self.traces.power.gap(samples);
        for meter in &mut self.meters {
            match meter {
                Meter::Ramp(change) | Meter::VoltageStep(change) => change.gap(samples),
                Meter::Range(range) | Meter::VoltageRange(range) => range.gap(samples),
                Meter::Schedule(deviation) => deviation.gap(samples),
                Meter::Flicker(meter) => meter.gap(samples),
                Meter::Spectral { .. } | Meter::Nothing(_) => {}
            }
        }
        for (welch, ..) in &mut self.welches {
            welch.gap(samples);
        }
    }

    /// Rules on every clause, in their order; `findings` says what the sampling was like.
    #[must_use]
    pub fn finish(mut self, findings: &Findings) -> (Outlook, Vec<Ruling>, Traces) {
        let welches = core::mem::take(&mut self.welches);
        for (place, (welch, ..)) in welches.into_iter().enumerate() {
            let whole = welch.finish(&mut |spectrum| self.see(place, spectrum));
            if place == 0 {
                self.traces.whole = whole;
            }
        }
        for meter in &mut self.meters {
            if let Meter::Schedule(deviation) = meter {
                deviation.finish();
            }
        }
        let given = self.specification.rated_w;
        let outlook = Outlook { reference_w: given.unwrap_or(findings.range_w.1), given: given.is_some() };
        let update_s = self.circumstances.update_s.unwrap_or_else(|| findings.update_s());
        let known = Known {
            interval_s: update_s.max(self.circumstances.averaging_s),
            coverage: findings.coverage(),
            outlook,
            collapsed: self.collapsed,
        };
        let mut rulings = Vec::new();
        for (clause, meter) in self.specification.clauses.iter().zip(&self.meters) {
            let measured = self.measured(clause, meter, &known);
            rulings.push(rule(clause, measured, &outlook));
            if let (Meter::Ramp(change), Rule::Ramp { window_s, .. }) = (meter, &clause.rule) {
                self.traces.ramps.push((clause.name.clone(), *window_s, change.curve.clone(), change.stride()));
            }
        }
        (outlook, rulings, self.traces)
    }

    fn measured(&self, clause: &Clause, meter: &Meter, known: &Known) -> Measured {
        let evidence = &self.specification.evidence;
        let step_s = self.circumstances.step_s;
        let at = |worst: &Worst| Some(worst.at as f64 * step_s);
        let mut out = Measured::default();
        let window_s = match clause.rule {
            Rule::Ramp { window_s, .. } | Rule::Range { window_s } => window_s,
            Rule::VoltageStep { window_s } | Rule::VoltageRange { window_s } => window_s,
            Rule::Schedule { interval_s } => interval_s,
            _ => 0.0,
        };
        // Between readings that lie further apart than the window, some window in between holds at least its part of the
        // change.
        let apart_s = known.interval_s.max(step_s);
        let parts = if apart_s > window_s * 1.001 { libm::ceil(apart_s / window_s.max(1e-9) - 1e-6) } else { 1.0 };
        match (meter, &clause.rule) {
            (Meter::Nothing(why), _) => out.blind = Some(why.clone()),
            (Meter::Ramp(change), Rule::Ramp { up, .. }) => {
                let worst = if *up { change.up } else { change.down };
                let over_s = if parts > 1.0 { window_s } else { change.window() as f64 * step_s };
                out.take(worst, worst.value.max(0.0) / parts / over_s, at(&worst));
                out.slow(known, window_s, evidence.readings_per_window);
            }
            (Meter::Range(range), _) | (Meter::VoltageRange(range), _) => {
                out.take(range.worst, range.worst.value / parts, at(&range.worst));
                out.slow(known, window_s, evidence.readings_per_window);
            }
            (Meter::VoltageStep(change), _) => {
                let worst = if change.up.value > change.down.value { change.up } else { change.down };
                out.take(worst, worst.value.max(0.0) / parts, at(&worst));
                out.slow(known, window_s, evidence.readings_per_window);
            }
            (Meter::Schedule(deviation), _) => {
                out.take(deviation.worst, deviation.worst.value, at(&deviation.worst));
                if deviation.judged == 0 {
                    out.blind = Some(format!("the plan and the trace share no whole interval of {}", time(window_s)));
                }
            }
            (Meter::Flicker(meter), _) => {
                out.take(meter.worst, meter.worst.value, at(&meter.worst));
                if known.interval_s > 1.0 / FLICKER_HZ * 1.001 {
                    out.blind = Some(format!(
                        "needs {FLICKER_HZ} readings a second; one comes every {}",
                        time(known.interval_s)
                    ));
                } else if meter.observed == 0 {
                    let need = time(crate::spectrum::flicker::OBSERVATION_S + SETTLE_S);
                    out.blind = Some(format!("needs {need} without a gap"));
                }
            }
            (Meter::Spectral { welch: _, spans }, Rule::Band(band) | Rule::Component(band)) => {
                out.spectral(spans, band, known, evidence.readings_per_period, step_s);
                if spans.is_empty() {
                    let length = self.samples(evidence.periods_per_segment / band.low_hz).max(16).next_power_of_two();
                    let need = time(length as f64 * step_s);
                    out.blind.get_or_insert(format!("{} Hz needs {need} without a gap", band.low_hz));
                }
            }
            _ => unreachable!("each rule has the meter that was made for it"),
        }
        if known.collapsed
            && matches!(clause.rule, Rule::VoltageStep { .. } | Rule::VoltageRange { .. } | Rule::Flicker { .. })
        {
            out.blind = Some("the network, as given, cannot carry the power at all".to_owned());
        }
        if out.value.is_none() && out.blind.is_none() {
            out.blind = Some(format!("the trace has no uninterrupted stretch of {}", time(window_s)));
        }
        if out.blind.is_some() {
            // A number that says nothing is not shown.
            (out.value, out.at_s, out.remark) = (None, None, String::new());
        }
        if known.coverage < evidence.coverage {
            let words = format!("only {:.2} % of the time was measured", 100.0 * known.coverage);
            out.partial.get_or_insert(words);
        }
        out
    }
}

fn too_slow(band: &Band, need_s: f64, have_s: f64) -> String {
    format!("{} Hz needs a reading every {}; one comes every {}", band.high_hz, time(need_s), time(have_s))
}

/// What all clauses are judged with.
struct Known {
    /// Time between readings that can differ, or over which one averages, s.
    interval_s: f64,
    coverage: f64,
    outlook: Outlook,
    collapsed: bool,
}

/// What came of a clause's meter.
#[derive(Default)]
struct Measured {
    value: Option<f64>,
    at_s: Option<f64>,
    remark: String,
    /// Why the value says nothing.
    blind: Option<String>,
    /// Why the true value may be larger.
    partial: Option<String>,
}

impl Measured {
    fn take(&mut self, worst: Worst, value: f64, at_s: Option<f64>) {
        if worst.found() && value.is_finite() {
            (self.value, self.at_s) = (Some(value), at_s);
        }
    }

    /// Readings too far apart for a window.
    fn slow(&mut self, known: &Known, window_s: f64, readings: f64) {
        if known.interval_s * readings > window_s * 1.001 {
            self.partial = Some(format!(
                "a window of {} needs a reading every {}; one comes every {}",
                time(window_s),
                time(window_s / readings),
                time(known.interval_s)
            ));
        }
    }

    fn spectral(&mut self, spans: &[Span], band: &Band, known: &Known, readings: f64, step_s: f64) {
        let floor_w = band.negligible * known.outlook.reference_w;
        let loud = spans.iter().filter(|span| span.rms_w > floor_w);
        let worst = loud.max_by(|a, b| a.value.total_cmp(&b.value));
        if let Some(span) = worst {
            (self.value, self.at_s) = (Some(span.value), Some(span.at as f64 * step_s));
            self.remark = format!("strongest line at {:.3} Hz", span.hz);
        } else if !spans.is_empty() {
            self.value = Some(0.0);
            self.remark = format!("less than {:.3} % of the reference moves in the band", 100.0 * band.negligible);
        }
        if known.interval_s * readings * band.high_hz > 1.001 {
            self.blind = Some(too_slow(band, 1.0 / (readings * band.high_hz), known.interval_s));
        }
    }
}

fn rule(clause: &Clause, measured: Measured, outlook: &Outlook) -> Ruling {
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
    } else if over {
        Verdict::Fail
    } else if let Some(partial) = &measured.partial {
        why.push(partial.clone());
        Verdict::NotShown
    } else {
        Verdict::Pass
    };
    if !measured.remark.is_empty() {
        why.push(measured.remark);
    }
    Ruling {
        name: clause.name.clone(),
        measure: clause.rule.words(),
        verdict,
        measured: measured.value.map(|value| value / size),
        at_least: measured.partial.is_some(),
        limit: limit.map(|limit| limit / size),
        unit,
        margin: measured.value.zip(limit).map(|(value, limit)| (limit - value) / limit),
        at_s: measured.at_s,
        why: why.join("; "),
        source: clause.source.clone(),
    }
}

fn feeder(specification: &Specification) -> Option<Feeder> {
    let connection = &specification.connection;
    let network = Network {
        short_circuit_va: connection.short_circuit_ratio? * specification.rated_w?,
        x_over_r: connection.x_over_r?,
        power_factor: connection.power_factor,
    };
    Some(network.feeder())
}
