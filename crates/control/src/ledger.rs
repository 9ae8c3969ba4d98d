//! The one ledger of stored energy, and what the battery can give and take per point.
//!
//! Rows, in the order in which they are filled from what is stored: bridge (a dead controller's discharge until the
//! safe caps hold), trip (the largest turbine until caps have taken over), ramp (D²/2r for the declared step), free.
//! They sum to what is stored, so no joule is promised twice.
//!
//! Not modelled: ageing, temperature limits, rows per customer.

use crate::contract::{Config, Ledger, Observation, POIS};
use crate::sensing::{tied, usable};
use crate::state::State;

/// Weight of a unit whose telemetry is lost.
const SILENT: f32 = -1.0;

/// A unit must be able to hold its set-point at least as long as its lease.
fn horizon_s(config: &Config) -> f64 {
    config.leases.battery.as_secs_f64()
}

/// Takes in the units' telemetry: energy, room, power per point, and each unit's share. Once a second is enough.
pub(crate) fn take_stock(config: &Config, state: &mut State, seen: &Observation) {
    state.stored_j = [0.0; POIS];
    state.room_j = [0.0; POIS];
    state.discharge_w = [0.0; POIS];
    state.charge_w = [0.0; POIS];
    let mut able_w = [0.0_f64; POIS];
    let hold_s = horizon_s(config);
    for (index, unit) in config.batteries.iter().enumerate() {
        let poi = usize::from(unit.poi);
        state.weight[index] = 0.0;
        let lost = config.stale.unit_lost;
        let (Some(soc), Some(available_w)) = (
            usable(&seen.battery_soc, index, seen.now, lost).filter(|soc| (0.0..=1.0).contains(soc)),
            usable(&seen.battery_available_w, index, seen.now, lost),
        ) else {
            // A silent unit is not counted on; its last set-point stays (see `share`).
            state.weight[index] = SILENT;
            continue;
        };
        // Power that is not offered may be strings that are gone, and their energy with them: neither is counted on.
        let there = if available_w < unit.discharge_w { (available_w / unit.discharge_w).max(0.0) } else { 1.0 };
        let stored_j = (soc - unit.soc_min).max(0.0) * unit.energy_j * unit.efficiency * there;
        let room_j = (unit.soc_max - soc).max(0.0) * unit.energy_j / unit.efficiency * there;
        let discharge_w = available_w.min(unit.discharge_w).min(stored_j / hold_s).max(0.0);
        let charge_w = available_w.min(unit.charge_w).min(room_j / hold_s).max(0.0);
        (state.give_kw[index], state.take_kw[index]) = ((discharge_w / 1e3) as i32, (charge_w / 1e3) as i32);
        state.stored_j[poi] += stored_j;
        state.room_j[poi] += room_j;
        state.discharge_w[poi] += discharge_w;
        state.charge_w[poi] += charge_w;
        // Shares follow power; a unit near a limit is given less whichever way the power flows.
        let able = discharge_w.min(charge_w).max(0.05 * discharge_w.max(charge_w));
        state.weight[index] = able as f32;
        able_w[poi] += f64::from(state.weight[index]);
    }
    for (index, unit) in config.batteries.iter().enumerate() {
        if state.weight[index] == SILENT {
            continue;
        }
        let total_w = able_w[usize::from(unit.poi)];
        state.weight[index] = if total_w > 0.0 { (f64::from(state.weight[index]) / total_w) as f32 } else { 0.0 };
    }
}

/// The ledger over all points.
pub(crate) fn ledger(config: &Config, state: &State, seen: &Observation) -> Ledger {
    let stored_j: f64 = state.stored_j.iter().sum();
    let discharge_w: f64 = state.discharge_w.iter().sum();
    let largest_w = (0..config.turbines.len())
        .filter_map(|index| usable(&seen.turbine_generation_w, index, seen.now, config.stale.unit_lost))
        .fold(0.0, f64::max);
    let ramp_w_per_s: f64 = tied(config, state).map(|poi| config.pois[poi].ramp_up_w_per_s).sum();
    let step_w = config.reserve.ramp_step_w.min(discharge_w);
    let wanted = [
        discharge_w * config.leases.battery.as_secs_f64(),
        largest_w * config.reserve.trip_bridge_s,
        if ramp_w_per_s > 0.0 { step_w * step_w / (2.0 * ramp_w_per_s) } else { 0.0 },
    ];
    let mut left_j = stored_j;
    let mut rows_j = [0.0; 3];
    for (row, want) in rows_j.iter_mut().zip(wanted) {
        *row = want.min(left_j);
        left_j -= *row;
    }
    let ledger = Ledger {
        stored_j,
        bridge_j: rows_j[0],
        trip_j: rows_j[1],
        ramp_j: rows_j[2],
        free_j: left_j,
        room_j: state.room_j.iter().sum(),
    };
    let sum_j = ledger.bridge_j + ledger.trip_j + ledger.ramp_j + ledger.free_j;
    assert!((sum_j - stored_j).abs() <= 1e-9 * stored_j.max(1.0), "every joule stands in one row of the ledger");
    ledger
}

