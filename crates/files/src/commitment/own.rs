//! Unit-commitment cases in tieline's own TOML, with series inline or in a CSV or Parquet file beside it.
//!
//! It holds all that a [`Problem`] holds: what is written here and read again is the same problem to the last bit. Powers,
//! prices and times are text with their units; lists of numbers have the unit in their key (`load_mw`) or at the end of
//! their column's name. All mistakes come at once, each with line, found, expected and a hint.
//!
//! Not modelled: calendar time, inheritance between cases, networks beyond what a DC flow uses.

mod fields;
pub(super) mod network;
mod parts;
mod text;

use super::{Case, Format};
use crate::dispatch;
use crate::scenario::sheet::Sheet;
use crate::scenario::{Mistakes, collect, nearest};
use core::ops::Range;
use fields::ROOT;
use std::io::{self, Read};
use tieline_grid::commitment::{Problem, Subject};
use tieline_units::{Power, Quantity};

pub use text::{Written, write};

/// Opens the file of series that a case names.
pub type Open<'o> = &'o mut dyn FnMut(&str) -> io::Result<Box<dyn Read>>;

/// Reads a case; `name` is for messages.
///
/// # Errors
/// All mistakes of the file, in its order; mistakes in a file of series stand at the key that names it.
pub fn read(name: &str, text: &str, open: Open<'_>) -> Result<Case, Mistakes> {
    let (problem, _, _) = collect(name, text, |notes, tree| {
        let root = Sheet::open(notes, Some(tree), ROOT, "", 0..text.len().min(1), None);
        let (problem, spans) = walk(&root, open);
        // What each key says may be fine and still make no sense together.
        if notes.clean() {
            for (subject, what) in problem.findings() {
                let (span, key) = spans.of(&root, subject);
                root.wrong_at(span, &key, &what, "a case that makes sense", "");
            }
        }
        problem
    })?;
    Ok(Case { format: Format::Own, problem, remarks: Vec::new() })
}

/// Whether a text is a case of unit commitment: it has steps at its top.
#[must_use]
pub fn is_case(text: &str) -> bool {
    let (tree, _) = toml::de::DeTable::parse_recoverable(text);
    tree.get_ref().keys().any(|key| key.get_ref() == "steps")
}

/// What the parts of a case share.
struct Frame {
    /// Number of steps; none where it was not read.
    steps: Option<usize>,
    step_s: f64,
    /// Columns of the file of series.
    columns: Vec<(String, Vec<f64>)>,
    /// Numbers of the buses; empty without a network.
    buses: Vec<u64>,
}

/// Where things stand in the file.
#[derive(Default)]
struct Spans {
    units: Vec<Range<usize>>,
    renewables: Vec<Range<usize>>,
    stores: Vec<Range<usize>>,
    fuels: Vec<Range<usize>>,
    areas: Vec<Range<usize>>,
}

impl Spans {
    fn of(&self, root: &Sheet<'_, '_>, subject: Subject) -> (Range<usize>, String) {
        let one = |spans: &[Range<usize>], word: &str, index: usize| {
            (spans.get(index).cloned().unwrap_or(0..1), format!("{word}[{index}]"))
        };
        match subject {
            Subject::Whole => (0..1, "(case)".to_owned()),
            Subject::Load => {
                let key = ["load", "load_mw", "load_w"].into_iter().find(|key| root.has(key)).unwrap_or("bus");
                (root.at(key), key.to_owned())
            }
            Subject::Reserve => (root.at("reserve"), "reserve".to_owned()),
            Subject::Lines => (root.at("network"), "network".to_owned()),
            Subject::Unit(index) => one(&self.units, "unit", index),
            Subject::Renewable(index) => one(&self.renewables, "renewable", index),
            Subject::Store(index) => one(&self.stores, "store", index),
            Subject::Fuel(index) => one(&self.fuels, "fuel", index),
            Subject::Area(index) => one(&self.areas, "services.area", index),
        }
    }
}

fn walk(root: &Sheet<'_, '_>, open: Open<'_>) -> (Problem, Spans) {
    root.number("schema");
    root.text("name");
    root.text("title");
    let steps = root.number("steps").map(|steps| steps as usize);
    let step_s = root.number("step").unwrap_or(3600.0);
    let columns = columns(root, steps, open);
    let mut frame = Frame { steps, step_s, columns, buses: Vec::new() };
    let mut spans = Spans::default();
    let mut problem = Problem { steps: steps.unwrap_or(0), step_s, ..Problem::default() };
    problem.lines = network::lines(root, &mut frame);
    problem.load_w = load(root, &frame, &problem);
    problem.mismatch_usd_per_j = root.number("mismatch_price");
    problem.reserve = parts::reserve(&root.table("reserve"), &frame);
    parts::fuels(root, &frame, &mut problem, &mut spans);
    parts::units(root, &frame, &mut problem, &mut spans);
    parts::renewables(root, &frame, &mut problem, &mut spans);
    parts::stores(root, &frame, &mut problem, &mut spans);
    problem.services = parts::services(root, &frame, &problem, &mut spans);
    (problem, spans)
}

