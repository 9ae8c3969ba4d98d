//! The operation study: the controller's loop over the simulated world, hours at a tick of 100 ms or so.
//!
//! It records the truth second by second, judges it against the limits as they were meant, keeps the balances and puts
//! into words what happened. Rows leave through a sink as they fill, so that memory does not grow with the run.
//!
//! Not modelled: anything below the tick (the transient study will), the grid's answer to the campus.

mod balance;
mod limits;
mod record;
mod told;

pub use record::slug;

use crate::metrics::{MW, MWH};
use crate::results::{Outcome, Table};
use crate::scenario::{Expectation, Rule, Scenario};
use crate::takeover::attend;
use crate::world::{Moment, World};
use balance::{BATTERIES, Balances, COOLING, GRID, HALLS, HOUSE, TRANSFORMERS, TURBINES};
use core::cell::Cell;
use limits::Judges;
use record::{Record, Row, Second};
use std::collections::BTreeMap;
use tieline_campus::flows::Totals;
use tieline_campus::plant::{Boundary, Plant};
use tieline_control::{Clock, Condition, Decision, HALLS as MOST_HALLS, Journal, Stepping};
use tieline_units::{Draw, Span, Time};

/// The study's name in scenario files and metric names.
pub const NAME: &str = "operation";
/// Fencing epoch of the first controller of a simulation; each standby that takes over has the next one.
pub const EPOCH: u64 = 1;
/// Every metric of this study, without its name before it; those in [`METRIC_FAMILIES`] carry names of the scenario.
pub const METRICS: &[&str] = &[
    "battery_charged_mwh",
    "battery_discharged_mwh",
    "battery_leases_lapsed",
    "battery_throughput_mwh",
    "cap_changes_per_h",
    "checkpoints",
    "checkpoints_failed",
    "commands_lost",
    "commands_refused",
    "cooling_mwh",
    "days_lost",
    "days_lost_to_caps",
    "decisions",
    "energy_cost_usd",
    "energy_residual_share",
    "events_infeasible",
    "events_met",
    "events_missed",
    "events_seen",
    "events_worst_margin_s",
    "export_mwh",
    "floor_burn_mwh",
    "fuel_gj",
    "goodput_share",
    "gpu_hours_capped",
    "gpu_hours_lost",
    "gpu_hours_missed",
    "gpu_hours_productive",
    "gpu_hours_stalled",
    "gpu_leases_lapsed",
    "gpus_mwh",
    "guard_acted_share",
    "halls_mwh",
    "happenings_left_out",
    "import_cost_usd",
    "import_mwh",
    "import_over_limit_max_mw",
    "import_over_limit_mwh",
    "import_over_limit_s",
    "job_failures",
    "least_cap_percent",
    "load_max_mw",
    "load_mean_mw",
    "mean_cap_percent",
    "ramp_max_1s_mw_per_min",
    "ramp_max_60s_mw_per_min",
    "ramp_over_limit_1s_mw_per_min",
    "ramp_over_limit_1s_s",
    "ramp_over_limit_60s_mw_per_min",
    "ramp_over_limit_60s_s",
    "simulated_h",
    "soc_end_percent",
    "soc_max_percent",
    "soc_min_percent",
    "telemetry_faults",
    "tokens",
    "tokens_lost",
    "tokens_missed",
    "tokens_missed_to_caps",
    "turbine_cost_usd",
    "turbine_curtailed_mwh",
    "turbine_mwh",
    "turbine_run_h",
    "turbine_trips",
    "unserved_mwh",
];
/// Beginnings of metrics that end with the name of a limit, an event or a job, or that only some runs have.
pub const METRIC_FAMILIES: &[&str] = &["over_limit.", "step_model.", "target_share.", "target_days.", "waveform."];
const SECOND_NS: i64 = 1_000_000_000;

/// What the caller of a study does with it as it goes.
pub struct Outlet<'a> {
    /// Takes blocks of rows.
    pub sink: &'a mut dyn FnMut(Table),
    /// Hears how much of the run is done, 0..1, about once a simulated minute; `false` ends the run early.
    pub progress: &'a mut dyn FnMut(f64) -> bool,
}

