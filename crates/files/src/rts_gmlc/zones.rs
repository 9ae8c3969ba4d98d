//! An RTS-GMLC folder as a grid of zones: its areas with their hourly load, their units, and the ties between areas.
//!
//! A unit costs what it costs at full output: heat of all its blocks times fuel, plus VOM, over its greatest output. A link
//! carries the sum of the continuous ratings of the branches between two areas, a DC line its own. A plant with a tank and
//! an inflow (CSP) is a storage that only gives. For commitment it has its least output, its least times, and a warm start.
//!
//! Not modelled: blocks, ramps, hot and cold starts, reserves, the network within areas and Kirchhoff's laws between
//! them, outages of storages and lines, energy in storages at the beginning (they end as they began).

use super::{Drive, System};
use core::fmt::Write as _;
use std::collections::BTreeMap;
use tieline_grid::network::{BusKind, Cost};

/// J of a MWh.
const MWH: f64 = 3.6e9;
/// Days of the year over which weeks of maintenance are spread.
const YEAR_DAYS: f64 = 365.25;

/// Columns by name: MW, hour by hour.
pub type Columns = Vec<(String, Vec<f64>)>;

/// What of a folder is not in a grid of zones.
pub const LOST: [&str; 5] = [
    "ramps, reserves, hot and cold starts; heat-rate blocks but for their sum at full output",
    "the network within areas; between areas, everything but the sum of ratings",
    "that rooftops must be taken: like all sun they may be curtailed at no cost",
    "outages of storages and lines, and the energy in storages at the beginning",
    "the heat of the CSP plant counts as power one to one",
];

/// The grid's text and the columns of its series.
#[must_use]
pub fn grid(name: &str, series: &str, system: &System) -> (String, Columns) {
    let mut columns = Columns::new();
    let mut text = head(name, series, system);
    for (area, load_w) in &system.area_load_w {
        let column = format!("area_{area}_load_mw");
        let _ = writeln!(text, "[[zone]]\nname = \"area {area}\"\narea = \"{name}\"\nload = \"{column}\"\n");
        columns.push((column, megawatts(load_w)));
    }
    units(&mut text, system, &mut columns);
    stores(&mut text, system, &mut columns);
    links(&mut text, system);
    (text, columns)
}

/// MW to a whole watt.
fn megawatts(values_w: &[f64]) -> Vec<f64> {
    values_w.iter().map(|value| value.round() / 1e6).collect()
}

/// Beginning of the first hour. The tables' clock is local; that it is seven hours behind UTC is a guess.
#[must_use]
pub fn start(system: &System) -> String {
    let (year, month, day) = system.first_day;
    format!("{year:04}-{month:02}-{day:02}T00:00:00-07:00")
}

fn head(name: &str, series: &str, system: &System) -> String {
    format!(
        "# A grid of zones from RTS-GMLC's tables: areas, units at their cost at full output, ties by their continuous ratings.\n\
         # Data of the Reliability Test System of the Grid Modernization Laboratory Consortium (NREL); see its notice.\n\
         schema = 1\nname = \"{name}\"\ntitle = \"RTS-GMLC in {} areas, {} units\"\nstart = \"{}\"\n\
         # The tables' clock is local, without daylight saving; where it lies against UTC they do not say.\nutc_offset = \"-7 h\"\n\
         hours = {}\nseries = \"{series}\"\nsource = \"claim: RTS-GMLC tables\"\n\
         shed_price = {{ value = \"9000 $/MWh\", source = \"guess: value of lost load in planning studies\" }}\n\n",
        system.area_load_w.len(),
        system.units.iter().filter(|unit| unit.drive != Drive::Condenser).count(),
        start(system),
        system.hours,
    )
}

/// Whether a unit stands at a bus in service and can give something.
fn counts(system: &System, unit: usize) -> bool {
    let generators = &system.network.generators;
    let live = system.network.buses.kind[generators.bus[unit]] != BusKind::Isolated;
    live && generators.most_w[unit] > 0.0 && system.units[unit].drive != Drive::Condenser
}

