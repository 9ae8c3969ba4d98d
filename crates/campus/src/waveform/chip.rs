//! One GPU, millisecond by millisecond: what its work asks for, filler, power smoothing, power limit.
//!
//! Per step, in this order: the phase runs down at the GPU's own pace; the phase's level is followed with a first-order lag
//! and overshoots after a rise; software filler fills up with its own lag; the smoothing floor rises and falls by its ramps
//! and holds for its hysteresis; the power limit allows the EDP peak while the GPU's energy allowance lasts. Powers are
//! fixed point (2^-11 W) from there on, so that every sum is exact in any order. They are summed at four places of the
//! chain: asked, with filler, lifted to the floor, drawn. Filler is the second less the first, burned the third less the
//! second, shaved the third less the fourth, exactly.
//!
//! Not modelled: temperature, clocks and voltage (a shaved GPU works slower by the measured throughput curve), telemetry of
//! the card.

use super::lanes::{F32s, I32s, Kernel, Lanes};
use super::{LANES, WINDOW_MS};

/// Adding this turns a power below 4,096 W into fixed point: the last bit of the sum is 2^-11 W.
pub(crate) const GRID_W: f32 = 4096.0;
/// The bits of [`GRID_W`]: zero of the fixed point.
pub(crate) const ZERO: i32 = 0x4580_0000;
/// Fixed-point units per watt.
pub(crate) const PER_W: f64 = 2048.0;
/// Least level that the filler fills up to, W: below half of the last bit of the fixed point, so nothing is drawn of it.
/// Without it an idle filler would decay into numbers so small that the processor takes many times as long over them.
const LEAST_ROOM_W: f32 = 1.0 / 8192.0;
/// Longest time without activity that is told apart, ms: six days.
pub(crate) const LONG_QUIET_MS: i32 = 1 << 29;
/// A phase that lasts until something ends it, ms; f32 subtraction of 1 leaves it alone.
pub(crate) const ENDLESS_MS: f32 = 1.0e9;

/// The state of one GPU in each of 32 racks.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Row {
    /// Left of the phase, ms at full pace.
    pub(crate) work_ms: F32s,
    /// Level of the phase and of the one after it, W, without noise.
    pub(crate) level_w: F32s,
    pub(crate) next_level_w: F32s,
    /// Length of the phase after it, ms.
    pub(crate) next_ms: F32s,
    /// Power after the electrical lag, W, and by how much it lies above its 50 ms mean, which is the overshoot's measure.
    pub(crate) lagged_w: F32s,
    pub(crate) above_w: F32s,
    /// Software filler, W.
    pub(crate) filler_w: F32s,
    /// How much of the energy allowance for the EDP peak is used up, fixed-point W ms.
    pub(crate) used: I32s,
    /// Smoothing floor, W, and time since the last activity, ms.
    pub(crate) floor_w: F32s,
    pub(crate) quiet_ms: I32s,
    /// Work done per ms, 0..1.
    pub(crate) pace: F32s,
    /// Own length of compute phases in this training step, about 1.
    pub(crate) stretch: F32s,
    /// Own share of the levels, about 1.
    pub(crate) own: F32s,
    /// Whether the phase computes, so that less power slows it down: all bits or none.
    pub(crate) computes: I32s,
    /// The phase after it.
    pub(crate) next: I32s,
}

impl Row {
    /// At rest: no power, no phase.
    pub(crate) fn new() -> Self {
        let zero = [0.0; LANES];
        Self {
            work_ms: [ENDLESS_MS; LANES],
            level_w: zero,
            next_level_w: zero,
            next_ms: [ENDLESS_MS; LANES],
            lagged_w: zero,
            above_w: zero,
            filler_w: zero,
            used: [0; LANES],
            floor_w: zero,
            quiet_ms: [LONG_QUIET_MS; LANES],
            pace: [1.0; LANES],
            stretch: [1.0; LANES],
            own: [1.0; LANES],
            computes: [0; LANES],
            next: [super::phases::HALT; LANES],
        }
    }
}

