//! Scenario files: TOML with a unit in every quantity and a source on every number, read whole, with all mistakes at once.
//!
//! One field table (`fields`) says what every key means; the reader, its messages and the JSON Schema come from it.
//!
//! Not modelled: templates, expressions, inheritance between files, older versions of the format.

mod campus;
mod diagnostics;
mod dispatch;
mod faults;
mod fields;
pub(crate) mod schema;
mod script;
pub(crate) mod sheet;
mod training;
mod waveform;

pub use diagnostics::{Mistake, Mistakes};
pub use schema::schema;

use sheet::{Notes, Sheet};
use std::io::{self, Read};
use tieline_grid::boundary::Surroundings;
use tieline_grid::{load, weather};
use tieline_sim::operation::{METRIC_FAMILIES, METRICS};
use tieline_sim::scenario::{Claims, Expectation, Fleet, PowerClaim, Rule, Scenario};
use tieline_sim::transient;
use tieline_units::{Series, Span, Time, Utc};
use toml::de::DeTable;

/// Largest scenario file that is read, bytes; a larger one is refused unread.
pub const MOST_BYTES: u64 = 4 << 20;
/// Largest table that is read, bytes.
const MOST_TABLE_BYTES: u64 = 256 << 20;
/// Most mistakes shown of one file; what lies beyond is counted.
const MOST_MISTAKES: usize = 200;
/// Hours of load, weather and price beyond the end of a run: the outlook reaches a day ahead.
const OUTLOOK_H: i64 = 25;
const HOUR: Span = Span::secs(3600);

/// Opens a file that a scenario names, relative to the scenario's own place.
pub type Open<'o> = dyn FnMut(&str) -> io::Result<Box<dyn Read>> + 'o;

/// Names and texts of the scenarios that tieline carries, in order of name.
const BUILTIN: &[(&str, &str)] = &[
    ("colossus-1", include_str!("../../../scenarios/colossus-1.toml")),
    ("colossus-2", include_str!("../../../scenarios/colossus-2.toml")),
    ("colossus-2-in-pjm", include_str!("../../../scenarios/colossus-2-in-pjm.toml")),
    ("fleets", include_str!("../../../scenarios/fleets.toml")),
    ("pjm-summer-2026", include_str!("../../../scenarios/pjm-summer-2026.toml")),
    ("pjm-winter-2026", include_str!("../../../scenarios/pjm-winter-2026.toml")),
];

/// Names of the built-in scenarios, in order.
#[must_use]
pub fn builtin_names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}

/// Text of a built-in scenario.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Nearest of some names, if it is near enough to be meant.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    diagnostics::nearest(name, names)
}

/// Reads a scenario; `name` is for messages, `open` opens the files that it names.
///
/// # Errors
/// All mistakes of the file, in its order.
pub fn read(name: &str, text: &str, open: &mut Open<'_>) -> Result<Scenario, Mistakes> {
    let (scenario, sources, provenance) = collect(name, text, |notes, tree| walk(notes, tree, text, open))?;
    Ok(Scenario { sources, provenance, ..scenario })
}

/// Walks a TOML file with a collecting reader: its value, the sources of its numbers, or all of its mistakes.
pub(crate) fn collect<T>(
    name: &str,
    text: &str,
    walk: impl FnOnce(&Notes<'_>, &DeTable<'_>) -> T,
) -> Result<(T, std::collections::BTreeMap<tieline_units::SourceKind, usize>, sheet::Provenance), Mistakes> {
    let notes = Notes::new(text);
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MOST_MISTAKES) {
        let span = error.span().unwrap_or(0..0);
        let place = text.get(span.clone()).and_then(|part| part.lines().next()).unwrap_or("").trim();
        let place = if place.is_empty() { String::new() } else { format!(" at \"{place}\"") };
        let found = format!("{}{place}", error.message().trim().replace('\n', "; "));
        notes.mistake(span, "(TOML)", &found, "the grammar of TOML", "");
    }
    let value = walk(&notes, tree.get_ref());
    let (mut list, sources, provenance) = notes.finish();
    if errors.is_empty() && list.is_empty() {
        return Ok((value, sources, provenance));
    }
    if !errors.is_empty() {
        // What the grammar hid is not missing.
        list.retain(|mistake| mistake.found != "nothing");
    }
    let left_out = list.len().saturating_sub(MOST_MISTAKES);
    list.truncate(MOST_MISTAKES);
    Err(Mistakes { file: name.to_owned(), text: text.to_owned(), list, left_out })
}

