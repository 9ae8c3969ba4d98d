//! The dispatch study: the campus as a load of a zone that gives way at its price, and what operation takes over from it.
//!
//! The zonal dispatch buys curtailment tier by tier where it is cheaper than what else would serve the hour. Operation
//! then runs the same hours with the zone's prices, the area's load, the zone's temperature, and an order for each run of
//! hours in which curtailment was bought: the same megawatts, the same hours, the same price.
//!
//! Not modelled: an answer of the dispatch to what the campus then really draws; its draw is flat where it is not
//! curtailed.

pub mod shaving;

use crate::operation::judge;
use crate::results::{Finding, Outcome};
use crate::scenario::{Scenario, ScheduledEvent};
use core::ops::Range;
use tieline_control::{EVENTS, Event};
use tieline_grid::dispatch::{Dispatch, Problem};
use tieline_units::{Series, Span, Time, Utc};

/// The study's name in scenario files and metric names.
pub const NAME: &str = "dispatch";
/// Metrics of the study, without its name.
pub const METRICS: &[&str] = &[
    "bill_usd",
    "bill_without_usd",
    "bound_usd",
    "campus_cost_usd",
    "campus_hours",
    "campus_mwh",
    "campus_planned_mwh",
    "campus_saved_usd",
    "cost_usd",
    "emissions_t",
    "gap",
    "hours",
    "imbalance_w",
    "least_margin",
    "orders",
    "orders_left_out",
    "price_mean_usd_per_mwh",
    "price_most_usd_per_mwh",
    "shaved_hours",
    "shaved_mwh",
    "shaved_saved_usd",
    "shed_mwh",
];
const HOUR: Span = Span::secs(3600);
const MWH: f64 = 3.6e9;
/// Curtailment below this is rounding of the solver, W.
pub const LEAST_W: f64 = 1e3;
/// A draw this close to the planned one closes: guess, the error of a day-ahead plan of a large load.
const DRAW: f64 = 0.05;
/// The control's word for all points together.
const ALL: u8 = 255;

/// What a scenario says of its dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name or path of the grid.
    pub grid: String,
    /// Zone in which the campus stands.
    pub zone: String,
    /// Draw from the grid when nothing is curtailed, W.
    pub power_w: f64,
    /// Tariff of the grid that bills it.
    pub tariff: Option<String>,
    /// Share of the draw and price ($/J) of each tier, the cheapest first; without a price where training gives it.
    pub tiers: Vec<(f64, Option<f64>)>,
    /// How long before it binds an order is received.
    pub notice: Span,
    /// Added to the temperature in the middle of the hours, K.
    pub heat_wave_k: f64,
    /// First hour, number of hours, local clock against UTC.
    pub window: (Utc, usize, Span),
}

impl Plan {
    /// The tiers with their prices, $/J: stated, or by the merit order of the scenario's jobs.
    ///
    /// # Errors
    /// In words, where training cannot price them.
    pub fn priced(&self, scenario: &Scenario) -> Result<Vec<(f64, f64)>, String> {
        let stated: Option<Vec<(f64, f64)>> =
            self.tiers.iter().map(|(depth, price)| Some((*depth, (*price)?))).collect();
        if let Some(stated) = stated {
            return Ok(stated);
        }
        let depths: Vec<f64> = self.tiers.iter().map(|tier| tier.0).collect();
        let prices = crate::train::tier_prices(scenario, &depths, self.power_w)?;
        Ok(depths.into_iter().zip(prices).collect())
    }
}

/// Where the campus stands in a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Its zone.
    pub zone: usize,
    /// Its tiers among the units.
    pub units: Range<usize>,
    /// Draw when nothing is curtailed, W.
    pub power_w: f64,
}

