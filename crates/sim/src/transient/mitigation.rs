//! Mitigations side by side on the same luck, and the least that meets given limits.
//!
//! Not modelled: cost; wear of cells and of the smoothing circuit.

use super::flicker::severity;
use super::measures::{Measures, SAMPLE_MS, band_share, lines, spectrum};
use super::{Devices, Loop, Plan, Shelf, campus, play_beside};
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
    /// Load of each point, 1 ms, W, where it was to be kept: of the first set only.
    pub(crate) load_w: Vec<Vec<f64>>,
}

/// Runs the plan with sets of devices that act alike on the GPUs: they run once for all of these.
pub(crate) fn attempt(
    scenario: &Scenario,
    plan: &Plan,
    sets: &[Devices],
    seed: u64,
    spread: Spread<'_>,
    keep_load: bool,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Option<Vec<Tried>> {
    let campuses: Vec<_> = sets.iter().map(|devices| campus(scenario, plan, devices)).collect();
    let mut meters = vec![Measures::new(plan.settle_s); sets.len()];
    let mut load_w: Vec<Vec<f64>> = vec![Vec::new(); scenario.plant.pois.len()];
    let waveform = play_beside(&campuses, seed, plan.span_s, spread, &mut |number, tile: &Tile| {
        for ms in 0..tile.len() {
            let at_grid = tile.meter_w.iter().zip(&scenario.plant.pois).filter(|(_, poi)| !poi.island);
            meters[number].add(at_grid.map(|(row, _)| row[ms]).sum());
        }
        if keep_load && number == 0 {
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
    let step_s = if steps > 0 { steps_s / steps as f64 } else { f64::NAN };
    let tried = sets.iter().zip(meters).enumerate().map(|(number, (devices, meter))| Tried {
        label: devices.label(),
        meter,
        ledger: waveform.ledger_of(number),
        step_s,
        load_w: if number == 0 { core::mem::take(&mut load_w) } else { Vec::new() },
    });
    Some(tried.collect())
}

/// The sets that are compared: each device of the plan alone, and what is combined.
fn sets(plan: &Plan) -> Vec<Devices> {
    let none =
        Devices { floor_ramps: plan.devices.floor_ramps, hysteresis_s: plan.devices.hysteresis_s, ..Devices::none() };
    // Where the plan does not say, usual values: floor of 65 % (Fig 5 of arXiv 2508.14318), filler at 60 %: guess;
    // loop of 20 ms and 20 ms (control.md 7.1), low-pass of 10 s.
    let floor = Some(plan.devices.floor.unwrap_or(0.65));
    let filler = Some(plan.devices.filler.unwrap_or(0.6));
    let shelf = Some(plan.devices.shelf.unwrap_or(Shelf::usual()));
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
    let sets = sets(plan);
    // Stores act on no GPU: sets that differ in these alone share a run of the GPUs.
    let alike = |a: &Devices, b: &Devices| (a.floor, a.filler) == (b.floor, b.filler);
    let mut found: Vec<Option<Tried>> = vec![None; sets.len()];
    while let Some(first) = found.iter().position(Option::is_none) {
        let (places, shared): (Vec<usize>, Vec<Devices>) =
            sets.iter().cloned().enumerate().filter(|(_, set)| alike(set, &sets[first])).unzip();
        let done = found.iter().flatten().count() as f64;
        let all = sets.len() as f64;
        let mut progress = |share: f64| told(&sets[first].label(), (done + share * places.len() as f64) / all);
        for (place, tried) in places.iter().zip(attempt(scenario, plan, &shared, seed, spread, false, &mut progress)?) {
            found[*place] = Some(tried);
        }
    }
    let tried: Vec<Tried> = found.into_iter().flatten().collect();
    let base_s = tried[0].step_s;
    let base_j = spent_j(&tried[0].ledger);
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
            ("extra_energy_percent", 100.0 * (spent_j(ledger) / base_j - 1.0)),
            ("burned_percent", 100.0 * (ledger.filler_j + ledger.burned_j) / ledger.meter_j),
            ("throughput_loss_percent", 100.0 * (1.0 - base_s / tried.step_s)),
            ("supply_throughput_mwh", (ledger.supply.charged_j + ledger.supply.discharged_j) / MWH),
            ("shelf_throughput_mwh", (ledger.shelf.charged_j + ledger.shelf.discharged_j) / MWH),
            ("battery_throughput_mwh", (ledger.battery.charged_j + ledger.battery.discharged_j) / MWH),
            ("supply_soc_span_percent", 100.0 * (ledger.supply.most_share - ledger.supply.least_share)),
            ("shelf_soc_span_percent", 100.0 * (ledger.shelf.most_share - ledger.shelf.least_share)),
            ("battery_soc_span_percent", 100.0 * (ledger.battery.most_share - ledger.battery.least_share)),
            ("residual_share", ledger.residual_share()),
            ("swing_over_window_mw", meter.swing_over_w(plan.bounds.window_s) / MW),
            (
                "ramp_over_window_mw_per_s",
                meter.ramp_over_w_per_s(plan.bounds.window_s, plan.bounds.ramp_window_s) / MW,
            ),
            ("keeps_bounds", f64::from(u8::from(plan.bounds.kept(meter)))),
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

/// Energy imported, less what the stores hold more than at the start, J.
fn spent_j(ledger: &Ledger) -> f64 {
    ledger.meter_j - ledger.supply.gained_j - ledger.shelf.gained_j - ledger.battery.gained_j
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
    /// Over how long the judging meter averages, s; at least 10 ms. Swing and ramp are those of these means.
    pub window_s: f64,
    /// Greatest rise or fall of these means within a ramp window, over its length, W/s.
    pub ramp_w_per_s: f64,
    /// The ramp window, s: a limit in MW/min binds within a minute, and a shorter judged span shows it in part.
    pub ramp_window_s: f64,
}

impl Bounds {
    fn kept(&self, meter: &Measures) -> bool {
        meter.swing_over_w(self.window_s) <= self.swing_w
            && meter.ramp_over_w_per_s(self.window_s, self.ramp_window_s) <= self.ramp_w_per_s
    }
}

/// A point of the frontier: the least battery under one floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sized {
    /// Floor as a share of rated power; 0: none.
    pub floor: f64,
    /// Least battery power that keeps the bounds, W; infinite: twice the load does not. Then [`Self::bare`] is without any.
    pub power_w: f64,
    /// Energy that it needs in this span, J.
    pub energy_j: f64,
    /// The part that no length of span changes, J, and the drift, W: a span of T s needs about `swing_j + |drift_w| T`.
    pub swing_j: f64,
    /// Mean power by which the stored energy drifts in the judged span, W: losses mostly, so negative.
    pub drift_w: f64,
    /// What the floor burns, as a share of the energy imported.
    pub burned: f64,
    /// Swing, W, and ramp, W/s, of the milliseconds behind that battery, which no meter has averaged.
    pub bare: (f64, f64),
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
        let tried = attempt(scenario, plan, core::slice::from_ref(&devices), seed, spread, true, &mut progress)?;
        let Some(tried) = tried.into_iter().next() else { continue };
        let least = least(scenario, plan, bounds, &tried.load_w);
        let burned = tried.ledger.burned_j / tried.ledger.meter_j;
        frontier.push(Sized { floor, burned, ..least });
    }
    let column = |name: &str, value: fn(&Sized) -> f64| (name.to_owned(), frontier.iter().map(value).collect());
    let table = Table {
        name: "frontier".to_owned(),
        utc_ns: vec![plan.at.as_nanos(); frontier.len()],
        numbers: vec![
            column("floor_percent", |sized| 100.0 * sized.floor),
            column("battery_mw", |sized| if sized.power_w.is_finite() { sized.power_w / MW } else { f64::NAN }),
            column("battery_mwh", |sized| if sized.power_w.is_finite() { sized.energy_j / MWH } else { f64::NAN }),
            column("swing_mwh", |sized| if sized.power_w.is_finite() { sized.swing_j / MWH } else { f64::NAN }),
            column("drift_mw", |sized| sized.drift_w / MW),
            column("burned_percent", |sized| 100.0 * sized.burned),
            column("swing_1ms_mw", |sized| sized.bare.0 / MW),
            column("ramp_1ms_mw_per_s", |sized| sized.bare.1 / MW),
        ],
        texts: Vec::new(),
    };
    Some((frontier, table))
}

/// Powers that are tried, as shares of the mean load: from 1/500 upwards, each a quarter more than the one before.
const SHARES: usize = 32;

/// Least power and energy, over all points together, that keep the bounds; the points share in proportion to their load.
///
/// More power is not always better: through delay and lag a battery adds where it comes too late. So powers are tried
/// upwards, and only between the last that fails and the first that keeps the bounds is halved.
fn least(scenario: &Scenario, plan: &Plan, bounds: &Bounds, load_w: &[Vec<f64>]) -> Sized {
    let load_w: Vec<&[f64]> = load_w.iter().filter(|row| !row.is_empty()).map(Vec::as_slice).collect();
    let all: f64 = load_w.iter().map(|row| mean_w(row)).sum();
    let try_power = |power_w: f64| {
        let (meter, sized) = behind(scenario, plan, &load_w, power_w);
        (bounds.kept(&meter), sized)
    };
    let shares = core::iter::once(0.0).chain((0..SHARES).map(|i| 0.002 * libm::pow(1.25, i as f64)));
    let (mut low, mut bare) = (0.0, (f64::NAN, f64::NAN));
    for share in shares {
        let (keeps, mut sized) = try_power(share * all);
        if !keeps {
            (low, bare) = (share * all, if share > 0.0 { bare } else { sized.bare });
            continue;
        }
        while sized.power_w - low > 1e-3 * all {
            let middle = 0.5 * (low + sized.power_w);
            match try_power(middle) {
                (true, found) => sized = found,
                (false, _) => low = middle,
            }
        }
        return sized;
    }
    let none = f64::INFINITY;
    Sized { floor: 0.0, power_w: none, energy_j: none, swing_j: none, drift_w: 0.0, burned: 0.0, bare }
}

fn mean_w(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len().max(1) as f64
}

/// Import behind batteries of so much power in all, shared in proportion to the points' loads, and what they go through.
fn behind(scenario: &Scenario, plan: &Plan, load_w: &[&[f64]], power_w: f64) -> (Measures, Sized) {
    let fast = plan.devices.battery.unwrap_or(Loop::usual());
    let round_trip = scenario.plant.batteries.first().map_or(0.9, |unit| unit.round_trip);
    let all: f64 = load_w.iter().map(|row| mean_w(row)).sum();
    let steps = load_w.first().map_or(0, |row| row.len());
    let (mut sum_w, mut stored_j) = (vec![0.0; steps], vec![0.0; steps]);
    let mut energy_j = 0.0;
    for row in load_w {
        let battery = tieline_campus::waveform::Battery {
            rated_w: power_w * mean_w(row) / all,
            // So much that energy never binds; what is used says what is needed.
            energy_j: 10.0 * all * plan.span_s,
            round_trip,
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
        let (mut held_j, each) = (0.0, libm::sqrt(round_trip));
        for ((import_w, load_w), (sum_w, stored_j)) in
            import_w.iter().zip(*row).zip(sum_w.iter_mut().zip(&mut stored_j))
        {
            let charge_w = import_w - load_w;
            held_j += 1e-3 * if charge_w > 0.0 { charge_w * each } else { charge_w / each };
            *sum_w += import_w;
            *stored_j += held_j;
        }
    }
    let mut meter = Measures::new(plan.settle_s);
    sum_w.into_iter().for_each(|import_w| meter.add(import_w));
    let (swing_j, drift_w) = swing_and_drift(&stored_j[(steps.min((plan.settle_s * 1e3) as usize))..]);
    let bare = (meter.swing_w(), meter.ramp_w_per_s());
    (meter, Sized { floor: 0.0, power_w, energy_j, swing_j, drift_w, burned: 0.0, bare })
}

/// Stored energy, 1 ms a value, as a straight line from the first to the last and the greatest less the least about it: J
/// and W. The line grows with the span, by losses and by what the low-pass has not settled; the swing does not.
fn swing_and_drift(stored_j: &[f64]) -> (f64, f64) {
    let (Some(first), Some(last)) = (stored_j.first(), stored_j.last()) else { return (0.0, 0.0) };
    let per_ms = (last - first) / stored_j.len().saturating_sub(1).max(1) as f64;
    let about = stored_j.iter().enumerate().map(|(ms, j)| j - first - per_ms * ms as f64);
    let (least, most) = about.fold((0.0_f64, 0.0_f64), |(a, b), x| (a.min(x), b.max(x)));
    (most - least, 1e3 * per_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_for_another_span_is_the_swing_and_as_much_drift() {
        let stored = |steps: usize| -> Vec<f64> {
            (0..=steps).map(|ms| -0.02 * ms as f64 + if ms % 1_000 < 500 { 0.0 } else { 7.0 }).collect()
        };
        for steps in [3_000, 60_000] {
            let (swing_j, drift_w) = swing_and_drift(&stored(steps));
            assert!((swing_j - 7.0).abs() < 1e-9 && (drift_w + 20.0).abs() < 1e-9, "{swing_j} {drift_w}");
        }
    }
}
