//! The arrows between the crates, as the design draws them: what a crate may see is a table, and this test holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crate and the crates of this workspace that it may see (not only those that it sees today).
const ARROWS: &[(&str, &[&str])] = &[
    ("tieline-units", &[]),
    ("tieline-control", &["tieline-units"]),
    ("tieline-campus", &["tieline-units"]),
    ("tieline-grid", &["tieline-units"]),
    ("tieline-sim", &["tieline-units", "tieline-control", "tieline-campus", "tieline-grid"]),
    ("tieline-files", &["tieline-units", "tieline-control", "tieline-campus", "tieline-grid", "tieline-sim"]),
    ("tieline-live", &["tieline-units", "tieline-control"]),
    ("tieline-emulate", &["tieline-units", "tieline-campus"]),
    ("tieline-cluster", &["tieline-units", "tieline-sim", "tieline-files"]),
    (
        "tieline",
        &[
            "tieline-units",
            "tieline-control",
            "tieline-campus",
            "tieline-grid",
            "tieline-sim",
            "tieline-files",
            "tieline-live",
            "tieline-emulate",
        ],
    ),
];

/// Crates that reach neither clock, thread luck, hash order nor the system's transcendental functions.
const PURE: &[&str] = &["units", "control", "campus", "grid", "sim"];

/// What each of their `clippy.toml` must forbid.
const FORBIDDEN: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::fs::File",
    "std::fs::read",
    "std::env::var",
    "std::thread::spawn",
    "f64::sin",
    "f64::exp",
    "f64::ln",
    "f64::powf",
    "f64::powi",
    "f64::mul_add",
];

/// Crates that only the edges may depend on: input and output, asynchrony, randomness from the system.
const EDGE_ONLY: &[&str] = &["tokio", "rand", "chrono", "anyhow", "clap", "indicatif", "reqwest", "mio"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let mut all = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let names = package["dependencies"].as_array().expect("dependencies");
        // Tests of a crate may look further than the crate itself; what ships may not.
        let shipped = names.iter().filter(|dependency| dependency["kind"] != "dev");
        let names = shipped.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect();
        all.insert(package["name"].as_str().expect("a name").to_owned(), names);
    }
    all
}

#[test]
fn every_crate_sees_only_what_the_table_allows() {
    let all = dependencies();
    let table: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(name, sees)| (*name, sees.iter().copied().collect())).collect();
    for (name, dependencies) in &all {
        let allowed = table
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the table: a new crate needs a decision record"));
        for dependency in dependencies.iter().filter(|dependency| all.contains_key(*dependency)) {
            assert!(allowed.contains(dependency.as_str()), "{name} must not see {dependency}");
        }
    }
}

#[test]
fn rooms_that_must_not_see_each_other_do_not() {
    let all = dependencies();
    for (name, hidden) in [
        ("tieline-control", ["tieline-campus", "tieline-grid", "tieline-sim"]),
        ("tieline-campus", ["tieline-grid", "tieline-control", "tieline-sim"]),
        ("tieline-grid", ["tieline-campus", "tieline-control", "tieline-sim"]),
    ] {
        for other in hidden {
            assert!(!reaches(&all, name, other), "{name} reaches {other}");
        }
    }
}

fn reaches(all: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    all.get(from).is_some_and(|seen| seen.iter().any(|next| next == to || reaches(all, next, to)))
}

#[test]
fn only_the_edges_use_what_belongs_to_the_edges() {
    let all = dependencies();
    for name in PURE {
        let dependencies = &all[&format!("tieline-{name}")];
        for edge in EDGE_ONLY {
            assert!(!dependencies.contains(*edge), "{name} must not use {edge}");
        }
    }
}

#[test]
fn pure_crates_forbid_impurity_by_lint() {
    for name in PURE {
        let path = root().join("crates").join(name).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for forbidden in FORBIDDEN {
            let line = format!("{{ path = \"{forbidden}\",");
            let forbids = text.lines().any(|found| found.trim_start().starts_with(&line));
            assert!(forbids, "{} does not forbid {forbidden}", path.display());
        }
    }
}
