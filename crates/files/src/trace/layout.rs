//! Which columns of a table are time and power, and how they are written, from names, first cells and the user's flags.
//!
//! Not modelled: columns whose meaning changes within a file.

mod names;

use super::cells::{Cell, cell, decimal, missing, trim};
use super::stamp::{Clock, Order, Stamp, civil};
use super::{PowerUnit, Reading, TraceError, Wishes};
use crate::scenario::nearest;
pub use names::words;
use names::{MEAN_WORDS, OTHER_WORDS, POWER_WORDS, TIME_UNITS, TIME_WORDS, energy, has, unit_in};

/// The first rows of a table.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Names of the columns; "column 1" where there are none.
    pub names: Vec<String>,
    /// Cells of some rows.
    pub rows: Vec<Vec<String>>,
    /// Decimal sign.
    pub point: u8,
    /// A column that its file format declares as a time, and its unit, ns.
    pub declared: Option<(usize, f64)>,
}

/// Where the time of a row stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeAt {
    /// In one column.
    Column(usize, Clock),
    /// A date in one and a time of day in another.
    Split(usize, usize, Clock),
    /// A time of day alone; a day is added when it falls back.
    OfDay(usize, Clock),
    /// Nowhere: rows come in even steps, ns.
    Steps(i64),
}

/// The columns to read.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Time.
    pub time: TimeAt,
    /// Power: column, watts of one unit.
    pub power: Vec<(usize, f64)>,
    /// Filter: column and the text that it must hold.
    pub only: Option<(usize, String)>,
    /// In words.
    pub reading: Reading,
}

/// Least correlation with the row that a column of times has in rows out of order. A guess.
const LEAST_TREND: f64 = 0.7;
/// Time over which nvidia-smi averages, s. Claim: its help and NVML's documentation of nvmlDeviceGetPowerUsage.
pub const NVIDIA_AVERAGING_S: f64 = 1.0;
/// Highest power that is believed of one trace, W: no campus draws 20 GW.
const MOST_W: f64 = 2e10;

impl Preview {
    fn column(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().filter_map(move |row| row.get(index)).map(|cell| trim(cell.as_bytes()))
    }

    /// Share of cells with something in them that fulfil a condition.
    fn share(&self, index: usize, holds: impl Fn(&[u8]) -> bool) -> f64 {
        let (mut all, mut good) = (0.0, 0.0);
        for cell in self.column(index).filter(|cell| !missing(cell)) {
            all += 1.0;
            good += f64::from(u8::from(holds(cell)));
        }
        if all > 0.0 { good / all } else { 0.0 }
    }

    /// Mostly numbers, alone or with a unit behind.
    fn numeric(&self, index: usize) -> bool {
        let number = |text: &[u8]| matches!(cell(text, self.point), Cell::Number(..));
        self.share(index, number) > 0.8
    }

    fn values(&self, index: usize) -> Vec<f64> {
        let value = |text: &[u8]| match cell(text, self.point) {
            Cell::Number(value, _) => Some(value),
            Cell::Missing | Cell::Unreadable => None,
        };
        self.column(index).filter_map(value).collect()
    }

