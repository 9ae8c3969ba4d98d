//! What a curtailment costs a job, in GPU-hours, tokens, days and dollars, for each way of answering it; and the cheapest
//! order in which the jobs of a campus shed.
//!
//! Four answers: *cap* the GPUs (the measured throughput curve), *pause* a share of them in place, *resize* the job to
//! fewer replicas, or *hold* it on a checkpoint. A job tolerates some loss of throughput during an event (0, 10, 25, 50 %:
//! the tiers of the 256-GPU field trial); more is not on offer.
//!
//! Not modelled: users who leave for good after slow answers, learning that suffers from a changed batch, wear of
//! thermal cycles, cooling and conversion losses (a caller multiplies watts at the GPU by what its feeder draws).

use super::JobKind;
use crate::gpu::{Product, ThroughputCurve, power_under_cap};

/// Tolerated loss of throughput by tier. published: field trial, arXiv 2507.00909: Flex 0 to 3.
pub const TIERS: [f64; 4] = [0.0, 0.10, 0.25, 0.50];
/// Seconds of an hour and of a day, joules of a megawatt-hour.
const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 86_400.0;
const MWH_J: f64 = 3.6e9;
/// Steps into which the depth of a job is cut for its cost curve.
const STEPS: usize = 100;

/// A job as an offer to shed.
#[derive(Clone, Debug, PartialEq)]
pub struct Flexible {
    /// Name for people.
    pub name: String,
    /// What it does.
    pub kind: JobKind,
    /// Its GPUs.
    pub gpus: f64,
    /// Their product.
    pub product: Product,
    /// Power of one GPU at work, W.
    pub level_w: f64,
    /// Measured power of one GPU, W, and throughput over the greatest, by rising cap; empty: the product's mean curve.
    pub measured: Vec<(f64, f64)>,
    /// Value of a GPU-hour, $.
    pub usd_per_gpu_hour: f64,
    /// Tokens per second at full speed.
    pub tokens_per_s: f64,
    /// Share of throughput that may be lost over an event, 0..1.
    pub tolerance: f64,
    /// From stop to running again, s.
    pub restart_s: f64,
    /// Time to write a checkpoint, s.
    pub save_s: f64,
    /// Time between checkpoints, s.
    pub checkpoint_every_s: f64,
    /// Replicas; a resized job keeps whole ones. One: it cannot be resized.
    pub replicas: f64,
    /// Inference: demand over capacity, 0..1. Other kinds: 1.
    pub load: f64,
    /// Inference: greatest load at which the latency limit holds, 0..1. Other kinds: 1.
    pub load_limit: f64,
}

/// What is asked of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curtailment {
    /// Share of the job's GPU power to shed, 0..1.
    pub depth: f64,
    /// How long, s.
    pub duration_s: f64,
    /// Warning beforehand, s.
    pub notice_s: f64,
}

/// How a job answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Response {
    /// Every GPU gets a lower power cap.
    Cap,
    /// A share of the GPUs (a synchronous job: all) stops where it stands, in memory.
    Pause,
    /// The job goes on with fewer replicas; the others rest.
    Resize,
    /// The job saves its state and gives all its GPUs up until the end.
    Hold,
}

impl Response {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cap, Self::Pause, Self::Resize, Self::Hold];
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Pause => "pause",
            Self::Resize => "resize",
            Self::Hold => "checkpoint and hold",
        }
    }
}

/// What an answer sheds and costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Answer.
    pub response: Response,
    /// Power shed at the GPUs, W; at least what was asked.
    pub shed_w: f64,
    /// Work lost, GPU-hours at full speed.
    pub gpu_hours: f64,
    /// Tokens lost (inference: not served).
    pub tokens: f64,
    /// How much later the job finishes, days; zero for inference.
    pub late_d: f64,
    /// Value of the work lost, $.
    pub usd: f64,
    /// The same per megawatt-hour shed, $/MWh.
    pub usd_per_mwh: f64,
    /// Throughput during the event over full throughput, 0..1.
    pub throughput: f64,
}

