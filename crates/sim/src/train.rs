//! The training study: layout and step time, goodput, finish, and the price of a curtailment, of a scenario's run.
//!
//! Values in, values out: the caller may pass a Monte Carlo that uses its threads.
//!
//! Not modelled: what `tieline_campus::training` does not model; halls of different products work at the pace of the
//! slowest product.

mod fleet;
pub mod plan;
mod price;

use crate::scenario::Scenario;
use plan::TrainingPlan;
use serde::Serialize;
use tieline_campus::hall::Hall;
use tieline_campus::training::cluster::Cluster;
use tieline_campus::training::goodput::{self, Checkpoint, Hazard, Recovery};
use tieline_campus::training::layout::{Attention, Layout, Overlap, mistakes};
use tieline_campus::training::model::Transformer;
use tieline_campus::training::phases::{Activity, Phase, phases};
use tieline_campus::training::search::{Question, nearest, search};
use tieline_campus::training::step::{Step, evaluate};
use tieline_campus::training::{Job, JobKind};
use tieline_units::{Draw, Estimate, Utc};

pub use fleet::{Fleet, Outlook};
pub use price::{JobPrice, Offer, Price, Rung};

/// Runs of the Monte Carlo, and layouts in the table.
const RUNS: u32 = 2000;
const PLACES: usize = 10;
/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// Length of the simulated runs, s.
const RUN_S: f64 = 90.0 * DAY_S;
/// GPUs of a node, the unit in which failure rates are published.
const GPUS_PER_NODE: f64 = 8.0;

/// Times of many simulated runs, s: hazard, checkpoint, work in s, seed, runs.
pub type Times<'t> = dyn Fn(&Hazard, &Checkpoint, f64, u64, u32) -> Vec<f64> + 't;

/// A named number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Name.
    pub name: String,
    /// Value, in the unit that the field says.
    pub value: f64,
}

/// The model of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Name of its shape.
    pub name: String,
    /// All parameters.
    pub parameters: f64,
    /// Parameters that work on one token.
    pub active_parameters: f64,
    /// Tokens of the run.
    pub tokens: f64,
    /// Model arithmetic of the run, FLOP.
    pub work_flop: f64,
}

/// One layout of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayoutRow {
    /// The layout in short.
    pub layout: String,
    /// GPUs at work.
    pub gpus: f64,
    /// Step, s.
    pub step_s: f64,
    /// Model arithmetic over peak.
    pub mfu: f64,
    /// Arithmetic done over peak.
    pub hfu: f64,
    /// Bytes on the fullest GPU.
    pub memory_bytes: f64,
    /// Why it loses against the first.
    pub loses: String,
}

/// The step of the chosen layout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepStudy {
    /// Product of the slowest GPUs.
    pub product: String,
    /// GPUs that the run has.
    pub gpus: f64,
    /// Format of the products and its dense peak, FLOP/s: the denominator of MFU and HFU.
    pub precision: &'static str,
    /// See `precision`.
    pub peak_flops: f64,
    /// Share of the replicas' time lost because the batch does not divide by them.
    pub uneven: f64,
    /// The table, chosen layout first.
    pub layouts: Vec<LayoutRow>,
    /// Layouts in the space, full evaluations, layouts that do not fit, layouts ruled out by their bound.
    pub searched: [u64; 4],
    /// A faster layout that nearly fits, and what it lacks.
    pub nearly: Option<String>,
    /// Where the step goes, s.
    pub parts: Vec<Part>,
    /// What the fullest GPU holds, bytes.
    pub memory: Vec<Part>,
    /// Tokens per second.
    pub tokens_per_s: f64,
    /// Stretches of first and last stage: stage, activity, start and length in s.
    pub phases: Vec<(usize, &'static str, f64, f64)>,
}

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
    /// Closed form against interval, (s, share).
    pub curve: Vec<(f64, f64)>,
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
    /// Intervals by Young, Daly and greatest availability for a synchronous checkpoint, s.
    pub formulas_s: [f64; 3],
    /// The ways, the scenario's own last.
    pub ways: Vec<Way>,
    /// The same ways with every GPU that the scenario's claims name (555,000), if they name any: GPUs, seconds between
    /// failures, effective share of each way in closed form.
    pub complete: Option<(f64, f64, Vec<Part>)>,
    /// First day of one simulated run: hours, hours of work kept and alive, whether a failure struck.
    pub first_day: Vec<(f64, f64, bool)>,
}

