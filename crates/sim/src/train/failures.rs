//! Failures of the run, the ways to live with them, and what of its time is left.
//!
//! Not modelled: what `tieline_campus::training::goodput` does not model; host memory for copies of state (it is not counted).

use super::spares::{Spares, may_compute, spares, standing_by};
use super::{DAY_S, GPUS_PER_NODE, Part, Run, Times};
use serde::Serialize;
use tieline_campus::training::cluster::Cluster;
use tieline_campus::training::goodput::{self, Checkpoint, Hazard, Lost, Recovery};
use tieline_campus::training::layout::{Layout, SecondCopy};
use tieline_campus::training::memory::held_alone;
use tieline_campus::training::model::Transformer;
use tieline_campus::training::step::{Step, second_copy_s};
use tieline_units::{Draw, Estimate};

/// Runs of the Monte Carlo, and their length in s.
const RUNS: u32 = 2000;
const RUN_S: f64 = 90.0 * DAY_S;

/// An estimate as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimated {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Samples behind it.
    pub samples: f64,
}

impl From<Estimate> for Estimated {
    fn from(e: Estimate) -> Self {
        Self { value: e.value, standard_error: e.standard_error, samples: e.effective_samples }
    }
}

/// One way to live with failures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// Name for people.
    pub name: String,
    /// Its best interval between checkpoints, s.
    pub interval_s: f64,
    /// Effective share of time: closed form.
    pub closed_form: f64,
    /// The same simulated; absent where the job would make no progress worth simulating.
    pub simulated: Option<Estimated>,
    /// Share of time in which the storage writes a checkpoint, at that interval.
    pub storage_busy: f64,
    /// Closed form against interval, (s, share), from the shortest interval on at which writes do not overlap.
    pub curve: Vec<(f64, f64)>,
}

/// Where an elastic job finds the state that a lost node held, and what that costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecondHolder {
    /// Where the copy lies: "none", "host", "gpu".
    pub place: &'static str,
    /// State that no other GPU holds, bytes a GPU; zero where the replicas share nothing out.
    pub bytes: f64,
    /// Exposed time that refreshing a copy costs in each step, s, in that place; in host memory where there is none.
    pub exposed_s: f64,
    /// The same over the step.
    pub slowdown: f64,
    /// Reading a checkpoint back where there is none, s.
    pub load_s: f64,
}

/// Failures and what is left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goodput {
    /// GPUs at work.
    pub gpus: f64,
    /// Failures a day.
    pub failures_per_day: f64,
    /// Mean time between failures, s.
    pub between_failures_s: f64,
    /// Causes, failures a day of each (by the counts of Llama 3).
    pub causes: Vec<Part>,
    /// Bytes of a checkpoint, time to copy it out, time to write it.
    pub checkpoint_bytes: f64,
    /// See `checkpoint_bytes`, s.
    pub copy_s: f64,
    /// See `checkpoint_bytes`, s.
    pub write_s: f64,
    /// From a failure until a job that restarts runs again, s: as the scenario says, and no shorter than reading the state.
    pub restart_s: f64,
    /// Intervals by the published formulas for a synchronous checkpoint, s.
    pub formulas: Vec<Part>,
    /// Nodes that stand by.
    pub spares: Spares,
    /// What of the scenario's wishes cannot be.
    pub notes: Vec<String>,
    /// Second holder of each GPU's own state.
    pub second: SecondHolder,
    /// The ways.
    pub ways: Vec<Way>,
    /// The way that the scenario goes, and what finish and prices count with.
    pub own: String,
    /// Its effective share with the scenario's own interval.
    pub own_effective: f64,
    /// That interval, s.
    pub own_interval_s: f64,
    /// The same ways with every GPU that the scenario's claims name (555,000), if they name any: GPUs, seconds between
    /// failures, effective share of each way in closed form.
    pub complete: Option<(f64, f64, Vec<Part>)>,
    /// First day of one simulated run: hours, hours of work kept and alive, whether a failure struck.
    pub first_day: Vec<(f64, f64, bool)>,
}

/// The scenario's own way with failures.
pub(crate) struct OwnWay {
    pub hazard: Hazard,
    pub checkpoint: Checkpoint,
    pub effective: f64,
}

