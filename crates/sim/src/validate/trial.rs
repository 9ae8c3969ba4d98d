//! A small campus on which the controller itself is tried: its deadlines and its answers to a silent meter.
//!
//! One point, two halls of 40,000 H100, 40 MW of battery, no turbine, a contract of 150 MW; the real loop, the real
//! plant, noise and delays on.
//!
//! Not modelled: several points, events that contradict (the fault campaign is to cover these).

use super::Given;
use crate::disturbances::{Death, Disturbances};
use crate::operation::EPOCH;
use crate::scenario::{Claims, Scenario, ScheduledEvent};
use crate::takeover::attend;
use crate::world::{Moment, World};
use std::collections::BTreeMap;
use tieline_campus::cooling::Cooling;
use tieline_campus::hall::Hall;
use tieline_campus::plant::{Fault, FaultKind, Lapse, PlantConfig, Poi, Telemetry};
use tieline_campus::storage::Battery;
use tieline_campus::training::{Job, JobKind};
use tieline_campus::{gpu, plant::Plant};
use tieline_control::{
    BatteryConfig, Condition, Config, Event, HallConfig, Journal, LeaseConfig, LimitConfig, LimitKind, PoiConfig,
    ReserveConfig, RestoreConfig, Row, ScheduleConfig, StaleConfig, State, Stepping,
};
use tieline_grid::boundary::{LimitStep, Surroundings};
use tieline_units::{Draw, Series, Span, Time, Utc};

const MW: f64 = 1e6;
const CONTRACT_W: f64 = 150.0 * MW;
const GPUS: f64 = 40_000.0;
const LOSS: f64 = 0.06;

struct NoJournal;

impl Journal for NoJournal {
    fn append(&mut self, _row: &Row<'_>) {}
}

fn plant(faults: Vec<Fault>) -> Result<PlantConfig, String> {
    let product = gpu::product("H100").ok_or_else(|| "no H100 in the catalogue".to_owned())?;
    let hall = |index: usize| Hall {
        name: format!("H{index}"),
        poi: 0,
        product: product.clone(),
        gpus: GPUS,
        in_service: Utc::nanos(0),
        conversion_loss: LOSS,
        fixed_w: 1.0 * MW,
        cooling: Cooling {
            cop_at_25c: 4.5,
            cop_per_k: 0.05,
            free_cooling_below_c: 12.0,
            pumps_and_fans: 0.03,
            pumps_and_fans_min: 0.2,
            lag_s: 300.0,
        },
        job: Some(index),
    };
    let job = |index: usize| Job {
        name: format!("J{index}"),
        kind: JobKind::ReinforcementLearning,
        active_parameters: 3e11,
        mfu: 0.35,
        tokens_per_flop: None,
        activity: 1.0,
        failure_domains: 64.0,
        failures_per_1000_node_days: 0.0,
        restart_s: 600.0,
        checkpoint_every_s: 3600.0,
        checkpoint_stall_s: 0.0,
        checkpoint_write_s: 30.0,
        ramp_s: 60.0,
        night_share: 1.0,
        peak_hour: 16.0,
        usd_per_gpu_hour: 2.0,
        tier: 1,
        target_tokens: 0.0,
    };
    let battery = |index: usize| Battery {
        name: format!("B{index}"),
        poi: 0,
        rated_w: MW,
        energy_j: 4.0 * 3.6e9,
        round_trip: 0.9,
        soc_range: (0.05, 0.95),
        soc_start: 0.6,
        delay_s: 0.1,
        lag_s: 0.1,
        standby_w: 0.0,
        reversion_w: 0.0,
    };
    Ok(PlantConfig {
        step: Span::millis(100),
        start: Utc::nanos(1_784_000_000_000_000_000),
        utc_offset: Span::ZERO,
        pois: vec![Poi {
            name: "trial".to_owned(),
            transformer_loss: 0.005,
            meter_sigma_w: 0.1 * MW,
            meter_delay: Span::millis(100),
            island: false,
        }],
        halls: vec![hall(0), hall(1)],
        jobs: vec![job(0), job(1)],
        turbines: Vec::new(),
        batteries: (0..40).map(battery).collect(),
        telemetry: Telemetry {
            unit_period: Span::secs(1),
            meter_quantum_w: 1e4,
            unit_quantum_w: 1e3,
            soc_quantum: 1e-4,
        },
        lapse: Lapse { gpu_jitter: Span::secs(2), gpu_ramp_s: 5.0, safe_cap_share: 0.5, cap_delay_s: 0.3 },
        faults,
    })
}

fn control(plant: &PlantConfig) -> Config {
    let hall = |index: usize, hall: &Hall| HallConfig {
        name: hall.name.clone(),
        poi: 0,
        gpus: hall.gpus,
        fixed_w: hall.fixed_w + hall.gpus * hall.product.other_w / (1.0 - LOSS),
        feeder_per_gpu_w: 1.0 / (1.0 - LOSS),
        max_cap_w: hall.product.rated_w,
        min_cap_w: hall.product.min_cap_w,
        safe_cap_w: 0.5 * hall.product.rated_w,
        operator_floor_w: 0.0,
        floor_w: 0.0,
        paused_w: hall.product.idle_w,
        throughput_exponent: 0.3,
        cooling_per_w: 0.27,
        job: index as u8,
        shed_usd_per_j: 1e-9,
        tier: 1,
        cap_delay_s: 0.3,
    };
    Config {
        tick: plant.step,
        economics_every: 10,
        plan_every: Span::secs(5),
        pois: vec![PoiConfig {
            name: "trial".to_owned(),
            ramp_up_w_per_s: 30.0 * MW / 60.0,
            ramp_down_w_per_s: 30.0 * MW / 60.0,
            meter_sigma_w: 0.1 * MW,
            meter_delay_s: 0.1,
            margin_w: MW,
            freeze_voltage_pu: (0.9, 1.1),
            island: false,
            emergency_ramp_w_per_s: 50e6,
            smooth_hz: 0.2,
        }],
        limits: vec![LimitConfig {
            name: "contract".to_owned(),
            kind: LimitKind::Contract,
            poi: None,
            window: Span::ZERO,
            initial_w: CONTRACT_W,
            stale_after: Span::secs(60),
            fallback_w: f64::INFINITY,
        }],
        halls: plant.halls.iter().enumerate().map(|(index, h)| hall(index, h)).collect(),
        turbines: Vec::new(),
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
            ramp_step_w: 20.0 * MW,
        },
        restore: RestoreConfig { rate_share: 0.1, hold_off: Span::secs(60), hysteresis: 0.02 },
        completion_share: 0.8,
    }
}

