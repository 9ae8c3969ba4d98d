//! Every scripted fault does what its name says, ends when it should, and no joule is lost to it.

use crate::site::{GRID, at_s, battery, free, hall, job, plain, poi, turbine};
use tieline_campus::plant::{Boundary, Commanded, Fault, FaultKind, Instrument, Plant, PlantConfig};
use tieline_units::{Draw, Quality, Span, Time};

const ALL: usize = usize::MAX;

fn fault(start_s: f64, end_s: f64, kind: FaultKind, index: usize) -> Fault {
    Fault { start: at_s(start_s), end: at_s(end_s), kind, index }
}

/// A plain site with four battery units and two turbines, and these faults.
fn site(faults: Vec<Fault>) -> PlantConfig {
    PlantConfig { batteries: vec![battery(0); 4], turbines: vec![turbine(0); 2], faults, ..plain() }
}

fn steps(plant: &mut Plant, until_s: f64) {
    while plant.now() < at_s(until_s) {
        plant.step(&GRID);
    }
}

/// Energy of buses and cells closes to 1e-9 of what flowed.
fn assert_conserved(plant: &Plant, stored_before_j: f64) {
    let t = plant.totals();
    let gross = t.import_j + t.generation_j + t.hall_j;
    assert!(t.residual_j().abs() < 1e-9 * gross, "{} of {gross}", t.residual_j());
    let change = plant.stored_j() - stored_before_j;
    let booked = t.battery_charge_j - t.battery_discharge_j - t.battery_loss_j;
    let through = (t.battery_charge_j + t.battery_discharge_j).max(plant.stored_j());
    assert!((change - booked).abs() < 1e-9 * through, "{change} J stored, {booked} J booked");
}

#[test]
fn a_late_meter_shows_the_past_never_goes_back_and_catches_up() {
    let mut config = site(vec![fault(20.0, 40.0, FaultKind::Late(Instrument::Meter, Span::secs(3)), 0)]);
    config.pois[0].meter_delay = Span::millis(200);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    plant.command(&free(&config, 1, 2e6));
    let (mut truth, mut last) = (Vec::new(), Time::NEVER);
    for k in 0..600_usize {
        let voltage_pu = 1.0 - k as f64 * 1e-4;
        plant.step(&Boundary { voltage_pu, ..GRID });
        truth.push((plant.flows().poi_import_w[0], voltage_pu));
        let shown = plant.telemetry();
        let (value, taken) = (shown.poi_import_w.value[0], shown.poi_import_w.taken_at[0]);
        assert!(taken >= last, "readings go back in time");
        last = taken;
        let age = plant.now() - taken;
        // Within the first three seconds nothing newer can have arrived; from then on all is three seconds late.
        match plant.now().as_secs_f64() {
            now if now > 20.0 && now < 23.1 => assert_eq!(taken, at_s(19.8), "at {now}"),
            now if (23.1..=40.0).contains(&now) => assert_eq!(age, Span::millis(3_200), "at {now}"),
            _ => assert_eq!(age, Span::millis(200)),
        }
        if k > 40 {
            let back = (age.as_secs_f64() * 10.0).round() as usize;
            assert_eq!(value, truth[k - back].0, "the value of the instant on its stamp");
            let voltage_back = ((plant.now() - shown.poi_voltage_pu.taken_at[0]).as_secs_f64() * 10.0).round() as usize;
            assert_eq!(shown.poi_voltage_pu.value[0], truth[k - voltage_back].1);
        }
    }
}

