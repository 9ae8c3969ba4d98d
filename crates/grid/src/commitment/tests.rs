//! Small cases whose answers are derived by hand or by trying every schedule.

use super::*;

const MW: f64 = 1e6;

/// A unit of one straight cost: `usd` $/MWh, nothing when idle.
fn unit(name: &str, least: f64, most: f64, usd: f64) -> Unit {
    Unit {
        name: name.to_owned(),
        least_w: least * MW,
        most_w: most * MW,
        up_w: most * MW,
        down_w: most * MW,
        begin_w: most * MW,
        end_w: most * MW,
        least_up: 1,
        least_down: 1,
        curve: vec![(least * MW, least * usd), (most * MW, most * usd)],
        starts: vec![Start { off: 1, usd: 0.0, fuel: 0.0 }],
        first: State { on: false, steps: 100, output_w: 0.0 },
        ..Unit::default()
    }
}

fn problem(load: &[f64], units: Vec<Unit>) -> Problem {
    Problem {
        steps: load.len(),
        step_s: 3600.0,
        load_w: load.iter().map(|mw| mw * MW).collect(),
        reserve: Reserve { required_w: vec![0.0; load.len()], ..Reserve::default() },
        units,
        ..Problem::default()
    }
}

fn exact() -> Options {
    Options { gap: 0.0, ..Options::default() }
}

fn solved(problem: &Problem) -> Plan {
    match solve(problem, &exact()) {
        Ok(Outcome::Solved(plan)) => {
            assert_eq!(plan.violations(problem), Vec::<String>::new());
            assert!(plan.gap.abs() < 1e-9, "gap {}", plan.gap);
            *plan
        }
        other => panic!("no schedule: {other:?}"),
    }
}

fn close(ours: f64, expected: f64) {
    assert!((ours - expected).abs() < 1e-6 * (1.0 + expected.abs()), "ours {ours}, expected {expected}");
}

/// Two hours of 50 MW around one of 150: the peaker (100 $/MWh) gives 50 MWh, the base unit (10 $/MWh) 200.
#[test]
fn the_dear_unit_runs_at_the_peak_only() {
    let plan =
        solved(&problem(&[50.0, 150.0, 50.0], vec![unit("base", 0.0, 100.0, 10.0), unit("peak", 10.0, 80.0, 100.0)]));
    close(plan.usd(), 200.0 * 10.0 + 50.0 * 100.0);
    assert_eq!(plan.on[1], [false, true, false]);
    close(plan.price_usd_per_j[1] * 3.6e9, 100.0);
    close(plan.price_usd_per_j[0] * 3.6e9, 10.0);
}

/// With three hours of minimum up time the peaker gives its least output, 10 MW, in two more of them:
/// 70 MWh at 100 and 180 at 10.
#[test]
fn minimum_up_time_holds_it_on() {
    let mut peak = unit("peak", 10.0, 80.0, 100.0);
    peak.least_up = 3;
    let plan = solved(&problem(&[50.0, 150.0, 50.0, 50.0], vec![unit("base", 0.0, 100.0, 10.0), peak]));
    assert_eq!(plan.on[1].iter().filter(|on| **on).count(), 3);
    close(plan.usd(), (300.0 - 70.0) * 10.0 + 70.0 * 100.0);
}

/// Peaks in hours 1 and 3; off for two hours at least, it cannot stop between them.
#[test]
fn minimum_down_time_bridges_a_gap() {
    let mut peak = unit("peak", 10.0, 80.0, 100.0);
    peak.least_down = 2;
    let plan = solved(&problem(&[150.0, 50.0, 150.0], vec![unit("base", 0.0, 100.0, 10.0), peak]));
    assert_eq!(plan.on[1], [true, true, true]);
    close(plan.usd(), (350.0 - 110.0) * 10.0 + 110.0 * 100.0);
}