/// The whole study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Study {
    /// Version of the format.
    pub schema: u32,
    /// Scenario.
    pub scenario: String,
    /// The job.
    pub job: String,
    /// Its model.
    pub model: Model,
    /// Its step.
    pub step: StepStudy,
    /// Its failures.
    pub goodput: Goodput,
    /// When it finishes.
    pub outlook: Outlook,
    /// What a curtailment costs.
    pub price: Price,
    /// Numbers of the scenario by source.
    pub sources: Vec<(String, usize)>,
}

/// Everything that a scenario's run needs before anything is computed.
pub(crate) struct Run<'s> {
    pub scenario: &'s Scenario,
    pub plan: &'s TrainingPlan,
    pub job: &'s Job,
    /// When it begins.
    pub begin: Utc,
    /// Its halls, or the build-out that replaces them.
    pub halls: Vec<Hall>,
    pub model: Transformer,
    pub cluster: Cluster,
    /// GPUs in service when the run starts.
    pub gpus: f64,
}

/// The study, or every reason why there is none.
///
/// # Errors
/// What is missing or wrong, each with what to do about it.
pub fn study(scenario: &Scenario, seed: u64, times: &Times<'_>) -> Result<Study, Vec<String>> {
    let run = gather(scenario).map_err(|why| vec![why])?;
    let (layout, step, step_study) = step_study(&run)?;
    let (goodput, way) = goodput_study(&run, &layout, seed, times);
    let outlook = fleet::outlook(&run, &layout, seed);
    let price = price::price(&run, &step, &layout, way.effective);
    let count = |kind: &tieline_units::SourceKind| scenario.sources.get(kind).copied().unwrap_or(0);
    Ok(Study {
        schema: 1,
        scenario: scenario.name.clone(),
        job: run.job.name.clone(),
        model: Model {
            name: run.model.name.clone(),
            parameters: run.model.parameters(),
            active_parameters: run.model.active_parameters(),
            tokens: run.plan.tokens,
            work_flop: run.model.flops_per_token() * run.plan.tokens,
        },
        step: step_study,
        goodput,
        outlook,
        price,
        sources: tieline_units::SourceKind::ALL.iter().map(|kind| (kind.word().to_owned(), count(kind))).collect(),
    })
}

fn gather(scenario: &Scenario) -> Result<Run<'_>, String> {
    let plan = scenario.training.as_ref().ok_or_else(|| {
        format!(
            "{} has no [training] table; one begins with model, precision, batch and tokens (`tieline schema` lists its keys)",
            scenario.name
        )
    })?;
    let place = scenario
        .plant
        .jobs
        .iter()
        .position(|job| job.kind == JobKind::PreTraining)
        .ok_or_else(|| format!("{} has no job of the kind \"pre-training\"", scenario.name))?;
    let begin = plan.begin.unwrap_or(scenario.start);
    let halls = build_out(scenario, plan, place)?;
    let there = |hall: &&Hall| hall.in_service <= begin;
    let gpus: f64 = halls.iter().filter(there).map(|hall| hall.gpus).sum();
    let slowest =
        halls.iter().filter(there).min_by(|a, b| a.product.bf16_flops.total_cmp(&b.product.bf16_flops)).ok_or_else(
            || format!("no hall of \"{}\" is in service when the run begins", scenario.plant.jobs[place].name),
        )?;
    let model = Transformer::named(&plan.model).ok_or_else(|| format!("no model is called \"{}\"", plan.model))?;
    let cluster = cluster_of(&slowest.product.name, plan)?;
    Ok(Run { scenario, plan, job: &scenario.plant.jobs[place], begin, halls, model, cluster, gpus })
}