#[test]
fn late_units_show_the_past_with_its_stamps() {
    let late = |of| fault(20.0, 40.0, FaultKind::Late(of, Span::secs(4)), ALL);
    let config = site([Instrument::Hall, Instrument::Battery, Instrument::Turbine].map(late).to_vec());
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 0, 2e6);
    let mut truth = Vec::new();
    for second in 1..=60_usize {
        commands.seq += 1;
        commands.battery_w.fill(second as f64 * 1e4);
        plant.command(&commands);
        (0..10).for_each(|_| plant.step(&GRID));
        let f = plant.flows();
        truth.push((f.hall_w[0], f.battery_w[2], plant.soc(2), f.turbine_generation_w[1]));
        let shown = plant.telemetry();
        let shows = (
            shown.hall_w.value[0],
            shown.battery_w.value[2],
            shown.battery_soc.value[2],
            shown.turbine_generation_w.value[1],
        );
        let expected = match second {
            21..=23 => 19,
            24..=40 => second - 4,
            _ => second,
        };
        // A fault that begins at 20 s bends the readings taken at the end of later steps only.
        let expected = if (21..=23).contains(&second) { expected + 1 } else { expected };
        for channel in [&shown.hall_w, &shown.battery_soc, &shown.turbine_available_w] {
            assert_eq!(channel.taken_at[0], at_s(expected as f64), "second {second}");
        }
        assert_eq!(shows, truth[expected - 1], "second {second}");
    }
}

#[test]
fn a_frozen_instrument_repeats_its_value_and_stamps_go_on() {
    let frozen = |of| fault(20.0, 40.0, FaultKind::Frozen(of), 0);
    let kinds = [Instrument::Meter, Instrument::Hall, Instrument::Battery, Instrument::Turbine];
    let config = site(kinds.map(frozen).to_vec());
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 1, 2e6);
    plant.command(&commands);
    steps(&mut plant, 20.0);
    let before = plant.telemetry().clone();
    commands.seq = 2;
    commands.cap_w.fill(300.0);
    commands.battery_w.fill(1.5e6);
    commands.turbine_w.fill(1e6);
    plant.command(&commands);
    steps(&mut plant, 39.0);
    let now = plant.telemetry().clone();
    for (held, is) in [
        (&before.poi_import_w, &now.poi_import_w),
        (&before.hall_w, &now.hall_w),
        (&before.battery_w, &now.battery_w),
        (&before.battery_soc, &now.battery_soc),
        (&before.turbine_generation_w, &now.turbine_generation_w),
    ] {
        assert_eq!(held.value[0], is.value[0]);
        assert_eq!((is.taken_at[0], is.quality[0]), (at_s(39.0), Quality::Good));
    }
    assert!(now.battery_w.value[1] > 1.4e6, "its neighbour is not frozen");
    steps(&mut plant, 42.0);
    let flows = plant.flows();
    let shown = plant.telemetry();
    assert_eq!((shown.poi_import_w.value[0], shown.hall_w.value[0]), (flows.poi_import_w[0], flows.hall_w[0]));
    assert!(shown.hall_w.value[0] < 0.8 * before.hall_w.value[0]);
}

