//! Delimited text: the dialect from the first lines, then rows at the speed of memory.
//!
//! The csv crate splits about 10 M rows a second of two columns and leaves numbers and stamps to others; a trace of ten hours at
//! 1 kHz has 36 M rows and 10 s for all. What is kept here is one block of text.
//!
//! Not modelled: line breaks inside quotes, escapes by backslash, a delimiter of more than one byte.

use super::cells::{Cell, cell, decimal, missing, trim};
use super::layout::{Columns, Preview, TimeAt, find};
use super::stamp::{Clock, Stamp};
use super::{PowerUnit, Reading, TraceError, Wishes};
use flate2::bufread::MultiGzDecoder;
use memchr::memchr;
use std::io::{BufRead, BufReader, Read};

/// Text that is looked at before the layout is known, bytes.
const PREVIEW_BYTES: usize = 256 << 10;
/// Rows of it.
const PREVIEW_ROWS: usize = 500;
/// Text read at a time, bytes.
const BLOCK_BYTES: usize = 1 << 20;
/// Longest line; beyond it a file is not a table.
const LONGEST_LINE: usize = 1 << 20;
/// A day, ns.
const DAY_NS: i64 = 86_400_000_000_000;

/// A text trace being read.
pub struct Text {
    input: Box<dyn Read + Send>,
    text: Vec<u8>,
    start: usize,
    ended: bool,
    line: u64,
    dialect: Dialect,
    columns: Columns,
    wanted: Vec<usize>,
    last: i64,
    days: i64,
}

/// How a text separates its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dialect {
    mark: u8,
    point: u8,
    /// Cells are separated by runs of blanks.
    blanks: bool,
}

impl Text {
    /// Looks at the beginning and finds the columns.
    ///
    /// # Errors
    /// What cannot be read, or must be said by a flag.
    pub fn open(input: impl Read + Send + 'static, wishes: &Wishes) -> Result<Self, TraceError> {
        let mut input = plain(input)?;
        let mut text = Vec::new();
        let mut taken = input.by_ref().take(PREVIEW_BYTES as u64);
        taken.read_to_end(&mut text).map_err(|why| broken(&why))?;
        if text.starts_with(&[0xef, 0xbb, 0xbf]) {
            text.drain(..3);
        }
        if text.iter().take(4096).any(|byte| *byte == 0) {
            return Err(TraceError::File("not text: it holds zero bytes (is it a workbook or an archive?)".to_owned()));
        }
        let whole = text.len() < PREVIEW_BYTES - 3;
        let (dialect, preview, skipped, lines) = look(&text, whole)?;
        let mut columns = find(&preview, wishes)?;
        columns.reading.passed_over = lines;
        let mut wanted: Vec<usize> = columns.power.iter().map(|(at, _)| *at).collect();
        match columns.time {
            TimeAt::Column(at, _) | TimeAt::OfDay(at, _) => wanted.push(at),
            TimeAt::Split(date, clock, _) => wanted.extend([date, clock]),
            TimeAt::Steps(_) => {}
        }
        wanted.extend(columns.only.as_ref().map(|(at, _)| *at));
        Ok(Self {
            input,
            text,
            start: skipped,
            ended: whole,
            line: lines,
            dialect,
            columns,
            wanted,
            last: i64::MIN,
            days: 0,
        })
    }