/// Runs the study. `None` when the caller ended it early: then what was written so far is not a result.
#[must_use]
pub fn operate(scenario: &Scenario, seed: u64, journal: &mut impl Journal, outlet: &mut Outlet<'_>) -> Option<Outcome> {
    // A run that states no utilisation goes at the pace of its layout's step; one that fits in no layout makes no tokens.
    let paced = crate::train::paced(scenario).and_then(Result::ok);
    let scenario = paced.as_ref().unwrap_or(scenario);
    let stop = Cell::new(false);
    let mut study = Study::new(scenario, outlet, &stop);
    let mut clock = Stoppable { inner: Stepping { end: Time::ZERO + scenario.duration }, stop: &stop };
    let plant = {
        let mut world = World::new(scenario, Draw::new(seed, 0), |moment| study.watch(moment));
        attend(scenario, &mut world, &mut clock, journal);
        if !stop.get() {
            world.finish(Time::ZERO + scenario.duration);
        }
        world.into_plant()
    };
    (!stop.get()).then(|| study.finish(&plant))
}

/// A clock that can be told to end.
struct Stoppable<'a> {
    inner: Stepping,
    stop: &'a Cell<bool>,
}

impl Clock for Stoppable<'_> {
    fn wait_until(&mut self, next: Time) -> Option<Time> {
        if self.stop.get() { None } else { self.inner.wait_until(next) }
    }
}

/// Everything that is kept while the study runs.
struct Study<'a, 'o> {
    scenario: &'a Scenario,
    outlet: &'a mut Outlet<'o>,
    stop: &'a Cell<bool>,
    second: Second,
    record: Record,
    judges: Judges<'a>,
    balances: Balances,
    teller: told::Teller,
    decision: Decision,
    conditions: u32,
    caps_w: [f64; MOST_HALLS],
    cap_changes: f64,
    guard_acted: f64,
    decisions: f64,
    tokens_before: f64,
    stored_before_j: f64,
    stored_seen: bool,
    import_usd: f64,
    price_usd_per_mwh: f64,
}

impl<'a, 'o> Study<'a, 'o> {
    fn new(scenario: &'a Scenario, outlet: &'a mut Outlet<'o>, stop: &'a Cell<bool>) -> Self {
        let events = scenario.events.iter().map(|scheduled| {
            let event = &scheduled.event;
            let end = scheduled.cancelled_at.map_or(event.end, |at| at.min(event.end));
            (scheduled.name.clone(), event.received_at.as_secs_f64(), event.start.as_secs_f64(), end.as_secs_f64())
        });
        Self {
            scenario,
            outlet,
            stop,
            second: Second::default(),
            record: Record::new(scenario),
            judges: Judges::new(scenario),
            balances: Balances::new(events),
            teller: told::Teller::new(scenario),
            decision: Decision::idle(Time::ZERO, EPOCH),
            conditions: 0,
            caps_w: [f64::NAN; MOST_HALLS],
            cap_changes: 0.0,
            guard_acted: 0.0,
            decisions: 0.0,
            tokens_before: 0.0,
            stored_before_j: scenario.plant.batteries.iter().map(|unit| unit.energy_j * unit.soc_start).sum(),
            stored_seen: false,
            import_usd: 0.0,
            // Until the series speaks, the first price that it will say.
            price_usd_per_mwh: scenario.surroundings.price_at(scenario.start).unwrap_or_default(),
        }
    }

    fn watch(&mut self, moment: Moment<'_>) {
        match moment {
            Moment::Step(plant, boundary) => {
                self.second.step(plant, boundary);
                if plant.now().as_nanos() % SECOND_NS == 0 {
                    self.close_second(plant, boundary);
                }
            }
            Moment::Happened(happening) => {
                self.teller.tell(happening.at.as_secs_f64(), happening.kind, happening.text.clone());
            }
            Moment::Decided(decision) => self.decided(decision),
        }
    }

    fn decided(&mut self, decision: &Decision) {
        self.decisions += 1.0;
        self.conditions |= decision.reason.conditions;
        self.guard_acted += f64::from(u8::from(decision.reason.conditions & Condition::GuardActed as u32 != 0));
        for hall in 0..self.scenario.control.halls.len() {
            if (decision.cap_w[hall] - self.caps_w[hall]).abs() >= 1.0 {
                self.cap_changes += 1.0;
            }
            self.caps_w[hall] = decision.cap_w[hall];
        }
        self.decision = *decision;
    }

