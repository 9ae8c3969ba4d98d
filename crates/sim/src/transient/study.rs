//! One run of the study: rows, curves, metrics, findings, and the summary that the operation study takes over.
//!
//! Load, battery and meter are those of the points that hang on the grid, in the table's sums too; an island has columns of
//! its own there, and is in the ledger and in the sum of the GPUs.
//!
//! Not modelled: anything that `measures`, `risk` and the waveform itself leave out.

mod told;

use super::judged::{Judged, Judging};
use super::measures::{Measures, SAMPLE_MS, lines, spectrum};
use super::risk::risk;
use super::{NAME, campus, play, there};
use crate::metrics::{CurveBuilder, MW};
use crate::operation::{Outlet, judge, slug};
use crate::results::{Outcome, Table};
use crate::scenario::Scenario;
use std::collections::BTreeMap;
use tieline_campus::spectrum::welch::Spectrum;
use tieline_campus::waveform::{Spread, Tile, Waveform};
use told::{at_mode, energies, findings, ledger_rows, main_period_s, spectra, stages, steps};

/// Every metric of this study, without its name before it.
pub const METRICS: &[&str] = &[
    "battery_flattens_percent",
    "battery_gained_mwh",
    "battery_lost_mwh",
    "battery_soc_max_percent",
    "battery_soc_min_percent",
    "battery_throughput_mwh",
    "clauses_failed",
    "clauses_not_shown",
    "clauses_passed",
    "conversion_mwh",
    "cooling_mwh",
    "energy_residual_share",
    "extra_energy_percent",
    "failures",
    "filler_mwh",
    "floor_burn_mwh",
    "gpu_steps",
    "gpus",
    "gpus_mean_mw",
    "gpus_mwh",
    "gpus_swing_mw",
    "gpus_within_second_mw",
    "load_energy_01_20hz_percent",
    "load_energy_02_3hz_percent",
    "load_fundamental_hz",
    "load_fundamental_mw",
    "load_largest_line_share",
    "load_mean_mw",
    "load_peak_mw",
    "load_ramp_max_mw_per_s",
    "load_swing_mw",
    "load_within_second_mw",
    "meter_energy_01_20hz_percent",
    "meter_energy_02_3hz_percent",
    "meter_fundamental_mw",
    "meter_mean_mw",
    "meter_mwh",
    "meter_peak_mw",
    "meter_ramp_max_mw_per_s",
    "meter_range_percent",
    "meter_swing_mw",
    "meter_within_second_mw",
    "shaved_mwh",
    "shelf_soc_max_percent",
    "shelf_soc_min_percent",
    "shelf_throughput_mwh",
    "simulated_s",
    "spectrum_segments",
    "step_longest_s",
    "step_mean_s",
    "steps",
    "supply_soc_max_percent",
    "supply_soc_min_percent",
    "supply_throughput_mwh",
];
/// Beginnings of metrics that end with the name of a job or a mode.
pub const METRIC_FAMILIES: &[&str] = &[
    "job_step_s.",
    "job_mean_share.",
    "clause_margin_percent.",
    "mode_distance_hz.",
    "mode_nearest_mw.",
    "mode_response_mw.",
    "mode_raised_mw.",
    "mode_load_response_mw.",
    "mode_worst_mw.",
    "mode_worst_shift_percent.",
    "mode_best_mw.",
    "mode_best_shift_percent.",
];
/// Points of a curve.
const POINTS: usize = 4_000;
/// Rows of a block of the table.
const BLOCK: usize = 8_192;

/// What the operation study takes over.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Mean GPU power of each job over its step as a share of what the operation study takes for working GPUs; 1 where
    /// the job has no GPUs.
    pub mean_share: Vec<f64>,
    /// Mean within-second swing of the load of all points, W.
    pub load_within_second_w: f64,
    /// The same for the GPUs of each hall of the plant, W; zero for halls that are not there.
    pub hall_within_second_w: Vec<f64>,
    /// Mean load of all points over the judged span, W.
    pub load_mean_w: f64,
    /// Greatest mean second of it, W.
    pub load_peak_second_w: f64,
    /// What the plan's specification says of the import, where it has one.
    pub judged: Option<Judged>,
}

