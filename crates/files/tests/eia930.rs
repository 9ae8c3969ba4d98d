//! EIA-930 files: the published ones where the data folder is at hand, and what can be wrong with one.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use flate2::{Compression, write::GzEncoder};
use tieline_files::eia930::{Eia930Error, GapReason, Reading930, Remark, read};
use tieline_units::{Span, Utc};

const RAW: &str = "date_time,demand (MW)\n";

fn raw(lines: &str) -> Result<Reading930, Eia930Error> {
    read("test.csv", format!("{RAW}{lines}").as_bytes())
}

/// `count` hours of a plain day curve from 2021-07-01 01:00 (hour ending), with `change` applied to each cell.
fn hours(count: usize, change: impl Fn(usize, f64) -> String) -> String {
    (0..count)
        .map(|i| {
            let hour = i + 1;
            let mw = 100_000.0 + 20_000.0 * ((i % 24) as f64 / 24.0 * std::f64::consts::TAU).sin();
            format!("2021-07-{:02} {:02}:00:00,{}\n", 1 + hour / 24, hour % 24, change(i, mw.round()))
        })
        .collect()
}

fn utc(text: &str) -> Utc {
    Utc::parse(text).expect("valid")
}

/// However long it lasts: one that carries load in most hours does not stop for six of them.
#[test]
fn a_long_run_of_zeros_is_a_gap_in_every_hour() {
    let reading = raw(&hours(72, |i, mw| if (30..36).contains(&i) { "0".to_owned() } else { mw.to_string() }));
    let reading = reading.expect("good");
    let values = reading.demand.values();
    assert!((30..36).all(|hour| values[hour].is_nan()) && values[29] > 0.0 && values[36] > 0.0);
    assert_eq!(reading.gaps.iter().filter(|gap| gap.reason == GapReason::Zero).count(), 6);
    // Who never carries any is not told to.
    let nothing = raw(&hours(48, |_, _| "0".to_owned())).expect("good");
    assert!(nothing.gaps.is_empty());
}

#[test]
fn hour_ending_becomes_hour_beginning_in_watts() {
    let reading = raw("2023-07-27 22:00:00,147194\n2023-07-27 23:00:00,140000\n").expect("good");
    assert_eq!(reading.demand.start(), utc("2023-07-27T21:00:00Z"));
    assert_eq!(reading.demand.values(), [147_194e6, 140_000e6]);
    assert_eq!(reading.demand.at(utc("2023-07-27T21:59:59Z")), Some(147_194e6));
    assert!(reading.cleaned.is_none() && reading.gaps.is_empty() && reading.remarks.is_empty());
}

#[test]
fn what_is_not_a_measurement_is_a_gap_with_line_and_reason() {
    let lines = hours(48, |i, mw| match i {
        5 => "EMPTY".to_owned(),
        7 => "MISSING".to_owned(),
        9 => String::new(),
        11 => "n/a".to_owned(),
        14 => "-12".to_owned(),
        17 => "0".to_owned(),
        20 => "2147480000".to_owned(),
        24 => "245799".to_owned(),
        28 => "1500".to_owned(),
        32 => "NaN".to_owned(),
        _ => mw.to_string(),
    });
    let reading = raw(&lines).expect("good");
    let reasons: Vec<(u64, GapReason)> = reading.gaps.iter().map(|g| (g.line, g.reason.clone())).collect();
    assert_eq!(
        reasons,
        [
            (7, GapReason::Empty),
            (9, GapReason::Missing),
            (11, GapReason::Blank),
            (13, GapReason::NotANumber("n/a".to_owned())),
            (16, GapReason::Negative(-12.0)),
            (19, GapReason::Zero),
            (22, GapReason::Absurd(2_147_480_000.0)),
            (26, GapReason::Spike(245_799.0)),
            (30, GapReason::DropOut(1_500.0)),
            (34, GapReason::NotANumber("NaN".to_owned())),
        ]
    );
    assert_eq!(reading.demand.gaps(), 10);
    assert!(reading.demand.values().iter().all(|w| w.is_nan() || *w > 50e9), "never a zero");
}