#[test]
fn swapped_units_signs_shares_and_clocks_bend_what_is_shown_and_nothing_else() {
    let config = site(vec![
        fault(10.0, 20.0, FaultKind::Scaled(Instrument::Meter, 1e-3), 0),
        fault(30.0, 40.0, FaultKind::Scaled(Instrument::Meter, -1.0), 0),
        fault(10.0, 20.0, FaultKind::Scaled(Instrument::Battery, -1.0), 1),
        fault(10.0, 20.0, FaultKind::SocScaled(100.0), 1),
        fault(10.0, 20.0, FaultKind::Scaled(Instrument::Hall, 1e3), 0),
        fault(10.0, 20.0, FaultKind::Scaled(Instrument::Turbine, 0.5), ALL),
        fault(50.0, 60.0, FaultKind::Stamped(Instrument::Meter, Span::secs(5)), 0),
        fault(50.0, 60.0, FaultKind::Stamped(Instrument::Battery, Span::secs(-7)), 3),
        fault(50.0, 60.0, FaultKind::TurbineSilent, 1),
    ]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut straight = Plant::new(&PlantConfig { faults: Vec::new(), ..config.clone() }, Draw::new(5, 0));
    let mut commands = free(&config, 1, 2e6);
    commands.battery_w.fill(4e5);
    plant.command(&commands);
    straight.command(&commands);
    let mut both = |until_s| {
        steps(&mut plant, until_s);
        steps(&mut straight, until_s);
        assert_eq!(plant.flows(), straight.flows(), "the truth does not care");
        (plant.telemetry().clone(), straight.telemetry().clone())
    };
    let (bent, is) = both(15.0);
    assert_eq!(bent.poi_import_w.value[0], is.poi_import_w.value[0] * 1e-3);
    assert_eq!(bent.battery_w.value[1], -is.battery_w.value[1]);
    assert_eq!(bent.battery_soc.value[1], is.battery_soc.value[1] * 100.0);
    assert_eq!(bent.battery_w.value[0], is.battery_w.value[0]);
    assert_eq!(bent.hall_w.value[0], is.hall_w.value[0] * 1e3);
    assert_eq!(bent.cooling_w.value[0], is.cooling_w.value[0] * 1e3);
    assert_eq!(bent.turbine_generation_w.value[1], is.turbine_generation_w.value[1] * 0.5);
    let (bent, is) = both(35.0);
    assert_eq!(bent.poi_import_w.value[0], -is.poi_import_w.value[0]);
    let (bent, is) = both(55.0);
    assert_eq!(bent.poi_import_w.value, is.poi_import_w.value);
    assert_eq!(bent.poi_import_w.taken_at[0], at_s(60.0));
    assert_eq!(bent.poi_frequency_hz.taken_at[0], at_s(60.0));
    assert_eq!(bent.battery_soc.taken_at[3], at_s(48.0));
    assert_eq!(bent.battery_soc.taken_at[2], at_s(55.0));
    assert_eq!(bent.turbine_generation_w.taken_at, [at_s(55.0), at_s(50.0)]);
    let (bent, is) = both(62.0);
    assert_eq!(bent, is, "nothing is left of it");
}

#[test]
fn late_commands_arrive_late_and_what_was_overtaken_is_refused() {
    let config = site(vec![fault(10.0, 20.0, FaultKind::CommandsDelayed(Span::secs(4)), ALL)]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 1, 2e6);
    plant.command(&commands);
    steps(&mut plant, 10.1);
    commands.seq = 2;
    commands.battery_w.fill(1e6);
    // Dead on arrival: its lease is shorter than its way.
    commands.cap_w.fill(300.0);
    commands.cap_until = at_s(13.0);
    assert!(plant.command(&commands), "on its way");
    steps(&mut plant, 14.0);
    assert!(plant.flows().battery_w[0].abs() < 1.0, "not there yet");
    steps(&mut plant, 15.5);
    assert!((plant.flows().battery_w[0] - 1e6).abs() < 1e3, "{}", plant.flows().battery_w[0]);
    assert_eq!(plant.cap_and_floor_w(0).0, config.halls[0].product.rated_w, "its lease was over");
    steps(&mut plant, 19.0);
    commands.seq = 3;
    commands.battery_w.fill(-1e6);
    plant.command(&commands);
    steps(&mut plant, 21.0);
    commands.seq = 4;
    commands.battery_w.fill(5e5);
    plant.command(&commands);
    steps(&mut plant, 30.0);
    assert!((plant.flows().battery_w[0] - 5e5).abs() < 1e3, "the old one came after the new one");
    assert_eq!((plant.totals().commands_taken, plant.totals().commands_refused), (3, 1));
}

#[test]
fn a_command_on_every_tick_of_a_long_delay_finds_room() {
    let config = site(vec![fault(1.0, 31.0, FaultKind::CommandsDelayed(Span::millis(2_550)), ALL)]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 0, 2e6);
    for _ in 0..400 {
        commands.seq += 1;
        plant.command(&commands);
        plant.step(&GRID);
    }
    let t = plant.totals();
    assert_eq!(t.commands_lost, 0);
    // Those sent in the last 2.6 s (28.5 to 31.0 s) of the fault come after the first one that was on time again.
    assert_eq!((t.commands_taken, t.commands_refused), (400 - 26, 26));
}

#[test]
fn a_unit_that_refuses_keeps_its_set_point_until_its_own_lease_lapses() {
    let config = site(vec![
        fault(10.0, 60.0, FaultKind::CommandRefused(Commanded::Batteries), 2),
        fault(10.0, 60.0, FaultKind::CommandRefused(Commanded::Turbines), 0),
    ]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 0, 2e6);
    let stored = plant.stored_j();
    for k in 0..700 {
        commands.seq += 1;
        commands.battery_w.fill(if k <= 100 { 1e6 } else { -1e6 });
        commands.turbine_w.fill(if k <= 100 { 2e6 } else { 1.2e6 });
        commands.battery_until = plant.now() + Span::secs(20);
        plant.command(&commands);
        plant.step(&GRID);
        let power = &plant.flows().battery_w;
        match k {
            295 => assert!((power[2] - 1e6).abs() < 1e3 && (power[1] + 1e6).abs() < 1e3, "{power:?}"),
            310 => assert!(power[2].abs() < 1e3 && (power[1] + 1e6).abs() < 1e3, "it reverts alone: {power:?}"),
            590 => {
                let generation = &plant.flows().turbine_generation_w;
                assert!((generation[0] - 2e6).abs() < 1e3 && (generation[1] - 1.2e6).abs() < 1e3, "{generation:?}");
            }
            690 => assert!((power[2] + 1e6).abs() < 1e3, "it listens again: {power:?}"),
            _ => {}
        }
    }
    assert_eq!(plant.totals().battery_lapses, 1);
    let told: Vec<String> = plant.drain_happenings().map(|happening| happening.text).collect();
    assert!(told.iter().any(|text| text.contains("1 of 4 units")), "{told:?}");
    assert_conserved(&plant, stored);
}

#[test]
fn a_partial_command_reaches_its_share_by_seeded_luck() {
    let mut config = site(vec![fault(1.0, 1e4, FaultKind::CommandsPartial(Commanded::Batteries, 0.6), ALL)]);
    config.batteries = vec![battery(0); 200];
    let heard = |seed: u64| {
        let mut plant = Plant::new(&config, Draw::new(seed, 0));
        plant.command(&free(&config, 1, 0.0));
        steps(&mut plant, 2.0);
        let mut commands = free(&config, 2, 0.0);
        commands.battery_w.fill(1e6);
        commands.cap_w.fill(400.0);
        plant.command(&commands);
        steps(&mut plant, 6.0);
        assert_eq!(plant.cap_and_floor_w(0).0, 400.0, "halls are not concerned");
        let first: Vec<bool> = plant.flows().battery_w.iter().map(|power| *power > 9e5).collect();
        commands.seq = 3;
        plant.command(&commands);
        steps(&mut plant, 10.0);
        let second = plant.flows().battery_w.iter().filter(|power| **power > 9e5).count();
        (first, second)
    };
    let (first, second) = heard(1);
    let count = first.iter().filter(|heard| **heard).count() as f64;
    // Three standard errors of 200 draws at 0.6: 3 * 6.9.
    assert!((count - 120.0).abs() < 21.0, "{count}");
    assert!((second as f64 - 168.0).abs() < 17.0, "a second draw reaches 84 % in all: {second}");
    assert_eq!(heard(1).0, first, "the same luck");
    assert_ne!(heard(2).0, first, "other luck");
}

#[test]
fn leases_of_one_class_lapse_alone() {
    let mut config = site(vec![
        fault(10.0, 40.0, FaultKind::LeaseLapse(Commanded::Caps), ALL),
        fault(60.0, 110.0, FaultKind::LeaseLapse(Commanded::Batteries), ALL),
    ]);
    config.halls.push(hall(0, 4_000.0, Some(0)));
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 0, 2e6);
    commands.battery_w.fill(-1e6);
    for k in 0..1_200 {
        commands.seq += 1;
        commands.cap_until = plant.now() + Span::secs(8);
        commands.battery_until = plant.now() + Span::secs(25);
        plant.command(&commands);
        plant.step(&GRID);
        let caps = (plant.cap_and_floor_w(0).0, plant.cap_and_floor_w(1).0);
        let power = plant.flows().battery_w[0];
        match k {
            170 => assert_eq!(caps, (700.0, 700.0), "leases still run"),
            // 10 s + 8 s of lease + 2 s of jitter + 3 s of ramp.
            235 => assert_eq!(caps, (350.0, 350.0)),
            420 => assert_eq!(caps, (700.0, 700.0), "commanded again"),
            830 => assert!((power + 1e6).abs() < 1e3, "{power}"),
            870 => assert!(power.abs() < 1e3, "reverted: {power}"),
            1_150 => assert!((power + 1e6).abs() < 1e3, "{power}"),
            _ => {}
        }
        assert!(k < 600 || caps == (700.0, 700.0), "caps are not concerned the second time");
    }
    assert_eq!((plant.totals().gpu_lapses, plant.totals().battery_lapses), (1, 1));
}

