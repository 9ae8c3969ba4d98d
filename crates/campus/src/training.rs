//! Jobs on the campus and their progress: tokens, checkpoints, failures and restarts, work lost.
//!
//! Not modelled: parallel layout and step time (an input here), stragglers, elastic resizing, queueing.

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

/// A job that holds one or more halls.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name for people.
    pub name: String,
    /// What it does.
    pub kind: JobKind,
    /// Active parameters (dense: all), for tokens per second from FLOP/s.
    pub active_parameters: f64,
    /// Model FLOP utilisation at full power, 0..1.
    pub mfu: f64,
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
