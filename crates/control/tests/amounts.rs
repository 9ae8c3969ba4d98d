//! What `decide` asks for, to the kilowatt, at two points that do not move. Written against mutants of it.

mod rig;
mod yard;

use tieline_control::*;
use tieline_units::{Quality, Span, Time};
use yard::*;

/// What both ramps allow in one tick, W.
const STEP_W: f64 = 50.0 * MW / 60.0 * 0.1;

/// 100 MW in the north, 60 MW in the south, at rest.
fn uneven(config: Config) -> Yard {
    let mut yard = Yard::new(config, [100.0 * MW, 60.0 * MW]);
    yard.run(40);
    yard
}

fn near(value: f64, expected: f64, within: f64) -> bool {
    (value - expected).abs() <= within
}

fn gave_way(decision: &Decision, duty: Duty) -> f64 {
    decision.reason.gave_way_w[duty as usize]
}

/// Runs on without asking whether the guard agrees.
fn run(yard: &mut Yard, ticks: usize) {
    for _ in 0..ticks {
        let verdict = yard.judge(|_| {}, |_| {});
        yard.take(&verdict);
    }
}

#[test]
fn a_clock_that_steps_by_more_than_a_second_is_noticed_either_way() {
    let mut yard = Yard::new(config(), [100.0 * MW; 2]);
    yard.now = Time::ZERO + Span::secs(1_000);
    yard.state = State::new(yard.now, 1);
    yard.run(20);
    let second = 1_000_000_000;
    for (step_ns, stepped) in
        [(0, false), (second, false), (-second, false), (second + 1, true), (-second - 1, true), (3600 * second, true)]
    {
        let decision = yard.decide(|seen| seen.utc_ns += step_ns);
        let expected = if stepped { Condition::ClockStepped as u32 } else { 0 };
        assert_eq!(decision.reason.conditions, expected, "{step_ns} ns");
    }
}

#[test]
fn recentring_follows_its_formula_and_waits_for_events() {
    // P = (SoC* - SoC) E eta / tau = -0.1 * 2 * 100 MWh * 0.95 / 10 h = -1.9 MW in the south, the north has half the
    // energy; its own ramp a tenth of the limit's.
    let build = |recentre_s: f64| {
        let mut config = config();
        (config.reserve.recentre_share, config.reserve.recentre_s) = (0.05, recentre_s);
        config.batteries[..2].iter_mut().for_each(|unit| unit.energy_j /= 2.0);
        let mut yard = Yard::new(config, [100.0 * MW; 2]);
        yard.charge = [0.5, 0.5, 0.7, 0.7];
        yard
    };
    let sums = |yard: &Yard| [0, 1].map(|poi| sum_w(&yard.last, poi));
    let mut twice_a_second = build(36_000.0);
    twice_a_second.config.economics_every = 5;
    let mut yard = build(36_000.0);
    run(&mut yard, 40);
    run(&mut twice_a_second, 40);
    assert!(near(sums(&yard)[0], sums(&twice_a_second)[0], 3.0 * KW), "{:?}", sums(&twice_a_second));
    let paced_w = 4.0 * STEP_W; // four economic splits of a second, 0.1 * 0.83 MW each
    assert!(near(sums(&yard)[0], paced_w, 3.0 * KW) && near(sums(&yard)[1], -paced_w, 3.0 * KW), "{:?}", sums(&yard));
    run(&mut yard, 400);
    let settled = |yard: &Yard, north_mw: f64, south_mw: f64| {
        near(sums(yard)[0], north_mw * MW, 3.0 * KW) && near(sums(yard)[1], south_mw * MW, 3.0 * KW)
    };
    assert!(settled(&yard, 0.95, -1.9), "{:?}", sums(&yard));
    // The plan may seek another charge; nonsense it may not.
    yard.plan = Plan { slots: 288, target_soc: [0.55; SLOTS], ..Plan::none() };
    run(&mut yard, 400);
    assert!(settled(&yard, 0.475, -2.5), "{:?}", sums(&yard));
    yard.plan.target_soc = [f32::NAN; SLOTS];
    run(&mut yard, 400);
    assert!(settled(&yard, 0.95, -1.9), "{:?}", sums(&yard));
    // An event at a point suspends it there, one over both everywhere, even if there is room.
    yard.events = vec![event(&yard, Span::ZERO, Span::secs(3600), 250.0 * MW, 0)];
    run(&mut yard, 400);
    assert!(settled(&yard, 0.0, -1.9), "{:?}", sums(&yard));
    yard.events = vec![event(&yard, Span::ZERO, Span::secs(3600), 500.0 * MW, 255)];
    run(&mut yard, 400);
    assert!(settled(&yard, 0.0, 0.0), "{:?}", sums(&yard));

    let mut hasty = build(1_800.0);
    run(&mut hasty, 500);
    assert!(settled(&hasty, 2.5, -2.5), "a twentieth of the rating: {:?}", sums(&hasty));
}

