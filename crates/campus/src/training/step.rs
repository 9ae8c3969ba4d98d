//! Time of one training step, where it goes, and how well the hardware is used.
//!
//! Each operation takes the longer of its arithmetic and its memory traffic, plus a fixed time; collectives take what
//! `collective` says, less the share that hides; the pipeline adds its bubble. Computation takes as long as on the slowest
//! GPU of the job. Which constants were fitted, and on what, stands in `cluster`.
//!
//! Not modelled: jitter from step to step, GPUs that are broken and slow, data loading, power or heat limits on clocks
//! (`gpu` has the curve of throughput against a cap), uneven experts, the first steps of a run.

use super::cluster::{Accelerator, Cluster, Precision};
use super::collective::{Group, Ranks, all_to_all_s, between_sites_s, half_ring_s, transfer_s};
use super::layout::{Attention, Layout, Mistake, Recompute, SecondCopy, Sharding, mistakes};
use super::memory::{self, Memory};
use super::model::{Transformer, real};

/// Bytes that the optimizer moves for each parameter: gradient read and scaled, norm, Adam on master copy and two moments,
/// 16-bit copy written. derived: 4 + 4 + 8 + 4 + 8 + 16 + 2.
const OPTIMIZER_TRAFFIC_BYTES: f64 = 46.0;
/// Bytes of a gradient on the wire. Megatron reduces in 32 bits (arXiv 2205.05198 runs on one replica; 2104.04473).
const GRADIENT_WIRE_BYTES: f64 = 4.0;
/// Bytes of a parameter on the wire.
const PARAMETER_WIRE_BYTES: f64 = 2.0;

/// Seconds that one pass through one layer takes, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pass {
    /// Large matrix products.
    pub products_s: f64,
    /// The core of attention.
    pub attention_s: f64,
    /// Norms, activations, residuals, casts: bound by memory.
    pub streaming_s: f64,
    /// Exposed collectives of the tensor and context groups.
    pub tensor_s: f64,
    /// Exposed traffic to experts and back.
    pub expert_s: f64,
}

impl Pass {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.working() + self.tensor_s + self.expert_s
    }
    /// What is computation.
    #[must_use]
    pub fn working(&self) -> f64 {
        self.products_s + self.attention_s + self.streaming_s
    }
    fn plus(self, other: Self) -> Self {
        Self {
            products_s: self.products_s + other.products_s,
            attention_s: self.attention_s + other.attention_s,
            streaming_s: self.streaming_s + other.streaming_s,
            tensor_s: self.tensor_s + other.tensor_s,
            expert_s: self.expert_s + other.expert_s,
        }
    }
    /// The same with its computation stretched.
    fn stretched(self, factor: f64) -> Self {
        Self {
            products_s: self.products_s * factor,
            attention_s: self.attention_s * factor,
            streaming_s: self.streaming_s * factor,
            ..self
        }
    }
    fn times(self, factor: f64) -> Self {
        Self {
            products_s: self.products_s * factor,
            attention_s: self.attention_s * factor,
            streaming_s: self.streaming_s * factor,
            tensor_s: self.tensor_s * factor,
            expert_s: self.expert_s * factor,
        }
    }
}

/// One training step, evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Time of the step, s.
    pub time_s: f64,
    /// Forward pass of one micro-batch through one inner layer.
    pub forward: Pass,
    /// Backward pass, recomputation included.
    pub backward: Pass,
    /// One exposed transfer between stages, s.
    pub transfer_s: f64,
    /// One micro-batch, forward and backward, on the slowest stage, s.
    pub micro_batch_s: f64,
    /// Waiting for the pipeline to fill and drain, s.
    pub bubble_s: f64,
    /// Exposed gradients and parameters over the data-parallel group and between sites, s.
    pub data_s: f64,
    /// The optimizer, s.
    pub optimizer_s: f64,
    /// What of the step was computed twice, s.
    pub recompute_s: f64,
    /// Model arithmetic over peak: recomputation does not count.
    pub mfu: f64,
    /// Arithmetic done over peak: recomputation counts.
    pub hfu: f64,
    /// Tokens per second of the whole job.
    pub tokens_per_s: f64,
    /// What the fullest GPU holds.
    pub memory: Memory,
}

