//! Hourly shares of capacity of sun, wind and machines that fail, drawn, for cases that bring no series of their own.
//!
//! Sun: height of the sun over a place at 38 degrees north (Cooper's declination, 1969), times the clearness of the day.
//! Wind: a logistic of a slow random walk about its season (windier in winter). All constants are guesses that give
//! capacity factors near those of eastern North America (sun about 0.2, wind about 0.35).
//!
//! Not modelled: places, correlation between places and with temperature, ramps of clouds within the hour.

use crate::weather::year_turns;
use core::f64::consts::TAU;
use tieline_units::{Draw, Purpose, Span, Utc};

/// guess: latitude of the middle of PJM, degrees.
const LATITUDE_DEG: f64 = 38.0;
/// Cooper 1969: greatest declination, degrees.
const DECLINATION_DEG: f64 = 23.45;
/// Turns of the year from new year to the March equinox (80 of 365 days).
const EQUINOX: f64 = 80.0 / 365.0;
/// guess: power over capacity with the sun overhead and a clear sky, oriented panels.
const CLEAR: f64 = 1.15;
/// guess: how much of the wind's walk is left after an hour (a correlation time of 20 h).
const WIND_KEEP: f64 = 0.951;
/// guess: mean of the walk, and its swing from summer to winter.
const WIND_MEAN: f64 = -0.75;
/// See `WIND_MEAN`.
const WIND_SEASON: f64 = 0.45;
/// guess: standard deviation of the walk.
const WIND_SIGMA: f64 = 1.1;

/// Share of a solar park's capacity in each hour; `asset` tells one park's clouds from another's.
#[must_use]
pub fn sun(start: Utc, hours: usize, offset: Span, draw: &Draw, asset: u32) -> Vec<f64> {
    let latitude = LATITUDE_DEG.to_radians();
    let each = |hour: usize| {
        let middle = start + Span::secs(3600 * hour as i64 + 1800);
        let (day, clock) = middle.day_and_hour(offset);
        let declination = DECLINATION_DEG.to_radians() * libm::sin(TAU * (year_turns(middle, offset) - EQUINOX));
        let angle = TAU * (clock - 12.0) / 24.0;
        let height = libm::sin(latitude) * libm::sin(declination)
            + libm::cos(latitude) * libm::cos(declination) * libm::cos(angle);
        // Most days are fairly clear, some are dull.
        let luck = draw.uniform(asset, Purpose::Weather, day as u64);
        let clearness = 1.0 - 0.8 * luck * luck;
        (CLEAR * height * clearness).clamp(0.0, 1.0)
    };
    (0..hours).map(each).collect()
}

/// Share of a wind park's capacity in each hour.
#[must_use]
pub fn wind(start: Utc, hours: usize, offset: Span, draw: &Draw, asset: u32) -> Vec<f64> {
    let fresh = libm::sqrt(1.0 - WIND_KEEP * WIND_KEEP);
    let mut walk = draw.normals(asset, Purpose::Weather, u64::MAX)[0];
    let mut shares = Vec::with_capacity(hours);
    for hour in 0..hours {
        let at = start + Span::secs(3600 * hour as i64);
        walk = WIND_KEEP * walk + fresh * draw.normals(asset, Purpose::Weather, (1 << 40) + hour as u64)[0];
        let season = WIND_SEASON * libm::cos(TAU * year_turns(at, offset));
        shares.push(1.0 / (1.0 + libm::exp(-(WIND_MEAN + season + WIND_SIGMA * walk))));
    }
    shares
}

/// Share of equal machines that are not on repair in each hour: each fails and is repaired on its own, in exponential
/// times with the given mean to repair and the mean to failure that the outage rate asks for, from a first state drawn
/// with that rate.
#[must_use]
pub fn machines_up(hours: usize, machines: u32, outage: f64, repair_h: f64, draw: &Draw, asset: u32) -> Vec<f64> {
    let run_h = repair_h * (1.0 - outage) / outage;
    let mut up = vec![0_u32; hours];
    for machine in 0..machines {
        let event = |count: u64| (1 << 41) + (u64::from(machine) << 20) + count;
        let mut runs = draw.uniform(asset, Purpose::Weather, event(0)) >= outage;
        let (mut at_h, mut count) = (0.0, 1);
        while at_h < hours as f64 {
            let mean_h = if runs { run_h } else { repair_h };
            let end_h = at_h + mean_h * draw.exponential(asset, Purpose::Weather, event(count));
            if runs {
                // An hour counts for the state at its middle.
                let (from, to) = (libm::ceil(at_h - 0.5).max(0.0) as usize, libm::ceil(end_h - 0.5).max(0.0) as usize);
                up[from.min(hours)..to.min(hours)].iter_mut().for_each(|up| *up += 1);
            }
            (at_h, runs, count) = (end_h, !runs, count + 1);
        }
    }
    up.iter().map(|up| f64::from(*up) / f64::from(machines)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_factors_are_those_of_the_region_and_the_sun_sets() {
        let (start, draw) = (Utc::nanos(1_767_225_600_000_000_000), Draw::new(1, 0));
        let offset = Span::secs(-5 * 3600);
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
        let (sun, wind) = (sun(start, 8760, offset, &draw, 1), wind(start, 8760, offset, &draw, 2));
        assert!((0.17..0.25).contains(&mean(&sun)), "{}", mean(&sun));
        assert!((0.28..0.42).contains(&mean(&wind)), "{}", mean(&wind));
        assert!(sun.iter().filter(|share| **share == 0.0).count() > 3500, "it is dark half of the time");
        let up = machines_up(8760, 40, 0.1, 50.0, &draw, 3);
        // 40 machines over a year, some 700 repairs: the mean is known to about 0.4 %.
        assert!((mean(&up) - 0.9).abs() < 0.015, "{}", mean(&up));
        assert!(mean(&wind[..1416]) > mean(&wind[4344..5832]), "winter is windier than summer");
    }
}
