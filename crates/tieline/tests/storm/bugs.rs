//! Controllers that are broken on purpose: for every invariant at least one, which the campaign must catch.
//!
//! Each is the real controller with one thing wrong: what it sees, what it sends, what it is told to be, or its loop.

use tieline_control::{
    BATTERIES, Clock, Condition, Config, Decision, Event, JobOrder, Journal, Observation, Outlook, Plan, Row, Site,
    State, decide, guard, plan,
};
use tieline_sim::scenario::Scenario;
use tieline_units::{Span, Time};

/// A controller that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bug {
    IgnoresLimits,
    IgnoresEvents,
    NeverCuts,
    IgnoresTheRamp,
    DischargesEmpty,
    SameNumberAgain,
    LeasesTogether,
    ShedsDearFirst,
    ForgetsVanishedEvents,
    ZeroOnLostMeter,
    RaisesCapsOnLostMeter,
    ChargesOnLostMeter,
    RestoresAtOnce,
    StartsAfreshOnTakeover,
    WindsUp,
    ShedsInADip,
    FloorOverCap,
    NanToABattery,
    TwiceTheRating,
    CapOverRating,
    SleepsOverATick,
    RollsDice,
    StartsTooLate,
    PausesAtOnce,
    KeepsItsDoubts,
    CountsEnergyTwice,
}

/// Each planted bug, and the invariant that must catch it.
pub const BUGS: [(Bug, &str); 26] = [
    (Bug::IgnoresLimits, "I1"),
    (Bug::IgnoresEvents, "I1"),
    (Bug::NeverCuts, "I1"),
    (Bug::IgnoresTheRamp, "I2"),
    (Bug::DischargesEmpty, "I3"),
    (Bug::SameNumberAgain, "I4"),
    (Bug::LeasesTogether, "I4"),
    (Bug::ShedsDearFirst, "I5"),
    (Bug::ForgetsVanishedEvents, "I6"),
    (Bug::ZeroOnLostMeter, "I7"),
    (Bug::RaisesCapsOnLostMeter, "I7"),
    (Bug::ChargesOnLostMeter, "I7"),
    (Bug::RestoresAtOnce, "I8"),
    (Bug::StartsAfreshOnTakeover, "I9"),
    (Bug::WindsUp, "I10"),
    (Bug::ShedsInADip, "I11"),
    (Bug::FloorOverCap, "I12"),
    (Bug::NanToABattery, "I13"),
    (Bug::TwiceTheRating, "I13"),
    (Bug::CapOverRating, "I13"),
    (Bug::SleepsOverATick, "I14"),
    (Bug::RollsDice, "I15"),
    (Bug::StartsTooLate, "I16"),
    (Bug::PausesAtOnce, "I17"),
    (Bug::KeepsItsDoubts, "I18"),
    (Bug::CountsEnergyTwice, "ledger"),
];

fn lost(config: &Config, seen: &Observation) -> bool {
    let meter = &seen.poi_import_w;
    (0..config.pois.len())
        .any(|poi| !meter.value[poi].is_finite() || seen.now - meter.taken_at[poi] >= config.stale.meter_lost)
}

/// What the broken controller remembers beside its state.
#[derive(Default)]
struct Memory {
    events: Vec<Event>,
    wound_w: f64,
    dice: u64,
}

/// What the broken controller sees.
fn blind(bug: Bug, config: &Config, seen: &Observation, memory: &mut Memory) -> Observation {
    let mut shown = *seen;
    match bug {
        Bug::ZeroOnLostMeter => {
            for poi in 0..config.pois.len() {
                let meter = &mut shown.poi_import_w;
                if !meter.value[poi].is_finite() || seen.now - meter.taken_at[poi] >= config.stale.meter_lost {
                    meter.set(poi, 0.0, seen.now);
                }
            }
        }
        Bug::IgnoresLimits => {
            (0..config.limits.len()).for_each(|limit| shown.limit_w.set(limit, f64::INFINITY, seen.now))
        }
        Bug::IgnoresEvents => shown.events = Default::default(),
        Bug::StartsTooLate => {
            for event in shown.events.iter_mut().filter(|event| event.start - seen.now > Span::secs(5)) {
                *event = Event::default();
            }
        }
        Bug::ForgetsVanishedEvents => {
            for event in seen.events.iter().filter(|event| event.id != 0) {
                if !memory.events.iter().any(|known| known.id == event.id) {
                    memory.events.push(*event);
                }
            }
            for known in &memory.events {
                let free = shown.events.iter_mut().find(|event| event.id == 0);
                if let Some(free) = free.filter(|_| !seen.events.iter().any(|event| event.id == known.id)) {
                    *free = Event { cancelled: true, ..*known };
                }
            }
        }
        _ => {}
    }
    shown
}

