//! The record of an operation study: seconds, minutes per unit, curves. Blocks of rows leave as they fill.
//!
//! Not modelled: anything below one second; the journal holds every tick.

use super::balance::{BATTERIES, COOLING, GRID, HALLS, HOUSE, Powers, TRANSFORMERS, TURBINES};
use super::limits::Standing;
use crate::metrics::{CurveBuilder, Extent, MW, MWH};
use crate::results::{Curve, Table};
use crate::scenario::Scenario;
use tieline_campus::plant::{Boundary, Plant};
use tieline_control::{Decision, POIS};
use tieline_units::{Time, Utc};

/// Rows of a block of the seconds table: one hour.
const BLOCK: usize = 3_600;
/// Points of a curve, at most.
const POINTS: usize = 2_000;

/// Means over one second, from the truth.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Second {
    pub import_w: [f64; POIS],
    pub power_w: Powers,
    pub gpu_w: f64,
    /// Depth of the deepest dip of the second, per unit below nominal.
    pub dip_pu: f64,
    steps: f64,
}

impl Second {
    /// Adds one step of the truth.
    pub fn step(&mut self, plant: &Plant, boundary: &Boundary) {
        let flows = plant.flows();
        self.dip_pu = self.dip_pu.max(1.0 - boundary.voltage_pu);
        let mut power_w: Powers = [0.0; super::balance::CLASSES.len()];
        for poi in 0..flows.poi_import_w.len() {
            self.import_w[poi] += flows.poi_import_w[poi];
            power_w[GRID] -= flows.poi_import_w[poi];
            power_w[TURBINES] -= flows.generation_poi_w[poi];
            power_w[BATTERIES] += flows.battery_poi_w[poi];
            power_w[HOUSE] += flows.standby_w[poi];
            power_w[TRANSFORMERS] += flows.transformer_loss_w[poi];
        }
        power_w[HALLS] = flows.hall_w.iter().sum();
        power_w[COOLING] = flows.cooling_w.iter().sum();
        for (sum, power) in self.power_w.iter_mut().zip(&power_w) {
            *sum += power;
        }
        self.gpu_w += flows.gpu_w.iter().sum::<f64>();
        self.steps += 1.0;
    }

    /// The means; empties the sums.
    pub fn close(&mut self) -> Self {
        let mut mean = *self;
        mean.import_w = self.import_w.map(|sum| sum / self.steps);
        mean.power_w = self.power_w.map(|sum| sum / self.steps);
        mean.gpu_w = self.gpu_w / self.steps;
        *self = Self::default();
        mean
    }

    /// Load of the campus without battery and turbines, W.
    pub fn load_w(&self) -> f64 {
        self.power_w[HALLS] + self.power_w[COOLING] + self.power_w[HOUSE] + self.power_w[TRANSFORMERS]
    }
}

/// Everything that one row of the seconds table needs.
pub(crate) struct Row<'a> {
    pub at: Time,
    pub mean: &'a Second,
    pub plant: &'a Plant,
    pub boundary: &'a Boundary,
    pub decision: &'a Decision,
    pub standing: &'a Standing,
    pub tokens_per_s: f64,
}

impl Row<'_> {
    /// Voltage at the deepest moment of the second, per unit.
    fn voltage_pu(&self) -> f64 {
        if self.mean.dip_pu > 0.0 { 1.0 - self.mean.dip_pu } else { self.boundary.voltage_pu }
    }
}

/// Keeps tables and curves.
#[derive(Debug)]
pub(crate) struct Record {
    start: Utc,
    pois: usize,
    names: Vec<String>,
    seconds: Table,
    units: Table,
    curves: Vec<CurveBuilder>,
    per_bucket: usize,
    energy_j: f64,
    pub soc: Extent,
    pub load_w: Extent,
    pub cap_share: Extent,
}

