//! The guard enumerated: every combination of limit, import, charge, telemetry and proposal of a coarse grid, none left out.
//!
//! The grid is small because the guard has few thresholds: what matters is on which side of each of them a value lies.
//! States are reached by a real run (at rest, and in a curtailment); proposals are anything that a broken `decide` could
//! send, not what a sound one would.

mod rig;

use rig::{Rig, config};
use tieline_control::*;
use tieline_units::{Quality, Span, Time};

const MW: f64 = 1e6;
const LIMITS_MW: [f64; 4] = [60.0, 150.0, 190.0, f64::INFINITY];
const IMPORTS_MW: [f64; 7] = [-20.0, 55.0, 100.0, 149.0, 151.0, 195.0, 290.0];
const CHARGES: [f64; 5] = [0.05, 0.055, 0.5, 0.95, f64::NAN];
const BATTERIES_MW: [f64; 7] = [-25.0, -10.0, 0.0, 25.0, 400.0, f64::NAN, f64::NEG_INFINITY];
const CAPS_W: [f64; 6] = [0.0, 200.0, 650.0, 1000.0, 5000.0, f64::NAN];

/// How the meter is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Good,
    Stale,
    Nan,
    Future,
    Missing,
}
const METERS: [Shown; 5] = [Shown::Good, Shown::Stale, Shown::Nan, Shown::Future, Shown::Missing];

struct Case {
    limit_w: f64,
    import_w: f64,
    charge: f64,
    battery_w: f64,
    cap_w: f64,
    meter: Shown,
}

/// A state that a real run reached, with the last decision.
fn reached(curtailed: bool) -> (Rig, Decision) {
    let mut rig = Rig::new(config());
    rig.run(60.0, |_| {});
    if curtailed {
        let start = rig.now + Span::secs(60);
        let end = start + Span::secs(3600);
        rig.events = vec![Event {
            id: 3,
            received_at: rig.now,
            start,
            end,
            limit_w: 60.0 * MW,
            poi: 0,
            cancelled: false,
            unconfirmed: false,
        }];
        rig.run(200.0, |_| {});
        rig.events[0].cancelled = true;
        rig.tick();
        rig.events.clear();
    }
    let last = rig.last;
    (rig, last)
}

fn observation(rig: &mut Rig, case: &Case) -> Observation {
    let mut seen = rig.observe();
    let now = seen.now;
    let (value_w, taken_at, quality) = match case.meter {
        Shown::Good => (case.import_w, now - Span::millis(100), Quality::Good),
        Shown::Stale => (case.import_w, now - Span::secs(5), Quality::Good),
        Shown::Nan => (f64::NAN, now, Quality::Good),
        Shown::Future => (case.import_w, now + Span::secs(60), Quality::Good),
        Shown::Missing => (0.0, Time::NEVER, Quality::Missing),
    };
    seen.poi_import_w.value[0] = value_w;
    seen.poi_import_w.taken_at[0] = taken_at;
    seen.poi_import_w.quality[0] = quality;
    for unit in 0..4 {
        seen.battery_soc.set(unit, case.charge, now);
        seen.battery_available_w.set(unit, 25.0 * MW, now);
    }
    seen.limit_w.set(0, case.limit_w, now);
    seen.limit_w.set(1, f64::INFINITY, now);
    seen
}

