//! The story of a run on one screen: what ran, what power and supply did, who gave what, what it cost in work.
//!
//! Not modelled: charts; the report has them.

use super::speed;
use crate::{check, screen};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tieline_sim::results::{Curve, Happening, Outcome};
use tieline_sim::scenario::{Rule, Scenario};
use tieline_units::{Span, Time};

/// Widest line that we write, in columns.
const WIDTH: usize = 110;
/// Happenings that a screen has room for.
const MOST_HAPPENINGS: usize = 14;
/// Failures of jobs among them.
const MOST_JOBS: usize = 1;
/// The controller's first moments are no news, s.
const SETTLED_S: f64 = 60.0;
/// Events whose balance a screen has room for.
const MOST_EVENTS: usize = 4;
/// Topics of findings that a screen has room for.
const MOST_FINDINGS: usize = 4;
/// The controller writes "no limit" as a very large finite power; nothing on earth is limited to 100 GW.
const NO_LIMIT_MW: f64 = 1e5;

/// Everything that the screen tells of.
pub struct Told<'a> {
    /// What ran.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// With this seed.
    pub seed: u64,
    /// In so much time on the wall.
    pub wall: Duration,
    /// Where the results are.
    pub out: &'a Path,
    /// Size of the journal, bytes, where the operation study ran.
    pub journal_bytes: Option<u64>,
    /// What the transient study tells.
    pub waveform: String,
}

/// The whole screen.
pub fn tell(told: &Told<'_>) -> String {
    let mut text = String::new();
    let Some(journal_bytes) = told.journal_bytes else { return tell_waveform(told) };
    header(told, &mut text);
    let sections: [(&str, String); 7] = [
        ("Power", power_section(told)),
        ("Supply", supply(told)),
        ("Who gave what", balances(told)),
        ("Work", work(told)),
        ("What happened", happenings(told)),
        ("Expectations", expectations(told)),
        ("What does not close", findings(told)),
    ];
    for (title, body) in sections.into_iter().filter(|(_, body)| !body.is_empty()) {
        text.push_str(&screen::heading(title));
        text.push_str(&body);
    }
    text.push_str(&told.waveform);
    text.push_str(&check::sources(told.scenario));
    let _ = writeln!(
        text,
        "Results in {}: report.html, summary.json, Parquet tables, journal.tlj ({} MB)",
        told.out.display(),
        screen::number(journal_bytes as f64 / 1e6)
    );
    text
}

/// The screen of a run of the transient study alone.
fn tell_waveform(told: &Told<'_>) -> String {
    let scenario = told.scenario;
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", scenario.name, screen::cut(&scenario.title, WIDTH - scenario.name.len() - 2));
    let waves = told.outcome.metrics.keys().any(|name| name.starts_with("transient."));
    let (study, from) = if waves { ("transient", scenario.waveform.at) } else { ("dispatch", scenario.start) };
    let _ = writeln!(text, "{study} from {from}, seed {}; took {:.1} s", told.seed, told.wall.as_secs_f64());
    text.push_str(&told.waveform);
    for (title, body) in [("Expectations", expectations(told)), ("What does not close", findings(told))] {
        if !body.is_empty() {
            text.push_str(&screen::heading(title));
            text.push_str(&body);
        }
    }
    text.push_str(&check::sources(scenario));
    let _ = writeln!(text, "Results in {}: report.html, summary.json, Parquet tables", told.out.display());
    text
}

/// The expectations that failed, in words.
pub fn failed(outcome: &Outcome) -> Vec<String> {
    outcome
        .expectations
        .iter()
        .filter(|line| !line.2)
        .map(|(line, value, _)| {
            format!(
                "{} is {}, expected {} {}",
                line.metric,
                screen::against(*value, line.value),
                rule(line.rule),
                screen::exact(line.value)
            )
        })
        .collect()
}