/// The scenario as the operation study shall run it: jobs draw their mean over the step. The controller is told nothing.
#[must_use]
pub fn hand_over(scenario: &Scenario, summary: &Summary) -> Scenario {
    let mut scenario = scenario.clone();
    for (job, share) in scenario.plant.jobs.iter_mut().zip(&summary.mean_share) {
        job.activity *= share;
    }
    scenario.found = Some(summary.clone());
    scenario
}

/// Runs the study. `None` when the caller ended it early.
#[must_use]
pub fn transient(
    scenario: &Scenario,
    seed: u64,
    spread: Spread<'_>,
    outlet: &mut Outlet<'_>,
) -> Option<(Outcome, Summary)> {
    let plan = &scenario.waveform;
    let campus = campus(scenario, plan, &plan.devices);
    let mut record = Record::new(scenario, campus.halls.len());
    let waveform = play(&campus, seed, plan.span_s, spread, &mut |tile| {
        record.tile(tile, scenario, outlet.sink);
        (outlet.progress)((tile.start_ms as f64 / (plan.span_s * 1e3)).min(1.0))
    })?;
    (outlet.sink)(record.rest());
    Some(record.finish(scenario, &waveform))
}

/// Everything kept while the study runs.
struct Record {
    gpus: Measures,
    campus: Measures,
    grid: Vec<bool>,
    load: Measures,
    meter: Measures,
    halls: Vec<Measures>,
    judging: Option<Judging>,
    seconds: (f64, usize, f64),
    rows: Table,
    row: (Vec<f64>, usize),
    curves: Vec<CurveBuilder>,
    per_bucket: usize,
    steps_ms: usize,
}

impl Record {
    fn new(scenario: &Scenario, halls: usize) -> Self {
        let plan = &scenario.waveform;
        let steps = (plan.span_s * 1e3) as usize;
        let per_bucket = steps.div_ceil(POINTS).max(1);
        let names = scenario.plant.pois.iter().map(|poi| poi.name.as_str());
        let curves = names
            .flat_map(|name| {
                let chart = format!("waveform, {name}");
                ["load", "battery", "import"].map(|label| CurveBuilder::new(&chart, label, "MW", per_bucket))
            })
            .collect();
        let columns = columns(scenario);
        Self {
            gpus: Measures::new(plan.settle_s),
            campus: Measures::new(plan.settle_s),
            // An island has no import: its load and its meter are not the grid's.
            grid: scenario.plant.pois.iter().map(|poi| !poi.island).collect(),
            load: Measures::new(plan.settle_s),
            meter: Measures::new(plan.settle_s),
            halls: vec![Measures::new(plan.settle_s); halls],
            judging: plan.specification.as_ref().map(|known| Judging::new(scenario, known)),
            seconds: (0.0, 0, 0.0),
            row: (vec![0.0; columns.len()], 0),
            rows: Table {
                name: NAME.to_owned(),
                utc_ns: Vec::new(),
                numbers: columns.into_iter().map(|name| (name, Vec::new())).collect(),
                texts: Vec::new(),
            },
            curves,
            per_bucket,
            steps_ms: 0,
        }
    }

