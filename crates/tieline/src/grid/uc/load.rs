//! Where a case of unit commitment comes from: JSON of PGLib-UC or Egret, our own TOML or folder, or RTS-GMLC's tables at a day.
//!
//! Not modelled: other formats.

use crate::grid::source;
use crate::source::{open_ordinary, say_mistakes};
use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use tieline_files::commitment::{Case, own, read, rts};

/// The text in a folder of ours.
pub const FOLDER_TEXT: &str = "case.toml";
/// Hours of a folder of RTS-GMLC tables where none are asked for: PGLib-UC's cases have as many.
const HOURS: usize = 48;
/// Longest text of a case, bytes.
const MOST_BYTES: u64 = 1 << 28;

/// What is asked of a folder of RTS-GMLC tables.
#[derive(Clone, Debug, Default)]
pub struct Day {
    /// The day, a date; that of the highest load when left out.
    pub day: Option<String>,
    /// Hours.
    pub steps: Option<usize>,
    /// With the network's lines.
    pub network: bool,
    /// All reserve products of the tables by area.
    pub all_reserves: bool,
}

/// What came of reading.
pub enum Loaded {
    /// A case.
    Case(Box<Case>),
    /// It is wrong, and that was said.
    Wrong,
    /// The options do not fit, and that was said.
    Usage,
}

/// Whether a path is a case in a format of unit commitment, by its name and its content.
pub fn is_case(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let text = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| own::is_case(&text));
    if path.is_dir() {
        return text(&path.join(FOLDER_TEXT));
    }
    name.ends_with(".json") || name.ends_with(".json.gz") || (name.ends_with(".toml") && text(path))
}

/// Reads a case.
///
/// # Errors
/// A file that cannot be opened.
pub fn load(path: &Path, day: &Day) -> Result<Loaded> {
    let shown = path.display().to_string();
    if path.is_dir() && !path.join(FOLDER_TEXT).is_file() {
        return tables(path, &shown, day);
    }
    let given = [
        (day.day.is_some(), "--day"),
        (day.steps.is_some(), "--steps"),
        (day.network, "--network"),
        (day.all_reserves, "--reserves all"),
    ];
    if let Some((_, option)) = given.iter().find(|(given, _)| *given) {
        eprintln!(
            "tieline: {shown}: {option} goes with a folder of RTS-GMLC tables; this case has its own steps and lines"
        );
        return Ok(Loaded::Usage);
    }
    if path.is_dir() {
        return ours(&path.join(FOLDER_TEXT));
    }
    if matches!(std::fs::metadata(path), Err(error) if error.kind() == ErrorKind::NotFound) {
        let expected = "TOML of ours, PGLib-UC or Egret JSON, or a folder of RTS-GMLC tables";
        bail!("{shown}: no such file; expected a unit-commitment case: {expected}");
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return ours(path);
    }
    let bytes = open_ordinary(path).with_context(|| shown.clone())?;
    match read(&shown, bytes) {
        Ok(case) => {
            say(&shown, &case.remarks);
            Ok(Loaded::Case(Box::new(case)))
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Ok(Loaded::Wrong)
        }
    }
}

fn say(shown: &str, remarks: &[String]) {
    for remark in remarks {
        eprintln!("tieline: {shown}: {remark}");
    }
}

/// A case in our own TOML; series lie beside it.
fn ours(path: &Path) -> Result<Loaded> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    let file = open_ordinary(path).with_context(|| shown.clone())?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).with_context(|| shown.clone())?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(why) => {
            let line =
                1 + why.as_bytes()[..why.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            eprintln!("{shown}:{line}: found bytes that are not UTF-8, expected text");
            return Ok(Loaded::Wrong);
        }
    };
    if !own::is_case(&text) {
        let expected = "a case of unit commitment: steps, load_mw, [[unit]] and so on at its top";
        eprintln!("{shown}: found TOML without the key steps, expected {expected}");
        return Ok(Loaded::Wrong);
    }
    let beside = path.parent().unwrap_or(Path::new(""));
    match own::read(&shown, &text, &mut |file| open_ordinary(&beside.join(file))) {
        Ok(case) => Ok(Loaded::Case(Box::new(case))),
        Err(mistakes) => {
            say_mistakes(&mistakes);
            Ok(Loaded::Wrong)
        }
    }
}

fn tables(path: &Path, shown: &str, day: &Day) -> Result<Loaded> {
    let steps = day.steps.unwrap_or(HOURS);
    if steps == 0 {
        eprintln!("tieline: {shown}: found --steps 0, expected at least 1");
        return Ok(Loaded::Usage);
    }
    let Some(system) = source::tables(path, shown)? else { return Ok(Loaded::Wrong) };
    let first_hour = match source::first_hour(&system, day.day.as_deref(), steps) {
        Ok(hour) => hour,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            return Ok(Loaded::Usage);
        }
    };
    let first = source::before(&system, first_hour);
    let asked = rts::Asked { first_hour, steps, network: day.network, all_reserves: day.all_reserves, first };
    match rts::case(&system, &asked) {
        Ok(case) => {
            say(shown, &case.remarks);
            Ok(Loaded::Case(Box::new(case)))
        }
        Err(complaints) => {
            for complaint in complaints {
                eprintln!("{shown}: {complaint}");
            }
            Ok(Loaded::Wrong)
        }
    }
}
