//! The search for hours to give way in: which tiers to take in which hours near the peaks, so that bill and curtailment are least.
//!
//! Hours near a peak must give way together, since the next one becomes the peak. It is told which hour shall stand highest
//! and how far it gives way; every other hour takes the cheapest tiers that keep it below or give as much: for the zone's
//! peak and for the system's five. For the five also the highest hours of summer give way alike, for every count of them.
//! Each of the one goes with each of the other, and the best are then bettered hour by hour while the sum falls.
//!
//! Not modelled: part of a tier; more than `MOST_HOURS` hours at each kind of peak; demand charges; a tier cheaper than the
//! energy that it spares counts as free, not as a gain (it would pay in every hour, which is no matter of peaks).

use super::{Before, HOUR_S};
use tieline_grid::bill::{PEAK_DAYS, month_of};
use tieline_units::Span;

/// Hours that may give way for one kind of peak.
const MOST_HOURS: usize = 300;
/// Hours of which one shall stand highest in the zone.
const TOPS: usize = 8;
/// Starts that are bettered hour by hour.
const STARTS: usize = 8;
/// Rounds of that.
const ROUNDS: usize = 20;
/// Hours times choices up to which two hours are changed at a time, and more starts are bettered.
const PAIRS: usize = 160;
/// Less than this is no gain, $.
const LEAST_USD: f64 = 1e-6;

/// An hour that may be a peak.
struct Hour {
    index: usize,
    /// Summer day, where it is one.
    day: Option<i64>,
    campus_w: f64,
    system_w: f64,
    zone_w: f64,
    /// What each choice gives, W, and costs beyond the energy spared, $; only the first where it may not give way.
    choices: Vec<(f64, f64)>,
}

/// The hours that may be peaks, in order, and what a watt in them is worth.
pub(super) struct Field {
    hours: Vec<Hour>,
    /// Tiers of each choice, as bits; the first is none.
    masks: Vec<u64>,
    /// Choices that take the cheapest tiers first, least to most.
    prefixes: Vec<usize>,
    /// Those that may give way, by the load of the zone and of the system, highest first.
    by_zone: Vec<usize>,
    by_system: Vec<usize>,
    capacity_usd_per_w: f64,
    transmission_usd_per_w: f64,
    in_area: bool,
    /// Sets of hours looked at.
    pub tried: u64,
}

/// A choice for each hour of the field.
type Plan = Vec<usize>;

