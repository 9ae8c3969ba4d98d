//! Power spectral density by Welch's method: Hann windows that overlap by half, averaged over spans of the trace.
//!
//! The mean of each segment is taken off first, so that the campus's constant load does not leak into the lowest bins. The
//! last segment of a stretch ends where the stretch ends, and the last span likewise: nothing at the end goes unjudged.
//!
//! Not modelled: the first and the last eighth of a segment's length at the ends of a stretch, which the window sees dimly; bits that are equal on every instruction set (the transform uses what the processor has).

use core::f64::consts::TAU;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::collections::VecDeque;
use std::sync::Arc;

/// A one-sided spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Distance of the bins, Hz.
    pub bin_hz: f64,
    /// Power spectral density, W²/Hz, from 0 Hz on; the first bin is not used.
    pub psd: Vec<f64>,
    /// Segments averaged.
    pub segments: u64,
    /// First sample of the first segment.
    pub start: u64,
    /// Samples from there to the end of the last segment.
    pub length: u64,
}

impl Spectrum {
    fn bins(&self, low_hz: f64, high_hz: f64) -> &[f64] {
        let first = self.first_bin(low_hz);
        let last = (libm::floor(high_hz / self.bin_hz + 1e-9) as usize + 1).clamp(first, self.psd.len());
        &self.psd[first..last]
    }

    /// Mean square of the power's part in a band, W²: the integral of the density (T-WAVE-02).
    #[must_use]
    pub fn energy(&self, low_hz: f64, high_hz: f64) -> f64 {
        self.bins(low_hz, high_hz).iter().sum::<f64>() * self.bin_hz
    }

    /// The band's share of all that varies up to `most_hz`.
    #[must_use]
    pub fn share(&self, low_hz: f64, high_hz: f64, most_hz: f64) -> f64 {
        let all = self.energy(0.0, most_hz);
        if all > 0.0 { self.energy(low_hz, high_hz.min(most_hz)) / all } else { 0.0 }
    }

    /// The strongest line of a band: its frequency, Hz, and its mean square, W². A line spreads over the main lobe of the
    /// window, four bins wide, so two neighbours on either side are counted with the largest bin; the frequency is their
    /// centre of energy. Neither depends on the rate of the samples or on the length of a segment, as long as lines lie
    /// further apart than the lobe is wide.
    #[must_use]
    pub fn line(&self, low_hz: f64, high_hz: f64) -> (f64, f64) {
        let first = self.first_bin(low_hz);
        let band = self.bins(low_hz, high_hz);
        let largest = (0..band.len()).max_by(|a, b| band[*a].total_cmp(&band[*b])).unwrap_or(0);
        let lobe = (first + largest).saturating_sub(2).max(1)..(first + largest + 3).min(self.psd.len());
        let (mut sum, mut moment) = (0.0, 0.0);
        for bin in lobe {
            sum += self.psd[bin];
            moment += self.psd[bin] * bin as f64;
        }
        let bin = if sum > 0.0 { moment / sum } else { (first + largest) as f64 };
        (bin * self.bin_hz, sum * self.bin_hz)
    }

    fn first_bin(&self, low_hz: f64) -> usize {
        (libm::ceil(low_hz / self.bin_hz - 1e-9) as usize).clamp(1, self.psd.len())
    }

    /// The largest bin of a band: its frequency, and its magnitude as a share of the sum of magnitudes up to `most_hz`.
    #[must_use]
    pub fn largest(&self, low_hz: f64, high_hz: f64, most_hz: f64) -> (f64, f64) {
        let first = self.first_bin(low_hz);
        let band = self.bins(low_hz, high_hz.min(most_hz));
        let (mut place, mut most) = (0, 0.0);
        for (bin, value) in band.iter().enumerate() {
            if *value > most {
                (place, most) = (bin, *value);
            }
        }
        let all: f64 = self.bins(0.0, most_hz).iter().map(|value| libm::sqrt(*value)).sum();
        ((first + place) as f64 * self.bin_hz, if all > 0.0 { libm::sqrt(most) / all } else { 0.0 })
    }
}

/// Densities of segments that are kept so that a span can end anywhere: at most so many numbers (128 MB).
const MOST_KEPT: usize = 1 << 24;

