//! Speed of the waveform: 555,000 GPUs at 1 ms with every device and every phase switched on.
//!
//! Not modelled: writing results; the tiles are looked at and dropped.

use super::Figure;
use crate::machine::{self, Machine};
use crate::threads::on_threads;
use anyhow::Result;
use std::time::Instant;
use tieline_campus::cooling::Cooling;
use tieline_campus::gpu;
use tieline_campus::waveform::{Battery, Campus, Chip, Conversion, Hall, Isa, Job, Point, Rack, Step, Store, Waveform};
use tieline_units::Draw;

/// Halls and GPUs in each: the claimed 555,000.
const HALLS: usize = 30;
const GPUS_PER_HALL: u32 = 18_500;
/// Tiles before the clock starts, and tiles of one measurement: about 2 s, one training step, of the simulated campus.
const WARM: usize = 2;
const TILES: usize = 16;
/// Measurements of which the median is the figure.
const ROUNDS: usize = 5;
/// Vector operations of a GPU-step in the inner loops, counted in the source: 20 for what the work asks and the filler, and
/// 3 where nothing more happens, 10 where a limit is reached, 22 where a floor moves: the least, and the most.
const INSTRUCTIONS: (f64, f64) = (23.0, 42.0);
/// Bytes of a GPU's state that come and go once per tile of 128 ms.
const STATE_BYTES: f64 = 2.0 * 60.0;

/// Every GPU at its power limit all the time, and its floor always on the way: nothing takes a shorter way.
fn bound() -> Campus {
    let mut campus = everything();
    for hall in &mut campus.halls {
        hall.chip.limit_w *= 0.7;
        if let Some(smoothing) = &mut hall.chip.smoothing {
            // Gone before an interval is over, and back with the next activity.
            (smoothing.floor_w, smoothing.hysteresis_s) = (0.6 * hall.chip.limit_w, 0.01);
        }
    }
    campus
}

/// 555,000 GB300 in three jobs, with smoothing, filler, storage in the power supplies, battery shelves and batteries.
pub fn everything() -> Campus {
    let product = gpu::product("GB300").expect("in the catalogue");
    let chip = Chip::of(&product).smoothed(0.65).filled(0.3);
    let rack = |step: &Step| Rack {
        other_w: product.other_w,
        supply_store: Store::gb300(72.0, product.rated_w)
            .planned(&chip.over_step(step).map(|(s, w)| (s, 72.0 * (w + product.other_w)))),
        shelf_store: Store {
            energy_j: 2e6,
            power_w: 30e3,
            charge_w: 30e3,
            lag_s: 0.01,
            smooth_s: 5.0,
            recentre_s: 60.0,
            ..Store::gb300(72.0, 1400.0)
        },
        conversion: Conversion::shelf(132e3),
    };
    let cooling = Cooling {
        cop_at_25c: 4.5,
        cop_per_k: 0.05,
        free_cooling_below_c: 12.0,
        pumps_and_fans: 0.03,
        pumps_and_fans_min: 0.2,
        lag_s: 300.0,
    };
    let period_ms = |index: usize| 2_000.0 + 150.0 * index as f64;
    let job = |index: usize| Job {
        name: format!("job {index}"),
        step: Step {
            jitter: 0.02,
            straggler_share: 1e-5,
            straggler_slowdown: 0.2,
            checkpoint_every: 5,
            checkpoint_ms: 400.0,
            data_stall_share: 0.1,
            data_stall_ms: 150.0,
            ..Step::of_period(period_ms(index), 0.2, 4, 8)
        },
        coherence: 0.9,
        starts_s: 0.0,
        stops_s: f64::INFINITY,
        mean_time_to_failure_s: 600.0,
        detect_s: 1.0,
        restart_s: 5.0,
        load_s: 5.0,
        spread_s: 0.2,
    };
    let battery = Battery {
        rated_w: 165e6,
        energy_j: 655.2 * 3.6e9,
        round_trip: 0.91,
        soc_range: (0.1, 0.9),
        soc_start: 0.5,
        delay_ms: 20,
        lag_s: 0.02,
        smooth_s: 10.0,
        ramp_w_per_s: (1e6, 1e6),
        recentre_s: 1_800.0,
    };
    let hall = |index: usize| Hall {
        name: format!("hall {index}"),
        point: index % 2,
        job: Some(index % 3),
        gpus: GPUS_PER_HALL,
        per_rack: 72,
        chip: chip.clone(),
        rack: rack(&job(index % 3).step),
        distribution_loss: 0.03,
        fixed_w: 1e5,
        cooling: cooling.clone(),
        rated_heat_w: 35e6,
    };
    Campus {
        points: (0..2)
            .map(|i| Point { name: format!("point {i}"), battery: battery.clone(), transformer_loss: 0.005 })
            .collect(),
        jobs: (0..3).map(job).collect(),
        halls: (0..HALLS).map(hall).collect(),
        ambient_c: 35.0,
    }
}