impl Record {
    /// A record for a run of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let seconds = scenario.duration.as_secs_f64() as usize;
        let per_bucket = seconds.div_ceil(POINTS).max(1);
        let mut names: Vec<String> = scenario.plant.pois.iter().map(|poi| slug(&poi.name)).collect();
        if (0..names.len()).any(|i| names[i].is_empty() || names[..i].contains(&names[i])) {
            names = (0..names.len()).map(|index| format!("point_{index}")).collect();
        }
        let empty =
            |name: &str| Table { name: name.to_owned(), utc_ns: Vec::new(), numbers: Vec::new(), texts: Vec::new() };
        Self {
            start: scenario.start,
            pois: scenario.plant.pois.len(),
            names,
            seconds: empty("operation"),
            units: empty("units"),
            curves: curves(scenario, per_bucket),
            per_bucket,
            energy_j: scenario.plant.batteries.iter().map(|unit| unit.energy_j).sum(),
            soc: Extent::NONE,
            load_w: Extent::NONE,
            cap_share: Extent::NONE,
        }
    }

    /// One second; returns blocks that are full.
    pub fn second(&mut self, scenario: &Scenario, row: &Row<'_>) -> Vec<Table> {
        let soc = if self.energy_j > 0.0 { row.plant.stored_j() / self.energy_j } else { f64::NAN };
        let cap = mean_cap_share(scenario, row.plant);
        if soc.is_finite() {
            self.soc.add(soc);
        }
        self.load_w.add(row.mean.load_w());
        if cap.is_finite() {
            self.cap_share.add(cap);
        }
        self.write(row, soc, cap);
        self.draw(scenario, row, soc, cap);
        let mut full = Vec::new();
        if self.seconds.utc_ns.len() == BLOCK {
            full.push(take(&mut self.seconds));
        }
        if row.at.as_nanos() % 60_000_000_000 == 0 {
            self.write_units(scenario, row);
            if self.units.utc_ns.len() >= BLOCK * 4 {
                full.push(take(&mut self.units));
            }
        }
        full
    }

    fn write(&mut self, row: &Row<'_>, soc: f64, cap: f64) {
        let ledger = &row.decision.ledger;
        let mean = row.mean;
        let table = &mut self.seconds;
        table.utc_ns.push((self.start + (row.at - Time::ZERO)).as_nanos());
        let first = table.numbers.is_empty();
        let mut place = 0;
        let mut put = |name: &dyn Fn() -> String, value: f64| {
            if first {
                table.numbers.push((name(), Vec::with_capacity(BLOCK)));
            }
            table.numbers[place].1.push(value);
            place += 1;
        };
        let fixed = |text: &'static str| move || text.to_owned();
        put(&fixed("t_s"), row.at.as_secs_f64());
        put(&fixed("load_mw"), mean.load_w() / MW);
        put(&fixed("import_mw"), -mean.power_w[GRID] / MW);
        put(&fixed("limit_mw"), finite(row.standing.total_w(self.pois)) / MW);
        for poi in 0..self.pois {
            let name = &self.names[poi];
            put(&|| format!("import_{name}_mw"), mean.import_w[poi] / MW);
            put(&|| format!("limit_{name}_mw"), finite(row.standing.poi_w[poi]) / MW);
            put(&|| format!("allowed_{name}_mw"), finite(row.decision.allowed_w[poi]) / MW);
            put(&|| format!("target_{name}_mw"), row.decision.target_w[poi] / MW);
        }
        put(&fixed("over_limit_mw"), row.standing.over_w / MW);
        put(&fixed("turbine_generation_mw"), -mean.power_w[TURBINES] / MW);
        put(&fixed("battery_charge_mw"), mean.power_w[BATTERIES] / MW);
        put(&fixed("battery_soc_percent"), soc * 100.0);
        put(&fixed("ledger_bridge_mwh"), ledger.bridge_j / MWH);
        put(&fixed("ledger_trip_mwh"), ledger.trip_j / MWH);
        put(&fixed("ledger_ramp_mwh"), ledger.ramp_j / MWH);
        put(&fixed("ledger_free_mwh"), ledger.free_j / MWH);
        put(&fixed("mean_cap_percent"), cap * 100.0);
        put(&fixed("halls_mw"), mean.power_w[HALLS] / MW);
        put(&fixed("gpus_mw"), mean.gpu_w / MW);
        put(&fixed("cooling_mw"), mean.power_w[COOLING] / MW);
        put(&fixed("tokens_per_s"), row.tokens_per_s);
        put(&fixed("ambient_c"), row.boundary.ambient_c);
        put(&fixed("voltage_pu"), row.voltage_pu());
        put(&fixed("frequency_hz"), row.boundary.frequency_hz);
    }

    fn write_units(&mut self, scenario: &Scenario, row: &Row<'_>) {
        let utc_ns = (self.start + (row.at - Time::ZERO)).as_nanos();
        let table = &mut self.units;
        if table.numbers.is_empty() {
            table.numbers =
                ["power_mw", "soc_percent", "cap_w_per_gpu"].map(|name| (name.to_owned(), Vec::new())).to_vec();
            table.texts = ["kind", "unit"].map(|name| (name.to_owned(), Vec::new())).to_vec();
        }
        let mut put = |kind: &str, unit: &str, power_w: f64, soc: f64, cap_w: f64| {
            table.utc_ns.push(utc_ns);
            for (column, value) in table.numbers.iter_mut().zip([power_w / MW, soc * 100.0, cap_w]) {
                column.1.push(value);
            }
            for (column, text) in table.texts.iter_mut().zip([kind, unit]) {
                column.1.push(text.to_owned());
            }
        };
        let (flows, plant) = (row.plant.flows(), &scenario.plant);
        for (index, hall) in plant.halls.iter().enumerate() {
            let cap_w = row.plant.cap_and_floor_w(index).0;
            put("hall", &hall.name, flows.hall_w[index], f64::NAN, cap_w);
            put("cooling", &hall.name, flows.cooling_w[index], f64::NAN, f64::NAN);
        }
        for (index, turbine) in plant.turbines.iter().enumerate() {
            put("turbine", &turbine.name, -flows.turbine_generation_w[index], f64::NAN, f64::NAN);
        }
        for (index, unit) in plant.batteries.iter().enumerate() {
            put("battery", &unit.name, flows.battery_w[index], row.plant.soc(index), f64::NAN);
        }
    }

    fn draw(&mut self, scenario: &Scenario, row: &Row<'_>, soc: f64, cap: f64) {
        let ledger = &row.decision.ledger;
        let mean = row.mean;
        let utc = scenario.start + (row.at - Time::ZERO);
        let mut curves = self.curves.iter_mut();
        let mut add = |value: f64| {
            if let Some(curve) = curves.next() {
                curve.add(value);
            }
        };
        add(mean.load_w() / MW);
        add(-mean.power_w[GRID] / MW);
        add(finite(row.standing.total_w(self.pois)) / MW);
        add(row.decision.target_w.iter().sum::<f64>() / MW);
        add(-mean.power_w[TURBINES] / MW);
        add(mean.power_w[BATTERIES] / MW);
        add(soc * 100.0);
        add(ledger.bridge_j / MWH);
        add(ledger.trip_j / MWH);
        add(ledger.ramp_j / MWH);
        add(ledger.free_j / MWH);
        add(cap * 100.0);
        add(mean.power_w[HALLS] / MW);
        add(mean.power_w[COOLING] / MW);
        add(row.tokens_per_s);
        add(row.boundary.ambient_c);
        add(scenario.surroundings.load.at(utc).unwrap_or(f64::NAN) / 1e9);
        add(scenario.surroundings.price.at(utc).unwrap_or(f64::NAN));
        add(row.voltage_pu());
        if self.pois > 1 {
            for poi in 0..self.pois {
                add(mean.import_w[poi] / MW);
                add(finite(row.standing.poi_w[poi]) / MW);
            }
        }
        assert!(curves.next().is_none(), "every curve gets its value");
    }

    /// Blocks that are not full yet.
    pub fn rest(&mut self) -> Vec<Table> {
        [&mut self.seconds, &mut self.units].into_iter().filter(|table| !table.utc_ns.is_empty()).map(take).collect()
    }

    /// Seconds of the buckets' beginnings, and the curves.
    pub fn curves(self) -> (Vec<f64>, Vec<Curve>) {
        let curves: Vec<Curve> = self.curves.into_iter().map(CurveBuilder::finish).collect();
        let buckets = curves.first().map_or(0, |curve| curve.mean.len());
        ((0..buckets).map(|bucket| (bucket * self.per_bucket) as f64).collect(), curves)
    }
}

