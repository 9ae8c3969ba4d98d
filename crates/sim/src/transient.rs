//! The transient study: the campus at 1 ms over seconds to minutes, against a stiff grid.
//!
//! Every GPU that is in service at the chosen instant runs its training step; racks, halls, site batteries and meters
//! follow. The study judges the swing, the ramps and the spectrum at each stage from GPU to meter, and hands a summary of
//! each job's waveform to the operation study. [`compare`] runs mitigations on the same luck, [`size`] looks for the least
//! battery and floor that pass a specification or meet given limits, [`risk()`] holds the harmonics of the step against modes of grid and shafts.
//!
//! Not modelled: voltage and frequency (the grid does not answer), on-site turbines (constant over the span), an island's
//! own balance (its meter shows what its generation and battery must follow).

mod flicker;
mod judged;
mod measures;
mod mitigation;
mod risk;
mod sizing;
mod study;

pub use flicker::{Site, severity};
pub use judged::{Judged, Judging, Sentence, judge_import};
pub use measures::{Measures, Stage, amplitude_at, band_share, lines, spectrum, strongest};
pub use mitigation::{Told, compare};
pub use risk::{Mode, Nearness, risk};
pub use sizing::{Bounds, Sized, size};
pub use study::{METRIC_FAMILIES, METRICS, Summary, hand_over, transient};

use crate::scenario::Scenario;
use tieline_campus::hall::Hall as PlantHall;
use tieline_campus::plant::PlantConfig;
use tieline_campus::specification::{Connection, Specification};
use tieline_campus::training::JobKind;
use tieline_campus::waveform::{
    Battery, Campus, Chip, Conversion, Doing, Hall, Isa, Job, Point, Rack, Smoothing, Spread, Step, Store, Tile,
    Waveform,
};
use tieline_units::{Draw, Utc};

/// The study's name in scenario files and metric names.
pub const NAME: &str = "transient";
/// Outdoor temperature where the scenario knows none, °C: guess, a hot afternoon.
const DESIGN_C: f64 = 35.0;
/// GPUs of a rack of this product, and power of its shelves per GPU, W.
///
/// NVL72: 72 GPUs, 132 kW (cluster.md 3.1). HGX: four nodes of eight, 10.2 kW a node (datasheet of DGX H100).
fn rack_of(product: &str) -> (u32, f64) {
    if product.starts_with("GB") { (72, 132e3 / 72.0) } else { (32, 10.2e3 / 8.0) }
}

/// What a scenario says of its waveform.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Civil instant at which the span begins: which halls are there, and the outdoor temperature.
    pub at: Utc,
    /// Length, s.
    pub span_s: f64,
    /// Seconds at the start that are simulated and not judged.
    pub settle_s: f64,
    /// Milliseconds of a row of the table.
    pub row_ms: u64,
    /// Seconds of the table, from the start.
    pub table_s: f64,
    /// The step of each job of the plant, in its order.
    pub jobs: Vec<JobPlan>,
    /// What is switched on.
    pub devices: Devices,
    /// Modes of grid and shafts.
    pub modes: Vec<Mode>,
    /// What import must keep to, for sizing.
    pub bounds: Bounds,
    /// What import is judged by, where the scenario or the user names a specification: then it sizes instead of the bounds.
    pub specification: Option<Specification>,
    /// The network at the points, for flicker; its ratio is over the mean load there.
    pub connection: Connection,
}

impl Plan {
    /// A plan of a scenario that says nothing of its waveform: never run, since such a scenario names no transient study.
    #[must_use]
    pub fn quiet(at: Utc, jobs: usize) -> Self {
        let job = JobPlan {
            step: Step::of_period(2_000.0, 0.2, 1, 8),
            coherence: 1.0,
            failures: false,
            starts_s: 0.0,
            stops_s: f64::INFINITY,
        };
        Self {
            at,
            span_s: 0.0,
            settle_s: 0.0,
            row_ms: 1,
            table_s: 0.0,
            jobs: vec![job; jobs],
            devices: Devices::none(),
            modes: Vec::new(),
            specification: None,
            bounds: Bounds { swing_w: f64::INFINITY, window_s: 0.1, ramp_w_per_s: f64::INFINITY, ramp_window_s: 1.0 },
            connection: Connection { short_circuit_ratio: None, x_over_r: None, power_factor: 0.98 },
        }
    }
}