/// GPU-steps per second: median of the rounds, and the best of them.
fn speed(campus: &Campus, isa: Isa, threads: usize) -> (f64, f64) {
    let mut waveform = Waveform::new(campus, Draw::new(1, 0), isa);
    let spread = on_threads(threads);
    for _ in 0..WARM {
        waveform.advance(&spread);
    }
    let mut speeds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let from_ms = waveform.now_ms();
            let start = Instant::now();
            for _ in 0..TILES {
                std::hint::black_box(waveform.advance(&spread));
            }
            let steps = (waveform.now_ms() - from_ms) as f64 * waveform.gpus() as f64;
            steps / start.elapsed().as_secs_f64()
        })
        .collect();
    assert!(waveform.ledger().residual_share() < 1e-9, "the balances close");
    speeds.sort_by(f64::total_cmp);
    (speeds[ROUNDS / 2], speeds[ROUNDS - 1])
}

/// Steps per second on the widest instruction set and on the baseline, and the memory that the campus takes.
pub fn steps(machine: &Machine) -> Result<Vec<Figure>> {
    let threads = machine.cores;
    let best = Isa::best();
    let mut figures = Vec::new();
    let kinds = [
        ("waveform.steps", everything(), best, INSTRUCTIONS.0, 2e9),
        ("waveform.steps_baseline", everything(), Isa::Baseline, INSTRUCTIONS.0, 1e9),
        ("waveform.steps_bound", bound(), best, INSTRUCTIONS.1, 1e9),
    ];
    for (name, campus, isa, operations, target) in kinds {
        let before = machine::clock_hz();
        let (median, most) = speed(&campus, isa, threads);
        let clock_hz = before.max(machine::clock_hz());
        // Memory brings each GPU's state in and out once per tile of 128 ms.
        let arithmetic = threads as f64 * clock_hz * isa.width() as f64 * VECTORS_PER_CYCLE / operations;
        let memory = machine.memory_gb_per_s * 1e9 / STATE_BYTES * 128.0;
        let note = format!(
            "median of {ROUNDS} x {TILES} tiles of 128 ms, best {most:.3e}; {} GPUs, {threads} threads, {}; limits: arithmetic {arithmetic:.2e} (at least {operations} vector operations a step, {VECTORS_PER_CYCLE} a cycle, {:.2} GHz), memory {memory:.1e}",
            HALLS * GPUS_PER_HALL as usize,
            isa.name(),
            clock_hz / 1e9,
        );
        figures.push(Figure::higher(name, median, "1/s", target, note).with_ceiling(arithmetic.min(memory)));
    }
    let peak = machine::peak_memory(std::process::id()).unwrap_or(0) as f64 / 1e6;
    let note = "peak of the process that measured waveform.steps".to_owned();
    figures.push(Figure::lower("waveform.memory", peak, "MB", 500.0, note));
    Ok(figures)
}

/// Vector instructions that a core can start per cycle: four pipes, the most of present cores.
const VECTORS_PER_CYCLE: f64 = 4.0;
