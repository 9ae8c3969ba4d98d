//! An RTS-GMLC folder as a grid of zones.
//!
//! Not modelled: what `tieline_files::rts_gmlc::zones` leaves out; it is named.

use super::{ending, series_name, write_grid};
use crate::Verdict;
use crate::convert::Convert;
use crate::grid::source;
use anyhow::Result;
use tieline_files::rts_gmlc::zones::{LOST, grid, start};
use tieline_units::{Span, Utc};

/// Converts a folder.
pub fn rts(asked: &Convert) -> Result<Verdict> {
    let shown = asked.from.display().to_string();
    if ending(&asked.to) != "toml" {
        eprintln!(
            "tieline: {shown}: hourly tables are written from EIA-930 files; this folder becomes a .toml with --as zones"
        );
        return Ok(Verdict::Usage);
    }
    let options = &asked.zones;
    if options.first.is_some() || options.last.is_some() || options.fill.is_some() || options.mix.is_some() {
        eprintln!("tieline: --from, --to, --fill and --mix are for EIA-930 files; {shown} holds RTS-GMLC tables");
        return Ok(Verdict::Usage);
    }
    let Some(system) = source::tables(&asked.from, &shown)? else { return Ok(Verdict::No) };
    let series = series_name(asked, "csv");
    let (text, columns) = grid("rts-gmlc", &series.display().to_string(), &system);
    let start = Utc::parse(&start(&system))?;
    let stamps = (0..system.hours as i64).map(|hour| (start + Span::secs(3600 * hour)).as_nanos()).collect();
    let verdict = write_grid(asked, &text, &series, stamps, columns)?;
    for what in LOST {
        tell!("  lost: {what}");
    }
    Ok(verdict)
}
