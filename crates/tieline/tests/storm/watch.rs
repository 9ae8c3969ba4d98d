//! Invariants on decisions, looked at from outside on every tick. What is true of the plant is judged in `judge.rs`.
//!
//! Not watched here: I1, I2, I16, I18 (they are about the truth).

use std::collections::BTreeMap;
use tieline_control::{
    BATTERIES, Binding, Condition, Config, Decision, JobOrder, Journal, LimitKind, Observation, Plan, Row, State,
    decide, guard,
};
use tieline_units::{Quality, Readings, Span, Time};

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
    pub fn note(&mut self, id: &'static str, at: Time, text: String) {
        self.broken.entry(id).or_insert_with(|| format!("at {:.1} s: {text}", at.as_secs_f64()));
    }
}

/// Every so many ticks the decision is computed again from what the journal has (I15); a prime, so that no period hides.
const RECOMPUTE_EVERY: u64 = 97;
/// A cap that falls by this share of its greatest in one tick is a cut.
const CUT_SHARE: f64 = 0.05;
/// More turns of the restore in half an hour than this are chatter; faults and events alone make some.
const MOST_RESTORES: u64 = 25;
/// A battery whose set-point is this share of what it offers is saturated.
const SATURATED: f64 = 0.98;

/// One decision, and what it was made on.
struct Before {
    seen: Observation,
    sent: Decision,
    lost: Vec<bool>,
    state: State,
}

/// Watches decisions as they are journaled.
pub struct Watch<'a> {
    config: &'a Config,
    last: Option<Box<Before>>,
    plan: Plan,
    pub found: Findings,
    /// Until when the controller's own words, or what it cannot see, excuse a violation.
    pub excused_until: Time,
    /// Until when the controller has said that its ramp duty gives way.
    pub ramp_gave_way_until: Time,
    /// What it said in the last decision.
    pub said: u32,
    restores: u64,
    last_cut: Time,
    saturated_since: Vec<Time>,
    job_order: Vec<JobOrder>,
}

