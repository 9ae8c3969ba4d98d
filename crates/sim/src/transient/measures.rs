//! What a second of waveform looks like, at each stage from the GPUs to the meter.
//!
//! Not modelled: the clauses of a specification (a trace file and `comply` answer those).

use tieline_campus::spectrum::swings::Swings;
use tieline_campus::spectrum::welch::{Spectrum, Welch};

/// Where along the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Sum of GPU power.
    Gpus,
    /// Load of the points, batteries aside.
    Load,
    /// Import at the meters.
    Meter,
}

/// Milliseconds of a sample of the spectrum: 10 ms, Nyquist 50 Hz.
pub(crate) const SAMPLE_MS: usize = 10;
const SECOND_MS: usize = 1_000;

/// Swing, ramps and spectrum of one stage, taken in millisecond by millisecond.
#[derive(Clone, Debug)]
pub struct Measures {
    settle_ms: usize,
    seen_ms: usize,
    second: (f64, f64, usize),
    sample: (f64, usize),
    samples_w: Vec<f64>,
    sum_w: f64,
    count: usize,
    least_w: f64,
    most_w: f64,
    within: (f64, f64, usize),
    moves: Swings,
}

impl Measures {
    /// Nothing seen yet; the first `settle_s` will not count.
    #[must_use]
    pub fn new(settle_s: f64) -> Self {
        Self {
            settle_ms: (settle_s * 1e3) as usize,
            seen_ms: 0,
            second: (0.0, 0.0, 0),
            sample: (0.0, 0),
            samples_w: Vec::new(),
            sum_w: 0.0,
            count: 0,
            least_w: f64::INFINITY,
            most_w: f64::NEG_INFINITY,
            within: (0.0, 0.0, 0),
            moves: Swings::new(SECOND_MS),
        }
    }

    /// One millisecond.
    pub fn add(&mut self, power_w: f64) {
        self.seen_ms += 1;
        if self.seen_ms <= self.settle_ms {
            return;
        }
        self.moves.push(&[power_w]);
        self.sum_w += power_w;
        self.count += 1;
        self.least_w = self.least_w.min(power_w);
        self.most_w = self.most_w.max(power_w);
        self.sample.0 += power_w;
        self.sample.1 += 1;
        if self.sample.1 == SAMPLE_MS {
            self.samples_w.push(self.sample.0 / SAMPLE_MS as f64);
            self.sample = (0.0, 0);
        }
        let (least, most, n) = &mut self.second;
        if *n == 0 {
            (*least, *most) = (power_w, power_w);
        }
        *least = least.min(power_w);
        *most = most.max(power_w);
        *n += 1;
        if *n == SECOND_MS {
            let swing = *most - *least;
            *n = 0;
            self.within = (self.within.0 + swing, self.within.1.max(swing), self.within.2 + 1);
        }
    }

    /// Mean, W.
    #[must_use]
    pub fn mean_w(&self) -> f64 {
        self.sum_w / self.count.max(1) as f64
    }

    /// Greatest less least millisecond, W.
    #[must_use]
    pub fn swing_w(&self) -> f64 {
        (self.most_w - self.least_w).max(0.0)
    }

    /// Rolling means over a window of whole 10 ms, W.
    fn means_w(&self, window_s: f64) -> impl Iterator<Item = f64> {
        let n = (libm::round(window_s * 1e3 / SAMPLE_MS as f64) as usize).max(1);
        self.samples_w.windows(n).map(move |window| window.iter().sum::<f64>() / n as f64)
    }

    /// Greatest less least rolling mean over a window of whole 10 ms, W.
    #[must_use]
    pub fn swing_over_w(&self, window_s: f64) -> f64 {
        let means = self.means_w(window_s);
        let (least, most) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        (most - least).max(0.0)
    }

