//! A grid of zones from EIA-930 hours: one zone for each demand file, and the fleet by fuel as the fuel mix shows it.
//!
//! The fuel mix does not say where a fuel stands: the fleet stands in a zone of its own, `pool`, joined to every zone by a
//! link that never binds. Wind, sun, water, nuclear and other give what was observed; gas, coal and oil are dispatched up
//! to their greatest observed hour. What was generated beyond the zones' load is the pool's export (and losses), what was
//! missing its import, and what a fuel drew (pumping) is its load, so that dispatched and observed energy are the same in sum.
//!
//! Not modelled: where units stand, limits between zones, outages, costs that are more than a guess.

use super::hours::{Holds, Hours, Part, megawatts};
use core::fmt::Write as _;

/// Where the fleet stands.
const POOL: &str = "pool";
/// guess: a link's limit over its zone's greatest hour, so that it never binds.
const ROOM: f64 = 1.05;

/// A fuel of EIA-930 in a grid of ours.
struct Fuel {
    code: &'static str,
    class: &'static str,
    /// Whether it gives what was observed.
    observed: bool,
    cost: &'static str,
    cost_source: &'static str,
    kg_per_mwh: f64,
}

/// guess: costs and emissions of the classes of our `pjm-like`.
const FLEET: [Fuel; 8] = [
    fuel("NUC", "nuclear", true, "8 $/MWh", "guess: as nuclear of pjm-like", 0.0),
    fuel("WND", "wind", true, "0 $/MWh", "guess: no fuel", 0.0),
    fuel("SUN", "sun", true, "0 $/MWh", "guess: no fuel", 0.0),
    fuel("WAT", "hydro", true, "0 $/MWh", "guess: no fuel", 0.0),
    fuel("OTH", "other", true, "0 $/MWh", "guess: taken as it comes", 0.0),
    fuel("NG", "gas", false, "29 $/MWh", "guess: as combined cycle of pjm-like, 27 to 31 $/MWh", 370.0),
    fuel("COL", "coal", false, "31 $/MWh", "guess: as coal of pjm-like, 27 to 35 $/MWh", 980.0),
    fuel("OIL", "oil", false, "65 $/MWh", "guess: as oil and gas steam of pjm-like", 620.0),
];

const fn fuel(
    code: &'static str,
    class: &'static str,
    observed: bool,
    cost: &'static str,
    cost_source: &'static str,
    kg_per_mwh: f64,
) -> Fuel {
    Fuel { code, class, observed, cost, cost_source, kg_per_mwh }
}

/// Which columns belong to a grid, and what was left out and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Parts that are zones.
    pub zones: Vec<usize>,
    /// The fuel mix.
    pub mix: Option<usize>,
    /// In words.
    pub remarks: Vec<String>,
}

/// Chooses the zones of a grid among files: those of the fuel mix's authority; a total beside its zones is none.
///
/// # Errors
/// No demand file, or more than one fuel mix; in words.
pub fn plan(parts: &[Part]) -> Result<Plan, String> {
    let mixes: Vec<usize> = (0..parts.len()).filter(|part| parts[*part].holds == Holds::FuelMix).collect();
    if mixes.len() > 1 {
        let names: Vec<&str> = mixes.iter().map(|mix| parts[*mix].file.as_str()).collect();
        return Err(format!("{} fuel mixes ({}); expected at most one for a grid", mixes.len(), names.join(", ")));
    }
    let mut plan = Plan { mix: mixes.first().copied(), ..Plan::default() };
    let demand: Vec<usize> = (0..parts.len()).filter(|part| parts[*part].holds == Holds::Demand).collect();
    let whole = |part: usize| parts[part].named.0 == parts[part].named.1;
    let authority = plan.mix.map(|mix| parts[mix].named.0.clone());
    let known = authority.as_ref().is_some_and(|name| demand.iter().any(|part| parts[*part].named.0 == *name));
    if let Some(name) = authority.as_ref().filter(|_| !known) {
        plan.remarks.push(format!("no demand file is named after {name}, the fuel mix's: all count as its zones"));
    }
    for part in &demand {
        let own = &parts[*part].named.0;
        if known && authority.as_ref() != Some(own) {
            plan.remarks.push(format!("{} is left out: the fuel mix is not {own}'s", parts[*part].file));
        } else if whole(*part) && demand.iter().any(|other| parts[*other].named.0 == *own && !whole(*other)) {
            plan.remarks.push(format!(
                "{} is left out: by its name it stands for the whole beside its zones",
                parts[*part].file
            ));
        } else {
            plan.zones.push(*part);
        }
    }
    if plan.zones.is_empty() {
        return Err("no demand file; a grid needs the load of at least one zone".to_owned());
    }
    if plan.mix.is_none() {
        plan.remarks.push("no fuel mix: the grid has zones and no units; add them, or name one with --mix".to_owned());
    }
    Ok(plan)
}

