//! `tieline comply`: a measured power trace against a utility's specification, clause by clause.
//!
//! One thread reads and parses, another measures; what is kept is windows and blocks, whatever the length of the trace.
//!
//! Not modelled: several traces at once, limits that change within a trace.

mod page;

use crate::{Verdict, screen, source};
use anyhow::{Context, Result, anyhow, bail};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use tieline_campus::specification::{Circumstances, Judge, Ruling, Specification};
use tieline_campus::spectrum::sampling::{Piece, Sampling};
use tieline_campus::spectrum::windows::Plan;
use tieline_files::compliance::Compliance;
use tieline_files::trace::{Columnar, PowerUnit, Reading, Text, TraceError, Wishes, offset};
use tieline_files::{scenario, specification};
use tieline_units::{Quantity as _, SpanQuantity};

/// Rows handed over at once.
const BLOCK_ROWS: usize = 1 << 16;
/// Blocks on the way between the two threads.
const BLOCKS: usize = 4;
/// Longest plan, rows.
const MOST_PLAN: usize = 1_000_000;

/// What the user gave.
#[derive(clap::Args)]
pub struct Given {
    /// Power trace: CSV of any dialect, plain or gzip, or Parquet.
    trace: PathBuf,
    /// Built-in specification (waveform-2508.14318) or path of a TOML file.
    #[arg(long)]
    spec: String,
    /// Set a number of the specification: rated="150 MW", short_circuit_ratio=10, x_over_r=8, or a clause's limit by its
    /// name, such as ramp-up="20 MW/min" or dynamic-range="10 %". May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Column of the time; found by itself where possible. A number counts columns from 1.
    #[arg(long)]
    time: Option<String>,
    /// Unit of a time in numbers: ns, us, ms, s, min or h.
    #[arg(long)]
    time_unit: Option<String>,
    /// Order of day and month in dates such as 05/01/2024: dmy or mdy.
    #[arg(long)]
    dates: Option<String>,
    /// Time between rows where no column says it, such as "1 ms".
    #[arg(long)]
    step: Option<String>,
    /// Column of the power; several, separated by commas, are added up.
    #[arg(long, value_delimiter = ',')]
    power: Vec<String>,
    /// Unit of the power: W, kW, MW (or mW, GW).
    #[arg(long)]
    unit: Option<String>,
    /// Zone of stamps without one, as an offset: -05:00, Z.
    #[arg(long, allow_hyphen_values = true)]
    zone: Option<String>,
    /// Only rows with this text in this column.
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    only: Option<String>,
    /// How often the sensor's value is refreshed, where its readings do not show it.
    #[arg(long)]
    update: Option<String>,
    /// Time over which the sensor averages, such as "1 s"; nothing faster can be shown.
    #[arg(long)]
    averaging: Option<String>,
    /// Planned power: a CSV with a time and a power, each row holding until the next.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Folder for comply.json and comply.html.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Something the user must say otherwise: exit 2.
struct Usage(String);

/// What is known of the sensor beside its readings: from the user, else from the file.
struct Stated {
    update_s: Option<f64>,
    averaging_s: f64,
    averages: bool,
    /// Where the averaging is from.
    from: &'static str,
}

impl Stated {
    fn of((update_s, averaging_s): (Option<f64>, Option<f64>), reading: &Reading) -> Self {
        Self {
            update_s: update_s.or(reading.update_s),
            averaging_s: averaging_s.or(reading.averaging_s).unwrap_or(0.0),
            averages: reading.averages && averaging_s.is_none() && reading.averaging_s.is_none(),
            from: if averaging_s.is_some() { "--averaging" } else { "the file says so" },
        }
    }
}

/// Reads, measures, rules, prints.
///
/// # Errors
/// A file that cannot be read or written.
pub fn comply(given: &Given) -> Result<Verdict> {
    let specification = match specification_of(&given.spec, &given.set)? {
        Ok(specification) => specification,
        Err(verdict) => return Ok(verdict),
    };
    let wishes = match wishes(given) {
        Ok(wishes) => wishes,
        Err(Usage(why)) => return usage(&why),
    };
    let spans = match (span_of("--update", given.update.as_deref()), span_of("--averaging", given.averaging.as_deref()))
    {
        (Ok(update_s), Ok(averaging_s)) => (update_s, averaging_s),
        (Err(Usage(why)), _) | (_, Err(Usage(why))) => return usage(&why),
    };
    let input = match open(&given.trace, &wishes)? {
        Ok(input) => input,
        Err(Usage(why)) => return usage(&format!("{}: {why}", given.trace.display())),
    };
    let plan = match given.plan.as_deref().map(|path| read_plan(path, &wishes)) {
        None => None,
        Some(Err(why)) => return Err(why),
        Some(Ok(Err(Usage(why)))) => return usage(&why),
        Some(Ok(Ok(plan))) => Some(plan),
    };
    if let Some((_, civil, zoned)) = &plan {
        let reading = input.reading();
        if *civil != reading.civil || (*civil && *zoned != reading.zoned) {
            return usage(
                "the plan and the trace tell time in different ways (with and without a date, or a zone); --zone gives one",
            );
        }
    }
    let stated = Stated::of(spans, input.reading());
    match measure(input, specification, plan.map(|(rows, ..)| rows), &stated, &given.trace)? {
        Ok(measured) => finish(given, &measured),
        Err(Usage(why)) => usage(&why),
    }
}

fn usage(why: &str) -> Result<Verdict> {
    eprintln!("tieline: {why}");
    Ok(Verdict::Usage)
}

/// The specification that is named or lies at a path, with what the user sets in it; a mistake was said.
///
/// # Errors
/// A file that cannot be read.
pub fn specification_of(name: &str, sets: &[String]) -> Result<Result<Specification, Verdict>> {
    let text = if let Some(text) = specification::builtin(name) {
        text.to_owned()
    } else if name.contains(['/', std::path::MAIN_SEPARATOR]) || name.ends_with(".toml") || Path::new(name).exists() {
        let mut text = String::new();
        let file = source::open_ordinary(Path::new(name)).with_context(|| name.to_owned())?;
        file.take(scenario::MOST_BYTES).read_to_string(&mut text).with_context(|| name.to_owned())?;
        text
    } else {
        let names = specification::builtin_names();
        let near = scenario::nearest(name, names.iter().copied());
        let meant = near.map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
        eprintln!(
            "tieline: no built-in specification is called \"{name}\"; {meant}there is {}; a file is given by its path",
            names.join(", ")
        );
        return Ok(Err(Verdict::Usage));
    };
    match specification::read(name, &text) {
        Ok(mut read) => match set_all(&mut read, sets) {
            Ok(()) => Ok(Ok(read)),
            Err(why) => usage(&why).map(Err),
        },
        Err(mistakes) => {
            source::say_mistakes(&mistakes);
            Ok(Err(Verdict::No))
        }
    }
}

/// Sets what the user gave, NAME=VALUE each.
///
/// # Errors
/// A name that nothing has, or a value of the wrong kind, in words.
pub fn set_all(specification: &mut Specification, sets: &[String]) -> Result<(), String> {
    for set in sets {
        match set.split_once('=') {
            Some((name, value)) => specification::set(specification, name.trim(), value.trim())?,
            None => return Err(format!("--set {set}: NAME=VALUE is expected")),
        }
    }
    Ok(())
}

fn span_of(flag: &str, text: Option<&str>) -> Result<Option<f64>, Usage> {
    let Some(text) = text else { return Ok(None) };
    match SpanQuantity::parse(text) {
        Ok(span) if span.si() > 0.0 => Ok(Some(span.si())),
        Ok(_) => Err(Usage(format!("{flag} {text}: must be above zero"))),
        Err(why) => Err(Usage(format!("{flag} {text}: {why}"))),
    }
}

fn wishes(given: &Given) -> Result<Wishes, Usage> {
    let wrong = |flag: &str, found: &str, expected: &str| Usage(format!("{flag} {found}: expected {expected}"));
    let units = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 6e10), ("h", 3.6e12)];
    let time_unit_ns = match given.time_unit.as_deref() {
        None => None,
        Some(word) => match units.iter().find(|(unit, _)| *unit == word) {
            Some((_, unit_ns)) => Some(*unit_ns),
            None => return Err(wrong("--time-unit", word, "ns, us, ms, s, min or h")),
        },
    };
    let day_first = match given.dates.as_deref() {
        None => None,
        Some("dmy") => Some(true),
        Some("mdy") => Some(false),
        Some(other) => return Err(wrong("--dates", other, "dmy or mdy")),
    };
    let unit = match given.unit.as_deref() {
        None => None,
        Some(word) => Some(PowerUnit::read(word).ok_or_else(|| wrong("--unit", word, "W, kW or MW"))?),
    };
    let zone_s = match given.zone.as_deref() {
        None => None,
        Some(text) => Some(offset(text).ok_or_else(|| wrong("--zone", text, "an offset such as -05:00, or Z"))?),
    };
    let only = match given.only.as_deref() {
        None => None,
        Some(text) => match text.split_once('=') {
            Some((column, value)) => Some((column.trim().to_owned(), value.trim().to_owned())),
            None => return Err(wrong("--where", text, "COLUMN=VALUE")),
        },
    };
    let step_ns = span_of("--step", given.step.as_deref())?.map(|step_s| ((step_s * 1e9).round() as i64).max(1));
    let (time, power) = (given.time.clone(), given.power.clone());
    Ok(Wishes { time, time_unit_ns, day_first, power, unit, zone_s, step_ns, only })
}

