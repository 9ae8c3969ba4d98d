//! The program without angles: outputs alone, and limits as rows of the PTDF. Small where few limits are enforced.
//!
//! With flow = flow of the loads + PTDF x outputs, the balance is one row per part, and the price at a bus is the dual
//! of that row less what one more megawatt there would take from every enforced limit.
//!
//! Not modelled: added variables; an elastic program keeps the angles.

use super::program::{Program, Solution, Trouble, clarabel};
use crate::network::direct::DirectFlow;

impl Program<'_> {
    /// Solves with these limits; `direct` is the network's flow in the same convention.
    pub(super) fn solve_reduced(&self, direct: &mut DirectFlow, enforced: &[usize]) -> Result<Solution, Trouble> {
        let (network, pieces) = (self.network, self.pieces.len());
        let base = network.base_va;
        let (part, parts) = self.parts();
        // What flows when every generator is at its least.
        let mut injection_w: Vec<f64> = self.net.iter().map(|net| -net * base).collect();
        let mut flow_w = vec![0.0; network.branches.from.len()];
        direct.spread(network, &injection_w, &mut flow_w);
        let mut need = vec![0.0; parts];
        for (bus, net) in self.net.iter().enumerate().filter(|(bus, _)| part[*bus] != usize::MAX) {
            need[part[bus]] += net;
        }
        let mut served = vec![None; parts];
        let mut equal = 0;
        for piece in &self.pieces {
            served[part[piece.bus]].get_or_insert_with(|| {
                equal += 1;
                equal - 1
            });
        }
        let mut side = vec![0.0; equal];
        for (need, row) in need.iter().zip(&served) {
            match row {
                Some(row) => side[*row] = *need,
                None if need.abs() > 1e-9 => return Err(Trouble::Infeasible),
                None => {}
            }
        }
        let mut entries: Vec<(usize, usize, f64)> = Vec::new();
        for (variable, piece) in self.pieces.iter().enumerate() {
            if let Some(row) = served[part[piece.bus]] {
                entries.push((row, variable, 1.0));
            }
        }
        self.bounds(&mut entries, &mut side);
        let limits_begin = side.len();
        let factors: Vec<Vec<f64>> = enforced.iter().map(|branch| direct.factors_of(network, *branch)).collect();
        for (branch, factors) in enforced.iter().zip(&factors) {
            let Some((low, high, _)) = self.limit(*branch) else { continue };
            let (b, shift) = self.susceptance[*branch];
            let already = flow_w[*branch] / base + b * shift;
            for (sign, bound) in [(-1.0, -low), (1.0, high)] {
                let row = side.len();
                for (variable, piece) in self.pieces.iter().enumerate() {
                    // What adds less than this to a flow is far below the accuracy of the answer.
                    if factors[piece.bus].abs() > 1e-10 {
                        entries.push((row, variable, sign * factors[piece.bus]));
                    }
                }
                side.push(if bound.is_finite() { bound - sign * already } else { 1e6 });
            }
        }
        let (linear, square) = self.costs();
        let solved = clarabel(pieces, side.len(), equal, entries, &square, &linear, &side)?;
        for (piece, above) in self.pieces.iter().zip(&solved.x) {
            injection_w[piece.bus] += above * base;
        }
        direct.spread(network, &injection_w, &mut flow_w);
        let limits: Vec<(f64, f64)> = (0..enforced.len())
            .map(|place| (solved.z[limits_begin + 2 * place], solved.z[limits_begin + 2 * place + 1]))
            .collect();
        let balance = (0..part.len())
            .map(|bus| {
                let Some(row) = served.get(part[bus]).copied().flatten() else { return f64::NAN };
                let taken = factors.iter().zip(&limits).map(|(factors, (down, up))| factors[bus] * (up - down));
                solved.z[row] + taken.sum::<f64>()
            })
            .collect();
        Ok(Solution {
            piece: solved.x,
            angle: direct.angles().to_vec(),
            balance,
            limits,
            iterations: solved.iterations,
            extra: Vec::new(),
        })
    }
}
