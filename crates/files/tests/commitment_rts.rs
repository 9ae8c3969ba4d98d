//! RTS-GMLC's tables as a case of unit commitment, against PGLib-UC's own case of the same days, which was made from the same
//! tables: every unit's limits, times, costs and starts, demand, renewables and reserve. What PGLib-UC changed is undone here by
//! name, and nothing else.

mod data_sets;

use data_sets::{data, open};
use std::fs::File;
use tieline_files::commitment::{self, rts};
use tieline_files::rts_gmlc::{self, System, before};
use tieline_grid::commitment::{Options, Outcome, Problem, Product, relaxed_usd, solve};

const MW: f64 = 1e6;
/// PGLib-UC writes powers and costs with two digits, reserves as 3 % of the demand so written.
const CENT: f64 = 0.005 + 1e-9;

fn tables() -> Option<System> {
    let root = data().join("rts_gmlc/RTS_Data");
    if !root.is_dir() {
        eprintln!("skipped: needs rts_gmlc of the data folder");
        return None;
    }
    Some(rts_gmlc::read("RTS_Data", &mut |file| open(&root, file)).expect("reads"))
}

fn pglib(day: &str) -> Option<Problem> {
    let path = data().join(format!("pglib_uc/rts_gmlc/{day}.json.gz"));
    if !path.is_file() {
        eprintln!("skipped: needs pglib_uc of the data folder");
        return None;
    }
    Some(commitment::read(day, File::open(path).expect("opens")).expect("reads").problem)
}

/// Hours of 2020 before a day.
fn hour(day: &str) -> usize {
    match day {
        "2020-01-27" => 26 * 24,
        "2020-07-06" => (31 + 29 + 31 + 30 + 31 + 30 + 5) * 24,
        other => panic!("{other}"),
    }
}

#[test]
fn the_tables_give_what_pglib_uc_made_of_them() {
    let Some(system) = tables() else { return };
    for day in ["2020-01-27", "2020-07-06"] {
        let Some(theirs) = pglib(day) else { return };
        let asked =
            rts::Asked { first_hour: hour(day), steps: 48, network: false, all_reserves: false, first: Vec::new() };
        let ours = rts::case(&system, &asked).expect("makes sense").problem;
        assert_eq!((ours.steps, ours.step_s), (theirs.steps, theirs.step_s));
        for t in 0..48 {
            assert!((ours.load_w[t] - theirs.load_w[t]).abs() < CENT * MW, "{day}, load in step {t}");
            // Three areas of three digits each.
            let reserve = (ours.reserve.required_w[t] - theirs.reserve.required_w[t]).abs();
            assert!(reserve < 0.002 * MW, "{day}, reserve in step {t}: {reserve} W");
        }
        units(day, &ours, &theirs);
        renewables(day, &ours, &theirs);
        // The two storages of the tables: CSP's tank, of which PGLib-UC has nothing, and the one that it leaves out.
        let names: Vec<&str> = ours.stores.iter().map(|store| store.name.as_str()).collect();
        assert_eq!(names, ["212_CSP_1", "313_STORAGE_1"]);
        assert_eq!((ours.stores[1].energy_j, ours.stores[1].charge_efficiency), (150.0 * 3.6e9, 0.85));
        let csp = &ours.stores[0];
        assert_eq!((csp.energy_j, csp.charge_w, csp.discharge_w), (1200.0 * 3.6e9, 0.0, 200.0 * MW));
        assert!(csp.inflow_w.len() == 48 && csp.inflow_w.iter().any(|watts| *watts > 0.0));
    }
}

