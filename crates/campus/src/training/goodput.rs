//! How much of a run's time ends up in kept work: failures, restarts, spares, checkpoints, stragglers, planned stops.
//!
//! Two answers that must agree: a closed form (Daly's complete model, extended to checkpoints that become durable
//! later) and an event-driven Monte Carlo. Failures are Poisson at a calendar rate, whether nodes work or wait. An elastic
//! job needs the state that its lost node held: it rolls back, or pays for a second holder.
//!
//! Not modelled: failures that come in groups (a switch, a power shelf), so never both holders of a state at once; infant
//! mortality, silent data corruption found late (it counts as an ordinary failure), checkpoints that fail, learning that
//! suffers from a smaller batch. Shares of elastic jobs are upper bounds for it.

mod staff;

use staff::{Luck, Repairs, Staff};
use tieline_units::{Draw, Estimate};

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// Bytes of a checkpoint per parameter: 16-bit weights 2, master copy 4, two moments 8. Common accounting, unconfirmed.
pub const CHECKPOINT_BYTES_PER_PARAMETER: f64 = 14.0;
/// Largest product of failure rate and time whose exponential is still meaningful.
const HOPELESS: f64 = 600.0;

/// Causes of the 419 unexpected interruptions of 54 days on 16,384 H100. measured: Llama 3, arXiv 2407.21783, Table 5
/// (its counts, not its percentages, which contradict them).
pub const CAUSES: [(&str, u32); 18] = [
    ("faulty GPU", 148),
    ("GPU memory (HBM3)", 72),
    ("software", 54),
    ("network switch or cable", 35),
    ("host maintenance, unplanned", 32),
    ("GPU SRAM", 19),
    ("GPU system processor", 17),
    ("network card", 7),
    ("watchdog of collectives", 7),
    ("silent data corruption", 6),
    ("GPU thermal interface", 6),
    ("SSD", 3),
    ("power supply", 3),
    ("chassis", 2),
    ("I/O expansion board", 2),
    ("dependency", 2),
    ("CPU", 2),
    ("host memory", 2),
];

/// How a job lives with failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Recovery {
    /// Everything stops, restarts from the last durable checkpoint and redoes what was lost.
    Restart,
    /// The replica that lost a node drops out; the others go on after a short stall. The replica comes back when a spare
    /// has been swapped in, or else when the node is repaired.
    Elastic {
        /// Replicas.
        replicas: f64,
        /// Stall of everybody after a failure: detection, regrouping, redoing the step, s.
        stall_s: f64,
        /// From failure until a spare has taken over, s.
        swap_s: f64,
        /// Where the state comes from that only the lost node held.
        lost: Lost,
    },
}

/// Where an elastic job finds the state that only the lost node held (its shard of the optimizer).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lost {
    /// Nowhere but in the last durable checkpoint: everybody rolls back to it and redoes what came after.
    RollBack {
        /// Reading it back, beyond the stall, s.
        load_s: f64,
    },
    /// With a second holder, whose copy is refreshed in every step. Both holders are never lost at once.
    HeldTwice {
        /// What refreshing costs, over the step without it.
        slowdown: f64,
    },
}

/// A job and what befalls it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hazard {
    /// GPUs at work.
    pub gpus: f64,
    /// GPUs of a node.
    pub gpus_per_node: f64,
    /// Failures per 1,000 node-days.
    pub per_1000_node_days: f64,
    /// From failure until the job runs again from its checkpoint (detection and restart), s.
    pub restart_s: f64,
    /// Hot spare nodes.
    pub spares: f64,
    /// Time until a failed node is back, s.
    pub repair_s: f64,
    /// Productive time between planned stops, s; infinite without them.
    pub planned_every_s: f64,
    /// Length of a planned stop with its restart, s.
    pub planned_stop_s: f64,
    /// Share of speed that the slowest GPUs cost, 0..1.
    pub stragglers: f64,
    /// How it lives with failures.
    pub recovery: Recovery,
}

/// How state is saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkpoint {
    /// Work between two checkpoints, s.
    pub every_s: f64,
    /// Stall of the job for each, s.
    pub stall_s: f64,
    /// From its beginning until it is durable, beyond the stall, s; zero when synchronous.
    pub durable_after_s: f64,
}

impl Checkpoint {
    /// A checkpoint that stalls the job while it is written.
    #[must_use]
    pub fn synchronous(every_s: f64, write_s: f64) -> Self {
        Self { every_s, stall_s: write_s, durable_after_s: 0.0 }
    }
    /// A checkpoint that stalls the job while it is copied, and is written beside the work.
    #[must_use]
    pub fn asynchronous(every_s: f64, copy_s: f64, write_s: f64) -> Self {
        Self { every_s, stall_s: copy_s, durable_after_s: write_s }
    }
}

