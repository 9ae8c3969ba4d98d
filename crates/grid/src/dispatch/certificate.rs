//! Cost of a dispatch, and the bound that prices put on every dispatch: asset by asset, from the problem alone.
//!
//! Not modelled: the search for better prices; any prices give a valid bound, good ones a tight one.

use super::{Dispatch, Ends, Problem};

/// Cost of a dispatch, $: generation and shedding at their prices.
#[must_use]
pub fn cost_usd(problem: &Problem, dispatch: &Dispatch) -> f64 {
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let mut cost = 0.0;
    for hour in 0..problem.hours {
        let mut power = 0.0;
        for unit in 0..units {
            power += problem.units.cost_usd_per_j[unit] * dispatch.generation_w[hour * units + unit];
        }
        for zone in 0..zones {
            let price = problem.zones.shed_price_usd_per_j[zone].unwrap_or(0.0);
            power += price * dispatch.shed_w[hour * zones + zone];
        }
        cost += power * problem.step_s;
    }
    cost
}

/// What no dispatch can undercut, $, given prices of power in each zone and of energy in each storage.
///
/// Lagrange: take the balances into the cost at these prices; what is left falls apart into assets, each of which does
/// its best within its own box. For a unit that is `min(0, (c - p) A)`, for a link `min(-B r, F r)` with `r` the price
/// difference it works against, and so on. Whatever the prices are, the sum is at most the cost of any dispatch that
/// keeps the balances: nothing here is taken from the solver but the prices. (Weak duality of linear programs.)
#[must_use]
pub fn bound_usd(problem: &Problem, price_usd_per_j: &[f64], value_usd_per_j: &[f64]) -> f64 {
    let zones = problem.zones.name.len();
    let stores = problem.stores.name.len();
    let mut bound = 0.0;
    for hour in 0..problem.hours {
        let price = &price_usd_per_j[hour * zones..(hour + 1) * zones];
        let mut power = 0.0;
        for zone in 0..zones {
            let load_w = problem.load_w(hour, zone);
            power += price[zone] * load_w;
            if let Some(shed) = problem.zones.shed_price_usd_per_j[zone] {
                power += (shed - price[zone]).min(0.0) * load_w;
            }
        }
        for (unit, zone) in problem.units.zone.iter().enumerate() {
            let profit = problem.units.cost_usd_per_j[unit] - price[*zone];
            if profit < 0.0 {
                power += profit * problem.available_w(hour, unit);
            }
        }
        for (link, (from, to)) in problem.links.from.iter().zip(&problem.links.to).enumerate() {
            let against = price[*from] - price[*to];
            let (forward_w, backward_w) = problem.limits_w(hour, link);
            power += (against * forward_w).min(-against * backward_w);
        }
        for store in 0..stores {
            let next = if hour + 1 == problem.hours { store } else { (hour + 1) * stores + store };
            let now = value_usd_per_j[hour * stores + store];
            power += store_part(problem, hour, store, price, now, value_usd_per_j[next]);
        }
        bound += power * problem.step_s;
    }
    bound
}

/// A storage's part of the bound in one hour, $/s; `value` prices a joule more in its energy balance.
fn store_part(problem: &Problem, hour: usize, store: usize, price: &[f64], value: f64, value_next: f64) -> f64 {
    let stores = &problem.stores;
    let price = price[stores.zone[store]];
    let last = hour + 1 == problem.hours;
    let inflow_w = problem.inflow_w(hour, store);
    let keep = stores.keep[store];
    let charge = price - stores.charge_efficiency[store] * value;
    let discharge = value / stores.discharge_efficiency[store] - price;
    let mut part = charge.min(0.0) * stores.charge_w[store] + discharge.min(0.0) * stores.discharge_w[store];
    // Water that comes in is worth its value, and may be let go for nothing.
    part += -value * inflow_w + value.min(0.0) * inflow_w;
    let full_w = stores.energy_j[store] / problem.step_s;
    match stores.ends[store] {
        Ends::Cyclic => part + (value - keep * value_next).min(0.0) * full_w,
        Ends::Fixed { first_j, last_j } => {
            if hour == 0 {
                part -= value * keep * first_j / problem.step_s;
            }
            if last {
                part + value * last_j / problem.step_s
            } else {
                part + (value - keep * value_next).min(0.0) * full_w
            }
        }
    }
}