    /// Greatest rise or fall of the rolling means over a window, wherever it begins and ends within another, over that
    /// one's length, W/s.
    #[must_use]
    pub fn ramp_over_w_per_s(&self, window_s: f64, within_s: f64) -> f64 {
        let mut moves = Swings::new((libm::round(within_s * 1e3 / SAMPLE_MS as f64) as usize).max(1));
        moves.push(&self.means_w(window_s).collect::<Vec<f64>>());
        moves.finish();
        moves.range.value.max(0.0) / within_s
    }

    /// Greatest millisecond, W.
    #[must_use]
    pub fn peak_w(&self) -> f64 {
        self.most_w
    }

    /// Greatest less least millisecond of a second: mean over the seconds, and the worst, W.
    #[must_use]
    pub fn within_second_w(&self) -> (f64, f64) {
        (self.within.0 / self.within.2.max(1) as f64, self.within.1)
    }

    /// Greatest rise or fall of the milliseconds, wherever it begins and ends within a second, W/s: what `comply` holds
    /// against a ramp over 1 s.
    #[must_use]
    pub fn ramp_w_per_s(&self) -> f64 {
        self.moves.range.value.max(0.0)
    }

    /// Means of 10 ms, W.
    #[must_use]
    pub fn samples_w(&self) -> &[f64] {
        &self.samples_w
    }
}

/// Lowest frequency that a spectrum shall show, Hz, and the periods of it, or of the training step, that a segment shall hold:
/// as `comply` asks for the critical band of arXiv:2508.14318.
const LOWEST_HZ: f64 = 0.1;
const PERIODS: f64 = 5.0;

/// Density of evenly sampled values by Welch's method. A segment holds five periods of 0.1 Hz and of the step, and is a power of
/// two; where the values are fewer, it is the longest that fits. So there are several, half over one another, as soon as the
/// values reach beyond one. `None` where there are fewer than 16.
#[must_use]
pub fn spectrum(values: &[f64], step_s: f64, period_s: f64) -> Option<Spectrum> {
    let fits = if values.len() < 16 { return None } else { 1_usize << values.len().ilog2() };
    let period_s = if period_s.is_finite() { period_s.max(1.0 / LOWEST_HZ) } else { 1.0 / LOWEST_HZ };
    let wanted = libm::ceil(PERIODS * period_s / step_s).min(fits as f64) as usize;
    let mut welch = Welch::new(step_s, wanted.next_power_of_two().clamp(16, fits), u64::MAX);
    welch.push(values, &mut |_| ());
    welch.finish(&mut |_| ())
}

/// The strongest line, Hz and W of amplitude, whatever bin it falls beside; nothing where nothing alternates.
#[must_use]
pub fn strongest(spectrum: Option<&Spectrum>) -> (f64, f64) {
    spectrum.map_or((0.0, 0.0), |spectrum| {
        let (hz, square) = spectrum.line(0.0, spectrum.bin_hz * spectrum.psd.len() as f64);
        (hz, libm::sqrt(2.0 * square))
    })
}

/// Amplitude of what lies within two bins of a frequency, W: a Hann window's main lobe.
#[must_use]
pub fn amplitude_at(spectrum: Option<&Spectrum>, hz: f64) -> f64 {
    spectrum.map_or(0.0, |spectrum| {
        let bin = libm::round(hz / spectrum.bin_hz);
        let (low, high) = ((bin - 2.0).max(1.0), bin + 2.0);
        libm::sqrt(2.0 * spectrum.energy(low * spectrum.bin_hz, high * spectrum.bin_hz))
    })
}

/// Amplitudes (half peak to peak of a sine) of the bins but the first: frequency in Hz and amplitude.
///
/// A sine of amplitude A in the middle of a bin has the density A^2 / (3 bin) under a Hann window, and half the amplitude
/// in each neighbour.
#[must_use]
pub fn lines(spectrum: Option<&Spectrum>) -> Vec<(f64, f64)> {
    let Some(Spectrum { bin_hz, psd, .. }) = spectrum else { return Vec::new() };
    let bins = psd.iter().enumerate().skip(1).take(psd.len().saturating_sub(2));
    bins.map(|(bin, density)| (bin as f64 * bin_hz, libm::sqrt(3.0 * density * bin_hz))).collect()
}

