//! Why there is no schedule: the least that would have to give, step by step.
//!
//! A unit that cannot keep its own rules is named alone. Else the problem is solved again with load that may go
//! unserved, supply that may go untaken, reserve that may be missing and lines that may be crossed, at prices high
//! enough that they are used only where nothing else helps.
//!
//! Not modelled: minimum times and ramps that give a little.

use super::lines::Factors;
use super::matrix::{MW, Matrix};
use super::search::{Options, Plan, settle};
use super::solver::{self, End};
use super::{Problem, thermal};

/// What lacks.
#[derive(Clone, Debug, PartialEq)]
pub enum Lack {
    /// Load that cannot be served.
    Load,
    /// Supply that nobody takes: units cannot go lower.
    Surplus,
    /// Reserve.
    Reserve,
    /// The rating of a branch.
    Line(usize),
    /// A unit that cannot keep its own rules from its first state on.
    Unit(usize),
}

/// One thing that would have to give.
#[derive(Clone, Debug, PartialEq)]
pub struct Relief {
    /// Step, from 0; for a unit, 0.
    pub step: usize,
    /// What.
    pub lack: Lack,
    /// By how much, W; 0 for a unit.
    pub by_w: f64,
}

/// Prices of giving, $/J: load and surplus before reserve before lines. (guess: any that no unit reaches)
const MISMATCH: f64 = 1e5 / 3.6e9;
const SHORT: f64 = 2e4 / 3.6e9;
const LINE_USD_PER_MWH: f64 = 5e4;
/// Less than this is rounding, W.
const ROUNDING_W: f64 = 1.0;

/// Finds what lacks; empty when nothing does.
///
/// # Errors
/// A solver that fails, in words.
pub(super) fn relief(problem: &Problem, options: &Options) -> Result<Vec<Relief>, String> {
    let mut found = Vec::new();
    for (index, unit) in problem.units.iter().enumerate() {
        let mut matrix = Matrix::new();
        thermal::add(&mut matrix, problem, unit);
        if solver::linear(&matrix)?.end == End::Infeasible {
            found.push(Relief { step: 0, lack: Lack::Unit(index), by_w: 0.0 });
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let mut elastic = problem.clone();
    elastic.mismatch_usd_per_j = Some(elastic.mismatch_usd_per_j.unwrap_or(0.0).max(MISMATCH));
    elastic.reserve.short_usd_per_j = Some(elastic.reserve.short_usd_per_j.unwrap_or(0.0).max(SHORT));
    let options = Options { gap: options.gap.max(1e-3), ..options.clone() };
    let mut factors = elastic.lines.as_ref().map(Factors::new).transpose()?;
    if let Some(factors) = &mut factors {
        factors.give = Some(LINE_USD_PER_MWH * elastic.step_h());
    }
    let Some((plan, slack)) = settle(&elastic, &options, factors)? else {
        return Ok(found);
    };
    collect(&elastic, &plan, &mut found);
    for (branch, step, megawatts) in slack {
        found.push(Relief { step, lack: Lack::Line(branch), by_w: megawatts * MW });
    }
    found.retain(|item| item.by_w > ROUNDING_W);
    found.sort_by_key(|item| item.step);
    Ok(found)
}

fn collect(problem: &Problem, plan: &Plan, found: &mut Vec<Relief>) {
    for step in 0..problem.steps {
        for (lack, by_w) in [
            (Lack::Load, plan.shed_w[step]),
            (Lack::Surplus, plan.surplus_w[step]),
            (Lack::Reserve, plan.short_w[step]),
        ] {
            found.push(Relief { step, lack, by_w });
        }
    }
}
