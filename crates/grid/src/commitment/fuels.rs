//! Fuel that units share, and units that can burn another.
//!
//! A supply gives so much in each step; what its units burn for starts, running and output is at most that. A unit with
//! a second fuel splits what it burns: freely where it blends, else all of one or all of the other, and where it cannot
//! switch while running, the same from start to stop. As in Egret, whose test cases V-GRID-50 to 53 are.
//!
//! Not modelled: storage of fuel, take-or-pay, pipelines.

use super::matrix::{MW, Matrix, Terms};
use super::supply::Model;
use super::{Burns, Other, Problem, UNLIMITED};

/// Columns of the fuel of one unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// The other fuel burned in each step; empty where there is none.
    pub other: Vec<usize>,
    /// It burns the other fuel, yes or no; empty where it blends.
    pub on_other: Vec<usize>,
}

/// Adds split and supplies.
pub(super) fn add(model: &mut Model, problem: &Problem) {
    let mut burned: Vec<Vec<Terms>> = vec![vec![Vec::new(); problem.steps]; problem.fuels.len()];
    for unit in 0..problem.units.len() {
        let mut columns = Columns::default();
        if let Some(burns) = &problem.units[unit].burns {
            for t in 0..problem.steps {
                let terms = total(model, problem, burns, unit, t);
                if let Some(other) = burns.other {
                    split(model, problem, (burns, other), unit, &terms, &mut columns);
                    if let Some(supply) = other.supply {
                        burned[supply][t].push((columns.other[t], 1.0));
                    }
                }
                if let Some(supply) = burns.supply {
                    burned[supply][t].extend(terms);
                    if let Some(column) = columns.other.get(t) {
                        burned[supply][t].push((*column, -1.0));
                    }
                }
            }
        }
        model.fuels.push(columns);
    }
    for (fuel, steps) in problem.fuels.iter().zip(burned) {
        for (t, terms) in steps.into_iter().enumerate() {
            if fuel.per_step[t] < UNLIMITED && !terms.is_empty() {
                model.matrix.at_most(&merged(terms), fuel.per_step[t]);
            }
        }
    }
}

/// A column may stand once in a row; one that is its own supply's twin appears twice.
fn merged(mut terms: Terms) -> Terms {
    terms.sort_by_key(|term| term.0);
    let mut out: Terms = Vec::with_capacity(terms.len());
    for (column, factor) in terms {
        match out.last_mut() {
            Some(last) if last.0 == column => last.1 += factor,
            _ => out.push((column, factor)),
        }
    }
    out
}

/// Fuel that a unit burns in a step: running, output, start.
fn total(model: &Model, problem: &Problem, burns: &Burns, index: usize, t: usize) -> Terms {
    let (unit, columns) = (&problem.units[index], &model.units[index]);
    let step_h = problem.step_h();
    let mut terms = vec![(columns.on[t], burns.per_h[0] * step_h)];
    for (piece, column) in &columns.pieces[t] {
        let width = (unit.curve[piece + 1].0 - unit.curve[*piece].0) / MW;
        terms.push((*column, (burns.per_h[piece + 1] - burns.per_h[*piece]) / width * step_h));
    }
    let coldest = unit.starts.last().map_or(0.0, |start| start.fuel);
    terms.push((columns.start[t], coldest));
    for (class, column) in &columns.warm[t] {
        terms.push((*column, unit.starts[*class].fuel - coldest));
    }
    terms
}

/// The other fuel in a step: at most what is burned, at the difference of the prices.
fn split(
    model: &mut Model,
    problem: &Problem,
    (burns, other): (&Burns, Other),
    index: usize,
    terms: &Terms,
    columns: &mut Columns,
) {
    let t = columns.other.len();
    let unit = &problem.units[index];
    let matrix = &mut model.matrix;
    let start = unit.starts.iter().map(|start| start.fuel).fold(0.0, f64::max);
    let most = burns.per_h.iter().copied().fold(0.0, f64::max) * problem.step_h() + start;
    let column = matrix.column(other.usd - burns.usd, 0.0, most);
    columns.other.push(column);
    let mut within = vec![(column, 1.0)];
    within.extend(terms.iter().map(|(column, factor)| (*column, -factor)));
    matrix.at_most(&within, 0.0);
    if other.blends {
        return;
    }
    let choice = matrix.choice(0.0, 0.0, 1.0);
    columns.on_other.push(choice);
    let on = model.units[index].on[t];
    matrix.at_most(&[(choice, 1.0), (on, -1.0)], 0.0);
    // All of the other fuel where chosen ...
    matrix.at_most(&[(column, 1.0), (choice, -most)], 0.0);
    // ... and none of the first: burned less other is at most (on - chosen) times the most.
    let mut first = vec![(column, -1.0), (choice, most)];
    first.extend(terms.iter().map(|(c, factor)| (*c, if *c == on { factor - most } else { *factor })));
    matrix.at_most(&first, 0.0);
    if other.switches {
        return;
    }
    // The same fuel as in the step before, unless it starts or stops in between.
    let (start, stop) = (model.units[index].start[t], model.units[index].stop[t]);
    if t == 0 {
        if unit.first.on {
            let was = f64::from(u8::from(other.first));
            matrix.row(&[(choice, 1.0), (stop, 1.0)], was, f64::INFINITY);
            matrix.at_most(&[(choice, 1.0), (start, -1.0)], was);
        }
        return;
    }
    same(matrix, choice, columns.on_other[t - 1], start, stop);
}

fn same(matrix: &mut Matrix, now: usize, before: usize, start: usize, stop: usize) {
    matrix.at_most(&[(now, 1.0), (before, -1.0), (start, -1.0)], 0.0);
    matrix.at_most(&[(before, 1.0), (now, -1.0), (stop, -1.0)], 0.0);
}
