//! The cheapest outputs between bounds under a few shared limits, with the prices of those limits and a certified gap.
//!
//! minimise sum of c x + q x^2; low <= A x <= high; 0 <= x <= width. Every column is an output (or what may be added
//! to one) with two finite bounds, every row a balance or a limit on a flow: the shape of an hour of dispatch. Then any
//! prices give a lower bound on the cost, and the normal equations have one row per limit: with a hundred limits and
//! a thousand outputs a solution takes a few milliseconds. Mehrotra's predictor and corrector (SIAM J. Optimization
//! 2, 1992, 575). Covered by V-GRID-01 to 23 and 38 through the optimal power flow.
//!
//! Not modelled: sparse rows, warm starts, a vertex at the end (among ties the answer lies in the middle); a problem
//! without an answer comes back as unfinished, and the caller asks a solver that can prove it.

use crate::dispatch::small::{backward, dot, factor, forward};

/// Relative gap between cost and bound at which an answer is accepted.
const GAP: f64 = 1e-10;
/// Gap that is accepted where rounding ends the iteration before.
const ACCEPTED_GAP: f64 = 1e-8;
/// Greatest violation of a row, as a share of the largest side.
const CLOSED: f64 = 1e-9;
/// Most iterations; the hardest of the published cases takes 34.
const MOST_ITERATIONS: u32 = 120;
/// Iterations in a row that bring nothing before it ends.
const MOST_IDLE: u32 = 16;
/// Share of the way to the nearest bound that a step goes.
const BOLDNESS: f64 = 0.995;
/// Widths at most this share of the largest count as none.
const NO_WIDTH: f64 = 1e-12;

/// The problem; costs in one unit, outputs in another, both of the caller's choice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// Cost of the first bit of each output.
    pub linear: Vec<f64>,
    /// Half of what its cost per unit rises with each unit; not negative.
    pub square: Vec<f64>,
    /// Most of each output; finite and not negative.
    pub width: Vec<f64>,
    /// Factors of all rows, one row after the other.
    pub factors: Vec<f64>,
    /// Least of each row; may be negative infinity.
    pub low: Vec<f64>,
    /// Most of each row; may be infinity; equal to the least for a balance.
    pub high: Vec<f64>,
}

impl Problem {
    /// Adds an output that is in no row yet; its place.
    pub fn column(&mut self, linear: f64, square: f64, width: f64) -> usize {
        self.linear.push(linear);
        self.square.push(square);
        self.width.push(width);
        self.linear.len() - 1
    }

    /// Adds a row with these factors, one per output.
    pub fn row(&mut self, factors: &[f64], low: f64, high: f64) {
        assert_eq!(factors.len(), self.linear.len(), "one factor per output");
        self.factors.extend_from_slice(factors);
        self.low.push(low);
        self.high.push(high);
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Outputs.
    pub x: Vec<f64>,
    /// What one more unit of each row's sides would cost.
    pub price: Vec<f64>,
    /// Cost.
    pub cost: f64,
    /// No outputs cost less than this.
    pub bound: f64,
    /// (cost - bound) / |cost|.
    pub gap: f64,
    /// Greatest violation of a row.
    pub violation: f64,
    /// Iterations.
    pub iterations: u32,
}

/// Why there is no answer: there may be none, or rounding stood in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unfinished {
    /// Relative gap that was reached.
    pub gap: f64,
    /// Greatest violation of a row that was left.
    pub violation: f64,
}

