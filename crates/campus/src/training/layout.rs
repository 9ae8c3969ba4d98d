//! How a model is cut over GPUs, what is wrong with a cut, and the nearest one that works.
//!
//! A batch that does not divide gives some replicas one micro-batch less; the step lasts as long as the others take.
//!
//! Not modelled: uneven cuts of the model (all tensor and expert groups are alike), micro-batches of unequal size, routed
//! experts that are themselves cut by tensor parallelism (shared ones are), batches that grow during a run (each phase is its own layout).

use super::cluster::{Cluster, Precision};
use super::memory;
use super::model::{Transformer, real};
use core::fmt;

/// What the data-parallel group shares out among its members (ZeRO stage).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharding {
    /// Nothing: each member holds everything.
    None,
    /// Optimizer states (ZeRO-1).
    Optimizer,
    /// Gradients too (ZeRO-2).
    Gradients,
    /// Parameters too (ZeRO-3, fully sharded data parallel).
    Parameters,
}

impl Sharding {
    /// The words that scenario files use, in the order of the variants.
    pub const WORDS: [&'static str; 4] = ["none", "zero-1", "zero-2", "zero-3"];

    /// The word that scenario files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

/// Where a second holder keeps the state that sharding leaves with one GPU only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondCopy {
    /// There is none: who loses a node rolls back.
    None,
    /// In the host memory of a peer in another domain.
    Host,
    /// In the memory of a GPU in another domain.
    Gpu,
}

impl SecondCopy {
    /// The words that scenario files use, in the order of the variants.
    pub const WORDS: [&'static str; 3] = ["none", "host", "gpu"];

    /// The word that scenario files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

/// What the backward pass computes again instead of remembering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recompute {
    /// Nothing.
    None,
    /// The core of attention; where that is fused and remembers little, norms and activation functions.
    Selective,
    /// Whole layers.
    Full,
}

/// How the core of attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Scores are written to memory, as before 2022.
    Plain,
    /// One fused operation.
    Fused,
}

/// Share of each kind of communication that runs beside computation, 0..1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// Tensor-parallel collectives.
    pub tensor: f64,
    /// Transfers between pipeline stages.
    pub pipeline: f64,
    /// Gradients and parameters over the data-parallel group.
    pub data: f64,
    /// Tokens to experts and back.
    pub expert: f64,
}

impl Overlap {
    /// Everything waits for everything.
    pub const NONE: Self = Self { tensor: 0.0, pipeline: 0.0, data: 0.0, expert: 0.0 };
    /// A good implementation of 2024. guess: half of the tensor collectives hide behind split products, stage transfers
    /// hide, nine tenths of gradients hide behind the backward pass, half of the expert traffic.
    pub const USUAL: Self = Self { tensor: 0.5, pipeline: 1.0, data: 0.9, expert: 0.5 };
}

/// A cut of a model over GPUs, and how a step is carried out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// GPUs that share every matrix (tensor parallel).
    pub tensor: u32,
    /// GPUs that share a sequence (context parallel).
    pub context: u32,
    /// Pipeline stages.
    pub pipeline: u32,
    /// Replicas (data parallel).
    pub data: u32,
    /// GPUs over which the experts are spread; taken out of tensor x context x data.
    pub expert: u32,
    /// Chunks of layers on each stage (1: plain 1F1B).
    pub interleave: u32,
    /// Sequences in a micro-batch.
    pub micro_batch: u32,
    /// Sequences in a step over all replicas.
    pub batch: u32,
    /// Norms and dropout shared over the tensor group (sequence parallel).
    pub sequence_parallel: bool,
    /// What is sharded.
    pub sharding: Sharding,
    /// What is computed twice.
    pub recompute: Recompute,
    /// Format of the large products.
    pub precision: Precision,
    /// How attention is computed.
    pub attention: Attention,
    /// What hides behind computation.
    pub overlap: Overlap,
    /// First and last stage have one layer less, to make room for embedding and output layer.
    pub lighter_ends: bool,
    /// Where a second holder keeps a GPU's own state.
    pub second_copy: SecondCopy,
}

