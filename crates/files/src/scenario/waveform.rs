//! The transient study's part of a scenario: steps of the jobs, what flattens the waveform, modes to keep away from.
//!
//! Not modelled: devices that differ from hall to hall.

use super::campus::{Built, reference};
use super::sheet::Sheet;
use super::{Clock, MOST_BYTES, Open};
use crate::specification;
use std::io::Read as _;
use tieline_campus::specification::{Connection, Specification};
use tieline_campus::waveform::Step;
use tieline_sim::transient::{Bounds, Devices, JobPlan, Loop, Mode, Plan, Shelf, usual_coherence};

/// Steps of a training job of which nothing is said, s: guess, the middle of what arXiv 2508.14318 describes.
const USUAL_PERIOD_MS: f64 = 2_000.0;
/// Most steps and modes in a file.
const MOST: usize = 64;

pub(super) fn plan(root: &Sheet<'_, '_>, clock: &Clock, built: &Built, open: &mut Open<'_>) -> Plan {
    let jobs = built.plant.jobs.len();
    let mut plan = Plan::quiet(clock.start, jobs);
    for (own, job) in plan.jobs.iter_mut().zip(&built.plant.jobs) {
        own.step = Step::of_period(USUAL_PERIOD_MS, 0.2, 1, 8);
        own.coherence = usual_coherence(job.kind);
    }
    if !root.has("waveform") {
        return plan;
    }
    let sheet = root.table("waveform");
    if sheet.has("at") {
        plan.at = clock.instant(&sheet, "at").unwrap_or(clock.start);
    }
    plan.span_s = sheet.span("span").as_secs_f64();
    plan.settle_s = sheet.span("settle").as_secs_f64();
    plan.table_s = sheet.span("table").as_secs_f64();
    let row = sheet.span("row").as_nanos();
    plan.row_ms = (row / 1_000_000).max(1) as u64;
    if row % 1_000_000 != 0 {
        sheet.wrong("row", "no whole number of milliseconds", "a multiple of 1 ms", "");
    }
    if plan.settle_s >= plan.span_s {
        sheet.wrong("settle", "longer than the span", "less than waveform.span", "nothing would be judged");
    }
    let names = built.job_names();
    for step in super::campus::at_most(&sheet, "step", MOST) {
        if let Some(job) = reference(&step, "job", &names, "") {
            plan.jobs[job] = job_plan(&step, plan.jobs[job].coherence);
        }
    }
    plan.modes = super::campus::at_most(&sheet, "mode", MOST).iter().map(mode).collect();
    plan.devices = devices(&sheet);
    plan.bounds = Bounds {
        swing_w: sheet.number("swing_limit").unwrap_or(f64::INFINITY),
        window_s: sheet.si("swing_window"),
        ramp_w_per_s: sheet.number("ramp_limit").unwrap_or(f64::INFINITY),
        ramp_window_s: sheet.si("ramp_window"),
    };
    plan.specification = sheet.text("specification").and_then(|name| specification(&sheet, &name, open));
    plan.connection = Connection {
        short_circuit_ratio: sheet.number("short_circuit_ratio"),
        x_over_r: sheet.number("x_over_r"),
        power_factor: sheet.si("power_factor"),
    };
    plan
}

/// A built-in specification, or one from a file beside the scenario.
fn specification(sheet: &Sheet<'_, '_>, name: &str, open: &mut Open<'_>) -> Option<Specification> {
    let expected = format!("one of {}, or a file", specification::builtin_names().join(", "));
    let wrong =
        |found: &str, hint: &str| sheet.wrong("specification", &format!("\"{name}\", {found}"), &expected, hint);
    let mut text = String::new();
    if let Some(builtin) = specification::builtin(name) {
        text.push_str(builtin);
    } else if let Err(why) = open(name).and_then(|bytes| bytes.take(MOST_BYTES).read_to_string(&mut text)) {
        wrong("which cannot be read", &why.to_string());
        return None;
    }
    match specification::read(name, &text) {
        Ok(read) => Some(read),
        Err(mistakes) => {
            wrong("which is wrong", &mistakes.to_string());
            None
        }
    }
}

fn job_plan(sheet: &Sheet<'_, '_>, coherence: f64) -> JobPlan {
    let (stages, micro_batches) = (sheet.si("stages") as u32, sheet.si("micro_batches") as u32);
    let step = Step {
        jitter: sheet.si("jitter"),
        straggler_share: sheet.si("stragglers"),
        straggler_slowdown: sheet.si("straggler_slowdown"),
        checkpoint_every: sheet.si("checkpoint_every") as u32,
        checkpoint_ms: sheet.si("checkpoint_stall") * 1e3,
        data_stall_share: sheet.si("data_stalls"),
        data_stall_ms: sheet.si("data_stall") * 1e3,
        ..Step::of_period(sheet.si("period") * 1e3, sheet.si("communication"), stages, micro_batches)
    };
    for problem in step.complaints() {
        sheet.wrong(
            "period",
            &problem,
            "a step that can be simulated at 1 ms",
            "fewer micro-batches, or a longer period",
        );
    }
    JobPlan {
        step,
        coherence: sheet.number("coherence").unwrap_or(coherence),
        failures: sheet.flag("failures", false),
        starts_s: sheet.si("starts"),
        stops_s: sheet.number("stops").unwrap_or(f64::INFINITY),
    }
}

fn mode(sheet: &Sheet<'_, '_>) -> Mode {
    Mode { name: sheet.word("name"), hz: sheet.si("frequency"), damping: sheet.si("damping") }
}

fn devices(sheet: &Sheet<'_, '_>) -> Devices {
    let fast = Loop {
        delay_ms: (sheet.si("battery_delay") * 1e3).round() as u32,
        lag_s: sheet.si("battery_lag"),
        smooth_s: sheet.si("battery_smooth"),
        ramp_w_per_s: sheet.number("battery_ramp").unwrap_or(f64::INFINITY),
        power_share: 1.0,
        energy_share: 1.0,
    };
    Devices {
        floor: sheet.number("floor"),
        floor_ramps: (sheet.si("floor_up"), sheet.si("floor_down")),
        hysteresis_s: sheet.si("hysteresis"),
        filler: sheet.number("filler"),
        supply: sheet.flag("supply_storage", false),
        shelf: sheet.number("shelf_energy").map(|energy_j| Shelf {
            energy_j,
            power_w: sheet.si("shelf_power"),
            charge_w: sheet.si("shelf_charge"),
            lag_s: sheet.si("shelf_lag"),
        }),
        battery: sheet.flag("battery_loop", false).then_some(fast),
    }
}
