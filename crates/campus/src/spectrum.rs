//! Measures on a power series: spectrum, ramps, range, deviation from a plan, voltage change and flicker, all as streams.
//!
//! Every measure takes blocks of evenly spaced samples (`push`) and holes between them (`gap`), keeps what it needs for its
//! own window and nothing else: a trace of any length is measured in bounded memory. [`sampling`] makes the even samples.
//!
//! Not modelled: reactive power beyond a fixed power factor, unbalance between phases, harmonics of the mains.

pub mod flicker;
pub mod network;
pub mod sampling;
pub mod swings;
pub mod welch;
pub mod windows;
