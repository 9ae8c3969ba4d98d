//! The campuses of a dispatch: what each gave up, what that cost and saved, and its bill with and without.
//!
//! Not modelled: a campus that looks at its own bill unless it is asked to (`shaving`); it gives way where the grid's price
//! passes its own.

use super::{MW, MWH, PER_MWH, Solved, placed, shaving};
use serde_json::{Value, json};
use std::fmt::Write as _;
use tieline_files::dispatch::{Case, Named};
use tieline_grid::bill::{Bill, Metered, bill};
use tieline_grid::dispatch::Dispatch;
use tieline_sim::dispatch::{Account, Placed, account};

/// What a campus gave up, and its bills: as it was dispatched, and had it never given way.
pub struct Told {
    /// What it gave up.
    pub account: Account,
    /// The bill, where a tariff is known.
    pub with: Option<Bill>,
    /// The bill of a campus that never gives way, at the prices that it then meets.
    pub without: Option<Bill>,
}

/// Adds up what a dispatch says of a campus.
pub fn told(case: &Case, solved: &Solved, campus: &Named) -> Told {
    let placed = Placed { zone: campus.zone, units: campus.units.clone(), power_w: campus.power_w };
    // The other solve holds all campuses firm: with several, the saving is theirs together (`saved_by_all`).
    let firm = solved.without.as_ref().filter(|_| case.campuses.len() == 1);
    let account = account(&case.problem, &solved.dispatch, firm, &placed);
    let draw_w: Vec<f64> = (0..case.problem.hours).map(|hour| account.base_w(hour, campus.power_w)).collect();
    let with = billed(case, campus, &solved.dispatch, &draw_w);
    let flat_w = vec![campus.power_w; case.problem.hours];
    let without = solved.without.as_ref().and_then(|dispatch| billed(case, campus, dispatch, &flat_w));
    Told { account, with, without }
}

/// Load of an area hour by hour, W; of all zones where it is empty.
pub fn area_w(case: &Case, area: &str) -> Vec<f64> {
    let problem = &case.problem;
    let within = |zone: &usize| area.is_empty() || case.areas[*zone] == area;
    let zones: Vec<usize> = (0..problem.zones.name.len()).filter(within).collect();
    (0..problem.hours).map(|hour| zones.iter().map(|zone| problem.load_w(hour, *zone)).sum()).collect()
}

/// What meters show of some zones hour by hour, W: their load less what campuses gave up and what was not served. Peaks
/// are told from it, as the draw of the campus in those hours is.
pub(super) fn metered_w(case: &Case, dispatch: &Dispatch, within: impl Fn(usize) -> bool) -> Vec<f64> {
    let problem = &case.problem;
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let hour_w = |hour: usize| {
        let served = |zone: usize| problem.load_w(hour, zone) - dispatch.shed_w[hour * zones + zone];
        let given = |campus: &Named| -> f64 {
            campus.units.clone().map(|unit| dispatch.generation_w[hour * units + unit]).sum()
        };
        let served_w: f64 = (0..zones).filter(|zone| within(*zone)).map(served).sum();
        let given_w: f64 = case.campuses.iter().filter(|campus| within(campus.zone)).map(given).sum::<f64>();
        served_w - given_w
    };
    (0..problem.hours).map(hour_w).collect()
}

fn billed(case: &Case, campus: &Named, dispatch: &Dispatch, draw_w: &[f64]) -> Option<Bill> {
    let (tariff, area) = campus.tariff.as_ref()?;
    let zones = case.problem.zones.name.len();
    let price: Vec<f64> =
        (0..case.problem.hours).map(|hour| dispatch.price_usd_per_j[hour * zones + campus.zone]).collect();
    let within = |zone: usize| area.is_empty() || case.areas[zone] == *area;
    let metered = Metered {
        start: case.start,
        offset: case.offset,
        campus_w: draw_w,
        price_usd_per_j: &price,
        system_w: &metered_w(case, dispatch, within),
        zone_w: &metered_w(case, dispatch, |zone| zone == campus.zone),
    };
    Some(bill(tariff, &metered))
}

/// What the dispatch of everybody costs less because campuses give way, their own cost counted, $; none where it was not
/// solved without. Where nothing was given up nothing was saved.
pub fn saved_by_all(case: &Case, solved: &Solved) -> Option<f64> {
    let gave = placed(case).any(|placed| account(&case.problem, &solved.dispatch, None, &placed).hours > 0);
    let saved = solved.without.as_ref()?.quality.cost_usd - solved.dispatch.quality.cost_usd;
    Some(if gave { saved } else { 0.0 })
}

/// The campuses as JSON.
pub fn summary(case: &Case, solved: &Solved) -> Vec<Value> {
    let each = |(index, campus): (usize, &Named)| {
        let told = told(case, solved, campus);
        let zone = &case.problem.zones.name[campus.zone];
        json!({
            "name": campus.name,
            "zone": zone,
            "power_mw": campus.power_w / MW,
            "hours": case.problem.hours,
            "price_most_usd_per_mwh": told.account.price_usd_per_j.iter().copied().fold(f64::NEG_INFINITY, f64::max) / PER_MWH,
            "cheapest_tier_usd_per_mwh": cheapest_tier(case, campus),
            "curtailed_hours": told.account.hours,
            "curtailed_mwh": told.account.energy_j / MWH,
            "cost_usd": told.account.cost_usd,
            "saved_usd": told.account.saved_usd,
            "bill": told.with.as_ref().map(json_of),
            "bill_without": told.without.as_ref().map(json_of),
            "shaving": solved.shaved.get(index),
        })
    };
    case.campuses.iter().enumerate().map(each).collect()
}

