//! RTS-GMLC's tables at some hours of their year, as a case of unit commitment.
//!
//! Units burn fuel as their heat-rate blocks say, with fuel price and VOM; what the tables give a series for is taken by
//! nature: at least its `PMin MW` series (water, rooftops), at most its `PMax MW` one. The reserve is what the products named
//! "Spin..." ask for in the hour, from all units together; or all products of the tables, each from the units that its areas and
//! categories name, in the time that it has (5, 10 and 20 minutes, as [`Product`] has them). A start gives the least output in its first step, as PGLib-UC has it (the tables say nothing).
//! A class of starts holds from its own time off, or from the least time off where that is longer; of several that begin at
//! once the coldest counts.
//!
//! A DC line carries what is best, either way, within its capacity; without the network there is none. A plant with a tank and
//! an inflow (CSP) is a storage that only gives: heat counts as power one to one.
//!
//! Not modelled: reserves from sun, wind and CSP; the CSP plant's least output, starts and heat rates; forced outages.

use super::own::network::{Branch, add_branch, add_bus, total};
use super::{Case, Format};
use crate::rts_gmlc::{Drive, Link, Reserve as Requirement, System, Unit as Row};
use tieline_grid::commitment::{
    Area, DcLine, Lines, Offer, Problem, Product, Renewable, Reserve, Services, Start, State, Store, Unit,
};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Cost, Network};

const MW: f64 = 1e6;
/// Length of a step: the tables' day-ahead series are hourly, s.
const STEP_S: f64 = 3600.0;
/// A heat-rate block may begin or end so far from the limit of output (the tables round shares to 9 digits), MW.
const NEAR_MW: f64 = 1e-3;

/// The tables have at most six digits of a MW: sums and products of theirs are whole watts, written in few digits.
fn whole(watts: f64) -> f64 {
    watts.round() / MW * MW
}

/// What is asked of the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// First hour, from 0.
    pub first_hour: usize,
    /// Hours.
    pub steps: usize,
    /// With the lines' ratings; else one bus.
    pub network: bool,
    /// All reserve products of the tables by area; else what spins, in all areas together.
    pub all_reserves: bool,
    /// State of every unit of the tables before the first hour.
    pub first: Vec<State>,
}

/// The case.
///
/// # Errors
/// Hours beyond the series, or tables that make no sense as a commitment, in words.
pub fn case(system: &System, asked: &Asked) -> Result<Case, Vec<String>> {
    let hours = asked.first_hour..asked.first_hour + asked.steps;
    if asked.steps == 0 || hours.end > system.hours {
        return Err(vec![format!("hours {} to {} of {}", hours.start + 1, hours.end, system.hours)]);
    }
    let mut remarks = Vec::new();
    let kept: Vec<usize> =
        (0..system.area.len()).filter(|bus| system.network.buses.kind[*bus] != BusKind::Isolated).collect();
    let place = |bus: usize| kept.iter().position(|known| *known == bus);
    let loads: Vec<Vec<f64>> = hours.clone().map(|hour| system.load_w(hour)).collect();
    let by_bus: Vec<Vec<f64>> = kept.iter().map(|bus| loads.iter().map(|hour| whole(hour[*bus])).collect()).collect();
    let complete = kept.len() == system.area.len();
    let mut problem = Problem {
        steps: asked.steps,
        step_s: STEP_S,
        // The areas' own numbers, where no bus of theirs is out of service: shares add up to them but for rounding.
        load_w: if complete && !asked.network {
            hours.clone().map(|hour| whole(system.area_load_w.values().map(|load| load[hour]).sum())).collect()
        } else {
            total(&by_bus, asked.steps)
        },
        ..Problem::default()
    };
    if !asked.all_reserves {
        problem.reserve = reserve(system, hours.clone(), &mut remarks);
    }
    let mut left_out = Vec::new();
    for (index, row) in system.units.iter().enumerate() {
        let Some(bus) = place(system.network.generators.bus[index]) else { continue };
        let bus = if asked.network { bus } else { 0 };
        match row.drive {
            Drive::Fuel => problem.units.push(thermal(system, index, bus, asked)),
            Drive::Weather if system.filled_reservoir(index).is_some() => {
                problem.stores.extend(tank(system, index, bus, hours.clone()));
                let what = "a storage that only gives; its least output, starts and heat rates are left out";
                remarks.push(format!("{}: {what}", row.name));
            }
            Drive::Weather | Drive::MustTake => {
                if let Some(renewable) = renewable(row, bus, hours.clone()) {
                    problem.renewables.push(renewable);
                }
            }
            Drive::Storage => match store(system, index, bus) {
                Some(store) => problem.stores.push(store),
                None => left_out.push(row.name.clone()),
            },
            Drive::Condenser => {}
        }
    }
    if !left_out.is_empty() {
        remarks.push(format!("storage without energy or efficiency is left out: {}", left_out.join(", ")));
    }
    if asked.network {
        problem.lines = Some(lines(system, &kept, by_bus));
    }
    if asked.all_reserves {
        services(system, hours, &mut problem, &mut remarks);
    }
    let complaints = problem.complaints();
    if complaints.is_empty() { Ok(Case { format: Format::RtsGmlc, problem, remarks }) } else { Err(complaints) }
}

