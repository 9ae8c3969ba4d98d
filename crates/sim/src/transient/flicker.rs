//! Short-term flicker severity of a simulated import, from the network that the scenario states.
//!
//! The severity is defined over ten minutes, a study runs for seconds: the judged span is repeated, cut to whole training
//! steps, until the meter has settled and seen its ten minutes.
//!
//! Not modelled: what changes from one minute to the next; everything that `spectrum::network` and `spectrum::flicker`
//! leave out.

use tieline_campus::specification::Connection;
use tieline_campus::spectrum::flicker::{Flickermeter, Lamp};
use tieline_campus::spectrum::network::Network;

/// Longest span that is fed to the meter, s: settling and one observation, and a second more.
const FED_S: f64 = 640.0;

/// Pst of samples every `step_s`, on a network whose short-circuit power is the connection's ratio times `reference_w`.
///
/// # Errors
/// Why it cannot be shown, in words that begin with what is needed.
pub fn severity(
    connection: &Connection,
    reference_w: f64,
    samples_w: &[f64],
    step_s: f64,
    period_s: f64,
) -> Result<f64, String> {
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
    let mut meter = Flickermeter::new(Lamp::V120Hz60, step_s);
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
        let pst = severity(&connection, 1e6, &samples, 0.002, 10.0).expect("the network is known");
        assert!((pst / 0.714 - 1.0).abs() < 0.03, "{pst}");
        let unknown = Connection { x_over_r: None, ..connection };
        assert_eq!(severity(&unknown, 1e6, &samples, 0.002, 10.0), Err("needs waveform.x_over_r".to_owned()));
    }
}
