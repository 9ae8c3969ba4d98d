//! The guard at its edges: on either side of each of its thresholds, and to the kilowatt. Written against mutants of it.
//!
//! `decide` makes an honest decision; the test changes what it proposes, or what the guard sees.

mod rig;
mod yard;

use tieline_control::*;
use tieline_units::{Quality, Span};
use yard::*;

fn set_mw(decision: &mut Decision, battery_mw: [f64; 4]) {
    for (power_w, mw) in decision.battery_w.iter_mut().zip(battery_mw) {
        *power_w = mw * MW;
    }
}

/// Two kilowatts are what whole kilowatts, always on the safe side, may cost.
fn just_under(import_w: f64, limit_w: f64) -> bool {
    import_w <= limit_w && import_w > limit_w - 2.0 * KW
}

#[test]
fn what_keeps_every_limit_goes_out_as_proposed() {
    let yard = at_rest();
    let verdict = yard.judge(
        |_| {},
        |proposed| {
            set_mw(proposed, [5.0, -3.0, 2.0, 0.0]);
            proposed.cap_w[..2].fill(900.0);
            proposed.floor_w[..2].fill(300.0);
            proposed.turbine_w[0] = 10.0 * MW;
            proposed.cap_until = proposed.battery_until - Span::millis(7_001);
        },
    );
    assert_eq!(verdict.sent, verdict.proposed);
    // Exactly on a limit is not over it: of one point, and of both together.
    for (import_mw, all_mw) in [(300.0, 600.0), (125.0, 250.0)] {
        let mut yard = at_rest();
        yard.limit_w[2] = all_mw * MW;
        let look = |seen: &mut Observation| seen.poi_import_w.value[..2].fill(import_mw * MW);
        let verdict = yard.judge(look, |proposed| proposed.cap_w[..2].fill(900.0));
        assert_eq!(verdict.sent, verdict.proposed, "{import_mw} MW at each point");
    }
}

#[test]
fn what_exceeds_the_limit_of_a_point_is_taken_back_there_to_the_kilowatt() {
    for poi in 0..2 {
        let yard = at_rest();
        let verdict = yard.judge(
            |seen| seen.poi_import_w.value[poi] = 300.0 * MW + 300.0,
            |proposed| {
                proposed.battery_w[2 * poi] = 5.0 * MW;
                proposed.battery_w[3 - 2 * poi] = 4.0 * MW;
                proposed.cap_w[..2].fill(900.0);
                proposed.floor_w[..2].fill(300.0);
            },
        );
        let (sent, other) = (&verdict.sent, 1 - poi);
        assert!(just_under(300.0 * MW + 300.0 + sum_w(sent, poi), 300.0 * MW), "{:?}", &sent.battery_w[..4]);
        assert_eq!((sent.cap_w[poi], sent.floor_w[poi]), (yard.last.cap_w[poi], 0.0), "no cap rises over a limit");
        assert_eq!(sum_w(sent, other), 4.0 * MW, "the other point is let be");
        assert_eq!((sent.cap_w[other], sent.floor_w[other]), (900.0, 300.0));
        assert_eq!(sent.reason.conditions, verdict.proposed.reason.conditions | ACTED);
    }
    // Guarding what was guarded changes nothing and still says that the guard acted.
    let yard = at_rest();
    let look = |seen: &mut Observation| seen.poi_import_w.value[0] = 303.0 * MW;
    let once = yard.judge(look, |_| {}).sent;
    let twice = yard.judge(look, |proposed| *proposed = once).sent;
    assert_eq!(once, twice);
    let again = yard.judge(look, |proposed| {
        *proposed = once;
        proposed.battery_w[0] = 0.0;
    });
    assert_eq!(once, again.sent);
}

