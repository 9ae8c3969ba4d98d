//! When each pipeline stage computes, communicates and waits within one step: plain data from which power is drawn.
//!
//! The order of work is Megatron's: 1F1B, interleaved where a stage holds several chunks (arXiv 2104.04473). Each forward
//! and backward starts when the stage is free and its input has arrived.
//!
//! Not modelled: differences between replicas (all run in step), the inner order of operations within a layer beyond
//! `Pass` (the shares are spread evenly), overlap seen as two things at once (what hides does not appear).

use super::layout::Layout;
use super::model::{Transformer, real};
use super::step::{Pass, Step};

/// What a GPU does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Waits for another stage.
    Wait,
    /// Forward pass of one micro-batch through one chunk of layers.
    Forward,
    /// Backward pass of the same.
    Backward,
    /// Gradients and parameters over the data-parallel group.
    Gradients,
    /// The optimizer.
    Optimizer,
}

/// A stretch of one stage's step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// What happens.
    pub activity: Activity,
    /// When it begins, s from the start of the step.
    pub start_s: f64,
    /// How long it lasts, s.
    pub duration_s: f64,
    /// Share of it in which arithmetic runs at full tilt (products and attention), 0..1.
    pub arithmetic: f64,
    /// Share of it in which memory streams, 0..1.
    pub streaming: f64,
    /// Share of it in which the GPU waits for the network, 0..1.
    pub communicating: f64,
}

/// One entry of a stage's order of work.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Task {
    forward: bool,
    micro_batch: usize,
    /// Chunk along the whole model: chunk of the stage x stages + stage.
    place: usize,
}

/// Megatron's order of work on one stage.
fn order(stage: usize, stages: usize, chunks: usize, micro_batches: usize) -> Vec<Task> {
    let all = micro_batches * chunks;
    let task = |k: usize, forward: bool| {
        let (round, within) = (k / (stages * chunks), k % (stages * chunks));
        let chunk = within / stages;
        let chunk = if forward { chunk } else { chunks - 1 - chunk };
        let micro_batch = if chunks == 1 { k } else { round * stages + within % stages };
        Task { forward, micro_batch, place: chunk * stages + stage }
    };
    let ahead = if chunks == 1 { stages - 1 - stage } else { 2 * (stages - 1 - stage) + (chunks - 1) * stages };
    let warm = ahead.min(all);
    let mut tasks: Vec<Task> = (0..warm).map(|k| task(k, true)).collect();
    for k in warm..all {
        tasks.push(task(k, true));
        tasks.push(task(k - warm, false));
    }
    tasks.extend((all - warm..all).map(|k| task(k, false)));
    tasks
}

/// The phases of every stage over one step, first stage first, without gaps from 0 to the end of the step.
///
/// Its length equals `Step::time_s` where all stages are alike (V-TRAIN-31: bubble = (p - 1) / (v m)); heavier ends make
/// the two differ by little.
#[must_use]
pub fn phases(model: &Transformer, layout: &Layout, step: &Step) -> Vec<Vec<Phase>> {
    let stages = layout.pipeline as usize;
    let chunks = layout.interleave as usize;
    let micro_batches = layout.micro_batches() as usize;
    let layers = layout.stage_layers(model) / real(layout.interleave);
    let inner = (layers * step.forward.total() + step.transfer_s, layers * step.backward.total() + step.transfer_s);
    let orders: Vec<Vec<Task>> = (0..stages).map(|stage| order(stage, stages, chunks, micro_batches)).collect();
    let last_place = stages * chunks - 1;
    // What the ends add to the first and the last chunk, or take away, shared between forward (a third) and backward.
    let more_s = step.micro_batch_s - (inner.0 + inner.1) * real(layout.interleave);
    let duration = |task: &Task| {
        let both = if task.place == last_place && more_s > 0.0 { more_s } else { 0.0 };
        if task.forward { inner.0 + both / 3.0 } else { inner.1 + both * 2.0 / 3.0 }
    };
    let mut done = vec![[f64::NAN; 2]; (last_place + 1) * micro_batches];
    let mut next = vec![0_usize; stages];
    let mut free_s = vec![0.0_f64; stages];
    let mut built: Vec<Vec<Phase>> = vec![Vec::new(); stages];
    let mut left: usize = orders.iter().map(Vec::len).sum();
    while left > 0 {
        let before = left;
        for stage in 0..stages {
            while let Some(task) = orders[stage].get(next[stage]) {
                let Some(ready_s) = ready(task, last_place, micro_batches, &done) else { break };
                let start_s = free_s[stage].max(ready_s);
                if start_s > free_s[stage] {
                    built[stage].push(waiting(free_s[stage], start_s - free_s[stage]));
                }
                let duration_s = duration(task);
                let pass = if task.forward { step.forward } else { step.backward };
                built[stage].push(working(task.forward, start_s, duration_s, &pass, layers));
                free_s[stage] = start_s + duration_s;
                done[task.place * micro_batches + task.micro_batch][usize::from(!task.forward)] = free_s[stage];
                next[stage] += 1;
                left -= 1;
            }
        }
        assert!(left < before, "the order of work never waits for itself");
    }
    let end_s = free_s.iter().copied().fold(0.0, f64::max);
    for (stage, phases) in built.iter_mut().enumerate() {
        if end_s > free_s[stage] {
            phases.push(waiting(free_s[stage], end_s - free_s[stage]));
        }
        finish(phases, end_s, step);
    }
    built
}

