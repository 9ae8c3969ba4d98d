//! Dispatch between two commitments: every five minutes, which running unit is told what, and why.
//!
//! At each interval the cheapest base points are sought for the load and weather expected then (known up to the interval
//! before) and for a few intervals after, within ramps from where units stand, limits of branches with everything in
//! service and after named losses, and a reserve; only the first interval is ordered. What expectation misses is the
//! regulation's to give. Energy is conserved at every look, asserted. Prices are what one more megawatt would cost, split
//! into energy and congestion. Covered by identities (prices, conservation) in its tests; V-GRID has no row for it.
//!
//! A unit that starts steps to its least output and rises by its ramp; one that will stop comes down by its ramp in time,
//! however far ahead that is, and steps from there.
//!
//! Not modelled: losses and voltages, output below the least on the way in and out, units that do not follow their orders,
//! forced outages within the day, the energy of regulation.

pub mod forecast;
pub mod interval;
pub mod priority;
mod reason;
#[cfg(test)]
pub(crate) mod tests;

use crate::network::direct::Convention;
use crate::network::optimum::cost_usd_per_h;
use crate::network::{BusKind, Network, NetworkError};
use forecast::Forecast;
use interval::{Limit, Look, Looker, Range};

pub use reason::{Order, Why};

/// What it costs to break a limit; an offer above them would not be taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// Load unserved. guess: 3,700 $/MWh, of the order of North American markets' highest prices.
    pub unserved_usd_per_mwh: f64,
    /// Output that nobody takes. guess: 1,000 $/MWh.
    pub surplus_usd_per_mwh: f64,
    /// Flow beyond a rating. guess: 2,000 $/MWh, of the order of PJM's penalty factor.
    pub overload_usd_per_mwh: f64,
    /// Reserve that is short. guess: 850 $/MWh, of the order of PJM's penalty factor.
    pub reserve_usd_per_mwh: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            unserved_usd_per_mwh: 3700.0,
            surplus_usd_per_mwh: 1000.0,
            overload_usd_per_mwh: 2000.0,
            reserve_usd_per_mwh: 850.0,
        }
    }
}

/// A DC line whose flow is set at will, either way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Bus at its beginning.
    pub from: usize,
    /// Bus at its end.
    pub to: usize,
    /// Most flow, W.
    pub most_w: f64,
}

impl Link {
    /// What makes the line unusable in this network, in words.
    #[must_use]
    pub fn wrong(&self, network: &Network) -> Option<String> {
        let number = |bus: usize| network.buses.number[bus];
        let named = || format!("DC line {}-{}", number(self.from), number(self.to));
        if let Some(dead) = [self.from, self.to].into_iter().find(|bus| network.buses.kind[*bus] == BusKind::Isolated) {
            let hint = "leave the line out, or put the bus in service";
            return Some(format!(
                "{}: bus {} is isolated; expected two buses in service ({hint})",
                named(),
                number(dead)
            ));
        }
        if self.from == self.to {
            return Some(format!("{}: it begins and ends at the same bus; expected two", named()));
        }
        if !(self.most_w.is_finite() && self.most_w >= 0.0) {
            return Some(format!("{}: found a capacity of {} MW, expected 0 or more", named(), self.most_w / 1e6));
        }
        None
    }
}

/// A day to dispatch.
#[derive(Clone, Debug)]
pub struct Day<'n> {
    /// Branches, ratings and costs.
    pub network: &'n Network,
    /// Susceptances.
    pub convention: Convention,
    /// Up and down, W/s; infinite for what follows the weather.
    pub ramp_w_per_s: Vec<f64>,
    /// Units whose whole availability is taken.
    pub must_take: Vec<bool>,
    /// DC lines.
    pub links: Vec<Link>,
    /// Length of an interval, s.
    pub step_s: f64,
    /// Intervals that a look sees, at least 1.
    pub ahead: usize,
    /// Whether each unit runs, by interval and unit.
    pub committed: Vec<bool>,
    /// Reserve that must be left, by interval, W; and in which time it must be there.
    pub reserve_w: Vec<f64>,
    /// See `reserve_w`, s.
    pub reserve_within_s: f64,
    /// Shortage prices.
    pub prices: Prices,
    /// Branches whose loss must not overload another beyond its emergency rating.
    pub outages: Vec<usize>,
    /// Emergency rating of every branch, VA.
    pub emergency_va: Vec<f64>,
}

