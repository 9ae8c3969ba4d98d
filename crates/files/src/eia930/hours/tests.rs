//! Files lined up: ends and beginnings of hours, gaps, what is told and what is not used.
//!
//! Not modelled: files of disk; texts are made here.

use super::*;
use crate::dispatch::{self, Settings};
use crate::eia930::{read, zones};

/// Two zones of two days, stamps at the END of the hour, and a fuel mix of the same hours, stamps at their BEGINNING.
fn folder(change: impl Fn(&str, usize, String) -> String) -> Vec<(&'static str, String)> {
    let demand = |file: &'static str, mw: usize| {
        let row = |hour: usize| {
            let (day, of_day) = (1 + (hour + 1) / 24, (hour + 1) % 24);
            change(file, hour, format!("2022-05-{day:02} {of_day:02}:00:00,{}\n", mw + 10 * (hour % 24)))
        };
        (file, format!("date_time,demand (MW)\n{}", (0..48).map(row).collect::<String>()))
    };
    let row = |hour: usize| {
        let stamp = format!("2022-05-{:02} {:02}:00:00+00:00", 1 + hour / 24, hour % 24);
        change("X_mix.csv", hour, format!("{stamp},{},1000,{}\n", hour % 7, 380 + 21 * (hour % 24)))
    };
    let mix = format!("timestamp,WND,NUC,NG\n{}", (0..48).map(row).collect::<String>());
    vec![demand("X-A.csv", 1000), demand("X-B.csv", 400), ("X_mix.csv", mix)]
}

