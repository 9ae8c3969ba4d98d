//! Each duty and each invariant that applies so far, against a toy site. Ids as in the reference: I1 to I18, V-CTRL.

mod rig;

use rig::{Meter, Rig, config};
use tieline_control::*;
use tieline_units::{Span, Time};

const MW: f64 = 1e6;

fn event(now: Time, notice_s: i64, hold_s: i64, limit_w: f64) -> Event {
    let start = now + Span::secs(notice_s);
    Event {
        id: 7,
        received_at: now,
        start,
        end: start + Span::secs(hold_s),
        limit_w,
        poi: 0,
        cancelled: false,
        unconfirmed: false,
    }
}

#[test]
fn import_stays_under_its_limit_when_the_jobs_want_more() {
    let mut rig = Rig::new(config());
    rig.run(60.0, |_| {});
    let before = rig.import_w;
    assert!(before < 300.0 * MW, "{before}");
    // Both jobs want everything: 264 MW uncapped plus overhead exceeds the limit together with turbines at their ramp.
    rig.wish_w = [1000.0, 1000.0];
    rig.limit_w[0] = 180.0 * MW;
    rig.run(3.0, |_| {}); // declared actuation latency: meter, battery, caps
    let greatest = rig.greatest_import_w(1800.0);
    assert!(greatest <= 180.0 * MW, "I1: {greatest}");
    let soc: f64 = rig.soc.iter().sum::<f64>() / 4.0;
    assert!(soc > 0.3, "caps take over from the battery, charge left {soc}");
}

#[test]
fn a_step_is_met_by_the_battery_at_the_ramp_limit_with_the_energy_of_the_formula() {
    // V-CTRL-08..11 in closed loop: D = 60 MW at 50 MW/min needs D²/2r = 0.6 MWh.
    let mut rig = Rig::new(config());
    rig.run(120.0, |_| {});
    let before = rig.import_w;
    let stored = |rig: &Rig| rig.soc.iter().map(|soc| soc * 100.0).sum::<f64>();
    let energy_before = stored(&rig);
    let step_w = 60.0 * MW;
    rig.wish_w[0] -= step_w / (100_000.0 * 1.1 * 1.1);
    let mut previous = before;
    let mut worst: f64 = 0.0;
    let mut tick = 0;
    rig.run(90.0, |rig| {
        tick += 1;
        if tick > 10 {
            // After the loop's own latency: mean slope of each second.
            if tick % 10 == 0 {
                worst = worst.max((rig.import_w - previous).abs());
                previous = rig.import_w;
            }
        } else {
            previous = rig.import_w;
        }
    });
    assert!(worst < 1.2 * 50.0 * MW / 60.0, "I2: {} MW/s", worst / MW);
    let charged = (stored(&rig) - energy_before) / 0.95;
    let formula = 60.0 * 60.0 / (2.0 * 50.0 * 60.0);
    assert!((charged / formula - 1.0).abs() < 0.15, "{charged} MWh against {formula} MWh");
}

#[test]
fn an_event_is_met_at_four_fifths_of_its_notice() {
    for (notice_s, limit_mw) in [(300, 120.0), (900, 120.0), (1800, 100.0), (3600, 100.0), (7200, 100.0)] {
        let mut rig = Rig::new(config());
        rig.run(60.0, |_| {});
        rig.events = vec![event(rig.now, notice_s, 1200, limit_mw * MW)];
        rig.tick();
        assert!(!rig.has(Condition::EventInfeasible), "said at receipt, notice {notice_s} s");
        rig.run(0.8 * notice_s as f64 + 1.0, |_| {});
        assert!(!rig.has(Condition::EventInfeasible));
        let greatest = rig.greatest_import_w(0.2 * notice_s as f64 + 1199.0 - 1.0);
        assert!(greatest <= limit_mw * MW, "V-CTRL-27, I16, notice {notice_s} s: {} MW", greatest / MW);
    }
}

#[test]
fn an_impossible_event_is_called_infeasible_at_receipt() {
    let mut rig = Rig::new(config());
    rig.run(30.0, |_| {});
    rig.turbine_available_w = [0.0; 2];
    rig.run(2.0, |_| {});
    // Eight hours: neither caps, paused jobs nor the battery reach that far.
    rig.events = vec![event(rig.now, 300, 8 * 3600, 1.0 * MW)];
    rig.tick();
    assert!(rig.has(Condition::EventInfeasible), "I16");
}

