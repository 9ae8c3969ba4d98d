//! A year of zonal dispatch beside PyPSA and HiGHS: the same case file, each in a process of its own.
//!
//! The case is drawn here and written as a grid TOML with its CSV; both programs read those files, so the draws are the
//! same in both languages. Our time includes reading them and writing the tables; the peer's includes importing PyPSA,
//! as a planner's own run does, and writes nothing.
//!
//! Not modelled: a cold disk cache, several peers, other sizes.

use super::day::Scratch;
use super::{Figure, peers};
use crate::machine;
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tieline_units::{Draw, Purpose};

const HOURS: usize = 8760;
const ZONES: usize = 10;
const THERMAL: usize = 160;
const RENEWABLE: usize = 40;
const SEED: u64 = 1;
const MB: f64 = 1e6;
/// Time of PyPSA 1.4 with HiGHS 1.16 on a free core of the machine that set the target, s: a tenth of it is ours.
const PEER_S: f64 = 43.9;
/// Agreement of the two objectives that is asked for, relative.
const AGREEMENT: f64 = 1e-6;
const SCRIPT: &str = include_str!("../../../../benches/peers/year_lp.py");

/// Years of `pjm-like` that the figure is measured over, and what we hold ourselves to: a hundred in ten minutes.
const WEATHER_YEARS: u32 = 8;
/// See `WEATHER_YEARS`; s for a hundred years.
const HUNDRED_S: f64 = 600.0;

/// Time of a hundred years of weather and outages in `pjm-like`, from eight.
pub fn weather_years() -> Result<Vec<Figure>> {
    let own = std::env::current_exe().context("our own path")?;
    let years = WEATHER_YEARS.to_string();
    let begun = Instant::now();
    let done = Command::new(own)
        .args(["grid", "dispatch", "pjm-like", "--years", &years, "--json"])
        .stdout(Stdio::null())
        .status()
        .context("the command")?;
    if !done.success() {
        bail!("grid dispatch pjm-like --years {years} failed");
    }
    let seconds = begun.elapsed().as_secs_f64() * 100.0 / f64::from(WEATHER_YEARS);
    let note = format!("a hundred years, from {years}; 8,760 h and 12 zones each, drawn, solved and summed up");
    Ok(vec![Figure::lower("dispatch.weather_years", seconds, "s", HUNDRED_S, note)])
}

/// Time, memory and ratio.
pub fn year_lp() -> Result<Vec<Figure>> {
    let folder = Scratch::new()?;
    let case = write_case(&folder.path)?;
    let ours = ours(&case, &folder.path.join("out"))?;
    let size =
        format!("{HOURS} h, {ZONES} zones, {} generators, {ZONES} batteries, 15 links", THERMAL + RENEWABLE + ZONES);
    let note = format!(
        "{size}; whole command, reading and writing included; {:.0} iterations, gap {:.1e}",
        ours.iterations, ours.gap
    );
    let mut figures = vec![
        Figure::lower("dispatch.year_lp", ours.seconds, "s", PEER_S / 10.0, note),
        Figure::lower(
            "dispatch.year_lp_memory",
            ours.peak as f64 / MB,
            "MB",
            300.0,
            "peak resident memory of the process".to_owned(),
        ),
        Figure::lower("dispatch.year_lp_gap", ours.gap, "", 1e-8, "certified relative gap".to_owned()),
    ];
    let (ratio, note) = match peer(&case)? {
        None => (
            f64::NAN,
            "the peer is absent: ./x peers installs PyPSA and HiGHS, or TIELINE_PEERS names their python".to_owned(),
        ),
        Some(peer) => {
            let apart = (ours.cost_usd - peer.objective_usd).abs() / peer.objective_usd;
            if apart.is_nan() || apart > AGREEMENT {
                bail!(
                    "PyPSA finds {:.3} $, we find {:.3} $ (bound {:.3} $)",
                    peer.objective_usd,
                    ours.cost_usd,
                    ours.bound_usd
                );
            }
            let note = format!(
                "ours over PyPSA {} with HiGHS simplex in this run: {:.1} s, {:.0} MB; objectives {apart:.1e} apart",
                peer.version, peer.seconds, peer.peak_mb
            );
            (ours.seconds / peer.seconds, note)
        }
    };
    figures.insert(0, Figure::lower("dispatch.year_lp_ratio", ratio, "", 0.1, note));
    Ok(figures)
}

struct Ours {
    seconds: f64,
    peak: u64,
    cost_usd: f64,
    bound_usd: f64,
    gap: f64,
    iterations: f64,
}

