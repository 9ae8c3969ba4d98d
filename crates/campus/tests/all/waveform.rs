//! The waveform against a plain scalar program, on every instruction set and thread count, and its balances.

use tieline_campus::cooling::Cooling;
use tieline_campus::gpu;
use tieline_campus::waveform::{
    Battery, Block, Campus, Chip, Conversion, Doing, Hall, Isa, Job, Point, Rack, Spread, Step, Store, Tile, WINDOW_MS,
    Waveform, in_turn,
};
use tieline_units::{Draw, Purpose};

/// Two halls of 500 GPUs with everything switched on: two jobs, one of them starting late and stopping early, the other
/// a tenth out of lockstep, two pipeline stages, all stalls, smoothing, filler, both stores, a battery.
pub fn thousand() -> Campus {
    let product = gpu::product("GB300").expect("in the catalogue");
    let step = Step {
        jitter: 0.02,
        straggler_share: 0.01,
        straggler_slowdown: 0.3,
        checkpoint_every: 3,
        checkpoint_ms: 200.0,
        data_stall_share: 0.4,
        data_stall_ms: 60.0,
        ..Step::of_period(700.0, 0.25, 2, 3)
    };
    let job = |name: &str, coherence: f64, starts_s: f64, stops_s: f64| Job {
        name: name.to_owned(),
        step: step.clone(),
        coherence,
        starts_s,
        stops_s,
        mean_time_to_failure_s: f64::INFINITY,
        detect_s: 0.5,
        restart_s: 1.0,
        load_s: 0.5,
        spread_s: 0.2,
    };
    let hall = |name: &str, job: usize, per_rack: u32, chip: Chip| Hall {
        name: name.to_owned(),
        point: 0,
        job: Some(job),
        gpus: 500,
        per_rack,
        rack: Rack {
            other_w: product.other_w,
            supply_store: Store::gb300(f64::from(per_rack), product.rated_w)
                .planned(&chip.over_step(&step).map(|(s, w)| (s, (w + product.other_w) * f64::from(per_rack)))),
            shelf_store: Store {
                energy_j: 2e5,
                power_w: 3e4,
                charge_w: 3e4,
                smooth_s: 3.0,
                recentre_s: 30.0,
                ..Store::gb300(1.0, 1.0)
            },
            conversion: Conversion::shelf(132e3),
        },
        chip,
        distribution_loss: 0.03,
        fixed_w: 1e4,
        cooling: Cooling {
            cop_at_25c: 4.5,
            cop_per_k: 0.05,
            free_cooling_below_c: 12.0,
            pumps_and_fans: 0.03,
            pumps_and_fans_min: 0.2,
            lag_s: 300.0,
        },
        rated_heat_w: 1e6,
    };
    let chip = Chip::of(&product);
    Campus {
        points: vec![Point {
            name: "point".to_owned(),
            battery: Battery {
                rated_w: 3e5,
                energy_j: 3.6e9,
                round_trip: 0.91,
                soc_range: (0.1, 0.9),
                soc_start: 0.5,
                delay_ms: 20,
                lag_s: 0.02,
                smooth_s: 5.0,
                ramp_w_per_s: (1e5, 1e5),
                recentre_s: 1_800.0,
            },
            transformer_loss: 0.005,
        }],
        jobs: vec![job("steady", 0.9, 0.0, f64::INFINITY), job("late", 1.0, 1.2, 3.1)],
        halls: vec![
            hall("A", 0, 72, Chip { limit_w: 1_150.0, ..chip.clone().smoothed(0.6).filled(0.4) }),
            hall(
                "B",
                1,
                32,
                Chip {
                    smoothing: chip.clone().smoothed(0.5).smoothing.map(|s| tieline_campus::waveform::Smoothing {
                        hysteresis_s: 0.3,
                        ramp_w_per_s: (2_000.0, 900.0),
                        ..s
                    }),
                    ..chip
                },
            ),
        ],
        ambient_c: 35.0,
    }
}

