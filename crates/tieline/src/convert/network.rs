//! Networks of buses, from one format into another.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has).

use super::Convert;
use crate::Verdict;
use crate::grid::source::{self, Source};
use anyhow::{Context, Result};
use tieline_files::matpower;

/// A network as MATPOWER case.
pub fn network(asked: &Convert) -> Result<Verdict> {
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
