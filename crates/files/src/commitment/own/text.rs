//! A commitment case written as tieline's own TOML, such that reading it gives the same problem to the last bit.
//!
//! A value is written in the unit that people use where that gives the same bits back, else in the base unit.
//!
//! Not modelled: what a DC flow does not use of a network (voltages, charging, reactive power); it is named as lost.

use super::fields::PRODUCTS;
use super::network::{Branch, add_branch, add_bus, total};
use crate::table::STAMP;
use core::fmt::Write as _;
use tieline_grid::commitment::{Burns, Offer, Problem, Unit};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network};
use tieline_sim::results::Table;
use tieline_units::{Energy, EnergyPrice, Power, Quantity, SpanQuantity};

/// Numbers in a line of a list.
const A_LINE: usize = 12;

/// A case as it is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The TOML.
    pub text: String,
    /// The series beside it, where they were asked for and there are any.
    pub series: Option<Table>,
    /// What it does not hold, in words.
    pub lost: Vec<String>,
}

/// The text of a case; its series go into a table for the file `series` where one is named, else into the text.
#[must_use]
pub fn write(problem: &Problem, name: &str, source: &str, series: Option<&str>) -> Written {
    let mut out = Out { columns: series.map(|_| Vec::new()), ..Out::default() };
    let mut lost = Vec::new();
    out.bare("schema", "1");
    out.text("name", name);
    out.text("source", source);
    if let Some(file) = series {
        out.text("series", file);
    }
    out.bare("steps", &problem.steps.to_string());
    out.quantity("step", problem.step_s, &[("h", 3600.0), ("min", 60.0), ("s", 1.0)]);
    let buses = problem.lines.as_ref().map(|lines| total(&lines.load_w, problem.steps));
    // With a network the load is the sum of its buses', unless the case has another one.
    if buses.as_ref().is_none_or(|sum| !same(sum, &problem.load_w)) {
        out.series("load", "", &problem.load_w);
    }
    out.may("mismatch_price", problem.mismatch_usd_per_j, EnergyPrice::UNITS);
    let reserve = &problem.reserve;
    if !reserve.required_w.is_empty() || reserve.contingency.is_some() || reserve.short_usd_per_j.is_some() {
        out.head("[reserve]");
        out.series("required", "reserve", &reserve.required_w);
        if let Some(times) = reserve.contingency {
            out.bare("contingency", &plain(times));
        }
        out.may("short_price", reserve.short_usd_per_j, EnergyPrice::UNITS);
    }
    for fuel in &problem.fuels {
        out.head("[[fuel]]");
        out.text("name", &fuel.name);
        match fuel.per_step.first().filter(|first| fuel.per_step.iter().all(|each| each.to_bits() == first.to_bits())) {
            Some(first) => out.text("column", &plain(*first)),
            None if out.columns.is_some() => {
                let column = out.column(&format!("{}_per_step", fuel.name), fuel.per_step.clone());
                out.text("column", &column);
            }
            None => out.list("per_step", &fuel.per_step),
        }
    }
    let bus = |bus: usize| match &problem.lines {
        Some(lines) => lines.network.buses.number.get(bus).copied().unwrap_or(0),
        None => bus as u64 + 1,
    };
    for each in &problem.units {
        unit(&mut out, problem, each, bus(each.bus));
    }
    for renewable in &problem.renewables {
        out.head("[[renewable]]");
        out.text("name", &renewable.name);
        out.bus(problem, bus(renewable.bus));
        if !nothing(&renewable.least_w) || renewable.least_w.len() != problem.steps {
            out.series("least", &renewable.name, &renewable.least_w);
        }
        out.series("most", &renewable.name, &renewable.most_w);
    }
    stores(&mut out, problem, &bus);
    services(&mut out, problem);
    network(&mut out, problem, &mut lost);
    let numbers = out.columns.unwrap_or_default();
    let step_ns = (problem.step_s * 1e9).round() as i64;
    let utc_ns = (0..problem.steps as i64).map(|step| step.saturating_mul(step_ns)).collect();
    let table = Table { name: "series".to_owned(), utc_ns, numbers, texts: Vec::new() };
    Written { text: out.text, series: series.map(|_| table), lost }
}

