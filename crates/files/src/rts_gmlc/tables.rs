//! The tables one by one: buses, branches, units, the DC line, storage, reserves, and the columns that each must have.
//!
//! Not modelled: columns that are not named here.

use super::sheet::{self, Sheet};
use super::{Drive, Link, MBTU_J, Mistakes, POUND_KG, Reserve, Reservoir, Unit, VOLTAGE_SHARE};
use std::collections::BTreeMap;
use std::f64::consts::PI;
use tieline_grid::network::{BusKind, Cost, Network};

pub(super) const BUS: &[&str] =
    &["Bus ID", "BaseKV", "Bus Type", "MW Load", "MVAR Load", "V Mag", "V Angle", "MW Shunt G", "MVAR Shunt B", "Area"];
pub(super) const BRANCH: &[&str] =
    &["UID", "From Bus", "To Bus", "R", "X", "B", "Cont Rating", "LTE Rating", "Tr Ratio"];
pub(super) const GEN: &[&str] = &[
    "GEN UID",
    "Bus ID",
    "Unit Type",
    "Category",
    "MW Inj",
    "MVAR Inj",
    "V Setpoint p.u.",
    "PMax MW",
    "PMin MW",
    "QMax MVAR",
    "QMin MVAR",
    "Min Down Time Hr",
    "Min Up Time Hr",
    "Ramp Rate MW/Min",
    "Start Heat Cold MBTU",
    "Start Heat Warm MBTU",
    "Start Heat Hot MBTU",
    "Start Time Cold Hr",
    "Start Time Warm Hr",
    "Non Fuel Start Cost $",
    "FOR",
    "MTTF Hr",
    "MTTR Hr",
    "Fuel Price $/MMBTU",
    "Output_pct_0",
    "Output_pct_1",
    "HR_avg_0",
    "HR_incr_1",
    "VOM",
    "Emissions CO2 Lbs/MMBTU",
];
/// Types of units that burn fuel; any other that is not driven otherwise is taken for one, and that is said.
const THERMAL: [&str; 4] = ["CT", "CC", "STEAM", "NUCLEAR"];
/// Types of units that are driven otherwise.
const OTHERWISE: [&str; 8] = ["WIND", "PV", "HYDRO", "ROR", "CSP", "RTPV", "STORAGE", "SYNC_COND"];
/// Columns of gen.csv that are used and may be empty, but for the heat-rate blocks.
const MAY_BE_EMPTY: [&str; 7] = [
    "Start Time Hot Hr",
    "Non Fuel Shutdown Cost $",
    "Pump Load MW",
    "Storage Roundtrip Efficiency",
    "Emissions CO2 Lbs/MMBTU",
    "VOM",
    "Scheduled Maint Weeks",
];
pub(super) const DC: &[&str] = &["UID", "From Bus", "To Bus", "MW Load"];
pub(super) const STORAGE: &[&str] = &["GEN UID", "Storage", "Max Volume GWh", "Initial Volume GWh"];
pub(super) const RESERVE: &[&str] =
    &["Reserve Product", "Timeframe (sec)", "Requirement (MW)", "Eligible Regions", "Direction"];
pub(super) const POINTERS: &[&str] = &["Simulation", "Category", "Object", "Parameter", "Data File"];

