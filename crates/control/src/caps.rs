//! GPU caps: what the halls may draw so that import stays under its limit whatever the jobs do.
//!
//! Caps bound the *most* a hall can draw, so the bound holds without trusting the jobs. Three caps stand side by side and
//! the lowest is sent: the envelope (follows what the hall draws with room that costs no work, so that GPUs rated far
//! above their draw do not claim power they never use), the limit cap (cut at once, cheapest job first, halls of one job
//! alike; restored about ten times slower than the ramp limit) and the ramp cap (keeps what stalled halls could take back
//! within what target, ramp and battery can carry; never below what a hall draws).
//!
//! Smoothing floors burn power to keep it steady, so they go down before a cap does, and come back after.
//!
//! Not modelled: resizing, sequence effects inside a job; a job across two points is cut per point.

use crate::contract::{Condition, Config, HALLS, JOBS, JobOrder, Ledger, Observation, POIS};
use crate::limits::Allowed;
use crate::sensing::{Sensed, feeder_w, hall_ceiling_w};
use crate::state::State;
use crate::turbines::island_supply_w;
use tieline_units::Time;

/// How the split is made this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Once a second: battery helps through events with an end; restore may go on.
    Economic,
    /// The battery cannot cover the deficit: cut in this tick, count on nothing else.
    Emergency,
}

/// A cap this far above the mean draw costs no work; guess from the A100 sweep, in which a cap of 400 W did not touch a
/// mean draw of 367.6 W (a factor of 1.088). Below the first factor the envelope rises at once, to the second; above the
/// third it falls slowly. The band between keeps noise from moving caps.
const ENVELOPE: (f64, f64, f64) = (1.09, 1.13, 1.17);
/// A hall that draws more than this share of its cap may want more than it gets: its envelope does not fall.
const AT_CAP: f64 = 0.93;
/// Time constant with which an envelope falls, s (guess: longer than a checkpoint or a failure's first minute).
const ENVELOPE_LAG_S: f64 = 300.0;

/// Moves the envelopes; called once a second. Lost hall telemetry holds them: not knowing raises nothing.
pub(crate) fn envelopes(config: &Config, state: &mut State, seen: &Observation) {
    let step_s = config.tick.as_secs_f64() * f64::from(config.economics_every);
    let first = state.first == 1;
    for (index, hall) in config.halls.iter().enumerate() {
        let feeder_w = feeder_w(config, seen, index);
        let (Some(feeder_w), true) = (feeder_w, hall.gpus > 0.0) else { continue };
        let drawn_w = ((feeder_w - hall.fixed_w) / (hall.gpus * hall.feeder_per_gpu_w)).max(0.0);
        let (low, aim, high) = (ENVELOPE.0 * drawn_w, ENVELOPE.1 * drawn_w, ENVELOPE.2 * drawn_w);
        let envelope_w = state.envelope_w[index];
        let fall_w = (envelope_w - aim) * (step_s / ENVELOPE_LAG_S).min(1.0);
        let moved_w = if first || envelope_w < low {
            aim
        } else if envelope_w > high && drawn_w < AT_CAP * state.sent_cap_w[index] {
            envelope_w - fall_w
        } else {
            envelope_w
        };
        state.envelope_w[index] = moved_w.clamp(hall.min_cap_w, hall.max_cap_w);
    }
}

/// Hall indices, first to be shed first: higher tier first, then cheaper, then by job so that a job's halls are
/// neighbours. Precedence of tiers stands above price.
pub(crate) fn shed_order(config: &Config) -> [u8; HALLS] {
    let mut order = [0_u8; HALLS];
    for (index, place) in order.iter_mut().enumerate() {
        *place = index as u8;
    }
    let key = |index: u8| {
        let hall = &config.halls[usize::from(index)];
        (u8::MAX - hall.tier, hall.shed_usd_per_j, hall.job)
    };
    let used = &mut order[..config.halls.len()];
    used.sort_unstable_by(|a, b| {
        let (ta, pa, ja) = key(*a);
        let (tb, pb, jb) = key(*b);
        ta.cmp(&tb).then(pa.total_cmp(&pb)).then(ja.cmp(&jb)).then(a.cmp(b))
    });
    order
}

/// Lowest cap that a hall is ever sent, W per GPU: what its GPUs accept, or the operator's safe floor.
pub(crate) fn least_cap_w(config: &Config, hall: usize) -> f64 {
    config.halls[hall].min_cap_w.max(config.halls[hall].operator_floor_w)
}

