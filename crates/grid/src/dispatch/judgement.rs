//! How good a dispatch is, from the problem and the dispatch alone: nothing of the solver is asked.
//!
//! Cost and bound, the balance of every zone, the energy of every storage, and every box: what a unit can give, a storage
//! take, hold and give, a link carry, and what of a load can go unserved.
//!
//! Not modelled: which box is left how often; the worst is told.

use super::{Dispatch, Ends, Problem, Quality, bound_usd, cost_usd};

/// The greater of two errors; what is not a number is worse than any.
fn worst(error: f64, other: f64) -> f64 {
    if other.is_nan() { f64::INFINITY } else { error.max(other) }
}

/// Greatest excess over a bound, W; stored energy counts as the power that would bring it in one step.
fn box_error_w(problem: &Problem, out: &Dispatch) -> f64 {
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let (stores, links) = (problem.stores.name.len(), problem.links.name.len());
    let mut error_w = 0.0;
    let mut held = |value_w: f64, least_w: f64, most_w: f64| {
        // `max` would lose what is not a number.
        let excess_w = if value_w.is_nan() { f64::NAN } else { (value_w - most_w).max(least_w - value_w) };
        error_w = worst(error_w, excess_w);
    };
    for hour in 0..problem.hours {
        for unit in 0..units {
            held(out.generation_w[hour * units + unit], 0.0, problem.available_w(hour, unit));
        }
        for zone in 0..zones {
            held(out.shed_w[hour * zones + zone], 0.0, problem.load_w(hour, zone));
        }
        for store in 0..stores {
            let at = hour * stores + store;
            held(out.charge_w[at], 0.0, problem.stores.charge_w[store]);
            held(out.discharge_w[at], 0.0, problem.stores.discharge_w[store]);
            held(out.spill_w[at], 0.0, problem.inflow_w(hour, store));
            held(out.energy_j[at] / problem.step_s, 0.0, problem.stores.energy_j[store] / problem.step_s);
        }
        for link in 0..links {
            let (forward_w, backward_w) = problem.limits_w(hour, link);
            held(out.flow_w[hour * links + link], -backward_w, forward_w);
        }
    }
    error_w
}

/// Cost, bound and errors, from the problem and the dispatch alone; iterations are 0. What is not a number is an error
/// without end.
#[must_use]
pub fn judge(problem: &Problem, out: &Dispatch) -> Quality {
    let (zones, stores, links) = (problem.zones.name.len(), problem.stores.name.len(), problem.links.name.len());
    let units = problem.units.name.len();
    let (mut imbalance_w, mut energy_error_w) = (0.0_f64, 0.0_f64);
    for hour in 0..problem.hours {
        for zone in 0..zones {
            // Positive power flows into the component: at each zone the sum is zero.
            let mut into_w = problem.load_w(hour, zone) - out.shed_w[hour * zones + zone];
            let own = |places: &[usize], at: usize| places[at] == zone;
            for unit in (0..units).filter(|unit| own(&problem.units.zone, *unit)) {
                into_w -= out.generation_w[hour * units + unit];
            }
            for store in (0..stores).filter(|store| own(&problem.stores.zone, *store)) {
                into_w += out.charge_w[hour * stores + store] - out.discharge_w[hour * stores + store];
            }
            for link in 0..links {
                let flow_w = out.flow_w[hour * links + link];
                into_w += if own(&problem.links.from, link) { flow_w } else { 0.0 };
                into_w -= if own(&problem.links.to, link) { flow_w } else { 0.0 };
            }
            imbalance_w = worst(imbalance_w, into_w.abs());
        }
        for store in 0..stores {
            let at = hour * stores + store;
            let before_j = match (hour, problem.stores.ends[store]) {
                (0, Ends::Fixed { first_j, .. }) => first_j,
                (0, Ends::Cyclic) => out.energy_j[(problem.hours - 1) * stores + store],
                _ => out.energy_j[at - stores],
            };
            let into_w = problem.stores.charge_efficiency[store] * out.charge_w[at]
                - out.discharge_w[at] / problem.stores.discharge_efficiency[store]
                + problem.inflow_w(hour, store)
                - out.spill_w[at];
            let change_w = (out.energy_j[at] - problem.stores.keep[store] * before_j) / problem.step_s;
            energy_error_w = worst(energy_error_w, (change_w - into_w).abs());
            if let (true, Ends::Fixed { last_j, .. }) = (hour + 1 == problem.hours, problem.stores.ends[store]) {
                energy_error_w = worst(energy_error_w, (out.energy_j[at] - last_j).abs() / problem.step_s);
            }
        }
    }
    let cost = cost_usd(problem, out);
    let bound = bound_usd(problem, &out.price_usd_per_j, &out.value_usd_per_j);
    // A cent where all is free: a cost of zero has no relative gap.
    let gap = (cost - bound).abs() / cost.abs().max(0.01);
    let box_error_w = box_error_w(problem, out);
    Quality { cost_usd: cost, bound_usd: bound, gap, imbalance_w, energy_error_w, box_error_w, iterations: 0 }
}
