//! MATPOWER cases: what is read, and what is said about files that are broken.

use std::path::PathBuf;
use tieline_files::matpower::{read, write};
use tieline_grid::network::direct::{Convention, DirectFlow};
use tieline_grid::network::{BusKind, Cost};

const TEACHING: &str = include_str!("../../../grids/five-bus.m");

#[test]
fn the_teaching_case_comes_out_in_si() {
    let case = read("five-bus.m", TEACHING.as_bytes()).expect("reads");
    let network = &case.network;
    assert_eq!((network.name.as_str(), network.base_va, network.bus_count()), ("five_bus", 100e6, 5));
    assert_eq!(network.buses.kind[0], BusKind::Reference);
    assert_eq!(network.buses.load_w[1], 1500e6);
    assert_eq!(network.buses.shunt_var[1], 200e6);
    assert_eq!(network.branches.tap[0], 1.0);
    assert_eq!(network.branches.rating_va[5], 1100e6);
    assert_eq!(network.generators.cost[0], Some(Cost::Polynomial(vec![0.0, 8.0, 0.0])));
    assert_eq!(
        network.generators.cost[2],
        Some(Cost::Piecewise(vec![(300.0, 9600.0), (900.0, 27_600.0), (1500.0, 48_600.0)]))
    );
    assert!(case.remarks.is_empty(), "{:?}", case.remarks);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let broken = TEACHING
        .replace("  3 2  600 120", "  3 7  600 1x0")
        .replace("  3  700 0 450", "  9  700 0 450")
        .replace("mpc.version = '2'", "mpc.version = '1'")
        .replace("  2 5 0.0036 0.038", "  2 5 0 0");
    let mistakes = read("broken.m", broken.as_bytes()).expect_err("broken");
    let text = mistakes.to_string();
    let line = |part: &str| 1 + broken.lines().position(|line| line.contains(part)).expect("there");
    for (part, reason) in [
        ("mpc.version", "found version \"1\", expected '2'"),
        ("  3 7  600", "found \"1x0\" in mpc.bus, expected a number"),
        ("  9  700", "mpc.gen names bus 9, which mpc.bus does not have"),
        ("  2 5 0 0", "r = 0 and x = 0"),
    ] {
        assert!(text.contains(&format!("broken.m:{}: ", line(part))), "{part}: {text}");
        assert!(text.contains(reason), "{reason}: {text}");
    }
}

/// Distribution cases convert their units in code below the tables: read without it they would be another network.
#[test]
fn code_that_changes_tables_is_refused() {
    for code in ["mpc.branch(:, 6) = mpc.branch(:, 6) * 2;", "mpc = scale_load(1.1, mpc);", "mpc.gencost(:,5) = 0;"] {
        let text = format!("{TEACHING}\n{code}\n");
        let told = read("code.m", text.as_bytes()).expect_err("code").to_string();
        let line = text.lines().count();
        assert!(
            told.contains(&format!("code.m:{line}: ")) && told.contains("code that changes them is not run"),
            "{told}"
        );
    }
}

