//! What a scenario says about its training run, beyond its jobs and halls.
//!
//! Not modelled: several runs at once; the first pre-training job is the run.

use tieline_campus::training::cluster::Precision;
use tieline_campus::training::layout::{Layout, SecondCopy};
use tieline_campus::training::model::Transformer;
use tieline_units::Utc;

/// A fleet on which the same tokens are trained, for comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherFleet {
    /// Name for people.
    pub name: String,
    /// GPUs, spares included.
    pub gpus: f64,
    /// Their product.
    pub product: String,
    /// Sites over which they lie.
    pub sites: u32,
    /// Another model to be trained there; the run's own when absent.
    pub model: Option<Transformer>,
}

/// Checkpoint storage where none is stated, bytes/s a GPU at work. guess: Llama 3's 2 TB/s for 24,000 GPUs (arXiv 2407.21783).
const STORAGE_BYTES_PER_S_GPU: f64 = 80e6;
/// And at most, bytes/s. guess: a large parallel file system.
const MOST_STORAGE_BYTES_PER_S: f64 = 1e12;

/// The `[training]` table.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingPlan {
    /// The model: a known shape, or the scenario's own.
    pub model: Transformer,
    /// Format of the large products.
    pub precision: Precision,
    /// Sequences in a step.
    pub batch: u32,
    /// Tokens of the run.
    pub tokens: f64,
    /// A layout of choice; the best one is searched when absent.
    pub layout: Option<Layout>,
    /// Sites over which the job is spread.
    pub sites: u32,
    /// Bandwidths that replace the catalogue's, bytes/s per GPU: within a domain, of the fabric, between sites.
    pub bandwidth: [Option<f64>; 3],
    /// Spare nodes over nodes at work.
    pub spares: f64,
    /// Time until a failed node is back, s.
    pub repair_s: f64,
    /// Time until a spare has taken over, s.
    pub swap_s: f64,
    /// Stall of an elastic job after a failure, s.
    pub stall_s: f64,
    /// Where a second holder keeps what sharding leaves with one GPU only.
    pub second_copy: SecondCopy,
    /// Bandwidth of the storage for checkpoints, bytes/s for the whole job, where it is stated.
    pub storage: Option<f64>,
    /// Bandwidth at which a GPU copies its state out, bytes/s.
    pub copy_bytes_per_s: f64,
    /// Productive time between planned stops, s.
    pub planned_every_s: f64,
    /// Length of a planned stop, s.
    pub planned_stop_s: f64,
    /// Share of speed that the slowest GPUs cost.
    pub stragglers: f64,
    /// Time that a resize onto a larger fleet takes, s.
    pub resize_s: f64,
    /// Low and high factor on tokens, on active parameters, on speed.
    pub tokens_range: (f64, f64),
    /// See `tokens_range`.
    pub active_range: (f64, f64),
    /// See `tokens_range`.
    pub speed_range: (f64, f64),
    /// Probability that the format does not hold and the run falls back to 16 bits.
    pub fallback: f64,
    /// Longest delay of later halls, s.
    pub delay_s: f64,
    /// A curtailment to be priced: depth, duration in s, notice in s.
    pub curtailment: (f64, f64, f64),
    /// Greatest load of inference at which latency holds.
    pub latency_load: f64,
    /// When the run begins; the scenario's own start when absent.
    pub begin: Option<Utc>,
    /// A build-out that replaces the halls: from when, GPUs in service from then on, product.
    pub growth: Vec<(Utc, f64, String)>,
    /// Fleets for comparison.
    pub fleets: Vec<OtherFleet>,
    /// Power that there is for the run, W, from an instant on; empty: GPUs alone limit.
    pub power: Vec<(Utc, f64)>,
}

impl TrainingPlan {
    /// Bandwidth of the checkpoint storage of a job of so many GPUs, bytes/s.
    #[must_use]
    pub fn storage_bytes_per_s(&self, gpus: f64) -> f64 {
        self.storage.unwrap_or((STORAGE_BYTES_PER_S_GPU * gpus).min(MOST_STORAGE_BYTES_PER_S))
    }
}