fn units(day: &str, ours: &Problem, theirs: &Problem) {
    assert_eq!(ours.units.len(), theirs.units.len());
    for their in &theirs.units {
        let our = ours.units.iter().find(|unit| unit.name == their.name).expect("the same units");
        let name = format!("{day}, {}", their.name);
        assert_eq!((our.least_w, our.most_w), (their.least_w, their.most_w), "{name}");
        assert_eq!((our.begin_w, our.end_w), (their.begin_w, their.end_w), "{name}");
        assert_eq!((our.least_up, our.least_down), (their.least_up, their.least_down), "{name}");
        // "Hourly generator ramp-rates are divided by a factor of three" (PGLib-UC's README).
        for (our, their) in [(our.up_w, their.up_w), (our.down_w, their.down_w)] {
            assert!((our / 3.0 - their).abs() < CENT * MW, "{name}: ramps of {our} and {their} W");
        }
        // The classes begin at the same times off, at the same costs.
        let (starts, theirs): (Vec<_>, Vec<_>) = (our.starts.iter().collect(), their.starts.iter().collect());
        assert_eq!(
            starts.iter().map(|start| start.off).collect::<Vec<_>>(),
            theirs.iter().map(|start| start.off).collect::<Vec<_>>(),
            "{name}"
        );
        for (our, their) in starts.iter().zip(&theirs) {
            assert!((our.usd - their.usd).abs() < CENT, "{name}: starts at {} and {} $", our.usd, their.usd);
        }
        assert_eq!(our.curve.len(), their.curve.len(), "{name}");
        if our.name == "121_NUCLEAR_1" {
            // The tables' blocks above the first take no further heat; PGLib-UC has them at the average heat rate of the first, and an
            // order to run.
            let flat = our.curve.iter().all(|point| (point.1 - their.curve[0].1).abs() < CENT);
            let rise = their.curve[3].1 - their.curve[0].1 - 4.0 / 396.0 * their.curve[0].1;
            assert!(flat && rise.abs() < 0.05, "{name}: {:?} {:?}", our.curve, their.curve);
            assert_eq!((our.ordered.len(), their.ordered.len()), (0, 48));
            continue;
        }
        for (our, their) in our.curve.iter().zip(&their.curve) {
            assert!((our.0 - their.0).abs() < CENT * MW, "{name}: {our:?} {their:?}");
            // A cent, and what the rounding of the output to 0.005 MW is worth at 150 $/MWh.
            assert!((our.1 - their.1).abs() < CENT * (1.0 + 150.0), "{name}: {our:?} {their:?}");
        }
    }
}

fn renewables(day: &str, ours: &Problem, theirs: &Problem) {
    assert_eq!(ours.renewables.len() + 1, theirs.renewables.len());
    for their in &theirs.renewables {
        if their.name == "212_CSP_1" {
            // PGLib-UC has the plant at nothing in all hours; the tables give it a tank and an inflow.
            assert!(their.most_w.iter().all(|most| *most == 0.0));
            continue;
        }
        let our = ours.renewables.iter().find(|renewable| renewable.name == their.name).expect("the same renewables");
        for t in 0..48 {
            let apart = |one: f64, other: f64| (one - other).abs() >= CENT * MW;
            let name = format!("{day}, {}, step {t}", their.name);
            assert!(!apart(our.most_w[t], their.most_w[t]), "{name}: {} {}", our.most_w[t], their.most_w[t]);
            assert!(!apart(our.least_w[t], their.least_w[t]), "{name}: {} {}", our.least_w[t], their.least_w[t]);
        }
    }
}

#[test]
fn with_the_network_load_stands_at_its_buses() {
    let Some(system) = tables() else { return };
    let asked =
        rts::Asked { first_hour: hour("2020-07-06"), steps: 24, network: true, all_reserves: false, first: Vec::new() };
    let case = rts::case(&system, &asked).expect("makes sense");
    let one_bus = rts::case(&system, &rts::Asked { network: false, ..asked.clone() }).expect("makes sense");
    let lines = case.problem.lines.as_ref().expect("has lines");
    assert_eq!((lines.network.bus_count(), lines.network.branches.from.len()), (73, 120));
    for t in 0..24 {
        let sum: f64 = lines.load_w.iter().map(|bus| bus[t]).sum();
        // Each of 73 buses is rounded to a watt.
        assert!((sum - one_bus.problem.load_w[t]).abs() <= 37.0, "{sum} {}", one_bus.problem.load_w[t]);
    }
    let nuclear = case.problem.units.iter().find(|unit| unit.name == "121_NUCLEAR_1").expect("there");
    assert_eq!(lines.network.buses.number[nuclear.bus], 121);
    let ends: Vec<_> =
        lines.links.iter().map(|link| [link.from, link.to].map(|bus| lines.network.buses.number[bus])).collect();
    assert_eq!((ends, lines.links[0].most_w), (vec![[113, 316]], 100.0 * MW));
    assert!(case.remarks.iter().any(|remark| remark.contains("--reserves all")), "{:?}", case.remarks);
    // Beyond the year there is nothing.
    let late = rts::Asked { first_hour: system.hours - 23, ..asked };
    assert_eq!(rts::case(&system, &late).expect_err("too late").len(), 1);
}

