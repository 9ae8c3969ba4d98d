//! EIA-930 files of a folder lined up in one hourly table: demand by zone, generation by fuel, hours by their beginning.
//!
//! Demand stamps name the end of an hour, those of a fuel mix its beginning; here every hour goes by its beginning. A gap
//! stays a gap with its file, line and reason unless it is filled on request, by a straight line between its neighbours.
//!
//! Not modelled: interchange, files of half an hour.

use super::fuel_mix::{self, FUELS, FuelMix};
use super::{KEPT_PROBLEMS, Reading930, Remark};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use tieline_units::{Series, Span, Utc};

const HOUR_NS: i64 = 3_600_000_000_000;
/// Longest first line that is looked at, bytes.
const MOST_HEADER: u64 = 4_096;
/// Most hours of a table: 57 years.
const MOST_HOURS: i64 = 500_000;

/// What a file holds, by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Demand of a zone.
    Demand,
    /// Generation by fuel.
    FuelMix,
    /// Something else.
    Other,
}

/// What a file holds, plain or gzip.
///
/// # Errors
/// Bytes that cannot be read or unpacked, in words.
pub fn holds(bytes: impl Read) -> Result<Holds, String> {
    let text = first_line(bytes)?;
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    Ok(if words.first() == Some(&"date_time") && words.get(1).is_some_and(|word| word.ends_with("demand (MW)")) {
        Holds::Demand
    } else if words.iter().skip(1).any(|word| FUELS.contains(word)) {
        Holds::FuelMix
    } else {
        Holds::Other
    })
}

/// Whether a first line may have been meant as one of EIA-930's: it speaks of demand, MW or fuels, has semicolons or UTF-16's
/// zeros, or there is none.
#[must_use]
pub fn is_near(first_line: &str) -> bool {
    let small = first_line.replace('\0', "").to_lowercase();
    let is_fuel = |word: &str| is_fuel_in_other_letters(word.trim().trim_matches('"'));
    if small.is_empty() || small.split([',', ';', '\t']).filter(|word| is_fuel(word)).count() > 1 {
        return true;
    }
    ["demand", "mw", "date_time", "load", ";"].iter().any(|word| small.contains(word))
}

/// Whether a word is a fuel's code but for its letters' case.
fn is_fuel_in_other_letters(word: &str) -> bool {
    FUELS.iter().any(|fuel| fuel.eq_ignore_ascii_case(word))
}

/// The first line of a file, plain or gzip.
///
/// # Errors
/// As [`holds`].
pub fn first_line(bytes: impl Read) -> Result<String, String> {
    let mut input = BufReader::new(bytes);
    let zipped = input.fill_buf().map_err(|why| why.to_string())?.starts_with(&[0x1f, 0x8b]);
    let mut line = Vec::new();
    let read = if zipped {
        BufReader::new(MultiGzDecoder::new(input).take(MOST_HEADER)).read_until(b'\n', &mut line)
    } else {
        input.take(MOST_HEADER).read_until(b'\n', &mut line)
    };
    read.map_err(|why| format!("cannot be read: {why}"))?;
    Ok(String::from_utf8_lossy(&line).trim_start_matches('\u{feff}').trim().to_owned())
}

/// Authority and zone by a file's name: `PJM-PS.csv.gz` is zone PS of PJM; a whole authority has no zone apart.
#[must_use]
pub fn named(file: &str) -> (String, String) {
    let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = file.strip_suffix(".gz").unwrap_or(file);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let authority: String = stem.chars().take_while(char::is_ascii_alphanumeric).collect();
    let zone = match stem.split_once('-') {
        Some((before, zone)) if before == authority && !zone.is_empty() => zone,
        _ => stem,
    };
    (authority.to_ascii_lowercase(), word(zone))
}

/// A name of lower-case letters, digits and underscores.
fn word(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let kept = kept.split('_').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
    if kept.is_empty() { "file".to_owned() } else { kept }
}

