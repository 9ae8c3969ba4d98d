//! Where a network comes from: a MATPOWER case, own TOML or Parquet tables, or a folder of RTS-GMLC tables at an hour.
//!
//! Not modelled: other formats.

use super::own;
use crate::source::open_ordinary;
use anyhow::{Context, Result};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use tieline_files::commitment::rts;
use tieline_files::matpower::{self, Case};
use tieline_files::rts_gmlc::before::spare_w;
pub use tieline_files::rts_gmlc::before::{before, listed};
use tieline_files::rts_gmlc::{self, Drive, System};
use tieline_grid::commitment::{self, Options};
use tieline_grid::network::Network;
use tieline_grid::network::direct::Convention;
use tieline_grid::network::optimum::{self, Outcome};
use tieline_units::Utc;

/// Hours of a day.
const DAY_HOURS: usize = 24;
/// guess: gap of a plan that five-minute dispatch follows; its errors are larger.
const PLANNED_GAP: f64 = 1e-3;

/// What was read.
pub enum Source {
    /// A case: a file or own tables, with one hour.
    Case(Box<Case>),
    /// A folder of RTS-GMLC tables.
    Folder(Box<System>),
}

/// Reads a case or a folder; `Ok(None)`: it is wrong, and that was said.
///
/// # Errors
/// A file that cannot be read.
pub fn read(path: &Path) -> Result<Option<Source>> {
    let shown = path.display().to_string();
    if path.is_dir() && own::is_tables(path) {
        return Ok(own::tables(path).map(|case| Source::Case(Box::new(case))));
    }
    if path.is_dir() {
        return Ok(folder(path, &shown)?.map(|system| Source::Folder(Box::new(system))));
    }
    if own::is_toml(path) && path.exists() {
        return Ok(own::toml(path)?.map(|case| Source::Case(Box::new(case))));
    }
    if path.is_file() && path.extension().is_some_and(|ending| ending == "parquet") {
        eprintln!("tieline: {shown}: is one table of a network; give the folder that it lies in");
        return Ok(None);
    }
    let bytes = open_ordinary(path).with_context(|| match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            format!("{shown}: expected a network: a MATPOWER case, TOML, or a folder of Parquet or RTS-GMLC tables")
        }
        _ => shown.clone(),
    })?;
    match matpower::read(&shown, bytes) {
        Ok(case) => {
            say(&shown, &case.remarks);
            Ok(Some(Source::Case(Box::new(case))))
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Ok(None)
        }
    }
}

/// The network of a case, or of a folder at an hour of its year (from 1).
///
/// # Errors
/// As [`read`].
pub fn network(path: &Path, hour: Option<usize>) -> Result<Option<Network>> {
    Ok(read(path)?.and_then(|read| at(read, path, hour)))
}

/// The network of what was read, at an hour if one is asked for; nothing: there is none, and that was said.
pub fn at(read: Source, path: &Path, hour: Option<usize>) -> Option<Network> {
    let shown = path.display();
    match (read, hour) {
        (Source::Case(case), None) => Some(case.network),
        (Source::Case(_), Some(_)) => {
            eprintln!("tieline: {shown}: --hour goes with a folder of RTS-GMLC tables; a case has one hour only");
            None
        }
        (Source::Folder(system), None) => Some(system.network),
        (Source::Folder(system), Some(hour)) if (1..=system.hours).contains(&hour) => {
            Some(committed(&system, hour - 1))
        }
        (Source::Folder(system), Some(hour)) => {
            eprintln!("tieline: {shown}: found --hour {hour}, expected 1 to {}", system.hours);
            None
        }
    }
}

fn say(shown: &str, remarks: &[String]) {
    for remark in remarks {
        eprintln!("tieline: {shown}: {remark}");
    }
}

/// Reads a folder and says what of it power flow and its like leave out.
fn folder(path: &Path, shown: &str) -> Result<Option<System>> {
    let system = tables(path, shown)?;
    if let Some(system) = &system {
        say(shown, &system.remarks);
    }
    Ok(system)
}

/// Whether a path is a folder of RTS-GMLC tables.
pub fn is_tables(path: &Path) -> bool {
    [path.join("RTS_Data/SourceData"), path.join("SourceData")].iter().any(|folder| folder.is_dir())
}

/// As `folder`, without a word on what power flow leaves out: the folder that holds `SourceData`, or one above it.
///
/// # Errors
/// A file that cannot be read.
pub fn tables(path: &Path, shown: &str) -> Result<Option<System>> {
    let below = path.join("RTS_Data");
    let root = if below.is_dir() { below } else { path.to_path_buf() };
    if !root.join("SourceData").is_dir() {
        eprintln!(
            "tieline: {shown}: a folder without SourceData/; expected RTS-GMLC's RTS_Data, or the folder it lies in, or a network's \
             Parquet tables (bus.parquet ...)"
        );
        return Ok(None);
    }
    let name = path.canonicalize().ok().and_then(|whole| Some(whole.file_name()?.to_string_lossy().into_owned()));
    match rts_gmlc::read(&name.unwrap_or_else(|| shown.to_owned()), &mut |file| open(&root, file)) {
        Ok(system) => Ok(Some(system)),
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Ok(None)
        }
    }
}

