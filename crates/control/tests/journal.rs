//! The journal keeps every bit, recovers a torn tail, names a damaged or changed row by its tick; replay and explain.

mod rig;

use tieline_control::explain::explain;
use tieline_control::journal::{Ending, Header, JournalError, JournalReader, JournalWriter, OwnedRow};
use tieline_control::replay::replay;
use tieline_control::*;
use tieline_units::{Draw, Purpose, Quality, Span, Time};

const EPOCH: u64 = 7;

fn header() -> Header {
    Header {
        version: "0.0.0-test".to_owned(),
        target: "here".to_owned(),
        lockfile_digest: 0xfeed,
        scenario_digest: u64::MAX,
        seed: 42,
        scenario_name: "toy \u{263a}".to_owned(),
        scenario_text: "schema = 1\n".repeat(100),
    }
}

/// A site whose load wanders, whose meter falls silent, lies and shows nonsense now and then.
struct Toy {
    draw: Draw,
    tick: u64,
    decision: Option<Decision>,
}

impl Toy {
    fn uniform(&self, what: u32) -> f64 {
        self.draw.uniform(what, Purpose::MeterNoise, self.tick)
    }
}

impl Site for Toy {
    fn observe(&mut self, now: Time) -> Observation {
        self.tick += 1;
        let mut seen = Observation::empty(now);
        seen.utc_ns = 1_780_000_000_000_000_000 + now.as_nanos();
        let wave = 40e6 * (((self.tick % 1200) as f64) / 600.0 - 1.0).abs();
        let battery_w: f64 = self.decision.as_ref().map_or(0.0, |decision| decision.battery_w[..4].iter().sum());
        let import_w = 250e6 + wave + 1e6 * self.uniform(1) + battery_w;
        seen.poi_import_w.set(0, (import_w / 1e4).round() * 1e4, now);
        if (3_000..3_050).contains(&self.tick) {
            seen.poi_import_w.value[0] = f64::from_bits(0x7ff8_0000_dead_beef);
        }
        seen.poi_voltage_pu.set(0, 1.0, now);
        seen.poi_frequency_hz.set(0, 60.0 + 0.01 * self.uniform(2), now);
        let second = Time::nanos(now.as_nanos() / 1_000_000_000 * 1_000_000_000);
        for hall in 0..2 {
            seen.hall_w.set(hall, ((120e6 + wave / 2.0) / 1e3).round() * 1e3, second);
            seen.cooling_w.set(hall, 12e6, second);
        }
        for unit in 0..4 {
            seen.battery_w.set(unit, self.decision.as_ref().map_or(0.0, |decision| decision.battery_w[unit]), second);
            seen.battery_soc.set(unit, ((0.5 + 0.1 * self.uniform(9)) / 1e-4).round() * 1e-4, second);
            seen.battery_available_w.set(unit, 25e6, second);
        }
        for unit in 0..2 {
            seen.turbine_generation_w.set(unit, 20e6, second);
            seen.turbine_available_w.set(unit, 28e6, second);
        }
        seen.limit_w.set(0, 300e6, now);
        seen.limit_w.set(1, 300e6, now);
        seen.limit_w.set(2, f64::INFINITY, now);
        if self.tick > 2_000 {
            let at = |seconds: i64| Time::ZERO + Span::secs(seconds);
            seen.events[0] = Event {
                id: 12,
                received_at: at(200),
                start: at(260),
                end: at(400),
                limit_w: 180e6,
                poi: 0,
                cancelled: false,
                unconfirmed: false,
            };
        }
        seen
    }

    fn outlook(&mut self, now: Time) -> Option<Outlook> {
        (self.tick % 3_000 == 1).then(|| Outlook {
            made_at: now,
            start: now,
            slot: Span::secs(300),
            slots: 288,
            load_w: core::array::from_fn(|slot| 2.5e8 + slot as f32 * 1e5),
            import_limit_w: [3e8; SLOTS],
            price_usd_per_mwh: [f32::NAN; SLOTS],
            ambient_c: [30.0; SLOTS],
            schedule_w: [f32::NAN; SLOTS],
            next_checkpoint: core::array::from_fn(|job| Time::ZERO + Span::secs(job as i64)),
        })
    }

