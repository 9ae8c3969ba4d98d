//! A utility's specification for a power waveform as values, and the judge that holds a trace against it.
//!
//! Not modelled: clauses on reactive power, harmonics, ride-through; a utility's right to waive a clause.

mod judge;
mod measured;
mod remedy;
mod ruling;

pub use judge::{Judge, Traces};
pub use remedy::{IdealStore, Remedy};
pub use ruling::{Outlook, Ruling, Verdict};

use crate::spectrum::flicker::Lamp;
use crate::spectrum::windows::Plan;

/// A limit: an amount, a share of the reference power, or none where the specification leaves it open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// In the clause's own SI unit.
    Amount(f64),
    /// Share of the reference power (for a ramp: within the clause's window).
    Share(f64),
    /// Not given: the clause is measured and cannot be passed.
    Open,
}

/// What a clause bounds.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Greatest rise or fall inside a window over the window, W/s; what comes back before the window ends counts.
    Ramp {
        /// Whether rises are bounded, else falls.
        up: bool,
        /// Window, s.
        window_s: f64,
    },
    /// Difference between the extremes inside a window, W.
    Range {
        /// Window, s.
        window_s: f64,
    },
    /// Mean of an interval against the plan, W.
    Schedule {
        /// Interval, s; aligned with the clock where the trace has one.
        interval_s: f64,
    },
    /// What moves in a band of frequencies.
    Spectral {
        /// The band.
        band: Band,
        /// What of it is bounded.
        measure: Measure,
    },
    /// Change of voltage between the ends of a window, share of nominal.
    VoltageStep {
        /// Window, s.
        window_s: f64,
    },
    /// Difference between the extremes of voltage inside a window, share of nominal.
    VoltageRange {
        /// Window, s.
        window_s: f64,
    },
    /// Flicker severity.
    Flicker {
        /// Lamp of the meter.
        lamp: Lamp,
        /// Which.
        severity: Severity,
    },
}

/// Which severity of flicker is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Pst of the worst ten minutes.
    Short,
    /// Pst that 95 % of the ten minutes do not exceed.
    Short95,
    /// Plt of the worst two hours.
    Long,
}

impl Severity {
    /// As in specification files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Short => "pst",
            Self::Short95 => "pst-95",
            Self::Long => "plt",
        }
    }

    /// What it needs without a gap (for 95 %: in all), s.
    #[must_use]
    pub fn needs_s(self) -> f64 {
        use crate::spectrum::flicker::{FEWEST_95, LONG, OBSERVATION_S};
        match self {
            Self::Short => OBSERVATION_S,
            Self::Short95 => FEWEST_95 as f64 * OBSERVATION_S,
            Self::Long => LONG as f64 * OBSERVATION_S,
        }
    }
}

/// What of a band is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Energy in the band as a share of the energy of all variation that the sampling shows.
    EnergyShare,
    /// Root mean square of what moves in the band, W.
    Rms,
    /// Energy of the strongest line as a share of the energy in the band.
    LineShare,
    /// Amplitude of the strongest line, W (half of its peak to peak).
    LineAmplitude,
}

impl Measure {
    /// Whether it is a share rather than a power.
    #[must_use]
    pub fn is_share(self) -> bool {
        matches!(self, Self::EnergyShare | Self::LineShare)
    }
}

/// A band of frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Lower edge, Hz.
    pub low_hz: f64,
    /// Upper edge, Hz.
    pub high_hz: f64,
    /// Spans over which spectra are averaged and judged, s.
    pub window_s: f64,
    /// Root mean square in the band below which a share is met whatever it is, share of the reference power.
    pub negligible: f64,
}

/// One clause.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// Short name, unique.
    pub name: String,
    /// What it bounds.
    pub rule: Rule,
    /// The bound.
    pub limit: Limit,
    /// Where the bound comes from.
    pub source: String,
}

/// What is asked of a trace before a clause counts as shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Share of the time that must have been measured.
    pub coverage: f64,
    /// Readings that a window must hold.
    pub readings_per_window: f64,
    /// Readings per period of the highest frequency of a band.
    pub readings_per_period: f64,
    /// Periods of the lowest frequency of a band that a segment must hold.
    pub periods_per_segment: f64,
}

/// The network at the point of connection, as far as the specification knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Connection {
    /// Short-circuit power over the reference power.
    pub short_circuit_ratio: Option<f64>,
    /// Reactance over resistance.
    pub x_over_r: Option<f64>,
    /// Power factor, lagging.
    pub power_factor: f64,
}

/// A specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    /// Short name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Reference power that shares are of, W.
    pub rated_w: Option<f64>,
    /// The network.
    pub connection: Connection,
    /// What counts as shown.
    pub evidence: Evidence,
    /// The clauses.
    pub clauses: Vec<Clause>,
    /// Every number with its source: key, as written, source.
    pub provenance: Vec<(String, String, String)>,
}

/// What is known of a trace beside its samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Step of the samples, s.
    pub step_s: f64,
    /// Time over which the sensor averages, s; zero where it does not.
    pub averaging_s: f64,
    /// Time between readings that may differ, s, where the user says so.
    pub update_s: Option<f64>,
    /// First sample after a whole multiple of the clock's day, s; zero where the trace has no clock.
    pub clock_s: f64,
    /// Whether the file says that its sensor averages, without saying over how long.
    pub averages: bool,
    /// The plan, if one was given.
    pub plan: Option<Plan>,
}
