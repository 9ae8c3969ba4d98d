//! Supply against load and curtailments against batteries, over the points that they concern.
//!
//! Not modelled: anything in time; see the parent module.

use super::{MWH, Scope, battery, draw, finding, power};
use crate::results::Finding;
use crate::scenario::Scenario;
use tieline_units::Time;

fn derated(scenario: &Scenario, ambient_c: f64, scope: Scope<'_>) -> Vec<f64> {
    let permitted = scenario.plant.turbines.iter().filter(|turbine| turbine.permitted && scope(turbine.poi));
    permitted.map(|turbine| turbine.derated_w(ambient_c)).collect()
}

pub(super) fn curtailment(scenario: &Scenario, hottest_c: f64, findings: &mut Vec<Finding>) {
    for scheduled in &scenario.events {
        let event = &scheduled.event;
        // What stands on an island, or at a point that the event does not bind, neither needs nor gives anything here.
        let points = &scenario.plant.pois;
        let scope = |poi: usize| {
            (event.poi == 255 || usize::from(event.poi) == poi) && points.get(poi).is_some_and(|point| !point.island)
        };
        let today = draw(scenario, scenario.start, hottest_c, &scope);
        let (battery_w, usable_j) = battery(scenario, &scope);
        let generation_w: f64 = derated(scenario, hottest_c, &scope).iter().sum();
        let hours = (event.end - event.start).as_secs_f64() / 3600.0;
        let deficit_w = (today.greatest_w - generation_w - event.limit_w).max(0.0);
        let needed_j = deficit_w * hours * 3600.0;
        let closes = deficit_w <= battery_w && needed_j <= usable_j;
        let notice_s = (event.start - event.received_at).as_secs_f64();
        // What the batteries can give towards it, and for how long their energy lasts at that power.
        let given_w = deficit_w.min(battery_w);
        let lasts_h = if given_w > 0.0 { usable_j / given_w / 3600.0 } else { 0.0 };
        let means = match (deficit_w > 0.0, given_w > 0.0) {
            (false, _) => "the turbines and the grid suffice".to_owned(),
            (true, false) => format!("the halls there lack up to {} and there is no battery", power(deficit_w)),
            (true, true) => format!(
                "the halls there lack up to {} or {:.0} MWh; full batteries give {} of it and last {lasts_h:.1} h",
                power(deficit_w),
                needed_j / MWH,
                power(given_w),
            ),
        };
        findings.push(finding(
            "curtailment hours against battery energy",
            closes,
            format!(
                "{}: {} for {hours:.1} h after {:.0} min of notice; beyond {} of turbines {means}{}",
                scheduled.name,
                power(event.limit_w),
                notice_s / 60.0,
                power(generation_w),
                if closes { "" } else { "; GPU caps must carry the rest" },
            ),
        ));
    }
}

/// The tightest sum of import limits that stands at the start, W.
fn import_w(scenario: &Scenario) -> f64 {
    let limit_of = |index: usize| {
        let said = scenario.surroundings.limits.get(index).and_then(|steps| {
            steps.iter().rfind(|step| step.at <= Time::ZERO && !step.limit_w.is_nan()).map(|step| step.limit_w)
        });
        said.unwrap_or(scenario.control.limits[index].initial_w)
    };
    let mut per_poi = vec![f64::INFINITY; scenario.control.pois.len()];
    let mut all_w = f64::INFINITY;
    for (index, limit) in scenario.control.limits.iter().enumerate() {
        match limit.poi.map(usize::from).and_then(|poi| per_poi.get_mut(poi)) {
            Some(poi_w) => *poi_w = poi_w.min(limit_of(index)),
            None => all_w = all_w.min(limit_of(index)),
        }
    }
    for (index, poi) in scenario.control.pois.iter().enumerate() {
        if poi.island {
            per_poi[index] = 0.0;
        }
    }
    all_w.min(per_poi.iter().sum())
}

pub(super) fn supply(scenario: &Scenario, hottest_c: f64, findings: &mut Vec<Finding>) {
    let points = &scenario.plant.pois;
    let import_w = import_w(scenario);
    let tied = |poi: usize| points.get(poi).is_some_and(|point| !point.island);
    if points.iter().any(|point| !point.island) {
        if import_w.is_finite() {
            supply_of(scenario, "", &tied, import_w, hottest_c, findings);
        } else {
            let text = "no import limit stands at the start: the grid carries the load".to_owned();
            findings.push(finding("supply against load", true, text));
        }
    }
    for (index, point) in points.iter().enumerate().filter(|(_, point)| point.island) {
        supply_of(scenario, &format!("island {}: ", point.name), &|poi| poi == index, 0.0, hottest_c, findings);
    }
}

/// Supply of some points against the load behind them.
fn supply_of(
    scenario: &Scenario,
    name: &str,
    scope: Scope<'_>,
    import_w: f64,
    hottest_c: f64,
    findings: &mut Vec<Finding>,
) {
    let today = draw(scenario, scenario.start, hottest_c, scope);
    let turbines_w = derated(scenario, hottest_c, scope);
    let largest_w = turbines_w.iter().copied().fold(0.0, f64::max);
    let generation_w: f64 = turbines_w.iter().fold(0.0, |sum, unit_w| sum + unit_w);
    let supply = if turbines_w.is_empty() {
        format!("{} of import and no turbines", power(import_w))
    } else {
        let (import, generation) = (power(import_w), power(generation_w));
        format!(
            "{import} of import and {generation} of turbines at {hottest_c:.0} °C make {}",
            power(import_w + generation_w)
        )
    };
    findings.push(finding(
        "supply against load",
        import_w + generation_w >= today.greatest_w,
        format!("{name}{supply}; the load is estimated at {} to {}", power(today.least_w), power(today.greatest_w)),
    ));
    let permitted = scenario.plant.turbines.iter().filter(|unit| unit.permitted && unit.running && scope(unit.poi));
    let least_generation_w: f64 = permitted.fold(0.0, |sum, unit| sum + unit.min_w);
    if least_generation_w > today.least_w {
        findings.push(finding(
            "least generation against load",
            false,
            format!(
                "{name}the running turbines cannot go below {}, the load may be {}: the rest is exported, which nothing here limits",
                power(least_generation_w),
                power(today.least_w)
            ),
        ));
    }
    if largest_w > 0.0 {
        let left_w = import_w + generation_w - largest_w;
        findings.push(finding(
            "supply against load with the largest turbine out (N-1)",
            left_w >= today.greatest_w,
            format!(
                "{name}without the largest turbine ({}) {} remain against a load of up to {}",
                power(largest_w),
                power(left_w),
                power(today.greatest_w)
            ),
        ));
    }
}
