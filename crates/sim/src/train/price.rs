//! What a curtailment costs each job of the campus, and the cheapest order in which they shed.
//!
//! Not modelled: jobs of the same kind that hold several products (the first hall's product stands for the job).

use super::{Placed, Run};
use serde::Serialize;
use tieline_campus::training::flexibility::{Curtailment, Flexible, Response, TIERS, merit_order, share_out};
use tieline_campus::training::goodput::effective_share;
use tieline_campus::training::layout::Layout;
use tieline_campus::training::search::search;
use tieline_campus::training::step::Step;
use tieline_campus::training::{Job, JobKind};

/// Points of a cost curve.
const POINTS: usize = 40;
/// Replicas of jobs whose layout nobody chose. guess: one per 64 GPUs.
const GPUS_PER_REPLICA: f64 = 64.0;

/// One answer of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offer {
    /// The answer.
    pub response: &'static str,
    /// Why it is not on offer; empty if it is.
    pub refused: String,
    /// Power shed at the GPUs, MW.
    pub shed_mw: f64,
    /// GPU-hours, tokens, days, dollars; dollars per MWh shed.
    pub gpu_hours: f64,
    /// See `gpu_hours`.
    pub tokens: f64,
    /// See `gpu_hours`.
    pub late_d: f64,
    /// See `gpu_hours`.
    pub usd: f64,
    /// See `gpu_hours`.
    pub usd_per_mwh: f64,
    /// Throughput kept.
    pub throughput: f64,
}

/// What the asked curtailment costs one job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobPrice {
    /// Job.
    pub name: String,
    /// Its GPUs at work.
    pub gpus: f64,
    /// Its GPUs that the layout leaves idle, spares among them, and their power, MW: not priced, and nothing to shed.
    pub idle_gpus: f64,
    /// See `idle_gpus`.
    pub idle_mw: f64,
    /// Its power at the GPUs, MW.
    pub power_mw: f64,
    /// Share of throughput that its tier tolerates to lose.
    pub tolerance: f64,
    /// The answers.
    pub offers: Vec<Offer>,
    /// Price that the controller is told, $/MWh at the GPU.
    pub controller_usd_per_mwh: f64,
    /// Cheapest $ against depth, for the chart; within its tier.
    pub curve: Vec<(f64, f64)>,
}

/// A rung of the merit order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Job and answer.
    pub job: String,
    /// See `job`.
    pub response: &'static str,
    /// Depth of the job after it.
    pub depth: f64,
    /// MW shed up to here.
    pub total_mw: f64,
    /// $/MWh.
    pub usd_per_mwh: f64,
}

/// The price of flexibility.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Price {
    /// What is asked: share of GPU power, hours, minutes of notice.
    pub depth: f64,
    /// See `depth`.
    pub hours: f64,
    /// See `depth`.
    pub notice_min: f64,
    /// Each job by itself.
    pub jobs: Vec<JobPrice>,
    /// The campus together, cheapest first.
    pub merit: Vec<Rung>,
    /// Depth of each job when the campus sheds that share together, and whether it can.
    pub shared: Vec<f64>,
    /// Whether the campus can.
    pub met: bool,
    /// Share of its GPU power that it sheds so, or at most.
    pub reached: f64,
    /// What that costs: $, GPU-hours, tokens of the run, days of the run.
    pub together: [f64; 4],
}

/// Local hour of the scenario's first event; without one, 16:00.
fn hour(run: &Run<'_>) -> f64 {
    let scenario = run.scenario;
    let first = scenario.events.first().map(|event| scenario.start + (event.event.start - tieline_units::Time::ZERO));
    first.map_or(16.0, |at| at.day_and_hour(scenario.plant.utc_offset).1)
}

fn flexible(
    run: &Run<'_>,
    index: usize,
    job: &Job,
    per_gpu: Option<f64>,
    layout: Option<&Layout>,
    effective: f64,
) -> Option<(Flexible, f64)> {
    let halls: Vec<_> = run
        .scenario
        .plant
        .halls
        .iter()
        .filter(|hall| hall.job == Some(index) && hall.in_service <= run.scenario.start)
        .collect();
    let installed: f64 = halls.iter().map(|hall| hall.gpus).sum();
    // What the layout leaves over does nothing, at the power of doing nothing.
    let gpus = layout.map_or(installed, |layout| layout.gpus().min(installed));
    let product = halls.first()?.product.clone();
    let peak: f64 = halls.iter().map(|hall| hall.gpus * hall.product.bf16_flops).sum();
    // The fleet is taken to be sized so that the day's peak just keeps its latency.
    let load = if job.kind == JobKind::Inference { job.day_share(hour(run)) * run.plan.latency_load } else { 1.0 };
    let save_s = match job.kind {
        // The run's own checkpoint; the others have states of their own, and serving has none to lose.
        JobKind::PreTraining => {
            tieline_campus::training::goodput::CHECKPOINT_BYTES_PER_PARAMETER * run.model.parameters()
                / run.plan.storage_bytes_per_s(gpus)
        }
        JobKind::ReinforcementLearning => job.checkpoint_stall_s + job.checkpoint_write_s,
        JobKind::Inference => 0.0,
    };
    let flexible = Flexible {
        name: job.name.clone(),
        kind: job.kind,
        gpus,
        level_w: product.training_w * job.activity,
        product,
        measured: Vec::new(),
        usd_per_gpu_hour: job.usd_per_gpu_hour,
        tokens_per_s: per_gpu.map_or(peak * job.tokens_per_peak_flop(), |tokens| tokens * gpus) * effective,
        tolerance: TIERS[usize::from(job.tier).min(TIERS.len() - 1)],
        restart_s: job.restart_s,
        save_s,
        checkpoint_every_s: job.checkpoint_every_s,
        replicas: layout.map_or((gpus / GPUS_PER_REPLICA).max(1.0), |layout| f64::from(layout.data)),
        load,
        load_limit: if job.kind == JobKind::Inference { run.plan.latency_load } else { 1.0 },
    };
    Some((flexible, installed - gpus))
}

