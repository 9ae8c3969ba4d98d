//! `tieline grid`: power flow and optimal power flow on a planner's case file.
//!
//! Not modelled: unit commitment, dispatch, adequacy and frequency; they come with their rooms.

mod losses;
mod opf;
mod pf;
pub mod realtime;
pub mod source;

use crate::{Verdict, dispatch, screen};
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use std::path::PathBuf;
use tieline_grid::network::direct::Convention;

/// Which grid study.
#[derive(Subcommand)]
pub enum Study {
    /// AC power flow of a case file: voltages, loading, losses; N-1; headroom for a campus.
    Pf(Pf),
    /// DC optimal power flow: outputs, cost, prices split into energy and congestion; what must give if impossible.
    Opf(Opf),
    /// A day in five-minute steps between commitments: who is told what and why, prices, congestion, shortage.
    Realtime(realtime::Realtime),
    /// Who generates in every hour at least cost: zones, units, storages and links, with a certified gap.
    Dispatch {
        /// Built-in grid (three-zones) or path of a TOML file.
        case: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Folder for the tables (Parquet) and summary.json.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Seed of sun, wind and outages; the case's own when left out.
        #[arg(long)]
        seed: Option<u64>,
        /// Threads; as many as there are cores when left out. The result does not depend on them.
        #[arg(long)]
        threads: Option<usize>,
    },
}

/// Options of the power flow.
#[derive(Args)]
pub struct Pf {
    /// MATPOWER case, `.m` or `.m.gz`, or a folder of RTS-GMLC tables.
    case: PathBuf,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Lose every branch and every generator in turn: what is cut off, what is overloaded.
    #[arg(long = "n-1")]
    n_1: bool,
    /// Lose every pair of branches.
    #[arg(long = "n-2")]
    n_2: bool,
    /// MW that a new campus may draw at this bus, and what its loss does.
    #[arg(long, value_name = "BUS")]
    headroom: Option<u64>,
    /// Power factor of that campus, lagging.
    #[arg(long, default_value_t = 0.98)]
    power_factor: f64,
    /// Let generators give any reactive power.
    #[arg(long)]
    free_reactive: bool,
    #[command(flatten)]
    wants: Wants,
}

/// Options of the optimal power flow.
#[derive(Args)]
pub struct Opf {
    /// MATPOWER case, `.m` or `.m.gz`, or a folder of RTS-GMLC tables.
    case: PathBuf,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Susceptance of a branch: pm = x/(r^2+x^2), taps and shifts ignored; mp = 1/(x tap), shifts honoured.
    #[arg(long, value_enum, default_value_t = Named::Mp)]
    convention: Named,
    #[command(flatten)]
    wants: Wants,
}

/// How the answer is wanted.
#[derive(Args)]
struct Wants {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Folder for the answer as JSON and text.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The conventions by name.
#[derive(Clone, Copy, ValueEnum)]
enum Named {
    /// PowerModels, the PGLib baseline.
    Pm,
    /// MATPOWER, Egret, pandapower.
    Mp,
}

impl From<Named> for Convention {
    fn from(named: Named) -> Self {
        match named {
            Named::Pm => Self::Pm,
            Named::Mp => Self::Mp,
        }
    }
}

/// Runs a grid study.
///
/// # Errors
/// A file that cannot be read or written.
pub fn grid(study: &Study) -> Result<Verdict> {
    match study {
        Study::Pf(asked) => pf::pf(asked),
        Study::Opf(asked) => opf::opf(asked),
        Study::Realtime(asked) => realtime::realtime(asked),
        Study::Dispatch { case, json, out, seed, threads } => {
            let asked = dispatch::Asked { json: *json, out: out.clone(), seed: *seed, threads: *threads };
            dispatch::dispatch(case, &asked)
        }
    }
}

/// Prints the answer, and writes it where a folder was named.
fn tell(wants: &Wants, name: &str, text: &str, json: &Value, verdict: Verdict) -> Result<Verdict> {
    let json = serde_json::to_string_pretty(json)? + "\n";
    if let Some(out) = &wants.out {
        std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
        for (ending, content) in [("json", json.as_str()), ("txt", text)] {
            let path = out.join(format!("{name}.{ending}"));
            std::fs::write(&path, content).with_context(|| format!("{}", path.display()))?;
        }
    }
    screen::answer(if wants.json { &json } else { text }, verdict)
}

/// A number or nothing: JSON has no NaN and no infinity.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Megawatts for people.
fn mw(watts: f64) -> String {
    let value = watts / 1e6;
    if value.abs() >= 999.95 { screen::number(value) } else { format!("{value:.1}") }
}
