//! The command `comply` as its users meet it: exit codes, JSON, page, verdicts on traces that are known.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn room(name: &str) -> PathBuf {
    let room = std::env::temp_dir().join(format!("tieline-comply-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&room);
    fs::create_dir_all(&room).expect("a folder of its own");
    room
}

fn comply(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tieline"))
        .arg("comply")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A still load with a little noise, 1 kHz for 11 minutes; and the same with a swing of `swing` MW at 0.9 Hz.
fn trace(swing: f64) -> String {
    let mut text = String::from("time_s,power_mw\n");
    for row in 0..660_000_u32 {
        let at_s = f64::from(row) / 1000.0;
        let noise = f64::from(row % 1009 * 787 % 1009) / 1009.0 - 0.5;
        let power_mw = 100.0 + 0.05 * noise + 0.5 * swing * (core::f64::consts::TAU * 0.9 * at_s).sin();
        let _ = writeln!(text, "{}.{:03},{power_mw:.5}", row / 1000, row % 1000);
    }
    text
}

const SPEC: &str = "waveform-2508.14318";
/// What the public does not know and the user must give.
const GIVEN: &[&str] = &[
    "--set",
    "rated=150 MW",
    "--set",
    "short_circuit_ratio=10",
    "--set",
    "x_over_r=8",
    "--set",
    "ramp-up=5 MW/s",
    "--set",
    "ramp-down=5 MW/s",
    "--set",
    "schedule=2 %",
    "--plan",
    "plan.csv",
];

#[test]
fn only_all_passed_exits_zero_and_an_oscillation_is_found() {
    let room = room("verdicts");
    fs::write(room.join("still.csv"), trace(0.0)).expect("written");
    fs::write(room.join("wave.csv"), trace(20.0)).expect("written");
    fs::write(room.join("plan.csv"), "time_s,plan_mw\n0,100\n300,100\n600,100\n").expect("written");
    let mut short =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/waveform-2508.14318.toml"))
            .expect("there");
    short = short.replace("value = \"15 min\"", "value = \"5 min\"");
    fs::write(room.join("five.toml"), short).expect("written");
    let run = |trace: &str, more: &[&str]| comply(&[&[trace, "--spec", "five.toml"], GIVEN, more].concat(), &room);
    let still = run("still.csv", &["--out", "result"]);
    assert_eq!(still.status.code(), Some(0), "{}{}", text(&still.stdout), text(&still.stderr));
    assert!(text(&still.stdout).contains("9 passed, 0 failed, 0 not shown"));
    let page = fs::read_to_string(room.join("result/comply.html")).expect("written");
    assert!(page.contains("<script") && !page.contains("http://") && page.len() > 60_000);
    let wave = run("wave.csv", &["--json"]);
    assert_eq!(wave.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&wave.stdout).expect("JSON");
    assert_eq!((json["schema"].as_u64(), json["verdict"].as_str()), (Some(1), Some("fail")));
    let clause = |name: &str| {
        let all = json["clauses"].as_array().expect("a list");
        all.iter().find(|clause| clause["name"] == name).expect("the clause").clone()
    };
    for (name, verdict) in
        [("ramp-up", "fail"), ("dynamic-range", "fail"), ("critical-band", "fail"), ("schedule", "pass")]
    {
        assert_eq!(clause(name)["verdict"], verdict, "{name}: {}", clause(name));
    }
    let range = clause("dynamic-range");
    // 20 MW peak to peak, and the noise.
    assert!((range["measured"].as_f64().expect("measured") - 20.0).abs() < 0.1, "{range}");
    assert!((range["margin_share"].as_f64().expect("margin") - (15.0 - 20.05) / 15.0).abs() < 0.01, "{range}");
    assert!(clause("critical-band")["why"].as_str().expect("words").contains("0.9"), "{}", clause("critical-band"));
    fs::remove_dir_all(&room).expect("removed");
}

#[test]
fn the_store_that_would_make_it_pass_does() {
    let room = room("store");
    let wave = trace(20.0);
    fs::write(room.join("wave.csv"), &wave).expect("written");
    let given = [
        "--spec",
        SPEC,
        "--set",
        "rated=150 MW",
        "--set",
        "ramp-up=5 MW/s",
        "--set",
        "dynamic-range=3 MW",
        "--set",
        "critical-band=1 MW",
        "--json",
    ];
    let clauses = |trace: &str| -> serde_json::Value {
        let out = comply(&[&[trace], given.as_slice()].concat(), &room);
        serde_json::from_slice(&out.stdout).expect("JSON")
    };
    let of = |json: &serde_json::Value, name: &str| {
        let all = json["clauses"].as_array().expect("a list");
        all.iter().find(|clause| clause["name"] == name).expect("the clause").clone()
    };
    let before = clauses("wave.csv");
    let together = &before["would_pass_together"];
    let mean_s = together["mean_s"].as_f64().unwrap_or_else(|| panic!("{before}"));
    // The trace behind that store: the mean of the last so many milliseconds, what it exchanges, and how much it holds.
    let power: Vec<f64> =
        wave.lines().skip(1).map(|line| line.split_once(',').expect("two").1.parse().expect("a number")).collect();
    let count = (mean_s * 1e3).round() as usize;
    let (mut text, mut sum) = (String::from("time_s,power_mw\n"), 0.0);
    let (mut most_mw, mut held, mut range) = (0.0_f64, 0.0_f64, (0.0_f64, 0.0_f64));
    // Until there are so many it stands at the mean of the first.
    let first = power[..count].iter().sum::<f64>();
    for (row, mw) in power.iter().enumerate() {
        sum = if row < count { first } else { sum + mw - power[row - count] };
        let led = sum / count as f64;
        (most_mw, held) = (most_mw.max((led - mw).abs()), held + (led - mw) * 1e-3);
        range = (range.0.min(held), range.1.max(held));
        // A reading that stands still for so long would be taken for a frozen sensor.
        if row >= count {
            let _ = writeln!(text, "{}.{:03},{led:.5}", row / 1000, row % 1000);
        }
    }
    fs::write(room.join("led.csv"), text).expect("written");
    let after = clauses("led.csv");
    for name in ["ramp-up", "dynamic-range", "critical-band"] {
        assert_eq!(of(&before, name)["verdict"], "fail", "{}", of(&before, name));
        assert_eq!(of(&after, name)["verdict"], "pass", "{}", of(&after, name));
    }
    let near = |key: &str, ours: f64| {
        let said = together[key].as_f64().expect("a number");
        assert!((said / ours - 1.0).abs() < 0.02, "{key}: {said} and {ours}");
    };
    near("power_w", 1e6 * most_mw);
    near("energy_j", 1e6 * (range.1 - range.0));
    // Half of what a second has too much is the least of any store.
    let range = of(&before, "dynamic-range");
    let least = range["would_pass"]["no_store_below_w"].as_f64().expect("a bound");
    assert!((least - 0.5e6 * (range["measured"].as_f64().expect("measured") - 3.0)).abs() < 1.0, "{range}");
    let plain = comply(&["wave.csv", "--spec", SPEC, "--set", "rated=150 MW"], &room);
    assert!(text_of(&plain).contains("would pass: a limit of"), "{}", text_of(&plain));
    let _ = fs::remove_dir_all(&room);
}

fn text_of(out: &Output) -> String {
    text(&out.stdout)
}

#[test]
fn a_trace_that_cannot_show_a_clause_does_not_pass_it() {
    let room = room("minutes");
    let mut minutes = String::from("timestamp,power_kw\n");
    for minute in 0..240 {
        let _ = writeln!(minutes, "2025-05-04 {:02}:{:02}:00-07:00,{}", 8 + minute / 60, minute % 60, 90 + minute % 3);
    }
    fs::write(room.join("minutes.csv"), minutes).expect("written");
    let slow = comply(&["minutes.csv", "--spec", SPEC, "--json"], &room);
    assert_eq!(slow.status.code(), Some(1), "{}", text(&slow.stderr));
    let json: serde_json::Value = serde_json::from_slice(&slow.stdout).expect("JSON");
    assert_eq!(json["counts"]["not_shown"], 9, "{json}");
    assert_eq!(json["sampling"]["start"], "2025-05-04T15:00:00Z");
    fs::remove_dir_all(&room).expect("removed");
}

#[test]
fn wrong_usage_exits_two_and_says_what_to_write() {
    let room = room("usage");
    fs::write(room.join("total.csv"), "time,total\n0,5\n1,6\n").expect("written");
    fs::write(room.join("bad.toml"), "schema = 1\nname = \"x\"\ntitle = \"x\"\n[[ramp]]\nname = \"a\"\nwindow = 5\n")
        .expect("written");
    for (arguments, code, word) in [
        (vec!["total.csv", "--spec", SPEC], 2, "--unit"),
        (vec!["total.csv", "--spec", "waveform-2508.14319"], 2, "did you mean"),
        (vec!["total.csv", "--spec", SPEC, "--set", "ramp-upp=1 MW/s"], 2, "ramp-up"),
        (vec!["total.csv", "--spec", SPEC, "--unit", "kilo"], 2, "--unit"),
        (vec!["total.csv", "--spec", "bad.toml"], 1, "ramp[0].direction"),
        (vec!["absent.csv", "--spec", SPEC], 1, "absent.csv"),
        (vec!["total.csv"], 2, "--spec"),
    ] {
        let output = comply(&arguments, &room);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(word), "{arguments:?}: {}", text(&output.stderr));
    }
    fs::remove_dir_all(&room).expect("removed");
}

#[test]
fn without_a_gpu_record_says_so() {
    let here = Command::new(env!("CARGO_BIN_EXE_tieline"))
        .args(["record", "--duration", "1 s"])
        .current_dir(std::env::temp_dir())
        .output();
    let here = here.expect("the command starts");
    if here.status.success() {
        return; // this machine has one
    }
    assert_eq!(here.status.code(), Some(1));
    assert!(text(&here.stderr).contains("NVML"), "{}", text(&here.stderr));
}
