//! Scenario files: the shipped ones read, and every kind of mistake is found, placed and explained, all at once.

use std::io;
use tieline_files::scenario::{Mistakes, builtin, builtin_names, read, schema};
use tieline_sim::scenario::Scenario;
use tieline_units::SourceKind;

fn nothing(path: &str) -> io::Result<Box<dyn io::Read>> {
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no file {path}")))
}

fn parse(text: &str) -> Result<Scenario, Mistakes> {
    read("test.toml", text, &mut nothing)
}

/// The shipped scenario with one passage replaced, which must be there.
fn edited(from: &str, to: &str) -> String {
    let text = builtin("colossus-2").expect("built in");
    assert!(text.contains(from), "the passage is gone: {from}");
    text.replacen(from, to, 1)
}

/// Reads an edited scenario that must fail, and returns what is said.
fn said(from: &str, to: &str) -> String {
    let mistakes = parse(&edited(from, to)).expect_err("a mistake");
    assert!(mistakes.list.iter().all(|mistake| mistake.line >= 1 && !mistake.key.is_empty()));
    mistakes.to_string()
}

fn says(from: &str, to: &str, parts: &[&str]) {
    let said = said(from, to);
    for part in parts {
        assert!(said.contains(part), "expected \"{part}\" in:\n{said}");
    }
}

#[test]
fn every_built_in_scenario_reads_and_cites_its_numbers() {
    for name in builtin_names() {
        let scenario = parse(builtin(name).expect("built in")).unwrap_or_else(|mistakes| panic!("{name}: {mistakes}"));
        assert_eq!(scenario.name, name, "a built-in scenario is called as its file");
        let counted: usize = scenario.sources.values().sum();
        assert_eq!(counted, scenario.provenance.len(), "{name}: every number is counted once");
        assert!(counted > 50, "{name}: {counted} numbers");
        assert!(scenario.sources[&SourceKind::Claim] > 0 && scenario.sources[&SourceKind::Guess] > 0);
    }
}