/// What a campus gave up, hour by hour, and what that was worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Curtailment, W.
    pub curtailed_w: Vec<f64>,
    /// Price of energy in its zone, $/J.
    pub price_usd_per_j: Vec<f64>,
    /// Hours with curtailment.
    pub hours: usize,
    /// Curtailed energy, J.
    pub energy_j: f64,
    /// What it costs the campus at the prices of its tiers, $.
    pub cost_usd: f64,
    /// What the grid's dispatch costs less for it, the campus's own cost counted, $; none where it may not be curtailed.
    pub saved_usd: Option<f64>,
}

impl Account {
    /// Where nothing was given up nothing was saved: the difference of two solves is then their rounding.
    fn rounded(self) -> Self {
        let none = self.hours == 0;
        Self {
            cost_usd: if none { 0.0 } else { self.cost_usd },
            saved_usd: self.saved_usd.map(|saved| if none { 0.0 } else { saved }),
            ..self
        }
    }

    /// Draw that is left in an hour, W.
    #[must_use]
    pub fn base_w(&self, hour: usize, power_w: f64) -> f64 {
        power_w - self.curtailed_w[hour]
    }
}

/// The same problem with a campus that never gives way.
#[must_use]
pub fn without(problem: &Problem, placed: &Placed) -> Problem {
    let mut problem = problem.clone();
    problem.units.capacity_w[placed.units.clone()].fill(0.0);
    problem
}

/// What the campus gave up.
#[must_use]
pub fn account(problem: &Problem, with: &Dispatch, without: Option<&Dispatch>, placed: &Placed) -> Account {
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let mut cost_usd = 0.0;
    let mut curtailed_w = Vec::with_capacity(problem.hours);
    for hour in 0..problem.hours {
        let mut sum_w = 0.0;
        for unit in placed.units.clone() {
            let power_w = with.generation_w[hour * units + unit];
            sum_w += power_w;
            cost_usd += power_w * problem.step_s * problem.units.cost_usd_per_j[unit];
        }
        curtailed_w.push(if sum_w < LEAST_W { 0.0 } else { sum_w });
    }
    Account {
        hours: curtailed_w.iter().filter(|power_w| **power_w > 0.0).count(),
        energy_j: curtailed_w.iter().sum::<f64>() * problem.step_s,
        price_usd_per_j: (0..problem.hours).map(|hour| with.price_usd_per_j[hour * zones + placed.zone]).collect(),
        curtailed_w,
        cost_usd,
        saved_usd: without.map(|without| without.quality.cost_usd - with.quality.cost_usd),
    }
    .rounded()
}

/// Energy that the dispatch lets the campus draw over the scenario's run, J.
#[must_use]
pub fn planned_j(scenario: &Scenario, plan: &Plan, account: &Account) -> f64 {
    let (first, hours, _) = plan.window;
    let end = scenario.start + scenario.duration;
    (0..hours)
        .map(|hour| {
            let from = first + Span::secs(3600 * hour as i64);
            let (from, until) = (from.max(scenario.start), (from + HOUR).min(end));
            (until - from).as_secs_f64().max(0.0) * account.base_w(hour, plan.power_w)
        })
        .sum()
}

/// Holds the draw that the dispatch took for granted against what operation drew; none without both.
#[must_use]
pub fn against_operation(outcome: &Outcome) -> Option<Finding> {
    let planned_mwh = outcome.metrics.get(&format!("{NAME}.campus_planned_mwh"))?;
    let drawn_mwh = outcome.metrics.get("operation.import_mwh")?;
    let off = drawn_mwh / planned_mwh - 1.0;
    Some(Finding {
        topic: "dispatched draw against operated draw".to_owned(),
        text: format!(
            "the dispatch counts on {planned_mwh:.0} MWh over the run; the campus drew {drawn_mwh:.0} MWh, {:+.1} %",
            100.0 * off
        ),
        closes: off.abs() <= DRAW,
    })
}

/// What operation takes over besides the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Around {
    /// Load of the campus's area, W, hour by hour.
    pub load_w: Vec<f64>,
    /// Temperature of its zone, °C; empty where the grid tells none.
    pub ambient_c: Vec<f64>,
}

