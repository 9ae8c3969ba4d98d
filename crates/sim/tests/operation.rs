//! The operation study on a small campus made in code: an hour with a curtailment event, a trip and a lost meter.

#![allow(clippy::unwrap_used)]

mod campus;

use campus::{Sum, scenario};
use std::collections::BTreeMap;
use tieline_campus::plant::{Fault, FaultKind};
use tieline_sim::operation::{Outlet, operate};
use tieline_sim::results::{Outcome, Table};
use tieline_sim::scenario::{Expectation, Rule, Scenario};
use tieline_units::{Span, Time};

fn run(scenario: &Scenario, seed: u64) -> (Outcome, Vec<Table>, u64) {
    let mut tables = Vec::new();
    let mut journal = Sum::default();
    let mut sink = |table| tables.push(table);
    let mut outlet = Outlet { sink: &mut sink, progress: &mut |_| true };
    let outcome = operate(scenario, seed, &mut journal, &mut outlet).unwrap();
    (outcome, tables, journal.digest)
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    *outcome.metrics.get(&format!("operation.{name}")).unwrap_or_else(|| panic!("no metric {name}"))
}

#[test]
fn an_event_is_met_and_every_balance_closes() {
    let (outcome, tables, _) = run(&scenario(Span::secs(5400)), 1);
    for happening in &outcome.happenings {
        println!("{:8.1} {:<10} {}", happening.at_s, happening.kind, happening.text);
    }
    for (name, value) in &outcome.metrics {
        println!("{name:<50} {value}");
    }
    assert_eq!(metric(&outcome, "events_met"), 1.0);
    assert_eq!(metric(&outcome, "import_over_limit_mwh"), 0.0);
    assert!(metric(&outcome, "events_worst_margin_s") >= 0.0);
    assert!(metric(&outcome, "energy_residual_share") < 1e-9);
    let mut balances: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (_, what, mwh) in &outcome.ledger {
        let (sum, size) = balances.entry(what).or_default();
        *sum += mwh;
        *size += mwh.abs();
    }
    assert_eq!(balances.len(), 2, "the whole run and the event: {balances:?}");
    for (what, (sum, size)) in balances {
        assert!(size > 1.0 && sum.abs() < 1e-9 * size, "{what}: {sum} of {size} MWh");
    }
    let seconds: usize = tables.iter().filter(|table| table.name == "operation").map(|table| table.utc_ns.len()).sum();
    assert_eq!(seconds, 5400);
    for table in &tables {
        assert!(table.numbers.iter().all(|(_, values)| values.len() == table.utc_ns.len()), "{}", table.name);
        assert!(table.texts.iter().all(|(_, values)| values.len() == table.utc_ns.len()), "{}", table.name);
    }
    assert!(outcome.curves.iter().all(|curve| curve.mean.len() == outcome.curve_at_s.len()));
}

#[test]
fn same_seed_same_bits_and_another_seed_differs() {
    let short = scenario(Span::secs(300));
    let (first, _, digest) = run(&short, 7);
    let (second, _, again) = run(&short, 7);
    assert_eq!(digest, again);
    assert_eq!(first.metrics, second.metrics);
    assert_ne!(digest, run(&short, 8).2);
}

#[test]
fn expectations_are_judged_and_an_unknown_metric_fails() {
    let mut short = scenario(Span::secs(120));
    let line = |metric: &str, rule, value| Expectation { metric: metric.to_owned(), rule, value };
    short.expect = vec![
        line("operation.simulated_h", Rule::AtLeast, 0.03),
        line("operation.simulated_h", Rule::AtMost, 0.03),
        line("operation.no_such_thing", Rule::AtMost, 1e9),
    ];
    let (outcome, ..) = run(&short, 1);
    assert_eq!(outcome.expectations.iter().map(|line| line.2).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn an_event_without_notice_is_judged_from_its_first_second() {
    // Nobody can shed 40 MW in no time: the judge must say so, whatever the controller thinks of itself.
    let mut sudden = scenario(Span::secs(1800));
    sudden.events[0].event.received_at = sudden.events[0].event.start;
    sudden.events[0].event.limit_w = 10e6;
    let (outcome, ..) = run(&sudden, 3);
    assert_eq!((metric(&outcome, "events_met"), metric(&outcome, "events_missed")), (0.0, 1.0));
    assert!(metric(&outcome, "events_worst_margin_s") < 0.0);
    assert!(metric(&outcome, "import_over_limit_max_mw") > 1.0);
    let (over, peak) = (metric(&outcome, "import_over_limit_mwh"), metric(&outcome, "over_limit.peak_mwh"));
    assert!(over > 0.0 && over == peak, "{over} and {peak} MWh");
    assert!(
        outcome.happenings.iter().any(|happening| happening.text.contains("still above")),
        "{:?}",
        outcome.happenings
    );
}

#[test]
fn lost_commands_let_leases_lapse_and_the_story_says_so() {
    let mut dead = scenario(Span::secs(900));
    let (start, end) = (Time::ZERO + Span::secs(120), Time::ZERO + Span::secs(400));
    dead.plant.faults = vec![Fault { start, end, kind: FaultKind::CommandsLost, index: usize::MAX }];
    let (outcome, ..) = run(&dead, 1);
    assert!(metric(&outcome, "gpu_leases_lapsed") >= 1.0);
    assert!(outcome.happenings.iter().any(|happening| happening.kind == "lease"), "{:?}", outcome.happenings);
}

#[test]
fn a_run_that_is_stopped_is_no_result() {
    let mut journal = Sum::default();
    let mut outlet = Outlet { sink: &mut |_| {}, progress: &mut |done| done < 0.3 };
    assert!(operate(&scenario(Span::secs(600)), 1, &mut journal, &mut outlet).is_none());
    assert!(journal.rows < 2_500, "it ended early: {} rows", journal.rows);
}

#[test]
fn every_metric_of_a_run_is_in_the_list_that_scenarios_are_checked_against() {
    use tieline_sim::operation::{METRIC_FAMILIES, METRICS};
    let (outcome, ..) = run(&scenario(Span::secs(3000)), 1);
    let names: Vec<&str> = outcome.metrics.keys().filter_map(|key| key.strip_prefix("operation.")).collect();
    assert_eq!(names.len(), outcome.metrics.len(), "all are of this study");
    for name in &names {
        let known = METRICS.contains(name) || METRIC_FAMILIES.iter().any(|family| name.starts_with(family));
        assert!(known, "{name} is not listed");
    }
    for name in METRICS {
        assert!(names.contains(name), "{name} is listed and no run has it");
    }
}
