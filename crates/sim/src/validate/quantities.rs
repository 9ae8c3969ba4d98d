//! The table of quantities that validation can compute, and the functions behind them.
//!
//! Not modelled: anything but what each function says; where the plant or the controller has the formula, theirs is used.

use libm::{exp, pow, sqrt};
use tieline_campus::cooling::Cooling;
use tieline_campus::gpu;
use tieline_control::ramp::ramp;
use tieline_control::smoothing;

use super::{Dimension as D, Given, Quantity, commitment, fleets, measures, network, tables, training};

pub(super) type Outcome = Result<Vec<Vec<f64>>, String>;

/// Every quantity: name, inputs, columns of data, outputs, function.
pub(super) const TABLE: &[Quantity] = &[
    row("grid.reference_load", &[("peak", D::Power)], &[], &[("energy", D::Energy)], fleets::reference_load),
    row("grid.drawn_peaks", &[], &[], &[("pjm", D::Power), ("tva", D::Power)], fleets::drawn_peaks),
    row(
        "grid.uc_cost",
        &[("slack", D::Plain), ("gap", D::Plain)],
        &[],
        &[("cost", D::Money), ("bound", D::Money)],
        commitment::cost,
    ),
    row("grid.uc_relaxed", &[("slack", D::Plain)], &[], &[("relaxed", D::Money)], commitment::relaxed),
    row(
        "grid.uc_tables",
        &[("near", D::Money)],
        &[],
        &[
            ("units", D::Count),
            ("renewables", D::Count),
            ("limits", D::Power),
            ("ramps", D::Power),
            ("steps", D::Count),
            ("starts", D::Money),
            ("costs", D::Money),
            ("costs_apart", D::Count),
            ("load", D::Power),
            ("reserve", D::Power),
            ("weather", D::Power),
            ("weather_apart", D::Count),
        ],
        tables::compared,
    ),
    row(
        "grid.uc_tables_cost",
        &[("near", D::Money), ("gap", D::Plain)],
        &[],
        &[("cost", D::Money), ("bound", D::Money)],
        tables::cost,
    ),
    row(
        "grid.uc_weeks",
        &[("gap", D::Plain), ("keep", D::Plain), ("look", D::Plain)],
        &[],
        tables::WEEKS,
        tables::weeks,
    ),
    row("grid.zones_weeks", &[], &[], tables::WEEKS, tables::zones),
    row("grid.zones_weeks_committed", &[("gap", D::Plain)], &[], tables::WEEKS, tables::zones_committed),
    row("grid.dc_opf", &[], &[], &[("pm", D::Money), ("mp", D::Money)], network::dc_opf),
    row(
        "grid.power_flow",
        &[("buses", D::Plain)],
        &[],
        &[
            ("losses", D::Power),
            ("lowest", D::Plain),
            ("highest", D::Plain),
            ("voltage", D::Plain),
            ("angle", D::Plain),
        ],
        network::power_flow,
    ),
    row(
        "control.delay_limit",
        &[("delay", D::Span), ("lag", D::Span)],
        &[],
        &[("quarter", D::Frequency), ("unity", D::Frequency)],
        delay_limit,
    ),
    row(
        "control.ramp_storage",
        &[("step", D::Power), ("ramp", D::PowerRamp), ("tick", D::Span)],
        &[],
        &[("power", D::Power), ("energy", D::Energy), ("time", D::Span)],
        ramp_storage,
    ),
    row(
        "control.low_pass",
        &[("swing", D::Power), ("frequency", D::Frequency), ("lag", D::Span)],
        &[],
        &[("residual", D::Power), ("energy", D::Energy)],
        low_pass,
    ),
    row("control.margin", &[("ramp", D::PowerRamp), ("delay", D::Span)], &[], &[("margin", D::Power)], |g| {
        Ok(vec![vec![g.one("ramp")? * g.one("delay")?]])
    }),
    row(
        "control.event_deadline",
        &[("notice", D::Span), ("needed", D::Span)],
        &[],
        &[("reduced_by", D::Span)],
        super::trial::event_deadline,
    ),
    row(
        "control.failover",
        &[("dead", D::Span), ("ramp", D::PowerRamp)],
        &[],
        &[("takeover_after", D::Span), ("beyond_the_ramp", D::Power), ("stale_taken", D::Plain)],
        super::trial::failover,
    ),
    row(
        "control.communication_loss",
        &[("limit", D::Power), ("subscription", D::Power)],
        &[],
        &[("held", D::Power), ("after", D::Power)],
        super::trial::communication_loss,
    ),
    row(
        "control.stale_input",
        &[("silent", D::Span)],
        &[],
        &[("warned_after", D::Span), ("open_loop_after", D::Span)],
        super::trial::stale_input,
    ),
    row(
        "waveform.smoothing",
        &[("floor", D::Ratio), ("peak", D::Ratio)],
        &[],
        &[("range", D::Ratio), ("least", D::Ratio)],
        super::waves::smoothing,
    ),
    row(
        "waveform.overhead",
        &[("floor", D::Ratio), ("period", D::Span), ("busy", D::Ratio), ("high", D::Ratio), ("low", D::Ratio)],
        &[],
        &[("overhead", D::Ratio)],
        super::waves::overhead,
    ),
    row(
        "waveform.rack_storage",
        &[("energy", D::Energy), ("period", D::Span), ("busy", D::Ratio), ("high", D::Ratio), ("low", D::Ratio)],
        &[],
        &[("least", D::Ratio), ("most", D::Ratio)],
        super::waves::rack_storage,
    ),
    row(
        "waveform.peak_reduction",
        &[("energy", D::Energy), ("high", D::Power), ("goal", D::Ratio), ("pulse", D::Span)],
        &[],
        &[("reduction", D::Ratio)],
        super::waves::peak_reduction,
    ),
    row(
        "waveform.shipped_reduction",
        &[("high", D::Power), ("pulse", D::Span)],
        &[],
        &[("reduction", D::Ratio)],
        super::waves::shipped_reduction,
    ),
    row(
        "waveform.overshoot",
        &[("period", D::Span), ("busy", D::Span), ("low", D::Ratio), ("average", D::Span)],
        &[],
        &[("peak", D::Ratio)],
        super::waves::overshoot,
    ),
    row(
        "waveform.fundamental",
        &[("period", D::Span), ("communication", D::Ratio)],
        &[],
        &[("frequency", D::Frequency), ("off_bins", D::Plain), ("largest_share", D::Ratio)],
        super::waves::fundamental,
    ),
    row(
        "waveform.ramp_storage",
        &[("step", D::Power), ("ramp", D::PowerRamp)],
        &[],
        &[("power", D::Power), ("energy", D::Energy), ("time", D::Span)],
        super::waves::ramp_storage,
    ),
    row(
        "waveform.low_pass",
        &[("swing", D::Power), ("frequency", D::Frequency), ("lag", D::Span)],
        &[],
        &[("residual", D::Power), ("energy", D::Energy)],
        super::waves::low_pass,
    ),
    row(
        "campus.ride_time",
        &[("energy", D::Energy), ("power", D::Power)],
        &[],
        &[("time", D::Span), ("lowest_frequency", D::Frequency)],
        |g| {
            let time_s = g.one("energy")? / g.one("power")?;
            // A square wave that is covered for its half period.
            Ok(vec![vec![time_s], vec![0.5 / time_s]])
        },
    ),
    row("campus.smoothing_range", &[("floor", D::Ratio), ("peak", D::Ratio)], &[], &[("range", D::Ratio)], |g| {
        Ok(vec![vec![g.one("peak")? - g.one("floor")?]])
    }),
    row("campus.energy_of_units", &[("each", D::Energy), ("units", D::Count)], &[], &[("energy", D::Energy)], |g| {
        let each_j = g.one("each")?;
        Ok(vec![g.list("units").iter().map(|units| units * each_j).collect()])
    }),
    row("campus.all_in_power", &[("power", D::Power), ("gpus", D::Count)], &[], &[("per_gpu", D::Power)], |g| {
        Ok(vec![pairs(g, "power", "gpus")?.map(|(power_w, gpus)| power_w / gpus).collect()])
    }),
    row(
        "campus.rack_roll_up",
        &[("trays", D::Count), ("tray", D::Power), ("switches", D::Power), ("shelf", D::Power)],
        &[],
        &[("power", D::Power), ("share_of_shelf", D::Ratio)],
        |g| {
            let power_w = g.one("trays")? * g.one("tray")? + g.one("switches")?;
            Ok(vec![vec![power_w], vec![power_w / g.one("shelf")?]])
        },
    ),
    row(
        "campus.cooling_cop",
        &[("ambient", D::Temperature), ("cop_at_25c", D::Plain), ("fall", D::PerKelvin)],
        &[],
        &[("cop", D::Plain)],
        cooling_cop,
    ),
    row(
        "campus.h100_node",
        &[("gpus", D::Count), ("rated", D::Power)],
        &[],
        &[("power", D::Power), ("share_of_rated", D::Ratio)],
        |g| {
            let h100 = gpu::product("H100").ok_or("the catalogue has no H100")?;
            let power_w = g.one("gpus")? * (h100.training_w + h100.other_w);
            Ok(vec![vec![power_w], vec![power_w / g.one("rated")?]])
        },
    ),
    row("campus.gb200_cap", &[("cap", D::Power), ("from", D::Power)], &[], GB200_OUT, gb200_cap),
    row("campus.other_power", OTHER_IN, &[], &[("other", D::Power), ("gpu_only_gain", D::Ratio)], |g| {
        // Solves perf (from + o) / (cap + o) = 1 + gain for o.
        let (cap_w, from_w, perf, gain) = (g.one("cap")?, g.one("from")?, g.one("performance")?, g.one("gain")?);
        let other_w = (perf * from_w - (1.0 + gain) * cap_w) / (1.0 + gain - perf);
        Ok(vec![vec![other_w], vec![perf * from_w / cap_w - 1.0]])
    }),
    row(
        "campus.throughput_closed_form",
        &[("power", D::Power), ("offset", D::Power), ("scale", D::Power), ("exponent", D::Plain)],
        &[],
        &[("throughput", D::Plain)],
        |g| {
            let (offset_w, scale_w, exponent) = (g.one("offset")?, g.one("scale")?, g.one("exponent")?);
            let at = |power_w: &f64| pow(((power_w - offset_w) / scale_w).max(0.0), exponent);
            Ok(vec![g.list("power").iter().map(at).collect()])
        },
    ),
    row(
        "campus.cap_sweep_means",
        &[("cap", D::Power)],
        &["cap_w", "throughput", "power_w"],
        &[("throughput", D::Plain), ("power", D::Power)],
        |g| {
            let (throughput, power): (Vec<f64>, Vec<f64>) = g
                .list("cap")
                .iter()
                .map(|cap_w| (sweep_mean(g, *cap_w, "throughput"), sweep_mean(g, *cap_w, "power_w")))
                .unzip();
            Ok(vec![throughput, power])
        },
    ),
    row(
        "campus.cap_curve_leave_one_out",
        &[("cap", D::Power)],
        &["cap_w", "throughput", "power_w"],
        LEAVE_OUT,
        leave_one_out,
    ),
    row("campus.quantiles", &[("share", D::Ratio)], &["value_w", "cumulative_pct"], &[("power", D::Power)], quantiles),
    row("train.mfu", &[("achieved", D::Speed), ("peak", D::Speed)], &[], &[("mfu", D::Ratio)], |g| {
        let peak = g.one("peak")?;
        Ok(vec![g.list("achieved").iter().map(|speed| speed / peak).collect()])
    }),
    row("train.step_time", STEP_IN, &[], &[("time", D::Span), ("frequency", D::Frequency)], |g| {
        let work = 6.0 * g.one("parameters")? * g.one("tokens")?;
        let time_s: Vec<f64> = pairs(g, "gpus", "achieved")?.map(|(gpus, speed)| work / (gpus * speed)).collect();
        let hertz = time_s.iter().map(|t| 1.0 / t).collect();
        Ok(vec![time_s, hertz])
    }),
    row("train.total_work", &[("parameters", D::Count), ("tokens", D::Count)], &[], &[("work", D::Work)], |g| {
        Ok(vec![vec![6.0 * g.one("parameters")? * g.one("tokens")?]])
    }),
    row(
        "train.gpu_time",
        &[("parameters", D::Count), ("tokens", D::Count), ("achieved", D::Speed)],
        &[],
        &[("gpu_time", D::GpuTime), ("per_trillion_tokens", D::GpuTime)],
        |g| {
            let per_token_s = 6.0 * g.one("parameters")? / g.one("achieved")?;
            Ok(vec![vec![per_token_s * g.one("tokens")?], vec![per_token_s * 1e12]])
        },
    ),
    row("train.mean_time_between", &[("period", D::Span), ("count", D::Count)], &[], &[("interval", D::Span)], |g| {
        let period_s = g.one("period")?;
        Ok(vec![g.list("count").iter().map(|count| period_s / count).collect()])
    }),
    row("train.failure_interval", FAILURE_IN, &[], &[("interval", D::Span)], |g| {
        let per_node = g.one("gpus_per_node")?;
        let interval_s = |(rate, gpus): (f64, f64)| 86_400.0 / (rate * gpus / per_node);
        Ok(vec![pairs(g, "failures_per_node_day", "gpus")?.map(interval_s).collect()])
    }),
    row("train.checkpoint_interval", CHECKPOINT_IN, &[], CHECKPOINT_OUT, checkpoint_interval),
    row("train.effective_time", ETTR_IN, &[], training::ETTR_OUT, training::effective_time),
    row("train.layout", training::LAYOUT_IN, &[], training::LAYOUT_OUT, training::layout),
    row("train.layout_errors", training::ERRORS_IN, &[], training::ERRORS_OUT, training::layout_errors),
    row("train.memory", training::LAYOUT_IN, &[], training::MEMORY_OUT, training::memory),
    row("train.activation_shares", training::LAYOUT_IN, &[], &[("share", D::Ratio)], training::activation_shares),
    row("train.bubble", training::BUBBLE_IN, &[], training::BUBBLE_OUT, training::bubble),
    row("train.iteration_given", training::GIVEN_IN, &[], training::GIVEN_OUT, training::iteration_given),
    row("train.gpu_time_at_share", training::SHARE_IN, &[], &[("gpu_time", D::GpuTime)], training::gpu_time_at_share),
    row("train.bytes_per_parameter", training::BYTES_IN, &[], &[("bytes", D::Plain)], |g| {
        Ok(vec![vec![g.one("held")? * g.one("gpus")? / g.one("parameters")?]])
    }),
    row("train.interruptions", training::INTERRUPTIONS_IN, &[], &[("count", D::Count)], training::interruptions),
    row("train.causes", &[("nodes", D::Count)], &[], training::CAUSES_OUT, training::causes),
    row("train.goodput", training::GOODPUT_IN, &[], training::GOODPUT_OUT, training::goodput),
    row("train.simulated_optimum", CHECKPOINT_IN, &[], training::OPTIMUM_OUT, training::simulated_optimum),
    row("campus.field_trial", training::TRIAL_IN, &[], training::TRIAL_OUT, training::field_trial),
    row(
        "campus.field_trial_replay",
        training::REPLAY_IN,
        &["power_w", "sweep_w", "sweep_throughput"],
        training::REPLAY_OUT,
        training::field_trial_replay,
    ),
    row(
        "grid.capacity_requirement",
        &[("reserve_margin", D::Ratio), ("accredited", D::Plain), ("peak", D::Power)],
        &[],
        &[("pool_requirement", D::Plain), ("requirement", D::Power)],
        |g| {
            // Published to four digits, and used so.
            let to_four = |x: f64| libm::round(x * 1e4) / 1e4;
            let pool: Vec<f64> = pairs(g, "reserve_margin", "accredited")?
                .map(|(margin, factor)| to_four((1.0 + margin) * factor))
                .collect();
            let peak_w = g.one("peak")?;
            let requirement = pool.first().map(|first| first * peak_w);
            Ok(vec![pool, requirement.into_iter().collect()])
        },
    ),
    measures::FLICKER_SINE,
    measures::FLICKER_SQUARE,
    measures::SPECTRUM_SINE,
    measures::SPECTRUM_SQUARE,
    measures::RAMP,
    measures::VOLTAGE,
    measures::EVENT,
    measures::CAP_STEP,
    measures::LEVELS,
    measures::NODE,
];

