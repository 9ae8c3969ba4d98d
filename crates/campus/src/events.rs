//! What reaches the plant from the controller: commands with their leases, on time, late or not at all, and their lapse.
//!
//! Not modelled: single links (whom a command does not reach is drawn, or scripted by device); count and epoch of commands
//! are checked once, at the site's gateway, not by each device; clocks of the devices (leases run on the plant's time).

use crate::plant::{Commands, Happening, Plant, PlantConfig};
use crate::training::JobOrder;
use tieline_units::{Purpose, Span, Time};

/// The leases as the devices hold them.
#[derive(Clone, Debug)]
pub(crate) struct Leases {
    /// Fencing epoch and number of the newest commands taken.
    newest: Option<(u64, u64)>,
    cap_until: Vec<Time>,
    /// When each hall's agents fall back, once the lease has run out; `FOREVER` while it runs.
    fall_back_at: Vec<Time>,
    fallen: Vec<bool>,
    /// The next instant at which a cap lease runs out or a hall falls back.
    next_cap: Time,
    battery_until: Vec<Time>,
    reverted: Vec<bool>,
    /// The next instant at which a battery lease runs out.
    next_battery: Time,
    cap_delay: Span,
    ramp: Span,
    safe_cap_w: Vec<f64>,
}

impl Leases {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        let (halls, units) = (config.halls.len(), config.batteries.len());
        Self {
            newest: None,
            cap_until: vec![Time::ZERO; halls],
            fall_back_at: vec![Time::FOREVER; halls],
            fallen: vec![false; halls],
            next_cap: Time::ZERO,
            battery_until: vec![Time::ZERO; units],
            reverted: vec![false; units],
            next_battery: Time::ZERO,
            cap_delay: Span::from_secs_f64(config.lapse.cap_delay_s),
            ramp: Span::from_secs_f64(config.lapse.gpu_ramp_s),
            safe_cap_w: config.halls.iter().map(|h| h.product.rated_w * config.lapse.safe_cap_share).collect(),
        }
    }

    fn find_next_cap(&mut self) {
        self.next_cap = Time::FOREVER;
        for h in (0..self.cap_until.len()).filter(|h| !self.fallen[*h]) {
            let due = if self.fall_back_at[h] == Time::FOREVER { self.cap_until[h] } else { self.fall_back_at[h] };
            self.next_cap = self.next_cap.min(due);
        }
    }

    fn find_next_battery(&mut self) {
        let running = self.battery_until.iter().zip(&self.reverted).filter(|(_, reverted)| !**reverted);
        self.next_battery = running.map(|(until, _)| *until).fold(Time::FOREVER, Time::min);
    }
}

/// Commands on their way while the script delays them: a ring, first sent first, in memory taken once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Post {
    slots: Vec<Commands>,
    arrives_at: Vec<Time>,
    first: usize,
    waiting: usize,
}

impl Post {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        let late = config.latest_command().as_nanos();
        // One command per step is on its way at most, and one more where a delay is no whole number of steps.
        let slots = if late > 0 { usize::try_from(late / config.step.as_nanos()).unwrap_or(0) + 2 } else { 0 };
        let empty = Commands {
            epoch: 0,
            seq: 0,
            battery_w: vec![0.0; config.batteries.len()],
            battery_until: Time::ZERO,
            cap_w: vec![0.0; config.halls.len()],
            floor_w: vec![0.0; config.halls.len()],
            cap_until: Time::ZERO,
            turbine_w: vec![0.0; config.turbines.len()],
            turbine_until: Time::ZERO,
            job: vec![JobOrder::Run; config.jobs.len()],
        };
        Self { slots: vec![empty; slots], arrives_at: vec![Time::FOREVER; slots], first: 0, waiting: 0 }
    }

    /// Keeps commands until they arrive; `false` where more are on their way than one per step.
    fn send(&mut self, commands: &Commands, arrives_at: Time) -> bool {
        if self.waiting == self.slots.len() {
            return false;
        }
        let place = (self.first + self.waiting) % self.slots.len();
        self.waiting += 1;
        self.arrives_at[place] = arrives_at;
        let slot = &mut self.slots[place];
        (slot.epoch, slot.seq) = (commands.epoch, commands.seq);
        slot.battery_w.copy_from_slice(&commands.battery_w);
        slot.cap_w.copy_from_slice(&commands.cap_w);
        slot.floor_w.copy_from_slice(&commands.floor_w);
        slot.turbine_w.copy_from_slice(&commands.turbine_w);
        (slot.battery_until, slot.cap_until) = (commands.battery_until, commands.cap_until);
        slot.turbine_until = commands.turbine_until;
        slot.job.copy_from_slice(&commands.job);
        true
    }
}

