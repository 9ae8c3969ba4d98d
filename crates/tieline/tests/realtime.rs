//! `tieline grid realtime`, `convert` and `grid pf --n-2` from the outside, on the case that ships.

use std::path::PathBuf;
use std::process::{Command, Output};

fn tieline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline")).args(arguments).output().expect("the command starts")
}

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/five-bus.m");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/six-units.json");

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
        (&["grid", "realtime", CASE, "--reserve", "inf"], 2, "found --reserve inf, expected 0 to 1000000"),
        (&["grid", "realtime", CASE, "--reserve=-5"], 2, "found --reserve -5, expected 0 to"),
        (&["grid", "realtime", CASE, "--load-error", "1e305"], 2, "found --load-error 1"),
        (&["grid", "realtime", CASE, "--load-error", "1"], 2, "found --load-error 1, expected 0 to 0.2 (a share"),
        (&["grid", "realtime", CASE, "--weather-error", "NaN"], 2, "found --weather-error NaN, expected 0 to 1"),
        (&["grid", "realtime", CASE, "--ramp", "1e308"], 2, "expected 0 to 100"),
        (&["grid", "opf", CASE, "--hour", "3"], 1, "--hour goes with a folder"),
        (&["grid", "realtime", CASE, "--day", "2020-07-15"], 2, "--day goes with a folder"),
        (&["grid", "realtime", CASE, "--reserve", "-5"], 2, "found --reserve -5"),
        (&["grid", "uc", UNITS, "--roll", "24+24"], 2, "keep fewer than all 24 steps"),
        (&["grid", "uc", UNITS, "--gap", "-1"], 2, "--gap expects a share from 0 to 1, found -1"),
        (&["convert", CASE, "there.csv"], 1, "no file of EIA-930"),
        (&["convert", CASE, "there.json"], 1, "is not JSON"),
        (&["grid", "realtime", CASE, "--commitment", "uc"], 2, "--commitment uc goes with a folder"),
        (&["convert", CASE, "there.m", "--as", "egret"], 2, "a unit-commitment case is written as .json"),
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

/// Cells of a line of CSV, quoted or not.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().expect("a cell").push(other),
        }
    }
    cells
}