/// When a run happens, on what grid of time.
pub(crate) struct Clock {
    pub start: Utc,
    pub duration: Span,
    pub tick: Span,
    pub utc_offset: Span,
    pub plan_every: Span,
    /// Whether start and duration were read, so that instants can be placed in the run.
    pub known: bool,
}

impl Clock {
    fn offset_min(&self) -> i64 {
        self.utc_offset.as_nanos() / 60_000_000_000
    }

    fn end(&self) -> Utc {
        self.start + self.duration
    }

    /// An instant on the run's own axis.
    pub(crate) fn time(&self, at: Utc) -> Time {
        Time::ZERO + (at - self.start)
    }

    /// The instant behind a key, which must lie within the run.
    pub(crate) fn instant(&self, sheet: &Sheet<'_, '_>, key: &str) -> Option<Utc> {
        let at = sheet.instant(key)?;
        if !self.known {
            return Some(at);
        }
        // Within a run the site has one clock; another offset is a slip of an hour.
        if let Some(zone_min) = sheet.zone_minutes(key).filter(|zone| *zone != self.offset_min()) {
            let found = format!("an instant written {} from UTC", hours(zone_min));
            let hint = format!("clock.utc_offset says {}", hours(self.offset_min()));
            sheet.wrong(key, &found, "the zone of clock.utc_offset, or Z", &hint);
            return None;
        }
        if at < self.start {
            sheet.wrong(key, "an instant before the start of the run", "one within the run", "see clock.start");
            return None;
        }
        if at > self.end() {
            sheet.wrong(
                key,
                "an instant after the end of the run",
                "one within the run",
                "see clock.start and duration",
            );
            return None;
        }
        Some(at)
    }
}

fn walk(notes: &Notes<'_>, tree: &DeTable<'_>, text: &str, open: &mut Open<'_>) -> Scenario {
    let root = Sheet::open(notes, Some(tree), fields::ROOT, "", 0..text.len().min(1), None);
    if root.has("source") {
        root.wrong(
            "source",
            "one source for the whole file",
            "a source in each table",
            "a blanket source says nothing",
        );
    }
    root.number("schema");
    let studies = root.texts("studies");
    for study in &studies {
        let built = [tieline_sim::dispatch::NAME, tieline_sim::operation::NAME, tieline_sim::transient::NAME];
        if !built.contains(&study.as_str()) {
            root.wrong(
                "studies",
                &format!("\"{study}\""),
                "\"dispatch\", \"operation\" or \"transient\"",
                "the studies that there are so far",
            );
        }
        if study == tieline_sim::transient::NAME && !root.has("waveform") {
            root.wrong(
                "studies",
                "\"transient\" without a table [waveform]",
                "a table [waveform]",
                "it says how the jobs step",
            );
        }
        if study == tieline_sim::dispatch::NAME && !root.has("dispatch") {
            root.wrong(
                "studies",
                "\"dispatch\" without a table [dispatch]",
                "a table [dispatch]",
                "it says where the campus stands",
            );
        }
    }
    if root.has("studies") && studies.is_empty() {
        root.wrong("studies", "an empty list", "[\"operation\"]", "");
    }
    let clock = clock(&root);
    let built = campus::campus(&root, &clock);
    let script = script::script(&root, &clock, &built);
    let (schedule_config, schedule) = script::schedule(&root, &clock);
    let waveform = waveform::plan(&root, &clock, &built, open);
    let mut plant = built.plant;
    plant.faults = script.faults.plant;
    let mut control = built.control;
    control.limits = script.limit_configs;
    control.schedule = schedule_config;
    let scenario = Scenario {
        name: name(&root),
        title: root.word("title"),
        studies,
        start: clock.start,
        duration: clock.duration,
        seed: root.table("clock").si("seed") as u64,
        surroundings: Surroundings {
            limits: script.limit_steps,
            dips: script.dips,
            frequency: script.deviations,
            ..surroundings(&root, &clock, notes.clean(), open)
        },
        plant,
        control,
        events: script.events,
        schedule,
        disturbances: script.faults.disturbances,
        claims: claims(&root),
        waveform,
        found: None,
        dispatch: dispatch::plan(&root, outlook(&clock), clock.utc_offset),
        modelled: None,
        fleets: fleets(&root),
        training: training::training(&root),
        expect: expect(&root),
        sources: std::collections::BTreeMap::new(),
        provenance: Vec::new(),
    };
    if notes.clean() {
        // The second path: what the types themselves hold to be sound.
        for problem in scenario.control.problems().into_iter().chain(scenario.plant.problems()) {
            notes.mistake(0..0, "(scenario)", &problem, "a sound configuration", "");
        }
    }
    scenario
}

