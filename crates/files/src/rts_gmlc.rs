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

pub mod before;
mod series;
mod sheet;
mod tables;
pub mod zones;

use crate::matpower::Mistake;
use core::fmt;
use series::Series;
use sheet::Sheet;
use std::collections::BTreeMap;
use std::io::{self, Read};
use tables::{
    BRANCH, BUS, DC, GEN, POINTERS, RESERVE, STORAGE, branches, buses, dc_lines, generators, reserves, reservoirs,
};
use tieline_grid::network::Network;

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
    /// Categories of units that may give it; empty where the table names none.
    pub categories: Vec<String>,
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
    /// The reservoir that a unit gives from, where the tables have one that holds anything.
    #[must_use]
    pub fn reservoir(&self, unit: usize) -> Option<&Reservoir> {
        self.reservoirs.iter().find(|reservoir| reservoir.unit == unit && reservoir.most_j > 0.0)
    }

    /// The same, where something flows into it by nature.
    #[must_use]
    pub fn filled_reservoir(&self, unit: usize) -> Option<&Reservoir> {
        self.units[unit].inflow_w.as_ref()?;
        self.reservoir(unit)
    }

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
    bus.numbers_or_nothing(|column| column == "Zone", &mut wrong);
    branch.numbers_or_nothing(|column| column == "STE Rating", &mut wrong);
    gen_table.numbers_or_nothing(tables::may_be_empty, &mut wrong);
    let unnamed = tables::unit_types(&gen_table, &mut wrong);
    for (table, column) in [(&branch, "UID"), (&dc, "UID"), (&storage, "Storage"), (&reserve, "Reserve Product")] {
        table.names_once(column, &mut wrong);
    }
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
    remarks.extend(unnamed);
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
