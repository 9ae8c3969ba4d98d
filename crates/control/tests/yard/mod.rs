//! Two points of the toy site that do not move: what is decided there can be checked to the kilowatt.

#![allow(dead_code)]

use crate::rig;
use std::collections::VecDeque;
use tieline_control::*;
use tieline_units::{Span, Time};

pub const MW: f64 = 1e6;
pub const KW: f64 = 1e3;
/// Conditions that say that the guard had to act.
pub const ACTED: u32 = Condition::GuardActed as u32;

/// Two points of two battery units and one hall each; batteries do what they are told one tick later.
pub struct Yard {
    pub config: Config,
    pub state: State,
    pub now: Time,
    pub load_w: [f64; 2],
    pub limit_w: [f64; 4],
    pub events: Vec<Event>,
    pub plan: Plan,
    pub charge: [f64; 4],
    pub offered_w: [f64; 4],
    /// Power that each turbine could reach, W; none runs.
    pub turbine_available_w: f64,
    pub voltage_pu: f64,
    /// Load that the feeders show, where it is not the load.
    pub feeders_w: Option<[f64; 2]>,
    pub last: Decision,
    pub told: VecDeque<[f64; 4]>,
    pub imports: VecDeque<[f64; 2]>,
}

/// What the guard made of a proposal.
pub struct Verdict {
    pub proposed: Decision,
    pub sent: Decision,
    pub state: State,
}

/// Limit sources: north, south, both together, and an emergency order over both.
pub fn config() -> Config {
    let mut config = rig::config();
    let mut south = config.pois[0].clone();
    south.name = "south".to_owned();
    config.pois.push(south);
    for (index, unit) in config.batteries.iter_mut().enumerate() {
        (unit.poi, unit.delay_s, unit.lag_s) = (index as u8 / 2, 0.0, 0.0);
    }
    config.halls[1].poi = 1;
    config.turbines[1].poi = 1;
    config.reserve.recentre_share = 0.0;
    let mut limits = vec![config.limits[0].clone(); 4];
    for (limit, poi) in limits.iter_mut().zip([Some(0), Some(1), None, None]) {
        limit.poi = poi;
    }
    limits[2].kind = LimitKind::Utility;
    limits[3].kind = LimitKind::Emergency;
    config.limits = limits;
    config
}

impl Yard {
    pub fn new(config: Config, load_w: [f64; 2]) -> Self {
        assert_eq!(config.problems(), Vec::<String>::new());
        Self {
            config,
            state: State::new(Time::ZERO, 1),
            now: Time::ZERO,
            load_w,
            limit_w: [300.0 * MW, 300.0 * MW, 600.0 * MW, f64::INFINITY],
            events: Vec::new(),
            plan: Plan::none(),
            charge: [0.5; 4],
            offered_w: [25.0 * MW; 4],
            turbine_available_w: 0.0,
            voltage_pu: 1.0,
            feeders_w: None,
            last: Decision::idle(Time::ZERO, 1),
            told: VecDeque::from(vec![[0.0; 4]; 1]),
            imports: VecDeque::from(vec![load_w; 2]),
        }
    }

    /// Every reading fresh and good.
    pub fn observe(&self) -> Observation {
        let mut seen = Observation::empty(self.now);
        seen.utc_ns = self.now.as_nanos() + 1_700_000_000_000_000_000;
        for at in 0..2 {
            let load_w = self.feeders_w.unwrap_or(self.load_w)[at];
            let hall_w = load_w / (1.0 + self.config.halls[at].cooling_per_w);
            seen.poi_import_w.set(at, self.imports[0][at], self.now - Span::millis(100));
            seen.poi_voltage_pu.set(at, self.voltage_pu, self.now);
            seen.hall_w.set(at, hall_w, self.now);
            seen.cooling_w.set(at, load_w - hall_w, self.now);
            seen.turbine_generation_w.set(at, 0.0, self.now);
            seen.turbine_available_w.set(at, self.turbine_available_w, self.now);
            seen.job_saved_s.set(at, 0.0, self.now);
            seen.job_at_work.set(at, 1.0, self.now);
        }
        for unit in 0..4 {
            seen.battery_w.set(unit, self.told[0][unit], self.now);
            seen.battery_soc.set(unit, self.charge[unit], self.now);
            seen.battery_available_w.set(unit, self.offered_w[unit], self.now);
            seen.limit_w.set(unit, self.limit_w[unit], self.now);
        }
        for (place, event) in self.events.iter().enumerate() {
            seen.events[place] = *event;
        }
        seen
    }

    /// The honest decision of this tick, changed, before a guard that sees the same with a change.
    pub fn judge(&self, look: impl FnOnce(&mut Observation), change: impl FnOnce(&mut Decision)) -> Verdict {
        let mut seen = self.observe();
        let mut state = self.state;
        let mut proposed = decide(&self.config, &self.plan, &mut state, &seen);
        assert_eq!(proposed.reason.conditions & ACTED, 0);
        look(&mut seen);
        change(&mut proposed);
        let sent = guard(&self.config, &mut state, &seen, &proposed);
        Verdict { proposed, sent, state }
    }

    /// The decision of this tick on what is seen, with a change.
    pub fn decide(&self, look: impl FnOnce(&mut Observation)) -> Decision {
        let mut seen = self.observe();
        look(&mut seen);
        decide(&self.config, &self.plan, &mut { self.state }, &seen)
    }

    /// Sends what the guard let through, and moves on by a tick.
    pub fn take(&mut self, verdict: &Verdict) {
        self.state = verdict.state;
        self.last = verdict.sent;
        let sent_w = [0, 1, 2, 3].map(|unit| verdict.sent.battery_w[unit]);
        self.told.push_back(sent_w);
        self.told.pop_front();
        let import = |at: usize| self.load_w[at] + sent_w[2 * at] + sent_w[2 * at + 1];
        self.imports.push_back([import(0), import(1)]);
        self.imports.pop_front();
        self.now += Span::millis(100);
    }

    /// Lets time pass up to a tick on which caps and units' telemetry are taken in; the imports shown stay as they are.
    pub fn run_blind_until_economic(&mut self) {
        let imports = self.imports.clone();
        while !self.last.seq.is_multiple_of(u64::from(self.config.economics_every)) {
            let load_w = std::mem::replace(&mut self.load_w, imports[0]);
            self.run(1);
            self.load_w = load_w;
        }
    }

    pub fn run(&mut self, ticks: usize) {
        for _ in 0..ticks {
            let verdict = self.judge(|_| {}, |_| {});
            assert!(verdict.sent == verdict.proposed, "an honest decision goes out as it is, at {:?}", self.now);
            self.take(&verdict);
        }
    }
}

/// 100 MW at each point, no limit near, batteries idle, caps at about 830 W.
pub fn at_rest() -> Yard {
    let mut yard = Yard::new(config(), [100.0 * MW; 2]);
    yard.run(40);
    assert!(yard.last.battery_w.iter().all(|w| w.abs() < KW), "idle");
    assert!((800.0..860.0).contains(&yard.last.cap_w[0]), "{}", yard.last.cap_w[0]);
    yard
}

pub fn event(yard: &Yard, notice: Span, hold: Span, limit_w: f64, poi: u8) -> Event {
    let start = yard.now + notice;
    let (received_at, end) = (yard.now, start + hold);
    Event { id: 3, received_at, start, end, limit_w, poi, cancelled: false, unconfirmed: false }
}

pub fn sum_w(decision: &Decision, poi: usize) -> f64 {
    decision.battery_w[2 * poi] + decision.battery_w[2 * poi + 1]
}