/// One micro-batch on one GPU: sizes that every operation needs.
struct Sizes<'a> {
    model: &'a Transformer,
    cluster: &'a Cluster,
    layout: &'a Layout,
    gpu: &'a Accelerator,
    ranks: Ranks,
    /// Rows of the products: tokens of the micro-batch on this context rank.
    tokens: f64,
    tensor: f64,
    gemm_flops: f64,
    memory_bytes_per_s: f64,
    /// Computation of the slowest GPU of the job over that of a GPU of mean speed.
    slowest: f64,
}

impl<'a> Sizes<'a> {
    fn new(model: &'a Transformer, cluster: &'a Cluster, layout: &'a Layout) -> Self {
        let gpu = &cluster.accelerator;
        Self {
            model,
            cluster,
            layout,
            gpu,
            ranks: Ranks::of(cluster, layout),
            tokens: real(layout.micro_batch) * real(model.sequence) / real(layout.context),
            tensor: real(layout.tensor),
            gemm_flops: gpu.peak(layout.precision) * gpu.gemm_share[layout.precision as usize],
            memory_bytes_per_s: gpu.memory_bytes_per_s * gpu.memory_share,
            slowest: gpu.slowest(layout.gpus()),
        }
    }

    /// (rows x inner) times (inner x columns), s.
    fn product(&self, rows: f64, inner: f64, columns: f64) -> f64 {
        let bytes = 2.0 * (rows * columns + rows * inner + inner * columns);
        let arithmetic_s = 2.0 * rows * inner * columns / self.gemm_flops;
        arithmetic_s.max(bytes / self.memory_bytes_per_s) + self.gpu.op_s
    }

    /// Gradient of weights, added up in 32 bits, s.
    fn weight_gradient(&self, rows: f64, inner: f64, columns: f64) -> f64 {
        let bytes = 2.0 * rows * (inner + columns) + 8.0 * inner * columns;
        let arithmetic_s = 2.0 * rows * inner * columns / self.gemm_flops;
        arithmetic_s.max(bytes / self.memory_bytes_per_s) + self.gpu.op_s
    }

    /// An operation that only moves bytes, s.
    fn streaming(&self, bytes: f64) -> f64 {
        bytes / self.memory_bytes_per_s + self.gpu.op_s
    }

    /// Forward and backward of one weight matrix, s.
    fn matrix(&self, rows: f64, inner: f64, columns: f64) -> (f64, f64) {
        let forward = self.product(rows, inner, columns);
        (forward, self.product(rows, columns, inner) + self.weight_gradient(rows, inner, columns))
    }

    /// Products of attention's projections and of the feed-forward network, mean over kinds of layers.
    fn products(&self) -> (f64, f64) {
        let hidden = real(self.model.hidden);
        let input = self.matrix(self.tokens, hidden, real(self.model.input_width) / self.tensor);
        let output = self.matrix(self.tokens, self.model.query_width() / self.tensor, hidden);
        let gate = if self.model.gated { 2.0 } else { 1.0 };
        let network = |rows: f64, width: f64| {
            let up = self.matrix(rows, hidden, gate * width);
            let down = self.matrix(rows, width, hidden);
            (up.0 + down.0, up.1 + down.1)
        };
        let (dense_layers, expert_layers) = self.model.dense_and_expert_layers();
        let layers = real(self.model.layers);
        let mut both = (input.0 + output.0, input.1 + output.1);
        if dense_layers > 0.0 {
            let dense = network(self.tokens, real(self.model.feed_forward) / self.tensor);
            both.0 += dense.0 * dense_layers / layers;
            both.1 += dense.1 * dense_layers / layers;
        }
        if let Some(experts) = self.model.experts.filter(|_| expert_layers > 0.0) {
            let share = expert_layers / layers;
            // Each rank's tokens go to other ranks, and as many come in: rows per expert are few, weights are many.
            let rows = self.tokens / self.tensor * real(experts.per_token);
            let here = (real(experts.count) / real(self.layout.expert)).max(1.0);
            let routed = network(rows / here, real(experts.feed_forward));
            // Shared experts are cut like a dense network: every token, a part of the columns.
            let shared = network(self.tokens, real(experts.feed_forward) / self.tensor);
            // Grouped products share one launch: all but one fixed time is taken back.
            let launches = (here - 1.0) * self.gpu.op_s;
            both.0 += share * (here * routed.0 - 2.0 * launches + real(experts.shared) * shared.0);
            both.1 += share * (here * routed.1 - 4.0 * launches + real(experts.shared) * shared.1);
        }
        both
    }

