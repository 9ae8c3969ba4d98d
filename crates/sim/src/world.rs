//! The world at the tie line: the plant behind the meter and its surroundings, as the controller's site.
//!
//! The world moves only inside [`World::observe`], in the plant's own fixed step. The order within a step is written once,
//! in `World::advance`: surroundings, plant, balance at the tie line, watcher. What the controller sees comes from
//! instruments and messages alone.
//!
//! Not modelled: an answer of the grid to the campus (stiff grid); errors of the weather and price forecasts.

use crate::disturbances::Death;
use crate::scenario::Scenario;
use tieline_campus::plant::{Boundary, Channel, Commands, Happening, Plant};
use tieline_campus::training;
use tieline_control::{
    Decision, EVENTS, Event, HALLS, JOBS, JobOrder, LIMITS, Observation, Outlook, POIS, SLOTS, Site,
};
use tieline_units::{Draw, Quality, Readings, Series, Span, Time, Utc};

/// Time between two revisions of the outlook, and the length of its slots.
const SLOT: Span = Span::secs(300);
/// Slots of a day; the day shape of the load is kept over as many.
const DAY_SLOTS: usize = 288;
/// An ended event stays on the table for so long that every reader has seen its end.
const EVENT_LINGERS: Span = Span::secs(60);
/// Outdoor temperature where the scenario has no weather at all, °C (guess: ISO reference day).
const AMBIENT_C: f64 = 15.0;
/// The site's weather station reports every minute, to a tenth of a kelvin (guess: an ordinary station).
const WEATHER_EVERY: Span = Span::secs(60);
/// The balance at a bus closes to this share of what flows through it (rounding of sums in f64).
const BALANCE: f64 = 1e-9;

/// What a watcher is shown.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// The plant has moved by one step, under this boundary: the truth.
    Step(&'a Plant, &'a Boundary),
    /// Something happened in the plant.
    Happened(&'a Happening),
    /// The controller has decided.
    Decided(&'a Decision),
}

/// Plant and surroundings, moved only by `observe`.
#[derive(Debug)]
pub struct World<'a, W> {
    scenario: &'a Scenario,
    plant: Plant,
    watcher: W,
    commands: Commands,
    /// Next unread step of each limit source, and what it says.
    limit_next: [usize; LIMITS],
    limit_said_w: [f64; LIMITS],
    limit_heard: [Time; LIMITS],
    limit_until: [Time; LIMITS],
    last_ambient_c: f64,
    /// What the site's weather station showed last, °C, and when.
    weather_c: f64,
    weather_at: Time,
    forecast: Forecast,
    /// Faults between the site and everybody else in order of their beginning, and the next one to be told.
    story: Vec<(Time, String)>,
    told: usize,
    /// Standbys that have taken over.
    takeovers: usize,
    /// The last decision, and the last one of the controller before, where a script lets controllers die.
    sent: Option<Box<Decision>>,
    ghost: Option<Box<Decision>>,
}

