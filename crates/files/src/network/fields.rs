//! The keys of a network: one list for each table, with what stands there in a network.
//!
//! Not modelled: keys whose meaning depends on another key's value; the reader says what must stand beside what.

use crate::scenario::sheet::{Field, Kind as K, Need};
use Need::{May, Must};
use tieline_grid::network::{BusKind, Network};

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
/// Greatest number of a bus, an area or a zone: whole in a double.
const NUMBER: (f64, f64) = (0.0, 9e15);
/// A voltage that a bus may be said to have, share of nominal.
const VOLTAGE: (f64, f64) = (1e-3, 10.0);
/// Words for what is held at a bus.
pub(super) const KINDS: [(&str, BusKind); 4] = [
    ("load", BusKind::Load),
    ("regulated", BusKind::Regulated),
    ("reference", BusKind::Reference),
    ("isolated", BusKind::Isolated),
];
const KIND_WORDS: &[&str] = &["load", "regulated", "reference", "isolated"];

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

pub(super) const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, May, ANY, "short name"),
    key("base", K::Apparent, Must, (1.0, 1e15), "base of per unit"),
    key("bus", K::Tables(BUS), Must, ANY, "buses"),
    key("branch", K::Tables(BRANCH), May, ANY, "lines and transformers"),
    key("generator", K::Tables(GENERATOR), May, ANY, "generators"),
];
pub(super) const BUS: &[Field] = &[
    key("number", K::Whole, Must, (1.0, 9e15), "number, unique"),
    key("name", K::Text, May, ANY, "name"),
    key(
        "kind",
        K::Word(KIND_WORDS),
        May,
        ANY,
        "what is held: load (power; without the key), regulated (voltage), reference (voltage and angle), isolated (out of service)",
    ),
    key("area", K::Whole, May, NUMBER, "number of its area; absent: 1"),
    key("zone", K::Whole, May, NUMBER, "number of its loss zone; absent: 1"),
    key("load", K::Power, May, ANY, "load"),
    key("load_reactive", K::Reactive, May, ANY, "reactive load"),
    key("shunt", K::Power, May, ANY, "what the shunt draws at nominal voltage"),
    key("shunt_reactive", K::Reactive, May, ANY, "what the shunt feeds at nominal voltage: a capacitor is positive"),
    key("voltage_pu", K::Plain, May, VOLTAGE, "voltage to start from, per unit; absent: 1"),
    key("angle", K::Angle, May, ANY, "angle to start from"),
    key("nominal", K::Voltage, May, POSITIVE, "nominal voltage"),
    key("least_voltage_pu", K::Plain, Must, ANY, "lowest voltage allowed, per unit"),
    key("most_voltage_pu", K::Plain, Must, ANY, "highest voltage allowed, per unit"),
];
pub(super) const BRANCH: &[Field] = &[
    key("from", K::Whole, Must, NUMBER, "number of the bus at its beginning, where the tap is"),
    key("to", K::Whole, Must, NUMBER, "number of the bus at its end"),
    key("name", K::Text, May, ANY, "name"),
    key("r_pu", K::Plain, May, ANY, "series resistance, per unit of the base"),
    key("x_pu", K::Plain, Must, ANY, "series reactance, per unit of the base"),
    key("charging_pu", K::Plain, May, ANY, "charging susceptance of the whole line, per unit of the base"),
    key("rating", K::Apparent, May, POSITIVE, "continuous rating; absent: no limit"),
    key("short_term", K::Apparent, May, POSITIVE, "rating for some hours after an outage; absent: none is told"),
    key("emergency", K::Apparent, May, POSITIVE, "rating for some minutes after an outage; absent: none is told"),
    key("tap", K::Plain, May, POSITIVE, "tap ratio; absent: 1"),
    key("shift", K::Angle, May, ANY, "phase shift"),
    key("in_service", K::Flag, May, ANY, "whether it carries anything; absent: true"),
    key("least_angle", K::Angle, May, ANY, "least difference of the angles of its ends; absent: no limit"),
    key("most_angle", K::Angle, May, ANY, "most difference of the angles of its ends; absent: no limit"),
];
pub(super) const GENERATOR: &[Field] = &[
    key("bus", K::Whole, Must, NUMBER, "number of its bus"),
    key("name", K::Text, May, ANY, "name"),
    key("output", K::Power, May, ANY, "output"),
    key("output_reactive", K::Reactive, May, ANY, "reactive output"),
    key("least", K::Power, May, ANY, "least output"),
    key("most", K::Power, Must, ANY, "most output"),
    key("least_reactive", K::Reactive, May, ANY, "least reactive output; absent: no limit"),
    key("most_reactive", K::Reactive, May, ANY, "most reactive output; absent: no limit"),
    key("voltage_pu", K::Plain, May, ANY, "voltage that it holds, per unit; absent: 1"),
    key("in_service", K::Flag, May, ANY, "whether it runs; absent: true"),
    key("cost", K::Text, May, ANY, "cost by powers of the output, \"120 $/h + 14 $/MWh + 0.01 $/MW2h\""),
    key("cost_points", K::Texts, May, ANY, "cost in straight lines, [\"50 MW: 800 $/h\", \"100 MW: 1700 $/h\"]"),
];

