//! `tieline run`: a scenario simulated, its tables, journal, summary and report written, its story told on the screen.
//!
//! Not modelled: resuming a run that was interrupted.

mod story;
mod waves;
mod zonal;

use crate::outdir::OutDir;
use crate::source::Loaded;
use crate::{Verdict, comply, screen, source};
use anyhow::{Context, Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use story::Told;
use tieline_control::journal::{Header, JournalWriter};
use tieline_files::table::{TableError, TableWriter};
use tieline_sim::dispatch::{self, NAME as DISPATCH};
use tieline_sim::operation::{NAME as OPERATION, Outlet, operate};
use tieline_sim::results::{Outcome, RunStamp, Table};
use tieline_sim::scenario::Scenario;
use tieline_sim::transient::{NAME as TRANSIENT, hand_over};
use waves::Waves;
pub use waves::Wishes;

/// Every study that a scenario may name, and whether this version has it.
const STUDIES: [(&str, bool); 4] = [(OPERATION, true), (TRANSIENT, true), (DISPATCH, true), ("adequacy", false)];
/// Bytes gathered before the journal goes to disk.
const JOURNAL_BUFFER: usize = 1 << 20;
/// Bytes gathered before a table goes to disk.
const TABLE_BUFFER: usize = 1 << 16;
/// Steps of the progress bar.
const BAR_STEPS: u64 = 1_000;

/// Version, target and dependencies of this build, as a journal's header names them; the scenario's fields are empty.
pub fn header_of_this_build() -> Header {
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: env!("TIELINE_TARGET").to_owned(),
        lockfile_digest: digest(include_bytes!("../../../Cargo.lock")),
        scenario_digest: 0,
        seed: 0,
        scenario_name: String::new(),
        scenario_text: String::new(),
    }
}

/// Digest of a text: XXH3, 64 bits.
pub fn digest(bytes: &[u8]) -> u64 {
    twox_hash::XxHash3_64::oneshot(bytes)
}

/// Simulates; a failed expectation is a No.
///
/// # Errors
/// Inputs that cannot be read, results that cannot be written: then nothing stands under the final name.
pub fn run(
    given: &str,
    wanted: &[String],
    out: Option<PathBuf>,
    seed: Option<u64>,
    wishes: &Wishes,
) -> Result<Verdict> {
    let mut loaded = match source::load(given)? {
        Ok(loaded) => loaded,
        Err(verdict) => return Ok(verdict),
    };
    match tieline_sim::train::paced(&loaded.scenario) {
        Some(Ok(paced)) => loaded.scenario = paced,
        Some(Err(why)) => {
            eprintln!("tieline: {given}: the run states no mfu, and its step model has none: {why}");
            return Ok(Verdict::No);
        }
        None => {}
    }
    let known = &mut loaded.scenario.waveform.specification;
    if let Some(name) = &wishes.spec {
        match comply::specification_of(name, &wishes.set)? {
            Ok(given) => *known = Some(given),
            Err(verdict) => return Ok(verdict),
        }
    } else if let Some(known) = known
        && let Err(why) = comply::set_all(known, &wishes.set)
    {
        eprintln!("tieline: {why}");
        return Ok(Verdict::Usage);
    }
    let scenario = &loaded.scenario;
    let chosen = match studies(wanted, scenario).and_then(|chosen| wished(chosen, wishes, scenario)) {
        Ok(chosen) => chosen,
        Err(why) => {
            eprintln!("tieline: {why}");
            return Ok(Verdict::Usage);
        }
    };
    let seed = seed.unwrap_or(scenario.seed);
    let out = out.unwrap_or_else(|| default_folder(scenario, seed));
    let begun = Instant::now();
    let folder = OutDir::create(&out)?;
    let Produced { outcome, journal_bytes, waves, zonal } =
        produce(&loaded, given, seed, folder.path(), &chosen, wishes)
            .with_context(|| format!("{}: no result", folder.path().display()))?;
    folder.finish()?;
    let waveform = waves.as_ref().map_or_else(String::new, |waves| waves::tell(scenario, waves)) + &zonal;
    let told = Told { scenario, outcome: &outcome, seed, wall: begun.elapsed(), out: &out, journal_bytes, waveform };
    let failed = story::failed(&outcome);
    let verdict = if failed.is_empty() { Verdict::Yes } else { Verdict::No };
    let said = screen::answer(&story::tell(&told), verdict)?;
    for line in failed {
        eprintln!("tieline: expectation failed: {line}");
    }
    Ok(said)
}

