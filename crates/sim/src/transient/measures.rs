//! What a second of waveform looks like, at each stage from the GPUs to the meter.
//!
//! Not modelled: flicker and the clauses of a specification (a trace file and `comply` answer those).

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
#[derive(Clone, Debug, Default)]
pub struct Measures {
    settle_ms: usize,
    seen_ms: usize,
    second: (f64, f64, f64, usize),
    last_second_w: Option<f64>,
    sample: (f64, usize),
    samples_w: Vec<f64>,
    sum_w: f64,
    count: usize,
    least_w: f64,
    most_w: f64,
    within: (f64, f64, usize),
    ramp_w_per_s: f64,
}

impl Measures {
    /// Nothing seen yet; the first `settle_s` will not count.
    #[must_use]
    pub fn new(settle_s: f64) -> Self {
        Self {
            settle_ms: (settle_s * 1e3) as usize,
            least_w: f64::INFINITY,
            most_w: f64::NEG_INFINITY,
            ..Self::default()
        }
    }

    /// One millisecond.
    pub fn add(&mut self, power_w: f64) {
        self.seen_ms += 1;
        if self.seen_ms <= self.settle_ms {
            return;
        }
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
        let (sum, least, most, n) = &mut self.second;
        if *n == 0 {
            (*sum, *least, *most) = (0.0, power_w, power_w);
        }
        *sum += power_w;
        *least = least.min(power_w);
        *most = most.max(power_w);
        *n += 1;
        if *n == SECOND_MS {
            let (mean, swing) = (*sum / SECOND_MS as f64, *most - *least);
            *n = 0;
            self.within = (self.within.0 + swing, self.within.1.max(swing), self.within.2 + 1);
            if let Some(last) = self.last_second_w.replace(mean) {
                self.ramp_w_per_s = self.ramp_w_per_s.max((mean - last).abs());
            }
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

    /// Greatest less least rolling mean over a window of whole 10 ms, W.
    #[must_use]
    pub fn swing_over_w(&self, window_s: f64) -> f64 {
        let n = (libm::round(window_s * 1e3 / SAMPLE_MS as f64) as usize).max(1);
        let means = self.samples_w.windows(n).map(|window| window.iter().sum::<f64>() / n as f64);
        let (least, most) = means.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        (most - least).max(0.0)
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

    /// Steepest change between neighbouring means of a second, W/s.
    #[must_use]
    pub fn ramp_w_per_s(&self) -> f64 {
        self.ramp_w_per_s
    }

    /// Means of 10 ms, W.
    #[must_use]
    pub fn samples_w(&self) -> &[f64] {
        &self.samples_w
    }
}

/// Amplitudes (half peak to peak of a sine) of evenly sampled values at multiples of 1 / (n step), after a Hann window:
/// frequency in Hz and amplitude. The longest power of two that fits is used, from the end.
#[must_use]
pub fn spectrum(values: &[f64], step_s: f64) -> Vec<(f64, f64)> {
    let n = if values.len() < 4 { return Vec::new() } else { 1_usize << values.len().ilog2() };
    let values = &values[values.len() - n..];
    let mean = values.iter().sum::<f64>() / n as f64;
    let turn = core::f64::consts::TAU / n as f64;
    let mut re: Vec<f64> =
        values.iter().enumerate().map(|(i, x)| (x - mean) * 0.5 * (1.0 - libm::cos(turn * i as f64))).collect();
    let mut im = vec![0.0; n];
    fourier(&mut re, &mut im);
    // A Hann window halves a sine's line and spreads half of it on each neighbour.
    (1..n / 2)
        .map(|k| (k as f64 / (n as f64 * step_s), 4.0 * libm::sqrt(re[k] * re[k] + im[k] * im[k]) / n as f64))
        .collect()
}

/// Radix-2 transform in place (Cooley and Tukey 1965).
fn fourier(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = (i as u64).reverse_bits() >> (64 - bits);
        if (i as u64) < j {
            re.swap(i, j as usize);
            im.swap(i, j as usize);
        }
    }
    let mut half = 1;
    while half < n {
        for k in 0..half {
            let (sin, cos) = libm::sincos(-core::f64::consts::PI * k as f64 / half as f64);
            for i in (k..n).step_by(2 * half) {
                let j = i + half;
                let (r, q) = (re[j] * cos - im[j] * sin, re[j] * sin + im[j] * cos);
                (re[j], im[j]) = (re[i] - r, im[i] - q);
                (re[i], im[i]) = (re[i] + r, im[i] + q);
            }
        }
        half *= 2;
    }
}

/// Share of the alternating energy between two frequencies, Hz; 0 where nothing alternates.
#[must_use]
pub fn band_share(lines: &[(f64, f64)], from_hz: f64, to_hz: f64) -> f64 {
    let energy = |within: &dyn Fn(f64) -> bool| {
        lines.iter().filter(|(hz, _)| within(*hz)).map(|(_, amplitude)| amplitude * amplitude).sum::<f64>()
    };
    let all = energy(&|_| true);
    if all > 0.0 { energy(&|hz| hz >= from_hz && hz <= to_hz) / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_shows_as_one_line_of_its_amplitude() {
        let values: Vec<f64> =
            (0..4_096).map(|i| 100.0 + 3.0 * libm::sin(core::f64::consts::TAU * 64.0 * i as f64 / 4_096.0)).collect();
        let lines = spectrum(&values, 0.01);
        let top = lines.iter().copied().fold((0.0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        assert!((top.0 - 64.0 / 40.96).abs() < 1e-9 && (top.1 - 3.0).abs() < 1e-9, "{top:?}");
        assert!(band_share(&lines, 1.0, 2.0) > 0.999 && band_share(&lines, 2.0, 50.0) < 1e-12);
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
        assert_eq!(measures.ramp_w_per_s(), 25.0);
    }
}
