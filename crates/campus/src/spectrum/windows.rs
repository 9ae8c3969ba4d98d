//! Measures over windows: change between the ends of a sliding one, mean of intervals against a plan.
//!
//! A window of more than 4,096 samples is looked at through that many buckets: their means.
//!
//! Not modelled: a meter's own averaging; what a utility's meter would have shown is what was recorded.

/// Most buckets that a window is kept in. A guess: a window then reads long by at most 1 in 4,096.
pub(super) const MOST_BUCKETS: usize = 4096;

/// A greatest value and when it occurred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// The value; below zero or zero where nothing was found.
    pub value: f64,
    /// Number of the sample, counted from the start of the trace.
    pub at: u64,
}

impl Worst {
    pub(super) const NONE: Self = Self { value: f64::NEG_INFINITY, at: 0 };

    /// Whether anything was measured.
    #[must_use]
    pub fn found(&self) -> bool {
        self.value > f64::NEG_INFINITY
    }
}

/// Least, greatest, sum and count of a stretch.
pub type Bucket = (f64, f64, f64, u64);

/// Least, mean and greatest of equal stretches of a trace: at most so many, merged in pairs as the trace grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Samples of each stretch.
    pub size: u64,
    /// Least, greatest, sum and count of each; the last may be short. A count of zero is a hole.
    pub all: Vec<Bucket>,
    left: u64,
    most: usize,
}

impl Default for Buckets {
    fn default() -> Self {
        Self::of_at_most(Self::MOST)
    }
}

impl Buckets {
    /// Most stretches that are kept: about as many as a screen has columns.
    pub const MOST: usize = 2048;
    const EMPTY: Bucket = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0);

    /// Nothing taken yet; at most so many stretches, an even number.
    #[must_use]
    pub fn of_at_most(most: usize) -> Self {
        Self { size: 1, all: Vec::new(), left: 0, most }
    }

    /// Takes the next values.
    pub fn push(&mut self, block: &[f64]) {
        let mut rest = block;
        while !rest.is_empty() {
            self.open();
            let (now, later) = rest.split_at((self.left as usize).min(rest.len()));
            self.left -= now.len() as u64;
            if let Some(last) = self.all.last_mut() {
                for x in now {
                    *last = (smaller(last.0, *x), larger(last.1, *x), last.2 + x, last.3 + 1);
                }
            }
            rest = later;
        }
    }

    /// Leaves a hole.
    pub fn gap(&mut self, samples: u64) {
        let mut rest = samples;
        while rest > 0 {
            self.open();
            let now = self.left.min(rest);
            (self.left, rest) = (self.left - now, rest - now);
        }
    }

    fn open(&mut self) {
        if self.left > 0 {
            return;
        }
        if self.all.len() == self.most {
            let pair = |p: &[Bucket]| (p[0].0.min(p[1].0), p[0].1.max(p[1].1), p[0].2 + p[1].2, p[0].3 + p[1].3);
            self.all = self.all.chunks_exact(2).map(pair).collect();
            self.size *= 2;
        }
        self.all.push(Self::EMPTY);
        self.left = self.size;
    }
}

/// Greatest rise and fall between the two ends of a sliding window: a change that stays. [`Swings`](super::swings::Swings) sees also what has come
/// back before the window ends.
///
/// Change over window w: x(t + w) - x(t).
#[derive(Clone, Debug)]
pub struct Change {
    stride: usize,
    ring: Vec<f64>,
    place: usize,
    held: usize,
    sum: f64,
    summed: usize,
    next: u64,
    means: Vec<f64>,
    rises: Vec<f64>,
    /// Greatest rise.
    pub up: Worst,
    /// Greatest fall, as a positive number.
    pub down: Worst,
}

