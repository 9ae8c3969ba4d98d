//! Placeholder until the real checks land in the next commit.
use crate::contract::{Config, Decision, Observation};
use crate::state::State;

/// Guards.
#[must_use]
pub fn guard(_config: &Config, state: &State, _observation: &Observation, proposed: &Decision) -> (State, Decision) {
    (*state, *proposed)
}