    /// How it is read, and what was left out so far.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.columns.reading
    }

    /// Appends rows (ns, W; NaN where there is no reading), at least one block's worth; `false` when there are no more.
    ///
    /// # Errors
    /// An input that fails, or a line without end.
    pub fn read(&mut self, rows: &mut Vec<(i64, f64)>) -> Result<bool, TraceError> {
        let text = std::mem::take(&mut self.text);
        let mut at = self.start;
        let mut cells: Vec<&[u8]> = vec![&[]; self.wanted.iter().max().map_or(0, |most| most + 1)];
        while let Some(end) = memchr(b'\n', &text[at..]) {
            self.line += 1;
            self.row(&text[at..at + end], &mut cells, rows);
            at += end + 1;
        }
        if self.ended {
            if at < text.len() {
                self.line += 1;
                self.row(&text[at..], &mut cells, rows);
            }
            return Ok(false);
        }
        drop(cells);
        let mut text = text;
        text.drain(..at);
        if text.len() > LONGEST_LINE {
            return Err(TraceError::File(format!("line {} is longer than {LONGEST_LINE} bytes", self.line + 1)));
        }
        let kept = text.len();
        text.resize(kept + BLOCK_BYTES, 0);
        let mut filled = kept;
        while filled < text.len() {
            match self.input.read(&mut text[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                Err(why) => return Err(broken(&why)),
            }
        }
        text.truncate(filled);
        (self.text, self.start) = (text, 0);
        Ok(true)
    }

    fn row<'t>(&mut self, line: &'t [u8], cells: &mut [&'t [u8]], rows: &mut Vec<(i64, f64)>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line[0] == b'#' {
            self.columns.reading.passed_over += 1;
            return;
        }
        split(line, self.dialect, cells);
        if let Some((at, value)) = &self.columns.only
            && trim(cells[*at]) != value.as_bytes()
        {
            self.columns.reading.filtered += 1;
            return;
        }
        let point = self.dialect.point;
        let Some(at_ns) = self.time(cells) else {
            let (count, first) = &mut self.columns.reading.unreadable_times;
            *count += 1;
            if *first == 0 {
                *first = self.line;
            }
            return;
        };
        let mut power_w = 0.0;
        for (at, factor) in &self.columns.power {
            power_w += match cell(cells[*at], point) {
                Cell::Number(value, None) => value * factor,
                // A unit in the cell was seen when the column was chosen; another one in a later row still counts.
                Cell::Number(value, Some(unit)) => value * unit.watts(),
                Cell::Missing => f64::NAN,
                Cell::Unreadable => {
                    let (count, first) = &mut self.columns.reading.unreadable_cells;
                    *count += 1;
                    if *first == 0 {
                        *first = self.line;
                    }
                    f64::NAN
                }
            };
        }
        // More than a float can hold is no power that anybody measured.
        rows.push((at_ns, if power_w.is_infinite() { f64::NAN } else { power_w }));
    }

    fn time(&mut self, cells: &[&[u8]]) -> Option<i64> {
        let point = self.dialect.point;
        match self.columns.time {
            TimeAt::Column(at, clock) => match clock.read(trim(cells[at]), point)? {
                Stamp::Instant(ns, _) | Stamp::Date(ns) => Some(ns),
                Stamp::Clock(_) => None,
            },
            TimeAt::Split(date, of_day, clock) => {
                let Stamp::Date(day) = clock.read(trim(cells[date]), point)? else { return None };
                let Stamp::Clock(ns) = Clock::read(clock, trim(cells[of_day]), point)? else { return None };
                Some(day + ns)
            }
            TimeAt::OfDay(at, clock) => {
                let Stamp::Clock(ns) = clock.read(trim(cells[at]), point)? else { return None };
                // Past midnight a clock falls back by nearly a day; a row out of order falls back by less.
                if self.last > i64::MIN && self.last - (ns + self.days) > DAY_NS / 2 {
                    self.days += DAY_NS;
                }
                self.last = ns + self.days;
                Some(self.last)
            }
            TimeAt::Steps(step_ns) => {
                self.last = if self.last == i64::MIN { 0 } else { self.last + step_ns };
                Some(self.last)
            }
        }
    }
}

/// Cells of a line up to the last that is wanted; those that are not there are empty.
fn split<'t>(line: &'t [u8], dialect: Dialect, cells: &mut [&'t [u8]]) {
    let mut rest = line;
    for cell in cells.iter_mut() {
        if dialect.blanks {
            let from = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            rest = &rest[from..];
            let to = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            (*cell, rest) = rest.split_at(to);
            continue;
        }
        if let [b'"', inside @ ..] = rest
            && let Some(end) = memchr(b'"', inside)
        {
            *cell = &inside[..end];
            let after = &inside[end + 1..];
            rest = memchr(dialect.mark, after).map_or(&[][..], |mark| &after[mark + 1..]);
            continue;
        }
        match memchr(dialect.mark, rest) {
            Some(mark) => {
                *cell = &rest[..mark];
                rest = &rest[mark + 1..];
            }
            None => {
                *cell = rest;
                rest = &[];
            }
        }
    }
}

fn count(line: &[u8], dialect: Dialect) -> usize {
    if dialect.blanks {
        return line.split(u8::is_ascii_whitespace).filter(|cell| !cell.is_empty()).count();
    }
    let (mut cells, mut quoted) = (1, false);
    for byte in line {
        quoted ^= *byte == b'"';
        cells += usize::from(*byte == dialect.mark && !quoted);
    }
    cells
}

