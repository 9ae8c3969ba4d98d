//! Mitigations side by side on the same luck, and the least that meets given limits.
//!
//! Not modelled: cost; wear of cells and of the smoothing circuit.

use super::flicker::severity;
use super::measures::{Measures, SAMPLE_MS, band_share, lines, spectrum};
use super::{Devices, Loop, Plan, campus, play};
use crate::metrics::{MW, MWH};
use crate::results::Table;
use crate::scenario::Scenario;
use tieline_campus::waveform::{Ledger, Spread, Tile};

/// Is told what is being tried and which share of all is done; false ends it.
pub type Told<'a> = dyn FnMut(&str, f64) -> bool + 'a;

/// What one set of devices came to.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) label: String,
    pub(crate) meter: Measures,
    pub(crate) ledger: Ledger,
    pub(crate) step_s: f64,
    /// Load of each point, 1 ms, W.
    pub(crate) load_w: Vec<Vec<f64>>,
}

/// Runs the plan with these devices.
pub(crate) fn attempt(
    scenario: &Scenario,
    plan: &Plan,
    devices: &Devices,
    seed: u64,
    spread: Spread<'_>,
    keep_load: bool,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Option<Tried> {
    let campus = campus(scenario, plan, devices);
    let mut meter = Measures::new(plan.settle_s);
    let mut load_w: Vec<Vec<f64>> = vec![Vec::new(); campus.points.len()];
    let waveform = play(&campus, seed, plan.span_s, spread, &mut |tile: &Tile| {
        for ms in 0..tile.len() {
            let at_grid = tile.meter_w.iter().zip(&scenario.plant.pois).filter(|(_, poi)| !poi.island);
            meter.add(at_grid.map(|(row, _)| row[ms]).sum());
        }
        if keep_load {
            for ((all, new), poi) in load_w.iter_mut().zip(&tile.load_w).zip(&scenario.plant.pois) {
                // An island keeps an empty load: nothing there is the grid's.
                if !poi.island {
                    all.extend_from_slice(new);
                }
            }
        }
        progress((tile.start_ms as f64 / (plan.span_s * 1e3)).min(1.0))
    })?;
    let paces = waveform.paces();
    let (steps, steps_s) = paces.iter().fold((0, 0.0), |(n, s), pace| (n + pace.steps, s + pace.steps_s));
    Some(Tried {
        label: devices.label(),
        meter,
        ledger: waveform.ledger(),
        step_s: if steps > 0 { steps_s / steps as f64 } else { f64::NAN },
        load_w,
    })
}

/// The sets that are compared: each device of the plan alone, and what is combined.
fn sets(plan: &Plan) -> Vec<Devices> {
    let none =
        Devices { floor_ramps: plan.devices.floor_ramps, hysteresis_s: plan.devices.hysteresis_s, ..Devices::none() };
    // Where the plan does not say, usual values: floor of 65 % (Fig 5 of arXiv 2508.14318), filler at 60 %: guess;
    // shelf of 50 kJ and 700 W per GPU: guess; loop of 20 ms and 20 ms (control.md 7.1), low-pass of 10 s.
    let floor = Some(plan.devices.floor.unwrap_or(0.65));
    let filler = Some(plan.devices.filler.unwrap_or(0.6));
    let shelf = Some(plan.devices.shelf.unwrap_or((50e3, 700.0)));
    let battery = Some(plan.devices.battery.unwrap_or(Loop::usual()));
    vec![
        none.clone(),
        Devices { filler, ..none.clone() },
        Devices { floor, ..none.clone() },
        Devices { supply: true, ..none.clone() },
        Devices { shelf, ..none.clone() },
        Devices { battery, ..none.clone() },
        Devices { floor, supply: true, ..none.clone() },
        Devices { floor, battery, ..none.clone() },
        Devices { floor, supply: true, battery, ..none.clone() },
        Devices { floor, filler, supply: true, shelf, battery, ..none },
    ]
}

impl Loop {
    /// 20 ms and 20 ms (control.md 7.1), a low-pass of 10 s, no ramp limit, the battery as built.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            delay_ms: 20,
            lag_s: 0.02,
            smooth_s: 10.0,
            ramp_w_per_s: f64::INFINITY,
            power_share: 1.0,
            energy_share: 1.0,
        }
    }
}

