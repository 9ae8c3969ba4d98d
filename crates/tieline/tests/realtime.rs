//! `tieline grid realtime`, `convert` and `grid pf --n-2` from the outside, on the case that ships.

use std::path::PathBuf;
use std::process::{Command, Output};

fn tieline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline")).args(arguments).output().expect("the command starts")
}

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/five-bus.m");

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tieline-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn a_day_has_orders_with_reasons_and_repeats_by_seed() {
    let out = folder("realtime");
    let shown = out.display().to_string();
    let one = tieline(&["grid", "realtime", CASE, "--seed", "7", "--json", "--out", &shown]);
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, tieline(&["grid", "realtime", CASE, "--seed", "7", "--json"]).stdout);
    assert_ne!(one.stdout, tieline(&["grid", "realtime", CASE, "--seed", "8", "--json"]).stdout);
    let summary: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert_eq!(summary["intervals"].as_array().map(Vec::len), Some(288));
    let told: u64 =
        summary["orders"].as_object().expect("reasons").values().filter_map(serde_json::Value::as_u64).sum();
    let table = std::fs::read_to_string(out.join("orders.csv")).expect("orders");
    assert_eq!(table.lines().count() as u64, told + 1, "every order is in the table");
    assert!(told > 20, "the load of a day moves units");
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn what_is_asked_wrongly_is_said() {
    for (words, code, telling) in [
        (&["grid", "realtime", CASE, "--outage", "99"][..], 2, "there is no branch \"99\""),
        (&["grid", "realtime", CASE, "--ahead", "0"], 2, "--ahead 1 to 24"),
        (&["grid", "opf", CASE, "--hour", "3"], 1, "--hour goes with a folder"),
        (&["convert", CASE, "there.csv"], 2, "ends in .m (a network) or .json"),
        (&["convert", CASE, "there.json"], 1, "is not JSON"),
        (&["convert", CASE, "there.m", "--as", "egret"], 2, "--as is for unit-commitment cases"),
        (&["grid", "realtime", env!("CARGO_MANIFEST_DIR")], 1, "without SourceData"),
    ] {
        let said = tieline(words);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(code) && text.contains(telling), "{words:?}: {:?} {text}", said.status);
    }
}

/// A unit-commitment case in Egret's format costs what it costs in PGLib-UC's, and comes back as it went.
#[test]
fn a_day_converted_costs_the_same() {
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/six-units.json");
    let out = folder("convert-day");
    let to = |name: &str| out.join(name).display().to_string();
    let (egret, back) = (to("egret.json"), to("back.json"));
    assert!(tieline(&["convert", case, &egret]).status.success());
    let said = tieline(&["convert", &egret, &back, "--as", "pglib"]);
    assert!(said.status.success());
    assert!(String::from_utf8_lossy(&said.stdout).contains("PGLib-UC, 6 units, 24 steps"));
    let cost = |case: &str| {
        let said = tieline(&["grid", "uc", case, "--gap", "0", "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        value["metrics"]["uc.cost_usd"].as_f64().expect("a cost")
    };
    let first = cost(case);
    for other in [&egret, &back] {
        assert!((cost(other) - first).abs() < 1e-8 * first, "{other} costs {} $, not {first}", cost(other));
    }
}

#[test]
fn what_is_converted_costs_the_same_and_is_not_written_over() {
    let out = folder("convert");
    let to = out.join("again.m").display().to_string();
    assert!(tieline(&["convert", CASE, &to]).status.success());
    assert_eq!(tieline(&["convert", CASE, &to]).status.code(), Some(2), "it is there already");
    let cost = |case: &str| {
        let said = tieline(&["grid", "opf", case, "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        value["cost_usd_per_h"].as_f64().expect("a cost")
    };
    assert!((cost(CASE) - cost(&to)).abs() < 1e-9 * cost(CASE));
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn losses_of_generators_and_pairs_are_told() {
    let said = tieline(&["grid", "pf", CASE, "--n-1", "--n-2", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert!(value["generator_losses"]["tried"].as_u64().is_some_and(|tried| tried >= 3), "{value}");
    assert!(value["n_2"]["tried"].as_u64().is_some_and(|tried| tried >= 10), "{value}");
}
