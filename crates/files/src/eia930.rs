//! Hourly demand of a balancing authority, read from EIA-930 CSV files as published, plain or gzip.
//!
//! Two layouts: `date_time, demand (MW)` (raw) and `date_time, raw demand (MW), category, cleaned demand (MW)`
//! (screened). Stamps are UTC and name the END of the hour; the series that comes out begins its hours. What is not a
//! trustworthy measurement becomes a gap with its line and its reason, never a zero and never the publisher's own
//! imputed value (that is handed over separately, see [`Reading930::cleaned`]).
//!
//! Not modelled: sub-hourly stamps, interchange, local time. Generation by fuel: [`fuel_mix`].

pub mod fuel_mix;
pub mod hours;
pub mod zones;

use core::fmt;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use thiserror::Error;
use tieline_units::{Series, Span, Utc};

/// Longest line that is read; a published line has about 60 bytes.
const LINE_LIMIT: usize = 1024;
/// Most lines that are read: 57 years of hours.
const LINES_LIMIT: u64 = 500_000;
/// Most hours between the first and the last stamp.
const SPAN_LIMIT_HOURS: i64 = 500_000;
/// Most problems of one kind that are kept with line and stamp; the counts go on.
const KEPT_PROBLEMS: usize = 10_000;
/// No balancing authority carries more, MW. PJM's record is 165,563 MW (PJM, 2 August 2006), the whole United States
/// peak at about 760,000 MW (EIA); the 32-bit sentinel of the published files is 2,147,480,000.
const PLAUSIBLE_MAX_MW: f64 = 1_000_000.0;
/// An isolated hour above this multiple of both medians (2 h and 12 h to either side) is a false spike.
/// In 20 screened files of 2020-2023 no hour that the publisher accepts exceeds 1.25 against the near median.
const SPIKE_RATIO: f64 = 1.6;
/// An isolated hour below this multiple of both medians is a drop-out.
const DROP_RATIO: f64 = 0.4;
/// An isolated hour above this multiple of the near median (and of the far one) is kept, and named as suspect.
const SUSPECT_RATIO: f64 = 1.2;
/// Hours to either side for the near and the far median.
const NEAR_HOURS: usize = 2;
const FAR_HOURS: usize = 12;

/// Why the file cannot be used at all.
#[derive(Debug, Error)]
pub enum Eia930Error {
    /// The first line is not one of the two published headers.
    #[error(
        "{name}: line 1: this is not an EIA-930 demand file; expected the header \"date_time,demand (MW)\" or \"date_time,raw demand (MW),category,cleaned demand (MW)\", found \"{found}\""
    )]
    WrongHeader {
        /// File name, for people.
        name: String,
        /// What stands there, shortened.
        found: String,
    },
    /// Nothing in the file, or a header alone.
    #[error("{name}: no data rows")]
    NoRows {
        /// File name, for people.
        name: String,
    },
    /// The bytes end or fail before the file does: a truncated gzip, a failing disk.
    #[error("{name}: after line {line}: cannot be read further: {source}")]
    Unreadable {
        /// File name, for people.
        name: String,
        /// Last line that could be read.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line that cannot be placed in the series.
    #[error("{name}: line {line}: {reason}")]
    BadLine {
        /// File name, for people.
        name: String,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why an hour is a gap.
#[derive(Clone, Debug, PartialEq)]
pub enum GapReason {
    /// The cell is blank.
    Blank,
    /// The cell says EMPTY.
    Empty,
    /// The cell says MISSING.
    Missing,
    /// The cell holds other text.
    NotANumber(String),
    /// Below zero, MW.
    Negative(f64),
    /// Zero while the neighbours carry load.
    Zero,
    /// Beyond what any balancing authority carries, MW (the 32-bit sentinel 2,147,480,000 among them).
    Absurd(f64),
    /// An isolated spike, MW.
    Spike(f64),
    /// An isolated drop-out, MW.
    DropOut(f64),
    /// The publisher's screening rejects a number that stands there: its category.
    Screened(String),
    /// Hours without a line: the stamps are not in the file.
    NoLine,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => write!(f, "blank cell"),
            Self::Empty => write!(f, "EMPTY"),
            Self::Missing => write!(f, "MISSING"),
            Self::NotANumber(text) => write!(f, "\"{text}\" is not a number"),
            Self::Negative(mw) => write!(f, "{mw} MW is negative"),
            Self::Zero => write!(f, "zero between hours of load"),
            Self::Absurd(mw) => write!(f, "{mw} MW is beyond any balancing authority"),
            Self::Spike(mw) => write!(f, "{mw} MW is an isolated spike"),
            Self::DropOut(mw) => write!(f, "{mw} MW is an isolated drop-out"),
            Self::Screened(category) => write!(f, "screened out by the publisher as {category}"),
            Self::NoLine => write!(f, "no line for this hour"),
        }
    }
}

