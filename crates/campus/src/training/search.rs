//! The best layouts of a model on a fleet, ranked, with the reason each of the others loses; and the nearest that works.
//!
//! Every layout of the space gets a lower bound on its step time (what its inner layers compute, with its bubble). They are
//! evaluated in the order of their bounds until no bound can reach the last place of the table; so the table is the one
//! that evaluating everything would give.
//!
//! Not modelled: layouts that use part of a domain unevenly, different layouts on different halls.

use super::cluster::{Cluster, Precision};
use super::collective::capacity;
use super::layout::{Attention, Layout, Mistake, Overlap, Recompute, SecondCopy, Sharding, mistakes};
use super::memory;
use super::model::{Transformer, real};
use super::step::{Step, evaluate};
use std::collections::BTreeMap;

/// Largest micro-batch, context group and expert group that are tried.
const MOST_MICRO_BATCH: u32 = 8;
const MOST_CONTEXT: u32 = 64;
const MOST_EXPERT: u32 = 512;
/// Fewer replicas than this share of what the fleet allows are not tried: too many GPUs would idle.
const LEAST_SHARE: f64 = 0.45;
/// Longest pipeline that is tried.
const MOST_PIPELINE: u32 = 128;
/// A context group leaves each of its ranks at least this many tokens of a sequence. guess: fewer make products too small
/// to be worth a rank; long before, the model's own traffic and fixed times say so.
const TOKENS_PER_CONTEXT_RANK: u32 = 512;

/// Replicas are also tried in whole groups of these, so that expert groups divide them.
const EVEN_GROUPS: [u32; 2] = [16, 128];

/// A layout that needs less than this many times the memory there is nearly fits.
const NEARLY: f64 = 1.5;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// GPUs that there are; a layout may leave some idle.
    pub gpus: u32,
    /// Sequences in a step.
    pub batch: u32,
    /// Format of the products.
    pub precision: Precision,
    /// How attention is computed.
    pub attention: Attention,
    /// What hides.
    pub overlap: Overlap,
    /// Where a second holder keeps a GPU's own state.
    pub second_copy: SecondCopy,
    /// Places in the table.
    pub places: usize,
}

/// A layout with its evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The layout.
    pub layout: Layout,
    /// Its step.
    pub step: Step,
    /// Why it loses against the first; empty for the first.
    pub loses: String,
}

/// The table, and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Best first.
    pub ranked: Vec<Ranked>,
    /// Layouts in the space.
    pub layouts: u64,
    /// Full evaluations done.
    pub evaluations: u64,
    /// Layouts that do not fit in memory, among those looked at.
    pub do_not_fit: u64,
    /// Layouts that their bound ruled out.
    pub ruled_out: u64,
    /// A faster layout that does not fit but nearly does, its time in s, and what it lacks: the one of least bound.
    pub nearly: Option<(Layout, f64, String)>,
}

/// Divisors, ascending.
fn divisors(of: u32) -> impl Iterator<Item = u32> {
    let small = (1..).take_while(move |d| d * d <= of).filter(move |d| of.is_multiple_of(*d));
    let mut all: Vec<u32> = small.clone().collect();
    all.extend(small.map(|d| of / d).filter(|d| d * d > of));
    all.sort_unstable();
    all.into_iter()
}

/// Every layout of the space that divides, whether it fits or not.
#[must_use]
pub fn space(model: &Transformer, cluster: &Cluster, question: &Question) -> Vec<Layout> {
    space_of(model, cluster, question, false)
}

/// The space with replicas for at least [`LEAST_SHARE`] of the fleet, or with every number of replicas.
fn space_of(model: &Transformer, cluster: &Cluster, question: &Question, every_data: bool) -> Vec<Layout> {
    let mut all = Vec::new();
    let most_tensor = cluster.domain_gpus.min(model.heads).min(question.gpus);
    let most_context = (model.sequence / TOKENS_PER_CONTEXT_RANK).clamp(1, MOST_CONTEXT);
    for lighter_ends in [false, true] {
        let slots = model.layers + if lighter_ends { 2 } else { 0 };
        for tensor in divisors(model.heads).filter(|t| *t <= most_tensor) {
            for context in (0..=6).map(|k| 1 << k).filter(|c| *c <= most_context) {
                for pipeline in divisors(slots).filter(|p| *p <= MOST_PIPELINE) {
                    if tensor * context * pipeline > question.gpus || (lighter_ends && slots / pipeline < 2) {
                        continue;
                    }
                    let shape = Layout { tensor, context, pipeline, lighter_ends, ..blank(question) };
                    replicas((model, cluster, question), &shape, slots, every_data, &mut all);
                }
            }
        }
    }
    all
}

