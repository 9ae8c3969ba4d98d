//! Tables as Parquet files, written block by block and read back whole.
//!
//! A file is one Snappy-compressed row group per block: `utc_ns` as INT64 (timestamp in ns, UTC), numbers as optional
//! DOUBLE (NaN is null), texts as UTF-8. The table's name stands in the file's metadata under [`NAME_KEY`].
//!
//! Not modelled: Parquet of other programs (refused), other column types, predicates on reading.

use crate::parquet_file::ParquetFile;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tieline_sim::results::Table;

/// Key in a file's metadata under which the table's name stands.
pub const NAME_KEY: &str = "tieline.table";
/// Name of the column of stamps, ns since 1970, UTC.
pub const STAMP: &str = "utc_ns";
/// A column with more distinct values than fit here is not worth a dictionary, bytes (512 doubles; a guess that holds
/// for limits and targets, which change rarely, and for texts, which repeat).
const DICTIONARY_BYTES: usize = 4_096;
/// Most bytes of a table that is read: 50 million doubles.
const MOST_BYTES: u64 = 400_000_000;
/// What a text takes in memory beside its letters while it is read, bytes: the reader's handle on it, and its own.
const TEXT_BYTES: u64 = 64;
/// Rows that the column writers take at a time; the dictionary's size is looked at so often.
const BATCH_ROWS: usize = 256;

