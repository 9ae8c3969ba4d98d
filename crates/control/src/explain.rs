//! One row of a journal in plain words: what was seen, what bound, what was told to whom, and why.
//!
//! Not modelled: how the plan came about; its targets show in the state of charge that is sought.

use crate::contract::{
    Binding, Condition, Config, DUTIES, Decision, Duty, Event, JobOrder, LimitConfig, LimitKind, Observation, Reason,
};
use crate::journal::OwnedRow;
use std::fmt::Write;
use tieline_units::{Quality, Readings, Span, Time, Utc};

/// Joules in a megawatt-hour.
const J_PER_MWH: f64 = 3.6e9;
/// Width of the first column, the names of points and classes: at least, and at most where names are longer.
const NAME: (usize, usize) = (12, 28);

/// Conditions with their words, in the order of their bits.
const CONDITIONS: [(Condition, &str); 22] = [
    (Condition::MeterLate, "a meter is late"),
    (Condition::MeterLost, "a meter is lost: held to the last maximum"),
    (Condition::UnitLost, "telemetry of halls, turbines or batteries is lost"),
    (Condition::LimitSilent, "a limit source is silent: its last limit stays"),
    (Condition::EventInfeasible, "an event cannot be met in its notice"),
    (Condition::VoltageFrozen, "voltage outside its band: load actions are frozen"),
    (Condition::BatteryShort, "the battery cannot give what is asked"),
    (Condition::LimitUnreachable, "every means is used and import still exceeds its limit"),
    (Condition::BadReading, "a value out of range was set aside"),
    (Condition::GuardActed, "the guard tightened the decision"),
    (Condition::Restoring, "load is being restored"),
    (Condition::ClockStepped, "the clock stepped: event times are distrusted"),
    (Condition::MeterSuspect, "the meter disagrees with the sum of the feeders"),
    (Condition::Swinging, "the load swings faster than this loop can follow: only its mean and crests are answered"),
    (Condition::FloorsLowered, "smoothing floors are lowered to make room"),
    (Condition::CheckpointAsked, "a job is asked to save its work, to be paused"),
    (Condition::JobPaused, "a job is paused"),
    (Condition::PausedUnsaved, "a job is paused on an emergency order without evidence that its work is saved"),
    (Condition::SafeFloorHeld, "the operator's safe floor stands above an order or a limit"),
    (Condition::LimitFellBack, "a silent source's last limit ran out: the subscription applies"),
    (Condition::OrderUnconfirmed, "an order was spoken and not yet read back: it tightens, it releases nothing"),
    (Condition::TieOpen, "a tie is open: its bus runs as an island on its own turbines and batteries"),
];

/// Says in plain words why the row's decision is what it is; `previous` is the row before, for what changed.
#[must_use]
pub fn explain(config: &Config, row: &OwnedRow, previous: Option<&OwnedRow>) -> String {
    let names = config.pois.iter().map(|poi| &poi.name).chain(config.limits.iter().map(|limit| &limit.name));
    let width = names.map(|name| name.chars().count()).max().unwrap_or(0).clamp(NAME.0, NAME.1);
    let mut text = Text { text: String::new(), width };
    let now = row.observation.now;
    text.line(&format!(
        "tick {}, {:.3} s after the start; the site's clock shows {}",
        row.tick,
        now.as_secs_f64(),
        Utc::nanos(row.observation.utc_ns)
    ));
    observed(&mut text, config, &row.observation);
    targets(&mut text, config, row);
    told(&mut text, config, &row.guarded);
    reasons(&mut text, &row.guarded.reason);
    costs(&mut text, config, row);
    guarded(&mut text, config, row);
    ledger(&mut text, &row.guarded);
    changed(&mut text, config, row, previous);
    text.text
}

/// Lines with aligned names.
struct Text {
    text: String,
    width: usize,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn head(&mut self, head: &str) {
        self.line(head);
    }

    fn item(&mut self, name: &str, what: &str) {
        self.line(&format!("  {name:<width$}  {what}", width = self.width));
    }
}

