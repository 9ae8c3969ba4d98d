//! EIA-930 demand files: no panic, and what is read is a measurement or a gap that is counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::eia930;

fuzz_target!(|bytes: &[u8]| {
    let Ok(reading) = eia930::read("fuzz.csv", bytes) else { return };
    let counts = reading.counts;
    let counted =
        counts.not_numbers + counts.impossible + counts.outliers + counts.screened + counts.hours_without_line;
    assert_eq!(reading.demand.gaps(), counted, "every gap of the series has its reason: {counts:?}");
    for watts in reading.demand.values().iter().filter(|watts| !watts.is_nan()) {
        assert!((0.0..=1e12).contains(watts), "{watts} W is no load");
    }
    if let Some(cleaned) = &reading.cleaned {
        assert_eq!(cleaned.values().len(), reading.demand.values().len(), "both columns cover the same hours");
    }
});