fn blank(question: &Question) -> Layout {
    Layout {
        batch: question.batch,
        precision: question.precision,
        attention: question.attention,
        overlap: question.overlap,
        second_copy: question.second_copy,
        ..Layout::ONE
    }
}

fn replicas(
    (model, cluster, question): (&Transformer, &Cluster, &Question),
    shape: &Layout,
    slots: u32,
    every_data: bool,
    all: &mut Vec<Layout>,
) {
    let inner = shape.tensor * shape.context * shape.pipeline;
    let most = capacity(cluster, shape, question.gpus) / inner;
    // Expert groups may fill less of a domain, and then fewer replicas have a place.
    let mut fewer: Vec<u32> = expert_groups(model)
        .map(|expert| Layout { expert, data: most.max(1), ..*shape })
        .map(|grouped| capacity(cluster, &grouped, question.gpus) / inner)
        .filter(|fewer| *fewer > 0 && *fewer < most)
        .collect();
    fewer.sort_unstable();
    fewer.dedup();
    for micro_batch in (0..=3).map(|k| 1 << k).filter(|m| *m <= MOST_MICRO_BATCH && question.batch.is_multiple_of(*m)) {
        let rounds = question.batch / micro_batch;
        let least = if every_data { 0 } else { libm::ceil(LEAST_SHARE * real(most)) as u32 };
        let mut tried: Vec<u32> = divisors(rounds).filter(|data| *data <= most && *data >= least).collect();
        // Where the fleet is no divisor of the batch: the most replicas that it has, and the fewest that are as fast, also
        // with a whole number of interleaved rounds and with expert groups that divide.
        let most = most.min(rounds);
        if most > 0 {
            let fewest = rounds.div_ceil(most);
            let whole = fewest.next_multiple_of(shape.pipeline);
            let grouped = |data: u32| EVEN_GROUPS.map(|group| data / group * group);
            let uneven = [most, rounds.div_ceil(fewest), rounds.div_ceil(whole)];
            tried.extend(uneven);
            tried.extend(uneven.into_iter().take(1).flat_map(grouped).filter(|data| *data > 0));
            for most in fewer.iter().map(|fewer| (*fewer).min(rounds)) {
                tried.extend(core::iter::once(most).chain(grouped(most)).filter(|data| *data > 0));
            }
            tried.sort_unstable();
            tried.dedup();
        }
        for data in tried {
            choices((model, cluster, question), &Layout { data, micro_batch, ..*shape }, slots, all);
        }
    }
}

/// Sizes of expert groups that are tried; one for a dense model.
fn expert_groups(model: &Transformer) -> impl Iterator<Item = u32> {
    divisors(model.experts.map_or(1, |experts| experts.count.max(1))).filter(|expert| *expert <= MOST_EXPERT)
}

/// Expert groups, chunks, recomputation and sharding of a shape.
fn choices(
    (model, cluster, question): (&Transformer, &Cluster, &Question),
    shape: &Layout,
    slots: u32,
    all: &mut Vec<Layout>,
) {
    let ranks = shape.tensor * shape.context * shape.data;
    let has_place =
        |expert: u32| f64::from(capacity(cluster, &Layout { expert, ..*shape }, question.gpus)) >= shape.gpus();
    let expert_groups = expert_groups(model).filter(|expert| ranks.is_multiple_of(*expert) && has_place(*expert));
    let shardings: &[Sharding] = if shape.pipeline == 1 {
        &[Sharding::Optimizer, Sharding::Gradients, Sharding::Parameters]
    } else {
        &[Sharding::Optimizer]
    };
    for expert in expert_groups {
        for interleave in divisors(slots / shape.pipeline) {
            if interleave > 1 && (shape.pipeline == 1 || !shape.micro_batches().is_multiple_of(shape.pipeline)) {
                continue;
            }
            for recompute in [Recompute::None, Recompute::Selective, Recompute::Full] {
                for sharding in shardings {
                    all.push(Layout { expert, interleave, recompute, sharding: *sharding, ..*shape });
                }
            }
        }
    }
}

