//! Parquet traces, batch by batch: flat columns of numbers, timestamps or texts, whoever wrote them.
//!
//! Not modelled: nested columns, encryption, columns packed with Brotli or LZO.

mod flat;

use super::cells::{decimal, missing, trim};
use super::layout::{Columns, NVIDIA_AVERAGING_S, Preview, TimeAt, find};
use super::stamp::{Clock, Stamp};
use super::{Reading, TraceError, Wishes};
use crate::parquet_file::ParquetFile;
use crate::table::guarded;
pub(crate) use flat::{Flat, flat};
use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, Int96};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnDescriptor;

/// Rows taken at once.
const BATCH: usize = 8192;
/// Rows looked at before the columns are known.
const PREVIEW: usize = 300;

/// A Parquet trace being read.
pub struct Columnar<R: ChunkReader + 'static> {
    file: ParquetFile<R>,
    /// For each flat column: its place among all leaves.
    leaves: Vec<usize>,
    /// Their decimal places.
    scales: Vec<Option<i32>>,
    columns: Columns,
    group: usize,
    open: Vec<Option<ColumnReader>>,
    left: usize,
    row: u64,
    last: i64,
}

/// Values of some rows of a column.
enum Values {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<Vec<u8>>>),
}

impl<R: ChunkReader + 'static> Columnar<R> {
    /// Looks at the schema and the first rows and finds the columns.
    ///
    /// # Errors
    /// What cannot be read, or must be said by a flag.
    pub fn open(input: R, wishes: &Wishes) -> Result<Self, TraceError> {
        guarded(|| Self::look(input, wishes)).unwrap_or_else(|| Err(damaged()))
    }

    fn look(input: R, wishes: &Wishes) -> Result<Self, TraceError> {
        let file = ParquetFile::open(input).map_err(|why| TraceError::File(format!("Parquet: {why}")))?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        readable(file.metadata())?;
        let flat = |column: &ColumnDescriptor| column.max_rep_level() == 0 && column.path().parts().len() == 1;
        let leaves: Vec<usize> = (0..schema.num_columns()).filter(|at| flat(&schema.column(*at))).collect();
        let mut preview = Preview { point: b'.', ..Preview::default() };
        let mut cells: Vec<Vec<String>> = Vec::new();
        for (place, leaf) in leaves.iter().enumerate() {
            let column = schema.column(*leaf);
            preview.names.push(column.name().to_owned());
            if preview.declared.is_none()
                && let Some(unit_ns) = declared(&column)
            {
                preview.declared = Some((place, unit_ns));
            }
            let values = match file.metadata().row_groups().first() {
                None => Vec::new(),
                Some(group) => {
                    let mut reader =
                        file.column(0, *leaf).map_err(|why| TraceError::File(format!("Parquet: {why}")))?;
                    let rows = PREVIEW.min(group.num_rows().max(0) as usize);
                    texts(scaled(take(&mut reader, rows)?, scale(&column)))
                }
            };
            cells.push(values);
        }
        let rows = cells.iter().map(Vec::len).max().unwrap_or(0);
        if rows == 0 {
            return Err(TraceError::File("a Parquet file without rows, or without flat columns".to_owned()));
        }
        preview.rows = (0..rows)
            .map(|row| cells.iter().map(|column| column.get(row).cloned().unwrap_or_default()).collect())
            .collect();
        let mut columns = find(&preview, wishes)?;
        let told = file.metadata().file_metadata().key_value_metadata().into_iter().flatten();
        for pair in told.filter(|pair| pair.key == "tieline.provenance") {
            provenance(pair.value.as_deref().unwrap_or_default(), &mut columns.reading);
        }
        let scales = leaves.iter().map(|leaf| scale(&schema.column(*leaf))).collect();
        Ok(Self { scales, file, leaves, columns, group: 0, open: Vec::new(), left: 0, row: 0, last: i64::MIN })
    }

    /// How it is read, and what was left out so far.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.columns.reading
    }

    /// Appends rows (ns, W; NaN where there is no reading); `false` when there are no more.
    ///
    /// # Errors
    /// Bytes that are damaged.
    pub fn read(&mut self, rows: &mut Vec<(i64, f64)>) -> Result<bool, TraceError> {
        guarded(|| self.batch(rows)).unwrap_or_else(|| Err(damaged()))
    }

    fn batch(&mut self, rows: &mut Vec<(i64, f64)>) -> Result<bool, TraceError> {
        while self.left == 0 {
            if self.group == self.file.metadata().num_row_groups() {
                return Ok(false);
            }
            self.next_group()?;
        }
        let count = self.left.min(BATCH);
        self.left -= count;
        let times = self.times(count)?;
        let mut sum = vec![0.0; count];
        for (at, factor) in self.columns.power.clone() {
            for (sum, value) in sum.iter_mut().zip(self.numbers(at, count)?) {
                *sum += value * factor;
            }
        }
        let only = match self.columns.only.clone() {
            Some((at, wanted)) => {
                let reader = self.open[at].as_mut().ok_or_else(damaged)?;
                let scale = self.scales[at];
                Some(
                    texts(scaled(take(reader, count)?, scale))
                        .into_iter()
                        .map(|cell| cell.trim() == wanted)
                        .collect::<Vec<_>>(),
                )
            }
            None => None,
        };
        for (place, (time, power_w)) in times.into_iter().zip(sum).enumerate() {
            self.row += 1;
            if only.as_ref().is_some_and(|only| !only.get(place).copied().unwrap_or(false)) {
                self.columns.reading.filtered += 1;
                continue;
            }
            match time {
                Some(ns) => rows.push((ns, if power_w.is_infinite() { f64::NAN } else { power_w })),
                None => {
                    let (count, first) = &mut self.columns.reading.unreadable_times;
                    *count += 1;
                    if *first == 0 {
                        *first = self.row;
                    }
                }
            }
        }
        Ok(true)
    }

    fn next_group(&mut self) -> Result<(), TraceError> {
        let wrong = |why| TraceError::File(format!("Parquet: {why}"));
        let group = self.group;
        self.group += 1;
        self.left = usize::try_from(self.file.metadata().row_group(group).num_rows()).map_err(|_| damaged())?;
        self.open = self.leaves.iter().map(|_| None).collect();
        let mut wanted: Vec<usize> = self.columns.power.iter().map(|(at, _)| *at).collect();
        match self.columns.time {
            TimeAt::Column(at, _) | TimeAt::OfDay(at, _) => wanted.push(at),
            TimeAt::Split(..) => {
                return Err(TraceError::Ask("date and time in two columns are read from text only".to_owned()));
            }
            TimeAt::Steps(_) => {}
        }
        wanted.extend(self.columns.only.as_ref().map(|(at, _)| *at));
        for at in wanted {
            self.open[at] = Some(self.file.column(group, self.leaves[at]).map_err(wrong)?);
        }
        Ok(())
    }

    fn times(&mut self, count: usize) -> Result<Vec<Option<i64>>, TraceError> {
        let (at, clock) = match self.columns.time {
            TimeAt::Column(at, clock) | TimeAt::OfDay(at, clock) => (at, clock),
            TimeAt::Split(..) => return Err(damaged()),
            TimeAt::Steps(step_ns) => {
                let first = self.row as i64;
                return Ok((0..count as i64).map(|place| Some((first + place) * step_ns)).collect());
            }
        };
        let reader = self.open[at].as_mut().ok_or_else(damaged)?;
        let whole = |value: i64, unit_ns: f64| value.checked_mul(unit_ns as i64);
        Ok(match (scaled(take(reader, count)?, self.scales[at]), clock) {
            (Values::Whole(values), Clock::Count(unit_ns)) => {
                values.into_iter().map(|value| whole(value?, unit_ns)).collect()
            }
            (Values::Real(values), Clock::Count(unit_ns)) => values
                .into_iter()
                .map(|value| {
                    let ns = (value? * unit_ns).round();
                    (ns.abs() < 9e18).then_some(ns as i64)
                })
                .collect(),
            (Values::Text(values), clock) => values
                .into_iter()
                .map(|value| match clock.read(trim(&value?), b'.')? {
                    Stamp::Instant(ns, _) | Stamp::Date(ns) => Some(ns),
                    Stamp::Clock(ns) => {
                        self.last = ns;
                        Some(ns)
                    }
                })
                .collect(),
            (Values::Whole(_) | Values::Real(_), Clock::Civil(..)) => return Err(damaged()),
        })
    }

    fn numbers(&mut self, at: usize, count: usize) -> Result<Vec<f64>, TraceError> {
        let reader = self.open[at].as_mut().ok_or_else(damaged)?;
        Ok(match scaled(take(reader, count)?, self.scales[at]) {
            Values::Whole(values) => {
                values.into_iter().map(|value| value.map_or(f64::NAN, |value| value as f64)).collect()
            }
            Values::Real(values) => values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
            Values::Text(values) => values
                .into_iter()
                .map(|value| {
                    let value = value.unwrap_or_default();
                    let cell = trim(&value);
                    if missing(cell) {
                        f64::NAN
                    } else {
                        decimal(cell, b'.').map_or(f64::NAN, |read| read.value(cell, b'.'))
                    }
                })
                .collect(),
        })
    }
}

