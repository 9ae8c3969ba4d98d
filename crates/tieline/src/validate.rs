//! `tieline validate`: every case against its reference, by what it counts for.
//!
//! Not modelled: statistics over cases; a case passes or fails as a whole.

use crate::grid::source as tables;
use crate::{Verdict, screen};
use anyhow::{Result, anyhow, bail};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use tieline_files::cases;
use tieline_sim::validate::{Case, CaseResult, Class, Kind, Report, Tally, Verdict as Outcome};

/// Environment variable that names the data folder; empty is as good as absent.
const VARIABLE: &str = "TIELINE_DATA";
/// Where measured data lies beside a checkout.
const BESIDE: &str = "../shared/data";
/// Widest note that we print before it breaks, in columns.
const WIDTH: usize = 110;

/// Runs the cases whose id begins with one of `ids`, all where there is none, with the data of `data`, else of the folder that the environment names, else of the one
/// beside the checkout if it is there. A failed case is a No.
///
/// # Errors
/// A data folder that is not one, an id that no case has, a broken case file, or an output that cannot be written.
pub fn validate(ids: &[String], data: Option<&Path>, json: bool) -> Result<Verdict> {
    let named = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = match data.map(Path::to_path_buf).or(named) {
        Some(data) if data.is_dir() => Some(data),
        Some(data) => bail!("{}: is not a folder that can be read", data.display()),
        None => Some(PathBuf::from(BESIDE)).filter(|beside| beside.is_dir()),
    };
    let mut cases = cases::embedded().map_err(|why| anyhow!("{why}"))?;
    if let Some(unknown) = ids.iter().find(|id| !cases.iter().any(|case| case.id.starts_with(*id))) {
        let family = |case: &Case| case.id.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
        let families: BTreeSet<String> = cases.iter().map(family).collect();
        let families: Vec<String> = families.into_iter().collect();
        bail!("{unknown}: no validation case begins so; ids begin with {}", families.join(", "));
    }
    cases.retain(|case| ids.is_empty() || ids.iter().any(|id| case.id.starts_with(id)));
    let report = cases::validate(&cases, |file| open(folder.as_deref(), file));
    let text = if json { to_json(&report)? } else { to_text(&report, folder.as_deref()) };
    screen::answer(&text, if report.failed == 0 { Verdict::Yes } else { Verdict::No })
}

/// Opens a file below the data folder; `NotFound` where there is none, which makes a case say what it needs.
fn open(folder: Option<&Path>, file: &str) -> io::Result<Box<dyn io::Read>> {
    let folder = folder.ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
    // Case files are ours, but a slip must not read outside the folder.
    if !Path::new(file).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "leads out of the data folder"));
    }
    // Folders of tables name their files in whatever case, plain or packed.
    tables::open(folder, file)
}

#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    #[serde(flatten)]
    report: &'a Report,
}

fn to_json(report: &Report) -> Result<String> {
    Ok(serde_json::to_string_pretty(&Json { schema: 1, report })? + "\n")
}

fn to_text(report: &Report, folder: Option<&Path>) -> String {
    let data = folder.map_or_else(|| "none (--data DIR gives it)".to_owned(), |folder| folder.display().to_string());
    let mut text = format!("{} cases; measured data: {data}\n", report.cases.len());
    for kind in [Kind::Analytic, Kind::Published, Kind::Peer, Kind::Field] {
        let group: Vec<&CaseResult> = report.cases.iter().filter(|case| case.kind == kind).collect();
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", heading(kind));
        let mut rows =
            vec![["case", "quantity", "ours", "reference", "tolerance", "unit", "class", "verdict"].map(String::from)];
        rows.extend(group.iter().map(|case| row(case)));
        text.push_str(&table(&rows, &group));
    }
    text.push('\n');
    text.push_str(&totals(report));
    text
}

fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::Analytic => "analytic: closed forms and exact enumeration",
        Kind::Published => "published: printed in papers, standards and the press",
        Kind::Peer => "peer: produced by other programs",
        Kind::Field => "field: measured on real equipment",
    }
}

fn row(case: &CaseResult) -> [String; 8] {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
    let verdict = match case.verdict {
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::Skipped => "skipped",
    };
    [
        case.id.clone(),
        screen::cut(&case.quantity, 44),
        number(case.ours),
        number(case.reference),
        number(case.tolerance),
        case.unit.clone(),
        class(case.class).to_owned(),
        verdict.to_owned(),
    ]
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::Identity => "identity",
        Class::Calibrated => "calibrated",
        Class::Predicted => "predicted",
    }
}

/// Six figures, as many as a comparison needs.
fn figure(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    let places = if size >= 1e5 {
        0
    } else if size >= 100.0 {
        3
    } else {
        5
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Aligned columns, with the note of a case below it.
fn table(rows: &[[String; 8]], cases: &[&CaseResult]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let numbers = (2..=4).contains(&column);
            let _ = if numbers { write!(line, " {cell:>width$} ") } else { write!(line, " {cell:<width$} ") };
        }
        let _ = writeln!(text, "{}", line.trim_end());
        let Some(case) = index.checked_sub(1).and_then(|index| cases.get(index)) else { continue };
        let needs = case.needs.as_ref().filter(|_| case.verdict == Outcome::Skipped);
        for remark in needs.map(|needs| format!("skipped: needs {needs}")).iter().chain(case.note.as_ref()) {
            let _ = writeln!(text, "      {}", screen::wrap(remark, WIDTH, 6));
        }
    }
    text
}

fn totals(report: &Report) -> String {
    let mut text = format!("{} passed, {} failed, {} skipped\n", report.passed, report.failed, report.skipped);
    let classes = &report.classes;
    for (name, tally, what) in [
        ("identity", classes.identity, "arithmetic on published inputs"),
        ("calibrated", classes.calibrated, "a parameter of ours was fixed on the reference"),
        ("predicted", classes.predicted, "nothing was fitted: the only evidence for the physics"),
    ] {
        let Tally { passed, failed, skipped } = tally;
        let _ = writeln!(text, "  {name:<10} {passed:>3} passed {failed:>3} failed {skipped:>3} skipped   {what}");
    }
    let failed: Vec<&str> =
        report.cases.iter().filter(|case| case.verdict == Outcome::Fail).map(|case| case.id.as_str()).collect();
    if !failed.is_empty() {
        let _ = writeln!(text, "failed: {}", failed.join(", "));
    }
    report.cases.iter().filter_map(steps).for_each(|line| text.push_str(&line));
    text
}

/// Errors of the step model over the rows on which Calculon was judged, beside its errors, limits as in the case; `None` for
/// other cases.
fn steps(case: &CaseResult) -> Option<String> {
    let part = |name: &str| {
        let found = case.parts.iter().find(|part| part.name == name)?;
        Some((found.ours, found.reference))
    };
    let (mean, peer_mean) = part("mean_error")?;
    let (worst, peer_worst) = part("max_error")?;
    let (predicted_mean, most_mean) = part("mean_error_predicted")?;
    let (predicted_worst, most_worst) = part("max_error_predicted")?;
    let beside = |ours: f64, peer: f64| {
        let word = if ours < peer { "better" } else { "worse" };
        format!("{:.2} points {word}", (ours - peer).abs())
    };
    Some(format!(
        "training steps ({}): rows that nothing was fitted to, mean error {predicted_mean:.2} % (at most {most_mean:.2}), worst \
         {predicted_worst:.2} % (at most {most_worst:.2});\n  all eight rows {mean:.2} and {worst:.2} %, Calculon {peer_mean:.2} and \
         {peer_worst:.2} %: {} and {}\n",
        case.id,
        beside(mean, peer_mean),
        beside(worst, peer_worst)
    ))
}
