//! Networks as a folder of Parquet tables: `network`, `bus`, `branch`, `generator` and `cost`, the unit at the end of a
//! column's name (`load_mw`), a null where there is no limit or none is told.
//!
//! Tables of other programs are read too, if their columns have these names: numbers of any width, texts, booleans.
//! `cost.parquet` has one row for a term or a point of a generator's cost, by the generator's row, from 1.
//!
//! Not modelled: nested columns, decimals and dates, sources of numbers.

mod columns;

use super::decimal;
use super::fields::{Part, Value, value};
use super::rows::{self, Places, Row};
use crate::scenario::nearest;
use crate::scenario::sheet::{Field, Kind, Need};
use columns::{Cells, Columns};
use core::cell::RefCell;
use core::fmt;
use std::io;
use tieline_grid::network::{Cost, Network};

/// Names of the tables, without their ending.
pub const TABLES: [&str; 5] = ["network", "bus", "branch", "generator", "cost"];
/// Keys whose column, where there is one, has a value in every row: nothing there would be taken for zero.
const FULL: [&str; 9] =
    ["load", "load_reactive", "shunt", "shunt_reactive", "output", "output_reactive", "least", "r_pu", "charging_pu"];
/// Most mistakes that are told whole.
const MOST_MISTAKES: usize = 50;

/// All mistakes of a folder, in words: table, row, column, found, expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// At most 50.
    pub list: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl Mistakes {
    fn say(&mut self, words: String) {
        if self.list.len() < MOST_MISTAKES {
            self.list.push(words);
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.list.join("\n"))?;
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for Mistakes {}

/// A network, and what its tables have that is not used, in words.
pub type Found = (Network, Vec<String>);

/// Opens a table by its file's name.
pub type Open<'o> = &'o mut dyn FnMut(&str) -> io::Result<Vec<u8>>;

/// Name of a key's column, with its unit.
fn column(field: &Field) -> String {
    let (end, bare) = match field.kind {
        Kind::Power => ("_mw", field.key),
        Kind::Reactive => ("_mvar", field.key.trim_end_matches("_reactive")),
        Kind::Apparent => ("_mva", field.key),
        Kind::Voltage => ("_kv", field.key),
        Kind::Angle => ("_deg", field.key),
        _ => ("", field.key),
    };
    format!("{bare}{end}")
}

/// SI of a column's unit.
fn si(kind: Kind, number: f64) -> f64 {
    match kind {
        Kind::Power | Kind::Reactive | Kind::Apparent => number * 1e6,
        Kind::Voltage => number * 1e3,
        Kind::Angle => decimal::radians(number),
        _ => number,
    }
}

/// A column's unit of SI; the nearest where none gives it to the bit.
fn unit(kind: Kind, value: f64) -> f64 {
    match kind {
        Kind::Power | Kind::Reactive | Kind::Apparent => decimal::scaled(value, 1e6).unwrap_or(value / 1e6),
        Kind::Voltage => decimal::scaled(value, 1e3).unwrap_or(value / 1e3),
        Kind::Angle => decimal::degrees(value).unwrap_or(value * 180.0 / std::f64::consts::PI),
        _ => value,
    }
}

/// The tables of a network, each with the name of its file.
///
/// # Errors
/// What the Parquet writer says.
pub fn write(network: &Network) -> Result<Vec<(String, Vec<u8>)>, String> {
    let one = Columns {
        rows: 1,
        list: vec![
            ("schema".to_owned(), Cells::Wholes(vec![Some(1)])),
            ("name".to_owned(), Cells::Texts(vec![Some(network.name.clone())])),
            ("base_mva".to_owned(), Cells::Numbers(vec![Some(unit(Kind::Apparent, network.base_va))])),
        ],
    };
    let mut all = vec![("network".to_owned(), one)];
    for part in Part::ALL {
        let rows = part.rows(network);
        let cells = |field: &Field| {
            let values = (0..rows).map(|row| value(network, part, row, field.key));
            match field.kind {
                Kind::Whole => Cells::Wholes(
                    values
                        .map(|value| if let Value::Whole(n) = value { i64::try_from(n).ok() } else { None })
                        .collect(),
                ),
                Kind::Flag => Cells::Flags(
                    values.map(|value| if let Value::Flag(flag) = value { Some(flag) } else { None }).collect(),
                ),
                Kind::Text | Kind::Word(_) => Cells::Texts(
                    values.map(|value| if let Value::Text(t) = value { Some(t.to_owned()) } else { None }).collect(),
                ),
                kind => Cells::Numbers(
                    values.map(|v| if let Value::Number(n) = v { Some(unit(kind, n)) } else { None }).collect(),
                ),
            }
        };
        let list = part.fields().map(|field| (column(field), cells(field))).collect();
        all.push((part.word().to_owned(), Columns { rows, list }));
    }
    all.push(("cost".to_owned(), costs(network)));
    all.into_iter().map(|(name, table)| Ok((format!("{name}.parquet"), columns::write(&name, &table)?))).collect()
}

/// One row for every term and point.
fn costs(network: &Network) -> Columns {
    let (mut generator, mut model, mut power) = (Vec::new(), Vec::new(), Vec::new());
    let (mut coefficient, mut output, mut usd) = (Vec::new(), Vec::new(), Vec::new());
    let mut put = |unit: usize, word: &str, term: Option<(usize, f64)>, point: Option<(f64, f64)>| {
        generator.push(i64::try_from(unit + 1).ok());
        model.push(Some(word.to_owned()));
        power.push(term.and_then(|(power, _)| i64::try_from(power).ok()));
        coefficient.push(term.map(|(_, value)| value));
        output.push(point.map(|(mw, _)| mw));
        usd.push(point.map(|(_, usd)| usd));
    };
    for (unit, cost) in network.generators.cost.iter().enumerate() {
        match cost {
            Some(Cost::Polynomial(terms)) if terms.is_empty() => put(unit, "polynomial", None, None),
            Some(Cost::Polynomial(terms)) => {
                terms.iter().enumerate().for_each(|(power, term)| put(unit, "polynomial", Some((power, *term)), None));
            }
            Some(Cost::Piecewise(points)) => {
                points.iter().for_each(|point| put(unit, "piecewise", None, Some(*point)));
            }
            None => {}
        }
    }
    Columns {
        rows: generator.len(),
        list: vec![
            ("generator".to_owned(), Cells::Wholes(generator)),
            ("model".to_owned(), Cells::Texts(model)),
            ("power".to_owned(), Cells::Wholes(power)),
            ("usd_per_h_per_mw_to_power".to_owned(), Cells::Numbers(coefficient)),
            ("output_mw".to_owned(), Cells::Numbers(output)),
            ("usd_per_h".to_owned(), Cells::Numbers(usd)),
        ],
    }
}

/// A table being read.
struct Table<'m> {
    file: String,
    columns: Columns,
    mistakes: &'m RefCell<Mistakes>,
}

impl Table<'_> {
    fn say(&self, row: usize, column: &str, found: &str, expected: &str) {
        let found: String = found.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
        let words = format!("{}: row {}, {column}: found {found}, expected {expected}", self.file, row + 1);
        self.mistakes.borrow_mut().say(words);
    }

    fn cells(&self, column: &str) -> Option<&Cells> {
        self.columns.list.iter().find(|(name, _)| name == column).map(|(_, cells)| cells)
    }
}

