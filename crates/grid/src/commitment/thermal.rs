//! Rows and columns of one unit: logic, minimum times, start-up classes, generation limits, ramps, cost pieces.
//!
//! After Knueven, Ostrowski, Watson (2020), with: three variables a step (Garver 1962); minimum times of Rajan and
//! Takriti (2005); start-up classes as in Morales-Espana, Latorre, Ramos (2013), the coldest in the start itself;
//! generation limits with start and stop (the same; two rows where a start and a stop may be one step apart, as Gentile,
//! Morales-Espana, Ramos 2017);
//! ramps of Damci-Kurt et al. (2016); cost pieces tightened by start and stop limits (Knueven et al. 2018). The tests
//! compare the whole with an enumeration of schedules on small cases; V-GRID-39 to 54 compare it with Egret.
//!
//! Not modelled: output during start-up below the least output; ramps that differ with output.

use super::matrix::{MW, Matrix, Terms};
use super::{Problem, Unit};

/// Rounding of what a step leaves to the next, MW.
const TINY: f64 = 1e-5;

/// Columns of one unit, one a step each.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// On.
    pub on: Vec<usize>,
    /// Started in this step.
    pub start: Vec<usize>,
    /// Stopped in this step.
    pub stop: Vec<usize>,
    /// Output above the least one, MW.
    pub above: Vec<usize>,
    /// Reserve, MW.
    pub spare: Vec<usize>,
    /// Parts of the output above the least one, by cost piece: (piece, column) for each step.
    pub pieces: Vec<Vec<(usize, usize)>>,
    /// Starts warmer than the coldest: (class, column) for each step.
    pub warm: Vec<Vec<(usize, usize)>>,
    /// Rows that tie on, start and stop together: those of the minimum times among them.
    pub logic: Vec<usize>,
}

/// A unit in MW, with limits as they bind: a start or stop is held by the ramp, too.
pub(super) struct Scaled {
    pub least: f64,
    pub range: f64,
    pub up: f64,
    pub down: f64,
    /// Room above the least output in the step of a start, and in the step before a stop.
    pub begin: f64,
    pub end: f64,
    /// Output above the least one before the first step.
    pub held: f64,
}

impl Scaled {
    pub fn of(unit: &Unit) -> Self {
        let (least, most) = (unit.least_w / MW, unit.most_w / MW);
        let (up, down) = (unit.up_w / MW, unit.down_w / MW);
        let range = most - least;
        let room = |limit_w: f64, ramp: f64| (limit_w / MW - least).min(range).min(ramp).max(0.0);
        let held = if unit.first.on { unit.first.output_w / MW - least } else { 0.0 };
        Self { least, range, up, down, begin: room(unit.begin_w, up), end: room(unit.end_w, down), held }
    }
}

/// Adds a unit to the matrix.
pub(super) fn add(matrix: &mut Matrix, problem: &Problem, unit: &Unit) -> Columns {
    let scaled = Scaled::of(unit);
    let mut columns = choices(matrix, problem, unit, &scaled);
    for t in 0..problem.steps {
        logic(matrix, unit, &mut columns, t);
        ramps(matrix, unit, &scaled, &columns, t);
        limits(matrix, unit, &scaled, &columns, t);
        pieces(matrix, problem, unit, &scaled, &mut columns, t);
        classes(matrix, unit, &mut columns, t);
    }
    columns
}

/// Columns of status, output and reserve; what the first state and orders decide is fixed.
fn choices(matrix: &mut Matrix, problem: &Problem, unit: &Unit, scaled: &Scaled) -> Columns {
    let mut columns = Columns::default();
    let (kept_on, kept) = unit.held();
    let step_h = problem.step_h();
    let coldest = unit.starts.last().map_or(0.0, |start| start.usd);
    for t in 0..problem.steps {
        let order = unit.ordered.get(t).copied().flatten();
        let decided = if t < kept { Some(kept_on) } else { order };
        let (low, high) = match decided {
            None => (0.0, 1.0),
            Some(true) => (1.0, 1.0),
            Some(false) => (0.0, 0.0),
        };
        columns.on.push(matrix.choice(unit.usd_per_h(unit.least_w) * step_h, low, high));
        columns.start.push(matrix.choice(coldest, 0.0, 1.0));
        // Output and reserve of the step before a stop lie within its limit, those before the first step too.
        let too_high = t == 0 && unit.first_spare_w > 0.0 && scaled.held + unit.first_spare_w / MW > scaled.end + TINY;
        columns.stop.push(matrix.choice(unit.stop_usd, 0.0, if too_high { 0.0 } else { 1.0 }));
        columns.above.push(matrix.column(0.0, 0.0, scaled.range));
        columns.spare.push(matrix.column(0.0, 0.0, scaled.range));
    }
    columns
}

/// On follows from starts and stops; minimum times.
fn logic(matrix: &mut Matrix, unit: &Unit, columns: &mut Columns, t: usize) {
    let mut terms = vec![(columns.on[t], 1.0), (columns.start[t], -1.0), (columns.stop[t], 1.0)];
    let mut before = 0.0;
    if t > 0 {
        terms.push((columns.on[t - 1], -1.0));
    } else {
        before = f64::from(u8::from(unit.first.on));
    }
    columns.logic.push(matrix.row(&terms, before, before));
    let window = |of: &[usize], steps: usize| -> Terms {
        ((t + 1).saturating_sub(steps.max(1))..=t).map(|i| (of[i], 1.0)).collect()
    };
    let mut terms = window(&columns.start, unit.least_up);
    terms.push((columns.on[t], -1.0));
    let up = matrix.at_most(&terms, 0.0);
    let mut terms = window(&columns.stop, unit.least_down);
    terms.push((columns.on[t], 1.0));
    let down = matrix.at_most(&terms, 1.0);
    columns.logic.extend([up, down]);
}