/// A trace of either kind.
enum Input {
    Text(Box<Text>),
    Columnar(Box<Columnar<File>>),
}

impl Input {
    fn read(&mut self, rows: &mut Vec<(i64, f64)>) -> Result<bool, TraceError> {
        match self {
            Self::Text(text) => text.read(rows),
            Self::Columnar(columnar) => columnar.read(rows),
        }
    }

    fn reading(&self) -> &Reading {
        match self {
            Self::Text(text) => text.reading(),
            Self::Columnar(columnar) => columnar.reading(),
        }
    }
}

fn open(path: &Path, wishes: &Wishes) -> Result<Result<Input, Usage>> {
    let shown = || path.display().to_string();
    let data = fs::metadata(path).with_context(shown)?;
    if data.is_dir() {
        bail!("{}: is a folder", path.display());
    }
    let mut file = File::open(path).with_context(shown)?;
    let opened = if data.is_file() && is_parquet(path)? {
        Columnar::open(file, wishes).map(|columnar| Input::Columnar(Box::new(columnar)))
    } else {
        // A pipe is read from where it stands.
        file.by_ref();
        Text::open(file, wishes).map(|text| Input::Text(Box::new(text)))
    };
    match opened {
        Ok(input) => Ok(Ok(input)),
        Err(TraceError::Ask(why)) => Ok(Err(Usage(why))),
        Err(TraceError::File(why)) => bail!("{}: {why}", path.display()),
    }
}

