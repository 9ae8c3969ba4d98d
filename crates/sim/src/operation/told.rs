//! What happened, in words: events against their deadline, conditions the controller noticed, what bound the import.
//!
//! Not modelled: which of several standing events a condition is about (the controller names the condition only).

use crate::check::power;
use crate::metrics::Debounce;
use crate::results::Happening;
use crate::scenario::Scenario;
use tieline_control::{Binding, Condition, Decision, Duty, POIS};
use tieline_units::Time;

/// A run tells at most so many things; the rest is counted.
const MOST: usize = 5_000;
/// A condition must stand for so long before it is told, s.
const CONDITION_HOLD_S: f64 = 2.0;
/// Giving load back must last so long before it is told, s: the last watts come and go.
const RESTORING_HOLD_S: f64 = 20.0;
/// What binds must stand for so long before it is told, s.
const BINDING_HOLD_S: f64 = 60.0;
/// Import may exceed an event's limit by this and still count as met, W: resolution of a revenue meter, with the
/// noise of one second (guess).
const MET_WITHIN_W: f64 = 0.5e6;
/// An infeasibility told so soon after receipt is taken to be about that event, s.
const SAID_AT_RECEIPT_S: f64 = 2.0;

/// Every condition with the words for its beginning and its end.
const CONDITIONS: [(Condition, &str, &str); 13] = [
    (Condition::MeterLate, "a meter is late", "meters are on time again"),
    (Condition::MeterLost, "a meter is lost: commands hold, the last maximum is assumed", "meters are back"),
    (Condition::UnitLost, "telemetry of a unit is lost: its worst case is assumed", "telemetry of all units is back"),
    (Condition::LimitSilent, "a limit source is silent: its last limit stays", "all limit sources speak again"),
    (Condition::EventInfeasible, "an event cannot be met in its notice", "no infeasible event stands any more"),
    (
        Condition::VoltageFrozen,
        "voltage outside its band: load actions are frozen",
        "voltage is back, load actions resume",
    ),
    (Condition::BatteryShort, "the batteries cannot give what is asked: caps take over", "the batteries suffice again"),
    (
        Condition::LimitUnreachable,
        "every means is used and import still exceeds its limit",
        "import can be held under its limit again",
    ),
    (Condition::BadReading, "a value out of range was set aside", "readings are in range again"),
    (Condition::GuardActed, "the guard tightens decisions", "the guard is at rest"),
    (Condition::Restoring, "load that was cut is being given back", "giving load back has ended"),
    (Condition::ClockStepped, "the clock stepped: event times are distrusted", "the clock is trusted again"),
    (
        Condition::MeterSuspect,
        "a meter disagrees with its feeders and is not believed",
        "meter and feeders agree again",
    ),
];

/// Conditions that are faults of telemetry or of messages.
const TELEMETRY: u32 = Condition::MeterLate as u32
    | Condition::MeterLost as u32
    | Condition::UnitLost as u32
    | Condition::LimitSilent as u32
    | Condition::BadReading as u32
    | Condition::MeterSuspect as u32
    | Condition::ClockStepped as u32;

/// How one curtailment event went.
#[derive(Clone, Debug)]
struct Watched {
    name: String,
    poi: Option<usize>,
    limit_w: f64,
    received_s: f64,
    deadline_s: f64,
    start_s: f64,
    end_s: f64,
    cancelled_s: f64,
    met_s: Option<f64>,
    worst_over_w: f64,
    infeasible: bool,
    stage: u8,
}

/// Counts of events at the end of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EventCounts {
    pub seen: f64,
    pub met: f64,
    pub infeasible: f64,
    pub worst_margin_s: f64,
}

/// Listens and tells.
#[derive(Debug)]
pub(crate) struct Teller {
    told: Vec<Happening>,
    pub left_out: usize,
    conditions: Vec<Debounce<bool>>,
    pub telemetry_faults: f64,
    bindings: Vec<Debounce<Binding>>,
    events: Vec<Watched>,
    poi_names: Vec<String>,
    limit_names: Vec<String>,
}

