//! Who absorbed what: every device's energy in, out, lost and kept, and the residuals.
//!
//! No row is what is left over of its balance, and every residual is asserted. What a residual can see differs. Filler,
//! burned and shaved power are differences of exact sums at four places of a GPU's chain: the first balance holds these sums
//! against what the racks received, so a flow that is lost or counted twice on the way shows; a wrong floor does not (the
//! scalar program of the tests is for that). A store's loss is what went in and out by its efficiencies, held against
//! the energy that it kept step by step. All else is added up by itself.
//!
//! Not modelled: nothing is left to model; a flow that is missing here shows as a residual.

/// Greatest residual of a balance as a share of the metered energy.
pub const TOLERANCE: f64 = 1e-9;

/// A store's energies, J.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoreEnergy {
    /// Into it, at its bus.
    pub charged_j: f64,
    /// Out of it, at its bus.
    pub discharged_j: f64,
    /// Lost inside.
    pub lost_j: f64,
    /// More stored than at the start.
    pub gained_j: f64,
    /// Usable energy.
    pub capacity_j: f64,
    /// Least and greatest share of the energy stored at any time, of the unit that went furthest.
    pub least_share: f64,
    /// Greatest share.
    pub most_share: f64,
}

impl StoreEnergy {
    /// Takes in how far one unit went.
    pub(crate) fn spans(&mut self, least_j: f64, most_j: f64, capacity_j: f64) {
        if capacity_j <= 0.0 {
            return;
        }
        let first = self.capacity_j == 0.0;
        let (least, most) = (least_j / capacity_j, most_j / capacity_j);
        self.least_share = if first { least } else { self.least_share.min(least) };
        self.most_share = if first { most } else { self.most_share.max(most) };
        self.capacity_j += capacity_j;
    }

    fn residual_j(&self) -> f64 {
        (self.charged_j - self.discharged_j - self.lost_j - self.gained_j).abs()
    }
}

/// Energies since the start of a run, J.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// What the work asked of the GPUs.
    pub asked_j: f64,
    /// What software filler added.
    pub filler_j: f64,
    /// What the smoothing floor burned.
    pub burned_j: f64,
    /// What power limits and ramps took away.
    pub shaved_j: f64,
    /// What the GPUs drew.
    pub gpus_j: f64,
    /// CPUs, switches, fans.
    pub other_j: f64,
    /// Storage in the power supplies.
    pub supply: StoreEnergy,
    /// Battery shelves.
    pub shelf: StoreEnergy,
    /// Lost in power supplies.
    pub conversion_j: f64,
    /// AC input of the racks.
    pub racks_j: f64,
    /// Lost in distribution.
    pub distribution_j: f64,
    /// House load.
    pub house_j: f64,
    /// Cooling.
    pub cooling_j: f64,
    /// Feeders of the halls.
    pub halls_j: f64,
    /// Load of the points, before batteries.
    pub load_j: f64,
    /// Site batteries.
    pub battery: StoreEnergy,
    /// Lost in station transformers.
    pub transformer_j: f64,
    /// Import at the meters.
    pub meter_j: f64,
}

impl Ledger {
    /// Each balance and by how much it does not close, J.
    #[must_use]
    pub fn residuals_j(&self) -> [(&'static str, f64); 8] {
        [
            (
                "GPUs: asked + filler + burned - shaved = drawn",
                (self.asked_j + self.filler_j + self.burned_j - self.shaved_j - self.gpus_j).abs(),
            ),
            (
                "racks: GPUs + other + stores + conversion = input",
                (self.gpus_j + self.other_j + self.supply.charged_j - self.supply.discharged_j + self.shelf.charged_j
                    - self.shelf.discharged_j
                    + self.conversion_j
                    - self.racks_j)
                    .abs(),
            ),
            ("storage in power supplies: in - out - lost = kept", self.supply.residual_j()),
            ("battery shelves: in - out - lost = kept", self.shelf.residual_j()),
            (
                "halls: racks + distribution + house + cooling = feeders",
                (self.racks_j + self.distribution_j + self.house_j + self.cooling_j - self.halls_j).abs(),
            ),
            ("points: feeders = load", (self.halls_j - self.load_j).abs()),
            ("site batteries: in - out - lost = kept", self.battery.residual_j()),
            (
                "meters: load + batteries + transformers = import",
                (self.load_j + self.battery.charged_j - self.battery.discharged_j + self.transformer_j - self.meter_j)
                    .abs(),
            ),
        ]
    }

    /// The worst residual as a share of the metered energy.
    #[must_use]
    pub fn residual_share(&self) -> f64 {
        let worst = self.residuals_j().iter().fold(0.0_f64, |worst, (_, residual)| worst.max(*residual));
        if worst == 0.0 { 0.0 } else { worst / self.meter_j.abs().max(self.gpus_j) }
    }

    /// Holds every balance to [`TOLERANCE`], and every store to what it can hold.
    pub fn assert_closed(&self) {
        let scale = self.meter_j.abs().max(self.gpus_j);
        for (balance, residual) in self.residuals_j() {
            assert!(residual <= TOLERANCE * scale, "{balance}: {residual} J of {scale} J do not close");
        }
        for store in [&self.supply, &self.shelf, &self.battery] {
            let within = store.least_share >= -TOLERANCE && store.most_share <= 1.0 + TOLERANCE;
            assert!(within, "a store between {} and {} of its energy", store.least_share, store.most_share);
        }
    }
}
