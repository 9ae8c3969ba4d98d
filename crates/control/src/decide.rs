//! One decision: every duty in the order of precedence, once per tick.
//!
//! Equipment protection > safe floor > emergency order > voltage freeze (at most 10 s) > import limit > ramp > reserve >
//! economics. A lower duty that gives way is recorded with by how much. Battery and emergencies are decided on every
//! tick, the economic split (caps, turbines) on every tenth.
//!
//! Not modelled: resizing of jobs; a limit on reactive power.

use crate::caps::{self, Mode};
use crate::contract::{
    Binding, Condition, Config, Decision, Duty, Event, HALLS, JobOrder, Ledger, Observation, POIS, Plan, Reason,
    TURBINES,
};
use crate::ledger;
use crate::limits::{self, Allowed};
use crate::ramp::ramp;
use crate::sensing::{self, Sensed};
use crate::smoothing::{self, Swing};
use crate::state::{HISTORY, State};
use crate::{jobs, schedule, turbines};
use tieline_units::{Span, Time};

/// Caps and turbines look this far ahead of a falling limit, so that slow means lead.
const LEAD: Span = Span::secs(3);

/// Feeders report once a second; what they have not confirmed after this is not so.
const CONFIRMED_WITHIN: Span = Span::millis(1_500);

/// Decides: what each device is told, why, and until when; moves the state by a tick, in place. Pure and total: the same
/// state, plan and observation give the same decision and the same next state, to the bit.
#[must_use]
pub fn decide(config: &Config, plan: &Plan, next: &mut State, seen: &Observation) -> Decision {
    next.first = u64::from(next.started == 0);
    if next.first == 1 {
        next.start(config, seen);
        next.utc_offset_ns = seen.utc_ns - seen.now.as_nanos();
    }
    next.now_ns = seen.now.as_nanos();
    next.seq += 1;
    let economic = next.first == 1 || (next.seq - 1).is_multiple_of(u64::from(config.economics_every.max(1)));
    let mut reason = Reason::default();

    let sensed = sensing::sense(config, next, seen);
    reason.conditions |= sensed.conditions | clock_step(next, seen);
    if economic {
        ledger::take_stock(config, next, seen);
    }
    let stock = ledger::ledger(config, next, seen);
    reason.conditions |= limits::listen(config, next, seen);
    let least = |state: &State, event: &Event| {
        let hold_s = (event.end - event.start).as_secs_f64();
        let left_s = config.completion_share * (event.start - seen.now).as_secs_f64();
        let pausing = jobs::pausable_within(config, left_s) | jobs::paused(config, state);
        let reach = caps::Reach::of(config, state, &sensed);
        reach.import_w(config, state, &turbines::offered_w(config, seen), (event.poi, hold_s), pausing)
    };
    reason.conditions |= limits::remember(config, next, seen, &sensed.import_w, &least);
    limits::account(config, next, seen.now, &sensed.import_w);
    schedule::account(config, plan, next, seen.now, &sensed.import_w);
    let now_allowed = limits::allowed(config, next, seen.now);
    let ahead = limits::allowed(config, next, seen.now + LEAD);
    if next.first == 1 {
        next.target_w = sensed.import_w;
    }
    if economic {
        recentre(config, plan, next, seen, &now_allowed);
    }

    let wanted = targets(config, plan, next, &sensed, &now_allowed, &stock, &mut reason);
    let short_w = battery(config, next, &sensed, &stock, &wanted, &now_allowed, &mut reason);
    load(config, plan, next, seen, &sensed, &ahead, &stock, economic, short_w, &mut reason);
    write(config, next, seen, &now_allowed, stock, reason)
}

/// UTC may only drift: a step of more than a second is noticed and event times keep their monotonic instants.
fn clock_step(next: &mut State, seen: &Observation) -> u32 {
    let offset_ns = seen.utc_ns - seen.now.as_nanos();
    let stepped = (offset_ns - next.utc_offset_ns).abs() > 1_000_000_000;
    if stepped { Condition::ClockStepped as u32 } else { 0 }
}

