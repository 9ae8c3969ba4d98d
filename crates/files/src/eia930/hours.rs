//! EIA-930 files of a folder lined up in one hourly table: demand by zone, generation by fuel, hours by their beginning.
//!
//! Demand stamps name the end of an hour, those of a fuel mix its beginning; here every hour goes by its beginning. A gap
//! stays a gap with its file, line and reason unless it is filled on request, by a straight line between its neighbours.
//!
//! Not modelled: interchange, files of half an hour.

use super::fuel_mix::{self, FUELS, FuelMix};
use super::{Reading930, Remark};
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

/// Whether a first line may have been meant as one of EIA-930's: it speaks of demand or MW, or has semicolons.
#[must_use]
pub fn is_near(first_line: &str) -> bool {
    let small = first_line.to_lowercase();
    ["demand", "mw", "date_time", "load", ";"].iter().any(|word| small.contains(word))
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
    /// What else is to be said.
    pub remarks: Vec<String>,
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
        let mut remarks = Vec::new();
        for (count, what, wanted) in [
            (reading.counts.duplicates, "lines whose stamp was there before, left out", Remark::Duplicate),
            (
                reading.counts.out_of_order,
                "lines whose stamp goes backwards, put where they belong",
                Remark::OutOfOrder,
            ),
        ] {
            if let Some(first) = reading.remarks.iter().find(|noted| noted.remark == wanted) {
                remarks.push(format!("{what}: {count} (first at line {})", first.line));
            }
        }
        let suspect = |noted: &&super::Noted| matches!(noted.remark, Remark::Suspect(_));
        if let Some(first) = reading.remarks.iter().find(suspect) {
            let count = reading.counts.suspects;
            remarks.push(format!("values that stand out and are kept: {count} (first at line {})", first.line));
        }
        Self {
            file: file.to_owned(),
            holes: reading.gaps.iter().map(hole).collect(),
            columns: vec![(format!("{}_load_mw", named.1), reading.demand)],
            named,
            holds: Holds::Demand,
            remarks,
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
        }
    }

    /// First hour, and the hour after the last.
    #[must_use]
    pub fn ends(&self) -> (Utc, Utc) {
        self.columns.first().map_or((Utc::nanos(0), Utc::nanos(0)), |(_, series)| {
            (series.start(), series.start() + Span::secs(3600 * series.values().len() as i64))
        })
    }

    /// The holes within some hours, by reason without its numbers: hours, first hole, reason.
    #[must_use]
    pub fn told(&self, from: Utc, to: Utc) -> Vec<(u64, &Hole)> {
        let mut told: Vec<(String, u64, &Hole)> = Vec::new();
        for hole in &self.holes {
            let end = hole.stamp + Span::secs(3600 * i64::from(hole.hours));
            let within = (end.min(to) - hole.stamp.max(from)).as_nanos() / HOUR_NS;
            if within <= 0 {
                continue;
            }
            let kind: String = hole.reason.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
            match told.iter_mut().find(|known| known.0 == kind) {
                Some(known) => known.1 += within as u64,
                None => told.push((kind, within as u64, hole)),
            }
        }
        told.into_iter().map(|(_, hours, hole)| (hours, hole)).collect()
    }
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
mod tests {
    use super::*;
    use crate::dispatch::{self, Settings};
    use crate::eia930::{read, zones};

