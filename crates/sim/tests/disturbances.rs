//! Faults between the site and everybody else: limit sources, events, the clock, the controller's death.

#![allow(clippy::unwrap_used)]

mod campus;

use campus::{Sum, scenario};
use std::cell::RefCell;
use tieline_campus::plant::{Fault, FaultKind};
use tieline_control::journal::{Header, JournalReader, JournalWriter};
use tieline_control::replay::replay;
use tieline_control::{Decision, Journal, Row, Site, Stepping};
use tieline_grid::boundary::LimitStep;
use tieline_sim::disturbances::{ClockFault, Death, Disturbances, EventFault, Garbage, LimitGarbage};
use tieline_sim::operation::{EPOCH, Outlet, operate};
use tieline_sim::results::Outcome;
use tieline_sim::scenario::Scenario;
use tieline_sim::takeover::attend;
use tieline_sim::world::{Moment, World};
use tieline_units::{Draw, Span, Time};

fn at_s(seconds: f64) -> Time {
    Time::ZERO + Span::from_secs_f64(seconds)
}

fn world(scenario: &Scenario) -> World<'_, impl FnMut(Moment<'_>)> {
    World::new(scenario, Draw::new(1, 0), |_| {})
}

fn operated(scenario: &Scenario) -> Outcome {
    let mut outlet = Outlet { sink: &mut |_| {}, progress: &mut |_| true };
    operate(scenario, 1, &mut Sum::default(), &mut outlet).unwrap()
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.metrics[&format!("operation.{name}")]
}

#[test]
fn a_limit_source_talks_nonsense_for_a_while_and_means_what_it_meant() {
    let mut wrong = scenario(Span::secs(900));
    wrong.surroundings.limits[0] = vec![LimitStep { at: at_s(5.0), limit_w: 50e6, until: Time::FOREVER }];
    let garbage =
        |start: f64, says| LimitGarbage { start: at_s(start), end: at_s(start + 10.0), source: Some(0), says };
    wrong.disturbances.limits = vec![
        garbage(10.0, Garbage::Nan),
        garbage(20.0, Garbage::Negative),
        garbage(30.0, Garbage::Absurd),
        LimitGarbage { source: None, ..garbage(40.0, Garbage::Scaled(1e-3)) },
    ];
    let mut site = world(&wrong);
    let mut said = |second: f64| {
        let seen = site.observe(at_s(second));
        assert_eq!(seen.limit_w.taken_at[0], at_s(second), "nonsense is fresh");
        seen.limit_w.value[0]
    };
    assert_eq!(said(9.0), 50e6);
    assert!(said(15.0).is_nan());
    assert_eq!([said(25.0), said(35.0), said(45.0), said(55.0)], [-50e6, 1e15, 50e3, 50e6]);
}

#[test]
fn events_come_late_and_vanish_without_having_been_cancelled() {
    // The event: received at 600 s, from 1200 s to 3000 s.
    let mut wrong = scenario(Span::secs(3600));
    wrong.events[0].cancelled_at = Some(at_s(2000.0));
    let fault = |start: f64, end: f64, late| EventFault { start: at_s(start), end: at_s(end), event: Some(7), late };
    wrong.disturbances.events = vec![
        fault(590.0, 610.0, Some(Span::secs(120))),
        fault(800.0, 900.0, None),
        fault(1990.0, 2010.0, Some(Span::secs(45))),
        EventFault { event: Some(8), ..fault(1000.0, 1100.0, None) },
    ];
    let mut site = world(&wrong);
    let mut listed = |second: f64| {
        let event = site.observe(at_s(second)).events[0];
        (event.id != 0).then_some((event.received_at, event.cancelled))
    };
    assert_eq!(listed(700.0), None);
    assert_eq!(listed(721.0), Some((at_s(720.0), false)), "received when it arrives");
    assert_eq!([listed(799.0).is_some(), listed(850.0).is_some(), listed(900.0).is_some()], [true, false, true]);
    assert!(listed(1050.0).is_some(), "another event's fault");
    assert_eq!([listed(2044.0).unwrap().1, listed(2046.0).unwrap().1], [false, true], "the cancellation is late");
}

#[test]
fn the_clock_steps_and_drifts_and_events_are_placed_by_it_at_receipt() {
    let mut wrong = scenario(Span::secs(3600));
    let fault = |start: f64, end: f64, step, drift| ClockFault { start: at_s(start), end: at_s(end), step, drift };
    wrong.disturbances.clocks = vec![
        fault(100.0, 200.0, Span::secs(-3), 0.0),
        fault(300.0, 400.0, Span::ZERO, 5e-4),
        fault(500.0, 700.0, Span::secs(20), 0.0),
    ];
    let mut site = world(&wrong);
    let mut ahead_ms = |second: f64| {
        let seen = site.observe(at_s(second));
        let truth = wrong.start + (seen.now - Time::ZERO);
        ((seen.utc_ns - truth.as_nanos()) / 1_000_000, seen.events[0])
    };
    let ms = [50.0, 100.0, 199.9, 200.0, 300.0, 380.0, 450.0].map(|second| ahead_ms(second).0);
    assert_eq!(ms, [0, -3_000, -3_000, 0, 0, 40, 0]);
    let (ms, event) = ahead_ms(650.0);
    assert_eq!((ms, event.start, event.end), (20_000, at_s(1180.0), at_s(2980.0)));
    let (ms, event) = ahead_ms(800.0);
    assert_eq!((ms, event.start, event.received_at), (0, at_s(1180.0), at_s(600.0)), "placed once");
}

/// Decisions that reach the journal, and the journal as bytes.
struct Both {
    bytes: JournalWriter<Vec<u8>>,
    decisions: Vec<Decision>,
}