/// A paused job draws no more than this share over its level (guess: the spread of idle cards).
const PAUSED_SPREAD: f64 = 1.1;

/// Most that a hall can draw under `cap_w`, W; a paused one stays near its level whatever its cap.
fn most_w(config: &Config, sensed: &Sensed, hall: usize, cap_w: f64) -> f64 {
    let paused_w = PAUSED_SPREAD * config.halls[hall].paused_w;
    hall_ceiling_w(config, hall, if sensed.paused[hall] { cap_w.min(paused_w) } else { cap_w })
}

/// Power that a hall under `cap_w` can cost at its point, W: feeder, and the cooling it has or will need.
fn cost_w(config: &Config, sensed: &Sensed, hall: usize, cap_w: f64) -> f64 {
    // A hall that does not obey costs what it draws, whatever it is told.
    let feeder_w = if sensed.defiant[hall] {
        most_w(config, sensed, hall, cap_w).max(sensed.hall_w[hall])
    } else {
        most_w(config, sensed, hall, cap_w)
    };
    feeder_w + sensed.cooling_w[hall].max(config.halls[hall].cooling_per_w * feeder_w)
}

/// Lowers caps in shed order until the members cost at most `budget_w`; returns what is still missing, W.
fn cut(
    config: &Config,
    sensed: &Sensed,
    caps: &mut [f64; HALLS],
    order: &[u8],
    member: impl Fn(usize) -> bool,
    budget_w: f64,
) -> f64 {
    let total = |caps: &[f64; HALLS]| -> f64 {
        (0..config.halls.len()).filter(|hall| member(*hall)).map(|hall| cost_w(config, sensed, hall, caps[hall])).sum()
    };
    let mut missing_w = total(caps) - budget_w;
    let mut from = 0;
    while from < order.len() && missing_w > 0.0 {
        let job = config.halls[usize::from(order[from])].job;
        let length = order[from..].iter().take_while(|hall| config.halls[usize::from(**hall)].job == job).count();
        let group = &order[from..from + length];
        from += length;
        // The cost has a kink where cooling in hand exceeds cooling to come: a second pass takes it exactly enough.
        for _ in 0..2 {
            let inside = || group.iter().map(|hall| usize::from(*hall)).filter(|hall| member(*hall));
            let least = |hall: usize| least_cap_w(config, hall).min(caps[hall]);
            let reducible_w: f64 = inside()
                .map(|hall| cost_w(config, sensed, hall, caps[hall]) - cost_w(config, sensed, hall, least(hall)))
                .sum();
            if missing_w <= 0.0 || reducible_w <= 0.0 {
                break;
            }
            let share = (missing_w / reducible_w).min(1.0);
            let mut lower = *caps;
            for hall in inside() {
                lower[hall] = caps[hall] - share * (caps[hall] - least(hall));
            }
            *caps = lower;
            missing_w = total(caps) - budget_w;
        }
    }
    missing_w.max(0.0)
}

/// Load that the halls may cost per point (index `POIS`: together), W.
#[allow(clippy::too_many_arguments)] // One tick's values, passed plainly.
fn budgets(
    config: &Config,
    state: &State,
    seen: &Observation,
    sensed: &Sensed,
    ahead: &Allowed,
    ledger: &Ledger,
    mode: Mode,
    now: Time,
) -> [f64; POIS + 1] {
    let mut budget = [0.0; POIS + 1];
    let (mut extra_all, mut discharge_all, mut free_all) = (0.0, 0.0, 0.0);
    let stored_j: f64 = state.stored_j.iter().sum();
    for (index, poi) in config.pois.iter().enumerate() {
        let free_j = if stored_j > 0.0 { ledger.free_j * state.stored_j[index] / stored_j } else { 0.0 };
        // On an island generation follows the load: what counts is what the spinning units can reach.
        let generation_w = if poi.island {
            island_supply_w(config, state, seen, index)
        } else {
            sensed.generation_w[index] + generation_on_its_way_w(config, state, sensed, index, free_j)
        };
        let extra = generation_w - state.unexplained_w[index] - poi.margin_w - state.recentre_w[index].max(0.0);
        let sustained = sustained_w(state.discharge_w[index], free_j, ahead.until[index], now, mode);
        budget[index] = ahead.poi_w[index] + extra + sustained;
        // A campus-wide limit is about what crosses the ties: an island neither weighs on it nor helps.
        if !poi.island {
            extra_all += extra;
            discharge_all += state.discharge_w[index];
            free_all += free_j;
        }
    }
    budget[POIS] = ahead.all_w + extra_all + sustained_w(discharge_all, free_all, ahead.until[POIS], now, mode);
    budget
}

