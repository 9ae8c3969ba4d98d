//! Commands, leases, faults and instruments.

use crate::site::{GRID, at_s, battery, free, hall, plain};
use tieline_campus::gpu::{power_under_cap, product};
use tieline_campus::plant::{Boundary, Fault, FaultKind, Plant};
use tieline_units::{Draw, Quality, Span, Time};

#[test]
fn a_dead_controller_at_full_discharge_never_lifts_import() {
    let mut config = plain();
    config.batteries = vec![battery(0)];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    let mut commands = free(&config, 0, 0.0);
    let mut limit = 0.0_f64;
    let mut worst = 0.0_f64;
    let (mut reverted_at, mut capped_at) = (None, None);
    for k in 0..1_200_u64 {
        // The controller lives for 30 s; GPU leases last 5 s, battery leases 20 s (jitter 2 s and ramp 3 s fit between).
        if k < 300 {
            commands.seq += 1;
            commands.battery_w.fill(-2e6);
            commands.cap_until = plant.now() + Span::secs(5);
            commands.battery_until = plant.now() + Span::secs(20);
            plant.command(&commands);
        }
        plant.step(&GRID);
        let import = plant.flows().poi_import_w[0];
        if (100..300).contains(&k) {
            limit = limit.max(import);
        }
        if k >= 300 {
            worst = worst.max(import);
            if capped_at.is_none() && plant.cap_and_floor_w(0).0 == 350.0 {
                capped_at = Some(plant.now());
            }
            if reverted_at.is_none() && plant.flows().battery_w[0] > -1.9e6 {
                reverted_at = Some(plant.now());
            }
        }
    }
    let (capped, reverted) = (capped_at.expect("fell back"), reverted_at.expect("reverted"));
    assert!(capped < reverted, "GPUs first: {capped:?} {reverted:?}");
    // Last command at 29.9 s: the cap is safe between 34.9 + 3 s and 2 s of jitter more, the battery lets go at 49.9 s.
    assert!(capped >= at_s(37.9) && capped <= at_s(40.0), "{capped:?}");
    assert!(reverted >= at_s(49.9) && reverted <= at_s(50.2), "{reverted:?}");
    assert!(
        worst <= limit * 1.01,
        "import rose from {limit} to {worst} (1 % is hall noise); the safe cap saves 3.6 MW, the battery gives 2 MW"
    );
    assert_eq!((plant.totals().gpu_lapses, plant.totals().battery_lapses), (1, 1));
}

#[test]
fn a_battery_lease_that_falls_first_would_lift_import() {
    // The counterpart: with the wrong order the same test sees the overshoot, so the one above can fail.
    let mut config = plain();
    config.batteries = vec![battery(0); 4];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    let mut commands = free(&config, 1, 0.0);
    commands.battery_w.fill(-2e6);
    commands.cap_until = at_s(60.0);
    commands.battery_until = at_s(20.0);
    plant.command(&commands);
    let (mut before, mut after) = (0.0_f64, 0.0_f64);
    for k in 0..500 {
        plant.step(&GRID);
        let import = plant.flows().poi_import_w[0];
        if (100..190).contains(&k) {
            before = before.max(import);
        } else if k > 210 {
            after = after.max(import);
        }
    }
    assert!(after > before * 1.2, "{before} {after}");
}

#[test]
fn a_lapse_never_raises_a_cap() {
    let config = plain();
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    let mut commands = free(&config, 1, 0.0);
    commands.cap_w.fill(250.0);
    commands.floor_w.fill(100.0);
    commands.cap_until = at_s(5.0);
    plant.command(&commands);
    for _ in 0..200 {
        plant.step(&GRID);
    }
    assert_eq!(plant.cap_and_floor_w(0), (250.0, 0.0));
}

#[test]
fn a_cap_arrives_after_its_delay_and_the_floor_burns_power_in_a_stall() {
    let mut config = plain();
    config.faults = vec![Fault { start: at_s(60.0), end: at_s(120.0), kind: FaultKind::JobFailure, index: 0 }];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    let mut commands = free(&config, 1, 0.0);
    plant.command(&commands);
    (0..200).for_each(|_| plant.step(&GRID));
    commands.seq = 2;
    commands.cap_w.fill(400.0);
    commands.floor_w.fill(300.0);
    plant.command(&commands);
    plant.step(&GRID);
    let (cap, _) = plant.cap_and_floor_w(0);
    assert!((cap - 600.0).abs() < 1e-6, "a third of the way from 700 to 400 W: {cap}");
    (0..2).for_each(|_| plant.step(&GRID));
    assert_eq!(plant.cap_and_floor_w(0), (400.0, 300.0));
    let h100 = product("H100").expect("in the catalogue");
    let expected = power_under_cap(h100.training_w, 400.0);
    let each = plant.flows().gpu_w[0] / 16_384.0;
    assert!((each - expected).abs() < 0.02 * expected && each <= 400.0, "{each} {expected}");
    (0..500).for_each(|_| plant.step(&GRID));
    assert!((plant.flows().gpu_w[0] / 16_384.0 - 300.0).abs() < 1e-9, "the floor holds while the job waits");
    assert_eq!(plant.job_active(0), 0.0);
    assert!(plant.totals().floor_burn_j > 0.0);
}