fn unit(out: &mut Out, problem: &Problem, unit: &Unit, bus: u64) {
    out.head("[[unit]]");
    out.text("name", &unit.name);
    out.bus(problem, bus);
    for (key, watts) in [
        ("least", unit.least_w),
        ("most", unit.most_w),
        ("up", unit.up_w),
        ("down", unit.down_w),
        ("begin", unit.begin_w),
        ("end", unit.end_w),
    ] {
        out.quantity(key, watts, POWER);
    }
    out.steps("least_up", problem, unit.least_up);
    out.steps("least_down", problem, unit.least_down);
    let first = unit.first;
    let since = time(problem, first.steps);
    let output = quantity(first.output_w, POWER);
    out.bare("first", &format!("{{ on = {}, since = {since}, output = {output} }}", first.on));
    if !unit.ordered.is_empty() {
        if unit.ordered.len() == problem.steps && unit.ordered.iter().all(|order| *order == Some(true)) {
            out.bare("must_run", "true");
        } else {
            let sign = |order: &Option<bool>| match order {
                Some(true) => '#',
                Some(false) => '.',
                None => '-',
            };
            let signs: Vec<char> = unit.ordered.iter().map(sign).collect();
            let lines: Vec<String> = signs.chunks(96).map(|line| format!("\"{}\"", String::from_iter(line))).collect();
            out.bare("orders", &format!("[{}]", lines.join(", ")));
        }
    }
    let outputs: Vec<f64> = unit.curve.iter().map(|point| point.0).collect();
    out.watts("output", &outputs);
    out.list("cost_usd_per_h", &unit.curve.iter().map(|point| point.1).collect::<Vec<f64>>());
    if unit.stop_usd.to_bits() != 0 {
        out.quantity("stop_cost", unit.stop_usd, &[("$", 1.0)]);
    }
    if !unit.starts.is_empty() {
        let starts: Vec<String> = unit
            .starts
            .iter()
            .map(|start| {
                let (after, cost) = (time(problem, start.off), quantity(start.usd, &[("$", 1.0)]));
                let fuel =
                    if start.fuel.to_bits() == 0 { String::new() } else { format!(", fuel = {}", plain(start.fuel)) };
                format!("{{ after = {after}, cost = {cost}{fuel} }}")
            })
            .collect();
        out.bare("start", &format!("[\n    {},\n]", starts.join(",\n    ")));
    }
    if let Some(burns) = &unit.burns {
        fuel(out, problem, burns);
    }
    offer(out, &unit.offer);
}

fn fuel(out: &mut Out, problem: &Problem, burns: &Burns) {
    let name = |supply: usize| problem.fuels.get(supply).map_or("", |fuel| fuel.name.as_str());
    out.head("[unit.burns]");
    if let Some(supply) = burns.supply {
        out.text("supply", name(supply));
    }
    out.list("per_h", &burns.per_h);
    out.bare("fuel_usd", &plain(burns.usd));
    if let Some(other) = burns.other {
        out.head("[unit.burns.other]");
        if let Some(supply) = other.supply {
            out.text("supply", name(supply));
        }
        out.bare("fuel_usd", &plain(other.usd));
        for (key, yes) in [("blends", other.blends), ("switches", other.switches), ("first", other.first)] {
            if yes {
                out.bare(key, "true");
            }
        }
    }
}

fn offer(out: &mut Out, offer: &Offer) {
    if *offer == Offer::default() {
        return;
    }
    out.head("[unit.offer]");
    if let Some((least, most, per_minute)) = offer.regulation {
        let [least, most, per_minute] = [least, most, per_minute].map(|watts| quantity(watts, POWER));
        out.bare("regulation", &format!("{{ least = {least}, most = {most}, per_minute = {per_minute} }}"));
    }
    for (key, watts) in [
        ("spinning", Some(offer.spinning_w).filter(|watts| watts.is_finite())),
        ("non_spinning", offer.non_spinning_w),
        ("supplemental_off", offer.supplemental_off_w),
        ("supplemental", Some(offer.supplemental_w).filter(|watts| watts.is_finite())),
    ] {
        out.may(key, watts, POWER);
    }
}

fn stores(out: &mut Out, problem: &Problem, bus: &dyn Fn(usize) -> u64) {
    for store in &problem.stores {
        out.head("[[store]]");
        out.text("name", &store.name);
        out.bus(problem, bus(store.bus));
        out.quantity("discharge", store.discharge_w, POWER);
        out.quantity("charge", store.charge_w, POWER);
        for (key, joules) in
            [("energy", store.energy_j), ("floor", store.floor_j), ("first", store.first_j), ("last", store.last_j)]
        {
            out.quantity(key, joules, ENERGY);
        }
        for (key, share) in [
            ("charge_efficiency", store.charge_efficiency),
            ("discharge_efficiency", store.discharge_efficiency),
            ("keep", store.keep),
        ] {
            out.quantity(key, share, &[("pu", 1.0)]);
        }
        if !store.inflow_w.is_empty() {
            out.series("inflow", &store.name, &store.inflow_w);
        }
        for (key, price) in [("charge_price", store.charge_usd_per_j), ("discharge_price", store.discharge_usd_per_j)] {
            out.may(key, Some(price).filter(|price| price.to_bits() != 0), EnergyPrice::UNITS);
        }
    }
}

