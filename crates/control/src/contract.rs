//! What goes into the controller and what comes out: configuration, observation, outlook, plan, decision.
//!
//! All lists are bounded at compile time so that a tick allocates nothing and `State` stays a small value. An index
//! means the same device everywhere: hall 3 of the configuration is hall 3 of an observation and of a decision.
//! SI units throughout, unit last in the name. Telemetry keeps the sign of its device: a battery that discharges reads
//! negative, a turbine that generates reads positive *generation* (its field says so).
//!
//! Not modelled: reactive power; resizing of jobs.

use tieline_units::{Readings, Span, Time};

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

/// Everything that the controller knows beforehand. Checked by [`Config::problems`] before a run begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Length of a tick; the loop decides once per tick.
    pub tick: Span,
    /// Ticks between economic splits (caps, turbines); battery and emergencies are decided every tick.
    pub economics_every: u32,
    /// Time between plans; a whole number of ticks.
    pub plan_every: Span,
    /// Points of interconnection.
    pub pois: Vec<PoiConfig>,
    /// Sources of import limits.
    pub limits: Vec<LimitConfig>,
    /// Halls.
    pub halls: Vec<HallConfig>,
    /// On-site turbines.
    pub turbines: Vec<TurbineConfig>,
    /// Battery units.
    pub batteries: Vec<BatteryConfig>,
    /// Jobs; a hall names its job by the place in this list.
    pub jobs: Vec<JobConfig>,
    /// The declared schedule of import, and how far it may be missed.
    pub schedule: ScheduleConfig,
    /// How long commands stay in force.
    pub leases: LeaseConfig,
    /// When telemetry counts as late and as lost.
    pub stale: StaleConfig,
    /// State-of-charge bookkeeping.
    pub reserve: ReserveConfig,
    /// How load returns after a cut.
    pub restore: RestoreConfig,
    /// Share of an event's notice by which the reduction must be complete (0.8: four minutes of five).
    pub completion_share: f64,
}

/// A point of interconnection.
#[derive(Clone, Debug, PartialEq)]
pub struct PoiConfig {
    /// Name for people.
    pub name: String,
    /// Greatest rise of import, W/s.
    pub ramp_up_w_per_s: f64,
    /// Greatest fall of import, W/s.
    pub ramp_down_w_per_s: f64,
    /// Standard deviation of the meter, W.
    pub meter_sigma_w: f64,
    /// Delay of the meter, s.
    pub meter_delay_s: f64,
    /// Head-room kept under every limit, W: meter noise plus the fastest load slope times the delay of meter and
    /// actuator (20 MW/s x 0.3 s = 6 MW).
    pub margin_w: f64,
    /// Voltage band outside which the controller freezes its load actions, per unit: low, high.
    pub freeze_voltage_pu: (f64, f64),
    /// Whether this bus runs without the grid: import must be zero.
    pub island: bool,
    /// Fastest change of import, either way, that is declared for emergencies and for lapses of leases, W/s.
    pub emergency_ramp_w_per_s: f64,
    /// Cyclic load is cancelled up to this frequency and left alone above it, Hz; zero: none is cancelled. Never above
    /// the frequency from which the loop would amplify ([`crate::smoothing::amplifies_above_hz`]).
    pub smooth_hz: f64,
}

/// The declared schedule of import (its values come with the outlook), and how far a settlement interval may miss it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleConfig {
    /// Greatest deviation of an interval's mean import from the schedule, W, all points together; infinite: no duty.
    pub band_w: f64,
    /// Length of a settlement interval (5 to 15 min), aligned to the start of the run.
    pub interval: Span,
}

/// A job as far as the controller may act on it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobConfig {
    /// Name for people.
    pub name: String,
    /// Whether it may be paused at all.
    pub pausable: bool,
    /// Time within which a checkpoint is written once it was asked for, s.
    pub checkpoint_s: f64,
    /// Work saved so recently is evidence enough for a pause, s.
    pub evidence_s: f64,
    /// From resuming to working again, s.
    pub restart_s: f64,
}

/// What a limit rests on. The order is the precedence: an emergency stands above a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LimitKind {
    /// Standing limit of the interconnection or supply contract.
    Contract = 0,
    /// Limit from the utility's operating envelope or programme.
    Utility = 1,
    /// Limit that the campus operator typed in.
    Operator = 2,
    /// Emergency order (also one by telephone, entered and read back).
    Emergency = 3,
}

