//! Unit-commitment cases: what is read, and what is said about files that are broken.

use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;
use tieline_files::commitment::{Format, Json, read, write};
use tieline_grid::commitment::{Options, Outcome, solve};

const PGLIB: &str = include_str!("../../../grids/six-units.json");
const EGRET: &str = include_str!("../../../grids/two-buses.json");

#[test]
fn a_pglib_case_comes_out_in_si() {
    let case = read("six-units.json", PGLIB.as_bytes()).expect("reads");
    assert_eq!(case.format, Format::Pglib);
    let problem = &case.problem;
    assert_eq!((problem.steps, problem.step_s, problem.units.len()), (24, 3600.0, 6));
    let coal = problem.units.iter().find(|unit| unit.name == "coal-1").expect("there");
    assert_eq!((coal.least_w, coal.most_w, coal.up_w), (140e6, 350e6, 90e6));
    assert_eq!((coal.least_up, coal.starts.len(), coal.starts[1].off), (8, 3, 16));
    assert_eq!((coal.first.on, coal.first.steps, coal.first.output_w), (true, 60, 200e6));
    let nuclear = problem.units.iter().find(|unit| unit.name == "nuclear").expect("there");
    assert_eq!(nuclear.ordered, vec![Some(true); 24]);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(PGLIB.as_bytes()).expect("compresses");
    assert_eq!(read("six-units.json.gz", &zipped.finish().expect("compresses")[..]).expect("reads"), case);
}

#[test]
fn an_egret_case_comes_out_in_si() {
    let case = read("two-buses.json", EGRET.as_bytes()).expect("reads");
    assert_eq!((case.format, case.remarks.len()), (Format::Egret, 0));
    let problem = &case.problem;
    assert_eq!((problem.steps, problem.units.len(), problem.renewables.len(), problem.stores.len()), (8, 2, 1, 1));
    assert_eq!(problem.load_w[0], 150e6);
    assert_eq!(problem.mismatch_usd_per_j, Some(5000.0 / 3.6e9));
    let steam = &problem.units[0];
    // 200 + 18 x + 0.02 x^2 at 40, 80 and 120 MW: two straight lines, Egret's default.
    assert_eq!(steam.curve, [(40e6, 952.0), (80e6, 1768.0), (120e6, 2648.0)]);
    let turbine = &problem.units[1];
    assert_eq!((turbine.curve[0], turbine.starts[0].usd, turbine.starts[0].fuel), ((20e6, 880.0), 160.0, 40.0));
    assert_eq!(turbine.burns.as_ref().expect("burns").supply, Some(0));
    let lines = problem.lines.as_ref().expect("has a line");
    assert_eq!(lines.network.branches.rating_va, [120e6]);
    assert_eq!(problem.stores[0].first_j, 30.0 * 3.6e9);
}

