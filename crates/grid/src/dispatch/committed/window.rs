//! One window of a year as a mixed-integer program.
//!
//! For a unit of machines, `n` of which are on, `u` start and `v` stop in a step, of `M` that are there, each able to give
//! `r = A / M` with `A` what the unit could give:
//!
//! ```text
//! least r n <= p <= r n            n(t) - n(t-1) = u(t) - v(t)            0 <= n <= M
//! u(t - up + 1) + ... + u(t) <= n(t) + count - M(t)      (machines on repair are released from staying on)
//! v(t - down + 1) + ... + v(t) <= count - n(t)
//! ```
//!
//! Equal machines in one count instead of one by one: Palmintier and Webster, "Impact of unit commitment constraints on
//! generation expansion planning", IEEE PES General Meeting 2011. Powers are MW, costs $.
//!
//! Not modelled: that a storage's machines can turn around within an hour: it charges or discharges in a step.

use super::{Committed, State};
use crate::commitment::matrix::{MW, Matrix, Terms};
use crate::commitment::solver::{End, Limits, linear, mixed};
use crate::dispatch::{Dispatch, Ends, Problem};

/// What an hour's power of both ways at once may be before it is forbidden, MW.
const BOTH_WAYS: f64 = 1e-3;
/// Most times that storages found going both ways at once are made to choose.
const MOST_ROUNDS: usize = 6;
/// What a MWh that is missing at the end of a window costs beside twice its value in the year's program, $: guess, so that
/// energy without a value there is aimed at too.
const MISSING_USD_PER_MWH: f64 = 5.0;
/// The same at the end of the year, where the storage must end as told: beyond every price.
const AMISS_USD_PER_MWH: f64 = 1e5;

/// Power that counts as missing, MW, and most places that are told.
const LEAST_LACK: f64 = 1e-3;
const MOST_PLACES: usize = 10;

/// Columns of a unit of machines in one step.
#[derive(Clone, Copy, Debug)]
struct Count {
    on: usize,
    start: usize,
    stop: usize,
}

/// Columns of a storage in one step.
#[derive(Clone, Copy, Debug)]
struct Tank {
    charge: usize,
    discharge: usize,
    energy: usize,
    spill: usize,
}

/// The program and where its columns and rows are; all lists run step by step.
pub(super) struct Window<'p> {
    problem: &'p Problem,
    first: usize,
    steps: usize,
    matrix: Matrix,
    power: Vec<usize>,
    counts: Vec<Option<Count>>,
    shed: Vec<Option<usize>>,
    /// Power that is missing, and that is too much, in each zone: nothing, unless there is no other answer.
    lack: Vec<(usize, usize)>,
    tanks: Vec<Tank>,
    flow: Vec<usize>,
    balance: Vec<usize>,
    kept: Vec<usize>,
}

/// A point and its bound.
struct Solved {
    value: f64,
    bound: f64,
    point: Vec<f64>,
}

/// The answer to a window.
pub(super) struct Found {
    first: usize,
    /// What runs, and the dispatch, of all its steps.
    running: Vec<u32>,
    dispatch: Dispatch,
    pub gap: f64,
}

/// Energy of a storage before the year's first step, J.
pub(super) fn first_j(problem: &Problem, relaxed: &Dispatch, store: usize) -> f64 {
    match problem.stores.ends[store] {
        Ends::Fixed { first_j, .. } => first_j,
        Ends::Cyclic => relaxed.energy_j[(problem.hours - 1) * problem.stores.name.len() + store],
    }
}

impl<'p> Window<'p> {
    pub(super) fn new(problem: &'p Problem, relaxed: &Dispatch, state: &State, first: usize, steps: usize) -> Self {
        let mut window = Self {
            problem,
            first,
            steps,
            matrix: Matrix::new(),
            power: Vec::new(),
            counts: Vec::new(),
            shed: Vec::new(),
            lack: Vec::new(),
            tanks: Vec::new(),
            flow: Vec::new(),
            balance: Vec::new(),
            kept: Vec::new(),
        };
        window.columns(state.running.is_none());
        window.balances();
        window.energies(state);
        window.aims(relaxed);
        for unit in 0..problem.units.name.len() {
            if problem.machines(unit).is_some() {
                window.machines(state, unit);
            }
        }
        window
    }

