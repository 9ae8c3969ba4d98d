//! Jobs on the campus and their progress: tokens, checkpoints, failures and restarts, work lost.
//!
//! Not modelled: parallel layout and step time (a utilisation or a modelled pace is an input here), stragglers, elastic resizing, queueing. Failures come at
//! the calendar rate of the installed nodes, whether they work or wait.

pub mod buildout;
pub mod cluster;
pub mod collective;
pub mod flexibility;
pub mod goodput;
pub mod layout;
pub mod memory;
pub mod model;
pub mod phases;
pub mod search;
pub mod step;

use crate::hall::Halls;
use tieline_units::{Draw, Purpose, Span, Time};

/// What a job does with its GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// One synchronous pre-training run.
    PreTraining,
    /// Reinforcement learning: rollouts and updates, less synchronous.
    ReinforcementLearning,
    /// Serving requests, following the day.
    Inference,
}

/// What a job is told from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobOrder {
    /// Work.
    #[default]
    Run,
    /// Save the work now, and go on.
    Checkpoint,
    /// Hold: the processes end, what is not saved is lost, the GPUs idle.
    Pause,
}

/// A job that holds one or more halls.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name for people.
    pub name: String,
    /// What it does.
    pub kind: JobKind,
    /// Active parameters (dense: all), for tokens per second from FLOP/s.
    pub active_parameters: f64,
    /// Model FLOP utilisation at full power over the 16-bit peak, 0..1; zero where it is not stated.
    pub mfu: f64,
    /// Tokens per FLOP/s of 16-bit peak and second, from a model of its step; the utilisation then counts for nothing.
    pub tokens_per_flop: Option<f64>,
    /// Share of the training power level that this job draws at full activity, about 1.
    pub activity: f64,
    /// How many independent groups the job is cut into: a failure stalls one group (1: everything).
    pub failure_domains: f64,
    /// Failures per 1,000 node-days (8 GPUs a node).
    pub failures_per_1000_node_days: f64,
    /// Time from failure to running again, s (without redone work).
    pub restart_s: f64,
    /// Time between checkpoints, s.
    pub checkpoint_every_s: f64,
    /// Time for which a checkpoint stalls the job, s (0: asynchronous).
    pub checkpoint_stall_s: f64,
    /// Time after the stall until the checkpoint is safe on storage and is reported so, s.
    pub checkpoint_write_s: f64,
    /// Time over which a restarting job ramps its power, s.
    pub ramp_s: f64,
    /// Inference only: least share of activity, at night, 0..1.
    pub night_share: f64,
    /// Inference only: local hour of the peak, 0..24.
    pub peak_hour: f64,
    /// Value of a GPU-hour, $: the price at which it may be shed.
    pub usd_per_gpu_hour: f64,
    /// Shedding tier: 0 is shed last.
    pub tier: u8,
    /// Tokens to train on in all; progress and days left are counted against it. Zero for inference.
    pub target_tokens: f64,
}

/// Training arithmetic per token and active parameter, FLOP (forward 2, backward 4; cluster.md 4.1: 6 N D).
const FLOPS_PER_TOKEN_TRAINED: f64 = 6.0;

/// Serving arithmetic per token and active parameter, FLOP (forward pass alone).
const FLOPS_PER_TOKEN_SERVED: f64 = 2.0;

/// Seconds in 1,000 node-days, for the failure rate.
const S_PER_1000_NODE_DAYS: f64 = 1000.0 * 86_400.0;

/// GPUs of a node (DGX, HGX; the unit in which failure rates are published).
const GPUS_PER_NODE: f64 = 8.0;

impl Job {
    /// Failures per second of a job on this many GPUs.
    #[must_use]
    pub fn failures_per_s(&self, gpus: f64) -> f64 {
        gpus / GPUS_PER_NODE * self.failures_per_1000_node_days / S_PER_1000_NODE_DAYS
    }

    /// Tokens per FLOP at the job's utilisation: multiply by peak FLOP/s for tokens per second.
    #[must_use]
    pub fn tokens_per_peak_flop(&self) -> f64 {
        if let Some(modelled) = self.tokens_per_flop {
            return modelled;
        }
        let per_token = match self.kind {
            JobKind::PreTraining | JobKind::ReinforcementLearning => FLOPS_PER_TOKEN_TRAINED,
            JobKind::Inference => FLOPS_PER_TOKEN_SERVED,
        };
        if self.active_parameters > 0.0 { self.mfu / (per_token * self.active_parameters) } else { 0.0 }
    }