    fn close_second(&mut self, plant: &Plant, boundary: &Boundary) {
        let at = plant.now();
        let at_s = at.as_secs_f64();
        let mean = self.second.close();
        let standing = self.judges.second(at, &mean.import_w);
        self.balances.second(at_s, &mean.power_w);
        self.teller.import(at_s, &mean.import_w);
        if self.decisions > 0.0 {
            self.teller.decided(at_s, &self.decision, self.conditions);
        }
        self.conditions = 0;
        let tokens: f64 = plant.totals().jobs.iter().map(|job| job.tokens + job.lost_tokens).sum();
        let tokens_per_s = tokens - self.tokens_before;
        self.tokens_before = tokens;
        let utc = self.scenario.start + (at - Time::ZERO);
        self.price_usd_per_mwh = self.scenario.surroundings.price.at(utc).unwrap_or(self.price_usd_per_mwh);
        self.import_usd += -mean.power_w[GRID] / MWH * self.price_usd_per_mwh;
        let row = Row { at, mean: &mean, plant, boundary, decision: &self.decision, standing: &standing, tokens_per_s };
        for block in self.record.second(self.scenario, &row) {
            (self.outlet.sink)(block);
        }
        if at.as_nanos() % (60 * SECOND_NS) == 0 {
            let done = at_s / self.scenario.duration.as_secs_f64();
            if !(self.outlet.progress)(done.min(1.0)) {
                self.stop.set(true);
            }
        }
        self.stored_seen = true;
    }

    fn finish(mut self, plant: &Plant) -> Outcome {
        for block in self.record.rest() {
            (self.outlet.sink)(block);
        }
        let metrics = self.metrics(plant);
        let ledger = self.ledger(plant);
        let expectations = judge(NAME, &self.scenario.expect, &metrics);
        let happenings = self.teller.finish();
        (self.outlet.sink)(events_table(self.scenario, &happenings));
        let (curve_at_s, curves) = self.record.curves();
        Outcome {
            metrics,
            expectations,
            curve_at_s,
            curves,
            happenings,
            ledger,
            findings: crate::check::check(self.scenario).findings,
        }
    }