/// The halls of a job, or the steps of the plan's own build-out as halls like its first.
fn build_out(scenario: &Scenario, plan: &TrainingPlan, job: usize) -> Result<Vec<Hall>, String> {
    let own: Vec<Hall> = scenario.plant.halls.iter().filter(|hall| hall.job == Some(job)).cloned().collect();
    let Some(like) = own.first().filter(|_| !plan.growth.is_empty()) else { return Ok(own) };
    let mut before = 0.0;
    let mut built = Vec::new();
    for (at, gpus, product) in &plan.growth {
        if *gpus <= before {
            return Err(format!("the build-out goes from {before} to {gpus} GPUs; each step must bring more"));
        }
        let product = tieline_campus::gpu::product(product).ok_or_else(|| format!("no product is called {product}"))?;
        built.push(Hall { gpus: gpus - before, in_service: *at, product, ..like.clone() });
        before = *gpus;
    }
    Ok(built)
}

/// The cluster around a product, with the plan's own bandwidths.
fn cluster_of(product: &str, plan: &TrainingPlan) -> Result<Cluster, String> {
    let mut cluster = Cluster::named(product)
        .ok_or_else(|| format!("no network and no memory are known for the product {product}"))?;
    cluster.sites = plan.sites;
    for (tier, own) in [&mut cluster.domain, &mut cluster.fabric, &mut cluster.between].into_iter().zip(plan.bandwidth)
    {
        if let Some(bytes_per_s) = own {
            tier.bytes_per_s = bytes_per_s;
        }
    }
    Ok(cluster)
}

/// A job's number, and the phases of each of its pipeline stages.
pub type Staged = (usize, Vec<Vec<Phase>>);

/// The phases of each pipeline stage of the scenario's training run and the number of its job, where the scenario states
/// model, batch and layout; `None` where it leaves one of them open.
///
/// # Errors
/// In words, where what it states does not work.
pub fn stages_of(scenario: &Scenario) -> Option<Result<Staged, String>> {
    let own = scenario.training.as_ref()?.layout?;
    let place = scenario.plant.jobs.iter().position(|job| job.kind == JobKind::PreTraining)?;
    Some(gather(scenario).and_then(|run| {
        chosen(&run, &own).map_err(|wrong| wrong.join("; "))?;
        Ok((place, phases(&run.model, &own, &evaluate(&run.model, &run.cluster, &own))))
    }))
}

pub(crate) fn question(plan: &TrainingPlan, gpus: f64, places: usize) -> Question {
    Question {
        gpus: gpus as u32,
        batch: plan.batch,
        precision: plan.precision,
        attention: Attention::Fused,
        overlap: Overlap::USUAL,
        places,
    }
}

fn step_study(run: &Run<'_>) -> Result<(Layout, Step, StepStudy), Vec<String>> {
    let mut searched = [0; 4];
    let mut nearly = None;
    let ranked = if let Some(own) = run.plan.layout {
        chosen(run, &own)?;
        let step = evaluate(&run.model, &run.cluster, &own);
        searched[1] = 1;
        vec![(own, step, String::new())]
    } else {
        let said = |wrong: Vec<_>| wrong.iter().map(ToString::to_string).collect::<Vec<String>>();
        let answer = search(&run.model, &run.cluster, &question(run.plan, run.gpus, PLACES)).map_err(said)?;
        searched = [answer.layouts, answer.evaluations, answer.do_not_fit, answer.ruled_out];
        nearly = answer.nearly.map(|(layout, time_s, why)| format!("{layout}: {time_s:.2} s, but {why}"));
        answer.ranked.into_iter().map(|r| (r.layout, r.step, r.loses)).collect()
    };
    let Some((layout, step, _)) = ranked.first().cloned() else {
        let more = nearly.map_or_else(String::new, |why| format!("; nearest: {why}"));
        return Err(vec![format!(
            "{} fits on {:.0} {} in no layout{more}",
            run.model.name, run.gpus, run.cluster.accelerator.name
        )]);
    };
    let row = |(layout, step, loses): &(Layout, Step, String)| LayoutRow {
        layout: layout.to_string(),
        gpus: layout.gpus(),
        step_s: step.time_s,
        mfu: step.mfu,
        hfu: step.hfu,
        memory_bytes: step.memory.total(),
        loses: loses.clone(),
    };
    let part = |(name, value): (&str, f64)| Part { name: name.to_owned(), value };
    let memory = [
        ("parameters", step.memory.parameters),
        ("gradients", step.memory.gradients),
        ("optimizer states", step.memory.optimizer),
        ("activations", step.memory.activations),
        ("one layer at work", step.memory.working),
    ];
    let study = StepStudy {
        product: run.cluster.accelerator.name.clone(),
        gpus: run.gpus,
        precision: layout.precision.word(),
        peak_flops: run.cluster.accelerator.peak(layout.precision),
        uneven: layout.uneven(),
        layouts: ranked.iter().map(row).collect(),
        searched,
        nearly,
        parts: step.parts(&layout, &run.model).into_iter().map(part).collect(),
        memory: memory.into_iter().map(part).collect(),
        tokens_per_s: step.tokens_per_s,
        phases: stretches(run, &layout, &step),
    };
    Ok((layout, step, study))
}

