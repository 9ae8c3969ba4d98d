//! What a schedule costs, from the schedule alone.
//!
//! The solver's objective is not trusted: production is priced along each unit's curve, each start by how long the unit
//! was off, what is missing by its price, and the sum must agree with the solver's (asserted in [`super::solve`]).
//!
//! Not modelled: taxes, uplift, settlement.

use super::{Plan, Problem, Product};

/// Costs, $.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// Running and production.
    pub production_usd: f64,
    /// Starts.
    pub starts_usd: f64,
    /// Stops.
    pub stops_usd: f64,
    /// Charging and discharging.
    pub stores_usd: f64,
    /// Load unserved and supply that nobody took.
    pub mismatch_usd: f64,
    /// Reserve and services that were missing.
    pub short_usd: f64,
    /// What the other fuel cost more (or less) than the first.
    pub fuel_usd: f64,
}

impl Costs {
    /// All of it, $.
    #[must_use]
    pub fn total_usd(&self) -> f64 {
        self.production_usd
            + self.starts_usd
            + self.stops_usd
            + self.stores_usd
            + self.mismatch_usd
            + self.short_usd
            + self.fuel_usd
    }
}

/// Steps off before each start of a unit: (step, steps off).
pub(super) fn starts(problem: &Problem, plan: &Plan, unit: usize) -> Vec<(usize, usize)> {
    let first = problem.units[unit].first;
    let (mut was_on, mut steps) = (first.on, first.steps);
    let mut found = Vec::new();
    for t in 0..problem.steps {
        let on = plan.on[unit][t];
        if on == was_on {
            steps += 1;
            continue;
        }
        if on {
            found.push((t, steps));
        }
        was_on = on;
        steps = 1;
    }
    found
}

/// Prices a plan over the steps `from..until`.
pub(super) fn price(problem: &Problem, plan: &Plan, from: usize, until: usize) -> Costs {
    let step_h = problem.step_h();
    let mut costs = Costs::default();
    for (index, unit) in problem.units.iter().enumerate() {
        let mut was_on = if from == 0 { unit.first.on } else { plan.on[index][from - 1] };
        for t in from..until {
            let on = plan.on[index][t];
            if on {
                costs.production_usd += unit.usd_per_h(plan.output_w[index][t]) * step_h;
            } else if was_on {
                costs.stops_usd += unit.stop_usd;
            }
            was_on = on;
        }
        for (t, off) in starts(problem, plan, index) {
            if (from..until).contains(&t) && !unit.starts.is_empty() {
                costs.starts_usd += unit.starts[unit.class(off)].usd;
            }
        }
        if let Some((burns, other)) = unit.burns.as_ref().and_then(|burns| burns.other.map(|other| (burns, other))) {
            let burned: f64 = plan.other_fuel[index][from..until].iter().sum();
            costs.fuel_usd += burned * (other.usd - burns.usd);
        }
    }
    let joule = problem.step_s;
    for t in from..until {
        let price = problem.mismatch_usd_per_j.unwrap_or(0.0);
        costs.mismatch_usd += (plan.shed_w[t] + plan.surplus_w[t]) * joule * price;
        costs.short_usd += plan.short_w[t] * joule * problem.reserve.short_usd_per_j.unwrap_or(0.0);
        for (index, store) in problem.stores.iter().enumerate() {
            costs.stores_usd += plan.charge_w[index][t] * joule * store.charge_usd_per_j
                + plan.discharge_w[index][t] * joule * store.discharge_usd_per_j;
        }
    }
    if let Some(services) = &problem.services {
        for (_, product, t, watts) in &plan.short_services {
            if (from..until).contains(t) {
                let place = Product::ALL.iter().position(|known| known == product).unwrap_or(0);
                costs.short_usd += watts * joule * services.short_usd_per_j[place];
            }
        }
    }
    costs
}
