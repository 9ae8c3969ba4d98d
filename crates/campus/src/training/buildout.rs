//! When a run finishes on a fleet that grows: by phase, limited by GPUs or by power, with the range that unknown inputs leave.
//!
//! Not modelled: learning (more tokens are more tokens), a model that changes during its run, phases that come in another
//! order, prices.

use tieline_units::{Draw, Purpose};

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

/// A fleet from one day on.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// From when, days after the run's start.
    pub from_d: f64,
    /// GPUs in service for the run.
    pub gpus: f64,
    /// Power that there is for them, W; infinite where only GPUs limit.
    pub power_w: f64,
    /// Power of one GPU with all that belongs to it, W at the meter.
    pub all_in_w: f64,
    /// Kept model arithmetic per GPU at work, FLOP/s: peak x MFU x effective share.
    pub kept_flops: f64,
}

impl Phase {
    /// GPUs that can work: those there are, or those there is power for.
    #[must_use]
    pub fn at_work(&self) -> f64 {
        self.gpus.min(self.power_w / self.all_in_w)
    }

    /// What binds.
    #[must_use]
    pub fn limited_by(&self) -> &'static str {
        if self.power_w / self.all_in_w < self.gpus { "power" } else { "GPUs" }
    }
}

/// When the work is done, days after the start; `None` if the last phase does no work.
///
/// Each later phase costs `resize_d` while the job regroups on the larger fleet.
#[must_use]
pub fn finish_d(phases: &[Phase], work_flops: f64, resize_d: f64) -> Option<f64> {
    let mut left = work_flops;
    for (place, phase) in phases.iter().enumerate() {
        let from_d = phase.from_d.max(0.0) + if place > 0 { resize_d } else { 0.0 };
        let until_d = phases.get(place + 1).map_or(f64::INFINITY, |next| next.from_d);
        let per_day = phase.at_work() * phase.kept_flops * DAY_S;
        if until_d <= from_d || per_day <= 0.0 {
            continue;
        }
        let takes_d = left / per_day;
        if from_d + takes_d <= until_d {
            return Some(from_d + takes_d);
        }
        left -= per_day * (until_d - from_d);
    }
    None
}

/// Progress at points in time: (days, share of the work done), through to the finish.
#[must_use]
pub fn progress(phases: &[Phase], work_flops: f64, resize_d: f64, points: usize) -> Vec<(f64, f64)> {
    let Some(end_d) = finish_d(phases, work_flops, resize_d) else { return Vec::new() };
    let done_at = |at_d: f64| {
        let mut done = 0.0;
        for (place, phase) in phases.iter().enumerate() {
            let from_d = phase.from_d.max(0.0) + if place > 0 { resize_d } else { 0.0 };
            let until_d = phases.get(place + 1).map_or(f64::INFINITY, |next| next.from_d).min(at_d);
            done += phase.at_work() * phase.kept_flops * DAY_S * (until_d - from_d).max(0.0);
        }
        done / work_flops
    };
    (0..=points).map(|k| end_d * k as f64 / points as f64).map(|at_d| (at_d, done_at(at_d))).collect()
}

/// An unknown that the finish hangs on: a factor (or, for a delay, days) with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// Name for people.
    pub name: String,
    /// What it acts on.
    pub acts: Acts,
    /// Low, likely, high.
    pub range: [f64; 3],
}

/// A model like the likely one, laid out anew on every phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// What it differs in, over the likely value.
    pub factor: f64,
    /// Time per token on each phase, over that of the likely model; infinite where it does not fit.
    pub slower: Vec<f64>,
}

/// Time per token at a factor, between the variants (sorted by their factors) on either side; held at the ends.
fn slower(variants: &[Variant], factor: f64, phase: usize) -> f64 {
    let of = |variant: &Variant| variant.slower.get(phase).or(variant.slower.last()).copied().unwrap_or(1.0);
    let above = variants.partition_point(|variant| variant.factor < factor);
    match (above.checked_sub(1).and_then(|below| variants.get(below)), variants.get(above)) {
        (Some(below), Some(above)) => {
            let share = (factor - below.factor) / (above.factor - below.factor);
            if share <= 0.0 { of(below) } else { of(below) + share * (of(above) - of(below)) }
        }
        (Some(end), None) | (None, Some(end)) => of(end),
        (None, None) => 1.0,
    }
}

/// What an unknown acts on.
#[derive(Clone, Debug, PartialEq)]
pub enum Acts {
    /// A factor on the work.
    Work,
    /// A factor on the speed.
    Speed,
    /// Days by which every later phase comes late.
    Delay,
    /// The model itself, through models that were laid out and evaluated.
    Shape(Vec<Variant>),
}