#[test]
fn colossus_2_is_what_it_says() {
    let scenario = parse(builtin("colossus-2").expect("built in")).expect("reads");
    let plant = &scenario.plant;
    assert_eq!(plant.halls.iter().map(|hall| hall.gpus).sum::<f64>(), 555_000.0);
    assert_eq!((plant.batteries.len(), plant.turbines.len(), plant.pois.len()), (168, 41, 3));
    let stored_mwh: f64 = plant.batteries.iter().map(|unit| unit.energy_j / 3.6e9).sum();
    assert!((stored_mwh - 655.2).abs() < 1e-9, "{stored_mwh}");
    assert_eq!(scenario.events.len(), 2);
    assert_eq!((scenario.events[0].event.start - scenario.events[0].event.received_at).as_secs_f64(), 1800.0);
    assert_eq!(scenario.control.halls.len(), plant.halls.len(), "one index means one device");
    let later = &scenario.control.halls[29];
    assert_eq!(later.gpus, 0.0, "a hall of next year is nothing to today's controller");
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = edited("duration = \"24 h\"", "duration = 24")
        .replacen("ramp_up = \"30 MW/min\"", "ramp_up = \"30 MWh\"", 1)
        .replacen("product = \"GB200\"", "product = \"GB2000\"", 1)
        .replacen("energy = { value = \"3.9 MWh\"", "energy = { value = \"-3.9 MWh\"", 1);
    let mistakes = parse(&text).expect_err("four mistakes");
    let keys: Vec<&str> = mistakes.list.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(keys, ["clock.duration", "poi[0].ramp_up", "hall[0].product", "battery[0].energy"]);
    let lines: Vec<usize> = mistakes.list.iter().map(|mistake| mistake.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    let expected = text.lines().position(|line| line.contains("GB2000")).expect("there") + 1;
    assert_eq!(mistakes.list[2].line, expected);
    let report = format!("{:?}", mistakes.report());
    assert!(report.contains("4 mistakes") && report.contains("GB2000"), "{report}");
}

#[test]
fn an_unknown_key_names_its_neighbour() {
    says(
        "duration = \"24 h\"",
        "duraton = \"24 h\"",
        &["clock.duraton", "unknown key", "did you mean \"duration\"", "clock.duration: found nothing"],
    );
}

#[test]
fn units_are_asked_for_and_checked() {
    says("duration = \"24 h\"", "duration = 24", &["the bare number 24", "write the unit in quotes"]);
    says(
        "ramp_up = \"30 MW/min\"",
        "ramp_up = \"30 MWh\"",
        &["poi[0].ramp_up", "\"MWh\" is not a unit of this quantity"],
    );
    says("ramp_up = \"30 MW/min\"", "ramp_up = 30", &["the bare number 30", "50 MW/min"]);
    says("gpus = { value = 18_500", "gpus = { value = \"18 MW\"", &["hall[0].gpus"]);
    says("heat_wave = { value = \"5 C\"", "heat_wave = { value = \"5 K\"", &["grid.heat_wave"]);
}

#[test]
fn a_number_needs_a_source_that_can_be_read() {
    says(
        "initial = { value = \"150 MW\", source = \"claim: TVA board, 7 November 2024, substation 63\" }",
        "initial = \"150 MW\"",
        &["limit[0].initial", "a number without a source", "guess:"],
    );
    says("source = \"claim: TVA board", "source = \"rumour: TVA board", &["\"rumour\" is not a kind of source"]);
    says(
        "source = \"claim: TVA board, 7 November 2024, substation 63\"",
        "source = \"claim:\"",
        &["citation behind the colon is empty"],
    );
    says("schema = 1", "schema = 1\nsource = \"guess: everything\"", &["one source for the whole file"]);
}

#[test]
fn numbers_lie_in_their_range_and_are_numbers() {
    says("gpus = { value = 18_500", "gpus = { value = -18_500", &["hall[0].gpus", "it may not be negative"]);
    says(
        "energy = { value = \"3.9 MWh\"",
        "energy = { value = \"-3.9 MWh\"",
        &["battery[0].energy", "it may not be negative"],
    );
    says("round_trip = { value = \"91 %\"", "round_trip = { value = \"191 %\"", &["battery[0].round_trip"]);
    says(
        "initial = { value = \"150 MW\"",
        "initial = { value = \"1e30 MW\"",
        &["limit[0].initial", "below a terawatt"],
    );
    says("gpus = { value = 18_500", "gpus = { value = 18_500.5", &["hall[0].gpus", "whole number"]);
    says("energy = { value = \"3.9 MWh\"", "energy = { value = \"NaN MWh\"", &["battery[0].energy", "is not a number"]);
    says("energy = { value = \"3.9 MWh\"", "energy = { value = \"1e400 MWh\"", &["battery[0].energy", "finite"]);
    says("trips_per_hour = 0.0004", "trips_per_hour = nan", &["turbine[0].trips_per_hour", "finite"]);
    says("trips_per_hour = 0.0004", "trips_per_hour = inf", &["turbine[0].trips_per_hour", "finite"]);
}

#[test]
fn instants_have_a_zone_and_an_order() {
    says("start = \"2026-07-15T00:00:00-05:00\"", "start = \"2026-07-15T00:00:00\"", &["clock.start", "zone"]);
    says(
        "start = \"2026-07-15T00:00:00-05:00\"",
        "start = \"2026-07-15T00:00:00-06:00\"",
        &["clock.start", "wrong time zone"],
    );
    says(
        "start = \"2026-07-15T16:00:00-05:00\"",
        "start = \"2026-07-15T15:00:00-05:00\"",
        &["event[0].start", "before the notice"],
    );
    says(
        "end = \"2026-07-15T18:00:00-05:00\"",
        "end = \"2026-07-15T15:00:00-05:00\"",
        &["event[0].end", "not after the start"],
    );
    says(
        "received = \"2026-07-15T15:30:00-05:00\"",
        "received = \"2026-07-14T15:30:00-05:00\"",
        &["event[0].received", "before the start of the run"],
    );
    says(
        "received = \"2026-07-15T15:30:00-05:00\"",
        "received = \"2027-07-14T15:30:00-05:00\"",
        &["after the end of the run"],
    );
    says(
        "at = \"2026-07-15T12:00:00-05:00\"",
        "at = \"2026-07-15T09:00:00-05:00\"",
        &["limit[3].change[1].at", "changes in order"],
    );
    says(
        "in_service = \"2025-08-01T00:00:00-05:00\"",
        "in_service = \"1025-08-01T00:00:00-05:00\"",
        &["hall[0].in_service"],
    );
}

#[test]
fn periods_divide_evenly() {
    says("tick = \"100 ms\"", "tick = \"70 ms\"", &["clock.tick", "does not divide a second"]);
    says("duration = \"24 h\"", "duration = \"86400.05 s\"", &["clock.duration", "no whole number of seconds"]);
    says("duration = \"24 h\"", "duration = \"24 h\"\nx = 1", &["clock.x"]);
    says(
        "\n[claims]\n",
        "\n[telemetry]\nsource = \"guess: x\"\nunit_period = \"150 ms\"\n[claims]\n",
        &["telemetry.unit_period", "multiple of clock.tick"],
    );
    says("\n[claims]\n", "\n[controller]\nplan_every = \"350 ms\"\n[claims]\n", &["controller.plan_every"]);
}

#[test]
fn references_name_what_is_there() {
    says("poi = \"north\"", "poi = \"nort\"", &["limit[0].poi", "did you mean \"north\""]);
    says("device = \"GT south 05\"", "device = \"GT south 55\"", &["fault[2].device", "did you mean \"GT south 05\""]);
    says("job = \"Grok 5 pre-training\"", "job = \"Grok 6\"", &["hall[0].job", "Grok 5 pre-training"]);
    says("kind = \"meter-silent\"", "kind = \"meter-silence\"", &["fault[1].kind", "did you mean \"meter-silent\""]);
    says("name = \"south\"\n", "name = \"north\"\n", &["the name \"north\" twice"]);
    says("name = \"TVA emergency\"", "name = \"North, contract!\"", &["a second \"North, contract!\""]);
    says("name = \"inference\"", "name = \"all\"", &["the name \"all\""]);
    says("title = \"Colossus", "title = \"\\u001b[31mColossus", &["title", "control character"]);
    says("gpus = { value = 18_500", "gpus = { value = 0x18500", &["hall[0].gpus", "0x18500"]);
    says("studies = [\"operation\", \"transient\"]", "studies = [\"operation\", 5]", &["studies", "a text"]);
    says("studies = [\"operation\", \"transient\"]", "studies = [\"operations\"]", &["studies", "\"operation\""]);
}

#[test]
fn leases_fall_in_a_safe_order_and_the_safe_cap_can_be_set() {
    let settings = "[controller]\nsource = \"guess: a test\"\n";
    says(
        "\n[claims]\n",
        &format!("\n{settings}battery_lease = \"10 s\"\n[claims]\n"),
        &["controller.battery_lease", "more than 15 s"],
    );
    says(
        "\n[claims]\n",
        &format!("\n{settings}safe_cap = \"5 %\"\n[claims]\n"),
        &["controller.safe_cap", "below the least cap of"],
    );
}

#[test]
fn sizes_are_bounded() {
    says("units = 64", "units = 200", &["battery", "304 battery units", "at most 256"]);
    says("count = 13", "count = 20", &["hall", "37 halls", "at most 32"]);
    let many = "\n[[dip]]\n".repeat(20_000);
    says("\n[claims]\n", &format!("{many}\n[claims]\n"), &["20001 tables", "at most 10000"]);
}

#[test]
fn expectations_are_rules_about_metrics() {
    says("\"operation.events_missed\" = \"== 0\"", "\"operation.events_missed\" = \"none\"", &["expect", "<= 0"]);
    says("\"operation.events_missed\" = \"== 0\"", "\"operations.x\" = \"== 0\"", &["a metric of no study"]);
    says("\"operation.events_missed\" = \"== 0\"", "operation.events_missed = \"== 0\"", &["expect"]);
    says(
        "\"operation.events_missed\" = \"== 0\"",
        "\"operation.evnts_missed\" = \"== 0\"",
        &["did you mean \"operation.events_missed\""],
    );
    says("\n[expect]\n", "\n[[expect]]\n", &["expect", "a table"]);
}

#[test]
fn a_slip_of_grammar_is_placed_and_hides_nothing_else() {
    let text =
        edited("duration = \"24 h\"", "duration = \"24 h").replacen("product = \"GB200\"", "product = \"GB2000\"", 1);
    let said = parse(&text).expect_err("mistakes").to_string();
    assert!(said.contains("(TOML)") && said.contains("GB2000"), "{said}");
    says("seed = 1", "seed = 1\nseed = 2", &["(TOML)", "duplicate key"]);
}

#[test]
fn a_named_load_file_must_open_read_and_cover_the_run() {
    says("load = \"tva-like\"", "load = \"nowhere.csv\"", &["grid.load", "nowhere.csv", "no file"]);
    let text = edited("load = \"tva-like\"", "load = \"load.csv\"");
    let mut noise = |_: &str| -> io::Result<Box<dyn io::Read>> { Ok(Box::new(&b"\x00\xff,garbage\n1,2,3\n"[..])) };
    let said = read("test.toml", &text, &mut noise).expect_err("garbage").to_string();
    assert!(said.contains("which cannot be read"), "{said}");
}

#[test]
fn a_load_may_come_from_a_table_and_a_torn_one_is_said() {
    let hours = 60;
    let first = tieline_units::Utc::parse("2026-07-14T00:00:00Z").expect("a stamp").as_nanos();
    let mut load_mw: Vec<f64> = (0..hours).map(|hour| 20_000.0 + f64::from(hour)).collect();
    load_mw[30] = f64::NAN;
    let table = tieline_sim::results::Table {
        name: "load".to_owned(),
        utc_ns: (0..i64::from(hours)).map(|hour| first + hour * 3_600_000_000_000).collect(),
        numbers: vec![("load_mw".to_owned(), load_mw)],
        texts: Vec::new(),
    };
    let mut bytes = Vec::new();
    let mut writer = tieline_files::table::TableWriter::new(&mut bytes, &table).expect("a table");
    writer.write(&table).expect("written");
    writer.finish().expect("finished");
    let text = edited("load = \"tva-like\"", "load = \"load.parquet\"");
    let whole = bytes.clone();
    let mut open = move |_: &str| -> io::Result<Box<dyn io::Read>> { Ok(Box::new(io::Cursor::new(whole.clone()))) };
    let scenario = read("test.toml", &text, &mut open).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(scenario.surroundings.load.gaps(), 1, "a null stays a gap");
    assert_eq!(scenario.surroundings.load.values()[1], 20_001e6);
    for cut in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        let torn = bytes[..cut].to_vec();
        let mut open = move |_: &str| -> io::Result<Box<dyn io::Read>> { Ok(Box::new(io::Cursor::new(torn.clone()))) };
        let said = read("test.toml", &text, &mut open).expect_err("torn").to_string();
        assert!(said.contains("which cannot be read"), "{said}");
    }
}