/// A part of the network that no line in service joins to another, in an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Island {
    /// Load as it came, W.
    pub load_w: f64,
    /// Price of energy, $/MWh.
    pub energy_usd_per_mwh: f64,
}

/// What came of one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// The decision.
    pub look: Look,
    /// Load as expected and as it came, W.
    pub expected_load_w: f64,
    /// See `expected_load_w`.
    pub load_w: f64,
    /// What the regulation had to add, W: load less outputs as they came.
    pub regulation_w: f64,
    /// Parts of the network, in the order of their first bus.
    pub islands: Vec<Island>,
    /// Output that came with the weather and was not taken, W.
    pub curtailed_w: f64,
    /// Cost of the base points, $/h; what is short is not in it.
    pub usd_per_h: f64,
    /// What load pays at the prices of its buses, $/h.
    pub paid_usd_per_h: f64,
}

/// A dispatched day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatched {
    /// Every interval.
    pub intervals: Vec<Interval>,
    /// Who was told what.
    pub orders: Vec<Order>,
}

/// Dispatches a day.
///
/// # Errors
/// A network or costs that cannot be used, or a look without answer.
///
/// # Panics
/// When lengths do not match: the caller's mistake.
pub fn run(day: &Day<'_>, forecast: &Forecast) -> Result<Dispatched, NetworkError> {
    let units = day.network.generators.bus.len();
    let intervals = forecast.intervals();
    assert!(day.ahead >= 1 && day.step_s > 0.0, "a look sees something");
    assert_eq!(day.committed.len(), intervals * units, "one commitment per interval and unit");
    assert!(day.ramp_w_per_s.len() == units && day.must_take.len() == units, "one entry per unit");
    assert!(day.reserve_w.len() == intervals, "one reserve per interval");
    assert!(day.emergency_va.len() == day.network.branches.from.len(), "one rating per branch");
    let mut looker = Looker::new(day)?;
    let mut done = Dispatched::default();
    let near = near_change(day, intervals);
    let mut before: Option<(Vec<f64>, f64)> = None;
    let mut held = vec![false; units];
    for t in 0..intervals {
        let seen = day.ahead.min(intervals - t);
        let (loads, available): (Vec<Vec<f64>>, Vec<Vec<f64>>) =
            (0..seen).map(|ahead| forecast.expected(t + ahead, ahead + 1)).unzip();
        let mut range: Vec<Vec<Range>> = Vec::new();
        for (ahead, available_w) in available.iter().enumerate() {
            let stood: Option<Vec<Range>> = match (range.last(), &before) {
                (Some(stood), _) => Some(stood.clone()),
                (None, Some((before_w, _))) => Some(
                    (0..units)
                        .map(|unit| Range {
                            runs: running(day, t - 1, unit),
                            least_w: before_w[unit],
                            most_w: before_w[unit],
                        })
                        .collect(),
                ),
                (None, None) => None,
            };
            range.push(ranges(day, t + ahead, &near, available_w, stood.as_deref()));
        }
        let look = looker.look(&range, &loads, day.reserve_w[t])?;
        // What is left for units with fuel.
        let net_w = live_w(day, &loads[0]) - weather(day, &available[0], &range[0]);
        if let Some((earlier_w, earlier_net_w)) = &before {
            let told = reason::Told {
                day,
                interval: t,
                before_w: earlier_w,
                range: &range[0],
                held: &held,
                rose: net_w > *earlier_net_w,
                look: &look,
                edge_w: &(0..units)
                    .map(|unit| edge(day, &near, t, unit).map_or(f64::INFINITY, |edge| edge.most_w))
                    .collect::<Vec<f64>>(),
                unserved_w: &by_island_w(&look, looker.part()),
            };
            done.orders.extend(told.orders(&mut looker));
        }
        held = (0..units).map(|unit| reason::held(day, &look, &range[0], unit)).collect();
        before = Some((look.output_w.clone(), net_w));
        done.intervals.push(settle(day, forecast, t, look, &loads[0], &range[0], looker.part()));
    }
    Ok(done)
}

