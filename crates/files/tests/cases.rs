//! The validation cases that tieline carries: they read, they compute, and each counts as it should.

mod data_sets;

use data_sets::{data, open};
use std::io;
use std::path::PathBuf;
use tieline_files::cases::{embedded, read, validate};
use tieline_sim::validate::{Case, Class, Rule, Verdict};

fn shipped() -> Vec<Case> {
    embedded().unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn every_file_of_the_folder_is_embedded_once() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../validation");
    let mut on_disk = Vec::new();
    for kind in std::fs::read_dir(root).expect("validation/").map(|entry| entry.expect("readable").path()) {
        if kind.is_dir() {
            on_disk
                .extend(std::fs::read_dir(kind).expect("readable").map(|entry| entry.expect("readable").file_name()));
        }
    }
    let mut ids: Vec<String> = shipped().into_iter().map(|case| case.id).collect();
    let mut on_disk: Vec<String> = on_disk.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
    ids.sort();
    on_disk.sort();
    assert_eq!(ids, on_disk);
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id stands in two folders");
}

/// Known to fail, with the reason in the case file: reported, not loosened.
fn known_to_fail(id: &str) -> bool {
    include_str!("../../../validation/known-failures").lines().any(|known| known == id)
}

#[test]
fn cases_pass_or_say_what_they_need() {
    let root = data();
    let report = validate(&shipped(), |file| open(&root, file));
    for case in &report.cases {
        println!("{:13} {:?} {:?} {:?} {:?}", case.id, case.class, case.verdict, case.quantity, case.needs);
        for part in &case.parts {
            println!(
                "    {:24} ours {:<12.6} reference {:<12} within {:.6} {}",
                part.name, part.ours, part.reference, part.tolerance, part.unit
            );
        }
        match case.verdict {
            Verdict::Pass => assert!(!known_to_fail(&case.id), "{} passes now: say so", case.id),
            Verdict::Fail => assert!(known_to_fail(&case.id), "{case:?}"),
            Verdict::Skipped => assert!(case.needs.is_some(), "{case:?}"),
        }
    }
    println!("{:?}", (report.passed, report.failed, report.skipped, report.classes));
    assert_eq!(report.passed + report.failed + report.skipped, report.cases.len());
}

#[test]
fn without_data_the_field_rows_are_skipped_and_name_their_file() {
    let report = validate(&shipped(), |_| Err(io::Error::from(io::ErrorKind::NotFound)));
    let case = report.cases.iter().find(|case| case.id == "V-CAMPUS-09").expect("there");
    assert_eq!((case.verdict, case.ours), (Verdict::Skipped, None));
    assert_eq!(case.needs.as_deref(), Some("emerald_demo_2025/data/dvfs_sweep.csv"));
}

#[test]
fn a_wrong_reference_fails_in_every_case_that_is_computed() {
    let root = data();
    // That all others pass, or are skipped, is what `cases_pass_or_say_what_they_need` asserts; some take a minute.
    for mut case in shipped().into_iter().filter(|case| !known_to_fail(&case.id)) {
        for expected in &mut case.expect {
            for text in &mut expected.reference {
                let (number, unit) = text.split_once(' ').unwrap_or((text.as_str(), ""));
                let number: f64 = number.replace('_', "").parse().expect("a number");
                let off = if expected.rule == Rule::AtMost { 0.2 } else { 1.6 };
                *text = format!("{} {unit}", off * number + f64::from(number == 0.0)).trim().to_owned();
            }
        }
        let spoilt = validate(std::slice::from_ref(&case), |file| open(&root, file));
        let computed = spoilt.cases[0].verdict != Verdict::Skipped;
        assert_eq!(spoilt.cases[0].verdict == Verdict::Fail, computed, "{}", case.id);
    }
}

const GOOD: &str = r#"
id = "X-1"
quantity = "control.margin"
kind = "analytic"
class = "identity"
source = "s"
derivation = "d"
why = "w"
[inputs]
ramp = "20 MW/s"
delay = "0.3 s"
[expect.margin]
reference = "6 MW"
tolerance = "exact"
"#;

fn verdict_of(text: &str) -> (Verdict, String) {
    let case = read("validation/analytic/X-1/case.toml", text).expect("reads");
    let report = validate(&[case], |_| Err(io::Error::from(io::ErrorKind::NotFound)));
    (report.cases[0].verdict, report.cases[0].note.clone().unwrap_or_default())
}

#[test]
fn a_case_says_what_is_wrong_with_it() {
    assert_eq!(verdict_of(GOOD).0, Verdict::Pass);
    let fails = |from: &str, to: &str, word: &str| {
        let (verdict, note) = verdict_of(&GOOD.replace(from, to));
        assert_eq!(verdict, Verdict::Fail, "{from} -> {to}");
        assert!(note.contains(word), "{note}");
    };
    fails("20 MW/s", "20", "unit");
    fails("20 MW/s", "20 MW", "unit");
    fails("20 MW/s", "NaN MW/s", "not finite");
    fails("ramp = ", "slope = ", "input \"ramp\"");
    fails("delay = \"0.3 s\"", "delay = \"0.3 s\"\nextra = \"1 s\"", "no input \"extra\"");
    fails("control.margin", "control.nothing", "no quantity");
    fails("expect.margin", "expect.other", "no output");
    fails("reference = \"6 MW\"", "reference = [\"6 MW\", \"7 MW\"]", "1 values");
    fails("\"exact\"", "\"0.1\"", "tolerance");
    let refused = |text: &str, path: &str, word: &str| {
        let why = read(path, text).expect_err("bad");
        assert!(why.contains(word), "{why}");
    };
    let here = "validation/analytic/X-1/case.toml";
    refused(GOOD, "validation/field/X-1/case.toml", "belongs in");
    refused(GOOD, "validation/analytic/X-2/case.toml", "belongs in");
    refused(&GOOD.replace("why = \"w\"", "why = \"\""), here, "\"why\" is empty");
    refused(&GOOD.replace("why = \"w\"", "wy = \"w\""), here, "unknown field");
    refused(&GOOD.replace("tolerance = \"exact\"", ""), here, "tolerance");
    refused(&GOOD.replace("identity", "true"), here, "line 5");
}

#[test]
fn arithmetic_is_not_called_predicted() {
    for case in shipped() {
        let simulated = [
            "control.event_deadline",
            "control.stale_input",
            "control.ramp_storage",
            "control.low_pass",
            "waveform.ramp_storage",
            "waveform.low_pass",
            "train.effective_time",
            "campus.cap_curve_leave_one_out",
            "control.failover",
            "control.communication_loss",
            "campus.field_trial_replay",
            "train.layout_errors",
            "train.simulated_optimum",
            "wave.flicker_of_sine",
            "wave.flicker_of_steps",
            // An optimum that is searched for, not computed from the reference.
            "grid.dc_opf",
            "grid.uc_cost",
            "grid.uc_weeks",
            "grid.zones_weeks",
            "grid.zones_weeks_committed",
            // Equations that are solved by iteration.
            "grid.power_flow",
        ];
        // Models that some cases calibrate and others test.
        let either = ["train.layout", "train.goodput", "campus.h100_levels"].contains(&case.quantity.as_str());
        let is_simulated = simulated.contains(&case.quantity.as_str()) || case.needs.is_some();
        assert!(either || (case.class == Class::Predicted) == is_simulated, "{}", case.id);
        assert!(!either || case.class != Class::Identity, "{}", case.id);
    }
}
