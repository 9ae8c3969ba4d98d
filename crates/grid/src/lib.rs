//! The grid's side of the tie line.
//!
//! Not modelled yet: fleet, dispatch, frequency dynamics, emergency ladder, outages, adequacy. What the
//! campus feels of the grid is an input for now, see [`boundary`].

pub mod boundary;
pub mod dispatch;
pub mod load;
pub mod merit;
pub mod network;
pub mod realtime;
pub mod renewables;
pub mod weather;