/// What one unit of the north is asked for when import exceeds the limit there; the second unit covers what it does not.
fn asked_of_first(over_w: f64, look: impl FnOnce(&mut Observation), before_w: f64) -> f64 {
    let yard = at_rest();
    let verdict = yard.judge(
        |seen| {
            seen.poi_import_w.value[0] = 300.0 * MW + over_w - before_w;
            look(seen);
        },
        |proposed| proposed.battery_w[0] = before_w,
    );
    let (sent_w, both_w) = (verdict.sent.battery_w[0], sum_w(&verdict.sent, 0));
    assert!(just_under(300.0 * MW + over_w - before_w + both_w, 300.0 * MW), "{:?}", &verdict.sent.battery_w[..4]);
    assert_eq!(sum_w(&verdict.sent, 1), 0.0);
    sent_w
}

#[test]
fn only_units_that_are_known_to_hold_energy_are_asked_for_more() {
    type Look = fn(&mut Observation);
    // Over by 5 MW: the first unit gives it all, or nothing because of what is said about it.
    let cases: [(&str, bool, Look); 13] = [
        ("all is well", true, |_| {}),
        ("its charge is doubtful", false, |seen| seen.battery_soc.quality[0] = Quality::Suspect),
        ("its power is doubtful", false, |seen| seen.battery_available_w.quality[0] = Quality::Suspect),
        ("its clock is a little ahead", true, |seen| seen.battery_soc.taken_at[0] = seen.now + Span::millis(100)),
        ("its clock is ahead", false, |seen| seen.battery_soc.taken_at[0] = seen.now + Span::millis(101)),
        ("it was heard just in time", true, |seen| seen.battery_soc.taken_at[0] = seen.now - Span::secs(3)),
        ("it was not heard in time", false, |seen| seen.battery_soc.taken_at[0] = seen.now - Span::millis(3_001)),
        ("it holds enough", true, |seen| seen.battery_soc.value[0] = 0.0601),
        ("it holds a hair too little", false, |seen| seen.battery_soc.value[0] = 0.05 + 0.01),
        ("it holds too little", false, |seen| seen.battery_soc.value[0] = 0.055),
        ("it offers nonsense", false, |seen| seen.battery_available_w.value[0] = f64::NAN),
        ("it offers the impossible", false, |seen| seen.battery_available_w.value[0] = f64::INFINITY),
        ("it offers less than nothing", false, |seen| seen.battery_available_w.value[0] = -5.0 * MW),
    ];
    for (name, able, look) in cases {
        let expected_w = if able { -5.001 * MW } else { 0.0 };
        assert_eq!(asked_of_first(5.0 * MW, look, 0.0), expected_w, "{name}");
        // Able or not, it stops charging; and what it gives already it goes on giving.
        let expected_w = if able { -3.001 * MW } else { 0.0 };
        assert_eq!(asked_of_first(5.0 * MW, look, 2.0 * MW), expected_w, "{name}, charging");
        let expected_w = if able { -7.001 * MW } else { -2.0 * MW };
        assert_eq!(asked_of_first(5.0 * MW, look, -2.0 * MW), expected_w, "{name}, discharging");
    }
    // Part of it is what it offers; more than its rating it is never asked for.
    let offers = |seen: &mut Observation| seen.battery_available_w.value[0] = 3.0 * MW;
    assert_eq!(asked_of_first(5.0 * MW, offers, 0.0), -3.0 * MW);
    let boasts = |seen: &mut Observation| seen.battery_available_w.value[0] = 1e9;
    assert_eq!(asked_of_first(40.0 * MW, boasts, 0.0), -25.0 * MW);
}