/// Why a table could not be written or read.
#[derive(Debug, Error)]
pub enum TableError {
    /// The Parquet reader or writer, or the file below it, failed.
    #[error("Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The output failed when the last bytes were handed to it.
    #[error("{0}")]
    Output(#[from] std::io::Error),
    /// A block does not have the columns of the first block, or columns of unequal length.
    #[error("table {table}: {what}")]
    Block {
        /// Name of the table.
        table: String,
        /// What is wrong with the block.
        what: String,
    },
    /// The bytes contradict themselves.
    #[error("the table's bytes are damaged")]
    Damaged,
    /// The bytes are Parquet, but not a table of tieline.
    #[error("not a table of tieline: {0}")]
    Foreign(String),
}

/// Writes one table; holds at most one compressed column of one block beside what `W` buffers.
pub struct TableWriter<W: Write + Send> {
    inner: SerializedFileWriter<W>,
    name: String,
    numbers: Vec<String>,
    texts: Vec<String>,
}

impl<W: Write + Send> TableWriter<W> {
    /// A writer whose columns are those of `first`; writes no row yet.
    ///
    /// # Errors
    /// Columns without a name or with the same name; an output that fails.
    pub fn new(out: W, first: &Table) -> Result<Self, TableError> {
        let names = |columns: &mut dyn Iterator<Item = &String>| columns.cloned().collect::<Vec<_>>();
        let numbers = names(&mut first.numbers.iter().map(|column| &column.0));
        let texts = names(&mut first.texts.iter().map(|column| &column.0));
        let mut seen = BTreeSet::from([STAMP]);
        if let Some(name) = numbers.iter().chain(&texts).find(|name| name.is_empty() || !seen.insert(name.as_str())) {
            return Err(wrong(&first.name, format!("two columns are named \"{name}\", or one has no name")));
        }
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("tieline {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(vec![KeyValue::new(NAME_KEY.to_owned(), first.name.clone())]))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_write_batch_size(BATCH_ROWS)
            .set_column_dictionary_enabled(ColumnPath::from(STAMP), false)
            .set_column_encoding(ColumnPath::from(STAMP), Encoding::DELTA_BINARY_PACKED);
        // Splitting the bytes of doubles puts the slowly changing signs and exponents side by side, where Snappy finds them.
        let properties = numbers.iter().fold(properties, |properties, name| {
            properties.set_column_encoding(ColumnPath::new(vec![name.clone()]), Encoding::BYTE_STREAM_SPLIT)
        });
        let schema = Arc::new(schema(&first.name, &numbers, &texts)?);
        let inner = SerializedFileWriter::new(out, schema, Arc::new(properties.build()))?;
        Ok(Self { inner, name: first.name.clone(), numbers, texts })
    }

    /// Writes a block as one row group; a block without rows is left out.
    ///
    /// # Errors
    /// A block with other columns than the first, or with columns of unequal length; an output that fails.
    pub fn write(&mut self, block: &Table) -> Result<(), TableError> {
        self.check(block)?;
        if block.utc_ns.is_empty() {
            return Ok(());
        }
        let mut group = self.inner.next_row_group()?;
        put::<Int64Type, _>(&mut group, &block.utc_ns, None)?;
        for (_, values) in &block.numbers {
            let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            let levels: Vec<i16> = values.iter().map(|value| i16::from(!value.is_nan())).collect();
            put::<DoubleType, _>(&mut group, &present, Some(&levels))?;
        }
        for (_, values) in &block.texts {
            let texts: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
            put::<ByteArrayType, _>(&mut group, &texts, None)?;
        }
        group.close()?;
        Ok(())
    }

    /// Adds remarks to the file's metadata, under keys that begin with `tieline.`; until the footer is written.
    pub fn remark(&mut self, key: &str, value: String) {
        self.inner.append_key_value_metadata(KeyValue::new(format!("tieline.{key}"), value));
    }

    /// Writes the footer, flushes and hands the output back.
    ///
    /// # Errors
    /// An output that fails; then the file is not a table.
    pub fn finish(self) -> Result<W, TableError> {
        let mut out = self.inner.into_inner()?;
        out.flush()?;
        Ok(out)
    }

    fn check(&self, block: &Table) -> Result<(), TableError> {
        let rows = block.utc_ns.len();
        let same = block.name == self.name
            && block.numbers.iter().map(|column| &column.0).eq(&self.numbers)
            && block.texts.iter().map(|column| &column.0).eq(&self.texts);
        if !same {
            return Err(wrong(&self.name, "a block has another name or other columns than the first block".to_owned()));
        }
        let numbers = block.numbers.iter().map(|(name, values)| (name, values.len()));
        let texts = block.texts.iter().map(|(name, values)| (name, values.len()));
        match numbers.chain(texts).find(|(_, length)| *length != rows) {
            Some((name, length)) => Err(wrong(&self.name, format!("{name} has {length} values for {rows} rows"))),
            None => Ok(()),
        }
    }
}

fn wrong(table: &str, what: String) -> TableError {
    TableError::Block { table: table.to_owned(), what }
}

fn schema(name: &str, numbers: &[String], texts: &[String]) -> Result<Type, ParquetError> {
    let stamp = LogicalType::timestamp(true, TimeUnit::NANOS);
    let stamp = Type::primitive_type_builder(STAMP, Physical::INT64).with_logical_type(Some(stamp));
    let mut columns = vec![Arc::new(stamp.with_repetition(Repetition::REQUIRED).build()?)];
    for name in numbers {
        let column = Type::primitive_type_builder(name, Physical::DOUBLE).with_repetition(Repetition::OPTIONAL);
        columns.push(Arc::new(column.build()?));
    }
    for name in texts {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_repetition(Repetition::REQUIRED);
        columns.push(Arc::new(column.with_logical_type(Some(LogicalType::String)).build()?));
    }
    Type::group_type_builder(name).with_fields(columns).build()
}

fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), TableError> {
    let mut column = group.next_column()?.expect("the schema has as many columns as a checked block");
    column.typed::<T>().write_batch(values, levels, None)?;
    Ok(column.close()?)
}

/// Reads a whole table back.
///
/// # Errors
/// Bytes that are cut short, damaged, no Parquet, or Parquet that tieline did not write.
pub fn read(bytes: impl Into<Bytes>) -> Result<Table, TableError> {
    let bytes = bytes.into();
    guarded(|| decode(bytes)).unwrap_or(Err(TableError::Damaged))
}

/// Runs a piece of reading; `None` where the bytes made the parquet crate panic.
///
/// It panics on some damaged bytes. Nothing of its own survives the call, so it is safe to go on; its message would only
/// frighten a user who gets a proper error, so it is held back while it reads.
pub(crate) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let said = take_hook();
    set_hook(Box::new(|_| {}));
    let value = catch_unwind(AssertUnwindSafe(read)).ok();
    set_hook(said);
    value
}

