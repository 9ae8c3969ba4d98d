//! The one loop: wait, observe, plan if due, decide, guard, journal, actuate. Simulation, replay and field call it.
//!
//! Not modelled: missed deadlines (the field's clock reports them), standby takeover.

use crate::contract::{Clock, Config, Decision, Observation, Outlook, Plan, Site};
use crate::state::State;
use crate::{decide::decide, guard::guard, plan::plan};
use tieline_units::Time;

/// One row of the journal, written before its decision is acted upon.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What the site showed.
    pub observation: &'a Observation,
    /// The outlook, on the rows at which it was revised.
    pub outlook: Option<&'a Outlook>,
    /// The plan, on the rows at which it was made anew.
    pub plan: Option<&'a Plan>,
    /// What `decide` proposed.
    pub proposed: &'a Decision,
    /// What `guard` let through: this reaches the devices.
    pub guarded: &'a Decision,
    /// The state after this tick.
    pub next: &'a State,
}

/// Where rows go. Appending must not fail the loop: a journal that cannot write says so to its owner.
pub trait Journal {
    /// Appends one row.
    fn append(&mut self, row: &Row<'_>);
}

/// Runs the controller until the clock ends; returns the last state.
pub fn run(
    config: &Config,
    start: State,
    site: &mut impl Site,
    clock: &mut impl Clock,
    journal: &mut impl Journal,
) -> State {
    let mut state = start;
    let mut outlook = None;
    let mut table = Plan::none();
    let mut next = state.now();
    let mut plan_due = next;
    while let Some(now) = clock.wait_until(next) {
        let observation = site.observe(now);
        let revised = site.outlook(now);
        let plan_now = revised.is_some() || now >= plan_due;
        if revised.is_some() {
            outlook.clone_from(&revised);
        }
        let mut planned = false;
        if let Some(outlook) = outlook.as_ref().filter(|_| plan_now) {
            let fresh = plan(config, outlook, &state);
            planned = !fresh.same_targets(&table);
            if planned {
                table = fresh;
            }
            plan_due = now + config.plan_every;
        }
        let proposed = decide(config, &table, &mut state, &observation);
        let guarded = guard(config, &mut state, &observation, &proposed);
        journal.append(&Row {
            observation: &observation,
            outlook: revised.as_ref(),
            plan: planned.then_some(&table),
            proposed: &proposed,
            guarded: &guarded,
            next: &state,
        });
        site.actuate(&guarded);
        next = now + config.tick;
    }
    state
}

/// A clock that jumps from tick to tick and ends at a given instant: simulation and replay.
#[derive(Clone, Copy, Debug)]
pub struct Stepping {
    /// The run ends before this instant.
    pub end: Time,
}

impl Clock for Stepping {
    fn wait_until(&mut self, next: Time) -> Option<Time> {
        (next < self.end).then_some(next)
    }
}
