//! What of a fleet is available hour by hour: forced outages that follow the temperature, maintenance, ratings in heat.
//!
//! A machine is up or on repair (two states, continuous time). Its hazard at a temperature is the one whose long run at
//! that temperature is the measured outage rate; beyond the measured range the rate at its end is kept. Luck is a pure
//! function of (seed, sample, unit, machine, event).
//!
//! Not modelled: partial outages, failures with one common cause other than temperature, fuel that runs out, starts that
//! fail, a maintenance plan that looks at the load it leaves uncovered.

use crate::weather::year_turns;
use tieline_units::{Draw, Purpose, Span, Utc};

/// What drives a generator, as far as its outages follow the temperature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mover {
    /// Gas turbine with a steam turbine behind it.
    CombinedCycle,
    /// Gas turbine alone.
    CombustionTurbine,
    /// Diesel engine.
    Diesel,
    /// Water, pumped or not.
    Hydro,
    /// Nuclear.
    Nuclear,
    /// Steam from coal, oil or gas.
    Steam,
}

/// First and last temperature of the measured rates, and their distance, °C.
const FIRST_C: f64 = -15.0;
/// See `FIRST_C`.
const STEP_K: f64 = 5.0;

impl Mover {
    /// Its name in files.
    pub const NAMES: [&'static str; 6] =
        ["combined-cycle", "combustion-turbine", "diesel", "hydro", "nuclear", "steam"];

    /// The mover of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::CombinedCycle, Self::CombustionTurbine, Self::Diesel, Self::Hydro, Self::Nuclear, Self::Steam];
        Self::NAMES.iter().position(|known| *known == name).map(|at| all[at])
    }

    /// Share of capacity on forced outage at -15, -10, ... 35 °C.
    ///
    /// measured: Murphy, Sowell, Apt 2019 (doi 10.1016/j.apenergy.2019.113513), PJM units 1995-2018.
    const fn rates(self) -> [f64; 11] {
        match self {
            Self::CombinedCycle => [0.149, 0.081, 0.048, 0.033, 0.027, 0.025, 0.028, 0.035, 0.035, 0.041, 0.072],
            Self::CombustionTurbine => [0.199, 0.099, 0.051, 0.031, 0.024, 0.021, 0.024, 0.027, 0.031, 0.039, 0.066],
            Self::Diesel => [0.212, 0.170, 0.137, 0.116, 0.106, 0.102, 0.104, 0.136, 0.135, 0.143, 0.175],
            Self::Hydro => [0.070, 0.043, 0.031, 0.027, 0.026, 0.026, 0.027, 0.027, 0.024, 0.029, 0.082],
            Self::Nuclear => [0.019, 0.018, 0.017, 0.018, 0.018, 0.019, 0.021, 0.027, 0.037, 0.066, 0.124],
            Self::Steam => [0.133, 0.112, 0.099, 0.091, 0.086, 0.083, 0.084, 0.086, 0.094, 0.114, 0.140],
        }
    }

    /// Share of capacity on forced outage at a temperature, between the measured points on a straight line.
    #[must_use]
    pub fn outage(self, ambient_c: f64) -> f64 {
        let rates = self.rates();
        let at = ((ambient_c - FIRST_C) / STEP_K).clamp(0.0, (rates.len() - 1) as f64);
        let low = (at as usize).min(rates.len() - 2);
        rates[low] + (at - low as f64) * (rates[low + 1] - rates[low])
    }
}

