//! A network as a MATPOWER case, version 2.
//!
//! Not modelled: columns that tieline does not use (areas, zones, base of a machine, ramps); they are zero or one.

use std::f64::consts::PI;
use std::fmt::Write as _;
use tieline_grid::network::{BusKind, Cost, Network};

/// The case's text; reading it gives the network again, to the last digits of its decimals.
#[must_use]
pub fn write(network: &Network) -> String {
    let name: String = network.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut text = format!("function mpc = {name}\nmpc.version = '2';\nmpc.baseMVA = {};\n", network.base_va / 1e6);
    buses(network, &mut text);
    generators(network, &mut text);
    branches(network, &mut text);
    costs(network, &mut text);
    text
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
        let (mw, degrees) = (1e-6, 180.0 / PI);
        row(
            text,
            &[
                b.number[bus] as f64,
                kind,
                b.load_w[bus] * mw,
                b.load_var[bus] * mw,
                b.shunt_w[bus] * mw,
                b.shunt_var[bus] * mw,
                1.0,
                b.voltage_share[bus],
                b.angle_rad[bus] * degrees,
                b.nominal_v[bus] / 1e3,
                1.0,
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
                g.output_w[unit] / 1e6,
                g.output_var[unit] / 1e6,
                g.most_var[unit] / 1e6,
                g.least_var[unit] / 1e6,
                g.voltage_share[unit],
                network.base_va / 1e6,
                f64::from(u8::from(g.in_service[unit])),
                g.most_w[unit] / 1e6,
                g.least_w[unit] / 1e6,
            ],
        );
    }
    text.push_str("];\n");
}

fn branches(network: &Network, text: &mut String) {
    let b = &network.branches;
    text.push_str("\n% fbus tbus r x b rateA rateB rateC ratio angle status angmin angmax\nmpc.branch = [\n");
    for branch in 0..b.from.len() {
        let rating = if b.rating_va[branch].is_finite() { b.rating_va[branch] / 1e6 } else { 0.0 };
        let degrees = |rad: f64, free: f64| if rad.is_finite() { rad * 180.0 / PI } else { free };
        row(
            text,
            &[
                network.buses.number[b.from[branch]] as f64,
                network.buses.number[b.to[branch]] as f64,
                b.r_pu[branch],
                b.x_pu[branch],
                b.charging_pu[branch],
                rating,
                rating,
                rating,
                b.tap[branch],
                b.shift_rad[branch] * 180.0 / PI,
                f64::from(u8::from(b.in_service[branch])),
                degrees(b.least_angle_rad[branch], -360.0),
                degrees(b.most_angle_rad[branch], 360.0),
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
        row(text, &values);
    }
    text.push_str("];\n");
}