fn damaged() -> TraceError {
    TraceError::File("the Parquet file's bytes are damaged".to_owned())
}

/// What our own recorder says of its sensor.
fn provenance(text: &str, reading: &mut Reading) {
    let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let averaging = said.get("averaging").and_then(serde_json::Value::as_str).unwrap_or_default();
    // Files of earlier versions say it in words alone.
    let in_words = || averaging.contains("averages over 1 s").then_some(NVIDIA_AVERAGING_S);
    if let Some(averaging_s) = said.get("averaging_s").map_or_else(in_words, serde_json::Value::as_f64) {
        reading.averaging_s = Some(averaging_s);
        reading.remarks.push(format!("the file says that its sensor averages over {averaging_s} s"));
    }
    let updates = said.pointer("/recorded/update_interval_s").and_then(serde_json::Value::as_array);
    let slowest = updates.into_iter().flatten().filter_map(serde_json::Value::as_f64).fold(0.0, f64::max);
    if slowest > 0.0 {
        reading.update_s = Some(slowest);
        reading
            .remarks
            .push(format!("the file says that its slowest sensor is refreshed every {:.1} ms", 1e3 * slowest));
    }
}

/// Refuses what was left out of this build, before its bytes are met.
fn readable(metadata: &ParquetMetaData) -> Result<(), TraceError> {
    let packed =
        metadata.row_groups().iter().flat_map(|group| group.columns()).find_map(|column| match column.compression() {
            Compression::BROTLI(_) => Some("Brotli"),
            Compression::LZO => Some("LZO"),
            _ => None,
        });
    packed.map_or(Ok(()), |word| {
        Err(TraceError::File(format!(
            "its columns are packed with {word}, which is not read: write it with zstd, snappy, gzip, lz4 or unpacked"
        )))
    })
}