fn is_parquet(path: &Path) -> Result<bool> {
    let mut head = [0; 4];
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(file.read_exact(&mut head).is_ok() && &head == b"PAR1")
}

/// Rows of the plan, whether they are civil time, and whether with a zone.
type PlanRows = (Vec<(i64, f64)>, bool, bool);

fn read_plan(path: &Path, wishes: &Wishes) -> Result<Result<PlanRows, Usage>> {
    // Its own unit if it names one, else the one given for the trace.
    let own = Wishes { zone_s: wishes.zone_s, day_first: wishes.day_first, ..Wishes::default() };
    let named = open(path, &own)?;
    let input = match named {
        Err(_) if wishes.unit.is_some() => open(path, &Wishes { unit: wishes.unit, ..own })?,
        other => other,
    };
    let mut input = match input {
        Ok(input) => input,
        Err(Usage(why)) => return Ok(Err(Usage(format!("{}: {why}", path.display())))),
    };
    let mut rows = Vec::new();
    while input.read(&mut rows).map_err(|why| anyhow!("{}: {why}", path.display()))? {
        if rows.len() > MOST_PLAN {
            bail!("{}: more than {MOST_PLAN} rows; a plan has one per interval", path.display());
        }
    }
    rows.retain(|row| row.1.is_finite());
    rows.sort_by_key(|row| row.0);
    if rows.is_empty() {
        bail!("{}: no row with a time and a power", path.display());
    }
    let reading = input.reading();
    Ok(Ok((rows, reading.civil, reading.zoned)))
}

/// All that came of a trace.
pub struct Measured {
    specification: Specification,
    reading: Reading,
    remarks: Vec<String>,
    sampling: Sampling,
    outcome: (tieline_campus::specification::Outlook, Vec<Ruling>, tieline_campus::specification::Traces),
}

