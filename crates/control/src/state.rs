//! What the controller remembers from tick to tick: a small plain value.
//!
//! Not modelled: anything that does not change a later decision.

use crate::contract::{BATTERIES, BUCKETS, Config, Decision, EVENTS, HALLS, JOBS, LIMITS, Observation, POIS, TURBINES};
use crate::sensing::usable;
use bytemuck::{Pod, Zeroable};
use tieline_units::{Quality, Time};

/// Ticks of battery history: enough to look 1.6 s back at 100 ms.
pub(crate) const HISTORY: usize = 16;

/// The controller's memory. Plain old data without padding, so that its digest covers every bit.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct State {
    pub(crate) now_ns: i64,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    /// 0 until the first tick has initialised the rest.
    pub(crate) started: u64,
    /// 1 during the first tick.
    pub(crate) first: u64,
    /// 1 when caps and set-points were taken over from another controller.
    pub(crate) inherited: u64,
    pub(crate) utc_offset_ns: i64,
    pub(crate) last_cut_ns: i64,
    pub(crate) restoring: u64,
    /// When load was last done returning.
    pub(crate) restored_ns: i64,
    /// Points that stand alone, one bit each: those without a grid, and those whose tie is open.
    pub(crate) alone: u64,

    /// Last limit that each source confirmed, W.
    pub(crate) held_limit_w: [f64; LIMITS],
    /// Up to when it means it.
    pub(crate) held_until_ns: [i64; LIMITS],
    /// Import beyond each limit, J per bucket of its averaging window; unused room counts negative.
    pub(crate) excess_j: [[f32; BUCKETS]; LIMITS],
    pub(crate) excess_sum_j: [f64; LIMITS],
    pub(crate) excess_index: [i64; LIMITS],
    pub(crate) events: [EventMemory; EVENTS],

    /// Net load (import less battery), low-passed, W.
    pub(crate) net_w: [f64; POIS],
    /// Greatest net load of each of the last seconds, W.
    pub(crate) peak_w: [[f32; BUCKETS]; POIS],
    pub(crate) peak_index: [i64; POIS],
    /// Slow mean of the net load, W; on which side of it the load was last, since
    /// when, and how often in a row it crossed, and crossed fast.
    pub(crate) swing_mean_w: [f64; POIS],
    pub(crate) swing_side: [i64; POIS],
    pub(crate) swing_since_ns: [i64; POIS],
    pub(crate) swing_count: [u64; POIS],
    pub(crate) swing_fast: [u64; POIS],
    /// Load that no feeder explains (losses), W.
    pub(crate) unexplained_w: [f64; POIS],
    pub(crate) belief: [u64; POIS],
    /// Greatest load that this campus can be, all points together, W: what exceeds it by far was misread.
    pub(crate) most_w: f64,
    /// Last reading of each meter, and how often in a row it came.
    pub(crate) meter_w: [f64; POIS],
    pub(crate) meter_same: [u64; POIS],
    /// Since when a hall draws more than its cap allows.
    pub(crate) defiant_since_ns: [i64; HALLS],
    pub(crate) suspect_since_ns: [i64; POIS],
    pub(crate) agree_since_ns: [i64; POIS],
    pub(crate) freeze_since_ns: [i64; POIS],
    /// Since when the meter shows less load than the feeders confirm, so that the battery charges less than it could.
    pub(crate) doubt_since_ns: [i64; POIS],
    /// Battery power as commanded and as modelled, W, newest at `seq % HISTORY`.
    pub(crate) command_ring_w: [[f64; HISTORY]; POIS],
    pub(crate) model_ring_w: [[f64; HISTORY]; POIS],
    pub(crate) battery_bias_w: [f64; POIS],
    pub(crate) battery_taken_ns: [i64; POIS],

    /// Settlement interval under way, and its deviation from the declared schedule so far, J.
    pub(crate) interval_index: i64,
    pub(crate) deviation_j: f64,
    /// Import aimed at, W.
    pub(crate) target_w: [f64; POIS],
    /// The target as it would be if it never rose faster than the ramp, W.
    pub(crate) paced_w: [f64; POIS],
    pub(crate) recentre_w: [f64; POIS],
    /// Last set-points.
    pub(crate) battery_kw: [i32; BATTERIES],
    /// Share of each unit in its point's set-point; sums to one per point.
    pub(crate) weight: [f32; BATTERIES],
    /// What each unit can give and take for as long as its lease, whole kW.
    pub(crate) give_kw: [i32; BATTERIES],
    pub(crate) take_kw: [i32; BATTERIES],
    pub(crate) stored_j: [f64; POIS],
    pub(crate) room_j: [f64; POIS],
    pub(crate) discharge_w: [f64; POIS],
    pub(crate) charge_w: [f64; POIS],
    /// Caps that limits ask for (restored slowly) and caps that secure the ramp (follow the target), W per GPU.
    pub(crate) limit_cap_w: [f64; HALLS],
    /// Cap that follows each hall's draw with room, W per GPU.
    pub(crate) envelope_w: [f64; HALLS],
    pub(crate) ramp_cap_w: [f64; HALLS],
    pub(crate) cap_w: [f64; HALLS],
    /// Smoothing floors, W per GPU.
    pub(crate) floor_w: [f64; HALLS],
    /// Caps that really went out, W per GPU: the guard's memory.
    pub(crate) sent_cap_w: [f64; HALLS],
    /// What each job was told last, since when, and what really went out.
    pub(crate) job_since_ns: [i64; JOBS],
    pub(crate) job_order: [u8; JOBS],
    pub(crate) sent_job: [u8; JOBS],
    /// Halls, first to be shed first: fixed by the configuration.
    pub(crate) shed_order: [u8; HALLS],
    /// First battery unit of each point; `BATTERIES` where there is none.
    pub(crate) first_unit: [u64; POIS],
    pub(crate) turbine_w: [f32; TURBINES],
    pub(crate) turbine_idle_s: [f32; TURBINES],
}