const GB200_OUT: &[(&str, D)] = &[("throughput", D::Ratio), ("cap_change", D::Ratio), ("cluster_gain", D::Ratio)];
const OTHER_IN: &[(&str, D)] = &[("cap", D::Power), ("from", D::Power), ("performance", D::Ratio), ("gain", D::Ratio)];
const LEAVE_OUT: &[(&str, D)] = &[
    ("mean_error", D::Ratio),
    ("max_error", D::Ratio),
    ("mean_error_inside", D::Ratio),
    ("max_error_inside", D::Ratio),
];
const STEP_IN: &[(&str, D)] =
    &[("parameters", D::Count), ("tokens", D::Count), ("gpus", D::Count), ("achieved", D::Speed)];
const FAILURE_IN: &[(&str, D)] =
    &[("failures_per_node_day", D::Plain), ("gpus", D::Count), ("gpus_per_node", D::Count)];
const CHECKPOINT_IN: &[(&str, D)] =
    &[("between_failures", D::Span), ("repair", D::Span), ("checkpoint", D::Span), ("step", D::Span)];
const CHECKPOINT_OUT: &[(&str, D)] = &[
    ("young_steps", D::Plain),
    ("daly_steps", D::Plain),
    ("whole_steps", D::Plain),
    ("optimal", D::Span),
    ("optimal_steps", D::Plain),
];
const ETTR_IN: &[(&str, D)] = &[
    ("checkpoint", D::Span),
    ("interval", D::Span),
    ("recovery", D::Span),
    ("between_failures", D::Span),
    ("failures", D::Count),
];

