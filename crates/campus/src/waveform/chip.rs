//! One GPU, millisecond by millisecond: what its work asks for, filler, power smoothing, power limit.
//!
//! Per step, in this order: the phase runs down at the GPU's own pace; the phase's level is followed with a first-order lag
//! and overshoots after a rise; software filler fills up with its own lag; the smoothing floor rises and falls by its ramps
//! and holds for its hysteresis; the power limit allows the EDP peak while the GPU's energy allowance lasts. Then
//! `drawn = asked + filler + burned - shaved`, in fixed point (2^-11 W), so that every sum is exact in any order.
//!
//! Not modelled: temperature, clocks and voltage (a shaved GPU works slower by the measured throughput curve), telemetry of
//! the card.

use super::lanes::{F32s, I32s, Kernel, Lanes};
use super::{LANES, WINDOW_MS};
use tieline_units::{Draw, Purpose};

/// Adding this turns a power below 4,096 W into fixed point: the last bit of the sum is 2^-11 W.
const GRID_W: f32 = 4096.0;
/// The bits of [`GRID_W`]: zero of the fixed point.
pub(crate) const ZERO: i32 = 0x4580_0000;
/// Fixed-point units per watt.
pub(crate) const PER_W: f64 = 2048.0;
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
    /// Power after the electrical lag, W, and its 50 ms mean, from which overshoot is told.
    pub(crate) lagged_w: F32s,
    pub(crate) mean_w: F32s,
    /// Software filler, W.
    pub(crate) filler_w: F32s,
    /// How much of the energy allowance for the EDP peak is used up, fixed-point W ms.
    pub(crate) used: I32s,
    /// Smoothing floor, W, and how long it still holds, ms.
    pub(crate) floor_w: F32s,
    pub(crate) hold_ms: F32s,
    /// Work done per ms, 0..1.
    pub(crate) pace: F32s,
    /// Own length of compute phases in this training step, about 1.
    pub(crate) stretch: F32s,
    /// Own share of the levels, about 1.
    pub(crate) own: F32s,
    /// Phase now and the one after it.
    pub(crate) phase: I32s,
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
            mean_w: zero,
            filler_w: zero,
            used: [0; LANES],
            floor_w: zero,
            hold_ms: zero,
            pace: [1.0; LANES],
            stretch: [1.0; LANES],
            own: [1.0; LANES],
            phase: [super::phases::HALT; LANES],
            next: [super::phases::HALT; LANES],
        }
    }
}

/// What does not change within a run, per rack: the product and its settings.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Settings {
    /// Blend per ms of the electrical lag, of the 50 ms mean, of the filler.
    pub(crate) lag: F32s,
    pub(crate) mean: F32s,
    pub(crate) filler: F32s,
    /// Overshoot as a share of the distance to the mean.
    pub(crate) overshoot: F32s,
    /// Level to which the filler fills, W; 0: none.
    pub(crate) filler_w: F32s,
    /// Power limit and what the EDP peak allows above it, fixed point; the limit carries [`ZERO`].
    pub(crate) limit: I32s,
    pub(crate) peak_more: I32s,
    /// Energy allowance of the peak, fixed-point W ms.
    pub(crate) allowance: I32s,
    /// Ramp of the floor, W per ms: up, and down (negative).
    pub(crate) up_w: F32s,
    pub(crate) down_w: F32s,
    /// Floor at work and at rest, W.
    pub(crate) floor_w: F32s,
    pub(crate) rest_w: F32s,
    /// How long the floor holds after the last activity, ms, and what counts as activity, W.
    pub(crate) hysteresis_ms: F32s,
    pub(crate) active_w: F32s,
    /// Noise of the level per unit of [`Noise`].
    pub(crate) noise: F32s,
}

impl Settings {
    /// Settings under which a GPU draws nothing: for places in a rack that hold none.
    pub(crate) fn empty() -> Self {
        let zero = [0.0; LANES];
        Self {
            lag: zero,
            mean: zero,
            filler: zero,
            overshoot: zero,
            filler_w: zero,
            limit: [ZERO; LANES],
            peak_more: [0; LANES],
            allowance: [0; LANES],
            up_w: zero,
            down_w: zero,
            floor_w: zero,
            rest_w: zero,
            hysteresis_ms: zero,
            active_w: zero,
            noise: zero,
        }
    }

