//! Networks in TOML: one row a line, values with their units, all mistakes at once.
//!
//! Not modelled: files that include others, rows that inherit from each other.

use super::decimal;
use super::fields::{Part, ROOT, Value, usual, value};
use super::rows::{self, Places, Row};
use crate::scenario::sheet::{Kind, Sheet};
use crate::scenario::{Mistakes, collect};
use flate2::bufread::MultiGzDecoder;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use tieline_grid::network::{Cost, Network};
use tieline_units::{Source, SourceKind};

/// Largest text that is read, bytes; the largest public case makes 5 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Units of the coefficients of a cost, by power of the output.
const COST_UNITS: [&str; 4] = ["$/h", "$/MWh", "$/MW2h", "$/MW3h"];
/// Most powers of a cost.
const MOST_POWERS: usize = 32;
/// What stands before the rows.
const HEAD: &str = "\
# A network of buses, branches and generators; `tieline schema network` lists the keys. One row a line.
# Per unit (pu): of the base, voltages of nominal. What a row leaves out: no load, no output, no shunt, no shift; no limit
# (rating, angles, reactive output); kind \"load\"; area, zone, tap and voltage_pu 1; in service.
";

/// Whether a TOML text holds a network, by its tables.
#[must_use]
pub fn is_network(text: &str) -> bool {
    toml::de::DeTable::parse_recoverable(text).0.get_ref().iter().any(|(key, _)| key.get_ref() == "bus")
}

/// The whole text, plain or gzip.
///
/// # Errors
/// What cannot be read, is too long, or is not text.
pub fn unpacked(bytes: impl Read) -> io::Result<String> {
    let mut input = BufReader::new(bytes);
    let mut all = Vec::new();
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(input).take(MOST_BYTES + 1).read_to_end(&mut all)?;
    } else {
        input.take(MOST_BYTES + 1).read_to_end(&mut all)?;
    }
    if all.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    String::from_utf8(all).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        io::Error::other(format!("line {line}: found bytes that are not UTF-8, expected text"))
    })
}

/// Reads a network; `name` is for messages.
///
/// # Errors
/// All mistakes of the file, in its order.
pub fn read(name: &str, text: &str) -> Result<Network, Mistakes> {
    let (network, ..) = collect(name, text, |notes, tree| {
        let span = 0..text.len().min(1);
        // One mistake for the whole file is enough where no source stands.
        let silent = Source { kind: SourceKind::Claim, citation: "none told".to_owned() };
        let root = Sheet::open(notes, Some(tree), ROOT, "", span.clone(), Some(&silent));
        if !tree.iter().any(|(key, _)| key.get_ref() == "source") {
            let hint = "add source = \"claim: ...\" above the tables; a row may name its own";
            root.wrong_at(span, "source", "nothing", "where the numbers come from, \"kind: citation\"", hint);
        }
        walk(&root)
    })?;
    Ok(network)
}

impl Row for Sheet<'_, '_> {
    fn number(&self, key: &'static str) -> Option<f64> {
        Sheet::number(self, key)
    }
    fn whole(&self, key: &'static str) -> Option<u64> {
        Sheet::number(self, key).map(|number| number as u64)
    }
    fn text(&self, key: &'static str) -> Option<String> {
        Sheet::text(self, key)
    }
    fn flag(&self, key: &'static str, otherwise: bool) -> bool {
        Sheet::flag(self, key, otherwise)
    }
    fn wrong(&self, key: &'static str, found: &str, expected: &str) {
        Sheet::wrong(self, key, found, expected, "");
    }
}

fn walk(root: &Sheet<'_, '_>) -> Network {
    root.number("schema");
    let mut network = Network {
        name: root.text("name").unwrap_or_default(),
        base_va: root.number("base").unwrap_or(1.0),
        ..Network::default()
    };
    let mut places = Places::default();
    let buses = root.tables("bus");
    if root.has("bus") && root.count("bus") == 0 {
        root.wrong("bus", "no row", "at least one bus", "");
    }
    buses.iter().for_each(|sheet| rows::bus(sheet, &mut network, &mut places));
    root.tables("branch").iter().for_each(|sheet| rows::branch(sheet, &mut network, &places));
    for sheet in root.tables("generator") {
        let cost = cost(&sheet);
        rows::generator(&sheet, &mut network, &places, cost);
    }
    network
}

/// The cost of a generator.
fn cost(sheet: &Sheet<'_, '_>) -> Option<Cost> {
    if sheet.has("cost_points") {
        if sheet.has("cost") {
            sheet.wrong("cost", "cost and cost_points", "one of them", "");
        }
        let texts = sheet.texts("cost_points");
        let mut points = Vec::new();
        for text in &texts {
            match point(text) {
                Some(point) => points.push(point),
                None => sheet.wrong("cost_points", &format!("\"{text}\""), "a point such as \"50 MW: 800 $/h\"", ""),
            }
        }
        if points.len() == texts.len() && points.len() < 2 {
            sheet.wrong("cost_points", &format!("{} points", points.len()), "at least two", "");
        }
        if let Some(place) = rows::descent(&points) {
            let found = format!("{} MW after {} MW", points[place + 1].0, points[place].0);
            sheet.wrong("cost_points", &found, "points whose outputs ascend", "");
        }
        return Some(Cost::Piecewise(points));
    }
    let text = sheet.text("cost")?;
    let terms = terms(&text);
    if terms.is_none() {
        let expected = "terms apart by \" + \", such as \"120 $/h + 14 $/MWh + 0.01 $/MW2h\"";
        sheet.wrong("cost", &format!("\"{text}\""), expected, "each power once");
    }
    terms.map(Cost::Polynomial)
}

