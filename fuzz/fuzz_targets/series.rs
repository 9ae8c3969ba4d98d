//! Hourly columns beside a grid (CSV or Parquet) and first lines of EIA-930 files: no panic, and columns are as long as the rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_files::dispatch::series;
use tieline_files::eia930::{fuel_mix, hours};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = series::read(bytes) {
        assert!(found.columns.iter().all(|column| column.values.len() == found.rows), "whole columns");
        let gaps = found.columns.iter().filter(|column| column.values.iter().any(|value| value.is_nan()));
        assert!(gaps.into_iter().all(|column| !column.bad.is_empty()), "a gap has its place");
    }
    if let Ok(hours::Holds::FuelMix) = hours::holds(bytes)
        && let Ok(mix) = fuel_mix::read("fuzz.csv", bytes)
    {
        let part = hours::Part::of_mix("fuzz.csv", mix, true);
        let _ = hours::line_up(&[part], hours::Window::Any, 3);
    }
});
