//! Who generates, hour by hour, at the least cost: a year of zones, units, storages and links.
//!
//! Least cost of generation and shedding, subject to the balance of every zone, the energy of every storage from hour to
//! hour, and a box on everything: a linear program. It is solved by an interior-point method that knows its structure
//! ([`solve`]), and its answer is judged by a bound and by every balance and box, knowing nothing of the method
//! ([`bound_usd`], [`judge`]). Where units are machines that are on or off, [`commit`] goes through the year a day at a time
//! and says which run; the linear program's bound holds for its answer too.
//!
//! Not modelled: ramps, network laws other than transfer limits, losses of links, reserve, prices that change from hour to
//! hour.

mod certificate;
mod chain;
mod chunk;
mod columns;
mod committed;
mod interior;
mod judgement;
pub(crate) mod small;
mod soundness;
mod tidy;

pub use certificate::{bound_usd, cost_usd};
pub use chain::Spread;
pub use chunk::Chunk;
pub use committed::{Committed, Recheck, commit, recheck};
pub use interior::{TOLERANCE, solve};
pub use judgement::judge;

/// The problem, as parallel arrays; profiles run over the hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// Number of steps.
    pub hours: usize,
    /// Length of a step, s.
    pub step_s: f64,
    /// Where load and supply meet.
    pub zones: Zones,
    /// What generates, at a price; a campus that curtails at its price is one of them.
    pub units: Units,
    /// What stores.
    pub stores: Stores,
    /// What carries power between zones.
    pub links: Links,
    /// Shares of capacity, and inflows per watt of discharge, that units and storages name by index; each `hours` long.
    pub profiles: Vec<Vec<f64>>,
}

/// Zones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zones {
    /// Name.
    pub name: Vec<String>,
    /// Load, W, hour by hour: `hours * zones`.
    pub load_w: Vec<f64>,
    /// Price at which load goes unserved, $/J; none where it may not.
    pub shed_price_usd_per_j: Vec<Option<f64>>,
}

/// Units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Units {
    /// Name.
    pub name: Vec<String>,
    /// Class, for sums ("gas", "wind").
    pub class: Vec<String>,
    /// Zone.
    pub zone: Vec<usize>,
    /// Capacity, W.
    pub capacity_w: Vec<f64>,
    /// Cost of generation, $/J.
    pub cost_usd_per_j: Vec<f64>,
    /// Emissions, kg of CO2 per J generated.
    pub kg_per_j: Vec<f64>,
    /// Profile of the available share of capacity; all of it where none is named.
    pub profile: Vec<Option<usize>>,
    /// The machines that a unit consists of, where they are on or off; an empty list where none has any. [`solve`] does not
    /// ask, [`commit`] does.
    pub machines: Vec<Option<Machines>>,
}

/// Equal machines that are on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machines {
    /// How many there are.
    pub count: u32,
    /// Profile of the share of them that is not on repair; all where none is named.
    pub up: Option<usize>,
    /// Least output of one that is on, as a share of what it could give.
    pub least: f64,
    /// Cost of starting one, $.
    pub start_usd: f64,
    /// Steps that one stays on at least.
    pub least_up: usize,
    /// Steps that one stays off at least.
    pub least_down: usize,
}

/// How the stored energy begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ends {
    /// It ends as it began, wherever that is best.
    Cyclic,
    /// It begins and ends as told, J.
    Fixed {
        /// Before the first step.
        first_j: f64,
        /// After the last step.
        last_j: f64,
    },
}

/// Storages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stores {
    /// Name.
    pub name: Vec<String>,
    /// Zone.
    pub zone: Vec<usize>,
    /// Greatest charging power, W, at the grid.
    pub charge_w: Vec<f64>,
    /// Greatest discharging power, W, at the grid.
    pub discharge_w: Vec<f64>,
    /// Energy when full, J.
    pub energy_j: Vec<f64>,
    /// Stored per charged, above 0 and at most 1.
    pub charge_efficiency: Vec<f64>,
    /// Delivered per taken out, above 0 and at most 1.
    pub discharge_efficiency: Vec<f64>,
    /// Share of the energy that is left after a step, above 0 and at most 1.
    pub keep: Vec<f64>,
    /// Beginning and end.
    pub ends: Vec<Ends>,
    /// Inflow (rain, snow melt) as stored power per W of `discharge_w`, by profile; what does not fit is spilled.
    pub inflow: Vec<Option<usize>>,
}

/// Links; flow counts from `from` to `to`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// Name.
    pub name: Vec<String>,
    /// Zone at its beginning.
    pub from: Vec<usize>,
    /// Zone at its end.
    pub to: Vec<usize>,
    /// Greatest flow forward, W.
    pub forward_w: Vec<f64>,
    /// Greatest flow backward, W.
    pub backward_w: Vec<f64>,
    /// Profile of the share of both limits that the weather leaves; an empty list where none has one.
    pub rating: Vec<Option<usize>>,
}

impl Problem {
    /// Load of a zone, W.
    #[must_use]
    pub fn load_w(&self, hour: usize, zone: usize) -> f64 {
        self.zones.load_w[hour * self.zones.name.len() + zone]
    }

    /// What a unit could give, W.
    #[must_use]
    pub fn available_w(&self, hour: usize, unit: usize) -> f64 {
        let share = self.units.profile[unit].map_or(1.0, |profile| self.profiles[profile][hour]);
        self.units.capacity_w[unit] * share
    }

    /// The machines of a unit, where they are on or off.
    #[must_use]
    pub fn machines(&self, unit: usize) -> Option<&Machines> {
        self.units.machines.get(unit).and_then(Option::as_ref)
    }