    fn tile(&mut self, tile: &Tile, scenario: &Scenario, sink: &mut dyn FnMut(Table)) {
        let plan = &scenario.waveform;
        let most_ms = (plan.span_s * 1e3) as usize;
        if let Some(judging) = &mut self.judging {
            judging.tile(tile);
        }
        for ms in 0..tile.len() {
            if self.steps_ms == most_ms {
                return;
            }
            self.steps_ms += 1;
            let sum = |rows: &[Vec<f64>]| rows.iter().map(|row| row[ms]).sum::<f64>();
            let (gpus_w, load_w) = (sum(&tile.gpus_w), sum(&tile.load_w));
            let at_grid = |rows: &[Vec<f64>]| {
                rows.iter().zip(&self.grid).filter(|(_, grid)| **grid).map(|(row, _)| row[ms]).sum::<f64>()
            };
            let [grid_load_w, grid_battery_w, grid_meter_w] =
                [&tile.load_w, &tile.battery_w, &tile.meter_w].map(|rows| at_grid(rows));
            self.gpus.add(gpus_w);
            self.campus.add(load_w);
            self.load.add(grid_load_w);
            self.meter.add(grid_meter_w);
            for (hall, measures) in self.halls.iter_mut().enumerate() {
                measures.add(tile.gpus_w[hall][ms]);
            }
            if self.steps_ms > (plan.settle_s * 1e3) as usize {
                self.second(load_w);
            }
            for point in 0..tile.load_w.len() {
                let values = [tile.load_w[point][ms], tile.battery_w[point][ms], tile.meter_w[point][ms]];
                for (curve, value) in self.curves[3 * point..].iter_mut().zip(values) {
                    curve.add(value / MW);
                }
            }
            if self.steps_ms as f64 <= plan.table_s * 1e3 {
                let points = (0..tile.load_w.len())
                    .flat_map(|p| [tile.load_w[p][ms], tile.battery_w[p][ms], tile.meter_w[p][ms]]);
                let sums = [gpus_w, grid_load_w, grid_battery_w, grid_meter_w];
                let all = sums.into_iter().chain(points);
                self.row_ms(all, scenario, sink);
            }
        }
    }

    fn second(&mut self, load_w: f64) {
        let (sum, n, peak) = &mut self.seconds;
        *sum += load_w;
        *n += 1;
        if *n == 1_000 {
            *peak = peak.max(*sum / 1e3);
            (*sum, *n) = (0.0, 0);
        }
    }

    fn row_ms(&mut self, values: impl Iterator<Item = f64>, scenario: &Scenario, sink: &mut dyn FnMut(Table)) {
        for (sum, value) in self.row.0[1..].iter_mut().zip(values) {
            *sum += value;
        }
        self.row.1 += 1;
        let per_row = scenario.waveform.row_ms as usize;
        if self.row.1 < per_row {
            return;
        }
        let at_ms = (self.steps_ms - per_row) as i64;
        self.rows.utc_ns.push(scenario.waveform.at.as_nanos() + at_ms * 1_000_000);
        self.rows.numbers[0].1.push(at_ms as f64 / 1e3);
        for (column, sum) in self.rows.numbers[1..].iter_mut().zip(&mut self.row.0[1..]) {
            column.1.push(*sum / per_row as f64 / MW);
            *sum = 0.0;
        }
        self.row.1 = 0;
        if self.rows.utc_ns.len() == BLOCK {
            sink(self.rest());
        }
    }

    /// The rows that are left.
    fn rest(&mut self) -> Table {
        let empty = Table {
            name: NAME.to_owned(),
            utc_ns: Vec::new(),
            numbers: self.rows.numbers.iter().map(|(name, _)| (name.clone(), Vec::new())).collect(),
            texts: Vec::new(),
        };
        core::mem::replace(&mut self.rows, empty)
    }