    fn actuate(&mut self, decision: &Decision) {
        self.decision = Some(*decision);
    }
}

fn recorded(ticks: i64) -> Vec<u8> {
    let config = rig::config();
    let mut site = Toy { draw: Draw::new(5, 0), tick: 0, decision: None };
    let mut clock = Stepping { end: Time::ZERO + Span::millis(100 * ticks) };
    let mut journal = JournalWriter::new(Vec::new(), &header()).expect("a vector takes bytes");
    run(&config, State::new(Time::ZERO, EPOCH), &mut site, &mut clock, &mut journal);
    assert_eq!(journal.rows(), ticks as u64);
    let counted = journal.bytes();
    let bytes = journal.finish().expect("written");
    assert!(bytes.len() as u64 > counted && bytes.len() as u64 - counted < 32, "only the end is not counted");
    bytes
}

fn rows(bytes: &[u8]) -> Result<(Vec<OwnedRow>, Ending), JournalError> {
    let mut reader = JournalReader::open(bytes)?;
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push(row.clone());
    }
    Ok((rows, reader.ended()))
}

/// Beginnings of the frames: the header, then one per row, then the end.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = 12;
    let mut starts = Vec::new();
    while at < bytes.len() {
        starts.push(at);
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        at += length + 8;
    }
    starts
}

#[test]
fn a_run_replays_to_the_bit() {
    let bytes = recorded(4_200);
    let reader = JournalReader::open(&bytes[..]).expect("opens");
    assert_eq!(reader.header(), &header());
    let replayed = replay(reader, &rig::config(), EPOCH).expect("reads");
    assert_eq!((replayed.rows, replayed.ending, replayed.first_difference), (4_200, Ending::Complete, None));
    let (rows, _) = rows(&bytes).expect("reads");
    assert_eq!(rows[0].tick, 0);
    assert!(rows[3_020].observation.poi_import_w.value[0].is_nan(), "nonsense is kept as it came");
    let full = rows.iter().filter(|row| row.state.is_some()).map(|row| row.tick).collect::<Vec<u64>>();
    assert_eq!(full, [0, 3_000], "the whole state every 300 s");
    for row in rows.iter().filter(|row| row.state.is_some()) {
        assert_eq!(row.state.as_ref().expect("filtered").digest(), row.digest);
    }
}

#[test]
fn another_configuration_or_epoch_is_a_difference_that_is_named() {
    let bytes = recorded(300);
    let mut config = rig::config();
    config.pois[0].margin_w = 40e6;
    let open = || JournalReader::open(&bytes[..]).expect("opens");
    assert!(replay(open(), &config, EPOCH).expect("reads").first_difference.is_some());
    let difference = replay(open(), &rig::config(), EPOCH + 1).expect("reads").first_difference.expect("another epoch");
    assert_eq!((difference.tick, difference.field.as_str()), (0, "proposed.epoch"));
}

/// Every bit of a decision, as words.
fn decision_bits(decision: &Decision) -> Vec<u64> {
    let ledger = &decision.ledger;
    let mut words = vec![decision.seq, decision.epoch, u64::from(decision.reason.conditions)];
    let instants = [decision.now, decision.battery_until, decision.cap_until, decision.turbine_until];
    words.extend(instants.map(|instant| instant.as_nanos() as u64));
    for values in [
        &decision.battery_w[..],
        &decision.cap_w,
        &decision.floor_w,
        &decision.turbine_w,
        &decision.target_w,
        &decision.allowed_w,
        &[ledger.stored_j, ledger.bridge_j, ledger.trip_j, ledger.ramp_j, ledger.free_j, ledger.room_j],
        &decision.reason.gave_way_w,
    ] {
        words.extend(values.iter().map(|value| value.to_bits()));
    }
    words.extend(decision.reason.binding.map(|binding| match binding {
        Binding::Nothing => 1,
        Binding::Ramp => 2,
        Binding::Island => 3,
        Binding::Limit(index) => 1_000 + u64::from(index),
        Binding::Event(place) => 2_000 + u64::from(place),
    }));
    words
}

