//! Unit commitment beside PGLib-UC's own formulation in Pyomo and HiGHS: one published case, each in a process of its own.
//!
//! Both read the file; both stop at a gap of 1e-4, on one thread. Our time includes writing nothing but the summary; the
//! peer's includes importing Pyomo, as a planner's own run does.
//!
//! Under other luck of HiGHS both take other times: `dispatch.seeds` says how far apart.
//!
//! Not modelled: other cases, other solvers, more threads.

use super::{Figure, peers};
use anyhow::{Context, Result, anyhow, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tieline_files::commitment::read;
use tieline_grid::commitment::{Options, Outcome, solve};

const SCRIPT: &str = include_str!("../../../../benches/peers/uc_pglib.py");
/// The case, below the data folder.
const CASE: &str = "pglib_uc/rts_gmlc/2020-07-06.json.gz";
const GAP: f64 = 1e-4;
/// What we hold ourselves to, over the peer's time.
const TARGET: f64 = 0.33;

/// Time, gap and ratio.
pub fn uc() -> Result<Vec<Figure>> {
    let Some(case) = case() else {
        let note = format!("needs {CASE} in the data folder (TIELINE_DATA)");
        return Ok(["dispatch.uc_ratio", "dispatch.uc", "dispatch.uc_gap"]
            .map(|name| Figure::lower(name, f64::NAN, "", TARGET, note.clone()))
            .to_vec());
    };
    let start = Instant::now();
    let done = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["grid", "uc", "--json", "--gap"])
        .arg(GAP.to_string())
        .arg(&case)
        .stdin(Stdio::null())
        .output()
        .context("starting the unit commitment")?;
    let seconds = start.elapsed().as_secs_f64();
    if !done.status.success() {
        bail!("the unit commitment ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    let ours: serde_json::Value = serde_json::from_slice(&done.stdout).context("reading its answer")?;
    let metric = |name: &str| ours["metrics"][name].as_f64().with_context(|| format!("the answer has no {name}"));
    let (cost_usd, bound_usd, gap) = (metric("uc.cost_usd")?, metric("uc.bound_usd")?, metric("uc.gap")?);
    let size = "73 thermal and 81 renewable units, 48 h; whole command, reading included";
    let mut figures = vec![
        Figure::lower("dispatch.uc", seconds, "s", 13.1, size.to_owned()),
        Figure::lower("dispatch.uc_gap", gap, "", GAP, format!("cost {cost_usd:.2} $, bound {bound_usd:.2} $")),
    ];
    let (ratio, note) = match peer(&case, 0)? {
        None => {
            let hint = "the peer is absent: ./x peers installs Pyomo and HiGHS, or TIELINE_PEERS names their python";
            (f64::NAN, hint.to_owned())
        }
        Some(peer) => {
            // Each value lies above the other's bound, or one of the two formulations is wrong.
            let slack = 1e-7 * cost_usd.abs();
            if cost_usd < peer.bound_usd - slack || peer.objective_usd < bound_usd - slack {
                bail!(
                    "the peer finds {:.2} $ above {:.2} $, we find {cost_usd:.2} $ above {bound_usd:.2} $",
                    peer.objective_usd,
                    peer.bound_usd
                );
            }
            let note = format!(
                "ours over PGLib-UC's formulation in Pyomo with HiGHS in this run: {:.1} s, {:.2} $ above {:.2} $",
                peer.seconds, peer.objective_usd, peer.bound_usd
            );
            (seconds / peer.seconds, note)
        }
    };
    figures.insert(0, Figure::lower("dispatch.uc_ratio", ratio, "", TARGET, note));
    Ok(figures)
}

/// Seeds of HiGHS that the spread is taken over.
const SEEDS: [i32; 3] = [0, 1, 2];

/// Processor time of this process so far, s; nothing where the system does not tell it.
fn processor_s() -> Option<f64> {
    // Fields 14 and 15 behind the name in brackets: user and system time in hundredths of a second (proc(5)).
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Times under other luck of HiGHS: the search branches otherwise, so that one time alone says little. Processor time, so that what
/// else the machine does counts little.
///
/// Ours is the search alone (reading takes a tenth of a second), the peer's its whole process.
pub fn seeds() -> Result<Vec<Figure>> {
    let names = ["dispatch.seeds", "dispatch.seeds_peer"];
    let Some(case) = case() else {
        let note = format!("needs {CASE} in the data folder (TIELINE_DATA)");
        return Ok(names.map(|name| Figure::lower(name, f64::NAN, "", f64::NAN, note.clone())).to_vec());
    };
    let bytes = std::fs::File::open(&case).with_context(|| case.display().to_string())?;
    let problem = match read(CASE, bytes) {
        Ok(read) => read.problem,
        Err(mistakes) => bail!("{mistakes}"),
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for seed in SEEDS {
        let (start, before_s) = (Instant::now(), processor_s());
        let options = Options { gap: GAP, seed, ..Options::default() };
        match solve(&problem, &options).map_err(|why| anyhow!(why))? {
            Outcome::Solved(plan) => {
                let spent_s = processor_s().zip(before_s).map(|(after_s, before_s)| after_s - before_s);
                ours.push((spent_s.unwrap_or_else(|| start.elapsed().as_secs_f64()), plan.usd(), plan.gap));
            }
            Outcome::Infeasible(_) => bail!("no schedule"),
        }
        if let Some(peer) = peer(&case, seed)? {
            theirs.push((peer.processor_s, peer.objective_usd, 1.0 - peer.bound_usd / peer.objective_usd));
        }
    }
    let figure = |name: &str, runs: &[(f64, f64, f64)]| {
        let most = runs.iter().map(|run| run.0).fold(f64::NAN, f64::max);
        let least = runs.iter().map(|run| run.0).fold(f64::NAN, f64::min);
        let told: Vec<String> =
            runs.iter().map(|(seconds, usd, gap)| format!("{seconds:.1} s to {usd:.2} $, gap {gap:.1e}")).collect();
        let note = if runs.is_empty() { "the peer is absent: ./x peers".to_owned() } else { told.join("; ") };
        Figure::lower(
            name,
            most / least,
            "",
            f64::INFINITY,
            format!("slowest over fastest of {} seeds, processor time: {note}", runs.len()),
        )
    };
    Ok(vec![figure(names[0], &ours), figure(names[1], &theirs)])
}

/// The case where the data folder has it: TIELINE_DATA, else beside the checkout.
fn case() -> Option<PathBuf> {
    let named = std::env::var_os("TIELINE_DATA").filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named.unwrap_or_else(|| PathBuf::from("../shared/data"));
    Some(folder.join(CASE)).filter(|case| case.is_file())
}

struct Peer {
    seconds: f64,
    processor_s: f64,
    objective_usd: f64,
    bound_usd: f64,
}

fn peer(case: &Path, seed: i32) -> Result<Option<Peer>> {
    let arguments = [case.as_os_str(), GAP.to_string().as_ref(), seed.to_string().as_ref()].map(OsStr::to_owned);
    let Some(answer) = peers::ask(SCRIPT, &arguments)? else { return Ok(None) };
    let (objective_usd, bound_usd) = (answer.number("objective_usd")?, answer.number("bound_usd")?);
    let processor_s = answer.number("processor_s")?;
    Ok(Some(Peer { seconds: answer.seconds, processor_s, objective_usd, bound_usd }))
}
