//! The grid's side of the tie line.
//!
//! Not modelled yet: frequency dynamics, emergency ladder, outages, adequacy. What the
//! campus feels of the grid is an input for now, see [`boundary`].

pub mod bill;
pub mod boundary;
pub mod commitment;
pub mod dispatch;
pub mod fleet;
pub mod load;
pub mod merit;
pub mod network;
pub mod realtime;
pub mod renewables;
pub mod rts_79;
pub mod weather;
