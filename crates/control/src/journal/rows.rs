//! One row against the row before: observation, outlook, plan, decisions.
//!
//! Not modelled: knowledge of the configuration; unused places of an array are at rest and cost nothing.

use super::wire::{
    Malformed, Take, changed_blocks, put_doubles, put_int, put_qualities, put_raw_doubles, put_singles, put_times,
    put_varint, qualities_differ, take_doubles, take_qualities, take_singles, take_times,
};
use crate::contract::{
    Binding, DUTIES, Decision, EVENTS, Event, JOBS, JobOrder, LIMITS, Ledger, Observation, Outlook, POIS, Plan, SLOTS,
};
use tieline_units::{Readings, Span, Time};

/// Channels of an observation, in the order of the file. The same list for writer and reader.
macro_rules! channels {
    ($each:ident) => {
        $each!(poi_import_w, 0);
        $each!(poi_voltage_pu, 1);
        $each!(poi_frequency_hz, 2);
        $each!(poi_tied, 3);
        $each!(hall_w, 4);
        $each!(cooling_w, 5);
        $each!(turbine_generation_w, 6);
        $each!(turbine_available_w, 7);
        $each!(battery_w, 8);
        $each!(battery_soc, 9);
        $each!(battery_available_w, 10);
        $each!(ambient_c, 11);
        $each!(limit_w, 12);
        $each!(job_saved_s, 13);
        $each!(job_at_work, 14);
    };
}
/// Channels; each has three bits in the word that says what changed, and the events have the next.
const CHANNELS: usize = 15;
const EVENTS_BIT: u64 = 1 << (3 * CHANNELS);
/// The instants up to which limits hold changed.
const UNTIL_BIT: u64 = EVENTS_BIT << 1;
/// Bytes of that word.
const WORD: usize = 6;
/// Parts of a reading that changed, as bits.
const VALUE: u64 = 1;
const TAKEN: u64 = 2;
const QUALITY: u64 = 4;
/// Doubles of a decision beside its device arrays: targets, allowances, ledger, what gave way.
const FIGURES: usize = 2 * POIS + 6 + DUTIES + 3;
/// Integers of a decision: seq, epoch, now, three lease ends, conditions, orders to jobs (two bits each), bindings.
const MARKS: usize = 8 + POIS;
const _: () = assert!(2 * JOBS <= 64, "the orders to all jobs fit into one integer");

/// What the next row is coded against; the same for writer and reader.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) observation: Observation,
    pub(super) proposed: Decision,
    pub(super) outlook: Outlook,
    pub(super) plan: Plan,
}

impl Before {
    /// What a whole row is coded against: nothing.
    pub(super) fn nothing() -> Self {
        Self {
            observation: Observation::empty(Time::ZERO),
            proposed: Decision::idle(Time::ZERO, 0),
            outlook: Outlook {
                made_at: Time::ZERO,
                start: Time::ZERO,
                slot: Span::ZERO,
                slots: 0,
                load_w: [0.0; SLOTS],
                import_limit_w: [0.0; SLOTS],
                price_usd_per_mwh: [0.0; SLOTS],
                ambient_c: [0.0; SLOTS],
                schedule_w: [f32::NAN; SLOTS],
                next_checkpoint: [Time::FOREVER; JOBS],
            },
            plan: Plan::none(),
        }
    }
}

/// The writer's guesses of the grid that each array lies on. The reader needs none: the file says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grids {
    channels: [u8; CHANNELS],
    decision: [u8; 4],
}

