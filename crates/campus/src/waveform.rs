//! The waveform: every GPU of a campus for itself at 1 ms, up to the meter.
//!
//! [`Waveform::advance`] moves everything by one tile (at most 128 ms): each GPU advances its own phase, limit, floor,
//! hysteresis and energy allowance; each rack its storage and conversion; then halls and points millisecond by millisecond.
//! Results leave through a sink tile by tile, so memory does not grow with the span. Blocks of 32 racks are independent
//! within a tile: the caller may spread them over threads, and the bits do not depend on it, nor on the instruction set.
//!
//! Not modelled: voltage and frequency (the grid is stiff), on-site turbines, temperature of GPUs, networks.

mod block;
mod chip;
mod clock;
mod lanes;
mod ledger;
mod phases;
mod rack;
mod site;

pub use block::Block;
pub use clock::JobPace;
pub use lanes::Isa;
pub use ledger::{Ledger, StoreEnergy, TOLERANCE};
pub use phases::{Doing, Step};
pub use rack::{Conversion, Rack, Store};
pub use site::Battery;

use crate::cooling::Cooling;
use crate::gpu::{Product, ThroughputCurve};
use block::{NO_GROUP, Segment, Tile as BlockTile};
use chip::{ENDLESS_MS, PER_W, Row, Settings};
use clock::{Clock, Group, OFFSETS};
use phases::{HALT, LEVELS, Phase, following};
use rack::{Racks, STEP_S};
use site::{HallState, PointState};
use tieline_units::{Draw, Purpose};

/// Racks side by side.
pub const LANES: usize = 32;
/// Noise interval, ms: a GPU's noise is drawn anew, and no phase is shorter.
pub const WINDOW_MS: usize = 16;
/// Longest tile, ms.
pub const TILE_MS: usize = 128;
/// Most GPUs of a rack, so that a block has at most 4,096.
pub const MOST_PER_RACK: u32 = 128;
/// Most power of a GPU that the fixed point holds, W, with its filler on top.
const MOST_GPU_W: f64 = 4_000.0;
/// Time constant of the mean from which overshoot is told, ms: EDPp acts at about 50 ms (arXiv 2508.14318, section 2.1).
const OVERSHOOT_MS: f64 = 50.0;

/// GPU power smoothing with the parameters of the vendor's interface (control.md 4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothing {
    /// Floor, W (vendor: % of rating, 20 to 90 %).
    pub floor_w: f64,
    /// Ramps of the floor, up and down, W/s.
    pub ramp_w_per_s: (f64, f64),
    /// How long the floor holds after the last activity, s.
    pub hysteresis_s: f64,
    /// Floor at rest (the vendor's secondary floor), W.
    pub rest_w: f64,
    /// Power above which a GPU counts as active, W.
    pub active_w: f64,
}

/// Software filler: idle arithmetic that is put in where the work leaves power unused (cluster.md 2.1, "Firefly").
#[derive(Clone, Debug, PartialEq)]
pub struct Filler {
    /// Level up to which it fills, W.
    pub level_w: f64,
    /// Lag of detection and insertion, s.
    pub lag_s: f64,
}

/// A GPU as the waveform needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// Rated power, W.
    pub rated_w: f64,
    /// Power limit in force, W.
    pub limit_w: f64,
    /// Short peak that the limit allows, as a share of it (EDP, at least 1.1 on GB200).
    pub peak: f64,
    /// For how long the full peak is allowed, s (about 50 ms).
    pub peak_s: f64,
    /// Power at rest, stalled, in exchange, in a forward pass, in a backward pass, W: indexed by [`Doing`].
    pub level_w: [f64; LEVELS],
    /// First-order lag of power behind work, s.
    pub lag_s: f64,
    /// Overshoot after a rise, as a share of the rise.
    pub overshoot: f64,
    /// Deviation of the levels from card to card, as a share.
    pub spread: f64,
    /// Deviation of the level from noise interval to noise interval, as a share.
    pub noise: f64,
    /// Exponent on the measured A100 throughput curve.
    pub throughput_exponent: f64,
    /// Power smoothing, where it is on.
    pub smoothing: Option<Smoothing>,
    /// Software filler, where there is any.
    pub filler: Option<Filler>,
}