fn parts(files: &[(&'static str, String)]) -> Vec<Part> {
    let one = |(file, text): &(&'static str, String)| match holds(text.as_bytes()).expect("reads") {
        Holds::Demand => Part::of_demand(file, read(file, text.as_bytes()).expect("demand")),
        Holds::FuelMix => Part::of_mix(file, fuel_mix::read(file, text.as_bytes()).expect("mix"), true),
        Holds::Other => panic!("{file} is neither"),
    };
    files.iter().map(one).collect()
}

#[test]
fn ends_and_beginnings_of_hours_meet() {
    let parts = parts(&folder(|_, _, row| row));
    let hours = line_up(&parts, Window::All, 0).expect("lines up");
    assert_eq!((hours.start.to_string().as_str(), hours.hours), ("2022-05-01T00:00:00Z", 48));
    let names: Vec<&str> = hours.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a_load_mw", "b_load_mw", "wnd_generation_mw", "nuc_generation_mw", "ng_generation_mw"]);
    assert_eq!((hours.columns[0].values_w[5], hours.columns[4].values_w[5]), (1050e6, 485e6));
    let numbers = hours.numbers();
    assert_eq!((numbers[0].1[47], hours.end().to_string().as_str()), (1230.0, "2022-05-03T00:00:00Z"));
}

#[test]
fn gaps_are_told_or_filled_and_never_hidden() {
    let files = folder(|file, hour, row| match (file, hour) {
        ("X-A.csv", 10 | 11) => row.replace(",1", ",MISSING"),
        ("X_mix.csv", 20..=23) => String::new(),
        _ => row,
    });
    let parts = parts(&files);
    let bare = line_up(&parts, Window::All, 1).expect("lines up");
    let left = bare.left(&parts, |_| true);
    let told: Vec<(usize, usize, &str)> =
        left.iter().map(|left| (left.columns.len(), left.hours, left.why.as_str())).collect();
    assert_eq!(
        told,
        [(1, 2, "X-A.csv:12: \"MISSING100\" is not a number"), (3, 4, "X_mix.csv:22: no line for this hour")]
    );
    let filled = line_up(&parts, Window::All, 4).expect("lines up");
    assert!(filled.left(&parts, |_| true).is_empty());
    let a = &filled.columns[0];
    assert_eq!((a.filled, a.values_w[10], a.values_w[11]), (2, 1100e6, 1110e6), "a straight line");
    // A window that ends within a gap has no value on the far side of it in the window, but the file has.
    let until = Utc::parse("2022-05-01T22:00:00Z").expect("valid");
    let cut = line_up(&parts, Window::Given(None, Some(until)), 0).expect("lines up");
    let left = cut.left(&parts, |column| column.name.starts_with("nuc"));
    assert_eq!((left[0].hours, left[0].fills), (2, Some(4)), "the whole gap must be filled, not its part");
}

#[test]
fn a_grid_balances_and_reads() {
    // In hour 3 wind draws: pumping and charging stand in a fuel mix as less than nothing.
    let draws = |file: &str, hour: usize, row: String| match (file, hour) {
        ("X_mix.csv", 3) => row.replace(",3,1000", ",-50,1000"),
        _ => row,
    };
    let parts = parts(&folder(draws));
    let plan = zones::plan(&parts).expect("a plan");
    let hours = line_up(&parts, Window::All, 0).expect("lines up");
    let (text, columns) = zones::grid("x", "x.csv", &parts, &plan, &hours);
    let of = |name: &str| &columns.iter().find(|column| column.0 == name).expect("a column").1;
    for hour in 0..48 {
        let load = of("a_load_mw")[hour] + of("b_load_mw")[hour] + of("pool_export_mw")[hour];
        let given: f64 = ["wnd_generation_mw", "nuc_generation_mw", "ng_generation_mw", "pool_import_mw"]
            .iter()
            .map(|name| of(name)[hour])
            .sum();
        assert!((load - given).abs() < 1e-9, "hour {hour}: {load} {given}");
    }
    let table = tieline_sim::results::Table {
        name: "x".to_owned(),
        utc_ns: hours.stamps(),
        numbers: columns.clone(),
        texts: Vec::new(),
    };
    let mut csv = Vec::new();
    dispatch::series::write_csv(&table, &mut csv).expect("writes");
    let case = dispatch::read("x.toml", &text, &Settings::default(), &mut |_| {
        Ok(Box::new(std::io::Cursor::new(csv.clone())) as Box<dyn Read>)
    })
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(case.problem.complaints(), Vec::<String>::new());
    assert_eq!((case.problem.zones.name.len(), case.problem.units.name.len()), (3, 4));
    assert_eq!(case.problem.available_w(5, 0), 1000e6, "nuclear gives what was observed");
    // Series that begin elsewhere than the grid says are refused.
    let late = text.replace("2022-05-01T00:00:00Z\"\n#", "2022-05-01T01:00:00Z\"\n#");
    let mistakes = dispatch::read("x.toml", &late, &Settings::default(), &mut |_| {
        Ok(Box::new(std::io::Cursor::new(csv.clone())) as Box<dyn Read>)
    })
    .expect_err("an hour late");
    assert!(
        mistakes
            .to_string()
            .contains("found stamp 2022-05-01T00:00:00Z in line 2, expected 2022-05-01T01:00:00Z: one row an hour"),
        "{mistakes}"
    );
}

#[test]
fn a_byte_that_is_wrong_is_told_and_never_panics() {
    let files = folder(|_, _, row| row);
    for (file, text) in &files[1..] {
        for at in (0..text.len()).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 0x15;
            let part = match holds(&bytes[..]) {
                Ok(Holds::Demand) => read(file, &bytes[..]).ok().map(|reading| Part::of_demand(file, reading)),
                Ok(Holds::FuelMix) => fuel_mix::read(file, &bytes[..]).ok().map(|mix| Part::of_mix(file, mix, true)),
                _ => None,
            };
            if let Some(part) = part
                && let Ok(hours) = line_up(std::slice::from_ref(&part), Window::Any, 2)
            {
                let _ = hours.left(std::slice::from_ref(&part), |_| true);
            }
        }
    }
}

#[test]
fn files_are_known_by_their_first_line_and_zones_by_their_name() {
    assert_eq!(named("PJM-PS.csv.gz"), ("pjm".to_owned(), "ps".to_owned()));
    assert_eq!(named("below/PJM.csv"), ("pjm".to_owned(), "pjm".to_owned()));
    assert_eq!(named("PJM_NG_&_avgCI.csv.gz").0, "pjm");
    assert_eq!(holds(&b"a,b\n1,2\n"[..]), Ok(Holds::Other));
    assert!(holds(&[0x1f, 0x8b, 8, 0][..]).is_err());
    let two = [folder(|_, _, row| row)[0].clone(), folder(|_, _, row| row)[0].clone()];
    let why = line_up(&parts(&two), Window::Any, 0).expect_err("one name twice");
    assert!(why.contains("would both be column a_load_mw"), "{why}");
}

/// Hours that a short file takes from all others were silently not used.
#[test]
fn a_short_file_is_named_with_the_hours_that_it_takes_from_the_others() {
    let short = |file: &str, hour: usize, row: String| {
        if file == "X-B.csv" && !(6..40).contains(&hour) { String::new() } else { row }
    };
    let parts = parts(&folder(short));
    let hours = line_up(&parts, Window::All, 0).expect("lines up");
    assert_eq!((hours.start.to_string().as_str(), hours.hours), ("2022-05-01T06:00:00Z", 34));
    let [short] = &hours.shortened(&parts)[..] else { panic!("one file is short") };
    assert_eq!((short.file.as_str(), short.before, short.after), ("X-B.csv", 6, 8));
    assert_eq!(short.ends, (hours.start, hours.end()));
    assert_eq!(line_up(&parts[..1], Window::All, 0).expect("lines up").shortened(&parts[..1]), []);
    let apart = |file: &str, hour: usize, row: String| {
        if (file == "X-B.csv") == (hour < 24) { String::new() } else { row }
    };
    let parts = self::parts(&folder(apart));
    let why = line_up(&parts, Window::All, 0).expect_err("no hour in common");
    assert!(why.contains("X-A.csv ends before 2022-05-02T00:00:00Z, X-B.csv begins at 2022-05-02T00:00:00Z"), "{why}");
}

/// What stands out was counted over the whole file, whatever hours were asked for, and without its value.
#[test]
fn what_stands_out_is_told_of_the_hours_that_are_asked_for() {
    let odd = |file: &str, hour: usize, row: String| match (file, hour) {
        ("X-A.csv", 10) => row.replace(",1100", ",1450"),
        ("X-A.csv", 30) => row.replace(",1060", ",1400"),
        ("X_mix.csv", 20) => row.replace(",1000,", ",500,"),
        _ => row,
    };
    let parts = parts(&folder(odd));
    let at = |text: &str| Utc::parse(text).expect("valid");
    let (first, noon, last) = (at("2022-05-01T00:00:00Z"), at("2022-05-01T12:00:00Z"), at("2022-05-03T00:00:00Z"));
    let told = |part: usize, from, to| -> Vec<String> {
        let told = parts[part].noted(from, to);
        told.iter().flat_map(|told| &told.notes).map(|note| format!("{}: {}", note.line, note.found)).collect()
    };
    assert_eq!(told(0, first, last), ["12: 1450 MW", "32: 1400 MW"]);
    assert_eq!(told(0, noon, last), ["32: 1400 MW"]);
    assert_eq!(told(2, first, last), ["22: NUC at 500 MW, beside 1000 MW"]);
    assert_eq!(told(2, first, noon), Vec::<String>::new());
}

/// A zone that has no load in most hours keeps its zeros; that was not said.
#[test]
fn zeros_that_stay_as_load_are_told() {
    let late = |file: &str, hour: usize, row: String| match (file, hour) {
        ("X-A.csv", 0..30 | 46..) => format!("{},0\n", row.split(',').next().expect("a stamp")),
        _ => row,
    };
    let parts = parts(&folder(late));
    let hours = line_up(&parts, Window::All, 0).expect("lines up");
    assert_eq!((hours.columns[0].values_w[0], hours.columns[0].values_w[47]), (0.0, 0.0));
    let told = parts[0].noted(hours.start, hours.end());
    let [zeros] = &told[..] else { panic!("{told:?}") };
    assert_eq!((zeros.hours, zeros.notes[0].line, zeros.notes[1].line), (32, 2, 48));
    assert!(zeros.kind.starts_with("zero in a file that is mostly zeros"));
    assert_eq!(parts[0].noted(hours.start + Span::secs(30 * 3600), hours.start + Span::secs(46 * 3600)), []);
}

/// A stamp that stands twice with two values: the one that is left out was not told.
#[test]
fn two_values_of_one_hour_are_told_with_the_one_that_is_left_out() {
    let twice = |file: &str, hour: usize, row: String| match (file, hour) {
        ("X-A.csv", 5) => format!("{row}{}", row.replace(",1050", ",1051")),
        ("X-A.csv", 7) => row.repeat(2),
        _ => row,
    };
    let parts = parts(&folder(twice));
    let hours = line_up(&parts, Window::All, 0).expect("lines up");
    assert_eq!(hours.columns[0].values_w[5], 1050e6);
    let told = parts[0].noted(hours.start, hours.end());
    let told: Vec<(&str, u64, &str)> =
        told.iter().map(|told| (told.kind, told.notes[0].line, told.notes[0].found.as_str())).collect();
    assert_eq!(
        told,
        [
            ("stamp was there before with another value, the first is kept", 8, "1051 MW"),
            ("stamp was there before with the same value, left out", 11, ""),
        ]
    );
}
