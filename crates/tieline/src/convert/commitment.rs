//! Cases of unit commitment, from one format into another.
//!
//! Not modelled: cases that only one of the formats can hold; what is lost is named.

use super::{Convert, Named};
use crate::Verdict;
use crate::grid::uc;
use anyhow::{Context, Result};
use tieline_files::commitment::{self, Format};

/// A unit-commitment case in the other format.
pub fn commitment(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let Some(case) = uc::load(&asked.from)? else { return Ok(Verdict::No) };
    let format = match (asked.format, case.format) {
        (Some(Named::Pglib), _) | (None, Format::Egret) => Format::Pglib,
        (Some(Named::Egret), _) | (None, Format::Pglib) => Format::Egret,
        (Some(Named::Zones | Named::Network), _) => {
            eprintln!("tieline: --as zones and --as network write no unit-commitment case");
            return Ok(Verdict::Usage);
        }
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