pub(super) fn buses(sheet: &Sheet, network: &mut Network, wrong: &mut Mistakes) -> (BTreeMap<u64, usize>, Vec<u64>) {
    let mut places = BTreeMap::new();
    let mut area = Vec::new();
    for row in &sheet.rows {
        let Some(number) = sheet.whole(row, "Bus ID", wrong) else { continue };
        if places.insert(number, network.buses.number.len()).is_some() {
            wrong.say(&sheet.file, row.line, format!("bus {number} stands here a second time"));
        }
        let kind = match sheet.word(row, "Bus Type") {
            "PQ" => BusKind::Load,
            "PV" => BusKind::Regulated,
            "Ref" | "REF" | "Slack" => BusKind::Reference,
            "Isolated" | "None" => BusKind::Isolated,
            other => {
                let other = other.to_owned();
                wrong.say(&sheet.file, row.line, format!("found Bus Type \"{other}\", expected PQ, PV or Ref"));
                BusKind::Load
            }
        };
        let mut value = |column: &str| sheet.number(row, column, wrong);
        let b = &mut network.buses;
        b.number.push(number);
        b.name.push(sheet.word(row, "Bus Name").to_owned());
        b.kind.push(kind);
        b.load_w.push(value("MW Load") * 1e6);
        b.load_var.push(value("MVAR Load") * 1e6);
        b.shunt_w.push(value("MW Shunt G") * 1e6);
        b.shunt_var.push(value("MVAR Shunt B") * 1e6);
        let share = value("V Mag");
        b.voltage_share.push(share);
        b.angle_rad.push(value("V Angle") * PI / 180.0);
        b.nominal_v.push(value("BaseKV") * 1e3);
        b.least_share.push(VOLTAGE_SHARE.0);
        b.most_share.push(VOLTAGE_SHARE.1);
        if !(share > 0.0 && share < 10.0) {
            wrong.say(
                &sheet.file,
                row.line,
                format!("found V Mag {share} at bus {number}, expected about 1 (per unit)"),
            );
        }
        b.zone.push(sheet.maybe(row, "Zone").filter(|zone| *zone >= 0.0).map_or(0, |zone| zone as u64));
        area.push(sheet.whole(row, "Area", wrong).unwrap_or(0));
    }
    network.buses.area.clone_from(&area);
    (places, area)
}

/// Whether a column of gen.csv is used and may have empty cells.
pub(super) fn may_be_empty(column: &str) -> bool {
    MAY_BE_EMPTY.contains(&column) || column.starts_with("Output_pct_") || column.starts_with("HR_incr_")
}

/// What is taken for a unit that burns fuel though nobody said so; a type in other letters is a mistake, for it would be
/// taken so too.
pub(super) fn unit_types(sheet: &Sheet, wrong: &mut Mistakes) -> Vec<String> {
    let mut unnamed: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &sheet.rows {
        let found = sheet.word(row, "Unit Type");
        let known = THERMAL.iter().chain(&OTHERWISE);
        match known.clone().find(|known| known.eq_ignore_ascii_case(found)) {
            Some(meant) if *meant == found => {}
            Some(meant) => wrong.say(&sheet.file, row.line, format!("found Unit Type \"{found}\", expected {meant}")),
            None => *unnamed.entry(found).or_insert(0) += 1,
        }
    }
    let told = |(found, count): (&str, usize)| {
        format!("{count} unit(s) of Unit Type \"{found}\", which is not known, are taken to burn fuel")
    };
    unnamed.into_iter().map(told).collect()
}

/// The bus that a column names.
fn place(
    sheet: &Sheet,
    row: &sheet::Row,
    column: &str,
    places: &BTreeMap<u64, usize>,
    wrong: &mut Mistakes,
) -> Option<usize> {
    let number = sheet.whole(row, column, wrong)?;
    let found = places.get(&number).copied();
    if found.is_none() {
        wrong.say(&sheet.file, row.line, format!("{column} names bus {number}, which bus.csv does not have"));
    }
    found
}