/// What does not change within a run, per rack: the product and its settings.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Settings {
    /// Share per ms that is taken over into the lagged power and into the filler (there with a minus), and that is kept.
    pub(crate) lag: F32s,
    pub(crate) lag_keep: F32s,
    pub(crate) less_filler: F32s,
    pub(crate) filler_keep: F32s,
    /// Share per ms that is kept of the distance to the 50 ms mean; overshoot as a share of that distance.
    pub(crate) mean_keep: F32s,
    pub(crate) overshoot: F32s,
    /// Level to which the filler fills, W; 0: none.
    pub(crate) filler_w: F32s,
    /// Power limit and EDP peak, W above [`GRID_W`]: the bits of the fixed point.
    pub(crate) limit: F32s,
    pub(crate) peak: F32s,
    /// Energy allowance of the peak, fixed-point W ms.
    pub(crate) allowance: I32s,
    /// Ramp of the floor, W per ms: up, and down (negative).
    pub(crate) up_w: F32s,
    pub(crate) down_w: F32s,
    /// Floor at work and at rest, W.
    pub(crate) floor_w: F32s,
    pub(crate) rest_w: F32s,
    /// The floor at work above [`GRID_W`].
    pub(crate) top: F32s,
    /// How long the floor holds after the last activity, ms, and what counts as activity, W.
    pub(crate) hysteresis_ms: I32s,
    pub(crate) active_w: F32s,
    /// Noise of the level per unit of `noise::Noise`.
    pub(crate) noise: F32s,
}

impl Settings {
    /// Settings under which a GPU draws nothing: for places in a rack that hold none.
    pub(crate) fn empty() -> Self {
        let zero = [0.0; LANES];
        Self {
            lag: zero,
            lag_keep: zero,
            less_filler: zero,
            filler_keep: zero,
            mean_keep: zero,
            overshoot: zero,
            filler_w: zero,
            limit: [GRID_W; LANES],
            peak: [GRID_W; LANES],
            allowance: [0; LANES],
            up_w: zero,
            down_w: zero,
            floor_w: zero,
            rest_w: zero,
            top: [GRID_W; LANES],
            hysteresis_ms: [0; LANES],
            active_w: zero,
            noise: zero,
        }
    }

    /// Copies one lane.
    pub(crate) fn set_lane(&mut self, lane: usize, from: &Self, from_lane: usize) {
        macro_rules! copy {
            ($($field:ident),*) => { $( self.$field[lane] = from.$field[from_lane]; )* };
        }
        copy!(lag, lag_keep, less_filler, filler_keep, mean_keep, overshoot, filler_w, limit, peak, allowance);
        copy!(up_w, down_w, floor_w, rest_w, top, hysteresis_ms, active_w, noise);
    }
}

/// Sums over time per rack at four places of the chain, fixed-point W ms; each carries [`ZERO`] once a step.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Sums {
    pub(crate) asked: I32s,
    /// With filler on top.
    pub(crate) filled: I32s,
    /// Lifted to the floor.
    pub(crate) lifted: I32s,
    pub(crate) drawn: I32s,
    /// Lifted less drawn: what limits and ramps took away.
    pub(crate) shaved: I32s,
    /// Asked and shaved before the latest interval.
    pub(crate) asked_before: I32s,
    pub(crate) shaved_before: I32s,
}

impl Sums {
    pub(crate) fn new() -> Self {
        let zero = [0; LANES];
        Self {
            asked: zero,
            filled: zero,
            lifted: zero,
            drawn: zero,
            shaved: zero,
            asked_before: zero,
            shaved_before: zero,
        }
    }
}

/// One noise interval of one GPU in each of 32 racks: adds the drawn power to the racks' milliseconds.
pub(crate) struct Interval<'a> {
    pub(crate) row: &'a mut Row,
    pub(crate) settings: &'a Settings,
    /// Noise of the interval, mean 0 and deviation 1.
    pub(crate) noise: &'a F32s,
    /// Fixed-point power of each rack in each ms.
    pub(crate) rack: &'a mut [I32s; WINDOW_MS],
    pub(crate) sums: &'a mut Sums,
    pub(crate) scratch: &'a mut Scratch,
}

/// What happened in an interval, a bit for each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Marks {
    /// The phase has run out.
    pub(crate) over: u32,
    /// Power was taken away.
    pub(crate) shaved: u32,
}

