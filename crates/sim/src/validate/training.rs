//! Quantities of the training model: the same functions that `tieline train` uses, on the inputs that a case states.
//!
//! Not modelled: accelerators by name; a case states the 16-bit peak, and the catalogue's product with that peak is meant.

use super::{Dimension as D, Given};
use tieline_campus::training::cluster::{Cluster, Precision};
use tieline_campus::training::flexibility::{self, Curtailment};
use tieline_campus::training::goodput::{self as run, Checkpoint, Hazard, Lost, Recovery};
use tieline_campus::training::layout::{Attention, Layout, Mistake, Overlap, Recompute, Sharding, mistakes};
use tieline_campus::training::model::Transformer;
use tieline_campus::training::{memory as bytes, phases, step};
use tieline_units::Draw;

type Outcome = Result<Vec<Vec<f64>>, String>;
type Named = (&'static str, D);

/// What the rows of every layout case state; `ERRORS_IN` has the published times besides.
pub(super) const LAYOUT_IN: &[Named] = ERRORS_IN.split_at(ERRORS_IN.len() - 1).0;
pub(super) const ERRORS_IN: &[Named] = &[
    ("hidden", D::Count),
    ("feed_forward", D::Count),
    ("heads", D::Count),
    ("kv_heads", D::Count),
    ("layers", D::Count),
    ("vocabulary", D::Count),
    ("sequence", D::Count),
    ("gated", D::Count),
    ("causal", D::Count),
    ("tensor", D::Count),
    ("context", D::Count),
    ("pipeline", D::Count),
    ("data", D::Count),
    ("interleave", D::Count),
    ("micro_batch", D::Count),
    ("batch", D::Count),
    ("sequence_parallel", D::Count),
    ("fused", D::Count),
    ("splits_products", D::Count),
    ("recompute", D::Count),
    ("lighter_ends", D::Count),
    ("bits", D::Count),
    ("slowdown", D::Plain),
    ("peak", D::Speed),
    ("published", D::Span),
];
pub(super) const LAYOUT_OUT: &[Named] =
    &[("time", D::Span), ("mfu", D::Ratio), ("hfu", D::Ratio), ("achieved", D::Speed), ("memory", D::Ratio)];
pub(super) const ERRORS_OUT: &[Named] = &[
    ("mean_error", D::Ratio),
    ("max_error", D::Ratio),
    ("mean_error_predicted", D::Ratio),
    ("max_error_predicted", D::Ratio),
];
pub(super) const MEMORY_OUT: &[Named] = &[("states", D::Bytes), ("activations", D::Bytes)];
pub(super) const BUBBLE_IN: &[Named] = &[("pipeline", D::Count), ("interleave", D::Count), ("micro_batches", D::Count)];
pub(super) const BUBBLE_OUT: &[Named] = &[("scheduled", D::Ratio), ("formula", D::Ratio)];
pub(super) const GIVEN_IN: &[Named] =
    &[("parameters", D::Count), ("tokens", D::Count), ("gpus", D::Count), ("achieved", D::Speed)];
pub(super) const GIVEN_OUT: &[Named] = &[("time", D::Span), ("days", D::Plain)];
pub(super) const SHARE_IN: &[Named] = &[
    ("hidden", D::Count),
    ("feed_forward", D::Count),
    ("heads", D::Count),
    ("layers", D::Count),
    ("vocabulary", D::Count),
    ("sequence", D::Count),
    ("tokens", D::Count),
    ("peak", D::Speed),
    ("share", D::Ratio),
];
pub(super) const BYTES_IN: &[Named] = &[("held", D::Bytes), ("gpus", D::Count), ("parameters", D::Count)];
pub(super) const INTERRUPTIONS_IN: &[Named] = &[
    ("gpus", D::Count),
    ("gpus_per_node", D::Count),
    ("per_1000_node_days", D::Plain),
    ("period", D::Span),
    ("runs", D::Count),
];
pub(super) const CAUSES_OUT: &[Named] = &[("count", D::Count), ("sum", D::Count)];
pub(super) const GOODPUT_IN: &[Named] = &[
    ("gpus", D::Count),
    ("gpus_per_node", D::Count),
    ("per_1000_node_days", D::Plain),
    ("restart", D::Span),
    ("interval", D::Span),
    ("stall", D::Span),
    ("durable_after", D::Span),
    ("planned_every", D::Span),
    ("planned_stop", D::Span),
    ("period", D::Span),
    ("runs", D::Count),
];
pub(super) const GOODPUT_OUT: &[Named] =
    &[("closed_form", D::Ratio), ("simulated", D::Ratio), ("standard_errors_apart", D::Plain)];
pub(super) const OPTIMUM_OUT: &[Named] = &[("simulated_over_formula", D::Plain), ("simulated_over_young", D::Plain)];
pub(super) const ETTR_OUT: &[Named] = &[("simulated", D::Ratio), ("first_order", D::Ratio)];
pub(super) const TRIAL_IN: &[Named] = &[("depth", D::Ratio), ("duration", D::Span)];
/// The replay says besides how deep the event was, and how much of it our tiers reach.
pub(super) const TRIAL_OUT: &[Named] = REPLAY_OUT.split_at(REPLAY_OUT.len() - 2).0;
pub(super) const REPLAY_IN: &[Named] = &[
    ("baseline_from", D::Span),
    ("baseline_to", D::Span),
    ("from", D::Span),
    ("to", D::Span),
    ("caps", D::Count),
    ("curve_row", D::Count),
];
pub(super) const REPLAY_OUT: &[Named] = &[
    ("baseline", D::Power),
    ("left", D::Ratio),
    ("weighted", D::Ratio),
    ("fine_tuning", D::Ratio),
    ("inference", D::Ratio),
    ("pre_training", D::Ratio),
    ("median_depth", D::Ratio),
    ("reached", D::Ratio),
];

/// Products by their 16-bit peak.
fn cluster(peak: f64) -> Result<Cluster, String> {
    ["A100", "H100", "GB200"]
        .iter()
        .filter_map(|name| Cluster::named(name))
        .find(|cluster| cluster.accelerator.peak(Precision::Bf16) == peak)
        .ok_or_else(|| format!("no accelerator has a 16-bit peak of {peak:e} FLOP/s"))
}

/// One row of a case: an input with one value goes with every row.
fn rows(given: &Given) -> usize {
    LAYOUT_IN.iter().map(|(name, _)| given.list(name).len()).max().unwrap_or(0)
}

struct Row {
    model: Transformer,
    cluster: Cluster,
    layout: Layout,
    slowdown: f64,
}

fn row(given: &Given, place: usize) -> Result<Row, String> {
    let at = |name: &str| -> Result<f64, String> {
        let list = given.list(name);
        let value = if list.len() == 1 { list.first() } else { list.get(place) };
        value.copied().ok_or_else(|| format!("input \"{name}\" has {} values for {} rows", list.len(), rows(given)))
    };
    let whole = |name: &str| -> Result<u32, String> {
        let value = at(name)?;
        let ok = value.fract() == 0.0 && (0.0..=4e9).contains(&value);
        if ok { Ok(value as u32) } else { Err(format!("input \"{name}\" is {value}, expected a whole number")) }
    };
    let flag = |name: &str| whole(name).map(|value| value != 0);
    let (heads, kv_heads, hidden) = (whole("heads")?, whole("kv_heads")?, whole("hidden")?);
    let head_size = hidden / heads.max(1);
    let model = Transformer {
        name: "case".to_owned(),
        layers: whole("layers")?,
        hidden,
        feed_forward: whole("feed_forward")?,
        heads,
        head_size,
        kv_heads,
        input_width: (heads + 2 * kv_heads) * head_size,
        vocabulary: whole("vocabulary")?,
        sequence: whole("sequence")?,
        gated: flag("gated")?,
        tied: !flag("gated")?,
        causal: flag("causal")?,
        experts: None,
    };
    let layout = Layout {
        tensor: whole("tensor")?,
        context: whole("context")?,
        pipeline: whole("pipeline")?,
        data: whole("data")?,
        expert: 1,
        interleave: whole("interleave")?,
        micro_batch: whole("micro_batch")?,
        batch: whole("batch")?,
        sequence_parallel: flag("sequence_parallel")?,
        sharding: if flag("fused")? { Sharding::Optimizer } else { Sharding::None },
        recompute: [Recompute::None, Recompute::Selective, Recompute::Full]
            .get(whole("recompute")? as usize)
            .copied()
            .ok_or("recompute is 0, 1 or 2")?,
        precision: match whole("bits")? {
            16 => Precision::Bf16,
            8 => Precision::Fp8,
            4 => Precision::Fp4,
            other => return Err(format!("there is no format of {other} bits")),
        },
        attention: if flag("fused")? { Attention::Fused } else { Attention::Plain },
        // One rule for every row: software with fused attention hides stage transfers and gradients as usual (2023 on), the
        // Megatron of 2021 and 2022 nothing. Tensor collectives hide, by the usual share, where the publication says that its
        // software splits products for it; a case states that as it states recomputation, and no share of its own.
        overlap: Overlap {
            tensor: if flag("splits_products")? { Overlap::USUAL.tensor } else { 0.0 },
            ..if flag("fused")? { Overlap::USUAL } else { Overlap::NONE }
        },
        lighter_ends: flag("lighter_ends")?,
        ..Layout::ONE
    };
    Ok(Row { model, cluster: cluster(at("peak")?)?, layout, slowdown: at("slowdown")? })
}

/// The step of a layout that works but for its memory, and that memory over what there is: published runs did fit, so a
/// case holds it apart from their time.
fn evaluated(model: &Transformer, cluster: &Cluster, layout: &Layout) -> Result<(step::Step, f64), String> {
    let wrong: Vec<String> = mistakes(model, cluster, layout)
        .into_iter()
        .filter(|mistake| !matches!(mistake, Mistake::DoesNotFit(..)))
        .map(|mistake| mistake.to_string())
        .collect();
    if !wrong.is_empty() {
        return Err(format!("{layout}: {}", wrong.join("; ")));
    }
    let done = step::evaluate(model, cluster, layout);
    let there = cluster.accelerator.memory_bytes - cluster.accelerator.reserved_bytes;
    Ok((done, done.memory.total() / there))
}

/// Outputs of every row of a case, output by output.
fn each_row<const N: usize>(
    given: &Given,
    of: impl Fn(Row) -> Result<[f64; N], String>,
) -> Result<[Vec<f64>; N], String> {
    let mut out = [const { Vec::new() }; N];
    for place in 0..rows(given) {
        let values = of(row(given, place)?)?;
        out.iter_mut().zip(values).for_each(|(list, value)| list.push(value));
    }
    Ok(out)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn layout(given: &Given) -> Outcome {
    let out = each_row(given, |Row { model, cluster, layout, slowdown }| {
        let (done, memory) = evaluated(&model, &cluster, &layout)?;
        // NVIDIA's figures count attention above the diagonal too.
        let counted = Transformer { causal: false, ..model }.flops_per_token();
        let achieved = counted * done.tokens_per_s / layout.gpus() / slowdown;
        Ok([done.time_s * slowdown, done.mfu / slowdown, done.hfu / slowdown, achieved, memory])
    })?;
    Ok(out.to_vec())
}

/// Errors of all rows, and of those that were not used to fix constants (recomputation other than full).
pub(super) fn layout_errors(given: &Given) -> Outcome {
    let published = given.list("published");
    let (mut all, mut predicted) = (Vec::new(), Vec::new());
    for (place, published_s) in published.iter().enumerate() {
        let Row { model, cluster, layout, slowdown } = row(given, place)?;
        let error = (evaluated(&model, &cluster, &layout)?.0.time_s * slowdown / published_s - 1.0).abs();
        all.push(error);
        if layout.recompute != Recompute::Full {
            predicted.push(error);
        }
    }
    let max = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
    Ok(vec![vec![mean(&all)], vec![max(&all)], vec![mean(&predicted)], vec![max(&predicted)]])
}

pub(super) fn memory(given: &Given) -> Outcome {
    let out = each_row(given, |Row { model, layout, .. }| {
        Ok([bytes::needed(&model, &layout).states(), bytes::activations(&model, &layout)])
    })?;
    Ok(out.to_vec())
}

/// Activations of each row over those of the first.
pub(super) fn activation_shares(given: &Given) -> Outcome {
    let [held] = each_row(given, |Row { model, layout, .. }| Ok([bytes::activations(&model, &layout)]))?;
    let first = held.first().copied().unwrap_or(f64::NAN);
    Ok(vec![held.iter().skip(1).map(|b| b / first).collect()])
}

/// The bubble of the schedule, counted from its phases, and the formula.
pub(super) fn bubble(given: &Given) -> Outcome {
    let mut out = vec![Vec::new(); 2];
    let (p, v, m) = (given.list("pipeline"), given.list("interleave"), given.list("micro_batches"));
    for ((p, v), m) in p.iter().zip(v).zip(m) {
        let layers = (p * v) as u32;
        let model = Transformer::classic("case", 1024, 16, layers);
        let layout = Layout { pipeline: *p as u32, interleave: *v as u32, batch: *m as u32, ..Layout::ONE };
        let cluster = Cluster::named("A100").ok_or("no A100")?;
        let mut done = step::evaluate(&model, &cluster, &layout);
        done.micro_batch_s = v * (done.forward.total() + done.backward.total() + 2.0 * done.transfer_s);
        let stages = phases::phases(&model, &layout, &done);
        out[0].push(stages.first().map_or(f64::NAN, |stage| phases::bubble_share(stage)));
        out[1].push((p - 1.0) / (v * m));
    }
    Ok(out)
}

/// 8 N T / (n X): with full recomputation the hardware does 8 for 6 (cluster.md 4.1).
pub(super) fn iteration_given(given: &Given) -> Outcome {
    let work = 8.0 * given.one("parameters")? * given.one("tokens")?;
    let time_s = work / (given.one("gpus")? * given.one("achieved")?);
    Ok(vec![vec![time_s], vec![time_s / 86_400.0]])
}

/// Model arithmetic, attention included, at a given share of peak.
pub(super) fn gpu_time_at_share(given: &Given) -> Outcome {
    let whole = |name: &str| given.one(name).map(|value| value as u32);
    let gated = Transformer::gated(
        "case",
        whole("hidden")?,
        whole("feed_forward")?,
        (whole("heads")?, whole("heads")?),
        whole("layers")?,
        whole("sequence")?,
    );
    let model = Transformer { vocabulary: whole("vocabulary")?, causal: false, ..gated };
    let speed = given.one("peak")? * given.one("share")?;
    Ok(vec![vec![model.flops_per_token() * given.one("tokens")? / speed]])
}

fn hazard(given: &Given, restart_s: f64) -> Result<Hazard, String> {
    Ok(Hazard {
        gpus: given.one("gpus")?,
        gpus_per_node: given.one("gpus_per_node")?,
        per_1000_node_days: given.one("per_1000_node_days")?,
        restart_s,
        ..Hazard::CALM
    })
}

/// Failures within a period, mean over simulated runs.
pub(super) fn interruptions(given: &Given) -> Outcome {
    let hazard = hazard(given, 0.0)?;
    let (period_s, runs) = (given.one("period")?, given.one("runs")?);
    if !(1.0..=1e6).contains(&runs) {
        return Err("between 1 and a million runs".to_owned());
    }
    let mut count = 0_u64;
    for sample in 0..runs as u32 {
        // Nothing is ever lost, so the run lasts just as long as its work.
        let checkpoint = Checkpoint { every_s: 1.0, stall_s: 0.0, durable_after_s: 0.0 };
        let lost = Lost::HeldTwice { slowdown: 0.0 };
        let recovery = Recovery::Elastic { replicas: 1.0, stall_s: 0.0, swap_s: 0.0, lost };
        let free = Hazard { recovery, ..hazard };
        count += run::simulate(&free, &checkpoint, period_s, &Draw::new(42, sample), &mut |_| {}).failures;
    }
    Ok(vec![vec![count as f64 / runs]])
}

pub(super) fn causes(_given: &Given) -> Outcome {
    let counts: Vec<f64> = run::CAUSES.iter().map(|cause| f64::from(cause.1)).collect();
    let sum = counts.iter().sum();
    Ok(vec![counts, vec![sum]])
}

pub(super) fn goodput(given: &Given) -> Outcome {
    let base = hazard(given, given.one("restart")?)?;
    let hazard =
        Hazard { planned_every_s: given.one("planned_every")?, planned_stop_s: given.one("planned_stop")?, ..base };
    let checkpoint = Checkpoint {
        every_s: given.one("interval")?,
        stall_s: given.one("stall")?,
        durable_after_s: given.one("durable_after")?,
    };
    let share = run::effective_share(&hazard, &checkpoint);
    let runs = given.one("runs")?;
    if !(2.0..=1e5).contains(&runs) || checkpoint.every_s <= 0.0 || share <= 0.0 {
        return Err("an interval, 2 to 100,000 runs, and a job that makes progress are needed".to_owned());
    }
    let work_s = libm::round(given.one("period")? * share / checkpoint.every_s).max(1.0) * checkpoint.every_s;
    let times_s = run::times_s(&hazard, &checkpoint, work_s, 44, 0..runs as u32);
    let simulated = run::effective_of(work_s, &times_s).ok_or("two runs at least")?;
    let apart = (simulated.value - share).abs() / simulated.standard_error;
    Ok(vec![vec![share], vec![simulated.value], vec![apart]])
}

/// One node that fails so often.
fn single(between_s: f64, restart_s: f64) -> Hazard {
    Hazard { per_1000_node_days: 1000.0 * 86_400.0 / between_s, restart_s, ..Hazard::CALM }
}

/// Work, checkpoint, failure, recovery, over and over, by the Monte Carlo that `tieline train` uses, and the formula.
pub(super) fn effective_time(given: &Given) -> Outcome {
    let (stall_s, every_s) = (given.one("checkpoint")?, given.one("interval")?);
    let (restart_s, between_s) = (given.one("recovery")?, given.one("between_failures")?);
    let failures = given.one("failures")?;
    if every_s <= 0.0 || stall_s < 0.0 || restart_s < 0.0 || between_s <= 0.0 || !(1.0..=1e7).contains(&failures) {
        return Err("interval and time between failures must be positive, failures between 1 and 1e7".to_owned());
    }
    let (hazard, checkpoint) = (single(between_s, restart_s), Checkpoint::synchronous(every_s, stall_s));
    let first_order = run::first_order(between_s, restart_s, stall_s, every_s);
    // Work for so many failures, in whole intervals.
    let work_s = libm::ceil(failures * between_s * first_order / every_s) * every_s;
    let done = run::simulate(&hazard, &checkpoint, work_s, &Draw::new(53, 0), &mut |_| {});
    Ok(vec![vec![work_s / done.time_s], vec![first_order]])
}

/// The interval at which simulated runs waste least, against the formula: a parabola through the simulated waste about it.
pub(super) fn simulated_optimum(given: &Given) -> Outcome {
    let (between_s, repair_s) = (given.one("between_failures")?, given.one("repair")?);
    let stall_s = given.one("checkpoint")?;
    let hazard = single(between_s, repair_s);
    let formula_s = run::daly_s(between_s, repair_s, stall_s);
    // Waste = C / T + T / 2M + constant near the optimum: least squares on simulated points gives C and 1 / 2M back.
    let mut sums = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for k in 0..13 {
        let every_s = formula_s * libm::pow(2.0, f64::from(k) / 4.0 - 1.5);
        let work_s = libm::round(4e8 / every_s) * every_s;
        let time_s =
            run::simulate(&hazard, &Checkpoint::synchronous(every_s, stall_s), work_s, &Draw::new(52, k), &mut |_| {})
                .time_s;
        let basis = [1.0, formula_s / every_s, every_s / formula_s];
        for i in 0..3 {
            for j in 0..3 {
                sums[i][j] += basis[i] * basis[j];
            }
            right[i] += basis[i] * time_s / work_s;
        }
    }
    let solved = solve(sums, right).ok_or("the fit is singular")?;
    let best_s = formula_s * libm::sqrt(solved[1] / solved[2]);
    Ok(vec![vec![best_s / formula_s], vec![best_s / run::young_s(between_s, stall_s)]])
}

/// Three equations by elimination.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> Option<[f64; 3]> {
    for i in 0..3 {
        if a[i][i].abs() < 1e-12 {
            return None;
        }
        for j in i + 1..3 {
            let factor = a[j][i] / a[i][i];
            for k in i..3 {
                a[j][k] -= factor * a[i][k];
            }
            b[j] -= factor * b[i];
        }
    }
    let mut x = [0.0; 3];
    for i in (0..3).rev() {
        let rest: f64 = (i + 1..3).map(|k| a[i][k] * x[k]).sum();
        x[i] = (b[i] - rest) / a[i][i];
    }
    Some(x)
}

/// Throughput of the trial's six jobs, and weighted over them, at one depth; and the share of power left.
fn trial_at(jobs: &[flexibility::Flexible], depth: f64, duration_s: f64) -> (Vec<f64>, f64, f64) {
    let baseline_w: f64 = jobs.iter().map(flexibility::Flexible::power_w).sum();
    // Where the tiers do not reach as deep, they shed all that they offer.
    let (depths, shed_w, _) = flexibility::share_out(jobs, depth * baseline_w, duration_s, 3600.0);
    let (mut weighted, mut weights, mut kept) = (0.0, 0.0, Vec::new());
    for (job, depth) in jobs.iter().zip(depths) {
        let asked = Curtailment { depth, duration_s, notice_s: 3600.0 };
        let throughput = if depth > 0.0 { job.cheapest(&asked).map_or(f64::NAN, |cost| cost.throughput) } else { 1.0 };
        let weight = 1.0 - job.tolerance;
        weighted += weight * throughput;
        weights += weight;
        kept.push(throughput);
    }
    (kept, weighted / weights, 1.0 - shed_w / baseline_w)
}

fn trial_rows(baseline_w: f64, left: f64, weighted: f64, kept: &[f64]) -> Outcome {
    let [tuned, first, second, third, large, small] = *kept else {
        return Err("the trial has six jobs".to_owned());
    };
    Ok(vec![vec![baseline_w], vec![left], vec![weighted], vec![tuned], vec![first, second, third], vec![large, small]])
}

/// The field trial's six jobs shed a share of their power in merit order within their tiers.
pub(super) fn field_trial(given: &Given) -> Outcome {
    let jobs = flexibility::field_trial();
    let (kept, weighted, left) = trial_at(&jobs, given.one("depth")?, given.one("duration")?);
    trial_rows(jobs.iter().map(flexibility::Flexible::power_w).sum(), left, weighted, &kept)
}

/// The trial's jobs, each with the curve of its own workload: `caps` rows of the sweep from `curve_row` on.
fn measured_trial(given: &Given) -> Result<Vec<flexibility::Flexible>, String> {
    let (power_w, throughput) = (given.column("sweep_w"), given.column("sweep_throughput"));
    let (caps, starts) = (given.one("caps")? as usize, given.list("curve_row"));
    let jobs = flexibility::field_trial();
    if starts.len() != jobs.len() || caps < 2 {
        return Err(format!("{} first rows of curves for {} jobs, {caps} caps", starts.len(), jobs.len()));
    }
    let mut own = Vec::new();
    for (job, start) in jobs.into_iter().zip(starts) {
        let rows = *start as usize..*start as usize + caps;
        let (Some(power_w), Some(throughput)) = (power_w.get(rows.clone()), throughput.get(rows)) else {
            return Err(format!("the sweep has {} rows; a curve begins at {start}", power_w.len()));
        };
        let curve: Vec<(f64, f64)> = power_w.iter().copied().zip(throughput.iter().copied()).collect();
        if !curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1) {
            return Err(format!("the curve from row {start} on does not rise from cap to cap"));
        }
        own.push(job.measured(curve));
    }
    Ok(own)
}