/// Price at which the campus first gives way, $/MWh.
fn cheapest_tier(case: &Case, campus: &Named) -> Option<f64> {
    let prices = campus.units.clone().map(|unit| case.problem.units.cost_usd_per_j[unit] / PER_MWH);
    prices.min_by(f64::total_cmp)
}

fn json_of(bill: &Bill) -> Value {
    let months: Vec<Value> =
        bill.months.iter().map(|(month, peak_w)| json!({"month": month, "peak_mw": peak_w / MW})).collect();
    json!({
        "energy_mwh": bill.energy_j / MWH,
        "energy_usd": bill.energy_usd,
        "capacity_mw": bill.capacity_w.map(|power_w| power_w / MW),
        "capacity_hours": bill.capacity_hours,
        "capacity_usd": bill.capacity_usd,
        "transmission_mw": bill.transmission_w / MW,
        "transmission_hour": bill.transmission_hour,
        "transmission_usd": bill.transmission_usd,
        "months": months,
        "demand_usd": bill.demand_usd,
        "total_usd": bill.total_usd(),
        "mean_usd_per_mwh": bill.total_usd() / (bill.energy_j / MWH).max(1e-9),
    })
}

/// The campuses for people.
pub fn page(summary: &Value) -> String {
    let mut text = String::new();
    let number = |value: &Value, key: &str| value[key].as_f64().unwrap_or(0.0);
    let campuses = summary["campuses"].as_array().map_or(0, Vec::len);
    for campus in summary["campuses"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "\n{} in {}: {:.0} MW; gives up {:.1} MWh in {:.0} of {:.0} h for {:.1} k$",
            campus["name"].as_str().unwrap_or(""),
            campus["zone"].as_str().unwrap_or(""),
            number(campus, "power_mw"),
            number(campus, "curtailed_mwh"),
            number(campus, "curtailed_hours"),
            number(campus, "hours"),
            number(campus, "cost_usd") / 1e3
        );
        if let Some(tier) = campus["cheapest_tier_usd_per_mwh"].as_f64() {
            let _ = writeln!(
                text,
                "  its zone's price is at most {:.2} $/MWh; it first gives way at {tier:.2} $/MWh",
                number(campus, "price_most_usd_per_mwh")
            );
        }
        if let Some(saved) = campus["saved_usd"].as_f64() {
            let _ = writeln!(
                text,
                "  the dispatch of everybody costs {:.1} k$ {} for it, its own cost counted",
                saved.abs() / 1e3,
                if saved < 0.0 { "more" } else { "less" }
            );
        }
        let (with, without) = (&campus["bill"], &campus["bill_without"]);
        if with.is_null() {
            if !campus["shaving"].is_null() {
                text.push_str(&shaving::line(&campus["shaving"]));
            }
            continue;
        }
        let span = format!("bill of these {:.0} h", number(campus, "hours"));
        let _ = writeln!(text, "  {span:<42}{:>14}{:>18}", "as it runs", "never curtailed");
        let mut line = |label: String, key: &str| {
            let other = without[key].as_f64().map_or_else(|| "-".to_owned(), |value| format!("{:.3} M$", value / 1e6));
            let _ = writeln!(text, "  {label:<42}{:>11.3} M${other:>18}", number(with, key) / 1e6);
        };
        line(format!("energy, {:.1} GWh", number(with, "energy_mwh") / 1e3), "energy_usd");
        let peaks = with["capacity_mw"].as_f64().map_or_else(
            || "capacity: no summer day in these hours".to_owned(),
            |mw| format!("capacity, {mw:.1} MW in the five peaks"),
        );
        line(peaks, "capacity_usd");
        line(format!("transmission, {:.1} MW at the zone's peak", number(with, "transmission_mw")), "transmission_usd");
        line("demand, greatest hour of each month".to_owned(), "demand_usd");
        line(format!("all, {:.2} $/MWh", number(with, "mean_usd_per_mwh")), "total_usd");
        if !campus["shaving"].is_null() {
            text.push_str(&shaving::line(&campus["shaving"]));
        }
    }
    if let Some(saved) = summary["campuses_saved_usd"].as_f64().filter(|_| campuses > 1) {
        let _ = writeln!(
            text,
            "\nthe dispatch of everybody costs {:.1} k$ {} because the {campuses} campuses give way, their own cost counted",
            saved.abs() / 1e3,
            if saved < 0.0 { "more" } else { "less" }
        );
    }
    text
}

/// Hour by hour: draw, curtailment and price of each campus.
pub fn columns(case: &Case, dispatch: &Dispatch) -> Vec<(String, Vec<f64>)> {
    let mut numbers = Vec::new();
    for campus in &case.campuses {
        let placed = Placed { zone: campus.zone, units: campus.units.clone(), power_w: campus.power_w };
        let account = account(&case.problem, dispatch, None, &placed);
        let name = campus.name.replace(' ', "_");
        let draw = (0..case.problem.hours).map(|hour| account.base_w(hour, campus.power_w) / MW).collect();
        numbers.push((format!("{name}_draw_mw"), draw));
        numbers
            .push((format!("{name}_curtailed_mw"), account.curtailed_w.iter().map(|power_w| power_w / MW).collect()));
        let price = account.price_usd_per_j.iter().map(|price| price / PER_MWH).collect();
        numbers.push((format!("{name}_price_usd_per_mwh"), price));
    }
    numbers
}