/// What it sends instead of what it should.
fn spoil(bug: Bug, config: &Config, seen: &Observation, sent: &mut Decision, memory: &mut Memory) {
    let (halls, units) = (config.halls.len(), config.batteries.len());
    match bug {
        Bug::FloorOverCap => sent.floor_w[0] = sent.cap_w[0] + 50.0,
        Bug::NanToABattery if units > 0 && sent.seq.is_multiple_of(1_000) => sent.battery_w[0] = f64::NAN,
        Bug::RaisesCapsOnLostMeter if lost(config, seen) => {
            for hall in 0..halls {
                sent.cap_w[hall] = config.halls[hall].max_cap_w - if sent.seq.is_multiple_of(2) { 5.0 } else { 0.0 };
            }
        }
        Bug::ChargesOnLostMeter if lost(config, seen) => {
            for unit in 0..units {
                sent.battery_w[unit] =
                    config.batteries[unit].charge_w * if sent.seq.is_multiple_of(2) { 1.0 } else { 0.5 };
            }
        }
        Bug::SameNumberAgain => sent.seq = 1,
        Bug::LeasesTogether => sent.battery_until = sent.cap_until,
        Bug::DischargesEmpty => {
            for unit in 0..units {
                sent.battery_w[unit] = -config.batteries[unit].discharge_w;
            }
        }
        Bug::CountsEnergyTwice => sent.ledger.free_j += 1e9,
        Bug::TwiceTheRating if units > 0 => sent.battery_w[0] = -2.0 * config.batteries[0].discharge_w,
        Bug::CapOverRating => sent.cap_w[0] = 2.0 * config.halls[0].max_cap_w,
        Bug::NeverCuts => {
            (0..halls).for_each(|hall| sent.cap_w[hall] = config.halls[hall].max_cap_w);
            sent.battery_w = [0.0; BATTERIES];
        }
        Bug::ShedsDearFirst => sheds_dear_first(config, sent),
        Bug::WindsUp => {
            memory.wound_w += 1e5;
            sent.target_w.iter_mut().for_each(|target_w| *target_w += memory.wound_w);
        }
        Bug::ShedsInADip if sent.reason.conditions & Condition::VoltageFrozen as u32 != 0 => {
            for hall in 0..halls {
                sent.cap_w[hall] = config.halls[hall].min_cap_w;
            }
        }
        Bug::PausesAtOnce => {
            for order in sent.job.iter_mut().filter(|order| **order == JobOrder::Checkpoint) {
                *order = JobOrder::Pause;
            }
        }
        Bug::KeepsItsDoubts => sent.reason.conditions &= !(Condition::MeterSuspect as u32),
        _ => {}
    }
}

/// Halls of the dearer tier take the cut of the cheaper one at their point.
fn sheds_dear_first(config: &Config, sent: &mut Decision) {
    for dear in 0..config.halls.len() {
        for cheap in 0..config.halls.len() {
            let (a, b) = (&config.halls[dear], &config.halls[cheap]);
            if a.poi == b.poi && a.tier < b.tier && sent.cap_w[cheap] < 0.6 * b.max_cap_w {
                sent.cap_w[dear] = a.min_cap_w;
                sent.cap_w[cheap] = b.max_cap_w;
            }
        }
    }
}

/// The loop with a bug in it; the sound one is `tieline_control::run`, with its deaths `tieline_sim::takeover::attend`.
pub fn run_broken(
    bug: Bug,
    scenario: &Scenario,
    site: &mut impl Site,
    clock: &mut impl Clock,
    journal: &mut impl Journal,
) {
    let config = &scenario.control;
    let mut own = config.clone();
    match bug {
        Bug::IgnoresLimits => own.limits.iter_mut().for_each(|limit| limit.initial_w = f64::INFINITY),
        Bug::IgnoresTheRamp => own.pois.iter_mut().for_each(|poi| {
            poi.ramp_up_w_per_s *= 1e3;
            poi.ramp_down_w_per_s *= 1e3;
        }),
        Bug::RestoresAtOnce => {
            own.restore.hold_off = Span::ZERO;
            own.restore.rate_share = 1.0;
            own.restore.hysteresis = 0.0;
        }
        _ => {}
    }
    let (mut state, mut next) = (State::new(Time::ZERO, 1), Time::ZERO);
    let (mut outlook, mut table): (Option<Outlook>, Plan) = (None, Plan::none());
    let mut memory = Memory::default();
    let mut deaths = scenario.disturbances.deaths.iter().peekable();
    let mut last: Option<Decision> = None;
    while let Some(now) = clock.wait_until(next) {
        if let Some(death) = deaths.next_if(|death| now >= death.at) {
            let tick_ns = config.tick.as_nanos();
            let late_ns = (death.takeover - Time::ZERO).as_nanos();
            next = Time::ZERO + Span::nanos((late_ns + tick_ns - 1).div_euclid(tick_ns) * tick_ns);
            let epoch = last.map_or(2, |last| last.epoch + 1);
            state = match last {
                Some(last) if bug != Bug::StartsAfreshOnTakeover => State::standby(next, epoch, &last),
                _ => State::new(next, epoch),
            };
            table = Plan::none();
            continue;
        }
        let seen = site.observe(now);
        outlook = site.outlook(now).or(outlook);
        let due = now.as_nanos() % config.plan_every.as_nanos() == 0;
        if let Some(outlook) = outlook.as_ref().filter(|_| due) {
            table = plan(&own, outlook, &state);
        }
        let shown = blind(bug, config, &seen, &mut memory);
        let mut proposed = decide(&own, &table, &mut state, &shown);
        if bug == Bug::RollsDice {
            memory.dice = memory.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            proposed.battery_w[0] += if memory.dice >> 63 == 0 { 1e3 } else { -1e3 };
        }
        let mut sent = guard(&own, &mut state, &shown, &proposed);
        spoil(bug, config, &seen, &mut sent, &mut memory);
        journal.append(&Row {
            observation: &seen,
            outlook: None,
            plan: due.then_some(&table),
            proposed: &proposed,
            guarded: &sent,
            next: &state,
        });
        site.actuate(&sent);
        last = Some(sent);
        let skipped = bug == Bug::SleepsOverATick && sent.seq.is_multiple_of(500);
        next = now + config.tick + if skipped { config.tick } else { Span::ZERO };
    }
}
