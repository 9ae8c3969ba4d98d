//! Which units run tomorrow: unit commitment of a day or two, with its cost, its bound and its gap.
//!
//! Least cost of starts, running and production such that load and reserve are met in every step, every unit keeps its
//! minimum up and down times, its ramps and its start and stop limits, and every storage, fuel supply and line its own.
//! The formulation is the tight one of Knueven, Ostrowski and Watson (2020): three variables a unit and step, start and
//! stop in the generation limits, tightened ramps and cost pieces (`thermal`). HiGHS solves it;
//! the answer is priced again here, from the schedule alone (`accounts`), and must agree.
//!
//! Not modelled: combined cycles as such (modes, trains), AC flows, losses, forecast error between commitments.

mod accounts;
mod fuels;
mod lines;
pub(crate) mod matrix;
mod narrowing;
mod paths;
mod relief;
mod rolling;
mod rounding;
mod search;
mod services;
pub(crate) mod solver;
mod soundness;
mod supply;
mod thermal;

pub use accounts::Costs;
pub use lines::{DcLine, Lines};
pub use relief::{Lack, Relief};
pub use rolling::{Horizon, carry, roll};
pub use search::{Clock, Options, Outcome, Plan, relaxed_usd, solve};
pub use services::{Area, Offer, Product, Services};

#[cfg(test)]
mod every;
#[cfg(test)]
mod fleets;
#[cfg(test)]
mod tests;

/// A price or limit that no study reaches: beyond it a limit is none. (Egret writes 1e100 for "any amount".)
pub const UNLIMITED: f64 = 1e20;

/// The problem; steps are mostly hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// Number of steps.
    pub steps: usize,
    /// Length of a step, s.
    pub step_s: f64,
    /// Load, W, step by step.
    pub load_w: Vec<f64>,
    /// Units that can be off or on.
    pub units: Vec<Unit>,
    /// What comes by nature, at no cost.
    pub renewables: Vec<Renewable>,
    /// Storages.
    pub stores: Vec<Store>,
    /// Supplies of fuel that units share.
    pub fuels: Vec<Fuel>,
    /// Spinning reserve.
    pub reserve: Reserve,
    /// Regulation, non-spinning, supplemental reserve and flexible ramps, where a market has them.
    pub services: Option<Services>,
    /// Lines with limits; load and supply stand at its buses.
    pub lines: Option<Lines>,
    /// Price of load left unserved, and of supply that nobody takes, $/J; none where neither may be.
    pub mismatch_usd_per_j: Option<f64>,
}

/// What a complaint is about; lists by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The problem as a whole.
    Whole,
    /// The load.
    Load,
    /// The spinning reserve.
    Reserve,
    /// The lines.
    Lines,
    /// A unit.
    Unit(usize),
    /// A renewable.
    Renewable(usize),
    /// A storage.
    Store(usize),
    /// A supply of fuel.
    Fuel(usize),
    /// An area of the services.
    Area(usize),
}

/// A unit that can be off or on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// Name, unique.
    pub name: String,
    /// Bus, where there are lines.
    pub bus: usize,
    /// Least output when on, W.
    pub least_w: f64,
    /// Greatest output, W.
    pub most_w: f64,
    /// Greatest rise of the output from step to step, W.
    pub up_w: f64,
    /// Greatest fall of the output from step to step, W.
    pub down_w: f64,
    /// Greatest output in the step of a start, W.
    pub begin_w: f64,
    /// Greatest output in the step before a stop, W.
    pub end_w: f64,
    /// Steps that it stays on at least.
    pub least_up: usize,
    /// Steps that it stays off at least.
    pub least_down: usize,
    /// On or off by order, step by step; free where there is none.
    pub ordered: Vec<Option<bool>>,
    /// Cost when on: straight lines between (output in W, $/h), from least to greatest output, convex.
    pub curve: Vec<(f64, f64)>,
    /// Costs of a start, from hot to cold.
    pub starts: Vec<Start>,
    /// Cost of a stop, $.
    pub stop_usd: f64,
    /// State before the first step.
    pub first: State,
    /// Spinning reserve that it held in the step before the first, W: it may stop only from where both were within its limit.
    pub first_spare_w: f64,
    /// Fuel, where its supply is limited or it can burn another.
    pub burns: Option<Burns>,
    /// What it offers to the market's services.
    pub offer: Offer,
}

/// Cost of a start after some time off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Start {
    /// Steps off from which on it holds.
    pub off: usize,
    /// Cost, $.
    pub usd: f64,
    /// Fuel that the start burns.
    pub fuel: f64,
}

