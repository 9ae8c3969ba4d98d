//! The least cost over every plan in whole steps, by trying each: what tests hold the search against.
//!
//! Not modelled: plans between the steps. Where loads, tiers and what is used are whole steps none of those is better: with
//! the billed hours told, the least cost is a linear program of differences, whose corners are whole.

use super::Field;
use tieline_grid::bill::PEAK_DAYS;

impl Field {
    /// Least cost, $, and how many plans were tried. Of hours that tie the one that draws least is billed, which the search
    /// can have for a margin; where the system does not fall with the campus, the earlier.
    pub(crate) fn least_in_steps_usd(&self, step_w: f64) -> (f64, usize) {
        let mut steps = vec![0_usize; self.hours.len()];
        let (mut least_usd, mut count) = (f64::INFINITY, 0);
        loop {
            let cut_w: Vec<f64> = steps.iter().map(|steps| *steps as f64 * step_w).collect();
            least_usd = least_usd.min(self.usd_with_luck(&cut_w));
            count += 1;
            let fits = |hour: &usize| (steps[*hour] + 1) as f64 * step_w <= self.hours[*hour].depth_w() + 1.0;
            let Some(next) = (0..steps.len()).find(fits) else { return (least_usd, count) };
            steps[..next].fill(0);
            steps[next] += 1;
        }
    }

    /// The cost where of hours that tie (within a watt) the one that draws least is billed.
    fn usd_with_luck(&self, cut_w: &[f64]) -> f64 {
        let mut usd: f64 = self.hours.iter().zip(cut_w).map(|(hour, cut_w)| hour.usd(*cut_w)).sum();
        let top = |places: &mut dyn Iterator<Item = usize>, load_w: &dyn Fn(usize) -> f64, luck: bool| {
            places.fold((f64::NEG_INFINITY, 0.0), |best: (f64, f64), place| {
                let own = (load_w(place), self.hours[place].campus_w - cut_w[place]);
                if own.0 > best.0 + 1.0 || (luck && (own.0 - best.0).abs() <= 1.0 && own.1 < best.1) {
                    own
                } else {
                    best
                }
            })
        };
        let zone = top(&mut (0..self.hours.len()), &|place| self.hours[place].zone_w - cut_w[place], true);
        usd += zone.1 * self.zone_usd_per_w;
        let system_w = |place: usize| self.hours[place].system_w - if self.in_area { cut_w[place] } else { 0.0 };
        let mut days: Vec<(f64, f64)> =
            self.days.iter().map(|day| top(&mut day.iter().copied(), &system_w, self.in_area)).collect();
        days.sort_by(|a, b| {
            b.0.round().total_cmp(&a.0.round()).then(if self.in_area {
                a.1.total_cmp(&b.1)
            } else {
                std::cmp::Ordering::Equal
            })
        });
        usd += days.iter().take(self.billed).map(|day| day.1).sum::<f64>() * self.day_usd_per_w;
        for (places, usd_per_w) in &self.months {
            let draws_w = places.iter().map(|place| self.hours[*place].campus_w - cut_w[*place]);
            usd += usd_per_w * draws_w.fold(f64::NEG_INFINITY, f64::max);
        }
        usd
    }

    /// The cost of what each hour gives up, $.
    pub(crate) fn cost_of_usd(&mut self, found: &[(usize, f64)]) -> f64 {
        let of = |index: usize| found.iter().find(|own| own.0 == index).map_or(0.0, |own| own.1);
        let cut_w: Vec<f64> = self.hours.iter().map(|hour| of(hour.index)).collect();
        self.cost_usd(&cut_w)
    }

    /// Fewer days billed, for cases of few days.
    pub(crate) fn bills_days(&mut self, billed: usize) {
        assert!(billed <= self.days.len().min(PEAK_DAYS));
        self.day_usd_per_w *= self.billed as f64 / billed as f64;
        self.billed = billed;
    }
}