impl Chip {
    /// A product of the catalogue with its measured or guessed levels, without smoothing and filler.
    ///
    /// Exchange a fifth of the way from stalled to training: guess ("communication near idle", arXiv 2508.14318, shows no
    /// levels). Forward 3 % under and backward 1.5 % over the training level: guess, their mean is the level. Lag 2 ms,
    /// overshoot 8 %, spread 2 % and noise 3 %: guesses. Peak 1.1 of the limit: the least EDP of GB200 (arXiv 2508.14318);
    /// 50 ms: the scale of EDPp there.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        let exchange_w = product.stalled_w + 0.2 * (product.training_w - product.stalled_w);
        let passes = [0.97 * product.training_w, 1.015 * product.training_w];
        Self {
            rated_w: product.rated_w,
            limit_w: product.rated_w,
            peak: 1.1,
            peak_s: 0.05,
            level_w: [product.idle_w, product.stalled_w, exchange_w, passes[0], passes[1]],
            lag_s: 0.002,
            overshoot: 0.08,
            spread: 0.02,
            noise: 0.03,
            throughput_exponent: product.throughput_exponent,
            smoothing: None,
            filler: None,
        }
    }

    /// With power smoothing: the floor as a share of the rating; ramps of the rating in 2 s up and 4 s down, hysteresis
    /// 10 s (the value of a GB300 fixture, control.md 4.2), rest at 90 % of idle: guesses but for the hysteresis.
    #[must_use]
    pub fn smoothed(mut self, floor_share: f64) -> Self {
        let [idle_w, stalled_w, ..] = self.level_w;
        self.smoothing = Some(Smoothing {
            floor_w: floor_share * self.rated_w,
            ramp_w_per_s: (self.rated_w / 2.0, self.rated_w / 4.0),
            hysteresis_s: 10.0,
            rest_w: 0.9 * idle_w,
            active_w: 0.5 * (idle_w + stalled_w),
        });
        self
    }

    /// With software filler up to a share of the rating; lag 20 ms: a 20 Hz band wants insertion within 50 ms
    /// (arXiv 2508.14318, section on Firefly).
    #[must_use]
    pub fn filled(mut self, share: f64) -> Self {
        self.filler = Some(Filler { level_w: share * self.rated_w, lag_s: 0.02 });
        self
    }
}

/// A synchronous job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name for people.
    pub name: String,
    /// Its training step.
    pub step: Step,
    /// Share of its racks that move in lockstep, 0..1; the others form 16 groups spread over the step.
    pub coherence: f64,
    /// Start and stop, s of the run; 0 and infinity: it runs all the time.
    pub starts_s: f64,
    /// Stop.
    pub stops_s: f64,
    /// Mean time between failures of the whole job, s; infinity: none.
    pub mean_time_to_failure_s: f64,
    /// From failure until it is seen (everybody waits in collectives), s.
    pub detect_s: f64,
    /// Restart of the processes (at rest), s.
    pub restart_s: f64,
    /// Loading of the checkpoint (stalled), s.
    pub load_s: f64,
    /// Own delay of each GPU at start and stop, up to this, s.
    pub spread_s: f64,
}

/// A hall.
#[derive(Clone, Debug, PartialEq)]
pub struct Hall {
    /// Name for people.
    pub name: String,
    /// Point of interconnection.
    pub point: usize,
    /// Job that runs here.
    pub job: Option<usize>,
    /// GPUs.
    pub gpus: u32,
    /// GPUs per rack; the last rack may hold fewer.
    pub per_rack: u32,
    /// The GPUs.
    pub chip: Chip,
    /// The racks.
    pub rack: Rack,
    /// Loss of distribution per watt of rack input.
    pub distribution_loss: f64,
    /// House load, W.
    pub fixed_w: f64,
    /// Cooling plant and the heat for which it is built, W.
    pub cooling: Cooling,
    /// Rated heat, W.
    pub rated_heat_w: f64,
}

/// A point of interconnection.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Name for people.
    pub name: String,
    /// Its battery and the battery's own loop.
    pub battery: Battery,
    /// Share of through power lost in the transformer.
    pub transformer_loss: f64,
}

/// The campus as the waveform needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Campus {
    /// Points.
    pub points: Vec<Point>,
    /// Jobs.
    pub jobs: Vec<Job>,
    /// Halls.
    pub halls: Vec<Hall>,
    /// Outdoor temperature, °C.
    pub ambient_c: f64,
}

