//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Networks become MATPOWER cases; cases of unit commitment become PGLib-UC's JSON or Egret's.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has); grids of zones from a network
//! of buses (zones, series and fleets are not in it).

use crate::Verdict;
use crate::grid::source::{self, Source};
use crate::grid::uc;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tieline_files::commitment::{self, Format};
use tieline_files::matpower;

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// Folder of RTS-GMLC tables, MATPOWER case (`.m`, `.m.gz`), or unit-commitment case of PGLib-UC or Egret (`.json`, `.json.gz`).
    from: PathBuf,
    /// MATPOWER case (`.m`) or unit-commitment case (`.json`) to write.
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
}

/// Formats of unit commitment, as named on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Named {
    /// PGLib-UC: one bus.
    Pglib,
    /// Egret's model data.
    Egret,
}

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let schedule = asked.to.extension().is_some_and(|ending| ending == "json");
    if !schedule && asked.to.extension().is_none_or(|ending| ending != "m") {
        eprintln!("tieline: {to}: expected a name that ends in .m (a network) or .json (a unit-commitment case)");
        return Ok(Verdict::Usage);
    }
    if !schedule && asked.format.is_some() {
        eprintln!("tieline: --as is for unit-commitment cases (.json); {to} is none");
        return Ok(Verdict::Usage);
    }
    if schedule && asked.hour.is_some() {
        eprintln!("tieline: --hour is for a network (.m); {to} has all hours");
        return Ok(Verdict::Usage);
    }
    if asked.to.exists() && !asked.force {
        eprintln!("tieline: {to}: is there already; --force writes over it");
        return Ok(Verdict::Usage);
    }
    if schedule { commitment(asked) } else { network(asked) }
}

/// A unit-commitment case in the other format.
fn commitment(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Some(case) = uc::load(&asked.from)? else { return Ok(Verdict::No) };
    let format = match (asked.format, case.format) {
        (Some(Named::Pglib), _) | (None, Format::Egret) => Format::Pglib,
        (Some(Named::Egret), _) | (None, Format::Pglib) => Format::Egret,
    };
    let (value, lost) = commitment::write(&case.problem, format);
    let text = serde_json::to_string_pretty(&value).context("writing JSON")?;
    std::fs::write(&asked.to, text + "\n").with_context(|| to.to_string())?;
    let (units, steps) = (case.problem.units.len(), case.problem.steps);
    println!("{to}: {}, {units} units, {steps} steps", format.name());
    for what in case.remarks.iter().chain(&lost) {
        println!("  lost: {what}");
    }
    Ok(Verdict::Yes)
}

/// A network as MATPOWER case.
fn network(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Some(read) = source::read(&asked.from)? else { return Ok(Verdict::No) };
    let lost: &[&str] = match &read {
        Source::Case(_) => &["comments and columns that tieline does not use (areas, zones, ramps)"],
        Source::Folder(_) => &[
            "series of other hours",
            "ramps, least times, starts, outage rates and emissions of units",
            "DC lines, storage, reserves",
            "names of buses, branches and units; emergency ratings",
        ],
    };
    let Some(network) = source::at(read, &asked.from, asked.hour) else { return Ok(Verdict::No) };
    std::fs::write(&asked.to, matpower::write(&network)).with_context(|| to.to_string())?;
    println!("{to}: {} buses, {} branches", network.bus_count(), network.branches.from.len());
    for what in lost {
        println!("  lost: {what}");
    }
    Ok(Verdict::Yes)
}
