//! Flickermeter after IEC 61000-4-15, edition 2: from voltage to the sensation at an instant and to Pst over ten minutes.
//!
//! The blocks of the standard: (1) the voltage is set against its own slow mean, (2) squared, (3) passed through a high pass at
//! 0.05 Hz, a low pass of sixth order and the lamp-eye filter, (4) squared and smoothed over 0.3 s, (5) classified.
//!
//! Not modelled: the carrier. The square of the envelope is what the low pass of block 3 leaves of a squared mains voltage;
//! what mixes with twice the mains frequency (modulation above 20 to 30 Hz with sharp edges) is not seen.

use super::windows::Worst;
use core::f64::consts::{PI, TAU};

/// Length of an observation, s (IEC 61000-4-15: Pst is over ten minutes).
pub const OBSERVATION_S: f64 = 600.0;
/// Time for which the filters settle before anything is classified, s: on the first so many seconds, played backwards, so that
/// they too are judged. A guess: six time constants of the high pass (3.2 s) are 19 s; the input's own mean settles with
/// 27.3 s but starts at the first value.
pub const SETTLE_S: f64 = 30.0;
/// Time for which a kink in the voltage is felt, s: ten time constants of the smoothing.
const TURN_S: f64 = 3.0;
/// Parts of an observation that are kept apart, so that a last one can end where a stretch ends.
const PARTS: usize = 60;
/// Least rate at which the filters run, Hz. A guess: the bilinear transform bends 25 Hz by 0.3 % there.
const LEAST_RATE_HZ: f64 = 800.0;
/// Time constant of the input's own mean, s (IEC 61000-4-15: 10 to 90 % of a step in one minute).
const MEAN_S: f64 = 27.3;
/// Time constant of the smoothing, s (IEC 61000-4-15).
const SMOOTH_S: f64 = 0.3;
/// Frequency at which the meter is scaled to one, Hz (IEC 61000-4-15, tables 1 and 2: the most sensitive).
const SCALE_HZ: f64 = 8.8;
/// Classes per doubling of the sensation.
const CLASSES_PER_OCTAVE_BITS: u32 = 8;
/// Lowest and highest sensation that has a class of its own: 2^-30 and 2^30.
const OCTAVES: i64 = 30;
/// All classes.
const CLASSES: usize = (2 * OCTAVES as usize) << CLASSES_PER_OCTAVE_BITS;

/// The lamp and the mains that the weighting stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// 60 W incandescent at 230 V, 50 Hz.
    V230Hz50,
    /// 60 W incandescent at 120 V, 60 Hz.
    V120Hz60,
}

/// What IEC 61000-4-15 gives for a lamp.
struct Weighting {
    gain: f64,
    lambda: f64,
    omega: [f64; 4],
    low_pass_hz: f64,
    /// Sinusoidal change at 8.8 Hz that is just perceived, share of the voltage.
    perceived: f64,
}

impl Lamp {
    fn weighting(self) -> Weighting {
        match self {
            Self::V230Hz50 => Weighting {
                gain: 1.748_02,
                lambda: TAU * 4.059_81,
                omega: [TAU * 9.154_94, TAU * 2.279_79, TAU * 1.225_35, TAU * 21.9],
                low_pass_hz: 35.0,
                perceived: 0.002_50,
            },
            Self::V120Hz60 => Weighting {
                gain: 1.635_7,
                lambda: TAU * 4.167_375,
                omega: [TAU * 9.077_169, TAU * 2.939_902, TAU * 1.394_468, TAU * 17.315_12],
                low_pass_hz: 42.0,
                perceived: 0.003_21,
            },
        }
    }

    /// As a specification writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V230Hz50 => "230 V 50 Hz",
            Self::V120Hz60 => "120 V 60 Hz",
        }
    }
}

/// A section of second order, transposed direct form II.
#[derive(Clone, Copy, Debug)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
    z: [f64; 2],
}

