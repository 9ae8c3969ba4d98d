//! The day-ahead series that the folder's pointers name: load by area, what units can give, reserves.
//!
//! Two layouts: Year, Month, Day, Period and one column per object; or Year, Month, Day and 24 columns of hours.
//!
//! Not modelled: the real-time series (five minutes); they are named in a remark.

use super::sheet::Sheet;
use super::{Drive, Mistakes, Open, Reserve, Unit};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// All series.
#[derive(Default)]
pub(super) struct Series {
    pub(super) first_day: (i16, i8, i8),
    pub(super) hours: usize,
    pub(super) area_load_w: BTreeMap<u64, Vec<f64>>,
    /// By object and parameter, with the place of the pointer.
    found: BTreeMap<(String, String), (usize, Vec<f64>)>,
    pub(super) remarks: Vec<String>,
}

/// A file: values by column, W.
struct Values {
    first: Date,
    columns: BTreeMap<String, Vec<f64>>,
}

/// The column of a file that has hours as columns.
const ALL: &str = "all";
const POINTERS: &str = "SourceData/timeseries_pointers.csv";

impl Series {
    /// Reads every day-ahead file that is named; `tanks` names the unit of every reservoir.
    pub(super) fn read(
        &mut self,
        pointers: &Sheet,
        tanks: &BTreeMap<String, String>,
        open: Open<'_>,
        wrong: &mut Mistakes,
    ) {
        let mut files: BTreeMap<String, Option<Values>> = BTreeMap::new();
        let mut first: Option<Date> = None;
        let mut others = 0;
        let mut known: BTreeMap<[&str; 3], usize> = BTreeMap::new();
        for row in &pointers.rows {
            if pointers.word(row, "Simulation") != "DAY_AHEAD" {
                others += 1;
                continue;
            }
            let what = ["Category", "Object", "Parameter"].map(|column| pointers.word(row, column));
            if let Some(line) = known.insert(what, row.line) {
                let [_, object, parameter] = what;
                let found = format!("{parameter} of {object} is named a second time, in line {line} already");
                wrong.say(POINTERS, row.line, format!("{found}; expected one series"));
            }
            let named = pointers.word(row, "Data File");
            let path = named.strip_prefix("../").unwrap_or(named).to_owned();
            let values = files.entry(path.clone()).or_insert_with(|| file(&path, open, wrong));
            let Some(values) = values else { continue };
            let (object, parameter) = (pointers.word(row, "Object"), pointers.word(row, "Parameter"));
            // The inflow of a plant with thermal storage goes by the name of its tank.
            let plant = tanks.get(object).map_or(object, String::as_str);
            let column = values.columns.get(plant).or_else(|| values.columns.get(ALL));
            let Some(column) = column else {
                wrong.say(POINTERS, row.line, format!("names {object}, for which {path} has no column"));
                continue;
            };
            let hours = column.len();
            let begin = *first.get_or_insert(values.first);
            if self.hours == 0 {
                self.hours = hours;
                self.first_day = (begin.year(), begin.month(), begin.day());
            }
            if hours != self.hours || begin != values.first {
                let what =
                    format!("{path} has {hours} hours from {}, others {} from {begin}", values.first, self.hours);
                wrong.say(POINTERS, row.line, what);
                continue;
            }
            if pointers.word(row, "Category") == "Area" {
                match object.parse() {
                    Ok(area) => drop(self.area_load_w.insert(area, column.clone())),
                    Err(_) => wrong.say(POINTERS, row.line, format!("found area \"{object}\", expected a number")),
                }
            } else {
                self.found.insert((plant.to_owned(), parameter.to_owned()), (row.line, column.clone()));
            }
        }
        if others > 0 {
            self.remarks.push(format!("{others} series of other simulations than DAY_AHEAD are not read"));
        }
        if self.hours == 0 && wrong.list.is_empty() {
            wrong.say(POINTERS, 0, "names no day-ahead series".to_owned());
        }
    }

