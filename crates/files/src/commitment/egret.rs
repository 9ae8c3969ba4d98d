//! Egret's model data: system, buses, loads, thermal and renewable units, storages, branches, fuel supplies, services.
//!
//! A polynomial cost becomes two straight lines of equal width, as Egret does by default. Where Egret leaves a price out, its
//! own default is used (10^4 and 10^3 $/MWh times the base). Lines get Egret's convention, "mp".
//!
//! Not modelled: limits of thermal units that vary in time, bids for services, shunts, violation prices of single branches.

mod keys;

use super::own::network::{Branch, add_branch, add_bus};
use super::walk::Walk;
use super::{MOST_STEPS, MW, MWH};
use serde_json::Value;
use tieline_grid::commitment::{
    Area, Burns, Fuel, Lines, Offer, Other, Problem, Product, Renewable, Reserve, Services, Start, State, Store,
    UNLIMITED, Unit,
};
use tieline_grid::network::direct::Convention;
use tieline_grid::network::{BusKind, Network};

const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
/// Keys of the requirements, in the order of [`Product::ALL`].
const REQUIREMENTS: [&str; 7] = [
    "regulation_up_requirement",
    "regulation_down_requirement",
    "spinning_reserve_requirement",
    "non_spinning_reserve_requirement",
    "supplemental_reserve_requirement",
    "flexible_ramp_up_requirement",
    "flexible_ramp_down_requirement",
];
/// Pieces of a polynomial cost: Egret's default.
const PIECES: usize = 2;
/// What services cost in a bid, which is not modelled.
const BIDS: [&str; 5] =
    ["agc_fixed_cost", "agc_marginal_cost", "spinning_cost", "non_spinning_cost", "supplemental_cost"];

/// What the parts share.
struct Frame<'v> {
    hours: usize,
    step_h: f64,
    buses: Vec<&'v str>,
    fuels: Vec<&'v str>,
}

impl Frame<'_> {
    /// Values of a number or a time series, one a step.
    fn series(&self, walk: &mut Walk<'_>, tree: &Value, path: &[&str], range: (f64, f64)) -> Vec<f64> {
        let key = path.last().copied().unwrap_or("");
        match tree.get(key) {
            Some(Value::Object(series)) => match series.get("values") {
                Some(values) => walk.list(values, path, self.hours, range),
                None => {
                    walk.say(path, "expected a time series with \"values\"".to_owned());
                    vec![0.0; self.hours]
                }
            },
            _ => vec![walk.number(tree, path, range); self.hours],
        }
    }

    fn bus(&self, walk: &mut Walk<'_>, tree: &Value, path: &[&str]) -> usize {
        let name = tree.get("bus").and_then(Value::as_str);
        match name.and_then(|name| self.buses.iter().position(|bus| *bus == name)) {
            Some(bus) => bus,
            None => {
                let known = self.buses.len();
                walk.say(path, format!("its bus {} is none of the {known} buses", name.unwrap_or("(missing)")));
                0
            }
        }
    }

    /// Steps of a number of hours, at least `least`.
    fn steps(&self, hours: f64, least: usize) -> usize {
        ((hours / self.step_h).round() as usize).max(least)
    }
}

/// Kinds of elements that are read, or refused.
const KNOWN: [&str; 12] = [
    "area",
    "branch",
    "bus",
    "contingency",
    "dc_branch",
    "fuel_supply",
    "generator",
    "interface",
    "load",
    "shunt",
    "storage",
    "zone",
];

/// Elements of a kind that are in service.
fn elements<'v>(walk: &mut Walk<'_>, tree: &'v Value, kind: &str, must: bool) -> Vec<(&'v str, &'v Value)> {
    let Some(map) = walk.object(&tree["elements"], &["elements", kind], must) else { return Vec::new() };
    let mut runs =
        |name: &str, element: &Value| walk.flag(element, &["elements", kind, name, "in_service"]).unwrap_or(true);
    map.iter().filter(|(name, element)| runs(name, element)).map(|(name, element)| (name.as_str(), element)).collect()
}

