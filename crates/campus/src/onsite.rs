//! On-site turbines: ramp, minimum, heat derating, trips, start-up, permit hours, fuel.
//!
//! Not modelled: part-load efficiency curve, emissions by species, inertia and governor dynamics. Permit hours are counted and
//! reported when used up; they do not stop a unit, which is its owner's decision.

use tieline_units::{Draw, Purpose, Span, Time};

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

impl Turbine {
    /// Generation that the unit can reach at an outdoor temperature, W.
    #[must_use]
    pub fn derated_w(&self, ambient_c: f64) -> f64 {
        self.rated_w * (1.0 - self.derate_per_k * (ambient_c - 15.0).max(0.0)).max(0.0)
    }
}

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Off,
    /// Started; reaches minimum load at this instant.
    Starting(Time),
    Running,
    /// Out of service until this instant.
    Out(Time),
}

/// Something that a step changed, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Tripped(usize),
    Repaired(usize),
    PermitUsedUp(usize),
}

/// All turbines as parallel arrays.
#[derive(Clone, Debug)]
pub(crate) struct Turbines {
    config: Vec<Turbine>,
    draw: Draw,
    step_s: f64,
    ambient_c: f64,
    derated_w: Vec<f64>,
    pub(crate) standing: Vec<Standing>,
    set_w: Vec<f64>,
    /// Generation, W (positive).
    pub(crate) generation_w: Vec<f64>,
    /// Hazard left until the next trip, in units of the mean (exponential with mean 1 when drawn).
    hazard_left: Vec<f64>,
    hazard_per_step: Vec<f64>,
    trips_drawn: Vec<u64>,
    /// Hours run (as seconds) since the start, s.
    pub(crate) run_s: Vec<f64>,
    permit_s: Vec<f64>,
}

impl Turbines {
    pub(crate) fn new(config: Vec<Turbine>, draw: Draw, step_s: f64) -> Self {
        let n = config.len();
        let mut turbines = Self {
            draw,
            step_s,
            ambient_c: f64::NAN,
            derated_w: vec![0.0; n],
            standing: config
                .iter()
                .map(|t| if t.running && t.permitted { Standing::Running } else { Standing::Off })
                .collect(),
            set_w: vec![0.0; n],
            generation_w: vec![0.0; n],
            hazard_left: vec![0.0; n],
            hazard_per_step: config.iter().map(|t| t.trips_per_h / 3600.0 * step_s).collect(),
            trips_drawn: vec![0; n],
            run_s: vec![0.0; n],
            permit_s: config.iter().map(|t| t.permit_h_per_year * 3600.0).collect(),
            config,
        };
        for i in 0..n {
            turbines.draw_hazard(i);
        }
        turbines
    }

    fn draw_hazard(&mut self, i: usize) {
        self.hazard_left[i] = self.draw.exponential(i as u32, Purpose::TurbineTrip, self.trips_drawn[i]);
        self.trips_drawn[i] += 1;
    }

    /// Running units share `load_w` of their bus between minimum and rating: the state in which a run begins.
    pub(crate) fn settle(&mut self, poi: usize, load_w: f64, ambient_c: f64) {
        self.weather(ambient_c);
        let runs = |t: &Self, i: usize| t.config[i].poi == poi && t.standing[i] == Standing::Running;
        let total: f64 = (0..self.config.len()).filter(|i| runs(self, *i)).map(|i| self.derated_w[i]).sum();
        let share = if total > 0.0 { (load_w / total).clamp(0.0, 1.0) } else { 0.0 };
        for i in 0..self.config.len() {
            if runs(self, i) {
                let least = self.config[i].min_w.min(self.derated_w[i]);
                self.set_w[i] = (share * self.derated_w[i]).max(least);
                self.generation_w[i] = self.set_w[i];
            }
        }
    }

    /// Units from `first` on take new set-points, W (0 stops); one that is not finite leaves the old one. Returns how many
    /// were refused.
    pub(crate) fn set(&mut self, first: usize, set_w: &[f64]) -> u64 {
        let mut refused = 0;
        for (held, asked) in self.set_w[first..].iter_mut().zip(set_w) {
            if asked.is_finite() {
                *held = asked.max(0.0);
            } else {
                refused += 1;
            }
        }
        refused
    }

