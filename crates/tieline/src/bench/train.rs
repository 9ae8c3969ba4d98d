//! Speed of the training model: full evaluations of layouts, and whole runs with their failures.
//!
//! Not modelled: several cores for the layouts; the figure is of one.

use super::Figure;
use crate::machine::Machine;
use std::hint::black_box;
use std::time::Instant;
use tieline_campus::training::cluster::{Cluster, Precision};
use tieline_campus::training::layout::{Attention, Layout, Overlap};
use tieline_campus::training::model::Transformer;
use tieline_campus::training::search::{Question, space};
use tieline_campus::training::step::evaluate;

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