/// What the silent units of each point were last told, kW: that stays until they are heard again.
fn silent_kw(config: &Config, state: &State) -> [i64; POIS] {
    let mut held_kw = [0; POIS];
    // The weights first: they lie close together, and silent units are few.
    for (index, weight) in state.weight.iter().enumerate().take(config.batteries.len()) {
        if *weight == SILENT {
            held_kw[usize::from(config.batteries[index].poi)] += i64::from(state.battery_kw[index]);
        }
    }
    held_kw
}

/// What the silent units of each point were last told, W.
pub(crate) fn silent_w(config: &Config, state: &State) -> [f64; POIS] {
    silent_kw(config, state).map(|kw| kw as f64 * 1e3)
}

/// What a unit could do beyond its set-point, kW.
fn spare_kw(discharging: bool, (give_kw, take_kw): (i32, i32), kw: i32) -> i64 {
    i64::from(if discharging { give_kw + kw } else { take_kw - kw }).max(0)
}

/// Splits each point's power over its units in whole kilowatts, in proportion to what each can do; a silent unit keeps
/// its last set-point and the others make up for it. Returns what the set-points sum to per point, W.
pub(crate) fn share(config: &Config, state: &mut State, power_w: &[f64; POIS]) -> [f64; POIS] {
    let wanted_kw = power_w.map(|w| libm::round(w / 1e3) as i64);
    let silent_kw = silent_kw(config, state);
    let mut left_kw: [i64; POIS] = std::array::from_fn(|poi| wanted_kw[poi] - silent_kw[poi]);
    let asked_kw = left_kw.map(|kw| kw as f64);
    let mut spare_sum_kw = [0_i64; POIS];
    let able = state.weight.iter().zip(state.give_kw.iter().zip(&state.take_kw));
    for ((unit, (weight, able)), kw) in config.batteries.iter().zip(able.clone()).zip(&mut state.battery_kw) {
        if *weight == SILENT {
            continue;
        }
        let poi = usize::from(unit.poi);
        // Towards zero: what is left over is handed out below, to those that can do more.
        *kw = ((asked_kw[poi] * f64::from(*weight)) as i32).clamp(-able.0, *able.1);
        left_kw[poi] -= i64::from(*kw);
        spare_sum_kw[poi] += spare_kw(asked_kw[poi] < 0.0, (*able.0, *able.1), *kw);
    }
    // Of what is spare each unit takes the same part, rounded up, until nothing is left.
    let mut part = [0.0; POIS];
    for poi in 0..POIS {
        part[poi] = if spare_sum_kw[poi] > 0 { left_kw[poi].abs() as f64 / spare_sum_kw[poi] as f64 } else { 0.0 };
    }
    for ((unit, (weight, able)), kw) in config.batteries.iter().zip(able).zip(&mut state.battery_kw) {
        let poi = usize::from(unit.poi);
        if left_kw[poi] == 0 || part[poi] <= 0.0 || *weight == SILENT {
            continue;
        }
        let spare = spare_kw(asked_kw[poi] < 0.0, (*able.0, *able.1), *kw);
        let more = part[poi] * spare as f64;
        let more = more as i64 + i64::from(more as i64 as f64 != more);
        let more = more.min(spare).min(left_kw[poi].abs()) * left_kw[poi].signum();
        left_kw[poi] -= more;
        *kw += more as i32;
    }
    std::array::from_fn(|poi| (wanted_kw[poi] - left_kw[poi]) as f64 * 1e3)
}
