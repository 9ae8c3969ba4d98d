//! From a problem to a schedule with its cost, bound and gap.
//!
//! HiGHS searches; lines that are crossed are added and the search goes on; then the choices are fixed and one linear
//! program gives the outputs and the prices. Its cost is compared with the accounts.
//!
//! Not modelled: several threads; a warm start from yesterday.

use super::accounts::{self, Costs};
use super::lines::{self, Factors};
use super::matrix::{MW, Matrix};
use super::narrowing;
use super::relief::{self, Relief};
use super::services::Product;
use super::solver::{self, End, Found, Limits};
use super::supply::{self, Model};
use super::{Problem, soundness};

/// What is asked of the search.
#[derive(Clone, Debug)]
pub struct Options {
    /// Relative gap at which it ends.
    pub gap: f64,
    /// Longest search, s; its answer then depends on the machine. None: as long as it takes.
    pub most_s: Option<f64>,
    /// What time it is, where `most_s` is to cover everything and not each run of HiGHS alone.
    pub clock: Option<Clock>,
    /// Luck of HiGHS' mixed-integer search: which of equal ways it goes first.
    pub seed: i32,
}

/// A clock of the caller's: this crate has none.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Seconds since some moment.
    pub now_s: fn() -> f64,
    /// When the search began, by that clock.
    pub begun_s: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { gap: 1e-4, most_s: None, clock: None, seed: 0 }
    }
}

/// Part of the time that a run of HiGHS gets at least, however late it begins: without it there would be no schedule at all.
const LEAST_PART: f64 = 0.1;

impl Options {
    /// Time that is left for a run of HiGHS, s.
    pub(super) fn left_s(&self) -> Option<f64> {
        let most_s = self.most_s?;
        let spent_s = self.clock.map_or(0.0, |clock| (clock.now_s)() - clock.begun_s);
        Some((most_s - spent_s).max(LEAST_PART * most_s))
    }

    /// Whether the time is over: what is found by then is not bettered.
    pub(super) fn is_over(&self) -> bool {
        let Some((most_s, clock)) = self.most_s.zip(self.clock) else { return false };
        (clock.now_s)() - clock.begun_s >= most_s
    }

    /// The same, with the time counted from now on.
    pub(super) fn counted_anew(&self) -> Self {
        let clock = self.clock.map(|clock| Clock { begun_s: (clock.now_s)(), ..clock });
        Self { clock, ..self.clone() }
    }
}

/// A schedule: by unit (or storage, or renewable), then by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// On.
    pub on: Vec<Vec<bool>>,
    /// Output, W.
    pub output_w: Vec<Vec<f64>>,
    /// Spinning reserve, W.
    pub spare_w: Vec<Vec<f64>>,
    /// Taken from each renewable, W.
    pub renewable_w: Vec<Vec<f64>>,
    /// Charging of each storage, W.
    pub charge_w: Vec<Vec<f64>>,
    /// Discharging, W.
    pub discharge_w: Vec<Vec<f64>>,
    /// Flow of each DC line, W, from its beginning to its end.
    pub link_w: Vec<Vec<f64>>,
    /// Energy after each step, J.
    pub energy_j: Vec<Vec<f64>>,
    /// The other fuel that each unit burned.
    pub other_fuel: Vec<Vec<f64>>,
    /// It burned the other fuel at all.
    pub on_other: Vec<Vec<bool>>,
    /// Load unserved, W.
    pub shed_w: Vec<f64>,
    /// Supply that nobody took, W.
    pub surplus_w: Vec<f64>,
    /// Reserve that is missing, W.
    pub short_w: Vec<f64>,
    /// Services that are missing: (area, product, step, W).
    pub short_services: Vec<(usize, Product, usize, f64)>,
    /// Flow of every branch, W, step by step; empty without lines.
    pub flow_w: Vec<Vec<f64>>,
    /// Price of energy, $/J, from the linear program with all choices fixed.
    pub price_usd_per_j: Vec<f64>,
    /// Price of spinning reserve, $/J, likewise.
    pub reserve_price_usd_per_j: Vec<f64>,
    /// What it costs.
    pub costs: Costs,
    /// No schedule costs less, $.
    pub bound_usd: f64,
    /// (cost - bound) / cost.
    pub gap: f64,
    /// Rows that lines needed, and rounds until none was crossed.
    pub line_rows: usize,
    /// Rounds of the search.
    pub rounds: usize,
}