/// What stands at buses in service, W.
fn live_w(day: &Day<'_>, by_bus_w: &[f64]) -> f64 {
    let live = |bus: &usize| day.network.buses.kind[*bus] != BusKind::Isolated;
    (0..by_bus_w.len()).filter(live).map(|bus| by_bus_w[bus]).sum()
}

/// What the weather offers, W.
fn weather(day: &Day<'_>, available_w: &[f64], range: &[Range]) -> f64 {
    let follows = |unit: &usize| range[*unit].runs && day.ramp_w_per_s[*unit].is_infinite();
    (0..available_w.len()).filter(follows).map(|unit| available_w[unit]).sum()
}

/// Whether a unit runs in an interval.
fn running(day: &Day<'_>, t: usize, unit: usize) -> bool {
    let g = &day.network.generators;
    day.committed[t * g.bus.len() + unit] && day.network.buses.kind[g.bus[unit]] != BusKind::Isolated
}

/// How many intervals a running unit has had since its start, or has until its stop, counting this one, whichever is
/// less; by interval and unit. What runs at an end of the day may have run before or go on after.
fn near_change(day: &Day<'_>, intervals: usize) -> Vec<usize> {
    let units = day.ramp_w_per_s.len();
    let mut near = vec![usize::MAX; intervals * units];
    for unit in 0..units {
        let (mut since, mut until) = (usize::MAX, usize::MAX);
        for t in 0..intervals {
            since = if running(day, t, unit) { since.saturating_add(1) } else { 0 };
            near[t * units + unit] = since;
        }
        for t in (0..intervals).rev() {
            until = if running(day, t, unit) { until.saturating_add(1) } else { 0 };
            let place = &mut near[t * units + unit];
            *place = (*place).min(until);
        }
    }
    near
}

/// Where every unit may go in an interval: its limits, near enough to its least output where it starts or stops, and
/// its ramp from where it stands, or may stand, in the interval before.
fn ranges(day: &Day<'_>, t: usize, near: &[usize], available_w: &[f64], stood: Option<&[Range]>) -> Vec<Range> {
    let g = &day.network.generators;
    let units = g.bus.len();
    (0..units)
        .map(|unit| {
            let runs = running(day, t, unit);
            if !runs {
                return Range::default();
            }
            let ramp_w = day.ramp_w_per_s[unit] * day.step_s;
            let (mut least_w, mut most_w) = (g.least_w[unit], g.most_w[unit].min(available_w[unit]));
            if ramp_w.is_infinite() {
                let least_w = if day.must_take[unit] { most_w } else { g.least_w[unit].min(most_w).min(0.0) };
                return Range { runs, least_w, most_w };
            }
            if let Some(edge) = edge(day, near, t, unit) {
                least_w = least_w.max(edge.least_w);
                most_w = most_w.min(edge.most_w);
            }
            if let Some(stood) = stood.map(|stood| stood[unit]).filter(|stood| stood.runs) {
                // Where it stands is within reach, whatever its limits became.
                let (low_w, high_w) = (stood.least_w - ramp_w, stood.most_w + ramp_w);
                least_w = least_w.max(low_w).min(high_w);
                most_w = most_w.min(high_w).max(low_w);
            }
            Range { runs, least_w: least_w.min(most_w), most_w }
        })
        .collect()
}