/// The mitigation study: a table with a row for each set of devices, all on the same luck.
#[must_use]
pub fn compare(scenario: &Scenario, seed: u64, spread: Spread<'_>, told: &mut Told<'_>) -> Option<Table> {
    let plan = &scenario.waveform;
    let mut tried = Vec::new();
    let sets = sets(plan);
    for (index, devices) in sets.iter().enumerate() {
        let mut progress = |done: f64| told(&devices.label(), (index as f64 + done) / sets.len() as f64);
        tried.push(attempt(scenario, plan, devices, seed, spread, false, &mut progress)?);
    }
    let base_s = tried[0].step_s;
    let base_j = tried[0].ledger.meter_j;
    let reference_w = tried[0].meter.mean_w();
    let mut numbers: Vec<(String, Vec<f64>)> = Vec::new();
    let mut not_shown = Vec::new();
    for tried in &tried {
        let (meter, ledger) = (&tried.meter, &tried.ledger);
        let step_s = SAMPLE_MS as f64 * 1e-3;
        let density = spectrum(meter.samples_w(), step_s);
        let lines = lines(density.as_ref());
        // The network does not change with what is switched on: its short circuit is told in the first set's mean load.
        let pst = severity(&plan.connection, reference_w, meter.samples_w(), step_s, tried.step_s);
        let row = [
            ("swing_mw", meter.swing_w() / MW),
            ("within_second_mw", meter.within_second_w().0 / MW),
            ("ramp_max_mw_per_s", meter.ramp_w_per_s() / MW),
            ("energy_01_20hz_percent", 100.0 * band_share(density.as_ref(), 0.1, 20.0)),
            ("amplitude_01_20hz_mw", amplitude_w(&lines, 0.1, 20.0) / MW),
            ("pst", pst.as_ref().copied().unwrap_or(f64::NAN)),
            ("extra_energy_percent", 100.0 * (ledger.meter_j / base_j - 1.0)),
            ("burned_percent", 100.0 * (ledger.filler_j + ledger.burned_j) / ledger.asked_j),
            ("throughput_loss_percent", 100.0 * (1.0 - base_s / tried.step_s)),
            ("supply_throughput_mwh", (ledger.supply.charged_j + ledger.supply.discharged_j) / MWH),
            ("shelf_throughput_mwh", (ledger.shelf.charged_j + ledger.shelf.discharged_j) / MWH),
            ("battery_throughput_mwh", (ledger.battery.charged_j + ledger.battery.discharged_j) / MWH),
            ("supply_soc_span_percent", 100.0 * (ledger.supply.most_share - ledger.supply.least_share)),
            ("shelf_soc_span_percent", 100.0 * (ledger.shelf.most_share - ledger.shelf.least_share)),
            ("battery_soc_span_percent", 100.0 * (ledger.battery.most_share - ledger.battery.least_share)),
            ("residual_share", ledger.residual_share()),
        ];
        for (index, (name, value)) in row.into_iter().enumerate() {
            if numbers.len() <= index {
                numbers.push((name.to_owned(), Vec::new()));
            }
            numbers[index].1.push(value);
        }
        not_shown.push(pst.err().unwrap_or_default());
    }
    let at = plan.at.as_nanos();
    Some(Table {
        name: "mitigation".to_owned(),
        utc_ns: vec![at; tried.len()],
        numbers,
        texts: vec![
            ("devices".to_owned(), tried.into_iter().map(|tried| tried.label).collect()),
            ("pst_not_shown".to_owned(), not_shown),
        ],
    })
}

/// Root of the summed squares of the amplitudes in a band, W: comparable between sets, as a share is not. A Hann window
/// spreads a line's energy by 1.5.
fn amplitude_w(lines: &[(f64, f64)], from_hz: f64, to_hz: f64) -> f64 {
    let squares = lines.iter().filter(|(hz, _)| *hz >= from_hz && *hz <= to_hz).map(|(_, a)| a * a).sum::<f64>();
    libm::sqrt(squares / 1.5)
}

/// What import must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Greatest less least power of the judged span, all points together, W.
    pub swing_w: f64,
    /// Over how long the judging meter averages, s; at least 10 ms.
    pub window_s: f64,
    /// Steepest change between neighbouring means of a second, W/s.
    pub ramp_w_per_s: f64,
}

impl Bounds {
    fn kept(&self, meter: &Measures) -> bool {
        meter.swing_over_w(self.window_s) <= self.swing_w && meter.ramp_w_per_s() <= self.ramp_w_per_s
    }
}

/// A point of the frontier: the least battery under one floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sized {
    /// Floor as a share of rated power; 0: none.
    pub floor: f64,
    /// Least battery power that keeps the bounds, W; infinite: twice the load does not.
    pub power_w: f64,
    /// Energy that it needs, J.
    pub energy_j: f64,
    /// What the floor burns, as a share of what the work asks.
    pub burned: f64,
}

