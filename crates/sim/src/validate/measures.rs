//! Quantities that the measures on a power series give: flicker, spectrum, ramps, voltage, and what is in measured traces.
//!
//! Not modelled: anything of its own; each function feeds a known signal, or a file, to the measure that `comply` uses.

use super::quantities::Outcome;
use super::{Dimension as D, Given, Quantity};
use core::f64::consts::TAU;
use tieline_campus::gpu;
use tieline_campus::spectrum::flicker::{Flickermeter, Lamp, OBSERVATION_S, SETTLE_S};
use tieline_campus::spectrum::network::Network;
use tieline_campus::spectrum::swings::Swings;
use tieline_campus::spectrum::welch::Welch;
use tieline_campus::spectrum::windows::Change;

/// Step of the signals that are made here, s.
const STEP_S: f64 = 0.001;

pub(super) const FLICKER_SINE: Quantity = Quantity {
    name: "wave.flicker_of_sine",
    inputs: &[("mains", D::Frequency), ("frequency", D::Frequency), ("change", D::Ratio)],
    columns: &[],
    outputs: &[("instant", D::Plain)],
    compute: |given| flicker(given, true),
};
pub(super) const FLICKER_SQUARE: Quantity = Quantity {
    name: "wave.flicker_of_steps",
    inputs: &[("mains", D::Frequency), ("frequency", D::Frequency), ("change", D::Ratio)],
    columns: &[],
    outputs: &[("severity", D::Plain)],
    compute: |given| flicker(given, false),
};
pub(super) const SPECTRUM_SINE: Quantity = Quantity {
    name: "wave.spectrum_of_sine",
    inputs: &[("base", D::Power), ("amplitude", D::Power), ("frequency", D::Frequency), ("step", D::Span)],
    columns: &[],
    outputs: &[("rms", D::Power), ("line", D::Frequency)],
    compute: spectrum_of_sine,
};
pub(super) const SPECTRUM_SQUARE: Quantity = Quantity {
    name: "wave.spectrum_of_square",
    inputs: &[("swing", D::Power), ("period", D::Span), ("step", D::Span)],
    columns: &[],
    outputs: &[("rms", D::Power), ("first_share", D::Ratio), ("third_share", D::Ratio)],
    compute: spectrum_of_square,
};
pub(super) const RAMP: Quantity = Quantity {
    name: "wave.ramp_and_range",
    inputs: &[("swing", D::Power), ("ramp", D::PowerRamp), ("window", D::Span), ("step", D::Span)],
    columns: &[],
    outputs: &[("ramp", D::PowerRamp), ("range", D::Power)],
    compute: ramp_and_range,
};
pub(super) const VOLTAGE: Quantity = Quantity {
    name: "wave.voltage",
    inputs: &[("power", D::Power), ("short_circuit", D::Power), ("x_over_r", D::Plain)],
    columns: &[],
    outputs: &[("voltage", D::Ratio)],
    compute: |given| {
        let network = Network {
            short_circuit_va: given.one("short_circuit")?,
            x_over_r: given.one("x_over_r")?,
            power_factor: 1.0,
        };
        let feeder = network.feeder();
        Ok(vec![given.list("power").iter().map(|power_w| libm::sqrt(feeder.square_pu(*power_w))).collect()])
    },
};
pub(super) const EVENT: Quantity = Quantity {
    name: "wave.curtailment_event",
    inputs: &[
        ("step", D::Span),
        ("baseline_from", D::Span),
        ("baseline_to", D::Span),
        ("level", D::Ratio),
        ("from", D::Span),
        ("to", D::Span),
        ("moments", D::Span),
    ],
    columns: &["power_w"],
    outputs: &[
        ("baseline", D::Power),
        ("duration", D::Span),
        ("first", D::Span),
        ("last", D::Span),
        ("median", D::Power),
        ("mean", D::Power),
        ("levels", D::Ratio),
        ("fall_time", D::Span),
        ("fall", D::Power),
        ("rise", D::Power),
    ],
    compute: event,
};
pub(super) const CAP_STEP: Quantity = Quantity {
    name: "wave.cap_latency",
    inputs: &[("at", D::Span), ("cap", D::Power)],
    columns: &["t_s", "power_w"],
    outputs: &[("latency", D::Span)],
    compute: |given| {
        let (at_s, cap_w) = (given.one("at")?, given.one("cap")?);
        let readings = given.column("t_s").iter().zip(given.column("power_w"));
        let reached = readings.filter(|(t_s, _)| **t_s >= at_s).find(|(_, power_w)| **power_w <= cap_w);
        let (t_s, _) = reached.ok_or("the power never comes down to the cap")?;
        Ok(vec![vec![t_s - at_s]])
    },
};
pub(super) const LEVELS: Quantity = Quantity {
    name: "campus.h100_levels",
    inputs: &[],
    columns: &[],
    outputs: &[("idle", D::Power), ("stalled", D::Power), ("training", D::Power)],
    compute: |_| {
        let product = gpu::product("H100").ok_or("the catalogue has no H100")?;
        Ok(vec![vec![product.idle_w], vec![product.stalled_w], vec![product.training_w]])
    },
};
pub(super) const NODE: Quantity = Quantity {
    name: "wave.node_power",
    inputs: &[("above", D::Power), ("step", D::Span)],
    columns: &["power_w"],
    outputs: &[("mean", D::Power), ("quantiles", D::Power), ("below_share", D::Ratio), ("ramp", D::PowerRamp)],
    compute: node,
};