/// One or more hours without a usable value.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Line in the file, from 1; for hours without a line, the line at which the stamps go on.
    pub line: u64,
    /// Beginning of the (first) hour.
    pub stamp: Utc,
    /// How many hours.
    pub hours: u32,
    /// Why.
    pub reason: GapReason,
}

/// What is wrong with the order of the lines, or doubtful about a value that was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Remark {
    /// The stamp was there before with the same value.
    Duplicate,
    /// The stamp was there before with another value; the first is kept. MW in this line; not a number where it has none.
    Contradicts(f64),
    /// The stamp lies before the one above it; the value goes where it belongs.
    OutOfOrder,
    /// Kept, but it stands out from both sides, MW.
    Suspect(f64),
    /// The first of so many hours of zero in a row, kept as load: most hours of the file are zero.
    Zeros(u32),
}

/// A remark and its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noted {
    /// Line in the file, from 1.
    pub line: u64,
    /// Beginning of the hour.
    pub stamp: Utc,
    /// What is to be said.
    pub remark: Remark,
}

/// How many of each, never capped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Data lines.
    pub lines: usize,
    /// Cells that are not numbers (blank, EMPTY, MISSING, other text).
    pub not_numbers: usize,
    /// Numbers that cannot be: negative, zero between loads, absurd.
    pub impossible: usize,
    /// Isolated spikes and drop-outs.
    pub outliers: usize,
    /// Numbers that the publisher's screening rejects and that none of the above caught first.
    pub screened: usize,
    /// Hours between first and last stamp without a line.
    pub hours_without_line: usize,
    /// Repeated stamps.
    pub duplicates: usize,
    /// Stamps that go backwards.
    pub out_of_order: usize,
    /// Values kept though they stand out.
    pub suspects: usize,
    /// Zeros kept as load.
    pub zeros: usize,
}

/// What the file says.
#[derive(Clone, Debug)]
pub struct Reading930 {
    /// Measured demand by hour beginning, W; gaps stay gaps.
    pub demand: Series,
    /// The publisher's gap-filled column on the same hours, W; `None` in the raw layout.
    pub cleaned: Option<Series>,
    /// The gaps in order of time, at most 10,000; [`Counts`] has the full numbers.
    pub gaps: Vec<Gap>,
    /// Remarks in order of the file, at most 10,000.
    pub remarks: Vec<Noted>,
    /// How many of each.
    pub counts: Counts,
}

/// Reads one file. `name` is for messages only; `bytes` may be plain or gzip, which is seen from the content.
///
/// # Errors
/// A wrong header, bytes that cannot be decoded, a line that is too long or not UTF-8, a stamp that is not a whole hour,
/// more rows or a longer span than any published file has. The message names the line.
pub fn read(name: &str, bytes: impl Read) -> Result<Reading930, Eia930Error> {
    let mut input = BufReader::with_capacity(1 << 16, bytes);
    let head = input.fill_buf().map_err(|source| Eia930Error::Unreadable { name: name.to_owned(), line: 0, source })?;
    if head.starts_with(&[0x1f, 0x8b]) {
        read_lines(name, BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input)))
    } else {
        read_lines(name, input)
    }
}

/// One data line, before it is judged against its neighbours.
struct Row {
    hour: i64,
    line: u32,
    cell: Cell,
    cleaned_mw: f64,
}

enum Cell {
    Number(f64),
    Bad(GapReason),
}

