//! The judge: takes the even samples of a trace, measures what the clauses name, and rules at the end.
//!
//! A limit that is broken is broken, however little the trace shows; a limit that is not broken counts as met only where the
//! sampling could have shown the break: readings often enough, and nearly all of the time looked at by the clause's own measure.
//!
//! Not modelled: noise of the meter (a reading is taken at its word); what moves faster than half the rate of the readings and
//! folds back into them (a meter that filters keeps it out; the trace cannot tell).

use super::measured::{Known, Measured, rule, too_slow};
use super::remedy::{self, IdealStore};
use super::ruling::time;
use super::{Band, Circumstances, Clause, Evidence, Limit, Measure, Outlook, Rule, Ruling, Specification, Verdict};
use crate::spectrum::flicker::{Flickermeter, Lamp};
use crate::spectrum::network::{Feeder, Network};
use crate::spectrum::sampling::{Findings, Piece};
use crate::spectrum::swings::{Side, Swings, Watch};
use crate::spectrum::welch::{Spectrum, Welch};
use crate::spectrum::windows::{Buckets, Change, Deviation, Worst};

/// Longest segment of a spectrum, samples: 4 M samples are 32 MB, and there are some such buffers.
const LONGEST_SEGMENT: usize = 1 << 22;
/// Least rate at which flicker can be measured, Hz. A guess from the straight line between samples: it takes 0.6 % off 8.8 Hz.
const FLICKER_HZ: f64 = 200.0;
/// Samples converted to voltage at a time.
const BLOCK: usize = 4096;

/// What measures a clause.
enum Meter {
    /// Place among the swings of power, and the side; its watch, where the limit is known beforehand.
    Swing(usize, Side, Option<usize>),
    Schedule(Deviation),
    Spectral {
        welch: usize,
        spans: Vec<Span>,
    },
    VoltageStep(Change),
    VoltageRange(usize, Option<usize>),
    /// Place among the flickermeters.
    Flicker(usize),
    Nothing(String),
}

/// A flickermeter and what it observed: first sample, Pst.
struct Flicker {
    lamp: Lamp,
    meter: Flickermeter,
    seen: Vec<(u64, f64)>,
}

/// A span's spectrum as one clause sees it.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) length: u64,
    pub(super) value: f64,
    pub(super) rms_w: f64,
    pub(super) hz: f64,
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
    /// The store with which all clauses that fail pass together, and length of the stretches on which remedies were found, s.
    pub together: Option<IdealStore>,
    /// That length; zero where no remedy was looked for.
    pub found_on_s: f64,
}

