//! A block of 32 racks (at most 4,096 GPUs): its GPUs go through a tile of milliseconds, then its racks do.
//!
//! State stays in registers over a noise interval and the tile of the racks in the first cache. A GPU passes at most one
//! border of phases in a noise interval, since no phase is shorter; the border itself lies on its millisecond.
//!
//! Not modelled: GPUs of different products in one rack.

use super::chip::{self, ENDLESS_MS, Interval, Row, Scratch, Settings, Sums};
use super::clock::{Turn, View};
use super::lanes::{F32s, F64s, I32s, Isa};
use super::noise::{self, Noise};
use super::phases::{Doing, HALT, HALTING, LEVELS, Phase, STARTING, at, following};
use super::rack::{RackSteps, Racks};
use super::{LANES, TILE_MS, Tally, WINDOW_MS};
use tieline_units::{Draw, Purpose};

/// No group: a rack without a job, or no rack at all.
pub(crate) const NO_GROUP: usize = usize::MAX;
/// Noise intervals that one draw serves: it has four words of two halves.
const PER_DRAW: u64 = 8;
/// Slowest pace of a GPU that still makes progress: guess, a guard against a job that never ends its step.
const LEAST_PACE: f32 = 0.02;

/// Straight lines under which the throughput of a GPU lies at a share of its power (the concave measured curve).
pub(crate) type Lines = [(f32, f32); 2];

/// A tile as its blocks see it.
pub(crate) struct Tile<'a> {
    pub(crate) isa: Isa,
    pub(crate) draw: &'a Draw,
    /// Noise intervals since the start of the run, and how many this tile has.
    pub(crate) first_window: u64,
    pub(crate) windows: usize,
    pub(crate) views: &'a [View],
    pub(crate) sequences: &'a [Vec<Phase>],
    pub(crate) spread_ms: f32,
    /// Jitter, share of stragglers, slowdown: per group.
    pub(crate) luck: &'a [(f32, f32, f32)],
}

/// Neighbouring racks of one hall within a block.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) hall: usize,
    pub(crate) first: usize,
    pub(crate) end: usize,
    /// AC power of these racks and power of their GPUs, per ms of the tile, W.
    pub(crate) input_w: Vec<f64>,
    pub(crate) gpus_w: Vec<f64>,
}

