//! DC optimal power flow: the cheapest outputs that serve every load within every limit, the price at every bus, and,
//! where there are none, which limits must give and by how much.
//!
//! minimise the cost of outputs; at every bus outputs less load and shunt = what leaves over branches, b (angle
//! difference - shift); flows within ratings, angle differences within their limits. Covered by V-GRID-01 to 23, 38.
//!
//! Limits are enforced as they are met: a limit that the answer without it keeps does not change the answer.
//!
//! Not modelled: losses, voltages, reserves, start-up; costs that are not convex are refused.

mod elastic;
mod program;
mod reduced;

use super::direct::{Convention, DirectFlow};
use super::{Cost, Network, NetworkError};
use program::{Program, Solution, Trouble};

pub use elastic::{Gives, Relief};

/// A limit that holds the answer back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// The branch.
    pub branch: usize,
    /// Whether the flow runs from its beginning to its end.
    pub forward: bool,
    /// Whether the limit is that of the angles, not of the rating.
    pub by_angle: bool,
    /// What one more MW of this limit would save, $/MWh.
    pub shadow_usd_per_mwh: f64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// Cost of all outputs, $/h.
    pub usd_per_h: f64,
    /// Output of every generator, W.
    pub output_w: Vec<f64>,
    /// Angle of every bus, rad.
    pub angle_rad: Vec<f64>,
    /// Flow into every branch at its beginning, W.
    pub flow_w: Vec<f64>,
    /// Price at every bus of one more MWh drawn there, $; NaN at an isolated bus.
    pub price_usd_per_mwh: Vec<f64>,
    /// Its part that is the same at every bus of a part: the price at the reference, $.
    pub energy_usd_per_mwh: Vec<f64>,
    /// Limits that bind, dearest first.
    pub binding: Vec<Binding>,
    /// Iterations of the solver, over all rounds.
    pub iterations: u32,
    /// Rounds of enforcing limits.
    pub rounds: u32,
    /// Relative distance from the lower bound of what outputs above their least cost, where [`crate::merit`]
    /// answered; nothing where Clarabel did.
    pub gap: Option<f64>,
}

impl Optimum {
    /// What limits add to the price of energy at a bus, $/MWh.
    #[must_use]
    pub fn congestion_usd_per_mwh(&self, bus: usize) -> f64 {
        self.price_usd_per_mwh[bus] - self.energy_usd_per_mwh[bus]
    }
}

/// What came of the question.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An answer.
    Solved(Box<Optimum>),
    /// There is none; this is what would have to give, most first.
    Infeasible(Vec<Relief>),
}

/// A flow beyond its limit by more than this counts as met, per unit.
const MET_PU: f64 = 1e-6;
/// Limits within this share of being met are enforced with those that are, which saves rounds.
const NEAR: f64 = 0.97;
/// Rounds after which every limit is enforced at once.
const ROUNDS: u32 = 12;
/// Most limits for which the program without angles is tried.
const MOST_REDUCED: usize = 150;
/// Shadow prices below this are the solver's dust, $/MWh.
const DUST_USD_PER_MWH: f64 = 1e-3;

/// One straight or curved piece of a generator's output above its least, per unit: `width` at `linear`, `square` $/h.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) generator: usize,
    pub(crate) bus: usize,
    pub(crate) width: f64,
    pub(crate) linear: f64,
    pub(crate) square: f64,
}

/// Solves the problem in one convention.
///
/// # Errors
/// A network or a cost that cannot be used, or a solver that stopped early.
pub fn solve(network: &Network, convention: Convention) -> Result<Outcome, NetworkError> {
    let program = Program::new(network, convention)?;
    let limited: Vec<usize> = (0..network.branches.from.len()).filter(|b| program.limit(*b).is_some()).collect();
    let mut enforced: Vec<usize> = Vec::new();
    let (mut iterations, mut rounds) = (0, 0);
    let mut direct = DirectFlow::new(network, convention, None)?;
    let mut factors = reduced::Rows::new();
    loop {
        rounds += 1;
        let whole = enforced.len() == limited.len();
        // Few limits: without angles, which is fast. Many, or a solver that stumbles there: with them.
        let small = if enforced.len() <= MOST_REDUCED {
            program.solve_reduced(&mut direct, &mut factors, &enforced)
        } else {
            Err(Trouble::Stopped(String::new()))
        };
        let solution = match small.or_else(|trouble| match trouble {
            Trouble::Stopped(_) => program.solve(&enforced),
            Trouble::Infeasible => Err(Trouble::Infeasible),
        }) {
            Ok(solution) => solution,
            Err(Trouble::Infeasible) => return elastic::relief(&program, &limited).map(Outcome::Infeasible),
            // Without limits the flows may be large and the solver may stumble; with all of them it must not.
            Err(Trouble::Stopped(_)) if !whole => {
                enforced.clone_from(&limited);
                continue;
            }
            Err(Trouble::Stopped(why)) => {
                // A program without an answer may also stop early; the elastic one tells them apart.
                let relief = elastic::relief(&program, &limited)?;
                let worst = relief.iter().map(|r| r.by_w).fold(0.0, f64::max);
                if worst > 1e-5 * program.demand_pu() * network.base_va {
                    return Ok(Outcome::Infeasible(relief));
                }
                return Err(NetworkError::Unsolved(format!("the solver stopped early: {why}")));
            }
        };
        iterations += solution.iterations;
        let over = |branch: &usize| program.beyond(*branch, &solution, 1.0) > MET_PU;
        let broken = limited.iter().any(|branch| enforced.binary_search(branch).is_err() && over(branch));
        if !broken || whole {
            return Ok(Outcome::Solved(Box::new(answer(network, &program, &solution, &enforced, iterations, rounds))));
        }
        if rounds >= ROUNDS {
            enforced.clone_from(&limited);
        } else {
            let near = limited.iter().filter(|branch| program.beyond(**branch, &solution, NEAR) > 0.0);
            enforced.extend(near);
            enforced.sort_unstable();
            enforced.dedup();
        }
    }
}