impl Teller {
    /// A teller for a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let share = scenario.control.completion_share;
        let events = scenario.events.iter().map(|scheduled| {
            let event = &scheduled.event;
            let notice_s = (event.start - event.received_at).as_secs_f64();
            Watched {
                name: scheduled.name.clone(),
                poi: (event.poi != 255).then_some(usize::from(event.poi)),
                limit_w: event.limit_w,
                received_s: event.received_at.as_secs_f64(),
                deadline_s: event.received_at.as_secs_f64() + share * notice_s,
                start_s: event.start.as_secs_f64(),
                end_s: event.end.as_secs_f64(),
                cancelled_s: scheduled.cancelled_at.unwrap_or(Time::FOREVER).as_secs_f64(),
                met_s: None,
                worst_over_w: 0.0,
                infeasible: false,
                stage: 0,
            }
        });
        let control = &scenario.control;
        Self {
            told: announced(scenario),
            left_out: 0,
            conditions: CONDITIONS.map(|(condition, ..)| Debounce::new(false, hold_s(condition))).to_vec(),
            telemetry_faults: 0.0,
            bindings: vec![Debounce::new(Binding::Nothing, BINDING_HOLD_S); control.pois.len()],
            events: events.collect(),
            poi_names: control.pois.iter().map(|poi| poi.name.clone()).collect(),
            limit_names: control.limits.iter().map(|limit| limit.name.clone()).collect(),
        }
    }

    /// Tells one thing.
    pub fn tell(&mut self, at_s: f64, kind: &str, text: String) {
        if self.told.len() < MOST {
            self.told.push(Happening { at_s, kind: kind.to_owned(), text });
        } else {
            self.left_out += 1;
        }
    }

    /// Listens to one decision; `conditions` are those of every tick since the last call, or-ed.
    pub fn decided(&mut self, at_s: f64, decision: &Decision, conditions: u32) {
        for index in 0..CONDITIONS.len() {
            let (condition, begins, ends) = CONDITIONS[index];
            let stands = conditions & condition as u32 != 0;
            let Some((since_s, now)) = self.conditions[index].see(at_s, &stands) else { continue };
            if now && condition as u32 & TELEMETRY != 0 {
                self.telemetry_faults += 1.0;
            }
            self.tell(since_s, "controller", if now { begins } else { ends }.to_owned());
        }
        if conditions & Condition::EventInfeasible as u32 != 0 {
            for event in &mut self.events {
                event.infeasible |= at_s >= event.received_s && at_s <= event.received_s + SAID_AT_RECEIPT_S;
            }
        }
        for poi in 0..self.bindings.len() {
            let Some((since_s, binding)) = self.bindings[poi].see(at_s, &decision.reason.binding[poi]) else {
                continue;
            };
            let text = format!(
                "{}: import is now set by {}{}; aimed at {}{}",
                self.poi_names[poi],
                self.binding_words(binding),
                if matches!(binding, Binding::Nothing) {
                    String::new()
                } else {
                    format!(", {} allowed", allowed(decision.allowed_w[poi]))
                },
                power(decision.target_w[poi]),
                gave_way(decision),
            );
            self.tell(since_s, "controller", text);
        }
    }

    fn binding_words(&self, binding: Binding) -> String {
        match binding {
            Binding::Nothing => "the load itself (no limit binds)".to_owned(),
            Binding::Limit(index) => {
                format!("the limit \"{}\"", self.limit_names.get(usize::from(index)).map_or("?", String::as_str))
            }
            Binding::Event(_) => "a curtailment event".to_owned(),
            Binding::Ramp => "the ramp limit".to_owned(),
            Binding::Island => "the island (no import)".to_owned(),
        }
    }

    /// Follows the events through one second of true import.
    pub fn import(&mut self, at_s: f64, import_w: &[f64; POIS]) {
        for index in 0..self.events.len() {
            let event = &mut self.events[index];
            let over_w = event.poi.map_or_else(|| import_w.iter().sum::<f64>(), |poi| import_w[poi]) - event.limit_w;
            let text = event.second(at_s, over_w);
            if let Some((when_s, text)) = text {
                self.tell(when_s, "event", text);
            }
        }
    }

    /// Counts, when the run is over.
    pub fn counts(&self) -> EventCounts {
        let mut counts = EventCounts { worst_margin_s: f64::INFINITY, ..EventCounts::default() };
        for event in self.events.iter().filter(|event| event.stage >= 1 && event.cancelled_s > event.start_s) {
            counts.seen += 1.0;
            counts.met += f64::from(u8::from(event.is_met()));
            counts.infeasible += f64::from(u8::from(event.infeasible));
            counts.worst_margin_s = counts.worst_margin_s.min(event.deadline_s - event.met_s.unwrap_or(event.end_s));
        }
        counts
    }

    /// What was told, in order of time.
    pub fn finish(mut self) -> Vec<Happening> {
        if self.left_out > 0 {
            let at_s = self.told.last().map_or(0.0, |last| last.at_s);
            let text = format!("{} more happenings are not listed", self.left_out);
            self.told.push(Happening { at_s, kind: "note".to_owned(), text });
        }
        self.told.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        self.told
    }
}

