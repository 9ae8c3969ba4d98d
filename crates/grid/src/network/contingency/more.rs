//! Losses beyond one branch: one generator, or two branches at once, screened with the direct-current flow.
//!
//! A lost generator's output is taken over by the others in proportion to what they have left. For two branches j and k the
//! transfers that undo them, a_j and a_k, solve (1 - phi_jj) a_j - phi_jk a_k = f_j and the same with j and k exchanged; the
//! flow elsewhere grows by phi_lj a_j + phi_lk a_k.
//!
//! Not modelled: voltages after these losses, governors with their own shares, protection.

use super::{DirectFlow, Flow, Network, NetworkError};
use crate::network::direct::Convention;

/// Branches of which pairs are tried; a network with more is tried on those that are loaded most.
pub const MOST_PAIRED: usize = 400;
/// A pair whose equations are this near to singular cuts the network in two.
const CUT: f64 = 1e-6;

/// What the loss of a generator does.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitLoss {
    /// The generator.
    pub unit: usize,
    /// What it gave, W.
    pub lost_w: f64,
    /// What the others cannot take over, W.
    pub missing_w: f64,
    /// The branch that is loaded worst, by its rating after an outage, of those that were within it before, with its loading.
    pub worst: Option<(usize, f64)>,
    /// How many there are.
    pub count: usize,
}

/// What the loss of two branches does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairLoss {
    /// The branches.
    pub lost: [usize; 2],
    /// The branch that is loaded worst, and its active flow over its rating after an outage.
    pub worst: (usize, f64),
    /// How many branches are above that rating that were not before.
    pub count: usize,
}

/// All pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// Branches that were paired, of all that carry.
    pub paired: usize,
    /// See `paired`.
    pub of: usize,
    /// Pairs tried.
    pub tried: usize,
    /// Pairs that cut the network where neither branch alone does.
    pub cuts: Vec<[usize; 2]>,
    /// Pairs that overload others, worst first.
    pub overloads: Vec<PairLoss>,
}

/// Active flow in the middle of every branch, W, and a direct flow in which only transfers spread.
fn prepared(network: &Network, base: &Flow) -> Result<(Vec<f64>, Network, DirectFlow), NetworkError> {
    let flow_w = base.from_va.iter().zip(&base.to_va).map(|(f, t)| 0.5 * (f.re - t.re)).collect();
    let mut plain = network.clone();
    plain.branches.shift_rad.fill(0.0);
    let spread = DirectFlow::new(&plain, Convention::Mp, None)?;
    Ok((flow_w, plain, spread))
}

/// The worst of the branches that a change of flows takes above their rating after an outage, and how many there are.
fn judge(
    network: &Network,
    ratings: &[f64],
    flow_w: &[f64],
    lost: &[usize],
    after: impl Fn(usize) -> f64,
) -> (Option<(usize, f64)>, usize) {
    let (mut worst, mut count) = (None, 0);
    for other in (0..flow_w.len()).filter(|b| network.carries(*b) && ratings[*b].is_finite() && !lost.contains(b)) {
        let loading = after(other).abs() / ratings[other];
        if loading > 1.0 && flow_w[other].abs() <= ratings[other] {
            count += 1;
            if worst.is_none_or(|(_, most)| loading > most) {
                worst = Some((other, loading));
            }
        }
    }
    (worst, count)
}