    fn metrics(&self, plant: &Plant) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        let mut put = |name: &str, value: f64| {
            metrics.insert(format!("{NAME}.{name}"), value);
        };
        let totals = plant.totals();
        let hours = plant.now().as_secs_f64() / 3600.0;
        self.judges.metrics(&mut put);
        for (name, over_mwh, over_max_mw) in self.judges.sources() {
            put(&format!("over_limit.{}_mwh", record::slug(&name)), over_mwh);
            put(&format!("over_limit.{}_max_mw", record::slug(&name)), over_max_mw);
        }
        if let Some(modelled) = &self.scenario.modelled {
            put("step_model.mfu_percent", modelled.mfu * 100.0);
            put("step_model.tokens_per_s", modelled.tokens_per_s);
        }
        self.energy(plant, totals, &mut put);
        self.work(totals, hours, &mut put);
        let counts = self.teller.counts();
        put("events_seen", counts.seen);
        put("events_met", counts.met);
        put("events_missed", counts.seen - counts.met);
        put("events_infeasible", counts.infeasible);
        if counts.worst_margin_s.is_finite() {
            put("events_worst_margin_s", counts.worst_margin_s);
        }
        put("telemetry_faults", self.teller.telemetry_faults);
        let hall_hours = hours * self.scenario.control.halls.len() as f64;
        put("cap_changes_per_h", if hall_hours > 0.0 { self.cap_changes / hall_hours } else { 0.0 });
        put("guard_acted_share", if self.decisions > 0.0 { self.guard_acted / self.decisions } else { 0.0 });
        put("decisions", self.decisions);
        put("simulated_h", hours);
        put("happenings_left_out", self.teller.left_out as f64);
        metrics
    }

    fn energy(&self, plant: &Plant, totals: &Totals, put: &mut dyn FnMut(&str, f64)) {
        put("load_mean_mw", self.record.load_w.mean() / MW);
        put("load_max_mw", if self.stored_seen { self.record.load_w.greatest / MW } else { 0.0 });
        if let Some(found) = &self.scenario.found {
            // The operation study knows means of its tick; what swings within a second comes from the transient study.
            let swing_w = found.load_within_second_w;
            put("waveform.swing_mw", swing_w / MW);
            put("waveform.load_peak_mw", (self.record.load_w.greatest + 0.5 * swing_w) / MW);
        }
        put("import_mwh", (totals.import_j - totals.export_j) / MWH);
        put("export_mwh", totals.export_j / MWH);
        put("turbine_mwh", totals.generation_j / MWH);
        put("turbine_curtailed_mwh", totals.curtailed_j / MWH);
        put("turbine_trips", totals.turbine_trips as f64);
        put("turbine_run_h", totals.turbine_run_s.iter().sum::<f64>() / 3600.0);
        put("fuel_gj", totals.fuel_j / 1e9);
        put("battery_charged_mwh", totals.battery_charge_j / MWH);
        put("battery_discharged_mwh", totals.battery_discharge_j / MWH);
        put("battery_throughput_mwh", (totals.battery_charge_j + totals.battery_discharge_j) / MWH);
        if self.record.soc.least.is_finite() {
            put("soc_min_percent", self.record.soc.least * 100.0);
            put("soc_max_percent", self.record.soc.greatest * 100.0);
            put("soc_end_percent", self.record.soc.last * 100.0);
        }
        put("halls_mwh", totals.hall_j / MWH);
        put("gpus_mwh", totals.gpu_j / MWH);
        put("cooling_mwh", totals.cooling_j / MWH);
        put("floor_burn_mwh", totals.floor_burn_j / MWH);
        put("unserved_mwh", totals.unserved_j / MWH);
        put("import_cost_usd", self.import_usd);
        put("turbine_cost_usd", totals.turbine_cost_usd);
        put("energy_cost_usd", self.import_usd + totals.turbine_cost_usd);
        put("gpu_leases_lapsed", totals.gpu_lapses as f64);
        put("battery_leases_lapsed", totals.battery_lapses as f64);
        put("commands_lost", totals.commands_lost as f64);
        put("commands_refused", totals.commands_refused as f64);
        // Meter = IT + cooling + losses + charge - generation, and terminals = stored + lost, as shares of what flowed.
        let through_j = totals.import_j + totals.generation_j + totals.export_j + totals.battery_discharge_j;
        let stored_j = plant.stored_j() - self.stored_before_j;
        let cells_j = totals.battery_charge_j - totals.battery_discharge_j - totals.battery_loss_j - stored_j;
        let residual = (totals.residual_j().abs() + cells_j.abs()) / through_j.max(1.0);
        put("energy_residual_share", residual);
        assert!(residual < 1e-9, "energy is conserved to 1e-9 over a run, not to {residual:e}");
    }

    fn work(&self, totals: &Totals, hours: f64, put: &mut dyn FnMut(&str, f64)) {
        let sum = |f: fn(&tieline_campus::training::JobTotals) -> f64| totals.jobs.iter().map(f).sum::<f64>();
        let (productive, capped) = (sum(|job| job.productive_gpu_s), sum(|job| job.capped_gpu_s));
        let (stalled, lost) = (sum(|job| job.stalled_gpu_s), sum(|job| job.lost_gpu_s));
        put("tokens", sum(|job| job.tokens));
        put("tokens_lost", sum(|job| job.lost_tokens));
        put("gpu_hours_productive", (productive - capped) / 3600.0);
        put("gpu_hours_capped", capped / 3600.0);
        put("gpu_hours_stalled", stalled / 3600.0);
        put("gpu_hours_lost", lost / 3600.0);
        put("gpu_hours_missed", (capped + stalled + lost) / 3600.0);
        put("job_failures", totals.jobs.iter().map(|job| job.failures as f64).sum());
        let targets = totals.jobs.iter().zip(&self.scenario.plant.jobs).filter(|(_, job)| job.target_tokens > 0.0);
        let days = hours / 24.0;
        for (made, job) in targets {
            let name = slug(&job.name);
            put(&format!("target_share.{name}_percent"), made.tokens / job.target_tokens * 100.0);
            if made.tokens > 0.0 {
                put(&format!("target_days.{name}_d"), job.target_tokens / made.tokens * days);
            }
        }
        put("checkpoints", totals.jobs.iter().map(|job| job.checkpoints as f64).sum());
        put("checkpoints_failed", totals.jobs.iter().map(|job| job.checkpoints_failed as f64).sum());
        let held = productive + stalled + lost;
        put("goodput_share", if held > 0.0 { (productive - capped) / held } else { 0.0 });
        // Days by which the same GPUs are behind, and tokens that they would have made in that time, job by job.
        put("days_lost", if held > 0.0 { (capped + stalled + lost) / held * hours / 24.0 } else { 0.0 });
        put("days_lost_to_caps", if held > 0.0 { capped / held * hours / 24.0 } else { 0.0 });
        let at_full_speed = |f: fn(&tieline_campus::training::JobTotals) -> f64| {
            let each = totals.jobs.iter().map(|job| {
                let worked = job.productive_gpu_s - job.capped_gpu_s;
                if worked > 0.0 { f(job) * job.tokens / worked } else { 0.0 }
            });
            each.sum::<f64>()
        };
        put("tokens_missed_to_caps", at_full_speed(|job| job.capped_gpu_s));
        put("tokens_missed", at_full_speed(|job| job.capped_gpu_s + job.stalled_gpu_s) + sum(|job| job.lost_tokens));
        put("mean_cap_percent", self.record.cap_share.mean() * 100.0);
        put("least_cap_percent", if self.stored_seen { self.record.cap_share.least.min(1.0) * 100.0 } else { 100.0 });
    }

    /// The balance of the run, with the halls split into what their energy became; then those of the events.
    fn ledger(&self, plant: &Plant) -> Vec<(String, String, f64)> {
        let totals = plant.totals();
        let run_j = self.balances.run_j();
        let (stored_j, isolated_j) = (plant.stored_j() - self.stored_before_j, plant.isolated_j());
        let rows = [
            ("grid connection", run_j[GRID]),
            ("turbines", run_j[TURBINES]),
            ("GPUs", totals.gpu_j),
            ("other equipment in halls", run_j[HALLS] - totals.gpu_j - totals.conversion_loss_j),
            ("conversion losses", totals.conversion_loss_j),
            ("cooling", run_j[COOLING]),
            ("stored in batteries", stored_j - isolated_j),
            ("isolated in lost strings", isolated_j),
            ("battery losses", run_j[BATTERIES] - stored_j),
            ("battery house load", run_j[HOUSE]),
            ("transformer losses", run_j[TRANSFORMERS]),
        ];
        let sum_j: f64 = rows.iter().map(|(_, energy_j)| energy_j).sum();
        let through_j: f64 = rows.iter().map(|(_, energy_j)| energy_j.abs()).sum();
        assert!(sum_j.abs() <= 1e-9 * through_j.max(1.0), "the balance of the run closes, not by {sum_j} J");
        // Told where there is any: strings are rarely lost, and most runs end with all of them.
        let rows = rows.into_iter().filter(|(class, energy_j)| *energy_j != 0.0 || !class.starts_with("isolated"));
        let run = rows.map(|(class, energy_j)| (class.to_owned(), "whole run".to_owned(), energy_j / MWH));
        run.chain(self.balances.event_rows()).collect()
    }
}