/// Slow recentring of the state of charge: P = clip((SoC* - SoC) E / tau, ± share of rating), suspended while anything
/// finite binds, its own change an order below the ramp limit.
fn recentre(config: &Config, plan: &Plan, next: &mut State, seen: &Observation, allowed: &Allowed) {
    let planned = plan.slot_at(seen.now).map(|slot| f64::from(plan.target_soc[slot]));
    let target = planned.filter(|soc| soc.is_finite()).unwrap_or(config.reserve.target_soc);
    let step_s = config.tick.as_secs_f64() * f64::from(config.economics_every);
    let event =
        |index: usize| matches!(if index < POIS { allowed.poi_by[index] } else { allowed.all_by }, Binding::Event(_));
    let (mut rated_w, mut want_j) = ([0.0; POIS], [0.0; POIS]);
    for unit in &config.batteries {
        let poi = usize::from(unit.poi);
        rated_w[poi] += unit.discharge_w;
        want_j[poi] += (target.clamp(unit.soc_min, unit.soc_max) - unit.soc_min) * unit.energy_j * unit.efficiency;
    }
    for (index, poi) in config.pois.iter().enumerate() {
        let most_w = config.reserve.recentre_share * rated_w[index];
        let idle = event(index) || event(POIS) || next.island(index);
        let want_w = if idle {
            0.0
        } else {
            ((want_j[index] - next.stored_j[index]) / config.reserve.recentre_s).clamp(-most_w, most_w)
        };
        let pace_w = 0.1 * poi.ramp_up_w_per_s * step_s;
        next.recentre_w[index] = ramp(next.recentre_w[index], want_w, pace_w, pace_w, 1.0);
    }
}

/// What the targets are before the battery's own limits: per point, W.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    target_w: [f64; POIS],
    /// Whether a limit (not only the ramp) set the target: then every means may be used.
    limited: [bool; POIS],
}

/// Target import: the load plus recentring, held to the ramp, held under every limit; a limit stands above the ramp.
fn targets(
    config: &Config,
    plan: &Plan,
    next: &State,
    sensed: &Sensed,
    allowed: &Allowed,
    stock: &Ledger,
    reason: &mut Reason,
) -> Wanted {
    let tick_s = config.tick.as_secs_f64();
    let mut desired = [0.0; POIS];
    for index in 0..config.pois.len() {
        let swings = !sensed.lost[index] && smoothing::swing(next, index) != Swing::Still;
        let settled_w = if swings { next.swing_mean_w[index] } else { next.net_w[index] };
        desired[index] = settled_w + next.recentre_w[index];
    }
    let correction = schedule::correction_w(config, plan, next, stock, next.now(), &desired);
    let mut wanted = Wanted { target_w: [0.0; POIS], limited: [false; POIS] };
    let mut margin_all_w = 0.0;
    for (index, poi) in config.pois.iter().enumerate() {
        let desired_w = desired[index] + correction[index];
        let mut target_w = ramp(next.target_w[index], desired_w, poi.ramp_up_w_per_s, poi.ramp_down_w_per_s, tick_s);
        if (target_w - desired_w).abs() > poi.margin_w {
            reason.binding[index] = Binding::Ramp;
        }
        let ceiling_w = if next.island(index) { 0.0 } else { allowed.poi_w[index] - poi.margin_w };
        margin_all_w += poi.margin_w;
        if target_w > ceiling_w {
            let ramp_floor_w = next.target_w[index] - poi.ramp_down_w_per_s * tick_s;
            reason.gave_way_w[Duty::Ramp as usize] += (ramp_floor_w - ceiling_w).max(0.0);
            target_w = ceiling_w;
            wanted.limited[index] = true;
            reason.binding[index] = allowed.poi_by[index];
        }
        if next.island(index) {
            target_w = 0.0;
            wanted.limited[index] = true;
            reason.binding[index] = Binding::Island;
        }
        wanted.target_w[index] = target_w;
    }
    let over_w = wanted.target_w.iter().sum::<f64>() - (allowed.all_w - margin_all_w);
    if over_w > 0.0 {
        share_cut(config, next, sensed, &mut wanted, over_w);
        for index in sensing::tied(config, next) {
            wanted.limited[index] = true;
            if !matches!(reason.binding[index], Binding::Limit(_) | Binding::Event(_)) {
                reason.binding[index] = allowed.all_by;
            }
        }
    }
    wanted
}

