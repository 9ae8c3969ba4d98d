//! The training study: layout and step time, goodput, finish, and the price of a curtailment, of a scenario's run.
//!
//! Values in, values out: the caller may pass a Monte Carlo that uses its threads.
//!
//! Not modelled: what `tieline_campus::training` does not model; halls of different products work at the pace of the
//! slowest product; other fleets of the comparison keep the run's own batch and layout search.

mod batch;
mod failures;
mod fleet;
pub mod plan;
mod price;
mod spares;
mod tiers;
mod utilisation;

use crate::scenario::Scenario;
use plan::TrainingPlan;
use serde::Serialize;
use tieline_campus::hall::Hall;
use tieline_campus::training::cluster::Cluster;
use tieline_campus::training::collective::{capacity, packed};
use tieline_campus::training::goodput::{Checkpoint, Hazard};
use tieline_campus::training::layout::{Attention, Layout, Overlap, mistakes};
use tieline_campus::training::model::Transformer;
use tieline_campus::training::phases::{Activity, Phase, phases};
use tieline_campus::training::search::{Question, nearest, search};
use tieline_campus::training::step::{Step, evaluate};
use tieline_campus::training::{Job, JobKind};
use tieline_units::Utc;

pub use batch::{Batches, Fewer};
pub use failures::{Estimated, Goodput, SecondHolder, Way};
pub(crate) use failures::{Placed, hazard, own_checkpoint};
pub use fleet::{BuildRow, Fleet, Outlook};
pub use price::{JobPrice, Offer, Price, Rung};
pub(crate) use spares::may_compute;
pub use spares::{Spares, Without};
pub use tiers::tier_prices;
pub use utilisation::{Modelled, paced};

/// Layouts in the table.
const PLACES: usize = 10;
/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
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
    /// The same as a line for the `[training]` table.
    pub toml: String,
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
    /// What a batch up to a tenth smaller or larger would change; absent where the scenario chose its layout.
    pub batches: Option<Batches>,
    /// Stretches of first and last stage: stage, activity, start and length in s.
    pub phases: Vec<(usize, &'static str, f64, f64)>,
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
#[derive(Clone)]
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

impl Run<'_> {
    /// Those of them that may compute: the others are spares.
    pub(crate) fn usable(&self) -> f64 {
        may_compute(self.plan, self.gpus, f64::INFINITY)
    }
}

/// The study, or every reason why there is none.
///
/// # Errors
/// What is missing or wrong, each with what to do about it.
pub fn study(scenario: &Scenario, seed: u64, times: &Times<'_>) -> Result<Study, Vec<String>> {
    let run = gather(scenario).map_err(|why| vec![why])?;
    let (layout, step, step_study) = step_study(&run)?;
    let (goodput, way) = failures::goodput_study(&run, &layout, &step, seed, times);
    let outlook = fleet::outlook(&run, &layout, seed);
    let price = price::price(&run, &step, &layout, way.effective);
    let count = |kind: &tieline_units::SourceKind| scenario.sources.get(kind).copied().unwrap_or(0);
    Ok(Study {
        schema: 2,
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
    run_from(scenario, plan, place, begin, build_out(scenario, plan, place)?)
}

/// The run on the halls that are in service when the scenario starts, whatever its build-out.
fn standing<'s>(scenario: &'s Scenario, plan: &'s TrainingPlan, place: usize) -> Result<Run<'s>, String> {
    let there = |hall: &&Hall| hall.job == Some(place) && hall.in_service <= scenario.start;
    let halls = scenario.plant.halls.iter().filter(there).cloned().collect();
    run_from(scenario, plan, place, scenario.start, halls)
}

fn run_from<'s>(
    scenario: &'s Scenario,
    plan: &'s TrainingPlan,
    place: usize,
    begin: Utc,
    halls: Vec<Hall>,
) -> Result<Run<'s>, String> {
    let there = |hall: &&Hall| hall.in_service <= begin;
    let gpus: f64 = halls.iter().filter(there).map(|hall| hall.gpus).sum();
    let slowest =
        halls.iter().filter(there).min_by(|a, b| a.product.bf16_flops.total_cmp(&b.product.bf16_flops)).ok_or_else(
            || format!("no hall of \"{}\" is in service when the run begins", scenario.plant.jobs[place].name),
        )?;
    let cluster = cluster_of(&slowest.product.name, plan)?;
    let model = plan.model.clone();
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
        second_copy: plan.second_copy,
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
        let answer = search(&run.model, &run.cluster, &question(run.plan, run.usable(), PLACES)).map_err(said)?;
        searched = [answer.layouts, answer.evaluations, answer.do_not_fit, answer.ruled_out];
        nearly = answer.nearly.map(|(layout, time_s, why)| format!("{layout}: {time_s:.2} s, but {why}"));
        answer.ranked.into_iter().map(|r| (r.layout, r.step, r.loses)).collect()
    };
    let Some((layout, step, _)) = ranked.first().cloned() else {
        let more = nearly.map_or_else(String::new, |why| format!("; nearest: {why}"));
        return Err(vec![format!(
            "{} fits on {:.0} {} in no layout{more}",
            run.model.name,
            run.usable(),
            run.cluster.accelerator.name
        )]);
    };
    let ranked_layouts: Vec<Layout> = ranked.iter().map(|(layout, ..)| *layout).collect();
    let row = |(layout, step, loses): &(Layout, Step, String)| LayoutRow {
        layout: layout.to_string(),
        toml: layout.toml(),
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
        ("state held for a peer", step.memory.second_copy),
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
        batches: run.plan.layout.is_none().then(|| batch::batches(run, &ranked_layouts, &step)).flatten(),
        phases: stretches(run, &layout, &step),
    };
    Ok((layout, step, study))
}

/// A layout that the scenario chose: its mistakes with the nearest that works.
fn chosen(run: &Run<'_>, own: &Layout) -> Result<(), Vec<String>> {
    let mut wrong: Vec<String> = mistakes(&run.model, &run.cluster, own).iter().map(ToString::to_string).collect();
    if own.gpus() > run.gpus {
        wrong.push(format!("the layout takes {} GPUs, the run has {}", own.gpus(), run.gpus));
    } else if wrong.is_empty() && own.gpus() > f64::from(capacity(&run.cluster, own, run.gpus as u32)) {
        wrong.push(format!(
            "the layout takes {} GPUs, and its blocks fill only {} of each domain's {}: the fleet has room for {}",
            own.gpus(),
            packed(&run.cluster, own),
            run.cluster.domain_gpus,
            capacity(&run.cluster, own, run.gpus as u32)
        ));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let near = nearest(&run.model, &run.cluster, own, run.gpus as u32);
    wrong.push(match near {
        Some(layout) => {
            let batch = if layout.batch == own.batch { String::new() } else { format!("\nbatch = {}", layout.batch) };
            let step = evaluate(&run.model, &run.cluster, &layout);
            format!(
                "the nearest layout that works: {layout}, MFU {:.1} % on {:.0} of {:.0} GPUs\n{}{batch}",
                100.0 * step.mfu,
                layout.gpus(),
                run.gpus,
                layout.toml()
            )
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