    /// The core of attention, forward and backward without recomputation.
    fn attention(&self) -> (f64, f64) {
        let (sequence, head) = (real(self.model.sequence), real(self.model.head_size));
        let rows = sequence / real(self.layout.context);
        let heads = real(self.layout.micro_batch) * real(self.model.heads) / self.tensor;
        let scores = heads * rows * sequence;
        let peak = self.gpu.peak(Precision::Bf16);
        let count = if self.model.causal { 0.5 } else { 1.0 };
        if self.layout.attention == Attention::Fused {
            // The fused kernel skips what lies above the diagonal, and its backward pass has five products for two.
            let work = 4.0 * scores * head * count;
            let (forward, backward) = self.gpu.attention_share;
            return (work / (peak * forward) + self.gpu.op_s, 2.5 * work / (peak * backward) + self.gpu.op_s);
        }
        let flops = peak * self.gpu.gemm_share[Precision::Bf16 as usize];
        let bytes = 2.0 * (heads * rows * head + heads * sequence * head + scores);
        let one = (2.0 * scores * head / flops).max(bytes / self.memory_bytes_per_s) + self.gpu.op_s;
        // Softmax reads and writes; dropout reads, writes, and keeps a mask.
        let forward = 2.0 * one + self.streaming(4.0 * scores) + self.streaming(5.0 * scores);
        (forward, 4.0 * one + self.streaming(6.0 * scores) + self.streaming(5.0 * scores))
    }

    /// Everything that only moves bytes: norms, residuals, dropout, activation, transposes, casts to fewer bits.
    fn streams(&self) -> (f64, f64) {
        let spread = if self.layout.sequence_parallel { self.tensor } else { 1.0 };
        let stream = self.tokens * real(self.model.hidden) / spread;
        let heads = self.tokens * real(self.model.input_width) / self.tensor;
        let context = self.tokens * self.model.query_width() / self.tensor;
        let network = self.network_columns();
        let gate = if self.model.gated { 1.5 } else { 1.0 };
        let forward = 2.0 * (self.streaming(4.0 * stream) + self.streaming(7.0 * stream))
            + self.streaming(4.0 * gate * network)
            + self.streaming(4.0 * heads)
            + self.streaming(4.0 * context);
        let backward = 2.0
            * (self.streaming(10.0 * stream) + self.streaming(5.0 * stream) + self.streaming(6.0 * stream))
            + self.streaming((if self.model.gated { 10.0 } else { 6.0 }) * network)
            + self.streaming(4.0 * heads)
            + self.streaming(4.0 * context);
        let shuffled = self.shuffles();
        let (forward, backward) = (forward + shuffled, backward + shuffled);
        let written = match self.layout.precision {
            Precision::Bf16 => return (forward, backward),
            Precision::Fp8 => 1.0,
            Precision::Fp4 => 0.5,
        };
        // Inputs of the four products are read in 16 bits and written in fewer, twice (as is, and transposed).
        let cast = (2.0 + 2.0 * written) * (2.0 * stream + context + network);
        let casts = cast / self.memory_bytes_per_s + 4.0 * self.gpu.op_s;
        (forward + casts, backward + casts)
    }

    /// Copies of tokens on their way to experts and back, one pass: sorted before sending (read once, written per expert),
    /// sorted by expert on arrival, unsorted, and summed on return: seven times per_token x hidden numbers are moved.
    fn shuffles(&self) -> f64 {
        let Some(experts) = self.model.experts else { return 0.0 };
        let (_, expert_layers) = self.model.dense_and_expert_layers();
        let numbers = self.tokens / self.tensor * real(experts.per_token) * real(self.model.hidden);
        (14.0 * numbers / self.memory_bytes_per_s + 4.0 * self.gpu.op_s) * expert_layers / real(self.model.layers)
    }

    /// Norms and the activation function, forward: what the selective choice does again beside fused attention.
    fn cheap_streams(&self) -> f64 {
        let spread = if self.layout.sequence_parallel { self.tensor } else { 1.0 };
        let stream = self.tokens * real(self.model.hidden) / spread;
        let gate = if self.model.gated { 1.5 } else { 1.0 };
        2.0 * self.streaming(4.0 * stream) + self.streaming(4.0 * gate * self.network_columns())
    }