impl Campus {
    /// Everything that is wrong with it, in words.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for point in &self.points {
            point.battery.problems(&point.name, &mut problems);
        }
        for job in &self.jobs {
            job.step.problems(&job.name, &mut problems);
            if !(0.0..=1.0).contains(&job.coherence) {
                problems.push(format!("job {}: coherence lies between 0 and 1", job.name));
            }
        }
        for hall in &self.halls {
            hall.rack.problems(&hall.name, &mut problems);
            let mut need = |good: bool, what: &str| {
                if !good {
                    problems.push(format!("hall {}: {what}", hall.name));
                }
            };
            need(hall.point < self.points.len(), "its point does not exist");
            need(hall.job.is_none_or(|job| job < self.jobs.len()), "its job does not exist");
            need((1..=MOST_PER_RACK).contains(&hall.per_rack), "a rack holds 1 to 128 GPUs");
            need(hall.gpus >= 1, "it has at least one GPU");
            need(hall.rated_heat_w > 0.0, "its cooling is built for some heat");
            let chip = &hall.chip;
            let highest_w = chip.level_w.iter().fold(0.0_f64, |a, b| a.max(*b));
            let most_w = highest_w * (1.0 + 3.5 * chip.noise) * (1.0 + 3.5 * chip.spread) * (1.0 + chip.overshoot)
                + chip.filler.as_ref().map_or(0.0, |filler| filler.level_w);
            need(most_w < MOST_GPU_W && chip.limit_w * chip.peak < MOST_GPU_W, "a GPU draws less than 4 kW");
            need(chip.limit_w > 0.0 && chip.peak >= 1.0 && chip.peak_s >= 0.0, "limit and peak must make sense");
            need((0.0..0.2).contains(&chip.noise) && (0.0..0.2).contains(&chip.spread), "noise is below 20 %");
            if let Some(smoothing) = &chip.smoothing {
                need(smoothing.floor_w <= chip.limit_w, "the floor must not lie above the power limit");
                need(smoothing.rest_w <= smoothing.floor_w, "the floor at rest must not lie above the floor");
                let (up, down) = smoothing.ramp_w_per_s;
                need(up > 0.0 && down > 0.0, "ramps of the floor are positive");
            }
        }
        problems
    }

    /// GPUs in all.
    #[must_use]
    pub fn gpus(&self) -> u64 {
        self.halls.iter().map(|hall| u64::from(hall.gpus)).sum()
    }
}

/// Arrivals at a barrier that a block counted in a tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) group: usize,
    pub(crate) finished: u64,
    pub(crate) latest_ms: f32,
}

/// A tile of results, 1 ms each.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// First millisecond.
    pub start_ms: u64,
    /// GPU power of each hall, W.
    pub gpus_w: Vec<Vec<f64>>,
    /// Feeder power of each hall, W.
    pub halls_w: Vec<Vec<f64>>,
    /// Load of each point, W.
    pub load_w: Vec<Vec<f64>>,
    /// Battery of each point, W; charging is positive.
    pub battery_w: Vec<Vec<f64>>,
    /// Metered import of each point, W.
    pub meter_w: Vec<Vec<f64>>,
}

impl Tile {
    /// Milliseconds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.meter_w.first().map_or(0, Vec::len)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Runs the same work on every block, in any order or at once.
pub type Spread<'a> = &'a dyn Fn(&mut [Block], &(dyn Fn(&mut Block) + Sync));

/// One after another, on the caller's thread.
pub fn in_turn(blocks: &mut [Block], work: &(dyn Fn(&mut Block) + Sync)) {
    blocks.iter_mut().for_each(work);
}

/// A campus in motion.
#[derive(Debug)]
pub struct Waveform {
    isa: Isa,
    draw: Draw,
    blocks: Vec<Block>,
    clock: Clock,
    sequences: Vec<Vec<Phase>>,
    luck: Vec<(f32, f32, f32)>,
    halls: Vec<HallState>,
    hall_points: Vec<usize>,
    points: Vec<PointState>,
    chiller_per_w: Vec<f64>,
    now_ms: u64,
    windows: usize,
    spread_ms: f32,
    racks_w: Vec<Vec<f64>>,
    tile: Tile,
}

impl Waveform {
    /// The campus at the start of a run: every job at the barrier before its first step, stores at their start.
    ///
    /// # Panics
    /// Where [`Campus::problems`] is not empty.
    #[must_use]
    pub fn new(campus: &Campus, draw: Draw, isa: Isa) -> Self {
        let problems = campus.problems();
        assert!(problems.is_empty(), "an unsound campus: {}", problems.join("; "));
        let mut layout = Layout::new(campus);
        let blocks = layout.blocks(&draw);
        let shortest_ms = campus.jobs.iter().map(|job| job.step.communication_ms).fold(TILE_MS as f64, f64::min);
        let per_w: Vec<f64> = campus.halls.iter().map(|h| h.cooling.chiller_per_w(campus.ambient_c)).collect();
        let clock = Clock::new(&campus.jobs, layout.groups.clone(), draw);
        let n = campus.halls.len();
        let mut waveform = Self {
            isa,
            draw,
            blocks,
            luck: layout.groups.iter().map(|group| luck(&campus.jobs[group.job].step)).collect(),
            clock,
            sequences: layout.sequences,
            halls: campus.halls.iter().map(|hall| hall_state(campus, hall)).collect(),
            hall_points: campus.halls.iter().map(|hall| hall.point).collect(),
            points: campus.points.iter().map(|p| PointState::new(&p.battery, p.transformer_loss)).collect(),
            chiller_per_w: per_w,
            now_ms: 0,
            windows: (shortest_ms as usize / WINDOW_MS).clamp(1, TILE_MS / WINDOW_MS),
            spread_ms: campus.jobs.iter().map(|job| job.spread_s * 1e3).fold(0.0, f64::max) as f32,
            racks_w: vec![Vec::new(); n],
            tile: Tile::default(),
        };
        waveform.begin();
        waveform
    }

