//! Networks in tieline's own formats, from the disk: TOML, plain or gzip, and folders of Parquet tables.
//!
//! Not modelled: tables packed as one file.

use crate::source::{open_ordinary, say_mistakes};
use anyhow::{Context, Result};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use tieline_files::matpower::Case;
use tieline_files::network;

/// Largest table that is read, bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Whether a folder holds tables of a network.
pub fn is_tables(folder: &Path) -> bool {
    network::tables::TABLES.iter().any(|name| folder.join(format!("{name}.parquet")).exists())
}

/// Whether a file is TOML by its name.
pub fn is_toml(path: &Path) -> bool {
    let shown = path.to_string_lossy().to_lowercase();
    shown.strip_suffix(".gz").unwrap_or(&shown).ends_with(".toml")
}

/// Reads a network in TOML; `Ok(None)`: it is wrong, and that was said.
///
/// # Errors
/// A file that cannot be read.
pub fn toml(path: &Path) -> Result<Option<Case>> {
    let shown = path.display().to_string();
    let bytes = open_ordinary(path).with_context(|| shown.clone())?;
    let text = network::unpacked(bytes).with_context(|| shown.clone())?;
    if !network::is_network(&text) {
        eprintln!(
            "tieline: {shown}: found no table \"bus\", expected a network: buses, branches and generators (`tieline schema \
             network`); a grid of zones is for `tieline grid dispatch`"
        );
        return Ok(None);
    }
    match network::read(&shown, &text) {
        Ok(network) => {
            let left_out = vec!["comments, and sources of single rows and numbers".to_owned()];
            Ok(Some(Case { network, remarks: Vec::new(), left_out }))
        }
        Err(mistakes) => {
            say_mistakes(&mistakes);
            Ok(None)
        }
    }
}

/// Reads a network in Parquet tables; `Ok(None)`: it is wrong, and that was said.
pub fn tables(folder: &Path) -> Option<Case> {
    let shown = folder.display().to_string();
    let mut open = |file: &str| -> io::Result<Vec<u8>> {
        let path = folder.join(file);
        if fs::metadata(&path)?.len() > MOST_BYTES {
            return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
        }
        let mut all = Vec::new();
        open_ordinary(&path)?.read_to_end(&mut all)?;
        Ok(all)
    };
    match network::tables::read(shown.trim_end_matches('/'), &mut open) {
        Ok((network, remarks)) => {
            remarks.iter().for_each(|remark| eprintln!("tieline: {shown}: {remark}"));
            Some(Case { network, left_out: remarks.clone(), remarks })
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            None
        }
    }
}