    fn finish(mut self, scenario: &Scenario, waveform: &Waveform) -> (Outcome, Summary) {
        let plan = &scenario.waveform;
        let (ledger, paces) = (waveform.ledger(), waveform.paces());
        let judged = self.judging.take().map(Judging::finish);
        let summary = self.summary(scenario, judged);
        let mut metrics = BTreeMap::new();
        let mut put = |name: &str, value: f64| {
            metrics.insert(format!("{NAME}.{name}"), value);
        };
        put("gpus", waveform.gpus() as f64);
        put("simulated_s", self.steps_ms as f64 / 1e3);
        put("gpu_steps", waveform.gpus() as f64 * waveform.now_ms() as f64);
        stages(&self, &mut put);
        energies(&ledger, &mut put);
        steps(scenario, &paces, &summary, &mut put);
        let period_s = main_period_s(&paces, plan);
        let [load, meter] = [&self.load, &self.meter].map(|measures| density(measures, period_s));
        spectra(load.as_ref(), meter.as_ref(), &mut put);
        // The grid sees the import; the load beside it says what the site's storage takes away or adds.
        let modes = risk(&plan.modes, period_s, &lines(meter.as_ref()));
        for (near, load) in modes.iter().zip(risk(&plan.modes, period_s, &lines(load.as_ref()))) {
            let slug = slug(&near.mode.name);
            for (what, value) in [
                ("distance_hz", near.distance_hz),
                ("nearest_mw", near.nearest_w / MW),
                ("response_mw", near.response_w / MW),
                ("raised_mw", near.raised_w / MW),
                ("load_response_mw", load.response_w / MW),
                ("worst_mw", near.worst.0 / MW),
                ("worst_shift_percent", 100.0 * near.worst.1),
                ("best_mw", near.best.0 / MW),
                ("best_shift_percent", 100.0 * near.best.1),
            ] {
                put(&format!("mode_{what}.{slug}"), value);
            }
        }
        let mut findings = findings(&self, scenario, &paces);
        if let Some(judged) = &summary.judged {
            judged.metrics().into_iter().for_each(|(name, value)| put(&name, value));
            findings.extend(judged.broken());
        }
        findings.extend(modes.iter().map(|near| at_mode(near, period_s, plan)));
        let curve_at_s = (0..self.steps_ms.div_ceil(self.per_bucket))
            .map(|bucket| (bucket * self.per_bucket) as f64 / 1e3)
            .collect();
        let outcome = Outcome {
            expectations: judge(NAME, &scenario.expect, &metrics),
            metrics,
            curve_at_s,
            curves: self.curves.into_iter().map(CurveBuilder::finish).collect(),
            happenings: Vec::new(),
            ledger: ledger_rows(&ledger),
            findings,
        };
        (outcome, summary)
    }

    fn summary(&self, scenario: &Scenario, judged: Option<Judged>) -> Summary {
        let plan = &scenario.waveform;
        let plant = &scenario.plant;
        let halls: Vec<_> = there(plant, plan.at).collect();
        let mean_share = (0..plant.jobs.len())
            .map(|job| {
                let of_job = || halls.iter().zip(&self.halls).filter(|(hall, _)| hall.job == Some(job));
                let drawn_w: f64 = of_job().map(|(_, measures)| measures.mean_w()).sum();
                let full_w: f64 = of_job().map(|(hall, _)| hall.gpus * hall.product.training_w).sum();
                if full_w > 0.0 { drawn_w / (full_w * plant.jobs[job].activity) } else { 1.0 }
            })
            .collect();
        let mut here = self.halls.iter();
        let hall_within_second_w = plant
            .halls
            .iter()
            .map(|hall| {
                let measures = if hall.in_service <= plan.at { here.next() } else { None };
                measures.map_or(0.0, |measures| measures.within_second_w().0)
            })
            .collect();
        Summary {
            mean_share,
            load_within_second_w: self.campus.within_second_w().0,
            hall_within_second_w,
            load_mean_w: self.campus.mean_w(),
            load_peak_second_w: self.seconds.2,
            judged,
        }
    }
}

/// Names of the table's columns: sums, then each point.
fn columns(scenario: &Scenario) -> Vec<String> {
    let sums = ["t_s", "gpus_mw", "load_mw", "battery_mw", "import_mw"].map(str::to_owned);
    let points = scenario.plant.pois.iter().enumerate().flat_map(|(index, poi)| {
        let name = if slug(&poi.name).is_empty() { format!("point_{index}") } else { slug(&poi.name) };
        ["load", "battery", "import"].map(|what| format!("{what}_{name}_mw"))
    });
    sums.into_iter().chain(points).collect()
}

/// Density of a stage.
fn density(measures: &Measures, period_s: f64) -> Option<Spectrum> {
    spectrum(measures.samples_w(), SAMPLE_MS as f64 * 1e-3, period_s)
}