#[test]
fn a_lower_epoch_is_refused_however_high_its_number() {
    let config = site(Vec::new());
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 100, 2e6);
    assert!(plant.command(&commands));
    (commands.epoch, commands.seq) = (2, 101);
    assert!(plant.command(&commands), "the standby");
    (commands.epoch, commands.seq) = (1, 5_000);
    assert!(!plant.command(&commands), "the old controller came back");
    (commands.epoch, commands.seq) = (2, 102);
    assert!(plant.command(&commands));
    (commands.epoch, commands.seq) = (3, 1);
    assert!(plant.command(&commands), "a new epoch counts anew");
    assert_eq!((plant.totals().commands_taken, plant.totals().commands_refused), (4, 1));
}

#[test]
fn a_derated_unit_gives_and_offers_its_share() {
    let config = site(vec![
        fault(10.0, 20.0, FaultKind::BatteryDerated(0.25), 1),
        fault(15.0, 20.0, FaultKind::BatteryDerated(0.1), ALL),
    ]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 1, 2e6);
    commands.battery_w.fill(-2e6);
    plant.command(&commands);
    let stored = plant.stored_j();
    steps(&mut plant, 14.0);
    assert_eq!(plant.telemetry().battery_available_w.value, [2e6, 5e5, 2e6, 2e6]);
    assert_eq!(plant.flows().battery_w[1], -5e5);
    steps(&mut plant, 18.0);
    assert_eq!(plant.flows().battery_w, [-2e5; 4]);
    steps(&mut plant, 25.0);
    assert!((plant.flows().battery_w[1] + 2e6).abs() < 1e3);
    assert_conserved(&plant, stored);
}

