//! Bytes on the fullest GPU of a job: parameters, gradients, optimizer states, activations.
//!
//! Activations follow equations 1 to 6 of arXiv 2205.05198, generalised to grouped queries, gated networks, fused
//! attention and experts; parameters cost 2 bytes, gradients 4, master copy and Adam 12 (18 in all, as in its Figure 1).
//!
//! Not modelled: offloading, fragmentation beyond a fixed reserve, activations kept in 8 bits, the output layer's logits
//! of the last stage (the first stage holds more activations).

use super::layout::{Attention, Layout, Recompute, SecondCopy, Sharding};
use super::model::{Transformer, real};

/// Bytes for one parameter and one number of each kind.
const PARAMETER_BYTES: f64 = 2.0;
const GRADIENT_BYTES: f64 = 4.0;
const OPTIMIZER_BYTES: f64 = 12.0;

/// What the fullest GPU holds, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Parameters.
    pub parameters: f64,
    /// Gradients.
    pub gradients: f64,
    /// Master copy and moments.
    pub optimizer: f64,
    /// What the forward pass leaves for the backward pass.
    pub activations: f64,
    /// One layer being computed again, or gathered.
    pub working: f64,
    /// State held for a peer.
    pub second_copy: f64,
}

impl Memory {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parameters + self.gradients + self.optimizer + self.activations + self.working + self.second_copy
    }

    /// Parameters, gradients and optimizer together.
    #[must_use]
    pub fn states(&self) -> f64 {
        self.parameters + self.gradients + self.optimizer
    }

    /// The greatest part and its bytes.
    #[must_use]
    pub fn largest(&self) -> (&'static str, f64) {
        [
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("optimizer states", self.optimizer),
            ("activations", self.activations),
            ("one layer at work", self.working),
            ("state held for a peer", self.second_copy),
        ]
        .into_iter()
        .fold(("nothing", 0.0), |most, part| if part.1 > most.1 { part } else { most })
    }
}

/// Parameters on the first stage: those that every data-parallel replica holds alike, and those of experts.
pub(super) fn stage_parameters(model: &Transformer, layout: &Layout) -> (f64, f64) {
    let layers = layout.stage_layers(model) - if layout.lighter_ends { 1.0 } else { 0.0 };
    let (dense, with_experts) = model.dense_and_expert_layers();
    let (dense_share, expert_share) = (dense / real(model.layers), with_experts / real(model.layers));
    let shared = model.experts.map_or(0.0, |e| real(e.shared)) * model.expert_parameters();
    let per_layer = model.attention_parameters() + dense_share * model.dense_parameters() + expert_share * shared;
    let embedding = real(model.vocabulary) * real(model.hidden);
    let both_ends = if layout.pipeline == 1 && !model.tied { 2.0 } else { 1.0 };
    let common = (layers * per_layer + both_ends * embedding) / real(layout.tensor);
    let routed = model.experts.map_or(0.0, |e| real(e.count)) * model.expert_parameters() * expert_share;
    (common, layers * routed / real(layout.expert))
}

/// Bytes that one layer leaves for its backward pass, for one micro-batch, on one GPU.
///
/// Classic shape: s b h (10 + 24 / t + 5 a s / h t), with sequence parallelism all of it over t; selective recomputation
/// drops the last term, full recomputation leaves 2 s b h. Covered by V-TRAIN-10 to 14.
fn layer_bytes(model: &Transformer, layout: &Layout, recompute: Recompute) -> f64 {
    let tensor = real(layout.tensor);
    let tokens = real(layout.micro_batch) * real(model.sequence) / real(layout.context);
    let spread = if layout.sequence_parallel { tensor } else { 1.0 };
    let stream = tokens * real(model.hidden);
    if recompute == Recompute::Full {
        return 2.0 * stream / spread; // only the layer's input
    }
    let dropout_masks = if model.gated { 0.0 } else { 2.0 };
    // Beside fused attention the selective choice is what is cheap to do again: norms, and the activation's output.
    let cheap_again = recompute == Recompute::Selective && layout.attention == Attention::Fused;
    let norms = if cheap_again { 4.0 } else { 8.0 };
    let norms_and_inputs = stream * (norms + dropout_masks) / spread;
    let kv = real(model.kv_heads) * real(model.head_size);
    let heads = tokens * (4.0 * model.query_width() + 4.0 * kv) / tensor;
    let scores = match (layout.attention, recompute) {
        (Attention::Plain, Recompute::None) => {
            5.0 * real(layout.micro_batch) * real(model.heads) / tensor * real(model.sequence) * real(model.sequence)
                / real(layout.context)
        }
        _ => 0.0,
    };
    norms_and_inputs + heads + scores + network_bytes(model, layout, tokens, if cheap_again { 2.0 } else { 0.0 })
}

