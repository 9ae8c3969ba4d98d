//! Physics behind the meter: GPUs, halls, cooling, storage, on-site supply, training, and the plant that steps them.
//!
//! Not modelled: anything on the grid's side of the tie line; anything the controller thinks.

pub mod cooling;
mod events;
mod faults;
pub mod flows;
pub mod gpu;
pub mod hall;
pub mod instruments;
mod island;
pub mod onsite;
pub mod plant;
mod soundness;
pub mod specification;
pub mod spectrum;
pub mod storage;
pub mod training;
pub mod waveform;
