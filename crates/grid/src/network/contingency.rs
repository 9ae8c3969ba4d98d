//! N-1: what follows when one branch is lost, for every branch in turn.
//!
//! Every outage is screened with the direct-current flow: with one MW sent across branch k the angles give flow phi_l in
//! every branch, and the loss of k moves phi_l / (1 - phi_k) of its flow there. The worst are then solved in full. What a
//! branch may carry after a loss is its emergency rating, else its short-term, else its normal one
//! ([`Network::outage_rating`]).
//!
//! Not modelled: protection that trips what is overloaded; generators and pairs of branches in full (see `more`).

pub mod more;

use super::direct::{Convention, DirectFlow};
use super::newton::{Flow, PowerFlow, Rules};
use super::{Network, NetworkError};

/// A branch whose loss splits the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Island {
    /// The branch.
    pub branch: usize,
    /// Buses that are cut off from their reference.
    pub buses: Vec<usize>,
    /// Load there, W.
    pub load_w: f64,
    /// Output there, W.
    pub output_w: f64,
}

/// A branch whose loss overloads others.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    /// The branch that is lost.
    pub lost: usize,
    /// The branch that is loaded worst.
    pub worst: usize,
    /// Its active flow over its rating after an outage.
    pub loading: f64,
    /// How many branches are above their rating after an outage that were not before.
    pub count: usize,
    /// What the full power flow says, for the worst ones.
    pub full: Option<FullLoss>,
}

/// A loss solved in full.
#[derive(Clone, Debug, PartialEq)]
pub enum FullLoss {
    /// The branch loaded worst with its loading, the bus of lowest voltage with its share of nominal.
    Solved {
        /// Loaded worst, by its rating after an outage, of the branches that were within it before, if there is one.
        worst: Option<(usize, f64)>,
        /// Lowest voltage.
        lowest: (usize, f64),
    },
    /// No solution: why.
    Unsolved(String),
}

/// All of N-1.
#[derive(Clone, Debug, PartialEq)]
pub struct Contingencies {
    /// Branches that were tried.
    pub tried: usize,
    /// Those that split the network, most load first.
    pub islands: Vec<Island>,
    /// Those that overload others, worst first.
    pub overloads: Vec<Overload>,
}

/// Tries every branch; the `full` worst overloads are solved with the full power flow.
///
/// # Errors
/// A network that cannot be used.
pub fn n_1(network: &Network, base: &Flow, rules: &Rules, full: usize) -> Result<Contingencies, NetworkError> {
    let mut dispatched = network.clone();
    dispatched.generators.output_w.clone_from(&base.output_w);
    // The full flow gives what each branch carries; the direct one only how a loss spreads.
    let flow_w: Vec<f64> = base.from_va.iter().zip(&base.to_va).map(|(f, t)| 0.5 * (f.re - t.re)).collect();
    let count = network.branches.from.len();
    let ratings = outage_ratings_va(network);
    let bridge = bridges(network);
    let mut all = Contingencies { tried: 0, islands: Vec::new(), overloads: Vec::new() };
    // Shifts and loads must not enter: only the transfer spreads.
    let mut plain = dispatched.clone();
    plain.branches.shift_rad.fill(0.0);
    let mut spread = DirectFlow::new(&plain, Convention::Mp, None)?;
    let mut injection_w = vec![0.0; network.bus_count()];
    let mut moved = vec![0.0; count];
    for lost in (0..count).filter(|b| network.carries(*b) && !base.dead[network.branches.from[*b]]) {
        all.tried += 1;
        if bridge[lost] {
            all.islands.push(island(network, base, lost, spread.references()));
            continue;
        }
        let (f, t) = (network.branches.from[lost], network.branches.to[lost]);
        (injection_w[f], injection_w[t]) = (1e6, -1e6);
        spread.spread(&plain, &injection_w, &mut moved);
        (injection_w[f], injection_w[t]) = (0.0, 0.0);
        let own = moved[lost] / 1e6;
        let by = flow_w[lost] / (1.0 - own) / 1e6;
        let mut found = Overload { lost, worst: lost, loading: 0.0, count: 0, full: None };
        for other in (0..count).filter(|b| *b != lost && network.carries(*b) && ratings[*b].is_finite()) {
            let loading = (flow_w[other] + by * moved[other]).abs() / ratings[other];
            if loading > 1.0 && flow_w[other].abs() <= ratings[other] {
                found.count += 1;
                if loading > found.loading {
                    (found.worst, found.loading) = (other, loading);
                }
            }
        }
        if found.count > 0 {
            all.overloads.push(found);
        }
    }
    all.islands.sort_by(|a, b| b.load_w.total_cmp(&a.load_w).then(a.branch.cmp(&b.branch)));
    all.overloads.sort_by(|a, b| b.loading.total_cmp(&a.loading).then(a.lost.cmp(&b.lost)));
    for overload in all.overloads.iter_mut().take(full) {
        overload.full = Some(solve_loss(&dispatched, base, overload.lost, rules));
    }
    Ok(all)
}