/// Checks every property of one case; returns whether the guard had to act.
fn check(rig: &mut Rig, last: &Decision, case: &Case) -> bool {
    let seen = observation(rig, case);
    // `decide` takes the limits in and keeps the books; its proposal is then replaced by anything at all.
    let mut state = rig.state;
    let honest = decide(&rig.config, &Plan::none(), &mut state, &seen);
    let mut proposed = honest;
    for unit in 0..4 {
        proposed.battery_w[unit] = case.battery_w * if case.battery_w.is_finite() { MW } else { 1.0 };
    }
    proposed.cap_w[..2].fill(case.cap_w);
    proposed.floor_w[..2].fill(900.0);
    let sent = guard(&rig.config, &mut state, &seen, &proposed);
    let name = || {
        let Case { limit_w, import_w, charge, battery_w, cap_w, meter } = case;
        format!("limit {limit_w} import {import_w} charge {charge} battery {battery_w} cap {cap_w} meter {meter:?}")
    };

    for unit in 0..4 {
        let power_w = sent.battery_w[unit];
        assert!(power_w.is_finite() && power_w.abs() <= 25.0 * MW, "I13, {}: {power_w}", name());
        let asked_w =
            if proposed.battery_w[unit].is_finite() { proposed.battery_w[unit].clamp(-25e6, 25e6) } else { 0.0 };
        let protected = case.charge <= 0.05;
        assert!(power_w <= asked_w || protected, "only tightens, {}: {power_w}", name());
        assert!(!(case.charge <= 0.05 && power_w < 0.0), "I3, empty, {}", name());
        assert!(!(case.charge >= 0.95 && power_w > 0.0), "I3, full, {}", name());
    }
    for hall in 0..2 {
        let (cap_w, floor_w) = (sent.cap_w[hall], sent.floor_w[hall]);
        assert!((200.0..=1000.0).contains(&cap_w), "I13, {}: cap {cap_w}", name());
        assert!((0.0..=cap_w).contains(&floor_w), "I12, {}: floor {floor_w} over cap {cap_w}", name());
        let asked_w = if case.cap_w.is_finite() { case.cap_w.clamp(200.0, 1000.0) } else { 400.0 };
        assert!(cap_w <= asked_w, "only tightens, {}: cap {cap_w}", name());
        if case.meter != Shown::Good {
            assert!(cap_w <= last.cap_w[hall].max(200.0), "I7, no cap rises on blindness, {}: {cap_w}", name());
        }
    }
    let safe = sent.cap_until + rig.config.leases.gpu_jitter + rig.config.leases.gpu_ramp;
    assert!(safe < sent.battery_until || safe <= proposed.battery_until, "lease order, {}", name());
    if case.meter == Shown::Good {
        // I1: what the meter will show once the set-points act, by sums of our own.
        let told_w: f64 = sent.battery_w[..4].iter().sum();
        let before_w: f64 = last.battery_w[..4].iter().sum();
        let expected_w = case.import_w + told_w - before_w;
        let able = case.charge > 0.06;
        let exhausted = (0..4).all(|unit| !able || sent.battery_w[unit] <= -25.0 * MW);
        let none_rises = (0..2).all(|hall| sent.cap_w[hall] <= last.cap_w[hall].max(200.0));
        // The settled command is a few ticks old and may differ by what the ramp moved since.
        let slack_w = 3.0 * MW;
        assert!(
            expected_w <= case.limit_w + slack_w || (exhausted && none_rises),
            "I1, {}: {} MW expected, batteries {:?}",
            name(),
            expected_w / MW,
            &sent.battery_w[..4]
        );
    }
    sent.battery_w != proposed.battery_w || sent.cap_w != proposed.cap_w
}

#[test]
fn no_case_of_the_grid_escapes_the_guard() {
    let (mut cases, mut acted) = (0, 0);
    for curtailed in [false, true] {
        let (mut rig, last) = reached(curtailed);
        for limit_mw in LIMITS_MW {
            for import_mw in IMPORTS_MW {
                for charge in CHARGES {
                    for battery_w in BATTERIES_MW {
                        for cap_w in CAPS_W {
                            for meter in METERS {
                                let (limit_w, import_w) = (limit_mw * MW, import_mw * MW);
                                let case = Case { limit_w, import_w, charge, battery_w, cap_w, meter };
                                acted += u32::from(check(&mut rig, &last, &case));
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{cases} cases, the guard acted in {acted}");
    assert!(cases == 2 * 4 * 7 * 5 * 7 * 6 * 5 && acted > cases / 4, "{acted} of {cases}");
}