pub(super) fn put_observation(out: &mut Vec<u8>, seen: &Observation, before: &mut Observation, grids: &mut Grids) {
    put_int(out, seen.now.as_nanos().wrapping_sub(before.now.as_nanos()));
    // The site's clock runs along with ours: what remains is its drift.
    let ahead = |seen: &Observation| seen.utc_ns.wrapping_sub(seen.now.as_nanos());
    put_int(out, ahead(seen).wrapping_sub(ahead(before)));
    let word_at = out.len();
    out.extend_from_slice(&[0; WORD]);
    let mut word = 0;
    let mut age = 0;
    macro_rules! put {
        ($channel:ident, $index:expr) => {
            let parts = put_readings(
                out,
                &seen.$channel,
                &mut before.$channel,
                (seen.now, &mut age),
                &mut grids.channels[$index],
            );
            word |= parts << (3 * $index);
        };
    }
    channels!(put);
    if put_events(out, &seen.events, &before.events) {
        word |= EVENTS_BIT;
        before.events = seen.events;
    }
    if seen.limit_until != before.limit_until {
        word |= UNTIL_BIT;
        seen.limit_until.iter().for_each(|until| put_int(out, until.as_nanos()));
        before.limit_until = seen.limit_until;
    }
    before.now = seen.now;
    before.utc_ns = seen.utc_ns;
    out[word_at..word_at + WORD].copy_from_slice(&word.to_le_bytes()[..WORD]);
}

pub(super) fn take_observation(take: &mut Take<'_>, seen: &mut Observation) -> Result<(), Malformed> {
    let ahead = seen.utc_ns.wrapping_sub(seen.now.as_nanos());
    seen.now = Time::nanos(seen.now.as_nanos().wrapping_add(take.int()?));
    seen.utc_ns = seen.now.as_nanos().wrapping_add(ahead).wrapping_add(take.int()?);
    let word = take.fixed(WORD)?;
    if word >= UNTIL_BIT << 1 {
        return Err(Malformed);
    }
    let mut age = 0;
    let now = seen.now;
    macro_rules! take {
        ($channel:ident, $index:expr) => {
            take_readings(take, &mut seen.$channel, word >> (3 * $index), now, &mut age)?;
        };
    }
    channels!(take);
    if word & EVENTS_BIT != 0 {
        take_events(take, &mut seen.events)?;
    }
    if word & UNTIL_BIT != 0 {
        for until in seen.limit_until.iter_mut().take(LIMITS) {
            *until = Time::nanos(take.int()?);
        }
    }
    Ok(())
}

fn put_readings<const N: usize>(
    out: &mut Vec<u8>,
    now: &Readings<N>,
    before: &mut Readings<N>,
    (instant, age): (Time, &mut i64),
    grid: &mut u8,
) -> u64 {
    let mut parts = 0;
    let blocks = changed_blocks(&now.value, &before.value);
    if blocks != 0 {
        parts |= VALUE;
        put_doubles(out, &now.value, &before.value, blocks, grid);
        before.value = now.value;
    }
    let blocks = changed_blocks(&now.taken_at, &before.taken_at);
    if blocks != 0 {
        parts |= TAKEN;
        put_times(out, &now.taken_at, &before.taken_at, blocks, instant, age);
        before.taken_at = now.taken_at;
    }
    if qualities_differ(&now.quality, &before.quality) {
        parts |= QUALITY;
        put_qualities(out, &now.quality);
        before.quality = now.quality;
    }
    parts
}

fn take_readings<const N: usize>(
    take: &mut Take<'_>,
    readings: &mut Readings<N>,
    parts: u64,
    now: Time,
    age: &mut i64,
) -> Result<(), Malformed> {
    if parts & VALUE != 0 {
        take_doubles(take, &mut readings.value)?;
    }
    if parts & TAKEN != 0 {
        take_times(take, &mut readings.taken_at, now, age)?;
    }
    if parts & QUALITY != 0 {
        take_qualities(take, &mut readings.quality)?;
    }
    Ok(())
}

/// An event as integers, to the bit.
fn event_integers(event: &Event) -> [u64; 6] {
    [
        event.id,
        event.received_at.as_nanos() as u64,
        event.start.as_nanos() as u64,
        event.end.as_nanos() as u64,
        event.limit_w.to_bits(),
        u64::from(event.poi) | u64::from(event.cancelled) << 8 | u64::from(event.unconfirmed) << 9,
    ]
}

fn put_events(out: &mut Vec<u8>, now: &[Event; EVENTS], before: &[Event; EVENTS]) -> bool {
    let mut places = 0_u64;
    for (place, (now, before)) in now.iter().zip(before).enumerate() {
        // A NaN differs from itself here: it is then written once more than it need be.
        let differ = now != before || now.limit_w.to_bits() != before.limit_w.to_bits();
        places |= u64::from(differ) << place;
    }
    if places == 0 {
        return false;
    }
    put_varint(out, places);
    for (place, event) in now.iter().enumerate() {
        if places & (1 << place) != 0 {
            event_integers(event).iter().for_each(|integer| put_varint(out, *integer));
        }
    }
    true
}

