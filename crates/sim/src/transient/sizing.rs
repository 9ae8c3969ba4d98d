//! The least battery under each GPU floor: what keeps the scenario's limits, or passes a specification, of all that was tried.
//!
//! The GPUs run once for each floor; batteries are sized on the load that was recorded, by the loop that leads the import in
//! the waveform itself.
//!
//! Not modelled: cost; wear; another law of the battery's loop than the plan's.

use super::judged::judge_import;
use super::measures::Measures;
use super::mitigation::{Kept, Told, attempt};
use super::{Devices, Loop, Plan, Shelf};
use crate::metrics::{MW, MWH};
use crate::results::Table;
use crate::scenario::Scenario;
use tieline_campus::specification::Specification;
use tieline_campus::waveform::Spread;

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
    pub(super) fn kept(&self, meter: &Measures) -> bool {
        meter.swing_over_w(self.window_s) <= self.swing_w
            && meter.ramp_over_w_per_s(self.window_s, self.ramp_window_s) <= self.ramp_w_per_s
    }

    /// Whether any of them binds.
    #[must_use]
    pub fn bind(&self) -> bool {
        self.swing_w.is_finite() || self.ramp_w_per_s.is_finite()
    }
}

/// A point of the frontier: the least battery under one floor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sized {
    /// Floor as a share of rated power; 0: none.
    pub floor: f64,
    /// What else is on beside floor and battery, in words.
    pub beside: String,
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
    /// Swing, W, and ramp, W/s, of the milliseconds behind that battery, which no meter has averaged; not a number where a
    /// specification judges.
    pub bare: (f64, f64),
    /// Power, W, and energy, J, at each point, where a specification judges: every point is sized for itself.
    pub points: Vec<(String, f64, f64)>,
    /// What a specification says of the size, or what it breaks where no battery is enough and comes nearest.
    pub words: String,
}

