//! `tieline grid dispatch` from the outside: a certified year, the same on one thread and on two, and honest refusals.

use std::process::{Command, Output};

fn tieline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline")).args(arguments).output().expect("the command starts")
}

#[test]
fn the_built_in_grid_is_certified_and_does_not_depend_on_threads() {
    let one = tieline(&["grid", "dispatch", "three-zones", "--json", "--threads", "1"]);
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    let two = tieline(&["grid", "dispatch", "three-zones", "--json", "--threads", "2"]);
    assert_eq!(one.stdout, two.stdout);
    let summary: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    let metric = |name: &str| summary["metrics"][name].as_f64().unwrap_or(f64::NAN);
    assert!(metric("dispatch.gap") <= 1e-8, "{summary}");
    assert!((metric("dispatch.cost_usd") - metric("dispatch.bound_usd")).abs() <= 1e-8 * metric("dispatch.cost_usd"));
    // What is generated, less what storages lose, is what the zones use.
    let list = |key: &str| summary[key].as_array().cloned().unwrap_or_default();
    let number = |value: &serde_json::Value, key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    let load: f64 = list("zones").iter().map(|zone| number(zone, "load_twh")).sum();
    let shed: f64 = list("zones").iter().map(|zone| number(zone, "shed_mwh") / 1e6).sum();
    let made: f64 = list("zones")
        .iter()
        .flat_map(|zone| zone["generation"].as_array().cloned().unwrap_or_default())
        .map(|class| number(&class, "generation_twh"))
        .sum();
    let lost: f64 =
        list("stores").iter().map(|store| (number(store, "charged_gwh") - number(store, "discharged_gwh")) / 1e3).sum();
    assert!((made + shed - lost - load).abs() < 1e-9 * load, "{made} + {shed} - {lost} for {load}");
}

#[test]
fn unknown_names_and_mistakes_have_their_exit_codes() {
    let unknown = tieline(&["grid", "dispatch", "three-zonez"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("three-zones"));
    let folder = std::env::temp_dir().join(format!("tieline-dispatch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("short.toml");
    let text = "schema = 1\nname = \"short\"\ntitle = \"x\"\nstart = \"2026-01-01T00:00:00Z\"\nhours = 3\n\
        source = \"guess: test\"\n[[zone]]\nname = \"north\"\nflat = \"100 MW\"\n[[unit]]\nname = \"u\"\nclass = \"gas\"\n\
        zone = \"north\"\ncapacity = \"60 MW\"\ncost = \"10 $/MWh\"\n";
    std::fs::write(&path, text).expect("a file");
    let short = tieline(&["grid", "dispatch", path.to_str().expect("text")]);
    let said = String::from_utf8_lossy(&short.stderr).into_owned();
    assert_eq!(short.status.code(), Some(1), "{said}");
    assert!(said.contains("north in hour 0: 40.0 MW missing") && said.contains("120.0 MWh"), "{said}");
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
