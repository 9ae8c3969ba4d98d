//! A number with its standard error and the effective sample size behind it.
//!
//! Not modelled: asymmetric intervals.

use core::fmt;

/// An estimate from samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean, in the unit that the context names.
    pub value: f64,
    /// Its standard error, same unit.
    pub standard_error: f64,
    /// How many independent samples carry it.
    pub effective_samples: f64,
}

impl Estimate {
    /// Mean and standard error of independent samples; `None` below two samples, where no error can be given.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let n = samples.len() as f64;
        if samples.len() < 2 {
            return None;
        }
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        Some(Self { value: mean, standard_error: libm::sqrt(variance / n), effective_samples: n })
    }

    /// With no event in `n` samples, the 95 % upper bound of a rate per sample is 3/n (rule of three).
    #[must_use]
    pub fn upper_bound_of_zero(&self) -> Option<f64> {
        (self.value == 0.0 && self.standard_error == 0.0).then(|| 3.0 / self.effective_samples)
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.upper_bound_of_zero() {
            Some(bound) => write!(f, "< {bound:.3e} (95 %, none seen in {:.0} samples)", self.effective_samples),
            None => write!(f, "{:.6} ± {:.6} (n = {:.0})", self.value, self.standard_error, self.effective_samples),
        }
    }
}