const fn row(
    name: &'static str,
    inputs: &'static [(&'static str, D)],
    columns: &'static [&'static str],
    outputs: &'static [(&'static str, D)],
    compute: fn(&Given) -> Outcome,
) -> Quantity {
    Quantity { name, inputs, columns, outputs, compute }
}

/// Two inputs of equal length, value by value; an input of one value goes with each of the other.
pub(super) fn pairs<'g>(
    given: &'g Given,
    a: &str,
    b: &str,
) -> Result<impl Iterator<Item = (f64, f64)> + use<'g>, String> {
    let (left, right) = (given.list(a), given.list(b));
    let count = left.len().max(right.len());
    if left.is_empty() || right.is_empty() || (left.len() != right.len() && left.len() != 1 && right.len() != 1) {
        return Err(format!("\"{a}\" has {} values and \"{b}\" {}", left.len(), right.len()));
    }
    Ok((0..count).map(move |i| (left[i.min(left.len() - 1)], right[i.min(right.len() - 1)])))
}

fn delay_limit(given: &Given) -> Outcome {
    let (delay_s, lag_s) = (given.one("delay")?, given.one("lag")?);
    let crossing = |level: f64| {
        let hz = smoothing::reaches_hz(level, delay_s, lag_s);
        if hz.is_finite() { Ok(hz) } else { Err("the residual never crosses the level".to_owned()) }
    };
    if delay_s + lag_s <= 0.0 {
        return Err("delay and lag are both zero".to_owned());
    }
    Ok(vec![vec![crossing(0.25)?], vec![crossing(1.0)?]])
}