/// Measures and rules.
pub struct Judge {
    specification: Specification,
    circumstances: Circumstances,
    meters: Vec<Meter>,
    /// Swings of power and of voltage, one of each window that a clause has: its samples.
    power: Vec<(usize, Swings)>,
    voltage: Vec<(usize, Swings)>,
    welches: Vec<(Welch, usize, f64)>,
    flickers: Vec<Flicker>,
    /// Samples taken, without those of gaps.
    taken: u64,
    /// The trace in short, where remedies are asked for.
    thin: Option<Buckets>,
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
            power: Vec::new(),
            voltage: Vec::new(),
            welches: Vec::new(),
            flickers: Vec::new(),
            taken: 0,
            thin: None,
            collapsed: false,
            squares: vec![0.0; BLOCK],
            volts: vec![0.0; BLOCK],
            traces: Traces::default(),
            worst_span: f64::NEG_INFINITY,
            specification,
            circumstances,
        };
        for place in 0..judge.specification.clauses.len() {
            let clause = judge.specification.clauses[place].clone();
            let meter = judge.meter(&clause);
            judge.meters.push(meter);
        }
        judge
    }

    /// Also says what would make failed clauses pass; keeps the trace in means over equal stretches for it (16 MB).
    #[must_use]
    pub fn with_remedies(self) -> Self {
        Self { thin: Some(Buckets::of_at_most(remedy::MOST_KEPT)), ..self }
    }

    fn samples(&self, span_s: f64) -> usize {
        (libm::round(span_s / self.circumstances.step_s).max(1.0) as usize).min(1 << 40)
    }

    /// The swings of this window; a bound that is known beforehand is watched.
    fn swings(&mut self, clause: &Clause, window_s: f64, side: Side) -> (usize, Option<usize>) {
        let volts = matches!(clause.rule, Rule::VoltageRange { .. });
        let samples = self.samples(window_s);
        let limit = match clause.limit {
            Limit::Amount(limit) if matches!(clause.rule, Rule::Ramp { .. }) => {
                Some(limit * window_s.max(samples as f64 * self.circumstances.step_s))
            }
            Limit::Amount(limit) => Some(limit),
            Limit::Share(share) => self.specification.rated_w.map(|rated_w| share * rated_w),
            Limit::Open => None,
        };
        let all = if volts { &mut self.voltage } else { &mut self.power };
        let place = all.iter().position(|(have, _)| *have == samples).unwrap_or_else(|| {
            all.push((samples, Swings::new(samples)));
            all.len() - 1
        });
        (place, limit.map(|limit| all[place].1.watch(Watch::new(side, limit))))
    }

    fn meter(&mut self, clause: &Clause) -> Meter {
        let step_s = self.circumstances.step_s;
        match &clause.rule {
            Rule::Ramp { window_s, up } => {
                let side = if *up { Side::Rise } else { Side::Fall };
                let (place, watch) = self.swings(clause, *window_s, side);
                Meter::Swing(place, side, watch)
            }
            Rule::Range { window_s } => {
                let (place, watch) = self.swings(clause, *window_s, Side::Range);
                Meter::Swing(place, Side::Range, watch)
            }
            Rule::Schedule { interval_s } => match self.circumstances.plan.clone() {
                None => Meter::Nothing("no plan was given (--plan FILE)".to_owned()),
                Some(plan) => {
                    let first_s =
                        libm::fmod(interval_s - libm::fmod(self.circumstances.clock_s, *interval_s), *interval_s);
                    let coverage = self.specification.evidence.coverage;
                    Meter::Schedule(Deviation::new(interval_s / step_s, first_s / step_s, coverage, plan))
                }
            },
            Rule::Spectral { band, .. } => self.spectral(band),
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
            Rule::VoltageRange { window_s } => {
                let (place, watch) = self.swings(clause, *window_s, Side::Range);
                Meter::VoltageRange(place, watch)
            }
            Rule::Flicker { .. } if step_s > 1.001 / FLICKER_HZ => {
                Meter::Nothing(format!("needs {FLICKER_HZ} readings a second; one comes every {}", time(step_s)))
            }
            Rule::Flicker { lamp, .. } => Meter::Flicker(self.flicker(*lamp)),
        }
    }

    /// The flickermeter of this lamp; clauses on severities of one lamp share it.
    fn flicker(&mut self, lamp: Lamp) -> usize {
        self.flickers.iter().position(|own| own.lamp == lamp).unwrap_or_else(|| {
            let meter = Flickermeter::new(lamp, self.circumstances.step_s);
            self.flickers.push(Flicker { lamp, meter, seen: Vec::new() });
            self.flickers.len() - 1
        })
    }

    fn spectral(&mut self, band: &Band) -> Meter {
        let need_s = 1.0 / (self.specification.evidence.readings_per_period * band.high_hz);
        if self.circumstances.step_s > 1.001 * need_s {
            return Meter::Nothing(too_slow(band, need_s, self.circumstances.step_s));
        }
        let length = segment(band, &self.specification.evidence, self.circumstances.step_s);
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
            Piece::Samples(even) => even.chunks(BLOCK).for_each(|block| self.samples_in(block, None)),
            Piece::Spread { even, least, most } => {
                let extremes = least.chunks(BLOCK).zip(most.chunks(BLOCK));
                for (block, (least, most)) in even.chunks(BLOCK).zip(extremes) {
                    self.samples_in(block, Some((least, most)));
                }
            }
            Piece::Gap(samples) => self.gap(samples),
        }
    }

    fn samples_in(&mut self, block: &[f64], extremes: Option<(&[f64], &[f64])>) {
        self.taken += block.len() as u64;
        self.traces.power.push(block);
        if let Some(thin) = &mut self.thin {
            thin.push(block);
        }
        for (_, swings) in &mut self.power {
            match extremes {
                None => swings.push(block),
                Some((least, most)) => swings.push_spread(block, least, most),
            }
        }
        if self.feeder.is_some() {
            self.voltages_in(block, extremes);
        }
        let (squares, volts) = (&self.squares, &self.volts);
        for Flicker { meter, seen, .. } in &mut self.flickers {
            meter.push(squares, &mut |found| seen.push((found.start, found.pst)));
        }
        for meter in &mut self.meters {
            match meter {
                Meter::Schedule(deviation) => deviation.push(block),
                Meter::VoltageStep(change) => change.push(volts),
                _ => {}
            }
        }
        let mut welches = core::mem::take(&mut self.welches);
        for (place, (welch, ..)) in welches.iter_mut().enumerate() {
            welch.push(block, &mut |spectrum| self.see(place, spectrum));
        }
        self.welches = welches;
    }

    fn voltages_in(&mut self, block: &[f64], extremes: Option<(&[f64], &[f64])>) {
        let Some(feeder) = self.feeder else { return };
        self.squares.clear();
        self.squares.extend(block.iter().map(|power_w| feeder.square_pu(*power_w)));
        self.collapsed |= self.squares.iter().any(|square| square.is_nan());
        self.volts.clear();
        self.volts.extend(self.squares.iter().map(|square| libm::sqrt(*square)));
        // More power is less voltage.
        let volts_at = |power_w: &[f64]| -> Vec<f64> {
            power_w.iter().map(|power_w| libm::sqrt(feeder.square_pu(*power_w))).collect()
        };
        let extremes = extremes.map(|(least, most)| (volts_at(most), volts_at(least)));
        for (_, swings) in &mut self.voltage {
            match &extremes {
                None => swings.push(&self.volts),
                Some((least, most)) => swings.push_spread(&self.volts, least, most),
            }
        }
    }

    /// What each clause on this spectrum measures in one span.
    fn see(&mut self, place: usize, spectrum: &Spectrum) {
        let mut first = true;
        for (clause, meter) in self.specification.clauses.iter().zip(&mut self.meters) {
            let (Meter::Spectral { welch, spans }, Rule::Spectral { band, measure }) = (meter, &clause.rule) else {
                continue;
            };
            if *welch != place {
                continue;
            }
            let most_hz = spectrum.bin_hz * spectrum.psd.len() as f64;
            let (hz, square) = spectrum.line(band.low_hz, band.high_hz);
            let energy = spectrum.energy(band.low_hz, band.high_hz);
            let value = match measure {
                Measure::EnergyShare => spectrum.share(band.low_hz, band.high_hz, most_hz),
                Measure::Rms => libm::sqrt(energy),
                Measure::LineShare if energy > 0.0 => (square / energy).min(1.0),
                Measure::LineShare => 0.0,
                Measure::LineAmplitude => libm::sqrt(2.0 * square),
            };
            let rms_w = libm::sqrt(energy);
            spans.push(Span { at: spectrum.start, length: spectrum.length, value, rms_w, hz });
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
        if let Some(thin) = &mut self.thin {
            thin.gap(samples);
        }
        self.power.iter_mut().chain(&mut self.voltage).for_each(|(_, swings)| swings.gap(samples));
        for Flicker { meter, seen, .. } in &mut self.flickers {
            meter.gap(samples, &mut |found| seen.push((found.start, found.pst)));
        }
        for meter in &mut self.meters {
            match meter {
                Meter::VoltageStep(change) => change.gap(samples),
                Meter::Schedule(deviation) => deviation.gap(samples),
                _ => {}
            }
        }
        let mut welches = core::mem::take(&mut self.welches);
        for (place, (welch, ..)) in welches.iter_mut().enumerate() {
            welch.gap(samples, &mut |spectrum| self.see(place, spectrum));
        }
        self.welches = welches;
    }

    /// Ends every measure.
    fn end(&mut self) {
        let mut welches = core::mem::take(&mut self.welches);
        for (place, (welch, ..)) in welches.iter_mut().enumerate() {
            let whole = welch.finish(&mut |spectrum| self.see(place, spectrum));
            if place == 0 {
                self.traces.whole = whole;
            }
        }
        self.welches = welches;
        self.power.iter_mut().chain(&mut self.voltage).for_each(|(_, swings)| swings.finish());
        for Flicker { meter, seen, .. } in &mut self.flickers {
            meter.finish(&mut |found| seen.push((found.start, found.pst)));
        }
        self.traces.flicker = self.flickers.first().map_or_else(Vec::new, |first| first.seen.clone());
        for meter in &mut self.meters {
            if let Meter::Schedule(deviation) = meter {
                deviation.finish();
            }
        }
    }

    /// Rules on every clause, in their order; `findings` says what the sampling was like.
    #[must_use]
    pub fn finish(mut self, findings: &Findings) -> (Outlook, Vec<Ruling>, Traces) {
        self.end();
        let given = self.specification.rated_w;
        let outlook = Outlook { reference_w: given.unwrap_or(findings.range_w.1), given: given.is_some() };
        let known = Known::of(&self.circumstances, findings, outlook, self.collapsed);
        let mut rulings = Vec::new();
        for (clause, meter) in self.specification.clauses.iter().zip(&self.meters) {
            let measured = self.measured(clause, meter, &known);
            rulings.push(rule(clause, measured, &known));
            if let (Meter::Swing(place, side, _), Rule::Ramp { window_s, .. }) = (meter, &clause.rule) {
                let swings = &self.power[*place].1;
                let curve = if *side == Side::Rise { &swings.curves.0 } else { &swings.curves.1 };
                self.traces.ramps.push((clause.name.clone(), *window_s, curve.clone(), swings.stride()));
            }
        }
        self.remedies(outlook, &mut rulings);
        (outlook, rulings, self.traces)
    }

    fn remedies(&mut self, outlook: Outlook, rulings: &mut [Ruling]) {
        let Some(thin) = &self.thin else { return };
        self.traces.found_on_s = thin.size as f64 * self.circumstances.step_s;
        if rulings.iter().all(|ruling| ruling.verdict != Verdict::Fail) {
            return;
        }
        let kept = remedy::Kept::new(thin, &self.specification, outlook, self.circumstances.step_s);
        let deviations: Vec<Option<(f64, Vec<f64>)>> = self
            .specification
            .clauses
            .iter()
            .zip(&self.meters)
            .map(|(clause, meter)| match (meter, &clause.rule) {
                (Meter::Schedule(deviation), Rule::Schedule { interval_s }) => {
                    (deviation.off.len() < Deviation::MOST_KEPT).then(|| (*interval_s, deviation.off.clone()))
                }
                _ => None,
            })
            .collect();
        self.traces.together = remedy::remedies(&kept, rulings, &deviations);
    }

    fn measured(&self, clause: &Clause, meter: &Meter, known: &Known) -> Measured {
        let evidence = &self.specification.evidence;
        let step_s = self.circumstances.step_s;
        let mut out = Measured::default();
        match (meter, &clause.rule) {
            (Meter::Nothing(why), _) => out.blind = Some(why.clone()),
            (Meter::Swing(place, side, watch), Rule::Ramp { window_s, .. } | Rule::Range { window_s }) => {
                let swings = &self.power[*place].1;
                let worst = [swings.up, swings.down, swings.range][*side as usize];
                // A ramp is what happens inside the window over the window.
                let over_s = match clause.rule {
                    Rule::Ramp { .. } => window_s.max(swings.window() as f64 * step_s),
                    _ => 1.0,
                };
                out.inside(worst, over_s, *window_s, known, evidence.readings_per_window, step_s);
                out.covers(swings, *window_s, step_s);
                out.watched(swings, *watch);
            }
            (Meter::VoltageRange(place, watch), Rule::VoltageRange { window_s }) => {
                let swings = &self.voltage[*place].1;
                out.inside(swings.range, 1.0, *window_s, known, evidence.readings_per_window, step_s);
                out.covers(swings, *window_s, step_s);
                out.watched(swings, *watch);
            }
            (Meter::VoltageStep(change), Rule::VoltageStep { window_s }) => {
                let worst = if change.up.value > change.down.value { change.up } else { change.down };
                let worst = if worst.found() { Worst { value: worst.value.max(0.0), ..worst } } else { worst };
                out.inside(worst, 1.0, *window_s, known, evidence.readings_per_window, step_s);
            }
            (Meter::Schedule(deviation), Rule::Schedule { interval_s }) => {
                out.take(deviation.worst, deviation.worst.value, step_s);
                let (judged, whole) = (deviation.judged, deviation.whole);
                if judged == 0 {
                    out.blind =
                        Some(format!("the plan and the trace share no whole interval of {}", time(*interval_s)));
                } else {
                    out.remark = format!("{judged} of {whole} whole intervals judged");
                    if (judged as f64) < evidence.coverage * whole as f64 {
                        out.doubt("plan and measured trace cover too few of them".to_owned());
                    }
                }
            }
            (Meter::Flicker(place), Rule::Flicker { severity, .. }) => {
                let Flicker { meter, seen, .. } = &self.flickers[*place];
                out.flicker(meter, seen, *severity, step_s);
                if known.interval_s > 1.0 / FLICKER_HZ * 1.001 {
                    let have = time(known.interval_s);
                    out.blind = Some(format!("needs {FLICKER_HZ} readings a second; one comes every {have}"));
                }
                out.looked_at(meter.judged(), self.taken, evidence.coverage);
                out.sensor(known);
            }
            (Meter::Spectral { welch, spans }, Rule::Spectral { band, measure }) => {
                out.spectral(spans, band, *measure, known, evidence.readings_per_period, step_s);
                if spans.is_empty() {
                    let need = time(self.welches[*welch].1 as f64 * step_s);
                    out.blind.get_or_insert(format!("{} Hz needs {need} without a gap", band.low_hz));
                }
                out.looked_at(self.welches[*welch].0.judged(), self.taken, evidence.coverage);
            }
            _ => unreachable!("each rule has the meter that was made for it"),
        }
        out.whole(clause, known, evidence.coverage)
    }
}

