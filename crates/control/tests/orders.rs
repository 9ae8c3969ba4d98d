//! Duties beside the limits themselves: swings, floors, jobs, spoken orders, subscriptions, the schedule, the planner.

mod rig;

use rig::{Rig, config};
use tieline_control::*;
use tieline_units::{Span, Time};

const MW: f64 = 1e6;

fn event(now: Time, notice_s: i64, hold_s: i64, limit_w: f64) -> Event {
    let start = now + Span::secs(notice_s);
    let end = start + Span::secs(hold_s);
    Event { id: 7, received_at: now, start, end, limit_w, poi: 0, cancelled: false, unconfirmed: false }
}

/// Peak to peak of import over some seconds, W.
fn swing_w(rig: &mut Rig, seconds: f64) -> f64 {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    rig.run(seconds, |rig| {
        low = low.min(rig.import_w);
        high = high.max(rig.import_w);
    });
    high - low
}

#[test]
fn a_swing_is_cancelled_inside_the_band_and_never_amplified_outside() {
    let quiet = || {
        let mut rig = Rig::new(config());
        rig.turbine_available_w = [0.0; 2];
        rig.run(60.0, |_| {});
        rig
    };
    for hz in [0.05, 0.08, 0.12, 0.16] {
        let mut rig = quiet();
        rig.swing = (20.0 * MW, hz);
        rig.run(120.0, |_| {});
        let left = swing_w(&mut rig, 120.0) / (40.0 * MW);
        // The rig's meter, the tick, its command queue and its lag: 0.3 s and 0.1 s; a tenth for ramp and noise slack.
        let formula = smoothing::residual(hz, 0.3, 0.1);
        assert!(left <= formula + 0.1, "V-CTRL-03 in closed loop, {hz} Hz: {left} against {formula}");
        assert!(!rig.has(Condition::Swinging), "{hz} Hz is inside the band");
    }
    for hz in [0.35, 0.5, 0.7, 1.0, 1.6, 2.3] {
        let mut rig = quiet();
        rig.swing = (20.0 * MW, hz);
        rig.run(120.0, |_| {});
        let left = swing_w(&mut rig, 120.0) / (40.0 * MW);
        assert!(left <= 1.05, "never amplified, {hz} Hz: {left}");
        assert!(rig.has(Condition::Swinging), "{hz} Hz is outside the band");
    }
}

#[test]
fn a_band_above_what_the_loop_can_do_is_refused() {
    let mut config = config();
    assert_eq!(config.problems(), Vec::<String>::new());
    let above_hz = smoothing::amplifies_above_hz(&config, 0);
    assert!((0.2..0.6).contains(&above_hz), "{above_hz} Hz");
    config.pois[0].smooth_hz = 1.01 * above_hz;
    assert_eq!(config.problems().len(), 1);
}

#[test]
fn the_crests_of_a_fast_swing_stay_under_the_limit() {
    let mut rig = Rig::new(config());
    rig.wish_w = [900.0; 2];
    rig.limit_w[0] = 180.0 * MW;
    rig.run(600.0, |_| {});
    rig.swing = (8.0 * MW, 1.0);
    rig.run(10.0, |_| {});
    let greatest = rig.greatest_import_w(300.0);
    assert!(greatest <= 180.0 * MW, "I1 in a swing: {} MW", greatest / MW);
    assert!(rig.has(Condition::Swinging));
}

#[test]
fn floors_go_down_before_a_cap_does_and_come_back_slowly() {
    let mut config = config();
    config.halls.iter_mut().for_each(|hall| hall.floor_w = 500.0);
    let mut rig = Rig::new(config);
    rig.run(120.0, |_| {});
    assert_eq!(rig.last.floor_w[..2], [500.0; 2], "at rest the floor stands");
    rig.events = vec![event(rig.now, 300, 600, 60.0 * MW)];
    rig.run(900.0, |rig| {
        for hall in 0..2 {
            let (cap_w, floor_w) = (rig.last.cap_w[hall], rig.last.floor_w[hall]);
            assert!(floor_w <= cap_w, "I12");
            assert!(cap_w >= 690.0 || floor_w == 0.0, "the floor first: cap {cap_w} W, floor {floor_w} W");
        }
    });
    assert_eq!(rig.last.floor_w[..2], [0.0; 2]);
    let mut rise: f64 = 0.0;
    let mut before = 0.0;
    rig.run(3600.0, |rig| {
        rise = rise.max(rig.last.floor_w[0] - before);
        before = rig.last.floor_w[0];
    });
    assert_eq!(rig.last.floor_w[0], 500.0, "it comes back");
    assert!(rise <= 10.0, "slowly: {rise} W in one tick");
}