#[test]
fn a_real_peak_and_a_real_collapse_are_kept() {
    // A day at 1.5 times the day before, and a lasting fall to a third: neither is an isolated hour.
    let peak = raw(&hours(72, |i, mw| if (24..48).contains(&i) { (mw * 1.5).to_string() } else { mw.to_string() }));
    assert_eq!(peak.expect("good").demand.gaps(), 0);
    let fall = raw(&hours(72, |i, mw| if i >= 30 { (mw / 3.0).round().to_string() } else { mw.to_string() }));
    assert_eq!(fall.expect("good").demand.gaps(), 0);
}

#[test]
fn doubled_misplaced_and_missing_stamps_are_named() {
    let reading = raw(
        "2021-01-01 01:00:00,100\n2021-01-01 02:00:00,110\n2021-01-01 02:00:00,999\n2021-01-01 07:00:00,120\n2021-01-01 03:00:00,115\n",
    )
    .expect("good");
    assert_eq!(reading.counts.duplicates, 1);
    assert_eq!(reading.counts.out_of_order, 1);
    assert_eq!(reading.demand.at(utc("2021-01-01T01:00:00Z")), Some(110e6), "the first of two values is kept");
    assert_eq!(reading.demand.at(utc("2021-01-01T02:00:00Z")), Some(115e6), "a misplaced line goes where it belongs");
    let hole = reading.gaps.iter().find(|g| g.reason == GapReason::NoLine).expect("a hole");
    assert_eq!((hole.line, hole.stamp, hole.hours), (5, utc("2021-01-01T03:00:00Z"), 3));
    let places: Vec<_> = reading.remarks.iter().map(|n| (n.line, n.remark)).collect();
    assert_eq!(places, [(6, Remark::OutOfOrder), (4, Remark::Contradicts(999.0))]);
}

#[test]
fn what_the_publisher_replaced_is_a_gap_and_his_value_stands_apart() {
    let text = "date_time,raw demand (MW),category,cleaned demand (MW)\r\n2021-01-01 01:00:00,100,OKAY,100\r\n2021-01-01 02:00:00,MISSING,MISSING,105\r\n2021-01-01 03:00:00,300,DELTA,110\r\n";
    let reading = read("zone.csv", text.as_bytes()).expect("good");
    assert_eq!(reading.demand.gaps(), 2);
    assert_eq!(reading.gaps[1].reason, GapReason::Screened("DELTA".to_owned()));
    assert_eq!(reading.cleaned.expect("screened layout").values(), [100e6, 105e6, 110e6]);
}

#[test]
fn gzip_is_seen_from_the_content_and_a_torn_one_is_told() {
    let text = format!("{RAW}{}", hours(700, |_, mw| mw.to_string()));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).expect("memory");
    let packed = gzip.finish().expect("memory");
    assert_eq!(read("a", packed.as_slice()).expect("good").demand.values().len(), 700);
    for cut in 0..packed.len() {
        let error = read("a", &packed[..cut]).expect_err("torn");
        if cut > 20 {
            assert!(matches!(error, Eia930Error::Unreadable { .. }), "{cut}: {error}");
        }
    }
}

#[test]
fn wrong_files_are_refused_with_their_line() {
    let message = |bytes: &[u8]| read("x.csv", bytes).expect_err("bad").to_string();
    assert!(message(b"time,mw\n1,2\n").contains("line 1: this is not an EIA-930 demand file"));
    assert!(message(b"").contains("no data rows"));
    assert!(message(RAW.as_bytes()).contains("no data rows"));
    let with = |line: &str| message(format!("{RAW}2021-01-01 01:00:00,100\n{line}\n").as_bytes());
    assert!(with("2021-02-29 01:00:00,100").contains("line 3"));
    assert!(with("2021-01-01 02:30:00,100").contains("not on the hour"));
    assert!(with("2021-01-01 02:00:00").contains("1 fields, expected 2"));
    assert!(with("2021-01-01 02:00:00,1,2").contains("3 fields, expected 2"));
    assert!(with("2199-01-01 02:00:00,1").contains("span"));
    assert!(with(&"7".repeat(5000)).contains("line 3: longer than"));
    let mut latin = format!("{RAW}2021-01-01 01:00:00,100\n2021-01-01 02:00:00,").into_bytes();
    latin.extend([0xe9, b'\n']);
    assert!(message(&latin).contains("line 3: not UTF-8"));
}