impl Watched {
    fn is_met(&self) -> bool {
        self.met_s.is_some_and(|met_s| met_s <= self.start_s) && self.worst_over_w <= MET_WITHIN_W
    }

    /// One second; returns what is worth telling.
    fn second(&mut self, at_s: f64, over_w: f64) -> Option<(f64, String)> {
        if at_s < self.received_s || self.stage == 4 {
            return None;
        }
        let name = &self.name;
        if self.stage > 0 && at_s >= self.cancelled_s {
            self.stage = 4;
            return Some((self.cancelled_s, format!("{name}: cancelled by the sender")));
        }
        if over_w <= MET_WITHIN_W {
            self.met_s = self.met_s.or(Some(at_s));
        } else if at_s <= self.start_s {
            self.met_s = None;
        }
        if at_s > self.start_s && at_s <= self.end_s {
            self.worst_over_w = self.worst_over_w.max(over_w);
        }
        match self.stage {
            0 => {
                self.stage = 1;
                let notice_min = (self.start_s - self.received_s) / 60.0;
                let hold_h = (self.end_s - self.start_s) / 3600.0;
                let limit = power(self.limit_w);
                Some((
                    self.received_s,
                    format!("{name}: received; at most {limit} in {notice_min:.0} min, for {hold_h:.1} h"),
                ))
            }
            1 if at_s >= self.start_s => {
                self.stage = 2;
                Some((self.start_s, self.start_words()))
            }
            2 if at_s >= self.end_s => {
                self.stage = 3;
                let text = if self.is_met() {
                    format!("{name}: over; held throughout")
                } else {
                    format!(
                        "{name}: over; not held, worst second {} above its limit",
                        power(self.worst_over_w.max(0.0))
                    )
                };
                Some((self.end_s, text))
            }
            _ => None,
        }
    }

    fn start_words(&self) -> String {
        let name = &self.name;
        match self.met_s {
            Some(met_s) if met_s <= self.deadline_s => format!(
                "{name}: starts; met {:.0} s after receipt, {:.0} s before it had to be (the agreed share of the notice)",
                met_s - self.received_s,
                self.deadline_s - met_s
            ),
            Some(met_s) => format!(
                "{name}: starts; met, but {:.0} s after it had to be (the agreed share of the notice)",
                met_s - self.deadline_s
            ),
            None => format!("{name}: starts; import is still above its limit"),
        }
    }
}

/// What the grid's side does by itself: limits that change, dips, deviations of frequency.
fn announced(scenario: &Scenario) -> Vec<Happening> {
    let surroundings = &scenario.surroundings;
    let mut told = Vec::new();
    let mut tell = |at: Time, text: String| {
        if told.len() < MOST / 2 {
            told.push(Happening { at_s: at.as_secs_f64(), kind: "grid".to_owned(), text });
        }
    };
    for (limit, steps) in scenario.control.limits.iter().zip(&surroundings.limits) {
        for step in steps {
            let says = match step.limit_w {
                limit_w if limit_w.is_nan() => "falls silent".to_owned(),
                limit_w if limit_w.is_infinite() => "is released".to_owned(),
                limit_w => format!("is now {}", power(limit_w)),
            };
            tell(step.at, format!("limit \"{}\" {says}", limit.name));
        }
    }
    for dip in &surroundings.dips {
        let ms = (dip.end - dip.start).as_secs_f64() * 1e3;
        tell(dip.start, format!("voltage dip to {:.0} % for {ms:.0} ms", dip.residual_pu * 100.0));
    }
    for step in &surroundings.frequency {
        let s = (step.end - step.start).as_secs_f64();
        tell(step.start, format!("frequency at {:.3} Hz for {s:.0} s", step.hz));
    }
    told
}

fn hold_s(condition: Condition) -> f64 {
    if condition == Condition::Restoring { RESTORING_HOLD_S } else { CONDITION_HOLD_S }
}

fn allowed(value_w: f64) -> String {
    // The controller writes "no limit" as a very large finite power.
    if value_w >= 1e11 { "no limit".to_owned() } else { power(value_w) }
}

/// Which duties gave way, in words.
fn gave_way(decision: &Decision) -> String {
    let mut text = String::new();
    for duty in Duty::ALL {
        let by_w = decision.reason.gave_way_w[duty as usize];
        if by_w >= 0.1e6 {
            text.push_str(if text.is_empty() { "; gave way: " } else { ", " });
            text.push_str(&format!("{} by {}", duty.word(), power(by_w)));
        }
    }
    text
}
