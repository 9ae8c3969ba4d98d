//! Buses: every bus balances in every step, by the grid at its tie or, on an island, by its batteries.
//!
//! Not modelled: frequency and voltage of an island (its batteries form the grid, hold both, and follow the balance
//! instead of their set-points; the change-over when a tie opens or closes is seamless), lines inside the campus.

use crate::plant::{Plant, PlantConfig};
use crate::storage::sum;
use tieline_units::Time;

/// What the buses remember.
#[derive(Clone, Debug)]
pub(crate) struct Islands {
    /// Which buses stand alone now: those without a grid, and those whose tie is open.
    pub(crate) alone: Vec<bool>,
    /// Halls at each bus in the order in which an island sheds them.
    shed_order: Vec<Vec<usize>>,
    /// What each shed hall drew when its breaker opened, W.
    shed_w: Vec<f64>,
    any_shed: bool,
    /// Fuel heat and cost of the last step.
    pub(crate) fuel_w: f64,
    pub(crate) usd_per_s: f64,
}

impl Islands {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        // Idle halls first, then the highest tier, then the last in the list.
        let tier = |h: usize| config.halls[h].job.map_or(u16::MAX, |j| u16::from(config.jobs[j].tier));
        let order = |p: usize| {
            let mut halls: Vec<usize> = (0..config.halls.len()).filter(|h| config.halls[*h].poi == p).collect();
            halls.sort_by_key(|h| core::cmp::Reverse((tier(*h), *h)));
            halls
        };
        Self {
            alone: config.pois.iter().map(|poi| poi.island).collect(),
            shed_order: (0..config.pois.len()).map(order).collect(),
            shed_w: vec![0.0; config.halls.len()],
            any_shed: false,
            fuel_w: 0.0,
            usd_per_s: 0.0,
        }
    }
}

impl Plant {
    /// Adds up the load of every bus.
    pub(crate) fn gather_load(&mut self) {
        let flows = &mut self.flows;
        flows.load_poi_w.fill(0.0);
        flows.standby_w.fill(0.0);
        for h in 0..flows.hall_w.len() {
            flows.hall_w[h] = self.halls.feeder_w[h];
            flows.gpu_w[h] = self.halls.gpus_w[h];
            flows.load_poi_w[self.config.halls[h].poi] += flows.hall_w[h] + flows.cooling_w[h];
        }
        for (block, &standby) in self.storage.blocks.iter().zip(&self.storage.block_standby_w) {
            flows.standby_w[block.0] += standby;
            flows.load_poi_w[block.0] += standby;
        }
    }

    /// Balances every bus: the grid closes a tied one, an island closes itself. Asserts that each sum is zero.
    pub(crate) fn balance(&mut self) {
        self.flows.curtailed_w.fill(0.0);
        self.flows.unserved_w.fill(0.0);
        self.recall_shed();
        self.sum_generation();
        let mut alone = false;
        for p in 0..self.config.pois.len() {
            if self.island.alone[p] {
                self.close_island(p);
                alone = true;
            }
        }
        if alone {
            self.sum_generation();
            self.forget_fed();
        }
        let flows = &mut self.flows;
        flows.turbine_generation_w.copy_from_slice(&self.turbines.generation_w);
        flows.battery_w.copy_from_slice(&self.storage.power_w);
        flows.battery_poi_w.fill(0.0);
        for block in &self.storage.blocks {
            flows.battery_poi_w[block.0] += sum(&self.storage.power_w[block.1..block.2], |w| w);
        }
        for (p, poi) in self.config.pois.iter().enumerate() {
            if self.island.alone[p] {
                continue;
            }
            let net = flows.load_poi_w[p] + flows.battery_poi_w[p] - flows.generation_poi_w[p];
            let import =
                if net >= 0.0 { net / (1.0 - poi.transformer_loss) } else { net * (1.0 - poi.transformer_loss) };
            flows.poi_import_w[p] = import;
            flows.transformer_loss_w[p] = import - net;
        }
        self.assert_balance();
    }

    fn sum_generation(&mut self) {
        self.flows.generation_poi_w.fill(0.0);
        (self.island.fuel_w, self.island.usd_per_s) = self.turbines.sum(&mut self.flows.generation_poi_w);
    }

