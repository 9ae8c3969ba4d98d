//! Cases of a zonal dispatch: TOML like scenarios, with hourly series in a CSV beside it, all mistakes at once.
//!
//! A column of the CSV is named by the key that uses it; its unit stands at the end of its name (`north_load_mw`), and a
//! column of shares has none. One row is one hour.
//!
//! Not modelled: other steps than an hour, series in Parquet, inheritance between cases.

use crate::scenario::sheet::{Field, Kind as K, Need, Sheet};
use crate::scenario::{Mistakes, collect, nearest};
use Need::{Else, May, Must};
use std::collections::BTreeMap;
use std::io::{self, Read};
use tieline_grid::dispatch::{Ends, Problem};
use tieline_grid::{load, renewables};
use tieline_units::{Draw, SourceKind, Span, Utc};

/// Names and texts of the cases that tieline carries.
const BUILTIN: &[(&str, &str)] = &[("three-zones", include_str!("../../../grids/three-zones.toml"))];

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
/// Largest CSV that is read, bytes.
const MOST_SERIES_BYTES: u64 = 1 << 30;
/// Most hours: ten years.
const MOST_HOURS: f64 = 87_672.0;

const fn key(key: &'static str, kind: K, need: Need, range: (f64, f64), doc: &'static str) -> Field {
    Field { key, kind, need, range, doc }
}

const ROOT: &[Field] = &[
    key("schema", K::Whole, Must, (1.0, 1.0), "version of the format, 1"),
    key("name", K::Text, Must, ANY, "short name"),
    key("title", K::Text, Must, ANY, "one line for people"),
    key("start", K::Instant, Must, ANY, "beginning of the first hour"),
    key("utc_offset", K::Interval, Else("-5 h", "guess: US Eastern"), (-50_400.0, 50_400.0), "local time less UTC"),
    key("hours", K::Whole, Must, (1.0, MOST_HOURS), "number of hours"),
    key("seed", K::Whole, Else("1", "guess: any"), (0.0, 9e15), "seed of sun, wind and outages"),
    key("series", K::Text, May, ANY, "CSV file with hourly columns, beside this file"),
    key("shed_price", K::Price, May, POSITIVE, "price of load left unserved; absent where none may be"),
    key("zone", K::Tables(ZONE), Must, ANY, "zones"),
    key("unit", K::Tables(UNIT), May, ANY, "units"),
    key("store", K::Tables(STORE), May, ANY, "storages"),
    key("link", K::Tables(LINK), May, ANY, "links"),
];
const ZONE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("load", K::Text, May, ANY, "column of the load, its unit at its end"),
    key("shape", K::Word(&["pjm", "tva"]), May, ANY, "shape of the load where no column is named"),
    key("peak", K::Power, May, POSITIVE, "greatest hour of the shape"),
    key("flat", K::Power, May, POSITIVE, "load on top that does not vary: data centres"),
    key("shed_price", K::Price, May, POSITIVE, "price of load left unserved, in this zone"),
];
const UNIT: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("class", K::Text, Must, ANY, "class, for sums: gas, wind, campus"),
    key("zone", K::Text, Must, ANY, "its zone"),
    key("capacity", K::Power, Must, POSITIVE, "capacity"),
    key("cost", K::Price, Must, ANY, "cost of generation"),
    key("emissions_kg_per_mwh", K::Plain, May, POSITIVE, "CO2, kg per MWh"),
    key("profile", K::Text, May, ANY, "column of the available share of capacity"),
    key("shape", K::Word(&["sun", "wind"]), May, ANY, "drawn share of capacity where no column is named"),
    key("outage", K::Ratio, May, (0.0, 0.9), "forced outage rate: share of the time on repair"),
    key("repair", K::Span, May, (3600.0, 3.2e7), "mean time to repair"),
    key("size", K::Power, May, (1e3, 1e12), "size of one of the machines that fail on their own; absent: all at once"),
];
const STORE: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("zone", K::Text, Must, ANY, "its zone"),
    key("power", K::Power, Must, POSITIVE, "greatest discharge, at the grid"),
    key("charge_power", K::Power, May, POSITIVE, "greatest charge, at the grid; absent: the same"),
    key("energy", K::Energy, Must, POSITIVE, "energy when full"),
    key("charge_efficiency", K::Ratio, Must, (1e-3, 1.0), "stored per charged"),
    key("discharge_efficiency", K::Ratio, Must, (1e-3, 1.0), "delivered per taken out"),
    key("loss", K::Ratio, May, (0.0, 0.5), "share of the stored energy that is lost in an hour"),
    key("first", K::Energy, May, POSITIVE, "energy before the first hour; absent: it ends as it began"),
    key("last", K::Energy, May, POSITIVE, "energy after the last hour"),
    key("inflow", K::Text, May, ANY, "column of the inflow as a share of power"),
];
const LINK: &[Field] = &[
    key("name", K::Text, Must, ANY, "name, unique"),
    key("from", K::Text, Must, ANY, "zone at its beginning"),
    key("to", K::Text, Must, ANY, "zone at its end"),
    key("limit", K::Power, Must, POSITIVE, "greatest flow forward"),
    key("backward", K::Power, May, POSITIVE, "greatest flow backward; absent: the same"),
];

