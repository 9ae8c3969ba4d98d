//! The program without angles: outputs alone, and limits as rows of the PTDF. Small where few limits are enforced.
//!
//! With flow = flow of the loads + PTDF x outputs, the balance is one row per part, and the price at a bus is the dual
//! of that row less what one more megawatt there would take from every enforced limit.
//!
//! Not modelled: added variables; an elastic program keeps the angles.

use super::program::{Program, Solution, Trouble};
use crate::merit::{self, Problem};
use crate::network::direct::DirectFlow;
use std::collections::BTreeMap;

/// Rows of the PTDF that were needed so far, by branch.
pub(super) type Rows = BTreeMap<usize, Vec<f64>>;

impl Program<'_> {
    /// Solves with these limits; `direct` is the network's flow in the same convention.
    pub(super) fn solve_reduced(
        &self,
        direct: &mut DirectFlow,
        factors: &mut Rows,
        enforced: &[usize],
    ) -> Result<Solution, Trouble> {
        let (network, pieces) = (self.network, self.pieces.len());
        let base = network.base_va;
        let (part, parts) = self.parts();
        if self.pieces.iter().any(|piece| !piece.width.is_finite()) {
            return Err(Trouble::Stopped("an output has no end".to_owned()));
        }
        // What flows when every generator is at its least.
        let mut injection_w: Vec<f64> = self.net.iter().map(|net| -net * base).collect();
        let mut flow_w = vec![0.0; network.branches.from.len()];
        direct.spread(network, &injection_w, &mut flow_w);
        let mut need = vec![0.0; parts];
        for (bus, net) in self.net.iter().enumerate().filter(|(bus, _)| part[*bus] != usize::MAX) {
            need[part[bus]] += net;
        }
        let mut problem = Problem::default();
        for piece in &self.pieces {
            problem.column(piece.linear, piece.square, piece.width);
        }
        let mut row_of_part = vec![None; parts];
        let mut row = vec![0.0; pieces];
        for own in 0..parts {
            for (factor, piece) in row.iter_mut().zip(&self.pieces) {
                *factor = f64::from(u8::from(part[piece.bus] == own));
            }
            if row.contains(&1.0) {
                row_of_part[own] = Some(problem.low.len());
                problem.row(&row, need[own], need[own]);
            } else if need[own].abs() > 1e-9 {
                return Err(Trouble::Infeasible);
            }
        }
        let limits_begin = problem.low.len();
        for branch in enforced {
            let factors = factors.entry(*branch).or_insert_with(|| direct.factors_of(network, *branch));
            let (low, high, _) = self.limit(*branch).unwrap_or((f64::NEG_INFINITY, f64::INFINITY, [false; 2]));
            let (b, shift) = self.susceptance[*branch];
            let already = flow_w[*branch] / base + b * shift;
            for (factor, piece) in row.iter_mut().zip(&self.pieces) {
                *factor = factors[piece.bus];
            }
            problem.row(&row, low - already, high - already);
        }
        // One that does not end may have no answer: the program with angles can prove that.
        let solved = merit::solve(&problem)
            .map_err(|left| Trouble::Stopped(format!("gap {:.1e}, violation {:.1e}", left.gap, left.violation)))?;
        for (piece, above) in self.pieces.iter().zip(&solved.x) {
            injection_w[piece.bus] += above * base;
        }
        direct.spread(network, &injection_w, &mut flow_w);
        let prices = &solved.price[limits_begin..];
        let mut balance: Vec<f64> = (0..part.len())
            .map(|bus| row_of_part.get(part[bus]).copied().flatten().map_or(f64::NAN, |row| -solved.price[row]))
            .collect();
        for (branch, price) in enforced.iter().zip(prices) {
            for (balance, factor) in balance.iter_mut().zip(&factors[branch]) {
                *balance -= factor * price;
            }
        }
        Ok(Solution {
            piece: solved.x,
            angle: direct.angles().to_vec(),
            balance,
            limits: prices.iter().map(|price| (price.max(0.0), (-price).max(0.0))).collect(),
            iterations: solved.iterations,
            gap: Some(solved.gap),
            extra: Vec::new(),
        })
    }
}
