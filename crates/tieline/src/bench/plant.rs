//! Speed of the plant behind the meter: everything of the shipped campus moved by one step.
//!
//! Not modelled: a controller; without commands the leases lapse and every device stands at its own safe state.

use super::Figure;
use crate::source;
use anyhow::{Result, bail};
use std::time::Instant;
use tieline_campus::plant::{Boundary, Plant};
use tieline_units::Draw;

/// The campus that is moved.
const SCENARIO: &str = "colossus-2";
const STEPS: u64 = 36_000;

/// Mean time of a step over an hour of 100 ms steps.
pub fn step() -> Result<Vec<Figure>> {
    let Ok(read) = source::load(SCENARIO)? else { bail!("{SCENARIO} does not read") };
    let config = &read.scenario.plant;
    let boundary = Boundary { ambient_c: 30.0, voltage_pu: 1.0, frequency_hz: 60.0 };
    let mut plant = Plant::new(config, Draw::new(1, 0));
    plant.settle(&boundary);
    let start = Instant::now();
    for _ in 0..STEPS {
        plant.step(std::hint::black_box(&boundary));
        plant.drain_happenings();
    }
    let each_ns = start.elapsed().as_nanos() as f64 / STEPS as f64;
    let note = format!(
        "mean of {STEPS} steps, no controller; {} halls, {} turbines, {} batteries, {} points",
        config.halls.len(),
        config.turbines.len(),
        config.batteries.len(),
        config.pois.len()
    );
    // Half of the 15 s that a day of 864,000 steps may take; the controller and the writing have the other half.
    Ok(vec![Figure::lower("plant.step", each_ns, "ns", 8_700.0, note)])
}