fn name(root: &Sheet<'_, '_>) -> String {
    let name = root.word("name");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && (name.len() > 64 || !name.chars().all(plain)) {
        let hint = "it names the folder of the results";
        root.wrong("name", &format!("\"{name}\""), "lower-case letters, digits and hyphens", hint);
    }
    name
}

fn clock(root: &Sheet<'_, '_>) -> Clock {
    let sheet = root.table("clock");
    let (start, duration) = (sheet.instant("start"), sheet.span("duration"));
    let clock = Clock {
        known: start.is_some() && duration > Span::ZERO && sheet.number("utc_offset").is_some(),
        start: start.unwrap_or(Utc::nanos(0)),
        duration,
        tick: sheet.span("tick"),
        utc_offset: sheet.span("utc_offset"),
        plan_every: root.table("controller").span("plan_every"),
    };
    let tick = clock.tick.as_nanos();
    if tick > 0 && 1_000_000_000 % tick != 0 {
        sheet.wrong("tick", "a tick that does not divide a second", "50, 100, 125, 200, 250, 500 or 1000 ms", "");
    }
    if clock.duration.as_nanos() % 1_000_000_000 != 0 {
        sheet.wrong(
            "duration",
            "a run that is no whole number of seconds",
            "whole seconds",
            "results are kept by the second",
        );
    }
    if tick > 0 && clock.plan_every.as_nanos() % tick != 0 {
        root.table("controller").wrong("plan_every", "no whole number of ticks", "a multiple of clock.tick", "");
    }
    let offset_min = clock.offset_min();
    if let Some(zone_min) = sheet.zone_minutes("start").filter(|zone| clock.known && *zone != offset_min) {
        let found = format!("a start written {} from UTC", hours(zone_min));
        let hint = format!("clock.utc_offset says {}: one of them is the wrong time zone", hours(offset_min));
        sheet.wrong("start", &found, "the zone of clock.utc_offset, or Z", &hint);
    }
    clock
}

fn hours(minutes: i64) -> String {
    format!("{}{}:{:02} h", if minutes < 0 { "-" } else { "+" }, minutes.abs() / 60, minutes.abs() % 60)
}

/// Whole hours from the one before the start to a day after the end: the first of them, and how many.
fn outlook(clock: &Clock) -> (Utc, usize) {
    let first = Utc::nanos((clock.start.as_nanos().div_euclid(HOUR.as_nanos()) - 1) * HOUR.as_nanos());
    let hours = (clock.end() - first).as_nanos() / HOUR.as_nanos() + OUTLOOK_H;
    (first, usize::try_from(hours).unwrap_or(0))
}