/// A sample block, or a hole.
enum Kept {
    Samples(Vec<f64>),
    Spread(Vec<f64>, Vec<f64>, Vec<f64>),
    Gap(u64),
}

fn measure(
    mut input: Input,
    specification: Specification,
    plan: Option<Vec<(i64, f64)>>,
    known: &Stated,
    path: &Path,
) -> Result<Result<Measured, Usage>> {
    let (send, receive) = sync_channel::<Result<Vec<(i64, f64)>, TraceError>>(BLOCKS);
    let civil = input.reading().civil;
    let reader = std::thread::spawn(move || {
        let mut rows = Vec::with_capacity(2 * BLOCK_ROWS);
        loop {
            let more = input.read(&mut rows);
            let ended = !matches!(more, Ok(true));
            if rows.len() >= BLOCK_ROWS || ended {
                let block = std::mem::replace(&mut rows, Vec::with_capacity(2 * BLOCK_ROWS));
                if send.send(Ok(block)).is_err() {
                    break; // nobody listens any more
                }
            }
            if let Err(why) = more {
                let _ = send.send(Err(why));
            }
            if ended {
                break;
            }
        }
        input
    });
    let mut sampling = Sampling::new();
    let mut judge: Option<Judge> = None;
    let mut kept: Vec<Kept> = Vec::new();
    let mut stated = Some((specification.clone(), plan));
    let mut feed = |sampling: &Sampling, kept: &mut Vec<Kept>| {
        for piece in kept.drain(..) {
            let judge = judge.get_or_insert_with(|| {
                let (specification, plan) = stated.take().expect("the judge is made once");
                let found = &sampling.findings;
                let day_s = (found.first_ns.rem_euclid(86_400_000_000_000)) as f64 / 1e9;
                let plan = plan.map(|rows| plan_in_samples(&rows, found.first_ns, found.step_s));
                let clock_s = if civil { day_s } else { 0.0 };
                Judge::new(
                    specification,
                    Circumstances {
                        step_s: found.step_s,
                        averaging_s: known.averaging_s,
                        averages: known.averages,
                        update_s: known.update_s,
                        clock_s,
                        plan,
                    },
                )
                .with_remedies()
            });
            match piece {
                Kept::Samples(samples) => judge.push(Piece::Samples(&samples)),
                Kept::Spread(even, least, most) => {
                    judge.push(Piece::Spread { even: &even, least: &least, most: &most });
                }
                Kept::Gap(samples) => judge.push(Piece::Gap(samples)),
            }
        }
    };
    // From here on the path belongs in front of whatever goes wrong.
    let failed = |why: &dyn std::fmt::Display| anyhow!("{}: {why}", path.display());
    for block in receive {
        let block = block.map_err(|why| failed(&why))?;
        match sampling.push(&block, &mut |piece| keep(&mut kept, piece)) {
            Ok(()) => feed(&sampling, &mut kept),
            Err(why) if why.asks() => return Ok(Err(Usage(failed(&why).to_string()))),
            Err(why) => return Err(failed(&why)),
        }
    }
    match sampling.finish(&mut |piece| keep(&mut kept, piece)) {
        Ok(()) => {}
        Err(why) if why.asks() => return Ok(Err(Usage(failed(&why).to_string()))),
        Err(why) => return Err(failed(&why)),
    }
    feed(&sampling, &mut kept);
    let input = reader.join().map_err(|_| anyhow!("{}: reading it failed", path.display()))?;
    let judge = judge.ok_or_else(|| failed(&"no reading in it"))?;
    let outcome = judge.finish(&sampling.findings);
    let reading = input.reading().clone();
    let remarks = remarks(&reading, &sampling, known);
    Ok(Ok(Measured { specification, reading, remarks, sampling, outcome }))
}

fn keep(kept: &mut Vec<Kept>, piece: Piece<'_>) {
    kept.push(match piece {
        Piece::Samples(samples) => Kept::Samples(samples.to_vec()),
        Piece::Spread { even, least, most } => Kept::Spread(even.to_vec(), least.to_vec(), most.to_vec()),
        Piece::Gap(samples) => Kept::Gap(samples),
    });
}

