//! What the campus feels of the grid, as inputs in time: load, price, weather, limits, dips, frequency.
//!
//! Not modelled: any answer of the grid to the campus (stiff grid).

use tieline_units::{Series, Time, Utc};

/// The grid's side of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// Name of the balancing authority, for people ("TVA", "PJM").
    pub grid: String,
    /// Load of the surrounding grid, W; gaps stay gaps.
    pub load: Series,
    /// Outdoor temperature, °C.
    pub ambient: Series,
    /// Price of imported energy, $/MWh.
    pub price: Series,
    /// What each limit source says in time, W; one list per source, by start time.
    pub limits: Vec<Vec<LimitStep>>,
    /// Voltage dips.
    pub dips: Vec<Dip>,
    /// Frequency deviations.
    pub frequency: Vec<FrequencyStep>,
    /// Nominal frequency, Hz.
    pub nominal_hz: f64,
}

/// From `at` on, the source says `limit_w`; infinity releases it, NaN means that the source falls silent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitStep {
    /// When it is said.
    pub at: Time,
    /// Import allowed, W.
    pub limit_w: f64,
    /// Up to when the source means it; `FOREVER` where it names no end.
    pub until: Time,
}

/// A voltage dip at every bus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dip {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Residual voltage, per unit.
    pub residual_pu: f64,
}

/// A frequency held for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyStep {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Frequency, Hz.
    pub hz: f64,
}

impl Surroundings {
    /// Outdoor temperature, °C: in a gap, and after the end, the last valid value holds; before the first valid value,
    /// the first one does. `None` if the series has no valid value at all.
    #[must_use]
    pub fn ambient_at(&self, at: Utc) -> Option<f64> {
        held(&self.ambient, at)
    }

    /// Price of imported energy, $/MWh, with gaps held as in [`Surroundings::ambient_at`].
    #[must_use]
    pub fn price_at(&self, at: Utc) -> Option<f64> {
        held(&self.price, at)
    }

    /// Load of the surrounding grid, W. A gap stays a gap: a load that was not measured must not look like one.
    #[must_use]
    pub fn load_at(&self, at: Utc) -> Option<f64> {
        self.load.at(at)
    }

    /// Import that limit source `source` allows at `now`, W: infinity where it has said nothing yet or has released the
    /// limit, NaN while it is silent. Of two steps at the same instant the later in the list counts.
    ///
    /// # Panics
    /// If there is no such source.
    #[must_use]
    pub fn limit_w(&self, source: usize, now: Time) -> f64 {
        let steps = &self.limits[source];
        match steps.partition_point(|step| step.at <= now) {
            0 => f64::INFINITY,
            said => steps[said - 1].limit_w,
        }
    }

    /// Voltage at every bus, per unit: 1 outside dips, the deepest of overlapping ones. `dips` is in order of `start`.
    #[must_use]
    pub fn voltage_at(&self, now: Time) -> f64 {
        let begun = self.dips.partition_point(|dip| dip.start <= now);
        self.dips[..begun].iter().filter(|dip| now < dip.end).fold(1.0, |pu, dip| pu.min(dip.residual_pu))
    }

    /// Frequency, Hz: nominal outside the listed steps; of overlapping ones the last begun. `frequency` is in order of
    /// `start`.
    #[must_use]
    pub fn frequency_at(&self, now: Time) -> f64 {
        let begun = self.frequency.partition_point(|step| step.start <= now);
        self.frequency[..begun].iter().rev().find(|step| now < step.end).map_or(self.nominal_hz, |step| step.hz)
    }
}

/// The value at `at`, or the last valid one before it, or the first valid one after it.
fn held(series: &Series, at: Utc) -> Option<f64> {
    let values = series.values();
    let index = (at - series.start()).as_nanos().div_euclid(series.step().as_nanos());
    let up_to = usize::try_from(index).map_or(0, |i| values.len().min(i.saturating_add(1)));
    let valid = |value: &&f64| value.is_finite();
    values[..up_to].iter().rev().find(valid).or_else(|| values[up_to..].iter().find(valid)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_units::Span;

    fn surroundings() -> Surroundings {
        let hourly = |values: &[f64]| Series::new(Utc::nanos(0), Span::secs(3600), values.to_vec());
        let at = |s: i64| Time::ZERO + Span::secs(s);
        Surroundings {
            grid: "test".to_owned(),
            load: hourly(&[1e9, f64::NAN, 3e9]),
            ambient: hourly(&[f64::NAN, 20.0, f64::NAN, f64::NAN, 24.0, f64::NAN]),
            price: hourly(&[f64::NAN]),
            limits: vec![
                vec![
                    LimitStep { at: at(10), limit_w: 5e8, until: Time::FOREVER },
                    LimitStep { at: at(20), limit_w: f64::NAN, until: Time::FOREVER },
                    LimitStep { at: at(30), limit_w: 4e8, until: Time::FOREVER },
                    LimitStep { at: at(30), limit_w: f64::INFINITY, until: Time::FOREVER },
                ],
                vec![],
            ],
            dips: vec![
                Dip { start: at(5), end: at(9), residual_pu: 0.7 },
                Dip { start: at(6), end: at(7), residual_pu: 0.3 },
            ],
            frequency: vec![FrequencyStep { start: at(5), end: at(9), hz: 59.9 }],
            nominal_hz: 60.0,
        }
    }

    #[test]
    fn temperature_holds_and_load_stays_a_gap() {
        let world = surroundings();
        let hour = |h: i64| Utc::nanos(0) + Span::secs(3600 * h + 1);
        let ambient: Vec<_> = [-5, 0, 1, 3, 4, 5, 99].map(|h| world.ambient_at(hour(h))).into();
        assert_eq!(ambient, [20.0, 20.0, 20.0, 20.0, 24.0, 24.0, 24.0].map(Some));
        assert_eq!(world.price_at(hour(0)), None, "a price that was never known is not invented");
        assert_eq!([0, 1, 2, 3].map(|h| world.load_at(hour(h))), [Some(1e9), None, Some(3e9), None]);
    }

    #[test]
    fn limits_dips_and_frequency_change_at_their_instants() {
        let world = surroundings();
        let at = |ms: i64| Time::ZERO + Span::millis(ms);
        assert_eq!(world.limit_w(0, at(9_999)), f64::INFINITY);
        assert_eq!(world.limit_w(0, at(10_000)), 5e8);
        assert!(world.limit_w(0, at(20_000)).is_nan());
        assert_eq!(world.limit_w(0, at(30_000)), f64::INFINITY, "the later of two counts");
        assert_eq!(world.limit_w(1, at(0)), f64::INFINITY);
        assert_eq!(
            [4_999, 5_000, 6_500, 7_000, 8_999, 9_000].map(|t| world.voltage_at(at(t))),
            [1.0, 0.7, 0.3, 0.7, 0.7, 1.0]
        );
        assert_eq!([4_999, 5_000, 9_000].map(|t| world.frequency_at(at(t))), [60.0, 59.9, 60.0]);
    }
}
