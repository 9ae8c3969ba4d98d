//! Unit-commitment cases written as PGLib-UC or Egret JSON, with what the format cannot hold.
//!
//! Not modelled: lines and their buses (Egret could hold them; they are said to be lost).

use super::{Json, MW, MWH};
use serde_json::{Map, Value, json};
use tieline_grid::commitment::{Problem, Unit};

/// The JSON of a problem, and in words what it does not say any more.
#[must_use]
pub fn write(problem: &Problem, format: Json) -> (Value, Vec<String>) {
    let mut lost = Vec::new();
    let mut drop = |gone: bool, what: &str| {
        if gone {
            lost.push(what.to_owned());
        }
    };
    drop(problem.lines.is_some(), "lines, and the buses that things stand at");
    drop(problem.services.is_some(), "services of the market");
    drop(problem.reserve.contingency.is_some(), "cover for the loss of a unit");
    drop(problem.units.iter().any(|unit| unit.burns.is_some()), "fuel supplies and second fuels (costs stay)");
    let value = match format {
        Json::Pglib => {
            drop(!problem.stores.is_empty(), "storages");
            drop(
                problem.mismatch_usd_per_j.is_some(),
                "prices of load unserved and supply untaken: they are forbidden now",
            );
            drop(
                problem.reserve.short_usd_per_j.is_some(),
                "the price of reserve that is missing: it is forbidden now",
            );
            drop(problem.units.iter().any(|unit| unit.stop_usd != 0.0), "costs of stops");
            let orders = |unit: &Unit| !unit.ordered.is_empty() && !always(unit);
            drop(problem.units.iter().any(orders), "orders to be on or off in some steps");
            drop(problem.step_s != 3600.0, "the length of a step: PGLib-UC knows hours only");
            pglib(problem)
        }
        Json::Egret => {
            drop(problem.stores.iter().any(|store| !store.inflow_w.is_empty()), "what flows into storages");
            drop(
                problem.mismatch_usd_per_j.is_none(),
                "that no load may be unserved: Egret's own price (10^4 $/MWh) is on it now",
            );
            drop(
                problem.reserve.short_usd_per_j.is_none(),
                "that no reserve may be missing: Egret's own price (10^3 $/MWh) is on it now",
            );
            egret(problem)
        }
    };
    (value, lost)
}

/// Ordered on in every step.
fn always(unit: &Unit) -> bool {
    !unit.ordered.is_empty() && unit.ordered.iter().all(|order| *order == Some(true))
}

fn megawatts(watts: &[f64]) -> Vec<f64> {
    watts.iter().map(|value| value / MW).collect()
}

fn named<T>(items: &[T], each: impl Fn(&T) -> (String, Value)) -> Map<String, Value> {
    items.iter().map(each).collect()
}

fn pglib(problem: &Problem) -> Value {
    let thermal = named(&problem.units, |unit| {
        let first = unit.first;
        let (up, down) = if first.on { (first.steps, 0) } else { (0, first.steps) };
        let starts: Vec<Value> =
            unit.starts.iter().map(|start| json!({ "lag": start.off, "cost": start.usd })).collect();
        let curve: Vec<Value> = unit.curve.iter().map(|(at, usd)| json!({ "mw": at / MW, "cost": usd })).collect();
        let value = json!({
            "must_run": u8::from(always(unit)),
            "power_output_minimum": unit.least_w / MW,
            "power_output_maximum": unit.most_w / MW,
            "ramp_up_limit": unit.up_w / MW,
            "ramp_down_limit": unit.down_w / MW,
            "ramp_startup_limit": unit.begin_w / MW,
            "ramp_shutdown_limit": unit.end_w / MW,
            "time_up_minimum": unit.least_up,
            "time_down_minimum": unit.least_down,
            "power_output_t0": first.output_w / MW,
            "unit_on_t0": u8::from(first.on),
            "time_up_t0": up,
            "time_down_t0": down,
            "startup": starts,
            "piecewise_production": curve,
        });
        (unit.name.clone(), value)
    });
    let renewable = named(&problem.renewables, |renewable| {
        let value = json!({
            "power_output_minimum": megawatts(&renewable.least_w),
            "power_output_maximum": megawatts(&renewable.most_w),
        });
        (renewable.name.clone(), value)
    });
    json!({
        "time_periods": problem.steps,
        "demand": megawatts(&problem.load_w),
        "reserves": megawatts(&problem.reserve.required_w),
        "thermal_generators": thermal,
        "renewable_generators": renewable,
    })
}

