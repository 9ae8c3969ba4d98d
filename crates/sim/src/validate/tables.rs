//! Quantities of a folder of tables: a commitment made from it against another program's of the same day, and some weeks of it,
//! committed or as zones.
//!
//! Not modelled: the network.

use super::quantities::Outcome;
use super::{Dimension as D, Given, Tables};
use tieline_grid::commitment::{self, Horizon, Options, Outcome as Answer, Problem};
use tieline_grid::dispatch::{self, Chunk};

/// By what PGLib-UC divides the tables' ramps ("Hourly generator ramp-rates are divided by a factor of three", its README).
const RAMPS: f64 = 3.0;
/// A renewable of which they differ by more in a step is another one, W: PGLib-UC rounds to 10 kW.
const WEATHER_APART_W: f64 = 5e3 + 1.0;

/// What comes out of some weeks: cost, energy drawn, energy by class.
pub(super) const WEEKS: &[(&str, D)] = &[
    ("cost", D::Money),
    ("load", D::Energy),
    ("coal", D::Energy),
    ("gas_cc", D::Energy),
    ("gas_ct", D::Energy),
    ("nuclear", D::Energy),
    ("wind", D::Energy),
    ("sun", D::Energy),
    ("water", D::Energy),
];

fn both(given: &Given) -> Result<(&Tables, &Problem), String> {
    let ours = given.tables.as_deref().ok_or("the case names no folder of tables")?;
    Ok((ours, given.commitment.as_deref().ok_or("the case names no unit-commitment file")?))
}