/// The hour (from 0) at which a day of the folder begins, from which on there are so many hours; the day of the highest load
/// where none is asked for.
///
/// # Errors
/// A day that the series do not have.
pub fn first_hour(system: &System, day: Option<&str>, hours: usize) -> Result<usize, String> {
    let days = system.hours / DAY_HOURS;
    let load = |day: usize| -> f64 {
        (day * DAY_HOURS..(day + 1) * DAY_HOURS).map(|hour| system.load_w(hour).iter().sum::<f64>()).fold(0.0, f64::max)
    };
    let Some(day) = day else {
        return (0..days)
            .filter(|day| day * DAY_HOURS + hours <= system.hours)
            .max_by(|a, b| load(*a).total_cmp(&load(*b)))
            .map(|day| day * DAY_HOURS)
            .ok_or(format!("found {hours} hours wanted, expected at most {}: the series have no more", system.hours));
    };
    let (year, month, first) = system.first_day;
    let begin = Utc::parse(&format!("{year:04}-{month:02}-{first:02}T00:00:00Z")).map_err(|why| why.to_string())?;
    let wrong =
        |why: String| format!("found --day {day}, expected a date such as {year:04}-{month:02}-{first:02}: {why}");
    let wanted = Utc::parse(&format!("{day}T00:00:00Z")).map_err(|_| wrong("it is no day of a calendar".to_owned()))?;
    let first = (wanted - begin).as_secs_f64() / 3600.0;
    if first < 0.0 || first + hours as f64 > system.hours as f64 {
        let beyond = if hours > DAY_HOURS { format!(", and {hours} hours are wanted") } else { String::new() };
        return Err(wrong(format!("the series have {days} days{beyond}")));
    }
    Ok(first as usize)
}

/// Opens a file of a folder by its path, in whatever case its names are written, plain or packed.
///
/// # Errors
/// `NotFound` where there is none, and what the system says.
pub fn open(root: &Path, file: &str) -> io::Result<Box<dyn Read>> {
    let mut at = root.to_path_buf();
    let parts: Vec<&str> = file.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a path that leaves the folder"));
    }
    for (place, part) in parts.iter().enumerate() {
        let last = place + 1 == parts.len();
        at = find(&at, part, last)?;
    }
    open_ordinary(&at)
}

fn find(folder: &Path, part: &str, file: bool) -> io::Result<PathBuf> {
    let exact = folder.join(part);
    if exact.exists() {
        return Ok(exact);
    }
    let mut names: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.sort();
    let packed = format!("{part}.gz");
    let same = |path: &&PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.eq_ignore_ascii_case(part) || (file && name.eq_ignore_ascii_case(&packed))
    };
    names.iter().find(same).cloned().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no such file, plain or .gz"))
}

/// The network at an hour (from 0) with the units that a priority list turns on, and outputs from the optimal power flow
/// where there is one: what a power flow at that hour begins with.
fn committed(system: &System, hour: usize) -> Network {
    let mut network = system.at(hour);
    let on = listed(system, hour..hour + 1);
    for (service, on) in network.generators.in_service.iter_mut().zip(on) {
        *service = on;
    }
    if let Ok(Outcome::Solved(found)) = optimum::solve(&network, Convention::Mp) {
        network.generators.output_w.clone_from(&found.output_w);
    }
    network
}

/// Which units run in the hours of a day, by unit commitment over it and the next one (where there is one) without lines, with the
/// same room above the load as the priority list leaves: `hour * units + unit`.
///
/// # Errors
/// No schedule, or a solver that fails, in words.
pub fn planned(system: &System, first_hour: usize) -> Result<Vec<bool>, String> {
    let steps = (2 * DAY_HOURS).min(system.hours - first_hour);
    let asked =
        rts::Asked { first_hour, steps, network: false, all_reserves: false, first: before(system, first_hour) };
    let mut problem = rts::case(system, &asked).map_err(|complaints| complaints.join("; "))?.problem;
    // Storage stands still in the five-minute dispatch.
    problem.stores.clear();
    problem.reserve.required_w = (first_hour..first_hour + steps).map(|hour| spare_w(system, hour)).collect();
    let plan = match commitment::solve(&problem, &Options { gap: PLANNED_GAP, ..Options::default() })? {
        commitment::Outcome::Solved(plan) => plan,
        commitment::Outcome::Infeasible(relief) => {
            return Err(format!("no schedule; {} things would have to give", relief.len()));
        }
    };
    // Units that are not decided about run where they did before: what weather drives, and condensers.
    let units = system.units.len();
    let mut on: Vec<bool> =
        (0..DAY_HOURS * units).map(|place| system.units[place % units].drive != Drive::Storage).collect();
    for (unit, hours) in problem.units.iter().zip(&plan.on) {
        let place = system.units.iter().position(|known| known.name == unit.name);
        let place =
            place.ok_or_else(|| format!("the plan decides about {}, which the tables do not have", unit.name))?;
        for (hour, runs) in hours.iter().enumerate().take(DAY_HOURS) {
            on[hour * units + place] = *runs;
        }
    }
    Ok(on)
}