/// A gap of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Line, from 1.
    pub line: u64,
    /// Beginning of the first hour.
    pub stamp: Utc,
    /// Hours.
    pub hours: u32,
    /// Why.
    pub reason: String,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, for people.
    pub file: String,
    /// Authority and zone by its name.
    pub named: (String, String),
    /// What it holds.
    pub holds: Holds,
    /// Its columns, W.
    pub columns: Vec<(String, Series)>,
    /// Its gaps.
    pub holes: Vec<Hole>,
    /// What else is to be said of the whole file.
    pub remarks: Vec<String>,
    /// What is to be said of single hours, in order of the file.
    pub notes: Vec<Note>,
}

/// What is to be said of an hour, or of hours in a row, that is no gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Line, from 1.
    pub line: u64,
    /// Beginning of the first hour.
    pub stamp: Utc,
    /// Hours.
    pub hours: u32,
    /// What kind, in words; notes of one kind are told together.
    pub kind: &'static str,
    /// What stands there.
    pub found: String,
}

/// Notes of one kind within some hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'p> {
    /// In words.
    pub kind: &'static str,
    /// How many hours.
    pub hours: u64,
    /// The notes.
    pub notes: Vec<&'p Note>,
}

impl Part {
    /// A demand file; `file` is its name, with the folders below the one that was given.
    #[must_use]
    pub fn of_demand(file: &str, reading: Reading930) -> Self {
        let named = named(file);
        let hole = |gap: &super::Gap| Hole {
            line: gap.line,
            stamp: gap.stamp,
            hours: gap.hours,
            reason: gap.reason.to_string(),
        };
        let note = |noted: &super::Noted| {
            let (kind, found, hours) = match noted.remark {
                Remark::Duplicate => ("stamp was there before with the same value, left out", String::new(), 1),
                Remark::Contradicts(mw) if mw.is_nan() => {
                    ("stamp was there before with another value, the first is kept", "no number".to_owned(), 1)
                }
                Remark::Contradicts(mw) => {
                    ("stamp was there before with another value, the first is kept", format!("{mw} MW"), 1)
                }
                Remark::OutOfOrder => ("stamp goes backwards, put where it belongs", String::new(), 1),
                Remark::Suspect(mw) => ("value stands out and is kept", format!("{mw} MW"), 1),
                Remark::Zeros(hours) => (
                    "zero in a file that is mostly zeros, kept as load of nothing",
                    format!("{hours} h in a row"),
                    hours,
                ),
            };
            Note { line: noted.line, stamp: noted.stamp, hours, kind, found }
        };
        let mut remarks = Vec::new();
        if reading.gaps.len() >= KEPT_PROBLEMS || reading.remarks.len() >= KEPT_PROBLEMS {
            remarks.push(format!("more than {KEPT_PROBLEMS} problems; only so many of a kind are told here"));
        }
        Self {
            file: file.to_owned(),
            holes: reading.gaps.iter().map(hole).collect(),
            columns: vec![(format!("{}_load_mw", named.1), reading.demand)],
            named,
            holds: Holds::Demand,
            remarks,
            notes: reading.remarks.iter().map(note).collect(),
        }
    }

    /// A fuel mix; `alone` where it is the only one, so that its columns need no name of its own.
    #[must_use]
    pub fn of_mix(file: &str, mix: FuelMix, alone: bool) -> Self {
        let named = named(file);
        let prefix = if alone { String::new() } else { format!("{}_", named.1) };
        let column =
            |(fuel, series): (String, Series)| (format!("{prefix}{}_generation_mw", fuel.to_ascii_lowercase()), series);
        let hole =
            |gap: fuel_mix::MixGap| Hole { line: gap.line, stamp: gap.stamp, hours: gap.hours, reason: gap.reason };
        let note = |suspect: &fuel_mix::Suspect| Note {
            line: suspect.line,
            stamp: suspect.stamp,
            hours: 1,
            kind: "value stands out and is kept",
            found: format!("{} at {} MW, beside {} MW", suspect.fuel, suspect.mw, suspect.around_mw),
        };
        let notes = mix.suspects.iter().map(note).collect();
        let mut remarks = Vec::new();
        if !mix.unread.is_empty() {
            remarks.push(format!("columns that are not read: {}", mix.unread.join(", ")));
        }
        Self {
            file: file.to_owned(),
            columns: mix.fuels.into_iter().map(column).collect(),
            holes: mix.gaps.into_iter().map(hole).collect(),
            named,
            holds: Holds::FuelMix,
            remarks,
            notes,
        }
    }

