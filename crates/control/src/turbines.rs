//! On-site turbines: how much generation to ask for, from which units, cheapest first, with a margin that spins.
//!
//! Not modelled: part-load efficiency, start costs, permit hours as a budget (the plant counts them; the report shows).

use crate::contract::{Binding, Config, Observation, POIS, Plan, TURBINES};
use crate::limits::{Allowed, UNLIMITED_W};
use crate::sensing::{Sensed, hall_ceiling_w, tied, usable};
use crate::state::State;

/// A running unit not needed for this long may stop, s (guess: several starts an hour wear a turbine).
const STOP_AFTER_S: f32 = 900.0;
/// Spinning margin: running units are loaded to this share, so that a trip finds room in the others.
const LOADING: f64 = 0.9;

/// What the turbines offer now per point, W; a silent or tripped one offers nothing.
pub(crate) fn offered_w(config: &Config, seen: &Observation) -> [f64; POIS] {
    let mut offered = [0.0; POIS];
    for (index, turbine) in config.turbines.iter().enumerate() {
        let available = usable(&seen.turbine_available_w, index, seen.now, config.stale.unit_lost).unwrap_or(0.0);
        offered[usize::from(turbine.poi)] += available.clamp(0.0, turbine.rated_w);
    }
    offered
}

/// Load that the halls may take under their envelopes, W per point, with cooling and losses: the same most that the limit
/// caps start from, so that a turbine runs before a GPU is capped (an hour of its work is worth tens of times the fuel).
fn wanted_w(config: &Config, state: &State, sensed: &Sensed) -> [f64; POIS] {
    let mut wanted = state.unexplained_w;
    for (index, hall) in config.halls.iter().enumerate() {
        let feeder_w = hall_ceiling_w(config, index, state.envelope_w[index]);
        wanted[usize::from(hall.poi)] += feeder_w + sensed.cooling_w[index].max(hall.cooling_per_w * feeder_w);
    }
    wanted
}

/// What an island's halls can count on, W: its spinning units at their set-points, less the margin that spins, so that
/// the trip of one finds room in the others.
pub(crate) fn island_supply_w(config: &Config, state: &State, seen: &Observation, poi: usize) -> f64 {
    let mut supply_w = 0.0;
    for (index, turbine) in config.turbines.iter().enumerate().filter(|(_, t)| usize::from(t.poi) == poi) {
        let lost = config.stale.unit_lost;
        let spins = usable(&seen.turbine_generation_w, index, seen.now, lost).is_some_and(|w| w > 0.0);
        let available_w = usable(&seen.turbine_available_w, index, seen.now, lost).unwrap_or(0.0);
        if spins {
            supply_w += f64::from(state.turbine_w[index]).min(available_w.min(turbine.rated_w));
        }
    }
    LOADING * supply_w
}

/// Sets `state.turbine_w`; called once a second.
pub(crate) fn dispatch(
    config: &Config,
    plan: &Plan,
    state: &mut State,
    seen: &Observation,
    sensed: &Sensed,
    ahead: &Allowed,
) {
    let wanted = wanted_w(config, state, sensed);
    let mut need = [0.0; POIS];
    let (mut wanted_all, mut margin_all, mut need_all, mut islands_w) = (0.0, 0.0, 0.0, 0.0);
    for (index, poi) in config.pois.iter().enumerate() {
        if state.island(index) {
            // An island lives on its own units and gives nothing to the ties.
            need[index] = wanted[index];
            islands_w += wanted[index];
            continue;
        }
        let room_w =
            if ahead.poi_by[index] == Binding::Nothing { UNLIMITED_W } else { ahead.poi_w[index] - poi.margin_w };
        need[index] = (wanted[index] - room_w).max(0.0);
        wanted_all += wanted[index];
        margin_all += poi.margin_w;
        need_all += need[index];
    }
    let together_w = (wanted_all - (ahead.all_w - margin_all)).max(0.0);
    let planned = plan.slot_at(seen.now).map(|slot| f64::from(plan.turbine_w[slot]));
    let planned_w = planned.filter(|w| w.is_finite()).unwrap_or(0.0).max(0.0);
    let offered = offered_w(config, seen);
    // What is needed over all points, or planned, beyond what single points need, goes where turbines have room.
    let mut rest_w = (together_w.max(planned_w - islands_w) - need_all).max(0.0);
    for index in tied(config, state) {
        let take_w = rest_w.min((offered[index] - need[index]).max(0.0));
        need[index] += take_w;
        rest_w -= take_w;
    }
    for (index, need_w) in need.iter().enumerate().take(config.pois.len()) {
        load_units(config, state, seen, index, *need_w);
    }
}

/// Picks units in order of cost until their loaded power covers the need, and loads them alike.
fn load_units(config: &Config, state: &mut State, seen: &Observation, poi: usize, need_w: f64) {
    let step_s = (config.tick.as_secs_f64() * f64::from(config.economics_every)) as f32;
    let mut order = [0_u8; TURBINES];
    let mut count = 0;
    for index in (0..config.turbines.len()).filter(|index| usize::from(config.turbines[*index].poi) == poi) {
        order[count] = index as u8;
        count += 1;
    }
    let order = &mut order[..count];
    order.sort_unstable_by(|a, b| {
        let cost = |index: u8| config.turbines[usize::from(index)].cost_usd_per_j;
        cost(*a).total_cmp(&cost(*b)).then(a.cmp(b))
    });
    let mut running_w = 0.0;
    let mut running = [false; TURBINES];
    for index in order.iter().map(|index| usize::from(*index)) {
        let turbine = &config.turbines[index];
        let lost = config.stale.unit_lost;
        let Some(available_w) = usable(&seen.turbine_available_w, index, seen.now, lost) else {
            continue; // Silent: its last set-point stays.
        };
        if available_w < turbine.min_w {
            state.turbine_w[index] = 0.0;
            state.turbine_idle_s[index] = STOP_AFTER_S;
            continue;
        }
        let spins = usable(&seen.turbine_generation_w, index, seen.now, lost).is_some_and(|w| w > 0.0);
        let needed = LOADING * running_w < need_w;
        let idle_s = &mut state.turbine_idle_s[index];
        *idle_s = if needed { 0.0 } else { *idle_s + step_s };
        if needed || (spins && *idle_s < STOP_AFTER_S) {
            running[index] = true;
            running_w += available_w;
        } else {
            state.turbine_w[index] = 0.0;
        }
    }
    let loading = if running_w > 0.0 { (need_w / running_w).min(1.0) } else { 0.0 };
    for index in order.iter().map(|index| usize::from(*index)).filter(|index| running[*index]) {
        let turbine = &config.turbines[index];
        let available_w = seen.turbine_available_w.value[index].min(turbine.rated_w);
        let power_w = (loading * available_w).max(turbine.min_w).min(available_w);
        state.turbine_w[index] = (libm::ceil(power_w / 1e4) * 1e4) as f32;
    }
}
