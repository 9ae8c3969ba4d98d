//! What is expected, what comes, and what is known of it five minutes before: errors of a day-ahead series.
//!
//! The true value of an interval is its day-ahead value times one plus an error; errors are first-order
//! autoregressive, e(t+1) = keep e(t) + sqrt(1 - keep^2) sigma n(t), one for all loads and one for each kind of weather.
//! Who knows the error of now expects keep^k of it in k intervals: the best forecast there is. So the day-ahead error
//! and the five-minute error are of one piece. An error of more than the whole is the whole: no load turns round.
//!
//! Not modelled: errors that differ from bus to bus, biases, forecasts that are worse than the best.

use crate::network::NetworkError;
use tieline_units::{Draw, Purpose};

/// How uncertain the day is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uncertainty {
    /// Standard deviation of the load's error, share of it. guess: 0.02.
    pub load: f64,
    /// Standard deviation of the error of sun, wind and water, share of the forecast. guess: 0.1.
    pub weather: f64,
    /// What is left of an error after one interval. guess: 0.96, a correlation time of two hours.
    pub keep: f64,
    /// Seed.
    pub seed: u64,
}

impl Default for Uncertainty {
    fn default() -> Self {
        Self { load: 0.02, weather: 0.1, keep: 0.96, seed: 1 }
    }
}

/// The day-ahead values of a day and the errors that come true.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Load by interval and bus, W.
    load_w: Vec<f64>,
    /// What each unit can give by interval and unit, W.
    available_w: Vec<f64>,
    /// Kind of weather of every unit; nothing for one that does not depend on it.
    kind: Vec<Option<usize>>,
    /// Most of every unit, W.
    most_w: Vec<f64>,
    keep: f64,
    /// Error of all loads, then of every kind, by interval.
    errors: Vec<Vec<f64>>,
}

/// Loads of all buses and what all units can give, W.
pub type Values = (Vec<f64>, Vec<f64>);

impl Forecast {
    /// A day of `load_w` (interval and bus) and `available_w` (interval and unit); `most_w` is what each unit can give
    /// at best, `kind` tells whose errors go together.
    ///
    /// # Errors
    /// Errors that are not finite or below 0, a share kept beyond 0 to 1, weather that gives less than nothing at best.
    ///
    /// # Panics
    /// When lengths do not match: the caller's mistake.
    pub fn new(
        intervals: usize,
        load_w: Vec<f64>,
        available_w: Vec<f64>,
        most_w: Vec<f64>,
        kind: Vec<Option<usize>>,
        uncertainty: &Uncertainty,
    ) -> Result<Self, NetworkError> {
        let units = most_w.len();
        assert!(available_w.len() == intervals * units && kind.len() == units, "one entry per interval and unit");
        assert!(load_w.len().is_multiple_of(intervals.max(1)), "one load per interval and bus");
        let share = |value: f64| value.is_finite() && value >= 0.0;
        if !(share(uncertainty.load)
            && share(uncertainty.weather)
            && share(uncertainty.keep)
            && uncertainty.keep <= 1.0)
        {
            return Err(NetworkError::Unusable(format!(
                "found errors of {} and {} of which {} is kept; expected 0 or more, and 0 to 1 kept",
                uncertainty.load, uncertainty.weather, uncertainty.keep
            )));
        }
        let below = |unit: &usize| kind[*unit].is_some() && (most_w[*unit].is_nan() || most_w[*unit] < 0.0);
        if let Some(unit) = (0..units).find(below) {
            let (found, hint) = (most_w[unit] / 1e6, "a unit that draws power is a load");
            let why = format!("found most output {found} MW of generator {}, which follows the weather", unit + 1);
            return Err(NetworkError::Unusable(format!("{why}; expected 0 or more ({hint})")));
        }
        let draw = Draw::new(uncertainty.seed, 0);
        let kinds = kind.iter().flatten().max().map_or(0, |last| last + 1);
        let fresh = libm::sqrt(1.0 - uncertainty.keep * uncertainty.keep);
        let errors = (0..=kinds)
            .map(|series| {
                let sigma = if series == 0 { uncertainty.load } else { uncertainty.weather };
                let purpose = if series == 0 { Purpose::GridLoad } else { Purpose::Weather };
                // The day begins as it was expected.
                let mut error = 0.0;
                (0..intervals)
                    .map(|t| {
                        let normal = draw.normals(series as u32, purpose, t as u64)[0];
                        error = uncertainty.keep * error + fresh * sigma * normal;
                        error
                    })
                    .collect()
            })
            .collect();
        Ok(Self { load_w, available_w, kind, most_w, keep: uncertainty.keep, errors })
    }