fn answer(
    network: &Network,
    program: &Program,
    solution: &Solution,
    enforced: &[usize],
    iterations: u32,
    rounds: u32,
) -> Optimum {
    let base = network.base_va;
    let mw = base / 1e6;
    let output_w: Vec<f64> = program.outputs(solution).iter().map(|output| output * base).collect();
    let flow_w: Vec<f64> = (0..network.branches.from.len()).map(|b| program.flow(b, &solution.angle) * base).collect();
    // Energy is conserved: what runs is what loads and shunts draw.
    let (given, drawn): (f64, f64) = (output_w.iter().sum(), program.demand_pu() * base);
    let moved: f64 = output_w.iter().map(|w| w.abs()).sum::<f64>() + base;
    assert!((given - drawn).abs() <= 1e-5 * moved, "outputs {given} W and loads {drawn} W do not balance");
    let price: Vec<f64> = solution.balance.iter().map(|z| -z / mw).collect();
    let energy = program.references_of_buses().iter().map(|r| r.map_or(f64::NAN, |bus| price[bus])).collect();
    let mut binding: Vec<Binding> = enforced
        .iter()
        .zip(&solution.limits)
        .filter_map(|(branch, (down, up))| {
            let shadow = (up - down) / mw;
            let (_, _, by_angle) = program.limit(*branch)?;
            let side = usize::from(shadow > 0.0);
            (shadow.abs() > DUST_USD_PER_MWH).then_some(Binding {
                branch: *branch,
                forward: shadow > 0.0,
                by_angle: by_angle[side],
                shadow_usd_per_mwh: shadow.abs(),
            })
        })
        .collect();
    binding.sort_by(|a, b| b.shadow_usd_per_mwh.total_cmp(&a.shadow_usd_per_mwh).then(a.branch.cmp(&b.branch)));
    Optimum {
        usd_per_h: cost_usd_per_h(network, &output_w),
        output_w,
        angle_rad: solution.angle.clone(),
        flow_w,
        price_usd_per_mwh: price,
        energy_usd_per_mwh: energy,
        binding,
        iterations,
        rounds,
        gap: solution.gap,
    }
}

/// Cost of these outputs, $/h.
#[must_use]
pub fn cost_usd_per_h(network: &Network, output_w: &[f64]) -> f64 {
    let mut sum = 0.0;
    for generator in (0..output_w.len()).filter(|g| network.runs(*g)) {
        let mw = output_w[generator] / 1e6;
        sum += match &network.generators.cost[generator] {
            None => 0.0,
            Some(Cost::Polynomial(terms)) => terms.iter().rev().fold(0.0, |sum, term| sum * mw + term),
            Some(Cost::Piecewise(points)) => along(points, mw),
        };
    }
    sum
}

/// Cost on the straight lines through `points`, the first and the last drawn on.
fn along(points: &[(f64, f64)], mw: f64) -> f64 {
    let last = points.len().saturating_sub(2);
    let place = points.windows(2).position(|two| mw <= two[1].0).unwrap_or(last);
    let (a, b) = (points[place], points[place + 1]);
    a.1 + (mw - a.0) * (b.1 - a.1) / (b.0 - a.0)
}

/// The pieces of a generator's output above its least, in ascending cost.
///
/// # Errors
/// A cost that is not convex, or of a higher degree than two.
pub(crate) fn pieces(network: &Network, generator: usize) -> Result<Vec<Piece>, String> {
    let g = &network.generators;
    let mw = network.base_va / 1e6;
    let (least, most) = (g.least_w[generator] / 1e6, g.most_w[generator] / 1e6);
    let bus = g.bus[generator];
    let named = || format!("generator {} (bus {})", generator + 1, network.buses.number[bus]);
    let piece = |from: f64, to: f64, linear: f64, square: f64| Piece {
        generator,
        bus,
        width: (to - from) / mw,
        linear: (linear + 2.0 * square * from) * mw,
        square: square * mw * mw,
    };
    let term = |terms: &[f64], power: usize| terms.get(power).copied().unwrap_or(0.0);
    match &g.cost[generator] {
        None => Ok(vec![piece(least, most, 0.0, 0.0)]),
        Some(Cost::Polynomial(terms)) => {
            if terms.iter().skip(3).any(|term| *term != 0.0) {
                return Err(format!("{} has a cost of degree 3 or more; expected at most 2", named()));
            }
            if term(terms, 2) < 0.0 {
                return Err(format!("{} gets cheaper with output: its cost is not convex", named()));
            }
            Ok(vec![piece(least, most, term(terms, 1), term(terms, 2))])
        }
        Some(Cost::Piecewise(points)) => {
            let mut found = Vec::new();
            let mut before = f64::NEG_INFINITY;
            for (place, two) in points.windows(2).enumerate() {
                let slope = (two[1].1 - two[0].1) / (two[1].0 - two[0].0);
                // Printed points are rounded: slopes may fall by so little that it means nothing.
                if slope < before - 1e-3 * before.abs().max(1.0) {
                    return Err(format!("{} gets cheaper with output: its cost is not convex", named()));
                }
                before = slope;
                let from = if place == 0 { least } else { two[0].0.max(least) };
                let to = if place + 2 == points.len() { most } else { two[1].0.min(most) };
                if to > from {
                    found.push(piece(from, to, slope, 0.0));
                }
            }
            Ok(found)
        }
    }
}
