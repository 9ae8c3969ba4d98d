//! Every plan of small days by hand, years of windows rechecked, and what no machines cost.

use super::*;
use crate::dispatch::{Chunk, Ends, Machines, Zones, solve};
use tieline_units::{Draw, Purpose};

const MW: f64 = 1e6;
const PER_MWH: f64 = 1.0 / 3.6e9;
const SHED: f64 = 1000.0;

fn one_thread(chunks: &mut [Chunk], work: &(dyn Fn(&mut Chunk) + Sync)) {
    chunks.iter_mut().for_each(work);
}

fn zone(loads_mw: &[f64]) -> Problem {
    Problem {
        hours: loads_mw.len(),
        step_s: 3600.0,
        zones: Zones {
            name: vec!["z".to_owned()],
            load_w: loads_mw.iter().map(|load| load * MW).collect(),
            shed_price_usd_per_j: vec![Some(SHED * PER_MWH)],
        },
        ..Problem::default()
    }
}

fn unit(problem: &mut Problem, mw: f64, price: f64, machines: Option<Machines>) {
    let units = &mut problem.units;
    units.name.push(format!("u{}", units.name.len()));
    units.class.push("thermal".to_owned());
    units.zone.push(0);
    units.capacity_w.push(mw * MW);
    units.cost_usd_per_j.push(price * PER_MWH);
    units.kg_per_j.push(0.0);
    units.profile.push(None);
    units.machines.push(machines);
}

fn battery(problem: &mut Problem, mw: f64, mwh: f64, ends: Ends) {
    let stores = &mut problem.stores;
    stores.name.push(format!("s{}", stores.name.len()));
    stores.zone.push(0);
    stores.charge_w.push(mw * MW);
    stores.discharge_w.push(mw * MW);
    stores.energy_j.push(mwh * 3.6e9);
    stores.charge_efficiency.push(0.9);
    stores.discharge_efficiency.push(0.9);
    stores.keep.push(1.0);
    stores.ends.push(ends);
    stores.inflow.push(None);
}

fn committed(problem: &Problem, gap: f64) -> Committed {
    let relaxed = solve(problem, &one_thread).expect("a year's program");
    commit(problem, &relaxed, gap).expect("a plan")
}

/// Cost of an hour with these machines on, by merit order above the least outputs; none where they give too much.
fn hour_usd(problem: &Problem, hour: usize, on: &[u32]) -> Option<f64> {
    let mut left = problem.load_w(hour, 0) / MW;
    let mut usd = 0.0;
    let mut above = Vec::new();
    for (unit, count) in on.iter().enumerate() {
        let machines = problem.machines(unit).expect("machines");
        let price = problem.units.cost_usd_per_j[unit] / PER_MWH;
        let each = problem.units.capacity_w[unit] / MW / f64::from(machines.count);
        let least = machines.least * each * f64::from(*count);
        (left, usd) = (left - least, usd + least * price);
        above.push((price, each * f64::from(*count) - least));
    }
    if left < -1e-9 {
        return None;
    }
    above.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (price, most) in above {
        let power = most.min(left);
        (left, usd) = (left - power, usd + power * price);
    }
    Some(usd + left * SHED)
}

