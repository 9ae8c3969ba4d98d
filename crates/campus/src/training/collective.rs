//! How long groups of GPUs take to exchange what they must, on a network of three tiers.
//!
//! One order of ranks for every group of a layout, from the inside: tensor, context, the replicas that share a set of experts,
//! pipeline, the other replicas. Without experts that is the order of Llama 3 (cluster.md 4.1), with them Megatron's, in
//! which expert groups lie side by side. A group uses the domain as far as it reaches, and the fabric beyond; where several
//! of its members share a domain, their network cards work side by side. A block of ranks that exchange with every layer
//! (tensor x context, or an expert group) lies within one domain where it can: what is left over in the domain idles.
//!
//! Not modelled: tree algorithms, reduction inside switches, congestion, one slow link in a ring.

use super::cluster::{Cluster, Tier};
use super::layout::Layout;
use super::model::real;

/// A group of ranks: how many, and how many of them share a domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Members.
    pub size: u32,
    /// Members in one domain, at least one.
    pub near: u32,
}

/// The groups of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// Ranks that share matrices.
    pub tensor: Group,
    /// Ranks that share sequences.
    pub context: Group,
    /// Ranks over which experts are spread.
    pub expert: Group,
    /// Stages; `near` is 1 where some hop leaves the domain.
    pub pipeline: Group,
    /// Ranks that hold the same parameters outside the experts.
    pub replicas: Group,
    /// Ranks that hold the same experts.
    pub expert_replicas: Group,
}

/// Ranks of one stage that lie side by side: tensor x context, and the replicas that share a set of experts.
fn together(layout: &Layout) -> u32 {
    let block = layout.tensor.saturating_mul(layout.context).max(1);
    block.saturating_mul((layout.expert / block).clamp(1, layout.data.max(1)))
}

/// GPUs of a domain that the layout fills: whole blocks, the largest that go in.
#[must_use]
pub fn packed(cluster: &Cluster, layout: &Layout) -> u32 {
    let domain = cluster.domain_gpus.max(1);
    let block = layout.tensor.saturating_mul(layout.context);
    let unit = [together(layout), block, layout.tensor].into_iter().find(|unit| *unit <= domain).unwrap_or(1).max(1);
    domain / unit * unit
}

/// GPUs of a fleet that the layout can use: of each whole domain what it fills, and what fits in the last.
#[must_use]
pub fn capacity(cluster: &Cluster, layout: &Layout, gpus: u32) -> u32 {
    let domain = cluster.domain_gpus.max(1);
    let packed = packed(cluster, layout);
    gpus / domain * packed + (gpus % domain).min(packed)
}

impl Ranks {
    /// The groups of a layout on a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster, layout: &Layout) -> Self {
        let group = |size: u32, near: u32| Group { size, near: near.clamp(1, size.max(1)) };
        let packed = packed(cluster, layout);
        let block = layout.tensor.saturating_mul(layout.context);
        let together = together(layout);
        let stages = together.saturating_mul(layout.pipeline);
        // Blocks of one stage that share a domain.
        let blocks = (packed / stages.max(1)).max(1);
        let side_by_side = together.min(packed);
        let size = layout.context.saturating_mul(layout.data);
        let experts = (block.saturating_mul(layout.data) / layout.expert.max(1)).max(1);
        Self {
            tensor: group(layout.tensor, packed),
            context: group(layout.context, packed / layout.tensor.max(1)),
            expert: group(layout.expert, packed),
            pipeline: group(layout.pipeline, if stages <= packed { layout.pipeline } else { 1 }),
            replicas: group(size, (side_by_side / layout.tensor.max(1)).saturating_mul(blocks)),
            expert_replicas: group(experts, (side_by_side / layout.expert.max(1)).max(1).saturating_mul(blocks)),
        }
    }
}

impl Group {
    /// Members that share one domain, at least one.
    fn in_domain(self) -> f64 {
        real(self.near.clamp(1, self.size.max(1)))
    }

    /// Bandwidth and latency of a ring over this group, bytes/s and s.
    fn ring(self, cluster: &Cluster) -> (f64, f64) {
        let inside = self.in_domain();
        if inside >= real(self.size) {
            return (cluster.domain.reached(), cluster.domain.latency_s);
        }
        let outside = inside * cluster.fabric.reached();
        let bytes_per_s = if inside > 1.0 { outside.min(cluster.domain.reached()) } else { outside };
        (bytes_per_s, cluster.fabric.latency_s)
    }
}

/// One half of a ring all-reduce: all-gather, or reduce-scatter, of `bytes` in all, s.
///
/// t = (n - 1) / n x bytes / bandwidth + latency. Source: cluster.md 4.1. Covered by V-TRAIN-01 to 09.
#[must_use]
pub fn half_ring_s(cluster: &Cluster, group: Group, bytes: f64) -> f64 {
    if group.size <= 1 {
        return 0.0;
    }
    let (bytes_per_s, latency_s) = group.ring(cluster);
    let n = real(group.size);
    (n - 1.0) / n * bytes / bytes_per_s + latency_s
}

