//! From the last iterate to a dispatch that keeps every box and balance, in SI, with its judgement.
//!
//! The iterate misses the balances by about a watt. The stored energies are taken as they are; charging and discharging
//! follow from them; what is then missing or left over in a zone goes to the unit that is farthest from its bounds.
//!
//! Not modelled: repair of an iterate that is far off; its imbalance is reported and the caller refuses it.

use super::chunk::Chunk;
use super::columns::{Columns, GW, PER_MWH};
use super::{Dispatch, Ends, Problem, Quality, judge};

/// One hour being tidied, in the units of the columns.
struct Hour<'h> {
    columns: &'h Columns,
    x: Vec<f64>,
    widths: Vec<f64>,
    balance: Vec<f64>,
}

/// The dispatch, its prices and its quality.
pub fn tidy(problem: &Problem, columns: &Columns, chunks: &[Chunk], iterations: usize) -> Dispatch {
    let (zones, stores, links) = (columns.zones, columns.stores, columns.links);
    let (units, hours) = (problem.units.name.len(), problem.hours);
    let mut out = Dispatch {
        generation_w: vec![0.0; hours * units],
        shed_w: vec![0.0; hours * zones],
        charge_w: vec![0.0; hours * stores],
        discharge_w: vec![0.0; hours * stores],
        energy_j: vec![0.0; hours * stores],
        spill_w: vec![0.0; hours * stores],
        flow_w: vec![0.0; hours * links],
        price_usd_per_j: Vec::with_capacity(hours * zones),
        value_usd_per_j: Vec::with_capacity(hours * stores),
        quality: Quality::default(),
    };
    let mut before = first_energy(problem, columns, chunks);
    let mut hour =
        Hour { columns, x: vec![0.0; columns.count], widths: vec![0.0; columns.count], balance: vec![0.0; zones] };
    let mut inflow = vec![0.0; stores];
    for chunk in chunks {
        out.price_usd_per_j.extend(chunk.y.balance.iter().map(|price| price * PER_MWH));
        out.value_usd_per_j.extend(chunk.y.energy.iter().map(|value| -value * PER_MWH));
        for t in 0..chunk.hours {
            let at = chunk.first + t;
            columns.widths(problem, at, &mut hour.widths);
            columns.sides(problem, at, &mut hour.balance, &mut inflow);
            for (j, x) in hour.x.iter_mut().enumerate() {
                *x = chunk.x[t * columns.count + j].min(hour.widths[j]).max(0.0);
            }
            for store in 0..stores {
                let mut target = hour.x[columns.energy + store];
                if let Ends::Fixed { last_j, .. } = problem.stores.ends[store]
                    && at + 1 == hours
                {
                    target = last_j / problem.step_s / GW;
                }
                let own_inflow = problem.inflow_w(at, store) / GW;
                before[store] = hour.store(store, before[store], own_inflow, target);
                // Where power is worth something nobody runs it in a circle; a tie or a price of zero may leave that.
                if chunk.y.balance[t * zones + columns.store_zone[store]] >= 0.0 {
                    hour.straighten(store);
                }
                out.energy_j[at * stores + store] = before[store] * GW * problem.step_s;
            }
            hour.balance();
            hour.write(problem, at, &mut out);
        }
    }
    out.quality = Quality { iterations, ..judge(problem, &out) };
    out
}

/// Energy before the first hour.
fn first_energy(problem: &Problem, columns: &Columns, chunks: &[Chunk]) -> Vec<f64> {
    let last = chunks.last().expect("a year has at least one run of hours");
    let at = (last.hours - 1) * columns.count + columns.energy;
    (0..columns.stores)
        .map(|store| match problem.stores.ends[store] {
            Ends::Fixed { first_j, .. } => first_j / problem.step_s / GW,
            Ends::Cyclic => last.x[at + store].min(problem.stores.energy_j[store] / problem.step_s / GW).max(0.0),
        })
        .collect()
}

