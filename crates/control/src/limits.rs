//! How much each point may import now: limit sources with their averaging windows, and curtailment events.
//!
//! A source is believed when it tightens and when it says, freshly and in good quality, that it releases. Silence never
//! releases (I6). Over an averaging window `W` the controller keeps the import beyond the limit as an account per
//! bucket; a positive balance is paid back within a quarter of the window, unused room is never spent in advance.
//!
//! Not modelled: clock-aligned demand intervals (windows roll), prices of exceeding a limit.

use crate::contract::{BUCKETS, Binding, Condition, Config, Event, LIMITS, LimitKind, Observation, POIS};
use crate::state::{EventMemory, State};
use tieline_units::{Quality, Span, Time};

/// No limit at all, W: large, finite, so that arithmetic stays finite.
pub(crate) const UNLIMITED_W: f64 = 1e12;

/// A finite limit above this multiple of the campus' greatest load was misread.
const IMPOSSIBLE: f64 = 20.0;

/// Import allowed at one instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub poi_w: [f64; POIS],
    pub poi_by: [Binding; POIS],
    pub all_w: f64,
    pub all_by: Binding,
    /// When the tightest event on the point (index `POIS`: on all) ends; `FOREVER` for a standing limit.
    pub until: [Time; POIS + 1],
    /// Whether an emergency order stands behind any of them.
    pub emergency: bool,
}

impl Allowed {
    fn tighten(&mut self, poi: Option<u8>, limit_w: f64, by: Binding, until: Time) {
        let slot = poi.map_or(POIS, usize::from).min(POIS);
        let (now_w, binding) = if slot < POIS {
            (&mut self.poi_w[slot], &mut self.poi_by[slot])
        } else {
            (&mut self.all_w, &mut self.all_by)
        };
        if limit_w < *now_w {
            *now_w = limit_w;
            *binding = by;
            self.until[slot] = until;
        }
    }
}

/// Takes in what the sources say; returns conditions.
pub(crate) fn listen(config: &Config, state: &mut State, seen: &Observation) -> u32 {
    let mut conditions = 0;
    for (index, limit) in config.limits.iter().enumerate() {
        let value = seen.limit_w.value[index];
        let until_ns = seen.limit_until[index].as_nanos();
        let fresh = seen.now - seen.limit_w.taken_at[index] <= limit.stale_after;
        if seen.limit_w.quality[index] != Quality::Good || !fresh {
            conditions |= Condition::LimitSilent as u32;
            // Silence releases nothing; the end of what was last said does, and only down or up to the subscription.
            if limit.fallback_w.is_finite() && seen.now.as_nanos() >= state.held_until_ns[index] {
                state.held_limit_w[index] = limit.fallback_w;
                conditions |= Condition::LimitFellBack as u32;
            }
        } else if value.is_nan() || value < 0.0 || (value.is_finite() && value > IMPOSSIBLE * state.most_w.max(1e6)) {
            // No source limits a campus to many times its greatest load: that is a unit swapped, and no release.
            conditions |= Condition::BadReading as u32;
        } else {
            state.held_limit_w[index] = value.min(UNLIMITED_W);
            state.held_until_ns[index] = until_ns;
        }
    }
    conditions
}

/// Keeps the account of each averaging window with this tick's import.
pub(crate) fn account(config: &Config, state: &mut State, now: Time, import_w: &[f64; POIS]) {
    let total_w: f64 = import_w.iter().take(config.pois.len()).sum();
    let tick_s = config.tick.as_secs_f64();
    for (index, limit) in config.limits.iter().enumerate().take(LIMITS) {
        let bucket_ns = limit.window.as_nanos() / BUCKETS as i64;
        if bucket_ns == 0 {
            continue;
        }
        let at = now.as_nanos().div_euclid(bucket_ns);
        let place = at.rem_euclid(BUCKETS as i64) as usize;
        if at != state.excess_index[index] {
            state.excess_index[index] = at;
            state.excess_j[index][place] = 0.0;
            // Summed anew at each bucket so that rounding cannot pile up over a long run.
            state.excess_sum_j[index] = state.excess_j[index].iter().map(|j| f64::from(*j)).sum();
        }
        let import_w = limit.poi.map_or(total_w, |poi| import_w[usize::from(poi)]);
        let excess_j = (import_w - state.held_limit_w[index]) * tick_s;
        state.excess_j[index][place] += excess_j as f32;
        state.excess_sum_j[index] += excess_j;
    }
}