fn series(values: Vec<f64>) -> Value {
    json!({ "data_type": "time_series", "values": values })
}

fn egret(problem: &Problem) -> Value {
    let step_h = problem.step_h();
    let mut generators = named(&problem.units, |unit| {
        let hours = |steps: usize| steps as f64 * step_h;
        let starts: Vec<Value> = unit.starts.iter().map(|start| json!([hours(start.off), start.usd])).collect();
        let curve: Vec<Value> = unit.curve.iter().map(|(at, usd)| json!([at / MW, usd])).collect();
        let sign = if unit.first.on { 1.0 } else { -1.0 };
        let room = |limit_w: f64| (unit.least_w + (limit_w - unit.least_w) / step_h) / MW;
        let mut value = json!({
            "generator_type": "thermal",
            "bus": "bus",
            "in_service": true,
            "p_min": unit.least_w / MW,
            "p_max": unit.most_w / MW,
            "ramp_up_60min": unit.up_w / MW / step_h,
            "ramp_down_60min": unit.down_w / MW / step_h,
            "startup_capacity": room(unit.begin_w),
            "shutdown_capacity": room(unit.end_w),
            "min_up_time": hours(unit.least_up),
            "min_down_time": hours(unit.least_down),
            "initial_status": sign * hours(unit.first.steps),
            "initial_p_output": unit.first.output_w / MW,
            "startup_cost": starts,
            "shutdown_cost": unit.stop_usd,
            "p_cost": { "data_type": "cost_curve", "cost_curve_type": "piecewise", "values": curve },
        });
        if !unit.ordered.is_empty() {
            let orders: Vec<Option<u8>> = unit.ordered.iter().map(|order| order.map(u8::from)).collect();
            value["fixed_commitment"] = json!({ "data_type": "time_series", "values": orders });
        }
        (unit.name.clone(), value)
    });
    for renewable in &problem.renewables {
        let value = json!({
            "generator_type": "renewable",
            "bus": "bus",
            "in_service": true,
            "p_min": series(megawatts(&renewable.least_w)),
            "p_max": series(megawatts(&renewable.most_w)),
        });
        generators.insert(renewable.name.clone(), value);
    }
    let stores = named(&problem.stores, |store| {
        let share = |energy_j: f64| if store.energy_j > 0.0 { energy_j / store.energy_j } else { 0.0 };
        let value = json!({
            "bus": "bus",
            "energy_capacity": store.energy_j / MWH,
            "max_charge_rate": store.charge_w / MW,
            "max_discharge_rate": store.discharge_w / MW,
            "charge_efficiency": store.charge_efficiency,
            "discharge_efficiency": store.discharge_efficiency,
            "retention_rate_60min": store.keep.powf(1.0 / step_h),
            "initial_state_of_charge": share(store.first_j),
            "end_state_of_charge": share(store.last_j),
            "minimum_state_of_charge": share(store.floor_j),
            "charge_cost": store.charge_usd_per_j * MWH,
            "discharge_cost": store.discharge_usd_per_j * MWH,
        });
        (store.name.clone(), value)
    });
    let keys: Vec<String> = (1..=problem.steps).map(|step| step.to_string()).collect();
    let mut system = json!({
        "time_keys": keys,
        "time_period_length_minutes": problem.step_s / 60.0,
        "baseMVA": 1.0,
        "reserve_requirement": series(megawatts(&problem.reserve.required_w)),
    });
    for (key, price) in [
        ("load_mismatch_cost", problem.mismatch_usd_per_j),
        ("reserve_shortfall_cost", problem.reserve.short_usd_per_j),
    ] {
        if let Some(price) = price {
            system[key] = json!(price * MWH);
        }
    }
    json!({
        "system": system,
        "elements": {
            "bus": { "bus": {} },
            "load": { "load": { "bus": "bus", "in_service": true, "p_load": series(megawatts(&problem.load_w)) } },
            "generator": generators,
            "storage": stores,
        },
    })
}
