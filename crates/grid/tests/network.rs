//! The network's public face: flows, factors, prices, outages, headroom, held against each other and by hand.

use tieline_grid::network::contingency::{FullLoss, more, n_1};
use tieline_grid::network::direct::{Convention, DirectFlow};
use tieline_grid::network::headroom::{Stop, headroom};
use tieline_grid::network::newton::{PowerFlow, Rules};
use tieline_grid::network::optimum::{self, Gives, Optimum, Outcome};
use tieline_grid::network::{Branches, BusKind, Buses, Cost, Generators, Network};

/// A ring of four buses with a spur to a fifth; figures drawn for this test.
fn ring() -> Network {
    let mw = |values: [f64; 5]| values.map(|value| value * 1e6).to_vec();
    let ends = [(0, 1), (1, 2), (2, 3), (3, 0), (1, 3), (2, 4)];
    let count = ends.len();
    let mut network = Network {
        name: "ring".to_owned(),
        base_va: 100e6,
        buses: Buses {
            number: vec![1, 2, 3, 4, 5],
            name: vec![String::new(); 5],
            area: vec![1; 5],
            zone: vec![1; 5],
            kind: vec![BusKind::Reference, BusKind::Load, BusKind::Load, BusKind::Regulated, BusKind::Load],
            load_w: mw([0.0, 120.0, 150.0, 40.0, 30.0]),
            load_var: mw([0.0, 30.0, 40.0, 10.0, 5.0]),
            shunt_w: mw([0.0, 0.5, 0.0, 0.0, 0.0]),
            shunt_var: mw([0.0, 0.0, 20.0, 0.0, 0.0]),
            voltage_share: vec![1.0; 5],
            angle_rad: vec![0.0; 5],
            nominal_v: vec![230e3; 5],
            most_share: vec![1.06; 5],
            least_share: vec![0.92; 5],
        },
        branches: Branches {
            from: ends.iter().map(|e| e.0).collect(),
            to: ends.iter().map(|e| e.1).collect(),
            name: vec![String::new(); count],
            r_pu: vec![0.01; count],
            x_pu: vec![0.08, 0.1, 0.12, 0.06, 0.2, 0.1],
            charging_pu: vec![0.02; count],
            rating_va: vec![200e6; count],
            short_term_va: vec![None; count],
            emergency_va: vec![None; count],
            tap: vec![1.0, 1.0, 0.98, 1.0, 1.0, 1.02],
            shift_rad: vec![0.0, 0.0, 0.02, 0.0, 0.0, 0.0],
            in_service: vec![true; count],
            least_angle_rad: vec![f64::NEG_INFINITY; count],
            most_angle_rad: vec![f64::INFINITY; count],
        },
        generators: Generators {
            bus: vec![0, 3],
            name: vec![String::new(); 2],
            output_w: vec![200e6, 140e6],
            output_var: vec![0.0, 0.0],
            most_var: vec![200e6, 150e6],
            least_var: vec![-100e6, -100e6],
            voltage_share: vec![1.03, 1.02],
            in_service: vec![true, true],
            most_w: vec![300e6, 250e6],
            least_w: vec![0.0, 20e6],
            cost: vec![
                Some(Cost::Polynomial(vec![5.0, 10.0, 0.01])),
                Some(Cost::Piecewise(vec![(20.0, 400.0), (100.0, 2000.0), (250.0, 6500.0)])),
            ],
        },
    };
    network.branches.rating_va[0] = 125e6;
    network
}

fn solved(network: &Network, convention: Convention) -> Optimum {
    match optimum::solve(network, convention).expect("solves") {
        Outcome::Solved(found) => *found,
        Outcome::Infeasible(relief) => panic!("feasible: {relief:?}"),
    }
}

#[test]
fn factors_times_injections_are_flows() {
    for convention in [Convention::Pm, Convention::Mp] {
        let mut network = ring();
        network.branches.shift_rad.fill(0.0);
        let mut direct = DirectFlow::new(&network, convention, None).expect("prepares");
        let flow = direct.solve(&network).expect("solves");
        let mut injection_w: Vec<f64> = (0..5).map(|b| -network.buses.load_w[b] - network.buses.shunt_w[b]).collect();
        injection_w[0] += 200e6;
        injection_w[3] += 140e6;
        for branch in 0..network.branches.from.len() {
            let factors = direct.factors_of(&network, branch);
            let by_factors: f64 = factors.iter().zip(&injection_w).map(|(f, i)| f * i).sum();
            assert!((by_factors - flow.flow_w[branch]).abs() < 1.0, "{branch}: {by_factors} {}", flow.flow_w[branch]);
        }
    }
}

