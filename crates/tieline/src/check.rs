//! `tieline check`: the megawatts of a scenario added up, and what does not close.
//!
//! Not modelled: anything in time; `tieline run` simulates.

use crate::{Verdict, screen, source};
use anyhow::Result;
use std::fmt::Write as _;
use tieline_sim::check::{Check, PowerFigure, Standing, power};
use tieline_sim::results::Finding;
use tieline_sim::scenario::Scenario;
use tieline_units::SourceKind;

/// Widest line that we write, in columns.
const WIDTH: usize = 110;

/// Prints figures, findings and sources. Findings are no mistakes: exit 0 also when something does not close.
///
/// # Errors
/// A file that cannot be read, or an output that cannot be written.
pub fn check(given: &str) -> Result<Verdict> {
    let loaded = match source::load(given)? {
        Ok(loaded) => loaded,
        Err(verdict) => return Ok(verdict),
    };
    let checked = tieline_sim::check::check(&loaded.scenario);
    screen::answer(&text(&loaded.scenario, &checked), Verdict::Yes)
}

fn text(scenario: &Scenario, checked: &Check) -> String {
    let mut text = format!("{}: {}\n\n", scenario.name, scenario.title);
    let width = checked.figures.iter().map(|figure| value(figure).len()).max().unwrap_or(0);
    for standing in [Standing::Claimed, Standing::Contracted, Standing::Estimated, Standing::Metered] {
        let mut figures = checked.figures.iter().filter(|figure| figure.standing == standing).peekable();
        if figures.peek().is_some() {
            let _ = writeln!(text, "{}", standing.word());
        }
        for figure in figures {
            let label = screen::wrap(&figure.label, WIDTH, width + 4);
            let _ = writeln!(text, "  {:>width$}  {label}", value(figure));
        }
    }
    text.push('\n');
    text.push_str(&findings(&checked.findings));
    text.push('\n');
    text.push_str(&sources(scenario));
    text
}

fn value(figure: &PowerFigure) -> String {
    match figure.power_w {
        None => "-".to_owned(),
        Some((least_w, greatest_w)) if least_w == greatest_w => power(least_w),
        Some((least_w, greatest_w)) => format!("{} to {}", power(least_w), power(greatest_w)),
    }
}

/// Findings, each with its mark.
pub fn findings(findings: &[Finding]) -> String {
    let words = ("closes", "DOES NOT CLOSE");
    let mut text = String::new();
    for finding in findings {
        let line = format!("{}: {}", finding.topic, finding.text);
        let _ = writeln!(text, "{}  {}", screen::mark(finding.closes, words, 14), screen::wrap(&line, WIDTH, 16));
    }
    let open = findings.iter().filter(|finding| !finding.closes).count();
    let _ = match open {
        0 => writeln!(text, "Everything closes ({} findings).", findings.len()),
        _ => writeln!(text, "{open} of {} findings do not close.", findings.len()),
    };
    text
}

/// How many numbers rest on which kind of source, in one line.
pub fn sources(scenario: &Scenario) -> String {
    let count = |kind: &SourceKind| scenario.sources.get(kind).copied().unwrap_or(0);
    let each: Vec<String> = SourceKind::ALL.iter().map(|kind| format!("{} {}", count(kind), kind.word())).collect();
    format!("Numbers in the scenario by source: {}.\n", each.join(", "))
}