impl Field {
    /// The hours within reach of the peaks for these tiers.
    pub(super) fn new(before: &Before<'_>, tiers: &[usize]) -> Self {
        let (metered, tariff) = (&before.metered, before.tariff);
        let count = metered.campus_w.len();
        let days = count as f64 / 24.0;
        let day = |hour: usize| {
            let (day, _) = (metered.start + Span::secs(3600 * hour as i64)).day_and_hour(metered.offset);
            (6..=9).contains(&month_of(day)).then_some(day)
        };
        let days_of: Vec<Option<i64>> = (0..count).map(day).collect();
        let depth_w: f64 = tiers.iter().map(|tier| before.tiers[*tier].0).sum();
        let by_zone = if tariff.transmission_usd_per_w_year > 0.0 {
            near(metered.zone_w, &(0..count).collect::<Vec<_>>(), 1, depth_w, |hour| hour as i64)
        } else {
            Vec::new()
        };
        let summer: Vec<usize> = (0..count).filter(|hour| days_of[*hour].is_some()).collect();
        let by_system = if tariff.capacity_usd_per_w_day * tariff.capacity_per_load > 0.0 {
            let reach_w = if before.in_area { depth_w } else { 0.0 };
            near(metered.system_w, &summer, PEAK_DAYS, reach_w, |hour| days_of[hour].unwrap_or(0))
        } else {
            Vec::new()
        };
        let mut gives = vec![false; count];
        by_zone.iter().chain(&by_system).for_each(|hour| gives[*hour] = true);
        let mut kept = gives.clone();
        // Of those that may not give way only the highest can be a peak: of all for the zone, of each day for the system.
        let highest = |load_w: &[f64], best: Option<usize>, hour: usize| match best {
            Some(best) if load_w[best] >= load_w[hour] => Some(best),
            _ => Some(hour),
        };
        let rest: Vec<usize> = (0..count).filter(|hour| !gives[*hour]).collect();
        let zone_rest = rest.iter().fold(None, |best, hour| highest(metered.zone_w, best, *hour));
        zone_rest.into_iter().for_each(|hour| kept[hour] = true);
        let summer_rest: Vec<usize> = rest.into_iter().filter(|hour| days_of[*hour].is_some()).collect();
        for same in summer_rest.chunk_by(|a, b| days_of[*a] == days_of[*b]) {
            same.iter()
                .fold(None, |best, hour| highest(metered.system_w, best, *hour))
                .into_iter()
                .for_each(|hour| kept[hour] = true);
        }
        let mut masks: Vec<u64> = (0..1_u64 << tiers.len()).collect();
        masks.iter_mut().for_each(|mask| *mask = spread(*mask, tiers));
        let choices = |hour: usize| -> Vec<(f64, f64)> {
            let wanted = if gives[hour] { &masks[..] } else { &masks[..1] };
            wanted.iter().map(|mask| choice(before, hour, *mask)).collect()
        };
        let each = |hour: usize| Hour {
            index: hour,
            day: days_of[hour],
            campus_w: metered.campus_w[hour],
            system_w: metered.system_w[hour],
            zone_w: metered.zone_w[hour],
            choices: choices(hour),
        };
        let hours: Vec<Hour> = (0..count).filter(|hour| kept[*hour]).map(each).collect();
        let place = |hour: &usize| hours.partition_point(|own| own.index < *hour);
        let mut cheapest: Vec<usize> = (0..tiers.len()).collect();
        cheapest.sort_by(|a, b| before.tiers[tiers[*a]].1.total_cmp(&before.tiers[tiers[*b]].1));
        let prefixes = cheapest
            .iter()
            .scan(0, |bits, tier| {
                *bits |= 1 << tier;
                Some(*bits)
            })
            .collect();
        Self {
            by_zone: by_zone.iter().map(place).collect(),
            by_system: by_system.iter().map(place).collect(),
            hours,
            masks,
            prefixes,
            capacity_usd_per_w: tariff.capacity_usd_per_w_day * tariff.capacity_per_load * days,
            transmission_usd_per_w: tariff.transmission_usd_per_w_year * days / 365.0,
            in_area: before.in_area,
            tried: 0,
        }
    }

    /// Capacity, transmission and curtailment of a plan, $, as the bill has them.
    fn cost_usd(&mut self, plan: &[usize]) -> f64 {
        self.tried += 1;
        let (mut paid_usd, mut zone) = (0.0, (f64::NEG_INFINITY, 0.0));
        // Load and draw of the five highest days, highest first, and of the day at hand.
        let mut peaks = [(f64::NEG_INFINITY, 0.0); PEAK_DAYS];
        let mut today: Option<(i64, f64, f64)> = None;
        let close = |peaks: &mut [(f64, f64); PEAK_DAYS], (_, load_w, draw_w): (i64, f64, f64)| {
            // The earlier of two alike stays before the later, as in the bill.
            if let Some(place) = peaks.iter().position(|peak| peak.0 < load_w) {
                peaks[place..].rotate_right(1);
                peaks[place] = (load_w, draw_w);
            }
        };
        for (hour, choice) in self.hours.iter().zip(plan) {
            let (less_w, usd) = hour.choices[*choice];
            paid_usd += usd;
            let draw_w = hour.campus_w - less_w;
            if hour.zone_w - less_w > zone.0 {
                zone = (hour.zone_w - less_w, draw_w);
            }
            let Some(day) = hour.day else { continue };
            let load_w = hour.system_w - if self.in_area { less_w } else { 0.0 };
            match &mut today {
                Some(own) if own.0 == day => {
                    if load_w > own.1 {
                        (own.1, own.2) = (load_w, draw_w);
                    }
                }
                _ => {
                    today.take().into_iter().for_each(|own| close(&mut peaks, own));
                    today = Some((day, load_w, draw_w));
                }
            }
        }
        today.into_iter().for_each(|own| close(&mut peaks, own));
        let found = peaks.iter().filter(|peak| peak.0 > f64::NEG_INFINITY);
        let (count, sum_w) = found.fold((0.0, 0.0), |(count, sum_w), peak| (count + 1.0, sum_w + peak.1));
        let mean_w = if count > 0.0 { sum_w / count } else { 0.0 };
        paid_usd + mean_w * self.capacity_usd_per_w + zone.1 * self.transmission_usd_per_w
    }

