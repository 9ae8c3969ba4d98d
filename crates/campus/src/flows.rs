//! Flows and totals: what every component drew in the last step, and what all steps add up to.
//!
//! Not modelled: reactive power.

use crate::training::JobTotals;

/// The truth over the last step, W, mean over the step. Loads and batteries are positive into the component;
/// generation, import, losses, curtailed and unserved power say their direction in their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flows {
    /// Feeder power of each hall (IT and house load, conversion loss included).
    pub hall_w: Vec<f64>,
    /// Of that, power of the GPUs themselves.
    pub gpu_w: Vec<f64>,
    /// Power of each hall's cooling plant.
    pub cooling_w: Vec<f64>,
    /// Generation of each turbine (positive).
    pub turbine_generation_w: Vec<f64>,
    /// Power of each battery unit at its terminals (positive charges), without its house load.
    pub battery_w: Vec<f64>,
    /// House load of the battery units at each point.
    pub standby_w: Vec<f64>,
    /// Sum of the battery units at each point (positive charges).
    pub battery_poi_w: Vec<f64>,
    /// Sum of the turbines at each point (positive).
    pub generation_poi_w: Vec<f64>,
    /// Halls, cooling and house load at each point.
    pub load_poi_w: Vec<f64>,
    /// Import at each point, on the grid's side of the station transformer (negative exports); exactly 0 on an island.
    pub poi_import_w: Vec<f64>,
    /// Loss in the station transformer of each point.
    pub transformer_loss_w: Vec<f64>,
    /// Load that an island could not serve: what its opened halls drew, and auxiliaries cut.
    pub unserved_w: Vec<f64>,
    /// Generation that an island could not use and cut.
    pub curtailed_w: Vec<f64>,
}

impl Flows {
    pub(crate) fn new(halls: usize, turbines: usize, batteries: usize, points: usize) -> Self {
        let zero = |n: usize| vec![0.0; n];
        Self {
            hall_w: zero(halls),
            gpu_w: zero(halls),
            cooling_w: zero(halls),
            turbine_generation_w: zero(turbines),
            battery_w: zero(batteries),
            standby_w: zero(points),
            battery_poi_w: zero(points),
            generation_poi_w: zero(points),
            load_poi_w: zero(points),
            poi_import_w: zero(points),
            transformer_loss_w: zero(points),
            unserved_w: zero(points),
            curtailed_w: zero(points),
        }
    }
}

/// What all steps since the start add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Time simulated, s.
    pub elapsed_s: f64,
    /// Imported over all points (metered side), J.
    pub import_j: f64,
    /// Exported over all points, J (positive).
    pub export_j: f64,
    /// Lost in station transformers, J.
    pub transformer_loss_j: f64,
    /// Drawn by the halls' feeders, J; includes the next three.
    pub hall_j: f64,
    /// Of that, drawn by GPUs, J.
    pub gpu_j: f64,
    /// Of that, burned by power floors alone, J at the GPUs.
    pub floor_burn_j: f64,
    /// Of that, lost in conversion, J.
    pub conversion_loss_j: f64,
    /// Drawn by cooling plants, J.
    pub cooling_j: f64,
    /// House load of battery units, J.
    pub standby_j: f64,
    /// Into battery terminals, J.
    pub battery_charge_j: f64,
    /// Out of battery terminals, J (positive).
    pub battery_discharge_j: f64,
    /// Lost inside battery units, J.
    pub battery_loss_j: f64,
    /// Generated on site, J.
    pub generation_j: f64,
    /// Generation that islands cut, J.
    pub curtailed_j: f64,
    /// Load that islands did not serve, J.
    pub unserved_j: f64,
    /// Heat of the fuel burned, J.
    pub fuel_j: f64,
    /// Fuel and upkeep of the turbines, $.
    pub turbine_cost_usd: f64,
    /// Time that each turbine ran (starting included), s; against the permit's hours.
    pub turbine_run_s: Vec<f64>,
    /// Turbine trips, drawn and scripted.
    pub turbine_trips: u64,
    /// Each job.
    pub jobs: Vec<JobTotals>,
    /// Commands taken.
    pub commands_taken: u64,
    /// Commands refused, being no newer than the last one.
    pub commands_refused: u64,
    /// Single set-points refused, being no finite numbers.
    pub setpoints_refused: u64,
    /// Commands that never arrived (scripted).
    pub commands_lost: u64,
    /// Times that GPU leases ran out.
    pub gpu_lapses: u64,
    /// Times that battery leases ran out.
    pub battery_lapses: u64,
}

impl Totals {
    /// Everything that came in minus everything that went out or was stored, J: zero up to rounding.
    ///
    /// In: import and generation. Out: export, transformer loss, halls, cooling, house load, battery terminals (net).
    #[must_use]
    pub fn residual_j(&self) -> f64 {
        self.import_j + self.generation_j
            - self.export_j
            - self.transformer_loss_j
            - self.hall_j
            - self.cooling_j
            - self.standby_j
            - (self.battery_charge_j - self.battery_discharge_j)
    }
}
