//! A network as a MATPOWER case, version 2.
//!
//! Not modelled: columns that a network has no place for (base of a machine, ramps, start-up costs); they are the base or zero.

use crate::network::decimal;
use std::f64::consts::PI;
use std::fmt::Write as _;
use tieline_grid::network::{BusKind, Cost, Network};

/// The case's text. Reading it gives the network again, bit for bit where it came from a case, else to the last digits of
/// its decimals.
#[must_use]
pub fn write(network: &Network) -> String {
    let name: String = network.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut text = format!("function mpc = {name}\nmpc.version = '2';\n");
    let _ = writeln!(text, "mpc.baseMVA = {};", mega(network.base_va));
    buses(network, &mut text);
    generators(network, &mut text);
    branches(network, &mut text);
    costs(network, &mut text);
    names("bus_name", &network.buses.name, &mut text);
    names("gen_name", &network.generators.name, &mut text);
    names("branch_name", &network.branches.name, &mut text);
    text
}

/// MW of W; the nearest where none gives it exactly.
fn mega(value: f64) -> f64 {
    decimal::scaled(value, 1e6).unwrap_or(value / 1e6)
}

/// Degrees of radians, likewise.
fn degrees(rad: f64) -> f64 {
    decimal::degrees(rad).unwrap_or(rad * 180.0 / PI)
}

/// A table of words, where there is any.
fn names(key: &str, names: &[String], text: &mut String) {
    if names.iter().all(String::is_empty) {
        return;
    }
    let _ = writeln!(text, "\nmpc.{key} = {{");
    for name in names {
        let _ = writeln!(text, "\t'{}';", name.replace('\'', "''"));
    }
    text.push_str("};\n");
}

/// A number as MATPOWER reads it.
fn number(value: f64) -> String {
    if value.is_infinite() {
        if value > 0.0 { "Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value}")
    }
}

fn row(text: &mut String, values: &[f64]) {
    let words: Vec<String> = values.iter().map(|value| number(*value)).collect();
    let _ = writeln!(text, "\t{};", words.join("\t"));
}

fn buses(network: &Network, text: &mut String) {
    let b = &network.buses;
    text.push_str("\n% bus type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin\nmpc.bus = [\n");
    for bus in 0..network.bus_count() {
        let kind = match b.kind[bus] {
            BusKind::Load => 1.0,
            BusKind::Regulated => 2.0,
            BusKind::Reference => 3.0,
            BusKind::Isolated => 4.0,
        };
        row(
            text,
            &[
                b.number[bus] as f64,
                kind,
                mega(b.load_w[bus]),
                mega(b.load_var[bus]),
                mega(b.shunt_w[bus]),
                mega(b.shunt_var[bus]),
                b.area[bus] as f64,
                b.voltage_share[bus],
                degrees(b.angle_rad[bus]),
                decimal::scaled(b.nominal_v[bus], 1e3).unwrap_or(b.nominal_v[bus] / 1e3),
                b.zone[bus] as f64,
                b.most_share[bus],
                b.least_share[bus],
            ],
        );
    }
    text.push_str("];\n");
}

fn generators(network: &Network, text: &mut String) {
    let g = &network.generators;
    text.push_str("\n% bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin\nmpc.gen = [\n");
    for unit in 0..g.bus.len() {
        row(
            text,
            &[
                network.buses.number[g.bus[unit]] as f64,
                mega(g.output_w[unit]),
                mega(g.output_var[unit]),
                mega(g.most_var[unit]),
                mega(g.least_var[unit]),
                g.voltage_share[unit],
                mega(network.base_va),
                f64::from(u8::from(g.in_service[unit])),
                mega(g.most_w[unit]),
                mega(g.least_w[unit]),
            ],
        );
    }
    text.push_str("];\n");
}

fn branches(network: &Network, text: &mut String) {
    let b = &network.branches;
    text.push_str("\n% fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax\nmpc.branch = [\n");
    for branch in 0..b.from.len() {
        let rating = if b.rating_va[branch].is_finite() { mega(b.rating_va[branch]) } else { 0.0 };
        let limit = |rad: f64, free: f64| if rad.is_finite() { degrees(rad) } else { free };
        row(
            text,
            &[
                network.buses.number[b.from[branch]] as f64,
                network.buses.number[b.to[branch]] as f64,
                b.r_pu[branch],
                b.x_pu[branch],
                b.charging_pu[branch],
                rating,
                b.short_term_va[branch].map_or(0.0, mega),
                b.emergency_va[branch].map_or(0.0, mega),
                b.tap[branch],
                degrees(b.shift_rad[branch]),
                f64::from(u8::from(b.in_service[branch])),
                limit(b.least_angle_rad[branch], -360.0),
                limit(b.most_angle_rad[branch], 360.0),
            ],
        );
    }
    text.push_str("];\n");
}

fn costs(network: &Network, text: &mut String) {
    if network.generators.cost.iter().all(Option::is_none) {
        return;
    }
    text.push_str("\n% model startup shutdown n values\nmpc.gencost = [\n");
    let values = |cost: &Option<Cost>| match cost {
        Some(Cost::Piecewise(points)) => 2 * points.len(),
        Some(Cost::Polynomial(terms)) => terms.len(),
        None => 1,
    };
    // MATPOWER wants rows of one length.
    let width = 4 + network.generators.cost.iter().map(values).max().unwrap_or(0);
    for cost in &network.generators.cost {
        let mut values = vec![0.0; 4];
        match cost {
            Some(Cost::Piecewise(points)) => {
                values[0] = 1.0;
                values[3] = points.len() as f64;
                values.extend(points.iter().flat_map(|(mw, usd)| [*mw, *usd]));
            }
            Some(Cost::Polynomial(terms)) => {
                values[0] = 2.0;
                values[3] = terms.len() as f64;
                values.extend(terms.iter().rev());
            }
            None => {
                // The table has a row for every generator: one that costs nothing.
                values[0] = 2.0;
                values[3] = 1.0;
                values.push(0.0);
            }
        }
        values.resize(width, 0.0);
        row(text, &values);
    }
    text.push_str("];\n");
}
