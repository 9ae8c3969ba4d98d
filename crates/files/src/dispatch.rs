//! Cases of a zonal dispatch: TOML like scenarios, with hourly series in a CSV or Parquet file beside it, all mistakes at once.
//!
//! A column of the series is named by the key that uses it; its unit stands at the end of its name (`north_load_mw`), and a
//! column of shares has none. One row is one hour. Columns that no key names are not looked at.
//!
//! Not modelled: other steps than an hour, inheritance between cases.

mod campus;
mod fields;
mod parts;
pub mod series;
mod zones;

use crate::scenario::sheet::Sheet;
use crate::scenario::{Mistakes, collect, nearest};
pub use campus::{CLASS as CAMPUS_CLASS, CampusLoad, Named, Tier};
use fields::ROOT;
use series::Column;
use std::collections::BTreeMap;
use std::io::{self, Read};
use tieline_grid::dispatch::Problem;
use tieline_grid::fleet::storage_credit;
use tieline_units::{Draw, SourceKind, Span, Utc};

/// Names and texts of the cases that tieline carries.
const BUILTIN: &[(&str, &str)] = &[
    ("pjm-like", include_str!("../../../grids/pjm-like.toml")),
    ("rts-79", include_str!("../../../grids/rts-79.toml")),
    ("three-zones", include_str!("../../../grids/three-zones.toml")),
    ("tva-like", include_str!("../../../grids/tva-like.toml")),
];

/// An hour, ns.
const HOUR_NS: i64 = 3_600_000_000_000;

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
    /// Area of each zone; empty where it has none.
    pub areas: Vec<String>,
    /// Temperature of each zone, °C, hour by hour; empty where it has no climate.
    pub ambient_c: Vec<Vec<f64>>,
    /// Accredited share of each unit's capacity, where it is told.
    pub elcc: Vec<Option<f64>>,
    /// Accredited share of each storage's power, where it is told; see [`Case::credit`].
    pub store_elcc: Vec<Option<f64>>,
    /// What each unit was observed to give, W, hour by hour, where a column tells it.
    pub observed_w: Vec<Option<Vec<f64>>>,
    /// Campuses, their load being part of their zone's.
    pub campuses: Vec<Named>,
    /// How many numbers rest on which kind of source.
    pub sources: BTreeMap<SourceKind, usize>,
}

impl Case {
    /// Share of a storage's discharging power that margins count: told, or by how long it lasts at that power.
    #[must_use]
    pub fn credit(&self, store: usize) -> f64 {
        let stores = &self.problem.stores;
        let lasts_h =
            stores.energy_j[store] * stores.discharge_efficiency[store] / stores.discharge_w[store].max(1.0) / 3600.0;
        self.store_elcc[store].unwrap_or_else(|| storage_credit(lasts_h))
    }

    /// Power of a storage that margins count, W.
    #[must_use]
    pub fn credited_w(&self, store: usize) -> f64 {
        self.credit(store) * self.problem.stores.discharge_w[store]
    }
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

/// Opens the file of hourly columns that a case names.
pub type Open<'o> = &'o mut dyn FnMut(&str) -> io::Result<Box<dyn Read>>;

/// Reads a case; `name` is for messages.
///
/// # Errors
/// All mistakes of the file, in its order; mistakes in the series stand at the key that names it.
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
    columns: Vec<Column>,
    /// The case names a series that did not read; that was said, and its columns are not missed one by one.
    unread: bool,
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
        columns: series(root, (own.0, own.1), (start, hours), open),
        unread: false,
        zones: Vec::new(),
        ambient_c: Vec::new(),
    };
    frame.unread = root.has("series") && frame.columns.is_empty();
    let mut problem = Problem { hours, step_s: 3600.0, ..Problem::default() };
    let areas = zones::zones(root, &mut frame, &mut problem);
    let (mut elcc, mut observed_w) = parts::units(root, &frame, &mut problem);
    let store_elcc = parts::stores(root, &frame, &mut problem);
    parts::links(root, &frame, &mut problem);
    let campuses = campus::campuses(root, &frame, settings.campus.as_ref(), &mut problem);
    elcc.resize(problem.units.name.len(), None);
    observed_w.resize(problem.units.name.len(), None);
    Case {
        name: root.word("name"),
        title: root.word("title"),
        start,
        seed,
        offset,
        problem,
        areas,
        ambient_c: frame.ambient_c,
        elcc,
        store_elcc,
        observed_w,
        campuses,
        sources: BTreeMap::new(),
    }
}

