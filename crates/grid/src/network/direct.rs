//! Direct-current flow and the factors by which injections spread over branches, in both living conventions.
//!
//! Covered by V-GRID-01 to 23 and 38 (through the optimum) and by the identity flow = factors x injections.
//!
//! Not modelled: losses, reactive power, voltages.

use super::sparse::{Factors, Order};
use super::{BusKind, Network, NetworkError};

/// Which susceptance a branch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// b = x/(r^2 + x^2); taps and shifts ignored (PowerModels, the PGLib baseline).
    Pm,
    /// b = 1/(x tap); shifts honoured (MATPOWER, Egret, pandapower).
    Mp,
}

impl Convention {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pm => "pm",
            Self::Mp => "mp",
        }
    }

    /// Susceptance (per unit) and shift (rad) of a branch.
    #[must_use]
    pub fn branch(self, network: &Network, branch: usize) -> (f64, f64) {
        let b = &network.branches;
        let (r, x) = (b.r_pu[branch], b.x_pu[branch]);
        match self {
            Self::Pm => (x / (r * r + x * x), 0.0),
            Self::Mp => (1.0 / (x * b.tap[branch]), b.shift_rad[branch]),
        }
    }
}

/// A direct-current flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Direct {
    /// Angle of every bus, rad.
    pub angle_rad: Vec<f64>,
    /// Flow into every branch at its beginning, W.
    pub flow_w: Vec<f64>,
    /// Added output at the reference of every part, W.
    pub balance_w: Vec<f64>,
}

/// A network prepared for direct-current flows: factored once.
#[derive(Clone, Debug)]
pub struct DirectFlow {
    factors: Factors<f64>,
    /// Susceptance and shift of branches that carry; zero for others.
    susceptance: Vec<(f64, f64)>,
    /// Part of every bus and reference of every part.
    part: Vec<usize>,
    references: Vec<usize>,
    side: Vec<f64>,
    angle: Vec<f64>,
}

impl DirectFlow {
    /// Prepares a network, without one branch if asked.
    ///
    /// # Errors
    /// A network that cannot be used, or whose equations have no solution.
    pub fn new(network: &Network, convention: Convention, without: Option<usize>) -> Result<Self, NetworkError> {
        let mut wrong = network.complaints();
        let carries: Vec<bool> =
            (0..network.branches.from.len()).map(|b| network.carries(b) && Some(b) != without).collect();
        for branch in (0..carries.len()).filter(|b| carries[*b]) {
            if !convention.branch(network, branch).0.is_finite() {
                wrong.push(format!("{} has no reactance: no direct-current flow", network.branch_name(branch)));
            }
        }
        if !wrong.is_empty() {
            return Err(NetworkError::Unusable(wrong.join("; ")));
        }
        let susceptance: Vec<(f64, f64)> =
            (0..carries.len()).map(|b| if carries[b] { convention.branch(network, b) } else { (0.0, 0.0) }).collect();
        let (part, parts) = network.parts(without);
        let references = network.references(&part, parts);
        let (start, column, value) = matrix(network, &carries, &susceptance, &references);
        let mut factors = Factors::new(Order::new(&start, &column)?);
        factors.factor(&start, &column, &value).map_err(|bus| {
            NetworkError::Unusable(format!(
                "the direct-current equations are singular at bus {}: the susceptances around it cancel",
                network.buses.number[bus]
            ))
        })?;
        let count = network.bus_count();
        Ok(Self { factors, susceptance, part, references, side: vec![0.0; count], angle: vec![0.0; count] })
    }

    /// Solves for the loads and outputs that `network` has now; the reference of each part takes the difference.
    ///
    /// # Errors
    /// A flow that does not balance: equations too near to singular.
    pub fn solve(&mut self, network: &Network) -> Result<Direct, NetworkError> {
        let count = network.bus_count();
        let mut injection_w: Vec<f64> =
            (0..count).map(|bus| -network.buses.load_w[bus] - network.buses.shunt_w[bus]).collect();
        for generator in (0..network.generators.bus.len()).filter(|g| network.runs(*g)) {
            injection_w[network.generators.bus[generator]] += network.generators.output_w[generator];
        }
        let mut flow_w = vec![0.0; self.susceptance.len()];
        self.spread(network, &injection_w, &mut flow_w);
        let mut balance_w = vec![0.0; self.references.len()];
        for bus in (0..count).filter(|bus| self.part[*bus] != usize::MAX) {
            balance_w[self.part[bus]] -= injection_w[bus];
        }
        // At every bus what is fed leaves over branches.
        let mut open = injection_w;
        for (branch, flow) in flow_w.iter().enumerate() {
            open[network.branches.from[branch]] -= flow;
            open[network.branches.to[branch]] += flow;
        }
        for (part, reference) in self.references.iter().enumerate() {
            open[*reference] += balance_w[part];
        }
        let moved: f64 = flow_w.iter().map(|flow| flow.abs()).sum();
        for bus in (0..count).filter(|bus| network.buses.kind[*bus] != BusKind::Isolated) {
            if open[bus].is_nan() || open[bus].abs() > 1e-7 * (moved + network.base_va) {
                return Err(NetworkError::Unsolved(format!(
                    "the direct-current flow does not balance at bus {}: open by {:.3} MW",
                    network.buses.number[bus],
                    open[bus] / 1e6
                )));
            }
        }
        Ok(Direct { angle_rad: self.angle.clone(), flow_w, balance_w })
    }

