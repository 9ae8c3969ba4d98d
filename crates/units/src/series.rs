//! A regular series of values with gaps that stay gaps.
//!
//! Not modelled: irregular stamps (a reader resamples and says so before it builds a series).

use crate::{Span, Utc};

/// Values at `start + i * step`, each the mean over its step or a gap (`None` on reading, NaN inside).
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    start: Utc,
    step: Span,
    values: Vec<f64>,
}

impl Series {
    /// From values, NaN marking a gap.
    ///
    /// # Panics
    /// If `step` is not positive: a reader checks this first.
    #[must_use]
    pub fn new(start: Utc, step: Span, values: Vec<f64>) -> Self {
        assert!(step > Span::ZERO, "a series steps forward");
        Self { start, step, values }
    }
    /// Beginning of the first step.
    #[must_use]
    pub const fn start(&self) -> Utc {
        self.start
    }
    /// Length of one step.
    #[must_use]
    pub const fn step(&self) -> Span {
        self.step
    }
    /// The values in order, NaN where there is a gap.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }
    /// How many steps are gaps.
    #[must_use]
    pub fn gaps(&self) -> usize {
        self.values.iter().filter(|v| v.is_nan()).count()
    }
    /// The value of the step that holds `at`; `None` outside the series and in a gap.
    #[must_use]
    pub fn at(&self, at: Utc) -> Option<f64> {
        let index = (at - self.start).as_nanos().div_euclid(self.step.as_nanos());
        let value = *self.values.get(usize::try_from(index).ok()?)?;
        value.is_finite().then_some(value)
    }
}