/// Why an answer is not on offer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// The depth lies below what this answer can reach: the greatest depth, share.
    TooDeep(f64),
    /// It would lose more throughput than the tier tolerates: the throughput left.
    BeyondTolerance(f64),
    /// The notice is shorter than what it needs, s.
    TooLittleNotice(f64),
    /// Inference would break its latency limit: the throughput needed.
    LatencyLimit(f64),
    /// There is only one replica.
    OneReplica,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooDeep(most) => write!(f, "reaches at most {:.0} %", 100.0 * most),
            Self::BeyondTolerance(left) => write!(f, "leaves {:.0} % of throughput: beyond its tier", 100.0 * left),
            Self::TooLittleNotice(needed_s) if *needed_s < 120.0 => write!(f, "needs {needed_s:.0} s of notice"),
            Self::TooLittleNotice(needed_s) => write!(f, "needs {:.0} min of notice", needed_s / 60.0),
            Self::LatencyLimit(needed) => write!(f, "latency needs {:.0} % of capacity", 100.0 * needed),
            Self::OneReplica => write!(f, "one replica cannot shrink"),
        }
    }
}

/// Throughput that one GPU at `level_w` keeps when its power falls to a share, 0..1, and the share it then draws; the
/// lowest cap bounds both.
fn capped(product: &Product, level_w: f64, share: f64) -> (f64, f64) {
    let curve = ThroughputCurve::new(product.throughput_exponent);
    let (mut low_w, mut high_w) = (product.min_cap_w.min(level_w), product.rated_w.max(level_w));
    // Power under a cap rises with the cap: halving finds the cap that draws this share.
    for _ in 0..50 {
        let cap_w = 0.5 * (low_w + high_w);
        if power_under_cap(level_w, cap_w) > share * level_w { high_w = cap_w } else { low_w = cap_w }
    }
    (curve.at(level_w, low_w), power_under_cap(level_w, low_w) / level_w)
}

/// Price at which the controller may shed power of such a GPU by caps, $ per joule at the GPU: the value of the work lost
/// at a depth of a quarter, or of what the lowest cap allows, over the power shed.
///
/// A cap costs less work than power (a quarter of the power costs about a tenth of the work), and not the same on every
/// product: that is what the split between halls must know.
#[must_use]
pub fn shed_usd_per_j(product: &Product, level_w: f64, usd_per_gpu_hour: f64) -> f64 {
    if level_w <= 0.0 {
        return 0.0;
    }
    let (throughput, share) = capped(product, level_w, 0.75);
    let shed_w = (1.0 - share) * level_w;
    if shed_w <= 0.0 { 0.0 } else { (1.0 - throughput) * usd_per_gpu_hour / HOUR_S / shed_w }
}

impl Flexible {
    /// Power of the whole job at work, W at the GPUs.
    #[must_use]
    pub fn power_w(&self) -> f64 {
        self.gpus * self.level_w
    }

    /// The same with a measured curve of its own, its greatest power as its level.
    #[must_use]
    pub fn measured(self, measured: Vec<(f64, f64)>) -> Self {
        let level_w = measured.last().map_or(self.level_w, |last| last.0);
        Self { measured, level_w, ..self }
    }

    /// Throughput kept and power share reached when power falls to a share; between measured caps in straight lines.
    fn capped(&self, share: f64) -> (f64, f64) {
        let Some((least, most)) = self.measured.first().zip(self.measured.last()) else {
            return capped(&self.product, self.level_w, share);
        };
        let power_w = (share * most.0).clamp(least.0, most.0);
        let between = |pair: &&[(f64, f64)]| pair[1].0 >= power_w && pair[1].0 > pair[0].0;
        let throughput = self.measured.windows(2).find(between).map_or(most.1, |pair| {
            pair[0].1 + (pair[1].1 - pair[0].1) * (power_w - pair[0].0) / (pair[1].0 - pair[0].0)
        });
        (throughput, power_w / most.0)
    }