/// The studies to run, or why there is nothing to run: a wrong name, one that is not built, one not in the scenario.
fn studies(wanted: &[String], scenario: &Scenario) -> Result<Vec<&'static str>, String> {
    let built: Vec<&str> = STUDIES.iter().filter(|study| study.1).map(|study| study.0).collect();
    let named: Vec<&str> = scenario.studies.iter().map(String::as_str).collect();
    let asked: Vec<&str> = if wanted.is_empty() { named.clone() } else { wanted.iter().map(String::as_str).collect() };
    if asked.is_empty() {
        return Err(format!("{} names no study to run; this version has {}", scenario.name, built.join(", ")));
    }
    let mut chosen = Vec::new();
    for name in asked {
        let name = name.trim();
        match STUDIES.iter().find(|study| study.0 == name) {
            None => {
                let all: Vec<&str> = STUDIES.iter().map(|study| study.0).collect();
                return Err(format!(
                    "there is no study \"{name}\"; there are {}; built so far: {}",
                    all.join(", "),
                    built.join(", ")
                ));
            }
            Some((_, false)) => {
                return Err(format!("the study \"{name}\" is not built yet; this version has {}", built.join(", ")));
            }
            // A scenario that tells where its campus stands can be dispatched, whether or not its runs do it.
            Some(_) if !(named.contains(&name) || name == DISPATCH && scenario.dispatch.is_some()) => {
                return Err(format!("{} has no study \"{name}\"; it names {}", scenario.name, named.join(", ")));
            }
            Some((study, true)) => chosen.push(*study),
        }
    }
    Ok(chosen)
}

/// `out/SCENARIO-SEED`; the name is the scenario's own, so whatever does not belong in a file name is replaced.
fn default_folder(scenario: &Scenario, seed: u64) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = scenario.name.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    Path::new("out").join(format!("{}-{seed}", if name.is_empty() { "scenario" } else { name }))
}

fn stamp(scenario: &Scenario, seed: u64) -> RunStamp {
    RunStamp {
        scenario: scenario.name.clone(),
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        start: scenario.start,
    }
}

/// What a run made.
struct Produced {
    outcome: Outcome,
    /// Size of the journal, where the operation study ran.
    journal_bytes: Option<u64>,
    waves: Option<Waves>,
    /// What the dispatch study tells.
    zonal: String,
}

