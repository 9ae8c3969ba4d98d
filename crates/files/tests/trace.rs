//! Traces as loggers export them: dialects, stamps, units, disorder; and that no text makes the reader panic.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Write as _};
use tieline_files::trace::{Columnar, PowerUnit, Text, TraceError, Wishes, offset};

fn open(text: impl Into<Vec<u8>>, wishes: &Wishes) -> Result<Text, TraceError> {
    Text::open(Cursor::new(text.into()), wishes)
}

/// All rows, and how they were read.
fn read(text: impl Into<Vec<u8>>) -> (Vec<(i64, f64)>, tieline_files::trace::Reading) {
    read_with(text, &Wishes::default())
}

fn read_with(text: impl Into<Vec<u8>>, wishes: &Wishes) -> (Vec<(i64, f64)>, tieline_files::trace::Reading) {
    let mut trace = open(text, wishes).unwrap_or_else(|why| panic!("{why}"));
    let mut rows = Vec::new();
    while trace.read(&mut rows).unwrap_or_else(|why| panic!("{why}")) {}
    (rows, trace.reading().clone())
}

fn asked(text: &str) -> String {
    match open(text, &Wishes::default()).err() {
        Some(TraceError::Ask(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// 2024-05-01T12:00:00Z and a second later, ns.
const NOON: i64 = 1_714_564_800_000_000_000;
const SECOND: i64 = 1_000_000_000;

#[test]
fn one_trace_in_many_dialects() {
    let dialects = [
        "time_s,power_w\n1714564800.0,1500\n1714564801.0,2500\n".to_owned(),
        "# exported by hand\n\n\"Timestamp\";\"P [kW]\"\r\n2024-05-01T12:00:00Z;1,5\r\n2024-05-01T12:00:01Z;2,5\r\n"
            .to_owned(),
        "Zeit;Wirkleistung\n;kW\n01.05.2024 12:00:00,000;1,5\n01.05.2024 12:00:01,000;2,5\n".to_owned(),
        "timestamp, power.draw [W]\n2024/05/01 12:00:00.000, 1500.00 W\n2024/05/01 12:00:01.000, 2500.00 W\n"
            .to_owned(),
        "ts\tload_mw\tnote\n1714564800000\t0.0015\ta\n1714564801000\t0.0025\tb\n".to_owned(),
        "Date,Time,Real Power (W)\n2024-05-01,12:00:00,\"1,500\"\n2024-05-01,12:00:01,\"2,500\"\n".to_owned(),
        "When,Total kW,Limit kW\n5/13/2024 12:00:00 PM,1.5,9\n5/13/2024 12:00:01 PM,2.5,9\n".to_owned(),
        "powerKW|epochNs\n1.5|1714564800000000000\n2.5|1714564801000000000\n".to_owned(),
    ];
    for text in dialects {
        let (rows, reading) = read(text.clone());
        assert_eq!(rows.len(), 2, "{text}{reading:?}");
        let twelve_days = 12 * 86_400 * SECOND;
        assert!(rows[0].0 == NOON || rows[0].0 == NOON + twelve_days, "{text}{rows:?}");
        assert_eq!(rows[1].0 - rows[0].0, SECOND, "{text}");
        assert!((rows[0].1 - 1500.0).abs() < 1e-9 && (rows[1].1 - 2500.0).abs() < 1e-9, "{text}{rows:?}{reading:?}");
    }
}

#[test]
fn packed_and_wide_text_is_read_as_it_is() {
    let text = "time_s,power_w\n0,1\n1,2\n2,3\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).expect("memory takes it");
    assert_eq!(read(packed.finish().expect("memory takes it")).0.len(), 3);
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(wide).0, read(text).0);
}

#[test]
fn what_cannot_be_told_is_asked_with_the_flag_that_tells_it() {
    for (text, flag) in [
        ("time,total\n0,5\n1,6\n", "--unit"),
        ("time,gpu_power_mw\n0,400000\n1,410000\n", "--unit"),
        ("t_s,P1_kW,P2_kW\n0,5,5\n1,6,6\n", "--power"),
        ("power_w\n5\n6\n7\n", "--step"),
        ("when,power_w\n3/4/2025 10:00,5\n3/5/2025 10:00,6\n", "--dates"),
        ("time_s,index,power_w\n0,0,5\n0,1,6\n1,0,5\n1,1,6\n2,0,5\n2,1,6\n3,0,5\n3,1,6\n", "--where"),
    ] {
        let why = asked(text);
        assert!(why.contains(flag), "{text}: {why}");
    }
    let told = Wishes { unit: Some(PowerUnit::Kilowatt), step_ns: Some(1_000_000), ..Wishes::default() };
    assert_eq!(read_with("P\n5\n6\n7\n", &told).0, [(0, 5e3), (1_000_000, 6e3), (2_000_000, 7e3)]);
    let only = Wishes { only: Some(("index".to_owned(), "1".to_owned())), ..Wishes::default() };
    let text = "time_s,index,power_w\n0,0,5\n0,1,6\n1,0,5\n1,1,7\n";
    let (rows, reading) = read_with(text, &only);
    assert_eq!((rows, reading.filtered), (vec![(0, 6.0), (SECOND, 7.0)], 2));
    let sum = Wishes { power: vec!["a_w".to_owned(), "b_w".to_owned()], ..Wishes::default() };
    assert_eq!(read_with("time_s,a_w,b_w\n0,1,2\n1,3,4\n", &sum).0, [(0, 3.0), (SECOND, 7.0)]);
    let zone = Wishes { zone_s: offset("-05:00"), ..Wishes::default() };
    assert_eq!(read_with("time,kW\n2024-05-01 07:00:00,1\n2024-05-01 07:00:01,1\n", &zone).0[0].0, NOON);
}

#[test]
fn bad_cells_are_missing_or_counted_and_never_zero() {
    let (rows, reading) = read("time_s,power_w\n0,5\n1,NaN\n2,\n3,Bad\n4,6 apples\nEnd of file\n5,7\n6,8\n7,9\n8,9\n");
    assert_eq!(rows.len(), 9);
    assert!(rows[1..5].iter().all(|row| row.1.is_nan()), "{rows:?}");
    assert_eq!((reading.unreadable_cells, reading.unreadable_times), ((1, 6), (1, 7)));
}

#[test]
fn files_of_other_kinds_are_named() {
    for (bytes, word) in [
        (&b""[..], "empty"),
        (b"PK\x03\x04xxxxxxxx", "zip"),
        (b"{\"a\": 1}", "JSON"),
        (b"\x00\x01\x02\x03", "not text"),
        (b"time,power_w\n", "no row"),
    ] {
        let Some(TraceError::File(why)) = open(bytes, &Wishes::default()).err() else { panic!("{word}") };
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn long_text_is_read_across_blocks() {
    let mut text = String::from("time_s,power_w\n");
    for row in 0..300_000 {
        text.push_str(&format!("{}.{:03},{}\n", row / 1000, row % 1000, row));
    }
    let (rows, _) = read(text.trim_end());
    assert_eq!(rows.len(), 300_000);
    assert!(rows.iter().enumerate().all(|(at, row)| *row == (at as i64 * 1_000_000, at as f64)));
}

/// Bytes changed, cut and doubled at places that a fixed sequence chooses: an answer or an error, never a panic.
#[test]
fn mutated_text_never_panics() {
    let seeds = [
        "time_s,power_w\n0.5,1500\n1.5,2500\n2.5,3500\n",
        "Zeit;Leistung [MW]\n01.05.2024 12:00:00,5;1.280,5\n01.05.2024 12:00:01,5;1.281,5\n",
        "Date,Time,\"Power, kW\"\n2024-05-01,12:00:00 PM,\"1,500\"\n2024-05-01,12:00:01 PM,\"2,500\"\n",
        "timestamp, index, power.draw [W]\n2024/05/01 12:00:00.000, 0, 1500.00 W\n2024/05/01 12:00:01.000, 0, [N/A]\n",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..1 + draw(6) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes[at] = b"0123456789.,;:-/eE+ \n\"\t#NWMk\xff\x00"[draw(30)],
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"9.,;\n-\"e"[draw(8)]),
                _ => bytes.extend_from_within(at..),
            }
        }
        if let Ok(mut trace) = open(bytes, &Wishes::default()) {
            let mut rows = Vec::new();
            while matches!(trace.read(&mut rows), Ok(true)) {}
        }
    }
}

/// What is asked about a text with the given wishes.
fn asked_with(text: &str, wishes: &Wishes) -> String {
    match open(text, wishes).err() {
        Some(TraceError::Ask(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn energies_are_no_powers() {
    let kilowatts = Wishes { unit: Some(PowerUnit::Kilowatt), ..Wishes::default() };
    for name in ["energy_kwh", "Total MWh", "counter (J)", "active energy"] {
        let text = format!("time_s,{name}\n0,1\n1,2\n2,3\n");
        assert!(asked_with(&text, &kilowatts).contains("is an energy"), "{name}");
    }
    let (rows, _) = read("time_s,energy_kwh,power_kw\n0,1,5\n1,2,6\n");
    assert_eq!(rows[0].1, 5000.0);
}

#[test]
fn a_unit_that_contradicts_the_flag_is_remarked_on() {
    let kilowatts = Wishes { unit: Some(PowerUnit::Kilowatt), ..Wishes::default() };
    let (rows, reading) = read_with("time_s,power_mw\n0,1\n1,2\n", &kilowatts);
    assert_eq!(rows[0].1, 1000.0);
    assert!(reading.remarks.iter().any(|remark| remark.contains("says MW, --unit says kW")), "{:?}", reading.remarks);
    let (_, reading) = read_with("time_s,power_kw\n0,1\n1,2\n", &kilowatts);
    assert_eq!(reading.remarks, Vec::<String>::new());
}

#[test]
fn a_time_column_is_found_in_any_order_and_one_that_cannot_be_read_is_named() {
    let newest: String = (0..400).rev().map(|i| format!("{}.5,{}\n", i, i % 7)).collect();
    let (rows, _) = read(format!("time_s,power_mw\n{newest}"));
    assert_eq!(rows[0].0, 399 * SECOND + SECOND / 2);
    let shuffled: String = (0..400).map(|i| format!("{},{}\n", i / 50 * 50 + (i * 37) % 50, i % 7)).collect();
    assert_eq!(read(format!("time_s,power_mw\n{shuffled}")).0.len(), 400);
    let why =
        asked("time,MW\n2025-03-09T01:59:00.000 America/Chicago,99\n2025-03-09T01:59:00.010 America/Chicago,98\n");
    assert!(why.contains("column \"time\"") && why.contains("America/Chicago") && why.contains("--zone"), "{why}");
    let why = asked("time,power\n0.000 s,99.7 MW\n0.010 s,99.6 MW\n0.020 s,99.6 MW\n");
    assert!(why.contains("column \"time\"") && why.contains("time_s"), "{why}");
}

#[test]
fn several_devices_are_asked_about_however_their_column_is_called() {
    for name in ["pci.bus_id", "card", "rank", "slot", "colour", "socket"] {
        let rows: String =
            (0..200).flat_map(|t| (0..4).map(move |d| format!("{}.1,dev{d},{}\n", t, 300 + d * 20 + t % 7))).collect();
        let why = asked(&format!("time_s,{name},power_w\n{rows}"));
        assert!(why.contains(name) && why.contains("4 devices"), "{name}: {why}");
    }
    let rows: String = (0..200).flat_map(|t| (0..2).map(move |d| format!("{t},{}\n", 300 + d * 20 + t % 7))).collect();
    let why = asked(&format!("time_s,power_w\n{rows}"));
    assert!(why.starts_with("2 readings a time, up to 20 W apart"), "{why}");
    // Whole seconds of a series are cut-off stamps, and the same row twice is one.
    let series: String = (0..400).map(|i| format!("{},{}\n", i / 10, 300 + i)).collect();
    assert_eq!(read(format!("time_s,power_w\n{series}")).0.len(), 400);
    let twice: String = (0..400).map(|i| format!("{},{}\n", i / 2, 300 + (i / 2) % 7)).collect();
    assert_eq!(read(format!("time_s,power_w\n{twice}")).0.len(), 400);
}

#[test]
fn averages_that_names_tell_of_are_handed_on() {
    let of = |name: &str| {
        let reading =
            read(format!("timestamp, {name}\n2024/05/01 12:00:00.000, 500 W\n2024/05/01 12:00:01.000, 501 W\n")).1;
        (reading.averaging_s, reading.averages, reading.remarks.len())
    };
    assert_eq!(of("power.draw.average [W]"), (Some(1.0), false, 1));
    assert_eq!(of("power.draw [W]"), (None, true, 1));
    assert_eq!(of("power.draw.instant [W]"), (None, false, 0));
    assert_eq!(of("P_avg [W]"), (None, true, 1));
    assert_eq!(of("power [W]"), (None, false, 0));
}

/// A Parquet file of a time and a power in decimals of two kinds, and what its writer says of it.
fn columnar(provenance: &str) -> bytes::Bytes {
    use parquet::data_type::{ByteArray, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
    use parquet::file::{metadata::KeyValue, properties::WriterProperties, writer::SerializedFileWriter};
    let schema = "message trace {
        required int64 time_s (DECIMAL(18, 3));
        required fixed_len_byte_array(9) power_kw (DECIMAL(20, 4));
    }";
    let schema = std::sync::Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let said = KeyValue::new("tieline.provenance".to_owned(), provenance.to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![said])).build();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, std::sync::Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[0, 250, 500], None, None).unwrap();
    column.close().unwrap();
    let fixed = |value: i128| FixedLenByteArray::from(ByteArray::from(value.to_be_bytes()[7..].to_vec()));
    let mut column = group.next_column().unwrap().unwrap();
    let powers = [fixed(15_000), fixed(-25_000), fixed(123_456_789)];
    column.typed::<FixedLenByteArrayType>().write_batch(&powers, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    bytes.into()
}

#[test]
fn decimals_of_parquet_are_numbers_and_its_provenance_is_heeded() {
    let said = r#"{"averaging":"x averages over 1 s on Ampere","recorded":{"update_interval_s":[0.02,null,0.1]}}"#;
    let mut trace = Columnar::open(columnar(said), &Wishes::default()).unwrap_or_else(|why| panic!("{why}"));
    let mut rows = Vec::new();
    while trace.read(&mut rows).unwrap() {}
    assert_eq!(rows, [(0, 1500.0), (SECOND / 4, -2500.0), (SECOND / 2, 12_345_678.9)]);
    assert_eq!((trace.reading().averaging_s, trace.reading().update_s), (Some(1.0), Some(0.1)));
    let said = r#"{"averaging":"none","averaging_s":null}"#;
    let trace = Columnar::open(columnar(said), &Wishes::default()).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((trace.reading().averaging_s, trace.reading().update_s), (None, None));
    assert!(Columnar::open(columnar("{"), &Wishes::default()).is_ok());
}
