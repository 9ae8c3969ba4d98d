//! The campus laid out on blocks of racks, with the settings and the first state of every GPU.
//!
//! Halls with the same number of GPUs per rack share blocks.
//!
//! Not modelled: products that share a rack.

use super::block::{Block, NO_GROUP, Segment};
use super::borders::{GpuSums, Lines};
use super::chip::{self, ENDLESS_MS, PER_W, Row, Settings};
use super::clock::{Clock, Group, OFFSETS};
use super::motion::mean_level_w;
use super::noise;
use super::phases::{Doing, HALT, LEVELS, Phase};
use super::rack::{Racks, STEP_S};
use super::{Campus, Chip, Filler, Job, LANES, OVERSHOOT_MS, Smoothing, TILE_MS, Tally};
use crate::gpu::ThroughputCurve;
use tieline_units::{Draw, Purpose};

/// The draw of a group's place in the step: an event that no training step reaches.
const OFFSET_DRAW: u64 = u64::MAX;

/// Racks laid out on blocks: halls with the same number of GPUs per rack share blocks.
pub(super) struct Layout<'a> {
    campus: &'a Campus,
    /// The campus, and others that differ from it in storage only.
    all: &'a [Campus],
    pub(super) groups: Vec<Group>,
    pub(super) sequences: Vec<Vec<Phase>>,
    /// First group of each job, and first sequence.
    job_group: Vec<usize>,
    job_sequence: Vec<usize>,
}

/// One rack.
#[derive(Clone, Copy)]
struct Place {
    hall: usize,
    gpus: u32,
    first_gpu: u32,
    group: usize,
    sequence: usize,
}

impl<'a> Layout<'a> {
    /// At least one campus.
    pub(super) fn new(all: &'a [Campus], draw: &Draw) -> Self {
        let campus = &all[0];
        let mut layout = Self {
            campus,
            all,
            groups: Vec::new(),
            sequences: Vec::new(),
            job_group: Vec::new(),
            job_sequence: Vec::new(),
        };
        for (index, job) in campus.jobs.iter().enumerate() {
            layout.job_group.push(layout.groups.len());
            layout.job_sequence.push(layout.sequences.len());
            let running = job.starts_s <= 0.0;
            let groups = if job.coherence < 1.0 { 1 + OFFSETS } else { 1 };
            for group in 0..groups {
                // Drawn, not spread evenly: that would cancel every harmonic but the sixteenth.
                let number = layout.groups.len() as u32;
                let share = if group == 0 { 0.0 } else { draw.uniform(number, Purpose::JobStep, OFFSET_DRAW) };
                layout.groups.push(Clock::group(index, 0, share * job.step.period_ms(), running));
            }
            layout.sequences.extend((0..job.step.stages).map(|stage| job.step.sequence(stage)));
        }
        layout
    }

    /// Racks in order of halls, with the number of each among the racks of its job.
    fn places(&mut self) -> Vec<(u32, Place)> {
        let mut places = Vec::new();
        let mut first_gpu = 0_u32;
        let mut of_job = vec![0_u64; self.campus.jobs.len()];
        for (index, hall) in self.campus.halls.iter().enumerate() {
            let mut left = hall.gpus;
            while left > 0 {
                let gpus = left.min(hall.per_rack);
                left -= gpus;
                let (group, sequence) = hall.job.map_or((NO_GROUP, 0), |job| {
                    let number = of_job[job];
                    of_job[job] += 1;
                    let Job { coherence, ref step, .. } = self.campus.jobs[job];
                    // Lockstep racks are spread evenly: the n-th is one where the count of them rises.
                    let count = |n: u64| libm::floor(n as f64 * coherence) as u64;
                    let lockstep = coherence >= 1.0 || count(number + 1) > count(number);
                    let group = if lockstep { 0 } else { 1 + (number - count(number)) as usize % OFFSETS };
                    let stage = number % u64::from(step.stages);
                    (self.job_group[job] + group, self.job_sequence[job] + stage as usize)
                });
                if group != NO_GROUP {
                    self.groups[group].gpus += u64::from(gpus);
                }
                places.push((hall.per_rack, Place { hall: index, gpus, first_gpu, group, sequence }));
                first_gpu += gpus;
            }
        }
        places
    }

    pub(super) fn blocks(&mut self, draw: &Draw) -> Vec<Block> {
        let mut places = self.places();
        places.sort_by_key(|(per_rack, place)| (*per_rack, place.first_gpu));
        places
            .chunk_by(|a, b| a.0 == b.0)
            .flat_map(|alike| alike.chunks(LANES))
            .map(|racks| self.block(racks, draw))
            .collect()
    }