/// How far from the output that is nearest to none a unit may be, for its start or stop; nothing far from both.
fn edge(day: &Day<'_>, near: &[usize], t: usize, unit: usize) -> Option<Range> {
    let g = &day.network.generators;
    let near = near[t * g.bus.len() + unit];
    if near == usize::MAX || day.ramp_w_per_s[unit].is_infinite() {
        return None;
    }
    let rest_w = 0.0_f64.max(g.least_w[unit]).min(g.most_w[unit]);
    let by_w = near as f64 * day.ramp_w_per_s[unit] * day.step_s;
    Some(Range { runs: true, least_w: rest_w - by_w, most_w: rest_w + by_w })
}

/// Load unserved in the part of every bus, W.
fn by_island_w(look: &Look, part: &[usize]) -> Vec<f64> {
    let mut sum_w = vec![0.0; look.island_usd_per_mwh.len()];
    for (part, unserved_w) in part.iter().zip(&look.unserved_w).filter(|(part, _)| **part != usize::MAX) {
        sum_w[*part] += unserved_w;
    }
    part.iter().map(|part| sum_w.get(*part).copied().unwrap_or(0.0)).collect()
}

/// What came, and what the regulation had to add.
fn settle(
    day: &Day<'_>,
    forecast: &Forecast,
    t: usize,
    look: Look,
    expected_w: &[f64],
    range: &[Range],
    part: &[usize],
) -> Interval {
    let (by_bus_w, came_w) = forecast.actual(t);
    let mut output_w = look.output_w.clone();
    let mut curtailed_w = 0.0;
    for unit in (0..output_w.len()).filter(|unit| range[*unit].runs && day.ramp_w_per_s[*unit].is_infinite()) {
        // A unit that was held back gives its order if it can; another gives what comes.
        let held = reason::held(day, &look, range, unit);
        output_w[unit] = if held { output_w[unit].min(came_w[unit]) } else { came_w[unit] };
        curtailed_w += came_w[unit] - output_w[unit];
    }
    let (load_w, expected_load_w) = (live_w(day, &by_bus_w), live_w(day, expected_w));
    let given: f64 = output_w.iter().sum();
    let shunts = live_w(day, &day.network.buses.shunt_w);
    let gave: f64 = look.unserved_w.iter().sum::<f64>() - look.surplus_w.iter().sum::<f64>();
    let regulation_w = load_w + shunts - given - gave;
    let mut running = day.network.clone();
    for (service, range) in running.generators.in_service.iter_mut().zip(range) {
        *service = range.runs;
    }
    let usd_per_h = cost_usd_per_h(&running, &look.output_w);
    let mut islands: Vec<Island> =
        look.island_usd_per_mwh.iter().map(|price| Island { load_w: 0.0, energy_usd_per_mwh: *price }).collect();
    for (part, load_w) in part.iter().zip(&by_bus_w).filter(|(part, _)| **part != usize::MAX) {
        islands[*part].load_w += load_w;
    }
    let paid = |bus: usize| by_bus_w[bus] / 1e6 * (look.energy_usd_per_mwh[bus] + look.congestion_usd_per_mwh[bus]);
    let paid_usd_per_h = (0..by_bus_w.len()).filter(|bus| part[*bus] != usize::MAX).map(paid).sum();
    Interval { look, expected_load_w, load_w, regulation_w, islands, curtailed_w, usd_per_h, paid_usd_per_h }
}

/// Words of a limit's branch, and of the loss it stands for.
#[must_use]
pub fn limit_words(network: &Network, limit: &Limit) -> String {
    match limit {
        Limit::Flow { branch, lost: None, .. } => network.branch_name(*branch),
        Limit::Flow { branch, lost: Some(lost), .. } => {
            format!("{} after the loss of {}", network.branch_name(*branch), network.branch_name(*lost))
        }
        Limit::Ramp { unit, .. } => format!("ramp of generator {}", unit + 1),
        Limit::Room { unit } => format!("reserve on generator {}", unit + 1),
    }
}
