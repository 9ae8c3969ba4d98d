//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Networks become MATPOWER cases; cases of unit commitment become PGLib-UC's JSON, Egret's, or our own TOML.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has); grids of zones from a network
//! of buses (zones, series and fleets are not in it).

mod commitment;
mod network;

use crate::Verdict;
use crate::grid::source;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// Folder of RTS-GMLC tables, MATPOWER case (`.m`, `.m.gz`), or unit-commitment case: PGLib-UC or Egret (`.json`, `.json.gz`), our
    /// TOML (`.toml`) or folder.
    from: PathBuf,
    /// MATPOWER case (`.m`), or unit-commitment case (`.json`, our `.toml`, or a folder of that and Parquet) to write.
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
    commitment: commitment::Options,
}

/// Formats by name, where the ending of a file does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// Unit commitment in PGLib-UC's JSON: one bus.
    Pglib,
    /// Unit commitment in Egret's JSON.
    Egret,
    /// Unit commitment in our own TOML, or in a folder of it.
    Commitment,
}

/// What a case is about; each is read and written by a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Buses, branches and generators at one moment.
    Network,
    /// Units and their hours of a day or two.
    Commitment,
}

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let kind = match kind(asked) {
        Ok(kind) => kind,
        Err(expected) => {
            eprintln!("tieline: {to}: {expected}");
            return Ok(Verdict::Usage);
        }
    };
    if kind != Kind::Commitment && asked.commitment.any() {
        eprintln!("tieline: --day, --steps and --network are for unit-commitment cases; {to} is none");
        return Ok(Verdict::Usage);
    }
    if kind != Kind::Commitment && asked.format.is_some() {
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
    }
}

/// What is asked for, by the name of what is to be written; else what was expected there.
fn kind(asked: &Convert) -> Result<Kind, &'static str> {
    match asked.to.extension().and_then(|ending| ending.to_str()) {
        _ if commitment::asked_for(asked) => Ok(Kind::Commitment),
        Some("m") => Ok(Kind::Network),
        Some("json") => Err("a .json is a unit-commitment case: expected --as pglib or --as egret"),
        Some("toml") | None if source::is_tables(&asked.from) => {
            Err("a folder of RTS-GMLC tables becomes one of several things: say --as commitment")
        }
        _ => Err(
            "expected a name that ends in .m (a network) or .json (a unit-commitment case); where such a case is read, .toml or no ending too",
        ),
    }
}
