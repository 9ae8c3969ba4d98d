//! Cases of unit commitment, from one format into another.
//!
//! Not modelled: cases that only one of the formats can hold; what is lost is named.

use super::{Convert, Named};
use crate::Verdict;
use crate::grid::uc;
use anyhow::{Context, Result};
use tieline_files::commitment::{self, Format, Json};

/// A unit-commitment case in the other format.
pub fn commitment(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Some(case) = uc::load(&asked.from)? else { return Ok(Verdict::No) };
    let json = match (asked.format, case.format) {
        (Some(Named::Pglib), _) | (None, Format::Egret) => Json::Pglib,
        _ => Json::Egret,
    };
    let (value, lost) = commitment::write(&case.problem, json);
    let text = serde_json::to_string_pretty(&value).context("writing JSON")?;
    std::fs::write(&asked.to, text + "\n").with_context(|| to.to_string())?;
    let (units, steps) = (case.problem.units.len(), case.problem.steps);
    println!("{to}: {}, {units} units, {steps} steps", json.name());
    for what in case.remarks.iter().chain(&lost) {
        println!("  lost: {what}");
    }
    Ok(Verdict::Yes)
}
