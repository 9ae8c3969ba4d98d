//! PGLib-UC: demand, reserves, thermal and renewable units of one bus, hour by hour.
//!
//! Not modelled: keys beyond the format's own; they are named.

use super::walk::Walk;
use super::{MOST_STEPS, MW};
use serde_json::Value;
use tieline_grid::commitment::{Problem, Renewable, Reserve, Start, State, Unit};

const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

pub(super) fn problem(walk: &mut Walk<'_>, tree: &Value) -> Problem {
    let hours = walk.steps(tree, &["time_periods"]);
    if !(1..=MOST_STEPS).contains(&hours) {
        walk.say(&["time_periods"], format!("expected 1 to {MOST_STEPS}, found {hours}"));
        return Problem::default();
    }
    let series = |walk: &mut Walk<'_>, tree: &Value, path: &[&str], range: (f64, f64)| -> Vec<f64> {
        let key = path.last().copied().unwrap_or("");
        match tree.get(key) {
            Some(value) => walk.list(value, path, hours, range).iter().map(|value| value * MW).collect(),
            None => {
                walk.say(path, format!("is missing: expected a list of {hours} numbers"));
                vec![0.0; hours]
            }
        }
    };
    let mut problem = Problem {
        steps: hours,
        step_s: 3600.0,
        load_w: series(walk, tree, &["demand"], POSITIVE),
        reserve: Reserve { required_w: vec![0.0; hours], ..Reserve::default() },
        ..Problem::default()
    };
    let known = ["time_periods", "demand", "reserves", "thermal_generators", "renewable_generators"];
    for key in tree.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| !known.contains(&key.as_str())) {
        walk.remark(format!("{key} is not used"));
    }
    if tree.get("reserves").is_some() {
        problem.reserve.required_w = series(walk, tree, &["reserves"], POSITIVE);
    }
    if let Some(units) = walk.object(tree, &["thermal_generators"], true) {
        for (name, unit) in units {
            problem.units.push(thermal(walk, name, unit, hours));
        }
    }
    if let Some(renewables) = walk.object(tree, &["renewable_generators"], false) {
        for (name, renewable) in renewables {
            let path = ["renewable_generators", name.as_str()];
            let one = |walk: &mut Walk<'_>, key: &str| series(walk, renewable, &[path[0], path[1], key], POSITIVE);
            problem.renewables.push(Renewable {
                name: name.clone(),
                bus: 0,
                least_w: one(walk, "power_output_minimum"),
                most_w: one(walk, "power_output_maximum"),
            });
        }
    }
    problem
}

/// Keys of a thermal unit.
const THERMAL: [&str; 16] = [
    "name",
    "must_run",
    "power_output_minimum",
    "power_output_maximum",
    "ramp_up_limit",
    "ramp_down_limit",
    "ramp_startup_limit",
    "ramp_shutdown_limit",
    "time_up_minimum",
    "time_down_minimum",
    "power_output_t0",
    "unit_on_t0",
    "time_up_t0",
    "time_down_t0",
    "startup",
    "piecewise_production",
];

fn thermal(walk: &mut Walk<'_>, name: &str, tree: &Value, hours: usize) -> Unit {
    for key in tree.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !THERMAL.contains(&key.as_str()) {
            walk.remark(format!("{key} of thermal generators is not used"));
        }
    }
    let path = |key: &'static str| ["thermal_generators", name, key];
    let mut watts = |key: &'static str| walk.number(tree, &path(key), POSITIVE) * MW;
    let mut unit = Unit {
        name: name.to_owned(),
        least_w: watts("power_output_minimum"),
        most_w: watts("power_output_maximum"),
        up_w: watts("ramp_up_limit"),
        down_w: watts("ramp_down_limit"),
        begin_w: watts("ramp_startup_limit"),
        end_w: watts("ramp_shutdown_limit"),
        ..Unit::default()
    };
    let output_w = watts("power_output_t0");
    let on = walk.flag(tree, &path("unit_on_t0"));
    if on.is_none() && tree.get("unit_on_t0").is_none_or(Value::is_null) {
        walk.say(&path("unit_on_t0"), "is missing: expected 1 or 0".to_owned());
    }
    let on = on.unwrap_or(false);
    let steps = walk.steps(tree, &path(if on { "time_up_t0" } else { "time_down_t0" }));
    unit.first = State { on, steps, output_w };
    unit.least_up = walk.steps(tree, &path("time_up_minimum"));
    unit.least_down = walk.steps(tree, &path("time_down_minimum"));
    if walk.flag(tree, &path("must_run")) == Some(true) {
        unit.ordered = vec![Some(true); hours];
    }
    for row in rows(walk, tree, &path("piecewise_production")) {
        let at = walk.number(row, &["thermal_generators", name, "piecewise_production", "mw"], POSITIVE);
        let usd = walk.number(row, &["thermal_generators", name, "piecewise_production", "cost"], ANY);
        unit.curve.push((at * MW, usd));
    }
    for row in rows(walk, tree, &path("startup")) {
        let off = walk.steps(row, &["thermal_generators", name, "startup", "lag"]);
        let usd = walk.number(row, &["thermal_generators", name, "startup", "cost"], POSITIVE);
        unit.starts.push(Start { off, usd, fuel: 0.0 });
    }
    unit
}

/// Rows of a list of objects.
fn rows<'v>(walk: &mut Walk<'_>, tree: &'v Value, path: &[&str]) -> &'v [Value] {
    let key = path.last().copied().unwrap_or("");
    match tree.get(key).and_then(Value::as_array) {
        Some(rows) if !rows.is_empty() => rows,
        _ => {
            walk.say(path, "expected a list with at least one row".to_owned());
            &[]
        }
    }
}