impl Section {
    /// Bilinear transform of (b2 s² + b1 s + b0) / (a2 s² + a1 s + a0); `twice` is the substitution's factor.
    fn bilinear(b: [f64; 3], a: [f64; 3], twice: f64) -> Self {
        let square = twice * twice;
        let spread = |c: [f64; 3]| {
            [c[2] * square + c[1] * twice + c[0], 2.0 * (c[0] - c[2] * square), c[2] * square - c[1] * twice + c[0]]
        };
        let (b, a) = (spread(b), spread(a));
        Self { b: [b[0] / a[0], b[1] / a[0], b[2] / a[0]], a: [a[1] / a[0], a[2] / a[0]], z: [0.0; 2] }
    }

    fn step(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.z[0];
        self.z[0] = self.b[1] * x - self.a[0] * y + self.z[1];
        self.z[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// Size of the response at an angle per sample.
    fn size(&self, angle: f64) -> f64 {
        let (s1, c1) = libm::sincos(angle);
        let (s2, c2) = libm::sincos(2.0 * angle);
        let top = libm::hypot(self.b[0] + self.b[1] * c1 + self.b[2] * c2, self.b[1] * s1 + self.b[2] * s2);
        top / libm::hypot(1.0 + self.a[0] * c1 + self.a[1] * c2, self.a[0] * s1 + self.a[1] * s2)
    }
}

/// Severity over one observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Short-term severity.
    pub pst: f64,
    /// Greatest sensation at an instant, in units of what is just perceived.
    pub instant_max: f64,
    /// First sample of the observation.
    pub start: u64,
}

/// The meter: takes squares of the voltage, yields an observation every ten minutes.
#[derive(Clone, Debug)]
pub struct Flickermeter {
    sections: [Section; 6],
    scale: f64,
    smooth: f64,
    mean_step: f64,
    /// Filter steps per sample, or samples per filter step.
    up: usize,
    down: usize,
    gathered: f64,
    gathered_count: usize,
    mean: f64,
    last: Option<f64>,
    sensation: f64,
    /// Counts of the part in progress, and of the last [`PARTS`] that were whole.
    classes: Vec<u32>,
    parts: Vec<Vec<u32>>,
    part_max: [f64; PARTS],
    /// What the filters settle on: the first seconds of a stretch.
    first: Vec<f64>,
    settled: bool,
    settle: usize,
    turn: usize,
    per_part: u64,
    /// Values classified in this stretch.
    classified: u64,
    /// First sample of the stretch; samples per value classified.
    stretch: u64,
    per_value: f64,
    judged: u64,
    next: u64,
    /// Observation with the greatest severity.
    pub worst: Worst,
    /// Observations that were whole.
    pub observed: u64,
}

impl Flickermeter {
    /// For samples every `step_s`.
    #[must_use]
    pub fn new(lamp: Lamp, step_s: f64) -> Self {
        let rate_hz = 1.0 / step_s;
        let up = libm::ceil(LEAST_RATE_HZ / rate_hz - 1e-9).max(1.0) as usize;
        let down = libm::floor(rate_hz / (2.0 * LEAST_RATE_HZ)).max(1.0) as usize;
        let rate_hz = rate_hz * up as f64 / down as f64;
        let given = lamp.weighting();
        let twice = 2.0 * rate_hz;
        let [w1, w2, w3, w4] = given.omega;
        // The low pass bends its frequency scale so that its corner stays where it is.
        let corner = TAU * given.low_pass_hz;
        let bent = corner / libm::tan(PI * given.low_pass_hz / rate_hz);
        let low_pass = |degrees: f64| {
            let damping = 2.0 * libm::cos(degrees * PI / 180.0);
            Section::bilinear([corner * corner, 0.0, 0.0], [corner * corner, damping * corner, 1.0], bent)
        };
        let sections = [
            Section::bilinear([0.0, 1.0, 0.0], [TAU * 0.05, 1.0, 0.0], twice),
            low_pass(15.0),
            low_pass(45.0),
            low_pass(75.0),
            Section::bilinear([0.0, given.gain * w1, 0.0], [w1 * w1, 2.0 * given.lambda, 1.0], twice),
            Section::bilinear([1.0, 1.0 / w2, 0.0], [1.0, 1.0 / w3 + 1.0 / w4, 1.0 / (w3 * w4)], twice),
        ];
        // A change of d peak to peak becomes an amplitude of d behind the square; its square swings between nothing and
        // its double, of which the smoothing leaves a ripple. The peak of that is one by definition.
        let size: f64 = sections.iter().map(|section| section.size(TAU * SCALE_HZ / rate_hz)).product();
        let amplitude = given.perceived * size;
        let ripple = 1.0 / libm::hypot(1.0, 2.0 * TAU * SCALE_HZ * SMOOTH_S);
        Self {
            sections,
            scale: 1.0 / (0.5 * amplitude * amplitude * (1.0 + ripple)),
            smooth: 1.0 - libm::exp(-1.0 / (rate_hz * SMOOTH_S)),
            mean_step: 1.0 - libm::exp(-1.0 / (rate_hz * MEAN_S)),
            up,
            down,
            gathered: 0.0,
            gathered_count: 0,
            mean: 1.0,
            last: None,
            sensation: 0.0,
            classes: vec![0; CLASSES],
            parts: vec![vec![0; CLASSES]; PARTS],
            part_max: [0.0; PARTS],
            first: Vec::new(),
            settled: false,
            settle: libm::round(SETTLE_S * rate_hz) as usize,
            turn: libm::round(TURN_S * rate_hz) as usize,
            per_part: libm::round(OBSERVATION_S * rate_hz / PARTS as f64).max(1.0) as u64,
            classified: 0,
            stretch: 0,
            per_value: down as f64 / up as f64,
            judged: 0,
            next: 0,
            worst: Worst { value: f64::NEG_INFINITY, at: 0 },
            observed: 0,
        }
    }