    /// First hour, and the hour after the last.
    #[must_use]
    pub fn ends(&self) -> (Utc, Utc) {
        self.columns.first().map_or((Utc::nanos(0), Utc::nanos(0)), |(_, series)| {
            (series.start(), series.start() + Span::secs(3600 * series.values().len() as i64))
        })
    }

    /// The notes within some hours, by kind.
    #[must_use]
    pub fn noted(&self, from: Utc, to: Utc) -> Vec<Told<'_>> {
        let mut told: Vec<Told<'_>> = Vec::new();
        for note in &self.notes {
            let within = within((note.stamp, note.hours), (from, to));
            if within == 0 {
                continue;
            }
            match told.iter_mut().find(|known| known.kind == note.kind) {
                Some(known) => {
                    known.hours += within;
                    known.notes.push(note);
                }
                None => told.push(Told { kind: note.kind, hours: within, notes: vec![note] }),
            }
        }
        told
    }

    /// The holes within some hours, by reason without its numbers: hours, first hole, reason.
    #[must_use]
    pub fn told(&self, from: Utc, to: Utc) -> Vec<(u64, &Hole)> {
        let mut told: Vec<(String, u64, &Hole)> = Vec::new();
        for hole in &self.holes {
            let within = within((hole.stamp, hole.hours), (from, to));
            if within == 0 {
                continue;
            }
            let kind: String = hole.reason.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
            match told.iter_mut().find(|known| known.0 == kind) {
                Some(known) => known.1 += within,
                None => told.push((kind, within, hole)),
            }
        }
        told.into_iter().map(|(_, hours, hole)| (hours, hole)).collect()
    }
}

/// Hours of a run (its first and how many) within others (from, and the hour after the last).
fn within((stamp, hours): (Utc, u32), (from, to): (Utc, Utc)) -> u64 {
    let end = stamp + Span::secs(3600 * i64::from(hours));
    u64::try_from((end.min(to) - stamp.max(from)).as_nanos() / HOUR_NS).unwrap_or(0)
}

/// A file that has fewer hours than the others, which are not used for its sake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// The file.
    pub file: String,
    /// Its first hour, and the hour after its last.
    pub ends: (Utc, Utc),
    /// Hours before it that others have and that are not used.
    pub before: usize,
    /// Hours after it that others have and that are not used.
    pub after: usize,
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// W, hour by hour; a gap is not a number.
    pub values_w: Vec<f64>,
    /// Index of its file among the parts.
    pub part: usize,
    /// Hours that were filled.
    pub filled: usize,
}

/// Hours without a value that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Columns.
    pub columns: Vec<String>,
    /// First hour.
    pub from: Utc,
    /// Hours.
    pub hours: usize,
    /// Hours of the whole gap in the file, where values stand on both sides of it: what `fill` must be to fill it.
    pub fills: Option<usize>,
    /// File, line and reason of the first column.
    pub why: String,
}

/// The table.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// Beginning of the first hour.
    pub start: Utc,
    /// Hours.
    pub hours: usize,
    /// Columns.
    pub columns: Vec<Column>,
}

/// Which hours a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// All that any file has.
    Any,
    /// Those that every file has.
    All,
    /// From the first until before the second; absent ends are those of `Any`.
    Given(Option<Utc>, Option<Utc>),
}