    /// Where an inference job stands in its day, `night_share`..1, a cosine about its peak hour; 1 for other kinds.
    #[must_use]
    pub fn day_share(&self, local_hour: f64) -> f64 {
        if self.kind != JobKind::Inference {
            return 1.0;
        }
        let phase = core::f64::consts::TAU * (local_hour - self.peak_hour) / 24.0;
        self.night_share + (1.0 - self.night_share) * 0.5 * (1.0 + libm::cos(phase))
    }

    /// How many independent groups the job is cut into, at least one.
    fn domains(&self) -> usize {
        (libm::round(self.failure_domains) as usize).clamp(1, 1 << 16)
    }
}

/// What one job achieved, since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobTotals {
    /// GPU-seconds worked and kept (lost ones are taken out again).
    pub productive_gpu_s: f64,
    /// Part of the work that caps cost, as GPU-seconds at full speed.
    pub capped_gpu_s: f64,
    /// GPU-seconds waited: failures, restarts, ramps, checkpoints, open breakers.
    pub stalled_gpu_s: f64,
    /// GPU-seconds worked and lost, since no checkpoint held them.
    pub lost_gpu_s: f64,
    /// Tokens processed and kept.
    pub tokens: f64,
    /// Tokens processed and lost.
    pub lost_tokens: f64,
    /// Failures: drawn, scripted, and halls lost.
    pub failures: u64,
    /// Checkpoints completed.
    pub checkpoints: u64,
    /// GPU-seconds for which the job was paused (not among the stalled ones).
    pub paused_gpu_s: f64,
    /// Times the job was paused.
    pub pauses: u64,
    /// Checkpoints that were due and not written.
    pub checkpoints_failed: u64,
}

/// A group that is down or coming back.
#[derive(Clone, Copy, Debug)]
struct Affected {
    domain: usize,
    stalled_until: Time,
    /// What it has done since it came back, not yet saved: GPU-seconds, tokens.
    done: (f64, f64),
    /// Share of it at work in this step.
    share: f64,
}

/// Something that a step changed, for the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum JobChange {
    /// Job, group, GPU-seconds and tokens lost.
    Failed(usize, usize, f64, f64),
    /// Every group of the job: GPU-seconds and tokens lost.
    Stopped(usize, f64, f64),
    /// A checkpoint of the job failed.
    NotSaved(usize),
}

/// One job as it runs.
#[derive(Clone, Debug)]
struct Running {
    kind: JobKind,
    domains: usize,
    hazard_per_gpu_s: f64,
    hazard_left: f64,
    drawn: u64,
    affected: Vec<Affected>,
    /// Unsaved work of a group that never failed since the last checkpoint: GPU-seconds, tokens.
    unsaved: (f64, f64),
    /// What of `unsaved` each group has not done, since it was down: GPU-seconds, tokens.
    missed: Vec<(f64, f64)>,
    next_checkpoint: Time,
    saving_until: Time,
    order: JobOrder,
    /// Work up to here is safe, and a snapshot on its way: up to when, safe from when.
    saved_at: Time,
    writing: Option<(Time, Time)>,
    write: Span,
    /// Whether the next checkpoint fails, and until when every one does.
    next_spoiled: bool,
    spoiled_until: Time,
    tokens_per_peak_flop: f64,
    restart: Span,
    checkpoint_every: Span,
    checkpoint_stall: Span,
    ramp_s: f64,
    /// GPUs held, given to work, and tokens per second with every group at work; refreshed when halls change.
    held_gpus: f64,
    gpus: f64,
    tokens_per_s: f64,
    /// Mean throughput under caps, 0..1.
    throughput: f64,
}

/// All jobs.
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    running: Vec<Running>,
    draw: Draw,
    pub(crate) totals: Vec<JobTotals>,
    /// Share of each job's GPUs at work in this step.
    pub(crate) active: Vec<f64>,
    pub(crate) changed: Vec<JobChange>,
}

impl Jobs {
    pub(crate) fn new(jobs: &[Job], draw: Draw) -> Self {
        let running = jobs.iter().enumerate().map(|(j, job)| Running::new(j, job, &draw)).collect();
        Self {
            running,
            draw,
            totals: vec![JobTotals::default(); jobs.len()],
            active: vec![1.0; jobs.len()],
            changed: Vec::new(),
        }
    }

    /// Counts GPUs, throughput and token rate of every job anew.
    pub(crate) fn refresh(&mut self, halls: &Halls) {
        for (j, job) in self.running.iter_mut().enumerate() {
            job.refresh(j, halls);
        }
    }

