//! All flat columns of a Parquet file, for tables of some ten thousand rows.
//!
//! Not modelled: nested columns.

use super::{Values, declared, readable, scale, scaled, take};
use crate::parquet_file::ParquetFile;
use crate::table::guarded;
use crate::trace::TraceError;
use bytes::Bytes;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Flat {
    /// Instants, ns since 1970 where they are known to be UTC or have no zone.
    Stamps(Vec<Option<i64>>),
    /// Numbers; a null is not one.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

/// The rows, and the flat columns by name; at most `most_rows` rows of `most_columns` columns.
///
/// # Errors
/// Bytes that are no Parquet, are damaged, or hold more than that; in words.
pub(crate) fn flat(
    bytes: Bytes,
    most_rows: usize,
    most_columns: usize,
) -> Result<(usize, Vec<(String, Flat)>), String> {
    guarded(|| look(bytes, most_rows, most_columns))
        .unwrap_or_else(|| Err(super::damaged()))
        .map_err(|why| why.to_string())
}

fn look(bytes: Bytes, most_rows: usize, most_columns: usize) -> Result<(usize, Vec<(String, Flat)>), TraceError> {
    let wrong = |why| TraceError::File(format!("Parquet: {why}"));
    let file = ParquetFile::open(bytes).map_err(wrong)?;
    readable(file.metadata())?;
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    // What the file promises is looked at before anything is unpacked.
    let rows: i64 = file.metadata().row_groups().iter().map(|group| group.num_rows().max(0)).sum();
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    if rows > most_rows || schema.num_columns() > most_columns {
        let found = format!("{rows} rows of {} columns", schema.num_columns());
        return Err(TraceError::File(format!("{found}, more than {most_rows} rows of {most_columns} columns")));
    }
    let mut columns = Vec::new();
    for leaf in 0..schema.num_columns() {
        let column = schema.column(leaf);
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            continue;
        }
        let unit_ns = declared(&column);
        let (mut stamps, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (group, described) in file.metadata().row_groups().iter().enumerate() {
            let count = usize::try_from(described.num_rows()).map_err(|_| super::damaged())?;
            let mut reader = file.column(group, leaf).map_err(wrong)?;
            match (scaled(take(&mut reader, count)?, scale(&column)), unit_ns) {
                (Values::Whole(values), Some(unit_ns)) => {
                    stamps.extend(values.into_iter().map(|value| value?.checked_mul(unit_ns as i64)));
                }
                (Values::Whole(values), None) => {
                    numbers.extend(values.into_iter().map(|value| value.map_or(f64::NAN, |value| value as f64)));
                }
                (Values::Real(values), _) => {
                    numbers.extend(values.into_iter().map(|value| value.unwrap_or(f64::NAN)));
                }
                (Values::Text(values), _) => {
                    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                    texts.extend(values.into_iter().map(|value| value.map(text)));
                }
            }
        }
        let column = match (stamps.is_empty(), texts.is_empty()) {
            (false, _) => Flat::Stamps(stamps),
            (true, false) => Flat::Texts(texts),
            (true, true) => Flat::Numbers(numbers),
        };
        columns.push((schema.column(leaf).name().to_owned(), column));
    }
    Ok((rows, columns))
}
