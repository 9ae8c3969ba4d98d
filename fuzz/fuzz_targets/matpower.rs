//! MATPOWER cases: no panic in the reader, and what it accepts hangs together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::matpower;

fuzz_target!(|bytes: &[u8]| {
    match matpower::read("fuzz.m", bytes) {
        Ok(case) => {
            let network = &case.network;
            assert!(network.bus_count() > 0 && network.base_va > 0.0, "a case has buses and a base");
            let ends = network.branches.from.iter().chain(&network.branches.to).chain(&network.generators.bus);
            assert!(ends.into_iter().all(|bus| *bus < network.bus_count()), "every place is a bus");
        }
        Err(mistakes) => assert!(!mistakes.list.is_empty(), "a refusal has a reason"),
    }
});