    /// Puts every GPU of a running job at the barrier before its first step.
    fn begin(&mut self) {
        let stalls: Vec<_> = (0..self.clock.groups.len()).map(|group| self.clock.stalls(group)).collect();
        for block in &mut self.blocks {
            for lane in 0..LANES {
                let group = block.group[lane];
                for place in 0..block.gpus[lane] {
                    let row = &mut block.rows[place as usize];
                    let running = group != NO_GROUP && self.clock.groups[group].running();
                    if !running {
                        continue;
                    }
                    let sequence = &self.sequences[block.sequence[lane]];
                    let asset = block.first_gpu[lane] + place;
                    let barrier = sequence.len() as i32;
                    row.stretch[lane] = block::stretch(&self.draw, asset, 0, self.luck[group]);
                    let exchange = block.levels[lane][Doing::Exchange as usize] * row.own[lane];
                    row.level_w[lane] = exchange;
                    row.lagged_w[lane] = exchange;
                    row.phase[lane] = barrier;
                    row.work_ms[lane] = self.clock.groups[group].offset_ms as f32;
                    let first = phases::Stalls {
                        checkpoint_ms: 0.0,
                        data_next_ms: stalls[group].data_open_ms,
                        data_open_ms: 0.0,
                    };
                    let (next, doing, ms) = following(sequence, barrier, row.stretch[lane], &first);
                    row.next[lane] = next;
                    row.next_level_w[lane] = block.levels[lane][doing as usize] * row.own[lane];
                    row.next_ms[lane] = ms;
                }
            }
        }
    }

    /// Length of a tile, ms.
    #[must_use]
    pub fn tile_ms(&self) -> u64 {
        (self.windows * WINDOW_MS) as u64
    }

    /// Milliseconds simulated so far.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// GPUs that are advanced in each millisecond.
    #[must_use]
    pub fn gpus(&self) -> u64 {
        self.blocks.iter().map(Block::gpus).sum()
    }

    /// Statistics of each job.
    #[must_use]
    pub fn paces(&self) -> Vec<JobPace> {
        self.clock.pace()
    }

    /// Moves everything by one tile and returns what it did.
    pub fn advance(&mut self, spread: Spread<'_>) -> &Tile {
        let steps = self.windows * WINDOW_MS;
        let start_ms = self.now_ms as f64;
        let views = self.clock.open(start_ms, steps as f64);
        let tile = BlockTile {
            isa: self.isa,
            draw: &self.draw,
            first_window: self.now_ms / WINDOW_MS as u64,
            windows: self.windows,
            views: &views,
            sequences: &self.sequences,
            spread_ms: self.spread_ms,
            luck: &self.luck,
        };
        spread(&mut self.blocks, &|block| block.run(&tile));
        let tallies: Vec<Vec<Tally>> = self.blocks.iter().map(|block| block.tallies.clone()).collect();
        self.clock.close(start_ms, views, &tallies);
        self.site(steps);
        self.now_ms += steps as u64;
        &self.tile
    }

