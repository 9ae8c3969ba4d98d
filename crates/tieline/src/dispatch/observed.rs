//! The dispatch against what was observed: energy by class, and how far apart the hours are.
//!
//! Not modelled: why they differ (fuel prices of the day, commitment, limits within a zone, outages).

use super::{MW, TWH};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tieline_files::dispatch::Case;
use tieline_grid::dispatch::Dispatch;

/// Dispatched and observed energy of each class with observed units, the greatest first.
pub fn summary(case: &Case, dispatch: &Dispatch) -> Vec<Value> {
    let (problem, units) = (&case.problem, case.problem.units.name.len());
    let mut classes: Vec<(&String, Vec<f64>, Vec<f64>)> = Vec::new();
    for (unit, observed_w) in case.observed_w.iter().enumerate() {
        let Some(observed_w) = observed_w else { continue };
        let class = &problem.units.class[unit];
        let at = classes.iter().position(|known| known.0 == class).unwrap_or_else(|| {
            classes.push((class, vec![0.0; problem.hours], vec![0.0; problem.hours]));
            classes.len() - 1
        });
        for (hour, observed_w) in observed_w.iter().enumerate() {
            classes[at].1[hour] += dispatch.generation_w[hour * units + unit];
            classes[at].2[hour] += observed_w;
        }
    }
    let twh = |powers_w: &[f64]| powers_w.iter().sum::<f64>() * problem.step_s / TWH;
    classes.sort_by(|a, b| twh(&b.2).total_cmp(&twh(&a.2)).then(a.0.cmp(b.0)));
    let each = |(class, given_w, observed_w): (&String, Vec<f64>, Vec<f64>)| {
        let apart_w: f64 = given_w.iter().zip(&observed_w).map(|(given, observed)| (given - observed).abs()).sum();
        json!({
            "class": class,
            "dispatched_twh": twh(&given_w),
            "observed_twh": twh(&observed_w),
            "mean_difference_mw": apart_w / problem.hours.max(1) as f64 / MW,
        })
    };
    classes.into_iter().map(each).collect()
}

/// Rounding has no sign.
fn apart(twh: f64) -> f64 {
    if twh.abs() < 5e-4 { 0.0 } else { twh }
}

/// The same for people.
pub fn page(summary: &Value) -> String {
    let mut text = String::new();
    let classes = summary["observed"].as_array().cloned().unwrap_or_default();
    if classes.is_empty() {
        return text;
    }
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    let _ = writeln!(
        text,
        "\n{:<14}{:>16}{:>14}{:>16}{:>28}",
        "class", "dispatched TWh", "observed TWh", "difference TWh", "mean of |difference|, MW"
    );
    let mut sums = [0.0; 2];
    for class in &classes {
        let (given, observed) = (number(class, "dispatched_twh"), number(class, "observed_twh"));
        (sums[0], sums[1]) = (sums[0] + given, sums[1] + observed);
        let _ = writeln!(
            text,
            "{:<14}{given:>16.3}{observed:>14.3}{:>+16.3}{:>28.0}",
            class["class"].as_str().unwrap_or(""),
            apart(given - observed),
            number(class, "mean_difference_mw")
        );
    }
    let _ = writeln!(text, "{:<14}{:>16.3}{:>14.3}{:>+16.3}", "all", sums[0], sums[1], apart(sums[0] - sums[1]));
    text
}