/// Share of equal machines that are not on repair in each hour, with an outage rate for each hour.
///
/// The hazard is `q / (1 - q) / repair`; a machine fails when the hazard summed since its repair passes an exponential
/// draw, so the rate may change within a run. Repairs are exponential. The first state is drawn with the first rate.
///
/// # Panics
/// If a rate lies outside [0, 1) or the repair is not positive.
#[must_use]
pub fn machines_up(machines: u32, outage: &[f64], repair_h: f64, draw: &Draw, asset: u32) -> Vec<f64> {
    assert!(repair_h > 0.0 && outage.iter().all(|rate| (0.0..1.0).contains(rate)), "rates below 1, repairs above 0 h");
    let hours = outage.len();
    let mut hazard = Vec::with_capacity(hours + 1);
    hazard.push(0.0);
    let mut sum = 0.0;
    for rate in outage {
        sum += rate / (1.0 - rate) / repair_h;
        hazard.push(sum);
    }
    let summed = |at_h: f64| {
        let hour = (at_h as usize).min(hours.saturating_sub(1));
        hazard[hour] + (at_h - hour as f64) * (hazard[hour + 1] - hazard[hour])
    };
    // When the summed hazard reaches a value, h; never, where the hours end before.
    let reached = |value: f64| {
        let after = hazard.partition_point(|sum| *sum < value);
        if after > hours {
            return f64::INFINITY;
        }
        let before = after.max(1) - 1;
        before as f64 + (value - hazard[before]) / (hazard[before + 1] - hazard[before]).max(1e-300)
    };
    let mut up = vec![0_u32; hours];
    for machine in 0..machines {
        let event = |count: u64| (u64::from(machine) << 24) + count;
        let mut runs = draw.uniform(asset, Purpose::Fault, event(0)) >= outage.first().copied().unwrap_or(0.0);
        let (mut at_h, mut count) = (0.0, 1);
        while at_h < hours as f64 {
            let luck = draw.exponential(asset, Purpose::Fault, event(count));
            let end_h = if runs { reached(summed(at_h) + luck) } else { at_h + repair_h * luck };
            if runs {
                // An hour counts for the state at its middle.
                let (from, to) = (libm::ceil(at_h - 0.5).max(0.0) as usize, libm::ceil(end_h - 0.5).max(0.0) as usize);
                up[from.min(hours)..to.min(hours)].iter_mut().for_each(|up| *up += 1);
            }
            (at_h, runs, count) = (end_h, !runs, count + 1);
        }
    }
    up.iter().map(|up| f64::from(*up) / f64::from(machines.max(1))).collect()
}

/// Windows of planned maintenance, turns of the year: March to May, and the middle of September to the end of November.
///
/// guess: the two seasons between the peaks, in which PJM and TVA let most of their maintenance happen.
const WINDOWS: [(f64, f64); 2] = [(59.0 / 365.0, 151.0 / 365.0), (258.0 / 365.0, 334.0 / 365.0)];

/// Share of equal machines that are not on planned maintenance in each hour: once a year each machine stands still for
/// `share` of the year, in one of two windows between the seasons, beginning when luck says.
///
/// A maintenance longer than a window begins with it.
#[must_use]
pub fn not_in_maintenance(
    at: (Utc, Span),
    hours: usize,
    machines: u32,
    share: f64,
    draw: &Draw,
    asset: u32,
) -> Vec<f64> {
    let (start, offset) = at;
    let mut up = vec![machines; hours];
    let turns: Vec<f64> =
        (0..hours).map(|hour| year_turns(start + Span::secs(3600 * hour as i64 + 1800), offset)).collect();
    let (Some(first), Some(last)) = (turns.first(), turns.last()) else { return Vec::new() };
    // A maintenance may reach over the end of the year.
    let years = (libm::floor(*first) as i64 - 1)..=(libm::floor(*last) as i64);
    for machine in 0..machines {
        for year in years.clone() {
            let event = (1 << 60) + (u64::from(machine) << 24) + (year + 4096) as u64;
            let luck = draw.uniform(asset, Purpose::Fault, event);
            let (window, within) = if luck < 0.5 { (WINDOWS[0], 2.0 * luck) } else { (WINDOWS[1], 2.0 * luck - 1.0) };
            let begin = year as f64 + window.0 + within * (window.1 - window.0 - share).max(0.0);
            let hour = |at: f64| turns.partition_point(|turn| *turn < at);
            up[hour(begin)..hour(begin + share)].iter_mut().for_each(|up| *up -= 1);
        }
    }
    up.iter().map(|up| f64::from(*up) / f64::from(machines.max(1))).collect()
}

/// Share of a rating that is left at a temperature: straight down from `from_c` on, never below a tenth.
#[must_use]
pub fn rating(ambient_c: f64, per_k: f64, from_c: f64) -> f64 {
    (1.0 - per_k * (ambient_c - from_c).max(0.0)).max(0.1)
}