/// Collects segments, and averages them over the whole trace and over spans of it.
pub struct Welch {
    transform: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    held: Vec<f64>,
    /// The samples before those held: half a segment.
    before: Vec<f64>,
    input: Vec<f64>,
    output: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    scale: f64,
    bin_hz: f64,
    next: u64,
    per_span: u64,
    whole: Vec<f64>,
    segments: u64,
    span: Vec<f64>,
    in_span: u64,
    span_start: u64,
    /// Segments of this stretch, and the last of them that a span may hold: first sample and density.
    in_stretch: u64,
    recent: VecDeque<(u64, Vec<f64>)>,
    judged: u64,
}

impl Welch {
    /// Segments of `length` samples (even, at least 16) every `step_s`; spectra of spans of `per_span` segments.
    #[must_use]
    pub fn new(step_s: f64, length: usize, per_span: u64) -> Self {
        assert!(length >= 16 && length.is_multiple_of(2) && step_s > 0.0, "segments are even and not tiny");
        let transform = RealFftPlanner::<f64>::new().plan_fft_forward(length);
        let window: Vec<f64> = (0..length).map(|i| 0.5 - 0.5 * libm::cos(TAU * i as f64 / length as f64)).collect();
        let power: f64 = window.iter().map(|w| w * w).sum();
        let bins = length / 2 + 1;
        Self {
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
            window,
            held: Vec::with_capacity(length),
            before: Vec::with_capacity(length / 2),
            scale: 2.0 * step_s / power,
            bin_hz: 1.0 / (step_s * length as f64),
            next: 0,
            per_span: per_span.max(1),
            whole: vec![0.0; bins],
            segments: 0,
            span: vec![0.0; bins],
            in_span: 0,
            span_start: 0,
            in_stretch: 0,
            recent: VecDeque::new(),
            judged: 0,
        }
    }

    /// Samples of a segment.
    #[must_use]
    pub fn length(&self) -> usize {
        self.window.len()
    }

    /// Samples that lay in a segment.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// Takes the next samples; `each` sees the spectrum of every whole span.
    pub fn push(&mut self, block: &[f64], each: &mut impl FnMut(&Spectrum)) {
        let length = self.length();
        let mut rest = block;
        while !rest.is_empty() {
            let (now, later) = rest.split_at((length - self.held.len()).min(rest.len()));
            self.held.extend_from_slice(now);
            self.next += now.len() as u64;
            rest = later;
            if self.held.len() == length {
                self.judged += if self.in_stretch == 0 { length } else { length / 2 } as u64;
                self.segment(each);
                self.before.clear();
                self.before.extend_from_slice(&self.held[..length / 2]);
                self.held.drain(..length / 2);
            }
        }
    }

    /// Density of the segment held: 2 |X|² / (f_s Σ w²), for the bins that stand for two (T-WAVE-01, T-WAVE-02).
    fn segment(&mut self, each: &mut impl FnMut(&Spectrum)) {
        let mean = self.held.iter().sum::<f64>() / self.held.len() as f64;
        for ((input, held), window) in self.input.iter_mut().zip(&self.held).zip(&self.window) {
            *input = (held - mean) * window;
        }
        let done = self.transform.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
        done.expect("the buffers were made by the transform itself");
        let start = self.next - self.held.len() as u64;
        if self.in_span == 0 {
            self.span_start = start;
        }
        let last = self.output.len() - 1;
        let keep = self.keeps();
        let full = self.recent.len() as u64 >= self.per_span;
        let mut own = if keep && full { self.recent.pop_front().unwrap_or_default().1 } else { Vec::new() };
        own.clear();
        for (bin, x) in self.output.iter().enumerate() {
            let twice = if bin == 0 || bin == last { 0.5 } else { 1.0 };
            let density = twice * self.scale * (x.re * x.re + x.im * x.im);
            self.span[bin] += density;
            self.whole[bin] += density;
            if keep {
                own.push(density);
            }
        }
        if keep {
            self.recent.push_back((start, own));
        }
        self.in_span += 1;
        self.in_stretch += 1;
        self.segments += 1;
        if self.in_span == self.per_span {
            self.close(each);
        }
    }

    fn keeps(&self) -> bool {
        self.per_span > 1 && self.per_span.saturating_mul(self.whole.len() as u64) <= MOST_KEPT as u64
    }

    fn close(&mut self, each: &mut impl FnMut(&Spectrum)) {
        let spectrum = Spectrum {
            bin_hz: self.bin_hz,
            psd: self.span.iter().map(|sum| sum / self.in_span as f64).collect(),
            segments: self.in_span,
            start: self.span_start,
            length: self.next - self.span_start,
        };
        self.span.fill(0.0);
        self.in_span = 0;
        each(&spectrum);
    }

