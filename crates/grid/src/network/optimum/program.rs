//! The linear or quadratic program behind a DC optimal power flow, as matrices for the solver.
//!
//! Not modelled: a start from an earlier answer; an interior-point method has little use for one.

use super::{Piece, pieces};
use crate::network::direct::Convention;
use crate::network::{BusKind, Network, NetworkError};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT};

/// Widths below this are fixed outputs, per unit.
const FIXED_PU: f64 = 1e-9;

/// The problem in per unit, without its limits on branches.
pub(in crate::network) struct Program<'n> {
    pub(super) network: &'n Network,
    pub(super) pieces: Vec<Piece>,
    /// Output of each generator at its least, per unit.
    least: Vec<f64>,
    /// Load and shunt less least outputs at each bus, per unit.
    pub(super) net: Vec<f64>,
    demand_pu: f64,
    pub(super) susceptance: Vec<(f64, f64)>,
    limits: Vec<Option<Limit>>,
    /// Variable of the angle of each bus; none at a reference or an isolated one.
    angle: Vec<Option<usize>>,
    angles: usize,
    part: Vec<usize>,
    references: Vec<usize>,
}

/// Least and most of b (angle difference), per unit, and whether each comes from the angles.
pub(super) type Limit = (f64, f64, [bool; 2]);

/// Why there is no solution.
pub(super) enum Trouble {
    Infeasible,
    Stopped(String),
}

/// A solution in per unit.
pub(super) struct Solution {
    pub(super) piece: Vec<f64>,
    pub(super) angle: Vec<f64>,
    /// Dual of the balance of every bus.
    pub(super) balance: Vec<f64>,
    /// Duals of the lower and the upper limit of every enforced branch.
    pub(super) limits: Vec<(f64, f64)>,
    pub(super) iterations: u32,
    /// Certified relative gap, where the solver gives one.
    pub(super) gap: Option<f64>,
    /// Added variables (of an elastic program).
    pub(super) extra: Vec<f64>,
}

/// A variable that an elastic program adds: its rows and factors, and its cost.
pub(super) struct Extra {
    pub(super) balance: Option<(usize, f64)>,
    /// Place among the enforced branches whose two limits it widens.
    pub(super) limit: Option<usize>,
    pub(super) cost: f64,
    /// Most of it, per unit.
    pub(super) most: f64,
}

impl<'n> Program<'n> {
    pub(super) fn new(network: &'n Network, convention: Convention) -> Result<Self, NetworkError> {
        let mut wrong = network.complaints();
        let count = network.bus_count();
        let base = network.base_va;
        let live = |bus: usize| network.buses.kind[bus] != BusKind::Isolated;
        let mut net: Vec<f64> = (0..count)
            .map(|bus| if live(bus) { (network.buses.load_w[bus] + network.buses.shunt_w[bus]) / base } else { 0.0 })
            .collect();
        let demand_pu = net.iter().sum();
        let mut found = Vec::new();
        let mut least = vec![0.0; network.generators.bus.len()];
        for generator in (0..least.len()).filter(|g| network.runs(*g)) {
            least[generator] = network.generators.least_w[generator] / base;
            net[network.generators.bus[generator]] -= least[generator];
            match pieces(network, generator) {
                Ok(pieces) => found.extend(pieces.into_iter().filter(|piece| piece.width > FIXED_PU)),
                Err(why) => wrong.push(why),
            }
        }
        let (mut susceptance, mut limits) = (Vec::new(), Vec::new());
        for branch in 0..network.branches.from.len() {
            let (b, shift) = if network.carries(branch) { convention.branch(network, branch) } else { (0.0, 0.0) };
            if !b.is_finite() {
                wrong.push(format!("{} has no reactance: no direct-current flow", network.branch_name(branch)));
            }
            susceptance.push((b, shift));
            limits.push(if network.carries(branch) { limit(network, branch, b, shift) } else { None });
        }
        if !wrong.is_empty() {
            return Err(NetworkError::Unusable(wrong.join("; ")));
        }
        let (part, parts) = network.parts(None);
        let references = network.references(&part, parts);
        let mut angles = 0;
        let angle = (0..count)
            .map(|bus| {
                let free = live(bus) && references[part[bus]] != bus;
                angles += usize::from(free);
                free.then(|| angles - 1)
            })
            .collect();
        Ok(Self { network, pieces: found, least, net, demand_pu, susceptance, limits, angle, angles, part, references })
    }

