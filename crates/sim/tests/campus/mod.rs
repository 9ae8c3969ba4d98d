//! A campus of about 100 MW made in code: two halls, two turbines, four batteries, one tie.

use std::collections::BTreeMap;
use tieline_campus::cooling::Cooling;
use tieline_campus::gpu;
use tieline_campus::hall::Hall;
use tieline_campus::onsite::Turbine;
use tieline_campus::plant::{Lapse, PlantConfig, Poi, Telemetry};
use tieline_campus::storage::Battery;
use tieline_campus::training::{Job, JobKind};
use tieline_control::{
    BatteryConfig, Config, Event, HallConfig, Journal, LeaseConfig, LimitConfig, LimitKind, PoiConfig, ReserveConfig,
    RestoreConfig, Row, ScheduleConfig, StaleConfig, TurbineConfig,
};
use tieline_grid::boundary::Surroundings;
use tieline_sim::disturbances::Disturbances;
use tieline_sim::scenario::{Claims, Scenario, ScheduledEvent};
use tieline_units::{Series, Span, Time, Utc};

/// A journal that keeps a digest of all states and decisions.
#[derive(Default)]
pub struct Sum {
    pub digest: u64,
    pub rows: u64,
}

impl Journal for Sum {
    fn append(&mut self, row: &Row<'_>) {
        self.rows += 1;
        self.digest = self.digest.rotate_left(5) ^ row.next.digest() ^ row.guarded.battery_w[0].to_bits();
    }
}

fn hall(name: &str, job: usize) -> Hall {
    Hall {
        name: name.to_owned(),
        poi: 0,
        product: gpu::product("GB200").expect("in the catalogue"),
        gpus: 25_000.0,
        in_service: Utc::nanos(0),
        conversion_loss: 0.06,
        fixed_w: 1e6,
        cooling: Cooling {
            cop_at_25c: 6.0,
            cop_per_k: 0.1,
            free_cooling_below_c: 10.0,
            pumps_and_fans: 0.03,
            pumps_and_fans_min: 0.3,
            lag_s: 300.0,
        },
        job: Some(job),
    }
}

fn job(name: &str, kind: JobKind, tier: u8) -> Job {
    Job {
        name: name.to_owned(),
        kind,
        active_parameters: 3e11,
        mfu: 0.4,
        tokens_per_flop: None,
        activity: 1.0,
        failure_domains: if kind == JobKind::PreTraining { 1.0 } else { 16.0 },
        failures_per_1000_node_days: 2.0,
        restart_s: 300.0,
        checkpoint_every_s: 900.0,
        checkpoint_stall_s: 0.0,
        checkpoint_write_s: 30.0,
        ramp_s: 60.0,
        night_share: 0.4,
        peak_hour: 15.0,
        usd_per_gpu_hour: 3.0,
        tier,
        target_tokens: 1e13,
    }
}

fn plant(start: Utc) -> PlantConfig {
    let turbine = |index: usize| Turbine {
        name: format!("T{index}"),
        poi: 0,
        rated_w: 16e6,
        min_w: 6e6,
        ramp_w_per_s: 0.05e6,
        start_s: 600.0,
        heat_rate: 2.9,
        cost_usd_per_j: 50.0 / 3.6e9,
        derate_per_k: 0.007,
        permit_h_per_year: 8_760.0,
        trips_per_h: 0.0,
        repair_s: 3_600.0,
        running: true,
        permitted: true,
    };
    let battery = |index: usize| Battery {
        name: format!("B{index}"),
        poi: 0,
        rated_w: 10e6,
        energy_j: 20.0 * 3.6e9,
        round_trip: 0.92,
        soc_range: (0.05, 0.95),
        soc_start: 0.6,
        delay_s: 0.1,
        lag_s: 0.1,
        standby_w: 5e3,
        reversion_w: 0.0,
    };
    PlantConfig {
        step: Span::millis(100),
        start,
        utc_offset: Span::secs(-5 * 3600),
        pois: vec![Poi {
            name: "North tie".to_owned(),
            transformer_loss: 0.005,
            meter_sigma_w: 0.05e6,
            meter_delay: Span::millis(100),
            island: false,
        }],
        halls: vec![hall("A", 0), hall("B", 1)],
        jobs: vec![job("pre-training", JobKind::PreTraining, 1), job("rollouts", JobKind::ReinforcementLearning, 2)],
        turbines: (0..2).map(turbine).collect(),
        batteries: (0..4).map(battery).collect(),
        telemetry: Telemetry {
            unit_period: Span::secs(1),
            meter_quantum_w: 1e4,
            unit_quantum_w: 1e3,
            soc_quantum: 1e-3,
        },
        lapse: Lapse { gpu_jitter: Span::secs(2), gpu_ramp_s: 5.0, safe_cap_share: 0.5, cap_delay_s: 0.3 },
        faults: Vec::new(),
    }
}