pub(super) fn problem(walk: &mut Walk<'_>, tree: &Value) -> Problem {
    let system = &tree["system"];
    let hours = system.get("time_keys").and_then(Value::as_array).map_or(0, Vec::len);
    if hours == 0 || hours > MOST_STEPS {
        walk.say(&["system", "time_keys"], format!("expected a list of 1 to {MOST_STEPS} steps"));
        return Problem::default();
    }
    let minutes = walk.number(system, &["system", "time_period_length_minutes"], (1.0, 1e5)).max(1.0);
    for kind in ["interface", "dc_branch", "shunt", "contingency"] {
        if !elements(walk, tree, kind, false).is_empty() {
            walk.say(&["elements", kind], "is not supported: remove it to go on without".to_owned());
        }
    }
    for (kind, rest) in tree["elements"].as_object().into_iter().flatten() {
        let count = rest.as_object().map_or(0, serde_json::Map::len);
        if count > 0 && !KNOWN.contains(&kind.as_str()) {
            walk.remark(format!("elements of kind {kind} ({count}) are not used"));
        }
    }
    keys::unused(walk, tree);
    let buses = elements(walk, tree, "bus", true);
    let fuels = elements(walk, tree, "fuel_supply", false);
    let frame = Frame {
        hours,
        step_h: minutes / 60.0,
        buses: buses.iter().map(|(name, _)| *name).collect(),
        fuels: fuels.iter().map(|(name, _)| *name).collect(),
    };
    let base = walk.may(system, &["system", "baseMVA"], POSITIVE).unwrap_or(1.0);
    let price = |walk: &mut Walk<'_>, key: &str, times: f64| {
        walk.may(system, &["system", key], POSITIVE).unwrap_or(times * base) / MWH
    };
    let mismatch = price(walk, "load_mismatch_cost", 1e4);
    let short = price(walk, "reserve_shortfall_cost", 1e3);
    let mut problem = Problem {
        steps: hours,
        step_s: minutes * 60.0,
        load_w: vec![0.0; hours],
        mismatch_usd_per_j: Some(mismatch),
        reserve: Reserve { required_w: vec![0.0; hours], contingency: None, short_usd_per_j: Some(short) },
        ..Problem::default()
    };
    if system.get("reserve_requirement").is_some() {
        let required = frame.series(walk, system, &["system", "reserve_requirement"], POSITIVE);
        problem.reserve.required_w = required.iter().map(|value| value * MW).collect();
    }
    for (name, fuel) in fuels {
        let path = ["elements", "fuel_supply", name, "fuel_available"];
        problem.fuels.push(Fuel { name: name.to_owned(), per_step: frame.series(walk, fuel, &path, POSITIVE) });
    }
    let loads = loads(walk, tree, &frame);
    for bus in &loads {
        problem.load_w.iter_mut().zip(bus).for_each(|(sum, watts)| *sum += watts);
    }
    generators(walk, tree, &frame, &mut problem);
    for (name, store) in elements(walk, tree, "storage", false) {
        problem.stores.push(storage(walk, &frame, name, store));
    }
    problem.services = services(walk, tree, &frame, &problem);
    problem.lines = lines(walk, tree, &frame, base, loads);
    problem
}

/// Load of every bus, W.
fn loads(walk: &mut Walk<'_>, tree: &Value, frame: &Frame<'_>) -> Vec<Vec<f64>> {
    let mut loads = vec![vec![0.0; frame.hours]; frame.buses.len().max(1)];
    for (name, load) in elements(walk, tree, "load", false) {
        let bus = frame.bus(walk, load, &["elements", "load", name, "bus"]);
        let values = frame.series(walk, load, &["elements", "load", name, "p_load"], ANY);
        loads[bus].iter_mut().zip(values).for_each(|(sum, value)| *sum += value * MW);
    }
    loads
}