fn read_lines(name: &str, mut input: impl BufRead) -> Result<Reading930, Eia930Error> {
    let mut buffer = Vec::with_capacity(LINE_LIMIT);
    let mut line = 0_u64;
    let header = next_line(name, &mut input, &mut buffer, &mut line)?;
    let screened = match header.map(|text| text.trim_start_matches('\u{feff}').to_owned()) {
        None => return Err(Eia930Error::NoRows { name: name.to_owned() }),
        Some(text) if text == "date_time,demand (MW)" => false,
        Some(text) if text == "date_time,raw demand (MW),category,cleaned demand (MW)" => true,
        Some(text) => return Err(Eia930Error::WrongHeader { name: name.to_owned(), found: shorten(&text) }),
    };
    let mut rows = Vec::new();
    while let Some(text) = next_line(name, &mut input, &mut buffer, &mut line)? {
        // Blank lines count too, so that a file of nothing but line ends is not read for ever.
        if line > LINES_LIMIT {
            return Err(bad(name, line, format!("more than {LINES_LIMIT} lines: this is not an EIA-930 file")));
        }
        if text.is_empty() {
            continue;
        }
        rows.push(row(text, screened, line).map_err(|reason| bad(name, line, reason))?);
    }
    assemble(name, rows, screened)
}

/// The next line without its end; at most [`LINE_LIMIT`] bytes are ever held.
fn next_line<'b>(
    name: &str,
    input: &mut impl BufRead,
    buffer: &'b mut Vec<u8>,
    line: &mut u64,
) -> Result<Option<&'b str>, Eia930Error> {
    buffer.clear();
    let got = input
        .by_ref()
        .take(LINE_LIMIT as u64 + 1)
        .read_until(b'\n', buffer)
        .map_err(|source| Eia930Error::Unreadable { name: name.to_owned(), line: *line, source })?;
    if got == 0 {
        return Ok(None);
    }
    *line += 1;
    if buffer.len() > LINE_LIMIT {
        return Err(bad(name, *line, format!("longer than {LINE_LIMIT} bytes: this is not an EIA-930 file")));
    }
    match core::str::from_utf8(buffer) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']))),
        Err(error) => Err(bad(name, *line, format!("not UTF-8 text at byte {} of the line", error.valid_up_to() + 1))),
    }
}

fn bad(name: &str, line: u64, reason: String) -> Eia930Error {
    Eia930Error::BadLine { name: name.to_owned(), line, reason }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push_str("...");
    }
    short
}

fn row(text: &str, screened: bool, line: u64) -> Result<Row, String> {
    let mut fields = text.split(',');
    let wanted = if screened { 4 } else { 2 };
    let found = text.split(',').count();
    if found != wanted {
        return Err(format!("{found} fields, expected {wanted}"));
    }
    let (Some(stamp), Some(demand)) = (fields.next(), fields.next()) else {
        return Err(format!("fewer than {wanted} fields"));
    };
    let hour = hour_ending(stamp.trim())?;
    let mut cell = demand_cell(demand.trim());
    let mut cleaned_mw = f64::NAN;
    if let (Some(category), Some(cleaned)) = (fields.next(), fields.next()) {
        let category = category.trim();
        if category != "OKAY" && matches!(cell, Cell::Number(mw) if (0.0..=PLAUSIBLE_MAX_MW).contains(&mw)) {
            cell = Cell::Bad(GapReason::Screened(shorten(category)));
        }
        if let Cell::Number(mw) = demand_cell(cleaned.trim())
            && (0.0..=PLAUSIBLE_MAX_MW).contains(&mw)
        {
            cleaned_mw = mw;
        }
    }
    if let Cell::Number(mw) = cell {
        if mw < 0.0 {
            cell = Cell::Bad(GapReason::Negative(mw));
        } else if mw > PLAUSIBLE_MAX_MW {
            cell = Cell::Bad(GapReason::Absurd(mw));
        }
    }
    // Lines are limited to 500,000, so the number fits.
    Ok(Row { hour, line: line as u32, cell, cleaned_mw })
}

fn demand_cell(text: &str) -> Cell {
    match text {
        "" => Cell::Bad(GapReason::Blank),
        "EMPTY" => Cell::Bad(GapReason::Empty),
        "MISSING" => Cell::Bad(GapReason::Missing),
        _ => match text.parse::<f64>() {
            Ok(mw) if mw.is_finite() => Cell::Number(mw),
            _ => Cell::Bad(GapReason::NotANumber(shorten(text))),
        },
    }
}

