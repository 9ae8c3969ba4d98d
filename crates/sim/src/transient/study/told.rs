//! What one run of the study tells: its metrics stage by stage, its findings in words, its ledger.
//!
//! Not modelled: causes that only the operation study knows.

use super::super::measures::{amplitude_at, band_share, lines, strongest};
use super::super::risk::Nearness;
use super::super::{Loop, Plan, training_step};
use super::{Record, Summary};
use crate::metrics::{MW, MWH};
use crate::operation::slug;
use crate::results::Finding;
use crate::scenario::Scenario;
use tieline_campus::spectrum::welch::Spectrum;
use tieline_campus::waveform::{JobPace, Ledger, StoreEnergy};

pub(super) fn stages(record: &Record, put: &mut dyn FnMut(&str, f64)) {
    for (name, measures) in [("gpus", &record.gpus), ("load", &record.load), ("meter", &record.meter)] {
        put(&format!("{name}_mean_mw"), measures.mean_w() / MW);
        put(&format!("{name}_swing_mw"), measures.swing_w() / MW);
        put(&format!("{name}_within_second_mw"), measures.within_second_w().0 / MW);
        if name != "gpus" {
            put(&format!("{name}_peak_mw"), measures.peak_w() / MW);
            put(&format!("{name}_ramp_max_mw_per_s"), measures.ramp_w_per_s() / MW);
        }
    }
    let (load, meter) = (record.load.swing_w(), record.meter.swing_w());
    put("meter_range_percent", 100.0 * meter / record.meter.mean_w());
    put("battery_flattens_percent", if load > 0.0 { 100.0 * (1.0 - meter / load) } else { 0.0 });
}

pub(super) fn spectra(load: Option<&Spectrum>, meter: Option<&Spectrum>, put: &mut dyn FnMut(&str, f64)) {
    for (name, density) in [("load", load), ("meter", meter)] {
        put(&format!("{name}_energy_01_20hz_percent"), 100.0 * band_share(density, 0.1, 20.0));
        put(&format!("{name}_energy_02_3hz_percent"), 100.0 * band_share(density, 0.2, 3.0));
    }
    let (hz, amplitude_w) = strongest(load);
    put("load_fundamental_hz", hz);
    put("load_fundamental_mw", amplitude_w / MW);
    put("meter_fundamental_mw", amplitude_at(meter, hz) / MW);
    let lines = lines(load);
    let (most, magnitude) = lines.iter().fold((0.0_f64, 0.0), |(most, all), line| (most.max(line.1), all + line.1));
    put("load_largest_line_share", if magnitude > 0.0 { most / magnitude } else { 0.0 });
    put("spectrum_segments", load.map_or(0.0, |density| density.segments as f64));
}

pub(super) fn energies(ledger: &Ledger, put: &mut dyn FnMut(&str, f64)) {
    for (name, energy_j) in [
        ("gpus_mwh", ledger.gpus_j),
        ("filler_mwh", ledger.filler_j),
        ("floor_burn_mwh", ledger.burned_j),
        ("shaved_mwh", ledger.shaved_j),
        ("conversion_mwh", ledger.conversion_j),
        ("cooling_mwh", ledger.cooling_j),
        ("meter_mwh", ledger.meter_j),
        ("battery_lost_mwh", ledger.battery.lost_j),
        ("battery_gained_mwh", ledger.battery.gained_j),
    ] {
        put(name, energy_j / MWH);
    }
    put("extra_energy_percent", 100.0 * (ledger.filler_j + ledger.burned_j) / ledger.meter_j);
    for (name, store) in [("supply", &ledger.supply), ("shelf", &ledger.shelf), ("battery", &ledger.battery)] {
        put(&format!("{name}_throughput_mwh"), (store.charged_j + store.discharged_j) / MWH);
        if store.capacity_j > 0.0 {
            put(&format!("{name}_soc_min_percent"), 100.0 * store.least_share);
            put(&format!("{name}_soc_max_percent"), 100.0 * store.most_share);
        }
    }
    put("energy_residual_share", ledger.residual_share());
}