/// Cost of a unit at full output, $/MWh, and its emissions there, kg/MWh.
fn at_full(system: &System, unit: usize) -> (f64, Option<f64>) {
    let (known, most_w) = (&system.units[unit], system.network.generators.most_w[unit]);
    let usd_per_mwh = match &system.network.generators.cost[unit] {
        // Points are MW and $/h.
        Some(Cost::Piecewise(points)) => points.last().map_or(0.0, |(mw, usd)| if *mw > 0.0 { usd / mw } else { 0.0 }),
        Some(Cost::Polynomial(terms)) => {
            let mw = most_w / 1e6;
            let usd: f64 = terms.iter().enumerate().map(|(power, term)| term * mw.powi(power as i32)).sum();
            usd / mw
        }
        None => 0.0,
    };
    let heat = (usd_per_mwh / MWH - known.vom_usd_per_j) / known.fuel_usd_per_j;
    let kg = known.co2_kg_per_j.filter(|_| heat.is_finite() && heat > 0.0).map(|kg| kg * heat * MWH);
    (usd_per_mwh, kg.filter(|kg| *kg > 0.0))
}

/// Units of an area that say the same of themselves: each is a machine of one unit.
fn alike(system: &System, columns: &mut Columns) -> Vec<(String, Vec<usize>)> {
    let mut found: Vec<(String, Vec<usize>)> = Vec::new();
    for (unit, known) in system.units.iter().enumerate() {
        if !counts(system, unit) || known.drive == Drive::Storage || system.filled_reservoir(unit).is_some() {
            continue;
        }
        let text = unit_text(system, unit, columns);
        let most_w = |unit: usize| system.network.generators.most_w[unit];
        let same = |(other, units): &(String, Vec<usize>)| *other == text && most_w(units[0]) == most_w(unit);
        match found.iter_mut().find(|other| known.available_w.is_none() && same(other)) {
            Some((_, units)) => units.push(unit),
            None => found.push((text, vec![unit])),
        }
    }
    found
}

fn units(text: &mut String, system: &System, columns: &mut Columns) {
    for (lines, units) in alike(system, columns) {
        let first = units[0];
        let most_mw = system.network.generators.most_w[first] / 1e6;
        let names: Vec<&str> = units.iter().map(|unit| system.units[*unit].name.as_str()).collect();
        if let [name] = names[..] {
            let _ = writeln!(text, "[[unit]]\nname = \"{name}\"\ncapacity = \"{most_mw} MW\"\n{lines}");
        } else {
            // A size says of what machines outages and commitment are; without either it says nothing.
            let singly = ["outage", "planned", "least", "start_cost"].iter().any(|key| lines.contains(key));
            let size = if singly { format!("size = \"{most_mw} MW\"\n") } else { String::new() };
            let _ = writeln!(
                text,
                "# {}\n[[unit]]\nname = \"{} and {} more\"\ncapacity = \"{} MW\"\n{size}{lines}",
                names.join(", "),
                names[0],
                names.len() - 1,
                rounded(most_mw * names.len() as f64)
            );
        }
    }
}

/// The keys of a unit but its name, its size and how much there is of it.
fn unit_text(system: &System, unit: usize, columns: &mut Columns) -> String {
    let (known, mut text) = (&system.units[unit], String::new());
    let (usd_per_mwh, kg_per_mwh) = at_full(system, unit);
    let _ = writeln!(
        text,
        "class = \"{}\"\nzone = \"area {}\"\ncost = \"{} $/MWh\"",
        known.category.to_lowercase(),
        system.area[system.network.generators.bus[unit]],
        rounded(usd_per_mwh)
    );
    if let Some(kg) = kg_per_mwh {
        let _ = writeln!(text, "emissions_kg_per_mwh = {}", rounded(kg));
    }
    if known.outage_share > 0.0 && known.outage_share <= 0.9 && known.to_repair_h >= 1.0 {
        let (percent, hours) = (rounded(100.0 * known.outage_share), known.to_repair_h);
        let _ = writeln!(text, "outage = \"{percent} %\"\nrepair = \"{hours} h\"");
    }
    let planned = 7.0 * known.maintenance_weeks / YEAR_DAYS;
    if planned > 0.0 && planned <= 0.25 {
        let _ = writeln!(text, "planned = \"{} %\"", rounded(100.0 * planned));
    }
    commitment(&mut text, system, unit);
    if let Some(available_w) = &known.available_w {
        let column = format!("{}_mw", known.name.to_lowercase());
        let _ = writeln!(text, "profile = \"{column}\"");
        columns.push((column, megawatts(available_w)));
    }
    text
}

