//! How long readings stay bit for bit the same: how often a sensor is refreshed, and whether it stood still.
//!
//! Not modelled: a frozen sensor with noise of its own.

/// Longest run of equal readings that is told apart, readings.
const LONGEST_RUN: usize = 4096;
/// Fewest levels that a trace must have for its repeats to say something about the sensor. A guess: a drawn waveform has few.
const FEWEST_LEVELS: usize = 32;
/// Longest runs kept with their place; so many spells of a dead sensor are told from plateaus that come again and again.
const KEPT_RUNS: usize = 9;
/// A run is frozen if it is so many times as long as the longest that is none. A guess.
const FROZEN_TIMES: f64 = 4.0;
/// Runs that noise makes stay below so many times their mean, times one and the logarithm of their number. A guess: of
/// independent readings the longest run is about the mean times that logarithm.
const NOISE_TIMES: f64 = 4.0;

/// A stretch of equal readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Run {
    /// Readings.
    pub count: u64,
    /// First of them, ns.
    pub from_ns: i64,
    /// First reading behind them, ns.
    pub to_ns: i64,
}

/// How long readings stay the same.
#[derive(Clone, Debug)]
pub struct Repeats {
    runs: Vec<u64>,
    now: Run,
    last_w: f64,
    levels: Vec<u64>,
    longest: [Run; KEPT_RUNS],
}

impl Repeats {
    pub fn new() -> Self {
        Self {
            runs: vec![0; LONGEST_RUN],
            now: Run::default(),
            last_w: f64::NAN,
            levels: Vec::new(),
            longest: [Run::default(); KEPT_RUNS],
        }
    }

    pub fn take(&mut self, at_ns: i64, power_w: f64) {
        if power_w == self.last_w {
            self.now.count += 1;
            return;
        }
        self.close(at_ns);
        (self.now, self.last_w) = (Run { count: 1, from_ns: at_ns, to_ns: at_ns }, power_w);
        if self.levels.len() < FEWEST_LEVELS && !self.levels.contains(&power_w.to_bits()) {
            self.levels.push(power_w.to_bits());
        }
    }

    /// Ends the run that is open.
    pub fn close(&mut self, at_ns: i64) {
        if self.now.count == 0 {
            return;
        }
        self.now.to_ns = at_ns;
        self.runs[(self.now.count as usize).min(LONGEST_RUN) - 1] += 1;
        if self.now.count > self.longest[KEPT_RUNS - 1].count {
            self.longest[KEPT_RUNS - 1] = self.now;
            self.longest.sort_by_key(|run| core::cmp::Reverse(run.count));
        }
        self.now.count = 0;
    }

    /// Number of runs.
    pub fn changes(&self) -> u64 {
        self.runs.iter().sum()
    }

    /// Whether all readings are one value.
    pub fn single(&self) -> bool {
        self.levels.len() == 1
    }

    /// Whether readings repeat and the levels are too few to say if that is the sensor or the load.
    pub fn unknown(&self, readings: u64) -> bool {
        self.levels.len() < FEWEST_LEVELS && readings as f64 > 1.25 * self.changes() as f64
    }

    /// Mean length of a run, longer ones than four times the median left out (the load really stood still).
    fn mean(&self) -> Option<f64> {
        let all = self.changes();
        let mut seen = 0;
        let median = self.runs.iter().position(|count| {
            seen += count;
            2 * seen >= all
        })? + 1;
        let kept = &self.runs[..(4 * median).min(LONGEST_RUN)];
        let count: u64 = kept.iter().sum();
        let readings: u64 = kept.iter().enumerate().map(|(place, count)| (place as u64 + 1) * count).sum();
        Some(readings as f64 / count.max(1) as f64)
    }

    /// Readings between refreshes, if more than one and there are levels enough to say so.
    pub fn refresh(&self) -> Option<f64> {
        if self.levels.len() < FEWEST_LEVELS || self.changes() < 20 {
            return None;
        }
        self.mean().filter(|mean| *mean > 1.25)
    }

    /// Runs that neither noise nor a plateau that comes again explains, longest first.
    pub fn frozen(&self) -> &[Run] {
        let all = self.changes();
        if self.levels.len() < FEWEST_LEVELS || all < 20 {
            return &[];
        }
        let noise = NOISE_TIMES * self.mean().unwrap_or(1.0) * (1.0 + libm::log(all as f64));
        // A run that belongs to the rest: the first that is not far longer than the next.
        let frozen = (1..KEPT_RUNS).rfind(|place| {
            let (shortest, rest) = (self.longest[place - 1].count as f64, self.longest[*place].count as f64);
            shortest > noise && shortest > FROZEN_TIMES * rest
        });
        &self.longest[..frozen.unwrap_or(0)]
    }
}