/// Least cost over every sequence of counts, machine by machine, oldest first.
fn by_hand(problem: &Problem) -> f64 {
    // Since when each machine of each unit is on or off: the state of a plan so far.
    type Ages = Vec<(Vec<i64>, Vec<i64>)>;
    fn go(problem: &Problem, hour: usize, ages: &Ages, usd: f64, best: &mut f64) {
        if usd >= *best {
            return;
        }
        if hour == problem.hours {
            *best = usd;
            return;
        }
        let counts: Vec<u32> = (0..ages.len()).map(|unit| problem.machines(unit).expect("machines").count).collect();
        let plans: u32 = counts.iter().map(|count| count + 1).product();
        for plan in 0..plans {
            let mut rest = plan;
            let on: Vec<u32> = counts
                .iter()
                .map(|count| {
                    let on = rest % (count + 1);
                    rest /= count + 1;
                    on
                })
                .collect();
            let Some(mut more) = hour_usd(problem, hour, &on) else { continue };
            let mut next = ages.clone();
            let mut allowed = true;
            for (unit, count) in on.iter().enumerate() {
                let machines = problem.machines(unit).expect("machines");
                let (running, resting) = &mut next[unit];
                if hour == 0 {
                    running.extend((0..*count).map(|_| -1000));
                    resting.extend((*count..machines.count).map(|_| -1000));
                }
                while running.len() < *count as usize {
                    let since = resting.remove(0);
                    allowed &= hour as i64 - since >= machines.least_down as i64;
                    running.push(hour as i64);
                    more += machines.start_usd;
                }
                while running.len() > *count as usize {
                    let since = running.remove(0);
                    allowed &= hour as i64 - since >= machines.least_up as i64;
                    resting.push(hour as i64);
                }
            }
            if allowed {
                go(problem, hour + 1, &next, usd + more, best);
            }
        }
    }
    let mut best = f64::INFINITY;
    go(problem, 0, &vec![(Vec::new(), Vec::new()); problem.units.name.len()], 0.0, &mut best);
    best
}

#[test]
fn small_days_cost_what_the_best_of_all_plans_costs() {
    for seed in 0..40 {
        let draw = Draw::new(seed, 0);
        let mut event = 0;
        let mut between = |low: f64, high: f64| {
            event += 1;
            low + (high - low) * draw.uniform(1, Purpose::Campaign, event)
        };
        let loads: Vec<f64> = (0..6).map(|_| libm::floor(between(40.0, 400.0))).collect();
        let mut problem = zone(&loads);
        for count in [1, 2] {
            let machines = Machines {
                count,
                up: None,
                least: between(0.1, 0.7),
                start_usd: between(0.0, 6000.0),
                least_up: between(0.0, 4.0) as usize,
                least_down: between(0.0, 4.0) as usize,
            };
            unit(&mut problem, between(80.0, 250.0), between(10.0, 60.0), Some(machines));
        }
        let found = committed(&problem, 0.0);
        let best = by_hand(&problem);
        let cost = found.dispatch.quality.cost_usd;
        assert!((cost - best).abs() <= 1e-6 * best.max(1.0), "seed {seed}: {cost} for {best}");
        assert!(
            found.dispatch.quality.bound_usd <= cost * (1.0 + 1e-9),
            "seed {seed}: a bound is no more than the cost"
        );
    }
}

/// Ten days with failures, a battery and a peaker without machines; every window's state goes on.
fn ten_days(seed: u64) -> Problem {
    let draw = Draw::new(seed, 1);
    let noise = |event: u64| draw.uniform(2, Purpose::Campaign, event);
    let loads: Vec<f64> = (0..240)
        .map(|hour| {
            let day = libm::sin((hour % 24) as f64 / 24.0 * core::f64::consts::TAU - 1.8);
            libm::floor(900.0 + 350.0 * day + 80.0 * noise(hour))
        })
        .collect();
    let mut problem = zone(&loads);
    let up = |count: f64, from: u64| {
        (0..240).map(|hour| libm::floor(count * (0.6 + 0.6 * noise(from + hour / 9)).min(1.0)) / count).collect()
    };
    for (at, (mw, price, count, least, start_usd, least_up, least_down)) in
        [(600.0, 20.0, 3, 0.5, 20_000.0, 24, 12), (700.0, 30.0, 7, 0.4, 4_000.0, 6, 4)].into_iter().enumerate()
    {
        problem.profiles.push(up(f64::from(count), 1000 * (at as u64 + 1)));
        let profile = Some(problem.profiles.len() - 1);
        unit(&mut problem, mw, price, Some(Machines { count, up: profile, least, start_usd, least_up, least_down }));
        problem.units.profile[at] = profile;
    }
    unit(&mut problem, 400.0, 120.0, None);
    battery(&mut problem, 100.0, 400.0, Ends::Cyclic);
    problem
}

