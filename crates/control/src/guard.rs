//! The second look: every limit checked again from the raw observation, by other arithmetic; it only tightens.
//!
//! Written without the filters, models and budgets of `decide`, so that one mistake cannot hide in both. What it changes
//! enters the state: the next decision starts from what was really sent.
//!
//! Not modelled: an opinion on economics, ramps or restore.

use crate::contract::{
    BATTERIES, Condition, Config, Decision, HALLS, HallConfig, JobOrder, LimitKind, Observation, POIS,
};
use crate::state::{HISTORY, State};
use tieline_units::{Quality, Span, Time};

/// No campus meter shows more than this, W.
const ABSURD_W: f64 = 2e10;
/// A stamp further ahead of the tick than this comes from a clock that is wrong.
const AHEAD: Span = Span::millis(-100);
/// Ticks after which a battery command shows at the meter.
const SETTLED: usize = 4;
/// A source that allows so much sets no limit, W.
const NO_LIMIT_W: f64 = 1e12;
/// A job's word that its work is saved must be this young.
const TOLD_WITHIN: Span = Span::secs(10);

/// Checks and tightens a proposed decision; returns the one that goes out and, in place, makes it what the next one starts
/// from.
#[must_use]
pub fn guard(config: &Config, state: &mut State, seen: &Observation, proposed: &Decision) -> Decision {
    let mut sent = *proposed;
    finite_and_in_range(config, &mut sent);
    if !seen_by_any_meter(config, seen) {
        // Nothing to compare with: caps may not rise on blindness.
        for (index, hall) in config.halls.iter().enumerate() {
            sent.cap_w[index] = sent.cap_w[index].min(state.sent_cap_w[index].max(lowest_cap_w(hall)));
            sent.floor_w[index] = sent.floor_w[index].min(sent.cap_w[index]);
        }
    }
    pauses(config, state, seen, &mut sent);
    // Protection first: what an empty unit will not give must not count against the import.
    let asked_w = protect_units(config, seen, &mut sent);
    import(config, state, seen, &mut sent, asked_w);
    leases(config, &mut sent);
    if sent != *proposed {
        sent.reason.conditions |= Condition::GuardActed as u32;
        adopt(config, state, &sent);
    }
    state.sent_cap_w = sent.cap_w;
    state.sent_job = sent.job.map(|order| order as u8);
    sent
}

/// The operator's safe floor stands above every order (a cap below what the GPUs accept does not exist), W per GPU.
fn lowest_cap_w(hall: &HallConfig) -> f64 {
    if hall.operator_floor_w > hall.min_cap_w { hall.operator_floor_w } else { hall.min_cap_w }
}

/// No job is newly paused without evidence that its work is saved, but on an emergency order (I17).
fn pauses(config: &Config, state: &State, seen: &Observation, sent: &mut Decision) {
    let emergency = (0..config.limits.len())
        .any(|at| config.limits[at].kind == LimitKind::Emergency && state.held_limit_w[at] < NO_LIMIT_W);
    let now_s = seen.now.as_secs_f64();
    for (index, job) in config.jobs.iter().enumerate() {
        if sent.job[index] != JobOrder::Pause || state.sent_job[index] == JobOrder::Pause as u8 {
            continue;
        }
        let (saved_s, told) = (seen.job_saved_s.value[index], seen.now - seen.job_saved_s.taken_at[index]);
        let good = seen.job_saved_s.quality[index] == Quality::Good && told >= AHEAD && told <= TOLD_WITHIN;
        let saved = good && saved_s <= now_s && now_s - saved_s <= job.evidence_s;
        let floored = config
            .halls
            .iter()
            .any(|hall| usize::from(hall.job) == index && hall.gpus > 0.0 && hall.operator_floor_w > 0.0);
        if floored || !job.pausable {
            sent.job[index] = JobOrder::Run;
        } else if !saved && !emergency {
            sent.job[index] = JobOrder::Checkpoint;
        }
    }
    for order in &mut sent.job[config.jobs.len()..] {
        *order = JobOrder::Run;
    }
}

fn seen_by_any_meter(config: &Config, seen: &Observation) -> bool {
    (0..config.pois.len()).any(|poi| meter_w(config, seen, poi).is_some())
}

fn meter_w(config: &Config, seen: &Observation, poi: usize) -> Option<f64> {
    let value = seen.poi_import_w.value[poi];
    let age = seen.now - seen.poi_import_w.taken_at[poi];
    let fresh = age >= AHEAD && age <= config.stale.meter_lost;
    (seen.poi_import_w.quality[poi] == Quality::Good && fresh && value.abs() < ABSURD_W).then_some(value)
}

