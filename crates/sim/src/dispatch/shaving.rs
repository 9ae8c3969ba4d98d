//! A campus that looks at its own bill: curtailment bought in the hours whose load sets its capacity and transmission charges.
//!
//! A second pass over a dispatch. Hours near the area's five peaks and near the zone's give way together (`search`), by whole
//! tiers; of all sets of hours that were tried the one of the least bill and curtailment together is kept. Every set of tiers
//! is searched by itself, so that one more tier never makes the answer worse.
//!
//! Not modelled: peaks that must be forecast (foresight is perfect here, so the saving is an upper estimate), part of a tier,
//! demand charges of months, the value of a peak beyond the hours that are billed; more than the first `MOST_TIERS` tiers.

mod search;

use super::Placed;
use search::Field;
use tieline_grid::bill::{Bill, Metered, Tariff, bill};
use tieline_grid::dispatch::{Dispatch, Problem, Quality, judge};

const HOUR_S: f64 = 3600.0;
/// Tiers that are looked at, the first of the file.
const MOST_TIERS: usize = 6;

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
    /// Sets of hours and tiers that were tried.
    pub tried: u64,
}

impl Before<'_> {
    /// What is left of a tier in an hour, W.
    fn left_w(&self, hour: usize, tier: usize) -> f64 {
        (self.tiers[tier].0 - self.used_w[hour * self.tiers.len() + tier]).max(0.0)
    }
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

/// The cheapest set of hours to give way in that was found: bill and curtailment together. Never worse than none, nor than
/// with fewer tiers.
#[must_use]
pub fn plan(before: &Before<'_>) -> Shaving {
    let count = before.tiers.len().min(MOST_TIERS);
    let mut best = Shaving::default();
    let mut least_usd = billed(before, &[]).total_usd();
    let mut tried = 0;
    for mask in 1..1_u64 << count {
        let tiers: Vec<usize> = (0..count).filter(|tier| mask >> tier & 1 == 1).collect();
        let mut field = Field::new(before, &tiers);
        let found = field.cheapest();
        tried += field.tried;
        let hours = whole(before, &found);
        let own_usd = cost_usd(before, &hours);
        let all_usd = billed(before, &hours).total_usd() + own_usd;
        if all_usd < least_usd {
            (best, least_usd) = (Shaving { hours, cost_usd: own_usd, tried: 0 }, all_usd);
        }
    }
    Shaving { tried, ..best }
}