#[test]
fn a_vanished_event_still_binds_and_a_cancelled_one_does_not() {
    let mut rig = Rig::new(config());
    rig.run(30.0, |_| {});
    rig.events = vec![event(rig.now, 60, 1200, 100.0 * MW)];
    rig.run(120.0, |_| {});
    rig.events.clear();
    let greatest = rig.greatest_import_w(300.0);
    assert!(greatest <= 100.0 * MW, "I6: vanished is not cancelled, {} MW", greatest / MW);
    let mut cancelled = event(Time::ZERO, 0, 0, 100.0 * MW);
    cancelled.cancelled = true;
    rig.events = vec![cancelled];
    rig.run(1800.0, |_| {});
    assert!(rig.import_w > 110.0 * MW, "released: {} MW", rig.import_w / MW);
}

#[test]
fn the_tighter_of_overlapping_events_binds() {
    let mut rig = Rig::new(config());
    rig.run(30.0, |_| {});
    let mut second = event(rig.now, 60, 1200, 90.0 * MW);
    second.id = 8;
    rig.events = vec![event(rig.now, 60, 1200, 130.0 * MW), second];
    rig.run(60.0, |_| {});
    assert!(rig.greatest_import_w(600.0) <= 90.0 * MW, "I6");
}

#[test]
fn a_silent_limit_source_keeps_its_last_word() {
    let mut rig = Rig::new(config());
    rig.limit_w[1] = 120.0 * MW;
    rig.run(120.0, |_| {});
    rig.limit_silent[1] = true;
    rig.limit_w[1] = f64::INFINITY;
    rig.run(60.0, |_| {});
    assert!(rig.has(Condition::LimitSilent));
    assert!(rig.greatest_import_w(600.0) <= 121.0 * MW, "I6, I7");
}

#[test]
fn a_lost_meter_is_noticed_in_time_and_never_raises_power() {
    for fault in [Meter::Silent, Meter::Nan] {
        let mut rig = Rig::new(config());
        rig.limit_w[0] = 150.0 * MW;
        rig.wish_w = [900.0; 2];
        rig.run(600.0, |_| {});
        let import_before = rig.import_w;
        rig.meter = fault;
        rig.run(0.4, |_| {});
        if fault == Meter::Silent {
            assert!(rig.has(Condition::MeterLate), "V-CTRL-28: warned after 300 ms");
        }
        rig.run(1.0, |_| {});
        assert!(rig.has(Condition::MeterLost), "V-CTRL-28: lost after 1 s");
        let caps_before = rig.last.cap_w;
        // The jobs ask for more while nobody sees the meter.
        rig.wish_w = [1000.0; 2];
        let greatest = rig.greatest_import_w(30.0);
        assert!(greatest <= import_before.max(150.0 * MW) + 0.5 * MW, "I7: {} MW", greatest / MW);
        assert!(rig.last.cap_w.iter().zip(caps_before).all(|(now, before)| *now <= before), "no cap rises");
        assert!(rig.last.battery_w.iter().all(|w| w.is_finite()), "I13");
        rig.meter = Meter::Good;
        let back = rig.greatest_import_w(30.0);
        assert!(back <= 150.0 * MW, "I9: {} MW", back / MW);
    }
}

#[test]
fn a_meter_that_lies_low_is_not_believed() {
    let mut rig = Rig::new(config());
    rig.limit_w[0] = 150.0 * MW;
    rig.wish_w = [900.0; 2];
    rig.run(300.0, |_| {});
    rig.meter = Meter::Scaled(0.001); // kilowatts read as watts
    rig.run(10.0, |_| {});
    assert!(rig.has(Condition::MeterSuspect), "I18");
    assert!(rig.greatest_import_w(120.0) <= 152.0 * MW, "I13: {} MW", rig.import_w / MW);
}

