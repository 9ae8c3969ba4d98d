//! GPU products: power levels, cap ranges, and throughput against power cap.
//!
//! Not modelled: temperature and voltage dependence of static power, the millisecond waveform, spread between cards.

use tieline_units::Source;

/// A GPU product as the plant needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Name as scenario files use it ("GB200").
    pub name: String,
    /// Rated power of the GPU package, W.
    pub rated_w: f64,
    /// Power at rest, W.
    pub idle_w: f64,
    /// Power when a job waits (checkpoint, failure, host), W.
    pub stalled_w: f64,
    /// Mean power in training at the highest cap, W.
    pub training_w: f64,
    /// Lowest cap that the card accepts, W.
    pub min_cap_w: f64,
    /// Everything in the rack beside the GPU (CPU, switch, fans, network share), W per GPU.
    pub other_w: f64,
    /// Peak dense BF16 arithmetic, FLOP/s.
    pub bf16_flops: f64,
    /// Where the levels come from, one per field above in order.
    pub sources: Vec<(String, Source)>,
}
