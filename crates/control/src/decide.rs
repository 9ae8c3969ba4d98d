//! Placeholder until the real rules land in the next commit.
use crate::contract::{Config, Decision, Observation, Plan};
use crate::state::{State, advance};

/// Decides.
#[must_use]
pub fn decide(config: &Config, _plan: &Plan, state: &State, observation: &Observation) -> (State, Decision) {
    let mut next = *state;
    advance(&mut next, config.tick);
    let mut decision = Decision::idle(observation.now, state.epoch);
    decision.seq = next.seq;
    (next, decision)
}