/// The part of [`layer_bytes`] in the feed-forward network, mean over dense layers and layers with experts.
fn network_bytes(model: &Transformer, layout: &Layout, tokens: f64, less: f64) -> f64 {
    let tensor = real(layout.tensor);
    let per_column = if model.gated { 6.0 } else { 4.0 } - less;
    let dense = tokens * per_column * real(model.feed_forward) / tensor;
    let Some(experts) = model.experts else { return dense };
    let (dense_layers, expert_layers) = model.dense_and_expert_layers();
    // Each rank routes its own tokens; on average it receives as many as it sends. Shared experts are cut like a dense network.
    let each = real(model.hidden) * 2.0 + per_column * real(experts.feed_forward);
    let routed = tokens / tensor * real(experts.per_token) * each;
    let shared = tokens / tensor * real(experts.shared) * per_column * real(experts.feed_forward);
    (dense_layers * dense + expert_layers * (routed + shared)) / real(model.layers)
}

/// Activations of the first stage, bytes: every micro-batch in flight, times what its layers leave.
///
/// p micro-batches of L / p layers, so L layers; interleaving adds (p - 1) / (p v) of that (arXiv 2205.05198, 4.2.3).
#[must_use]
pub fn activations(model: &Transformer, layout: &Layout) -> f64 {
    let stages = real(layout.pipeline);
    let in_flight = real(layout.micro_batches()).min(stages);
    let more = if layout.interleave > 1 && real(layout.micro_batches()) > stages {
        1.0 + (stages - 1.0) / (stages * real(layout.interleave))
    } else {
        1.0
    };
    in_flight * layout.stage_layers(model) * more * layer_bytes(model, layout, layout.recompute)
}

/// Bytes of state that no other GPU holds: master copy and moments of what is sharded, or has one replica only.
#[must_use]
pub fn held_alone(model: &Transformer, layout: &Layout) -> f64 {
    let (common, routed) = stage_parameters(model, layout);
    let ranks = real(layout.data) * real(layout.context);
    let expert_ranks = (ranks * real(layout.tensor) / real(layout.expert)).max(1.0);
    let alone = |parameters: f64, replicas: f64| {
        if replicas <= 1.0 || layout.sharding >= Sharding::Optimizer { parameters / replicas } else { 0.0 }
    };
    OPTIMIZER_BYTES * (alone(common, ranks) + alone(routed, expert_ranks))
}

/// What the fullest GPU needs.
#[must_use]
pub fn needed(model: &Transformer, layout: &Layout) -> Memory {
    let (common, routed) = stage_parameters(model, layout);
    let ranks = real(layout.data) * real(layout.context);
    let expert_ranks = (ranks * real(layout.tensor) / real(layout.expert)).max(1.0);
    let held = |stage: Sharding, bytes: f64| {
        if layout.sharding >= stage {
            bytes * (common / ranks + routed / expert_ranks)
        } else {
            bytes * (common + routed)
        }
    };
    let whole_layer = match layout.recompute {
        Recompute::Full => layer_bytes(model, layout, Recompute::None),
        _ => 0.0,
    };
    let gathered = if layout.sharding == Sharding::Parameters {
        2.0 * PARAMETER_BYTES * (common + routed) / layout.stage_layers(model).max(1.0)
    } else {
        0.0
    };
    Memory {
        parameters: held(Sharding::Parameters, PARAMETER_BYTES),
        gradients: held(Sharding::Gradients, GRADIENT_BYTES),
        optimizer: held(Sharding::Optimizer, OPTIMIZER_BYTES),
        activations: activations(model, layout),
        working: whole_layer + gathered,
        second_copy: if layout.second_copy == SecondCopy::Gpu { held_alone(model, layout) } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Overlap;
    use super::*;

    #[test]
    fn activations_are_the_published_closed_forms() {
        let model = Transformer::named("gpt3-175b").expect("in the list");
        let layout = Layout {
            tensor: 8,
            pipeline: 8,
            interleave: 3,
            batch: 64,
            sequence_parallel: false,
            sharding: Sharding::None,
            attention: Attention::Plain,
            overlap: Overlap::NONE,
            ..Layout::ONE
        };
        let gib = activations(&model, &layout) / f64::from(1 << 30);
        assert!((gib - 66.84375).abs() < 1e-9, "{gib}");
        let less = Layout { sequence_parallel: true, recompute: Recompute::Selective, ..layout };
        let gib = activations(&model, &less) / f64::from(1 << 30);
        assert!((gib - 12.3515625).abs() < 1e-9, "{gib}");
    }

    #[test]
    fn sharding_never_takes_more() {
        let model = Transformer::named("llama-3-405b").expect("in the list");
        let mut last = f64::INFINITY;
        for sharding in [Sharding::None, Sharding::Optimizer, Sharding::Gradients, Sharding::Parameters] {
            let layout = Layout { tensor: 8, pipeline: 9, data: 64, batch: 64, sharding, ..Layout::ONE };
            let bytes = needed(&model, &layout).states();
            assert!(bytes < last);
            last = bytes;
        }
    }
}
