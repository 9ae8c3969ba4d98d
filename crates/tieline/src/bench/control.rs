//! Speed of the controller on the largest campus that it is built for.
//!
//! Not modelled: cold caches; in the field ten ticks a second leave the caches to others.

use super::{Figure, worst_case};
use crate::machine::Machine;
use std::hint::black_box;
use std::time::Instant;
use tieline_control::{Config, Decision, Observation, Outlook, Plan, State, decide, guard, plan};
use tieline_units::{Draw, Time};

const TICKS: u64 = 120_000;
const PLANS: u64 = 4_000;

/// One tick: decide and guard, p99 over 120,000 ticks whose observations move.
pub fn decide_guard(machine: &Machine) -> Vec<Figure> {
    let config = worst_case::config();
    let draw = Draw::new(1, 0);
    let table = plan(&config, &worst_case::outlook(&draw, 0), &State::new(Time::ZERO, 1));
    let mut state = State::new(Time::ZERO, 1);
    let mut spans_ns = Vec::with_capacity(TICKS as usize);
    for tick in 0..TICKS {
        let seen = worst_case::observation(&config, &draw, tick);
        let start = Instant::now();
        one_tick(&config, &table, &mut state, black_box(&seen));
        spans_ns.push(start.elapsed().as_nanos() as f64);
    }
    let (median, p99) = (quantile(&mut spans_ns, 0.5), quantile(&mut spans_ns, 0.99));
    let note = format!(
        "p99 over {TICKS} ticks, median {median:.0} ns; {} halls, {} turbines, {} batteries, {} points, {} limits",
        config.halls.len(),
        config.turbines.len(),
        config.batteries.len(),
        config.pois.len(),
        config.limits.len()
    );
    // Every tick reads a state, an observation and a plan and writes a state and two decisions.
    let bytes = 2 * size_of::<State>() + size_of::<Observation>() + size_of::<Plan>() + 2 * size_of::<Decision>();
    let limit = bytes as f64 / machine.memory_gb_per_s;
    vec![Figure::lower("control.decide_guard", p99, "ns", 20_000.0, note).with_limit(limit)]
}

fn one_tick(config: &Config, table: &Plan, state: &mut State, seen: &Observation) {
    let proposed = decide(config, table, state, seen);
    black_box(guard(config, state, seen, &proposed));
}

/// One plan over 288 slots, p99.
pub fn plan_table(machine: &Machine) -> Vec<Figure> {
    let config = worst_case::config();
    let draw = Draw::new(2, 0);
    let state = State::new(Time::ZERO, 1);
    let mut spans_ns = Vec::with_capacity(PLANS as usize);
    for revision in 0..PLANS {
        let outlook = worst_case::outlook(&draw, revision);
        let start = Instant::now();
        black_box(plan(&config, black_box(&outlook), &state));
        spans_ns.push(start.elapsed().as_nanos() as f64);
    }
    let (median, p99) = (quantile(&mut spans_ns, 0.5), quantile(&mut spans_ns, 0.99));
    let bytes = size_of::<Outlook>() + size_of::<Plan>() + size_of::<State>();
    let note = format!("p99 over {PLANS} plans of 288 slots, median {median:.0} ns");
    vec![Figure::lower("control.plan", p99, "ns", 100_000.0, note).with_limit(bytes as f64 / machine.memory_gb_per_s)]
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}
