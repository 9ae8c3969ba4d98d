//! Grids in RTS-GMLC's folder of CSV tables: buses, branches, units with heat-rate blocks, the DC line, storage,
//! reserves and day-ahead series by the hour.
//!
//! Layout and columns: RTS-GMLC, `RTS_Data/SourceData/README.md`. Tables are plain or gzip. All mistakes are collected,
//! each with file and line. Costs are heat times fuel price plus VOM; voltage limits are 0.95 and 1.05, as the project's own
//! MATPOWER copy has them (the tables name none). Without an hour the network is that copy: peak load of
//! `bus.csv`, units that follow sun, wind or inflow out of service. At an hour, bus loads are their area's load by share.
//!
//! Not modelled: the five-minute series, the charge of storage by the hour, emissions
//! other than CO2.

mod series;
mod sheet;
pub mod zones;

use crate::matpower::Mistake;
use core::fmt;
use series::Series;
use sheet::Sheet;
use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::io::{self, Read};
use tieline_grid::network::{BusKind, Cost, Network};

/// Opens a file of the folder by its path below `RTS_Data`, for example `SourceData/bus.csv`.
pub type Open<'a> = &'a mut dyn FnMut(&str) -> io::Result<Box<dyn Read>>;

/// Most mistakes that are told whole.
const MOST_MISTAKES: usize = 50;
/// claim: base of the per-unit impedances (RTS-GMLC README), VA.
const BASE_VA: f64 = 100e6;
/// claim: voltage limits of the MATPOWER copy, share of nominal.
const VOLTAGE_SHARE: (f64, f64) = (0.95, 1.05);
/// A pound, kg; a million British thermal units, J (definitions).
const POUND_KG: f64 = 0.453_592_37;
/// See `POUND_KG`.
const MBTU_J: f64 = 1.055_055_852_62e9;

/// All mistakes of a folder, each with its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    /// File and mistake; at most 50.
    pub list: Vec<(String, Mistake)>,
    /// How many more there are.
    pub more: usize,
}

impl Mistakes {
    fn say(&mut self, file: &str, line: usize, reason: String) {
        if self.list.len() < MOST_MISTAKES {
            self.list.push((file.to_owned(), Mistake { line, reason }));
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (file, mistake)) in self.list.iter().enumerate() {
            let lead = if index > 0 { "\n" } else { "" };
            match mistake.line {
                0 => write!(f, "{lead}{file}: {}", mistake.reason)?,
                line => write!(f, "{lead}{file}:{line}: {}", mistake.reason)?,
            }
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// What drives a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Fuel: it is committed and dispatched.
    Fuel,
    /// Sun, wind or water by the hour: at most what the series says.
    Weather,
    /// As `Weather`, and all of it is taken (rooftops).
    MustTake,
    /// Storage; its charge is not followed here.
    Storage,
    /// It gives reactive power alone.
    Condenser,
}

/// What a unit is besides its place in the network; same order as the network's generators.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// GEN UID.
    pub name: String,
    /// Category of the table, for example "Gas CC".
    pub category: String,
    /// What drives it.
    pub drive: Drive,
    /// Up and down, W/s.
    pub ramp_w_per_s: f64,
    /// Least time on and off, s.
    pub least_up_s: f64,
    /// Least time off, s.
    pub least_down_s: f64,
    /// Start from hot, warm, cold, $ (fuel and other).
    pub start_usd: [f64; 3],
    /// Hours off after which a start is warm and cold.
    pub warm_after_h: f64,
    /// See `warm_after_h`.
    pub cold_after_h: f64,
    /// Hours off up to which a start is hot at least; 0 where the table says nothing.
    pub hot_after_h: f64,
    /// Stop, $.
    pub stop_usd: f64,
    /// Draw of a storage that fills, W; 0 where the table says nothing.
    pub pump_w: f64,
    /// Given back per drawn; nothing where the table has none.
    pub round_trip: Option<f64>,
    /// Share of time under forced outage.
    pub outage_share: f64,
    /// Mean time to failure and to repair, h.
    pub to_failure_h: f64,
    /// Mean time to repair, h.
    pub to_repair_h: f64,
    /// Fuel, $ per J of heat.
    pub fuel_usd_per_j: f64,
    /// CO2, kg per J of heat; nothing where the table has no number.
    pub co2_kg_per_j: Option<f64>,
    /// Operation and maintenance, $ per J given.
    pub vom_usd_per_j: f64,
    /// Weeks of planned maintenance in a year; 0 where the table has no number.
    pub maintenance_weeks: f64,
    /// What flows into its tank in every hour, W; nothing where the folder has no such series.
    pub inflow_w: Option<Vec<f64>>,
    /// What it can give in every hour, W; nothing for what is not driven by a series.
    pub available_w: Option<Vec<f64>>,
    /// What must be taken of it in every hour, W; nothing where no series says so.
    pub must_w: Option<Vec<f64>>,
}

/// A DC line whose flow is set at will.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// UID.
    pub name: String,
    /// Index of the buses.
    pub from: usize,
    /// Index of the bus at its end.
    pub to: usize,
    /// Most power, either way, W.
    pub most_w: f64,
}

