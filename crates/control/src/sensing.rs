//! What the campus draws now, as far as telemetry tells: net load per point, generation, feeders, stored energy.
//!
//! The meter shows import with a delay; what the battery did at that instant comes from a small model of its response
//! (delay and first-order lag), corrected by its own telemetry. Net load = import - battery. A lost meter means: hold,
//! and assume the greatest net load of the last minute (V-CTRL-28); a meter that shows much less than the feeders for
//! seconds is not believed (I18).
//!
//! Not modelled: unit telemetry faster than the configured period; correlation between instruments.

use crate::contract::{BUCKETS, Condition, Config, HALLS, JOBS, JobOrder, Observation, POIS};
use crate::smoothing::{self, Swing};
use crate::state::{HISTORY, State};
use tieline_units::{Quality, Readings, Span, Time};

/// No campus meter shows more than this, W; beyond it a reading is of the wrong unit or broken.
const ABSURD_W: f64 = 2e10;
/// The meter of an open tie shows no more than this, W: what is left of its noise and steps.
const NOTHING_W: f64 = 1e5;
/// A reading beyond this multiple of what the device or the campus can be is of the wrong unit.
const BEYOND: f64 = 1.5;
/// A meter with noise that shows the same figure so often in a row may be frozen: it must then agree with the feeders to
/// this share of what flows through the bus.
const SAME: u64 = 10;
const FROZEN_SHARE: f64 = 0.01;
const FROZEN_AFTER: Span = Span::secs(1);
/// A hall that draws this much more than its cap allows, for this long, does not obey.
const DEFIANT: f64 = 1.05;
const DEFIANT_AFTER: Span = Span::millis(2_500);
/// A meter below its feeders by this share of what flows through the bus, for this long, is suspect.
const SUSPECT_SHARE: f64 = 0.1;
const SUSPECT_AFTER: Span = Span::secs(3);
/// Time constant of the net-load low-pass and of the unexplained load, s.
const NET_LAG_S: f64 = 1.0;
const UNEXPLAINED_LAG_S: f64 = 30.0;

/// Stamps may lie ahead of the tick by the jitter of clocks that are kept in step, no more.
const FUTURE: Span = Span::millis(-100);

/// What is believed about this instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sensed {
    pub conditions: u32,
    /// Import, W; the last maximum where the meter is lost.
    pub import_w: [f64; POIS],
    /// Net load without battery, W, unfiltered.
    pub net_w: [f64; POIS],
    /// Net load to hold under a limit, W: the load itself, or the crests of one that swings too fast to follow.
    pub crest_w: [f64; POIS],
    pub lost: [bool; POIS],
    pub frozen: [bool; POIS],
    /// Net load as the feeders tell it, with the losses learnt so far, W: the second witness.
    pub witness_w: [f64; POIS],
    /// Generation of the turbines, W (positive).
    pub generation_w: [f64; POIS],
    /// Feeder and cooling power of each hall, W; the most it can draw under its cap where telemetry is lost.
    pub hall_w: [f64; HALLS],
    pub cooling_w: [f64; HALLS],
    /// Whether a hall draws more than its cap allows: what it draws is then what it will draw.
    pub defiant: [bool; HALLS],
    /// Whether a hall's job is told to pause and says that nothing of it works.
    pub paused: [bool; HALLS],
}

/// A usable value: good, finite, younger than `oldest`.
pub(crate) fn usable<const N: usize>(readings: &Readings<N>, index: usize, now: Time, oldest: Span) -> Option<f64> {
    let value = readings.value[index];
    let good = readings.quality[index] == Quality::Good && value.is_finite() && value.abs() < ABSURD_W;
    // A stamp from the future would stay young for ever: such a clock is not believed.
    let age = now - readings.taken_at[index];
    (good && age >= FUTURE && age < oldest).then_some(value)
}

/// Most that a hall's feeder can draw under a cap, W.
pub(crate) fn hall_ceiling_w(config: &Config, hall: usize, cap_w: f64) -> f64 {
    let hall = &config.halls[hall];
    hall.gpus * cap_w * hall.feeder_per_gpu_w + hall.fixed_w
}

/// Points that hang on the grid now.
pub(crate) fn tied<'a>(config: &'a Config, state: &'a State) -> impl Iterator<Item = usize> + 'a {
    (0..config.pois.len()).filter(|poi| !state.island(*poi))
}