fn ours(case: &Path, out: &Path) -> Result<Ours> {
    let start = Instant::now();
    let mut child = Command::new(std::env::current_exe().context("finding this program")?)
        .args(["grid", "dispatch"])
        .arg(case)
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .spawn()
        .context("starting the dispatch")?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(machine::peak_memory(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().context("waiting for the dispatch")? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("the dispatch ended with {status}");
    }
    let summary = std::fs::read_to_string(out.join("summary.json")).context("reading summary.json")?;
    let summary: serde_json::Value = serde_json::from_str(&summary).context("reading summary.json")?;
    let metric = |name: &str| summary["metrics"][name].as_f64().with_context(|| format!("summary.json has no {name}"));
    Ok(Ours {
        seconds,
        peak,
        cost_usd: metric("dispatch.cost_usd")?,
        bound_usd: metric("dispatch.bound_usd")?,
        gap: metric("dispatch.gap")?,
        iterations: metric("dispatch.iterations")?,
    })
}

struct Peer {
    seconds: f64,
    peak_mb: f64,
    objective_usd: f64,
    version: String,
}

fn peer(case: &Path) -> Result<Option<Peer>> {
    let Some(answer) = peers::ask(SCRIPT, &[case])? else { return Ok(None) };
    Ok(Some(Peer {
        seconds: answer.seconds,
        peak_mb: answer.number("peak_mb")?,
        objective_usd: answer.number("objective_usd")?,
        version: answer.version("pypsa"),
    }))
}

/// Draws the case: ten zones on a ring with chords, their loads, fleets, sun and wind, batteries.
fn write_case(folder: &Path) -> Result<PathBuf> {
    let draw = Draw::new(SEED, 0);
    let uniform = |asset: usize, event: usize| draw.uniform(asset as u32, Purpose::Campaign, event as u64);
    let between = |low: f64, high: f64, asset: usize, event: usize| low + (high - low) * uniform(asset, event);
    let mut text = String::from(
        "schema = 1\nname = \"year-lp\"\ntitle = \"ten zones, drawn\"\nstart = \"2026-01-01T00:00:00Z\"\nhours = 8760\n\
         series = \"series.csv\"\nshed_price = \"3000 $/MWh\"\nsource = \"guess: drawn by tieline bench\"\n",
    );
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    let peaks: Vec<f64> = (0..ZONES).map(|zone| between(6000.0, 20_000.0, zone, 0)).collect();
    for (zone, peak) in peaks.iter().enumerate() {
        let load = |hour: usize| {
            let day = (std::f64::consts::TAU * (hour as f64 / 24.0 - 0.35)).sin();
            let year = (2.0 * std::f64::consts::TAU * hour as f64 / 8760.0).cos();
            peak * (0.66 + 0.14 * day + 0.1 * year + 0.1 * uniform(100 + zone, hour))
        };
        columns.push((format!("z{zone}_load_mw"), (0..HOURS).map(load).collect()));
        let _ = writeln!(text, "[[zone]]\nname = \"z{zone}\"\nload = \"z{zone}_load_mw\"");
    }
    let sizes: Vec<f64> = (0..THERMAL).map(|unit| between(0.4, 1.6, 1000 + unit, 0)).collect();
    let scale = 1.25 * peaks.iter().sum::<f64>() / sizes.iter().sum::<f64>();
    for (unit, size) in sizes.iter().enumerate() {
        let cost = between(8.0, 120.0, 1000 + unit, 1);
        let _ = writeln!(
            text,
            "[[unit]]\nname = \"t{unit}\"\nclass = \"thermal\"\nzone = \"z{}\"\ncapacity = \"{} MW\"\ncost = \"{cost} $/MWh\"",
            unit % ZONES,
            size * scale
        );
    }
    for unit in 0..RENEWABLE {
        let sun = unit % 2 == 0;
        let share = |hour: usize| {
            let height = (std::f64::consts::TAU * (hour as f64 / 24.0 - 0.25)).sin().max(0.0);
            let gust = |block: usize| uniform(3000 + unit, 100_000 + block);
            let (before, part) = (hour / 6, (hour % 6) as f64 / 6.0);
            let wind = gust(before) * (1.0 - part) + gust(before + 1) * part;
            if sun { height * (1.0 - 0.7 * uniform(3000 + unit, hour / 24)) } else { wind }
        };
        columns.push((format!("v{unit}"), (0..HOURS).map(share).collect()));
        let _ = writeln!(
            text,
            "[[unit]]\nname = \"v{unit}\"\nclass = \"{}\"\nzone = \"z{}\"\ncapacity = \"{} MW\"\ncost = \"0 $/MWh\"\nprofile = \"v{unit}\"",
            if sun { "sun" } else { "wind" },
            unit % ZONES,
            between(300.0, 1500.0, 2000 + unit, 0)
        );
    }
    for zone in 0..ZONES {
        let _ = writeln!(
            text,
            "[[store]]\nname = \"s{zone}\"\nzone = \"z{zone}\"\npower = \"800 MW\"\nenergy = \"3200 MWh\"\n\
             charge_efficiency = \"93 %\"\ndischarge_efficiency = \"93 %\""
        );
    }
    let ring = (0..ZONES).map(|zone| (zone, (zone + 1) % ZONES, 2000));
    let chords = (0..ZONES / 2).map(|zone| (zone, zone + ZONES / 2, 1000));
    for (link, (from, to, limit)) in ring.chain(chords).enumerate() {
        let _ =
            writeln!(text, "[[link]]\nname = \"l{link}\"\nfrom = \"z{from}\"\nto = \"z{to}\"\nlimit = \"{limit} MW\"");
    }
    let names: Vec<&str> = columns.iter().map(|column| column.0.as_str()).collect();
    let mut csv = names.join(",") + "\n";
    for hour in 0..HOURS {
        for (index, (_, values)) in columns.iter().enumerate() {
            let _ = write!(csv, "{}{:.4}", if index == 0 { "" } else { "," }, values[hour]);
        }
        csv.push('\n');
    }
    std::fs::write(folder.join("series.csv"), csv).context("writing the series")?;
    let case = folder.join("case.toml");
    std::fs::write(&case, text).context("writing the case")?;
    Ok(case)
}
