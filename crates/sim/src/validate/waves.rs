//! Quantities that are computed by running the waveform itself: GPUs, racks, battery loop, at 1 ms.
//!
//! Waveforms that no publication tabulates are drawn here, and the cases that use them are `calibrated`.
//!
//! Not modelled: losses, spread and noise, which these trials switch off where a closed form is the reference.

use super::Given;
use tieline_campus::cooling::Cooling;
use tieline_campus::gpu;
use tieline_campus::waveform::{
    Battery, Campus, Chip, Conversion, Doing, Filler, Hall, Isa, Job, Ledger, Point, Rack, Smoothing, Step, Store,
    Waveform, in_turn,
};
use tieline_units::Draw;

type Outcome = Result<Vec<Vec<f64>>, String>;

/// GPUs of a trial: one in each of 32 racks.
const GPUS: u32 = 32;
/// Rated power of a trial's GPU, W.
const RATED_W: f64 = 1_000.0;

/// A square waveform of GPU power: high for a share of the period, low for the rest.
fn square(period_s: f64, high_share: f64, high_w: f64, low_w: f64) -> Campus {
    let period_ms = period_s * 1e3;
    let high_ms = period_ms * high_share;
    let mut step = Step::of_period(period_ms, 1.0 - high_share, 1, 1);
    (step.forward_ms, step.backward_ms) = (high_ms / 2.0, high_ms / 2.0);
    let job = Job {
        name: "square".to_owned(),
        step,
        coherence: 1.0,
        starts_s: 0.0,
        stops_s: f64::INFINITY,
        mean_time_to_failure_s: f64::INFINITY,
        detect_s: 1.0,
        restart_s: 1.0,
        load_s: 1.0,
        spread_s: 0.0,
    };
    let mut level_w = [0.0; 5];
    level_w[Doing::Exchange as usize] = low_w;
    level_w[Doing::Forward as usize] = high_w;
    level_w[Doing::Backward as usize] = high_w;
    let chip = Chip {
        rated_w: RATED_W,
        limit_w: 3.0 * RATED_W,
        peak: 1.0,
        peak_s: 0.0,
        level_w,
        lag_s: 0.0,
        overshoot: 0.0,
        spread: 0.0,
        noise: 0.0,
        throughput_exponent: 1.0,
        smoothing: None,
        filler: None::<Filler>,
    };
    let rack = Rack {
        other_w: 0.0,
        supply_store: Store::none(),
        shelf_store: Store::none(),
        conversion: Conversion { rated_w: 1e5, fixed: 0.0, linear: 0.0, square: 0.0 },
    };
    // Free cooling at any temperature, without pumps: the hall adds nothing to its racks.
    let cooling = Cooling {
        cop_at_25c: 4.0,
        cop_per_k: 0.0,
        free_cooling_below_c: 100.0,
        pumps_and_fans: 0.0,
        pumps_and_fans_min: 0.0,
        lag_s: 0.0,
    };
    Campus {
        points: vec![Point { name: "point".to_owned(), battery: Battery::none(), transformer_loss: 0.0 }],
        jobs: vec![job],
        halls: vec![Hall {
            name: "hall".to_owned(),
            point: 0,
            job: Some(0),
            gpus: GPUS,
            per_rack: 1,
            chip,
            rack,
            distribution_loss: 0.0,
            fixed_w: 0.0,
            cooling,
            rated_heat_w: 1e6,
        }],
        ambient_c: 20.0,
    }
}

/// Runs a sound campus; `each` sees time in ms, GPU power, battery and import in W.
fn run(campus: &Campus, span_s: f64, each: &mut dyn FnMut(u64, f64, f64, f64)) -> Result<(Ledger, Vec<f64>), String> {
    let problems = campus.problems();
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    if !(0.0..=4_000.0).contains(&span_s) {
        return Err(format!("a trial of {span_s} s: at most 4000 s"));
    }
    let mut waveform = Waveform::new(campus, Draw::new(1, 0), Isa::best());
    while (waveform.now_ms() as f64) < span_s * 1e3 {
        let tile = waveform.advance(&in_turn);
        for ms in 0..tile.len() {
            each(tile.start_ms + ms as u64, tile.gpus_w[0][ms], tile.battery_w[0][ms], tile.meter_w[0][ms]);
        }
    }
    let steps = waveform.paces().iter().map(|pace| pace.steps_s / pace.steps.max(1) as f64).collect();
    Ok((waveform.ledger(), steps))
}

