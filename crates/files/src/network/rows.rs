//! From rows to a network: the same checks whatever the rows were read from.
//!
//! Not modelled: what only a whole network can get wrong (no reference, parts that do not hang together); its solvers say it.

use super::fields::KINDS;
use std::collections::BTreeMap;
use tieline_grid::network::{BusKind, Cost, Network};

/// A row of a table: values by key in SI, nothing where none stands or where a mistake was noted.
pub(super) trait Row {
    /// A number.
    fn number(&self, key: &'static str) -> Option<f64>;
    /// A whole number.
    fn whole(&self, key: &'static str) -> Option<u64>;
    /// A text.
    fn text(&self, key: &'static str) -> Option<String>;
    /// True or false.
    fn flag(&self, key: &'static str, otherwise: bool) -> bool;
    /// Notes a mistake at a key.
    fn wrong(&self, key: &'static str, found: &str, expected: &str);
}

/// Index of each bus by its number.
#[derive(Default)]
pub(super) struct Places {
    by_number: BTreeMap<u64, usize>,
    /// Whether a bus's number could not be read: whoever names an unknown one may be right.
    unsure: bool,
}

/// Adds a bus.
pub(super) fn bus(row: &impl Row, network: &mut Network, places: &mut Places) {
    let number = row.whole("number");
    places.unsure |= number.is_none();
    if let Some(number) = number
        && places.by_number.insert(number, network.bus_count()).is_some()
    {
        row.wrong("number", &format!("bus {number} a second time"), "a number of its own");
    }
    let word = row.text("kind");
    let kind = word.and_then(|word| KINDS.iter().find(|(known, _)| *known == word)).map_or(BusKind::Load, |(_, k)| *k);
    let or = |key: &'static str, otherwise: f64| row.number(key).unwrap_or(otherwise);
    let (least, most) = (row.number("least_voltage_pu"), row.number("most_voltage_pu"));
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        row.wrong("least_voltage_pu", "more than most_voltage_pu", "at most that");
    }
    let b = &mut network.buses;
    b.number.push(number.unwrap_or(0));
    b.kind.push(kind);
    b.name.push(row.text("name").unwrap_or_default());
    b.area.push(row.whole("area").unwrap_or(1));
    b.zone.push(row.whole("zone").unwrap_or(1));
    b.load_w.push(or("load", 0.0));
    b.load_var.push(or("load_reactive", 0.0));
    b.shunt_w.push(or("shunt", 0.0));
    b.shunt_var.push(or("shunt_reactive", 0.0));
    b.voltage_share.push(or("voltage_pu", 1.0));
    b.angle_rad.push(or("angle", 0.0));
    b.nominal_v.push(or("nominal", 0.0));
    b.least_share.push(least.unwrap_or(0.0));
    b.most_share.push(most.unwrap_or(0.0));
}

/// The bus that a key names.
fn place(row: &impl Row, key: &'static str, places: &Places) -> usize {
    let Some(number) = row.whole(key) else { return 0 };
    let found = places.by_number.get(&number).copied();
    if found.is_none() && !places.unsure && !places.by_number.is_empty() {
        row.wrong(key, &format!("bus {number}"), "the number of a bus of this network");
    }
    found.unwrap_or(0)
}

/// Adds a branch.
pub(super) fn branch(row: &impl Row, network: &mut Network, places: &Places) {
    let ends = (place(row, "from", places), place(row, "to", places));
    let (from, to) = (row.whole("from"), row.whole("to"));
    if from.is_some() && from == to {
        row.wrong("to", &format!("bus {}, where it begins too", to.unwrap_or(0)), "another bus");
    }
    let or = |key: &'static str, otherwise: f64| row.number(key).unwrap_or(otherwise);
    let (r, x, tap) = (or("r_pu", 0.0), row.number("x_pu"), or("tap", 1.0));
    if r == 0.0 && x == Some(0.0) {
        row.wrong("x_pu", "0, and no resistance", "a branch with resistance or reactance");
    }
    if tap == 0.0 {
        row.wrong("tap", "0", "a ratio above 0; a line has none, or 1");
    }
    let limit = |key: &'static str| {
        let found = row.number(key);
        if found == Some(0.0) {
            row.wrong(key, "0", "more than 0; leave the key out where there is no limit");
        }
        found
    };
    let (rating, short, emergency) = (limit("rating"), limit("short_term"), limit("emergency"));
    let (least, most) = (row.number("least_angle"), row.number("most_angle"));
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        row.wrong("least_angle", "more than most_angle", "at most that");
    }
    let b = &mut network.branches;
    b.from.push(ends.0);
    b.to.push(ends.1);
    b.name.push(row.text("name").unwrap_or_default());
    b.r_pu.push(r);
    b.x_pu.push(x.unwrap_or(1.0));
    b.charging_pu.push(or("charging_pu", 0.0));
    b.rating_va.push(rating.unwrap_or(f64::INFINITY));
    b.short_term_va.push(short);
    b.emergency_va.push(emergency);
    b.tap.push(tap);
    b.shift_rad.push(or("shift", 0.0));
    b.in_service.push(row.flag("in_service", true));
    b.least_angle_rad.push(least.unwrap_or(f64::NEG_INFINITY));
    b.most_angle_rad.push(most.unwrap_or(f64::INFINITY));
}

/// Adds a generator.
pub(super) fn generator(row: &impl Row, network: &mut Network, places: &Places, cost: Option<Cost>) {
    let bus = place(row, "bus", places);
    let or = |key: &'static str, otherwise: f64| row.number(key).unwrap_or(otherwise);
    let (least, most, runs) = (or("least", 0.0), row.number("most"), row.flag("in_service", true));
    let (least_var, most_var) = (row.number("least_reactive"), row.number("most_reactive"));
    let voltage = or("voltage_pu", 1.0);
    // As in planners' files: what does not run may say what it likes.
    if runs && most.is_some_and(|most| least > most) {
        row.wrong("least", "more than most", "at most that");
    }
    if let (true, Some(least), Some(most)) = (runs, least_var, most_var)
        && least > most
    {
        row.wrong("least_reactive", "more than most_reactive", "at most that");
    }
    if runs && !(voltage > 0.0 && voltage < 10.0) {
        row.wrong("voltage_pu", &voltage.to_string(), "about 1 where the generator runs");
    }
    let g = &mut network.generators;
    g.bus.push(bus);
    g.name.push(row.text("name").unwrap_or_default());
    g.output_w.push(or("output", 0.0));
    g.output_var.push(or("output_reactive", 0.0));
    g.most_w.push(most.unwrap_or(0.0));
    g.least_w.push(least);
    g.most_var.push(most_var.unwrap_or(f64::INFINITY));
    g.least_var.push(least_var.unwrap_or(f64::NEG_INFINITY));
    g.voltage_share.push(voltage);
    g.in_service.push(runs);
    g.cost.push(cost);
}

/// Whether points of a piecewise cost ascend; else the place where they do not.
pub(super) fn descent(points: &[(f64, f64)]) -> Option<usize> {
    points.windows(2).position(|two| two[1].0 <= two[0].0)
}