/// Greatest load of the campus, all points together, W: every GPU at its highest cap, cooling, batteries charging.
pub(crate) fn most_w(config: &Config) -> f64 {
    let halls = (0..config.halls.len()).map(|hall| {
        hall_ceiling_w(config, hall, config.halls[hall].max_cap_w) * (1.0 + config.halls[hall].cooling_per_w)
    });
    halls.sum::<f64>() + config.batteries.iter().map(|unit| unit.charge_w).sum::<f64>()
}

/// Power of a hall's feeder as its telemetry shows it, W; nothing where no hall of this size can draw that.
pub(crate) fn feeder_w(config: &Config, seen: &Observation, hall: usize) -> Option<f64> {
    let greatest_w = hall_ceiling_w(config, hall, config.halls[hall].max_cap_w);
    let shown_w = usable(&seen.hall_w, hall, seen.now, config.stale.unit_lost);
    shown_w.filter(|w| *w >= -0.01 * greatest_w && *w <= BEYOND * greatest_w.max(1e5))
}

/// Reads the whole observation once; updates the filters in `state`.
pub(crate) fn sense(config: &Config, state: &mut State, seen: &Observation) -> Sensed {
    let mut sensed = Sensed {
        conditions: 0,
        import_w: [0.0; POIS],
        net_w: [0.0; POIS],
        crest_w: [0.0; POIS],
        lost: [false; POIS],
        frozen: [false; POIS],
        witness_w: [0.0; POIS],
        generation_w: [0.0; POIS],
        hall_w: [0.0; HALLS],
        cooling_w: [0.0; HALLS],
        defiant: [false; HALLS],
        paused: [false; HALLS],
    };
    sensed.conditions |= ties(config, state, seen);
    let feeders_w = units(config, state, seen, &mut sensed);
    defiance(config, state, seen.now, &mut sensed);
    battery_model(config, state, seen);
    for poi in 0..config.pois.len() {
        sensed.witness_w[poi] = feeders_w[poi] + state.unexplained_w[poi];
        meter(config, state, seen, &mut sensed, poi, feeders_w[poi]);
        frozen(config, state, seen, &mut sensed, poi);
    }
    sensed
}

/// Which points stand alone. That a tie is open takes two witnesses, its breaker and a meter that shows nothing, since it
/// sets a limit aside; that it is closed takes one. Silence changes nothing.
fn ties(config: &Config, state: &mut State, seen: &Observation) -> u32 {
    let mut conditions = 0;
    for (index, poi) in config.pois.iter().enumerate().filter(|(_, poi)| !poi.island) {
        let meter_w = usable(&seen.poi_import_w, index, seen.now, config.stale.meter_lost);
        let nothing = meter_w.map(|w| w.abs() <= NOTHING_W.max(5.0 * poi.meter_sigma_w));
        let closed = usable(&seen.poi_tied, index, seen.now, config.stale.meter_lost).map(|tied| tied > 0.5);
        match (closed, nothing) {
            (Some(false), Some(true)) => state.alone |= 1 << index,
            (Some(true), _) | (_, Some(false)) => state.alone &= !(1 << index),
            _ => {}
        }
        if state.island(index) {
            conditions |= Condition::TieOpen as u32;
        }
    }
    conditions
}