    /// Flows for given injections, W; no allocation, no check: the warm path.
    pub fn spread(&mut self, network: &Network, injection_w: &[f64], flow_w: &mut [f64]) {
        let per_unit = 1.0 / network.base_va;
        for (side, injection) in self.side.iter_mut().zip(injection_w) {
            *side = injection * per_unit;
        }
        let b = &network.branches;
        for (branch, (susceptance, shift)) in self.susceptance.iter().enumerate() {
            if *shift != 0.0 {
                self.side[b.from[branch]] += susceptance * shift;
                self.side[b.to[branch]] -= susceptance * shift;
            }
        }
        for reference in &self.references {
            self.side[*reference] = 0.0;
        }
        for (bus, part) in self.part.iter().enumerate() {
            if *part == usize::MAX {
                self.side[bus] = 0.0;
            }
        }
        self.factors.solve(&mut self.side);
        self.angle.copy_from_slice(&self.side);
        for (branch, (susceptance, shift)) in self.susceptance.iter().enumerate() {
            let across = self.angle[b.from[branch]] - self.angle[b.to[branch]] - shift;
            flow_w[branch] = susceptance * across * network.base_va;
        }
    }

    /// How much of one watt fed at each bus, and taken at its reference, flows through a branch: its row of the PTDF.
    ///
    /// The matrix is symmetric, so a row costs one solution: with the branch as a source at one end and a sink at the
    /// other, the angles are the factors.
    pub fn factors_of(&mut self, network: &Network, branch: usize) -> Vec<f64> {
        let susceptance = self.susceptance[branch].0;
        self.side.fill(0.0);
        self.side[network.branches.from[branch]] += susceptance;
        self.side[network.branches.to[branch]] -= susceptance;
        for reference in &self.references {
            self.side[*reference] = 0.0;
        }
        self.factors.solve(&mut self.side);
        self.side.clone()
    }

    /// Angles of the last flow, rad.
    #[must_use]
    pub fn angles(&self) -> &[f64] {
        &self.angle
    }

    /// Reference bus of each part.
    #[must_use]
    pub fn references(&self) -> &[usize] {
        &self.references
    }
}

/// Rows of the susceptance matrix; a reference or an isolated bus is a one on the diagonal.
fn matrix(
    network: &Network,
    carries: &[bool],
    susceptance: &[(f64, f64)],
    references: &[usize],
) -> (Vec<usize>, Vec<usize>, Vec<f64>) {
    let count = network.bus_count();
    let mut fixed: Vec<bool> = network.buses.kind.iter().map(|kind| *kind == BusKind::Isolated).collect();
    for reference in references {
        fixed[*reference] = true;
    }
    let mut entries: Vec<(usize, usize, f64)> =
        (0..count).map(|bus| (bus, bus, if fixed[bus] { 1.0 } else { 0.0 })).collect();
    for branch in (0..carries.len()).filter(|b| carries[*b]) {
        let (f, t) = (network.branches.from[branch], network.branches.to[branch]);
        let b = susceptance[branch].0;
        for (one, other) in [(f, t), (t, f)] {
            if !fixed[one] {
                entries.push((one, one, b));
                if !fixed[other] {
                    entries.push((one, other, -b));
                }
            }
        }
    }
    entries.sort_by_key(|(row, column, _)| (*row, *column));
    let mut start = vec![0; count + 1];
    let (mut column, mut value): (Vec<usize>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut last = None;
    for (row, col, entry) in entries {
        if last == Some((row, col)) {
            if let Some(sum) = value.last_mut() {
                *sum += entry;
            }
        } else {
            last = Some((row, col));
            column.push(col);
            value.push(entry);
        }
        start[row + 1] = value.len();
    }
    (start, column, value)
}