/// Smoothing at a floor and a limit with its peak, on a GPU that asks for more than the peak and for nothing in turn.
fn smoothed(campus: &mut Campus, floor: f64, peak: f64) {
    let chip = &mut campus.halls[0].chip;
    (chip.limit_w, chip.peak, chip.peak_s) = (RATED_W, peak, 0.05);
    chip.smoothing = Some(Smoothing {
        floor_w: floor * RATED_W,
        ramp_w_per_s: (1e5, 1e5),
        hysteresis_s: 60.0,
        rest_w: 0.0,
        active_w: 0.5 * RATED_W,
    });
}

/// Range of GPU power that smoothing leaves, as shares of rated power: greatest less least, and the least.
pub(super) fn smoothing(given: &Given) -> Outcome {
    let (floor, peak) = (given.one("floor")?, given.one("peak")?);
    let mut campus = square(1.0, 0.5, 1.5 * RATED_W, 0.0);
    smoothed(&mut campus, floor, peak);
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    run(&campus, 10.0, &mut |ms, gpus_w, _, _| {
        if ms >= 2_000 {
            let share = gpus_w / f64::from(GPUS) / RATED_W;
            (least, most) = (least.min(share), most.max(share));
        }
    })?;
    Ok(vec![vec![most - least], vec![least]])
}

/// Energy that a floor adds to a drawn waveform, as a share of what the work asks.
pub(super) fn overhead(given: &Given) -> Outcome {
    let mut campus =
        square(given.one("period")?, given.one("busy")?, given.one("high")? * RATED_W, given.one("low")? * RATED_W);
    smoothed(&mut campus, given.one("floor")?, 1.1);
    let (ledger, _) = run(&campus, 20.0 * given.one("period")?, &mut |_, _, _, _| ())?;
    Ok(vec![vec![ledger.burned_j / ledger.asked_j]])
}

/// State of charge of rack storage on a drawn waveform after it has settled: least and greatest.
pub(super) fn rack_storage(given: &Given) -> Outcome {
    let period_s = given.one("period")?;
    let mut campus = square(period_s, given.one("busy")?, given.one("high")? * RATED_W, given.one("low")? * RATED_W);
    campus.halls[0].rack.shelf_store = Store {
        energy_j: given.one("energy")?,
        power_w: RATED_W,
        charge_w: RATED_W,
        charge: 0.97,
        discharge: 0.97,
        lag_s: 0.0,
        smooth_s: 30.0,
        band_w: (0.0, f64::INFINITY),
        recentre_s: 10.0,
        // The waveform begins with its busy part: the store begins at the top of its excursion.
        soc_start: 0.54,
    };
    let (ledger, _) = run(&campus, 20.0 * period_s, &mut |_, _, _, _| ())?;
    Ok(vec![vec![ledger.shelf.least_share], vec![ledger.shelf.most_share]])
}

/// Peak of a rack behind 65 J per GPU on single pulses: by how much the peak falls, per pulse length.
pub(super) fn peak_reduction(given: &Given) -> Outcome {
    let (energy_j, high_w, goal) = (given.one("energy")?, given.one("high")?, given.one("goal")?);
    let mut reductions = Vec::new();
    for pulse_s in given.list("pulse") {
        // The limit is the lowest that the energy holds for this pulse, with a joule to spare for the first
        // millisecond, in which the store still follows its low-pass.
        const SPARE_J: f64 = 1.0;
        let mut campus = square(pulse_s + 4.0, pulse_s / (pulse_s + 4.0), high_w, 0.25 * high_w);
        let reach_w = ((energy_j - SPARE_J) / pulse_s).min(goal * high_w);
        campus.halls[0].rack.supply_store = Store {
            energy_j,
            power_w: high_w,
            charge_w: high_w,
            charge: 1.0,
            discharge: 1.0,
            lag_s: 0.0,
            smooth_s: 0.001,
            band_w: (0.0, high_w - reach_w),
            recentre_s: 1.0,
            soc_start: 1.0,
        };
        let mut most_w = 0.0_f64;
        run(&campus, pulse_s + 3.0, &mut |_, _, _, meter_w| most_w = most_w.max(meter_w / f64::from(GPUS)))?;
        reductions.push(1.0 - most_w / high_w);
    }
    Ok(vec![reductions])
}

