//! The tables of a dispatch: zones, links, storages, areas, as JSON and as Parquet.
//!
//! Not modelled: tables in other formats.

use super::{HOUR_NS, MW, MWH, PER_MWH, ROUNDING_W, Solved, TWH, campus, commitment, observed};
use crate::outdir::OutDir;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use tieline_files::dispatch::Case;
use tieline_files::table::TableWriter;
use tieline_grid::bill::month_of;
use tieline_grid::dispatch::{Dispatch, Problem};
use tieline_sim::results::Table;
use tieline_units::Span;

/// Sum over the hours of one column of an hour-by-hour array.
fn total(values: &[f64], count: usize, index: usize) -> f64 {
    values.iter().skip(index).step_by(count.max(1)).sum()
}

/// Everything that is said, as JSON.
pub fn summary(case: &Case, solved: &Solved) -> Value {
    let dispatch = &solved.dispatch;
    let (problem, quality) = (&case.problem, &dispatch.quality);
    let units = problem.units.name.len();
    let emitted_kg: f64 = (0..units)
        .map(|unit| problem.units.kg_per_j[unit] * total(&dispatch.generation_w, units, unit) * problem.step_s)
        .sum();
    let (margin, margin_hour) = least_margin(case);
    let sources: serde_json::Map<String, Value> =
        case.sources.iter().map(|(kind, count)| (kind.word().to_owned(), json!(count))).collect();
    json!({
        "schema": 1,
        "scenario": case.name,
        "seed": case.seed,
        "version": env!("CARGO_PKG_VERSION"),
        "solver": commitment::solver(solved),
        "metrics": {
            "dispatch.cost_usd": quality.cost_usd,
            "dispatch.bound_usd": quality.bound_usd,
            "dispatch.gap": quality.gap,
            "dispatch.iterations": quality.iterations,
            "dispatch.imbalance_w": quality.imbalance_w,
            "dispatch.energy_error_w": quality.energy_error_w,
            "dispatch.box_error_w": quality.box_error_w,
            "dispatch.shed_mwh": dispatch.shed_w.iter().sum::<f64>() * problem.step_s / MWH,
            "dispatch.emissions_t": emitted_kg / 1000.0 + 0.0,
            "dispatch.least_margin": margin,
            "dispatch.least_margin_hour": margin_hour,
        },
        "commitment": solved.commitment.as_ref().map(|commitment| &commitment.0),
        "zones": zones(problem, dispatch),
        "links": links(problem, dispatch),
        "stores": stores(problem, dispatch),
        "areas": areas(case),
        "observed": observed::summary(case, dispatch),
        "campuses": campus::summary(case, solved),
        "campuses_saved_usd": campus::saved_by_all(case, solved),
        "sources": sources,
    })
}

/// Least available power over load less one, of the whole system, and its hour; storages count by how long they last.
pub fn least_margin(case: &Case) -> (f64, usize) {
    let problem = &case.problem;
    let mut least = (f64::INFINITY, 0);
    let stored_w: f64 = (0..problem.stores.name.len()).map(|store| case.credited_w(store)).sum();
    for hour in 0..problem.hours {
        let load_w: f64 = (0..problem.zones.name.len()).map(|zone| problem.load_w(hour, zone)).sum();
        let able_w: f64 = (0..problem.units.name.len()).map(|unit| problem.available_w(hour, unit)).sum();
        let margin = (able_w + stored_w) / load_w.max(1.0) - 1.0;
        if margin < least.0 {
            least = (margin, hour);
        }
    }
    least
}

fn zones(problem: &Problem, dispatch: &Dispatch) -> Vec<Value> {
    let (count, units) = (problem.zones.name.len(), problem.units.name.len());
    let each = |zone: usize| {
        let loads = || (0..problem.hours).map(|hour| problem.load_w(hour, zone));
        let prices = || dispatch.price_usd_per_j.iter().skip(zone).step_by(count).map(|price| price / PER_MWH);
        let sheds = || dispatch.shed_w.iter().skip(zone).step_by(count);
        let load_w: f64 = loads().sum();
        let paid: f64 = loads().zip(prices()).map(|(load_w, price)| load_w * price).sum();
        let mut classes: Vec<(String, f64, f64)> = Vec::new();
        for unit in (0..units).filter(|unit| problem.units.zone[*unit] == zone) {
            let class = &problem.units.class[unit];
            let at = classes.iter().position(|known| known.0 == *class).unwrap_or_else(|| {
                classes.push((class.clone(), 0.0, 0.0));
                classes.len() - 1
            });
            classes[at].1 += total(&dispatch.generation_w, units, unit) * problem.step_s / TWH;
            classes[at].2 += problem.units.capacity_w[unit] / MW;
        }
        classes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let classes: Vec<Value> = classes
            .iter()
            .map(|(class, twh, mw)| json!({"class": class, "generation_twh": twh, "capacity_mw": mw}))
            .collect();
        json!({
            "name": problem.zones.name[zone],
            "load_twh": load_w * problem.step_s / TWH,
            "peak_mw": loads().fold(0.0, f64::max) / MW,
            "price_mean_usd_per_mwh": if load_w > 0.0 { paid / load_w } else { prices().sum::<f64>() / problem.hours as f64 },
            "price_least_usd_per_mwh": prices().fold(f64::INFINITY, f64::min),
            "price_most_usd_per_mwh": prices().fold(f64::NEG_INFINITY, f64::max),
            "shed_mwh": sheds().sum::<f64>() * problem.step_s / MWH,
            "shed_hours": sheds().filter(|shed_w| **shed_w > ROUNDING_W).count(),
            "generation": classes,
        })
    };
    (0..count).map(each).collect()
}