    /// What answering so costs.
    ///
    /// # Errors
    /// Why it is not on offer.
    pub fn cost(&self, asked: &Curtailment, response: Response) -> Result<Cost, Refusal> {
        let depth = asked.depth.clamp(0.0, 1.0);
        let (throughput, reached, extra_s) = match response {
            Response::Cap => self.by_cap(depth)?,
            Response::Pause => self.by_rest(depth, self.product.stalled_w, self.kind == JobKind::PreTraining)?,
            Response::Resize => self.by_resize(depth)?,
            Response::Hold => self.by_hold(depth, asked)?,
        };
        // Serving loses only what demand asks for and capacity no longer gives.
        let lost = match self.kind {
            JobKind::Inference => (self.load - throughput).max(0.0),
            _ => 1.0 - throughput,
        };
        if self.kind == JobKind::Inference && self.load_limit > 0.0 && throughput < self.load / self.load_limit {
            return Err(Refusal::LatencyLimit(self.load / self.load_limit));
        }
        let kept = if self.kind == JobKind::Inference { 1.0 - lost / self.load.max(1e-9) } else { throughput };
        if kept < 1.0 - self.tolerance - 1e-9 {
            return Err(Refusal::BeyondTolerance(kept));
        }
        let lost_s = lost * asked.duration_s + extra_s;
        let gpu_hours = self.gpus * lost_s / HOUR_S;
        let shed_w = reached * self.power_w();
        let usd = gpu_hours * self.usd_per_gpu_hour;
        let energy_mwh = shed_w * asked.duration_s / MWH_J;
        Ok(Cost {
            response,
            shed_w,
            gpu_hours,
            tokens: self.tokens_per_s * lost_s,
            late_d: if self.kind == JobKind::Inference { 0.0 } else { lost_s / DAY_S },
            usd,
            usd_per_mwh: if energy_mwh > 0.0 { usd / energy_mwh } else { 0.0 },
            throughput,
        })
    }

    /// Throughput, depth reached, and further time lost by the whole job, s.
    fn by_cap(&self, depth: f64) -> Result<(f64, f64, f64), Refusal> {
        let (throughput, share) = self.capped(1.0 - depth);
        if 1.0 - share < depth - 1e-6 {
            return Err(Refusal::TooDeep(1.0 - share));
        }
        Ok((throughput, 1.0 - share, 0.0))
    }

    /// A share of the GPUs (or all) rests at this power.
    fn by_rest(&self, depth: f64, resting_w: f64, all: bool) -> Result<(f64, f64, f64), Refusal> {
        let most = 1.0 - resting_w / self.level_w;
        if depth > most + 1e-9 {
            return Err(Refusal::TooDeep(most));
        }
        let resting = if all && depth > 0.0 { 1.0 } else { depth / most };
        Ok((1.0 - resting, resting * most, 0.0))
    }

    fn by_resize(&self, depth: f64) -> Result<(f64, f64, f64), Refusal> {
        if self.replicas < 2.0 {
            return Err(Refusal::OneReplica);
        }
        let most = 1.0 - self.product.idle_w / self.level_w;
        let gone = libm::ceil(depth / most * self.replicas - 1e-9);
        if gone > self.replicas - 1.0 {
            return Err(Refusal::TooDeep(most * (self.replicas - 1.0) / self.replicas));
        }
        // Training regroups twice: at the beginning and at the end. Serving drains and refills single replicas.
        let regroup_s = match self.kind {
            JobKind::PreTraining => 2.0 * self.restart_s,
            _ => 2.0 * self.restart_s * gone / self.replicas,
        };
        Ok((1.0 - gone / self.replicas, gone / self.replicas * most, if gone > 0.0 { regroup_s } else { 0.0 }))
    }

    fn by_hold(&self, depth: f64, asked: &Curtailment) -> Result<(f64, f64, f64), Refusal> {
        let most = 1.0 - self.product.idle_w / self.level_w;
        if depth > most + 1e-9 {
            return Err(Refusal::TooDeep(most));
        }
        if asked.notice_s < self.save_s {
            return Err(Refusal::TooLittleNotice(self.save_s));
        }
        Ok((0.0, most, self.save_s + self.restart_s))
    }

    /// The cheapest answer on offer.
    #[must_use]
    pub fn cheapest(&self, asked: &Curtailment) -> Option<Cost> {
        Response::ALL
            .iter()
            .filter_map(|response| self.cost(asked, *response).ok())
            .min_by(|a, b| a.usd.total_cmp(&b.usd).then(b.shed_w.total_cmp(&a.shed_w)))
    }

    /// What the controller is told, $ per joule at the GPU; see the function of this name.
    #[must_use]
    pub fn shed_usd_per_j(&self) -> f64 {
        shed_usd_per_j(&self.product, self.level_w, self.usd_per_gpu_hour)
    }
}

/// One step of the merit order.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Index of the job.
    pub job: usize,
    /// Its answer at the end of this rung.
    pub response: Response,
    /// Depth of the job at the end of this rung, share.
    pub depth: f64,
    /// Power that this rung sheds beyond the one before, W.
    pub shed_w: f64,
    /// Its price, $/MWh.
    pub usd_per_mwh: f64,
    /// All power shed up to here, W.
    pub total_w: f64,
}