/// Greatest difference of two lists, infinite where they are not of one length.
fn apart(one: &[f64], other: &[f64]) -> f64 {
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Costs of two units at the points of their curves, $/h.
fn costs_apart(our: &commitment::Unit, their: &commitment::Unit) -> f64 {
    let usd = |unit: &commitment::Unit| unit.curve.iter().map(|point| point.1).collect::<Vec<f64>>();
    apart(&usd(our), &usd(their))
}

/// Greatest differences between the tables' case and the other one, by name; units whose costs are further apart than `near`,
/// and renewables that are another thing, are counted and not compared.
pub(super) fn compared(given: &Given) -> Outcome {
    let ((ours, theirs), near) = (both(given)?, given.one("near")?);
    let ours = &ours.problem;
    let (mut limits, mut ramps, mut steps, mut starts, mut costs) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    let (mut units, mut far) = (0.0, 0.0);
    for their in &theirs.units {
        let Some(our) = ours.units.iter().find(|our| our.name == their.name) else { continue };
        units += 1.0;
        let sizes = |unit: &commitment::Unit| [unit.least_w, unit.most_w, unit.begin_w, unit.end_w];
        limits = limits.max(apart(&sizes(our), &sizes(their)));
        ramps = ramps.max(apart(&[our.up_w / RAMPS, our.down_w / RAMPS], &[their.up_w, their.down_w]));
        let times = |unit: &commitment::Unit| -> Vec<f64> {
            let all = [unit.least_up, unit.least_down].into_iter().chain(unit.starts.iter().map(|start| start.off));
            all.map(|steps| steps as f64).collect()
        };
        steps = steps.max(apart(&times(our), &times(their)));
        let usd = |unit: &commitment::Unit| unit.starts.iter().map(|start| start.usd).collect::<Vec<f64>>();
        starts = starts.max(apart(&usd(our), &usd(their)));
        match costs_apart(our, their) {
            usd if usd <= near => costs = costs.max(usd),
            _ => far += 1.0,
        }
    }
    let (mut renewables, mut weather, mut other) = (0.0, 0.0_f64, 0.0);
    for their in &theirs.renewables {
        let Some(our) = ours.renewables.iter().find(|our| our.name == their.name) else { continue };
        renewables += 1.0;
        match apart(&our.least_w, &their.least_w).max(apart(&our.most_w, &their.most_w)) {
            watts if watts <= WEATHER_APART_W => weather = weather.max(watts),
            _ => other += 1.0,
        }
    }
    let load = apart(&ours.load_w, &theirs.load_w);
    let reserve = apart(&ours.reserve.required_w, &theirs.reserve.required_w);
    let all = [units, renewables, limits, ramps, steps, starts, costs, far, load, reserve, weather, other];
    Ok(all.into_iter().map(|value| vec![value]).collect())
}

/// Least cost of the tables' case and its bound, $, with what the other program changed taken over from it: the state before
/// the first step, ramps divided by three, the curve and orders of units whose costs are further apart than `near`, renewables
/// that are another thing, no storage. Everything else is the tables'.
pub(super) fn cost(given: &Given) -> Outcome {
    let ((ours, theirs), near) = (both(given)?, given.one("near")?);
    let mut problem = ours.problem.clone();
    problem.stores.clear();
    for unit in &mut problem.units {
        let their = theirs.units.iter().find(|their| their.name == unit.name);
        let their = their.ok_or_else(|| format!("the other case has no unit {}", unit.name))?;
        unit.first = their.first;
        (unit.up_w, unit.down_w) = (unit.up_w / RAMPS, unit.down_w / RAMPS);
        if costs_apart(unit, their) > near {
            unit.curve.clone_from(&their.curve);
            unit.ordered.clone_from(&their.ordered);
        }
    }
    for renewable in &mut problem.renewables {
        let Some(their) = theirs.renewables.iter().find(|their| their.name == renewable.name) else { continue };
        if apart(&renewable.most_w, &their.most_w) > WEATHER_APART_W {
            (renewable.least_w, renewable.most_w) = (their.least_w.clone(), their.most_w.clone());
        }
    }
    match commitment::solve(&problem, &Options { gap: given.one("gap")?, ..Options::default() })? {
        Answer::Solved(plan) => Ok(vec![vec![plan.usd()], vec![plan.bound_usd]]),
        Answer::Infeasible(relief) => Err(format!("no schedule; {} things would have to give", relief.len())),
    }
}

/// Energy by class, J, in the order of [`WEEKS`].
fn by_class(energy: &[(&str, f64)]) -> Vec<Vec<f64>> {
    let sum = |words: &[&str]| -> f64 {
        energy.iter().filter(|(class, _)| words.contains(class)).map(|(_, joules)| joules).sum()
    };
    [&["coal"][..], &["gas cc"], &["gas ct"], &["nuclear"], &["wind"], &["solar pv", "solar rtpv"], &["hydro"]]
        .into_iter()
        .map(|words| vec![sum(words)])
        .collect()
}

/// Weeks committed day by day, each with a look ahead.
pub(super) fn weeks(given: &Given) -> Outcome {
    let tables = given.tables.as_deref().ok_or("the case names no folder of tables")?;
    let problem = &tables.problem;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts, typed in the case")]
    let steps = |name: &str| given.one(name).map(|value| value as usize);
    let horizon = Horizon { keep: steps("keep")?, look: steps("look")? };
    let options = Options { gap: given.one("gap")?, ..Options::default() };
    let plan = match commitment::roll(problem, horizon, &options)? {
        Ok(plan) => plan,
        Err((from, _)) => return Err(format!("no schedule from step {} on", from + 1)),
    };
    let joules = |watts: &[f64]| watts.iter().sum::<f64>() * problem.step_s;
    let units = tables.unit_class.iter().zip(&plan.output_w);
    let weather = tables.renewable_class.iter().zip(&plan.renewable_w);
    let energy: Vec<(&str, f64)> = units.chain(weather).map(|(class, watts)| (class.as_str(), joules(watts))).collect();
    let mut found = vec![vec![plan.usd()], vec![joules(&problem.load_w)]];
    found.extend(by_class(&energy));
    Ok(found)
}

/// The same weeks as zones, one linear program.
pub(super) fn zones(given: &Given) -> Outcome {
    let problem = as_zones(given)?;
    Ok(told(problem, &relaxed(problem)?))
}

/// The same zones with machines that are on or off.
pub(super) fn zones_committed(given: &Given) -> Outcome {
    let problem = as_zones(given)?;
    let found = dispatch::commit(problem, &relaxed(problem)?, given.one("gap")?);
    Ok(told(problem, &found.map_err(|failure| failure.words(problem))?.dispatch))
}

fn as_zones(given: &Given) -> Result<&dispatch::Problem, String> {
    given.zones.as_deref().ok_or_else(|| "the case names no folder of tables as zones".to_owned())
}

fn relaxed(problem: &dispatch::Problem) -> Result<dispatch::Dispatch, String> {
    let one_thread = |chunks: &mut [Chunk], work: &(dyn Fn(&mut Chunk) + Sync)| chunks.iter_mut().for_each(work);
    dispatch::solve(problem, &one_thread).map_err(|failure| failure.words(problem))
}

/// Cost, load and energy by class of a dispatch, in the order of [`WEEKS`].
fn told(problem: &dispatch::Problem, found: &dispatch::Dispatch) -> Vec<Vec<f64>> {
    let units = problem.units.class.len();
    let energy: Vec<(&str, f64)> = found
        .generation_w
        .iter()
        .enumerate()
        .map(|(place, watts)| (problem.units.class[place % units].as_str(), watts * problem.step_s))
        .collect();
    let load: f64 = problem.zones.load_w.iter().sum::<f64>() * problem.step_s;
    let mut all = vec![vec![found.quality.cost_usd], vec![load]];
    all.extend(by_class(&energy));
    all
}
