//! A campus in motion: every tile through the blocks of racks, then halls and points, and the ledger of it all.
//!
//! Not modelled: what the parts leave out.

use super::block::{self, Block, NO_GROUP, Tile as BlockTile};
use super::chip::PER_W;
use super::clock::Clock;
use super::layout::Layout;
use super::phases::{self, Doing, Phase, Step, following};
use super::rack::{STEP_S, Store};
use super::site::{Battery, HallState, PointState};
use super::{Campus, Hall, Isa, JobPace, LANES, Ledger, Spread, TILE_MS, Tally, Tile, WINDOW_MS};
use tieline_units::Draw;

/// A campus in motion.
#[derive(Debug)]
pub struct Waveform {
    isa: Isa,
    draw: Draw,
    blocks: Vec<Block>,
    clock: Clock,
    sequences: Vec<Vec<Phase>>,
    luck: Vec<(f32, f32, f32)>,
    sites: Vec<Site>,
    hall_points: Vec<usize>,
    chiller_per_w: Vec<f64>,
    now_ms: u64,
    windows: usize,
    spread_ms: Vec<f32>,
}

/// Halls and points of a campus in motion, and their tile.
#[derive(Debug)]
struct Site {
    halls: Vec<HallState>,
    points: Vec<PointState>,
    racks_w: Vec<Vec<f64>>,
    tile: Tile,
}

/// What two campuses must share for the GPUs of both to be the same: all but rack storage and batteries.
fn without_storage(campus: &Campus) -> Campus {
    let mut campus = campus.clone();
    for hall in &mut campus.halls {
        (hall.rack.supply_store, hall.rack.shelf_store) = (Store::none(), Store::none());
    }
    for point in &mut campus.points {
        point.battery = Battery::none();
    }
    campus
}

impl Waveform {
    /// The campus at the start of a run: every job at the barrier before its first step, stores at their start.
    ///
    /// # Panics
    /// Where [`Campus::problems`] is not empty.
    #[must_use]
    pub fn new(campus: &Campus, draw: Draw, isa: Isa) -> Self {
        Self::beside(std::slice::from_ref(campus), draw, isa)
    }

    /// Campuses that differ in rack storage and batteries only: nothing of these acts on a GPU, so the GPUs run once for
    /// all, and each campus comes out with the bits that it has alone.
    ///
    /// # Panics
    /// Where there is none, one is unsound ([`Campus::problems`]), or they differ in more.
    #[must_use]
    pub fn beside(campuses: &[Campus], draw: Draw, isa: Isa) -> Self {
        let campus = campuses.first().expect("at least one campus");
        let problems: Vec<String> = campuses.iter().flat_map(Campus::problems).collect();
        assert!(problems.is_empty(), "an unsound campus: {}", problems.join("; "));
        let shared = without_storage(campus);
        assert!(campuses[1..].iter().all(|other| without_storage(other) == shared), "they differ in storage only");
        let mut layout = Layout::new(campuses, &draw);
        let blocks = layout.blocks(&draw);
        let shortest_ms = campus.jobs.iter().map(|job| job.step.communication_ms).fold(TILE_MS as f64, f64::min);
        let per_w: Vec<f64> = campus.halls.iter().map(|h| h.cooling.chiller_per_w(campus.ambient_c)).collect();
        let clock = Clock::new(&campus.jobs, layout.groups.clone(), draw);
        let mut waveform = Self {
            isa,
            draw,
            blocks,
            luck: layout.groups.iter().map(|group| luck(&campus.jobs[group.job].step)).collect(),
            clock,
            sequences: layout.sequences,
            sites: campuses
                .iter()
                .map(|campus| Site {
                    halls: campus.halls.iter().map(|hall| hall_state(campus, hall)).collect(),
                    points: campus.points.iter().map(|p| PointState::new(&p.battery, p.transformer_loss)).collect(),
                    racks_w: vec![Vec::new(); campus.halls.len()],
                    tile: Tile::default(),
                })
                .collect(),
            hall_points: campus.halls.iter().map(|hall| hall.point).collect(),
            chiller_per_w: per_w,
            now_ms: 0,
            windows: (shortest_ms as usize / WINDOW_MS).clamp(1, TILE_MS / WINDOW_MS),
            spread_ms: layout.groups.iter().map(|group| (campus.jobs[group.job].spread_s * 1e3) as f32).collect(),
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
            spread_ms: &self.spread_ms,
            luck: &self.luck,
        };
        spread(&mut self.blocks, &|block| block.run(&tile));
        let tallies: Vec<Vec<Tally>> = self.blocks.iter().map(|block| block.tallies.clone()).collect();
        self.clock.close(start_ms, views, &tallies);
        for site in 0..self.sites.len() {
            self.site(site, steps);
        }
        self.now_ms += steps as u64;
        &self.sites[0].tile
    }

