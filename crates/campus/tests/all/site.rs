//! A small site that the tests bend to their needs.

use tieline_campus::cooling::Cooling;
use tieline_campus::gpu::product;
use tieline_campus::hall::Hall;
use tieline_campus::onsite::Turbine;
use tieline_campus::plant::{Boundary, Commands, Lapse, PlantConfig, Poi, Telemetry};
use tieline_campus::storage::Battery;
use tieline_campus::training::{Job, JobKind};
use tieline_units::{Span, Time, Utc};

pub const GRID: Boundary = Boundary { ambient_c: 25.0, voltage_pu: 1.0, frequency_hz: 60.0 };

pub fn hall(poi: usize, gpus: f64, job: Option<usize>) -> Hall {
    Hall {
        name: "H".to_owned(),
        poi,
        product: product("H100").expect("in the catalogue"),
        gpus,
        in_service: Utc::nanos(0),
        conversion_loss: 0.06,
        fixed_w: 1e5,
        cooling: Cooling {
            cop_at_25c: 4.5,
            cop_per_k: 0.05,
            free_cooling_below_c: 12.0,
            pumps_and_fans: 0.04,
            pumps_and_fans_min: 0.3,
            lag_s: 120.0,
        },
        job,
    }
}

pub fn job() -> Job {
    Job {
        name: "pre-training".to_owned(),
        kind: JobKind::PreTraining,
        active_parameters: 405e9,
        mfu: 0.41,
        tokens_per_flop: None,
        activity: 1.0,
        failure_domains: 1.0,
        failures_per_1000_node_days: 0.0,
        restart_s: 300.0,
        checkpoint_every_s: 0.0,
        checkpoint_stall_s: 0.0,
        checkpoint_write_s: 30.0,
        ramp_s: 20.0,
        night_share: 0.4,
        peak_hour: 15.0,
        usd_per_gpu_hour: 2.0,
        tier: 1,
        target_tokens: 15.6e12,
    }
}

pub fn battery(poi: usize) -> Battery {
    Battery {
        name: "B".to_owned(),
        poi,
        rated_w: 2e6,
        energy_j: 2e6 * 7200.0,
        round_trip: 0.91,
        soc_range: (0.05, 0.95),
        soc_start: 0.5,
        delay_s: 0.1,
        lag_s: 0.1,
        standby_w: 2e3,
        reversion_w: 0.0,
    }
}

pub fn turbine(poi: usize) -> Turbine {
    Turbine {
        name: "GT".to_owned(),
        poi,
        rated_w: 2.5e6,
        min_w: 1e6,
        ramp_w_per_s: 2e4,
        start_s: 300.0,
        derate_per_k: 0.007,
        heat_rate: 2.8,
        cost_usd_per_j: 1e-8,
        permit_h_per_year: 8760.0,
        trips_per_h: 0.0,
        repair_s: 3600.0,
        running: true,
        permitted: true,
    }
}

/// One tied point with one hall of 16,384 H100 in one job; no batteries, no turbines, perfect instruments.
pub fn plain() -> PlantConfig {
    PlantConfig {
        step: Span::millis(100),
        start: Utc::parse("2026-07-15T00:00:00-05:00").expect("valid"),
        utc_offset: Span::secs(-5 * 3600),
        pois: vec![poi(false)],
        halls: vec![hall(0, 16_384.0, Some(0))],
        jobs: vec![job()],
        turbines: Vec::new(),
        batteries: Vec::new(),
        telemetry: Telemetry {
            unit_period: Span::secs(1),
            meter_quantum_w: 0.0,
            unit_quantum_w: 0.0,
            soc_quantum: 0.0,
        },
        lapse: Lapse { gpu_jitter: Span::secs(2), gpu_ramp_s: 3.0, safe_cap_share: 0.5, cap_delay_s: 0.3 },
        faults: Vec::new(),
    }
}

pub fn poi(island: bool) -> Poi {
    Poi { name: "P".to_owned(), transformer_loss: 0.005, meter_sigma_w: 0.0, meter_delay: Span::ZERO, island }
}

/// Caps at rating, no floor, batteries at rest, turbines at `turbine_w`, leases without end.
pub fn free(config: &PlantConfig, seq: u64, turbine_w: f64) -> Commands {
    Commands {
        epoch: 1,
        seq,
        battery_w: vec![0.0; config.batteries.len()],
        battery_until: Time::FOREVER,
        cap_w: config.halls.iter().map(|h| h.product.rated_w).collect(),
        floor_w: vec![0.0; config.halls.len()],
        cap_until: Time::FOREVER,
        turbine_w: vec![turbine_w; config.turbines.len()],
        turbine_until: Time::FOREVER,
        job: vec![tieline_campus::training::JobOrder::Run; config.jobs.len()],
    }
}

pub fn at_s(seconds: f64) -> Time {
    Time::ZERO + Span::from_secs_f64(seconds)
}
