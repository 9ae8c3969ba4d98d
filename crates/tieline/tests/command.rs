//! The command as a user meets it: exit codes, messages, what lies on the disk afterwards.

#![allow(clippy::unwrap_used)]

mod desk;

use desk::{Desk, Said};

#[test]
fn usage_is_exit_2_and_says_what_there_is() {
    let desk = Desk::new("usage");
    for (words, telling) in [
        (&["fly"][..], "unrecognized subcommand"),
        (&["run"], "SCENARIO"),
        (&["check", "colosus-2"], "did you mean \"colossus-2\"?"),
        (&["check", "nothing-like-it"], "colossus-2-in-pjm"),
        (&["scenarios", "--save", "colosus-1"], "did you mean"),
        (&["run", "colossus-2", "--study", "tides"], "there is no study \"tides\"; there are operation, transient"),
        (
            &["run", "colossus-2", "--study", "adequacy"],
            "not built yet; this version has operation, transient, dispatch",
        ),
        (&["run", "colossus-1", "--study", "transient"], "has no study \"transient\""),
        (&["run", "colossus-2", "--study", "operation", "--size"], "--mitigate, --size and --spec belong to the study"),
        (&["run", "colossus-2", "--study", "operation,adequacy"], "\"adequacy\" is not built yet"),
        (&["run", "colossus-2", "--study", ""], "there is no study \"\""),
        (&["run", "colossus-2", "--seed=-1"], "invalid"),
        (&["bench", "nothing"], "control.decide_guard"),
        (&["explain", "journal.tlj"], "TICK"),
    ] {
        let said = desk.tieline(words);
        said.ends(2, telling);
        assert_eq!(said.out, "", "{words:?}");
    }
    assert!(desk.files().is_empty(), "nothing is left behind: {:?}", desk.files());
}

#[test]
fn every_built_in_scenario_checks_and_names_its_sources() {
    let desk = Desk::new("builtin");
    let list = desk.tieline(&["scenarios"]);
    assert_eq!(list.code, 0, "{list:?}");
    assert!(list.out.lines().count() >= 4, "{list:?}");
    for line in list.out.lines() {
        let name = line.split_whitespace().next().unwrap();
        let said = desk.tieline(&["check", name]);
        assert_eq!(said.code, 0, "{said:?}");
        for part in ["estimated", "metered", "closes", "guess"] {
            assert!(said.out.contains(part), "{name}: no \"{part}\" in {}", said.out);
        }
    }
}

#[test]
fn colossus_2_does_not_close_and_that_is_no_mistake() {
    let said = Desk::new("closes").tieline(&["check", "colossus-2"]);
    assert_eq!(said.code, 0);
    let topic = "DOES NOT CLOSE  claimed power against claimed GPUs";
    assert!(said.out.contains(topic) && said.out.contains("2.00 GW over 555,000 GPUs"), "{}", said.out);
    for standing in ["claimed\n", "contracted\n", "estimated\n", "metered\n"] {
        assert!(said.out.contains(standing), "{standing:?} stands apart: {}", said.out);
    }
    assert!(!said.out.contains('\x1b'), "no colours in a pipe");
    assert!(said.out.lines().all(|line| line.chars().count() <= 110), "{}", said.out);
}

#[test]
fn a_saved_scenario_reads_as_the_built_in_one_and_is_not_overwritten() {
    let desk = Desk::new("save");
    assert_eq!(desk.tieline(&["scenarios", "--save", "colossus-2"]).code, 0);
    let ours = desk.tieline(&["check", "./colossus-2.toml"]);
    assert_eq!(ours.out, desk.tieline(&["check", "colossus-2"]).out);
    std::fs::write(desk.path("colossus-2.toml"), "mine").unwrap();
    desk.tieline(&["scenarios", "--save", "colossus-2"]).ends(1, "already there");
    assert_eq!(std::fs::read_to_string(desk.path("colossus-2.toml")).unwrap(), "mine");
}