/// Output and reserve against the step before.
fn ramps(matrix: &mut Matrix, unit: &Unit, scaled: &Scaled, columns: &Columns, t: usize) {
    let Scaled { range, up, down, begin, end, held, .. } = *scaled;
    // Rise: up when it was on, to the start limit when it starts.
    let mut rise =
        vec![(columns.above[t], 1.0), (columns.spare[t], 1.0), (columns.on[t], -up), (columns.start[t], up - begin)];
    // Fall: down when it stays on, from the stop limit when it stops.
    let mut fall = vec![(columns.above[t], -1.0), (columns.stop[t], down - end)];
    if t == 0 {
        if up < range || held > 0.0 {
            matrix.at_most(&rise, held);
        }
        let was_on = f64::from(u8::from(unit.first.on));
        matrix.at_most(&fall, down * was_on - held);
        return;
    }
    if up < range {
        rise.push((columns.above[t - 1], -1.0));
        matrix.at_most(&rise, 0.0);
    }
    if down < range {
        fall.push((columns.above[t - 1], 1.0));
        fall.push((columns.on[t - 1], -down));
        matrix.at_most(&fall, 0.0);
    }
}

/// Generation limits: output and reserve within the range, less what a start now or a stop next takes from it.
///
/// Longer trajectories (what a start two steps ago still takes) raise the bound of the relaxation by less than 0.07 % on PGLib-UC's
/// case of 6 July and made HiGHS slower there, so they are left out. Before a stop only the last step's reserve is bound: further
/// ahead a unit may hold reserve that it would have to give back by falling, and PGLib-UC's rules allow that.
fn limits(matrix: &mut Matrix, unit: &Unit, scaled: &Scaled, columns: &Columns, t: usize) {
    let steps = columns.on.len();
    let (begin, end) = (scaled.range - scaled.begin, scaled.range - scaled.end);
    let mut row = |start: f64, stop: f64| {
        let mut terms = vec![(columns.above[t], 1.0), (columns.spare[t], 1.0), (columns.on[t], -scaled.range)];
        terms.push((columns.start[t], start));
        if t + 1 < steps {
            terms.push((columns.stop[t + 1], stop));
        }
        matrix.at_most(&terms, 0.0);
    };
    if unit.least_up >= 2 {
        row(begin, end);
        return;
    }
    // A start and the stop after it may lie one step apart: two rows, neither counts both in full.
    row(begin, (end - begin).max(0.0));
    if t + 1 < steps {
        row((begin - end).max(0.0), end);
    }
}

/// Cost pieces: each within its width, and within what a start or stop leaves of it.
fn pieces(matrix: &mut Matrix, problem: &Problem, unit: &Unit, scaled: &Scaled, columns: &mut Columns, t: usize) {
    let steps = columns.on.len();
    let mut sum = vec![(columns.above[t], 1.0)];
    let mut parts = Vec::new();
    for (piece, pair) in unit.curve.windows(2).enumerate() {
        let (low, high) = (pair[0].0 / MW - scaled.least, pair[1].0 / MW - scaled.least);
        let width = high - low;
        if width <= 0.0 {
            continue;
        }
        let column = matrix.column((pair[1].1 - pair[0].1) / width * problem.step_h(), 0.0, width);
        sum.push((column, -1.0));
        parts.push((piece, column));
        let lost = |room: f64| (high - room.max(low)).max(0.0);
        let (a, c) = (lost(scaled.begin), lost(scaled.end));
        let mut row = |start: f64, stop: f64| {
            let mut terms = vec![(column, 1.0), (columns.on[t], -width), (columns.start[t], start)];
            if t + 1 < steps {
                terms.push((columns.stop[t + 1], stop));
            }
            matrix.at_most(&terms, 0.0);
        };
        if unit.least_up >= 2 {
            row(a, c);
        } else {
            row(a, (c - a).max(0.0));
            if t + 1 < steps && c > 0.0 && a > 0.0 {
                row((a - c).max(0.0), c);
            }
        }
    }
    matrix.row(&sum, 0.0, 0.0);
    columns.pieces.push(parts);
}

/// Start-up classes: a start warmer than the coldest needs a stop at the right distance before it.
fn classes(matrix: &mut Matrix, unit: &Unit, columns: &mut Columns, t: usize) {
    let mut warm = Vec::new();
    let mut sum = Vec::new();
    let coldest = unit.starts.last().map_or(0.0, |start| start.usd);
    for (class, pair) in unit.starts.windows(2).enumerate() {
        // The hottest class also holds for what comes before its time: minimum times forbid that anyway.
        let from = if class == 0 { 1 } else { pair[0].off };
        let until = pair[1].off;
        let before = !unit.first.on && (from..until).contains(&(unit.first.steps + t));
        let mut terms: Terms = (from..until).take_while(|i| *i <= t).map(|i| (columns.stop[t - i], -1.0)).collect();
        if terms.is_empty() && !before {
            continue;
        }
        let column = matrix.column(pair[0].usd - coldest, 0.0, 1.0);
        terms.push((column, 1.0));
        matrix.at_most(&terms, f64::from(u8::from(before)));
        sum.push((column, 1.0));
        warm.push((class, column));
    }
    if !sum.is_empty() {
        sum.push((columns.start[t], -1.0));
        matrix.at_most(&sum, 0.0);
    }
    columns.warm.push(warm);
}