    pub(super) fn demand_pu(&self) -> f64 {
        self.demand_pu
    }

    /// Load and shunt at a live bus, per unit.
    pub(super) fn load_pu(&self, bus: usize) -> f64 {
        (self.network.buses.load_w[bus] + self.network.buses.shunt_w[bus]) / self.network.base_va
    }

    pub(super) fn limit(&self, branch: usize) -> Option<Limit> {
        self.limits[branch]
    }

    /// Flow into a branch at its beginning, per unit.
    pub(super) fn flow(&self, branch: usize, angle: &[f64]) -> f64 {
        let (b, shift) = self.susceptance[branch];
        b * (angle[self.network.branches.from[branch]] - angle[self.network.branches.to[branch]] - shift)
    }

    /// How far a branch is beyond this share of its limits, per unit.
    pub(super) fn beyond(&self, branch: usize, solution: &Solution, share: f64) -> f64 {
        let Some((low, high, _)) = self.limits[branch] else { return f64::NEG_INFINITY };
        let (b, _) = self.susceptance[branch];
        let ends = [self.network.branches.from[branch], self.network.branches.to[branch]];
        let across = b * (solution.angle[ends[0]] - solution.angle[ends[1]]);
        let slack = (1.0 - share) * (high - low).abs() * 0.5;
        let slack = if slack.is_finite() { slack } else { 0.0 };
        (across - high + slack).max(low - across + slack)
    }

    /// Output of every generator, per unit.
    pub(super) fn outputs(&self, solution: &Solution) -> Vec<f64> {
        let mut outputs = self.least.clone();
        for (piece, above) in self.pieces.iter().zip(&solution.piece) {
            outputs[piece.generator] += above.clamp(0.0, piece.width);
        }
        outputs
    }

    /// The reference of the part of every bus.
    pub(super) fn references_of_buses(&self) -> Vec<Option<usize>> {
        self.part.iter().map(|part| self.references.get(*part).copied()).collect()
    }

    pub(super) fn solve(&self, enforced: &[usize]) -> Result<Solution, Trouble> {
        self.solve_with(enforced, &[], true)
    }

    /// Solves with these limits, the added variables, and the costs of outputs or without them.
    pub(super) fn solve_with(&self, enforced: &[usize], extra: &[Extra], costs: bool) -> Result<Solution, Trouble> {
        let (pieces, count) = (self.pieces.len(), self.network.bus_count());
        let variables = pieces + self.angles + extra.len();
        let (balance_row, rows) = self.balance_rows(extra)?;
        let mut entries: Vec<(usize, usize, f64)> = Vec::new();
        let mut side = vec![0.0; rows];
        self.balance_entries(&balance_row, &mut entries, &mut side);
        // Bounds of pieces, then two limits per enforced branch, then added variables above zero.
        self.bounds(&mut entries, &mut side);
        let mut row = side.len();
        let limits_begin = row;
        for (place, branch) in enforced.iter().enumerate() {
            let Some((low, high, _)) = self.limits[*branch] else { continue };
            for (sign, bound) in [(-1.0, -low), (1.0, high)] {
                self.across(*branch, sign, |variable, factor| entries.push((row, variable, factor)));
                for (index, _) in extra.iter().enumerate().filter(|(_, extra)| extra.limit == Some(place)) {
                    entries.push((row, pieces + self.angles + index, -1.0));
                }
                // A side without limit keeps its row, far away, so that rows come in pairs.
                side.push(if bound.is_finite() { bound } else { 1e6 });
                row += 1;
            }
        }
        for (index, extra) in extra.iter().enumerate() {
            let variable = pieces + self.angles + index;
            if let Some((bus, factor)) = extra.balance
                && let Some(at) = balance_row[bus]
            {
                entries.push((at, variable, factor));
            }
            entries.push((row, variable, -1.0));
            side.push(0.0);
            row += 1;
            if extra.most.is_finite() {
                entries.push((row, variable, 1.0));
                side.push(extra.most);
                row += 1;
            }
        }
        let (mut linear, square) = if costs { self.costs() } else { (vec![0.0; pieces], Vec::new()) };
        linear.resize(variables, 0.0);
        for (index, extra) in extra.iter().enumerate() {
            linear[pieces + self.angles + index] = extra.cost;
        }
        let solved = clarabel(variables, row, rows, entries, &square, &linear, &side)?;
        let mut angle = vec![0.0; count];
        for bus in 0..count {
            if let Some(variable) = self.angle[bus] {
                angle[bus] = solved.x[pieces + variable];
            }
        }
        let balance = balance_row.iter().map(|row| row.map_or(f64::NAN, |row| solved.z[row])).collect();
        let limits = (0..enforced.len())
            .map(|place| (solved.z[limits_begin + 2 * place], solved.z[limits_begin + 2 * place + 1]))
            .collect();
        Ok(Solution {
            piece: solved.x[..pieces].to_vec(),
            angle,
            balance,
            limits,
            iterations: solved.iterations,
            gap: None,
            extra: solved.x[pieces + self.angles..].to_vec(),
        })
    }

