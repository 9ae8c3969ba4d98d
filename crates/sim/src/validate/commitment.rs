//! Quantities of unit commitment: the cost of the best schedule, and its bound.
//!
//! Not modelled: LP relaxations of formulations that are not ours.

use super::Given;
use super::quantities::Outcome;
use tieline_grid::commitment::{self, Options, Outcome as Answer, Problem};

fn problem(given: &Given) -> Result<Problem, String> {
    let mut problem = given.commitment.as_deref().cloned().ok_or("the case names no unit-commitment file")?;
    if given.one("slack")? == 0.0 {
        problem.mismatch_usd_per_j = None;
        problem.reserve.short_usd_per_j = None;
    }
    Ok(problem)
}

/// Cost of our linear relaxation, $.
pub(super) fn relaxed(given: &Given) -> Outcome {
    Ok(vec![vec![commitment::relaxed_usd(&problem(given)?)?]])
}

/// Least cost of a case and the bound below it, $; `slack` 0 forbids load, reserve and supply to miss each other.
pub(super) fn cost(given: &Given) -> Outcome {
    let problem = problem(given)?;
    let options = Options { gap: given.one("gap")?, ..Options::default() };
    match commitment::solve(&problem, &options)? {
        Answer::Solved(plan) => {
            let broken = plan.violations(&problem);
            if !broken.is_empty() {
                return Err(broken.join("; "));
            }
            Ok(vec![vec![plan.usd()], vec![plan.bound_usd]])
        }
        Answer::Infeasible(relief) => Err(format!("no schedule; {} things would have to give", relief.len())),
    }
}
