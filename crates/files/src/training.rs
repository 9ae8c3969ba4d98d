//! `train.html`: the charts of a training study on one page, in the report's style, without a program in it.
//!
//! Not modelled: interaction; `train.json` beside the page has every number.

mod chart;
mod tables;

use crate::report::{STYLE, escaped};
use chart::{Chart, Line, bars, draw, lanes};
use std::fmt::Write as _;
use tieline_sim::train::Study;

/// Most failures that are marked on the first day.
const MOST_MARKS: usize = 400;
/// Most stretches of a step that are drawn.
const MOST_STRETCHES: usize = 4000;
/// Shortest bar of the tornado, days.
const LEAST_BAR_D: f64 = 0.005;
/// Hour of the first day at which the curtailment is drawn.
const CURTAILED_AT_H: f64 = 16.0;

/// The page of one study.
#[must_use]
pub fn page(study: &Study, title: &str, version: &str) -> String {
    let heading = if title.is_empty() { &study.scenario } else { title };
    let mut body = format!(
        "<header><h1>{}</h1><dl class=\"stamp\"><div><dt>Scenario</dt><dd>{}</dd></div><div><dt>Run</dt><dd>{}, {}</dd></div><div><dt>Version</dt><dd>tieline {}</dd></div></dl></header>",
        escaped(heading),
        escaped(&study.scenario),
        escaped(&study.job),
        escaped(&study.model.name),
        escaped(version)
    );
    section(
        &mut body,
        "Progress",
        &[
            first_day(study),
            whole_run(study),
            tables::finish(study),
            tornado(study),
            tables::build_out(study),
            tables::fleets(study),
        ],
    );
    section(&mut body, "Goodput", &[goodput(study), tables::goodput(study)]);
    section(&mut body, "Cost of flexibility", &[cost(study), tables::prices(study), merit(study)]);
    section(&mut body, "One step", &[step(study), tables::layouts(study)]);
    let sources: Vec<String> = study.sources.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let _ = write!(
        body,
        "<p class=\"note\">Numbers in the scenario by source: {}. Every number is in train.json.</p>",
        sources.join(", ")
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{} · training · tieline</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>{body}</main>\n</body>\n</html>\n",
        escaped(heading)
    )
}

fn section(body: &mut String, title: &str, parts: &[String]) {
    let _ = write!(body, "<section><h2>{title}</h2>");
    for part in parts {
        let _ = write!(body, "<div>{part}</div>");
    }
    body.push_str("</section>");
}

/// Kept and alive work of one simulated first day, with and without the curtailment, failures marked.
fn first_day(study: &Study) -> String {
    let marks = &study.goodput.first_day;
    let hours = study.price.hours.min(24.0 - CURTAILED_AT_H);
    let own = study.price.jobs.iter().find(|job| job.name == study.job);
    let kept = own
        .and_then(|job| job.offers.iter().find(|offer| offer.refused.is_empty()))
        .map_or(1.0, |offer| offer.throughput);
    let mut points: Vec<(f64, f64)> = marks.iter().map(|mark| (mark.0, mark.1)).collect();
    if let (Some(first), Some(last)) = (points.get(1).copied(), points.last().copied())
        && last.0 < 24.0
    {
        // To the end of the day at the pace so far.
        points.push((24.0, last.1 + (24.0 - last.0) * if last.0 > 0.0 { last.1 / last.0 } else { first.1 }));
    }
    let behind = |at: f64| (1.0 - kept) * (at - CURTAILED_AT_H).clamp(0.0, hours);
    let mut curtailed: Vec<(f64, f64)> = points.iter().map(|(at, work)| (*at, work - behind(*at))).collect();
    for at in [CURTAILED_AT_H, CURTAILED_AT_H + hours] {
        let next = points.partition_point(|p| p.0 < at).clamp(1, points.len().max(2) - 1);
        if let (Some(a), Some(b)) = (points.get(next - 1), points.get(next)) {
            let work = a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0).max(1e-9);
            curtailed.push((at, work - behind(at)));
        }
    }
    curtailed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let failures: Vec<(f64, String)> =
        marks.iter().filter(|mark| mark.2).take(MOST_MARKS).map(|mark| (mark.0, String::new())).collect();
    draw(&Chart {
        title: "One simulated first day: work done (ticks: failures; shaded: the priced curtailment)",
        axes: ("hours", "hours of work"),
        log: false,
        lines: vec![
            Line { name: "without curtailment", points, steps: false },
            Line { name: "with it", points: curtailed, steps: false },
        ],
        marks: failures,
        spans: vec![(CURTAILED_AT_H, CURTAILED_AT_H + hours)],
    })
}