/// Whether what is wished can be had.
fn wished(chosen: Vec<&'static str>, wishes: &Wishes, scenario: &Scenario) -> Result<Vec<&'static str>, String> {
    let plan = &scenario.waveform;
    if (wishes.mitigate || wishes.size || wishes.spec.is_some()) && !chosen.contains(&TRANSIENT) {
        return Err(format!(
            "--mitigate, --size and --spec belong to the study \"{TRANSIENT}\", which is not among those to run"
        ));
    }
    if wishes.shave_peaks && !chosen.contains(&DISPATCH) {
        return Err(format!("--shave-peaks belongs to the study \"{DISPATCH}\", which is not among those to run"));
    }
    if wishes.shave_peaks && scenario.dispatch.as_ref().is_some_and(|plan| plan.tariff.is_none()) {
        return Err("--shave-peaks wants dispatch.tariff: without a bill there are no peaks to shave".to_owned());
    }
    if !wishes.set.is_empty() && plan.specification.is_none() {
        return Err("--set sets numbers of a specification: --spec SPEC, or waveform.specification".to_owned());
    }
    if wishes.size && plan.specification.is_none() && !plan.bounds.bind() {
        return Err(
            "--size wants a specification (--spec SPEC, or waveform.specification), or waveform.swing_limit or \
                    waveform.ramp_limit in the scenario"
                .to_owned(),
        );
    }
    Ok(chosen)
}

/// Simulates and writes everything that makes a result. Dispatch and transient run first: the operation study takes its
/// prices and orders from the one, its waveform from the other.
fn produce(
    loaded: &Loaded,
    given: &str,
    seed: u64,
    folder: &Path,
    chosen: &[&str],
    wishes: &Wishes,
) -> Result<Produced> {
    let zonal = if chosen.contains(&DISPATCH) {
        Some(zonal::zonal(&loaded.scenario, given, seed, folder, wishes.shave_peaks)?)
    } else {
        None
    };
    let scenario = zonal.as_ref().map_or(&loaded.scenario, |zonal| &zonal.handed);
    let waves = if chosen.contains(&TRANSIENT) { Some(waves::waves(scenario, seed, folder, wishes)?) } else { None };
    let figure = |outcome: &Outcome| tieline_files::figure::waveform(outcome, scenario.waveform.settle_s);
    let figures = waves.as_ref().map_or_else(String::new, |waves| {
        let sizes = waves.frontier.as_ref().map_or_else(String::new, |sizes| waves::frontier(scenario, sizes));
        let mitigation = waves
            .mitigation
            .as_ref()
            .map_or_else(String::new, |(table, judged)| tieline_files::figure::mitigation(table, judged));
        let judged = waves::judged(scenario, &waves.summary);
        figure(&waves.outcome) + &judged + &mitigation + &sizes
    });
    let (mut outcome, journal_bytes) = if chosen.contains(&OPERATION) {
        let handed = waves.as_ref().map(|waves| hand_over(scenario, &waves.summary));
        let (mut outcome, bytes) = simulate(loaded, handed.as_ref().unwrap_or(scenario), seed, folder)?;
        if let Some(waves) = &waves {
            let found = waves.outcome.clone();
            outcome.metrics.extend(found.metrics);
            outcome.expectations.extend(found.expectations);
            outcome.findings.extend(found.findings);
        }
        (outcome, Some(bytes))
    } else {
        let outcome = waves.as_ref().map(|waves| waves.outcome.clone());
        let outcome = outcome.or_else(|| zonal.is_some().then(Outcome::default));
        (outcome.ok_or_else(|| anyhow!("no study was chosen"))?, None)
    };
    let told = zonal.as_ref().map_or_else(String::new, |zonal| zonal.told.clone());
    if let Some(zonal) = &zonal {
        dispatch::add(scenario, zonal.metrics.clone(), zonal.findings.clone(), &mut outcome);
    }
    let stamp = stamp(scenario, seed);
    let summary = tieline_files::summary::summary_json(&stamp, &outcome, &scenario.sources);
    write(&folder.join("summary.json"), &summary)?;
    let page = tieline_files::report::report_with(&stamp, scenario, &outcome, &figures);
    write(&folder.join("report.html"), &page)?;
    Ok(Produced { outcome, journal_bytes, waves, zonal: told })
}

/// Runs the operation study with journal and tables below `folder`; returns the journal's size beside the outcome.
fn simulate(loaded: &Loaded, scenario: &Scenario, seed: u64, folder: &Path) -> Result<(Outcome, u64)> {
    let header = Header {
        scenario_digest: digest(loaded.text.as_bytes()),
        seed,
        scenario_name: scenario.name.clone(),
        scenario_text: loaded.text.clone(),
        ..header_of_this_build()
    };
    let path = folder.join("journal.tlj");
    let trouble = Trouble::default();
    let file = File::create(&path).with_context(|| format!("{}", path.display()))?;
    let out = Noticing {
        inner: BufWriter::with_capacity(JOURNAL_BUFFER, file),
        path: path.clone(),
        trouble: trouble.clone(),
    };
    let mut journal = JournalWriter::new(out, &header).with_context(|| format!("{}", path.display()))?;
    let mut tables = Tables { folder, open: BTreeMap::new(), trouble: trouble.clone() };
    let bar = bar();
    let outcome = operate(
        scenario,
        seed,
        &mut journal,
        &mut Outlet {
            sink: &mut |table| tables.take(&table),
            progress: &mut |done| {
                bar.set_position((done * BAR_STEPS as f64) as u64);
                trouble.is_none()
            },
        },
    );
    bar.finish_and_clear();
    if let Some(error) = trouble.take() {
        return Err(error);
    }
    let outcome = outcome.ok_or_else(|| anyhow!("the run was ended early"))?;
    let bytes = journal.bytes();
    if let Err(error) = journal.finish() {
        // What the writer below noticed says more.
        return Err(trouble.take().unwrap_or_else(|| anyhow!("writing {}: {error}", path.display())));
    }
    tables.finish()?;
    if let Some(error) = trouble.take() {
        return Err(error);
    }
    Ok((outcome, bytes))
}

/// A bar on a terminal, nothing in a pipe.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("simulating {wide_bar} {percent:>3} %  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The first thing that went wrong while writing; the simulation looks at it once a simulated minute and stops.
#[derive(Clone, Debug, Default)]
struct Trouble(Rc<RefCell<Option<anyhow::Error>>>);

impl Trouble {
    fn is_none(&self) -> bool {
        self.0.borrow().is_none()
    }

    fn note(&self, error: anyhow::Error) {
        self.0.borrow_mut().get_or_insert(error);
    }

    fn take(&self) -> Option<anyhow::Error> {
        self.0.borrow_mut().take()
    }
}

/// A writer that notes its first failure, because the loop that appends to the journal must not fail.
struct Noticing<W> {
    inner: W,
    path: PathBuf,
    trouble: Trouble,
}

impl<W> Noticing<W> {
    fn notice<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done {
            let again = io::Error::new(error.kind(), error.to_string());
            self.trouble.note(anyhow::Error::new(again).context(format!("writing {}", self.path.display())));
        }
        done
    }
}