/// The load: its own series, else the sum of the buses'.
fn load(root: &Sheet<'_, '_>, frame: &Frame, problem: &Problem) -> Vec<f64> {
    let own = series(root, frame, "load", (f64::NEG_INFINITY, f64::INFINITY));
    let buses = problem.lines.as_ref().map(|lines| network::total(&lines.load_w, problem.steps));
    match (own, buses) {
        (Some(own), Some(buses)) => {
            let apart = |(own, bus): (&f64, &f64)| (own - bus).abs() > 1e-6 * (1.0 + own.abs());
            if own.len() == buses.len()
                && let Some(t) = own.iter().zip(&buses).position(apart)
            {
                let key = ["load", "load_mw", "load_w"].into_iter().find(|key| root.has(key)).unwrap_or("load");
                let found = format!("{} MW in step {}, the buses {} MW", own[t] / 1e6, t + 1, buses[t] / 1e6);
                root.wrong(key, &found, "the sum of the buses", "leave it out: it is added up");
            }
            own
        }
        (Some(own), None) => own,
        (None, Some(buses)) => buses,
        (None, None) => {
            if !["load", "load_mw", "load_w"].iter().any(|key| root.has(key)) {
                root.wrong("load_mw", "nothing", "a list of numbers (load, MW, one a step)", "the key is missing");
            }
            Vec::new()
        }
    }
}

/// The columns of the file of series.
fn columns(root: &Sheet<'_, '_>, steps: Option<usize>, open: Open<'_>) -> Vec<(String, Vec<f64>)> {
    steps.map_or_else(Vec::new, |steps| dispatch::numbers(root, steps, open))
}

/// Values of a series, W: a list of MW or W, a column, or one power for all steps. None where it is not there.
fn series(sheet: &Sheet<'_, '_>, frame: &Frame, base: &str, range: (f64, f64)) -> Option<Vec<f64>> {
    let (mw, w) = (format!("{base}_mw"), format!("{base}_w"));
    let there: Vec<&str> = [base, mw.as_str(), w.as_str()].into_iter().filter(|key| sheet.has(key)).collect();
    if let [first, second, ..] = there[..] {
        sheet.wrong(
            second,
            "a second series of the same",
            &format!("one of {base}, {mw} and {w}"),
            &format!("{first} is there"),
        );
        return None;
    }
    let key = *there.first()?;
    let (values, factor) = if key == base {
        column(sheet, frame, base)?
    } else {
        (sheet.numbers(key)?, if key == mw { 1e6 } else { 1.0 })
    };
    one_a_step(sheet, frame, key, values.len());
    if let Some(t) = values.iter().position(|value| !(range.0..=range.1).contains(value)) {
        let hint = if range.0 == 0.0 { "it may not be negative" } else { "" };
        sheet.wrong(key, &format!("{} in step {}", values[t], t + 1), "a number within its range", hint);
    }
    Some(values.iter().map(|value| value * factor).collect())
}

/// Says where a series is not as long as the case.
fn one_a_step(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str, found: usize) {
    if let Some(steps) = frame.steps.filter(|steps| *steps != found) {
        sheet.wrong(key, &format!("{found} values"), &format!("{steps} values, one a step"), "");
    }
}

/// A column by name with the factor of its unit, or one power for all steps.
fn column(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str) -> Option<(Vec<f64>, f64)> {
    let name = sheet.text(key)?;
    if let Some((_, values)) = frame.columns.iter().find(|column| column.0 == name) {
        let factor = match name.rsplit('_').next() {
            Some("w") => 1.0,
            Some("kw") => 1e3,
            Some("mw") => 1e6,
            Some("gw") => 1e9,
            _ => {
                let expected = "a column whose name ends with its unit: _w, _kw, _mw, _gw";
                sheet.wrong(key, &format!("\"{name}\""), expected, "");
                return None;
            }
        };
        return Some((values.clone(), factor));
    }
    if let Ok(power) = Power::parse(&name) {
        return Some((vec![power.si(); frame.steps.unwrap_or(0)], 1.0));
    }
    let near = nearest(&name, frame.columns.iter().map(|column| column.0.as_str()));
    let hint = near.map_or_else(|| format!("or a list: {key}_mw = [...]"), |near| format!("did you mean \"{near}\"?"));
    sheet.wrong(
        key,
        &format!("\"{name}\""),
        "a column of the file named by series, or a power such as \"90 MW\"",
        &hint,
    );
    None
}

/// Whole steps of a time; zero where a mistake was noted.
fn steps(sheet: &Sheet<'_, '_>, frame: &Frame, key: &str) -> usize {
    let Some(seconds) = sheet.number(key) else { return 0 };
    let steps = seconds / frame.step_s;
    if (steps - steps.round()).abs() > 1e-6 * (1.0 + steps) {
        let expected = format!("a whole number of steps of {} min", frame.step_s / 60.0);
        sheet.wrong(key, &format!("{} h", seconds / 3600.0), &expected, "");
    }
    steps.round() as usize
}

/// Place of a bus by its number.
fn bus(sheet: &Sheet<'_, '_>, frame: &Frame) -> usize {
    let number = sheet.number("bus").map(|number| number as u64);
    if frame.buses.is_empty() {
        // Without a network a bus is a mark that nothing looks at, from 1.
        return number.map_or(0, |number| number.saturating_sub(1) as usize);
    }
    let Some(number) = number else {
        if !sheet.has("bus") {
            sheet.wrong("bus", "nothing", "the number of its bus, as there is a network", "the key is missing");
        }
        return 0;
    };
    frame.buses.iter().position(|known| *known == number).unwrap_or_else(|| {
        let expected = format!("the number of one of the {} buses", frame.buses.len());
        sheet.wrong("bus", &number.to_string(), &expected, "");
        0
    })
}

/// The name of a thing, unique among its kind.
fn name<'n>(sheet: &Sheet<'_, '_>, mut known: impl Iterator<Item = &'n String>) -> String {
    let name = sheet.word("name");
    if !name.is_empty() && known.any(|known| *known == name) {
        sheet.wrong("name", &format!("\"{name}\" a second time"), "a name of its own", "");
    }
    name
}