/// A job's step.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPlan {
    /// The step.
    pub step: Step,
    /// Share of its racks in lockstep, 0..1.
    pub coherence: f64,
    /// Whether failures strike within the span, at the job's own rate.
    pub failures: bool,
    /// Start and stop within the span, s; 0 and infinity: it runs all the time.
    pub starts_s: f64,
    /// Stop.
    pub stops_s: f64,
}

/// What flattens the waveform, each switched on or off.
#[derive(Clone, Debug, PartialEq)]
pub struct Devices {
    /// Smoothing floor as a share of rated power.
    pub floor: Option<f64>,
    /// Ramps of the floor, shares of rated power per s, up and down.
    pub floor_ramps: (f64, f64),
    /// Hysteresis of the floor, s.
    pub hysteresis_s: f64,
    /// Level of software filler as a share of rated power.
    pub filler: Option<f64>,
    /// Storage in the power supplies, 65 J per GPU.
    pub supply: bool,
    /// Battery shelf.
    pub shelf: Option<Shelf>,
    /// The site battery's own loop.
    pub battery: Option<Loop>,
}

/// A battery shelf in the rack, per GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shelf {
    /// Usable energy, J.
    pub energy_j: f64,
    /// Greatest power that it gives, W.
    pub power_w: f64,
    /// Greatest power that it takes, W.
    pub charge_w: f64,
    /// Lag of its converter, s.
    pub lag_s: f64,
}

impl Shelf {
    /// guess, all of it: 50 kJ and half of a GB300's rating out, half of that in (high-power lithium cells take less than
    /// they give), 10 ms.
    #[must_use]
    pub fn usual() -> Self {
        Self { energy_j: 50e3, power_w: 700.0, charge_w: 350.0, lag_s: 0.01 }
    }
}

/// The site battery's own loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loop {
    /// Delay, ms, and lag, s.
    pub delay_ms: u32,
    /// Lag, s.
    pub lag_s: f64,
    /// Time constant of the low-pass that import is led along, s.
    pub smooth_s: f64,
    /// Ramp of import, W/s; infinite: none.
    pub ramp_w_per_s: f64,
    /// Scales the plant's battery: power and energy. 1 is what is built.
    pub power_share: f64,
    /// Energy.
    pub energy_share: f64,
}

impl Devices {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            floor: None,
            floor_ramps: (0.5, 0.25),
            hysteresis_s: 10.0,
            filler: None,
            supply: false,
            shelf: None,
            battery: None,
        }
    }

    /// Everything that is on and its size, in words: per GPU, or as a share of its rating.
    #[must_use]
    pub fn label(&self) -> String {
        let battery = |fast: &Loop| match (fast.power_share, fast.energy_share) {
            (1.0, 1.0) => "battery".to_owned(),
            (power, energy) => format!("battery {:.0} % MW {:.0} % MWh", 100.0 * power, 100.0 * energy),
        };
        let parts = [
            self.filler.map(|level| format!("filler {:.0} %", 100.0 * level)),
            self.floor.map(|floor| format!("floor {:.0} %", 100.0 * floor)),
            self.supply.then(|| "PSU 65 J".to_owned()),
            self.shelf.map(|s| format!("BBU {:.0} kJ {:.0}/{:.0} W", s.energy_j / 1e3, s.power_w, s.charge_w)),
            self.battery.as_ref().map(battery),
        ];
        let on: Vec<String> = parts.into_iter().flatten().collect();
        if on.is_empty() { "none".to_owned() } else { on.join(" + ") }
    }
}