    /// The share of each job at work in the step that begins at `now`; failures and checkpoints happen here.
    pub(crate) fn step(&mut self, now: Time, step_s: f64) {
        for j in 0..self.running.len() {
            let job = &mut self.running[j];
            job.hazard_left -= job.held_gpus * job.hazard_per_gpu_s * step_s;
            while self.running[j].hazard_left <= 0.0 {
                let event = self.running[j].drawn;
                self.running[j].hazard_left += self.draw.exponential(j as u32, Purpose::JobFailure, event);
                self.running[j].drawn += 1;
                let place = self.draw.uniform(j as u32, Purpose::JobRecovery, event);
                let domain = (place * self.running[j].domains as f64) as usize;
                let until = now + self.running[j].restart;
                self.fail(j, domain, until);
                self.totals[j].failures += 1;
            }
            self.checkpoint(j, now);
            let job = &mut self.running[j];
            if let Some((snapshot, safe)) = job.writing.filter(|(_, safe)| *safe <= now) {
                job.writing = None;
                debug_assert!(safe >= snapshot);
                job.saved_at = snapshot;
            }
            self.active[j] = self.running[j].share_at_work(now, step_s);
        }
    }

    /// Every group of a job fails until `until` (a scripted failure of the whole job).
    pub(crate) fn fail_whole(&mut self, j: usize, until: Time) {
        let job = &mut self.running[j];
        let lost = job.drop_share(1.0);
        let until = job.affected.iter().map(|a| a.stalled_until).fold(until, Time::max);
        job.affected.clear();
        job.affected.extend((0..job.domains).map(|domain| Affected {
            domain,
            stalled_until: until,
            done: (0.0, 0.0),
            share: 0.0,
        }));
        self.totals[j].failures += 1;
        self.book_loss(j, lost);
        self.changed.push(JobChange::Stopped(j, lost.0, lost.1));
    }

    /// A hall with this share of the job's GPUs went dark: a job of one group stops until `until`, a job of many goes
    /// on without it; the hall's unsaved work is lost either way. Returns whether the whole job stopped.
    pub(crate) fn lose_hall(&mut self, j: usize, share: f64, until: Time) -> bool {
        if self.running[j].domains == 1 && self.running[j].kind == JobKind::PreTraining {
            self.fail_whole(j, until);
            return true;
        }
        let lost = self.running[j].drop_share(share);
        self.totals[j].failures += 1;
        self.book_loss(j, lost);
        false
    }

    fn fail(&mut self, j: usize, domain: usize, until: Time) {
        let job = &mut self.running[j];
        let lost = job.stop_group(domain, until);
        let lost = if job.kind == JobKind::Inference { (0.0, 0.0) } else { lost };
        self.book_loss(j, lost);
        self.changed.push(JobChange::Failed(j, domain, lost.0, lost.1));
    }

    fn book_loss(&mut self, j: usize, lost: (f64, f64)) {
        let totals = &mut self.totals[j];
        totals.productive_gpu_s -= lost.0;
        totals.lost_gpu_s += lost.0;
        totals.tokens -= lost.1;
        totals.lost_tokens += lost.1;
    }

    /// Tells a job what to do; the same order again changes nothing.
    pub(crate) fn tell(&mut self, j: usize, order: JobOrder, now: Time) {
        let job = &mut self.running[j];
        let before = core::mem::replace(&mut job.order, order);
        match (before, order) {
            (JobOrder::Run, JobOrder::Checkpoint) if job.writing.is_none() => {
                job.next_checkpoint = job.next_checkpoint.min(now)
            }
            (JobOrder::Run | JobOrder::Checkpoint, JobOrder::Pause) => {
                let lost = job.drop_share(1.0);
                job.saving_until = Time::NEVER;
                self.totals[j].pauses += 1;
                self.book_loss(j, lost);
            }
            (JobOrder::Pause, JobOrder::Run | JobOrder::Checkpoint) => {
                let until = now + job.restart;
                job.next_checkpoint = until + job.checkpoint_every;
                job.affected.clear();
                job.affected.extend((0..job.domains).map(|domain| Affected {
                    domain,
                    stalled_until: until,
                    done: (0.0, 0.0),
                    share: 0.0,
                }));
            }
            _ => {}
        }
    }

    /// Whether a job is paused.
    pub(crate) fn is_paused(&self, j: usize) -> bool {
        self.running[j].order == JobOrder::Pause
    }

