//! Cuts from one row over choices: mixed-integer rounding, with choices taken from the far side where they are mostly made.
//!
//! Of `sum a x >= b` over choices x and amounts s >= 0, divided by d, the rounded row holds for every whole x and bends the
//! relaxation (Marchand and Wolsey 2001). What it says of a fleet: where the units that run fall short of the load by more
//! than nothing, a whole unit has to run, not the third of a large one.
//!
//! Not modelled: aggregation of several rows, lifting.

use super::matrix::{Matrix, Terms};

/// Least distance by which a cut must be beyond the point, in lengths of its own factors.
const LEAST_DISTANCE: f64 = 1e-3;
/// The part that rounding takes must be away from nothing and all, or the factors grow beyond what the solver resolves.
const LEAST_PART: f64 = 0.01;
/// Factors below it are dropped to the safe side; HiGHS would ignore them.
const LEAST_FACTOR: f64 = 1e-7;

/// A row over choices as `sum factor y + sum rest s <= limit`, y the choice or what it lacks to one.
struct Row {
    /// Column, factor, value at the point, and whether y is what the choice lacks to one.
    choices: Vec<(usize, f64, f64, bool)>,
    amounts: Vec<(usize, f64, f64)>,
    limit: f64,
}

/// A cut `terms <= limit` that the point crosses, from a row that is at least a value; none where rounding gives none.
pub(super) fn cut(matrix: &Matrix, row: usize, point: &[f64]) -> Option<(Terms, f64)> {
    let row = oriented(matrix, row, point)?;
    let mut steps: Vec<f64> = row.choices.iter().map(|choice| choice.1.abs()).filter(|step| *step > 1e-6).collect();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    let mut best: Option<(f64, f64)> = None;
    let better = |best: &mut Option<(f64, f64)>, step: f64| {
        let Some((cut, limit)) = rounded(&row, step) else { return };
        let distance = distance(&row, &cut, limit);
        if distance > best.map_or(LEAST_DISTANCE, |best| best.0) {
            *best = Some((distance, step));
        }
    };
    for step in steps {
        better(&mut best, step);
    }
    let (_, step) = best?;
    for share in [0.5, 0.25, 0.125] {
        better(&mut best, step * share);
    }
    let (cut, limit) = rounded(&row, best?.1)?;
    Some(returned(&row, &cut, limit))
}

/// The row turned to at most, its fixed columns taken out, choices beyond one half seen from the far side.
fn oriented(matrix: &Matrix, row: usize, point: &[f64]) -> Option<Row> {
    let mut out = Row { choices: Vec::new(), amounts: Vec::new(), limit: -matrix.row_lower[row] };
    for (column, factor) in matrix.terms(row) {
        let (lower, upper, value) = (matrix.lower[column], matrix.upper[column], point[column]);
        if lower == upper {
            out.limit += factor * lower;
        } else if matrix.whole[column] && lower == 0.0 && upper == 1.0 {
            if value > 0.5 {
                out.limit += factor;
                out.choices.push((column, factor, 1.0 - value, true));
            } else {
                out.choices.push((column, -factor, value, false));
            }
        } else if lower == 0.0 {
            out.amounts.push((column, -factor, value));
        } else {
            return None;
        }
    }
    out.limit.is_finite().then_some(out)
}

/// The row divided by a step and rounded: factors of choices and then of amounts, and the limit.
fn rounded(row: &Row, step: f64) -> Option<(Vec<f64>, f64)> {
    let limit = row.limit / step;
    let part = limit - limit.floor();
    if !(LEAST_PART..=1.0 - LEAST_PART).contains(&part) {
        return None;
    }
    let choice = |factor: f64| {
        let factor = factor / step;
        let rest = factor - factor.floor();
        factor.floor() + (rest - part).max(0.0) / (1.0 - part)
    };
    let mut cut: Vec<f64> = row.choices.iter().map(|(_, factor, _, _)| choice(*factor)).collect();
    cut.extend(row.amounts.iter().map(|(_, factor, _)| (factor / step).min(0.0) / (1.0 - part)));
    Some((cut, limit.floor()))
}

/// How far the point lies beyond the cut.
fn distance(row: &Row, cut: &[f64], limit: f64) -> f64 {
    let values = row.choices.iter().map(|choice| choice.2).chain(row.amounts.iter().map(|amount| amount.2));
    let beyond: f64 = values.zip(cut).map(|(value, factor)| value * factor).sum::<f64>() - limit;
    beyond / libm::sqrt(cut.iter().map(|factor| factor * factor).sum::<f64>()).max(1e-9)
}

/// The cut in columns.
fn returned(row: &Row, cut: &[f64], limit: f64) -> (Terms, f64) {
    let mut terms = Terms::new();
    let mut limit = limit + 1e-9 * (1.0 + limit.abs());
    for ((column, _, _, far), factor) in row.choices.iter().zip(cut) {
        if factor.abs() < LEAST_FACTOR {
            // y lies between 0 and 1: without its term the row says no more than with it.
            limit += (-factor).max(0.0);
        } else if *far {
            limit -= factor;
            terms.push((*column, -factor));
        } else {
            terms.push((*column, *factor));
        }
    }
    for ((column, _, _), factor) in row.amounts.iter().zip(&cut[row.choices.len()..]) {
        if *factor != 0.0 {
            terms.push((*column, *factor));
        }
    }
    (terms, limit)
}
