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

/// Share of the pumps in "pumps and fans": 60 of 90 kW in GridPilot's plant (measured plant, calibrated by its authors).
const PUMP_SHARE: f64 = 60.0 / 90.0;

/// Least coefficient of performance: guess, a guard against a fall line that would cross zero in extreme heat.
const COP_FLOOR: f64 = 1.0;

impl Cooling {
    /// Coefficient of performance of the chillers: falls in a straight line above 25 °C (GridPilot `src/cooling`).
    #[must_use]
    pub fn cop(&self, ambient_c: f64) -> f64 {
        (self.cop_at_25c - self.cop_per_k * (ambient_c - 25.0).max(0.0)).max(COP_FLOOR)
    }

    /// Chiller power per watt of heat; zero while the outdoor air cools alone.
    #[must_use]
    pub fn chiller_per_w(&self, ambient_c: f64) -> f64 {
        if ambient_c < self.free_cooling_below_c { 0.0 } else { 1.0 / self.cop(ambient_c) }
    }

    /// Power of pumps (about square in flow) and fans (about cube) per watt of rated heat, at a share of rated heat.
    #[must_use]
    pub fn pumps_and_fans_per_rated_w(&self, heat_share: f64) -> f64 {
        let s = heat_share.max(self.pumps_and_fans_min);
        self.pumps_and_fans * s * s * (PUMP_SHARE + (1.0 - PUMP_SHARE) * s)
    }

    /// Power once everything has settled, W.
    #[must_use]
    pub fn settled_w(&self, heat_w: f64, rated_heat_w: f64, ambient_c: f64) -> f64 {
        if rated_heat_w <= 0.0 {
            return 0.0;
        }
        heat_w * self.chiller_per_w(ambient_c) + rated_heat_w * self.pumps_and_fans_per_rated_w(heat_w / rated_heat_w)
    }
}

/// The cooling plants of all halls, stepped together.
#[derive(Clone, Debug)]
pub(crate) struct CoolingPlants {
    config: Vec<Cooling>,
    rated_heat_w: Vec<f64>,
    per_rated: Vec<f64>,
    blend: Vec<f64>,
    heat_w: Vec<f64>,
    /// Chiller watts per watt of heat, lagged, so that crossing the free-cooling threshold is no step.
    chiller: Vec<f64>,
    chiller_target: Vec<f64>,
    ambient_c: f64,
}

impl CoolingPlants {
    /// Plants for halls with these rated heats, W.
    pub(crate) fn new(config: Vec<Cooling>, rated_heat_w: Vec<f64>, step_s: f64) -> Self {
        let n = config.len();
        let blend = config.iter().map(|c| crate::plant::blend(step_s, c.lag_s)).collect();
        let per_rated = rated_heat_w.iter().map(|r| if *r > 0.0 { 1.0 / r } else { 0.0 }).collect();
        Self {
            config,
            rated_heat_w,
            per_rated,
            blend,
            heat_w: vec![0.0; n],
            chiller: vec![0.0; n],
            chiller_target: vec![0.0; n],
            ambient_c: f64::NAN,
        }
    }

    /// Everything at rest with this heat.
    pub(crate) fn settle(&mut self, heat_w: &[f64], ambient_c: f64, in_service: &[bool], power_w: &mut [f64]) {
        self.heat_w.copy_from_slice(heat_w);
        self.weather(ambient_c);
        self.chiller.copy_from_slice(&self.chiller_target);
        self.power(in_service, power_w);
    }

    /// One step: heat in, electric power out, W.
    pub(crate) fn step(&mut self, heat_w: &[f64], ambient_c: f64, in_service: &[bool], power_w: &mut [f64]) {
        if ambient_c != self.ambient_c {
            self.weather(ambient_c);
        }
        for i in 0..self.heat_w.len() {
            let a = self.blend[i];
            self.heat_w[i] += a * (heat_w[i] - self.heat_w[i]);
            self.chiller[i] += a * (self.chiller_target[i] - self.chiller[i]);
        }
        self.power(in_service, power_w);
    }

    fn power(&self, in_service: &[bool], power_w: &mut [f64]) {
        for i in 0..self.heat_w.len() {
            let share = self.heat_w[i] * self.per_rated[i];
            let pumps = self.rated_heat_w[i] * self.config[i].pumps_and_fans_per_rated_w(share);
            power_w[i] = if in_service[i] { self.heat_w[i] * self.chiller[i] + pumps } else { 0.0 };
        }
    }

    fn weather(&mut self, ambient_c: f64) {
        self.ambient_c = ambient_c;
        for (target, cooling) in self.chiller_target.iter_mut().zip(&self.config) {
            *target = cooling.chiller_per_w(ambient_c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GridPilot's plant: V-CAMPUS-31.
    fn gridpilot() -> Cooling {
        Cooling {
            cop_at_25c: 4.5,
            cop_per_k: 0.05,
            free_cooling_below_c: 12.0,
            pumps_and_fans: 90.0 / 1400.0,
            pumps_and_fans_min: 0.2,
            lag_s: 300.0,
        }
    }

    #[test]
    fn coefficient_of_performance_at_its_published_points() {
        assert_eq!(gridpilot().cop(25.0), 4.5);
        assert!((gridpilot().cop(35.0) - 4.0).abs() < 1e-12);
        assert_eq!(gridpilot().cop(15.0), 4.5);
        assert_eq!(gridpilot().chiller_per_w(11.9), 0.0);
        let settled = gridpilot().settled_w(1.4e6, 1.4e6, 35.0);
        assert!((settled - (1.4e6 / 4.0 + 90e3)).abs() < 1e-6);
    }

    #[test]
    fn heat_reaches_the_chillers_with_the_stated_lag() {
        let mut plant = CoolingPlants::new(vec![gridpilot()], vec![1e6], 1.0);
        let mut power = [0.0];
        plant.settle(&[0.0], 30.0, &[true], &mut power);
        let idle = power[0];
        for _ in 0..300 {
            plant.step(&[1e6], 30.0, &[true], &mut power);
        }
        let reached = 1e6 * (1.0 - libm::exp(-1.0));
        let expected = gridpilot().settled_w(reached, 1e6, 30.0);
        assert!((power[0] - expected).abs() < 1e-6 * expected, "{} {expected}", power[0]);
        let least = 1e6 * 90.0 / 1400.0 * 0.04 * (2.0 / 3.0 + 0.2 / 3.0);
        assert!((idle - least).abs() < 1e-6, "pumps and fans at their least: {idle} {least}");
    }
}