/// What a wrong file says, and where.
#[test]
fn every_mistake_is_told_with_its_line_and_key() {
    let line = |text: &str, part: &str| 1 + text.lines().position(|line| line.contains(part)).expect("there");
    for (good, from, to, at, reason) in [
        (PGLIB, "\"ramp_up_limit\": 90.0,", "", "\"coal-1\"", "thermal_generators.coal-1.ramp_up_limit: is missing"),
        (
            PGLIB,
            "\"time_periods\": 24",
            "\"time_periods\": 25",
            "\"demand\"",
            "demand: expected 25 values, one a step; found 24",
        ),
        (
            PGLIB,
            "\"power_output_maximum\": 350.0",
            "\"power_output_maximum\": -350.0",
            "-350.0",
            "expected at least 0, found -350",
        ),
        (
            PGLIB,
            "\"power_output_t0\": 200.0",
            "\"power_output_t0\": \"much\"",
            "\"much\"",
            "expected a number, found the text \"much\"",
        ),
        (EGRET, "\"p_load\": {", "\"p_load_mw\": {", "\"mill\"", "elements.load.mill.p_load: is missing"),
        (EGRET, "\"to_bus\": \"city\"", "\"to_bus\": \"sea\"", "\"sea\"", "\"sea\" is no bus"),
        (
            EGRET,
            "\"fuel_supply\": \"pipe\"",
            "\"fuel_supply\": \"hose\"",
            "\"hose\"",
            "\"hose\" is none of the fuel supplies",
        ),
    ] {
        let broken = good.replace(from, to);
        assert_ne!(broken, good, "{from}");
        let mistakes = read("broken.json", broken.as_bytes()).expect_err(reason);
        let text = mistakes.to_string();
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(text.contains(&format!("broken.json:{}: ", line(&broken, at))), "{reason}: {text}");
    }
    // Each key may be fine and the whole still impossible.
    let broken = PGLIB.replace("\"power_output_t0\": 200.0", "\"power_output_t0\": 20.0");
    let text = read("broken.json", broken.as_bytes()).expect_err("impossible").to_string();
    let words = "unit coal-1: it is on before the first step at 20 MW, outside its limits";
    let at = line(&broken, "\"coal-1\"");
    assert!(text.contains(&format!("broken.json:{at}: {words}")), "{text}");
    // A bus may give more than it draws; the whole may not.
    let mut egret: serde_json::Value = serde_json::from_str(EGRET).expect("reads");
    let loads = egret["elements"]["load"].as_object_mut().expect("there");
    let (_, load) = loads.iter_mut().next().expect("there");
    let values = load["p_load"]["values"].as_array_mut().expect("there");
    values[2] = serde_json::json!(-5000.0);
    let text = serde_json::to_string_pretty(&egret).expect("writes");
    let said = read("broken.json", text.as_bytes()).expect_err("a negative load").to_string();
    assert!(said.contains(&format!("broken.json:{}: load: -", line(&text, "\"load\""))), "{said}");
    let broken = PGLIB.replacen("\"demand\": [", "\"demand\": [-1.0, ", 1);
    let said = read("broken.json", broken.as_bytes()).expect_err("a negative load").to_string();
    assert!(said.contains("demand"), "{said}");
}

/// A key that stands twice would silently count once: which of the two is meant, only the user knows.
#[test]
fn a_key_that_stands_twice_is_told_with_both_lines() {
    for (good, key, again, path) in [
        (PGLIB, "\"ramp_up_limit\": 90.0,", "\"ramp_up_limit\": 9.0,", "thermal_generators.coal-1.ramp_up_limit"),
        (PGLIB, "\"time_periods\": 24,", "\"time_periods\": 24,", "time_periods"),
        (EGRET, "\"fuel_supply\": \"pipe\"", "\"fuel_supply\": \"pipe\",", "fuel_supply"),
    ] {
        let broken = good.replacen(key, &format!("{again}\n{key}"), 1);
        assert_ne!(broken, good, "{key}");
        let at = 1 + good[..good.find(key).expect("there")].matches('\n').count();
        let said = read("broken.json", broken.as_bytes()).expect_err("twice").to_string();
        assert!(said.starts_with(&format!("broken.json:{}: ", at + 1)), "{said}");
        assert!(said.contains(&format!("{path}: stands twice, in line {at} already; expected one of them")), "{said}");
    }
}