fn surroundings(root: &Sheet<'_, '_>, clock: &Clock, clean: bool, open: &mut Open<'_>) -> Surroundings {
    let sheet = root.table("grid");
    let (words, heat_wave_k) = ((sheet.word("load"), sheet.word("weather")), sheet.si("heat_wave"));
    let offset = clock.utc_offset;
    let (first, hours) = outlook(clock);
    // Nothing is computed for a file with mistakes: its length may be nonsense.
    let hours = if clean { hours } else { 0 };
    let sigma = |at: Utc| {
        let hour = (at - first).as_nanos() / HOUR.as_nanos();
        let share = weather::heat_wave_shape(usize::try_from(hour).unwrap_or(0), hours);
        load::sigma_from_anomaly(at, offset, heat_wave_k * share)
    };
    let demand = match words.0.as_str() {
        "tva-like" => load::tva_like_in_weather(first, hours, offset, sigma),
        "pjm-like" => load::pjm_like_in_weather(first, hours, offset, sigma),
        path if clean => measured(&sheet, path, clock, open).unwrap_or_else(|| Series::new(first, HOUR, Vec::new())),
        _ => Series::new(first, HOUR, Vec::new()),
    };
    Surroundings {
        grid: sheet.word("authority"),
        price: load::price_like(&demand),
        ambient: match words.1.as_str() {
            "pjm-like" => weather::pjm_like(first, hours, offset, heat_wave_k, None),
            _ => weather::memphis_like(first, hours, offset, heat_wave_k, None),
        },
        load: demand,
        limits: Vec::new(),
        dips: Vec::new(),
        frequency: Vec::new(),
        nominal_hz: sheet.si("nominal_frequency"),
    }
}

/// A measured load from a file that the scenario names.
fn measured(sheet: &Sheet<'_, '_>, path: &str, clock: &Clock, open: &mut Open<'_>) -> Option<Series> {
    let wrong = |found: &str, hint: &str| {
        let expected =
            "\"tva-like\", \"pjm-like\", an EIA-930 demand file (CSV) or a table of tieline (Parquet) with load_mw";
        sheet.wrong("load", found, expected, hint);
    };
    let bytes = match open(path) {
        Ok(bytes) => bytes,
        Err(why) => {
            wrong(&format!("\"{path}\", which cannot be opened"), &why.to_string());
            return None;
        }
    };
    let series = if path.ends_with(".parquet") {
        load_table(bytes)
    } else {
        crate::eia930::read(path, bytes).map(|reading| reading.demand).map_err(|why| why.to_string())
    };
    let series = match series {
        Ok(series) => series,
        Err(why) => {
            wrong(&format!("\"{path}\", which cannot be read"), &why);
            return None;
        }
    };
    let span = Span::nanos(series.step().as_nanos().saturating_mul(series.values().len() as i64));
    if series.start() > clock.start || series.start() + span < clock.end() {
        let hint = format!("it holds {} hours from {}", series.values().len(), series.start());
        wrong(&format!("\"{path}\", which does not cover the run"), &hint);
        return None;
    }
    Some(series)
}