    fn hours(&self) -> f64 {
        self.problem.step_s / 3600.0
    }

    fn columns(&mut self, very_first: bool) {
        let (problem, hours) = (self.problem, self.hours());
        let per_mw = |usd_per_j: f64| usd_per_j * MW * problem.step_s;
        for hour in self.first..self.first + self.steps {
            for unit in 0..problem.units.name.len() {
                let able = problem.available_w(hour, unit) / MW;
                self.power.push(self.matrix.column(per_mw(problem.units.cost_usd_per_j[unit]), 0.0, able));
                let there = f64::from(problem.machines_there(hour, unit));
                self.counts.push(problem.machines(unit).map(|machines| {
                    // What was on before the year began nobody knows: then nothing is counted as a start.
                    let start_usd = if very_first && hour == self.first { 0.0 } else { machines.start_usd };
                    let most = f64::from(machines.count);
                    Count {
                        on: self.matrix.choice(0.0, 0.0, there),
                        start: self.matrix.column(start_usd, 0.0, most),
                        stop: self.matrix.column(0.0, 0.0, most),
                    }
                }));
            }
            for zone in 0..problem.zones.name.len() {
                let price = problem.zones.shed_price_usd_per_j[zone];
                let load = problem.load_w(hour, zone) / MW;
                self.shed.push(price.map(|price| self.matrix.column(per_mw(price), 0.0, load)));
                self.lack.push((self.matrix.column(0.0, 0.0, 0.0), self.matrix.column(0.0, 0.0, 0.0)));
            }
            let stores = &problem.stores;
            for store in 0..stores.name.len() {
                self.tanks.push(Tank {
                    charge: self.matrix.column(0.0, 0.0, stores.charge_w[store] / MW),
                    discharge: self.matrix.column(0.0, 0.0, stores.discharge_w[store] / MW),
                    // MW of one step, as all powers here.
                    energy: self.matrix.column(0.0, 0.0, stores.energy_j[store] / 3600.0 / MW / hours),
                    spill: self.matrix.column(0.0, 0.0, problem.inflow_w(hour, store) / MW),
                });
            }
            for link in 0..problem.links.name.len() {
                let (forward_w, backward_w) = problem.limits_w(hour, link);
                self.flow.push(self.matrix.column(0.0, -backward_w / MW, forward_w / MW));
            }
        }
    }

    /// Every zone's supply is its load.
    fn balances(&mut self) {
        let problem = self.problem;
        let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
        let (stores, links) = (problem.stores.name.len(), problem.links.name.len());
        for step in 0..self.steps {
            let mut terms: Vec<Terms> = vec![Terms::new(); zones];
            for unit in 0..units {
                terms[problem.units.zone[unit]].push((self.power[step * units + unit], 1.0));
            }
            for (zone, terms) in terms.iter_mut().enumerate() {
                terms.extend(self.shed[step * zones + zone].map(|shed| (shed, 1.0)));
                let (missing, over) = self.lack[step * zones + zone];
                terms.extend([(missing, 1.0), (over, -1.0)]);
            }
            for store in 0..stores {
                let tank = self.tanks[step * stores + store];
                terms[problem.stores.zone[store]].extend([(tank.discharge, 1.0), (tank.charge, -1.0)]);
            }
            for link in 0..links {
                let flow = self.flow[step * links + link];
                terms[problem.links.from[link]].push((flow, -1.0));
                terms[problem.links.to[link]].push((flow, 1.0));
            }
            for (zone, terms) in terms.iter().enumerate() {
                let load = problem.load_w(self.first + step, zone) / MW;
                self.balance.push(self.matrix.row(terms, load, load));
            }
        }
    }

