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
        keep(&mut runs, times[*unit].up, times[*unit].down);
        for (hour, runs) in runs.into_iter().enumerate() {
            on[hour * units + unit] = runs;
        }
    }
    on
}

/// Turns on what is needed for no gap or run inside the horizon to be shorter than its least: a run that was drawn out
/// may leave a short gap, and a gap that was filled may end a short run, so both go on until nothing changes. Hours are
/// only ever turned on, so that comes to an end.
fn keep(runs: &mut [bool], up: usize, down: usize) {
    loop {
        let filled = fill(runs, false, down);
        if !fill(runs, true, up) && !filled {
            return;
        }
    }
}

/// Turns on what is needed for no stretch of `state` inside the horizon to be shorter than `least`; whether any was.
fn fill(runs: &mut [bool], state: bool, least: usize) -> bool {
    let (mut begin, mut changed) = (0, false);
    let end_of =
        |runs: &[bool], begin: usize| begin + runs[begin..].iter().take_while(|on| **on == runs[begin]).count();
    while begin < runs.len() {
        let end = end_of(runs, begin);
        // What touches an end of the horizon may go on beyond it.
        if runs[begin] == state && begin > 0 && end < runs.len() && end - begin < least {
            let until = if state { (begin + least).min(runs.len()) } else { end };
            runs[begin..until].fill(true);
            changed = true;
        }
        // What was turned on may have joined what follows.
        begin = end_of(runs, begin);
    }
    changed
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

    #[test]
    fn a_run_drawn_out_leaves_no_short_gap() {
        let on = |text: &str| text.bytes().map(|letter| letter == b'T').collect::<Vec<bool>>();
        let mut runs = on("FTFFFFTT");
        keep(&mut runs, 3, 4);
        assert_eq!(runs, on("FTTTTTTT"));
        // A run that was drawn out into the next is one run.
        let mut runs = on("FTFFTFFFFFFF");
        keep(&mut runs, 3, 1);
        assert_eq!(runs, on("FTTTTFFFFFFF"));
    }

    /// Every pattern of ten hours: nothing is turned off, and no gap or run inside is too short.
    #[test]
    fn no_stretch_inside_the_horizon_is_too_short() {
        for pattern in 0..1024_u32 {
            let first: Vec<bool> = (0..10).map(|hour| pattern >> hour & 1 == 1).collect();
            for (up, down) in [(1, 1), (3, 4), (4, 3), (2, 5), (5, 2)] {
                let mut runs = first.clone();
                keep(&mut runs, up, down);
                assert!(first.iter().zip(&runs).all(|(before, after)| *after || !*before));
                let mut begin = 0;
                for hour in 1..=10 {
                    if hour < 10 && runs[hour] == runs[begin] {
                        continue;
                    }
                    let least = if runs[begin] { up } else { down };
                    let inside = begin > 0 && hour < 10;
                    assert!(!inside || hour - begin >= least, "{first:?} up {up} down {down}: {runs:?}");
                    begin = hour;
                }
            }
        }
    }
}