fn generators(walk: &mut Walk<'_>, tree: &Value, frame: &Frame<'_>, problem: &mut Problem) {
    for (name, unit) in elements(walk, tree, "generator", true) {
        let path = |key: &'static str| ["elements", "generator", name, key];
        match unit.get("generator_type").and_then(Value::as_str) {
            Some("thermal") => {
                let unit = thermal(walk, frame, name, unit);
                problem.units.push(unit);
            }
            Some("renewable") => {
                let mut series = |key: &'static str| -> Vec<f64> {
                    frame.series(walk, unit, &path(key), POSITIVE).iter().map(|value| value * MW).collect()
                };
                let (least_w, most_w) = (series("p_min"), series("p_max"));
                let bus = frame.bus(walk, unit, &path("bus"));
                problem.renewables.push(Renewable { name: name.to_owned(), bus, least_w, most_w });
            }
            other => {
                let found = other.unwrap_or("nothing");
                walk.say(&path("generator_type"), format!("expected \"thermal\" or \"renewable\", found {found}"));
            }
        }
    }
}

fn thermal(walk: &mut Walk<'_>, frame: &Frame<'_>, name: &str, tree: &Value) -> Unit {
    let path = |key: &'static str| ["elements", "generator", name, key];
    let mut number = |key: &'static str| walk.number(tree, &path(key), POSITIVE);
    let (least, most) = (number("p_min"), number("p_max"));
    let (up, down) = (number("ramp_up_60min") * frame.step_h, number("ramp_down_60min") * frame.step_h);
    let (least_up, least_down) = (number("min_up_time"), number("min_down_time"));
    let output = number("initial_p_output");
    let status = walk.number(tree, &path("initial_status"), ANY);
    // What a step allows above the least output scales with it; half the ramp where the file does not say.
    let mut room = |key: &'static str, ramp: f64| {
        let given = walk.may(tree, &path(key), POSITIVE).map(|limit| (limit - least) * frame.step_h);
        (least + given.unwrap_or(ramp / 2.0)).min(most.max(least)) * MW
    };
    let (begin_w, end_w) = (room("startup_capacity", up), room("shutdown_capacity", down));
    let mut unit = Unit {
        name: name.to_owned(),
        bus: frame.bus(walk, tree, &path("bus")),
        least_w: least * MW,
        most_w: most * MW,
        up_w: up * MW,
        down_w: down * MW,
        begin_w,
        end_w,
        least_up: frame.steps(least_up, 1),
        least_down: frame.steps(least_down, 1),
        stop_usd: walk.may(tree, &path("shutdown_cost"), POSITIVE).unwrap_or(0.0),
        first: State { on: status > 0.0, steps: frame.steps(status.abs(), 0), output_w: output * MW },
        offer: offer(walk, name, tree),
        ..Unit::default()
    };
    match tree.get("fixed_commitment") {
        None | Some(Value::Null) => {}
        Some(Value::Object(series)) => match series.get("values") {
            Some(values) => unit.ordered = walk.flags(values, &path("fixed_commitment"), frame.hours),
            None => walk.say(&path("fixed_commitment"), "expected a time series with \"values\"".to_owned()),
        },
        Some(value) => unit.ordered = walk.flags(value, &path("fixed_commitment"), frame.hours),
    }
    for key in BIDS {
        if walk.may(tree, &path(key), ANY).is_some_and(|bid| bid != 0.0) {
            walk.remark(format!("bids for services ({key}) are not used"));
        }
    }
    costs(walk, frame, name, tree, &mut unit);
    unit
}

/// What it offers to services.
fn offer(walk: &mut Walk<'_>, name: &str, tree: &Value) -> Offer {
    let path = |key: &'static str| ["elements", "generator", name, key];
    let [fast, late, agc] =
        ["fast_start", "supplemental_start", "agc_capable"].map(|key| walk.flag(tree, &path(key)).unwrap_or(false));
    let mut watts = |key: &'static str| walk.may(tree, &path(key), POSITIVE).map(|value| value * MW);
    let mut offer = Offer::default();
    if let Some(most_w) = watts("spinning_capacity") {
        offer.spinning_w = most_w;
    }
    if let Some(most_w) = watts("supplemental_spinning_capacity") {
        offer.supplemental_w = most_w;
    }
    if fast {
        offer.non_spinning_w = Some(watts("non_spinning_capacity").unwrap_or(0.0));
    }
    if late {
        offer.supplemental_off_w = Some(watts("supplemental_non_spinning_capacity").unwrap_or(0.0));
    }
    if agc {
        let mut number = |key: &'static str| walk.number(tree, &path(key), POSITIVE) * MW;
        offer.regulation = Some((number("p_min_agc"), number("p_max_agc"), number("ramp_agc")));
    }
    offer
}

