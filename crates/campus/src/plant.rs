//! The plant: everything behind the meter, moved by one fixed step at a time in one written order.
//!
//! Not modelled: networks inside the campus (each point of interconnection is one bus), reactive power, protection relays.

use crate::cooling::CoolingPlants;
use crate::events::{Leases, Post, many};
use crate::faults::Faults;
use crate::hall::{Hall, Halls};
use crate::instruments::{Bend, Disturbed, Instrumentation, UnitTruth};
use crate::island::Islands;
use crate::onsite::{Change, Turbine, Turbines};
use crate::storage::{Battery, Exchange, Storage};
use crate::training::{Job, JobChange, JobOrder, Jobs};
use tieline_units::{Draw, Quality, Span, Time, Utc};

pub use crate::faults::{Commanded, Fault, FaultKind, Instrument};
pub use crate::flows::{Flows, Totals};
pub use crate::instruments::Instruments;

/// A bus at which the campus meets the grid, or runs alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Poi {
    /// Name for people.
    pub name: String,
    /// Share of through power lost in the station transformer, 0..1.
    pub transformer_loss: f64,
    /// Standard deviation of the meter, W.
    pub meter_sigma_w: f64,
    /// Delay of the meter, a whole number of steps.
    pub meter_delay: Span,
    /// Whether the bus runs without the grid.
    pub island: bool,
}

/// How instruments quantise and how often they report.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Period of halls, turbines and batteries; a whole number of steps.
    pub unit_period: Span,
    /// Smallest step of the POI meter, W.
    pub meter_quantum_w: f64,
    /// Smallest step of unit power readings, W.
    pub unit_quantum_w: f64,
    /// Smallest step of state-of-charge readings, 0..1.
    pub soc_quantum: f64,
}

/// What node agents and firmware do when a lease lapses.
#[derive(Clone, Debug, PartialEq)]
pub struct Lapse {
    /// Greatest extra delay by which node agents jitter their fall-back.
    pub gpu_jitter: Span,
    /// Time over which a fall-back ramps to the safe cap, s.
    pub gpu_ramp_s: f64,
    /// Cap of the fall-back as a share of the product's rated power.
    pub safe_cap_share: f64,
    /// Time from a cap command to GPU power at target, s.
    pub cap_delay_s: f64,
}

/// The plant as built.
#[derive(Clone, Debug, PartialEq)]
pub struct PlantConfig {
    /// The fixed step.
    pub step: Span,
    /// Civil time of the start.
    pub start: Utc,
    /// Local time minus UTC, for the inference day curve.
    pub utc_offset: Span,
    /// Buses.
    pub pois: Vec<Poi>,
    /// Halls.
    pub halls: Vec<Hall>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Turbines.
    pub turbines: Vec<Turbine>,
    /// Battery units.
    pub batteries: Vec<Battery>,
    /// Instruments.
    pub telemetry: Telemetry,
    /// Fall-backs.
    pub lapse: Lapse,
    /// Scripted faults, by start time.
    pub faults: Vec<Fault>,
}

/// Commands as they reach the devices; each carries its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Commands {
    /// Fencing epoch of the sender; devices refuse a lower one than they have heard.
    pub epoch: u64,
    /// Counts up within an epoch; a device refuses what is not newer.
    pub seq: u64,
    /// Set-point of each battery unit, W (positive charges).
    pub battery_w: Vec<f64>,
    /// Battery set-points lapse here.
    pub battery_until: Time,
    /// Cap of each hall, W per GPU.
    pub cap_w: Vec<f64>,
    /// Smoothing floor of each hall, W per GPU.
    pub floor_w: Vec<f64>,
    /// Caps and floors lapse here.
    pub cap_until: Time,
    /// Generation asked of each turbine, W (positive).
    pub turbine_w: Vec<f64>,
    /// Turbine set-points lapse here.
    pub turbine_until: Time,
    /// What each job is told; it keeps its last order.
    pub job: Vec<JobOrder>,
}

/// The grid's side at one step, as the plant feels it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// Outdoor temperature, °C.
    pub ambient_c: f64,
    /// Voltage at every bus, per unit.
    pub voltage_pu: f64,
    /// Frequency, Hz.
    pub frequency_hz: f64,
}

/// One kind of telemetry channels, as the instruments show them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    /// Values in the unit that the owning field names.
    pub value: Vec<f64>,
    /// When each was taken.
    pub taken_at: Vec<Time>,
    /// How far each can be trusted.
    pub quality: Vec<Quality>,
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Time,
    /// Kind ("fault", "job", "turbine", "lease", "island", "hall").
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// Share of the way that a first-order lag goes in one step (exact for a constant input); a lag of zero goes all of it.
pub(crate) fn blend(step_s: f64, lag_s: f64) -> f64 {
    if lag_s > 0.0 { 1.0 - libm::exp(-step_s / lag_s) } else { 1.0 }
}