/// A case that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Beginning of the first hour.
    pub start: Utc,
    /// Seed of what was drawn.
    pub seed: u64,
    /// The problem.
    pub problem: Problem,
    /// How many numbers rest on which kind of source.
    pub sources: BTreeMap<SourceKind, usize>,
}

/// Names of the built-in cases.
#[must_use]
pub fn builtin_names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}

/// Text of a built-in case.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Opens the CSV that a case names.
pub type Open<'o> = &'o mut dyn FnMut(&str) -> io::Result<Box<dyn Read>>;

/// Reads a case; `name` is for messages, `seed` replaces the case's own.
///
/// # Errors
/// All mistakes of the file, in its order; mistakes in the CSV stand at the key that names it.
pub fn read(name: &str, text: &str, seed: Option<u64>, open: Open<'_>) -> Result<Case, Mistakes> {
    let (case, sources, _) = collect(name, text, |notes, tree| {
        let root = Sheet::open(notes, Some(tree), ROOT, "", 0..text.len().min(1), None);
        walk(&root, seed, open)
    })?;
    Ok(Case { sources, ..case })
}

/// What the parts of a case share.
struct Frame {
    start: Utc,
    offset: Span,
    hours: usize,
    draw: Draw,
    columns: Vec<(String, Vec<f64>)>,
    zones: Vec<String>,
}

fn walk(root: &Sheet<'_, '_>, seed: Option<u64>, open: Open<'_>) -> Case {
    root.number("schema");
    let hours = root.number("hours").unwrap_or(1.0) as usize;
    let own_seed = root.number("seed").unwrap_or(1.0) as u64;
    let seed = seed.unwrap_or(own_seed);
    let start = root.instant("start").unwrap_or(Utc::nanos(0));
    let mut frame = Frame {
        start,
        offset: root.span("utc_offset"),
        hours,
        draw: Draw::new(seed, 0),
        columns: series(root, hours, open),
        zones: Vec::new(),
    };
    let mut problem = Problem { hours, step_s: 3600.0, ..Problem::default() };
    zones(root, &mut frame, &mut problem);
    units(root, &frame, &mut problem);
    stores(root, &frame, &mut problem);
    links(root, &frame, &mut problem);
    Case { name: root.word("name"), title: root.word("title"), start, seed, problem, sources: BTreeMap::new() }
}

/// The columns of the CSV, each `hours` long.
fn series(root: &Sheet<'_, '_>, hours: usize, open: Open<'_>) -> Vec<(String, Vec<f64>)> {
    let Some(file) = root.text("series") else { return Vec::new() };
    let wrong = |found: &str, expected: &str| root.wrong("series", found, expected, &format!("in {file}"));
    let bytes = open(&file).and_then(|reader| {
        let mut bytes = Vec::new();
        reader.take(MOST_SERIES_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            wrong(&error.to_string(), "a CSV file that can be read");
            return Vec::new();
        }
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&bytes[..]);
    let Ok(header) = reader.headers().cloned() else {
        wrong("bytes that are not text", "a line with the names of the columns");
        return Vec::new();
    };
    let mut columns: Vec<(String, Vec<f64>)> =
        header.iter().map(|name| (name.to_owned(), Vec::with_capacity(hours))).collect();
    let mut record = csv::StringRecord::new();
    let mut mistakes = 0;
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) if record.len() == columns.len() => {}
            Ok(true) => {
                wrong(&format!("{} values in line {line}", record.len()), &format!("{} values", columns.len()));
                return Vec::new();
            }
            Err(error) => {
                wrong(&error.to_string(), "lines of text with commas");
                return Vec::new();
            }
        }
        for ((name, values), cell) in columns.iter_mut().zip(&record) {
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
            if number.is_none() && !utc(name) && mistakes < 10 {
                mistakes += 1;
                wrong(&format!("\"{cell}\" in line {line}, column {name}"), "a finite number");
            }
            values.push(number.unwrap_or(0.0));
        }
    }
    let rows = columns.first().map_or(0, |column| column.1.len());
    if rows != hours {
        wrong(&format!("{rows} rows"), &format!("{hours} rows, as many as hours"));
        return Vec::new();
    }
    columns
}