#[test]
fn noise_is_refused_without_a_panic() {
    let mut seed = 0x9e37_79b9_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let shipped = builtin("colossus-2").expect("built in");
    for _ in 0..300 {
        let mut bytes = shipped.as_bytes().to_vec();
        for _ in 0..1 + next() % 8 {
            let at = (next() % bytes.len() as u64) as usize;
            match next() % 3 {
                0 => bytes[at] = (32 + next() % 95) as u8,
                1 => drop(bytes.drain(at..(at + (next() % 40) as usize).min(bytes.len()))),
                _ => bytes.insert(at, b"[]{}=\"'\n#.-e"[(next() % 12) as usize]),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Err(mistakes) = parse(&text) {
            assert!(!mistakes.list.is_empty() && !mistakes.to_string().is_empty());
        }
    }
    let deep = "[".repeat(100_000);
    assert!(parse(&deep).is_err());
    assert!(parse(&"a.".repeat(50_000)).is_err());
    assert!(parse("").expect_err("empty").list.len() >= 5);
}

#[test]
fn the_schema_knows_every_key_that_the_reader_knows() {
    let schema = schema();
    let text = builtin("colossus-2").expect("built in");
    let value: toml::Value = toml::from_str(text).expect("TOML");
    fn walk(value: &toml::Value, schema: &serde_json::Value, path: &str) {
        match value {
            toml::Value::Table(table) if schema["properties"].is_object() => {
                for (key, inner) in table {
                    let known = &schema["properties"][key];
                    assert!(!known.is_null(), "{path}.{key} is not in the schema");
                    walk(inner, known, &format!("{path}.{key}"));
                }
            }
            toml::Value::Array(list) if schema["items"].is_object() => {
                list.iter().for_each(|inner| walk(inner, &schema["items"], path));
            }
            _ => {}
        }
    }
    walk(&value, &schema, "");
    assert_eq!(schema["additionalProperties"], serde_json::Value::Bool(false));
    assert!(schema["required"].as_array().expect("a list").iter().any(|key| key == "clock"));
}
