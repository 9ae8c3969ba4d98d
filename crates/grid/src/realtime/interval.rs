//! One look: the cheapest base points of the next interval and the few after it, as a program for [`crate::merit`].
//!
//! Limits on flows, ramps between the intervals looked at, and units that hold reserve below their most, are enforced as
//! they are met: one that the answer without it keeps does not change the answer. What cannot be kept gives at its
//! shortage price: whatever draws may go unserved, whatever feeds may find no taker, flows may exceed ratings and reserve
//! may be short, so that outputs within limits and ramps always have an answer; one that is not found is an error.
//!
//! Not modelled: losses, reserve beyond the first interval, deliverability of reserve.

mod limits;

use super::{Day, Prices};
use crate::merit::{self, Problem};
use crate::network::direct::DirectFlow;
use crate::network::optimum::pieces;
use crate::network::{Network, NetworkError};
use limits::keeps;
use std::collections::{BTreeMap, BTreeSet};

/// A limit beyond by more than this counts as met, W.
const MET_W: f64 = 100.0;
/// Most rounds of enforcing limits; more than a handful was not seen.
const ROUNDS: u32 = 40;

/// A limit that is enforced as it is met; the first number is the interval of the look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Flow over a branch, with everything in service or after the loss of another.
    Flow {
        /// Interval of the look.
        ahead: usize,
        /// The branch.
        branch: usize,
        /// The branch that is lost.
        lost: Option<usize>,
    },
    /// The ramp of a unit from the interval before.
    Ramp {
        /// Interval of the look, from 1.
        ahead: usize,
        /// The unit.
        unit: usize,
    },
    /// Output and reserve of a unit in the first interval.
    Room {
        /// The unit.
        unit: usize,
    },
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Piece { unit: usize },
    Link { link: usize },
    Unserved,
    Surplus,
    Reserve { unit: usize },
    ReserveShort,
    Overload,
}

struct Column {
    ahead: usize,
    what: What,
    /// Bus that it feeds, and bus that it draws from.
    feeds: Option<usize>,
    draws: Option<usize>,
    linear: f64,
    square: f64,
    width: f64,
}

/// Output range of a unit in an interval of the look, W.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// Whether it runs.
    pub runs: bool,
    /// Least and most.
    pub least_w: f64,
    /// Most.
    pub most_w: f64,
}

/// What a look decides for its first interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Base point of every unit, W.
    pub output_w: Vec<f64>,
    /// Flow over every DC line, W.
    pub link_w: Vec<f64>,
    /// Load unserved at every bus, W.
    pub unserved_w: Vec<f64>,
    /// Output that nobody takes at every bus, W.
    pub surplus_w: Vec<f64>,
    /// Reserve that is short, W.
    pub reserve_short_w: f64,
    /// Price of energy in every part of the network, $/MWh.
    pub island_usd_per_mwh: Vec<f64>,
    /// Price of energy in the part of every bus, and what limits add, $/MWh.
    pub energy_usd_per_mwh: Vec<f64>,
    /// See `energy_usd_per_mwh`.
    pub congestion_usd_per_mwh: Vec<f64>,
    /// Price of reserve, $/MWh.
    pub reserve_usd_per_mwh: f64,
    /// Limits with their price ($/MWh of one more MW; signed as the row's), all intervals.
    pub binding: Vec<(Limit, f64)>,
    /// Flow beyond its limit, W, by limit of the first interval.
    pub overload_w: Vec<(Limit, f64)>,
    /// Iterations and rounds.
    pub iterations: u32,
    /// Programs solved.
    pub rounds: u32,
    /// Largest relative gap.
    pub gap: f64,
}

/// What looks share: factors, and limits that were met before.
pub struct Looker<'d> {
    day: &'d Day<'d>,
    direct: DirectFlow,
    part: Vec<usize>,
    parts: usize,
    factors: BTreeMap<usize, Vec<f64>>,
    /// Share of a lost branch's flow that each branch takes over.
    takes_over: BTreeMap<usize, Vec<f64>>,
    enforced: BTreeSet<Limit>,
    /// Rounds of enforcing limits after which there is no answer.
    pub(super) most_rounds: u32,
    now: Network,
}

