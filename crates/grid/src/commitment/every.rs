//! Unit commitment against every schedule, one by one, with rules written a second time: what a schedule may do and costs is not
//! taken from the matrix. And windows that join, against the rules of the whole.

use super::fleets::Luck;
use super::matrix::{MW, Matrix};
use super::solver::{self, End, Limits};
use super::supply::model;
use super::*;

/// Steps of a small case.
const STEPS: usize = 5;
/// $/MWh of load unserved, supply untaken, reserve missing.
const DEAR: (f64, f64) = (3000.0, 1000.0);

/// A unit with everything that a unit may have.
fn unit(luck: &mut Luck, index: usize) -> Unit {
    let most = luck.between(40.0, 120.0);
    let least = most * luck.between(0.2, 0.6);
    let (up, down) = (most * luck.between(0.15, 0.8), most * luck.between(0.15, 0.8));
    let (begin, end) = (luck.between(least, most), luck.between(least, most));
    let (least_up, least_down) = (luck.whole(1, 4), luck.whole(1, 3));
    let on = luck.next() < 0.5;
    let slope = luck.between(10.0, 60.0);
    let middle = luck.between(least + 1.0, most - 1.0);
    let bottom = luck.between(100.0, 2000.0);
    let first = luck.between(50.0, 900.0);
    let warm = least_down + luck.whole(1, 2);
    Unit {
        name: format!("unit {index}"),
        least_w: least * MW,
        most_w: most * MW,
        up_w: up * MW,
        down_w: down * MW,
        begin_w: begin * MW,
        end_w: end * MW,
        least_up,
        least_down,
        curve: vec![
            (least * MW, bottom),
            (middle * MW, bottom + (middle - least) * slope),
            (most * MW, bottom + (middle - least) * slope + (most - middle) * slope * luck.between(1.0, 2.0)),
        ],
        starts: vec![
            Start { off: least_down, usd: first, fuel: 0.0 },
            Start { off: warm, usd: first * luck.between(1.0, 3.0), fuel: 0.0 },
            Start { off: warm + luck.whole(1, 2), usd: first * luck.between(3.0, 5.0), fuel: 0.0 },
        ],
        stop_usd: if luck.next() < 0.5 { luck.between(0.0, 300.0) } else { 0.0 },
        first: State { on, steps: luck.whole(1, 5), output_w: if on { luck.between(least, most) * MW } else { 0.0 } },
        ordered: if luck.next() < 0.2 {
            (0..STEPS).map(|_| (luck.next() < 0.3).then_some(true)).collect()
        } else {
            Vec::new()
        },
        ..Unit::default()
    }
}

fn case(seed: u64, units: usize) -> Problem {
    let mut luck = Luck::new(seed);
    let units: Vec<Unit> = (0..units).map(|index| unit(&mut luck, index)).collect();
    let total: f64 = units.iter().map(|unit| unit.most_w).sum();
    let load_w: Vec<f64> = (0..STEPS).map(|_| total * luck.between(0.1, 0.95)).collect();
    let energy = luck.between(20.0, 80.0);
    let store = Store {
        name: "store".to_owned(),
        charge_w: luck.between(0.0, 30.0) * MW,
        discharge_w: luck.between(5.0, 30.0) * MW,
        energy_j: energy * 3.6e9,
        floor_j: 0.1 * energy * 3.6e9,
        charge_efficiency: luck.between(0.7, 1.0),
        discharge_efficiency: luck.between(0.7, 1.0),
        keep: luck.between(0.95, 1.0),
        first_j: energy * luck.between(0.3, 0.9) * 3.6e9,
        last_j: 0.2 * energy * 3.6e9,
        inflow_w: if luck.next() < 0.5 {
            (0..STEPS).map(|_| luck.between(0.0, 25.0) * MW).collect()
        } else {
            Vec::new()
        },
        charge_usd_per_j: luck.between(0.0, 5.0) / 3.6e9,
        discharge_usd_per_j: luck.between(0.0, 5.0) / 3.6e9,
        ..Store::default()
    };
    let most_w: Vec<f64> = (0..STEPS).map(|_| luck.between(0.0, 40.0) * MW).collect();
    let wind = Renewable {
        name: "wind".to_owned(),
        bus: 0,
        least_w: most_w.iter().map(|most| most * luck.between(0.0, 0.5)).collect(),
        most_w,
    };
    Problem {
        steps: STEPS,
        step_s: 3600.0,
        reserve: Reserve {
            required_w: load_w.iter().map(|load| load * luck.between(0.0, 0.2)).collect(),
            contingency: (luck.next() < 0.3).then(|| luck.between(0.2, 1.0)),
            short_usd_per_j: Some(DEAR.1 / 3.6e9),
        },
        load_w,
        units,
        renewables: vec![wind],
        stores: vec![store],
        mismatch_usd_per_j: Some(DEAR.0 / 3.6e9),
        ..Problem::default()
    }
}