    /// How many machines of a unit could run: a share of one that is not on repair counts as one.
    #[must_use]
    pub fn machines_there(&self, hour: usize, unit: usize) -> u32 {
        const ROUNDING: f64 = 1e-6;
        let Some(machines) = self.machines(unit) else { return 0 };
        let share = machines.up.map_or(1.0, |profile| self.profiles[profile][hour]);
        libm::ceil(f64::from(machines.count) * share - ROUNDING).clamp(0.0, f64::from(machines.count)) as u32
    }

    /// What flows into a storage by nature, W.
    #[must_use]
    pub fn inflow_w(&self, hour: usize, store: usize) -> f64 {
        self.stores.inflow[store].map_or(0.0, |profile| self.stores.discharge_w[store] * self.profiles[profile][hour])
    }

    /// Greatest flow of a link forward and backward, W.
    #[must_use]
    pub fn limits_w(&self, hour: usize, link: usize) -> (f64, f64) {
        let rating = self.links.rating.get(link).copied().flatten();
        let share = rating.map_or(1.0, |profile| self.profiles[profile][hour]);
        (self.links.forward_w[link] * share, self.links.backward_w[link] * share)
    }

    /// Everything that makes the problem meaningless, in words; empty when it is sound.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        soundness::complaints(self)
    }
}

/// Who generated, hour by hour: arrays of `hours * count`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatch {
    /// Generation of each unit, W.
    pub generation_w: Vec<f64>,
    /// Load left unserved in each zone, W.
    pub shed_w: Vec<f64>,
    /// Charging power of each storage, W.
    pub charge_w: Vec<f64>,
    /// Discharging power of each storage, W.
    pub discharge_w: Vec<f64>,
    /// Energy of each storage after the step, J.
    pub energy_j: Vec<f64>,
    /// Inflow of each storage that was let go, W.
    pub spill_w: Vec<f64>,
    /// Flow of each link, W; forward is positive.
    pub flow_w: Vec<f64>,
    /// Price of energy in each zone, $/J.
    pub price_usd_per_j: Vec<f64>,
    /// Value of stored energy, $/J.
    pub value_usd_per_j: Vec<f64>,
    /// How good it is.
    pub quality: Quality,
}

/// How good an answer is: its cost, what no answer can undercut, and how exactly it keeps the balances.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quality {
    /// Cost of the dispatch, $.
    pub cost_usd: f64,
    /// No dispatch costs less than this, $.
    pub bound_usd: f64,
    /// Difference over cost.
    pub gap: f64,
    /// Greatest imbalance of a zone, W.
    pub imbalance_w: f64,
    /// Greatest error in the energy of a storage over one step, as power, W.
    pub energy_error_w: f64,
    /// Greatest excess over a bound (a unit's availability, a storage's power or energy, a link's limit, a load), W.
    pub box_error_w: f64,
    /// Iterations of the solver.
    pub iterations: usize,
}

/// Power that is missing where no load may go unserved.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// Zone.
    pub zone: usize,
    /// Hour, from 0.
    pub hour: usize,
    /// How much, W.
    pub missing_w: f64,
}

/// Why there is no dispatch.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The problem makes no sense; see [`Problem::complaints`].
    Unsound(Vec<String>),
    /// Load cannot be served and may not be shed: the worst places first, at most ten, and the energy in all, J.
    Short {
        /// Worst first.
        places: Vec<Missing>,
        /// Hours in which something is missing, counted by zone.
        count: usize,
        /// All that is missing, J.
        total_j: f64,
    },
    /// A window of a commitment has no answer.
    Window {
        /// Its first step.
        first: usize,
        /// Its steps.
        steps: usize,
        /// In words.
        why: String,
    },
    /// The recheck of a commitment found what no plan may do; what it found, for a bug report.
    Broken {
        /// Of the machines.
        recheck: Recheck,
        /// Of the dispatch.
        quality: Quality,
    },
    /// The iteration came to no answer within the tolerance; what it had, for a bug report.
    Unfinished {
        /// The best that it had.
        quality: Quality,
    },
}

impl Failure {
    /// The failure in words, with the names of the problem.
    #[must_use]
    pub fn words(&self, problem: &Problem) -> String {
        match self {
            Self::Unsound(complaints) => complaints.join("\n"),
            Self::Short { places, count, total_j } => {
                let mut text = format!(
                    "load cannot be served and may not be shed: {:.1} MWh are missing in {count} zone-hours; worst:",
                    total_j / 3.6e9
                );
                for place in places {
                    text.push_str(&format!(
                        "\n  {} in hour {}: {:.1} MW missing",
                        problem.zones.name[place.zone],
                        place.hour,
                        place.missing_w / 1e6
                    ));
                }
                text
            }
            Self::Window { first, steps, why } => {
                format!("no answer to which machines run in the {steps} steps from step {first}: {why}")
            }
            Self::Broken { recheck, quality } => format!(
                "the plan does not hold: {} machines stopped early, {} started early, {} on that are not there, outputs beyond their limits by {:.3} W, imbalance {:.3} W, storages {:.3} W, bounds exceeded by {:.3} W",
                recheck.early_stops,
                recheck.early_starts,
                recheck.too_many,
                recheck.output_error_w,
                quality.imbalance_w,
                quality.energy_error_w,
                quality.box_error_w
            ),
            Self::Unfinished { quality } => format!(
                "no answer within tolerance after {} iterations: cost {:.3} $, bound {:.3} $, gap {:.1e}, imbalance {:.3} W, bounds exceeded by {:.3} W",
                quality.iterations,
                quality.cost_usd,
                quality.bound_usd,
                quality.gap,
                quality.imbalance_w,
                quality.box_error_w
            ),
        }
    }
}

#[cfg(test)]
mod tests;