/// Lower bounds of step times. What one layer computes hangs on few of a layout's numbers, so few layers are evaluated.
struct Bounds<'a> {
    model: &'a Transformer,
    cluster: &'a Cluster,
    layer_s: BTreeMap<(u32, u32, u32, u32, Recompute), f64>,
}

impl<'a> Bounds<'a> {
    fn new(model: &'a Transformer, cluster: &'a Cluster) -> Self {
        Self { model, cluster, layer_s: BTreeMap::new() }
    }

    /// No step of this layout is shorter, s: what an inner stage computes, and the bubble; nothing that is sent.
    fn bound_s(&mut self, layout: &Layout) -> f64 {
        let key = (layout.tensor, layout.context, layout.micro_batch, layout.expert, layout.recompute);
        // What computes is stretched by the slowest of the layout's GPUs, whose number is not in the key.
        let slowest = self.cluster.accelerator.slowest(layout.gpus());
        let layer_s = slowest
            * *self.layer_s.entry(key).or_insert_with(|| {
                let step = evaluate(self.model, self.cluster, layout);
                (step.forward.working() + step.backward.working()) / slowest
            });
        let bubble = (real(layout.pipeline) - 1.0) / real(layout.interleave);
        let passes = real(layout.micro_batches()) + bubble;
        // Rounding must not lift it over the step.
        passes * layout.stage_layers(self.model) * layer_s * (1.0 - 1e-9)
    }
}

/// The ranked table.
///
/// # Errors
/// What is wrong with the question itself: nothing of the space divides, or a link or a format is missing.
pub fn search(model: &Transformer, cluster: &Cluster, question: &Question) -> Result<Answer, Vec<Mistake>> {
    ask(model, cluster, question, true)
}

/// The same by evaluating everything: what `search` is held against.
///
/// # Errors
/// As [`search`].
pub fn brute_force(model: &Transformer, cluster: &Cluster, question: &Question) -> Result<Answer, Vec<Mistake>> {
    ask(model, cluster, question, false)
}

fn ask(model: &Transformer, cluster: &Cluster, question: &Question, bounded: bool) -> Result<Answer, Vec<Mistake>> {
    let wrong = unanswerable(model, cluster, question);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let layouts = space(model, cluster, question);
    let mut bounds = Bounds::new(model, cluster);
    let mut order: Vec<(f64, usize)> =
        layouts.iter().enumerate().map(|(place, layout)| (bounds.bound_s(layout), place)).collect();
    if bounded {
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    let there = cluster.accelerator.memory_bytes - cluster.accelerator.reserved_bytes;
    let mut best: Vec<(f64, usize, Step)> = Vec::new();
    let mut answer = Answer {
        ranked: Vec::new(),
        layouts: layouts.len() as u64,
        evaluations: 0,
        do_not_fit: 0,
        ruled_out: 0,
        nearly: None,
    };
    let mut misfit: Option<(f64, usize)> = None;
    for (seen, (bound, place)) in order.iter().enumerate() {
        if bounded && best.len() == question.places && *bound > best[best.len() - 1].0 {
            answer.ruled_out = (order.len() - seen) as u64;
            break;
        }
        let layout = &layouts[*place];
        let needed = memory::needed(model, layout).total();
        if needed > there {
            answer.do_not_fit += 1;
            if needed < NEARLY * there && misfit.is_none_or(|least| *bound < least.0) {
                misfit = Some((*bound, *place));
            }
            continue;
        }
        let step = evaluate(model, cluster, layout);
        answer.evaluations += 1;
        let at = best.partition_point(|(time_s, index, _)| (*time_s, *index) < (step.time_s, *place));
        if at < question.places {
            best.insert(at, (step.time_s, *place, step));
            best.truncate(question.places);
        }
    }
    if let Some((_, place)) = misfit {
        let layout = layouts[place];
        answer.evaluations += 1;
        let step = evaluate(model, cluster, &layout);
        let (most, bytes) = step.memory.largest();
        let faster = best.first().is_none_or(|(time_s, ..)| step.time_s < *time_s);
        let why = Mistake::DoesNotFit(step.memory.total(), there, most, bytes);
        answer.nearly = faster.then(|| (layout, step.time_s, why.to_string()));
    }
    if let Some(winner) = best.first().map(|(_, place, step)| (layouts[*place], *step)) {
        let rank = |(_, place, step): &(f64, usize, Step)| {
            let layout = layouts[*place];
            let loses = reason(model, &winner, &(layout, *step));
            Ranked { layout, step: *step, loses }
        };
        answer.ranked = best.iter().map(rank).collect();
    }
    Ok(answer)
}

/// What makes a question senseless for every layout.
fn unanswerable(model: &Transformer, cluster: &Cluster, question: &Question) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    for (count, what) in [(question.gpus, "GPUs"), (question.batch, "batch")] {
        if count == 0 {
            wrong.push(Mistake::Zero(what));
        }
    }
    let zero = |m: &Mistake| matches!(m, Mistake::Zero(_) | Mistake::NoSuchFormat(_));
    wrong.extend(mistakes(model, cluster, &Layout { batch: 1, ..blank(question) }).into_iter().filter(zero));
    let several = [
        (question.gpus > 1 && cluster.domain.reached() <= 0.0, "network within a domain"),
        (question.gpus > cluster.domain_gpus && cluster.fabric.reached() <= 0.0, "fabric between domains"),
        (cluster.sites > 1 && cluster.between.reached() <= 0.0, "link between sites"),
    ];
    wrong.extend(several.into_iter().filter(|(bad, _)| *bad).map(|(_, link)| Mistake::NoBandwidth(link)));
    wrong
}

