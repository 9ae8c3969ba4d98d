//! Scripted faults of plant, instruments and commands: what they are, when they hold, what each of them sets.
//!
//! Not modelled: faults that depend on what the run does; a fault that hits part of a device, except strings of a battery.

use crate::instruments::Bend;
use crate::plant::{Plant, PlantConfig};
use tieline_units::{Span, Time};

/// What goes wrong and when: scripted by a scenario, so that a test can ask for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
    /// What it is.
    pub kind: FaultKind,
    /// Index of the device; `usize::MAX` means all of its kind.
    pub index: usize,
}

/// Whose telemetry a fault bends; the index of the fault counts within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Meter of a point of interconnection: power, voltage, frequency.
    Meter,
    /// Feeder and cooling of a hall.
    Hall,
    /// Power, offered power and state of charge of a battery unit.
    Battery,
    /// Generation and available generation of a turbine.
    Turbine,
}

/// Whom a fault of commands concerns; the index of the fault counts within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commanded {
    /// Caps and floors of halls.
    Caps,
    /// Set-points of battery units.
    Batteries,
    /// Set-points of turbines.
    Turbines,
    /// Every device.
    All,
}

/// Kinds of scripted faults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// The POI meter stops reporting: its last reading stays, ageing.
    MeterSilent,
    /// The POI meter reports this offset too much, W.
    MeterOffset(f64),
    /// The POI meter reports NaN.
    MeterNan,
    /// Telemetry of a hall is silent.
    HallSilent,
    /// Telemetry of a battery unit is silent.
    BatterySilent,
    /// Telemetry of a turbine is silent.
    TurbineSilent,
    /// Readings arrive so much later than they should, each with the stamp of when it was taken.
    Late(Instrument, Span),
    /// The last value repeats while its stamp goes on.
    Frozen(Instrument),
    /// Powers are told times this factor: 0.001 is kW for W, -1 a swapped sign.
    Scaled(Instrument, f64),
    /// The device's clock, and so its stamps, runs ahead by so much (negative: behind).
    Stamped(Instrument, Span),
    /// The state of charge of a battery unit is told times this factor: 100 is per cent for a share.
    SocScaled(f64),
    /// A battery unit is out of service.
    BatteryOut,
    /// A battery unit offers only this share of its rated power, 0..1.
    BatteryDerated(f64),
    /// This share of a unit's strings is cut off with its power and with the energy in it, 0..1 (not all of them).
    StringsLost(f64),
    /// A turbine trips and stays out until the end of the fault.
    TurbineTrip,
    /// A hall's breaker is open.
    HallTrip,
    /// The tie of a point of interconnection is open: its bus runs as an island until it is closed again.
    TieOpen,
    /// No command reaches any device: leases run out.
    CommandsLost,
    /// All commands arrive so much later.
    CommandsDelayed(Span),
    /// A device refuses new set-points and keeps the old one until its lease runs out.
    CommandRefused(Commanded),
    /// Of every command only this share of the devices hears, 0..1; which ones is drawn for each command.
    CommandsPartial(Commanded, f64),
    /// Commands to one class of devices cease, so that its leases run out.
    LeaseLapse(Commanded),
    /// Every GPU of a job stalls (a failure of the whole job).
    JobFailure,
    /// The next checkpoint of a job is not written, nor any other while the fault lasts.
    CheckpointFailure,
}

/// Which command classes there are, in the order of the arrays below.
pub(crate) const CLASSES: [Commanded; 3] = [Commanded::Caps, Commanded::Batteries, Commanded::Turbines];

/// Scripted faults in order of their start, and what they do to commands now.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    script: Vec<Fault>,
    next: usize,
    active: Vec<Fault>,
    /// The next instant at which anything begins or ends.
    due: Time,
    pub(crate) commands_lost: bool,
    pub(crate) commands_late: Span,
    /// Whether any device may miss a command, and then which refuse and what share of each class hears.
    pub(crate) some_deaf: bool,
    pub(crate) deaf: [Vec<bool>; 3],
    pub(crate) hears: [f64; 3],
}

impl Faults {
    pub(crate) fn new(config: &PlantConfig) -> Self {
        let mut script = config.faults.clone();
        script.sort_by_key(|f| f.start);
        let due = script.first().map_or(Time::FOREVER, |f| f.start);
        let deaf = [config.halls.len(), config.batteries.len(), config.turbines.len()].map(|n| vec![false; n]);
        Self {
            script,
            next: 0,
            active: Vec::new(),
            due,
            commands_lost: false,
            commands_late: Span::ZERO,
            some_deaf: false,
            deaf,
            hears: [1.0; 3],
        }
    }
}

impl PlantConfig {
    /// Longest delay that the script gives to readings of an instrument.
    pub(crate) fn latest(&self, of: Instrument) -> Span {
        let late = |f: &Fault| if let FaultKind::Late(by, late) = f.kind { (by == of).then_some(late) } else { None };
        self.faults.iter().filter_map(late).max().unwrap_or(Span::ZERO)
    }

