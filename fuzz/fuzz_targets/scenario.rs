//! Scenario files: no panic; what reads is sound, what does not read names at least one mistake that can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::scenario;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let mut nothing = |path: &str| Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned()));
    match scenario::read("fuzz.toml", text, &mut nothing) {
        Ok(scenario) => {
            assert!(scenario.control.problems().is_empty() && scenario.plant.problems().is_empty());
            let _ = tieline_sim::check::check(&scenario);
        }
        Err(mistakes) => {
            assert!(!mistakes.list.is_empty());
            for mistake in &mistakes.list {
                assert!(mistake.span.end <= text.len() && mistake.line >= 1 && mistake.column >= 1);
            }
            let _ = mistakes.to_string();
        }
    }
});