/// Bits of everything that a run gives, digested.
fn digest(campus: &Campus, isa: Isa, tiles: usize, spread: Spread<'_>) -> u64 {
    let mut waveform = Waveform::new(campus, Draw::new(5, 0), isa);
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |value: f64| {
        digest = (digest ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
    };
    for _ in 0..tiles {
        let Tile { gpus_w, halls_w, load_w, battery_w, meter_w, .. } = waveform.advance(spread);
        for rows in [gpus_w, halls_w, load_w, battery_w, meter_w] {
            rows.iter().flatten().for_each(|value| take(*value));
        }
    }
    let ledger = waveform.ledger();
    for value in
        [ledger.asked_j, ledger.filler_j, ledger.burned_j, ledger.shaved_j, ledger.supply.lost_j, ledger.meter_j]
    {
        take(value);
    }
    digest
}

/// Blocks on two threads, handed out from both ends so that their order differs.
fn two_threads(blocks: &mut [Block], work: &(dyn Fn(&mut Block) + Sync)) {
    let (left, right) = blocks.split_at_mut(blocks.len() / 2);
    #[allow(clippy::disallowed_methods)] // the test is such a caller
    std::thread::scope(|scope| {
        scope.spawn(|| right.iter_mut().rev().for_each(work));
        left.iter_mut().for_each(work);
    });
}

#[test]
fn every_instruction_set_and_thread_count_gives_the_same_bits() {
    let campus = thousand();
    let reference = digest(&campus, Isa::Baseline, 40, &in_turn);
    let mut tried = Vec::new();
    for isa in Isa::available() {
        tried.push(isa.name());
        assert_eq!(digest(&campus, isa, 40, &in_turn), reference, "{}", isa.name());
        assert_eq!(digest(&campus, isa, 40, &two_threads), reference, "{} on two threads", isa.name());
    }
    println!("instruction sets tried here: {}", tried.join(", "));
    let mut other = campus;
    other.halls[0].chip.noise += 1e-3;
    assert_ne!(digest(&other, Isa::Baseline, 40, &in_turn), reference, "the digest sees a change");
}

#[test]
fn campuses_that_differ_in_storage_come_out_beside_each_other_as_alone() {
    let all = thousand();
    let mut bare = all.clone();
    for hall in &mut bare.halls {
        (hall.rack.supply_store, hall.rack.shelf_store) = (Store::none(), Store::none());
    }
    bare.points[0].battery = Battery::none();
    let mut beside = Waveform::beside(&[all.clone(), bare.clone()], Draw::new(5, 0), Isa::best());
    let mut alone = [all, bare].map(|campus| Waveform::new(&campus, Draw::new(5, 0), Isa::best()));
    for _ in 0..20 {
        beside.advance(&in_turn);
        for (together, alone) in beside.tiles().zip(&mut alone) {
            let alone = alone.advance(&in_turn);
            assert_eq!((&together.load_w, &together.meter_w), (&alone.load_w, &alone.meter_w));
        }
    }
    for (number, alone) in alone.iter().enumerate() {
        assert_eq!(beside.ledger_of(number).meter_j.to_bits(), alone.ledger().meter_j.to_bits());
    }
    assert!(beside.ledger_of(0).meter_j != beside.ledger_of(1).meter_j, "the stores did something");
}

#[test]
fn the_ledger_closes_with_every_device_at_work() {
    let mut campus = thousand();
    campus.jobs[0].mean_time_to_failure_s = 6.0;
    let mut waveform = Waveform::new(&campus, Draw::new(3, 0), Isa::best());
    for _ in 0..160 {
        waveform.advance(&in_turn);
    }
    let ledger = waveform.ledger();
    println!("{ledger:?}\n{:?}", waveform.paces());
    assert!(ledger.residual_share() <= 1e-9, "{}", ledger.residual_share());
    for (name, energy_j) in [
        ("filler", ledger.filler_j),
        ("floor", ledger.burned_j),
        ("limits", ledger.shaved_j),
        ("storage in power supplies", ledger.supply.charged_j),
        ("battery shelves", ledger.shelf.discharged_j),
        ("site battery", ledger.battery.charged_j),
        ("conversion", ledger.conversion_j),
        ("cooling", ledger.cooling_j),
    ] {
        assert!(energy_j > 0.0, "{name} did nothing");
    }
    assert!(waveform.paces()[0].failures > 0 && waveform.paces()[0].steps > 5);
    assert!(ledger.supply.least_share < 0.4 && ledger.supply.most_share > 0.6, "the stores move");
}

/// One GPU of the plain program.
struct Gpu {
    asset: u32,
    hall: usize,
    group: usize,
    stage: u32,
    own: f32,
    stretch: f32,
    phase: Place,
    level: f32,
    work: f32,
    next: (Place, f32, f32),
    pace: f32,
    lagged: f32,
    above: f32,
    filler: f32,
    used: i32,
    floor: f32,
    hold: f32,
    asked_sum: i64,
    shaved_sum: i64,
}

/// Where a GPU is in its step.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Pass(usize),
    Barrier,
    Checkpoint,
    Data,
    Off,
}