#[test]
fn nan_and_infinite_readings_never_reach_a_command() {
    let mut rig = Rig::new(config());
    rig.run(5.0, |_| {});
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
        let mut seen = rig.observe();
        for readings in [&mut seen.hall_w, &mut seen.cooling_w] {
            readings.value = [bad; HALLS];
        }
        seen.poi_import_w.value = [bad; POIS];
        seen.battery_w.value = [bad; BATTERIES];
        seen.battery_soc.value = [bad; BATTERIES];
        seen.battery_available_w.value = [bad; BATTERIES];
        seen.turbine_generation_w.value = [bad; TURBINES];
        seen.turbine_available_w.value = [bad; TURBINES];
        seen.limit_w.value = [bad; LIMITS];
        let (state, proposed) = decide(&rig.config, &Plan::none(), &rig.state, &seen);
        let (_, sent) = guard(&rig.config, &state, &seen, &proposed);
        let all = sent.battery_w.iter().chain(&sent.cap_w).chain(&sent.floor_w).chain(&sent.turbine_w);
        assert!(all.clone().all(|w| w.is_finite()), "I13 with {bad}");
        assert!(sent.cap_w.iter().zip(sent.floor_w).all(|(cap, floor)| floor <= *cap), "I12");
    }
}

#[test]
fn a_tighter_limit_never_gives_a_hall_more() {
    // I5: the same site under ever tighter limits.
    let mut previous: Option<[f64; HALLS]> = None;
    for limit_mw in [280.0, 240.0, 200.0, 160.0, 120.0, 80.0] {
        let mut rig = Rig::new(config());
        rig.wish_w = [1000.0; 2];
        rig.limit_w[0] = limit_mw * MW;
        rig.run(300.0, |_| {});
        if let Some(before) = previous {
            assert!(rig.last.cap_w.iter().zip(before).all(|(now, before)| *now <= before + 1.0), "I5 at {limit_mw} MW");
        }
        assert!(rig.last.cap_w[0] <= rig.last.cap_w[1], "the cheaper job is shed first");
        previous = Some(rig.last.cap_w);
    }
}

#[test]
fn load_returns_slowly_after_a_hold_off_and_without_chatter() {
    let mut rig = Rig::new(config());
    rig.wish_w = [900.0; 2];
    rig.limit_w[0] = 150.0 * MW;
    rig.run(600.0, |_| {});
    rig.limit_w[0] = 140.0 * MW;
    rig.run(3.0, |_| {});
    let low = rig.last.cap_w[0];
    rig.limit_w[0] = 300.0 * MW;
    rig.run(55.0, |_| {});
    assert!(rig.last.cap_w[0] <= low, "I8: nothing returns within the hold-off");
    let (mut falls, mut last) = (0, rig.last.cap_w);
    let start = rig.load_w();
    rig.run(600.0, |rig| {
        falls += rig.last.cap_w.iter().zip(last).filter(|(now, before)| **now < before - 2.0).count();
        last = rig.last.cap_w;
    });
    assert!(rig.last.cap_w[0] > low, "it does return");
    assert!(rig.load_w() - start < 1.3 * 0.1 * 50.0 * MW * 10.0 + 4.0 * MW, "I8: a tenth of the ramp limit");
    assert!(falls <= 2, "I8: {falls} reversals");
}

#[test]
fn a_turbine_trip_at_the_limit_is_carried_by_battery_then_others() {
    let mut rig = Rig::new(config());
    rig.wish_w = [900.0; 2];
    rig.limit_w[0] = 200.0 * MW;
    rig.run(1800.0, |_| {});
    assert!(rig.turbine_w.iter().sum::<f64>() > 40.0 * MW, "turbines run at the limit");
    rig.turbine_available_w[0] = 0.0;
    rig.run(1.0, |_| {});
    let greatest = rig.greatest_import_w(900.0);
    assert!(greatest <= 200.0 * MW, "I1 after a trip: {} MW", greatest / MW);
}

