//! What the controller says: orders to batteries, caps, turbines and jobs, each with its lease and its reason.
//!
//! Not modelled: reactive power; how an order reaches its device.

use tieline_units::Time;

use super::{BATTERIES, HALLS, JOBS, POIS, TURBINES};

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
    /// The tie of a point is open: its bus runs as an island.
    TieOpen = 2_097_152,
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