    /// Copies one lane.
    pub(crate) fn set_lane(&mut self, lane: usize, from: &Self, from_lane: usize) {
        macro_rules! copy {
            ($($field:ident),*) => { $( self.$field[lane] = from.$field[from_lane]; )* };
        }
        copy!(lag, mean, filler, overshoot, filler_w, limit, peak_more, allowance, up_w, down_w);
        copy!(floor_w, rest_w, hysteresis_ms, active_w, noise);
    }
}

/// Sums over time per rack, fixed-point W ms; `asked` carries [`ZERO`] once a step.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Sums {
    pub(crate) asked: I32s,
    pub(crate) filler: I32s,
    pub(crate) burned: I32s,
    pub(crate) shaved: I32s,
}

impl Sums {
    pub(crate) fn new() -> Self {
        Self { asked: [0; LANES], filler: [0; LANES], burned: [0; LANES], shaved: [0; LANES] }
    }
}

/// One noise interval of one GPU in each of 32 racks: adds the drawn power to the racks' milliseconds.
pub(crate) struct Interval<'a> {
    pub(crate) row: &'a mut Row,
    pub(crate) settings: &'a Settings,
    /// Noise of the interval, mean 0 and deviation 1.
    pub(crate) noise: &'a F32s,
    /// Fixed-point power of each rack in each ms.
    pub(crate) rack: &'a mut [I32s],
    pub(crate) sums: &'a mut Sums,
    pub(crate) scratch: &'a mut Scratch,
}

impl Kernel for Interval<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, v: V) {
        let Self { row, settings, noise, rack, sums, scratch } = self;
        let Some((rack, [])) = rack.split_first_chunk_mut::<WINDOW_MS>() else {
            panic!("an interval has {WINDOW_MS} milliseconds");
        };
        // Written out, so that every address is the row's plus a constant.
        macro_rules! chunks {
            ($($chunk:literal),*) => { $( if $chunk < LANES / V::W {
                interval(v, $chunk, row, settings, noise, rack, sums, scratch);
            } )* };
        }
        chunks!(0, 1, 2, 3, 4, 5, 6, 7);
    }
}

/// Between the two passes over an interval.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Scratch {
    asked_w: [F32s; WINDOW_MS],
    filler: [I32s; WINDOW_MS],
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { asked_w: [[0.0; LANES]; WINDOW_MS], filler: [[0; LANES]; WINDOW_MS] }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)] // one call, inlined; a struct would only rename them
fn interval<V: Lanes>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    noise: &F32s,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
    scratch: &mut Scratch,
) {
    // Two passes over the interval: the state of each fits the registers of a machine that has sixteen.
    ask(v, c, row, set, noise, scratch);
    draw(v, c, row, set, rack, sums, scratch);
}

/// What the work asks for and what the filler adds.
#[inline(always)]
fn ask<V: Lanes>(v: V, c: usize, row: &mut Row, set: &Settings, noise: &F32s, scratch: &mut Scratch) {
    let (zero, grid) = (v.f(0.0), v.f(GRID_W));
    let swing = v.add(v.f(1.0), v.mul(v.load(noise, c), v.load(&set.noise, c)));
    let level = v.mul(v.load(&row.level_w, c), swing);
    let next_level = v.mul(v.load(&row.next_level_w, c), swing);
    let pace = v.load(&row.pace, c);
    let mut work = v.load(&row.work_ms, c);
    let mut lagged = v.load(&row.lagged_w, c);
    let mut mean = v.load(&row.mean_w, c);
    let mut filler = v.load(&row.filler_w, c);
    for ms in 0..WINDOW_MS {
        // Own phase.
        work = v.sub(work, pace);
        let now = v.pick(v.above(work, zero), level, next_level);
        // Lag and overshoot.
        lagged = v.add(lagged, v.mul(v.sub(now, lagged), v.load(&set.lag, c)));
        let above_mean = v.sub(lagged, mean);
        mean = v.add(mean, v.mul(above_mean, v.load(&set.mean, c)));
        let asked = v.add(lagged, v.max(v.mul(above_mean, v.load(&set.overshoot, c)), zero));
        v.store(&mut scratch.asked_w[ms], c, asked);
        // Filler.
        let room = v.max(v.sub(v.load(&set.filler_w, c), asked), zero);
        filler = v.add(filler, v.mul(v.sub(room, filler), v.load(&set.filler, c)));
        v.store_i(&mut scratch.filler[ms], c, v.bits(v.add(filler, grid)));
    }
    v.store(&mut row.work_ms, c, work);
    v.store(&mut row.lagged_w, c, lagged);
    v.store(&mut row.mean_w, c, mean);
    v.store(&mut row.filler_w, c, filler);
}

