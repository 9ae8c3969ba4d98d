//! On-site turbines: ramp, minimum, heat derating, trips, start-up, permit hours, fuel.
//!
//! Not modelled: part-load efficiency curve, emissions by species, inertia and governor dynamics.

/// An on-site gas turbine.
#[derive(Clone, Debug, PartialEq)]
pub struct Turbine {
    /// Name for people.
    pub name: String,
    /// Index of its point of interconnection.
    pub poi: usize,
    /// Rated generation at 15 °C, W.
    pub rated_w: f64,
    /// Least stable generation, W.
    pub min_w: f64,
    /// Ramp, W/s.
    pub ramp_w_per_s: f64,
    /// Time from a start command to minimum load, s.
    pub start_s: f64,
    /// Share of rating lost per kelvin above 15 °C.
    pub derate_per_k: f64,
    /// Fuel heat per joule generated (inverse efficiency).
    pub heat_rate: f64,
    /// Fuel and upkeep, $/J generated.
    pub cost_usd_per_j: f64,
    /// Operating hours that its permit allows per year.
    pub permit_h_per_year: f64,
    /// Trips per running hour.
    pub trips_per_h: f64,
    /// Time out of service after a trip, s.
    pub repair_s: f64,
    /// Whether it runs when the simulation starts.
    pub running: bool,
    /// Whether the permit allows it to run at all.
    pub permitted: bool,
}