#[test]
fn one_line_is_what_the_formula_says() {
    // Two buses: 50 MW and 20 Mvar at the end of r + jx; V2 solves V^4 + (2(rP + xQ) - 1) V^2 + (r^2 + x^2)(P^2 + Q^2) = 0.
    let mut network = ring();
    for kind in &mut network.buses.kind[2..] {
        *kind = BusKind::Isolated;
    }
    network.buses.load_w[1] = 50e6;
    network.buses.load_var[1] = 20e6;
    network.buses.shunt_w[1] = 0.0;
    network.branches.charging_pu.fill(0.0);
    network.generators.voltage_share[0] = 1.0;
    let flow = PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    let (r, x, p, q) = (0.01, 0.08, 0.5, 0.2);
    let half = 0.5 - (r * p + x * q);
    let square = half + libm::sqrt(half * half - (r * r + x * x) * (p * p + q * q));
    assert!((flow.voltage_share[1] - libm::sqrt(square)).abs() < 1e-10);
    let losses_w = r * (p * p + q * q) / square * 100e6;
    assert!((flow.losses_w - losses_w).abs() < 1.0, "{} {losses_w}", flow.losses_w);
}

#[test]
fn a_generator_at_its_reactive_limit_lets_go_of_its_voltage() {
    let mut network = ring();
    network.generators.most_var[1] = 5e6;
    let mut prepared = PowerFlow::new(&network, None).expect("prepares");
    let free = prepared.solve(&network, &Rules { reactive_limits: false, ..Rules::default() }).expect("solves");
    assert!(free.output_var[1] > 6e6 && (free.voltage_share[3] - 1.02).abs() < 1e-12);
    let bound = prepared.solve(&network, &Rules::default()).expect("solves");
    assert!((bound.output_var[1] - 5e6).abs() < 1.0, "{}", bound.output_var[1]);
    assert!(bound.voltage_share[3] < 1.02);
    assert_eq!(bound.at_limit.len(), 1);
    // What was switched is forgotten by the next solution.
    let again = prepared.solve(&network, &Rules { reactive_limits: false, ..Rules::default() }).expect("solves");
    assert_eq!(again, free);
}

#[test]
fn a_load_that_is_too_large_is_explained() {
    let mut network = ring();
    network.buses.load_w[4] = 2000e6;
    let why =
        PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect_err("too much");
    let text = why.to_string();
    assert!(text.contains("bus ") && text.contains("lowest voltage"), "{text}");
}

#[test]
fn prices_are_the_cost_of_one_more_megawatt_and_split() {
    for convention in [Convention::Pm, Convention::Mp] {
        let network = ring();
        let found = solved(&network, convention);
        assert!(!found.binding.is_empty(), "the test wants congestion");
        let mut direct = DirectFlow::new(&network, convention, None).expect("prepares");
        for bus in 0..5 {
            let (mut more, mut less) = (network.clone(), network.clone());
            more.buses.load_w[bus] += 0.5e6;
            less.buses.load_w[bus] -= 0.5e6;
            let by_difference = solved(&more, convention).usd_per_h - solved(&less, convention).usd_per_h;
            let price = found.price_usd_per_mwh[bus];
            assert!((price - by_difference).abs() < 1e-3, "bus {bus}: {price} {by_difference}");
            let congestion: f64 = found
                .binding
                .iter()
                .map(|b| {
                    let toward = if b.forward { -1.0 } else { 1.0 };
                    toward * direct.factors_of(&network, b.branch)[bus] * b.shadow_usd_per_mwh
                })
                .sum();
            assert!((found.congestion_usd_per_mwh(bus) - congestion).abs() < 1e-4, "bus {bus}: {congestion}");
        }
    }
}

