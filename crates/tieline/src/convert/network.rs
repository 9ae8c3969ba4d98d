//! Networks of buses, from one format into another: MATPOWER, own TOML, own Parquet tables; from RTS-GMLC's tables too.
//!
//! What was written is read again and held against what was to be written: what is lost is counted, not promised.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has).

use super::{Convert, ending};
use crate::Verdict;
use crate::grid::source::{self, Source};
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::path::Path;
use tieline_files::{matpower, network as files};
use tieline_grid::network::Network;

/// What a folder of RTS-GMLC tables has beyond a network.
const OF_FOLDER: [&str; 3] = [
    "series of other hours",
    "ramps, least times, starts, outage rates and emissions of units",
    "DC lines, storage, reserves, places on the map",
];

/// Writes a network in the format that the name asks for.
pub fn network(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Some(read) = source::read(&asked.from)? else { return Ok(Verdict::No) };
    let mut lost: Vec<String> = match &read {
        Source::Case(case) => case.left_out.clone(),
        Source::Folder(_) => OF_FOLDER.map(str::to_owned).to_vec(),
    };
    if ending(&asked.from) == "m" {
        lost.insert(0, "comments".to_owned());
    }
    let Some(network) = source::at(read, &asked.from, asked.hour) else { return Ok(Verdict::No) };
    match ending(&asked.to).as_str() {
        "m" => fs::write(&asked.to, matpower::write(&network)).with_context(|| to.to_string())?,
        "toml" => {
            let name = asked.from.file_name().unwrap_or(asked.from.as_os_str()).to_string_lossy().into_owned();
            let hour = asked.hour.map_or_else(String::new, |hour| format!(", hour {hour}"));
            let source = format!("claim: converted from {name}{hour}");
            fs::write(&asked.to, files::write(&network, &source)).with_context(|| to.to_string())?;
        }
        _ => tables(&asked.to, &network)?,
    }
    let Some(Source::Case(again)) = source::read(&asked.to)? else {
        return Err(anyhow!("{to}: what was written cannot be read"));
    };
    let differences = files::differences(&network, &again.network);
    let (buses, branches, generators) =
        (network.bus_count(), network.branches.from.len(), network.generators.bus.len());
    let same = if differences.is_empty() { "the same to the bit" } else { "it differs" };
    tell!("{to}: {buses} buses, {branches} branches, {generators} generators; read back: {same}");
    lost.extend(differences);
    for what in lost {
        tell!("  lost: {what}");
    }
    Ok(Verdict::Yes)
}

/// A folder of Parquet tables.
fn tables(folder: &Path, network: &Network) -> Result<()> {
    let tables = files::tables::write(network).map_err(|why| anyhow!("{}: {why}", folder.display()))?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, bytes) in tables {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