/// Takes a campus-wide excess from each point as far as its own ramp allows; beyond that from the points where batteries
/// can carry it, and what is left in proportion to their import.
fn share_cut(config: &Config, next: &State, sensed: &Sensed, wanted: &mut Wanted, over_w: f64) {
    let count = config.pois.len();
    let tick_s = config.tick.as_secs_f64();
    let mut fall_w = [0.0; POIS];
    for index in sensing::tied(config, next) {
        let lowest_w = next.target_w[index] - config.pois[index].ramp_down_w_per_s * tick_s;
        fall_w[index] = (wanted.target_w[index] - lowest_w).clamp(0.0, wanted.target_w[index].max(0.0));
    }
    let fall_all_w: f64 = fall_w.iter().sum();
    let within_w = over_w.min(fall_all_w);
    if within_w > 0.0 {
        for (target_w, fall_w) in wanted.target_w.iter_mut().zip(fall_w) {
            *target_w -= within_w * fall_w / fall_all_w;
        }
    }
    let over_w = over_w - within_w;
    if over_w <= 0.0 {
        return;
    }
    let mut able_w = [0.0; POIS];
    for index in sensing::tied(config, next) {
        let now_w = wanted.target_w[index] - sensed.net_w[index];
        able_w[index] = (next.discharge_w[index] + now_w).max(0.0);
    }
    let total_able_w: f64 = able_w.iter().sum();
    let by_battery_w = over_w.min(total_able_w);
    let import_w: f64 = sensing::tied(config, next).map(|i| wanted.target_w[i].max(0.0)).sum();
    for index in sensing::tied(config, next) {
        let battery_share = if total_able_w > 0.0 { able_w[index] / total_able_w } else { 0.0 };
        let import_share = if import_w > 0.0 { wanted.target_w[index].max(0.0) / import_w } else { 1.0 / count as f64 };
        wanted.target_w[index] -= by_battery_w * battery_share + (over_w - by_battery_w) * import_share;
    }
}

/// Charging that keeps import under its limits even if the meter, or else the feeders, are wrong: both must agree that
/// there is room, W per point.
fn charge_room_w(config: &Config, next: &State, sensed: &Sensed, allowed: &Allowed) -> [f64; POIS] {
    let mut room_w = [0.0; POIS];
    let mut all_w = allowed.all_w;
    for (index, poi) in config.pois.iter().enumerate() {
        let worst_w = sensed.net_w[index].max(sensed.witness_w[index]);
        let limit_w = if next.island(index) { f64::INFINITY } else { allowed.poi_w[index] - poi.margin_w };
        room_w[index] = (limit_w - worst_w).max(0.0);
        all_w -= worst_w + poi.margin_w;
    }
    let total_w: f64 = room_w.iter().sum();
    let scale = if total_w > 0.0 && total_w.is_finite() { (all_w.max(0.0) / total_w).min(1.0) } else { 1.0 };
    room_w.map(|room| if room.is_finite() { room * scale } else { room })
}

