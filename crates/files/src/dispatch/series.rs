//! Hourly columns beside a grid case: CSV, plain or gzip, or Parquet, known by their bytes and not by their names.
//!
//! A cell that is no number is a gap; it is a mistake where a key names the column. A column of stamps (`time`, `utc`,
//! `utc_ns`) must begin where the case begins.
//!
//! Not modelled: texts, other steps than an hour, local time without its zone (such stamps are for people and not looked at).

use crate::trace::{Flat, flat};
use flate2::bufread::MultiGzDecoder;
use std::io::{self, Read, Write};
use tieline_sim::results::Table;
use tieline_units::{Span, Utc};

/// Largest file that is read, bytes, unpacked too.
pub const MOST_BYTES: u64 = 1 << 30;
/// Most rows: the stamps of a case reach over ten years, of a table over the years of EIA-930.
const MOST_ROWS: usize = 500_000;
/// Most columns.
const MOST_COLUMNS: usize = 20_000;
/// Most bad cells of a column that are kept with their place.
const MOST_BAD: usize = 10;
/// Columns of stamps.
const STAMPS: [&str; 5] = ["time", "utc", "utc_ns", "timestamp", "date_time"];

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values; a gap is not a number.
    pub values: Vec<f64>,
    /// Row (from 0), line (of a Parquet file: row from 1) and text of the first cells that are no numbers.
    pub bad: Vec<(usize, usize, String)>,
}

/// Hourly columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hourly {
    /// First and last stamp, where a column of stamps tells them.
    pub ends: Option<(Utc, Utc)>,
    /// Rows.
    pub rows: usize,
    /// Columns of numbers.
    pub columns: Vec<Column>,
    /// Whether it is a Parquet file.
    pub parquet: bool,
}

/// Reads a file.
///
/// # Errors
/// What was found and what was expected.
pub fn read(mut from: impl Read) -> Result<Hourly, (String, String)> {
    let unreadable = |why: io::Error| (why.to_string(), "a file that can be read".to_owned());
    let mut bytes = Vec::new();
    from.by_ref().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&bytes[..]).take(MOST_BYTES + 1).read_to_end(&mut unpacked).map_err(unreadable)?;
        bytes = unpacked;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err((format!("more than {MOST_BYTES} bytes"), "a smaller file".to_owned()));
    }
    if bytes.starts_with(b"PAR1") { parquet(bytes) } else { csv(&bytes) }
}

fn parquet(bytes: Vec<u8>) -> Result<Hourly, (String, String)> {
    let read = flat(bytes.into(), MOST_ROWS, MOST_COLUMNS);
    let (rows, columns) = read.map_err(|why| (why, "a sound Parquet file of flat columns".to_owned()))?;
    let mut found = Hourly { rows, parquet: true, ..Hourly::default() };
    for (name, column) in columns {
        match column {
            Flat::Stamps(stamps) => {
                if let (Some(Some(first)), Some(Some(last)), true) =
                    (stamps.first(), stamps.last(), STAMPS.contains(&name.as_str()))
                {
                    found.ends = Some((Utc::nanos(*first), Utc::nanos(*last)));
                }
            }
            Flat::Numbers(mut values) => {
                let mut bad = Vec::new();
                for (row, value) in values.iter_mut().enumerate().filter(|(_, value)| !value.is_finite()) {
                    if bad.len() < MOST_BAD {
                        bad.push((
                            row,
                            row + 1,
                            if value.is_nan() { "no number".to_owned() } else { value.to_string() },
                        ));
                    }
                    *value = f64::NAN;
                }
                found.columns.push(Column { name, values, bad });
            }
        }
    }
    Ok(found)
}