#[test]
fn what_both_points_exceed_together_is_taken_back_once() {
    // 200 MW of load and 40 MW of charging against 230 MW.
    let mut yard = at_rest();
    yard.limit_w[2] = 230.0 * MW;
    let verdict = yard.judge(|_| {}, |proposed| set_mw(proposed, [15.0, 0.0, 25.0, 0.0]));
    let import_w = 200.0 * MW + sum_w(&verdict.sent, 0) + sum_w(&verdict.sent, 1);
    assert!(just_under(import_w, 230.0 * MW), "{import_w}");

    // What a point takes back for its own limit counts for both: enough, and then too little by 5 MW.
    yard.limit_w[0] = 110.0 * MW;
    for (all_mw, south_mw) in [(250.0, 25.0), (230.0, 25.0)] {
        yard.limit_w[2] = all_mw * MW;
        let verdict = yard.judge(|_| {}, |proposed| set_mw(proposed, [25.0, 25.0, south_mw, 0.0]));
        let import_w = [0, 1].map(|poi| 100.0 * MW + sum_w(&verdict.sent, poi));
        if all_mw == 250.0 {
            assert!(just_under(import_w[0], 110.0 * MW), "{import_w:?}");
            assert_eq!(import_w[1], 125.0 * MW, "nothing more is taken");
        } else {
            assert!(just_under(import_w[0] + import_w[1], 230.0 * MW), "{import_w:?}");
        }
    }

    // The north covers only 5 of its 20 MW; of both together 10 MW are left to the south.
    yard.limit_w[2] = 240.0 * MW;
    let look = |seen: &mut Observation| {
        seen.poi_import_w.value[0] = 130.0 * MW;
        seen.battery_available_w.value[..2].fill(2.5 * MW);
    };
    let verdict = yard.judge(look, |proposed| set_mw(proposed, [0.0, 0.0, 25.0, 0.0]));
    assert_eq!(sum_w(&verdict.sent, 0), -5.0 * MW);
    let import_w = 230.0 * MW + sum_w(&verdict.sent, 0) + sum_w(&verdict.sent, 1);
    assert!(just_under(import_w, 240.0 * MW), "{import_w}");
}

#[test]
fn an_island_is_left_to_its_own_balance() {
    let mut config = config();
    config.pois[1].island = true;
    let mut yard = Yard::new(config, [100.0 * MW, 20.0 * MW]);
    yard.run(40);
    assert!((sum_w(&yard.last, 1) + 20.0 * MW).abs() < 0.5 * MW, "the batteries carry the island");
    let seems_to_import = |seen: &mut Observation| seen.poi_import_w.value[1] = 5.0 * MW;
    let verdict = yard.judge(seems_to_import, |_| {});
    assert_eq!(verdict.sent, verdict.proposed, "the guard does not fight over its frequency");
    // Over the limit of all points it is the others that give.
    yard.limit_w[2] = 110.0 * MW;
    let verdict = yard.judge(|_| {}, |proposed| proposed.battery_w[0] = 25.0 * MW);
    assert_eq!(sum_w(&verdict.sent, 1), sum_w(&verdict.proposed, 1));
    let import_w = yard.imports[0][0] + yard.imports[0][1] + sum_w(&verdict.sent, 0);
    assert!((import_w - 110.0 * MW).abs() < 0.5 * MW, "{import_w}");
}

#[test]
fn an_event_binds_its_scope_from_its_start_to_its_end() {
    let charge = |proposed: &mut Decision| set_mw(proposed, [20.0, 0.0, 20.0, 0.0]);
    for (poi, limit_mw) in [(0, 80.0), (1, 80.0), (255, 190.0)] {
        let fine = |verdict: &Verdict| {
            let import_w = [0, 1].map(|at| 100.0 * MW + sum_w(&verdict.sent, at));
            match poi {
                255 => just_under(import_w[0] + import_w[1], limit_mw * MW),
                _ => just_under(import_w[poi as usize], limit_mw * MW) && import_w[1 - poi as usize] == 120.0 * MW,
            }
        };
        let mut yard = at_rest();
        yard.events = vec![event(&yard, Span::secs(600), Span::secs(60), limit_mw * MW, poi)];
        let early = yard.judge(|_| {}, charge);
        assert_eq!(early.sent, early.proposed, "not yet, scope {poi}");
        yard.events = vec![event(&yard, Span::ZERO, Span::millis(500), limit_mw * MW, poi)];
        assert!(fine(&yard.judge(|_| {}, charge)), "at its start, scope {poi}");
        let within = yard.judge(|seen| seen.now += Span::millis(499), charge);
        assert!(fine(&within), "within, scope {poi}");
        let ended = yard.judge(|seen| seen.now += Span::millis(500), charge);
        assert_eq!(ended.sent, ended.proposed, "ended, scope {poi}");
    }
}