/// When the input of a task is there; `None` if it has not been made yet.
fn ready(task: &Task, last: usize, micro_batches: usize, done: &[[f64; 2]]) -> Option<f64> {
    let at = |place: usize, which: usize| {
        let time_s = done[place * micro_batches + task.micro_batch][which];
        (!time_s.is_nan()).then_some(time_s)
    };
    match (task.forward, task.place) {
        (true, 0) => Some(0.0),
        (true, place) => at(place - 1, 0),
        (false, place) if place == last => at(place, 0),
        (false, place) => at(place + 1, 1),
    }
}

fn waiting(start_s: f64, duration_s: f64) -> Phase {
    Phase { activity: Activity::Wait, start_s, duration_s, arithmetic: 0.0, streaming: 0.0, communicating: 0.0 }
}

fn working(forward: bool, start_s: f64, duration_s: f64, pass: &Pass, layers: f64) -> Phase {
    let share = |part_s: f64| (part_s * layers / duration_s).min(1.0);
    let arithmetic = share(pass.products_s + pass.attention_s);
    let streaming = share(pass.streaming_s);
    Phase {
        activity: if forward { Activity::Forward } else { Activity::Backward },
        start_s,
        duration_s,
        arithmetic,
        streaming,
        communicating: (1.0 - arithmetic - streaming).max(0.0),
    }
}

/// Gradients and optimizer after the last micro-batch.
fn finish(phases: &mut Vec<Phase>, end_s: f64, step: &Step) {
    let gradients = Phase {
        activity: Activity::Gradients,
        start_s: end_s,
        duration_s: step.data_s,
        arithmetic: 0.0,
        streaming: 0.0,
        communicating: 1.0,
    };
    let optimizer = Phase {
        activity: Activity::Optimizer,
        start_s: end_s + step.data_s,
        duration_s: step.optimizer_s,
        arithmetic: 0.0,
        streaming: 1.0,
        communicating: 0.0,
    };
    phases.extend([gradients, optimizer].into_iter().filter(|phase| phase.duration_s > 0.0));
}

/// Share of the pipeline's work that waiting adds on one stage: waiting over working, counted from the phases.
#[must_use]
pub fn bubble_share(phases: &[Phase]) -> f64 {
    let of = |wanted: &[Activity]| -> f64 {
        phases.iter().filter(|phase| wanted.contains(&phase.activity)).map(|phase| phase.duration_s).sum()
    };
    of(&[Activity::Wait]) / of(&[Activity::Forward, Activity::Backward])
}

#[cfg(test)]
mod tests {
    use super::super::cluster::Cluster;
    use super::super::step::evaluate;
    use super::*;

    fn layout(pipeline: u32, interleave: u32, micro_batches: u32) -> Layout {
        Layout { tensor: 8, pipeline, interleave, batch: micro_batches, ..Layout::ONE }
    }

    fn alike(pipeline: u32, interleave: u32, micro_batches: u32) -> (Transformer, Layout, Step) {
        let model = Transformer::named("gpt3-175b").expect("in the list");
        let layout = layout(pipeline, interleave, micro_batches);
        let mut step = evaluate(&model, &Cluster::named("H100").expect("in the list"), &layout);
        // Without heavier ends, so that the closed form is exact.
        let chunk = layout.stage_layers(&model) / f64::from(interleave);
        step.micro_batch_s =
            f64::from(interleave) * (chunk * (step.forward.total() + step.backward.total()) + 2.0 * step.transfer_s);
        (model, layout, step)
    }

    #[test]
    fn the_bubble_is_the_closed_form() {
        for (pipeline, interleave, micro_batches) in
            [(1, 1, 4), (4, 1, 8), (16, 1, 16), (8, 1, 5), (4, 3, 8), (8, 6, 16), (16, 6, 32)]
        {
            let (model, layout, step) = alike(pipeline, interleave, micro_batches);
            let all = phases(&model, &layout, &step);
            let wanted = f64::from(pipeline - 1) / f64::from(interleave * micro_batches);
            for stage in &all {
                assert!((bubble_share(stage) - wanted).abs() < 1e-9, "{layout}: {} for {wanted}", bubble_share(stage));
            }
        }
    }

    #[test]
    fn phases_have_no_gaps_and_every_micro_batch_runs_once_each_way() {
        let (model, layout, step) = alike(8, 3, 16);
        for stage in phases(&model, &layout, &step) {
            let mut at_s = 0.0;
            for phase in &stage {
                assert!((phase.start_s - at_s).abs() < 1e-9);
                at_s = phase.start_s + phase.duration_s;
                let shares = phase.arithmetic + phase.streaming + phase.communicating;
                assert!(phase.activity == Activity::Wait || (shares - 1.0).abs() < 1e-9);
            }
            let count = |activity| stage.iter().filter(|phase| phase.activity == activity).count();
            assert_eq!((count(Activity::Forward), count(Activity::Backward)), (48, 48));
        }
    }

    #[test]
    fn heavier_ends_keep_the_schedule_near_the_closed_form() {
        let model = Transformer::named("gpt3-175b").expect("in the list");
        let layout = layout(8, 3, 64);
        let step = evaluate(&model, &Cluster::named("H100").expect("in the list"), &layout);
        let all = phases(&model, &layout, &step);
        let last = all[0].last().expect("a step has phases");
        let end_s = last.start_s + last.duration_s;
        assert!((end_s / step.time_s - 1.0).abs() < 0.02, "{end_s} {}", step.time_s);
    }
}
