//! When the run finishes: on its own halls as they come into service, on other fleets, with another model, and how sure.
//!
//! Not modelled: which halls get power first where power is short.

use super::plan::TrainingPlan;
use super::{DAY_S, GPUS_PER_NODE, Run, cluster_of, hazard, own_checkpoint, question};
use serde::Serialize;
use tieline_campus::hall::Hall;
use tieline_campus::training::buildout::{self, Acts, Event, Phase, Unknown};
use tieline_campus::training::cluster::{Cluster, Precision};
use tieline_campus::training::goodput::effective_share;
use tieline_campus::training::layout::Layout;
use tieline_campus::training::model::Transformer;
use tieline_campus::training::search::search;

/// Draws of the unknowns.
const DRAWS: u32 = 4000;
/// Points of the progress curve.
const POINTS: usize = 200;
/// Outdoor temperature for the power of a GPU with its cooling, °C. guess: the mean of a year in the mid-South.
const MEAN_C: f64 = 18.0;

/// Fleets for comparison: name, product, GPUs, sites. claim: company and press, January 2026 (MISSION S1, S2, S9);
/// products of the last three are guesses.
const FLEETS: [(&str, &str, f64, u32); 5] = [
    ("Colossus 1 (200,000 H100 and H200)", "H100", 200_000.0, 1),
    ("Colossus 2 when complete (555,000)", "GB200", 555_000.0, 1),
    ("Meta (150,000)", "GB200", 150_000.0, 1),
    ("Microsoft (100,000)", "H200", 100_000.0, 1),
    ("Google (100,000 over 3 sites, guess)", "H200", 100_000.0, 3),
];

/// A fleet on the same run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fleet {
    /// Name.
    pub name: String,
    /// Model that it trains.
    pub model: String,
    /// GPUs at work in its best layout.
    pub gpus: f64,
    /// Model arithmetic over peak.
    pub mfu: f64,
    /// Effective share of time.
    pub effective: f64,
    /// Days to the finish; absent if the model fits in no layout.
    pub days: Option<f64>,
}

/// A phase of the build-out as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseRow {
    /// From when, days.
    pub from_d: f64,
    /// GPUs in service, at work.
    pub gpus: f64,
    /// See `gpus`.
    pub at_work: f64,
    /// What binds: GPUs, power, or the batch that gives no more replicas something to do.
    pub limited_by: String,
    /// Share of the replicas' time lost because the batch does not divide.
    pub uneven: f64,
    /// Model arithmetic over peak; effective share.
    pub mfu: f64,
    /// See `mfu`.
    pub effective: f64,
    /// Layout in short.
    pub layout: String,
}

/// When the run finishes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// The phases.
    pub phases: Vec<PhaseRow>,
    /// With every unknown at its likely value, days; absent if it never does.
    pub likely_d: Option<f64>,
    /// Days at 10, 50 and 90 % of the draws, each with its standard error.
    pub quantiles_d: [(f64, f64); 3],
    /// Draws.
    pub draws: u32,
    /// What it hangs on: name, days at its low and at its high end.
    pub tornado: Vec<(String, f64, f64)>,
    /// Days, share done.
    pub progress: Vec<(f64, f64)>,
    /// The same run on other fleets.
    pub fleets: Vec<Fleet>,
    /// Start, ns since 1970 UTC, for dates.
    pub start_ns: i64,
}

/// Best layout of a model on a cluster, and the kept speed of one GPU, FLOP/s.
struct Pace {
    layout: Layout,
    mfu: f64,
    effective: f64,
    kept_flops: f64,
}

fn pace(run: &Run<'_>, model: &Transformer, cluster: &Cluster, gpus: f64) -> Option<Pace> {
    let answer = search(model, cluster, &question(run.plan, gpus, 1)).ok()?;
    let best = answer.ranked.first()?;
    Some(pace_of(run, &best.layout, best.step.mfu, cluster))
}

fn pace_of(run: &Run<'_>, layout: &Layout, mfu: f64, cluster: &Cluster) -> Pace {
    let hazard = hazard(run, layout.gpus(), f64::from(layout.data));
    let checkpoint = own_checkpoint(run, layout.gpus());
    let effective = effective_share(&hazard, &checkpoint);
    Pace { layout: *layout, mfu, effective, kept_flops: cluster.accelerator.peak(layout.precision) * mfu * effective }
}

/// Power of one GPU with everything that belongs to it, W at the meter.
fn all_in_w(hall: &Hall, activity: f64) -> f64 {
    let at_feeder = (hall.product.training_w * activity + hall.product.other_w) / (1.0 - hall.conversion_loss);
    at_feeder * (1.0 + hall.cooling.chiller_per_w(MEAN_C) + hall.cooling.pumps_and_fans_per_rated_w(1.0))
}