    /// What a storage holds follows from what it held.
    fn energies(&mut self, state: &State) {
        let (problem, hours) = (self.problem, self.hours());
        let stores = &problem.stores;
        let count = stores.name.len();
        for step in 0..self.steps {
            for store in 0..count {
                let tank = self.tanks[step * count + store];
                let mut terms = vec![
                    (tank.energy, 1.0),
                    (tank.charge, -stores.charge_efficiency[store]),
                    (tank.discharge, 1.0 / stores.discharge_efficiency[store]),
                    (tank.spill, 1.0),
                ];
                let mut into = problem.inflow_w(self.first + step, store) / MW;
                if step == 0 {
                    into += stores.keep[store] * state.energy_j[store] / 3600.0 / MW / hours;
                } else {
                    terms.push((self.tanks[(step - 1) * count + store].energy, -stores.keep[store]));
                }
                self.kept.push(self.matrix.row(&terms, into, into));
            }
        }
    }

    /// What storages aim at when the window ends.
    fn aims(&mut self, relaxed: &Dispatch) {
        let (problem, hours) = (self.problem, self.hours());
        let count = problem.stores.name.len();
        let last = self.first + self.steps - 1;
        let of_the_year = last + 1 == problem.hours;
        for store in 0..count {
            let aim_j = match problem.stores.ends[store] {
                Ends::Fixed { last_j, .. } if of_the_year => last_j,
                Ends::Cyclic if of_the_year => first_j(problem, relaxed, store),
                _ => relaxed.energy_j[last * count + store],
            };
            let value = relaxed.value_usd_per_j[last * count + store].max(0.0) * 3.6e9;
            let usd = if of_the_year { AMISS_USD_PER_MWH } else { 2.0 * value + MISSING_USD_PER_MWH };
            let energy = self.tanks[(self.steps - 1) * count + store].energy;
            let missing = self.matrix.column(usd * hours, 0.0, f64::INFINITY);
            let over = self.matrix.column(if of_the_year { usd * hours } else { 0.0 }, 0.0, f64::INFINITY);
            let aim = aim_j / 3600.0 / MW / hours;
            self.matrix.row(&[(energy, 1.0), (missing, 1.0), (over, -1.0)], aim, aim);
        }
    }

    /// Least and greatest output, starts and stops, least times of a unit of machines.
    fn machines(&mut self, state: &State, unit: usize) {
        let (problem, units) = (self.problem, self.problem.units.name.len());
        let Some(machines) = problem.machines(unit) else { return };
        let all = f64::from(machines.count);
        let own =
            |window: &Self, step: usize| window.counts[step * units + unit].expect("a unit of machines is counted");
        for step in 0..self.steps {
            let hour = self.first + step;
            let (count, power) = (own(self, step), self.power[step * units + unit]);
            let there = problem.machines_there(hour, unit);
            let each = problem.available_w(hour, unit) / MW / f64::from(there.max(1));
            self.matrix.at_most(&[(power, 1.0), (count.on, -each)], 0.0);
            self.matrix.at_most(&[(power, -1.0), (count.on, machines.least * each)], 0.0);
            let mut change = vec![(count.on, 1.0), (count.start, -1.0), (count.stop, 1.0)];
            let before = state.running.as_ref().map(|running| f64::from(running[unit]));
            match (step, before) {
                (0, Some(before)) => {
                    self.matrix.row(&change, before, before);
                }
                // Before the first step any number may have been on.
                (0, None) => {}
                _ => {
                    change.push((own(self, step - 1).on, -1.0));
                    self.matrix.row(&change, 0.0, 0.0);
                }
            }
            let sum = |window: &Self, least: usize, starts: bool| -> (Terms, f64) {
                let column = |count: Count| if starts { count.start } else { count.stop };
                let from = (step + 1).saturating_sub(least);
                let terms = (from..=step).map(|at| (column(own(window, at)), 1.0)).collect();
                let history = if starts { &state.started[unit] } else { &state.stopped[unit] };
                let earlier = least.saturating_sub(step + 1).min(history.len());
                let known = history[history.len() - earlier..].iter().map(|machines| f64::from(*machines)).sum();
                (terms, known)
            };
            if machines.least_up > 1 {
                let (mut terms, known) = sum(self, machines.least_up, true);
                terms.push((count.on, -1.0));
                self.matrix.at_most(&terms, all - f64::from(there) - known);
            }
            if machines.least_down > 1 {
                let (mut terms, known) = sum(self, machines.least_down, false);
                terms.push((count.on, 1.0));
                self.matrix.at_most(&terms, all - known);
            }
        }
    }