/// Equal to the bit; readings compare so by themselves, events do not.
fn same_observation(a: &Observation, b: &Observation) -> bool {
    let limits = |seen: &Observation| seen.events.map(|event| event.limit_w.to_bits());
    let strip = |seen: &Observation| {
        let mut seen = *seen;
        seen.events.iter_mut().for_each(|event| event.limit_w = 0.0);
        seen
    };
    limits(a) == limits(b) && strip(a) == strip(b)
}

#[test]
fn every_bit_survives() {
    let draw = Draw::new(11, 0);
    let bits = |what: u32, at: u64| {
        let pick = draw.uniform(what, Purpose::MeterNoise, at);
        let word = f64::to_bits(draw.uniform(what ^ 0x55, Purpose::MeterNoise, at)).rotate_left((pick * 64.0) as u32);
        match (pick * 12.0) as u32 {
            0 => f64::NAN,
            1 => -0.0,
            2 => f64::INFINITY,
            3 => f64::NEG_INFINITY,
            4 => f64::MIN_POSITIVE / 2.0,
            5 => (pick * 1e5).round() * 1e3,
            6 => (pick * 1e5).round() * 1e-4,
            7 => 0.0,
            8 => f64::MAX,
            _ => f64::from_bits(word),
        }
    };
    let mut written = Vec::new();
    let mut journal = JournalWriter::new(Vec::new(), &header()).expect("a vector takes bytes");
    for tick in 0..400_u64 {
        let now = Time::ZERO + Span::millis(100 * tick as i64);
        let mut seen = Observation::empty(now);
        seen.utc_ns = bits(900, tick).to_bits() as i64;
        let mut proposed = Decision::idle(now, tick);
        for at in 0..BATTERIES {
            // Some arrays stay, some change in one place, some everywhere.
            let moves = tick % 7 == 0 || (tick % 3 == 0 && at % 31 == (tick % 31) as usize);
            let source = if moves { tick } else { tick / 7 };
            seen.battery_w.value[at] = bits(at as u32, source);
            seen.battery_soc.value[at] = bits(300 + at as u32, source);
            seen.battery_w.taken_at[at] = Time::nanos(bits(600 + at as u32, source).to_bits() as i64);
            seen.battery_w.quality[at] = Quality::from_code((source % 3) as u8);
            proposed.battery_w[at] = bits(1_000 + at as u32, source);
        }
        seen.events[3].id = u64::MAX - tick / 50;
        seen.events[3].limit_w = bits(2_000, tick / 50);
        proposed.ledger.free_j = bits(2_001, tick);
        proposed.reason.gave_way_w[2] = bits(2_002, tick);
        proposed.reason.binding[1] =
            if tick % 2 == 0 { Binding::Limit((tick % 256) as u8) } else { Binding::Event(255) };
        proposed.reason.conditions = (tick * 0x9e37_79b9) as u32;
        proposed.cap_until = Time::FOREVER;
        let mut guarded = proposed;
        if tick % 5 == 0 {
            guarded.cap_w[9] = bits(2_003, tick);
        }
        let next = State::new(now, tick);
        journal.append(&Row {
            observation: &seen,
            outlook: None,
            plan: None,
            proposed: &proposed,
            guarded: &guarded,
            next: &next,
        });
        written.push((seen, proposed, guarded, next.digest()));
    }
    let (rows, ending) = rows(&journal.finish().expect("written")).expect("reads");
    assert_eq!((rows.len(), ending), (written.len(), Ending::Complete));
    for (row, (seen, proposed, guarded, digest)) in rows.iter().zip(&written) {
        assert!(same_observation(&row.observation, seen), "tick {}", row.tick);
        let (a, b) = (row.proposed.reason, proposed.reason);
        assert_eq!((a.conditions, a.binding), (b.conditions, b.binding), "tick {}", row.tick);
        for unit in 0..BATTERIES {
            let (a, b) = (row.proposed.battery_w[unit], proposed.battery_w[unit]);
            assert_eq!(a.to_bits(), b.to_bits(), "tick {} unit {unit}: {a:?} {b:?}", row.tick);
        }
        assert_eq!(row.proposed.ledger.free_j.to_bits(), proposed.ledger.free_j.to_bits());
        assert_eq!(row.proposed.reason.gave_way_w[2].to_bits(), proposed.reason.gave_way_w[2].to_bits());
        assert_eq!(
            (row.proposed.now, row.proposed.cap_until, row.proposed.battery_until),
            (proposed.now, proposed.cap_until, proposed.battery_until)
        );
        assert_eq!(decision_bits(&row.proposed), decision_bits(proposed), "tick {}", row.tick);
        assert_eq!(decision_bits(&row.guarded), decision_bits(guarded), "tick {}", row.tick);
        assert_eq!(row.digest, *digest);
    }
}

