//! Tables, summary and report: what is written can be read back, and nothing that is read can hurt.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use tieline_control::{Journal, Row};
use tieline_files::report::report_html;
use tieline_files::scenario;
use tieline_files::summary::summary_json;
use tieline_files::table::{TableError, TableWriter, read};
use tieline_sim::operation::{Outlet, operate};
use tieline_sim::results::{Curve, Finding, Happening, Outcome, RunStamp, Table};
use tieline_sim::scenario::{Expectation, Rule, Scenario};
use tieline_units::{SourceKind, Span, Utc};

/// A block that begins at row `first`: a rising number, one that is sometimes missing, a constant, two texts.
fn block(first: i64, rows: i64) -> Table {
    let each = |f: &dyn Fn(i64) -> f64| (first..first + rows).map(f).collect::<Vec<_>>();
    let words = |f: &dyn Fn(i64) -> String| (first..first + rows).map(f).collect::<Vec<_>>();
    Table {
        name: "operation".to_owned(),
        utc_ns: (first..first + rows).map(|row| 1_784_091_600_000_000_000 + row * 1_000_000_000).collect(),
        numbers: vec![
            ("import_mw".to_owned(), each(&|row| (row as f64).sqrt() * 1.37 - 20.0)),
            ("limit_mw".to_owned(), each(&|row| if row % 3 == 0 { f64::NAN } else { row as f64 })),
            ("cap_percent".to_owned(), each(&|_| 100.0)),
            ("never".to_owned(), each(&|_| f64::NAN)),
        ],
        texts: vec![
            ("kind".to_owned(), words(&|row| ["event", "turbine", "Ärger \u{1f525}"][row as usize % 3].to_owned())),
            ("text".to_owned(), words(&|row| format!("row {row}, \"quoted\"\n"))),
        ],
    }
}

fn parquet(blocks: &[Table]) -> Vec<u8> {
    let mut writer = TableWriter::new(Vec::new(), &blocks[0]).unwrap();
    for block in blocks {
        writer.write(block).unwrap();
    }
    writer.finish().unwrap()
}

/// Equality to the last bit, in which NaN equals NaN.
fn assert_same(left: &Table, right: &Table) {
    let bits = |table: &Table| -> Vec<(String, Vec<u64>)> {
        let of = |values: &[f64]| values.iter().map(|value| if value.is_nan() { 1 } else { value.to_bits() }).collect();
        table.numbers.iter().map(|(name, values)| (name.clone(), of(values))).collect()
    };
    assert_eq!(left.name, right.name);
    assert_eq!(left.utc_ns, right.utc_ns);
    assert_eq!(bits(left), bits(right));
    assert_eq!(left.texts, right.texts);
}

#[test]
fn a_table_comes_back_as_it_was_written() {
    let mut odd = block(0, 1);
    odd.numbers[0].1 = vec![f64::NEG_INFINITY];
    for blocks in [vec![block(0, 3_600), block(3_600, 3_600), block(7_200, 17)], vec![block(0, 0)], vec![odd]] {
        let mut whole = blocks[0].clone();
        for block in &blocks[1..] {
            whole.utc_ns.extend(&block.utc_ns);
            whole.numbers.iter_mut().zip(&block.numbers).for_each(|(to, from)| to.1.extend(&from.1));
            whole.texts.iter_mut().zip(&block.texts).for_each(|(to, from)| to.1.extend(from.1.iter().cloned()));
        }
        assert_same(&whole, &read(parquet(&blocks)).unwrap());
    }
}

#[test]
fn a_block_with_other_columns_is_refused_and_the_rest_stands() {
    let mut writer = TableWriter::new(Vec::new(), &block(0, 4)).unwrap();
    writer.write(&block(0, 4)).unwrap();
    let mut other = block(4, 4);
    other.numbers[1].0 = "limit_kw".to_owned();
    assert!(matches!(writer.write(&other), Err(TableError::Block { .. })));
    let mut short = block(4, 4);
    short.texts[0].1.pop();
    let why = writer.write(&short).unwrap_err().to_string();
    assert!(why.contains("kind has 3 values for 4 rows"), "{why}");
    assert_same(&block(0, 4), &read(writer.finish().unwrap()).unwrap());
    let mut twice = block(0, 4);
    twice.texts[0].0 = "import_mw".to_owned();
    assert!(TableWriter::new(Vec::new(), &twice).is_err());
}

#[test]
fn an_output_that_fails_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let done =
        TableWriter::new(Full, &block(0, 4)).and_then(|mut writer| writer.write(&block(0, 4)).and(writer.finish()));
    assert!(done.err().unwrap().to_string().contains("no space"));
}