/// Solves the problem.
///
/// # Errors
/// An iteration that did not come to an end, as it does not where nothing satisfies every row.
///
/// # Panics
/// When lengths do not match or a width or a square cost is negative or not finite: the caller's mistake.
pub fn solve(problem: &Problem) -> Result<Answer, Unfinished> {
    let columns = problem.linear.len();
    let rows = problem.low.len();
    assert!(problem.square.len() == columns && problem.width.len() == columns, "one entry per output");
    assert!(problem.factors.len() == columns * rows && problem.high.len() == rows, "one factor per row and output");
    assert!(problem.width.iter().all(|w| w.is_finite() && *w >= 0.0), "widths are finite and not negative");
    assert!(problem.square.iter().all(|q| q.is_finite() && *q >= 0.0), "costs are convex");
    let mut method = Method::start(problem);
    let mut best: Option<(Vec<f64>, Vec<f64>, Judged)> = None;
    // From far outside the gap says nothing until the rows are nearly kept: coming nearer to them is progress too.
    let (mut idle, mut least_violation) = (0, f64::INFINITY);
    for iteration in 0..=MOST_ITERATIONS {
        let judged = method.judge(problem);
        let (gap, closed) = (judged.gap, judged.violation <= CLOSED * method.side);
        if !gap.is_finite() {
            break;
        }
        let better = best.as_ref().is_none_or(|(_, _, found)| judged.worse() < found.worse());
        let nearer = judged.violation > CLOSED * method.side && judged.violation < 0.9 * least_violation;
        least_violation = least_violation.min(judged.violation);
        idle = if better || nearer { 0 } else { idle + 1 };
        if better {
            best = Some((method.outputs(), method.prices(), judged));
        }
        if (gap <= GAP && closed) || idle > MOST_IDLE || iteration == MOST_ITERATIONS || !method.step() {
            break;
        }
    }
    let Some((x, price, judged)) = best else { return Err(Unfinished { gap: f64::NAN, violation: f64::NAN }) };
    if judged.gap > ACCEPTED_GAP || judged.violation > CLOSED * method.side {
        return Err(Unfinished { gap: judged.gap, violation: judged.violation });
    }
    let Judged { cost, bound, gap, violation, .. } = judged;
    Ok(Answer { x, price, cost, bound, gap, violation, iterations: method.iterations })
}

/// What an iterate is worth.
#[derive(Clone, Copy, Debug)]
struct Judged {
    cost: f64,
    bound: f64,
    gap: f64,
    violation: f64,
    /// Largest side, by which violations are measured.
    side: f64,
}

impl Judged {
    /// One number by which iterates are compared.
    fn worse(&self) -> f64 {
        self.gap.abs().max(self.violation / self.side)
    }
}

/// A box: distance to its lower and its upper end, and the multipliers of both.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    down: f64,
    /// Infinite for a side without end.
    up: f64,
    low: f64,
    high: f64,
}

/// Columns are outputs with some width, then one slack for every row that is no balance. Costs are divided by `scale`.
struct Method {
    /// How many outputs the problem has, and those that are columns.
    all: usize,
    live: Vec<usize>,
    count: usize,
    rows: usize,
    /// Factors of the live outputs.
    a: Vec<f64>,
    linear: Vec<f64>,
    square: Vec<f64>,
    /// The row of each slack, and its factor: -1 when counted from the lower side, 1 from the upper.
    slack: Vec<(usize, f64)>,
    right: Vec<f64>,
    room: Vec<Room>,
    y: Vec<f64>,
    curved: bool,
    scale: f64,
    side: f64,
    iterations: u32,
    // Space of a step.
    normal: Vec<f64>,
    weighted: Vec<f64>,
    d: Vec<f64>,
    h: Vec<f64>,
}

impl Method {
    fn start(problem: &Problem) -> Self {
        let all = problem.linear.len();
        let rows = problem.low.len();
        let widest = problem.width.iter().fold(0.0_f64, |most, w| most.max(*w));
        let live: Vec<usize> = (0..all).filter(|j| problem.width[*j] > NO_WIDTH * widest).collect();
        let count = live.len();
        let steepest = |j: &usize| problem.linear[*j].abs() + 2.0 * problem.square[*j] * problem.width[*j];
        let scale = live.iter().map(steepest).fold(0.0_f64, f64::max).max(1e-12);
        let mut a = vec![0.0; rows * count];
        for i in 0..rows {
            for (at, j) in live.iter().enumerate() {
                a[i * count + at] = problem.factors[i * all + j];
            }
        }
        let mut room: Vec<Room> = live
            .iter()
            .map(|j| {
                let half = 0.5 * problem.width[*j];
                Room { down: half, up: half, low: 1.0, high: 1.0 }
            })
            .collect();
        let mut slack = Vec::new();
        let mut right = vec![0.0; rows];
        for i in 0..rows {
            let (low, high) = (problem.low[i], problem.high[i]);
            right[i] = if low.is_finite() { low } else { high };
            if low == high {
                continue;
            }
            let width = high - low;
            slack.push((i, if low.is_finite() { -1.0 } else { 1.0 }));
            let half = if width.is_finite() { 0.5 * width } else { 0.5 * widest };
            let two = width.is_finite();
            room.push(Room {
                down: half,
                up: if two { half } else { f64::INFINITY },
                low: 1.0,
                high: f64::from(u8::from(two)),
            });
        }
        let side = right.iter().fold(widest, |most, side| if side.is_finite() { most.max(side.abs()) } else { most });
        let columns = room.len();
        let linear: Vec<f64> = live.iter().map(|j| problem.linear[*j] / scale).collect();
        let square: Vec<f64> = live.iter().map(|j| problem.square[*j] / scale).collect();
        Self {
            curved: square.iter().any(|q| *q > 0.0),
            y: vec![0.0; rows],
            normal: vec![0.0; rows * rows],
            weighted: vec![0.0; count],
            d: vec![0.0; columns],
            h: vec![0.0; columns],
            iterations: 0,
            all,
            live,
            count,
            rows,
            a,
            linear,
            square,
            slack,
            right,
            room,
            scale,
            side: side.max(1e-12),
        }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.a[i * self.count..(i + 1) * self.count]
    }