#[test]
fn a_limit_of_one_point_moves_its_target_at_once_and_says_what_gave_way() {
    let mut yard = uneven(config());
    yard.limit_w[0] = 90.0 * MW;
    let decision = yard.decide(|_| {});
    assert!(near(decision.target_w[0], 88.0 * MW, KW) && near(decision.target_w[1], 60.0 * MW, KW));
    assert!(near(sum_w(&decision, 0), -12.0 * MW, KW) && near(sum_w(&decision, 1), 0.0, KW));
    assert_eq!(decision.reason.binding[..2], [Binding::Limit(0), Binding::Nothing]);
    assert!(near(gave_way(&decision, Duty::Ramp), 12.0 * MW - STEP_W, KW), "{}", gave_way(&decision, Duty::Ramp));
    yard.limit_w[0] = 102.0 * MW;
    let decision = yard.decide(|_| {});
    assert_eq!(decision.reason.binding[..2], [Binding::Nothing; 2], "exactly at the limit less its margin");
}

#[test]
fn a_fall_of_load_is_met_at_the_ramp_limit_and_the_ramp_named() {
    let mut yard = uneven(config());
    for (fall_mw, binding) in [(1.0, Binding::Nothing), (20.0, Binding::Ramp)] {
        yard.load_w[0] = (100.0 - fall_mw) * MW;
        let fallen_w = yard.load_w[0];
        let decision = yard.decide(|seen| seen.poi_import_w.value[0] = fallen_w);
        assert_eq!(decision.reason.binding[0], binding, "{fall_mw} MW");
        if binding == Binding::Ramp {
            assert!(near(decision.target_w[0], 100.0 * MW - STEP_W, KW), "{}", decision.target_w[0]);
            assert!(near(sum_w(&decision, 0), fall_mw * MW - STEP_W, KW), "{}", sum_w(&decision, 0));
            assert_eq!(gave_way(&decision, Duty::Ramp), 0.0);
        }
    }
    // More than the units take: the rest of the ramp gives way, and the target with it (no wind-up).
    yard.offered_w = [5.0 * MW; 4];
    yard.load_w[0] = 60.0 * MW;
    yard.run_blind_until_economic();
    let decision = yard.decide(|seen| seen.poi_import_w.value[0] = 60.0 * MW);
    assert!(near(sum_w(&decision, 0), 10.0 * MW, KW), "{}", sum_w(&decision, 0));
    assert!(near(decision.target_w[0], 70.0 * MW, KW), "{}", decision.target_w[0]);
    assert!(near(gave_way(&decision, Duty::Ramp), 30.0 * MW - STEP_W, 0.2 * MW), "{}", gave_way(&decision, Duty::Ramp));
}

