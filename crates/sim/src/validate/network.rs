//! Quantities of the network: the cost of a DC optimal power flow in both conventions, an AC power flow.
//!
//! Not modelled: anything but what each function says; the network's own functions are used.

use super::Given;
use super::quantities::Outcome;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::newton::{PowerFlow, Rules};
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

/// AC power flow without reactive limits: losses, W, lowest and highest voltage, and voltage (share of nominal) and angle
/// (degrees) at the buses that the case names by number.
pub(super) fn power_flow(given: &Given) -> Outcome {
    let network = given.network.as_ref().ok_or("the case names no network file")?;
    let rules = Rules { reactive_limits: false, ..Rules::default() };
    let solved = PowerFlow::new(network, None).and_then(|mut prepared| prepared.solve(network, &rules));
    let flow = solved.map_err(|why| why.to_string())?;
    let live: Vec<f64> = (0..flow.dead.len()).filter(|b| !flow.dead[*b]).map(|b| flow.voltage_share[b]).collect();
    let (mut voltage, mut angle) = (Vec::new(), Vec::new());
    for number in given.list("buses") {
        let bus = network.bus(*number as u64).ok_or_else(|| format!("there is no bus {number}"))?;
        voltage.push(flow.voltage_share[bus]);
        angle.push(flow.angle_rad[bus].to_degrees());
    }
    Ok(vec![
        vec![flow.losses_w],
        vec![live.iter().copied().fold(f64::INFINITY, f64::min)],
        vec![live.iter().copied().fold(f64::NEG_INFINITY, f64::max)],
        voltage,
        angle,
    ])
}