/// Each of these was read in silence, as another network than the one that is written there.
#[test]
fn what_stands_twice_apart_or_behind_the_end_is_told() {
    for (from, to, wanted) in [
        (
            "mpc.baseMVA = 100;",
            "mpc.baseMVA = 100;\nmpc.baseMVA = 50;",
            "mpc.baseMVA stands here a second time, in line",
        ),
        ("  3 2  600 120", "  3 2  600,5 120", "found \"600,5 (a decimal comma?)\" in mpc.bus"),
        ("  3  700 0 450", "  3  700 0 0 450", "columns in mpc.gen, expected"),
        ("mpc.branch = [", "mpc.branch = [];mpc.dcline = [", "found \"mpc.dcline = [\" behind the end of mpc.branch"),
        ("mpc.branch = [", "%{\nmpc.branch = [", "a block of comment begins here and never ends"),
        ("mpc.branch = [", "[mpc.gen] = five();\nmpc.branch = [", "code that changes them is not run"),
    ] {
        let broken = TEACHING.replacen(from, to, 1);
        assert_ne!(broken, TEACHING, "{from}");
        let told = read("broken.m", broken.as_bytes()).expect_err(wanted).to_string();
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    // What stands in a block of comment is none of the case, whatever it is; a byte-order mark and other line ends are no matter.
    let whole = read("five-bus.m", TEACHING.as_bytes()).expect("reads").network;
    let base = "mpc.baseMVA = 100;";
    let block = format!("%{{\n%{{\n%}}\nmpc.baseMVA = 50;\nmpc.bus = [1 2 3];\n%}}\n{base}");
    let dressed = format!("\u{feff}{}", TEACHING.replace(base, &block)).replace('\n', "\r\n");
    assert_ne!(dressed.matches("baseMVA").count(), 1);
    assert_eq!(read("dressed.m", dressed.as_bytes()).expect("reads").network, whole);
}

#[test]
fn files_that_end_early_or_are_none_are_refused() {
    for cut in (0..TEACHING.len()).step_by(37) {
        if let Err(mistakes) = read("cut.m", &TEACHING.as_bytes()[..cut]) {
            assert!(!mistakes.list.is_empty());
        }
    }
    let text = read("no.m", &b"\x1f\x8b\x08 not gzip"[..]).expect_err("no gzip").to_string();
    assert!(text.contains("cannot be read"), "{text}");
    let text = read("no.m", &b"hello"[..]).expect_err("no case").to_string();
    assert!(text.contains("mpc.version") && text.contains("mpc.bus"), "{text}");
}

#[test]
fn what_is_written_reads_as_the_same_network() {
    let rated = TEACHING
        .replace("  1 3 0.0030 0.031 0.52  900  900  900", "  1 3 0.0030 0.031 0.52  900  990 1080.3")
        .replace("  2 1 1500 300 0 200 1 1.00 0 345 1", "  2 1 1500 300 0 200 7 1.00 0 345 12")
        + "\nmpc.bus_name = {'it''s; one'; 'two}';\n'three'; 'four' 'other words'; 'five % all'};\n";
    let network = read("rated.m", rated.as_bytes()).expect("reads").network;
    assert_eq!((network.branches.short_term_va[2], network.branches.emergency_va[2]), (Some(990e6), Some(1080.3e6)));
    assert_eq!((network.buses.area[1], network.buses.zone[1]), (7, 12));
    assert_eq!(network.buses.name, ["it's; one", "two}", "three", "four", "five % all"]);
    let again = read("again.m", write(&network).as_bytes()).expect("reads what was written").network;
    assert_eq!(again, network);
    let network = read("five-bus.m", TEACHING.as_bytes()).expect("reads").network;
    let again = read("again.m", write(&network).as_bytes()).expect("reads what was written").network;
    assert_eq!(again, network);
}

#[test]
fn every_published_case_is_read_and_flows() {
    let folder = std::env::var_os("TIELINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(folder.join("pglib_opf")) else {
        println!("skipped: needs pglib_opf");
        return;
    };
    let mut count = 0;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if !path.to_string_lossy().contains(".m") || path.extension().is_some_and(|ending| ending == "md") {
            continue;
        }
        let file = std::fs::File::open(&path).expect("opens");
        let case = read(&path.to_string_lossy(), file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let network = &case.network;
        DirectFlow::new(network, Convention::Pm, None).and_then(|mut direct| direct.solve(network)).expect("flows");
        count += 1;
    }
    assert_eq!(count, 59, "typical cases");
}

#[test]
fn a_bus_that_is_told_wrong_makes_nobody_else_wrong() {
    let broken = TEACHING.replace("  2 1 1500", "  2 1 NaN");
    assert_ne!(broken, TEACHING);
    let text = read("broken.m", broken.as_bytes()).expect_err("broken").to_string();
    assert!(text.contains("mpc.bus") && !text.contains("does not have"), "{text}");
}