/// The flickermeter on a voltage that swings about 1 by `change` peak to peak.
fn flicker(given: &Given, sine: bool) -> Outcome {
    let lamp = match given.one("mains")? {
        50.0 => Lamp::V230Hz50,
        60.0 => Lamp::V120Hz60,
        other => return Err(format!("no lamp for {other} Hz")),
    };
    let mut found = Vec::new();
    for (hz, change) in super::quantities::pairs(given, "frequency", "change")? {
        let mut meter = Flickermeter::new(lamp, STEP_S);
        let samples = libm::ceil((OBSERVATION_S + SETTLE_S + 1.0) / STEP_S) as usize;
        let squares: Vec<f64> = (0..samples)
            .map(|i| {
                let turns = i as f64 * STEP_S * hz;
                let phase = turns - libm::floor(turns);
                let wave = match (sine, phase < 0.5) {
                    (true, _) => libm::sin(TAU * phase),
                    (false, true) => 1.0,
                    (false, false) => -1.0,
                };
                let u = 1.0 + 0.5 * change * wave;
                u * u
            })
            .collect();
        let mut seen = None;
        meter.push(&squares, &mut |observation| seen = seen.or(Some(*observation)));
        let seen = seen.ok_or("no observation was whole")?;
        found.push(if sine { seen.instant_max } else { seen.pst });
    }
    Ok(vec![found])
}

fn spectrum(x: &[f64], step_s: f64, length: usize) -> Result<tieline_campus::spectrum::welch::Spectrum, String> {
    let mut welch = Welch::new(step_s, length, u64::MAX);
    welch.push(x, &mut |_| {});
    welch.finish(&mut |_| {}).ok_or_else(|| "the signal is shorter than a segment".to_owned())
}

fn spectrum_of_sine(given: &Given) -> Outcome {
    let (base_w, amplitude_w) = (given.one("base")?, given.one("amplitude")?);
    let (hz, step_s) = (given.one("frequency")?, given.one("step")?);
    let x: Vec<f64> = (0..1 << 17).map(|i| base_w + amplitude_w * libm::sin(TAU * hz * i as f64 * step_s)).collect();
    let found = spectrum(&x, step_s, 1 << 13)?;
    let most_hz = 0.5 / step_s;
    Ok(vec![vec![libm::sqrt(found.energy(0.0, most_hz))], vec![found.largest(0.0, most_hz, most_hz).0]])
}

fn spectrum_of_square(given: &Given) -> Outcome {
    let (swing_w, period_s, step_s) = (given.one("swing")?, given.one("period")?, given.one("step")?);
    let x: Vec<f64> = (0..1 << 18)
        .map(|i| {
            let turns = (i as f64 + 0.5) * step_s / period_s;
            if turns - libm::floor(turns) < 0.5 { 0.5 * swing_w } else { -0.5 * swing_w }
        })
        .collect();
    let found = spectrum(&x, step_s, 1 << 15)?;
    let (most_hz, hz) = (0.5 / step_s, 1.0 / period_s);
    let share = |harmonic: f64| found.share((harmonic - 0.5) * hz, (harmonic + 0.5) * hz, most_hz);
    Ok(vec![vec![libm::sqrt(found.energy(0.0, most_hz))], vec![share(1.0)], vec![share(3.0)]])
}