/// What each branch may carry after an outage, VA.
fn outage_ratings_va(network: &Network) -> Vec<f64> {
    (0..network.branches.from.len()).map(|branch| network.outage_rating(branch).0).collect()
}

fn solve_loss(network: &Network, base: &Flow, lost: usize, rules: &Rules) -> FullLoss {
    let flow = match PowerFlow::new(network, Some(lost)).and_then(|mut prepared| prepared.solve(network, rules)) {
        Ok(flow) => flow,
        Err(why) => return FullLoss::Unsolved(why.to_string()),
    };
    let ratings = outage_ratings_va(network);
    let kept = |branch: &usize| base.loading_of(*branch, ratings[*branch]).is_some_and(|share| share <= 1.0);
    let branches = (0..network.branches.from.len()).filter(kept);
    let loadings = branches.filter_map(|b| flow.loading_of(b, ratings[b]).map(|loading| (b, loading)));
    let worst = loadings.max_by(|a, b| a.1.total_cmp(&b.1));
    let living = (0..network.bus_count()).filter(|bus| !flow.dead[*bus]).map(|bus| (bus, flow.voltage_share[bus]));
    let lowest = living.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::NAN));
    FullLoss::Solved { worst, lowest }
}

/// What is cut off from the references when a bridge is lost.
fn island(network: &Network, base: &Flow, lost: usize, references: &[usize]) -> Island {
    let (part, _) = network.parts(Some(lost));
    let (f, t) = (network.branches.from[lost], network.branches.to[lost]);
    let keeps = |end: usize| references.iter().any(|reference| part[*reference] == part[end]);
    // The side without the reference is the one cut off.
    let off = part[if keeps(f) { t } else { f }];
    let buses: Vec<usize> = (0..network.bus_count()).filter(|bus| part[*bus] == off).collect();
    let load_w = buses.iter().map(|bus| network.buses.load_w[*bus]).sum();
    let output_w = (0..network.generators.bus.len())
        .filter(|g| part[network.generators.bus[*g]] == off)
        .map(|g| base.output_w[g])
        .sum();
    Island { branch: lost, buses, load_w, output_w }
}

/// Branches whose loss splits the network: in a depth-first walk, those below which nothing reaches back above.
fn bridges(network: &Network) -> Vec<bool> {
    let (count, branches) = (network.bus_count(), network.branches.from.len());
    let mut beside: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    for branch in (0..branches).filter(|b| network.carries(*b)) {
        let (f, t) = (network.branches.from[branch], network.branches.to[branch]);
        beside[f].push((t, branch));
        beside[t].push((f, branch));
    }
    let mut bridge = vec![false; branches];
    let (mut entered, mut reaches) = (vec![usize::MAX; count], vec![usize::MAX; count]);
    let mut clock = 0;
    for root in 0..count {
        if entered[root] != usize::MAX {
            continue;
        }
        // Bus, the branch it was entered by, and the next neighbour to look at.
        let mut path = vec![(root, usize::MAX, 0)];
        (entered[root], reaches[root]) = (clock, clock);
        clock += 1;
        while let Some((bus, by, next)) = path.last_mut() {
            let (bus, by) = (*bus, *by);
            if let Some((other, branch)) = beside[bus].get(*next).copied() {
                *next += 1;
                if branch == by {
                    continue;
                }
                if entered[other] == usize::MAX {
                    (entered[other], reaches[other]) = (clock, clock);
                    clock += 1;
                    path.push((other, branch, 0));
                } else {
                    reaches[bus] = reaches[bus].min(entered[other]);
                }
            } else {
                path.pop();
                if let Some((above, ..)) = path.last() {
                    reaches[*above] = reaches[*above].min(reaches[bus]);
                    bridge[by] = reaches[bus] > entered[*above];
                }
            }
        }
    }
    bridge
}
