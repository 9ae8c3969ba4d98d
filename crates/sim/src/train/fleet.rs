//! When the run finishes: on its own halls as they come into service, on other fleets, with another model, and how sure.
//!
//! Not modelled: which halls get power first where power is short.

use super::plan::{OtherFleet, TrainingPlan};
use super::{DAY_S, Placed, Run, cluster_of, hazard, may_compute, own_checkpoint, question};
use serde::Serialize;
use tieline_campus::hall::Hall;
use tieline_campus::training::buildout::{self, Acts, Event, Phase, Unknown, Variant};
use tieline_campus::training::cluster::{Cluster, Precision};
use tieline_campus::training::goodput::effective_share;
use tieline_campus::training::layout::Layout;
use tieline_campus::training::model::Transformer;
use tieline_campus::training::search::search;
use tieline_campus::training::step::{Step, evaluate};

/// Draws of the unknowns.
const DRAWS: u32 = 4000;
/// Points of the progress curve.
const POINTS: usize = 200;
/// Outdoor temperature for the power of a GPU with its cooling, °C. guess: the mean of a year in the mid-South.
const MEAN_C: f64 = 18.0;

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

/// A step of the build-out, and what the whole run takes when it begins there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BuildRow {
    /// When, ns since 1970 UTC.
    pub at_ns: i64,
    /// GPUs in service for the run, and at work.
    pub gpus: f64,
    /// See `gpus`.
    pub at_work: f64,
    /// Power that there is for the run, W; absent where no limit is named.
    pub power_w: Option<f64>,
    /// What binds.
    pub limited_by: String,
    /// Tokens that are kept, per second.
    pub tokens_per_s: f64,
    /// Days that the whole run takes if nothing comes after this step.
    pub alone_d: f64,
    /// Days that it takes from here with the steps that follow, at their dates; absent if it never ends.
    pub through_d: Option<f64>,
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
    /// Share of the draws that never finish.
    pub never: f64,
    /// Why the likely value lies outside the range from P10 to P90; empty where it does not.
    pub aside: String,
    /// Draws.
    pub draws: u32,
    /// What it hangs on: name, days at its low and at its high end.
    pub tornado: Vec<(String, f64, f64)>,
    /// Days, share done.
    pub progress: Vec<(f64, f64)>,
    /// The same run on other fleets.
    pub fleets: Vec<Fleet>,
    /// The build-out from its first day on, whenever the run itself begins.
    pub build: Vec<BuildRow>,
    /// Start, ns since 1970 UTC, for dates.
    pub start_ns: i64,
}

/// Best layout of a model on a cluster, and the kept speed of one GPU, FLOP/s.
#[derive(Clone)]
pub(super) struct Pace {
    pub layout: Layout,
    pub mfu: f64,
    pub effective: f64,
    pub tokens_per_s: f64,
    kept_flops: f64,
}

/// The pace of the best layout on what may compute of a fleet.
pub(super) fn pace(
    run: &Run<'_>,
    model: &Transformer,
    cluster: &Cluster,
    usable: f64,
    fleet_gpus: f64,
) -> Option<Pace> {
    let answer = search(model, cluster, &question(run.plan, usable, 1)).ok()?;
    let best = answer.ranked.first()?;
    Some(pace_of(run, model, &best.layout, &best.step, (cluster, fleet_gpus)))
}

fn pace_of(
    run: &Run<'_>,
    model: &Transformer,
    layout: &Layout,
    step: &Step,
    (cluster, fleet_gpus): (&Cluster, f64),
) -> Pace {
    let hazard = hazard(run, &Placed { model, cluster, layout, step_s: step.time_s, fleet_gpus });
    let effective = effective_share(&hazard, &own_checkpoint(run, model, layout.gpus()));
    let kept_flops = cluster.accelerator.peak(layout.precision) * step.mfu * effective;
    Pace { layout: *layout, mfu: step.mfu, effective, tokens_per_s: step.tokens_per_s, kept_flops }
}