impl Plan {
    /// Its cost, $.
    #[must_use]
    pub fn usd(&self) -> f64 {
        self.costs.total_usd()
    }

    /// Starts of a unit: (step, steps off before).
    #[must_use]
    pub fn starts(&self, problem: &Problem, unit: usize) -> Vec<(usize, usize)> {
        accounts::starts(problem, self, unit)
    }

    /// Every rule of the problem that this schedule breaks, in words.
    #[must_use]
    pub fn violations(&self, problem: &Problem) -> Vec<String> {
        soundness::violations(problem, self)
    }

    /// Prices the steps `from..until` of this schedule.
    #[must_use]
    pub fn costs_of(&self, problem: &Problem, from: usize, until: usize) -> Costs {
        accounts::price(problem, self, from, until)
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A schedule.
    Solved(Box<Plan>),
    /// There is none; what would have to give.
    Infeasible(Vec<Relief>),
}

/// The solver's and the accounts' cost may differ by this share: rows are kept to 1e-7 MW at prices of up to 1e4 $/MWh.
const AGREEMENT: f64 = 1e-7;
/// Most rounds of adding lines; each adds some, so that more means a mistake of ours.
const MOST_ROUNDS: usize = 100;

/// Finds the schedule of least cost.
///
/// # Errors
/// A problem that makes no sense, or a solver that fails, in words.
pub fn solve(problem: &Problem, options: &Options) -> Result<Outcome, String> {
    let complaints = problem.complaints();
    if !complaints.is_empty() {
        return Err(complaints.join("; "));
    }
    let factors = problem.lines.as_ref().map(Factors::new).transpose()?;
    match settle(problem, options, factors)? {
        Some((plan, _)) => Ok(Outcome::Solved(Box::new(plan))),
        None => Ok(Outcome::Infeasible(relief::relief(problem, options)?)),
    }
}

/// Cost of the linear relaxation without lines, $: what the formulation is worth.
///
/// # Errors
/// A problem that makes no sense or has no answer, in words.
pub fn relaxed_usd(problem: &Problem) -> Result<f64, String> {
    let found = solver::linear(&supply::model(problem).matrix)?;
    if found.end == End::Best { Ok(found.bound) } else { Err(format!("no answer: {:?}", found.end)) }
}

/// A plan, and what lines gave: (branch, step, MW).
pub(super) type Settled = (Plan, Vec<(usize, usize, f64)>);

/// Searches, adding lines as they are crossed; none where there is no schedule.
pub(super) fn settle(
    problem: &Problem,
    options: &Options,
    mut factors: Option<Factors<'_>>,
) -> Result<Option<Settled>, String> {
    let mut model = supply::model(problem);
    let mut rows = 0;
    for round in 1..=MOST_ROUNDS {
        let Some(found) = search(problem, &model, options)? else { return Ok(None) };
        let fixed = fix(&model.matrix, &found.point)?;
        let mut plan = read(problem, &model, &fixed);
        let added = factors.as_mut().map_or(0, |factors| factors.cut(&mut model, problem, &plan));
        if added > 0 {
            rows += added;
            continue;
        }
        plan.costs = accounts::price(problem, &plan, 0, problem.steps);
        let cost = plan.usd();
        let slack: f64 = factors.as_ref().map_or(0.0, |factors| {
            factors.slack.iter().map(|(_, _, column)| fixed.point[*column] * model.matrix.cost[*column]).sum()
        });
        // The schedule was priced twice, by the solver and from the schedule alone: where they differ (penalties so dear that
        // the solver's rounding of a row costs money), neither is shown.
        let apart = (cost + slack - fixed.value).abs();
        if apart > AGREEMENT * (1.0 + fixed.value.abs()) {
            return Err(format!("the accounts say {cost} $, the solver {} $: no answer", fixed.value));
        }
        plan.bound_usd = found.bound.min(cost);
        plan.gap = if cost == plan.bound_usd { 0.0 } else { (cost - plan.bound_usd) / cost.abs().max(1e-9) };
        (plan.line_rows, plan.rounds) = (rows, round);
        if let Some(lines) = &problem.lines {
            plan.flow_w = lines::flows_w(problem, lines, &plan)?;
        }
        let slack = factors.map_or(Vec::new(), |factors| {
            factors.slack.iter().map(|(branch, t, column)| (*branch, *t, fixed.point[*column])).collect()
        });
        return Ok(Some((plan, slack)));
    }
    Err(format!("lines are still crossed after {MOST_ROUNDS} rounds"))
}

/// The best point that the search finds, with its bound.
fn search(problem: &Problem, model: &Model, options: &Options) -> Result<Option<Found>, String> {
    let found = match narrowing::search(problem, model, options)? {
        Some(found) => found,
        None => {
            let limits =
                Limits { gap: options.gap, seconds: options.left_s(), seed: options.seed, ..Limits::default() };
            solver::mixed(&model.matrix, &limits)?
        }
    };
    match found.end {
        End::Best | End::Limit => Ok(Some(found)),
        End::Infeasible => Ok(None),
        End::Other(word) => Err(format!("HiGHS ended with {word} and no schedule")),
    }
}

/// The linear program with every whole column fixed where the point has it.
fn fix(matrix: &Matrix, point: &[f64]) -> Result<Found, String> {
    let mut fixed = matrix.clone();
    for column in (0..point.len()).filter(|column| matrix.whole[*column]) {
        let value = point[column].round().clamp(matrix.lower[column], matrix.upper[column]);
        (fixed.lower[column], fixed.upper[column]) = (value, value);
    }
    let found = solver::linear(&fixed)?;
    if found.end == End::Best { Ok(found) } else { Err(format!("the schedule found is none: {:?}", found.end)) }
}

/// Reads a plan from a point.
fn read(problem: &Problem, model: &Model, found: &Found) -> Plan {
    let point = &found.point;
    let watts = |columns: &[usize]| -> Vec<f64> { columns.iter().map(|column| point[*column] * MW).collect() };
    let steps = problem.steps;
    let mut plan = Plan::default();
    for ((unit, columns), fuel) in problem.units.iter().zip(&model.units).zip(&model.fuels) {
        let on: Vec<bool> = columns.on.iter().map(|column| point[*column] > 0.5).collect();
        plan.output_w
            .push((0..steps).map(|t| if on[t] { unit.least_w + point[columns.above[t]] * MW } else { 0.0 }).collect());
        plan.spare_w.push(watts(&columns.spare));
        plan.other_fuel.push(fuel.other.iter().map(|column| point[*column]).collect());
        plan.on_other.push(fuel.on_other.iter().map(|column| point[*column] > 0.5).collect());
        plan.on.push(on);
    }
    plan.renewable_w = vec![Vec::new(); problem.renewables.len()];
    for (_, members, columns) in &model.weather {
        for t in 0..steps {
            // What is taken of the sum is taken of each in proportion to what it could give above its least.
            let least: f64 = members.iter().map(|index| problem.renewables[*index].least_w[t]).sum();
            let most: f64 = members.iter().map(|index| problem.renewables[*index].most_w[t]).sum();
            let share = if most > least { (point[columns[t]] * MW - least) / (most - least) } else { 0.0 };
            for index in members {
                let renewable = &problem.renewables[*index];
                let (low, high) = (renewable.least_w[t], renewable.most_w[t]);
                plan.renewable_w[*index].push(low + share * (high - low));
            }
        }
    }
    for columns in &model.stores {
        plan.charge_w.push(watts(&columns.charge));
        plan.discharge_w.push(watts(&columns.discharge));
        plan.energy_j.push(columns.energy.iter().map(|column| point[*column] * 3.6e9).collect());
    }
    for (forth, back) in &model.links {
        plan.link_w.push(watts(forth).into_iter().zip(watts(back)).map(|(forth, back)| forth - back).collect());
    }
    let or_nothing = |columns: &[usize]| if columns.is_empty() { vec![0.0; steps] } else { watts(columns) };
    plan.shed_w = or_nothing(&model.shed);
    plan.surplus_w = or_nothing(&model.surplus);
    plan.short_w = or_nothing(&model.short);
    plan.short_services = model
        .services
        .short
        .iter()
        .map(|(area, product, t, column)| (*area, *product, *t, point[*column] * MW))
        .collect();
    let per_joule = 1.0 / (MW * problem.step_s);
    let prices = |rows: &[usize]| -> Vec<f64> { rows.iter().map(|row| found.row_price[*row] * per_joule).collect() };
    plan.price_usd_per_j = prices(&model.balance);
    plan.reserve_price_usd_per_j =
        if model.required.len() == steps { prices(&model.required) } else { vec![0.0; steps] };
    plan
}