/// A layout of a model on a cluster, and its step: what failures strike.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub model: &'a Transformer,
    pub cluster: &'a Cluster,
    pub layout: &'a Layout,
    pub step_s: f64,
    /// GPUs of the fleet, spares and idle ones included.
    pub fleet_gpus: f64,
}

/// Time in which the storage writes or reads a checkpoint of a job of so many GPUs, s.
fn transfer_s(run: &Run<'_>, model: &Transformer, gpus: f64) -> f64 {
    goodput::CHECKPOINT_BYTES_PER_PARAMETER * model.parameters() / run.plan.storage_bytes_per_s(gpus)
}

/// Where the state of a lost node comes from: of the scenario's choice, or of another.
fn second_holder(run: &Run<'_>, placed: &Placed<'_>, place: SecondCopy) -> (SecondHolder, Lost) {
    let plan = run.plan;
    let bytes = held_alone(placed.model, placed.layout);
    let priced = if place == SecondCopy::None { SecondCopy::Host } else { place };
    let layout = Layout { second_copy: priced, ..*placed.layout };
    let exposed_s = second_copy_s(placed.model, placed.cluster, &layout, plan.copy_bytes_per_s);
    let slowdown = exposed_s / placed.step_s;
    let load_s = transfer_s(run, placed.model, placed.layout.gpus());
    let rolls_back = place == SecondCopy::None && bytes > 0.0;
    let lost = if rolls_back { Lost::RollBack { load_s } } else { Lost::HeldTwice { slowdown } };
    (SecondHolder { place: place.word(), bytes, exposed_s, slowdown, load_s }, lost)
}

/// Failures of a layout's GPUs, survived as the scenario says.
pub(crate) fn hazard(run: &Run<'_>, placed: &Placed<'_>) -> Hazard {
    let (_, lost) = second_holder(run, placed, run.plan.second_copy);
    let gpus = placed.layout.gpus();
    let spares = standing_by(run.plan, placed.fleet_gpus, gpus);
    hazard_of(run, placed.model, (gpus, spares), f64::from(placed.layout.data), lost)
}

fn hazard_of(run: &Run<'_>, model: &Transformer, (gpus, spares): (f64, f64), replicas: f64, lost: Lost) -> Hazard {
    let plan = run.plan;
    Hazard {
        gpus,
        gpus_per_node: GPUS_PER_NODE,
        per_1000_node_days: run.job.failures_per_1000_node_days,
        // Whoever restarts reads what an elastic job that rolls back reads: it cannot be back sooner.
        restart_s: run.job.restart_s.max(plan.stall_s + transfer_s(run, model, gpus)),
        spares,
        repair_s: plan.repair_s,
        planned_every_s: plan.planned_every_s,
        planned_stop_s: plan.planned_stop_s,
        stragglers: plan.stragglers,
        recovery: Recovery::Elastic { replicas, stall_s: plan.stall_s, swap_s: plan.swap_s, lost },
    }
}

/// The scenario's own checkpoint of a model: copied out at its interval, written beside the work; where the write takes
/// longer than the interval, one follows the other.
pub(crate) fn own_checkpoint(run: &Run<'_>, model: &Transformer, gpus: f64) -> Checkpoint {
    let bytes = goodput::CHECKPOINT_BYTES_PER_PARAMETER * model.parameters();
    let copy_s = bytes / gpus / run.plan.copy_bytes_per_s;
    let write_s = transfer_s(run, model, gpus);
    Checkpoint::asynchronous(run.job.checkpoint_every_s.max(write_s - copy_s), copy_s, write_s)
}

/// What of the scenario's wishes cannot be, in words.
fn notes(run: &Run<'_>, hazard: &Hazard, checkpoint: &Checkpoint) -> Vec<String> {
    let mut notes = Vec::new();
    let min = |s: f64| format!("{:.1} min", s / 60.0);
    if checkpoint.every_s > run.job.checkpoint_every_s {
        notes.push(format!(
            "checkpoint_every = {} cannot be: a checkpoint takes {} to write; counted with one write after the other, every {}",
            min(run.job.checkpoint_every_s),
            min(checkpoint.durable_after_s),
            min(checkpoint.every_s)
        ));
    }
    if hazard.restart_s > run.job.restart_s {
        notes.push(format!(
            "restart = {} cannot be: reading the checkpoint alone takes {}; counted with {}",
            min(run.job.restart_s),
            min(checkpoint.durable_after_s),
            min(hazard.restart_s)
        ));
    }
    notes
}