/// A row of `storage.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reservoir {
    /// Its unit, an index of `units`.
    pub unit: usize,
    /// Name.
    pub name: String,
    /// Energy when full, J.
    pub most_j: f64,
    /// Energy at the beginning, J.
    pub first_j: f64,
}

/// A reserve product.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserve {
    /// Name.
    pub name: String,
    /// In which time it must be there, s.
    pub within_s: f64,
    /// Whether it is more output, or less.
    pub up: bool,
    /// Numbers of the areas that count.
    pub areas: Vec<u64>,
    /// Requirement, W, for every hour; one entry where the table has only the annual figure.
    pub needed_w: Vec<f64>,
}

/// A folder as read.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// The network without an hour.
    pub network: Network,
    /// Units, one per generator.
    pub units: Vec<Unit>,
    /// Name of every branch (UID), and its long-term emergency rating, VA.
    pub branch_name: Vec<String>,
    /// See `branch_name`.
    pub emergency_va: Vec<f64>,
    /// Area of every bus.
    pub area: Vec<u64>,
    /// DC lines.
    pub links: Vec<Link>,
    /// Reservoirs.
    pub reservoirs: Vec<Reservoir>,
    /// Reserve products.
    pub reserves: Vec<Reserve>,
    /// Year, month and day of the first hour.
    pub first_day: (i16, i8, i8),
    /// Hours of the series.
    pub hours: usize,
    /// Load of every area in every hour, W.
    pub area_load_w: BTreeMap<u64, Vec<f64>>,
    /// What the folder has and tieline does not use, in words.
    pub remarks: Vec<String>,
}

impl System {
    /// Load of every bus in an hour (from 0), W.
    #[must_use]
    pub fn load_w(&self, hour: usize) -> Vec<f64> {
        let peak = self.peak_w();
        let buses = &self.network.buses;
        let one = |(bus, area): (usize, &u64)| match (self.area_load_w.get(area), peak.get(area)) {
            (Some(load), Some(peak)) if *peak > 0.0 => buses.load_w[bus] / peak * load[hour],
            _ => buses.load_w[bus],
        };
        self.area.iter().enumerate().map(one).collect()
    }

    /// All upward reserves that an hour (from 0) asks for, W.
    #[must_use]
    pub fn reserve_up_w(&self, hour: usize) -> f64 {
        let one = |reserve: &Reserve| reserve.needed_w.get(hour).or(reserve.needed_w.first()).copied().unwrap_or(0.0);
        self.reserves.iter().filter(|reserve| reserve.up).map(one).sum()
    }

    fn peak_w(&self) -> BTreeMap<u64, f64> {
        let mut peak = BTreeMap::new();
        for (area, load) in self.area.iter().zip(&self.network.buses.load_w) {
            *peak.entry(*area).or_insert(0.0) += load;
        }
        peak
    }

    /// The network at an hour (from 0): loads, and what sun, wind and water give; storage out of service.
    #[must_use]
    pub fn at(&self, hour: usize) -> Network {
        let mut network = self.network.clone();
        let load_w = self.load_w(hour);
        for (bus, load) in load_w.iter().enumerate() {
            let before = self.network.buses.load_w[bus];
            if before != 0.0 {
                network.buses.load_var[bus] *= load / before;
            }
        }
        network.buses.load_w = load_w;
        let g = &mut network.generators;
        for (unit, known) in self.units.iter().enumerate() {
            if let Some(available) = &known.available_w {
                g.in_service[unit] = true;
                g.most_w[unit] = available[hour];
                g.least_w[unit] = if known.drive == Drive::MustTake { available[hour] } else { 0.0 };
                g.output_w[unit] = available[hour];
            }
        }
        network.name = format!("{} hour {}", self.network.name, hour + 1);
        network
    }
}

