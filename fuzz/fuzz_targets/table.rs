//! Tables (Parquet): truncated or damaged bytes are an error or a table whose columns are equally long, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::table;

fuzz_target!(|bytes: &[u8]| {
    let Ok(table) = table::read(bytes.to_vec()) else { return };
    let rows = table.utc_ns.len();
    assert!(table.numbers.iter().all(|(_, column)| column.len() == rows));
    assert!(table.texts.iter().all(|(_, column)| column.len() == rows));
});
