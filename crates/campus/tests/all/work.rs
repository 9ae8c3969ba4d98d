//! Failures, checkpoints, tokens, and luck that does not move when the plant grows.

use crate::site::{GRID, at_s, battery, free, hall, job, plain};
use tieline_campus::gpu::relative_throughput;
use tieline_campus::plant::{Fault, FaultKind, Plant, PlantConfig};
use tieline_campus::training::{Job, JobKind};
use tieline_units::{Draw, Span};

/// Llama 3 405B: 16,384 H100 for 54 days, 3.79 unexpected interruptions per 1,000 node-days.
fn llama() -> PlantConfig {
    let mut config = plain();
    config.step = Span::secs(10);
    config.telemetry.unit_period = Span::secs(10);
    config.jobs =
        vec![Job { failures_per_1000_node_days: 3.79, checkpoint_every_s: 1_800.0, restart_s: 600.0, ..job() }];
    config
}

#[test]
fn failures_and_lost_work_of_54_days_match_their_expectation() {
    let config = llama();
    let mut plant = Plant::new(&config, Draw::new(11, 0));
    plant.command(&free(&config, 1, 0.0));
    for _ in 0..54 * 8_640 {
        plant.step(&GRID);
    }
    let work = &plant.totals().jobs[0];
    let failures = work.failures as f64;
    // Poisson: 419 expected, standard deviation 20.5.
    assert!((failures - 419.0).abs() < 2.0 * 20.5, "{failures}");
    // A failure falls anywhere between two checkpoints: half an interval is lost, uniform, so sigma = T/sqrt(12). A job
    // that was down works on with a fresh interval only after its restart; that shortens the mean by well under 5 %.
    let mean_s = work.lost_gpu_s / failures / 16_384.0;
    let three_sigma = 3.0 * 1_800.0 / libm::sqrt(12.0 * failures);
    assert!((mean_s - 900.0).abs() < three_sigma + 45.0, "{mean_s}");
    let installed = 16_384.0 * 54.0 * 86_400.0;
    let goodput = work.productive_gpu_s / installed;
    let expected = 1.0 - failures * (900.0 + 600.0) / (54.0 * 86_400.0);
    assert!((goodput - expected).abs() < 0.01, "{goodput} {expected}");
    // 16,384 x 0.41 x 989 TFLOP/s / (6 x 405e9), less what was lost.
    let per_s = 16_384.0 * 0.41 * 989e12 / (6.0 * 405e9);
    assert!((work.tokens / (per_s * 54.0 * 86_400.0 * goodput) - 1.0).abs() < 1e-6);
}

#[test]
fn mean_times_between_failures_follow_the_linear_law() {
    let rsc1 = Job { failures_per_1000_node_days: 6.5, ..job() };
    assert!((1.0 / rsc1.failures_per_s(16_384.0) / 3600.0 - 1.80).abs() < 0.01);
    assert!((1.0 / rsc1.failures_per_s(131_072.0) / 3600.0 - 0.225).abs() < 0.001);
    let llama = Job { failures_per_1000_node_days: 3.79, ..job() };
    assert!((1.0 / llama.failures_per_s(16_384.0) / 3600.0 - 3.09).abs() < 0.01);
    assert!((1.0 / llama.failures_per_s(555_000.0) / 60.0 - 5.5).abs() < 0.1);
}

#[test]
fn luck_is_the_same_with_and_without_a_battery_and_from_run_to_run() {
    let run = |batteries: usize, seed: u64| {
        let mut config = llama();
        config.batteries = vec![battery(0); batteries];
        let mut plant = Plant::new(&config, Draw::new(seed, 0));
        plant.command(&free(&config, 1, 0.0));
        let mut text = Vec::new();
        for _ in 0..4 * 8_640 {
            plant.step(&GRID);
            text.extend(plant.drain_happenings().filter(|h| h.kind == "job").map(|h| (h.at, h.text)));
        }
        (text, plant.totals().jobs[0], plant.flows().hall_w[0].to_bits())
    };
    let alone = run(0, 1);
    assert!(alone.0.len() > 10);
    assert_eq!(alone, run(5, 1), "a battery changes neither failures nor load");
    assert_eq!(alone, run(0, 1));
    assert_ne!(alone.0, run(0, 2).0);
}

#[test]
fn a_checkpoint_stalls_a_synchronous_job_and_saves_its_work() {
    let mut config = plain();
    config.jobs[0].checkpoint_every_s = 100.0;
    config.jobs[0].checkpoint_stall_s = 10.0;
    config.faults = vec![Fault { start: at_s(250.0), end: at_s(300.0), kind: FaultKind::JobFailure, index: 0 }];
    let mut plant = Plant::new(&config, Draw::new(1, 0));
    plant.command(&free(&config, 1, 0.0));
    let mut stalled_w = 0.0;
    for k in 0..2_600 {
        plant.step(&GRID);
        if k == 1_050 {
            stalled_w = plant.flows().gpu_w[0];
        }
    }
    assert!((stalled_w / 16_384.0 - 150.0).abs() < 1e-9, "{stalled_w}");
    let work = &plant.totals().jobs[0];
    // Checkpoints at 100-110 s and 210-220 s; the failure at 250 s loses the 30 s since.
    assert_eq!(work.checkpoints, 2);
    assert!((work.lost_gpu_s / 16_384.0 - 30.0).abs() < 1e-6, "{}", work.lost_gpu_s / 16_384.0);
    assert!((work.productive_gpu_s / 16_384.0 - 200.0).abs() < 1e-6);
    assert!((work.stalled_gpu_s / 16_384.0 - 30.0).abs() < 1e-6);
}

