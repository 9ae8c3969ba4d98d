//! A block of 32 racks (at most 4,096 GPUs): its GPUs go through a tile of milliseconds, then its racks do.
//!
//! State stays in registers over a noise interval and the tile of the racks in the first cache. A GPU passes at most one
//! border of phases in a noise interval, since no phase is shorter; the border itself lies on its millisecond.
//!
//! Not modelled: GPUs of different products in one rack.

use super::borders::{Before, Border, Carry, Governor, GpuSums, Lines};
use super::chip::{self, ENDLESS_MS, Interval, Row, Scratch, Settings, Sums};
use super::clock::{Turn, View};
use super::lanes::{F32s, F64s, I32s, Isa};
use super::noise::{self, Noise};
use super::phases::{Doing, HALT, LEVELS, Phase, at, following};
use super::rack::{RackSteps, Racks};
use super::{LANES, TILE_MS, Tally, WINDOW_MS};
use tieline_units::{Draw, Purpose};

/// No group: a rack without a job, or no rack at all.
pub(crate) const NO_GROUP: usize = usize::MAX;
/// Noise intervals that one draw serves: it has four words of two halves.
const PER_DRAW: u64 = 8;
/// The phases of each rack's GPUs.
type Sequences<'a> = [&'a [Phase]; LANES];

/// A tile as its blocks see it.
pub(crate) struct Tile<'a> {
    pub(crate) isa: Isa,
    pub(crate) draw: &'a Draw,
    /// Noise intervals since the start of the run, and how many this tile has.
    pub(crate) first_window: u64,
    pub(crate) windows: usize,
    pub(crate) views: &'a [View],
    pub(crate) sequences: &'a [Vec<Phase>],
    /// Own delay of a GPU at start and stop, up to this: per group.
    pub(crate) spread_ms: &'a [f32],
    /// Jitter, share of stragglers, slowdown: per group.
    pub(crate) luck: &'a [(f32, f32, f32)],
}

/// Neighbouring racks of one hall within a block.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) hall: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
    /// AC power of these racks in each campus, and power of their GPUs, per ms of the tile, W.
    pub(crate) input_w: Vec<Vec<f64>>,
    pub(crate) gpus_w: Vec<f64>,
}

/// 32 racks.
#[derive(Clone, Debug)]
pub struct Block {
    /// Number of the first GPU of each rack.
    pub(crate) first_gpu: [u32; LANES],
    pub(crate) gpus: [u32; LANES],
    pub(crate) group: [usize; LANES],
    pub(crate) sequence: [usize; LANES],
    pub(crate) levels: [[f32; LEVELS]; LANES],
    pub(crate) lines: Lines,
    pub(crate) settings: Settings,
    pub(crate) rows: Vec<Row>,
    /// The racks of each campus.
    pub(crate) racks: Vec<Racks>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) sums: GpuSums,
    pub(crate) tallies: Vec<Tally>,
}

impl Block {
    /// GPUs of the block.
    pub(crate) fn gpus(&self) -> u64 {
        self.gpus.iter().map(|gpus| u64::from(*gpus)).sum()
    }

    /// Takes the block through a tile.
    pub(crate) fn run(&mut self, tile: &Tile<'_>) {
        let mut rack = [[0_i32; LANES]; TILE_MS];
        let steps = tile.windows * WINDOW_MS;
        for tally in &mut self.tallies {
            (tally.finished, tally.latest_ms) = (0, f32::NEG_INFINITY);
        }
        let fresh = self.tallies.iter().any(|tally| tile.views[tally.group].released_ms.is_some());
        let turning = self.tallies.iter().any(|tally| tile.views[tally.group].turn.is_some());
        let fullest = self.gpus.iter().copied().max().unwrap_or(0);
        let emptiest = self.gpus.iter().copied().min().unwrap_or(0);
        let mut scratch = Scratch::new();
        let mut noise: [F32s; PER_DRAW as usize] = [[0.0; LANES]; PER_DRAW as usize];
        let sequences: Sequences<'_> = core::array::from_fn(|lane| tile.sequences[self.sequence[lane]].as_slice());
        let mut rows = core::mem::take(&mut self.rows);
        for place in 0..fullest {
            let row = &mut rows[place as usize];
            if fresh {
                self.release(row, tile.views, place);
            }
            let partial = (place >= emptiest).then(|| self.partial(place));
            let partial = partial.as_ref();
            self.place(row, place, partial, tile, &sequences, turning, &mut scratch, &mut noise, &mut rack[..steps]);
        }
        self.rows = rows;
        self.rack_steps(tile.isa, fullest, &rack[..steps]);
    }

    /// Settings for a place that some racks do not have.
    fn partial(&self, place: u32) -> Settings {
        let mut settings = Settings::empty();
        for lane in 0..LANES {
            if place < self.gpus[lane] {
                settings.set_lane(lane, &self.settings, lane);
            }
        }
        settings
    }

