//! Jobs that give their power back: asked for a checkpoint, paused once there is evidence of it, resumed by and by.
//!
//! Two reasons to pause: caps alone cannot reach a limit or an event (then just as many jobs as it takes, in the order of
//! shedding), or the plan says that the power of a job at its least cap is worth more elsewhere. A pause without evidence
//! of saved work happens on an emergency order alone (I17). A hall with an operator's safe floor keeps its job.
//!
//! Not modelled: resizing a job; evidence other than the job's own word.

use crate::caps::{self, Reach};
use crate::contract::{Condition, Config, JOBS, JobOrder, LimitKind, Observation, POIS, Plan};
use crate::limits::{Allowed, UNLIMITED_W};
use crate::sensing::usable;
use crate::state::State;
use tieline_units::{Span, Time};

/// Work reported saved must have been reported this recently.
const HEARD_WITHIN: Span = Span::secs(10);
/// A checkpoint is asked for so much before it is needed, as a multiple of its time, and so many seconds.
const CHECKPOINT_LEAD: (f64, f64) = (1.5, 30.0);

/// Whether a job's work is saved up to so recently that it may be paused.
pub(crate) fn is_saved(config: &Config, seen: &Observation, job: usize) -> bool {
    let saved_s = usable(&seen.job_saved_s, job, seen.now, HEARD_WITHIN);
    saved_s.is_some_and(|s| s <= seen.now.as_secs_f64() && s >= seen.now.as_secs_f64() - config.jobs[job].evidence_s)
}

/// Jobs that may be paused, one bit each.
pub(crate) fn pausable(config: &Config) -> u32 {
    let floored = |job: usize| {
        config.halls.iter().any(|hall| usize::from(hall.job) == job && hall.operator_floor_w > 0.0 && hall.gpus > 0.0)
    };
    (0..config.jobs.len())
        .filter(|job| config.jobs[*job].pausable && !floored(*job))
        .fold(0, |mask, job| mask | 1 << job)
}

/// Jobs that can be saved and paused within so many seconds.
pub(crate) fn pausable_within(config: &Config, seconds: f64) -> u32 {
    let mask = pausable(config);
    (0..config.jobs.len())
        .filter(|job| mask & (1 << job) != 0 && config.jobs[*job].checkpoint_s <= seconds)
        .fold(0, |mask, job| mask | 1 << job)
}

/// Jobs that are told to pause, one bit each.
pub(crate) fn paused(config: &Config, state: &State) -> u32 {
    (0..config.jobs.len())
        .filter(|job| state.job_order[*job] == JobOrder::Pause as u8)
        .fold(0, |mask, job| mask | 1 << job)
}

/// Jobs to pause so that the campus reaches every limit and event that is near, one bit each; and those among them that a
/// limit wants now, not only an event that is still to come.
fn needed(config: &Config, state: &State, seen: &Observation, reach: &Reach, ahead: &Allowed, may: u32) -> (u32, u32) {
    if may == 0 {
        return (0, 0);
    }
    let offered_w = crate::turbines::offered_w(config, seen);
    let mut mask = 0_u32;
    for scope in 0..=config.pois.len() {
        let (poi, limit_w) = if scope == config.pois.len() {
            (255, ahead.all_w)
        } else {
            (scope as u8, if config.pois[scope].island { 0.0 } else { ahead.poi_w[scope] })
        };
        mask = to_reach(config, state, reach, &offered_w, (poi, limit_w, f64::INFINITY), (mask, may));
    }
    let at_once = mask;
    for event in state.events.iter().filter(|event| event.id != 0) {
        let hold_s = (event.end_ns - event.start_ns) as f64 * 1e-9;
        let scope = (event.poi(), event.limit_w, hold_s);
        let chosen = to_reach(config, state, reach, &offered_w, scope, (mask, may)) & !mask;
        for job in (0..config.jobs.len()).filter(|job| chosen & (1 << job) != 0) {
            let lead_s = CHECKPOINT_LEAD.0 * config.jobs[job].checkpoint_s + CHECKPOINT_LEAD.1;
            if seen.now.as_nanos() as f64 * 1e-9 >= event.done_ns as f64 * 1e-9 - lead_s {
                mask |= 1 << job;
            }
        }
    }
    (mask, at_once)
}

/// Jobs whose turn has not come while one that is shed before them still saves its work, one bit each: evidence at hand is
/// no reason to rest a dearer job before a cheaper one (I5).
fn waiting(config: &Config, state: &State, wanted: u32) -> u32 {
    let (mut first, mut mask) = (0, 0);
    for hall in &state.shed_order[..config.halls.len()] {
        let job = usize::from(config.halls[usize::from(*hall)].job);
        if job < config.jobs.len() && wanted & (1 << job) != 0 && state.job_order[job] != JobOrder::Pause as u8 {
            first = if first == 0 { 1 << job } else { first };
            mask |= 1 << job;
        }
    }
    mask & !first
}