/// Megawatts, right-aligned.
fn mw(power_w: f64) -> String {
    if power_w.is_nan() { format!("{:>9}   ", "no number") } else { format!("{:>9.2} MW", power_w / 1e6) }
}

/// Megawatts with a sign, for changes.
fn change_mw(power_w: f64) -> String {
    format!("{:+.2} MW", power_w / 1e6)
}

fn seconds_ahead(until: Time, now: Time) -> String {
    let ahead = (until - now).as_secs_f64();
    if ahead > 0.0 { format!("in force for {ahead:.1} s") } else { "without a lease".to_owned() }
}

fn age(taken_at: Time, now: Time) -> String {
    // Nothing that was read lies this far back: a century.
    if now - taken_at > Span::secs(3_155_760_000) {
        "never read".to_owned()
    } else {
        format!("{:.2} s old", (now - taken_at).as_secs_f64())
    }
}

/// Sum of the good readings of the first `count` devices, how many they are, and the oldest.
fn sum<const N: usize>(readings: &Readings<N>, count: usize) -> (f64, usize, Option<Time>) {
    let good = (0..count.min(N)).filter(|at| readings.quality[*at] == Quality::Good);
    good.fold((0.0, 0, None), |(total, number, oldest), at| {
        let taken_at = readings.taken_at[at];
        (total + readings.value[at], number + 1, Some(oldest.map_or(taken_at, |oldest: Time| oldest.min(taken_at))))
    })
}

fn class(text: &mut Text, name: &str, now: Time, (total_w, good, oldest): (f64, usize, Option<Time>), rest: &str) {
    let oldest = oldest.map_or_else(|| "none read".to_owned(), |oldest| format!("oldest {}", age(oldest, now)));
    text.item(name, &format!("{}  {good} good, {oldest}{rest}", mw(total_w)));
}

fn observed(text: &mut Text, config: &Config, seen: &Observation) {
    text.head("what the meters showed");
    for (index, (poi, import_w)) in config.pois.iter().zip(seen.poi_import_w.value).enumerate() {
        let taken_at = seen.poi_import_w.taken_at[index];
        let quality = match seen.poi_import_w.quality[index] {
            Quality::Good => "",
            Quality::Suspect => ", doubtful",
            Quality::Missing => ", missing",
        };
        let direction = if import_w < 0.0 { "exporting" } else { "importing" };
        text.item(
            &poi.name,
            &format!(
                "{}  {direction}, {}{quality}; voltage {:.3} p.u., {:.3} Hz",
                mw(import_w.abs()),
                age(taken_at, seen.now),
                seen.poi_voltage_pu.value[index],
                seen.poi_frequency_hz.value[index]
            ),
        );
    }
    class(text, "halls", seen.now, sum(&seen.hall_w, config.halls.len()), "");
    class(text, "cooling", seen.now, sum(&seen.cooling_w, config.halls.len()), "");
    let available = sum(&seen.turbine_available_w, config.turbines.len()).0;
    let rest = format!("; {} could be reached", mw(available).trim_start());
    class(text, "turbines", seen.now, sum(&seen.turbine_generation_w, config.turbines.len()), &rest);
    let units = sum(&seen.battery_w, config.batteries.len());
    let (charge, counted, _) = sum(&seen.battery_soc, config.batteries.len());
    let word = if units.0 < 0.0 { "discharging" } else { "charging" };
    let mean =
        if counted > 0 { format!(", {:.1} % full on average", 100.0 * charge / counted as f64) } else { String::new() };
    class(text, "batteries", seen.now, (units.0.abs(), units.1, units.2), &format!("; {word}{mean}"));
    let mut open = 0;
    for (index, limit) in config.limits.iter().enumerate().take(seen.limit_w.value.len()) {
        let (value_w, taken_at) = (seen.limit_w.value[index], seen.limit_w.taken_at[index]);
        if value_w == f64::INFINITY {
            open += 1;
            continue;
        }
        let words = format!("{}  limit over {}, {}", mw(value_w), scope(config, limit), age(taken_at, seen.now));
        text.item(&limit.name, &words);
    }
    if open > 0 {
        text.item("", &format!("{open:>12}  further sources set no limit"));
    }
    for event in seen.events.iter().filter(|event| event.id != 0) {
        text.item(&format!("event {}", event.id), &event_words(event, seen.now));
    }
}

