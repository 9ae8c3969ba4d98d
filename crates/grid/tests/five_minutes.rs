//! Five-minute dispatch on three buses that can be checked by hand.

use tieline_grid::network::direct::{Convention, DirectFlow};
use tieline_grid::network::{Branches, BusKind, Buses, Cost, Generators, Network};
use tieline_grid::realtime::forecast::{Forecast, Uncertainty};
use tieline_grid::realtime::interval::Limit;
use tieline_grid::realtime::{Day, Dispatched, Link, Prices, Why, run};

/// A triangle of equal lines: cheap units at bus 1, dear ones at bus 2, load at bus 3. Figures drawn for this test.
fn triangle() -> Network {
    let ends = [(0, 1), (0, 2), (1, 2)];
    Network {
        name: "triangle".to_owned(),
        base_va: 100e6,
        buses: Buses {
            number: vec![1, 2, 3],
            name: vec![String::new(); 3],
            area: vec![1; 3],
            zone: vec![1; 3],
            kind: vec![BusKind::Reference, BusKind::Regulated, BusKind::Load],
            load_w: vec![0.0, 0.0, 90e6],
            load_var: vec![0.0; 3],
            shunt_w: vec![0.0; 3],
            shunt_var: vec![0.0; 3],
            voltage_share: vec![1.0; 3],
            angle_rad: vec![0.0; 3],
            nominal_v: vec![230e3; 3],
            most_share: vec![1.1; 3],
            least_share: vec![0.9; 3],
        },
        branches: Branches {
            from: ends.iter().map(|e| e.0).collect(),
            to: ends.iter().map(|e| e.1).collect(),
            name: vec![String::new(); 3],
            r_pu: vec![0.0; 3],
            x_pu: vec![0.1; 3],
            charging_pu: vec![0.0; 3],
            rating_va: vec![f64::INFINITY; 3],
            short_term_va: vec![None; 3],
            emergency_va: vec![None; 3],
            tap: vec![1.0; 3],
            shift_rad: vec![0.0; 3],
            in_service: vec![true; 3],
            least_angle_rad: vec![f64::NEG_INFINITY; 3],
            most_angle_rad: vec![f64::INFINITY; 3],
        },
        generators: Generators {
            bus: vec![0, 1],
            name: vec![String::new(); 2],
            output_w: vec![0.0; 2],
            output_var: vec![0.0; 2],
            most_var: vec![0.0; 2],
            least_var: vec![0.0; 2],
            voltage_share: vec![1.0; 2],
            in_service: vec![true; 2],
            most_w: vec![200e6; 2],
            least_w: vec![0.0; 2],
            cost: vec![
                Some(Cost::Piecewise(vec![(0.0, 0.0), (200.0, 4000.0)])),
                Some(Cost::Piecewise(vec![(0.0, 0.0), (200.0, 8000.0)])),
            ],
        },
    }
}

/// A day of so many intervals without ramps that bind, reserve, links or outages.
fn plain(network: &Network, intervals: usize) -> Day<'_> {
    Day {
        network,
        convention: Convention::Mp,
        ramp_w_per_s: vec![1e6; 2],
        must_take: vec![false; 2],
        links: Vec::new(),
        step_s: 300.0,
        ahead: 1,
        committed: vec![true; 2 * intervals],
        reserve_w: vec![0.0; intervals],
        reserve_within_s: 600.0,
        prices: Prices::default(),
        outages: Vec::new(),
        emergency_va: network.branches.rating_va.clone(),
    }
}

