//! Many years of weather and outages through the same grid: what a mean year is, and how far the others lie.
//!
//! Not modelled: years that differ in anything but luck (the fleet and the load's level stay).

use super::{Asked, MW, MWH, PER_MWH, case, solved};
use crate::{Verdict, screen, source, threads};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use tieline_files::dispatch::{Case, Settings};
use tieline_grid::dispatch::Dispatch;
use tieline_sim::dispatch::{Placed, account};
use tieline_units::Estimate;

/// Most years of a study.
const MOST_YEARS: u32 = 10_000;
/// What is kept of a year, and its unit for people.
const KEPT: [(&str, &str, f64); 9] = [
    ("cost_usd", "cost, M$", 1e6),
    ("price_mean_usd_per_mwh", "mean price of all load, $/MWh", 1.0),
    ("price_most_usd_per_mwh", "highest price, $/MWh", 1.0),
    ("shed_mwh", "unserved, MWh", 1.0),
    ("shed_hours", "hours with unserved load", 1.0),
    ("emissions_t", "emissions, Mt CO2", 1e6),
    ("peak_mw", "peak of all zones, GW", 1e3),
    ("least_margin", "least margin, %", 0.01),
    ("campus_mwh", "campus curtailment, MWh", 1.0),
];
/// Unserved load below this is rounding, W.
const LEAST_W: f64 = 1e3;

/// One year's work: its sample, and what came of it.
struct Year {
    sample: u32,
    found: Option<Result<[f64; KEPT.len()], String>>,
}

