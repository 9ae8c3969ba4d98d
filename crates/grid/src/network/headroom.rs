//! Headroom: how many megawatts a new campus may draw at a bus before something gives, and what its loss does.
//!
//! The campus draws at a fixed power factor. What it draws comes from all running generators by their spare output;
//! when it is lost, all running generators give way by their size, as governors with equal droop do, and the
//! reference takes what is left. A limit counts when it was kept without the campus; the full power flow is solved
//! for every size that is tried.
//!
//! Not modelled: N-1 security of the headroom, the dip and the swing of the loss itself, voltage control that acts
//! beyond the generators; `frequency` and ride-through come with their own studies.

use super::newton::{Flow, PowerFlow, Rules};
use super::{Network, NetworkError};
use libm::sqrt;

/// What stops a larger campus.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Running generators have no more to give.
    Generation,
    /// This branch would be above its rating.
    Branch(usize),
    /// This bus would be below its lowest voltage.
    Low(usize),
    /// This bus would be above its highest voltage.
    High(usize),
    /// The power flow has no solution: why.
    Voltage(String),
}

/// What follows when the campus is lost at that size.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The largest output that a single running generator has at that time, W, and which it is.
    pub largest_unit: Option<(usize, f64)>,
    /// Voltage at the bus before and after, share of nominal.
    pub voltage_share: (f64, f64),
    /// The largest rise of voltage anywhere, share of nominal, and where.
    pub most_rise: (usize, f64),
    /// Branches above their rating after an outage that were not before the loss, with their loading by it.
    pub overloads: Vec<(usize, f64)>,
    /// Buses above their highest voltage that were not before the loss.
    pub high: Vec<(usize, f64)>,
}

/// The headroom of a bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Headroom {
    /// The bus.
    pub bus: usize,
    /// How much a campus may draw, W.
    pub campus_w: f64,
    /// What stops more.
    pub stop: Stop,
    /// Voltage at the bus without and with the campus, share of nominal.
    pub voltage_share: (f64, f64),
    /// Losses without and with it, W.
    pub losses_w: (f64, f64),
    /// What follows when it is lost; the reason if that has no solution.
    pub loss: Result<Loss, String>,
}

/// The search ends when it is this near, W.
const NEAR_W: f64 = 1e5;
/// A branch above its rating by less is not counted.
const SLACK: f64 = 1e-6;

/// Searches the headroom of a bus for a campus with this power factor (lagging).
///
/// # Errors
/// A network that cannot be used or that has no solution even without the campus, or a bus that is not live.
pub fn headroom(network: &Network, bus: usize, power_factor: f64, rules: &Rules) -> Result<Headroom, NetworkError> {
    let mut prepared = PowerFlow::new(network, None)?;
    let without = prepared.solve(network, rules)?;
    if without.dead[bus] {
        let number = network.buses.number[bus];
        return Err(NetworkError::Unusable(format!("bus {number} is out of service or cut off from the reference")));
    }
    let spare_w: f64 = (0..network.generators.bus.len()).map(|g| spare(network, &without, g)).sum();
    let tangent = sqrt(1.0 - power_factor * power_factor) / power_factor;
    let mut attempt = |campus_w: f64| -> Result<(Network, Flow), Stop> {
        // Twice: what is lost on the way to the campus is given by all as well, and is known after the first time only.
        let place = |more_w: f64| place(network, &without, bus, (campus_w, more_w), tangent, spare_w);
        let first = prepared.solve(&place(0.0), rules).map_err(|why| Stop::Voltage(why.to_string()))?;
        let with = place(first.losses_w - without.losses_w);
        let flow = prepared.solve(&with, rules).map_err(|why| Stop::Voltage(why.to_string()))?;
        match broken(network, &without, &flow) {
            Some(stop) => Err(stop),
            None => Ok((with, flow)),
        }
    };
    let (mut low, mut high, mut stop) = (0.0, spare_w, Stop::Generation);
    let mut best = None;
    match attempt(spare_w) {
        Ok(found) => {
            low = spare_w;
            best = Some(found);
        }
        Err(why) => stop = why,
    }
    // Where all spare output may be drawn, low is high already.
    while high - low > NEAR_W {
        let middle = 0.5 * (low + high);
        match attempt(middle) {
            Ok(found) => {
                low = middle;
                best = Some(found);
            }
            Err(why) => {
                high = middle;
                stop = why;
            }
        }
    }
    let (with, flow) = best.unwrap_or_else(|| (network.clone(), without.clone()));
    let loss = lose(network, &with, &flow, bus, low, rules);
    Ok(Headroom {
        bus,
        campus_w: low,
        stop,
        voltage_share: (without.voltage_share[bus], flow.voltage_share[bus]),
        losses_w: (without.losses_w, flow.losses_w),
        loss,
    })
}