/// A day of these loads at bus 3, known exactly.
fn dispatched(network: &Network, load_mw: &[f64], change: impl FnOnce(&mut Day<'_>)) -> Dispatched {
    let intervals = load_mw.len();
    let mut day = plain(network, intervals);
    change(&mut day);
    let load_w = load_mw.iter().flat_map(|mw| [0.0, 0.0, mw * 1e6]).collect();
    let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
    let most_w = network.generators.most_w.clone();
    let available_w = (0..intervals).flat_map(|_| most_w.clone()).collect();
    let forecast = Forecast::new(intervals, load_w, available_w, most_w, vec![None; 2], &exact).expect("sound");
    run(&day, &forecast).expect("dispatches")
}

fn near(found: f64, wanted: f64, by: f64) {
    assert!((found - wanted).abs() < by, "{found}, expected {wanted}");
}

#[test]
fn without_limits_the_cheap_unit_serves_all_at_its_cost() {
    let network = triangle();
    let done = dispatched(&network, &[90.0, 120.0], |_| {});
    for (interval, load) in done.intervals.iter().zip([90e6, 120e6]) {
        near(interval.look.output_w[0], load, 1e3);
        near(interval.look.energy_usd_per_mwh[2], 20.0, 1e-3);
        near(interval.regulation_w, 0.0, 1e3);
    }
    assert_eq!(done.orders.len(), 1);
    assert_eq!((done.orders[0].unit, done.orders[0].why), (0, Why::Load));
}

/// Two thirds of bus 1's output take the line to bus 3, a third of bus 2's: 2/3 a + 1/3 b = 70 and a + b = load.
#[test]
fn a_full_line_splits_the_price_and_is_named() {
    let mut network = triangle();
    network.branches.rating_va[1] = 70e6;
    let done = dispatched(&network, &[90.0, 120.0], |_| {});
    let look = &done.intervals[1].look;
    near(look.output_w[0], 90e6, 1e3);
    near(look.output_w[1], 30e6, 1e3);
    // One more megawatt at bus 3 is two from bus 2 and one less from bus 1: 2 x 40 - 20 = 60 $.
    near(look.energy_usd_per_mwh[2] + look.congestion_usd_per_mwh[2], 60.0, 1e-3);
    near(look.energy_usd_per_mwh[2], 20.0, 1e-3);
    near(look.congestion_usd_per_mwh[1], 20.0, 1e-3);
    let raised = done.orders.iter().find(|order| order.unit == 1).expect("an order");
    assert_eq!(raised.why, Why::Congestion(Limit::Flow { ahead: 0, branch: 1, lost: None }));
}

#[test]
fn a_short_ramp_is_said_and_what_it_lacks_is_a_shortage() {
    let network = triangle();
    // 60 MW a step of the cheap unit and 6 of the dear one against a rise of 80.
    let done = dispatched(&network, &[90.0, 170.0], |day| day.ramp_w_per_s = vec![0.2e6, 0.02e6]);
    let look = &done.intervals[1].look;
    near(look.output_w[0], 150e6, 1e3);
    near(look.unserved_w[2], 14e6, 1e3);
    near(look.energy_usd_per_mwh[2], 3700.0, 1e-2);
    assert!(done.orders.iter().all(|order| order.why == Why::Shortage), "{:?}", done.orders);
    // With enough of the dear unit's ramp, the cheap one is merely held by its own.
    let done = dispatched(&network, &[90.0, 170.0], |day| day.ramp_w_per_s = vec![0.2e6, 0.2e6]);
    near(done.intervals[1].look.unserved_w[2], 0.0, 1e3);
    assert_eq!(done.orders.iter().find(|order| order.unit == 0).map(|order| order.why), Some(Why::Ramp));
}

#[test]
fn who_looks_ahead_moves_in_time() {
    let mut network = triangle();
    network.generators.most_w[0] = 100e6;
    let ramps = |day: &mut Day<'_>| day.ramp_w_per_s = vec![0.1e6, 0.1e6];
    // 30 MW a step each. From 90 and 0 MW the cheap unit has 10 left and the dear one 30: 130 of 150.
    let load = [90.0, 90.0, 150.0];
    let blind: f64 = dispatched(&network, &load, ramps).intervals[2].look.unserved_w.iter().sum();
    near(blind, 20e6, 1e3);
    let seeing = dispatched(&network, &load, |day| {
        ramps(day);
        day.ahead = 3;
    });
    // From 70 and 20 both have their 30.
    near(seeing.intervals[2].look.unserved_w.iter().sum(), 0.0, 1e3);
    near(seeing.intervals[1].look.output_w[1], 20e6, 1e4);
    let early = seeing.orders.iter().find(|order| order.interval == 1 && order.unit == 1);
    assert_eq!(early.map(|order| order.why), Some(Why::RampAhead), "{:?}", seeing.orders);
}

#[test]
fn after_a_loss_no_line_is_beyond_its_emergency_rating() {
    let mut network = triangle();
    network.branches.rating_va = vec![100e6; 3];
    let lost = 2;
    let done = dispatched(&network, &[120.0, 120.0], |day| {
        day.outages = vec![lost];
        day.emergency_va = vec![95e6; 3];
    });
    let look = &done.intervals[1].look;
    // Without the line 2-3 all 120 MW must come over 1-3, which carries 95: no dispatch helps, and that is said.
    assert!(
        look.overload_w.iter().any(|(limit, by)| {
            *limit == Limit::Flow { ahead: 0, branch: 1, lost: Some(lost) } && (by - 25e6).abs() < 1e4
        }),
        "{:?}",
        look.overload_w
    );
    // With 1-2 lost, each unit has its own line: 95 MW at most from bus 1.
    let done = dispatched(&network, &[120.0, 120.0], |day| {
        day.outages = vec![0];
        day.emergency_va = vec![95e6; 3];
    });
    let look = &done.intervals[1].look;
    near(look.output_w[0], 95e6, 1e4);
    let mut cut = DirectFlow::new(&network, Convention::Mp, Some(0)).expect("a flow");
    let mut flow_w = vec![0.0; 3];
    cut.spread(&network, &[look.output_w[0], look.output_w[1], -120e6], &mut flow_w);
    near(flow_w[1], 95e6, 1e4);
}

#[test]
fn reserve_is_left_and_its_shortage_priced() {
    let network = triangle();
    let done = dispatched(&network, &[190.0, 190.0], |day| day.reserve_w = vec![250e6; 2]);
    let look = &done.intervals[1].look;
    // 400 MW of units less 190 of load leave 210: 40 short, at 850 $; energy bears it too.
    near(look.reserve_short_w, 40e6, 1e4);
    near(look.reserve_usd_per_mwh, 850.0, 1e-2);
    let done = dispatched(&network, &[190.0, 190.0], |day| {
        day.reserve_w = vec![100e6; 2];
        day.ramp_w_per_s = vec![1e6, 0.1e6];
    });
    let look = &done.intervals[1].look;
    // The dear unit can add 60 MW in ten minutes: the cheap one stops at 160 for the other 40, at 20 $.
    near(look.output_w[0], 160e6, 1e4);
    near(look.reserve_usd_per_mwh, 20.0, 1e-2);
    near(look.energy_usd_per_mwh[2], 40.0, 1e-2);
}

#[test]
fn what_errs_is_regulated_and_the_same_seed_errs_the_same() {
    let network = triangle();
    let intervals = 48;
    let load_w: Vec<f64> = (0..intervals).flat_map(|_| [0.0, 0.0, 120e6]).collect();
    let most_w = network.generators.most_w.clone();
    let available_w: Vec<f64> = (0..intervals).flat_map(|_| most_w.clone()).collect();
    let day = |seed| {
        let uncertainty = Uncertainty { load: 0.05, weather: 0.0, keep: 0.9, seed };
        let (load_w, available_w) = (load_w.clone(), available_w.clone());
        let forecast =
            Forecast::new(intervals, load_w, available_w, most_w.clone(), vec![None; 2], &uncertainty).expect("sound");
        let day = Day { ahead: 2, ..plain(&network, intervals) };
        run(&day, &forecast).expect("dispatches")
    };
    let one = day(7);
    assert_eq!(one, day(7));
    assert_ne!(one, day(8));
    for interval in &one.intervals {
        let given: f64 = interval.look.output_w.iter().sum();
        near(given + interval.regulation_w, interval.load_w, 1e-3);
        near(given, interval.expected_load_w, 1e3);
    }
}

/// A load at a bus out of service is nobody's: neither expected nor regulated nor served.
#[test]
fn what_hangs_on_an_isolated_bus_is_not_load() {
    let mut network = triangle();
    network.branches.in_service[2] = false;
    network.branches.in_service[0] = false;
    network.buses.kind[1] = BusKind::Isolated;
    network.buses.shunt_w[1] = 7e6;
    let day = Day { links: Vec::new(), ..plain(&network, 2) };
    let most_w = network.generators.most_w.clone();
    let (load_w, available_w) = ([0.0, 500e6, 90e6].repeat(2), most_w.repeat(2));
    let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
    let forecast = Forecast::new(2, load_w, available_w, most_w, vec![None; 2], &exact).expect("sound");
    for interval in run(&day, &forecast).expect("dispatches").intervals {
        near(interval.load_w, 90e6, 1.0);
        near(interval.expected_load_w, 90e6, 1.0);
        near(interval.regulation_w, 0.0, 1e3);
        near(interval.look.unserved_w[1], 0.0, 1.0);
    }
}

#[test]
fn a_line_to_a_bus_out_of_service_is_refused() {
    let mut network = triangle();
    network.branches.in_service = vec![false, true, false];
    network.buses.kind[1] = BusKind::Isolated;
    let refused = |link: Link| {
        let day = Day { links: vec![link], ..plain(&network, 1) };
        let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
        let most_w = network.generators.most_w.clone();
        let forecast = Forecast::new(1, vec![0.0; 3], most_w.clone(), most_w, vec![None; 2], &exact).expect("sound");
        run(&day, &forecast).expect_err("an unusable line").to_string()
    };
    let why = refused(Link { from: 0, to: 1, most_w: 10e6 });
    assert!(why.contains("DC line 1-2: bus 2 is isolated; expected two buses in service"), "{why}");
    assert!(refused(Link { from: 0, to: 0, most_w: 10e6 }).contains("begins and ends at the same bus"));
    assert!(refused(Link { from: 0, to: 2, most_w: f64::INFINITY }).contains("found a capacity of inf MW"));
}

/// 90 MW less than least output plus a ramp a step: it comes down in time, though each look sees one interval.
#[test]
fn a_unit_that_will_stop_comes_down_by_its_ramp() {
    let mut network = triangle();
    network.generators.least_w[0] = 20e6;
    let (intervals, stop) = (12, 8);
    let done = dispatched(&network, &[90.0; 12], |day| {
        // 12 MW a step of the cheap unit.
        day.ramp_w_per_s = vec![0.04e6, 1e6];
        for t in stop..intervals {
            day.committed[2 * t] = false;
        }
    });
    let output = |t: usize| done.intervals[t].look.output_w[0];
    near(output(0), 90e6, 1e3);
    for t in 0..stop {
        near(output(t), (20e6 + 12e6 * (stop - t) as f64).min(90e6), 1e3);
        near(done.intervals[t].look.unserved_w[2], 0.0, 1e3);
    }
    let why = |t: usize| done.orders.iter().find(|order| order.interval == t && order.unit == 0).map(|order| order.why);
    assert_eq!((why(5), why(stop)), (Some(Why::Ahead), Some(Why::Stop)));
}

/// A third unit starts with the rise of load, at its least output of none: who counts on all of it is 20 MW short.
#[test]
fn who_looks_ahead_knows_that_a_start_begins_at_least_output() {
    let mut network = triangle();
    network.generators.most_w[0] = 100e6;
    let g = &mut network.generators;
    g.bus.push(0);
    g.name.push(String::new());
    for column in [&mut g.output_w, &mut g.output_var, &mut g.most_var, &mut g.least_var, &mut g.least_w] {
        column.push(0.0);
    }
    g.voltage_share.push(1.0);
    g.in_service.push(true);
    g.most_w.push(200e6);
    g.cost.push(Some(Cost::Piecewise(vec![(0.0, 0.0), (200.0, 6000.0)])));
    let day = Day {
        ramp_w_per_s: vec![0.1e6, 0.1e6, 1e3],
        must_take: vec![false; 3],
        committed: vec![true, true, false, true, true, false, true, true, true],
        ahead: 3,
        ..plain(&network, 3)
    };
    let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
    let load_w = [90e6, 90e6, 150e6].iter().flat_map(|load| [0.0, 0.0, *load]).collect();
    let most_w = network.generators.most_w.clone();
    let forecast = Forecast::new(3, load_w, most_w.repeat(3), most_w, vec![None; 3], &exact).expect("sound");
    let done = run(&day, &forecast).expect("dispatches");
    near(done.intervals[2].look.unserved_w.iter().sum(), 0.0, 1e3);
    assert!(done.intervals[2].look.output_w[2] < 0.31e6, "{:?}", done.intervals[2].look.output_w);
}

/// The dear unit is wind that costs nothing; it offers more than the load, and errs.
#[test]
fn what_did_not_come_was_not_curtailed() {
    let mut network = triangle();
    network.generators.cost[1] = None;
    let intervals = 96;
    let day = Day { ramp_w_per_s: vec![1e6, f64::INFINITY], ..plain(&network, intervals) };
    let uncertainty = Uncertainty { load: 0.0, weather: 0.3, keep: 0.5, seed: 5 };
    let load_w = [0.0, 0.0, 80e6].repeat(intervals);
    let available_w = [200e6, 100e6].repeat(intervals);
    let forecast = Forecast::new(intervals, load_w, available_w, vec![200e6; 2], vec![None, Some(0)], &uncertainty)
        .expect("sound");
    let done = run(&day, &forecast).expect("dispatches");
    let (mut short, mut over) = (0, 0);
    for (t, interval) in done.intervals.iter().enumerate() {
        let (came_w, ordered_w) = (forecast.actual(t).1[1], interval.look.output_w[1]);
        let held = ordered_w < forecast.expected(t, 1).1[1] - 0.1e6;
        near(interval.curtailed_w, if held { (came_w - ordered_w).max(0.0) } else { 0.0 }, 1e3);
        short += u32::from(held && came_w < ordered_w);
        over += u32::from(held && came_w > ordered_w);
    }
    assert!(short > 3 && over > 3, "both happen: {short} {over}");
}

/// Lines 1-3 (50 MW) and 2-3 (30 MW) are full and 10 MW at bus 3 go unserved; the wind at bus 2 is held by 2-3 though its
/// output rises with the load there, and the unit at bus 1 rises for the load there, not for a shortage it cannot reach.
#[test]
fn two_full_lines_and_a_shortage_beyond_them_are_told_apart() {
    let mut network = triangle();
    network.branches.rating_va = vec![f64::INFINITY, 50e6, 30e6];
    network.generators.cost[1] = None;
    let mut day = Day { ramp_w_per_s: vec![1e6, f64::INFINITY], ..plain(&network, 2) };
    // Dearer than load unserved: nobody overloads a line.
    day.prices.overload_usd_per_mwh = 20_000.0;
    let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
    let load_w = vec![0.0, 0.0, 90e6, 10e6, 20e6, 90e6];
    let forecast = Forecast::new(2, load_w, [200e6, 50e6].repeat(2), vec![200e6; 2], vec![None, Some(0)], &exact);
    let done = run(&day, &forecast.expect("sound")).expect("dispatches");
    let look = &done.intervals[1].look;
    near(look.unserved_w[2], 10e6, 1e4);
    near(look.output_w[0], 80e6, 1e4);
    near(look.output_w[1], 30e6, 1e4);
    let why = |unit: usize| done.orders.iter().find(|order| order.unit == unit).map(|order| order.why);
    assert_eq!(why(1), Some(Why::Congestion(Limit::Flow { ahead: 0, branch: 2, lost: None })));
    assert_eq!(why(0), Some(Why::Load));
}

#[test]
fn what_nobody_takes_is_spilled_and_every_island_has_its_price() {
    let mut network = triangle();
    // Bus 3 alone; no unit comes down faster than 3 MW a step, and both do: 100 MW become 94.
    network.branches.in_service = vec![true, false, false];
    let day = Day { ramp_w_per_s: vec![1e4; 2], ahead: 3, ..plain(&network, 3) };
    let exact = Uncertainty { load: 0.0, weather: 0.0, keep: 0.9, seed: 1 };
    // 100 MW, then a load below zero: what feeds into the grid there finds no taker, nor do both units.
    let load_w = vec![0.0, 100e6, 5e6, 0.0, -40e6, 5e6, 0.0, -40e6, 5e6];
    let most_w = network.generators.most_w.clone();
    let forecast = Forecast::new(3, load_w, most_w.repeat(3), most_w, vec![None; 2], &exact).expect("sound");
    let done = run(&day, &forecast).expect("there is an answer");
    let look = &done.intervals[1].look;
    near(look.surplus_w.iter().sum::<f64>(), 40e6 + 94e6, 1e4);
    near(look.unserved_w[2], 5e6, 1e3);
    let islands = &done.intervals[1].islands;
    assert_eq!(islands.len(), 2);
    near(islands[0].energy_usd_per_mwh, -1000.0, 1e-2);
    near(islands[1].energy_usd_per_mwh, 3700.0, 1e-2);
    near(islands[1].load_w, 5e6, 1.0);
}

/// A rating that is small beside what must flow gives way at its price.
#[test]
fn a_small_rating_gives_way() {
    let mut network = triangle();
    network.generators.in_service = vec![true, false];
    network.branches.rating_va = vec![f64::INFINITY, 1e6, f64::INFINITY];
    network.branches.in_service[0] = false;
    let done = dispatched(&network, &[90.0], |day| {
        day.committed = vec![true, false];
        day.prices.overload_usd_per_mwh = 100.0;
    });
    let look = &done.intervals[0].look;
    near(look.unserved_w[2], 0.0, 1e3);
    assert!(look.overload_w.iter().any(|(_, by)| (by - 89e6).abs() < 1e4), "{:?}", look.overload_w);
}