/// Halls, cooling, turbines; returns the sum of the feeders less generation per point, W.
fn units(config: &Config, state: &State, seen: &Observation, sensed: &mut Sensed) -> [f64; POIS] {
    let mut feeders_w = [0.0; POIS];
    let lost = config.stale.unit_lost;
    let mut idle = [false; JOBS];
    for (job, idle) in idle.iter_mut().enumerate().take(config.jobs.len()) {
        let at_work = usable(&seen.job_at_work, job, seen.now, lost);
        *idle = state.job_order[job] == JobOrder::Pause as u8 && at_work.is_some_and(|share| share <= 0.0);
    }
    for (index, hall) in config.halls.iter().enumerate() {
        sensed.paused[index] = usize::from(hall.job) < config.jobs.len() && idle[usize::from(hall.job)];
        let ceiling_w = hall_ceiling_w(config, index, state.cap_w[index]);
        let power_w = feeder_w(config, seen, index);
        let greatest_w = BEYOND * hall.cooling_per_w.max(0.05) * hall_ceiling_w(config, index, hall.max_cap_w).max(1e5);
        let cooling_w = usable(&seen.cooling_w, index, seen.now, lost).filter(|w| (-1e5..=greatest_w).contains(w));
        if power_w.is_none() || cooling_w.is_none() {
            sensed.conditions |= Condition::UnitLost as u32;
        }
        sensed.hall_w[index] = power_w.unwrap_or(ceiling_w);
        sensed.cooling_w[index] = cooling_w.unwrap_or(hall.cooling_per_w * ceiling_w);
        feeders_w[usize::from(hall.poi)] += sensed.hall_w[index] + sensed.cooling_w[index];
    }
    for (index, turbine) in config.turbines.iter().enumerate() {
        let generation_w = usable(&seen.turbine_generation_w, index, seen.now, lost)
            .filter(|w| *w >= -0.01 * turbine.rated_w && *w <= BEYOND * turbine.rated_w.max(1e5));
        if generation_w.is_none() {
            sensed.conditions |= Condition::UnitLost as u32;
        }
        // A silent turbine counts as stopped: caps come down rather than import going up.
        let generation_w = generation_w.unwrap_or(0.0);
        sensed.generation_w[usize::from(turbine.poi)] += generation_w;
        feeders_w[usize::from(turbine.poi)] -= generation_w;
    }
    feeders_w
}

/// Halls whose feeders show more than their caps allow for longer than commands and telemetry take.
fn defiance(config: &Config, state: &mut State, now: Time, sensed: &mut Sensed) {
    for (index, hall) in config.halls.iter().enumerate() {
        let allowed_w = hall_ceiling_w(config, index, state.sent_cap_w[index]);
        let since_ns = &mut state.defiant_since_ns[index];
        let over = hall.gpus > 0.0 && state.first == 0 && sensed.hall_w[index] > DEFIANT * allowed_w;
        *since_ns = if over { (*since_ns).min(now.as_nanos()) } else { Time::FOREVER.as_nanos() };
        sensed.defiant[index] = over && now - Time::nanos(*since_ns) > DEFIANT_AFTER;
    }
}

/// Moves the model of the battery's response and corrects it when its telemetry is new.
///
/// x' = (u(t - delay) - x) / lag, exact for a set-point held over the tick.
fn battery_model(config: &Config, state: &mut State, seen: &Observation) {
    let tick_s = config.tick.as_secs_f64();
    let newest = (state.seq as usize) % HISTORY;
    // The point's place in the history at which its telemetry was taken, where that is new.
    let mut taken_at = [None; POIS];
    for poi in 0..config.pois.len() {
        let first = state.first_unit[poi] as usize;
        let Some(battery) = config.batteries.get(first) else { continue };
        let delay = (libm::round(battery.delay_s / tick_s) as usize).min(HISTORY - 3);
        // Over the tick that just ended the unit followed what was commanded `delay` before that tick began.
        let command_w = state.command_ring_w[poi][(newest + HISTORY - 1 - delay) % HISTORY];
        let before_w = state.model_ring_w[poi][(newest + HISTORY - 1) % HISTORY];
        let pace = if battery.lag_s > 0.0 { 1.0 - libm::exp(-tick_s / battery.lag_s) } else { 1.0 };
        state.model_ring_w[poi][newest] = before_w + pace * (command_w - before_w);

        let stamp = seen.battery_w.taken_at[first];
        let age = (seen.now - stamp).as_nanos() / config.tick.as_nanos().max(1);
        if stamp.as_nanos() > state.battery_taken_ns[poi] && (0..HISTORY as i64 - 1).contains(&age) {
            state.battery_taken_ns[poi] = stamp.as_nanos();
            taken_at[poi] = Some((newest + HISTORY - age as usize) % HISTORY);
        }
    }
    if taken_at.iter().all(Option::is_none) {
        return;
    }
    let mut measured_w = [0.0; POIS];
    for (index, (unit, kw)) in config.batteries.iter().zip(&state.battery_kw).enumerate() {
        let shown_w = usable(&seen.battery_w, index, seen.now, config.stale.unit_lost);
        let possible = |w: &f64| w.abs() <= BEYOND * unit.charge_w.max(unit.discharge_w).max(1e4);
        let commanded_w = f64::from(*kw) * 1e3;
        measured_w[usize::from(unit.poi)] += shown_w.filter(possible).unwrap_or(commanded_w);
    }
    for (poi, place) in taken_at.into_iter().enumerate() {
        let Some(place) = place else { continue };
        let then_w = state.model_ring_w[poi][place];
        state.battery_bias_w[poi] += 0.5 * (measured_w[poi] - then_w - state.battery_bias_w[poi]);
    }
}