pub(super) fn goodput_study(
    run: &Run<'_>,
    layout: &Layout,
    step: &Step,
    seed: u64,
    times: &Times<'_>,
) -> (Goodput, OwnWay) {
    let gpus = layout.gpus();
    let placed = Placed { model: &run.model, cluster: &run.cluster, layout, step_s: step.time_s, fleet_gpus: run.gpus };
    let elastic = hazard(run, &placed);
    let (second, _) = second_holder(run, &placed, run.plan.second_copy);
    let bytes = goodput::CHECKPOINT_BYTES_PER_PARAMETER * run.model.parameters();
    let checkpoint = own_checkpoint(run, &run.model, gpus);
    let (copy_s, write_s) = (checkpoint.stall_s, checkpoint.durable_after_s);
    let ways = choices(&elastic, &second, &checkpoint)
        .iter()
        .map(|(name, hazard, checkpoint)| way(name, hazard, checkpoint, seed, times))
        .collect();
    let own = OwnWay { hazard: elastic, checkpoint, effective: goodput::effective_share(&elastic, &checkpoint) };
    let per_day = elastic.failures_per_s() * DAY_S;
    let known: f64 = goodput::CAUSES.iter().map(|cause| f64::from(cause.1)).sum();
    let m = elastic.between_failures_s();
    let study = Goodput {
        gpus,
        failures_per_day: per_day,
        between_failures_s: m,
        causes: goodput::CAUSES
            .iter()
            .map(|(name, count)| Part { name: (*name).to_owned(), value: per_day * f64::from(*count) / known })
            .collect(),
        checkpoint_bytes: bytes,
        copy_s,
        write_s,
        restart_s: elastic.restart_s,
        formulas: [
            ("Young 1974", goodput::young_s(m, write_s)),
            ("Daly 2006", goodput::daly_2006_s(m, write_s)),
            ("first order with the restart", goodput::daly_s(m, elastic.restart_s, write_s)),
            ("greatest availability (arXiv 2410.18124)", goodput::available_s(m, elastic.restart_s, write_s)),
        ]
        .map(|(name, value)| Part { name: name.to_owned(), value })
        .to_vec(),
        spares: spares(run, layout, step, own.effective),
        notes: notes(run, &elastic, &checkpoint),
        complete: complete(run, &placed, &second),
        second,
        ways,
        own: own_name(&elastic).to_owned(),
        own_effective: own.effective,
        own_interval_s: own.checkpoint.every_s,
        first_day: first_day(&own, seed),
    };
    (study, own)
}

/// What a way with failures is called, by its spares and by where the lost state comes from.
fn own_name(hazard: &Hazard) -> &'static str {
    let spared = hazard.spares > 0.0;
    match hazard.recovery {
        Recovery::Restart if spared => "restart, hot spares, checkpoint beside the work",
        Recovery::Restart => "restart, no spares, checkpoint beside the work",
        Recovery::Elastic { lost: Lost::RollBack { .. }, .. } if spared => "elastic, hot spares, survivors roll back",
        Recovery::Elastic { lost: Lost::RollBack { .. }, .. } => "elastic, no spares, survivors roll back",
        Recovery::Elastic { lost: Lost::HeldTwice { .. }, .. } if spared => "elastic, hot spares, state held twice",
        Recovery::Elastic { lost: Lost::HeldTwice { .. }, .. } => "elastic, no spares, state held twice",
    }
}