impl Specification {
    /// Shortest stretch without a gap, sampled every `step_s`, that can show a clause, s; `None` where no length does: a plan
    /// or the network is missing, or the sampling is too slow.
    #[must_use]
    pub fn shown_from_s(&self, clause: &Clause, step_s: f64) -> Option<f64> {
        let evidence = &self.evidence;
        match &clause.rule {
            Rule::Ramp { window_s, .. } | Rule::Range { window_s } => Some(*window_s),
            Rule::Schedule { .. } => None,
            Rule::Spectral { band, .. } => {
                let quick = step_s * evidence.readings_per_period * band.high_hz <= 1.001;
                let length = segment(band, evidence, step_s);
                (quick && length <= LONGEST_SEGMENT).then_some(length as f64 * step_s)
            }
            _ if feeder(self).is_none() => None,
            Rule::VoltageStep { window_s } | Rule::VoltageRange { window_s } => Some(*window_s),
            Rule::Flicker { severity, .. } => (step_s <= 1.001 / FLICKER_HZ).then(|| severity.needs_s()),
        }
    }
}

/// Samples of a segment of a spectrum that shows this band.
fn segment(band: &Band, evidence: &Evidence, step_s: f64) -> usize {
    let wanted = libm::round(evidence.periods_per_segment / band.low_hz / step_s).clamp(16.0, (1_u64 << 40) as f64);
    (wanted as usize).next_power_of_two()
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
