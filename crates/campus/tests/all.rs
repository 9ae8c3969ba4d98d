//! The public face of the campus: plant, commands, leases, faults, islands, work.
//!
//! Not modelled: nothing; these are tests.

#[path = "all/bench.rs"]
mod bench;
#[path = "all/conservation.rs"]
mod conservation;
#[path = "all/control.rs"]
mod control;
#[path = "all/faults.rs"]
mod faults;
#[path = "all/measures.rs"]
mod measures;
#[path = "all/site.rs"]
mod site;
#[path = "all/sweep.rs"]
mod sweep;
#[path = "all/waveform.rs"]
mod waveform;
#[path = "all/work.rs"]
mod work;
