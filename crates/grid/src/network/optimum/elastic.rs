//! The elastic program: every limit may give at a price, so that an impossible question says what stands in its way.
//!
//! Overloading a branch by one MW counts 1, leaving load unserved or taking unwanted output counts 10: limits of
//! branches give first. Among answers that count the same the solver spreads.
//!
//! Not modelled: limits of generators that give; what they lack shows as load unserved at a bus.

use super::program::{Extra, Program, Trouble};
use crate::network::NetworkError;

/// What gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// The rating of this branch.
    Rating(usize),
    /// The angle difference allowed across this branch.
    Angle(usize),
    /// Load at this bus goes unserved.
    Load(usize),
    /// Output at this bus that nobody takes (least outputs are too high).
    Output(usize),
}

/// What must give, and by how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relief {
    /// What.
    pub what: Gives,
    /// By how much, W.
    pub by_w: f64,
}

const LOAD: f64 = 10.0;
const RATING: f64 = 1.0;
/// What gives by less is the solver's dust, per unit.
const DUST_PU: f64 = 1e-4;

pub(super) fn relief(program: &Program, limited: &[usize]) -> Result<Vec<Relief>, NetworkError> {
    let mut extra = Vec::new();
    let mut what = Vec::new();
    let live = program.references_of_buses();
    for bus in (0..live.len()).filter(|bus| live[*bus].is_some()) {
        // Only what draws can go unserved; only what runs can be too much, and all of it at worst.
        let load_pu = program.load_pu(bus);
        if load_pu > 0.0 {
            extra.push(Extra { balance: Some((bus, 1.0)), limit: None, cost: LOAD, most: load_pu });
            what.push(Gives::Load(bus));
        }
        let surplus_pu = load_pu - program.net[bus];
        if surplus_pu > 0.0 {
            extra.push(Extra { balance: Some((bus, -1.0)), limit: None, cost: LOAD, most: surplus_pu });
            what.push(Gives::Output(bus));
        }
    }
    for (place, branch) in limited.iter().enumerate() {
        extra.push(Extra { balance: None, limit: Some(place), cost: RATING, most: f64::INFINITY });
        let by_angle = program.limit(*branch).is_some_and(|(_, _, by_angle)| by_angle.contains(&true));
        what.push(if by_angle { Gives::Angle(*branch) } else { Gives::Rating(*branch) });
    }
    let solution = program.solve_with(limited, &extra, false).map_err(|trouble| {
        NetworkError::Unsolved(match trouble {
            Trouble::Infeasible => "there is no answer, and none with every limit loosened either".to_owned(),
            Trouble::Stopped(why) => format!("there is no answer, and the search for what must give stopped: {why}"),
        })
    })?;
    let base = program.network.base_va;
    let mut list: Vec<Relief> = what
        .into_iter()
        .zip(&solution.extra)
        .filter(|(_, by)| **by > DUST_PU)
        .map(|(what, by)| Relief { what, by_w: by * base })
        .collect();
    list.sort_by(|a, b| b.by_w.total_cmp(&a.by_w));
    Ok(list)
}
