//! The truth of every tick against limits, ramps and events as they were meant (I1, I2, I11, I16, I18).
//!
//! Not judged: single devices (the plant asserts its own balances).

use super::watch::Findings;
use std::collections::VecDeque;
use tieline_campus::plant::FaultKind;
use tieline_control::Condition;
use tieline_sim::scenario::Scenario;
use tieline_units::{Span, Time};

/// Import may stand above its limit for so long after something sudden, s: meter delay, two ticks, caps, the report of the
/// feeders; a violation that lasts longer is one.
const LATENCY_S: f64 = 4.0;
/// Above its limit means by more than this, W: noise and resolution of the meter that the controller itself must trust.
const ABOVE_W: f64 = 0.6e6;
/// Import over a minute may exceed its ramp by this share, and this many watts of noise and rounding.
const RAMP_SLACK: (f64, f64) = (1.15, 2e6);
/// A meter that lies by this share of what flows, for this long, must be doubted aloud, s.
const LIE: (f64, f64) = (0.25, 6.0);

/// What the controller said, and may be excused for.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Conditions of its last decision.
    pub said: u32,
    /// Whether nobody could have known or done better.
    pub excused: bool,
    /// Whether its ramp duty gave way to a higher one within the window, or the site was disturbed.
    pub ramp_excused: bool,
}

/// Judges the true import of every tick.
pub struct Judge<'a> {
    scenario: &'a Scenario,
    over_since: Vec<Option<Time>>,
    /// True import of each point on the last 60 s, one figure a second.
    minute: Vec<VecDeque<f64>>,
    ramp_excused_until: Time,
    excused_at: Time,
    infeasible: bool,
    lie_since: Vec<Option<Time>>,
}