fn scope<'a>(config: &'a Config, limit: &LimitConfig) -> &'a str {
    limit.poi.map_or("all points", |poi| point(config, poi))
}

fn point(config: &Config, poi: u8) -> &str {
    config.pois.get(usize::from(poi)).map_or("an unknown point", |poi| &poi.name)
}

fn event_words(event: &Event, now: Time) -> String {
    let when = if event.unconfirmed {
        "spoken, not yet read back".to_owned()
    } else if event.cancelled {
        "cancelled".to_owned()
    } else if now < event.start {
        format!("binds in {:.1} s", (event.start - now).as_secs_f64())
    } else if now < event.end {
        format!("binds for {:.1} s more", (event.end - now).as_secs_f64())
    } else {
        "over".to_owned()
    };
    format!("{}  import allowed, {when}", mw(event.limit_w))
}

fn kind_word(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Contract => "contract",
        LimitKind::Utility => "utility",
        LimitKind::Operator => "operator",
        LimitKind::Emergency => "emergency",
    }
}

/// What set a target, with its name.
fn binding_words(config: &Config, seen: &Observation, binding: Binding) -> String {
    match binding {
        Binding::Nothing => "nothing: the target is the load".to_owned(),
        Binding::Ramp => "the ramp limit".to_owned(),
        Binding::Island => "the island: import must be zero".to_owned(),
        Binding::Limit(index) => config.limits.get(usize::from(index)).map_or_else(
            || format!("limit {index}, which this configuration does not have"),
            |limit| format!("limit \"{}\" ({})", limit.name, kind_word(limit.kind)),
        ),
        Binding::Event(place) => match seen.events.get(usize::from(place)) {
            Some(event) if event.id != 0 => format!("event {}", event.id),
            _ => format!("a remembered event, place {place} of the table"),
        },
    }
}

fn targets(text: &mut Text, config: &Config, row: &OwnedRow) {
    text.head("what it aims at");
    for (index, poi) in config.pois.iter().enumerate().take(row.guarded.target_w.len()) {
        let allowed_w = row.guarded.allowed_w[index];
        let allowed = if allowed_w == f64::INFINITY { format!("{:>12}", "any import") } else { mw(allowed_w) };
        text.item(
            &poi.name,
            &format!(
                "{allowed}  allowed, target {}, set by {}",
                mw(row.guarded.target_w[index]).trim_start(),
                binding_words(config, &row.observation, row.guarded.reason.binding[index])
            ),
        );
    }
}

/// Sums of the set-points below and above zero, W, and how many units have each.
fn battery_sums(config: &Config, decision: &Decision) -> [(f64, usize); 2] {
    let mut sums = [(0.0, 0); 2];
    for power_w in decision.battery_w.iter().take(config.batteries.len()) {
        let (total, count) = &mut sums[usize::from(*power_w > 0.0)];
        *total += power_w.abs();
        *count += usize::from(*power_w != 0.0);
    }
    sums
}

fn turbine_sum(config: &Config, decision: &Decision) -> (f64, usize) {
    let asked = decision.turbine_w.iter().take(config.turbines.len());
    asked.fold((0.0, 0), |(total, count), power_w| (total + power_w, count + usize::from(*power_w > 0.0)))
}

/// Halls below their greatest cap.
fn cut_halls(config: &Config, decision: &Decision) -> usize {
    config.halls.iter().zip(decision.cap_w).filter(|(hall, cap_w)| *cap_w < hall.max_cap_w).count()
}