impl Hazard {
    /// One GPU that never fails, with endless spares and no planned stops: what a literal starts from.
    pub const CALM: Self = Self {
        gpus: 1.0,
        gpus_per_node: 1.0,
        per_1000_node_days: 0.0,
        restart_s: 0.0,
        spares: f64::INFINITY,
        repair_s: 0.0,
        planned_every_s: f64::INFINITY,
        planned_stop_s: 0.0,
        stragglers: 0.0,
        recovery: Recovery::Restart,
    };

    /// Failures per second.
    #[must_use]
    pub fn failures_per_s(&self) -> f64 {
        self.gpus / self.gpus_per_node * self.per_1000_node_days / (1000.0 * DAY_S)
    }

    /// Mean time between failures, s.
    #[must_use]
    pub fn between_failures_s(&self) -> f64 {
        1.0 / self.failures_per_s()
    }

    /// Nodes in repair on average.
    fn in_repair(&self) -> f64 {
        self.failures_per_s() * self.repair_s
    }
}

/// Young's interval, s: sqrt(2 M C). Covered by V-TRAIN-50.
#[must_use]
pub fn young_s(between_failures_s: f64, stall_s: f64) -> f64 {
    libm::sqrt(2.0 * stall_s * between_failures_s)
}

/// Daly's interval of first order, s: sqrt(2 C (M + R)). Covered by V-TRAIN-50.
#[must_use]
pub fn daly_s(between_failures_s: f64, restart_s: f64, stall_s: f64) -> f64 {
    libm::sqrt(2.0 * stall_s * (between_failures_s + restart_s))
}

/// Daly's interval of higher order, s: sqrt(2 C M) (1 + sqrt(C / 2 M) / 3 + (C / 2 M) / 9) - C, and M from C = 2 M on. J. T. Daly,
/// Future Generation Computer Systems 22 (2006), equation 37. It does not depend on the restart: the restart delays, whatever
/// the interval. Held against the optimum of his complete model in this module's tests.
#[must_use]
pub fn daly_2006_s(between_failures_s: f64, stall_s: f64) -> f64 {
    if stall_s >= 2.0 * between_failures_s {
        return between_failures_s;
    }
    let part = stall_s / (2.0 * between_failures_s);
    young_s(between_failures_s, stall_s) * (1.0 + libm::sqrt(part) / 3.0 + part / 9.0) - stall_s
}

/// The interval of greatest availability after arXiv 2410.18124, s: C + sqrt(2 (M + R) C + C²). Covered by V-TRAIN-51.
#[must_use]
pub fn available_s(between_failures_s: f64, restart_s: f64, stall_s: f64) -> f64 {
    stall_s + libm::sqrt(2.0 * (between_failures_s + restart_s) * stall_s + stall_s * stall_s)
}

/// First-order effective share: 1 / [(1 + C / T)(1 + (T / 2 + R) / M)]. Covered by V-TRAIN-53.
#[must_use]
pub fn first_order(between_failures_s: f64, restart_s: f64, stall_s: f64, every_s: f64) -> f64 {
    1.0 / ((1.0 + stall_s / every_s) * (1.0 + (0.5 * every_s + restart_s) / between_failures_s))
}

/// Expected time per segment of work and its checkpoint, s, in the long run.
///
/// Synchronous: M e^(R/M) (e^((T + C)/M) - 1), Daly 2006. A checkpoint that is durable only D later costs one more segment
/// when a failure strikes before that: a two-state renewal argument, exact for D up to the segment's length.
fn segment_s(hazard: &Hazard, checkpoint: &Checkpoint) -> f64 {
    let rate = hazard.failures_per_s();
    let whole_s = checkpoint.every_s + checkpoint.stall_s;
    if rate <= 0.0 {
        return whole_s;
    }
    let late_s = checkpoint.durable_after_s.min(whole_s);
    if rate * (whole_s + late_s + hazard.restart_s) > HOPELESS {
        return f64::INFINITY;
    }
    let recover_s = libm::expm1(rate * hazard.restart_s) / rate;
    let fails_within = |span_s: f64| -libm::expm1(-rate * span_s);
    let again_s = (1.0 / rate + recover_s) * libm::expm1(rate * whole_s);
    let from = |span_s: f64| fails_within(span_s) * (1.0 / rate + recover_s + again_s);
    let late = fails_within(late_s);
    (late * (1.0 / rate + recover_s + again_s) + (1.0 - late) * from(whole_s - late_s)) / (1.0 - late)
}

