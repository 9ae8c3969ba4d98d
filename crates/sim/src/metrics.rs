//! Judges and counters of a study: limits over their own averaging windows, ramps, curves, bookkeeping of conditions.
//!
//! Every judge here works on the truth of the plant, second by second, and shares no code with the controller: a
//! controller that keeps wrong books is found out.
//!
//! Not modelled: clock-aligned demand intervals (windows roll), penalties in money.

use crate::results::Curve;
use std::collections::VecDeque;

/// Joules in a megawatt-hour.
pub(crate) const MWH: f64 = 3.6e9;
/// Watts in a megawatt.
pub(crate) const MW: f64 = 1e6;

/// Judges import against one limit source, one mean second at a time.
///
/// Over its averaging window the source compares mean import with mean limit; seconds at which no limit stands count
/// neither way. Without a window every second is judged alone.
#[derive(Clone, Debug)]
pub(crate) struct LimitJudge {
    window: usize,
    ring_w: VecDeque<f64>,
    sum_w: f64,
    pushed: usize,
    pub over_j: f64,
    pub over_max_w: f64,
    pub seconds_over: f64,
}

impl LimitJudge {
    /// A judge over `window_s` seconds.
    pub fn new(window_s: f64) -> Self {
        let window = (libm::round(window_s).max(1.0)) as usize;
        Self {
            window,
            ring_w: VecDeque::with_capacity(window),
            sum_w: 0.0,
            pushed: 0,
            over_j: 0.0,
            over_max_w: 0.0,
            seconds_over: 0.0,
        }
    }

    /// One second with mean import and the limit that stood, W; returns the excess over the window, W.
    pub fn second(&mut self, import_w: f64, limit_w: f64) -> f64 {
        let excess_w = if limit_w.is_finite() { import_w - limit_w } else { 0.0 };
        self.ring_w.push_back(excess_w);
        self.sum_w += excess_w;
        if self.ring_w.len() > self.window {
            self.sum_w -= self.ring_w.pop_front().unwrap_or(0.0);
        }
        self.pushed += 1;
        if self.pushed.is_multiple_of(self.window.max(60)) {
            self.sum_w = self.ring_w.iter().sum();
        }
        let over_w = (self.sum_w / self.window as f64).max(0.0);
        // A watt is below what any meter of this class resolves; it also hides the rounding of the running sum.
        if over_w <= 1.0 || !limit_w.is_finite() {
            return 0.0;
        }
        self.over_j += over_w;
        self.over_max_w = self.over_max_w.max(over_w);
        self.seconds_over += 1.0;
        over_w
    }
}

/// Judges the slope of import between mean values of equal neighbouring windows.
#[derive(Clone, Debug)]
pub(crate) struct RampJudge {
    up_w_per_s: f64,
    down_w_per_s: f64,
    window: usize,
    ring_w: VecDeque<f64>,
    /// Steepest slope seen, W/s.
    pub steepest_w_per_s: f64,
    /// Greatest excess over the limit, W/s.
    pub over_w_per_s: f64,
    /// Seconds at which the limit was exceeded.
    pub seconds_over: f64,
}

impl RampJudge {
    /// Limits in W/s, judged over a `window_s` difference of one-second means.
    pub fn new(up_w_per_s: f64, down_w_per_s: f64, window_s: usize) -> Self {
        let ring_w = VecDeque::with_capacity(window_s + 1);
        Self {
            up_w_per_s,
            down_w_per_s,
            window: window_s,
            ring_w,
            steepest_w_per_s: 0.0,
            over_w_per_s: 0.0,
            seconds_over: 0.0,
        }
    }

    /// One second of mean import, W.
    pub fn second(&mut self, import_w: f64) {
        self.ring_w.push_back(import_w);
        if self.ring_w.len() <= self.window {
            return;
        }
        let before_w = self.ring_w.pop_front().unwrap_or(import_w);
        let slope = (import_w - before_w) / self.window as f64;
        let over = if slope > 0.0 { slope - self.up_w_per_s } else { -slope - self.down_w_per_s };
        self.steepest_w_per_s = self.steepest_w_per_s.max(slope.abs());
        // One part in 10,000 of the limit is rounding of set-points, not a steeper ramp.
        if over > 1e-4 * self.up_w_per_s.max(self.down_w_per_s) {
            self.over_w_per_s = self.over_w_per_s.max(over);
            self.seconds_over += 1.0;
        }
    }
}

/// Builds the curves of a report: least, mean and greatest value of a fixed number of seconds.
#[derive(Clone, Debug)]
pub(crate) struct CurveBuilder {
    curve: Curve,
    per_bucket: usize,
    seen: usize,
    count: usize,
    least: f64,
    sum: f64,
    greatest: f64,
}

impl CurveBuilder {
    /// A curve of the named chart whose buckets hold `per_bucket` values.
    pub fn new(chart: &str, label: &str, unit: &str, per_bucket: usize) -> Self {
        let curve = Curve {
            chart: chart.to_owned(),
            label: label.to_owned(),
            unit: unit.to_owned(),
            least: Vec::new(),
            mean: Vec::new(),
            greatest: Vec::new(),
        };
        Self {
            curve,
            per_bucket: per_bucket.max(1),
            seen: 0,
            count: 0,
            least: f64::INFINITY,
            sum: 0.0,
            greatest: f64::NEG_INFINITY,
        }
    }

