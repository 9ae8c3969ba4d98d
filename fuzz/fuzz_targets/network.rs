//! Networks in our own formats: no panic; what is read goes round to the bit, and a refusal has a reason. Bytes are taken as
//! TOML, and as the table of buses beside sound tables.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io;
use std::sync::LazyLock;
use tieline_files::network;

static TABLES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let text = include_str!("../../grids/two-areas.toml");
    let network = network::read("two-areas.toml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    network::tables::write(&network).unwrap_or_else(|why| panic!("{why}"))
});

fuzz_target!(|bytes: &[u8]| {
    let mut open = |file: &str| match TABLES.iter().find(|(name, _)| name == file) {
        Some((name, _)) if name == "bus.parquet" => Ok(bytes.to_vec()),
        Some((_, table)) => Ok(table.clone()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, file.to_owned())),
    };
    if let Err(mistakes) = network::tables::read("fuzz", &mut open) {
        assert!(!mistakes.list.is_empty(), "a refusal has a reason");
    }
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    match network::read("fuzz.toml", text) {
        Ok(read) => {
            let again = network::read("again.toml", &network::write(&read, "guess: fuzz"));
            let again = again.unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert!(network::differences(&read, &again).is_empty(), "what was written is read as it was");
        }
        Err(mistakes) => {
            assert!(!mistakes.list.is_empty(), "a refusal has a reason");
            let _ = mistakes.to_string();
        }
    }
});