/// Probability that at most `most` of a Poisson number with this mean come, and the mean of what exceeds `most`.
fn poisson_within(mean: f64, most: f64) -> (f64, f64) {
    let spread = 12.0 * libm::sqrt(mean) + 20.0;
    let (low, high) = (libm::floor((mean - spread).max(0.0)), libm::ceil(mean + spread));
    let (mut within, mut excess) = (0.0, 0.0);
    let mut k = low;
    while k <= high {
        let log = if mean > 0.0 { k * libm::log(mean) - mean - libm::lgamma(k + 1.0) } else { 0.0 };
        let share = if mean > 0.0 || k == 0.0 { libm::exp(log) } else { 0.0 };
        if k <= most {
            within += share;
        } else {
            excess += share * (k - most);
        }
        k += 1.0;
    }
    (within.min(1.0), excess)
}

/// Effective share of an elastic job that rolls back: over the ages u since the last failure, the work of segments that
/// are durable before the next failure, at the replicas at work.
///
/// Segment k works at ages R + k W to R + k W + T and is kept with probability e^(-r (R + (k + 1) W + D)); seen from the last
/// failure backwards, failures are Poisson, so 1 + r (S - u) replicas are being swapped at an age u < S. Exact for swaps;
/// nodes beyond the spares are taken at the mean age of kept work.
fn rolling_back_share(hazard: &Hazard, checkpoint: &Checkpoint, replicas: f64, recover_s: f64, swap_s: f64) -> f64 {
    let rate = hazard.failures_per_s();
    let whole_s = checkpoint.every_s + checkpoint.stall_s;
    if rate <= 0.0 {
        return checkpoint.every_s / whole_s;
    }
    let late_s = checkpoint.durable_after_s.min(whole_s);
    if rate * (whole_s + late_s + recover_s) > HOPELESS {
        return 0.0;
    }
    let grows = libm::expm1(rate * whole_s);
    let kept = libm::exp(-rate * (recover_s + late_s)) / grows;
    let (mut swapping_s, mut start_s) = (0.0, recover_s);
    while start_s < swap_s {
        let until_s = (start_s + checkpoint.every_s).min(swap_s);
        let (far, near) = (swap_s - start_s, swap_s - until_s);
        let missing_s = until_s - start_s + 0.5 * rate * (far * far - near * near);
        swapping_s += libm::exp(-rate * (start_s + whole_s + late_s)) * missing_s;
        start_s += whole_s;
    }
    let age_s = recover_s + 0.5 * checkpoint.every_s + whole_s / grows;
    let last = if age_s < hazard.repair_s { 1.0 } else { 0.0 };
    let (_, lacking) = poisson_within(rate * (hazard.repair_s - age_s).max(0.0), hazard.spares - last);
    (rate * (kept * checkpoint.every_s * (1.0 - lacking / replicas) - swapping_s / replicas)).max(0.0)
}

/// Share of time that ends up in kept work at full speed: the closed form.
///
/// Restarting: segment over its expected time, times the share of time in which no more nodes are in repair than there
/// are spares (their number is Poisson). Elastic with a second holder: no failure in the last stall, times the replicas at
/// work, less what the second holder costs. Elastic without: see `rolling_back_share`.
#[must_use]
pub fn effective_share(hazard: &Hazard, checkpoint: &Checkpoint) -> f64 {
    let speed = 1.0 - hazard.stragglers;
    let rate = hazard.failures_per_s();
    let (within, _) = poisson_within(hazard.in_repair(), hazard.spares);
    let share = match hazard.recovery {
        Recovery::Restart => checkpoint.every_s / segment_s(hazard, checkpoint) * within,
        Recovery::Elastic { replicas, stall_s, swap_s, lost: Lost::RollBack { load_s } } => {
            rolling_back_share(hazard, checkpoint, replicas, stall_s + load_s, swap_s)
        }
        Recovery::Elastic { replicas, stall_s, swap_s, lost: Lost::HeldTwice { slowdown } } => {
            // Given that nothing failed within the last stall, only older failures are still being swapped or repaired.
            let swapping = rate * (swap_s - stall_s).max(0.0);
            let (_, without) = poisson_within(rate * (hazard.repair_s - stall_s).max(0.0), hazard.spares);
            let saving = checkpoint.every_s / (checkpoint.every_s + checkpoint.stall_s) / (1.0 + slowdown);
            saving * libm::exp(-rate * stall_s) * (1.0 - (swapping + without) / replicas).max(0.0)
        }
    };
    let stops = hazard.planned_stop_s / hazard.planned_every_s;
    speed * share / (1.0 + if stops.is_finite() { stops } else { 0.0 } * share)
}