/// Noise from a small generator of its own, as long as one likes.
struct Noise {
    state: u64,
    left: u64,
    printable: bool,
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.left as usize);
        for byte in &mut buffer[..n] {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let b = (self.state >> 56) as u8;
            *byte = if self.printable { 32 + b % 95 } else { b };
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[test]
fn two_gigabytes_of_noise_are_refused_at_once() {
    for printable in [false, true] {
        let begun = Instant::now();
        assert!(read("noise", Noise { state: 9, left: 2 << 30, printable }).is_err());
        // With a good header in front, the noise is refused at its own line.
        let text = std::io::Cursor::new(RAW.as_bytes()).chain(Noise { state: 3, left: 2 << 30, printable });
        assert!(read("noise", text).expect_err("noise").to_string().contains("line"));
        assert!(begun.elapsed().as_secs_f64() < 1.0, "noise is not read to its end");
    }
    // Two gigabytes of good lines are more rows than any file has.
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let line = b"2021-01-01 01:00:00,100\n";
            let n = (buffer.len() / line.len()).max(1) * line.len();
            let n = n.min(buffer.len());
            buffer[..n].iter_mut().zip(line.iter().cycle()).for_each(|(b, c)| *b = *c);
            Ok(n)
        }
    }
    let error = read("endless", std::io::Cursor::new(RAW.as_bytes()).chain(Endless)).expect_err("too long");
    assert!(error.to_string().contains("line"), "{error}");
}

#[test]
fn problems_are_capped_and_counted() {
    let lines: String = (0..20_000)
        .map(|i| {
            format!("{:04}-{:02}-{:02} {:02}:00:00,EMPTY\n", 2000 + i / 8064, 1 + i / 672 % 12, 1 + i / 24 % 28, i % 24)
        })
        .collect();
    let reading = raw(&lines).expect("readable");
    assert_eq!(reading.counts.not_numbers, 20_000);
    assert_eq!(reading.gaps.len(), 10_000);
}

#[test]
fn random_bytes_behind_a_header_never_panic() {
    for seed in 0..2000_u64 {
        let mut body = vec![0; 200];
        Noise { state: seed, left: 200, printable: seed % 2 == 0 }.read_exact(&mut body).expect("memory");
        let mut text = RAW.as_bytes().to_vec();
        text.extend(b"2021-01-01 01:00:00,100\n");
        text.extend(body);
        let _ = read("noise", text.as_slice());
    }
}

fn data() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("TIELINE_DATA").map_or(beside, PathBuf::from);
    let folder = root.join("eia930_pjm/data/release_2025_Jan_include_subregions");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: needs eia930_pjm in the data folder (TIELINE_DATA or ../shared/data)");
    None
}