#[test]
fn the_guard_counts_a_command_that_the_meter_shows_already_only_once() {
    // A limit falls and the battery answers at once; six ticks later the meter shows it. Every phase of the history.
    for phase in 0..16 {
        let mut yard = at_rest();
        yard.run(phase);
        yard.limit_w[1] = 80.0 * MW;
        yard.run(6);
        let carried_w = sum_w(&yard.last, 1);
        assert!((carried_w + 22.0 * MW).abs() < 0.5 * MW, "down to the limit less its margin: {carried_w}");
        let verdict = yard.judge(|_| {}, |proposed| set_mw(proposed, [0.0; 4]));
        let import_w = 100.0 * MW + sum_w(&verdict.sent, 1);
        assert!((import_w - 80.0 * MW).abs() < 0.5 * MW, "phase {phase}: {import_w}");
    }
}

#[test]
fn a_meter_is_believed_while_fresh_and_possible() {
    let yard = at_rest();
    let judge = |look: &dyn Fn(&mut Observation)| {
        yard.judge(look, |proposed| {
            set_mw(proposed, [5.0, 0.0, 0.0, 0.0]);
            proposed.cap_w[..2].fill(900.0);
            proposed.floor_w[..2].fill(850.0);
        })
    };
    let blind = |verdict: &Verdict| {
        let held = (0..2).all(|hall| {
            verdict.sent.cap_w[hall] == yard.last.cap_w[hall] && verdict.sent.floor_w[hall] == yard.last.cap_w[hall]
        });
        held && verdict.sent.battery_w == verdict.proposed.battery_w
    };
    let at = |millis: i64| {
        move |seen: &mut Observation| seen.poi_import_w.taken_at[..2].fill(seen.now - Span::millis(millis))
    };
    for (millis, believed) in [(-101, false), (-100, true), (0, true), (1_000, true), (1_001, false)] {
        let verdict = judge(&at(millis));
        assert_eq!(verdict.sent == verdict.proposed, believed, "{millis} ms old");
        assert!(believed || blind(&verdict), "{millis} ms old: no cap rises, the floor stays under it");
    }
    let doubtful = judge(&|seen| seen.poi_import_w.quality[..2].fill(Quality::Suspect));
    assert!(blind(&doubtful));
    let one_left = judge(&|seen| seen.poi_import_w.quality[0] = Quality::Suspect);
    assert_eq!(one_left.sent, one_left.proposed, "one meter of two is enough to see by");
    for value_w in [2e10, -2e10, f64::NAN, f64::INFINITY] {
        assert!(blind(&judge(&|seen| seen.poi_import_w.value[..2].fill(value_w))), "{value_w} W is no reading");
    }
    let huge = judge(&|seen| seen.poi_import_w.value[..2].fill(1.9e10));
    assert_eq!((huge.sent.battery_w[0], huge.sent.battery_w[2]), (-25.0 * MW, -25.0 * MW), "a reading, and over");
}