#[test]
fn bytes_cut_short_or_damaged_are_an_error_or_a_table() {
    let whole = parquet(&[block(0, 700), block(700, 300)]);
    for length in (0..whole.len()).step_by(7).chain(whole.len() - 64..whole.len()) {
        assert!(read(whole[..length].to_vec()).is_err(), "the first {length} of {} bytes", whole.len());
    }
    for garbage in
        [&b""[..], b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1\x00\x00\x00\x00PAR1", &[0x55; 4096]]
    {
        assert!(read(garbage.to_vec()).is_err());
    }
    // Without checksums a damaged value is just another value; what must not happen is a panic.
    let damaged = |place: usize, flip: u8| {
        let mut bytes = whole.clone();
        bytes[place] ^= flip;
        read(bytes)
    };
    let noticed = (0..whole.len()).step_by(3).filter(|place| damaged(*place, 0x81).is_err()).count();
    let footer = (whole.len() - 1_500..whole.len()).filter(|place| damaged(*place, 0xff).is_err()).count();
    assert!(noticed > 0 && footer > 0, "{noticed} and {footer} of {} bytes", whole.len());
}

/// A journal that keeps nothing.
struct Forgetful;

impl Journal for Forgetful {
    fn append(&mut self, _: &Row<'_>) {}
}

/// The first minutes of a built-in scenario, simulated.
fn simulated(seconds: i64) -> (Scenario, Outcome) {
    let text = scenario::builtin("colossus-2").unwrap();
    let read = scenario::read("colossus-2", text, &mut |path| Err(std::io::Error::other(path.to_owned())));
    let mut scenario = read.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    scenario.duration = Span::secs(seconds);
    let mut outlet = Outlet { sink: &mut |_| {}, progress: &mut |_| true };
    let outcome = operate(&scenario, 7, &mut Forgetful, &mut outlet).unwrap();
    (scenario, outcome)
}

fn stamp(scenario: &str, seed: u64) -> RunStamp {
    let start = Utc::parse("2026-07-15T00:00:00-05:00").unwrap();
    RunStamp { scenario: scenario.to_owned(), seed, version: "0.1.0".to_owned(), start }
}

fn outcome() -> Outcome {
    let expectation = |rule| Expectation { metric: "operation.soc_min_percent".to_owned(), rule, value: 20.5 };
    Outcome {
        metrics: BTreeMap::from([
            ("operation.import_over_limit_mwh".to_owned(), 0.0),
            ("operation.load_mean_mw".to_owned(), f64::NAN),
        ]),
        expectations: vec![
            (expectation(Rule::AtMost), 20.25, true),
            (expectation(Rule::AtLeast), f64::NAN, false),
            (expectation(Rule::Equal), f64::INFINITY, false),
        ],
        curve_at_s: vec![0.0, 60.0],
        curves: Vec::new(),
        happenings: vec![Happening { at_s: 1.0, kind: "event".to_owned(), text: "it began".to_owned() }],
        ledger: Vec::new(),
        findings: vec![Finding { topic: "power".to_owned(), text: "1 MW is not 2 MW".to_owned(), closes: false }],
    }
}

#[test]
fn the_summary_has_exactly_the_fields_of_its_contract() {
    let sources = BTreeMap::from([(SourceKind::Guess, 3), (SourceKind::Claim, 2)]);
    let text = summary_json(&stamp("colossus \"2\"", u64::MAX), &outcome(), &sources);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let line = |rule, reached: serde_json::Value, pass| serde_json::json!({"metric": "operation.soc_min_percent", "rule": rule, "value": 20.5, "reached": reached, "pass": pass});
    let meant = serde_json::json!({
        "schema": 1,
        "scenario": "colossus \"2\"",
        "seed": u64::MAX,
        "version": "0.1.0",
        "start": "2026-07-15T05:00:00Z",
        "metrics": {"operation.import_over_limit_mwh": 0.0, "operation.load_mean_mw": null},
        "expectations": [line("<=", 20.25.into(), true), line(">=", ().into(), false), line("==", ().into(), false)],
        "sources": {"claim": 2, "datasheet": 0, "measured": 0, "guess": 3},
        "findings": [{"topic": "power", "text": "1 MW is not 2 MW", "closes": false}],
    });
    assert_eq!(found, meant);
}

/// The data element of a page.
fn data(html: &str) -> serde_json::Value {
    let start = html.find("<script id=\"data\" type=\"application/json\">").unwrap();
    let rest = &html[start..];
    let rest = &rest[rest.find('>').unwrap() + 1..];
    serde_json::from_str(&rest[..rest.find("</script>").unwrap()]).unwrap()
}

#[test]
fn a_page_is_whole_and_its_texts_cannot_break_out() {
    let (mut scenario, mut outcome) = simulated(300);
    let before = report_html(&stamp("colossus-2", 7), &scenario, &outcome).matches('<').count();
    let nasty = "</script><!-- <b>\u{2028}&";
    scenario.title = nasty.to_owned();
    scenario.provenance.push(("key".to_owned(), nasty.to_owned(), "guess: <i>".to_owned()));
    outcome.happenings.push(Happening { at_s: 5.0, kind: nasty.to_owned(), text: nasty.to_owned() });
    outcome.curves[0].mean[0] = Some(f32::NAN);
    outcome.curves[0].mean[1] = Some(1234.5678);
    let html = report_html(&stamp("colossus-2", u64::MAX), &scenario, &outcome);
    assert_eq!(html.matches('<').count(), before, "no text adds markup");
    for outside in ["http://", "src=", "<link", "@import"] {
        assert!(!html.contains(outside), "{outside} in the page");
    }
    let data = data(&html);
    assert_eq!((data["title"].as_str(), data["seed"].as_str()), (Some(nasty), Some("18446744073709551615")));
    let labels = |curves: Vec<&str>| curves.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let found = data["curves"].as_array().unwrap().iter().map(|curve| curve["label"].as_str().unwrap()).collect();
    assert_eq!(labels(found), labels(outcome.curves.iter().map(|curve: &Curve| curve.label.as_str()).collect()));
    assert!(outcome.curves.iter().all(|curve| html.contains(&curve.label)));
    assert!(data["curves"][0]["mean"][0].is_null());
    assert_eq!(data["curves"][0]["mean"][1].as_f64(), Some(1234.6));
    assert_eq!(data["happenings"].as_array().unwrap().len(), outcome.happenings.len());
    assert_eq!(data["ledger"].as_array().unwrap().len(), outcome.ledger.len());
    assert!(html.len() < 3_000_000);
}
