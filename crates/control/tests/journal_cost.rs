//! What a row of the largest campus costs: bytes and time. Run it alone, on a quiet machine:
//! `cargo test --release -p tieline-control --test journal_cost -- --ignored --nocapture`.

// The only test here that needs a clock: it measures.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod rig;

use std::time::{Duration, Instant};
use tieline_control::journal::{Header, JournalReader, JournalWriter};
use tieline_control::replay::replay;
use tieline_control::*;
use tieline_units::{Draw, Purpose, Span, Time};

const POINTS: usize = 3;
const HALLS_HERE: usize = 32;
const TURBINES_HERE: usize = 41;
const UNITS: usize = 168;
const EPOCH: u64 = 1;

fn largest() -> Config {
    let toy = rig::config();
    let spread = |index: usize, count: usize| (index * POINTS / count) as u8;
    Config {
        pois: (0..POINTS).map(|at| PoiConfig { name: format!("point {at}"), ..toy.pois[0].clone() }).collect(),
        limits: (0..16)
            .map(|at| LimitConfig {
                name: format!("limit {at}"),
                kind: [LimitKind::Contract, LimitKind::Utility, LimitKind::Operator, LimitKind::Emergency][at % 4],
                poi: (at % 4 < POINTS).then_some((at % 4) as u8),
                window: Span::secs([0, 60, 900, 3_600][at / 4]),
                initial_w: if at % 4 == 3 { 1_200e6 } else { 420e6 },
                ..toy.limits[0].clone()
            })
            .collect(),
        halls: (0..HALLS_HERE)
            .map(|at| HallConfig {
                name: format!("hall {at}"),
                poi: spread(at, HALLS_HERE),
                gpus: 31_000.0,
                job: (at % 6) as u8,
                ..toy.halls[0].clone()
            })
            .collect(),
        turbines: (0..TURBINES_HERE)
            .map(|at| TurbineConfig {
                name: format!("T{at}"),
                poi: spread(at, TURBINES_HERE),
                rated_w: 16e6,
                min_w: 6e6,
                ..toy.turbines[0].clone()
            })
            .collect(),
        batteries: (0..UNITS)
            .map(|at| BatteryConfig {
                name: format!("B{at}"),
                poi: spread(at, UNITS),
                charge_w: 1.9e6,
                discharge_w: 1.9e6,
                energy_j: 3.9 * 3.6e9,
                ..toy.batteries[0].clone()
            })
            .collect(),
        ..toy
    }
}

/// Telemetry as a site has it: meters with noise on every tick, units once a second, in the steps of the instruments.
struct Busy {
    draw: Draw,
    tick: u64,
    seen: Observation,
    sent: Decision,
    soc: [f64; UNITS],
}

impl Busy {
    fn luck(&self, asset: usize, purpose: Purpose) -> f64 {
        self.draw.uniform(asset as u32, purpose, self.tick)
    }
}

fn stepped(value: f64, step: f64) -> f64 {
    libm::rint(value / step) * step
}

impl Site for Busy {
    fn observe(&mut self, now: Time) -> Observation {
        let seconds = self.tick as f64 / 10.0;
        let swing = (seconds * core::f64::consts::TAU / 40.0).sin();
        let mut seen = self.seen;
        seen.now = now;
        seen.utc_ns = 1_784_000_000_000_000_000 + now.as_nanos() + (1e4 * self.luck(0, Purpose::Fault)) as i64;
        for point in 0..POINTS {
            let battery_w: f64 = self.sent.battery_w[56 * point..56 * (point + 1)].iter().sum();
            let noise_w = 0.2e6 * self.luck(point, Purpose::MeterNoise);
            let import_w = 390e6 + 30e6 * swing + battery_w + noise_w;
            seen.poi_import_w.set(point, stepped(import_w, 1e4), now - Span::millis(100));
            seen.poi_voltage_pu.set(point, 1.0 + 0.001 * self.luck(point, Purpose::Weather), now);
            seen.poi_frequency_hz.set(point, 60.0 + 0.01 * self.luck(point, Purpose::GridLoad), now);
        }
        if self.tick.is_multiple_of(10) {
            for hall in 0..HALLS_HERE {
                let power_w = 34e6 + 3e6 * swing + 0.5e6 * self.luck(hall, Purpose::HallNoise);
                seen.hall_w.set(hall, stepped(power_w, 1e3), now);
                seen.cooling_w.set(hall, stepped(0.1 * power_w, 1e3), now);
            }
            for turbine in 0..TURBINES_HERE {
                let power_w = 10e6 + 0.05e6 * self.luck(turbine, Purpose::TurbineTrip);
                seen.turbine_generation_w.set(turbine, stepped(power_w, 1e3), now);
                seen.turbine_available_w.set(turbine, 15e6, now);
            }
            for unit in 0..UNITS {
                let power_w = self.sent.battery_w[unit] + 3e3 * self.luck(unit, Purpose::Phase);
                self.soc[unit] = (self.soc[unit] + power_w / (3.9 * 3.6e9)).clamp(0.0, 1.0);
                seen.battery_w.set(unit, stepped(power_w, 1e3), now);
                seen.battery_soc.set(unit, stepped(self.soc[unit], 1e-4), now);
                seen.battery_available_w.set(unit, 1.9e6, now);
            }
            seen.ambient_c.set(0, stepped(30.0 + 0.2 * self.luck(0, Purpose::Inference), 0.1), now);
            for source in 0..16 {
                seen.limit_w.set(source, if source % 4 == 3 { 1_200e6 } else { 420e6 }, now);
            }
        }
        self.seen = seen;
        self.tick += 1;
        seen
    }