    fn named(&self, wish: &str) -> Result<usize, TraceError> {
        if let Some(place) = self.names.iter().position(|name| name == wish) {
            return Ok(place);
        }
        let folded = |name: &String| name.trim().eq_ignore_ascii_case(wish.trim());
        if let Some(place) = self.names.iter().position(folded) {
            return Ok(place);
        }
        if let Some(number) = wish.parse::<usize>().ok().filter(|number| (1..=self.names.len()).contains(number)) {
            return Ok(number - 1);
        }
        let near = nearest(wish, self.names.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
        Err(TraceError::Ask(format!("there is no column \"{wish}\"; {near}the columns are {}", self.list())))
    }

    fn list(&self) -> String {
        let shown: Vec<String> = self.names.iter().take(24).map(|name| format!("\"{name}\"")).collect();
        let more = self.names.len().saturating_sub(24);
        shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    }
}

/// Finds the columns.
///
/// # Errors
/// What cannot be told apart, with the flag that would say it.
pub fn find(preview: &Preview, wishes: &Wishes) -> Result<Columns, TraceError> {
    let mut reading = Reading::default();
    let time = time(preview, wishes, &mut reading)?;
    let taken: Vec<usize> = match time {
        TimeAt::Column(at, _) | TimeAt::OfDay(at, _) => vec![at],
        TimeAt::Split(date, clock, _) => vec![date, clock],
        TimeAt::Steps(_) => Vec::new(),
    };
    let power = power(preview, wishes, &taken, &mut reading)?;
    averages(preview, &power, &mut reading);
    let only = match &wishes.only {
        Some((name, value)) => {
            let at = preview.named(name)?;
            reading.remarks.push(format!("only rows with \"{}\" = \"{value}\"", preview.names[at]));
            Some((at, value.clone()))
        }
        None => {
            super::devices::check(preview, &time, &taken, &power)?;
            None
        }
    };
    Ok(Columns { time, power, only, reading })
}

fn time(preview: &Preview, wishes: &Wishes, reading: &mut Reading) -> Result<TimeAt, TraceError> {
    if let Some(step_ns) = wishes.step_ns {
        reading.time = "no column: rows in even steps (--step)".to_owned();
        return Ok(TimeAt::Steps(step_ns));
    }
    if let Some(wish) = &wishes.time {
        return time_in(preview, preview.named(wish)?, wishes, reading);
    }
    if let Some((at, unit_ns)) = preview.declared {
        reading.time = format!("column \"{}\": timestamps of the file format", preview.names[at]);
        (reading.civil, reading.zoned) = (true, true);
        return Ok(TimeAt::Column(at, Clock::Count(unit_ns)));
    }
    let columns = 0..preview.names.len();
    let is_civil = |at: &usize| {
        [Order::Year, Order::Day, Order::Month]
            .iter()
            .any(|order| preview.share(*at, |cell| civil(cell, *order).is_some()) > 0.8)
    };
    // A civil stamp is a time whatever its column is called; numbers are one where the name says so, or where nothing
    // else rises from row to row.
    let named = |at: &usize| {
        has(&preview.names[*at], TIME_WORDS) || TIME_UNITS.iter().any(|(unit, _)| preview.names[*at] == *unit)
    };
    let mut civils: Vec<usize> = columns.clone().filter(is_civil).collect();
    civils.sort_by_key(|at| !named(at));
    if let Some(at) = civils.first() {
        return time_in(preview, *at, wishes, reading);
    }
    let rising = |at: &usize| {
        let values = preview.values(*at);
        if values.len() == 1 {
            return named(at) && preview.numeric(*at);
        }
        let up = values.windows(2).filter(|pair| pair[1] >= pair[0]).count();
        preview.numeric(*at)
            && values.len() > 1
            && values.first() < values.last()
            && up as f64 > 0.9 * (values.len() - 1) as f64
    };
    let mut risings: Vec<usize> = columns.clone().filter(rising).collect();
    risings.sort_by_key(|at| !named(at));
    // Newest first, or shuffled a little, a column that is called a time is one too.
    let trend = |at: &usize| named(at) && preview.numeric(*at) && trend(&preview.values(*at)).abs() > LEAST_TREND;
    let found =
        risings.first().copied().filter(named).or_else(|| columns.clone().find(trend)).or(risings.first().copied());
    match found {
        Some(at) if named(&at) || (at == 0 && preview.names.len() > 1 && !like_power(&preview.names[at])) => {
            time_in(preview, at, wishes, reading)
        }
        _ => Err(no_time(preview, columns.clone().find(|at| named(at) && !preview.numeric(*at)))),
    }
}

/// Correlation of values with their place.
fn trend(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let middle = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>() / count.max(1.0);
    let (x, y) = (middle(&mut (0..values.len()).map(|place| place as f64)), middle(&mut values.iter().copied()));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (place, value) in values.iter().enumerate() {
        let (dx, dy) = (place as f64 - x, value - y);
        (xx, yy, xy) = (xx + dx * dx, yy + dy * dy, xy + dx * dy);
    }
    if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

/// Why no column is the time: one is called so and cannot be read, or none is.
fn no_time(preview: &Preview, called: Option<usize>) -> TraceError {
    let Some(at) = called else {
        return TraceError::Ask(format!(
            "no column looks like a time; give --time COLUMN, or --step SPAN for rows in even steps. The columns are {}",
            preview.list()
        ));
    };
    not_a_time(preview, at)
}

/// A column that holds no time that is read, and why, as far as its first cell says so.
fn not_a_time(preview: &Preview, at: usize) -> TraceError {
    let name = &preview.names[at];
    let cell = preview.column(at).find(|cell| !missing(cell)).unwrap_or_default();
    let example = String::from_utf8_lossy(cell);
    let zone = cell.iter().rposition(u8::is_ascii_whitespace).filter(|blank| {
        [Order::Year, Order::Day, Order::Month].iter().any(|order| civil(trim(&cell[..*blank]), *order).is_some())
    });
    let number = decimal(cell, preview.point).filter(|read| read.length < cell.len());
    let why = match (zone, number) {
        (Some(blank), _) => format!(
            "the zone \"{}\" is a name, and names are not read: write its offset behind the time, such as -06:00, or leave it \
             out and give --zone",
            String::from_utf8_lossy(trim(&cell[blank..]))
        ),
        (None, Some(read)) if trim(&cell[read.length..]).iter().all(u8::is_ascii_alphabetic) => format!(
            "\"{}\" stands behind the number: write the unit into the column's name, such as time_{}",
            String::from_utf8_lossy(trim(&cell[read.length..])),
            String::from_utf8_lossy(trim(&cell[read.length..]))
        ),
        _ => "2024-05-01T12:00:00.123-05:00 is one".to_owned(),
    };
    TraceError::Ask(format!("column \"{name}\" holds \"{example}\", which is no time that is read: {why}"))
}

fn like_power(name: &str) -> bool {
    has(name, POWER_WORDS) || unit_in(name).is_some()
}

/// How the cells of a column say the time.
fn time_in(preview: &Preview, at: usize, wishes: &Wishes, reading: &mut Reading) -> Result<TimeAt, TraceError> {
    let name = &preview.names[at];
    if let Some((_, unit_ns)) = preview.declared.filter(|(declared, _)| *declared == at) {
        reading.time = format!("column \"{name}\": timestamps of the file format");
        (reading.civil, reading.zoned) = (true, true);
        return Ok(TimeAt::Column(at, Clock::Count(unit_ns)));
    }
    if preview.numeric(at) && preview.share(at, |cell| civil(cell, Order::Year).is_some()) < 0.5 {
        return count_in(preview, at, wishes, reading);
    }
    let order = self::order(preview, at, wishes)?;
    let cells: Vec<Stamp> = preview.column(at).filter_map(|cell| civil(cell, order)).collect();
    if 2 * cells.len() < preview.column(at).filter(|cell| !missing(cell)).count() || cells.is_empty() {
        return Err(not_a_time(preview, at));
    }
    let clock = Clock::Civil(order, wishes.zone_s.unwrap_or(0));
    reading.civil = true;
    let zoned = cells.iter().any(|stamp| matches!(stamp, Stamp::Instant(_, true)));
    reading.zoned = zoned || wishes.zone_s.is_some();
    let zone = if zoned {
        "with zone"
    } else if wishes.zone_s.is_some() {
        "zone given by --zone"
    } else {
        "without zone: taken as a wall clock (--zone gives one)"
    };
    if cells.iter().all(|stamp| matches!(stamp, Stamp::Date(_))) {
        let of_day = (0..preview.names.len())
            .find(|other| preview.share(*other, |cell| matches!(civil(cell, order), Some(Stamp::Clock(_)))) > 0.8);
        if let Some(other) = of_day {
            reading.time = format!("columns \"{name}\" and \"{}\": date and time of day, {zone}", preview.names[other]);
            return Ok(TimeAt::Split(at, other, clock));
        }
    }
    if cells.iter().all(|stamp| matches!(stamp, Stamp::Clock(_))) {
        let date = (0..preview.names.len()).find_map(|other| {
            let order = self::order(preview, other, wishes).ok()?;
            (preview.share(other, |cell| matches!(civil(cell, order), Some(Stamp::Date(_)))) > 0.8)
                .then_some((other, order))
        });
        if let Some((other, order)) = date {
            reading.time = format!("columns \"{}\" and \"{name}\": date and time of day, {zone}", preview.names[other]);
            return Ok(TimeAt::Split(other, at, Clock::Civil(order, wishes.zone_s.unwrap_or(0))));
        }
        (reading.civil, reading.zoned) = (false, false);
        reading.time = format!("column \"{name}\": time of day without a date");
        return Ok(TimeAt::OfDay(at, clock));
    }
    reading.time = format!("column \"{name}\": civil time, {zone}");
    Ok(TimeAt::Column(at, clock))
}

/// Year, day or month first? Where a day above 12 shows it, nobody needs to say it.
fn order(preview: &Preview, at: usize, wishes: &Wishes) -> Result<Order, TraceError> {
    let fits = |order: Order| preview.share(at, |cell| civil(cell, order).is_some());
    if fits(Order::Year) > 0.8 {
        return Ok(Order::Year);
    }
    match wishes.day_first {
        Some(true) => return Ok(Order::Day),
        Some(false) => return Ok(Order::Month),
        None => {}
    }
    let dotted = preview.share(at, |cell| cell.iter().take(3).any(|byte| *byte == b'.')) > 0.8;
    let (day, month) = (fits(Order::Day), fits(Order::Month));
    if dotted || day > month {
        return Ok(Order::Day);
    }
    if month > day {
        return Ok(Order::Month);
    }
    if day > 0.8 {
        let example = preview.column(at).next().map(String::from_utf8_lossy).unwrap_or_default();
        let name = &preview.names[at];
        return Err(TraceError::Ask(format!(
            "column \"{name}\" holds \"{example}\": day or month first? give --dates dmy or mdy"
        )));
    }
    Ok(Order::Year)
}

fn count_in(preview: &Preview, at: usize, wishes: &Wishes, reading: &mut Reading) -> Result<TimeAt, TraceError> {
    let name = &preview.names[at];
    let in_name = words(name)
        .iter()
        .rev()
        .find_map(|word| TIME_UNITS.iter().find(|(unit, _)| *unit == word.to_lowercase()).map(|(_, unit_ns)| *unit_ns));
    let largest = preview.values(at).into_iter().fold(0.0, f64::max);
    let by_size = match largest {
        value if value >= 1e17 => Some((1.0, "ns")),
        value if value >= 1e14 => Some((1e3, "us")),
        value if value >= 1e11 => Some((1e6, "ms")),
        value if value >= 9e8 => Some((1e9, "s")),
        _ => None,
    };
    let (unit_ns, how) = match (wishes.time_unit_ns, in_name, by_size) {
        (Some(unit_ns), ..) => (unit_ns, "unit given by --time-unit".to_owned()),
        (None, Some(unit_ns), _) if largest * unit_ns < 4.2e18 => (unit_ns, "unit in its name".to_owned()),
        (None, _, Some((unit_ns, word))) => (unit_ns, format!("{word} since 1970, by its size")),
        (None, Some(unit_ns), None) => (unit_ns, "unit in its name".to_owned()),
        (None, None, None) => {
            reading
                .remarks
                .push(format!("time column \"{name}\" names no unit: seconds assumed (--time-unit says otherwise)"));
            (1e9, "seconds assumed".to_owned())
        }
    };
    reading.civil = largest * unit_ns > 9e17;
    reading.zoned = reading.civil;
    let kind = if reading.civil { "since 1970" } else { "from a start" };
    reading.time = format!("column \"{name}\": numbers, {kind}, {how}");
    Ok(TimeAt::Column(at, Clock::Count(unit_ns)))
}

fn power(
    preview: &Preview,
    wishes: &Wishes,
    taken: &[usize],
    reading: &mut Reading,
) -> Result<Vec<(usize, f64)>, TraceError> {
    let columns: Vec<usize> = if wishes.power.is_empty() {
        vec![guess_power(preview, taken)?]
    } else {
        wishes.power.iter().map(|wish| preview.named(wish)).collect::<Result<_, _>>()?
    };
    let mut found = Vec::new();
    let mut said = Vec::new();
    for at in columns {
        let name = &preview.names[at];
        if taken.contains(&at) {
            return Err(TraceError::Ask(format!("column \"{name}\" is the time; --power must name another")));
        }
        if energy(name) {
            return Err(TraceError::Ask(format!(
                "column \"{name}\" is an energy, and a power is needed: take its differences over time before, or give \
                 --power COLUMN for another"
            )));
        }
        if !preview.numeric(at) {
            let example =
                preview.column(at).find(|cell| !missing(cell)).map(String::from_utf8_lossy).unwrap_or_default();
            return Err(TraceError::Ask(format!("column \"{name}\" holds \"{example}\", which is no number")));
        }
        let unit = unit_of(preview, at, wishes, reading)?;
        said.push(format!("\"{name}\" in {}", unit.word()));
        found.push((at, unit.watts()));
    }
    reading.power = format!("column{} {}", if said.len() > 1 { "s, added up:" } else { "" }, said.join(", "));
    Ok(found)
}

/// What names say of averaging.
fn averages(preview: &Preview, power: &[(usize, f64)], reading: &mut Reading) {
    for (at, _) in power {
        let name = &preview.names[*at];
        let lower = name.trim().to_ascii_lowercase();
        let (smi, rest) = lower.strip_prefix("power.draw").map_or((false, ""), |rest| (true, rest));
        if smi && rest.starts_with(".instant") {
            continue;
        }
        if smi && rest.starts_with(".average") {
            // claim: nvidia-smi --help-query-gpu, "power.draw.average", as of driver 535.
            reading.averaging_s = Some(NVIDIA_AVERAGING_S);
            reading.remarks.push(format!("column \"{name}\" is of nvidia-smi, which averages it over 1 s"));
        } else if smi {
            reading.averages = true;
            reading.remarks.push(format!(
                "column \"{name}\" is of nvidia-smi: an average over 1 s on Ampere (other than GA100) and later, by its help; \
                 --averaging says which"
            ));
        } else if has(name, MEAN_WORDS) {
            reading.averages = true;
            reading
                .remarks
                .push(format!("column \"{name}\" calls itself an average, and not over how long: --averaging says it"));
        }
    }
}

fn guess_power(preview: &Preview, taken: &[usize]) -> Result<usize, TraceError> {
    let free: Vec<usize> = (0..preview.names.len()).filter(|at| !taken.contains(at) && preview.numeric(*at)).collect();
    let score = |at: &usize| {
        let name = &preview.names[*at];
        let (power, other) = (has(name, POWER_WORDS), has(name, OTHER_WORDS));
        let total = has(name, &["total", "sum", "all", "tot", "ptot", "campus", "site", "poi"]);
        let in_cells = preview.share(*at, |cell| cell.last().is_some_and(|byte| *byte == b'W')) > 0.8;
        let unit = unit_in(name).is_some() || in_cells;
        if other { -10 } else { 4 * i32::from(power) + 4 * i32::from(unit) + i32::from(total) }
    };
    let best = free.iter().map(score).max().unwrap_or(-1);
    let chosen: Vec<usize> = free.iter().copied().filter(|at| score(at) == best).collect();
    match (best, chosen.as_slice(), free.as_slice()) {
        (_, _, []) => {
            Err(TraceError::Ask(format!("no column holds numbers beside the time; the columns are {}", preview.list())))
        }
        (1.., [one], _) | (_, _, [one]) => Ok(*one),
        (1.., several, _) => {
            let names: Vec<String> = several.iter().map(|at| format!("\"{}\"", preview.names[*at])).collect();
            let hint = "give --power COLUMN, or several separated by commas to add them up";
            Err(TraceError::Ask(format!("{} columns could be the power: {}; {hint}", names.len(), names.join(", "))))
        }
        _ => Err(TraceError::Ask(format!(
            "no column is named like a power; give --power COLUMN. The columns are {}",
            preview.list()
        ))),
    }
}

fn unit_of(preview: &Preview, at: usize, wishes: &Wishes, reading: &mut Reading) -> Result<PowerUnit, TraceError> {
    let name = &preview.names[at];
    let largest = preview.values(at).into_iter().fold(0.0, f64::max);
    let ask = |why: &str| {
        TraceError::Ask(format!(
            "column \"{name}\" {why} (its first value is {}); give --unit W, kW or MW",
            preview.values(at).first().copied().unwrap_or(f64::NAN)
        ))
    };
    let suffix = preview.column(at).find_map(|text| match cell(text, preview.point) {
        Cell::Number(_, unit) => unit,
        Cell::Missing | Cell::Unreadable => None,
    });
    if let Some(unit) = wishes.unit {
        let (given, own) = (unit.word(), |unit: PowerUnit| unit != wishes.unit.unwrap_or(unit));
        match (suffix, unit_in(name)) {
            (Some(unit), _) if own(unit) => reading.remarks.push(format!(
                "cells of column \"{name}\" have {} behind their numbers, which counts; --unit says {given}",
                unit.word()
            )),
            (None, Some((unit, _))) if own(unit) => reading.remarks.push(format!(
                "the name of column \"{name}\" says {}, --unit says {given}: {given} taken",
                unit.word()
            )),
            _ => {}
        }
        return Ok(unit);
    }
    match (suffix, unit_in(name)) {
        (Some(unit), _) => Ok(unit),
        (None, Some((unit, true))) if largest * unit.watts() > MOST_W => {
            Err(ask("says \"mw\", and megawatts would be absurd"))
        }
        (None, Some((unit, _))) => Ok(unit),
        (None, None) => Err(ask("does not say its unit")),
    }
}