/// A second peak two hours after the first: a warm start (100 $) there, a cold one (1000 $) at the first.
#[test]
fn a_start_costs_by_the_time_off() {
    let mut peak = unit("peak", 10.0, 80.0, 100.0);
    peak.starts = vec![Start { off: 1, usd: 100.0, fuel: 0.0 }, Start { off: 4, usd: 1000.0, fuel: 0.0 }];
    let base = unit("base", 0.0, 100.0, 10.0);
    let warm = solved(&problem(&[150.0, 50.0, 50.0, 150.0], vec![base.clone(), peak.clone()]));
    assert_eq!(warm.on[1], [true, false, false, true]);
    close(warm.costs.starts_usd, 1100.0);
    let cold = solved(&problem(&[150.0, 50.0, 50.0, 50.0, 50.0, 50.0, 150.0], vec![base, peak]));
    close(cold.costs.starts_usd, 2000.0);
}

/// The time off before the first step counts: off for two of the four hours, it starts warm one hour later, cold two.
#[test]
fn the_first_state_decides_the_class() {
    let mut peak = unit("peak", 10.0, 80.0, 100.0);
    peak.starts = vec![Start { off: 1, usd: 100.0, fuel: 0.0 }, Start { off: 4, usd: 1000.0, fuel: 0.0 }];
    peak.first.steps = 2;
    let base = unit("base", 0.0, 100.0, 10.0);
    let case = |load: &[f64]| solved(&problem(load, vec![base.clone(), peak.clone()])).costs.starts_usd;
    close(case(&[50.0, 150.0]), 100.0);
    close(case(&[50.0, 50.0, 150.0]), 1000.0);
}

/// From 30 MW with 20 MW an hour up, the base unit gives 50 and 70 of 60 and 100; the rest is the peaker's.
#[test]
fn ramps_bind() {
    let mut base = unit("base", 10.0, 100.0, 10.0);
    base.up_w = 20.0 * MW;
    base.first = State { on: true, steps: 10, output_w: 30.0 * MW };
    let plan = solved(&problem(&[60.0, 100.0], vec![base, unit("peak", 0.0, 80.0, 100.0)]));
    close(plan.output_w[0][0], 50.0 * MW);
    close(plan.output_w[0][1], 70.0 * MW);
    close(plan.usd(), 120.0 * 10.0 + 40.0 * 100.0);
}

/// A unit at 80 MW that may stop from 40 and falls 20 an hour at most needs two more hours before it is off.
#[test]
fn it_ramps_down_before_it_stops() {
    let mut old = unit("old", 20.0, 100.0, 50.0);
    old.down_w = 20.0 * MW;
    old.end_w = 40.0 * MW;
    old.first = State { on: true, steps: 10, output_w: 80.0 * MW };
    let plan = solved(&problem(&[100.0; 4], vec![old, unit("new", 0.0, 100.0, 10.0)]));
    assert_eq!(plan.on[0], [true, true, false, false]);
    close(plan.output_w[0][0], 60.0 * MW);
    close(plan.output_w[0][1], 40.0 * MW);
}

/// Reserve of 30 MW beside 80 MW of load: one unit of 100 MW is not enough.
#[test]
fn reserve_commits_a_second_unit() {
    let mut case = problem(&[80.0], vec![unit("one", 10.0, 100.0, 10.0), unit("two", 10.0, 100.0, 20.0)]);
    assert_eq!(solved(&case).on, [[true], [false]]);
    case.reserve.required_w = vec![30.0 * MW];
    let plan = solved(&case);
    assert_eq!(plan.on, [[true], [true]]);
    close(plan.usd(), 70.0 * 10.0 + 10.0 * 20.0);
}

/// Each unit's output must be covered by the others, here once and one and a half times: two units of 100 MW cannot do
/// the latter for 100 MW of load beyond 2 x 40.
#[test]
fn the_largest_unit_is_covered() {
    let units = vec![unit("one", 0.0, 100.0, 10.0), unit("two", 0.0, 100.0, 20.0), unit("three", 0.0, 100.0, 30.0)];
    let mut case = problem(&[150.0], units);
    case.reserve.contingency = Some(1.0);
    let plan = solved(&case);
    // One at 100: two and three keep 100 of their 200 less 50 free. So cost is least: 100, 50, 0.
    close(plan.usd(), 100.0 * 10.0 + 50.0 * 20.0);
    assert!(plan.on[2][0]);
    case.reserve.contingency = Some(1.5);
    let primary = solved(&case);
    // 1.5 p1 <= (100 - p2) + (100 - p3) with p1 + p2 + p3 = 150: 0.5 p1 <= 50, so p1 = 100 still.
    close(primary.usd(), 100.0 * 10.0 + 50.0 * 20.0);
    case.load_w = vec![180.0 * MW];
    // 0.5 p1 <= 20: p1 = 40, p2 likewise, p3 too, and 3 x 40 < 180: impossible.
    assert!(matches!(solve(&case, &exact()), Ok(Outcome::Infeasible(relief)) if !relief.is_empty()));
}

