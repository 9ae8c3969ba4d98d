//! The whole problem as a matrix: units, weather, storages, balance and reserve of every step.
//!
//! Not modelled: reserve from storages and renewables; ramps of storages.

use super::matrix::{MW, Matrix, Terms};
use super::{Problem, fuels, services, thermal};
use std::collections::BTreeMap;

/// The matrix, and what its columns and rows mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub matrix: Matrix,
    pub units: Vec<thermal::Columns>,
    /// Renewables at one bus act as one: bus, which of them, and a column a step.
    pub weather: Vec<(usize, Vec<usize>, Vec<usize>)>,
    pub stores: Vec<StoreColumns>,
    /// DC lines: flow from beginning to end and back, MW, a column a step each.
    pub links: Vec<(Vec<usize>, Vec<usize>)>,
    /// Load unserved and supply that nobody takes, MW, where they may be.
    pub shed: Vec<usize>,
    pub surplus: Vec<usize>,
    /// Reserve that is missing, MW, where it may be.
    pub short: Vec<usize>,
    /// Reserve of all units, MW.
    pub spare: Vec<usize>,
    pub fuels: Vec<fuels::Columns>,
    /// Rows of the balance and of the required reserve.
    pub balance: Vec<usize>,
    pub required: Vec<usize>,
    /// Rows of what runs can give, where load and reserve need any.
    pub capacity: Vec<usize>,
    /// Columns of shortage of the services.
    pub services: services::Columns,
}

/// Columns of a storage.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreColumns {
    /// MW at the grid.
    pub charge: Vec<usize>,
    pub discharge: Vec<usize>,
    /// MWh after the step.
    pub energy: Vec<usize>,
}

/// J in a MWh.
const MWH: f64 = 3.6e9;

/// Builds it. Load at buses counts in the sum, lines come later ([`super::lines`]).
pub(super) fn model(problem: &Problem) -> Model {
    let mut model = Model { matrix: Matrix::new(), ..Model::default() };
    for unit in &problem.units {
        let columns = thermal::add(&mut model.matrix, problem, unit);
        model.units.push(columns);
    }
    weather(&mut model, problem);
    for store in 0..problem.stores.len() {
        let columns = storage(&mut model.matrix, problem, store);
        model.stores.push(columns);
    }
    for link in problem.lines.iter().flat_map(|lines| &lines.links) {
        let mut ways = || (0..problem.steps).map(|_| model.matrix.column(0.0, 0.0, link.most_w / MW)).collect();
        model.links.push((ways(), ways()));
    }
    fuels::add(&mut model, problem);
    for t in 0..problem.steps {
        balance(&mut model, problem, t);
        reserve(&mut model, problem, t);
        capacity(&mut model, problem, t);
    }
    services::add(&mut model, problem);
    model
}

fn weather(model: &mut Model, problem: &Problem) {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, renewable) in problem.renewables.iter().enumerate() {
        groups.entry(if problem.lines.is_some() { renewable.bus } else { 0 }).or_default().push(index);
    }
    for (bus, members) in groups {
        let sum = |of: &dyn Fn(usize) -> f64| members.iter().map(|index| of(*index)).sum::<f64>() / MW;
        let columns = (0..problem.steps)
            .map(|t| {
                let least = sum(&|index| problem.renewables[index].least_w[t]);
                let most = sum(&|index| problem.renewables[index].most_w[t]);
                model.matrix.column(0.0, least, most.max(least))
            })
            .collect();
        model.weather.push((bus, members, columns));
    }
}

/// Charging, discharging and energy; charging and discharging at once is forbidden by a choice, because at a price below
/// nothing it would pay.
fn storage(matrix: &mut Matrix, problem: &Problem, index: usize) -> StoreColumns {
    let store = &problem.stores[index];
    let step_h = problem.step_h();
    let (charge, discharge) = (store.charge_w / MW, store.discharge_w / MW);
    let mut columns = StoreColumns::default();
    for t in 0..problem.steps {
        let hold = if t + 1 == problem.steps { store.last_j.max(store.floor_j) } else { store.floor_j };
        columns.charge.push(matrix.column(store.charge_usd_per_j * MWH * step_h, 0.0, charge));
        columns.discharge.push(matrix.column(store.discharge_usd_per_j * MWH * step_h, 0.0, discharge));
        columns.energy.push(matrix.column(0.0, hold / MWH, store.energy_j / MWH));
        if charge > 0.0 && discharge > 0.0 {
            let charges = matrix.choice(0.0, 0.0, 1.0);
            matrix.at_most(&[(columns.charge[t], 1.0), (charges, -charge)], 0.0);
            matrix.at_most(&[(columns.discharge[t], 1.0), (charges, discharge)], discharge);
        }
        let mut terms = vec![
            (columns.energy[t], 1.0),
            (columns.charge[t], -store.charge_efficiency * step_h),
            (columns.discharge[t], step_h / store.discharge_efficiency),
        ];
        let inflow = store.inflow_w.get(t).copied().unwrap_or(0.0) / MW;
        let mut before = inflow * step_h;
        if inflow > 0.0 {
            let spilled = matrix.column(0.0, 0.0, inflow);
            terms.push((spilled, step_h));
        }
        if t > 0 {
            terms.push((columns.energy[t - 1], -store.keep));
        } else {
            before += store.first_j / MWH * store.keep;
        }
        matrix.row(&terms, before, before);
    }
    columns
}