/// Each expectation with the value reached and the verdict; a metric that does not exist fails.
pub(crate) fn judge(
    study: &str,
    expect: &[Expectation],
    metrics: &BTreeMap<String, f64>,
) -> Vec<(Expectation, f64, bool)> {
    let of_this_study = expect.iter().filter(|line| line.metric.split('.').next() == Some(study));
    of_this_study
        .map(|line| {
            let value = metrics.get(&line.metric).copied().unwrap_or(f64::NAN);
            let pass = match line.rule {
                Rule::AtMost => value <= line.value,
                Rule::AtLeast => value >= line.value,
                Rule::Equal => value.to_bits() == line.value.to_bits() || value == line.value,
            };
            (line.clone(), value, pass)
        })
        .collect()
}

fn events_table(scenario: &Scenario, happenings: &[crate::results::Happening]) -> Table {
    let utc = |at_s: f64| (scenario.start + Span::from_secs_f64(at_s)).as_nanos();
    Table {
        name: "events".to_owned(),
        utc_ns: happenings.iter().map(|happening| utc(happening.at_s)).collect(),
        numbers: vec![("t_s".to_owned(), happenings.iter().map(|happening| happening.at_s).collect())],
        texts: vec![
            ("kind".to_owned(), happenings.iter().map(|happening| happening.kind.clone()).collect()),
            ("text".to_owned(), happenings.iter().map(|happening| happening.text.clone()).collect()),
        ],
    }
}