/// Hours and tiers, as bits, in watts.
fn whole(before: &Before<'_>, found: &[(usize, u64)]) -> Vec<(usize, Vec<f64>)> {
    let of = |hour: usize, mask: u64, tier: usize| if mask >> tier & 1 == 1 { before.left_w(hour, tier) } else { 0.0 };
    let each = |(hour, mask): &(usize, u64)| {
        (*hour, (0..before.tiers.len()).map(|tier| of(*hour, *mask, tier)).collect::<Vec<f64>>())
    };
    found.iter().map(each).filter(|own| own.1.iter().any(|extra_w| *extra_w > 0.0)).collect()
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

    #[test]
    fn hours_near_the_peak_are_shaved_together_and_a_dear_tier_beside_it_changes_nothing() {
        // Six hours within 60 MW of the zone's peak; a tier of 60 MW at 900 $/MWh, transmission at 70,000 $/MW.
        let (start, system_w, _) = loads();
        let mut zone_w = vec![5e9; HOURS];
        for (place, hour) in [17, 41, 42, 300, 4000, 8000].into_iter().enumerate() {
            zone_w[hour] = 6e9 - 10e6 * place as f64;
        }
        let tariff = Tariff { capacity_usd_per_w_day: 0.0, transmission_usd_per_w_year: 0.07, ..tariff() };
        let one = [(60e6, 900.0 / 3.6e9)];
        let (shaving, before_usd, after_usd) = planned(&tariff, &one, &system_w, &zone_w, start);
        assert_eq!(shaving.hours.len(), 6, "{:?}", shaving.hours);
        let saved = 60.0 * 70_000.0 - 6.0 * 60.0 * (900.0 - 40.0);
        assert!((before_usd - after_usd - saved).abs() < 1e-2, "{} for {saved}", before_usd - after_usd);
        for price in [5000.0, 15_000.0] {
            let two = [one[0], (180e6, price / 3.6e9)];
            let (.., both_usd) = planned(&tariff, &two, &system_w, &zone_w, start);
            assert!(both_usd <= after_usd + 1e-3, "{both_usd} with a tier more, {after_usd} without");
        }
    }

    /// Numbers in 0 to 1, the same in each run.
    fn numbers(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// A small random case: loads in a narrow band around a peak, prices at which some hours pay and some do not.
    struct Small {
        tariff: Tariff,
        start: Utc,
        series: [Vec<f64>; 4],
        tiers: Vec<(f64, f64)>,
        used_w: Vec<f64>,
    }

    impl Small {
        fn drawn(seed: u64, hours: usize, start: &str) -> Self {
            let mut number = numbers(seed);
            let (start, days) = (Utc::parse(start).expect("valid"), hours as f64 / 24.0);
            let tariff = Tariff {
                energy_usd_per_j: None,
                capacity_usd_per_w_day: number() * 15_000e-6 / days,
                capacity_per_load: 0.9,
                transmission_usd_per_w_year: number() * 15_000e-6 * 365.0 / days,
                demand_usd_per_w_month: 0.0,
            };
            let mut band = |least: f64, width: f64| (0..hours).map(|_| least + width * number()).collect::<Vec<f64>>();
            let series = [vec![300e6; hours], band(20.0 / 3.6e9, 30.0 / 3.6e9), band(10e9, 150e6), band(2e9, 150e6)];
            let tiers: Vec<(f64, f64)> =
                (0..3).map(|_| (20e6 + 60e6 * number(), (100.0 + 3000.0 * number()) / 3.6e9)).collect();
            let used_w = (0..hours * 3).map(|place| if number() < 0.2 { tiers[place % 3].0 * number() } else { 0.0 });
            Self { tariff, start, series, used_w: used_w.collect(), tiers }
        }

        /// With these tiers: plan, bill and curtailment together after it, and before it.
        fn with<T>(&self, tiers: &[usize], then: impl FnOnce(&Before<'_>) -> T) -> T {
            let [campus_w, price, system_w, zone_w] = &self.series;
            let metered =
                Metered { start: self.start, offset: EST, campus_w, price_usd_per_j: price, system_w, zone_w };
            let own: Vec<(f64, f64)> = tiers.iter().map(|tier| self.tiers[*tier]).collect();
            let used_w: Vec<f64> = (0..campus_w.len())
                .flat_map(|hour| tiers.iter().map(move |tier| self.used_w[hour * 3 + tier]))
                .collect();
            then(&Before { tariff: &self.tariff, metered, in_area: true, tiers: &own, used_w: &used_w })
        }
    }

    fn total_usd(before: &Before<'_>) -> f64 {
        let shaving = plan(before);
        billed(before, &shaving.hours).total_usd() + shaving.cost_usd
    }

    #[test]
    fn a_tier_more_never_makes_the_answer_worse() {
        let mut better = 0;
        for seed in 0..100 {
            let small = Small::drawn(seed, 72, "2026-07-01T00:00:00-05:00");
            let none = small.with(&[0], |before| billed(before, &[]).total_usd());
            let mut last = none;
            for tiers in [&[1][..], &[1, 2], &[0, 1, 2]] {
                let usd = small.with(tiers, total_usd);
                assert!(usd <= last + 1e-6, "seed {seed}: {usd} with {tiers:?}, {last} with one less");
                better += usize::from(usd < last - 1.0);
                last = usd;
            }
        }
        assert!(better > 60, "cases in which nothing pays test nothing: {better}");
    }

    #[test]
    fn the_search_against_every_set_of_eight_hours_and_two_tiers() {
        let (mut missed, mut gained, mut most, mut lost) = (0, 0, 0.0_f64, (0.0, 0.0));
        for seed in 1000..1300 {
            // Four hours of each of two days.
            let small = Small::drawn(seed, 8, "2026-07-01T20:00:00-05:00");
            let (none, found, least) = small.with(&[0, 1], |before| {
                let mut all = Field::whole(before, &[0, 1]);
                let (least, sets) = all.cheapest_of_all_usd();
                assert_eq!(sets, 4_usize.pow(8));
                let found = plan(before);
                let bits = |own: &(usize, Vec<f64>)| {
                    let taken = own.1.iter().enumerate().filter(|(_, extra_w)| **extra_w > 0.0);
                    (own.0, taken.fold(0, |mask, (tier, _)| mask | 1 << tier))
                };
                let bits: Vec<(usize, u64)> = found.hours.iter().map(bits).collect();
                let (none, own) = (all.cost_of_usd(&[]), all.cost_of_usd(&bits));
                // The quick sum and the bill agree.
                let exact = billed(before, &found.hours).total_usd() + found.cost_usd - billed(before, &[]).total_usd();
                assert!((own - none - exact).abs() < 1e-3, "{} for {exact}", own - none);
                (none, own, least)
            });
            let share = if none - least > 1.0 { (found - least) / (none - least) } else { 0.0 };
            gained += usize::from(none - least > 1.0);
            missed += usize::from(share > 1e-9);
            most = most.max(share);
            lost = (lost.0 + found - least, lost.1 + none - least);
        }
        println!("of 300 cases {gained} pay; {missed} are missed, by at most {:.2} % of the saving", 100.0 * most);
        println!("of all savings together {:.4} % are missed", 100.0 * lost.0 / lost.1);
        // What was measured; a search that looks at less fails.
        assert!(gained > 200 && missed <= 2, "{gained} pay, {missed} missed, by {most}");
        assert!(lost.0 < 1e-3 * lost.1, "{} of {} $ missed", lost.0, lost.1);
    }
}