/// No hall and no turbine is ever told a value that it cannot do (I12, I13).
fn finite_and_in_range(config: &Config, sent: &mut Decision) {
    for (index, hall) in config.halls.iter().enumerate() {
        let cap_w = sent.cap_w[index];
        sent.cap_w[index] =
            if cap_w.is_finite() { cap_w.clamp(lowest_cap_w(hall), hall.max_cap_w) } else { hall.safe_cap_w };
        let floor_w = sent.floor_w[index];
        sent.floor_w[index] = if floor_w.is_finite() { floor_w.clamp(0.0, sent.cap_w[index]) } else { 0.0 };
    }
    for (index, turbine) in config.turbines.iter().enumerate() {
        let power_w = sent.turbine_w[index];
        sent.turbine_w[index] = if power_w.is_finite() { power_w.clamp(0.0, turbine.rated_w) } else { 0.0 };
    }
}

/// No battery unit is ever told a value that it cannot do (I13), and one at its lowest charge does not discharge, at its
/// highest does not charge (I3): protection stands above limits. Returns the sum of the set-points per point, W.
fn protect_units(config: &Config, seen: &Observation, sent: &mut Decision) -> [f64; POIS] {
    let mut sums_w = [0.0; POIS];
    let soc = seen.battery_soc.value.iter().zip(&seen.battery_soc.quality);
    for ((unit, power_w), (soc, quality)) in config.batteries.iter().zip(&mut sent.battery_w).zip(soc) {
        let able_w = if power_w.is_finite() { power_w.clamp(-unit.discharge_w, unit.charge_w) } else { 0.0 };
        let known = *quality == Quality::Good;
        let lowest_w = if known && *soc <= unit.soc_min { 0.0 } else { f64::NEG_INFINITY };
        let highest_w = if known && *soc >= unit.soc_max { 0.0 } else { f64::INFINITY };
        *power_w = able_w.max(lowest_w).min(highest_w);
        sums_w[usize::from(unit.poi)] += *power_w;
    }
    for power_w in &mut sent.battery_w[config.batteries.len()..] {
        *power_w = 0.0;
    }
    sums_w
}

/// Limit over a scope as the raw inputs say: configured and confirmed limits, and events that bind at `now`, W.
fn limit_w(config: &Config, state: &State, now: Time, poi: Option<usize>) -> f64 {
    let mut lowest_w = f64::INFINITY;
    for (index, limit) in config.limits.iter().enumerate() {
        if limit.poi.map(usize::from) == poi {
            lowest_w = lowest_w.min(state.held_limit_w[index]);
        }
    }
    for event in state.events.iter().filter(|event| event.id != 0) {
        let scope = (event.poi() != 255).then(|| usize::from(event.poi()));
        if scope == poi && event.start_ns <= now.as_nanos() && now.as_nanos() < event.end_ns {
            lowest_w = lowest_w.min(event.limit_w);
        }
    }
    match poi {
        Some(index) if config.pois[index].island => 0.0_f64.min(lowest_w),
        _ => lowest_w,
    }
}

/// Import expected once the proposed set-points act: what the meter shows, plus what the battery will change. That a tie is
/// said to be open sets no limit aside here: then its meter shows nothing, or the word is wrong.
fn import(config: &Config, state: &State, seen: &Observation, sent: &mut Decision, asked_w: [f64; POIS]) {
    let settled = (state.seq as usize + HISTORY - SETTLED) % HISTORY;
    let mut expected_w = [0.0; POIS];
    let mut known = true;
    let mut able_kw = None;
    for (poi, expected) in expected_w.iter_mut().enumerate().take(config.pois.len()) {
        let Some(import_w) = meter_w(config, seen, poi) else {
            known = false;
            continue;
        };
        *expected = import_w + asked_w[poi] - state.command_ring_w[poi][settled];
        if config.pois[poi].island {
            continue;
        }
        let over_w = *expected - limit_w(config, state, seen.now, Some(poi));
        if over_w > 0.0 {
            let able_kw = able_kw.get_or_insert_with(|| discharge_kw(config, seen));
            *expected -= tighten(config, state, able_kw, sent, over_w, |at| at == poi);
        }
    }
    let over_w = expected_w.iter().sum::<f64>() - limit_w(config, state, seen.now, None);
    if known && over_w > 0.0 {
        let able_kw = able_kw.get_or_insert_with(|| discharge_kw(config, seen));
        tighten(config, state, able_kw, sent, over_w, |poi| !config.pois[poi].island);
    }
}

