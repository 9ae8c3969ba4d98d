//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Networks become MATPOWER cases; cases of unit commitment become PGLib-UC's JSON or Egret's; EIA-930's hours become tables
//! and grids of zones.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has); grids of zones from a network
//! of buses (zones, series and fleets are not in it).

mod commitment;
mod network;
mod zones;

use crate::Verdict;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// Folder of RTS-GMLC tables, MATPOWER case (`.m`, `.m.gz`), unit-commitment case of PGLib-UC or Egret (`.json`, `.json.gz`),
    /// EIA-930 file or folder of them (`.csv`, `.csv.gz`), or grid of zones (`.toml`).
    from: PathBuf,
    /// MATPOWER case (`.m`), unit-commitment case (`.json`), grid (`.toml`) or hourly table (`.csv`, `.parquet`) to write.
    to: PathBuf,
    /// Format of a unit-commitment case to write; the one that the first is not in when left out.
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<Named>,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    zones: zones::Options,
}

/// Formats by name, where the ending of a file does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
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

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    if let Some(why) = zones::refused(asked, zones::asked_for(asked)) {
        eprintln!("tieline: {why}");
        return Ok(Verdict::Usage);
    }
    let kind = match kind(asked) {
        Ok(kind) => kind,
        Err(expected) => {
            eprintln!("tieline: {to}: {expected}");
            return Ok(Verdict::Usage);
        }
    };
    if kind == Kind::Network && asked.format.is_some() {
        eprintln!("tieline: --as is for unit-commitment cases (.json); {to} is none");
        return Ok(Verdict::Usage);
    }
    if kind != Kind::Network && asked.hour.is_some() {
        eprintln!("tieline: --hour is for a network (.m); {to} has all hours");
        return Ok(Verdict::Usage);
    }
    if asked.to.exists() && !asked.force {
        eprintln!("tieline: {to}: is there already; --force writes over it");
        return Ok(Verdict::Usage);
    }
    match kind {
        Kind::Network => network::network(asked),
        Kind::Commitment => commitment::commitment(asked),
        Kind::Zones => zones::zones(asked),
    }
}

/// What is asked for, by the name of what is to be written; else what was expected there.
fn kind(asked: &Convert) -> Result<Kind, &'static str> {
    match asked.to.extension().and_then(|ending| ending.to_str()) {
        _ if zones::asked_for(asked) => Ok(Kind::Zones),
        Some("m") => Ok(Kind::Network),
        Some("json") => Ok(Kind::Commitment),
        _ => Err(
            "expected a name that ends in .m (a network), .json (a unit-commitment case), .toml (a grid) or .csv or .parquet (EIA-930 hours)",
        ),
    }
}
