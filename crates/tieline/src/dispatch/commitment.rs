//! A year with commitment: which machines run, what their starts cost, and what that adds to the least cost without.
//!
//! Not modelled: anything that `tieline_grid::dispatch::commit` does not model.

use super::{MW, SOLVER, Solved};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tieline_files::dispatch::Case;
use tieline_grid::dispatch::{Committed, Dispatch, Failure, Problem, commit};

/// The method by its name, for people and for `summary.json`.
pub const METHOD: &str =
    "HiGHS, two days at a time of which one is kept, aims of storages by tieline's interior-point method";

/// Whether any unit of a problem consists of machines that are on or off.
pub fn has_machines(problem: &Problem) -> bool {
    (0..problem.units.name.len()).any(|unit| problem.machines(unit).is_some())
}

/// The answer with commitment, from the one without.
///
/// # Errors
/// Why there is none.
pub fn committed(case: &Case, plain: &Solved, gap: f64) -> Result<Solved, Failure> {
    let committed = commit(&case.problem, &plain.dispatch, gap)?;
    // What a campus saves lies within what the windows leave open: it is not told.
    let relaxed_usd = plain.dispatch.quality.cost_usd;
    let told = json_of(&case.problem, &committed, relaxed_usd);
    let Committed { dispatch, running, .. } = committed;
    Ok(Solved { dispatch, without: None, shaved: Vec::new(), commitment: Some((told, running)) })
}

fn json_of(problem: &Problem, committed: &Committed, relaxed_usd: f64) -> Value {
    let running = &committed.recheck;
    let units = problem.units.name.len();
    let each = |unit: usize| {
        let machines = problem.machines(unit)?;
        let on = |hour: usize| committed.running[hour * units + unit];
        let starts: u32 = (1..problem.hours).map(|hour| on(hour).saturating_sub(on(hour - 1))).sum();
        let machine_hours: u64 = (0..problem.hours).map(|hour| u64::from(on(hour))).sum();
        Some(json!({
            "unit": problem.units.name[unit],
            "machines": machines.count,
            "least_mw": machines.least * problem.units.capacity_w[unit] / f64::from(machines.count) / MW,
            "starts": starts,
            "start_usd": f64::from(starts) * machines.start_usd,
            "hours_on_mean": machine_hours as f64 * problem.step_s / 3600.0 / f64::from(machines.count),
        }))
    };
    json!({
        "starts": running.starts,
        "start_usd": running.start_usd,
        "machine_hours": running.machine_hours,
        "windows": committed.windows,
        "worst_window_gap": committed.worst_gap,
        "mean_window_gap": committed.mean_gap,
        "early_stops": running.early_stops,
        "early_starts": running.early_starts,
        "machines_too_many": running.too_many,
        "output_error_w": running.output_error_w,
        "cost_without_usd": relaxed_usd,
        "units": (0..units).filter_map(each).collect::<Vec<Value>>(),
    })
}

/// Who solved it.
pub fn solver(solved: &Solved) -> &'static str {
    if solved.commitment.is_some() { METHOD } else { SOLVER }
}

/// The lines about cost and bound, for people.
pub fn head(told: &Value, dispatch: &Dispatch, seconds: f64) -> String {
    let number = |key: &str| told[key].as_f64().unwrap_or(f64::NAN);
    let quality = &dispatch.quality;
    let mut text = format!(
        "cost            {:.6} M$, of which {:.6} M$ for {:.0} starts\n",
        quality.cost_usd / 1e6,
        number("start_usd") / 1e6,
        number("starts")
    );
    let _ = writeln!(
        text,
        "bound           {:.6} M$: no dispatch costs less, with commitment or without (certified from the prices alone); {:.3} % below the cost",
        quality.bound_usd / 1e6,
        100.0 * quality.gap
    );
    let _ = writeln!(
        text,
        "without         {:.6} M$ if machines start for nothing and run at any output",
        number("cost_without_usd") / 1e6
    );
    let _ = writeln!(
        text,
        "solved by       {METHOD}; {:.0} windows, mean gap of one {:.1e}, worst {:.1e}, {seconds:.1} s",
        number("windows"),
        number("mean_window_gap"),
        number("worst_window_gap")
    );
    let _ = writeln!(
        text,
        "rechecked       {:.0} machines stopped early, {:.0} started early, {:.0} on that are not there; outputs within {:.1e} W",
        number("early_stops"),
        number("early_starts"),
        number("machines_too_many"),
        number("output_error_w")
    );
    text
}

/// Starts and hours by unit, for people; the units that start most first.
pub fn page(told: &Value) -> String {
    let mut units: Vec<&Value> = told["units"].as_array().into_iter().flatten().collect();
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or(0.0);
    units.sort_by(|a, b| number(b, "start_usd").total_cmp(&number(a, "start_usd")));
    let mut text = String::new();
    for (index, unit) in units.iter().enumerate() {
        if index == 0 {
            let _ = writeln!(
                text,
                "\n{:<28}{:>10}{:>10}{:>10}{:>12}{:>14}",
                "unit of machines", "machines", "least MW", "starts", "starts M$", "h on, mean"
            );
        }
        let _ = writeln!(
            text,
            "{:<28}{:>10.0}{:>10.1}{:>10.0}{:>12.3}{:>14.0}",
            unit["unit"].as_str().unwrap_or(""),
            number(unit, "machines"),
            number(unit, "least_mw"),
            number(unit, "starts"),
            number(unit, "start_usd") / 1e6,
            number(unit, "hours_on_mean")
        );
    }
    text
}

/// Machines on, hour by hour, as columns of a table.
pub fn columns(problem: &Problem, running: &[u32]) -> Vec<(String, Vec<f64>)> {
    let units = problem.units.name.len();
    (0..units)
        .filter(|unit| problem.machines(*unit).is_some())
        .map(|unit| {
            let on = running.iter().skip(unit).step_by(units).map(|count| f64::from(*count)).collect();
            (format!("{}_machines", problem.units.name[unit].replace(' ', "_")), on)
        })
        .collect()
}