fn curves(scenario: &Scenario, per_bucket: usize) -> Vec<CurveBuilder> {
    let mut all: Vec<CurveBuilder> = [
        ("meter", "load", "MW"),
        ("meter", "import (true)", "MW"),
        ("meter", "import limit", "MW"),
        ("meter", "import aimed at", "MW"),
        ("supply", "turbines generating", "MW"),
        ("supply", "battery (positive charges)", "MW"),
        ("battery", "state of charge", "%"),
        ("ledger", "bridge of a lapsed lease", "MWh"),
        ("ledger", "turbine trip", "MWh"),
        ("ledger", "ramp", "MWh"),
        ("ledger", "free", "MWh"),
        ("caps", "mean GPU cap", "% of highest"),
        ("campus", "halls", "MW"),
        ("campus", "cooling", "MW"),
        ("work", "tokens", "1/s"),
        ("weather", "outdoor temperature", "°C"),
        ("grid", "load of the grid", "GW"),
        ("price", "price of imported energy", "$/MWh"),
        ("voltage", "voltage", "pu"),
    ]
    .map(|(chart, label, unit)| CurveBuilder::new(chart, label, unit, per_bucket))
    .into();
    if scenario.plant.pois.len() > 1 {
        for poi in &scenario.plant.pois {
            all.push(CurveBuilder::new("points", &format!("import, {}", poi.name), "MW", per_bucket));
            all.push(CurveBuilder::new("points", &format!("limit, {}", poi.name), "MW", per_bucket));
        }
    }
    all
}

