//! The planner: a bounded table of targets from what is expected. `decide` and `guard` stay safe without it.
//!
//! Two rules per slot. Energy: the state of charge to seek is the configured target, raised ahead of slots whose load
//! less generation exceeds the import limit, so that the battery meets them full. Generation: what the limit leaves
//! uncovered, or all of it where imported energy costs more than the turbines' fuel.
//!
//! Not modelled: optimisation over prices and losses, checkpoint times, uncertainty of the outlook.

use crate::contract::{Config, Outlook, Plan, SLOTS};
use crate::state::State;

/// Plans from the outlook. At most 288 slots, one pass back and one forth.
#[must_use]
pub fn plan(config: &Config, outlook: &Outlook, state: &State) -> Plan {
    let mut table = Plan::none();
    table.made_at = state.now();
    table.start = outlook.start;
    table.slot = outlook.slot;
    table.slots = outlook.slots.min(SLOTS as u16);
    let slots = usize::from(table.slots);
    let slot_s = outlook.slot.as_secs_f64();

    let fleet_w: f64 = config.turbines.iter().map(|turbine| turbine.rated_w).sum();
    let cost_usd_per_mwh = |total: f64| if fleet_w > 0.0 { 3.6e9 * total / fleet_w } else { f64::INFINITY };
    let fuel = cost_usd_per_mwh(config.turbines.iter().map(|turbine| turbine.cost_usd_per_j * turbine.rated_w).sum());
    let usable_j: f64 =
        config.batteries.iter().map(|unit| (unit.soc_max - unit.soc_min) * unit.energy_j * unit.efficiency).sum();
    let energy_j: f64 = config.batteries.iter().map(|unit| unit.energy_j).sum();
    let top = config.batteries.iter().map(|unit| unit.soc_max).fold(0.0, f64::max);

    let mut needed_j = 0.0_f64;
    for slot in (0..slots).rev() {
        let load_w = finite(outlook.load_w[slot], 0.0);
        let limit_w = finite(outlook.import_limit_w[slot], f64::INFINITY);
        let price = finite(outlook.price_usd_per_mwh[slot], 0.0);
        let uncovered_w = (load_w - limit_w).max(0.0);
        let economic_w = if price > fuel { load_w.min(fleet_w) } else { 0.0 };
        table.turbine_w[slot] = uncovered_w.max(economic_w).min(fleet_w) as f32;
        let beyond_w = (uncovered_w - fleet_w).max(0.0);
        // Energy still needed from here on, forgotten over four hours so that a far event does not hold the day.
        needed_j = (needed_j * (1.0 - slot_s / (4.0 * 3600.0)).max(0.0) + beyond_w * slot_s).min(usable_j);
        let lift = if energy_j > 0.0 { needed_j / energy_j } else { 0.0 };
        table.target_soc[slot] = (config.reserve.target_soc + lift).min(top.max(config.reserve.target_soc)) as f32;
    }
    table
}

fn finite(value: f32, otherwise: f64) -> f64 {
    if value.is_finite() { f64::from(value) } else { otherwise }
}
