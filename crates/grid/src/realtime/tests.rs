//! What a look does when its rounds are spent; the rest is tested from the outside.

use super::interval::{Looker, Range};
use super::{Day, Prices};
use crate::network::direct::Convention;
use crate::network::{Branches, BusKind, Buses, Generators, Network, NetworkError};

/// One unit, one line of 10 MW, one load.
pub(crate) fn line() -> Network {
    Network {
        name: "line".to_owned(),
        base_va: 100e6,
        buses: Buses {
            number: vec![1, 2],
            name: vec![String::new(); 2],
            area: vec![1; 2],
            zone: vec![1; 2],
            kind: vec![BusKind::Reference, BusKind::Load],
            load_w: vec![0.0, 20e6],
            load_var: vec![0.0; 2],
            shunt_w: vec![0.0; 2],
            shunt_var: vec![0.0; 2],
            voltage_share: vec![1.0; 2],
            angle_rad: vec![0.0; 2],
            nominal_v: vec![230e3; 2],
            most_share: vec![1.1; 2],
            least_share: vec![0.9; 2],
        },
        branches: Branches {
            from: vec![0],
            to: vec![1],
            name: vec![String::new(); 1],
            r_pu: vec![0.0],
            x_pu: vec![0.1],
            charging_pu: vec![0.0],
            rating_va: vec![10e6],
            short_term_va: vec![None; 1],
            emergency_va: vec![None; 1],
            tap: vec![1.0],
            shift_rad: vec![0.0],
            in_service: vec![true],
            least_angle_rad: vec![f64::NEG_INFINITY],
            most_angle_rad: vec![f64::INFINITY],
        },
        generators: Generators {
            bus: vec![0],
            name: vec![String::new(); 1],
            output_w: vec![0.0],
            output_var: vec![0.0],
            most_var: vec![0.0],
            least_var: vec![0.0],
            voltage_share: vec![1.0],
            in_service: vec![true],
            most_w: vec![50e6],
            least_w: vec![0.0],
            cost: vec![None],
        },
    }
}

#[test]
fn a_look_whose_rounds_are_spent_is_no_answer() {
    let network = line();
    let day = Day {
        network: &network,
        convention: Convention::Mp,
        ramp_w_per_s: vec![1e6],
        must_take: vec![false],
        links: Vec::new(),
        step_s: 300.0,
        ahead: 1,
        committed: vec![true],
        reserve_w: vec![0.0],
        reserve_within_s: 600.0,
        prices: Prices::default(),
        outages: Vec::new(),
        emergency_va: vec![10e6],
    };
    let range = vec![vec![Range { runs: true, least_w: 0.0, most_w: 50e6 }]];
    let load_w = vec![vec![0.0, 20e6]];
    let mut looker = Looker::new(&day).expect("a network");
    assert_eq!(looker.look(&range, &load_w, 0.0).expect("an answer").rounds, 2);
    let mut looker = Looker::new(&day).expect("a network");
    looker.most_rounds = 1;
    let Err(NetworkError::Unsolved(why)) = looker.look(&range, &load_w, 0.0) else { panic!("a limit is not kept") };
    assert!(why.contains("1 limits are still not kept after 1 rounds, the first: branch 1 (1-2)"), "{why}");
}