fn scenario(faults: Vec<Fault>, event: Option<Event>, duration: Span) -> Result<Scenario, String> {
    let plant = plant(faults)?;
    let flat = |value: f64| Series::new(plant.start, Span::secs(86_400), vec![value; 2]);
    let surroundings = Surroundings {
        grid: "trial".to_owned(),
        load: flat(1e9),
        ambient: flat(30.0),
        price: flat(40.0),
        limits: vec![Vec::new()],
        dips: Vec::new(),
        frequency: Vec::new(),
        nominal_hz: 60.0,
    };
    Ok(Scenario {
        name: "trial".to_owned(),
        title: "the controller on trial".to_owned(),
        studies: vec!["operation".to_owned()],
        start: plant.start,
        duration,
        seed: 1,
        control: control(&plant),
        plant,
        waveform: crate::transient::Plan::quiet(surroundings.load.start(), 0),
        found: None,
        dispatch: None,
        modelled: None,
        surroundings,
        events: event
            .map(|event| ScheduledEvent {
                name: "curtailment".to_owned(),
                event,
                cancelled_at: None,
                read_back_after: Span::ZERO,
            })
            .into_iter()
            .collect(),
        schedule: Vec::new(),
        disturbances: Disturbances::default(),
        claims: Claims::default(),
        fleets: Vec::new(),
        training: None,
        expect: Vec::new(),
        sources: BTreeMap::new(),
        provenance: Vec::new(),
    })
}

fn total_import_w(plant: &Plant) -> f64 {
    plant.flows().poi_import_w.iter().sum()
}

/// From receipt until import stands below the event's limit for good, per notice, s.
pub(super) fn event_deadline(given: &Given) -> Result<Vec<Vec<f64>>, String> {
    let mut reduced_by_s = Vec::new();
    for notice_s in given.list("notice") {
        let received = Time::ZERO + Span::secs(120);
        let start = received + Span::from_secs_f64(*notice_s);
        let end = start + Span::secs(600);
        let limit_w = 60.0 * MW;
        let event =
            Event { id: 1, received_at: received, start, end, limit_w, poi: 255, cancelled: false, unconfirmed: false };
        let scenario = scenario(Vec::new(), Some(event), end - Time::ZERO)?;
        let (mut last_above, mut highest_w) = (Time::ZERO, 0.0_f64);
        let mut world = World::new(&scenario, Draw::new(scenario.seed, 0), |moment| {
            if let Moment::Step(plant, _) = moment
                && plant.now() < end
            {
                highest_w = highest_w.max(total_import_w(plant));
                if total_import_w(plant) > limit_w {
                    last_above = plant.now();
                }
            }
        });
        let mut clock = Stepping { end };
        tieline_control::run(&scenario.control, State::new(Time::ZERO, 1), &mut world, &mut clock, &mut NoJournal);
        if highest_w < 1.2 * limit_w {
            return Err("the event asks for nothing".to_owned());
        }
        reduced_by_s.push((last_above - received).as_secs_f64());
    }
    Ok(vec![reduced_by_s])
}

