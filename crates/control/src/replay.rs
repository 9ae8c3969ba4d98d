//! Replay: every decision of a journal computed again from what was observed, and compared to the bit.
//!
//! The loop is [`run`] itself; only what stands around it differs: the site hands back what the journal says it showed,
//! the clock ends at the first difference, and the journal compares instead of writing.
//!
//! A takeover shows as a row of a higher fencing epoch: from there on the standby is run, which knew the row before.
//!
//! Not modelled: a run that began with anything else than a fresh [`State`].

use crate::contract::{Clock, Config, Decision, Observation, Outlook, Plan, Site};
use crate::journal::{Ending, JournalError, JournalReader, OwnedRow};
use crate::run::{Journal, Row, run};
use crate::state::State;
use std::cell::RefCell;
use std::fmt::Debug;
use std::io::Read;
use std::mem::offset_of;
use tieline_units::Time;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whole rows of the journal; all were compared if there is no difference, else those up to the first one.
    pub rows: u64,
    /// How the journal ends.
    pub ending: Ending,
    /// The first place where the journal and the computation differ.
    pub first_difference: Option<Difference>,
}

/// One figure that was recorded otherwise than it is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The row's number, from 0.
    pub tick: u64,
    /// The tick's instant.
    pub now: Time,
    /// The figure, for example `guarded.battery_w[17]`.
    pub field: String,
    /// As the journal has it.
    pub recorded: String,
    /// As it is computed.
    pub recomputed: String,
}

/// Computes every decision of a journal again, from a fresh state at the first row's instant under fencing epoch
/// `start_epoch`, and compares plan, both decisions, digest and state to the bit, NaN included.
///
/// # Errors
/// As [`JournalReader::next_row`].
pub fn replay<R: Read>(
    mut reader: JournalReader<R>,
    config: &Config,
    start_epoch: u64,
) -> Result<Replayed, JournalError> {
    let Some(first) = reader.next_row()? else {
        return Ok(Replayed { rows: 0, ending: reader.ended(), first_difference: None });
    };
    let first = Box::new(first.clone());
    let mut controller = Some(Box::new(State::new(first.observation.now, start_epoch)));
    let tape = RefCell::new(Tape { reader, row: first, fresh: true, standby: None, difference: None, error: None });
    while let Some(start) = controller {
        run(config, *start, &mut Recorded(&tape), &mut Rewound(&tape), &mut Comparing(&tape));
        controller = tape.borrow_mut().standby.take();
    }
    let Tape { mut reader, difference, error, .. } = tape.into_inner();
    if let Some(error) = error {
        return Err(error);
    }
    if difference.is_some() {
        // How the file ends is worth knowing even so; damage further on is not the first thing that is wrong with it.
        while let Ok(Some(_)) = reader.next_row() {}
    }
    Ok(Replayed { rows: reader.rows(), ending: reader.ended(), first_difference: difference })
}

/// What site, clock and journal of a replay share.
struct Tape<R: Read> {
    reader: JournalReader<R>,
    row: Box<OwnedRow>,
    /// The row was read and not yet run.
    fresh: bool,
    /// Who takes over at the row that was read, if somebody does.
    standby: Option<Box<State>>,
    difference: Option<Difference>,
    error: Option<JournalError>,
}

struct Recorded<'t, R: Read>(&'t RefCell<Tape<R>>);

impl<R: Read> Site for Recorded<'_, R> {
    fn observe(&mut self, _now: Time) -> Observation {
        self.0.borrow().row.observation
    }

    fn outlook(&mut self, _now: Time) -> Option<Outlook> {
        self.0.borrow().row.outlook.as_deref().cloned()
    }

    fn actuate(&mut self, _decision: &Decision) {}
}

struct Rewound<'t, R: Read>(&'t RefCell<Tape<R>>);

impl<R: Read> Clock for Rewound<'_, R> {
    fn wait_until(&mut self, _next: Time) -> Option<Time> {
        let tape = &mut *self.0.borrow_mut();
        if tape.difference.is_some() {
            return None;
        }
        if !std::mem::take(&mut tape.fresh) {
            match tape.reader.next_row() {
                Ok(Some(row)) => {
                    let (now, epoch, before) = (row.observation.now, row.guarded.epoch, &tape.row.guarded);
                    if epoch > before.epoch {
                        tape.standby = Some(Box::new(State::standby(now, epoch, before)));
                    }
                    tape.row.as_mut().clone_from(row);
                }
                Ok(None) => return None,
                Err(error) => {
                    tape.error = Some(error);
                    return None;
                }
            }
        }
        // The old controller's run ends before the standby's first row, which is then run afresh.
        tape.fresh = tape.standby.is_some();
        (!tape.fresh).then_some(tape.row.observation.now)
    }
}