/// 20 MW of sun beyond the load go untaken unless the least output says otherwise.
#[test]
fn renewables_are_taken_as_needed() {
    let mut case = problem(&[50.0, 50.0], vec![unit("base", 0.0, 100.0, 10.0)]);
    case.renewables = vec![Renewable {
        name: "sun".to_owned(),
        bus: 0,
        least_w: vec![0.0, 10.0 * MW],
        most_w: vec![70.0 * MW, 30.0 * MW],
    }];
    let plan = solved(&case);
    close(plan.renewable_w[0][0], 50.0 * MW);
    close(plan.usd(), 20.0 * 10.0);
}

/// A storage of 40 MWh at 80 % each way: 20 MWh in, 16 stored, 12.8 out at the peak.
#[test]
fn a_storage_shifts_energy() {
    let mut case = problem(&[80.0, 112.8], vec![unit("base", 0.0, 100.0, 10.0), unit("peak", 0.0, 50.0, 100.0)]);
    case.stores = vec![Store {
        name: "battery".to_owned(),
        charge_w: 20.0 * MW,
        discharge_w: 20.0 * MW,
        energy_j: 40.0 * 3.6e9,
        charge_efficiency: 0.8,
        discharge_efficiency: 0.8,
        keep: 1.0,
        ..Store::default()
    }];
    let plan = solved(&case);
    close(plan.charge_w[0][0], 20.0 * MW);
    close(plan.discharge_w[0][1], 12.8 * MW);
    close(plan.usd(), 200.0 * 10.0);
}

/// Every schedule of two units over five hours, tried one by one, against the search.
#[test]
fn the_best_of_all_schedules_is_found() {
    let mut slow = unit("slow", 30.0, 90.0, 12.0);
    slow.least_up = 3;
    slow.least_down = 2;
    slow.up_w = 25.0 * MW;
    slow.down_w = 30.0 * MW;
    slow.begin_w = 40.0 * MW;
    slow.end_w = 35.0 * MW;
    slow.curve = vec![(30.0 * MW, 500.0), (60.0 * MW, 900.0), (90.0 * MW, 1500.0)];
    slow.starts = vec![Start { off: 2, usd: 300.0, fuel: 0.0 }, Start { off: 4, usd: 700.0, fuel: 0.0 }];
    slow.first = State { on: true, steps: 2, output_w: 50.0 * MW };
    let mut fast = unit("fast", 10.0, 60.0, 40.0);
    fast.starts = vec![Start { off: 1, usd: 150.0, fuel: 0.0 }];
    fast.stop_usd = 20.0;
    let rest = unit("rest", 0.0, 100.0, 90.0);
    let mut case = problem(&[70.0, 40.0, 30.0, 95.0, 120.0], vec![slow, fast, rest]);
    case.reserve.required_w = vec![15.0 * MW; 5];
    let best = solved(&case).usd();
    let mut least = f64::INFINITY;
    for pattern in 0_u32..1 << 10 {
        let mut tried = case.clone();
        for (index, unit) in tried.units.iter_mut().enumerate().take(2) {
            unit.ordered = (0..5).map(|t| Some(pattern >> (5 * index + t) & 1 == 1)).collect();
        }
        if tried.complaints().is_empty()
            && let Ok(Some((plan, _))) = search::settle(&tried, &exact(), None)
        {
            assert_eq!(plan.violations(&tried), Vec::<String>::new());
            least = least.min(plan.usd());
        }
    }
    close(best, least);
}