    /// Waiting GPUs whose group's barrier has closed: the communication ends at a known ms.
    fn release(&self, row: &mut Row, views: &[View], place: u32) {
        for lane in 0..LANES {
            if self.group[lane] == NO_GROUP || place >= self.gpus[lane] || row.work_ms[lane] < 0.5 * ENDLESS_MS {
                continue;
            }
            if let Some(released_ms) = views[self.group[lane]].released_ms {
                row.work_ms[lane] = released_ms;
            }
        }
    }

    /// One place of every rack through the tile.
    #[allow(clippy::too_many_arguments)] // one call
    fn place(
        &mut self,
        row: &mut Row,
        place: u32,
        partial: Option<&Settings>,
        tile: &Tile<'_>,
        sequences: &Sequences<'_>,
        turning: bool,
        scratch: &mut Scratch,
        noise: &mut [F32s; PER_DRAW as usize],
        rack: &mut [I32s],
    ) {
        let assets: [u32; LANES] = core::array::from_fn(|lane| self.first_gpu[lane].wrapping_add(place));
        let mut sums = Sums::new();
        let mut before = Before { work_ms: [0.0; LANES], pace: [1.0; LANES] };
        let mut full_pace = row.pace.iter().fold(true, |full, pace| full & (*pace == 1.0));
        for (window, rack) in rack.as_chunks_mut::<WINDOW_MS>().0.iter_mut().enumerate() {
            let number = tile.first_window + window as u64;
            if window == 0 || number.is_multiple_of(PER_DRAW) {
                let event = number / PER_DRAW;
                tile.isa.run(Noise { draw: tile.draw, assets: &assets, event, to: noise });
            }
            if turning {
                self.turn(row, place, &assets, window, tile);
            }
            let settings = partial.unwrap_or(&self.settings);
            let noise = &noise[(number % PER_DRAW) as usize];
            let marks = tile.isa.run(Interval { row, settings, noise, rack, sums: &mut sums, scratch });
            if !full_pace || marks.shaved != 0 {
                full_pace = tile.isa.run(Governor { row, sums: &sums, lines: &self.lines });
            }
            if marks.over != 0 {
                tile.isa.run(Border { row, before: &mut before });
                let now_ms = ((window + 1) * WINDOW_MS) as f32;
                self.pass(row, marks.over, &before, &assets, now_ms, tile, sequences);
            }
        }
        tile.isa.run(Carry { to: &mut self.sums, sums: &sums, steps: tile.windows * WINDOW_MS });
    }

    /// What comes after the phase that each of these GPUs has just entered.
    #[allow(clippy::too_many_arguments)] // one call
    fn pass(
        &mut self,
        row: &mut Row,
        mut over: u32,
        before: &Before,
        assets: &[u32; LANES],
        now_ms: f32,
        tile: &Tile<'_>,
        sequences: &Sequences<'_>,
    ) {
        while over != 0 {
            let lane = over.trailing_zeros() as usize % LANES;
            over &= over - 1;
            let phase = row.next[lane];
            // From one phase of the sequence to the next, as nearly always.
            if let Some([now, after, ..]) = sequences[lane].get(phase as usize..) {
                row.computes[lane] = -i32::from(now.computes());
                row.next[lane] = phase + 1;
                row.next_level_w[lane] = self.levels[lane][after.doing as usize] * row.own[lane];
                row.next_ms[lane] = after.ms * picked(after.computes(), row.stretch[lane], 1.0);
            } else {
                self.pass_barrier(row, lane, assets[lane], now_ms + before.work_ms[lane] / before.pace[lane], tile);
            }
        }
    }

    /// The same where a barrier, a stall or a halt is near, which was passed at `arrived_ms`.
    #[inline(never)]
    fn pass_barrier(&mut self, row: &mut Row, lane: usize, asset: u32, arrived_ms: f32, tile: &Tile<'_>) {
        let (group, phase) = (self.group[lane], row.next[lane]);
        row.computes[lane] = 0;
        if group == NO_GROUP || phase >= HALT {
            row.work_ms[lane] = ENDLESS_MS;
            (row.next[lane], row.next_ms[lane]) = (HALT, ENDLESS_MS);
            return;
        }
        let view = &tile.views[group];
        let sequence = &tile.sequences[self.sequence[lane]];
        if let Some(now) = sequence.get(phase as usize) {
            row.computes[lane] = -i32::from(now.computes());
        } else if phase == sequence.len() as i32 {
            // At the barrier; when it closes is not known yet.
            row.work_ms[lane] = ENDLESS_MS;
            row.stretch[lane] = stretch(tile.draw, asset, view.step + 1, tile.luck[group]);
            if let Some(tally) = self.tallies.iter_mut().find(|tally| tally.group == group) {
                tally.finished += 1;
                tally.latest_ms = tally.latest_ms.max(arrived_ms);
            }
        }
        let (next, doing, ms) = following(sequence, phase, row.stretch[lane], &view.stalls);
        self.then(row, lane, next, doing, ms);
    }