#[test]
fn an_impossible_question_names_what_must_give_and_by_how_much() {
    let mut network = ring();
    // The spur to bus 5 must carry its load; three quarters of that is allowed.
    network.branches.rating_va[5] = 22.5e6;
    match optimum::solve(&network, Convention::Pm).expect("answers") {
        Outcome::Infeasible(relief) => {
            assert_eq!(relief.len(), 1, "{relief:?}");
            assert_eq!(relief[0].what, Gives::Rating(5));
            assert!((relief[0].by_w - 7.5e6).abs() < 1e3, "{relief:?}");
        }
        Outcome::Solved(_) => panic!("7.5 MW too much"),
    }
    let mut network = ring();
    network.buses.load_w[1] = 400e6;
    network.branches.rating_va.fill(f64::INFINITY);
    match optimum::solve(&network, Convention::Mp).expect("answers") {
        Outcome::Infeasible(relief) => {
            let short: f64 = relief.iter().map(|r| r.by_w).sum();
            assert!(relief.iter().all(|r| matches!(r.what, Gives::Load(_))), "{relief:?}");
            assert!((short - 70.5e6).abs() < 1e4, "{short}");
        }
        Outcome::Solved(_) => panic!("620.5 MW of load, 550 MW of generation"),
    }
}

#[test]
fn a_cost_that_is_not_convex_is_refused() {
    let mut network = ring();
    network.generators.cost[1] = Some(Cost::Piecewise(vec![(20.0, 0.0), (100.0, 4000.0), (250.0, 5000.0)]));
    let why = optimum::solve(&network, Convention::Mp).expect_err("not convex").to_string();
    assert!(why.contains("generator 2 (bus 4)") && why.contains("convex"), "{why}");
}

#[test]
fn an_outage_is_what_the_network_without_the_branch_says() {
    let mut network = ring();
    network.branches.rating_va[0] = 160e6;
    let flow = PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    let all = n_1(&network, &flow, &Rules::default(), 10).expect("answers");
    assert_eq!(all.tried, 6);
    assert_eq!(all.islands.iter().map(|i| i.branch).collect::<Vec<_>>(), [5]);
    assert_eq!(all.islands[0].buses, [4]);
    assert!((all.islands[0].load_w - 30e6).abs() < 1.0);
    let found = all.overloads.iter().find(|o| o.lost == 3).expect("losing 4-1 overloads 1-2");
    assert_eq!(found.worst, 0);
    let without =
        PowerFlow::new(&network, Some(3)).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    let loading = without.loading(&network, 0).expect("rated");
    assert!((found.loading - loading).abs() < 0.1 * loading, "screened {} full {loading}", found.loading);
    match found.full.as_ref().expect("solved in full") {
        FullLoss::Solved { worst, .. } => {
            let (_, most) = worst.expect("rated");
            let all = (0..6).filter_map(|branch| without.loading(&network, branch));
            // Outputs are those of the solved flow, to its tolerance.
            assert!((most - all.fold(0.0, f64::max)).abs() < 1e-6, "{most}");
        }
        FullLoss::Unsolved(why) => panic!("{why}"),
    }
}

#[test]
fn after_an_outage_the_higher_rating_counts_and_before_it_the_normal_one() {
    let mut network = ring();
    network.branches.rating_va[0] = 160e6;
    let flow = PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    let found = |network: &Network| {
        let all = n_1(network, &flow, &Rules::default(), 10).expect("answers");
        all.overloads.into_iter().find(|overload| overload.lost == 3 && overload.worst == 0)
    };
    let normal = found(&network).expect("losing 4-1 overloads 1-2").loading;
    let base = flow.loading(&network, 0);
    network.branches.short_term_va[0] = Some(168e6);
    let short = found(&network).expect("still").loading;
    assert!((short * 168.0 - normal * 160.0).abs() < 1e-9, "{short} {normal}");
    network.branches.emergency_va[0] = Some(400e6);
    assert_eq!(found(&network), None);
    // The state before is judged as ever; and a rating below the normal one does not count.
    assert_eq!(flow.loading(&network, 0), base);
    network.branches.emergency_va[0] = Some(100e6);
    assert_eq!(found(&network).map(|overload| overload.loading), Some(normal));
    assert_eq!(network.outage_rating(0), (160e6, tieline_grid::network::Rating::Normal));
}

