//! What GPUs that a layout leaves idle cost, and whether a batch a little smaller or larger would use them.
//!
//! Not modelled: what another batch does to learning.

use super::{DAY_S, Run, question};
use serde::Serialize;
use std::collections::BTreeSet;
use tieline_campus::training::layout::Layout;
use tieline_campus::training::search::search;
use tieline_campus::training::step::Step;

/// How far a batch may move.
const REACH: f64 = 0.1;
/// Candidates that are searched beside the ends of the range.
const MOST: usize = 6;

/// Idle GPUs and the best batch nearby.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Batches {
    /// GPUs of the run that its layout leaves idle, spares not counted.
    pub idle_gpus: f64,
    /// What they cost at the job's value of a GPU-hour, $ a day.
    pub idle_usd_per_day: f64,
    /// GPUs at work that wait because the batch does not divide, as whole GPUs, and their cost, $ a day.
    pub waiting_gpus: f64,
    /// See `waiting_gpus`.
    pub waiting_usd_per_day: f64,
    /// Batches that were searched.
    pub searched: Vec<u32>,
    /// The one with most tokens per second, if it beats the scenario's own.
    pub better: Option<BetterBatch>,
    /// The smallest of half, a quarter, ... of the GPUs at work that is still nearly as fast, if one is.
    pub fewer: Option<Fewer>,
}

/// A part of the fleet that trains nearly as fast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fewer {
    /// GPUs at work.
    pub gpus: f64,
    /// Layout in short.
    pub layout: String,
    /// Step, s.
    pub step_s: f64,
    /// Its tokens per second over those of the whole fleet.
    pub kept: f64,
}

/// Half of the GPUs that keep at least this share of the tokens are worth a line. guess.
const NEARLY_AS_FAST: f64 = 0.8;

fn fewer(run: &Run<'_>, at_work: f64, best: &Step) -> Option<Fewer> {
    let mut found = None;
    let mut gpus = libm::floor(0.5 * at_work);
    while gpus >= 1.0 {
        let answer = search(&run.model, &run.cluster, &question(run.plan, gpus, 1)).ok();
        let Some(next) = answer.and_then(|answer| answer.ranked.into_iter().next()) else { break };
        let kept = next.step.tokens_per_s / best.tokens_per_s;
        if kept < NEARLY_AS_FAST {
            break;
        }
        let (layout, step_s) = (next.layout.to_string(), next.step.time_s);
        found = Some(Fewer { gpus: next.layout.gpus(), layout, step_s, kept });
        gpus = libm::floor(0.5 * next.layout.gpus());
    }
    found
}

/// A better batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BetterBatch {
    /// Sequences in a step.
    pub batch: u32,
    /// Its layout in short.
    pub layout: String,
    /// GPUs at work.
    pub gpus: f64,
    /// Tokens per second over those of the scenario's own batch, less one.
    pub faster: f64,
}

/// Searches the batches within a tenth at which the shapes of the ranked layouts would take every GPU that they can.
pub(super) fn batches(run: &Run<'_>, ranked: &[Layout], best: &Step) -> Option<Batches> {
    let own = f64::from(run.plan.batch);
    let (low, high) = (libm::ceil(own * (1.0 - REACH)), libm::floor(own * (1.0 + REACH)));
    let mut tried: BTreeSet<u32> = BTreeSet::new();
    for layout in ranked {
        let inner = layout.gpus() / f64::from(layout.data);
        let round = libm::floor(run.usable() / inner) * f64::from(layout.micro_batch);
        // Interleaved pipelines want whole rounds of micro-batches.
        let whole = if layout.interleave > 1 { round * f64::from(layout.pipeline) } else { round };
        for rounds in [libm::floor(own / whole), libm::ceil(own / whole)] {
            let batch = rounds * whole;
            if batch >= low && batch <= high && batch != own && tried.len() < MOST {
                tried.insert(batch as u32);
            }
        }
    }
    tried.extend([low, high].into_iter().filter(|batch| *batch >= 1.0 && *batch != own).map(|batch| batch as u32));
    let mut better: Option<(BetterBatch, f64)> = None;
    for batch in &tried {
        let asked = tieline_campus::training::search::Question { batch: *batch, ..question(run.plan, run.usable(), 1) };
        let Some(found) = search(&run.model, &run.cluster, &asked).ok().and_then(|a| a.ranked.into_iter().next())
        else {
            continue;
        };
        let faster = found.step.tokens_per_s / best.tokens_per_s - 1.0;
        if faster > better.as_ref().map_or(0.0, |(_, most)| *most) {
            let (layout, gpus) = (found.layout.to_string(), found.layout.gpus());
            better = Some((BetterBatch { batch: *batch, layout, gpus, faster }, faster));
        }
    }
    let layout = ranked.first()?;
    let usd_per_day = |gpus: f64| gpus * run.job.usd_per_gpu_hour * DAY_S / 3600.0;
    let spares = super::spares::standing_by(run.plan, run.gpus, layout.gpus()) * super::GPUS_PER_NODE;
    let idle_gpus = run.gpus - layout.gpus() - spares;
    let waiting_gpus = layout.gpus() * layout.uneven();
    Some(Batches {
        idle_gpus,
        idle_usd_per_day: usd_per_day(idle_gpus),
        waiting_gpus,
        waiting_usd_per_day: usd_per_day(waiting_gpus),
        searched: tried.into_iter().collect(),
        better: better.map(|(better, _)| better),
        fewer: fewer(run, layout.gpus(), best),
    })
}