    /// The last tile of each campus, in the order given.
    pub fn tiles(&self) -> impl Iterator<Item = &Tile> {
        self.sites.iter().map(|site| &site.tile)
    }

    /// Halls and points of a campus through the tile, in one written order.
    fn site(&mut self, number: usize, steps: usize) {
        let Site { halls, points, racks_w, tile } = &mut self.sites[number];
        tile.start_ms = self.now_ms;
        for (rows, count) in [
            (&mut tile.gpus_w, halls.len()),
            (&mut tile.halls_w, halls.len()),
            (&mut tile.load_w, points.len()),
            (&mut tile.battery_w, points.len()),
            (&mut tile.meter_w, points.len()),
            (&mut *racks_w, halls.len()),
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
                    racks_w[segment.hall][ms] += segment.input_w[number][ms];
                    tile.gpus_w[segment.hall][ms] += segment.gpus_w[ms];
                }
            }
        }
        for ms in 0..steps {
            for (hall, state) in halls.iter_mut().enumerate() {
                let feeder_w = state.step(racks_w[hall][ms], self.chiller_per_w[hall]);
                tile.halls_w[hall][ms] = feeder_w;
                tile.load_w[self.hall_points[hall]][ms] += feeder_w;
            }
            for (point, state) in points.iter_mut().enumerate() {
                let (battery_w, meter_w) = state.step(tile.load_w[point][ms]);
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
        self.ledger_of(0)
    }

    /// The same for one of several campuses, counted as given.
    ///
    /// # Panics
    /// As [`Self::ledger`].
    #[must_use]
    pub fn ledger_of(&self, number: usize) -> Ledger {
        let mut ledger = Ledger::default();
        let exact = |sum: u64| sum as f64 / PER_W * STEP_S;
        for block in &self.blocks {
            for lane in 0..LANES {
                let sums = &block.sums;
                ledger.asked_j += exact(sums.asked[lane]);
                ledger.filler_j += exact(sums.filler[lane]);
                ledger.burned_j += exact(sums.burned[lane]);
                ledger.shaved_j += exact(sums.shaved[lane]);
                let racks = &block.racks[number];
                ledger.gpus_j += racks.gpus[lane] * STEP_S;
                ledger.other_j += racks.other_w[lane] * self.now_ms as f64 * STEP_S;
                ledger.conversion_j += racks.converted[lane] * STEP_S;
                ledger.racks_j += racks.input[lane] * STEP_S;
                racks.supply.add_to(lane, &mut ledger.supply);
                racks.shelf.add_to(lane, &mut ledger.shelf);
            }
        }
        for hall in &self.sites[number].halls {
            ledger.distribution_j += hall.distribution * STEP_S;
            ledger.house_j += hall.house * STEP_S;
            ledger.cooling_j += hall.cooled * STEP_S;
            ledger.halls_j += hall.total * STEP_S;
        }
        for point in &self.sites[number].points {
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
pub(super) fn mean_level_w(campus: &Campus, hall: &Hall) -> f64 {
    let Some(job) = hall.job.map(|job| &campus.jobs[job]).filter(|job| job.starts_s <= 0.0) else {
        return hall.chip.level_w[Doing::Rest as usize];
    };
    let parts = hall.chip.over_step(&job.step);
    parts.iter().map(|(part_s, level_w)| part_s * level_w).sum::<f64>() / parts.iter().map(|part| part.0).sum::<f64>()
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