impl Change {
    /// For windows of so many samples, at least one.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let stride = window.div_ceil(MOST_BUCKETS).max(1);
        Self {
            stride,
            ring: vec![0.0; (window / stride).max(1)],
            place: 0,
            held: 0,
            sum: 0.0,
            summed: 0,
            next: 0,
            means: Vec::new(),
            rises: Vec::new(),
            up: Worst::NONE,
            down: Worst::NONE,
        }
    }

    /// Samples between the two ends, as kept.
    #[must_use]
    pub fn window(&self) -> usize {
        self.ring.len() * self.stride
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        if self.stride == 1 {
            self.take(block);
            return;
        }
        let mut means = core::mem::take(&mut self.means);
        means.clear();
        let first = self.next;
        for x in block {
            self.sum += x;
            self.summed += 1;
            if self.summed == self.stride {
                means.push(self.sum / self.stride as f64);
                (self.sum, self.summed) = (0.0, 0);
            }
        }
        self.take(&means);
        self.means = means;
        self.next = first + block.len() as u64;
    }

    /// The rises of a block at once, in pieces that do not run over the end of the ring.
    fn take(&mut self, block: &[f64]) {
        let mut rest = block;
        while !rest.is_empty() {
            let room = self.ring.len() - self.place;
            let (now, later) = rest.split_at(room.min(rest.len()));
            let old = &mut self.ring[self.place..self.place + now.len()];
            self.rises.clear();
            self.rises.extend(now.iter().zip(old.iter()).map(|(x, old)| x - old));
            old.copy_from_slice(now);
            self.place = (self.place + now.len()) % self.ring.len();
            // The first window has no beginning yet.
            let fresh = (self.ring.len() - self.held).min(now.len());
            self.held += fresh;
            let rises = &self.rises[fresh..];
            let most = rises.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let least = rises.iter().copied().fold(f64::INFINITY, f64::min);
            let at = |value: f64| {
                let place = rises.iter().position(|rise| *rise == value).unwrap_or(0);
                self.next + ((fresh + place + 1) * self.stride) as u64
            };
            if most > self.up.value {
                self.up = Worst { value: most, at: at(most) };
            }
            if -least > self.down.value && !rises.is_empty() {
                self.down = Worst { value: -least, at: at(least) };
            }
            self.next += (now.len() * self.stride) as u64;
            rest = later;
        }
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        (self.place, self.held, self.sum, self.summed) = (0, 0, 0.0, 0);
        self.next += samples;
    }
}

pub(super) fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// What was planned: from each instant on, so much, until the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Instants in samples from the start of the trace (fractions allowed), rising, each with its power, W.
    pub steps: Vec<(f64, f64)>,
    /// The plan ends here, samples from the start of the trace.
    pub end: f64,
}

impl Plan {
    /// Mean over [from, to) in samples; `None` where the plan does not cover it.
    fn mean(&self, from: f64, to: f64) -> Option<f64> {
        if self.steps.first().is_none_or(|(at, _)| *at > from) || to > self.end {
            return None;
        }
        let first = self.steps.partition_point(|(at, _)| *at <= from) - 1;
        let mut sum = 0.0;
        for (place, (at, power_w)) in self.steps.iter().enumerate().skip(first) {
            if *at >= to {
                break;
            }
            let until = self.steps.get(place + 1).map_or(self.end, |(next, _)| *next);
            sum += power_w * (until.min(to) - at.max(from));
        }
        Some(sum / (to - from))
    }
}

/// Greatest difference between the mean of an interval and the mean that was planned for it.
#[derive(Clone, Debug)]
pub struct Deviation {
    interval: f64,
    offset: f64,
    coverage: f64,
    plan: Plan,
    number: u64,
    sum: f64,
    count: u64,
    next: u64,
    /// Greatest deviation up or down, and where its interval began.
    pub worst: Worst,
    /// Intervals judged.
    pub judged: u64,
    /// Of each interval judged, the mean less what was planned; at most [`Self::MOST_KEPT`].
    pub off: Vec<f64>,
    /// Whole intervals between the trace's first and last sample.
    pub whole: u64,
}