    /// Sets what comes after the present phase.
    fn then(&self, row: &mut Row, lane: usize, next: i32, doing: Doing, ms: f32) {
        row.next[lane] = next;
        row.next_level_w[lane] = self.levels[lane][doing as usize] * row.own[lane];
        row.next_ms[lane] = ms;
    }

    /// Start and stop of a whole group, each GPU with its own delay.
    fn turn(&self, row: &mut Row, place: u32, assets: &[u32; LANES], window: usize, tile: &Tile<'_>) {
        let from_ms = (window * WINDOW_MS) as f32;
        for lane in 0..LANES {
            if self.group[lane] == NO_GROUP || place >= self.gpus[lane] {
                continue;
            }
            let view = &tile.views[self.group[lane]];
            let Some((at_ms, turn, number)) = view.turn else { continue };
            // A group's offset may lie beyond the tile: then it is part of the delay, and the turn begins in it.
            let last = window + 1 == tile.windows;
            if at_ms < from_ms || (at_ms >= from_ms + WINDOW_MS as f32 && !last) {
                continue;
            }
            let late =
                tile.draw.uniform(assets[lane], Purpose::GpuStart, number) as f32 * tile.spread_ms[self.group[lane]];
            row.work_ms[lane] = at_ms - from_ms + late;
            (row.pace[lane], row.computes[lane]) = (1.0, 0);
            match turn {
                Turn::Halt(doing) => {
                    self.then(row, lane, HALT, doing, ENDLESS_MS);
                }
                Turn::Run => {
                    row.stretch[lane] = stretch(tile.draw, assets[lane], view.step, tile.luck[self.group[lane]]);
                    let (next, doing, ms) = at(&tile.sequences[self.sequence[lane]], 0, row.stretch[lane]);
                    self.then(row, lane, next, doing, ms);
                }
            }
        }
    }

    fn rack_steps(&mut self, isa: Isa, fullest: u32, rack: &[I32s]) {
        // Few milliseconds at a time: what is written is read again from the first cache.
        let mut gpus_w: [F64s; WINDOW_MS] = [[0.0; LANES]; WINDOW_MS];
        let mut input_w: [F64s; WINDOW_MS] = [[0.0; LANES]; WINDOW_MS];
        let bias = chip::ZERO.wrapping_mul(fullest as i32);
        for (number, racks) in self.racks.iter_mut().enumerate() {
            assert!(racks.bias.iter().all(|found| *found == bias), "every place was run in every rack");
            for (window, rack) in rack.as_chunks::<WINDOW_MS>().0.iter().enumerate() {
                isa.run(RackSteps { racks, rack, gpus_w: &mut gpus_w, input_w: &mut input_w });
                for segment in &mut self.segments {
                    let (first, end) = (segment.first, segment.end);
                    for (ms, (input_w, gpus_w)) in (window * WINDOW_MS..).zip(input_w.iter().zip(&gpus_w)) {
                        segment.input_w[number][ms] = sum_of(&input_w[first..end]);
                        segment.gpus_w[ms] = sum_of(&gpus_w[first..end]);
                    }
                }
            }
        }
    }
}

/// The sum of some racks, in eight columns: always the same order, and no chain of as many additions as racks.
fn sum_of(racks_w: &[f64]) -> f64 {
    let mut columns = [0.0; 8];
    let (eights, rest) = racks_w.as_chunks::<8>();
    for eight in eights {
        for (column, rack_w) in columns.iter_mut().zip(eight) {
            *column += rack_w;
        }
    }
    for (column, rack_w) in columns.iter_mut().zip(rest) {
        *column += rack_w;
    }
    let [a, b, c, d, e, f, g, h] = columns;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// `yes` or `no` without a branch, which would be mistaken every other time.
#[inline(always)]
fn picked(condition: bool, yes: f32, no: f32) -> f32 {
    let mask = 0_u32.wrapping_sub(u32::from(condition));
    f32::from_bits((yes.to_bits() & mask) | (no.to_bits() & !mask))
}

/// How long a GPU computes in a step, as a share of the plan: its own jitter, and whether it straggles.
pub(crate) fn stretch(draw: &Draw, asset: u32, step: u64, (jitter, share, slowdown): (f32, f32, f32)) -> f32 {
    let words = draw.words(asset, Purpose::GpuStep, step);
    let straggles = (words[1] >> 8) as f32 * (1.0 / (1 << 24) as f32) < share;
    (1.0 + jitter * noise::bell(words[0])) * if straggles { 1.0 + slowdown } else { 1.0 }
}
