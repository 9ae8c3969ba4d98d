//! EIA-930 files as one hourly table, or as a grid of zones: what each file gave, its gaps, what was filled, what is left.
//!
//! Not modelled: files that are named otherwise than `ZONE.csv` or `AUTHORITY-ZONE.csv` (their zone is their whole name).

use super::{ending, series_name, write_grid, write_table};
use crate::Verdict;
use crate::convert::Convert;
use crate::source::open_ordinary;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use tieline_files::eia930::hours::{self, Column, Holds, Hours, Left, Part, Window, holds, line_up};
use tieline_files::eia930::{fuel_mix, read, zones};
use tieline_units::Utc;

/// Folders within folders that are looked into.
const MOST_DEPTH: usize = 8;
/// Most files of a folder.
const MOST_FILES: usize = 2_000;
/// Most gaps that are listed; the count goes on.
const MOST_LISTED: usize = 40;
/// Most hours of a file that are named for one reason.
const MOST_NOTED: usize = 5;
/// Most columns of a gap that are named.
const MOST_NAMED: usize = 4;

/// Converts a file or a folder.
pub fn eia930(asked: &Convert) -> Result<Verdict> {
    let is_grid = ending(&asked.to) == "toml";
    let window = match window(asked, is_grid) {
        Ok(window) => window,
        Err(why) => {
            eprintln!("tieline: {why}");
            return Ok(Verdict::Usage);
        }
    };
    let Some(parts) = parts(asked)? else { return Ok(Verdict::No) };
    let shown = asked.from.display();
    if is_grid {
        return grid(asked, &parts, window);
    }
    let hours = match line_up(&parts, window, asked.zones.fill.unwrap_or(0)) {
        Ok(hours) => hours,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            return Ok(Verdict::No);
        }
    };
    write_table(&asked.to, hours.stamps(), hours.numbers())?;
    tell!(
        "{}: {} columns, {} h from {} to before {} (UTC, beginning of the hour)",
        asked.to.display(),
        hours.columns.len(),
        hours.hours,
        hours.start,
        hours.end()
    );
    told(&parts, &hours, |_| true);
    let left = hours.left(&parts, |_| true);
    list(&left, "left as empty cells", |line| tell!("{line}"));
    Ok(Verdict::Yes)
}

fn grid(asked: &Convert, parts: &[Part], window: Window) -> Result<Verdict> {
    let shown = asked.from.display();
    let plan = match zones::plan(parts) {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            return Ok(Verdict::No);
        }
    };
    let used = |part: usize| plan.zones.contains(&part) || plan.mix == Some(part);
    // What the grid does not use must not narrow its hours.
    let mine: Vec<Part> = (0..parts.len()).filter(|part| used(*part)).map(|part| parts[part].clone()).collect();
    let lined = zones::plan(&mine).and_then(|own| Ok((own, line_up(&mine, window, asked.zones.fill.unwrap_or(0))?)));
    let (own, hours) = match lined {
        Ok(lined) => lined,
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            return Ok(Verdict::No);
        }
    };
    let left = hours.left(&mine, |_| true);
    if !left.is_empty() {
        eprintln!("tieline: {shown}: a dispatch can have no gaps, and these are left:");
        list(&left, "without a value", |line| eprintln!("{line}"));
        eprintln!("  choose hours without them (--from, --to)");
        if let Some(longest) =
            left.iter().map(|left| left.fills).collect::<Option<Vec<usize>>>().and_then(|all| all.into_iter().max())
        {
            eprintln!(
                "  or fill them by straight lines: --fill N fills gaps of at most N hours, and the longest has {longest}"
            );
        }
        return Ok(Verdict::No);
    }
    let series = series_name(asked, "csv");
    let stem = asked.to.file_stem().and_then(|stem| stem.to_str()).unwrap_or("grid");
    let name: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let (text, columns) = zones::grid(&name, &series.display().to_string(), &mine, &own, &hours);
    let verdict = write_grid(asked, &text, &series, hours.stamps(), columns)?;
    for remark in &plan.remarks {
        tell!("  {remark}");
    }
    if window == Window::All {
        shortened(&mine, &hours);
    }
    told(&mine, &hours, |_| true);
    let negative = |column: &&Column| Some(column.part) == own.mix && column.values_w.iter().any(|value| *value < 0.0);
    for column in hours.columns.iter().filter(negative) {
        let count = column.values_w.iter().filter(|value| **value < 0.0).count();
        tell!("  {}: below zero in {count} h (pumping, charging): load of the pool there", column.name);
    }
    if own.mix.is_some() {
        tell!(
            "  costs, emissions and links are guesses, marked so; capacities of gas, coal and oil are their greatest hours"
        );
        tell!("  `tieline grid dispatch {}` holds the dispatch against what was observed", asked.to.display());
    }
    Ok(verdict)
}