#[test]
fn lost_strings_take_power_and_energy_with_them_and_bring_it_back() {
    let config = site(vec![
        fault(100.0, 500.0, FaultKind::StringsLost(0.25), 0),
        fault(200.0, 400.0, FaultKind::StringsLost(0.5), 0),
    ]);
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let mut commands = free(&config, 1, 2e6);
    commands.battery_w.fill(-2e6);
    plant.command(&commands);
    let stored = plant.stored_j();
    let nominal_j = config.batteries[0].energy_j;
    steps(&mut plant, 100.0);
    let soc = plant.soc(0);
    steps(&mut plant, 100.1);
    assert!((plant.soc(0) - soc).abs() < 1e-4, "the state of charge of the rest is what it was");
    assert!((plant.isolated_j() - 0.25 * soc * nominal_j).abs() < 1e-9 * nominal_j);
    assert_eq!(plant.flows().battery_w[0], -1.5e6);
    assert_conserved(&plant, stored);
    steps(&mut plant, 150.0);
    assert_eq!(plant.telemetry().battery_available_w.value[0], 1.5e6);
    assert_eq!(plant.telemetry().battery_available_w.value[1], 2e6);
    steps(&mut plant, 300.0);
    assert_eq!(plant.flows().battery_w[0], -1e6);
    let (held, rest) = (plant.isolated_j(), plant.soc(0));
    steps(&mut plant, 450.0);
    // Half of what was cut off is back, and half stays.
    assert!((plant.isolated_j() - held / 2.0).abs() < 1e-9 * held, "{} {held}", plant.isolated_j());
    assert_eq!(plant.flows().battery_w[0], -1.5e6);
    steps(&mut plant, 600.0);
    assert_eq!(plant.isolated_j(), 0.0);
    assert!(plant.soc(0) > rest - 0.1 && plant.soc(0) < soc);
    assert!((plant.flows().battery_w[0] + 2e6).abs() < 1e3);
    assert_conserved(&plant, stored);
}