    /// All outputs, those without width at zero.
    fn outputs(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.all];
        for (at, j) in self.live.iter().enumerate() {
            x[*j] = self.room[at].down;
        }
        x
    }

    fn prices(&self) -> Vec<f64> {
        self.y.iter().map(|y| y * self.scale).collect()
    }

    /// Reduced costs at `x = 0`: c - A' y, of the outputs.
    fn reduced(&self, y: &[f64]) -> Vec<f64> {
        let mut r = self.linear.clone();
        for (i, y) in y.iter().enumerate() {
            for (r, a) in r.iter_mut().zip(self.row(i)) {
                *r -= a * y;
            }
        }
        r
    }

    /// Cost, bound and violation of the iterate.
    ///
    /// bound = sum over rows of y low (y > 0) or y high (y < 0) + sum over outputs of min over the box of r x + q x^2.
    fn judge(&self, problem: &Problem) -> Judged {
        // A side without end can carry no price: what the iteration still has there is taken off everywhere, or the
        // bound would be none.
        let price = |i: usize| {
            let end = if self.y[i] >= 0.0 { problem.low[i] } else { problem.high[i] };
            if end.is_finite() { (self.y[i], self.y[i] * end) } else { (0.0, 0.0) }
        };
        let prices: Vec<f64> = (0..self.rows).map(|i| price(i).0).collect();
        let reduced = self.reduced(&prices);
        let (mut cost, mut bound) = (0.0, 0.0);
        for (at, r) in reduced.iter().enumerate() {
            let (x, q, width) = (self.room[at].down, self.square[at], problem.width[self.live[at]]);
            cost += x * (self.linear[at] + q * x);
            let best = if *r >= 0.0 {
                0.0
            } else if q > 0.0 {
                (-0.5 * r / q).min(width)
            } else {
                width
            };
            bound += best * (r + q * best);
        }
        let mut violation = 0.0_f64;
        for i in 0..self.rows {
            let carried: f64 = self.row(i).iter().zip(&self.room).map(|(a, room)| a * room.down).sum();
            violation = violation.max(problem.low[i] - carried).max(carried - problem.high[i]);
            bound += price(i).1;
        }
        let level = cost.abs().max(1e-9 * self.side);
        Judged {
            cost: cost * self.scale,
            bound: bound * self.scale,
            gap: (cost - bound) / level,
            violation,
            side: self.side,
        }
    }

    /// One predictor and corrector; false when the equations yield nothing.
    fn step(&mut self) -> bool {
        let columns = self.room.len();
        let mut dual = self.reduced(&self.y);
        for at in 0..self.count {
            dual[at] += 2.0 * self.square[at] * self.room[at].down;
        }
        for (row, sign) in &self.slack {
            dual.push(-sign * self.y[*row]);
        }
        // dual: c + 2 q x - A' y, which the multipliers low - high should equal.
        let mut primal = self.right.clone();
        for i in 0..self.rows {
            primal[i] -= dot(self.row(i), &self.downs());
        }
        for (at, (row, sign)) in self.slack.iter().enumerate() {
            primal[*row] -= sign * self.room[self.count + at].down;
        }
        let (mut gap, mut sides) = (0.0, 0.0);
        for at in 0..columns {
            let room = self.room[at];
            let curve = if at < self.count { 2.0 * self.square[at] } else { 0.0 };
            let above = if room.up.is_finite() { room.high / room.up } else { 0.0 };
            self.d[at] = 1.0 / (curve + room.low / room.down + above);
            gap += room.low * room.down;
            sides += 1.0;
            if room.up.is_finite() {
                gap += room.high * room.up;
                sides += 1.0;
            }
        }
        self.factor_normal();
        let nothing = vec![(0.0, 0.0); columns];
        let affine = self.direction(&dual, &primal, 0.0, &nothing);
        let (reach, reach_dual) = self.reach(&affine);
        let (reach, reach_dual) = (reach.min(1.0), reach_dual.min(1.0));
        let mut after = 0.0;
        for (room, step) in self.room.iter().zip(&affine.room) {
            after += (room.down + reach * step.down) * (room.low + reach_dual * step.low);
            if room.up.is_finite() {
                after += (room.up + reach * step.up) * (room.high + reach_dual * step.high);
            }
        }
        let share = (after / gap).clamp(0.0, 1.0);
        let target = share * share * share * gap / sides;
        let second: Vec<(f64, f64)> = affine.room.iter().map(|s| (s.down * s.low, s.up * s.high)).collect();
        let step = self.direction(&dual, &primal, target, &second);
        let (reach, reach_dual) = self.reach(&step);
        let (mut go, mut go_dual) = ((BOLDNESS * reach).min(1.0), (BOLDNESS * reach_dual).min(1.0));
        if self.curved {
            // The dual residual holds outputs too: both must go the same way.
            go = go.min(go_dual);
            go_dual = go;
        }
        if !(go.is_finite() && go_dual.is_finite()) || go.max(go_dual) < 1e-10 {
            return false;
        }
        for (room, step) in self.room.iter_mut().zip(&step.room) {
            room.down += go * step.down;
            room.low += go_dual * step.low;
            if room.up.is_finite() {
                room.up += go * step.up;
                room.high += go_dual * step.high;
            }
        }
        for (y, step) in self.y.iter_mut().zip(&step.y) {
            *y += go_dual * step;
        }
        self.iterations += 1;
        true
    }

    fn downs(&self) -> Vec<f64> {
        self.room[..self.count].iter().map(|room| room.down).collect()
    }

    /// A D A' with the slacks, factored.
    fn factor_normal(&mut self) {
        let (count, rows) = (self.count, self.rows);
        for i in 0..rows {
            let own = &self.a[i * count..(i + 1) * count];
            for ((w, a), d) in self.weighted.iter_mut().zip(own).zip(&self.d) {
                *w = a * d;
            }
            for k in 0..=i {
                self.normal[i * rows + k] = dot(&self.weighted, &self.a[k * count..(k + 1) * count]);
            }
        }
        for (at, (row, _)) in self.slack.iter().enumerate() {
            self.normal[row * rows + row] += self.d[count + at];
        }
        factor(&mut self.normal, rows);
    }

    /// The Newton step towards products of `target` less what is second order.
    fn direction(&mut self, dual: &[f64], primal: &[f64], target: f64, second: &[(f64, f64)]) -> Step {
        let columns = self.room.len();
        // low - high after the step = dual + curve dx - A' dy; low = (target - second)/down - low/down dx and so on.
        for at in 0..columns {
            let room = self.room[at];
            let mut h = -dual[at] + (target - second[at].0) / room.down;
            if room.up.is_finite() {
                h -= (target - second[at].1) / room.up;
            }
            self.h[at] = h * self.d[at];
        }
        let mut y = primal.to_vec();
        for i in 0..self.rows {
            y[i] -= dot(self.row(i), &self.h[..self.count]);
        }
        for (at, (row, sign)) in self.slack.iter().enumerate() {
            y[*row] -= sign * self.h[self.count + at];
        }
        forward(&self.normal, self.rows, &mut y);
        backward(&self.normal, self.rows, &mut y);
        let mut moved = vec![0.0; columns];
        for (i, y) in y.iter().enumerate() {
            for (moved, a) in moved[..self.count].iter_mut().zip(&self.a[i * self.count..(i + 1) * self.count]) {
                *moved += a * y;
            }
        }
        for (at, (row, sign)) in self.slack.iter().enumerate() {
            moved[self.count + at] = sign * y[*row];
        }
        let room = (0..columns)
            .map(|at| {
                let room = self.room[at];
                let dx = self.d[at] * moved[at] + self.h[at];
                let low = (target - second[at].0) / room.down - room.low - room.low / room.down * dx;
                let high = if room.up.is_finite() {
                    (target - second[at].1) / room.up - room.high + room.high / room.up * dx
                } else {
                    0.0
                };
                Room { down: dx, up: -dx, low, high }
            })
            .collect();
        Step { room, y }
    }

    /// How far outputs and multipliers can go before one meets zero, at most the whole step.
    fn reach(&self, step: &Step) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0_f64 / BOLDNESS, 1.0_f64 / BOLDNESS);
        let until = |best: &mut f64, value: f64, by: f64| {
            if by < 0.0 {
                *best = best.min(-value / by);
            }
        };
        for (room, by) in self.room.iter().zip(&step.room) {
            until(&mut primal, room.down, by.down);
            until(&mut dual, room.low, by.low);
            if room.up.is_finite() {
                until(&mut primal, room.up, by.up);
                until(&mut dual, room.high, by.high);
            }
        }
        (primal, dual)
    }
}

