//! Network cases in MATPOWER's `.m` format, version 2, plain or gzip.
//!
//! The tables `bus`, `gen`, `branch` and `gencost`, the names (`bus_name`, `gen_name`, `branch_name`) and the base are read;
//! all mistakes are collected, each with its line. What the file has beyond that is counted in remarks, not silently dropped. Values come out as
//! [`Network`]: W, var and VA, radians, impedances per unit and voltages as shares of nominal.
//!
//! Not modelled: code in case files (only literal tables are read), version 1, DC lines, interruptible loads as such.

mod names;
mod write;

use core::fmt;
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::io::{self, BufReader, Read};
use tieline_grid::network::{BusKind, Cost, Network};

pub use write::write;

/// Largest text that is read, bytes; the largest public case has 37 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Most mistakes that are told whole.
const MOST_MISTAKES: usize = 50;

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What was found and what was expected.
    pub reason: String,
}

/// All mistakes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// Name of the file.
    pub name: String,
    /// In order of the lines; at most 50.
    pub list: Vec<Mistake>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            let lead = if index > 0 { "\n" } else { "" };
            match mistake.line {
                0 => write!(f, "{lead}{}: {}", self.name, mistake.reason)?,
                line => write!(f, "{lead}{}:{line}: {}", self.name, mistake.reason)?,
            }
        }
        if self.more > 0 {
            write!(f, "\n{}: and {} more", self.name, self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A case as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The network.
    pub network: Network,
    /// What the file has and tieline does not use, in words.
    pub remarks: Vec<String>,
    /// Columns that the file has and the network has no place for, in words: what a copy of the network lacks.
    pub left_out: Vec<String>,
}

/// A table of the file: each row with its line.
type Table = Vec<(usize, Vec<f64>)>;

/// Single values of the file, each with its line.
type Scalars = BTreeMap<String, (usize, String)>;

/// Reads a case; `name` is for messages.
///
/// # Errors
/// All mistakes, each with line, found and expected.
pub fn read(name: &str, bytes: impl Read) -> Result<Case, Mistakes> {
    let mut reader =
        Reader { name: name.to_owned(), list: Vec::new(), more: 0, unread: Vec::new(), words: BTreeMap::new() };
    let text = match text(bytes) {
        Ok(text) => text,
        Err(why) => {
            reader.say(0, format!("cannot be read: {why}"));
            return Err(reader.done());
        }
    };
    let (tables, scalars, title) = reader.tables(&text);
    let case = reader.case(&tables, &scalars, title);
    if reader.list.is_empty() { Ok(case) } else { Err(reader.done()) }
}

/// The whole text; comments may hold bytes that are not UTF-8.
fn text(bytes: impl Read) -> io::Result<String> {
    let mut input = BufReader::new(bytes);
    let mut all = Vec::new();
    let zipped = io::BufRead::fill_buf(&mut input)?.starts_with(&[0x1f, 0x8b]);
    if zipped {
        MultiGzDecoder::new(input).take(MOST_BYTES + 1).read_to_end(&mut all)?;
    } else {
        input.take(MOST_BYTES + 1).read_to_end(&mut all)?;
    }
    if all.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

struct Reader {
    name: String,
    list: Vec<Mistake>,
    more: usize,
    /// Buses whose row could not be read but for its first number.
    unread: Vec<u64>,
    /// Rows of quoted words, by table.
    words: BTreeMap<String, Vec<Vec<String>>>,
}

impl Reader {
    fn say(&mut self, line: usize, reason: String) {
        if self.list.len() < MOST_MISTAKES {
            self.list.push(Mistake { line, reason });
        } else {
            self.more += 1;
        }
    }

    fn done(mut self) -> Mistakes {
        self.list.sort_by_key(|mistake| mistake.line);
        Mistakes { name: self.name, list: self.list, more: self.more }
    }

    /// Every numeric table and scalar of the file, by name, and the name of the case.
    fn tables(&mut self, text: &str) -> (BTreeMap<String, Table>, Scalars, String) {
        let (mut tables, mut scalars) = (BTreeMap::new(), BTreeMap::new());
        let mut title = String::new();
        let mut open: Option<(String, usize, Table, bool)> = None;
        let mut blocks: Vec<usize> = Vec::new();
        for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = index + 1;
            // A block of comment: these words stand alone in their lines, and blocks lie within blocks.
            match raw.trim() {
                "%{" => blocks.push(line),
                "%}" => drop(blocks.pop()),
                _ => {}
            }
            if !blocks.is_empty() {
                continue;
            }
            let mut code = strip_comment(raw).trim();
            if open.is_none() {
                if let Some(rest) = code.strip_prefix("function") {
                    title = rest.rsplit('=').next().unwrap_or("").trim().chars().take(80).collect();
                    continue;
                }
                let Some((left, right)) = code.split_once('=') else { continue };
                let left = left.trim();
                let inside = left.contains("mpc.") && !left.starts_with("mpc.");
                if left == "mpc" || inside || (left.starts_with("mpc.") && left.contains(['(', '{'])) {
                    let found = short(code.trim());
                    self.say(
                        line,
                        format!("found \"{found}\", expected tables alone: code that changes them is not run"),
                    );
                    continue;
                }
                let Some(key) = left.strip_prefix("mpc.") else { continue };
                let (key, right) = (key.trim().to_owned(), right.trim());
                if let Some(rest) = right.strip_prefix('[') {
                    open = Some((key, line, Vec::new(), true));
                    code = rest;
                } else if let Some(rest) = right.strip_prefix('{') {
                    open = Some((key, line, Vec::new(), false));
                    code = rest;
                } else {
                    let value = right.trim_end_matches(';').trim().trim_matches(['\'', '"']).to_owned();
                    if let Some((before, _)) = scalars.insert(key.clone(), (line, value)) {
                        self.say(line, format!("mpc.{key} stands here a second time, in line {before} already"));
                    }
                    continue;
                }
            }
            let Some((key, _, rows, numeric)) = &mut open else { continue };
            let end = if *numeric { code.find(']') } else { names::end(code) };
            let (body, closed) = match end {
                Some(at) => (&code[..at], true),
                None => (code, false),
            };
            if *numeric {
                for part in body.split(';').filter(|part| !part.trim().is_empty()) {
                    match numbers(part) {
                        Ok(row) => rows.push((line, row)),
                        Err(word) => {
                            let key = key.clone();
                            if key == "bus" {
                                let first = part.split_whitespace().next().and_then(|word| word.parse().ok());
                                self.unread.extend(first.and_then(whole));
                            }
                            self.say(line, format!("found \"{word}\" in mpc.{key}, expected a number"));
                            rows.push((line, Vec::new()));
                        }
                    }
                }
            } else {
                let found = names::rows(body);
                let count = found.len().max(usize::from(!body.trim().is_empty()));
                rows.extend((0..count).map(|_| (line, Vec::new())));
                self.words.entry(key.clone()).or_default().extend(found);
            }
            let rest = end.map_or("", |at| code[at + 1..].trim().trim_start_matches([';', ',']).trim());
            if !rest.is_empty() {
                let (key, found) = (key.clone(), short(rest));
                self.say(line, format!("found \"{found}\" behind the end of mpc.{key}, expected a line of its own"));
            }
            if closed && let Some((key, at, rows, _)) = open.take() {
                if tables.contains_key(&key) {
                    self.say(at, format!("mpc.{key} stands here a second time"));
                }
                tables.insert(key, rows);
            }
        }
        if let Some((key, line, ..)) = open {
            self.say(line, format!("mpc.{key} begins here and never ends; expected \"]\" or \"}}\""));
        }
        if let Some(line) = blocks.first() {
            self.say(*line, "a block of comment begins here and never ends; expected \"%}\"".to_owned());
        }
        (tables, scalars, title)
    }

    fn case(&mut self, tables: &BTreeMap<String, Table>, scalars: &Scalars, title: String) -> Case {
        let mut network = Network { name: title, ..Network::default() };
        match scalars.get("version") {
            Some((_, version)) if version == "2" => {}
            Some((line, other)) => {
                self.say(*line, format!("found version \"{}\", expected '2'", short(other)));
            }
            None => self.say(0, "no mpc.version; expected mpc.version = '2' (a MATPOWER case)".to_owned()),
        }
        match scalars.get("baseMVA").map(|(line, text)| (*line, text.parse::<f64>())) {
            Some((_, Ok(base))) if base.is_finite() && base > 0.0 => network.base_va = base * 1e6,
            Some((line, _)) => self.say(line, "mpc.baseMVA is not a number above 0".to_owned()),
            None => self.say(0, "no mpc.baseMVA; expected the base in MVA".to_owned()),
        }
        let none: Table = Vec::new();
        for key in ["bus", "branch", "gen"] {
            if tables.get(key).is_none_or(|table| key == "bus" && table.is_empty()) {
                self.say(0, format!("no table mpc.{key} with rows"));
            }
        }
        let table = |key: &str| tables.get(key).unwrap_or(&none);
        let places = self.buses(&mut network, table("bus"));
        self.generators(&mut network, table("gen"), &places);
        self.branches(&mut network, table("branch"), &places);
        let mut remarks = Vec::new();
        self.costs(&mut network, table("gencost"), &mut remarks);
        names::hand_out(&self.words, &mut network, &mut remarks);
        let left_out = left_out(&network, table, &self.words);
        for (key, rows) in tables.iter().filter(|(key, rows)| !rows.is_empty() && !KNOWN.contains(&key.as_str())) {
            let what = if key == "dcline" { ": DC lines are left out" } else { "" };
            remarks.push(format!("mpc.{key} ({} rows) is not used{what}", rows.len()));
        }
        Case { network, remarks, left_out }
    }

    /// Whether a row has as many finite numbers as the columns that are used; infinite limits are allowed where named.
    fn row(&mut self, table: &str, line: usize, row: &[f64], least: usize, infinite: &[usize]) -> bool {
        if row.is_empty() {
            return false;
        }
        if row.len() < least {
            self.say(line, format!("found {} columns in mpc.{table}, expected at least {least}", row.len()));
            return false;
        }
        for (column, value) in row.iter().take(least).enumerate() {
            let endless = value.is_infinite() && infinite.contains(&column);
            if !(endless || (value.is_finite() && value.abs() < 1e15)) {
                self.say(line, format!("found {value} in column {} of mpc.{table}, expected a number", column + 1));
                return false;
            }
        }
        true
    }

    /// Says rows that are not as wide as the first that is wide enough: values of one column would stand in another.
    fn even(&mut self, table: &str, rows: &Table, least: usize) {
        let mut wide = rows.iter().filter(|(_, row)| row.len() >= least);
        let Some((first, width)) = wide.next().map(|(line, row)| (*line, row.len())) else { return };
        for (line, row) in wide.filter(|(_, row)| row.len() != width) {
            let found = format!("found {} columns in mpc.{table}", row.len());
            self.say(*line, format!("{found}, expected {width} as in line {first}"));
        }
    }

    fn buses(&mut self, network: &mut Network, table: &Table) -> BTreeMap<u64, usize> {
        let mut places = BTreeMap::new();
        self.even("bus", table, 13);
        for (line, row) in table {
            if !self.row("bus", *line, row, 13, &[]) {
                // It is there, if not as it should be: whoever names it is not wrong too.
                if let Some(number) = row.first().copied().and_then(whole) {
                    places.entry(number).or_insert(BROKEN);
                }
                continue;
            }
            let Some(number) = whole(row[0]) else {
                self.say(*line, format!("found bus number {}, expected a whole number above 0", row[0]));
                continue;
            };
            if places.insert(number, network.buses.number.len()).is_some() {
                self.say(*line, format!("bus {number} stands here a second time"));
            }
            let kind = match row[1] {
                1.0 => BusKind::Load,
                2.0 => BusKind::Regulated,
                3.0 => BusKind::Reference,
                4.0 => BusKind::Isolated,
                other => {
                    self.say(*line, format!("found bus type {other}, expected 1, 2, 3 or 4"));
                    BusKind::Load
                }
            };
            let group = |value: f64| if value == 0.0 { Some(0) } else { whole(value) };
            let (area, zone) = (group(row[6]), group(row[10]));
            if area.is_none() || zone.is_none() {
                self.say(*line, format!("found area {} and zone {}, expected whole numbers", row[6], row[10]));
            }
            if !(row[7] > 0.0 && row[7] < 10.0) {
                self.say(*line, format!("found voltage {} at bus {number}, expected about 1 (per unit)", row[7]));
            }
            let b = &mut network.buses;
            b.number.push(number);
            b.name.push(String::new());
            b.area.push(area.unwrap_or(0));
            b.zone.push(zone.unwrap_or(0));
            b.kind.push(kind);
            b.load_w.push(row[2] * 1e6);
            b.load_var.push(row[3] * 1e6);
            b.shunt_w.push(row[4] * 1e6);
            b.shunt_var.push(row[5] * 1e6);
            b.voltage_share.push(row[7]);
            b.angle_rad.push(row[8] * PI / 180.0);
            b.nominal_v.push(row[9] * 1e3);
            b.most_share.push(row[11]);
            b.least_share.push(row[12]);
        }
        places
    }

    fn place(&mut self, places: &BTreeMap<u64, usize>, table: &str, line: usize, value: f64) -> Option<usize> {
        let found = whole(value).and_then(|number| places.get(&number).copied());
        if found.is_none() && !whole(value).is_some_and(|number| self.unread.contains(&number)) {
            self.say(line, format!("mpc.{table} names bus {value}, which mpc.bus does not have"));
        }
        found.filter(|place| *place != BROKEN)
    }

    fn generators(&mut self, network: &mut Network, table: &Table, places: &BTreeMap<u64, usize>) {
        self.even("gen", table, 10);
        for (line, row) in table {
            if !self.row("gen", *line, row, 10, &[3, 4]) {
                continue;
            }
            let Some(bus) = self.place(places, "gen", *line, row[0]) else { continue };
            let runs = row[7] > 0.0;
            if runs && row[9] > row[8] {
                self.say(*line, format!("found Pmin {} above Pmax {}", row[9], row[8]));
            }
            if runs && row[4] > row[3] {
                self.say(*line, format!("found Qmin {} above Qmax {}", row[4], row[3]));
            }
            if runs && !(row[5] > 0.0 && row[5] < 10.0) {
                self.say(*line, format!("found voltage set-point {}, expected about 1 (per unit)", row[5]));
            }
            let g = &mut network.generators;
            g.bus.push(bus);
            g.name.push(String::new());
            g.output_w.push(row[1] * 1e6);
            g.output_var.push(row[2] * 1e6);
            g.most_var.push(row[3] * 1e6);
            g.least_var.push(row[4] * 1e6);
            g.voltage_share.push(row[5]);
            g.in_service.push(runs);
            g.most_w.push(row[8] * 1e6);
            g.least_w.push(row[9] * 1e6);
            g.cost.push(None);
        }
    }

    fn branches(&mut self, network: &mut Network, table: &Table, places: &BTreeMap<u64, usize>) {
        self.even("branch", table, 11);
        for (line, row) in table {
            if !self.row("branch", *line, row, 11, &[5, 6, 7]) {
                continue;
            }
            let (from, to) = (self.place(places, "branch", *line, row[0]), self.place(places, "branch", *line, row[1]));
            let (Some(from), Some(to)) = (from, to) else { continue };
            if from == to {
                self.say(*line, format!("the branch begins and ends at bus {}", row[0]));
            }
            if row[2] == 0.0 && row[3] == 0.0 {
                self.say(*line, "the branch has r = 0 and x = 0".to_owned());
            }
            if row[5..9].iter().any(|value| *value < 0.0) {
                let found = format!("found ratings {}, {} and {} and tap ratio {}", row[5], row[6], row[7], row[8]);
                self.say(*line, format!("{found}, expected 0 or more"));
            }
            // Zero and infinity: the file tells none.
            let other = |mva: f64| (mva > 0.0 && mva.is_finite()).then_some(mva * 1e6);
            let angle = |column: usize| row.get(column).copied().unwrap_or(0.0);
            let free = |degrees: f64| degrees == 0.0 || degrees.abs() >= 360.0 || !degrees.is_finite();
            let (least, most) = (angle(11), angle(12));
            if !free(least) && !free(most) && least > most {
                self.say(*line, format!("found angmin {least} above angmax {most}"));
            }
            let b = &mut network.branches;
            b.from.push(from);
            b.to.push(to);
            b.name.push(String::new());
            b.r_pu.push(row[2]);
            b.x_pu.push(row[3]);
            b.charging_pu.push(row[4]);
            b.rating_va.push(if row[5] == 0.0 { f64::INFINITY } else { row[5] * 1e6 });
            b.short_term_va.push(other(row[6]));
            b.emergency_va.push(other(row[7]));
            b.tap.push(if row[8] == 0.0 { 1.0 } else { row[8] });
            b.shift_rad.push(row[9] * PI / 180.0);
            b.in_service.push(row[10] > 0.0);
            b.least_angle_rad.push(if free(least) { f64::NEG_INFINITY } else { least * PI / 180.0 });
            b.most_angle_rad.push(if free(most) { f64::INFINITY } else { most * PI / 180.0 });
        }
    }

    fn costs(&mut self, network: &mut Network, table: &Table, remarks: &mut Vec<String>) {
        let count = network.generators.bus.len();
        if !table.is_empty() && table.len() != count && table.len() != 2 * count && self.list.is_empty() {
            let line = table.first().map_or(0, |(line, _)| *line);
            self.say(line, format!("found {} rows in mpc.gencost, expected {count} or {}", table.len(), 2 * count));
        }
        if count > 0 && table.len() == 2 * count {
            remarks.push("costs of reactive power are not used".to_owned());
        }
        for (generator, (line, row)) in table.iter().take(count).enumerate() {
            if row.is_empty() {
                continue;
            }
            let Some(points) = row.get(3).copied().and_then(|n| if n == 0.0 { Some(0) } else { whole(n) }) else {
                self.say(*line, "the row of mpc.gencost has no whole number of points in column 4".to_owned());
                continue;
            };
            let wide = if row[0] == 1.0 { points.saturating_mul(2) } else { points };
            let values = usize::try_from(wide).ok().and_then(|wide| row.get(4..wide.checked_add(4)?));
            let Some(values) = values.filter(|values| values.iter().all(|value| value.is_finite())) else {
                self.say(*line, format!("the row of mpc.gencost is too short, or not finite, for {points} points"));
                continue;
            };
            if let Some(beyond) = row[4 + values.len()..].iter().find(|value| **value != 0.0) {
                self.say(
                    *line,
                    format!("found {beyond} in mpc.gencost beyond the {points} points that column 4 tells"),
                );
            }
            network.generators.cost[generator] = match row[0] {
                1.0 if points >= 2 => {
                    let pairs: Vec<(f64, f64)> = values.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
                    if pairs.windows(2).any(|two| two[1].0 <= two[0].0) {
                        self.say(*line, "the points of a piecewise cost do not ascend".to_owned());
                    }
                    Some(Cost::Piecewise(pairs))
                }
                2.0 => Some(Cost::Polynomial(values.iter().rev().copied().collect())),
                other => {
                    self.say(
                        *line,
                        format!("found cost model {other} with {points} points, expected 1 (at least two points) or 2"),
                    );
                    None
                }
            };
        }
    }
}

/// Columns with something in them that a network has no place for.
fn left_out<'t>(
    network: &Network,
    table: impl Fn(&str) -> &'t Table,
    words: &BTreeMap<String, Vec<Vec<String>>>,
) -> Vec<String> {
    let any = |key: &str, columns: std::ops::Range<usize>| {
        table(key).iter().any(|(_, row)| row.iter().take(columns.end).skip(columns.start).any(|value| *value != 0.0))
    };
    let own_base = |row: &Vec<f64>| row.get(6).is_some_and(|mva| *mva != 0.0 && mva * 1e6 != network.base_va);
    let more_words = |key: &str| words.get(key).is_some_and(|rows| rows.iter().any(|row| row.len() > 1));
    let told = [
        (table("gen").iter().any(|(_, row)| own_base(row)), "bases of machines (mBase)"),
        (any("gen", 10..21), "reactive capability by output, ramps and participation (mpc.gen from column 11 on)"),
        (any("gencost", 1..3), "start-up and shut-down costs"),
        (any("bus", 13..17) || any("branch", 13..21) || any("gen", 21..25), "columns of results"),
        (more_words("gen_name"), "types and fuels of units (mpc.gen_name)"),
        (!table("areas").is_empty(), "reference buses of areas (mpc.areas)"),
    ];
    told.into_iter().filter(|(there, _)| *there).map(|(_, what)| what.to_owned()).collect()
}