impl<W: Write> Write for Noticing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.inner.write(bytes);
        self.notice(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.inner.flush();
        self.notice(done)
    }
}

/// One Parquet file per table, opened at its first block.
struct Tables<'a> {
    folder: &'a Path,
    open: BTreeMap<String, TableWriter<BufWriter<File>>>,
    trouble: Trouble,
}

impl Tables<'_> {
    fn take(&mut self, table: &Table) {
        if self.trouble.is_none()
            && let Err(error) = self.append(table)
        {
            self.trouble.note(error.context(format!("writing {}", self.path(&table.name).display())));
        }
    }

    fn append(&mut self, table: &Table) -> Result<()> {
        if !self.open.contains_key(&table.name) {
            let file = File::create(self.path(&table.name))?;
            let writer = TableWriter::new(BufWriter::with_capacity(TABLE_BUFFER, file), table).map_err(said_once)?;
            self.open.insert(table.name.clone(), writer);
        }
        if let Some(writer) = self.open.get_mut(&table.name) {
            writer.write(table).map_err(said_once)?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.parquet"))
    }

    fn finish(mut self) -> Result<()> {
        for (name, writer) in std::mem::take(&mut self.open) {
            let path = self.path(&name);
            let mut out = writer.finish().map_err(said_once).with_context(|| format!("writing {}", path.display()))?;
            out.flush().with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

/// A table's error says its cause itself; as a chain it would be said again for every link.
fn said_once(error: TableError) -> anyhow::Error {
    anyhow!("{error}")
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// How many times faster than real time.
fn speed(simulated_s: f64, wall: Duration) -> f64 {
    simulated_s / wall.as_secs_f64().max(1e-9)
}