/// The same minute by minute at the depth that the trial's meter shows, mean over the event; and the share of its minutes
/// in which our tiers reach as deep.
pub(super) fn field_trial_replay(given: &Given) -> Outcome {
    let minutes = given.column("power_w");
    let part = |from: &str, to: &str| -> Result<&[f64], String> {
        let at = |name| given.one(name).map(|s| libm::round(s / 60.0) as usize);
        minutes.get(at(from)?..at(to)?).filter(|part| !part.is_empty()).ok_or_else(|| {
            format!("the file has {} minutes; \"{from}\" to \"{to}\" are not all among them", minutes.len())
        })
    };
    let (before_w, event) = (mean(part("baseline_from", "baseline_to")?), part("from", "to")?);
    let jobs = measured_trial(given)?;
    let duration_s = 60.0 * event.len() as f64;
    let (mut lefts, mut weights, mut reached) = (Vec::new(), Vec::new(), 0.0);
    let mut sums = vec![0.0; jobs.len()];
    for power_w in event {
        let wanted = (power_w / before_w).min(1.0);
        let (kept, weighted, left) = trial_at(&jobs, 1.0 - wanted, duration_s);
        reached += if left <= wanted + 1e-9 { 1.0 } else { 0.0 };
        sums.iter_mut().zip(&kept).for_each(|(sum, kept)| *sum += kept / event.len() as f64);
        lefts.push(left);
        weights.push(weighted);
    }
    let mut depths: Vec<f64> = event.iter().map(|power_w| 1.0 - power_w / before_w).collect();
    depths.sort_by(f64::total_cmp);
    let baseline_w = jobs.iter().map(flexibility::Flexible::power_w).sum();
    let mut out = trial_rows(baseline_w, mean(&lefts), mean(&weights), &sums)?;
    out.extend([vec![depths[depths.len() / 2]], vec![reached / event.len() as f64]]);
    Ok(out)
}
