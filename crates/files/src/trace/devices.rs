//! Whether the rows of a table are of several devices, which would be read as one that jumps.
//!
//! Not modelled: devices whose rows have stamps of their own and no column that is named after them.

use super::TraceError;
use super::cells::{Cell, cell};
use super::layout::{Preview, TimeAt, words};
use super::stamp::Stamp;
use tieline_campus::spectrum::sampling::{Shared, shared};

const DEVICE_WORDS: &[&str] = &[
    "gpu",
    "index",
    "uuid",
    "device",
    "node",
    "host",
    "hostname",
    "serial",
    "rack",
    "phase",
    "pdu",
    "meter",
    "pci",
    "bus",
    "card",
    "rank",
    "slot",
    "socket",
    "minor",
    "accelerator",
];
/// Words that say nothing of what they number.
const NUMBERING: &[&str] = &["id", "no", "nr", "num", "number", "name"];

/// Asks where a column, or stamps that several rows share, tell of several devices.
pub fn check(preview: &Preview, time: &TimeAt, taken: &[usize], power: &[(usize, f64)]) -> Result<(), TraceError> {
    let free = |at: &usize| !taken.contains(at) && !power.iter().any(|(column, _)| column == at);
    for at in (0..preview.names.len()).filter(free) {
        // "gpu_id" tells devices apart, "util_gpu" does not.
        let device = words(&preview.names[at]).iter().all(|word| {
            let word = word.to_lowercase();
            DEVICE_WORDS.contains(&word.as_str()) || NUMBERING.contains(&word.as_str())
        });
        let several = kinds(preview, at);
        if device && several.len() > 1 && 4 * several.len() <= preview.rows.len() {
            return Err(ask(preview, at, &several, ""));
        }
    }
    let mut rows: Vec<(i64, f64, usize)> = (0..preview.rows.len())
        .filter_map(|row| Some((stamp(preview, time, row)?, watts(preview, power, row), row)))
        .collect();
    rows.sort_by_key(|row| row.0);
    let groups: Vec<Vec<usize>> =
        rows.chunk_by(|a, b| a.0 == b.0).map(|group| group.iter().map(|row| row.2).collect()).collect();
    let inner = groups.get(1..groups.len().saturating_sub(1)).unwrap_or(&[]);
    let telling = (0..preview.names.len()).filter(free).find(|at| {
        let several = kinds(preview, *at);
        // Every stamp has each of them once.
        let each_once = inner.iter().filter(|group| {
            let mut cells: Vec<&str> = group.iter().map(|row| text(preview, *at, *row)).collect();
            cells.sort_unstable();
            cells.dedup();
            cells.len() == group.len() && cells.len() == several.len()
        });
        several.len() > 1 && inner.len() >= 4 && 10 * each_once.count() >= 9 * inner.len()
    });
    if let Some(at) = telling {
        return Err(ask(preview, at, &kinds(preview, at), " and rows share their times"));
    }
    let pairs: Vec<(i64, f64)> = rows.iter().map(|row| (row.0, row.1)).collect();
    if let Shared::Several { rows, apart_w } = shared(&pairs) {
        return Err(TraceError::Ask(format!(
            "{rows} readings a time, up to {apart_w} W apart: several devices? choose one with --where COLUMN=VALUE, or give \
             each a column and add them up with --power a,b; --step SPAN if they follow one another in even steps"
        )));
    }
    Ok(())
}

fn ask(preview: &Preview, at: usize, several: &[&str], why: &str) -> TraceError {
    let name = &preview.names[at];
    let shown = several.iter().take(4).copied().collect::<Vec<_>>().join(", ");
    TraceError::Ask(format!(
        "column \"{name}\" tells {} devices apart ({shown}, ...){why}: choose one with --where \"{name}={}\", or add them up \
         before",
        several.len(),
        several.first().copied().unwrap_or_default()
    ))
}

fn text(preview: &Preview, at: usize, row: usize) -> &str {
    preview.rows[row].get(at).map_or("", |cell| cell.trim())
}

/// Different cells of a column, in order; more than a quarter of the rows are not gathered.
fn kinds(preview: &Preview, at: usize) -> Vec<&str> {
    let mut cells: Vec<&str> = (0..preview.rows.len()).map(|row| text(preview, at, row)).collect();
    cells.sort_unstable();
    cells.dedup();
    cells
}

fn stamp(preview: &Preview, time: &TimeAt, row: usize) -> Option<i64> {
    let read = |at: usize, clock: super::stamp::Clock| clock.read(text(preview, at, row).as_bytes(), preview.point);
    match *time {
        TimeAt::Column(at, clock) => match read(at, clock)? {
            Stamp::Instant(ns, _) | Stamp::Date(ns) => Some(ns),
            Stamp::Clock(_) => None,
        },
        TimeAt::Split(date, of_day, clock) => match (read(date, clock)?, read(of_day, clock)?) {
            (Stamp::Date(day), Stamp::Clock(ns)) => day.checked_add(ns),
            _ => None,
        },
        TimeAt::OfDay(at, clock) => match read(at, clock)? {
            Stamp::Clock(ns) => Some(ns),
            _ => None,
        },
        TimeAt::Steps(_) => None,
    }
}

fn watts(preview: &Preview, power: &[(usize, f64)], row: usize) -> f64 {
    let value = |(at, factor): &(usize, f64)| match cell(text(preview, *at, row).as_bytes(), preview.point) {
        Cell::Number(value, None) => value * factor,
        Cell::Number(value, Some(unit)) => value * unit.watts(),
        Cell::Missing | Cell::Unreadable => f64::NAN,
    };
    power.iter().map(value).sum()
}