/// The convex lower hull of a job's cheapest cost against power shed: (W, $, depth, answer), beginning at nothing.
fn hull(job: &Flexible, duration_s: f64, notice_s: f64) -> Vec<(f64, f64, f64, Response)> {
    let mut points = vec![(0.0, 0.0, 0.0, Response::Cap)];
    for step in 1..=STEPS {
        let depth = step as f64 / STEPS as f64;
        if let Some(cost) = job.cheapest(&Curtailment { depth, duration_s, notice_s }) {
            points.push((cost.shed_w, cost.usd, depth, cost.response));
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut hull: Vec<(f64, f64, f64, Response)> = Vec::new();
    for point in points {
        while hull.len() >= 2 {
            let (a, b) = (hull[hull.len() - 2], hull[hull.len() - 1]);
            // The middle one goes if it lies on or above the line from the first to the new one.
            let above = (b.1 - a.1) * (point.0 - a.0) >= (point.1 - a.1) * (b.0 - a.0);
            if !above {
                break;
            }
            hull.pop();
        }
        if hull.last().is_none_or(|last| point.0 > last.0 + 1e-6) {
            hull.push(point);
        }
    }
    hull
}

/// All that the jobs offer for an event of this length and notice, cheapest first.
///
/// Each job is cut into rungs along the convex hull of its cost, so taking the cheapest rung next is optimal.
#[must_use]
pub fn merit_order(jobs: &[Flexible], duration_s: f64, notice_s: f64) -> Vec<Rung> {
    let mut rungs: Vec<Rung> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let hull = hull(job, duration_s, notice_s);
        for pair in hull.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let shed_w = to.0 - from.0;
            let usd_per_mwh = (to.1 - from.1) / (shed_w * duration_s / MWH_J);
            rungs.push(Rung { job: index, response: to.3, depth: to.2, shed_w, usd_per_mwh, total_w: 0.0 });
        }
    }
    rungs.sort_by(|a, b| {
        a.usd_per_mwh.total_cmp(&b.usd_per_mwh).then(a.job.cmp(&b.job)).then(a.depth.total_cmp(&b.depth))
    });
    let mut total_w = 0.0;
    for rung in &mut rungs {
        total_w += rung.shed_w;
        rung.total_w = total_w;
    }
    rungs
}

/// How the jobs meet a target together: the depth of each, W shed in all, and whether that is enough.
#[must_use]
pub fn share_out(jobs: &[Flexible], target_w: f64, duration_s: f64, notice_s: f64) -> (Vec<f64>, f64, bool) {
    let mut depths = vec![0.0; jobs.len()];
    let mut total_w = 0.0;
    for rung in merit_order(jobs, duration_s, notice_s) {
        if total_w >= target_w - 1e-6 {
            break;
        }
        depths[rung.job] = rung.depth;
        total_w = rung.total_w;
    }
    (depths, total_w, total_w >= target_w - 1e-6)
}

/// The six jobs of the 256-GPU field trial: names, GPUs and tiers as published (ai-emerald/emerald-ai-demo-may-2025); the
/// power and throughput curve is the mean A100 curve of `gpu`. The release weighs each job by the throughput that its tier
/// must keep (0.9, 0.75, 0.5); that is taken as the value of its GPUs.
#[must_use]
pub fn field_trial() -> Vec<Flexible> {
    let Some(product) = crate::gpu::product("A100") else { return Vec::new() };
    let job = |name: &str, kind, gpus: f64, tier: usize| Flexible {
        name: name.to_owned(),
        kind,
        gpus,
        product: product.clone(),
        level_w: product.training_w,
        measured: Vec::new(),
        usd_per_gpu_hour: (1.0 - TIERS[tier]) / gpus,
        tokens_per_s: 0.0,
        tolerance: TIERS[tier],
        restart_s: 0.0,
        save_s: 0.0,
        checkpoint_every_s: 0.0,
        replicas: 1.0,
        load: 1.0,
        load_limit: 1.0,
    };
    vec![
        job("fine-tune 8B", JobKind::PreTraining, 32.0, 2),
        job("inference 8B, 32 GPUs", JobKind::ReinforcementLearning, 32.0, 3),
        job("inference 8B, 48 GPUs, Flex 1", JobKind::ReinforcementLearning, 48.0, 1),
        job("inference 8B, 48 GPUs, Flex 2", JobKind::ReinforcementLearning, 48.0, 2),
        job("pre-train 13B", JobKind::PreTraining, 48.0, 3),
        job("pre-train 7B", JobKind::PreTraining, 48.0, 3),
    ]
}

#[cfg(test)]
mod tests;
