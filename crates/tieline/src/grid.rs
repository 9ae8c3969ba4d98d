//! `tieline grid`: power flow, optimal power flow and unit commitment on a planner's case file, and dispatch.
//!
//! Not modelled: adequacy and frequency; they come with their rooms.

mod losses;
mod opf;
pub mod own;
mod pf;
pub mod realtime;
pub mod source;
pub mod uc;

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
    /// Which units run when: unit commitment of a case (our TOML, PGLib-UC, Egret, a day of RTS-GMLC), with its cost, bound and gap.
    Uc(Uc),
    /// A day in five-minute steps between commitments: who is told what and why, prices, congestion, shortage.
    Realtime(realtime::Realtime),
    /// Who generates in every hour at least cost: zones, units, storages and links, with a certified gap.
    Dispatch {
        /// Built-in grid (pjm-like, rts-79, three-zones, tva-like) or path of a TOML file.
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
        /// Hours from the start of the case; all when left out.
        #[arg(long)]
        hours: Option<usize>,
        /// Draw and solve so many years of weather and outages; P10, P50 and P90 with their errors.
        #[arg(long)]
        years: Option<u32>,
        /// Campuses with a tariff buy curtailment in the hours that set their capacity and transmission charges.
        #[arg(long)]
        shave_peaks: bool,
        /// Machines are on or off, with starts, least outputs and least times; two days at a time, of which one is kept.
        #[arg(long)]
        commitment: bool,
        /// Gap between cost and bound that a window of the commitment may leave, relative.
        #[arg(long, default_value_t = 5e-3, requires = "commitment")]
        gap: f64,
    },
}

/// Options of the power flow.
#[derive(Args)]
pub struct Pf {
    /// Network: MATPOWER case (`.m`) or own TOML, plain or `.gz`; folder of own Parquet tables or of RTS-GMLC's.
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
    /// Highest rating of a branch that counts after a loss; before it the normal one does.
    #[arg(long, value_enum, value_name = "RATING", default_value_t = losses::AfterOutage::ShortTerm)]
    after_outage: losses::AfterOutage,
    /// Let generators give any reactive power.
    #[arg(long)]
    free_reactive: bool,
    #[command(flatten)]
    wants: Wants,
}

/// Options of the optimal power flow.
#[derive(Args)]
pub struct Opf {
    /// Network: MATPOWER case (`.m`) or own TOML, plain or `.gz`; folder of own Parquet tables or of RTS-GMLC's.
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

/// Which of a folder's reserves are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reserves {
    /// What spins, in all areas together.
    Spinning,
    /// Every product, from the units that its areas and categories name.
    All,
}

/// Options of the unit commitment.
#[derive(Args)]
pub struct Uc {
    /// Case: our own TOML or folder, PGLib-UC's or Egret's JSON (plain or gzip), or a folder of RTS-GMLC tables.
    case: PathBuf,
    /// Day of a folder of tables, for example 2020-07-06; the day of its highest load when left out.
    #[arg(long)]
    day: Option<String>,
    /// Hours of a folder of tables, from that day on; 48 when left out.
    #[arg(long)]
    steps: Option<usize>,
    /// Keep the ratings of a folder's lines; one bus when left out.
    #[arg(long)]
    network: bool,
    /// Of RTS-GMLC's reserves: what spins, in all areas together; or every product, by area.
    #[arg(long, value_enum, default_value_t = Reserves::Spinning)]
    reserves: Reserves,
    /// Relative gap between cost and bound at which the search ends.
    #[arg(long, default_value_t = 1e-4, allow_negative_numbers = true)]
    gap: f64,
    /// End the search after so many seconds, reading and relaxation included, with the gap that it has then (with --roll: each window).
    #[arg(long)]
    seconds: Option<f64>,
    /// Day after day: steps kept and steps ahead, such as 24+24; each window begins as the last one ended.
    #[arg(long, value_name = "KEEP+AHEAD")]
    roll: Option<String>,
    /// Reserve besides the file's: the other units cover the loss of any one this many times (1, or 1.5 for primary reserve).
    #[arg(long, value_name = "TIMES")]
    contingency: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Folder for the tables (Parquet) and summary.json.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Uc {
    /// What is asked of a folder of tables.
    fn day(&self) -> uc::load::Day {
        uc::load::Day {
            day: self.day.clone(),
            steps: self.steps,
            network: self.network,
            all_reserves: self.reserves == Reserves::All,
        }
    }
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
        Study::Uc(asked) => uc::uc(asked),
        Study::Dispatch { case, json, out, seed, threads, hours, years, shave_peaks, commitment, gap } => {
            if !(0.0..1.0).contains(gap) {
                eprintln!("tieline: --gap {gap}: expected a share from 0 to below 1");
                return Ok(Verdict::Usage);
            }
            let asked = dispatch::Asked {
                json: *json,
                out: out.clone(),
                seed: *seed,
                threads: *threads,
                hours: *hours,
                years: *years,
                shave_peaks: *shave_peaks,
                commitment: commitment.then_some(*gap),
            };
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
    // Less than half of the last digit is nothing, and has no sign.
    let value = if watts.abs() < 5e4 { 0.0 } else { watts / 1e6 };
    if value.abs() >= 999.95 { screen::number(value) } else { format!("{value:.1}") }
}