/// One source of an import limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitConfig {
    /// Name for people.
    pub name: String,
    /// What it rests on.
    pub kind: LimitKind,
    /// The point it binds, or all of them together.
    pub poi: Option<u8>,
    /// Averaging window of the meter that judges it; zero means every instant.
    pub window: Span,
    /// Limit until the source says otherwise, W.
    pub initial_w: f64,
    /// Limit once what the source last said has run out while it is silent, W (a subscription); infinite: its last word
    /// stays whatever its end (V-CTRL-23).
    pub fallback_w: f64,
    /// A source silent for longer is counted lost: its last limit stays, it can only tighten.
    pub stale_after: Span,
}

/// A hall of GPUs behind one feeder.
#[derive(Clone, Debug, PartialEq)]
pub struct HallConfig {
    /// Name for people.
    pub name: String,
    /// Its point of interconnection.
    pub poi: u8,
    /// GPUs installed and in service.
    pub gpus: f64,
    /// Power of the hall that no cap moves (network, CPUs, fans), W.
    pub fixed_w: f64,
    /// Hall feeder watts per watt of GPU power (conversion loss), at least 1.
    pub feeder_per_gpu_w: f64,
    /// Highest cap, W per GPU.
    pub max_cap_w: f64,
    /// Lowest cap that the GPUs accept, W per GPU.
    pub min_cap_w: f64,
    /// Cap to which the node agents fall back when the lease lapses, W per GPU.
    pub safe_cap_w: f64,
    /// The operator's safe floor: no order cuts below this cap, W per GPU; and the hall's job is then not paused. Zero: none.
    pub operator_floor_w: f64,
    /// Smoothing floor while nothing asks for less power, W per GPU; zero: none.
    pub floor_w: f64,
    /// Draw of a GPU whose job is paused, W.
    pub paused_w: f64,
    /// Exponent of throughput over cap, `((cap - paused) / (max - paused))^exponent` (0.30: measured sweep on A100).
    pub throughput_exponent: f64,
    /// Cooling power per watt of hall power at design temperature: what a restored watt will cost in full.
    pub cooling_per_w: f64,
    /// The job that runs here; halls of one job are cut alike, since its slowest hall sets its pace.
    pub job: u8,
    /// Price of shedding, $ per joule of hall energy not served (from the job's value); cheapest goes first.
    pub shed_usd_per_j: f64,
    /// Tier: 0 is shed last whatever the price.
    pub tier: u8,
    /// Time from command to GPU power at target, s.
    pub cap_delay_s: f64,
}

/// An on-site turbine.
#[derive(Clone, Debug, PartialEq)]
pub struct TurbineConfig {
    /// Name for people.
    pub name: String,
    /// Its point of interconnection.
    pub poi: u8,
    /// Rated generation, W.
    pub rated_w: f64,
    /// Least stable generation, W.
    pub min_w: f64,
    /// Ramp, W/s.
    pub ramp_w_per_s: f64,
    /// Fuel and upkeep, $/J generated.
    pub cost_usd_per_j: f64,
    /// Share of the rating lost per kelvin above 15 °C.
    pub derate_per_k: f64,
}

/// A battery unit.
#[derive(Clone, Debug, PartialEq)]
pub struct BatteryConfig {
    /// Name for people.
    pub name: String,
    /// Its point of interconnection.
    pub poi: u8,
    /// Greatest charging power, W.
    pub charge_w: f64,
    /// Greatest discharging power, W (positive).
    pub discharge_w: f64,
    /// Usable energy at 100 %, J.
    pub energy_j: f64,
    /// Lowest state of charge, 0..1.
    pub soc_min: f64,
    /// Highest state of charge, 0..1.
    pub soc_max: f64,
    /// One-way efficiency, 0..1 (the square root of the round trip).
    pub efficiency: f64,
    /// Delay from command to response, s; at most 0.8 s.
    pub delay_s: f64,
    /// First-order lag of the response, s.
    pub lag_s: f64,
}

/// How long commands stay in force. GPU leases lapse before the battery reverts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseConfig {
    /// GPU caps.
    pub gpu: Span,
    /// Greatest extra delay by which node agents jitter their fall-back.
    pub gpu_jitter: Span,
    /// Time over which a fall-back ramps to the safe cap.
    pub gpu_ramp: Span,
    /// Battery set-points; longer than `gpu + gpu_jitter + gpu_ramp`.
    pub battery: Span,
    /// Turbine set-points; a lapsed turbine holds its output.
    pub turbine: Span,
}

