//! How long groups of GPUs take to exchange what they must, on a network of three tiers.
//!
//! A group of `size` ranks that lie `stride` apart uses the domain as far as it reaches, and the fabric beyond; where
//! several of its members share a domain, their network cards work side by side.
//!
//! Not modelled: tree algorithms, reduction inside switches, congestion, one slow link in a ring.

use super::cluster::{Cluster, Tier};
use super::model::real;

/// A group of ranks: how many, and how far apart neighbours lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Members.
    pub size: u32,
    /// Distance of neighbours in ranks.
    pub stride: u32,
}

impl Group {
    /// Members that share one domain, at least one.
    fn in_domain(self, cluster: &Cluster) -> f64 {
        (cluster.domain_gpus / self.stride.max(1)).clamp(1, self.size.max(1)).into()
    }

    /// Bandwidth and latency of a ring over this group, bytes/s and s.
    fn ring(self, cluster: &Cluster) -> (f64, f64) {
        let inside = self.in_domain(cluster);
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
    let inside = group.in_domain(cluster);
    let near_s = (inside - 1.0) / n * bytes / cluster.domain.reached();
    if inside >= n {
        return near_s + cluster.domain.latency_s;
    }
    let far_s = (n - inside) / n * bytes / cluster.fabric.reached();
    near_s.max(far_s) + cluster.fabric.latency_s
}

/// From one rank to another `stride` away, s.
#[must_use]
pub fn transfer_s(cluster: &Cluster, group: Group, bytes: f64) -> f64 {
    // A pipeline is as slow as its slowest hop, which leaves the domain as soon as the group does.
    let tier: &Tier = if group.size * group.stride <= cluster.domain_gpus { &cluster.domain } else { &cluster.fabric };
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
        let near = half_ring_s(&cluster, Group { size: 8, stride: 1 }, gb);
        assert!((near - (0.875 * gb / (300e9 * 0.77) + 10e-6)).abs() < 1e-12);
        let far = half_ring_s(&cluster, Group { size: 8, stride: 8 }, gb);
        assert!((far - (0.875 * gb / (25e9 * 0.9) + 20e-6)).abs() < 1e-12);
        // Sixteen ranks side by side have eight cards to cross with.
        let both = half_ring_s(&cluster, Group { size: 16, stride: 1 }, gb);
        assert!((both - (15.0 / 16.0 * gb / (8.0 * 25e9 * 0.9) + 20e-6)).abs() < 1e-12);
        assert_eq!(half_ring_s(&cluster, Group { size: 1, stride: 1 }, gb), 0.0);
    }

    #[test]
    fn all_to_all_costs_most_where_most_of_it_is_far() {
        let cluster = Cluster::named("H100").expect("in the list");
        let near = all_to_all_s(&cluster, Group { size: 8, stride: 1 }, 1e9);
        let far = all_to_all_s(&cluster, Group { size: 64, stride: 1 }, 1e9);
        assert!(far > 5.0 * near);
    }
}