/// All-to-all in which each rank holds `bytes`, an equal part for each member, s.
#[must_use]
pub fn all_to_all_s(cluster: &Cluster, group: Group, bytes: f64) -> f64 {
    if group.size <= 1 {
        return 0.0;
    }
    let n = real(group.size);
    let inside = group.in_domain();
    let near_s = (inside - 1.0) / n * bytes / cluster.domain.reached();
    if inside >= n {
        return near_s + cluster.domain.latency_s;
    }
    let far_s = (n - inside) / n * bytes / cluster.fabric.reached();
    near_s.max(far_s) + cluster.fabric.latency_s
}

/// From one stage to the next, s.
#[must_use]
pub fn transfer_s(cluster: &Cluster, group: Group, bytes: f64) -> f64 {
    // A pipeline is as slow as its slowest hop, which leaves the domain as soon as the group does.
    let tier: &Tier = if group.near >= group.size { &cluster.domain } else { &cluster.fabric };
    bytes / tier.reached() + tier.latency_s
}

/// All-reduce of `bytes` between sites, each GPU over its share of the long line, s; zero with one site.
#[must_use]
pub fn between_sites_s(cluster: &Cluster, bytes: f64) -> f64 {
    if cluster.sites <= 1 {
        return 0.0;
    }
    let n = real(cluster.sites);
    2.0 * ((n - 1.0) / n * bytes / cluster.between.reached() + cluster.between.latency_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_leaves_the_domain_when_it_must() {
        let cluster = Cluster::named("A100").expect("in the list");
        let gb = 1e9;
        let near = half_ring_s(&cluster, Group { size: 8, near: 8 }, gb);
        assert!((near - (0.875 * gb / (300e9 * 0.77) + 10e-6)).abs() < 1e-12);
        let far = half_ring_s(&cluster, Group { size: 8, near: 1 }, gb);
        assert!((far - (0.875 * gb / (25e9 * 0.9) + 20e-6)).abs() < 1e-12);
        // Sixteen ranks side by side have eight cards to cross with.
        let both = half_ring_s(&cluster, Group { size: 16, near: 8 }, gb);
        assert!((both - (15.0 / 16.0 * gb / (8.0 * 25e9 * 0.9) + 20e-6)).abs() < 1e-12);
        assert_eq!(half_ring_s(&cluster, Group { size: 1, near: 1 }, gb), 0.0);
    }

    #[test]
    fn all_to_all_costs_most_where_most_of_it_is_far() {
        let cluster = Cluster::named("H100").expect("in the list");
        let near = all_to_all_s(&cluster, Group { size: 8, near: 8 }, 1e9);
        let far = all_to_all_s(&cluster, Group { size: 64, near: 8 }, 1e9);
        assert!(far > 5.0 * near);
    }

    #[test]
    fn one_order_of_ranks_places_every_group() {
        let h100 = Cluster::named("H100").expect("in the list");
        let of = |layout: Layout| Ranks::of(&h100, &layout);
        // Llama 3: tensor fills the domain, everything else is far.
        let dense = of(Layout { tensor: 8, pipeline: 16, data: 64, ..Layout::ONE });
        assert_eq!((dense.tensor.near, dense.pipeline.near, dense.replicas.near), (8, 1, 1));
        // A whole pipeline within the domain leaves room for two replicas of each stage.
        let small = of(Layout { tensor: 2, pipeline: 2, data: 64, ..Layout::ONE });
        assert_eq!((small.pipeline.near, small.replicas.near, small.replicas.size), (2, 2, 64));
        // Expert groups lie side by side: their replicas of the rest share the domain, so the pipeline leaves it.
        let experts = of(Layout { tensor: 1, pipeline: 4, data: 64, expert: 8, ..Layout::ONE });
        assert_eq!((experts.expert.near, experts.replicas.near, experts.pipeline.near), (8, 8, 1));
        assert_eq!((experts.expert_replicas.size, experts.expert_replicas.near), (8, 1));
        let wide = of(Layout { tensor: 2, context: 2, pipeline: 2, data: 64, expert: 64, ..Layout::ONE });
        assert_eq!((wide.expert.near, wide.context.near, wide.replicas.near), (8, 2, 4));
        assert_eq!((wide.expert_replicas.size, wide.expert_replicas.near), (4, 1));
    }

    #[test]
    fn blocks_that_do_not_fill_a_domain_leave_gpus_idle() {
        let gb300 = Cluster::named("GB300").expect("in the list");
        let of = |layout: Layout| (packed(&gb300, &layout), capacity(&gb300, &layout, 7200 + 20));
        assert_eq!(of(Layout { tensor: 8, ..Layout::ONE }), (72, 7220));
        assert_eq!(of(Layout { tensor: 8, context: 2, ..Layout::ONE }), (64, 6420));
        assert_eq!(of(Layout { tensor: 16, context: 16, ..Layout::ONE }), (64, 6420));
        assert_eq!(of(Layout { data: 64, expert: 64, ..Layout::ONE }), (64, 6420));
        assert_eq!(of(Layout { tensor: 8, data: 64, expert: 144, ..Layout::ONE }), (72, 7220));
    }
}