/// An interval on its way from one pass to the next: asked, W; with filler and lifted to the floor, W above [`GRID_W`].
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Scratch {
    asked_w: Kept,
    filled: Kept,
    least: Kept,
}
/// One value for each millisecond and rack.
type Kept = [F32s; WINDOW_MS];

impl Scratch {
    pub(crate) fn new() -> Self {
        let zero = [[0.0; LANES]; WINDOW_MS];
        Self { asked_w: zero, filled: zero, least: zero }
    }
}

impl Kernel for Interval<'_> {
    type Output = Marks;
    #[inline(always)]
    fn run<V: Lanes>(self, v: V) -> Marks {
        let Self { row, settings, noise, rack, sums, scratch } = self;
        let mut marks = Marks::default();
        // Written out: with the vector's number known, every address is one.
        interval::<V, 2>(v, 0, row, settings, noise, rack, sums, scratch, &mut marks);
        if LANES / V::W > 2 {
            interval::<V, 2>(v, 2, row, settings, noise, rack, sums, scratch, &mut marks);
        }
        if LANES / V::W > 4 {
            interval::<V, 2>(v, 4, row, settings, noise, rack, sums, scratch, &mut marks);
            interval::<V, 2>(v, 6, row, settings, noise, rack, sums, scratch, &mut marks);
        }
        marks
    }
}

/// Sixteen milliseconds of as many racks as N vectors hold, in passes: whatever one pass keeps fits the registers of a
/// machine that has sixteen, and two chains of dependent operations leave room for each other. 23 vector operations a
/// millisecond and vector where no floor moves and no limit is reached, 30 where a limit is reached, 42 where a floor moves.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // one call, inlined; a struct would only rename them
fn interval<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    noise: &F32s,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
    scratch: &mut Scratch,
    marks: &mut Marks,
) {
    let Scratch { asked_w, filled, least } = scratch;
    marks.over |= ask::<V, N>(v, c, row, set, noise, asked_w) << (c * V::W);
    let most = fill::<V, N>(v, c, row, set, asked_w, filled, sums);
    let shaved = if !floors_stay::<V, N>(v, c, row, set) {
        lift::<V, N>(v, c, row, set, asked_w, filled, least, sums);
        limit::<V, N>(v, c, row, set, filled, least, rack, sums)
    } else {
        count_quiet::<V, N>(v, c, row, set, asked_w);
        if limits_reached::<V, N>(v, c, row, set, most) {
            limit_above::<V, N>(v, c, row, set, filled, rack, sums)
        } else {
            pass_on::<V, N>(v, c, set, filled, rack, sums);
            0
        }
    };
    marks.shaved |= shaved << (c * V::W);
}

/// What the work asks for: own phase, lag, overshoot. Returns whose phase has run out.
#[inline(always)]
fn ask<V: Lanes, const N: usize>(v: V, c: usize, row: &mut Row, set: &Settings, noise: &F32s, to: &mut Kept) -> u32 {
    let zero = v.f(0.0);
    let pair = |from: &F32s| -> [V::F; N] { core::array::from_fn(|k| v.load(from, c + k)) };
    let (noise, deviation, lag) = (pair(noise), pair(&set.noise), pair(&set.lag));
    let (level, next) = (pair(&row.level_w), pair(&row.next_level_w));
    // What the lagged power takes over per ms. Seen through, the compiler would multiply in every millisecond again.
    let taken = |level: [V::F; N]| -> [V::F; N] {
        core::array::from_fn(|k| {
            let swing = v.add(v.f(1.0), v.mul(noise[k], deviation[k]));
            core::hint::black_box(v.mul(v.mul(level[k], swing), lag[k]))
        })
    };
    let (level, next) = (taken(level), taken(next));
    let turn: [V::F; N] = core::array::from_fn(|k| v.turn(next[k], level[k]));
    let (mut work, mut lagged, mut above) = (pair(&row.work_ms), pair(&row.lagged_w), pair(&row.above_w));
    for ms in 0..WINDOW_MS {
        for k in 0..N {
            work[k] = v.sub(work[k], v.load(&row.pace, c + k));
            let now = v.turn_negative(work[k], turn[k], level[k]);
            let before = lagged[k];
            lagged[k] = v.add(v.mul(before, v.load(&set.lag_keep, c + k)), now);
            let rise = v.add(above[k], v.sub(lagged[k], before));
            above[k] = v.mul(rise, v.load(&set.mean_keep, c + k));
            let shoots = v.max(v.mul(rise, v.load(&set.overshoot, c + k)), zero);
            v.store(&mut to[ms], c + k, v.add(lagged[k], shoots));
        }
    }
    let mut over = 0;
    for k in 0..N {
        v.store(&mut row.work_ms, c + k, work[k]);
        v.store(&mut row.lagged_w, c + k, lagged[k]);
        v.store(&mut row.above_w, c + k, above[k]);
        over |= v.signs(work[k]) << (k * V::W);
    }
    over
}

