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

#[test]
fn a_campus_is_told_with_what_it_gave_saved_and_pays() {
    let folder = std::env::temp_dir().join(format!("tieline-campus-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("campus.toml");
    // One day of July; at noon the load passes the plant by 30 MW: the campus gives 30 of its 100 MW at 800 $/MWh, or an
    // engine of 2,000 $/MWh runs.
    let text = "schema = 1\nname = \"c\"\ntitle = \"x\"\nstart = \"2026-07-01T00:00:00-05:00\"\nhours = 24\nseries = \"s.csv\"\n\
        source = \"guess: test\"\n[[zone]]\nname = \"n\"\narea = \"a\"\nload = \"n_mw\"\n[[unit]]\nname = \"u\"\nclass = \"gas\"\n\
        zone = \"n\"\ncapacity = \"400 MW\"\ncost = \"10 $/MWh\"\n[[unit]]\nname = \"e\"\nclass = \"oil\"\nzone = \"n\"\n\
        capacity = \"100 MW\"\ncost = \"2000 $/MWh\"\n[[campus]]\nname = \"hall\"\nzone = \"n\"\npower = \"100 MW\"\ntariff = \"t\"\n\
        [[campus.tier]]\ndepth = \"50 %\"\nprice = \"800 $/MWh\"\n[[tariff]]\nname = \"t\"\narea = \"a\"\n\
        transmission_per_mw_year = \"36500 $\"\n";
    let csv: String =
        "n_mw\n".to_owned() + &(0..24).map(|hour| if hour == 12 { "330\n" } else { "200\n" }).collect::<String>();
    std::fs::write(&path, text).expect("a file");
    std::fs::write(folder.join("s.csv"), csv).expect("a file");
    let said = tieline(&["grid", "dispatch", path.to_str().expect("text"), "--json"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let campus = &summary["campuses"][0];
    let near = |value: &serde_json::Value, wanted: f64| {
        let value = value.as_f64().unwrap_or(f64::NAN);
        assert!((value - wanted).abs() < 1e-3 * wanted.abs().max(1.0), "{value} for {wanted} in {campus}");
    };
    near(&campus["curtailed_hours"], 1.0);
    near(&campus["curtailed_mwh"], 30.0);
    near(&campus["cost_usd"], 24_000.0);
    near(&campus["saved_usd"], 30.0 * (2000.0 - 800.0));
    // 23 h of 100 MW at 10 $/MWh and one of 70 MW at 800; without curtailment that hour is 100 MW at 2,000.
    near(&campus["bill"]["energy_usd"], 23.0 * 100.0 * 10.0 + 70.0 * 800.0);
    near(&campus["bill_without"]["energy_usd"], 23.0 * 100.0 * 10.0 + 100.0 * 2000.0);
    near(&campus["bill"]["transmission_usd"], 70.0 * 100.0);
    near(&campus["bill_without"]["transmission_usd"], 100.0 * 100.0);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn years_do_not_depend_on_threads_and_their_mean_is_that_of_the_years() {
    let asked = ["grid", "dispatch", "pjm-like", "--hours", "48", "--years", "6", "--json", "--threads"];
    let run = |threads: &str| tieline(&[&asked[..], &[threads]].concat());
    let (one, two) = (run("1"), run("2"));
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, two.stdout);
    let summary: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    let cost = &summary["quantities"]["cost_usd"];
    let years: Vec<f64> =
        cost["years"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect();
    assert_eq!(years.len(), 6);
    assert!(years.windows(2).all(|pair| pair[0] != pair[1]), "years differ: {years:?}");
    let mean = years.iter().sum::<f64>() / 6.0;
    assert!((cost["mean"].as_f64().expect("a mean") / mean - 1.0).abs() < 1e-12);
    for wrong in [["--years", "1"], ["--hours", "0"], ["--hours", "9000"]] {
        let refused = tieline(&[&["grid", "dispatch", "pjm-like"][..], &wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

/// A grid of one zone or two, and what `grid dispatch --json` says of it.
fn dispatched(name: &str, parts: &str, csv: &str) -> serde_json::Value {
    let folder = std::env::temp_dir().join(format!("tieline-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let hours = csv.lines().count() - 1;
    let head = format!(
        "schema = 1\nname = \"{name}\"\ntitle = \"x\"\nstart = \"2026-07-01T00:00:00-05:00\"\nhours = {hours}\n\
         series = \"s.csv\"\nsource = \"guess: test\"\n"
    );
    std::fs::write(folder.join("g.toml"), head + parts).expect("a file");
    std::fs::write(folder.join("s.csv"), csv).expect("a file");
    let said = tieline(&["grid", "dispatch", folder.join("g.toml").to_str().expect("text"), "--json"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    std::fs::remove_dir_all(&folder).expect("our own folder");
    serde_json::from_slice(&said.stdout).expect("JSON")
}

const TWO_CAMPUSES: &str = "[[zone]]\nname = \"n\"\narea = \"a\"\nload = \"n_mw\"\n\
    [[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"1100 MW\"\ncost = \"10 $/MWh\"\n\
    [[unit]]\nname = \"e\"\nclass = \"oil\"\nzone = \"n\"\ncapacity = \"900 MW\"\ncost = \"2000 $/MWh\"\n\
    [[campus]]\nname = \"c1\"\nzone = \"n\"\npower = \"200 MW\"\ntariff = \"t\"\n\
    [[campus.tier]]\ndepth = \"100 %\"\nprice = \"500 $/MWh\"\n\
    [[campus]]\nname = \"c2\"\nzone = \"n\"\npower = \"100 MW\"\n\
    [[campus.tier]]\ndepth = \"100 %\"\nprice = \"600 $/MWh\"\n\
    [[tariff]]\nname = \"t\"\narea = \"a\"\ntransmission_per_mw_year = \"36500 $\"\n";

#[test]
fn peaks_of_the_bill_are_those_that_the_meters_show() {
    // Both campuses (300 MW) come on top of the column. Gross 1,400 and 1,100 MW: both give way in the first hour, to
    // 1,100 MW; without them the second hour is as high, and c1 draws there.
    let summary = dispatched("peaks", TWO_CAMPUSES, "n_mw\n1099\n800\n");
    let c1 = &summary["campuses"][0];
    assert_eq!(c1["curtailed_hours"], 1, "{c1}");
    assert_eq!(c1["bill"]["transmission_hour"], 1, "{c1}");
    assert!((c1["bill"]["transmission_mw"].as_f64().expect("a number") - 200.0).abs() < 1e-3, "{c1}");
    assert_eq!(c1["bill_without"]["transmission_hour"], 0, "{c1}");
}

#[test]
fn what_several_campuses_save_is_told_once() {
    let summary = dispatched("saved", TWO_CAMPUSES, "n_mw\n1099\n700\n");
    let campuses = summary["campuses"].as_array().expect("a list");
    assert!(campuses.iter().all(|campus| campus["saved_usd"].is_null()), "{campuses:?}");
    // Of 299 MW missing c1 gives 200 at 500 and c2 99 at 600 instead of 2,000 $/MWh each.
    let saved = summary["campuses_saved_usd"].as_f64().expect("a number");
    assert!((saved - (200.0 * 1500.0 + 99.0 * 1400.0)).abs() < 1.0, "{saved}");
    // What they give is no plant.
    let installed = summary["areas"][0]["installed_mw"].as_f64().expect("a number");
    assert!((installed - 2000.0).abs() < 1e-6, "{installed}");
}

#[test]
fn a_shaped_load_does_not_depend_on_the_window() {
    let first_peak = |hours: &str| {
        let said = tieline(&["grid", "dispatch", "three-zones", "--json", "--hours", hours]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let summary: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        summary["zones"][0]["load_twh"].as_f64().expect("a number")
    };
    let (day, two) = (first_peak("24"), first_peak("48"));
    assert!(two < 2.5 * day && two > 1.5 * day, "{day} and {two}");
    let said = tieline(&["grid", "dispatch", "three-zones", "--json", "--hours", "24"]);
    let day: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let said = tieline(&["grid", "dispatch", "three-zones", "--json"]);
    let year: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    for (day, year) in day["zones"].as_array().into_iter().flatten().zip(year["zones"].as_array().into_iter().flatten())
    {
        let peak = |zone: &serde_json::Value| zone["peak_mw"].as_f64().expect("a number");
        assert!(peak(day) < 0.99 * peak(year), "the first of January is not the peak: {day} {year}");
    }
}

#[test]
fn a_study_may_be_run_again_into_its_folder() {
    let folder = std::env::temp_dir().join(format!("tieline-again-{}", std::process::id()));
    let out = folder.display().to_string();
    for _ in 0..2 {
        let said = tieline(&["run", "pjm-summer-2026", "--study", "dispatch", "--out", &out]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/../../grids/six-units.json");
    for _ in 0..2 {
        let said = tieline(&["grid", "uc", case, "--out", &out]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn peaks_are_shaved_where_a_tier_costs_less_than_they_are_worth() {
    let parts = "[[zone]]\nname = \"n\"\narea = \"a\"\nload = \"n_mw\"\n\
        [[unit]]\nname = \"u\"\nclass = \"gas\"\nzone = \"n\"\ncapacity = \"1100 MW\"\ncost = \"10 $/MWh\"\n\
        [[campus]]\nname = \"c\"\nzone = \"n\"\npower = \"100 MW\"\ntariff = \"t\"\n\
        [[campus.tier]]\ndepth = \"50 %\"\nprice = \"250 $/MWh\"\n[[campus.tier]]\ndepth = \"50 %\"\nprice = \"400 $/MWh\"\n\
        [[tariff]]\nname = \"t\"\narea = \"a\"\ncapacity_per_mw_day = \"300 $\"\n";
    let rows: String = (0..48).map(|hour| format!("{}\n", if hour % 24 == 17 { 900 - hour } else { 500 })).collect();
    let folder = std::env::temp_dir().join(format!("tieline-shave-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let head = "schema = 1\nname = \"shave\"\ntitle = \"x\"\nstart = \"2026-07-01T00:00:00-05:00\"\nhours = 48\n\
        series = \"s.csv\"\nsource = \"guess: test\"\n";
    let path = folder.join("g.toml");
    std::fs::write(&path, head.to_owned() + parts).expect("a file");
    std::fs::write(folder.join("s.csv"), format!("n_mw\n{rows}")).expect("a file");
    let path = path.to_str().expect("text");
    let said = tieline(&["grid", "dispatch", path, "--shave-peaks", "--json"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let campus = &summary["campuses"][0];
    // Two days have two peaks: each is worth 300 $/MW a day x 2 days / 2 peaks = 300 $/MWh, and energy 10.
    assert_eq!(campus["shaving"]["hours"], serde_json::json!([17, 41]), "{campus}");
    let near = |key: &str, wanted: f64| {
        let found = campus["shaving"][key].as_f64().expect("a number");
        assert!((found - wanted).abs() < 1e-3, "{key}: {found} for {wanted}");
    };
    near("mwh", 100.0);
    near("cost_usd", 100.0 * 250.0);
    near("saved_usd", 50.0 * 300.0 * 2.0 + 100.0 * 10.0 - 100.0 * 250.0);
    assert!(summary["metrics"]["dispatch.gap"].as_f64().expect("a gap") <= 1e-8, "{summary}");
    assert!(summary["metrics"]["dispatch.box_error_w"].as_f64().expect("a number") <= 1.0, "{summary}");
    for wrong in [
        &["grid", "dispatch", "rts-79", "--shave-peaks"][..],
        &["grid", "dispatch", path, "--shave-peaks", "--years", "3"],
    ] {
        assert_eq!(tieline(wrong).status.code(), Some(2), "{wrong:?}");
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

/// One short file took hours from a whole grid, what stood out was told without its value, and nuclear at half its output not at all.
#[test]
fn a_short_eia_930_file_and_what_stands_out_are_told() {
    let folder = std::env::temp_dir().join(format!("tieline-eia-short-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("in")).expect("a folder");
    let at = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let stamp = |hour: usize| format!("2022-05-{:02} {:02}:00:00", 1 + hour / 24, hour % 24);
    let demand = |hours: std::ops::Range<usize>, odd: usize| -> String {
        let mw = |hour: usize| if hour == odd { 1350 } else { 1000 };
        let rows: String = hours.map(|hour| format!("{},{}\n", stamp(hour + 1), mw(hour))).collect();
        format!("date_time,demand (MW)\n{rows}")
    };
    let mix = |hour: usize| format!("{}+00:00,{},1500\n", stamp(hour), if hour == 30 { 450 } else { 900 });
    std::fs::write(at("in/X-A.csv"), demand(0..72, 20)).expect("a file");
    std::fs::write(at("in/X-B.csv"), demand(0..60, 99)).expect("a file");
    std::fs::write(at("in/X_mix.csv"), format!("timestamp,NUC,NG\n{}", (0..72).map(mix).collect::<String>()))
        .expect("a file");
    let run = |more: &[&str]| -> String {
        let from_to = ["convert", &at("in"), &at("x.toml"), "--force"];
        let said = tieline(&[&from_to[..], more].concat());
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let told = run(&[]);
    for wanted in [
        "X-B.csv: its hours are 2022-05-01T00:00:00Z to before 2022-05-03T12:00:00Z; the 12 h after it that other files have are not used",
        "X-A.csv:22, 2022-05-01T20:00:00Z: 1350 MW",
        "X_mix.csv:32, 2022-05-02T06:00:00Z: NUC at 450 MW, beside 900 MW",
    ] {
        assert!(told.contains(wanted), "{wanted}\nin\n{told}");
    }
    // Of other hours it is not told, and a window that was asked for is nobody's fault.
    let told = run(&["--from", "2022-05-02T12:00:00Z", "--to", "2022-05-03T12:00:00Z"]);
    assert!(!told.contains("stands out") && !told.contains("not used"), "{told}");
    std::fs::create_dir_all(folder.join("empty")).expect("a folder");
    let said = tieline(&["convert", &at("empty"), &at("x.toml"), "--fill", "1"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("empty holds nothing that is read; expected EIA-930's"));
    let said = tieline(&["convert", &at("absent"), &at("x.toml"), "--fill", "1"]);
    assert!(String::from_utf8_lossy(&said.stderr).contains("absent: No such file or folder"));
    let said = tieline(&["convert", &at("in"), &at("a\"b.toml")]);
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("without quotes"), "a name that TOML would have to escape");
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn eia_930_files_become_tables_and_grids_and_their_gaps_are_never_hidden() {
    let folder = std::env::temp_dir().join(format!("tieline-eia-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("in/below")).expect("a folder");
    let at = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let demand = |mw: usize, gap: usize| -> String {
        let cell = |hour: usize| if hour == gap { "EMPTY".to_owned() } else { (mw + 10 * (hour % 24)).to_string() };
        let row =
            |hour: usize| format!("2022-05-{:02} {:02}:00:00,{}\n", 1 + (hour + 1) / 24, (hour + 1) % 24, cell(hour));
        format!("date_time,demand (MW)\n{}", (0..48).map(row).collect::<String>())
    };
    let mix = |hour: usize| {
        format!("2022-05-{:02} {:02}:00:00+00:00,900,{}\n", 1 + hour / 24, hour % 24, 505 + 21 * (hour % 24))
    };
    std::fs::write(at("in/X-A.csv"), demand(1000, 12)).expect("a file");
    std::fs::write(at("in/below/X-B.csv"), demand(400, 99)).expect("a file");
    std::fs::write(at("in/X_mix.csv"), format!("timestamp,NUC,NG\n{}", (0..48).map(mix).collect::<String>()))
        .expect("a file");
    std::fs::write(at("in/notes.csv"), "a,b\n1,2\n").expect("a file");
    let run = |words: &[&str], code: i32| -> String {
        let said = tieline(words);
        let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(code), "{words:?}: {text}");
        text
    };
    let told = run(&["convert", &at("in"), &at("hours.csv")], 0);
    assert!(told.contains("X-A.csv:14: EMPTY") && told.contains("notes.csv: found the first line \"a,b\""), "{told}");
    let table = std::fs::read_to_string(at("hours.csv")).expect("a table");
    assert!(table.starts_with("time,a_load_mw,nuc_generation_mw,ng_generation_mw,b_load_mw\n"), "{table}");
    assert!(table.contains("\n2022-05-01T12:00:00Z,,900,757,520\n"), "{table}");
    run(&["convert", &at("in/X-A.csv"), &at("one.parquet")], 0);
    let told = run(&["convert", &at("in"), &at("x.toml")], 1);
    assert!(told.contains("a dispatch can have no gaps") && told.contains("a_load_mw; X-A.csv:14: EMPTY"), "{told}");
    assert!(!folder.join("x.toml").exists(), "nothing is written of a grid with gaps");
    let told = run(&["convert", &at("in"), &at("x.toml"), "--fill", "1"], 0);
    assert!(told.contains("1 values filled in all"), "{told}");
    run(&["convert", &at("in"), &at("x.toml"), "--fill", "1"], 2);
    let solve = |name: &str| -> serde_json::Value {
        let said = tieline(&["grid", "dispatch", &at(name), "--json"]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_slice(&said.stdout).expect("JSON")
    };
    let summary = solve("x.toml");
    let sum = |key: &str| {
        summary["observed"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|class| class[key].as_f64().expect("a number"))
            .sum::<f64>()
    };
    assert!((sum("observed_twh") - sum("dispatched_twh")).abs() < 1e-9, "{summary}");
    run(&["convert", &at("x.toml"), &at("y.toml")], 0);
    let other = solve("y.toml");
    assert_eq!(summary["metrics"], other["metrics"], "the series in Parquet is the same to the bit");
    run(&["convert", &at("y.toml"), &at("z.toml"), "--series", "back.csv"], 0);
    assert_eq!(std::fs::read(at("x.csv")).expect("a file"), std::fs::read(at("back.csv")).expect("a file"));
    for (words, expected) in [
        (vec!["convert", &at("x.toml"), &at("x.m")], "grid of zones"),
        (vec!["convert", &at("in"), &at("w.toml"), "--from", "soon"], "--from soon"),
        (vec!["convert", &at("in"), &at("w.toml"), "--series", "a.txt"], "ends in .csv or .parquet"),
        (vec!["convert", &at("in"), &at("w.json"), "--fill", "3"], "are for grids of zones"),
    ] {
        let told = run(&words, 2);
        assert!(told.contains(expected), "{expected} is not in {told}");
    }
    let told = run(&["convert", &at("in"), &at("w.csv"), "--from", "2023-01-01"], 1);
    assert!(told.contains("no hours from 2023-01-01T00:00:00Z"), "{told}");
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_folder_of_rts_tables_must_be_told_what_to_become() {
    let folder = std::env::temp_dir().join(format!("tieline-kinds-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("SourceData")).expect("a folder");
    let at = |name: &str| folder.join(name).to_str().expect("text").to_owned();
    let from = folder.to_str().expect("text");
    let said = tieline(&["convert", from, &at("x.toml")]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(2), "{told}");
    assert!(told.contains("--as network, --as commitment or --as zones"), "{told}");
    // Its tables are missing: all of them are named, and nothing is written.
    let said = tieline(&["convert", from, &at("x.toml"), "--as", "zones"]);
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(told.contains("SourceData/gen.csv: cannot be read"), "{told}");
    assert!(!folder.join("x.toml").exists());
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn commitment_is_rechecked_bounded_and_written() {
    let folder = std::env::temp_dir().join(format!("tieline-commitment-{}", std::process::id()));
    let out = folder.join("out");
    let asked = ["grid", "dispatch", "three-zones", "--commitment", "--hours", "72", "--json", "--out"];
    let whole = tieline(&[&asked[..], &[out.to_str().expect("text")]].concat());
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&whole.stdout).expect("JSON");
    let told = &summary["commitment"];
    for key in ["early_stops", "early_starts", "machines_too_many"] {
        assert_eq!(told[key], 0, "{key}: {told}");
    }
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let (cost, bound) =
        (number(&summary["metrics"]["dispatch.cost_usd"]), number(&summary["metrics"]["dispatch.bound_usd"]));
    assert!(number(&told["output_error_w"]) < 1.0 && number(&told["worst_window_gap"]) <= 5e-3, "{told}");
    assert!(bound <= number(&told["cost_without_usd"]) && number(&told["cost_without_usd"]) <= cost, "{summary}");
    // The cost is the energy at its price and the starts, and both are in the tables.
    let units: f64 = told["units"].as_array().expect("units").iter().map(|unit| number(&unit["start_usd"])).sum();
    assert!((units - number(&told["start_usd"])).abs() < 1e-6 * cost, "{told}");
    let bytes = std::fs::read(out.join("commitment.parquet")).expect("a table");
    let table = tieline_files::table::read(bytes).expect("a table of ours");
    assert_eq!(table.utc_ns.len(), 72);
    for (name, on) in &table.numbers {
        assert!(name.ends_with("_machines") && on.iter().all(|on| on.fract() == 0.0 && *on >= 0.0), "{name}");
    }
    let page = tieline(&asked[..6]);
    let text = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(
        text.contains("no dispatch costs less, with commitment or without") && text.contains("west coal"),
        "{text}"
    );
    for wrong in [
        &["--commitment", "--years", "2"][..],
        &["--commitment", "--shave-peaks"],
        &["--commitment", "--gap", "1.5"],
        &["--gap", "0.1"],
    ] {
        let refused = tieline(&[&["grid", "dispatch", "pjm-like"], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
