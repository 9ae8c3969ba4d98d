//! Where a network comes from: a MATPOWER case, own TOML or Parquet tables, or a folder of RTS-GMLC tables at an hour.
//!
//! Not modelled: other formats.

use super::own;
use crate::source::open_ordinary;
use anyhow::{Context, Result};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use tieline_files::matpower::{self, Case};
use tieline_files::rts_gmlc::{self, Drive, System};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::optimum::{self, Outcome};
use tieline_grid::network::{BusKind, Network};
use tieline_grid::realtime::priority::{self, Times};

/// guess: errors a day ahead that a commitment leaves room for, share of load and of sun, wind and water.
const LOAD_ERROR: f64 = 0.02;
/// See `LOAD_ERROR`.
const WEATHER_ERROR: f64 = 0.1;

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

/// Reads a folder: the one that holds `SourceData`, or one above it.
///
/// # Errors
/// A folder that cannot be read; what is wrong in it was said.
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

/// Opens a file of a folder by its path, in whatever case its names are written, plain or packed.
fn open(root: &Path, file: &str) -> io::Result<Box<dyn Read>> {
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
    let on = commitment(system, hour..hour + 1);
    for (service, on) in network.generators.in_service.iter_mut().zip(on) {
        *service = on;
    }
    if let Ok(Outcome::Solved(found)) = optimum::solve(&network, Convention::Mp) {
        network.generators.output_w.clone_from(&found.output_w);
    }
    network
}

/// Which units run in these hours, by a priority list over load less weather-driven output: `hour * units + unit`.
pub fn commitment(system: &System, hours: std::ops::Range<usize>) -> Vec<bool> {
    let mut network = system.network.clone();
    let times: Vec<Times> = system
        .units
        .iter()
        .enumerate()
        .map(|(unit, known)| {
            network.generators.in_service[unit] = known.drive != Drive::Storage;
            let hours = |seconds: f64| (seconds / 3600.0).ceil() as usize;
            Times { listed: known.drive == Drive::Fuel, up: hours(known.least_up_s), down: hours(known.least_down_s) }
        })
        .collect();
    // What hangs on a bus out of service neither draws nor gives.
    let live = |bus: usize| system.network.buses.kind[bus] != BusKind::Isolated;
    let given = |hour: usize| -> f64 {
        let living = system.units.iter().zip(&system.network.generators.bus).filter(|(_, bus)| live(**bus));
        living.filter_map(|(unit, _)| Some(unit.available_w.as_ref()?[hour])).sum()
    };
    let load = |hour: usize| -> f64 {
        system.load_w(hour).iter().enumerate().filter(|(bus, _)| live(*bus)).map(|(_, load)| load).sum()
    };
    let net = |hour: usize| load(hour) - given(hour);
    // An hour reaches half-way into its neighbours.
    let need = |hour: usize| {
        let beside = [hour.saturating_sub(1), (hour + 1).min(system.hours - 1)];
        beside.into_iter().map(|other| 0.5 * (net(hour) + net(other))).fold(net(hour), f64::max)
    };
    // Above the reserves, two standard deviations of what the forecast may err by.
    let spare = |hour: usize| {
        let (load, weather) = (LOAD_ERROR * load(hour), WEATHER_ERROR * given(hour));
        system.reserve_up_w(hour) + 2.0 * (load * load + weather * weather).sqrt()
    };
    let need_w: Vec<f64> = hours.clone().map(need).collect();
    let reserve_w: Vec<f64> = hours.map(spare).collect();
    priority::commit(&network, &times, &need_w, &reserve_w)
}
