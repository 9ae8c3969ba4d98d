//! What happens in time: limits and their changes, events, dips, frequency, faults.
//!
//! Not modelled: things that depend on what the run does (a script is fixed before it starts).

use super::Clock;
use super::campus::{Built, at_most};
use super::faults::{Faults, faults};
use super::sheet::Sheet;
use tieline_control::{EVENTS, Event, LIMITS, LimitConfig, LimitKind, ScheduleConfig};
use tieline_grid::boundary::{Dip, FrequencyStep, LimitStep};
use tieline_sim::scenario::{DeclaredImport, ScheduledEvent};
use tieline_units::{Span, Time};

/// Everything scripted.
pub(super) struct Script {
    pub limit_configs: Vec<LimitConfig>,
    pub limit_steps: Vec<Vec<LimitStep>>,
    pub events: Vec<ScheduledEvent>,
    pub dips: Vec<Dip>,
    pub deviations: Vec<FrequencyStep>,
    pub faults: Faults,
}

pub(super) fn script(root: &Sheet<'_, '_>, clock: &Clock, built: &Built) -> Script {
    let limits = at_most(root, "limit", LIMITS);
    let events = at_most(root, "event", EVENTS);
    distinct_metrics(root, &limits, &events);
    let mut dips: Vec<Dip> = at_most(root, "dip", SCRIPTED).iter().filter_map(|sheet| dip(sheet, clock)).collect();
    dips.sort_by_key(|dip| dip.start);
    let mut deviations: Vec<FrequencyStep> =
        at_most(root, "deviation", SCRIPTED).iter().filter_map(|sheet| deviation(sheet, clock)).collect();
    deviations.sort_by_key(|step| step.start);
    let names = |sheets: &[Sheet<'_, '_>]| sheets.iter().map(|sheet| sheet.word("name")).collect::<Vec<String>>();
    let faults = faults(&at_most(root, "fault", SCRIPTED), clock, built, &names(&limits), &names(&events));
    let mut scheduled: Vec<ScheduledEvent> =
        events.iter().enumerate().filter_map(|(index, sheet)| event(sheet, clock, built, index)).collect();
    scheduled.sort_by_key(|event| (event.event.received_at, event.event.id));
    Script {
        limit_configs: limits.iter().map(|sheet| limit(sheet, built)).collect(),
        limit_steps: limits.iter().map(|sheet| changes(sheet, clock)).collect(),
        events: scheduled,
        dips,
        deviations,
        faults,
    }
}

/// Most dips, deviations and faults of a script.
const SCRIPTED: usize = 10_000;

/// Each limit and event has metrics of its own, so their names must differ as metrics write them.
fn distinct_metrics(root: &Sheet<'_, '_>, limits: &[Sheet<'_, '_>], events: &[Sheet<'_, '_>]) {
    let mut seen = std::collections::BTreeSet::new();
    for (key, sheets) in [("limit", limits), ("event", events)] {
        for sheet in sheets {
            let name = sheet.word("name");
            let slug = tieline_sim::operation::slug(&name);
            if !name.is_empty() && slug.is_empty() {
                sheet.wrong("name", &format!("\"{name}\""), "a name with Latin letters or digits", "metrics carry it");
            } else if !name.is_empty() && !seen.insert(slug.clone()) {
                let found = format!("a second \"{name}\"");
                let hint = format!("limits and events have metrics over_limit.{slug}_...");
                root.wrong(key, &found, "names that differ in letters and digits", &hint);
            }
        }
    }
}

fn limit(sheet: &Sheet<'_, '_>, built: &Built) -> LimitConfig {
    let initial_w = sheet.si("initial");
    if initial_w.is_nan() {
        sheet.wrong(
            "initial",
            "\"silent\"",
            "a power or \"none\"",
            "a source can fall silent only after it has spoken",
        );
    }
    LimitConfig {
        name: sheet.word("name"),
        kind: match sheet.word("kind").as_str() {
            "utility" => LimitKind::Utility,
            "operator" => LimitKind::Operator,
            "emergency" => LimitKind::Emergency,
            _ => LimitKind::Contract,
        },
        poi: built.point_or_all(sheet).and_then(|poi| (poi != ALL).then_some(poi)),
        window: sheet.span("window"),
        initial_w,
        fallback_w: sheet.si("subscription"),
        stale_after: sheet.span("stale_after"),
    }
}

/// Number of the point that means all of them together.
pub(super) const ALL: u8 = 255;