struct Group {
    job: usize,
    gpus: usize,
    step: u64,
    arrived: usize,
    latest: f64,
    release: Option<f64>,
    running: bool,
    turns: u64,
}

fn bell(word: u32) -> f32 {
    let sum: u32 = word.to_le_bytes().iter().map(|byte| u32::from(*byte)).sum();
    (sum as i32 as f32 - 510.0) * (1.0 / 147.801)
}

fn stretch(draw: &Draw, step: &Step, asset: u32, number: u64) -> f32 {
    let words = draw.words(asset, Purpose::GpuStep, number);
    let straggles = (words[1] >> 8) as f32 * (1.0 / 16_777_216.0) < step.straggler_share as f32;
    (1.0 + step.jitter as f32 * bell(words[0])) * if straggles { 1.0 + step.straggler_slowdown as f32 } else { 1.0 }
}

/// The passes of a stage: what, how long, whether it computes.
fn passes(step: &Step, stage: u32) -> Vec<(Doing, f32, bool)> {
    let (f, b) = (step.forward_ms, step.backward_ms);
    let mut list = Vec::new();
    if stage > 0 {
        list.push((Doing::Exchange, (f64::from(stage) * f) as f32, false));
    }
    for micro_batch in 0..step.micro_batches {
        list.push((Doing::Forward, f as f32, true));
        list.push((Doing::Backward, b as f32, true));
        let behind = step.stages - 1 - stage;
        if micro_batch == 0 && behind > 0 {
            list.push((Doing::Exchange, (f64::from(behind) * (f + b)) as f32, false));
        }
    }
    list
}

/// The whole thing once more, one GPU and one millisecond at a time, from the same configuration: no lanes, no tiles of
/// racks, no fixed point but the rounding to it.
struct Plain<'a> {
    campus: &'a Campus,
    draw: Draw,
    gpus: Vec<Gpu>,
    groups: Vec<Group>,
    tile_ms: u64,
}

const FOREVER: f32 = 1e9;