/// Instants at which halls come or power changes, from the start on.
fn dates(run: &Run<'_>) -> Vec<f64> {
    let start = run.begin;
    let mut dates: Vec<f64> =
        run.halls.iter().map(|hall| ((hall.in_service - start).as_secs_f64() / DAY_S).max(0.0)).collect();
    dates.extend(run.plan.power.iter().map(|(at, _)| ((*at - run.begin).as_secs_f64() / DAY_S).max(0.0)));
    dates.push(0.0);
    dates.sort_by(f64::total_cmp);
    dates.dedup();
    dates
}

/// The phases of the build-out; `layout` where one was found for the fleet at the start.
fn phases(run: &Run<'_>, layout: Option<&Layout>) -> Vec<(Phase, Pace)> {
    let mut built: Vec<(Phase, Pace)> = Vec::new();
    for from_d in dates(run) {
        let here: Vec<&Hall> =
            run.halls.iter().filter(|hall| (hall.in_service - run.begin).as_secs_f64() / DAY_S <= from_d).collect();
        let gpus: f64 = here.iter().map(|hall| hall.gpus).sum();
        let Some(slowest) = here.iter().min_by(|a, b| a.product.bf16_flops.total_cmp(&b.product.bf16_flops)) else {
            continue;
        };
        let all_in = here.iter().map(|hall| hall.gpus * all_in_w(hall, run.job.activity)).sum::<f64>() / gpus;
        let power_w = run
            .plan
            .power
            .iter()
            .filter(|(at, _)| (*at - run.begin).as_secs_f64() / DAY_S <= from_d)
            .map(|(_, power_w)| *power_w)
            .next_back()
            .unwrap_or(f64::INFINITY);
        let usable = libm::floor(gpus.min(power_w / all_in));
        let Ok(cluster) = cluster_of(&slowest.product.name, run.plan) else { continue };
        let own = layout.copied().filter(|_| run.plan.layout.is_some() || usable == run.gpus);
        let pace = match own {
            Some(layout) if layout.gpus() <= usable => {
                let step = tieline_campus::training::step::evaluate(&run.model, &cluster, &layout);
                Some(pace_of(run, &layout, step.mfu, &cluster))
            }
            _ => pace(run, &run.model, &cluster, usable),
        };
        let Some(pace) = pace else { continue };
        let phase = Phase {
            from_d,
            // Only the GPUs of the layout work; idle ones would be counted as working otherwise.
            gpus: pace.layout.gpus(),
            power_w: if power_w / all_in < gpus { pace.layout.gpus() * all_in } else { f64::INFINITY },
            all_in_w: all_in,
            kept_flops: pace.kept_flops,
        };
        // A date that changes nothing is no phase: the job need not regroup.
        let same =
            |(before, _): &(Phase, Pace)| before.at_work() == phase.at_work() && before.kept_flops == phase.kept_flops;
        if !built.last().is_some_and(same) {
            built.push((phase, pace));
        }
    }
    built
}

/// GPUs in service for the run at a day.
fn in_service(run: &Run<'_>, at_d: f64) -> f64 {
    run.halls
        .iter()
        .filter(|hall| (hall.in_service - run.begin).as_secs_f64() / DAY_S <= at_d)
        .map(|hall| hall.gpus)
        .sum()
}

fn unknowns(run: &Run<'_>) -> Vec<Unknown> {
    let plan = run.plan;
    let unknown =
        |name: &str, acts, (low, high): (f64, f64)| Unknown { name: name.to_owned(), acts, range: [low, 1.0, high] };
    let range = |name: &str, (low, high): (f64, f64)| {
        let side = if low >= 1.0 || high <= 1.0 { ", one-sided" } else { "" };
        format!("{name} ({:.0} to {:.0} %{side})", 100.0 * low, 100.0 * high)
    };
    vec![
        unknown(&range("tokens", plan.tokens_range), Acts::Work, plan.tokens_range),
        unknown(&range("active parameters", plan.active_range), Acts::Work, plan.active_range),
        unknown(&range("speed beyond the model", plan.speed_range), Acts::Speed, plan.speed_range),
        Unknown {
            name: format!("later halls (0 to {:.0} d late, never early)", plan.delay_s / DAY_S),
            acts: Acts::Delay,
            range: [0.0, 0.0, plan.delay_s / DAY_S],
        },
    ]
}