const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::AtMost => "at most",
        Rule::AtLeast => "at least",
        Rule::Equal => "exactly",
    }
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.metrics.get(&format!("operation.{name}")).copied().unwrap_or(f64::NAN)
}

fn header(told: &Told<'_>, text: &mut String) {
    let scenario = told.scenario;
    let simulated_s = scenario.duration.as_secs_f64();
    let _ = writeln!(text, "{}: {}", scenario.name, screen::cut(&scenario.title, WIDTH - scenario.name.len() - 2));
    let _ = writeln!(
        text,
        "operation from {} local time ({}), {} in ticks of {:.0} ms, seed {}",
        clock(scenario, 0.0, true),
        scenario.start,
        lasting(simulated_s),
        scenario.control.tick.as_secs_f64() * 1e3,
        told.seed,
    );
    let faster = screen::number(speed(simulated_s, told.wall));
    let _ = writeln!(text, "took {:.1} s, {faster} times faster than real time", told.wall.as_secs_f64());
}

/// A length of time in the unit that suits it.
fn lasting(seconds: f64) -> String {
    let (value, unit) = if seconds < 3600.0 { (seconds / 60.0, "min") } else { (seconds / 3600.0, "h") };
    format!("{} {unit}", screen::exact((value * 10.0).round() / 10.0))
}

/// Local civil time of an instant of the run: `14:05`, with the day of the run before it after the first.
fn clock(scenario: &Scenario, at_s: f64, date: bool) -> String {
    let at = scenario.start + (Time::ZERO + Span::from_secs_f64(at_s) - Time::ZERO);
    let offset = scenario.plant.utc_offset;
    let (day, hour) = at.day_and_hour(offset);
    let seconds = (hour * 3600.0 + 0.5) as u64;
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if date {
        let midnight = tieline_units::Utc::nanos(day.saturating_mul(86_400_000_000_000)).to_string();
        return format!("{} {time}", midnight.split('T').next().unwrap_or_default());
    }
    let days = day - scenario.start.day_and_hour(offset).0;
    if days > 0 { format!("day {} {time}", days + 1) } else { time }
}

fn curve<'a>(outcome: &'a Outcome, chart: &str, label: &str) -> Option<&'a Curve> {
    outcome.curves.iter().find(|curve| curve.chart == chart && curve.label == label)
}

fn least(values: &[Option<f32>]) -> f64 {
    values.iter().flatten().map(|value| f64::from(*value)).fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[Option<f32>]) -> f64 {
    values.iter().flatten().map(|value| f64::from(*value)).fold(f64::NEG_INFINITY, f64::max)
}

fn cells(row: &[&str]) -> Vec<String> {
    row.iter().map(|cell| (*cell).to_owned()).collect()
}

fn power_section(told: &Told<'_>) -> String {
    let outcome = told.outcome;
    let get = |name: &str| screen::number(metric(outcome, name));
    let mut rows = vec![cells(&["", "mean MW", "max MW", "limit MW", "over limit MWh", "worst over MW"])];
    let mean_import = metric(outcome, "import_mwh") / metric(outcome, "simulated_h");
    rows.push(vec!["load".to_owned(), get("load_mean_mw"), get("load_max_mw")]);
    let import = curve(outcome, "meter", "import (true)");
    let limit = curve(outcome, "meter", "import limit");
    rows.push(vec![
        "import".to_owned(),
        screen::number(mean_import),
        import.map_or_else(String::new, |curve| screen::number(greatest(&curve.greatest))),
        limit.map_or_else(String::new, limits),
        get("import_over_limit_mwh"),
        get("import_over_limit_max_mw"),
    ]);
    for poi in &told.scenario.plant.pois {
        let Some(import) = curve(outcome, "points", &format!("import, {}", poi.name)) else { continue };
        let limit = curve(outcome, "points", &format!("limit, {}", poi.name));
        rows.push(vec![
            screen::cut(&format!("  at {}", poi.name), 40),
            screen::number(mean(&import.mean)),
            screen::number(greatest(&import.greatest)),
            if poi.island { "island".to_owned() } else { limit.map_or_else(String::new, limits) },
        ]);
    }
    let mut text = screen::columns(2, &rows);
    let _ = writeln!(
        text,
        "  steepest import over 60 s {} MW/min ({} above the limit); not served {} MWh",
        get("ramp_max_60s_mw_per_min"),
        get("ramp_over_limit_60s_mw_per_min"),
        get("unserved_mwh"),
    );
    text
}