    /// Ends a stretch: a last segment up to its very end, and a last span as long as the others where the stretch holds one.
    fn end(&mut self, each: &mut impl FnMut(&Spectrum)) {
        let length = self.length();
        let fresh = self.held.len().saturating_sub(length / 2);
        if self.in_stretch > 0 && fresh > 0 {
            let missing = length - self.held.len();
            let older = self.before.len() - missing;
            self.held.splice(0..0, self.before[older..].iter().copied());
            self.judged += fresh as u64;
            self.segment(each);
        }
        if self.in_span > 0 {
            if self.recent.len() as u64 == self.per_span {
                self.span.fill(0.0);
                for (_, own) in &self.recent {
                    self.span.iter_mut().zip(own).for_each(|(sum, density)| *sum += density);
                }
                self.in_span = self.per_span;
                self.span_start = self.recent.front().map_or(self.span_start, |(start, _)| *start);
            }
            self.close(each);
        }
        self.held.clear();
        self.before.clear();
        self.recent.clear();
        self.in_stretch = 0;
    }

    /// Passes over so many samples that were not measured; neither a segment nor a span reaches across them.
    pub fn gap(&mut self, samples: u64, each: &mut impl FnMut(&Spectrum)) {
        self.end(each);
        self.next += samples;
    }

    /// Closes the last span, and gives the spectrum of the whole trace.
    pub fn finish(&mut self, each: &mut impl FnMut(&Spectrum)) -> Option<Spectrum> {
        self.end(each);
        let segments = self.segments;
        (segments > 0).then(|| Spectrum {
            bin_hz: self.bin_hz,
            psd: self.whole.iter().map(|sum| sum / segments as f64).collect(),
            segments,
            start: 0,
            length: self.next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stretch_is_judged_and_spans_do_not_reach_across_gaps() {
        // Still, and a swing in the last thirty samples only.
        let mut x = vec![0.0; 1000];
        (970..1000).for_each(|at| x[at] = if at % 4 < 2 { 1.0 } else { -1.0 });
        let mut welch = Welch::new(1.0, 64, 4);
        let mut spans = Vec::new();
        x.chunks(17).for_each(|block| welch.push(block, &mut |found| spans.push(found.clone())));
        welch.gap(50, &mut |found| spans.push(found.clone()));
        assert_eq!(welch.judged(), 1000);
        let last = spans.last().expect("a span");
        assert_eq!((last.segments, last.start + last.length), (4, 1000));
        assert!(last.energy(0.0, 0.5) > 0.01, "{}", last.energy(0.0, 0.5));
        let (hz, _) = last.line(0.1, 0.5);
        assert!((hz - 0.25).abs() < 0.01, "{hz}");
        // A stretch shorter than a segment is not judged; one of a single segment is a span of one.
        welch.push(&x[..40], &mut |_| panic!("too short"));
        welch.gap(1, &mut |_| panic!("too short"));
        welch.push(&x[936..1000], &mut |found| spans.push(found.clone()));
        let whole = welch.finish(&mut |found| spans.push(found.clone())).expect("segments");
        assert_eq!((welch.judged(), spans.last().map(|span| (span.segments, span.start))), (1064, Some((1, 1091))));
        assert_eq!(whole.length, 1155);
    }

    #[test]
    fn a_line_has_its_own_power_whatever_the_rate_and_the_segment() {
        for (rate_hz, length) in [(50.0, 1024), (200.0, 1024), (1000.0, 8192), (1000.0, 16384)] {
            let (hz, amplitude) = (1.037, 3.0);
            let x: Vec<f64> =
                (0..16 * length).map(|at| amplitude * libm::sin(TAU * hz * at as f64 / rate_hz)).collect();
            let mut welch = Welch::new(1.0 / rate_hz, length, u64::MAX);
            welch.push(&x, &mut |_| {});
            let (at_hz, square) = welch.finish(&mut |_| {}).expect("long").line(0.1, 20.0);
            assert!((at_hz - hz).abs() < 0.02 * rate_hz / length as f64, "{rate_hz}: {at_hz}");
            assert!((libm::sqrt(2.0 * square) / amplitude - 1.0).abs() < 0.01, "{rate_hz}: {square}");
        }
    }
}
