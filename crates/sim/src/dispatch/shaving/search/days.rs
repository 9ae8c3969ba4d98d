//! The levels of the system's days, given what hours give up already: which days are billed, and at what height.
//!
//! For every height of the fifth day: each other day stays below it at its price, each of the five stands at the height above
//! it that costs least; those whose standing saves most against staying below are the five. Exact, since days share no hours.
//!
//! Not modelled: anything that `search` does not model.

use super::{Field, Hour, MARGIN_W, margin_w};

/// A day: what standing at each height, low to high, costs (draw billed and curtailment), its peak, and its least height.
struct Day {
    standing: Vec<(f64, f64)>,
    /// Least cost from each of them upward: (cost, height).
    above: Vec<(f64, f64)>,
    top_w: f64,
    least_w: f64,
}

impl Field {
    /// A level for each day, with the hour that is to stand there.
    pub(super) fn days_given(&self, base_w: &[f64]) -> Vec<(f64, Option<usize>)> {
        let mut levels = vec![(f64::INFINITY, None); self.days.len()];
        if self.billed == 0 || self.day_usd_per_w <= 0.0 {
            return levels;
        }
        if !self.in_area {
            return self.days_that_stay(base_w);
        }
        let days: Vec<Day> = self.days.iter().map(|places| self.day(places, base_w)).collect();
        // The day that is billed last stands highest of those that are not: any height of any day.
        let mut fifths: Vec<f64> = days.iter().flat_map(|day| day.standing.iter().map(|own| own.0)).collect();
        fifths.extend(days.iter().map(|day| day.top_w + MARGIN_W));
        if self.billed == days.len() {
            fifths = vec![f64::NEG_INFINITY];
        }
        fifths.sort_by(|a, b| b.total_cmp(a));
        fifths.dedup();
        let mut best: (f64, Vec<(f64, usize)>, f64) = (f64::INFINITY, Vec::new(), f64::INFINITY);
        for fifth_w in fifths {
            let Some((usd, standing)) = self.with_fifth(&days, base_w, fifth_w) else { continue };
            if usd < best.0 {
                best = (usd, standing, fifth_w);
            }
        }
        let (_, standing, fifth_w) = best;
        if standing.is_empty() {
            return levels;
        }
        levels.fill((fifth_w, None));
        for (height_w, day) in standing {
            levels[day] = (height_w, self.top(&self.days[day], base_w, height_w).map(|top| top.1));
        }
        levels
    }

    /// The least cost with the last billed day no lower than a height and all others below it, and where the billed stand.
    fn with_fifth(&self, days: &[Day], base_w: &[f64], fifth_w: f64) -> Option<(f64, Vec<(f64, usize)>)> {
        let mut usd = 0.0;
        // What standing costs more than staying below, the height, the day.
        let mut gains: Vec<(f64, f64, usize)> = Vec::new();
        let mut must = 0;
        for (index, (day, places)) in days.iter().zip(&self.days).enumerate() {
            let below_w = fifth_w - MARGIN_W;
            if day.top_w <= below_w {
                continue;
            }
            let stays = day.least_w <= below_w;
            let below_usd = if stays { self.paid_usd(places, base_w, below_w, None) } else { 0.0 };
            if day.top_w < fifth_w {
                // Between the two it cannot be billed; it can stay below or this height is none.
                if !stays {
                    return None;
                }
                usd += below_usd;
                continue;
            }
            let from = day.standing.partition_point(|own| own.0 < fifth_w);
            let (stand_usd, height_w) = *day.above.get(from)?;
            let at_usd = if day.least_w <= fifth_w && fifth_w.is_finite() {
                self.standing_usd(places, base_w, fifth_w)
            } else {
                f64::INFINITY
            };
            let (stand_usd, height_w) = if at_usd < stand_usd { (at_usd, fifth_w) } else { (stand_usd, height_w) };
            usd += below_usd;
            must += usize::from(!stays);
            gains.push((if stays { stand_usd - below_usd } else { f64::NEG_INFINITY }, height_w, index));
            if !stays {
                usd += stand_usd;
            }
        }
        if gains.len() < self.billed || must > self.billed {
            return None;
        }
        gains.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        gains.truncate(self.billed);
        usd += gains.iter().map(|gain| gain.0).filter(|gain| gain.is_finite()).sum::<f64>();
        Some((usd, gains.into_iter().map(|gain| (gain.1, gain.2)).collect()))
    }