/// The columns of the series, of the case's own hours cut to those that are asked for, or of these alone.
fn series(root: &Sheet<'_, '_>, own: (Utc, usize), asked: (Utc, usize), open: Open<'_>) -> Vec<Column> {
    let Some(file) = root.text("series") else { return Vec::new() };
    let wrong = |found: &str, expected: &str| root.wrong("series", found, expected, &format!("in {file}"));
    let read = open(&file).map_err(|error| (error.to_string(), "a CSV or Parquet file that can be read".to_owned()));
    let mut found = match read.and_then(series::read) {
        Ok(found) => found,
        Err((found, expected)) => {
            wrong(&found, &expected);
            return Vec::new();
        }
    };
    // A grid made for a scenario's window has a row for each of its hours, whatever its own hours are.
    let (start, hours) = if found.rows == asked.1 && found.rows != own.1 { asked } else { own };
    if found.rows != hours {
        wrong(&format!("{} rows", found.rows), &format!("{hours} rows, as many as hours"));
        return Vec::new();
    }
    let hour = Span::secs(3600);
    if let Some(odd) = found.stamps.as_ref().and_then(|stamps| series::misplaced(stamps, Some(start), hour)) {
        let expected = format!("{}: one row an hour, {hours} from start = {start}", odd.expected);
        root.wrong("series", &odd.found, &expected, &format!("{}in {file}", more(&odd)));
        return Vec::new();
    }
    let before = (asked.0 - start).as_nanos();
    let first = usize::try_from(before / HOUR_NS).ok().filter(|first| {
        before % HOUR_NS == 0 && before >= 0 && first.checked_add(asked.1).is_some_and(|end| end <= hours)
    });
    let Some(first) = first else {
        let asked = format!("{} hours from {}, which are asked for", asked.1, asked.0);
        wrong(&asked, &format!("hours within the series: {hours} from {start}"));
        return Vec::new();
    };
    for column in &mut found.columns {
        column.values.truncate(first + asked.1);
        column.values.drain(..first);
        column.bad.retain(|(row, ..)| (first..first + asked.1).contains(row));
    }
    found.columns
}

/// How many more rows are out of their places, in words.
fn more(odd: &series::Misplaced) -> String {
    if odd.more > 0 { format!("and {} rows more; ", odd.more) } else { String::new() }
}

/// Numbers of the columns of the series, one a step, for cases whose steps have no dates.
pub(crate) fn numbers(root: &Sheet<'_, '_>, steps: usize, open: Open<'_>) -> Vec<(String, Vec<f64>)> {
    let Some(file) = root.text("series") else { return Vec::new() };
    let wrong = |found: &str, expected: &str| root.wrong("series", found, expected, &format!("in {file}"));
    let read = open(&file).map_err(|error| (error.to_string(), "a CSV or Parquet file that can be read".to_owned()));
    let found = match read.and_then(series::read) {
        Ok(found) => found,
        Err((found, expected)) => {
            wrong(&found, &expected);
            return Vec::new();
        }
    };
    if found.rows != steps {
        wrong(&format!("{} rows", found.rows), &format!("{steps} rows, one a step"));
        return Vec::new();
    }
    // The steps have no dates: the stamps must only go on evenly.
    if let Some(stamps) = &found.stamps
        && let Some(odd) = series::misplaced(stamps, None, stamps.step())
    {
        let expected = format!("{}: stamps that go on by the step of the first two", odd.expected);
        root.wrong("series", &odd.found, &expected, &format!("{}in {file}", more(&odd)));
    }
    for Column { name, bad, values } in &found.columns {
        for (_, line, cell) in bad {
            wrong(&format!("\"{cell}\" in line {line}, column {name}"), "a finite number");
        }
        if let Some(step) = values.iter().position(|value| value.is_nan()).filter(|_| bad.is_empty()) {
            wrong(&format!("a gap in step {} of {name}", step + 1), "a finite number");
        }
    }
    found.columns.into_iter().map(|column| (column.name, column.values)).collect()
}

/// A column by the key that names it, in SI; `power` wants a unit at the end of its name. Without `power` a column is one
/// of shares, or of megawatts (`_mw`, `_kw`, `_gw`), which are taken over `full_w`.
fn column(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str, power: Option<f64>) -> Option<Vec<f64>> {
    let name = sheet.text(key)?;
    if frame.unread {
        return Some(vec![0.0; frame.hours]);
    }
    let Some(Column { values, bad, .. }) = frame.columns.iter().find(|column| column.name == name) else {
        let near = nearest(&name, frame.columns.iter().map(|column| column.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
        sheet.wrong(key, &format!("\"{name}\""), "a column of the file named by series", &hint);
        return None;
    };
    let factor = match (name.rsplit('_').next(), power) {
        (Some("w"), None) => 1.0,
        (Some("kw"), None) => 1e3,
        (Some("mw"), None) => 1e6,
        (Some("gw"), None) => 1e9,
        (Some("kw"), Some(full_w)) => 1e3 / full_w.max(1.0),
        (Some("mw"), Some(full_w)) => 1e6 / full_w.max(1.0),
        (Some("gw"), Some(full_w)) => 1e9 / full_w.max(1.0),
        (_, Some(_)) => 1.0,
        (_, None) => {
            sheet.wrong(key, &format!("\"{name}\""), "a column whose name ends with its unit: _w, _kw, _mw, _gw", "");
            return None;
        }
    };
    for (_, line, cell) in bad {
        sheet.wrong(key, &format!("\"{cell}\" in line {line}, column {name}"), "a finite number", "");
    }
    if let Some(hour) = values.iter().position(|value| value.is_nan()) {
        if bad.is_empty() {
            sheet.wrong(key, &format!("a gap in hour {hour} of {name}"), "a finite number", "");
        }
        return Some(vec![0.0; values.len()]);
    }
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