impl Deviation {
    /// Most deviations that are kept: ten years of intervals of five minutes.
    pub const MOST_KEPT: usize = 1 << 20;

    /// `interval` and `offset` (of the first boundary) in samples; an interval counts where `coverage` of it was measured.
    #[must_use]
    pub fn new(interval: f64, offset: f64, coverage: f64, plan: Plan) -> Self {
        Self {
            interval,
            offset,
            coverage,
            plan,
            number: 0,
            sum: 0.0,
            count: 0,
            next: 0,
            worst: Worst::NONE,
            judged: 0,
            off: Vec::new(),
            whole: 0,
        }
    }

    fn end(&self) -> f64 {
        self.offset + self.interval * self.number as f64
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        let mut rest = block;
        while !rest.is_empty() {
            let here = self.next as f64;
            if here >= self.end() {
                self.close();
                continue;
            }
            let room = libm::ceil(self.end() - here) as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.sum += now.iter().sum::<f64>();
            self.count += now.len() as u64;
            self.next += now.len() as u64;
            rest = later;
        }
    }

    fn close(&mut self) {
        let (from, to) = (self.end() - self.interval, self.end());
        self.whole += u64::from(from >= -0.5);
        if self.count as f64 >= self.coverage * self.interval
            && let Some(planned_w) = self.plan.mean(from, to)
        {
            let signed_w = self.sum / self.count as f64 - planned_w;
            let off_w = signed_w.abs();
            self.judged += 1;
            if self.off.len() < Self::MOST_KEPT {
                self.off.push(signed_w);
            }
            if off_w > self.worst.value {
                self.worst = Worst { value: off_w, at: from.max(0.0) as u64 };
            }
        }
        (self.sum, self.count) = (0.0, 0);
        self.number += 1;
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        let target = self.next + samples;
        while self.end() <= target as f64 {
            self.close();
        }
        self.next = target;
    }

    /// Closes the last interval, if it is whole.
    pub fn finish(&mut self) {
        if self.next as f64 >= self.end() {
            self.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::swings::Swings;
    use super::*;

    #[test]
    fn a_straight_ramp_changes_by_slope_times_window_and_its_range_is_the_same() {
        let x: Vec<f64> = (0..20_000).map(|i| 2.0 * f64::from(i)).collect();
        for window in [1, 7, 100, 4096, 10_000] {
            let (mut change, mut swings) = (Change::new(window), Swings::new(window));
            for block in x.chunks(37) {
                change.push(block);
                swings.push(block);
            }
            let exact = 2.0 * change.window() as f64;
            assert!((change.up.value - exact).abs() < 1e-9, "{window}");
            assert_eq!(change.down.value, -exact);
            let kept = 2.0 * window as f64;
            for value in [swings.up.value, swings.range.value] {
                assert!(value >= kept && value <= kept * 1.001 + 12.0, "{window}: {value}");
            }
            assert_eq!(swings.down.value, 0.0);
        }
    }

    #[test]
    fn nothing_is_measured_across_a_gap() {
        let (mut change, mut swings) = (Change::new(3), Swings::new(3));
        for block in [[1.0, 1.0, 1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0, 9.0]] {
            change.push(&block);
            swings.push(&block);
            change.gap(100);
            swings.gap(100);
        }
        assert_eq!((change.up.value, swings.range.value, swings.up.value), (0.0, 0.0, 0.0));
    }

    #[test]
    fn deviation_counts_whole_intervals_of_the_plan() {
        let plan = Plan { steps: vec![(0.0, 10.0), (150.0, 20.0)], end: 400.0 };
        let mut deviation = Deviation::new(100.0, 0.0, 0.9, plan);
        deviation.push(&[12.0; 350]);
        deviation.finish();
        // Intervals: 12 - 10, 12 - 15, 12 - 20; the last half interval does not count.
        assert_eq!((deviation.worst, deviation.judged, deviation.whole), (Worst { value: 8.0, at: 200 }, 3, 3));
    }
}
