//! Hourly columns beside a grid case: CSV, plain or gzip, or Parquet, known by their bytes and not by their names.
//!
//! A cell that is no number is a gap; it is a mistake where a key names the column. A column of stamps (`time`, `utc`,
//! `utc_ns`) must begin where the case begins, and go on an hour a row.
//!
//! Not modelled: texts, other steps than an hour, local time without its zone (such stamps are for people and not looked at,
//! where none of the column has a zone).

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

/// The stamps of the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stamps {
    /// Name of their column.
    pub name: String,
    /// Line (of a Parquet file: row from 1) and what stands there: an instant, else its text.
    pub rows: Vec<(usize, Result<Utc, String>)>,
    /// What a place is called.
    pub place: &'static str,
}

impl Stamps {
    /// From the first stamp to the second; an hour where there is none, or it does not go on.
    pub(super) fn step(&self) -> Span {
        let ahead = |(first, second): (&Result<Utc, String>, &Result<Utc, String>)| match (first, second) {
            (Ok(first), Ok(second)) if second > first => Some(*second - *first),
            _ => None,
        };
        let two = self.rows.first().zip(self.rows.get(1)).map(|(first, second)| (&first.1, &second.1));
        two.and_then(ahead).unwrap_or(Span::secs(3600))
    }
}

/// Hourly columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hourly {
    /// The stamps, where a column tells them.
    pub stamps: Option<Stamps>,
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
    let found = if bytes.starts_with(b"PAR1") { parquet(bytes) } else { csv(&bytes) }?;
    alone(&found.columns)?;
    Ok(found)
}

