//! Scripted faults between the site and everybody else: what limit sources and events say, the site's clock, the
//! controller's life.
//!
//! Not modelled: messages duplicated or corrupted in parts; an event's times by a clock other than the site's.

use crate::scenario::Scenario;
use tieline_units::{Span, Time};

/// Everything of this kind in a scenario; empty by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disturbances {
    /// Limit sources that talk nonsense.
    pub limits: Vec<LimitGarbage>,
    /// Events whose messages vanish or come late.
    pub events: Vec<EventFault>,
    /// Errors of the site's civil clock.
    pub clocks: Vec<ClockFault>,
    /// Deaths of the controller, by time.
    pub deaths: Vec<Death>,
}

/// A limit source says nonsense, freshly and in good quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitGarbage {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Index of the source; `None` means all of them.
    pub source: Option<usize>,
    /// What it says.
    pub says: Garbage,
}

/// Kinds of nonsense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Garbage {
    /// No number.
    Nan,
    /// The limit with a minus before it; -1 W where there is none.
    Negative,
    /// 1e15 W, more than mankind uses.
    Absurd,
    /// The limit times this: 0.001 is kW for W.
    Scaled(f64),
}

/// Power that no limit can mean, W: some fifty times what mankind uses.
const ABSURD_W: f64 = 1e15;

/// What goes wrong with the messages of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EventFault {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// Number of the event; `None` means all of them.
    pub event: Option<u64>,
    /// `None`: the event is not on the list meanwhile, without having been cancelled. Else what is sent meanwhile, the
    /// event or its cancellation, arrives so much later.
    pub late: Option<Span>,
}

/// An error of the site's civil clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockFault {
    /// When it begins.
    pub start: Time,
    /// When the clock is set right again.
    pub end: Time,
    /// By how much the clock steps ahead at the start.
    pub step: Span,
    /// By what share it runs fast from then on.
    pub drift: f64,
}

/// The controller dies and a standby takes over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Death {
    /// No tick at or after this instant is the old controller's.
    pub at: Time,
    /// The standby's first tick is the first one not before this instant.
    pub takeover: Time,
    /// Until then the old controller, back again and unaware, sends its last set-points on every tick.
    pub stale_until: Time,
}

fn holds(start: Time, end: Time, now: Time) -> bool {
    start <= now && now < end
}

impl Disturbances {
    /// What a limit source is heard to say where it means `said_w`, W.
    #[must_use]
    pub fn limit_w(&self, source: usize, said_w: f64, now: Time) -> f64 {
        let meant =
            |fault: &&LimitGarbage| holds(fault.start, fault.end, now) && fault.source.is_none_or(|of| of == source);
        match self.limits.iter().rfind(meant).map(|fault| fault.says) {
            None => said_w,
            Some(Garbage::Nan) => f64::NAN,
            Some(Garbage::Negative) => {
                if said_w.is_finite() {
                    -said_w
                } else {
                    -1.0
                }
            }
            Some(Garbage::Absurd) => ABSURD_W,
            Some(Garbage::Scaled(factor)) => said_w * factor,
        }
    }

    fn of_event(&self, event: u64, now: Time) -> impl Iterator<Item = Option<Span>> + '_ {
        let meant =
            move |fault: &&EventFault| holds(fault.start, fault.end, now) && fault.event.is_none_or(|of| of == event);
        self.events.iter().filter(meant).map(|fault| fault.late)
    }

    /// When a message about an event that is sent at `sent` arrives.
    #[must_use]
    pub fn arrival(&self, event: u64, sent: Time) -> Time {
        sent + self.of_event(event, sent).flatten().max().unwrap_or(Span::ZERO)
    }

    /// Whether an event is missing from the list.
    #[must_use]
    pub fn vanished(&self, event: u64, now: Time) -> bool {
        self.of_event(event, now).any(|late| late.is_none())
    }

    /// By how much the site's civil clock is ahead.
    #[must_use]
    pub fn clock_ahead(&self, now: Time) -> Span {
        let in_force = self.clocks.iter().filter(|fault| holds(fault.start, fault.end, now));
        in_force.fold(Span::ZERO, |ahead, fault| {
            ahead + fault.step + Span::from_secs_f64(fault.drift * (now - fault.start).as_secs_f64())
        })
    }

    /// Beginning of everything, in words and in order of time.
    pub(crate) fn story(&self, scenario: &Scenario) -> Vec<(Time, String)> {
        let seconds = |span: Span| format!("{:.1} s", span.as_secs_f64());
        let event = |id: Option<u64>| {
            let named = scenario.events.iter().find(|scheduled| Some(scheduled.event.id) == id);
            named.map_or_else(|| "all events".to_owned(), |scheduled| format!("event \"{}\"", scheduled.name))
        };
        let mut told = Vec::new();
        for fault in &self.limits {
            let source = fault.source.and_then(|source| scenario.control.limits.get(source));
            let name = source.map_or_else(|| "all limit sources".to_owned(), |limit| limit.name.clone());
            let says = match fault.says {
                Garbage::Nan => "no number".to_owned(),
                Garbage::Negative => "a negative limit".to_owned(),
                Garbage::Absurd => "an absurd limit".to_owned(),
                Garbage::Scaled(factor) => format!("its limit times {factor}"),
            };
            told.push((fault.start, format!("{name}: says {says} for {}", seconds(fault.end - fault.start))));
        }
        for fault in &self.events {
            let lasts = seconds(fault.end - fault.start);
            let text = match fault.late {
                None => format!("{}: not on the list for {lasts}", event(fault.event)),
                Some(late) => format!("{}: messages late by {} for {lasts}", event(fault.event), seconds(late)),
            };
            told.push((fault.start, text));
        }
        for fault in &self.clocks {
            let lasts = seconds(fault.end - fault.start);
            let text = if fault.drift == 0.0 {
                format!("the site's clock is {} ahead for {lasts}", seconds(fault.step))
            } else {
                format!("the site's clock drifts by {:.0} ppm for {lasts}", fault.drift * 1e6)
            };
            told.push((fault.start, text));
        }
        for death in &self.deaths {
            told.push((death.at, format!("the controller dies; {} without one", seconds(death.takeover - death.at))));
            told.push((death.takeover, "the standby takes over".to_owned()));
            if death.stale_until > death.takeover {
                let text = "the old controller is back and sends its last set-points".to_owned();
                told.push((death.takeover, text));
            }
        }
        told.sort_by_key(|(at, _)| *at);
        told
    }
}