    /// Adds one value; what is not finite counts as a gap.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.count += 1;
            self.sum += value;
            self.least = self.least.min(value);
            self.greatest = self.greatest.max(value);
        }
        self.seen += 1;
        if self.seen == self.per_bucket {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let some = |value: f64| (self.count > 0).then_some(value as f32);
        self.curve.least.push(some(self.least));
        self.curve.mean.push(some(self.sum / self.count.max(1) as f64));
        self.curve.greatest.push(some(self.greatest));
        (self.seen, self.count, self.sum) = (0, 0, 0.0);
        (self.least, self.greatest) = (f64::INFINITY, f64::NEG_INFINITY);
    }

    /// The finished curve.
    pub fn finish(mut self) -> Curve {
        if self.seen > 0 {
            self.flush();
        }
        self.curve
    }
}

/// A value that counts as changed only when it has stood for a while.
#[derive(Clone, Debug)]
pub(crate) struct Debounce<T> {
    settled: T,
    candidate: T,
    since_s: f64,
    hold_s: f64,
}

impl<T: PartialEq + Clone> Debounce<T> {
    /// Starts settled at `value`; a new value settles after `hold_s`.
    pub fn new(value: T, hold_s: f64) -> Self {
        Self { settled: value.clone(), candidate: value, since_s: 0.0, hold_s }
    }

    /// Takes the value seen at `now_s`; returns the instant of the change and the new value when one has settled.
    pub fn see(&mut self, now_s: f64, value: &T) -> Option<(f64, T)> {
        if *value != self.candidate {
            self.candidate = value.clone();
            self.since_s = now_s;
        }
        (self.candidate != self.settled && now_s - self.since_s >= self.hold_s).then(|| {
            self.settled = self.candidate.clone();
            (self.since_s, self.settled.clone())
        })
    }
}

/// Mean, least and greatest of a quantity over a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub least: f64,
    pub greatest: f64,
    pub last: f64,
    sum: f64,
    count: f64,
}

impl Extent {
    /// Nothing seen yet.
    pub const NONE: Self = Self { least: f64::INFINITY, greatest: f64::NEG_INFINITY, last: 0.0, sum: 0.0, count: 0.0 };

    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.last = value;
        self.sum += value;
        self.count += 1.0;
    }

    /// The mean, 0 when nothing was seen.
    pub fn mean(&self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instantaneous_limit_counts_every_second_above_it() {
        let mut judge = LimitJudge::new(0.0);
        for import_w in [90e6, 110e6, 120e6, 100e6] {
            judge.second(import_w, 100e6);
        }
        assert_eq!((judge.over_j, judge.over_max_w, judge.seconds_over), (30e6, 20e6, 2.0));
    }

    #[test]
    fn a_window_forgives_what_its_mean_stays_below() {
        let mut judge = LimitJudge::new(60.0);
        (0..60).for_each(|_| assert_eq!(judge.second(80e6, 100e6), 0.0));
        (0..20).for_each(|_| assert_eq!(judge.second(130e6, 100e6), 0.0));
        // After 30 seconds of +30 MW and 30 of -20 MW the mean exceeds the limit by 5 MW.
        let last = (0..10).map(|_| judge.second(130e6, 100e6)).last();
        assert!((last.expect("ten seconds") - 5e6).abs() < 1.0);
    }

    #[test]
    fn no_limit_is_no_credit() {
        let mut judge = LimitJudge::new(10.0);
        (0..100).for_each(|_| assert_eq!(judge.second(500e6, f64::INFINITY), 0.0));
        assert!((judge.second(200e6, 100e6) - 10e6).abs() < 1.0, "the seconds before count neither way");
    }

    #[test]
    fn ramps_are_judged_over_their_window() {
        let mut fast = RampJudge::new(1e6, 1e6, 1);
        let mut slow = RampJudge::new(1e6, 1e6, 60);
        for second in 0..120 {
            let import_w = if second % 2 == 0 { 100e6 } else { 103e6 };
            fast.second(import_w);
            slow.second(import_w);
        }
        assert_eq!((fast.steepest_w_per_s, fast.over_w_per_s), (3e6, 2e6));
        assert_eq!(slow.over_w_per_s, 0.0);
    }

    #[test]
    fn curves_keep_extremes_and_gaps() {
        let mut builder = CurveBuilder::new("meter", "import", "MW", 2);
        [1.0, 3.0, f64::NAN, f64::NAN, 5.0].into_iter().for_each(|v| builder.add(v));
        let curve = builder.finish();
        assert_eq!(curve.least, [Some(1.0), None, Some(5.0)]);
        assert_eq!(curve.mean, [Some(2.0), None, Some(5.0)]);
        assert_eq!(curve.greatest, [Some(3.0), None, Some(5.0)]);
    }

    #[test]
    fn a_flicker_does_not_settle() {
        let mut seen = Debounce::new(0, 10.0);
        assert_eq!(seen.see(1.0, &1), None);
        assert_eq!(seen.see(5.0, &0), None);
        assert_eq!(seen.see(6.0, &2), None);
        assert_eq!(seen.see(16.0, &2), Some((6.0, 2)));
        assert_eq!(seen.see(17.0, &2), None);
    }
}