/// A load step met at the controller's own ramp; the storage carries the difference, tick by tick.
fn ramp_storage(given: &Given) -> Outcome {
    let (step_w, ramp_w_per_s, tick_s) = (given.one("step")?, given.one("ramp")?, given.one("tick")?);
    if step_w <= 0.0 || ramp_w_per_s <= 0.0 || tick_s <= 0.0 || step_w / (ramp_w_per_s * tick_s) > 1e8 {
        return Err("step, ramp and tick must be positive, in at most 1e8 ticks".to_owned());
    }
    let (mut import_w, mut peak_w, mut energy_j, mut ticks) = (0.0_f64, 0.0_f64, 0.0, 0_u64);
    while import_w < step_w {
        // The load is already up when the first tick ends: what import has not reached yet comes from the storage.
        peak_w = peak_w.max(step_w - import_w);
        let next_w = ramp(import_w, step_w, ramp_w_per_s, ramp_w_per_s, tick_s);
        energy_j += (step_w - 0.5 * (import_w + next_w)) * tick_s;
        import_w = next_w;
        ticks += 1;
    }
    Ok(vec![vec![peak_w], vec![energy_j], vec![ticks as f64 * tick_s]])
}

/// A square wave through a first-order low pass: what is left of it, and the energy that a storage behind it swings.
fn low_pass(given: &Given) -> Outcome {
    let (swing_w, hz, lag_s) = (given.one("swing")?, given.one("frequency")?, given.one("lag")?);
    if swing_w <= 0.0 || hz <= 0.0 || lag_s <= 0.0 || lag_s * hz > 1e3 {
        return Err("swing, frequency and lag must be positive, the lag at most 1000 periods".to_owned());
    }
    const HALF: u32 = 1000;
    let tick_s = 0.5 / hz / f64::from(HALF);
    let keep = exp(-tick_s / lag_s);
    let settle = libm::ceil(12.0 * lag_s * hz) as u32 + 1;
    let (mut out_w, mut energy_j) = (0.0, 0.0);
    let (mut out, mut energy) = ((f64::MAX, f64::MIN), (f64::MAX, f64::MIN));
    for period in 0..=settle {
        for half in [0.5, -0.5] {
            let in_w = half * swing_w;
            for _ in 0..HALF {
                let next_w = in_w + (out_w - in_w) * keep;
                energy_j += (in_w - 0.5 * (out_w + next_w)) * tick_s;
                out_w = next_w;
                if period == settle {
                    out = (out.0.min(out_w), out.1.max(out_w));
                    energy = (energy.0.min(energy_j), energy.1.max(energy_j));
                }
            }
        }
    }
    Ok(vec![vec![out.1 - out.0], vec![energy.1 - energy.0]])
}

