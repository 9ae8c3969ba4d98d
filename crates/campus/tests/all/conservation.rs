//! Energy and power close, on the grid and on an island, whatever happens.

use crate::site::{GRID, at_s, battery, free, hall, job, plain, poi, turbine};
use tieline_campus::plant::{Boundary, Fault, FaultKind, Plant, PlantConfig};
use tieline_units::{Draw, Time};

/// Two tied points and an island with everything on them, failing and tripping.
fn busy() -> PlantConfig {
    let mut config = plain();
    config.pois = vec![poi(false), poi(false), poi(true)];
    config.halls = (0..6).map(|h| hall(h % 3, 8_000.0, Some(h % 2))).collect();
    config.jobs = vec![job(), job()];
    for job in &mut config.jobs {
        job.failures_per_1000_node_days = 500.0;
        job.failure_domains = 4.0;
        job.checkpoint_every_s = 200.0;
        job.checkpoint_stall_s = 5.0;
        job.restart_s = 60.0;
    }
    config.batteries = (0..30).map(|b| battery(b % 3)).collect();
    config.turbines = (0..12).map(|t| tieline_campus::onsite::Turbine { trips_per_h: 1.0, ..turbine(t % 3) }).collect();
    let fault = |start: f64, end: f64, kind, index| Fault { start: at_s(start), end: at_s(end), kind, index };
    config.faults = vec![
        fault(100.0, 160.0, FaultKind::HallTrip, 0),
        fault(300.0, 900.0, FaultKind::TurbineTrip, usize::MAX),
        fault(400.0, 500.0, FaultKind::BatteryOut, 2),
        fault(600.0, 620.0, FaultKind::JobFailure, 1),
    ];
    config
}

#[test]
fn energy_closes_over_a_run_with_trips_failures_islands_and_full_batteries() {
    let config = busy();
    let mut plant = Plant::new(&config, Draw::new(3, 0));
    let stored = plant.stored_j();
    let mut commands = free(&config, 0, 2.5e6);
    for k in 0..36_000_u64 {
        if k % 10 == 0 {
            commands.seq += 1;
            // Long swings, so that units meet both ends of their charge.
            let full = if (k / 9_000) % 2 == 0 { 2e6 } else { -2e6 };
            commands.battery_w.fill(full);
            commands.cap_w.fill(if (k / 3_000) % 2 == 0 { 700.0 } else { 400.0 });
            commands.floor_w.fill(if (k / 4_000) % 2 == 0 { 0.0 } else { 300.0 });
            plant.command(&commands);
        }
        let ambient_c = 20.0 + (k % 7_000) as f64 * 0.002;
        plant.step(&Boundary { ambient_c, ..GRID });
        assert_eq!(plant.flows().poi_import_w[2], 0.0, "an island never imports");
        for unit in 0..30 {
            assert!((0.0..=1.0).contains(&plant.soc(unit)));
        }
    }
    let t = plant.totals();
    let gross = t.import_j + t.generation_j + t.hall_j;
    assert!(t.residual_j().abs() < 1e-9 * gross, "{} of {gross}", t.residual_j());
    let change = plant.stored_j() - stored;
    let booked = t.battery_charge_j - t.battery_discharge_j - t.battery_loss_j;
    assert!((change - booked).abs() < 1e-9 * (t.battery_charge_j + t.battery_discharge_j), "{change} {booked}");
    assert!(t.unserved_j > 0.0 && t.battery_loss_j > 0.0 && t.transformer_loss_j > 0.0 && t.floor_burn_j > 0.0);
    assert!(t.hall_j > t.gpu_j + t.conversion_loss_j && t.turbine_trips >= 12);
    // GPU-seconds close as well: installed time is work kept, work lost or waiting.
    for (j, work) in t.jobs.iter().enumerate() {
        let installed = 3.0 * 8_000.0 * t.elapsed_s;
        let sum = work.productive_gpu_s + work.lost_gpu_s + work.stalled_gpu_s;
        assert!((sum - installed).abs() < 1e-9 * installed, "job {j}: {sum} {installed}");
        assert!(work.failures > 0 && work.lost_gpu_s > 0.0 && work.productive_gpu_s > 0.0 && work.tokens > 0.0);
    }
}

fn island() -> PlantConfig {
    let mut config = plain();
    config.pois = vec![poi(true)];
    config.halls = vec![hall(0, 2_000.0, Some(0)), hall(0, 2_000.0, None)];
    config.turbines = vec![turbine(0); 2];
    config.batteries = vec![battery(0); 3];
    config
}

#[test]
fn an_island_lives_on_turbines_and_battery_and_sheds_halls_when_they_are_gone() {
    let mut config = island();
    config.faults =
        vec![Fault { start: at_s(60.0), end: Time::FOREVER, kind: FaultKind::TurbineTrip, index: usize::MAX }];
    let mut plant = Plant::new(&config, Draw::new(1, 0));
    plant.command(&free(&config, 1, 2.5e6));
    let load = plant.flows().load_poi_w[0];
    let mut served_on_battery_s = 0.0;
    let mut dark = false;
    for _ in 0..200_000 {
        plant.step(&GRID);
        let f = plant.flows();
        assert_eq!(f.poi_import_w[0], 0.0);
        let sum = f.load_poi_w[0] + f.battery_poi_w[0] - f.generation_poi_w[0];
        assert!(sum.abs() <= 1e-9 * load + 1e-6, "{sum}");
        if plant.now() > at_s(61.0) && f.unserved_w[0] == 0.0 {
            served_on_battery_s += 0.1;
        }
        dark |= f.unserved_w[0] > 0.8 * load && f.load_poi_w[0] < 0.01 * load;
    }
    // Three units of 4 MWh from 50 % to 5 % give 5.15 MWh at their terminals.
    let lasts_s = 3.0 * 4.0 * 0.45 * libm::sqrt(0.91) * 3.6e9 / load;
    assert!((served_on_battery_s / lasts_s - 1.0).abs() < 0.02, "{served_on_battery_s} {lasts_s}");
    assert!(dark, "with turbines and battery gone the island goes dark");
    assert!(plant.drain_happenings().any(|h| h.kind == "island"));
    assert!(plant.totals().jobs[0].failures > 0 && plant.totals().unserved_j > 0.0);
}

#[test]
fn a_surplus_that_a_full_battery_cannot_take_is_cut_and_counted() {
    let mut config = island();
    config.batteries.iter_mut().for_each(|b| b.soc_start = 0.95);
    config.faults = vec![Fault { start: at_s(10.0), end: at_s(200.0), kind: FaultKind::HallTrip, index: usize::MAX }];
    let mut plant = Plant::new(&config, Draw::new(1, 0));
    plant.command(&free(&config, 1, 2.5e6));
    let mut cut = 0.0_f64;
    for _ in 0..1_500 {
        plant.step(&GRID);
        cut = cut.max(plant.flows().curtailed_w[0]);
    }
    assert!(cut > 2e6, "two halls' worth of generation must go somewhere: {cut}");
    assert!(plant.totals().curtailed_j > 0.0 && plant.totals().unserved_j == 0.0);
}
