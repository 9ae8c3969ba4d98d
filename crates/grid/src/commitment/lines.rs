//! Lines with limits, added when they are crossed: PTDF rows for the steps and branches that need them.
//!
//! A schedule is found without any limit; its flows are computed by the network's own DC flow; every branch above its
//! rating in a step gives one row, and the schedule is found again, until none is crossed. Few of the
//! branches times steps ever bind, so this is far smaller than a row for each.
//!
//! Not modelled: losses, contingencies (N-1), phase shifters that move, several islands.

use super::matrix::{MW, Terms};
use super::supply::Model;
use super::{Plan, Problem};
use crate::network::direct::{Convention, DirectFlow};
use crate::network::{BusKind, Network};

/// A DC line, whose flow is set at will.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DcLine {
    /// Name.
    pub name: String,
    /// Bus at its beginning.
    pub from: usize,
    /// Bus at its end.
    pub to: usize,
    /// Greatest flow, either way, W.
    pub most_w: f64,
}

/// A network that load and supply stand in.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Buses and branches; its own loads and generators count for nothing here.
    pub network: Network,
    /// Which DC convention.
    pub convention: Convention,
    /// Load, W: bus by bus, step by step; their sum is [`Problem::load_w`].
    pub load_w: Vec<Vec<f64>>,
    /// DC lines.
    pub links: Vec<DcLine>,
}

/// A rating counts as crossed beyond this share of it: HiGHS' own tolerance on rows is 1e-7.
const CROSSED: f64 = 1e-6;

/// Flow factors of the branches, made when asked for.
pub(super) struct Factors<'n> {
    lines: &'n Lines,
    flow: DirectFlow,
    rows: Vec<Option<Vec<f64>>>,
    /// Rows given so far: (branch, step, upward).
    given: Vec<(usize, usize, bool)>,
    /// Cost of a MW beyond a rating in a step, $, where ratings may give.
    pub give: Option<f64>,
    /// What gives: (branch, step, column).
    pub slack: Vec<(usize, usize, usize)>,
}

impl<'n> Factors<'n> {
    /// Prepares the network.
    ///
    /// # Errors
    /// A network without a DC flow, in words.
    pub fn new(lines: &'n Lines) -> Result<Self, String> {
        let flow = DirectFlow::new(&lines.network, lines.convention, None).map_err(|why| why.to_string())?;
        let rows = vec![None; lines.network.branches.from.len()];
        Ok(Self { lines, flow, rows, given: Vec::new(), give: None, slack: Vec::new() })
    }

    /// Adds a row for every rating that the plan crosses; how many.
    pub fn cut(&mut self, model: &mut Model, problem: &Problem, plan: &Plan) -> usize {
        let branches = &self.lines.network.branches;
        let mut flow_w = vec![0.0; branches.from.len()];
        let mut added = 0;
        for t in 0..problem.steps {
            self.flow.spread(&self.lines.network, &injection_w(problem, self.lines, plan, t), &mut flow_w);
            for branch in 0..flow_w.len() {
                let rating_w = branches.rating_va[branch];
                if !self.lines.network.carries(branch) || rating_w <= 0.0 || !rating_w.is_finite() {
                    continue;
                }
                if flow_w[branch].abs() > rating_w * (1.0 + CROSSED) {
                    let upward = flow_w[branch] > 0.0;
                    if !self.given.contains(&(branch, t, upward)) {
                        self.given.push((branch, t, upward));
                        self.row(model, problem, branch, t, upward);
                        added += 1;
                    }
                }
            }
        }
        added
    }

    fn row(&mut self, model: &mut Model, problem: &Problem, branch: usize, t: usize, upward: bool) {
        let (lines, flow) = (self.lines, &mut self.flow);
        let factors = self.rows[branch].get_or_insert_with(|| flow.factors_of(&lines.network, branch));
        let mut terms: Terms = Vec::new();
        for (unit, columns) in problem.units.iter().zip(&model.units) {
            let factor = factors[unit.bus];
            terms.extend([(columns.above[t], factor), (columns.on[t], factor * unit.least_w / MW)]);
        }
        terms.extend(model.weather.iter().map(|(bus, _, columns)| (columns[t], factors[*bus])));
        for (store, columns) in problem.stores.iter().zip(&model.stores) {
            terms.extend([(columns.discharge[t], factors[store.bus]), (columns.charge[t], -factors[store.bus])]);
        }
        for (link, (forth, back)) in lines.links.iter().zip(&model.links) {
            let factor = factors[link.to] - factors[link.from];
            terms.extend([(forth[t], factor), (back[t], -factor)]);
        }
        // Load that goes unserved does so everywhere alike.
        let drawn = drawn_w(lines, t);
        let share = spread_factor(lines, factors, t);
        if let (Some(shed), Some(surplus)) = (model.shed.get(t), model.surplus.get(t)) {
            terms.extend([(*shed, share), (*surplus, -share)]);
        }
        let offset = share * drawn / MW;
        // What shifts and shunts of the network add without any injection.
        let count = lines.network.bus_count();
        let mut still = vec![0.0; lines.network.branches.from.len()];
        flow.spread(&lines.network, &vec![0.0; count], &mut still);
        let rating = lines.network.branches.rating_va[branch] / MW;
        let base = offset - still[branch] / MW;
        if let Some(cost) = self.give {
            let column = model.matrix.column(cost, 0.0, f64::INFINITY);
            self.slack.push((branch, t, column));
            terms.push((column, if upward { -1.0 } else { 1.0 }));
        }
        if upward {
            model.matrix.at_most(&terms, rating + base);
        } else {
            model.matrix.row(&terms, base - rating, f64::INFINITY);
        }
    }
}