fn cooling_cop(given: &Given) -> Outcome {
    let plant = Cooling {
        cop_at_25c: given.one("cop_at_25c")?,
        cop_per_k: given.one("fall")?,
        free_cooling_below_c: 12.0,
        pumps_and_fans: 0.0,
        pumps_and_fans_min: 0.0,
        lag_s: 1.0,
    };
    Ok(vec![given.list("ambient").iter().map(|ambient_c| plant.cop(*ambient_c)).collect()])
}

fn gb200_cap(given: &Given) -> Outcome {
    let (cap_w, from_w) = (given.one("cap")?, given.one("from")?);
    let product = gpu::product("GB200").ok_or("the catalogue has no GB200")?;
    let throughput = gpu::relative_throughput(&product, cap_w) / gpu::relative_throughput(&product, from_w);
    // At a fixed site power the caps decide how many GPUs there is power for.
    let more_gpus = (from_w + product.other_w) / (cap_w + product.other_w);
    Ok(vec![vec![throughput], vec![cap_w / from_w - 1.0], vec![throughput * more_gpus - 1.0]])
}

fn sweep_mean(given: &Given, cap_w: f64, column: &str) -> f64 {
    let rows = given.column("cap_w").iter().zip(given.column(column)).filter(|(cap, _)| **cap == cap_w);
    let (sum, count) = rows.fold((0.0, 0.0), |(sum, count), (_, value)| (sum + value, count + 1.0));
    sum / count
}