/// A table of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Bus,
    Branch,
    Generator,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Bus, Self::Branch, Self::Generator];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Bus => "bus",
            Self::Branch => "branch",
            Self::Generator => "generator",
        }
    }

    /// Its keys but for costs, which have a shape of their own.
    pub(super) fn fields(self) -> impl Iterator<Item = &'static Field> {
        let all = match self {
            Self::Bus => BUS,
            Self::Branch => BRANCH,
            Self::Generator => GENERATOR,
        };
        all.iter().filter(|field| !field.key.starts_with("cost"))
    }

    pub(super) fn rows(self, network: &Network) -> usize {
        match self {
            Self::Bus => network.bus_count(),
            Self::Branch => network.branches.from.len(),
            Self::Generator => network.generators.bus.len(),
        }
    }
}

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'n> {
    /// In SI.
    Number(f64),
    Whole(u64),
    Text(&'n str),
    Flag(bool),
    /// Nothing: no limit, no name, none told.
    Absent,
}

impl Value<'_> {
    /// Whether both are the same to the bit.
    pub(super) fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }
}

/// A number, or nothing where it is the infinity that stands for no limit.
fn unless(value: f64, none: f64) -> Value<'static> {
    if value == none { Value::Absent } else { Value::Number(value) }
}

fn told(value: Option<f64>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Number)
}

fn name(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Absent } else { Value::Text(text) }
}

/// What a network has behind a key of a row.
pub(super) fn value<'n>(network: &'n Network, part: Part, row: usize, key: &str) -> Value<'n> {
    use Value::{Flag, Number, Text, Whole};
    let (b, l, g) = (&network.buses, &network.branches, &network.generators);
    let number = |bus: usize| Whole(b.number[bus]);
    match (part, key) {
        (Part::Bus, "number") => number(row),
        (Part::Bus, "name") => name(&b.name[row]),
        (Part::Bus, "kind") => {
            Text(KINDS.iter().find(|(_, kind)| *kind == b.kind[row]).map_or("load", |(word, _)| word))
        }
        (Part::Bus, "area") => Whole(b.area[row]),
        (Part::Bus, "zone") => Whole(b.zone[row]),
        (Part::Bus, "load") => Number(b.load_w[row]),
        (Part::Bus, "load_reactive") => Number(b.load_var[row]),
        (Part::Bus, "shunt") => Number(b.shunt_w[row]),
        (Part::Bus, "shunt_reactive") => Number(b.shunt_var[row]),
        (Part::Bus, "voltage_pu") => Number(b.voltage_share[row]),
        (Part::Bus, "angle") => Number(b.angle_rad[row]),
        (Part::Bus, "nominal") => Number(b.nominal_v[row]),
        (Part::Bus, "least_voltage_pu") => Number(b.least_share[row]),
        (Part::Bus, "most_voltage_pu") => Number(b.most_share[row]),
        (Part::Branch, "from") => number(l.from[row]),
        (Part::Branch, "to") => number(l.to[row]),
        (Part::Branch, "name") => name(&l.name[row]),
        (Part::Branch, "r_pu") => Number(l.r_pu[row]),
        (Part::Branch, "x_pu") => Number(l.x_pu[row]),
        (Part::Branch, "charging_pu") => Number(l.charging_pu[row]),
        (Part::Branch, "rating") => unless(l.rating_va[row], f64::INFINITY),
        (Part::Branch, "short_term") => told(l.short_term_va[row]),
        (Part::Branch, "emergency") => told(l.emergency_va[row]),
        (Part::Branch, "tap") => Number(l.tap[row]),
        (Part::Branch, "shift") => Number(l.shift_rad[row]),
        (Part::Branch, "in_service") => Flag(l.in_service[row]),
        (Part::Branch, "least_angle") => unless(l.least_angle_rad[row], f64::NEG_INFINITY),
        (Part::Branch, "most_angle") => unless(l.most_angle_rad[row], f64::INFINITY),
        (Part::Generator, "bus") => number(g.bus[row]),
        (Part::Generator, "name") => name(&g.name[row]),
        (Part::Generator, "output") => Number(g.output_w[row]),
        (Part::Generator, "output_reactive") => Number(g.output_var[row]),
        (Part::Generator, "least") => Number(g.least_w[row]),
        (Part::Generator, "most") => Number(g.most_w[row]),
        (Part::Generator, "least_reactive") => unless(g.least_var[row], f64::NEG_INFINITY),
        (Part::Generator, "most_reactive") => unless(g.most_var[row], f64::INFINITY),
        (Part::Generator, "voltage_pu") => Number(g.voltage_share[row]),
        (Part::Generator, "in_service") => Flag(g.in_service[row]),
        (part, key) => unreachable!("{key} is no key of {part:?}"),
    }
}

/// What an absent key stands for, where that is a value: a writer leaves it out.
pub(super) fn usual(part: Part, key: &str) -> Value<'static> {
    match (part, key) {
        (_, "kind") => Value::Text("load"),
        (_, "area" | "zone") => Value::Whole(1),
        (_, "in_service") => Value::Flag(true),
        (_, "voltage_pu" | "tap") => Value::Number(1.0),
        (_, "number" | "from" | "to" | "bus" | "name") => Value::Absent,
        (_, "x_pu" | "most" | "least_voltage_pu" | "most_voltage_pu") => Value::Absent,
        (_, "rating" | "short_term" | "emergency" | "least_angle" | "most_angle") => Value::Absent,
        (Part::Generator, "least_reactive" | "most_reactive") => Value::Absent,
        _ => Value::Number(0.0),
    }
}
