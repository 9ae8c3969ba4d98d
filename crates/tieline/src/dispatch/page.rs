//! A dispatch for people: one screen.
//!
//! Not modelled: charts.

use super::{SOLVER, Solved, commitment};
use serde_json::Value;
use std::fmt::Write as _;
use tieline_files::dispatch::Case;

/// The summary for people.
pub fn page(case: &Case, solved: &Solved, summary: &Value, seconds: f64) -> String {
    let (problem, quality) = (&case.problem, &solved.dispatch.quality);
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or("").to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let metrics = &summary["metrics"];
    let mut text = format!(
        "{}: {}\n{} h, {} zones, {} units, {} storages, {} links, seed {}\n\n",
        case.name,
        case.title,
        problem.hours,
        problem.zones.name.len(),
        problem.units.name.len(),
        problem.stores.name.len(),
        problem.links.name.len(),
        case.seed
    );
    if let Some((told, _)) = &solved.commitment {
        text.push_str(&commitment::head(told, &solved.dispatch, seconds));
    } else {
        let _ = writeln!(text, "cost            {:.6} M$", quality.cost_usd / 1e6);
        let _ = writeln!(
            text,
            "bound           {:.6} M$: no dispatch costs less (gap {:.1e}, certified from the prices alone)",
            quality.bound_usd / 1e6,
            quality.gap
        );
        let _ = writeln!(text, "solved by       {SOLVER}; {} iterations, {seconds:.2} s", quality.iterations);
    }
    let _ = writeln!(
        text,
        "closes          every zone and hour within {:.1e} W, every storage within {:.1e} W; every bound within {:.1e} W",
        quality.imbalance_w, quality.energy_error_w, quality.box_error_w
    );
    let _ = writeln!(text, "emissions       {:.3} Mt CO2", number(metrics, "dispatch.emissions_t") / 1e6);
    let _ = writeln!(
        text,
        "least margin    {:.1} % of the load, in hour {:.0} (available units, storages by how long they last; no transfer limits)",
        100.0 * number(metrics, "dispatch.least_margin"),
        number(metrics, "dispatch.least_margin_hour")
    );
    let _ = writeln!(
        text,
        "\n{:<14}{:>10}{:>10}{:>28}{:>18}",
        "zone", "peak MW", "load TWh", "$/MWh by load, least, most", "unserved MWh (h)"
    );
    for zone in list(&summary["zones"]) {
        let _ = writeln!(
            text,
            "{:<14}{:>10.0}{:>10.3}{:>10.2}{:>9.2}{:>9.2}{:>12.1} ({:.0})",
            word(&zone, "name"),
            number(&zone, "peak_mw"),
            number(&zone, "load_twh"),
            number(&zone, "price_mean_usd_per_mwh"),
            number(&zone, "price_least_usd_per_mwh"),
            number(&zone, "price_most_usd_per_mwh"),
            number(&zone, "shed_mwh"),
            number(&zone, "shed_hours"),
        );
        for class in list(&zone["generation"]) {
            let (twh, mw) = (number(&class, "generation_twh"), number(&class, "capacity_mw"));
            let most_twh = mw * problem.hours as f64 / 1e6;
            let used = if most_twh > 0.0 { 100.0 * twh / most_twh } else { 0.0 };
            let _ = writeln!(text, "  {:<12}{mw:>10.0}{twh:>10.3} TWh, {used:.1} % of capacity", word(&class, "class"));
        }
    }
    for (index, link) in list(&summary["links"]).iter().enumerate() {
        if index == 0 {
            let _ = writeln!(
                text,
                "\n{:<22}{:>12}{:>12}{:>10}{:>12}",
                "link", "forward TWh", "back TWh", "full h", "rent M$"
            );
        }
        let _ = writeln!(
            text,
            "{:<22}{:>12.3}{:>12.3}{:>10.0}{:>12.3}",
            word(link, "name"),
            number(link, "forward_twh"),
            number(link, "backward_twh"),
            number(link, "full_hours"),
            number(link, "rent_usd") / 1e6
        );
    }
    for (index, store) in list(&summary["stores"]).iter().enumerate() {
        if index == 0 {
            let _ = writeln!(
                text,
                "\n{:<22}{:>12}{:>12}{:>12}{:>10}",
                "storage", "in GWh", "out GWh", "spilt GWh", "cycles"
            );
        }
        let _ = writeln!(
            text,
            "{:<22}{:>12.2}{:>12.2}{:>12.2}{:>10.1}",
            word(store, "name"),
            number(store, "charged_gwh"),
            number(store, "discharged_gwh"),
            number(store, "spilled_gwh"),
            number(store, "cycles")
        );
    }
    if let Some((told, _)) = &solved.commitment {
        text.push_str(&commitment::page(told));
    }
    text.push_str(&super::observed::page(summary));
    text.push_str(&areas(summary));
    text.push_str(&super::campus::page(summary));
    let sources: Vec<String> = case.sources.iter().map(|(kind, count)| format!("{count} {}", kind.word())).collect();
    let _ = writeln!(text, "\nnumbers by source: {}", sources.join(", "));
    text
}

/// Reserve margins by area: what is installed and accredited over the peak, and the least margin of each month.
fn areas(summary: &Value) -> String {
    let mut text = String::new();
    let number = |value: &Value, key: &str| value[key].as_f64();
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", 100.0 * share));
    for (index, area) in summary["areas"].as_array().into_iter().flatten().enumerate() {
        if index == 0 {
            let _ = writeln!(
                text,
                "\n{:<10}{:>10}{:>13}{:>14}{:>11}  least margin of each month, % (available over load)",
                "area", "peak MW", "installed MW", "accredited MW", "over peak"
            );
        }
        let months: Vec<String> = area["months"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|month| percent(number(month, "least_margin")).trim_end_matches(".0").to_owned())
            .collect();
        let accredited = number(area, "accredited_mw").map_or_else(|| "-".to_owned(), |mw| format!("{mw:.0}"));
        let _ = writeln!(
            text,
            "{:<10}{:>10.0}{:>13.0}{:>14}{:>10}%  {}",
            area["name"].as_str().unwrap_or(""),
            number(area, "peak_mw").unwrap_or(0.0),
            number(area, "installed_mw").unwrap_or(0.0),
            accredited,
            percent(number(area, "installed_margin")),
            months.join(" ")
        );
    }
    text
}