    /// Takes squares of the voltage, per unit; `each` sees every whole observation.
    pub fn push(&mut self, squares: &[f64], each: &mut impl FnMut(&Observation)) {
        for square in squares {
            self.next += 1;
            if self.down > 1 {
                self.gathered += square;
                self.gathered_count += 1;
                if self.gathered_count == self.down {
                    let mean = self.gathered / self.down as f64;
                    (self.gathered, self.gathered_count) = (0.0, 0);
                    self.filter(mean, each);
                }
                continue;
            }
            if self.up == 1 {
                self.filter(*square, each);
                continue;
            }
            // Between samples the voltage goes straight.
            let from = self.last.unwrap_or(*square);
            for part in 1..=self.up {
                self.filter(from + (square - from) * part as f64 / self.up as f64, each);
            }
            self.last = Some(*square);
        }
    }

    /// The next value at the filters' own rate. The first seconds are kept until the filters have settled on them, backwards.
    fn filter(&mut self, square: f64, each: &mut impl FnMut(&Observation)) {
        if self.settled {
            self.sense(square);
            self.classify(each);
            return;
        }
        self.first.push(square);
        if self.first.len() == self.settle {
            self.settled = true;
            let first = core::mem::take(&mut self.first);
            self.stand(first[first.len() - 1]);
            // Where the direction turns there is a kink that no load made: what is felt of it is not classified. The
            // seconds before the turn are, on the way back, in place of those after it.
            let turn = self.turn.min(first.len());
            for (place, square) in first.iter().enumerate().rev() {
                self.sense(*square);
                if place < turn {
                    self.classify(each);
                }
            }
            first[..turn].iter().for_each(|square| self.sense(*square));
            for square in &first[turn..] {
                self.sense(*square);
                self.classify(each);
            }
        }
    }

    /// As if this value had stood for ever, so that nothing steps at the beginning.
    fn stand(&mut self, square: f64) {
        self.mean = square;
        let mut constant = 1.0;
        for section in &mut self.sections {
            section.z[1] = section.b[2] * constant;
            let gain = (section.b[0] + section.b[1] + section.b[2]) / (1.0 + section.a[0] + section.a[1]);
            section.z[1] -= section.a[1] * gain * constant;
            section.z[0] = gain * constant - section.b[0] * constant;
            constant *= gain;
        }
    }

    fn sense(&mut self, square: f64) {
        self.mean += (square - self.mean) * self.mean_step;
        let mut x = square / self.mean;
        for section in &mut self.sections {
            x = section.step(x);
        }
        self.sensation += (x * x - self.sensation) * self.smooth;
    }