/// A rig whose caps alone cannot reach 45 MW.
fn deep(notice_s: i64) -> Rig {
    let mut rig = Rig::new(config());
    rig.turbine_available_w = [0.0; 2];
    rig.soc = vec![0.051; 4];
    rig.run(60.0, |_| {});
    rig.events = vec![event(rig.now, notice_s, 1800, 52.0 * MW)];
    rig
}

#[test]
fn a_job_is_paused_only_when_its_work_is_saved_and_resumes_without_a_step() {
    let mut rig = deep(900);
    let (mut asked, mut paused) = ([false; 2], [false; 2]);
    rig.run(900.0, |rig| {
        for job in 0..2 {
            asked[job] |= rig.last.job[job] == JobOrder::Checkpoint;
            if rig.paused(job) && !paused[job] {
                paused[job] = true;
                assert!(rig.now - rig.saved_at[job] <= Span::secs(61), "I17: saved before it is paused");
            }
        }
    });
    assert!(paused[0], "caps alone do not reach the event");
    assert!(asked[0], "it was asked to save first");
    assert!(!rig.has(Condition::EventInfeasible) && !rig.has(Condition::PausedUnsaved));
    let greatest = rig.greatest_import_w(1700.0);
    assert!(greatest <= 52.0 * MW, "I1: {} MW", greatest / MW);
    rig.run(200.0, |_| {});
    let mut before = rig.import_w;
    let mut worst: f64 = 0.0;
    rig.run(1200.0, |rig| {
        worst = worst.max(rig.import_w - before);
        before = rig.import_w;
    });
    assert!(!rig.paused(0) && !rig.paused(1), "they work again");
    assert!(worst < 3.0 * MW, "I8: load returns in steps of {} MW", worst / MW);
}

#[test]
fn a_checkpoint_that_never_comes_pauses_nothing_but_on_an_emergency_order() {
    let mut rig = deep(900);
    rig.checkpoints_come = false;
    rig.run(1500.0, |rig| assert!(!rig.paused(0) && !rig.paused(1), "I17"));
    assert!(rig.has(Condition::CheckpointAsked) && rig.has(Condition::LimitUnreachable));
    rig.limit_w[2] = 52.0 * MW;
    rig.run(3.0, |_| {});
    assert!(rig.paused(0) || rig.paused(1), "the emergency order overrides");
}

#[test]
fn the_guard_lets_no_unsaved_job_be_paused() {
    let mut rig = Rig::new(config());
    rig.run(300.0, |_| {});
    let seen = rig.observe();
    let (state, honest) = decide(&rig.config, &rig.plan, &rig.state, &seen);
    let mut broken = honest;
    broken.job[0] = JobOrder::Pause;
    broken.job[9] = JobOrder::Pause;
    let (after, sent) = guard(&rig.config, &state, &seen, &broken);
    assert_eq!((sent.job[0], sent.job[9]), (JobOrder::Checkpoint, JobOrder::Run));
    // And once the guard has let it through, the next decision knows.
    rig.saved_at[0] = rig.now;
    let seen = rig.observe();
    let (_, sent) = guard(&rig.config, &after, &seen, &broken);
    assert_eq!(sent.job[0], JobOrder::Pause);
}

#[test]
fn the_operators_safe_floor_stands_above_an_emergency_order() {
    let mut config = config();
    config.halls[1].operator_floor_w = 350.0;
    let mut rig = Rig::new(config);
    rig.wish_w = [900.0; 2];
    rig.run(120.0, |_| {});
    rig.limit_w[2] = 5.0 * MW;
    rig.run(1200.0, |rig| assert!(rig.last.cap_w[1] >= 350.0 && !rig.paused(1), "the floor holds"));
    assert!(rig.last.cap_w[0] <= 200.0 || rig.paused(0), "the other hall gives everything");
    assert!(rig.has(Condition::SafeFloorHeld));
    assert!(rig.last.reason.gave_way_w[Duty::Emergency as usize] > 0.0, "what gave way is recorded");
}

#[test]
fn a_spoken_order_tightens_at_once_and_releases_only_when_read_back() {
    let mut rig = Rig::new(config());
    rig.run(60.0, |_| {});
    let mut order = event(rig.now, 60, 3600, 100.0 * MW);
    order.unconfirmed = true;
    rig.events = vec![order];
    rig.run(60.0, |_| {});
    assert!(rig.has(Condition::OrderUnconfirmed));
    assert!(rig.greatest_import_w(60.0) <= 100.0 * MW, "it binds before it is read back");
    // A looser one under the same number, and a cancellation, both only spoken.
    order.limit_w = 250.0 * MW;
    rig.events = vec![order];
    assert!(rig.greatest_import_w(120.0) <= 100.0 * MW, "a spoken order does not loosen");
    order.cancelled = true;
    rig.events = vec![order];
    assert!(rig.greatest_import_w(120.0) <= 100.0 * MW, "a spoken cancellation releases nothing");
    order.unconfirmed = false;
    rig.events = vec![order];
    rig.run(1800.0, |_| {});
    assert!(rig.import_w > 110.0 * MW, "read back, it does: {} MW", rig.import_w / MW);
}

