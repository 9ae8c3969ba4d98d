//! A grid of zones with its hourly columns in the other format: CSV into Parquet, Parquet into CSV.
//!
//! Not modelled: changes of the grid itself; its text is kept but for the name of the series.

use super::{beside, ending, series_name, write_grid};
use crate::convert::Convert;
use crate::{Verdict, dispatch, source};
use anyhow::{Context, Result};
use std::path::Path;
use tieline_files::dispatch::{Settings, series::read};

/// Writes the grid's text with another series.
pub fn series(asked: &Convert) -> Result<Verdict> {
    let shown = asked.from.display().to_string();
    if asked.zones.first.is_some()
        || asked.zones.last.is_some()
        || asked.zones.fill.is_some()
        || asked.zones.mix.is_some()
    {
        eprintln!("tieline: --from, --to, --fill and --mix are for EIA-930 files; {shown} is a grid");
        return Ok(Verdict::Usage);
    }
    let text = source::read_text(&asked.from)?;
    let folder = asked.from.parent().map(Path::to_path_buf).unwrap_or_default();
    let case = match dispatch::case(&shown, &text, Some(&folder), &Settings::default()) {
        Ok(case) => case,
        Err(mistakes) => {
            source::say_mistakes(&mistakes);
            return Ok(Verdict::No);
        }
    };
    let Some((place, name)) = named(&text) else {
        eprintln!("tieline: {shown}: it has no series; expected a line `series = \"FILE\"` before its first table");
        return Ok(Verdict::No);
    };
    let old = folder.join(&name);
    let found = match read(source::open_ordinary(&old).with_context(|| old.display().to_string())?) {
        Ok(found) => found,
        Err((found, expected)) => {
            eprintln!("tieline: {}: found {found}, expected {expected}", old.display());
            return Ok(Verdict::No);
        }
    };
    let new = series_name(asked, if found.parquet { "csv" } else { "parquet" });
    if beside(&asked.to, &new).exists() && !asked.force {
        eprintln!("tieline: {}: is there already; --force writes over it", beside(&asked.to, &new).display());
        return Ok(Verdict::Usage);
    }
    let text = format!("{}series = \"{}\"{}", &text[..place.0], new.display(), &text[place.1..]);
    let stamps = (0..case.problem.hours as i64).map(|hour| case.start.as_nanos() + 3_600_000_000_000 * hour).collect();
    let numbers: Vec<(String, Vec<f64>)> =
        found.columns.into_iter().map(|column| (column.name, column.values)).collect();
    let count = numbers.len();
    let verdict = write_grid(asked, &text, &new, stamps, numbers)?;
    tell!("  {count} columns of {name} in {}", if ending(&new) == "parquet" { "Parquet" } else { "CSV" });
    Ok(verdict)
}

/// The line that names the series: its bytes, and the name.
fn named(text: &str) -> Option<((usize, usize), String)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            return None;
        }
        if let Some(rest) =
            line.trim_start().strip_prefix("series").map(str::trim_start).and_then(|rest| rest.strip_prefix('='))
        {
            let quote = rest.trim_start().chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let begin = line.find(quote)?;
            let length = line[begin + 1..].find(quote)?;
            let start = at + line.len() - line.trim_start().len();
            return Some(((start, at + begin + length + 2), line[begin + 1..begin + 1 + length].to_owned()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn the_line_of_the_series_is_found_and_nothing_else() {
        let text = "name = \"a\"\n  series=\"b.csv\" # mine\nhours = 2\n[[zone]]\nseries = \"no\"\n";
        let ((from, to), name) = named(text).expect("named");
        assert_eq!((&text[from..to], name.as_str()), ("series=\"b.csv\"", "b.csv"));
        assert_eq!(named("[[zone]]\nseries = \"no\"\n"), None);
        assert_eq!(named("series = 5\n"), None);
    }
}
