//! The answer of `tieline comply` as text: how the trace was read, clause by clause, doubts and notes.
//!
//! Not modelled: charts (the HTML page has them).

use crate::screen;
use std::fmt::Write as _;
use tieline_campus::specification::{Ruling, Verdict as Said};
use tieline_files::compliance::Compliance;

/// A length of time in the unit that suits it.
fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 2.0 * 86_400.0 => (s / 86_400.0, "d"),
        s if s >= 2.0 * 3600.0 => (s / 3600.0, "h"),
        s if s >= 120.0 => (s / 60.0, "min"),
        s if s >= 1.0 => (s, "s"),
        s => (s * 1e3, "ms"),
    };
    format!("{} {unit}", screen::number(value))
}

/// The whole answer.
pub fn words(compliance: &Compliance<'_>) -> String {
    let found = compliance.findings;
    let (unit, size) = compliance.outlook.power();
    let power = |watts: f64| screen::number(watts / size);
    let mut text = screen::heading(&format!("{} against {}", compliance.trace, compliance.specification.name));
    let _ = writeln!(text, "  {}", compliance.specification.title);
    let _ = writeln!(text, "  time   {}", compliance.time);
    let _ = writeln!(
        text,
        "  power  {}; {} to {} {unit}{}",
        compliance.power,
        power(found.range_w.0),
        power(found.range_w.1),
        compliance.mean_w().map_or_else(String::new, |mean_w| format!(
            ", mean {} {unit}, energy {} {unit}h",
            power(mean_w),
            power(mean_w * compliance.measured_s() / 3600.0)
        ))
    );
    let _ = writeln!(
        text,
        "  trace  {} rows over {}{}; a reading every {}; {:.2} % of the time measured",
        tieline_sim::check::count(found.rows as f64),
        duration(found.span_s()),
        compliance.moment(0.0).map_or_else(String::new, |start| format!(" from {start}")),
        duration(found.interval_s),
        100.0 * found.coverage()
    );
    let from =
        if compliance.outlook.given { "given" } else { "the trace's greatest reading; --set rated=... gives another" };
    let _ = writeln!(text, "  shares are of {} {unit} ({from})\n", power(compliance.outlook.reference_w));
    let mut rows = vec![["clause", "measured", "limit", "margin", "worst moment"].map(String::from).to_vec()];
    rows.extend(compliance.rulings.iter().map(|ruling| cells(ruling, compliance)));
    let columns = screen::columns(0, &rows);
    for (place, line) in columns.lines().enumerate() {
        let Some(ruling) = place.checked_sub(1).and_then(|place| compliance.rulings.get(place)) else {
            let _ = writeln!(text, "  {:<9}  {line}", "");
            continue;
        };
        let word = match ruling.verdict {
            Said::NotShown => format!("{:<9}", "not-shown"),
            said => screen::mark(said == Said::Pass, ("pass", "FAIL"), 9),
        };
        let _ = writeln!(text, "  {word}  {line}");
        let why =
            if ruling.why.is_empty() { ruling.measure.clone() } else { format!("{}: {}", ruling.measure, ruling.why) };
        let _ = writeln!(text, "             {}", screen::wrap(&why, 110, 13));
        if let Some(remedy) = ruling.remedy.as_ref().filter(|remedy| !remedy.words.is_empty()) {
            let _ = writeln!(text, "             would pass: {}", screen::wrap(&remedy.words, 98, 25));
        }
    }
    text.push('\n');
    if let Some(assumed) = compliance.assumed() {
        let _ = writeln!(text, "  {}\n", screen::wrap(&assumed, 110, 2));
    }
    for doubt in &found.doubts {
        let _ = writeln!(text, "  doubt: {}", screen::wrap(doubt, 110, 9));
    }
    for remark in compliance.remarks {
        let _ = writeln!(text, "  note: {}", screen::wrap(remark, 110, 8));
    }
    let _ = writeln!(
        text,
        "{} passed, {} failed, {} not shown of {} clauses",
        compliance.count(Said::Pass),
        compliance.count(Said::Fail),
        compliance.count(Said::NotShown),
        compliance.rulings.len()
    );
    text
}

fn cells(ruling: &Ruling, compliance: &Compliance<'_>) -> Vec<String> {
    let with_unit = |value: Option<f64>, none: &str| {
        value.map_or_else(
            || none.to_owned(),
            |value| format!("{} {}", screen::number(value), ruling.unit).trim_end().to_owned(),
        )
    };
    let measured = with_unit(ruling.measured, "-");
    vec![
        ruling.name.clone(),
        if ruling.at_least && ruling.measured.is_some() { format!(">= {measured}") } else { measured },
        with_unit(ruling.limit, "open"),
        ruling.margin.map_or_else(|| "-".to_owned(), |margin| format!("{:.1} %", 100.0 * margin)),
        ruling.at_s.map_or_else(
            || "-".to_owned(),
            |at_s| compliance.moment(at_s).unwrap_or_else(|| format!("{} s", screen::number(at_s))),
        ),
    ]
}