/// The interval with the greatest effective share, s, by golden section over the closed form.
#[must_use]
pub fn best_interval_s(hazard: &Hazard, checkpoint: &Checkpoint) -> f64 {
    let share = |log_s: f64| effective_share(hazard, &Checkpoint { every_s: libm::exp(log_s), ..*checkpoint });
    let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
    let least_s = (checkpoint.durable_after_s - checkpoint.stall_s).max(1.0);
    let (mut low, mut high) = (libm::log(least_s), libm::log(least_s.max(30.0 * DAY_S)));
    for _ in 0..80 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if share(a) >= share(b) { high = b } else { low = a }
    }
    libm::exp(0.5 * (low + high))
}

/// One simulated run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Time until the work was done, s.
    pub time_s: f64,
    /// Failures in that time.
    pub failures: u64,
}

/// A moment of a simulated run: time, work kept and alive, both in s; whether a failure struck there.
pub type Mark = (f64, f64, bool);

/// Simulates one run of `work_s` seconds of full-speed work; `mark` sees every failure (pass a closure that does nothing).
#[must_use]
pub fn simulate(
    hazard: &Hazard,
    checkpoint: &Checkpoint,
    work_s: f64,
    draw: &Draw,
    mark: &mut impl FnMut(Mark),
) -> Run {
    let work_s = work_s / (1.0 - hazard.stragglers);
    let run = match hazard.recovery {
        Recovery::Restart => restarting(hazard, checkpoint, work_s, draw, mark),
        Recovery::Elastic { replicas, stall_s, swap_s, lost: Lost::RollBack { load_s } } => {
            let staff = Staff::new(hazard, replicas, swap_s, draw);
            rolling_back(hazard, checkpoint, staff, stall_s + load_s, work_s, draw, mark)
        }
        Recovery::Elastic { replicas, stall_s, swap_s, lost: Lost::HeldTwice { slowdown } } => {
            let work_s = work_s * (1.0 + checkpoint.stall_s / checkpoint.every_s) * (1.0 + slowdown);
            elastic(hazard, Staff::new(hazard, replicas, swap_s, draw), stall_s, work_s, draw, mark)
        }
    };
    let stops = work_s / hazard.planned_every_s * hazard.planned_stop_s;
    Run { time_s: run.time_s + if stops.is_finite() { stops } else { 0.0 }, ..run }
}

/// Segments that a run of this much work has: at least one, whole ones.
fn segments(work_s: f64, checkpoint: &Checkpoint) -> f64 {
    libm::round(work_s / checkpoint.every_s).max(1.0)
}

fn restarting(hazard: &Hazard, checkpoint: &Checkpoint, work_s: f64, draw: &Draw, mark: &mut impl FnMut(Mark)) -> Run {
    let mut luck = Luck::new(draw, hazard.between_failures_s());
    let mut repairs = Repairs::new(hazard, draw);
    let counted = hazard.spares.is_finite();
    // Whole segments, as near to the interval as the work allows: all of the work is done, not a rounded part of it.
    let wanted = segments(work_s, checkpoint);
    let each_s = work_s / wanted;
    let whole_s = each_s + checkpoint.stall_s;
    let late_s = checkpoint.durable_after_s.min(whole_s);
    let (mut at_s, mut durable, mut failures) = (0.0, 0.0, 0);
    let mut next_s = luck.next_s();
    if counted {
        wait_for_spares(hazard, &mut repairs, &mut at_s, &mut next_s, &mut luck, &mut failures);
    }
    loop {
        let ran_s = next_s - at_s;
        let done_s = (wanted - durable) * whole_s;
        if ran_s >= done_s {
            return Run { time_s: at_s + done_s, failures };
        }
        mark((next_s, (durable + ran_s / whole_s) * each_s, true));
        durable += libm::floor((ran_s - late_s) / whole_s).max(0.0);
        at_s = next_s;
        // Recovery; another failure within it begins it anew.
        loop {
            failures += 1;
            next_s = at_s + luck.next_s();
            if counted {
                repairs.fail(at_s);
                wait_for_spares(hazard, &mut repairs, &mut at_s, &mut next_s, &mut luck, &mut failures);
            }
            if next_s >= at_s + hazard.restart_s {
                break;
            }
            at_s = next_s;
        }
        at_s += hazard.restart_s;
        mark((at_s, durable * each_s, false));
    }
}