#[test]
fn a_limit_of_both_points_is_shared_by_ramp_then_battery() {
    let mut config = config();
    config.pois[0].ramp_down_w_per_s *= 2.0;
    let mut yard = Yard::new(config, [100.0 * MW, 60.0 * MW]);
    yard.offered_w = [25.0 * MW, 25.0 * MW, 5.0 * MW, 5.0 * MW];
    yard.run(40);
    let fall_w = [2.0 * STEP_W, STEP_W];
    let cut = |yard: &mut Yard, over_w: f64| {
        yard.limit_w[2] = 164.0 * MW - over_w;
        yard.decide(|_| {})
    };
    // Nothing over: nothing binds.
    assert_eq!(cut(&mut yard, 0.0).reason.binding[..2], [Binding::Nothing; 2]);
    // Within the ramps: in proportion to them.
    let decision = cut(&mut yard, 0.1 * MW);
    assert!(near(decision.target_w[0], 100.0 * MW - 0.1 * MW * 2.0 / 3.0, 1.5 * KW), "{:?}", decision.target_w);
    assert!(near(decision.target_w[1], 60.0 * MW - 0.1 * MW / 3.0, 1.5 * KW), "{:?}", decision.target_w);
    assert_eq!(decision.reason.binding[..2], [Binding::Limit(2); 2]);
    // Beyond them: in proportion to what the batteries can do beyond that.
    let decision = cut(&mut yard, 30.0 * MW + 3.0 * STEP_W);
    let able_w = [50.0 * MW - fall_w[0], 10.0 * MW - fall_w[1]];
    for (poi, load_w) in [100.0 * MW, 60.0 * MW].into_iter().enumerate() {
        let expected_w = load_w - fall_w[poi] - 30.0 * MW * able_w[poi] / (able_w[0] + able_w[1]);
        assert!(near(decision.target_w[poi], expected_w, 1.5 * KW), "{} against {expected_w}", decision.target_w[poi]);
        assert!(near(sum_w(&decision, poi), expected_w - load_w, 1.5 * KW), "{:?}", &decision.battery_w[..4]);
    }
    assert_eq!(decision.reason.conditions & Condition::BatteryShort as u32, 0);
    // Where limits of the points leave nothing to the ramps, it is the batteries alone.
    (yard.limit_w[0], yard.limit_w[1]) = (80.0 * MW, 57.0 * MW);
    let decision = cut(&mut yard, 30.0 * MW);
    let import_w = decision.target_w[0] + decision.target_w[1];
    assert!(near(import_w, 130.0 * MW, 1.5 * KW), "{:?}", decision.target_w);
    (yard.limit_w[0], yard.limit_w[1]) = (300.0 * MW, 300.0 * MW);
    // Beyond the batteries: both give all they can, and what is missing is said; caps are frozen by the voltage.
    yard.voltage_pu = 0.7;
    let decision = cut(&mut yard, 100.0 * MW);
    assert!(near(sum_w(&decision, 0), -50.0 * MW, KW) && near(sum_w(&decision, 1), -10.0 * MW, KW));
    assert!(decision.reason.conditions & Condition::BatteryShort as u32 != 0);
    let missing_w = gave_way(&decision, Duty::ImportLimit);
    assert!(near(missing_w, 40.0 * MW, 2.0 * KW), "{missing_w}");
    assert_eq!(decision.cap_w, yard.last.cap_w, "frozen");
}

#[test]
fn charging_keeps_to_the_room_that_meter_and_feeders_agree_on() {
    // The meter falls to 60 MW, the feeders still say 100: under 110 MW there are 8 MW of room for certain.
    let falls = |seen: &mut Observation| seen.poi_import_w.value[0] = 60.0 * MW;
    let mut yard = uneven(config());
    yard.limit_w[0] = 110.0 * MW;
    let decision = yard.decide(falls);
    assert!(near(sum_w(&decision, 0), 8.0 * MW, KW), "{}", sum_w(&decision, 0));
    assert!(near(sum_w(&decision, 1), 0.0, KW), "{}", sum_w(&decision, 1));
    assert!(near(decision.target_w[0], 100.0 * MW - STEP_W, KW), "the target waits: {}", decision.target_w[0]);
    // Room under the limit of both is shared: 200 - (100 + 2) - (60 + 2) = 36 MW over 198 and 238 MW.
    let mut yard = uneven(config());
    yard.limit_w[2] = 200.0 * MW;
    let decision = yard.decide(falls);
    let expected_w = 36.0 * MW * 198.0 / (198.0 + 238.0);
    assert!(near(sum_w(&decision, 0), expected_w, KW), "{} against {expected_w}", sum_w(&decision, 0));
    // Room enough: the ramp is met in full, also beside an island, which has no limit.
    for island in [false, true] {
        let mut config = config();
        config.pois[1].island = island;
        let mut yard = Yard::new(config, [100.0 * MW, 20.0 * MW]);
        yard.run(40);
        let decision = yard.decide(falls);
        assert!(near(sum_w(&decision, 0), 40.0 * MW - STEP_W, KW), "{}", sum_w(&decision, 0));
    }
}