/// An event as remembered: a vanished event is not a cancelled one.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct EventMemory {
    pub id: u64,
    pub received_ns: i64,
    /// When the reduction must be complete (a share of the notice).
    pub done_ns: i64,
    pub start_ns: i64,
    pub end_ns: i64,
    /// Start and end as they were sent, whatever the site's clock made of them.
    pub sent_ns: [i64; 2],
    pub limit_w: f64,
    /// Fall of the allowed import before `done`, W/s.
    pub slope_w_per_s: f64,
    /// Low byte: point (255 all of them). Bit 8: infeasible.
    pub poi_and_flags: u64,
}

impl EventMemory {
    pub(crate) const INFEASIBLE: u64 = 1 << 8;

    pub(crate) fn poi(&self) -> u8 {
        (self.poi_and_flags & 0xff) as u8
    }
}

impl State {
    /// A controller that knows nothing yet and starts at the given instant, under fencing epoch `epoch`.
    #[must_use]
    pub fn new(now: Time, epoch: u64) -> Self {
        Self { now_ns: now.as_nanos(), epoch, ..Self::zeroed() }
    }

    /// A standby that takes over from a controller that is gone: `last` is the last decision that the devices acknowledged,
    /// `epoch` must be higher than its. Counts go on, so that devices take its commands as newer; caps stay where they
    /// are and load returns only after a hold-off; the battery goes on from its measured power.
    #[must_use]
    pub fn standby(now: Time, epoch: u64, last: &Decision) -> Self {
        let mut state = Self::new(now, epoch);
        state.seq = last.seq;
        state.inherited = 1;
        state.cap_w = last.cap_w;
        state.floor_w = last.floor_w;
        state.job_order = last.job.map(|order| order as u8);
        state.sent_job = state.job_order;
        for (kw, power_w) in state.battery_kw.iter_mut().zip(last.battery_w) {
            *kw = libm::round(power_w / 1e3) as i32;
        }
        for (set_w, generation_w) in state.turbine_w.iter_mut().zip(last.turbine_w) {
            *set_w = generation_w as f32;
        }
        state
    }

    /// The instant of the next tick.
    #[must_use]
    pub const fn now(&self) -> Time {
        Time::nanos(self.now_ns)
    }

    /// Whether a point stands alone, without the grid.
    pub(crate) const fn island(&self, poi: usize) -> bool {
        self.alone >> poi & 1 == 1
    }