/// The step of the scenario's training run with its model's phases, jitter and stalls as the plan says, and the number of
/// its job; `None` where the scenario leaves model, batch or layout open.
///
/// # Errors
/// In words, where the phases cannot be drawn at 1 ms.
#[must_use]
pub fn training_step(scenario: &Scenario, plan: &Plan) -> Option<Result<(usize, Step), String>> {
    let found = crate::train::stages_of(scenario)?;
    Some(found.and_then(|(job, stages)| {
        let drawn = Step::of_training(&stages)?;
        let own = &plan.jobs[job].step;
        let Step { stages, micro_batches, forward_ms, backward_ms, communication_ms, stages_do, .. } = drawn;
        let step = Step { stages, micro_batches, forward_ms, backward_ms, communication_ms, stages_do, ..own.clone() };
        match step.complaints().into_iter().next() {
            Some(complaint) => Err(complaint),
            None => Ok((job, step)),
        }
    }))
}

/// The campus of the scenario as the waveform needs it, with these devices on. The training run's step comes from its
/// model where [`training_step`] has it, the others' from the plan.
#[must_use]
pub fn campus(scenario: &Scenario, plan: &Plan, devices: &Devices) -> Campus {
    let plant = &scenario.plant;
    let trained = training_step(scenario, plan).and_then(Result::ok);
    let jobs = plant.jobs.iter().zip(&plan.jobs).enumerate();
    let jobs: Vec<Job> = jobs
        .map(|(index, (job, own))| {
            let gpus: f64 = there(plant, plan.at).filter(|hall| hall.job == Some(index)).map(|hall| hall.gpus).sum();
            let rate = job.failures_per_s(gpus);
            Job {
                name: job.name.clone(),
                step: trained.iter().find(|(job, _)| *job == index).map_or(&own.step, |(_, step)| step).clone(),
                coherence: own.coherence,
                starts_s: own.starts_s,
                stops_s: own.stops_s,
                mean_time_to_failure_s: if own.failures && rate > 0.0 { 1.0 / rate } else { f64::INFINITY },
                // guess: a watchdog of 5 s; of the restart half is spent on processes, half on loading.
                detect_s: 5.0,
                restart_s: 0.5 * job.restart_s,
                load_s: 0.5 * job.restart_s,
                spread_s: 0.2,
            }
        })
        .collect();
    Campus {
        points: (0..plant.pois.len()).map(|poi| point(plant, poi, devices)).collect(),
        halls: there(plant, plan.at).map(|hall| hall_of(plant, hall, &jobs, devices)).collect(),
        jobs,
        ambient_c: scenario.surroundings.ambient_at(plan.at).unwrap_or(DESIGN_C),
    }
}

/// Halls in service at an instant.
pub(crate) fn there(plant: &PlantConfig, at: Utc) -> impl Iterator<Item = &PlantHall> {
    plant.halls.iter().filter(move |hall| hall.in_service <= at)
}

fn point(plant: &PlantConfig, poi: usize, devices: &Devices) -> Point {
    let units: Vec<_> = plant.batteries.iter().filter(|unit| unit.poi == poi).collect();
    let battery = match (&devices.battery, units.first()) {
        (Some(fast), Some(first)) => Battery {
            rated_w: units.iter().map(|unit| unit.rated_w).sum::<f64>() * fast.power_share,
            energy_j: units.iter().map(|unit| unit.energy_j).sum::<f64>() * fast.energy_share,
            round_trip: first.round_trip,
            soc_range: first.soc_range,
            soc_start: first.soc_start,
            delay_ms: fast.delay_ms,
            lag_s: fast.lag_s,
            smooth_s: fast.smooth_s,
            ramp_w_per_s: (fast.ramp_w_per_s, fast.ramp_w_per_s),
            recentre_s: 1_800.0,
        },
        _ => Battery::none(),
    };
    Point { name: plant.pois[poi].name.clone(), battery, transformer_loss: plant.pois[poi].transformer_loss }
}