pub(super) fn branches(
    sheet: &Sheet,
    network: &mut Network,
    places: &BTreeMap<u64, usize>,
    wrong: &mut Mistakes,
) -> (Vec<String>, Vec<f64>) {
    let (mut names, mut emergency) = (Vec::new(), Vec::new());
    for row in &sheet.rows {
        let ends = (place(sheet, row, "From Bus", places, wrong), place(sheet, row, "To Bus", places, wrong));
        let (Some(from), Some(to)) = ends else { continue };
        let mut value = |column: &str| sheet.number(row, column, wrong);
        let (r, x, b_pu, tap) = (value("R"), value("X"), value("B"), value("Tr Ratio"));
        let (rating, long) = (value("Cont Rating"), value("LTE Rating"));
        if from == to || (r == 0.0 && x == 0.0) {
            wrong.say(&sheet.file, row.line, "the branch joins a bus to itself, or has R = 0 and X = 0".to_owned());
        }
        if rating < 0.0 || long < 0.0 || tap < 0.0 {
            let found = format!("found ratings {rating} and {long} and Tr Ratio {tap}, expected 0 or more");
            wrong.say(&sheet.file, row.line, found);
        }
        let limit = |mw: f64| if mw == 0.0 { f64::INFINITY } else { mw * 1e6 };
        let b = &mut network.branches;
        b.from.push(from);
        b.to.push(to);
        b.name.push(sheet.word(row, "UID").to_owned());
        b.r_pu.push(r);
        b.x_pu.push(x);
        b.charging_pu.push(b_pu);
        b.rating_va.push(limit(rating));
        let known = |mw: f64| (mw > 0.0).then_some(mw * 1e6);
        b.short_term_va.push(known(long));
        b.emergency_va.push(sheet.maybe(row, "STE Rating").and_then(known));
        b.tap.push(if tap == 0.0 { 1.0 } else { tap });
        b.shift_rad.push(0.0);
        b.in_service.push(true);
        b.least_angle_rad.push(f64::NEG_INFINITY);
        b.most_angle_rad.push(f64::INFINITY);
        names.push(sheet.word(row, "UID").to_owned());
        emergency.push(limit(long));
    }
    (names, emergency)
}

pub(super) fn generators(
    sheet: &Sheet,
    network: &mut Network,
    places: &BTreeMap<u64, usize>,
    wrong: &mut Mistakes,
) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for row in &sheet.rows {
        let Some(bus) = place(sheet, row, "Bus ID", places, wrong) else { continue };
        let name = sheet.word(row, "GEN UID").to_owned();
        if units.iter().any(|unit| unit.name == name) {
            wrong.say(&sheet.file, row.line, format!("unit {name} stands here a second time"));
        }
        let drive = match sheet.word(row, "Unit Type") {
            "WIND" | "PV" | "HYDRO" | "ROR" | "CSP" => Drive::Weather,
            "RTPV" => Drive::MustTake,
            "STORAGE" => Drive::Storage,
            "SYNC_COND" => Drive::Condenser,
            _ => Drive::Fuel,
        };
        let water = matches!(sheet.word(row, "Unit Type"), "HYDRO" | "ROR");
        let mut value = |column: &str| sheet.number(row, column, wrong);
        let (most, least) = (value("PMax MW"), value("PMin MW"));
        let (most_var, least_var) = (value("QMax MVAR"), value("QMin MVAR"));
        let fuel_usd = value("Fuel Price $/MMBTU");
        let fixed = value("Non Fuel Start Cost $");
        let mut start = |column: &str| value(column) * fuel_usd + fixed;
        let start_usd = [start("Start Heat Hot MBTU"), start("Start Heat Warm MBTU"), start("Start Heat Cold MBTU")];
        let unit = Unit {
            name: name.clone(),
            category: sheet.word(row, "Category").to_owned(),
            drive,
            ramp_w_per_s: value("Ramp Rate MW/Min") * 1e6 / 60.0,
            least_up_s: value("Min Up Time Hr") * 3600.0,
            least_down_s: value("Min Down Time Hr") * 3600.0,
            start_usd,
            warm_after_h: value("Start Time Warm Hr"),
            cold_after_h: value("Start Time Cold Hr"),
            hot_after_h: sheet.maybe(row, "Start Time Hot Hr").unwrap_or(0.0),
            stop_usd: sheet.maybe(row, "Non Fuel Shutdown Cost $").unwrap_or(0.0),
            pump_w: sheet.maybe(row, "Pump Load MW").unwrap_or(0.0).max(0.0) * 1e6,
            round_trip: sheet
                .maybe(row, "Storage Roundtrip Efficiency")
                .map(|percent| percent / 100.0)
                .filter(|share| (0.01..=1.0).contains(share)),
            outage_share: value("FOR"),
            to_failure_h: value("MTTF Hr"),
            to_repair_h: value("MTTR Hr"),
            fuel_usd_per_j: fuel_usd / MBTU_J,
            co2_kg_per_j: sheet.maybe(row, "Emissions CO2 Lbs/MMBTU").map(|pounds| pounds * POUND_KG / MBTU_J),
            vom_usd_per_j: sheet.maybe(row, "VOM").unwrap_or(0.0) / 3.6e9,
            maintenance_weeks: sheet.maybe(row, "Scheduled Maint Weeks").unwrap_or(0.0).max(0.0),
            inflow_w: None,
            available_w: None,
            must_w: None,
        };
        let g = &mut network.generators;
        g.bus.push(bus);
        g.name.push(name.clone());
        g.output_w.push(value("MW Inj") * 1e6);
        g.output_var.push(value("MVAR Inj") * 1e6);
        g.most_var.push(most_var * 1e6);
        g.least_var.push(least_var * 1e6);
        g.voltage_share.push(value("V Setpoint p.u."));
        g.in_service.push(drive == Drive::Fuel || drive == Drive::Condenser || water);
        g.most_w.push(most * 1e6);
        g.least_w.push(least * 1e6);
        g.cost.push(Some(cost(sheet, row, most, fuel_usd, wrong)));
        if least > most || least_var > most_var {
            let found = format!("found PMin {least} and PMax {most}, QMin {least_var} and QMax {most_var} at {name}");
            wrong.say(&sheet.file, row.line, format!("{found}; expected least at most the most"));
        }
        if most < 0.0 && matches!(drive, Drive::Weather | Drive::MustTake) {
            let found = format!("found PMax {most} at {name}, which follows sun, wind or water");
            wrong.say(&sheet.file, row.line, format!("{found}; expected 0 or more (what draws power is a load)"));
        }
        let percent = sheet.maybe(row, "Storage Roundtrip Efficiency").unwrap_or(0.0);
        if percent != 0.0 && !(1.0..=100.0).contains(&percent) {
            let found = format!("found Storage Roundtrip Efficiency {percent} at {name}");
            wrong.say(&sheet.file, row.line, format!("{found}, expected percent, 1 to 100 (0: none)"));
        }
        if unit.ramp_w_per_s < 0.0 {
            wrong.say(&sheet.file, row.line, format!("found a negative ramp rate at {name}"));
        }
        units.push(unit);
    }
    units
}