/// Decimal places of a column of decimals.
fn scale(column: &ColumnDescriptor) -> Option<i32> {
    let decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }))
        || column.converted_type() == ConvertedType::DECIMAL;
    decimal.then(|| column.type_scale())
}

/// Decimals as numbers.
fn scaled(values: Values, scale: Option<i32>) -> Values {
    let Some(scale) = scale else { return values };
    let size = 10_f64.powi(scale);
    Values::Real(match values {
        Values::Whole(values) => values.into_iter().map(|value| value.map(|value| value as f64 / size)).collect(),
        Values::Real(values) => values,
        // Two's complement, the highest byte first, as many as it takes.
        Values::Text(values) => values
            .into_iter()
            .map(|value| {
                let bytes = value.filter(|bytes| !bytes.is_empty() && bytes.len() <= 16)?;
                let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1_i128 };
                Some(bytes.iter().fold(sign, |sum, byte| (sum << 8) | i128::from(*byte)) as f64 / size)
            })
            .collect(),
    })
}

/// Unit of a timestamp column, ns.
fn declared(column: &ColumnDescriptor) -> Option<f64> {
    if column.physical_type() == Physical::INT96 {
        return Some(1.0);
    }
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => Some(match stamp.unit {
            TimeUnit::MILLIS => 1e6,
            TimeUnit::MICROS => 1e3,
            TimeUnit::NANOS => 1.0,
        }),
        _ => None,
    }
}

/// Nanoseconds since 1970 of the old form: nanoseconds of the day, and a Julian day.
fn of_int96(value: &Int96) -> i64 {
    let data = value.data();
    let of_day = (i64::from(data[1]) << 32) | i64::from(data[0]);
    (i64::from(data[2]) - 2_440_588) * 86_400_000_000_000 + of_day
}

fn take(reader: &mut ColumnReader, count: usize) -> Result<Values, TraceError> {
    Ok(match reader {
        ColumnReader::BoolColumnReader(_) => Values::Text(vec![None; count]),
        ColumnReader::Int32ColumnReader(column) => Values::Whole(get(column, count, |value| i64::from(*value))?),
        ColumnReader::Int64ColumnReader(column) => Values::Whole(get(column, count, |value| *value)?),
        ColumnReader::Int96ColumnReader(column) => Values::Whole(get(column, count, of_int96)?),
        ColumnReader::FloatColumnReader(column) => Values::Real(get(column, count, |value| f64::from(*value))?),
        ColumnReader::DoubleColumnReader(column) => Values::Real(get(column, count, |value| *value)?),
        ColumnReader::ByteArrayColumnReader(column) => Values::Text(get(column, count, |value| value.data().to_vec())?),
        ColumnReader::FixedLenByteArrayColumnReader(column) => {
            Values::Text(get(column, count, |value| value.data().to_vec())?)
        }
    })
}

fn get<T: DataType, V>(
    column: &mut ColumnReaderImpl<T>,
    count: usize,
    convert: impl Fn(&T::T) -> V,
) -> Result<Vec<Option<V>>, TraceError> {
    let (mut values, mut levels) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut read = 0;
    while read < count {
        let done = column.read_records(count - read, Some(&mut levels), None, &mut values);
        let (records, ..) = done.map_err(|why| TraceError::File(format!("Parquet: {why}")))?;
        if records == 0 {
            return Err(damaged());
        }
        read += records;
    }
    // A column without nulls has no levels.
    if levels.is_empty() {
        return Ok(values.iter().map(|value| Some(convert(value))).collect());
    }
    let mut present = values.iter();
    Ok(levels.iter().map(|level| if *level == 0 { None } else { present.next().map(&convert) }).collect())
}

fn texts(values: Values) -> Vec<String> {
    let number = |text: Option<String>| text.unwrap_or_default();
    match values {
        Values::Whole(values) => values.into_iter().map(|value| number(value.map(|value| value.to_string()))).collect(),
        Values::Real(values) => values.into_iter().map(|value| number(value.map(|value| value.to_string()))).collect(),
        Values::Text(values) => values
            .into_iter()
            .map(|value| number(value.map(|value| String::from_utf8_lossy(&value).into_owned())))
            .collect(),
    }
}
