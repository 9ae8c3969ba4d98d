//! Exact small cases, an independent solver on shrunken years, and what must not depend on threads.

use super::*;
use tieline_units::{Draw, Purpose};

const MW: f64 = 1e6;
const MWH: f64 = 3.6e9;
const PER_MWH: f64 = 1.0 / 3.6e9;

fn one_thread(chunks: &mut [Chunk], work: &(dyn Fn(&mut Chunk) + Sync)) {
    chunks.iter_mut().for_each(work);
}

/// Two threads that take the runs from both ends.
#[allow(clippy::disallowed_methods)] // a caller decides about threads; here the test is the caller
fn two_threads(chunks: &mut [Chunk], work: &(dyn Fn(&mut Chunk) + Sync)) {
    let half = chunks.len() / 2;
    let (a, b) = chunks.split_at_mut(half);
    std::thread::scope(|scope| {
        scope.spawn(|| b.iter_mut().rev().for_each(work));
        scope.spawn(|| a.iter_mut().for_each(work));
    });
}

fn empty(hours: usize, loads_mw: &[&[f64]], shed: Option<f64>) -> Problem {
    let zones = loads_mw.len();
    let mut load_w = vec![0.0; hours * zones];
    for (zone, loads) in loads_mw.iter().enumerate() {
        for hour in 0..hours {
            load_w[hour * zones + zone] = loads[hour] * MW;
        }
    }
    Problem {
        hours,
        step_s: 3600.0,
        zones: Zones {
            name: (0..zones).map(|zone| format!("z{zone}")).collect(),
            load_w,
            shed_price_usd_per_j: vec![shed.map(|price| price * PER_MWH); zones],
        },
        ..Problem::default()
    }
}

fn unit(problem: &mut Problem, zone: usize, mw: f64, price: f64) {
    let units = &mut problem.units;
    units.name.push(format!("u{}", units.name.len()));
    units.class.push("thermal".to_owned());
    units.zone.push(zone);
    units.capacity_w.push(mw * MW);
    units.cost_usd_per_j.push(price * PER_MWH);
    units.kg_per_j.push(0.0);
    units.profile.push(None);
}

fn link(problem: &mut Problem, from: usize, to: usize, mw: f64) {
    let links = &mut problem.links;
    links.name.push(format!("l{}", links.name.len()));
    links.from.push(from);
    links.to.push(to);
    links.forward_w.push(mw * MW);
    links.backward_w.push(mw * MW);
}

fn store(problem: &mut Problem, zone: usize, mw: f64, mwh: f64, efficiency: f64, ends: Ends) {
    let stores = &mut problem.stores;
    stores.name.push(format!("s{}", stores.name.len()));
    stores.zone.push(zone);
    stores.charge_w.push(mw * MW);
    stores.discharge_w.push(mw * MW);
    stores.energy_j.push(mwh * MWH);
    stores.charge_efficiency.push(efficiency);
    stores.discharge_efficiency.push(efficiency);
    stores.keep.push(1.0);
    stores.ends.push(ends);
    stores.inflow.push(None);
}

fn solved(problem: &Problem) -> Dispatch {
    let dispatch = solve(problem, &one_thread).unwrap_or_else(|failure| panic!("{}", failure.words(problem)));
    assert!(dispatch.quality.gap <= TOLERANCE, "{:?}", dispatch.quality);
    dispatch
}

fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found} for {wanted}");
}

/// 100 MW at 10 $/MWh, then 100 MW at 50: a load of 150 MW costs 1000 + 2500 $/h at a price of 50.
#[test]
fn the_cheap_unit_runs_first_and_the_last_one_sets_the_price() {
    let mut problem = empty(1, &[&[150.0]], Some(3000.0));
    unit(&mut problem, 0, 100.0, 10.0);
    unit(&mut problem, 0, 100.0, 50.0);
    let dispatch = solved(&problem);
    near(dispatch.quality.cost_usd, 3500.0, 1e-4);
    near(dispatch.generation_w[0] / MW, 100.0, 1e-4);
    near(dispatch.price_usd_per_j[0] / PER_MWH, 50.0, 1e-3);
}