/// Battery set-points for the targets; returns the deficit that no battery can cover, W.
#[allow(clippy::too_many_arguments)] // One tick's values, passed plainly.
fn battery(
    config: &Config,
    next: &mut State,
    sensed: &Sensed,
    stock: &Ledger,
    wanted: &Wanted,
    allowed: &Allowed,
    reason: &mut Reason,
) -> f64 {
    let mut power_w = [0.0; POIS];
    let room_w = charge_room_w(config, next, sensed, allowed);
    let newest = (next.seq as usize) % HISTORY;
    let before = (newest + HISTORY - 1) % HISTORY;
    // Below bridge and trip reserve the battery serves limits only: ramps and recentring wait.
    let reserve_free = stock.ramp_j + stock.free_j > 0.0;
    // A silent unit stays where it was told to be; what the others can do comes on top of it.
    let silent_w = ledger::silent_w(config, next);
    let mut short_w = 0.0;
    for (index, poi) in config.pois.iter().enumerate() {
        let net_w =
            if wanted.limited[index] { next.net_w[index].max(sensed.crest_w[index]) } else { next.net_w[index] };
        let asked_w = wanted.target_w[index] - net_w;
        let most_out_w = if wanted.limited[index] || reserve_free { next.discharge_w[index] } else { 0.0 };
        let mut given_w = asked_w.clamp(-most_out_w, next.charge_w[index].min(room_w[index]));
        let held_w = next.command_ring_w[index][before];
        if sensed.lost[index] {
            // Open loop: hold what was commanded, unless the worst case needs more.
            given_w = held_w
                .min(if wanted.limited[index] { given_w } else { held_w })
                .clamp(silent_w[index] - next.discharge_w[index], silent_w[index] + next.charge_w[index]);
        }
        let left_w = given_w - asked_w;
        if wanted.limited[index] && left_w > 0.0 {
            short_w += left_w;
            reason.conditions |= Condition::BatteryShort as u32;
        } else if left_w.abs() > poi.margin_w.max(1e3) && !sensed.lost[index] {
            reason.gave_way_w[Duty::Ramp as usize] += left_w.abs();
        }
        power_w[index] = given_w;
        // What the battery cannot do is given up at once: the target follows (no wind-up). What it holds back only until
        // the feeders confirm the meter is done a moment later, so the target waits.
        let doubted = given_w >= room_w[index] && asked_w > given_w && next.charge_w[index] > given_w;
        let since_ns = if doubted { next.doubt_since_ns[index].min(next.now_ns) } else { Time::FOREVER.as_nanos() };
        next.doubt_since_ns[index] = since_ns;
        let waits = doubted && !sensed.lost[index] && next.now_ns - since_ns < CONFIRMED_WITHIN.as_nanos();
        next.target_w[index] = if next.island(index) {
            0.0 // Nothing comes in, whatever falls short.
        } else if waits {
            wanted.target_w[index]
        } else {
            net_w + given_w
        };
    }
    let sent_w = ledger::share(config, next, &power_w);
    for (ring, sent_w) in next.command_ring_w.iter_mut().zip(sent_w) {
        ring[newest] = sent_w;
    }
    short_w
}

/// Caps and turbines: on every tick in an emergency, else once a second.
#[allow(clippy::too_many_arguments)] // One tick's values, passed plainly.
fn load(
    config: &Config,
    plan: &Plan,
    next: &mut State,
    seen: &Observation,
    sensed: &Sensed,
    ahead: &Allowed,
    stock: &Ledger,
    economic: bool,
    short_w: f64,
    reason: &mut Reason,
) {
    let frozen = sensed.frozen.iter().any(|frozen| *frozen) && !ahead.emergency;
    if frozen {
        reason.gave_way_w[Duty::ImportLimit as usize] += short_w;
        return;
    }
    let held = next.cap_w;
    let emergency = short_w > 0.0;
    if economic || emergency {
        reason.conditions |=
            jobs::orders(config, plan, next, seen, &caps::Reach::of(config, next, sensed), ahead, emergency);
    }
    if economic {
        caps::envelopes(config, next, seen);
        turbines::dispatch(config, plan, next, seen, sensed, ahead);
    }
    if economic || emergency {
        let mode = if emergency { Mode::Emergency } else { Mode::Economic };
        let missing_w = caps::limit_caps(config, next, seen, sensed, ahead, stock, mode);
        if missing_w > 0.0 && emergency {
            reason.conditions |= Condition::LimitUnreachable as u32;
            reason.gave_way_w[Duty::ImportLimit as usize] += missing_w.min(short_w);
        }
    }
    if economic {
        caps::ramp_caps(config, next, sensed);
    }
    caps::settle(config, next);
    if sensed.lost.iter().any(|lost| *lost) {
        // Losing a meter never raises a cap.
        for (cap, held) in next.cap_w.iter_mut().zip(held) {
            *cap = cap.min(held);
        }
    }
    reason.conditions |= caps::floors(config, next, &tight(config, next, ahead, reason), economic);
    if next.restoring == 1 {
        reason.conditions |= Condition::Restoring as u32;
    }
    costs(config, next, sensed, reason);
    let given: f64 = config
        .halls
        .iter()
        .zip(next.limit_cap_w.iter().zip(next.envelope_w))
        .map(|(hall, (cap, envelope))| hall.gpus * hall.feeder_per_gpu_w * (envelope - cap).max(0.0))
        .sum();
    reason.gave_way_w[Duty::Economics as usize] += given;
}