/// The range of a limit that moved, or the limit.
fn limits(curve: &Curve) -> String {
    let (low, high) = (least(&curve.least), greatest(&curve.greatest));
    if !low.is_finite() || low >= NO_LIMIT_MW {
        "none".to_owned()
    } else if high - low < 0.5 {
        screen::number(low)
    } else {
        format!("{} to {}", screen::number(low), screen::number(high))
    }
}

fn mean(values: &[Option<f32>]) -> f64 {
    let (sum, count) =
        values.iter().flatten().fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
    sum / count
}

fn supply(told: &Told<'_>) -> String {
    let outcome = told.outcome;
    let get = |name: &str| screen::number(metric(outcome, name));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  import    {} MWh for ${}",
        get("import_mwh"),
        screen::large(metric(outcome, "import_cost_usd"))
    );
    if !told.scenario.plant.turbines.is_empty() {
        let _ = writeln!(
            text,
            "  turbines  {} MWh for ${}; {} machines, {} h run, {} trips",
            get("turbine_mwh"),
            screen::large(metric(outcome, "turbine_cost_usd")),
            told.scenario.plant.turbines.len(),
            get("turbine_run_h"),
            get("turbine_trips"),
        );
    }
    if !told.scenario.plant.batteries.is_empty() {
        let _ = writeln!(
            text,
            "  battery   {} MWh charged, {} MWh discharged; state of charge {} to {} %, {} % at the end",
            get("battery_charged_mwh"),
            get("battery_discharged_mwh"),
            get("soc_min_percent"),
            get("soc_max_percent"),
            get("soc_end_percent"),
        );
    }
    text
}