/// A phase, the pace on it, and what it was found for.
struct Built {
    phase: Phase,
    pace: Pace,
    cluster: Cluster,
    /// GPUs in service, and those of them that may compute.
    gpus: f64,
    usable: f64,
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

/// Power that there is at a day, W; infinite where none is named.
fn power_w(run: &Run<'_>, at_d: f64) -> f64 {
    let limits = run.plan.power.iter().filter(|(at, _)| (*at - run.begin).as_secs_f64() / DAY_S <= at_d);
    limits.map(|(_, power_w)| *power_w).next_back().unwrap_or(f64::INFINITY)
}

/// The phases of the build-out; `layout` where one was found for the fleet at the start.
fn phases(run: &Run<'_>, layout: Option<&Layout>) -> Vec<Built> {
    let mut built = steps(run, layout);
    // A date that changes nothing is no phase: the job need not regroup.
    built.dedup_by(|next, before| {
        before.phase.at_work() == next.phase.at_work() && before.phase.kept_flops == next.phase.kept_flops
    });
    built
}

/// The phases at which a job regroups: those that change its pace.
fn regroupings(phases: &[Phase]) -> Vec<Phase> {
    let mut kept = phases.to_vec();
    kept.dedup_by(|next, before| before.at_work() == next.at_work() && before.kept_flops == next.kept_flops);
    kept
}

/// Every date of the build-out at which the run has GPUs.
fn steps(run: &Run<'_>, layout: Option<&Layout>) -> Vec<Built> {
    let mut built: Vec<Built> = Vec::new();
    for from_d in dates(run) {
        let here: Vec<&Hall> =
            run.halls.iter().filter(|hall| (hall.in_service - run.begin).as_secs_f64() / DAY_S <= from_d).collect();
        let gpus: f64 = here.iter().map(|hall| hall.gpus).sum();
        let Some(slowest) = here.iter().min_by(|a, b| a.product.bf16_flops.total_cmp(&b.product.bf16_flops)) else {
            continue;
        };
        let all_in_w = here.iter().map(|hall| hall.gpus * all_in_w(hall, run.job.activity)).sum::<f64>() / gpus;
        let power_w = power_w(run, from_d);
        let powered = libm::floor(gpus.min(power_w / all_in_w));
        let usable = may_compute(run.plan, gpus, powered);
        let Ok(cluster) = cluster_of(&slowest.product.name, run.plan) else { continue };
        let own = layout.copied().filter(|_| run.plan.layout.is_some() || usable == run.usable());
        let before =
            built.last().filter(|before| before.usable == usable && before.gpus == gpus && before.cluster == cluster);
        let pace = match (own, before) {
            (_, Some(before)) => Some(before.pace.clone()),
            (Some(layout), _) if layout.gpus() <= powered => {
                let step = evaluate(&run.model, &cluster, &layout);
                Some(pace_of(run, &run.model, &layout, &step, (&cluster, gpus)))
            }
            _ => pace(run, &run.model, &cluster, usable, gpus),
        };
        let Some(pace) = pace else { continue };
        let phase = Phase {
            from_d,
            // Only the GPUs of the layout work; idle ones would be counted as working otherwise.
            gpus: pace.layout.gpus(),
            power_w: if powered < may_compute(run.plan, gpus, f64::INFINITY) {
                pace.layout.gpus() * all_in_w
            } else {
                f64::INFINITY
            },
            all_in_w,
            kept_flops: pace.kept_flops,
        };
        built.push(Built { phase, pace, cluster, gpus, usable });
    }
    built
}

/// The whole build-out, whenever the run itself begins: what each step brings, and what the run takes from there.
fn build(run: &Run<'_>) -> Vec<BuildRow> {
    let first = run.halls.iter().map(|hall| hall.in_service).min().unwrap_or(run.begin).min(run.begin);
    let early = Run { begin: first, ..run.clone() };
    let built = steps(&early, run.plan.layout.as_ref());
    let plain: Vec<Phase> = built.iter().map(|built| built.phase.clone()).collect();
    let work = run.model.flops_per_token() * run.plan.tokens;
    let row = |(place, built): (usize, &Built)| {
        let (phase, from_d) = (&built.phase, built.phase.from_d);
        let gpus = in_service(&early, from_d);
        let rest: Vec<Phase> =
            plain[place..].iter().map(|phase| Phase { from_d: phase.from_d - from_d, ..phase.clone() }).collect();
        let rate = phase.at_work() * phase.kept_flops;
        let power_w = power_w(&early, from_d);
        BuildRow {
            at_ns: (first + tieline_units::Span::from_secs_f64(from_d * DAY_S)).as_nanos(),
            gpus,
            at_work: built.pace.layout.gpus(),
            power_w: power_w.is_finite().then_some(power_w),
            limited_by: limit(phase, &built.pace, built.usable).to_owned(),
            tokens_per_s: rate / run.model.flops_per_token(),
            alone_d: work / rate / DAY_S,
            through_d: buildout::finish_d(&regroupings(&rest), work, run.plan.resize_s / DAY_S),
        }
    };
    built.iter().enumerate().map(row).collect()
}

/// GPUs in service for the run at a day.
fn in_service(run: &Run<'_>, at_d: f64) -> f64 {
    run.halls
        .iter()
        .filter(|hall| (hall.in_service - run.begin).as_secs_f64() / DAY_S <= at_d)
        .map(|hall| hall.gpus)
        .sum()
}

/// The active share as models with other numbers of experts a token, laid out anew on every phase: it moves arithmetic,
/// traffic to the experts and memory, not the amount of work alone.
fn active(run: &Run<'_>, built: &[Built]) -> Option<Unknown> {
    let likely = run.model.active_parameters();
    let (low, high) = run.plan.active_range;
    if low >= 1.0 && high <= 1.0 {
        return None;
    }
    let per_second = |phase: &Phase, model: &Transformer| phase.at_work() * phase.kept_flops / model.flops_per_token();
    let mut variants = vec![Variant { factor: 1.0, slower: vec![1.0; built.len()] }];
    let mut counts = Vec::new();
    for factor in [low, 0.5 * (low + 1.0), 0.5 * (1.0 + high), high] {
        let model = run.model.with_active(factor * likely)?;
        let per_token = model.experts.map_or(0, |experts| experts.per_token);
        counts.push(per_token);
        let reached = model.active_parameters() / likely;
        if variants.iter().any(|variant| variant.factor == reached) {
            continue;
        }
        let slower = |here: &Built| {
            // A layout of choice stays where it fits; another model that it does not fit would be laid out anew.
            let own = run
                .plan
                .layout
                .filter(|own| tieline_campus::training::layout::mistakes(&model, &here.cluster, own).is_empty());
            let pace = match own {
                Some(own) => {
                    let step = evaluate(&model, &here.cluster, &own);
                    Some(pace_of(run, &model, &own, &step, (&here.cluster, here.gpus)))
                }
                None => pace(run, &model, &here.cluster, here.usable, here.gpus),
            };
            pace.map_or(f64::INFINITY, |pace| {
                let moved = Phase {
                    gpus: pace.layout.gpus(),
                    power_w: f64::INFINITY,
                    kept_flops: pace.kept_flops,
                    ..here.phase.clone()
                };
                per_second(&here.phase, &run.model) / per_second(&moved, &model)
            })
        };
        variants.push(Variant { factor: reached, slower: built.iter().map(slower).collect() });
    }
    variants.sort_by(|a, b| a.factor.total_cmp(&b.factor));
    let [fewest, .., most] = counts[..] else { return None };
    let name = format!(
        "active parameters ({:.0} to {:.0} %: {fewest} to {most} experts a token)",
        100.0 * variants.first()?.factor,
        100.0 * variants.last()?.factor
    );
    Some(Unknown { name, acts: Acts::Shape(variants), range: [low, 1.0, high] })
}

fn unknowns(run: &Run<'_>, built: &[Built]) -> Vec<Unknown> {
    let plan = run.plan;
    let unknown =
        |name: &str, acts, (low, high): (f64, f64)| Unknown { name: name.to_owned(), acts, range: [low, 1.0, high] };
    let range = |name: &str, (low, high): (f64, f64)| {
        let side = if low >= 1.0 || high <= 1.0 { ", one-sided" } else { "" };
        format!("{name} ({:.0} to {:.0} %{side})", 100.0 * low, 100.0 * high)
    };
    // What is known is no unknown: neither a draw nor a bar.
    let open = |(low, high): (f64, f64)| low < 1.0 || high > 1.0;
    let mut all = Vec::new();
    if open(plan.tokens_range) {
        all.push(unknown(&range("tokens", plan.tokens_range), Acts::Work, plan.tokens_range));
    }
    all.extend(active(run, built));
    if open(plan.speed_range) {
        all.push(unknown(&range("speed beyond the model", plan.speed_range), Acts::Speed, plan.speed_range));
    }
    if built.len() > 1 {
        all.push(Unknown {
            name: format!("later halls (0 to {:.0} d late, never early)", plan.delay_s / DAY_S),
            acts: Acts::Delay,
            range: [0.0, 0.0, plan.delay_s / DAY_S],
        });
    }
    all
}

/// Fewer bits may turn out not to train: then the run is laid out again for 16 bits, on the same fleet.
fn fallback(run: &Run<'_>) -> Option<Event> {
    let own = run.plan.precision;
    let peak = |precision| run.cluster.accelerator.peak(precision);
    if peak(own) <= peak(Precision::Bf16) || run.plan.fallback <= 0.0 {
        return None;
    }
    let plan = TrainingPlan { precision: Precision::Bf16, layout: None, ..run.plan.clone() };
    let wide = Run { plan: &plan, ..run.clone() };
    Some(Event {
        name: format!("16 bits instead of {} ({:.0} % likely)", own.word(), 100.0 * run.plan.fallback),
        probability: run.plan.fallback,
        phases: phases(&wide, None).into_iter().map(|built| built.phase).collect(),
    })
}

/// Idle GPUs beyond which the layout, and so the batch, is what limits. guess: a fiftieth.
const IDLE: f64 = 0.02;

fn limit(phase: &Phase, pace: &Pace, usable: f64) -> &'static str {
    if phase.power_w.is_finite() {
        return "power";
    }
    let at_work = pace.layout.gpus() * (1.0 - pace.layout.uneven());
    if at_work < (1.0 - IDLE) * usable { "batch" } else { "GPUs" }
}

