//! What the controller knows beforehand, and what makes such knowledge unfit for a run.
//!
//! Not modelled: how a scenario or a site file spells it (the readers), devices that join during a run.

use tieline_units::Span;

use super::{BATTERIES, HALLS, JOBS, LIMITS, POIS, TURBINES};

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
    /// Head-room that must open before load returns, as a share of the load (on an island there is no import to take it of).
    pub hysteresis: f64,
}

impl Config {
    /// What is wrong with this configuration, in words; empty when a run may begin.
    ///
    /// The scenario reader says the same with file and line; this is the second path, for configurations made in code.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        [self.periods(), self.places(), self.ties(), self.loads(), self.means(), self.bookkeeping()].concat()
    }

    /// Periods and leases that do not fit together.
    fn periods(&self) -> Vec<String> {
        let tick = self.tick.as_nanos();
        let whole = |span: Span| tick > 0 && span > Span::ZERO && span.as_nanos() % tick == 0;
        let safe_at = self.leases.gpu + self.leases.gpu_jitter + self.leases.gpu_ramp;
        let stale = &self.stale;
        said([
            (tick > 0, "the tick must be positive"),
            (self.economics_every > 0, "the economic split needs a period of at least one tick"),
            (whole(self.plan_every), "the plan period must be a whole number of ticks"),
            (
                self.schedule.band_w >= 0.0 && whole(self.schedule.interval),
                "a schedule needs a band and an interval of whole ticks",
            ),
            (safe_at < self.leases.battery, "GPU leases must lapse, jitter and ramp before the battery reverts"),
            (
                self.leases.gpu > self.tick && self.leases.turbine > self.tick,
                "leases must outlast a tick, or every command lapses before the next",
            ),
            (
                stale.meter_warn <= stale.meter_lost && stale.unit_lost > Span::ZERO && stale.last_maximum > Span::ZERO,
                "a meter is late before it is lost, and the windows of lost telemetry are positive",
            ),
        ])
    }

    /// Lists that are too long, and places that do not exist.
    fn places(&self) -> Vec<String> {
        let lists = [
            (self.limits.len(), LIMITS, "limit sources"),
            (self.halls.len(), HALLS, "halls"),
            (self.turbines.len(), TURBINES, "turbines"),
            (self.batteries.len(), BATTERIES, "battery units"),
            (self.jobs.len(), JOBS, "jobs"),
        ];
        let mut found: Vec<String> = lists
            .iter()
            .filter(|(count, most, _)| count > most)
            .map(|(count, most, noun)| format!("{count} {noun}, at most {most}"))
            .collect();
        if !(1..=POIS).contains(&self.pois.len()) {
            found.push(format!("between 1 and {POIS} points of interconnection, not {}", self.pois.len()));
        }
        let inside = |poi: u8| usize::from(poi) < self.pois.len();
        found.extend(said([
            (self.limits.iter().all(|limit| limit.poi.is_none_or(inside)), "a limit names a point that does not exist"),
            (self.halls.iter().all(|hall| inside(hall.poi)), "a hall names a point that does not exist"),
            (self.turbines.iter().all(|turbine| inside(turbine.poi)), "a turbine names a point that does not exist"),
            (self.batteries.iter().all(|unit| inside(unit.poi)), "a battery names a point that does not exist"),
        ]));
        found
    }

    /// Points of interconnection whose ramps, margins or smoothing make no sense.
    fn ties(&self) -> Vec<String> {
        let pois = || self.pois.iter();
        said([
            (
                pois().all(|poi| poi.ramp_up_w_per_s > 0.0 && poi.ramp_down_w_per_s > 0.0 && poi.margin_w >= 0.0),
                "ramp limits must be positive and margins not negative",
            ),
            (
                pois().enumerate().all(|(index, poi)| {
                    (0.0..=crate::smoothing::amplifies_above_hz(self, index)).contains(&poi.smooth_hz)
                }),
                "cyclic load may be cancelled only up to the frequency from which the loop would amplify it",
            ),
            (pois().all(|poi| poi.emergency_ramp_w_per_s > 0.0), "the ramp declared for emergencies must be positive"),
        ])
    }

    /// Halls whose caps and floors contradict each other.
    fn loads(&self) -> Vec<String> {
        let caps = |hall: &HallConfig| {
            0.0 <= hall.min_cap_w && hall.min_cap_w <= hall.safe_cap_w && hall.safe_cap_w <= hall.max_cap_w
        };
        let floors = |hall: &HallConfig| {
            let within = 0.0..=hall.max_cap_w;
            within.contains(&hall.floor_w) && within.contains(&hall.operator_floor_w) && hall.paused_w >= 0.0
        };
        said([
            (
                self.halls.iter().all(|hall| {
                    hall.gpus >= 0.0 && hall.feeder_per_gpu_w >= 1.0 && caps(hall) && hall.cooling_per_w >= 0.0
                }),
                "a hall needs GPUs >= 0, feeder power >= GPU power and least cap <= safe cap <= greatest cap",
            ),
            (
                self.halls.iter().all(|hall| floors(hall) && hall.throughput_exponent > 0.0),
                "floors lie between 0 and the greatest cap, and the throughput exponent is positive",
            ),
        ])
    }

    /// Batteries and turbines that could not exist.
    fn means(&self) -> Vec<String> {
        said([
            (
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
            ),
            (
                self.turbines
                    .iter()
                    .all(|turbine| (0.0..=turbine.rated_w).contains(&turbine.min_w) && turbine.ramp_w_per_s > 0.0),
                "a turbine needs 0 <= least <= rated generation and a positive ramp",
            ),
        ])
    }

    /// Shares that are none.
    fn bookkeeping(&self) -> Vec<String> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let (reserve, restore) = (&self.reserve, &self.restore);
        said([
            (share(self.completion_share), "the completion share lies between 0 and 1"),
            (
                share(reserve.target_soc) && share(reserve.recentre_share) && reserve.recentre_s > 0.0,
                "the state of charge sought and the recentring's share lie between 0 and 1, its time is positive",
            ),
            (
                reserve.trip_bridge_s >= 0.0 && reserve.ramp_step_w >= 0.0,
                "the energies kept in reserve are not negative",
            ),
            (
                share(restore.rate_share) && restore.hysteresis >= 0.0 && restore.hold_off >= Span::ZERO,
                "the restore rate is a share of the ramp, its hysteresis and its wait are not negative",
            ),
        ])
    }
}

/// The texts of the rules that do not hold.
fn said<const RULES: usize>(rules: [(bool, &str); RULES]) -> Vec<String> {
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, text)| text.to_owned()).collect()
}