#[test]
fn a_lost_pair_is_what_the_network_without_both_says() {
    let mut network = ring();
    network.branches.rating_va.fill(60e6);
    network.branches.shift_rad.fill(0.0);
    let mut base =
        PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    // Branches carry what a direct-current flow of these injections says, so that what comes out can be held against one.
    let injection_w = [200e6, -120.5e6, -150e6, 100.5e6, -30e6];
    let mut whole_w = vec![0.0; 6];
    DirectFlow::new(&network, Convention::Mp, None).expect("whole").spread(&network, &injection_w, &mut whole_w);
    for (branch, flow) in whole_w.iter().enumerate() {
        (base.from_va[branch].re, base.to_va[branch].re) = (*flow, -flow);
    }
    let all = more::pairs(&network, &base).expect("screens");
    // Five of the six branches are in the ring with its chord: ten pairs.
    assert_eq!((all.paired, all.tried), (5, 10));
    // A pair that leaves a bus alone cuts: bus 1 by 0 and 3, bus 3 by 1 and 2 (with bus 5 behind it).
    assert_eq!(all.cuts, [[0, 3], [1, 2]]);
    assert!(!all.overloads.is_empty());
    for loss in &all.overloads {
        let mut without = network.clone();
        for branch in loss.lost {
            without.branches.in_service[branch] = false;
        }
        let mut cut_w = vec![0.0; 6];
        DirectFlow::new(&without, Convention::Mp, None).expect("cut").spread(&without, &injection_w, &mut cut_w);
        let loading = cut_w[loss.worst.0].abs() / 60e6;
        assert!((loading - loss.worst.1).abs() < 1e-9, "{loss:?} {loading}");
        let worst = (0..6).filter(|b| whole_w[*b].abs() <= 60e6).map(|b| cut_w[b].abs() / 60e6).fold(0.0, f64::max);
        assert!((worst - loading).abs() < 1e-9, "{loss:?} {worst}");
    }
}

#[test]
fn a_lost_generator_is_taken_over_by_what_the_others_have_left() {
    let network = ring();
    let base = PowerFlow::new(&network, None).and_then(|mut p| p.solve(&network, &Rules::default())).expect("solves");
    let (tried, found) = more::units(&network, &base).expect("screens");
    assert_eq!(tried, 2);
    // The first gives about 200 MW and the second has 110 left; the second gives 140 and the first has about 100 left.
    let first = found.iter().find(|loss| loss.unit == 0).expect("short");
    let wanted = base.output_w[0] - (250e6 - base.output_w[1]);
    assert!((first.missing_w - wanted).abs() < 1.0 && first.missing_w > 0.0, "{first:?}");
}

#[test]
fn headroom_ends_where_its_limit_says() {
    let mut network = ring();
    network.branches.rating_va[0] = 200e6;
    network.branches.rating_va[5] = 100e6;
    let found = headroom(&network, 4, 0.98, &Rules::default()).expect("answers");
    assert_eq!(found.stop, Stop::Low(4).clone(), "{found:?}");
    assert!(found.campus_w > 10e6 && found.campus_w < 70e6, "{found:?}");
    assert!((found.voltage_share.1 - 0.92).abs() < 1e-3, "{found:?}");
    let loss = found.loss.expect("the loss has a solution");
    assert!(loss.voltage_share.1 > loss.voltage_share.0);
}

#[test]
fn headroom_leaves_every_unit_within_what_it_can_give() {
    // Two buses without limits of branch or voltage: what is left of the units is all that counts, losses on the way too.
    let mut network = ring();
    network.branches.rating_va.fill(1e12);
    network.buses.least_share.fill(0.1);
    network.generators.most_w = vec![230e6, 170e6];
    network.generators.most_var = vec![1e9, 1e9];
    let found = headroom(&network, 1, 1.0, &Rules::default()).expect("answers");
    assert_eq!(found.stop, Stop::Generation, "{found:?}");
    let spare_w = 400e6 - 340e6 - found.losses_w.0;
    let added_w = found.losses_w.1 - found.losses_w.0;
    assert!(added_w > 1e6, "the campus adds losses: {found:?}");
    assert!((found.campus_w + added_w - spare_w).abs() < 1e6, "{found:?} of {spare_w}");
    let (_, most_w) = found.loss.expect("the loss has a solution").largest_unit.expect("a unit");
    assert!(most_w <= 230e6 + 2e5, "{most_w}");
}
