//! What the tiers of a campus in a dispatch cost, by the merit order in which its jobs shed.
//!
//! Not modelled: prices that change with the hour (the length and the notice are those of the curtailment that `[training]`
//! prices), halls that come into service within the study.

use super::price::price;
use super::{Run, chosen, question, standing};
use crate::scenario::Scenario;
use tieline_campus::training::JobKind;
use tieline_campus::training::layout::Layout;
use tieline_campus::training::search::search;
use tieline_campus::training::step::{Step, evaluate};

/// Joules of a megawatt-hour.
const MWH_J: f64 = 3.6e9;

/// Prices of tiers of these depths (shares of `power_w`, the cheapest first), $ per joule that the campus does not draw.
///
/// A tier costs the mean of the rungs of the merit order that it takes, over what a watt at the GPU draws at the feeder.
///
/// # Errors
/// In words: no `[training]` table, a run that fits in no layout, tiers deeper than what the jobs offer.
pub fn tier_prices(scenario: &Scenario, depths: &[f64], power_w: f64) -> Result<Vec<f64>, String> {
    let missing = || format!("{} has no [training] table and no pre-training job to price its tiers by", scenario.name);
    let plan = scenario.training.as_ref().ok_or_else(missing)?;
    let place = scenario.plant.jobs.iter().position(|job| job.kind == JobKind::PreTraining).ok_or_else(missing)?;
    let run = standing(scenario, plan, place)?;
    let (layout, step) = cut(&run)?;
    // The share of a run that is kept moves tokens and days, not the value of the GPU-hours lost.
    let merit = price(&run, &step, &layout, 1.0).merit;
    let rungs: Vec<(f64, f64)> = merit.iter().map(|rung| (rung.total_mw * 1e6, rung.usd_per_mwh / MWH_J)).collect();
    let feeder = feeder_per_gpu_w(scenario);
    let mut from_w = 0.0;
    let mut prices = Vec::new();
    for depth in depths {
        let until_w = from_w + depth * power_w / feeder;
        let mean = mean_price(&rungs, from_w, until_w).ok_or_else(|| {
            format!(
                "the jobs offer {:.3} MW within their tiers, the tiers of [dispatch] ask for {:.3} MW",
                rungs.last().map_or(0.0, |rung| rung.0) * feeder / 1e6,
                until_w * feeder / 1e6
            )
        })?;
        prices.push(mean / feeder);
        from_w = until_w;
    }
    Ok(prices)
}

/// The run's own layout, or the best one.
fn cut(run: &Run<'_>) -> Result<(Layout, Step), String> {
    if let Some(own) = run.plan.layout.filter(|own| own.gpus() <= run.gpus) {
        chosen(run, &own).map_err(|wrong| wrong.join("; "))?;
        return Ok((own, evaluate(&run.model, &run.cluster, &own)));
    }
    let answer = search(&run.model, &run.cluster, &question(run.plan, run.gpus, 1))
        .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let best = answer.ranked.into_iter().next();
    best.map(|best| (best.layout, best.step)).ok_or_else(|| format!("{} fits in no layout", run.model.name))
}

/// Mean over the GPUs at work of what a watt at the GPU draws at the feeder.
fn feeder_per_gpu_w(scenario: &Scenario) -> f64 {
    let at_work = |hall: &&tieline_campus::hall::Hall| hall.job.is_some() && hall.in_service <= scenario.start;
    let halls: Vec<_> = scenario.plant.halls.iter().filter(at_work).collect();
    let gpus: f64 = halls.iter().map(|hall| hall.gpus).sum();
    let drawn: f64 = halls.iter().map(|hall| hall.gpus * hall.feeder_per_gpu_w()).sum();
    if gpus > 0.0 { drawn / gpus } else { 1.0 }
}

/// Mean price between two points of a merit order of (all shed up to here, price); `None` beyond its end.
fn mean_price(rungs: &[(f64, f64)], from_w: f64, until_w: f64) -> Option<f64> {
    if until_w <= from_w || rungs.last().is_none_or(|last| until_w > last.0 * (1.0 + 1e-9)) {
        return None;
    }
    let (mut begin_w, mut usd_per_s) = (0.0, 0.0);
    for (end_w, usd_per_j) in rungs {
        usd_per_s += usd_per_j * (until_w.min(*end_w) - from_w.max(begin_w)).max(0.0);
        begin_w = *end_w;
    }
    Some(usd_per_s / (until_w - from_w))
}

#[cfg(test)]
mod tests {
    use super::mean_price;

    #[test]
    fn a_tier_costs_the_mean_of_its_rungs() {
        let rungs = [(10.0, 1.0), (30.0, 2.0), (40.0, 5.0)];
        assert_eq!(mean_price(&rungs, 0.0, 10.0), Some(1.0));
        assert_eq!(mean_price(&rungs, 5.0, 15.0), Some(1.5));
        assert_eq!(mean_price(&rungs, 0.0, 40.0), Some((10.0 + 40.0 + 50.0) / 40.0));
        assert_eq!(mean_price(&rungs, 30.0, 41.0), None);
        assert_eq!(mean_price(&[], 0.0, 1.0), None);
        assert_eq!(mean_price(&rungs, 3.0, 3.0), None);
    }
}