/// Software filler, and the step into fixed point: of values between 4096 and 8192 the bits are the power in units of
/// 2^-11 W, plus [`ZERO`]. Returns the most of the interval.
#[inline(always)]
fn fill<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    asked_w: &Kept,
    to: &mut Kept,
    sums: &mut Sums,
) -> [V::F; N] {
    let grid = v.f(GRID_W);
    let pair_i = |from: &I32s| -> [V::I; N] { core::array::from_fn(|k| v.load_i(from, c + k)) };
    let mut filler: [V::F; N] = core::array::from_fn(|k| v.load(&row.filler_w, c + k));
    let (mut s_asked, mut s_filled) = (pair_i(&sums.asked), pair_i(&sums.filled));
    let mut most = [grid; N];
    for ms in 0..WINDOW_MS {
        for k in 0..N {
            let asked_w = v.load(&asked_w[ms], c + k);
            // Room, and the share of it that is taken, both negative: the operand in memory comes second.
            let room = v.min(v.sub(asked_w, v.load(&set.filler_w, c + k)), v.f(-LEAST_ROOM_W));
            let kept = v.mul(filler[k], v.load(&set.filler_keep, c + k));
            filler[k] = v.add(kept, v.mul(room, v.load(&set.less_filler, c + k)));
            let asked = v.add(asked_w, grid);
            let filled = v.add(asked, filler[k]);
            most[k] = v.max(most[k], filled);
            s_asked[k] = v.add_i(s_asked[k], v.bits(asked));
            s_filled[k] = v.add_i(s_filled[k], v.bits(filled));
            v.store(&mut to[ms], c + k, filled);
        }
    }
    for k in 0..N {
        v.store(&mut row.filler_w, c + k, filler[k]);
        let before = v.load_i(&sums.asked, c + k);
        v.store_i(&mut sums.asked_before, c + k, before);
        v.store_i(&mut sums.asked, c + k, s_asked[k]);
        v.store_i(&mut sums.filled, c + k, s_filled[k]);
    }
    most
}

/// Whether every floor is at its top and stays there: then [`limit_above`] gives the same bits as [`lift`] and [`limit`].
#[inline(always)]
fn floors_stay<V: Lanes, const N: usize>(v: V, c: usize, row: &Row, set: &Settings) -> bool {
    let mut moves = 0;
    for k in 0..N {
        let (top, rest) = (v.load(&set.floor_w, c + k), v.load(&set.rest_w, c + k));
        let to_come = v.add_i(v.load_i(&row.quiet_ms, c + k), v.i(WINDOW_MS as i32));
        let holds = v.ones(v.above_i(v.load_i(&set.hysteresis_ms, c + k), to_come)) | v.ones(v.at_least(rest, top));
        moves |= !(holds & v.ones(v.at_least(v.load(&row.floor_w, c + k), top)));
    }
    moves & all::<V>() == 0
}

/// Whether something reaches a limit or has its energy allowance in use: if not, and the floors stay, [`pass_on`] gives
/// the same bits as [`limit_above`].
#[inline(always)]
fn limits_reached<V: Lanes, const N: usize>(v: V, c: usize, row: &Row, set: &Settings, most: [V::F; N]) -> bool {
    let mut reached = 0;
    for k in 0..N {
        let most = v.max(most[k], v.load(&set.top, c + k));
        reached |= !v.ones(v.at_least(v.load(&set.limit, c + k), most));
        reached |= v.ones(v.above_i(v.load_i(&row.used, c + k), v.i(0)));
    }
    reached & all::<V>() != 0
}

/// A bit for every lane of a vector.
#[inline(always)]
fn all<V: Lanes>() -> u32 {
    ((1_u64 << V::W) - 1) as u32
}

