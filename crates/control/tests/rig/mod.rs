//! A toy site for tests of the controller: one lag per battery, caps that act after half a second, no noise unless asked.

#![allow(dead_code)]

use std::collections::VecDeque;
use tieline_control::*;
use tieline_units::{Span, Time};

/// One point, two halls of different jobs, four battery units, two turbines, three limit sources.
pub fn config() -> Config {
    let hall = |name: &str, job: u8, tier: u8, price: f64| HallConfig {
        name: name.to_owned(),
        poi: 0,
        gpus: 100_000.0,
        fixed_w: 10e6,
        feeder_per_gpu_w: 1.1,
        max_cap_w: 1000.0,
        min_cap_w: 200.0,
        safe_cap_w: 400.0,
        operator_floor_w: 0.0,
        floor_w: 0.0,
        paused_w: 100.0,
        throughput_exponent: 0.3,
        cooling_per_w: 0.1,
        job,
        shed_usd_per_j: price,
        tier,
        cap_delay_s: 0.3,
    };
    let battery = |index: usize| BatteryConfig {
        name: format!("B{index}"),
        poi: 0,
        charge_w: 25e6,
        discharge_w: 25e6,
        energy_j: 100e6 * 3600.0,
        soc_min: 0.05,
        soc_max: 0.95,
        efficiency: 0.95,
        delay_s: 0.1,
        lag_s: 0.1,
    };
    let turbine = |index: usize| TurbineConfig {
        name: format!("T{index}"),
        poi: 0,
        rated_w: 30e6,
        min_w: 10e6,
        ramp_w_per_s: 0.1e6,
        cost_usd_per_j: 60.0 / 3.6e9,
        derate_per_k: 0.007,
    };
    let job = |name: &str| JobConfig {
        name: name.to_owned(),
        pausable: true,
        checkpoint_s: 20.0,
        evidence_s: 60.0,
        restart_s: 30.0,
    };
    let limit = |name: &str, kind: LimitKind, window: Span, initial_w: f64| LimitConfig {
        name: name.to_owned(),
        kind,
        poi: Some(0),
        window,
        initial_w,
        stale_after: Span::secs(30),
        fallback_w: f64::INFINITY,
    };
    Config {
        tick: Span::millis(100),
        economics_every: 10,
        plan_every: Span::secs(5),
        pois: vec![PoiConfig {
            name: "north".to_owned(),
            ramp_up_w_per_s: 50e6 / 60.0,
            ramp_down_w_per_s: 50e6 / 60.0,
            meter_sigma_w: 0.1e6,
            meter_delay_s: 0.1,
            margin_w: 2e6,
            freeze_voltage_pu: (0.9, 1.1),
            island: false,
            emergency_ramp_w_per_s: 50e6,
            smooth_hz: 0.2,
        }],
        limits: vec![
            limit("contract", LimitKind::Contract, Span::ZERO, 300e6),
            limit("quarter hour", LimitKind::Utility, Span::secs(900), 300e6),
            limit("emergency", LimitKind::Emergency, Span::ZERO, f64::INFINITY),
        ],
        halls: vec![hall("A", 0, 1, 1.0 / 3.6e9), hall("B", 1, 1, 2.0 / 3.6e9)],
        turbines: vec![turbine(0), turbine(1)],
        batteries: (0..4).map(battery).collect(),
        jobs: ["A", "B"].map(job).to_vec(),
        schedule: ScheduleConfig { band_w: f64::INFINITY, interval: Span::secs(900) },
        leases: LeaseConfig {
            gpu: Span::secs(8),
            gpu_jitter: Span::secs(2),
            gpu_ramp: Span::secs(5),
            battery: Span::secs(25),
            turbine: Span::secs(60),
        },
        stale: StaleConfig {
            meter_warn: Span::millis(300),
            meter_lost: Span::secs(1),
            unit_lost: Span::secs(3),
            last_maximum: Span::secs(60),
        },
        reserve: ReserveConfig {
            target_soc: 0.6,
            recentre_share: 0.05,
            recentre_s: 1800.0,
            trip_bridge_s: 15.0,
            ramp_step_w: 100e6,
        },
        restore: RestoreConfig { rate_share: 0.1, hold_off: Span::secs(60), hysteresis: 0.02 },
        completion_share: 0.8,
    }
}

