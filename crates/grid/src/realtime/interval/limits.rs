//! The limits of a look as rows of its program: flows with everything in service and after a loss, ramps, room for reserve.
//!
//! Not modelled: anything that `interval` does not model.

use super::{Column, Limit, Looker, MET_W, Range, What};

impl Looker<'_> {
    /// Factors of a limit's row and its two ends, W.
    pub(super) fn row(
        &mut self,
        limit: &Limit,
        place: usize,
        all: &[(&Column, Option<usize>)],
        still: &[Vec<f64>],
        range: &[Vec<Range>],
    ) -> (Vec<f64>, f64, f64) {
        match *limit {
            Limit::Flow { ahead, branch, lost } => {
                let factors = self.flow_factors(branch, lost);
                let flow_w = self.flow_w(&still[ahead], branch, lost);
                let rating_w = self.rating_w(branch, lost);
                let mut up = true;
                let row = all
                    .iter()
                    .map(|(c, of)| match (of, c.ahead == ahead) {
                        (Some(of), _) if *of == place => {
                            up = !up;
                            if up { 1.0 } else { -1.0 }
                        }
                        (None, true) => {
                            c.feeds.map_or(0.0, |bus| factors[bus]) - c.draws.map_or(0.0, |bus| factors[bus])
                        }
                        _ => 0.0,
                    })
                    .collect();
                (row, -rating_w - flow_w, rating_w - flow_w)
            }
            Limit::Ramp { ahead, unit } => {
                let row = all
                    .iter()
                    .map(|(c, _)| match c.what {
                        What::Piece { unit: own } if own == unit && c.ahead == ahead => 1.0,
                        What::Piece { unit: own } if own == unit && c.ahead + 1 == ahead => -1.0,
                        _ => 0.0,
                    })
                    .collect();
                let ramp_w = self.day.ramp_w_per_s[unit] * self.day.step_s;
                let already_w = range[ahead][unit].least_w - range[ahead - 1][unit].least_w;
                (row, -ramp_w - already_w, ramp_w - already_w)
            }
            Limit::Room { unit } => {
                let row = all
                    .iter()
                    .map(|(c, _)| match c.what {
                        What::Piece { unit: own } if own == unit && c.ahead == 0 => 1.0,
                        What::Reserve { unit: own } if own == unit => 1.0,
                        _ => 0.0,
                    })
                    .collect();
                let room_w = self.day.network.generators.most_w[unit] - range[0][unit].least_w;
                (row, f64::NEG_INFINITY, room_w.max(0.0))
            }
        }
    }

    pub(super) fn rating_w(&self, branch: usize, lost: Option<usize>) -> f64 {
        if lost.is_some() { self.day.emergency_va[branch] } else { self.day.network.branches.rating_va[branch] }
    }

    /// What one watt fed at each bus adds to the flow, after a loss if there is one.
    pub(super) fn flow_factors(&mut self, branch: usize, lost: Option<usize>) -> Vec<f64> {
        let (direct, network) = (&mut self.direct, self.day.network);
        let mut row = self.factors.entry(branch).or_insert_with(|| direct.factors_of(network, branch)).clone();
        if let Some(lost) = lost {
            let share = self.takes_over[&lost][branch];
            let other = self.factors.entry(lost).or_insert_with(|| direct.factors_of(network, lost));
            for (row, other) in row.iter_mut().zip(other.iter()) {
                *row += share * other;
            }
        }
        row
    }

    pub(super) fn flow_w(&mut self, injection_w: &[f64], branch: usize, lost: Option<usize>) -> f64 {
        let mut flow_w = vec![0.0; self.day.network.branches.from.len()];
        self.direct.spread(self.day.network, injection_w, &mut flow_w);
        flow_w[branch] + lost.map_or(0.0, |lost| self.takes_over[&lost][branch] * flow_w[lost])
    }
}

/// Whether a limit has a meaning for these ranges. A ramp that no two outputs within them can break has none: where both
/// are fixed by it, its row would have no room at all, and a solver that goes through the middle none to go.
pub(super) fn keeps(limit: &Limit, range: &[Vec<Range>], ramp_w: impl Fn(usize) -> f64) -> bool {
    match *limit {
        Limit::Flow { ahead, .. } => ahead < range.len(),
        Limit::Ramp { ahead, unit } => {
            ahead < range.len() && {
                let (now, earlier) = (&range[ahead][unit], &range[ahead - 1][unit]);
                let most_w = (now.most_w - earlier.least_w).max(earlier.most_w - now.least_w);
                now.runs && earlier.runs && most_w > ramp_w(unit) + 0.5 * MET_W
            }
        }
        Limit::Room { unit } => range[0][unit].runs,
    }
}