/// How long ago the last activity was, at the end of the interval. Where every GPU is active in the last millisecond it
/// is no time at all, and where no floor can move nobody asks.
#[inline(always)]
fn count_quiet<V: Lanes, const N: usize>(v: V, c: usize, row: &mut Row, set: &Settings, asked_w: &Kept) {
    let active = |ms: usize, k: usize| v.above(v.load(&asked_w[ms], c + k), v.load(&set.active_w, c + k));
    let mut busy = u32::MAX;
    for k in 0..N {
        let still = v.at_least(v.load(&set.rest_w, c + k), v.load(&set.floor_w, c + k));
        busy &= v.ones(active(WINDOW_MS - 1, k)) | v.ones(still);
    }
    if busy == all::<V>() {
        for k in 0..N {
            v.store_i(&mut row.quiet_ms, c + k, v.i(0));
        }
        return;
    }
    let one = v.i(1);
    let mut quiet: [V::I; N] = core::array::from_fn(|k| v.load_i(&row.quiet_ms, c + k));
    for ms in 0..WINDOW_MS {
        for k in 0..N {
            quiet[k] = v.drop_i(active(ms, k), v.add_i(quiet[k], one));
        }
    }
    for k in 0..N {
        store_quiet(v, c + k, row, quiet[k]);
    }
}

/// [`lift`] and [`limit`] where the floors stay: the floor lifts, the limit takes away.
#[inline(always)]
fn limit_above<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    filled: &Kept,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
) -> u32 {
    let load_i = |from: &I32s| -> [V::I; N] { core::array::from_fn(|k| v.load_i(from, c + k)) };
    let mut used = load_i(&row.used);
    let (mut s_lifted, mut s_drawn) = (load_i(&sums.lifted), load_i(&sums.drawn));
    for (ms, rack) in rack.iter_mut().enumerate() {
        for k in 0..N {
            let limit = v.load(&set.limit, c + k);
            let rested = v.above_i(v.load_i(&set.allowance, c + k), used[k]);
            let ceiling = v.raise(rested, v.load(&set.peak, c + k), limit);
            let lifted = v.max(v.load(&filled[ms], c + k), v.load(&set.top, c + k));
            let drawn = v.bits(v.min(lifted, ceiling));
            used[k] = v.positive(v.add_i(v.sub_i(used[k], v.bits(limit)), drawn));
            s_lifted[k] = v.add_i(s_lifted[k], v.bits(lifted));
            s_drawn[k] = v.add_i(s_drawn[k], drawn);
            let of_rack = v.add_i(v.load_i(rack, c + k), drawn);
            v.store_i(rack, c + k, of_rack);
        }
    }
    let mut shaved = 0;
    for k in 0..N {
        v.store_i(&mut row.used, c + k, used[k]);
        v.store_i(&mut sums.lifted, c + k, s_lifted[k]);
        shaved |= store_drawn(v, c + k, sums, s_drawn[k]) << (k * V::W);
    }
    shaved
}

/// Where neither floors nor limits change anything but what the floor lifts: the racks get it.
#[inline(always)]
fn pass_on<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    set: &Settings,
    filled: &Kept,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
) {
    let mut sum = [v.i(0); N];
    let top: [V::F; N] = core::array::from_fn(|k| v.load(&set.top, c + k));
    for (ms, rack) in rack.iter_mut().enumerate() {
        for k in 0..N {
            let drawn = v.bits(v.max(top[k], v.load(&filled[ms], c + k)));
            sum[k] = v.add_i(sum[k], drawn);
            let of_rack = v.add_i(v.load_i(rack, c + k), drawn);
            v.store_i(rack, c + k, of_rack);
        }
    }
    for k in 0..N {
        let (lifted, drawn) = (v.load_i(&sums.lifted, c + k), v.load_i(&sums.drawn, c + k));
        v.store_i(&mut sums.lifted, c + k, v.add_i(lifted, sum[k]));
        v.store_i(&mut sums.drawn, c + k, v.add_i(drawn, sum[k]));
        let shaved = v.load_i(&sums.shaved, c + k);
        v.store_i(&mut sums.shaved_before, c + k, shaved);
    }
}

