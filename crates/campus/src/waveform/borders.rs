//! What happens to GPUs between two noise intervals: the pace at which they go on, the border of a phase, the tile's sums.
//!
//! Loops over 32 lanes without a branch, which a compiler turns into vector instructions.
//!
//! Not modelled: a pace that changes within a noise interval.

use super::LANES;
use super::chip::{self, Row, Sums};
use super::lanes::{F32s, Kernel, Lanes};

/// Slowest pace of a GPU that still makes progress: guess, a guard against a job that never ends its step.
const LEAST_PACE: f32 = 0.02;

/// Two straight lines in each rack, under which the throughput of a GPU lies at a share of its power (the concave
/// measured curve).
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Lines {
    at_zero: [F32s; 2],
    slope: [F32s; 2],
}

impl Lines {
    /// Full pace at any power.
    pub(crate) fn level() -> Self {
        Self { at_zero: [[1.0; LANES]; 2], slope: [[0.0; LANES]; 2] }
    }

    /// Sets those of a rack, each as value at zero and slope.
    pub(crate) fn set(&mut self, lane: usize, lines: [(f32, f32); 2]) {
        for (index, (at_zero, slope)) in lines.into_iter().enumerate() {
            (self.at_zero[index][lane], self.slope[index][lane]) = (at_zero, slope);
        }
    }

    /// Pace at a share of the power that the work asks for: under every line, at most 1.
    #[inline(always)]
    fn pace_at(&self, lane: usize, share: f32) -> f32 {
        let under = |line: usize| self.at_zero[line][lane] + self.slope[line][lane] * share;
        let less = |a: f32, b: f32| if a < b { a } else { b };
        let least = less(less(under(0), under(1)), 1.0);
        if least > LEAST_PACE { least } else { LEAST_PACE }
    }
}

/// How fast each GPU worked in the last interval decides how fast it works in the next: the clock governor's period.
/// Returns whether all are at full pace.
pub(crate) struct Governor<'a> {
    pub(crate) row: &'a mut Row,
    pub(crate) sums: &'a Sums,
    pub(crate) lines: &'a Lines,
}

impl Kernel for Governor<'_> {
    type Output = bool;
    #[inline(always)]
    fn run<V: Lanes>(self, _: V) -> bool {
        let Self { row, sums, lines } = self;
        let bias = chip::ZERO.wrapping_mul(super::WINDOW_MS as i32);
        let mut slow = 0;
        for lane in 0..LANES {
            let shaved = sums.shaved[lane].wrapping_sub(sums.shaved_before[lane]);
            let asked = sums.asked[lane].wrapping_sub(sums.asked_before[lane]).wrapping_sub(bias);
            let slowed = lines.pace_at(lane, 1.0 - shaved as f32 / asked as f32);
            let full = (row.computes[lane] == 0) | (shaved <= 0);
            let pace = if full { 1.0 } else { slowed };
            row.pace[lane] = pace;
            slow |= i32::from(pace != 1.0);
        }
        slow == 0
    }
}

/// Work and pace of the GPUs before a border.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Before {
    pub(crate) work_ms: F32s,
    pub(crate) pace: F32s,
}

/// Takes every GPU whose phase has run out into the phase after it. What comes after that one is not its business.
pub(crate) struct Border<'a> {
    pub(crate) row: &'a mut Row,
    pub(crate) before: &'a mut Before,
}

impl Kernel for Border<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, _: V) {
        let Self { row, before } = self;
        for lane in 0..LANES {
            let (work_ms, pace) = (row.work_ms[lane], row.pace[lane]);
            (before.work_ms[lane], before.pace[lane]) = (work_ms, pace);
            let over = (work_ms.to_bits() as i32) < 0;
            row.level_w[lane] = if over { row.next_level_w[lane] } else { row.level_w[lane] };
            row.work_ms[lane] = if over { work_ms + row.next_ms[lane] } else { work_ms };
            row.pace[lane] = if over { 1.0 } else { pace };
        }
    }
}

/// GPU energy of 32 racks since the start, fixed-point W ms: exact. The sums wrap after half a million years.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GpuSums {
    pub(crate) asked: [u64; LANES],
    pub(crate) filler: [u64; LANES],
    pub(crate) burned: [u64; LANES],
    pub(crate) shaved: [u64; LANES],
}

/// Adds a place's tile to the sums of its racks. A place that a rack lacks adds nothing: it asks for nothing.
pub(crate) struct Carry<'a> {
    pub(crate) to: &'a mut GpuSums,
    pub(crate) sums: &'a Sums,
    /// Milliseconds of the tile.
    pub(crate) steps: usize,
}

impl Kernel for Carry<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, _: V) {
        let Self { to, sums, steps } = self;
        let bias = chip::ZERO.wrapping_mul(steps as i32);
        let more =
            |sum: &mut u64, less: i32, more: i32| *sum = sum.wrapping_add(u64::from(more.wrapping_sub(less) as u32));
        for lane in 0..LANES {
            more(&mut to.asked[lane], bias, sums.asked[lane]);
            more(&mut to.filler[lane], sums.asked[lane], sums.filled[lane]);
            more(&mut to.burned[lane], sums.filled[lane], sums.lifted[lane]);
            more(&mut to.shaved[lane], 0, sums.shaved[lane]);
        }
    }
}