#[test]
fn an_empty_or_full_unit_stays_within_its_range_through_a_loss_of_strings() {
    for (set_w, soc) in [(-2e6, 0.05), (2e6, 0.95)] {
        let mut config = site(vec![fault(50.0, 100.0, FaultKind::StringsLost(0.3), ALL)]);
        config.batteries.iter_mut().for_each(|unit| unit.soc_start = soc);
        let mut plant = Plant::new(&config, Draw::new(5, 0));
        let stored = plant.stored_j();
        let mut commands = free(&config, 1, 2e6);
        commands.battery_w.fill(set_w);
        plant.command(&commands);
        steps(&mut plant, 150.0);
        assert!((0..4).all(|unit| (plant.soc(unit) - soc).abs() < 1e-9), "{}", plant.soc(0));
        assert_conserved(&plant, stored);
    }
}

#[test]
fn a_checkpoint_that_was_not_written_makes_the_next_failure_dearer() {
    let lost = |faults: Vec<Fault>| {
        let mut config = plain();
        config.jobs[0].checkpoint_every_s = 100.0;
        config.faults = faults;
        let mut plant = Plant::new(&config, Draw::new(5, 0));
        plant.command(&free(&config, 1, 0.0));
        steps(&mut plant, 400.0);
        let told = plant.drain_happenings().filter(|happening| happening.text.contains("not written")).count();
        let job = plant.totals().jobs[0];
        assert_eq!(job.checkpoints_failed as usize, told);
        (job.lost_gpu_s, job.checkpoints, job.checkpoints_failed)
    };
    let crash = fault(250.0, 260.0, FaultKind::JobFailure, 0);
    let (saved, whole, none) = lost(vec![crash]);
    let (next_only, fewer, one) = lost(vec![fault(150.0, 151.0, FaultKind::CheckpointFailure, 0), crash]);
    let (both, fewest, two) = lost(vec![fault(50.0, 240.0, FaultKind::CheckpointFailure, ALL), crash]);
    assert_eq!((none, one, two), (0, 1, 2));
    assert_eq!((whole - fewer, whole - fewest), (1, 2));
    // Work of 50, 150 and 250 s: since 200 s, since 100 s, since the start.
    assert!((next_only / saved - 3.0).abs() < 0.02, "{next_only} {saved}");
    assert!((both / saved - 5.0).abs() < 0.02, "{both} {saved}");
}

