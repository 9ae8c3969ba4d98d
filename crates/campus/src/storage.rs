//! Battery units: power, energy, efficiency, response, reversion when the lease lapses.
//!
//! Not modelled: cell voltage, temperature, ageing, reactive power, the firmware's own droop.

/// A battery unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Battery {
    /// Name for people.
    pub name: String,
    /// Index of its point of interconnection.
    pub poi: usize,
    /// Greatest power in either direction, W.
    pub rated_w: f64,
    /// Energy at 100 %, J.
    pub energy_j: f64,
    /// Round-trip efficiency at the unit's terminals, 0..1.
    pub round_trip: f64,
    /// Lowest and highest state of charge, 0..1.
    pub soc_range: (f64, f64),
    /// State of charge at the start, 0..1.
    pub soc_start: f64,
    /// Delay from command to response, s.
    pub delay_s: f64,
    /// First-order lag of the response, s.
    pub lag_s: f64,
    /// House load of the unit while in service, W.
    pub standby_w: f64,
    /// Power to which it reverts when its lease lapses, W (positive charges).
    pub reversion_w: f64,
}