/// Changes of every room and of the prices.
struct Step {
    room: Vec<Room>,
    y: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three outputs of 10, 20 and 30 $ a unit, up to 5 each, must give 7; the first two share a line that takes 6.
    #[test]
    fn the_dearest_that_is_needed_sets_the_price() {
        let mut problem = Problem::default();
        for cost in [10.0, 20.0, 30.0] {
            problem.column(cost, 0.0, 5.0);
        }
        problem.row(&[1.0, 1.0, 1.0], 7.0, 7.0);
        problem.row(&[1.0, 1.0, 0.0], f64::NEG_INFINITY, 6.0);
        let answer = solve(&problem).expect("has an answer");
        for (found, wanted) in answer.x.iter().zip([5.0, 1.0, 1.0]) {
            assert!((found - wanted).abs() < 1e-7, "{answer:?}");
        }
        assert!((answer.cost - 100.0).abs() < 1e-7 && answer.bound <= answer.cost + 1e-9, "{answer:?}");
        // One more unit costs 30; one more on the line turns 30 into 20.
        assert!((answer.price[0] - 30.0).abs() < 1e-6 && (answer.price[1] + 10.0).abs() < 1e-6, "{answer:?}");
    }

    /// Two rising costs, by hand.
    #[test]
    fn rising_costs_meet_at_one_margin() {
        // 2 + x1 = 4 + x2 / 2 and x1 + x2 = 8: x1 = 4, x2 = 4, price 6.
        let mut problem = Problem::default();
        problem.column(2.0, 0.5, 100.0);
        problem.column(4.0, 0.25, 100.0);
        problem.row(&[1.0, 1.0], 8.0, 8.0);
        let answer = solve(&problem).expect("has an answer");
        assert!((answer.x[0] - 4.0).abs() < 1e-6 && (answer.x[1] - 4.0).abs() < 1e-6, "{answer:?}");
        assert!((answer.price[0] - 6.0).abs() < 1e-6, "{answer:?}");
    }