#[test]
fn one_of_eight_groups_stalls_an_eighth() {
    let mut config = plain();
    config.jobs[0].failure_domains = 8.0;
    config.jobs[0].failures_per_1000_node_days = 2_000.0;
    config.jobs[0].restart_s = 1e6;
    let mut plant = Plant::new(&config, Draw::new(1, 0));
    plant.command(&free(&config, 1, 0.0));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        plant.step(&GRID);
        let active = plant.job_active(0);
        if seen.last() != Some(&active) {
            seen.push(active);
        }
    }
    assert_eq!(seen, [1.0, 0.875, 0.75]);
}

#[test]
fn a_cap_costs_tokens_as_the_curve_says_and_the_slowest_hall_sets_the_pace() {
    let mut config = plain();
    config.halls.push(hall(0, 16_384.0, Some(0)));
    let tokens = |caps: [f64; 2], kind: JobKind| {
        let mut config = config.clone();
        config.jobs[0].kind = kind;
        let mut plant = Plant::new(&config, Draw::new(1, 0));
        let mut commands = free(&config, 1, 0.0);
        commands.cap_w.copy_from_slice(&caps);
        plant.command(&commands);
        (0..100).for_each(|_| plant.step(&GRID));
        let before = plant.totals().jobs[0];
        (0..100).for_each(|_| plant.step(&GRID));
        let after = plant.totals().jobs[0];
        (after.tokens - before.tokens, after.capped_gpu_s - before.capped_gpu_s)
    };
    let thr = relative_throughput(&config.halls[0].product, 350.0);
    let (full, _) = tokens([700.0, 700.0], JobKind::PreTraining);
    let (one, lost) = tokens([700.0, 350.0], JobKind::PreTraining);
    assert!((one / full - thr).abs() < 1e-9, "synchronous: {} {thr}", one / full);
    assert!((lost / (2.0 * 16_384.0 * 10.0) - (1.0 - thr)).abs() < 1e-9);
    let (one, _) = tokens([700.0, 350.0], JobKind::ReinforcementLearning);
    assert!((one / full - (1.0 + thr) / 2.0).abs() < 1e-9, "each hall at its own pace");
}

#[test]
fn a_lost_hall_stops_a_synchronous_job_and_only_itself_otherwise() {
    let run = |groups: f64| {
        let mut config = plain();
        config.halls.push(hall(0, 16_384.0, Some(0)));
        config.jobs[0].failure_domains = groups;
        config.faults = vec![Fault { start: at_s(50.0), end: at_s(60.0), kind: FaultKind::HallTrip, index: 1 }];
        let mut plant = Plant::new(&config, Draw::new(1, 0));
        plant.command(&free(&config, 1, 0.0));
        (0..560).for_each(|_| plant.step(&GRID));
        let during = plant.flows().clone();
        (0..4_000).for_each(|_| plant.step(&GRID));
        (during, plant.flows().clone(), plant.totals().jobs[0])
    };
    let (during, after, work) = run(1.0);
    assert_eq!(during.hall_w[1], 0.0);
    assert!((during.gpu_w[0] / 16_384.0 - 150.0).abs() < 1e-9, "waits for the other hall");
    assert!((after.gpu_w[1] / 16_384.0 - 555.0).abs() < 15.0, "back after 300 s");
    assert!((work.lost_gpu_s / 16_384.0 - 100.0).abs() < 1e-6, "both halls lose 50 s");
    let (during, after, work) = run(8.0);
    assert!((during.gpu_w[0] / 16_384.0 - 555.0).abs() < 15.0, "goes on");
    assert!((after.gpu_w[1] / 16_384.0 - 555.0).abs() < 15.0);
    assert!((work.lost_gpu_s / 16_384.0 - 50.0).abs() < 1e-6, "one hall loses 50 s");
}

#[test]
fn inference_follows_the_local_day() {
    let mut config = plain();
    config.jobs[0] = Job { kind: JobKind::Inference, peak_hour: 15.0, night_share: 0.4, ..job() };
    config.step = Span::secs(10);
    config.telemetry.unit_period = Span::secs(10);
    let mut plant = Plant::new(&config, Draw::new(1, 0));
    plant.command(&free(&config, 1, 0.0));
    let mut hourly = Vec::new();
    for k in 1..=8_640 {
        plant.step(&GRID);
        if k % 360 == 0 {
            hourly.push(plant.flows().gpu_w[0]);
        }
    }
    // The run starts at local midnight: entry 14 is 15 h, entry 2 is 3 h.
    let peak = hourly.iter().copied().fold(0.0, f64::max);
    assert!((peak - hourly[14]).abs() < 0.02 * peak);
    let night = (72.0 + (555.0 - 72.0) * 0.4) / 555.0;
    assert!((hourly[2] / hourly[14] - night).abs() < 0.03, "{} {night}", hourly[2] / hourly[14]);
}