impl Layout {
    /// A layout without any parallelism, one sequence, current software.
    pub const ONE: Self = Self {
        tensor: 1,
        context: 1,
        pipeline: 1,
        data: 1,
        expert: 1,
        interleave: 1,
        micro_batch: 1,
        batch: 1,
        sequence_parallel: true,
        sharding: Sharding::Optimizer,
        recompute: Recompute::None,
        precision: Precision::Bf16,
        attention: Attention::Fused,
        overlap: Overlap::USUAL,
        lighter_ends: false,
        second_copy: SecondCopy::None,
    };

    /// GPUs of the job.
    #[must_use]
    pub fn gpus(&self) -> f64 {
        real(self.tensor) * real(self.context) * real(self.pipeline) * real(self.data)
    }

    /// Micro-batches of the replica that has most; where the batch does not divide, others have one less and wait.
    #[must_use]
    pub fn micro_batches(&self) -> u32 {
        self.batch.div_ceil(self.data.saturating_mul(self.micro_batch).max(1))
    }

    /// Share of the replicas' time in which they wait because the batch does not divide, 0..1.
    #[must_use]
    pub fn uneven(&self) -> f64 {
        let places = real(self.micro_batches()) * real(self.data) * real(self.micro_batch);
        if places > 0.0 { 1.0 - real(self.batch) / places } else { 0.0 }
    }

    /// The layout as a `[training]` table takes it, in one line of TOML.
    #[must_use]
    pub fn toml(&self) -> String {
        let recompute = match self.recompute {
            Recompute::None => "none",
            Recompute::Selective => "selective",
            Recompute::Full => "full",
        };
        let attention = match self.attention {
            Attention::Plain => "plain",
            Attention::Fused => "fused",
        };
        let percent = |share: f64| format!("{} %", 100.0 * share);
        format!(
            "layout = {{ tensor = {}, context = {}, pipeline = {}, data = {}, expert = {}, interleave = {}, micro_batch = {}, recompute = \"{recompute}\", sharding = \"{}\", sequence_parallel = {}, lighter_ends = {}, attention = \"{attention}\", overlap_tensor = \"{}\", overlap_pipeline = \"{}\", overlap_data = \"{}\", overlap_expert = \"{}\" }}",
            self.tensor,
            self.context,
            self.pipeline,
            self.data,
            self.expert,
            self.interleave,
            self.micro_batch,
            self.sharding.word(),
            self.sequence_parallel,
            self.lighter_ends,
            percent(self.overlap.tensor),
            percent(self.overlap.pipeline),
            percent(self.overlap.data),
            percent(self.overlap.expert),
        )
    }

    /// Layers that the pipeline is cut for, with the two missing ones of lighter ends.
    pub(super) fn slots(&self, model: &Transformer) -> u32 {
        model.layers + if self.lighter_ends { 2 } else { 0 }
    }

    /// Layers of an inner stage.
    pub(super) fn stage_layers(&self, model: &Transformer) -> f64 {
        real(self.slots(model)) / real(self.pipeline)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TP{} CP{} PP{} DP{}", self.tensor, self.context, self.pipeline, self.data)?;
        if self.expert > 1 {
            write!(f, " EP{}", self.expert)?;
        }
        if self.interleave > 1 {
            write!(f, " V{}", self.interleave)?;
        }
        if self.lighter_ends {
            write!(f, " lighter ends")?;
        }
        let sharding = match self.sharding {
            Sharding::None => "",
            Sharding::Optimizer => " ZeRO-1",
            Sharding::Gradients => " ZeRO-2",
            Sharding::Parameters => " ZeRO-3",
        };
        let recompute = match self.recompute {
            Recompute::None => "no",
            Recompute::Selective => "selective",
            Recompute::Full => "full",
        };
        write!(f, " micro-batch {}{sharding}, {recompute} recompute", self.micro_batch)
    }
}

