//! Grid TOML of the yearly dispatch: no panic; what does not read names at least one mistake that can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::dispatch::{self, Settings};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let mut nothing = |path: &str| Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned()));
    match dispatch::read("fuzz.toml", text, &Settings::default(), &mut nothing) {
        Ok(case) => {
            let _ = case.problem.complaints();
        }
        Err(mistakes) => {
            assert!(!mistakes.list.is_empty(), "a refusal has a reason");
            let _ = mistakes.to_string();
        }
    }
});