/// Age of the meter's last reading when the controller warns, and when it opens the loop, s.
pub(super) fn stale_input(_given: &Given) -> Result<Vec<Vec<f64>>, String> {
    let silent = Fault {
        start: Time::ZERO + Span::secs(60),
        end: Time::ZERO + Span::secs(90),
        kind: FaultKind::MeterSilent,
        index: 0,
    };
    let scenario = scenario(vec![silent], None, Span::secs(90))?;
    let mut taken_at = Time::ZERO;
    let (mut warned_s, mut lost_s) = (None, None);
    let mut world = World::new(&scenario, Draw::new(scenario.seed, 0), |moment| match moment {
        Moment::Step(plant, _) => taken_at = plant.telemetry().poi_import_w.taken_at[0],
        Moment::Decided(decision) => {
            let age_s = (decision.now - taken_at).as_secs_f64();
            let has = |condition: Condition| decision.reason.conditions & condition as u32 != 0;
            if has(Condition::MeterLate) && warned_s.is_none() {
                warned_s = Some(age_s);
            }
            if has(Condition::MeterLost) && lost_s.is_none() {
                lost_s = Some(age_s);
            }
        }
        Moment::Happened(_) => {}
    });
    let mut clock = Stepping { end: Time::ZERO + Span::secs(90) };
    tieline_control::run(&scenario.control, State::new(Time::ZERO, 1), &mut world, &mut clock, &mut NoJournal);
    let (Some(warned_s), Some(lost_s)) = (warned_s, lost_s) else {
        return Err("the silent meter went unnoticed".to_owned());
    };
    Ok(vec![vec![warned_s], vec![lost_s]])
}

/// What is seen of a takeover: from the last decision of the old controller to the first of the standby, s; change of import
/// in that time beyond the ramp, W; commands of the old epoch that devices took after it.
pub(super) fn failover(given: &Given) -> Result<Vec<Vec<f64>>, String> {
    let (dead_s, ramp_w_per_s) = (given.one("dead")?, given.one("ramp")?);
    let mut scenario = scenario(Vec::new(), None, Span::secs(300))?;
    scenario.control.pois[0].ramp_up_w_per_s = ramp_w_per_s;
    scenario.control.pois[0].ramp_down_w_per_s = ramp_w_per_s;
    let at = Time::ZERO + Span::secs(200);
    let takeover = at + Span::from_secs_f64(dead_s);
    scenario.disturbances.deaths = vec![Death { at, takeover, stale_until: takeover + Span::secs(30) }];
    let (mut before_w, mut worst_w, mut last, mut first) = (0.0, 0.0_f64, Time::ZERO, None);
    let (mut refused_before, mut refused) = (0, 0);
    let mut world = World::new(&scenario, Draw::new(scenario.seed, 0), |moment| match moment {
        Moment::Step(plant, _) => {
            if plant.now() <= at {
                before_w = total_import_w(plant);
                refused_before = plant.totals().commands_refused;
            } else if plant.now() <= takeover + Span::secs(5) {
                let since_s = (plant.now() - at).as_secs_f64();
                let beyond_w = (total_import_w(plant) - before_w).abs() - ramp_w_per_s * since_s;
                worst_w = worst_w.max(beyond_w);
            }
            refused = plant.totals().commands_refused - refused_before;
        }
        Moment::Decided(decision) => {
            if decision.epoch == EPOCH {
                last = decision.now;
            } else {
                first = first.or(Some(decision.now));
            }
        }
        Moment::Happened(_) => {}
    });
    let mut clock = Stepping { end: Time::ZERO + Span::secs(300) };
    attend(&scenario, &mut world, &mut clock, &mut NoJournal);
    drop(world);
    let first = first.ok_or_else(|| "no standby took over".to_owned())?;
    // The old controller repeats itself on each tick for 30 s: every one of these must be refused.
    let sent = 300.0;
    Ok(vec![vec![(first - last).as_secs_f64()], vec![worst_w], vec![sent - refused as f64]])
}

/// A limit schedule that ends while its source is silent: the limit held just before its end, and some time after it, W.
pub(super) fn communication_loss(given: &Given) -> Result<Vec<Vec<f64>>, String> {
    let (limit_w, subscription_w) = (given.one("limit")?, given.one("subscription")?);
    let end = Time::ZERO + Span::secs(300);
    let mut scenario = scenario(Vec::new(), None, Span::secs(400))?;
    scenario.control.limits[0].stale_after = Span::secs(10);
    scenario.control.limits[0].fallback_w = subscription_w;
    let step = |seconds: i64, limit_w: f64| LimitStep { at: Time::ZERO + Span::secs(seconds), limit_w, until: end };
    scenario.surroundings.limits = vec![vec![step(10, limit_w), step(100, f64::NAN)]];
    let (mut held_w, mut after_w) = (f64::NAN, f64::NAN);
    let mut world = World::new(&scenario, Draw::new(scenario.seed, 0), |moment| {
        if let Moment::Decided(decision) = moment {
            if decision.now < end {
                held_w = decision.allowed_w[0];
            } else {
                after_w = decision.allowed_w[0];
            }
        }
    });
    let mut clock = Stepping { end: Time::ZERO + Span::secs(400) };
    tieline_control::run(&scenario.control, State::new(Time::ZERO, 1), &mut world, &mut clock, &mut NoJournal);
    Ok(vec![vec![held_w], vec![after_w]])
}
