//! Speed of the training model: full evaluations of layouts, and whole runs with their failures.
//!
//! Not modelled: several cores for the layouts; the figure is of one.

use super::Figure;
use crate::machine::Machine;
use std::hint::black_box;
use std::time::Instant;
use tieline_campus::training::cluster::{Cluster, Precision};
use tieline_campus::training::goodput::{Checkpoint, Hazard, Lost, Recovery, effective_share};
use tieline_campus::training::layout::{Attention, Layout, Overlap, SecondCopy};
use tieline_campus::training::model::Transformer;
use tieline_campus::training::search::{Question, space};
use tieline_campus::training::step::evaluate;

/// Runs of the Monte Carlo, and how long each is.
const RUNS: u32 = 10_000;
const RUN_S: f64 = 90.0 * 86_400.0;

/// Rounds over the space; each evaluates every layout of it anew.
const LEAST_EVALUATIONS: usize = 1_000_000;

/// Full evaluations (time, its parts, memory, utilisation) per second on one core, over the layouts of a 1 T model.
pub fn layouts(_machine: &Machine) -> Vec<Figure> {
    let (Some(model), Some(cluster)) = (Transformer::named("megatron-1t"), Cluster::named("A100")) else {
        return Vec::new();
    };
    let question = Question {
        gpus: 512,
        batch: 512,
        precision: Precision::Bf16,
        attention: Attention::Plain,
        overlap: Overlap::NONE,
        second_copy: SecondCopy::None,
        places: 10,
    };
    let layouts: Vec<Layout> = space(&model, &cluster, &question);
    let rounds = LEAST_EVALUATIONS.div_ceil(layouts.len().max(1));
    let start = Instant::now();
    let mut sum_s = 0.0;
    for _ in 0..rounds {
        for layout in &layouts {
            let step = evaluate(black_box(&model), black_box(&cluster), black_box(layout));
            sum_s += black_box(step).time_s;
        }
    }
    assert!(black_box(sum_s) > 0.0, "steps take time");
    let done = rounds * layouts.len();
    let per_s = done as f64 / start.elapsed().as_secs_f64();
    let note = format!("{done} full evaluations of {} layouts of a 1 T model, one core", layouts.len());
    vec![Figure::higher("train.layouts", per_s, "1/s", 1e5, note)]
}

/// Time of 10,000 simulated runs of 90 days on two threads, of a job on 16,384 GPUs and of one on 555,000.
pub fn monte_carlo() -> Vec<Figure> {
    let stiff = Hazard {
        gpus: 16_384.0,
        gpus_per_node: 8.0,
        per_1000_node_days: 3.79,
        restart_s: 300.0,
        spares: 40.0,
        repair_s: 86_400.0,
        planned_every_s: f64::INFINITY,
        planned_stop_s: 0.0,
        stragglers: 0.0,
        recovery: Recovery::Restart,
    };
    let lost = Lost::HeldTwice { slowdown: 0.01 };
    let recovery = Recovery::Elastic { replicas: 500.0, stall_s: 20.0, swap_s: 600.0, lost };
    let large = Hazard { gpus: 555_000.0, spares: 400.0, recovery, ..stiff };
    let checkpoint = Checkpoint::asynchronous(1800.0, 2.0, 600.0);
    let one = |name: &str, hazard: &Hazard| {
        let share = effective_share(hazard, &checkpoint);
        let start = Instant::now();
        let times_s = crate::train::times_s(hazard, &checkpoint, RUN_S * share, 1, RUNS);
        let spent_s = start.elapsed().as_secs_f64();
        let mean_d = times_s.iter().sum::<f64>() / f64::from(RUNS) / 86_400.0;
        let note = format!(
            "{RUNS} runs of {mean_d:.1} days, {:.0} GPUs, closed form {:.1} % effective",
            hazard.gpus,
            100.0 * share
        );
        Figure::lower(name, spent_s, "s", 10.0, note)
    };
    vec![one("train.monte_carlo", &stiff), one("train.monte_carlo_555k", &large)]
}