/// Dialect, names and first rows of a text, the byte where its rows begin, and the lines before.
fn look(text: &[u8], whole: bool) -> Result<(Dialect, Preview, usize, u64), TraceError> {
    let mut lines: Vec<(usize, &[u8])> = Vec::new();
    let mut at = 0;
    while let Some(end) = memchr(b'\n', &text[at..]) {
        lines.push((at, text[at..at + end].strip_suffix(b"\r").unwrap_or(&text[at..at + end])));
        at += end + 1;
    }
    if whole && at < text.len() {
        lines.push((at, &text[at..]));
    }
    let filled: Vec<(usize, &[u8])> = lines
        .iter()
        .copied()
        .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace) && line[0] != b'#')
        .collect();
    if filled.is_empty() {
        return Err(TraceError::File("no line of text in it".to_owned()));
    }
    let dialect = dialect(&filled);
    let columns = usual(&filled, dialect);
    let row = |line: &[u8]| -> Vec<String> {
        let mut cells: Vec<&[u8]> = vec![&[]; columns];
        split(line, dialect, &mut cells);
        cells.iter().map(|cell| String::from_utf8_lossy(trim(cell)).into_owned()).collect()
    };
    // Rows begin where the usual number of cells holds a number and no name stands among the cells.
    let is_row = |line: &[u8]| {
        let cells = row(line);
        let numbers = cells.iter().filter(|cell| starts_like_a_value(cell.as_bytes(), dialect.point)).count();
        count(line, dialect) == columns
            && numbers > 0
            && 2 * numbers >= cells.iter().filter(|cell| !missing(cell.as_bytes())).count()
    };
    let first = filled.iter().position(|(_, line)| is_row(line));
    let Some(first) = first else {
        let what = format!("no row with numbers in its first {} lines", filled.len());
        return Err(TraceError::File(what));
    };
    // The names: the nearest line above with as many cells; below it there may be one with units.
    let above: Vec<Vec<String>> =
        filled[..first].iter().filter(|(_, line)| count(line, dialect) == columns).map(|(_, line)| row(line)).collect();
    let commented = lines.iter().filter(|(at, _)| *at < filled[first].0).rev().find_map(|(_, line)| {
        let bare = line.strip_prefix(b"#")?;
        (count(bare, dialect) == columns).then(|| row(bare))
    });
    let mut names: Vec<String> = match above.as_slice() {
        [] => commented.unwrap_or_else(|| (1..=columns).map(|number| format!("column {number}")).collect()),
        [.., names, units] if units.iter().any(|cell| is_unit(cell)) => names
            .iter()
            .zip(units)
            .map(|(name, unit)| {
                if unit.is_empty() {
                    name.clone()
                } else {
                    format!("{name} [{}]", unit.trim_matches(['[', ']', '(', ')']))
                }
            })
            .collect(),
        [.., names] => names.clone(),
    };
    for (number, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("column {}", number + 1);
        }
    }
    let rows = filled[first..].iter().take(PREVIEW_ROWS).map(|(_, line)| row(line)).collect();
    let before = lines.iter().filter(|(at, _)| *at < filled[first].0).count() as u64;
    Ok((dialect, Preview { names, rows, point: dialect.point, declared: None }, filled[first].0, before))
}

fn is_unit(cell: &str) -> bool {
    let bare = cell.trim_matches(['[', ']', '(', ')']);
    PowerUnit::read(bare).is_some() || ["s", "ms", "us", "ns", "min", "h", "sec"].contains(&bare)
}

fn starts_like_a_value(cell: &[u8], point: u8) -> bool {
    decimal(cell, point).is_some()
}