impl<'a> Watch<'a> {
    pub fn new(config: &'a Config) -> Self {
        Self {
            config,
            last: None,
            plan: Plan::none(),
            found: Findings::default(),
            excused_until: Time::NEVER,
            ramp_gave_way_until: Time::NEVER,
            said: 0,
            restores: 0,
            last_cut: Time::NEVER,
            saturated_since: vec![Time::FOREVER; config.pois.len()],
            job_order: vec![JobOrder::Run; config.jobs.len()],
        }
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

    /// What a unit's telemetry says that it can give for the length of a lease, W.
    fn offered_w(&self, seen: &Observation, index: usize) -> f64 {
        let shown = |readings: &Readings<BATTERIES>| {
            let good = readings.quality[index] == Quality::Good && readings.value[index].is_finite();
            good.then_some(readings.value[index])
        };
        let unit = &self.config.batteries[index];
        let offered_w = shown(&seen.battery_available_w).unwrap_or(f64::INFINITY);
        // Power that is not offered may be strings that are gone, with their energy.
        let there = (offered_w / unit.discharge_w).clamp(0.0, 1.0);
        let left_j =
            shown(&seen.battery_soc).map(|soc| (soc - unit.soc_min).max(0.0) * unit.energy_j * unit.efficiency * there);
        offered_w.min(left_j.map_or(f64::INFINITY, |left_j| left_j / self.config.leases.battery.as_secs_f64()))
    }

    /// Discharge that units of a point were told and, as their telemetry says, no longer offer or cannot hold for a lease, W.
    fn gone_w(&self, seen: &Observation, last: &Decision, poi: usize) -> f64 {
        let here = |index: &usize| usize::from(self.config.batteries[*index].poi) == poi;
        (0..self.config.batteries.len())
            .filter(here)
            .map(|index| (-last.battery_w[index] - self.offered_w(seen, index)).max(0.0))
            .sum()
    }

    /// Looks at one decision, made on one observation.
    fn look(&mut self, seen: &Observation, sent: &Decision) {
        let now = seen.now;
        self.devices(seen, sent);
        let leases = &self.config.leases;
        if sent.cap_until <= now || sent.battery_until <= sent.cap_until + leases.gpu_jitter + leases.gpu_ramp {
            self.found.note("I4", now, "leases are over, or fall in the wrong order".to_owned());
        }
        let ledger = &sent.ledger;
        let rows_j = ledger.bridge_j + ledger.trip_j + ledger.ramp_j + ledger.free_j;
        if (rows_j - ledger.stored_j).abs() > 1e-6 * ledger.stored_j.max(1.0) {
            self.found.note("ledger", now, format!("{rows_j} J in rows, {} J stored", ledger.stored_j));
        }
        self.pauses(seen, sent);
        if let Some(last) = self.last.take() {
            self.order(seen, sent, &last);
            self.losses(seen, sent, &last);
            self.cuts(seen, sent, &last);
            self.releases(seen, sent, &last);
            self.last = Some(last);
        }
        self.saturation(seen, sent);
    }

    /// What single devices are told (I3, I12, I13).
    fn devices(&mut self, seen: &Observation, sent: &Decision) {
        let now = seen.now;
        for (index, unit) in self.config.batteries.iter().enumerate() {
            let power_w = sent.battery_w[index];
            if !power_w.is_finite() || power_w > unit.charge_w + 1.0 || power_w < -unit.discharge_w - 1.0 {
                self.found.note("I13", now, format!("battery {index} is told {power_w} W"));
            }
            let soc = seen.battery_soc.value[index];
            let known = seen.battery_soc.quality[index] == Quality::Good && (0.0..=1.0).contains(&soc);
            if known && (soc <= unit.soc_min && power_w < 0.0 || soc >= unit.soc_max && power_w > 0.0) {
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
    }

    /// Numbers go up, ticks are not left out, a standby takes over without a step (I4, I9, I14), and what is recorded is what
    /// is computed (I15).
    fn order(&mut self, seen: &Observation, sent: &Decision, last: &Before) {
        let now = seen.now;
        let same_life = sent.epoch == last.sent.epoch;
        if sent.seq <= last.sent.seq || sent.epoch < last.sent.epoch {
            self.found.note("I4", now, format!("decision {} follows {}", sent.seq, last.sent.seq));
        }
        if same_life && (sent.now != now || now - last.sent.now != self.config.tick) {
            self.found.note("I14", now, format!("{} s after the decision before", (now - last.sent.now).as_secs_f64()));
        }
        if same_life {
            return;
        }
        for (index, hall) in self.config.halls.iter().enumerate().filter(|(_, hall)| hall.gpus > 0.0) {
            if sent.cap_w[index] > last.sent.cap_w[index] + 0.5 {
                let (from, to) = (last.sent.cap_w[index], sent.cap_w[index]);
                self.found.note("I9", now, format!("taking over, the cap of {} goes from {from} to {to} W", hall.name));
            }
        }
        for (index, poi) in self.config.pois.iter().enumerate() {
            let (from_w, to_w) = (self.battery_w(&last.sent, index), self.battery_w(sent, index));
            // What its batteries do meanwhile by themselves, and what the load did while nobody looked, is no step.
            let least_w = 3e6 + poi.ramp_up_w_per_s * 3.0 + 0.2 * from_w.abs() + self.gone_w(seen, &last.sent, index);
            if to_w - from_w > least_w {
                self.found.note("I9", now, format!("taking over, batteries go from {from_w} to {to_w} W"));
            }
        }
    }

    fn losses(&mut self, seen: &Observation, sent: &Decision, last: &Before) {
        let (now, lost) = (seen.now, self.lost(seen));
        for poi in (0..lost.len()).filter(|poi| lost[*poi] && last.lost[*poi]) {
            let halls = self.config.halls.iter().enumerate().filter(|(_, hall)| usize::from(hall.poi) == poi);
            for (index, _) in halls.filter(|(index, _)| sent.cap_w[*index] > last.sent.cap_w[*index] + 0.5) {
                let (from, to) = (last.sent.cap_w[index], sent.cap_w[index]);
                self.found.note("I7", now, format!("meter {poi} is lost and hall {index} goes from {from} to {to} W"));
            }
            let (from, to) = (self.battery_w(&last.sent, poi), self.battery_w(sent, poi));
            // Set-points are whole kilowatts, rounded towards what a unit can do.
            let rounding_w = 1e3 * (1 + self.config.batteries.len()) as f64;
            if to > from + self.gone_w(seen, &last.sent, poi) + rounding_w {
                self.found.note("I7", now, format!("meter {poi} is lost and its batteries go from {from} to {to} W"));
            }
        }
    }

    /// Who is cut, when, and how load comes back (I5, I8, I11).
    fn cuts(&mut self, seen: &Observation, sent: &Decision, last: &Before) {
        let (config, now) = (self.config, seen.now);
        let fell = |index: usize| last.sent.cap_w[index] - sent.cap_w[index];
        let cut = |index: usize| fell(index) > CUT_SHARE * config.halls[index].max_cap_w;
        let frozen = sent.reason.conditions & Condition::VoltageFrozen as u32 != 0;
        let emergency = self.emergency(sent);
        if frozen && !emergency && (0..config.halls.len()).any(|index| fell(index) > 0.5) {
            self.found.note("I11", now, "caps fall during a voltage dip".to_owned());
        }
        // A real shed: the cap goes below what the hall draws.
        let sheds = |index: usize| {
            let hall = &config.halls[index];
            let ceiling_w = hall.gpus * sent.cap_w[index] * hall.feeder_per_gpu_w + hall.fixed_w;
            let drawn = seen.hall_w.quality[index] == Quality::Good && ceiling_w < 0.95 * seen.hall_w.value[index];
            cut(index) && drawn
        };
        for dear in (0..config.halls.len()).filter(|index| sheds(*index)) {
            let spared = |cheap: &usize| {
                let (cheap_hall, dear_hall) = (&config.halls[*cheap], &config.halls[dear]);
                let lowest_w = cheap_hall.min_cap_w.max(cheap_hall.operator_floor_w);
                let least_w = lowest_w + CUT_SHARE * cheap_hall.max_cap_w;
                let ceiling_w = cheap_hall.gpus * sent.cap_w[*cheap] * cheap_hall.feeder_per_gpu_w + cheap_hall.fixed_w;
                let draws =
                    seen.hall_w.quality[*cheap] == Quality::Good && ceiling_w <= 1.3 * seen.hall_w.value[*cheap];
                cheap_hall.poi == dear_hall.poi
                    && cheap_hall.tier > dear_hall.tier
                    && sent.cap_w[*cheap] > least_w
                    && draws
            };
            if let Some(cheap) = (0..config.halls.len()).find(spared) {
                let text = format!("{} is cut before {}", config.halls[dear].name, config.halls[cheap].name);
                self.found.note("I5", now, text);
            }
        }
        let restoring = sent.reason.conditions & Condition::Restoring as u32 != 0;
        let began = restoring && last.sent.reason.conditions & Condition::Restoring as u32 == 0;
        self.restores += u64::from(began);
        if began && now - self.last_cut < config.restore.hold_off {
            self.found.note("I8", now, format!("load returns {} s after a cut", (now - self.last_cut).as_secs_f64()));
        }
        if self.restores > MOST_RESTORES {
            self.found.note("I8", now, format!("load returned {} times", self.restores));
        }
        if !restoring && (0..config.halls.len()).any(sheds) {
            self.last_cut = now;
        }
    }

    fn emergency(&self, sent: &Decision) -> bool {
        let emergency = |by: &Binding| match by {
            Binding::Limit(index) => self.config.limits[usize::from(*index)].kind == LimitKind::Emergency,
            _ => false,
        };
        sent.reason.binding.iter().any(emergency)
    }

    /// An event that vanishes and a source that falls silent release nothing (I6).
    fn releases(&mut self, seen: &Observation, sent: &Decision, last: &Before) {
        let now = seen.now;
        let there = |event: u64| seen.events.iter().any(|known| known.id == event);
        for event in last.seen.events.iter().filter(|event| event.id != 0 && !event.cancelled && !there(event.id)) {
            let binds = event.start <= now && now < event.end && last.sent.now < event.end;
            let tied = (0..self.config.pois.len()).filter(|poi| !self.config.pois[*poi].island);
            let allowed_w: f64 = match event.poi {
                255 => tied.map(|poi| sent.allowed_w[poi]).sum(),
                poi => sent.allowed_w[usize::from(poi)],
            };
            if binds && allowed_w > event.limit_w + 1e5 {
                let text = format!("event {} vanished and {allowed_w} W are allowed", event.id);
                self.found.note("I6", now, text);
            }
        }
    }

    /// A battery at its limit for seconds does not wind the target up (I10).
    fn saturation(&mut self, seen: &Observation, sent: &Decision) {
        let lost = self.lost(seen);
        for poi in 0..self.config.pois.len() {
            let here = |index: &usize| usize::from(self.config.batteries[*index].poi) == poi;
            let offered_w: f64 = (0..self.config.batteries.len())
                .filter(here)
                .map(|index| self.offered_w(seen, index).min(self.config.batteries[index].discharge_w))
                .sum();
            let given_w = self.battery_w(sent, poi);
            let saturated = offered_w > 0.0 && given_w < -SATURATED * offered_w && !lost[poi];
            let since = &mut self.saturated_since[poi];
            *since = if saturated { (*since).min(seen.now) } else { Time::FOREVER };
            let import_w = seen.poi_import_w.value[poi];
            let slack_w = 5e6 + 0.3 * import_w.abs() + offered_w;
            let bad = Condition::MeterSuspect as u32 | Condition::MeterLost as u32 | Condition::BadReading as u32;
            let doubted = sent.reason.conditions & bad != 0;
            if seen.now - *since > Span::secs(10) && !doubted && (sent.target_w[poi] - import_w).abs() > slack_w {
                let text = format!(
                    "the battery of {poi} is at its limit, {import_w} W come in and {} W are aimed at",
                    sent.target_w[poi]
                );
                self.found.note("I10", seen.now, text);
            }
        }
    }

    /// No job is paused without evidence, but on an emergency order (I17).
    fn pauses(&mut self, seen: &Observation, sent: &Decision) {
        let ordered = |index: usize| {
            self.config.limits[index].kind == LimitKind::Emergency && seen.limit_w.value[index].is_finite()
        };
        let emergency = (0..self.config.limits.len()).any(ordered);
        for (job, config) in self.config.jobs.iter().enumerate() {
            let newly = sent.job[job] == JobOrder::Pause && self.job_order[job] != JobOrder::Pause;
            self.job_order[job] = sent.job[job];
            let unsaved_s = seen.now.as_secs_f64() - seen.job_saved_s.value[job];
            if newly && !emergency && unsaved_s > config.evidence_s {
                let text = format!("{} is paused with {unsaved_s:.0} s of work unsaved", config.name);
                self.found.note("I17", seen.now, text);
            }
        }
    }

    /// What the journal has gives the same decision again (I15).
    fn recompute(&mut self, row: &Row<'_>) {
        let Some(last) = self.last.as_ref().filter(|_| row.guarded.seq.is_multiple_of(RECOMPUTE_EVERY)) else { return };
        if row.guarded.epoch != last.sent.epoch {
            return;
        }
        let (state, proposed) = decide(self.config, &self.plan, &last.state, row.observation);
        let (_, guarded) = guard(self.config, &state, row.observation, &proposed);
        if proposed != *row.proposed || guarded != *row.guarded {
            self.found.note("I15", row.observation.now, "computed again, the decision differs".to_owned());
        }
    }
}

impl Journal for Watch<'_> {
    fn append(&mut self, row: &Row<'_>) {
        let (seen, sent) = (row.observation, row.guarded);
        // A standby plans anew: until its first plan it has none, whatever its predecessor had.
        if self.last.as_ref().is_some_and(|last| last.sent.epoch != sent.epoch) {
            self.plan = Plan::none();
        }
        if let Some(plan) = row.plan {
            self.plan.clone_from(plan);
        }
        self.recompute(row);
        self.look(seen, sent);
        self.said = sent.reason.conditions;
        let nothing_left = Condition::LimitUnreachable as u32 | Condition::VoltageFrozen as u32;
        if self.said & nothing_left != 0 {
            self.excused_until = seen.now + Span::secs(10);
        }
        let bound = |by: &Binding| matches!(by, Binding::Limit(_) | Binding::Event(_));
        if sent.reason.gave_way_w[tieline_control::Duty::Ramp as usize] > 0.0 || sent.reason.binding.iter().any(bound) {
            self.ramp_gave_way_until = seen.now + Span::secs(70);
        }
        let lost = self.lost(seen);
        self.last = Some(Box::new(Before { seen: *seen, sent: *sent, lost, state: *row.next }));
    }
}