/// Why one layout loses against the winner: the part of its step that takes most more, per GPU-second of the winner.
fn reason(model: &Transformer, winner: &(Layout, Step), loser: &(Layout, Step)) -> String {
    if winner.0 == loser.0 {
        return String::new();
    }
    let idle = winner.0.gpus() / loser.0.gpus();
    let (ours, theirs) = (winner.1.parts(&winner.0, model), loser.1.parts(&loser.0, model));
    let mut worst = ("nothing that counts", 0.0);
    for ((name, mine_s), (_, their_s)) in ours.iter().zip(&theirs) {
        let more = (their_s - mine_s) / winner.1.time_s;
        if more > worst.1 {
            worst = (name, more);
        }
    }
    let repeated = (loser.1.recompute_s - winner.1.recompute_s) / winner.1.time_s;
    if repeated > 0.5 * worst.1 && repeated > 0.001 {
        return format!("recomputes more: +{:.1} % of the step", 100.0 * repeated);
    }
    if idle > 1.02 {
        return format!("leaves GPUs idle: {:.0} for {:.0} at work", loser.0.gpus(), winner.0.gpus());
    }
    format!("{}: +{:.1} % of the step", worst.0, 100.0 * worst.1)
}

/// Distance within which the fastest layout counts as nearest too.
const ABOUT_AS_NEAR: f64 = 0.5;