/// The same behind the store that a scenario builds, told its job's step: a pulse every few seconds. Its losses are on;
/// the first two pulses, in which it finds its place, do not count.
pub(super) fn shipped_reduction(given: &Given) -> Outcome {
    const BETWEEN_S: f64 = 4.0;
    let high_w = given.one("high")?;
    let low_w = 0.25 * high_w;
    let mut reductions = Vec::new();
    for pulse_s in given.list("pulse") {
        let period_s = pulse_s + BETWEEN_S;
        let mut campus = square(period_s, pulse_s / period_s, high_w, low_w);
        let step = [(*pulse_s, high_w), (BETWEEN_S, low_w)];
        campus.halls[0].rack.supply_store = Store::gb300(1.0, high_w).planned(&step);
        let mut most_w = 0.0_f64;
        run(&campus, 4.0 * period_s, &mut |ms, _, _, meter_w| {
            if ms as f64 > 2.0e3 * period_s {
                most_w = most_w.max(meter_w / f64::from(GPUS));
            }
        })?;
        reductions.push(1.0 - most_w / high_w);
    }
    Ok(vec![reductions])
}

/// What a meter that averages over `average` sees of a GPU that goes to work after a stall: how far its greatest of four
/// readings lies above the settled level, as a share of the rise, in the mean over where its readings begin.
pub(super) fn overshoot(given: &Given) -> Outcome {
    let (period_s, busy_s, average_s) = (given.one("period")?, given.one("busy")?, given.one("average")?);
    let product = gpu::product("H100").ok_or("the catalogue has no H100")?;
    let mut campus = square(period_s, busy_s / period_s, 1.0 * RATED_W, given.one("low")? * RATED_W);
    let (own, chip) = (Chip::of(&product), &mut campus.halls[0].chip);
    (chip.lag_s, chip.overshoot) = (own.lag_s, own.overshoot);
    let mut watts = Vec::new();
    run(&campus, 6.0 * period_s, &mut |_, gpus_w, _, _| watts.push(gpus_w / f64::from(GPUS) / RATED_W))?;
    let (every, low) = ((average_s * 1e3) as usize, given.one("low")?);
    if every == 0 || every as f64 > busy_s * 1e3 / 8.0 {
        return Err("the meter averages over a millisecond at least, and an eighth of the busy time at most".to_owned());
    }
    let mut peaks = Vec::new();
    for begin in 0..every {
        let seen: Vec<f64> =
            watts[begin..].chunks_exact(every).map(|part| part.iter().sum::<f64>() / every as f64).collect();
        // The first step is a start, from rest.
        let rises = (1..seen.len().saturating_sub(4)).filter(|at| {
            *at as f64 * average_s > period_s && seen[*at] > 0.5 * (1.0 + low) && seen[*at - 1] <= 0.5 * (1.0 + low)
        });
        peaks.extend(rises.map(|at| seen[at..at + 4].iter().copied().fold(0.0, f64::max)));
    }
    if peaks.is_empty() {
        return Err("the GPU never goes to work after a stall".to_owned());
    }
    Ok(vec![vec![(peaks.iter().sum::<f64>() / peaks.len() as f64 - 1.0) / (1.0 - low)]])
}