/// Each of these was read in silence, as another number, as a yes or as nothing.
#[test]
fn what_is_neither_yes_nor_no_nor_a_number_is_told() {
    let at = |good: &str, from: &str, to: &str| {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        read("odd.json", text.as_bytes())
    };
    for (good, from, to, wanted) in [
        (PGLIB, "\"power_output_maximum\": 350.0", "\"power_output_maximum\": true", "expected a number, found true"),
        (PGLIB, "\"unit_on_t0\": 1", "\"unit_on_t0\": 0.4", "expected true or false, 1 or 0; found 0.4"),
        (PGLIB, "\"time_up_minimum\": 8", "\"time_up_minimum\": 8.5", "expected a whole number of steps, found 8.5"),
        (PGLIB, "\"time_periods\": 24", "\"time_periods\": 24.7", "expected a whole number of steps, found 24.7"),
        (PGLIB, "\"must_run\": ", "\"must_run\": \"no\", \"was\": ", "must_run: expected true or false, 1 or 0"),
        (EGRET, "\"from_bus\":", "\"in_service\": \"false\", \"from_bus\":", "in_service: expected true or false"),
        (
            EGRET,
            "\"fuel\": \"G\"",
            "\"fuel\": \"G\", \"fixed_commitment\": \"on\"",
            "1 or 0, or null; found the text \"on\"",
        ),
    ] {
        let said = at(good, from, to).expect_err(wanted).to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // A key that is spelt otherwise is not used: a line lost its limit without a word.
    let case = at(EGRET, "\"rating_long_term\"", "\"rating_longterm\"").expect("reads");
    assert_eq!(case.remarks, ["rating_longterm of elements of kind branch (1) is not used"]);
    let marked = format!("\u{feff}{PGLIB}");
    assert_eq!(read("six-units.json", marked.as_bytes()), read("six-units.json", PGLIB.as_bytes()));
}

#[test]
fn files_that_end_early_or_are_none_are_refused() {
    for text in [PGLIB, EGRET] {
        for cut in (0..text.len()).step_by(101) {
            let text = read("cut.json", &text.as_bytes()[..cut]).expect_err("cut").to_string();
            assert!(text.starts_with("cut.json:"), "{text}");
        }
    }
    let text = read("no.json", &b"{\"demand\": []}"[..]).expect_err("no case").to_string();
    assert!(
        text.contains("expected \"thermal_generators\" (PGLib-UC) or \"elements\" and \"system\" (Egret)"),
        "{text}"
    );
    let text = read("no.json", &b"\x1f\x8b\x08 not gzip"[..]).expect_err("no gzip").to_string();
    assert!(text.contains("cannot be read"), "{text}");
}

/// The shipped cases have schedules that keep every rule, to a gap of nothing.
#[test]
fn the_shipped_cases_are_solved() {
    for text in [PGLIB, EGRET] {
        let problem = read("case.json", text.as_bytes()).expect("reads").problem;
        let Ok(Outcome::Solved(plan)) = solve(&problem, &Options { gap: 1e-6, ..Options::default() }) else {
            panic!("no schedule")
        };
        assert_eq!(plan.violations(&problem), Vec::<String>::new());
        assert!(plan.gap <= 1e-6 && plan.usd() > 0.0, "{} {}", plan.gap, plan.usd());
    }
}

/// To the other format and back: what both hold stays, what one lacks is named.
#[test]
fn cases_go_to_the_other_format_and_back() {
    let case = read("six-units.json", PGLIB.as_bytes()).expect("reads").problem;
    let (egret, lost) = write(&case, Json::Egret);
    assert_eq!(lost.len(), 2, "prices on load and reserve: {lost:?}");
    let mut back = read("egret.json", egret.to_string().as_bytes()).expect("reads").problem;
    // The best schedule costs the same in both: nobody buys at Egret's prices of 10^4 and 10^3 $/MWh.
    let best = |problem| match solve(problem, &Options { gap: 0.0, ..Options::default() }) {
        Ok(Outcome::Solved(plan)) => plan.usd(),
        other => panic!("no schedule: {other:?}"),
    };
    let (ours, theirs) = (best(&case), best(&back));
    assert!((ours - theirs).abs() < 1e-8 * ours, "{ours} $ in PGLib-UC, {theirs} $ in Egret");
    // Egret has prices where PGLib-UC forbids; everything else is the same to rounding.
    (back.mismatch_usd_per_j, back.reserve.short_usd_per_j) = (None, None);
    let (again, lost) = write(&back, Json::Pglib);
    assert_eq!(lost, Vec::<String>::new());
    let (first, _) = write(&case, Json::Pglib);
    assert_eq!(first["thermal_generators"], again["thermal_generators"]);
    let (_, lost) = write(&read("two-buses.json", EGRET.as_bytes()).expect("reads").problem, Json::Pglib);
    for word in ["lines", "fuel supplies", "storages", "load unserved"] {
        assert!(lost.iter().any(|what| what.contains(word)), "{word}: {lost:?}");
    }
}