impl<'a> Plain<'a> {
    fn new(campus: &'a Campus, draw: Draw, tile_ms: u64) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut first = Vec::new();
        for (job, config) in campus.jobs.iter().enumerate() {
            first.push(groups.len());
            let count = if config.coherence < 1.0 { 17 } else { 1 };
            for _ in 0..count {
                let running = config.starts_s <= 0.0;
                groups.push(Group { job, gpus: 0, step: 0, arrived: 0, latest: 0.0, release: None, running, turns: 0 });
            }
        }
        let mut gpus = Vec::new();
        let mut racks_of_job = vec![0_u64; campus.jobs.len()];
        for (index, hall) in campus.halls.iter().enumerate() {
            let job = hall.job.expect("all halls work here");
            for rack in 0..hall.gpus.div_ceil(hall.per_rack) {
                let n = racks_of_job[job];
                racks_of_job[job] += 1;
                let coherence = campus.jobs[job].coherence;
                let whole = |n: u64| (n as f64 * coherence).floor() as u64;
                let group =
                    if coherence >= 1.0 || whole(n + 1) > whole(n) { 0 } else { 1 + (n - whole(n)) as usize % 16 };
                let stage = (n % u64::from(campus.jobs[job].step.stages)) as u32;
                for _ in 0..hall.per_rack.min(hall.gpus - rack * hall.per_rack) {
                    groups[first[job] + group].gpus += 1;
                    gpus.push((index, first[job] + group, stage));
                }
            }
        }
        let mut plain = Self { campus, draw, gpus: Vec::new(), groups, tile_ms };
        for (asset, (hall, group, stage)) in gpus.into_iter().enumerate() {
            let gpu =
                plain.fresh(asset as u32, hall, group, stage, group - first[campus.halls[hall].job.expect("works")]);
            plain.gpus.push(gpu);
        }
        plain
    }

    fn fresh(&self, asset: u32, hall: usize, group: usize, stage: u32, place: usize) -> Gpu {
        let chip = &self.campus.halls[hall].chip;
        let own = 1.0 + chip.spread as f32 * bell(self.draw.words(asset, Purpose::GpuCard, 0)[0]);
        let running = self.groups[group].running;
        let level = chip.level_w[if running { Doing::Exchange } else { Doing::Rest } as usize] as f32 * own;
        let smoothing = chip.smoothing.as_ref().expect("on in both halls");
        let step = &self.campus.jobs[self.groups[group].job].step;
        let mut gpu = Gpu {
            asset,
            hall,
            group,
            stage,
            own,
            stretch: stretch(&self.draw, step, asset, 0),
            phase: if running { Place::Barrier } else { Place::Off },
            level,
            work: FOREVER,
            next: (Place::Off, level, FOREVER),
            pace: 1.0,
            lagged: level,
            above: 0.0,
            filler: 0.0,
            used: 0,
            floor: if running { smoothing.floor_w } else { smoothing.rest_w } as f32,
            hold: if running { (smoothing.hysteresis_s * 1e3) as f32 } else { 0.0 },
            asked_sum: 0,
            shaved_sum: 0,
        };
        if running {
            let drawn = || self.draw.uniform(group as u32, Purpose::JobStep, u64::MAX);
            let share = if place == 0 { 0.0 } else { drawn() };
            gpu.work = (share * step.period_ms()) as f32;
            gpu.next = if self.data_ms(group, 0) > 0.0 {
                (Place::Data, chip.level_w[1] as f32 * own, self.data_ms(group, 0))
            } else {
                self.pass_place(&gpu, 0)
            };
        }
        gpu
    }

    fn data_ms(&self, group: usize, step: u64) -> f32 {
        let config = &self.campus.jobs[self.groups[group].job].step;
        let late = self.draw.uniform(group as u32, Purpose::JobStep, step) < config.data_stall_share;
        if late { config.data_stall_ms as f32 } else { 0.0 }
    }

    fn pass_place(&self, gpu: &Gpu, index: usize) -> (Place, f32, f32) {
        let step = &self.campus.jobs[self.groups[gpu.group].job].step;
        let (doing, ms, computes) = passes(step, gpu.stage)[index];
        let level = self.campus.halls[gpu.hall].chip.level_w[doing as usize] as f32 * gpu.own;
        (Place::Pass(index), level, if computes { ms * gpu.stretch } else { ms })
    }

