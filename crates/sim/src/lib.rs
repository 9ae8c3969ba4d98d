//! The world at the tie line, the studies, their results as tables, and validation.
//!
//! Not modelled yet: the adequacy study.

pub mod check;
pub mod dispatch;
pub mod disturbances;
mod metrics;
pub mod operation;
pub mod results;
pub mod scenario;
pub mod takeover;
pub mod train;
pub mod transient;
pub mod validate;
pub mod world;