#[test]
fn every_command_lies_in_the_range_of_its_device() {
    let mut config = config();
    config.batteries[0].charge_w = 10.0 * MW;
    config.halls[1].operator_floor_w = 350.0;
    let mut yard = Yard::new(config, [100.0 * MW; 2]);
    yard.run(40);
    let battery = |asked_w: f64| yard.judge(|_| {}, |proposed| proposed.battery_w[0] = asked_w).sent.battery_w[0];
    assert_eq!([1e9, -1e9, f64::NAN, f64::NEG_INFINITY].map(battery), [10.0 * MW, -25.0 * MW, 0.0, 0.0]);
    let cap = |hall: usize| {
        let yard = &yard;
        move |asked_w: f64| yard.judge(|_| {}, |proposed| proposed.cap_w[hall] = asked_w).sent.cap_w[hall]
    };
    assert_eq!([0.0, 1e9, f64::NAN, 555.0].map(cap(0)), [200.0, 1000.0, 400.0, 555.0]);
    assert_eq!([0.0, 1e9, f64::NAN, 555.0].map(cap(1)), [350.0, 1000.0, 400.0, 555.0], "the operator's floor stands");
    let floor = |asked_w: f64| {
        let change = |proposed: &mut Decision| (proposed.cap_w[0], proposed.floor_w[0]) = (500.0, asked_w);
        yard.judge(|_| {}, change).sent.floor_w[0]
    };
    assert_eq!([-1.0, 5000.0, f64::NAN, 123.0].map(floor), [0.0, 500.0, 0.0, 123.0]);
    let turbine = |asked_w: f64| yard.judge(|_| {}, |proposed| proposed.turbine_w[1] = asked_w).sent.turbine_w[1];
    assert_eq!([-1e6, 1e9, f64::NAN, 12e6].map(turbine), [0.0, 30.0 * MW, 0.0, 12.0 * MW]);
    let nowhere = yard.judge(|_| {}, |proposed| proposed.battery_w[4] = 5.0 * MW);
    assert_eq!(nowhere.sent.battery_w[4], 0.0, "there is no fifth unit");
}

#[test]
fn a_unit_at_the_end_of_its_charge_is_protected_and_only_there() {
    let yard = at_rest();
    let sent = |charge: f64, quality: Quality, asked_mw: f64| {
        let look =
            |seen: &mut Observation| (seen.battery_soc.value[1], seen.battery_soc.quality[1]) = (charge, quality);
        yard.judge(look, |proposed| proposed.battery_w[1] = asked_mw * MW).sent.battery_w[1] / MW
    };
    for (charge, lowest, highest) in [(0.04, 0.0, 5.0), (0.05, 0.0, 5.0), (0.051, -5.0, 5.0)] {
        assert_eq!(
            (sent(charge, Quality::Good, -5.0), sent(charge, Quality::Good, 5.0)),
            (lowest, highest),
            "{charge}"
        );
    }
    for (charge, lowest, highest) in [(0.949, -5.0, 5.0), (0.95, -5.0, 0.0), (0.96, -5.0, 0.0)] {
        assert_eq!(
            (sent(charge, Quality::Good, -5.0), sent(charge, Quality::Good, 5.0)),
            (lowest, highest),
            "{charge}"
        );
    }
    assert_eq!(sent(0.04, Quality::Suspect, -5.0), -5.0, "what is not known protects nothing");
}

#[test]
fn caps_lapse_jitter_and_ramp_before_the_battery_does() {
    let yard = at_rest();
    for (between_ms, left_ms) in [(25_000, 25_000), (7_001, 7_001), (7_000, 7_000), (6_000, 7_000), (0, 7_000)] {
        let change = |proposed: &mut Decision| proposed.cap_until = proposed.battery_until - Span::millis(between_ms);
        let sent = yard.judge(|_| {}, change).sent;
        assert_eq!(sent.battery_until - sent.cap_until, Span::millis(left_ms), "{between_ms} ms proposed");
    }
}

/// What the north's job is told when a pause is proposed.
fn told(config: Config, emergency: bool, look: impl FnOnce(&mut Observation)) -> JobOrder {
    let mut yard = Yard::new(config, [100.0 * MW; 2]);
    yard.run(700);
    if emergency {
        yard.limit_w[3] = 590.0 * MW;
    }
    yard.judge(look, |proposed| proposed.job[0] = JobOrder::Pause).sent.job[0]
}

