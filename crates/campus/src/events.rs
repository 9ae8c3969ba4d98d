//! What reaches the plant from outside its physics: commands and their leases, and scripted faults.
//!
//! Not modelled: single devices losing their link (all commands of a kind arrive or none); clocks of the devices (they
//! all read the plant's time).

use crate::plant::{Commands, Fault, FaultKind, Happening, Plant, PlantConfig};
use crate::training::JobOrder;
use tieline_units::{Purpose, Span, Time};

/// The leases as the devices hold them.
#[derive(Clone, Debug)]
pub(crate) struct Leases {
    seq: Option<u64>,
    cap_until: Time,
    battery_until: Time,
    /// When each hall's agents fall back, once the lease has run out.
    fall_back_at: Vec<Time>,
    fallen: Vec<bool>,
    falling: bool,
    reverted: bool,
    cap_delay: Span,
    ramp: Span,
    safe_cap_w: Vec<f64>,
}

impl Leases {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        let n = config.halls.len();
        Self {
            seq: None,
            cap_until: Time::ZERO,
            battery_until: Time::ZERO,
            fall_back_at: vec![Time::FOREVER; n],
            fallen: vec![false; n],
            falling: false,
            reverted: false,
            cap_delay: Span::from_secs_f64(config.lapse.cap_delay_s),
            ramp: Span::from_secs_f64(config.lapse.gpu_ramp_s),
            safe_cap_w: config.halls.iter().map(|h| h.product.rated_w * config.lapse.safe_cap_share).collect(),
        }
    }
}

/// Scripted faults in order of their start.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    script: Vec<Fault>,
    next: usize,
    active: Vec<Fault>,
    commands_lost: bool,
    /// The next instant at which anything begins or ends.
    due: Time,
}

impl Faults {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        let mut script = config.faults.clone();
        script.sort_by_key(|f| f.start);
        let due = script.first().map_or(Time::FOREVER, |f| f.start);
        Self { script, next: 0, active: Vec::new(), commands_lost: false, due }
    }
}

