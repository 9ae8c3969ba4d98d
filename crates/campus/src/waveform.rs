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
mod motion;
mod noise;
mod phases;
mod rack;
mod site;

pub use block::Block;
pub use clock::JobPace;
pub use lanes::Isa;
pub use ledger::{Ledger, StoreEnergy, TOLERANCE};
pub use motion::Waveform;
pub use phases::{Doing, Step};
pub use rack::{Conversion, Rack, Store};
pub use site::Battery;

use crate::cooling::Cooling;
use crate::gpu::Product;
use phases::LEVELS;

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
/// Most energy of a peak above the limit that the fixed point holds, J: 2^30 units of 2^-11 W and a millisecond are 524.
const MOST_ALLOWANCE_J: f64 = 500.0;
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
    /// spread 2 % and noise 3 %: guesses. Overshoot 35 %: fixed on 28 steps of one H100 (N-CAMPUS-02), for other products a
    /// guess by similarity. Peak 1.1 of the limit: the least EDP of GB200 (arXiv 2508.14318), while that H100 read up to 1.4
    /// of its limit; 50 ms: the scale of EDPp there.
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
            overshoot: 0.35,
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

    /// What it draws over a step that goes as planned: seconds and W of forward passes, of backward passes, and of exchange
    /// with the bubble. Without lag, overshoot, noise, ramps of the floor and the short peak.
    #[must_use]
    pub fn over_step(&self, step: &Step) -> [(f64, f64); 3] {
        let batches = f64::from(step.micro_batches);
        let (forward_s, backward_s) = (batches * step.forward_ms * 1e-3, batches * step.backward_ms * 1e-3);
        let rest_s = (step.period_ms() * 1e-3 - forward_s - backward_s).max(0.0);
        let floor_w = self.smoothing.as_ref().map_or(0.0, |smoothing| smoothing.floor_w);
        let filler_w = self.filler.as_ref().map_or(0.0, |filler| filler.level_w);
        let drawn_w = |doing: Doing| self.level_w[doing as usize].max(floor_w).max(filler_w).min(self.limit_w);
        [
            (forward_s, drawn_w(Doing::Forward)),
            (backward_s, drawn_w(Doing::Backward)),
            (rest_s, drawn_w(Doing::Exchange)),
        ]
    }
}

/// A synchronous job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name for people.
    pub name: String,
    /// Its training step.
    pub step: Step,
    /// Share of its racks that move in lockstep, 0..1; the others form 16 groups, each at a drawn place in the step.
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
            let allowance_j = chip.limit_w * (chip.peak - 1.0) * chip.peak_s;
            need(allowance_j < MOST_ALLOWANCE_J, "a peak takes less than 500 J more than the limit allows");
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