/// The numbers of devices in draws of one purpose must not meet: halls, battery units and turbines count from here.
const FIRST_ASSET: [u32; 3] = [0, 1 << 20, 2 << 20];

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
    /// Hands commands to the devices; they act from the next step on. Returns whether they were taken, or are on their
    /// way where the script delays them.
    ///
    /// Commands of a lower fencing epoch than the last ones, or no newer within their epoch, are refused and counted; a
    /// set-point that is not finite leaves the device where it was.
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
        let sent = !self.faults.commands_lost
            && (self.faults.commands_late == Span::ZERO
                || self.post.send(commands, self.now + self.faults.commands_late));
        if !sent {
            self.totals.commands_lost += 1;
            return false;
        }
        self.faults.commands_late > Span::ZERO || self.deliver(commands)
    }

    /// Late commands arrive; newer ones may have overtaken them.
    pub(crate) fn apply_post(&mut self, now: Time) {
        if self.post.waiting == 0 {
            return;
        }
        let mut post = std::mem::take(&mut self.post);
        while post.waiting > 0 && post.arrives_at[post.first] <= now {
            self.deliver(&post.slots[post.first]);
            post.first = (post.first + 1) % post.slots.len();
            post.waiting -= 1;
        }
        self.post = post;
    }

    /// Commands arrive. Set-points whose lease is over on arrival are dead already.
    fn deliver(&mut self, commands: &Commands) -> bool {
        let number = (commands.epoch, commands.seq);
        if self.leases.newest.is_some_and(|newest| number <= newest) {
            self.totals.commands_refused += 1;
            return false;
        }
        self.leases.newest = Some(number);
        self.totals.commands_taken += 1;
        if commands.cap_until > self.now {
            self.take_caps(commands);
        }
        if commands.battery_until > self.now {
            self.take_battery(commands);
        }
        if commands.turbine_until > self.now {
            // A turbine whose lease lapses holds its output, so nothing else needs to be remembered.
            if self.faults.some_deaf {
                for t in 0..commands.turbine_w.len() {
                    if self.hears(2, t, commands) {
                        self.totals.setpoints_refused += self.turbines.set(t, &commands.turbine_w[t..=t]);
                    }
                }
            } else {
                self.totals.setpoints_refused += self.turbines.set(0, &commands.turbine_w);
            }
        }
        for (job, order) in commands.job.iter().enumerate() {
            self.tell_job(job, *order);
        }
        true
    }

    fn tell_job(&mut self, job: usize, order: JobOrder) {
        let now = self.now;
        let was_paused = self.jobs.is_paused(job);
        self.jobs.tell(job, order, now);
        let paused = self.jobs.is_paused(job);
        if paused != was_paused {
            let name = &self.config.jobs[job].name;
            let text = if paused { format!("{name} is paused") } else { format!("{name} resumes from its checkpoint") };
            self.say(now, "job", text);
        }
    }

    fn take_caps(&mut self, commands: &Commands) {
        let now = self.now;
        for h in 0..self.halls.len() {
            if self.faults.some_deaf && !self.hears(0, h, commands) {
                continue;
            }
            self.leases.cap_until[h] = commands.cap_until;
            self.leases.fall_back_at[h] = Time::FOREVER;
            self.leases.fallen[h] = false;
            let (cap, floor) = (commands.cap_w[h], commands.floor_w[h]);
            if cap.is_finite() && floor.is_finite() {
                self.halls.aim(h, cap, floor, now, self.leases.cap_delay);
            } else {
                self.totals.setpoints_refused += 1;
            }
        }
        self.leases.find_next_cap();
    }

    fn take_battery(&mut self, commands: &Commands) {
        if self.faults.some_deaf {
            for b in 0..self.storage.len() {
                if self.hears(1, b, commands) {
                    self.leases.battery_until[b] = commands.battery_until;
                    self.leases.reverted[b] = false;
                    self.totals.setpoints_refused += self.storage.set(b, &commands.battery_w[b..=b]);
                }
            }
        } else {
            self.leases.battery_until.fill(commands.battery_until);
            self.leases.reverted.fill(false);
            self.totals.setpoints_refused += self.storage.set(0, &commands.battery_w);
        }
        self.leases.find_next_battery();
    }

    /// Whether device `i` of a class takes these commands.
    fn hears(&self, class: usize, i: usize, commands: &Commands) -> bool {
        let share = self.faults.hears[class];
        let reached = share >= 1.0
            || self.draw.uniform(FIRST_ASSET[class] + i as u32, Purpose::PartialCommand, commands.seq) < share;
        reached && !self.faults.deaf[class][i]
    }

    /// Devices whose lease has run out go to their own safe state.
    pub(crate) fn apply_lapses(&mut self, now: Time) {
        if now >= self.leases.next_cap {
            self.lapse_gpus(now);
        }
        if now >= self.leases.next_battery {
            self.lapse_batteries(now);
        }
    }

    fn lapse_batteries(&mut self, now: Time) {
        let (mut lapsed, units) = (0, self.storage.len());
        for b in 0..units {
            if !self.leases.reverted[b] && now >= self.leases.battery_until[b] {
                self.leases.reverted[b] = true;
                self.storage.revert(b);
                lapsed += 1;
            }
        }
        self.leases.find_next_battery();
        if lapsed > 0 {
            self.totals.battery_lapses += 1;
            let some = if lapsed == units { String::new() } else { format!(" of {lapsed} of {units} units") };
            self.say(now, "lease", format!("battery leases{some} ran out: units revert"));
        }
    }

    fn lapse_gpus(&mut self, now: Time) {
        let (mut lapsed, halls) = (0, self.halls.len());
        let jitter_s = self.config.lapse.gpu_jitter.as_secs_f64();
        for h in 0..halls {
            let leases = &mut self.leases;
            if !leases.fallen[h] && leases.fall_back_at[h] == Time::FOREVER && now >= leases.cap_until[h] {
                let share = self.draw.uniform(h as u32, Purpose::LeaseJitter, self.totals.gpu_lapses);
                leases.fall_back_at[h] = leases.cap_until[h] + Span::from_secs_f64(share * jitter_s);
                lapsed += 1;
            }
        }
        if lapsed > 0 {
            self.totals.gpu_lapses += 1;
            let some = if lapsed == halls { String::new() } else { format!(" of {lapsed} of {halls} halls") };
            self.say(now, "lease", format!("GPU leases{some} ran out: node agents fall back to the safe cap"));
        }
        for h in 0..halls {
            if !self.leases.fallen[h] && now >= self.leases.fall_back_at[h] {
                self.leases.fallen[h] = true;
                // Silence must never raise a load: a cap below the safe cap stays.
                let cap = self.halls.cap_target_w(h).min(self.leases.safe_cap_w[h]);
                self.halls.aim(h, cap, 0.0, now, self.leases.ramp);
            }
        }
        self.leases.find_next_cap();
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

    pub(crate) fn say(&mut self, at: Time, kind: &'static str, text: String) {
        self.happenings.push(Happening { at, kind, text });
    }
}