/// A length of time for people: "45 s", "90 min", "4.0 h".
fn duration(span: Span) -> String {
    match span.as_secs_f64() {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// A large count for people: "848 million".
pub(crate) fn many(count: f64) -> String {
    match count {
        n if n >= 1e12 => format!("{:.2} trillion", n / 1e12),
        n if n >= 1e9 => format!("{:.2} billion", n / 1e9),
        n if n >= 1e6 => format!("{:.0} million", n / 1e6),
        n => format!("{n:.0}"),
    }
}

impl Plant {
    /// Hands commands to the devices; they act from the next step on. Returns whether they were taken.
    ///
    /// A command that is no newer than the last one is refused and counted; a set-point that is not finite leaves the
    /// device where it was.
    ///
    /// # Panics
    /// If a list does not name every device: the caller and the plant share one configuration.
    pub fn command(&mut self, commands: &Commands) -> bool {
        assert!(
            commands.cap_w.len() == self.halls.len()
                && commands.floor_w.len() == self.halls.len()
                && commands.battery_w.len() == self.storage.len()
                && commands.turbine_w.len() == self.config.turbines.len()
                && commands.job.len() == self.config.jobs.len(),
            "commands must name every device"
        );
        if self.faults.commands_lost {
            self.totals.commands_lost += 1;
            return false;
        }
        if self.leases.seq.is_some_and(|last| commands.seq <= last) {
            self.totals.commands_refused += 1;
            return false;
        }
        self.leases.seq = Some(commands.seq);
        self.totals.commands_taken += 1;
        let now = self.now;
        // Set-points whose lease is over on arrival are dead already.
        if commands.cap_until > now {
            self.leases.cap_until = commands.cap_until;
            self.leases.falling = false;
            for h in 0..self.halls.len() {
                let (cap, floor) = (commands.cap_w[h], commands.floor_w[h]);
                if cap.is_finite() && floor.is_finite() {
                    self.halls.aim(h, cap, floor, now, self.leases.cap_delay);
                } else {
                    self.totals.setpoints_refused += 1;
                }
            }
        }
        if commands.battery_until > now {
            self.leases.battery_until = commands.battery_until;
            self.leases.reverted = false;
            self.totals.setpoints_refused += self.storage.set(&commands.battery_w);
        }
        if commands.turbine_until > now {
            // A turbine whose lease lapses holds its output, so nothing else needs to be remembered.
            self.totals.setpoints_refused += self.turbines.set(&commands.turbine_w);
        }
        for (job, order) in commands.job.iter().enumerate() {
            self.tell_job(job, *order, now);
        }
        true
    }

    fn tell_job(&mut self, job: usize, order: JobOrder, now: Time) {
        let was_paused = self.jobs.is_paused(job);
        self.jobs.tell(job, order, now);
        let paused = self.jobs.is_paused(job);
        if paused != was_paused {
            let name = &self.config.jobs[job].name;
            let text = if paused { format!("{name} is paused") } else { format!("{name} resumes from its checkpoint") };
            self.say(now, "job", text);
        }
    }

    /// Devices whose lease has run out go to their own safe state.
    pub(crate) fn apply_lapses(&mut self, now: Time) {
        if now >= self.leases.cap_until {
            self.lapse_gpus(now);
        }
        if now >= self.leases.battery_until && !self.leases.reverted {
            self.leases.reverted = true;
            if self.storage.len() > 0 {
                self.storage.revert();
                self.totals.battery_lapses += 1;
                self.say(now, "lease", "battery leases ran out: units revert".to_owned());
            }
        }
    }

    fn lapse_gpus(&mut self, now: Time) {
        if !self.leases.falling {
            self.leases.falling = true;
            self.leases.fallen.fill(false);
            let jitter_s = self.config.lapse.gpu_jitter.as_secs_f64();
            for h in 0..self.halls.len() {
                let share = self.draw.uniform(h as u32, Purpose::LeaseJitter, self.totals.gpu_lapses);
                self.leases.fall_back_at[h] = self.leases.cap_until + Span::from_secs_f64(share * jitter_s);
            }
            if self.halls.len() > 0 {
                self.totals.gpu_lapses += 1;
                self.say(now, "lease", "GPU leases ran out: node agents fall back to the safe cap".to_owned());
            }
        }
        for h in 0..self.halls.len() {
            if !self.leases.fallen[h] && now >= self.leases.fall_back_at[h] {
                self.leases.fallen[h] = true;
                // Silence must never raise a load: a cap below the safe cap stays.
                let cap = self.halls.cap_target_w(h).min(self.leases.safe_cap_w[h]);
                self.halls.aim(h, cap, 0.0, now, self.leases.ramp);
            }
        }
    }

    /// Begins and ends scripted faults.
    pub(crate) fn apply_faults(&mut self, now: Time) {
        if now < self.faults.due {
            return;
        }
        self.faults.active.retain(|f| f.end > now);
        while let Some(fault) = self.faults.script.get(self.faults.next).copied().filter(|f| f.start <= now) {
            self.faults.next += 1;
            if fault.end > now {
                self.faults.active.push(fault);
            }
            self.begin(&fault, now);
        }
        let next_start = self.faults.script.get(self.faults.next).map_or(Time::FOREVER, |f| f.start);
        self.faults.due = self.faults.active.iter().map(|f| f.end).fold(next_start, Time::min);
        self.set_disturbances();
    }

    fn begin(&mut self, fault: &Fault, now: Time) {
        let each = |count: usize| {
            let all = fault.index == usize::MAX;
            (0..count).filter(move |i| all || *i == fault.index)
        };
        match fault.kind {
            FaultKind::TurbineTrip => {
                for i in each(self.config.turbines.len()) {
                    self.turbines.trip(i, fault.end);
                    self.totals.turbine_trips += 1;
                }
            }
            FaultKind::HallTrip => {
                for h in each(self.halls.len()) {
                    self.open_hall(h, fault.end);
                }
            }
            FaultKind::JobFailure => {
                for j in each(self.config.jobs.len()) {
                    self.jobs.fail_whole(j, fault.end);
                }
            }
            _ => {}
        }
        let (what, of) = self.describe(fault);
        self.say(now, "fault", format!("{what}{of} for {}", duration(fault.end - now)));
    }

    /// Opens a hall's breaker; its job loses the hall's work.
    pub(crate) fn open_hall(&mut self, h: usize, until: Time) {
        if !self.halls.in_service[h] {
            return;
        }
        let Some(j) = self.config.halls[h].job else {
            self.halls.open(h, until, Span::ZERO);
            return;
        };
        let total: f64 = (0..self.halls.len())
            .filter(|i| self.config.halls[*i].job == Some(j))
            .map(|i| self.halls.gpus_at_work(i))
            .sum();
        let share = if total > 0.0 { self.halls.gpus_at_work(h) / total } else { 0.0 };
        let restart = Span::from_secs_f64(self.config.jobs[j].restart_s);
        let stops_all = self.jobs.lose_hall(j, share, until + restart);
        // Where the whole job restarts, its own restart and ramp count, not the hall's as well.
        self.halls.open(h, until, if stops_all { Span::ZERO } else { restart });
    }

    fn describe(&self, fault: &Fault) -> (&'static str, String) {
        let named = |names: &mut dyn Iterator<Item = &String>| match names.nth(fault.index) {
            Some(name) => format!(" of {name}"),
            None => " of all".to_owned(),
        };
        let c = &self.config;
        match fault.kind {
            FaultKind::MeterSilent => ("silent meter", named(&mut c.pois.iter().map(|p| &p.name))),
            FaultKind::MeterOffset(_) => ("meter offset", named(&mut c.pois.iter().map(|p| &p.name))),
            FaultKind::MeterNan => ("meter without a number", named(&mut c.pois.iter().map(|p| &p.name))),
            FaultKind::HallSilent => ("silent telemetry", named(&mut c.halls.iter().map(|h| &h.name))),
            FaultKind::BatterySilent => ("silent telemetry", named(&mut c.batteries.iter().map(|b| &b.name))),
            FaultKind::BatteryOut => ("outage", named(&mut c.batteries.iter().map(|b| &b.name))),
            FaultKind::TurbineTrip => ("trip", named(&mut c.turbines.iter().map(|t| &t.name))),
            FaultKind::HallTrip => ("open breaker", named(&mut c.halls.iter().map(|h| &h.name))),
            FaultKind::CommandsLost => ("commands lost", String::new()),
            FaultKind::JobFailure => ("failure", named(&mut c.jobs.iter().map(|j| &j.name))),
        }
    }

    /// Rebuilds what is silent, lying or out of service from the faults in force.
    fn set_disturbances(&mut self) {
        let (points, halls, batteries) = (self.config.pois.len(), self.halls.len(), self.storage.len());
        let active = &self.faults.active;
        let holds = |i: usize, is: fn(&FaultKind) -> bool| {
            active.iter().any(|f| is(&f.kind) && (f.index == i || f.index == usize::MAX))
        };
        for p in 0..points {
            self.disturbed.meter_silent[p] = holds(p, |k| matches!(k, FaultKind::MeterSilent));
            self.disturbed.meter_nan[p] = holds(p, |k| matches!(k, FaultKind::MeterNan));
            self.disturbed.meter_offset_w[p] = active
                .iter()
                .filter(|f| f.index == p || f.index == usize::MAX)
                .map(|f| if let FaultKind::MeterOffset(offset_w) = f.kind { offset_w } else { 0.0 })
                .sum();
        }
        for h in 0..halls {
            self.disturbed.hall_silent[h] = holds(h, |k| matches!(k, FaultKind::HallSilent));
        }
        for b in 0..batteries {
            self.disturbed.battery_silent[b] = holds(b, |k| matches!(k, FaultKind::BatterySilent));
            let out = holds(b, |k| matches!(k, FaultKind::BatteryOut));
            self.storage.put_in_service(b, !out);
        }
        self.faults.commands_lost = active.iter().any(|f| f.kind == FaultKind::CommandsLost);
    }

    pub(crate) fn say(&mut self, at: Time, kind: &'static str, text: String) {
        self.happenings.push(Happening { at, kind, text });
    }
}