#[test]
fn values_in_steps_survive_their_zeros_and_signs() {
    let draw = Draw::new(17, 0);
    for step in [1e4, 1e3, 500.0, 100.0, 10.0, 7.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 3e-7] {
        let mut journal = JournalWriter::new(Vec::new(), &header()).expect("a vector takes bytes");
        let mut written = Vec::new();
        let mut seen = Observation::empty(Time::ZERO);
        for tick in 0..150_u64 {
            seen.now = Time::ZERO + Span::millis(100 * tick as i64);
            for unit in 0..200 {
                // Walks through zero: rounding there gives both signs of it.
                let luck = draw.uniform(unit as u32, Purpose::MeterNoise, tick);
                let walk = 4.0 * (luck - 0.5) * [1.0, 1e3, 1e9][unit / 70];
                let lost = unit % 50 == 7 && tick % 40 == 3;
                let value = if lost { f64::NAN } else { nearest(walk) * step };
                if luck < 0.7 {
                    seen.battery_w.set(unit, value, seen.now);
                }
            }
            let idle = Decision::idle(seen.now, EPOCH);
            journal.append(&Row {
                observation: &seen,
                outlook: None,
                plan: None,
                proposed: &idle,
                guarded: &idle,
                next: &State::new(seen.now, EPOCH),
            });
            written.push(seen);
        }
        let (rows, _) = rows(&journal.finish().expect("written")).expect("reads");
        assert_eq!(rows.len(), written.len());
        for (row, seen) in rows.iter().zip(&written) {
            assert!(same_observation(&row.observation, seen), "step {step}, tick {}", row.tick);
        }
    }
}

/// To the nearest whole number, as the instruments do; keeps the sign of what rounds to zero.
fn nearest(value: f64) -> f64 {
    value.round_ties_even()
}

#[test]
fn a_torn_tail_is_recovered_to_the_last_whole_row() {
    let bytes = recorded(120);
    let starts = frames(&bytes);
    assert_eq!(starts.len(), 122, "header, rows, end");
    for cut in starts[119]..bytes.len() {
        let whole = starts.iter().skip(2).filter(|start| **start <= cut).count().min(120);
        let (rows, ending) = rows(&bytes[..cut]).expect("a torn tail is no error");
        assert_eq!(rows.len(), whole, "cut at byte {cut}");
        let left = (cut - starts[1 + whole]) as u64;
        assert_eq!(ending, if left == 0 { Ending::Open } else { Ending::Torn { bytes: left } }, "cut at byte {cut}");
    }
    // What a full disk leaves: a tail of the right length and the wrong content.
    let mut zeroed = bytes.clone();
    let from = starts[120] + 9;
    zeroed[from..].fill(0);
    assert_eq!(rows(&zeroed).expect("torn").0.len(), 119);
}