#[test]
fn a_voltage_dip_is_not_answered_by_dropping_load_and_freezes_at_most_ten_seconds() {
    let mut rig = Rig::new(config());
    rig.wish_w = [900.0; 2];
    rig.run(300.0, |_| {});
    let caps = rig.last.cap_w;
    rig.voltage_pu = 0.7;
    rig.limit_w[0] = 120.0 * MW; // more than the battery can carry alone
    rig.run(9.5, |_| {});
    assert!(rig.has(Condition::VoltageFrozen));
    assert_eq!(rig.last.cap_w, caps, "I11: frozen");
    assert!(rig.last.reason.gave_way_w[Duty::ImportLimit as usize] > 0.0, "what gave way is recorded");
    rig.run(5.0, |_| {});
    assert!(!rig.has(Condition::VoltageFrozen), "at most 10 s");
    assert!(rig.greatest_import_w(60.0) <= 120.0 * MW);
}

#[test]
fn an_emergency_order_is_not_blocked_by_the_freeze() {
    let mut rig = Rig::new(config());
    rig.wish_w = [900.0; 2];
    rig.run(300.0, |_| {});
    let caps = rig.last.cap_w;
    rig.voltage_pu = 0.7;
    rig.limit_w[2] = 80.0 * MW;
    rig.run(3.0, |_| {});
    assert!(rig.last.cap_w[0] < caps[0], "I11: emergency caps go out");
}

#[test]
fn leases_fall_in_the_safe_order_in_every_decision() {
    let mut rig = Rig::new(config());
    let leases = rig.config.leases;
    rig.run(60.0, |rig| {
        let safe = rig.last.cap_until + leases.gpu_jitter + leases.gpu_ramp;
        assert!(safe < rig.last.battery_until && rig.last.cap_until > rig.last.now);
    });
}

#[test]
fn the_ledger_sums_and_keeps_its_order_of_precedence() {
    let mut rig = Rig::new(config());
    rig.run(5.0, |rig| {
        let ledger = rig.last.ledger;
        let sum = ledger.bridge_j + ledger.trip_j + ledger.ramp_j + ledger.free_j;
        assert!((sum - ledger.stored_j).abs() < 1.0);
        assert!(ledger.free_j == 0.0 || ledger.bridge_j > 0.0);
    });
}

#[test]
fn saturation_leaves_no_windup() {
    // I10: a step larger than the battery, held for ten minutes, then back: no overshoot beyond the ramp's own.
    let mut rig = Rig::new(config());
    rig.run(120.0, |_| {});
    let before = rig.import_w;
    rig.wish_w = [50.0, 50.0]; // 157 MW down against 100 MW of battery
    rig.run(600.0, |_| {});
    rig.wish_w = [700.0, 700.0];
    let greatest = rig.greatest_import_w(900.0);
    assert!(greatest < before + 12.0 * MW, "I10: {} MW against {} MW", greatest / MW, before / MW);
}

#[test]
fn no_step_on_restart() {
    // I9: a new controller takes over mid-run from what it measures.
    let mut rig = Rig::new(config());
    rig.run(120.0, |_| {});
    let before = rig.import_w;
    rig.state = State::new(rig.now, 2);
    let mut worst: f64 = 0.0;
    rig.run(30.0, |rig| worst = worst.max((rig.import_w - before).abs()));
    assert!(worst < 5.0 * MW, "{} MW", worst / MW);
}

#[test]
fn a_standby_takes_over_at_full_discharge_without_a_step() {
    // I9 and I7: the controller dies in the middle of an event that battery and caps carry together; its standby comes
    // 2.5 s later, knows the last acknowledged decision, and nothing moves.
    let mut rig = Rig::new(config());
    rig.run(60.0, |_| {});
    rig.events = vec![event(rig.now, 60, 1200, 60.0 * MW)];
    rig.run(300.0, |_| {});
    let (battery_before_w, caps_before_w) = (rig.battery_w.iter().sum::<f64>(), rig.last.cap_w);
    assert!(battery_before_w < -10.0 * MW, "the battery carries part of it: {} MW", battery_before_w / MW);
    assert!(caps_before_w[0] < 690.0, "caps carry the rest: {}", caps_before_w[0]);
    for _ in 0..25 {
        rig.dead_tick();
    }
    let last = rig.last;
    rig.state = State::standby(rig.now, 2, &last);
    let first = rig.tick();
    assert!(first.seq > last.seq && first.epoch == 2, "devices take it as newer");
    assert!((0..2).all(|hall| first.cap_w[hall] <= caps_before_w[hall]), "no cap is raised on taking over");
    let told_w: f64 = first.battery_w.iter().sum();
    assert!((told_w - battery_before_w).abs() < 2.0 * MW, "{} MW, then {} MW", battery_before_w / MW, told_w / MW);
    let greatest = rig.greatest_import_w(600.0);
    assert!(greatest <= 60.0 * MW, "I1 after taking over: {} MW", greatest / MW);
}