/// Zone 0 has 300 MW at 20, zone 1 300 MW at 60; 80 MW pass between them. Loads 100 and 200: zone 1 imports 80.
#[test]
fn a_full_link_splits_the_price() {
    let mut problem = empty(1, &[&[100.0], &[200.0]], Some(3000.0));
    unit(&mut problem, 0, 300.0, 20.0);
    unit(&mut problem, 1, 300.0, 60.0);
    link(&mut problem, 1, 0, 80.0);
    let dispatch = solved(&problem);
    near(dispatch.flow_w[0] / MW, -80.0, 1e-4);
    near(dispatch.quality.cost_usd, 180.0 * 20.0 + 120.0 * 60.0, 1e-4);
    near(dispatch.price_usd_per_j[0] / PER_MWH, 20.0, 1e-3);
    near(dispatch.price_usd_per_j[1] / PER_MWH, 60.0, 1e-3);
}

/// 100 MW at 10 and 100 MW at 90; loads 50, 150. A battery of 40 MW (90 % each way) charges 40 MW, stores 36 MWh and
/// gives 32.4 MWh: cost (50 + 40 + 100) * 10 + (50 - 32.4) * 90.
#[test]
fn a_battery_moves_the_cheap_hour_into_the_dear_one() {
    let mut problem = empty(2, &[&[50.0, 150.0]], Some(3000.0));
    unit(&mut problem, 0, 100.0, 10.0);
    unit(&mut problem, 0, 100.0, 90.0);
    for ends in [Ends::Cyclic, Ends::Fixed { first_j: 5.0 * MWH, last_j: 5.0 * MWH }] {
        let mut problem = problem.clone();
        store(&mut problem, 0, 40.0, 200.0, 0.9, ends);
        let dispatch = solved(&problem);
        near(dispatch.quality.cost_usd, 1900.0 + 17.6 * 90.0, 1e-4);
        near(dispatch.charge_w[0] / MW, 40.0, 1e-4);
        near(dispatch.discharge_w[1] / MW, 32.4, 1e-4);
    }
}

/// Fixed ends that differ: 10 MWh must be put in over two hours at 80 %: 12.5 MWh more at 10 $/MWh.
#[test]
fn a_storage_that_must_end_fuller_buys_its_energy() {
    let mut problem = empty(2, &[&[50.0, 50.0]], Some(3000.0));
    unit(&mut problem, 0, 100.0, 10.0);
    store(&mut problem, 0, 20.0, 40.0, 0.8, Ends::Fixed { first_j: 0.0, last_j: 10.0 * MWH });
    near(solved(&problem).quality.cost_usd, 1125.0, 1e-4);
}

/// Water for 30 MW in each of two hours, a reservoir of 20 MWh, turbines of 50 MW, no pump. Loads 10 and 100 at 40 $/MWh:
/// the first hour stores 20 MWh and uses 10, the second uses 50: 0 + 50 * 40. With a reservoir of nothing, 20 are spilled.
#[test]
fn a_reservoir_keeps_its_water_for_the_dear_hour_and_spills_what_does_not_fit() {
    for (energy_mwh, cost_usd, spilled_mw) in [(20.0, 2000.0, 0.0), (0.0, 2800.0, 20.0)] {
        let mut problem = empty(2, &[&[10.0, 100.0]], Some(3000.0));
        unit(&mut problem, 0, 100.0, 40.0);
        store(&mut problem, 0, 50.0, energy_mwh, 1.0, Ends::Fixed { first_j: 0.0, last_j: 0.0 });
        problem.stores.charge_w[0] = 0.0;
        problem.profiles.push(vec![0.6, 0.6]);
        problem.stores.inflow[0] = Some(0);
        let dispatch = solved(&problem);
        near(dispatch.quality.cost_usd, cost_usd, 1e-3);
        near(dispatch.spill_w[0] / MW, spilled_mw, 1e-3);
    }
}

