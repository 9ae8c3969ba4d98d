//! Journals: no panic; whatever reads is rows in order, and what ends early says so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_control::journal::JournalReader;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = JournalReader::open(bytes) else { return };
    let mut rows = 0;
    loop {
        match reader.next_row() {
            Ok(Some(row)) => {
                assert_eq!(row.tick, rows, "rows are counted from 0 without a gap");
                rows += 1;
            }
            Ok(None) => break,
            Err(why) => {
                let _ = why.to_string();
                break;
            }
        }
    }
});
