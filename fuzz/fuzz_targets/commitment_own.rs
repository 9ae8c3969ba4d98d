//! Unit-commitment cases in our own TOML: no panic, and what is accepted makes sense and comes back when written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::commitment::own;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let mut nothing = |path: &str| Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned()));
    let _ = own::is_case(text);
    match own::read("fuzz.toml", text, &mut nothing) {
        Ok(case) => {
            assert!(case.problem.complaints().is_empty(), "what is accepted has no complaints");
            let written = own::write(&case.problem, "fuzz", "guess: fuzz", None);
            let back = own::read("back.toml", &written.text, &mut nothing).expect("what was written is read");
            assert!(back.problem == case.problem, "it comes back");
        }
        Err(mistakes) => assert!(!mistakes.list.is_empty() && !mistakes.to_string().is_empty(), "a refusal has a reason"),
    }
});
