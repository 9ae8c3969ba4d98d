//! Power traces as text: no panic, powers that are finite or missing, and the second reading is the first.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use tieline_files::trace::{PowerUnit, Text, TraceError, Wishes};

/// Rows and how they were read; the first byte of the input says what the user said about the file.
fn rows(said: u8, bytes: &[u8]) -> Result<Vec<(i64, u64)>, TraceError> {
    let wishes = Wishes {
        unit: (said & 1 != 0).then_some(PowerUnit::Kilowatt),
        time_unit_ns: (said & 2 != 0).then_some(1e6),
        day_first: (said & 4 != 0).then_some(said & 8 != 0),
        zone_s: (said & 16 != 0).then_some(-5 * 3600),
        step_ns: (said & 32 != 0).then_some(20_000_000),
        ..Wishes::default()
    };
    let mut text = Text::open(Cursor::new(bytes.to_vec()), &wishes)?;
    let mut rows = Vec::new();
    while text.read(&mut rows)? {}
    assert!(rows.iter().all(|(_, power_w)| !power_w.is_infinite()), "an infinite power is a missing one");
    Ok(rows.into_iter().map(|(at_ns, power_w)| (at_ns, power_w.to_bits())).collect())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((said, bytes)) = bytes.split_first() else { return };
    if let Ok(first) = rows(*said, bytes) {
        assert_eq!(rows(*said, bytes), Ok(first), "read twice, read the same");
    }
});