    /// Solves it, and again where a storage goes both ways at once, and at last for prices with what runs settled.
    pub(super) fn solve(mut self, gap: f64) -> Result<Found, String> {
        let count = self.problem.stores.name.len();
        let mut chosen = vec![false; self.tanks.len()];
        for _ in 0..MOST_ROUNDS {
            let found = self.whole(gap)?;
            let settled = self.settled(&found.point);
            let priced = linear(&settled)?;
            if priced.end != End::Best {
                return Err(format!("with what runs settled: {:?}", priced.end));
            }
            let both: Vec<usize> = (0..self.tanks.len())
                .filter(|at| {
                    let tank = self.tanks[*at];
                    !chosen[*at] && priced.point[tank.charge].min(priced.point[tank.discharge]) > BOTH_WAYS
                })
                .collect();
            if both.is_empty() {
                let reached = (found.value - found.bound).max(0.0) / found.value.abs().max(0.01);
                return Ok(self.found(&priced.point, &priced.row_price, reached));
            }
            for at in both {
                chosen[at] = true;
                let (tank, stores) = (self.tanks[at], &self.problem.stores);
                let (most_in, most_out) = (stores.charge_w[at % count] / MW, stores.discharge_w[at % count] / MW);
                let charges = self.matrix.choice(0.0, 0.0, 1.0);
                self.matrix.at_most(&[(tank.charge, 1.0), (charges, -most_in)], 0.0);
                self.matrix.at_most(&[(tank.discharge, 1.0), (charges, most_out)], most_out);
            }
        }
        Err(format!("a storage charges and discharges at once, after {MOST_ROUNDS} rounds"))
    }

    /// A point with whole columns, within a gap of the bound that comes with it.
    ///
    /// The linear relaxation of counts lies close (a quarter of a percent for RTS-GMLC's days). So it is solved first, and
    /// then only what it leaves between two whole numbers is decided; its bound holds all the same. Where that is not good
    /// enough, the whole program is solved, from there.
    fn whole(&self, gap: f64) -> Result<Solved, String> {
        let relaxed = linear(&self.matrix)?;
        if relaxed.end != End::Best {
            return Err(self.no_answer(&relaxed.end));
        }
        const ROUNDING: f64 = 1e-6;
        let mut near = self.matrix.clone();
        for column in (0..near.cost.len()).filter(|column| self.matrix.whole[*column]) {
            let value = relaxed.point[column];
            near.lower[column] = near.lower[column].max(libm::floor(value + ROUNDING));
            near.upper[column] = near.upper[column].min(libm::ceil(value - ROUNDING));
        }
        let bound = relaxed.value;
        // Good enough is what lies within the gap above the relaxation: no need to prove more of a part of the program.
        let target = Some(bound + gap * bound.abs());
        let rounded = mixed(&near, &Limits { gap: gap / 4.0, target, ..Limits::default() })?;
        let there = matches!(rounded.end, End::Best | End::Limit);
        if there && (rounded.value - bound) <= gap * rounded.value.abs().max(0.01) {
            return Ok(Solved { value: rounded.value, bound, point: rounded.point });
        }
        let start = there.then_some(rounded.point.as_slice());
        let found = mixed(&self.matrix, &Limits { gap, start, ..Limits::default() })?;
        if found.end != End::Best {
            return Err(self.no_answer(&found.end));
        }
        Ok(Solved { value: found.value, bound: found.bound.max(bound), point: found.point })
    }