fn finish_with(phases: &[Phase], work_flops: f64, resize_d: f64, values: &[(&Acts, f64)]) -> Option<f64> {
    let mut work = work_flops;
    let (mut speed, mut delay_d) = (1.0, 0.0);
    for (acts, value) in values {
        match acts {
            Acts::Work => work *= value,
            Acts::Speed => speed *= value,
            Acts::Delay => delay_d += value,
            Acts::Shape(_) => {}
        }
    }
    let moved: Vec<Phase> = phases
        .iter()
        .enumerate()
        .map(|(place, phase)| {
            let longer: f64 = values
                .iter()
                .map(|(acts, value)| match acts {
                    Acts::Shape(variants) => slower(variants, *value, place),
                    _ => 1.0,
                })
                .product();
            Phase {
                from_d: phase.from_d + if place > 0 { delay_d } else { 0.0 },
                kept_flops: phase.kept_flops * speed / longer,
                ..phase.clone()
            }
        })
        .collect();
    finish_d(&moved, work, resize_d)
}

/// One bar of a tornado chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The unknown.
    pub name: String,
    /// Finish with it low and high, all others likely, days.
    pub low_d: f64,
    /// See `low_d`.
    pub high_d: f64,
}

/// Something that happens or not, and then changes the phases: a yes-or-no unknown, not a factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name for people.
    pub name: String,
    /// How likely it is, 0..1.
    pub probability: f64,
    /// The phases if it happens.
    pub phases: Vec<Phase>,
}

/// How the finish moves with each unknown alone, widest first; an event's bar goes from its finish to the likely one.
#[must_use]
pub fn tornado(
    phases: &[Phase],
    work_flops: f64,
    resize_d: f64,
    unknowns: &[Unknown],
    event: Option<&Event>,
) -> Vec<Bar> {
    let finish = |moved: usize, to: usize| {
        let values: Vec<(&Acts, f64)> = unknowns
            .iter()
            .enumerate()
            .map(|(place, unknown)| (&unknown.acts, unknown.range[if place == moved { to } else { 1 }]))
            .collect();
        finish_with(phases, work_flops, resize_d, &values).unwrap_or(f64::INFINITY)
    };
    let mut bars: Vec<Bar> = unknowns
        .iter()
        .enumerate()
        .map(|(place, unknown)| Bar { name: unknown.name.clone(), low_d: finish(place, 0), high_d: finish(place, 2) })
        .collect();
    if let Some(event) = event {
        let days = |phases: &[Phase]| finish_d(phases, work_flops, resize_d).unwrap_or(f64::INFINITY);
        bars.push(Bar { name: event.name.clone(), low_d: days(&event.phases), high_d: days(phases) });
    }
    bars.sort_by(|a, b| (b.high_d - b.low_d).abs().total_cmp(&(a.high_d - a.low_d).abs()));
    bars
}

/// Triangular distribution over low, likely, high at a uniform share.
fn triangular([low, likely, high]: [f64; 3], share: f64) -> f64 {
    if high <= low {
        return likely;
    }
    let turn = (likely - low) / (high - low);
    if share < turn {
        low + libm::sqrt(share * (high - low) * (likely - low))
    } else {
        high - libm::sqrt((1.0 - share) * (high - low) * (high - likely))
    }
}

/// Finish dates over many draws of the unknowns, sorted, days; draws that never finish come last as infinity.
#[must_use]
pub fn outlook(
    phases: &[Phase],
    work_flops: f64,
    resize_d: f64,
    unknowns: &[Unknown],
    event: Option<&Event>,
    seed: u64,
    draws: u32,
) -> Vec<f64> {
    let mut finishes: Vec<f64> = (0..draws)
        .map(|sample| {
            let draw = Draw::new(seed, sample);
            let values: Vec<(&Acts, f64)> = unknowns
                .iter()
                .enumerate()
                .map(|(place, unknown)| {
                    let share = draw.uniform(place as u32, Purpose::TrainingOutlook, 0);
                    (&unknown.acts, triangular(unknown.range, share))
                })
                .collect();
            let luck = draw.uniform(unknowns.len() as u32, Purpose::TrainingOutlook, 0);
            let phases = event.filter(|event| luck < event.probability).map_or(phases, |event| &event.phases);
            finish_with(phases, work_flops, resize_d, &values).unwrap_or(f64::INFINITY)
        })
        .collect();
    finishes.sort_by(f64::total_cmp);
    finishes
}

