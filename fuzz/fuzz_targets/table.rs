//! Tables (Parquet): truncated or damaged bytes are an error or a table whose columns are equally long.
//!
//! The Parquet library itself panics on some damaged bytes; the reader catches that and returns an error. Its panics must
//! therefore not count as failures here; one that escapes the reader still ends the process.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::table;

fuzz_target!(
    init: {
        std::panic::set_hook(Box::new(|_| {}));
    },
    |bytes: &[u8]| {
        let Ok(table) = table::read(bytes.to_vec()) else { return };
        let rows = table.utc_ns.len();
        assert!(table.numbers.iter().all(|(_, column)| column.len() == rows));
        assert!(table.texts.iter().all(|(_, column)| column.len() == rows));
    }
);