/// Cost curve, start-up classes and fuel.
fn costs(walk: &mut Walk<'_>, frame: &Frame<'_>, name: &str, tree: &Value, unit: &mut Unit) {
    let path = |key: &'static str| ["elements", "generator", name, key];
    let (least, most) = (unit.least_w / MW, unit.most_w / MW);
    let price = walk.may(tree, &path("fuel_cost"), POSITIVE);
    let extra = walk.may(tree, &path("non_fuel_no_load_cost"), ANY).unwrap_or(0.0);
    let start_extra = walk.may(tree, &path("non_fuel_startup_cost"), ANY).unwrap_or(0.0);
    let mut per_h = Vec::new();
    if tree.get("p_fuel").is_some() {
        if price.is_none() {
            walk.say(&path("fuel_cost"), "is missing: expected the price of the fuel in p_fuel".to_owned());
        }
        for (at, fuel) in pairs(walk, &tree["p_fuel"]["values"], &path("p_fuel")) {
            unit.curve.push((at * MW, extra + fuel * price.unwrap_or(0.0)));
            per_h.push(fuel);
        }
    } else {
        match tree["p_cost"].get("cost_curve_type").and_then(Value::as_str) {
            Some("polynomial") => {
                let coefficient = |walk: &mut Walk<'_>, power: &str| {
                    walk.may(
                        &tree["p_cost"]["values"],
                        &["elements", "generator", name, "p_cost", "values", power],
                        ANY,
                    )
                };
                let [a, b, c] = ["0", "1", "2"].map(|power| coefficient(walk, power).unwrap_or(0.0));
                let pieces = if most <= least {
                    0
                } else if c == 0.0 {
                    1
                } else {
                    PIECES
                };
                for piece in 0..=pieces {
                    let share = if pieces == 0 { 0.0 } else { piece as f64 / pieces as f64 };
                    let at = if piece == pieces && pieces > 0 { most } else { least + share * (most - least) };
                    unit.curve.push((at * MW, extra + a + b * at + c * at * at));
                }
            }
            Some("piecewise") => {
                for (at, usd) in pairs(walk, &tree["p_cost"]["values"], &path("p_cost")) {
                    unit.curve.push((at * MW, extra + usd));
                }
            }
            _ => walk.say(&path("p_cost"), "expected a cost curve, polynomial or piecewise, or p_fuel".to_owned()),
        }
    }
    let (key, usd_each, fuel_each) = match tree.get("startup_fuel") {
        Some(_) => ("startup_fuel", price.unwrap_or(0.0), 1.0),
        None => ("startup_cost", 1.0, 0.0),
    };
    if tree.get(key).is_some() {
        for (hours, amount) in pairs(walk, &tree[key], &path(key)) {
            let off = frame.steps(hours, 1);
            unit.starts.push(Start { off, usd: start_extra + amount * usd_each, fuel: amount * fuel_each });
        }
    } else {
        unit.starts.push(Start { off: unit.least_down, usd: start_extra, fuel: 0.0 });
    }
    unit.burns = burns(walk, frame, name, tree, per_h, price);
}

