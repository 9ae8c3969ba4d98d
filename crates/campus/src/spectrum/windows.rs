//! Measures over sliding windows: change between the ends (ramp), range inside, mean over fixed intervals against a plan.
//!
//! A window of more than 4,096 samples is looked at through that many buckets: means for the change, extremes for the range.
//!
//! Not modelled: a meter's own averaging; what a utility's meter would have shown is what was recorded.

use std::collections::VecDeque;

/// Most buckets that a window is kept in. A guess: a window then reads long by at most 1 in 4,096.
const MOST_BUCKETS: usize = 4096;

/// A greatest value and when it occurred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worst {
    /// The value; below zero or zero where nothing was found.
    pub value: f64,
    /// Number of the sample, counted from the start of the trace.
    pub at: u64,
}

impl Worst {
    const NONE: Self = Self { value: f64::NEG_INFINITY, at: 0 };

    /// Whether anything was measured.
    #[must_use]
    pub fn found(&self) -> bool {
        self.value > f64::NEG_INFINITY
    }
}

/// Least, mean and greatest of equal stretches of a trace: at most [`Self::MOST`], merged in pairs as the trace grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Samples of each stretch.
    pub size: u64,
    /// Least, greatest, sum and count of each; the last may be short. A count of zero is a hole.
    pub all: Vec<(f64, f64, f64, u64)>,
    left: u64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { size: 1, all: Vec::new(), left: 0 }
    }
}

impl Buckets {
    /// Most stretches that are kept: about as many as a screen has columns.
    pub const MOST: usize = 2048;
    const EMPTY: (f64, f64, f64, u64) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0);

    /// Takes the next value; one that is not a number leaves a hole.
    pub fn add(&mut self, x: f64) {
        self.open();
        self.left -= 1;
        if let Some(last) = self.all.last_mut()
            && !x.is_nan()
        {
            *last = (last.0.min(x), last.1.max(x), last.2 + x, last.3 + 1);
        }
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
                    *last = (last.0.min(*x), last.1.max(*x), last.2 + x, last.3 + 1);
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
        if self.all.len() == Self::MOST {
            let pair =
                |p: &[(f64, f64, f64, u64)]| (p[0].0.min(p[1].0), p[0].1.max(p[1].1), p[0].2 + p[1].2, p[0].3 + p[1].3);
            self.all = self.all.chunks_exact(2).map(pair).collect();
            self.size *= 2;
        }
        self.all.push(Self::EMPTY);
        self.left = self.size;
    }
}

/// Greatest rise and fall between the two ends of a sliding window.
///
/// Change over window w: x(t + w) - x(t); the ramp is that over w (T-WAVE-06).
#[derive(Clone, Debug)]
pub struct Change {
    stride: usize,
    ring: Vec<f64>,
    place: usize,
    sum: f64,
    summed: usize,
    next: u64,
    /// Greatest rise within a window.
    pub up: Worst,
    /// Greatest fall within a window, as a positive number.
    pub down: Worst,
    /// Windows that were compared.
    pub judged: u64,
    /// The change of the window that ends in each stretch; in samples of [`Self::stride`].
    pub curve: Buckets,
}

impl Change {
    /// For windows of so many samples, at least one.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let stride = window.div_ceil(MOST_BUCKETS).max(1);
        let length = (window / stride).max(1);
        Self {
            stride,
            ring: vec![f64::NAN; length],
            place: 0,
            sum: 0.0,
            summed: 0,
            next: 0,
            up: Worst::NONE,
            down: Worst::NONE,
            judged: 0,
            curve: Buckets::default(),
        }
    }

    /// Samples that are averaged into one.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Samples between the two ends, as kept.
    #[must_use]
    pub fn window(&self) -> usize {
        self.ring.len() * self.stride
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        if self.stride == 1 {
            for x in block {
                self.take(*x);
                self.next += 1;
            }
            return;
        }
        for x in block {
            self.sum += x;
            self.summed += 1;
            self.next += 1;
            if self.summed == self.stride {
                let mean = self.sum / self.stride as f64;
                (self.sum, self.summed) = (0.0, 0);
                self.take(mean);
            }
        }
    }

    fn take(&mut self, x: f64) {
        let rise = x - self.ring[self.place];
        self.ring[self.place] = x;
        self.place += 1;
        if self.place == self.ring.len() {
            self.place = 0;
        }
        // The first window has no beginning yet: its rise is not a number, and no comparison with one holds.
        if rise > self.up.value {
            self.up = Worst { value: rise, at: self.next };
        }
        if -rise > self.down.value {
            self.down = Worst { value: -rise, at: self.next };
        }
        self.judged += u64::from(!rise.is_nan());
        self.curve.add(rise);
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        self.ring.fill(f64::NAN);
        (self.place, self.sum, self.summed) = (0, 0.0, 0);
        self.curve.gap(samples / self.stride as u64);
        self.next += samples;
    }
}

