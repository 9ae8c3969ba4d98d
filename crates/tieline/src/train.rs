//! `tieline train`: step time, layout, goodput, finish and the price of a curtailment of a scenario's training run.
//!
//! Not modelled: anything that `tieline_campus::training` does not model.

mod page;

use crate::{Verdict, screen, source};
use anyhow::{Context, Result};
use std::num::NonZeroU32;
use std::path::PathBuf;
use tieline_campus::training::goodput::{self, Checkpoint, Hazard};
use tieline_sim::train::study;

/// Most threads that a Monte Carlo uses.
const MOST_THREADS: u32 = 64;

/// What may be changed on the command line.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Print JSON.
    pub json: bool,
    /// Folder for `train.json` and `train.html`.
    pub out: Option<PathBuf>,
    /// Seed; the scenario's own when left out.
    pub seed: Option<u64>,
    /// Curtailment: depth in percent.
    pub depth: Option<f64>,
    /// Its length, hours.
    pub hours: Option<f64>,
    /// Its notice, minutes.
    pub notice: Option<f64>,
}

/// Prints one page, or JSON; writes both and the charts where a folder was named.
///
/// # Errors
/// A file that cannot be read or written.
pub fn train(given: &str, asked: &Asked) -> Result<Verdict> {
    let mut loaded = match source::load(given)? {
        Ok(loaded) => loaded,
        Err(verdict) => return Ok(verdict),
    };
    if let Err(why) = change(&mut loaded.scenario, asked) {
        eprintln!("tieline: {why}");
        return Ok(Verdict::Usage);
    }
    let scenario = &loaded.scenario;
    let study = match study(scenario, asked.seed.unwrap_or(scenario.seed), &times_s) {
        Ok(study) => study,
        Err(mistakes) => {
            for mistake in mistakes {
                eprintln!("tieline: {given}: {mistake}");
            }
            return Ok(Verdict::No);
        }
    };
    let json = serde_json::to_string_pretty(&study)? + "\n";
    let mut told = page::tell(&study, &scenario.title);
    if let Some(out) = &asked.out {
        std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
        let html = tieline_files::training::page(&study, &scenario.title, env!("CARGO_PKG_VERSION"));
        for (name, text) in [("train.json", &json), ("train.html", &html)] {
            let path = out.join(name);
            std::fs::write(&path, text).with_context(|| format!("{}", path.display()))?;
        }
        told.push_str(&format!("\nCharts and numbers: {}\n", out.join("train.html").display()));
    }
    screen::answer(if asked.json { &json } else { &told }, Verdict::Yes)
}

/// Puts the curtailment of the command line into the scenario.
fn change(scenario: &mut tieline_sim::scenario::Scenario, asked: &Asked) -> Result<(), String> {
    // A depth or a length of nothing asks nothing; no notice at all is a fair question.
    let within = |name: &str, value: Option<f64>, most: f64| match value {
        Some(v) if !(v.is_finite() && v >= 0.0 && v <= most && (v > 0.0 || name == "notice")) => {
            let least = if name == "notice" { "at least 0" } else { "more than 0" };
            Err(format!("--{name} {v}: expected {least}, at most {most}"))
        }
        other => Ok(other),
    };
    let depth = within("depth", asked.depth, 100.0)?;
    let hours = within("hours", asked.hours, 8760.0)?;
    let notice = within("notice", asked.notice, 525_600.0)?;
    if let Some(plan) = &mut scenario.training {
        let (was_depth, was_s, was_notice_s) = plan.curtailment;
        plan.curtailment = (
            depth.map_or(was_depth, |percent| percent / 100.0),
            hours.map_or(was_s, |hours| hours * 3600.0),
            notice.map_or(was_notice_s, |minutes| minutes * 60.0),
        );
    }
    Ok(())
}

/// Times of runs `0..runs`, s, cut over the threads that there are; in order of the samples, whatever their number.
pub fn times_s(hazard: &Hazard, checkpoint: &Checkpoint, work_s: f64, seed: u64, runs: u32) -> Vec<f64> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u32).clamp(1, MOST_THREADS);
    let each = runs.div_ceil(NonZeroU32::new(threads).map_or(1, NonZeroU32::get));
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                let samples = (thread * each).min(runs)..((thread + 1) * each).min(runs);
                scope.spawn(move || goodput::times_s(hazard, checkpoint, work_s, seed, samples))
            })
            .collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}
