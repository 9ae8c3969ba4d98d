//! What goes into the controller and what comes out: configuration, observation, outlook, plan, decision.
//!
//! All lists are bounded at compile time so that a tick allocates nothing and `State` stays a small value. An index
//! means the same device everywhere: hall 3 of the configuration is hall 3 of an observation and of a decision.
//! SI units throughout, unit last in the name. Telemetry keeps the sign of its device: a battery that discharges reads
//! negative, a turbine that generates reads positive *generation* (its field says so).
//!
//! Not modelled: reactive power; resizing of jobs.

mod config;
mod decision;

use tieline_units::{Readings, Span, Time};

pub use config::*;
pub use decision::*;

/// Most halls that one controller holds.
pub const HALLS: usize = 32;
/// Most on-site turbines.
pub const TURBINES: usize = 48;
/// Most battery units.
pub const BATTERIES: usize = 256;
/// Most jobs: each works in a hall of its own at least.
pub const JOBS: usize = HALLS;
/// Most points of interconnection.
pub const POIS: usize = 4;
/// Most sources of import limits.
pub const LIMITS: usize = 16;
/// Most curtailment events known at once.
pub const EVENTS: usize = 16;
/// Most slots of a plan or an outlook: one day of five minutes.
pub const SLOTS: usize = 288;
/// Buckets of an averaging window or a ramp window.
pub const BUCKETS: usize = 60;

/// A curtailment event as received: reduce to `limit_w` by `start`, hold until `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Event {
    /// The sender's number; 0 means an empty place.
    pub id: u64,
    /// When it was received.
    pub received_at: Time,
    /// When the limit begins to bind (end of the notice).
    pub start: Time,
    /// When it is released, unless extended.
    pub end: Time,
    /// Import allowed, W, over the scope.
    pub limit_w: f64,
    /// The point it binds; 255 means all of them together.
    pub poi: u8,
    /// Whether the sender has cancelled it. A vanished event is not a cancelled one.
    pub cancelled: bool,
    /// Spoken (by telephone) and not yet read back: it tightens at once, but neither cancels nor loosens anything.
    pub unconfirmed: bool,
}

/// What the site shows at one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The tick's instant.
    pub now: Time,
    /// Civil time as the site's clock reads it, ns since 1970; only deadlines use it.
    pub utc_ns: i64,
    /// Import at each point, W (positive: from the grid into the campus).
    pub poi_import_w: Readings<POIS>,
    /// Voltage at each point, per unit of nominal.
    pub poi_voltage_pu: Readings<POIS>,
    /// Frequency at each point, Hz.
    pub poi_frequency_hz: Readings<POIS>,
    /// Whether the tie of each point is closed (1) or open (0).
    pub poi_tied: Readings<POIS>,
    /// Power of each hall's feeder, W.
    pub hall_w: Readings<HALLS>,
    /// Power of the cooling plant of each hall, W.
    pub cooling_w: Readings<HALLS>,
    /// Generation of each turbine, W (positive).
    pub turbine_generation_w: Readings<TURBINES>,
    /// Generation that each turbine could reach now, W; 0 when tripped.
    pub turbine_available_w: Readings<TURBINES>,
    /// Power of each battery unit, W (positive charges).
    pub battery_w: Readings<BATTERIES>,
    /// State of charge of each unit, 0..1.
    pub battery_soc: Readings<BATTERIES>,
    /// Greatest power that each unit offers now in either direction, W; 0 when out of service.
    pub battery_available_w: Readings<BATTERIES>,
    /// Outdoor temperature, °C.
    pub ambient_c: Readings<1>,
    /// What each limit source says now, W.
    pub limit_w: Readings<LIMITS>,
    /// Up to when each source means what it says; `FOREVER` for a limit without an end.
    pub limit_until: [Time; LIMITS],
    /// Instant up to which each job's work is saved, s on the loop's clock: the evidence for a pause.
    pub job_saved_s: Readings<JOBS>,
    /// Share of each job at work, 0..1.
    pub job_at_work: Readings<JOBS>,
    /// Curtailment events.
    pub events: [Event; EVENTS],
}

