//! `tieline grid dispatch`: who generates hour by hour at least cost, what is congested, what it costs at each place.
//!
//! Not modelled: anything that `tieline_grid::dispatch` does not model.

use crate::outdir::OutDir;
use crate::{Verdict, screen, source, threads};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tieline_files::dispatch::{Case, Settings, builtin, builtin_names, read};
use tieline_files::table::TableWriter;
use tieline_grid::dispatch::{Dispatch, Problem, solve};
use tieline_sim::results::Table;

const MW: f64 = 1e6;
const MWH: f64 = 3.6e9;
const TWH: f64 = 3.6e15;
const PER_MWH: f64 = 1.0 / 3.6e9;
/// An hour in ns.
const HOUR_NS: i64 = 3_600_000_000_000;
/// Shedding and flows within this of nothing, or of their limit, are rounding, W.
const ROUNDING_W: f64 = 1000.0;
/// The solver by its name, for people and for `summary.json`.
const SOLVER: &str = "tieline's interior-point method for zones, storages and links";

/// What may be changed on the command line.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Print JSON.
    pub json: bool,
    /// Folder for the tables.
    pub out: Option<PathBuf>,
    /// Seed of what is drawn; the case's own when left out.
    pub seed: Option<u64>,
    /// Threads; the result does not depend on them.
    pub threads: Option<usize>,
}

/// Solves a case and prints it.
///
/// # Errors
/// A file that cannot be read, a folder that cannot be written.
pub fn dispatch(given: &str, asked: &Asked) -> Result<Verdict> {
    let Some((text, folder)) = text(given)? else { return Ok(Verdict::Usage) };
    let mut open = |reference: &str| match &folder {
        Some(folder) => source::open_ordinary(&folder.join(reference)),
        None => Err(std::io::Error::other("a built-in case has no file beside it")),
    };
    let settings = Settings { seed: asked.seed, ..Settings::default() };
    let case = match read(given, &text, &settings, &mut open) {
        Ok(case) => case,
        Err(mistakes) => {
            source::say_mistakes(&mistakes);
            return Ok(Verdict::No);
        }
    };
    let begun = Instant::now();
    let threads = asked.threads.unwrap_or_else(threads::cores).clamp(1, 64);
    let dispatch = match solve(&case.problem, &threads::on_threads(threads)) {
        Ok(dispatch) => dispatch,
        Err(failure) => {
            eprintln!("tieline: {}: {}", case.name, failure.words(&case.problem));
            return Ok(Verdict::No);
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let summary = summary(&case, &dispatch);
    if let Some(out) = &asked.out {
        write(out, &case, &dispatch, &summary)?;
    }
    let text = if asked.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        let mut text = page(&case, &dispatch, &summary, seconds);
        if let Some(out) = &asked.out {
            let _ = writeln!(text, "\ntables in {}", out.display());
        }
        text
    };
    screen::answer(&text, Verdict::Yes)
}

/// The text of a built-in case or of a file, with the file's folder.
fn text(given: &str) -> Result<Option<(String, Option<PathBuf>)>> {
    if let Some(text) = builtin(given) {
        return Ok(Some((text.to_owned(), None)));
    }
    if !source::is_path(given) {
        eprintln!(
            "tieline: no built-in grid is called \"{given}\"; there are {}; a file is given by its path",
            builtin_names().join(", ")
        );
        return Ok(None);
    }
    let path = Path::new(given);
    Ok(Some((source::read_text(path)?, Some(path.parent().map_or_else(PathBuf::new, Path::to_path_buf)))))
}

/// Sum over the hours of one column of an hour-by-hour array.
fn total(values: &[f64], count: usize, index: usize) -> f64 {
    values.iter().skip(index).step_by(count.max(1)).sum()
}

/// Everything that is said, as JSON.
fn summary(case: &Case, dispatch: &Dispatch) -> Value {
    let (problem, quality) = (&case.problem, &dispatch.quality);
    let units = problem.units.name.len();
    let emitted_kg: f64 = (0..units)
        .map(|unit| problem.units.kg_per_j[unit] * total(&dispatch.generation_w, units, unit) * problem.step_s)
        .sum();
    let (margin, margin_hour) = least_margin(problem);
    let sources: serde_json::Map<String, Value> =
        case.sources.iter().map(|(kind, count)| (kind.word().to_owned(), json!(count))).collect();
    json!({
        "schema": 1,
        "scenario": case.name,
        "seed": case.seed,
        "version": env!("CARGO_PKG_VERSION"),
        "solver": SOLVER,
        "metrics": {
            "dispatch.cost_usd": quality.cost_usd,
            "dispatch.bound_usd": quality.bound_usd,
            "dispatch.gap": quality.gap,
            "dispatch.iterations": quality.iterations,
            "dispatch.imbalance_w": quality.imbalance_w,
            "dispatch.energy_error_w": quality.energy_error_w,
            "dispatch.shed_mwh": dispatch.shed_w.iter().sum::<f64>() * problem.step_s / MWH,
            "dispatch.emissions_t": emitted_kg / 1000.0,
            "dispatch.least_margin": margin,
            "dispatch.least_margin_hour": margin_hour,
        },
        "zones": zones(problem, dispatch),
        "links": links(problem, dispatch),
        "stores": stores(problem, dispatch),
        "sources": sources,
    })
}

/// Least available power over load less one, of the whole system, and its hour.
fn least_margin(problem: &Problem) -> (f64, usize) {
    let mut least = (f64::INFINITY, 0);
    let stored_w: f64 = problem.stores.discharge_w.iter().sum();
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
            .filter(|flow_w| {
                **flow_w > links.forward_w[link] - ROUNDING_W || **flow_w < ROUNDING_W - links.backward_w[link]
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

/// The summary for people.
fn page(case: &Case, dispatch: &Dispatch, summary: &Value, seconds: f64) -> String {
    let (problem, quality) = (&case.problem, &dispatch.quality);
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
    let _ = writeln!(text, "cost            {:.6} M$", quality.cost_usd / 1e6);
    let _ = writeln!(
        text,
        "bound           {:.6} M$: no dispatch costs less (gap {:.1e}, certified from the prices alone)",
        quality.bound_usd / 1e6,
        quality.gap
    );
    let _ = writeln!(text, "solved by       {SOLVER}; {} iterations, {seconds:.2} s", quality.iterations);
    let _ = writeln!(
        text,
        "closes          every zone and hour within {:.1e} W, every storage within {:.1e} W",
        quality.imbalance_w, quality.energy_error_w
    );
    let _ = writeln!(text, "emissions       {:.3} Mt CO2", number(metrics, "dispatch.emissions_t") / 1e6);
    let _ = writeln!(
        text,
        "least margin    {:.1} % of the load, in hour {:.0} (available units and storages over load, no transfer limits)",
        100.0 * number(metrics, "dispatch.least_margin"),
        number(metrics, "dispatch.least_margin_hour")
    );
    let _ = writeln!(
        text,
        "\n{:<14}{:>10}{:>10}{:>28}{:>18}",
        "zone", "peak MW", "load TWh", "$/MWh mean least most", "unserved MWh (h)"
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
    let sources: Vec<String> = case.sources.iter().map(|(kind, count)| format!("{count} {}", kind.word())).collect();
    let _ = writeln!(text, "\nnumbers by source: {}", sources.join(", "));
    text
}

/// Writes `generation`, `zones`, `links` and `stores` as Parquet, and `summary.json`.
fn write(out: &Path, case: &Case, dispatch: &Dispatch, summary: &Value) -> Result<()> {
    let problem = &case.problem;
    let folder = OutDir::create(out)?;
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