/// Per event: by how much the grid was relieved and what gave it. The ledger's sign is power into the component, so a
/// class that gave energy stands there with a minus.
fn balances(told: &Told<'_>) -> String {
    let ledger = &told.outcome.ledger;
    let mut names: Vec<&str> = Vec::new();
    for (_, what, _) in ledger {
        if what != "whole run" && !names.contains(&what.as_str()) {
            names.push(what);
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let classes = ["halls", "cooling", "batteries", "turbines"];
    let mut rows = vec![cells(&[
        "MWh, against the minutes before",
        "grid relieved",
        "halls",
        "cooling",
        "batteries",
        "turbines",
        "other",
    ])];
    for what in names.iter().take(MOST_EVENTS) {
        let of = |class: &str| -> f64 {
            ledger.iter().filter(|row| row.1 == *what && row.0 == class).map(|row| row.2).sum()
        };
        let relieved = of("grid connection");
        let gave: Vec<f64> = classes.iter().map(|class| -of(class)).collect();
        let mut row = vec![screen::cut(what.split(": change").next().unwrap_or(what), 40), screen::number(relieved)];
        row.extend(gave.iter().map(|mwh| screen::number(*mwh)));
        row.push(screen::number(zeroed(relieved - gave.iter().sum::<f64>())));
        rows.push(row);
    }
    let mut text = screen::columns(2, &rows);
    text.push_str(&met(told.outcome));
    if names.len() > MOST_EVENTS {
        let _ = writeln!(text, "  and {} more in the report", names.len() - MOST_EVENTS);
    }
    text
}

/// How many events were met, and how narrowly.
fn met(outcome: &Outcome) -> String {
    let margin_s = metric(outcome, "events_worst_margin_s");
    let margin = if margin_s.is_nan() {
        String::new()
    } else if margin_s >= 0.0 {
        format!("; the closest {} s before its deadline", screen::number(margin_s))
    } else {
        format!("; the worst {} s after its deadline", screen::number(-margin_s))
    };
    let count = |name: &str| screen::number(metric(outcome, name));
    let infeasible = if metric(outcome, "events_infeasible") > 0.0 {
        format!("; {} could not be met in their notice", count("events_infeasible"))
    } else {
        String::new()
    };
    format!("  events met: {} of {}{margin}{infeasible}\n", count("events_met"), count("events_seen"))
}

/// Rounding of a difference is not energy.
fn zeroed(value: f64) -> f64 {
    if value.abs() < 1e-6 { 0.0 } else { value }
}

fn work(told: &Told<'_>) -> String {
    let outcome = told.outcome;
    let get = |name: &str| screen::number(metric(outcome, name));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {} tokens, goodput {:.1} %, {} days lost",
        screen::large(metric(outcome, "tokens")),
        metric(outcome, "goodput_share") * 100.0,
        get("days_lost"),
    );
    if let Some(mfu) = outcome.metrics.get("operation.step_model.mfu_percent") {
        let _ = writeln!(
            text,
            "  the run's pace is that of its layout's step: MFU {mfu:.1} % of its format's peak, {} tokens/s at full speed",
            screen::large(metric(outcome, "step_model.tokens_per_s")),
        );
    }
    let _ = writeln!(
        text,
        "  {} GPU-hours missed: {} capped, {} stalled, {} lost to failures",
        get("gpu_hours_missed"),
        get("gpu_hours_capped"),
        get("gpu_hours_stalled"),
        get("gpu_hours_lost"),
    );
    let _ = writeln!(
        text,
        "  caps {} % of the highest on average, {} % at least; {} checkpoints, {} job failures",
        get("mean_cap_percent"),
        get("least_cap_percent"),
        get("checkpoints"),
        get("job_failures"),
    );
    text
}

/// The few happenings that a reader should know of, in order of time: the end of each event's story first, then what
/// broke, then what the controller noticed.
fn notable(all: &[Happening]) -> Vec<&Happening> {
    let mut queues: [Vec<&Happening>; 5] = Default::default();
    let mut texts = BTreeSet::new();
    for happening in all {
        let rank = match happening.kind.as_str() {
            "event" => 0,
            "fault" | "island" | "grid" => 1,
            "turbine" | "lease" => 2,
            // Before the first minute is over, the controller is only finding its feet.
            "controller" if happening.at_s >= SETTLED_S => 3,
            "job" | "hall" => 4,
            _ => continue,
        };
        // The same words again (caps that come and go) say nothing new.
        if texts.insert(happening.text.as_str()) {
            queues[rank].push(happening);
        }
    }
    queues[0] = last_two_of_each(&queues[0]);
    // Jobs fail every few minutes on a large campus; a few stand for all.
    queues[4].truncate(MOST_JOBS);
    let mut chosen: Vec<&Happening> = queues[0].iter().copied().take(MOST_HAPPENINGS / 2).collect();
    let rest = &queues[1..];
    let longest = rest.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|place| rest.iter().filter_map(move |queue| queue.get(place).copied()));
    let room = MOST_HAPPENINGS - chosen.len();
    chosen.extend(in_turn.take(room));
    chosen.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    chosen
}

/// What is told of an event begins with its name; how it began and how it ended matter more than that it was announced.
fn last_two_of_each<'h>(events: &[&'h Happening]) -> Vec<&'h Happening> {
    let name = |happening: &Happening| happening.text.split(':').next().unwrap_or_default().to_owned();
    let later = |index: usize| events[index + 1..].iter().filter(|other| name(other) == name(events[index])).count();
    (0..events.len()).filter(|index| later(*index) < 2).map(|index| events[index]).collect()
}

