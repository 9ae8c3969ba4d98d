//! Mitigations side by side on the same luck, each held against the scenario's limits and against a specification.
//!
//! Not modelled: cost; wear of cells and of the smoothing circuit.

use super::flicker::{self, Site};
use super::judged::{Judged, Judging};
use super::measures::{Measures, SAMPLE_MS, band_share, lines, spectrum};
use super::{Devices, Loop, Plan, Shelf, campus, play_beside};
use crate::metrics::{MW, MWH};
use crate::operation::slug;
use crate::results::Table;
use crate::scenario::Scenario;
use tieline_campus::specification::Verdict;
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
    /// What the plan's specification says, where it has one and was asked.
    pub(crate) judged: Option<Judged>,
    /// Import of each point on the grid for the flickermeter, where a verdict was asked.
    pub(crate) flicker: Vec<flicker::Kept>,
    /// Load of each point, 1 ms, W, where it was to be kept; empty for an island.
    pub(crate) load_w: Vec<Vec<f64>>,
}

/// What is wanted of a run beside its measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The specification's verdict on the import.
    Verdict,
    /// The load of the points, to size batteries on.
    Load,
}

/// Runs the plan with sets of devices that act alike on the GPUs: they run once for all of these.
pub(crate) fn attempt(
    scenario: &Scenario,
    plan: &Plan,
    sets: &[Devices],
    seed: u64,
    spread: Spread<'_>,
    kept: Kept,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Option<Vec<Tried>> {
    let pois = &scenario.plant.pois;
    let campuses: Vec<_> = sets.iter().map(|devices| campus(scenario, plan, devices)).collect();
    let mut meters = vec![Measures::new(plan.settle_s); sets.len()];
    let judging = |_: &Devices| {
        plan.specification.as_ref().filter(|_| kept == Kept::Verdict).map(|known| Judging::new(scenario, known))
    };
    let mut judges: Vec<Option<Judging>> = sets.iter().map(judging).collect();
    let at_grid: Vec<usize> = (0..pois.len()).filter(|poi| !pois[*poi].island).collect();
    let mut flicker = vec![vec![flicker::Kept::default(); at_grid.len()]; sets.len()];
    let settle_ms = (plan.settle_s * 1e3) as usize;
    let mut loads_w: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); pois.len()]; sets.len()];
    let most_ms = (plan.span_s * 1e3) as usize;
    let waveform = play_beside(&campuses, seed, plan.span_s, spread, &mut |number, tile: &Tile| {
        for ms in 0..tile.len() {
            meters[number].add(at_grid.iter().map(|poi| tile.meter_w[*poi][ms]).sum());
        }
        if kept == Kept::Verdict {
            for (point, poi) in flicker[number].iter_mut().zip(&at_grid) {
                point.add(settle_ms, &tile.meter_w[*poi]);
            }
        }
        if let Some(judging) = &mut judges[number] {
            judging.tile(tile);
        }
        if kept == Kept::Load {
            for ((all, new), poi) in loads_w[number].iter_mut().zip(&tile.load_w).zip(pois) {
                // An island keeps an empty load: nothing there is the grid's.
                if !poi.island {
                    all.extend_from_slice(&new[..new.len().min(most_ms - all.len())]);
                }
            }
        }
        progress((tile.start_ms as f64 / (plan.span_s * 1e3)).min(1.0))
    })?;
    let paces = waveform.paces();
    let (steps, steps_s) = paces.iter().fold((0, 0.0), |(n, s), pace| (n + pace.steps, s + pace.steps_s));
    let step_s = if steps > 0 { steps_s / steps as f64 } else { f64::NAN };
    let measured = meters.into_iter().zip(judges).zip(flicker.into_iter().zip(loads_w)).enumerate();
    let tried = sets.iter().zip(measured).map(|(devices, (number, ((meter, judging), (flicker, load_w))))| Tried {
        label: devices.label(),
        meter,
        ledger: waveform.ledger_of(number),
        step_s,
        judged: judging.map(Judging::finish),
        flicker,
        load_w,
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

/// The mitigation study: a table with a row for each set of devices, all on the same luck, and what the plan's specification
/// says of each, where it has one.
#[must_use]
pub fn compare(
    scenario: &Scenario,
    seed: u64,
    spread: Spread<'_>,
    told: &mut Told<'_>,
) -> Option<(Table, Vec<Judged>)> {
    let plan = &scenario.waveform;
    let tried = all(scenario, seed, spread, told)?;
    let base = Base { step_s: tried[0].step_s, spent_j: spent_j(&tried[0].ledger) };
    // The network does not change with what is switched on: its short circuit is told in the first set's mean import.
    let site = Site::of(plan);
    let means_w: Vec<f64> = tried[0].flicker.iter().map(flicker::Kept::mean_w).collect();
    let names: Vec<&str> = scenario.plant.pois.iter().filter(|poi| !poi.island).map(|poi| poi.name.as_str()).collect();
    let several = means_w.iter().filter(|mean_w| **mean_w > 0.0).count() > 1;
    let mut numbers: Numbers = Vec::new();
    let mut not_shown = Vec::new();
    for tried in &tried {
        let at_points = severities(&tried.flicker, &means_w, &site, tried.step_s);
        let pst = worst(&at_points);
        let of_points = at_points.iter().filter(|_| several).map(|(point, pst)| {
            (format!("pst_{}", slug(names[*point]).replace('-', "_")), pst.clone().unwrap_or(f64::NAN))
        });
        for (index, (name, value)) in row(plan, tried, &base, &pst).into_iter().chain(of_points).enumerate() {
            if numbers.len() <= index {
                numbers.push((name, Vec::new()));
            }
            numbers[index].1.push(value);
        }
        not_shown.push(pst.err().unwrap_or_default());
    }
    let utc_ns = vec![plan.at.as_nanos(); tried.len()];
    let mut texts = vec![
        ("devices".to_owned(), tried.iter().map(|tried| tried.label.clone()).collect()),
        ("pst_not_shown".to_owned(), not_shown),
    ];
    let judged: Vec<Judged> = tried.into_iter().filter_map(|tried| tried.judged).collect();
    clauses(&judged, &mut numbers, &mut texts);
    Some((Table { name: "mitigation".to_owned(), utc_ns, numbers, texts }, judged))
}

/// Every set of devices, run on the same luck.
fn all(scenario: &Scenario, seed: u64, spread: Spread<'_>, told: &mut Told<'_>) -> Option<Vec<Tried>> {
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
        let tried = attempt(scenario, plan, &shared, seed, spread, Kept::Verdict, &mut progress)?;
        places.iter().zip(tried).for_each(|(place, tried)| found[*place] = Some(tried));
    }
    Some(found.into_iter().flatten().collect())
}

/// Pst at a point, or why it is not shown.
type Pst = Result<f64, String>;

/// Pst of every point with a load, each at its own meter: what moves against one another at two points is felt at both.
fn severities(points: &[flicker::Kept], means_w: &[f64], site: &Site, period_s: f64) -> Vec<(usize, Pst)> {
    let loaded = points.iter().zip(means_w).enumerate().filter(|(_, (_, mean_w))| **mean_w > 0.0);
    loaded.map(|(at, (point, mean_w))| (at, point.severity(site, *mean_w, period_s))).collect()
}

/// The point where it flickers most stands for all; one that is not shown leaves all not shown.
fn worst(at_points: &[(usize, Pst)]) -> Pst {
    let none = Err("needs a point on the grid with a load".to_owned());
    let all = at_points.iter().map(|(_, pst)| pst.clone());
    all.reduce(|a, b| Ok(a?.max(b?))).unwrap_or(none)
}

/// What the others are told against: the first set.
struct Base {
    step_s: f64,
    spent_j: f64,
}

/// The numbers of one set.
fn row(plan: &Plan, tried: &Tried, base: &Base, pst: &Pst) -> Vec<(String, f64)> {
    let (meter, ledger, bounds) = (&tried.meter, &tried.ledger, &plan.bounds);
    let density = spectrum(meter.samples_w(), SAMPLE_MS as f64 * 1e-3, tried.step_s);
    let lines = lines(density.as_ref());
    let row = [
        ("swing_mw", meter.swing_w() / MW),
        ("within_second_mw", meter.within_second_w().0 / MW),
        ("ramp_max_mw_per_s", meter.ramp_w_per_s() / MW),
        ("energy_01_20hz_percent", 100.0 * band_share(density.as_ref(), 0.1, 20.0)),
        ("amplitude_01_20hz_mw", amplitude_w(&lines, 0.1, 20.0) / MW),
        ("pst", pst.as_ref().copied().unwrap_or(f64::NAN)),
        ("extra_energy_percent", 100.0 * (spent_j(ledger) / base.spent_j - 1.0)),
        ("burned_percent", 100.0 * (ledger.filler_j + ledger.burned_j) / ledger.meter_j),
        ("throughput_loss_percent", 100.0 * (1.0 - base.step_s / tried.step_s)),
        ("supply_throughput_mwh", (ledger.supply.charged_j + ledger.supply.discharged_j) / MWH),
        ("shelf_throughput_mwh", (ledger.shelf.charged_j + ledger.shelf.discharged_j) / MWH),
        ("battery_throughput_mwh", (ledger.battery.charged_j + ledger.battery.discharged_j) / MWH),
        ("supply_soc_span_percent", 100.0 * (ledger.supply.most_share - ledger.supply.least_share)),
        ("shelf_soc_span_percent", 100.0 * (ledger.shelf.most_share - ledger.shelf.least_share)),
        ("battery_soc_span_percent", 100.0 * (ledger.battery.most_share - ledger.battery.least_share)),
        ("residual_share", ledger.residual_share()),
        ("swing_over_window_mw", meter.swing_over_w(bounds.window_s) / MW),
        ("ramp_over_window_mw_per_s", meter.ramp_over_w_per_s(bounds.window_s, bounds.ramp_window_s) / MW),
        ("keeps_bounds", f64::from(u8::from(bounds.kept(meter)))),
    ];
    row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Columns of numbers, and of texts, of a table.
type Numbers = Vec<(String, Vec<f64>)>;
type Texts = Vec<(String, Vec<String>)>;

/// What the specification says of each set: the verdict, and for each clause verdict, margin and the point that keeps it worst.
fn clauses(judged: &[Judged], numbers: &mut Numbers, texts: &mut Texts) {
    let Some(first) = judged.first() else { return };
    texts.push(("specification".to_owned(), judged.iter().map(|judged| judged.verdict().word().to_owned()).collect()));
    for (place, sentence) in first.sentences.iter().enumerate() {
        let name = slug(&sentence.ruling.name).replace('-', "_");
        let each = || judged.iter().map(move |judged| &judged.sentences[place]);
        let margin = |ruling: &tieline_campus::specification::Ruling| match ruling.verdict {
            Verdict::NotShown => f64::NAN,
            _ => 100.0 * ruling.margin.unwrap_or(f64::NAN),
        };
        numbers.push((format!("margin_percent_{name}"), each().map(|at| margin(&at.ruling)).collect()));
        texts.push((format!("verdict_{name}"), each().map(|at| at.ruling.verdict.word().to_owned()).collect()));
        texts.push((format!("point_{name}"), each().map(|at| at.point.clone()).collect()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::TAU;
    use tieline_campus::specification::Connection;
    use tieline_campus::spectrum::flicker::Lamp;

    #[test]
    fn points_that_move_against_one_another_flicker_though_their_sum_stands_still() {
        let connection = Connection { short_circuit_ratio: Some(20.0), x_over_r: Some(0.0), power_factor: 1.0 };
        let site = Site { connection, reference_w: Some(1e6), lamp: Lamp::V120Hz60 };
        let import = |side: f64| -> flicker::Kept {
            let mut kept = flicker::Kept::default();
            // A second that does not count, then 8.8 Hz at the threshold of 120 V: 0.321 % of the voltage.
            let wave = |ms: u32| 0.003_21 * 0.5 * 20.0 * 1e6 * side * libm::sin(TAU * 8.8 * f64::from(ms) * 1e-3);
            let all: Vec<f64> = (0..21_000).map(|ms| if ms < 1_000 { 9e6 } else { 1e5 + wave(ms) }).collect();
            all.chunks(777).for_each(|block| kept.add(1_000, block));
            kept
        };
        let points = [import(1.0), import(-1.0), import(0.0), flicker::Kept::default()];
        let means_w = [1e5, 1e5, 1e5, 0.0];
        let found = severities(&points, &means_w, &site, 10.0);
        let pst: Vec<f64> = found.iter().map(|(_, pst)| pst.clone().expect("the network is known")).collect();
        // A steady sensation of one is a Pst of 0.714; means of 5 ms take 0.3 % off 8.8 Hz.
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
        assert!((pst[0] / 0.714 - 1.0).abs() < 0.03 && (pst[1] / pst[0] - 1.0).abs() < 0.01, "{pst:?}");
        assert!(pst[2] < 1e-3 && worst(&found).expect("shown") == pst[0].max(pst[1]), "{pst:?}");
        let unknown = Site { connection: Connection { x_over_r: None, ..connection }, ..site };
        assert!(worst(&severities(&points, &means_w, &unknown, 10.0)).is_err());
    }
}