/// Floors that are tried.
const FLOORS: [f64; 8] = [0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Least battery for each floor: the GPUs run once per floor, the battery is sized on their load by bisection.
#[must_use]
pub fn size(
    scenario: &Scenario,
    bounds: &Bounds,
    seed: u64,
    spread: Spread<'_>,
    told: &mut Told<'_>,
) -> Option<(Vec<Sized>, Table)> {
    let plan = &scenario.waveform;
    let mut frontier = Vec::new();
    for (index, floor) in FLOORS.into_iter().enumerate() {
        let devices = Devices { floor: (floor > 0.0).then_some(floor), battery: None, ..plan.devices.clone() };
        let what = format!("floor {:.0} %", 100.0 * floor);
        let mut progress = |done: f64| told(&what, (index as f64 + done) / FLOORS.len() as f64);
        let tried = attempt(scenario, plan, &devices, seed, spread, true, &mut progress)?;
        let (power_w, energy_j) = least(scenario, plan, bounds, &tried.load_w);
        frontier.push(Sized { floor, power_w, energy_j, burned: tried.ledger.burned_j / tried.ledger.asked_j });
    }
    let column = |name: &str, value: fn(&Sized) -> f64| (name.to_owned(), frontier.iter().map(value).collect());
    let table = Table {
        name: "frontier".to_owned(),
        utc_ns: vec![plan.at.as_nanos(); frontier.len()],
        numbers: vec![
            column("floor_percent", |sized| 100.0 * sized.floor),
            column("battery_mw", |sized| if sized.power_w.is_finite() { sized.power_w / MW } else { f64::NAN }),
            column("battery_mwh", |sized| if sized.power_w.is_finite() { sized.energy_j / MWH } else { f64::NAN }),
            column("burned_percent", |sized| 100.0 * sized.burned),
        ],
        texts: Vec::new(),
    };
    Some((frontier, table))
}

/// Least power and energy, over all points together, that keep the bounds; the points share in proportion to their load.
fn least(scenario: &Scenario, plan: &Plan, bounds: &Bounds, load_w: &[Vec<f64>]) -> (f64, f64) {
    let fast = plan.devices.battery.unwrap_or(Loop::usual());
    let load_w: Vec<&Vec<f64>> = load_w.iter().filter(|row| !row.is_empty()).collect();
    let steps = load_w.first().map_or(0, |row| row.len());
    let mean: Vec<f64> = load_w.iter().map(|row| row.iter().sum::<f64>() / steps.max(1) as f64).collect();
    let all: f64 = mean.iter().sum();
    let try_power = |power_w: f64| {
        let mut sum = vec![0.0; steps];
        let mut energy_j = 0.0;
        for (row, mean) in load_w.iter().zip(&mean) {
            let battery = tieline_campus::waveform::Battery {
                rated_w: power_w * mean / all,
                // So much that energy never binds; what is used says what is needed.
                energy_j: 10.0 * all * plan.span_s,
                round_trip: scenario.plant.batteries.first().map_or(0.9, |unit| unit.round_trip),
                soc_range: (0.0, 1.0),
                soc_start: 0.5,
                delay_ms: fast.delay_ms,
                lag_s: fast.lag_s,
                smooth_s: fast.smooth_s,
                ramp_w_per_s: (fast.ramp_w_per_s, fast.ramp_w_per_s),
                recentre_s: f64::INFINITY,
            };
            let (import_w, energy) = battery.lead(row);
            energy_j += (energy.most_share - energy.least_share) * energy.capacity_j;
            for (sum, import_w) in sum.iter_mut().zip(import_w) {
                *sum += import_w;
            }
        }
        let mut meter = Measures::new(plan.settle_s);
        sum.into_iter().for_each(|import_w| meter.add(import_w));
        bounds.kept(&meter).then_some(energy_j)
    };
    if let Some(energy_j) = try_power(0.0) {
        return (0.0, energy_j);
    }
    let (mut low, mut high) = (0.0, 2.0 * all);
    let Some(mut energy_j) = try_power(high) else { return (f64::INFINITY, f64::INFINITY) };
    while high - low > 1e-3 * all {
        let middle = 0.5 * (low + high);
        match try_power(middle) {
            Some(found) => (high, energy_j) = (middle, found),
            None => low = middle,
        }
    }
    (high, energy_j)
}