/// Floors that are tried.
const FLOORS: [f64; 8] = [0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// What stands in the racks under a floor: as planned; where a specification judges also with storage in the power supplies
/// and with a battery shelf beside it, if the plan is without.
fn racks(plan: &Plan, floor: f64) -> Vec<Devices> {
    let planned = Devices { floor: (floor > 0.0).then_some(floor), battery: None, ..plan.devices.clone() };
    let mut all = vec![planned.clone()];
    if plan.specification.is_some() {
        if !planned.supply {
            all.push(Devices { supply: true, ..planned.clone() });
        }
        if planned.shelf.is_none() {
            all.push(Devices { supply: true, shelf: Some(Shelf::usual()), ..planned });
        }
    }
    all
}

/// Least battery for each floor that passes the plan's specification, or keeps its bounds where it has none.
#[must_use]
pub fn size(scenario: &Scenario, seed: u64, spread: Spread<'_>, told: &mut Told<'_>) -> Option<(Vec<Sized>, Table)> {
    let plan = &scenario.waveform;
    let mut frontier = Vec::new();
    for (index, floor) in FLOORS.into_iter().enumerate() {
        let sets = racks(plan, floor);
        let what = format!("floor {:.0} %", 100.0 * floor);
        let mut progress = |done: f64| told(&what, (index as f64 + done) / FLOORS.len() as f64);
        for (devices, tried) in
            sets.iter().zip(attempt(scenario, plan, &sets, seed, spread, Kept::Load, &mut progress)?)
        {
            let least = match &plan.specification {
                Some(known) => least_at_points(scenario, plan, known, &tried.load_w),
                None => least_together(scenario, plan, &tried.load_w),
            };
            let burned = tried.ledger.burned_j / tried.ledger.meter_j;
            let beside = Devices { floor: None, ..devices.clone() };
            let beside = if beside
                == (Devices { floor_ramps: beside.floor_ramps, hysteresis_s: beside.hysteresis_s, ..Devices::none() })
            {
                "nothing else".to_owned()
            } else {
                beside.label()
            };
            frontier.push(Sized { floor, burned, beside, ..least });
        }
    }
    Some((frontier.clone(), table(plan, &frontier)))
}

fn table(plan: &Plan, frontier: &[Sized]) -> Table {
    let column = |name: &str, value: fn(&Sized) -> f64| (name.to_owned(), frontier.iter().map(value).collect());
    let mut numbers = vec![
        column("floor_percent", |sized| 100.0 * sized.floor),
        column("battery_mw", |sized| if sized.power_w.is_finite() { sized.power_w / MW } else { f64::NAN }),
        column("battery_mwh", |sized| if sized.power_w.is_finite() { sized.energy_j / MWH } else { f64::NAN }),
        column("swing_mwh", |sized| if sized.power_w.is_finite() { sized.swing_j / MWH } else { f64::NAN }),
        column("drift_mw", |sized| sized.drift_w / MW),
        column("burned_percent", |sized| 100.0 * sized.burned),
    ];
    let mut texts = Vec::new();
    if plan.specification.is_some() {
        texts.push(("beside".to_owned(), frontier.iter().map(|sized| sized.beside.clone()).collect()));
        texts.push(("specification".to_owned(), frontier.iter().map(|sized| sized.words.clone()).collect()));
    } else {
        numbers.push(column("swing_1ms_mw", |sized| sized.bare.0 / MW));
        numbers.push(column("ramp_1ms_mw_per_s", |sized| sized.bare.1 / MW));
    }
    Table { name: "frontier".to_owned(), utc_ns: vec![plan.at.as_nanos(); frontier.len()], numbers, texts }
}

/// Powers that are tried, as shares of the mean load: from 1/500 upwards, each a quarter more than the one before.
const SHARES: usize = 32;

/// A battery that was tried: whether it is enough, how near it came (the larger the better), and its size.
struct Trial {
    enough: bool,
    nearness: f64,
    sized: Sized,
}

/// The least power that is enough on a load of this mean, and what came nearest where none is.
///
/// More power is not always better: through delay and lag a battery adds where it comes too late. So powers are tried
/// upwards, and only between the last that fails and the first that is enough is halved.
fn least(mean_w: f64, try_power: impl Fn(f64) -> Trial) -> Sized {
    let shares = core::iter::once(0.0).chain((0..SHARES).map(|i| 0.002 * libm::pow(1.25, i as f64)));
    let (mut low, mut nearest) = (0.0, None::<Trial>);
    let mut bare = (f64::NAN, f64::NAN);
    for share in shares {
        let mut trial = try_power(share * mean_w);
        if !trial.enough {
            (low, bare) = (share * mean_w, if share > 0.0 { bare } else { trial.sized.bare });
            if nearest.as_ref().is_none_or(|best| trial.nearness > best.nearness) {
                nearest = Some(trial);
            }
            continue;
        }
        while trial.sized.power_w - low > 1e-3 * mean_w {
            let middle = 0.5 * (low + trial.sized.power_w);
            let found = try_power(middle);
            if found.enough {
                trial = found;
            } else {
                low = middle;
            }
        }
        return trial.sized;
    }
    let none = f64::INFINITY;
    let words = nearest.map_or_else(String::new, |best| {
        format!("{} with the best of them, {:.2} MW", best.sized.words, best.sized.power_w / MW)
    });
    Sized { power_w: none, energy_j: none, swing_j: none, drift_w: 0.0, bare, words, ..nothing() }
}

/// No battery at all.
fn nothing() -> Sized {
    Sized {
        floor: 0.0,
        beside: String::new(),
        power_w: 0.0,
        energy_j: 0.0,
        swing_j: 0.0,
        drift_w: 0.0,
        burned: 0.0,
        bare: (f64::NAN, f64::NAN),
        points: Vec::new(),
        words: String::new(),
    }
}

/// Least power and energy, over all points together, that keep the bounds; the points share in proportion to their load.
fn least_together(scenario: &Scenario, plan: &Plan, load_w: &[Vec<f64>]) -> Sized {
    let load_w: Vec<&[f64]> = load_w.iter().filter(|row| !row.is_empty()).map(Vec::as_slice).collect();
    let all: f64 = load_w.iter().map(|row| mean_w(row)).sum();
    least(all, |power_w| {
        let (meter, sized) = behind(scenario, plan, &load_w, power_w);
        let enough = plan.bounds.kept(&meter);
        Trial { enough, nearness: -meter.swing_over_w(plan.bounds.window_s), sized }
    })
}

/// Least power and energy with which every point passes the specification, each point sized for itself.
fn least_at_points(scenario: &Scenario, plan: &Plan, known: &Specification, load_w: &[Vec<f64>]) -> Sized {
    let mut all = nothing();
    let mut words = Vec::new();
    let loaded = |row: &Vec<f64>| mean_w(row) > 0.0;
    let several = load_w.iter().filter(|row| loaded(row)).count() > 1;
    for (poi, row) in scenario.plant.pois.iter().zip(load_w).filter(|(_, row)| loaded(row)) {
        let mean_w = mean_w(row);
        let settled = (row.len()).min((plan.settle_s * 1e3) as usize);
        let found = least(mean_w, |power_w| {
            let led = lead(scenario, plan, row, power_w, mean_w);
            let metered: Vec<f64> =
                led.import_w[settled..].iter().map(|w| w + w.abs() * poi.transformer_loss).collect();
            let judged = judge_import(&poi.name, known, &metered);
            let (swing_j, drift_w) = swing_and_drift(&led.stored_j[settled..]);
            let sized = Sized { power_w, energy_j: led.energy_j, swing_j, drift_w, words: judged.words(), ..nothing() };
            let nearness = judged.tightest().map_or(f64::NEG_INFINITY, |(margin, _)| margin);
            Trial { enough: judged.passes(), nearness, sized }
        });
        all.power_w += found.power_w;
        all.energy_j += found.energy_j;
        all.swing_j += found.swing_j;
        all.drift_w += found.drift_w;
        all.points.push((poi.name.clone(), found.power_w, found.energy_j));
        words.push(if several { format!("{}: {}", poi.name, found.words) } else { found.words });
    }
    all.words = words.join("; ");
    all
}

fn mean_w(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len().max(1) as f64
}

/// A load behind a battery: import less the transformer's loss, the energy that the battery went through between its
/// extremes, and what it holds more than at the start, millisecond by millisecond.
struct Led {
    import_w: Vec<f64>,
    energy_j: f64,
    stored_j: Vec<f64>,
}

/// Leads a load with so much power, and with so much energy that it never binds: what is used says what is needed.
fn lead(scenario: &Scenario, plan: &Plan, load_w: &[f64], power_w: f64, all_w: f64) -> Led {
    let fast = plan.devices.battery.unwrap_or(Loop::usual());
    let round_trip = scenario.plant.batteries.first().map_or(0.9, |unit| unit.round_trip);
    let battery = tieline_campus::waveform::Battery {
        rated_w: power_w,
        energy_j: 10.0 * all_w * plan.span_s,
        round_trip,
        soc_range: (0.0, 1.0),
        soc_start: 0.5,
        delay_ms: fast.delay_ms,
        lag_s: fast.lag_s,
        smooth_s: fast.smooth_s,
        ramp_w_per_s: (fast.ramp_w_per_s, fast.ramp_w_per_s),
        recentre_s: f64::INFINITY,
    };
    let (import_w, energy) = battery.lead(load_w);
    let (mut held_j, each) = (0.0, libm::sqrt(round_trip));
    let stored_j = import_w.iter().zip(load_w).map(|(import_w, load_w)| {
        let charge_w = import_w - load_w;
        held_j += 1e-3 * if charge_w > 0.0 { charge_w * each } else { charge_w / each };
        held_j
    });
    let stored_j = stored_j.collect();
    Led { import_w, energy_j: (energy.most_share - energy.least_share) * energy.capacity_j, stored_j }
}

/// Import behind batteries of so much power in all, shared in proportion to the points' loads, and what they go through.
fn behind(scenario: &Scenario, plan: &Plan, load_w: &[&[f64]], power_w: f64) -> (Measures, Sized) {
    let all: f64 = load_w.iter().map(|row| mean_w(row)).sum();
    let steps = load_w.first().map_or(0, |row| row.len());
    let (mut sum_w, mut stored_j) = (vec![0.0; steps], vec![0.0; steps]);
    let mut energy_j = 0.0;
    for row in load_w {
        let led = lead(scenario, plan, row, power_w * mean_w(row) / all, all);
        energy_j += led.energy_j;
        for ((sum_w, stored_j), (import_w, held_j)) in
            sum_w.iter_mut().zip(&mut stored_j).zip(led.import_w.iter().zip(&led.stored_j))
        {
            *sum_w += import_w;
            *stored_j += held_j;
        }
    }
    let mut meter = Measures::new(plan.settle_s);
    sum_w.into_iter().for_each(|import_w| meter.add(import_w));
    let (swing_j, drift_w) = swing_and_drift(&stored_j[(steps.min((plan.settle_s * 1e3) as usize))..]);
    let bare = (meter.swing_w(), meter.ramp_w_per_s());
    (meter, Sized { power_w, energy_j, swing_j, drift_w, bare, ..nothing() })
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
