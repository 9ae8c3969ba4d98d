//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Not modelled: formats of commitment; the network as RTS-GMLC tables (they need more of a unit than a network has).

use crate::Verdict;
use crate::grid::source::{self, Source};
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;
use tieline_files::matpower;

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// Folder of RTS-GMLC tables, or MATPOWER case (`.m`, `.m.gz`).
    from: PathBuf,
    /// MATPOWER case to write (`.m`).
    to: PathBuf,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    if asked.to.extension().is_none_or(|ending| ending != "m") {
        eprintln!("tieline: {to}: expected a name that ends in .m; MATPOWER is the only format that is written yet");
        return Ok(Verdict::Usage);
    }
    if asked.to.exists() && !asked.force {
        eprintln!("tieline: {to}: is there already; --force writes over it");
        return Ok(Verdict::Usage);
    }
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