/// Heat (BTU/kWh times MW over 1000 is MMBTU/h) times price, plus VOM, at the ends of the blocks.
fn cost(sheet: &Sheet, row: &sheet::Row, most: f64, fuel_usd: f64, wrong: &mut Mistakes) -> Cost {
    let vom = sheet.maybe(row, "VOM").unwrap_or(0.0);
    if fuel_usd == 0.0 || most == 0.0 {
        return Cost::Polynomial(vec![0.0, vom]);
    }
    let mut at_mw = sheet.number(row, "Output_pct_0", wrong) * most;
    let mut heat = sheet.number(row, "HR_avg_0", wrong) * at_mw / 1000.0;
    let mut points = vec![(at_mw, heat * fuel_usd + vom * at_mw)];
    for block in 1.. {
        let (share, rate) = (format!("Output_pct_{block}"), format!("HR_incr_{block}"));
        let (share, rate) = match (sheet.maybe(row, &share), sheet.maybe(row, &rate)) {
            (Some(share), Some(rate)) => (share, rate),
            (None, None) => break,
            (there, _) => {
                let (there, missing) = if there.is_some() { (share, rate) } else { (rate, share) };
                wrong.say(&sheet.file, row.line, format!("found {there} without {missing}, expected both or none"));
                break;
            }
        };
        let end = share * most;
        if end <= at_mw {
            wrong.say(
                &sheet.file,
                row.line,
                format!("Output_pct_{block} is {share}: expected more than the one before"),
            );
            break;
        }
        heat += rate * (end - at_mw) / 1000.0;
        at_mw = end;
        points.push((at_mw, heat * fuel_usd + vom * at_mw));
    }
    if points.len() < 2 {
        wrong.say(&sheet.file, row.line, "found fuel at a price and no heat-rate block".to_owned());
    }
    Cost::Piecewise(points)
}

