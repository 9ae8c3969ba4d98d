//! The declared schedule: each settlement interval's mean import stays within its band of what was declared.
//!
//! The deviation of the interval so far is an account in joules; what remains of the interval bounds the import from here
//! on: `schedule + (± band x interval - deviation) / left`. Batteries with free energy make the difference, below every
//! limit and within the ramp; jobs and turbines are not moved for it.
//!
//! Not modelled: prices of a deviation; schedules of single points; a revision of what was declared.

use crate::contract::{Config, Ledger, POIS, Plan};
use crate::sensing::tied;
use crate::state::State;
use tieline_units::Time;

/// Books this tick's import against the schedule.
pub(crate) fn account(config: &Config, plan: &Plan, state: &mut State, now: Time, import_w: &[f64; POIS]) {
    if !config.schedule.band_w.is_finite() {
        return;
    }
    let interval = now.as_nanos().div_euclid(config.schedule.interval.as_nanos());
    if interval != state.interval_index {
        state.interval_index = interval;
        state.deviation_j = 0.0;
    }
    if let Some(declared_w) = declared_w(plan, now) {
        let tied_w: f64 = tied(config, state).map(|poi| import_w[poi]).sum();
        state.deviation_j += (tied_w - declared_w) * config.tick.as_secs_f64();
    }
}

fn declared_w(plan: &Plan, now: Time) -> Option<f64> {
    plan.slot_at(now).map(|slot| f64::from(plan.schedule_w[slot])).filter(|w| w.is_finite())
}

/// What each point should import more (or less) than it would by itself, W, so that the interval closes within its band.
pub(crate) fn correction_w(
    config: &Config,
    plan: &Plan,
    state: &State,
    stock: &Ledger,
    now: Time,
    desired_w: &[f64; POIS],
) -> [f64; POIS] {
    let mut correction = [0.0; POIS];
    let Some(declared_w) = declared_w(plan, now).filter(|_| config.schedule.band_w.is_finite()) else {
        return correction;
    };
    let (interval_ns, tick_s) = (config.schedule.interval.as_nanos(), config.tick.as_secs_f64());
    let left_s = ((interval_ns - now.as_nanos().rem_euclid(interval_ns)) as f64 * 1e-9).max(tick_s);
    let band_j = config.schedule.band_w * interval_ns as f64 * 1e-9;
    // A fifth of the band is left to what cannot be foreseen; near its end an interval forgives nothing more.
    let (low_w, high_w) = (
        declared_w + (-0.8 * band_j - state.deviation_j) / left_s,
        declared_w + (0.8 * band_j - state.deviation_j) / left_s,
    );
    let total_w: f64 = tied(config, state).map(|poi| desired_w[poi]).sum();
    let wanted_w = total_w.clamp(low_w.min(high_w), high_w) - total_w;
    let able = |poi: usize| if wanted_w < 0.0 { state.discharge_w[poi] } else { state.charge_w[poi] };
    let able_w: f64 = tied(config, state).map(able).sum();
    let free = wanted_w > 0.0 || stock.free_j > 0.0;
    if able_w > 0.0 && free {
        let given_w = wanted_w.clamp(-able_w, able_w);
        for poi in tied(config, state) {
            correction[poi] = given_w * able(poi) / able_w;
        }
    }
    correction
}