    /// Halls and points through the tile, in one written order.
    fn site(&mut self, steps: usize) {
        let (halls, points) = (self.halls.len(), self.points.len());
        let tile = &mut self.tile;
        tile.start_ms = self.now_ms;
        for (rows, count) in [
            (&mut tile.gpus_w, halls),
            (&mut tile.halls_w, halls),
            (&mut tile.load_w, points),
            (&mut tile.battery_w, points),
            (&mut tile.meter_w, points),
            (&mut self.racks_w, halls),
        ] {
            rows.resize_with(count, Vec::new);
            for row in rows {
                row.clear();
                row.resize(steps, 0.0);
            }
        }
        for block in &self.blocks {
            for segment in &block.segments {
                for ms in 0..steps {
                    self.racks_w[segment.hall][ms] += segment.input_w[ms];
                    tile.gpus_w[segment.hall][ms] += segment.gpus_w[ms];
                }
            }
        }
        for ms in 0..steps {
            for hall in 0..halls {
                let feeder_w = self.halls[hall].step(self.racks_w[hall][ms], self.chiller_per_w[hall]);
                tile.halls_w[hall][ms] = feeder_w;
                tile.load_w[self.hall_points[hall]][ms] += feeder_w;
            }
            for point in 0..points {
                let (battery_w, meter_w) = self.points[point].step(tile.load_w[point][ms]);
                tile.battery_w[point][ms] = battery_w;
                tile.meter_w[point][ms] = meter_w;
            }
        }
    }

    /// Energies since the start. Asserts that they close.
    ///
    /// # Panics
    /// Where a balance does not close: a defect of ours.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let exact = |sum: u64| sum as f64 / PER_W * STEP_S;
        for block in &self.blocks {
            for lane in 0..LANES {
                let sums = &block.sums[lane];
                ledger.asked_j += exact(sums.asked);
                ledger.filler_j += exact(sums.filler);
                ledger.burned_j += exact(sums.burned);
                ledger.shaved_j += exact(sums.shaved);
                let racks = &block.racks;
                ledger.gpus_j += racks.gpus[lane] * STEP_S;
                ledger.other_j += racks.other_w[lane] * self.now_ms as f64 * STEP_S;
                ledger.conversion_j += racks.converted[lane] * STEP_S;
                ledger.racks_j += racks.input[lane] * STEP_S;
                racks.supply.add_to(lane, &mut ledger.supply);
                racks.shelf.add_to(lane, &mut ledger.shelf);
            }
        }
        for hall in &self.halls {
            ledger.distribution_j += hall.distribution * STEP_S;
            ledger.house_j += hall.house * STEP_S;
            ledger.cooling_j += hall.cooled * STEP_S;
            ledger.halls_j += hall.total * STEP_S;
        }
        for point in &self.points {
            ledger.load_j += point.load * STEP_S;
            ledger.transformer_j += point.transformed * STEP_S;
            ledger.meter_j += point.meter * STEP_S;
            point.add_to(&mut ledger.battery);
        }
        ledger.assert_closed();
        ledger
    }
}

fn luck(step: &Step) -> (f32, f32, f32) {
    (step.jitter as f32, step.straggler_share as f32, step.straggler_slowdown as f32)
}

/// Mean power of a GPU of a hall before the run: over a step where its job runs, so that low-passes and cooling begin
/// where they would be, W.
fn mean_level_w(campus: &Campus, hall: &Hall) -> f64 {
    let level_w = |doing: Doing| hall.chip.level_w[doing as usize];
    let Some(job) = hall.job.map(|job| &campus.jobs[job]).filter(|job| job.starts_s <= 0.0) else {
        return level_w(Doing::Rest);
    };
    let step = &job.step;
    let batches = f64::from(step.micro_batches);
    let (forward_ms, backward_ms) = (batches * step.forward_ms, batches * step.backward_ms);
    let rest_ms = step.period_ms() - forward_ms - backward_ms;
    (forward_ms * level_w(Doing::Forward) + backward_ms * level_w(Doing::Backward) + rest_ms * level_w(Doing::Exchange))
        / step.period_ms()
}

fn hall_state(campus: &Campus, hall: &Hall) -> HallState {
    let racks = f64::from(hall.gpus.div_ceil(hall.per_rack));
    let rack = &hall.rack;
    let level_w = mean_level_w(campus, hall);
    let dc_w = f64::from(hall.gpus) * (level_w + rack.other_w);
    let ac_w = dc_w + racks * rack.conversion.loss_w(dc_w / racks);
    HallState {
        loss: hall.distribution_loss,
        fixed_w: hall.fixed_w,
        cooling: hall.cooling.clone(),
        rated_heat_w: hall.rated_heat_w,
        heat_w: ac_w * (1.0 + hall.distribution_loss) + hall.fixed_w,
        blend: if hall.cooling.lag_s > 0.0 { 1.0 - libm::exp(-STEP_S / hall.cooling.lag_s) } else { 1.0 },
        distribution: 0.0,
        house: 0.0,
        cooled: 0.0,
        total: 0.0,
    }
}