    /// Two zones of two days, stamps at the END of the hour, and a fuel mix of the same hours, stamps at their BEGINNING.
    fn folder(change: impl Fn(&str, usize, String) -> String) -> Vec<(&'static str, String)> {
        let demand = |file: &'static str, mw: usize| {
            let row = |hour: usize| {
                let (day, of_day) = (1 + (hour + 1) / 24, (hour + 1) % 24);
                change(file, hour, format!("2022-05-{day:02} {of_day:02}:00:00,{}\n", mw + 10 * (hour % 24)))
            };
            (file, format!("date_time,demand (MW)\n{}", (0..48).map(row).collect::<String>()))
        };
        let row = |hour: usize| {
            let stamp = format!("2022-05-{:02} {:02}:00:00+00:00", 1 + hour / 24, hour % 24);
            change("X_mix.csv", hour, format!("{stamp},{},1000,{}\n", hour % 7, 380 + 21 * (hour % 24)))
        };
        let mix = format!("timestamp,WND,NUC,NG\n{}", (0..48).map(row).collect::<String>());
        vec![demand("X-A.csv", 1000), demand("X-B.csv", 400), ("X_mix.csv", mix)]
    }

    fn parts(files: &[(&'static str, String)]) -> Vec<Part> {
        let one = |(file, text): &(&'static str, String)| match holds(text.as_bytes()).expect("reads") {
            Holds::Demand => Part::of_demand(file, read(file, text.as_bytes()).expect("demand")),
            Holds::FuelMix => Part::of_mix(file, fuel_mix::read(file, text.as_bytes()).expect("mix"), true),
            Holds::Other => panic!("{file} is neither"),
        };
        files.iter().map(one).collect()
    }

    #[test]
    fn ends_and_beginnings_of_hours_meet() {
        let parts = parts(&folder(|_, _, row| row));
        let hours = line_up(&parts, Window::All, 0).expect("lines up");
        assert_eq!((hours.start.to_string().as_str(), hours.hours), ("2022-05-01T00:00:00Z", 48));
        let names: Vec<&str> = hours.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a_load_mw", "b_load_mw", "wnd_generation_mw", "nuc_generation_mw", "ng_generation_mw"]);
        assert_eq!((hours.columns[0].values_w[5], hours.columns[4].values_w[5]), (1050e6, 485e6));
        let numbers = hours.numbers();
        assert_eq!((numbers[0].1[47], hours.end().to_string().as_str()), (1230.0, "2022-05-03T00:00:00Z"));
    }

    #[test]
    fn gaps_are_told_or_filled_and_never_hidden() {
        let files = folder(|file, hour, row| match (file, hour) {
            ("X-A.csv", 10 | 11) => row.replace(",1", ",MISSING"),
            ("X_mix.csv", 20..=23) => String::new(),
            _ => row,
        });
        let parts = parts(&files);
        let bare = line_up(&parts, Window::All, 1).expect("lines up");
        let left = bare.left(&parts, |_| true);
        let told: Vec<(usize, usize, &str)> =
            left.iter().map(|left| (left.columns.len(), left.hours, left.why.as_str())).collect();
        assert_eq!(
            told,
            [(1, 2, "X-A.csv:12: \"MISSING100\" is not a number"), (3, 4, "X_mix.csv:22: no line for this hour")]
        );
        let filled = line_up(&parts, Window::All, 4).expect("lines up");
        assert!(filled.left(&parts, |_| true).is_empty());
        let a = &filled.columns[0];
        assert_eq!((a.filled, a.values_w[10], a.values_w[11]), (2, 1100e6, 1110e6), "a straight line");
        // A window that ends within a gap has no value on the far side of it in the window, but the file has.
        let until = Utc::parse("2022-05-01T22:00:00Z").expect("valid");
        let cut = line_up(&parts, Window::Given(None, Some(until)), 0).expect("lines up");
        let left = cut.left(&parts, |column| column.name.starts_with("nuc"));
        assert_eq!((left[0].hours, left[0].fills), (2, Some(4)), "the whole gap must be filled, not its part");
    }

    #[test]
    fn a_grid_balances_and_reads() {
        // In hour 3 wind draws: pumping and charging stand in a fuel mix as less than nothing.
        let draws = |file: &str, hour: usize, row: String| match (file, hour) {
            ("X_mix.csv", 3) => row.replace(",3,1000", ",-50,1000"),
            _ => row,
        };
        let parts = parts(&folder(draws));
        let plan = zones::plan(&parts).expect("a plan");
        let hours = line_up(&parts, Window::All, 0).expect("lines up");
        let (text, columns) = zones::grid("x", "x.csv", &parts, &plan, &hours);
        let of = |name: &str| &columns.iter().find(|column| column.0 == name).expect("a column").1;
        for hour in 0..48 {
            let load = of("a_load_mw")[hour] + of("b_load_mw")[hour] + of("pool_export_mw")[hour];
            let given: f64 = ["wnd_generation_mw", "nuc_generation_mw", "ng_generation_mw", "pool_import_mw"]
                .iter()
                .map(|name| of(name)[hour])
                .sum();
            assert!((load - given).abs() < 1e-9, "hour {hour}: {load} {given}");
        }
        let table = tieline_sim::results::Table {
            name: "x".to_owned(),
            utc_ns: hours.stamps(),
            numbers: columns.clone(),
            texts: Vec::new(),
        };
        let mut csv = Vec::new();
        dispatch::series::write_csv(&table, &mut csv).expect("writes");
        let case = dispatch::read("x.toml", &text, &Settings::default(), &mut |_| {
            Ok(Box::new(std::io::Cursor::new(csv.clone())) as Box<dyn Read>)
        })
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(case.problem.complaints(), Vec::<String>::new());
        assert_eq!((case.problem.zones.name.len(), case.problem.units.name.len()), (3, 4));
        assert_eq!(case.problem.available_w(5, 0), 1000e6, "nuclear gives what was observed");
        // Series that begin elsewhere than the grid says are refused.
        let late = text.replace("2022-05-01T00:00:00Z\"\n#", "2022-05-01T01:00:00Z\"\n#");
        let mistakes = dispatch::read("x.toml", &late, &Settings::default(), &mut |_| {
            Ok(Box::new(std::io::Cursor::new(csv.clone())) as Box<dyn Read>)
        })
        .expect_err("an hour late");
        assert!(mistakes.to_string().contains("stamps from 2022-05-01T00:00:00Z"), "{mistakes}");
    }

    #[test]
    fn a_byte_that_is_wrong_is_told_and_never_panics() {
        let files = folder(|_, _, row| row);
        for (file, text) in &files[1..] {
            for at in (0..text.len()).step_by(7) {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 0x15;
                let part = match holds(&bytes[..]) {
                    Ok(Holds::Demand) => read(file, &bytes[..]).ok().map(|reading| Part::of_demand(file, reading)),
                    Ok(Holds::FuelMix) => {
                        fuel_mix::read(file, &bytes[..]).ok().map(|mix| Part::of_mix(file, mix, true))
                    }
                    _ => None,
                };
                if let Some(part) = part
                    && let Ok(hours) = line_up(std::slice::from_ref(&part), Window::Any, 2)
                {
                    let _ = hours.left(std::slice::from_ref(&part), |_| true);
                }
            }
        }
    }

    #[test]
    fn files_are_known_by_their_first_line_and_zones_by_their_name() {
        assert_eq!(named("PJM-PS.csv.gz"), ("pjm".to_owned(), "ps".to_owned()));
        assert_eq!(named("below/PJM.csv"), ("pjm".to_owned(), "pjm".to_owned()));
        assert_eq!(named("PJM_NG_&_avgCI.csv.gz").0, "pjm");
        assert_eq!(holds(&b"a,b\n1,2\n"[..]), Ok(Holds::Other));
        assert!(holds(&[0x1f, 0x8b, 8, 0][..]).is_err());
        let two = [folder(|_, _, row| row)[0].clone(), folder(|_, _, row| row)[0].clone()];
        let why = line_up(&parts(&two), Window::Any, 0).expect_err("one name twice");
        assert!(why.contains("would both be column a_load_mw"), "{why}");
    }
}