/// What floor and limit make of it.
#[inline(always)]
fn draw<V: Lanes>(
    v: V,
    c: usize,
    row: &mut Row,
    set: &Settings,
    rack: &mut [I32s; WINDOW_MS],
    sums: &mut Sums,
    scratch: &Scratch,
) {
    let (zero, one, grid, zero_bits) = (v.f(0.0), v.f(1.0), v.f(GRID_W), v.i(ZERO));
    let mut used = v.load_i(&row.used, c);
    let mut floor = v.load(&row.floor_w, c);
    let mut hold = v.load(&row.hold_ms, c);
    let (mut s_asked, mut s_filler) = (v.load_i(&sums.asked, c), v.load_i(&sums.filler, c));
    let (mut s_burned, mut s_shaved) = (v.load_i(&sums.burned, c), v.load_i(&sums.shaved, c));
    for (ms, rack) in rack.iter_mut().enumerate() {
        let asked_w = v.load(&scratch.asked_w[ms], c);
        let asked = v.bits(v.add(asked_w, grid));
        let filled = v.sub_i(v.load_i(&scratch.filler[ms], c), zero_bits);
        s_asked = v.add_i(s_asked, asked);
        s_filler = v.add_i(s_filler, filled);
        let wanted = v.add_i(asked, filled);
        // Smoothing floor: hysteresis and ramps.
        let again = v.keep(v.above(asked_w, v.load(&set.active_w, c)), v.load(&set.hysteresis_ms, c));
        hold = v.max(v.sub(hold, one), again);
        let ramp = v.pick(v.above(hold, zero), v.load(&set.up_w, c), v.load(&set.down_w, c));
        let top = v.load(&set.floor_w, c);
        floor = v.max(v.min(v.add(floor, ramp), top), v.load(&set.rest_w, c));
        let floor_bits = v.bits(v.add(floor, grid));
        // Limit: the EDP peak while the allowance lasts; under the floor's ramp, the floor itself.
        let limit = v.load_i(&set.limit, c);
        let more = v.keep_i(v.above_i(v.load_i(&set.allowance, c), used), v.load_i(&set.peak_more, c));
        let ceiling = v.pick_i(v.at_least(floor, top), v.add_i(limit, more), floor_bits);
        let burned = v.positive(v.sub_i(floor_bits, wanted));
        let shaved = v.positive(v.sub_i(wanted, ceiling));
        s_burned = v.add_i(s_burned, burned);
        s_shaved = v.add_i(s_shaved, shaved);
        let drawn = v.sub_i(v.add_i(wanted, burned), shaved);
        used = v.positive(v.add_i(v.sub_i(used, limit), drawn));
        let sum = v.add_i(v.load_i(rack, c), drawn);
        v.store_i(rack, c, sum);
    }
    v.store_i(&mut row.used, c, used);
    v.store(&mut row.floor_w, c, floor);
    v.store(&mut row.hold_ms, c, hold);
    v.store_i(&mut sums.asked, c, s_asked);
    v.store_i(&mut sums.filler, c, s_filler);
    v.store_i(&mut sums.burned, c, s_burned);
    v.store_i(&mut sums.shaved, c, s_shaved);
}

/// Noise of four intervals for one GPU in each of 32 racks.
pub(crate) struct Noise<'a> {
    pub(crate) draw: &'a Draw,
    pub(crate) assets: &'a [u32; LANES],
    /// Number of the four.
    pub(crate) event: u64,
    pub(crate) to: &'a mut [F32s; 4],
}

/// Mean and reciprocal deviation of the sum of four bytes: 4 x 127.5 and sqrt(4 (256^2 - 1) / 12).
const BYTES_MEAN: f32 = 510.0;
const BYTES_PER_DEVIATION: f32 = 1.0 / 147.801;

/// A draw with mean 0 and deviation 1, near normal (the sum of four bytes; at most 3.45 deviations).
#[inline(always)]
pub(crate) fn bell(word: u32) -> f32 {
    let sum = (word & 0xff) + ((word >> 8) & 0xff) + ((word >> 16) & 0xff) + (word >> 24);
    (sum as i32 as f32 - BYTES_MEAN) * BYTES_PER_DEVIATION
}

impl Kernel for Noise<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self, _: V) {
        let words = self.draw.words_beside(self.assets, Purpose::GpuNoise, self.event);
        for (to, words) in self.to.iter_mut().zip(&words) {
            for lane in 0..LANES {
                to[lane] = bell(words[lane]);
            }
        }
    }
}
