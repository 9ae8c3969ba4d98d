use super::*;
use crate::gpu;

fn job(kind: JobKind, tolerance: f64) -> Flexible {
    let product = gpu::product("A100").expect("in the catalogue");
    Flexible {
        name: "job".to_owned(),
        kind,
        gpus: 1000.0,
        level_w: product.training_w,
        product,
        measured: Vec::new(),
        usd_per_gpu_hour: 2.0,
        tokens_per_s: 1e6,
        tolerance,
        restart_s: 300.0,
        save_s: 60.0,
        checkpoint_every_s: 1800.0,
        replicas: 50.0,
        load: if kind == JobKind::Inference { 0.6 } else { 1.0 },
        load_limit: if kind == JobKind::Inference { 0.85 } else { 1.0 },
    }
}

fn ask(depth: f64) -> Curtailment {
    Curtailment { depth, duration_s: 3.0 * 3600.0, notice_s: 1800.0 }
}

#[test]
fn a_cap_costs_what_the_sweep_says() {
    let cost = job(JobKind::PreTraining, 0.5).cost(&ask(1.0 - 289.3 / 367.6), Response::Cap).expect("on offer");
    assert!((cost.throughput - 0.910).abs() < 1e-6);
    assert!((cost.gpu_hours - 0.09 * 3000.0).abs() < 0.01);
    assert!((cost.late_d - 0.09 * 3.0 / 24.0).abs() < 1e-6);
    assert!((cost.usd - 2.0 * cost.gpu_hours).abs() < 1e-9);
    assert!((cost.tokens - 0.09 * 3.0 * 3600.0 * 1e6).abs() < 1e3);
}

#[test]
fn every_answer_sheds_what_was_asked_and_respects_its_tier() {
    for kind in [JobKind::PreTraining, JobKind::ReinforcementLearning, JobKind::Inference] {
        for tolerance in TIERS.into_iter().chain([1.0]) {
            let job = job(kind, tolerance);
            for step in 1..20 {
                for response in Response::ALL {
                    let asked = ask(f64::from(step) * 0.05);
                    let Ok(cost) = job.cost(&asked, response) else { continue };
                    assert!(cost.shed_w >= asked.depth * job.power_w() * (1.0 - 1e-6), "{kind:?} {response:?}");
                    let kept = if kind == JobKind::Inference {
                        (cost.throughput / job.load).min(1.0)
                    } else {
                        cost.throughput
                    };
                    assert!(kept >= 1.0 - tolerance - 1e-6);
                    assert!(cost.usd >= 0.0 && cost.gpu_hours >= 0.0);
                }
            }
        }
    }
}

#[test]
fn refusals_say_why() {
    let stiff = job(JobKind::PreTraining, 0.0);
    assert!(matches!(stiff.cost(&ask(0.3), Response::Cap), Err(Refusal::BeyondTolerance(_))));
    let free = job(JobKind::PreTraining, 1.0);
    assert!(matches!(free.cost(&ask(0.95), Response::Cap), Err(Refusal::TooDeep(_))));
    let short = Curtailment { notice_s: 10.0, ..ask(0.5) };
    assert_eq!(free.cost(&short, Response::Hold), Err(Refusal::TooLittleNotice(60.0)));
    let serving = job(JobKind::Inference, 1.0);
    assert!(matches!(serving.cost(&ask(0.7), Response::Cap), Err(Refusal::LatencyLimit(_))));
    assert_eq!(serving.cost(&ask(0.1), Response::Cap).expect("within its slack").usd, 0.0);
    let single = Flexible { replicas: 1.0, ..free };
    assert_eq!(single.cost(&ask(0.1), Response::Resize), Err(Refusal::OneReplica));
}

#[test]
fn the_merit_order_rises_and_is_never_beaten_by_another_split() {
    let jobs =
        [job(JobKind::PreTraining, 0.25), job(JobKind::ReinforcementLearning, 0.5), job(JobKind::Inference, 0.1)];
    let rungs = merit_order(&jobs, 10_800.0, 1800.0);
    assert!(rungs.windows(2).all(|pair| pair[0].usd_per_mwh <= pair[1].usd_per_mwh));
    assert!(rungs.windows(2).all(|pair| pair[0].total_w < pair[1].total_w));
    let target_w = 0.25 * jobs.iter().map(Flexible::power_w).sum::<f64>();
    let (depths, shed_w, met) = share_out(&jobs, target_w, 10_800.0, 1800.0);
    assert!(met && shed_w >= target_w);
    let cost = |depths: &[f64]| -> Option<(f64, f64)> {
        let mut sum = (0.0, 0.0);
        for (job, depth) in jobs.iter().zip(depths) {
            if *depth > 0.0 {
                let cost = job.cheapest(&ask(*depth))?;
                sum = (sum.0 + cost.usd, sum.1 + cost.shed_w);
            }
        }
        Some(sum)
    };
    let ours = cost(&depths).expect("on offer");
    for a in 0..20 {
        for b in 0..20 {
            for c in 0..20 {
                let other = [f64::from(a) * 0.05, f64::from(b) * 0.05, f64::from(c) * 0.05];
                if let Some((usd, w)) = cost(&other)
                    && w >= shed_w
                {
                    assert!(usd >= ours.0 * (1.0 - 1e-9), "{other:?} costs {usd}, ours {depths:?} {}", ours.0);
                }
            }
        }
    }
}

#[test]
fn the_field_trial_is_replayed() {
    let trial = field_trial();
    let baseline_w: f64 = trial.iter().map(Flexible::power_w).sum();
    let (depths, _, met) = share_out(&trial, 0.24 * baseline_w, 201.0 * 60.0, 3600.0);
    let mut weighted = 0.0;
    for (job, depth) in trial.iter().zip(&depths) {
        let throughput = if *depth > 0.0 {
            let asked = Curtailment { depth: *depth, duration_s: 201.0 * 60.0, notice_s: 3600.0 };
            job.cheapest(&asked).expect("on offer").throughput
        } else {
            1.0
        };
        weighted += (1.0 - job.tolerance) / 3.9 * throughput;
    }
    assert!(met && (weighted - 0.910).abs() < 0.03, "{weighted}");
}

#[test]
fn a_measured_curve_of_its_own_goes_before_the_mean() {
    let own = job(JobKind::PreTraining, 0.5).measured(vec![(100.0, 0.2), (200.0, 0.6), (300.0, 0.9), (400.0, 1.0)]);
    assert_eq!(own.level_w, 400.0);
    let at = |depth: f64| {
        let asked = Curtailment { depth, duration_s: 3600.0, notice_s: 3600.0 };
        own.cost(&asked, Response::Cap).map(|cost| (cost.throughput, cost.shed_w / own.power_w()))
    };
    let close = |found: (f64, f64), wanted: (f64, f64)| {
        assert!((found.0 - wanted.0).abs() < 1e-12 && (found.1 - wanted.1).abs() < 1e-12, "{found:?} for {wanted:?}");
    };
    close(at(0.0).expect("nothing asked"), (1.0, 0.0));
    close(at(0.25).expect("on a point"), (0.9, 0.25));
    close(at(0.375).expect("between two"), (0.75, 0.375));
    assert_eq!(at(0.8), Err(Refusal::TooDeep(0.75)));
}
