//! Which units of an RTS-GMLC folder run, and since when, before an hour: the tables say nothing of it, so a priority list is
//! followed over the week before.
//!
//! Not modelled: the network, storages, what a market decided.

use super::{Drive, System};
use tieline_grid::commitment::State;
use tieline_grid::network::{BusKind, Cost};
use tieline_grid::realtime::priority::{self, Times};

/// Hours of a day.
const DAY_HOURS: usize = 24;
/// Hours before a day over which a priority list is followed to see which units its first hour finds running: a week, longer than
/// any least time on or off of the tables.
const LEAD_HOURS: usize = 168;
/// guess: errors a day ahead that a commitment leaves room for, share of load and of sun, wind and water.
const LOAD_ERROR: f64 = 0.02;
/// See `LOAD_ERROR`.
const WEATHER_ERROR: f64 = 0.1;

/// Which units run in these hours, by a priority list over load less weather-driven output: `hour * units + unit`.
#[must_use]
pub fn listed(system: &System, hours: std::ops::Range<usize>) -> Vec<bool> {
    let mut network = system.network.clone();
    let times: Vec<Times> = system
        .units
        .iter()
        .enumerate()
        .map(|(unit, known)| {
            network.generators.in_service[unit] = known.drive != Drive::Storage;
            let hours = |seconds: f64| (seconds / 3600.0).ceil() as usize;
            Times { listed: known.drive == Drive::Fuel, up: hours(known.least_up_s), down: hours(known.least_down_s) }
        })
        .collect();
    let net = |hour: usize| live_load_w(system, hour) - given_w(system, hour);
    // An hour reaches half-way into its neighbours.
    let need = |hour: usize| {
        let beside = [hour.saturating_sub(1), (hour + 1).min(system.hours - 1)];
        beside.into_iter().map(|other| 0.5 * (net(hour) + net(other))).fold(net(hour), f64::max)
    };
    let need_w: Vec<f64> = hours.clone().map(need).collect();
    let reserve_w: Vec<f64> = hours.map(|hour| spare_w(system, hour)).collect();
    priority::commit(&network, &times, &need_w, &reserve_w)
}

/// What hangs on a bus out of service neither draws nor gives.
fn live(system: &System, bus: usize) -> bool {
    system.network.buses.kind[bus] != BusKind::Isolated
}

/// What sun, wind and water give in an hour, W.
fn given_w(system: &System, hour: usize) -> f64 {
    let living = system.units.iter().zip(&system.network.generators.bus).filter(|(_, bus)| live(system, **bus));
    living.filter_map(|(unit, _)| Some(unit.available_w.as_ref()?[hour])).sum()
}

/// Load of the buses in service in an hour, W.
fn live_load_w(system: &System, hour: usize) -> f64 {
    system.load_w(hour).iter().enumerate().filter(|(bus, _)| live(system, *bus)).map(|(_, load)| load).sum()
}

/// What a day-ahead commitment leaves above the load: the reserves, and two standard deviations of what the forecast may err by, W.
#[must_use]
pub fn spare_w(system: &System, hour: usize) -> f64 {
    let (load, weather) = (LOAD_ERROR * live_load_w(system, hour), WEATHER_ERROR * given_w(system, hour));
    system.reserve_up_w(hour) + 2.0 * (load * load + weather * weather).sqrt()
}

/// State of every unit before an hour: the tables say nothing of it, so the priority list is followed over the week before (over
/// the first day, where the year begins), and its last hour is dispatched by merit.
#[must_use]
pub fn before(system: &System, hour: usize) -> Vec<State> {
    let units = system.units.len();
    let lead = if hour == 0 { 0..DAY_HOURS.min(system.hours) } else { hour.saturating_sub(LEAD_HOURS)..hour };
    let on = listed(system, lead.clone());
    let last = lead.len() - 1;
    let is_on = |unit: usize, at: usize| on[at * units + unit];
    let output_w = by_merit(system, lead.end - 1, &|unit| is_on(unit, last));
    let one = |unit: usize| {
        let now = is_on(unit, last);
        let steps = (0..lead.len()).rev().take_while(|at| is_on(unit, *at) == now).count();
        // What never changed has been so for a week or longer.
        State { on: now, steps: if steps == lead.len() { LEAD_HOURS } else { steps }, output_w: output_w[unit] }
    };
    (0..units).map(one).collect()
}

/// Outputs of the units that burn fuel and are on in an hour: the least of each, then the cheapest blocks until load is met.
fn by_merit(system: &System, hour: usize, on: &dyn Fn(usize) -> bool) -> Vec<f64> {
    let g = &system.network.generators;
    let runs: Vec<usize> =
        (0..system.units.len()).filter(|unit| system.units[*unit].drive == Drive::Fuel && on(*unit)).collect();
    let mut output_w = vec![0.0; system.units.len()];
    let mut open_w = live_load_w(system, hour) - given_w(system, hour);
    let mut blocks: Vec<(f64, usize, f64)> = Vec::new();
    for unit in runs {
        output_w[unit] = g.least_w[unit];
        open_w -= g.least_w[unit];
        match &g.cost[unit] {
            Some(Cost::Piecewise(points)) => blocks.extend(points.windows(2).map(|pair| {
                let width = pair[1].0 - pair[0].0;
                ((pair[1].1 - pair[0].1) / width.max(1e-9), unit, width * 1e6)
            })),
            _ => blocks.push((0.0, unit, g.most_w[unit] - g.least_w[unit])),
        }
    }
    blocks.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (_, unit, width_w) in blocks {
        let more_w = width_w.min(open_w).min(g.most_w[unit] - output_w[unit]).max(0.0);
        output_w[unit] += more_w;
        open_w -= more_w;
    }
    output_w
}