/// How often hall noise is drawn.
const NOISE_EVERY: Span = Span::secs(1);

/// How often the inference day curve is read: its steepest slope is then 0.2 % of a day's swing per reading.
const DAY_CURVE_EVERY: Span = Span::secs(60);

/// How long a hall that an island shed stays open before it is tried again: guess.
pub(crate) const ISLAND_RECLOSE: Span = Span::secs(300);

/// Outdoor temperature assumed before the first step or [`Plant::settle`], °C.
const AMBIENT_BEFORE_START_C: f64 = 25.0;

/// Everything behind the meter, as it stands.
#[derive(Clone, Debug)]
pub struct Plant {
    pub(crate) config: PlantConfig,
    pub(crate) draw: Draw,
    pub(crate) now: Time,
    pub(crate) step_s: f64,
    pub(crate) halls: Halls,
    pub(crate) cooling: CoolingPlants,
    pub(crate) turbines: Turbines,
    pub(crate) storage: Storage,
    pub(crate) jobs: Jobs,
    pub(crate) instruments: Instrumentation,
    pub(crate) disturbed: Disturbed,
    pub(crate) flows: Flows,
    pub(crate) totals: Totals,
    pub(crate) happenings: Vec<Happening>,
    pub(crate) leases: Leases,
    pub(crate) faults: Faults,
    pub(crate) post: Post,
    pub(crate) island: Islands,
    next_noise: Time,
    next_day_curve: Time,
    next_in_service: Time,
    changed: Vec<Change>,
}

impl Plant {
    /// Builds the plant at `Time::ZERO`: halls at full power, batteries at rest, running turbines sharing the load.
    ///
    /// # Panics
    /// If [`PlantConfig::problems`] finds something: a reader asks it first.
    #[must_use]
    pub fn new(config: &PlantConfig, draw: Draw) -> Self {
        let problems = config.problems();
        assert!(problems.is_empty(), "an unsound plant was handed over: {}", problems.join("; "));
        let step_s = config.step.as_secs_f64();
        let of_job = |f: fn(&crate::training::Job) -> f64, without: f64| {
            config.halls.iter().map(|h| h.job.map_or(without, |j| f(&config.jobs[j]))).collect::<Vec<f64>>()
        };
        let halls =
            Halls::new(config.halls.clone(), config.start, of_job(|j| j.activity, 1.0), of_job(|j| j.ramp_s, 0.0));
        let cooling = CoolingPlants::new(
            config.halls.iter().map(|h| h.cooling.clone()).collect(),
            config.halls.iter().map(crate::hall::Hall::rated_feeder_w).collect(),
            step_s,
        );
        let jobs = Jobs::new(&config.jobs, draw);
        let points = config.pois.len();
        let mut plant = Self {
            now: Time::ZERO,
            step_s,
            next_in_service: halls.next_in_service(),
            leases: Leases::new(config),
            faults: Faults::new(config),
            post: Post::new(config),
            island: Islands::new(config),
            turbines: Turbines::new(config.turbines.clone(), draw, step_s),
            storage: Storage::new(&config.batteries, step_s),
            instruments: Instrumentation::new(config, draw),
            disturbed: Disturbed {
                meter: vec![Bend::STRAIGHT; points],
                hall: vec![Bend::STRAIGHT; config.halls.len()],
                battery: vec![Bend::STRAIGHT; config.batteries.len()],
                turbine: vec![Bend::STRAIGHT; config.turbines.len()],
                any_unit: false,
            },
            flows: Flows::new(config.halls.len(), config.turbines.len(), config.batteries.len(), points),
            totals: Totals {
                turbine_run_s: vec![0.0; config.turbines.len()],
                jobs: vec![crate::training::JobTotals::default(); config.jobs.len()],
                ..Totals::default()
            },
            happenings: Vec::new(),
            next_noise: Time::ZERO,
            next_day_curve: Time::ZERO,
            changed: Vec::new(),
            config: config.clone(),
            draw,
            halls,
            cooling,
            jobs,
        };
        plant.settle(&Boundary { ambient_c: AMBIENT_BEFORE_START_C, voltage_pu: 1.0, frequency_hz: 60.0 });
        plant
    }

