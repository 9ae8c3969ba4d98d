//! Quantities of load and fleets: energy of a reference year, peaks of drawn years, capacity arithmetic.
//!
//! Not modelled: anything but what each function says; the grid's own functions are used.

use super::Given;
use super::quantities::Outcome;
use tieline_grid::{load, rts_79};
use tieline_units::{Draw, Span, Utc};

/// Years that are drawn for a mean peak, and their seed.
const YEARS: u32 = 50;
/// See `YEARS`.
const SEED: u64 = 2026;
/// 1 January 2026, midnight US Eastern, ns since 1970.
const START_NS: i64 = 1_767_243_600_000_000_000;

/// Energy of the year of the IEEE RTS-79 at this annual peak, J.
pub(super) fn reference_load(given: &Given) -> Outcome {
    let peak_w = given.one("peak")?;
    Ok(vec![vec![(0..rts_79::HOURS).map(|hour| peak_w * rts_79::load_share(hour) * 3600.0).sum()]])
}

/// Mean annual peak of drawn years, W: PJM-like, TVA-like.
pub(super) fn drawn_peaks(_: &Given) -> Outcome {
    let (start, offset) = (Utc::nanos(START_NS), Span::secs(-5 * 3600));
    let mean = |tva: bool| {
        let peaks = (0..YEARS).map(|sample| {
            let draw = Draw::new(SEED, sample);
            let sigma = |at: Utc| load::drawn_sigma(&draw, at, offset);
            let year = if tva {
                load::tva_like_in_weather(start, 8760, offset, sigma)
            } else {
                load::pjm_like_in_weather(start, 8760, offset, sigma)
            };
            year.values().iter().copied().fold(0.0, f64::max)
        });
        peaks.sum::<f64>() / f64::from(YEARS)
    };
    Ok(vec![vec![mean(false)], vec![mean(true)]])
}
