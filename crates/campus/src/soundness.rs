//! Soundness of a plant's configuration: everything that would make a step meaningless, said at once.
//!
//! Not modelled: whether the numbers are wise; `check` weighs megawatts against each other.

use crate::hall::Hall;
use crate::onsite::Turbine;
use crate::plant::{Commanded, FaultKind, Instrument, PlantConfig};
use crate::storage::Battery;
use crate::training::Job;
use tieline_units::Span;

/// Collects complaints about one component.
struct Complaints<'a> {
    of: String,
    found: &'a mut Vec<String>,
}

impl Complaints<'_> {
    fn unless(&mut self, holds: bool, text: &str) {
        if !holds {
            self.found.push(format!("{}: {text}", self.of));
        }
    }

    fn at_least(&mut self, value: f64, least: f64, name: &str) {
        self.unless(value.is_finite() && value >= least, &format!("{name} is {value}, expected at least {least}"));
    }

    fn within(&mut self, value: f64, low: f64, high: f64, name: &str) {
        let holds = value.is_finite() && value >= low && value <= high;
        self.unless(holds, &format!("{name} is {value}, expected {low} to {high}"));
    }
}

impl PlantConfig {
    /// Everything wrong with the configuration, in words; empty when a plant can be built from it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let step = self.step.as_nanos();
        {
            let mut plant = Complaints { of: "plant".to_owned(), found: &mut found };
            plant.unless(step > 0, "the step must be positive");
            if step <= 0 {
                return found;
            }
            let whole = |span: Span| span.as_nanos() >= 0 && span.as_nanos() % step == 0;
            plant.unless(
                self.telemetry.unit_period > Span::ZERO && whole(self.telemetry.unit_period),
                "the period of unit telemetry must be a whole number of steps",
            );
            for poi in &self.pois {
                plant.unless(whole(poi.meter_delay), "a meter's delay must be a whole number of steps");
                plant.within(poi.transformer_loss, 0.0, 0.5, "transformer_loss");
                plant.at_least(poi.meter_sigma_w, 0.0, "meter_sigma_w");
            }
            plant.within(self.lapse.safe_cap_share, 0.0, 1.0, "safe_cap_share");
            plant.at_least(self.lapse.gpu_ramp_s, 0.0, "gpu_ramp_s");
            plant.at_least(self.lapse.cap_delay_s, 0.0, "cap_delay_s");
            plant.unless(self.lapse.gpu_jitter >= Span::ZERO, "gpu_jitter must not be negative");
            plant.at_least(self.telemetry.meter_quantum_w, 0.0, "meter_quantum_w");
            plant.at_least(self.telemetry.unit_quantum_w, 0.0, "unit_quantum_w");
            plant.within(self.telemetry.soc_quantum, 0.0, 1.0, "soc_quantum");
        }
        let points = self.pois.len();
        self.halls.iter().for_each(|h| hall(h, points, self.jobs.len(), &mut found));
        self.jobs.iter().for_each(|j| job(j, &mut found));
        self.turbines.iter().for_each(|t| turbine(t, points, &mut found));
        self.batteries.iter().for_each(|b| battery(b, points, &mut found));
        self.fault_problems(&mut found);
        found
    }

    fn fault_problems(&self, found: &mut Vec<String>) {
        for (i, fault) in self.faults.iter().enumerate() {
            let mut c = Complaints { of: format!("fault {i}"), found: &mut *found };
            let count = self.concerned(fault.kind);
            c.unless(fault.index < count || fault.index == usize::MAX, "no device of that index");
            c.unless(fault.end >= fault.start, "ends before it starts");
            match fault.kind {
                FaultKind::MeterOffset(offset_w) => c.unless(offset_w.is_finite(), "the offset must be finite"),
                FaultKind::Scaled(_, factor) | FaultKind::SocScaled(factor) => {
                    c.unless(factor.is_finite(), "the factor must be finite");
                }
                FaultKind::Late(_, late) | FaultKind::CommandsDelayed(late) => {
                    c.unless(late > Span::ZERO && late <= LONGEST_DELAY, "the delay must lie within 0 to 1 h");
                }
                FaultKind::BatteryDerated(share) | FaultKind::CommandsPartial(_, share) => {
                    c.within(share, 0.0, 1.0, "share");
                }
                FaultKind::StringsLost(share) => c.within(share, 0.0, 0.999, "share of strings"),
                _ => {}
            }
        }
    }

    /// How many devices a fault of this kind can name.
    fn concerned(&self, kind: FaultKind) -> usize {
        match kind {
            FaultKind::MeterSilent | FaultKind::MeterOffset(_) | FaultKind::MeterNan | FaultKind::TieOpen => {
                self.pois.len()
            }
            FaultKind::HallSilent | FaultKind::HallTrip => self.halls.len(),
            FaultKind::TurbineSilent | FaultKind::TurbineTrip => self.turbines.len(),
            FaultKind::BatterySilent
            | FaultKind::BatteryOut
            | FaultKind::BatteryDerated(_)
            | FaultKind::StringsLost(_)
            | FaultKind::SocScaled(_) => self.batteries.len(),
            FaultKind::Late(of, _) | FaultKind::Frozen(of) | FaultKind::Scaled(of, _) | FaultKind::Stamped(of, _) => {
                match of {
                    Instrument::Meter => self.pois.len(),
                    Instrument::Hall => self.halls.len(),
                    Instrument::Battery => self.batteries.len(),
                    Instrument::Turbine => self.turbines.len(),
                }
            }
            FaultKind::CommandRefused(of) => match of {
                Commanded::Caps => self.halls.len(),
                Commanded::Batteries => self.batteries.len(),
                Commanded::Turbines => self.turbines.len(),
                Commanded::All => 0,
            },
            FaultKind::JobFailure | FaultKind::CheckpointFailure => self.jobs.len(),
            FaultKind::CommandsLost
            | FaultKind::CommandsDelayed(_)
            | FaultKind::CommandsPartial(..)
            | FaultKind::LeaseLapse(_) => usize::MAX,
        }
    }
}