    /// Puts cooling, turbines and meters into the steady state for this boundary. For use before the first step.
    ///
    /// # Panics
    /// If the plant has moved already.
    pub fn settle(&mut self, boundary: &Boundary) {
        assert!(self.now == Time::ZERO, "a plant settles before its first step");
        self.day_curve();
        self.jobs.refresh(&self.halls);
        self.halls.draw_power(&self.jobs.active, &|j| self.jobs.is_paused(j));
        self.cooling.settle(
            &self.halls.feeder_w,
            boundary.ambient_c,
            &self.halls.in_service,
            &mut self.flows.cooling_w,
        );
        self.gather_load();
        for p in 0..self.config.pois.len() {
            self.turbines.settle(p, self.flows.load_poi_w[p], boundary.ambient_c);
        }
        self.storage.power_w.fill(0.0);
        self.storage.limits();
        self.balance();
        self.instruments.settle(&self.flows.poi_import_w);
        self.show(boundary);
    }

    /// The instant up to which the plant has moved.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What flowed in the last step.
    #[must_use]
    pub const fn flows(&self) -> &Flows {
        &self.flows
    }

    /// What the instruments show now.
    #[must_use]
    pub const fn telemetry(&self) -> &Instruments {
        &self.instruments.shown
    }

    /// What all steps add up to.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// True state of charge of a battery unit, 0..1.
    #[must_use]
    pub fn soc(&self, unit: usize) -> f64 {
        self.storage.soc(unit)
    }

    /// Energy stored in all battery units, J, with what lost strings hold.
    #[must_use]
    pub fn stored_j(&self) -> f64 {
        self.storage.energy_j.iter().sum::<f64>() + self.isolated_j()
    }

    /// Energy in strings that are cut off, J: stored, and out of reach until they return.
    #[must_use]
    pub fn isolated_j(&self) -> f64 {
        self.storage.isolated_j.iter().sum()
    }

    /// Cap and smoothing floor in force in a hall, W per GPU.
    #[must_use]
    pub fn cap_and_floor_w(&self, hall: usize) -> (f64, f64) {
        self.halls.cap_and_floor_w(hall)
    }

    /// Share of a job's GPUs at work in the last step, 0..1.
    #[must_use]
    pub fn job_active(&self, job: usize) -> f64 {
        self.jobs.active[job]
    }

    /// Instant up to which a job's work is saved, as the job reports it.
    #[must_use]
    pub fn job_saved_at(&self, job: usize) -> Time {
        self.jobs.saved_at(job, self.now)
    }

    /// When a job saves its work next by itself; `FOREVER` where it does not.
    #[must_use]
    pub fn job_next_checkpoint(&self, job: usize) -> Time {
        self.jobs.next_checkpoint(job)
    }