    fn outlook(&mut self, now: Time) -> Option<Outlook> {
        (self.tick % 3_000 == 1).then(|| Outlook {
            made_at: now,
            start: now,
            slot: Span::secs(300),
            slots: 288,
            load_w: core::array::from_fn(|slot| 1.2e9 + 1e5 * ((slot as u64 * self.tick) % 997) as f32),
            import_limit_w: [1.2e9; SLOTS],
            price_usd_per_mwh: core::array::from_fn(|slot| 30.0 + ((slot as u64 + self.tick) % 40) as f32),
            ambient_c: [30.0; SLOTS],
            schedule_w: [f32::NAN; SLOTS],
            next_checkpoint: core::array::from_fn(|job| Time::ZERO + Span::secs(job as i64)),
        })
    }

    fn actuate(&mut self, decision: &Decision) {
        self.sent = *decision;
    }
}

/// What a row borrows.
type Owned = (Observation, Option<Outlook>, Option<Plan>, Decision, Decision, State);

/// Keeps everything that the rows need.
#[derive(Default)]
struct Kept(Vec<Owned>);

impl Journal for Kept {
    fn append(&mut self, row: &Row<'_>) {
        let tables = (row.outlook.cloned(), row.plan.cloned());
        self.0.push((*row.observation, tables.0, tables.1, *row.proposed, *row.guarded, *row.next));
    }
}

#[test]
#[ignore = "a measurement; needs a quiet machine"]
fn cost_of_a_row_of_the_largest_campus() {
    const TICKS: i64 = 6_000;
    let config = largest();
    assert_eq!(config.problems(), Vec::<String>::new());
    let mut site = Busy {
        draw: Draw::new(1, 0),
        tick: 0,
        seen: Observation::empty(Time::ZERO),
        sent: Decision::idle(Time::ZERO, EPOCH),
        soc: [0.6; UNITS],
    };
    let mut kept = Kept::default();
    let mut clock = Stepping { end: Time::ZERO + Span::millis(100 * TICKS) };
    run(&config, State::new(Time::ZERO, EPOCH), &mut site, &mut clock, &mut kept);
    let each = |total: f64| total / TICKS as f64;
    let (mut least_ns, mut bytes) = (f64::INFINITY, Vec::new());
    let mut by_kind = [Duration::ZERO; 2];
    // The least of some passes: what disturbs only adds.
    for _ in 0..20 {
        bytes = Vec::with_capacity(2_000 * TICKS as usize);
        bytes.resize(bytes.capacity(), 1);
        bytes.clear();
        let mut journal = JournalWriter::new(bytes, &Header::default()).expect("a vector takes bytes");
        let mut spent = Duration::ZERO;
        by_kind = [Duration::ZERO; 2];
        for (tick, (observation, outlook, plan, proposed, guarded, next)) in kept.0.iter().enumerate() {
            // In a run all this was made just before: it lies in the cache.
            let here = (*observation, *proposed, *guarded, *next);
            let (observation, proposed, guarded, next) = std::hint::black_box(&here);
            let (outlook, plan) = (outlook.as_ref(), plan.as_ref());
            let row = Row { observation, outlook, plan, proposed, guarded, next };
            let begun = Instant::now();
            journal.append(&row);
            let took = begun.elapsed();
            spent += took;
            by_kind[usize::from(tick % 10 == 0)] += took;
        }
        bytes = journal.finish().expect("written");
        least_ns = least_ns.min(each(spent.as_nanos() as f64));
    }
    println!("{:.0} bytes and {least_ns:.0} ns per row", each(bytes.len() as f64));
    println!(
        "{:.0} ns with the units' telemetry, once a second, and {:.0} ns without (last pass)",
        each(by_kind[1].as_nanos() as f64) * 10.0,
        each(by_kind[0].as_nanos() as f64) / 0.9
    );
    let (begun, state) = (Instant::now(), &kept.0[9].5);
    let sum = (0..1_000).fold(0_u64, |sum, _| sum.wrapping_add(std::hint::black_box(state).digest()));
    println!("{:.0} ns of it is the digest of the state ({sum})", begun.elapsed().as_nanos() as f64 / 1e3);
    let begun = Instant::now();
    (0..999).for_each(|_| _ = std::hint::black_box(Instant::now()));
    println!("{:.0} ns is a look at the clock", begun.elapsed().as_nanos() as f64 / 1e3);
    report(&bytes);
    println!("a day of 864,000 rows: {:.0} MB", 864_000.0 * each(bytes.len() as f64) / 1e6);
    let begun = Instant::now();
    let replayed = replay(JournalReader::open(&bytes[..]).expect("opens"), &config, EPOCH).expect("reads");
    println!("replay {:.0} ns per row", each(begun.elapsed().as_nanos() as f64));
    assert_eq!((replayed.rows, replayed.first_difference), (TICKS as u64, None));
    assert!(each(bytes.len() as f64) <= 694.0, "600 MB a day");
}

/// Prints what whole rows cost.
fn report(bytes: &[u8]) {
    let (mut count, mut sum, mut largest, mut at) = (0_usize, 0_usize, 0, 12);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        if bytes[at + 4] == b'W' {
            (count, sum) = (count + 1, sum + length);
        }
        largest = largest.max(length);
        at += length + 8;
    }
    println!("{count} whole rows of {:.0} bytes; the largest frame {largest}", sum as f64 / count as f64);
}
