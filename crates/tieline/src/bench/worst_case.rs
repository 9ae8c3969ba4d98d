//! The largest campus that the controller is built for, with observations that keep every duty busy.
//!
//! Not modelled: physics; the numbers only have to be of the right size and to move.

use tieline_control::{
    BatteryConfig, Config, Event, HallConfig, JobConfig, LeaseConfig, LimitConfig, LimitKind, Observation, Outlook,
    PoiConfig, ReserveConfig, RestoreConfig, SLOTS, ScheduleConfig, StaleConfig, TurbineConfig,
};
use tieline_units::{Draw, Purpose, Span, Time};

const HALLS: usize = 32;
const TURBINES: usize = 41;
const BATTERIES: usize = 168;
const POIS: usize = 3;
const LIMITS: usize = 16;
/// Jobs over the halls.
const JOBS: usize = 6;
/// Power of one hall at its highest cap, W: 32 of them make about 1.4 GW.
const HALL_W: f64 = 40e6;

/// 32 halls, 41 turbines, 168 battery units, 3 points of interconnection, 16 limit sources.
pub fn config() -> Config {
    Config {
        tick: Span::millis(100),
        economics_every: 10,
        plan_every: Span::secs(5),
        pois: (0..POIS).map(poi).collect(),
        limits: (0..LIMITS).map(limit).collect(),
        halls: (0..HALLS).map(hall).collect(),
        turbines: (0..TURBINES).map(turbine).collect(),
        batteries: (0..BATTERIES).map(battery).collect(),
        jobs: (0..JOBS).map(job).collect(),
        schedule: ScheduleConfig { band_w: 20e6, interval: Span::secs(900) },
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
            ramp_step_w: 150e6,
        },
        restore: RestoreConfig { rate_share: 0.1, hold_off: Span::secs(60), hysteresis: 0.02 },
        completion_share: 0.8,
    }
}

fn poi(index: usize) -> PoiConfig {
    PoiConfig {
        name: format!("point {index}"),
        ramp_up_w_per_s: 1e6,
        ramp_down_w_per_s: 1e6,
        meter_sigma_w: 0.2e6,
        meter_delay_s: 0.1,
        margin_w: 5e6,
        freeze_voltage_pu: (0.9, 1.1),
        island: false,
        emergency_ramp_w_per_s: 50e6,
        smooth_hz: 0.2,
    }
}

fn limit(index: usize) -> LimitConfig {
    let kind = [LimitKind::Contract, LimitKind::Utility, LimitKind::Operator, LimitKind::Emergency][index % 4];
    LimitConfig {
        name: format!("limit {index}"),
        kind,
        poi: (index % 4 < 3).then_some((index % 4) as u8),
        window: Span::secs([0, 60, 900, 3600][index / 4]),
        initial_w: 500e6,
        stale_after: Span::secs(30),
        fallback_w: f64::INFINITY,
    }
}

fn hall(index: usize) -> HallConfig {
    HallConfig {
        name: format!("hall {index}"),
        poi: (index % POIS) as u8,
        gpus: 17_000.0,
        fixed_w: 5e6,
        feeder_per_gpu_w: 1.08,
        max_cap_w: 1_200.0,
        min_cap_w: 400.0,
        safe_cap_w: 700.0,
        operator_floor_w: 0.0,
        floor_w: 500.0,
        paused_w: 100.0,
        throughput_exponent: 0.3,
        cooling_per_w: 0.2,
        job: (index % JOBS) as u8,
        shed_usd_per_j: 1e-9 * (1 + index % 6) as f64,
        tier: (index % 3) as u8,
        cap_delay_s: 0.3,
    }
}

fn job(index: usize) -> JobConfig {
    JobConfig {
        name: format!("job {index}"),
        pausable: index % 3 != 2,
        checkpoint_s: 30.0,
        evidence_s: 120.0,
        restart_s: 240.0,
    }
}

fn turbine(index: usize) -> TurbineConfig {
    TurbineConfig {
        name: format!("turbine {index}"),
        poi: (index % POIS) as u8,
        rated_w: 16e6,
        min_w: 6e6,
        ramp_w_per_s: 0.05e6,
        cost_usd_per_j: 50.0 / 3.6e9,
        derate_per_k: 0.007,
    }
}

fn battery(index: usize) -> BatteryConfig {
    BatteryConfig {
        name: format!("battery {index}"),
        poi: (index % POIS) as u8,
        charge_w: 1.9e6,
        discharge_w: 1.9e6,
        energy_j: 3.9 * 3.6e9,
        soc_min: 0.05,
        soc_max: 0.95,
        efficiency: 0.96,
        delay_s: 0.1,
        lag_s: 0.1,
    }
}

