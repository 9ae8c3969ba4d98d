//! Spare nodes: the part of a fleet that stands by and does not compute, what it costs, and what it changes.
//!
//! Not modelled: spares that serve other jobs meanwhile, spares of whole racks.

use super::fleet::pace;
use super::plan::TrainingPlan;
use super::{DAY_S, GPUS_PER_NODE, Placed, Run, hazard, own_checkpoint};
use serde::Serialize;
use tieline_campus::training::goodput::{Hazard, effective_share};
use tieline_campus::training::layout::Layout;
use tieline_campus::training::step::Step;

/// Spare nodes of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spares {
    /// Nodes that the scenario wants to stand by, over nodes at work.
    pub wanted: f64,
    /// Nodes that do, and their GPUs.
    pub nodes: f64,
    /// See `nodes`.
    pub gpus: f64,
    /// What they cost at the job's value of a GPU-hour, $ a day.
    pub usd_per_day: f64,
    /// Time until a failed node is back, s.
    pub repair_s: f64,
    /// The same run with none; absent where there are none.
    pub without: Option<Without>,
}

/// The run without spares: every GPU may compute, and a failed node is missing until it is repaired.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Without {
    /// Its layout in short.
    pub layout: String,
    /// GPUs at work.
    pub gpus: f64,
    /// Effective share of time.
    pub effective: f64,
    /// Kept tokens per second over those with the spares, less one.
    pub faster: f64,
}

/// GPUs of a fleet that may compute, where this many have power: what is left beside the spares, which are whole nodes (the
/// nearest number). A fleet that lacks power keeps its spares among what stands dark.
pub(crate) fn may_compute(plan: &TrainingPlan, gpus: f64, powered: f64) -> f64 {
    let nodes = libm::floor(gpus / GPUS_PER_NODE);
    let aside = libm::round(nodes * plan.spares / (1.0 + plan.spares));
    libm::floor((gpus - aside * GPUS_PER_NODE).min(powered))
}

/// Nodes that stand by for so many GPUs at work: as many as the plan wants, and no more than are left.
pub(crate) fn standing_by(plan: &TrainingPlan, gpus: f64, at_work: f64) -> f64 {
    let wanted = libm::round(plan.spares * at_work / GPUS_PER_NODE);
    wanted.min(libm::floor((gpus - at_work).max(0.0) / GPUS_PER_NODE))
}

/// What the spares of the run cost and change; `effective` is its share with them.
pub(super) fn spares(run: &Run<'_>, layout: &Layout, step: &Step, effective: f64) -> Spares {
    let nodes = standing_by(run.plan, run.gpus, layout.gpus());
    let gpus = nodes * GPUS_PER_NODE;
    let kept = step.tokens_per_s * effective;
    let none = |layout: &Layout, tokens_per_s: f64, effective: f64| Without {
        layout: layout.to_string(),
        gpus: layout.gpus(),
        effective,
        faster: tokens_per_s * effective / kept - 1.0,
    };
    let without = if nodes <= 0.0 || kept <= 0.0 {
        None
    } else if run.plan.layout.is_some() {
        let placed =
            Placed { model: &run.model, cluster: &run.cluster, layout, step_s: step.time_s, fleet_gpus: run.gpus };
        let hazard = Hazard { spares: 0.0, ..hazard(run, &placed) };
        let share = effective_share(&hazard, &own_checkpoint(run, &run.model, layout.gpus()));
        Some(none(layout, step.tokens_per_s, share))
    } else {
        let plan = TrainingPlan { spares: 0.0, ..run.plan.clone() };
        let bare = Run { plan: &plan, ..run.clone() };
        pace(&bare, &run.model, &run.cluster, run.gpus, run.gpus)
            .map(|pace| none(&pace.layout, pace.tokens_per_s, pace.effective))
    };
    Spares {
        wanted: run.plan.spares,
        nodes,
        gpus,
        usd_per_day: gpus * run.job.usd_per_gpu_hour * DAY_S / 3600.0,
        repair_s: run.plan.repair_s,
        without,
    }
}