/// What is expected: the planner's input, never the controller's.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// When it was made.
    pub made_at: Time,
    /// Beginning of slot 0.
    pub start: Time,
    /// Length of a slot.
    pub slot: Span,
    /// How many slots are filled.
    pub slots: u16,
    /// Campus load without battery and turbines, W.
    pub load_w: [f32; SLOTS],
    /// Import allowed over all points, W.
    pub import_limit_w: [f32; SLOTS],
    /// Price of imported energy, $/MWh.
    pub price_usd_per_mwh: [f32; SLOTS],
    /// Outdoor temperature, °C.
    pub ambient_c: [f32; SLOTS],
    /// Declared import over all points, W; NaN where none is declared.
    pub schedule_w: [f32; SLOTS],
    /// When each job saves its work next by itself; `FOREVER` where it does not.
    pub next_checkpoint: [Time; JOBS],
}

/// The planner's table: bounded targets that `decide` may lean on and must survive without.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// When it was made.
    pub made_at: Time,
    /// Beginning of slot 0.
    pub start: Time,
    /// Length of a slot.
    pub slot: Span,
    /// How many slots are filled; none means: no plan, use the configuration.
    pub slots: u16,
    /// State of charge to seek, 0..1.
    pub target_soc: [f32; SLOTS],
    /// Generation to schedule from the turbines, W.
    pub turbine_w: [f32; SLOTS],
    /// Declared import, W; NaN where none is declared.
    pub schedule_w: [f32; SLOTS],
    /// Jobs to pause, one bit each: where power given up by a job at its least cap is worth more in dearer ones.
    pub pause: [u32; SLOTS],
}

impl Plan {
    /// No plan: the configuration's targets hold.
    #[must_use]
    pub fn none() -> Self {
        Self {
            made_at: Time::NEVER,
            start: Time::ZERO,
            slot: Span::secs(300),
            slots: 0,
            target_soc: [0.0; SLOTS],
            turbine_w: [0.0; SLOTS],
            schedule_w: [f32::NAN; SLOTS],
            pause: [0; SLOTS],
        }
    }

    /// Whether both tables ask for the same, whenever they were made.
    #[must_use]
    pub fn same_targets(&self, other: &Self) -> bool {
        let bits = |plan: &Self| (plan.target_soc.map(f32::to_bits), plan.turbine_w.map(f32::to_bits));
        let declared = |plan: &Self| plan.schedule_w.map(f32::to_bits);
        (self.start, self.slot, self.slots, self.pause) == (other.start, other.slot, other.slots, other.pause)
            && bits(self) == bits(other)
            && declared(self) == declared(other)
    }

    /// The slot that holds `at`, if the table covers it.
    #[must_use]
    pub fn slot_at(&self, at: Time) -> Option<usize> {
        let index = usize::try_from((at - self.start).as_nanos().div_euclid(self.slot.as_nanos())).ok()?;
        (index < usize::from(self.slots)).then_some(index)
    }
}

impl Observation {
    /// Nothing is known at `now`.
    #[must_use]
    pub fn empty(now: Time) -> Self {
        Self {
            now,
            utc_ns: 0,
            poi_import_w: Readings::MISSING,
            poi_voltage_pu: Readings::MISSING,
            poi_frequency_hz: Readings::MISSING,
            poi_tied: Readings::MISSING,
            hall_w: Readings::MISSING,
            cooling_w: Readings::MISSING,
            turbine_generation_w: Readings::MISSING,
            turbine_available_w: Readings::MISSING,
            battery_w: Readings::MISSING,
            battery_soc: Readings::MISSING,
            battery_available_w: Readings::MISSING,
            ambient_c: Readings::MISSING,
            limit_w: Readings::MISSING,
            limit_until: [Time::FOREVER; LIMITS],
            job_saved_s: Readings::MISSING,
            job_at_work: Readings::MISSING,
            events: [Event::default(); EVENTS],
        }
    }
}

/// The site, real or simulated, as the loop sees it.
pub trait Site {
    /// What the site shows at `now`. A simulated world moves here, and only here.
    fn observe(&mut self, now: Time) -> Observation;
    /// What is expected from `now` on, when it was revised since the last call; `None` keeps the last outlook.
    fn outlook(&mut self, now: Time) -> Option<Outlook>;
    /// Passes the commands on.
    fn actuate(&mut self, decision: &Decision);
}

/// The only source of time in the loop.
pub trait Clock {
    /// Waits until the next instant and returns it; `None` ends the run.
    fn wait_until(&mut self, next: Time) -> Option<Time>;
}