/// The hours that are asked for.
fn window(asked: &Convert, is_grid: bool) -> Result<Window, String> {
    let read = |option: &str, text: &Option<String>| -> Result<Option<Utc>, String> {
        let Some(text) = text else { return Ok(None) };
        let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.clone() };
        Utc::parse(&whole).map(Some).map_err(|why| format!("{option} {text}: {why}; a date alone is midnight UTC"))
    };
    let (from, to) = (read("--from", &asked.zones.first)?, read("--to", &asked.zones.last)?);
    Ok(match (from, to) {
        (None, None) if is_grid => Window::All,
        (None, None) => Window::Any,
        given => Window::Given(given.0, given.1),
    })
}

/// First lines of EIA-930's files.
const EXPECTED: &str = "\"date_time,demand (MW)\", \"date_time,raw demand (MW),category,cleaned demand (MW)\" or a column for each fuel \
                        (NG, COL, NUC)";
/// Most files left out that are named.
const MOST_NAMES: usize = 10;

/// Reads the files; nothing: some are wrong, and that was said.
fn parts(asked: &Convert) -> Result<Option<Vec<Part>>> {
    let mut paths = Vec::new();
    if asked.from.is_dir() {
        gather(&asked.from, 0, &mut paths)?;
        paths.sort();
    } else {
        paths.push(asked.from.clone());
    }
    paths.extend(asked.zones.mix.clone());
    let (mut known, mut sound, mut other) = (Vec::new(), true, Vec::new());
    for path in &paths {
        let file = || open_ordinary(path).with_context(|| path.display().to_string());
        match holds(file()?) {
            Ok(Holds::Other) => {
                let line: String = hours::first_line(file()?).unwrap_or_default().chars().take(60).collect();
                let told = format!("{}: found the first line \"{}\"", path.display(), line.escape_debug());
                if asked.from.is_dir() && hours::is_near(&line) {
                    eprintln!("tieline: {told}, expected {EXPECTED}; move it away if it is something else");
                    sound = false;
                }
                other.push(told);
            }
            Ok(holds) => known.push((path, holds)),
            Err(why) => {
                eprintln!("tieline: {}: {why}", path.display());
                sound = false;
            }
        }
    }
    let mixes = known.iter().filter(|(_, holds)| *holds == Holds::FuelMix).count();
    let mut parts = Vec::new();
    for (path, holds) in known {
        let (shown, file) =
            (path.display().to_string(), open_ordinary(path).with_context(|| path.display().to_string())?);
        // The folders below the one that was given are named only where names alone do not tell.
        let twice = paths.iter().filter(|other| other.file_name() == path.file_name()).count() > 1;
        let below = path.strip_prefix(&asked.from).ok().filter(|below| twice && !below.as_os_str().is_empty());
        let below = below.or(path.file_name().map(Path::new));
        let name = below.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let part = match holds {
            Holds::FuelMix => fuel_mix::read(&shown, file).map(|mix| Part::of_mix(&name, mix, mixes == 1)),
            _ => read(&shown, file).map(|reading| Part::of_demand(&name, reading)).map_err(|why| why.to_string()),
        };
        match part {
            Ok(part) => parts.push(part),
            Err(why) => {
                eprintln!("tieline: {why}");
                sound = false;
            }
        }
    }
    if parts.is_empty() && sound {
        eprintln!("tieline: {}: no file of EIA-930; expected {EXPECTED}", asked.from.display());
        other.iter().take(MOST_NAMES).for_each(|told| eprintln!("tieline: {told}"));
        return Ok(None);
    }
    if sound {
        other.iter().take(MOST_NAMES).for_each(|told| tell!("left out: {told}"));
        if other.len() > MOST_NAMES {
            tell!("left out: {} more files", other.len() - MOST_NAMES);
        }
    }
    Ok(sound.then_some(parts))
}