    fn classify(&mut self, each: &mut impl FnMut(&Observation)) {
        let sensation = self.sensation * self.scale;
        let place = (self.classified / self.per_part % PARTS as u64) as usize;
        let before = if self.classified.is_multiple_of(self.per_part) { 0.0 } else { self.part_max[place] };
        self.part_max[place] = before.max(sensation);
        self.classes[class(sensation)] += 1;
        self.classified += 1;
        if self.classified.is_multiple_of(self.per_part) {
            core::mem::swap(&mut self.parts[place], &mut self.classes);
            self.classes.fill(0);
            if place + 1 == PARTS {
                self.observe(each);
            }
        }
    }

    /// The last ten minutes; up to one part longer where they do not end with one.
    fn observe(&mut self, each: &mut impl FnMut(&Observation)) {
        let mut all = self.classes.clone();
        for part in &self.parts {
            all.iter_mut().zip(part).for_each(|(sum, count)| *sum += count);
        }
        let values: u64 = all.iter().map(|count| u64::from(*count)).sum();
        let start = self.stretch + ((self.classified - values) as f64 * self.per_value) as u64;
        let instant_max = self.part_max.iter().copied().fold(0.0, f64::max);
        let found = Observation { pst: severity(&all, values), instant_max, start };
        self.observed += 1;
        if found.pst > self.worst.value {
            self.worst = Worst { value: found.pst, at: start };
        }
        each(&found);
    }

    /// Samples that an observation held.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// Ends a stretch with an observation that reaches up to its end, if it is ten minutes long.
    fn end(&mut self, each: &mut impl FnMut(&Observation)) {
        let per_observation = self.per_part * PARTS as u64;
        if self.classified >= per_observation {
            if !self.classified.is_multiple_of(per_observation) {
                self.observe(each);
            }
            self.judged += self.next - self.stretch;
        }
        self.classes.fill(0);
        self.parts.iter_mut().for_each(|part| part.fill(0));
        (self.classified, self.part_max, self.sensation, self.last) = (0, [0.0; PARTS], 0.0, None);
        (self.gathered, self.gathered_count, self.settled) = (0.0, 0, false);
        self.first.clear();
    }

    /// Passes over so many samples that were not measured: the filters settle again behind them.
    pub fn gap(&mut self, samples: u64, each: &mut impl FnMut(&Observation)) {
        self.end(each);
        self.next += samples;
        self.stretch = self.next;
    }

