//! Rise, fall and range inside a sliding window, whatever lies at its ends, and how often a bound on them is broken.
//!
//! A window of more than 4,096 samples is looked at through that many buckets, which lose nothing of a swing inside them.
//!
//! Not modelled: a meter's own averaging; what a utility's meter would have shown is what was recorded.

use super::windows::{Buckets, MOST_BUCKETS, Worst, larger, smaller};

/// What a stretch of samples holds: its extremes, and its greatest rise and fall from an earlier sample to a later one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stretch {
    least: f64,
    most: f64,
    rise: f64,
    fall: f64,
}

impl Stretch {
    const NOTHING: Self =
        Self { least: f64::INFINITY, most: f64::NEG_INFINITY, rise: f64::NEG_INFINITY, fall: f64::NEG_INFINITY };

    fn of(x: f64) -> Self {
        Self { least: x, most: x, rise: 0.0, fall: 0.0 }
    }

    /// A sample with readings before it that went as far as `least` and `most`, in an order that is not known.
    fn spread(x: f64, least: f64, most: f64) -> Self {
        Self { least, most, rise: x - least, fall: most - x }
    }

    /// This stretch and then the next.
    fn then(self, next: Self) -> Self {
        Self {
            least: smaller(self.least, next.least),
            most: larger(self.most, next.most),
            rise: larger(larger(self.rise, next.rise), next.most - self.least),
            fall: larger(larger(self.fall, next.fall), self.most - next.least),
        }
    }
}

/// Which swing inside a window is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From an earlier sample up to a later one.
    Rise,
    /// From an earlier sample down to a later one.
    Fall,
    /// Between the extremes, in either order.
    Range,
}

/// How often a bound is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watch {
    /// Which swing.
    pub side: Side,
    /// The bound, in the samples' unit.
    pub bound: f64,
    /// Windows that broke it, one window ending at each sample (or bucket of them).
    pub broken: u64,
    /// Times that it began to be broken.
    pub times: u64,
    breaks: bool,
}

impl Watch {
    /// A bound to keep an eye on.
    #[must_use]
    pub fn new(side: Side, bound: f64) -> Self {
        Self { side, bound, broken: 0, times: 0, breaks: false }
    }

    fn see(&mut self, window: &Stretch) {
        let value = match self.side {
            Side::Rise => window.rise,
            Side::Fall => window.fall,
            Side::Range => window.most - window.least,
        };
        let breaks = value > self.bound;
        self.broken += u64::from(breaks);
        self.times += u64::from(breaks && !self.breaks);
        self.breaks = breaks;
    }
}

/// Greatest rise, fall and range inside a sliding window, whatever lies at the window's ends (T-WAVE-06).
///
/// rise = max x(t2) - x(t1) over t1 <= t2 <= t1 + w; a swing that has come back before the window ends counts. Stretches as
/// long as the window are looked at in turn: a window that reaches from one into the next is the end of the one followed by
/// the beginning of the other, which costs a few comparisons a sample (van Herk 1992, Gil and Werman 1993; rises and falls
/// join like extremes do).
#[derive(Clone, Debug)]
pub struct Swings {
    stride: usize,
    length: usize,
    gathered: Stretch,
    filled: usize,
    next: u64,
    now: Vec<Stretch>,
    /// From each place of the stretch before to its end.
    tails: Vec<Stretch>,
    head: Stretch,
    watches: Vec<Watch>,
    windows: u64,
    /// Where this stretch began, and samples of the longest one that has ended.
    begun: u64,
    longest: u64,
    drawn: (Vec<f64>, Vec<f64>),
    /// Greatest rise inside a window, and where that window ends.
    pub up: Worst,
    /// Greatest fall, as a positive number.
    pub down: Worst,
    /// Greatest range.
    pub range: Worst,
    /// Rise and fall (negative) of the window that ends in each stretch; in samples of [`Self::stride`].
    pub curves: (Buckets, Buckets),
}