#[test]
fn old_commands_nan_and_dead_leases_are_refused() {
    let mut config = plain();
    config.batteries = vec![battery(0)];
    config.faults = vec![Fault { start: at_s(5.0), end: at_s(6.0), kind: FaultKind::CommandsLost, index: usize::MAX }];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    let mut commands = free(&config, 7, 0.0);
    commands.battery_w[0] = 1e6;
    assert!(plant.command(&commands));
    commands.battery_w[0] = -1e6;
    assert!(!plant.command(&commands), "same number again");
    commands.seq = 8;
    commands.battery_w[0] = f64::NAN;
    assert!(plant.command(&commands));
    (0..49).for_each(|_| plant.step(&GRID));
    assert!((plant.flows().battery_w[0] - 1e6).abs() < 1.0, "the NaN left the old set-point");
    (0..5).for_each(|_| plant.step(&GRID));
    commands.seq = 9;
    assert!(!plant.command(&commands), "lost on its way");
    let t = plant.totals();
    assert_eq!((t.commands_taken, t.commands_refused, t.setpoints_refused, t.commands_lost), (2, 1, 1, 1));
}

#[test]
fn the_meter_is_late_coarse_noisy_silent_and_false_as_asked() {
    let mut config = plain();
    config.pois[0].meter_delay = Span::millis(300);
    config.pois[0].meter_sigma_w = 5e4;
    config.telemetry.meter_quantum_w = 1e4;
    let fault = |s: f64, e: f64, kind| Fault { start: at_s(s), end: at_s(e), kind, index: 0 };
    config.faults = vec![
        fault(200.0, 210.0, FaultKind::MeterSilent),
        fault(220.0, 230.0, FaultKind::MeterOffset(7e6)),
        fault(240.0, 250.0, FaultKind::MeterNan),
    ];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    assert_eq!(plant.telemetry().poi_import_w.quality[0], Quality::Good, "a reading from the first instant on");
    plant.command(&free(&config, 1, 0.0));
    let (mut truth, mut errors) = (Vec::new(), Vec::new());
    for k in 0..2_500_usize {
        plant.step(&GRID);
        truth.push(plant.flows().poi_import_w[0]);
        let (value, taken) = (plant.telemetry().poi_import_w.value[0], plant.telemetry().poi_import_w.taken_at[0]);
        let now = plant.now();
        if (10..1_990).contains(&k) {
            assert_eq!(now - taken, Span::millis(300));
            assert!((value / 1e4 - (value / 1e4).round()).abs() < 1e-6, "whole steps of 10 kW: {value}");
            errors.push(value - truth[k - 3]);
        }
        match k {
            2_090 => assert_eq!(taken, at_s(199.7), "the last reading stays"),
            2_250 => assert!((value - truth[k - 3] - 7e6).abs() < 3e5),
            2_450 => assert!(value.is_nan() && taken == now - Span::millis(300)),
            _ => {}
        }
    }
    let n = errors.len() as f64;
    let sigma = libm::sqrt(errors.iter().map(|e| e * e).sum::<f64>() / n);
    assert!((sigma / 5e4 - 1.0).abs() < 0.06, "{sigma}");
    assert!((errors.iter().sum::<f64>() / n).abs() < 3.0 * 5e4 / libm::sqrt(n));
}

#[test]
fn unit_telemetry_comes_once_per_period_and_stops_in_silence() {
    let mut config = plain();
    config.batteries = vec![battery(0); 2];
    config.telemetry.unit_quantum_w = 1e3;
    config.faults = vec![
        Fault { start: at_s(10.0), end: at_s(20.0), kind: FaultKind::HallSilent, index: 0 },
        Fault { start: at_s(10.0), end: at_s(20.0), kind: FaultKind::BatteryOut, index: 1 },
    ];
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    plant.command(&free(&config, 1, 0.0));
    for k in 1..=155_i64 {
        plant.step(&GRID);
        let shown = plant.telemetry();
        let due = Time::ZERO + Span::secs(k / 10);
        assert_eq!(shown.battery_soc.taken_at[0], due);
        assert_eq!(shown.hall_w.taken_at[0], due.min(at_s(10.0)));
    }
    assert_eq!(plant.telemetry().battery_available_w.value, vec![2e6, 0.0]);
    assert_eq!(plant.flows().standby_w[0], 2e3, "one unit of two is in service");
    assert_eq!(plant.telemetry().hall_w.value[0] % 1e3, 0.0);
}

#[test]
fn a_hall_draws_nothing_before_its_date_and_ramps_from_it() {
    let mut config = plain();
    config.halls.push(hall(0, 1_000.0, Some(0)));
    config.halls[1].in_service = config.start + Span::secs(30);
    let mut plant = Plant::new(&config, Draw::new(2, 0));
    plant.command(&free(&config, 1, 0.0));
    for k in 0..600 {
        plant.step(&Boundary { ambient_c: 30.0, ..GRID });
        let f = plant.flows();
        if k < 300 {
            assert_eq!(f.hall_w[1] + f.cooling_w[1], 0.0);
        }
    }
    let each = plant.flows().gpu_w[1] / 1_000.0;
    assert!((each - 555.0).abs() < 15.0, "{each}");
}

#[test]
fn an_unsound_configuration_is_described_in_words() {
    let mut config = plain();
    config.halls[0].poi = 9;
    config.halls[0].conversion_loss = f64::NAN;
    config.telemetry.unit_period = Span::millis(250);
    config.batteries = vec![battery(0)];
    config.batteries[0].soc_range = (0.9, 0.1);
    assert_eq!(config.problems().len(), 4, "{:#?}", config.problems());
    assert!(plain().problems().is_empty());
}