/// Readings and commands under way are kept in memory; a later one is a silence.
const LONGEST_DELAY: Span = Span::secs(3600);

fn hall(hall: &Hall, points: usize, jobs: usize, found: &mut Vec<String>) {
    let mut c = Complaints { of: format!("hall {}", hall.name), found };
    c.unless(hall.poi < points, "its point of interconnection does not exist");
    c.unless(hall.job.is_none_or(|j| j < jobs), "its job does not exist");
    c.at_least(hall.gpus, 0.0, "gpus");
    c.at_least(hall.fixed_w, 0.0, "fixed_w");
    c.within(hall.conversion_loss, 0.0, 0.9, "conversion_loss");
    let p = &hall.product;
    c.at_least(p.rated_w, 1.0, "rated_w");
    c.within(p.min_cap_w, 0.0, p.rated_w, "min_cap_w");
    c.within(p.idle_w, 0.0, p.rated_w, "idle_w");
    c.within(p.stalled_w, 0.0, p.rated_w, "stalled_w");
    c.within(p.training_w, 0.0, p.rated_w, "training_w");
    c.at_least(p.other_w, 0.0, "other_w");
    c.at_least(p.bf16_flops, 0.0, "bf16_flops");
    c.within(p.throughput_exponent, 0.01, 100.0, "throughput_exponent");
    let k = &hall.cooling;
    c.at_least(k.cop_at_25c, 1.0, "cop_at_25c");
    c.at_least(k.cop_per_k, 0.0, "cop_per_k");
    c.unless(k.free_cooling_below_c.is_finite(), "free_cooling_below_c must be finite");
    c.within(k.pumps_and_fans, 0.0, 1.0, "pumps_and_fans");
    c.within(k.pumps_and_fans_min, 0.0, 1.0, "pumps_and_fans_min");
    c.at_least(k.lag_s, 0.0, "lag_s");
}

fn job(job: &Job, found: &mut Vec<String>) {
    let mut c = Complaints { of: format!("job {}", job.name), found };
    for (value, name) in [
        (job.active_parameters, "active_parameters"),
        (job.failures_per_1000_node_days, "failures_per_1000_node_days"),
        (job.restart_s, "restart_s"),
        (job.checkpoint_every_s, "checkpoint_every_s"),
        (job.checkpoint_stall_s, "checkpoint_stall_s"),
        (job.checkpoint_write_s, "checkpoint_write_s"),
        (job.ramp_s, "ramp_s"),
        (job.target_tokens, "target_tokens"),
    ] {
        c.at_least(value, 0.0, name);
    }
    c.within(job.mfu, 0.0, 1.0, "mfu");
    c.at_least(job.tokens_per_flop.unwrap_or_default(), 0.0, "tokens_per_flop");
    c.within(job.activity, 0.0, 2.0, "activity");
    c.within(job.failure_domains, 1.0, 65_536.0, "failure_domains");
    c.within(job.night_share, 0.0, 1.0, "night_share");
    c.within(job.peak_hour, 0.0, 24.0, "peak_hour");
}

fn turbine(turbine: &Turbine, points: usize, found: &mut Vec<String>) {
    let mut c = Complaints { of: format!("turbine {}", turbine.name), found };
    c.unless(turbine.poi < points, "its point of interconnection does not exist");
    c.at_least(turbine.rated_w, 0.0, "rated_w");
    c.within(turbine.min_w, 0.0, turbine.rated_w.max(0.0), "min_w");
    for (value, name) in [
        (turbine.ramp_w_per_s, "ramp_w_per_s"),
        (turbine.start_s, "start_s"),
        (turbine.derate_per_k, "derate_per_k"),
        (turbine.heat_rate, "heat_rate"),
        (turbine.permit_h_per_year, "permit_h_per_year"),
        (turbine.trips_per_h, "trips_per_h"),
        (turbine.repair_s, "repair_s"),
    ] {
        c.at_least(value, 0.0, name);
    }
    c.unless(turbine.cost_usd_per_j.is_finite(), "cost_usd_per_j must be finite");
}

fn battery(battery: &Battery, points: usize, found: &mut Vec<String>) {
    let mut c = Complaints { of: format!("battery {}", battery.name), found };
    c.unless(battery.poi < points, "its point of interconnection does not exist");
    c.at_least(battery.rated_w, 0.0, "rated_w");
    c.at_least(battery.energy_j, 1.0, "energy_j");
    c.within(battery.round_trip, 0.01, 1.0, "round_trip");
    c.within(battery.soc_range.0, 0.0, 1.0, "lowest state of charge");
    c.within(battery.soc_range.1, battery.soc_range.0, 1.0, "highest state of charge");
    c.within(battery.soc_start, 0.0, 1.0, "soc_start");
    c.within(battery.delay_s, 0.0, 60.0, "delay_s");
    c.at_least(battery.lag_s, 0.0, "lag_s");
    c.at_least(battery.standby_w, 0.0, "standby_w");
    c.unless(battery.reversion_w.is_finite(), "reversion_w must be finite");
}