/// Battery power that free energy can hold to the end of an event; nothing under a standing limit, which no battery
/// outlasts.
fn sustained_w(discharge_w: f64, free_j: f64, until: Time, now: Time, mode: Mode) -> f64 {
    if mode == Mode::Emergency || until >= Time::FOREVER {
        return 0.0;
    }
    let left_s = (until - now).as_secs_f64().max(60.0);
    (0.9 * discharge_w).min(free_j / left_s)
}

/// Generation asked for and not yet there, where free energy bridges the turbines' ramp, W.
fn generation_on_its_way_w(config: &Config, state: &State, sensed: &Sensed, poi: usize, free_j: f64) -> f64 {
    let (mut asked_w, mut ramp_w_per_s) = (0.0, 0.0);
    for (index, turbine) in config.turbines.iter().enumerate().filter(|(_, t)| usize::from(t.poi) == poi) {
        asked_w += f64::from(state.turbine_w[index]);
        ramp_w_per_s += turbine.ramp_w_per_s;
    }
    let missing_w = (asked_w - sensed.generation_w[poi]).clamp(0.0, 0.9 * state.discharge_w[poi]);
    let needed_j = if ramp_w_per_s > 0.0 { 0.6 * missing_w * missing_w / ramp_w_per_s } else { f64::INFINITY };
    if missing_w > 0.0 && needed_j <= free_j { missing_w } else { 0.0 }
}

/// The limit caps; returns what no cap can reach, W.
pub(crate) fn limit_caps(
    config: &Config,
    state: &mut State,
    seen: &Observation,
    sensed: &Sensed,
    ahead: &Allowed,
    ledger: &Ledger,
    mode: Mode,
) -> f64 {
    let now = seen.now;
    let budget = budgets(config, state, seen, sensed, ahead, ledger, mode, now);
    let order = state.shed_order;
    let order = &order[..config.halls.len()];
    let mut want = state.envelope_w;
    for (hall, want) in want.iter_mut().enumerate().filter(|(hall, _)| sensed.paused[*hall]) {
        *want = want.min(least_cap_w(config, hall));
    }
    let mut missing_w = 0.0;
    for poi in 0..config.pois.len() {
        let here = |hall: usize| usize::from(config.halls[hall].poi) == poi;
        missing_w += cut(config, sensed, &mut want, order, here, budget[poi]);
    }
    let tied = |hall: usize| !config.pois[usize::from(config.halls[hall].poi)].island;
    missing_w = missing_w.max(cut(config, sensed, &mut want, order, tied, budget[POIS]));

    let slack_w =
        if mode == Mode::Emergency { 0.0 } else { 0.5 * config.pois.iter().map(|poi| poi.margin_w).sum::<f64>() };
    let change = |hall: usize, state: &State| {
        let held_w = state.limit_cap_w[hall].min(state.envelope_w[hall]);
        cost_w(config, sensed, hall, want[hall]) - cost_w(config, sensed, hall, held_w)
    };
    let lower_w: f64 = (0..config.halls.len()).map(|hall| change(hall, state).min(0.0)).sum();
    if -lower_w > slack_w {
        for (hall, want) in want.iter().enumerate().take(config.halls.len()) {
            state.limit_cap_w[hall] = state.limit_cap_w[hall].min(*want);
        }
        state.last_cut_ns = now.as_nanos();
        state.restoring = 0;
    } else if mode == Mode::Economic {
        restore(config, state, sensed, &want, order, now);
    }
    missing_w
}