fn services(out: &mut Out, problem: &Problem) {
    let Some(services) = &problem.services else { return };
    out.head("[services]");
    for (product, price) in PRODUCTS.iter().zip(services.short_usd_per_j) {
        out.may(&format!("{product}_price"), Some(price).filter(|price| price.is_finite()), EnergyPrice::UNITS);
    }
    for area in &services.areas {
        out.head("[[services.area]]");
        out.text("name", &area.name);
        if !area.members.iter().copied().eq(0..problem.units.len()) {
            let names: Vec<String> =
                area.members.iter().filter_map(|unit| Some(quoted(&problem.units.get(*unit)?.name))).collect();
            out.bare("members", &format!("[{}]", names.join(", ")));
        }
        for (product, required_w) in PRODUCTS.iter().zip(&area.required_w) {
            out.series(product, &area.name, required_w);
        }
    }
}

fn network(out: &mut Out, problem: &Problem, lost: &mut Vec<String>) {
    let Some(lines) = &problem.lines else { return };
    let (buses, branches) = (&lines.network.buses, &lines.network.branches);
    let mut kept = Network { name: lines.network.name.clone(), base_va: lines.network.base_va, ..Network::default() };
    out.head("[network]");
    out.text("name", &lines.network.name);
    out.quantity("base", lines.network.base_va, POWER);
    out.text("convention", if lines.convention == Convention::Pm { "pm" } else { "mp" });
    for (bus, number) in buses.number.iter().enumerate() {
        out.head("[[bus]]");
        out.bare("number", &number.to_string());
        let reference = buses.kind[bus] == BusKind::Reference;
        if reference {
            out.bare("reference", "true");
        }
        if buses.shunt_w[bus].to_bits() != 0 {
            out.quantity("shunt", buses.shunt_w[bus], POWER);
        }
        let load_w = lines.load_w.get(bus).map_or(&[][..], Vec::as_slice);
        if !nothing(load_w) || load_w.len() != problem.steps {
            out.series("load", &format!("bus_{number}"), load_w);
        }
        add_bus(&mut kept, *number, if reference { BusKind::Reference } else { BusKind::Load });
        if let Some(shunt_w) = kept.buses.shunt_w.last_mut() {
            *shunt_w = buses.shunt_w[bus];
        }
    }
    for branch in 0..branches.from.len() {
        let number = |bus: usize| buses.number.get(bus).copied().unwrap_or(0).to_string();
        out.head("[[branch]]");
        out.bare("from", &number(branches.from[branch]));
        out.bare("to", &number(branches.to[branch]));
        out.bare("r", &plain(branches.r_pu[branch]));
        out.bare("x", &plain(branches.x_pu[branch]));
        let rating_w = branches.rating_va[branch];
        if rating_w.is_infinite() {
            out.text("rating", "none");
        } else if rating_w.to_bits() != 0 {
            out.quantity("rating", rating_w, POWER);
        }
        if branches.tap[branch].to_bits() != 1.0_f64.to_bits() {
            out.bare("tap", &plain(branches.tap[branch]));
        }
        if branches.shift_rad[branch].to_bits() != 0 {
            let degrees = branches.shift_rad[branch].to_degrees();
            if degrees.to_radians().to_bits() == branches.shift_rad[branch].to_bits() {
                out.bare("shift_deg", &plain(degrees));
            } else {
                out.bare("shift_rad", &plain(branches.shift_rad[branch]));
            }
        }
        if !branches.in_service[branch] {
            out.bare("in_service", "false");
        }
        add_branch(
            &mut kept,
            Branch {
                from: branches.from[branch],
                to: branches.to[branch],
                r_pu: branches.r_pu[branch],
                x_pu: branches.x_pu[branch],
                rating_w,
                tap: branches.tap[branch],
                shift_rad: branches.shift_rad[branch],
                in_service: branches.in_service[branch],
            },
        );
    }
    for link in &lines.links {
        let number = |bus: usize| buses.number.get(bus).copied().unwrap_or(0).to_string();
        out.head("[[dc_line]]");
        out.text("name", &link.name);
        out.bare("from", &number(link.from));
        out.bare("to", &number(link.to));
        out.quantity("limit", link.most_w, POWER);
    }
    if kept != lines.network {
        lost.push("voltages, charging, reactive power and generators of the network: a DC flow uses none".to_owned());
    }
}

/// Units of a power, the one that people use first; the base unit gives every number back.
const POWER: &[(&str, f64)] = &[Power::UNITS[0], ("W", 1.0)];
/// Units of an energy.
const ENERGY: &[(&str, f64)] = &[Energy::UNITS[0], ("J", 1.0)];

