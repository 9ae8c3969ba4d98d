//! The search for large problems: relaxation, cuts, a search among the cheapest choices, then a proof over what is left.
//!
//! 1. The linear relaxation, with rounding cuts on what runs can give ([`rounding`]) until none says more.
//! 2. A bound for each choice ([`paths`]). HiGHS searches among the cheapest eighth of the choices, which is a small problem
//!    and mostly holds the best schedule.
//! 3. Choices whose bound lies above that schedule's cost less the gap are excluded: all that is left out costs at least
//!    so much. HiGHS closes the gap over the rest; the bound of the whole is the lesser of its bound and of what is left out.
//!
//! On PGLib-UC's case of 6 July, 3,456 choices of 73 units, 414 are searched and 1,074 are left for the proof.
//!
//! Not modelled: a warm start from yesterday; other choices than those of units, which stay free.

use super::Problem;
use super::matrix::Matrix;
use super::paths::{self, Prices};
use super::rounding;
use super::search::Options;
use super::solver::{self, End, Found, Limits, Relaxation};
use super::supply::Model;

/// Free choices from which on it pays: below, HiGHS alone takes a second or so (measured on Egret's cases).
const LEAST_CHOICES: usize = 1500;
/// Most rounds of cuts, and the share of the cost that a round must add to the bound to be followed by another.
const MOST_ROUNDS: usize = 10;
const LEAST_GAIN: f64 = 1e-6;
/// Shares of the free choices that are searched first; the next where there is no schedule in one. Measured on PGLib-UC's two
/// days of RTS-GMLC: an eighth holds the best schedule known in July, and none in January, where a quarter does.
const SHARES: [f64; 3] = [0.12, 0.25, 0.5];
/// Part of the gap by which what is excluded may fall short of the best cost; the rest is for rounding.
const PART_OF_GAP: f64 = 0.95;
/// Rounding of a bound, as a share of it.
const ROUNDING: f64 = 1e-10;
/// Within so many gaps of the relaxation's bound a schedule is taken as good: only the proof is left.
const NEAR: f64 = 10.0;
/// Part of the time that the first search may take.
const FIRST_PART: f64 = 0.25;

/// Searches a large problem in steps; none where it is small, or the steps do not apply to it.
pub(super) fn search(problem: &Problem, model: &Model, options: &Options) -> Result<Option<Found>, String> {
    if free(model, &model.matrix).count() < LEAST_CHOICES { Ok(None) } else { narrowed(problem, model, options) }
}

/// The search in steps; none where they do not apply.
pub(super) fn narrowed(problem: &Problem, model: &Model, options: &Options) -> Result<Option<Found>, String> {
    let mut matrix = model.matrix.clone();
    let Some(relaxed) = cut(model, &mut matrix)? else { return Ok(None) };
    let Some(prices) = paths::prices(problem, model, &matrix, &relaxed.row_price) else { return Ok(None) };
    let Some((first, first_slack)) = among_cheapest(model, &matrix, &prices, options)? else { return Ok(None) };
    let room = options.gap * first.value.abs();
    let beyond = prices.bound + first_slack - ROUNDING * prices.bound.abs();
    let bound = first.bound.min(beyond).max(prices.bound - ROUNDING * prices.bound.abs());
    if bound >= first.value - room {
        return Ok(Some(Found { end: End::Best, bound, ..first }));
    }
    if options.is_over() {
        // Rounds in which lines came in may have taken it all: the schedule stands with the bound that there is.
        return Ok(Some(Found { end: End::Limit, bound, ..first }));
    }
    let excluded = first.value - PART_OF_GAP * room;
    let slack = excluded - prices.bound + ROUNDING * prices.bound.abs();
    exclude(model, &mut matrix, &prices, slack, Some(&first.point));
    let limits = Limits {
        gap: options.gap,
        // Without a clock each search has its part.
        seconds: options.left_s().map(|left| if options.clock.is_some() { left } else { left * (1.0 - FIRST_PART) }),
        seed: options.seed,
        start: Some(&first.point),
        prove: first.value - prices.bound < NEAR * room,
        ..Limits::default()
    };
    let last = solver::mixed(&matrix, &limits)?;
    // What HiGHS says of the rest, and what is known of the excluded; the first point stayed possible, so there is a rest.
    let (rest, end) = match last.end {
        End::Best | End::Limit => (last.bound, last.end.clone()),
        _ => (f64::NEG_INFINITY, End::Limit),
    };
    let bound = rest.max(bound).min(excluded);
    let best = if last.value < first.value { last } else { first };
    Ok(Some(Found { end, bound, ..best }))
}

