//! The campus controller: its contract, `decide`, `plan`, `guard`, the one loop that runs them, and the journal.
//!
//! Pure: no clock, no randomness, no allocation in a tick, no input or output. Below about 20 ms nobody closes a loop
//! over a network; that is firmware, and this crate only sets its parameters.
//!
//! Not modelled: the truth. This crate cannot see the plant; it knows what telemetry tells it and nothing else.

mod caps;
mod contract;
mod decide;
pub mod explain;
mod guard;
mod jobs;
pub mod journal;
mod ledger;
mod limits;
mod plan;
pub mod ramp;
pub mod replay;
mod run;
mod schedule;
mod sensing;
pub mod smoothing;
mod state;
mod turbines;

pub use contract::*;
pub use decide::decide;
pub use guard::guard;
pub use plan::plan;
pub use run::{Journal, Row, Stepping, run};
pub use state::State;