/// When telemetry counts as late and as lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StaleConfig {
    /// A meter reading older than this raises a warning.
    pub meter_warn: Span,
    /// A meter reading older than this is lost: open loop on the last maximum.
    pub meter_lost: Span,
    /// Unit telemetry (halls, turbines, batteries) older than this is lost.
    pub unit_lost: Span,
    /// Window of the last maximum.
    pub last_maximum: Span,
}

/// State-of-charge bookkeeping: one ledger, every joule in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReserveConfig {
    /// State of charge that the slow recentring seeks, 0..1.
    pub target_soc: f64,
    /// Greatest recentring power as a share of the battery's rating (5 % or less).
    pub recentre_share: f64,
    /// Time constant of the recentring, s.
    pub recentre_s: f64,
    /// Least time for which the battery must carry the largest turbine's trip until caps have taken over, s.
    pub trip_bridge_s: f64,
    /// Load step for which ramp energy is kept in both directions, W (all points together).
    pub ramp_step_w: f64,
}

/// How load returns after a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestoreConfig {
    /// Restore rate as a share of the ramp limit (about a tenth).
    pub rate_share: f64,
    /// Wait after the last cut before load returns.
    pub hold_off: Span,
    /// Head-room that must open before load returns, as a share of the load that halls and cooling draw: an island and a
    /// campus that exports have no import to measure it by.
    pub hysteresis: f64,
}

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

/// One duty of the controller, in order of precedence: a lower row gives way to a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Duty {
    /// Limits of the equipment itself.
    Protection = 0,
    /// The operator's safe floor.
    SafeFloor = 1,
    /// Emergency order.
    Emergency = 2,
    /// No load action during a voltage excursion.
    VoltageFreeze = 3,
    /// Import limit.
    ImportLimit = 4,
    /// Ramp and band limits at the point of interconnection.
    Ramp = 5,
    /// State-of-charge reserves.
    Reserve = 6,
    /// Cheapest split.
    Economics = 7,
}

/// How many duties there are.
pub const DUTIES: usize = 8;

impl Duty {
    /// All duties, highest first: the precedence table.
    pub const ALL: [Self; DUTIES] = [
        Self::Protection,
        Self::SafeFloor,
        Self::Emergency,
        Self::VoltageFreeze,
        Self::ImportLimit,
        Self::Ramp,
        Self::Reserve,
        Self::Economics,
    ];
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Protection => "equipment protection",
            Self::SafeFloor => "safe floor",
            Self::Emergency => "emergency order",
            Self::VoltageFreeze => "voltage freeze",
            Self::ImportLimit => "import limit",
            Self::Ramp => "ramp limit",
            Self::Reserve => "state-of-charge reserve",
            Self::Economics => "economics",
        }
    }
}

/// Who set the import that is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// No limit binds: the ramp target equals the load.
    #[default]
    Nothing,
    /// Limit source of this index.
    Limit(u8),
    /// Event at this place of the table.
    Event(u8),
    /// The ramp limit.
    Ramp,
    /// The island: import must be zero.
    Island,
}

/// Why a decision is what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reason {
    /// What set the target of each point.
    pub binding: [Binding; POIS],
    /// By how much each duty gave way to a higher one, W (J for the reserve: see [`Ledger`]).
    pub gave_way_w: [f64; DUTIES],
    /// Conditions noticed, see [`Condition`].
    pub conditions: u32,
    /// What it costs while it lasts, $/s: work not done under caps, jobs paused, fuel of the turbines.
    pub cost_usd_per_s: [f64; 3],
}