/// Points whose import a limit or an event sets now or within the lead.
fn tight(config: &Config, next: &State, ahead: &Allowed, reason: &Reason) -> [bool; POIS] {
    let binds = |binding: Binding| matches!(binding, Binding::Limit(_) | Binding::Event(_));
    let mut tight = [false; POIS];
    for index in 0..config.pois.len() {
        let event = |by: Binding| matches!(by, Binding::Event(_));
        tight[index] = !next.island(index)
            && (binds(reason.binding[index]) || event(ahead.poi_by[index]) || event(ahead.all_by) || ahead.emergency);
    }
    tight
}

/// What the limits cost in this moment, $/s: work not done under caps, paused jobs, fuel.
fn costs(config: &Config, next: &State, sensed: &Sensed, reason: &mut Reason) {
    for (index, hall) in config.halls.iter().enumerate() {
        let per_w = hall.gpus * hall.feeder_per_gpu_w * hall.shed_usd_per_j;
        let job = usize::from(hall.job);
        let paused = job < config.jobs.len() && next.job_order[job] == JobOrder::Pause as u8;
        if paused {
            reason.cost_usd_per_s[1] += per_w * (hall.max_cap_w - hall.paused_w).max(0.0);
            reason.conditions |= Condition::JobPaused as u32;
        } else {
            let held_w = next.envelope_w[index] - next.limit_cap_w[index].min(next.envelope_w[index]);
            reason.cost_usd_per_s[0] += per_w * held_w;
        }
        if hall.operator_floor_w > hall.min_cap_w && next.limit_cap_w[index] <= hall.operator_floor_w {
            reason.conditions |= Condition::SafeFloorHeld as u32;
            let above_w = hall.gpus * hall.feeder_per_gpu_w * (hall.operator_floor_w - hall.min_cap_w);
            reason.gave_way_w[Duty::Emergency as usize] += above_w.min(sensed.hall_w[index]);
        }
    }
    for (index, turbine) in config.turbines.iter().enumerate() {
        reason.cost_usd_per_s[2] += f64::from(next.turbine_w[index]) * turbine.cost_usd_per_j;
    }
}

fn write(
    config: &Config,
    next: &State,
    seen: &Observation,
    allowed: &Allowed,
    ledger: Ledger,
    reason: Reason,
) -> Decision {
    let mut decision = Decision::idle(seen.now, next.epoch);
    decision.seq = next.seq;
    for (power, kw) in decision.battery_w.iter_mut().zip(next.battery_kw).take(config.batteries.len()) {
        *power = f64::from(kw) * 1e3;
    }
    decision.cap_w[..HALLS].copy_from_slice(&next.cap_w);
    decision.floor_w[..HALLS].copy_from_slice(&next.floor_w);
    for (order, code) in decision.job.iter_mut().zip(next.job_order) {
        *order = JobOrder::of(code).unwrap_or_default();
    }
    for index in 0..TURBINES {
        decision.turbine_w[index] = f64::from(next.turbine_w[index]);
    }
    decision.battery_until = seen.now + config.leases.battery;
    decision.cap_until = seen.now + config.leases.gpu;
    decision.turbine_until = seen.now + config.leases.turbine;
    decision.target_w = next.target_w;
    let share_w = |index: usize| {
        let total: f64 = next.target_w.iter().map(|w| w.max(0.0)).sum();
        let part = if total > 0.0 { next.target_w[index].max(0.0) / total } else { 1.0 };
        allowed.poi_w[index].min(allowed.all_w * part)
    };
    for index in 0..config.pois.len() {
        decision.allowed_w[index] = if next.island(index) { 0.0 } else { share_w(index) };
    }
    decision.ledger = ledger;
    decision.reason = reason;
    decision
}
