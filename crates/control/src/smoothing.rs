//! Which part of a swinging load the battery may cancel through this loop, and what is left to local devices.
//!
//! Cancelling a sinusoid of frequency `hz` through a pure delay and a first-order lag leaves the share
//! `|1 - e^(-j2πfd) / (1 + j2πfτ)|` of it ([`residual`], V-CTRL-01 to 07). Where that exceeds one the loop would amplify.
//! Below the configured frequency the net load is followed as it is; a load that keeps crossing its own mean faster than
//! that is followed only in its mean, and where a limit binds, in its crests.
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

/// Crossings in a row, each sooner than half a period of the band's edge, from which a load counts as swinging: a step and
/// its return are not yet a swing.
const CROSSINGS: u64 = 3;
/// The mean of a swing is taken over so many periods of the band's edge.
const MEAN_PERIODS: f64 = 2.0;
/// The crests of a swing are sought over the last seconds, this one included (the slowest period that is left alone, and
/// one more for the seam between two seconds).
const CREST_SLACK_S: f64 = 1.0;

/// Watches the net load of a point and says whether it swings faster than the loop may follow. `slack_w`: noise.
pub(crate) fn watch(config: &Config, state: &mut State, poi: usize, net_w: f64, slack_w: f64) -> bool {
    let hz = config.pois[poi].smooth_hz;
    if hz <= 0.0 || state.first == 1 {
        state.swing_mean_w[poi] = net_w;
        return false;
    }
    let pace = config.tick.as_secs_f64() * hz / MEAN_PERIODS;
    state.swing_mean_w[poi] += pace.min(1.0) * (net_w - state.swing_mean_w[poi]);
    let away_w = net_w - state.swing_mean_w[poi];
    let side = if away_w > slack_w {
        1
    } else if away_w < -slack_w {
        -1
    } else {
        state.swing_side[poi]
    };
    let since_s = (state.now_ns - state.swing_since_ns[poi]) as f64 * 1e-9;
    if side != state.swing_side[poi] {
        let soon = since_s < 0.5 / hz;
        state.swing_count[poi] = if soon { (state.swing_count[poi] + 1).min(CROSSINGS + 1) } else { 1 };
        state.swing_side[poi] = side;
        state.swing_since_ns[poi] = state.now_ns;
    } else if since_s > 1.0 / hz {
        state.swing_count[poi] = 0;
    }
    state.swing_count[poi] > CROSSINGS
}

/// Greatest net load of the last period that is left alone, W.
pub(crate) fn crest_w(config: &Config, state: &State, poi: usize, net_w: f64) -> f64 {
    let seconds = libm::ceil(1.0 / config.pois[poi].smooth_hz.max(1e-3) + CREST_SLACK_S) as i64;
    let newest = state.peak_index[poi];
    let recent = (0..seconds.min(BUCKETS as i64)).map(|ago| (newest - ago).rem_euclid(BUCKETS as i64) as usize);
    recent.map(|place| f64::from(state.peak_w[poi][place])).fold(net_w, f64::max)
}