    /// Generation that the unit could reach in service, W; 0 while out or without a permit.
    pub(crate) fn available_w(&self, i: usize) -> f64 {
        if matches!(self.standing[i], Standing::Out(_)) || !self.config[i].permitted { 0.0 } else { self.derated_w[i] }
    }

    /// Takes a unit out of service until `until`.
    pub(crate) fn trip(&mut self, i: usize, until: Time) {
        let until = match self.standing[i] {
            Standing::Out(already) => already.max(until),
            _ => until,
        };
        self.standing[i] = Standing::Out(until);
        self.generation_w[i] = 0.0;
    }

    /// One step from `now`; changes go to `changed`.
    pub(crate) fn step(&mut self, now: Time, ambient_c: f64, changed: &mut Vec<Change>) {
        if ambient_c != self.ambient_c {
            self.weather(ambient_c);
        }
        for i in 0..self.config.len() {
            let ramp = self.config[i].ramp_w_per_s * self.step_s;
            let available = self.derated_w[i];
            let wanted = self.config[i].permitted && self.set_w[i] > 0.0 && available > 0.0;
            if let Standing::Out(until) = self.standing[i] {
                if now < until {
                    continue;
                }
                self.standing[i] = Standing::Off;
                changed.push(Change::Repaired(i));
            }
            if self.standing[i] == Standing::Off {
                if !wanted {
                    self.generation_w[i] = (self.generation_w[i] - ramp).max(0.0);
                    continue;
                }
                self.standing[i] = Standing::Starting(now + Span::from_secs_f64(self.config[i].start_s));
            }
            self.run_s[i] += self.step_s;
            if self.run_s[i] >= self.permit_s[i] {
                self.permit_s[i] = f64::INFINITY;
                changed.push(Change::PermitUsedUp(i));
            }
            if let Standing::Starting(ready) = self.standing[i] {
                if !wanted {
                    self.standing[i] = Standing::Off;
                    continue;
                }
                self.start(i, now, ready);
                continue;
            }
            self.hazard_left[i] -= self.hazard_per_step[i];
            if self.hazard_left[i] <= 0.0 {
                self.draw_hazard(i);
                self.trip(i, now + Span::from_secs_f64(self.config[i].repair_s));
                changed.push(Change::Tripped(i));
                continue;
            }
            let target = if wanted { self.set_w[i].max(self.config[i].min_w).min(available) } else { 0.0 };
            self.generation_w[i] += (target - self.generation_w[i]).max(-ramp).min(ramp);
            if !wanted && self.generation_w[i] <= 0.0 {
                self.standing[i] = Standing::Off;
            }
        }
    }

    /// Rises at its ramp (or faster where the start time leaves no room) so that minimum load is reached when ready.
    fn start(&mut self, i: usize, now: Time, ready: Time) {
        let least = self.config[i].min_w.min(self.derated_w[i]);
        let left_s = (ready - now).as_secs_f64() - self.step_s;
        // Half a nanosecond of slack: both instants are whole nanoseconds.
        if left_s <= 0.5e-9 {
            self.generation_w[i] = least;
            self.standing[i] = Standing::Running;
            return;
        }
        let ramp = self.config[i].ramp_w_per_s.max(least / self.config[i].start_s);
        self.generation_w[i] = (least - ramp * left_s).max(0.0);
    }

    /// Cuts the generation at an island bus by `surplus_w`, every unit alike (load rejection); returns what was cut.
    pub(crate) fn curtail(&mut self, poi: usize, surplus_w: f64) -> f64 {
        let at = |c: &Turbine| c.poi == poi;
        let total: f64 = self.config.iter().zip(&self.generation_w).filter(|(c, _)| at(c)).map(|(_, g)| g).sum();
        if total <= 0.0 {
            return 0.0;
        }
        let cut = surplus_w.min(total);
        let keep = 1.0 - cut / total;
        for (_, generation) in self.config.iter().zip(&mut self.generation_w).filter(|(c, _)| at(c)) {
            *generation *= keep;
        }
        cut
    }