fn csv(bytes: &[u8]) -> Result<Hourly, (String, String)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let no_text = |_| ("bytes that are not text".to_owned(), "a line with the names of the columns".to_owned());
    let header = reader.headers().map_err(no_text)?.clone();
    if header.len() > MOST_COLUMNS {
        return Err((format!("{} columns", header.len()), format!("at most {MOST_COLUMNS} columns")));
    }
    let mut found = Hourly::default();
    let name = |name: &str| name.trim_start_matches('\u{feff}').to_owned();
    found.columns = header.iter().map(|word| Column { name: name(word), ..Column::default() }).collect();
    let stamps = found.columns.iter().position(|column| STAMPS.contains(&column.name.as_str()));
    let mut ends: [Option<Utc>; 2] = [None, None];
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line() as usize;
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) if record.len() == found.columns.len() => {}
            Ok(true) => {
                let expected = format!("{} values", found.columns.len());
                return Err((format!("{} values in line {line}", record.len()), expected));
            }
            Err(error) => return Err((error.to_string(), "lines of text with commas".to_owned())),
        }
        if found.rows == MOST_ROWS {
            return Err((format!("more than {MOST_ROWS} rows"), "fewer".to_owned()));
        }
        if let Some(at) = stamps {
            let stamp = record.get(at).and_then(|cell| Utc::parse(cell).ok());
            if found.rows == 0 {
                ends[0] = stamp;
            }
            ends[1] = stamp;
        }
        for (column, cell) in found.columns.iter_mut().zip(&record) {
            let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
            if number.is_none() && column.bad.len() < MOST_BAD {
                column.bad.push((found.rows, line, cell.chars().take(40).collect()));
            }
            column.values.push(number.unwrap_or(f64::NAN));
        }
        found.rows += 1;
    }
    if let [Some(first), Some(last)] = ends {
        found.ends = Some((first, last));
    }
    if let Some(at) = stamps {
        found.columns.remove(at);
    }
    Ok(found)
}

/// Why stamps do not fit a case of so many hours from `start`, in words.
pub(super) fn misplaced(ends: (Utc, Utc), start: Utc, hours: usize) -> Option<String> {
    let wanted = (start, start + Span::secs(3600 * (hours as i64 - 1)));
    (ends != wanted).then(|| format!("stamps from {} to {}", ends.0, ends.1))
}

/// Writes a table as CSV: `time` (UTC, beginning of the hour) and its columns; gaps are empty cells.
///
/// # Errors
/// An output that fails.
pub fn write_csv(table: &Table, mut out: impl Write) -> io::Result<()> {
    let mut line = String::from("time");
    for (name, _) in &table.numbers {
        line.push(',');
        line.push_str(name);
    }
    writeln!(out, "{line}")?;
    for (row, stamp) in table.utc_ns.iter().enumerate() {
        line.clear();
        line.push_str(&Utc::nanos(*stamp).to_string());
        for (_, values) in &table.numbers {
            line.push(',');
            if !values[row].is_nan() {
                line.push_str(&values[row].to_string());
            }
        }
        writeln!(out, "{line}")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableWriter;

    fn table() -> Table {
        let start = Utc::parse("2026-01-01T00:00:00Z").expect("valid").as_nanos();
        Table {
            name: "series".to_owned(),
            utc_ns: (0..3).map(|hour| start + 3_600_000_000_000 * hour).collect(),
            numbers: vec![
                ("a_mw".to_owned(), vec![1.5, f64::NAN, 1e-7]),
                ("b".to_owned(), vec![0.1 + 0.2, 1e300, -0.0]),
            ],
            texts: Vec::new(),
        }
    }

    fn parquet(table: &Table) -> Vec<u8> {
        let mut writer = TableWriter::new(Vec::new(), table).expect("a sound table");
        writer.write(table).expect("writes");
        writer.finish().expect("finishes")
    }

    #[test]
    fn both_formats_give_back_every_bit_and_keep_gaps() {
        let table = table();
        let mut text = Vec::new();
        write_csv(&table, &mut text).expect("writes");
        for (bytes, is_parquet) in [(text, false), (parquet(&table), true)] {
            let found = read(&bytes[..]).expect("reads");
            assert_eq!((found.rows, found.parquet), (3, is_parquet));
            assert_eq!(found.ends.map(|ends| ends.0.as_nanos()), Some(table.utc_ns[0]));
            for (column, (name, values)) in found.columns.iter().zip(&table.numbers) {
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!((&column.name, bits(&column.values)), (name, bits(values)));
            }
            assert_eq!(found.columns[0].bad.len(), 1);
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_and_never_panics() {
        let whole = parquet(&table());
        for cut in 0..whole.len() {
            let _ = read(&whole[..cut]);
        }
        for at in 0..whole.len() {
            for bit in [1_u8, 0x80] {
                let mut other = whole.clone();
                other[at] ^= bit;
                let _ = read(&other[..]);
            }
        }
        let zipped = [0x1f_u8, 0x8b, 8, 0, 0, 0];
        assert!(read(&zipped[..]).is_err());
        assert!(read(&b"PAR1"[..]).is_err());
    }
}