    #[test]
    fn what_cannot_be_served_is_not_answered() {
        let mut problem = Problem::default();
        problem.column(1.0, 0.0, 5.0);
        problem.column(2.0, 0.0, 0.0);
        problem.row(&[1.0, 1.0], 6.0, 6.0);
        assert!(solve(&problem).is_err());
    }

    /// The bound is below the cost of any outputs that satisfy the rows: tried with a grid of them.
    #[test]
    fn no_outputs_cost_less_than_the_bound() {
        let mut problem = Problem::default();
        for (cost, square, width) in [(3.0, 0.1, 4.0), (1.0, 0.4, 4.0), (-2.0, 0.0, 1.0), (5.0, 0.0, 4.0)] {
            problem.column(cost, square, width);
        }
        problem.row(&[1.0, 1.0, 1.0, 1.0], 6.0, 6.0);
        problem.row(&[0.5, -0.3, 0.2, 0.0], -0.4, 0.4);
        let answer = solve(&problem).expect("has an answer");
        let mut least = f64::INFINITY;
        for i in 0..=80 {
            for j in 0..=80 {
                for k in 0..=10 {
                    let (x, y, z) = (f64::from(i) * 0.05, f64::from(j) * 0.05, f64::from(k) * 0.1);
                    let w = 6.0 - x - y - z;
                    let line = 0.5 * x - 0.3 * y + 0.2 * z;
                    if (0.0..=4.0).contains(&w) && (-0.4..=0.4).contains(&line) {
                        let cost = 3.0 * x + 0.1 * x * x + y + 0.4 * y * y - 2.0 * z + 5.0 * w;
                        least = least.min(cost);
                    }
                }
            }
        }
        assert!(answer.bound <= answer.cost + 1e-9 && answer.cost <= least + 1e-9, "{answer:?} {least}");
        assert!(least - answer.bound < 0.2, "the grid is fine enough to come near: {answer:?} {least}");
    }
}