/// A rise at an even ramp between two still levels.
fn ramp_and_range(given: &Given) -> Outcome {
    let (swing_w, ramp_w_per_s) = (given.one("swing")?, given.one("ramp")?);
    let (window_s, step_s) = (given.one("window")?, given.one("step")?);
    let window = libm::round(window_s / step_s) as usize;
    if window == 0 || swing_w / (ramp_w_per_s * step_s) > 1e7 {
        return Err("the window holds at least a step, the rise at most 1e7".to_owned());
    }
    let mut swings = Swings::new(window);
    let still = vec![0.0; 2 * window];
    let steps = libm::round(swing_w / (ramp_w_per_s * step_s)) as usize;
    let rise: Vec<f64> = (1..=steps).map(|i| swing_w * i as f64 / steps as f64).collect();
    let after = vec![swing_w; 2 * window];
    for block in [&still, &rise, &after] {
        swings.push(block);
    }
    swings.finish();
    Ok(vec![vec![swings.up.value / (swings.window() as f64 * step_s)], vec![swings.range.value]])
}

/// Depth, duration and ramps of a curtailment in evenly spaced readings; instants count from the first.
fn event(given: &Given) -> Outcome {
    let x = given.column("power_w");
    let step_s = given.one("step")?;
    let row = |name: &str| -> Result<usize, String> { Ok(libm::round(given.one(name)? / step_s) as usize) };
    let part = |from: usize, to: usize| x.get(from..to).filter(|part| !part.is_empty()).ok_or("the file is too short");
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let baseline_w = mean(part(row("baseline_from")?, row("baseline_to")?)?);
    let level_w = given.one("level")? * baseline_w;
    let below: Vec<usize> = (0..x.len()).filter(|at| x[*at] <= level_w).collect();
    let (first, last) = below.first().zip(below.last()).ok_or("the power never falls to the level")?;
    let mut low: Vec<f64> = below.iter().map(|at| x[*at]).collect();
    low.sort_unstable_by(f64::total_cmp);
    let median_w = 0.5 * (low[(low.len() - 1) / 2] + low[low.len() / 2]);
    let moments: Vec<f64> = given
        .list("moments")
        .iter()
        .map(|at_s| x.get(libm::round(at_s / step_s) as usize).map_or(f64::NAN, |power_w| power_w / baseline_w))
        .collect();
    // The fall begins where the power was last at the level of the first moment.
    let high = moments.first().copied().unwrap_or(1.0);
    let begin = (0..*first).rev().find(|at| x[*at] >= high * baseline_w).ok_or("the fall has no beginning")?;
    let mut change = Change::new(1);
    change.push(x);
    let at = |row: usize| row as f64 * step_s;
    Ok(vec![
        vec![baseline_w],
        vec![below.len() as f64 * step_s],
        vec![at(*first)],
        vec![at(*last)],
        vec![median_w],
        vec![mean(part(row("from")?, row("to")? + 1)?)],
        moments,
        vec![at(first - begin)],
        vec![change.down.value],
        vec![change.up.value],
    ])
}

/// A node's power from its first to its last reading above a level.
fn node(given: &Given) -> Outcome {
    let (above_w, step_s) = (given.one("above")?, given.one("step")?);
    let x = given.column("power_w");
    let first = x.iter().position(|power_w| *power_w > above_w).ok_or("the node never works")?;
    let last = x.iter().rposition(|power_w| *power_w > above_w).unwrap_or(first);
    let x = &x[first..=last];
    let mut sorted = x.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[libm::floor(place) as usize], sorted[libm::ceil(place) as usize]);
        low + (high - low) * (place - libm::floor(place))
    };
    let quantiles: Vec<f64> = [0.05, 0.5, 0.95, 1.0].map(quantile).to_vec();
    let below = x.iter().filter(|power_w| **power_w < 0.6 * quantiles[2]).count();
    let mut change = Change::new(1);
    change.push(x);
    let ramp = change.up.value.max(change.down.value) / step_s;
    Ok(vec![vec![x.iter().sum::<f64>() / x.len() as f64], quantiles, vec![below as f64 / x.len() as f64], vec![ramp]])
}
