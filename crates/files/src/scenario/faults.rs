//! Faults of a script: each kind with the devices it names and the figures it needs.
//!
//! Not modelled: faults that depend on what the run does.

use super::Clock;
use super::campus::{Built, place_of};
use super::diagnostics::nearest;
use super::script::interval;
use super::sheet::Sheet;
use tieline_campus::plant::{Commanded, Fault, FaultKind, Instrument};
use tieline_sim::disturbances::{ClockFault, Death, Disturbances, EventFault, Garbage, LimitGarbage};
use tieline_units::{Span, Time};

/// What a kind of fault names with `device`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Points,
    Halls,
    Batteries,
    Turbines,
    Jobs,
    Limits,
    Events,
    /// A hall, a battery unit or a turbine.
    Commanded,
    /// `CLASSES`.
    Classes,
    /// All there is.
    Everything,
}

/// What a command class is called.
const CLASSES: [(&str, Commanded); 3] =
    [("caps", Commanded::Caps), ("batteries", Commanded::Batteries), ("turbines", Commanded::Turbines)];

/// A word for a fault, what its device is, and the figures that it needs.
type Row = (&'static str, Of, &'static [&'static str]);

const KINDS: &[Row] = &[
    ("meter-silent", Of::Points, &[]),
    ("meter-offset", Of::Points, &["offset"]),
    ("meter-nan", Of::Points, &[]),
    ("meter-late", Of::Points, &["delay"]),
    ("meter-frozen", Of::Points, &[]),
    ("meter-scale", Of::Points, &["factor"]),
    ("meter-inverted", Of::Points, &[]),
    ("meter-clock", Of::Points, &["shift"]),
    ("tie-open", Of::Points, &[]),
    ("hall-silent", Of::Halls, &[]),
    ("hall-late", Of::Halls, &["delay"]),
    ("hall-frozen", Of::Halls, &[]),
    ("hall-scale", Of::Halls, &["factor"]),
    ("hall-clock", Of::Halls, &["shift"]),
    ("hall-trip", Of::Halls, &[]),
    ("battery-silent", Of::Batteries, &[]),
    ("battery-late", Of::Batteries, &["delay"]),
    ("battery-frozen", Of::Batteries, &[]),
    ("battery-scale", Of::Batteries, &["factor"]),
    ("battery-inverted", Of::Batteries, &[]),
    ("battery-clock", Of::Batteries, &["shift"]),
    ("soc-scale", Of::Batteries, &["factor"]),
    ("battery-out", Of::Batteries, &[]),
    ("battery-derate", Of::Batteries, &["share"]),
    ("string-loss", Of::Batteries, &["share"]),
    ("turbine-silent", Of::Turbines, &[]),
    ("turbine-late", Of::Turbines, &["delay"]),
    ("turbine-frozen", Of::Turbines, &[]),
    ("turbine-scale", Of::Turbines, &["factor"]),
    ("turbine-clock", Of::Turbines, &["shift"]),
    ("turbine-trip", Of::Turbines, &[]),
    ("commands-lost", Of::Everything, &[]),
    ("commands-delayed", Of::Everything, &["delay"]),
    ("command-refused", Of::Commanded, &[]),
    ("commands-partial", Of::Classes, &["share"]),
    ("lease-lapse", Of::Classes, &[]),
    ("job-failure", Of::Jobs, &[]),
    ("checkpoint-failure", Of::Jobs, &[]),
    ("limit-garbage", Of::Limits, &["says"]),
    ("event-vanish", Of::Events, &[]),
    ("event-late", Of::Events, &["delay"]),
    ("clock-step", Of::Everything, &["shift"]),
    ("clock-drift", Of::Everything, &["drift"]),
    ("controller-death", Of::Everything, &[]),
];

/// Figures that a fault may have, and what each is.
const FIGURES: [(&str, &str); 7] = [
    ("offset", "the power by which the meter reads too high"),
    ("delay", "by how much later it arrives"),
    ("factor", "the factor by which values are told too high, 0.001 for kW read as W"),
    ("share", "a share"),
    ("shift", "by how much the clock runs ahead, \"-5 s\" behind"),
    ("drift", "how fast the clock runs ahead, \"50 ppm\""),
    ("says", "what the source says"),
];

/// Longest time that nobody commands after a death: a standby that takes longer is none.
const TAKEOVER_S: f64 = 3.0;
/// Readings and commands under way are kept; what comes later than this is silence, s.
const LONGEST_DELAY_S: f64 = 3600.0;

/// Faults of the plant, and those between the site and everybody else.
#[derive(Default)]
pub(super) struct Faults {
    pub plant: Vec<Fault>,
    pub disturbances: Disturbances,
}

/// Reads all faults; `limits` and `events` are the names of what they may concern, in the order of the file.
pub(super) fn faults(
    sheets: &[Sheet<'_, '_>],
    clock: &Clock,
    built: &Built,
    limits: &[String],
    events: &[String],
) -> Faults {
    let mut faults = Faults::default();
    for sheet in sheets {
        fault(sheet, clock, built, (limits, events), &mut faults);
    }
    faults.plant.sort_by_key(|fault| fault.start);
    faults.disturbances.deaths.sort_by_key(|death| death.at);
    faults
}

fn fault(
    sheet: &Sheet<'_, '_>,
    clock: &Clock,
    built: &Built,
    (limits, events): (&[String], &[String]),
    faults: &mut Faults,
) -> Option<()> {
    let times = interval(sheet, clock);
    let (word, device) = (sheet.text("kind")?, sheet.text("device")?);
    let (word, of, needs) = *KINDS.iter().find(|row| row.0 == word)?;
    let sound = figures(sheet, word, needs) & bounds(sheet, clock, word, times);
    let words = |list: &[String]| list.to_vec();
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<String>>();
    let names = match of {
        Of::Points => owned(built.poi_names()),
        Of::Halls => owned(built.hall_names()),
        Of::Batteries => owned(built.battery_names()),
        Of::Turbines => owned(built.turbine_names()),
        Of::Jobs => owned(built.job_names()),
        Of::Limits => words(limits),
        Of::Events => words(events),
        Of::Commanded => owned([built.hall_names(), built.battery_names(), built.turbine_names()].concat()),
        Of::Classes => owned(CLASSES.map(|(name, _)| name).to_vec()),
        Of::Everything => Vec::new(),
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let index = place(sheet, &device, &names)?;
    let (start, end) = times.filter(|_| sound)?;
    let one = (index != usize::MAX).then_some(index);
    let wrong = &mut faults.disturbances;
    match word {
        "limit-garbage" => {
            let says = says(sheet)?;
            wrong.limits.push(LimitGarbage { start, end, source: one, says });
        }
        "event-vanish" | "event-late" => {
            let late = (word == "event-late").then(|| sheet.span("delay"));
            wrong.events.push(EventFault { start, end, event: one.map(|index| index as u64 + 1), late });
        }
        "clock-step" => wrong.clocks.push(ClockFault { start, end, step: sheet.span("shift"), drift: 0.0 }),
        "clock-drift" => wrong.clocks.push(ClockFault { start, end, step: Span::ZERO, drift: sheet.si("drift") }),
        "controller-death" => {
            let stale = if sheet.has("stale_for") { sheet.span("stale_for") } else { Span::ZERO };
            wrong.deaths.push(Death { at: start, takeover: end, stale_until: end + stale });
        }
        _ => {
            let (class, index) = commanded(of, index, built);
            faults.plant.push(Fault { start, end, kind: kind(sheet, word, class), index });
        }
    }
    Some(())
}

/// What a fault of the plant is.
fn kind(sheet: &Sheet<'_, '_>, word: &str, class: Commanded) -> FaultKind {
    let instrument = match word.split('-').next() {
        Some("meter") => Instrument::Meter,
        Some("hall") => Instrument::Hall,
        Some("turbine") => Instrument::Turbine,
        _ => Instrument::Battery,
    };
    match word {
        "meter-silent" => FaultKind::MeterSilent,
        "meter-offset" => FaultKind::MeterOffset(sheet.si("offset")),
        "meter-nan" => FaultKind::MeterNan,
        "hall-silent" => FaultKind::HallSilent,
        "battery-silent" => FaultKind::BatterySilent,
        "turbine-silent" => FaultKind::TurbineSilent,
        "meter-late" | "hall-late" | "battery-late" | "turbine-late" => {
            FaultKind::Late(instrument, sheet.span("delay"))
        }
        "meter-frozen" | "hall-frozen" | "battery-frozen" | "turbine-frozen" => FaultKind::Frozen(instrument),
        "meter-scale" | "hall-scale" | "battery-scale" | "turbine-scale" => {
            FaultKind::Scaled(instrument, sheet.si("factor"))
        }
        "meter-inverted" | "battery-inverted" => FaultKind::Scaled(instrument, -1.0),
        "meter-clock" | "hall-clock" | "battery-clock" | "turbine-clock" => {
            FaultKind::Stamped(instrument, sheet.span("shift"))
        }
        "soc-scale" => FaultKind::SocScaled(sheet.si("factor")),
        "battery-out" => FaultKind::BatteryOut,
        "battery-derate" => FaultKind::BatteryDerated(sheet.si("share")),
        "string-loss" => FaultKind::StringsLost(sheet.si("share")),
        "turbine-trip" => FaultKind::TurbineTrip,
        "hall-trip" => FaultKind::HallTrip,
        "tie-open" => FaultKind::TieOpen,
        "job-failure" => FaultKind::JobFailure,
        "checkpoint-failure" => FaultKind::CheckpointFailure,
        "commands-delayed" => FaultKind::CommandsDelayed(sheet.span("delay")),
        "command-refused" => FaultKind::CommandRefused(class),
        "commands-partial" => FaultKind::CommandsPartial(class, sheet.si("share")),
        "lease-lapse" => FaultKind::LeaseLapse(class),
        _ => FaultKind::CommandsLost,
    }
}

/// Class and index within it of what a fault of commands names.
fn commanded(of: Of, index: usize, built: &Built) -> (Commanded, usize) {
    if index == usize::MAX || !matches!(of, Of::Commanded | Of::Classes) {
        return (Commanded::All, index);
    }
    if of == Of::Classes {
        return (CLASSES[index].1, usize::MAX);
    }
    let (halls, units) = (built.hall_names().len(), built.battery_names().len());
    match index {
        hall if hall < halls => (Commanded::Caps, hall),
        unit if unit < halls + units => (Commanded::Batteries, unit - halls),
        turbine => (Commanded::Turbines, turbine - halls - units),
    }
}

/// Whether the figures that a kind needs are there and no others.
fn figures(sheet: &Sheet<'_, '_>, word: &str, needs: &[&str]) -> bool {
    let mut sound = true;
    for (key, what) in FIGURES {
        if needs.contains(&key) && !sheet.has(key) {
            sheet.wrong(key, "nothing", what, &format!("{word} needs it"));
            sound = false;
        } else if !needs.contains(&key) && sheet.has(key) {
            let have: Vec<&str> = KINDS.iter().filter(|row| row.2.contains(&key)).map(|row| row.0).collect();
            let found = format!("\"{key}\" of a fault of kind {word}");
            sheet.wrong(key, &found, "nothing", &format!("only {} has it", have.join(", ")));
            sound = false;
        }
    }
    if word != "controller-death" && sheet.has("stale_for") {
        let found = format!("\"stale_for\" of a fault of kind {word}");
        sheet.wrong("stale_for", &found, "nothing", "only controller-death has it");
        sound = false;
    }
    sound
}

/// Whether the figures make sense for this kind, beyond their own ranges.
fn bounds(sheet: &Sheet<'_, '_>, clock: &Clock, word: &str, times: Option<(Time, Time)>) -> bool {
    let mut sound = true;
    let mut unless = |holds: bool, key: &str, found: &str, expected: &str, hint: &str| {
        if !holds {
            sheet.wrong(key, found, expected, hint);
            sound = false;
        }
    };
    if sheet.has("delay") && word != "event-late" {
        let holds = sheet.si("delay") <= LONGEST_DELAY_S;
        unless(holds, "delay", "more than an hour", "at most 1 h", "what comes later than that is silence");
    }
    if word == "string-loss" && sheet.has("share") {
        let holds = sheet.si("share") <= 0.95;
        unless(holds, "share", "more than 95 %", "at most 95 %", "a unit without strings is battery-out");
    }
    if let (true, Some((start, end))) = (word == "controller-death", times) {
        let holds = (end - start).as_secs_f64() <= TAKEOVER_S;
        unless(holds, "duration", "a takeover after more than 3 s", "at most 3 s", "a standby takes over within 3 s");
        let holds = start >= Time::ZERO + clock.tick;
        unless(holds, "at", "a death before the first decision", "a later instant", "nobody could take over from it");
    }
    sound
}

/// The place of a device among names, `usize::MAX` for all of them; a mistake names the nearest.
fn place(sheet: &Sheet<'_, '_>, device: &str, names: &[&str]) -> Option<usize> {
    if device == "all" {
        return Some(usize::MAX);
    }
    let index = place_of(device, names);
    if names.iter().filter(|name| **name == device).count() > 1 {
        let hint = "faults of commands name halls, battery units and turbines alike";
        sheet.wrong("device", &format!("\"{device}\", a name that several devices have"), "one of its own", hint);
        return None;
    }
    if index.is_none() {
        let hint = match (nearest(device, names.iter().copied()), names) {
            (Some(near), _) => format!("did you mean \"{near}\"?"),
            (None, []) => "this kind of fault concerns all devices".to_owned(),
            (None, names) => format!("there are {}, from \"{}\" on", names.len(), names[0]),
        };
        sheet.wrong("device", &format!("\"{device}\""), "the name of a device, or \"all\"", &hint);
    }
    index
}

/// What a limit source says: a word, or a factor upon its limit.
fn says(sheet: &Sheet<'_, '_>) -> Option<Garbage> {
    Some(match sheet.text("says")?.as_str() {
        "nan" => Garbage::Nan,
        "negative" => Garbage::Negative,
        "absurd" => Garbage::Absurd,
        "kW as W" => Garbage::Scaled(1e-3),
        "W as kW" => Garbage::Scaled(1e3),
        _ => return None,
    })
}
