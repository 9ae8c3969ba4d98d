//! Placeholder until the real planner lands in the next commit.
use crate::contract::{Config, Outlook, Plan};
use crate::state::State;

/// Plans.
#[must_use]
pub fn plan(_config: &Config, _outlook: &Outlook, _state: &State) -> Plan {
    Plan::none()
}