/// State of a unit between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    /// On or off.
    pub on: bool,
    /// For how many steps.
    pub steps: usize,
    /// Output, W.
    pub output_w: f64,
}

/// Fuel of a unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Burns {
    /// Supply, where it is limited.
    pub supply: Option<usize>,
    /// Fuel an hour at each point of the unit's cost curve.
    pub per_h: Vec<f64>,
    /// Its price, $ a unit of fuel; it is part of the unit's costs already.
    pub usd: f64,
    /// The other fuel.
    pub other: Option<Other>,
}

/// Another fuel that a unit can burn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Other {
    /// Supply, where it is limited.
    pub supply: Option<usize>,
    /// Its price, $ a unit of fuel.
    pub usd: f64,
    /// Both at once.
    pub blends: bool,
    /// From one to the other while running; else only at a start.
    pub switches: bool,
    /// It burned this one before the first step.
    pub first: bool,
}

/// Output that weather gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Renewable {
    /// Name.
    pub name: String,
    /// Bus, where there are lines.
    pub bus: usize,
    /// What must be taken, W, step by step.
    pub least_w: Vec<f64>,
    /// What can be taken, W, step by step.
    pub most_w: Vec<f64>,
}

/// A storage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Name.
    pub name: String,
    /// Bus, where there are lines.
    pub bus: usize,
    /// Greatest charging power at the grid, W.
    pub charge_w: f64,
    /// Greatest discharging power at the grid, W.
    pub discharge_w: f64,
    /// Energy when full, J.
    pub energy_j: f64,
    /// Least energy, J.
    pub floor_j: f64,
    /// Stored per charged.
    pub charge_efficiency: f64,
    /// Delivered per taken out.
    pub discharge_efficiency: f64,
    /// Share of the energy left after a step.
    pub keep: f64,
    /// Energy before the first step, J.
    pub first_j: f64,
    /// Least energy after the last step, J.
    pub last_j: f64,
    /// What flows in by nature, W, step by step; what does not fit is let go. Empty where nothing does.
    pub inflow_w: Vec<f64>,
    /// Cost of charging, $/J at the grid.
    pub charge_usd_per_j: f64,
    /// Cost of discharging, $/J at the grid.
    pub discharge_usd_per_j: f64,
}

/// A supply of fuel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fuel {
    /// Name.
    pub name: String,
    /// Fuel that it gives in each step.
    pub per_step: Vec<f64>,
}

/// Spinning reserve: what running units could add at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reserve {
    /// Required, W, step by step.
    pub required_w: Vec<f64>,
    /// Required besides: this many times the output of any one unit, from the others (1: largest contingency, 1.5:
    /// primary reserve). None where only `required_w` counts.
    pub contingency: Option<f64>,
    /// Price of reserve that is missing, $/J; none where none may be.
    pub short_usd_per_j: Option<f64>,
}

impl Problem {
    /// Length of a step, h.
    #[must_use]
    pub fn step_h(&self) -> f64 {
        self.step_s / 3600.0
    }

    /// Everything that makes the problem meaningless, in words; empty when it is sound.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        soundness::findings(self).into_iter().map(|(_, what)| what).collect()
    }

    /// As [`Problem::complaints`], each with what it is about.
    #[must_use]
    pub fn findings(&self) -> Vec<(Subject, String)> {
        soundness::findings(self)
    }
}

impl Unit {
    /// Cost of running at an output, $/h.
    #[must_use]
    pub fn usd_per_h(&self, output_w: f64) -> f64 {
        along(&self.curve, output_w)
    }

    /// Class of a start after `off` steps off: the coldest that holds, the hottest where none does.
    #[must_use]
    pub fn class(&self, off: usize) -> usize {
        self.starts.iter().rposition(|start| start.off <= off).unwrap_or(0)
    }

    /// Steps in which the first state still decides: (on, how many).
    fn held(&self) -> (bool, usize) {
        let least = if self.first.on { self.least_up } else { self.least_down };
        (self.first.on, least.saturating_sub(self.first.steps))
    }
}

/// Value of a chain of straight lines.
fn along(curve: &[(f64, f64)], at: f64) -> f64 {
    let Some(first) = curve.first() else { return 0.0 };
    let mut value = first.1;
    for pair in curve.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let width = to.0 - from.0;
        if width > 0.0 {
            value += (at.min(to.0) - from.0).max(0.0) * (to.1 - from.1) / width;
        }
    }
    value
}