/// A layout that the scenario chose: its mistakes with the nearest that works.
fn chosen(run: &Run<'_>, own: &Layout) -> Result<(), Vec<String>> {
    let mut wrong: Vec<String> = mistakes(&run.model, &run.cluster, own).iter().map(ToString::to_string).collect();
    if own.gpus() > run.gpus {
        wrong.push(format!("the layout takes {} GPUs, the run has {}", own.gpus(), run.gpus));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let near = nearest(&run.model, &run.cluster, own, run.gpus as u32);
    wrong.push(match near {
        Some(layout) => {
            let batch = if layout.batch == own.batch { String::new() } else { format!("\nbatch = {}", layout.batch) };
            format!("the nearest layout that works: {layout}\n{}{batch}", layout.toml())
        }
        None => "no layout works on these GPUs and this network".to_owned(),
    });
    Err(wrong)
}

/// The first and the last stage's step, neighbours of one kind joined.
fn stretches(run: &Run<'_>, layout: &Layout, step: &Step) -> Vec<(usize, &'static str, f64, f64)> {
    let word = |activity| match activity {
        Activity::Wait => "wait",
        Activity::Forward => "forward",
        Activity::Backward => "backward",
        Activity::Gradients => "gradients",
        Activity::Optimizer => "optimizer",
    };
    let all = phases(&run.model, layout, step);
    let mut out: Vec<(usize, &'static str, f64, f64)> = Vec::new();
    let last = all.len().saturating_sub(1);
    for stage in if last > 0 { vec![0, last] } else { vec![0] } {
        for phase in &all[stage] {
            let what = word(phase.activity);
            match out.last_mut() {
                Some(before) if before.0 == stage && before.1 == what => before.3 += phase.duration_s,
                _ => out.push((stage, what, phase.start_s, phase.duration_s)),
            }
        }
    }
    out
}

/// The scenario's own way with failures.
pub(crate) struct OwnWay {
    pub hazard: Hazard,
    pub checkpoint: Checkpoint,
    pub effective: f64,
}

pub(crate) fn hazard(run: &Run<'_>, gpus: f64, replicas: f64) -> Hazard {
    let plan = run.plan;
    Hazard {
        gpus,
        gpus_per_node: GPUS_PER_NODE,
        per_1000_node_days: run.job.failures_per_1000_node_days,
        restart_s: run.job.restart_s,
        spares: libm::ceil(plan.spares * gpus / GPUS_PER_NODE),
        repair_s: plan.repair_s,
        planned_every_s: plan.planned_every_s,
        planned_stop_s: plan.planned_stop_s,
        stragglers: plan.stragglers,
        recovery: Recovery::Elastic { replicas, stall_s: plan.stall_s, swap_s: plan.swap_s },
    }
}

/// The scenario's own checkpoint: copied out at its interval, written beside the work.
pub(crate) fn own_checkpoint(run: &Run<'_>, gpus: f64) -> Checkpoint {
    let bytes = goodput::CHECKPOINT_BYTES_PER_PARAMETER * run.model.parameters();
    let copy_s = bytes / gpus / run.plan.copy_bytes_per_s;
    Checkpoint::asynchronous(run.job.checkpoint_every_s, copy_s, bytes / run.plan.storage_bytes_per_s)
}

fn goodput_study(run: &Run<'_>, layout: &Layout, seed: u64, times: &Times<'_>) -> (Goodput, OwnWay) {
    let gpus = layout.gpus();
    let elastic = hazard(run, gpus, f64::from(layout.data));
    let stiff = Hazard { recovery: Recovery::Restart, ..elastic };
    let bytes = goodput::CHECKPOINT_BYTES_PER_PARAMETER * run.model.parameters();
    let own_checkpoint = own_checkpoint(run, gpus);
    let (copy_s, write_s) = (own_checkpoint.stall_s, own_checkpoint.durable_after_s);
    let ways = choices(&elastic, &own_checkpoint)
        .iter()
        .map(|(name, hazard, checkpoint)| way(name, hazard, checkpoint, seed, times))
        .collect();
    let own = OwnWay {
        hazard: elastic,
        checkpoint: own_checkpoint,
        effective: goodput::effective_share(&elastic, &own_checkpoint),
    };
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
        formulas_s: [
            goodput::young_s(m, write_s),
            goodput::daly_s(m, stiff.restart_s, write_s),
            goodput::available_s(m, stiff.restart_s, write_s),
        ],
        ways,
        complete: complete(run, layout),
        first_day: first_day(&own, seed),
    };
    (study, own)
}

/// The ways to live with failures, each with its best interval (the elastic one with the scenario's own).
fn choices(elastic: &Hazard, own: &Checkpoint) -> [(&'static str, Hazard, Checkpoint); 4] {
    let stiff = Hazard { recovery: Recovery::Restart, ..*elastic };
    let none = Hazard { spares: 0.0, ..stiff };
    let synchronous = Checkpoint::synchronous(own.every_s, own.durable_after_s);
    let best = |hazard: &Hazard, checkpoint: &Checkpoint| Checkpoint {
        every_s: goodput::best_interval_s(hazard, checkpoint),
        ..*checkpoint
    };
    [
        ("restart, no spares, checkpoint stops the job", none, best(&none, &synchronous)),
        ("restart, hot spares, checkpoint stops the job", stiff, best(&stiff, &synchronous)),
        ("restart, hot spares, checkpoint beside the work", stiff, best(&stiff, own)),
        ("elastic replicas, hot spares, checkpoint beside the work", *elastic, *own),
    ]
}

/// The ways on the complete fleet, closed form; replicas in proportion.
fn complete(run: &Run<'_>, layout: &Layout) -> Option<(f64, f64, Vec<Part>)> {
    let gpus = run.scenario.claims.gpus?;
    let elastic = hazard(run, gpus, f64::from(layout.data) * gpus / layout.gpus());
    let ways = choices(&elastic, &own_checkpoint(run, gpus))
        .iter()
        .map(|(name, hazard, checkpoint)| Part {
            name: (*name).to_owned(),
            value: goodput::effective_share(hazard, checkpoint),
        })
        .collect();
    Some((gpus, elastic.between_failures_s(), ways))
}

fn way(name: &str, hazard: &Hazard, checkpoint: &Checkpoint, seed: u64, times: &Times<'_>) -> Way {
    let closed_form = goodput::effective_share(hazard, checkpoint);
    // A job that hardly moves would be simulated for years; a smaller piece of work shows as much.
    let work_s = libm::round((RUN_S * closed_form / checkpoint.every_s).max(1.0)) * checkpoint.every_s;
    let simulated = (closed_form > 0.02)
        .then(|| times(hazard, checkpoint, work_s, seed, RUNS))
        .and_then(|times_s| goodput::effective_of(work_s, &times_s));
    let curve = (0..60)
        .map(|k| 30.0 * libm::pow(10.0, f64::from(k) / 18.0))
        .map(|every_s| (every_s, goodput::effective_share(hazard, &Checkpoint { every_s, ..*checkpoint })))
        .collect();
    Way {
        name: name.to_owned(),
        interval_s: checkpoint.every_s,
        closed_form,
        simulated: simulated.map(Into::into),
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