fn whole_run(study: &Study) -> String {
    let outlook = &study.outlook;
    let mut marks: Vec<(f64, String)> =
        outlook.phases.iter().skip(1).map(|phase| (phase.from_d, format!("{:.0} GPUs", phase.at_work))).collect();
    marks.extend(outlook.likely_d.map(|days| (days, "finish".to_owned())));
    draw(&Chart {
        title: "The whole run: share of the work done, likely values",
        axes: ("days", "share done"),
        log: false,
        lines: vec![Line { name: "done", points: outlook.progress.clone(), steps: false }],
        marks,
        spans: vec![(outlook.quantiles_d[0].0, outlook.quantiles_d[2].0)],
    })
}

fn tornado(study: &Study) -> String {
    let Some(likely) = study.outlook.likely_d else { return String::new() };
    // What moves nothing has no bar.
    let moves =
        |row: &&(String, f64, f64)| row.1.is_finite() && row.2.is_finite() && (row.1 - row.2).abs() > LEAST_BAR_D;
    let rows: Vec<(String, f64, f64)> = study.outlook.tornado.iter().filter(moves).cloned().collect();
    if rows.is_empty() {
        return String::new();
    }
    bars("What the finish hangs on: each unknown alone at its ends", "days, all likely", likely, &rows)
}

fn goodput(study: &Study) -> String {
    let goodput = &study.goodput;
    let lines = goodput
        .ways
        .iter()
        .map(|way| Line {
            name: &way.name,
            points: way.curve.iter().map(|(s, share)| (s / 60.0, 100.0 * share)).collect(),
            steps: false,
        })
        .collect();
    draw(&Chart {
        title: "Effective training time against the interval between checkpoints",
        axes: ("minutes between checkpoints", "% of time"),
        log: true,
        lines,
        marks: goodput
            .formulas
            .iter()
            .take(2)
            .zip(["", "Daly"])
            .map(|(f, name)| (f.value / 60.0, name.to_owned()))
            .collect(),
        spans: Vec::new(),
    })
}

fn cost(study: &Study) -> String {
    let lines = study
        .price
        .jobs
        .iter()
        .map(|job| Line {
            name: &job.name,
            points: job.curve.iter().map(|(depth, usd)| (100.0 * depth, usd / 1e3)).collect(),
            steps: false,
        })
        .collect();
    draw(&Chart {
        title: "What each job's cheapest answer costs, within its tier",
        axes: ("% of its GPU power shed", "thousand $"),
        log: false,
        lines,
        marks: Vec::new(),
        spans: Vec::new(),
    })
}

fn merit(study: &Study) -> String {
    let mut points = Vec::new();
    let mut before = 0.0;
    for rung in &study.price.merit {
        points.push((before, rung.usd_per_mwh));
        points.push((rung.total_mw, rung.usd_per_mwh));
        before = rung.total_mw;
    }
    draw(&Chart {
        title: "The campus together: price of the next megawatt-hour, cheapest first",
        axes: ("MW shed at the GPUs", "$/MWh"),
        log: false,
        lines: vec![Line { name: "merit order", points, steps: false }],
        marks: Vec::new(),
        spans: Vec::new(),
    })
}

fn step(study: &Study) -> String {
    let kinds = ["wait", "forward", "backward", "gradients", "optimizer"];
    let rows: Vec<_> = study.step.phases.iter().take(MOST_STRETCHES).copied().collect();
    let mut stages: Vec<usize> = rows.iter().map(|row| row.0).collect();
    stages.dedup();
    let names: Vec<String> = stages.iter().map(|stage| format!("stage {}", stage + 1)).collect();
    lanes("When the first and the last pipeline stage compute and wait", &kinds, &rows, &names)
}