/// Layout, step and effective share of the run on the halls that are in service on the day of the price; the run's first
/// where they are the same, or where nothing fits.
fn on_the_day(run: &Run<'_>, first: (Layout, Step, f64)) -> (Layout, Step, f64) {
    let own = run.scenario.plant.jobs.iter().position(|job| job.name == run.job.name);
    let day = own.and_then(|place| super::standing(run.scenario, run.plan, place).ok());
    let Some(day) = day.filter(|day| day.gpus != run.gpus && run.plan.layout.is_none()) else { return first };
    let answer = search(&day.model, &day.cluster, &super::question(day.plan, day.usable(), 1));
    let Some(best) = answer.ok().and_then(|answer| answer.ranked.into_iter().next()) else { return first };
    let placed = Placed {
        model: &day.model,
        cluster: &day.cluster,
        layout: &best.layout,
        step_s: best.step.time_s,
        fleet_gpus: day.gpus,
    };
    let checkpoint = super::own_checkpoint(&day, &day.model, best.layout.gpus());
    (best.layout, best.step, effective_share(&super::hazard(&day, &placed), &checkpoint))
}

fn offer(job: &Flexible, asked: &Curtailment, response: Response) -> Offer {
    match job.cost(asked, response) {
        Ok(cost) => Offer {
            response: response.word(),
            refused: String::new(),
            shed_mw: cost.shed_w / 1e6,
            gpu_hours: cost.gpu_hours,
            tokens: cost.tokens,
            late_d: cost.late_d,
            usd: cost.usd,
            usd_per_mwh: cost.usd_per_mwh,
            throughput: cost.throughput,
        },
        Err(why) => Offer {
            response: response.word(),
            refused: why.to_string(),
            shed_mw: 0.0,
            gpu_hours: 0.0,
            tokens: 0.0,
            late_d: 0.0,
            usd: 0.0,
            usd_per_mwh: 0.0,
            throughput: 0.0,
        },
    }
}

pub(super) fn price(run: &Run<'_>, step: &Step, layout: &Layout, effective: f64) -> Price {
    let (depth, duration_s, notice_s) = run.plan.curtailment;
    let (layout, step, effective) = on_the_day(run, (*layout, *step, effective));
    let asked = Curtailment { depth, duration_s, notice_s };
    let (mut jobs, mut idle) = (Vec::new(), Vec::new());
    let mut own = None;
    for (index, job) in run.scenario.plant.jobs.iter().enumerate() {
        let is_run = job.name == run.job.name;
        let (tokens, cut) =
            if is_run { (Some(step.tokens_per_s / layout.gpus()), Some(&layout)) } else { (None, None) };
        let share = if is_run { effective } else { 1.0 };
        if let Some((flexible, left)) = flexible(run, index, job, tokens, cut, share) {
            if is_run {
                own = Some(jobs.len());
            }
            jobs.push(flexible);
            idle.push(left);
        }
    }
    let total_w: f64 = jobs.iter().map(Flexible::power_w).sum();
    let (shared, reached_w, met) = share_out(&jobs, depth * total_w, duration_s, notice_s);
    let mut together = [0.0; 4];
    for (index, (job, depth)) in jobs.iter().zip(&shared).enumerate() {
        if let Some(cost) = (*depth > 0.0).then(|| job.cheapest(&Curtailment { depth: *depth, ..asked })).flatten() {
            together[0] += cost.usd;
            together[1] += cost.gpu_hours;
            if own == Some(index) {
                (together[2], together[3]) = (cost.tokens, cost.late_d);
            }
        }
    }
    let curve = |job: &Flexible| {
        let at = |k: usize| k as f64 / POINTS as f64;
        (0..=POINTS)
            .filter_map(|k| job.cheapest(&Curtailment { depth: at(k), ..asked }).map(|cost| (at(k), cost.usd)))
            .collect()
    };
    Price {
        depth,
        hours: duration_s / 3600.0,
        notice_min: notice_s / 60.0,
        jobs: jobs
            .iter()
            .zip(&idle)
            .map(|(job, idle)| JobPrice {
                name: job.name.clone(),
                gpus: job.gpus,
                idle_gpus: *idle,
                idle_mw: idle * job.product.idle_w / 1e6,
                power_mw: job.power_w() / 1e6,
                tolerance: job.tolerance,
                // Each by itself may go beyond its tier, so that the price of more is seen; the merit order may not.
                offers: Response::ALL
                    .iter()
                    .map(|response| offer(&Flexible { tolerance: 1.0, ..job.clone() }, &asked, *response))
                    .collect(),
                controller_usd_per_mwh: job.shed_usd_per_j() * 3.6e9,
                curve: curve(job),
            })
            .collect(),
        merit: merit_order(&jobs, duration_s, notice_s)
            .into_iter()
            .map(|rung| Rung {
                job: jobs[rung.job].name.clone(),
                response: rung.response.word(),
                depth: rung.depth,
                total_mw: rung.total_w / 1e6,
                usd_per_mwh: rung.usd_per_mwh,
            })
            .collect(),
        shared,
        met,
        reached: if total_w > 0.0 { reached_w / total_w } else { 0.0 },
        together,
    }
}