#[test]
fn a_damaged_row_is_named_by_its_tick() {
    let bytes = recorded(60);
    let starts = frames(&bytes);
    for tick in [0_u64, 1, 30, 58] {
        for place in [0, 3, 4, 5, 20] {
            let mut damaged = bytes.clone();
            damaged[starts[1 + tick as usize] + place] ^= 0x41;
            match rows(&damaged) {
                Err(JournalError::Corrupt { tick: found, .. }) => assert_eq!(found, tick, "byte {place}"),
                other => panic!("tick {tick}, byte {place}: {:?}", other.map(|(rows, ending)| (rows.len(), ending))),
            }
        }
    }
}

#[test]
fn a_forged_row_is_named_by_replay() {
    let bytes = recorded(600);
    let (rows, _) = rows(&bytes).expect("reads");
    let mut forged = JournalWriter::new(Vec::new(), &header()).expect("a vector takes bytes");
    // Every checksum is right and one meter reading was moved by 20 MW.
    for row in &rows {
        let mut seen = row.observation;
        if row.tick == 450 {
            seen.poi_import_w.value[0] += 20e6;
        }
        let mut next = *row.state.clone().unwrap_or_else(|| Box::new(State::new(seen.now, EPOCH)));
        if row.state.is_none() {
            next = State::new(seen.now, EPOCH);
        }
        forged.append(&Row {
            observation: &seen,
            outlook: row.outlook.as_deref(),
            plan: row.plan.as_deref(),
            proposed: &row.proposed,
            guarded: &row.guarded,
            next: &next,
        });
    }
    let bytes = forged.finish().expect("written");
    let reader = JournalReader::open(&bytes[..]).expect("opens");
    // The forger could not know the states, so the digest of the second row gives it away at once.
    let difference = replay(reader, &rig::config(), EPOCH).expect("reads").first_difference.expect("a difference");
    assert_eq!((difference.tick, difference.field.as_str()), (1, "digest"));
}

/// A journal that passes on to a writer, with one decision changed on its way.
struct Forger<W: std::io::Write> {
    inner: JournalWriter<W>,
    tick: u64,
}

impl<W: std::io::Write> Journal for Forger<W> {
    fn append(&mut self, row: &Row<'_>) {
        let mut guarded = *row.guarded;
        if self.tick == 450 {
            guarded.battery_w[2] += 1e3;
        }
        self.tick += 1;
        self.inner.append(&Row { guarded: &guarded, ..*row });
    }
}

#[test]
fn a_changed_decision_is_named_by_tick_and_field() {
    let config = rig::config();
    let mut site = Toy { draw: Draw::new(5, 0), tick: 0, decision: None };
    let mut clock = Stepping { end: Time::ZERO + Span::secs(60) };
    let mut forger = Forger { inner: JournalWriter::new(Vec::new(), &header()).expect("a vector"), tick: 0 };
    run(&config, State::new(Time::ZERO, EPOCH), &mut site, &mut clock, &mut forger);
    let bytes = forger.inner.finish().expect("written");
    let reader = JournalReader::open(&bytes[..]).expect("opens");
    let replayed = replay(reader, &config, EPOCH).expect("reads");
    let difference = replayed.first_difference.expect("a difference");
    assert_eq!((difference.tick, difference.field.as_str(), replayed.rows), (450, "guarded.battery_w[2]", 600));
}