/// The toy site.
pub struct Rig {
    pub config: Config,
    pub now: Time,
    /// GPU power that each hall would draw uncapped, W per GPU.
    pub wish_w: [f64; 2],
    pub cap_w: [f64; 2],
    caps: VecDeque<[f64; 2]>,
    pub battery_w: Vec<f64>,
    commands: VecDeque<Vec<f64>>,
    pub soc: Vec<f64>,
    pub turbine_w: [f64; 2],
    pub turbine_set_w: [f64; 2],
    pub turbine_available_w: [f64; 2],
    pub import_w: f64,
    imports: VecDeque<f64>,
    pub meter: Meter,
    pub limit_w: [f64; 3],
    pub limit_silent: [bool; 3],
    pub events: Vec<Event>,
    pub voltage_pu: f64,
    /// Load that swings beside the halls: amplitude, W, and frequency, Hz.
    pub swing: (f64, f64),
    /// When each job saved its work last, and whether checkpoints that are asked for ever come.
    pub saved_at: [Time; 2],
    pub checkpoints_come: bool,
    asked_at: [Option<Time>; 2],
    pub plan: Plan,
    pub limit_until: [Time; LIMITS],
    pub state: State,
    pub last: Decision,
    seen: Observation,
}

/// What the meter does.
#[derive(Clone, Copy, PartialEq)]
pub enum Meter {
    Good,
    Silent,
    Nan,
    Scaled(f64),
}

impl Rig {
    pub fn new(config: Config) -> Self {
        assert_eq!(config.problems(), Vec::<String>::new());
        let count = config.batteries.len();
        let mut rig = Self {
            now: Time::ZERO,
            wish_w: [700.0; 2],
            cap_w: [1000.0; 2],
            caps: VecDeque::from(vec![[1000.0; 2]; 3]),
            battery_w: vec![0.0; count],
            commands: VecDeque::from(vec![vec![0.0; count]; 1]),
            soc: vec![0.6; count],
            turbine_w: [0.0; 2],
            turbine_set_w: [0.0; 2],
            turbine_available_w: [30e6; 2],
            import_w: 0.0,
            imports: VecDeque::new(),
            meter: Meter::Good,
            limit_w: [300e6, 300e6, f64::INFINITY],
            limit_silent: [false; 3],
            events: Vec::new(),
            voltage_pu: 1.0,
            swing: (0.0, 0.0),
            saved_at: [Time::ZERO; 2],
            checkpoints_come: true,
            asked_at: [None; 2],
            plan: Plan::none(),
            limit_until: [Time::FOREVER; LIMITS],
            state: State::new(Time::ZERO, 1),
            last: Decision::idle(Time::ZERO, 1),
            seen: Observation::empty(Time::ZERO),
            config,
        };
        rig.import_w = rig.load_w();
        rig.imports = VecDeque::from(vec![rig.import_w; 2]);
        rig
    }

    pub fn hall_w(&self, hall: usize) -> f64 {
        let set = &self.config.halls[hall];
        let wish_w = if self.paused(hall) { set.paused_w } else { self.wish_w[hall] };
        set.gpus * wish_w.min(self.cap_w[hall]) * set.feeder_per_gpu_w + set.fixed_w
    }

    /// Whether the last order to the job of a hall is to pause.
    pub fn paused(&self, job: usize) -> bool {
        self.last.job[job] == JobOrder::Pause
    }

    /// Load beside the halls, W.
    pub fn swing_w(&self) -> f64 {
        self.swing.0 * libm::sin(std::f64::consts::TAU * self.swing.1 * self.now.as_secs_f64())
    }

    /// Load without battery and turbines, W.
    pub fn load_w(&self) -> f64 {
        self.swing_w()
            + (0..2).map(|hall| self.hall_w(hall) * (1.0 + self.config.halls[hall].cooling_per_w)).sum::<f64>()
    }