/// What is wrong with a layout.
#[derive(Clone, Debug, PartialEq)]
pub enum Mistake {
    /// A count that is zero.
    Zero(&'static str),
    /// Something that must divide does not: the whole, what it is, the part, what that is.
    DoesNotDivide(u32, &'static str, u32, &'static str),
    /// The job has another number of GPUs than the fleet offers: wanted, offered.
    Gpus(f64, f64),
    /// The batch has fewer sequences than there are replicas times the micro-batch.
    BatchTooSmall(u32, u32, u32),
    /// More ranks for experts than experts.
    MoreRanksThanExperts(u32, u32),
    /// Expert parallelism for a model without experts.
    NoExperts(u32),
    /// Fewer ranks outside the pipeline than expert parallelism wants: wanted, there.
    MoreExpertRanksThanRanks(u32, u32),
    /// Interleaving without a pipeline.
    InterleaveWithoutPipeline(u32),
    /// A link without bandwidth that the layout needs.
    NoBandwidth(&'static str),
    /// The accelerator lacks the format.
    NoSuchFormat(Precision),
    /// It does not fit: bytes needed, bytes there, what takes most, bytes of that.
    DoesNotFit(f64, f64, &'static str, f64),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero(what) => write!(f, "{what} is zero; it must be at least 1"),
            Self::DoesNotDivide(whole, what, part, of) => {
                write!(f, "{whole} {what} cannot be divided evenly by {of} {part}")
            }
            Self::Gpus(wanted, there) => write!(f, "the layout takes {wanted} GPUs, the fleet has {there}"),
            Self::BatchTooSmall(batch, data, micro) => write!(
                f,
                "a batch of {batch} sequences is less than data parallel {data} x micro-batch {micro}: some replicas would have nothing to do"
            ),
            Self::MoreRanksThanExperts(ranks, experts) => {
                write!(f, "expert parallel {ranks} is more than the {experts} experts: some ranks would hold none")
            }
            Self::NoExperts(ranks) => write!(f, "expert parallel {ranks} for a dense model"),
            Self::MoreExpertRanksThanRanks(wanted, there) => {
                write!(f, "expert parallel {wanted} does not divide the {there} ranks of tensor x context x data")
            }
            Self::InterleaveWithoutPipeline(chunks) => write!(f, "interleave {chunks} needs a pipeline of two stages"),
            Self::NoBandwidth(link) => write!(f, "the {link} has no bandwidth, and the layout communicates over it"),
            Self::NoSuchFormat(precision) => write!(f, "the accelerator has no {} arithmetic", precision.word()),
            Self::DoesNotFit(needed, there, most, most_bytes) => write!(
                f,
                "does not fit: {:.1} GB a GPU needed, {:.1} GB there; most goes to {most} ({:.1} GB)",
                needed / 1e9,
                there / 1e9,
                most_bytes / 1e9
            ),
        }
    }
}

/// Everything that is wrong with a layout, memory last; empty if it works.
#[must_use]
pub fn mistakes(model: &Transformer, cluster: &Cluster, layout: &Layout) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    for (count, what) in [
        (layout.tensor, "tensor parallel"),
        (layout.context, "context parallel"),
        (layout.pipeline, "pipeline parallel"),
        (layout.data, "data parallel"),
        (layout.expert, "expert parallel"),
        (layout.interleave, "interleave"),
        (layout.micro_batch, "micro-batch"),
        (layout.batch, "batch"),
        (model.layers, "layers"),
        (model.hidden, "hidden size"),
        (model.heads, "heads"),
        (model.kv_heads, "key and value heads"),
        (model.sequence, "sequence length"),
    ] {
        if count == 0 {
            wrong.push(Mistake::Zero(what));
        }
    }
    if !wrong.is_empty() {
        return wrong;
    }
    divisions(model, layout, &mut wrong);
    experts(model, layout, &mut wrong);
    links(cluster, layout, &mut wrong);
    if cluster.accelerator.peak(layout.precision) <= 0.0 {
        wrong.push(Mistake::NoSuchFormat(layout.precision));
    }
    if wrong.is_empty() {
        let needed = memory::needed(model, layout);
        let there = cluster.accelerator.memory_bytes - cluster.accelerator.reserved_bytes;
        if needed.total() > there {
            let (most, bytes) = needed.largest();
            wrong.push(Mistake::DoesNotFit(needed.total(), there, most, bytes));
        }
    }
    wrong
}