/// What each unit says, freshly and in good quality, that it can discharge, kW; nothing at its lowest charge.
fn discharge_kw(config: &Config, seen: &Observation) -> [i64; BATTERIES] {
    let mut able_kw = [0; BATTERIES];
    let (soc, offered) = (&seen.battery_soc, &seen.battery_available_w);
    for (index, (unit, able_kw)) in config.batteries.iter().zip(&mut able_kw).enumerate() {
        let known = soc.quality[index] == Quality::Good && offered.quality[index] == Quality::Good;
        let age = seen.now - soc.taken_at[index];
        let fresh = age >= AHEAD && age <= config.stale.unit_lost;
        let offered_w = offered.value[index];
        if known && fresh && soc.value[index] > unit.soc_min + 0.01 && offered_w.is_finite() {
            *able_kw = (offered_w.clamp(0.0, unit.discharge_w) / 1e3) as i64;
        }
    }
    able_kw
}

fn unit_sums(config: &Config, sent: &Decision) -> [f64; POIS] {
    let mut sums_w = [0.0; POIS];
    for (unit, power_w) in config.batteries.iter().zip(sent.battery_w) {
        sums_w[usize::from(unit.poi)] += power_w;
    }
    sums_w
}

/// Stops charging, discharges more, and lets no cap rise, until `over_w` is covered; returns what the battery covers.
fn tighten(
    config: &Config,
    state: &State,
    able_kw: &[i64; BATTERIES],
    sent: &mut Decision,
    over_w: f64,
    inside: impl Fn(usize) -> bool,
) -> f64 {
    let mut left_kw = (over_w.min(ABSURD_W) / 1e3) as i64 + 1;
    let asked_kw = left_kw;
    for ((unit, able_kw), power_w) in config.batteries.iter().zip(able_kw).zip(&mut sent.battery_w) {
        if left_kw <= 0 {
            break;
        }
        if !inside(usize::from(unit.poi)) {
            continue;
        }
        let asked = (*power_w / 1e3) as i64;
        let lowest = (-able_kw).min(asked.min(0));
        let take = (asked - lowest).min(left_kw);
        *power_w -= take as f64 * 1e3;
        left_kw -= take;
    }
    for (index, hall) in config.halls.iter().enumerate().filter(|(_, hall)| inside(usize::from(hall.poi))) {
        debug_assert!(index < HALLS && hall.gpus >= 0.0);
        // `state` is the proposed one; a cap that is above the last sent one may not go out over a limit.
        sent.cap_w[index] = sent.cap_w[index].min(state.sent_cap_w[index].max(lowest_cap_w(hall)));
        // What only keeps power steady gives way first.
        sent.floor_w[index] = 0.0;
    }
    (asked_kw - left_kw) as f64 * 1e3
}

/// GPU leases lapse, jitter and ramp before the battery reverts.
fn leases(config: &Config, sent: &mut Decision) {
    let leases = &config.leases;
    let safe = sent.cap_until + leases.gpu_jitter + leases.gpu_ramp;
    if sent.battery_until <= safe {
        sent.cap_until = sent.battery_until - leases.gpu_jitter - leases.gpu_ramp;
    }
}

/// What was really sent becomes what the next decision starts from.
fn adopt(config: &Config, next: &mut State, sent: &Decision) {
    let newest = (next.seq as usize) % HISTORY;
    for index in 0..config.batteries.len() {
        next.battery_kw[index] = libm::round(sent.battery_w[index] / 1e3) as i32;
    }
    let sums_w = unit_sums(config, sent);
    for poi in 0..config.pois.len() {
        let before_w = next.command_ring_w[poi][newest];
        let after_w = sums_w[poi];
        next.command_ring_w[poi][newest] = after_w;
        next.target_w[poi] += after_w - before_w;
    }
    for (order, sent) in next.job_order.iter_mut().zip(sent.job) {
        *order = sent as u8;
    }
    for index in 0..config.halls.len() {
        next.cap_w[index] = sent.cap_w[index];
        next.floor_w[index] = sent.floor_w[index];
        next.limit_cap_w[index] = next.limit_cap_w[index].min(sent.cap_w[index]);
    }
}