    /// Bounds of all pieces, as rows after those of `side`.
    pub(super) fn bounds(&self, entries: &mut Vec<(usize, usize, f64)>, side: &mut Vec<f64>) {
        for (variable, piece) in self.pieces.iter().enumerate() {
            entries.push((side.len(), variable, -1.0));
            side.push(0.0);
            if piece.width.is_finite() {
                entries.push((side.len(), variable, 1.0));
                side.push(piece.width);
            }
        }
    }

    /// Linear and square costs of all pieces.
    pub(super) fn costs(&self) -> (Vec<f64>, Vec<(usize, usize, f64)>) {
        let linear = self.pieces.iter().map(|piece| piece.linear).collect();
        let curved = self.pieces.iter().enumerate().filter(|(_, piece)| piece.square > 0.0);
        (linear, curved.map(|(variable, piece)| (variable, variable, 2.0 * piece.square)).collect())
    }

    /// Part of every bus, and how many there are.
    pub(super) fn parts(&self) -> (&[usize], usize) {
        (&self.part, self.references.len())
    }

    /// The row of the balance of every live bus; a bus that nothing can serve must need nothing.
    fn balance_rows(&self, extra: &[Extra]) -> Result<(Vec<Option<usize>>, usize), Trouble> {
        let count = self.network.bus_count();
        let mut touched = vec![false; count];
        for piece in &self.pieces {
            touched[piece.bus] = true;
        }
        for (branch, (b, _)) in self.susceptance.iter().enumerate() {
            if *b != 0.0 {
                touched[self.network.branches.from[branch]] = true;
                touched[self.network.branches.to[branch]] = true;
            }
        }
        for (bus, _) in extra.iter().filter_map(|extra| extra.balance) {
            touched[bus] = true;
        }
        let mut rows = 0;
        let mut of_bus = vec![None; count];
        for bus in (0..count).filter(|bus| self.part[*bus] != usize::MAX) {
            if touched[bus] {
                of_bus[bus] = Some(rows);
                rows += 1;
            } else if self.net[bus].abs() > 1e-9 {
                return Err(Trouble::Infeasible);
            }
        }
        Ok((of_bus, rows))
    }

    /// Balances: outputs less what leaves over branches is the load.
    fn balance_entries(&self, row: &[Option<usize>], entries: &mut Vec<(usize, usize, f64)>, side: &mut [f64]) {
        for (bus, row) in row.iter().enumerate() {
            if let Some(row) = row {
                side[*row] = self.net[bus];
            }
        }
        for (variable, piece) in self.pieces.iter().enumerate() {
            if let Some(row) = row[piece.bus] {
                entries.push((row, variable, 1.0));
            }
        }
        for (branch, (b, shift)) in self.susceptance.iter().enumerate().filter(|(_, (b, _))| *b != 0.0) {
            for (bus, sign) in [(self.network.branches.from[branch], -1.0), (self.network.branches.to[branch], 1.0)] {
                if let Some(row) = row[bus] {
                    self.across(branch, sign, |variable, factor| entries.push((row, variable, factor)));
                    side[row] += sign * b * shift;
                }
            }
        }
    }