/// With what PGLib-UC changed undone, the two cases are worth the same: their linear relaxations, which see every number, cost the
/// same but for the rounding to cents.
#[test]
fn with_its_changes_undone_the_case_costs_what_pglib_uc_s_does() {
    let Some(system) = tables() else { return };
    let Some(theirs) = pglib("2020-07-06") else { return };
    let asked = rts::Asked {
        first_hour: hour("2020-07-06"),
        steps: 48,
        network: false,
        all_reserves: false,
        first: Vec::new(),
    };
    let mut ours = rts::case(&system, &asked).expect("makes sense").problem;
    ours.stores.clear();
    for unit in &mut ours.units {
        let their = theirs.units.iter().find(|their| their.name == unit.name).expect("the same units");
        unit.first = their.first;
        (unit.up_w, unit.down_w) = (unit.up_w / 3.0, unit.down_w / 3.0);
        if unit.name == "121_NUCLEAR_1" {
            unit.curve.clone_from(&their.curve);
            unit.ordered.clone_from(&their.ordered);
        }
    }
    let (our_usd, their_usd) = (relaxed_usd(&ours).expect("solves"), relaxed_usd(&theirs).expect("solves"));
    // 48 hours of some 5,000 MW to 0.005 MW at some 25 $/MWh, and 30 running units' costs to a cent: below 10 $ of 3.7 M$.
    assert!((our_usd - their_usd).abs() < 10.0, "{our_usd} $ from the tables, {their_usd} $ of PGLib-UC");
    println!("relaxations: {our_usd:.2} $ from the tables, {their_usd:.2} $ of PGLib-UC");
}

/// Every product of the tables is asked of the units that its areas and categories name, and is met.
#[test]
fn all_reserves_are_asked_for_by_area() {
    let Some(system) = tables() else { return };
    let asked = rts::Asked {
        first_hour: hour("2020-07-06"),
        steps: 2,
        network: false,
        all_reserves: true,
        first: before::before(&system, hour("2020-07-06")),
    };
    let problem = rts::case(&system, &asked).expect("makes sense").problem;
    assert!(problem.reserve.required_w.is_empty(), "spinning reserve is not asked for twice");
    let services = problem.services.as_ref().expect("has services");
    let names: Vec<&str> = services.areas.iter().map(|area| area.name.as_str()).collect();
    let products = ["Spin_Up_R1", "Spin_Up_R2", "Spin_Up_R3", "Flex_Up", "Flex_Down", "Reg_Up", "Reg_Down"];
    assert_eq!(names, [&["all"], &products[..]].concat());
    let member =
        |area: usize, name: &str| services.areas[area].members.iter().any(|unit| problem.units[*unit].name == name);
    assert!(member(1, "101_STEAM_3") && !member(2, "101_STEAM_3") && member(4, "101_STEAM_3"));
    assert!(!member(1, "121_NUCLEAR_1"), "nuclear is no category of theirs");
    let place = |product: Product| Product::ALL.iter().position(|known| *known == product).expect("one of all");
    assert_eq!(services.areas[6].required_w[place(Product::RegulationUp)].len(), 2);
    // More in one area alone: it costs the more the more is asked, until there is no schedule.
    let costs = |times: f64| {
        let mut more = problem.clone();
        let watts = &mut more.services.as_mut().expect("has services").areas[1].required_w[place(Product::Spinning)];
        watts.iter_mut().for_each(|watts| *watts *= times);
        bound_usd(&more)
    };
    let free = costs(1.0).expect("the tables' own can be held");
    let dearest = [8.0, 6.0, 5.0, 4.0, 3.0, 2.0].into_iter().find_map(costs).expect("twice as much can be held");
    println!("{free} $ as asked, {dearest} $ with the most that has a schedule");
    assert!(dearest > free + 1.0, "{dearest} {free}");
    assert_eq!(costs(1000.0), None);
}

/// What no schedule undercuts, $, where there is one.
fn bound_usd(problem: &Problem) -> Option<f64> {
    match solve(problem, &Options { gap: 1e-4, ..Options::default() }).expect("HiGHS runs") {
        Outcome::Solved(plan) => {
            assert_eq!(plan.violations(problem), Vec::<String>::new());
            Some(plan.bound_usd)
        }
        Outcome::Infeasible(_) => None,
    }
}