    pub fn observe(&mut self) -> Observation {
        let mut seen = self.seen;
        seen.now = self.now;
        seen.utc_ns = self.now.as_nanos() + 1_700_000_000_000_000_000;
        let metered = self.imports[0];
        match self.meter {
            Meter::Good => seen.poi_import_w.set(0, metered, self.now - Span::millis(100)),
            Meter::Scaled(factor) => seen.poi_import_w.set(0, metered * factor, self.now - Span::millis(100)),
            Meter::Nan => seen.poi_import_w.set(0, f64::NAN, self.now - Span::millis(100)),
            Meter::Silent => {}
        }
        seen.poi_voltage_pu.set(0, self.voltage_pu, self.now);
        seen.poi_frequency_hz.set(0, 60.0, self.now);
        if self.now.as_nanos() % 1_000_000_000 == 0 {
            for hall in 0..2 {
                seen.hall_w.set(hall, self.hall_w(hall), self.now);
                seen.cooling_w.set(hall, self.hall_w(hall) * self.config.halls[hall].cooling_per_w, self.now);
                seen.turbine_generation_w.set(hall, self.turbine_w[hall], self.now);
                seen.turbine_available_w.set(hall, self.turbine_available_w[hall], self.now);
            }
            for unit in 0..self.battery_w.len() {
                seen.battery_w.set(unit, self.battery_w[unit], self.now);
                seen.battery_soc.set(unit, self.soc[unit], self.now);
                seen.battery_available_w.set(unit, self.config.batteries[unit].discharge_w, self.now);
            }
        }
        for source in 0..3 {
            if !self.limit_silent[source] {
                seen.limit_w.set(source, self.limit_w[source], self.now);
            }
        }
        seen.limit_until = self.limit_until;
        for job in 0..2 {
            seen.job_saved_s.set(job, self.saved_at[job].as_secs_f64(), self.now);
            seen.job_at_work.set(job, if self.paused(job) { 0.0 } else { 1.0 }, self.now);
        }
        seen.events = [Event::default(); EVENTS];
        for (place, event) in self.events.iter().enumerate() {
            seen.events[place] = *event;
        }
        self.seen = seen;
        seen
    }

    /// One tick: observe, decide, guard, actuate, move.
    pub fn tick(&mut self) -> Decision {
        let seen = self.observe();
        let proposed = decide(&self.config, &self.plan, &mut self.state, &seen);
        let sent = guard(&self.config, &mut self.state, &seen, &proposed);
        self.last = sent;
        self.caps.push_back([sent.cap_w[0], sent.cap_w[1]]);
        self.commands.push_back(sent.battery_w[..self.battery_w.len()].to_vec());
        self.turbine_set_w = [sent.turbine_w[0], sent.turbine_w[1]];
        self.step();
        sent
    }

    /// One tick with nobody in command: every device holds its last set-point (their leases are longer than this lasts).
    pub fn dead_tick(&mut self) {
        self.observe();
        self.caps.push_back([self.last.cap_w[0], self.last.cap_w[1]]);
        self.commands.push_back(self.last.battery_w[..self.battery_w.len()].to_vec());
        self.step();
    }

    fn step(&mut self) {
        let dt = 0.1;
        for job in 0..2 {
            let asked = self.last.job[job] == JobOrder::Checkpoint;
            self.asked_at[job] = if asked { self.asked_at[job].or(Some(self.now)) } else { None };
            if self.checkpoints_come && self.asked_at[job].is_some_and(|at| self.now - at >= Span::secs(20)) {
                self.saved_at[job] = self.asked_at[job].expect("asked");
            }
        }
        self.cap_w = self.caps.pop_front().expect("filled");
        let command = self.commands.pop_front().expect("filled");
        let pace = 1.0 - libm::exp(-dt / 0.1);
        for (unit, set) in command.iter().enumerate() {
            self.battery_w[unit] += pace * (set - self.battery_w[unit]);
            let p = self.battery_w[unit];
            let battery = &self.config.batteries[unit];
            let stored = if p > 0.0 { p * battery.efficiency } else { p / battery.efficiency };
            self.soc[unit] += stored * dt / battery.energy_j;
            assert!((0.0..=1.0).contains(&self.soc[unit]));
        }
        for turbine in 0..2 {
            let set = self.turbine_set_w[turbine].min(self.turbine_available_w[turbine]);
            let step = self.config.turbines[turbine].ramp_w_per_s * dt;
            self.turbine_w[turbine] = if self.turbine_available_w[turbine] == 0.0 {
                0.0
            } else {
                set.clamp(self.turbine_w[turbine] - step, self.turbine_w[turbine] + step)
            };
        }
        self.import_w = self.load_w() + self.battery_w.iter().sum::<f64>() - self.turbine_w.iter().sum::<f64>();
        self.imports.push_back(self.import_w);
        self.imports.pop_front();
        self.now += Span::millis(100);
    }

    /// Runs for some seconds; calls `each` after every tick.
    pub fn run(&mut self, seconds: f64, mut each: impl FnMut(&mut Self)) {
        for _ in 0..(seconds * 10.0).round() as usize {
            self.tick();
            each(self);
        }
    }

    /// Runs for some seconds and returns the greatest import, W.
    pub fn greatest_import_w(&mut self, seconds: f64) -> f64 {
        let mut greatest = f64::NEG_INFINITY;
        self.run(seconds, |rig| greatest = greatest.max(rig.import_w));
        greatest
    }

    pub fn has(&self, condition: Condition) -> bool {
        self.last.reason.conditions & condition as u32 != 0
    }
}
