//! `tieline grid dispatch`: who generates hour by hour at least cost, what is congested, what it costs at each place; what
//! a campus gives up, what that saves, and its bill.
//!
//! Not modelled: anything that `tieline_grid::dispatch`, `fleet` and `bill` do not model.

pub mod campus;
mod commitment;
mod observed;
mod page;
mod shaving;
mod tables;
mod years;

use crate::{Verdict, screen, source, threads};
use anyhow::Result;
pub use shaving::shave;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
pub use tables::{least_margin, summary, tables, write};
use tieline_files::commitment::own;
use tieline_files::dispatch::{Case, Settings, builtin, builtin_names, read};
use tieline_files::network;
use tieline_files::scenario::Mistakes;
use tieline_grid::dispatch::{Dispatch, Failure, Problem, solve};
use tieline_sim::dispatch::{Placed, without};

pub(crate) const MW: f64 = 1e6;
pub(crate) const MWH: f64 = 3.6e9;
pub(crate) const TWH: f64 = 3.6e15;
pub(crate) const PER_MWH: f64 = 1.0 / 3.6e9;
/// An hour in ns.
const HOUR_NS: i64 = 3_600_000_000_000;
/// Shedding and flows within this of nothing, or of their limit, are rounding, W.
const ROUNDING_W: f64 = 1000.0;
/// The solver by its name, for people and for `summary.json`.
pub(crate) const SOLVER: &str = "tieline's interior-point method for zones, storages and links";

/// What may be changed on the command line.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Print JSON.
    pub json: bool,
    /// Folder for the tables.
    pub out: Option<PathBuf>,
    /// Seed of what is drawn; the case's own when left out.
    pub seed: Option<u64>,
    /// Threads; the result does not depend on them.
    pub threads: Option<usize>,
    /// Hours from the case's start; all of them when left out.
    pub hours: Option<usize>,
    /// Years of weather and outages to draw and solve.
    pub years: Option<u32>,
    /// Campuses buy curtailment in the hours that set their bill.
    pub shave_peaks: bool,
    /// Machines are on or off: the gap that a window of the commitment may leave.
    pub commitment: Option<f64>,
}

/// A case with its answer, and the answer with a campus that never gives way.
pub struct Solved {
    /// The answer.
    pub dispatch: Dispatch,
    /// The answer without curtailment, where there is a campus with tiers.
    pub without: Option<Dispatch>,
    /// For each campus, what shaving its peaks came to; empty where it was not asked for.
    pub shaved: Vec<serde_json::Value>,
    /// What commitment came to, and the machines on, hour by hour, of each unit; where it was asked for.
    pub commitment: Option<(serde_json::Value, Vec<u32>)>,
}

