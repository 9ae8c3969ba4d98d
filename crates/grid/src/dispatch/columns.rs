//! The columns of one hour: which unknown stands where, its cost, its box, and its entries in the hour's rows.
//!
//! Power in GW, prices in $/MWh, stored energy in GW times one step, so that a step has length one. Columns of an hour:
//! generation (units of one zone and one price merged), shedding, charge, discharge, energy at the end of the step,
//! spill, flow. All boxes begin at zero: a flow is counted from its backward limit, a fixed last energy from itself.
//!
//! Not modelled: columns whose cost changes from hour to hour.

use super::{Ends, Problem};

/// Hours are padded to a multiple of this with columns that are fixed at zero.
pub const LANES: usize = 8;
/// Half-width that stands in place of the box of a column that is fixed at zero.
pub const DEAD: f64 = 1e-30;
/// Boxes narrower than this (GW; a watt) are fixed at zero.
const LEAST_WIDTH: f64 = 1e-9;
/// W in a GW.
pub const GW: f64 = 1e9;
/// $/J in a $/MWh.
pub const PER_MWH: f64 = 1.0 / 3.6e9;

/// Units of one zone and one price: one column.
#[derive(Clone, Debug)]
pub struct Group {
    /// Their zone.
    pub zone: usize,
    /// Their price, $/MWh.
    pub cost: f64,
    /// The units.
    pub units: Vec<usize>,
}

/// Where everything stands.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Zones, storages, links.
    pub zones: usize,
    /// Storages.
    pub stores: usize,
    /// Links.
    pub links: usize,
    /// Generation columns, by zone; the last of each zone is its shedding, with no units.
    pub groups: Vec<Group>,
    /// First generation column of each zone, and their number at the end.
    pub of_zone: Vec<usize>,
    /// First column of charge, discharge, energy, spill, flow, and where the flows end.
    pub charge: usize,
    /// See `charge`.
    pub discharge: usize,
    /// See `charge`.
    pub energy: usize,
    /// See `charge`.
    pub spill: usize,
    /// See `charge`.
    pub flow: usize,
    /// Columns with padding.
    pub count: usize,
    /// Cost of each column, $/MWh.
    pub cost: Vec<f64>,
    /// Zone of each storage.
    pub store_zone: Vec<usize>,
    /// Stored per charged.
    pub eta: Vec<f64>,
    /// Taken out per discharged: the reciprocal of the discharge efficiency.
    pub draw: Vec<f64>,
    /// What is left of the energy after a step.
    pub keep: Vec<f64>,
    /// The same from the last hour to the first: zero where the ends are fixed.
    pub ring: Vec<f64>,
    /// Storages that may spill, in order of the spill columns.
    pub spills: Vec<usize>,
    /// Zones at the two ends of each link.
    pub ends: Vec<(usize, usize)>,
}