impl<'a, W: FnMut(Moment<'_>)> World<'a, W> {
    /// The world of a scenario at its start; `watcher` is shown every step of the truth and every decision.
    #[must_use]
    pub fn new(scenario: &'a Scenario, draw: Draw, watcher: W) -> Self {
        let control = &scenario.control;
        let mut limit_said_w = [f64::NAN; LIMITS];
        for (said, limit) in limit_said_w.iter_mut().zip(&control.limits) {
            *said = limit.initial_w;
        }
        let ambient = &scenario.surroundings.ambient;
        let first_c = ambient.values().iter().copied().find(|c| c.is_finite()).unwrap_or(AMBIENT_C);
        let mut world = Self {
            scenario,
            plant: Plant::new(&scenario.plant, draw),
            watcher,
            commands: commands(scenario),
            limit_next: [0; LIMITS],
            limit_said_w,
            limit_heard: [Time::ZERO; LIMITS],
            limit_until: [Time::FOREVER; LIMITS],
            last_ambient_c: first_c,
            weather_c: first_c,
            weather_at: Time::NEVER,
            forecast: Forecast::new(),
            story: scenario.disturbances.story(scenario),
            told: 0,
            takeovers: 0,
            sent: None,
            ghost: None,
        };
        let boundary = world.boundary(Time::ZERO);
        world.plant.settle(&boundary);
        world
    }

    /// The plant as it stands.
    #[must_use]
    pub fn plant(&self) -> &Plant {
        &self.plant
    }

    /// Moves the world on to `end` after the last tick, so that the last tick's commands have their time.
    pub fn finish(&mut self, end: Time) {
        while self.plant.now() + self.scenario.plant.step <= end {
            self.advance();
        }
    }

    /// Ends the world and hands the plant back.
    #[must_use]
    pub fn into_plant(self) -> Plant {
        self.plant
    }

    /// One step: surroundings, plant, balance at the tie line, watcher.
    fn advance(&mut self) {
        let boundary = self.boundary(self.plant.now());
        self.plant.step(&boundary);
        self.assert_balance();
        (self.watcher)(Moment::Step(&self.plant, &boundary));
        while let Some((at, text)) = self.story.get(self.told).filter(|(at, _)| *at <= self.plant.now()) {
            let happening = Happening { at: *at, kind: "fault", text: text.clone() };
            (self.watcher)(Moment::Happened(&happening));
            self.told += 1;
        }
        let watcher = &mut self.watcher;
        self.plant.drain_happenings().for_each(|happening| watcher(Moment::Happened(&happening)));
    }

    /// What the grid delivers at each tie is what the devices behind it drew: added up here from the single devices, so
    /// that a slip in the plant's own sums cannot hide.
    fn assert_balance(&self) {
        let (flows, config) = (self.plant.flows(), &self.scenario.plant);
        let mut net_w = [0.0; POIS];
        let mut through_w = [1.0; POIS];
        let mut add = |poi: usize, power_w: f64| {
            net_w[poi] += power_w;
            through_w[poi] += libm::fabs(power_w);
        };
        for (index, hall) in config.halls.iter().enumerate() {
            add(hall.poi, flows.hall_w[index] + flows.cooling_w[index]);
        }
        for (index, unit) in config.batteries.iter().enumerate() {
            add(unit.poi, flows.battery_w[index]);
        }
        for (index, turbine) in config.turbines.iter().enumerate() {
            add(turbine.poi, -flows.turbine_generation_w[index]);
        }
        for poi in 0..config.pois.len() {
            let campus_w = net_w[poi] + flows.standby_w[poi] + flows.transformer_loss_w[poi];
            let error_w = libm::fabs(flows.poi_import_w[poi] - campus_w);
            assert!(
                error_w <= BALANCE * through_w[poi],
                "at tie {poi} the grid delivers {} W and the campus draws {campus_w} W",
                flows.poi_import_w[poi]
            );
        }
    }

    /// What the grid's side is like at `now`.
    fn boundary(&mut self, now: Time) -> Boundary {
        let surroundings = &self.scenario.surroundings;
        if let Some(ambient_c) = between(&surroundings.ambient, self.utc(now)) {
            self.last_ambient_c = ambient_c;
        }
        let inside = |start: Time, end: Time| start <= now && now < end;
        let dip = surroundings.dips.iter().filter(|dip| inside(dip.start, dip.end)).map(|dip| dip.residual_pu);
        let frequency = surroundings.frequency.iter().rfind(|step| inside(step.start, step.end));
        Boundary {
            ambient_c: self.last_ambient_c,
            voltage_pu: dip.fold(1.0, f64::min),
            frequency_hz: frequency.map_or(surroundings.nominal_hz, |step| step.hz),
        }
    }
}