    /// Intervals of the day.
    #[must_use]
    pub fn intervals(&self) -> usize {
        self.errors[0].len()
    }

    /// What comes in an interval.
    #[must_use]
    pub fn actual(&self, interval: usize) -> Values {
        self.values(interval, |series| self.errors[series][interval])
    }

    /// What is expected for an interval by who knows the errors up to `known` intervals before it (at least 1).
    #[must_use]
    pub fn expected(&self, interval: usize, known: usize) -> Values {
        let left = (0..known).fold(1.0, |left, _| left * self.keep);
        self.values(interval, |series| interval.checked_sub(known).map_or(0.0, |then| left * self.errors[series][then]))
    }

    fn values(&self, interval: usize, error: impl Fn(usize) -> f64) -> Values {
        let buses = self.load_w.len() / self.intervals().max(1);
        let units = self.most_w.len();
        let by = (1.0 + error(0)).max(0.0);
        let load_w = self.load_w[interval * buses..(interval + 1) * buses].iter().map(|load| load * by).collect();
        let available_w = (0..units)
            .map(|unit| {
                let ahead = self.available_w[interval * units + unit];
                match self.kind[unit] {
                    Some(kind) => (ahead * (1.0 + error(kind + 1))).clamp(0.0, self.most_w[unit]),
                    None => ahead,
                }
            })
            .collect();
        (load_w, available_w)
    }
}

/// Hourly values as intervals: straight lines between the middles of the hours, flat at both ends.
#[must_use]
pub fn by_interval(hourly: &[f64], per_hour: usize) -> Vec<f64> {
    let last = hourly.len().saturating_sub(1);
    (0..hourly.len() * per_hour)
        .map(|t| {
            let at = (t as f64 + 0.5) / per_hour as f64 - 0.5;
            let before = (at.max(0.0) as usize).min(last);
            let after = (before + 1).min(last);
            let share = (at - before as f64).clamp(0.0, 1.0);
            hourly[before] + share * (hourly[after] - hourly[before])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_comes_nearer_to_what_comes() {
        let uncertainty = Uncertainty { seed: 3, ..Uncertainty::default() };
        let day = Forecast::new(2000, vec![100e6; 2000], vec![50e6; 2000], vec![1e9], vec![Some(0)], &uncertainty)
            .expect("sound");
        let spread = |known: usize| {
            let mut sum = 0.0;
            for t in known..2000 {
                let off = day.actual(t).0[0] / day.expected(t, known).0[0] - 1.0;
                sum += off * off;
            }
            libm::sqrt(sum / (2000 - known) as f64)
        };
        // Five minutes ahead what is fresh: 0.02 sqrt(1 - 0.96^2) = 0.0056; a day ahead all of it.
        assert!((spread(1) - 0.0056).abs() < 3.0 * 0.0056 / 63.0, "{}", spread(1));
        assert!(spread(1) < spread(6) && spread(6) < spread(60), "{} {} {}", spread(1), spread(6), spread(60));
        assert!((spread(60) - 0.02).abs() < 0.006, "{}", spread(60));
    }

    #[test]
    fn hours_become_intervals_whose_middles_meet() {
        let values = by_interval(&[10.0, 22.0], 12);
        assert_eq!((values[0], values[23]), (10.0, 22.0));
        let middle = 0.5 * (values[11] + values[12]);
        assert!((middle - 16.0).abs() < 1e-12, "{middle}");
    }

    #[test]
    fn a_grid_without_units_still_has_intervals() {
        let day = Forecast::new(3, vec![1e6; 3], Vec::new(), Vec::new(), Vec::new(), &Uncertainty::default());
        assert_eq!(day.expect("sound").intervals(), 3);
    }

    #[test]
    fn what_no_day_can_have_is_refused_and_no_load_turns_round() {
        let day = |most_w: f64, uncertainty: Uncertainty| {
            Forecast::new(100, vec![1e6; 100], vec![0.0; 100], vec![most_w], vec![Some(0)], &uncertainty)
        };
        let usual = Uncertainty::default();
        let why = day(-5e6, usual).expect_err("weather that draws").to_string();
        assert!(why.contains("found most output -5 MW of generator 1") && why.contains("expected 0 or more"), "{why}");
        for wrong in [f64::INFINITY, f64::NAN, -0.1] {
            assert!(day(5e6, Uncertainty { load: wrong, ..usual }).is_err());
            assert!(day(5e6, Uncertainty { weather: wrong, ..usual }).is_err());
        }
        assert!(day(5e6, Uncertainty { keep: 1.1, ..usual }).is_err());
        let wild = day(5e6, Uncertainty { load: 2.0, ..usual }).expect("allowed");
        assert!((0..100).all(|t| wild.actual(t).0[0] >= 0.0));
    }
}