fn told(text: &mut Text, config: &Config, sent: &Decision) {
    text.head("what was told to whom");
    let [(out_w, giving), (in_w, taking)] = battery_sums(config, sent);
    let lease = seconds_ahead(sent.battery_until, sent.now);
    text.item(
        "batteries",
        &format!(
            "{}  discharging in {giving} units, {} charging in {taking}; {lease}",
            mw(out_w),
            mw(in_w).trim_start()
        ),
    );
    let mut caps: Vec<_> = config
        .halls
        .iter()
        .zip(sent.cap_w)
        .filter(|(hall, _)| hall.gpus > 0.0)
        .map(|(hall, cap_w)| (cap_w, &hall.name))
        .collect();
    caps.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let (Some((low_w, lowest)), Some((high_w, highest))) = (caps.first(), caps.last()) {
        text.item(
            "caps",
            &format!(
                "{low_w:>9.0} W per GPU lowest ({lowest}), {high_w:.0} W highest ({highest}); {} of {} halls below their \
                 greatest; {}",
                cut_halls(config, sent),
                caps.len(),
                seconds_ahead(sent.cap_until, sent.now)
            ),
        );
        let floors = sent.floor_w.iter().take(caps.len());
        let count = floors.clone().filter(|floor_w| **floor_w > 0.0).count();
        let highest_w = floors.copied().fold(0.0, f64::max);
        text.item("floors", &format!("{highest_w:>9.0} W per GPU highest; {count} halls have one"));
    }
    let (asked_w, running) = turbine_sum(config, sent);
    let lease = seconds_ahead(sent.turbine_until, sent.now);
    text.item("turbines", &format!("{}  asked of {running} of {}; {lease}", mw(asked_w), config.turbines.len()));
}

fn reasons(text: &mut Text, reason: &Reason) {
    text.head("conditions");
    let mut any = false;
    for (condition, words) in CONDITIONS {
        if reason.conditions & condition as u32 != 0 {
            text.item("", words);
            any = true;
        }
    }
    if !any {
        text.item("", "none");
    }
    text.head("who gave way to a higher duty");
    let mut any = false;
    for (duty, gave_way_w) in Duty::ALL.iter().zip(reason.gave_way_w).take(DUTIES) {
        if gave_way_w == 0.0 {
            continue;
        }
        // The reserve gives way in energy.
        let amount =
            if *duty == Duty::Reserve { format!("{:>9.2} MWh", gave_way_w / J_PER_MWH) } else { mw(gave_way_w) };
        text.item("", &format!("{amount}  {}", duty.word()));
        any = true;
    }
    if !any {
        text.item("", "nobody");
    }
}

/// What the decision costs while it lasts, and which jobs are told to wait.
fn costs(text: &mut Text, config: &Config, row: &OwnedRow) {
    text.head("what it costs while it lasts");
    let [caps, pauses, fuel] = row.guarded.reason.cost_usd_per_s;
    for (usd_per_s, what) in
        [(caps, "work not done under caps"), (pauses, "jobs paused"), (fuel, "fuel of the turbines")]
    {
        if usd_per_s > 0.0 {
            text.item("", &format!("{:>9.0} $/h  {what}", usd_per_s * 3600.0));
        }
    }
    if caps + pauses + fuel <= 0.0 {
        text.item("", "nothing");
    }
    for (job, order) in config.jobs.iter().zip(row.guarded.job) {
        match order {
            JobOrder::Run => {}
            JobOrder::Checkpoint => text.item(&job.name, "saves its work, to be paused"),
            JobOrder::Pause => text.item(&job.name, "paused"),
        }
    }
}

/// How many of the first `count` places differ, and by how much in sum.
fn differing(now: &[f64], before: &[f64], count: usize) -> (usize, f64) {
    let pairs = now.iter().zip(before).take(count).filter(|(now, before)| now.to_bits() != before.to_bits());
    pairs.fold((0, 0.0), |(number, sum), (now, before)| (number + 1, sum + (now - before)))
}

