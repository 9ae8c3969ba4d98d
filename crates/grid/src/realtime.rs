//! Dispatch between two commitments: every five minutes, which running unit is told what, and why.
//!
//! At each interval the cheapest base points are sought for the load and weather expected then (known up to the interval
//! before) and for a few intervals after, within ramps from where units stand, limits of branches with everything in
//! service and after named losses, and a reserve; only the first interval is ordered. What expectation misses is the
//! regulation's to give. Energy is conserved at every look, asserted. Prices are what one more megawatt would cost, split
//! into energy and congestion. Covered by identities (prices, conservation) in its tests; V-GRID has no row for it.
//!
//! Not modelled: losses and voltages, trajectories of starting and stopping units (they step to and from their least
//! output), units that do not follow their orders, forced outages within the day, the energy of regulation.

pub mod forecast;
pub mod interval;
pub mod priority;
mod reason;

use crate::network::direct::Convention;
use crate::network::optimum::cost_usd_per_h;
use crate::network::{Network, NetworkError};
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
    /// Output that the weather offered and was not taken, W.
    pub curtailed_w: f64,
    /// Cost of the base points, $/h.
    pub usd_per_h: f64,
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
    let mut before: Option<(Vec<f64>, f64)> = None;
    let mut held = vec![false; units];
    for t in 0..intervals {
        let seen = day.ahead.min(intervals - t);
        let (loads, available): (Vec<Vec<f64>>, Vec<Vec<f64>>) =
            (0..seen).map(|ahead| forecast.expected(t + ahead, ahead + 1)).unzip();
        let range: Vec<Vec<Range>> = (0..seen)
            .map(|ahead| ranges(day, t, ahead, &available[ahead], before.as_ref().map(|b| &b.0[..])))
            .collect();
        let look = looker.look(&range, &loads, day.reserve_w[t])?;
        // What is left for units with fuel.
        let net_w = loads[0].iter().sum::<f64>() - weather(day, &available[0]);
        if let Some((earlier_w, earlier_net_w)) = &before {
            let told = reason::Told {
                day,
                interval: t,
                before_w: earlier_w,
                range: &range[0],
                held: &held,
                rose: net_w > *earlier_net_w,
                look: &look,
            };
            done.orders.extend(told.orders(&mut looker));
        }
        held = (0..units).map(|unit| reason::held(day, &look, &range[0], unit)).collect();
        before = Some((look.output_w.clone(), net_w));
        done.intervals.push(settle(day, forecast, t, look, &loads[0], &available[0], &range[0]));
    }
    Ok(done)
}

/// What the weather offers, W.
fn weather(day: &Day<'_>, available_w: &[f64]) -> f64 {
    (0..available_w.len()).filter(|unit| day.ramp_w_per_s[*unit].is_infinite()).map(|unit| available_w[unit]).sum()
}

/// Where every unit may go: its limits, and in the first interval its ramp from where it stands.
fn ranges(day: &Day<'_>, t: usize, ahead: usize, available_w: &[f64], before_w: Option<&[f64]>) -> Vec<Range> {
    let g = &day.network.generators;
    let units = g.bus.len();
    (0..units)
        .map(|unit| {
            let runs = day.committed[(t + ahead) * units + unit]
                && day.network.buses.kind[g.bus[unit]] != crate::network::BusKind::Isolated;
            if !runs {
                return Range::default();
            }
            let ramp_w = day.ramp_w_per_s[unit] * day.step_s;
            let (mut least_w, mut most_w) = (g.least_w[unit], g.most_w[unit].min(available_w[unit]));
            if ramp_w.is_infinite() {
                let least_w = if day.must_take[unit] { most_w } else { g.least_w[unit].min(most_w).min(0.0) };
                return Range { runs, least_w, most_w };
            }
            if let (0, Some(before_w), true) = (ahead, before_w, t > 0) {
                if day.committed[(t - 1) * units + unit] {
                    // Where it stands is within reach, whatever its limits became.
                    least_w = least_w.max(before_w[unit] - ramp_w).min(before_w[unit] + ramp_w);
                    most_w = most_w.min(before_w[unit] + ramp_w).max(before_w[unit] - ramp_w);
                } else {
                    most_w = most_w.min(least_w + ramp_w);
                }
            }
            Range { runs, least_w: least_w.min(most_w), most_w }
        })
        .collect()
}

/// What came, and what the regulation had to add.
fn settle(
    day: &Day<'_>,
    forecast: &Forecast,
    t: usize,
    look: Look,
    expected_w: &[f64],
    available_w: &[f64],
    range: &[Range],
) -> Interval {
    let (load_w, came_w) = forecast.actual(t);
    let mut output_w = look.output_w.clone();
    let mut curtailed_w = 0.0;
    for unit in (0..output_w.len()).filter(|unit| range[*unit].runs && day.ramp_w_per_s[*unit].is_infinite()) {
        // A unit that was held back gives its order if it can; another gives what comes.
        let held = reason::held(day, &look, range, unit);
        curtailed_w += if held { (available_w[unit] - output_w[unit]).max(0.0) } else { 0.0 };
        output_w[unit] = if held { output_w[unit].min(came_w[unit]) } else { came_w[unit] };
    }
    let (load_w, expected_load_w): (f64, f64) = (load_w.iter().sum(), expected_w.iter().sum());
    let given: f64 = output_w.iter().sum();
    let shunts: f64 = day.network.buses.shunt_w.iter().sum();
    let gave: f64 = look.unserved_w.iter().sum::<f64>() - look.surplus_w.iter().sum::<f64>();
    let regulation_w = load_w + shunts - given - gave;
    let mut running = day.network.clone();
    for (service, range) in running.generators.in_service.iter_mut().zip(range) {
        *service = range.runs;
    }
    let usd_per_h = cost_usd_per_h(&running, &look.output_w);
    Interval { look, expected_load_w, load_w, regulation_w, curtailed_w, usd_per_h }
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