#[test]
fn the_schema_is_json_and_says_that_it_is_a_schema() {
    let said = Desk::new("schema").tieline(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(schema["$schema"].is_string() && schema["properties"].is_object(), "{}", said.out);
}

/// Checks a variant of the short scenario and wants exit 1 with a message that holds all of `telling`.
fn wrong(desk: &Desk, from: &str, to: &str, telling: &[&str]) {
    let path = desk.short_with("wrong.toml", &[(from, to)]);
    let said = desk.tieline(&["check", &path]);
    for part in telling {
        said.ends(1, part);
    }
    said.ends(1, &path);
    assert_eq!(said.out, "", "{from} -> {to}");
}

#[test]
fn mistakes_in_a_scenario_are_said_with_line_and_key() {
    let desk = Desk::new("mistakes");
    wrong(&desk, "duration = \"4 min\"", "duratoin = \"4 min\"", &["duratoin", "duration"]);
    wrong(&desk, "duration = \"4 min\"", "duration = \"4 MW\"", &["clock.duration", "MW"]);
    wrong(&desk, "duration = \"4 min\"", "duration = 4", &["clock.duration", "4"]);
    wrong(&desk, "duration = \"4 min\"", "duration = \"-4 min\"", &["clock.duration", "-4 min"]);
    wrong(&desk, "duration = \"4 min\"", "duration = \"NaN min\"", &["clock.duration", "NaN"]);
    wrong(&desk, "start = \"2026-07-15T15:00:00-05:00\"", "start = \"2026-07-15T15:00:00\"", &["clock.start", "zone"]);
    wrong(&desk, "start = \"2026-07-15T15:00:00-05:00\"", "start = \"2026-07-15T15:00:00+99:00\"", &["clock.start"]);
    wrong(
        &desk,
        "heat_wave = { value = \"5 C\", source = \"guess: a hot day\" }",
        "heat_wave = \"5 C\"",
        &["heat_wave", "source"],
    );
    wrong(&desk, "rated = { value = \"12 MW\"", "rated = { value = \"-12 MW\"", &["rated", "-12 MW"]);
    wrong(&desk, "end = \"2026-07-15T15:03:30-05:00\"", "end = \"2026-07-15T15:01:00-05:00\"", &["event", "end"]);
    wrong(
        &desk,
        "received = \"2026-07-15T15:00:30-05:00\"",
        "received = \"2026-07-15T14:59:00-05:00\"",
        &["event", "received"],
    );
    wrong(&desk, "load = \"tva-like\"", "load = \"absent.csv\"", &["grid.load", "absent.csv"]);
    wrong(&desk, "[clock]", "[clock", &["TOML"]);
    wrong(&desk, "studies = [\"operation\"]", "studies = [\"tides\"]", &["studies", "tides"]);
}

#[test]
fn all_mistakes_come_at_once() {
    let desk = Desk::new("all");
    let changes = [
        ("duration = \"4 min\"", "duration = 4"),
        ("seed = 1", "seed = \"one\""),
        ("authority = \"TVA\"", "autority = \"TVA\""),
    ];
    let path = desk.short_with("wrong.toml", &changes);
    let said = desk.tieline(&["run", &path]);
    for key in ["clock.duration", "clock.seed", "autority"] {
        said.ends(1, key);
    }
    assert!(!desk.path("out").exists(), "nothing ran");
}

#[test]
fn what_is_no_scenario_file_is_refused_before_it_is_read() {
    let desk = Desk::new("files");
    desk.tieline(&["check", "./absent.toml"]).ends(1, "No such file");
    desk.tieline(&["check", "absent.toml"]).ends(1, "No such file");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk.tieline(&["check", "./folder"]).ends(1, "is a folder");
    desk.tieline(&["check", "folder"]).ends(1, "is a folder");
    desk.tieline(&["run", "/dev/zero"]).ends(1, "not an ordinary file");
    desk.tieline(&["check", "./folder/in/nothing.toml"]).ends(1, "No such file");
    let file = std::fs::File::create(desk.path("huge.toml")).unwrap();
    file.set_len(2 << 30).unwrap();
    desk.tieline(&["check", "huge.toml"]).ends(1, "2147483648 bytes");
    std::fs::write(desk.path("noise.toml"), noise(100_000)).unwrap();
    desk.tieline(&["check", "noise.toml"]).ends(1, "is not UTF-8");
    std::fs::write(desk.path("late.toml"), b"# fine\nname = \"\xff\"\n").unwrap();
    desk.tieline(&["check", "late.toml"]).ends(1, "byte 15 is not UTF-8");
    std::fs::write(desk.path("empty.toml"), "").unwrap();
    desk.tieline(&["check", "empty.toml"]).ends(1, "empty.toml:1:1");
    std::fs::write(desk.path("brackets.toml"), "[".repeat(1 << 20)).unwrap();
    desk.tieline(&["check", "brackets.toml"]).ends(1, "brackets.toml:1");
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn validate_runs_the_cases_asked_for_alone() {
    let desk = Desk::new("validate-some");
    let said = desk.tieline(&["validate", "V-CAMPUS-06", "V-CAMPUS-07", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let ids: Vec<&str> = report["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!((said.code, ids), (0, vec!["V-CAMPUS-06", "V-CAMPUS-07"]));
    let said = desk.tieline(&["validate", "V-CAMPFIRE"]);
    assert!(said.code != 0 && said.err.contains("no validation case begins so; ids begin with"), "{}", said.err);
}

#[test]
fn validate_lists_every_case_and_fails_when_one_fails() {
    let desk = Desk::new("validate");
    std::fs::create_dir(desk.path("empty")).unwrap();
    let said = desk.tieline(&["validate", "--data", "empty", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let cases = report["cases"].as_array().unwrap();
    let count = |verdict: &str| cases.iter().filter(|case| case["verdict"] == verdict).count() as u64;
    assert_eq!(report["schema"], 1);
    for (name, verdict) in [("passed", "pass"), ("failed", "fail"), ("skipped", "skipped")] {
        assert_eq!(report[name].as_u64().unwrap(), count(verdict), "{name}");
    }
    assert!(count("skipped") > 0, "rows that need files are skipped where there are none");
    for case in cases {
        for key in
            ["id", "quantity", "ours", "reference", "tolerance", "unit", "kind", "class", "verdict", "needs", "note"]
        {
            assert!(case.get(key).is_some(), "{key} of {case}");
        }
        assert!(case["verdict"] != "skipped" || case["needs"].is_string(), "{case}");
    }
    assert_eq!(said.code, i32::from(count("fail") > 0), "exit 1 when a case fails");
    let table = desk.tieline(&["validate", "--data", "empty"]);
    assert_eq!(table.code, said.code);
    for case in cases {
        assert!(table.out.contains(case["id"].as_str().unwrap()), "{case} is in the table");
    }
    assert!(table.out.contains("skipped: needs "), "{}", table.out);
    desk.tieline(&["validate", "--data", "nowhere"]).ends(1, "nowhere");
}

#[test]
fn a_bench_has_its_contract() {
    let said = Desk::new("bench").tieline(&["bench", "check", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["schema"]), (0, &serde_json::json!(1)));
    assert!(report["machine"]["cores"].as_u64().unwrap() >= 1);
    let bench = &report["benches"][0];
    assert_eq!((&bench["name"], &bench["unit"], &bench["better"]), (&"check".into(), &"ms".into(), &"lower".into()));
    assert!(
        bench["value"].as_f64().unwrap() > 0.0 && bench["target"] == 50.0 && bench.get("limit").is_some(),
        "{bench}"
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let desk = Desk::new("pipe");
    let said = desk.shell("\"$TIELINE\" validate --json --data . | head -c 1; echo \" ${PIPESTATUS[0]}\"");
    assert!(!said.err.contains("panicked") && !said.err.contains("tieline:"), "{said:?}");
    let said = desk.shell(
        "for i in 1 2 3 4 5; do \"$TIELINE\" check colossus-2; done 2>err | true; echo \"${PIPESTATUS[0]}\"; cat err",
    );
    assert_eq!(said.out.trim(), "0", "{said:?}");
}

#[test]
fn a_full_output_is_an_error() {
    Desk::new("full-output").shell("\"$TIELINE\" check colossus-2 >/dev/full").ends(1, "writing to standard output");
}

/// A run of a few minutes and the files it left.
fn ran(desk: &Desk, out: &str, extra: &[&str]) -> Said {
    let path = desk.short_with("short.toml", &[]);
    let mut words = vec!["run", &path, "--out", out];
    words.extend(extra);
    desk.tieline(&words)
}

#[test]
fn a_run_leaves_its_results_and_tells_its_story() {
    let desk = Desk::new("run");
    let said = ran(&desk, "results", &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert_eq!(
        desk.files_in("results"),
        ["events.parquet", "journal.tlj", "operation.parquet", "report.html", "summary.json", "units.parquet"]
    );
    assert_eq!(desk.files(), ["results", "short.toml"], "nothing else, no .partial");
    for part in ["seed 1", "load", "import", "turbines", "battery", "tokens", "GPU-hours", "guess", "results"] {
        assert!(said.out.contains(part), "no \"{part}\" in {}", said.out);
    }
    let lines = said.out.lines().count();
    assert!((15..=50).contains(&lines), "{lines} lines:\n{}", said.out);
    let summary: serde_json::Value = serde_json::from_slice(&desk.read("results/summary.json")).unwrap();
    assert_eq!((&summary["schema"], &summary["seed"]), (&1.into(), &1.into()));
    assert!(summary["metrics"]["operation.import_over_limit_mwh"].is_number(), "{summary}");
    assert!(summary["metrics"]["operation.decisions"].as_f64().unwrap() == 2_400.0, "{summary}");
}

#[test]
fn same_seed_same_bytes_and_another_seed_differs() {
    let desk = Desk::new("bytes");
    for (out, seed) in [("first", "5"), ("second", "5"), ("other", "6")] {
        assert_eq!(ran(&desk, out, &["--seed", seed]).code, 0);
    }
    for file in desk.files_in("first") {
        let [first, second, other] = ["first", "second", "other"].map(|out| desk.read(&format!("{out}/{file}")));
        assert!(first == second, "{file} differs between two runs of one seed");
        assert!(file == "events.parquet" || first != other, "{file} does not depend on the seed");
    }
}

#[test]
fn without_a_folder_the_results_go_to_out_by_name_and_seed() {
    let desk = Desk::new("default-out");
    let path = desk.short_with("short.toml", &[("name = \"short\"", "name = \"../sly\"")]);
    let said = desk.tieline(&["run", &path, "--seed", "9"]);
    // A name that is no name is either a mistake or made harmless; never does it lead out of out/.
    assert!(!desk.path("sly-9").exists() && !desk.path("../sly-9").exists(), "{said:?}");
    let path = desk.short_with("short.toml", &[]);
    assert_eq!(desk.tieline(&["run", &path, "--seed", "9"]).code, 0);
    assert!(desk.path("out/short-9/summary.json").exists());
}

#[test]
fn a_failed_expectation_is_exit_1_and_named_and_the_results_stand() {
    let desk = Desk::new("expect");
    let path = desk.short_with("short.toml", &[("\">= 0.06\"", "\">= 2\"")]);
    let said = desk.tieline(&["run", &path, "--out", "results"]);
    said.ends(1, "operation.simulated_h is 0.066");
    assert!(said.out.contains("FAIL") && desk.path("results/summary.json").exists(), "{said:?}");
}

#[test]
fn a_disk_that_is_full_leaves_no_result() {
    let desk = Desk::new("full-disk");
    let path = desk.short_with("short.toml", &[]);
    // A limit on the size of any file stands for a full disk.
    let said = desk.shell(&format!("trap '' XFSZ; ulimit -f 100; \"$TIELINE\" run {path} --out results"));
    said.ends(1, "results.partial: no result: writing results.partial/");
    assert_eq!((said.out.as_str(), said.err.matches("File too large").count()), ("", 1), "{said:?}");
    assert!(!desk.path("results").exists(), "no result under the final name");
    assert!(desk.path("results.partial").exists(), "what was written stays");
    // The next run clears what was left and succeeds.
    assert_eq!(ran(&desk, "results", &[]).code, 0);
    assert!(!desk.path("results.partial").exists());
}

#[test]
fn a_disk_that_fills_up_ends_the_run_early() {
    let desk = Desk::new("filling-disk");
    let said = desk.shell("trap '' XFSZ; ulimit -f 3000; \"$TIELINE\" run colossus-2 --out results");
    said.ends(1, "journal.tlj: File too large");
    assert_eq!(desk.files(), ["results.partial"]);
    // Nobody simulated on: a day would fill megabytes of other tables.
    let tables: u64 = desk
        .files_in("results.partial")
        .iter()
        .filter(|name| name.ends_with(".parquet"))
        .map(|name| desk.read(&format!("results.partial/{name}")).len() as u64)
        .sum();
    assert!(tables < 1 << 20, "{tables} bytes of tables");
}

#[test]
fn a_folder_that_cannot_be_made_is_said_before_the_run() {
    let desk = Desk::new("no-folder");
    std::fs::write(desk.path("file"), "in the way").unwrap();
    let said = ran(&desk, "file/results", &[]);
    said.ends(1, "file/results");
    assert_eq!(std::fs::read(desk.path("file")).unwrap(), b"in the way");
    ran(&desk, "file", &[]).ends(1, "not a result of tieline");
    assert_eq!(desk.files(), ["file", "short.toml"]);
}

#[test]
fn an_interrupted_run_leaves_only_a_partial_folder() {
    let desk = Desk::new("interrupt");
    assert!(desk.interrupted(&["run", "colossus-2", "--out", "results"], "results.partial/journal.tlj"));
    assert_eq!(desk.files(), ["results.partial"]);
}

/// Two days of hourly demand as EIA-930 publishes it, hour-ending UTC.
fn demand() -> String {
    let rows =
        (1..=47).map(|hour| format!("2026-07-{} {:02}:00:00,{}\n", 15 + hour / 24, hour % 24, 25_000 + 100 * hour));
    std::iter::once("date_time,demand (MW)\n".to_owned()).chain(rows).collect()
}

#[test]
fn files_that_a_scenario_names_are_looked_for_beside_it() {
    let desk = Desk::new("beside");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk.short_with("folder/short.toml", &[("\"tva-like\"", "\"load.csv\"")]);
    desk.tieline(&["check", "folder/short.toml"]).ends(1, "grid.load");
    std::fs::create_dir(desk.path("folder/load.csv")).unwrap();
    desk.tieline(&["check", "folder/short.toml"]).ends(1, "is a folder");
    std::fs::remove_dir(desk.path("folder/load.csv")).unwrap();
    std::fs::write(desk.path("folder/load.csv"), demand()).unwrap();
    let said = desk.tieline(&["run", "folder/short.toml", "--out", "results"]);
    assert_eq!(said.code, 0, "{said:?}");
    // The journal holds the scenario but not its files: replay says so, and finds them from their folder.
    desk.tieline(&["replay", "results/journal.tlj"]).ends(1, "does not carry the files");
    let said = desk.shell("cd folder && \"$TIELINE\" replay ../results/journal.tlj");
    assert_eq!((said.code, said.out.as_str()), (0, "2,400 decisions recomputed, all equal to the bit\n"), "{said:?}");
}