/// Conditions worth a word in the log, as bits of [`Reason::conditions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Condition {
    /// A meter is late.
    MeterLate = 1,
    /// A meter is lost: open loop on the last maximum.
    MeterLost = 2,
    /// Unit telemetry is lost.
    UnitLost = 4,
    /// A limit source is silent: its last limit stays.
    LimitSilent = 8,
    /// An event cannot be met in its notice; said at receipt.
    EventInfeasible = 16,
    /// Voltage outside its band: load actions are frozen.
    VoltageFrozen = 32,
    /// The battery cannot give what is asked.
    BatteryShort = 64,
    /// Every means is used and import still exceeds its limit.
    LimitUnreachable = 128,
    /// A value out of range, NaN or of the wrong unit was set aside.
    BadReading = 256,
    /// The guard tightened the decision.
    GuardActed = 512,
    /// Load is being restored.
    Restoring = 1024,
    /// Clock stepped: event times are distrusted.
    ClockStepped = 2048,
    /// The meter disagrees with the sum of the feeders (I18).
    MeterSuspect = 4096,
    /// The load swings faster than the loop can follow without amplifying: its swing is left to local devices.
    Swinging = 8192,
    /// Smoothing floors are lowered to make room under a limit.
    FloorsLowered = 16384,
    /// A job is asked for a checkpoint, so that it can be paused.
    CheckpointAsked = 32768,
    /// A job is paused, its work saved.
    JobPaused = 65536,
    /// A job is paused without evidence of a checkpoint, on an emergency order.
    PausedUnsaved = 131_072,
    /// The operator's safe floor stands above an order or a limit.
    SafeFloorHeld = 262_144,
    /// What a limit source last said ran out while it was silent: its fall-back applies.
    LimitFellBack = 524_288,
    /// A spoken order has not been read back yet.
    OrderUnconfirmed = 1_048_576,
}

/// What a job is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum JobOrder {
    /// Work.
    #[default]
    Run = 0,
    /// Save the work now, and go on.
    Checkpoint = 1,
    /// Hold: give the power back and wait.
    Pause = 2,
}

impl JobOrder {
    /// The order of a code; an unknown code is none.
    #[must_use]
    pub const fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Run),
            1 => Some(Self::Checkpoint),
            2 => Some(Self::Pause),
            _ => None,
        }
    }
}

/// The one ledger of stored energy: the rows sum to what is stored, so no joule is promised twice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Stored above the units' lowest state of charge, J.
    pub stored_j: f64,
    /// Kept to bridge from a lapsed GPU lease to the safe caps, J.
    pub bridge_j: f64,
    /// Kept for the trip of the largest turbine, J.
    pub trip_j: f64,
    /// Kept to finish the ramp in progress or the next one, J.
    pub ramp_j: f64,
    /// Free for curtailments and economics, J.
    pub free_j: f64,
    /// Room left for charging, J (not part of the sum).
    pub room_j: f64,
}