/// GPU energy of a rack since the start, fixed-point W ms: exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GpuSums {
    pub(crate) asked: u64,
    pub(crate) filler: u64,
    pub(crate) burned: u64,
    pub(crate) shaved: u64,
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
    pub(crate) lines: [Lines; LANES],
    pub(crate) settings: Settings,
    pub(crate) rows: Vec<Row>,
    pub(crate) racks: Racks,
    pub(crate) segments: Vec<Segment>,
    pub(crate) sums: [GpuSums; LANES],
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
        let mut rows = core::mem::take(&mut self.rows);
        for place in 0..fullest {
            let row = &mut rows[place as usize];
            if fresh {
                self.release(row, tile.views, place);
            }
            let partial = (place >= emptiest).then(|| self.partial(place));
            self.place(row, place, partial.as_ref(), tile, turning, &mut scratch, &mut rack[..steps]);
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
        turning: bool,
        scratch: &mut Scratch,
        rack: &mut [I32s],
    ) {
        let assets: [u32; LANES] = core::array::from_fn(|lane| self.first_gpu[lane].wrapping_add(place));
        let mut noise: [F32s; PER_DRAW as usize] = [[0.0; LANES]; PER_DRAW as usize];
        let mut sums = Sums::new();
        let mut full_pace = row.pace.iter().all(|pace| *pace == 1.0);
        for (window, rack) in rack.as_chunks_mut::<WINDOW_MS>().0.iter_mut().enumerate() {
            let number = tile.first_window + window as u64;
            if window == 0 || number.is_multiple_of(PER_DRAW) {
                let event = number / PER_DRAW;
                tile.isa.run(Noise { draw: tile.draw, assets: &assets, event, to: &mut noise });
            }
            if turning {
                self.turn(row, place, &assets, window, tile);
            }
            let settings = partial.unwrap_or(&self.settings);
            let noise = &noise[(number % PER_DRAW) as usize];
            let marks = tile.isa.run(Interval { row, settings, noise, rack, sums: &mut sums, scratch });
            if !full_pace || marks.shaved != 0 {
                full_pace = self.pace(row, place, &sums, tile);
            }
            let now_ms = ((window + 1) * WINDOW_MS) as f32;
            let mut over = marks.over;
            while over != 0 {
                let lane = over.trailing_zeros() as usize;
                over &= over - 1;
                self.pass(row, lane, assets[lane], now_ms, tile);
            }
        }
        let bias = chip::ZERO.wrapping_mul((tile.windows * WINDOW_MS) as i32);
        for lane in 0..LANES {
            if place < self.gpus[lane] {
                let to = &mut self.sums[lane];
                let more = |less: i32, more: i32| u64::from(more.wrapping_sub(less) as u32);
                to.asked += more(bias, sums.asked[lane]);
                to.filler += more(sums.asked[lane], sums.filled[lane]);
                to.burned += more(sums.filled[lane], sums.lifted[lane]);
                to.shaved += u64::from(sums.shaved[lane] as u32);
            }
        }
    }

    /// How fast each GPU worked in the last interval decides how fast it works in the next: the clock governor's period.
    /// Returns whether all are at full pace.
    fn pace(&self, row: &mut Row, place: u32, sums: &Sums, tile: &Tile<'_>) -> bool {
        let bias = chip::ZERO.wrapping_mul(WINDOW_MS as i32);
        for lane in 0..LANES {
            row.pace[lane] = 1.0;
            if self.group[lane] == NO_GROUP || place >= self.gpus[lane] {
                continue;
            }
            let sequence = &tile.sequences[self.sequence[lane]];
            let computes = usize::try_from(row.phase[lane])
                .ok()
                .and_then(|phase| sequence.get(phase))
                .is_some_and(|phase| phase.computes());
            let shaved = sums.shaved[lane].wrapping_sub(sums.shaved_before[lane]);
            if computes && shaved > 0 {
                let asked = sums.asked[lane].wrapping_sub(sums.asked_before[lane]).wrapping_sub(bias);
                row.pace[lane] = pace_at(&self.lines[lane], 1.0 - shaved as f32 / asked as f32);
            }
        }
        row.pace.iter().all(|pace| *pace == 1.0)
    }

    /// A GPU that has passed the border into its next phase.
    #[inline(always)]
    fn pass(&mut self, row: &mut Row, lane: usize, asset: u32, now_ms: f32, tile: &Tile<'_>) {
        // From one phase of the sequence to the next, as nearly always.
        let (phase, own, stretch) = (row.next[lane], row.own[lane], row.stretch[lane]);
        if let Some(after) = tile.sequences[self.sequence[lane]].get(phase as usize + 1) {
            row.phase[lane] = phase;
            row.next[lane] = phase + 1;
            row.level_w[lane] = row.next_level_w[lane];
            row.next_level_w[lane] = self.levels[lane][after.doing as usize] * own;
            row.work_ms[lane] += row.next_ms[lane];
            row.next_ms[lane] = after.ms * [1.0, stretch][usize::from(after.computes())];
            row.pace[lane] = 1.0;
        } else {
            self.pass_barrier(row, lane, asset, now_ms, tile);
        }
    }

    /// The same where a barrier, a stall or a halt is near.
    #[inline(never)]
    fn pass_barrier(&mut self, row: &mut Row, lane: usize, asset: u32, now_ms: f32, tile: &Tile<'_>) {
        let group = self.group[lane];
        let (overrun_ms, pace) = (row.work_ms[lane], row.pace[lane]);
        row.phase[lane] = row.next[lane];
        row.level_w[lane] = row.next_level_w[lane];
        row.work_ms[lane] = overrun_ms + row.next_ms[lane];
        row.pace[lane] = 1.0;
        if group == NO_GROUP || row.phase[lane] >= HALT {
            row.work_ms[lane] = ENDLESS_MS;
            (row.next[lane], row.next_ms[lane]) = (HALT, ENDLESS_MS);
            return;
        }
        let view = &tile.views[group];
        let sequence = &tile.sequences[self.sequence[lane]];
        if row.phase[lane] == sequence.len() as i32 {
            // At the barrier; when it closes is not known yet.
            row.work_ms[lane] = ENDLESS_MS;
            row.stretch[lane] = stretch(tile.draw, asset, view.step + 1, tile.luck[group]);
            let arrived_ms = now_ms + overrun_ms / pace;
            if let Some(tally) = self.tallies.iter_mut().find(|tally| tally.group == group) {
                tally.finished += 1;
                tally.latest_ms = tally.latest_ms.max(arrived_ms);
            }
        }
        let (next, doing, ms) = following(sequence, row.phase[lane], row.stretch[lane], &view.stalls);
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
            let late = tile.draw.uniform(assets[lane], Purpose::GpuStart, number) as f32 * tile.spread_ms;
            row.work_ms[lane] = at_ms - from_ms + late;
            row.pace[lane] = 1.0;
            match turn {
                Turn::Halt(doing) => {
                    row.phase[lane] = HALTING;
                    self.then(row, lane, HALT, doing, ENDLESS_MS);
                }
                Turn::Run => {
                    row.phase[lane] = STARTING;
                    row.stretch[lane] = stretch(tile.draw, assets[lane], view.step, tile.luck[self.group[lane]]);
                    let (next, doing, ms) = at(&tile.sequences[self.sequence[lane]], 0, row.stretch[lane]);
                    self.then(row, lane, next, doing, ms);
                }
            }
        }
    }

    fn rack_steps(&mut self, isa: Isa, fullest: u32, rack: &[I32s]) {
        let mut gpus_w: [F64s; TILE_MS] = [[0.0; LANES]; TILE_MS];
        let mut input_w: [F64s; TILE_MS] = [[0.0; LANES]; TILE_MS];
        let bias = chip::ZERO.wrapping_mul(fullest as i32);
        assert!(self.racks.bias.iter().all(|found| *found == bias), "every place was run in every rack");
        let steps = rack.len();
        isa.run(RackSteps {
            racks: &mut self.racks,
            rack,
            gpus_w: &mut gpus_w[..steps],
            input_w: &mut input_w[..steps],
        });
        for segment in &mut self.segments {
            for ms in 0..steps {
                segment.input_w[ms] = input_w[ms][segment.first..segment.end].iter().sum();
                segment.gpus_w[ms] = gpus_w[ms][segment.first..segment.end].iter().sum();
            }
        }
    }
}

/// Pace at a share of the power that the work asks for: under every line, at most 1.
pub(crate) fn pace_at(lines: &Lines, share: f32) -> f32 {
    let under = |(at_zero, slope): (f32, f32)| at_zero + slope * share;
    let least = under(lines[0]).min(under(lines[1])).min(1.0);
    if least > LEAST_PACE { least } else { LEAST_PACE }
}

/// How long a GPU computes in a step, as a share of the plan: its own jitter, and whether it straggles.
pub(crate) fn stretch(draw: &Draw, asset: u32, step: u64, (jitter, share, slowdown): (f32, f32, f32)) -> f32 {
    let words = draw.words(asset, Purpose::GpuStep, step);
    let straggles = (words[1] >> 8) as f32 * (1.0 / (1 << 24) as f32) < share;
    (1.0 + jitter * noise::bell(words[0])) * if straggles { 1.0 + slowdown } else { 1.0 }
}