#[test]
fn a_pause_needs_fresh_evidence_that_the_work_is_saved() {
    type Look = fn(&mut Observation);
    let (saved, asked) = (JobOrder::Pause, JobOrder::Checkpoint);
    // The run is 70 s old; a save counts for 60 s, and the job's word for 10 s.
    let cases: [(&str, JobOrder, Look); 10] = [
        ("never saved", asked, |_| {}),
        ("saved now", saved, |seen| seen.job_saved_s.value[0] = 70.0),
        ("saved in the future", asked, |seen| seen.job_saved_s.value[0] = 70.5),
        ("saved just recently enough", saved, |seen| seen.job_saved_s.value[0] = 10.0),
        ("saved too long ago", asked, |seen| seen.job_saved_s.value[0] = 9.9),
        ("a doubtful word", asked, |seen| {
            seen.job_saved_s.set(0, 70.0, seen.now);
            seen.job_saved_s.quality[0] = Quality::Suspect;
        }),
        ("an old word", asked, |seen| seen.job_saved_s.set(0, 70.0, seen.now - Span::millis(10_001))),
        ("a word just young enough", saved, |seen| seen.job_saved_s.set(0, 70.0, seen.now - Span::secs(10))),
        ("a word of a clock a little ahead", saved, |seen| {
            seen.job_saved_s.set(0, 70.0, seen.now + Span::millis(100));
        }),
        ("a word of a clock ahead", asked, |seen| seen.job_saved_s.set(0, 70.0, seen.now + Span::millis(101))),
    ];
    for (name, order, look) in cases {
        assert_eq!(told(config(), false, look), order, "{name}");
        assert_eq!(told(config(), true, look), JobOrder::Pause, "{name}, on an emergency order");
    }
}

#[test]
fn a_job_that_may_not_be_paused_works_on_even_on_an_emergency_order() {
    type Change = fn(&mut Config);
    let cases: [(&str, JobOrder, Change); 4] = [
        ("not pausable", JobOrder::Run, |config| config.jobs[0].pausable = false),
        ("its hall has a safe floor", JobOrder::Run, |config| config.halls[0].operator_floor_w = 300.0),
        ("another hall has one", JobOrder::Pause, |config| config.halls[1].operator_floor_w = 300.0),
        ("an empty hall of the job has one", JobOrder::Pause, |config| {
            let mut empty = config.halls[0].clone();
            (empty.gpus, empty.operator_floor_w) = (0.0, 300.0);
            config.halls.push(empty);
        }),
    ];
    for (name, order, change) in cases {
        let mut config = config();
        change(&mut config);
        assert_eq!(told(config, true, |_| {}), order, "{name}");
    }
}

#[test]
fn the_next_decision_starts_from_what_was_really_sent() {
    // The north carries 12 MW; the proposal asks its first unit for the impossible, so the guard acts.
    let reached = || {
        let mut yard = at_rest();
        yard.limit_w[0] = 90.0 * MW;
        yard.run(25);
        while yard.last.seq % 10 != 9 {
            yard.run(1);
        }
        let honest_w = sum_w(&yard.last, 0);
        assert!((honest_w + 12.0 * MW).abs() < 0.5 * MW, "{honest_w}");
        let verdict = yard.judge(
            |_| {},
            |proposed| {
                proposed.battery_w[0] = -1e9;
                proposed.battery_w[2] = -3.0 * MW;
            },
        );
        assert_eq!(verdict.sent.battery_w[0], -25.0 * MW);
        yard.take(&verdict);
        (yard, verdict.sent)
    };
    let next = |yard: &Yard, look: fn(&mut Observation)| {
        let mut seen = yard.observe();
        look(&mut seen);
        decide(&yard.config, &Plan::none(), &mut { yard.state }, &seen)
    };
    let (yard, sent) = reached();
    let sent_w = [0, 1].map(|poi| sum_w(&sent, poi));
    let bumpless = next(&yard, |_| {});
    for poi in 0..2 {
        let told_w = sum_w(&bumpless, poi);
        assert!((told_w - sent_w[poi]).abs() < 0.3 * MW, "no step back at point {poi}: {told_w} after {}", sent_w[poi]);
    }
    let silent = next(&yard, |seen| seen.battery_soc.quality = [Quality::Missing; BATTERIES]);
    assert_eq!(silent.battery_w, sent.battery_w, "silent units stay where they were told to be");
    let lost = next(&yard, |seen| seen.poi_import_w.quality = [Quality::Missing; POIS]);
    for poi in 0..2 {
        assert!((sum_w(&lost, poi) - sent_w[poi]).abs() <= KW, "without a meter the command is held at point {poi}");
    }
}