#[test]
fn every_window_goes_on_where_the_one_before_ended() {
    for seed in 0..4 {
        let problem = ten_days(seed);
        let found = committed(&problem, 1e-4);
        let quality = found.dispatch.quality;
        assert_eq!(found.windows, 9, "days of 24 h, the last window kept whole");
        let running = found.recheck;
        assert_eq!(running, recheck(&problem, &found), "seed {seed}");
        assert_eq!(
            (running.early_stops, running.early_starts, running.too_many),
            (0, 0, 0),
            "seed {seed}: {running:?}"
        );
        assert!(running.output_error_w < 1.0, "seed {seed}: {running:?}");
        assert!(quality.imbalance_w < 1.0 && quality.energy_error_w < 1.0 && quality.box_error_w < 1.0, "{quality:?}");
        assert!(quality.gap >= -1e-9 && quality.gap < 0.1, "seed {seed}: {quality:?}");
        assert!(
            running.starts > 0 && found.recheck.start_usd > 0.0,
            "seed {seed}: machines start in ten days of failures"
        );
        let both = found.dispatch.charge_w.iter().zip(&found.dispatch.discharge_w).map(|(a, b)| a.min(*b));
        assert!(both.fold(0.0, f64::max) < 2e3, "seed {seed}: a battery goes one way at a time");
    }
}

#[test]
fn without_machines_a_window_is_the_linear_program() {
    let mut problem = ten_days(1);
    problem.units.machines.clear();
    let relaxed = solve(&problem, &one_thread).expect("a year's program");
    let found = commit(&problem, &relaxed, 1e-6).expect("a plan");
    // Windows see two days: what they give away beside the year is little, and never negative.
    let (cost, best) = (found.dispatch.quality.cost_usd, relaxed.quality.cost_usd);
    assert!(cost >= best * (1.0 - 1e-8) && cost < best * 1.002, "{cost} for {best}");
    assert_eq!(found.recheck.start_usd, 0.0);
    assert!(found.running.iter().all(|count| *count == 0));
}

#[test]
fn a_recheck_finds_what_was_broken() {
    let problem = ten_days(0);
    let whole = committed(&problem, 1e-3);
    let units = problem.units.name.len();
    let mut broken = whole.clone();
    broken.running[5 * units] += 100;
    assert!(recheck(&problem, &broken).too_many >= 1);
    let mut broken = whole.clone();
    broken.dispatch.generation_w[7 * units] += 1e9;
    assert!(recheck(&problem, &broken).output_error_w > 1e8);
    // All off for one hour: too soon on again, and those that came on are off too soon.
    let mut broken = whole;
    for hour in 100..240 {
        let on = !matches!(hour, 150 | 152 | 153);
        broken.running[hour * units + 1] = if on { problem.machines_there(hour, 1) } else { 0 };
    }
    let found = recheck(&problem, &broken);
    assert!(found.early_starts >= 1 && found.early_stops >= 1 && found.too_many == 0, "{found:?}");
}

#[test]
fn machines_that_make_no_sense_are_told() {
    let mut problem = ten_days(0);
    problem.units.machines[0] = Some(Machines { count: 0, ..Machines::default() });
    problem.units.machines[1] = Some(Machines { count: 1, least: 1.5, ..Machines::default() });
    assert_eq!(problem.complaints().len(), 2);
}

#[test]
fn load_below_every_least_output_is_told_with_its_hours() {
    // 30 MW in the first and the last hours, a machine of 50 to 300 MW that stays on for five: 20 MW are too much whenever it
    // is on then, and nothing may be shed.
    let mut problem = zone(&[30.0, 200.0, 200.0, 200.0, 30.0, 30.0]);
    problem.zones.shed_price_usd_per_j = vec![None];
    let machines = Machines { count: 1, up: None, least: 50.0 / 300.0, start_usd: 1e3, least_up: 5, least_down: 0 };
    unit(&mut problem, 300.0, 20.0, Some(machines));
    let relaxed = solve(&problem, &one_thread).expect("any share of a machine serves it");
    let failure = commit(&problem, &relaxed, 1e-3).expect_err("no number of machines does");
    let words = failure.words(&problem);
    assert!(words.contains("at least 60.0 MWh lie apart, in 3 zone-hours"), "{words}");
    for hour in [0, 4, 5] {
        assert!(words.contains(&format!("z in hour {hour}: 20.0 MW too much")), "{words}");
    }
}