impl Swings {
    /// For windows of so many samples between their ends, at least one.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let stride = window.div_ceil(MOST_BUCKETS).max(1);
        // Both ends count: a window of w steps holds w + 1 samples.
        let length = window.div_ceil(stride) + 1;
        Self {
            stride,
            length,
            gathered: Stretch::NOTHING,
            filled: 0,
            next: 0,
            now: Vec::with_capacity(length),
            tails: vec![Stretch::NOTHING; length + 1],
            head: Stretch::NOTHING,
            watches: Vec::new(),
            windows: 0,
            begun: 0,
            longest: 0,
            drawn: (Vec::new(), Vec::new()),
            up: Worst::NONE,
            down: Worst::NONE,
            range: Worst::NONE,
            curves: (Buckets::default(), Buckets::default()),
        }
    }

    /// Keeps an eye on a bound; its place in [`Self::watches`].
    pub fn watch(&mut self, watch: Watch) -> usize {
        self.watches.push(watch);
        self.watches.len() - 1
    }

    /// What came of the bounds.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Windows looked at: one for each sample, or for each bucket of [`Self::stride`] samples.
    #[must_use]
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Samples of the longest stretch without a gap.
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest.max(self.next - self.begun)
    }

    /// Samples that are taken as one.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Samples between the two ends, as kept.
    #[must_use]
    pub fn window(&self) -> usize {
        (self.length - 1) * self.stride
    }

    /// Takes the next samples.
    pub fn push(&mut self, block: &[f64]) {
        self.each(block.len(), |at| Stretch::of(block[at]));
    }

    /// Takes the next samples with the extremes of the readings that no sample stands for.
    pub fn push_spread(&mut self, block: &[f64], least: &[f64], most: &[f64]) {
        self.each(block.len(), |at| Stretch::spread(block[at], least[at], most[at]));
    }

    fn each(&mut self, count: usize, sample: impl Fn(usize) -> Stretch) {
        if self.stride == 1 {
            for at in 0..count {
                self.next += 1;
                self.close(sample(at));
            }
        } else {
            for at in 0..count {
                self.gathered = self.gathered.then(sample(at));
                self.filled += 1;
                self.next += 1;
                if self.filled == self.stride {
                    let gathered = core::mem::replace(&mut self.gathered, Stretch::NOTHING);
                    self.filled = 0;
                    self.close(gathered);
                }
            }
        }
        self.draw();
    }

    fn close(&mut self, newest: Stretch) {
        self.now.push(newest);
        self.head = self.head.then(newest);
        let window = self.tails[self.now.len()].then(self.head);
        self.windows += 1;
        if window.rise > self.up.value {
            self.up = Worst { value: window.rise, at: self.next };
        }
        if window.fall > self.down.value {
            self.down = Worst { value: window.fall, at: self.next };
        }
        if window.most - window.least > self.range.value {
            self.range = Worst { value: window.most - window.least, at: self.next };
        }
        for watch in &mut self.watches {
            watch.see(&window);
        }
        self.drawn.0.push(window.rise);
        self.drawn.1.push(-window.fall);
        if self.now.len() == self.length {
            let mut tail = Stretch::NOTHING;
            for (place, stretch) in self.now.iter().enumerate().rev() {
                tail = stretch.then(tail);
                self.tails[place] = tail;
            }
            self.now.clear();
            self.head = Stretch::NOTHING;
        }
    }

    fn draw(&mut self) {
        self.curves.0.push(&self.drawn.0);
        self.curves.1.push(&self.drawn.1);
        self.drawn.0.clear();
        self.drawn.1.clear();
    }

    /// Passes over so many samples that were not measured.
    pub fn gap(&mut self, samples: u64) {
        // What a cut-off bucket holds is still a swing that was measured.
        self.finish();
        self.longest = self.longest();
        self.now.clear();
        self.tails.fill(Stretch::NOTHING);
        self.head = Stretch::NOTHING;
        for watch in &mut self.watches {
            watch.breaks = false;
        }
        self.curves.0.gap(samples / self.stride as u64);
        self.curves.1.gap(samples / self.stride as u64);
        self.next += samples;
        self.begun = self.next;
    }

    /// Looks at what is left of the last bucket.
    pub fn finish(&mut self) {
        if self.filled > 0 {
            let gathered = core::mem::replace(&mut self.gathered, Stretch::NOTHING);
            self.filled = 0;
            self.close(gathered);
            self.draw();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::windows::Change;
    use super::*;

    /// Every window looked at pair by pair.
    fn slowly(x: &[f64], window: usize) -> (f64, f64) {
        let mut found = (0.0_f64, 0.0_f64);
        for (at, first) in x.iter().enumerate() {
            for later in &x[at..(at + window + 1).min(x.len())] {
                found = (found.0.max(later - first), found.1.max(first - later));
            }
        }
        found
    }

    #[test]
    fn swings_that_come_back_within_the_window_are_seen_by_every_window_length() {
        let mut state = 1_u64;
        let x: Vec<f64> = (0..700)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64 / 1e4
            })
            .collect();
        for window in [1, 2, 3, 10, 99, 350, 699] {
            let mut swings = Swings::new(window);
            let place = swings.watch(Watch::new(Side::Rise, 0.5 * slowly(&x, window).0));
            x.chunks(13).for_each(|block| swings.push(block));
            assert_eq!((swings.up.value, swings.down.value), slowly(&x, window), "{window}");
            assert_eq!(swings.windows(), 700);
            let watch = swings.watches()[place];
            assert!(watch.broken > 0 && watch.times > 0 && watch.times <= watch.broken);
        }
        // A period that divides the window hides from the ends, and not from what lies between.
        let square: Vec<f64> = (0..6000).map(|i| if i % 100 < 60 { 1000.0 } else { 600.0 }).collect();
        let (mut change, mut swings) = (Change::new(100), Swings::new(100));
        change.push(&square);
        swings.push(&square);
        assert_eq!((change.up.value, swings.up.value, swings.down.value), (0.0, 400.0, 400.0));
        // Windows of more samples than are kept: buckets lose nothing of a swing inside them.
        let mut long = Swings::new(10_000);
        let spike: Vec<f64> = (0..60_000).map(|i| if i == 31_234 { 7.0 } else { 5.0 }).collect();
        long.push(&spike);
        assert_eq!((long.up.value, long.down.value), (2.0, 2.0));
    }

    #[test]
    fn readings_beside_the_samples_count_in_the_order_that_is_sure() {
        let mut swings = Swings::new(4);
        swings.push_spread(&[90.0, 90.0, 90.0], &[90.0, 40.0, 90.0], &[90.0, 90.0, 90.0]);
        assert_eq!((swings.up.value, swings.down.value, swings.range.value), (50.0, 50.0, 50.0));
    }
}
