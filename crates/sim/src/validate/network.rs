//! Quantities of the network: the cost of a DC optimal power flow in both conventions.
//!
//! Not modelled: anything but what each function says; the network's own functions are used.

use super::Given;
use super::quantities::Outcome;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::optimum::{self, Outcome as Answer};

/// Least cost of an hour, $: first `pm`, then `mp`.
pub(super) fn dc_opf(given: &Given) -> Outcome {
    let network = given.network.as_ref().ok_or("the case names no network file")?;
    [Convention::Pm, Convention::Mp]
        .into_iter()
        .map(|convention| match optimum::solve(network, convention) {
            Ok(Answer::Solved(found)) => Ok(vec![found.usd_per_h]),
            Ok(Answer::Infeasible(relief)) => Err(format!("no answer; {} limits would have to give", relief.len())),
            Err(why) => Err(why.to_string()),
        })
        .collect()
}
