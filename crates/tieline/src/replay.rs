//! `tieline replay` and `tieline explain`: every decision of a journal computed again, and the reason for one of them.
//!
//! Not modelled: a journal as a stream that is still being written; what is there when we look is what counts.

use crate::{Verdict, run, screen, source};
use anyhow::{Context, Result, anyhow, bail};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use tieline_control::journal::{Ending, Header, JournalReader, OwnedRow};
use tieline_control::replay::Difference;
use tieline_files::scenario::read;
use tieline_sim::operation::EPOCH;
use tieline_sim::scenario::Scenario;
use tieline_units::Utc;

/// Bytes read at once.
const BUFFER: usize = 1 << 20;

type Reader = JournalReader<BufReader<File>>;

/// Recomputes every decision; the first that differs is named and makes the answer a No.
///
/// # Errors
/// A file that cannot be read or is no journal, or a row whose checksum does not hold.
pub fn replay(path: &Path) -> Result<Verdict> {
    let (reader, scenario) = open(path)?;
    warn_of_other_builds(reader.header());
    let done = tieline_control::replay::replay(reader, &scenario.control, EPOCH)
        .with_context(|| format!("{}", path.display()))?;
    let mut text = String::new();
    if let Some(difference) = &done.first_difference {
        text.push_str(&words(difference));
        text.push_str(&ending(done.ending, done.rows));
        return screen::answer(&text, Verdict::No);
    }
    text.push_str(&format!(
        "{} decisions recomputed, all equal to the bit\n",
        tieline_sim::check::count(done.rows as f64)
    ));
    text.push_str(&ending(done.ending, done.rows));
    screen::answer(&text, Verdict::Yes)
}

/// Says why the controller decided as it did at `tick`.
///
/// # Errors
/// As [`replay`]; a tick that the journal does not have.
pub fn explain(path: &Path, tick: u64) -> Result<Verdict> {
    let (mut reader, scenario) = open(path)?;
    let config = &scenario.control;
    let mut previous = None;
    let mut rows = 0;
    while let Some(row) = reader.next_row().with_context(|| format!("{}", path.display()))? {
        if rows == tick {
            let text = tieline_control::explain::explain(config, row, previous.as_ref());
            let told = format!("{}{}\n", known_to_the_scenario(&scenario, row), text.trim_end());
            return screen::answer(&told, Verdict::Yes);
        }
        if rows + 1 == tick {
            previous = Some(row.clone());
        }
        rows += 1;
    }
    let last = rows.checked_sub(1).map_or_else(String::new, |last| format!(", the last is {last}"));
    bail!("{}: there is no tick {tick}; the journal has {rows} ticks, counted from 0{last}", path.display());
}

/// What the controller does not know: the site's clock, and what events are called.
fn known_to_the_scenario(scenario: &Scenario, row: &OwnedRow) -> String {
    let offset = scenario.plant.utc_offset;
    let (_, hour) = Utc::nanos(row.observation.utc_ns).day_and_hour(offset);
    let second = (hour * 3600.0 + 1e-6) as u64;
    let (hours, minutes) = (offset.as_secs_f64() / 3600.0, second / 60);
    let mut text = format!("{:02}:{:02}:{:02} local time (UTC{hours:+})", minutes / 60, minutes % 60, second % 60);
    for event in row.observation.events.iter().filter(|event| event.id != 0) {
        let named = scenario.events.iter().find(|scheduled| scheduled.event.id == event.id);
        if let Some(named) = named {
            text.push_str(&format!("; event {} is \"{}\"", event.id, named.name));
        }
    }
    text.push('\n');
    text
}

/// The journal at its first row, and the scenario that its header holds.
fn open(path: &Path) -> Result<(Reader, Scenario)> {
    let shown = path.display();
    let data = std::fs::metadata(path).with_context(|| format!("{shown}"))?;
    if data.is_dir() {
        bail!("{shown}: is a folder; a run's journal is the file journal.tlj in it");
    }
    if !data.is_file() {
        bail!("{shown}: is not an ordinary file");
    }
    let file = File::open(path).with_context(|| format!("{shown}"))?;
    let reader = JournalReader::open(BufReader::with_capacity(BUFFER, file)).with_context(|| format!("{shown}"))?;
    let scenario = scenario(reader.header()).with_context(|| format!("{shown}: the scenario in its header"))?;
    Ok((reader, scenario))
}

/// The scenario of the header. Nothing that the controller is told depends on the files that a scenario refers
/// to, but a scenario is read as a whole: such a file is looked for from the current folder.
fn scenario(header: &Header) -> Result<Scenario> {
    let beside = &mut |reference: &str| {
        source::open_ordinary(Path::new(reference)).map_err(|error| {
            let hint = "a journal does not carry the files of its scenario; go to the scenario's folder and try again";
            io::Error::new(error.kind(), format!("{error}; {hint}"))
        })
    };
    read(&header.scenario_name, &header.scenario_text, beside).map_err(|mistakes| anyhow!("{mistakes}"))
}

/// Another build may rightly decide otherwise; the user should know before the first difference shows.
fn warn_of_other_builds(header: &Header) {
    let ours = run::header_of_this_build();
    if header.version != ours.version {
        eprintln!("tieline: written by version {}, this is {}", header.version, ours.version);
    }
    if header.lockfile_digest != ours.lockfile_digest {
        eprintln!("tieline: written by a build with other dependencies than this one");
    }
    if header.target != ours.target {
        eprintln!("tieline: written on {}, this is {}", header.target, ours.target);
    }
    if header.scenario_digest != run::digest(header.scenario_text.as_bytes()) {
        eprintln!("tieline: the scenario in the header is not the one that its digest names");
    }
}

fn words(difference: &Difference) -> String {
    format!(
        "first difference at tick {}, {:.3} s after the start: {}\n  recorded    {}\n  recomputed  {}\n",
        difference.tick,
        difference.now.as_secs_f64(),
        difference.field,
        difference.recorded,
        difference.recomputed
    )
}

fn ending(ending: Ending, rows: u64) -> String {
    match ending {
        Ending::Complete => String::new(),
        Ending::Open => "the journal has no closing row: its writer did not finish, or is still at work\n".to_owned(),
        Ending::Torn { bytes } => format!(
            "the tail is torn: {bytes} bytes behind the last whole row were left out, {rows} rows were recovered\n"
        ),
    }
}