/// The observation of tick `tick`: loads, limits and telemetry move; now and then something is lost or an event stands.
pub fn observation(config: &Config, draw: &Draw, tick: u64) -> Observation {
    let now = Time::nanos(tick as i64 * config.tick.as_nanos());
    let mut seen = Observation::empty(now);
    seen.utc_ns = 1_784_000_000_000_000_000 + now.as_nanos();
    let luck = |asset: usize, purpose| draw.uniform(asset as u32, purpose, tick);
    // A swing over 40 s with noise on top, so that ramps, caps and batteries all work.
    let swing = 0.5 + 0.5 * (tick as f64 * core::f64::consts::TAU / 400.0).sin();
    for index in 0..HALLS {
        let power_w = HALL_W * (0.6 + 0.4 * swing) * (0.98 + 0.04 * luck(index, Purpose::HallNoise));
        seen.hall_w.set(index, power_w, now);
        seen.cooling_w.set(index, 0.2 * power_w, now);
    }
    for index in 0..TURBINES {
        seen.turbine_generation_w.set(index, 10e6, now);
        let out = tick / 500 % 41 == index as u64;
        seen.turbine_available_w.set(index, if out { 0.0 } else { 15e6 }, now);
    }
    for index in 0..BATTERIES {
        seen.battery_w.set(index, -0.5e6 * swing, now);
        seen.battery_soc.set(index, 0.3 + 0.4 * swing, now);
        seen.battery_available_w.set(index, 1.9e6, now);
    }
    let meter_lost = tick % 3_000 > 2_950;
    for index in 0..POIS {
        let taken_at = if meter_lost { now + Span::nanos(-5_000_000_000) } else { now };
        let load_w = HALL_W * 1.2 * (0.6 + 0.4 * swing) * HALLS as f64 / POIS as f64 - 137e6;
        seen.poi_import_w.set(index, load_w + 0.2e6 * luck(index, Purpose::MeterNoise), taken_at);
        seen.poi_voltage_pu.set(index, if tick % 7_000 > 6_990 { 0.7 } else { 1.0 }, now);
        seen.poi_frequency_hz.set(index, 60.0, now);
    }
    for index in 0..JOBS {
        seen.job_saved_s.set(index, now.as_secs_f64() - (tick % 3_000) as f64 * 0.1, now);
        seen.job_at_work.set(index, if tick % 1_000 > 900 { 0.0 } else { 1.0 }, now);
    }
    seen.ambient_c.set(0, 30.0 + 5.0 * swing, now);
    for index in 0..LIMITS {
        let tight = (tick / 300 + index as u64).is_multiple_of(16);
        seen.limit_w.set(index, if tight { 330e6 } else { 480e6 }, now);
    }
    for (place, event) in seen.events.iter_mut().enumerate() {
        let from = Time::nanos((tick / 600 * 600) as i64 * config.tick.as_nanos());
        *event = Event {
            id: tick / 600 * 16 + place as u64 + 1,
            received_at: from,
            start: from + Span::secs(20),
            end: from + Span::secs(55),
            limit_w: 400e6 + 5e6 * place as f64,
            poi: if place % 4 == 3 { 255 } else { (place % 4) as u8 },
            cancelled: place % 5 == 4,
            unconfirmed: place % 7 == 3,
        };
    }
    seen
}

/// An outlook of a full day whose limits and prices cross the load.
pub fn outlook(draw: &Draw, revision: u64) -> Outlook {
    let mut outlook = Outlook {
        made_at: Time::ZERO,
        start: Time::ZERO,
        slot: Span::secs(300),
        slots: SLOTS as u16,
        load_w: [0.0; SLOTS],
        import_limit_w: [0.0; SLOTS],
        price_usd_per_mwh: [0.0; SLOTS],
        ambient_c: [0.0; SLOTS],
        schedule_w: [0.9e9; SLOTS],
        next_checkpoint: [Time::FOREVER; tieline_control::JOBS],
    };
    for slot in 0..SLOTS {
        let luck = draw.uniform(slot as u32, Purpose::GridLoad, revision);
        outlook.load_w[slot] = (1.2e9 + 0.3e9 * luck) as f32;
        outlook.import_limit_w[slot] = if slot % 40 < 8 { 0.7e9 } else { 1.3e9 };
        outlook.price_usd_per_mwh[slot] = (30.0 + 60.0 * luck) as f32;
        outlook.ambient_c[slot] = 30.0;
    }
    outlook
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_worst_case_is_one_that_the_controller_accepts() {
        assert_eq!(super::config().problems(), Vec::<String>::new());
    }
}