#[test]
fn the_target_waits_a_second_and_a_half_for_the_feeders_to_confirm_the_meter() {
    // The meter falls by 6 MW, the feeders do not follow: under 104 MW there are 2 MW of room for certain.
    let mut yard = uneven(config());
    yard.feeders_w = Some(yard.load_w);
    (yard.limit_w[0], yard.load_w[0]) = (104.0 * MW, 94.0 * MW);
    let (mut charging, mut given_up) = (None, None);
    for tick in 0..30 {
        run(&mut yard, 1);
        let (power_w, target_w) = (sum_w(&yard.last, 0), yard.last.target_w[0]);
        if power_w > MW {
            charging = charging.or(Some(tick));
        }
        if target_w < 97.0 * MW && given_up.is_none() {
            given_up = Some(tick);
            assert!(near(target_w, 96.0 * MW, 0.5 * MW), "the target is what is done: {target_w}");
        }
    }
    assert_eq!(given_up.zip(charging).map(|(given_up, charging)| given_up - charging), Some(15));
}

#[test]
fn below_its_reserves_the_battery_serves_limits_only() {
    let mut yard = Yard::new(config(), [100.0 * MW, 60.0 * MW]);
    yard.charge = [0.0501; 4];
    yard.run(40);
    let reserves = yard.last.ledger;
    assert!(reserves.bridge_j > 0.0 && reserves.ramp_j + reserves.free_j <= 0.0, "{reserves:?}");
    let rises = |seen: &mut Observation| seen.poi_import_w.value[0] = 105.0 * MW;
    let decision = yard.decide(rises);
    assert!(near(sum_w(&decision, 0), 0.0, KW), "no ramp from the reserve: {}", sum_w(&decision, 0));
    let missed_w = gave_way(&decision, Duty::Ramp);
    assert!(near(missed_w, 5.0 * MW - STEP_W, KW), "what the ramp missed is counted once: {missed_w}");
    let stirs = yard.decide(|seen| seen.poi_import_w.value[0] = 101.0 * MW);
    assert_eq!(gave_way(&stirs, Duty::Ramp), 0.0, "less than the margin is not worth a word");
    yard.limit_w[0] = 101.0 * MW;
    let decision = yard.decide(|_| {});
    assert!(near(sum_w(&decision, 0), -MW, KW), "a limit from it: {}", sum_w(&decision, 0));
    // With something above bridge and trip, though nothing is free: that is what the ramp's row is for.
    let mut yard = Yard::new(config(), [100.0 * MW, 60.0 * MW]);
    yard.charge = [0.053; 4];
    yard.run(40);
    let reserves = yard.last.ledger;
    assert!(reserves.ramp_j > 0.0 && reserves.free_j <= 0.0, "{reserves:?}");
    let decision = yard.decide(rises);
    assert!(near(sum_w(&decision, 0), STEP_W - 5.0 * MW, KW), "{}", sum_w(&decision, 0));
}

#[test]
fn what_was_commanded_is_held_while_the_meter_is_lost() {
    for load_mw in [80.0, 120.0] {
        let mut yard = uneven(config());
        yard.load_w[0] = load_mw * MW;
        run(&mut yard, 8);
        let held_w = sum_w(&yard.last, 0);
        assert!(near(held_w, 100.0 * MW - load_mw * MW, MW) && held_w.abs() > 18.0 * MW, "{held_w}");
        let lost = yard.decide(|seen| seen.poi_import_w.taken_at[0] = Time::NEVER);
        assert!(lost.reason.conditions & Condition::MeterLost as u32 != 0);
        assert!(near(sum_w(&lost, 0), held_w, KW), "{} after {held_w}", sum_w(&lost, 0));
    }
}

#[test]
fn costs_and_what_economics_gave_up_follow_from_the_caps() {
    let mut yard = uneven(config());
    assert_eq!(yard.last.reason.cost_usd_per_s, [0.0; 3], "nothing is held back at rest");
    let rest_w = yard.last.cap_w;
    yard.limit_w[2] = 90.0 * MW;
    yard.turbine_available_w = 12.0 * MW;
    run(&mut yard, 30);
    let last = &yard.last;
    let held_w: f64 = (0..2).map(|hall| rest_w[hall] - last.cap_w[hall]).sum();
    assert!(held_w > 20.0, "caps are held down: {:?}", &last.cap_w[..2]);
    let expected_w = 100_000.0 * 1.1 * held_w;
    assert!(
        near(gave_way(last, Duty::Economics), expected_w, 0.25 * MW),
        "{} against {expected_w}",
        gave_way(last, Duty::Economics)
    );
    let expected: f64 = (0..2)
        .map(|hall| 100_000.0 * 1.1 * (rest_w[hall] - last.cap_w[hall]) * yard.config.halls[hall].shed_usd_per_j)
        .sum();
    let cost = last.reason.cost_usd_per_s;
    assert!(near(cost[0], expected, 2.5e-4), "{} against {expected} $/s", cost[0]);
    assert_eq!(cost[1], 0.0);
    let fuel_w: f64 = last.turbine_w.iter().sum();
    assert!(fuel_w > 0.0 && near(cost[2], fuel_w * 60.0 / 3.6e9, 1e-6), "{} for {fuel_w} W", cost[2]);
}

