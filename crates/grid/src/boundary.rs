//! What the campus feels of the grid, as inputs in time: load, price, weather, limits, dips, frequency.
//!
//! Not modelled: any answer of the grid to the campus (stiff grid).

use tieline_units::{Series, Time};

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
