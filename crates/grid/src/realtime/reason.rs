//! Why a unit was told to move: the term of its program that answers.
//!
//! A unit moves towards where its marginal cost meets the price at its bus. The price is energy plus congestion; so a
//! unit that energy alone would have moved the other way moves for congestion, on the limit with the largest term there.
//!
//! Not modelled: a second reason where two act at once.

use super::Day;
use super::interval::{Limit, Look, Looker, Range};
use crate::network::Cost;

/// Smaller changes are not ordered, W.
pub const LEAST_W: f64 = 0.1e6;
/// Prices nearer than this are the same, $/MWh.
const SAME_USD_PER_MWH: f64 = 0.01;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It starts at its least output, as committed.
    Start,
    /// It stops, as committed.
    Stop,
    /// It comes down to its least output before a stop.
    Ahead,
    /// Sun, wind or water that was held back may give all again.
    Release,
    /// Load less what the weather gives rose or fell.
    Load,
    /// A cheaper or dearer unit takes its place.
    Merit,
    /// A limit on a flow.
    Congestion(Limit),
    /// It moves as far as its ramp allows, and would go further.
    Ramp,
    /// It moves now because a later ramp would be too short.
    RampAhead,
    /// It makes room for reserve, or holds it.
    Reserve,
    /// Load goes unserved or reserve is short.
    Shortage,
}

impl Why {
    /// One word for tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Ahead => "stop ahead",
            Self::Release => "release",
            Self::Load => "load",
            Self::Merit => "merit",
            Self::Congestion(_) => "congestion",
            Self::Ramp => "held by ramp",
            Self::RampAhead => "ramp ahead",
            Self::Reserve => "reserve",
            Self::Shortage => "shortage",
        }
    }
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Interval.
    pub interval: usize,
    /// Unit.
    pub unit: usize,
    /// From this, W.
    pub from_w: f64,
    /// To this, W.
    pub to_w: f64,
    /// Why.
    pub why: Why,
    /// Price at its bus, $/MWh.
    pub price_usd_per_mwh: f64,
}

/// What the orders of an interval follow from.
pub(super) struct Told<'a> {
    pub(super) day: &'a Day<'a>,
    pub(super) interval: usize,
    pub(super) before_w: &'a [f64],
    pub(super) range: &'a [Range],
    /// Units that were held below what the weather offered.
    pub(super) held: &'a [bool],
    /// Whether load less weather rose.
    pub(super) rose: bool,
    pub(super) look: &'a Look,
    /// Most output that a start or stop nearby leaves every unit, W; infinite where none is near.
    pub(super) edge_w: &'a [f64],
    /// Load unserved in the part of every bus, W.
    pub(super) unserved_w: &'a [f64],
}

