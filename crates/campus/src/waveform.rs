//! The waveform: every GPU of a campus for itself at 1 ms, up to the meter.
//!
//! [`Waveform::advance`] moves everything by one tile (at most 128 ms): each GPU advances its own phase, limit, floor,
//! hysteresis and energy allowance; each rack its storage and conversion; then halls and points millisecond by millisecond.
//! Results leave through a sink tile by tile, so memory does not grow with the span. Blocks of 32 racks are independent
//! within a tile: the caller may spread them over threads, and the bits do not depend on it, nor on the instruction set.
//!
//! Not modelled: voltage and frequency (the grid is stiff), on-site turbines, temperature of GPUs, networks.

mod block;
mod borders;
mod chip;
mod clock;
mod lanes;
mod layout;
mod ledger;
mod noise;
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
use crate::gpu::Product;
use block::{NO_GROUP, Tile as BlockTile};
use chip::PER_W;
use clock::Clock;
use layout::Layout;
use phases::{LEVELS, Phase, following};
use rack::STEP_S;
use site::{HallState, PointState};
use tieline_units::Draw;

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
                need((0.0..=1e5).contains(&smoothing.hysteresis_s), "the hysteresis of the floor is at most 1e5 s");
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
                let sums = &block.sums;
                ledger.asked_j += exact(sums.asked[lane]);
                ledger.filler_j += exact(sums.filler[lane]);
                ledger.burned_j += exact(sums.burned[lane]);
                ledger.shaved_j += exact(sums.shaved[lane]);
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
