//! What a step costs at the size of the largest built-in campus.

use crate::site::{GRID, battery, free, hall, job, plain, poi, turbine};
use tieline_campus::gpu::product;
use tieline_campus::plant::{Plant, PlantConfig};
use tieline_campus::training::{Job, JobKind};
use tieline_units::Draw;

/// 32 halls, 41 turbines, 168 batteries, 3 points, 3 jobs.
fn campus(last_is_island: bool) -> PlantConfig {
    let mut config = plain();
    config.pois = vec![poi(false), poi(false), poi(last_is_island)];
    config.pois.iter_mut().for_each(|p| p.meter_sigma_w = 2e5);
    config.telemetry.meter_quantum_w = 1e4;
    config.telemetry.unit_quantum_w = 1e4;
    config.telemetry.soc_quantum = 1e-4;
    config.halls = (0..32).map(|h| hall(h * 3 / 32, 17_000.0, Some(h * 3 / 32))).collect();
    config.halls.iter_mut().for_each(|h| h.product = product("GB200").expect("in the catalogue"));
    let kinds = [JobKind::PreTraining, JobKind::ReinforcementLearning, JobKind::Inference];
    config.jobs = kinds
        .iter()
        .map(|kind| Job {
            kind: *kind,
            failures_per_1000_node_days: 3.79,
            failure_domains: 16.0,
            checkpoint_every_s: 900.0,
            checkpoint_stall_s: 10.0,
            ..job()
        })
        .collect();
    config.batteries = (0..168).map(|b| battery(b * 3 / 168)).collect();
    config.turbines = (0..41)
        .map(|t| tieline_campus::onsite::Turbine {
            rated_w: 29e6,
            min_w: 10e6,
            trips_per_h: 0.001,
            ..turbine(t * 3 / 41)
        })
        .collect();
    config
}

#[test]
#[ignore = "a measurement: cargo test --release -p tieline-campus -- --ignored --nocapture bench"]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
fn nanoseconds_per_step() {
    for island in [false, true] {
        let config = campus(island);
        let mut plant = Plant::new(&config, Draw::new(1, 0));
        let mut commands = free(&config, 0, 20e6);
        let steps = 200_000_u32;
        let began = std::time::Instant::now();
        for k in 0..steps {
            // A controller that moves the batteries every tick and the caps every second.
            commands.seq += 1;
            commands.battery_w.fill(f64::from(k % 200) * 1e4 - 1e6);
            if k % 10 == 0 {
                commands.cap_w.fill(1_000.0 + f64::from(k / 10 % 50));
            }
            plant.command(&commands);
            plant.step(&GRID);
            plant.drain_happenings();
        }
        let ns = began.elapsed().as_secs_f64() * 1e9 / f64::from(steps);
        println!("campus step (island: {island}): {ns:.0} ns, commands included");
    }
}
