//! Day after day: windows that look ahead, of which the first part is kept.
//!
//! A window of `keep + look` steps is solved, its first `keep` steps are kept, and the next window begins with the state
//! that they leave: on or off and since when, output, the energy of storages, the fuel that burns. What is kept is
//! priced once, as one schedule from the first step to the last.
//!
//! Not modelled: news between windows (forecasts, outages): load and weather are the problem's.

use super::search::{self, Options, Outcome, Plan};
use super::{Lines, Problem, State, accounts, soundness};

/// Lengths of the windows, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Steps kept of each window.
    pub keep: usize,
    /// Steps that each window looks beyond them.
    pub look: usize,
}

impl Default for Horizon {
    /// A day kept, a day ahead.
    fn default() -> Self {
        Self { keep: 24, look: 24 }
    }
}

/// State of each unit after the first `steps` steps of a plan.
#[must_use]
pub fn carry(problem: &Problem, plan: &Plan, steps: usize) -> Vec<State> {
    let one = |index: usize| {
        let mut state = problem.units[index].first;
        for t in 0..steps {
            let on = plan.on[index][t];
            state.steps = if on == state.on { state.steps + 1 } else { 1 };
            state.on = on;
            state.output_w = plan.output_w[index][t];
        }
        state
    };
    (0..problem.units.len()).map(one).collect()
}

/// The problem of the steps `from..until`, beginning with what `plan` leaves after `from` steps.
fn window(problem: &Problem, plan: &Plan, from: usize, until: usize) -> Problem {
    let cut = |values: &Vec<f64>| values.get(from..until.min(values.len())).unwrap_or(&[]).to_vec();
    let mut part = problem.clone();
    part.steps = until - from;
    part.load_w = cut(&problem.load_w);
    part.reserve.required_w = cut(&problem.reserve.required_w);
    for renewable in &mut part.renewables {
        renewable.least_w = cut(&renewable.least_w);
        renewable.most_w = cut(&renewable.most_w);
    }
    for store in &mut part.stores {
        store.inflow_w = cut(&store.inflow_w);
    }
    for fuel in &mut part.fuels {
        fuel.per_step = cut(&fuel.per_step);
    }
    if let Some(Lines { load_w, .. }) = &mut part.lines {
        load_w.iter_mut().for_each(|bus| *bus = cut(bus));
    }
    if let Some(services) = &mut part.services {
        for area in &mut services.areas {
            area.required_w.iter_mut().for_each(|product| *product = cut(product));
        }
    }
    for ((index, unit), state) in part.units.iter_mut().enumerate().zip(carry(problem, plan, from)) {
        unit.first = state;
        if let Some(before) = from.checked_sub(1) {
            unit.first_spare_w = plan.spare_w[index][before];
        }
        if !unit.ordered.is_empty() {
            unit.ordered = unit.ordered[from..until].to_vec();
        }
        let before = from.checked_sub(1).and_then(|t| plan.on_other.get(index)?.get(t).copied());
        if let (Some(before), Some(other)) = (before, unit.burns.as_mut().and_then(|burns| burns.other.as_mut())) {
            other.first = before;
        }
    }
    for (index, store) in part.stores.iter_mut().enumerate() {
        if from > 0 {
            store.first_j = plan.energy_j[index][from - 1].clamp(0.0, store.energy_j);
        }
    }
    part
}

/// Solves window after window; a window without a schedule ends it, with its first step.
///
/// # Errors
/// A problem that makes no sense, or a solver that fails, in words.
pub fn roll(problem: &Problem, horizon: Horizon, options: &Options) -> Result<Result<Plan, (usize, Outcome)>, String> {
    let complaints = problem.complaints();
    if !complaints.is_empty() {
        return Err(complaints.join("; "));
    }
    if horizon.keep == 0 {
        return Err("a window keeps no step".to_owned());
    }
    let mut kept = empty(problem);
    let mut from = 0;
    let mut widest = 0.0_f64;
    while from < problem.steps {
        let until = (from + horizon.keep + horizon.look).min(problem.steps);
        let part = window(problem, &kept, from, until);
        match search::solve(&part, &options.counted_anew())? {
            Outcome::Solved(plan) => {
                let steps = if until == problem.steps { until - from } else { horizon.keep };
                widest = widest.max(plan.gap);
                kept.rounds += plan.rounds;
                kept.line_rows += plan.line_rows;
                append(&mut kept, &plan, from, steps);
                from += steps;
            }
            outcome @ Outcome::Infeasible(_) => return Ok(Err((from, outcome))),
        }
    }
    kept.costs = accounts::price(problem, &kept, 0, problem.steps);
    // Windows bound themselves, not the whole: the whole has no bound but what its windows' widest gap says of each.
    kept.bound_usd = f64::NEG_INFINITY;
    kept.gap = widest;
    let broken = soundness::violations(problem, &kept);
    assert!(broken.is_empty(), "unit commitment: the windows do not join: {}", broken.join("; "));
    Ok(Ok(kept))
}

fn empty(problem: &Problem) -> Plan {
    let units = problem.units.len();
    let stores = problem.stores.len();
    Plan {
        on: vec![Vec::new(); units],
        output_w: vec![Vec::new(); units],
        spare_w: vec![Vec::new(); units],
        renewable_w: vec![Vec::new(); problem.renewables.len()],
        charge_w: vec![Vec::new(); stores],
        discharge_w: vec![Vec::new(); stores],
        link_w: vec![Vec::new(); problem.lines.as_ref().map_or(0, |lines| lines.links.len())],
        energy_j: vec![Vec::new(); stores],
        other_fuel: vec![Vec::new(); units],
        on_other: vec![Vec::new(); units],
        ..Plan::default()
    }
}

fn append(kept: &mut Plan, plan: &Plan, from: usize, steps: usize) {
    fn each<T: Clone>(kept: &mut [Vec<T>], new: &[Vec<T>], steps: usize) {
        for (kept, new) in kept.iter_mut().zip(new) {
            kept.extend(new.iter().take(steps).cloned());
        }
    }
    each(&mut kept.on, &plan.on, steps);
    each(&mut kept.output_w, &plan.output_w, steps);
    each(&mut kept.spare_w, &plan.spare_w, steps);
    each(&mut kept.renewable_w, &plan.renewable_w, steps);
    each(&mut kept.charge_w, &plan.charge_w, steps);
    each(&mut kept.discharge_w, &plan.discharge_w, steps);
    each(&mut kept.link_w, &plan.link_w, steps);
    each(&mut kept.energy_j, &plan.energy_j, steps);
    each(&mut kept.other_fuel, &plan.other_fuel, steps);
    each(&mut kept.on_other, &plan.on_other, steps);
    for (kept, new) in [
        (&mut kept.shed_w, &plan.shed_w),
        (&mut kept.surplus_w, &plan.surplus_w),
        (&mut kept.short_w, &plan.short_w),
        (&mut kept.price_usd_per_j, &plan.price_usd_per_j),
        (&mut kept.reserve_price_usd_per_j, &plan.reserve_price_usd_per_j),
    ] {
        kept.extend(new.iter().take(steps));
    }
    kept.flow_w.extend(plan.flow_w.iter().take(steps).cloned());
    let services = plan.short_services.iter().filter(|missing| missing.2 < steps);
    kept.short_services.extend(services.map(|(area, product, t, watts)| (*area, *product, t + from, *watts)));
}