    /// What comes after `gpu.phase`.
    fn after(&self, gpu: &Gpu) -> (Place, f32, f32) {
        let group = &self.groups[gpu.group];
        let config = &self.campus.jobs[group.job].step;
        let chip = &self.campus.halls[gpu.hall].chip;
        let stalled = chip.level_w[Doing::Stalled as usize] as f32 * gpu.own;
        let data = |number: u64| match self.data_ms(gpu.group, number) {
            0.0 => self.pass_place(gpu, 0),
            ms => (Place::Data, stalled, ms),
        };
        match gpu.phase {
            Place::Pass(index) if index + 1 < passes(config, gpu.stage).len() => self.pass_place(gpu, index + 1),
            Place::Pass(_) => (Place::Barrier, chip.level_w[Doing::Exchange as usize] as f32 * gpu.own, FOREVER),
            Place::Barrier if (group.step + 1).is_multiple_of(u64::from(config.checkpoint_every)) => {
                (Place::Checkpoint, stalled, config.checkpoint_ms as f32)
            }
            Place::Barrier => data(group.step + 1),
            Place::Checkpoint => data(group.step),
            Place::Data => self.pass_place(gpu, 0),
            Place::Off => (Place::Off, 0.0, FOREVER),
        }
    }

    /// Start and stop of jobs in the tile from `start`.
    fn turns(&mut self, start: u64) -> Vec<Option<(f64, bool)>> {
        let (from, to) = (start as f64, (start + self.tile_ms) as f64);
        let turn = |job: &Job| {
            let within = |at_s: f64| at_s > 0.0 && at_s * 1e3 >= from && at_s * 1e3 < to;
            let start = within(job.starts_s).then_some((job.starts_s * 1e3, true));
            start.or(within(job.stops_s).then_some((job.stops_s * 1e3, false)))
        };
        let turns: Vec<_> = self.campus.jobs.iter().map(turn).collect();
        for group in &mut self.groups {
            if let Some((_, runs)) = turns[group.job] {
                (group.arrived, group.latest, group.running) = (0, 0.0, runs);
                group.turns += 1;
                group.step += u64::from(runs);
            }
        }
        turns
    }

    /// Moves everything by a tile; power of each hall and millisecond.
    fn tile(&mut self, start: u64) -> Vec<Vec<f64>> {
        let turns = self.turns(start);
        let mut power = vec![vec![0.0; self.tile_ms as usize]; self.campus.halls.len()];
        let mut arrivals = Vec::new();
        let mut gpus = std::mem::take(&mut self.gpus);
        for gpu in &mut gpus {
            let group = &self.groups[gpu.group];
            if let (None, Some(release), true) = (turns[group.job], group.release, gpu.work > 0.5 * FOREVER) {
                gpu.work = (release - start as f64) as f32;
            }
            for window in 0..self.tile_ms / WINDOW_MS as u64 {
                let now = start + window * WINDOW_MS as u64;
                let turn = turns[self.groups[gpu.group].job];
                self.turn(gpu, now, turn);
                for ms in 0..WINDOW_MS as u64 {
                    let drawn = self.millisecond(gpu, now + ms);
                    power[gpu.hall][(now + ms - start) as usize] += f64::from(drawn) / 2048.0;
                }
                if let Some(at) = self.border(gpu, ((window + 1) * WINDOW_MS as u64) as f32) {
                    arrivals.push((gpu.group, at));
                }
            }
        }
        self.gpus = gpus;
        self.close(start, &turns, &arrivals);
        power
    }

    fn close(&mut self, start: u64, turns: &[Option<(f64, bool)>], arrivals: &[(usize, f32)]) {
        for group in &mut self.groups {
            group.release = None;
        }
        for (group, at) in arrivals {
            let group = &mut self.groups[*group];
            if !matches!(turns[group.job], Some((_, false))) {
                group.arrived += 1;
                group.latest = group.latest.max(start as f64 + f64::from(*at));
            }
        }
        for group in &mut self.groups {
            if group.running && group.gpus > 0 && group.arrived == group.gpus {
                group.release = Some(group.latest + self.campus.jobs[group.job].step.communication_ms);
                (group.arrived, group.latest) = (0, 0.0);
                group.step += 1;
            }
        }
    }