struct Comparing<'t, R: Read>(&'t RefCell<Tape<R>>);

impl<R: Read> Journal for Comparing<'_, R> {
    fn append(&mut self, row: &Row<'_>) {
        let tape = &mut *self.0.borrow_mut();
        tape.difference = compare(&tape.row, row).map(|(field, recorded, recomputed)| Difference {
            tick: tape.row.tick,
            now: tape.row.observation.now,
            field,
            recorded,
            recomputed,
        });
    }
}

/// Field, as recorded, as recomputed.
type Differing = (String, String, String);

fn compare(recorded: &OwnedRow, computed: &Row<'_>) -> Option<Differing> {
    plans(recorded.plan.as_deref(), computed.plan)
        .or_else(|| decisions("proposed", &recorded.proposed, computed.proposed))
        .or_else(|| decisions("guarded", &recorded.guarded, computed.guarded))
        .or_else(|| states(recorded.state.as_deref(), computed.next))
        .or_else(|| {
            let digest = computed.next.digest();
            let hex = |digest: u64| format!("{digest:#018x}");
            (recorded.digest != digest).then(|| ("digest".to_owned(), hex(recorded.digest), hex(digest)))
        })
}

/// The first pair of doubles that differ in a bit.
fn doubles<T: Copy + Debug>(name: &str, recorded: &[T], computed: &[T], bits: impl Fn(T) -> u64) -> Option<Differing> {
    let at = (0..recorded.len()).find(|at| bits(recorded[*at]) != bits(computed[*at]))?;
    let (one, other) = (format!("{:?}", recorded[at]), format!("{:?}", computed[at]));
    // Two NaNs look alike; their bits do not.
    let alike = one == other;
    let text = |shown: String, value: T| if alike { format!("{shown} ({:#x})", bits(value)) } else { shown };
    Some((format!("{name}[{at}]"), text(one, recorded[at]), text(other, computed[at])))
}

fn plain<T: PartialEq + Debug>(name: &str, recorded: &T, computed: &T) -> Option<Differing> {
    (recorded != computed).then(|| (name.to_owned(), format!("{recorded:?}"), format!("{computed:?}")))
}

fn plans(recorded: Option<&Plan>, computed: Option<&Plan>) -> Option<Differing> {
    match (recorded, computed) {
        (None, None) => None,
        (Some(a), Some(b)) => plain("plan.made_at", &a.made_at, &b.made_at)
            .or_else(|| plain("plan.start", &a.start, &b.start))
            .or_else(|| plain("plan.slot", &a.slot, &b.slot))
            .or_else(|| plain("plan.slots", &a.slots, &b.slots))
            .or_else(|| doubles("plan.target_soc", &a.target_soc, &b.target_soc, |v| u64::from(v.to_bits())))
            .or_else(|| doubles("plan.turbine_w", &a.turbine_w, &b.turbine_w, |v| u64::from(v.to_bits())))
            .or_else(|| doubles("plan.schedule_w", &a.schedule_w, &b.schedule_w, |v| u64::from(v.to_bits())))
            .or_else(|| doubles("plan.pause", &a.pause, &b.pause, u64::from)),
        (a, b) => {
            let word = |plan: Option<&Plan>| if plan.is_some() { "made anew" } else { "as before" }.to_owned();
            Some(("plan".to_owned(), word(a), word(b)))
        }
    }
}

