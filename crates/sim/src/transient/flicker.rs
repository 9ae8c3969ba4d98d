//! Short-term flicker severity of a simulated import, from the network that the scenario states.
//!
//! Each point has a meter of its own, on 200 samples a second.
//!
//! The severity is defined over ten minutes, a study runs for seconds: the judged span is repeated, cut to whole training
//! steps, until the meter has settled and seen its ten minutes.
//!
//! Not modelled: what changes from one minute to the next; everything that `spectrum::network` and `spectrum::flicker`
//! leave out.

use super::Plan;
use tieline_campus::specification::{Connection, Rule};
use tieline_campus::spectrum::flicker::{Flickermeter, Lamp};
use tieline_campus::spectrum::network::Network;

/// Longest span that is fed to the meter, s: settling and one observation, and a second more.
const FED_S: f64 = 640.0;

/// Step of the samples that are kept for the meter, ms: 200 a second, what `comply` asks for.
const KEPT_MS: usize = 5;

/// The network at a point, and the lamp of its meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    /// Ratio and angle.
    pub connection: Connection,
    /// Power that the short-circuit ratio is of, W; where it is not known, the mean import.
    pub reference_w: Option<f64>,
    /// Lamp.
    pub lamp: Lamp,
}

impl Site {
    /// The network as the scenario's table `waveform` states it, over the mean import; else as the specification does, over its
    /// reference power. The lamp is the specification's; 120 V and 60 Hz where it has no clause on flicker.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let known = plan.specification.as_ref();
        let lamp = known.and_then(|known| {
            known.clauses.iter().find_map(|clause| match clause.rule {
                Rule::Flicker { lamp, .. } => Some(lamp),
                _ => None,
            })
        });
        let lamp = lamp.unwrap_or(Lamp::V120Hz60);
        let own = plan.connection;
        match known {
            Some(known) if own.short_circuit_ratio.is_none() || own.x_over_r.is_none() => {
                Self { connection: known.connection, reference_w: known.rated_w, lamp }
            }
            _ => Self { connection: own, reference_w: None, lamp },
        }
    }
}

/// Import of one point in means of 5 ms, behind the settling time and no longer than the meter is fed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    seen_ms: usize,
    sum: (f64, usize),
    samples_w: Vec<f64>,
}

impl Kept {
    pub(crate) fn add(&mut self, settle_ms: usize, import_w: &[f64]) {
        for w in import_w {
            self.seen_ms += 1;
            if self.seen_ms <= settle_ms || self.samples_w.len() * KEPT_MS >= (FED_S * 1e3) as usize {
                continue;
            }
            self.sum = (self.sum.0 + w, self.sum.1 + 1);
            if self.sum.1 == KEPT_MS {
                self.samples_w.push(self.sum.0 / KEPT_MS as f64);
                self.sum = (0.0, 0);
            }
        }
    }

    pub(crate) fn mean_w(&self) -> f64 {
        self.samples_w.iter().sum::<f64>() / self.samples_w.len().max(1) as f64
    }

    /// Pst of this point; `mean_w` is what a ratio without a reference power is of.
    pub(crate) fn severity(&self, site: &Site, mean_w: f64, period_s: f64) -> Result<f64, String> {
        severity(site, site.reference_w.unwrap_or(mean_w), &self.samples_w, KEPT_MS as f64 * 1e-3, period_s)
    }
}

/// Pst of samples every `step_s`, on a network whose short-circuit power is the connection's ratio times `reference_w`.
///
/// # Errors
/// Why it cannot be shown, in words that begin with what is needed.
pub fn severity(site: &Site, reference_w: f64, samples_w: &[f64], step_s: f64, period_s: f64) -> Result<f64, String> {
    let connection = &site.connection;
    let (Some(ratio), Some(x_over_r)) = (connection.short_circuit_ratio, connection.x_over_r) else {
        let missing = [
            ("waveform.short_circuit_ratio", connection.short_circuit_ratio.is_none()),
            ("waveform.x_over_r", connection.x_over_r.is_none()),
        ];
        let names: Vec<&str> = missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect();
        return Err(format!("needs {}", names.join(" and ")));
    };
    let per_period = period_s / step_s;
    let periods = libm::floor(samples_w.len() as f64 / per_period);
    if !(periods >= 1.0 && reference_w > 0.0) {
        return Err("needs a span of at least one training step behind waveform.settle".to_owned());
    }
    let whole = &samples_w[..(libm::round(periods * per_period) as usize).min(samples_w.len())];
    let feeder =
        Network { short_circuit_va: ratio * reference_w, x_over_r, power_factor: connection.power_factor }.feeder();
    let squares: Vec<f64> = whole.iter().map(|power_w| feeder.square_pu(*power_w)).collect();
    if squares.iter().any(|square| !square.is_finite()) {
        return Err("needs a network that can carry the load".to_owned());
    }
    let mut meter = Flickermeter::new(site.lamp, step_s);
    let mut worst = f64::NEG_INFINITY;
    for _ in 0..(libm::ceil(FED_S / step_s / squares.len() as f64) as usize) {
        meter.push(&squares, &mut |seen| worst = worst.max(seen.pst));
    }
    if worst.is_finite() { Ok(worst) } else { Err("needs ten minutes of the meter's time".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;

    #[test]
    fn a_change_of_8_8_hz_at_the_threshold_reads_its_known_severity() {
        // IEC 61000-4-15 gives one unit of sensation at 0.321 % of 8.8 Hz for 120 V; a steady sensation of one is a Pst of
        // sqrt(0.0314 + 0.0525 + 0.0657 + 0.28 + 0.08) = 0.714.
        let connection = Connection { short_circuit_ratio: Some(20.0), x_over_r: Some(0.0), power_factor: 1.0 };
        let half_w = 0.003_21 * 0.5 * 20.0 * 1e6;
        let samples: Vec<f64> = (0..5_000).map(|i| half_w * libm::sin(TAU * 8.8 * f64::from(i) * 0.002)).collect();
        let site = |connection| Site { connection, reference_w: None, lamp: Lamp::V120Hz60 };
        let pst = severity(&site(connection), 1e6, &samples, 0.002, 10.0).expect("the network is known");
        assert!((pst / 0.714 - 1.0).abs() < 0.03, "{pst}");
        let unknown = Connection { x_over_r: None, ..connection };
        assert_eq!(severity(&site(unknown), 1e6, &samples, 0.002, 10.0), Err("needs waveform.x_over_r".to_owned()));
    }
}
