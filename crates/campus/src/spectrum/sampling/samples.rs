//! Even samples on their way out, with the readings beside them.
//!
//! Not modelled: where within a step an extreme lies.

/// Evenly spaced samples, or a hole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'p> {
    /// Samples, W.
    Samples(&'p [f64]),
    /// Samples, W, with readings beside them that no sample stands for: the least and the greatest reading since the sample
    /// before, for every sample (itself where there is no other).
    Spread {
        /// The samples, W.
        even: &'p [f64],
        /// Least reading of each, W.
        least: &'p [f64],
        /// Greatest reading of each, W.
        most: &'p [f64],
    },
    /// So many samples that were not measured.
    Gap(u64),
}

/// Readings since the last sample.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    pub count: u64,
    pub sum: f64,
    pub least: f64,
    pub most: f64,
    /// Integral since the last sample, W ns, and where it ends.
    pub area: f64,
    pub until: (i64, f64),
}

impl Beside {
    pub fn new(at: i64, power_w: f64) -> Self {
        Self { count: 0, sum: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY, area: 0.0, until: (at, power_w) }
    }

    pub fn seen(&mut self, power_w: f64) {
        (self.least, self.most) = (self.least.min(power_w), self.most.max(power_w));
    }

    pub fn reach(&mut self, at: i64, power_w: f64) {
        self.area += 0.5 * (self.until.1 + power_w) * (at - self.until.0).max(0) as f64;
        self.until = (at, power_w);
    }

    pub fn take(&mut self, at: i64, power_w: f64) {
        self.count += 1;
        self.sum += power_w;
        self.seen(power_w);
        self.reach(at, power_w);
    }
}

/// Samples on their way out; extremes only where some differ from them.
#[derive(Clone, Debug, Default)]
pub struct Block {
    even: Vec<f64>,
    pub least: Vec<f64>,
    pub most: Vec<f64>,
}

impl Block {
    pub fn push(&mut self, value: f64, least: f64, most: f64) {
        let (least, most) = (value.min(least), value.max(most));
        let spread = !self.least.is_empty();
        if !spread && (least < value || most > value) {
            self.least.extend_from_slice(&self.even);
            self.most.extend_from_slice(&self.even);
        }
        if spread || least < value || most > value {
            self.least.push(least);
            self.most.push(most);
        }
        self.even.push(value);
    }

    pub fn flush(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        if self.even.is_empty() {
            return;
        }
        if self.least.is_empty() {
            each(Piece::Samples(&self.even));
        } else {
            each(Piece::Spread { even: &self.even, least: &self.least, most: &self.most });
        }
        self.even.clear();
        self.least.clear();
        self.most.clear();
    }
}
