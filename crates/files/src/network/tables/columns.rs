//! Flat columns of a Parquet file, whole, in memory.
//!
//! Not modelled: nested columns, decimals, dates.

use crate::parquet_file::ParquetFile;
use crate::table::guarded;
use bytes::Bytes;
use core::fmt;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use std::sync::Arc;

/// Most values of a table that is read.
const MOST_VALUES: u64 = 50_000_000;

/// The values of a column; nothing for a null.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells {
    Numbers(Vec<Option<f64>>),
    Wholes(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Flags(Vec<Option<bool>>),
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'c> {
    Number(f64),
    Whole(i64),
    Text(&'c str),
    Flag(bool),
}

impl Cells {
    pub(super) fn at(&self, row: usize) -> Option<Cell<'_>> {
        match self {
            Self::Numbers(all) => all.get(row).copied().flatten().map(Cell::Number),
            Self::Wholes(all) => all.get(row).copied().flatten().map(Cell::Whole),
            Self::Texts(all) => all.get(row)?.as_deref().map(Cell::Text),
            Self::Flags(all) => all.get(row).copied().flatten().map(Cell::Flag),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Numbers(all) => all.len(),
            Self::Wholes(all) => all.len(),
            Self::Texts(all) => all.len(),
            Self::Flags(all) => all.len(),
        }
    }
}

impl<'c> Cell<'c> {
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Whole(number) => Some(number as f64),
            _ => None,
        }
    }

    pub(super) fn text(self) -> Option<&'c str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            _ => match self.number()? {
                0.0 => Some(false),
                1.0 => Some(true),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A table by columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Columns {
    pub(super) rows: usize,
    pub(super) list: Vec<(String, Cells)>,
}

/// The bytes of a Parquet file.
pub(super) fn write(name: &str, table: &Columns) -> Result<Vec<u8>, String> {
    let said = |why: parquet::errors::ParquetError| format!("Parquet: {why}");
    let mut fields = Vec::new();
    for (column, cells) in &table.list {
        let kind = match cells {
            Cells::Numbers(_) => Physical::DOUBLE,
            Cells::Wholes(_) => Physical::INT64,
            Cells::Texts(_) => Physical::BYTE_ARRAY,
            Cells::Flags(_) => Physical::BOOLEAN,
        };
        let text = matches!(cells, Cells::Texts(_)).then_some(LogicalType::String);
        let column = Type::primitive_type_builder(column, kind).with_repetition(Repetition::OPTIONAL);
        fields.push(Arc::new(column.with_logical_type(text).build().map_err(said)?));
    }
    let schema = Type::group_type_builder(name).with_fields(fields).build().map_err(said)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("tieline {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).map_err(said)?;
    let mut group = writer.next_row_group().map_err(said)?;
    for (_, cells) in &table.list {
        match cells {
            Cells::Numbers(all) => put::<DoubleType, _>(&mut group, all, |value| *value),
            Cells::Wholes(all) => put::<Int64Type, _>(&mut group, all, |value| *value),
            Cells::Texts(all) => put::<ByteArrayType, _>(&mut group, all, |text| ByteArray::from(text.as_str())),
            Cells::Flags(all) => put::<BoolType, _>(&mut group, all, |value| *value),
        }
        .map_err(said)?;
    }
    group.close().map_err(said)?;
    writer.into_inner().map_err(said)
}

fn put<T: DataType, V>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[Option<V>],
    convert: impl Fn(&V) -> T::T,
) -> Result<(), parquet::errors::ParquetError> {
    let present: Vec<T::T> = values.iter().flatten().map(convert).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let mut column = group.next_column()?.expect("the schema has a column for each of the table's");
    column.typed::<T>().write_batch(&present, Some(&levels), None)?;
    column.close()
}

/// Reads a whole file; what is no flat column of numbers, texts or booleans is a mistake.
pub(super) fn read(bytes: Bytes) -> Result<Columns, String> {
    guarded(|| decode(bytes)).unwrap_or_else(|| Err("found damaged bytes, expected a Parquet table".to_owned()))
}