/// Draws, solves and sums up years; `much` is their number and the threads.
///
/// # Errors
/// What printing meets.
pub fn years(
    given: &str,
    text: &str,
    folder: Option<&Path>,
    settings: &Settings,
    much: (u32, usize),
    asked: &Asked,
) -> Result<Verdict> {
    let (count, threads) = much;
    if !(2..=MOST_YEARS).contains(&count) {
        eprintln!("tieline: --years {count}: expected 2 to {MOST_YEARS}");
        return Ok(Verdict::Usage);
    }
    if asked.out.is_some() {
        eprintln!("tieline: --out writes one year's hours; --years --json prints every year's figures");
        return Ok(Verdict::Usage);
    }
    let first = match case(given, text, folder, settings) {
        Ok(first) => first,
        Err(mistakes) => {
            source::say_mistakes(&mistakes);
            return Ok(Verdict::No);
        }
    };
    let begun = Instant::now();
    let mut years: Vec<Year> = (0..count).map(|sample| Year { sample, found: None }).collect();
    threads::on_threads(threads)(&mut years, &|year: &mut Year| {
        let settings = Settings { sample: year.sample, ..settings.clone() };
        year.found = Some(match case(given, text, folder, &settings) {
            Ok(case) => match solved(&case, 1, false) {
                Ok(solved) => Ok(kept(&case, &solved.dispatch)),
                Err(failure) => Err(failure.words(&case.problem)),
            },
            Err(mistakes) => Err(mistakes.to_string()),
        });
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut rows = Vec::with_capacity(years.len());
    for year in years {
        match year.found {
            Some(Ok(row)) => rows.push(row),
            Some(Err(why)) => {
                eprintln!("tieline: {given}, year {}: {why}", year.sample);
                return Ok(Verdict::No);
            }
            None => anyhow::bail!("year {} was not solved", year.sample),
        }
    }
    let summary = summary(&first, &rows);
    let said = if asked.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        page(&first, &summary, seconds, threads)
    };
    screen::answer(&said, Verdict::Yes)
}

fn kept(case: &Case, dispatch: &Dispatch) -> [f64; KEPT.len()] {
    let problem = &case.problem;
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let (mut paid, mut load_sum, mut peak_w, mut shed_hours, mut shed_j) = (0.0, 0.0, 0.0_f64, 0.0, 0.0);
    for hour in 0..problem.hours {
        let loads = &problem.zones.load_w[hour * zones..(hour + 1) * zones];
        let prices = &dispatch.price_usd_per_j[hour * zones..(hour + 1) * zones];
        let load_w: f64 = loads.iter().sum();
        paid += loads.iter().zip(prices).map(|(load_w, price)| load_w * price).sum::<f64>();
        (load_sum, peak_w) = (load_sum + load_w, peak_w.max(load_w));
        let shed_w: f64 = dispatch.shed_w[hour * zones..(hour + 1) * zones].iter().sum();
        if shed_w > LEAST_W {
            (shed_hours, shed_j) = (shed_hours + 1.0, shed_j + shed_w * problem.step_s);
        }
    }
    let emitted_kg: f64 = dispatch
        .generation_w
        .iter()
        .enumerate()
        .map(|(at, power_w)| power_w * problem.step_s * problem.units.kg_per_j[at % units.max(1)])
        .sum();
    let gave_j = |placed: Placed| account(problem, dispatch, None, &placed).energy_j;
    let curtailed_j: f64 = super::placed(case).map(gave_j).sum();
    [
        dispatch.quality.cost_usd,
        paid / load_sum.max(1.0) / PER_MWH,
        dispatch.price_usd_per_j.iter().copied().fold(f64::NEG_INFINITY, f64::max) / PER_MWH,
        shed_j / MWH,
        shed_hours,
        emitted_kg / 1e3,
        peak_w / MW,
        super::least_margin(case).0,
        curtailed_j / MWH,
    ]
}

/// A quantile of sorted samples with its error: half the distance between the order statistics one standard deviation of
/// the rank below and above (binomial); wider than the samples reach, it is that of the outermost ones.
pub fn quantile(sorted: &[f64], share: f64) -> (f64, f64) {
    let n = sorted.len() as f64;
    let at = |rank: f64| {
        let rank = rank.clamp(0.0, n - 1.0);
        let low = rank as usize;
        let high = (low + 1).min(sorted.len() - 1);
        sorted[low] + (rank - low as f64) * (sorted[high] - sorted[low])
    };
    let (rank, spread) = (share * (n - 1.0), (n * share * (1.0 - share)).sqrt());
    (at(rank), 0.5 * (at(rank + spread) - at(rank - spread)))
}

fn summary(case: &Case, rows: &[[f64; KEPT.len()]]) -> Value {
    let mut quantities = serde_json::Map::new();
    for (index, (name, _, _)) in KEPT.iter().enumerate() {
        let mut samples: Vec<f64> = rows.iter().map(|row| row[index]).collect();
        let mean = Estimate::of(&samples);
        let by_year = samples.clone();
        samples.sort_by(f64::total_cmp);
        let of = |share: f64| {
            let (value, error) = quantile(&samples, share);
            json!({"value": value, "error": error})
        };
        quantities.insert(
            (*name).to_owned(),
            json!({
                "p10": of(0.1), "p50": of(0.5), "p90": of(0.9),
                "mean": mean.map(|mean| mean.value),
                "standard_error": mean.map(|mean| mean.standard_error),
                "years": by_year,
            }),
        );
    }
    json!({
        "schema": 1,
        "scenario": case.name,
        "seed": case.seed,
        "version": env!("CARGO_PKG_VERSION"),
        "years": rows.len(),
        "hours": case.problem.hours,
        "quantities": quantities,
    })
}

fn page(case: &Case, summary: &Value, seconds: f64, threads: usize) -> String {
    let count = summary["years"].as_u64().unwrap_or(0);
    let mut text = format!(
        "{}: {}\n{count} years of weather and outages, {} h each, seed {}; {seconds:.1} s on {threads} threads, {:.2} s a year\n\n",
        case.name,
        case.title,
        case.problem.hours,
        case.seed,
        seconds / count.max(1) as f64
    );
    let _ = writeln!(text, "{:<32}{:>22}{:>22}{:>22}{:>24}", "", "P10", "P50", "P90", "mean ± standard error");
    for (name, label, per) in KEPT {
        let quantity = &summary["quantities"][name];
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN) / per;
        let of = |key: &str| format!("{:.2} ± {:.2}", number(&quantity[key]["value"]), number(&quantity[key]["error"]));
        let mean = format!("{:.2} ± {:.2}", number(&quantity["mean"]), number(&quantity["standard_error"]));
        let none = quantity["years"].as_array().is_some_and(|years| years.iter().all(|v| v.as_f64() == Some(0.0)));
        if none {
            // n years without: with 95 % confidence the share of years with some is at most 1 - 0.05^(1/n).
            let most = 100.0 * (1.0 - 0.05_f64.powf(1.0 / count.max(1) as f64));
            let said = format!("none in {count} years: at most {most:.1} % of years have any (95 % sure)");
            let _ = writeln!(text, "{label:<32}{said:>90}");
            continue;
        }
        let _ = writeln!(text, "{label:<32}{:>22}{:>22}{:>22}{mean:>24}", of("p10"), of("p50"), of("p90"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_where_order_statistics_do() {
        let sorted: Vec<f64> = (0..101).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.5).0, 50.0);
        let (p90, error) = quantile(&sorted, 0.9);
        assert!((p90 - 90.0).abs() < 1e-12 && (error - (101.0_f64 * 0.09).sqrt()).abs() < 1e-9, "{p90} {error}");
        assert_eq!(quantile(&[2.0, 2.0, 2.0], 0.9), (2.0, 0.0));
    }
}
