//! The search for hours to give way in, by levels: how far the zone, each day of the system and each month may stand.
//!
//! What a bill charges for is the height of something: of the zone in its highest hour, of the system on its five highest
//! days, of the campus in its highest hour of a month. Say how high each may stand and every hour gives up what stands above
//! it, by the cheapest tiers first and to the megawatt: the hours near a peak together, since the next would be the peak.
//! For a level of the zone the levels of the days are found exactly (`days`): each day is either among the five, at the level
//! that costs least, or kept below the fifth, and the five that save most are taken. The zone's level is tried at every
//! place where a tier or an hour begins or ends, and between the best of them; then each month's, given the others, until
//! nothing falls. Months go one after the other with the rest, so that of tariffs with all three charges the best is not
//! certain.
//!
//! Not modelled: more than `MOST_HOURS` hours at each kind of peak; a tier cheaper than the energy that it spares counts as
//! free, not as a gain (it would pay in every hour, which is no matter of peaks).

mod days;
#[cfg(test)]
mod grid;

use super::{Before, HOUR_S};
use tieline_grid::bill::{PEAK_DAYS, days_of, month_of};
use tieline_units::Span;

/// Hours that may give way for one kind of peak.
const MOST_HOURS: usize = 300;
/// Levels of the zone that are tried, evenly among more; the gaps between the best are searched besides.
const MOST_LEVELS: usize = 400;
/// The best of them, and steps of the search beside each.
const BEST: usize = 4;
const STEPS: usize = 30;
/// Hours of which one is to be the zone's peak at a level.
const TOPS: usize = 4;
/// Rounds of zone and days, then months.
const ROUNDS: usize = 4;
/// Hours up to which each height of a month is tried with all else anew.
const FEW_HOURS: usize = 64;
/// By so much an hour is kept below the one that is to be the peak, W: who ties may be billed instead.
const MARGIN_W: f64 = 1e3;
/// Less than this is no gain, $.
const LEAST_USD: f64 = 1e-6;

/// An hour that may be a peak.
struct Hour {
    index: usize,
    /// Of `Field::days`, where it is of summer.
    day: Option<usize>,
    campus_w: f64,
    system_w: f64,
    zone_w: f64,
    /// Where each tier ends, cheapest first: W given up and $ paid until there, beyond the energy spared.
    ends: Vec<(f64, f64)>,
}

impl Hour {
    /// All that it can give up, W.
    fn depth_w(&self) -> f64 {
        self.ends.last().map_or(0.0, |end| end.0)
    }

    /// What giving up so much costs, $; convex, since the cheapest tiers go first.
    fn usd(&self, cut_w: f64) -> f64 {
        let mut from = (0.0, 0.0);
        for end in &self.ends {
            if cut_w <= end.0 {
                return from.1 + (end.1 - from.1) * (cut_w - from.0) / (end.0 - from.0);
            }
            from = *end;
        }
        from.1
    }
}

/// The hours that may be peaks, in order, and what a watt in them is worth.
pub(super) struct Field {
    hours: Vec<Hour>,
    /// Places of the hours of each summer day, and of each month, with what a watt of its greatest hour costs, $.
    days: Vec<Vec<usize>>,
    months: Vec<(Vec<usize>, f64)>,
    /// Those near the zone's peak.
    by_zone: Vec<usize>,
    /// Days that are billed, and what a watt in the peak of one costs, $.
    billed: usize,
    day_usd_per_w: f64,
    zone_usd_per_w: f64,
    in_area: bool,
    /// An hour that the days may take no lower, since it is to stay the zone's peak.
    held: Option<usize>,
    /// Sets of levels looked at.
    pub tried: u64,
}

/// Cost, $, what each hour gives up, W, and the months' levels, W.
type Settled = (f64, Vec<f64>, Vec<f64>);

/// How high things may stand, W; infinite where nothing is asked. One hour of each is to be its peak, the others stay below.
#[derive(Clone)]
struct Levels {
    zone: (f64, Option<usize>),
    days: Vec<(f64, Option<usize>)>,
    months_w: Vec<f64>,
}