fn take_events(take: &mut Take<'_>, events: &mut [Event; EVENTS]) -> Result<(), Malformed> {
    let places = take.varint()?;
    if places >= 1 << EVENTS {
        return Err(Malformed);
    }
    for (place, event) in events.iter_mut().enumerate() {
        if places & (1 << place) == 0 {
            continue;
        }
        let id = take.varint()?;
        let mut instant = || take.varint().map(|nanos| Time::nanos(nanos as i64));
        let (received_at, start, end) = (instant()?, instant()?, instant()?);
        let limit_w = f64::from_bits(take.varint()?);
        let flags = take.varint()?;
        if flags >= 1 << 10 {
            return Err(Malformed);
        }
        let (cancelled, unconfirmed) = (flags & 0x100 != 0, flags & 0x200 != 0);
        *event = Event { id, received_at, start, end, limit_w, poi: flags as u8, cancelled, unconfirmed };
    }
    Ok(())
}

fn figures(decision: &Decision) -> [f64; FIGURES] {
    let mut figures = [0.0; FIGURES];
    let Ledger { stored_j, bridge_j, trip_j, ramp_j, free_j, room_j } = decision.ledger;
    figures[..POIS].copy_from_slice(&decision.target_w);
    figures[POIS..2 * POIS].copy_from_slice(&decision.allowed_w);
    figures[2 * POIS..2 * POIS + 6].copy_from_slice(&[stored_j, bridge_j, trip_j, ramp_j, free_j, room_j]);
    figures[2 * POIS + 6..2 * POIS + 6 + DUTIES].copy_from_slice(&decision.reason.gave_way_w);
    figures[2 * POIS + 6 + DUTIES..].copy_from_slice(&decision.reason.cost_usd_per_s);
    figures
}

fn adopt_figures(decision: &mut Decision, figures: &[f64; FIGURES]) {
    decision.target_w.copy_from_slice(&figures[..POIS]);
    decision.allowed_w.copy_from_slice(&figures[POIS..2 * POIS]);
    let ledger = &figures[2 * POIS..2 * POIS + 6];
    decision.ledger = Ledger {
        stored_j: ledger[0],
        bridge_j: ledger[1],
        trip_j: ledger[2],
        ramp_j: ledger[3],
        free_j: ledger[4],
        room_j: ledger[5],
    };
    decision.reason.gave_way_w.copy_from_slice(&figures[2 * POIS + 6..2 * POIS + 6 + DUTIES]);
    decision.reason.cost_usd_per_s.copy_from_slice(&figures[2 * POIS + 6 + DUTIES..]);
}

fn binding_code(binding: Binding) -> i64 {
    match binding {
        Binding::Nothing => 0,
        Binding::Ramp => 1,
        Binding::Island => 2,
        Binding::Limit(index) => 0x100 | i64::from(index),
        Binding::Event(place) => 0x200 | i64::from(place),
    }
}

fn binding_of(code: i64) -> Result<Binding, Malformed> {
    match code {
        0 => Ok(Binding::Nothing),
        1 => Ok(Binding::Ramp),
        2 => Ok(Binding::Island),
        0x100..=0x1ff => Ok(Binding::Limit(code as u8)),
        0x200..=0x2ff => Ok(Binding::Event(code as u8)),
        _ => Err(Malformed),
    }
}

fn marks(decision: &Decision) -> [i64; MARKS] {
    let mut marks = [0; MARKS];
    let orders = decision.job.iter().rev().fold(0_u64, |all, order| all << 2 | *order as u64);
    marks[..8].copy_from_slice(&[
        decision.seq as i64,
        decision.epoch as i64,
        decision.now.as_nanos(),
        decision.battery_until.as_nanos(),
        decision.cap_until.as_nanos(),
        decision.turbine_until.as_nanos(),
        i64::from(decision.reason.conditions),
        orders as i64,
    ]);
    for (mark, binding) in marks[8..].iter_mut().zip(decision.reason.binding) {
        *mark = binding_code(binding);
    }
    marks
}

