//! Unit-commitment cases of PGLib-UC and Egret: no panic in the readers, and what they accept makes sense.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::commitment;

fuzz_target!(|bytes: &[u8]| {
    match commitment::read("fuzz.json", bytes) {
        Ok(case) => assert!(case.problem.complaints().is_empty(), "what is accepted has no complaints"),
        Err(mistakes) => assert!(!mistakes.list.is_empty(), "a refusal has a reason"),
    }
});