    /// Numbers in the hidden layer of the feed-forward network on one rank, mean over kinds of layers.
    fn network_columns(&self) -> f64 {
        let dense = self.tokens * real(self.model.feed_forward) / self.tensor;
        let Some(experts) = self.model.experts else { return dense };
        let (dense_layers, expert_layers) = self.model.dense_and_expert_layers();
        let copies = real(experts.per_token + experts.shared);
        let routed = self.tokens / self.tensor * copies * real(experts.feed_forward);
        (dense * dense_layers + routed * expert_layers) / real(self.model.layers)
    }

    /// Exposed collectives of the tensor and context groups, forward and backward, and one half ring of the stream.
    fn tensor_collectives(&self) -> (f64, f64, f64) {
        let shown = 1.0 - self.layout.overlap.tensor;
        let half = half_ring_s(self.cluster, self.ranks.tensor, 2.0 * self.tokens * real(self.model.hidden));
        let (dense_layers, expert_layers) = self.model.dense_and_expert_layers();
        // Attention, a dense network and shared experts each close with a reduction: two halves each way. Routed experts work
        // on a rank's own tokens.
        let with_shared = if self.model.experts.is_some_and(|e| e.shared > 0) { expert_layers } else { 0.0 };
        let halves = 2.0 + 2.0 * (dense_layers + with_shared) / (dense_layers + expert_layers).max(1.0);
        // With sequence parallelism the backward pass gathers the inputs of the weight gradients again.
        let again = if self.layout.sequence_parallel { 0.5 * halves } else { 0.0 };
        let context = self.ranks.context;
        let kv =
            2.0 * real(self.model.kv_heads) * real(self.model.head_size) / self.tensor.min(real(self.model.kv_heads));
        let keys =
            half_ring_s(self.cluster, context, 2.0 * real(self.layout.micro_batch) * real(self.model.sequence) * kv);
        (shown * halves * half + keys, shown * (halves + again) * half + 2.0 * keys, half)
    }

    /// Exposed traffic to the experts and back, one pass.
    fn expert_traffic(&self) -> f64 {
        let Some(experts) = self.model.experts.filter(|_| self.layout.expert > 1) else { return 0.0 };
        let (_, expert_layers) = self.model.dense_and_expert_layers();
        let bytes = 2.0 * self.tokens / self.tensor * real(experts.per_token) * real(self.model.hidden);
        let shown = (1.0 - self.layout.overlap.expert) * expert_layers / real(self.model.layers);
        2.0 * shown * all_to_all_s(self.cluster, self.ranks.expert, bytes)
    }

    /// Forward and backward through one layer, and what of the backward pass is done again.
    fn layer(&self) -> (Pass, Pass, Pass) {
        let (products, attention, streams) = (self.products(), self.attention(), self.streams());
        let (tensor_forward, tensor_backward, _) = self.tensor_collectives();
        let expert_s = self.expert_traffic();
        let forward = Pass {
            products_s: products.0,
            attention_s: attention.0,
            streaming_s: streams.0,
            tensor_s: tensor_forward,
            expert_s,
        };
        let backward = Pass {
            products_s: products.1,
            attention_s: attention.1,
            streaming_s: streams.1,
            tensor_s: tensor_backward,
            expert_s,
        };
        let again = match self.layout.recompute {
            Recompute::None => Pass::default(),
            Recompute::Selective if self.layout.attention == Attention::Fused => {
                Pass { streaming_s: self.cheap_streams(), ..Pass::default() }
            }
            Recompute::Selective => Pass { attention_s: attention.0, ..Pass::default() },
            Recompute::Full => forward,
        };
        let [forward, backward, again] = [forward, backward, again].map(|pass| pass.stretched(self.slowest));
        (forward, backward.plus(again), again)
    }

    /// Output layer and loss on the last stage, embedding on the first, per micro-batch, s.
    fn ends(&self) -> (f64, f64) {
        let columns = real(self.model.vocabulary) / self.tensor;
        let stream = self.tokens * real(self.model.hidden);
        let product = self.matrix(self.tokens, real(self.model.hidden), columns);
        let last = product.0 + product.1 + self.streaming(24.0 * self.tokens * columns);
        let (.., half) = self.tensor_collectives();
        let first = self.streaming(4.0 * stream) + self.streaming(8.0 * stream);
        (self.slowest * first + 2.0 * half, self.slowest * last)
    }