/// A line of 30 MW between two buses: the cheap unit behind it gives 30, the dear one the rest; the row comes in late.
#[test]
fn a_line_binds_when_it_is_crossed() {
    use crate::network::{BusKind, Network, direct::Convention};
    let mut network = Network { name: "two".to_owned(), base_va: 100.0 * MW, ..Network::default() };
    let buses = &mut network.buses;
    for bus in 0..2_u64 {
        buses.number.push(bus + 1);
        buses.kind.push(if bus == 0 { BusKind::Reference } else { BusKind::Load });
        for nothing in [&mut buses.load_w, &mut buses.load_var, &mut buses.shunt_w, &mut buses.shunt_var] {
            nothing.push(0.0);
        }
        buses.voltage_share.push(1.0);
        buses.angle_rad.push(0.0);
        buses.nominal_v.push(0.0);
        buses.most_share.push(1.1);
        buses.least_share.push(0.9);
    }
    let branches = &mut network.branches;
    (branches.from, branches.to) = (vec![0], vec![1]);
    (branches.r_pu, branches.x_pu, branches.charging_pu) = (vec![0.0], vec![0.1], vec![0.0]);
    (branches.rating_va, branches.tap, branches.shift_rad) = (vec![30.0 * MW], vec![1.0], vec![0.0]);
    branches.in_service = vec![true];
    (branches.least_angle_rad, branches.most_angle_rad) = (vec![-6.0], vec![6.0]);
    let mut dear = unit("dear", 0.0, 100.0, 50.0);
    dear.bus = 1;
    let mut case = problem(&[20.0, 80.0], vec![unit("cheap", 0.0, 100.0, 10.0), dear]);
    let load_w = vec![vec![0.0, 0.0], case.load_w.clone()];
    case.lines = Some(Lines { network, convention: Convention::Mp, load_w, links: Vec::new() });
    let plan = solved(&case);
    assert_eq!((plan.line_rows, plan.rounds), (1, 2));
    close(plan.flow_w[1][0], 30.0 * MW);
    close(plan.usd(), 50.0 * 10.0 + 50.0 * 50.0);
    // A DC line beside it carries 15 MW more.
    let mut wider = case.clone();
    let link = DcLine { name: "dc".to_owned(), from: 1, to: 0, most_w: 15.0 * MW };
    wider.lines.as_mut().expect("has lines").links.push(link);
    let plan = solved(&wider);
    close(plan.link_w[0][1], -15.0 * MW);
    close(plan.flow_w[1][0], 30.0 * MW);
    close(plan.usd(), 65.0 * 10.0 + 35.0 * 50.0);
    // Without the dear unit the line would have to give 50 MW, or the load.
    case.units.pop();
    let Ok(Outcome::Infeasible(relief)) = solve(&case, &exact()) else { panic!("it has a schedule") };
    assert!(
        relief.iter().any(|item| item.lack == Lack::Line(0) && item.step == 1 && (item.by_w - 50.0 * MW).abs() < 1.0)
    );
}

/// Two units on one supply of 100 an hour, at 1 a MWh each: no more than 100 MW of both.
#[test]
fn units_share_a_supply() {
    let fired = |name: &str, usd: f64| {
        let mut unit = unit(name, 0.0, 100.0, usd);
        unit.burns = Some(Burns { supply: Some(0), per_h: vec![0.0, 100.0], usd, other: None });
        unit
    };
    let mut case = problem(&[150.0], vec![fired("one", 10.0), fired("two", 12.0), unit("other", 0.0, 100.0, 50.0)]);
    case.fuels = vec![Fuel { name: "gas".to_owned(), per_step: vec![100.0] }];
    close(solved(&case).usd(), 100.0 * 10.0 + 50.0 * 50.0);
}

/// What is missing is told step by step: 20 MW of load in the second.
#[test]
fn the_impossible_is_explained() {
    let case = problem(&[50.0, 120.0], vec![unit("base", 0.0, 100.0, 10.0)]);
    let Ok(Outcome::Infeasible(relief)) = solve(&case, &exact()) else { panic!("it has a schedule") };
    assert_eq!(relief.len(), 1);
    assert_eq!((relief[0].step, &relief[0].lack), (1, &Lack::Load));
    close(relief[0].by_w, 20.0 * MW);
    // A unit that is ordered off from where it cannot stop is named.
    let mut stuck = unit("stuck", 10.0, 100.0, 10.0);
    stuck.first = State { on: true, steps: 5, output_w: 90.0 * MW };
    stuck.end_w = 20.0 * MW;
    stuck.ordered = vec![Some(false)];
    let case = problem(&[50.0], vec![stuck, unit("base", 0.0, 100.0, 10.0)]);
    let Ok(Outcome::Infeasible(relief)) = solve(&case, &exact()) else { panic!("it has a schedule") };
    assert_eq!(relief[0].lack, Lack::Unit(0));
}