fn file(path: PathBuf) -> Reading930 {
    let name = path.display().to_string();
    read(&name, std::fs::File::open(&path).expect("present")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_raw_pjm_file_has_the_faults_that_its_source_note_lists() {
    let Some(folder) = data() else { return };
    let reading = file(folder.join("original_eia_files/PJM.csv.gz"));
    assert_eq!(reading.counts.lines, 34_920);
    let count = |want: fn(&GapReason) -> bool| reading.gaps.iter().filter(|g| want(&g.reason)).count();
    assert_eq!(count(|r| *r == GapReason::Empty), 93);
    assert_eq!(count(|r| *r == GapReason::Missing), 1);
    let absurd: Vec<_> = reading
        .gaps
        .iter()
        .filter_map(|g| if let GapReason::Absurd(mw) = g.reason { Some((g.stamp.to_string(), mw)) } else { None })
        .collect();
    assert_eq!(
        absurd,
        [
            ("2021-10-19T02:00:00Z".to_owned(), 1_527_760_000.0),
            ("2021-10-19T03:00:00Z".to_owned(), 2_147_480_000.0),
            ("2021-10-19T04:00:00Z".to_owned(), 431_044_000.0)
        ],
        "hour beginning: one hour before the stamp of the file"
    );
    let spikes: Vec<_> =
        reading.gaps.iter().filter(|g| matches!(g.reason, GapReason::Spike(_))).map(|g| g.stamp.to_string()).collect();
    assert_eq!(
        spikes,
        [
            "2020-04-10T03:00:00Z",
            "2020-07-13T22:00:00Z",
            "2020-07-24T15:00:00Z",
            "2020-07-27T21:00:00Z",
            "2020-09-03T20:00:00Z"
        ]
    );
    let holes: Vec<_> = reading.gaps.iter().filter(|g| g.reason == GapReason::NoLine).collect();
    assert_eq!(holes.len(), 1);
    assert_eq!((holes[0].stamp, holes[0].hours), (utc("2022-12-21T23:00:00Z"), 144));
    assert_eq!(reading.demand.gaps(), 93 + 1 + 3 + 5 + 144);
    assert_eq!(reading.counts.duplicates + reading.counts.out_of_order, 0);
    // Three more hours stand out from both sides without being beyond doubt: kept, and named.
    let suspects: Vec<_> = reading.remarks.iter().map(|n| n.stamp.to_string()).collect();
    assert_eq!(suspects, ["2020-07-28T16:00:00Z", "2020-07-29T20:00:00Z", "2020-08-13T12:00:00Z"]);
}

#[test]
fn every_zone_has_its_replaced_hours_as_gaps_and_no_others() {
    let Some(folder) = data() else { return };
    let expected = [
        ("PJM-AE", 146),
        ("PJM-AEP", 148),
        ("PJM-AP", 146),
        ("PJM-ATSI", 145),
        ("PJM-BC", 147),
        ("PJM-CE", 149),
        ("PJM-DAY", 145),
        ("PJM-DEOK", 145),
        ("PJM-DOM", 148),
        ("PJM-DPL", 147),
        ("PJM-DUQ", 155),
        ("PJM-EKPC", 150),
        ("PJM-JC", 231),
        ("PJM-ME", 446),
        ("PJM-PE", 148),
        ("PJM-PEP", 146),
        ("PJM-PL", 148),
        ("PJM-PN", 164),
        ("PJM-PS", 394),
        ("TVA", 57),
    ];
    let begun = Instant::now();
    let mut zone_sum = Vec::new();
    for (zone, replaced) in expected {
        let reading = file(folder.join(format!("subregions_and_balancing_authorities/{zone}.csv.gz")));
        assert_eq!(reading.demand.gaps(), replaced + 144, "{zone}");
        assert_eq!(reading.counts.outliers, 0, "{zone}: the rule flags nothing that the publisher accepts");
        let cleaned = reading.cleaned.expect("screened layout");
        assert_eq!(cleaned.gaps(), 144, "{zone}");
        if zone != "TVA" {
            zone_sum.resize(cleaned.values().len(), 0.0);
            zone_sum.iter_mut().zip(cleaned.values()).for_each(|(sum, w)| *sum += w);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("20 files in {seconds:.3} s");
    assert!(seconds < 2.0, "{seconds} s");
    // Annual peaks of the zone sum, GW (by year of UTC).
    let peak = |from: &str, to: &str| {
        let index =
            |text| ((utc(text) - utc("2019-12-31T23:00:00Z")).as_nanos() / Span::secs(3600).as_nanos()) as usize;
        let to = index(to).min(zone_sum.len());
        zone_sum[index(from)..to].iter().copied().filter(|w| w.is_finite()).fold(0.0, f64::max) / 1e9
    };
    for (year, want) in [(2020, 143.8), (2021, 149.5), (2022, 147.9), (2023, 147.2)] {
        let got = peak(&format!("{year}-01-01T00:00:00Z"), &format!("{}-01-01T00:00:00Z", year + 1));
        assert!((got - want).abs() < 0.06, "{year}: {got}");
    }
}