pub(super) fn steps(scenario: &Scenario, paces: &[JobPace], summary: &Summary, put: &mut dyn FnMut(&str, f64)) {
    let all = paces.iter().fold(JobPace::default(), |a, b| JobPace {
        steps: a.steps + b.steps,
        steps_s: a.steps_s + b.steps_s,
        longest_s: a.longest_s.max(b.longest_s),
        failures: a.failures + b.failures,
    });
    put("steps", all.steps as f64);
    put("failures", all.failures as f64);
    if all.steps > 0 {
        put("step_mean_s", all.steps_s / all.steps as f64);
        put("step_longest_s", all.longest_s);
    }
    for ((job, pace), share) in scenario.plant.jobs.iter().zip(paces).zip(&summary.mean_share) {
        if pace.steps > 0 {
            put(&format!("job_step_s.{}", slug(&job.name)), pace.steps_s / pace.steps as f64);
            put(&format!("job_mean_share.{}", slug(&job.name)), *share);
        }
    }
}

/// Step of the job that did the fewest, longest steps in lockstep: the one that can drive a mode.
pub(super) fn main_period_s(paces: &[JobPace], plan: &Plan) -> f64 {
    let lockstep = paces.iter().zip(&plan.jobs).filter(|(pace, job)| pace.steps > 0 && job.coherence >= 0.5);
    let slowest = lockstep.map(|(pace, _)| pace.steps_s / pace.steps as f64).fold(0.0, f64::max);
    if slowest > 0.0 { slowest } else { plan.jobs.first().map_or(1.0, |job| job.step.period_ms() / 1e3) }
}

/// A mode against the step's harmonics in the import, in words. It closes where the worst step period within 10 % keeps
/// the swing that resonance adds within the scenario's `swing_limit`; without a limit there is nothing to break.
pub(super) fn at_mode(near: &Nearness, period_s: f64, plan: &Plan) -> Finding {
    let (worst, best) = (near.worst, near.best);
    let text = format!(
        "{} at {:.2} Hz: harmonic {} of the {period_s:.3} s step is {:+.3} Hz away and gives {:.2} MW there in the import, resonance adds {:.2} MW of amplitude in all; a step {:+.1} % longer would add {:.2} MW at worst, one {:+.1} % longer {:.2} MW at best",
        near.mode.name,
        near.mode.hz,
        near.harmonic,
        near.distance_hz,
        near.nearest_w / MW,
        near.raised_w / MW,
        100.0 * worst.1,
        worst.0 / MW,
        100.0 * best.1,
        best.0 / MW,
    );
    Finding { topic: "oscillation".to_owned(), text, closes: 2.0 * worst.0 <= plan.bounds.swing_w }
}

/// Residual of a loop through delay and lag at a frequency (control.md 7.1).
fn residual(fast: &Loop, hz: f64) -> f64 {
    let w = core::f64::consts::TAU * hz;
    let (delay_s, lag_s) = (f64::from(fast.delay_ms) * 1e-3, fast.lag_s);
    // 1 - e^(-jwd) / (1 + jwt), real and imaginary part.
    let (sin, cos) = libm::sincos(w * delay_s);
    let scale = 1.0 / (1.0 + w * w * lag_s * lag_s);
    let (re, im) = (scale * (cos - w * lag_s * sin), -scale * (sin + w * lag_s * cos));
    libm::sqrt((1.0 - re) * (1.0 - re) + im * im)
}

/// Frequency from which a loop amplifies, Hz.
fn amplifies_from_hz(fast: &Loop) -> f64 {
    (1..50_000).map(|i| f64::from(i) * 0.01).find(|hz| residual(fast, *hz) > 1.0).unwrap_or(f64::INFINITY)
}