impl<'a> Judge<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        let points = scenario.plant.pois.len();
        Self {
            scenario,
            over_since: vec![None; points + 1],
            minute: vec![VecDeque::new(); points],
            ramp_excused_until: Time::ZERO + Span::secs(90),
            excused_at: Time::NEVER,
            infeasible: false,
            lie_since: vec![None; points],
        }
    }

    /// When a limit that a source sets at an instant can be known: what it says while it talks nonsense, nobody hears.
    fn heard_at(&self, source: usize, at: Time) -> Time {
        let garbage = self.scenario.disturbances.limits.iter();
        let garbled = garbage.filter(|g| g.source.is_none_or(|of| of == source) && g.start <= at && at < g.end);
        garbled.map(|g| g.end).fold(at, Time::max)
    }

    /// The limit over a scope at an instant, W; a silent source's last word stays.
    fn limit_w(&self, now: Time, poi: Option<usize>) -> f64 {
        let mut lowest_w = f64::INFINITY;
        for (index, limit) in self.scenario.control.limits.iter().enumerate() {
            if limit.poi.map(usize::from) == poi {
                let steps = &self.scenario.surroundings.limits[index];
                let said = steps.iter().rfind(|step| self.heard_at(index, step.at) <= now && !step.limit_w.is_nan());
                lowest_w = lowest_w.min(said.map_or(limit.initial_w, |step| step.limit_w));
            }
        }
        for scheduled in &self.scenario.events {
            let event = &scheduled.event;
            let scope = (event.poi != 255).then(|| usize::from(event.poi));
            let end = scheduled.cancelled_at.map_or(event.end, |at| at.min(event.end));
            if scope == poi && event.start <= now && now < end {
                lowest_w = lowest_w.min(event.limit_w);
            }
        }
        lowest_w
    }

    /// One tick of the truth. `gross_w`: what flows through each bus.
    pub fn tick(
        &mut self,
        now: Time,
        import_w: &[f64],
        gross_w: &[f64],
        tick_s: f64,
        word: Word,
        found: &mut Findings,
    ) {
        self.infeasible |= word.said & Condition::EventInfeasible as u32 != 0;
        if word.excused {
            self.excused_at = now;
        }
        self.limits(now, import_w, tick_s, word, found);
        self.deadlines(now, import_w, found);
        self.lies(now, gross_w, word, found);
        if now.as_nanos() % 1_000_000_000 == 0 {
            self.ramps(now, import_w, word, found);
        }
    }

    fn limits(&mut self, now: Time, import_w: &[f64], tick_s: f64, word: Word, found: &mut Findings) {
        let points = import_w.len();
        let total_w: f64 = import_w.iter().sum();
        for scope in 0..=points {
            let (poi, power_w) = if scope == points { (None, total_w) } else { (Some(scope), import_w[scope]) };
            let over_w = power_w - self.limit_w(now, poi);
            if over_w <= ABOVE_W {
                self.over_since[scope] = None;
                continue;
            }
            let since = *self.over_since[scope].get_or_insert(now);
            if word.excused {
                found.excused_j += over_w * tick_s;
            } else if (now - since).as_secs_f64() > LATENCY_S {
                found.violation_j += over_w * tick_s;
                found.note("I1", now, format!("scope {scope} is {:.2} MW over its limit", over_w / 1e6));
            }
        }
    }

    /// Each event's reduction is complete after the agreed share of its notice, or was called infeasible (I16).
    fn deadlines(&self, now: Time, import_w: &[f64], found: &mut Findings) {
        for scheduled in &self.scenario.events {
            let event = &scheduled.event;
            let received = self.scenario.disturbances.arrival(event.id, event.received_at);
            let notice_s = (event.start - received).as_secs_f64();
            let share = self.scenario.control.completion_share;
            let due = received + Span::from_secs_f64(share * notice_s + LATENCY_S);
            let cancelled = scheduled.cancelled_at.is_some_and(|at| at <= now);
            let wrong_clock = self.scenario.disturbances.clock_ahead(received) != Span::ZERO;
            if now != Time::nanos(due.as_nanos().div_euclid(100_000_000) * 100_000_000)
                || notice_s < 60.0
                || cancelled
                || wrong_clock
                || self.infeasible
                || now - self.excused_at < Span::secs(60)
            {
                continue;
            }
            let power_w: f64 = match event.poi {
                255 => import_w.iter().sum(),
                poi => import_w[usize::from(poi)],
            };
            if power_w > event.limit_w + ABOVE_W {
                let over_mw = (power_w - event.limit_w) / 1e6;
                found.note("I16", now, format!("{}: {over_mw:.2} MW above its limit when it is due", scheduled.name));
            }
        }
    }

    /// Import moves no faster than its ramp unless the controller said that the ramp gave way, or the site was hit (I2).
    fn ramps(&mut self, now: Time, import_w: &[f64], word: Word, found: &mut Findings) {
        if word.ramp_excused || word.excused {
            self.ramp_excused_until = now + Span::secs(70);
        }
        for (poi, config) in self.scenario.control.pois.iter().enumerate().filter(|(_, poi)| !poi.island) {
            let minute = &mut self.minute[poi];
            minute.push_back(import_w[poi]);
            if minute.len() <= 60 {
                continue;
            }
            let change_w = import_w[poi] - minute.pop_front().unwrap_or(import_w[poi]);
            let ramp = if change_w > 0.0 { config.ramp_up_w_per_s } else { config.ramp_down_w_per_s };
            let most_w = RAMP_SLACK.0 * 60.0 * ramp + RAMP_SLACK.1;
            if change_w.abs() > most_w && now > self.ramp_excused_until {
                let text = format!("{} moves by {:.2} MW in a minute", config.name, change_w / 1e6);
                found.note("I2", now, text);
            }
        }
    }

    /// A meter that shows far less than what flows is doubted aloud (I18).
    fn lies(&mut self, now: Time, gross_w: &[f64], word: Word, found: &mut Findings) {
        let faults = &self.scenario.plant.faults;
        let active = |start: Time, end: Time| start <= now && now < end;
        for (poi, gross_w) in gross_w.iter().enumerate() {
            let lies = |kind: &FaultKind| match kind {
                FaultKind::MeterOffset(offset_w) => *offset_w < -LIE.0 * gross_w,
                _ => false,
            };
            let here = |index: usize| index == poi || index == usize::MAX;
            let lying = faults.iter().any(|f| active(f.start, f.end) && here(f.index) && lies(&f.kind));
            // With telemetry bent as well, nobody can tell who lies.
            let others = faults.iter().any(|f| {
                active(f.start, f.end + Span::secs(10))
                    && !matches!(f.kind, FaultKind::MeterOffset(_) | FaultKind::JobFailure)
            });
            let since = &mut self.lie_since[poi];
            *since = if lying && !others { since.or(Some(now)) } else { None };
            let doubted = Condition::MeterSuspect as u32 | Condition::MeterLost as u32 | Condition::BadReading as u32;
            if since.is_some_and(|since| (now - since).as_secs_f64() > LIE.1) && word.said & doubted == 0 {
                found.note("I18", now, format!("meter {poi} lies and is believed"));
            }
        }
    }
}