    /// Gives units and reserves what is theirs.
    pub(super) fn hand_out(
        &mut self,
        units: &mut [Unit],
        by_name: &BTreeMap<String, usize>,
        reserves: &mut [Reserve],
        wrong: &mut Mistakes,
    ) {
        for ((object, parameter), (line, column)) in std::mem::take(&mut self.found) {
            if let Some(unit) = by_name.get(&object) {
                if parameter == "Natural_Inflow" {
                    units[*unit].inflow_w = Some(column.clone());
                }
                if parameter == "PMin MW" {
                    units[*unit].must_w = Some(column.clone());
                }
                // A least that is a series (rooftops) is the most as well.
                if parameter == "PMax MW" || parameter == "Natural_Inflow" || units[*unit].available_w.is_none() {
                    units[*unit].available_w = Some(column);
                }
            } else if let Some(reserve) = reserves.iter_mut().find(|reserve| reserve.name == object) {
                reserve.needed_w = column;
            } else {
                wrong.say(POINTERS, line, format!("names {object}, which no table has"));
            }
        }
        for unit in units.iter().filter(|unit| matches!(unit.drive, Drive::Weather | Drive::MustTake)) {
            if unit.available_w.is_none() && self.hours > 0 {
                wrong.say(POINTERS, 0, format!("names no day-ahead series for {}", unit.name));
            }
        }
    }
}

/// One file, or what is wrong with it.
fn file(path: &str, open: Open<'_>, wrong: &mut Mistakes) -> Option<Values> {
    let before = wrong.list.len();
    let sheet = Sheet::read(path, &["Year", "Month", "Day"], open, wrong);
    let by_day = !sheet.column.contains_key("Period");
    let lead = if by_day { 3 } else { 4 };
    if by_day && sheet.header.len() != 27 && !sheet.header.is_empty() {
        wrong.say(path, 1, "found neither a column Period nor 24 columns of hours".to_owned());
        return None;
    }
    // What follows the date is taken by its place.
    let date = ["Year", "Month", "Day", "Period"];
    let in_front = date[..lead].iter().all(|name| sheet.column.get(*name).is_none_or(|place| *place < lead));
    let ascends = |(place, name): (usize, &String)| name.parse() == Ok(place + 1);
    if !in_front || (by_day && !sheet.header.iter().skip(lead).enumerate().all(ascends)) {
        let expected =
            if by_day { "Year, Month, Day and the hours 1 to 24" } else { "Year, Month, Day, Period in front" };
        let found: String = sheet.header.join(", ").chars().take(80).collect();
        wrong.say(path, 1, format!("found columns {found}, expected {expected}"));
        return None;
    }
    let names: Vec<String> =
        if by_day { vec![ALL.to_owned()] } else { sheet.header.iter().skip(lead).cloned().collect() };
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    let mut first: Option<Date> = None;
    let mut hours: i64 = 0;
    for row in &sheet.rows {
        let mut whole = |column: &str| sheet.number(row, column, wrong);
        let (year, month, day) = (whole("Year"), whole("Month"), whole("Day"));
        let period = if by_day { 1.0 } else { whole("Period") };
        let is_whole = [year, month, day].iter().all(|part| part.fract() == 0.0);
        let Some(date) = Date::new(year as i16, month as i8, day as i8).ok().filter(|_| is_whole) else {
            wrong.say(path, row.line, format!("found {year}-{month}-{day}, expected a date"));
            continue;
        };
        let begin = *first.get_or_insert(date);
        let days = begin.until(date).map_or(-1, |span| i64::from(span.get_days()));
        if days * 24 + period as i64 - 1 != hours || period.fract() != 0.0 {
            wrong.say(path, row.line, format!("found {date} period {period}, expected hour {hours} after {begin}"));
            return None;
        }
        for (place, word) in row.words.iter().enumerate().skip(lead) {
            let value: f64 = word.parse().unwrap_or(f64::NAN);
            if !(value.is_finite() && value >= 0.0) {
                let found: String = word.chars().take(40).collect();
                wrong.say(path, row.line, format!("found \"{found}\" in column {}, expected MW", sheet.header[place]));
            }
            columns[if by_day { 0 } else { place - lead }].push(value * 1e6);
        }
        hours += if by_day { 24 } else { 1 };
    }
    if wrong.list.len() > before {
        return None;
    }
    let Some(first) = first else {
        wrong.say(path, 0, "has no rows".to_owned());
        return None;
    };
    Some(Values { first, columns: names.into_iter().zip(columns).collect() })
}