/// Differences of the commands, in words; nothing where they are equal.
fn commands_changed(config: &Config, now: &Decision, before: &Decision) -> String {
    let mut words = String::new();
    let mut add = |part: String| {
        let comma = if words.is_empty() { "" } else { ", " };
        write!(words, "{comma}{part}").expect("a String takes every text");
    };
    let (units, sum_w) = differing(&now.battery_w, &before.battery_w, config.batteries.len());
    if units > 0 {
        add(format!("{units} battery units {} together", change_mw(sum_w)));
    }
    for (what, now, before) in [("caps", &now.cap_w, &before.cap_w), ("floors", &now.floor_w, &before.floor_w)] {
        let (halls, sum_w) = differing(now, before, config.halls.len());
        if halls > 0 {
            add(format!("{what} of {halls} halls {:+.0} W per GPU on average", sum_w / halls as f64));
        }
    }
    let (turbines, sum_w) = differing(&now.turbine_w, &before.turbine_w, config.turbines.len());
    if turbines > 0 {
        add(format!("{turbines} turbines {} together", change_mw(sum_w)));
    }
    words
}

fn guarded(text: &mut Text, config: &Config, row: &OwnedRow) {
    text.head("what the guard changed against the proposal");
    let mut words = commands_changed(config, &row.guarded, &row.proposed);
    let leases = |decision: &Decision| [decision.battery_until, decision.cap_until, decision.turbine_until];
    if leases(&row.guarded) != leases(&row.proposed) {
        words.push_str(if words.is_empty() { "leases" } else { ", leases" });
    }
    text.item("", if words.is_empty() { "nothing" } else { &words });
}

fn ledger(text: &mut Text, sent: &Decision) {
    text.head("stored energy");
    let ledger = &sent.ledger;
    for (energy_j, what) in [
        (ledger.stored_j, "stored above the lowest state of charge"),
        (ledger.bridge_j, "kept to bridge from lapsed leases to safe caps"),
        (ledger.trip_j, "kept for the trip of the largest turbine"),
        (ledger.ramp_j, "kept for ramps"),
        (ledger.free_j, "free"),
        (ledger.room_j, "room left for charging"),
    ] {
        text.item("", &format!("{:>9.3} MWh  {what}", energy_j / J_PER_MWH));
    }
}

fn changed(text: &mut Text, config: &Config, row: &OwnedRow, previous: Option<&OwnedRow>) {
    text.head("what changed since the tick before");
    let Some(before) = previous else {
        text.item("", "there is no tick before");
        return;
    };
    let mut any = false;
    for (index, poi) in config.pois.iter().enumerate().take(row.guarded.target_w.len()) {
        let (now, old) = (&row.guarded, &before.guarded);
        let import_w = row.observation.poi_import_w.value[index] - before.observation.poi_import_w.value[index];
        let (target_w, allowed_w) =
            (now.target_w[index] - old.target_w[index], now.allowed_w[index] - old.allowed_w[index]);
        let mut words = format!("import {}, target {}", change_mw(import_w), change_mw(target_w));
        // Two infinities have no difference.
        if allowed_w.is_finite() && allowed_w != 0.0 {
            words.push_str(&format!(", allowed {}", change_mw(allowed_w)));
        }
        let (set_by, was_by) = (now.reason.binding[index], old.reason.binding[index]);
        if set_by != was_by {
            words.push_str(&format!(", before set by {}", binding_words(config, &before.observation, was_by)));
        }
        text.item(&poi.name, &words);
        any = true;
    }
    let commands = commands_changed(config, &row.guarded, &before.guarded);
    if !commands.is_empty() {
        text.item("commands", &commands);
    }
    let (now, old) = (row.guarded.reason.conditions, before.guarded.reason.conditions);
    for (condition, words) in CONDITIONS {
        let bit = condition as u32;
        if (now ^ old) & bit != 0 {
            text.item(if now & bit != 0 { "begins" } else { "ends" }, words);
        }
    }
    if row.plan.is_some() {
        text.item("plan", "made anew");
    }
    if row.outlook.is_some() {
        text.item("outlook", "revised");
    }
    if !any && commands.is_empty() && now == old {
        text.item("", "nothing");
    }
}
