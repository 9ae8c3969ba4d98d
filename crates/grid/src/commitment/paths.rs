//! What a choice costs at least: at the relaxation's prices, the cheapest schedule of a unit with that choice in it.
//!
//! At any prices y of the rows, `y b + sum over units of their cheapest schedule` bounds the whole from below (Lagrange). All rows
//! but those that tie on, start and stop of a unit together are priced; what is left of a unit is a shortest path through
//! its states, on or off with so many steps to go. Forward and backward values give the cheapest path through each choice,
//! and what it costs above the cheapest of all: a choice whose bound lies above a known schedule's cost is in no better one.
//! The reduced costs of the relaxation say the same of a tenth as many choices.
//!
//! Not modelled: choices other than on, start and stop, which count as amounts within their bounds.

use super::matrix::Matrix;
use super::supply::Model;
use super::thermal::Columns;
use super::{Problem, Unit};

/// A bound on the whole, and what each choice adds to it at least, $.
pub(super) struct Prices {
    pub bound: f64,
    pub units: Vec<Extra>,
}

/// What each choice of a unit costs at least above its cheapest schedule, $, step by step.
#[derive(Default)]
pub(super) struct Extra {
    pub on: Vec<f64>,
    pub off: Vec<f64>,
    pub start: Vec<f64>,
    pub stop: Vec<f64>,
}

/// Bounds at the prices of a relaxation; none where prices say nothing of a column without end.
pub(super) fn prices(problem: &Problem, model: &Model, matrix: &Matrix, row_price: &[f64]) -> Option<Prices> {
    let mut price = row_price.to_vec();
    for columns in &model.units {
        for row in &columns.logic {
            price[*row] = 0.0;
        }
    }
    let mut reduced = matrix.cost.clone();
    let mut bound = 0.0;
    for (row, price) in price.iter().enumerate() {
        let limit = if *price > 0.0 { matrix.row_lower[row] } else { matrix.row_upper[row] };
        if *price == 0.0 || !limit.is_finite() {
            continue;
        }
        bound += price * limit;
        for (column, factor) in matrix.terms(row) {
            reduced[column] -= price * factor;
        }
    }
    let mut chosen = vec![false; reduced.len()];
    for columns in &model.units {
        for column in columns.on.iter().chain(&columns.start).chain(&columns.stop) {
            chosen[*column] = true;
        }
    }
    for column in (0..reduced.len()).filter(|column| !chosen[*column] && reduced[*column] != 0.0) {
        let at = if reduced[column] > 0.0 { matrix.lower[column] } else { matrix.upper[column] };
        bound += reduced[column] * at;
    }
    let mut units = Vec::with_capacity(problem.units.len());
    for (unit, columns) in problem.units.iter().zip(&model.units) {
        let (least, extra) = cheapest(unit, columns, matrix, &reduced)?;
        bound += least;
        units.push(extra);
    }
    bound.is_finite().then_some(Prices { bound, units })
}

/// A step from one state to another: from, to, cost.
type Move = (usize, usize, f64);

/// States of a unit after a step: on with 0, 1, ... steps that it must stay so yet, then off likewise.
struct States {
    on: usize,
    off: usize,
}

impl States {
    /// What can happen in a step, within the bounds of the choices.
    fn moves(&self, columns: &Columns, matrix: &Matrix, reduced: &[f64], t: usize) -> Vec<Move> {
        let (on, start, stop) = (columns.on[t], columns.start[t], columns.stop[t]);
        let mut moves = Vec::with_capacity(self.on + self.off + 2);
        if matrix.upper[on] > 0.5 {
            moves.extend((0..self.on).map(|left| (left, left.saturating_sub(1), reduced[on])));
            if matrix.upper[start] > 0.5 {
                moves.push((self.on, self.on - 1, reduced[on] + reduced[start]));
            }
        }
        if matrix.lower[on] < 0.5 {
            moves.extend((0..self.off).map(|left| (self.on + left, self.on + left.saturating_sub(1), 0.0)));
            if matrix.upper[stop] > 0.5 {
                moves.push((0, self.on + self.off - 1, reduced[stop]));
            }
        }
        moves
    }
}

/// The cheapest schedule of a unit, and what each choice adds; none where it has no schedule.
fn cheapest(unit: &Unit, columns: &Columns, matrix: &Matrix, reduced: &[f64]) -> Option<(f64, Extra)> {
    let steps = columns.on.len();
    let states = States { on: unit.least_up.clamp(1, steps.max(1)), off: unit.least_down.clamp(1, steps.max(1)) };
    let count = states.on + states.off;
    let (was_on, kept) = unit.held();
    let mut begin = vec![f64::INFINITY; count];
    // Bounds hold it as long as it must stay; more states than steps are not needed.
    begin[if was_on { kept.min(states.on - 1) } else { states.on + kept.min(states.off - 1) }] = 0.0;
    let moves: Vec<Vec<Move>> = (0..steps).map(|t| states.moves(columns, matrix, reduced, t)).collect();
    let mut forward = vec![begin];
    for (t, moves) in moves.iter().enumerate() {
        let mut next = vec![f64::INFINITY; count];
        for (from, to, cost) in moves {
            next[*to] = next[*to].min(forward[t][*from] + cost);
        }
        forward.push(next);
    }
    let mut backward = vec![vec![0.0; count]; steps + 1];
    for t in (0..steps).rev() {
        let mut before = vec![f64::INFINITY; count];
        for (from, to, cost) in &moves[t] {
            before[*from] = before[*from].min(backward[t + 1][*to] + cost);
        }
        backward[t] = before;
    }
    let least = forward[steps].iter().copied().fold(f64::INFINITY, f64::min);
    if !least.is_finite() {
        return None;
    }
    let mut extra = Extra::default();
    for t in 0..steps {
        let through = |from: usize, until: usize| {
            (from..until).map(|state| forward[t + 1][state] + backward[t + 1][state]).fold(f64::INFINITY, f64::min)
        };
        extra.on.push(through(0, states.on) - least);
        extra.off.push(through(states.on, count) - least);
        let start = reduced[columns.on[t]] + reduced[columns.start[t]];
        extra.start.push(forward[t][states.on] + start + backward[t + 1][states.on - 1] - least);
        extra.stop.push(forward[t][0] + reduced[columns.stop[t]] + backward[t + 1][count - 1] - least);
    }
    Some((least, extra))
}