fn burns(
    walk: &mut Walk<'_>,
    frame: &Frame<'_>,
    name: &str,
    tree: &Value,
    per_h: Vec<f64>,
    price: Option<f64>,
) -> Option<Burns> {
    let [dual, blends, switches, first_other] =
        ["aux_fuel_capable", "aux_fuel_blending", "aux_fuel_online_switching", "aux_fuel_supply_initial"]
            .map(|key| walk.flag(tree, &["elements", "generator", name, key]).unwrap_or(false));
    let mut supply = |key: &'static str| -> Option<usize> {
        let wanted = tree.get(key)?.as_str().unwrap_or("");
        let found = frame.fuels.iter().position(|fuel| *fuel == wanted);
        if found.is_none() {
            walk.say(&["elements", "generator", name, key], format!("\"{wanted}\" is none of the fuel supplies"));
        }
        found
    };
    let (first, second) = (supply("fuel_supply"), supply("aux_fuel_supply"));
    if first.is_none() && !dual {
        return None;
    }
    if per_h.is_empty() {
        let path = ["elements", "generator", name, "p_fuel"];
        walk.say(&path, "is missing: a unit with a fuel supply or a second fuel needs it".to_owned());
        return None;
    }
    let other = dual.then(|| {
        let path = ["elements", "generator", name, "aux_fuel_cost"];
        Other { supply: second, usd: walk.number(tree, &path, POSITIVE), blends, switches, first: first_other }
    });
    Some(Burns { supply: first, per_h, usd: price.unwrap_or(0.0), other })
}

/// Rows of two numbers.
fn pairs(walk: &mut Walk<'_>, value: &Value, path: &[&str]) -> Vec<(f64, f64)> {
    let rows = value.as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        walk.say(path, "expected a list of pairs of numbers".to_owned());
    }
    rows.iter()
        .map(|row| {
            let pair = walk.list(row, path, 2, ANY);
            (pair[0], pair[1])
        })
        .collect()
}

fn storage(walk: &mut Walk<'_>, frame: &Frame<'_>, name: &str, tree: &Value) -> Store {
    let path = |key: &'static str| ["elements", "storage", name, key];
    let energy = walk.number(tree, &path("energy_capacity"), POSITIVE);
    let mut or = |key: &'static str, range: (f64, f64), other: f64| walk.may(tree, &path(key), range).unwrap_or(other);
    let share = (0.0, 1.0);
    let first = or("initial_state_of_charge", share, 0.5);
    let mut store = Store {
        name: name.to_owned(),
        charge_efficiency: or("charge_efficiency", share, 1.0),
        discharge_efficiency: or("discharge_efficiency", share, 1.0),
        keep: or("retention_rate_60min", share, 1.0).powf(frame.step_h),
        first_j: first * energy * MWH,
        last_j: or("end_state_of_charge", share, first) * energy * MWH,
        floor_j: or("minimum_state_of_charge", share, 0.0) * energy * MWH,
        energy_j: energy * MWH,
        charge_usd_per_j: or("charge_cost", ANY, 0.0) / MWH,
        discharge_usd_per_j: or("discharge_cost", ANY, 0.0) / MWH,
        ..Store::default()
    };
    store.charge_w = walk.number(tree, &path("max_charge_rate"), POSITIVE) * MW;
    store.discharge_w = walk.number(tree, &path("max_discharge_rate"), POSITIVE) * MW;
    store.bus = frame.bus(walk, tree, &path("bus"));
    for key in ["min_charge_rate", "min_discharge_rate", "ramp_up_input_60min", "ramp_up_output_60min"] {
        if walk.may(tree, &path(key), ANY).is_some_and(|value| value != 0.0 && value < UNLIMITED) {
            walk.remark(format!("{key} of storages is not used"));
        }
    }
    store
}

