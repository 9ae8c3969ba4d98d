//! A campus that looks at its own bill: curtailment bought in the hours whose load sets its capacity and transmission charges.
//!
//! A second pass over a dispatch. In the area's five peak hours and in the zone's, a watt less is worth the tariff's price of
//! it; a tier that costs less than that and the energy together is curtailed, never beyond its depth. An hour that becomes
//! the peak in its place is looked at in turn, and of all sets of hours met on the way the cheapest is kept.
//!
//! Not modelled: peaks that must be forecast (foresight is perfect here, so the saving is an upper estimate), part of a tier,
//! demand charges of months, the value of a peak beyond the hours that are billed.

use super::Placed;
use tieline_grid::bill::{Bill, Metered, Tariff, bill};
use tieline_grid::dispatch::{Dispatch, Problem, Quality, judge};

const HOUR_S: f64 = 3600.0;
/// Most sets of hours that are tried; each holds at least one hour more than the last.
const MOST_ROUNDS: usize = 200;

/// A campus and what was metered around it.
#[derive(Clone, Debug)]
pub struct Before<'b> {
    /// What it pays.
    pub tariff: &'b Tariff,
    /// As it was dispatched; the loads hold its draw.
    pub metered: Metered<'b>,
    /// Whether its draw is part of `metered.system_w`.
    pub in_area: bool,
    /// Greatest curtailment, W, and price, $/J, of each tier.
    pub tiers: &'b [(f64, f64)],
    /// Curtailment already bought, W: `hours * tiers`.
    pub used_w: &'b [f64],
}

/// Curtailment bought for the bill's sake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shaving {
    /// Hour and, for each tier, curtailment beyond what the dispatch bought, W; hours in order.
    pub hours: Vec<(usize, Vec<f64>)>,
    /// What it costs the campus at the prices of its tiers, $.
    pub cost_usd: f64,
}

impl Shaving {
    /// What is given up in an hour, W.
    #[must_use]
    pub fn extra_w(&self, hour: usize) -> f64 {
        self.hours.iter().filter(|own| own.0 == hour).flat_map(|own| &own.1).sum()
    }

    /// All that is given up, J.
    #[must_use]
    pub fn energy_j(&self) -> f64 {
        self.hours.iter().flat_map(|own| &own.1).sum::<f64>() * HOUR_S
    }
}

/// The cheapest set of hours to give way in: bill and curtailment together.
#[must_use]
pub fn plan(before: &Before<'_>) -> Shaving {
    let mut tried: Vec<(usize, Vec<f64>)> = Vec::new();
    let mut now = billed(before, &tried);
    let (mut best, mut least_usd) = (Vec::new(), now.total_usd());
    for _ in 0..MOST_ROUNDS {
        let peaks: Vec<usize> = now.capacity_hours.iter().copied().chain([now.transmission_hour]).collect();
        let fresh: Vec<usize> = peaks.into_iter().filter(|hour| tried.iter().all(|own| own.0 != *hour)).collect();
        if fresh.is_empty() {
            break;
        }
        for hour in fresh {
            // Both kinds of peak may name one hour.
            if tried.iter().all(|own| own.0 != hour) {
                tried.push((hour, offered(before, &now, hour)));
            }
        }
        now = billed(before, &tried);
        let all_usd = now.total_usd() + cost_usd(before, &tried);
        if all_usd < least_usd {
            (best, least_usd) = (tried.clone(), all_usd);
        }
    }
    best.retain(|(_, extra_w)| extra_w.iter().any(|extra_w| *extra_w > 0.0));
    best.sort_by_key(|own| own.0);
    Shaving { cost_usd: cost_usd(before, &best), hours: best }
}

