//! The shipped day as a user runs it: a process of its own, with journal, tables and report on disk.
//!
//! Not modelled: a cold disk cache.

use super::Figure;
use crate::{machine, source};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The scenario that the figures are about.
const SCENARIO: &str = "colossus-2";
const MB: f64 = 1e6;

/// Time, peak memory and journal of one day.
pub fn day() -> Result<Vec<Figure>> {
    let folder = Scratch::new()?;
    let out = folder.path.join("day");
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["run", SCENARIO, "--study", "operation", "--out"])
        .arg(&out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting a run")?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(machine::peak_memory(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().context("waiting for the run")? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let seconds = start.elapsed().as_secs_f64();
    // A failed expectation also ends with 1 and is still a complete run; without a journal there is nothing to measure.
    let journal = out.join("journal.tlj");
    let Ok(size) = std::fs::metadata(&journal).map(|data| data.len()) else {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said).context("reading what the run said")?;
        }
        bail!("the run of {SCENARIO} ended with {status}: {said}");
    };
    let note = |what: &str| format!("{SCENARIO}, {what}");
    Ok(vec![
        Figure::lower("operation.day", seconds, "s", 15.0, note("whole command: simulate, journal, tables, report")),
        Figure::lower(
            "operation.day_memory",
            peak as f64 / MB,
            "MB",
            200.0,
            note("peak resident memory of the process"),
        ),
        Figure::lower("operation.journal", size as f64 / MB, "MB", 600.0, note("size of journal.tlj")),
    ])
}

/// Reading the shipped scenario and adding up its megawatts.
pub fn check() -> Result<Vec<Figure>> {
    let mut best_ms = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        let Ok(read) = source::load(SCENARIO)? else { bail!("{SCENARIO} does not read") };
        std::hint::black_box(tieline_sim::check::check(&read.scenario));
        best_ms = best_ms.min(start.elapsed().as_secs_f64() * 1e3);
    }
    let note = format!("{SCENARIO}, from text to findings, best of 10");
    Ok(vec![Figure::lower("check", best_ms, "ms", 50.0, note)])
}

/// A folder of our own that goes away with the value.
pub(super) struct Scratch {
    pub(super) path: PathBuf,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("tieline-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        eprintln!("tieline: {} stays: {error}", path.display());
    }
}