    /// Ends the trace.
    pub fn finish(&mut self, each: &mut impl FnMut(&Observation)) {
        self.end(each);
        self.stretch = self.next;
    }
}

/// Pst = √(0.0314 P0.1 + 0.0525 P1s + 0.0657 P3s + 0.28 P10s + 0.08 P50s), IEC 61000-4-15, 5.7.2 (T-WAVE-04, 05).
fn severity(classes: &[u32], values: u64) -> f64 {
    let p = |percent: f64| exceeded(classes, values, percent / 100.0);
    let p50 = (p(30.0) + p(50.0) + p(80.0)) / 3.0;
    let p10 = (p(6.0) + p(8.0) + p(10.0) + p(13.0) + p(17.0)) / 5.0;
    let p3 = (p(2.2) + p(3.0) + p(4.0)) / 3.0;
    let p1 = (p(0.7) + p(1.0) + p(1.5)) / 3.0;
    libm::sqrt(0.0314 * p(0.1) + 0.0525 * p1 + 0.0657 * p3 + 0.28 * p10 + 0.08 * p50)
}

/// Observations of a long-term severity, and the fewest of which 95 % can be told.
pub const LONG: usize = 12;
/// Fewest.
pub const FEWEST_95: usize = 20;

/// Observations (first sample, Pst) that lie behind one another: one that reaches back over the last, at the end of a stretch,
/// is left out. `apart` is their length in samples.
fn apart(seen: &[(u64, f64)], apart: f64) -> Vec<(u64, f64)> {
    let mut all: Vec<(u64, f64)> = Vec::with_capacity(seen.len());
    for (at, pst) in seen {
        if all.last().is_none_or(|(last, _)| at.saturating_sub(*last) as f64 >= 0.999 * apart) {
            all.push((*at, *pst));
        }
    }
    all
}

/// Greatest long-term severity, and where its two hours begin: Plt = ∛(Σ Pst³ / 12) of twelve observations behind one another
/// without a gap, IEC 61000-4-15, 5.8.
#[must_use]
pub fn long_term(seen: &[(u64, f64)], length: f64) -> Option<(f64, u64)> {
    let all = apart(seen, length);
    let runs =
        all.windows(LONG).filter(|run| (run[LONG - 1].0 - run[0].0) as f64 <= 1.001 * length * (LONG - 1) as f64);
    let plt = |run: &[(u64, f64)]| libm::cbrt(run.iter().map(|(_, pst)| pst * pst * pst).sum::<f64>() / LONG as f64);
    runs.map(|run| (plt(run), run[0].0)).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Severity that 95 % of the observations do not exceed, where there are enough of them, and how many there are.
#[must_use]
pub fn not_exceeded_95(seen: &[(u64, f64)], length: f64) -> Option<(f64, usize)> {
    let mut all: Vec<f64> = apart(seen, length).into_iter().map(|(_, pst)| pst).collect();
    all.sort_by(f64::total_cmp);
    let place = libm::ceil(0.95 * all.len() as f64) as usize;
    (all.len() >= FEWEST_95).then(|| (all[place - 1], all.len()))
}

/// Sensation that is exceeded for a share of the time; straight inside a class.
fn exceeded(classes: &[u32], values: u64, share: f64) -> f64 {
    let mut left = share * values as f64;
    for (place, count) in classes.iter().enumerate().rev() {
        let count = f64::from(*count);
        if count > 0.0 && left <= count {
            let (low, high) = (bound(place), bound(place + 1));
            return high - (high - low) * left / count;
        }
        left -= count;
    }
    0.0
}

/// Class of a sensation: exponent and first bits of its binary form, so that no logarithm is needed.
fn class(sensation: f64) -> usize {
    let shift = 52 - CLASSES_PER_OCTAVE_BITS;
    let first = (1023 - OCTAVES) << CLASSES_PER_OCTAVE_BITS;
    let place = (sensation.to_bits() >> shift) as i64 - first;
    place.clamp(0, CLASSES as i64 - 1) as usize
}

/// Lower bound of a class.
fn bound(place: usize) -> f64 {
    let first = ((1023 - OCTAVES) << CLASSES_PER_OCTAVE_BITS) as u64;
    f64::from_bits((first + place as u64) << (52 - CLASSES_PER_OCTAVE_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_narrow_and_in_order() {
        for sensation in [1e-6, 0.3, 1.0, 7.5, 900.0] {
            let place = class(sensation);
            assert!(bound(place) <= sensation && sensation < bound(place + 1));
            assert!(bound(place + 1) / bound(place) < 1.005);
        }
        assert_eq!((class(0.0), class(f64::INFINITY)), (0, CLASSES - 1));
    }

    #[test]
    fn two_hours_make_a_long_term_severity_and_a_gap_makes_none() {
        // Eleven observations of 0.5 and one of 2: the cube root of (11 / 8 + 8) / 12. The last reaches back over the one before.
        let length = 600.0;
        let mut seen: Vec<(u64, f64)> = (0..12).map(|i| (600 * i, if i == 4 { 2.0 } else { 0.5 })).collect();
        seen.push((6_900, 9.0));
        let (plt, at) = long_term(&seen, length).expect("two hours");
        assert!((plt - libm::cbrt((11.0 / 8.0 + 8.0) / 12.0)).abs() < 1e-12 && at == 0, "{plt} {at}");
        let broken: Vec<(u64, f64)> =
            seen.iter().map(|(at, pst)| (if *at > 3000 { at + 60 } else { *at }, *pst)).collect();
        assert_eq!(long_term(&broken, length), None);
        assert_eq!(not_exceeded_95(&seen, length), None);
        let many: Vec<(u64, f64)> = (0..40).map(|i| (600 * i, i as f64)).collect();
        // 38 of 40 are at most the 38th.
        assert_eq!(not_exceeded_95(&many, length), Some((37.0, 40)));
    }

    #[test]
    fn a_constant_voltage_is_not_felt_from_the_first_sample_on() {
        let mut meter = Flickermeter::new(Lamp::V230Hz50, 0.001);
        let mut found = Vec::new();
        meter.push(&vec![0.9; 700_000], &mut |seen| found.push(*seen));
        assert_eq!(found.len(), 1);
        assert!(found[0].instant_max < 1e-9, "{found:?}");
    }
}