/// `YYYY-MM-DD HH:MM:SS`, UTC, as whole hours since 1970-01-01T00Z.
fn hour_ending(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{}\" is not a stamp of the form 2023-07-27 22:00:00", shorten(text));
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-dd dd:dd:dd";
    if bytes.len() != shape.len()
        || !bytes.iter().zip(shape).all(|(b, s)| if *s == b'd' { b.is_ascii_digit() } else { b == s })
    {
        return Err(wrong());
    }
    let number = |range: core::ops::Range<usize>| bytes[range].iter().fold(0_i64, |n, b| n * 10 + i64::from(b - b'0'));
    let (year, month, day, hour) = (number(0..4), number(5..7), number(8..10), number(11..13));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return Err(wrong()),
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || !(1990..=2199).contains(&year) {
        return Err(wrong());
    }
    if number(14..16) != 0 || number(17..19) != 0 {
        return Err(format!("\"{text}\" is not on the hour; only hourly files are read"));
    }
    // Days from the civil date: years counted from March, so that the leap day falls at the end.
    let y = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719_468;
    Ok(days * 24 + hour)
}

fn beginning(hour_ending: i64) -> Utc {
    Utc::nanos((hour_ending - 1) * 3_600_000_000_000)
}

/// Collects problems: the first ones whole, the rest only counted.
struct Found {
    gaps: Vec<Gap>,
    remarks: Vec<Noted>,
    counts: Counts,
}

impl Found {
    fn gap(&mut self, line: u32, first_hour: i64, hours: u32, reason: GapReason) {
        match reason {
            GapReason::Blank | GapReason::Empty | GapReason::Missing | GapReason::NotANumber(_) => {
                self.counts.not_numbers += 1;
            }
            GapReason::Negative(_) | GapReason::Zero | GapReason::Absurd(_) => self.counts.impossible += 1,
            GapReason::Spike(_) | GapReason::DropOut(_) => self.counts.outliers += 1,
            GapReason::Screened(_) => self.counts.screened += 1,
            GapReason::NoLine => self.counts.hours_without_line += hours as usize,
        }
        if self.gaps.len() < KEPT_PROBLEMS {
            self.gaps.push(Gap { line: u64::from(line), stamp: beginning(first_hour), hours, reason });
        }
    }
    fn remark(&mut self, line: u32, hour: i64, remark: Remark) {
        match remark {
            Remark::Duplicate | Remark::Contradicts(_) => self.counts.duplicates += 1,
            Remark::OutOfOrder => self.counts.out_of_order += 1,
            Remark::Suspect(_) => self.counts.suspects += 1,
            Remark::Zeros(hours) => self.counts.zeros += hours as usize,
        }
        if self.remarks.len() < KEPT_PROBLEMS {
            self.remarks.push(Noted { line: u64::from(line), stamp: beginning(hour), remark });
        }
    }
}

fn assemble(name: &str, mut rows: Vec<Row>, screened: bool) -> Result<Reading930, Eia930Error> {
    let mut found = Found { gaps: Vec::new(), remarks: Vec::new(), counts: Counts::default() };
    found.counts.lines = rows.len();
    for pair in rows.windows(2) {
        if pair[1].hour < pair[0].hour {
            found.remark(pair[1].line, pair[1].hour, Remark::OutOfOrder);
        }
    }
    // Stable: of equal stamps the first line stays first, and is the one that is kept.
    rows.sort_by_key(|row| row.hour);
    rows.dedup_by(|later, first| {
        let same = later.hour == first.hour;
        if same {
            let mw = |row: &Row| if let Cell::Number(mw) = row.cell { mw } else { f64::NAN };
            let alike = mw(later).to_bits() == mw(first).to_bits();
            let remark = if alike { Remark::Duplicate } else { Remark::Contradicts(mw(later)) };
            found.remark(later.line, later.hour, remark);
        }
        same
    });
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(Eia930Error::NoRows { name: name.to_owned() });
    };
    let (start, hours) = (first.hour, last.hour - first.hour + 1);
    if hours > SPAN_LIMIT_HOURS {
        return Err(bad(
            name,
            u64::from(last.line),
            format!("the stamps span {hours} hours, more than {SPAN_LIMIT_HOURS}; one of them is wrong"),
        ));
    }
    judge(&mut rows, &mut found);
    let hours = hours as usize;
    let (mut demand, mut cleaned) = (vec![f64::NAN; hours], vec![f64::NAN; hours]);
    let mut expected = start;
    for row in rows {
        if row.hour > expected {
            // Both are within the span limit, so the difference fits.
            found.gap(row.line, expected, (row.hour - expected) as u32, GapReason::NoLine);
        }
        expected = row.hour + 1;
        let index = (row.hour - start) as usize;
        cleaned[index] = row.cleaned_mw * 1e6;
        match row.cell {
            Cell::Number(mw) => demand[index] = mw * 1e6,
            Cell::Bad(reason) => found.gap(row.line, row.hour, 1, reason),
        }
    }
    let hour = Span::secs(3600);
    Ok(Reading930 {
        demand: Series::new(beginning(start), hour, demand),
        cleaned: screened.then(|| Series::new(beginning(start), hour, cleaned)),
        gaps: found.gaps,
        remarks: found.remarks,
        counts: found.counts,
    })
}