    fn turn(&self, gpu: &mut Gpu, now: u64, turn: Option<(f64, bool)>) {
        let Some((at, runs)) = turn else { return };
        let late = at - now as f64;
        if !(0.0..WINDOW_MS as f64).contains(&late) {
            return;
        }
        let group = &self.groups[gpu.group];
        let job = &self.campus.jobs[group.job];
        let own = self.draw.uniform(gpu.asset, Purpose::GpuStart, group.turns) as f32 * (job.spread_s * 1e3) as f32;
        gpu.work = late as f32 + own;
        gpu.pace = 1.0;
        gpu.phase = Place::Off;
        if runs {
            gpu.stretch = stretch(&self.draw, &job.step, gpu.asset, group.step);
            gpu.next = self.pass_place(gpu, 0);
        } else {
            let rest = self.campus.halls[gpu.hall].chip.level_w[0] as f32 * gpu.own;
            gpu.next = (Place::Off, rest, FOREVER);
        }
    }

    /// One millisecond of one GPU: power in units of 2^-11 W.
    fn millisecond(&self, gpu: &mut Gpu, now: u64) -> i32 {
        let chip = &self.campus.halls[gpu.hall].chip;
        let blend = |time_s: f64| if time_s > 0.0 { (1.0 - libm::exp(-1e-3 / time_s)) as f32 } else { 1.0 };
        let smoothing = chip.smoothing.as_ref().expect("on in both halls");
        let fixed = |power_w: f64| (power_w * 2048.0).round() as i32;
        let units_above = |power_w: f32| power_w.to_bits() as i32 - 4096.0_f32.to_bits() as i32;
        let units = |power_w: f32| units_above(power_w + 4096.0);
        let interval = now / WINDOW_MS as u64;
        let words = self.draw.words(gpu.asset, Purpose::GpuNoise, interval / 8);
        let half = words[(interval / 2 % 4) as usize] >> (16 * (interval % 2));
        let sum: u32 = (0..4).map(|nibble| half >> (4 * nibble) & 15).sum();
        let swing = 1.0 + (sum as i32 as f32 - 30.0) * (1.0 / 9.219_544) * chip.noise as f32;
        gpu.work -= gpu.pace;
        let level = if gpu.work >= 0.0 { gpu.level } else { gpu.next.1 } * swing;
        let before = gpu.lagged;
        gpu.lagged = before * (1.0 - blend(chip.lag_s)) + level * blend(chip.lag_s);
        let above = gpu.above + (gpu.lagged - before);
        gpu.above = above * (1.0 - blend(0.05));
        let asked_w = gpu.lagged + (above * chip.overshoot as f32).max(0.0);
        let (filler_w, lag_s) = chip.filler.as_ref().map_or((0.0, 0.0), |f| (f.level_w as f32, f.lag_s));
        gpu.filler = gpu.filler * (1.0 - blend(lag_s)) + (filler_w - asked_w).max(1.0 / 8192.0) * blend(lag_s);
        let (asked, wanted) = (units(asked_w), units_above((asked_w + 4096.0) + gpu.filler));
        let again = if asked_w > smoothing.active_w as f32 { (smoothing.hysteresis_s * 1e3) as f32 } else { 0.0 };
        gpu.hold = (gpu.hold - 1.0).max(again);
        let (up, down) = smoothing.ramp_w_per_s;
        let ramp = if gpu.hold > 0.0 { (up * 1e-3) as f32 } else { (-down * 1e-3) as f32 };
        gpu.floor = (gpu.floor + ramp).min(smoothing.floor_w as f32).max(smoothing.rest_w as f32);
        let (limit, peak) = (fixed(chip.limit_w), fixed(chip.limit_w * chip.peak));
        let allowance = fixed(chip.limit_w * (chip.peak - 1.0) * chip.peak_s / 1e-3);
        let ceiling = match gpu.floor + 4096.0 >= smoothing.floor_w as f32 + 4096.0 {
            true if gpu.used < allowance => peak,
            true => limit,
            false => units(gpu.floor),
        };
        let drawn = wanted.max(units(gpu.floor)).min(ceiling);
        gpu.used = (gpu.used + drawn - limit).max(0);
        gpu.asked_sum += i64::from(asked);
        gpu.shaved_sum += i64::from((wanted - ceiling).max(0));
        drawn
    }