#[test]
fn load_that_cannot_be_served_is_shed_at_its_price_or_named() {
    let mut problem = empty(2, &[&[50.0, 150.0]], Some(2000.0));
    unit(&mut problem, 0, 100.0, 10.0);
    let dispatch = solved(&problem);
    near(dispatch.shed_w[1] / MW, 50.0, 1e-4);
    near(dispatch.quality.cost_usd, 1500.0 + 50.0 * 2000.0, 1e-3);
    problem.zones.shed_price_usd_per_j[0] = None;
    let Err(failure) = solve(&problem, &one_thread) else { panic!("served what cannot be served") };
    let Failure::Short { places, count, total_j } = &failure else { panic!("{failure:?}") };
    assert_eq!((places[0].zone, places[0].hour, *count), (0, 1, 1));
    near(places[0].missing_w / MW, 50.0, 1e-3);
    near(total_j / MWH, 50.0, 1e-3);
    assert!(failure.words(&problem).contains("z0 in hour 1: 50.0 MW missing"), "{}", failure.words(&problem));
}

#[test]
fn a_problem_without_meaning_is_refused_in_words() {
    let mut problem = empty(1, &[&[f64::NAN], &[1.0]], Some(3000.0));
    unit(&mut problem, 7, -1.0, 10.0);
    link(&mut problem, 0, 0, 80.0);
    store(&mut problem, 0, 1.0, 10.0, 0.9, Ends::Fixed { first_j: 0.0, last_j: 5.0 * MWH });
    let Err(Failure::Unsound(complaints)) = solve(&problem, &one_thread) else { panic!("accepted") };
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    assert!(complaints.iter().any(|complaint| complaint.contains("cannot end with 5.000 MWh")), "{complaints:?}");
}

/// A year, or less of it, shrunk or not: zones in a ring with chords, storages, sun and wind, tied costs if wanted.
fn drawn(seed: u64, hours: usize, zones: usize, units: usize, round_costs: bool) -> Problem {
    let luck = Draw::new(seed, 0);
    let uniform = |asset: usize, event: u64| luck.uniform(asset as u32, Purpose::GridLoad, event);
    let peaks: Vec<f64> = (0..zones).map(|zone| 6_000.0 + 14_000.0 * uniform(zone, 0)).collect();
    let shape = |zone: usize, hour: usize| {
        let day = libm::sin(core::f64::consts::TAU * (hour as f64 / 24.0 - 0.3));
        let year = libm::cos(2.0 * core::f64::consts::TAU * hour as f64 / 8760.0);
        0.66 + 0.14 * day + 0.1 * year + 0.1 * uniform(zone, 1 + hour as u64)
    };
    let loads: Vec<Vec<f64>> =
        (0..zones).map(|zone| (0..hours).map(|hour| peaks[zone] * shape(zone, hour)).collect()).collect();
    let loads: Vec<&[f64]> = loads.iter().map(Vec::as_slice).collect();
    let mut problem = empty(hours, &loads, Some(3000.0));
    let each = 1.25 * peaks.iter().sum::<f64>() / units as f64;
    for index in 0..units {
        let price = 8.0 + 112.0 * uniform(1000 + index, 0);
        let size = each * (0.5 + uniform(1000 + index, 1));
        unit(&mut problem, index % zones, size, if round_costs { libm::round(price / 20.0) * 20.0 } else { price });
    }
    for zone in 0..zones {
        let wind = (0..hours).map(|hour| uniform(2000 + zone, hour as u64 / 6)).collect();
        let sun = |hour: usize| libm::sin(core::f64::consts::TAU * (hour as f64 / 24.0 - 0.25)).max(0.0);
        let sun = (0..hours).map(|hour| sun(hour) * uniform(3000 + zone, hour as u64 / 24)).collect();
        for profile in [wind, sun] {
            let size = 300.0 + 1200.0 * uniform(4000 + zone, problem.profiles.len() as u64);
            unit(&mut problem, zone, size, 0.0);
            *problem.units.profile.last_mut().expect("just added") = Some(problem.profiles.len());
            problem.profiles.push(profile);
        }
        store(&mut problem, zone, 800.0, 3200.0, 0.93, Ends::Cyclic);
    }
    for zone in 0..if zones > 1 { zones } else { 0 } {
        let to = (zone + 1) % zones;
        if to != zone && !(zones == 2 && zone == 1) {
            link(&mut problem, zone, to, 2000.0);
        }
    }
    for zone in 0..zones / 2 {
        if zones > 3 {
            link(&mut problem, zone, (zone + zones / 2) % zones, 1000.0);
        }
    }
    problem
}