impl Field {
    /// The hours within reach of the peaks.
    pub(super) fn new(before: &Before<'_>) -> Self {
        let (metered, tariff) = (&before.metered, before.tariff);
        let count = metered.campus_w.len();
        let calendar = Calendar::new(before);
        let depth_w: f64 = before.tiers.iter().map(|tier| tier.0).sum();
        let transmission = tariff.transmission_usd_per_w_year > 0.0;
        let all: Vec<usize> = if transmission { (0..count).collect() } else { Vec::new() };
        let by_zone = near(metered.zone_w, &all, 1, depth_w, |hour| hour as i64);
        let capacity = tariff.capacity_usd_per_w_day * tariff.capacity_per_load > 0.0;
        let summer: Vec<usize> = (0..count).filter(|hour| capacity && calendar.summer_day[*hour].is_some()).collect();
        let reach_w = if before.in_area { depth_w } else { 0.0 };
        let by_system =
            near(metered.system_w, &summer, PEAK_DAYS, reach_w, |hour| calendar.summer_day[hour].unwrap_or(0));
        let mut gives = vec![tariff.demand_usd_per_w_month > 0.0; count];
        by_zone.iter().chain(&by_system).for_each(|hour| gives[*hour] = true);
        let kept = kept(before, &calendar, &gives);
        let merit = before.merit();
        let mut days: Vec<Vec<usize>> = Vec::new();
        let mut months: Vec<(Vec<usize>, f64)> =
            calendar.months.iter().map(|month| (Vec::new(), month.1 * tariff.demand_usd_per_w_month)).collect();
        let mut hours: Vec<Hour> = Vec::new();
        let mut last_day = None;
        for index in (0..count).filter(|hour| kept[*hour]) {
            let day = calendar.summer_day[index].filter(|_| capacity);
            if let Some(day) = day {
                if last_day != Some(day) {
                    days.push(Vec::new());
                }
                last_day = Some(day);
                days.last_mut().into_iter().for_each(|day| day.push(hours.len()));
            }
            months[calendar.month[index]].0.push(hours.len());
            hours.push(Hour {
                index,
                day: day.map(|_| days.len() - 1),
                campus_w: metered.campus_w[index],
                system_w: metered.system_w[index],
                zone_w: metered.zone_w[index],
                ends: if gives[index] { ends(before, &merit, index) } else { Vec::new() },
            });
        }
        let billed = days.len().min(PEAK_DAYS);
        let year_days = count as f64 / 24.0;
        let capacity_usd_per_w = tariff.capacity_usd_per_w_day * tariff.capacity_per_load * year_days;
        Self {
            by_zone: by_zone.iter().map(|hour| hours.partition_point(|own| own.index < *hour)).collect(),
            hours,
            billed,
            day_usd_per_w: if billed > 0 { capacity_usd_per_w / billed as f64 } else { 0.0 },
            zone_usd_per_w: tariff.transmission_usd_per_w_year * year_days / 365.0,
            days,
            months,
            in_area: before.in_area,
            held: None,
            tried: 0,
        }
    }

    /// The cheapest plan found: hours and what each gives up, W.
    pub(super) fn cheapest(&mut self) -> Vec<(usize, f64)> {
        let none = vec![f64::INFINITY; self.months.len()];
        let mut starts = vec![none];
        if self.months.iter().any(|month| month.1 > 0.0) {
            // Giving way all month may pay only together with the peaks: begin from there too.
            let most = self.hours.iter().map(|hour| hour.ends.len()).max().unwrap_or(0);
            starts.extend((0..most).map(|tier| self.months_down_to(tier)));
        }
        let mut best = (f64::INFINITY, Vec::new(), Vec::new());
        for months_w in starts {
            let found = self.settled(months_w);
            best = if found.0 < best.0 - LEAST_USD { found } else { best };
        }
        if self.hours.len() <= FEW_HOURS {
            best = self.month_by_month(best);
        }
        let mut cut_w = best.1;
        self.without_idle(&mut cut_w, best.0);
        self.hours
            .iter()
            .zip(cut_w)
            .filter(|(_, cut_w)| *cut_w > 0.0)
            .map(|(hour, cut_w)| (hour.index, cut_w))
            .collect()
    }