impl<W> World<'_, W> {
    /// Takes in what the limit sources say up to `now`; a silent source ages.
    fn hear_limits(&mut self, now: Time) {
        for index in 0..self.scenario.control.limits.len().min(LIMITS) {
            let steps = self.scenario.surroundings.limits.get(index).map_or(&[][..], Vec::as_slice);
            while let Some(step) = steps.get(self.limit_next[index]).filter(|step| step.at <= now) {
                self.limit_next[index] += 1;
                if step.limit_w.is_nan() {
                    self.limit_heard[index] = step.at;
                } else {
                    self.limit_said_w[index] = step.limit_w;
                    self.limit_until[index] = step.until;
                }
            }
            let silent = self.limit_next[index].checked_sub(1).is_some_and(|last| steps[last].limit_w.is_nan());
            if !silent {
                self.limit_heard[index] = now;
                // A source that is heard says itself what holds once its schedule has run out.
                if now >= self.limit_until[index] {
                    let limit = &self.scenario.control.limits[index];
                    self.limit_until[index] = Time::FOREVER;
                    self.limit_said_w[index] =
                        if limit.fallback_w.is_finite() { limit.fallback_w } else { limit.initial_w };
                }
            }
        }
    }

    fn utc(&self, now: Time) -> Utc {
        self.scenario.start + (now - Time::ZERO)
    }

    /// The table of events as received by `now`, in order of receipt; ended ones leave it after a while. Their times are
    /// civil times turned into the site's own at receipt, by its clock as it then was.
    fn events(&self, now: Time) -> [Event; EVENTS] {
        let mut table = [Event::default(); EVENTS];
        let wrong = &self.scenario.disturbances;
        let known = self.scenario.events.iter().filter_map(|scheduled| {
            let mut event = scheduled.event;
            event.received_at = wrong.arrival(event.id, event.received_at);
            let listed = event.received_at <= now && now < event.end + EVENT_LINGERS && !wrong.vanished(event.id, now);
            if !listed {
                return None;
            }
            let ahead = wrong.clock_ahead(event.received_at);
            (event.start, event.end) = (event.start - ahead, event.end - ahead);
            let cancelled_at = scheduled.cancelled_at.map(|at| wrong.arrival(event.id, at));
            event.cancelled = cancelled_at.is_some_and(|at| at <= now);
            let said_at = if event.cancelled { cancelled_at } else { Some(event.received_at) };
            event.unconfirmed = said_at.is_some_and(|at| now < at + scheduled.read_back_after);
            Some(event)
        });
        for (place, event) in table.iter_mut().zip(known) {
            *place = event;
        }
        table
    }

    /// What a limit source is heard to say now, W.
    fn limit_w(&self, source: usize, now: Time) -> f64 {
        self.scenario.disturbances.limit_w(source, self.limit_said_w[source], now)
    }

    /// Import that sources and events known at `now` allow at `at` over all points, W.
    fn expected_limit_w(&self, now: Time, at: Time) -> f64 {
        let control = &self.scenario.control;
        let mut poi_w = [f64::INFINITY; POIS];
        let mut all_w = f64::INFINITY;
        let mut tighten = |poi: Option<usize>, limit_w: f64| match poi.filter(|poi| *poi < control.pois.len()) {
            Some(poi) => poi_w[poi] = poi_w[poi].min(limit_w),
            None => all_w = all_w.min(limit_w),
        };
        for (index, limit) in control.limits.iter().enumerate() {
            tighten(limit.poi.map(usize::from), self.limit_w(index, now));
        }
        for event in self.events(now).iter().filter(|event| event.id != 0 && !event.cancelled) {
            if event.start <= at && at < event.end {
                tighten((event.poi != 255).then_some(usize::from(event.poi)), event.limit_w);
            }
        }
        for (index, poi) in control.pois.iter().enumerate() {
            if poi.island {
                tighten(Some(index), 0.0);
            }
        }
        poi_w.iter().take(control.pois.len()).sum::<f64>().min(all_w)
    }
}