fn hall_of(plant: &PlantConfig, hall: &PlantHall, jobs: &[Job], devices: &Devices) -> Hall {
    let product = &hall.product;
    let (per_rack, shelf_w) = rack_of(&product.name);
    let gpus = f64::from(per_rack);
    let mut chip = Chip::of(product);
    let activity = hall.job.map_or(1.0, |job| plant.jobs[job].activity);
    for doing in [Doing::Forward, Doing::Backward] {
        chip.level_w[doing as usize] *= activity;
    }
    if let Some(floor) = devices.floor {
        chip = chip.smoothed(floor);
        let (up, down) = devices.floor_ramps;
        chip.smoothing = chip.smoothing.map(|smoothing| Smoothing {
            ramp_w_per_s: (up * product.rated_w, down * product.rated_w),
            hysteresis_s: devices.hysteresis_s,
            ..smoothing
        });
    }
    if let Some(filler) = devices.filler {
        chip = chip.filled(filler);
    }
    let conversion = Conversion::shelf(shelf_w.max(1.2 * (product.rated_w + product.other_w)) * gpus);
    // What the plant loses between feeder and GPU beyond the power supplies is lost in distribution.
    let dc_w = gpus * (product.training_w + product.other_w);
    let ac_w = dc_w + conversion.loss_w(dc_w);
    let distribution_loss = (dc_w * hall.feeder_per_gpu_w() / ac_w - 1.0).max(0.0);
    // Told the step of the job, as whoever commissions the racks for a job is: guess, the vendor's law is not public.
    let supply_store = || {
        let store = Store::gb300(gpus, product.rated_w);
        hall.job.map_or(store.clone(), |job| store.planned(&rack_step(&chip, &jobs[job].step, product.other_w, gpus)))
    };
    let shelf_store = devices.shelf.map_or_else(Store::none, |shelf| Store {
        energy_j: shelf.energy_j * gpus,
        power_w: shelf.power_w * gpus,
        charge_w: shelf.charge_w * gpus,
        lag_s: shelf.lag_s,
        smooth_s: 5.0,
        recentre_s: 60.0,
        ..Store::gb300(gpus, product.rated_w)
    });
    Hall {
        name: hall.name.clone(),
        point: hall.poi,
        job: hall.job,
        gpus: hall.gpus as u32,
        per_rack,
        rack: Rack {
            other_w: product.other_w,
            supply_store: if devices.supply { supply_store() } else { Store::none() },
            shelf_store,
            conversion,
        },
        chip,
        distribution_loss,
        fixed_w: hall.fixed_w,
        cooling: hall.cooling.clone(),
        rated_heat_w: hall.rated_feeder_w(),
    }
}

/// What a rack of so many GPUs draws over a step, s and W.
fn rack_step(chip: &Chip, step: &Step, other_w: f64, gpus: f64) -> Vec<(f64, f64)> {
    chip.over_step(step).iter().map(|(part_s, level_w)| (*part_s, gpus * (level_w + other_w))).collect()
}

/// How synchronous a kind of job is when the scenario does not say: guess.
#[must_use]
pub fn usual_coherence(kind: JobKind) -> f64 {
    match kind {
        JobKind::PreTraining => 1.0,
        JobKind::ReinforcementLearning => 0.5,
        JobKind::Inference => 0.0,
    }
}

/// Runs a campus for a span and shows every tile.
pub fn play(
    campus: &Campus,
    seed: u64,
    span_s: f64,
    spread: Spread<'_>,
    each: &mut dyn FnMut(&Tile) -> bool,
) -> Option<Waveform> {
    play_beside(core::slice::from_ref(campus), seed, span_s, spread, &mut |number, tile| number > 0 || each(tile))
}

/// The same for campuses that differ in storage only; shows the tiles of each with its number.
pub(crate) fn play_beside(
    campuses: &[Campus],
    seed: u64,
    span_s: f64,
    spread: Spread<'_>,
    each: &mut dyn FnMut(usize, &Tile) -> bool,
) -> Option<Waveform> {
    let mut waveform = Waveform::beside(campuses, Draw::new(seed, 0), Isa::best());
    while (waveform.now_ms() as f64) < span_s * 1e3 {
        waveform.advance(spread);
        for (number, tile) in waveform.tiles().enumerate() {
            if !each(number, tile) {
                return None;
            }
        }
    }
    Some(waveform)
}
