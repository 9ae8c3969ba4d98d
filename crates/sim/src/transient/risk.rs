//! How near the training step's harmonics come to modes of the grid and of turbine shafts, and what a shift buys.
//!
//! A mode of damping ratio z is taken as the second-order response |H| = 1 / sqrt((1 - r^2)^2 + (2 z r)^2), r = f / f0,
//! normalised to 1 at zero frequency: how much more of an excitation it shows than of a slow one.
//!
//! Not modelled: where a mode is seen and how strongly this site drives it (participation): a screening, not a study.

/// A mode of grid or shaft.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// Name for people.
    pub name: String,
    /// Frequency, Hz.
    pub hz: f64,
    /// Damping ratio, 0..1.
    pub damping: f64,
}

/// How a mode is met by the harmonics of one power: amplitudes, W.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearness {
    /// The mode.
    pub mode: Mode,
    /// Harmonic of the step that comes nearest: 1 is the fundamental.
    pub harmonic: u32,
    /// Its frequency less the mode's, Hz.
    pub distance_hz: f64,
    /// What the mode makes of that harmonic alone.
    pub nearest_w: f64,
    /// What the mode makes of all harmonics.
    pub response_w: f64,
    /// The part of it that resonance adds to what would be seen without any: root of the squares gained.
    pub raised_w: f64,
    /// The most that resonance adds while the step is between 10 % shorter and 10 % longer, and at which of these.
    pub worst: (f64, f64),
    /// The least, and the share by which the step must become longer for it: what a shift of the period buys.
    pub best: (f64, f64),
}

/// Harmonics that are looked at: 64 of them reach shaft modes from steps of seconds only in part.
const HARMONICS: u32 = 64;

/// Response of a mode at a frequency.
#[must_use]
pub fn response(mode: &Mode, hz: f64) -> f64 {
    let r = hz / mode.hz;
    let (gap, loss) = (1.0 - r * r, 2.0 * mode.damping * r);
    1.0 / libm::sqrt(gap * gap + loss * loss)
}

/// Each mode against the harmonics of a step of `period_s` whose amplitudes stand in `lines` (Hz, W).
#[must_use]
pub fn risk(modes: &[Mode], period_s: f64, lines: &[(f64, f64)]) -> Vec<Nearness> {
    let first_hz = 1.0 / period_s;
    let bin_hz = lines.first().map_or(0.0, |line| line.0);
    let amplitudes: Vec<f64> = (1..=HARMONICS)
        .map(|k| {
            // Jitter smears a harmonic over its neighbourhood: the energy of a third of the way to each neighbour.
            let centre = f64::from(k) * first_hz;
            let reach = (first_hz / 3.0).max(2.0 * bin_hz).min(0.5 * first_hz);
            let near = lines.iter().filter(|(hz, _)| (hz - centre).abs() < reach);
            // Hann spreads a line's energy by 1.5.
            libm::sqrt(near.map(|(_, amplitude)| amplitude * amplitude).sum::<f64>() / 1.5)
        })
        .collect();
    let squares = |mode: &Mode, shift: f64, of: fn(f64) -> f64| {
        let hz = first_hz / (1.0 + shift);
        let each = (1..).zip(&amplitudes).map(|(k, a)| a * a * of(response(mode, f64::from(k) * hz)));
        libm::sqrt(each.sum::<f64>())
    };
    let raised = |mode: &Mode, shift: f64| squares(mode, shift, |gain| (gain * gain - 1.0).max(0.0));
    let shifts = || (-20..=20).map(|i| f64::from(i) * 0.005);
    modes
        .iter()
        .map(|mode| {
            let harmonic = (libm::round(mode.hz / first_hz).max(1.0) as u32).min(HARMONICS);
            let swept = || shifts().map(|shift| (raised(mode, shift), shift));
            Nearness {
                mode: mode.clone(),
                harmonic,
                distance_hz: f64::from(harmonic) * first_hz - mode.hz,
                nearest_w: amplitudes[harmonic as usize - 1] * response(mode, f64::from(harmonic) * first_hz),
                response_w: squares(mode, 0.0, |gain| gain * gain),
                raised_w: raised(mode, 0.0),
                worst: swept().fold((f64::NEG_INFINITY, 0.0), |a, b| if b.0 > a.0 { b } else { a }),
                best: swept().fold((f64::INFINITY, 0.0), |a, b| if b.0 < a.0 { b } else { a }),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_on_a_mode_is_found_and_a_shift_helps_by_what_the_formula_says() {
        let mode = Mode { name: "N-S".to_owned(), hz: 0.5, damping: 0.05 };
        let lines: Vec<(f64, f64)> =
            (1..2_000).map(|k| (f64::from(k) * 0.005, if k == 100 { 10.0 } else { 0.0 })).collect();
        let found = &risk(std::slice::from_ref(&mode), 2.0, &lines)[0];
        let amplitude = 10.0 / libm::sqrt(1.5);
        assert_eq!((found.harmonic, found.distance_hz), (1, 0.0));
        assert!((found.response_w - amplitude / (2.0 * 0.05)).abs() < 1e-9);
        let raised = |gain: f64| amplitude * libm::sqrt((gain * gain - 1.0).max(0.0));
        assert_eq!(found.nearest_w, found.response_w, "there is one line only");
        assert!((found.raised_w - raised(10.0)).abs() < 1e-9 && found.worst.0 >= found.raised_w, "{found:?}");
        let bought = raised(response(&mode, 0.5 / (1.0 + found.best.1)));
        assert!((found.best.0 - bought).abs() < 1e-9 && bought < 0.6 * found.raised_w, "{found:?}");
    }

    #[test]
    fn a_slow_swing_is_no_resonance_of_a_fast_shaft() {
        let shaft = Mode { name: "shaft".to_owned(), hz: 7.0, damping: 0.001 };
        let lines: Vec<(f64, f64)> =
            (1..2_000).map(|k| (f64::from(k) * 0.005, if k == 100 { 10.0 } else { 0.0 })).collect();
        let found = &risk(std::slice::from_ref(&shaft), 2.0, &lines)[0];
        assert!(found.response_w > 8.0 && found.raised_w < 1.0 && found.nearest_w == 0.0, "{found:?}");
    }
}