pub(super) fn outlook(run: &Run<'_>, layout: &Layout, seed: u64) -> Outlook {
    let built = phases(run, Some(layout));
    let plain: Vec<Phase> = built.iter().map(|built| built.phase.clone()).collect();
    let work = run.model.flops_per_token() * run.plan.tokens;
    let resize_d = run.plan.resize_s / DAY_S;
    let unknowns = unknowns(run, &built);
    let event = fallback(run);
    let finishes = buildout::outlook(&plain, work, resize_d, &unknowns, event.as_ref(), seed, DRAWS);
    let row = |Built { phase, pace, usable, .. }: &Built| PhaseRow {
        from_d: phase.from_d,
        gpus: in_service(run, phase.from_d),
        at_work: pace.layout.gpus(),
        limited_by: limit(phase, pace, *usable).to_owned(),
        uneven: pace.layout.uneven(),
        mfu: pace.mfu,
        effective: pace.effective,
        layout: pace.layout.to_string(),
    };
    let likely_d = buildout::finish_d(&plain, work, resize_d);
    let quantiles_d = [0.1, 0.5, 0.9].map(|share| buildout::quantile(&finishes, share));
    let tornado: Vec<(String, f64, f64)> = buildout::tornado(&plain, work, resize_d, &unknowns, event.as_ref())
        .into_iter()
        .map(|bar| (bar.name, bar.low_d, bar.high_d))
        .collect();
    Outlook {
        phases: built.iter().map(row).collect(),
        likely_d,
        quantiles_d,
        never: finishes.iter().filter(|days| !days.is_finite()).count() as f64 / finishes.len().max(1) as f64,
        aside: aside(likely_d, quantiles_d, &tornado),
        draws: DRAWS,
        tornado,
        progress: buildout::progress(&plain, work, resize_d, POINTS),
        fleets: fleets(run),
        build: build(run),
        start_ns: run.begin.as_nanos(),
    }
}

