//! What a judge says of a clause.
//!
//! Not modelled: degrees of failure; a limit is met or it is not.

use super::{Measure, Remedy, Rule, Severity};

/// Pass, fail, or not shown by this trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Measured, and within the limit.
    Pass,
    /// Over the limit, whatever else the trace cannot show.
    Fail,
    /// The trace, or the specification, does not allow a judgement; the reason says what is missing.
    NotShown,
}

impl Verdict {
    /// As printed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotShown => "not-shown",
        }
    }
}

/// One clause, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// Name of the clause.
    pub name: String,
    /// What was measured, in words.
    pub measure: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was measured, in `unit`.
    pub measured: Option<f64>,
    /// Whether the true value may be larger than what was measured.
    pub at_least: bool,
    /// The limit, in `unit`.
    pub limit: Option<f64>,
    /// Unit of both.
    pub unit: String,
    /// What is left to the limit as a share of it; below zero when it is broken.
    pub margin: Option<f64>,
    /// When the measured value occurred, s from the start of the trace: the end of a window, the beginning of an interval or
    /// of a span.
    pub at_s: Option<f64>,
    /// How often the limit was broken, where that was counted: share of the windows, and times that it began.
    pub broken: Option<(f64, u64)>,
    /// Why the verdict is what it is, where that needs words.
    pub why: String,
    /// Where the limit comes from.
    pub source: String,
    /// What would make it pass, where it fails and that was asked.
    pub remedy: Option<Remedy>,
}

/// How numbers are printed: power in the unit that suits the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Reference power, W.
    pub reference_w: f64,
    /// Whether the specification or the user gave it; else it is the trace's own greatest reading.
    pub given: bool,
}

impl Outlook {
    /// Unit of power and its size in W.
    #[must_use]
    pub fn power(&self) -> (&'static str, f64) {
        match self.reference_w {
            w if w >= 1e6 => ("MW", 1e6),
            w if w >= 1e3 => ("kW", 1e3),
            _ => ("W", 1.0),
        }
    }

    /// Unit in which a rule is measured, and its size in SI.
    #[must_use]
    pub fn unit(&self, rule: &Rule) -> (String, f64) {
        let (power, size) = self.power();
        match rule {
            Rule::Ramp { window_s, .. } if *window_s >= 30.0 => (format!("{power}/min"), size / 60.0),
            Rule::Ramp { .. } => (format!("{power}/s"), size),
            Rule::Range { .. } | Rule::Schedule { .. } => (power.to_owned(), size),
            Rule::Spectral { measure, .. } if !measure.is_share() => (power.to_owned(), size),
            Rule::Flicker { .. } => (String::new(), 1.0),
            Rule::Spectral { .. } | Rule::VoltageStep { .. } | Rule::VoltageRange { .. } => ("%".to_owned(), 0.01),
        }
    }
}

/// A length of time for people.
pub(super) fn time(seconds: f64) -> String {
    let short = |value: f64, unit: &str| {
        let text = format!("{value:.3}");
        format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match seconds {
        s if s >= 86_400.0 => short(s / 86_400.0, "d"),
        s if s >= 3600.0 => short(s / 3600.0, "h"),
        s if s >= 60.0 => short(s / 60.0, "min"),
        s if s >= 1.0 => short(s, "s"),
        s => short(s * 1e3, "ms"),
    }
}

impl Rule {
    /// What is measured, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Ramp { up, window_s } => {
                format!("greatest {} of power within {}", if *up { "rise" } else { "fall" }, time(*window_s))
            }
            Self::Range { window_s } => format!("greatest minus least power within {}", time(*window_s)),
            Self::Schedule { interval_s } => format!("mean of {} against the plan", time(*interval_s)),
            Self::Spectral { band, measure } => {
                let (low, high, window) = (band.low_hz, band.high_hz, time(band.window_s));
                match measure {
                    Measure::EnergyShare => {
                        format!("energy between {low} and {high} Hz, share of all that varies, worst {window}")
                    }
                    Measure::Rms => format!("root mean square between {low} and {high} Hz, worst {window}"),
                    Measure::LineShare => {
                        format!("strongest line, share of the energy between {low} and {high} Hz, worst {window}")
                    }
                    Measure::LineAmplitude => {
                        format!("amplitude of the strongest line between {low} and {high} Hz, worst {window}")
                    }
                }
            }
            Self::VoltageStep { window_s } => format!("change of voltage over {}", time(*window_s)),
            Self::VoltageRange { window_s } => format!("greatest minus least voltage within {}", time(*window_s)),
            Self::Flicker { lamp, severity } => {
                let what = match severity {
                    Severity::Short => "Pst of ten minutes",
                    Severity::Short95 => "what 95 % of the ten minutes do not exceed, Pst",
                    Severity::Long => "Plt of two hours",
                };
                format!("{what}, lamp of {}", lamp.word())
            }
        }
    }
}
