//! What makes a problem meaningless, all of it at once.
//!
//! Not modelled: judgement of figures that are merely odd.

use super::{Ends, Problem};

/// Most columns times hours that a problem may have: about 10 GB of memory.
const MOST_COLUMNS: usize = 100_000_000;

/// See [`Problem::complaints`].
pub fn complaints(problem: &Problem) -> Vec<String> {
    let mut found = Vec::new();
    let zones = problem.zones.name.len();
    if problem.hours == 0 || !(problem.step_s > 0.0 && problem.step_s.is_finite()) {
        found.push("a dispatch needs at least one step, of a length above zero".to_owned());
    }
    if zones == 0 {
        found.push("a dispatch needs at least one zone".to_owned());
    }
    if problem.zones.load_w.len() != problem.hours * zones || problem.zones.shed_price_usd_per_j.len() != zones {
        found.push("loads and shedding prices must be given for every zone and hour".to_owned());
    }
    let columns = problem.units.name.len() + zones + 4 * problem.stores.name.len() + problem.links.name.len();
    if problem.hours.saturating_mul(columns) > MOST_COLUMNS {
        found.push(format!("{} hours of {columns} unknowns are more than {MOST_COLUMNS}", problem.hours));
    }
    if problem.profiles.iter().any(|profile| profile.len() != problem.hours) {
        found.push(format!("every profile must have {} values", problem.hours));
    }
    lengths(problem, &mut found);
    if found.is_empty() {
        figures(problem, &mut found);
    }
    found
}

fn lengths(problem: &Problem, found: &mut Vec<String>) {
    let (units, stores, links) = (&problem.units, &problem.stores, &problem.links);
    let (u, s, l) = (units.name.len(), stores.name.len(), links.name.len());
    let of_units = [
        units.class.len(),
        units.zone.len(),
        units.capacity_w.len(),
        units.cost_usd_per_j.len(),
        units.kg_per_j.len(),
        units.profile.len(),
        if units.machines.is_empty() { u } else { units.machines.len() },
    ];
    let of_stores = [
        stores.zone.len(),
        stores.charge_w.len(),
        stores.discharge_w.len(),
        stores.energy_j.len(),
        stores.charge_efficiency.len(),
        stores.discharge_efficiency.len(),
        stores.keep.len(),
        stores.ends.len(),
        stores.inflow.len(),
    ];
    let rated = if links.rating.is_empty() { l } else { links.rating.len() };
    let of_links = [links.from.len(), links.to.len(), links.forward_w.len(), links.backward_w.len(), rated];
    for (what, count, lengths) in
        [("units", u, &of_units[..]), ("storages", s, &of_stores[..]), ("links", l, &of_links[..])]
    {
        if lengths.iter().any(|length| *length != count) {
            found.push(format!("the arrays of the {what} have different lengths"));
        }
    }
}

fn figures(problem: &Problem, found: &mut Vec<String>) {
    let zones = problem.zones.name.len();
    let good = |value: f64| value.is_finite() && value >= 0.0;
    let share = |value: f64| value > 0.0 && value <= 1.0;
    for (at, load_w) in problem.zones.load_w.iter().enumerate() {
        if !good(*load_w) {
            let (hour, zone) = (at / zones, &problem.zones.name[at % zones]);
            found.push(format!("load of {zone} in hour {hour} is {load_w} W; it must be finite and not negative"));
            break;
        }
    }
    if problem.zones.shed_price_usd_per_j.iter().flatten().any(|price| !price.is_finite()) {
        found.push("prices of shedding must be finite".to_owned());
    }
    if problem.profiles.iter().flatten().any(|share| !good(*share)) {
        found.push("profiles must be finite and not negative".to_owned());
    }
    let profiles = problem.profiles.len();
    let known = |profile: Option<usize>| profile.is_none_or(|profile| profile < profiles);
    let units = &problem.units;
    for unit in 0..units.name.len() {
        let sound = units.zone[unit] < zones
            && good(units.capacity_w[unit])
            && units.cost_usd_per_j[unit].is_finite()
            && units.kg_per_j[unit].is_finite()
            && known(units.profile[unit]);
        if !sound {
            found.push(format!("unit {}: zone, capacity, cost, emissions or profile", units.name[unit]));
        }
        if let Some(machines) = problem.machines(unit) {
            let fit = (1..=100_000).contains(&machines.count)
                && (0.0..=1.0).contains(&machines.least)
                && good(machines.start_usd)
                && machines.least_up.max(machines.least_down) <= 8_784
                && known(machines.up);
            if !fit {
                found.push(format!("unit {}: machines, their least output, starts or least times", units.name[unit]));
            }
        }
    }
    let stores = &problem.stores;
    for store in 0..stores.name.len() {
        let sound = stores.zone[store] < zones
            && [stores.charge_w[store], stores.discharge_w[store], stores.energy_j[store]].into_iter().all(good)
            && [stores.charge_efficiency[store], stores.discharge_efficiency[store], stores.keep[store]]
                .into_iter()
                .all(share)
            && known(stores.inflow[store]);
        if !sound {
            found.push(format!("storage {}: zone, powers, energy, efficiencies, losses or inflow", stores.name[store]));
        } else {
            ends(problem, store, found);
        }
    }
    let links = &problem.links;
    for link in 0..links.name.len() {
        let sound = links.from[link] < zones
            && links.to[link] < zones
            && links.from[link] != links.to[link]
            && good(links.forward_w[link])
            && good(links.backward_w[link])
            && known(links.rating.get(link).copied().flatten());
        if !sound {
            found.push(format!(
                "link {}: its zones must differ, its limits be finite and not negative, its rating be known",
                links.name[link]
            ));
        }
    }
}

/// Fixed ends that no charging or discharging can reach.
fn ends(problem: &Problem, store: usize, found: &mut Vec<String>) {
    let stores = &problem.stores;
    let Ends::Fixed { first_j, last_j } = stores.ends[store] else { return };
    let name = &stores.name[store];
    if ![first_j, last_j].into_iter().all(|energy_j| (0.0..=stores.energy_j[store]).contains(&energy_j)) {
        found.push(format!("storage {name}: its first and last energy must lie between empty and full"));
        return;
    }
    // The most and the least that it can hold, hour by hour; spilling is always allowed.
    let (mut most_j, mut least_j) = (first_j, first_j);
    let in_j = stores.charge_efficiency[store] * stores.charge_w[store] * problem.step_s;
    let out_j = stores.discharge_w[store] / stores.discharge_efficiency[store] * problem.step_s;
    for hour in 0..problem.hours {
        let inflow_j = problem.inflow_w(hour, store) * problem.step_s;
        most_j = (stores.keep[store] * most_j + inflow_j + in_j).min(stores.energy_j[store]);
        least_j = (stores.keep[store] * least_j - out_j).max(0.0);
    }
    if last_j > most_j * (1.0 + 1e-12) || last_j < least_j * (1.0 - 1e-12) {
        found.push(format!(
            "storage {name}: it cannot end with {:.3} MWh; between {:.3} and {:.3} MWh are in reach",
            last_j / 3.6e9,
            least_j / 3.6e9,
            most_j / 3.6e9
        ));
    }
}