/// Mean cap in force over all GPUs in service as a share of the highest, 0..1.
fn mean_cap_share(scenario: &Scenario, plant: &Plant) -> f64 {
    let (mut cap_w, mut most_w) = (0.0, 0.0);
    for (index, hall) in scenario.control.halls.iter().enumerate() {
        if plant.flows().hall_w[index] > 0.0 {
            cap_w += hall.gpus * plant.cap_and_floor_w(index).0.min(hall.max_cap_w);
            most_w += hall.gpus * hall.max_cap_w;
        }
    }
    if most_w > 0.0 { cap_w / most_w } else { f64::NAN }
}

/// The controller writes "no limit" as a very large finite power.
fn finite(value_w: f64) -> f64 {
    if value_w < 1e11 { value_w } else { f64::NAN }
}

fn take(table: &mut Table) -> Table {
    let empty = Table {
        name: table.name.clone(),
        utc_ns: Vec::with_capacity(BLOCK),
        numbers: table.numbers.iter().map(|(name, values)| (name.clone(), Vec::with_capacity(values.len()))).collect(),
        texts: table.texts.iter().map(|(name, values)| (name.clone(), Vec::with_capacity(values.len()))).collect(),
    };
    core::mem::replace(table, empty)
}

/// A name as part of a column or metric: lower case, digits and letters, one underscore for anything else.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_lowercase());
        } else if !text.ends_with('_') && !text.is_empty() {
            text.push('_');
        }
    }
    text.trim_end_matches('_').to_owned()
}