/// Durations and accredited shares of storage. claim: PJM ELCC class ratings 2026/27 of 4-, 6-, 8- and 10-hour storage,
/// second-hand.
const CREDIT: [(f64, f64); 4] = [(4.0, 0.50), (6.0, 0.58), (8.0, 0.62), (10.0, 0.72)];

/// Share of a storage's power that counts towards a margin, by how long it lasts at that power: the rating of its class,
/// straight lines between classes, in proportion below the shortest (guess), the longest's beyond it.
#[must_use]
pub fn storage_credit(lasts_h: f64) -> f64 {
    let (mut before, mut credit) = ((0.0, 0.0), CREDIT[CREDIT.len() - 1].1);
    for class in CREDIT {
        if lasts_h < class.0 {
            credit = before.1 + (lasts_h.max(0.0) - before.0) / (class.0 - before.0) * (class.1 - before.1);
            break;
        }
        before = class;
    }
    credit
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_units::Estimate;

    #[test]
    fn rates_are_the_measured_ones_and_straight_between_them() {
        assert_eq!(Mover::Steam.outage(-15.0), 0.133);
        assert_eq!(Mover::Nuclear.outage(35.0), 0.124);
        assert_eq!(Mover::Diesel.outage(-40.0), 0.212);
        assert!((Mover::CombinedCycle.outage(-12.5) - 0.115).abs() < 1e-12);
        assert!(Mover::NAMES.iter().all(|name| Mover::named(name).is_some()) && Mover::named("tide").is_none());
    }

    #[test]
    fn the_share_on_repair_follows_the_rate_of_the_hour() {
        // Ten weeks at 2 %, then ten weeks at 15 %: each long against the repair.
        let outage: Vec<f64> = (0..3360).map(|hour| if hour < 1680 { 0.02 } else { 0.15 }).collect();
        let years: Vec<(f64, f64)> = (0..200)
            .map(|sample| {
                let up = machines_up(20, &outage, 40.0, &Draw::new(5, sample), 7);
                let down = |part: &[f64]| 1.0 - part.iter().sum::<f64>() / part.len() as f64;
                (down(&up[..1680]), down(&up[1880..]))
            })
            .collect();
        for (at, wanted) in [(0, 0.02), (1, 0.15)] {
            let samples: Vec<f64> = years.iter().map(|year| if at == 0 { year.0 } else { year.1 }).collect();
            let found = Estimate::of(&samples).expect("many");
            assert!((found.value - wanted).abs() < 3.0 * found.standard_error, "{found} for {wanted}");
        }
        assert_eq!(
            machines_up(20, &outage, 40.0, &Draw::new(5, 3), 7),
            machines_up(20, &outage, 40.0, &Draw::new(5, 3), 7)
        );
    }

    #[test]
    fn maintenance_takes_its_share_and_leaves_the_peaks_alone() {
        let (start, offset) = (Utc::nanos(1_767_225_600_000_000_000 + 5 * 3_600_000_000_000), Span::secs(-5 * 3600));
        let up = not_in_maintenance((start, offset), 8760, 200, 0.06, &Draw::new(1, 0), 3);
        let mean = up.iter().sum::<f64>() / 8760.0;
        assert!((mean - 0.94).abs() < 1e-3, "{mean}");
        let july = &up[181 * 24..212 * 24];
        assert!(july.iter().all(|up| *up == 1.0) && up[..31 * 24].iter().all(|up| *up == 1.0));
    }

    #[test]
    fn ratings_fall_in_heat_only() {
        assert_eq!(rating(10.0, 0.01, 15.0), 1.0);
        assert!((rating(35.0, 0.01, 15.0) - 0.8).abs() < 1e-12);
        assert_eq!(rating(1000.0, 0.01, 15.0), 0.1);
    }

    #[test]
    fn a_storage_counts_by_how_long_it_lasts() {
        let published =
            [(4.0, 0.50), (6.0, 0.58), (8.0, 0.62), (10.0, 0.72), (24.0, 0.72), (0.0, 0.0), (2.0, 0.25), (7.0, 0.60)];
        for (lasts_h, wanted) in published {
            let found = storage_credit(lasts_h);
            assert!((found - wanted).abs() < 1e-12, "{lasts_h} h: {found}");
        }
    }
}