/// Frequency of the largest line of a job's power, and that line's share of all magnitude, with jitter and noise on.
pub(super) fn fundamental(given: &Given) -> Outcome {
    let period_s = given.one("period")?;
    let mut campus = square(period_s, 1.0 - given.one("communication")?, RATED_W, 0.25 * RATED_W);
    campus.jobs[0].step.jitter = 0.002;
    (campus.halls[0].chip.noise, campus.halls[0].chip.spread) = (0.03, 0.02);
    (campus.halls[0].gpus, campus.halls[0].per_rack) = (2_304, 72);
    let mut measures = crate::transient::Measures::new(2.0);
    let (_, steps_s) = run(&campus, 86.0, &mut |_, gpus_w, _, _| measures.add(gpus_w))?;
    let lines = crate::transient::lines(crate::transient::spectrum(measures.samples_w(), 0.01, period_s).as_ref());
    let top = lines.iter().copied().fold((0.0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
    let magnitude: f64 = lines.iter().map(|line| line.1).sum();
    let bin_hz = lines.first().map_or(0.0, |line| line.0);
    let off_bins = (top.0 - 1.0 / steps_s[0]).abs() / bin_hz;
    Ok(vec![vec![top.0], vec![off_bins], vec![top.1 / magnitude]])
}

/// A whole job starts; the site battery leads import up a ramp. The closed forms are P = D, E = D^2/(2r), T = D/r.
pub(super) fn ramp_storage(given: &Given) -> Outcome {
    let (step_w, ramp_w_per_s) = (given.one("step")?, given.one("ramp")?);
    if !(step_w > 0.0 && ramp_w_per_s > 0.0) {
        return Err("step and ramp must be positive".to_owned());
    }
    // 32 GPUs of 1 kW stand for the step; the chain is linear, so everything scales.
    let scale = step_w / (f64::from(GPUS) * RATED_W);
    let mut campus = square(1.0, 0.5, RATED_W, RATED_W);
    campus.jobs[0].starts_s = 1.0;
    campus.points[0].battery = lossless(ramp_w_per_s / scale, 0.0);
    let (mut peak_w, mut energy_j, mut ended_ms) = (0.0_f64, 0.0, 0);
    run(&campus, 2.0 + step_w / ramp_w_per_s * 1.01, &mut |ms, _, battery_w, _| {
        peak_w = peak_w.max(-battery_w);
        energy_j -= battery_w * 1e-3;
        if battery_w < -1e-6 {
            ended_ms = ms + 1;
        }
    })?;
    Ok(vec![vec![peak_w * scale], vec![energy_j * scale], vec![ended_ms as f64 * 1e-3 - 1.0]])
}

/// A job's square wave behind a battery that leads import along a low-pass: what is left, and the energy that swings.
pub(super) fn low_pass(given: &Given) -> Outcome {
    let (swing_w, hz, lag_s) = (given.one("swing")?, given.one("frequency")?, given.one("lag")?);
    if !(swing_w > 0.0 && hz > 0.0 && lag_s > 0.0) {
        return Err("swing, frequency and lag must be positive".to_owned());
    }
    let scale = swing_w / (f64::from(GPUS) * RATED_W);
    let period_s = 1.0 / hz;
    let mut campus = square(period_s, 0.5, RATED_W, 0.0);
    campus.points[0].battery = lossless(f64::INFINITY, lag_s);
    let settle_ms = libm::round((8.0 * lag_s + 2.0 * period_s) * 1e3) as u64;
    let period_ms = libm::round(period_s * 1e3) as u64;
    let (mut out, mut energy, mut energy_j) = ((f64::MAX, f64::MIN), (f64::MAX, f64::MIN), 0.0);
    run(&campus, (settle_ms + 2 * period_ms) as f64 * 1e-3, &mut |ms, _, battery_w, meter_w| {
        energy_j += battery_w * 1e-3;
        if (settle_ms..settle_ms + period_ms).contains(&ms) {
            out = (out.0.min(meter_w), out.1.max(meter_w));
            energy = (energy.0.min(energy_j), energy.1.max(energy_j));
        }
    })?;
    Ok(vec![vec![(out.1 - out.0) * scale], vec![(energy.1 - energy.0) * scale]])
}

/// A battery that nothing limits, without delay, lag and loss.
fn lossless(ramp_w_per_s: f64, smooth_s: f64) -> Battery {
    Battery {
        rated_w: 1e9,
        energy_j: 1e12,
        round_trip: 1.0,
        smooth_s,
        ramp_w_per_s: (ramp_w_per_s, ramp_w_per_s),
        ..Battery::none()
    }
}