/// What starts and stops of a unit cost, $, where its times and orders allow the schedule.
fn switching(unit: &Unit, on: &[bool]) -> Option<f64> {
    let (mut was_on, mut since, mut usd) = (unit.first.on, unit.first.steps, 0.0);
    for (t, now) in on.iter().enumerate() {
        if unit.ordered.get(t).copied().flatten().is_some_and(|order| order != *now) {
            return None;
        }
        if *now == was_on {
            since += 1;
            continue;
        }
        if since < if was_on { unit.least_up } else { unit.least_down } {
            return None;
        }
        if *now {
            let mut class = unit.starts[0].usd;
            for start in &unit.starts {
                if since >= start.off {
                    class = start.usd;
                }
            }
            usd += class;
        } else {
            usd += unit.stop_usd;
        }
        (was_on, since) = (*now, 1);
    }
    Some(usd)
}

/// Least cost of outputs under a schedule, $, from rules written out here; none where there are none.
fn outputs(problem: &Problem, on: &[Vec<bool>]) -> Option<f64> {
    let mut matrix = Matrix::new();
    let mut balance: Vec<Vec<(usize, f64)>> = vec![Vec::new(); STEPS];
    let mut reserve: Vec<Vec<(usize, f64)>> = vec![Vec::new(); STEPS];
    let mut own: Vec<Vec<(usize, usize)>> = vec![Vec::new(); STEPS];
    for (unit, on) in problem.units.iter().zip(on) {
        let (least, most) = (unit.least_w / MW, unit.most_w / MW);
        let begin = (unit.begin_w / MW).min(least + unit.up_w / MW);
        let end = (unit.end_w / MW).min(least + unit.down_w / MW);
        let (mut before, mut was_on) = (None::<usize>, unit.first.on);
        for t in 0..STEPS {
            let stops_next = t + 1 < STEPS && !on[t + 1];
            let high = if on[t] {
                let started = if was_on { most } else { begin };
                started.min(if stops_next { end } else { most })
            } else {
                0.0
            };
            if on[t] && high < least - 1e-9 {
                return None;
            }
            let output = matrix.column(0.0, if on[t] { least } else { 0.0 }, high.max(0.0));
            let spare = matrix.column(0.0, 0.0, most);
            matrix.at_most(&[(output, 1.0), (spare, 1.0)], high);
            // Cost as the greatest of its lines: it is convex.
            let cost = matrix.column(if on[t] { 1.0 } else { 0.0 }, 0.0, f64::INFINITY);
            for pair in unit.curve.windows(2).filter(|_| on[t]) {
                let slope = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0) * MW;
                matrix.at_most(&[(output, slope), (cost, -1.0)], slope * pair[0].0 / MW - pair[0].1);
            }
            let held = unit.first.output_w / MW;
            match before {
                None if was_on && on[t] => {
                    matrix.at_most(&[(output, 1.0), (spare, 1.0)], held + unit.up_w / MW);
                    matrix.at_most(&[(output, -1.0)], unit.down_w / MW - held);
                }
                None if was_on && held > end + 1e-9 => return None,
                Some(before) if was_on && on[t] => {
                    matrix.at_most(&[(output, 1.0), (spare, 1.0), (before, -1.0)], unit.up_w / MW);
                    matrix.at_most(&[(before, 1.0), (output, -1.0)], unit.down_w / MW);
                }
                _ => {}
            }
            balance[t].push((output, 1.0));
            reserve[t].push((spare, 1.0));
            own[t].push((output, spare));
            (before, was_on) = (Some(output), on[t]);
        }
    }
    let store = &problem.stores[0];
    let mut before: Option<usize> = None;
    for t in 0..STEPS {
        let wind = &problem.renewables[0];
        balance[t].push((matrix.column(0.0, wind.least_w[t] / MW, wind.most_w[t] / MW), 1.0));
        let (charge_most, discharge_most) = (store.charge_w / MW, store.discharge_w / MW);
        let charge = matrix.column(store.charge_usd_per_j * 3.6e9, 0.0, charge_most);
        let discharge = matrix.column(store.discharge_usd_per_j * 3.6e9, 0.0, discharge_most);
        let fills = matrix.choice(0.0, 0.0, 1.0);
        matrix.at_most(&[(charge, 1.0), (fills, -charge_most)], 0.0);
        matrix.at_most(&[(discharge, 1.0), (fills, discharge_most)], discharge_most);
        let floor = if t + 1 == STEPS { store.last_j.max(store.floor_j) } else { store.floor_j };
        let energy = matrix.column(0.0, floor / 3.6e9, store.energy_j / 3.6e9);
        // What flows in may be let go, no more.
        let inflow = store.inflow_w.get(t).copied().unwrap_or(0.0) / MW;
        let mut terms =
            vec![(energy, 1.0), (charge, -store.charge_efficiency), (discharge, 1.0 / store.discharge_efficiency)];
        let mut kept = 0.0;
        match before {
            None => kept = store.keep * store.first_j / 3.6e9,
            Some(before) => terms.push((before, -store.keep)),
        }
        matrix.row(&terms, kept, kept + inflow);
        before = Some(energy);
        balance[t].extend([(discharge, 1.0), (charge, -1.0)]);
        let load = problem.load_w[t] / MW;
        balance[t].extend([(matrix.column(DEAR.0, 0.0, load), 1.0), (matrix.column(DEAR.0, 0.0, 1e4), -1.0)]);
        matrix.row(&balance[t], load, load);
        reserve[t].push((matrix.column(DEAR.1, 0.0, 1e4), 1.0));
        matrix.row(&reserve[t], problem.reserve.required_w[t] / MW, f64::INFINITY);
        if let Some(times) = problem.reserve.contingency {
            for (output, spare) in &own[t] {
                let mut others: Vec<(usize, f64)> =
                    reserve[t].iter().copied().filter(|(column, _)| column != spare).collect();
                others.push((*output, -times));
                matrix.row(&others, 0.0, f64::INFINITY);
            }
        }
    }
    let found = solver::mixed(&matrix, &Limits::default()).expect("HiGHS runs");
    (found.end == End::Best).then_some(found.value)
}