/// Tries the loss of every generator that gives something; those with something to say, worst first.
///
/// # Errors
/// A network that cannot be used.
pub fn units(network: &Network, base: &Flow) -> Result<(usize, Vec<UnitLoss>), NetworkError> {
    let (flow_w, plain, mut spread) = prepared(network, base)?;
    let g = &network.generators;
    let gives = |unit: &usize| network.runs(*unit) && !base.dead[g.bus[*unit]];
    let spare_w: Vec<f64> =
        (0..g.bus.len()).map(|u| if gives(&u) { (g.most_w[u] - base.output_w[u]).max(0.0) } else { 0.0 }).collect();
    let ratings = super::outage_ratings_va(network);
    let mut moved_w = vec![0.0; flow_w.len()];
    let (mut tried, mut found) = (0, Vec::new());
    for unit in (0..g.bus.len()).filter(|unit| gives(unit) && base.output_w[*unit] > 0.0) {
        tried += 1;
        let lost_w = base.output_w[unit];
        let left_w = spare_w.iter().sum::<f64>() - spare_w[unit];
        let taken_w = lost_w.min(left_w);
        let mut injection_w = vec![0.0; network.bus_count()];
        // What nobody takes over stays missing where it was: the flows are those of the part that is taken over.
        injection_w[g.bus[unit]] -= taken_w;
        for other in (0..g.bus.len()).filter(|other| *other != unit && spare_w[*other] > 0.0) {
            injection_w[g.bus[other]] += taken_w * spare_w[other] / left_w;
        }
        spread.spread(&plain, &injection_w, &mut moved_w);
        let (worst, count) = judge(network, &ratings, &flow_w, &[], |branch| flow_w[branch] + moved_w[branch]);
        let missing_w = lost_w - taken_w;
        if count > 0 || missing_w > 0.0 {
            found.push(UnitLoss { unit, lost_w, missing_w, worst, count });
        }
    }
    let loading = |loss: &UnitLoss| loss.worst.map_or(0.0, |(_, loading)| loading);
    found.sort_by(|a, b| {
        b.missing_w.total_cmp(&a.missing_w).then(loading(b).total_cmp(&loading(a))).then(a.unit.cmp(&b.unit))
    });
    Ok((tried, found))
}

/// Tries the loss of every pair of branches that alone do not cut the network.
///
/// # Errors
/// A network that cannot be used.
pub fn pairs(network: &Network, base: &Flow) -> Result<Pairs, NetworkError> {
    let (flow_w, plain, mut spread) = prepared(network, base)?;
    let bridge = super::bridges(network);
    let ratings = super::outage_ratings_va(network);
    let alone = |b: &usize| network.carries(*b) && !bridge[*b] && !base.dead[network.branches.from[*b]];
    let mut chosen: Vec<usize> = (0..flow_w.len()).filter(alone).collect();
    let mut all = Pairs { of: chosen.len(), ..Pairs::default() };
    if chosen.len() > MOST_PAIRED {
        let loading = |b: &usize| flow_w[*b].abs() / ratings[*b];
        chosen.sort_by(|a, b| loading(b).total_cmp(&loading(a)).then(a.cmp(b)));
        chosen.truncate(MOST_PAIRED);
        chosen.sort_unstable();
    }
    all.paired = chosen.len();
    let mut injection_w = vec![0.0; network.bus_count()];
    let shares: Vec<Vec<f64>> = chosen
        .iter()
        .map(|branch| {
            let (from, to) = (network.branches.from[*branch], network.branches.to[*branch]);
            let mut moved = vec![0.0; flow_w.len()];
            (injection_w[from], injection_w[to]) = (1e6, -1e6);
            spread.spread(&plain, &injection_w, &mut moved);
            (injection_w[from], injection_w[to]) = (0.0, 0.0);
            moved.iter().map(|moved| moved / 1e6).collect()
        })
        .collect();
    for (i, j) in chosen.iter().enumerate() {
        for (more, k) in chosen[i + 1..].iter().enumerate() {
            let (by_j, by_k) = (&shares[i], &shares[i + 1 + more]);
            all.tried += 1;
            let (jj, kk, jk, kj) = (1.0 - by_j[*j], 1.0 - by_k[*k], -by_k[*j], -by_j[*k]);
            let whole = jj * kk - jk * kj;
            if whole.abs() < CUT * (jj * kk).abs() {
                all.cuts.push([*j, *k]);
                continue;
            }
            let a_j = (flow_w[*j] * kk - jk * flow_w[*k]) / whole;
            let a_k = (jj * flow_w[*k] - kj * flow_w[*j]) / whole;
            let after = |branch: usize| flow_w[branch] + by_j[branch] * a_j + by_k[branch] * a_k;
            if let (Some(worst), count) = judge(network, &ratings, &flow_w, &[*j, *k], after) {
                all.overloads.push(PairLoss { lost: [*j, *k], worst, count });
            }
        }
    }
    all.overloads.sort_by(|a, b| b.worst.1.total_cmp(&a.worst.1).then(a.lost.cmp(&b.lost)));
    Ok(all)
}