fn spare(network: &Network, flow: &Flow, generator: usize) -> f64 {
    let spare = network.generators.most_w[generator] - flow.output_w[generator];
    if network.runs(generator) && !flow.dead[network.generators.bus[generator]] { spare.max(0.0) } else { 0.0 }
}

/// The network with the campus, its power and the losses that it adds from all generators by their spare output.
fn place(
    network: &Network,
    without: &Flow,
    bus: usize,
    (campus_w, losses_w): (f64, f64),
    tangent: f64,
    spare_w: f64,
) -> Network {
    let mut with = network.clone();
    with.buses.load_w[bus] += campus_w;
    with.buses.load_var[bus] += campus_w * tangent;
    for generator in 0..with.generators.bus.len() {
        let share = if spare_w > 0.0 { spare(network, without, generator) / spare_w } else { 0.0 };
        with.generators.output_w[generator] = without.output_w[generator] + share * (campus_w + losses_w);
    }
    with
}

/// The limit that is broken worst now and was kept before.
fn broken(network: &Network, before: &Flow, now: &Flow) -> Option<Stop> {
    let mut worst: Option<(f64, Stop)> = None;
    let mut note = |by: f64, stop: Stop| {
        if by > SLACK && worst.as_ref().is_none_or(|(found, _)| by > *found) {
            worst = Some((by, stop));
        }
    };
    for branch in 0..network.branches.from.len() {
        if let (Some(was), Some(is)) = (before.loading(network, branch), now.loading(network, branch))
            && was <= 1.0 + SLACK
        {
            note(is - 1.0, Stop::Branch(branch));
        }
    }
    for bus in (0..network.bus_count()).filter(|bus| !now.dead[*bus]) {
        let (was, is) = (before.voltage_share[bus], now.voltage_share[bus]);
        let (least, most) = (network.buses.least_share[bus], network.buses.most_share[bus]);
        if was >= least - SLACK {
            note(least - is, Stop::Low(bus));
        }
        if was <= most + SLACK {
            note(is - most, Stop::High(bus));
        }
    }
    // The losses of what is drawn must come from somewhere too, at last from the reference.
    for unit in (0..network.generators.bus.len()).filter(|unit| network.runs(*unit)) {
        let (was, is, most) = (before.output_w[unit], now.output_w[unit], network.generators.most_w[unit]);
        if was <= most + NEAR_W {
            note((is - most - NEAR_W) / most.abs().max(NEAR_W), Stop::Generation);
        }
    }
    worst.map(|(_, stop)| stop)
}

/// The state after the campus has gone and governors have answered.
fn lose(
    network: &Network,
    with: &Network,
    before: &Flow,
    bus: usize,
    campus_w: f64,
    rules: &Rules,
) -> Result<Loss, String> {
    let mut after = network.clone();
    let g = &with.generators;
    let running: Vec<usize> = (0..g.bus.len()).filter(|i| with.runs(*i) && !before.dead[g.bus[*i]]).collect();
    let size_w: f64 = running.iter().map(|i| g.most_w[*i].max(0.0)).sum();
    for i in &running {
        let share = if size_w > 0.0 { g.most_w[*i].max(0.0) / size_w } else { 0.0 };
        after.generators.output_w[*i] =
            (before.output_w[*i] - share * campus_w).max(g.least_w[*i].min(before.output_w[*i]));
    }
    let flow = PowerFlow::new(&after, None)
        .and_then(|mut prepared| prepared.solve(&after, rules))
        .map_err(|why| why.to_string())?;
    let largest_unit = running.iter().map(|i| (*i, before.output_w[*i])).max_by(|a, b| a.1.total_cmp(&b.1));
    let living = (0..network.bus_count()).filter(|bus| !flow.dead[*bus]);
    let rise = |bus: usize| flow.voltage_share[bus] - before.voltage_share[bus];
    let most_rise = living.clone().map(|bus| (bus, rise(bus))).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((bus, 0.0));
    let most = &network.buses.most_share;
    let high = living
        .filter(|bus| flow.voltage_share[*bus] > most[*bus] + SLACK && before.voltage_share[*bus] <= most[*bus] + SLACK)
        .map(|bus| (bus, flow.voltage_share[bus]))
        .collect();
    let mut overloads: Vec<(usize, f64)> = (0..network.branches.from.len())
        .filter_map(|branch| {
            let rating_va = network.outage_rating(branch).0;
            let loading = |flow: &Flow| flow.loading_of(branch, rating_va);
            let (was, is) = (loading(before)?, loading(&flow)?);
            (is > 1.0 + SLACK && was <= 1.0 + SLACK).then_some((branch, is))
        })
        .collect();
    overloads.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(Loss {
        largest_unit,
        voltage_share: (before.voltage_share[bus], flow.voltage_share[bus]),
        most_rise,
        overloads,
        high,
    })
}
