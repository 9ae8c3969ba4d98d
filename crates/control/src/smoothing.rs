//! Which part of a swinging load the battery may cancel through this loop, and what is left to local devices.
//!
//! Cancelling a sinusoid of frequency `hz` through a pure delay and a first-order lag leaves the share
//! `|1 - e^(-j2πfd) / (1 + j2πfτ)|` of it ([`residual`], V-CTRL-01 to 07). Where that exceeds one the loop would amplify.
//! A load that keeps crossing its own mean is a swing. Inside the band (no faster than the configured frequency) the
//! battery follows it as it is and import stays at the mean; a faster one is followed in its mean alone, and where a limit
//! binds, in its crests.
//!
//! Not modelled: several frequencies at once (the fastest regular crossing decides); the device's own fast smoothing.

use crate::contract::{BUCKETS, Config};
use crate::state::State;

/// Share of a sinusoid that is left after cancelling it through delay and lag; above one the loop amplifies.
///
/// Valid for a linear response within the battery's power.
#[must_use]
pub fn residual(hz: f64, delay_s: f64, lag_s: f64) -> f64 {
    let w = core::f64::consts::TAU * hz;
    let (sin, cos) = libm::sincos(w * delay_s);
    // e^(-jwd) / (1 + jwτ) = (cos - j sin)(1 - jwτ) / (1 + (wτ)²)
    let scale = 1.0 / (1.0 + w * lag_s * w * lag_s);
    let (re, im) = ((cos - w * lag_s * sin) * scale, -(sin + w * lag_s * cos) * scale);
    libm::hypot(1.0 - re, im)
}

/// Lowest frequency at which the residual reaches `level`, Hz; infinite without delay and lag.
#[must_use]
pub fn reaches_hz(level: f64, delay_s: f64, lag_s: f64) -> f64 {
    let whole_s = delay_s + lag_s;
    if whole_s <= 0.0 {
        return f64::INFINITY;
    }
    let (mut low, step) = (1e-6 / whole_s, 1.02);
    while residual(low * step, delay_s, lag_s) < level {
        low *= step;
        if low * whole_s > 1e3 {
            return f64::INFINITY;
        }
    }
    let mut high = low * step;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if residual(middle, delay_s, lag_s) < level { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Delay of the loop at a point, s: meter, one tick until the decision acts, battery; and the battery's lag, s.
#[must_use]
pub fn loop_response_s(config: &Config, poi: usize) -> Option<(f64, f64)> {
    let units = || config.batteries.iter().filter(|unit| usize::from(unit.poi) == poi);
    let slowest = |of: fn(&crate::BatteryConfig) -> f64| units().map(of).fold(f64::NEG_INFINITY, f64::max);
    let delay_s = slowest(|unit| unit.delay_s);
    let lag_s = slowest(|unit| unit.lag_s);
    (delay_s >= 0.0).then(|| (config.pois[poi].meter_delay_s + config.tick.as_secs_f64() + delay_s, lag_s))
}

/// Frequency from which the loop at a point would amplify, Hz; infinite where no battery acts.
#[must_use]
pub fn amplifies_above_hz(config: &Config, poi: usize) -> f64 {
    loop_response_s(config, poi).map_or(f64::INFINITY, |(delay_s, lag_s)| reaches_hz(1.0, delay_s, lag_s))
}

/// Crossings in a row from which a load counts as swinging: a step and its return are not yet a swing.
const CROSSINGS: u64 = 3;
/// A slower half period is no swing but a load that moves, and the ramp limit's business, s (guess: training steps of the
/// largest runs take 6 to 12 s).
const SLOWEST_HALF_S: f64 = 15.0;
/// Time constant of the mean about which a load swings, s (guess: a few of the slowest periods that matter).
const MEAN_S: f64 = 30.0;
/// The crests of a swing are sought over the slowest period that is left alone, and one second more for the seam between
/// two seconds.
const CREST_SLACK_S: f64 = 1.0;

/// How the net load of a point moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Swing {
    /// Not in a regular swing.
    Still,
    /// It swings inside the band: the battery cancels it about its mean.
    Inside,
    /// It swings faster than the loop may follow.
    TooFast,
}

/// Watches the net load of a point: how often in a row it crossed its own mean, and how fast. `slack_w`: noise.
pub(crate) fn watch(config: &Config, state: &mut State, poi: usize, net_w: f64, slack_w: f64) {
    let hz = config.pois[poi].smooth_hz;
    if hz <= 0.0 || state.first == 1 {
        state.swing_mean_w[poi] = net_w;
        return;
    }
    state.swing_mean_w[poi] += (config.tick.as_secs_f64() / MEAN_S).min(1.0) * (net_w - state.swing_mean_w[poi]);
    let away_w = net_w - state.swing_mean_w[poi];
    let side = if away_w > slack_w {
        1
    } else if away_w < -slack_w {
        -1
    } else {
        state.swing_side[poi]
    };
    let since_s = (state.now_ns - state.swing_since_ns[poi]) as f64 * 1e-9;
    let fast_s = 0.5 / hz;
    if side != state.swing_side[poi] {
        let count = |before: u64, soon: bool| if soon { (before + 1).min(CROSSINGS + 1) } else { 1 };
        state.swing_count[poi] = count(state.swing_count[poi], since_s < SLOWEST_HALF_S);
        state.swing_fast[poi] = count(state.swing_fast[poi], since_s < fast_s);
        state.swing_side[poi] = side;
        state.swing_since_ns[poi] = state.now_ns;
    } else {
        // Twice the half period without a crossing: it stands, or moves on.
        if since_s > 2.0 * fast_s {
            state.swing_fast[poi] = 0;
        }
        if since_s > 1.2 * SLOWEST_HALF_S {
            state.swing_count[poi] = 0;
        }
    }
}

/// How the net load of a point moves, as last watched.
pub(crate) fn swing(state: &State, poi: usize) -> Swing {
    if state.swing_fast[poi] > CROSSINGS {
        Swing::TooFast
    } else if state.swing_count[poi] > CROSSINGS {
        Swing::Inside
    } else {
        Swing::Still
    }
}

/// Greatest net load of the last period that is left alone, W.
pub(crate) fn crest_w(config: &Config, state: &State, poi: usize, net_w: f64) -> f64 {
    let seconds = libm::ceil(1.0 / config.pois[poi].smooth_hz.max(1e-3) + CREST_SLACK_S) as i64;
    let newest = state.peak_index[poi];
    let recent = (0..seconds.min(BUCKETS as i64)).map(|ago| (newest - ago).rem_euclid(BUCKETS as i64) as usize);
    recent.map(|place| f64::from(state.peak_w[poi][place])).fold(net_w, f64::max)
}
