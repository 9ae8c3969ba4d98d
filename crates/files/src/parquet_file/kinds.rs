//! Which kind each field of a Parquet footer and of a page header is, by its path.
//!
//! Source: `parquet.thrift` of the Apache Parquet format, version 2.11.
//!
//! Not modelled: fields of later versions (a reader passes over them by the kind that they say), page and column indices.

use super::thrift::kind::{BYTE, DOUBLE, FLAG, I16, I32, I64, LIST, STRUCT, TEXT};

/// Of `FileMetaData`.
pub(super) fn footer(path: &[i16]) -> Option<u8> {
    match path {
        [field] => match field {
            1 => Some(I32),
            2 | 4 | 5 | 7 => Some(LIST),
            3 => Some(I64),
            6 | 9 => Some(TEXT),
            8 => Some(STRUCT),
            _ => None,
        },
        [2, rest @ ..] => schema_element(rest),
        [4, rest @ ..] => row_group(rest),
        [5, rest @ ..] => key_value(rest),
        [7, 1 | 2] => Some(STRUCT),
        [8, rest @ ..] => encryption(rest),
        _ => None,
    }
}

/// Of `PageHeader`.
pub(super) fn page_header(path: &[i16]) -> Option<u8> {
    match path {
        [1..=4] => Some(I32),
        [5..=8] => Some(STRUCT),
        // Data pages, first version.
        [5, 1..=4] => Some(I32),
        [5, 5] => Some(STRUCT),
        [5, 5, rest @ ..] => statistics(rest),
        [7, 1 | 2] => Some(I32),
        [7, 3] => Some(FLAG),
        // Data pages, second version.
        [8, 1..=6] => Some(I32),
        [8, 7] => Some(FLAG),
        [8, 8] => Some(STRUCT),
        [8, 8, rest @ ..] => statistics(rest),
        _ => None,
    }
}

fn schema_element(path: &[i16]) -> Option<u8> {
    match path {
        [1..=3 | 5..=9] => Some(I32),
        [4] => Some(TEXT),
        [10] => Some(STRUCT),
        // The logical type is one of many structs, most of them empty.
        [10, 1..=18] => Some(STRUCT),
        // Decimal.
        [10, 5, 1 | 2] => Some(I32),
        // Time and timestamp, with their unit.
        [10, 7 | 8, 1] => Some(FLAG),
        [10, 7 | 8, 2] => Some(STRUCT),
        [10, 7 | 8, 2, 1..=3] => Some(STRUCT),
        // Integer.
        [10, 10, 1] => Some(BYTE),
        [10, 10, 2] => Some(FLAG),
        // Variant, geometry, geography.
        [10, 16, 1] => Some(BYTE),
        [10, 17 | 18, 1] => Some(TEXT),
        [10, 18, 2] => Some(I32),
        _ => None,
    }
}

fn row_group(path: &[i16]) -> Option<u8> {
    match path {
        [1 | 4] => Some(LIST),
        [2 | 3 | 5 | 6] => Some(I64),
        [7] => Some(I16),
        [1, rest @ ..] => column_chunk(rest),
        // Sorting columns.
        [4, 1] => Some(I32),
        [4, 2 | 3] => Some(FLAG),
        _ => None,
    }
}

fn column_chunk(path: &[i16]) -> Option<u8> {
    match path {
        [1 | 9] => Some(TEXT),
        [2 | 4 | 6] => Some(I64),
        [5 | 7] => Some(I32),
        [3 | 8] => Some(STRUCT),
        [3, rest @ ..] => column_metadata(rest),
        [8, 1 | 2] => Some(STRUCT),
        [8, 2, 1] => Some(LIST),
        [8, 2, 2] => Some(TEXT),
        _ => None,
    }
}

fn column_metadata(path: &[i16]) -> Option<u8> {
    match path {
        [1 | 4 | 15] => Some(I32),
        [2 | 3 | 8 | 13] => Some(LIST),
        [5..=7 | 9..=11 | 14] => Some(I64),
        [12 | 16 | 17] => Some(STRUCT),
        [8, rest @ ..] => key_value(rest),
        [12, rest @ ..] => statistics(rest),
        // Counts of pages by encoding.
        [13, 1..=3] => Some(I32),
        // Sizes.
        [16, 1] => Some(I64),
        [16, 2 | 3] => Some(LIST),
        // Places on the globe.
        [17, 1] => Some(STRUCT),
        [17, 1, 1..=8] => Some(DOUBLE),
        [17, 2] => Some(LIST),
        _ => None,
    }
}

fn key_value(path: &[i16]) -> Option<u8> {
    matches!(path, [1 | 2]).then_some(TEXT)
}

fn statistics(path: &[i16]) -> Option<u8> {
    match path {
        [1 | 2 | 5 | 6] => Some(TEXT),
        [3 | 4] => Some(I64),
        [7 | 8] => Some(FLAG),
        _ => None,
    }
}

fn encryption(path: &[i16]) -> Option<u8> {
    match path {
        [1 | 2] => Some(STRUCT),
        [1 | 2, 1 | 2] => Some(TEXT),
        [1 | 2, 3] => Some(FLAG),
        _ => None,
    }
}