/// Choices of on or off that are free: (unit, step, column).
pub(super) fn free<'a>(model: &'a Model, matrix: &'a Matrix) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
    model.units.iter().enumerate().flat_map(move |(unit, columns)| {
        let open = |column: usize| matrix.lower[column] < matrix.upper[column];
        columns.on.iter().enumerate().filter(move |(_, on)| open(**on)).map(move |(t, on)| (unit, t, *on))
    })
}

/// Solves the relaxation and adds cuts to the matrix; none where the relaxation has no answer.
pub(super) fn cut(model: &Model, matrix: &mut Matrix) -> Result<Option<Found>, String> {
    let mut relaxation = Relaxation::new(matrix)?;
    let mut found = relaxation.solve(matrix)?;
    for _ in 0..MOST_ROUNDS {
        if found.end != End::Best {
            return Ok(None);
        }
        let cuts: Vec<_> = model.capacity.iter().filter_map(|row| rounding::cut(matrix, *row, &found.point)).collect();
        if cuts.is_empty() {
            break;
        }
        for (terms, upper) in &cuts {
            relaxation.at_most(terms, *upper)?;
            matrix.at_most(terms, *upper);
        }
        let before = found.bound;
        found = relaxation.solve(matrix)?;
        if found.bound - before < LEAST_GAIN * before.abs() {
            break;
        }
    }
    Ok((found.end == End::Best).then_some(found))
}

/// The best schedule among the cheapest choices, and what any other choice adds to the bound at least, $.
fn among_cheapest(
    model: &Model,
    matrix: &Matrix,
    prices: &Prices,
    options: &Options,
) -> Result<Option<(Found, f64)>, String> {
    let mut dear: Vec<f64> =
        free(model, matrix).map(|(unit, t, _)| prices.units[unit].on[t].max(prices.units[unit].off[t])).collect();
    dear.sort_by(f64::total_cmp);
    for share in SHARES {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let slack = dear[(share * dear.len() as f64) as usize];
        let mut few = matrix.clone();
        exclude(model, &mut few, prices, slack, None);
        let limits = Limits {
            gap: 0.5 * options.gap,
            seconds: options.left_s().map(|left| left * FIRST_PART),
            seed: options.seed,
            nodes: Some(1),
            ..Limits::default()
        };
        let found = solver::mixed(&few, &limits)?;
        if matches!(found.end, End::Best | End::Limit) {
            return Ok(Some((found, slack)));
        }
    }
    Ok(None)
}

/// Fixes all choices that add at least so much to the bound, but for those of a point that is to stay possible.
fn exclude(model: &Model, matrix: &mut Matrix, prices: &Prices, slack: f64, keep: Option<&[f64]>) {
    let taken = |column: usize| keep.is_some_and(|point| point[column] > 0.5);
    let left = |column: usize| keep.is_some_and(|point| point[column] < 0.5);
    for (columns, extra) in model.units.iter().zip(&prices.units) {
        for t in 0..columns.on.len() {
            let (on, start, stop) = (columns.on[t], columns.start[t], columns.stop[t]);
            if extra.on[t] >= slack && !taken(on) && matrix.lower[on] < 0.5 {
                matrix.upper[on] = 0.0;
            } else if extra.off[t] >= slack && !left(on) && matrix.upper[on] > 0.5 {
                matrix.lower[on] = 1.0;
            }
            for (column, extra) in [(start, extra.start[t]), (stop, extra.stop[t])] {
                if extra >= slack && !taken(column) {
                    matrix.upper[column] = 0.0;
                }
            }
        }
    }
}