    /// Why there is none, in words: the least power that would have to be missing or too much, and where.
    fn no_answer(&self, end: &End) -> String {
        if *end != End::Infeasible {
            return format!("{end:?}");
        }
        let mut open = self.matrix.clone();
        open.cost.fill(0.0);
        for column in self.lack.iter().flat_map(|(missing, over)| [*missing, *over]) {
            (open.cost[column], open.upper[column]) = (1.0, f64::INFINITY);
        }
        let found = match mixed(&open, &Limits { gap: 1e-3, ..Limits::default() }) {
            Ok(found) if found.end == End::Best => found,
            Ok(found) => return format!("Infeasible; what lacks was not found either ({:?})", found.end),
            Err(why) => return why,
        };
        let zones = self.problem.zones.name.len();
        let mut places: Vec<(f64, String)> = Vec::new();
        for (at, (missing, over)) in self.lack.iter().enumerate() {
            for (column, what) in [(*missing, "missing"), (*over, "too much")] {
                let power = found.point[column];
                if power > LEAST_LACK {
                    let (zone, hour) = (&self.problem.zones.name[at % zones], self.first + at / zones);
                    places.push((power, format!("{zone} in hour {hour}: {power:.1} MW {what}")));
                }
            }
        }
        places.sort_by(|a, b| b.0.total_cmp(&a.0));
        let energy = found.value * self.hours();
        let worst: Vec<&str> = places.iter().take(MOST_PLACES).map(|place| place.1.as_str()).collect();
        format!(
            "load cannot be met to the watt with machines on or off, and may not be shed; at least {energy:.1} MWh lie apart, in {} zone-hours; worst:\n  {}\n  \
             too much is what machines that must stay on, or are on for another hour, give at least",
            places.len(),
            worst.join("\n  ")
        )
    }

    /// The program with its whole columns held at what a point has.
    fn settled(&self, point: &[f64]) -> Matrix {
        let mut matrix = self.matrix.clone();
        for column in 0..matrix.cost.len() {
            if matrix.whole[column] {
                let whole = libm::round(point[column]);
                (matrix.lower[column], matrix.upper[column]) = (whole, whole);
            }
        }
        matrix
    }

    fn found(&self, point: &[f64], price: &[f64], gap: f64) -> Found {
        let (hours, step_s) = (self.hours(), self.problem.step_s);
        let watts = |columns: &mut dyn Iterator<Item = usize>| columns.map(|column| point[column] * MW).collect();
        let of_rows = |rows: &[usize], sign: f64| rows.iter().map(|row| sign * price[*row] / MW / step_s).collect();
        let on = |count: &Option<Count>| count.map_or(0, |count| libm::round(point[count.on]).max(0.0) as u32);
        Found {
            first: self.first,
            running: self.counts.iter().map(on).collect(),
            dispatch: Dispatch {
                generation_w: watts(&mut self.power.iter().copied()),
                shed_w: self.shed.iter().map(|shed| shed.map_or(0.0, |shed| point[shed] * MW)).collect(),
                charge_w: watts(&mut self.tanks.iter().map(|tank| tank.charge)),
                discharge_w: watts(&mut self.tanks.iter().map(|tank| tank.discharge)),
                energy_j: self.tanks.iter().map(|tank| point[tank.energy] * MW * 3600.0 * hours).collect(),
                spill_w: watts(&mut self.tanks.iter().map(|tank| tank.spill)),
                flow_w: watts(&mut self.flow.iter().copied()),
                price_usd_per_j: of_rows(&self.balance, 1.0),
                // More energy in a storage is more on the row's right side, and costs less.
                value_usd_per_j: of_rows(&self.kept, -1.0),
                ..Dispatch::default()
            },
            gap,
        }
    }
}

impl Found {
    /// Appends the first `kept` steps to the year.
    pub(super) fn keep(self, problem: &Problem, kept: usize, out: &mut Committed) {
        let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
        let (stores, links) = (problem.stores.name.len(), problem.links.name.len());
        assert_eq!(out.running.len(), self.first * units, "windows follow one another");
        out.running.extend(&self.running[..kept * units]);
        let (to, from) = (&mut out.dispatch, &self.dispatch);
        for (to, from, count) in [
            (&mut to.generation_w, &from.generation_w, units),
            (&mut to.shed_w, &from.shed_w, zones),
            (&mut to.charge_w, &from.charge_w, stores),
            (&mut to.discharge_w, &from.discharge_w, stores),
            (&mut to.energy_j, &from.energy_j, stores),
            (&mut to.spill_w, &from.spill_w, stores),
            (&mut to.flow_w, &from.flow_w, links),
            (&mut to.price_usd_per_j, &from.price_usd_per_j, zones),
            (&mut to.value_usd_per_j, &from.value_usd_per_j, stores),
        ] {
            to.extend(&from[..kept * count]);
        }
    }
}