#[test]
fn every_row_of_the_orders_has_the_cells_of_its_heading() {
    let out = folder("orders");
    // Ramps so short that units are held by them: words with a comma.
    let said = tieline(&["grid", "realtime", CASE, "--ramp", "0.0005", "--out", &out.display().to_string()]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let table = std::fs::read_to_string(out.join("orders.csv")).expect("orders");
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{:?}", rows.iter().find(|row| row.len() != 7));
    assert!(rows.iter().any(|row| row[6].ends_with(", held by its ramp")));
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn a_commitment_names_every_hour_once() {
    let out = folder("commitment");
    let table = out.join("on.csv");
    let rows = |hours: &mut dyn Iterator<Item = u32>| -> String { hours.map(|hour| format!("{hour},1\n")).collect() };
    for (text, telling) in [
        (format!("hour,2\n{}", rows(&mut (1..=12))), "found 12 hours, expected 24: there is no hour 13, 14,"),
        (format!("hour,2\n{}", rows(&mut (1..=24).chain(3..=3))), "line 26: hour 3 stands in line 4 already"),
        (format!("hour,2,generator 2\n{}", rows(&mut (1..=24))), "names a unit a second time"),
    ] {
        std::fs::write(&table, text).expect("a table");
        let said = tieline(&["grid", "realtime", CASE, "--commitment", &table.display().to_string()]);
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(1) && told.contains(telling), "{:?} {told}", said.status);
    }
    std::fs::write(&table, format!("hour,2\n{}", rows(&mut (1..=24)))).expect("a table");
    assert!(tieline(&["grid", "realtime", CASE, "--commitment", &table.display().to_string()]).status.success());
    let _ = std::fs::remove_dir_all(&out);
}

/// The case that ships with a change to its text.
fn changed(out: &std::path::Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(CASE).expect("the case");
    assert!(text.contains(from), "{from}");
    let path = out.join("changed.m");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("a case");
    path.display().to_string()
}

fn summary(case: &str) -> serde_json::Value {
    let said = tieline(&["grid", "realtime", case, "--seed", "7", "--json"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("JSON")
}

#[test]
fn a_load_on_an_isolated_bus_changes_nothing() {
    let out = folder("isolated");
    let row = "  5 2  900 180";
    let case = changed(&out, row, &format!("  9 4 500 0 0 0 1 1.00 0 345 1 1.05 0.95;\n{row}"));
    let (usual, isolated) = (summary(CASE), summary(&case));
    for key in ["cost_usd", "load_mwh", "regulation_rms_mw", "regulation_most_mw", "orders", "intervals"] {
        assert_eq!(usual[key], isolated[key], "{key}");
    }
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn an_island_without_units_goes_unserved_and_its_price_counts() {
    let out = folder("island");
    let row = "  5 2  900 180";
    let case = changed(&out, row, &format!("  9 1 500 0 0 0 1 1.00 0 345 1 1.05 0.95;\n{row}"));
    let value = summary(&case);
    let first = &value["intervals"][0];
    let prices = first["island_energy_usd_per_mwh"].as_array().expect("prices");
    assert_eq!(prices.len(), 2);
    assert!((prices[1].as_f64().expect("a price") - 3700.0).abs() < 0.1, "{prices:?}");
    let mean = first["energy_usd_per_mwh"].as_f64().expect("a mean");
    assert!(mean > prices[0].as_f64().expect("a price") + 100.0 && mean < 3600.0, "{mean} of {prices:?}");
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn a_case_without_units_goes_unserved() {
    let out = folder("empty");
    let text = std::fs::read_to_string(CASE).expect("the case");
    let without = |text: &str, table: &str| {
        let begin = text.find(table).expect("a table");
        let end = begin + text[begin..].find("];").expect("its end");
        format!("{}{table} = [\n{}", &text[..begin], &text[end..])
    };
    let path = out.join("empty.m");
    std::fs::write(&path, without(&without(&text, "mpc.gencost"), "mpc.gen")).expect("a case");
    let said = tieline(&["grid", "realtime", &path.display().to_string(), "--json"]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(0), "{told}");
    let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let of = |key: &str| value[key].as_f64().expect("a number");
    assert!((of("unserved_mwh") - of("load_mwh")).abs() < 0.02 * of("load_mwh"), "{value}");
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn days_of_the_published_system_are_solved() {
    let data = std::env::var_os("TIELINE_DATA").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        std::path::PathBuf::from,
    );
    let system = data.join("rts_gmlc");
    if !system.is_dir() {
        println!("skipped: needs rts_gmlc");
        return;
    }
    for day in ["2020-01-15", "2020-04-10", "2020-07-15"] {
        let said = tieline(&["grid", "realtime", &system.display().to_string(), "--day", day, "--json"]);
        assert!(said.status.success(), "{day}: {}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn what_load_pays_is_the_price_at_its_buses() {
    let out = folder("paid");
    let shown = out.display().to_string();
    let said = tieline(&["grid", "realtime", CASE, "--outage", "1", "--reserve", "300", "--json", "--out", &shown]);
    let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    // The tie from the reference is short all day: what load pays lies far above the energy price there.
    let number = |value: &serde_json::Value, key: &str| value[key].as_f64().expect(key);
    assert!(number(&value, "load_price_usd_per_mwh") > 35.0, "{}", value["load_price_usd_per_mwh"]);
    let table = std::fs::read_to_string(out.join("prices.csv")).expect("prices");
    let noon: Vec<f64> = table
        .lines()
        .filter(|line| line.starts_with("12:00,"))
        .map(|line| line.split(',').skip(2).map(|cell| cell.parse::<f64>().expect("a number")).sum())
        .collect();
    let interval = value["intervals"].as_array().expect("a list").iter().find(|one| one["time"] == "12:00");
    let paid = number(interval.expect("noon"), "load_price_usd_per_mwh");
    let ends = noon.iter().fold((f64::MAX, f64::MIN), |(low, high), price| (low.min(*price), high.max(*price)));
    assert!(noon.len() == 5 && ends.0 < paid && paid < ends.1, "{paid} of {noon:?}");
    let _ = std::fs::remove_dir_all(&out);
}