/// A load, W, from a table of tieline with a column `load_mw` at even steps; a null is a gap.
fn load_table(bytes: Box<dyn Read>) -> Result<Series, String> {
    let mut all = Vec::new();
    bytes.take(MOST_TABLE_BYTES + 1).read_to_end(&mut all).map_err(|why| why.to_string())?;
    if all.len() as u64 > MOST_TABLE_BYTES {
        return Err(format!("larger than {} MB", MOST_TABLE_BYTES >> 20));
    }
    let table = crate::table::read(all).map_err(|why| why.to_string())?;
    let column = table.numbers.iter().find(|(name, _)| name == "load_mw").ok_or("there is no column load_mw")?;
    let (Some(first), Some(second)) = (table.utc_ns.first(), table.utc_ns.get(1)) else {
        return Err("fewer than two rows".to_owned());
    };
    let step = second.saturating_sub(*first);
    if step <= 0 || table.utc_ns.windows(2).any(|pair| pair[1].saturating_sub(pair[0]) != step) {
        return Err("utc_ns does not go forward in even steps".to_owned());
    }
    Ok(Series::new(Utc::nanos(*first), Span::nanos(step), column.1.iter().map(|load_mw| load_mw * 1e6).collect()))
}

fn claims(root: &Sheet<'_, '_>) -> Claims {
    let sheet = root.table("claims");
    Claims {
        power: sheet.tables("power").iter().map(claim).collect(),
        gpus: sheet.number("gpus"),
        step_swing: sheet.number("step_swing"),
        step_period_s: sheet.number("step_period"),
        model_parameters: sheet.number("model_parameters"),
    }
}

fn claim(sheet: &Sheet<'_, '_>) -> PowerClaim {
    PowerClaim { label: sheet.word("label"), power_w: sheet.si("value"), gpus: sheet.number("gpus") }
}

fn fleets(root: &Sheet<'_, '_>) -> Vec<Fleet> {
    let read = |sheet: &Sheet<'_, '_>| Fleet {
        name: sheet.word("name"),
        gpus: sheet.si("gpus"),
        product: campus::product_of(sheet).map_or_else(String::new, |product| product.name),
        all_in_w: sheet.si("all_in"),
        sites: sheet.si("sites"),
    };
    root.tables("fleet").iter().map(read).collect()
}

fn known_metric(metric: &str) -> bool {
    let known = |study: &str, metrics: &[&str], families: &[&str]| {
        metric
            .strip_prefix(study)
            .and_then(|name| name.strip_prefix('.'))
            .is_some_and(|name| metrics.contains(&name) || families.iter().any(|family| name.starts_with(family)))
    };
    known("dispatch", tieline_sim::dispatch::METRICS, &[])
        || known("operation", METRICS, METRIC_FAMILIES)
        || known("transient", transient::METRICS, transient::METRIC_FAMILIES)
}

fn expect(root: &Sheet<'_, '_>) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for (metric, text, span) in root.free("expect") {
        let rules = [("<=", Rule::AtMost), (">=", Rule::AtLeast), ("==", Rule::Equal)];
        let rule = rules.iter().find_map(|(word, rule)| text.trim().strip_prefix(word).map(|rest| (*rule, rest)));
        let value = rule.and_then(|(rule, rest)| rest.trim().parse::<f64>().ok().map(|value| (rule, value)));
        if !known_metric(&metric) {
            let (study, metrics) = match metric.strip_prefix("transient.") {
                Some(_) => ("transient", transient::METRICS),
                None if metric.starts_with("dispatch.") => ("dispatch", tieline_sim::dispatch::METRICS),
                None => ("operation", METRICS),
            };
            let name =
                metric.split_once('.').filter(|(word, _)| *word == study).map_or(metric.as_str(), |(_, name)| name);
            let near = nearest(name, metrics.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("did you mean \"{study}.{near}\"?"));
            let expected = "a metric that a run has; its summary.json lists them";
            root.wrong_at(span, &format!("expect.\"{metric}\""), "a metric of no study", expected, &hint);
            continue;
        }
        match value.filter(|(_, value)| value.is_finite()) {
            Some((rule, value)) => expectations.push(Expectation { metric, rule, value }),
            None => {
                let hint = "the unit is in the metric's name";
                root.wrong_at(
                    span,
                    &format!("expect.\"{metric}\""),
                    &format!("\"{text}\""),
                    "\"<= 0\", \">= 1\" or \"== 0\"",
                    hint,
                );
            }
        }
    }
    expectations
}