/// Remembers events; `least_w(poi)` is the least import that the campus could reach for the event's scope and length.
pub(crate) fn remember(
    config: &Config,
    state: &mut State,
    seen: &Observation,
    import_w: &[f64; POIS],
    least_w: &dyn Fn(&State, &Event) -> f64,
) -> u32 {
    let mut conditions = 0;
    let now_ns = seen.now.as_nanos();
    for memory in &mut state.events {
        if memory.id != 0 && now_ns >= memory.end_ns {
            *memory = bytemuck::Zeroable::zeroed();
        }
    }
    // The site's clock has stepped: event times that it places may be off by as much, and the widest reading binds.
    let stepped = Span::nanos(seen.utc_ns - now_ns - state.utc_offset_ns);
    let stepped = if stepped.as_nanos().abs() > 1_000_000_000 { stepped } else { Span::ZERO };
    for event in seen.events.iter().filter(|event| event.id != 0) {
        let sent_ns = [event.start.as_nanos(), event.end.as_nanos()];
        let mut event = *event;
        event.start = event.start.min(event.start + stepped);
        event.end = event.end.max(event.end + stepped);
        let known = state.events.iter().position(|memory| memory.id == event.id);
        if event.unconfirmed {
            conditions |= Condition::OrderUnconfirmed as u32;
        }
        if event.cancelled {
            if let Some(place) = known.filter(|_| !event.unconfirmed) {
                state.events[place] = bytemuck::Zeroable::zeroed();
            }
            continue;
        }
        let bad = event.limit_w.is_nan() || event.limit_w < 0.0 || event.end <= event.start;
        if bad || now_ns >= event.end.as_nanos() {
            conditions |= if bad { Condition::BadReading as u32 } else { 0 };
            continue;
        }
        let unchanged = known.is_some_and(|place| {
            let memory = &state.events[place];
            memory.limit_w.to_bits() == event.limit_w.to_bits()
                && memory.sent_ns == sent_ns
                && memory.poi() == event.poi
        });
        // Spoken and not read back: it may tighten, not loosen.
        let loosens = known.is_some_and(|place| {
            let memory = &state.events[place];
            event.unconfirmed
                && (event.limit_w > memory.limit_w
                    || event.start.as_nanos() > memory.start_ns
                    || event.end.as_nanos() < memory.end_ns
                    || event.poi != memory.poi())
        });
        if unchanged || loosens {
            continue;
        }
        let Some(place) = known.or_else(|| state.events.iter().position(|memory| memory.id == 0)) else {
            // No room: as many places as the observation has, so only stale entries can fill them; keep the tighter.
            let loosest =
                (0..state.events.len()).max_by(|a, b| state.events[*a].limit_w.total_cmp(&state.events[*b].limit_w));
            if let Some(place) = loosest.filter(|place| state.events[*place].limit_w > event.limit_w) {
                state.events[place] =
                    accept(config, state, seen.now, &event, sent_ns, import_w, least_w(state, &event));
            }
            continue;
        };
        state.events[place] = accept(config, state, seen.now, &event, sent_ns, import_w, least_w(state, &event));
    }
    if state.events.iter().any(|memory| memory.id != 0 && memory.poi_and_flags & EventMemory::INFEASIBLE != 0) {
        conditions |= Condition::EventInfeasible as u32;
    }
    conditions
}

/// The reduction is complete at `received + completion_share * notice` (V-CTRL-27), along a straight line no steeper
/// than the ramp limit where the notice allows that.
fn accept(
    config: &Config,
    state: &State,
    now: Time,
    event: &Event,
    sent_ns: [i64; 2],
    import_w: &[f64; POIS],
    least_w: f64,
) -> EventMemory {
    let notice_s = (event.start - event.received_at).as_secs_f64().max(0.0);
    let done_ns = event.received_at.as_nanos() + (notice_s * config.completion_share * 1e9) as i64;
    let scope = |poi: usize| (event.poi == 255 || usize::from(event.poi) == poi) && !state.island(poi);
    let (mut import, mut ramp) = (0.0, 0.0);
    for (index, poi) in config.pois.iter().enumerate().filter(|(index, _)| scope(*index)) {
        import += import_w[index];
        // A tenth is left to the load's own movement.
        ramp += 0.9 * poi.ramp_down_w_per_s;
    }
    let left_s = ((done_ns - now.as_nanos()) as f64 * 1e-9).max(0.0);
    let needed = if left_s > 0.0 { (import - event.limit_w).max(0.0) / left_s } else { 0.0 };
    let infeasible = if event.limit_w < least_w { EventMemory::INFEASIBLE } else { 0 };
    EventMemory {
        id: event.id,
        received_ns: event.received_at.as_nanos(),
        done_ns,
        start_ns: event.start.as_nanos(),
        end_ns: event.end.as_nanos(),
        sent_ns,
        limit_w: event.limit_w,
        slope_w_per_s: needed.max(ramp),
        poi_and_flags: u64::from(event.poi) | infeasible,
    }
}

/// Import allowed at `at` (now, or a little ahead so that slow means lead).
pub(crate) fn allowed(config: &Config, state: &State, at: Time) -> Allowed {
    let mut allowed = Allowed {
        poi_w: [UNLIMITED_W; POIS],
        poi_by: [Binding::Nothing; POIS],
        all_w: UNLIMITED_W,
        all_by: Binding::Nothing,
        until: [Time::FOREVER; POIS + 1],
        emergency: false,
    };
    for (index, limit) in config.limits.iter().enumerate() {
        let held_w = state.held_limit_w[index];
        let window_s = limit.window.as_secs_f64();
        let owed_j = state.excess_sum_j[index];
        let limit_w = if window_s > 0.0 && owed_j > 0.0 && held_w < UNLIMITED_W {
            (held_w - 4.0 * owed_j / window_s).max(0.9 * held_w)
        } else {
            held_w
        };
        allowed.emergency |= limit.kind == LimitKind::Emergency && held_w < UNLIMITED_W;
        allowed.tighten(limit.poi, limit_w, Binding::Limit(index as u8), Time::FOREVER);
    }
    for (place, event) in state.events.iter().enumerate().filter(|(_, event)| event.id != 0) {
        if at.as_nanos() < event.received_ns || at.as_nanos() >= event.end_ns {
            continue;
        }
        let left_s = ((event.done_ns - at.as_nanos()) as f64 * 1e-9).max(0.0);
        let limit_w = event.limit_w + event.slope_w_per_s * left_s;
        let poi = (event.poi() != 255).then(|| event.poi());
        allowed.tighten(poi, limit_w, Binding::Event(place as u8), Time::nanos(event.end_ns));
    }
    for index in (0..config.pois.len()).filter(|index| state.island(*index)) {
        allowed.tighten(Some(index as u8), 0.0, Binding::Island, Time::FOREVER);
    }
    allowed
}