impl<W: FnMut(Moment<'_>)> Site for World<'_, W> {
    fn observe(&mut self, now: Time) -> Observation {
        while self.plant.now() + self.scenario.plant.step <= now {
            self.advance();
        }
        self.hear_limits(now);
        let mut seen = Observation::empty(now);
        seen.utc_ns = (self.utc(now) + self.scenario.disturbances.clock_ahead(now)).as_nanos();
        let shown = self.plant.telemetry();
        copy(&mut seen.poi_import_w, &shown.poi_import_w);
        copy(&mut seen.poi_voltage_pu, &shown.poi_voltage_pu);
        copy(&mut seen.poi_frequency_hz, &shown.poi_frequency_hz);
        copy(&mut seen.poi_tied, &shown.poi_tied);
        copy(&mut seen.hall_w, &shown.hall_w);
        copy(&mut seen.cooling_w, &shown.cooling_w);
        copy(&mut seen.turbine_generation_w, &shown.turbine_generation_w);
        copy(&mut seen.turbine_available_w, &shown.turbine_available_w);
        copy(&mut seen.battery_w, &shown.battery_w);
        copy(&mut seen.battery_soc, &shown.battery_soc);
        copy(&mut seen.battery_available_w, &shown.battery_available_w);
        let minute = Time::nanos(now.as_nanos().div_euclid(WEATHER_EVERY.as_nanos()) * WEATHER_EVERY.as_nanos());
        if minute > self.weather_at {
            (self.weather_at, self.weather_c) = (minute, libm::round(self.last_ambient_c * 10.0) / 10.0);
        }
        seen.ambient_c.set(0, self.weather_c, self.weather_at);
        for index in 0..self.scenario.control.limits.len().min(LIMITS) {
            seen.limit_w.set(index, self.limit_w(index, now), self.limit_heard[index]);
        }
        seen.limit_until = self.limit_until;
        for job in 0..self.scenario.control.jobs.len().min(JOBS) {
            let at = self.plant.now();
            seen.job_saved_s.set(job, self.plant.job_saved_at(job).as_secs_f64(), at);
            let share = libm::round(self.plant.job_active(job) * 1e3) / 1e3;
            seen.job_at_work.set(job, share, at);
        }
        seen.events = self.events(now);
        self.forecast.learn(&seen, self.scenario);
        seen
    }

    fn outlook(&mut self, now: Time) -> Option<Outlook> {
        while self.scenario.disturbances.deaths.get(self.takeovers).is_some_and(|death| death.takeover <= now) {
            // A standby begins without an outlook and asks for one.
            self.takeovers += 1;
            self.forecast.next_revision = now;
        }
        self.forecast.due(now).then(|| self.expect(now))
    }

    fn actuate(&mut self, decision: &Decision) {
        self.send(decision);
        if !self.scenario.disturbances.deaths.is_empty() {
            self.haunt(decision);
        }
        (self.watcher)(Moment::Decided(decision));
    }
}

impl<W> World<'_, W> {
    fn send(&mut self, decision: &Decision) {
        let commands = &mut self.commands;
        (commands.epoch, commands.seq) = (decision.epoch, decision.seq);
        let (halls, units, turbines) = (commands.cap_w.len(), commands.battery_w.len(), commands.turbine_w.len());
        commands.battery_w.copy_from_slice(&decision.battery_w[..units]);
        commands.battery_until = decision.battery_until;
        commands.cap_w.copy_from_slice(&decision.cap_w[..halls]);
        commands.floor_w.copy_from_slice(&decision.floor_w[..halls]);
        commands.cap_until = decision.cap_until;
        commands.turbine_w.copy_from_slice(&decision.turbine_w[..turbines]);
        commands.turbine_until = decision.turbine_until;
        for (to, order) in commands.job.iter_mut().zip(decision.job) {
            *to = match order {
                JobOrder::Run => training::JobOrder::Run,
                JobOrder::Checkpoint => training::JobOrder::Checkpoint,
                JobOrder::Pause => training::JobOrder::Pause,
            };
        }
        self.plant.command(commands);
    }

    /// An old controller that came back sends what it last decided, behind every command of the standby, with a newer
    /// number and fresh leases: nothing but its epoch gives it away.
    fn haunt(&mut self, decision: &Decision) {
        if self.sent.as_ref().is_some_and(|sent| sent.epoch < decision.epoch) {
            self.ghost = self.sent.take();
        }
        let now = decision.now;
        let back = |death: &Death| death.takeover <= now && now < death.stale_until;
        if self.scenario.disturbances.deaths.iter().any(back)
            && let Some(mut ghost) = self.ghost.take()
        {
            let since = now - ghost.now;
            ghost.seq = decision.seq + 1;
            ghost.now = now;
            ghost.battery_until += since;
            ghost.cap_until += since;
            ghost.turbine_until += since;
            self.send(&ghost);
            self.ghost = Some(ghost);
        }
        match &mut self.sent {
            Some(sent) => **sent = *decision,
            empty => *empty = Some(Box::new(*decision)),
        }
    }
}

impl<W> World<'_, W> {
    /// What is expected for the day from `now` on: persistence and the shape of the day for the load, what is known for
    /// limits and events, the series of the scenario for price and weather.
    fn expect(&self, now: Time) -> Outlook {
        let start = Time::nanos(now.as_nanos().div_euclid(SLOT.as_nanos()) * SLOT.as_nanos());
        let mut outlook = Outlook {
            made_at: now,
            start,
            slot: SLOT,
            slots: SLOTS as u16,
            load_w: [0.0; SLOTS],
            import_limit_w: [0.0; SLOTS],
            price_usd_per_mwh: [0.0; SLOTS],
            ambient_c: [0.0; SLOTS],
            schedule_w: [f32::NAN; SLOTS],
            next_checkpoint: [Time::FOREVER; JOBS],
        };
        for job in 0..self.scenario.control.jobs.len().min(JOBS) {
            outlook.next_checkpoint[job] = self.plant.job_next_checkpoint(job);
        }
        let (mut price, mut ambient_c) = (0.0, self.last_ambient_c);
        for slot in 0..SLOTS {
            let at = start + Span::nanos(SLOT.as_nanos() * slot as i64);
            let utc = self.utc(at);
            price = self.scenario.surroundings.price.at(utc).unwrap_or(price);
            ambient_c = between(&self.scenario.surroundings.ambient, utc).unwrap_or(ambient_c);
            outlook.load_w[slot] = self.forecast.load_w(start, slot) as f32;
            outlook.import_limit_w[slot] = self.expected_limit_w(now, at.max(now)) as f32;
            outlook.price_usd_per_mwh[slot] = price as f32;
            outlook.ambient_c[slot] = ambient_c as f32;
            let declared = self.scenario.schedule.iter().rfind(|declared| declared.at <= at);
            outlook.schedule_w[slot] = declared.map_or(f32::NAN, |declared| declared.import_w as f32);
        }
        outlook
    }
}

