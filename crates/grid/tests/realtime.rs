//! Five-minute dispatch on three buses that can be checked by hand.

use tieline_grid::network::direct::{Convention, DirectFlow};
use tieline_grid::network::{Branches, BusKind, Buses, Cost, Generators, Network};
use tieline_grid::realtime::forecast::{Forecast, Uncertainty};
use tieline_grid::realtime::interval::Limit;
use tieline_grid::realtime::{Day, Dispatched, Prices, Why, run};

/// A triangle of equal lines: cheap units at bus 1, dear ones at bus 2, load at bus 3. Figures drawn for this test.
fn triangle() -> Network {
    let ends = [(0, 1), (0, 2), (1, 2)];
    Network {
        name: "triangle".to_owned(),
        base_va: 100e6,
        buses: Buses {
            number: vec![1, 2, 3],
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
            r_pu: vec![0.0; 3],
            x_pu: vec![0.1; 3],
            charging_pu: vec![0.0; 3],
            rating_va: vec![f64::INFINITY; 3],
            tap: vec![1.0; 3],
            shift_rad: vec![0.0; 3],
            in_service: vec![true; 3],
            least_angle_rad: vec![f64::NEG_INFINITY; 3],
            most_angle_rad: vec![f64::INFINITY; 3],
        },
        generators: Generators {
            bus: vec![0, 1],
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
    let forecast = Forecast::new(load_w, available_w, most_w, vec![None; 2], &exact);
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
        let forecast = Forecast::new(load_w.clone(), available_w.clone(), most_w.clone(), vec![None; 2], &uncertainty);
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