    /// Entries of `sign` b (angle at the beginning less angle at the end).
    fn across(&self, branch: usize, sign: f64, mut entry: impl FnMut(usize, f64)) {
        let b = self.susceptance[branch].0 * sign;
        for (bus, factor) in [(self.network.branches.from[branch], b), (self.network.branches.to[branch], -b)] {
            if let Some(variable) = self.angle[bus] {
                entry(self.pieces.len() + variable, factor);
            }
        }
    }
}

/// The tighter of rating and angle difference, in terms of b (angle difference), per unit.
fn limit(network: &Network, branch: usize, b: f64, shift: f64) -> Option<Limit> {
    let rating = network.branches.rating_va[branch] / network.base_va;
    let angles = (network.branches.least_angle_rad[branch], network.branches.most_angle_rad[branch]);
    let by_angle = if b >= 0.0 { (b * angles.0, b * angles.1) } else { (b * angles.1, b * angles.0) };
    let by_rating = (b * shift - rating, b * shift + rating);
    let (low, high) = (by_rating.0.max(by_angle.0), by_rating.1.min(by_angle.1));
    (low.is_finite() || high.is_finite()).then_some((low, high, [by_angle.0 > by_rating.0, by_angle.1 < by_rating.1]))
}

struct Solved {
    x: Vec<f64>,
    z: Vec<f64>,
    iterations: u32,
}

/// Hands the matrices to the solver. The first `equal` rows hold with equality, the others with at most.
fn clarabel(
    variables: usize,
    rows: usize,
    equal: usize,
    entries: Vec<(usize, usize, f64)>,
    square: &[(usize, usize, f64)],
    linear: &[f64],
    side: &[f64],
) -> Result<Solved, Trouble> {
    let triplets = |entries: &[(usize, usize, f64)], rows: usize| {
        let (mut i, mut j, mut v) = (Vec::new(), Vec::new(), Vec::new());
        for (row, column, value) in entries {
            i.push(*row);
            j.push(*column);
            v.push(*value);
        }
        CscMatrix::new_from_triplets(rows, variables, i, j, v)
    };
    let cones = [ZeroConeT(equal), NonnegativeConeT(rows - equal)];
    // The largest cost is one: tolerances then mean the same for every case.
    let scale = linear.iter().fold(0.0_f64, |most, cost| most.max(cost.abs())).max(1e-12);
    let linear: Vec<f64> = linear.iter().map(|cost| cost / scale).collect();
    let square: Vec<(usize, usize, f64)> = square.iter().map(|(i, j, v)| (*i, *j, v / scale)).collect();
    let (p, a) = (triplets(&square, variables), triplets(&entries, rows));
    let mut last = String::new();
    for settings in attempts() {
        let mut solver = DefaultSolver::new(&p, &linear, &a, side, &cones, settings)
            .map_err(|why| Trouble::Stopped(format!("the program is malformed: {why}")))?;
        solver.solve();
        let found = solver.solution;
        match found.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                let z = found.z.iter().map(|z| z * scale).collect();
                return Ok(Solved { x: found.x, z, iterations: found.iterations });
            }
            SolverStatus::PrimalInfeasible => return Err(Trouble::Infeasible),
            other => last = format!("{other:?} after {} iterations", found.iterations),
        }
    }
    Err(Trouble::Stopped(last))
}

/// Settings that are tried one after the other: the solver's own, then with more care about its linear equations.
/// What it calls almost solved is held to 1e-7, ten times tighter than any tolerance on a cost here.
fn attempts() -> [DefaultSettings<f64>; 3] {
    let first = DefaultSettings {
        verbose: false,
        max_iter: 200,
        max_threads: 1,
        presolve_enable: false,
        reduced_tol_gap_abs: 1e-7,
        reduced_tol_gap_rel: 1e-7,
        reduced_tol_feas: 1e-7,
        ..DefaultSettings::default()
    };
    let careful = DefaultSettings {
        iterative_refinement_max_iter: 50,
        iterative_refinement_reltol: 1e-14,
        iterative_refinement_abstol: 1e-14,
        static_regularization_constant: 1e-9,
        equilibrate_max_iter: 50,
        ..first.clone()
    };
    let slow = DefaultSettings { max_step_fraction: 0.9, static_regularization_constant: 1e-7, ..careful.clone() };
    [first, careful, slow]
}