/// What the devices are told, why, and until when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Counts decisions; a device refuses one that is not newer.
    pub seq: u64,
    /// Fencing epoch: a device refuses a lower one.
    pub epoch: u64,
    /// The tick's instant.
    pub now: Time,
    /// Set-point of each battery unit, W (positive charges); whole kilowatts.
    pub battery_w: [f64; BATTERIES],
    /// Battery set-points lapse here.
    pub battery_until: Time,
    /// Cap of each hall, W per GPU; whole watts.
    pub cap_w: [f64; HALLS],
    /// Smoothing floor of each hall, W per GPU; never above the cap.
    pub floor_w: [f64; HALLS],
    /// Caps and floors lapse here.
    pub cap_until: Time,
    /// Generation asked of each turbine, W (positive; 0 stops it); multiples of 10 kW.
    pub turbine_w: [f64; TURBINES],
    /// Turbine set-points lapse here.
    pub turbine_until: Time,
    /// What each job is told; a job that hears nothing more keeps its last order.
    pub job: [JobOrder; JOBS],
    /// Import aimed at, per point, W.
    pub target_w: [f64; POIS],
    /// Import allowed, per point, W.
    pub allowed_w: [f64; POIS],
    /// The ledger of stored energy.
    pub ledger: Ledger,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    /// Everything at rest: batteries at zero, caps and floors at zero, turbines stopped, no lease.
    #[must_use]
    pub fn idle(now: Time, epoch: u64) -> Self {
        Self {
            seq: 0,
            epoch,
            now,
            battery_w: [0.0; BATTERIES],
            battery_until: now,
            cap_w: [0.0; HALLS],
            floor_w: [0.0; HALLS],
            cap_until: now,
            turbine_w: [0.0; TURBINES],
            turbine_until: now,
            job: [JobOrder::Run; JOBS],
            target_w: [0.0; POIS],
            allowed_w: [0.0; POIS],
            ledger: Ledger::default(),
            reason: Reason::default(),
        }
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

impl Config {
    /// What is wrong with this configuration, in words; empty when a run may begin.
    ///
    /// The scenario reader says the same with file and line; this is the second path, for configurations made in code.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut check = |ok: bool, text: &str| {
            if !ok {
                found.push(text.to_owned());
            }
        };
        let tick = self.tick.as_nanos();
        check(tick > 0, "the tick must be positive");
        check(self.economics_every > 0, "the economic split needs a period of at least one tick");
        check(tick > 0 && self.plan_every.as_nanos() % tick == 0, "the plan period must be a whole number of ticks");
        check((1..=POIS).contains(&self.pois.len()), "between 1 and 4 points of interconnection");
        check(self.limits.len() <= LIMITS, "at most 16 limit sources");
        check(self.halls.len() <= HALLS, "at most 32 halls");
        check(self.turbines.len() <= TURBINES, "at most 48 turbines");
        check(self.batteries.len() <= BATTERIES, "at most 256 battery units");
        let pois = self.pois.len();
        let inside = |poi: u8| usize::from(poi) < pois;
        check(
            self.limits.iter().all(|limit| limit.poi.is_none_or(inside)),
            "a limit names a point that does not exist",
        );
        check(self.halls.iter().all(|hall| inside(hall.poi)), "a hall names a point that does not exist");
        check(self.turbines.iter().all(|turbine| inside(turbine.poi)), "a turbine names a point that does not exist");
        check(self.batteries.iter().all(|unit| inside(unit.poi)), "a battery names a point that does not exist");
        check(
            self.pois.iter().all(|poi| poi.ramp_up_w_per_s > 0.0 && poi.ramp_down_w_per_s > 0.0 && poi.margin_w >= 0.0),
            "ramp limits must be positive and margins not negative",
        );
        check(
            self.halls.iter().all(|hall| {
                hall.gpus >= 0.0
                    && hall.feeder_per_gpu_w >= 1.0
                    && 0.0 <= hall.min_cap_w
                    && hall.min_cap_w <= hall.safe_cap_w
                    && hall.safe_cap_w <= hall.max_cap_w
                    && hall.cooling_per_w >= 0.0
            }),
            "a hall needs GPUs >= 0, feeder power >= GPU power and least cap <= safe cap <= greatest cap",
        );
        check(
            self.batteries.iter().all(|unit| {
                unit.energy_j > 0.0
                    && unit.charge_w >= 0.0
                    && unit.discharge_w >= 0.0
                    && 0.0 <= unit.soc_min
                    && unit.soc_min < unit.soc_max
                    && unit.soc_max <= 1.0
                    && 0.0 < unit.efficiency
                    && unit.efficiency <= 1.0
            }),
            "a battery needs energy, power >= 0, 0 <= lowest < highest charge <= 1 and an efficiency in (0, 1]",
        );
        let safe_at = self.leases.gpu + self.leases.gpu_jitter + self.leases.gpu_ramp;
        check(safe_at < self.leases.battery, "GPU leases must lapse, jitter and ramp before the battery reverts");
        check((0.0..=1.0).contains(&self.completion_share), "the completion share lies between 0 and 1");
        check(self.jobs.len() <= JOBS, "at most 32 jobs");
        check(
            self.halls.iter().all(|hall| {
                0.0 <= hall.floor_w
                    && hall.floor_w <= hall.max_cap_w
                    && 0.0 <= hall.operator_floor_w
                    && hall.operator_floor_w <= hall.max_cap_w
                    && 0.0 <= hall.paused_w
                    && hall.throughput_exponent > 0.0
            }),
            "floors lie between 0 and the greatest cap, and the throughput exponent is positive",
        );
        check(
            self.schedule.band_w >= 0.0
                && self.schedule.interval > Span::ZERO
                && tick > 0
                && self.schedule.interval.as_nanos() % tick == 0,
            "a schedule needs a band and an interval of whole ticks",
        );
        check(
            (0..self.pois.len()).all(|poi| {
                let above_hz = crate::smoothing::amplifies_above_hz(self, poi);
                self.pois[poi].smooth_hz >= 0.0 && self.pois[poi].smooth_hz <= above_hz
            }),
            "cyclic load may be cancelled only up to the frequency from which the loop would amplify it",
        );
        check(
            self.pois.iter().all(|poi| poi.emergency_ramp_w_per_s > 0.0),
            "the ramp declared for emergencies must be positive",
        );
        found
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