pub(super) fn dc_lines(
    sheet: &Sheet,
    network: &Network,
    places: &BTreeMap<u64, usize>,
    wrong: &mut Mistakes,
) -> Vec<Link> {
    let mut links = Vec::new();
    for row in &sheet.rows {
        let ends = (place(sheet, row, "From Bus", places, wrong), place(sheet, row, "To Bus", places, wrong));
        let (Some(from), Some(to)) = ends else { continue };
        let most_w = sheet.number(row, "MW Load", wrong) * 1e6;
        if most_w < 0.0 {
            wrong.say(&sheet.file, row.line, "found a negative MW Load, expected the line's capacity".to_owned());
        }
        let buses = &network.buses;
        if let Some(dead) = [from, to].into_iter().find(|bus| buses.kind[*bus] == BusKind::Isolated) {
            let hint = "delete the row, or give the bus another Bus Type";
            let found = format!("the line ends at bus {}, which is Isolated", buses.number[dead]);
            wrong.say(&sheet.file, row.line, format!("{found}; expected two buses in service ({hint})"));
        } else if from == to {
            let found = format!("the line begins and ends at bus {}", buses.number[from]);
            wrong.say(&sheet.file, row.line, format!("{found}; expected two buses"));
        }
        links.push(Link { name: sheet.word(row, "UID").to_owned(), from, to, most_w });
    }
    links
}

pub(super) fn reservoirs(sheet: &Sheet, units: &BTreeMap<String, usize>, wrong: &mut Mistakes) -> Vec<Reservoir> {
    let mut found = Vec::new();
    for row in &sheet.rows {
        let name = sheet.word(row, "GEN UID");
        let Some(unit) = units.get(name) else {
            wrong.say(&sheet.file, row.line, format!("GEN UID names {name}, which gen.csv does not have"));
            continue;
        };
        let gwh = 3.6e12;
        let mut volume = |column: &str| sheet.number(row, column, wrong);
        let (most, first) = (volume("Max Volume GWh"), volume("Initial Volume GWh"));
        if !(0.0..=most).contains(&first) {
            let what = format!(
                "found Max Volume {most} and Initial Volume {first} GWh, expected 0 or more, and no more at first"
            );
            wrong.say(&sheet.file, row.line, what);
        }
        let name = sheet.word(row, "Storage").to_owned();
        found.push(Reservoir { unit: *unit, name, most_j: most * gwh, first_j: first * gwh });
    }
    found
}

pub(super) fn reserves(sheet: &Sheet, wrong: &mut Mistakes) -> Vec<Reserve> {
    let mut found = Vec::new();
    for row in &sheet.rows {
        let up = match sheet.word(row, "Direction") {
            "Up" => true,
            "Down" => false,
            other => {
                let other = other.to_owned();
                wrong.say(&sheet.file, row.line, format!("found Direction \"{other}\", expected Up or Down"));
                continue;
            }
        };
        let regions = sheet.word(row, "Eligible Regions").trim_matches(['(', ')']);
        let areas: Vec<u64> = regions.split(',').filter_map(|region| region.trim().parse().ok()).collect();
        if areas.len() != regions.split(',').count() {
            let what = format!("found Eligible Regions \"{regions}\", expected numbers of areas with commas");
            wrong.say(&sheet.file, row.line, what);
        }
        found.push(Reserve {
            name: sheet.word(row, "Reserve Product").to_owned(),
            within_s: sheet.number(row, "Timeframe (sec)", wrong),
            up,
            categories: sheet
                .word(row, "Eligible Device SubCategories")
                .trim_matches(['(', ')'])
                .split(',')
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect(),
            areas,
            needed_w: vec![sheet.number(row, "Requirement (MW)", wrong) * 1e6],
        });
    }
    found
}
