//! Invariants, looked at from outside on every tick: on decisions, and on the truth that the controller never sees.
//!
//! Not watched yet: I5 (order of tiers across points), I9 (takeover), I10, I14, I15 (replay has its own tests), I17.

use std::collections::BTreeMap;
use tieline_control::{BATTERIES, Condition, Config, Decision, Journal, Observation, Row};
use tieline_sim::scenario::Scenario;
use tieline_units::{Quality, Readings, Time};

/// Import may stand above its limit for so long after something sudden, s: meter delay, two ticks, caps, the report of the
/// feeders; a violation that lasts longer is one.
const LATENCY_S: f64 = 4.0;
/// Above its limit means by more than this, W: noise and resolution of the meter that the controller itself must trust.
const ABOVE_W: f64 = 0.6e6;

/// What was broken, by invariant, with the first instant.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub broken: BTreeMap<&'static str, String>,
    /// Import above limits while the controller had said that every means was used, or had nothing true to see, J.
    pub excused_j: f64,
    /// Import above limits without such a reason, J.
    pub violation_j: f64,
}

impl Findings {
    fn note(&mut self, id: &'static str, at: Time, text: String) {
        self.broken.entry(id).or_insert_with(|| format!("at {:.1} s: {text}", at.as_secs_f64()));
    }
}

/// Watches decisions as they are journaled.
pub struct Watch<'a> {
    config: &'a Config,
    last: Option<(Decision, Vec<bool>)>,
    pub found: Findings,
    /// Until when the controller's own words, or what it cannot see, excuse a violation.
    pub excused_until: Time,
    pub restoring_turns: u64,
    was_restoring: bool,
}

impl<'a> Watch<'a> {
    pub fn new(config: &'a Config) -> Self {
        let found = Findings::default();
        Self { config, last: None, found, excused_until: Time::NEVER, restoring_turns: 0, was_restoring: false }
    }

    fn lost(&self, seen: &Observation) -> Vec<bool> {
        let lost = |poi: usize| {
            let readings = &seen.poi_import_w;
            readings.quality[poi] != Quality::Good
                || !readings.value[poi].is_finite()
                || seen.now - readings.taken_at[poi] >= self.config.stale.meter_lost
        };
        (0..self.config.pois.len()).map(lost).collect()
    }

    fn battery_w(&self, decision: &Decision, poi: usize) -> f64 {
        let units = self.config.batteries.iter().zip(decision.battery_w);
        units.filter(|(unit, _)| usize::from(unit.poi) == poi).map(|(_, power_w)| power_w).sum()
    }

    /// Discharge that units of a point were told and, as their telemetry says, no longer offer or cannot hold for a lease, W.
    fn gone_w(&self, seen: &Observation, last: &Decision, poi: usize) -> f64 {
        let here = |index: &usize| usize::from(self.config.batteries[*index].poi) == poi;
        let shown = |readings: &Readings<BATTERIES>, index: usize| {
            let good = readings.quality[index] == Quality::Good && readings.value[index].is_finite();
            good.then_some(readings.value[index])
        };
        let lease_s = self.config.leases.battery.as_secs_f64();
        let offered_w = |index: usize| {
            let unit = &self.config.batteries[index];
            let left_j = shown(&seen.battery_soc, index)
                .map(|soc| (soc - unit.soc_min).max(0.0) * unit.energy_j * unit.efficiency);
            let offered_w = shown(&seen.battery_available_w, index).unwrap_or(f64::INFINITY);
            offered_w.min(left_j.map_or(f64::INFINITY, |left_j| left_j / lease_s))
        };
        (0..self.config.batteries.len())
            .filter(here)
            .map(|index| (-last.battery_w[index] - offered_w(index)).max(0.0))
            .sum()
    }

