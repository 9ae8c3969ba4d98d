//! What happens when the controller dies: node agents fall to safe caps, then batteries revert; does import stay under its
//! limits, and how fast does the meter move?
//!
//! Not modelled: turbines that keep running after their lease (they hold their output; here they count for nothing, which is
//! the harder case); anything in time.

use super::{MW, finding};
use crate::results::Finding;
use crate::scenario::Scenario;

/// A point at which the controller's death is bridged or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lapse {
    /// Most that the campus can import there with every hall at its safe cap, no generation, batteries at rest, W.
    pub safe_import_w: f64,
    /// Lowest limit that ever binds there: of the point, or its share of one over all points, W.
    pub lowest_limit_w: f64,
    /// Energy needed to discharge at full power until the safe caps hold, and energy stored at the target, J.
    pub bridge_j: f64,
    /// See `bridge_j`.
    pub stored_j: f64,
    /// Fastest fall of import when every agent falls back together, W/s, and what is declared for emergencies.
    pub fall_w_per_s: f64,
    /// See `fall_w_per_s`.
    pub declared_w_per_s: f64,
    /// Largest turbine there, and what the batteries give there, W.
    pub largest_w: f64,
    /// See `largest_w`.
    pub discharge_w: f64,
}

impl Lapse {
    /// Whether import stays under its limits when the controller dies at full discharge.
    #[must_use]
    pub fn is_bridged(&self) -> bool {
        self.safe_import_w <= self.lowest_limit_w && self.bridge_j <= self.stored_j
    }

    /// Whether the largest turbine may trip at full load.
    #[must_use]
    pub fn carries_a_trip(&self) -> bool {
        self.largest_w <= self.discharge_w
    }

    /// Whether a lapse of every lease moves the meter no faster than declared.
    #[must_use]
    pub fn falls_as_declared(&self) -> bool {
        self.fall_w_per_s <= self.declared_w_per_s
    }
}

/// The lowest limit that binds a point: its own, or the whole of one over all points where it is the only tie, and a part of
/// it in proportion to safe import where there are several.
fn lowest_limit_w(scenario: &Scenario, poi: usize, part: f64) -> f64 {
    let mut lowest_w = f64::INFINITY;
    for (index, limit) in scenario.control.limits.iter().enumerate() {
        let said = scenario.surroundings.limits.get(index).into_iter().flatten().map(|step| step.limit_w);
        let least_w = said.chain([limit.initial_w]).filter(|w| !w.is_nan()).fold(f64::INFINITY, f64::min);
        match limit.poi {
            None => lowest_w = lowest_w.min(part * least_w),
            Some(of) if usize::from(of) == poi => lowest_w = lowest_w.min(least_w),
            Some(_) => {}
        }
    }
    for scheduled in &scenario.events {
        let event = &scheduled.event;
        if event.poi == 255 {
            lowest_w = lowest_w.min(part * event.limit_w);
        } else if usize::from(event.poi) == poi {
            lowest_w = lowest_w.min(event.limit_w);
        }
    }
    lowest_w
}

/// Import of a point with every hall at its safe cap, its cooling still that of full load (heat lags behind by minutes), and
/// the house load of resting batteries, W.
fn safe_import_w(scenario: &Scenario, poi: usize) -> f64 {
    let config = &scenario.control;
    let halls = config.halls.iter().filter(|hall| usize::from(hall.poi) == poi);
    let feeder_w =
        |hall: &tieline_control::HallConfig, cap_w: f64| hall.gpus * cap_w * hall.feeder_per_gpu_w + hall.fixed_w;
    let load: f64 =
        halls.map(|hall| feeder_w(hall, hall.safe_cap_w) + hall.cooling_per_w * feeder_w(hall, hall.max_cap_w)).sum();
    let standby: f64 = scenario.plant.batteries.iter().filter(|unit| unit.poi == poi).map(|unit| unit.standby_w).sum();
    (load + standby) / (1.0 - scenario.plant.pois[poi].transformer_loss)
}

/// Every tied point with what its leases do.
#[must_use]
pub fn lapses(scenario: &Scenario) -> Vec<Option<Lapse>> {
    let config = &scenario.control;
    let tied = |poi: &usize| !config.pois[*poi].island;
    let safe = |poi: usize| safe_import_w(scenario, poi);
    let total_w: f64 = (0..config.pois.len()).filter(tied).map(safe).sum();
    let leases = &config.leases;
    let bridge_s = (leases.gpu + leases.gpu_jitter + leases.gpu_ramp).as_secs_f64();
    let of_point = |poi: usize| {
        let halls = || config.halls.iter().filter(|hall| usize::from(hall.poi) == poi);
        let units = || config.batteries.iter().filter(|unit| usize::from(unit.poi) == poi);
        let discharge_w: f64 = units().map(|unit| unit.discharge_w).sum();
        let fall_w: f64 = halls().map(|h| h.gpus * (h.max_cap_w - h.safe_cap_w) * h.feeder_per_gpu_w).sum();
        let above = |unit: &tieline_control::BatteryConfig| (config.reserve.target_soc - unit.soc_min).max(0.0);
        Lapse {
            safe_import_w: safe(poi),
            lowest_limit_w: lowest_limit_w(scenario, poi, if total_w > 0.0 { safe(poi) / total_w } else { 1.0 }),
            bridge_j: discharge_w * bridge_s,
            stored_j: units().map(|unit| above(unit) * unit.energy_j * unit.efficiency).sum(),
            fall_w_per_s: fall_w / leases.gpu_ramp.as_secs_f64().max(config.tick.as_secs_f64()),
            declared_w_per_s: config.pois[poi].emergency_ramp_w_per_s,
            largest_w: config
                .turbines
                .iter()
                .filter(|turbine| usize::from(turbine.poi) == poi)
                .map(|turbine| turbine.rated_w)
                .fold(0.0, f64::max),
            discharge_w,
        }
    };
    (0..config.pois.len()).map(|poi| tied(&poi).then(|| of_point(poi))).collect()
}

pub(super) fn lease_order(scenario: &Scenario, findings: &mut Vec<Finding>) {
    for (poi, lapse) in scenario.control.pois.iter().zip(lapses(scenario)) {
        let Some(lapse) = lapse else { continue };
        let limit = if lapse.lowest_limit_w.is_finite() {
            format!("{:.1} MW", lapse.lowest_limit_w / MW)
        } else {
            "no limit".to_owned()
        };
        findings.push(finding(
            "a dead controller against the limits",
            lapse.is_bridged(),
            format!(
                "{}: with every hall at its safe cap {:.1} MW come in, the lowest limit is {limit}; {:.2} MWh bridge the \
                 lapse at full discharge, {:.2} MWh are stored",
                poi.name,
                lapse.safe_import_w / MW,
                lapse.bridge_j / 3.6e9,
                lapse.stored_j / 3.6e9
            ),
        ));
        findings.push(finding(
            "lapse of every lease against the declared ramp",
            lapse.falls_as_declared(),
            format!(
                "{}: falling to the safe caps is at most {:.1} MW/s, {:.1} MW/s are declared for emergencies",
                poi.name,
                lapse.fall_w_per_s / MW,
                lapse.declared_w_per_s / MW
            ),
        ));
    }
}
