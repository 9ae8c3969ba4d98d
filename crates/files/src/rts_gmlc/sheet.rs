//! One table of the folder: columns by name, rows with their lines.
//!
//! Not modelled: quotes that span lines beyond what CSV allows.

use super::{Mistakes, Open};
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

/// Largest table that is read, bytes unpacked.
const MOST_BYTES: u64 = 64 << 20;

/// What says that a cell has no number, in whatever case.
const NOTHING: [&str; 6] = ["", "NA", "N/A", "NaN", "None", "null"];

/// A row and its line.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) words: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) file: String,
    pub(super) header: Vec<String>,
    pub(super) column: BTreeMap<String, usize>,
    pub(super) rows: Vec<Row>,
}

/// The whole file, unpacked.
fn bytes(reader: Box<dyn Read>) -> io::Result<Vec<u8>> {
    let mut input = BufReader::new(reader);
    let mut all = Vec::new();
    let zipped = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if zipped {
        MultiGzDecoder::new(input).take(MOST_BYTES + 1).read_to_end(&mut all)?;
    } else {
        input.take(MOST_BYTES + 1).read_to_end(&mut all)?;
    }
    if all.len() as u64 > MOST_BYTES {
        return Err(io::Error::other(format!("more than {MOST_BYTES} bytes")));
    }
    Ok(all)
}

impl Sheet {
    /// Reads a table whose header must have these columns; what is wrong is said, and an empty table comes out.
    pub(super) fn read(file: &str, wanted: &[&str], open: Open<'_>, wrong: &mut Mistakes) -> Self {
        let mut sheet = Self { file: file.to_owned(), ..Self::default() };
        let bytes = match open(file).and_then(bytes) {
            Ok(bytes) => bytes,
            Err(why) => {
                wrong.say(file, 0, format!("cannot be read: {why}"));
                return sheet;
            }
        };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&bytes[..]);
        let mut record = csv::ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => {
                    wrong.say(file, 0, format!("is no table: {why}"));
                    break;
                }
            }
            let line = record.position().map_or(0, |position| position.line() as usize);
            let words: Vec<String> = record
                .iter()
                .map(|word| String::from_utf8_lossy(word).trim().trim_start_matches('\u{feff}').to_owned())
                .collect();
            if sheet.header.is_empty() {
                sheet.header = words;
                continue;
            }
            if words.len() != sheet.header.len() {
                let (found, expected) = (words.len(), sheet.header.len());
                wrong.say(file, line, format!("found {found} columns, expected {expected} as in the first line"));
                continue;
            }
            sheet.rows.push(Row { line, words });
        }
        for (place, name) in sheet.header.iter().enumerate() {
            let before = *sheet.column.entry(name.clone()).or_insert(place);
            if before != place && !name.is_empty() {
                let what = format!("column \"{name}\" stands twice, as column {} and {}", before + 1, place + 1);
                wrong.say(file, 1, format!("{what}; expected a name of its own for every column"));
            }
        }
        let missing: Vec<&str> = wanted.iter().filter(|name| !sheet.column.contains_key(**name)).copied().collect();
        if !missing.is_empty() {
            wrong.say(file, 1, format!("has no column \"{}\"", missing.join("\", \"")));
            sheet.rows.clear();
        }
        sheet
    }

    /// What stands in a column; nothing where the table has no such column.
    pub(super) fn word<'s>(&self, row: &'s Row, column: &str) -> &'s str {
        self.column.get(column).and_then(|place| row.words.get(*place)).map_or("", String::as_str)
    }

    /// A number where there is one.
    pub(super) fn maybe(&self, row: &Row, column: &str) -> Option<f64> {
        self.word(row, column).parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Says what stands in columns that may be empty and is no number: it would count as nothing.
    pub(super) fn numbers_or_nothing(&self, is_one: impl Fn(&str) -> bool, wrong: &mut Mistakes) {
        let places: Vec<usize> = (0..self.header.len()).filter(|place| is_one(&self.header[*place])).collect();
        for row in &self.rows {
            for place in &places {
                let word = &row.words[*place];
                let nothing = NOTHING.iter().any(|none| none.eq_ignore_ascii_case(word));
                if !nothing && !word.parse().is_ok_and(f64::is_finite) {
                    let found: String = word.chars().take(40).collect();
                    let column = &self.header[*place];
                    let what = format!("found \"{found}\" in column {column}, expected a number, NA or an empty cell");
                    wrong.say(&self.file, row.line, what);
                }
            }
        }
    }

    /// Says rows whose name in a column stands above already.
    pub(super) fn names_once(&self, column: &str, wrong: &mut Mistakes) {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &self.rows {
            let name = self.word(row, column);
            match known.get(name) {
                _ if name.is_empty() => {}
                Some(line) => {
                    let what = format!("{column} {name} stands here a second time, in line {line} already");
                    wrong.say(&self.file, row.line, what);
                }
                None => drop(known.insert(name, row.line)),
            }
        }
    }

    /// A number that must be there.
    pub(super) fn number(&self, row: &Row, column: &str, wrong: &mut Mistakes) -> f64 {
        self.maybe(row, column).unwrap_or_else(|| {
            let found: String = self.word(row, column).chars().take(40).collect();
            wrong.say(&self.file, row.line, format!("found \"{found}\" in column {column}, expected a number"));
            0.0
        })
    }

    /// A whole number above 0 that must be there.
    pub(super) fn whole(&self, row: &Row, column: &str, wrong: &mut Mistakes) -> Option<u64> {
        let found = self.maybe(row, column).filter(|value| (1.0..=9e15).contains(value) && value.fract() == 0.0);
        if found.is_none() {
            let found: String = self.word(row, column).chars().take(40).collect();
            let what = format!("found \"{found}\" in column {column}, expected a whole number above 0");
            wrong.say(&self.file, row.line, what);
        }
        found.map(|value| value as u64)
    }
}