/// Services, where the system or an area requires any.
fn services(walk: &mut Walk<'_>, tree: &Value, frame: &Frame<'_>, problem: &Problem) -> Option<Services> {
    let mut areas = vec![Area {
        name: "system".to_owned(),
        members: (0..problem.units.len()).collect(),
        required_w: requirements(walk, frame, &tree["system"], &["system"]),
    }];
    for kind in ["area", "zone"] {
        for (name, area) in elements(walk, tree, kind, false) {
            let within = |unit: &Unit| tree["elements"]["generator"][&unit.name][kind].as_str() == Some(name);
            areas.push(Area {
                name: name.to_owned(),
                members: (0..problem.units.len()).filter(|index| within(&problem.units[*index])).collect(),
                required_w: requirements(walk, frame, area, &["elements", kind, name]),
            });
        }
    }
    areas.retain(|area| area.name == "system" || area.required_w.iter().any(|watts| !watts.is_empty()));
    if areas.iter().all(|area| area.required_w.iter().all(Vec::is_empty)) {
        return None;
    }
    // Egret's defaults: regulation halfway between load and reserve, each lesser service halfway further down.
    let system = &tree["system"];
    let load = problem.mismatch_usd_per_j.unwrap_or(0.0) * MWH;
    let short = problem.reserve.short_usd_per_j.unwrap_or(0.0) * MWH;
    let mut price = |key: &str, other: f64| walk.may(system, &["system", key], POSITIVE).unwrap_or(other);
    let regulation = price("regulation_penalty_price", (load + short) / 2.0);
    let spinning = price("spinning_reserve_penalty_price", (regulation + short) / 2.0);
    let fast = price("non_spinning_reserve_penalty_price", (spinning + short) / 2.0);
    let slow = price("supplemental_reserve_penalty_price", (fast + short) / 2.0);
    let flex = price("flexible_ramp_penalty_price", (fast + spinning) / 2.0);
    let prices = [regulation, regulation, spinning, fast, slow, flex, flex];
    Some(Services { areas, short_usd_per_j: prices.map(|usd| usd / MWH) })
}

fn requirements(walk: &mut Walk<'_>, frame: &Frame<'_>, tree: &Value, path: &[&str]) -> [Vec<f64>; 7] {
    let mut all: [Vec<f64>; 7] = Default::default();
    for ((key, watts), _) in REQUIREMENTS.iter().zip(&mut all).zip(Product::ALL) {
        if tree.get(key).is_some() {
            let mut path = path.to_vec();
            path.push(key);
            *watts = frame.series(walk, tree, &path, POSITIVE).iter().map(|value| value * MW).collect();
        }
    }
    all
}

/// Lines, where there are any.
fn lines(walk: &mut Walk<'_>, tree: &Value, frame: &Frame<'_>, base: f64, loads: Vec<Vec<f64>>) -> Option<Lines> {
    let branches = elements(walk, tree, "branch", false);
    if branches.is_empty() {
        return None;
    }
    let mut network = Network { name: "commitment".to_owned(), base_va: base * MW, ..Network::default() };
    let reference = tree["system"].get("reference_bus").and_then(Value::as_str).unwrap_or("");
    let reference = frame.buses.iter().position(|bus| *bus == reference).unwrap_or(0);
    for bus in 0..frame.buses.len() {
        let kind = if bus == reference { BusKind::Reference } else { BusKind::Load };
        add_bus(&mut network, bus as u64 + 1, kind);
    }
    for (name, branch) in branches {
        let path = |key: &'static str| ["elements", "branch", name, key];
        let mut end = |key: &'static str| {
            let bus = branch.get(key).and_then(Value::as_str).unwrap_or("");
            frame.buses.iter().position(|known| *known == bus).unwrap_or_else(|| {
                walk.say(&path(key), format!("\"{bus}\" is no bus"));
                0
            })
        };
        let (from, to) = (end("from_bus"), end("to_bus"));
        let r_pu = walk.may(branch, &path("resistance"), ANY).unwrap_or(0.0);
        let x_pu = walk.number(branch, &path("reactance"), ANY);
        let rating = walk.may(branch, &path("rating_long_term"), POSITIVE).unwrap_or(0.0);
        let rating_w = if rating < UNLIMITED { rating * MW } else { 0.0 };
        let tap = walk.may(branch, &path("transformer_tap_ratio"), POSITIVE).unwrap_or(1.0);
        let tap = if tap == 0.0 { 1.0 } else { tap };
        let shift_rad = walk.may(branch, &path("transformer_phase_shift"), ANY).unwrap_or(0.0).to_radians();
        add_branch(&mut network, Branch { from, to, r_pu, x_pu, rating_w, tap, shift_rad, in_service: true });
    }
    Some(Lines { network, convention: Convention::Mp, load_w: loads, links: Vec::new() })
}