fn control(plant: &PlantConfig) -> Config {
    let limit = |name: &str, kind, window, initial_w| LimitConfig {
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
            name: plant.pois[0].name.clone(),
            ramp_up_w_per_s: 20e6 / 60.0,
            ramp_down_w_per_s: 20e6 / 60.0,
            meter_sigma_w: plant.pois[0].meter_sigma_w,
            meter_delay_s: 0.1,
            margin_w: 1.5e6,
            freeze_voltage_pu: (0.9, 1.1),
            island: false,
            emergency_ramp_w_per_s: 50e6,
            smooth_hz: 0.2,
        }],
        limits: vec![
            limit("contract", LimitKind::Contract, Span::ZERO, 95e6),
            limit("quarter hour", LimitKind::Utility, Span::secs(900), f64::INFINITY),
        ],
        halls: plant
            .halls
            .iter()
            .map(|hall| HallConfig {
                name: hall.name.clone(),
                poi: 0,
                gpus: hall.gpus,
                fixed_w: hall.uncapped_w(),
                feeder_per_gpu_w: hall.feeder_per_gpu_w(),
                max_cap_w: hall.product.rated_w,
                min_cap_w: hall.product.min_cap_w,
                safe_cap_w: (0.5 * hall.product.rated_w).max(hall.product.min_cap_w),
                operator_floor_w: 0.0,
                floor_w: 0.0,
                paused_w: hall.product.idle_w,
                throughput_exponent: 0.3,
                cooling_per_w: 0.22,
                job: hall.job.map_or(255, |job| job as u8),
                shed_usd_per_j: 1e-6,
                tier: hall.job.map_or(3, |job| plant.jobs[job].tier),
                cap_delay_s: 0.3,
            })
            .collect(),
        turbines: plant
            .turbines
            .iter()
            .map(|turbine| TurbineConfig {
                name: turbine.name.clone(),
                poi: 0,
                rated_w: turbine.rated_w,
                min_w: turbine.min_w,
                ramp_w_per_s: turbine.ramp_w_per_s,
                cost_usd_per_j: turbine.cost_usd_per_j,
                derate_per_k: 0.007,
            })
            .collect(),
        batteries: plant
            .batteries
            .iter()
            .map(|unit| BatteryConfig {
                name: unit.name.clone(),
                poi: 0,
                charge_w: unit.rated_w,
                discharge_w: unit.rated_w,
                energy_j: unit.energy_j,
                soc_min: unit.soc_range.0,
                soc_max: unit.soc_range.1,
                efficiency: libm::sqrt(unit.round_trip),
                delay_s: unit.delay_s,
                lag_s: unit.lag_s,
            })
            .collect(),
        jobs: Vec::new(),
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
            ramp_step_w: 30e6,
        },
        restore: RestoreConfig { rate_share: 0.1, hold_off: Span::secs(60), hysteresis: 0.02 },
        completion_share: 0.8,
    }
}

/// An event of 30 minutes to 40 MW, received after ten minutes with ten of notice, in a run of `duration`.
pub fn scenario(duration: Span) -> Scenario {
    let start = Utc::parse("2026-07-15T12:00:00-05:00").expect("a valid stamp");
    let plant = plant(start);
    let control = control(&plant);
    let hourly = |value: f64| Series::new(start + Span::secs(-3600), Span::secs(3600), vec![value; 26]);
    let at = |seconds: i64| Time::ZERO + Span::secs(seconds);
    Scenario {
        name: "small".to_owned(),
        title: "a small campus".to_owned(),
        studies: vec!["operation".to_owned()],
        start,
        duration,
        seed: 1,
        surroundings: Surroundings {
            grid: "TVA".to_owned(),
            load: hourly(27e9),
            ambient: hourly(33.0),
            price: hourly(45.0),
            limits: vec![Vec::new(), Vec::new()],
            dips: Vec::new(),
            frequency: Vec::new(),
            nominal_hz: 60.0,
        },
        events: vec![ScheduledEvent {
            name: "peak".to_owned(),
            event: Event {
                id: 7,
                received_at: at(600),
                start: at(1200),
                end: at(3000),
                limit_w: 40e6,
                poi: 255,
                cancelled: false,
                unconfirmed: false,
            },
            cancelled_at: None,
            read_back_after: Span::ZERO,
        }],
        schedule: Vec::new(),
        disturbances: Disturbances::default(),
        claims: Claims::default(),
        waveform: tieline_sim::transient::Plan::quiet(plant.start, plant.jobs.len()),
        found: None,
        dispatch: None,
        modelled: None,
        fleets: Vec::new(),
        training: None,
        expect: Vec::new(),
        sources: BTreeMap::new(),
        provenance: Vec::new(),
        plant,
        control,
    }
}