/// Nonsense is refused with words, not solved.
#[test]
fn nonsense_is_refused() {
    let good = problem(&[50.0], vec![unit("base", 0.0, 100.0, 10.0)]);
    let mut all: Vec<(Problem, &str)> = Vec::new();
    let mut change = |word: &'static str, edit: &dyn Fn(&mut Problem)| {
        let mut case = good.clone();
        edit(&mut case);
        all.push((case, word));
    };
    change("1 values, expected 2", &|case| case.steps = 2);
    change("negative or no number", &|case| case.units[0].most_w = -1.0);
    change("below the least", &|case| case.units[0].least_w = 200.0 * MW);
    change("outside its limits", &|case| case.units[0].first = State { on: true, steps: 1, output_w: 300.0 * MW });
    change("not convex", &|case| case.units[0].curve = vec![(0.0, 0.0), (50.0 * MW, 900.0), (100.0 * MW, 1000.0)]);
    change("minimum time keeps it off", &|case| {
        case.units[0].least_down = 5;
        case.units[0].first.steps = 1;
        case.units[0].ordered = vec![Some(true)];
    });
    for (case, word) in all {
        let refused = solve(&case, &exact());
        assert!(refused.as_ref().is_err_and(|why| why.contains(word)), "{word}: {refused:?}");
    }
}

/// Three days in windows of 24 + 24 hours: the state carried at each seam is what the kept steps leave, the whole keeps
/// every rule, its cost counted once is the sum of its days, and no long run does worse than its own bound.
#[test]
fn windows_join_without_a_seam() {
    let mut slow = unit("slow", 40.0, 120.0, 12.0);
    (slow.least_up, slow.least_down) = (8, 6);
    (slow.up_w, slow.down_w) = (25.0 * MW, 25.0 * MW);
    (slow.begin_w, slow.end_w) = (45.0 * MW, 45.0 * MW);
    slow.starts = vec![Start { off: 6, usd: 300.0, fuel: 0.0 }, Start { off: 12, usd: 900.0, fuel: 0.0 }];
    let mut mid = unit("mid", 20.0, 80.0, 30.0);
    (mid.least_up, mid.least_down) = (4, 3);
    mid.starts = vec![Start { off: 3, usd: 100.0, fuel: 0.0 }];
    let load: Vec<f64> = (0..72).map(|t| 100.0 + 70.0 * libm::sin(f64::from(t) * 0.2618) + f64::from(t % 7)).collect();
    let case = problem(&load, vec![slow, mid, unit("rest", 0.0, 200.0, 80.0)]);
    let Ok(Ok(rolled)) = roll(&case, Horizon::default(), &exact()) else { panic!("no schedule") };
    assert_eq!(rolled.violations(&case), Vec::<String>::new());
    let days: f64 = (0..3).map(|day| rolled.costs_of(&case, 24 * day, 24 * day + 24).total_usd()).sum();
    close(days, rolled.usd());
    let whole = solved(&case);
    assert!(rolled.usd() >= whole.usd() - 1e-6, "windows cannot beat the whole");
    // The state that the long run leaves after two days: the rest of it, from there, costs what it cost in the long run.
    let mut rest = case.clone();
    rest.steps = 24;
    rest.load_w = case.load_w[48..].to_vec();
    rest.reserve.required_w = vec![0.0; 24];
    for (unit, state) in rest.units.iter_mut().zip(carry(&case, &whole, 48)) {
        unit.first = state;
    }
    close(solved(&rest).usd(), whole.costs_of(&case, 48, 72).total_usd());
}