/// What commitment asks of a unit; nothing for what gives any output at any time.
fn commitment(text: &mut String, system: &System, unit: usize) {
    let known = &system.units[unit];
    let least_w = system.network.generators.least_w[unit];
    if least_w > 0.0 && known.available_w.is_none() {
        let _ = writeln!(text, "least = \"{} MW\"", rounded(least_w / 1e6));
    }
    // Where the table has no warm start, it has a cold one.
    let start_usd = if known.start_usd[1] > 0.0 { known.start_usd[1] } else { known.start_usd[2] };
    if start_usd > 0.0 {
        let _ = writeln!(text, "start_cost = \"{} $\"", (start_usd * 100.0).round() / 100.0);
    }
    for (key, seconds) in [("least_up", known.least_up_s), ("least_down", known.least_down_s)] {
        if seconds > 0.0 {
            let _ = writeln!(text, "{key} = \"{} h\"", rounded(seconds / 3600.0));
        }
    }
}

/// Six decimals at most, so that the file can be read.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn stores(text: &mut String, system: &System, columns: &mut Columns) {
    for (unit, known) in system.units.iter().enumerate().filter(|(unit, _)| counts(system, *unit)) {
        let most_mw = system.network.generators.most_w[unit] / 1e6;
        let area = system.area[system.network.generators.bus[unit]];
        let head = |energy_j: f64| {
            format!(
                "[[store]]\nname = \"{}\"\nzone = \"area {area}\"\npower = \"{most_mw} MW\"\nenergy = \"{} MWh\"\n",
                known.name,
                rounded(energy_j / MWH)
            )
        };
        if let (Some(tank), Some(inflow_w)) = (system.filled_reservoir(unit), &known.inflow_w) {
            let column = format!("{}_inflow_mw", known.name.to_lowercase());
            text.push_str(&head(tank.most_j));
            let _ = writeln!(
                text,
                "charge_power = \"0 MW\"\ncharge_efficiency = \"100 %\"\ndischarge_efficiency = \"100 %\"\ninflow = \"{column}\"\n"
            );
            columns.push((column, megawatts(inflow_w)));
        } else if known.drive == Drive::Storage {
            // The upper reservoir; its lower one mirrors it.
            let Some(tank) = system.reservoir(unit) else { continue };
            let efficiency = rounded(100.0 * known.round_trip.unwrap_or(1.0).sqrt());
            text.push_str(&head(tank.most_j));
            let _ = writeln!(
                text,
                "charge_power = \"{} MW\"\n# The root of the table's round trip, each way.\ncharge_efficiency = \"{efficiency} %\"\ndischarge_efficiency = \"{efficiency} %\"\n",
                known.pump_w / 1e6
            );
        }
    }
}

fn links(text: &mut String, system: &System) {
    let branches = &system.network.branches;
    let live = |bus: usize| system.network.buses.kind[bus] != BusKind::Isolated;
    let mut ties: BTreeMap<(u64, u64), (f64, Vec<&str>)> = BTreeMap::new();
    for branch in 0..branches.from.len() {
        let (from, to) = (branches.from[branch], branches.to[branch]);
        let (one, other) = (system.area[from], system.area[to]);
        if one == other || !branches.in_service[branch] || !live(from) || !live(to) {
            continue;
        }
        let tie = ties.entry((one.min(other), one.max(other))).or_default();
        tie.0 += branches.rating_va[branch];
        tie.1.push(&system.branch_name[branch]);
    }
    let greatest = |load_w: &Vec<f64>| load_w.iter().copied().fold(0.0, f64::max);
    let all_w: f64 = system.area_load_w.values().map(greatest).sum();
    for ((one, other), (limit_va, names)) in ties {
        // A rating of nothing means no limit: more than all load can never flow.
        let limit_mw = limit_va.min(all_w) / 1e6;
        let _ = writeln!(
            text,
            "# {}\n[[link]]\nname = \"{one}-{other}\"\nfrom = \"area {one}\"\nto = \"area {other}\"\nlimit = \"{limit_mw} MW\"\n",
            names.join(", ")
        );
    }
    for line in &system.links {
        let (one, other) = (system.area[line.from], system.area[line.to]);
        if one != other {
            let _ = writeln!(
                text,
                "[[link]]\nname = \"{}\"\nfrom = \"area {one}\"\nto = \"area {other}\"\nlimit = \"{} MW\"\n",
                line.name,
                line.most_w / 1e6
            );
        }
    }
}