/// The delimiter that gives most lines the same number of cells, two or more; else one column.
fn dialect(lines: &[(usize, &[u8])]) -> Dialect {
    let sample = &lines[lines.len() / 2..];
    let sample = &sample[..sample.len().min(200)];
    let mut best = (0, Dialect { mark: b',', point: b'.', blanks: false });
    for (mark, blanks) in [(b'\t', false), (b';', false), (b',', false), (b'|', false), (b' ', true)] {
        let dialect = Dialect { mark, point: b'.', blanks };
        let columns = usual(lines, dialect);
        let agree = sample.iter().filter(|(_, line)| count(line, dialect) == columns).count();
        let score = if columns > 1 { agree } else { 0 };
        // Blanks count last: they stand inside dates too.
        if score > best.0 && !(blanks && best.0 > 0) {
            best = (score, dialect);
        }
    }
    let mut dialect = best.1;
    if best.0 == 0 {
        dialect.mark = b'\n'; // one column
    }
    // A comma inside numbers where nothing has a point.
    if dialect.mark != b',' {
        let (mut commas, mut points) = (0, 0);
        for (_, line) in sample {
            commas +=
                line.windows(3).filter(|w| w[0].is_ascii_digit() && w[1] == b',' && w[2].is_ascii_digit()).count();
            points += line
                .split(|byte| *byte == dialect.mark)
                .filter(|cell| {
                    let cell = trim(cell);
                    decimal(cell, b'.').is_some_and(|read| read.length == cell.len()) && cell.contains(&b'.')
                })
                .count();
        }
        if commas > points {
            dialect.point = b',';
        }
    }
    dialect
}

/// Number of cells that most lines of the second half have.
fn usual(lines: &[(usize, &[u8])], dialect: Dialect) -> usize {
    let mut counts: Vec<usize> =
        lines[lines.len() / 2..].iter().take(200).map(|(_, line)| count(line, dialect)).collect();
    counts.sort_unstable();
    let mut best = (0, 1);
    for group in counts.chunk_by(|a, b| a == b) {
        if group.len() > best.0 {
            best = (group.len(), group[0]);
        }
    }
    best.1
}

/// Gzip unpacked, UTF-16 turned to UTF-8.
fn plain(input: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>, TraceError> {
    let mut input = BufReader::with_capacity(256 << 10, input);
    let head = input.fill_buf().map_err(|why| broken(&why))?;
    if head.is_empty() {
        return Err(TraceError::File("it is empty".to_owned()));
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[' | b'<')) {
        return Err(TraceError::File("this is JSON or XML; write its columns as CSV or Parquet".to_owned()));
    }
    let known: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "a workbook or a zip archive; save the sheet as CSV, or unpack it"),
        (&[0xd0, 0xcf, 0x11, 0xe0], "an old workbook; save the sheet as CSV"),
        (&[0x89, b'H', b'D', b'F'], "HDF5; write the columns as CSV or Parquet"),
        (b"BZh", "bzip2; unpack it or use gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd; unpack it or use gzip"),
    ];
    if let Some((_, what)) = known.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(TraceError::File(format!("this is {what}")));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        let mut inner = BufReader::with_capacity(256 << 10, MultiGzDecoder::new(input));
        let head = inner.fill_buf().map_err(|why| broken(&why))?;
        let wide = wide(head);
        return Ok(match wide {
            Some(little) => Box::new(Narrow { inner, little, left: Vec::new() }),
            None => Box::new(inner),
        });
    }
    Ok(match wide(head) {
        Some(little) => Box::new(Narrow { inner: input, little, left: Vec::new() }),
        None => Box::new(input),
    })
}

/// Whether a text begins with the mark of UTF-16, and in which order its bytes come.
fn wide(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(true),
        [0xfe, 0xff, ..] => Some(false),
        _ => None,
    }
}

/// UTF-16 as UTF-8; what is not ASCII becomes a question mark, since names are all it can matter for.
struct Narrow<B: BufRead> {
    inner: B,
    little: bool,
    left: Vec<u8>,
}

impl<B: BufRead> Read for Narrow<B> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            let head = self.inner.fill_buf()?;
            if head.is_empty() {
                break;
            }
            let taken = head.len().min(2 * (out.len() - filled));
            for byte in &head[..taken] {
                self.left.push(*byte);
                if self.left.len() == 2 {
                    let (low, high) =
                        if self.little { (self.left[0], self.left[1]) } else { (self.left[1], self.left[0]) };
                    self.left.clear();
                    if (low, high) != (0xff, 0xfe) {
                        out[filled] = if high == 0 && low < 128 { low } else { b'?' };
                        filled += 1;
                    }
                }
            }
            self.inner.consume(taken);
        }
        Ok(filled)
    }
}

fn broken(why: &std::io::Error) -> TraceError {
    TraceError::File(format!("cannot be read on: {why}"))
}