/// The same problem written out as one matrix for Clarabel 0.11, which knows nothing of its structure.
fn by_clarabel(problem: &Problem) -> f64 {
    use clarabel::algebra::CscMatrix;
    use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
    let (zones, units) = (problem.zones.name.len(), problem.units.name.len());
    let (stores, links, hours) = (problem.stores.name.len(), problem.links.name.len(), problem.hours);
    let each = units + zones + 4 * stores + links;
    let n = each * hours;
    let rows_each = zones + stores;
    let (mut cost, mut side) = (vec![0.0; n], Vec::new());
    let (mut i, mut j, mut a) = (Vec::new(), Vec::new(), Vec::new());
    let (mut low, mut high) = (vec![0.0; n], vec![0.0; n]);
    for hour in 0..hours {
        let (row, column) = (hour * rows_each, hour * each);
        let mut put = |r: usize, c: usize, value: f64| {
            i.push(r);
            j.push(c);
            a.push(value);
        };
        for unit in 0..units {
            put(row + problem.units.zone[unit], column + unit, 1.0);
            cost[column + unit] = problem.units.cost_usd_per_j[unit] / PER_MWH;
            high[column + unit] = problem.available_w(hour, unit) / 1e9;
        }
        for zone in 0..zones {
            put(row + zone, column + units + zone, 1.0);
            cost[column + units + zone] = problem.zones.shed_price_usd_per_j[zone].unwrap_or(1e5) / PER_MWH;
            high[column + units + zone] = problem.load_w(hour, zone) / 1e9;
            side.push(problem.load_w(hour, zone) / 1e9);
        }
        for store in 0..stores {
            let [c, d, e, w] = [0, 1, 2, 3].map(|kind| column + units + zones + kind * stores + store);
            let zone = row + problem.stores.zone[store];
            let own = row + zones + store;
            put(zone, c, -1.0);
            put(zone, d, 1.0);
            put(own, c, -problem.stores.charge_efficiency[store]);
            put(own, d, 1.0 / problem.stores.discharge_efficiency[store]);
            put(own, e, 1.0);
            put(own, w, 1.0);
            let before = column + hours * each - each;
            let energy = units + zones + 2 * stores + store;
            let mut rest = problem.inflow_w(hour, store) / 1e9;
            match (hour, problem.stores.ends[store]) {
                (0, Ends::Fixed { first_j, .. }) => rest += problem.stores.keep[store] * first_j / 3600.0 / 1e9,
                (0, Ends::Cyclic) => put(own, before % n + energy, -problem.stores.keep[store]),
                _ => put(own, column - each + energy, -problem.stores.keep[store]),
            }
            side.push(rest);
            high[c] = problem.stores.charge_w[store] / 1e9;
            high[d] = problem.stores.discharge_w[store] / 1e9;
            high[e] = problem.stores.energy_j[store] / 3600.0 / 1e9;
            high[w] = problem.inflow_w(hour, store) / 1e9;
            if let (true, Ends::Fixed { last_j, .. }) = (hour + 1 == hours, problem.stores.ends[store]) {
                (low[e], high[e]) = (last_j / 3600.0 / 1e9, last_j / 3600.0 / 1e9);
            }
        }
        for l in 0..links {
            let c = column + units + zones + 4 * stores + l;
            put(row + problem.links.from[l], c, -1.0);
            put(row + problem.links.to[l], c, 1.0);
            (low[c], high[c]) = (-problem.links.backward_w[l] / 1e9, problem.links.forward_w[l] / 1e9);
        }
    }
    let m = rows_each * hours;
    for c in 0..n {
        i.extend([m + c, m + n + c]);
        j.extend([c, c]);
        a.extend([1.0, -1.0]);
    }
    side.extend(&high);
    side.extend(low.iter().map(|low| -low));
    let matrix = CscMatrix::new_from_triplets(m + 2 * n, n, i, j, a);
    let settings = DefaultSettings {
        verbose: false,
        tol_gap_rel: 1e-10,
        tol_gap_abs: 1e-10,
        tol_feas: 1e-10,
        ..DefaultSettings::default()
    };
    let cones = [SupportedConeT::ZeroConeT(m), SupportedConeT::NonnegativeConeT(2 * n)];
    let quadratic = CscMatrix::zeros((n, n));
    let mut solver = DefaultSolver::new(&quadratic, &cost, &matrix, &side, &cones, settings).expect("well formed");
    solver.solve();
    assert!(
        matches!(solver.solution.status, SolverStatus::Solved | SolverStatus::AlmostSolved),
        "{:?}",
        solver.solution.status
    );
    // GW times $/MWh over an hour.
    solver.solution.obj_val * 1e3
}