/// The best of all schedules of a case, $.
fn best(problem: &Problem) -> Option<f64> {
    let count = problem.units.len();
    let all: Vec<Vec<(Vec<bool>, f64)>> = problem
        .units
        .iter()
        .map(|unit| {
            (0_u32..1 << STEPS)
                .filter_map(|pattern| {
                    let on: Vec<bool> = (0..STEPS).map(|t| pattern >> t & 1 == 1).collect();
                    switching(unit, &on).map(|usd| (on, usd))
                })
                .collect()
        })
        .collect();
    let mut least: Option<f64> = None;
    let mut place = vec![0; count];
    if all.iter().any(Vec::is_empty) {
        return None;
    }
    loop {
        let on: Vec<Vec<bool>> = place.iter().zip(&all).map(|(at, unit)| unit[*at].0.clone()).collect();
        let usd: f64 = place.iter().zip(&all).map(|(at, unit)| unit[*at].1).sum();
        if least.is_none_or(|least| usd < least)
            && let Some(running) = outputs(problem, &on)
        {
            least = Some(least.map_or(usd + running, |least| least.min(usd + running)));
        }
        let Some(next) = (0..count).find(|unit| place[*unit] + 1 < all[*unit].len()) else { return least };
        place[..next].fill(0);
        place[next] += 1;
    }
}

/// Two units with start classes, carried-in times, orders, ramps and start and stop limits, a storage with inflow, wind with a
/// least, reserve and cover for the loss of a unit.
#[test]
fn drawn_cases_cost_what_the_best_of_every_schedule_costs() {
    let (mut solved, mut none) = (0, 0);
    for seed in 0..10 {
        let case = case(1000 + seed, 2);
        if !case.complaints().is_empty() {
            continue;
        }
        let every = best(&case);
        match (solve(&case, &Options { gap: 0.0, ..Options::default() }).expect("HiGHS runs"), every) {
            (Outcome::Solved(plan), Some(every)) => {
                assert_eq!(plan.violations(&case), Vec::<String>::new(), "seed {seed}");
                let apart = (plan.usd() - every).abs();
                assert!(apart < 1e-6 * (1.0 + every), "seed {seed}: {} $, of every schedule {every} $", plan.usd());
                solved += 1;
            }
            (Outcome::Infeasible(_), None) => none += 1,
            (Outcome::Solved(plan), None) => panic!("seed {seed}: {} $ where no schedule is allowed", plan.usd()),
            (Outcome::Infeasible(relief), Some(every)) => panic!("seed {seed}: {every} $ is possible: {relief:?}"),
        }
    }
    assert!(solved >= 5, "{solved} cases with an answer, {none} without");
}