/// Reads a folder; `name` is for messages and becomes the network's.
///
/// # Errors
/// All mistakes, each with file, line, found and expected.
pub fn read(name: &str, open: Open<'_>) -> Result<System, Mistakes> {
    let mut wrong = Mistakes::default();
    let mut sheet = |file: &str, wanted: &[&str], wrong: &mut Mistakes| Sheet::read(file, wanted, open, wrong);
    let bus = sheet("SourceData/bus.csv", BUS, &mut wrong);
    let branch = sheet("SourceData/branch.csv", BRANCH, &mut wrong);
    let gen_table = sheet("SourceData/gen.csv", GEN, &mut wrong);
    let dc = sheet("SourceData/dc_branch.csv", DC, &mut wrong);
    let storage = sheet("SourceData/storage.csv", STORAGE, &mut wrong);
    let reserve = sheet("SourceData/reserves.csv", RESERVE, &mut wrong);
    let pointers = sheet("SourceData/timeseries_pointers.csv", POINTERS, &mut wrong);
    let mut network = Network { name: name.to_owned(), base_va: BASE_VA, ..Network::default() };
    let (places, area) = buses(&bus, &mut network, &mut wrong);
    let (branch_name, emergency_va) = branches(&branch, &mut network, &places, &mut wrong);
    let mut units = generators(&gen_table, &mut network, &places, &mut wrong);
    let links = dc_lines(&dc, &network, &places, &mut wrong);
    let by_name: BTreeMap<String, usize> = units.iter().enumerate().map(|(u, unit)| (unit.name.clone(), u)).collect();
    let reservoirs = reservoirs(&storage, &by_name, &mut wrong);
    let mut reserves = reserves(&reserve, &mut wrong);
    let mut all = Series::default();
    let tanks = reservoirs.iter().map(|tank| (tank.name.clone(), units[tank.unit].name.clone())).collect();
    all.read(&pointers, &tanks, open, &mut wrong);
    all.hand_out(&mut units, &by_name, &mut reserves, &mut wrong);
    for (unit, most_w) in units.iter_mut().zip(&network.generators.most_w) {
        for available in unit.available_w.iter_mut().flatten() {
            *available = available.min(*most_w);
        }
    }
    for area in &area {
        if !all.area_load_w.contains_key(area) && all.hours > 0 {
            wrong.say("SourceData/timeseries_pointers.csv", 0, format!("no day-ahead load names area {area}"));
            break;
        }
    }
    if wrong.list.is_empty() {
        for complaint in network.complaints() {
            wrong.say(name, 0, complaint);
        }
    }
    if !wrong.list.is_empty() {
        return Err(wrong);
    }
    let mut remarks = all.remarks;
    if !links.is_empty() {
        remarks.push(format!("{} DC line(s) are left out of power flow and optimal power flow", links.len()));
    }
    let stores = units.iter().filter(|unit| unit.drive == Drive::Storage).count();
    if stores > 0 {
        remarks.push(format!("{stores} storage unit(s) are out of service: their charge is not followed"));
    }
    Ok(System {
        network,
        units,
        branch_name,
        emergency_va,
        area,
        links,
        reservoirs,
        reserves,
        first_day: all.first_day,
        hours: all.hours,
        area_load_w: all.area_load_w,
        remarks,
    })
}

const BUS: &[&str] =
    &["Bus ID", "BaseKV", "Bus Type", "MW Load", "MVAR Load", "V Mag", "V Angle", "MW Shunt G", "MVAR Shunt B", "Area"];
const BRANCH: &[&str] = &["UID", "From Bus", "To Bus", "R", "X", "B", "Cont Rating", "LTE Rating", "Tr Ratio"];
const GEN: &[&str] = &[
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
const DC: &[&str] = &["UID", "From Bus", "To Bus", "MW Load"];
const STORAGE: &[&str] = &["GEN UID", "Storage", "Max Volume GWh", "Initial Volume GWh"];
const RESERVE: &[&str] = &["Reserve Product", "Timeframe (sec)", "Requirement (MW)", "Eligible Regions", "Direction"];
const POINTERS: &[&str] = &["Simulation", "Category", "Object", "Parameter", "Data File"];

fn buses(sheet: &Sheet, network: &mut Network, wrong: &mut Mistakes) -> (BTreeMap<u64, usize>, Vec<u64>) {
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

fn branches(
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

fn generators(sheet: &Sheet, network: &mut Network, places: &BTreeMap<u64, usize>, wrong: &mut Mistakes) -> Vec<Unit> {
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
        let (Some(share), Some(rate)) = (sheet.maybe(row, &share), sheet.maybe(row, &rate)) else { break };
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

fn dc_lines(sheet: &Sheet, network: &Network, places: &BTreeMap<u64, usize>, wrong: &mut Mistakes) -> Vec<Link> {
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

fn reservoirs(sheet: &Sheet, units: &BTreeMap<String, usize>, wrong: &mut Mistakes) -> Vec<Reservoir> {
    let mut found = Vec::new();
    for row in &sheet.rows {
        let name = sheet.word(row, "GEN UID");
        let Some(unit) = units.get(name) else {
            wrong.say(&sheet.file, row.line, format!("GEN UID names {name}, which gen.csv does not have"));
            continue;
        };
        let gwh = 3.6e12;
        found.push(Reservoir {
            unit: *unit,
            name: sheet.word(row, "Storage").to_owned(),
            most_j: sheet.number(row, "Max Volume GWh", wrong) * gwh,
            first_j: sheet.number(row, "Initial Volume GWh", wrong) * gwh,
        });
    }
    found
}

fn reserves(sheet: &Sheet, wrong: &mut Mistakes) -> Vec<Reserve> {
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
        found.push(Reserve {
            name: sheet.word(row, "Reserve Product").to_owned(),
            within_s: sheet.number(row, "Timeframe (sec)", wrong),
            up,
            areas: regions.split(',').filter_map(|region| region.trim().parse().ok()).collect(),
            needed_w: vec![sheet.number(row, "Requirement (MW)", wrong) * 1e6],
        });
    }
    found
}