impl Columns {
    /// The columns of a problem. `penalty` ($/MWh) prices shedding where none is allowed.
    pub fn new(problem: &Problem, penalty: f64) -> Self {
        let zones = problem.zones.name.len();
        let stores = problem.stores.name.len();
        let links = problem.links.name.len();
        let mut groups: Vec<Group> = Vec::new();
        let mut of_zone = Vec::with_capacity(zones + 1);
        let mut by_zone: Vec<Vec<usize>> = vec![Vec::new(); zones];
        for (unit, zone) in problem.units.zone.iter().enumerate() {
            by_zone[*zone].push(unit);
        }
        for (zone, units) in by_zone.iter_mut().enumerate() {
            of_zone.push(groups.len());
            let price = |unit: usize| problem.units.cost_usd_per_j[unit] / PER_MWH;
            units.sort_by(|a, b| price(*a).total_cmp(&price(*b)).then(a.cmp(b)));
            for unit in units.iter().copied() {
                match groups[of_zone[zone]..].last_mut() {
                    Some(last) if last.cost == price(unit) => last.units.push(unit),
                    _ => groups.push(Group { zone, cost: price(unit), units: vec![unit] }),
                }
            }
            let shed = problem.zones.shed_price_usd_per_j[zone].map_or(penalty, |price| price / PER_MWH);
            groups.push(Group { zone, cost: shed, units: Vec::new() });
        }
        of_zone.push(groups.len());
        let spills: Vec<usize> = (0..stores).filter(|store| problem.stores.inflow[*store].is_some()).collect();
        let charge = groups.len();
        let (discharge, energy) = (charge + stores, charge + 2 * stores);
        let spill = energy + stores;
        let flow = spill + spills.len();
        let count = (flow + links).div_ceil(LANES) * LANES;
        let mut cost = vec![0.0; count];
        for (cost, group) in cost.iter_mut().zip(&groups) {
            *cost = group.cost;
        }
        let keep: Vec<f64> = problem.stores.keep.clone();
        let cyclic = |store: usize| matches!(problem.stores.ends[store], Ends::Cyclic);
        Self {
            zones,
            stores,
            links,
            groups,
            of_zone,
            charge,
            discharge,
            energy,
            spill,
            flow,
            count,
            cost,
            store_zone: problem.stores.zone.clone(),
            eta: problem.stores.charge_efficiency.clone(),
            draw: problem.stores.discharge_efficiency.iter().map(|eta| 1.0 / eta).collect(),
            ring: keep.iter().enumerate().map(|(store, keep)| if cyclic(store) { *keep } else { 0.0 }).collect(),
            keep,
            spills,
            ends: problem.links.from.iter().copied().zip(problem.links.to.iter().copied()).collect(),
        }
    }

    /// Widths of the boxes of an hour.
    pub fn widths(&self, problem: &Problem, hour: usize, out: &mut [f64]) {
        out.fill(0.0);
        for (out, group) in out.iter_mut().zip(&self.groups) {
            let width_w: f64 = if group.units.is_empty() {
                problem.load_w(hour, group.zone)
            } else {
                group.units.iter().map(|unit| problem.available_w(hour, *unit)).sum()
            };
            *out = width_w / GW;
        }
        let stores = &problem.stores;
        let last = hour + 1 == problem.hours;
        for store in 0..self.stores {
            out[self.charge + store] = stores.charge_w[store] / GW;
            out[self.discharge + store] = stores.discharge_w[store] / GW;
            let fixed = last && matches!(stores.ends[store], Ends::Fixed { .. });
            out[self.energy + store] = if fixed { 0.0 } else { stores.energy_j[store] / problem.step_s / GW };
        }
        for (index, store) in self.spills.iter().enumerate() {
            out[self.spill + index] = problem.inflow_w(hour, *store) / GW;
        }
        for link in 0..self.links {
            let (forward_w, backward_w) = problem.limits_w(hour, link);
            out[self.flow + link] = (forward_w + backward_w) / GW;
        }
        for width in out.iter_mut() {
            *width = if *width < LEAST_WIDTH { 0.0 } else { *width };
        }
    }

    /// Right-hand sides of an hour: balance of each zone, energy of each storage.
    pub fn sides(&self, problem: &Problem, hour: usize, balance: &mut [f64], energy: &mut [f64]) {
        for zone in 0..self.zones {
            balance[zone] = problem.load_w(hour, zone) / GW;
        }
        for (link, (from, to)) in self.ends.iter().enumerate() {
            let backward = problem.limits_w(hour, link).1 / GW;
            balance[*from] -= backward;
            balance[*to] += backward;
        }
        for store in 0..self.stores {
            energy[store] = problem.inflow_w(hour, store) / GW;
            if let Ends::Fixed { first_j, last_j } = problem.stores.ends[store] {
                if hour == 0 {
                    energy[store] += self.keep[store] * first_j / problem.step_s / GW;
                }
                if hour + 1 == problem.hours {
                    energy[store] -= last_j / problem.step_s / GW;
                }
            }
        }
    }