/// The ways to live with failures, each with its best interval (held twice: with the scenario's own, since nothing rolls
/// back to it), with the run's spares and without any on the same GPUs. Both elastic ways stand there, whichever the
/// scenario goes; one alone where every state has other holders.
fn choices(elastic: &Hazard, second: &SecondHolder, own: &Checkpoint) -> Vec<(&'static str, Hazard, Checkpoint)> {
    let synchronous = Checkpoint::synchronous(own.every_s, own.durable_after_s);
    let best = |hazard: &Hazard, checkpoint: &Checkpoint| Checkpoint {
        every_s: goodput::best_interval_s(hazard, checkpoint),
        ..*checkpoint
    };
    let with = |hazard: &Hazard, lost: Lost| match hazard.recovery {
        Recovery::Elastic { replicas, stall_s, swap_s, .. } => {
            Hazard { recovery: Recovery::Elastic { replicas, stall_s, swap_s, lost }, ..*hazard }
        }
        Recovery::Restart => *hazard,
    };
    let bare = Hazard { spares: 0.0, ..*elastic };
    let staffed: &[Hazard] = if elastic.spares > 0.0 { &[bare, *elastic] } else { &[bare] };
    let mut ways = Vec::new();
    for hazard in staffed {
        let stiff = Hazard { recovery: Recovery::Restart, ..*hazard };
        let name = if hazard.spares > 0.0 {
            "restart, hot spares, checkpoint stops the job"
        } else {
            "restart, no spares, checkpoint stops the job"
        };
        ways.push((name, stiff, best(&stiff, &synchronous)));
    }
    let stiff = Hazard { recovery: Recovery::Restart, ..*elastic };
    ways.push((own_name(&stiff), stiff, best(&stiff, own)));
    if second.bytes > 0.0 {
        for hazard in staffed {
            let back = with(hazard, Lost::RollBack { load_s: second.load_s });
            ways.push((own_name(&back), back, best(&back, own)));
        }
    }
    for hazard in staffed {
        let twice = with(hazard, Lost::HeldTwice { slowdown: second.slowdown });
        ways.push((own_name(&twice), twice, *own));
    }
    ways
}

/// The same ways on the complete fleet, closed form; replicas in proportion.
fn complete(run: &Run<'_>, placed: &Placed<'_>, second: &SecondHolder) -> Option<(f64, f64, Vec<Part>)> {
    let all = run.scenario.claims.gpus?;
    let gpus = may_compute(run.plan, all, f64::INFINITY);
    let (_, lost) = second_holder(run, placed, run.plan.second_copy);
    let spares = standing_by(run.plan, all, gpus);
    let replicas = f64::from(placed.layout.data) * gpus / placed.layout.gpus();
    let elastic = hazard_of(run, placed.model, (gpus, spares), replicas, lost);
    let ways = choices(&elastic, second, &own_checkpoint(run, placed.model, gpus))
        .iter()
        .map(|(name, hazard, checkpoint)| Part {
            name: (*name).to_owned(),
            value: goodput::effective_share(hazard, checkpoint),
        })
        .collect();
    Some((all, elastic.between_failures_s(), ways))
}

fn way(name: &str, hazard: &Hazard, checkpoint: &Checkpoint, seed: u64, times: &Times<'_>) -> Way {
    let closed_form = goodput::effective_share(hazard, checkpoint);
    // A job that hardly moves would be simulated for years; a smaller piece of work shows as much.
    let work_s = libm::round((RUN_S * closed_form / checkpoint.every_s).max(1.0)) * checkpoint.every_s;
    let simulated = (closed_form > 0.02)
        .then(|| times(hazard, checkpoint, work_s, seed, RUNS))
        .and_then(|times_s| goodput::effective_of(work_s, &times_s));
    // No shorter than a write that runs beside the work: the next cannot begin before.
    let least_s = (checkpoint.durable_after_s - checkpoint.stall_s).max(30.0);
    let curve = (0..60)
        .map(|k| least_s * libm::pow(10.0, f64::from(k) / 18.0))
        .map(|every_s| (every_s, goodput::effective_share(hazard, &Checkpoint { every_s, ..*checkpoint })))
        .collect();
    let written_s = if checkpoint.durable_after_s > 0.0 { checkpoint.durable_after_s } else { checkpoint.stall_s };
    Way {
        name: name.to_owned(),
        interval_s: checkpoint.every_s,
        closed_form,
        simulated: simulated.map(Into::into),
        storage_busy: (written_s / (checkpoint.every_s + checkpoint.stall_s)).min(1.0),
        curve,
    }
}

/// One simulated run's first day, hours.
fn first_day(own: &OwnWay, seed: u64) -> Vec<(f64, f64, bool)> {
    let mut marks = vec![(0.0, 0.0, false)];
    let _ =
        goodput::simulate(&own.hazard, &own.checkpoint, DAY_S, &Draw::new(seed, 0), &mut |(at_s, work_s, failed)| {
            if at_s < DAY_S {
                marks.push((at_s / 3600.0, work_s / 3600.0, failed));
            }
        });
    marks
}