    /// Zone and days, then months, and again while the sum falls.
    fn settled(&mut self, months_w: Vec<f64>) -> Settled {
        let mut best = (f64::INFINITY, Vec::new(), Vec::new());
        let mut months_w = months_w;
        for _ in 0..ROUNDS {
            let (_, mut levels) = self.zone_and_days(&months_w);
            levels.months_w = self.months_given(&levels);
            let cut_w = self.cuts_w(&levels);
            let usd = self.cost_usd(&cut_w);
            let falls = usd < best.0 - LEAST_USD;
            if falls {
                best = (usd, cut_w, levels.months_w.clone());
            }
            if !falls || levels.months_w == months_w {
                break;
            }
            months_w = levels.months_w;
        }
        best
    }

    /// Every height of each month with zone and days anew, where hours are few.
    fn month_by_month(&mut self, mut best: Settled) -> Settled {
        for month in 0..self.months.len() {
            if self.months[month].1 <= 0.0 {
                continue;
            }
            let mut levels_w: Vec<f64> = (self.months[month].0.iter())
                .flat_map(|place| {
                    let hour = &self.hours[*place];
                    hour.ends.iter().map(|end| end.0).chain([0.0]).map(|cut_w| hour.campus_w - cut_w)
                })
                .collect();
            levels_w.sort_by(f64::total_cmp);
            levels_w.dedup();
            thin(&mut levels_w, FEW_HOURS);
            for level_w in levels_w {
                let mut months_w = best.2.clone();
                months_w[month] = level_w;
                let found = self.settled(months_w);
                best = if found.0 < best.0 - LEAST_USD { found } else { best };
            }
        }
        best
    }

