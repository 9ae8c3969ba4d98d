//! A campus that looks at its own bill: curtailment bought in the hours whose load sets its capacity, transmission and demand
//! charges.
//!
//! A second pass over a dispatch. Charges are by the megawatt, so an hour gives up just what keeps it below the peak that is
//! billed, cheapest tiers first, the last of them in part (`search`). The plan is kept only where the bill, reckoned anew
//! hour by hour, and the curtailment together are less than without; where nothing is bought, `worth` says why.
//!
//! Not modelled: peaks that must be forecast (foresight is perfect here, so the saving is an upper estimate), least notice and
//! steps of a tier, the value of a peak beyond the hours that are billed.

mod search;
#[cfg(test)]
mod tests;
mod worth;

use super::Placed;
use search::Field;
use tieline_grid::bill::{Bill, Metered, Tariff, bill};
use tieline_grid::dispatch::{Dispatch, Problem, Quality, judge};
pub use worth::Worth;

const HOUR_S: f64 = 3600.0;

/// A campus and what was metered around it.
#[derive(Clone, Debug)]
pub struct Before<'b> {
    /// What it pays.
    pub tariff: &'b Tariff,
    /// As it was dispatched; the loads hold its draw.
    pub metered: Metered<'b>,
    /// Whether its draw is part of `metered.system_w`.
    pub in_area: bool,
    /// Greatest curtailment, W, and price, $/J, of each tier.
    pub tiers: &'b [(f64, f64)],
    /// Curtailment already bought, W: `hours * tiers`.
    pub used_w: &'b [f64],
}

/// Curtailment bought for the bill's sake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shaving {
    /// Hour and, for each tier, curtailment beyond what the dispatch bought, W; hours in order.
    pub hours: Vec<(usize, Vec<f64>)>,
    /// What it costs the campus at the prices of its tiers, $.
    pub cost_usd: f64,
    /// Sets of levels (of zone, days and months) that were tried.
    pub tried: u64,
    /// What giving way is worth and costs.
    pub worth: Worth,
}

impl Before<'_> {
    /// Tiers, cheapest first.
    fn merit(&self) -> Vec<usize> {
        let mut merit: Vec<usize> = (0..self.tiers.len()).collect();
        merit.sort_by(|a, b| self.tiers[*a].1.total_cmp(&self.tiers[*b].1));
        merit
    }

    /// What is left of a tier in an hour, W.
    fn left_w(&self, hour: usize, tier: usize) -> f64 {
        (self.tiers[tier].0 - self.used_w[hour * self.tiers.len() + tier]).max(0.0)
    }
}

impl Shaving {
    /// What is given up in an hour, W.
    #[must_use]
    pub fn extra_w(&self, hour: usize) -> f64 {
        self.hours.iter().filter(|own| own.0 == hour).flat_map(|own| &own.1).sum()
    }

    /// All that is given up, J.
    #[must_use]
    pub fn energy_j(&self) -> f64 {
        self.hours.iter().flat_map(|own| &own.1).sum::<f64>() * HOUR_S
    }
}

/// The cheapest set of hours to give way in that was found: bill and curtailment together. Never worse than none.
#[must_use]
pub fn plan(before: &Before<'_>) -> Shaving {
    let mut field = Field::new(before);
    let found = field.cheapest();
    let hours: Vec<(usize, Vec<f64>)> =
        found.into_iter().map(|(hour, cut_w)| (hour, by_tier_w(before, hour, cut_w))).collect();
    let own_usd = cost_usd(before, &hours);
    let with_usd = billed(before, &hours).total_usd() + own_usd;
    let pays = !hours.is_empty() && with_usd < billed(before, &[]).total_usd();
    let (tried, worth) = (field.tried, Worth::new(before, &field));
    if pays {
        Shaving { hours, cost_usd: own_usd, tried, worth }
    } else {
        Shaving { tried, worth, ..Shaving::default() }
    }
}

/// So much of an hour from its tiers, cheapest first, W.
fn by_tier_w(before: &Before<'_>, hour: usize, cut_w: f64) -> Vec<f64> {
    let mut each_w = vec![0.0; before.tiers.len()];
    let mut rest_w = cut_w;
    for tier in before.merit() {
        each_w[tier] = rest_w.min(before.left_w(hour, tier));
        rest_w -= each_w[tier];
    }
    each_w
}

/// The bill with these hours shaved.
fn billed(before: &Before<'_>, shaved: &[(usize, Vec<f64>)]) -> Bill {
    let metered = &before.metered;
    let (mut campus_w, mut system_w, mut zone_w) =
        (metered.campus_w.to_vec(), metered.system_w.to_vec(), metered.zone_w.to_vec());
    for (hour, extra_w) in shaved {
        let less_w: f64 = extra_w.iter().sum();
        campus_w[*hour] -= less_w;
        zone_w[*hour] -= less_w;
        if before.in_area {
            system_w[*hour] -= less_w;
        }
    }
    bill(before.tariff, &Metered { campus_w: &campus_w, system_w: &system_w, zone_w: &zone_w, ..*metered })
}

fn cost_usd(before: &Before<'_>, shaved: &[(usize, Vec<f64>)]) -> f64 {
    let of = |extra_w: &Vec<f64>| -> f64 {
        extra_w.iter().zip(before.tiers).map(|(extra_w, tier)| extra_w * HOUR_S * tier.1).sum()
    };
    shaved.iter().map(|own| of(&own.1)).sum()
}

/// The problem in which these megawatts are given up already: less load, and less left of the tiers.
#[must_use]
pub fn given_up(problem: &Problem, placed: &Placed, shaving: &Shaving) -> Problem {
    let mut problem = problem.clone();
    let zones = problem.zones.name.len();
    for (hour, _) in &shaving.hours {
        problem.zones.load_w[hour * zones + placed.zone] -= shaving.extra_w(*hour);
    }
    for (tier, unit) in placed.units.clone().enumerate() {
        let capacity_w = problem.units.capacity_w[unit];
        if capacity_w <= 0.0 {
            continue;
        }
        let mut share: Vec<f64> = match problem.units.profile[unit] {
            Some(profile) => problem.profiles[profile].clone(),
            None => vec![1.0; problem.hours],
        };
        for (hour, extra_w) in &shaving.hours {
            share[*hour] = (share[*hour] - extra_w[tier] / capacity_w).max(0.0);
        }
        problem.profiles.push(share);
        problem.units.profile[unit] = Some(problem.profiles.len() - 1);
    }
    problem
}

/// The answer of the problem in which megawatts were given up, as one of the problem in which they were not: the tiers'
/// output is what was given up, at its price. Its bound is that of every dispatch in which they are given up.
#[must_use]
pub fn put_back(problem: &Problem, answer: &Dispatch, shaved: &[(Placed, Shaving)]) -> Dispatch {
    let mut whole = answer.clone();
    let units = problem.units.name.len();
    let mut cost_usd = 0.0;
    for (placed, shaving) in shaved {
        for (hour, extra_w) in &shaving.hours {
            for (unit, extra_w) in placed.units.clone().zip(extra_w) {
                whole.generation_w[hour * units + unit] += extra_w;
            }
        }
        cost_usd += shaving.cost_usd;
    }
    let own = judge(problem, &whole);
    let (cost, bound_usd) = (answer.quality.cost_usd + cost_usd, answer.quality.bound_usd + cost_usd);
    let gap = (cost - bound_usd).abs() / cost.abs().max(0.01);
    whole.quality = Quality { cost_usd: cost, bound_usd, gap, iterations: answer.quality.iterations, ..own };
    whole
}