/// Lines up files, and fills gaps of at most `fill` hours between two values by a straight line.
///
/// # Errors
/// No hours, too many, an hour that is not whole, two columns of one name; in words.
pub fn line_up(parts: &[Part], window: Window, fill: usize) -> Result<Hours, String> {
    let ends: Vec<(Utc, Utc)> = parts.iter().map(Part::ends).collect();
    let (Some(first), Some(last)) = (ends.iter().map(|ends| ends.0).min(), ends.iter().map(|ends| ends.1).max()) else {
        return Err("no files of hours".to_owned());
    };
    let (from, to) = match window {
        Window::Any => (first, last),
        Window::All => (
            ends.iter().map(|ends| ends.0).max().unwrap_or(first),
            ends.iter().map(|ends| ends.1).min().unwrap_or(last),
        ),
        Window::Given(from, to) => (from.unwrap_or(first), to.unwrap_or(last)),
    };
    if from.as_nanos() % HOUR_NS != 0 || to.as_nanos() % HOUR_NS != 0 {
        return Err(format!("found {from} to {to}, expected whole hours"));
    }
    if from >= to && window == Window::All {
        let of = |time: Utc, end: bool| {
            let is = |ends: &(Utc, Utc)| time == if end { ends.1 } else { ends.0 };
            ends.iter().position(is).map_or("", |at| parts[at].file.as_str())
        };
        let (early, late) = (of(to, true), of(from, false));
        return Err(format!("no hours that all files have: {early} ends before {to}, {late} begins at {from}"));
    }
    if from >= to || to <= first || from >= last {
        return Err(format!("no hours from {from} to before {to}; the files have {first} to before {last}"));
    }
    let hours = (to - from).as_nanos() / HOUR_NS;
    if hours > MOST_HOURS {
        return Err(format!("{hours} hours from {from} to before {to}, expected at most {MOST_HOURS}"));
    }
    let mut columns: Vec<Column> = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        for (name, series) in &part.columns {
            if let Some(other) = columns.iter().find(|column| column.name == *name) {
                let other = &parts[other.part].file;
                return Err(format!("{} and {other} would both be column {name}; rename one", part.file));
            }
            let (whole, mended) = mended(series.values(), fill);
            // Both are whole hours, so the difference is.
            let ahead = (from - series.start()).as_nanos() / HOUR_NS;
            let at = |hour: i64| usize::try_from(ahead + hour).ok().filter(|at| *at < whole.len());
            let values_w = (0..hours).map(|hour| at(hour).map_or(f64::NAN, |at| whole[at])).collect();
            let filled = (0..hours).filter(|hour| at(*hour).is_some_and(|at| mended[at])).count();
            columns.push(Column { name: name.clone(), values_w, part: place, filled });
        }
    }
    Ok(Hours { start: from, hours: hours as usize, columns })
}

/// Values with gaps of at most `fill` hours filled by straight lines, and which hours were.
fn mended(values: &[f64], fill: usize) -> (Vec<f64>, Vec<bool>) {
    let (mut whole, mut filled) = (values.to_vec(), vec![false; values.len()]);
    for (first, count) in between(values).into_iter().filter(|run| run.1 <= fill) {
        let end = first + count;
        let (before, after) = (values[first - 1], values[end]);
        for hour in first..end {
            let share = (hour + 1 - first) as f64 / (count + 1) as f64;
            whole[hour] = before + share * (after - before);
            filled[hour] = true;
        }
    }
    (whole, filled)
}

/// Runs of gaps with values on both sides: first hour and length.
fn between(values: &[f64]) -> Vec<(usize, usize)> {
    runs(values).into_iter().filter(|(first, count)| *first > 0 && first + count < values.len()).collect()
}