fn parquet(bytes: Vec<u8>) -> Result<Hourly, (String, String)> {
    let read = flat(bytes.into(), MOST_ROWS, MOST_COLUMNS);
    let (rows, columns) = read.map_err(|why| (why, "a sound Parquet file of flat columns".to_owned()))?;
    let mut found = Hourly { rows, parquet: true, ..Hourly::default() };
    let mut stamped = |name: String, rows: Vec<Result<Utc, String>>| -> Result<(), (String, String)> {
        once(found.stamps.as_ref(), &name)?;
        let rows: Vec<_> = rows.into_iter().enumerate().map(|(row, at)| (row + 1, at)).collect();
        if rows.iter().any(|(_, stamp)| stamp.is_ok()) {
            found.stamps = Some(Stamps { name, rows, place: "row" });
        }
        Ok(())
    };
    for (name, column) in columns {
        let is_stamps = STAMPS.contains(&name.as_str());
        match column {
            // Instants are stamps under whatever name.
            Flat::Stamps(stamps) => {
                let stamp = |stamp: Option<i64>| stamp.map(Utc::nanos).ok_or_else(|| "no stamp".to_owned());
                stamped(name, stamps.into_iter().map(stamp).collect())?;
            }
            Flat::Texts(texts) if is_stamps => {
                stamped(name, texts.into_iter().map(|text| stamp("", &text.unwrap_or_default())).collect())?;
            }
            Flat::Numbers(values) if is_stamps => {
                // Doubles of today's nanoseconds are 256 ns apart.
                let whole = |value: f64| format!("{}", (value / 1e3).round() as i64 * 1_000);
                stamped(name.clone(), values.into_iter().map(|value| stamp(&name, &whole(value))).collect())?;
            }
            Flat::Texts(texts) => {
                let text = |text: &Option<String>| text.as_deref().unwrap_or("").chars().take(40).collect();
                let bad = texts.iter().take(MOST_BAD).enumerate().map(|(row, own)| (row, row + 1, text(own))).collect();
                found.columns.push(Column { name, values: vec![f64::NAN; texts.len()], bad });
            }
            Flat::Numbers(mut values) => {
                let bad_value = |value: f64| if value.is_nan() { "no number".to_owned() } else { value.to_string() };
                let mut bad = Vec::new();
                for (row, value) in values.iter_mut().enumerate().filter(|(_, value)| !value.is_finite()) {
                    if bad.len() < MOST_BAD {
                        bad.push((row, row + 1, bad_value(*value)));
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
    let places: Vec<usize> =
        (0..found.columns.len()).filter(|at| STAMPS.contains(&found.columns[*at].name.as_str())).collect();
    let mut stamps = Stamps { place: "line", ..Stamps::default() };
    if let Some(at) = places.first() {
        found.columns[*at].name.clone_into(&mut stamps.name);
    }
    if let Some(second) = places.get(1) {
        once(Some(&stamps), &found.columns[*second].name)?;
    }
    let stamped = places.first().copied();
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
        if let Some(at) = stamped {
            stamps.rows.push((line, stamp(&stamps.name, record.get(at).unwrap_or(""))));
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
    if let Some(at) = stamped {
        found.columns.remove(at);
        found.stamps = stamps.rows.iter().any(|(_, stamp)| stamp.is_ok()).then_some(stamps);
    }
    Ok(found)
}

/// An instant with its zone, as people and programs write it, and nanoseconds where the column's name says so; else the text.
fn stamp(column: &str, cell: &str) -> Result<Utc, String> {
    let whole = cell.parse().ok().filter(|_| column == "utc_ns").map(Utc::nanos);
    whole
        .or_else(|| Utc::parse(cell).ok())
        .or_else(|| Utc::parse(&cell.replacen(' ', "T", 1)).ok())
        .ok_or_else(|| format!("\"{}\"", cell.chars().take(40).collect::<String>()))
}

/// One column of stamps; of two it would be a guess which is meant.
fn once(before: Option<&Stamps>, name: &str) -> Result<(), (String, String)> {
    match before {
        Some(before) => Err((
            format!("two columns of stamps, {} and {name}", before.name),
            "one; name the other otherwise".to_owned(),
        )),
        None => Ok(()),
    }
}

/// Two columns of one name, of which only one would count.
fn alone(columns: &[Column]) -> Result<(), (String, String)> {
    let mut known = std::collections::BTreeSet::new();
    for column in columns {
        if !known.insert(column.name.as_str()) {
            let found = format!("column \"{}\" twice", column.name);
            return Err((found, "a name of its own for every column".to_owned()));
        }
    }
    Ok(())
}

/// A row whose stamp is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misplaced {
    /// What stands there, and where.
    pub found: String,
    /// What should.
    pub expected: String,
    /// How many more rows are.
    pub more: usize,
}

/// Where stamps do not go on by a step from the one above, or do not begin at `start`: the first of them.
pub(super) fn misplaced(stamps: &Stamps, start: Option<Utc>, step: Span) -> Option<Misplaced> {
    let Stamps { name, rows, place } = stamps;
    let (mut first, mut count): (Option<Misplaced>, usize) = (None, 0);
    let mut before: Option<(usize, Utc)> = None;
    for (row, (line, stamp)) in rows.iter().enumerate() {
        let wanted = match before {
            None => start.filter(|_| row == 0),
            Some((known, at)) => Some(at + Span::nanos(step.as_nanos().saturating_mul((row - known) as i64))),
        };
        let earlier = before.map(|(_, at)| at);
        let (found, expected) = match stamp {
            Ok(at) => {
                before = Some((row, *at));
                let Some(wanted) = wanted.filter(|wanted| wanted != at) else { continue };
                let what = match earlier {
                    Some(earlier) if *at == earlier => " a second time",
                    Some(earlier) if *at < earlier => ", which goes backwards",
                    _ => "",
                };
                (format!("stamp {at} in {place} {line}{what}"), wanted.to_string())
            }
            Err(text) => (format!("{text} in {place} {line}, column {name}"), "an instant with its zone".to_owned()),
        };
        count += 1;
        if first.is_none() {
            first = Some(Misplaced { found, expected, more: 0 });
        }
    }
    first.map(|first| Misplaced { more: count - 1, ..first })
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
            let stamps = found.stamps.expect("stamps");
            assert_eq!(stamps.rows[2].1.as_ref().map(|at| at.as_nanos()), Ok(table.utc_ns[2]));
            let start = Utc::nanos(table.utc_ns[0]);
            assert_eq!(misplaced(&stamps, Some(start), Span::secs(3600)), None);
            for (column, (name, values)) in found.columns.iter().zip(&table.numbers) {
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!((&column.name, bits(&column.values)), (name, bits(values)));
            }
            assert_eq!(found.columns[0].bad.len(), 1);
        }
    }

    #[test]
    fn every_stamp_is_looked_at() {
        let text = |rows: &str| format!("time,a_mw\n{rows}");
        let start = Utc::parse("2026-01-01T00:00:00Z").expect("valid");
        let said = |rows: &str| {
            let found = read(text(rows).as_bytes()).expect("reads");
            found.stamps.and_then(|stamps| misplaced(&stamps, Some(start), Span::secs(3600)))
        };
        let row = |hour: &str| format!("2026-01-01T{hour}:00Z,1\n");
        let rows = |hours: [&str; 4]| hours.map(row).concat();
        assert_eq!(said(&rows(["00:00", "01:00", "02:00", "03:00"])), None);
        for (hours, found, expected, more) in [
            (
                ["00:00", "01:00", "01:00", "03:00"],
                "stamp 2026-01-01T01:00:00Z in line 4 a second time",
                "T02:00:00Z",
                1,
            ),
            (["00:00", "02:00", "03:00", "04:00"], "stamp 2026-01-01T02:00:00Z in line 3", "T01:00:00Z", 0),
            (["00:00", "01:00", "00:30", "01:30"], "T00:30:00Z in line 4, which goes backwards", "T02:00:00Z", 0),
            (["01:00", "02:00", "03:00", "04:00"], "stamp 2026-01-01T01:00:00Z in line 2", "2026-01-01T00:00:00Z", 0),
            (["00:00", "01:00", "later", "03:00"], "\"2026-01-01Tlater:00Z\" in line 4, column time", "an instant", 0),
        ] {
            let said = said(&rows(hours)).expect(found);
            assert!(said.found.ends_with(found) && said.expected.contains(expected), "{said:?}");
            assert_eq!(said.more, more, "{said:?}");
        }
        // Stamps as programs write them, and local ones without a zone, which nobody can place.
        assert_eq!(said("2026-01-01 00:00:00+00:00,1\n2025-12-31 20:00:00-05:00,1\n"), None);
        assert_eq!(said("1 January,1\n1 January,1\n"), None);
        let twice = |text: &str| read(text.as_bytes()).expect_err("twice").0;
        assert!(twice("time,a_mw,b_mw,a_mw\n").contains("\"a_mw\" twice"));
        assert!(twice("time,utc,a_mw\n").contains("two columns of stamps, time and utc"));
    }

    #[test]
    fn stamps_of_a_parquet_file_are_looked_at_too() {
        let mut odd = table();
        odd.utc_ns.swap(1, 2);
        let found = read(&parquet(&odd)[..]).expect("reads");
        let said = misplaced(&found.stamps.expect("stamps"), None, Span::secs(3600)).expect("out of order");
        assert_eq!((said.found.as_str(), said.more), ("stamp 2026-01-01T02:00:00Z in row 2", 1));
        assert_eq!(said.expected, "2026-01-01T01:00:00Z");
        odd.texts = vec![("time".to_owned(), vec!["2026-01-01T00:00:00Z".to_owned(); 3])];
        assert!(read(&parquet(&odd)[..]).expect_err("twice").0.contains("two columns of stamps"));
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