/// Solves a case and prints it.
///
/// # Errors
/// A file that cannot be read, a folder that cannot be written.
pub fn dispatch(given: &str, asked: &Asked) -> Result<Verdict> {
    let Some((text, folder)) = text(given)? else { return Ok(Verdict::Usage) };
    let threads = asked.threads.unwrap_or_else(threads::cores).clamp(1, 64);
    let settings = Settings { seed: asked.seed, ..Settings::default() };
    let settings = match (asked.hours, case(given, &text, folder.as_deref(), &settings)) {
        (Some(hours), Ok(case)) => {
            if hours == 0 || hours > case.problem.hours {
                eprintln!("tieline: --hours {hours}: expected 1 to {}, the hours of {given}", case.problem.hours);
                return Ok(Verdict::Usage);
            }
            Settings { window: Some((case.start, hours, case.offset)), ..settings }
        }
        _ => settings,
    };
    if let Some(years) = asked.years {
        if asked.shave_peaks {
            eprintln!("tieline: --shave-peaks looks at one year's bill; leave --years away");
            return Ok(Verdict::Usage);
        }
        if asked.commitment.is_some() {
            eprintln!("tieline: --commitment goes through one year; leave --years away");
            return Ok(Verdict::Usage);
        }
        return years::years(given, &text, folder.as_deref(), &settings, (years, threads), asked);
    }
    let case = match case(given, &text, folder.as_deref(), &settings) {
        Ok(case) => case,
        Err(mistakes) => {
            source::say_mistakes(&mistakes);
            return Ok(Verdict::No);
        }
    };
    if asked.shave_peaks && !case.campuses.iter().any(|campus| campus.tariff.is_some() && !campus.units.is_empty()) {
        eprintln!("tieline: --shave-peaks: {} has no campus with tiers and a tariff", case.name);
        return Ok(Verdict::Usage);
    }
    if asked.commitment.is_some() && (asked.shave_peaks || !commitment::has_machines(&case.problem)) {
        let why = if asked.shave_peaks {
            "one of --commitment and --shave-peaks"
        } else {
            "units with least, start_cost, least_up or least_down"
        };
        eprintln!("tieline: --commitment: expected {why}");
        return Ok(Verdict::Usage);
    }
    let begun = Instant::now();
    let solved = solved(&case, threads, asked.commitment.is_none());
    let solved = match solved.and_then(|plain| match asked.commitment {
        Some(gap) => commitment::committed(&case, &plain, gap),
        None if asked.shave_peaks => shave(&case, plain, threads),
        None => Ok(plain),
    }) {
        Ok(solved) => solved,
        Err(failure) => {
            eprintln!("tieline: {}: {}", case.name, failure.words(&case.problem));
            return Ok(Verdict::No);
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let summary = summary(&case, &solved);
    if let Some(out) = &asked.out {
        write(out, &case, &solved, &summary)?;
    }
    let text = if asked.json {
        serde_json::to_string_pretty(&summary)? + "\n"
    } else {
        let mut text = page::page(&case, &solved, &summary, seconds);
        if let Some(out) = &asked.out {
            let _ = writeln!(text, "\ntables in {}", out.display());
        }
        text
    };
    screen::answer(&text, Verdict::Yes)
}

/// Reads a case; its series is looked for beside it.
///
/// # Errors
/// All mistakes of the file.
pub fn case(given: &str, text: &str, folder: Option<&Path>, settings: &Settings) -> Result<Case, Mistakes> {
    let mut open = |reference: &str| match folder {
        Some(folder) => source::open_ordinary(&folder.join(reference)),
        None => Err(std::io::Error::other("a built-in case has no file beside it")),
    };
    read(given, text, settings, &mut open)
}

/// Where the campuses of a case stand.
pub fn placed(case: &Case) -> impl Iterator<Item = Placed> {
    case.campuses.iter().map(|campus| Placed {
        zone: campus.zone,
        units: campus.units.clone(),
        power_w: campus.power_w,
    })
}

/// Solves a case, and again with a campus that never gives way where there is one and `both` is wished.
///
/// # Errors
/// Why there is no dispatch.
pub fn solved(case: &Case, threads: usize, both: bool) -> Result<Solved, Failure> {
    let spread = threads::on_threads(threads);
    let dispatch = solve(&case.problem, &spread)?;
    let firm: Option<Problem> = case
        .campuses
        .iter()
        .any(|campus| both && !campus.units.is_empty())
        .then(|| placed(case).fold(case.problem.clone(), |problem, placed| without(&problem, &placed)));
    let without = firm.map(|firm| solve(&firm, &spread)).transpose()?;
    Ok(Solved { dispatch, without, shaved: Vec::new(), commitment: None })
}

/// The text of a built-in case or of a file, with the file's folder.
pub fn text(given: &str) -> Result<Option<(String, Option<PathBuf>)>> {
    if let Some(text) = builtin(given) {
        return Ok(Some((text.to_owned(), None)));
    }
    if !source::is_path(given) {
        eprintln!(
            "tieline: no built-in grid is called \"{given}\"; there are {}; a file is given by its path",
            builtin_names().join(", ")
        );
        return Ok(None);
    }
    let path = Path::new(given);
    let text = source::read_text(path)?;
    let other = if network::is_network(&text) {
        Some(("a network of buses", "pf, opf or realtime"))
    } else if own::is_case(&text) {
        Some(("a case of unit commitment", "uc"))
    } else {
        None
    };
    if let Some((what, study)) = other {
        eprintln!(
            "{given}: found {what}, expected a grid of zones ([[zone]], [[unit]]); it is for tieline grid {study}"
        );
        return Ok(None);
    }
    Ok(Some((text, Some(path.parent().map_or_else(PathBuf::new, Path::to_path_buf)))))
}