#[test]
fn an_independent_solver_finds_the_same_cost() {
    for (seed, hours, zones, units, tied) in [
        (1, 24, 3, 9, false),
        (2, 48, 10, 40, false),
        (3, 168, 4, 12, true),
        (4, 25, 2, 5, true),
        (5, 168, 6, 30, false),
    ] {
        let mut problem = drawn(seed, hours, zones, units, tied);
        if seed == 4 {
            // Reservoirs with rain, losses and ends that differ.
            problem.profiles.push((0..hours).map(|hour| 0.5 + 0.5 * libm::cos(hour as f64)).collect());
            problem.stores.inflow[0] = Some(problem.profiles.len() - 1);
            problem.stores.keep[0] = 0.99;
            problem.stores.ends[1] = Ends::Fixed { first_j: 1000.0 * MWH, last_j: 2500.0 * MWH };
        }
        let (ours, theirs) = (solved(&problem).quality.cost_usd, by_clarabel(&problem));
        assert!((ours - theirs).abs() <= 1e-7 * theirs, "seed {seed}: {ours} for {theirs}");
    }
}

#[test]
fn odd_years_are_solved_and_certified() {
    for seed in 10..22 {
        let mut problem = drawn(seed, 300 + 17 * seed as usize, 1 + seed as usize % 5, 10, seed % 2 == 0);
        match seed % 4 {
            0 => problem.stores.energy_j.iter_mut().for_each(|energy_j| *energy_j *= 250.0),
            1 => problem.links.forward_w.iter_mut().for_each(|limit_w| *limit_w *= 0.1),
            2 => problem.links.forward_w.iter_mut().for_each(|limit_w| *limit_w *= 10.0),
            _ => problem.units.capacity_w.iter_mut().for_each(|capacity_w| *capacity_w *= 0.6),
        }
        solved(&problem);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let problem = drawn(7, 500, 5, 20, false);
    let (one, two) = (solved(&problem), solve(&problem, &two_threads));
    assert_eq!(Ok(one), two);
}

#[test]
fn wrong_prices_still_give_a_bound_and_a_worse_one() {
    let problem = drawn(8, 100, 3, 9, false);
    let dispatch = solved(&problem);
    for factor in [0.0, 0.5, 0.99, 1.01, 2.0] {
        let prices: Vec<f64> = dispatch.price_usd_per_j.iter().map(|price| factor * price).collect();
        let bound = bound_usd(&problem, &prices, &dispatch.value_usd_per_j);
        assert!(bound < dispatch.quality.cost_usd - 1.0, "{bound} at {factor}");
    }
}

#[test]
#[ignore = "a year takes seconds; run with --ignored --nocapture for its time"]
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
fn a_year() {
    let problem = drawn(1, 8760, 10, 160, false);
    for spread in [one_thread, two_threads] {
        let start = std::time::Instant::now();
        let dispatch = solved(&problem);
        println!("{:?} {:?}", start.elapsed(), dispatch.quality);
        let start = std::time::Instant::now();
        let _ = solve(&problem, &spread);
        println!("{:?}", start.elapsed());
    }
}

/// A flat load at one price, and a battery without losses: it may do nothing, and must not run in a circle.
#[test]
fn a_battery_does_not_charge_and_discharge_at_once() {
    for efficiency in [1.0, 0.9] {
        // A price of zero leaves a battery with losses as free as equal prices leave one without.
        let mut problem = empty(6, &[&[100.0; 6]], Some(3000.0));
        unit(&mut problem, 0, 300.0, if efficiency < 1.0 { 0.0 } else { 30.0 });
        store(&mut problem, 0, 50.0, 200.0, efficiency, Ends::Cyclic);
        let dispatch = solved(&problem);
        for hour in 0..6 {
            let both = dispatch.charge_w[hour].min(dispatch.discharge_w[hour]);
            assert!(both < 1.0, "hour {hour}: {both} W both ways at {efficiency}");
        }
    }
}

/// What is broken, and how, by so much.
type Break<'b> = (&'b str, &'b dyn Fn(&mut Dispatch, f64));

#[test]
fn a_judge_catches_every_box_that_is_left_and_every_number_that_is_none() {
    let mut problem = empty(6, &[&[80.0, 90.0, 130.0, 140.0, 90.0, 80.0], &[20.0; 6]], Some(1000.0));
    unit(&mut problem, 0, 100.0, 20.0);
    unit(&mut problem, 1, 60.0, 50.0);
    link(&mut problem, 1, 0, 25.0);
    store(&mut problem, 0, 20.0, 60.0, 0.9, Ends::Cyclic);
    let sound = solve(&problem, &one_thread).expect("solves");
    assert!(sound.quality.box_error_w <= 1.0, "{}", sound.quality.box_error_w);
    let with = |change: &dyn Fn(&mut Dispatch)| {
        let mut broken = sound.clone();
        change(&mut broken);
        judge(&problem, &broken)
    };
    let breaks: [Break<'_>; 7] = [
        ("a unit", &|out, by| out.generation_w[3] = 60.0 * MW + by),
        ("a unit below nothing", &|out, by| out.generation_w[0] = -by),
        ("unserved load", &|out, by| out.shed_w[2] = 90.0 * MW + by),
        ("a charge", &|out, by| out.charge_w[1] = 20.0 * MW + by),
        ("a discharge", &|out, by| out.discharge_w[1] = 20.0 * MW + by),
        ("an energy", &|out, by| out.energy_j[2] = 60.0 * MWH + by * 3600.0),
        ("a flow backward", &|out, by| out.flow_w[4] = -25.0 * MW - by),
    ];
    for (what, change) in breaks {
        let found = with(&|out| change(out, 5000.0)).box_error_w;
        assert!((found - 5000.0).abs() < 1e-3, "{what}: {found}");
        let none = with(&|out| change(out, f64::NAN));
        assert!(none.box_error_w.is_infinite(), "{what} that is no number: {}", none.box_error_w);
    }
    let spilled = with(&|out| out.spill_w[0] = 5000.0).box_error_w;
    assert_eq!(spilled, 5000.0, "nothing flows in, so nothing can be spilled");
}