/// Why the likely finish lies outside the range of the draws, from the bars that point one way only.
fn aside(likely_d: Option<f64>, [p10, _, p90]: [(f64, f64); 3], tornado: &[(String, f64, f64)]) -> String {
    let Some(likely_d) = likely_d.filter(|likely_d| *likely_d < p10.0 || *likely_d > p90.0) else {
        return String::new();
    };
    let early = likely_d < p10.0;
    // A thousandth of the run is no bar.
    let slack_d = 1e-3 * likely_d;
    let one_way = |bar: &&(String, f64, f64)| {
        let (least, most) = (bar.1.min(bar.2), bar.1.max(bar.2));
        if early {
            least >= likely_d - slack_d && most > likely_d + slack_d
        } else {
            most <= likely_d + slack_d && least < likely_d - slack_d
        }
    };
    let names: Vec<&str> = tornado.iter().filter(one_way).map(|bar| bar.0.as_str()).collect();
    let (side, end) = if early { ("before P10", "later") } else { ("after P90", "sooner") };
    if names.is_empty() {
        format!("the likely value lies {side}: together the unknowns pull the finish {end}")
    } else {
        format!("the likely value lies {side}: {} can only make it {end}", names.join(" and "))
    }
}

/// The same tokens on other fleets: those of the run's table, then the scenario's own list.
fn fleets(run: &Run<'_>) -> Vec<Fleet> {
    let listed = run.scenario.fleets.iter().map(|fleet| OtherFleet {
        name: fleet.name.clone(),
        gpus: fleet.gpus,
        product: fleet.product.clone(),
        sites: fleet.sites as u32,
        model: None,
    });
    run.plan.fleets.iter().cloned().chain(listed).filter_map(|other| fleet(run, &other)).collect()
}

fn fleet(run: &Run<'_>, other: &OtherFleet) -> Option<Fleet> {
    let cluster = Cluster { sites: other.sites, ..Cluster::named(&other.product)? };
    let model = other.model.as_ref().unwrap_or(&run.model);
    let usable = may_compute(run.plan, other.gpus, f64::INFINITY);
    let pace = if cluster.accelerator.peak(run.plan.precision) > 0.0 {
        pace(run, model, &cluster, usable, other.gpus)
    } else {
        None
    };
    let work = model.flops_per_token() * run.plan.tokens;
    Some(Fleet {
        name: other.name.clone(),
        model: model.name.clone(),
        gpus: pace.as_ref().map_or(0.0, |pace| pace.layout.gpus()),
        mfu: pace.as_ref().map_or(0.0, |pace| pace.mfu),
        effective: pace.as_ref().map_or(0.0, |pace| pace.effective),
        days: pace.map(|pace| work / (pace.layout.gpus() * pace.kept_flops) / DAY_S),
    })
}
