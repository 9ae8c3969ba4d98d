//! Voltage at the point of connection that a power draws through the network's impedance.
//!
//! Not modelled: control of voltage by anybody, other loads, a power factor that moves.

/// The network seen from the campus: an ideal source behind an impedance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Short-circuit power at the point of connection, VA.
    pub short_circuit_va: f64,
    /// Reactance over resistance.
    pub x_over_r: f64,
    /// Power factor of the campus, lagging.
    pub power_factor: f64,
}

/// The network prepared for many samples.
#[derive(Clone, Copy, Debug)]
pub struct Feeder {
    linear: f64,
    square: f64,
}

impl Network {
    /// Coefficients of the voltage equation.
    ///
    /// With E = 1, |Z| = 1 on the base of the short-circuit power, r + jx = (1 + j X/R) / |1 + j X/R|, p the power and
    /// q = p tan φ: u⁴ + u² (2 (r p + x q) - 1) + (p² + q²) = 0, of which the upper root is the voltage (T-WAVE-07).
    #[must_use]
    pub fn feeder(&self) -> Feeder {
        let size = libm::hypot(1.0, self.x_over_r);
        let (r, x) = (1.0 / size, self.x_over_r / size);
        let tan = libm::sqrt(1.0 - self.power_factor * self.power_factor) / self.power_factor;
        let base = self.short_circuit_va;
        Feeder { linear: (r + x * tan) / base, square: (1.0 + tan * tan) / (base * base) }
    }
}

impl Feeder {
    /// Square of the voltage in per unit of no load; not a number where the network cannot carry the power.
    #[must_use]
    pub fn square_pu(&self, power_w: f64) -> f64 {
        let half = 0.5 - self.linear * power_w;
        half + libm::sqrt(half * half - self.square * power_w * power_w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_load_drops_voltage_by_its_share_of_the_short_circuit_power() {
        let network = Network { short_circuit_va: 1e9, x_over_r: 0.0, power_factor: 1.0 };
        let u = libm::sqrt(network.feeder().square_pu(1e6));
        assert!((u - (1.0 - 1e-3)).abs() < 2e-6, "{u}");
        let u = network.feeder().square_pu(1e9);
        assert!(u.is_nan(), "beyond what the network can carry");
    }
}