/// One of every kind on every device, overlapping, on two ties and an island.
#[test]
fn energy_closes_while_every_fault_holds() {
    let mut config = plain();
    config.pois = vec![poi(false), poi(false), poi(true)];
    config.halls = (0..6).map(|h| hall(h % 3, 6_000.0, Some(h % 2))).collect();
    config.jobs = vec![job(), job()];
    config.jobs.iter_mut().for_each(|job| (job.checkpoint_every_s, job.failure_domains) = (90.0, 4.0));
    config.batteries = (0..12).map(|b| battery(b % 3)).collect();
    config.turbines = (0..6).map(|t| turbine(t % 3)).collect();
    let mut kinds = vec![
        FaultKind::MeterSilent,
        FaultKind::MeterOffset(5e6),
        FaultKind::MeterNan,
        FaultKind::HallSilent,
        FaultKind::BatterySilent,
        FaultKind::TurbineSilent,
        FaultKind::SocScaled(100.0),
        FaultKind::BatteryOut,
        FaultKind::BatteryDerated(0.4),
        FaultKind::StringsLost(0.3),
        FaultKind::StringsLost(0.7),
        FaultKind::TurbineTrip,
        FaultKind::HallTrip,
        FaultKind::CommandsLost,
        FaultKind::CommandsDelayed(Span::secs(2)),
        FaultKind::CommandsPartial(Commanded::All, 0.5),
        FaultKind::JobFailure,
        FaultKind::CheckpointFailure,
    ];
    for of in [Instrument::Meter, Instrument::Hall, Instrument::Battery, Instrument::Turbine] {
        kinds.extend([
            FaultKind::Late(of, Span::secs(3)),
            FaultKind::Frozen(of),
            FaultKind::Scaled(of, -1e3),
            FaultKind::Stamped(of, Span::secs(30)),
        ]);
    }
    for of in [Commanded::Caps, Commanded::Batteries, Commanded::Turbines, Commanded::All] {
        kinds.extend([FaultKind::CommandRefused(of), FaultKind::LeaseLapse(of)]);
    }
    for (i, kind) in kinds.iter().enumerate() {
        let start = 20.0 + 25.0 * i as f64;
        let index = if i % 2 == 0 || matches!(kind, FaultKind::CommandRefused(Commanded::All)) { ALL } else { 0 };
        config.faults.push(fault(start, start + 60.0, *kind, index));
    }
    let mut plant = Plant::new(&config, Draw::new(5, 0));
    let stored = plant.stored_j();
    let mut commands = free(&config, 0, 2e6);
    for k in 0..13_000_u64 {
        commands.seq += 1;
        commands.battery_w.fill(if (k / 700) % 2 == 0 { 2e6 } else { -2e6 });
        commands.cap_w.fill(if (k / 500) % 2 == 0 { 700.0 } else { 400.0 });
        commands.cap_until = plant.now() + Span::secs(8);
        commands.battery_until = plant.now() + Span::secs(25);
        plant.command(&commands);
        plant.step(&GRID);
    }
    assert_conserved(&plant, stored);
    assert_eq!(plant.isolated_j(), 0.0);
    let begun = plant.drain_happenings().filter(|happening| happening.kind == "fault").count();
    assert_eq!(begun, kinds.len(), "every fault is told");
    assert!(plant.totals().gpu_lapses > 2 && plant.totals().battery_lapses > 1 && plant.totals().commands_lost > 0);
}

#[test]
fn nonsense_in_a_script_is_described_in_words() {
    let config = site(vec![
        fault(1.0, 2.0, FaultKind::BatteryDerated(1.5), 0),
        fault(1.0, 2.0, FaultKind::StringsLost(1.0), 0),
        fault(1.0, 2.0, FaultKind::Scaled(Instrument::Meter, f64::NAN), 0),
        fault(1.0, 2.0, FaultKind::Late(Instrument::Hall, Span::secs(-1)), 0),
        fault(1.0, 2.0, FaultKind::CommandsDelayed(Span::secs(7_200)), ALL),
        fault(1.0, 2.0, FaultKind::CommandRefused(Commanded::All), 0),
        fault(1.0, 2.0, FaultKind::Frozen(Instrument::Turbine), 2),
        fault(1.0, 2.0, FaultKind::CheckpointFailure, 1),
    ]);
    assert_eq!(config.problems().len(), 8, "{:#?}", config.problems());
}
