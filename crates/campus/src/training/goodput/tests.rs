use super::*;

fn hazard(gpus: f64) -> Hazard {
    Hazard {
        gpus,
        gpus_per_node: 8.0,
        per_1000_node_days: 3.79,
        restart_s: 300.0,
        spares: f64::INFINITY,
        repair_s: DAY_S,
        planned_every_s: f64::INFINITY,
        planned_stop_s: 0.0,
        stragglers: 0.0,
        recovery: Recovery::Restart,
    }
}

fn agree(hazard: &Hazard, checkpoint: &Checkpoint, days: f64, runs: u32) {
    let closed = effective_share(hazard, checkpoint);
    // Whole segments, so that no edge enters the comparison.
    let work_s = segments(days * DAY_S * closed, checkpoint) * checkpoint.every_s;
    let times = times_s(hazard, checkpoint, work_s, 7, 0..runs);
    let simulated = effective_of(work_s, &times).expect("many runs");
    let off = (simulated.value - closed) / simulated.standard_error;
    assert!(
        off.abs() < 3.0,
        "{hazard:?} {checkpoint:?}: closed {closed}, simulated {simulated}, {off} standard errors"
    );
}

#[test]
fn closed_form_and_monte_carlo_agree() {
    for gpus in [1024.0, 16_384.0, 100_000.0] {
        agree(&hazard(gpus), &Checkpoint::synchronous(1200.0, 30.0), 90.0, 2000);
    }
    // A checkpoint that is durable late: the first segment has nothing pending, which 90 days dilute to 1e-4.
    agree(&hazard(16_384.0), &Checkpoint::asynchronous(600.0, 2.0, 120.0), 90.0, 500);
    agree(&hazard(100_000.0), &Checkpoint::asynchronous(600.0, 2.0, 500.0), 90.0, 300);
    let stops = Hazard { planned_every_s: DAY_S, planned_stop_s: 1800.0, stragglers: 0.03, ..hazard(16_384.0) };
    agree(&stops, &Checkpoint::synchronous(1200.0, 30.0), 90.0, 1000);
}

#[test]
fn few_spares_cost_time_in_both() {
    // 2,048 nodes fail 7.8 times a day; a day of repair keeps 7.8 nodes away on average.
    let ample = effective_share(&hazard(16_384.0), &Checkpoint::synchronous(1200.0, 30.0));
    let few = Hazard { spares: 10.0, ..hazard(16_384.0) };
    let share = effective_share(&few, &Checkpoint::synchronous(1200.0, 30.0));
    assert!(share < 0.95 * ample, "{share} {ample}");
    agree(&few, &Checkpoint::synchronous(1200.0, 30.0), 90.0, 300);
}

#[test]
fn elastic_jobs_agree_too_and_are_worth_it_at_555_000_gpus() {
    let checkpoint = Checkpoint::asynchronous(1800.0, 2.0, 600.0);
    let lost = Lost::HeldTwice { slowdown: 0.0 };
    let recovery = Recovery::Elastic { replicas: 500.0, stall_s: 20.0, swap_s: 600.0, lost };
    let elastic = Hazard { recovery, spares: 400.0, ..hazard(555_000.0) };
    agree(&elastic, &checkpoint, 20.0, 200);
    let stiff = hazard(555_000.0);
    let best = Checkpoint { every_s: best_interval_s(&stiff, &checkpoint), ..checkpoint };
    assert!(effective_share(&stiff, &best) < 0.5 && effective_share(&elastic, &checkpoint) > 0.85);
}

#[test]
fn the_best_interval_is_near_the_formulas_where_they_hold() {
    let h = Hazard { per_1000_node_days: 3.79, ..hazard(16_384.0) };
    let best_s = best_interval_s(&h, &Checkpoint::synchronous(600.0, 10.0));
    let daly = daly_s(h.between_failures_s(), h.restart_s, 10.0);
    assert!((best_s / daly - 1.0).abs() < 0.05, "{best_s} {daly}");
}

#[test]
fn dalys_interval_of_higher_order_is_the_optimum_of_his_complete_model() {
    // A checkpoint of 84 s and a failure every 22 min: the first order with the restart in it is a quarter too long.
    let h = Hazard { gpus: 555_000.0, ..hazard(555_000.0) };
    let m = h.between_failures_s();
    for stall_s in [5.0, 84.0, 200.0] {
        let best_s = best_interval_s(&h, &Checkpoint::synchronous(600.0, stall_s));
        let daly = daly_2006_s(m, stall_s);
        assert!((daly / best_s - 1.0).abs() < 0.01, "{stall_s}: {daly} {best_s}");
    }
    assert!((daly_2006_s(1319.0, 83.73) - 415.9).abs() < 0.1);
    assert_eq!(daly_2006_s(100.0, 300.0), 100.0);
}