    /// The best levels of zone and days under those of the months.
    fn zone_and_days(&mut self, months_w: &[f64]) -> (f64, Levels) {
        let open = Levels {
            zone: (f64::INFINITY, None),
            days: vec![(f64::INFINITY, None); self.days.len()],
            months_w: months_w.to_vec(),
        };
        let base_w = self.cuts_w(&open);
        let mut levels_w: Vec<f64> = Vec::new();
        for place in &self.by_zone {
            let hour = &self.hours[*place];
            let begins = std::iter::once(base_w[*place]).chain(hour.ends.iter().map(|end| end.0));
            levels_w.extend(begins.flat_map(|cut_w| [hour.zone_w - cut_w, hour.zone_w - cut_w + MARGIN_W]));
        }
        levels_w.extend(self.beside_days());
        levels_w.sort_by(f64::total_cmp);
        levels_w.dedup();
        thin(&mut levels_w, MOST_LEVELS);
        let mut best = self.under(&open, &base_w, f64::INFINITY);
        let mut each: Vec<(f64, usize)> = Vec::new();
        for (place, level_w) in levels_w.iter().enumerate() {
            let found = self.under(&open, &base_w, *level_w);
            each.push((found.0, place));
            best = if found.0 < best.0 - LEAST_USD { found } else { best };
        }
        each.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, place) in each.into_iter().filter(|each| each.0.is_finite()).take(BEST) {
            for (low, high) in [(place.max(1) - 1, place), (place, (place + 1).min(levels_w.len() - 1))] {
                let found = self.between(&open, &base_w, (levels_w[low], levels_w[high]));
                best = if found.0 < best.0 - LEAST_USD { found } else { best };
            }
        }
        best
    }

    /// Levels of the zone at which one hour gives up for it what it gives up for the system, where another hour of the system's
    /// list ends a tier; none where they are many.
    fn beside_days(&self) -> Vec<f64> {
        let others: Vec<f64> = (self.hours.iter().filter(|hour| hour.day.is_some() && self.in_area))
            .flat_map(|hour| {
                std::iter::once(0.0).chain(hour.ends.iter().map(|end| end.0)).map(|cut_w| hour.system_w - cut_w)
            })
            .collect();
        if self.by_zone.len() * others.len() > MOST_LEVELS {
            return Vec::new();
        }
        let each = |place: &usize| -> Vec<f64> {
            let hour = &self.hours[*place];
            others.iter().map(|level_w| hour.zone_w - (hour.system_w - level_w).clamp(0.0, hour.depth_w())).collect()
        };
        self.by_zone.iter().flat_map(each).collect()
    }

    /// The best level of the zone between two, where the sum falls and then rises.
    fn between(&mut self, open: &Levels, base_w: &[f64], (low_w, high_w): (f64, f64)) -> (f64, Levels) {
        let (mut low_w, mut high_w) = (low_w, high_w);
        let mut best = (f64::INFINITY, open.clone());
        for _ in 0..STEPS {
            if high_w - low_w < MARGIN_W {
                break;
            }
            let third_w = (high_w - low_w) / 3.0;
            let (a, b) = (self.under(open, base_w, low_w + third_w), self.under(open, base_w, high_w - third_w));
            // Too low a level cannot be kept.
            if a.0 < b.0 {
                high_w -= third_w;
            } else {
                low_w += third_w;
            }
            for found in [a, b] {
                best = if found.0 < best.0 { found } else { best };
            }
        }
        best
    }

    /// The zone at a level and the best levels of the days, with what the whole costs; infinite where it cannot be kept.
    fn under(&mut self, open: &Levels, base_w: &[f64], level_w: f64) -> (f64, Levels) {
        if level_w.is_infinite() {
            return self.with_days(open.clone());
        }
        let above = self.by_zone.iter().copied().filter(|place| self.hours[*place].zone_w - base_w[*place] >= level_w);
        let draw_w = |place: &usize| self.hours[*place].campus_w - self.hours[*place].zone_w;
        let mut tops: Vec<usize> = above.collect();
        let too_high = |(place, hour): (usize, &Hour)| hour.zone_w - hour.depth_w().max(base_w[place]) > level_w;
        if self.hours.iter().enumerate().any(too_high) {
            return (f64::INFINITY, open.clone());
        }
        tops.sort_by(|a, b| draw_w(a).total_cmp(&draw_w(b)).then(a.cmp(b)));
        let mut best = (f64::INFINITY, open.clone());
        // The hour that would be billed least stands there; where a day takes it lower another must: try to hold it, and the next.
        for top in tops.into_iter().take(TOPS) {
            let found = self.with_days(Levels { zone: (level_w, Some(top)), ..open.clone() });
            best = if found.0 < best.0 { found.clone() } else { best };
            let hour = &self.hours[top];
            let lower = hour.day.is_some_and(|day| {
                self.in_area && hour.system_w - found.1.days[day].0 > hour.zone_w - level_w + MARGIN_W
            });
            if !lower {
                break;
            }
            self.held = Some(top);
            let found = self.with_days(Levels { zone: (level_w, Some(top)), ..open.clone() });
            self.held = None;
            best = if found.0 < best.0 { found } else { best };
        }
        best
    }

    /// Levels with the best of the days to the rest of them.
    fn with_days(&mut self, levels: Levels) -> (f64, Levels) {
        let base_w = self.cuts_w(&levels);
        let levels = Levels { days: self.days_given(&base_w), ..levels };
        let cut_w = self.cuts_w(&levels);
        (self.cost_usd(&cut_w), levels)
    }

    /// How far an hour can go at most, W.
    fn reach_w(&self, place: usize, base_w: &[f64]) -> f64 {
        if self.held == Some(place) { base_w[place] } else { self.hours[place].depth_w().max(base_w[place]) }
    }

    /// What every hour gives up under these levels, W.
    fn cuts_w(&self, levels: &Levels) -> Vec<f64> {
        let each = |(place, hour): (usize, &Hour)| {
            let above = |load_w: f64, level: (f64, Option<usize>)| load_w - level.0 + margin_w(level.1, place);
            let mut cut_w = above(hour.zone_w, levels.zone).max(0.0);
            if let Some(day) = hour.day {
                // Where the system does not fall with the campus the hour that is told gives up what is told.
                let wanted_w = match levels.days[day] {
                    own if self.in_area => above(hour.system_w, own),
                    (wanted_w, Some(top)) if top == place => wanted_w,
                    _ => 0.0,
                };
                cut_w = cut_w.max(wanted_w);
            }
            cut_w.min(hour.depth_w())
        };
        let mut cuts_w: Vec<f64> = self.hours.iter().enumerate().map(each).collect();
        for ((places, _), level_w) in self.months.iter().zip(&levels.months_w).filter(|own| own.1.is_finite()) {
            for place in places {
                let hour = &self.hours[*place];
                cuts_w[*place] = cuts_w[*place].max((hour.campus_w - level_w).min(hour.depth_w()));
            }
        }
        cuts_w
    }

    /// Tries to spare each hour that gives way: levels that were not reached leave some that do not matter.
    fn without_idle(&mut self, cut_w: &mut [f64], usd: f64) {
        let mut usd = usd;
        for place in 0..cut_w.len() {
            if cut_w[place] > 0.0 {
                let own_w = std::mem::replace(&mut cut_w[place], 0.0);
                let now_usd = self.cost_usd(cut_w);
                if now_usd < usd - LEAST_USD { usd = now_usd } else { cut_w[place] = own_w }
            }
        }
    }

    /// Capacity, transmission, demand and curtailment, $, as the bill has them.
    fn cost_usd(&mut self, cut_w: &[f64]) -> f64 {
        self.tried += 1;
        let mut usd = 0.0;
        let mut zone = (f64::NEG_INFINITY, 0.0);
        for (hour, cut_w) in self.hours.iter().zip(cut_w) {
            usd += hour.usd(*cut_w);
            if hour.zone_w - cut_w > zone.0 {
                zone = (hour.zone_w - cut_w, hour.campus_w - cut_w);
            }
        }
        // Load and draw of the highest days, highest first; the earlier of two alike stays before the later, as in the bill.
        let mut peaks = [(f64::NEG_INFINITY, 0.0); PEAK_DAYS];
        let peaks = &mut peaks[..self.billed];
        for day in &self.days {
            let mut top = (f64::NEG_INFINITY, 0.0);
            for place in day {
                let hour = &self.hours[*place];
                let load_w = hour.system_w - if self.in_area { cut_w[*place] } else { 0.0 };
                if load_w > top.0 {
                    top = (load_w, hour.campus_w - cut_w[*place]);
                }
            }
            if let Some(place) = peaks.iter().position(|peak| peak.0 < top.0) {
                peaks[place..].rotate_right(1);
                peaks[place] = top;
            }
        }
        usd += peaks.iter().map(|peak| peak.1).sum::<f64>() * self.day_usd_per_w + zone.1 * self.zone_usd_per_w;
        for (places, usd_per_w) in self.months.iter().filter(|month| month.1 > 0.0) {
            let draws_w = places.iter().map(|place| self.hours[*place].campus_w - cut_w[*place]);
            usd += usd_per_w * draws_w.fold(f64::NEG_INFINITY, f64::max);
        }
        usd
    }

    /// Every month down to what its hours can all give up of the tiers up to one.
    fn months_down_to(&self, tier: usize) -> Vec<f64> {
        let left_w = |place: &usize| {
            let hour = &self.hours[*place];
            hour.campus_w - hour.ends.get(tier).map_or(hour.depth_w(), |end| end.0)
        };
        self.months.iter().map(|month| month.0.iter().map(left_w).fold(f64::NEG_INFINITY, f64::max)).collect()
    }

    /// The best level of each month, given those of zone and days.
    fn months_given(&self, levels: &Levels) -> Vec<f64> {
        let open = Levels { months_w: vec![f64::INFINITY; self.months.len()], ..levels.clone() };
        let base_w = self.cuts_w(&open);
        let of = |(places, usd_per_w): &(Vec<usize>, f64)| -> f64 {
            if *usd_per_w <= 0.0 {
                return f64::INFINITY;
            }
            let most =
                |draw_w: &dyn Fn(usize) -> f64| places.iter().map(|p| draw_w(*p)).fold(f64::NEG_INFINITY, f64::max);
            let top_w = most(&|place| self.hours[place].campus_w - base_w[place]);
            let least_w = most(&|place| self.hours[place].campus_w - self.hours[place].depth_w());
            let begins = places.iter().flat_map(|place| {
                let hour = &self.hours[*place];
                let ends = hour.ends.iter().map(|end| end.0);
                ends.chain([base_w[*place]]).map(|cut_w| hour.campus_w - cut_w)
            });
            let mut levels_w: Vec<f64> = begins.filter(|level_w| (least_w..top_w).contains(level_w)).collect();
            levels_w.sort_by(f64::total_cmp);
            levels_w.dedup();
            let usd = |level_w: f64| -> f64 {
                let paid = places.iter().map(|place| {
                    let hour = &self.hours[*place];
                    hour.usd((hour.campus_w - level_w).max(base_w[*place])) - hour.usd(base_w[*place])
                });
                level_w.min(top_w) * usd_per_w + paid.sum::<f64>()
            };
            let least = levels_w.into_iter().map(|level_w| (usd(level_w), level_w)).min_by(|a, b| a.0.total_cmp(&b.0));
            least.filter(|least| least.0 < usd(top_w) - LEAST_USD).map_or(f64::INFINITY, |least| least.1)
        };
        self.months.iter().map(of).collect()
    }

    /// What a megawatt-hour not drawn takes off the bill at most, $/J: in the zone's peak, in one of the system's, in the
    /// greatest hour of a month; 0 where there is no such charge.
    pub(super) fn worth_usd_per_j(&self) -> [f64; 3] {
        let month = self.months.iter().map(|month| month.1).fold(0.0, f64::max);
        [self.zone_usd_per_w / HOUR_S, self.day_usd_per_w / HOUR_S, month / HOUR_S]
    }
}