/// Supply equals load.
fn balance(model: &mut Model, problem: &Problem, t: usize) {
    let mut terms: Terms = Vec::new();
    for (unit, columns) in problem.units.iter().zip(&model.units) {
        terms.push((columns.above[t], 1.0));
        terms.push((columns.on[t], unit.least_w / MW));
    }
    terms.extend(model.weather.iter().map(|(_, _, columns)| (columns[t], 1.0)));
    for columns in &model.stores {
        terms.push((columns.discharge[t], 1.0));
        terms.push((columns.charge[t], -1.0));
    }
    let load = problem.load_w[t] / MW;
    if let Some(price) = problem.mismatch_usd_per_j {
        let cost = price * MWH * problem.step_h();
        let shed = model.matrix.column(cost, 0.0, load.max(0.0));
        // No more than everything gives.
        let given: f64 = terms.iter().map(|(column, factor)| (model.matrix.upper[*column] * factor).max(0.0)).sum();
        let most = given + (-load).max(0.0);
        let surplus = model.matrix.column(cost, 0.0, most);
        model.shed.push(shed);
        model.surplus.push(surplus);
        terms.push((shed, 1.0));
        terms.push((surplus, -1.0));
    }
    let row = model.matrix.row(&terms, load, load);
    model.balance.push(row);
}

/// What runs can give load and reserve: the sum of balance, reserve and generation limits.
///
/// So with services that no unit may miss ([`services::held_mw`]). It says nothing new, but in one row over the choices alone, from which HiGHS draws its cover and rounding cuts: on
/// PGLib-UC's case of 6 July the bound at the root rises from 3,727,404 $ to 3,728,710 $, of 3,729,195 $.
fn capacity(model: &mut Model, problem: &Problem, t: usize) {
    let mut terms: Terms =
        problem.units.iter().zip(&model.units).map(|(unit, columns)| (columns.on[t], unit.most_w / MW)).collect();
    let mut needed = (problem.load_w[t] + problem.reserve.required_w.get(t).copied().unwrap_or(0.0)) / MW;
    needed += services::held_mw(problem, t);
    needed -= model.weather.iter().map(|(_, _, columns)| model.matrix.upper[columns[t]]).sum::<f64>();
    needed -= problem.stores.iter().map(|store| store.discharge_w / MW).sum::<f64>();
    for columns in [&model.shed, &model.short] {
        terms.extend(columns.get(t).map(|column| (*column, 1.0)));
    }
    if needed > 0.0 {
        let row = model.matrix.row(&terms, needed, f64::INFINITY);
        model.capacity.push(row);
    }
}

/// Spinning reserve: a fixed amount, and cover for the loss of any one unit.
fn reserve(model: &mut Model, problem: &Problem, t: usize) {
    let required = problem.reserve.required_w.get(t).map_or(0.0, |watts| watts / MW);
    let contingency = problem.reserve.contingency;
    if contingency.is_none() && problem.reserve.required_w.iter().all(|watts| *watts <= 0.0) {
        return;
    }
    let mut terms: Terms = model.units.iter().map(|columns| (columns.spare[t], 1.0)).collect();
    let most = terms.iter().map(|(column, _)| model.matrix.upper[*column]).sum();
    let all = model.matrix.column(0.0, 0.0, most);
    terms.push((all, -1.0));
    model.matrix.row(&terms, 0.0, 0.0);
    model.spare.push(all);
    let mut met = vec![(all, 1.0)];
    if let Some(price) = problem.reserve.short_usd_per_j {
        // No more than the requirement, or the loss of the greatest unit with what it holds itself.
        let lost = |unit: &super::Unit| contingency.map_or(0.0, |times| (1.0 + times) * unit.most_w / MW);
        let most = problem.units.iter().map(lost).fold(required, f64::max);
        let short = model.matrix.column(price * MWH * problem.step_h(), 0.0, most);
        model.short.push(short);
        met.push((short, 1.0));
    }
    let row = model.matrix.row(&met, required, f64::INFINITY);
    model.required.push(row);
    let Some(times) = contingency else { return };
    for (unit, columns) in problem.units.iter().zip(&model.units) {
        let mut terms = met.clone();
        terms.push((columns.spare[t], -1.0));
        terms.push((columns.above[t], -times));
        terms.push((columns.on[t], -times * unit.least_w / MW));
        model.matrix.row(&terms, 0.0, f64::INFINITY);
    }
}