    fn day(&self, places: &[usize], base_w: &[f64]) -> Day {
        let left_w = |place: &usize| self.hours[*place].system_w - base_w[*place];
        let least = |place: &usize| self.hours[*place].system_w - self.reach_w(*place, base_w);
        let most = |of: &dyn Fn(&usize) -> f64| places.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (top_w, least_w) = (most(&left_w), most(&least));
        let mut heights: Vec<f64> = Vec::new();
        for place in places {
            let Hour { system_w, ends, .. } = &self.hours[*place];
            heights.push(left_w(place));
            heights.extend(ends.iter().map(|end| system_w - end.0));
        }
        let margins: Vec<f64> = heights.iter().map(|height_w| height_w + MARGIN_W).collect();
        heights.extend(margins);
        heights.retain(|height_w| (least_w..=top_w).contains(height_w));
        heights.sort_by(f64::total_cmp);
        heights.dedup();
        let standing: Vec<(f64, f64)> =
            heights.into_iter().map(|height_w| (height_w, self.standing_usd(places, base_w, height_w))).collect();
        let mut above: Vec<(f64, f64)> = Vec::with_capacity(standing.len());
        let mut best = (f64::INFINITY, f64::INFINITY);
        for (height_w, usd) in standing.iter().rev() {
            best = if *usd < best.0 { (*usd, *height_w) } else { best };
            above.push(best);
        }
        above.reverse();
        Day { standing, above, top_w, least_w }
    }

    /// The hour that draws least of those that would stand at a height, and that draw, W.
    fn top(&self, places: &[usize], base_w: &[f64], height_w: f64) -> Option<(f64, usize)> {
        let high = places.iter().filter(|place| self.hours[**place].system_w - base_w[**place] >= height_w);
        let draw = |place: &usize| {
            let hour = &self.hours[*place];
            (hour.campus_w - (hour.system_w - height_w), *place)
        };
        high.map(draw).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// What a day costs whose peak stands at a height, $; infinite where its other hours cannot stay below.
    fn standing_usd(&self, places: &[usize], base_w: &[f64], height_w: f64) -> f64 {
        let Some((draw_w, top)) = self.top(places, base_w, height_w) else { return f64::INFINITY };
        let lowest_w = |place: usize| self.hours[place].system_w - self.reach_w(place, base_w);
        if places.iter().any(|place| lowest_w(*place) > height_w) {
            return f64::INFINITY;
        }
        // An earlier hour that can go no lower than this ties, and is billed.
        let stuck = places.iter().copied().find(|place| *place < top && lowest_w(*place) >= height_w);
        let draw_w = stuck.map_or(draw_w, |place| self.hours[place].campus_w - self.reach_w(place, base_w));
        draw_w * self.day_usd_per_w + self.paid_usd(places, base_w, height_w, Some(top))
    }

    /// What keeping a day at a height costs beyond what is given up already, $.
    fn paid_usd(&self, places: &[usize], base_w: &[f64], height_w: f64, top: Option<usize>) -> f64 {
        let own = |place: &usize| {
            let (hour, base_w) = (&self.hours[*place], base_w[*place]);
            let margin_w = if top.is_some() { margin_w(top, *place) } else { 0.0 };
            let cut_w = hour.system_w - height_w + margin_w;
            if cut_w > base_w { hour.usd(cut_w) - hour.usd(base_w) } else { 0.0 }
        };
        places.iter().map(own).sum()
    }

    /// Where the system does not fall with the campus: its peaks stay, and each gives up what pays there.
    fn days_that_stay(&self, base_w: &[f64]) -> Vec<(f64, Option<usize>)> {
        let mut levels = vec![(0.0, None); self.days.len()];
        let highest = |best: Option<usize>, place: &usize| match best {
            Some(best) if self.hours[best].system_w >= self.hours[*place].system_w => Some(best),
            _ => Some(*place),
        };
        let tops = self.days.iter().enumerate();
        let mut tops: Vec<(usize, usize)> =
            tops.filter_map(|(day, places)| places.iter().fold(None, highest).map(|top| (top, day))).collect();
        tops.sort_by(|a, b| self.hours[b.0].system_w.total_cmp(&self.hours[a.0].system_w).then(a.0.cmp(&b.0)));
        for (top, day) in tops.into_iter().take(self.billed) {
            let hour = &self.hours[top];
            let mut best = (0.0, base_w[top]);
            for cut_w in hour.ends.iter().map(|end| end.0).filter(|cut_w| *cut_w > base_w[top]) {
                let usd = hour.usd(cut_w) - hour.usd(base_w[top]) - (cut_w - base_w[top]) * self.day_usd_per_w;
                best = if usd < best.0 { (usd, cut_w) } else { best };
            }
            levels[day] = (best.1, Some(top));
        }
        levels
    }
}