#[test]
fn a_paused_job_costs_its_work_and_a_safe_floor_stands_above_the_order() {
    let mut config = config();
    config.halls[1].operator_floor_w = 350.0;
    let mut yard = uneven(config);
    assert_eq!(yard.last.reason.conditions & Condition::SafeFloorHeld as u32, 0, "nothing asks for less");
    yard.limit_w[3] = 5.0 * MW;
    run(&mut yard, 30);
    let last = &yard.last;
    assert_eq!(last.job[..2], [JobOrder::Pause, JobOrder::Run]);
    let cost = last.reason.cost_usd_per_s;
    assert!(near(cost[1], 100_000.0 * 1.1 * 900.0 / 3.6e9, 1e-6), "{} $/s", cost[1]);
    let wanted = (Condition::JobPaused as u32) | (Condition::SafeFloorHeld as u32);
    assert_eq!(last.reason.conditions & wanted, wanted);
    assert_eq!(last.cap_w[1], 350.0);
    let above_w = gave_way(last, Duty::Emergency);
    assert!(near(above_w, 100_000.0 * 1.1 * 150.0, 1.0), "{above_w}");
}

#[test]
fn what_is_sent_says_what_is_allowed_and_until_when() {
    let mut config = config();
    config.pois[1].island = true;
    let leases = config.leases;
    let mut yard = Yard::new(config, [100.0 * MW, 20.0 * MW]);
    yard.run(40);
    let island = yard.last;
    assert!(near(island.target_w[1], 0.0, KW) && near(sum_w(&island, 1), -20.0 * MW, KW), "{:?}", island.target_w);
    assert_eq!(island.allowed_w[1], 0.0);
    assert_eq!(island.reason.binding[1], Binding::Island);
    assert_eq!(island.battery_until, island.now + leases.battery);
    assert_eq!((island.cap_until, island.turbine_until), (island.now + leases.gpu, island.now + leases.turbine));
    // A limit of both points is told to each in proportion to what is aimed at there.
    let mut yard = uneven(crate::config());
    yard.limit_w[2] = 200.0 * MW;
    let allowed_w = yard.decide(|_| {}).allowed_w;
    assert!(near(allowed_w[0], 125.0 * MW, KW) && near(allowed_w[1], 75.0 * MW, KW), "{allowed_w:?}");
    yard.limit_w[0] = 110.0 * MW;
    assert_eq!(yard.decide(|_| {}).allowed_w[0], 110.0 * MW);
}

#[test]
fn caps_move_once_a_second_and_at_once_when_the_battery_is_short() {
    for offset in 0..10 {
        let mut yard = uneven(config());
        run(&mut yard, offset);
        let economic = yard.last.seq.is_multiple_of(10);
        yard.limit_w[0] = 70.0 * MW;
        let carried = yard.decide(|_| {});
        assert_eq!(carried.cap_w != yard.last.cap_w, economic, "the battery carries it, count {}", carried.seq);
        yard.limit_w[0] = 48.0 * MW;
        let short = yard.decide(|_| {});
        assert!(short.cap_w[0] < yard.last.cap_w[0], "cut in this tick, count {}", short.seq);
        assert!(short.reason.conditions & Condition::BatteryShort as u32 != 0);
        assert_eq!(short.reason.conditions & Condition::LimitUnreachable as u32, 0, "caps can reach it");
        assert_eq!(gave_way(&short, Duty::ImportLimit), 0.0);
    }
    // Without charge neither reaches it, and by how much is said: at least what the fixed load alone exceeds it by.
    let mut yard = Yard::new(config(), [100.0 * MW, 60.0 * MW]);
    yard.charge = [0.05; 4];
    yard.run(40);
    yard.limit_w[0] = 20.0 * MW;
    let beyond = yard.decide(|_| {});
    assert!(beyond.reason.conditions & Condition::LimitUnreachable as u32 != 0);
    let missing_w = gave_way(&beyond, Duty::ImportLimit);
    assert!((12.0 * MW..40.0 * MW).contains(&missing_w), "{missing_w}");
}

