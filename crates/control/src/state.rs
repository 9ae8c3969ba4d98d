//! What the controller remembers from tick to tick: a small plain value.
//!
//! Not modelled: anything that does not change a later decision.

use crate::contract::{BATTERIES, BUCKETS, HALLS, LIMITS, POIS, TURBINES};
use bytemuck::{Pod, Zeroable};
use tieline_units::{Span, Time};

/// The controller's memory. Plain old data of 8-byte words, so that its digest covers every bit.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct State {
    pub(crate) now_ns: i64,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) window_w: [[f64; BUCKETS]; LIMITS],
    pub(crate) spare: [f64; HALLS + TURBINES + BATTERIES + POIS],
}

impl State {
    /// A controller that knows nothing yet and starts at the given instant, under fencing epoch `epoch`.
    #[must_use]
    pub fn new(now: Time, epoch: u64) -> Self {
        Self { now_ns: now.as_nanos(), epoch, ..Self::zeroed() }
    }

    /// The instant of the next tick.
    #[must_use]
    pub const fn now(&self) -> Time {
        Time::nanos(self.now_ns)
    }

    /// 64-bit digest over every bit of the state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        twox_hash::XxHash3_64::oneshot(bytemuck::bytes_of(self))
    }
}

const _: () = assert!(size_of::<State>() <= 16 * 1024, "State stays small (DESIGN: at most 16 kB)");

pub(crate) fn advance(state: &mut State, tick: Span) {
    state.now_ns += tick.as_nanos();
    state.seq += 1;
}