    /// One exposed transfer between stages, s.
    fn transfer(&self) -> f64 {
        if self.layout.pipeline <= 1 {
            return 0.0;
        }
        let group = self.ranks.pipeline;
        let bytes = 2.0 * self.tokens * real(self.model.hidden) / self.tensor;
        let gather = if self.layout.sequence_parallel { 0.0 } else { self.tensor_collectives().2 };
        (transfer_s(self.cluster, group, bytes) + gather) * (1.0 - self.layout.overlap.pipeline)
    }

    /// Exposed gradients and parameters of a step, s; `passes` are the forward and the backward pass of one micro-batch.
    ///
    /// Gradients that every rank sums up for itself travel once, and hide only behind the last round of backward passes;
    /// parameters that come back from the optimizer hide behind the first round of forward passes. A round is one micro-batch,
    /// or with interleaving as many as there are stages: they go through a chunk together, whose gradients are then complete
    /// (arXiv 2104.04473, sec. 2.2). Sharded gradients travel with every micro-batch, sharded parameters too, once for each
    /// pass (arXiv 1910.02054, sec. 7); each hides behind its own pass.
    fn data(&self, common: f64, routed: f64, passes: (f64, f64)) -> f64 {
        let layout = self.layout;
        let rounds = real(layout.micro_batches());
        let wire = |bytes: f64| {
            let all = half_ring_s(self.cluster, self.ranks.replicas, bytes * common);
            all + if routed > 0.0 { half_ring_s(self.cluster, self.ranks.expert_replicas, bytes * routed) } else { 0.0 }
        };
        // Reduced within each site first: what a GPU sends abroad is its share of the sum.
        let at_site = |members: u32| (real(members) / real(self.cluster.sites)).max(1.0);
        let abroad = common / at_site(self.ranks.replicas.size) + routed / at_site(self.ranks.expert_replicas.size);
        let abroad_s = between_sites_s(self.cluster, GRADIENT_WIRE_BYTES * abroad);
        let gradients_s = wire(GRADIENT_WIRE_BYTES);
        let parameters_s = wire(PARAMETER_WIRE_BYTES);
        let shown = |all_s: f64, behind_s: f64| all_s - (layout.overlap.data * all_s).min(behind_s);
        let (forward_s, backward_s) = passes;
        let together = if layout.interleave > 1 { real(layout.pipeline).min(rounds) } else { 1.0 };
        let (first_s, last_s) = (together * forward_s, together * backward_s);
        match layout.sharding {
            Sharding::None => shown(2.0 * gradients_s + abroad_s, last_s),
            Sharding::Optimizer => shown(gradients_s + abroad_s, last_s) + shown(parameters_s, first_s),
            Sharding::Gradients => {
                (rounds - 1.0) * shown(gradients_s, backward_s)
                    + shown(gradients_s + abroad_s, backward_s)
                    + shown(parameters_s, first_s)
            }
            // Gathered for the forward and again for the backward pass.
            Sharding::Parameters => {
                (rounds - 1.0) * shown(gradients_s + parameters_s, backward_s)
                    + shown(gradients_s + parameters_s + abroad_s, backward_s)
                    + rounds * shown(parameters_s, forward_s)
            }
        }
    }
}

