//! `tieline train`: step time, layout, goodput, finish and the price of a curtailment of a scenario's training run.
//!
//! Not modelled: anything that `tieline_campus::training` does not model.

use std::num::NonZeroU32;
use tieline_campus::training::goodput::{self, Checkpoint, Hazard};

/// Most threads that a Monte Carlo uses.
const MOST_THREADS: u32 = 64;

/// Times of runs `0..runs`, s, cut over the threads that there are; in order of the samples, whatever their number.
pub fn times_s(hazard: &Hazard, checkpoint: &Checkpoint, work_s: f64, seed: u64, runs: u32) -> Vec<f64> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u32).clamp(1, MOST_THREADS);
    let each = runs.div_ceil(NonZeroU32::new(threads).map_or(1, NonZeroU32::get));
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                let samples = (thread * each).min(runs)..((thread + 1) * each).min(runs);
                scope.spawn(move || goodput::times_s(hazard, checkpoint, work_s, seed, samples))
            })
            .collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}
