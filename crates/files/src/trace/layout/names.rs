//! What the names of columns say: words, units, times, powers, energies, averages.
//!
//! Not modelled: languages other than English.

use super::PowerUnit;

/// Time units in names, ns.
pub const TIME_UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("sec", 1e9),
    ("secs", 1e9),
    ("second", 1e9),
    ("seconds", 1e9),
    ("min", 6e10),
    ("minutes", 6e10),
    ("h", 3.6e12),
    ("hour", 3.6e12),
    ("hours", 3.6e12),
];
pub const TIME_WORDS: &[&str] = &[
    "time",
    "timestamp",
    "timestamps",
    "ts",
    "t",
    "datetime",
    "date",
    "utc",
    "epoch",
    "unix",
    "elapsed",
    "zeit",
    "zeitstempel",
    "datum",
    "uhrzeit",
    "stamp",
    "clock",
];
pub const POWER_WORDS: &[&str] =
    &["power", "watt", "watts", "load", "leistung", "wirkleistung", "demand", "import", "draw", "p", "ptot", "pac"];
/// Units of energy in names.
pub const ENERGY_UNITS: &[&str] = &["wh", "kwh", "mwh", "gwh", "j", "kj", "mj", "gj", "joule", "joules"];
/// Words of names whose readings are means of a time.
pub const MEAN_WORDS: &[&str] = &["avg", "average", "averaged", "mean", "rolling", "smoothed", "filtered"];
/// What a column of power is not, though its name may hold a word of power.
pub const OTHER_WORDS: &[&str] = &[
    "limit",
    "cap",
    "factor",
    "target",
    "setpoint",
    "set",
    "energy",
    "kwh",
    "mwh",
    "wh",
    "j",
    "joule",
    "joules",
    "var",
    "kvar",
    "mvar",
    "va",
    "kva",
    "mva",
    "reactive",
    "apparent",
    "temp",
    "temperature",
    "util",
    "utilization",
    "clock",
    "freq",
    "state",
    "forecast",
    "plan",
    "planned",
    "max",
    "min",
    "default",
    "enforced",
    "requested",
];

/// Words of a name: split where it is not alphanumeric and where small letters turn to capitals.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            (fresh, small) = (true, false);
            continue;
        }
        // "powerDraw" is two words; "kW" is one.
        let long = words.last().is_some_and(|word| word.chars().count() > 1);
        if fresh || (small && c.is_uppercase() && long) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
        (fresh, small) = (false, c.is_lowercase());
    }
    words
}

pub fn has(name: &str, list: &[&str]) -> bool {
    words(name).iter().any(|word| list.contains(&word.to_lowercase().as_str()))
}

/// An energy, or a counter of it.
pub fn energy(name: &str) -> bool {
    has(name, ENERGY_UNITS) || (has(name, &["energy"]) && !has(name, POWER_WORDS) && unit_in(name).is_none())
}

/// Unit of power in a name; the second part says whether "mw" could mean either.
pub fn unit_in(name: &str) -> Option<(PowerUnit, bool)> {
    words(name).iter().rev().find_map(|word| match word.as_str() {
        "mw" | "Mw" => Some((PowerUnit::Megawatt, true)),
        other => PowerUnit::read(other).map(|unit| (unit, false)),
    })
}