/// What the products named "Spin..." ask for; all upward ones where none is named so.
fn reserve(system: &System, hours: core::ops::Range<usize>, remarks: &mut Vec<String>) -> Reserve {
    let named = |name: &str| name.to_ascii_lowercase().starts_with("spin");
    let any = system.reserves.iter().any(|product| product.up && named(&product.name));
    let (counted, other): (Vec<_>, Vec<_>) =
        system.reserves.iter().partition(|product| product.up && (!any || named(&product.name)));
    let needed = |hour: usize| -> f64 {
        counted.iter().map(|p| p.needed_w.get(hour).or(p.needed_w.first()).copied().unwrap_or(0.0)).sum()
    };
    if !other.is_empty() {
        let names: Vec<&str> = other.iter().map(|product| product.name.as_str()).collect();
        remarks.push(format!("reserves that are not asked for: {} (--reserves all asks for them)", names.join(", ")));
    }
    Reserve { required_w: hours.map(|hour| whole(needed(hour))).collect(), ..Reserve::default() }
}

/// The product that a reserve of the tables is, by its direction and time; none where there is no such.
fn product(reserve: &Requirement) -> Option<Product> {
    let near = |minutes: f64| (reserve.within_s / 60.0 - minutes).abs() < 0.5;
    match reserve.up {
        true if near(5.0) => Some(Product::RegulationUp),
        false if near(5.0) => Some(Product::RegulationDown),
        true if near(10.0) => Some(Product::Spinning),
        true if near(20.0) => Some(Product::FlexUp),
        false if near(20.0) => Some(Product::FlexDown),
        _ => None,
    }
}

/// All reserve products, each required of the units of its areas and categories; none may be missing.
fn services(system: &System, hours: core::ops::Range<usize>, problem: &mut Problem, remarks: &mut Vec<String>) {
    // The first area is the whole system; what is required stands in areas of the products' own.
    let all = Area { name: "all".to_owned(), members: (0..problem.units.len()).collect(), ..Area::default() };
    let mut services = Services { areas: vec![all], short_usd_per_j: [f64::INFINITY; 7] };
    let mut unknown = Vec::new();
    for reserve in &system.reserves {
        let place = product(reserve).and_then(|product| Product::ALL.iter().position(|known| *known == product));
        let Some(place) = place else {
            unknown.push(reserve.name.as_str());
            continue;
        };
        let may = |name: &str| {
            let Some(index) = system.units.iter().position(|unit| unit.name == name) else { return false };
            let area = system.area[system.network.generators.bus[index]];
            let category = &system.units[index].category;
            reserve.areas.contains(&area)
                && (reserve.categories.is_empty() || reserve.categories.iter().any(|known| known == category))
        };
        let members = (0..problem.units.len()).filter(|unit| may(&problem.units[*unit].name)).collect();
        let mut area = Area { name: reserve.name.clone(), members, ..Area::default() };
        let needed = |hour: usize| reserve.needed_w.get(hour).or(reserve.needed_w.first()).copied().unwrap_or(0.0);
        area.required_w[place] = hours.clone().map(|hour| whole(needed(hour))).collect();
        services.areas.push(area);
    }
    for unit in &mut problem.units {
        // The tables name no part of its range in which alone a unit regulates.
        let per_minute_w = unit.up_w / (STEP_S / 60.0);
        unit.offer = Offer { regulation: Some((unit.least_w, unit.most_w, per_minute_w)), ..Offer::default() };
    }
    if !unknown.is_empty() {
        remarks.push(format!("reserves that are not asked for, their time is no product's: {}", unknown.join(", ")));
    }
    remarks.push("reserves come from units that burn fuel alone, not from sun, wind and CSP".to_owned());
    problem.services = Some(services);
}

