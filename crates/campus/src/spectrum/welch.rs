//! Power spectral density by Welch's method: Hann windows that overlap by half, averaged over spans of the trace.
//!
//! The mean of each segment is taken off first, so that the campus's constant load does not leak into the lowest bins.
//!
//! Not modelled: bits that are equal on every instruction set (the transform uses what the processor has).

use core::f64::consts::TAU;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
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
        let first = (libm::ceil(low_hz / self.bin_hz - 1e-9) as usize).clamp(1, self.psd.len());
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

    /// The largest bin of a band: its frequency, and its magnitude as a share of the sum of magnitudes up to `most_hz`.
    #[must_use]
    pub fn largest(&self, low_hz: f64, high_hz: f64, most_hz: f64) -> (f64, f64) {
        let first = (libm::ceil(low_hz / self.bin_hz - 1e-9) as usize).clamp(1, self.psd.len());
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

/// Collects segments, and averages them over the whole trace and over spans of it.
pub struct Welch {
    transform: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    held: Vec<f64>,
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
            scale: 2.0 * step_s / power,
            bin_hz: 1.0 / (step_s * length as f64),
            next: 0,
            per_span: per_span.max(1),
            whole: vec![0.0; bins],
            segments: 0,
            span: vec![0.0; bins],
            in_span: 0,
            span_start: 0,
        }
    }

    /// Samples of a segment.
    #[must_use]
    pub fn length(&self) -> usize {
        self.window.len()
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
                self.segment();
                self.held.drain(..length / 2);
                if self.in_span == self.per_span {
                    self.close(each);
                }
            }
        }
    }

    /// Density of one segment: 2 |X|² / (f_s Σ w²), for the bins that stand for two (T-WAVE-01, T-WAVE-02).
    fn segment(&mut self) {
        let mean = self.held.iter().sum::<f64>() / self.held.len() as f64;
        for ((input, held), window) in self.input.iter_mut().zip(&self.held).zip(&self.window) {
            *input = (held - mean) * window;
        }
        let done = self.transform.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
        done.expect("the buffers were made by the transform itself");
        if self.in_span == 0 {
            self.span_start = self.next - self.held.len() as u64;
        }
        let last = self.output.len() - 1;
        for (bin, x) in self.output.iter().enumerate() {
            let twice = if bin == 0 || bin == last { 0.5 } else { 1.0 };
            let density = twice * self.scale * (x.re * x.re + x.im * x.im);
            self.span[bin] += density;
        }
        self.in_span += 1;
        self.segments += 1;
    }

    fn close(&mut self, each: &mut impl FnMut(&Spectrum)) {
        let spectrum = Spectrum {
            bin_hz: self.bin_hz,
            psd: self.span.iter().map(|sum| sum / self.in_span as f64).collect(),
            segments: self.in_span,
            start: self.span_start,
            length: self.next - self.span_start,
        };
        for (whole, span) in self.whole.iter_mut().zip(&mut self.span) {
            *whole += *span;
            *span = 0.0;
        }
        self.in_span = 0;
        each(&spectrum);
    }

    /// Passes over so many samples that were not measured; a segment never spans them.
    pub fn gap(&mut self, samples: u64) {
        self.held.clear();
        self.next += samples;
    }

    /// Closes the last span, shorter than the others or not, and gives the spectrum of the whole trace.
    pub fn finish(mut self, each: &mut impl FnMut(&Spectrum)) -> Option<Spectrum> {
        if self.in_span > 0 {
            self.close(each);
        }
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