/// What each tier gives in a peak hour: all that is left of it where it costs less than a joule is worth there.
///
/// worth = (capacity price x obligation per load x days / peaks [in a capacity peak] + transmission price x days / 365
/// [in the zone's peak]) / 3600 s + price of energy.
fn offered(before: &Before<'_>, now: &Bill, hour: usize) -> Vec<f64> {
    let (tariff, metered) = (before.tariff, &before.metered);
    let days = metered.campus_w.len() as f64 / 24.0;
    let mut per_w = 0.0;
    if now.capacity_hours.contains(&hour) {
        per_w += tariff.capacity_usd_per_w_day * tariff.capacity_per_load * days / now.capacity_hours.len() as f64;
    }
    if now.transmission_hour == hour {
        per_w += tariff.transmission_usd_per_w_year * days / 365.0;
    }
    let worth = per_w / HOUR_S + tariff.energy_usd_per_j.unwrap_or(metered.price_usd_per_j[hour]);
    let each = |(tier, (most_w, price)): (usize, &(f64, f64))| {
        let left_w = (most_w - before.used_w[hour * before.tiers.len() + tier]).max(0.0);
        if *price < worth { left_w } else { 0.0 }
    };
    before.tiers.iter().enumerate().map(each).collect()
}

/// The bill with these hours shaved.
fn billed(before: &Before<'_>, shaved: &[(usize, Vec<f64>)]) -> Bill {
    let metered = &before.metered;
    let (mut campus_w, mut system_w, mut zone_w) =
        (metered.campus_w.to_vec(), metered.system_w.to_vec(), metered.zone_w.to_vec());
    for (hour, extra_w) in shaved {
        let less_w: f64 = extra_w.iter().sum();
        campus_w[*hour] -= less_w;
        zone_w[*hour] -= less_w;
        if before.in_area {
            system_w[*hour] -= less_w;
        }
    }
    bill(before.tariff, &Metered { campus_w: &campus_w, system_w: &system_w, zone_w: &zone_w, ..*metered })
}

fn cost_usd(before: &Before<'_>, shaved: &[(usize, Vec<f64>)]) -> f64 {
    let of = |extra_w: &Vec<f64>| -> f64 {
        extra_w.iter().zip(before.tiers).map(|(extra_w, tier)| extra_w * HOUR_S * tier.1).sum()
    };
    shaved.iter().map(|own| of(&own.1)).sum()
}

/// The problem in which these megawatts are given up already: less load, and less left of the tiers.
#[must_use]
pub fn given_up(problem: &Problem, placed: &Placed, shaving: &Shaving) -> Problem {
    let mut problem = problem.clone();
    let zones = problem.zones.name.len();
    for (hour, _) in &shaving.hours {
        problem.zones.load_w[hour * zones + placed.zone] -= shaving.extra_w(*hour);
    }
    for (tier, unit) in placed.units.clone().enumerate() {
        let capacity_w = problem.units.capacity_w[unit];
        if capacity_w <= 0.0 {
            continue;
        }
        let mut share: Vec<f64> = match problem.units.profile[unit] {
            Some(profile) => problem.profiles[profile].clone(),
            None => vec![1.0; problem.hours],
        };
        for (hour, extra_w) in &shaving.hours {
            share[*hour] = (share[*hour] - extra_w[tier] / capacity_w).max(0.0);
        }
        problem.profiles.push(share);
        problem.units.profile[unit] = Some(problem.profiles.len() - 1);
    }
    problem
}