    fn block(&self, racks: &[(u32, Place)], draw: &Draw) -> Block {
        let mut block = Block {
            first_gpu: [0; LANES],
            gpus: [0; LANES],
            group: [NO_GROUP; LANES],
            sequence: [0; LANES],
            levels: [[0.0; LEVELS]; LANES],
            lines: Lines::level(),
            settings: Settings::empty(),
            rows: Vec::new(),
            racks: vec![Racks::new(); self.all.len()],
            segments: Vec::new(),
            sums: GpuSums::default(),
            tallies: Vec::new(),
        };
        let places = racks.iter().map(|(_, place)| place.gpus).max().unwrap_or(0);
        block.rows = vec![Row::new(); places as usize];
        block.racks.iter_mut().for_each(|racks| racks.set_places(places));
        for (lane, (_, place)) in racks.iter().enumerate() {
            let hall = &self.campus.halls[place.hall];
            block.first_gpu[lane] = place.first_gpu;
            block.gpus[lane] = place.gpus;
            block.group[lane] = place.group;
            block.sequence[lane] = place.sequence;
            block.levels[lane] = hall.chip.level_w.map(|level_w| level_w as f32);
            block.lines.set(lane, pace_lines(hall.chip.throughput_exponent));
            set_chip(&mut block.settings, lane, &hall.chip);
            let doing = if place.group == NO_GROUP || !self.groups[place.group].running() {
                Doing::Rest
            } else {
                Doing::Exchange
            };
            let gpus_w = mean_level_w(self.campus, hall) * f64::from(place.gpus);
            for (racks, campus) in block.racks.iter_mut().zip(self.all) {
                racks.set(lane, &campus.halls[place.hall].rack, place.gpus, gpus_w);
            }
            for (row, asset) in block.rows.iter_mut().zip(place.first_gpu..place.first_gpu + place.gpus) {
                let word = draw.words(asset, Purpose::GpuCard, 0)[0];
                row.own[lane] = 1.0 + hall.chip.spread as f32 * noise::bell(word);
                let rest = block.levels[lane][Doing::Rest as usize] * row.own[lane];
                (row.level_w[lane], row.next_level_w[lane]) = (rest, rest);
                row.lagged_w[lane] = rest;
                // A job that runs at the start has its floor up already.
                row.floor_w[lane] = block.settings.rest_w[lane];
                if doing == Doing::Exchange {
                    row.floor_w[lane] = block.settings.floor_w[lane];
                    row.quiet_ms[lane] = 0;
                }
                (row.computes[lane], row.next[lane], row.work_ms[lane]) = (0, HALT, ENDLESS_MS);
            }
            match block.segments.last_mut() {
                Some(segment) if segment.hall == place.hall => segment.end = lane + 1,
                _ => block.segments.push(Segment {
                    hall: place.hall,
                    first: lane,
                    end: lane + 1,
                    input_w: vec![vec![0.0; TILE_MS]; self.all.len()],
                    gpus_w: vec![0.0; TILE_MS],
                }),
            }
            if place.group != NO_GROUP && block.tallies.iter().all(|tally| tally.group != place.group) {
                block.tallies.push(Tally { group: place.group, finished: 0, latest_ms: f32::NEG_INFINITY });
            }
        }
        block
    }
}

/// Fixed point of a power.
fn fixed(power_w: f64) -> i32 {
    libm::round(power_w * PER_W) as i32
}

fn set_chip(settings: &mut Settings, lane: usize, chip: &Chip) {
    let blend = |time_s: f64| if time_s > 0.0 { (1.0 - libm::exp(-STEP_S / time_s)) as f32 } else { 1.0 };
    (settings.lag[lane], settings.lag_keep[lane]) = (blend(chip.lag_s), 1.0 - blend(chip.lag_s));
    settings.mean_keep[lane] = 1.0 - blend(OVERSHOOT_MS * 1e-3);
    settings.overshoot[lane] = chip.overshoot as f32;
    settings.noise[lane] = chip.noise as f32;
    let gridded = |power_w: f64| f32::from_bits((chip::ZERO + fixed(power_w)) as u32);
    (settings.limit[lane], settings.peak[lane]) = (gridded(chip.limit_w), gridded(chip.limit_w * chip.peak));
    settings.allowance[lane] = fixed(chip.limit_w * (chip.peak - 1.0) * chip.peak_s / STEP_S);
    let filler = chip.filler.clone().unwrap_or(Filler { level_w: 0.0, lag_s: 0.0 });
    (settings.less_filler[lane], settings.filler_keep[lane]) = (-blend(filler.lag_s), 1.0 - blend(filler.lag_s));
    settings.filler_w[lane] = filler.level_w as f32;
    let none = Smoothing {
        floor_w: 0.0,
        ramp_w_per_s: (1.0, 1.0),
        hysteresis_s: 0.0,
        rest_w: 0.0,
        active_w: f64::from(f32::MAX),
    };
    let smoothing = chip.smoothing.clone().unwrap_or(none);
    settings.floor_w[lane] = smoothing.floor_w as f32;
    settings.rest_w[lane] = smoothing.rest_w as f32;
    settings.top[lane] = smoothing.floor_w as f32 + chip::GRID_W;
    settings.up_w[lane] = (smoothing.ramp_w_per_s.0 * STEP_S) as f32;
    settings.down_w[lane] = (-smoothing.ramp_w_per_s.1 * STEP_S) as f32;
    settings.hysteresis_ms[lane] = libm::ceil(smoothing.hysteresis_s * 1e3) as i32;
    settings.active_w[lane] = smoothing.active_w as f32;
}

/// Two straight lines over the concave throughput curve: through full power and 79 %, and through 53 % and 27 %, where
/// the measured sweep has its points. Between them they lie at most 1.5 points above it.
fn pace_lines(throughput_exponent: f64) -> [(f32, f32); 2] {
    let curve = ThroughputCurve::new(throughput_exponent);
    let line = |a: f64, b: f64| {
        let (ya, yb) = (curve.at_power_share(a), curve.at_power_share(b));
        let slope = (ya - yb) / (a - b);
        ((ya - slope * a) as f32, slope as f32)
    };
    let share = |i: usize| crate::gpu::A100_SWEEP[i].power_w / crate::gpu::A100_SWEEP[5].power_w;
    [line(1.0, share(3)), line(share(1), share(0))]
}
