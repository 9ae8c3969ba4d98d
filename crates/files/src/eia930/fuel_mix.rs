//! Hourly generation of a balancing authority by fuel (EIA-930), plain or gzip: one column per fuel code.
//!
//! Stamps are UTC and name the beginning of the hour (`2022-01-01 05:00:00+00:00`). A cell without a number is a gap of its
//! fuel; an hour whose total falls away from both sides, or whose nuclear output no day of the file comes near, is a gap of all fuels,
//! with its line and reason; never a zero. An hour or two of a fuel that cannot fall or rise so fast is kept, and named.
//!
//! Not modelled: hour-ending layouts, fuels beyond the eight codes (their columns are named, not read).

use super::{DROP_RATIO, FAR_HOURS, LINES_LIMIT, NEAR_HOURS, PLAUSIBLE_MAX_MW, SPIKE_RATIO, median_around, shorten};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use tieline_units::{Series, Span, Utc};

/// EIA's codes: wind, sun, water, oil, natural gas, coal, nuclear, other.
pub const FUELS: [&str; 8] = ["WND", "SUN", "WAT", "OIL", "NG", "COL", "NUC", "OTH"];
/// Nuclear output beyond this multiple of the file's median cannot be. measured: PJM 2022 stays below 1.08 but for a day
/// of faulty rows at 1.45.
const NUCLEAR_RATIO: f64 = 1.25;
/// Fuels whose isolated hours are looked at, and below and above which multiple of both medians they stand out.
/// measured: of PJM 2022, nuclear stays within 0.93 and 1.09 but for seven hours at half its output, at 0.77, 0.88 or 1.25;
/// coal and gas within 0.68 and 1.47. Oil, water, wind, sun and other change by far more.
const STEADY: [(&str, f64, f64); 3] = [("NUC", 0.9, 1.1), ("COL", 0.6, SPIKE_RATIO), ("NG", 0.6, SPIKE_RATIO)];

/// Generation by fuel.
#[derive(Clone, Debug)]
pub struct FuelMix {
    /// The fuels of the file, by EIA's code, and what each gave, W; gaps are not numbers.
    pub fuels: Vec<(String, Series)>,
    /// Hours, or single cells, that are gaps, in order of time.
    pub gaps: Vec<MixGap>,
    /// Columns that are not read.
    pub unread: Vec<String>,
    /// Values that stand out from both sides and are kept, in order of time.
    pub suspects: Vec<Suspect>,
}

/// A value that stands out and is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Line in the file, from 1.
    pub line: u64,
    /// Beginning of the hour.
    pub stamp: Utc,
    /// EIA's code of the fuel.
    pub fuel: String,
    /// What stands there, MW.
    pub mw: f64,
    /// The median of the 12 hours to either side, MW.
    pub around_mw: f64,
}

/// Hours without a usable value of some fuel, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixGap {
    /// Line in the file, from 1; for hours without a line, the line at which the stamps go on.
    pub line: u64,
    /// Beginning of the (first) hour.
    pub stamp: Utc,
    /// How many hours.
    pub hours: u32,
    /// Why.
    pub reason: String,
}