/// Hours of the same base point with curtailment: first, after the last, base point in W.
#[must_use]
pub fn orders(account: &Account, power_w: f64) -> Vec<(usize, usize, f64)> {
    let mut orders: Vec<(usize, usize, f64)> = Vec::new();
    for hour in (0..account.curtailed_w.len()).filter(|hour| account.curtailed_w[*hour] > 0.0) {
        let base_w = account.base_w(hour, power_w);
        match orders.last_mut().filter(|last| last.1 == hour && (last.2 - base_w).abs() < LEAST_W) {
            // The tighter of two that differ by rounding.
            Some(last) => *last = (last.0, hour + 1, last.2.min(base_w)),
            None => orders.push((hour, hour + 1, base_w)),
        }
    }
    orders
}

/// The scenario as operation shall run it, and how many orders found no place among the events that a controller knows.
#[must_use]
pub fn hand_over(scenario: &Scenario, plan: &Plan, account: &Account, around: &Around) -> (Scenario, usize) {
    let mut scenario = scenario.clone();
    let (first, _, _) = plan.window;
    let per_mwh = |price: &f64| price * MWH;
    scenario.surroundings.price = Series::new(first, HOUR, account.price_usd_per_j.iter().map(per_mwh).collect());
    scenario.surroundings.load = Series::new(first, HOUR, around.load_w.clone());
    if !around.ambient_c.is_empty() {
        scenario.surroundings.ambient = Series::new(first, HOUR, around.ambient_c.clone());
    }
    let end = Time::ZERO + scenario.duration;
    let at = |hour: usize| Time::ZERO + ((first + Span::secs(3600 * hour as i64)) - scenario.start);
    let mut left_out = 0;
    let mut id = scenario.events.iter().map(|event| event.event.id).max().unwrap_or(0);
    for (from, until, base_w) in orders(account, plan.power_w) {
        let (start, stop) = (at(from).max(Time::ZERO), at(until));
        if stop <= Time::ZERO || start >= end {
            continue;
        }
        if scenario.events.len() >= EVENTS {
            left_out += 1;
            continue;
        }
        id += 1;
        let received_at = (start + Span::nanos(-plan.notice.as_nanos())).max(Time::ZERO);
        scenario.events.push(ScheduledEvent {
            name: format!("dispatch {id}"),
            event: Event {
                id,
                received_at,
                start,
                end: stop,
                limit_w: base_w,
                poi: ALL,
                cancelled: false,
                unconfirmed: false,
            },
            cancelled_at: None,
            read_back_after: Span::ZERO,
        });
    }
    scenario.events.sort_by_key(|event| (event.event.received_at, event.event.id));
    (scenario, left_out)
}

/// Adds what the study found to the outcome of a run, expectations included.
pub fn add(scenario: &Scenario, found: Vec<(&'static str, f64)>, findings: Vec<Finding>, outcome: &mut Outcome) {
    for (name, value) in found {
        assert!(METRICS.contains(&name), "{name} is no metric of the study");
        outcome.metrics.insert(format!("{NAME}.{name}"), value);
    }
    outcome.findings.extend(findings);
    outcome.findings.extend(against_operation(outcome));
    outcome.expectations.extend(judge(NAME, &scenario.expect, &outcome.metrics));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account_of(curtailed_mw: &[f64]) -> Account {
        Account {
            curtailed_w: curtailed_mw.iter().map(|mw| mw * 1e6).collect(),
            price_usd_per_j: vec![0.0; curtailed_mw.len()],
            hours: 0,
            energy_j: 0.0,
            cost_usd: 0.0,
            saved_usd: None,
        }
    }

    #[test]
    fn hours_of_one_base_point_make_one_order() {
        let found = orders(&account_of(&[0.0, 50.0, 50.0, 80.0, 0.0, 80.0]), 100e6);
        assert_eq!(found, [(1, 3, 50e6), (3, 4, 20e6), (5, 6, 20e6)]);
    }
}