fn adopt_marks(decision: &mut Decision, marks: &[i64; MARKS]) -> Result<(), Malformed> {
    decision.seq = marks[0] as u64;
    decision.epoch = marks[1] as u64;
    decision.now = Time::nanos(marks[2]);
    decision.battery_until = Time::nanos(marks[3]);
    decision.cap_until = Time::nanos(marks[4]);
    decision.turbine_until = Time::nanos(marks[5]);
    decision.reason.conditions = u32::try_from(marks[6]).map_err(|_| Malformed)?;
    let orders = marks[7] as u64;
    for (job, order) in decision.job.iter_mut().enumerate() {
        *order = JobOrder::of((orders >> (2 * job) & 3) as u8).ok_or(Malformed)?;
    }
    for (binding, mark) in decision.reason.binding.iter_mut().zip(&marks[8..]) {
        *binding = binding_of(*mark)?;
    }
    Ok(())
}

/// What the marks are expected to be: the next number, this tick, leases as far ahead as before.
fn next_marks(before: &[i64; MARKS], now: Time) -> [i64; MARKS] {
    let mut expected = *before;
    let now_ns = now.as_nanos();
    expected[0] = before[0].wrapping_add(1);
    expected[2] = now_ns;
    for mark in &mut expected[3..6] {
        *mark = mark.wrapping_sub(before[2]).wrapping_add(now_ns);
    }
    expected
}

/// What a decision is coded against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Against {
    /// The decision proposed one row before; the present tick is at this instant.
    RowBefore(Time),
    /// The proposal of the same row.
    Proposal,
}

impl Against {
    fn marks(self, before: &[i64; MARKS]) -> [i64; MARKS] {
        match self {
            Self::RowBefore(now) => next_marks(before, now),
            Self::Proposal => *before,
        }
    }
}

/// Parts of a decision that differ, as bits.
const BATTERY: u8 = 1;
const CAP: u8 = 2;
const FLOOR: u8 = 4;
const TURBINE: u8 = 8;
const FIGURE: u8 = 16;
const MARK: u8 = 32;

pub(super) fn put_decision(
    out: &mut Vec<u8>,
    decision: &Decision,
    before: &Decision,
    against: Against,
    grids: &mut Grids,
) {
    let word_at = out.len();
    out.push(0);
    let mut word = 0;
    let mut array = |now: &[f64], before: &[f64], bit: u8, grid: &mut u8| {
        let blocks = changed_blocks(now, before);
        if blocks != 0 {
            word |= bit;
            put_doubles(out, now, before, blocks, grid);
        }
    };
    let [battery, cap, floor, turbine] = &mut grids.decision;
    array(&decision.battery_w, &before.battery_w, BATTERY, battery);
    array(&decision.cap_w, &before.cap_w, CAP, cap);
    array(&decision.floor_w, &before.floor_w, FLOOR, floor);
    array(&decision.turbine_w, &before.turbine_w, TURBINE, turbine);
    let (now_figures, old_figures) = (figures(decision), figures(before));
    let blocks = changed_blocks(&now_figures, &old_figures);
    if blocks != 0 {
        word |= FIGURE;
        put_raw_doubles(out, &now_figures, &old_figures, blocks);
    }
    let (now_marks, old_marks) = (marks(decision), marks(before));
    let expected = against.marks(&old_marks);
    if now_marks != expected {
        word |= MARK;
        let mut surprises = 0;
        for index in 0..MARKS {
            surprises |= u64::from(now_marks[index] != expected[index]) << index;
        }
        put_varint(out, surprises);
        for index in (0..MARKS).filter(|index| surprises & (1 << index) != 0) {
            put_int(out, now_marks[index].wrapping_sub(old_marks[index]));
        }
    }
    out[word_at] = word;
}

