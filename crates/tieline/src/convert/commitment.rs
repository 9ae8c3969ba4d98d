//! Cases of unit commitment, from one format into another: JSON of PGLib-UC and Egret, our own TOML, our own folder.
//!
//! A case in our own format is read back before it is written: it must be the same problem.
//!
//! Not modelled: cases that only one of the formats can hold; what is lost is named.

use super::{Convert, Named};
use crate::Verdict;
use crate::grid::uc::load::{self, Day, FOLDER_TEXT, Loaded};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::io::{self, Cursor, Read};
use std::path::Path;
use tieline_files::commitment::{self, Case, Format, Json, own};
use tieline_files::table::TableWriter;

/// What is asked of a folder of RTS-GMLC tables.
#[derive(Args)]
pub struct Options {
    /// Day of a folder of RTS-GMLC tables for a unit-commitment case, for example 2020-07-06; that of its highest load when left out.
    #[arg(long)]
    day: Option<String>,
    /// Hours of that case; 48 when left out.
    #[arg(long)]
    steps: Option<usize>,
    /// Keep the ratings of the folder's lines in that case.
    #[arg(long)]
    network: bool,
}

impl Options {
    /// Whether any of them was given.
    pub fn any(&self) -> bool {
        self.day.is_some() || self.steps.is_some() || self.network
    }
}

/// The series in a folder of ours.
const FOLDER_SERIES: &str = "series.parquet";

/// A unit-commitment case in another format.
pub fn commitment(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Options { day, steps, network } = &asked.commitment;
    let day = Day { day: day.clone(), steps: *steps, network: *network, all_reserves: false };
    let case = match load::load(&asked.from, &day)? {
        Loaded::Case(case) => case,
        Loaded::Wrong => return Ok(Verdict::No),
        Loaded::Usage => return Ok(Verdict::Usage),
    };
    let (name, lost) = if asked.to.extension().is_some_and(|ending| ending == "json") {
        let json = match (asked.format, case.format) {
            (Some(Named::Pglib), _) | (None, Format::Egret) => Json::Pglib,
            _ => Json::Egret,
        };
        let (value, lost) = commitment::write(&case.problem, json);
        let text = serde_json::to_string_pretty(&value).context("writing JSON")?;
        std::fs::write(&asked.to, text + "\n").with_context(|| to.to_string())?;
        (json.name(), lost)
    } else {
        match ours(asked, &case)? {
            Some(lost) => (Format::Own.name(), lost),
            None => return Ok(Verdict::No),
        }
    };
    let (units, steps) = (case.problem.units.len(), case.problem.steps);
    tell!("{to}: {name}, {units} units, {steps} steps");
    for what in &lost {
        tell!("  lost: {what}");
    }
    Ok(Verdict::Yes)
}

/// Writes our own TOML, or a folder with its series as Parquet; what it does not hold. None: it cannot hold the case, and that was
/// said.
fn ours(asked: &Convert, case: &Case) -> Result<Option<Vec<String>>> {
    let to = asked.to.display().to_string();
    let folder = asked.to.extension().is_none();
    let stem = |path: &Path| path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let from = asked.from.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let source = format!("claim: converted from {from} ({})", case.format.name());
    let written = own::write(&case.problem, &stem(&asked.to), &source, folder.then_some(FOLDER_SERIES));
    let mut table = Vec::new();
    if let Some(series) = &written.series {
        let mut writer = TableWriter::new(&mut table, series)?;
        writer.write(series)?;
        writer.finish()?;
    }
    let mut open = |_: &str| -> io::Result<Box<dyn Read>> { Ok(Box::new(Cursor::new(table.clone()))) };
    match own::read(&to, &written.text, &mut open) {
        Ok(back) if back.problem == case.problem || !written.lost.is_empty() => {}
        Ok(_) => bail!("{to}: what would be written is another problem than what was read; nothing was written"),
        Err(mistakes) => {
            eprintln!("{mistakes}\ntieline: {to}: our own format cannot hold this case; nothing was written");
            return Ok(None);
        }
    }
    if folder {
        std::fs::create_dir_all(&asked.to).with_context(|| to.clone())?;
        let path = asked.to.join(FOLDER_TEXT);
        std::fs::write(&path, &written.text).with_context(|| path.display().to_string())?;
        let path = asked.to.join(FOLDER_SERIES);
        match &written.series {
            Some(_) => std::fs::write(&path, &table).with_context(|| path.display().to_string())?,
            // Series of an older case would only confuse.
            None if path.is_file() => std::fs::remove_file(&path).with_context(|| path.display().to_string())?,
            None => {}
        }
    } else {
        std::fs::write(&asked.to, &written.text).with_context(|| to.clone())?;
    }
    Ok(Some(written.lost))
}