fn changes(sheet: &Sheet<'_, '_>, clock: &Clock) -> Vec<LimitStep> {
    let mut steps: Vec<LimitStep> = Vec::new();
    for change in sheet.tables("change") {
        let (Some(at), Some(limit_w)) = (clock.instant(&change, "at"), change.number("limit")) else { continue };
        let at = clock.time(at);
        if steps.last().is_some_and(|last| at <= last.at) {
            change.wrong("at", "an instant not after the change before", "changes in order of time", "");
        }
        let until = if change.has("until") { clock.instant(&change, "until").map(|at| clock.time(at)) } else { None };
        if until.is_some_and(|until| until <= at) {
            change.wrong("until", "an end not after its beginning", "until after at", "");
        }
        steps.push(LimitStep { at, limit_w, until: until.unwrap_or(Time::FOREVER) });
    }
    steps
}

fn event(sheet: &Sheet<'_, '_>, clock: &Clock, built: &Built, index: usize) -> Option<ScheduledEvent> {
    let (name, limit_w, poi) = (sheet.word("name"), sheet.si("limit"), built.point_or_all(sheet));
    let received = clock.instant(sheet, "received");
    let start = clock.instant(sheet, "start");
    let end = sheet.instant("end");
    let cancelled = if sheet.has("cancelled") { clock.instant(sheet, "cancelled") } else { None };
    let (received, start, end) = (received?, start?, end?);
    let order = |ok: bool, key: &str, found: &str, expected: &str| {
        if !ok {
            sheet.wrong(key, found, expected, "the order is received, start, end");
        }
        ok
    };
    let sound = order(received <= start, "start", "a start before the notice arrives", "start at or after received")
        & order(start < end, "end", "an end not after the start", "end after start")
        & order(
            cancelled.is_none_or(|at| at > received),
            "cancelled",
            "a cancellation before the notice",
            "cancelled after received",
        );
    sound.then(|| ScheduledEvent {
        name,
        event: Event {
            id: index as u64 + 1,
            received_at: clock.time(received),
            start: clock.time(start),
            end: clock.time(end),
            limit_w,
            poi: poi.unwrap_or(ALL),
            cancelled: false,
            unconfirmed: false,
        },
        cancelled_at: cancelled.map(|at| clock.time(at)),
        read_back_after: sheet.span("read_back_after"),
    })
}

/// The declared schedule: band and interval for the controller, and the import by start time.
pub(super) fn schedule(root: &Sheet<'_, '_>, clock: &Clock) -> (ScheduleConfig, Vec<DeclaredImport>) {
    if !root.has("schedule") {
        return (ScheduleConfig { band_w: f64::INFINITY, interval: Span::secs(900) }, Vec::new());
    }
    let sheet = root.table("schedule");
    let config = ScheduleConfig { band_w: sheet.si("band"), interval: sheet.span("interval") };
    if clock.tick.as_nanos() > 0 && config.interval.as_nanos() % clock.tick.as_nanos() != 0 {
        sheet.wrong("interval", "no whole number of ticks", "a multiple of clock.tick", "");
    }
    let mut steps: Vec<DeclaredImport> = Vec::new();
    for step in sheet.tables("step") {
        let (Some(at), Some(import_w)) = (clock.instant(&step, "at"), step.number("import")) else { continue };
        let at = clock.time(at);
        if steps.last().is_some_and(|last| at <= last.at) {
            step.wrong("at", "an instant not after the step before", "steps in order of time", "");
        }
        let import_w = if import_w.is_finite() { import_w } else { f64::NAN };
        steps.push(DeclaredImport { at, import_w });
    }
    (config, steps)
}

/// Beginning and end of something with `at` and `duration`.
pub(super) fn interval(sheet: &Sheet<'_, '_>, clock: &Clock) -> Option<(Time, Time)> {
    let duration: Span = sheet.span("duration");
    let at = clock.time(clock.instant(sheet, "at")?);
    (duration > Span::ZERO).then(|| (at, at + duration))
}

fn dip(sheet: &Sheet<'_, '_>, clock: &Clock) -> Option<Dip> {
    let residual_pu = sheet.si("residual");
    interval(sheet, clock).map(|(start, end)| Dip { start, end, residual_pu })
}

fn deviation(sheet: &Sheet<'_, '_>, clock: &Clock) -> Option<FrequencyStep> {
    let hz = sheet.si("frequency");
    interval(sheet, clock).map(|(start, end)| FrequencyStep { start, end, hz })
}