/// Greatest difference between the extremes inside a sliding window.
#[derive(Clone, Debug)]
pub struct Range {
    stride: usize,
    buckets: u64,
    least: f64,
    most: f64,
    filled: usize,
    bucket: u64,
    next: u64,
    low: VecDeque<(u64, f64)>,
    high: VecDeque<(u64, f64)>,
    /// Greatest range inside a window.
    pub worst: Worst,
}

impl Range {
    /// For windows of so many samples, at least one.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let stride = window.div_ceil(MOST_BUCKETS).max(1);
        Self {
            stride,
            // Both ends count: a window of w steps holds w + 1 samples.
            buckets: window.div_ceil(stride) as u64 + 1,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            filled: 0,
            bucket: 0,
            next: 0,
            low: VecDeque::new(),
            high: VecDeque::new(),
            worst: Worst::NONE,
        }
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        for x in block {
            self.least = self.least.min(*x);
            self.most = self.most.max(*x);
            self.filled += 1;
            self.next += 1;
            if self.filled == self.stride {
                self.close();
            }
        }
    }

    /// Extremes of the window by two monotone queues: each value enters and leaves once.
    fn close(&mut self) {
        let (least, most, now) = (self.least, self.most, self.bucket);
        (self.least, self.most, self.filled) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        self.bucket += 1;
        while self.low.back().is_some_and(|(_, value)| *value >= least) {
            self.low.pop_back();
        }
        while self.high.back().is_some_and(|(_, value)| *value <= most) {
            self.high.pop_back();
        }
        self.low.push_back((now, least));
        self.high.push_back((now, most));
        while self.low.front().is_some_and(|(at, _)| now - at >= self.buckets) {
            self.low.pop_front();
        }
        while self.high.front().is_some_and(|(at, _)| now - at >= self.buckets) {
            self.high.pop_front();
        }
        if let (Some((_, low)), Some((_, high))) = (self.low.front(), self.high.front())
            && high - low > self.worst.value
        {
            self.worst = Worst { value: high - low, at: self.next };
        }
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        self.low.clear();
        self.high.clear();
        (self.least, self.most, self.filled) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        self.next += samples;
    }
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
}

impl Deviation {
    /// `interval` and `offset` (of the first boundary) in samples; an interval counts where `coverage` of it was measured.
    #[must_use]
    pub fn new(interval: f64, offset: f64, coverage: f64, plan: Plan) -> Self {
        Self { interval, offset, coverage, plan, number: 0, sum: 0.0, count: 0, next: 0, worst: Worst::NONE, judged: 0 }
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
        if self.count as f64 >= self.coverage * self.interval
            && let Some(planned_w) = self.plan.mean(from, to)
        {
            let off_w = (self.sum / self.count as f64 - planned_w).abs();
            self.judged += 1;
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
    use super::*;

    #[test]
    fn a_straight_ramp_changes_by_slope_times_window_and_its_range_is_the_same() {
        let x: Vec<f64> = (0..20_000).map(|i| 2.0 * f64::from(i)).collect();
        for window in [1, 7, 100, 4096, 10_000] {
            let (mut change, mut range) = (Change::new(window), Range::new(window));
            for block in x.chunks(37) {
                change.push(block);
                range.push(block);
            }
            let exact = 2.0 * change.window() as f64;
            assert!((change.up.value - exact).abs() < 1e-9, "{window}");
            assert_eq!(change.down.value, -exact);
            let kept = 2.0 * window as f64;
            assert!(range.worst.value >= kept && range.worst.value <= kept * 1.001 + 12.0, "{window}");
        }
    }

    #[test]
    fn nothing_is_measured_across_a_gap() {
        let (mut change, mut range) = (Change::new(3), Range::new(3));
        for block in [[1.0, 1.0, 1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0, 9.0]] {
            change.push(&block);
            range.push(&block);
            change.gap(100);
            range.gap(100);
        }
        assert_eq!((change.up.value, range.worst.value), (0.0, 0.0));
    }

    #[test]
    fn deviation_counts_whole_intervals_of_the_plan() {
        let plan = Plan { steps: vec![(0.0, 10.0), (150.0, 20.0)], end: 400.0 };
        let mut deviation = Deviation::new(100.0, 0.0, 0.9, plan);
        deviation.push(&[12.0; 350]);
        deviation.finish();
        // Intervals: 12 - 10, 12 - 15, 12 - 20; the last half interval does not count.
        assert_eq!((deviation.worst, deviation.judged), (Worst { value: 8.0, at: 200 }, 3));
    }
}