/// Share of the alternating energy between two frequencies, Hz; 0 where nothing alternates.
#[must_use]
pub fn band_share(spectrum: Option<&Spectrum>, from_hz: f64, to_hz: f64) -> f64 {
    spectrum.map_or(0.0, |spectrum| spectrum.share(from_hz, to_hz, spectrum.bin_hz * (spectrum.psd.len() - 1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_shows_as_one_line_of_its_amplitude() {
        let values: Vec<f64> =
            (0..4_096).map(|i| 100.0 + 3.0 * libm::sin(core::f64::consts::TAU * 64.0 * i as f64 / 4_096.0)).collect();
        let spectrum = spectrum(&values, 0.01, 1.0);
        let lines = lines(spectrum.as_ref());
        let top = lines.iter().copied().fold((0.0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        assert!((top.0 - 64.0 / 40.96).abs() < 1e-9 && (top.1 - 3.0).abs() < 1e-9, "{top:?}");
        let share = |from, to| band_share(spectrum.as_ref(), from, to);
        assert!(share(1.0, 2.0) > 0.999 && share(2.0, 50.0) < 1e-12);
    }

    #[test]
    fn a_long_span_is_averaged_and_a_line_between_two_bins_keeps_its_amplitude() {
        // Three minutes at 10 ms: four segments and the end. The line lies in the middle between two bins of 1 / 81.92 Hz.
        let hz = 40.5 / 81.92;
        let wave: Vec<f64> =
            (0..18_000).map(|i| 5.0 * libm::sin(core::f64::consts::TAU * hz * f64::from(i) * 0.01)).collect();
        let spectrum = spectrum(&wave, 0.01, 2.0);
        let found = spectrum.as_ref().map_or(0, |spectrum| spectrum.segments);
        assert!(found >= 3, "{found} segments");
        let (at_hz, amplitude) = strongest(spectrum.as_ref());
        assert!((at_hz - hz).abs() < 0.1 / 81.92 && (amplitude / 5.0 - 1.0).abs() < 0.01, "{at_hz} {amplitude}");
        assert!((amplitude_at(spectrum.as_ref(), hz) / 5.0 - 1.0).abs() < 0.02);
        // What the largest bin alone says is 15 % less.
        let bins = lines(spectrum.as_ref());
        let top = bins.iter().map(|line| line.1).fold(0.0, f64::max);
        assert!(top < 0.9 * 5.0, "{top}");
        // A step of a minute asks for longer segments than three minutes hold: one is left, the longest that fits.
        let slow = super::spectrum(&wave, 0.01, 60.0).map_or(0.0, |spectrum| spectrum.bin_hz);
        assert!((slow - 1.0 / 163.84).abs() < 1e-9, "{slow}");
    }

    #[test]
    fn swing_and_ramp_of_a_known_shape() {
        let mut measures = Measures::new(1.0);
        for ms in 0..4_000 {
            // A second that does not count, then 0 W, 0 to 10 W within the second, 30 W.
            let power = [1e9, 0.0, if ms % 2 == 0 { 0.0 } else { 10.0 }, 30.0][ms / 1_000];
            measures.add(power);
        }
        assert_eq!((measures.swing_w(), measures.within_second_w()), (30.0, (10.0 / 3.0, 10.0)));
        assert_eq!(measures.ramp_w_per_s(), 30.0);
        // Means of 10 ms are 0, 5 and 30 W, a second each: within a second they move by 25 W at most.
        assert_eq!((measures.swing_over_w(0.01), measures.ramp_over_w_per_s(0.01, 1.0)), (30.0, 25.0));
    }

    #[test]
    fn a_swing_whose_period_divides_the_second_is_a_ramp() {
        let mut measures = Measures::new(0.0);
        (0..5_000).for_each(|ms| measures.add(if ms % 1_000 < 500 { 80.0 } else { 20.0 }));
        assert_eq!((measures.ramp_w_per_s(), measures.ramp_over_w_per_s(0.1, 1.0)), (60.0, 60.0));
    }
}