/// Gives load back: after a hold-off, once enough head-room is open, slowly, dearest job first.
fn restore(config: &Config, state: &mut State, sensed: &Sensed, want: &[f64; HALLS], order: &[u8], now: Time) {
    let gain = |hall: usize, state: &State| {
        (cost_w(config, sensed, hall, want[hall]) - cost_w(config, sensed, hall, state.limit_cap_w[hall])).max(0.0)
    };
    // A hall that has all it wants is released: from here on its envelope alone bounds it.
    for hall in 0..config.halls.len() {
        if state.limit_cap_w[hall] >= state.envelope_w[hall] && want[hall] >= state.envelope_w[hall] {
            state.limit_cap_w[hall] = config.halls[hall].max_cap_w;
        }
    }
    let room_w: f64 = (0..config.halls.len()).map(|hall| gain(hall, state)).sum();
    // A share of the load that is held down, not of the import: a campus that exports, or an island, imports nothing, and
    // any ripple would count as room.
    let served_w: f64 = (0..config.halls.len()).map(|hall| sensed.hall_w[hall] + sensed.cooling_w[hall]).sum();
    let enough = room_w > config.restore.hysteresis * served_w;
    let rested = now - Time::nanos(state.last_cut_ns) >= config.restore.hold_off;
    let cut_before = room_w > 0.0;
    if !(cut_before && rested && (enough || state.restoring == 1)) || sensed.lost.iter().any(|lost| *lost) {
        state.restoring = 0;
        return;
    }
    state.restoring = 1;
    let step_s = config.tick.as_secs_f64() * f64::from(config.economics_every);
    for (index, poi) in config.pois.iter().enumerate() {
        let give_w = config.restore.rate_share * poi.ramp_up_w_per_s * step_s;
        give_back(config, state, order, index, give_w, &gain, want);
    }
}

/// Gives a point's halls so much back, dearest job first, halls of one job alike.
fn give_back(
    config: &Config,
    state: &mut State,
    order: &[u8],
    poi: usize,
    mut give_w: f64,
    gain: &dyn Fn(usize, &State) -> f64,
    want: &[f64; HALLS],
) {
    let here = |hall: &u8| usize::from(config.halls[usize::from(*hall)].poi) == poi;
    let mut upto = order.len();
    while upto > 0 && give_w > 0.0 {
        let job = config.halls[usize::from(order[upto - 1])].job;
        let length = order[..upto].iter().rev().take_while(|hall| config.halls[usize::from(**hall)].job == job).count();
        let group = &order[upto - length..upto];
        upto -= length;
        let group = || group.iter().filter(|hall| here(hall)).map(|hall| usize::from(*hall));
        let group_w: f64 = group().map(|hall| gain(hall, state)).sum();
        if group_w <= 0.0 {
            continue;
        }
        let share = (give_w / group_w).min(1.0);
        give_w -= share * group_w;
        for hall in group() {
            let cap = state.limit_cap_w[hall];
            state.limit_cap_w[hall] = cap + share * (want[hall] - cap).max(0.0);
        }
    }
}

/// The ramp caps: stalled halls may take back at once only what target, ramp and battery carry; on an island, what its
/// turbines' ramp and its battery carry.
pub(crate) fn ramp_caps(config: &Config, state: &mut State, sensed: &Sensed) {
    const LOOK_AHEAD_S: f64 = 10.0;
    for (index, poi) in config.pois.iter().enumerate() {
        let turbines = || config.turbines.iter().enumerate().filter(|(_, t)| usize::from(t.poi) == index);
        let running = turbines().filter(|(unit, _)| state.turbine_w[*unit] > 0.0);
        let rise_w_per_s =
            if poi.island { running.map(|(_, t)| t.ramp_w_per_s).sum::<f64>() } else { poi.ramp_up_w_per_s };
        let here = |hall: &usize| usize::from(config.halls[*hall].poi) == index;
        let (mut drawn_w, mut gap_w) = (0.0, 0.0);
        for hall in (0..config.halls.len()).filter(here) {
            drawn_w += sensed.hall_w[hall] + sensed.cooling_w[hall];
            gap_w += (hall_ceiling_w(config, hall, state.envelope_w[hall]) - sensed.hall_w[hall]).max(0.0);
        }
        let carried_w = state.target_w[index]
            + sensed.generation_w[index]
            + rise_w_per_s * LOOK_AHEAD_S
            + 0.9 * state.discharge_w[index]
            + 0.03 * drawn_w
            - state.unexplained_w[index];
        let room_w = (carried_w - drawn_w).max(0.0);
        let share = if gap_w > 0.0 { (room_w / gap_w).min(1.0) } else { 1.0 };
        for hall in (0..config.halls.len()).filter(here) {
            let set = &config.halls[hall];
            let most_w = hall_ceiling_w(config, hall, state.envelope_w[hall]);
            let ceiling_w = sensed.hall_w[hall] + share * (most_w - sensed.hall_w[hall]).max(0.0);
            let per_gpu_w = if set.gpus > 0.0 {
                (ceiling_w - set.fixed_w) / (set.gpus * set.feeder_per_gpu_w)
            } else {
                set.max_cap_w
            };
            state.ramp_cap_w[hall] = per_gpu_w.clamp(least_cap_w(config, hall), set.max_cap_w);
        }
    }
}