/// Whether a folder, or one in it, holds CSV files.
pub fn holds_csv(folder: &Path) -> bool {
    let mut paths = Vec::new();
    // Of a folder too large, or that cannot be read, the conversion itself will say so.
    folder.is_dir() && (gather(folder, 0, &mut paths).is_err() || !paths.is_empty())
}

/// The CSV files of a folder and of those in it.
fn gather(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if path.is_dir() {
            if depth < MOST_DEPTH && !name.starts_with('.') && !leads_back(&path) {
                gather(&path, depth + 1, paths)?;
            }
        } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            paths.push(path);
        }
        if paths.len() > MOST_FILES {
            bail!("{}: more than {MOST_FILES} .csv files", folder.display());
        }
    }
    Ok(())
}

/// Which files have fewer hours than the others, so that hours of these are not used.
fn shortened(parts: &[Part], hours: &Hours) {
    for short in hours.shortened(parts) {
        let (from, to) = short.ends;
        let unused = match (short.before, short.after) {
            (before, 0) => format!("{before} h before it"),
            (0, after) => format!("{after} h after it"),
            (before, after) => format!("{before} h before it and {after} h after it"),
        };
        tell!("  {}: its hours are {from} to before {to}; the {unused} that other files have are not used", short.file);
    }
}

/// Whether a folder is a link to one that it lies in: its files would be found again and again.
fn leads_back(folder: &Path) -> bool {
    let around = folder.parent().and_then(|parent| fs::canonicalize(parent).ok());
    fs::canonicalize(folder).is_ok_and(|own| around.is_some_and(|around| around.starts_with(own)))
}

/// What each file gave, and its gaps in these hours.
fn told(parts: &[Part], hours: &Hours, wanted: impl Fn(&Column) -> bool) {
    let mut all = 0;
    for (place, part) in parts.iter().enumerate() {
        let mine: Vec<&Column> = hours.columns.iter().filter(|column| column.part == place && wanted(column)).collect();
        let Some(first) = mine.first() else { continue };
        let names = if mine.len() == 1 { first.name.clone() } else { format!("{} columns", mine.len()) };
        let stamps = if part.holds == Holds::Demand { "stamps end their hour" } else { "stamps begin their hour" };
        tell!("  {}: {names}; {stamps}", part.file);
        for (count, hole) in part.told(hours.start, hours.end()) {
            tell!("    {count} h without a value: {} (first at line {}, {})", hole.reason, hole.line, hole.stamp);
        }
        for told in part.noted(hours.start, hours.end()) {
            tell!("    {} h: {}", told.hours, told.kind);
            for note in told.notes.iter().take(MOST_NOTED) {
                let found = if note.found.is_empty() { String::new() } else { format!(": {}", note.found) };
                tell!("      {}:{}, {}{found}", part.file, note.line, note.stamp);
            }
            if told.notes.len() > MOST_NOTED {
                tell!("      and {} more", told.notes.len() - MOST_NOTED);
            }
        }
        for remark in &part.remarks {
            tell!("    {remark}");
        }
        let filled: usize = mine.iter().map(|column| column.filled).sum();
        all += filled;
        if filled > 0 {
            let most = mine.iter().map(|column| column.filled).max().unwrap_or(0);
            let each = if mine.len() > 1 { format!(", at most {most} h of one column") } else { String::new() };
            tell!("    {filled} values filled by straight lines{each}");
        }
    }
    if all > 0 {
        tell!("  {all} values filled in all");
    }
}

/// Lists gaps.
fn list(left: &[Left], what: &str, say: impl Fn(String)) {
    for gap in left.iter().take(MOST_LISTED) {
        let named = gap.columns.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = gap.columns.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        say(format!("  {} h from {} {what}: {named}{more}; {}", gap.hours, gap.from, gap.why));
    }
    if left.len() > MOST_LISTED {
        let rest: usize = left[MOST_LISTED..].iter().map(|gap| gap.hours * gap.columns.len()).sum();
        say(format!("  and {} more gaps, {rest} values", left.len() - MOST_LISTED));
    }
}