/// A row of a table; `fields` are the keys that it may have.
struct Line<'t, 'm> {
    table: &'t Table<'m>,
    fields: &'t [(&'static Field, String, Option<usize>)],
    row: usize,
}

impl Line<'_, '_> {
    /// What stands in a key's column, and the column's name; what must be there and is not is said.
    fn cell(&self, key: &str) -> Option<(columns::Cell<'_>, &str, &'static Field)> {
        let (field, name, place) = self.fields.iter().find(|(field, ..)| field.key == key)?;
        let cell = self.table.columns.list[(*place)?].1.at(self.row);
        if cell.is_none() && (matches!(field.need, Need::Must) || FULL.contains(&key)) {
            self.table.say(self.row, name, "nothing", field.doc);
        }
        cell.map(|cell| (cell, name.as_str(), *field))
    }
}

impl Row for Line<'_, '_> {
    fn number(&self, key: &'static str) -> Option<f64> {
        let (cell, name, field) = self.cell(key)?;
        let Some(number) = cell.number().filter(|number| number.is_finite()) else {
            self.table.say(self.row, name, &cell.to_string(), "a finite number");
            return None;
        };
        let value = si(field.kind, number);
        if value < field.range.0 || value > field.range.1 || !value.is_finite() || number.abs() >= 1e15 {
            self.table.say(self.row, name, &cell.to_string(), &format!("a number in its range ({})", field.doc));
            return None;
        }
        Some(value)
    }