fn thermal(system: &System, index: usize, bus: usize, asked: &Asked) -> Unit {
    let row = &system.units[index];
    let (least_w, most_w) = (system.network.generators.least_w[index], system.network.generators.most_w[index]);
    let steps = |seconds: f64| ((seconds / STEP_S).ceil() as usize).max(1);
    let least_down = steps(row.least_down_s);
    let ramp_w = whole(row.ramp_w_per_s * STEP_S);
    Unit {
        name: row.name.clone(),
        bus,
        least_w,
        most_w,
        up_w: ramp_w,
        down_w: ramp_w,
        begin_w: least_w,
        end_w: least_w,
        least_up: steps(row.least_up_s),
        least_down,
        curve: curve(system.network.generators.cost[index].as_ref(), least_w, most_w),
        starts: starts(row, least_down),
        stop_usd: row.stop_usd,
        first: asked.first.get(index).copied().unwrap_or(State { on: false, steps: least_down, output_w: 0.0 }),
        ..Unit::default()
    }
}

/// The classes of starts, from hot to cold.
fn starts(row: &Row, least_down: usize) -> Vec<Start> {
    let mut starts: Vec<Start> = Vec::new();
    for (hours, usd) in [row.hot_after_h, row.warm_after_h, row.cold_after_h].into_iter().zip(row.start_usd) {
        let off = (hours.max(0.0).ceil() as usize).max(least_down);
        if starts.last().is_some_and(|last| last.off >= off) {
            starts.pop();
        }
        let before = starts.last().map_or(0.0, |last| last.usd);
        starts.push(Start { off, usd: usd.max(before), fuel: 0.0 });
    }
    // The first holds as soon as a start is allowed at all.
    if let Some(first) = starts.first_mut() {
        first.off = least_down;
    }
    starts
}

/// The cost curve between least and greatest output, $/h.
fn curve(cost: Option<&Cost>, least_w: f64, most_w: f64) -> Vec<(f64, f64)> {
    let (least, most) = (least_w / MW, most_w / MW);
    let points: Vec<(f64, f64)> = match cost {
        Some(Cost::Piecewise(points)) => points.clone(),
        Some(Cost::Polynomial(powers)) => {
            let at = |mw: f64| powers.iter().rev().fold(0.0, |sum, factor| sum * mw + factor);
            vec![(least, at(least)), (most, at(most))]
        }
        None => vec![(least, 0.0), (most, 0.0)],
    };
    let near = |at: f64| {
        if (at - least).abs() < NEAR_MW {
            least
        } else if (at - most).abs() < NEAR_MW {
            most
        } else {
            at
        }
    };
    let points: Vec<(f64, f64)> = points.into_iter().map(|(at, usd)| (near(at), usd)).collect();
    // Blocks that begin above the least output, or end elsewhere than the greatest, go on as straight as they are there.
    let value = |at: f64| {
        let place = points.windows(2).position(|pair| at <= pair[1].0).unwrap_or(points.len().saturating_sub(2));
        match points.get(place..place + 2) {
            Some([from, to]) if to.0 > from.0 => from.1 + (at - from.0) * (to.1 - from.1) / (to.0 - from.0),
            _ => points.first().map_or(0.0, |point| point.1),
        }
    };
    let mut curve = vec![(least_w, value(least))];
    curve.extend(points.iter().filter(|(at, _)| *at > least && *at < most).map(|(at, usd)| (at * MW, *usd)));
    if most > least {
        curve.push((most_w, value(most)));
    }
    curve
}