    /// Generation at every bus, W, added to `by_poi`; returns fuel, W, and cost, $/s.
    pub(crate) fn sum(&self, by_poi: &mut [f64]) -> (f64, f64) {
        let (mut fuel_w, mut usd_per_s) = (0.0, 0.0);
        for (config, generation) in self.config.iter().zip(&self.generation_w) {
            by_poi[config.poi] += generation;
            fuel_w += generation * config.heat_rate;
            usd_per_s += generation * config.cost_usd_per_j;
        }
        (fuel_w, usd_per_s)
    }

    fn weather(&mut self, ambient_c: f64) {
        self.ambient_c = ambient_c;
        for (derated, config) in self.derated_w.iter_mut().zip(&self.config) {
            *derated = config.derated_w(ambient_c);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A 2.5 MW unit with guessed dynamics.
    pub(crate) fn unit() -> Turbine {
        Turbine {
            name: "GT".to_owned(),
            poi: 0,
            rated_w: 2.5e6,
            min_w: 1e6,
            ramp_w_per_s: 1e4,
            start_s: 300.0,
            derate_per_k: 0.007,
            heat_rate: 2.8,
            cost_usd_per_j: 1e-8,
            permit_h_per_year: 8760.0,
            trips_per_h: 0.0,
            repair_s: 3600.0,
            running: false,
            permitted: true,
        }
    }

    #[test]
    fn starts_to_minimum_on_time_then_ramps_and_derates() {
        let mut turbines = Turbines::new(vec![unit()], Draw::new(1, 0), 1.0);
        turbines.set(0, &[2.5e6]);
        let mut changed = Vec::new();
        let mut now = Time::ZERO;
        let mut trace = Vec::new();
        for _ in 0..600 {
            turbines.step(now, 35.0, &mut changed);
            now += Span::secs(1);
            trace.push(turbines.generation_w[0]);
        }
        assert_eq!(trace[199], 0.0);
        assert!((trace[249] - 5e5).abs() < 1.0, "half way up the ramp to minimum: {}", trace[249]);
        assert_eq!(trace[299], 1e6);
        assert!((trace[349] - 1.5e6).abs() < 1.0);
        assert!((trace[599] - 2.5e6 * 0.86).abs() < 1.0, "20 K above 15 °C at 0.7 %/K");
        assert!(trace.windows(2).all(|w| w[1] - w[0] <= 1e4 + 1e-6));
        turbines.set(0, &[0.0]);
        for _ in 0..300 {
            turbines.step(now, 35.0, &mut changed);
            now += Span::secs(1);
        }
        assert_eq!((turbines.generation_w[0], turbines.standing[0]), (0.0, Standing::Off));
        assert!(changed.is_empty());
    }

    #[test]
    fn trips_come_at_the_stated_rate_and_are_repaired() {
        let config = Turbine { trips_per_h: 0.01, repair_s: 600.0, running: true, ..unit() };
        let mut turbines = Turbines::new(vec![config; 41], Draw::new(5, 0), 10.0);
        turbines.settle(0, 1e9, 15.0);
        turbines.set(0, &[2.5e6; 41]);
        let (mut trips, mut changed, mut now) = (0, Vec::new(), Time::ZERO);
        for _ in 0..360 * 240 {
            turbines.step(now, 15.0, &mut changed);
            trips += changed.drain(..).filter(|c| matches!(c, Change::Tripped(_))).count();
            now += Span::secs(10);
        }
        let expected = turbines.run_s.iter().sum::<f64>() / 3600.0 * 0.01;
        assert!((trips as f64 - expected).abs() < 3.0 * libm::sqrt(expected), "{trips} against {expected}");
    }

    #[test]
    fn a_unit_without_a_permit_never_runs() {
        let mut turbines =
            Turbines::new(vec![Turbine { permitted: false, running: true, ..unit() }], Draw::new(1, 0), 1.0);
        turbines.set(0, &[2.5e6]);
        turbines.step(Time::ZERO, 15.0, &mut Vec::new());
        assert_eq!((turbines.generation_w[0], turbines.available_w(0)), (0.0, 0.0));
    }
}