fn decode(bytes: Bytes) -> Result<Columns, String> {
    let said = |why: parquet::errors::ParquetError| format!("found no Parquet table ({why}), expected one");
    let file = ParquetFile::open(bytes).map_err(said)?;
    let metadata = file.metadata();
    let schema = metadata.file_metadata().schema_descr_ptr();
    let rows: u64 = metadata.row_groups().iter().map(|group| group.num_rows().max(0) as u64).sum();
    if rows.saturating_mul(schema.num_columns() as u64) > MOST_VALUES {
        return Err(format!("found {rows} rows of {} columns, more than a network has", schema.num_columns()));
    }
    let packed = metadata.row_groups().iter().flat_map(|group| group.columns()).map(|column| column.compression());
    if packed.into_iter().any(|packed| matches!(packed, Compression::BROTLI(_) | Compression::LZO)) {
        return Err("found columns packed with Brotli or LZO, expected zstd, snappy, gzip, lz4 or none".to_owned());
    }
    let mut table = Columns { rows: rows as usize, list: Vec::new() };
    for leaf in 0..schema.num_columns() {
        let column = schema.column(leaf);
        let name = column.path().string();
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            return Err(format!("found the nested column {name}, expected flat ones"));
        }
        let mut cells: Option<Cells> = None;
        for (group, described) in metadata.row_groups().iter().enumerate() {
            let count = described.num_rows().max(0) as usize;
            let mut reader = file.column(group, leaf).map_err(said)?;
            let found = take(&mut reader, count).map_err(|why| format!("column {name}: {why}"))?;
            match (&mut cells, found) {
                (None, found) => cells = Some(found),
                (Some(Cells::Numbers(all)), Cells::Numbers(more)) => all.extend(more),
                (Some(Cells::Wholes(all)), Cells::Wholes(more)) => all.extend(more),
                (Some(Cells::Texts(all)), Cells::Texts(more)) => all.extend(more),
                (Some(Cells::Flags(all)), Cells::Flags(more)) => all.extend(more),
                _ => return Err(format!("column {name}: found two kinds of values, expected one")),
            }
        }
        let cells = cells.unwrap_or(Cells::Numbers(Vec::new()));
        if cells.len() != table.rows {
            return Err(format!("column {name}: found {} values, expected {}", cells.len(), table.rows));
        }
        if table.list.iter().any(|(known, _)| *known == name) {
            return Err(format!("found the column {name} a second time"));
        }
        table.list.push((name, cells));
    }
    Ok(table)
}

fn take(reader: &mut ColumnReader, count: usize) -> Result<Cells, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match reader {
        ColumnReader::BoolColumnReader(column) => Cells::Flags(get(column, count, |value| *value)?),
        ColumnReader::Int32ColumnReader(column) => Cells::Wholes(get(column, count, |value| i64::from(*value))?),
        ColumnReader::Int64ColumnReader(column) => Cells::Wholes(get(column, count, |value| *value)?),
        ColumnReader::FloatColumnReader(column) => Cells::Numbers(get(column, count, |value| f64::from(*value))?),
        ColumnReader::DoubleColumnReader(column) => Cells::Numbers(get(column, count, |value| *value)?),
        ColumnReader::ByteArrayColumnReader(column) => Cells::Texts(get(column, count, |value| text(value.data()))?),
        ColumnReader::FixedLenByteArrayColumnReader(column) => {
            Cells::Texts(get(column, count, |value| text(value.data()))?)
        }
        ColumnReader::Int96ColumnReader(_) => return Err("found stamps, expected numbers or texts".to_owned()),
    })
}

fn get<T: DataType, V>(
    column: &mut ColumnReaderImpl<T>,
    count: usize,
    convert: impl Fn(&T::T) -> V,
) -> Result<Vec<Option<V>>, String> {
    let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0);
    while read < count {
        let batch = (count - read).min(8192);
        let done = column.read_records(batch, Some(&mut levels), None, &mut values);
        let (records, ..) = done.map_err(|why| format!("found damaged bytes ({why})"))?;
        if records == 0 {
            return Err(format!("found {read} of {count} rows"));
        }
        read += records;
    }
    // A column that cannot have nulls has no levels.
    if levels.is_empty() {
        return Ok(values.iter().map(|value| Some(convert(value))).collect());
    }
    let mut present = values.iter();
    Ok(levels.iter().map(|level| if *level == 0 { None } else { present.next().map(&convert) }).collect())
}