    /// Looks at one decision, made on one observation.
    pub fn look(&mut self, seen: &Observation, sent: &Decision) {
        let now = seen.now;
        for (index, unit) in self.config.batteries.iter().enumerate() {
            let power_w = sent.battery_w[index];
            if !power_w.is_finite() || power_w > unit.charge_w + 1.0 || power_w < -unit.discharge_w - 1.0 {
                self.found.note("I13", now, format!("battery {index} is told {power_w} W"));
            }
            let soc = seen.battery_soc.value[index];
            let fresh = seen.battery_soc.quality[index] == Quality::Good;
            if fresh && (soc <= unit.soc_min && power_w < 0.0 || soc >= unit.soc_max && power_w > 0.0) {
                self.found.note("I3", now, format!("battery {index} at {soc} is told {power_w} W"));
            }
        }
        for (index, hall) in self.config.halls.iter().enumerate() {
            let (cap_w, floor_w) = (sent.cap_w[index], sent.floor_w[index]);
            if !(hall.min_cap_w..=hall.max_cap_w).contains(&cap_w) {
                self.found.note("I13", now, format!("hall {index} is told a cap of {cap_w} W"));
            }
            if !(0.0..=cap_w).contains(&floor_w) {
                self.found.note("I12", now, format!("hall {index} has floor {floor_w} W over cap {cap_w} W"));
            }
        }
        let leases = &self.config.leases;
        if sent.cap_until <= now || sent.battery_until <= sent.cap_until + leases.gpu_jitter + leases.gpu_ramp {
            self.found.note("I4", now, "leases are over, or fall in the wrong order".to_owned());
        }
        let ledger = &sent.ledger;
        let rows_j = ledger.bridge_j + ledger.trip_j + ledger.ramp_j + ledger.free_j;
        if (rows_j - ledger.stored_j).abs() > 1e-6 * ledger.stored_j.max(1.0) {
            self.found.note("ledger", now, format!("{rows_j} J in rows, {} J stored", ledger.stored_j));
        }
        self.against_last(seen, sent);
        let restoring = sent.reason.conditions & Condition::Restoring as u32 != 0;
        self.restoring_turns += u64::from(restoring && !self.was_restoring);
        self.was_restoring = restoring;
    }

    fn against_last(&mut self, seen: &Observation, sent: &Decision) {
        let (now, lost) = (seen.now, self.lost(seen));
        if let Some((last, lost_before)) = self.last.take() {
            if sent.seq <= last.seq || sent.epoch < last.epoch {
                self.found.note("I4", now, format!("decision {} follows {}", sent.seq, last.seq));
            }
            for poi in (0..lost.len()).filter(|poi| lost[*poi] && lost_before[*poi]) {
                let halls = self.config.halls.iter().enumerate().filter(|(_, hall)| usize::from(hall.poi) == poi);
                for (index, _) in halls.filter(|(index, _)| sent.cap_w[*index] > last.cap_w[*index] + 0.5) {
                    let (from, to) = (last.cap_w[index], sent.cap_w[index]);
                    self.found.note(
                        "I7",
                        now,
                        format!("meter {poi} is lost and hall {index} goes from {from} to {to} W"),
                    );
                }
                let (from, to) = (self.battery_w(&last, poi), self.battery_w(sent, poi));
                // Set-points are whole kilowatts, rounded towards what a unit can do.
                let rounding_w = 1e3 * (1 + self.config.batteries.len()) as f64;
                if to > from + self.gone_w(seen, &last, poi) + rounding_w {
                    self.found.note(
                        "I7",
                        now,
                        format!("meter {poi} is lost and its batteries go from {from} to {to} W"),
                    );
                }
            }
        }
        self.last = Some((*sent, lost));
    }
}

impl Journal for Watch<'_> {
    fn append(&mut self, row: &Row<'_>) {
        self.look(row.observation, row.guarded);
        let said = row.guarded.reason.conditions;
        let nothing_left = Condition::LimitUnreachable as u32 | Condition::VoltageFrozen as u32;
        if said & nothing_left != 0 {
            self.excused_until = row.observation.now + tieline_units::Span::secs(10);
        }
    }
}

/// Judges the true import of every tick against limits and events as they were meant.
pub struct Judge<'a> {
    scenario: &'a Scenario,
    over_since: Vec<Option<Time>>,
}

impl<'a> Judge<'a> {
    pub fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, over_since: vec![None; scenario.plant.pois.len() + 1] }
    }

    /// The limit over a scope at an instant, W; a silent source's last word stays.
    fn limit_w(&self, now: Time, poi: Option<usize>) -> f64 {
        let mut lowest_w = f64::INFINITY;
        for (index, limit) in self.scenario.control.limits.iter().enumerate() {
            if limit.poi.map(usize::from) == poi {
                let steps = &self.scenario.surroundings.limits[index];
                let said = steps.iter().rfind(|step| step.at <= now && !step.limit_w.is_nan());
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

    /// One tick of the truth; `excused` says whether the controller could know or do better.
    pub fn tick(&mut self, now: Time, import_w: &[f64], tick_s: f64, excused: bool, found: &mut Findings) {
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
            if excused {
                found.excused_j += over_w * tick_s;
            } else if (now - since).as_secs_f64() > LATENCY_S {
                found.violation_j += over_w * tick_s;
                found.note("I1", now, format!("scope {scope} is {:.2} MW over its limit", over_w / 1e6));
            }
        }
    }
}