/// Forecast of the campus load: what it is now, moved by how the day before went on from this hour.
#[derive(Clone, Debug)]
struct Forecast {
    next_revision: Time,
    /// Mean load of each slot of the last day, W; NaN where none was measured.
    day_w: [f64; DAY_SLOTS],
    slot: i64,
    sum_w: f64,
    count: f64,
}

impl Forecast {
    fn new() -> Self {
        Self { next_revision: Time::ZERO, day_w: [f64::NAN; DAY_SLOTS], slot: 0, sum_w: 0.0, count: 0.0 }
    }

    /// Takes in the measured load: feeders and cooling, as far as their telemetry is good.
    fn learn(&mut self, seen: &Observation, scenario: &Scenario) {
        let slot = seen.now.as_nanos().div_euclid(SLOT.as_nanos());
        if slot != self.slot {
            let place = self.slot.rem_euclid(DAY_SLOTS as i64) as usize;
            self.day_w[place] = if self.count > 0.0 { self.sum_w / self.count } else { f64::NAN };
            (self.slot, self.sum_w, self.count) = (slot, 0.0, 0.0);
        }
        let halls = scenario.control.halls.len();
        let good = |readings: &Readings<HALLS>, hall: usize| {
            readings.quality[hall] == Quality::Good && readings.value[hall].is_finite()
        };
        if (0..halls).all(|hall| good(&seen.hall_w, hall) && good(&seen.cooling_w, hall)) {
            self.sum_w += (0..halls).map(|hall| seen.hall_w.value[hall] + seen.cooling_w.value[hall]).sum::<f64>();
            self.count += 1.0;
        }
    }

    /// Whether a revision is due; the next one is five minutes later.
    fn due(&mut self, now: Time) -> bool {
        let due = now >= self.next_revision && self.count > 0.0;
        if due {
            self.next_revision = Time::nanos((now.as_nanos().div_euclid(SLOT.as_nanos()) + 1) * SLOT.as_nanos());
        }
        due
    }

    /// Load expected `ahead` slots after the one that begins at `start`, W.
    fn load_w(&self, start: Time, ahead: usize) -> f64 {
        let slot = start.as_nanos().div_euclid(SLOT.as_nanos());
        let place = |slot: i64| slot.rem_euclid(DAY_SLOTS as i64) as usize;
        let before_w = self.day_w[place(slot - 1)];
        let now_w = if self.count > 0.0 { self.sum_w / self.count } else { before_w };
        // The same slots of the day before; the slot under way was last completed a day ago, too.
        let then_w = self.day_w[place(slot)];
        let ahead_w = self.day_w[place(slot + ahead as i64)];
        if then_w.is_finite() && ahead_w.is_finite() && now_w.is_finite() {
            (now_w + ahead_w - then_w).max(0.0)
        } else {
            now_w
        }
    }
}

fn commands(scenario: &Scenario) -> Commands {
    let plant = &scenario.plant;
    Commands {
        epoch: 0,
        seq: 0,
        battery_w: vec![0.0; plant.batteries.len()],
        battery_until: Time::ZERO,
        cap_w: vec![0.0; plant.halls.len()],
        floor_w: vec![0.0; plant.halls.len()],
        cap_until: Time::ZERO,
        turbine_w: vec![0.0; plant.turbines.len()],
        turbine_until: Time::ZERO,
        job: vec![training::JobOrder::Run; plant.jobs.len()],
    }
}

/// What an instrument shows, as the controller reads it.
fn copy<const N: usize>(to: &mut Readings<N>, from: &Channel) {
    let count = from.value.len().min(N);
    to.value[..count].copy_from_slice(&from.value[..count]);
    to.taken_at[..count].copy_from_slice(&from.taken_at[..count]);
    to.quality[..count].copy_from_slice(&from.quality[..count]);
}

/// The series at an instant, on the straight line between the middles of its steps; `None` outside it and in a gap.
fn between(series: &Series, at: Utc) -> Option<f64> {
    let half = Span::nanos(series.step().as_nanos() / 2);
    let (here, before, after) = (series.at(at)?, series.at(at + Span::nanos(-half.as_nanos())), series.at(at + half));
    let into =
        (at - series.start()).as_nanos().rem_euclid(series.step().as_nanos()) as f64 / series.step().as_nanos() as f64;
    let other = if into < 0.5 { before } else { after };
    let weight = libm::fabs(into - 0.5);
    Some(other.map_or(here, |other| here * (1.0 - weight) + other * weight))
}
