//! Cooling: chiller power from heat and outdoor temperature, with thermal lag.
//!
//! Not modelled: water, humidity (wet bulb), coolant loops, failures of chillers.

/// A cooling plant, scaled with the hall's rated heat.
#[derive(Clone, Debug, PartialEq)]
pub struct Cooling {
    /// Coefficient of performance at 25 °C and below (above free cooling).
    pub cop_at_25c: f64,
    /// Fall of the coefficient per kelvin above 25 °C.
    pub cop_per_k: f64,
    /// Below this outdoor temperature chillers rest, °C.
    pub free_cooling_below_c: f64,
    /// Pumps and fans at rated heat as a share of the rated heat.
    pub pumps_and_fans: f64,
    /// Least share at which pumps and fans run, 0..1.
    pub pumps_and_fans_min: f64,
    /// Time constant between heat and chiller power, s.
    pub lag_s: f64,
}
