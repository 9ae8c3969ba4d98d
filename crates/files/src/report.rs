//! `report.html`: one page with data, style and program inside, for any browser, without a network.
//!
//! Not modelled: every sample (the page shows buckets; the tables hold the samples), a change of clocks within a run.

use crate::summary::{Counts, Line, counts, lines};
use serde::Serialize;
use std::collections::BTreeMap;
use tieline_sim::results::{Curve, Finding, Happening, Outcome, RunStamp};
use tieline_sim::scenario::{Scenario, ScheduledEvent};
use tieline_units::Time;

/// The page's program, bundled from `report/src`.
const SCRIPT: &str = include_str!("../report/dist/report.js");
/// The page's style, bundled from `report/src`.
pub(crate) const STYLE: &str = include_str!("../report/dist/report.css");
/// Significant digits of a curve's values: finer than a pixel, and it halves the page.
const DIGITS: usize = 5;
/// Number of a point that an event does not name: it is about all of them.
const ALL_POINTS: u8 = 255;

#[derive(Serialize)]
struct Page<'a> {
    scenario: &'a str,
    title: &'a str,
    /// As text: a browser's numbers hold 53 bits.
    seed: String,
    version: &'a str,
    start: String,
    start_ms: f64,
    duration_s: f64,
    /// Local time of the site minus UTC, s, and its name.
    offset_s: f64,
    zone: String,
    metrics: &'a BTreeMap<String, f64>,
    expectations: Vec<Line<'a>>,
    curve_at_s: &'a [f64],
    curves: Vec<Drawn<'a>>,
    events: Vec<Marked<'a>>,
    happenings: &'a [Happening],
    ledger: &'a [(String, String, f64)],
    findings: &'a [Finding],
    sources: Counts,
    provenance: &'a [(String, String, String)],
}

/// The site's clock as people write it: "UTC-5", "UTC+5:30".
fn zone(offset_s: f64) -> String {
    let minutes = (offset_s.abs() / 60.0).round() as i64;
    let part = if minutes % 60 == 0 { String::new() } else { format!(":{:02}", minutes % 60) };
    match minutes {
        0 => "UTC".to_owned(),
        _ => format!("UTC{}{}{part}", if offset_s < 0.0 { "-" } else { "+" }, minutes / 60),
    }
}

/// A curve; without a band where least, mean and greatest value are one.
#[derive(Serialize)]
struct Drawn<'a> {
    chart: &'a str,
    label: &'a str,
    unit: &'a str,
    least: Option<Vec<Option<f64>>>,
    mean: Vec<Option<f64>>,
    greatest: Option<Vec<Option<f64>>>,
}

/// A curtailment event as the charts mark it; instants in s since the start of the run.
#[derive(Serialize)]
struct Marked<'a> {
    name: &'a str,
    received_s: f64,
    start_s: f64,
    end_s: f64,
    cancelled: bool,
    limit_mw: f64,
    point: Option<&'a str>,
}

/// The page of one run. Energy in MWh, power in MW, time on the site's clock; the page says so itself.
#[must_use]
pub fn report_html(stamp: &RunStamp, scenario: &Scenario, outcome: &Outcome) -> String {
    report_with(stamp, scenario, outcome, "")
}

/// The same with figures (HTML) below what the page draws itself.
#[must_use]
pub fn report_with(stamp: &RunStamp, scenario: &Scenario, outcome: &Outcome, figures: &str) -> String {
    let page = Page {
        scenario: &stamp.scenario,
        title: &scenario.title,
        seed: stamp.seed.to_string(),
        version: &stamp.version,
        start: stamp.start.to_string(),
        start_ms: stamp.start.as_nanos() as f64 / 1e6,
        duration_s: scenario.duration.as_secs_f64(),
        offset_s: scenario.plant.utc_offset.as_secs_f64(),
        zone: zone(scenario.plant.utc_offset.as_secs_f64()),
        metrics: &outcome.metrics,
        expectations: lines(&outcome.expectations),
        curve_at_s: &outcome.curve_at_s,
        curves: outcome.curves.iter().map(drawn).collect(),
        events: scenario.events.iter().map(|event| marked(event, scenario)).collect(),
        happenings: &outcome.happenings,
        ledger: &outcome.ledger,
        findings: &outcome.findings,
        sources: counts(&scenario.sources),
        provenance: &scenario.provenance,
    };
    let data = serde_json::to_string(&page).expect("texts and numbers under text keys are always JSON");
    let title = format!("{} · tieline", if scenario.title.is_empty() { &stamp.scenario } else { &scenario.title });
    self::page(&title, &data, figures, STYLE, SCRIPT)
}

/// A page with its data, figures (HTML) below what its program draws, style and program inside.
pub(crate) fn page(title: &str, data: &str, figures: &str, style: &str, script: &str) -> String {
    // Inside a script element only `<` can end it or open a comment; JSON has `<` in texts only, where \u003c means it.
    let data = data.replace('<', "\\u003c");
    let title = escaped(title);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main id="report"><noscript>This page draws its charts with JavaScript, which is off. The same results are in the files
beside it.</noscript></main>
{figures}<script id="data" type="application/json">{data}</script>
<script>
{script}</script>
</body>
</html>
"#
    )
}

fn drawn(curve: &Curve) -> Drawn<'_> {
    let plain = curve.least == curve.mean && curve.mean == curve.greatest;
    let band = |values: &[Option<f32>]| (!plain).then(|| rounded(values));
    Drawn {
        chart: &curve.chart,
        label: &curve.label,
        unit: &curve.unit,
        least: band(&curve.least),
        mean: rounded(&curve.mean),
        greatest: band(&curve.greatest),
    }
}

fn rounded(values: &[Option<f32>]) -> Vec<Option<f64>> {
    let round = |value: f32| format!("{value:.*e}", DIGITS - 1).parse::<f64>().ok().filter(|value| value.is_finite());
    values.iter().map(|value| value.and_then(round)).collect()
}

fn marked<'a>(scheduled: &'a ScheduledEvent, scenario: &'a Scenario) -> Marked<'a> {
    let event = &scheduled.event;
    let point = scenario.plant.pois.get(usize::from(event.poi)).filter(|_| event.poi != ALL_POINTS);
    let end = scheduled.cancelled_at.map_or(event.end, |at| at.min(event.end)).max(event.start);
    let end = end.min(Time::ZERO + scenario.duration);
    Marked {
        name: &scheduled.name,
        received_s: event.received_at.as_secs_f64(),
        start_s: event.start.as_secs_f64(),
        end_s: end.as_secs_f64(),
        cancelled: scheduled.cancelled_at.is_some(),
        limit_mw: event.limit_w / 1e6,
        point: point.map(|point| point.name.as_str()),
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
