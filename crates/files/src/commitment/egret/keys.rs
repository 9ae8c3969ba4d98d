//! Keys of Egret's elements that are not used: what stands there is lost, and a key that is spelt otherwise looks the same.
//!
//! Not modelled: keys within time series and cost curves.

use super::{BIDS, REQUIREMENTS, Walk};
use serde_json::Value;
use std::collections::BTreeMap;

/// Of the system: what is used.
const SYSTEM: &[&str] = &[
    "time_keys",
    "time_period_length_minutes",
    "load_mismatch_cost",
    "reserve_shortfall_cost",
    "baseMVA",
    "reference_bus",
    "reserve_requirement",
    "regulation_penalty_price",
    "spinning_reserve_penalty_price",
    "non_spinning_reserve_penalty_price",
    "supplemental_reserve_penalty_price",
    "flexible_ramp_penalty_price",
];
/// Of elements: kind, what is used, and what would change nothing (names, results, what alternating current alone needs).
const ELEMENTS: [(&str, &[&str]); 5] = [
    ("load", &["bus", "p_load", "q_load", "area", "zone", "owner"]),
    ("fuel_supply", &["fuel_available", "fuel_supply_type"]),
    (
        "branch",
        &[
            "from_bus",
            "to_bus",
            "resistance",
            "reactance",
            "rating_long_term",
            "transformer_tap_ratio",
            "transformer_phase_shift",
            "branch_type",
            "charging_susceptance",
            "circuit",
            "pf",
            "qf",
            "pt",
            "qt",
        ],
    ),
    (
        "storage",
        &[
            "bus",
            "energy_capacity",
            "initial_state_of_charge",
            "charge_efficiency",
            "discharge_efficiency",
            "retention_rate_60min",
            "end_state_of_charge",
            "minimum_state_of_charge",
            "charge_cost",
            "discharge_cost",
            "max_charge_rate",
            "max_discharge_rate",
            "min_charge_rate",
            "min_discharge_rate",
            "ramp_up_input_60min",
            "ramp_up_output_60min",
        ],
    ),
    (
        "generator",
        &[
            "generator_type",
            "bus",
            "fuel",
            "fuel_type",
            "unit_type",
            "area",
            "zone",
            "owner",
            "p_min",
            "p_max",
            "ramp_up_60min",
            "ramp_down_60min",
            "startup_capacity",
            "shutdown_capacity",
            "min_up_time",
            "min_down_time",
            "initial_status",
            "initial_p_output",
            "shutdown_cost",
            "fixed_commitment",
            "spinning_capacity",
            "supplemental_spinning_capacity",
            "fast_start",
            "non_spinning_capacity",
            "supplemental_start",
            "supplemental_non_spinning_capacity",
            "agc_capable",
            "p_min_agc",
            "p_max_agc",
            "ramp_agc",
            "fuel_cost",
            "non_fuel_no_load_cost",
            "non_fuel_startup_cost",
            "p_fuel",
            "p_cost",
            "startup_fuel",
            "startup_cost",
            "fuel_supply",
            "aux_fuel",
            "aux_fuel_supply",
            "aux_fuel_capable",
            "aux_fuel_cost",
            "aux_fuel_blending",
            "aux_fuel_online_switching",
            "aux_fuel_supply_initial",
            "pg",
            "qg",
            "q_min",
            "q_max",
        ],
    ),
];

/// Remarks the keys that are not used, with the number of elements that have them.
pub(super) fn unused(walk: &mut Walk<'_>, tree: &Value) {
    let system = tree["system"].as_object().into_iter().flatten().filter(|(_, value)| says(value));
    let known = |key: &str| SYSTEM.contains(&key) || REQUIREMENTS.contains(&key) || is_word(key);
    for (key, _) in system.filter(|(key, _)| !known(key)) {
        walk.remark(format!("{key} of the system is not used"));
    }
    for (kind, used) in ELEMENTS {
        let mut other: BTreeMap<&str, usize> = BTreeMap::new();
        let all = tree["elements"][kind].as_object().into_iter().flatten();
        let keys = all.filter_map(|(_, element)| element.as_object()).flatten().filter(|(_, value)| says(value));
        for key in keys.map(|(key, _)| key.as_str()) {
            let told_elsewhere = kind == "generator" && BIDS.contains(&key);
            if !used.contains(&key) && key != "in_service" && !is_word(key) && !told_elsewhere {
                *other.entry(key).or_insert(0) += 1;
            }
        }
        for (key, count) in other {
            walk.remark(format!("{key} of elements of kind {kind} ({count}) is not used"));
        }
    }
}

/// Whether a value says anything: nothing, no and zero are what a key that is not there would be.
fn says(value: &Value) -> bool {
    !(value.is_null() || value.as_bool() == Some(false) || value.as_f64() == Some(0.0))
}

/// Whether a key is for people alone.
fn is_word(key: &str) -> bool {
    matches!(key, "name" | "id" | "description" | "comment" | "reference_bus_angle")
}