fn decisions(name: &str, a: &Decision, b: &Decision) -> Option<Differing> {
    let field = |part: &str| format!("{name}.{part}");
    let array = |part: &str, a: &[f64], b: &[f64]| {
        // Built only where something differs: this runs on every tick.
        let same = a.iter().zip(b).fold(0, |all, (a, b)| all | (a.to_bits() ^ b.to_bits())) == 0;
        if same { None } else { doubles(&field(part), a, b, f64::to_bits) }
    };
    let single = |part: &str, a: f64, b: f64| {
        array(part, &[a], &[b]).map(|(_, recorded, computed)| (field(part), recorded, computed))
    };
    let instant = |part: &str, a: Time, b: Time| if a == b { None } else { plain(&field(part), &a, &b) };
    let count = |part: &str, a: u64, b: u64| if a == b { None } else { plain(&field(part), &a, &b) };
    count("seq", a.seq, b.seq)
        .or_else(|| count("epoch", a.epoch, b.epoch))
        .or_else(|| instant("now", a.now, b.now))
        .or_else(|| array("battery_w", &a.battery_w, &b.battery_w))
        .or_else(|| instant("battery_until", a.battery_until, b.battery_until))
        .or_else(|| array("cap_w", &a.cap_w, &b.cap_w))
        .or_else(|| array("floor_w", &a.floor_w, &b.floor_w))
        .or_else(|| instant("cap_until", a.cap_until, b.cap_until))
        .or_else(|| array("turbine_w", &a.turbine_w, &b.turbine_w))
        .or_else(|| instant("turbine_until", a.turbine_until, b.turbine_until))
        .or_else(|| if a.job == b.job { None } else { plain(&field("job"), &a.job, &b.job) })
        .or_else(|| array("target_w", &a.target_w, &b.target_w))
        .or_else(|| array("allowed_w", &a.allowed_w, &b.allowed_w))
        .or_else(|| single("ledger.stored_j", a.ledger.stored_j, b.ledger.stored_j))
        .or_else(|| single("ledger.bridge_j", a.ledger.bridge_j, b.ledger.bridge_j))
        .or_else(|| single("ledger.trip_j", a.ledger.trip_j, b.ledger.trip_j))
        .or_else(|| single("ledger.ramp_j", a.ledger.ramp_j, b.ledger.ramp_j))
        .or_else(|| single("ledger.free_j", a.ledger.free_j, b.ledger.free_j))
        .or_else(|| single("ledger.room_j", a.ledger.room_j, b.ledger.room_j))
        .or_else(|| array("reason.gave_way_w", &a.reason.gave_way_w, &b.reason.gave_way_w))
        .or_else(|| array("reason.cost_usd_per_s", &a.reason.cost_usd_per_s, &b.reason.cost_usd_per_s))
        .or_else(|| count("reason.conditions", u64::from(a.reason.conditions), u64::from(b.reason.conditions)))
        .or_else(|| {
            let at = (0..a.reason.binding.len()).find(|at| a.reason.binding[*at] != b.reason.binding[*at])?;
            plain(&field(&format!("reason.binding[{at}]")), &a.reason.binding[at], &b.reason.binding[at])
        })
}

/// Where each figure of the state begins, so that a difference has a name.
macro_rules! places {
    ($($field:ident),* $(,)?) => { [$((stringify!($field), offset_of!(State, $field))),*] };
}
const PLACES: [(&str, usize); 65] = places!(
    now_ns,
    seq,
    epoch,
    started,
    first,
    inherited,
    utc_offset_ns,
    last_cut_ns,
    restoring,
    restored_ns,
    alone,
    held_limit_w,
    held_until_ns,
    excess_j,
    excess_sum_j,
    excess_index,
    events,
    net_w,
    peak_w,
    peak_index,
    swing_mean_w,
    swing_side,
    swing_since_ns,
    swing_count,
    swing_fast,
    unexplained_w,
    belief,
    most_w,
    meter_w,
    meter_same,
    defiant_since_ns,
    suspect_since_ns,
    agree_since_ns,
    freeze_since_ns,
    doubt_since_ns,
    command_ring_w,
    model_ring_w,
    battery_bias_w,
    battery_taken_ns,
    interval_index,
    deviation_j,
    target_w,
    paced_w,
    recentre_w,
    battery_kw,
    weight,
    give_kw,
    take_kw,
    stored_j,
    room_j,
    discharge_w,
    charge_w,
    limit_cap_w,
    envelope_w,
    ramp_cap_w,
    cap_w,
    floor_w,
    sent_cap_w,
    job_since_ns,
    job_order,
    sent_job,
    shed_order,
    first_unit,
    turbine_w,
    turbine_idle_s,
);

fn states(recorded: Option<&State>, computed: &State) -> Option<Differing> {
    let (a, b) = (bytemuck::bytes_of(recorded?), bytemuck::bytes_of(computed));
    let at = if a == b { return None } else { a.iter().zip(b).position(|(a, b)| a != b)? };
    let (name, begin) = PLACES.iter().filter(|(_, begin)| *begin <= at).max_by_key(|(_, begin)| *begin)?;
    // Every figure of the state has eight bytes or four; eight show either.
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let from = at / 4 * 4;
    let field = format!("state.{name}, byte {}", at - begin);
    Some((field, hex(&a[from..a.len().min(from + 8)]), hex(&b[from..b.len().min(from + 8)])))
}