/// Battery power of a point `age` ticks ago, W.
fn battery_then_w(state: &State, poi: usize, age: usize) -> f64 {
    let newest = (state.seq as usize) % HISTORY;
    state.model_ring_w[poi][(newest + HISTORY - age.min(HISTORY - 1)) % HISTORY] + state.battery_bias_w[poi]
}

fn meter(config: &Config, state: &mut State, seen: &Observation, sensed: &mut Sensed, poi: usize, feeders_w: f64) {
    let battery_now_w = battery_then_w(state, poi, 0);
    let possible = |w: &f64| w.abs() <= BEYOND * state.most_w.max(1e6);
    let reading = usable(&seen.poi_import_w, poi, seen.now, config.stale.meter_lost).filter(possible);
    let raw = seen.poi_import_w.value[poi];
    if seen.poi_import_w.quality[poi] == Quality::Good && !(raw.is_finite() && possible(&raw)) {
        sensed.conditions |= Condition::BadReading as u32;
    }
    let second = seen.now.as_nanos().div_euclid(1_000_000_000);
    let Some(import_w) = reading else {
        sensed.conditions |= Condition::MeterLost as u32;
        sensed.lost[poi] = true;
        let worst_w = f64::from(state.peak_w[poi].iter().copied().fold(f32::NEG_INFINITY, f32::max));
        // The feeders still tell of a turbine that trips meanwhile; they may only make it worse.
        sensed.net_w[poi] = worst_w.max(sensed.witness_w[poi]);
        sensed.crest_w[poi] = sensed.net_w[poi];
        sensed.import_w[poi] = sensed.net_w[poi] + battery_now_w;
        believe(state, sensed, poi, Belief::LastMaximum);
        state.net_w[poi] = sensed.net_w[poi];
        return;
    };
    let age = seen.now - seen.poi_import_w.taken_at[poi];
    if age >= config.stale.meter_warn {
        sensed.conditions |= Condition::MeterLate as u32;
    }
    let age_ticks = (age.as_nanos() / config.tick.as_nanos().max(1)).max(0) as usize;
    doubt_batteries(state, sensed, poi, import_w, age_ticks);
    let mut net_w = import_w - battery_then_w(state, poi, age_ticks);
    if state.island(poi) && !config.pois[poi].island {
        // Its batteries follow the balance from one instant to the next, faster than their reports: the feeders know better.
        net_w = sensed.witness_w[poi];
    }

    let same = import_w.to_bits() == state.meter_w[poi].to_bits();
    state.meter_same[poi] = if same { state.meter_same[poi] + 1 } else { 0 };
    state.meter_w[poi] = import_w;
    let frozen = state.meter_same[poi] >= SAME && config.pois[poi].meter_sigma_w > 0.0;
    let mut belief = Belief::Meter;
    let missing_w = feeders_w - net_w;
    let through_w = through_w(config, sensed, poi).max(1e6);
    let low = missing_w > SUSPECT_SHARE * through_w;
    let stuck = frozen && sensed.witness_w[poi] - net_w > FROZEN_SHARE * through_w;
    // Feeders are up to a second behind: a doubted meter must agree with them for as long as it took to doubt it.
    let doubted = state.belief[poi] == Belief::Feeders as u64;
    let agree_ns = &mut state.agree_since_ns[poi];
    *agree_ns = if low || stuck { Time::FOREVER.as_nanos() } else { (*agree_ns).min(seen.now.as_nanos()) };
    let agrees = !doubted || seen.now - Time::nanos(*agree_ns) > SUSPECT_AFTER;
    if low || stuck || !agrees {
        let since = &mut state.suspect_since_ns[poi];
        *since = (*since).min(seen.now.as_nanos());
        if doubted || seen.now - Time::nanos(*since) > if stuck { FROZEN_AFTER } else { SUSPECT_AFTER } {
            sensed.conditions |= Condition::MeterSuspect as u32;
            net_w = sensed.witness_w[poi];
            belief = Belief::Feeders;
        }
    } else {
        state.suspect_since_ns[poi] = Time::FOREVER.as_nanos();
        let pace = config.tick.as_secs_f64() / UNEXPLAINED_LAG_S;
        state.unexplained_w[poi] += pace * (-missing_w - state.unexplained_w[poi]);
    }
    // Small noise is filtered, a step is followed at once: the loop must not amplify what it cannot cancel.
    let slack_w = 5.0 * config.pois[poi].meter_sigma_w + config.pois[poi].ramp_up_w_per_s * NET_LAG_S;
    smoothing::watch(config, state, poi, net_w, slack_w);
    let too_fast = smoothing::swing(state, poi) == Swing::TooFast;
    let followed_w = if too_fast { state.swing_mean_w[poi] } else { net_w };
    let error_w = followed_w - state.net_w[poi];
    let pace = if error_w.abs() > slack_w || state.first == 1 { 1.0 } else { config.tick.as_secs_f64() / NET_LAG_S };
    state.net_w[poi] += pace * error_w;
    sensed.net_w[poi] = net_w;
    sensed.import_w[poi] = net_w + battery_now_w;
    believe(state, sensed, poi, belief);
    keep_peak(state, poi, second, net_w);
    sensed.crest_w[poi] = if too_fast {
        sensed.conditions |= Condition::Swinging as u32;
        smoothing::crest_w(config, state, poi, net_w)
    } else {
        net_w
    };
}

