//! One test per defect that was found in the command, so that none comes back.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::Desk;

/// `println!` panics when the reader leaves; the benchmarks used it.
#[test]
fn a_reader_that_leaves_does_not_make_a_mode_panic() {
    let desk = Desk::new("regression-pipe");
    for words in ["bench check", "scenarios", "schema", "check colossus-2", "validate"] {
        let said = desk.shell(&format!("\"$TIELINE\" {words} | true; echo \"${{PIPESTATUS[0]}}\""));
        assert!(!said.err.contains("panicked"), "{words}: {said:?}");
        let code: i32 = said.out.trim().parse().unwrap();
        assert!(code == 0 || words == "validate" && code == 1, "{words}: {said:?}");
    }
}

/// `--out results/` and `--out .` have a last part that is easily lost when ".partial" is appended.
#[test]
fn odd_names_of_the_result_folder_work_or_are_refused() {
    let desk = Desk::new("regression-out");
    let path = desk.short_with("short.toml", &[]);
    for (out, lies_in) in [("trailing/", "trailing"), ("./deep/er/name", "deep/er/name"), ("with blank", "with blank")]
    {
        let said = desk.tieline(&["run", &path, "--out", out]);
        assert_eq!(said.code, 0, "{out}: {said:?}");
        assert!(desk.path(lies_in).join("summary.json").exists(), "{out}");
    }
    let before = desk.files();
    for out in [".", "..", "/", ""] {
        let said = desk.tieline(&["run", &path, "--out", out]);
        assert!(said.code == 1 || said.code == 2, "{out}: {said:?}");
        assert!(!said.err.contains("panicked") && !said.err.is_empty(), "{out}: {said:?}");
    }
    assert_eq!(desk.files(), before);
}

/// The full disk was told three times over, once per link of the error's chain.
#[test]
fn a_failure_to_write_is_told_once() {
    let desk = Desk::new("regression-once");
    let said = desk.shell("trap '' XFSZ; ulimit -f 2; \"$TIELINE\" run colossus-2 --out results");
    assert_eq!((said.code, said.err.matches("File too large").count()), (1, 1), "{said:?}");
}

/// A second run to the same folder replaces the first one's results, and what stood there of another kind stays.
#[test]
fn results_are_replaced_and_strangers_are_not() {
    let desk = Desk::new("regression-replace");
    let path = desk.short_with("short.toml", &[]);
    for seed in ["1", "2"] {
        let said = desk.tieline(&["run", &path, "--out", "results", "--seed", seed]);
        assert_eq!(said.code, 0, "{said:?}");
        let summary: serde_json::Value = serde_json::from_slice(&desk.read("results/summary.json")).unwrap();
        assert_eq!(summary["seed"].to_string(), seed);
    }
    std::fs::create_dir(desk.path("thesis")).unwrap();
    std::fs::write(desk.path("thesis/chapter"), "mine").unwrap();
    desk.tieline(&["run", &path, "--out", "thesis"]).ends(1, "thesis");
    assert_eq!(desk.files_in("thesis"), ["chapter"]);
    assert_eq!(desk.files(), ["results", "short.toml", "thesis"]);
}

/// An empty TIELINE_DATA is as good as none; it was taken for a folder without a name.
#[test]
fn an_empty_variable_is_no_folder() {
    let desk = Desk::new("regression-data");
    let said = desk.shell("TIELINE_DATA= \"$TIELINE\" validate");
    assert!(said.out.contains("measured data: none") && said.err.is_empty(), "{said:?}");
    std::fs::create_dir(desk.path("measured")).unwrap();
    assert!(desk.shell("TIELINE_DATA=measured \"$TIELINE\" validate").out.contains("measured data: measured"));
    desk.shell("TIELINE_DATA=nowhere \"$TIELINE\" validate").ends(1, "nowhere: is not a folder");
    assert!(desk.shell("TIELINE_DATA=nowhere \"$TIELINE\" validate --data .").out.contains("measured data: ."));
}
