//! Unit-commitment cases in the JSON formats of PGLib-UC and Egret, plain or gzip; which one is seen from the content. In
//! tieline's own TOML they are [`own`]'s.
//!
//! All mistakes are collected, each with its line (that of the nearest key there is) and the key's path. What a file has
//! beyond what tieline uses is said in remarks, not silently dropped. Powers come out in W, as everywhere.
//!
//! Not modelled: Egret's stochastic cases, contingencies, interfaces and DC lines (they are mistakes, not ignored).

mod doubled;
mod egret;
pub mod own;
mod pglib;
pub mod rts;
mod walk;
mod write;

use crate::matpower::Mistakes;
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read};
use tieline_grid::commitment::{Problem, Subject};
use walk::Walk;

pub use write::write;

/// Most bytes of a file after unpacking; the largest public case has 12 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Most steps of a case: ten years of hours.
const MOST_STEPS: usize = 87_672;
/// Watts in a MW.
const MW: f64 = 1e6;
/// Joules in a MWh.
const MWH: f64 = 3.6e9;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PGLib-UC: one bus, thermal and renewable units.
    Pglib,
    /// Egret's model data.
    Egret,
    /// tieline's own TOML.
    Own,
    /// RTS-GMLC's tables at a day.
    RtsGmlc,
}

impl Format {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pglib => "PGLib-UC",
            Self::Egret => "Egret",
            Self::Own => "our own TOML",
            Self::RtsGmlc => "RTS-GMLC",
        }
    }
}

/// The formats of JSON, which are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Json {
    /// PGLib-UC.
    Pglib,
    /// Egret.
    Egret,
}

impl Json {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pglib => Format::Pglib.name(),
            Self::Egret => Format::Egret.name(),
        }
    }
}

/// A case as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Which format it had.
    pub format: Format,
    /// The problem.
    pub problem: Problem,
    /// What the file has and tieline does not use, in words.
    pub remarks: Vec<String>,
}

/// Reads a case; `name` is for messages.
///
/// # Errors
/// All mistakes, each with line or key, found and expected.
pub fn read(name: &str, bytes: impl Read) -> Result<Case, Mistakes> {
    let one = |line: usize, reason: String| Mistakes {
        name: name.to_owned(),
        list: vec![crate::matpower::Mistake { line, reason }],
        more: 0,
    };
    let text = text(bytes).map_err(|why| one(0, format!("cannot be read: {why}")))?;
    let tree: Value = serde_json::from_str(&text).map_err(|why| one(why.line(), format!("is not JSON: {why}")))?;
    let mut walk = Walk::new(name, &text);
    for double in doubled::doubled(&text) {
        let before = double.before;
        walk.at(double.line, format!("{}: stands twice, in line {before} already; expected one of them", double.path));
    }
    let format = if tree.get("thermal_generators").is_some() {
        Format::Pglib
    } else if tree.get("elements").is_some() && tree.get("system").is_some() {
        Format::Egret
    } else {
        let expected = "\"thermal_generators\" (PGLib-UC) or \"elements\" and \"system\" (Egret)";
        return Err(one(1, format!("is no unit-commitment case: expected {expected} at the top")));
    };
    let problem = match format {
        Format::Pglib => pglib::problem(&mut walk, &tree),
        _ => egret::problem(&mut walk, &tree),
    };
    // What each key says may be fine and still make no sense together.
    if walk.clean() {
        for (subject, what) in problem.findings() {
            walk.note(&place(format, &problem, subject), what);
        }
    }
    let (mistakes, remarks) = walk.done();
    if mistakes.list.is_empty() { Ok(Case { format, problem, remarks }) } else { Err(mistakes) }
}

/// Where in a file stands what a complaint is about.
fn place(format: Format, problem: &Problem, subject: Subject) -> Vec<&str> {
    let pglib = format == Format::Pglib;
    match subject {
        Subject::Whole => Vec::new(),
        Subject::Load if pglib => vec!["demand"],
        Subject::Load => vec!["elements", "load"],
        Subject::Reserve if pglib => vec!["reserves"],
        Subject::Reserve => vec!["system", "reserve_requirement"],
        Subject::Lines => vec!["elements", "branch"],
        Subject::Unit(index) if pglib => vec!["thermal_generators", &problem.units[index].name],
        Subject::Unit(index) => vec!["elements", "generator", &problem.units[index].name],
        Subject::Renewable(index) if pglib => vec!["renewable_generators", &problem.renewables[index].name],
        Subject::Renewable(index) => vec!["elements", "generator", &problem.renewables[index].name],
        Subject::Store(index) => vec!["elements", "storage", &problem.stores[index].name],
        Subject::Fuel(index) => vec!["elements", "fuel_supply", &problem.fuels[index].name],
        // The system's own requirements stand in its object.
        Subject::Area(0) => vec!["system"],
        Subject::Area(_) => vec!["elements"],
    }
}

/// All text of a file, unpacked.
pub(crate) fn text(bytes: impl Read) -> io::Result<String> {
    let mut input = BufReader::new(bytes);
    let mut text = String::new();
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(input).take(MOST_BYTES + 1).read_to_string(&mut text)?;
    } else {
        input.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    }
    if text.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    // A byte-order mark is no part of the text; line and place of what follows stay.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