/// The answer of the problem in which megawatts were given up, as one of the problem in which they were not: the tiers'
/// output is what was given up, at its price. Its bound is that of every dispatch in which they are given up.
#[must_use]
pub fn put_back(problem: &Problem, answer: &Dispatch, shaved: &[(Placed, Shaving)]) -> Dispatch {
    let mut whole = answer.clone();
    let units = problem.units.name.len();
    let mut cost_usd = 0.0;
    for (placed, shaving) in shaved {
        for (hour, extra_w) in &shaving.hours {
            for (unit, extra_w) in placed.units.clone().zip(extra_w) {
                whole.generation_w[hour * units + unit] += extra_w;
            }
        }
        cost_usd += shaving.cost_usd;
    }
    let own = judge(problem, &whole);
    let (cost, bound_usd) = (answer.quality.cost_usd + cost_usd, answer.quality.bound_usd + cost_usd);
    let gap = (cost - bound_usd).abs() / cost.abs().max(0.01);
    whole.quality = Quality { cost_usd: cost, bound_usd, gap, iterations: answer.quality.iterations, ..own };
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_units::{Span, Utc};

    const EST: Span = Span::secs(-5 * 3600);
    const HOURS: usize = 8760;

    /// A year with five summer peaks and a winter peak of the zone; a campus of 500 MW.
    fn loads() -> (Utc, Vec<f64>, Vec<f64>) {
        let start = Utc::parse("2026-01-01T00:00:00-05:00").expect("valid");
        let mut system_w = vec![100e9; HOURS];
        for (day, height) in [(190, 150e9), (191, 149e9), (200, 148e9), (210, 147e9), (230, 146e9)] {
            system_w[day * 24 + 17] = height;
        }
        let mut zone_w = vec![10e9; HOURS];
        zone_w[20 * 24 + 8] = 15e9;
        (start, system_w, zone_w)
    }

    fn planned(
        tariff: &Tariff,
        tiers: &[(f64, f64)],
        system_w: &[f64],
        zone_w: &[f64],
        start: Utc,
    ) -> (Shaving, f64, f64) {
        let (campus_w, price) = (vec![500e6; HOURS], vec![40.0 / 3.6e9; HOURS]);
        let metered = Metered { start, offset: EST, campus_w: &campus_w, price_usd_per_j: &price, system_w, zone_w };
        let used_w = vec![0.0; HOURS * tiers.len()];
        let before = Before { tariff, metered, in_area: true, tiers, used_w: &used_w };
        let shaving = plan(&before);
        let usd = (billed(&before, &[]).total_usd(), billed(&before, &shaving.hours).total_usd() + shaving.cost_usd);
        (shaving, usd.0, usd.1)
    }

    fn tariff() -> Tariff {
        Tariff {
            energy_usd_per_j: None,
            capacity_usd_per_w_day: 329.17 / 1e6,
            capacity_per_load: 0.917,
            transmission_usd_per_w_year: 60_000.0 / 1e6,
            demand_usd_per_w_month: 0.0,
        }
    }

    #[test]
    fn peaks_are_shaved_by_hand_where_a_tier_costs_less_than_a_peak_is_worth() {
        let (start, system_w, zone_w) = loads();
        // A capacity peak is worth 329.17 x 0.917 x 365 / 5 = 22,035 $/MWh, the zone's 60,000 $/MWh; energy 40.
        let tiers = [(100e6, 500.0 / 3.6e9), (100e6, 22_100.0 / 3.6e9), (100e6, 70_000.0 / 3.6e9)];
        let (shaving, before_usd, after_usd) = planned(&tariff(), &tiers, &system_w, &zone_w, start);
        assert_eq!(shaving.hours.len(), 6);
        assert_eq!(shaving.hours[0], (20 * 24 + 8, vec![100e6, 100e6, 0.0]), "the second tier pays at the zone's peak");
        assert!(shaving.hours[1..].iter().all(|own| own.1 == [100e6, 0.0, 0.0]), "{shaving:?}");
        let saved = 100.0 * 329.17 * 0.917 * 365.0 + 200.0 * 60_000.0 + 40.0 * 700.0;
        let paid = 600.0 * 500.0 + 100.0 * 22_100.0;
        assert!(
            (before_usd - after_usd - (saved - paid)).abs() < 1e-3,
            "{} for {}",
            before_usd - after_usd,
            saved - paid
        );
    }

    #[test]
    fn an_hour_that_takes_the_place_of_a_peak_is_shaved_too_and_a_hopeless_chase_is_given_up() {
        let (start, mut system_w, zone_w) = loads();
        // Beside the first peak an hour that is 60 MW lower: shaving 100 MW makes it the peak.
        system_w[190 * 24 + 18] = 150e9 - 60e6;
        let cheap = [(100e6, 500.0 / 3.6e9)];
        let (shaving, ..) = planned(&tariff(), &cheap, &system_w, &zone_w, start);
        let hours: Vec<usize> = shaving.hours.iter().map(|own| own.0).collect();
        assert!(hours.contains(&(190 * 24 + 17)) && hours.contains(&(190 * 24 + 18)), "{hours:?}");
        // A flat system: whatever is shaved, another hour stands as high; nothing is gained and nothing is bought.
        let flat_w = vec![100e9; HOURS];
        let none = Tariff { transmission_usd_per_w_year: 0.0, ..tariff() };
        let dear = [(100e6, 21_000.0 / 3.6e9)];
        let (shaving, before_usd, after_usd) = planned(&none, &dear, &flat_w, &flat_w, start);
        assert_eq!((shaving.hours.len(), after_usd), (0, before_usd), "hours bought for nothing");
    }
}