fn decode(bytes: Bytes) -> Result<Table, TableError> {
    let file = ParquetFile::open(bytes)?;
    let metadata = file.metadata();
    let pairs = metadata.file_metadata().key_value_metadata();
    let name =
        pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == NAME_KEY)).and_then(|pair| pair.value.clone());
    let name = name.ok_or_else(|| TableError::Foreign(format!("its metadata has no {NAME_KEY}")))?;
    let mut table = empty(name, metadata.file_metadata().schema_descr().columns())?;
    // A few bytes can stand for very many equal rows: what they promise is looked at before it is unpacked.
    let rows = metadata.file_metadata().num_rows().max(0) as u64;
    let promised: u64 = metadata.row_groups().iter().map(|group| group.num_rows().max(0) as u64).sum();
    let (numbers, texts) = (1 + table.numbers.len() as u64, table.texts.len() as u64);
    let row_bytes = 8 * numbers + TEXT_BYTES * texts;
    if rows.max(promised).saturating_mul(row_bytes) > MOST_BYTES {
        let columns = numbers + texts;
        return Err(TableError::Foreign(format!("{rows} rows of {columns} columns are more than a table may have")));
    }
    for group in 0..metadata.num_row_groups() {
        take(&file, group, &mut table)?;
    }
    Ok(table)
}

/// A table without rows that has the columns of a schema.
fn empty(name: String, columns: &[Arc<parquet::schema::types::ColumnDescriptor>]) -> Result<Table, TableError> {
    let mut table = Table { name, utc_ns: Vec::new(), numbers: Vec::new(), texts: Vec::new() };
    for (index, column) in columns.iter().enumerate() {
        let name = column.name().to_owned();
        let flat = column.max_rep_level() == 0 && column.path().parts().len() == 1;
        match (column.physical_type(), column.max_def_level()) {
            (Physical::INT64, 0) if flat && index == 0 && name == STAMP => {}
            (Physical::DOUBLE, 1) if flat && index > 0 && table.texts.is_empty() => {
                table.numbers.push((name, Vec::new()))
            }
            (Physical::BYTE_ARRAY, 0) if flat && index > 0 => table.texts.push((name, Vec::new())),
            (kind, _) => return Err(TableError::Foreign(format!("column {index} is \"{name}\", {kind}"))),
        }
    }
    if columns.is_empty() { Err(TableError::Foreign("it has no columns".to_owned())) } else { Ok(table) }
}

/// Appends one row group.
fn take(file: &ParquetFile<Bytes>, group: usize, table: &mut Table) -> Result<(), TableError> {
    let metadata = file.metadata().row_group(group);
    let rows = usize::try_from(metadata.num_rows())
        .map_err(|_| TableError::Foreign("a row group has a negative number of rows".to_owned()))?;
    for index in 0..metadata.num_columns() {
        let numbers = table.numbers.len();
        match file.column(group, index)? {
            ColumnReader::Int64ColumnReader(column) if index == 0 => table.utc_ns.extend(get(column, rows)?.0),
            ColumnReader::DoubleColumnReader(column) if (1..=numbers).contains(&index) => {
                let (present, levels) = get(column, rows)?;
                let mut present = present.into_iter();
                let values = levels.iter().map(|level| if *level == 0 { Some(f64::NAN) } else { present.next() });
                let values: Option<Vec<f64>> = values.collect();
                let values = values.ok_or_else(|| TableError::Foreign("a column has too few values".to_owned()))?;
                table.numbers[index - 1].1.extend(values);
            }
            ColumnReader::ByteArrayColumnReader(column) if index > numbers => {
                for text in get(column, rows)?.0 {
                    table.texts[index - 1 - numbers].1.push(text.as_utf8()?.to_owned());
                }
            }
            _ => return Err(TableError::Foreign(format!("column {index} of a row group is not what the schema says"))),
        }
    }
    Ok(())
}

/// The values of a column chunk that are not null, and the definition level of each row (empty where none is optional).
fn get<T: DataType>(mut column: ColumnReaderImpl<T>, rows: usize) -> Result<(Vec<T::T>, Vec<i16>), TableError> {
    let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0);
    while read < rows {
        let (records, _, _) =
            column.read_records((rows - read).min(BATCH_ROWS), Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(TableError::Foreign(format!("a column has {read} of {rows} rows")));
        }
        read += records;
    }
    Ok((values, levels))
}
