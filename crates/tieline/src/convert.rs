//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Networks become MATPOWER cases, our TOML or Parquet tables; cases of unit commitment PGLib-UC's JSON, Egret's or our TOML;
//! EIA-930's hours tables and grids of zones; RTS-GMLC's tables any of them.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has); grids of zones from a network
//! of buses (series and fleets are not in it).

/// A line of the answer; a reader who has left is no mistake.
macro_rules! tell {
    ($($what:tt)*) => { crate::screen::tell(&format!($($what)*)) };
}

mod commitment;
mod network;
mod zones;

use crate::Verdict;
use crate::grid::uc::load;
use crate::grid::{own, source};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// What there is: a network (MATPOWER `.m`, our `.toml`, a folder of our Parquet tables); a unit-commitment case (PGLib-UC or Egret
    /// `.json`, our `.toml` or folder); a grid of zones (`.toml`); EIA-930 hours (`.csv`, or a folder of them); a folder of
    /// RTS-GMLC tables. Files plain or `.gz`.
    from: PathBuf,
    /// What to write: a network (`.m`, `.toml`, or a folder of Parquet tables), a unit-commitment case (`.json`, `.toml`, or a folder),
    /// a grid of zones (`.toml`) or hourly table (`.csv`, `.parquet`).
    to: PathBuf,
    /// What to write where the names do not tell: what of a folder of RTS-GMLC tables, or which format of a unit-commitment
    /// case (the one that the first is not in when left out).
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<Named>,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    commitment: commitment::Options,
    #[command(flatten)]
    zones: zones::Options,
}

/// Formats by name, where the ending of a file does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// Network of buses.
    Network,
    /// Unit commitment in our own TOML, or in a folder of it.
    Commitment,
    /// Unit commitment in PGLib-UC's JSON: one bus.
    Pglib,
    /// Unit commitment in Egret's JSON.
    Egret,
    /// A grid of zones (`.toml`), as `tieline grid dispatch` reads it.
    Zones,
}

/// What a case is about; each is read and written by a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Buses, branches and generators at one moment.
    Network,
    /// Units and their hours of a day or two.
    Commitment,
    /// Zones over a year of hours, or hours alone.
    Zones,
}

impl Named {
    fn kind(self) -> Kind {
        match self {
            Self::Network => Kind::Network,
            Self::Commitment | Self::Pglib | Self::Egret => Kind::Commitment,
            Self::Zones => Kind::Zones,
        }
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Network => "a network is written as .m, .toml or a folder of tables",
            Self::Commitment => "a unit-commitment case is written as .json, .toml or a folder",
            Self::Zones => "a grid of zones is written as .toml, its hours as .csv or .parquet",
        }
    }

    fn writes(self, ending: &str) -> bool {
        match self {
            Self::Network => matches!(ending, "m" | "toml" | ""),
            Self::Commitment => matches!(ending, "json" | "toml" | ""),
            Self::Zones => matches!(ending, "toml" | "csv" | "parquet"),
        }
    }
}

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    if !asked.from.exists() {
        eprintln!("tieline: {}: No such file or folder", asked.from.display());
        return Ok(Verdict::No);
    }
    let kind = match kind(asked) {
        Ok(kind) => kind,
        Err(expected) => {
            eprintln!("tieline: {to}: {expected}");
            return Ok(Verdict::Usage);
        }
    };
    if let Some(why) = astray(asked, kind) {
        eprintln!("tieline: {why}");
        return Ok(Verdict::Usage);
    }
    if there(&asked.to) && !asked.force {
        eprintln!("tieline: {to}: is there already; --force writes over it");
        return Ok(Verdict::Usage);
    }
    match kind {
        Kind::Network => network::network(asked),
        Kind::Commitment => commitment::commitment(asked),
        Kind::Zones => zones::zones(asked),
    }
}

/// An option, or a source, that does not go with what is to be written.
fn astray(asked: &Convert, kind: Kind) -> Option<String> {
    let to = asked.to.display();
    if kind != Kind::Network && asked.hour.is_some() {
        return Some(format!("--hour is for a network (.m, .toml or a folder); {to} has all hours"));
    }
    if kind != Kind::Commitment && asked.commitment.any() {
        return Some(format!("--day, --steps and --network are for unit-commitment cases; {to} is none"));
    }
    let own = !matches!(ending(&asked.to).as_str(), "json");
    match asked.format {
        Some(Named::Commitment) if !own => {
            return Some(format!("{to}: a .json is PGLib-UC's or Egret's: --as pglib or --as egret"));
        }
        Some(Named::Pglib | Named::Egret) if own => return Some(format!("{to}: PGLib-UC and Egret are .json")),
        _ => {}
    }
    zones::refused(asked, kind == Kind::Zones)
}

/// What is asked for: by --as, by the name of what is to be written, else by what is to be read; else what was expected.
fn kind(asked: &Convert) -> Result<Kind, String> {
    if asked.to.extension().is_some_and(|ending| ending == "gz") {
        return Err("files are written plain: leave out .gz".to_owned());
    }
    let ending = ending(&asked.to);
    let kind = match (asked.format, ending.as_str()) {
        (Some(named), _) => named.kind(),
        (None, "m") => Kind::Network,
        (None, "json") => Kind::Commitment,
        (None, "csv" | "parquet") => Kind::Zones,
        (None, "toml" | "") => subject(&asked.from)?,
        _ => {
            return Err("expected a name that ends in .m (a network), .json (a unit-commitment case), .csv or .parquet (hours), .toml, or in \
                        nothing (a folder)"
                .to_owned());
        }
    };
    if kind.writes(&ending) { Ok(kind) } else { Err(kind.words().to_owned()) }
}

/// What a file or folder is about; else what it could become.
fn subject(from: &Path) -> Result<Kind, String> {
    if own::is_tables(from) {
        return Ok(Kind::Network);
    }
    if source::is_tables(from) {
        let folder = from.display();
        return Err(format!(
            "{folder} is a folder of RTS-GMLC tables; say what it is to become: --as network, --as commitment or --as zones"
        ));
    }
    if zones::is_grid(from) || zones::is_hours(from) {
        return Ok(Kind::Zones);
    }
    if load::is_case(from) {
        return Ok(Kind::Commitment);
    }
    if from.is_dir() {
        let folder = from.display();
        return Err(format!(
            "{folder} holds nothing that is read; expected EIA-930's .csv, RTS-GMLC's SourceData/, a network's Parquet tables (bus.parquet ...) \
             or a commitment's case.toml"
        ));
    }
    Ok(Kind::Network)
}

/// The ending of a file's name before `.gz`, in small letters; nothing for a folder.
fn ending(path: &Path) -> String {
    let shown = path.to_string_lossy().to_lowercase();
    if shown.ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir() {
        return String::new();
    }
    let plain = Path::new(shown.strip_suffix(".gz").unwrap_or(&shown));
    plain.extension().map_or_else(String::new, |ending| ending.to_string_lossy().into_owned())
}

/// Whether something is there that would be written over.
fn there(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.exists(),
    }
}