/// Evaluates a layout that was found free of mistakes. The whole step, memory included, in one pass.
///
/// Time of the pipeline: m micro-batches on the slowest stage, and (p - 1) / v inner ones to fill and drain
/// (arXiv 2104.04473; V-TRAIN-31). Covered by V-TRAIN-01 to 09, 15 to 17, 28, 33, 35, 36.
#[must_use]
pub fn evaluate(model: &Transformer, cluster: &Cluster, layout: &Layout) -> Step {
    let sizes = Sizes::new(model, cluster, layout);
    let (forward, backward, again) = sizes.layer();
    let transfer_s = sizes.transfer();
    let (chunks, stages) = (real(layout.interleave), real(layout.pipeline));
    let layers = layout.stage_layers(model);
    let layer_s = forward.total() + backward.total();
    let inner_s = layers * layer_s + 2.0 * chunks * transfer_s;
    let less_s = if layout.lighter_ends { layer_s } else { 0.0 };
    let (embedding_s, output_s) = sizes.ends();
    let last_s = inner_s - less_s + output_s + if layout.pipeline == 1 { embedding_s } else { 0.0 };
    let first_s = inner_s - less_s + embedding_s;
    let slowest_s = if layout.lighter_ends { inner_s.max(last_s).max(first_s) } else { last_s.max(first_s) };
    let micro_batches = real(layout.micro_batches());
    let bubble_s = (stages - 1.0) / chunks * inner_s;
    let work_s = micro_batches * slowest_s;

    let (common, routed) = memory::stage_parameters(model, layout);
    let share = |group: Group| if layout.sharding >= Sharding::Optimizer { real(group.size) } else { 1.0 };
    let own = common / share(sizes.ranks.replicas) + routed / share(sizes.ranks.expert_replicas);
    let optimizer_s = sizes.slowest * sizes.streaming(OPTIMIZER_TRAFFIC_BYTES * own);
    let data_s = sizes.data(common, routed, (layers * forward.total(), layers * backward.total()));

    let time_s = work_s + bubble_s + optimizer_s + data_s;
    let tokens = real(layout.batch) * real(model.sequence);
    let peak = layout.gpus() * cluster.accelerator.peak(layout.precision);
    let mfu = model.flops_per_token() * tokens / (peak * time_s);
    let repeated = match layout.recompute {
        Recompute::None => 0.0,
        Recompute::Selective if layout.attention == Attention::Fused => 0.0,
        Recompute::Selective => model.attention_flops_per_token(),
        Recompute::Full => model.flops_per_token() / 3.0,
    };
    Step {
        time_s,
        forward,
        backward,
        transfer_s,
        micro_batch_s: slowest_s,
        bubble_s,
        data_s,
        optimizer_s,
        recompute_s: micro_batches * layers * again.total(),
        mfu,
        hfu: mfu * (1.0 + repeated / model.flops_per_token()),
        tokens_per_s: tokens / time_s,
        memory: memory::needed(model, layout),
    }
}

/// What refreshing a second holder of each GPU's own state costs a step, s: over the fabric, and into host memory where it
/// lies there, less what hides as gradient traffic does. Zero where every state has other holders anyway.
///
/// As in checkpoints to the memory of peers (Gemini, SOSP 2023), which found room beside the training's own traffic.
#[must_use]
pub fn second_copy_s(model: &Transformer, cluster: &Cluster, layout: &Layout, host_bytes_per_s: f64) -> f64 {
    let bytes = memory::held_alone(model, layout);
    if bytes <= 0.0 || layout.second_copy == SecondCopy::None {
        return 0.0;
    }
    let wire_s = bytes / cluster.fabric.reached() + cluster.fabric.latency_s;
    let host_s = if layout.second_copy == SecondCopy::Host { bytes / host_bytes_per_s } else { 0.0 };
    (wire_s + host_s) * (1.0 - layout.overlap.data)
}

/// Evaluates a layout, or says everything that is wrong with it.
///
/// # Errors
/// The mistakes of the layout.
pub fn step(model: &Transformer, cluster: &Cluster, layout: &Layout) -> Result<Step, Vec<Mistake>> {
    let wrong = mistakes(model, cluster, layout);
    if wrong.is_empty() { Ok(evaluate(model, cluster, layout)) } else { Err(wrong) }
}

impl Step {
    /// Where the step's time goes on the slowest stage, s, largest groups first in meaning; sums to `time_s`.
    #[must_use]
    pub fn parts(&self, layout: &Layout, model: &Transformer) -> [(&'static str, f64); 9] {
        let count = real(layout.micro_batches()) * layout.stage_layers(model);
        let both = self.forward.plus(self.backward).times(count);
        let moving = real(layout.micro_batches()) * 2.0 * real(layout.interleave) * self.transfer_s;
        let known = both.total() + moving + self.bubble_s + self.data_s + self.optimizer_s;
        [
            ("matrix products", both.products_s),
            ("attention", both.attention_s),
            ("memory-bound operations", both.streaming_s),
            ("tensor and context collectives", both.tensor_s),
            ("expert traffic", both.expert_s),
            ("pipeline transfers and uneven ends", moving + self.time_s - known),
            ("pipeline bubble", self.bubble_s),
            ("gradients and parameters", self.data_s),
            ("optimizer", self.optimizer_s),
        ]
    }
}

#[cfg(test)]
mod tests;