fn links(problem: &Problem, dispatch: &Dispatch) -> Vec<Value> {
    let (count, zones, links) = (problem.links.name.len(), problem.zones.name.len(), &problem.links);
    let each = |link: usize| {
        let flows = || dispatch.flow_w.iter().skip(link).step_by(count);
        let full = flows()
            .enumerate()
            .filter(|(hour, flow_w)| {
                let (forward_w, backward_w) = problem.limits_w(*hour, link);
                **flow_w > forward_w - ROUNDING_W || **flow_w < ROUNDING_W - backward_w
            })
            .count();
        let rent: f64 = flows()
            .enumerate()
            .map(|(hour, flow_w)| {
                let price = |zone: usize| dispatch.price_usd_per_j[hour * zones + zone];
                flow_w * problem.step_s * (price(links.to[link]) - price(links.from[link]))
            })
            .sum();
        json!({
            "name": links.name[link],
            "from": problem.zones.name[links.from[link]],
            "to": problem.zones.name[links.to[link]],
            "forward_twh": flows().map(|flow_w| flow_w.max(0.0)).sum::<f64>() * problem.step_s / TWH,
            "backward_twh": flows().map(|flow_w| (-flow_w).max(0.0)).sum::<f64>() * problem.step_s / TWH,
            "full_hours": full,
            "rent_usd": rent,
        })
    };
    (0..count).map(each).collect()
}

fn stores(problem: &Problem, dispatch: &Dispatch) -> Vec<Value> {
    let (count, stores) = (problem.stores.name.len(), &problem.stores);
    let each = |store: usize| {
        let out_j = total(&dispatch.discharge_w, count, store) * problem.step_s;
        json!({
            "name": stores.name[store],
            "zone": problem.zones.name[stores.zone[store]],
            "charged_gwh": total(&dispatch.charge_w, count, store) * problem.step_s / MWH / 1e3,
            "discharged_gwh": out_j / MWH / 1e3,
            "spilled_gwh": total(&dispatch.spill_w, count, store) * problem.step_s / MWH / 1e3,
            "cycles": out_j / stores.discharge_efficiency[store] / stores.energy_j[store].max(1.0),
        })
    };
    (0..count).map(each).collect()
}

/// Peak, installed and accredited capacity of each area, and its least margin month by month.
fn areas(case: &Case) -> Vec<Value> {
    let problem = &case.problem;
    let mut names: Vec<&String> = Vec::new();
    for area in case.areas.iter().filter(|area| !area.is_empty()) {
        if !names.contains(&area) {
            names.push(area);
        }
    }
    names.into_iter().map(|name| area(case, problem, name)).collect()
}

fn area(case: &Case, problem: &Problem, name: &str) -> Value {
    let zones: Vec<usize> = (0..case.areas.len()).filter(|zone| case.areas[*zone] == name).collect();
    let units: Vec<usize> =
        (0..problem.units.name.len()).filter(|unit| zones.contains(&problem.units.zone[*unit])).collect();
    let stores: Vec<usize> =
        (0..problem.stores.name.len()).filter(|store| zones.contains(&problem.stores.zone[*store])).collect();
    let stored_w: f64 = stores.iter().map(|store| problem.stores.discharge_w[*store]).sum();
    let credited_w: f64 = stores.iter().map(|store| case.credited_w(*store)).sum();
    // What campuses give up is load, not plant.
    let gives_way = |unit: usize| case.campuses.iter().any(|campus| campus.units.contains(&unit));
    let plants = units.iter().filter(|unit| !gives_way(**unit));
    let installed_w: f64 = plants.map(|unit| problem.units.capacity_w[*unit]).sum::<f64>() + stored_w;
    let rated: Vec<f64> =
        units.iter().filter_map(|unit| case.elcc[*unit].map(|elcc| elcc * problem.units.capacity_w[*unit])).collect();
    let told = !rated.is_empty() || stores.iter().any(|store| case.store_elcc[*store].is_some());
    let accredited_w = rated.iter().sum::<f64>() + credited_w;
    let (mut peak_w, mut energy_j) = (0.0_f64, 0.0);
    let mut months: Vec<(u32, f64, f64)> = Vec::new();
    for hour in 0..problem.hours {
        let load_w: f64 = zones.iter().map(|zone| problem.load_w(hour, *zone)).sum();
        let able_w: f64 = units.iter().map(|unit| problem.available_w(hour, *unit)).sum::<f64>() + credited_w;
        (peak_w, energy_j) = (peak_w.max(load_w), energy_j + load_w * problem.step_s);
        let month = month_of((case.start + Span::nanos(HOUR_NS * hour as i64)).day_and_hour(case.offset).0);
        let margin = able_w / load_w.max(1.0) - 1.0;
        match months.last_mut().filter(|last| last.0 == month) {
            Some(last) => (last.1, last.2) = (last.1.min(margin), last.2.max(load_w)),
            None => months.push((month, margin, load_w)),
        }
    }
    let months: Vec<Value> = months
        .into_iter()
        .map(|(month, margin, peak_w)| json!({"month": month, "least_margin": margin, "peak_mw": peak_w / MW}))
        .collect();
    json!({
        "name": name,
        "peak_mw": peak_w / MW,
        "load_twh": energy_j / TWH,
        "installed_mw": installed_w / MW,
        "installed_margin": installed_w / peak_w.max(1.0) - 1.0,
        "accredited_mw": if told { Some(accredited_w / MW) } else { None },
        "storage_mw": stored_w / MW,
        "storage_credited_mw": credited_w / MW,
        "months": months,
    })
}