/// Returns from whom power was taken in the interval.
#[inline(always)]
fn store_drawn<V: Lanes>(v: V, c: usize, sums: &mut Sums, drawn: V::I) -> u32 {
    let (shaved, before) = (v.sub_i(v.load_i(&sums.lifted, c), drawn), v.load_i(&sums.shaved, c));
    v.store_i(&mut sums.drawn, c, drawn);
    v.store_i(&mut sums.shaved, c, shaved);
    v.store_i(&mut sums.shaved_before, c, before);
    v.ones(v.above_i(shaved, before))
}

#[inline(always)]
fn store_quiet<V: Lanes>(v: V, c: usize, row: &mut Row, quiet: V::I) {
    let long = v.i(LONG_QUIET_MS);
    v.store_i(&mut row.quiet_ms, c, v.pick_i(v.above_i(quiet, long), long, quiet));
}

/// The smoothing floor: hysteresis and ramps.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // one call, inlined; a struct would only rename them
fn lift<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    asked_w: &Kept,
    filled: &Kept,
    to: &mut Kept,
    sums: &mut Sums,
) {
    let (grid, one) = (v.f(GRID_W), v.i(1));
    let pair_i = |from: &I32s| -> [V::I; N] { core::array::from_fn(|k| v.load_i(from, c + k)) };
    let mut floor: [V::F; N] = core::array::from_fn(|k| v.load(&row.floor_w, c + k));
    let (mut quiet, mut s_lifted) = (pair_i(&row.quiet_ms), pair_i(&sums.lifted));
    for ms in 0..WINDOW_MS {
        for k in 0..N {
            let active = v.above(v.load(&asked_w[ms], c + k), v.load(&set.active_w, c + k));
            quiet[k] = v.drop_i(active, v.add_i(quiet[k], one));
            let holds = v.above_i(v.load_i(&set.hysteresis_ms, c + k), quiet[k]);
            let ramp = v.pick(holds, v.load(&set.up_w, c + k), v.load(&set.down_w, c + k));
            let within = v.min(v.add(floor[k], ramp), v.load(&set.floor_w, c + k));
            floor[k] = v.max(within, v.load(&set.rest_w, c + k));
            let least = v.add(floor[k], grid);
            s_lifted[k] = v.add_i(s_lifted[k], v.bits(v.max(v.load(&filled[ms], c + k), least)));
            v.store(&mut to[ms], c + k, least);
        }
    }
    for k in 0..N {
        v.store(&mut row.floor_w, c + k, floor[k]);
        store_quiet(v, c + k, row, quiet[k]);
        v.store_i(&mut sums.lifted, c + k, s_lifted[k]);
    }
}

/// The power limit: the EDP peak while the energy allowance lasts; while the floor is on its ramp, the floor itself.
/// Returns from whom power was taken.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // one call, inlined; a struct would only rename them
fn limit<V: Lanes, const N: usize>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    filled: &Kept,
    least: &Kept,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
) -> u32 {
    let pair_i = |from: &I32s| -> [V::I; N] { core::array::from_fn(|k| v.load_i(from, c + k)) };
    let (mut used, mut s_drawn) = (pair_i(&row.used), pair_i(&sums.drawn));
    for (ms, rack) in rack.iter_mut().enumerate() {
        for k in 0..N {
            let limit = v.load(&set.limit, c + k);
            let rested = v.above_i(v.load_i(&set.allowance, c + k), used[k]);
            let most = v.raise(rested, v.load(&set.peak, c + k), limit);
            let least = v.load(&least[ms], c + k);
            let ceiling = v.keep(v.at_least(least, v.load(&set.top, c + k)), most);
            let drawn = v.bits(v.max(v.min(v.load(&filled[ms], c + k), ceiling), least));
            used[k] = v.positive(v.add_i(v.sub_i(used[k], v.bits(limit)), drawn));
            s_drawn[k] = v.add_i(s_drawn[k], drawn);
            let sum = v.add_i(v.load_i(rack, c + k), drawn);
            v.store_i(rack, c + k, sum);
        }
    }
    let mut shaved = 0;
    for k in 0..N {
        v.store_i(&mut row.used, c + k, used[k]);
        shaved |= store_drawn(v, c + k, sums, s_drawn[k]) << (k * V::W);
    }
    shaved
}