/// Tables that are used, or whose loss is told.
const KNOWN: &[&str] = &["bus", "gen", "branch", "gencost", "areas", "bus_name", "gen_name", "branch_name"];

/// Place of a bus whose row cannot be used.
const BROKEN: usize = usize::MAX;

/// A whole number above 0.
fn whole(value: f64) -> Option<u64> {
    ((1.0..=9e15).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

/// Up to the first `%` that does not stand in a quoted word.
fn strip_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'%' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Numbers of a row, apart by blanks or commas; the word that is none.
fn numbers(row: &str) -> Result<Vec<f64>, String> {
    // Where blanks keep the values apart, a comma within one is a decimal comma: `1,5` would be two values.
    let mut apart = row.split_whitespace();
    if row.split_whitespace().nth(1).is_some()
        && let Some(word) = apart.find(|word| word.trim_matches(',').contains(','))
    {
        return Err(format!("{} (a decimal comma?)", short(word)));
    }
    let words = row.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words
        .map(|word| match word {
            "Inf" | "inf" => Ok(f64::INFINITY),
            "-Inf" | "-inf" => Ok(f64::NEG_INFINITY),
            _ if !word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => Err(short(word)),
            _ => word.parse().map_err(|_| short(word)),
        })
        .collect()
}

fn short(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}