/// Writes `generation`, `zones`, `links`, `stores`, `weather`, `campus` and `commitment` as Parquet, and `summary.json`.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn write(out: &Path, case: &Case, solved: &Solved, summary: &Value) -> Result<()> {
    let folder = OutDir::create(out)?;
    let tables = tables(case, solved);
    for table in &tables {
        let path = folder.path().join(format!("{}.parquet", table.name));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = TableWriter::new(BufWriter::new(file), table)?;
        writer.write(table)?;
        writer.finish()?;
    }
    let path = folder.path().join("summary.json");
    std::fs::write(&path, serde_json::to_string_pretty(summary)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    folder.finish()
}

/// The tables of a dispatch.
pub fn tables(case: &Case, solved: &Solved) -> Vec<Table> {
    let (problem, dispatch) = (&case.problem, &solved.dispatch);
    let utc_ns: Vec<i64> = (0..problem.hours).map(|hour| case.start.as_nanos() + HOUR_NS * hour as i64).collect();
    let one = |values: &[f64], count: usize, index: usize, per: f64| -> Vec<f64> {
        values.iter().skip(index).step_by(count.max(1)).map(|value| value / per).collect()
    };
    let mut tables = Vec::new();
    let mut add = |name: &str, numbers: Vec<(String, Vec<f64>)>| {
        if !numbers.is_empty() {
            tables.push(Table { name: name.to_owned(), utc_ns: utc_ns.clone(), numbers, texts: Vec::new() });
        }
    };
    let units = &problem.units.name;
    let column = |name: &str, what: &str| format!("{}_{what}", name.replace(' ', "_"));
    add(
        "generation",
        (0..units.len())
            .map(|unit| (column(&units[unit], "mw"), one(&dispatch.generation_w, units.len(), unit, MW)))
            .collect(),
    );
    let zones = &problem.zones.name;
    let mut numbers = Vec::new();
    for (zone, name) in zones.iter().enumerate() {
        numbers.push((column(name, "load_mw"), one(&problem.zones.load_w, zones.len(), zone, MW)));
        numbers.push((column(name, "unserved_mw"), one(&dispatch.shed_w, zones.len(), zone, MW)));
        numbers.push((column(name, "price_usd_per_mwh"), one(&dispatch.price_usd_per_j, zones.len(), zone, PER_MWH)));
    }
    add("zones", numbers);
    let links = &problem.links.name;
    add(
        "links",
        (0..links.len())
            .map(|link| (column(&links[link], "flow_mw"), one(&dispatch.flow_w, links.len(), link, MW)))
            .collect(),
    );
    let stores = &problem.stores.name;
    let mut numbers = Vec::new();
    for (store, name) in stores.iter().enumerate() {
        numbers.push((column(name, "charge_mw"), one(&dispatch.charge_w, stores.len(), store, MW)));
        numbers.push((column(name, "discharge_mw"), one(&dispatch.discharge_w, stores.len(), store, MW)));
        numbers.push((column(name, "spill_mw"), one(&dispatch.spill_w, stores.len(), store, MW)));
        numbers.push((column(name, "energy_mwh"), one(&dispatch.energy_j, stores.len(), store, MWH)));
        numbers.push((column(name, "value_usd_per_mwh"), one(&dispatch.value_usd_per_j, stores.len(), store, PER_MWH)));
    }
    add("stores", numbers);
    let mut numbers = Vec::new();
    for (zone, ambient_c) in case.ambient_c.iter().enumerate().filter(|(_, ambient_c)| !ambient_c.is_empty()) {
        numbers.push((column(&zones[zone], "ambient_c"), ambient_c.clone()));
    }
    add("weather", numbers);
    add("campus", campus::columns(case, dispatch));
    let running = solved.commitment.as_ref().map(|(_, running)| commitment::columns(problem, running));
    add("commitment", running.unwrap_or_default());
    tables
}
