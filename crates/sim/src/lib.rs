//! The world at the tie line, the studies, their results as tables, and validation.
//!
//! Not modelled yet: the transient, dispatch and adequacy studies.

pub mod results;
pub mod scenario;