impl Told<'_> {
    /// Every order of the interval.
    pub(super) fn orders(&self, looker: &mut Looker<'_>) -> Vec<Order> {
        let units = self.before_w.len();
        let terms = looker.congestion_terms(self.look);
        let moved = |unit: &usize| {
            // What the weather gives and is taken whole needs no order.
            if self.day.ramp_w_per_s[*unit].is_infinite()
                && !self.held[*unit]
                && !held(self.day, self.look, self.range, *unit)
            {
                return false;
            }
            (self.look.output_w[*unit] - self.before_w[*unit]).abs() > LEAST_W
                || self.committed(*unit) != self.range[*unit].runs
        };
        (0..units)
            .filter(moved)
            .map(|unit| {
                let bus = self.day.network.generators.bus[unit];
                Order {
                    interval: self.interval,
                    unit,
                    from_w: self.before_w[unit],
                    to_w: self.look.output_w[unit],
                    why: self.why(unit, bus, &terms),
                    price_usd_per_mwh: self.look.energy_usd_per_mwh[bus] + self.look.congestion_usd_per_mwh[bus],
                }
            })
            .collect()
    }

    /// Whether the unit ran in the interval before.
    fn committed(&self, unit: usize) -> bool {
        self.day.committed[(self.interval - 1) * self.before_w.len() + unit]
    }

    fn why(&self, unit: usize, bus: usize, terms: &[(Limit, Vec<f64>)]) -> Why {
        let (range, look) = (&self.range[unit], self.look);
        match (self.committed(unit), range.runs) {
            (false, true) => return Why::Start,
            (true, false) => return Why::Stop,
            _ => {}
        }
        let (from_w, to_w) = (self.before_w[unit], look.output_w[unit]);
        let up = to_w > from_w;
        let energy = look.energy_usd_per_mwh[bus];
        let price = energy + look.congestion_usd_per_mwh[bus];
        let cost = marginal_usd_per_mwh(&self.day.network.generators.cost[unit], to_w / 1e6, up);
        // A shortage elsewhere, or beyond a full line, leaves the price here below its own.
        let prices = &self.day.prices;
        let unserved = self.unserved_w[bus] > LEAST_W && price >= prices.unserved_usd_per_mwh - 1.0;
        let unreserved = look.reserve_short_w > LEAST_W && price - cost >= prices.reserve_usd_per_mwh - 1.0;
        let short = unserved || unreserved;
        // The limit that does most to raise the price here, or to lower it.
        let most = |sign: f64| {
            let term = |limit: &&(Limit, Vec<f64>)| sign * limit.1[bus];
            terms.iter().max_by(|a, b| term(a).total_cmp(&term(b))).map(|(limit, _)| Why::Congestion(*limit))
        };
        if self.day.ramp_w_per_s[unit].is_infinite() {
            if !held(self.day, look, self.range, unit) {
                return Why::Release;
            }
            // Held back though it costs nothing: energy still worth its cost says that a limit does it.
            let limited = energy > cost + SAME_USD_PER_MWH && price <= cost + SAME_USD_PER_MWH;
            // Whether its order rises or falls, what holds it back is what lowers its price most.
            return if limited { most(-1.0).unwrap_or(Why::Load) } else { Why::Load };
        }
        if !up && to_w >= self.edge_w[unit] - LEAST_W && price > cost + SAME_USD_PER_MWH {
            return Why::Ahead;
        }
        let ramp_w = self.day.ramp_w_per_s[unit] * self.day.step_s;
        let whole = (to_w - from_w).abs() >= ramp_w - LEAST_W.min(0.01 * ramp_w);
        if whole && ((up && price > cost + SAME_USD_PER_MWH) || (!up && price < cost - SAME_USD_PER_MWH)) {
            return if up && short { Why::Shortage } else { Why::Ramp };
        }
        if up && short {
            return Why::Shortage;
        }
        let binds = |wanted: &dyn Fn(&Limit) -> bool| look.binding.iter().any(|(limit, _)| wanted(limit));
        if binds(&|limit| matches!(limit, Limit::Ramp { unit: own, .. } if *own == unit)) {
            return Why::RampAhead;
        }
        if binds(&|limit| matches!(limit, Limit::Room { unit: own } if *own == unit)) {
            return Why::Reserve;
        }
        let congestion = look.congestion_usd_per_mwh[bus];
        let turned = if up {
            energy < cost - SAME_USD_PER_MWH && congestion > SAME_USD_PER_MWH
        } else {
            energy > cost + SAME_USD_PER_MWH && congestion < -SAME_USD_PER_MWH
        };
        match most(if up { 1.0 } else { -1.0 }) {
            Some(why) if turned => why,
            _ if up == self.rose => Why::Load,
            _ => Why::Merit,
        }
    }
}

/// Whether a unit gives less than the weather offers.
pub(super) fn held(day: &Day<'_>, look: &Look, range: &[Range], unit: usize) -> bool {
    range[unit].runs
        && day.ramp_w_per_s[unit].is_infinite()
        && !day.must_take[unit]
        && look.output_w[unit] < range[unit].most_w - LEAST_W
}

/// Cost of a bit less (`up`: what the last bit cost) or a bit more, $/MWh.
fn marginal_usd_per_mwh(cost: &Option<Cost>, mw: f64, up: bool) -> f64 {
    match cost {
        None => 0.0,
        Some(Cost::Polynomial(terms)) => {
            let term = |power: usize| terms.get(power).copied().unwrap_or(0.0);
            term(1) + 2.0 * term(2) * mw
        }
        Some(Cost::Piecewise(points)) => {
            let last = points.len().saturating_sub(2);
            // At a corner the side that the unit came from counts.
            let inside = |two: &[(f64, f64)]| if up { mw <= two[1].0 + 1e-3 } else { mw < two[1].0 - 1e-3 };
            let place = points.windows(2).position(inside).unwrap_or(last);
            (points[place + 1].1 - points[place].1) / (points[place + 1].0 - points[place].0)
        }
    }
}