    /// Instant up to which a job's work is safe: the last checkpoint reported; serving keeps nothing that could be lost.
    pub(crate) fn saved_at(&self, j: usize, now: Time) -> Time {
        if self.running[j].kind == JobKind::Inference { now } else { self.running[j].saved_at }
    }

    /// When a job saves its work next by itself; `FOREVER` where it does not.
    pub(crate) fn next_checkpoint(&self, j: usize) -> Time {
        if self.running[j].kind == JobKind::Inference { Time::FOREVER } else { self.running[j].next_checkpoint }
    }

    fn checkpoint(&mut self, j: usize, now: Time) {
        let job = &mut self.running[j];
        if job.order == JobOrder::Pause {
            return;
        }
        if job.kind == JobKind::Inference || now < job.next_checkpoint {
            return;
        }
        let whole_job_down = job.affected.len() == job.domains && job.affected.iter().all(|a| now < a.stalled_until);
        if whole_job_down {
            // Nothing to save; the next one comes a full interval after the restart.
            let back = job.affected.iter().map(|a| a.stalled_until).max().unwrap_or(now);
            job.saving_until = Time::NEVER;
            job.next_checkpoint = back + job.checkpoint_every;
            return;
        }
        if job.saving_until == Time::NEVER {
            job.saving_until = now + job.checkpoint_stall;
        }
        if now >= job.saving_until {
            job.saving_until = Time::NEVER;
            job.next_checkpoint = now + job.checkpoint_every;
            if std::mem::take(&mut job.next_spoiled) || now < job.spoiled_until {
                // The time is spent and nothing is saved.
                self.totals[j].checkpoints_failed += 1;
                self.changed.push(JobChange::NotSaved(j));
            } else {
                job.saved();
                job.writing = Some((now, now + job.write));
                self.totals[j].checkpoints += 1;
            }
        }
    }

    /// The next checkpoint of a job fails, and every one until `until`.
    pub(crate) fn spoil_checkpoints(&mut self, j: usize, until: Time) {
        let job = &mut self.running[j];
        job.next_spoiled = true;
        job.spoiled_until = job.spoiled_until.max(until);
    }

    /// Books the work of one step.
    pub(crate) fn progress(&mut self, step_s: f64) {
        for ((job, totals), active) in self.running.iter_mut().zip(&mut self.totals).zip(&self.active) {
            let worked = job.gpus * active * step_s;
            totals.productive_gpu_s += worked;
            totals.capped_gpu_s += worked * (1.0 - job.throughput);
            let idle = job.held_gpus * step_s - worked;
            if job.order == JobOrder::Pause {
                totals.paused_gpu_s += idle;
            } else {
                totals.stalled_gpu_s += idle;
            }
            totals.tokens += job.tokens_per_s * active * step_s;
            job.book_groups(step_s);
        }
    }
}

impl Running {
    fn new(j: usize, job: &Job, draw: &Draw) -> Self {
        let domains = job.domains();
        let every = Span::from_secs_f64(job.checkpoint_every_s);
        Self {
            kind: job.kind,
            domains,
            hazard_per_gpu_s: job.failures_per_s(1.0),
            hazard_left: draw.exponential(j as u32, Purpose::JobFailure, 0),
            drawn: 1,
            affected: Vec::new(),
            unsaved: (0.0, 0.0),
            missed: vec![(0.0, 0.0); domains],
            next_checkpoint: if every > Span::ZERO { Time::ZERO + every } else { Time::FOREVER },
            saving_until: Time::NEVER,
            order: JobOrder::Run,
            saved_at: Time::ZERO,
            writing: None,
            write: Span::from_secs_f64(job.checkpoint_write_s),
            next_spoiled: false,
            spoiled_until: Time::NEVER,
            tokens_per_peak_flop: job.tokens_per_peak_flop(),
            restart: Span::from_secs_f64(job.restart_s),
            checkpoint_every: every,
            checkpoint_stall: Span::from_secs_f64(job.checkpoint_stall_s),
            ramp_s: job.ramp_s,
            held_gpus: 0.0,
            gpus: 0.0,
            tokens_per_s: 0.0,
            throughput: 1.0,
        }
    }