fn drawn_w(lines: &Lines, t: usize) -> f64 {
    lines.load_w.iter().map(|bus| bus[t]).sum()
}

/// Factor of a watt taken from all loads in proportion.
fn spread_factor(lines: &Lines, factors: &[f64], t: usize) -> f64 {
    let drawn = drawn_w(lines, t);
    if drawn == 0.0 {
        return 0.0;
    }
    lines.load_w.iter().zip(factors).map(|(bus, factor)| factor * bus[t]).sum::<f64>() / drawn
}

/// What every bus feeds in, W.
fn injection_w(problem: &Problem, lines: &Lines, plan: &Plan, t: usize) -> Vec<f64> {
    let drawn = drawn_w(lines, t);
    let unserved = plan.shed_w[t] - plan.surplus_w[t];
    let served = if drawn == 0.0 { 1.0 } else { 1.0 - unserved / drawn };
    let mut feeds: Vec<f64> = lines.load_w.iter().map(|bus| -bus[t] * served).collect();
    for (unit, output) in problem.units.iter().zip(&plan.output_w) {
        feeds[unit.bus] += output[t];
    }
    for (renewable, taken) in problem.renewables.iter().zip(&plan.renewable_w) {
        feeds[renewable.bus] += taken[t];
    }
    for (index, store) in problem.stores.iter().enumerate() {
        feeds[store.bus] += plan.discharge_w[index][t] - plan.charge_w[index][t];
    }
    for (link, flow_w) in lines.links.iter().zip(&plan.link_w) {
        feeds[link.from] -= flow_w[t];
        feeds[link.to] += flow_w[t];
    }
    feeds
}

/// Flow of every branch in every step, W: a row a step.
///
/// # Errors
/// A network without a DC flow, in words.
pub(super) fn flows_w(problem: &Problem, lines: &Lines, plan: &Plan) -> Result<Vec<Vec<f64>>, String> {
    let mut factors = Factors::new(lines)?;
    let mut rows = Vec::with_capacity(problem.steps);
    for t in 0..problem.steps {
        let mut flow_w = vec![0.0; lines.network.branches.from.len()];
        factors.flow.spread(&lines.network, &injection_w(problem, lines, plan, t), &mut flow_w);
        rows.push(flow_w);
    }
    Ok(rows)
}

/// What is wrong with the lines, in words.
pub(super) fn complaints(problem: &Problem, lines: &Lines, found: &mut Vec<String>) {
    found.extend(lines.network.complaints());
    let buses = lines.network.bus_count();
    if lines.load_w.len() != buses {
        found.push(format!("the lines have {buses} buses, {} of them with loads", lines.load_w.len()));
        return;
    }
    if lines.load_w.iter().any(|bus| bus.len() != problem.steps) {
        found.push("a bus has not one load a step".to_owned());
    }
    if lines.network.parts(None).1 > 1 || lines.network.buses.kind.contains(&BusKind::Isolated) {
        found.push("the network has several islands; commitment with lines needs one".to_owned());
    }
    let outside = |bus: usize| bus >= buses;
    for link in &lines.links {
        if outside(link.from) || outside(link.to) || !(link.most_w.is_finite() && link.most_w >= 0.0) {
            found.push(format!("DC line {}: its ends or its greatest flow make no sense", link.name));
        }
    }
    if problem.units.iter().any(|unit| outside(unit.bus))
        || problem.renewables.iter().any(|renewable| outside(renewable.bus))
        || problem.stores.iter().any(|store| outside(store.bus))
    {
        found.push("something stands at a bus that there is not".to_owned());
    }
}
