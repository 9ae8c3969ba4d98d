//! Campuses that buy curtailment in the hours that set their bill: the plan, the dispatch with it, both bills.
//!
//! Not modelled: campuses that know of each other's plans beforehand; they plan one after the other, in the file's order.

use super::{MW, MWH, Solved, campus, placed};
use crate::threads;
use serde_json::{Value, json};
use tieline_files::dispatch::Case;
use tieline_grid::bill::Metered;
use tieline_grid::dispatch::{Failure, solve};
use tieline_sim::dispatch::Placed;
use tieline_sim::dispatch::shaving::{Before, Shaving, given_up, plan, put_back};

/// The answer with peaks shaved, and for each campus what that is, or why it is nothing.
///
/// # Errors
/// Why there is no dispatch.
pub fn shave(case: &Case, plain: Solved, threads: usize) -> Result<Solved, Failure> {
    let mut problem = case.problem.clone();
    let mut plans: Vec<(Placed, Shaving)> = Vec::new();
    for place in placed(case) {
        let shaving = planned(case, &plain, &plans);
        problem = given_up(&problem, &place, &shaving);
        plans.push((place, shaving));
    }
    let answer = solve(&problem, &threads::on_threads(threads))?;
    let dispatch = put_back(&case.problem, &answer, &plans);
    let shaved = Solved { dispatch, without: plain.without.clone(), shaved: Vec::new(), commitment: None };
    let each = |(index, (_, shaving)): (usize, &(Placed, Shaving))| {
        let named = &case.campuses[index];
        let (before, after) = (campus::told(case, &plain, named), campus::told(case, &shaved, named));
        let nothing = |why: &str| json!({ "hours": [], "why_nothing": why });
        let (Some(bill_before), Some(bill_after)) = (&before.with, &after.with) else {
            return nothing("it has no tariff, so there is no bill");
        };
        if named.units.is_empty() {
            return nothing("it has no tier to give way with");
        }
        let worth = &shaving.worth;
        let sums = (bill_before.total_usd() + before.account.cost_usd, bill_after.total_usd() + after.account.cost_usd);
        json!({
            "hours": shaving.hours.iter().map(|own| own.0).collect::<Vec<usize>>(),
            "hours_mw": shaving.hours.iter().map(|own| shaving.extra_w(own.0) / MW).collect::<Vec<f64>>(),
            "tried": shaving.tried,
            "why_nothing": shaving.hours.is_empty().then(|| worth.why_nothing()),
            "zone_peak_usd_per_mwh": worth.zone_peak_usd_per_j * MWH,
            "system_peak_usd_per_mwh": worth.system_peak_usd_per_j * MWH,
            "month_usd_per_mw": worth.month_usd_per_w * MW,
            "cheapest_tier_beyond_energy_usd_per_mwh": worth.cheapest_usd_per_j.map(|usd| usd * MWH),
            "mwh": shaving.energy_j() / MWH,
            "most_mw": shaving.hours.iter().map(|own| shaving.extra_w(own.0)).fold(0.0, f64::max) / MW,
            "cost_usd": shaving.cost_usd,
            "bill_before_usd": bill_before.total_usd(),
            "bill_after_usd": bill_after.total_usd(),
            "own_cost_before_usd": before.account.cost_usd,
            "own_cost_after_usd": after.account.cost_usd,
            "saved_usd": sums.0 - sums.1,
        })
    };
    let told = plans.iter().enumerate().map(each).collect();
    Ok(Solved { shaved: told, ..shaved })
}

/// The plan of the campus after those that have planned.
fn planned(case: &Case, plain: &Solved, plans: &[(Placed, Shaving)]) -> Shaving {
    let named = &case.campuses[plans.len()];
    let Some((tariff, area)) = &named.tariff else { return Shaving::default() };
    let (problem, dispatch) = (&case.problem, &plain.dispatch);
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let within = |zone: usize| area.is_empty() || case.areas[zone] == *area;
    let (mut system_w, mut zone_w) =
        (campus::metered_w(case, dispatch, within), campus::metered_w(case, dispatch, |zone| zone == named.zone));
    for (place, shaving) in plans {
        for (hour, _) in &shaving.hours {
            let less_w = shaving.extra_w(*hour);
            system_w[*hour] -= if within(place.zone) { less_w } else { 0.0 };
            zone_w[*hour] -= if place.zone == named.zone { less_w } else { 0.0 };
        }
    }
    let tiers: Vec<(f64, f64)> =
        named.units.clone().map(|unit| (problem.units.capacity_w[unit], problem.units.cost_usd_per_j[unit])).collect();
    let hours = 0..problem.hours;
    let used_w: Vec<f64> = hours
        .clone()
        .flat_map(|hour| named.units.clone().map(move |unit| dispatch.generation_w[hour * units + unit]))
        .collect();
    let price: Vec<f64> = hours.clone().map(|hour| dispatch.price_usd_per_j[hour * zones + named.zone]).collect();
    let count = tiers.len();
    let campus_w: Vec<f64> =
        hours.map(|hour| named.power_w - used_w[hour * count..(hour + 1) * count].iter().sum::<f64>()).collect();
    let metered = Metered {
        start: case.start,
        offset: case.offset,
        campus_w: &campus_w,
        price_usd_per_j: &price,
        system_w: &system_w,
        zone_w: &zone_w,
    };
    plan(&Before { tariff, metered, in_area: within(named.zone), tiers: &tiers, used_w: &used_w })
}

/// What shaving came to, for people.
pub fn line(shaving: &Value) -> String {
    let number = |key: &str| shaving[key].as_f64().unwrap_or(0.0);
    let hours = shaving["hours"].as_array().map_or(0, Vec::len);
    if hours == 0 {
        return format!("  peak shaving: nothing is bought: {}\n", shaving["why_nothing"].as_str().unwrap_or(""));
    }
    let (before, after) = (number("bill_before_usd"), number("bill_after_usd"));
    format!(
        "  peak shaving: {:.1} MWh more in {hours} peak hours (at most {:.1} MW) for {:.1} k$; bill {:.3} M$ instead of {:.3} M$\n  \
         bill and its own cost together: {:.1} k$ less, the best of {:.0} sets of levels that were tried;\n  \
         the peaks are known beforehand (foresight is perfect), so who must guess them saves less\n",
        number("mwh"),
        number("most_mw"),
        number("cost_usd") / 1e3,
        after / 1e6,
        before / 1e6,
        number("saved_usd") / 1e3,
        number("tried")
    )
}