/// `already` and the jobs beyond it, among those that may, that have to pause to bring a scope under a limit that holds for `hold_s`.
fn to_reach(
    config: &Config,
    state: &State,
    reach: &Reach,
    offered_w: &[f64; POIS],
    (poi, limit_w, hold_s): (u8, f64, f64),
    (already, may): (u32, u32),
) -> u32 {
    let mut mask = already;
    let over = |mask: u32| reach.import_w(config, state, offered_w, (poi, hold_s), mask) > limit_w;
    if limit_w >= UNLIMITED_W || !over(mask) {
        return mask;
    }
    for hall in &state.shed_order[..config.halls.len()] {
        let job = usize::from(config.halls[usize::from(*hall)].job);
        if job >= config.jobs.len() || may & !mask & (1 << job) == 0 || !reach.helps(config, poi, job) {
            continue;
        }
        mask |= 1 << job;
        if !over(mask) {
            break;
        }
    }
    mask
}

/// Decides what each job is told; once a second, and at once in an emergency.
pub(crate) fn orders(
    config: &Config,
    plan: &Plan,
    state: &mut State,
    seen: &Observation,
    reach: &Reach,
    ahead: &Allowed,
) -> u32 {
    let now_ns = seen.now.as_nanos();
    let planned = |job: usize, paused: bool| {
        let lead = Span::from_secs_f64(CHECKPOINT_LEAD.0 * config.jobs[job].checkpoint_s + CHECKPOINT_LEAD.1);
        let bit = |at: Time| plan.slot_at(at).is_some_and(|slot| plan.pause[slot] & (1 << job) != 0);
        bit(seen.now) || (!paused && bit(seen.now + lead))
    };
    let may = pausable(config);
    let (needed, at_once) = needed(config, state, seen, reach, ahead, may);
    let emergency = ordered(config, state);
    let mut conditions = 0;
    let mut wanted_all = 0_u32;
    for job in (0..config.jobs.len().min(JOBS)).filter(|job| may & (1 << job) != 0) {
        let paused = state.job_order[job] == JobOrder::Pause as u8;
        wanted_all |= u32::from(needed & (1 << job) != 0 || planned(job, paused)) << job;
    }
    let waiting = waiting(config, state, wanted_all) & !at_once;
    for job in 0..config.jobs.len().min(JOBS) {
        let bit = 1_u32 << job;
        let (deep, wanted) = (needed & bit != 0, wanted_all & bit != 0);
        let saved = is_saved(config, seen, job) && waiting & bit == 0;
        let order = JobOrder::of(state.job_order[job]).unwrap_or_default();
        let rested = now_ns - state.job_since_ns[job] >= config.restore.hold_off.as_nanos();
        let next = match (order, wanted) {
            (JobOrder::Pause, true) => JobOrder::Pause,
            (JobOrder::Pause, false) if !rested => JobOrder::Pause,
            (_, false) => JobOrder::Run,
            (_, true) if saved => JobOrder::Pause,
            (_, true) if deep && emergency => {
                conditions |= Condition::PausedUnsaved as u32;
                JobOrder::Pause
            }
            (_, true) => JobOrder::Checkpoint,
        };
        if next != order {
            state.job_since_ns[job] = now_ns;
        }
        state.job_order[job] = next as u8;
        conditions |= match next {
            JobOrder::Run => 0,
            JobOrder::Checkpoint => Condition::CheckpointAsked as u32,
            JobOrder::Pause => Condition::JobPaused as u32,
        };
    }
    hold_down(config, state, seen.now);
    conditions
}

/// Whether an emergency order is in force.
pub(crate) fn ordered(config: &Config, state: &State) -> bool {
    let held = config.limits.iter().zip(state.held_limit_w);
    held.into_iter().any(|(limit, held_w)| limit.kind == LimitKind::Emergency && held_w < UNLIMITED_W)
}

/// A paused job's halls stay at their least cap, so that its load returns as slowly as any other when it resumes.
fn hold_down(config: &Config, state: &mut State, now: Time) {
    for (index, hall) in config.halls.iter().enumerate() {
        let job = usize::from(hall.job);
        if job < config.jobs.len() && state.job_order[job] == JobOrder::Pause as u8 {
            state.limit_cap_w[index] = state.limit_cap_w[index].min(caps::least_cap_w(config, index));
            state.last_cut_ns = now.as_nanos();
            state.restoring = 0;
        }
    }
}