#[test]
fn floors_give_way_where_a_limit_or_an_event_binds_and_nowhere_else() {
    let build = || {
        let mut config = config();
        config.halls.iter_mut().for_each(|hall| hall.floor_w = 400.0);
        uneven(config)
    };
    let stands = |yard: &mut Yard| {
        run(yard, 30);
        [0, 1].map(|hall| yard.last.floor_w[hall] >= 400.0)
    };
    assert_eq!(stands(&mut build()), [true, true], "at rest");
    let mut limited = build();
    limited.limit_w[0] = 90.0 * MW;
    assert_eq!(stands(&mut limited), [false, true], "a limit of the north");
    for (poi, floors) in [(0, [false, true]), (1, [true, false]), (255, [false, false])] {
        let mut yard = build();
        yard.events = vec![event(&yard, Span::ZERO, Span::secs(600), 250.0 * MW, poi)];
        assert_eq!(stands(&mut yard), floors, "an event in force, scope {poi}");
    }
    let mut ordered = build();
    ordered.limit_w[3] = 590.0 * MW;
    assert_eq!(stands(&mut ordered), [false, false], "an emergency order");
}

#[test]
fn no_cap_rises_while_a_meter_is_lost() {
    let mut yard = uneven(config());
    yard.load_w[1] = 80.0 * MW; // the feeder of the south shows more draw: its envelope would follow
    yard.run_blind_until_economic();
    let before_w = yard.last.cap_w;
    let seeing = yard.decide(|_| {});
    assert!(seeing.cap_w[1] > before_w[1], "{} then {}", before_w[1], seeing.cap_w[1]);
    let blind = yard.decide(|seen| seen.poi_import_w.taken_at[0] = Time::NEVER);
    assert!((0..2).all(|hall| blind.cap_w[hall] <= before_w[hall]), "{:?}", &blind.cap_w[..2]);
}

/// Both points with hardly any charge, and an event over both that only paused jobs can meet.
fn infeasible_at_receipt(yard: &mut Yard, notice: Span) -> bool {
    yard.events = vec![event(yard, notice, Span::secs(8 * 3600), 65.0 * MW, 255)];
    yard.decide(|_| {}).reason.conditions & Condition::EventInfeasible as u32 != 0
}

#[test]
fn an_event_that_needs_jobs_paused_is_feasible_if_they_can_be_saved_by_its_deadline() {
    let mut yard = Yard::new(config(), [100.0 * MW, 60.0 * MW]);
    yard.charge = [0.0501; 4];
    yard.run(40);
    // A checkpoint takes 20 s; the reduction is due at four fifths of the notice.
    assert!(infeasible_at_receipt(&mut yard, Span::secs(24)));
    assert!(!infeasible_at_receipt(&mut yard, Span::secs(26)));
    // Jobs that are paused already count, whether or not there were time to save them.
    yard.events.clear();
    yard.limit_w[3] = 5.0 * MW;
    run(&mut yard, 30);
    assert_eq!(yard.last.job[..2], [JobOrder::Pause; 2]);
    assert!(!infeasible_at_receipt(&mut yard, Span::secs(10)) && !infeasible_at_receipt(&mut yard, Span::secs(600)));
}

#[test]
fn caps_lead_a_falling_limit_by_what_they_are_slow() {
    let mut yard = uneven(config());
    // Due 48 s after receipt; caps look 3 s ahead and move once a second.
    yard.events = vec![event(&yard, Span::secs(60), Span::secs(4 * 3600), 80.0 * MW, 255)];
    run(&mut yard, 465);
    let before_w = yard.last.cap_w;
    run(&mut yard, 25);
    assert!((0..2).all(|hall| near(before_w[hall], yard.last.cap_w[hall], 2.0)), "{before_w:?} {:?}", yard.last.cap_w);
    assert!(before_w[0] < 700.0, "caps do carry it: {}", before_w[0]);
}