    fn whole(&self, key: &'static str) -> Option<u64> {
        let (cell, name, field) = self.cell(key)?;
        let (least, most) = field.range;
        let found = cell.number().filter(|number| (least..=most).contains(number) && number.fract() == 0.0);
        if found.is_none() {
            self.table.say(self.row, name, &cell.to_string(), &format!("a whole number ({})", field.doc));
        }
        found.map(|number| number as u64)
    }

    fn text(&self, key: &'static str) -> Option<String> {
        let (cell, name, field) = self.cell(key)?;
        let Some(text) = cell.text() else {
            self.table.say(self.row, name, &cell.to_string(), "a text");
            return None;
        };
        if text.chars().any(char::is_control) || text.chars().count() > 300 {
            self.table.say(self.row, name, &cell.to_string(), "at most 300 characters that a line can show");
            return None;
        }
        if let Kind::Word(words) = field.kind
            && !words.contains(&text)
        {
            self.table.say(self.row, name, &cell.to_string(), &format!("one of: {}", words.join(", ")));
            return None;
        }
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    fn flag(&self, key: &'static str, otherwise: bool) -> bool {
        let Some((cell, name, _)) = self.cell(key) else { return otherwise };
        cell.flag().unwrap_or_else(|| {
            self.table.say(self.row, name, &cell.to_string(), "true or false, or 1 or 0");
            otherwise
        })
    }

    fn wrong(&self, key: &'static str, found: &str, expected: &str) {
        let name = self.fields.iter().find(|(field, ..)| field.key == key).map_or(key, |(_, name, _)| name.as_str());
        self.table.say(self.row, name, found, expected);
    }
}

/// Reads a network; `folder` is for messages.
///
/// # Errors
/// All mistakes, each with table, row and column.
pub fn read(folder: &str, open: Open<'_>) -> Result<Found, Mistakes> {
    let mistakes = RefCell::new(Mistakes::default());
    let mut tables = Vec::new();
    for name in TABLES {
        let file = format!("{folder}/{name}.parquet");
        let columns = match open(&format!("{name}.parquet")) {
            Ok(bytes) => columns::read(bytes.into()),
            // A network may have no generator, or none that costs something.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && matches!(name, "cost" | "generator" | "branch") =>
            {
                Ok(Columns::default())
            }
            Err(error) => Err(format!("{error}; expected a table of a network")),
        };
        let columns = columns.unwrap_or_else(|why| {
            mistakes.borrow_mut().say(format!("{file}: {why}"));
            Columns::default()
        });
        tables.push(Table { file, columns, mistakes: &mistakes });
    }
    if !mistakes.borrow().list.is_empty() {
        return Err(mistakes.into_inner());
    }
    let mut remarks = Vec::new();
    let mut network = Network::default();
    head(&tables[0], &mut network);
    let costs = read_costs(&tables[4], tables[3].columns.rows);
    let mut places = Places::default();
    for (part, table) in Part::ALL.into_iter().zip(&tables[1..4]) {
        let fields = known(part, table, &mut remarks);
        if part == Part::Bus && table.columns.rows == 0 {
            mistakes.borrow_mut().say(format!("{}: found no row, expected at least one bus", table.file));
        }
        for row in 0..table.columns.rows {
            let line = Line { table, fields: &fields, row };
            match part {
                Part::Bus => rows::bus(&line, &mut network, &mut places),
                Part::Branch => rows::branch(&line, &mut network, &places),
                Part::Generator => rows::generator(&line, &mut network, &places, costs[row].clone()),
            }
        }
    }
    drop(tables);
    let mistakes = mistakes.into_inner();
    if mistakes.list.is_empty() { Ok((network, remarks)) } else { Err(mistakes) }
}

/// Name and base.
fn head(table: &Table<'_>, network: &mut Network) {
    if table.columns.rows != 1 {
        table.mistakes.borrow_mut().say(format!("{}: found {} rows, expected one", table.file, table.columns.rows));
        return;
    }
    let cell = |column: &str| table.cells(column).and_then(|cells| cells.at(0));
    match cell("schema").and_then(|cell| cell.number()) {
        Some(1.0) => {}
        found => table.say(0, "schema", &found.map_or("nothing".to_owned(), |f| f.to_string()), "1"),
    }
    match cell("base_mva").and_then(|cell| cell.number()).filter(|base| (1e-6..1e9).contains(base)) {
        Some(base) => network.base_va = si(Kind::Apparent, base),
        None => table.say(0, "base_mva", "nothing, or no number", "the base of per unit in MVA, above 0"),
    }
    if let Some(name) = cell("name").and_then(|cell| cell.text().map(str::to_owned)) {
        network.name = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(300).collect();
    }
}

/// The keys of a table with their columns; what is missing is a mistake, what is not known is one if it is near to what is.
fn known(part: Part, table: &Table<'_>, remarks: &mut Vec<String>) -> Vec<(&'static Field, String, Option<usize>)> {
    let place = |name: &str| table.columns.list.iter().position(|(column, _)| column == name);
    let all: Vec<_> = part.fields().map(|field| (field, column(field), place(&column(field)))).collect();
    let say = |words: String| table.mistakes.borrow_mut().say(format!("{}: {words}", table.file));
    if table.columns.rows > 0 {
        for (field, name, _) in all.iter().filter(|(field, _, at)| at.is_none() && matches!(field.need, Need::Must)) {
            say(format!("found no column {name}, expected one ({})", field.doc));
        }
    }
    let names = || all.iter().map(|(_, name, _)| name.as_str());
    let mut unused = Vec::new();
    for (name, _) in table.columns.list.iter().filter(|(name, _)| !names().any(|known| known == name)) {
        match nearest(name, names().filter(|known| place(known).is_none())) {
            Some(near) => {
                say(format!("found column {name}, expected {near} or another name that is not so near to it"))
            }
            None => unused.push(name.as_str()),
        }
    }
    if !unused.is_empty() {
        remarks.push(format!("{}.parquet: not used: {}", part.word(), unused.join(", ")));
    }
    all
}

/// The cost of every generator.
fn read_costs(table: &Table<'_>, generators: usize) -> Vec<Option<Cost>> {
    let mut costs: Vec<Option<Cost>> = vec![None; generators];
    let at = |column: &str, row: usize| table.cells(column).and_then(|cells| cells.at(row));
    let number = |column: &str, row: usize| at(column, row).and_then(|cell| cell.number()).filter(|n| n.is_finite());
    for row in 0..table.columns.rows {
        let unit = number("generator", row).filter(|n| n.fract() == 0.0 && (1.0..=generators as f64).contains(n));
        let Some(unit) = unit.map(|unit| unit as usize - 1) else {
            let expected = format!("the row of a generator, 1 to {generators}");
            let found = at("generator", row).map_or("nothing".to_owned(), |cell| cell.to_string());
            table.say(row, "generator", &found, &expected);
            continue;
        };
        let model = at("model", row).map_or_else(String::new, |cell| cell.text().unwrap_or_default().to_owned());
        match (model.as_str(), &mut costs[unit]) {
            ("polynomial", cost @ (None | Some(Cost::Polynomial(_)))) => {
                let first = cost.is_none();
                let Some(Cost::Polynomial(terms)) = Some(cost.get_or_insert_with(|| Cost::Polynomial(Vec::new())))
                else {
                    continue;
                };
                let (power, value) = (number("power", row), number("usd_per_h_per_mw_to_power", row));
                match (power, value) {
                    (None, None) if first && at("power", row).is_none() => {}
                    (Some(power), Some(value)) if power == terms.len() as f64 => terms.push(value),
                    (Some(_), Some(_)) => {
                        table.say(row, "power", "one that is out of turn", &format!("{}, the next one", terms.len()));
                    }
                    _ => table.say(row, "usd_per_h_per_mw_to_power", "no number", "a power and its number"),
                }
            }
            ("piecewise", cost @ (None | Some(Cost::Piecewise(_)))) => {
                let Some(Cost::Piecewise(points)) = Some(cost.get_or_insert_with(|| Cost::Piecewise(Vec::new())))
                else {
                    continue;
                };
                let (Some(mw), Some(usd)) = (number("output_mw", row), number("usd_per_h", row)) else {
                    table.say(row, "usd_per_h", "no number", "a point: output_mw and usd_per_h");
                    continue;
                };
                points.push((mw, usd));
                if rows::descent(points).is_some() {
                    table.say(row, "output_mw", &mw.to_string(), "more than the point before");
                    points.pop();
                }
            }
            _ => table.say(
                row,
                "model",
                &format!("\"{model}\""),
                "polynomial or piecewise, the same for all rows of a unit",
            ),
        }
    }
    for (unit, cost) in costs.iter().enumerate() {
        if let Some(Cost::Piecewise(points)) = cost
            && points.len() < 2
        {
            let words = format!("{}: generator {}: found one point, expected at least two", table.file, unit + 1);
            table.mistakes.borrow_mut().say(words);
        }
    }
    costs
}