/// A column for people.
fn utc(name: &str) -> bool {
    matches!(name, "utc" | "time" | "hour")
}

/// A column by the key that names it, in SI; `power` wants a unit at the end of its name.
fn column(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str, power: bool) -> Option<Vec<f64>> {
    let name = sheet.text(key)?;
    let Some((_, values)) = frame.columns.iter().find(|column| column.0 == name) else {
        let near = nearest(&name, frame.columns.iter().map(|column| column.0.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        sheet.wrong(key, &format!("\"{name}\""), "a column of the CSV named by series", &hint);
        return None;
    };
    let factor = match name.rsplit('_').next() {
        _ if !power => 1.0,
        Some("w") => 1.0,
        Some("kw") => 1e3,
        Some("mw") => 1e6,
        Some("gw") => 1e9,
        _ => {
            sheet.wrong(key, &format!("\"{name}\""), "a column whose name ends with its unit: _w, _kw, _mw, _gw", "");
            return None;
        }
    };
    if let Some(hour) = values.iter().position(|value| *value < 0.0) {
        sheet.wrong(key, &format!("{} in hour {hour} of {name}", values[hour]), "no negative values", "");
    }
    Some(values.iter().map(|value| value * factor).collect())
}

/// The name of a thing, unique among its kind.
fn name(sheet: &Sheet<'_, '_>, known: &[String]) -> String {
    let name = sheet.word("name");
    if !name.is_empty() && known.contains(&name) {
        sheet.wrong("name", &format!("\"{name}\" a second time"), "a name of its own", "");
    }
    name
}

/// The number of the zone that a key names.
fn zone(sheet: &Sheet<'_, '_>, key: &str, frame: &Frame) -> usize {
    let Some(name) = sheet.text(key) else { return 0 };
    if let Some(zone) = frame.zones.iter().position(|zone| *zone == name) {
        return zone;
    }
    let near = nearest(&name, frame.zones.iter().map(String::as_str));
    let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
    sheet.wrong(key, &format!("\"{name}\""), &format!("a zone: {}", frame.zones.join(", ")), &hint);
    0
}

fn zones(root: &Sheet<'_, '_>, frame: &mut Frame, problem: &mut Problem) {
    let shed = root.number("shed_price");
    let sheets = root.tables("zone");
    if sheets.is_empty() && root.has("zone") {
        root.wrong("zone", "no zones", "at least one [[zone]]", "");
    }
    let count = sheets.len();
    problem.zones.load_w = vec![0.0; frame.hours * count];
    for (index, sheet) in sheets.iter().enumerate() {
        let own = name(sheet, &frame.zones);
        frame.zones.push(own);
        let (peak, flat) = (sheet.number("peak"), sheet.number("flat").unwrap_or(0.0));
        let shape = sheet.text("shape");
        if sheet.has("peak") && !sheet.has("shape") {
            sheet.wrong("peak", "a peak without a shape", "shape = \"pjm\" or \"tva\" beside it", "");
        }
        let mut load_w = match (sheet.has("load"), shape) {
            (true, None) => column(sheet, frame, "load", true).unwrap_or_default(),
            (false, Some(shape)) => {
                let like = if shape == "tva" { load::tva_like } else { load::pjm_like };
                let series = like(frame.start, frame.hours, frame.offset);
                let most = series.values().iter().copied().fold(0.0, f64::max);
                if peak.is_none() && !sheet.has("peak") {
                    sheet.wrong("shape", "a shape without a peak", "peak = \"10 GW\" beside it", "");
                }
                series.values().iter().map(|value| value / most * peak.unwrap_or(0.0)).collect()
            }
            (true, Some(_)) => {
                sheet.wrong("shape", "a shape beside a column", "one of load and shape", "");
                Vec::new()
            }
            (false, None) if flat > 0.0 => vec![0.0; frame.hours],
            (false, None) => {
                sheet.wrong("load", "a zone without load", "load, or shape with peak, or flat", "");
                Vec::new()
            }
        };
        load_w.resize(frame.hours, 0.0);
        for (hour, load_w) in load_w.iter().enumerate() {
            problem.zones.load_w[hour * count + index] = load_w + flat;
        }
        problem.zones.shed_price_usd_per_j.push(sheet.number("shed_price").or(shed));
    }
    problem.zones.name.clone_from(&frame.zones);
}

fn units(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) {
    for (index, sheet) in root.tables("unit").iter().enumerate() {
        let own = name(sheet, &problem.units.name);
        let capacity_w = sheet.si("capacity");
        let mut profile = match (sheet.has("profile"), sheet.text("shape")) {
            (true, Some(_)) => {
                sheet.wrong("shape", "a shape beside a column", "one of profile and shape", "");
                None
            }
            (true, None) => column(sheet, frame, "profile", false),
            (false, Some(shape)) => {
                let drawn = if shape == "sun" { renewables::sun } else { renewables::wind };
                Some(drawn(frame.start, frame.hours, frame.offset, &frame.draw, index as u32))
            }
            (false, None) => None,
        };
        let (outage, repair) = (sheet.number("outage"), sheet.number("repair"));
        let size_w = sheet.number("size").unwrap_or(capacity_w).max(1.0);
        if sheet.has("outage") != sheet.has("repair") {
            sheet.wrong("outage", "one of outage and repair", "both, or neither", "");
        }
        if sheet.has("size") && !sheet.has("outage") {
            sheet.wrong(
                "size",
                "a size without an outage",
                "the share of time on repair that machines of this size have",
                "",
            );
        }
        if let (Some(outage), Some(repair_s)) = (outage, repair)
            && outage > 0.0
        {
            let machines = (capacity_w / size_w).round().clamp(1.0, 10_000.0) as u32;
            let up =
                renewables::machines_up(frame.hours, machines, outage, repair_s / 3600.0, &frame.draw, index as u32);
            profile = Some(match profile {
                Some(shares) => shares.iter().zip(&up).map(|(share, up)| share * up).collect(),
                None => up,
            });
        }
        let units = &mut problem.units;
        units.profile.push(profile.map(|profile| {
            problem.profiles.push(profile);
            problem.profiles.len() - 1
        }));
        units.name.push(own);
        units.class.push(sheet.word("class"));
        units.zone.push(zone(sheet, "zone", frame));
        units.capacity_w.push(capacity_w);
        units.cost_usd_per_j.push(sheet.si("cost"));
        units.kg_per_j.push(sheet.number("emissions_kg_per_mwh").unwrap_or(0.0) / 3.6e9);
    }
}

fn stores(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) {
    for sheet in &root.tables("store") {
        let own = name(sheet, &problem.stores.name);
        let (power_w, energy_j) = (sheet.si("power"), sheet.si("energy"));
        let (first, last) = (sheet.number("first"), sheet.number("last"));
        if sheet.has("first") != sheet.has("last") {
            sheet.wrong("first", "one of first and last", "both, or neither for a storage that ends as it began", "");
        }
        for (key, value) in [("first", first), ("last", last)] {
            if value.is_some_and(|value| value > energy_j) {
                sheet.wrong(key, "more than it holds", "at most its energy", "");
            }
        }
        let inflow = if sheet.has("inflow") { column(sheet, frame, "inflow", false) } else { None };
        let stores = &mut problem.stores;
        stores.inflow.push(inflow.map(|inflow| {
            problem.profiles.push(inflow);
            problem.profiles.len() - 1
        }));
        stores.name.push(own);
        stores.zone.push(zone(sheet, "zone", frame));
        stores.charge_w.push(sheet.number("charge_power").unwrap_or(power_w));
        stores.discharge_w.push(power_w);
        stores.energy_j.push(energy_j);
        stores.charge_efficiency.push(sheet.si("charge_efficiency"));
        stores.discharge_efficiency.push(sheet.si("discharge_efficiency"));
        stores.keep.push(1.0 - sheet.number("loss").unwrap_or(0.0));
        stores.ends.push(match (first, last) {
            (Some(first_j), Some(last_j)) => Ends::Fixed { first_j, last_j },
            _ => Ends::Cyclic,
        });
    }
}

fn links(root: &Sheet<'_, '_>, frame: &Frame, problem: &mut Problem) {
    for sheet in &root.tables("link") {
        let own = name(sheet, &problem.links.name);
        let limit_w = sheet.si("limit");
        let (from, to) = (zone(sheet, "from", frame), zone(sheet, "to", frame));
        if from == to && sheet.has("from") && sheet.has("to") {
            sheet.wrong("to", "the zone that it begins in", "another zone", "");
        }
        let links = &mut problem.links;
        links.name.push(own);
        links.from.push(from);
        links.to.push(to);
        links.forward_w.push(limit_w);
        links.backward_w.push(sheet.number("backward").unwrap_or(limit_w));
    }
}