    /// Longest delay that the script gives to commands.
    pub(crate) fn latest_command(&self) -> Span {
        let late = |f: &Fault| if let FaultKind::CommandsDelayed(late) = f.kind { Some(late) } else { None };
        self.faults.iter().filter_map(late).max().unwrap_or(Span::ZERO)
    }
}

/// A length of time for people: "45 s", "90 min", "4.0 h".
fn duration(span: Span) -> String {
    match span.as_secs_f64() {
        s if s < 10.0 && s.fract() != 0.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// Whether a fault concerns the device of this number within its kind.
fn concerns(fault: &Fault, i: usize) -> bool {
    fault.index == i || fault.index == usize::MAX
}

impl Plant {
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
        self.bend_instruments();
        self.bend_devices();
        self.bend_commands();
    }

    fn begin(&mut self, fault: &Fault, now: Time) {
        let each = |count: usize| (0..count).filter(|i| concerns(fault, *i));
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
            FaultKind::CheckpointFailure => {
                for j in each(self.config.jobs.len()) {
                    self.jobs.spoil_checkpoints(j, fault.end);
                }
            }
            _ => {}
        }
        let text = self.describe(fault);
        self.say(now, "fault", format!("{text} for {}", duration(fault.end - now)));
    }

    /// What a fault is, in words.
    fn describe(&self, fault: &Fault) -> String {
        let c = &self.config;
        let pick = |names: &mut dyn Iterator<Item = &String>| match names.nth(fault.index) {
            Some(name) => format!(" of {name}"),
            None => " of all".to_owned(),
        };
        let of = |instrument: Instrument| match instrument {
            Instrument::Meter => format!("meter{}", pick(&mut c.pois.iter().map(|p| &p.name))),
            Instrument::Hall => format!("telemetry{}", pick(&mut c.halls.iter().map(|h| &h.name))),
            Instrument::Battery => format!("telemetry{}", pick(&mut c.batteries.iter().map(|b| &b.name))),
            Instrument::Turbine => format!("telemetry{}", pick(&mut c.turbines.iter().map(|t| &t.name))),
        };
        let unit = || pick(&mut c.batteries.iter().map(|b| &b.name));
        let job = || pick(&mut c.jobs.iter().map(|j| &j.name));
        let class = |of: Commanded| match of {
            Commanded::Caps => "halls",
            Commanded::Batteries => "batteries",
            Commanded::Turbines => "turbines",
            Commanded::All => "all devices",
        };
        match fault.kind {
            FaultKind::MeterSilent => format!("silent {}", of(Instrument::Meter)),
            FaultKind::MeterOffset(_) => format!("meter offset{}", pick(&mut c.pois.iter().map(|p| &p.name))),
            FaultKind::MeterNan => {
                format!("meter without a number{}", pick(&mut c.pois.iter().map(|p| &p.name)))
            }
            FaultKind::HallSilent => format!("silent {}", of(Instrument::Hall)),
            FaultKind::BatterySilent => format!("silent {}", of(Instrument::Battery)),
            FaultKind::TurbineSilent => format!("silent {}", of(Instrument::Turbine)),
            FaultKind::Late(by, late) => format!("late by {}: {}", duration(late), of(by)),
            FaultKind::Frozen(by) => format!("frozen {}", of(by)),
            FaultKind::Scaled(by, factor) => format!("values times {factor}: {}", of(by)),
            FaultKind::Stamped(by, ahead) => format!("clock off by {:.1} s: {}", ahead.as_secs_f64(), of(by)),
            FaultKind::SocScaled(factor) => format!("state of charge times {factor}{}", unit()),
            FaultKind::BatteryOut => format!("outage{}", unit()),
            FaultKind::BatteryDerated(share) => format!("derating to {:.0} %{}", share * 100.0, unit()),
            FaultKind::StringsLost(share) => format!("loss of {:.0} % of the strings{}", share * 100.0, unit()),
            FaultKind::TurbineTrip => format!("trip{}", pick(&mut c.turbines.iter().map(|t| &t.name))),
            FaultKind::HallTrip => format!("open breaker{}", pick(&mut c.halls.iter().map(|h| &h.name))),
            FaultKind::TieOpen => format!("open tie{}", pick(&mut c.pois.iter().map(|p| &p.name))),
            FaultKind::CommandsLost => "commands lost".to_owned(),
            FaultKind::CommandsDelayed(late) => format!("commands late by {}", duration(late)),
            FaultKind::CommandRefused(Commanded::Caps) => {
                format!("commands refused{}", pick(&mut c.halls.iter().map(|h| &h.name)))
            }
            FaultKind::CommandRefused(Commanded::Batteries) => format!("commands refused{}", unit()),
            FaultKind::CommandRefused(Commanded::Turbines) => {
                format!("commands refused{}", pick(&mut c.turbines.iter().map(|t| &t.name)))
            }
            FaultKind::CommandRefused(Commanded::All) => "commands refused by all devices".to_owned(),
            FaultKind::CommandsPartial(of, share) => {
                format!("each command reaches {:.0} % of {}", share * 100.0, class(of))
            }
            FaultKind::LeaseLapse(of) => format!("no commands to {}", class(of)),
            FaultKind::JobFailure => format!("failure{}", job()),
            FaultKind::CheckpointFailure => format!("failed checkpoints{}", job()),
        }
    }

    /// Rebuilds what is silent or lying from the faults in force.
    fn bend_instruments(&mut self) {
        let active = &self.faults.active;
        let bends = [
            (Instrument::Meter, FaultKind::MeterSilent, &mut self.disturbed.meter),
            (Instrument::Hall, FaultKind::HallSilent, &mut self.disturbed.hall),
            (Instrument::Battery, FaultKind::BatterySilent, &mut self.disturbed.battery),
            (Instrument::Turbine, FaultKind::TurbineSilent, &mut self.disturbed.turbine),
        ];
        for (instrument, silent, devices) in bends {
            for (i, bend) in devices.iter_mut().enumerate() {
                *bend = Bend::STRAIGHT;
                for fault in active.iter().filter(|f| concerns(f, i)) {
                    match fault.kind {
                        kind if kind == silent => bend.silent = true,
                        FaultKind::Late(by, late) if by == instrument => bend.late = bend.late.max(late),
                        FaultKind::Frozen(by) if by == instrument => bend.frozen = true,
                        FaultKind::Scaled(by, factor) if by == instrument => bend.factor *= factor,
                        FaultKind::Stamped(by, ahead) if by == instrument => bend.ahead = bend.ahead + ahead,
                        FaultKind::MeterOffset(offset_w) if instrument == Instrument::Meter => {
                            bend.offset_w += offset_w;
                        }
                        FaultKind::MeterNan if instrument == Instrument::Meter => bend.nan = true,
                        FaultKind::SocScaled(factor) if instrument == Instrument::Battery => bend.soc_factor *= factor,
                        _ => {}
                    }
                }
            }
        }
        let units = [&self.disturbed.hall, &self.disturbed.battery, &self.disturbed.turbine];
        self.disturbed.any_unit = units.into_iter().flatten().any(|bend| *bend != Bend::STRAIGHT);
    }

    /// Rebuilds what battery units offer and which buses stand alone.
    fn bend_devices(&mut self) {
        for (p, poi) in self.config.pois.iter().enumerate() {
            let open = self.faults.active.iter().any(|f| f.kind == FaultKind::TieOpen && concerns(f, p));
            self.island.alone[p] = poi.island || open;
        }
        for b in 0..self.storage.len() {
            let (mut in_service, mut offers, mut strings_lost) = (true, 1.0_f64, 0.0_f64);
            for fault in self.faults.active.iter().filter(|f| concerns(f, b)) {
                match fault.kind {
                    FaultKind::BatteryOut => in_service = false,
                    FaultKind::BatteryDerated(share) => offers = offers.min(share),
                    FaultKind::StringsLost(share) => strings_lost = strings_lost.max(share),
                    _ => {}
                }
            }
            self.storage.stand(b, in_service, offers, strings_lost);
        }
    }

    /// Rebuilds which commands are lost, late, refused or heard by some.
    fn bend_commands(&mut self) {
        let faults = &mut self.faults;
        faults.commands_lost = faults.active.iter().any(|f| f.kind == FaultKind::CommandsLost);
        faults.commands_late = Span::ZERO;
        faults.hears = [1.0; 3];
        faults.deaf.iter_mut().for_each(|class| class.fill(false));
        for fault in &faults.active {
            for (slot, class) in CLASSES.into_iter().enumerate() {
                let meant = |of: Commanded| of == class || of == Commanded::All;
                match fault.kind {
                    FaultKind::CommandsDelayed(late) => faults.commands_late = faults.commands_late.max(late),
                    FaultKind::CommandRefused(of) if meant(of) => {
                        for (i, deaf) in faults.deaf[slot].iter_mut().enumerate() {
                            *deaf |= concerns(fault, i);
                        }
                    }
                    FaultKind::LeaseLapse(of) if meant(of) => faults.deaf[slot].fill(true),
                    FaultKind::CommandsPartial(of, share) if meant(of) => {
                        faults.hears[slot] = faults.hears[slot].min(share);
                    }
                    _ => {}
                }
            }
        }
        faults.some_deaf =
            faults.hears.iter().any(|share| *share < 1.0) || faults.deaf.iter().any(|class| class.contains(&true));
    }
}