/// Waits until no more nodes are in repair than there are spares; nodes go on failing meanwhile.
fn wait_for_spares(
    hazard: &Hazard,
    repairs: &mut Repairs,
    at_s: &mut f64,
    next_s: &mut f64,
    luck: &mut Luck<'_>,
    failures: &mut u64,
) {
    while repairs.at(*at_s) > hazard.spares {
        let back_s = repairs.next_s();
        if *next_s < back_s {
            *at_s = *next_s;
            repairs.fail(*at_s);
            *failures += 1;
            *next_s = *at_s + luck.next_s();
        } else {
            *at_s = back_s;
        }
    }
}

/// A run whose lost state is held twice: nothing is done again beyond the stall.
fn elastic(
    hazard: &Hazard,
    mut staff: Staff,
    stall_s: f64,
    work_s: f64,
    draw: &Draw,
    mark: &mut impl FnMut(Mark),
) -> Run {
    let mut luck = Luck::new(draw, hazard.between_failures_s());
    let (mut at_s, mut done_s, mut failures) = (0.0_f64, 0.0, 0);
    let mut next_s = luck.next_s();
    loop {
        match staff.work(at_s, next_s, work_s - done_s) {
            Ok(more_s) => done_s += more_s,
            Err(time_s) => return Run { time_s, failures },
        }
        at_s = next_s;
        // A failure stalls everybody; another one within the stall begins it anew.
        while at_s >= next_s {
            mark((next_s, done_s, true));
            failures += 1;
            staff.fail(next_s);
            at_s = next_s + stall_s;
            next_s += luck.next_s();
            at_s = at_s.min(next_s);
        }
    }
}

/// A run whose survivors roll back to the last durable checkpoint; checkpoints come by the clock.
fn rolling_back(
    hazard: &Hazard,
    checkpoint: &Checkpoint,
    mut staff: Staff,
    recover_s: f64,
    work_s: f64,
    draw: &Draw,
    mark: &mut impl FnMut(Mark),
) -> Run {
    let mut luck = Luck::new(draw, hazard.between_failures_s());
    let whole_s = checkpoint.every_s + checkpoint.stall_s;
    let late_s = checkpoint.durable_after_s.min(whole_s);
    let (mut at_s, mut kept_s, mut failures) = (0.0_f64, 0.0, 0);
    let mut next_s = luck.next_s();
    loop {
        // The last complete segment waits to become durable; that of before it is, since `late_s` is no longer than a segment.
        let (mut start_s, mut pending_s) = (at_s, 0.0);
        loop {
            // Nothing changes until the next failure or return: many segments at once.
            let (speed, until_s) = staff.speed(start_s);
            let each_s = speed * checkpoint.every_s;
            if each_s > 0.0 {
                let left = (work_s - kept_s - pending_s) / each_s;
                let many = libm::floor(((until_s.min(next_s) - start_s) / whole_s).min(left) - 1.0);
                if many > 1.0 {
                    kept_s += pending_s + (many - 1.0) * each_s;
                    pending_s = each_s;
                    start_s += many * whole_s;
                }
            }
            let end_s = (start_s + checkpoint.every_s).min(next_s);
            let done_s = match staff.work(start_s, end_s, work_s - kept_s - pending_s) {
                Ok(done_s) => done_s,
                Err(time_s) => return Run { time_s, failures },
            };
            if start_s + whole_s > next_s {
                mark((next_s, kept_s + pending_s + done_s, true));
                break;
            }
            kept_s += pending_s;
            pending_s = done_s;
            start_s += whole_s;
        }
        if start_s + late_s <= next_s {
            kept_s += pending_s;
        }
        at_s = next_s;
        // Recovery; another failure within it begins it anew.
        loop {
            failures += 1;
            staff.fail(at_s);
            next_s = at_s + luck.next_s();
            if next_s >= at_s + recover_s {
                break;
            }
            at_s = next_s;
        }
        at_s += recover_s;
        mark((at_s, kept_s, false));
    }
}

/// Times of many runs, s: the samples `first..last` of a seed. A pure function of its arguments, so that callers may
/// cut the range over threads.
#[must_use]
pub fn times_s(
    hazard: &Hazard,
    checkpoint: &Checkpoint,
    work_s: f64,
    seed: u64,
    samples: core::ops::Range<u32>,
) -> Vec<f64> {
    samples.map(|sample| simulate(hazard, checkpoint, work_s, &Draw::new(seed, sample), &mut |_| {}).time_s).collect()
}

/// Effective share from simulated times, with its standard error: work over mean time (delta method).
#[must_use]
pub fn effective_of(work_s: f64, times_s: &[f64]) -> Option<Estimate> {
    let mean = Estimate::of(times_s)?;
    let value = work_s / mean.value;
    Some(Estimate { value, standard_error: value * mean.standard_error / mean.value, ..mean })
}

#[cfg(test)]
mod tests;