/// The layout nearest to a wanted one that works on at most `gpus` GPUs, the fastest of those about as near; the batch is
/// moved only where nothing works with it.
#[must_use]
pub fn nearest(model: &Transformer, cluster: &Cluster, wanted: &Layout, gpus: u32) -> Option<Layout> {
    // A power of two near the batch, and the least batch that gives every replica something to do.
    let whole = wanted.data.max(1).saturating_mul(wanted.micro_batch.max(1));
    let batches = [wanted.batch.max(1), wanted.batch.max(1).checked_next_power_of_two().unwrap_or(whole), whole];
    for batch in batches {
        let question = Question {
            gpus,
            batch,
            precision: wanted.precision,
            attention: wanted.attention,
            overlap: wanted.overlap,
            second_copy: wanted.second_copy,
            places: 1,
        };
        if !unanswerable(model, cluster, &question).is_empty() {
            return None;
        }
        let found = nearest_of(model, cluster, wanted, &space_of(model, cluster, &question, true));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The fastest of those of these layouts that work and are about as near as the nearest that does.
fn nearest_of(model: &Transformer, cluster: &Cluster, wanted: &Layout, layouts: &[Layout]) -> Option<Layout> {
    let mut near: Vec<(f64, usize)> =
        layouts.iter().enumerate().map(|(place, layout)| (distance(wanted, layout), place)).collect();
    near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut best: Option<(f64, Layout)> = None;
    let mut most = f64::INFINITY;
    for (far, place) in near {
        if far > most {
            break;
        }
        let layout = layouts[place];
        if !mistakes(model, cluster, &layout).is_empty() {
            continue;
        }
        if far <= 0.0 {
            return Some(layout);
        }
        most = most.min(far + ABOUT_AS_NEAR);
        let tokens_per_s = evaluate(model, cluster, &layout).tokens_per_s;
        if best.as_ref().is_none_or(|(fastest, _)| tokens_per_s > *fastest) {
            best = Some((tokens_per_s, layout));
        }
    }
    best.map(|(_, layout)| layout)
}

/// How far one layout lies from another. A degree of parallelism that differs counts one and its doublings; what only says how a stage is worked through (lighter ends, recomputation, sharding, chunks,
/// micro-batch) counts little. guess: what a person who chose the degrees would rather give up.
fn distance(a: &Layout, b: &Layout) -> f64 {
    let doublings = |x: u32, y: u32| libm::log2(real(x.max(1)) / real(y.max(1))).abs();
    let differs = |x: u32, y: u32, counts: f64| if x == y { 0.0 } else { counts + doublings(x, y) };
    let degrees = [
        (a.tensor, b.tensor),
        (a.context, b.context),
        (a.pipeline, b.pipeline),
        (a.data, b.data),
        (a.expert, b.expert),
    ];
    let little = |differs: bool| if differs { 0.1 } else { 0.0 };
    degrees.into_iter().map(|(x, y)| differs(x, y, 1.0)).sum::<f64>()
        + 0.1 * (doublings(a.interleave, b.interleave) + doublings(a.micro_batch, b.micro_batch))
        + little(a.recompute != b.recompute)
        + little(a.sharding != b.sharding)
        + little(a.lighter_ends != b.lighter_ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(gpus: u32, batch: u32) -> Question {
        Question {
            gpus,
            batch,
            precision: Precision::Bf16,
            attention: Attention::Fused,
            overlap: Overlap::USUAL,
            second_copy: SecondCopy::None,
            places: 10,
        }
    }

    #[test]
    fn the_table_is_that_of_brute_force() {
        for (name, product, gpus, batch) in [
            ("gpt3-175b", "A100", 512, 512),
            ("llama-3-405b", "H100", 4096, 1024),
            ("deepseek-v3", "H100", 2048, 4096),
            ("megatron-22b", "A100", 8, 16),
        ] {
            let model = Transformer::named(name).expect("in the list");
            let cluster = Cluster::named(product).expect("in the list");
            let fast = search(&model, &cluster, &question(gpus, batch)).expect("a sound question");
            let slow = brute_force(&model, &cluster, &question(gpus, batch)).expect("a sound question");
            assert!(!fast.ranked.is_empty(), "{name}");
            assert_eq!(fast.ranked, slow.ranked, "{name}");
            assert!(fast.evaluations <= slow.evaluations && fast.layouts == slow.layouts);
            assert!(slow.evaluations >= slow.layouts - slow.do_not_fit);
            for ranked in &fast.ranked {
                assert!(mistakes(&model, &cluster, &ranked.layout).is_empty(), "{name}: {}", ranked.layout);
            }
            assert!(fast.ranked.iter().skip(1).all(|ranked| !ranked.loses.is_empty()));
            let mut names: Vec<String> = fast.ranked.iter().map(|ranked| ranked.layout.to_string()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), fast.ranked.len(), "{name}: two layouts that read alike");
        }
    }

    #[test]
    fn a_small_batch_is_spread_by_context_over_the_whole_fleet() {
        let model = Transformer::named("llama-3-405b").expect("in the list");
        let cluster = Cluster::named("H100").expect("in the list");
        for (batch, context, data) in [(512, 4, 64), (256, 8, 32), (64, 16, 8)] {
            let pipeline = if batch == 64 { 16 } else { 8 };
            let wide = Layout { tensor: 8, context, pipeline, data, batch, lighter_ends: true, ..Layout::ONE };
            assert_eq!(mistakes(&model, &cluster, &wide), Vec::new());
            let answer = search(&model, &cluster, &question(16_384, batch)).expect("a sound question");
            let best = &answer.ranked[0];
            let pinned = evaluate(&model, &cluster, &wide);
            assert!(
                best.step.time_s <= pinned.time_s,
                "{batch}: {} {} s, {} s",
                best.layout,
                best.step.time_s,
                pinned.time_s
            );
            // At 64 sequences half of the fleet is faster than all of it.
            assert!(batch == 64 || best.layout.gpus() > 0.9 * 16_384.0, "{}", best.layout);
        }
    }

    #[test]
    fn a_bound_never_exceeds_its_step() {
        for (name, product, gpus) in
            [("deepseek-v3", "H100", 256), ("gpt3-175b", "A100", 64), ("llama-3-70b", "GB200", 144)]
        {
            let model = Transformer::named(name).expect("in the list");
            let cluster = Cluster::named(product).expect("in the list");
            let mut bounds = Bounds::new(&model, &cluster);
            for layout in space(&model, &cluster, &question(gpus, 512)) {
                let (bound_s, time_s) = (bounds.bound_s(&layout), evaluate(&model, &cluster, &layout).time_s);
                assert!(bound_s <= time_s && bound_s > 0.0, "{layout}: {bound_s} {time_s}");
            }
        }
    }

    #[test]
    fn bad_layouts_are_named_and_answered_with_the_nearest_that_works() {
        let model = Transformer::named("gpt3-175b").expect("in the list");
        let cluster = Cluster::named("A100").expect("in the list");
        let good = Layout { tensor: 8, pipeline: 8, data: 8, interleave: 3, batch: 512, ..Layout::ONE };
        assert_eq!(mistakes(&model, &cluster, &good), Vec::new());
        assert_eq!(nearest(&model, &cluster, &good, 512), Some(good));
        let cases = [
            (Layout { tensor: 7, ..good }, "96 heads cannot be divided evenly by tensor parallel 7"),
            (Layout { pipeline: 7, interleave: 1, ..good }, "cannot be divided evenly by pipeline x interleave 7"),
            (Layout { batch: 4, ..good }, "a batch of 4 sequences is less than data parallel 8 x micro-batch 1"),
            (Layout { tensor: 1, pipeline: 1, interleave: 1, data: 512, ..good }, "does not fit"),
            (Layout { expert: 8, ..good }, "expert parallel 8 for a dense model"),
            (Layout { tensor: 0, ..good }, "tensor parallel is zero"),
        ];
        for (bad, message) in cases {
            let said: Vec<String> = mistakes(&model, &cluster, &bad).iter().map(ToString::to_string).collect();
            assert!(said.iter().any(|line| line.contains(message)), "{said:?}");
            let near = nearest(&model, &cluster, &bad, 512).expect("something works");
            assert_eq!(mistakes(&model, &cluster, &near), Vec::new());
        }
        // The degrees of Llama 3: they stay, with lighter ends and something recomputed.
        let llama = Transformer::named("llama-3-405b").expect("in the list");
        let h100 = Cluster::named("H100").expect("in the list");
        let meta = Layout { tensor: 8, pipeline: 16, data: 128, batch: 2048, ..Layout::ONE };
        let near = nearest(&llama, &h100, &meta, 16_384).expect("something works");
        assert_eq!((near.tensor, near.pipeline, near.data, near.lighter_ends), (8, 16, 128, true), "{near}");
        let mfu = |layout: &Layout| evaluate(&llama, &h100, layout).mfu;
        assert!(mfu(&near) > 0.4, "{near}: {}", mfu(&near));
        // More GPUs than there are: what is about as near is not the slowest of it.
        let large = Layout { pipeline: 18, data: 512, ..meta };
        let near = nearest(&llama, &h100, &large, 16_384).expect("something works");
        assert!(near.gpus() <= 16_384.0 && mfu(&near) > 0.24, "{near}: {}", mfu(&near));
        let mut dead = cluster.clone();
        dead.fabric.bytes_per_s = 0.0;
        assert_eq!(mistakes(&model, &dead, &good), vec![Mistake::NoBandwidth("fabric between domains")]);
        assert_eq!(nearest(&model, &dead, &good, 512), None);
        assert!(search(&model, &dead, &question(512, 512)).is_err());
        let experts = Transformer::named("deepseek-v3").expect("in the list");
        let many = Layout { expert: 512, data: 512, batch: 512, ..Layout::ONE };
        let said: Vec<String> = mistakes(&experts, &h100, &many).iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|line| line.contains("512 is more than the 256 experts")), "{said:?}");
    }
}
