//! Measures over sliding windows: change between the ends (ramp), range inside, mean over fixed intervals against a plan.
//!
//! A window of more than 4,096 samples is looked at through that many buckets: means for the change, extremes for the range.
//!
//! Not modelled: a meter's own averaging; what a utility's meter would have shown is what was recorded.

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

/// Least, greatest, sum and count of a stretch.
pub type Bucket = (f64, f64, f64, u64);

/// Least, mean and greatest of equal stretches of a trace: at most [`Self::MOST`], merged in pairs as the trace grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Samples of each stretch.
    pub size: u64,
    /// Least, greatest, sum and count of each; the last may be short. A count of zero is a hole.
    pub all: Vec<Bucket>,
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
    const EMPTY: Bucket = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0);

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
        if self.all.len() == Self::MOST {
            let pair = |p: &[Bucket]| (p[0].0.min(p[1].0), p[0].1.max(p[1].1), p[0].2 + p[1].2, p[0].3 + p[1].3);
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
    held: usize,
    sum: f64,
    summed: usize,
    next: u64,
    means: Vec<f64>,
    rises: Vec<f64>,
    /// Greatest rise within a window.
    pub up: Worst,
    /// Greatest fall within a window, as a positive number.
    pub down: Worst,
    /// The change of the window that ends in each stretch; in samples of [`Self::stride`].
    pub curve: Buckets,
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
            self.curve.gap(fresh as u64);
            let rises = &self.rises[fresh..];
            self.curve.push(rises);
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
        self.curve.gap(samples / self.stride as u64);
        self.next += samples;
    }
}

/// Greatest difference between the extremes inside a sliding window.
///
/// Stretches as long as the window are looked at in turn: a window that reaches from one into the next has the extremes of
/// the one's end and of the other's beginning, which cost three comparisons a sample (van Herk 1992, Gil and Werman 1993).
#[derive(Clone, Debug)]
pub struct Range {
    stride: usize,
    length: usize,
    least: f64,
    most: f64,
    filled: usize,
    next: u64,
    now: Vec<(f64, f64)>,
    /// Extremes from each place of the stretch before to its end.
    tails: Vec<(f64, f64)>,
    heads: (f64, f64),
    /// Greatest range inside a window.
    pub worst: Worst,
}

impl Range {
    const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

    /// For windows of so many samples, at least one.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let stride = window.div_ceil(MOST_BUCKETS).max(1);
        // Both ends count: a window of w steps holds w + 1 samples.
        let length = window.div_ceil(stride) + 1;
        Self {
            stride,
            length,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            filled: 0,
            next: 0,
            now: Vec::with_capacity(length),
            tails: vec![Self::NOTHING; length + 1],
            heads: Self::NOTHING,
            worst: Worst::NONE,
        }
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        if self.stride == 1 {
            for x in block {
                self.next += 1;
                self.close(*x, *x);
            }
            return;
        }
        for x in block {
            self.least = self.least.min(*x);
            self.most = self.most.max(*x);
            self.filled += 1;
            self.next += 1;
            if self.filled == self.stride {
                let (least, most) = (self.least, self.most);
                (self.least, self.most, self.filled) = (f64::INFINITY, f64::NEG_INFINITY, 0);
                self.close(least, most);
            }
        }
    }

    fn close(&mut self, least: f64, most: f64) {
        self.now.push((least, most));
        self.heads = (smaller(self.heads.0, least), larger(self.heads.1, most));
        let tail = self.tails[self.now.len()];
        let range = larger(self.heads.1, tail.1) - smaller(self.heads.0, tail.0);
        if range > self.worst.value {
            self.worst = Worst { value: range, at: self.next };
        }
        if self.now.len() == self.length {
            let mut tail = Self::NOTHING;
            for (place, (least, most)) in self.now.iter().enumerate().rev() {
                tail = (smaller(tail.0, *least), larger(tail.1, *most));
                self.tails[place] = tail;
            }
            self.now.clear();
            self.heads = Self::NOTHING;
        }
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        self.now.clear();
        self.tails.fill(Self::NOTHING);
        self.heads = Self::NOTHING;
        (self.least, self.most, self.filled) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        self.next += samples;
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

fn larger(a: f64, b: f64) -> f64 {
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
