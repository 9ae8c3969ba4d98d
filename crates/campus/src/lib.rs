//! Physics behind the meter: GPUs, halls, cooling, storage, on-site supply, training, and the plant that steps them.
//!
//! Not modelled: anything on the grid's side of the tie line; anything the controller thinks.

pub mod cooling;
pub mod gpu;
pub mod hall;
pub mod onsite;
pub mod plant;
pub mod storage;
pub mod training;