#[test]
fn causes_are_the_published_counts() {
    assert_eq!(CAUSES.iter().map(|cause| cause.1).sum::<u32>(), 419);
}

#[test]
fn no_failures_means_only_checkpoints() {
    let never = Hazard { per_1000_node_days: 0.0, ..hazard(1000.0) };
    let checkpoint = Checkpoint::synchronous(1000.0, 10.0);
    assert!((effective_share(&never, &checkpoint) - 1000.0 / 1010.0).abs() < 1e-12);
    let run = simulate(&never, &checkpoint, 10_000.0, &Draw::new(1, 0), &mut |_| {});
    assert_eq!((run.time_s, run.failures), (10_100.0, 0));
    // Intervals of the length of the run itself: stragglers and planned stops still cost what they cost.
    let slow = Hazard { planned_every_s: 1e5, planned_stop_s: 900.0, stragglers: 0.02, ..never };
    let rare = Checkpoint::asynchronous(30.0 * DAY_S, 2.0, 60.0);
    let work_s = 90.0 * DAY_S;
    let run = simulate(&slow, &rare, work_s, &Draw::new(1, 0), &mut |_| {});
    assert!((work_s / run.time_s - effective_share(&slow, &rare)).abs() < 1e-6, "{}", work_s / run.time_s);
}

fn shrinking(gpus: f64, replicas: f64, lost: Lost) -> Hazard {
    let recovery = Recovery::Elastic { replicas, stall_s: 20.0, swap_s: 600.0, lost };
    Hazard { recovery, ..hazard(gpus) }
}

#[test]
fn a_job_that_rolls_back_agrees_with_its_closed_form() {
    let lost = Lost::RollBack { load_s: 60.0 };
    // Few replicas, so that those being swapped weigh; checkpoints that are durable at once, late, and one segment late.
    agree(&shrinking(16_384.0, 16.0, lost), &Checkpoint::synchronous(1200.0, 30.0), 90.0, 1000);
    agree(&shrinking(100_000.0, 20.0, lost), &Checkpoint::asynchronous(400.0, 2.0, 120.0), 90.0, 500);
    agree(&shrinking(555_000.0, 500.0, lost), &Checkpoint::asynchronous(90.0, 1.0, 85.0), 20.0, 200);
    let few = Hazard { spares: 5.0, ..shrinking(16_384.0, 64.0, lost) };
    agree(&few, &Checkpoint::synchronous(1200.0, 30.0), 90.0, 1000);
    // Seconds between checkpoints: millions of segments, taken many at a time, also while replicas are away.
    agree(&shrinking(100_000.0, 20.0, lost), &Checkpoint::asynchronous(2.0, 0.001, 1.0), 90.0, 500);
    // One replica whose swap takes no time is the job that restarts, to the last bits.
    let plain = Hazard { restart_s: 80.0, recovery: Recovery::Restart, ..hazard(16_384.0) };
    let recovery = Recovery::Elastic { replicas: 1.0, stall_s: 20.0, swap_s: 0.0, lost };
    let checkpoint = Checkpoint::asynchronous(1200.0, 5.0, 100.0);
    let (a, b) = (effective_share(&plain, &checkpoint), effective_share(&Hazard { recovery, ..plain }, &checkpoint));
    assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
}

#[test]
fn a_second_holder_costs_its_share_in_both_and_rolling_back_costs_more_at_555_000_gpus() {
    let checkpoint = Checkpoint::asynchronous(300.0, 0.5, 85.0);
    let free = effective_share(&shrinking(555_000.0, 500.0, Lost::HeldTwice { slowdown: 0.0 }), &checkpoint);
    let held = shrinking(555_000.0, 500.0, Lost::HeldTwice { slowdown: 0.03 });
    assert!((effective_share(&held, &checkpoint) * 1.03 / free - 1.0).abs() < 1e-12);
    agree(&held, &checkpoint, 20.0, 200);
    let back = shrinking(555_000.0, 500.0, Lost::RollBack { load_s: 85.0 });
    let best = Checkpoint { every_s: best_interval_s(&back, &checkpoint), ..checkpoint };
    assert!(effective_share(&back, &best) < 0.8 * free);
}
