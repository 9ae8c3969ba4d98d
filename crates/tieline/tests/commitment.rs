//! `tieline convert` and `tieline grid uc` on cases of unit commitment, as somebody types them.

mod desk;

use desk::Desk;
use std::path::{Path, PathBuf};

fn grids(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../grids").join(name).display().to_string()
}

fn data(name: &str) -> Option<String> {
    let named = std::env::var_os("TIELINE_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: needs {name} of the data folder");
        return None;
    }
    Some(path.display().to_string())
}

fn cost(desk: &Desk, case: &str) -> f64 {
    let said = desk.tieline(&["grid", "uc", case, "--gap", "0", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    json["metrics"]["uc.cost_usd"].as_f64().expect("a cost")
}

#[test]
fn a_case_goes_through_all_formats_of_ours_and_back() {
    let desk = Desk::new("uc-formats");
    for (case, json) in [("two-buses.json", "egret"), ("six-units.json", "pglib")] {
        let from = grids(case);
        for (from, to) in [(from.as_str(), "day.toml"), ("day.toml", "day"), ("day", "again.toml")] {
            let said = desk.tieline(&["convert", from, to, "--force"]);
            assert_eq!(said.code, 0, "{said:?}");
            assert!(!said.out.contains("lost"), "{}", said.out);
        }
        assert_eq!(desk.files_in("day"), ["case.toml", "series.parquet"]);
        let lines = |name: &str| {
            let text = String::from_utf8(desk.read(name)).expect("text");
            text.lines()
                .filter(|line| !line.starts_with("name") && !line.starts_with("source"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("day.toml"), lines("again.toml"), "through the folder nothing changes");
        let (ours, theirs) = (cost(&desk, "day"), cost(&desk, &from));
        assert!((ours - theirs).abs() < 1e-9 * theirs, "{case}: {ours} $, {theirs} $");
        let said = desk.tieline(&["convert", "day.toml", "back.json", "--as", json, "--force"]);
        assert_eq!(said.code, 0, "{said:?}");
    }
}

#[test]
fn what_cannot_be_is_a_usage_error_that_says_what_can() {
    let desk = Desk::new("uc-usage");
    let six = grids("six-units.json");
    desk.tieline(&["convert", &six, "day.xml"]).ends(2, "expected a name that ends in");
    desk.tieline(&["convert", &six, "day.json", "--as", "commitment"]).ends(2, "--as pglib or --as egret");
    desk.tieline(&["convert", &six, "day.toml", "--day", "2020-07-06"])
        .ends(2, "--day goes with a folder of RTS-GMLC tables");
    desk.tieline(&["grid", "uc", &six, "--steps", "24"]).ends(2, "--steps goes with a folder");
    desk.tieline(&["convert", &six, "day.toml"]).ends(0, "");
    desk.tieline(&["convert", &six, "day.toml"]).ends(2, "--force writes over it");
    // A broken file of ours: all mistakes, each with its line, and nothing is written.
    let text = String::from_utf8(desk.read("day.toml")).expect("text");
    let broken = text.replace("least = \"140 MW\"", "least = \"140 MWh\"").replace("step = \"1 h\"", "step = 1");
    std::fs::write(desk.path("broken.toml"), broken).expect("writes");
    let said = desk.tieline(&["convert", "broken.toml", "out.json"]);
    said.ends(1, "2 mistakes");
    assert!(said.err.contains("broken.toml:") && said.err.contains("140 MWh"), "{}", said.err);
    assert!(!desk.path("out.json").exists());
    desk.tieline(&["grid", "uc", "broken.toml"]).ends(1, "the bare number 1");
    desk.tieline(&["grid", "uc", &grids("three-zones.toml")]).ends(1, "found TOML without the key steps");
    std::fs::write(desk.path("latin.toml"), b"schema = 1\nname = \"caf\xe9\"\nsteps = 1\n").expect("writes");
    desk.tieline(&["grid", "uc", "latin.toml"]).ends(1, "latin.toml:2: found bytes that are not UTF-8");
}

#[test]
fn a_day_of_the_tables_becomes_a_case() {
    let Some(tables) = data("rts_gmlc/RTS_Data") else { return };
    let desk = Desk::new("uc-tables");
    let day = ["--day", "2020-07-06", "--steps", "6"];
    let with = |words: &[&str]| desk.tieline(&[words, &day].concat());
    with(&["convert", &tables, "day.toml"]).ends(2, "--as commitment");
    with(&["convert", &tables, "day.toml", "--as", "commitment"]).ends(0, "reserves that are not asked for");
    with(&["convert", &tables, "day.json"]).ends(0, "");
    with(&["convert", &tables, "net.toml", "--as", "commitment", "--network"]).ends(0, "a storage that only gives");
    let (ours, folder) = (cost(&desk, "day.toml"), with(&["grid", "uc", &tables, "--gap", "0"]));
    assert!(folder.out.contains(&format!("cost   {ours:>16.2} $")), "{}", folder.out);
    let text = String::from_utf8(desk.read("net.toml")).expect("text");
    assert_eq!(text.matches("[[branch]]").count(), 120);
    assert_eq!(
        (text.matches("[[dc_line]]").count(), text.matches("\ninflow").count()),
        (1, 1),
        "the DC line and the tank"
    );
    desk.tieline(&["grid", "uc", &tables, "--day", "2021-07-06"]).ends(2, "the series have 366 days");
    desk.tieline(&["grid", "uc", &tables, "--day", "2020-12-31"]).ends(2, "and 48 hours are wanted");
    desk.tieline(&["grid", "uc", &tables, "--day", "soon"]).ends(2, "expected a date such as");
}