/// What the batteries can flatten and what not, in words.
pub(super) fn findings(record: &Record, scenario: &Scenario, paces: &[JobPace]) -> Vec<Finding> {
    let plan = &scenario.waveform;
    let units: Vec<_> = scenario.plant.batteries.iter().filter(|unit| record.grid[unit.poi]).collect();
    let rated_w: f64 = units.iter().map(|unit| unit.rated_w).sum();
    let stored_j: f64 = units.iter().map(|unit| unit.energy_j).sum();
    let (load, meter) = (&record.load, &record.meter);
    let mut findings = Vec::new();
    let mut say = |topic: &str, text: String, closes: bool| {
        findings.push(Finding { topic: topic.to_owned(), text, closes });
    };
    match training_step(scenario, plan) {
        Some(Ok((_, step))) => say(
            "training step",
            format!(
                "drawn from the training model: {} stages, {} passes each way per stage, {:.0} ms of them and of waits, {:.0} ms of exposed communication",
                step.stages,
                step.micro_batches,
                step.period_ms() - step.communication_ms,
                step.communication_ms,
            ),
            true,
        ),
        Some(Err(why)) => say(
            "training step",
            format!("the training model's phases cannot be drawn ({why}); [[waveform.step]] is used"),
            false,
        ),
        None => {}
    }
    say(
        "step and battery",
        format!(
            "the training step swings the load by {:.1} MW between its extremes ({:.1} MW within a mean second); {} units of {:.0} MW in all leave {:.1} MW at the meters",
            load.swing_w() / MW,
            load.within_second_w().0 / MW,
            units.len(),
            rated_w / MW,
            meter.swing_w() / MW,
        ),
        meter.swing_w() < 0.1 * meter.mean_w(),
    );
    if let Some(fast) = &plan.devices.battery {
        let hz = 1.0 / main_period_s(paces, plan);
        say(
            "frequency",
            format!(
                "a loop of {} ms and {:.0} ms leaves {:.1} % of the fundamental at {hz:.2} Hz and amplifies above {:.1} Hz",
                fast.delay_ms,
                fast.lag_s * 1e3,
                100.0 * residual(fast, hz),
                amplifies_from_hz(fast),
            ),
            residual(fast, hz) <= 0.25,
        );
        let drop_w = load.mean_w();
        let ramp = scenario
            .control
            .pois
            .iter()
            .map(|poi| poi.ramp_down_w_per_s)
            .filter(|r| *r > 0.0)
            .fold(f64::INFINITY, f64::min);
        let needed_j = drop_w * drop_w / (2.0 * ramp);
        say(
            "stop of everything",
            format!(
                "a stop of the whole load of {:.0} MW, led down at {:.0} MW/min, wants {:.0} MW and {:.0} MWh of charging; there are {:.0} MW and {:.0} MWh",
                drop_w / MW,
                ramp * 60.0 / MW,
                drop_w / MW,
                needed_j / MWH,
                rated_w / MW,
                stored_j / MWH,
            ),
            rated_w >= drop_w && stored_j >= needed_j,
        );
    }
    findings
}

/// The ledger as rows of balances that close, MWh.
pub(super) fn ledger_rows(ledger: &Ledger) -> Vec<(String, String, f64)> {
    let store = |name: &'static str, energy: &StoreEnergy| {
        [
            (name, "charged", energy.charged_j),
            (name, "discharged", -energy.discharged_j),
            (name, "lost", -energy.lost_j),
            (name, "kept", -energy.gained_j),
        ]
    };
    let chain = [
        ("GPUs", "asked by the work", ledger.asked_j),
        ("GPUs", "software filler", ledger.filler_j),
        ("GPUs", "burned by the floor", ledger.burned_j),
        ("GPUs", "shaved by limits and ramps", -ledger.shaved_j),
        ("racks", "CPUs, switches, fans", ledger.other_j),
        (
            "racks",
            "into stores less out of them",
            ledger.supply.charged_j - ledger.supply.discharged_j + ledger.shelf.charged_j - ledger.shelf.discharged_j,
        ),
        ("racks", "lost in conversion", ledger.conversion_j),
        ("halls", "lost in distribution", ledger.distribution_j),
        ("halls", "house load", ledger.house_j),
        ("halls", "cooling", ledger.cooling_j),
        ("points", "into batteries less out of them", ledger.battery.charged_j - ledger.battery.discharged_j),
        ("points", "lost in transformers", ledger.transformer_j),
        ("meters", "import", -ledger.meter_j),
    ];
    let stores = [
        store("PSU storage", &ledger.supply),
        store("battery shelves", &ledger.shelf),
        store("site batteries", &ledger.battery),
    ];
    chain
        .into_iter()
        .chain(stores.into_iter().flatten())
        .map(|(class, what, energy_j)| (class.to_owned(), what.to_owned(), energy_j / MWH))
        .collect()
}