/// Least squares of a (P - P0)^k, by a grid over P0 and k with a in closed form; returns (P0, k, a).
fn fit_cap_curve(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let least_w = points.iter().map(|p| p.0).fold(f64::MAX, f64::min);
    let mut best = (f64::MAX, (0.0, 1.0, 1.0));
    for i in 0..1000 {
        let offset_w = least_w * 1e-3 * f64::from(i);
        for j in 10..200 {
            let exponent = 0.005 * f64::from(j);
            let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
            for (power_w, throughput) in points {
                let x = pow(power_w - offset_w, exponent);
                (xx, xy, yy) = (xx + x * x, xy + x * throughput, yy + throughput * throughput);
            }
            let error = yy - xy * xy / xx;
            if error < best.0 {
                best = (error, (offset_w, exponent, xy / xx));
            }
        }
    }
    best.1
}

/// The cap curve fitted on all caps but one predicts that one; below the lowest cap that is left, the straight line to
/// idle that the shipped curve takes there.
fn leave_one_out(given: &Given) -> Outcome {
    let caps = given.list("cap");
    let points: Vec<(f64, f64)> = caps
        .iter()
        .map(|cap_w| (sweep_mean(given, *cap_w, "power_w"), sweep_mean(given, *cap_w, "throughput")))
        .collect();
    if points.len() < 5 || points.iter().any(|(power_w, thr)| !power_w.is_finite() || !thr.is_finite()) {
        return Err("at least five caps that the sweep holds are needed".to_owned());
    }
    let errors: Vec<f64> = (0..points.len())
        .map(|out| {
            let rest: Vec<_> = points.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, p)| *p).collect();
            let (power_w, throughput) = points[out];
            let lowest = rest.iter().copied().fold((f64::MAX, 0.0), |a, b| if b.0 < a.0 { b } else { a });
            let predicted = if power_w < lowest.0 {
                lowest.1 * (power_w - gpu::A100_IDLE_W).max(0.0) / (lowest.0 - gpu::A100_IDLE_W)
            } else {
                let (offset_w, exponent, scale) = fit_cap_curve(&rest);
                scale * pow((power_w - offset_w).max(0.0), exponent)
            };
            (predicted - throughput).abs()
        })
        .collect();
    let lowest = caps.iter().copied().fold(f64::MAX, f64::min);
    let inside: Vec<f64> = errors.iter().zip(caps).filter(|(_, cap)| **cap > lowest).map(|(e, _)| *e).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let max = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
    Ok(vec![vec![mean(&errors)], vec![max(&errors)], vec![mean(&inside)], vec![max(&inside)]])
}