/// Batteries that report another power than they were told shift the net load. Where that shift moves it away from what the
/// feeders tell, and far, the report is not believed: inverted signs and frozen values look like this.
fn doubt_batteries(state: &mut State, sensed: &Sensed, poi: usize, import_w: f64, age_ticks: usize) {
    let shift_w = state.battery_bias_w[poi];
    let with_w = import_w - battery_then_w(state, poi, age_ticks);
    let (away_w, without_w) = (with_w - sensed.witness_w[poi], with_w + shift_w - sensed.witness_w[poi]);
    if shift_w.abs() > 1e6 && away_w.abs() > without_w.abs() + 0.5 * shift_w.abs() {
        state.battery_bias_w[poi] = 0.0;
    }
}

/// All power through the bus of a point, W: feeders and generation err in proportion to it, also where they cancel.
fn through_w(config: &Config, sensed: &Sensed, poi: usize) -> f64 {
    let here = |hall: &usize| usize::from(config.halls[*hall].poi) == poi;
    let load_w: f64 =
        (0..config.halls.len()).filter(here).map(|hall| sensed.hall_w[hall] + sensed.cooling_w[hall]).sum();
    load_w.max(sensed.generation_w[poi])
}

/// Whose word the net load rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belief {
    Meter = 0,
    Feeders = 1,
    LastMaximum = 2,
}

/// When the witness changes, filter and target start anew from what is believed now, so that nothing steps (I9).
fn believe(state: &mut State, sensed: &Sensed, poi: usize, belief: Belief) {
    if state.belief[poi] != belief as u64 {
        state.belief[poi] = belief as u64;
        state.net_w[poi] = sensed.net_w[poi];
        state.target_w[poi] = sensed.import_w[poi];
    }
}

/// Keeps the greatest net load of each second; while the meter is lost this is not called and the old maxima stay.
fn keep_peak(state: &mut State, poi: usize, second: i64, net_w: f64) {
    let place = second.rem_euclid(BUCKETS as i64) as usize;
    let net_w = net_w as f32;
    if state.first == 1 {
        state.peak_w[poi] = [net_w; BUCKETS];
    } else if state.peak_index[poi] != second {
        state.peak_w[poi][place] = net_w;
    } else {
        state.peak_w[poi][place] = state.peak_w[poi][place].max(net_w);
    }
    state.peak_index[poi] = second;
}

/// Outside its voltage band a point freezes for at most 10 s: a dip is never answered by dropping load (I11).
fn frozen(config: &Config, state: &mut State, seen: &Observation, sensed: &mut Sensed, poi: usize) {
    let (low, high) = config.pois[poi].freeze_voltage_pu;
    let outside =
        usable(&seen.poi_voltage_pu, poi, seen.now, config.stale.meter_lost).is_some_and(|v| v < low || v > high);
    if !outside {
        state.freeze_since_ns[poi] = Time::FOREVER.as_nanos();
        return;
    }
    let since = &mut state.freeze_since_ns[poi];
    *since = (*since).min(seen.now.as_nanos());
    if seen.now - Time::nanos(*since) < Span::secs(10) {
        sensed.frozen[poi] = true;
        sensed.conditions |= Condition::VoltageFrozen as u32;
    }
}