#[test]
fn restoring_is_said_while_it_lasts() {
    let mut yard = uneven(config());
    yard.limit_w[0] = 60.0 * MW;
    run(&mut yard, 30);
    let low_w = yard.last.cap_w[0];
    yard.limit_w[0] = 300.0 * MW;
    let mut said = false;
    for _ in 0..900 {
        run(&mut yard, 1);
        said |= yard.last.reason.conditions & Condition::Restoring as u32 != 0;
        assert!(said || yard.last.cap_w[0] <= low_w, "no cap rises before it is said");
    }
    assert!(said && yard.last.cap_w[0] > low_w, "{low_w} then {}", yard.last.cap_w[0]);
}

#[test]
fn what_is_said_at_the_ends_of_the_range_is_true_too() {
    // Nothing imported: each point may have all that both may.
    let mut idle = Yard::new(config(), [0.0; 2]);
    idle.limit_w[2] = 100.0 * MW;
    run(&mut idle, 5);
    assert_eq!((idle.last.target_w[..2].to_vec(), idle.last.allowed_w[..2].to_vec()), (vec![0.0; 2], vec![1e8; 2]));
    // A safe floor that asks for no more than the GPUs' least cap holds nothing back.
    let mut config = config();
    config.halls[1].operator_floor_w = config.halls[1].min_cap_w;
    let mut yard = uneven(config);
    yard.limit_w[3] = 5.0 * MW;
    run(&mut yard, 30);
    assert_eq!((yard.last.cap_w[1], yard.last.reason.conditions & Condition::SafeFloorHeld as u32), (200.0, 0));
}

#[test]
fn the_target_of_a_swinging_load_is_its_mean() {
    let mut rig = rig::Rig::new(rig::config());
    rig.turbine_available_w = [0.0; 2];
    rig.run(60.0, |_| {});
    rig.swing = (20.0 * MW, 0.12);
    rig.run(180.0, |_| {});
    let (mut low_w, mut high_w) = (f64::INFINITY, f64::NEG_INFINITY);
    rig.run(60.0, |rig| (low_w, high_w) = (low_w.min(rig.last.target_w[0]), high_w.max(rig.last.target_w[0])));
    assert!(high_w - low_w < 2.5 * MW, "it moves by {} MW, the load by 40", (high_w - low_w) / MW);
}

#[test]
fn a_tie_counts_as_open_on_two_witnesses_and_as_closed_on_one() {
    let mut yard = at_rest();
    let is_island = |yard: &Yard, tied: Option<f64>, import_w: Option<f64>| {
        let decision = yard.decide(|seen| {
            let now = seen.now;
            if let Some(tied) = tied {
                seen.poi_tied.set(0, tied, now);
            }
            match import_w {
                Some(import_w) => seen.poi_import_w.set(0, import_w, now),
                None => seen.poi_import_w.quality[0] = Quality::Missing,
            }
        });
        let island = decision.reason.conditions & Condition::TieOpen as u32 != 0;
        assert_eq!(island, decision.reason.binding[0] == Binding::Island);
        island
    };
    // The breaker says open while the meter shows import, or shows nothing at all: no limit is set aside.
    assert!(!is_island(&yard, Some(0.0), Some(100e6)));
    assert!(!is_island(&yard, Some(0.0), None));
    // The meter shows nothing and the breaker is silent or closed.
    assert!(!is_island(&yard, None, Some(0.0)));
    assert!(!is_island(&yard, Some(1.0), Some(0.0)));
    assert!(is_island(&yard, Some(0.0), Some(0.0)));

    // Once open it stays open in silence; the breaker alone, or import alone, closes it.
    let verdict = yard.judge(|_| {}, |_| {});
    yard.take(&verdict);
    let mut seen = yard.observe();
    seen.poi_tied.set(0, 0.0, yard.now);
    seen.poi_import_w.set(0, 0.0, yard.now);
    let _ = decide(&yard.config, &yard.plan, &mut yard.state, &seen);
    yard.now += Span::millis(100);
    assert!(is_island(&yard, None, Some(0.0)));
    assert!(is_island(&yard, None, None));
    assert!(!is_island(&yard, Some(1.0), Some(0.0)));
    assert!(!is_island(&yard, Some(0.0), Some(5e6)));
}