impl<'d> Looker<'d> {
    /// Prepares the network.
    ///
    /// # Errors
    /// A network that cannot be used; a branch whose loss cuts the network in two.
    pub fn new(day: &'d Day<'d>) -> Result<Self, NetworkError> {
        let network = day.network;
        if let Some(why) = day.links.iter().find_map(|link| link.wrong(network)) {
            return Err(NetworkError::Unusable(why));
        }
        let mut direct = DirectFlow::new(network, day.convention, None)?;
        let (part, parts) = network.parts(None);
        let mut takes_over = BTreeMap::new();
        let mut flow_w = vec![0.0; network.branches.from.len()];
        for lost in &day.outages {
            if network.parts(Some(*lost)).1 > parts || !network.carries(*lost) {
                let why = "its loss cuts the network in two, or it is out of service already";
                return Err(NetworkError::Unusable(format!("{}: {why}", network.branch_name(*lost))));
            }
            // Feeding at its beginning and drawing at its end what flows in it undoes it: flows of one watt, made whole.
            let mut injection_w = vec![0.0; network.bus_count()];
            injection_w[network.branches.from[*lost]] = 1.0;
            injection_w[network.branches.to[*lost]] = -1.0;
            direct.spread(network, &injection_w, &mut flow_w);
            let shifts = network.branches.shift_rad.iter().any(|shift| *shift != 0.0);
            if shifts {
                let mut still_w = vec![0.0; flow_w.len()];
                direct.spread(network, &vec![0.0; network.bus_count()], &mut still_w);
                for (flow, still) in flow_w.iter_mut().zip(&still_w) {
                    *flow -= still;
                }
            }
            let own = flow_w[*lost];
            let shares: Vec<f64> =
                flow_w.iter().enumerate().map(|(b, flow)| if b == *lost { -1.0 } else { flow / (1.0 - own) }).collect();
            takes_over.insert(*lost, shares);
        }
        let (factors, enforced) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { day, direct, part, parts, factors, takes_over, enforced, most_rounds: ROUNDS, now: network.clone() })
    }

    /// Decides; `range` is by interval of the look and unit, `load_w` by interval and bus.
    ///
    /// # Errors
    /// Costs that cannot be used; a program that the solver does not finish.
    pub fn look(&mut self, range: &[Vec<Range>], load_w: &[Vec<f64>], reserve_w: f64) -> Result<Look, NetworkError> {
        let columns = self.columns(range, load_w, reserve_w)?;
        // What flows with every unit at its least and no link used.
        let mut still: Vec<Vec<f64>> = Vec::new();
        for (range, load_w) in range.iter().zip(load_w) {
            let mut injection_w = self.drawn(load_w);
            for (unit, range) in range.iter().enumerate().filter(|(_, range)| range.runs) {
                injection_w[self.day.network.generators.bus[unit]] += range.least_w;
            }
            for link in &self.day.links {
                injection_w[link.from] += link.most_w;
                injection_w[link.to] -= link.most_w;
            }
            still.push(injection_w);
        }
        let day = self.day;
        let ramp_w = |unit: usize| day.ramp_w_per_s[unit] * day.step_s;
        self.enforced.retain(|limit| keeps(limit, range, ramp_w));
        let (mut rounds, mut iterations) = (0, 0);
        loop {
            rounds += 1;
            let limits: Vec<Limit> = self.enforced.iter().copied().collect();
            let (problem, all, first_limit) = self.program(&columns, &still, &limits, range, reserve_w);
            let solved = merit::solve(&problem).map_err(|left| {
                NetworkError::Unsolved(format!(
                    "the dispatch was not solved: gap {:.1e}, violation {:.1e} (hint: look for a cost or a power that is \
                     out of all proportion to the others)",
                    left.gap, left.violation
                ))
            })?;
            iterations += solved.iterations;
            let met = self.met(&all, &solved.x, &still, range);
            let fresh: Vec<Limit> = met.into_iter().filter(|limit| !self.enforced.contains(limit)).collect();
            if !fresh.is_empty() {
                if rounds >= self.most_rounds {
                    let first = super::limit_words(self.day.network, &fresh[0]);
                    return Err(NetworkError::Unsolved(format!(
                        "the dispatch was not solved: {} limits are still not kept after {rounds} rounds, the first: {first}",
                        fresh.len()
                    )));
                }
                self.enforced.extend(fresh);
                continue;
            }
            let look = self.answer(&all, &solved, &limits, first_limit, range, load_w);
            let priced: BTreeSet<Limit> = look.binding.iter().map(|(limit, _)| *limit).collect();
            self.enforced.retain(|limit| priced.contains(limit));
            return Ok(Look { rounds, iterations, gap: solved.gap, ..look });
        }
    }

    /// Part of the network that every bus is in; `usize::MAX` for one out of service.
    pub(super) fn part(&self) -> &[usize] {
        &self.part
    }

    /// What every binding limit of the first interval adds to the price at every bus, $/MWh.
    pub(super) fn congestion_terms(&mut self, look: &Look) -> Vec<(Limit, Vec<f64>)> {
        let mut terms = Vec::new();
        for (limit, price) in &look.binding {
            if let Limit::Flow { ahead: 0, branch, lost } = limit {
                let factors = self.flow_factors(*branch, *lost);
                terms.push((*limit, factors.iter().map(|factor| price * factor).collect()));
            }
        }
        terms
    }

    /// What loads and shunts take, as injections.
    fn drawn(&self, load_w: &[f64]) -> Vec<f64> {
        let live = |bus: usize| self.part[bus] != usize::MAX;
        let shunt_w = &self.day.network.buses.shunt_w;
        (0..load_w.len()).map(|bus| if live(bus) { -load_w[bus] - shunt_w[bus] } else { 0.0 }).collect()
    }

    fn columns(
        &mut self,
        range: &[Vec<Range>],
        load_w: &[Vec<f64>],
        reserve_w: f64,
    ) -> Result<Vec<Column>, NetworkError> {
        let (day, base) = (self.day, self.day.network.base_va);
        let mw = base / 1e6;
        let Prices { unserved_usd_per_mwh, surplus_usd_per_mwh, reserve_usd_per_mwh, .. } = day.prices;
        let mut columns = Vec::new();
        for ahead in 0..range.len() {
            // All that can be cut: what draws (unserved), and what feeds (surplus), a load below zero with it.
            let drawn = self.drawn(&load_w[ahead]);
            let mut unserved_w: Vec<f64> = drawn.iter().map(|given| (-given).max(0.0)).collect();
            let mut surplus_w: Vec<f64> = drawn.iter().map(|given| given.max(0.0)).collect();
            for (unit, range) in range[ahead].iter().enumerate().filter(|(_, range)| range.runs) {
                let bus = day.network.generators.bus[unit];
                surplus_w[bus] += range.most_w.max(0.0);
                unserved_w[bus] += (-range.least_w).max(0.0);
                self.now.generators.least_w[unit] = range.least_w;
                self.now.generators.most_w[unit] = range.most_w;
                for piece in pieces(&self.now, unit).map_err(NetworkError::Unusable)? {
                    let Some(width) = Some(piece.width).filter(|width| width.is_finite()) else {
                        return Err(NetworkError::Unusable(format!("generator {} has no end", unit + 1)));
                    };
                    let (what, feeds) = (What::Piece { unit }, Some(bus));
                    let (linear, square) = (piece.linear, piece.square);
                    columns.push(Column { ahead, what, feeds, draws: None, linear, square, width });
                }
            }
            for bus in (0..self.part.len()).filter(|bus| self.part[*bus] != usize::MAX) {
                let mut give = |what, feeds, draws, width_w: f64, price: f64| {
                    if width_w > 0.0 {
                        // A little wider than all there is: one more megawatt then has the shortage's price.
                        let (linear, width) = (price * mw, (width_w + MET_W) / base);
                        columns.push(Column { ahead, what, feeds, draws, linear, square: 0.0, width });
                    }
                };
                give(What::Unserved, Some(bus), None, unserved_w[bus], unserved_usd_per_mwh);
                give(What::Surplus, None, Some(bus), surplus_w[bus], surplus_usd_per_mwh);
            }
            for (link, known) in day.links.iter().enumerate().filter(|(_, link)| link.most_w > 0.0) {
                let (feeds, draws, width) = (Some(known.to), Some(known.from), 2.0 * known.most_w / base);
                columns.push(Column {
                    ahead,
                    what: What::Link { link },
                    feeds,
                    draws,
                    linear: 0.0,
                    square: 0.0,
                    width,
                });
            }
        }
        if reserve_w > 0.0 {
            let mut give = |what, width_w: f64, price: f64| {
                let (linear, width) = (price * mw, width_w / base);
                columns.push(Column { ahead: 0, what, feeds: None, draws: None, linear, square: 0.0, width });
            };
            for (unit, range) in range[0].iter().enumerate().filter(|(_, range)| range.runs) {
                if day.ramp_w_per_s[unit].is_finite() {
                    give(What::Reserve { unit }, self.reserve_most_w(unit, range), 0.0);
                }
            }
            give(What::ReserveShort, reserve_w, reserve_usd_per_mwh);
        }
        Ok(columns)
    }

    /// What a unit can hold as reserve above its least output.
    fn reserve_most_w(&self, unit: usize, range: &Range) -> f64 {
        let by_ramp = self.day.ramp_w_per_s[unit] * self.day.reserve_within_s;
        by_ramp.min((self.day.network.generators.most_w[unit] - range.least_w).max(0.0))
    }

    /// The program with these limits; its columns with those for overloads, and the row of the first limit.
    #[allow(clippy::type_complexity)]
    fn program<'c>(
        &mut self,
        columns: &'c [Column],
        still: &[Vec<f64>],
        limits: &[Limit],
        range: &[Vec<Range>],
        reserve_w: f64,
    ) -> (Problem, Vec<(&'c Column, Option<usize>)>, usize) {
        let base = self.day.network.base_va;
        let mut drawn_w = vec![0.0; still.len()];
        for column in columns.iter().filter(|c| matches!(c.what, What::Unserved | What::Link { .. })) {
            drawn_w[column.ahead] += column.width * base;
        }
        let mut all: Vec<(&Column, Option<usize>)> = columns.iter().map(|column| (column, None)).collect();
        let mut problem = Problem::default();
        for column in columns {
            problem.column(column.linear, column.square, column.width);
        }
        // Two ways beyond every flow limit.
        static OVERLOAD: Column =
            Column { ahead: 0, what: What::Overload, feeds: None, draws: None, linear: 0.0, square: 0.0, width: 0.0 };
        for (place, limit) in limits.iter().enumerate() {
            if let Limit::Flow { ahead, branch, lost } = limit {
                for _ in 0..2 {
                    // Wide enough for all that is drawn, or a small rating could not give way.
                    let usual_w = 10.0 * self.rating_w(*branch, *lost);
                    let most = usual_w.max(drawn_w[*ahead]) / base;
                    problem.column(self.day.prices.overload_usd_per_mwh * base / 1e6, 0.0, most);
                    all.push((&OVERLOAD, Some(place)));
                }
            }
        }
        for (ahead, still) in still.iter().enumerate() {
            for part in 0..self.parts {
                let inside = |bus: Option<usize>| f64::from(u8::from(bus.is_some_and(|bus| self.part[bus] == part)));
                let row: Vec<f64> = all
                    .iter()
                    .map(|(c, _)| if c.ahead == ahead { inside(c.feeds) - inside(c.draws) } else { 0.0 })
                    .collect();
                let need: f64 =
                    (0..still.len()).filter(|bus| self.part[*bus] == part).map(|bus| -still[bus] / base).sum();
                problem.row(&row, need, need);
            }
        }
        if reserve_w > 0.0 {
            let holds = |c: &Column| matches!(c.what, What::Reserve { .. } | What::ReserveShort);
            let row: Vec<f64> = all.iter().map(|(c, _)| f64::from(u8::from(holds(c)))).collect();
            problem.row(&row, reserve_w / base, f64::INFINITY);
        }
        let first_limit = problem.low.len();
        for (place, limit) in limits.iter().enumerate() {
            let (row, low_w, high_w) = self.row(limit, place, &all, still, range);
            problem.row(&row, low_w / base, high_w / base);
        }
        (problem, all, first_limit)
    }

    /// Limits that an answer is beyond.
    fn met(
        &mut self,
        all: &[(&Column, Option<usize>)],
        x: &[f64],
        still: &[Vec<f64>],
        range: &[Vec<Range>],
    ) -> Vec<Limit> {
        let (day, base) = (self.day, self.day.network.base_va);
        let mut found = Vec::new();
        let mut flow_w = vec![0.0; day.network.branches.from.len()];
        for (ahead, still) in still.iter().enumerate() {
            let mut injection_w = still.clone();
            for ((column, _), x) in all.iter().zip(x).filter(|((column, _), _)| column.ahead == ahead) {
                if let Some(bus) = column.feeds {
                    injection_w[bus] += x * base;
                }
                if let Some(bus) = column.draws {
                    injection_w[bus] -= x * base;
                }
            }
            self.direct.spread(day.network, &injection_w, &mut flow_w);
            for branch in (0..flow_w.len()).filter(|branch| day.network.carries(*branch)) {
                if flow_w[branch].abs() > self.rating_w(branch, None) + MET_W {
                    found.push(Limit::Flow { ahead, branch, lost: None });
                }
                for (lost, shares) in &self.takes_over {
                    let after_w = flow_w[branch] + shares[branch] * flow_w[*lost];
                    if branch != *lost && after_w.abs() > self.rating_w(branch, Some(*lost)) + MET_W {
                        found.push(Limit::Flow { ahead, branch, lost: Some(*lost) });
                    }
                }
            }
        }
        let mut output_w: Vec<Vec<f64>> =
            range.iter().map(|range| range.iter().map(|range| range.least_w).collect()).collect();
        let mut held_w = vec![0.0; day.ramp_w_per_s.len()];
        for ((column, _), x) in all.iter().zip(x) {
            match column.what {
                What::Piece { unit } => output_w[column.ahead][unit] += x * base,
                What::Reserve { unit } => held_w[unit] += x * base,
                _ => {}
            }
        }
        for unit in 0..held_w.len() {
            if held_w[unit] > 0.0 && output_w[0][unit] + held_w[unit] > day.network.generators.most_w[unit] + MET_W {
                found.push(Limit::Room { unit });
            }
            for ahead in 1..range.len() {
                let moved_w = (output_w[ahead][unit] - output_w[ahead - 1][unit]).abs();
                let limit = Limit::Ramp { ahead, unit };
                let ramp_w = |unit: usize| day.ramp_w_per_s[unit] * day.step_s;
                if keeps(&limit, range, ramp_w) && moved_w > ramp_w(unit) + MET_W {
                    found.push(limit);
                }
            }
        }
        found
    }

    fn answer(
        &mut self,
        all: &[(&Column, Option<usize>)],
        solved: &merit::Answer,
        limits: &[Limit],
        first_limit: usize,
        range: &[Vec<Range>],
        load_w: &[Vec<f64>],
    ) -> Look {
        let (day, base) = (self.day, self.day.network.base_va);
        let mw = base / 1e6;
        let (buses, units) = (self.part.len(), day.ramp_w_per_s.len());
        let mut look = Look {
            output_w: (0..units).map(|u| if range[0][u].runs { range[0][u].least_w } else { 0.0 }).collect(),
            link_w: day.links.iter().map(|link| -link.most_w).collect(),
            unserved_w: vec![0.0; buses],
            surplus_w: vec![0.0; buses],
            ..Look::default()
        };
        for ((column, of), x) in all.iter().zip(&solved.x).filter(|((column, _), _)| column.ahead == 0) {
            let by_w = x * base;
            match column.what {
                What::Piece { unit } => look.output_w[unit] += by_w,
                What::Link { link } => look.link_w[link] += by_w,
                What::Unserved => look.unserved_w[column.feeds.unwrap_or(0)] += by_w,
                What::Surplus => look.surplus_w[column.draws.unwrap_or(0)] += by_w,
                What::ReserveShort => look.reserve_short_w += by_w,
                What::Overload => {
                    if let (Some(limit @ Limit::Flow { ahead: 0, .. }), true) = (of.map(|of| limits[of]), by_w > MET_W)
                    {
                        look.overload_w.push((limit, by_w));
                    }
                }
                What::Reserve { .. } => {}
            }
        }
        look.island_usd_per_mwh = solved.price[..self.parts].iter().map(|price| price / mw).collect();
        look.energy_usd_per_mwh =
            self.part.iter().map(|part| look.island_usd_per_mwh.get(*part).copied().unwrap_or(f64::NAN)).collect();
        look.congestion_usd_per_mwh = vec![0.0; buses];
        if first_limit > self.parts * range.len() {
            look.reserve_usd_per_mwh = solved.price[first_limit - 1] / mw;
        }
        for (limit, price) in limits.iter().zip(&solved.price[first_limit..]) {
            let price = price / mw;
            if let Limit::Flow { ahead: 0, branch, lost } = limit {
                for (congestion, factor) in
                    look.congestion_usd_per_mwh.iter_mut().zip(self.flow_factors(*branch, *lost))
                {
                    *congestion += price * factor;
                }
            }
            if price.abs() > 1e-3 {
                look.binding.push((*limit, price));
            }
        }
        // Energy is conserved: what runs and what is unserved is what loads and shunts take and what nobody takes.
        let given: f64 = look.output_w.iter().sum::<f64>() + look.unserved_w.iter().sum::<f64>();
        let taken: f64 = look.surplus_w.iter().sum::<f64>() - self.drawn(&load_w[0]).iter().sum::<f64>();
        assert!((given - taken).abs() <= 1e-7 * (given.abs() + base), "given {given} W, taken {taken} W");
        look
    }
}