/// Windows of any lengths: what is kept of them, held fast in the matrix of the whole, breaks no row of it.
#[test]
fn what_windows_keep_breaks_no_rule_of_the_whole() {
    let mut tried = 0;
    for seed in 0..20 {
        let mut luck = Luck::new(7000 + seed);
        let mut case = case(2000 + seed, 4);
        let steps = 14;
        let repeated = |values: &[f64], luck: &mut Luck| -> Vec<f64> {
            (0..steps).map(|t| values[t % values.len()] * luck.between(0.8, 1.0)).collect()
        };
        case.steps = steps;
        case.load_w = repeated(&case.load_w, &mut luck);
        case.reserve.required_w = repeated(&case.reserve.required_w, &mut luck);
        case.reserve.contingency = None;
        for renewable in &mut case.renewables {
            renewable.most_w = repeated(&renewable.most_w, &mut luck);
            renewable.least_w = vec![0.0; steps];
        }
        if !case.stores[0].inflow_w.is_empty() {
            case.stores[0].inflow_w = repeated(&case.stores[0].inflow_w, &mut luck);
        }
        case.units.iter_mut().for_each(|unit| unit.ordered = Vec::new());
        if !case.complaints().is_empty() {
            continue;
        }
        let horizon = Horizon { keep: luck.whole(1, 4), look: luck.whole(1, 5) };
        let Ok(rolled) = roll(&case, horizon, &Options { gap: 0.0, ..Options::default() }) else { continue };
        let Ok(plan) = rolled else { continue };
        let model = model(&case);
        let mut fixed = model.matrix.clone();
        let mut hold = |column: usize, value: f64| {
            let value = value.clamp(fixed.lower[column], fixed.upper[column]);
            // What HiGHS may be off by.
            let near = if fixed.whole[column] { 0.0 } else { 2e-5 };
            fixed.lower[column] = fixed.lower[column].max(value - near);
            fixed.upper[column] = fixed.upper[column].min(value + near);
        };
        for (index, columns) in model.units.iter().enumerate() {
            for t in 0..steps {
                let on = plan.on[index][t];
                hold(columns.on[t], f64::from(u8::from(on)));
                let above = if on { plan.output_w[index][t] - case.units[index].least_w } else { 0.0 };
                hold(columns.above[t], above / MW);
                hold(columns.spare[t], plan.spare_w[index][t] / MW);
            }
        }
        let columns = &model.stores[0];
        for t in 0..steps {
            hold(columns.charge[t], plan.charge_w[0][t] / MW);
            hold(columns.discharge[t], plan.discharge_w[0][t] / MW);
        }
        let whole = solver::mixed(&fixed, &Limits::default()).expect("HiGHS runs");
        assert_eq!(whole.end, End::Best, "seed {seed}: windows of {horizon:?} keep what the whole forbids");
        let apart = (whole.value - plan.usd()).abs();
        assert!(apart < 1e-4 * plan.usd().abs().max(1e3), "seed {seed}: {} $, {} $", plan.usd(), whole.value);
        tried += 1;
    }
    assert!(tried >= 8, "only {tried} of 20 cases rolled");
}

/// A search that time ends says a bound below the best schedule and a cost above it, whichever way it went.
#[test]
fn an_interrupted_search_still_bounds_the_best() {
    let mut stopped = 0;
    for seed in [1, 3] {
        let case = super::fleets::fleet(seed, 12, 16);
        let best = match solve(&case, &Options { gap: 1e-6, ..Options::default() }).expect("HiGHS runs") {
            Outcome::Solved(plan) => plan,
            Outcome::Infeasible(_) => panic!("load may go unserved"),
        };
        let model = model(&case);
        for seconds in [0.02, 0.05, 0.1, 0.2, 0.5] {
            let options = Options { gap: 0.0, most_s: Some(seconds), ..Options::default() };
            // In one search, and in steps.
            if let Ok(Outcome::Solved(plan)) = solve(&case, &options) {
                assert_eq!(plan.violations(&case), Vec::<String>::new());
                assert!(plan.bound_usd <= best.usd() * (1.0 + 1e-9), "{} of {}", plan.bound_usd, best.usd());
                assert!(plan.usd() >= best.bound_usd * (1.0 - 1e-9), "{} of {}", plan.usd(), best.bound_usd);
                let gap = (plan.usd() - plan.bound_usd) / plan.usd();
                assert!((plan.gap - gap).abs() < 1e-12);
                stopped += usize::from(plan.gap > 1e-9);
            }
            if let Ok(Some(found)) = super::narrowing::narrowed(&case, &model, &options) {
                assert!(found.bound <= best.usd() * (1.0 + 1e-9), "{} of {}", found.bound, best.usd());
                assert!(found.value >= best.bound_usd * (1.0 - 1e-9), "{} of {}", found.value, best.bound_usd);
                stopped += usize::from(found.end == End::Limit);
            }
        }
    }
    println!("{stopped} searches were stopped before their end");
}
