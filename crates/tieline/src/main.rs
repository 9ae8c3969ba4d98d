//! The command: one mode per file, errors at the edge, three exit codes.
//!
//! Exit codes: 0 done (findings are not mistakes), 1 the answer is no (a mistake in a file, a failed expectation, an
//! input or output that failed), 2 wrong usage.
//!
//! Not modelled: the live daemon, most grid studies and sweeps; their commands come with their rooms.

mod bench;
mod check;
mod comply;
mod convert;
mod dispatch;
mod grid;
mod machine;
mod outdir;
mod record;
mod replay;
mod run;
mod scenarios;
mod screen;
mod source;
mod threads;
mod train;
mod validate;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Twin and controller of an AI training campus and the grid it hangs on.
#[derive(Parser)]
#[command(name = "tieline", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Read a scenario, add up its megawatts and say what does not close.
    Check {
        /// Built-in name (`tieline scenarios` lists them) or path of a TOML file.
        scenario: String,
    },
    /// Simulate a scenario; print a summary and write tables, journal and report.
    Run {
        /// Built-in name or path of a TOML file.
        scenario: String,
        /// Studies to run, separated by commas; all that the scenario names when left out.
        #[arg(long, value_delimiter = ',')]
        study: Vec<String>,
        /// Folder for the results; `out/SCENARIO-SEED` when left out.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Seed of all luck; the scenario's own when left out.
        #[arg(long)]
        seed: Option<u64>,
        /// Transient study: compare mitigations on the same luck.
        #[arg(long)]
        mitigate: bool,
        /// Transient study: find the least battery for each floor that passes the specification, or keeps the scenario's swing
        /// and ramp limits where there is none.
        #[arg(long)]
        size: bool,
        /// Transient study: judge import, mitigations and sizes by this specification (a built-in one, or the path of a TOML
        /// file), as `comply` does; goes before the scenario's own.
        #[arg(long)]
        spec: Option<String>,
        /// Set a number of the specification, as for `comply`: rated="150 MW", ramp-up="20 MW/min". May be repeated.
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
        /// Dispatch study: the campus buys curtailment in the hours that set its capacity and transmission charges.
        #[arg(long)]
        shave_peaks: bool,
    },
    /// Step time, goodput, finish and the price of a curtailment of a scenario's training run.
    Train {
        /// Built-in name or path of a TOML file with a `[training]` table.
        scenario: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Folder for train.html with the charts, and train.json.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Seed of all luck; the scenario's own when left out.
        #[arg(long)]
        seed: Option<u64>,
        /// Curtailment to be priced: depth in percent of each job's GPU power.
        #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
        depth: Option<f64>,
        /// Its length, hours.
        #[arg(long, allow_negative_numbers = true)]
        hours: Option<f64>,
        /// Its notice, minutes.
        #[arg(long, value_name = "MINUTES", allow_negative_numbers = true)]
        notice: Option<f64>,
    },
    /// One planner's format into another, and what is lost on the way.
    Convert(convert::Convert),
    /// Grid studies on case files: power flow, optimal power flow, dispatch.
    Grid {
        #[command(subcommand)]
        study: grid::Study,
    },
    /// Hold a measured power trace against a utility's specification; only all clauses passed exits 0.
    Comply(Box<comply::Given>),
    /// Record the power of this machine's GPUs (NVML) into a Parquet trace; limits and clocks stay as they are.
    Record {
        /// File to write.
        #[arg(long, default_value = "gpu-power.parquet")]
        out: PathBuf,
        /// How long, such as "10 min".
        #[arg(long, default_value = "60 s")]
        duration: String,
        /// Read the counter, and so often; 1 ms when left out. Rows follow the counter's own refresh.
        #[arg(long)]
        poll: Option<String>,
        /// Numbers of the GPUs, separated by commas; all when left out.
        #[arg(long, value_delimiter = ',')]
        gpu: Vec<u32>,
        /// What to read: the driver's buffer of samples, its counter, or the finest that every GPU has.
        #[arg(long, value_enum, default_value_t)]
        reading: record::Reading,
    },
    /// Recompute every decision of a journal and name the first difference.
    Replay {
        /// A `journal.tlj` that a run or the field wrote.
        journal: PathBuf,
    },
    /// Say why the controller decided as it did at one tick.
    Explain {
        /// A `journal.tlj`.
        journal: PathBuf,
        /// Number of the tick, counted from 0.
        tick: u64,
    },
    /// Run the validation cases and print each of them.
    Validate {
        /// Only cases whose id begins with one of these, such as V-GRID or V-TRAIN-0.
        ids: Vec<String>,
        /// Folder with measured data that the repository may not carry; when left out, what TIELINE_DATA names, else
        /// ../shared/data where it is there.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Measure speed and size against the targets.
    Bench {
        /// Only benchmarks whose name begins so.
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the built-in scenarios, or write one out.
    Scenarios {
        /// Write this built-in scenario as a file into the current folder.
        #[arg(long, value_name = "NAME")]
        save: Option<String>,
    },
    /// Print the JSON Schema of scenario files, or of network files.
    Schema {
        /// Of which files.
        #[arg(value_enum, default_value_t = scenarios::Schema::Scenario)]
        of: scenarios::Schema,
    },
}

/// How a mode ended when nothing broke.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Exit code 0.
    Yes,
    /// Exit code 1: the answer is no, and has been said.
    No,
    /// Exit code 2: wrong usage, and has been said.
    Usage,
}

fn seconds(text: &str) -> Option<f64> {
    use tieline_units::Quantity as _;
    tieline_units::SpanQuantity::parse(text).ok().map(|span| span.si())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.mode {
        Mode::Check { scenario } => check::check(&scenario),
        Mode::Run { scenario, study, out, seed, mitigate, size, spec, set, shave_peaks } => {
            run::run(&scenario, &study, out, seed, &run::Wishes { mitigate, size, spec, set, shave_peaks })
        }
        Mode::Train { scenario, json, out, seed, depth, hours, notice } => {
            train::train(&scenario, &train::Asked { json, out, seed, depth, hours, notice })
        }
        Mode::Convert(asked) => convert::convert(&asked),
        Mode::Grid { study } => grid::grid(&study),
        Mode::Comply(given) => comply::comply(&given),
        Mode::Record { out, duration, poll, gpu, reading } => {
            let poll_s = poll.as_deref().map(seconds);
            match (seconds(&duration), poll_s) {
                (Some(duration_s), None) => record::command(&out, duration_s, None, &gpu, reading),
                (Some(duration_s), Some(Some(poll_s))) => {
                    record::command(&out, duration_s, Some(poll_s), &gpu, reading)
                }
                _ => {
                    eprintln!("tieline: --duration and --poll want a time with its unit, such as \"60 s\" or \"1 ms\"");
                    Ok(Verdict::Usage)
                }
            }
        }
        Mode::Replay { journal } => replay::replay(&journal),
        Mode::Explain { journal, tick } => replay::explain(&journal, tick),
        Mode::Validate { ids, data, json } => validate::validate(&ids, data.as_deref(), json),
        Mode::Bench { name, json } => bench::bench(name.as_deref(), json),
        Mode::Scenarios { save } => scenarios::scenarios(save.as_deref()),
        Mode::Schema { of } => scenarios::schema(of),
    };
    match done {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Ok(Verdict::Usage) => ExitCode::from(2),
        Err(error) if screen::pipe_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tieline: {error:#}");
            ExitCode::from(1)
        }
    }
}