    /// Takes out what happened since the last call, in order.
    pub fn drain_happenings(&mut self) -> std::vec::Drain<'_, Happening> {
        self.happenings.drain(..)
    }

    /// Moves everything by one step. The order is written here and nowhere else:
    /// faults, late commands, leases, dates and day curve, noise, jobs, halls, cooling, turbines, batteries, buses, energy, work,
    /// totals, instruments.
    ///
    /// # Panics
    /// If the temperature is not finite, or energy is not conserved: both are defects of the caller or of this crate.
    pub fn step(&mut self, boundary: &Boundary) {
        assert!(boundary.ambient_c.is_finite(), "the outdoor temperature must be a number");
        let now = self.now;
        let end = now + self.config.step;
        self.apply_faults(now);
        self.apply_post(now);
        self.apply_lapses(now);
        self.apply_dates(now);
        if now >= self.next_noise {
            let event = now.as_nanos() / NOISE_EVERY.as_nanos();
            self.halls.draw_noise(&self.draw, event.unsigned_abs());
            self.next_noise = Time::nanos((event + 1) * NOISE_EVERY.as_nanos());
        }
        self.jobs.step(now, self.step_s);
        self.halls.advance(now, end);
        self.halls.draw_power(&self.jobs.active, &|j| self.jobs.is_paused(j));
        self.cooling.step(&self.halls.feeder_w, boundary.ambient_c, &self.halls.in_service, &mut self.flows.cooling_w);
        self.turbines.step(now, boundary.ambient_c, &mut self.changed);
        self.storage.respond();
        self.gather_load();
        self.balance();
        let exchange = self.storage.integrate();
        if self.halls.work_changed {
            self.halls.work_changed = false;
            self.jobs.refresh(&self.halls);
        }
        self.jobs.progress(self.step_s);
        self.count(&exchange);
        self.now = end;
        self.tell();
        self.show(boundary);
    }

    /// Halls that go into service, and the hour of the day.
    fn apply_dates(&mut self, now: Time) {
        if now >= self.next_in_service {
            for h in 0..self.halls.len() {
                if !self.halls.in_service[h] && self.halls.in_service_at[h] <= now {
                    self.halls.put_in_service(h, now);
                    let text = format!("hall {} goes into service", self.config.halls[h].name);
                    self.happenings.push(Happening { at: now, kind: "hall", text });
                }
            }
            self.next_in_service = self.halls.next_in_service();
        }
        if now >= self.next_day_curve {
            self.next_day_curve = now + DAY_CURVE_EVERY;
            self.day_curve();
        }
    }

    fn day_curve(&mut self) {
        let (_, hour) = (self.config.start + (self.now - Time::ZERO)).day_and_hour(self.config.utc_offset);
        for h in 0..self.halls.len() {
            if let Some(job) = self.config.halls[h].job {
                self.halls.set_day_share(h, self.config.jobs[job].day_share(hour));
            }
        }
    }

    /// Adds the step to the totals.
    fn count(&mut self, exchange: &Exchange) {
        let dt = self.step_s;
        let (flows, t) = (&self.flows, &mut self.totals);
        t.elapsed_s += dt;
        let (mut import, mut export, mut loss, mut standby) = (0.0, 0.0, 0.0, 0.0);
        let (mut generation, mut curtailed, mut unserved) = (0.0, 0.0, 0.0);
        for p in 0..flows.poi_import_w.len() {
            import += flows.poi_import_w[p].max(0.0);
            export += (-flows.poi_import_w[p]).max(0.0);
            loss += flows.transformer_loss_w[p];
            standby += flows.standby_w[p];
            generation += flows.generation_poi_w[p];
            curtailed += flows.curtailed_w[p];
            unserved += flows.unserved_w[p];
        }
        let (mut hall, mut gpu, mut burn, mut conversion, mut cooling) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for h in 0..flows.hall_w.len() {
            hall += flows.hall_w[h];
            gpu += flows.gpu_w[h];
            burn += self.halls.burn_w[h];
            cooling += flows.cooling_w[h];
            let config = &self.halls.config[h];
            conversion += config.conversion_loss * (flows.hall_w[h] - config.fixed_w).max(0.0);
        }
        t.import_j += import * dt;
        t.export_j += export * dt;
        t.transformer_loss_j += loss * dt;
        t.standby_j += standby * dt;
        t.generation_j += generation * dt;
        t.curtailed_j += curtailed * dt;
        t.unserved_j += unserved * dt;
        t.hall_j += hall * dt;
        t.gpu_j += gpu * dt;
        t.floor_burn_j += burn * dt;
        t.conversion_loss_j += conversion * dt;
        t.cooling_j += cooling * dt;
        t.battery_charge_j += exchange.charge_w * dt;
        t.battery_discharge_j += exchange.discharge_w * dt;
        t.battery_loss_j += exchange.loss_w * dt;
        t.fuel_j += self.island.fuel_w * dt;
        t.turbine_cost_usd += self.island.usd_per_s * dt;
        t.turbine_run_s.copy_from_slice(&self.turbines.run_s);
        t.jobs.copy_from_slice(&self.jobs.totals);
    }

    /// Puts into words what turbines and jobs reported.
    fn tell(&mut self) {
        let at = self.now;
        for change in self.changed.drain(..) {
            let name = |i: usize| &self.config.turbines[i].name;
            let text = match change {
                Change::Tripped(i) => {
                    self.totals.turbine_trips += 1;
                    format!("{} tripped", name(i))
                }
                Change::Repaired(i) => format!("{} is back", name(i)),
                Change::PermitUsedUp(i) => format!("{} has used up its permitted hours", name(i)),
            };
            self.happenings.push(Happening { at, kind: "turbine", text });
        }
        for change in self.jobs.changed.drain(..) {
            let text = match change {
                JobChange::Failed(j, group, gpu_s, tokens) => format!(
                    "{}: group {group} failed, {:.0} GPU-h and {} tokens lost",
                    self.config.jobs[j].name,
                    gpu_s / 3600.0,
                    many(tokens)
                ),
                JobChange::NotSaved(j) => format!("{}: a checkpoint was not written", self.config.jobs[j].name),
                JobChange::Stopped(j, gpu_s, tokens) => format!(
                    "{}: all of it stopped, {:.0} GPU-h and {} tokens lost",
                    self.config.jobs[j].name,
                    gpu_s / 3600.0,
                    many(tokens)
                ),
            };
            self.happenings.push(Happening { at, kind: "job", text });
        }
    }

    /// Reads the instruments at the end of the step.
    fn show(&mut self, boundary: &Boundary) {
        let now = self.now;
        let (voltage, hertz) = (boundary.voltage_pu, boundary.frequency_hz);
        self.instruments.read_meters(
            now,
            &self.flows.poi_import_w,
            voltage,
            hertz,
            &self.island.alone,
            &self.disturbed,
        );
        let (turbines, storage) = (&self.turbines, &self.storage);
        let truth = UnitTruth {
            flows: &self.flows,
            turbine_available_w: &|i| turbines.available_w(i),
            battery_soc: &|i| storage.soc(i),
            battery_available_w: &|i| storage.available_w(i),
        };
        self.instruments.read_units(now, &truth, &self.disturbed);
    }
}