    fn refresh(&mut self, j: usize, halls: &Halls) {
        let of_job = || (0..halls.len()).filter(|h| halls.config[*h].job == Some(j) && halls.in_service[*h]);
        // A synchronous job goes at the pace of its slowest hall; the others each at their own.
        let slowest = of_job().filter(|h| halls.is_fed(*h)).map(|h| halls.throughput[h]).fold(1.0, f64::min);
        let (mut held, mut gpus, mut flops, mut pace) = (0.0, 0.0, 0.0, 0.0);
        for h in of_job() {
            let working = halls.gpus_at_work(h);
            let throughput = if self.kind == JobKind::PreTraining { slowest } else { halls.throughput[h] };
            held += halls.config[h].gpus;
            gpus += working;
            pace += working * throughput;
            flops += working * throughput * halls.config[h].product.bf16_flops * halls.day_share(h);
        }
        self.held_gpus = held;
        self.gpus = gpus;
        self.throughput = if gpus > 0.0 { pace / gpus } else { 1.0 };
        self.tokens_per_s = flops * self.tokens_per_peak_flop;
    }

    /// Stops a group; returns its unsaved work, which is lost.
    fn stop_group(&mut self, domain: usize, until: Time) -> (f64, f64) {
        let clean = (self.unsaved.0 - self.missed[domain].0, self.unsaved.1 - self.missed[domain].1);
        if let Some(group) = self.affected.iter_mut().find(|a| a.domain == domain) {
            let lost = group.done;
            group.stalled_until = group.stalled_until.max(until);
            group.done = (0.0, 0.0);
            return lost;
        }
        self.affected.push(Affected { domain, stalled_until: until, done: (0.0, 0.0), share: 0.0 });
        clean
    }

    /// A share of every group's GPUs is gone with its unsaved work, which is returned.
    fn drop_share(&mut self, share: f64) -> (f64, f64) {
        if self.kind == JobKind::Inference {
            return (0.0, 0.0);
        }
        for group in &self.affected {
            self.missed[group.domain] = (self.unsaved.0 - group.done.0, self.unsaved.1 - group.done.1);
        }
        let keep = 1.0 - share;
        let mut lost = (0.0, 0.0);
        for missed in &mut self.missed {
            lost.0 += (self.unsaved.0 - missed.0) * share;
            lost.1 += (self.unsaved.1 - missed.1) * share;
            *missed = (missed.0 * keep, missed.1 * keep);
        }
        for group in &mut self.affected {
            group.done = (group.done.0 * keep, group.done.1 * keep);
        }
        self.unsaved = (self.unsaved.0 * keep, self.unsaved.1 * keep);
        lost
    }

    /// A checkpoint is complete: nothing is unsaved any more.
    fn saved(&mut self) {
        self.unsaved = (0.0, 0.0);
        self.missed.fill((0.0, 0.0));
        for group in &mut self.affected {
            group.done = (0.0, 0.0);
        }
    }

    /// Share of the job at work in the step that begins at `now`.
    fn share_at_work(&mut self, now: Time, step_s: f64) -> f64 {
        if self.order == JobOrder::Pause {
            return 0.0;
        }
        let mut missing = 0.0;
        let mut i = 0;
        while i < self.affected.len() {
            let group = &mut self.affected[i];
            let past_s = (now - group.stalled_until).as_secs_f64() + step_s;
            group.share = if now < group.stalled_until {
                0.0
            } else if self.ramp_s > 0.0 {
                (past_s / self.ramp_s).min(1.0)
            } else {
                1.0
            };
            if group.share >= 1.0 {
                // Back in step: from here on it does what every group does.
                let done = group.done;
                self.missed[group.domain] = (self.unsaved.0 - done.0, self.unsaved.1 - done.1);
                self.affected.swap_remove(i);
                continue;
            }
            missing += 1.0 - group.share;
            i += 1;
        }
        let groups = self.domains as f64;
        let saving = self.saving_until != Time::NEVER && now < self.saving_until;
        if !saving {
            return ((groups - missing) / groups).max(0.0);
        }
        match self.kind {
            JobKind::PreTraining => 0.0,
            // Its groups save one after the other: one of them waits at a time.
            _ => ((groups - missing - 1.0) / groups).max(0.0),
        }
    }

    /// Adds the step's work to what is not yet saved.
    fn book_groups(&mut self, step_s: f64) {
        let saving_all = self.saving_until != Time::NEVER && self.kind == JobKind::PreTraining;
        if saving_all || self.kind == JobKind::Inference || self.order == JobOrder::Pause {
            return;
        }
        let groups = self.domains as f64;
        let each = (self.gpus / groups * step_s, self.tokens_per_s / groups * step_s);
        self.unsaved = (self.unsaved.0 + each.0, self.unsaved.1 + each.1);
        for group in &mut self.affected {
            group.done = (group.done.0 + group.share * each.0, group.done.1 + group.share * each.1);
        }
    }
}