/// Fewer bits may turn out not to train: then the run is laid out again for 16 bits, on the same fleet.
fn fallback(run: &Run<'_>) -> Option<Event> {
    let own = run.plan.precision;
    let peak = |precision| run.cluster.accelerator.peak(precision);
    if peak(own) <= peak(Precision::Bf16) || run.plan.fallback <= 0.0 {
        return None;
    }
    let plan = TrainingPlan { precision: Precision::Bf16, layout: None, ..run.plan.clone() };
    let wide = Run {
        scenario: run.scenario,
        plan: &plan,
        job: run.job,
        begin: run.begin,
        halls: run.halls.clone(),
        model: run.model.clone(),
        cluster: run.cluster.clone(),
        gpus: run.gpus,
    };
    Some(Event {
        name: format!("16 bits instead of {} ({:.0} % likely)", own.word(), 100.0 * run.plan.fallback),
        probability: run.plan.fallback,
        phases: phases(&wide, None).into_iter().map(|(phase, _)| phase).collect(),
    })
}

/// Idle GPUs beyond which the layout, and so the batch, is what limits. guess: a fiftieth.
const IDLE: f64 = 0.02;

fn limit(phase: &Phase, pace: &Pace, gpus: f64) -> &'static str {
    if phase.power_w.is_finite() {
        return "power";
    }
    let at_work = pace.layout.gpus() * (1.0 - pace.layout.uneven());
    if at_work < (1.0 - IDLE) * gpus { "batch" } else { "GPUs" }
}

pub(super) fn outlook(run: &Run<'_>, layout: &Layout, seed: u64) -> Outlook {
    let built = phases(run, Some(layout));
    let plain: Vec<Phase> = built.iter().map(|(phase, _)| phase.clone()).collect();
    let work = run.model.flops_per_token() * run.plan.tokens;
    let resize_d = run.plan.resize_s / DAY_S;
    let unknowns = unknowns(run);
    let event = fallback(run);
    let finishes = buildout::outlook(&plain, work, resize_d, &unknowns, event.as_ref(), seed, DRAWS);
    let row = |(phase, pace): &(Phase, Pace)| PhaseRow {
        from_d: phase.from_d,
        gpus: in_service(run, phase.from_d),
        at_work: pace.layout.gpus(),
        limited_by: limit(phase, pace, in_service(run, phase.from_d)).to_owned(),
        uneven: pace.layout.uneven(),
        mfu: pace.mfu,
        effective: pace.effective,
        layout: pace.layout.to_string(),
    };
    Outlook {
        phases: built.iter().map(row).collect(),
        likely_d: buildout::finish_d(&plain, work, resize_d),
        quantiles_d: [0.1, 0.5, 0.9].map(|share| buildout::quantile(&finishes, share)),
        draws: DRAWS,
        tornado: buildout::tornado(&plain, work, resize_d, &unknowns, event.as_ref())
            .into_iter()
            .map(|bar| (bar.name, bar.low_d, bar.high_d))
            .collect(),
        progress: buildout::progress(&plain, work, resize_d, POINTS),
        fleets: fleets(run),
        start_ns: run.begin.as_nanos(),
    }
}

/// The same tokens on other fleets, and the model before on the largest.
fn fleets(run: &Run<'_>) -> Vec<Fleet> {
    let mut rows = Vec::new();
    for (name, product, gpus, sites) in FLEETS {
        let Some(mut cluster) = Cluster::named(product) else { continue };
        cluster.sites = sites;
        rows.push(fleet(run, name, &run.model, &cluster, gpus));
    }
    if let (Some(before), Some(cluster)) = (Transformer::named("grok-4-guess"), Cluster::named("GB200"))
        && run.model.name == "grok-5-guess"
    {
        rows.push(fleet(run, "Colossus 2 when complete (555,000)", &before, &cluster, 555_000.0));
    }
    rows
}

fn fleet(run: &Run<'_>, name: &str, model: &Transformer, cluster: &Cluster, gpus: f64) -> Fleet {
    // Spares are part of the fleet.
    let nodes = libm::floor(gpus / GPUS_PER_NODE / (1.0 + run.plan.spares));
    let peak = |p| cluster.accelerator.peak(p) > 0.0;
    let pace = if peak(run.plan.precision) { pace(run, model, cluster, nodes * GPUS_PER_NODE) } else { None };
    let work = model.flops_per_token() * run.plan.tokens;
    Fleet {
        name: name.to_owned(),
        model: model.name.clone(),
        gpus: pace.as_ref().map_or(0.0, |pace| pace.layout.gpus()),
        mfu: pace.as_ref().map_or(0.0, |pace| pace.mfu),
        effective: pace.as_ref().map_or(0.0, |pace| pace.effective),
        days: pace.map(|pace| work / (pace.layout.gpus() * pace.kept_flops) / DAY_S),
    }
}