/// `decision` holds what [`put_decision`] had as `before`, and becomes the decision.
pub(super) fn take_decision(take: &mut Take<'_>, decision: &mut Decision, against: Against) -> Result<(), Malformed> {
    let word = take.byte()?;
    if word >= MARK << 1 {
        return Err(Malformed);
    }
    let old_marks = marks(decision);
    let mut new_marks = against.marks(&old_marks);
    for (bit, values) in [
        (BATTERY, &mut decision.battery_w[..]),
        (CAP, &mut decision.cap_w[..]),
        (FLOOR, &mut decision.floor_w[..]),
        (TURBINE, &mut decision.turbine_w[..]),
    ] {
        if word & bit != 0 {
            take_doubles(take, values)?;
        }
    }
    if word & FIGURE != 0 {
        let mut values = figures(decision);
        take_doubles(take, &mut values)?;
        adopt_figures(decision, &values);
    }
    if word & MARK != 0 {
        let surprises = take.varint()?;
        if surprises >= 1 << MARKS {
            return Err(Malformed);
        }
        for index in (0..MARKS).filter(|index| surprises & (1 << index) != 0) {
            new_marks[index] = old_marks[index].wrapping_add(take.int()?);
        }
    }
    adopt_marks(decision, &new_marks)
}

pub(super) fn put_outlook(out: &mut Vec<u8>, outlook: &Outlook, before: &mut Outlook) {
    put_table_head(out, outlook.made_at, outlook.start, outlook.slot, outlook.slots);
    put_singles(out, &outlook.load_w, &before.load_w);
    put_singles(out, &outlook.import_limit_w, &before.import_limit_w);
    put_singles(out, &outlook.price_usd_per_mwh, &before.price_usd_per_mwh);
    put_singles(out, &outlook.ambient_c, &before.ambient_c);
    put_singles(out, &outlook.schedule_w, &before.schedule_w);
    outlook.next_checkpoint.iter().for_each(|at| put_int(out, at.as_nanos()));
    before.clone_from(outlook);
}

pub(super) fn take_outlook(take: &mut Take<'_>, outlook: &mut Outlook) -> Result<(), Malformed> {
    (outlook.made_at, outlook.start, outlook.slot, outlook.slots) = take_table_head(take)?;
    take_singles(take, &mut outlook.load_w)?;
    take_singles(take, &mut outlook.import_limit_w)?;
    take_singles(take, &mut outlook.price_usd_per_mwh)?;
    take_singles(take, &mut outlook.ambient_c)?;
    take_singles(take, &mut outlook.schedule_w)?;
    for at in &mut outlook.next_checkpoint {
        *at = Time::nanos(take.int()?);
    }
    Ok(())
}

pub(super) fn put_plan(out: &mut Vec<u8>, plan: &Plan, before: &mut Plan) {
    put_table_head(out, plan.made_at, plan.start, plan.slot, plan.slots);
    put_singles(out, &plan.target_soc, &before.target_soc);
    put_singles(out, &plan.turbine_w, &before.turbine_w);
    put_singles(out, &plan.schedule_w, &before.schedule_w);
    for (now, old) in plan.pause.iter().zip(&before.pause) {
        put_varint(out, u64::from(now ^ old));
    }
    before.clone_from(plan);
}

pub(super) fn take_plan(take: &mut Take<'_>, plan: &mut Plan) -> Result<(), Malformed> {
    (plan.made_at, plan.start, plan.slot, plan.slots) = take_table_head(take)?;
    take_singles(take, &mut plan.target_soc)?;
    take_singles(take, &mut plan.turbine_w)?;
    take_singles(take, &mut plan.schedule_w)?;
    for mask in &mut plan.pause {
        *mask ^= u32::try_from(take.varint()?).map_err(|_| Malformed)?;
    }
    Ok(())
}

fn put_table_head(out: &mut Vec<u8>, made_at: Time, start: Time, slot: Span, slots: u16) {
    put_int(out, made_at.as_nanos());
    put_int(out, start.as_nanos());
    put_int(out, slot.as_nanos());
    put_varint(out, u64::from(slots));
}

fn take_table_head(take: &mut Take<'_>) -> Result<(Time, Time, Span, u16), Malformed> {
    let made_at = Time::nanos(take.int()?);
    let start = Time::nanos(take.int()?);
    let slot = Span::nanos(take.int()?);
    let slots = u16::try_from(take.varint()?).map_err(|_| Malformed)?;
    Ok((made_at, start, slot, slots))
}