    /// Plans in which one of these hours gives so much, and every other in the list takes the cheapest tiers that keep it below
    /// or give as much; and the plan of doing nothing.
    fn kept_below(&self, hours: &[usize], tops: usize, load_w: impl Fn(&Hour) -> f64, moves: bool) -> Vec<Plan> {
        let mut plans = vec![vec![0; self.hours.len()]];
        for top in hours.iter().take(tops) {
            for own in &self.prefixes {
                let own_w = self.hours[*top].choices[*own].0;
                let after = |hour: usize, choice: usize| {
                    let less_w = if moves { self.hours[hour].choices[choice].0 } else { 0.0 };
                    load_w(&self.hours[hour]) - less_w
                };
                let peak_w = after(*top, *own);
                let mut plan = vec![0; self.hours.len()];
                for hour in hours {
                    let choices = &self.hours[*hour].choices;
                    let fits = |choice: &usize| after(*hour, *choice) < peak_w || choices[*choice].0 >= own_w;
                    let fit = (0..choices.len()).filter(fits);
                    plan[*hour] = fit.min_by(|a, b| choices[*a].1.total_cmp(&choices[*b].1)).unwrap_or(*own);
                }
                plan[*top] = *own;
                plans.push(plan);
            }
        }
        plans
    }

    /// The cheapest plan found: hours and, of each, the tiers taken whole, as bits.
    pub(super) fn cheapest(&mut self) -> Vec<(usize, u64)> {
        let mut starts: Vec<(f64, Plan)> = Vec::new();
        let systems = self.kept_below(&self.by_system, MOST_HOURS, |hour| hour.system_w, self.in_area);
        for zone in self.kept_below(&self.by_zone, TOPS, |hour| hour.zone_w, true) {
            let together = |system: &Plan| -> Plan { zone.iter().zip(system).map(|(a, b)| a | b).collect() };
            for system in &systems {
                let plan = together(system);
                starts.push((self.cost_usd(&plan), plan));
            }
            starts.sort_by(|a, b| a.0.total_cmp(&b.0));
            starts.dedup_by(|a, b| a.1 == b.1);
            starts.truncate(STARTS * STARTS);
            starts.push((self.cost_usd(&zone), zone.clone()));
            for own in self.prefixes.clone() {
                let (mut plan, mut best) = (zone.clone(), (f64::INFINITY, 0));
                for (count, hour) in self.by_system.clone().into_iter().enumerate() {
                    plan[hour] |= own;
                    let usd = self.cost_usd(&plan);
                    best = if usd < best.0 { (usd, count + 1) } else { best };
                }
                let mut plan = zone.clone();
                self.by_system[..best.1].iter().for_each(|hour| plan[*hour] |= own);
                starts.push((best.0, plan));
            }
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts.dedup_by(|a, b| a.1 == b.1);
        let moves = self.hours.iter().map(|hour| hour.choices.len()).filter(|count| *count > 1).sum::<usize>();
        starts.truncate(if moves <= PAIRS { STARTS * STARTS } else { STARTS });
        let bettered: Vec<(f64, Plan)> = starts.into_iter().map(|(usd, plan)| self.better(usd, plan)).collect();
        let best = bettered.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|best| best.1).unwrap_or_default();
        let taken = self.hours.iter().zip(&best).filter(|(_, choice)| **choice > 0);
        taken.map(|(hour, choice)| (hour.index, self.masks[*choice])).collect()
    }

    /// Hours changed one by one, and where they are few by twos, while the sum falls.
    fn better(&mut self, usd: f64, plan: Plan) -> (f64, Plan) {
        let open: Vec<usize> = (0..self.hours.len()).filter(|hour| self.hours[*hour].choices.len() > 1).collect();
        let moves: Vec<(usize, usize)> =
            open.iter().flat_map(|hour| (0..self.masks.len()).map(move |choice| (*hour, choice))).collect();
        let (mut usd, mut plan) = (usd, plan);
        for _ in 0..ROUNDS {
            let before_usd = usd;
            for one in &moves {
                self.attempt(&mut usd, &mut plan, &[*one]);
            }
            if usd >= before_usd && moves.len() <= PAIRS {
                for (count, one) in moves.iter().enumerate() {
                    for other in moves[count + 1..].iter().filter(|other| other.0 != one.0) {
                        self.attempt(&mut usd, &mut plan, &[*one, *other]);
                    }
                }
            }
            if usd >= before_usd {
                break;
            }
        }
        (usd, plan)
    }

