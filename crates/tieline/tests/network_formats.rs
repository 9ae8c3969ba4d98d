//! Networks in our own formats from the outside: `convert` there and back, the studies on each, what is refused.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/two-areas.toml");
const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/six-units.json");

fn tieline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline")).args(arguments).output().expect("the command starts")
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tieline-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// What was said, on both streams, and the exit code.
fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let said = tieline(arguments);
    let text = [said.stdout, said.stderr].concat();
    (said.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_network_goes_through_all_formats_and_every_study_says_the_same() {
    let out = folder("formats");
    let path = |name: &str| out.join(name).display().to_string();
    let (m, tables, toml) = (path("net.m"), path("tables"), path("net.toml"));
    for (from, to) in [(CASE, &m), (&m, &tables), (&tables, &toml)] {
        let (code, text) = told(&["convert", from, to]);
        assert!(code == Some(0) && text.contains("6 buses, 8 branches, 3 generators; read back: the same"), "{text}");
        assert_eq!(told(&["convert", from, to]).0, Some(2), "{to} is there already");
    }
    let named = |network: &str| tieline(&["grid", "pf", network, "--n-1", "--headroom", "22", "--json"]).stdout;
    let whole = named(CASE);
    assert!(!whole.is_empty());
    for network in [&m, &tables, &toml] {
        assert!(named(network) == whole, "{network}");
    }
    let _ = std::fs::remove_dir_all(&out);
}

#[test]
fn after_a_loss_the_rating_counts_that_the_page_names() {
    let losses = |rating: &str| {
        let said = tieline(&["grid", "pf", CASE, "--n-1", "--after-outage", rating, "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        let count = |key: &str| value["n_1"]["ratings"][key].as_u64().expect("a count");
        let ratings = [count("emergency"), count("short_term"), count("normal")];
        (value["n_1"]["overloads"].as_array().map_or(0, Vec::len), ratings)
    };
    // The link without other ratings is held to its normal one.
    assert_eq!(losses("emergency"), (0, [7, 0, 1]));
    assert_eq!(losses("short-term"), (4, [0, 7, 1]));
    assert_eq!(losses("normal"), (6, [0, 0, 8]));
}

#[test]
fn what_is_broken_or_unclear_is_told() {
    let out = folder("unclear");
    let path = |name: &str| out.join(name).display().to_string();
    std::fs::create_dir_all(out.join("RTS/SourceData")).expect("a folder");
    std::fs::write(out.join("wrong.toml"), std::fs::read_to_string(CASE).expect("text").replace("\"420 MW\"", "420"))
        .expect("writes");
    std::fs::create_dir_all(out.join("half")).expect("a folder");
    std::fs::write(out.join("half/bus.parquet"), "no table").expect("writes");
    let line = 1 + std::fs::read_to_string(CASE).expect("text").lines().position(|l| l.contains("420 MW")).expect("it");
    for (words, code, telling) in [
        (&["convert", &path("RTS"), &path("net.toml")][..], 2, "say what it is to become: --as network"),
        (&["convert", CASE, &path("net.toml.gz")], 2, "leave out .gz"),
        (&["convert", CASE, &path("net.toml"), "--hour", "3"], 1, "--hour goes with a folder"),
        (&["convert", UNITS, &path("net.m"), "--as", "egret"], 2, "a unit-commitment case is written as .json"),
        (&["grid", "dispatch", CASE], 2, "found a network of buses, expected a grid of zones"),
        (&["convert", &path("hours.csv"), &path("hours.toml")], 1, "hours.csv: No such file"),
        (&["grid", "pf", &path("wrong.toml")], 1, &format!("wrong.toml:{line}:44: bus[1].load: found the bare number")),
        (&["grid", "opf", &path("half")], 1, "half/bus.parquet: found no Parquet table"),
        (&["grid", "pf", &path("half/bus.parquet")], 1, "give the folder that it lies in"),
    ] {
        let (found, text) = told(words);
        assert!(found == Some(code) && text.contains(telling), "{words:?}: {found:?} {text}");
    }
    assert!(!Path::new(&path("net.toml")).exists(), "nothing was written");
    let _ = std::fs::remove_dir_all(&out);
}