fn same(one: &[f64], other: &[f64]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn nothing(values: &[f64]) -> bool {
    values.iter().all(|value| value.to_bits() == 0)
}

/// A number in the fewest digits that give it back.
fn plain(value: f64) -> String {
    if value == 0.0 || (1e-5..1e15).contains(&value.abs()) { format!("{value}") } else { format!("{value:e}") }
}

/// A value in the first of the units that gives its bits back; the last has the factor 1.
fn quantity(si: f64, units: &[(&str, f64)]) -> String {
    for (unit, factor) in units {
        if let Some(value) = scaled(si, *factor) {
            return format!("\"{} {unit}\"", plain(value));
        }
    }
    format!("\"{}\"", plain(si))
}

/// The number that times a factor is a value, bit for bit, where there is one.
fn scaled(si: f64, factor: f64) -> Option<f64> {
    let near = si / factor;
    let (up, down) = (near.next_up(), near.next_down());
    let candidates = [near, up, down, up.next_up(), down.next_down()];
    candidates.into_iter().find(|value| (value * factor).to_bits() == si.to_bits())
}

/// Powers in MW, where that gives all bits back.
fn in_mw(watts: &[f64]) -> Option<Vec<f64>> {
    watts.iter().map(|value| scaled(*value, 1e6)).collect()
}

/// Steps as time.
fn time(problem: &Problem, steps: usize) -> String {
    quantity(steps as f64 * problem.step_s, &[("h", SpanQuantity::h(1.0).as_s()), ("s", 1.0)])
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text as it grows.
#[derive(Default)]
struct Out {
    text: String,
    /// Columns of a file of series, where there is to be one.
    columns: Option<Vec<(String, Vec<f64>)>>,
}

impl Out {
    fn head(&mut self, head: &str) {
        let _ = writeln!(self.text, "\n{head}");
    }

    fn bare(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.bare(key, &quoted(value));
    }

    fn quantity(&mut self, key: &str, si: f64, units: &[(&str, f64)]) {
        self.bare(key, &quantity(si, units));
    }

    fn may(&mut self, key: &str, si: Option<f64>, units: &[(&str, f64)]) {
        if let Some(si) = si {
            // The base unit stands last, whatever the order of the quantity's own list.
            let mut ordered = vec![units[0]];
            ordered.extend(units.iter().filter(|unit| unit.1.to_bits() == 1.0_f64.to_bits()));
            self.quantity(key, si, &ordered);
        }
    }

    fn steps(&mut self, key: &str, problem: &Problem, steps: usize) {
        self.bare(key, &time(problem, steps));
    }

    fn bus(&mut self, problem: &Problem, number: u64) {
        if problem.lines.is_some() || number != 1 {
            self.bare("bus", &number.to_string());
        }
    }

    /// A series of powers; left out where it is empty, one power where it never changes.
    fn series(&mut self, base: &str, owner: &str, watts: &[f64]) {
        let Some(first) = watts.first() else { return };
        if watts.len() > 1 && watts.iter().all(|each| each.to_bits() == first.to_bits()) {
            self.quantity(base, *first, POWER);
        } else if self.columns.is_some() {
            let name = if owner.is_empty() { base.to_owned() } else { format!("{owner}_{base}") };
            let (values, unit) = match in_mw(watts) {
                Some(mw) => (mw, "mw"),
                None => (watts.to_vec(), "w"),
            };
            let column = self.column(&format!("{name}_{unit}"), values);
            self.text(base, &column);
        } else {
            self.watts(base, watts);
        }
    }

    /// Adds a column under a name of its own.
    fn column(&mut self, name: &str, values: Vec<f64>) -> String {
        let columns = self.columns.get_or_insert_default();
        let taken = |name: &str| name == STAMP || columns.iter().any(|column| column.0 == name);
        // The unit stays at the end.
        let own = if taken(name) {
            (2..).map(|count| format!("{count}_{name}")).find(|name| !taken(name)).unwrap_or_default()
        } else {
            name.to_owned()
        };
        columns.push((own.clone(), values));
        own
    }

    /// A list of powers, in MW where that gives all bits back.
    fn watts(&mut self, base: &str, watts: &[f64]) {
        match in_mw(watts) {
            Some(mw) => self.list(&format!("{base}_mw"), &mw),
            None => self.list(&format!("{base}_w"), watts),
        }
    }

    fn list(&mut self, key: &str, values: &[f64]) {
        if values.len() <= A_LINE {
            let line: Vec<String> = values.iter().map(|value| plain(*value)).collect();
            self.bare(key, &format!("[{}]", line.join(", ")));
            return;
        }
        let lines: Vec<String> = values
            .chunks(A_LINE)
            .map(|line| format!("    {},", line.iter().map(|value| plain(*value)).collect::<Vec<_>>().join(", ")))
            .collect();
        self.bare(key, &format!("[\n{}\n]", lines.join("\n")));
    }
}