#[test]
fn the_guard_stops_what_a_broken_decide_would_send() {
    let mut rig = Rig::new(config());
    rig.limit_w[0] = 150.0 * MW;
    rig.wish_w = [900.0; 2];
    rig.run(600.0, |_| {});
    let seen = rig.observe();
    let (state, honest) = decide(&rig.config, &Plan::none(), &rig.state, &seen);
    let mut broken = honest;
    broken.battery_w[..4].fill(25.0 * MW); // charge at full power on the limit
    broken.cap_w[..2].fill(1000.0);
    broken.floor_w[0] = 2000.0;
    broken.cap_until = broken.battery_until;
    let (_, sent) = guard(&rig.config, &state, &seen, &broken);
    let more_w = sent.battery_w.iter().sum::<f64>() - honest.battery_w.iter().sum::<f64>();
    assert!(rig.import_w + more_w <= 150.5 * MW, "no charging beyond the limit: {} MW", (rig.import_w + more_w) / MW);
    assert!(sent.cap_w[0] <= honest.cap_w[0] + 1.0, "no cap rises on the limit");
    assert!(sent.floor_w[0] <= sent.cap_w[0]);
    assert!(sent.cap_until < sent.battery_until);
    assert!(sent.reason.conditions & Condition::GuardActed as u32 != 0);
}

#[test]
fn an_averaging_window_is_kept_even_after_a_disturbance() {
    let mut rig = Rig::new(config());
    rig.turbine_available_w = [0.0; 2];
    rig.limit_w = [f64::INFINITY, 150.0 * MW, f64::INFINITY];
    rig.wish_w = [700.0; 2];
    rig.run(1200.0, |_| {});
    // The battery is away for a while and load jumps: import exceeds the limit until caps hold it.
    let mut imports = Vec::new();
    rig.wish_w = [1000.0; 2];
    for unit in &mut rig.config.batteries {
        unit.discharge_w = 0.0;
    }
    rig.cap_w = [1000.0; 2];
    rig.run(2700.0, |rig| imports.push(rig.import_w));
    let window = 9000;
    let mean = |end: usize| imports[end - window..end].iter().sum::<f64>() / window as f64;
    let worst = (window..imports.len()).map(mean).fold(0.0, f64::max);
    assert!(worst <= 150.0 * MW, "I1 over 15 minutes: {} MW", worst / MW);
}

#[test]
fn recentring_brings_the_charge_back_without_crossing_the_limit() {
    let mut rig = Rig::new(config());
    rig.soc = vec![0.3; 4];
    let greatest = rig.greatest_import_w(4.0 * 3600.0);
    let soc: f64 = rig.soc.iter().sum::<f64>() / 4.0;
    assert!(soc > 0.33 && greatest <= 300.0 * MW, "{soc}, {greatest}");
}

#[test]
fn a_ripple_of_a_campus_that_imports_nothing_is_no_room_for_restore() {
    let mut config = config();
    config.pois[0].island = true;
    for hall in &mut config.halls {
        (hall.gpus, hall.fixed_w) = (20_000.0, 1e6);
    }
    let mut rig = Rig::new(config);
    let (mut ticks, mut before, mut restores) = (0_u64, false, 0);
    rig.run(1800.0, |rig| {
        ticks += 1;
        // Half a percent of ripple, another one every second.
        let ripple = 1.0 + 0.005 * ((ticks / 10 * 7 % 11) as f64 - 5.0) / 5.0;
        rig.wish_w = [700.0 * ripple, 500.0 / ripple];
        let restoring = rig.has(Condition::Restoring);
        restores += u64::from(restoring && !before);
        before = restoring;
    });
    assert!(restores <= 5, "I8: load returned {restores} times in half an hour");
}