/// Runs of gaps: first hour and length.
fn runs(values: &[f64]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (hour, _) in values.iter().enumerate().filter(|(_, value)| value.is_nan()) {
        match runs.last_mut().filter(|run| run.0 + run.1 == hour) {
            Some(run) => run.1 += 1,
            None => runs.push((hour, 1)),
        }
    }
    runs
}

impl Hours {
    /// The hour after the last.
    #[must_use]
    pub fn end(&self) -> Utc {
        self.start + Span::secs(3600 * self.hours as i64)
    }

    /// The files for whose sake hours that others have are not used: those that end, or begin, with the table while another goes on.
    #[must_use]
    pub fn shortened(&self, parts: &[Part]) -> Vec<Short> {
        let (start, end) = (self.start, self.end());
        let first = parts.iter().map(|part| part.ends().0).min().unwrap_or(start);
        let last = parts.iter().map(|part| part.ends().1).max().unwrap_or(end);
        let hours = |span: Span| usize::try_from(span.as_nanos() / HOUR_NS).unwrap_or(0);
        let short = |part: &Part| {
            let ends = part.ends();
            let before = if ends.0 == start { hours(start - first) } else { 0 };
            let after = if ends.1 == end { hours(last - end) } else { 0 };
            Short { file: part.file.clone(), ends, before, after }
        };
        parts.iter().map(short).filter(|short| short.before + short.after > 0).collect()
    }

    /// Gaps that are left in the columns that `wanted` picks; columns with the same hours together.
    #[must_use]
    pub fn left(&self, parts: &[Part], wanted: impl Fn(&Column) -> bool) -> Vec<Left> {
        let mut left: Vec<Left> = Vec::new();
        for column in self.columns.iter().filter(|column| wanted(column)) {
            let part = &parts[column.part];
            let own = part.columns.iter().find(|own| own.0 == column.name).map(|own| &own.1);
            let (start, whole) = own.map_or((self.start, Vec::new()), |own| (own.start(), between(own.values())));
            for (first, hours) in runs(&column.values_w) {
                let from = self.start + Span::secs(3600 * first as i64);
                match left.iter_mut().find(|known| (known.from, known.hours) == (from, hours)) {
                    Some(known) => known.columns.push(column.name.clone()),
                    None => {
                        let at = |run: &&(usize, usize)| {
                            let begin = start + Span::secs(3600 * run.0 as i64);
                            (begin..begin + Span::secs(3600 * run.1 as i64)).contains(&from)
                        };
                        let fills = whole.iter().find(at).map(|run| run.1);
                        let columns = vec![column.name.clone()];
                        left.push(Left { columns, from, hours, fills, why: why(part, from) });
                    }
                }
            }
        }
        left.sort_by_key(|left| left.from);
        left
    }

    /// The table for files: MW, to a whole watt.
    #[must_use]
    pub fn numbers(&self) -> Vec<(String, Vec<f64>)> {
        self.columns.iter().map(|column| (column.name.clone(), megawatts(&column.values_w))).collect()
    }

    /// Stamps, ns since 1970.
    #[must_use]
    pub fn stamps(&self) -> Vec<i64> {
        (0..self.hours as i64).map(|hour| self.start.as_nanos() + HOUR_NS * hour).collect()
    }
}

/// MW to a whole watt: a value written with at most six decimals comes back as it was.
pub(super) fn megawatts(values_w: &[f64]) -> Vec<f64> {
    values_w.iter().map(|value| value.round() / 1e6).collect()
}

/// File, line and reason of an hour without a value.
fn why(part: &Part, hour: Utc) -> String {
    let covers = |hole: &&Hole| hole.stamp <= hour && hour < hole.stamp + Span::secs(3600 * i64::from(hole.hours));
    match part.holes.iter().find(covers) {
        Some(hole) => format!("{}:{}: {}", part.file, hole.line, hole.reason),
        None => {
            let (from, to) = part.ends();
            format!("{}: its hours are {from} to before {to}", part.file)
        }
    }
}

#[cfg(test)]
mod tests;