#[test]
fn a_silent_source_falls_back_to_its_subscription_at_the_end_of_its_schedule_and_not_before() {
    // V-CTRL-23: 120 MW until 600 s, then silence; the subscription is 160 MW.
    let mut config = config();
    config.limits[0].fallback_w = 160.0 * MW;
    let mut rig = Rig::new(config);
    rig.wish_w = [900.0; 2];
    rig.limit_w[0] = 120.0 * MW;
    rig.limit_until[0] = Time::ZERO + Span::secs(600);
    rig.run(200.0, |_| {});
    rig.limit_silent[0] = true;
    let held = rig.greatest_import_w(399.0);
    assert!(
        held <= 120.0 * MW && !rig.has(Condition::LimitFellBack),
        "a failed poll releases nothing: {} MW",
        held / MW
    );
    rig.run(1.5, |_| {});
    assert!(rig.has(Condition::LimitFellBack));
    let mut before = rig.import_w;
    let mut worst: f64 = 0.0;
    rig.run(1800.0, |rig| {
        worst = worst.max(rig.import_w - before);
        before = rig.import_w;
        assert!(rig.import_w <= 160.0 * MW);
    });
    assert!(rig.import_w > 130.0 * MW, "the subscription applies: {} MW", rig.import_w / MW);
    assert!(worst < 2.0 * MW, "ramped: {} MW in a tick", worst / MW);
}

#[test]
fn each_interval_closes_within_its_band_of_the_schedule() {
    let mut config = config();
    config.schedule = ScheduleConfig { band_w: 5.0 * MW, interval: Span::secs(900) };
    let mut rig = Rig::new(config);
    rig.turbine_available_w = [0.0; 2];
    rig.run(10.0, |_| {});
    let declared_w = rig.import_w + 12.0 * MW;
    rig.plan = Plan { slots: 288, schedule_w: [declared_w as f32; SLOTS], ..Plan::none() };
    rig.plan.target_soc = [0.6; SLOTS];
    rig.run(890.0, |_| {});
    for interval in 0..3 {
        let mut sum_w = 0.0;
        rig.run(900.0, |rig| sum_w += rig.import_w);
        let mean_w = sum_w / 9000.0;
        assert!((mean_w - declared_w).abs() <= 5.0 * MW, "interval {interval}: {} MW off", (mean_w - declared_w) / MW);
    }
    rig.plan = Plan::none();
    rig.run(900.0, |_| {});
    assert!((rig.import_w - declared_w).abs() > 10.0 * MW, "without a declaration it is let go");
}

fn outlook() -> Outlook {
    Outlook {
        made_at: Time::ZERO,
        start: Time::ZERO,
        slot: Span::secs(300),
        slots: 288,
        load_w: [250e6; SLOTS],
        import_limit_w: [300e6; SLOTS],
        price_usd_per_mwh: [40.0; SLOTS],
        ambient_c: [15.0; SLOTS],
        schedule_w: [f32::NAN; SLOTS],
        next_checkpoint: [Time::FOREVER; JOBS],
    }
}

#[test]
fn the_planner_fills_the_battery_before_what_is_coming_and_pauses_the_cheapest_job() {
    let mut config = config();
    config.halls[1].shed_usd_per_j = 10.0 / 3.6e9;
    let state = State::new(Time::ZERO, 1);
    let rest = plan(&config, &outlook(), &state);
    assert!(rest.target_soc[..250].iter().all(|soc| (f64::from(*soc) - 0.6).abs() < 1e-6));
    assert!(rest.pause == [0; SLOTS] && rest.turbine_w == [0.0; SLOTS]);

    let mut event = outlook();
    event.import_limit_w[24..48].fill(40e6);
    event.load_w[24..48].fill(300e6);
    let ahead = plan(&config, &event, &state);
    assert!(ahead.target_soc[23] > 0.7, "full before it: {}", ahead.target_soc[23]);
    assert!(ahead.target_soc[100] < 0.61, "and not after it");
    assert_eq!(ahead.turbine_w[30], 60e6, "every turbine runs through it");
    assert_eq!(ahead.pause[30] & 1, 1, "the cheaper job is paused: its last watts are worth more in the other");

    event.ambient_c.fill(45.0);
    assert!(plan(&config, &event, &state).turbine_w[30] < 50e6, "heat takes from the turbines");

    let mut dear = outlook();
    dear.price_usd_per_mwh[24..36].fill(200.0);
    let priced = plan(&config, &dear, &state);
    assert!(priced.target_soc[20] > priced.target_soc[30], "filled before the dear hour, used in it");
    assert!(priced.turbine_w[30] > 0.0, "fuel is cheaper then");

    let mut saving = event.clone();
    saving.import_limit_w[..24].fill(40e6);
    saving.load_w[..24].fill(300e6);
    saving.next_checkpoint[0] = Time::ZERO + Span::secs(120);
    let table = plan(&config, &saving, &state);
    assert_eq!((table.pause[0] & 1, table.pause[1] & 1), (0, 1), "it saves by itself in the first slot");
}

