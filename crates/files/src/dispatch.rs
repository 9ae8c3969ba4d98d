//! Cases of a zonal dispatch: TOML like scenarios, with hourly series in a CSV beside it, all mistakes at once.
//!
//! A column of the CSV is named by the key that uses it; its unit stands at the end of its name (`north_load_mw`), and a
//! column of shares has none. One row is one hour.
//!
//! Not modelled: other steps than an hour, series in Parquet, inheritance between cases.

mod campus;
mod fields;
mod parts;
mod zones;

use crate::scenario::sheet::Sheet;
use crate::scenario::{Mistakes, collect, nearest};
pub use campus::{CLASS as CAMPUS_CLASS, CampusLoad, Named, Tier};
use fields::{MOST_SERIES_BYTES, ROOT};
use std::collections::BTreeMap;
use std::io::{self, Read};
use tieline_grid::dispatch::Problem;
use tieline_units::{Draw, SourceKind, Span, Utc};

/// Names and texts of the cases that tieline carries.
const BUILTIN: &[(&str, &str)] = &[
    ("pjm-like", include_str!("../../../grids/pjm-like.toml")),
    ("rts-79", include_str!("../../../grids/rts-79.toml")),
    ("three-zones", include_str!("../../../grids/three-zones.toml")),
    ("tva-like", include_str!("../../../grids/tva-like.toml")),
];

/// What of a case may be changed from outside.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Seed in place of the case's own.
    pub seed: Option<u64>,
    /// Which of the years that the seed draws.
    pub sample: u32,
    /// Other hours: first hour, number, local clock against UTC.
    pub window: Option<(Utc, usize, Span)>,
    /// Added to the temperature, K, in the middle of the hours: a heat wave, or a cold spell.
    pub heat_wave_k: f64,
    /// A campus in place of the case's own ones.
    pub campus: Option<CampusLoad>,
}

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
    /// Local clock against UTC.
    pub offset: Span,
    /// The problem.
    pub problem: Problem,
    /// Whether hourly columns come from a file beside it.
    pub from_file: bool,
    /// Area of each zone; empty where it has none.
    pub areas: Vec<String>,
    /// Temperature of each zone, °C, hour by hour; empty where it has no climate.
    pub ambient_c: Vec<Vec<f64>>,
    /// Accredited share of each unit's capacity, where it is told.
    pub elcc: Vec<Option<f64>>,
    /// Campuses, their load being part of their zone's.
    pub campuses: Vec<Named>,
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

/// Reads a case; `name` is for messages.
///
/// # Errors
/// All mistakes of the file, in its order; mistakes in the CSV stand at the key that names it.
pub fn read(name: &str, text: &str, settings: &Settings, open: Open<'_>) -> Result<Case, Mistakes> {
    let (case, sources, _) = collect(name, text, |notes, tree| {
        let root = Sheet::open(notes, Some(tree), ROOT, "", 0..text.len().min(1), None);
        walk(&root, settings, open)
    })?;
    Ok(Case { sources, ..case })
}

/// What the parts of a case share.
struct Frame {
    start: Utc,
    offset: Span,
    hours: usize,
    draw: Draw,
    heat_wave_k: f64,
    columns: Vec<(String, Vec<f64>)>,
    zones: Vec<String>,
    /// Temperature of each zone, °C; empty where it has no climate.
    ambient_c: Vec<Vec<f64>>,
}

fn walk(root: &Sheet<'_, '_>, settings: &Settings, open: Open<'_>) -> Case {
    root.number("schema");
    let own = (root.instant("start"), root.number("hours"), root.span("utc_offset"));
    let own_seed = root.number("seed").unwrap_or(1.0) as u64;
    let seed = settings.seed.unwrap_or(own_seed);
    let own = (own.0.unwrap_or(Utc::nanos(0)), own.1.unwrap_or(1.0) as usize, own.2);
    let (start, hours, offset) = settings.window.unwrap_or(own);
    let mut frame = Frame {
        start,
        offset,
        hours,
        draw: Draw::new(seed, settings.sample),
        heat_wave_k: settings.heat_wave_k,
        columns: series(root, hours, open),
        zones: Vec::new(),
        ambient_c: Vec::new(),
    };
    let mut problem = Problem { hours, step_s: 3600.0, ..Problem::default() };
    let areas = zones::zones(root, &mut frame, &mut problem);
    let mut elcc = parts::units(root, &frame, &mut problem);
    parts::stores(root, &frame, &mut problem);
    parts::links(root, &frame, &mut problem);
    let campuses = campus::campuses(root, &frame, settings.campus.as_ref(), &mut problem);
    elcc.resize(problem.units.name.len(), None);
    Case {
        name: root.word("name"),
        title: root.word("title"),
        start,
        seed,
        offset,
        problem,
        from_file: root.has("series"),
        areas,
        ambient_c: frame.ambient_c,
        elcc,
        campuses,
        sources: BTreeMap::new(),
    }
}

/// The columns of the CSV, each `hours` long.
pub(crate) fn series(root: &Sheet<'_, '_>, hours: usize, open: Open<'_>) -> Vec<(String, Vec<f64>)> {
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