impl Hour<'_> {
    /// Makes charging, discharging and spilling lead from `before` to `target`; what they really reach.
    fn store(&mut self, store: usize, before: f64, inflow: f64, target: f64) -> f64 {
        let columns = self.columns;
        let (c, d) = (columns.charge + store, columns.discharge + store);
        let (eta, draw) = (columns.eta[store], columns.draw[store]);
        let spill = columns.spills.iter().position(|spills| *spills == store).map(|index| columns.spill + index);
        let spilled = spill.map_or(0.0, |column| self.x[column]);
        let wanted = target - columns.keep[store] * before - inflow + spilled;
        let mut more = wanted - (eta * self.x[c] - draw * self.x[d]);
        if more > 0.0 {
            let less = self.x[d].min(more / draw);
            self.x[d] -= less;
            more -= less * draw;
            let room = (self.widths[c] - self.x[c]).min(more / eta);
            self.x[c] += room;
            more -= room * eta;
            if let Some(column) = spill {
                let less = self.x[column].min(more);
                self.x[column] -= less;
                more -= less;
            }
        } else {
            let less = self.x[c].min(-more / eta);
            self.x[c] -= less;
            more += less * eta;
            let room = (self.widths[d] - self.x[d]).min(-more / draw);
            self.x[d] += room;
            more += room * draw;
            if let Some(column) = spill {
                let room = (self.widths[column] - self.x[column]).min(-more);
                self.x[column] += room;
                more += room;
            }
        }
        target - more
    }

    /// Takes away what a storage charges and discharges at once, the stored energy unchanged, as far as the zone's
    /// plants can give less for what is then not lost.
    fn straighten(&mut self, store: usize) {
        let columns = self.columns;
        let (c, d) = (columns.charge + store, columns.discharge + store);
        let back = columns.eta[store] / columns.draw[store];
        let zone = columns.store_zone[store];
        let plants: f64 = self.x[columns.of_zone[zone]..columns.of_zone[zone + 1]].iter().sum();
        let mut less = self.x[c].min(self.x[d] / back);
        if back < 1.0 {
            less = less.min(plants / (1.0 - back));
        }
        self.x[c] -= less;
        self.x[d] = (self.x[d] - back * less).max(0.0);
    }

    /// Closes the balance of every zone as far as its units and its load allow.
    fn balance(&mut self) {
        let columns = self.columns;
        let mut energy = vec![0.0; columns.stores];
        let mut next = vec![0.0; columns.stores];
        columns.subtract(&self.x, &columns.keep, &mut self.balance, &mut energy, &mut next);
        for zone in 0..columns.zones {
            let own = columns.of_zone[zone]..columns.of_zone[zone + 1];
            let mut missing = self.balance[zone];
            let depth = |j: usize| self.x[j].min(self.widths[j] - self.x[j]);
            let Some(deepest) = own.clone().max_by(|a, b| depth(*a).total_cmp(&depth(*b))) else { continue };
            // Then the cheap ones up, or the dear ones down.
            let rest: Vec<usize> = if missing > 0.0 { own.collect() } else { own.rev().collect() };
            for j in core::iter::once(deepest).chain(rest) {
                let change = missing.clamp(-self.x[j], self.widths[j] - self.x[j]);
                self.x[j] += change;
                missing -= change;
                if missing == 0.0 {
                    break;
                }
            }
        }
    }

    fn write(&self, problem: &Problem, at: usize, out: &mut Dispatch) {
        let columns = self.columns;
        let (zones, stores, links) = (columns.zones, columns.stores, columns.links);
        let units = problem.units.name.len();
        for (j, group) in columns.groups.iter().enumerate() {
            let power_w = self.x[j] * GW;
            if group.units.is_empty() {
                out.shed_w[at * zones + group.zone] = power_w.min(problem.load_w(at, group.zone));
                continue;
            }
            // Units of one price share in proportion to what they could give.
            let all_w: f64 = group.units.iter().map(|unit| problem.available_w(at, *unit)).sum();
            let share = if all_w > 0.0 { (power_w / all_w).min(1.0) } else { 0.0 };
            for unit in &group.units {
                out.generation_w[at * units + unit] = share * problem.available_w(at, *unit);
            }
        }
        for store in 0..stores {
            out.charge_w[at * stores + store] = self.x[columns.charge + store] * GW;
            out.discharge_w[at * stores + store] = self.x[columns.discharge + store] * GW;
        }
        for (index, store) in columns.spills.iter().enumerate() {
            out.spill_w[at * stores + store] = self.x[columns.spill + index] * GW;
        }
        for link in 0..links {
            out.flow_w[at * links + link] = self.x[columns.flow + link] * GW - problem.limits_w(at, link).1;
        }
    }
}