/// Which days and months hours are of.
struct Calendar {
    /// Day of each hour, where it is of June to September.
    summer_day: Vec<Option<i64>>,
    /// Place of each hour's month.
    month: Vec<usize>,
    /// Calendar month, and the part of it that the hours cover.
    months: Vec<(u32, f64)>,
}

impl Calendar {
    fn new(before: &Before<'_>) -> Self {
        let metered = &before.metered;
        let mut own = Self { summer_day: Vec::new(), month: Vec::new(), months: Vec::new() };
        for hour in 0..metered.campus_w.len() {
            let (day, _) = (metered.start + Span::secs(3600 * hour as i64)).day_and_hour(metered.offset);
            let month = month_of(day);
            own.summer_day.push((6..=9).contains(&month).then_some(day));
            if own.months.last().is_none_or(|last| last.0 != month) {
                own.months.push((month, 0.0));
            }
            own.month.push(own.months.len() - 1);
            if let Some(last) = own.months.last_mut() {
                last.1 += 1.0;
            }
        }
        for (month, part) in &mut own.months {
            *part = (*part / (24.0 * days_of(*month))).min(1.0);
        }
        own
    }
}

/// Hours that are looked at: those that may give way, and of the others the highest of all for the zone and of each summer day.
fn kept(before: &Before<'_>, calendar: &Calendar, gives: &[bool]) -> Vec<bool> {
    let metered = &before.metered;
    let mut kept = gives.to_vec();
    let highest = |load_w: &[f64], best: Option<usize>, hour: usize| match best {
        Some(best) if load_w[best] >= load_w[hour] => Some(best),
        _ => Some(hour),
    };
    let rest: Vec<usize> = (0..gives.len()).filter(|hour| !gives[*hour]).collect();
    let zone_rest = rest.iter().fold(None, |best, hour| highest(metered.zone_w, best, *hour));
    zone_rest.into_iter().for_each(|hour| kept[hour] = true);
    let summer: Vec<usize> = rest.into_iter().filter(|hour| calendar.summer_day[*hour].is_some()).collect();
    for same in summer.chunk_by(|a, b| calendar.summer_day[*a] == calendar.summer_day[*b]) {
        let top = same.iter().fold(None, |best, hour| highest(metered.system_w, best, *hour));
        top.into_iter().for_each(|hour| kept[hour] = true);
    }
    kept
}

/// Where the tiers of an hour end, cheapest first.
fn ends(before: &Before<'_>, merit: &[usize], hour: usize) -> Vec<(f64, f64)> {
    let energy = before.tariff.energy_usd_per_j.unwrap_or(before.metered.price_usd_per_j[hour]);
    let mut end = (0.0, 0.0);
    let mut ends = Vec::new();
    for tier in merit {
        let left_w = before.left_w(hour, *tier);
        if left_w > 0.0 {
            end = (end.0 + left_w, end.1 + left_w * HOUR_S * (before.tiers[*tier].1 - energy).max(0.0));
            ends.push(end);
        }
    }
    ends
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

/// What an hour must stay below the peak by; nothing where it is the peak.
fn margin_w(top: Option<usize>, place: usize) -> f64 {
    if top == Some(place) { 0.0 } else { MARGIN_W }
}

/// So many of a sorted list at most, evenly, its ends among them.
fn thin(levels_w: &mut Vec<f64>, most: usize) {
    if levels_w.len() > most {
        let last = levels_w.len() - 1;
        *levels_w = (0..most).map(|place| levels_w[place * last / (most - 1)]).collect();
    }
}