#[test]
fn garbage_is_refused_without_a_panic() {
    assert!(matches!(rows(b""), Err(JournalError::NotAJournal)));
    assert!(matches!(rows(b"PAR1 something else"), Err(JournalError::NotAJournal)));
    assert!(matches!(rows(b"TIELINE\n\x09\0\0\0"), Err(JournalError::WrongFormat { found: 9 })));
    assert!(matches!(rows(b"TIELINE\n\x03\0\0\0\xff\xff\xff\xff"), Err(JournalError::Header(_))));
    let bytes = recorded(30);
    let starts = frames(&bytes);
    let draw = Draw::new(3, 0);
    for round in 0..3_000 {
        let mut mutated = bytes.clone();
        for change in 0..1 + round % 4 {
            let pick = |what: u32| draw.uniform(what + 10 * change as u32, Purpose::MeterNoise, round);
            let at = starts[1] + (pick(0) * (bytes.len() - starts[1]) as f64) as usize;
            mutated[at] = (pick(1) * 256.0) as u8;
            // Repair the checksum of the frame, so that the decoder itself is tried.
            let start = *starts.iter().rev().find(|start| **start <= at).expect("a frame");
            let length = u32::from_le_bytes(mutated[start..start + 4].try_into().expect("four bytes")) as usize;
            if let Some(frame) = mutated.get(start..start.saturating_add(length).saturating_add(4)) {
                let sum = crc32fast::hash(frame).to_le_bytes();
                let place = start + length + 4;
                if place + 4 <= mutated.len() {
                    mutated[place..place + 4].copy_from_slice(&sum);
                }
            }
        }
        let _ = rows(&mutated);
        // And as it is, cut somewhere, with noise behind.
        let mut cut = mutated[..mutated.len() * (1 + round as usize % 7) / 8].to_vec();
        cut.extend((0..round % 200).map(|at| (draw.words(1, Purpose::MeterNoise, round * 200 + at)[0] >> 7) as u8));
        let _ = rows(&cut);
        if let Ok(reader) = JournalReader::open(&mutated[..]) {
            let _ = replay(reader, &rig::config(), EPOCH);
        }
    }
}

/// An output that takes so many bytes and no more.
struct Full {
    left: usize,
}

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        if taken == 0 && !bytes.is_empty() {
            Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_and_does_not_stop_the_controller() {
    let mut site = Toy { draw: Draw::new(5, 0), tick: 0, decision: None };
    let mut clock = Stepping { end: Time::ZERO + Span::secs(20) };
    let mut journal = JournalWriter::new(Full { left: 20_000 }, &header()).expect("room for the header");
    let end = run(&rig::config(), State::new(Time::ZERO, EPOCH), &mut site, &mut clock, &mut journal);
    assert_eq!(end.now(), Time::ZERO + Span::millis(19_900), "the loop went on");
    assert!(journal.rows() < 200 && journal.error().is_some());
    assert_eq!(journal.finish().map(|_| ()).expect_err("said").kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn explain_says_what_bound_and_who_was_told_what() {
    let (rows, _) = rows(&recorded(2_900)).expect("reads");
    let text = explain(&rig::config(), &rows[2_399], rows.get(2_398));
    for part in [
        "tick 2399",
        "north",
        "importing",
        "event 12",
        "binds in",
        "batteries",
        "caps",
        "turbines",
        "stored above",
        "in force for 25.0 s",
        "what changed since the tick before",
    ] {
        assert!(text.contains(part), "no \"{part}\" in\n{text}");
    }
    println!("{text}");
    assert!((25..=50).contains(&text.lines().count()), "{text}");
    let bound = |row: &&OwnedRow| matches!(row.guarded.reason.binding[0], Binding::Limit(_) | Binding::Event(_));
    let limited = rows.iter().find(bound).expect("the event binds before it starts");
    let text = explain(&rig::config(), limited, None);
    assert!(text.contains("set by event 12") || text.contains("set by limit \""), "{text}");
    // A limit that binds is named as the configuration names it.
    let mut named = limited.clone();
    named.guarded.reason.binding[0] = Binding::Limit(1);
    assert!(explain(&rig::config(), &named, None).contains("limit \"quarter hour\""));
    named.guarded.reason.binding[0] = Binding::Limit(200);
    assert!(explain(&rig::config(), &named, None).contains("limit 200"), "no panic on an index that does not exist");
}