fn divisions(model: &Transformer, layout: &Layout, wrong: &mut Vec<Mistake>) {
    let mut divides = |whole: u32, what, part: u32, of| {
        if !whole.is_multiple_of(part) {
            wrong.push(Mistake::DoesNotDivide(whole, what, part, of));
        }
    };
    divides(model.heads, "heads", layout.tensor, "tensor parallel");
    divides(model.feed_forward, "columns of the feed-forward network", layout.tensor, "tensor parallel");
    if let Some(experts) = model.experts.filter(|experts| experts.shared > 0) {
        divides(experts.feed_forward, "columns of a shared expert", layout.tensor, "tensor parallel");
    }
    // Fewer key and value heads than tensor ranks are copied, more must divide.
    if model.kv_heads > layout.tensor {
        divides(model.kv_heads, "key and value heads", layout.tensor, "tensor parallel");
    }
    divides(model.sequence, "tokens of a sequence", layout.context, "context parallel");
    let chunks = layout.pipeline * layout.interleave;
    divides(layout.slots(model), "layers (with lighter ends counted full)", chunks, "pipeline x interleave");
    let per_round = layout.data.saturating_mul(layout.micro_batch);
    if layout.batch < per_round {
        wrong.push(Mistake::BatchTooSmall(layout.batch, layout.data, layout.micro_batch));
    }
    if layout.interleave > 1 {
        if layout.pipeline == 1 {
            wrong.push(Mistake::InterleaveWithoutPipeline(layout.interleave));
        } else if layout.micro_batches() > 0 && !layout.micro_batches().is_multiple_of(layout.pipeline) {
            let round = layout.pipeline;
            wrong.push(Mistake::DoesNotDivide(
                layout.micro_batches(),
                "micro-batches",
                round,
                "an interleaved pipeline of",
            ));
        }
    }
}

fn experts(model: &Transformer, layout: &Layout, wrong: &mut Vec<Mistake>) {
    if layout.expert == 1 {
        return;
    }
    let Some(experts) = model.experts else {
        wrong.push(Mistake::NoExperts(layout.expert));
        return;
    };
    let ranks = layout.tensor.saturating_mul(layout.context).saturating_mul(layout.data);
    if layout.expert > experts.count {
        wrong.push(Mistake::MoreRanksThanExperts(layout.expert, experts.count));
    } else if !experts.count.is_multiple_of(layout.expert) {
        wrong.push(Mistake::DoesNotDivide(experts.count, "experts", layout.expert, "expert parallel"));
    }
    if layout.expert > ranks || !ranks.is_multiple_of(layout.expert) {
        wrong.push(Mistake::MoreExpertRanksThanRanks(layout.expert, ranks));
    }
}

fn links(cluster: &Cluster, layout: &Layout, wrong: &mut Vec<Mistake>) {
    let inner = layout.tensor > 1 || layout.context > 1 || layout.gpus() > 1.0;
    if inner && cluster.domain_gpus > 1 && cluster.domain.reached() <= 0.0 {
        wrong.push(Mistake::NoBandwidth("network within a domain"));
    }
    if layout.gpus() > real(cluster.domain_gpus) && cluster.fabric.reached() <= 0.0 {
        wrong.push(Mistake::NoBandwidth("fabric between domains"));
    }
    if cluster.sites > 1 && layout.data > 1 && cluster.between.reached() <= 0.0 {
        wrong.push(Mistake::NoBandwidth("link between sites"));
    }
}
