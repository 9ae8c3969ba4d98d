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

/// How a mode is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearness {
    /// The mode.
    pub mode: Mode,
    /// Harmonic of the step that comes nearest: 1 is the fundamental.
    pub harmonic: u32,
    /// Its frequency less the mode's, Hz.
    pub distance_hz: f64,
    /// What the mode makes of all harmonics, W of amplitude.
    pub response_w: f64,
    /// The same after the step has been shifted by the best of -10 to +10 %.
    pub shifted_w: f64,
    /// That shift, as a share of the step's length.
    pub shift: f64,
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
            let near = lines.iter().filter(|(hz, _)| (hz - centre).abs() <= (first_hz / 3.0).max(2.0 * bin_hz));
            // Hann spreads a line's energy by 1.5.
            libm::sqrt(near.map(|(_, amplitude)| amplitude * amplitude).sum::<f64>() / 1.5)
        })
        .collect();
    let total = |mode: &Mode, shift: f64| {
        let hz = first_hz / (1.0 + shift);
        let each = (1..).zip(&amplitudes).map(|(k, amplitude)| {
            let shown = amplitude * response(mode, f64::from(k) * hz);
            shown * shown
        });
        libm::sqrt(each.sum::<f64>())
    };
    modes
        .iter()
        .map(|mode| {
            let harmonic = (libm::round(mode.hz / first_hz).max(1.0) as u32).min(HARMONICS);
            let shifts = (-20..=20).map(|i| f64::from(i) * 0.005);
            let best = shifts
                .map(|shift| (total(mode, shift), shift))
                .fold((f64::INFINITY, 0.0), |a, b| if b.0 < a.0 { b } else { a });
            Nearness {
                mode: mode.clone(),
                harmonic,
                distance_hz: f64::from(harmonic) * first_hz - mode.hz,
                response_w: total(mode, 0.0),
                shifted_w: best.0,
                shift: best.1,
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
        assert!((found.shifted_w - amplitude * response(&mode, 0.5 / (1.0 + found.shift))).abs() < 1e-9);
        assert!(found.shifted_w < 0.6 * found.response_w, "{found:?}");
    }
}