    /// Closes one island: batteries first, then breakers of halls, auxiliaries last; a surplus is cut at the turbines.
    fn close_island(&mut self, p: usize) {
        let generation = self.flows.generation_poi_w[p];
        let means = generation + self.storage.could_give_w(p);
        let until = self.now + crate::plant::ISLAND_RECLOSE;
        let mut next = 0;
        while self.flows.load_poi_w[p] > means && next < self.island.shed_order[p].len() {
            let h = self.island.shed_order[p][next];
            next += 1;
            if self.flows.hall_w[h] > 0.0 {
                self.shed(p, h, until);
            }
        }
        if self.flows.load_poi_w[p] > means {
            self.cut_auxiliaries(p, means);
        }
        let surplus = generation - self.flows.load_poi_w[p];
        let rest = self.storage.form_grid(p, surplus);
        if rest > 0.0 {
            self.flows.curtailed_w[p] = self.turbines.curtail(p, rest);
        }
        self.flows.poi_import_w[p] = 0.0;
        self.flows.transformer_loss_w[p] = 0.0;
    }

    fn shed(&mut self, p: usize, h: usize, until: Time) {
        let drew = self.flows.hall_w[h];
        self.open_hall(h, until);
        // A hall tried again draws little in its first step; what it asks for is what it drew before.
        self.island.shed_w[h] = self.island.shed_w[h].max(drew);
        self.island.any_shed = true;
        self.flows.unserved_w[p] += self.island.shed_w[h];
        self.flows.hall_w[h] = 0.0;
        self.flows.gpu_w[h] = 0.0;
        self.halls.gpus_w[h] = 0.0;
        self.halls.burn_w[h] = 0.0;
        self.halls.feeder_w[h] = 0.0;
        self.sum_load(p);
        let text = format!(
            "island {}: generation and battery fall short, hall {} sheds {:.3} MW",
            self.config.pois[p].name,
            self.config.halls[h].name,
            drew / 1e6
        );
        self.say(self.now, "island", text);
    }

    fn sum_load(&mut self, p: usize) {
        let flows = &mut self.flows;
        let at = self.config.halls.iter().enumerate().filter(|(_, hall)| hall.poi == p);
        let halls: f64 = at.map(|(h, _)| flows.hall_w[h] + flows.cooling_w[h]).sum();
        flows.load_poi_w[p] = halls + flows.standby_w[p];
    }

    /// With every breaker open the rest must fit as well: cooling first, then the batteries' own house load.
    fn cut_auxiliaries(&mut self, p: usize, means_w: f64) {
        let flows = &mut self.flows;
        let short = flows.load_poi_w[p] - means_w;
        let at = |h: &usize| self.config.halls[*h].poi == p;
        let cooling: f64 = (0..flows.cooling_w.len()).filter(at).map(|h| flows.cooling_w[h]).sum();
        let keep = if cooling > 0.0 { (1.0 - short / cooling).max(0.0) } else { 1.0 };
        for h in (0..flows.cooling_w.len()).filter(at) {
            flows.cooling_w[h] *= keep;
        }
        let short = short - cooling * (1.0 - keep);
        flows.unserved_w[p] += cooling * (1.0 - keep) + short.max(0.0);
        flows.standby_w[p] = (flows.standby_w[p] - short.max(0.0)).max(0.0);
        self.sum_load(p);
    }

    /// A hall that is fed through a whole step is no longer shed.
    fn forget_fed(&mut self) {
        if self.island.any_shed {
            for h in 0..self.island.shed_w.len() {
                if self.halls.is_fed(h) {
                    self.island.shed_w[h] = 0.0;
                }
            }
        }
    }

    /// Halls shed earlier still count as unserved until their breaker closes.
    fn recall_shed(&mut self) {
        if !self.island.any_shed {
            return;
        }
        self.island.any_shed = false;
        for h in 0..self.island.shed_w.len() {
            if self.island.shed_w[h] == 0.0 {
                continue;
            }
            self.island.any_shed = true;
            if !self.halls.is_fed(h) {
                self.flows.unserved_w[self.config.halls[h].poi] += self.island.shed_w[h];
            }
        }
    }

    /// Sums every bus anew, component by component, against what was booked.
    fn assert_balance(&self) {
        let flows = &self.flows;
        for p in 0..self.config.pois.len() {
            let into = flows.load_poi_w[p] + flows.battery_poi_w[p] + flows.transformer_loss_w[p];
            let out_of = flows.generation_poi_w[p] + flows.poi_import_w[p];
            let gross = flows.load_poi_w[p] + flows.generation_poi_w[p] + flows.battery_poi_w[p].abs();
            // The microwatt is for a dark island, where nothing is left to compare with.
            assert!(
                (into - out_of).abs() <= 1e-9 * gross + 1e-6,
                "bus {p} does not balance: {into} W into components, {out_of} W out of sources"
            );
        }
    }
}
