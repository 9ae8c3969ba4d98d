//! Peers in Python: one script with its arguments, in a process of its own, whose last line is the answer as JSON.
//!
//! Not modelled: a peer that uses more than one thread, one that runs on.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a peer said, and how long its whole process took.
pub(super) struct Answer {
    /// Wall time from start to end, s.
    pub(super) seconds: f64,
    said: Value,
}

impl Answer {
    /// A number of the answer.
    ///
    /// # Errors
    /// The peer did not say it.
    pub(super) fn number(&self, key: &str) -> Result<f64> {
        self.said[key].as_f64().with_context(|| format!("the peer did not say {key}"))
    }

    /// The version that it names for one of its packages.
    pub(super) fn version(&self, package: &str) -> String {
        self.said["versions"][package].as_str().unwrap_or("of unknown version").to_owned()
    }
}

/// The python that `./x peers` made: beside the build, or where TIELINE_PEERS says.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TIELINE_PEERS").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("peers/bin/python"));
    named.or_else(beside).filter(|python| python.is_file())
}

/// Runs a script; `None` where no peer is installed.
///
/// # Errors
/// A peer that fails, or whose last line is no JSON.
pub(super) fn ask<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Result<Option<Answer>> {
    let Some(python) = python() else { return Ok(None) };
    let start = Instant::now();
    let done = Command::new(&python)
        .args(["-c", script])
        .args(arguments)
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", python.display()))?;
    let seconds = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&done.stdout);
    let said: Option<Value> = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let Some(said) = said.filter(|_| done.status.success()) else {
        bail!("the peer ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    };
    Ok(Some(Answer { seconds, said }))
}