#[test]
fn a_planner_that_stalls_or_lies_breaks_nothing() {
    type Lie = fn(&mut Plan);
    let lies: [(&str, Lie); 5] = [
        ("nothing", |plan| plan.slots = 0),
        ("nonsense", |plan| {
            plan.target_soc.fill(f32::NAN);
            plan.turbine_w.fill(f32::NAN);
            plan.schedule_w.fill(f32::INFINITY);
        }),
        ("everything paused", |plan| plan.pause.fill(u32::MAX)),
        ("far too much", |plan| {
            plan.target_soc.fill(1e30);
            plan.turbine_w.fill(-1e30);
            plan.schedule_w.fill(1e30);
        }),
        ("far too little", |plan| {
            plan.target_soc.fill(-1e30);
            plan.turbine_w.fill(1e30);
            plan.schedule_w.fill(-1e30);
        }),
    ];
    for (name, lie) in lies {
        let mut config = config();
        config.schedule = ScheduleConfig { band_w: 5.0 * MW, interval: Span::secs(900) };
        let mut rig = Rig::new(config);
        rig.wish_w = [900.0; 2];
        rig.limit_w[0] = 180.0 * MW;
        rig.run(300.0, |_| {});
        rig.plan.slots = 288;
        lie(&mut rig.plan);
        rig.events = vec![event(rig.now, 300, 600, 120.0 * MW)];
        rig.run(239.0, |rig| assert!(rig.import_w <= 180.0 * MW, "I1, {name}: {} MW", rig.import_w / MW));
        rig.run(3.0, |_| {});
        rig.run(600.0, |rig| {
            assert!(rig.import_w <= 120.0 * MW, "I16, {name}: {} MW", rig.import_w / MW);
            assert!(rig.last.battery_w.iter().chain(&rig.last.turbine_w).all(|w| w.is_finite()), "I13, {name}");
        });
    }
}

#[test]
fn a_dearer_job_whose_work_is_saved_waits_for_the_cheaper_one_that_still_saves() {
    let mut config = config();
    (config.halls[0].tier, config.halls[1].tier) = (1, 0);
    // So fast a ramp that the event presses only at the end of its notice: there is time to save.
    (config.pois[0].ramp_up_w_per_s, config.pois[0].ramp_down_w_per_s) = (8e6, 8e6);
    let mut rig = Rig::new(config);
    rig.turbine_available_w = [0.0; 2];
    rig.soc = vec![0.051; 4];
    rig.run(60.0, |rig| rig.saved_at[1] = rig.now);
    rig.events = vec![event(rig.now, 300, 1800, 20.0 * MW)];
    let (mut both, mut waited) = (false, false);
    rig.run(300.0, |rig| {
        rig.saved_at[1] = rig.now;
        let orders = [rig.last.job[0], rig.last.job[1]];
        waited |= orders == [JobOrder::Checkpoint; 2];
        both |= orders == [JobOrder::Pause; 2];
        assert!(orders[1] != JobOrder::Pause || orders[0] == JobOrder::Pause, "I5 at {:?}: {orders:?}", rig.now);
    });
    assert!(waited, "the cheaper job had to save its work first");
    assert!(both, "and then both rest, before the event binds");
}

#[test]
fn a_dearer_job_does_not_wait_beyond_the_limit_for_a_checkpoint_that_never_comes() {
    let mut config = config();
    (config.halls[0].tier, config.halls[1].tier) = (1, 0);
    let mut rig = Rig::new(config);
    rig.turbine_available_w = [0.0; 2];
    rig.soc = vec![0.051; 4];
    rig.checkpoints_come = false;
    rig.run(120.0, |rig| rig.saved_at[1] = rig.now);
    rig.events = vec![event(rig.now, 300, 1800, 20.0 * MW)];
    rig.run(300.0, |rig| rig.saved_at[1] = rig.now);
    assert_eq!(rig.last.job[..2], [JobOrder::Checkpoint, JobOrder::Pause]);
    assert!(rig.last.cap_w[0] <= 200.0, "the cheaper hall is at its least cap before the dearer one rests");
}