/// Marks isolated spikes, drop-outs and zeros.
///
/// Both medians must agree: the near one (2 lines to either side) sees that the hour stands alone, the far one (12 to
/// either side) that it does not belong to the day. A heat wave moves both, a real ramp moves the near one.
fn judge(rows: &mut [Row], found: &mut Found) {
    let value: Vec<f64> = rows.iter().map(|row| if let Cell::Number(mw) = row.cell { mw } else { f64::NAN }).collect();
    let count = |test: fn(&f64) -> bool| value.iter().filter(|mw| test(mw)).count();
    let loaded = count(|mw| *mw > 0.0) > count(|mw| *mw == 0.0);
    let mut scratch = Vec::with_capacity(2 * FAR_HOURS);
    for (index, row) in rows.iter_mut().enumerate() {
        let mw = value[index];
        if mw.is_nan() {
            continue;
        }
        // However long a run of zeros is: who carries load in most hours does not stop.
        if mw == 0.0 && loaded {
            row.cell = Cell::Bad(GapReason::Zero);
            continue;
        }
        // Zeros in a row are no isolated drop-out, at their edges neither.
        let beside = [index.checked_sub(1), Some(index + 1)].map(|at| at.and_then(|at| value.get(at)));
        if mw == 0.0 && beside.contains(&Some(&0.0)) {
            continue;
        }
        // The near median alone clears almost every hour; the far one is looked up only for the rest.
        let near = median_around(&value, index, NEAR_HOURS, &mut scratch);
        if near.is_nan() || (mw <= SUSPECT_RATIO * near && mw >= DROP_RATIO * near) {
            continue;
        }
        let far = median_around(&value, index, FAR_HOURS, &mut scratch);
        if mw > SPIKE_RATIO * near && mw > SPIKE_RATIO * far {
            row.cell = Cell::Bad(GapReason::Spike(mw));
        } else if mw < DROP_RATIO * near && mw < DROP_RATIO * far {
            row.cell = Cell::Bad(GapReason::DropOut(mw));
        } else if mw > SUSPECT_RATIO * near && mw > SUSPECT_RATIO * far {
            found.remark(row.line, row.hour, Remark::Suspect(mw));
        }
    }
    // Zeros that are left are load of nothing: who has none in most hours may not have begun, or have ended.
    let mut run: Option<(u32, i64, u32)> = None;
    for row in rows {
        let zero = matches!(row.cell, Cell::Number(mw) if mw == 0.0);
        run = match run {
            Some((line, first, hours)) if zero && first + i64::from(hours) == row.hour => {
                Some((line, first, hours + 1))
            }
            before => {
                if let Some((line, first, hours)) = before {
                    found.remark(line, first, Remark::Zeros(hours));
                }
                zero.then_some((row.line, row.hour, 1))
            }
        };
    }
    if let Some((line, first, hours)) = run {
        found.remark(line, first, Remark::Zeros(hours));
    }
}

/// Median of the positive values up to `reach` lines to either side, without the line itself; NaN below two values.
fn median_around(value: &[f64], index: usize, reach: usize, scratch: &mut Vec<f64>) -> f64 {
    let from = index.saturating_sub(reach);
    let to = (index + reach + 1).min(value.len());
    scratch.clear();
    scratch.extend((from..to).filter(|i| *i != index).map(|i| value[i]).filter(|mw| *mw > 0.0));
    if scratch.len() < 2 {
        return f64::NAN;
    }
    scratch.sort_unstable_by(f64::total_cmp);
    let middle = scratch.len() / 2;
    if scratch.len() % 2 == 1 { scratch[middle] } else { 0.5 * (scratch[middle - 1] + scratch[middle]) }
}
