//! `summary.json`: the metrics of a run, its expectations, the findings and what its numbers rest on.
//!
//! Not modelled: curves and rows (they are in the report and in the tables).

use serde::Serialize;
use std::collections::BTreeMap;
use tieline_sim::results::{Finding, Outcome, RunStamp};
use tieline_sim::scenario::{Expectation, Rule};
use tieline_units::SourceKind;

/// Version of the layout of `summary.json`; a field that changes its meaning raises it.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    scenario: &'a str,
    seed: u64,
    version: &'a str,
    start: String,
    metrics: &'a BTreeMap<String, f64>,
    expectations: Vec<Line<'a>>,
    sources: Counts,
    findings: &'a [Finding],
}

/// One expectation as `summary.json` and the report name it.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    metric: &'a str,
    rule: &'static str,
    value: f64,
    reached: f64,
    pass: bool,
}

/// How many numbers of the scenario rest on which kind of source.
#[derive(Serialize)]
pub(crate) struct Counts {
    claim: usize,
    datasheet: usize,
    measured: usize,
    guess: usize,
}

/// The text of `summary.json`, with a line feed at its end. Numbers that are not finite become `null`; units stand in
/// the names of the metrics.
#[must_use]
pub fn summary_json(stamp: &RunStamp, outcome: &Outcome, sources: &BTreeMap<SourceKind, usize>) -> String {
    let summary = Summary {
        schema: SCHEMA,
        scenario: &stamp.scenario,
        seed: stamp.seed,
        version: &stamp.version,
        start: stamp.start.to_string(),
        metrics: &outcome.metrics,
        expectations: lines(&outcome.expectations),
        sources: counts(sources),
        findings: &outcome.findings,
    };
    let mut text = serde_json::to_string_pretty(&summary).expect("texts and numbers under text keys are always JSON");
    text.push('\n');
    text
}

pub(crate) fn lines(expectations: &[(Expectation, f64, bool)]) -> Vec<Line<'_>> {
    let mut lines = Vec::with_capacity(expectations.len());
    for (Expectation { metric, rule, value }, reached, pass) in expectations {
        lines.push(Line { metric, rule: sign(*rule), value: *value, reached: *reached, pass: *pass });
    }
    lines
}

pub(crate) fn counts(sources: &BTreeMap<SourceKind, usize>) -> Counts {
    let of = |kind| sources.get(&kind).copied().unwrap_or(0);
    Counts {
        claim: of(SourceKind::Claim),
        datasheet: of(SourceKind::Datasheet),
        measured: of(SourceKind::Measured),
        guess: of(SourceKind::Guess),
    }
}

fn sign(rule: Rule) -> &'static str {
    match rule {
        Rule::AtMost => "<=",
        Rule::AtLeast => ">=",
        Rule::Equal => "==",
    }
}
