//! Grids of zones and the hourly tables beside them: from EIA-930 files, from RTS-GMLC folders, and from CSV to Parquet and back.
//!
//! Not modelled: a network of buses from a grid of zones (it has none).

mod eia930;
mod rts;
mod series;

use super::Convert;
use crate::Verdict;
use crate::grid::source;
use anyhow::{Context, Result};
use clap::Args;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tieline_files::dispatch::{Settings, series::write_csv};
use tieline_files::table::TableWriter;
use tieline_sim::results::Table;

/// What only grids of zones and hourly tables ask for.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// File of the hourly columns of a grid, `.csv` or `.parquet`, beside it; CSV under the grid's name when left out.
    #[arg(long, value_name = "FILE")]
    series: Option<PathBuf>,
    /// First hour of EIA-930 files, `2022-01-01` or with its zone; all that there are when left out.
    #[arg(long = "from", value_name = "INSTANT")]
    first: Option<String>,
    /// The hour after the last.
    #[arg(long = "to", value_name = "INSTANT")]
    last: Option<String>,
    /// Fill gaps of at most so many hours by straight lines; none when left out.
    #[arg(long, value_name = "HOURS")]
    fill: Option<usize>,
    /// Fuel mix of EIA-930 that does not lie in the folder.
    #[arg(long, value_name = "FILE")]
    mix: Option<PathBuf>,
}

impl Options {
    /// Whether any is there.
    fn any(&self) -> bool {
        self.series.is_some()
            || self.first.is_some()
            || self.last.is_some()
            || self.fill.is_some()
            || self.mix.is_some()
    }
}

/// The ending of a file's name.
fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("")
}

/// Whether a file is a grid of zones, by its text.
pub fn is_grid(path: &Path) -> bool {
    ending(path) == "toml"
        && crate::source::read_text(path)
            .is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with("[[zone]]")))
}

/// Whether a file, or a folder, holds EIA-930's hours.
pub fn is_hours(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    eia930::holds_csv(path) || name.ends_with(".csv") || name.ends_with(".csv.gz")
}

/// Why this cannot be asked for, where it is a matter of grids of zones.
pub fn refused(asked: &Convert, is_zones: bool) -> Option<String> {
    let (from, to) = (asked.from.display(), asked.to.display());
    if !is_zones && is_grid(&asked.from) {
        return Some(format!(
            "{from} is a grid of zones: it has no buses, branches or commitment to write into {to}; expected .toml, with --series for its hourly columns"
        ));
    }
    if !is_zones && asked.zones.any() {
        return Some(format!(
            "--series, --from, --to, --fill and --mix are for grids of zones and hourly tables (.toml, .csv, .parquet); {to} is none"
        ));
    }
    None
}

/// Converts.
pub fn zones(asked: &Convert) -> Result<Verdict> {
    if let Some(series) = &asked.zones.series {
        let what = if ending(&asked.to) != "toml" {
            Some("is for a grid (.toml)".to_owned())
        } else if !matches!(ending(series), "csv" | "parquet") {
            Some(format!("{}: expected a name that ends in .csv or .parquet", series.display()))
        } else if series.parent().is_some_and(|folder| !folder.as_os_str().is_empty()) {
            Some(format!("{}: expected a name without folders; it is written beside the grid", series.display()))
        } else {
            None
        };
        if let Some(what) = what {
            eprintln!("tieline: --series {what}");
            return Ok(Verdict::Usage);
        }
        let path = beside(&asked.to, series);
        if path.exists() && !asked.force {
            eprintln!("tieline: {}: is there already; --force writes over it", path.display());
            return Ok(Verdict::Usage);
        }
    }
    let beside_it = series_name(asked, "csv").display().to_string();
    if ending(&asked.to) == "toml" && beside_it.contains(|c: char| matches!(c, '"' | '\\') || c.is_control()) {
        eprintln!(
            "tieline: {beside_it}: expected a name of the series without quotes and backslashes; --series names it otherwise"
        );
        return Ok(Verdict::Usage);
    }
    if is_grid(&asked.from) {
        return series::series(asked);
    }
    if source::is_tables(&asked.from) {
        return rts::rts(asked);
    }
    eia930::eia930(asked)
}

/// A file beside another.
fn beside(grid: &Path, series: &Path) -> PathBuf {
    grid.with_file_name(series.file_name().unwrap_or_default())
}

/// The name of the series of a grid to write.
fn series_name(asked: &Convert, otherwise: &str) -> PathBuf {
    asked
        .zones
        .series
        .clone()
        .unwrap_or_else(|| PathBuf::from(asked.to.with_extension(otherwise).file_name().unwrap_or_default()))
}

/// Writes an hourly table as its name says.
fn write_table(path: &Path, utc_ns: Vec<i64>, numbers: Vec<(String, Vec<f64>)>) -> Result<()> {
    let shown = || format!("cannot write {}", path.display());
    let table = Table { name: "series".to_owned(), utc_ns, numbers, texts: Vec::new() };
    let file = BufWriter::new(File::create(path).with_context(shown)?);
    if ending(path) == "parquet" {
        let mut writer = TableWriter::new(file, &table).with_context(shown)?;
        writer.write(&table).with_context(shown)?;
        writer.finish().with_context(shown)?;
    } else {
        write_csv(&table, file).with_context(shown)?;
    }
    Ok(())
}

/// Writes a grid and its series, and reads them back: what is written must be what `tieline grid dispatch` reads.
fn write_grid(
    asked: &Convert,
    text: &str,
    series: &Path,
    utc_ns: Vec<i64>,
    numbers: Vec<(String, Vec<f64>)>,
) -> Result<Verdict> {
    let path = beside(&asked.to, series);
    if path.exists() && !asked.force {
        eprintln!("tieline: {}: is there already; --force writes over it", path.display());
        return Ok(Verdict::Usage);
    }
    write_table(&path, utc_ns, numbers)?;
    std::fs::write(&asked.to, text).with_context(|| format!("cannot write {}", asked.to.display()))?;
    let (shown, folder) =
        (asked.to.display().to_string(), asked.to.parent().map(Path::to_path_buf).unwrap_or_default());
    let case = match crate::dispatch::case(&shown, text, Some(&folder), &Settings::default()) {
        Ok(case) => case,
        Err(mistakes) => {
            crate::source::say_mistakes(&mistakes);
            return Ok(Verdict::No);
        }
    };
    let problem = &case.problem;
    tell!(
        "{shown}: {} zones, {} units, {} storages, {} links, {} h from {}; series in {}",
        problem.zones.name.len(),
        problem.units.name.len(),
        problem.stores.name.len(),
        problem.links.name.len(),
        problem.hours,
        case.start,
        series.display()
    );
    for complaint in problem.complaints() {
        eprintln!("tieline: {shown}: {complaint}");
    }
    Ok(if problem.complaints().is_empty() { Verdict::Yes } else { Verdict::No })
}
