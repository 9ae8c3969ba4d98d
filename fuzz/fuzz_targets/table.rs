//! Parquet: truncated or damaged bytes are an error, a table whose columns are equally long, or a trace whose powers are
//! finite or missing; whatever they promise, the process keeps within its memory.
//!
//! The Parquet library itself panics on some damaged bytes; the reader catches that and returns an error. Its panics must
//! therefore not count as failures here; one that escapes the reader still ends the process.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tieline_files::table;
use tieline_files::trace::{Columnar, Wishes};

fuzz_target!(
    init: {
        std::panic::set_hook(Box::new(|_| {}));
    },
    |bytes: &[u8]| {
        if let Ok(table) = table::read(bytes.to_vec()) {
            let rows = table.utc_ns.len();
            assert!(table.numbers.iter().all(|(_, column)| column.len() == rows));
            assert!(table.texts.iter().all(|(_, column)| column.len() == rows));
        }
        let wishes = Wishes { step_ns: Some(20_000_000), ..Wishes::default() };
        let Ok(mut trace) = Columnar::open(Bytes::copy_from_slice(bytes), &wishes) else { return };
        let mut rows = Vec::new();
        // What one batch holds is bounded, how many there are is what the file says.
        for _ in 0..8 {
            rows.clear();
            if !matches!(trace.read(&mut rows), Ok(true)) {
                break;
            }
            assert!(rows.iter().all(|(_, power_w)| !power_w.is_infinite()), "an infinite power is a missing one");
        }
    }
);