fn quantiles(given: &Given) -> Outcome {
    let points: Vec<(f64, f64)> = given
        .column("cumulative_pct")
        .iter()
        .map(|pct| pct / 100.0)
        .zip(given.column("value_w").iter().copied())
        .collect();
    if points.len() < 2 || points.windows(2).any(|pair| pair[1].0 < pair[0].0) {
        return Err("the cumulative column must rise over at least two rows".to_owned());
    }
    let at = |share: &f64| {
        let after = points.partition_point(|p| p.0 < *share).clamp(1, points.len() - 1);
        let ((x0, y0), (x1, y1)) = (points[after - 1], points[after]);
        if x1 > x0 { y0 + (y1 - y0) * ((share - x0) / (x1 - x0)).clamp(0.0, 1.0) } else { y1 }
    };
    Ok(vec![given.list("share").iter().map(at).collect()])
}

fn checkpoint_interval(given: &Given) -> Outcome {
    let (between_s, repair_s) = (given.one("between_failures")?, given.one("repair")?);
    let (checkpoint_s, step_s) = (given.one("checkpoint")?, given.one("step")?);
    let young_s = sqrt(2.0 * checkpoint_s * between_s);
    let daly_s = sqrt(2.0 * checkpoint_s * (between_s + repair_s));
    let optimal_s = checkpoint_s + sqrt(2.0 * (between_s + repair_s) * checkpoint_s + checkpoint_s * checkpoint_s);
    let steps = [young_s / step_s, daly_s / step_s, libm::floor(daly_s / step_s)];
    Ok(vec![vec![steps[0]], vec![steps[1]], vec![steps[2]], vec![optimal_s], vec![optimal_s / step_s]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_dotted() {
        for (place, quantity) in TABLE.iter().enumerate() {
            assert!(quantity.name.contains('.'));
            assert!(TABLE[..place].iter().all(|other| other.name != quantity.name), "{}", quantity.name);
        }
    }

    #[test]
    fn the_residual_without_lag_is_twice_the_sine_of_half_the_phase() {
        for hz in [0.01, 0.1, 0.3] {
            let exact = 2.0 * libm::sin(core::f64::consts::PI * hz).abs();
            assert!((smoothing::residual(hz, 1.0, 0.0) - exact).abs() < 1e-12);
        }
    }
}