fn happenings(told: &Told<'_>) -> String {
    let all = &told.outcome.happenings;
    let chosen = notable(all);
    let mut text = String::new();
    let width = chosen.iter().map(|happening| clock(told.scenario, happening.at_s, false).len()).max().unwrap_or(0);
    for happening in &chosen {
        let time = clock(told.scenario, happening.at_s, false);
        let _ = writeln!(text, "  {time:>width$}  {}", screen::cut(&happening.text, WIDTH - width - 4));
    }
    if all.len() > chosen.len() {
        let _ = writeln!(text, "  {:width$}  {} in all; the report lists them with their reasons", "", all.len());
    }
    text
}

fn expectations(told: &Told<'_>) -> String {
    let mut text = String::new();
    for (line, value, pass) in &told.outcome.expectations {
        let said = format!("{} {} {}", line.metric, rule(line.rule), screen::exact(line.value));
        let _ = writeln!(
            text,
            "  {}  {said:<60} is {}",
            screen::mark(*pass, ("pass", "FAIL"), 4),
            screen::against(*value, line.value)
        );
    }
    text
}

/// One line per topic: the first finding of it that does not close, and how many more there are.
fn findings(told: &Told<'_>) -> String {
    let open: Vec<_> = told.outcome.findings.iter().filter(|finding| !finding.closes).collect();
    let mut topics: Vec<&str> = Vec::new();
    let mut text = String::new();
    for finding in &open {
        if topics.contains(&finding.topic.as_str()) || topics.len() == MOST_FINDINGS {
            continue;
        }
        topics.push(&finding.topic);
        let more = open.iter().filter(|other| other.topic == finding.topic).count() - 1;
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let line = format!("{}: {}", finding.topic, finding.text);
        let _ = writeln!(text, "  {}{more}", screen::cut(&line, WIDTH - 2 - more.len()));
    }
    if !open.is_empty() {
        let count = open.len();
        let words = if count == 1 { "finding does" } else { "findings do" };
        let _ = writeln!(text, "  {count} {words} not close; in full: report.html and summary.json");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(at_s: f64, kind: &str, text: &str) -> Happening {
        Happening { at_s, kind: kind.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn few_happenings_stand_for_many() {
        let mut all: Vec<Happening> =
            (0..50).map(|job| happening(f64::from(job), "job", &format!("job {job} failed"))).collect();
        all.push(happening(60.0, "event", "heat wave: received"));
        all.push(happening(70.0, "event", "heat wave: starts"));
        all.push(happening(90.0, "event", "heat wave: over"));
        all.push(happening(2.0, "controller", "import is now set by the ramp limit"));
        all.push(happening(80.0, "turbine", "turbine 3 tripped"));
        all.push(happening(81.0, "turbine", "turbine 3 tripped"));
        let chosen = notable(&all);
        assert_eq!(chosen.len(), 2 + 1 + MOST_JOBS);
        let events: Vec<&str> = chosen.iter().filter(|one| one.kind == "event").map(|one| one.text.as_str()).collect();
        assert_eq!(events, ["heat wave: starts", "heat wave: over"]);
        assert_eq!(chosen.iter().filter(|one| one.kind == "turbine").count(), 1, "the same words only once");
        assert!(chosen.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
        assert!(chosen.iter().all(|one| one.kind != "controller"), "the first minute is no news");
        assert_eq!(notable(&all[..50]).len(), MOST_JOBS);
    }

    #[test]
    fn limits_that_move_show_their_range() {
        let curve = |values: &[Option<f32>]| Curve {
            chart: String::new(),
            label: String::new(),
            unit: String::new(),
            least: values.to_vec(),
            mean: values.to_vec(),
            greatest: values.to_vec(),
        };
        assert_eq!(limits(&curve(&[None, None])), "none");
        assert_eq!(limits(&curve(&[Some(300.0), Some(300.0)])), "300");
        assert_eq!(limits(&curve(&[Some(200.0), None, Some(300.0)])), "200 to 300");
    }
}