impl Journal for Both {
    fn append(&mut self, row: &Row<'_>) {
        self.bytes.append(row);
        self.decisions.push(*row.guarded);
    }
}

fn dying(deaths: Vec<Death>) -> Scenario {
    let mut scenario = scenario(Span::secs(900));
    scenario.disturbances = Disturbances { deaths, ..Disturbances::default() };
    scenario
}

fn death(at: f64, takeover: f64, stale_until: f64) -> Death {
    Death { at: at_s(at), takeover: at_s(takeover), stale_until: at_s(stale_until) }
}

fn attended(scenario: &Scenario) -> (Vec<Decision>, Vec<u8>, u64, Vec<f64>) {
    let import_w = RefCell::new(Vec::new());
    let mut world = World::new(scenario, Draw::new(1, 0), |moment: Moment<'_>| {
        if let Moment::Step(plant, _) = moment {
            import_w.borrow_mut().push(plant.flows().poi_import_w.iter().sum());
        }
    });
    let bytes = JournalWriter::new(Vec::new(), &Header::default()).unwrap();
    let mut journal = Both { bytes, decisions: Vec::new() };
    attend(scenario, &mut world, &mut Stepping { end: Time::ZERO + scenario.duration }, &mut journal);
    world.finish(Time::ZERO + scenario.duration);
    let refused = world.into_plant().totals().commands_refused;
    (journal.decisions, journal.bytes.finish().unwrap(), refused, import_w.into_inner())
}

#[test]
fn a_standby_takes_over_under_a_higher_epoch_and_the_old_controller_is_refused() {
    let scenario = dying(vec![death(100.05, 102.55, 130.0), death(640.0, 640.5, 640.5)]);
    let (decisions, bytes, refused, import_w) = attended(&scenario);
    let gaps: Vec<(Decision, Decision)> = decisions
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        .filter(|(one, other)| other.now - one.now > scenario.control.tick)
        .collect();
    let told: Vec<(Time, Time, u64, u64)> =
        gaps.iter().map(|(one, other)| (one.now, other.now, one.epoch, other.epoch)).collect();
    assert_eq!(told, [(at_s(100.0), at_s(102.6), 1, 2), (at_s(639.9), at_s(640.5), 2, 3)]);
    assert!(decisions.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1), "counts go on");
    // Stale commands on every tick of the standby from 102.6 to 129.9 s.
    assert_eq!(refused, 274);
    let read = JournalReader::open(bytes.as_slice()).unwrap();
    let replayed = replay(read, &scenario.control, EPOCH).unwrap();
    assert_eq!((replayed.rows, replayed.first_difference), (decisions.len() as u64, None));
    // Takeover is no step: import moves no faster than it does without a death.
    let most = |import_w: &[f64]| import_w.windows(10).map(|w| (w[9] - w[0]).abs()).fold(0.0, f64::max);
    let (.., undisturbed) = attended(&dying(Vec::new()));
    assert!(most(&import_w) < 1.5 * most(&undisturbed), "{} {}", most(&import_w), most(&undisturbed));
}

#[test]
fn a_second_death_before_the_takeover_leaves_the_same_last_word() {
    let scenario = dying(vec![death(100.0, 103.0, 103.0), death(102.0, 104.0, 104.0)]);
    let (decisions, bytes, ..) = attended(&scenario);
    let first = decisions.iter().find(|decision| decision.epoch > 1).unwrap();
    assert_eq!((first.epoch, first.now), (3, at_s(104.0)));
    let replayed = replay(JournalReader::open(bytes.as_slice()).unwrap(), &scenario.control, EPOCH).unwrap();
    assert_eq!(replayed.first_difference, None);
}

#[test]
fn a_journal_whose_epochs_were_altered_does_not_replay() {
    // The counterpart: rows of a death that are replayed from the wrong epoch differ, so the tests above can fail.
    let scenario = dying(vec![death(100.0, 102.0, 102.0)]);
    let (_, bytes, ..) = attended(&scenario);
    let replayed = replay(JournalReader::open(bytes.as_slice()).unwrap(), &scenario.control, EPOCH + 1).unwrap();
    assert!(replayed.first_difference.is_some());
}

#[test]
fn a_study_tells_deaths_counts_what_was_refused_and_books_lost_strings() {
    let mut scenario = dying(vec![death(100.0, 102.0, 110.0)]);
    let lost = Fault { start: at_s(50.0), end: at_s(2000.0), kind: FaultKind::StringsLost(0.5), index: 0 };
    scenario.plant.faults = vec![lost];
    scenario.disturbances.clocks =
        vec![ClockFault { start: at_s(200.0), end: at_s(210.0), step: Span::secs(5), drift: 0.0 }];
    let outcome = operated(&scenario);
    assert_eq!(metric(&outcome, "commands_refused"), 80.0);
    assert_eq!(metric(&outcome, "decisions"), 9_000.0 - 20.0);
    let told = |part: &str| outcome.happenings.iter().any(|happening| happening.text.contains(part));
    assert!(told("the controller dies; 2.0 s without one") && told("the standby takes over"));
    assert!(told("the old controller is back") && told("clock is 5.0 s ahead") && told("50 % of the strings"));
    let of = |class: &str| outcome.ledger.iter().find(|row| row.0 == class && row.1 == "whole run").map(|row| row.2);
    assert!(of("isolated in lost strings").unwrap() > 0.0);
    assert!(metric(&outcome, "energy_residual_share") < 1e-9);
    scenario.plant.faults[0].end = at_s(500.0);
    let outcome = operated(&scenario);
    assert!(outcome.ledger.iter().all(|row| row.0 != "isolated in lost strings"), "they came back");
}