    /// 64-bit digest over every bit of the state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        twox_hash::XxHash3_64::oneshot(bytemuck::bytes_of(self))
    }

    /// First tick: no limit is known beyond the configured ones; nothing is cut, or what a predecessor cut stays cut; the
    /// batteries are where their telemetry shows them, else where they were last told to be.
    pub(crate) fn start(&mut self, config: &Config, seen: &Observation) {
        self.started = 1;
        self.alone = (0..config.pois.len()).filter(|poi| config.pois[*poi].island).fold(0, |mask, poi| mask | 1 << poi);
        self.last_cut_ns = if self.inherited == 1 { self.now_ns } else { Time::NEVER.as_nanos() };
        self.suspect_since_ns = [Time::FOREVER.as_nanos(); POIS];
        self.agree_since_ns = [Time::FOREVER.as_nanos(); POIS];
        self.freeze_since_ns = [Time::FOREVER.as_nanos(); POIS];
        self.doubt_since_ns = [Time::FOREVER.as_nanos(); POIS];
        self.battery_taken_ns = [Time::NEVER.as_nanos(); POIS];
        for (held, limit) in self.held_limit_w.iter_mut().zip(&config.limits) {
            *held = limit.initial_w;
        }
        if self.inherited == 1 {
            // What a source said last still stands, however long ago: its silence releases nothing.
            for (index, held) in self.held_limit_w.iter_mut().enumerate().take(config.limits.len()) {
                let value_w = seen.limit_w.value[index];
                if seen.limit_w.quality[index] == Quality::Good && value_w >= 0.0 {
                    *held = value_w.min(crate::limits::UNLIMITED_W);
                }
            }
        }
        self.restored_ns = Time::NEVER.as_nanos();
        self.held_until_ns = [Time::FOREVER.as_nanos(); LIMITS];
        self.swing_since_ns = [Time::NEVER.as_nanos(); POIS];
        self.job_since_ns = [if self.inherited == 1 { self.now_ns } else { Time::NEVER.as_nanos() }; JOBS];
        for (index, hall) in config.halls.iter().enumerate() {
            let held_w = self.cap_w[index];
            let cap_w = if self.inherited == 1 && held_w.is_finite() {
                held_w.clamp(crate::caps::least_cap_w(config, index), hall.max_cap_w)
            } else {
                hall.max_cap_w
            };
            self.limit_cap_w[index] = cap_w;
            self.envelope_w[index] = hall.max_cap_w;
            self.ramp_cap_w[index] = hall.max_cap_w;
            self.cap_w[index] = cap_w;
            self.floor_w[index] =
                if self.inherited == 1 { self.floor_w[index].min(hall.floor_w) } else { hall.floor_w };
            self.sent_cap_w[index] = cap_w;
        }
        self.shed_order = crate::caps::shed_order(config);
        self.defiant_since_ns = [Time::FOREVER.as_nanos(); HALLS];
        self.most_w = crate::sensing::most_w(config);
        for poi in 0..POIS {
            let first = config.batteries.iter().position(|unit| usize::from(unit.poi) == poi);
            self.first_unit[poi] = first.unwrap_or(BATTERIES) as u64;
        }
        self.turbine_idle_s = [0.0; TURBINES];
        self.find_batteries(config, seen);
    }

    /// Fills the history of battery power with what it is now, so that taking over or restarting is no step (I9).
    fn find_batteries(&mut self, config: &Config, seen: &Observation) {
        let mut power_w = [0.0; POIS];
        for (index, unit) in config.batteries.iter().enumerate() {
            let measured_w = usable(&seen.battery_w, index, seen.now, config.stale.unit_lost);
            let told_w = f64::from(self.battery_kw[index]) * 1e3;
            let now_w = measured_w.unwrap_or(told_w).clamp(-unit.discharge_w, unit.charge_w);
            self.battery_kw[index] = libm::round(now_w / 1e3) as i32;
            power_w[usize::from(unit.poi)] += now_w;
        }
        for (poi, power_w) in power_w.into_iter().enumerate() {
            self.command_ring_w[poi] = [power_w; HISTORY];
            self.model_ring_w[poi] = [power_w; HISTORY];
        }
    }
}

const _: () = assert!(size_of::<State>() <= 16 * 1024, "the state stays small");