    /// Takes a change if it pays.
    fn attempt(&mut self, usd: &mut f64, plan: &mut Plan, changes: &[(usize, usize)]) {
        if changes.iter().any(|(hour, choice)| plan[*hour] == *choice) {
            return;
        }
        let before: Vec<usize> =
            changes.iter().map(|(hour, choice)| std::mem::replace(&mut plan[*hour], *choice)).collect();
        let now_usd = self.cost_usd(plan);
        if now_usd < *usd - LEAST_USD {
            *usd = now_usd;
        } else {
            changes.iter().zip(before).for_each(|((hour, _), choice)| plan[*hour] = choice);
        }
    }

    /// A field in which every hour may give way, near a peak or not: for tests.
    #[cfg(test)]
    pub(super) fn whole(before: &Before<'_>, tiers: &[usize]) -> Self {
        let mut field = Self::new(before, tiers);
        let metered = &before.metered;
        let each = |index: usize| Hour {
            index,
            day: Some((metered.start + Span::secs(3600 * index as i64)).day_and_hour(metered.offset).0),
            campus_w: metered.campus_w[index],
            system_w: metered.system_w[index],
            zone_w: metered.zone_w[index],
            choices: field.masks.iter().map(|mask| choice(before, index, *mask)).collect(),
        };
        field.hours = (0..metered.campus_w.len()).map(each).collect();
        field
    }

    /// The cheapest of all plans, by trying each: for tests.
    #[cfg(test)]
    pub(super) fn cheapest_of_all_usd(&mut self) -> (f64, usize) {
        let mut plan = vec![0; self.hours.len()];
        let (mut least_usd, mut count) = (f64::INFINITY, 0);
        loop {
            least_usd = least_usd.min(self.cost_usd(&plan));
            count += 1;
            let Some(next) = (0..plan.len()).find(|hour| plan[*hour] + 1 < self.hours[*hour].choices.len()) else {
                return (least_usd, count);
            };
            plan[..next].fill(0);
            plan[next] += 1;
        }
    }

    /// What the found plan costs in the same terms: for tests.
    #[cfg(test)]
    pub(super) fn cost_of_usd(&mut self, found: &[(usize, u64)]) -> f64 {
        let of = |hour: &Hour| found.iter().find(|own| own.0 == hour.index).map_or(0, |own| own.1);
        let plan: Plan = self
            .hours
            .iter()
            .map(|hour| self.masks.iter().position(|mask| *mask == of(hour)).expect("a choice"))
            .collect();
        self.cost_usd(&plan)
    }
}

/// Hours that can be a peak or keep one from falling: within reach of the last of the highest of so many groups.
fn near(load_w: &[f64], of: &[usize], groups: usize, reach_w: f64, group: impl Fn(usize) -> i64) -> Vec<usize> {
    let mut sorted = of.to_vec();
    sorted.sort_by(|a, b| load_w[*b].total_cmp(&load_w[*a]).then(a.cmp(b)));
    let mut seen: Vec<i64> = Vec::new();
    let mut least_w = f64::NEG_INFINITY;
    for hour in &sorted {
        if seen.len() < groups && !seen.contains(&group(*hour)) {
            seen.push(group(*hour));
            least_w = load_w[*hour] - reach_w;
        }
        if seen.len() == groups {
            break;
        }
    }
    sorted.retain(|hour| load_w[*hour] >= least_w);
    sorted.truncate(MOST_HOURS);
    sorted
}

/// Bits of the tiers in hand, from bits of their places among these.
fn spread(places: u64, tiers: &[usize]) -> u64 {
    let taken = tiers.iter().enumerate().filter(|(place, _)| places >> place & 1 == 1);
    taken.fold(0, |mask, (_, tier)| mask | 1 << tier)
}

/// What these tiers still give in an hour, W, and cost beyond the energy that they spare, $.
fn choice(before: &Before<'_>, hour: usize, mask: u64) -> (f64, f64) {
    let energy = before.tariff.energy_usd_per_j.unwrap_or(before.metered.price_usd_per_j[hour]);
    let taken = (0..before.tiers.len()).filter(|tier| mask >> tier & 1 == 1);
    taken.fold((0.0, 0.0), |(less_w, usd), tier| {
        let left_w = before.left_w(hour, tier);
        (less_w + left_w, usd + left_w * HOUR_S * (before.tiers[tier].1 - energy).max(0.0))
    })
}