/// A unit that holds reserve in the last kept step may stop in the next window only from where output and reserve lie within
/// its stop limit, as in one long run: 20 MW and at least 40 MW of reserve, limit 30.
#[test]
fn reserve_of_the_step_before_a_window_binds_its_stop() {
    let mut dear = unit("dear", 20.0, 100.0, 50.0);
    dear.end_w = 30.0 * MW;
    dear.first = State { on: true, steps: 9, output_w: 20.0 * MW };
    let mut case = problem(&[100.0, 50.0], vec![unit("base", 0.0, 100.0, 10.0), dear]);
    case.reserve.required_w = vec![60.0 * MW, 0.0];
    let Ok(Ok(rolled)) = roll(&case, Horizon { keep: 1, look: 0 }, &exact()) else { panic!("no schedule") };
    assert_eq!(rolled.on[1], [true, true]);
    close(rolled.usd(), solved(&case).usd());
}

/// A plant with a tank of 60 MWh: 40 MW flow in in each of the first two hours, 20 MWh are let go, the rest comes when it is dear.
#[test]
fn a_tank_gives_when_it_is_dear() {
    let mut case = problem(&[50.0, 50.0, 120.0], vec![unit("base", 0.0, 80.0, 10.0), unit("peak", 0.0, 80.0, 100.0)]);
    case.stores = vec![Store {
        name: "tank".to_owned(),
        discharge_w: 40.0 * MW,
        energy_j: 60.0 * 3.6e9,
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        keep: 1.0,
        inflow_w: vec![40.0 * MW, 40.0 * MW, 0.0],
        ..Store::default()
    }];
    let plan = solved(&case);
    close(plan.discharge_w[0][2], 40.0 * MW);
    // 80 MWh flow in; 40 are given at the peak, 40 before it.
    close(plan.usd(), (50.0 + 50.0 - 40.0 + 80.0) * 10.0);
    case.stores[0].inflow_w.pop();
    assert!(case.complaints().iter().any(|what| what.contains("inflow")), "{:?}", case.complaints());
}

/// What reading and relaxation took is no time for the search, but a part of it is always left.
#[test]
fn time_spent_before_a_search_counts() {
    let options = |now_s: fn() -> f64| Options {
        most_s: Some(10.0),
        clock: Some(Clock { now_s, begun_s: 1.0 }),
        ..Options::default()
    };
    assert_eq!(options(|| 4.0).left_s(), Some(7.0));
    assert_eq!(options(|| 90.0).left_s(), Some(1.0));
    // A window of its own begins anew.
    assert_eq!(options(|| 90.0).counted_anew().left_s(), Some(10.0));
    assert_eq!(Options { most_s: Some(10.0), ..Options::default() }.left_s(), Some(10.0));
    assert_eq!(options(|| 4.0).clock.map(|clock| clock.begun_s), Some(1.0));
    assert_eq!(Options::default().left_s(), None);
    assert!(options(|| 11.0).is_over() && !options(|| 10.5).is_over() && !Options::default().is_over());
}

/// Complaints know what they are about.
#[test]
fn complaints_name_their_subject() {
    let mut problem = Problem {
        steps: 2,
        step_s: 3600.0,
        load_w: vec![1e6, -1.0],
        reserve: Reserve { required_w: vec![0.0], ..Reserve::default() },
        units: vec![Unit { name: "bare".to_owned(), most_w: 1e6, ..Unit::default() }],
        renewables: vec![Renewable { name: "sun".to_owned(), bus: 0, least_w: vec![2.0, 0.0], most_w: vec![1.0, 0.0] }],
        stores: vec![Store { name: "empty".to_owned(), ..Store::default() }],
        fuels: vec![Fuel { name: "pipe".to_owned(), per_step: vec![f64::NAN, 0.0] }],
        ..Problem::default()
    };
    let subjects: Vec<Subject> = problem.findings().into_iter().map(|(subject, _)| subject).collect();
    for subject in
        [Subject::Load, Subject::Reserve, Subject::Unit(0), Subject::Renewable(0), Subject::Store(0), Subject::Fuel(0)]
    {
        assert!(subjects.contains(&subject), "{subject:?} in {subjects:?}");
    }
    problem.steps = 0;
    assert!(problem.findings().iter().any(|(subject, _)| *subject == Subject::Whole));
}