/// Value at a share of sorted values, with the standard error of that quantile from its order statistics.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> (f64, f64) {
    let n = sorted.len() as f64;
    let at = |rank: f64| sorted[(libm::round(rank).max(0.0) as usize).min(sorted.len() - 1)];
    let spread = libm::sqrt(n * share * (1.0 - share));
    let middle = share * (n - 1.0);
    (at(middle), 0.5 * (at(middle + spread) - at(middle - spread)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(from_d: f64, gpus: f64) -> Phase {
        Phase { from_d, gpus, power_w: f64::INFINITY, all_in_w: 1800.0, kept_flops: 1e15 }
    }

    #[test]
    fn a_growing_fleet_finishes_when_its_sums_say() {
        // 100 GPU-days on 1 GPU for 10 days (less nothing), then on 10: 90 left take 9 days.
        let work = 100.0 * 1e15 * DAY_S;
        let growing = [phase(0.0, 1.0), phase(10.0, 10.0)];
        assert!((finish_d(&growing, work, 0.0).expect("finishes") - 19.0).abs() < 1e-9);
        assert!((finish_d(&growing, work, 0.5).expect("finishes") - 19.5).abs() < 1e-9);
        let done = progress(&growing, work, 0.5, 50);
        assert!((done[50].1 - 1.0).abs() < 1e-9 && done.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        assert_eq!(finish_d(&[phase(0.0, 0.0)], work, 0.0), None);
    }

    #[test]
    fn power_binds_where_it_is_short() {
        let dark = Phase { power_w: 0.9e6, ..phase(0.0, 1000.0) };
        assert_eq!((dark.at_work(), dark.limited_by()), (500.0, "power"));
        assert_eq!(phase(0.0, 1000.0).limited_by(), "GPUs");
    }

    #[test]
    fn the_outlook_brackets_the_likely_finish_and_the_tornado_names_what_matters() {
        let work = 1e5 * 1e15 * DAY_S;
        let fleet = [phase(0.0, 1000.0), phase(30.0, 2000.0)];
        let unknown = |name: &str, acts, range| Unknown { name: name.to_owned(), acts, range };
        let unknowns = [
            unknown("tokens", Acts::Work, [0.5, 1.0, 2.0]),
            unknown("speed", Acts::Speed, [0.9, 1.0, 1.1]),
            unknown("delay", Acts::Delay, [0.0, 0.0, 30.0]),
        ];
        let bars = tornado(&fleet, work, 0.0, &unknowns, None);
        assert_eq!(bars[0].name, "tokens");
        let all = outlook(&fleet, work, 0.0, &unknowns, None, 1, 4000);
        let (p10, p50, p90) = (quantile(&all, 0.1).0, quantile(&all, 0.5).0, quantile(&all, 0.9).0);
        assert!(p10 < p50 && p50 < p90);
        let likely = finish_d(&fleet, work, 0.0).expect("finishes");
        assert!(p10 < likely && likely < p90);
        // An event without other unknowns splits the draws at its probability.
        let half: Vec<Phase> = fleet.iter().map(|p| Phase { kept_flops: 0.5e15, ..p.clone() }).collect();
        let event = Event { name: "half speed".to_owned(), probability: 0.25, phases: half.clone() };
        let split = outlook(&fleet, work, 0.0, &[], Some(&event), 1, 4000);
        let late = split.iter().filter(|days| **days > likely + 1e-9).count();
        assert!((900..1100).contains(&late), "{late}");
        let bar = &tornado(&fleet, work, 0.0, &[], Some(&event))[0];
        assert_eq!((Some(bar.low_d), bar.high_d), (finish_d(&half, work, 0.0), likely));
        // A shape that takes half as long again at twice its factor.
        let variant = |factor, longer| Variant { factor, slower: vec![longer; 2] };
        let shape = Acts::Shape(vec![variant(0.5, 0.8), variant(1.0, 1.0), variant(2.0, 1.5)]);
        let finish = |factor| finish_with(&fleet[..1], work, 0.0, &[(&shape, factor)]).expect("finishes");
        let alone = finish_d(&fleet[..1], work, 0.0).expect("finishes");
        for (factor, longer) in [(0.1, 0.8), (0.5, 0.8), (0.75, 0.9), (1.0, 1.0), (1.5, 1.25), (4.0, 1.5)] {
            assert!((finish(factor) / alone - longer).abs() < 1e-9, "{factor}");
        }
        // The mean of a triangle is the mean of its corners.
        let mean = (0..10_000).map(|k| triangular([1.0, 2.0, 6.0], (f64::from(k) + 0.5) / 1e4)).sum::<f64>() / 1e4;
        assert!((mean - 3.0).abs() < 1e-3);
    }
}