/// A finite number before one of some units, and which.
fn before_unit<'u>(text: &str, units: impl Iterator<Item = (usize, &'u str)>) -> Option<(usize, f64)> {
    let (number, unit) = text.trim().split_once(' ')?;
    let place = units.into_iter().find(|(_, known)| *known == unit.trim())?.0;
    let plain = number.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let number: f64 = number.parse().ok().filter(|number: &f64| plain && number.is_finite())?;
    Some((place, number))
}

fn terms(text: &str) -> Option<Vec<f64>> {
    if text.trim() == "no terms" {
        return Some(Vec::new());
    }
    let mut terms: Vec<Option<f64>> = Vec::new();
    for part in text.split(" + ") {
        let unit = part.trim().split_once(' ')?.1.trim();
        let power = match COST_UNITS.iter().position(|known| *known == unit) {
            Some(power) => power,
            None => unit.strip_prefix("$/MW")?.strip_suffix('h')?.parse().ok().filter(|power| *power < MOST_POWERS)?,
        };
        let (_, number) = before_unit(part, [(0, unit)].into_iter())?;
        terms.resize(terms.len().max(power + 1), None);
        if terms[power].replace(number).is_some() {
            return None;
        }
    }
    Some(terms.into_iter().map(|term| term.unwrap_or(0.0)).collect())
}

fn point(text: &str) -> Option<(f64, f64)> {
    let (output, cost) = text.split_once(':')?;
    let one = |text: &str, unit| before_unit(text, [(0, unit)].into_iter()).map(|(_, number)| number);
    Some((one(output, "MW")?, one(cost, "$/h")?))
}

/// The network as TOML; `source` says where its numbers come from ("claim: converted from case.m"). Reading the text gives
/// the network again, bit for bit, but for names that no line can show.
#[must_use]
pub fn write(network: &Network, source: &str) -> String {
    let mut text = format!("{HEAD}schema = 1\n");
    if !network.name.is_empty() {
        let _ = writeln!(text, "name = {}", quoted(&network.name));
    }
    let _ = writeln!(text, "base = \"{}\"\nsource = {}", with_unit(network.base_va, Kind::Apparent), quoted(source));
    for part in Part::ALL {
        let _ = write!(text, "\n{} = [\n", part.word());
        for row in 0..part.rows(network) {
            text.push_str("  {");
            let mut lead = " ";
            let mut put = |key: &str, shown: &str| {
                let _ = write!(text, "{lead}{key} = {shown}");
                lead = ", ";
            };
            for field in part.fields() {
                let value = value(network, part, row, field.key);
                if !value.same(usual(part, field.key)) {
                    put(field.key, &shown(value, field.kind));
                }
            }
            if part == Part::Generator
                && let Some(cost) = &network.generators.cost[row]
            {
                let (key, shown) = cost_words(cost);
                put(key, &shown);
            }
            text.push_str(" },\n");
        }
        text.push_str("]\n");
    }
    text
}

fn shown(value: Value<'_>, kind: Kind) -> String {
    match value {
        Value::Number(number) if matches!(kind, Kind::Plain) => plain(number),
        Value::Number(number) => format!("\"{}\"", with_unit(number, kind)),
        Value::Whole(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::Flag(flag) => flag.to_string(),
        Value::Absent => "\"\"".to_owned(),
    }
}

/// A number as TOML has it, with the sign of a zero.
fn plain(number: f64) -> String {
    if number == 0.0 && number.is_sign_negative() {
        return "-0.0".to_owned();
    }
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A value in the unit that planners use where that gives it to the bit, else in the base unit.
fn with_unit(value: f64, kind: Kind) -> String {
    let (found, unit, base) = match kind {
        Kind::Power => (decimal::scaled(value, 1e6), "MW", "W"),
        Kind::Reactive => (decimal::scaled(value, 1e6), "Mvar", "var"),
        Kind::Apparent => (decimal::scaled(value, 1e6), "MVA", "VA"),
        Kind::Voltage => (decimal::scaled(value, 1e3), "kV", "V"),
        _ => (decimal::degrees(value), "deg", "rad"),
    };
    match found {
        Some(number) => format!("{} {unit}", plain(number)),
        None => format!("{} {base}", plain(value)),
    }
}

/// Text in quotes as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn cost_words(cost: &Cost) -> (&'static str, String) {
    match cost {
        Cost::Polynomial(terms) if terms.is_empty() => ("cost", "\"no terms\"".to_owned()),
        Cost::Polynomial(terms) => {
            let unit =
                |power: usize| COST_UNITS.get(power).map_or_else(|| format!("$/MW{power}h"), |u| (*u).to_owned());
            let one = |(power, term): (usize, &f64)| format!("{} {}", plain(*term), unit(power));
            let last = terms.len() - 1;
            // Terms that are nothing are left out, but for the last: it says how many there are.
            let told = terms.iter().enumerate().filter(|(power, term)| *power == last || term.to_bits() != 0);
            ("cost", format!("\"{}\"", told.map(one).collect::<Vec<_>>().join(" + ")))
        }
        Cost::Piecewise(points) => {
            let one = |(mw, usd): &(f64, f64)| format!("\"{} MW: {} $/h\"", plain(*mw), plain(*usd));
            ("cost_points", format!("[{}]", points.iter().map(one).collect::<Vec<_>>().join(", ")))
        }
    }
}
