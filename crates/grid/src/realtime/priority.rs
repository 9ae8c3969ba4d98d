//! Which units run, by a priority list: the cheapest at full output first, until they cover load and reserve.
//!
//! The oldest method of commitment (Happ, Johnson and Wright, 1971, describe it as practice), here for days that bring
//! no commitment of their own. Gaps shorter than a unit's least time off are filled, runs shorter than its least time on
//! drawn out.
//!
//! Not modelled: start-up cost, ramps, the network, least cost: unit commitment decides better.

use crate::network::Network;
use crate::network::optimum::cost_usd_per_h;

/// What the list knows of a unit beyond the network; one entry per generator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Whether the list decides about it.
    pub listed: bool,
    /// Least hours on.
    pub up: usize,
    /// Least hours off.
    pub down: usize,
}

/// Whether each generator runs, for every hour: `hour * units + unit`. Units that are not listed run if in service.
///
/// `need_w` is the load less what unlisted units give, `reserve_w` what is to be left above it.
#[must_use]
pub fn commit(network: &Network, times: &[Times], need_w: &[f64], reserve_w: &[f64]) -> Vec<bool> {
    let units = times.len();
    let g = &network.generators;
    let average = |unit: usize| {
        let mut alone = vec![0.0; units];
        alone[unit] = g.most_w[unit];
        // Cost of this unit at full output, less what the others cost at none.
        let idle = cost_usd_per_h(network, &vec![0.0; units]);
        (cost_usd_per_h(network, &alone) - idle) / g.most_w[unit].max(1.0)
    };
    let mut order: Vec<(f64, usize)> =
        (0..units).filter(|u| times[*u].listed && network.runs(*u)).map(|u| (average(u), u)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let hours = need_w.len();
    let mut on = vec![false; hours * units];
    for hour in 0..hours {
        let (mut most_w, mut least_w) = (0.0, 0.0);
        for unit in (0..units).filter(|u| !times[*u].listed && network.runs(*u)) {
            on[hour * units + unit] = true;
        }
        for (_, unit) in &order {
            if most_w >= need_w[hour] + reserve_w[hour] {
                break;
            }
            // A unit whose least output finds no taker stays off.
            if least_w + g.least_w[*unit] <= need_w[hour].max(0.0) {
                on[hour * units + unit] = true;
                most_w += g.most_w[*unit];
                least_w += g.least_w[*unit];
            }
        }
    }
    for (_, unit) in &order {
        let mut runs: Vec<bool> = (0..hours).map(|hour| on[hour * units + unit]).collect();
        fill(&mut runs, false, times[*unit].down);
        fill(&mut runs, true, times[*unit].up);
        for (hour, runs) in runs.into_iter().enumerate() {
            on[hour * units + unit] = runs;
        }
    }
    on
}

/// Turns on what is needed for no stretch of `state` inside the horizon to be shorter than `least`.
fn fill(runs: &mut [bool], state: bool, least: usize) {
    let mut begin = 0;
    while begin < runs.len() {
        let end = begin + runs[begin..].iter().take_while(|on| **on == runs[begin]).count();
        // What touches an end of the horizon may go on beyond it.
        if runs[begin] == state && begin > 0 && end < runs.len() && end - begin < least {
            let until = if state { (begin + least).min(runs.len()) } else { end };
            runs[begin..until].fill(true);
            begin = if state { until } else { end };
        } else {
            begin = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_gaps_are_filled_and_short_runs_drawn_out() {
        let mut runs = [true, false, true, true, false, false, false, false, true, false];
        fill(&mut runs, false, 3);
        assert_eq!(runs, [true, true, true, true, false, false, false, false, true, false]);
        let mut runs = [false, true, false, false, false];
        fill(&mut runs, true, 3);
        assert_eq!(runs, [false, true, true, true, false]);
    }
}