/// A plan on the trace's own axis; its last row holds as long as the one before.
fn plan_in_samples(rows: &[(i64, f64)], first_ns: i64, step_s: f64) -> Plan {
    let at = |ns: i64| (ns - first_ns) as f64 / 1e9 / step_s;
    let steps: Vec<(f64, f64)> = rows.iter().map(|(ns, power_w)| (at(*ns), *power_w)).collect();
    let last = steps.last().map_or(0.0, |step| step.0);
    let end = match steps.as_slice() {
        [.., before, last] => last.0 + (last.0 - before.0),
        _ => f64::INFINITY,
    };
    Plan { steps, end: end.max(last) }
}

fn remarks(reading: &Reading, sampling: &Sampling, known: &Stated) -> Vec<String> {
    let found = &sampling.findings;
    let mut remarks = [reading.remarks.as_slice(), found.remarks.as_slice()].concat();
    let mut say = |count: u64, text: String| {
        if count > 0 {
            remarks.push(text);
        }
    };
    say(found.missing, format!("{} rows without a reading", found.missing));
    let (times, first) = reading.unreadable_times;
    say(times, format!("{times} rows without a readable time, the first in line {first}"));
    let (cells, first) = reading.unreadable_cells;
    say(cells, format!("{cells} cells that are no number, the first in line {first}"));
    say(reading.filtered, format!("{} rows left out by --where", reading.filtered));
    say(found.disordered, format!("{} rows lie before the row above them; put in order", found.disordered));
    say(found.late, format!("{} rows came too late to be put in order and were left out", found.late));
    say(
        u64::from(found.spread),
        "stamps are coarser than the sampling: rows of one stamp were spread evenly".to_owned(),
    );
    let doubled = if found.spread { 0 } else { found.doubled };
    say(doubled, format!("{doubled} rows repeat a stamp; the first counts"));
    say(found.slipped, format!("{} rows with a time a month or more away were left out", found.slipped));
    say(found.bridged, format!("{} holes of {:.3} s in all were bridged", found.bridged, found.bridged_s));
    let gap = found
        .first_gaps
        .first()
        .map_or_else(String::new, |(at_s, long_s)| format!("; the first at {at_s:.3} s lasts {long_s:.3} s"));
    say(found.gaps, format!("{} gaps of {:.3} s in all{gap}", found.gaps, found.gap_s));
    if let Some(held_s) = found.held_s {
        remarks.push(format!(
            "{:.0} % of the readings repeat the one before: the sensor is refreshed every {:.1} ms and read every {:.1} ms",
            100.0 * found.repeated,
            1e3 * held_s,
            1e3 * found.interval_s
        ));
    }
    if known.averaging_s > 0.0 {
        remarks.push(format!("the sensor averages over {} s ({})", known.averaging_s, known.from));
    }
    if found.range_w.0 < 0.0 {
        remarks.push("some readings are below zero: positive is power into the campus".to_owned());
    }
    remarks
}

fn finish(given: &Given, measured: &Measured) -> Result<Verdict> {
    let name = given
        .trace
        .file_name()
        .map_or_else(|| given.trace.display().to_string(), |name| name.to_string_lossy().into_owned());
    let (outlook, rulings, traces) = &measured.outcome;
    let compliance = Compliance {
        trace: &name,
        time: &measured.reading.time,
        power: &measured.reading.power,
        civil: measured.reading.civil,
        zoned: measured.reading.zoned,
        remarks: &measured.remarks,
        specification: &measured.specification,
        outlook: *outlook,
        findings: &measured.sampling.findings,
        rulings,
        traces,
    };
    let json = compliance.to_json();
    let mut text = if given.json { json.clone() } else { page::words(&compliance) };
    if let Some(folder) = &given.out {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (file, content) in [("comply.json", &json), ("comply.html", &compliance.to_html())] {
            let (partial, target) = (folder.join(format!("{file}.partial")), folder.join(file));
            fs::write(&partial, content).with_context(|| format!("cannot write {}", partial.display()))?;
            fs::rename(&partial, &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
        if !given.json {
            let _ = writeln!(text, "written: {} and comply.json", folder.join("comply.html").display());
        }
    }
    screen::answer(&text, if compliance.passed() { Verdict::Yes } else { Verdict::No })
}