fn renewable(row: &Row, bus: usize, hours: core::ops::Range<usize>) -> Option<Renewable> {
    let most_w = row.available_w.as_ref()?.get(hours.clone())?.to_vec();
    let least_w = match (&row.must_w, row.drive) {
        (Some(must_w), _) => must_w.get(hours)?.iter().zip(&most_w).map(|(least, most)| least.min(*most)).collect(),
        (None, Drive::MustTake) => most_w.clone(),
        (None, _) => vec![0.0; most_w.len()],
    };
    Some(Renewable { name: row.name.clone(), bus, least_w, most_w })
}

/// A storage, where the tables say how much it holds and gives back.
fn store(system: &System, index: usize, bus: usize) -> Option<Store> {
    let row = &system.units[index];
    // The upper of two reservoirs stands first.
    let tank = system.reservoir(index)?;
    let discharge_w = system.network.generators.most_w[index].max(0.0);
    let first_j = tank.first_j.clamp(0.0, tank.most_j);
    Some(Store {
        name: row.name.clone(),
        bus,
        charge_w: if row.pump_w > 0.0 { row.pump_w } else { discharge_w },
        discharge_w,
        energy_j: tank.most_j,
        charge_efficiency: row.round_trip?,
        discharge_efficiency: 1.0,
        keep: 1.0,
        first_j,
        last_j: first_j,
        ..Store::default()
    })
}

/// A plant that gives what flows into its tank when it is best.
fn tank(system: &System, index: usize, bus: usize, hours: core::ops::Range<usize>) -> Option<Store> {
    let (row, tank) = (&system.units[index], system.filled_reservoir(index)?);
    Some(Store {
        name: row.name.clone(),
        bus,
        discharge_w: system.network.generators.most_w[index].max(0.0),
        energy_j: tank.most_j,
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        keep: 1.0,
        first_j: tank.first_j.clamp(0.0, tank.most_j),
        inflow_w: row.inflow_w.as_ref()?.get(hours)?.iter().map(|watts| whole(*watts)).collect(),
        ..Store::default()
    })
}

fn lines(system: &System, kept: &[usize], load_w: Vec<Vec<f64>>) -> Lines {
    let from = &system.network;
    let mut network = Network { name: from.name.clone(), base_va: from.base_va, ..Network::default() };
    for bus in kept {
        let reference = from.buses.kind[*bus] == BusKind::Reference;
        add_bus(&mut network, from.buses.number[*bus], if reference { BusKind::Reference } else { BusKind::Load });
        if let Some(shunt_w) = network.buses.shunt_w.last_mut() {
            *shunt_w = from.buses.shunt_w[*bus];
        }
    }
    let place = |bus: usize| kept.iter().position(|known| *known == bus);
    let branches = &from.branches;
    for branch in 0..branches.from.len() {
        let (Some(begin), Some(end)) = (place(branches.from[branch]), place(branches.to[branch])) else { continue };
        let branch = Branch {
            from: begin,
            to: end,
            r_pu: branches.r_pu[branch],
            x_pu: branches.x_pu[branch],
            rating_w: branches.rating_va[branch],
            tap: branches.tap[branch],
            shift_rad: branches.shift_rad[branch],
            in_service: branches.in_service[branch],
        };
        add_branch(&mut network, branch);
    }
    let link = |line: &Link| {
        Some(DcLine { name: line.name.clone(), from: place(line.from)?, to: place(line.to)?, most_w: line.most_w })
    };
    let links = system.links.iter().filter_map(link).collect();
    Lines { network, convention: Convention::Mp, load_w, links }
}