/// Reads a file; `name` is for messages.
///
/// # Errors
/// The first line that cannot be understood, with its number and what was expected.
pub fn read(name: &str, bytes: impl Read) -> Result<FuelMix, String> {
    let mut input = BufReader::new(bytes);
    let zipped = input.fill_buf().map_err(|why| format!("{name}: {why}"))?.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn BufRead> =
        if zipped { Box::new(BufReader::new(MultiGzDecoder::new(input))) } else { Box::new(input) };
    let (mut columns, mut unread, mut width, mut gaps) = (Vec::new(), Vec::new(), 0, Vec::new());
    let mut rows: Vec<(u64, Utc, Vec<f64>)> = Vec::new();
    let mut text = text.take(PLAUSIBLE_BYTES + 1);
    let (mut index, mut bytes, mut line) = (0_u64, 0_u64, String::new());
    loop {
        line.clear();
        let got = text
            .read_line(&mut line)
            .map_err(|why| format!("{name}: after line {index}: cannot be read further: {why}"))?;
        if got == 0 {
            break;
        }
        index += 1;
        bytes += got as u64;
        if index > LINES_LIMIT || bytes > PLAUSIBLE_BYTES {
            return Err(format!(
                "{name}: line {index}: more than {LINES_LIMIT} lines or {PLAUSIBLE_BYTES} bytes: this is not an EIA-930 file"
            ));
        }
        let words: Vec<&str> = line.trim_end().split(',').map(str::trim).collect();
        if index == 1 {
            width = words.len();
            (columns, unread) = header(&words).map_err(|why| format!("{name}: line 1: {why}"))?;
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let before = rows.last().map(|row| row.1);
        let (at, values) =
            row(&words, width, &columns, before).map_err(|why| format!("{name}: line {index}: {why}"))?;
        if let Some(reason) = blanks(&words, &columns, &values) {
            gaps.push(MixGap { line: index, stamp: at, hours: 1, reason });
        }
        rows.push((index, at, values));
    }
    let (Some(first), Some(last)) = (rows.first().map(|row| row.1), rows.last().map(|row| row.1)) else {
        return Err(format!("{name}: no data rows"));
    };
    let hours = (last.as_nanos() - first.as_nanos()) / HOUR_NANOS + 1;
    if hours > LINES_LIMIT as i64 {
        return Err(format!("{name}: found stamps {hours} hours apart, expected at most {LINES_LIMIT}"));
    }
    screen(&mut rows, &columns, &mut gaps);
    let suspects = suspects(&rows, &columns);
    let mut values = vec![vec![f64::NAN; hours as usize]; columns.len()];
    for (_, at, row) in &rows {
        let hour = ((at.as_nanos() - first.as_nanos()) / HOUR_NANOS) as usize;
        for (fuel, mw) in values.iter_mut().zip(row) {
            fuel[hour] = mw * 1e6;
        }
    }
    for pair in rows.windows(2) {
        let stamp = pair[0].1 + Span::secs(3600);
        let hours = ((pair[1].1 - stamp).as_nanos() / HOUR_NANOS) as u32;
        if hours > 0 {
            gaps.push(MixGap { line: pair[1].0, stamp, hours, reason: "no line for this hour".to_owned() });
        }
    }
    gaps.sort_by_key(|gap| gap.stamp);
    let fuels = columns
        .into_iter()
        .zip(values)
        .map(|((_, fuel), values)| (fuel, Series::new(first, Span::secs(3600), values)))
        .collect();
    Ok(FuelMix { fuels, gaps, unread, suspects })
}

/// Places of columns, and the fuels that they hold.
type Fuels = Vec<(usize, String)>;

/// The columns of fuels, and those that are not read.
fn header(words: &[&str]) -> Result<(Fuels, Vec<String>), String> {
    let (mut columns, mut unread): (Fuels, Vec<String>) = (Vec::new(), Vec::new());
    for (place, word) in words.iter().enumerate().skip(1) {
        if columns.iter().any(|(_, known)| known == word) {
            return Err(format!("column {word} stands twice; expected one of each fuel"));
        }
        if let Some(fuel) = FUELS.iter().find(|fuel| **fuel != *word && fuel.eq_ignore_ascii_case(word)) {
            return Err(format!("found column {word}, expected {fuel} in capitals"));
        }
        if FUELS.contains(word) { columns.push((place, (*word).to_owned())) } else { unread.push((*word).to_owned()) }
    }
    if columns.is_empty() {
        return Err(format!("found no fuel among the columns, expected some of {}", FUELS.join(", ")));
    }
    Ok((columns, unread))
}

/// The hour of a row, later than the one before it, and what the fuels gave, MW; a cell without a plausible number is none.
fn row(
    words: &[&str],
    width: usize,
    columns: &[(usize, String)],
    before: Option<Utc>,
) -> Result<(Utc, Vec<f64>), String> {
    if words.len() != width {
        return Err(format!("found {} columns, expected {width}", words.len()));
    }
    let stamp = words[0].replacen(' ', "T", 1);
    let stamp = stamp.strip_suffix("+00:00").unwrap_or(&stamp);
    let at = Utc::parse(&format!("{stamp}Z")).map_err(|_| {
        format!("found stamp \"{}\", expected UTC such as 2022-01-01 05:00:00+00:00", shorten(words[0]))
    })?;
    if at.as_nanos() % HOUR_NANOS != 0 || before.is_some_and(|before| before >= at) {
        return Err(format!("found stamp \"{}\", expected a later whole hour", words[0]));
    }
    let cell = |place: usize| words[place].parse().ok().filter(|mw: &f64| mw.abs() <= PLAUSIBLE_MAX_MW);
    Ok((at, columns.iter().map(|(place, _)| cell(*place).unwrap_or(f64::NAN)).collect()))
}

/// Which fuels of a row have no number, with what the first of them has.
fn blanks(words: &[&str], columns: &[(usize, String)], values: &[f64]) -> Option<String> {
    let first = values.iter().position(|mw| mw.is_nan())?;
    let count = values.iter().filter(|mw| mw.is_nan()).count();
    let (place, fuel) = &columns[first];
    let found = match words[*place] {
        "" => "an empty cell".to_owned(),
        text => format!("\"{}\"", shorten(text)),
    };
    Some(format!("{count} of {} fuels have no number: {fuel} has {found}", values.len()))
}

const HOUR_NANOS: i64 = 3_600_000_000_000;
/// Largest file that is read, bytes; a year has 0.7 MB.
const PLAUSIBLE_BYTES: u64 = 64 << 20;

/// Takes out what cannot be.
fn screen(rows: &mut [(u64, Utc, Vec<f64>)], columns: &[(usize, String)], gaps: &mut Vec<MixGap>) {
    let totals: Vec<f64> = rows.iter().map(|(_, _, row)| row.iter().filter(|mw| !mw.is_nan()).sum()).collect();
    let nuclear = columns.iter().position(|(_, fuel)| fuel == "NUC");
    let usual = nuclear.and_then(|place| median(rows.iter().map(|(_, _, row)| row[place]).collect()));
    for index in 0..rows.len() {
        let (line, stamp, row) = &mut rows[index];
        let gap = |reason: String| MixGap { line: *line, stamp: *stamp, hours: 1, reason };
        let blank = row.iter().filter(|mw| mw.is_nan()).count();
        let around = |range: core::ops::Range<usize>| median(totals[range].to_vec()).unwrap_or(0.0);
        let before = around(index.saturating_sub(FAR_HOURS)..index.max(1));
        let after =
            around((index + 1).min(totals.len() - 1)..(index + 1 + FAR_HOURS).min(totals.len()).max(index.max(1)));
        let fallen = blank < row.len() && totals[index] < DROP_RATIO * before.max(after);
        let beyond = nuclear.zip(usual).filter(|(place, usual)| row[*place] > NUCLEAR_RATIO * usual);
        let why = match beyond {
            Some((place, usual)) => {
                Some(format!("nuclear at {} MW, {:.2} times the usual", row[place], row[place] / usual))
            }
            None if fallen => Some(format!("a total of {:.0} MW falls away from the hours around it", totals[index])),
            None => None,
        };
        if let Some(why) = why {
            row.fill(f64::NAN);
            gaps.push(gap(why));
        }
    }
}

/// What of the steady fuels stands out from both sides for an hour or two.
fn suspects(rows: &[(u64, Utc, Vec<f64>)], columns: &[(usize, String)]) -> Vec<Suspect> {
    let (mut found, mut scratch) = (Vec::new(), Vec::new());
    for (fuel, least, most) in STEADY {
        let Some(place) = columns.iter().position(|(_, code)| code == fuel) else { continue };
        let values: Vec<f64> = rows.iter().map(|(_, _, row)| row[place]).collect();
        for (index, (line, stamp, _)) in rows.iter().enumerate() {
            let mw = values[index];
            let near = median_around(&values, index, NEAR_HOURS, &mut scratch);
            if mw.is_nan() || near.is_nan() || (least * near <= mw && mw <= most * near) {
                continue;
            }
            let far = median_around(&values, index, FAR_HOURS, &mut scratch);
            if mw < least * near.min(far) || mw > most * near.max(far) {
                let fuel = fuel.to_owned();
                found.push(Suspect { line: *line, stamp: *stamp, fuel, mw, around_mw: far });
            }
        }
    }
    found.sort_by_key(|suspect| suspect.stamp);
    found
}

/// The middle of the numbers.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