    /// `out := Aᵀ y` for the columns of an hour; `nu_next` belongs to the hour after, `keep` leads there.
    pub fn transposed(&self, lambda: &[f64], nu: &[f64], nu_next: &[f64], keep: &[f64], out: &mut [f64]) {
        for zone in 0..self.zones {
            out[self.of_zone[zone]..self.of_zone[zone + 1]].fill(lambda[zone]);
        }
        for store in 0..self.stores {
            let price = lambda[self.store_zone[store]];
            out[self.charge + store] = -price - self.eta[store] * nu[store];
            out[self.discharge + store] = price + self.draw[store] * nu[store];
            out[self.energy + store] = nu[store] - keep[store] * nu_next[store];
        }
        for (index, store) in self.spills.iter().enumerate() {
            out[self.spill + index] = nu[*store];
        }
        for (link, (from, to)) in self.ends.iter().enumerate() {
            out[self.flow + link] = lambda[*to] - lambda[*from];
        }
        out[self.flow + self.links..].fill(0.0);
    }

    /// `rows -= A h` for the columns of an hour; what falls on the storage rows of the hour after is taken off `next`.
    pub fn subtract(&self, h: &[f64], keep: &[f64], balance: &mut [f64], energy: &mut [f64], next: &mut [f64]) {
        for zone in 0..self.zones {
            balance[zone] -= h[self.of_zone[zone]..self.of_zone[zone + 1]].iter().sum::<f64>();
        }
        for store in 0..self.stores {
            let (charge, discharge) = (h[self.charge + store], h[self.discharge + store]);
            balance[self.store_zone[store]] -= discharge - charge;
            energy[store] -= h[self.energy + store] - self.eta[store] * charge + self.draw[store] * discharge;
            next[store] += keep[store] * h[self.energy + store];
        }
        for (index, store) in self.spills.iter().enumerate() {
            energy[*store] -= h[self.spill + index];
        }
        for (link, (from, to)) in self.ends.iter().enumerate() {
            balance[*from] += h[self.flow + link];
            balance[*to] -= h[self.flow + link];
        }
    }

    /// The hour's own part of `A D Aᵀ`: zones (lower half and diagonal), storages (diagonal), zone by storage (one entry
    /// a storage). What the energy column puts on the next hour's diagonal is added to `next`.
    pub fn normal(&self, d: &[f64], keep: &[f64], into: &mut Normal<'_>) {
        let n = self.zones;
        into.zones.fill(0.0);
        for zone in 0..n {
            into.zones[zone * n + zone] = d[self.of_zone[zone]..self.of_zone[zone + 1]].iter().sum::<f64>();
        }
        for store in 0..self.stores {
            let zone = self.store_zone[store];
            let (charge, discharge) = (d[self.charge + store], d[self.discharge + store]);
            let (eta, draw, energy) = (self.eta[store], self.draw[store], d[self.energy + store]);
            into.zones[zone * n + zone] += charge + discharge;
            into.stores[store] += eta * eta * charge + draw * draw * discharge + energy;
            into.between[store] = eta * charge + draw * discharge;
            into.next[store] += keep[store] * keep[store] * energy;
        }
        for (index, store) in self.spills.iter().enumerate() {
            into.stores[*store] += d[self.spill + index];
        }
        for (link, (from, to)) in self.ends.iter().enumerate() {
            let d = d[self.flow + link];
            into.zones[from * n + from] += d;
            into.zones[to * n + to] += d;
            let (high, low) = if from > to { (from, to) } else { (to, from) };
            into.zones[high * n + low] -= d;
        }
    }
}

/// Where the parts of the normal equations of an hour go.
pub struct Normal<'n> {
    /// Zones by zones.
    pub zones: &'n mut [f64],
    /// Diagonal of the storages.
    pub stores: &'n mut [f64],
    /// Entry of each storage in the row of its zone.
    pub between: &'n mut [f64],
    /// Diagonal of the storages in the hour after.
    pub next: &'n mut [f64],
}