/// The caps to send: the lowest of the three, whole watts, downwards.
pub(crate) fn settle(config: &Config, state: &mut State) {
    for (hall, set) in config.halls.iter().enumerate() {
        let bound_w = state.limit_cap_w[hall].min(state.ramp_cap_w[hall]).min(state.envelope_w[hall]);
        let cap_w = libm::floor(bound_w + 1e-9);
        state.cap_w[hall] = cap_w.clamp(least_cap_w(config, hall), set.max_cap_w);
    }
}

/// A floor comes back in this time, s (guess: slow beside every limit's answer).
const FLOOR_RISE_S: f64 = 60.0;

/// Moves the smoothing floors: down at once wherever a limit or an event is about to bind or caps are held by one, back up
/// slowly; never above the cap (I12). `tight`: points whose import a limit or an event sets.
pub(crate) fn floors(config: &Config, state: &mut State, tight: &[bool; POIS], economic: bool) -> u32 {
    let step_s = config.tick.as_secs_f64() * f64::from(config.economics_every);
    let mut lowered = 0;
    for (index, hall) in config.halls.iter().enumerate() {
        let poi = usize::from(hall.poi);
        let capped = state.limit_cap_w[index] < state.envelope_w[index];
        let floor_w = &mut state.floor_w[index];
        if hall.floor_w > 0.0 && (tight[poi] || capped) {
            *floor_w = 0.0;
            lowered = Condition::FloorsLowered as u32;
        } else if economic {
            *floor_w = (*floor_w + hall.floor_w * step_s / FLOOR_RISE_S).min(hall.floor_w);
        }
        *floor_w = floor_w.min(state.cap_w[index]);
    }
    lowered
}

/// What the halls draw at their least, per point, and what each job gives beside that when it rests.
pub(crate) struct Reach {
    least_w: [f64; POIS],
    relief_w: [[f64; POIS]; JOBS],
}

impl Reach {
    /// Of the campus as it is sensed.
    pub(crate) fn of(config: &Config, state: &State, sensed: &Sensed) -> Self {
        let mut reach = Self { least_w: [0.0; POIS], relief_w: [[0.0; POIS]; JOBS] };
        for (index, hall) in config.halls.iter().enumerate() {
            let (job, poi) = (usize::from(hall.job), usize::from(hall.poi));
            let rests = job < config.jobs.len() && state.job_order[job] == JobOrder::Pause as u8;
            let capped_w = hall_ceiling_w(config, index, least_cap_w(config, index));
            // A hall that draws less already is no help; one that rests would wake.
            let least_w = if rests { capped_w } else { capped_w.min(sensed.hall_w[index]) };
            let factor = 1.0 + hall.cooling_per_w;
            reach.least_w[poi] += factor * least_w;
            if job < config.jobs.len() {
                let resting_w = hall_ceiling_w(config, index, PAUSED_SPREAD * hall.paused_w);
                reach.relief_w[job][poi] += factor * (least_w - resting_w).max(0.0);
            }
        }
        reach
    }

    /// Least import over a scope (255: all points) for `hold_s`, W: all caps at their least, the jobs of `pausing` (one bit
    /// each) resting, battery discharging what it can hold, turbines at what they offer.
    pub(crate) fn import_w(
        &self,
        config: &Config,
        state: &State,
        offered_w: &[f64; POIS],
        (poi, hold_s): (u8, f64),
        pausing: u32,
    ) -> f64 {
        let inside = |index: &usize| poi == 255 || usize::from(poi) == *index;
        let of_point = |index: usize| {
            let battery_w = state.discharge_w[index].min(state.stored_j[index] / hold_s.max(1.0));
            self.least_w[index] + state.unexplained_w[index] - battery_w - offered_w[index]
        };
        let points = || (0..config.pois.len()).filter(inside);
        let relief = |job: usize| points().map(|index| self.relief_w[job][index]).sum::<f64>();
        let resting = (0..config.jobs.len()).filter(|job| pausing & (1 << job) != 0);
        points().map(of_point).sum::<f64>() - resting.map(relief).sum::<f64>()
    }

    /// Whether a job's rest helps a scope at all.
    pub(crate) fn helps(&self, config: &Config, poi: u8, job: usize) -> bool {
        (0..config.pois.len()).any(|index| (poi == 255 || usize::from(poi) == index) && self.relief_w[job][index] > 0.0)
    }
}