/// Racks laid out on blocks: halls with the same number of GPUs per rack share blocks.
struct Layout<'a> {
    campus: &'a Campus,
    groups: Vec<Group>,
    sequences: Vec<Vec<Phase>>,
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
    fn new(campus: &'a Campus) -> Self {
        let mut layout =
            Self { campus, groups: Vec::new(), sequences: Vec::new(), job_group: Vec::new(), job_sequence: Vec::new() };
        for (index, job) in campus.jobs.iter().enumerate() {
            layout.job_group.push(layout.groups.len());
            layout.job_sequence.push(layout.sequences.len());
            let running = job.starts_s <= 0.0;
            let groups = if job.coherence < 1.0 { 1 + OFFSETS } else { 1 };
            for group in 0..groups {
                let share = if group == 0 { 0.0 } else { (group as f64 - 0.5) / OFFSETS as f64 };
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

    fn blocks(&mut self, draw: &Draw) -> Vec<Block> {
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
            lines: [[(1.0, 0.0); 2]; LANES],
            settings: Settings::empty(),
            rows: Vec::new(),
            racks: Racks::new(),
            segments: Vec::new(),
            sums: [block::GpuSums::default(); LANES],
            tallies: Vec::new(),
        };
        let places = racks.iter().map(|(_, place)| place.gpus).max().unwrap_or(0);
        block.rows = vec![Row::new(); places as usize];
        block.racks.set_places(places);
        for (lane, (_, place)) in racks.iter().enumerate() {
            let hall = &self.campus.halls[place.hall];
            block.first_gpu[lane] = place.first_gpu;
            block.gpus[lane] = place.gpus;
            block.group[lane] = place.group;
            block.sequence[lane] = place.sequence;
            block.levels[lane] = hall.chip.level_w.map(|level_w| level_w as f32);
            block.lines[lane] = pace_lines(hall.chip.throughput_exponent);
            set_chip(&mut block.settings, lane, &hall.chip);
            let doing = if place.group == NO_GROUP || !self.groups[place.group].running() {
                Doing::Rest
            } else {
                Doing::Exchange
            };
            let gpus_w = mean_level_w(self.campus, hall) * f64::from(place.gpus);
            block.racks.set(lane, &hall.rack, place.gpus, gpus_w);
            for (row, asset) in block.rows.iter_mut().zip(place.first_gpu..place.first_gpu + place.gpus) {
                let word = draw.words(asset, Purpose::GpuCard, 0)[0];
                row.own[lane] = 1.0 + hall.chip.spread as f32 * chip::bell(word);
                let rest = block.levels[lane][Doing::Rest as usize] * row.own[lane];
                (row.level_w[lane], row.next_level_w[lane]) = (rest, rest);
                row.lagged_w[lane] = rest;
                // A job that runs at the start has its floor up already.
                row.floor_w[lane] = block.settings.rest_w[lane];
                if doing == Doing::Exchange {
                    row.floor_w[lane] = block.settings.floor_w[lane];
                    row.quiet_ms[lane] = 0;
                }
                (row.phase[lane], row.next[lane], row.work_ms[lane]) = (HALT, HALT, ENDLESS_MS);
            }
            match block.segments.last_mut() {
                Some(segment) if segment.hall == place.hall => segment.end = lane + 1,
                _ => block.segments.push(Segment {
                    hall: place.hall,
                    first: lane,
                    end: lane + 1,
                    input_w: vec![0.0; TILE_MS],
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
    (settings.filler[lane], settings.filler_keep[lane]) = (blend(filler.lag_s), 1.0 - blend(filler.lag_s));
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
fn pace_lines(throughput_exponent: f64) -> block::Lines {
    let curve = ThroughputCurve::new(throughput_exponent);
    let line = |a: f64, b: f64| {
        let (ya, yb) = (curve.at_power_share(a), curve.at_power_share(b));
        let slope = (ya - yb) / (a - b);
        ((ya - slope * a) as f32, slope as f32)
    };
    let share = |i: usize| crate::gpu::A100_SWEEP[i].power_w / crate::gpu::A100_SWEEP[5].power_w;
    [line(1.0, share(3)), line(share(1), share(0))]
}