/// The grid's text and the columns of its series; the hours must have no gaps in the plan's columns.
#[must_use]
pub fn grid(name: &str, series: &str, parts: &[Part], plan: &Plan, hours: &Hours) -> (String, Vec<(String, Vec<f64>)>) {
    let mine = |part: usize| hours.columns.iter().filter(move |column| column.part == part);
    let most_mw = |values: &[f64]| megawatts(values).into_iter().fold(0.0, f64::max);
    let mut columns = Vec::new();
    let mut text = head(name, series, parts, plan, hours);
    let (mut load_w, mut given_w) = (vec![0.0; hours.hours], vec![0.0; hours.hours]);
    let add = |sum: &mut [f64], values: &[f64]| sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    let mut links = String::new();
    for part in &plan.zones {
        let (authority, zone) = &parts[*part].named;
        for column in mine(*part) {
            let _ = writeln!(text, "[[zone]]\nname = \"{zone}\"\narea = \"{authority}\"\nload = \"{}\"\n", column.name);
            let limit = (ROOM * most_mw(&column.values_w)).ceil();
            let _ = writeln!(
                links,
                "[[link]]\nname = \"{POOL}-{zone}\"\nfrom = \"{POOL}\"\nto = \"{zone}\"\n\
                 limit = {{ value = \"{limit} MW\", source = \"guess: 5 % above the zone's greatest hour, so that it never binds\" }}\n",
            );
            columns.push((column.name.clone(), megawatts(&column.values_w)));
            add(&mut load_w, &column.values_w);
        }
    }
    let Some(mix) = plan.mix else { return (text, columns) };
    // What a fuel draws (pumping, charging) is load of the pool, beside the export.
    let mut drawn_w = vec![0.0; hours.hours];
    for column in mine(mix) {
        add(&mut given_w, &column.values_w);
        add(&mut drawn_w, &column.values_w.iter().map(|value| (-value).max(0.0)).collect::<Vec<f64>>());
        let given: Vec<f64> = column.values_w.iter().map(|value| value.max(0.0)).collect();
        columns.push((column.name.clone(), megawatts(&given)));
    }
    let over = |from: &[f64], less: &[f64]| -> Vec<f64> {
        from.iter().zip(less).map(|(from, less)| (from - less).max(0.0)).collect()
    };
    let mut export_w = over(&given_w, &load_w);
    add(&mut export_w, &drawn_w);
    let (export, import) = (megawatts(&export_w), megawatts(&over(&load_w, &given_w)));
    let _ = writeln!(
        text,
        "# Where the fleet stands: a fuel mix does not say in which zone. Its load is what was generated beyond the zones' load:\n\
         # exports and losses, and what pumps and batteries drew.\n[[zone]]\nname = \"{POOL}\"\narea = \"{}\"\nload = \"{POOL}_export_mw\"\n",
        parts[mix].named.0
    );
    for fuel in &FLEET {
        let ending = format!("{}_generation_mw", fuel.code.to_ascii_lowercase());
        let Some(column) = mine(mix).find(|column| column.name.ends_with(&ending)) else { continue };
        unit(&mut text, fuel, &column.name, most_mw(&column.values_w));
    }
    let most = import.iter().copied().fold(0.0, f64::max);
    if most > 0.0 {
        let _ = writeln!(
            text,
            "# What the zones drew beyond what was generated.\n[[unit]]\nname = \"import\"\nclass = \"import\"\nzone = \"{POOL}\"\n\
             capacity = \"{most} MW\"\ncost = {{ value = \"0 $/MWh\", source = \"guess: taken as it came\" }}\n\
             profile = \"{POOL}_import_mw\"\nobserved = \"{POOL}_import_mw\"\n"
        );
    }
    columns.push((format!("{POOL}_export_mw"), export));
    columns.push((format!("{POOL}_import_mw"), import));
    text.push_str(&links);
    (text, columns)
}

fn unit(text: &mut String, fuel: &Fuel, column: &str, most_mw: f64) {
    if most_mw <= 0.0 {
        return;
    }
    let Fuel { class, cost, cost_source, kg_per_mwh, .. } = fuel;
    let _ = write!(
        text,
        "[[unit]]\nname = \"{class}\"\nclass = \"{class}\"\nzone = \"{POOL}\"\ncapacity = \"{most_mw} MW\"\n\
         cost = {{ value = \"{cost}\", source = \"{cost_source}\" }}\n"
    );
    if *kg_per_mwh > 0.0 {
        let _ = writeln!(
            text,
            "emissions_kg_per_mwh = {{ value = {kg_per_mwh}, source = \"guess: as the same class of pjm-like\" }}"
        );
    }
    if fuel.observed {
        let _ = writeln!(text, "profile = \"{column}\"");
    }
    let _ = writeln!(text, "observed = \"{column}\"\n");
}

fn head(name: &str, series: &str, parts: &[Part], plan: &Plan, hours: &Hours) -> String {
    let authority = &parts[plan.mix.unwrap_or(plan.zones[0])].named.0;
    let count = plan.zones.len();
    let filled: usize = hours.columns.iter().map(|column| column.filled).sum();
    let (comment, source) = match filled {
        0 => (String::new(), String::new()),
        count => (
            format!("# {count} of the values are no measurements but straight lines between their neighbours.\n"),
            format!(", {count} values filled by straight lines"),
        ),
    };
    let what = if plan.mix.is_some() { "zones and the fleet by fuel" } else { "zones without units" };
    format!(
        "# A grid of zones from hourly EIA-930 files: {what}. Hours are UTC and named by their beginning. Loads, and the\n\
         # output of nuclear, wind, sun, water and other, are as measured; capacities of gas, coal and oil are their greatest\n\
         # hours here. Costs, emissions and the links are guesses: change them.\n{comment}\
         schema = 1\nname = \"{name}\"\ntitle = \"{} in {count} zones, measured hours from {}\"\nstart = \"{}\"\n\
         # The local clock, for months and days of bills: change it where the grid is not in US Eastern time.\n\
         utc_offset = \"-5 h\"\nhours = {}\nseries = \"{series}\"\nsource = \"measured: EIA-930, hourly{source}\"\n\
         shed_price = {{ value = \"9000 $/MWh\", source = \"guess: value of lost load in planning studies\" }}\n\n",
        authority.to_uppercase(),
        hours.start,
        hours.start,
        hours.hours
    )
}