    /// End of a noise interval: the pace, and whoever has passed a border. An arrival at the barrier is returned.
    fn border(&self, gpu: &mut Gpu, now: f32) -> Option<f32> {
        let step = &self.campus.jobs[self.groups[gpu.group].job].step;
        let computes = matches!(gpu.phase, Place::Pass(index) if passes(step, gpu.stage)[index].2);
        gpu.pace = 1.0;
        if computes && gpu.shaved_sum > 0 {
            let share = 1.0 - gpu.shaved_sum as f32 / gpu.asked_sum as f32;
            let exponent = self.campus.halls[gpu.hall].chip.throughput_exponent;
            gpu.pace = pace(exponent, share);
        }
        (gpu.asked_sum, gpu.shaved_sum) = (0, 0);
        if gpu.work >= 0.0 {
            return None;
        }
        let (overrun, pace) = (gpu.work, gpu.pace);
        (gpu.phase, gpu.level) = (gpu.next.0, gpu.next.1);
        gpu.work = overrun + gpu.next.2;
        gpu.pace = 1.0;
        let mut arrived = None;
        match gpu.phase {
            Place::Off => gpu.work = FOREVER,
            Place::Barrier => {
                gpu.work = FOREVER;
                gpu.stretch = stretch(&self.draw, step, gpu.asset, self.groups[gpu.group].step + 1);
                arrived = Some(now + overrun / pace);
            }
            _ => {}
        }
        let level = gpu.level;
        gpu.next = self.after(gpu);
        if gpu.phase == Place::Off {
            gpu.next = (Place::Off, level, FOREVER);
        }
        arrived
    }
}

/// Throughput at a share of the asked power: under the chords of the measured sweep at 100 and 79 %, and 53 and 27 %.
fn pace(exponent: f64, share: f32) -> f32 {
    let at = |i: usize| {
        let point = gpu::A100_SWEEP[i];
        (point.power_w / gpu::A100_SWEEP[5].power_w, libm::pow(libm::pow(point.throughput, 1.0 / 0.3), 0.3 * exponent))
    };
    let chord = |a: (f64, f64), b: (f64, f64)| {
        let slope = (a.1 - b.1) / (a.0 - b.0);
        (a.1 - slope * a.0) as f32 + slope as f32 * share
    };
    chord((1.0, 1.0), at(3)).min(chord(at(1), at(0))).clamp(0.02, 1.0)
}

#[test]
fn a_thousand_gpus_match_the_scalar_program_bit_for_bit() {
    let campus = thousand();
    let draw = Draw::new(5, 0);
    let mut waveform = Waveform::new(&campus, draw, Isa::best());
    let mut plain = Plain::new(&campus, draw, waveform.tile_ms());
    assert_eq!(plain.gpus.len(), 1_000);
    for _ in 0..45 {
        let tile = waveform.advance(&in_turn);
        let reference = plain.tile(tile.start_ms);
        for hall in 0..2 {
            for ms in 0..tile.len() {
                let (ours, theirs) = (tile.gpus_w[hall][ms], reference[hall][ms]);
                assert_eq!(
                    ours.to_bits(),
                    theirs.to_bits(),
                    "hall {hall}, {} ms: {ours} {theirs}",
                    tile.start_ms + ms as u64
                );
            }
        }
    }
    let paces = waveform.paces();
    assert!(paces[0].steps >= 10 && paces[1].steps >= 1, "steps were done, and the late job stopped: {paces:?}");
}
