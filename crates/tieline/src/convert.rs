//! `tieline convert IN OUT`: one planner's format into another, and what is lost on the way.
//!
//! Networks become MATPOWER cases, tieline's TOML or Parquet tables; cases of unit commitment become PGLib-UC's JSON or
//! Egret's.
//!
//! Not modelled: the network as RTS-GMLC tables (they need more of a unit than a network has); grids of zones from a network
//! of buses (zones, series and fleets are not in it).

mod commitment;
mod network;

use crate::Verdict;
use crate::grid::own;
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// What to convert.
#[derive(Args)]
pub struct Convert {
    /// Network: MATPOWER case (`.m`), own TOML (`.toml`), folder of own Parquet tables or of RTS-GMLC's; or unit-commitment
    /// case of PGLib-UC or Egret (`.json`). Files plain or `.gz`.
    from: PathBuf,
    /// Network (`.m`, `.toml`, or a folder of Parquet tables) or unit-commitment case (`.json`) to write.
    to: PathBuf,
    /// What to write where the names do not tell: what of a folder of RTS-GMLC tables, or which format of a unit-commitment
    /// case (the one that the first is not in when left out).
    #[arg(long = "as", value_name = "FORMAT")]
    format: Option<Named>,
    /// Hour of a folder's year, from 1; its peak without sun and wind when left out.
    #[arg(long)]
    hour: Option<usize>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
}

/// Formats by name, where the ending of a file does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Named {
    /// Network of buses, of a folder of RTS-GMLC tables.
    Network,
    /// Unit commitment in PGLib-UC's JSON: one bus.
    Pglib,
    /// Unit commitment in Egret's JSON.
    Egret,
}

/// What a case is about; each is read and written by a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Buses, branches and generators at one moment.
    Network,
    /// Units and their hours of a day or two.
    Commitment,
}

/// Converts.
///
/// # Errors
/// A file that cannot be read or written.
pub fn convert(asked: &Convert) -> Result<Verdict> {
    let to = asked.to.display();
    let kind = match kind(asked) {
        Ok(kind) => kind,
        Err(expected) => {
            eprintln!("tieline: {to}: {expected}");
            return Ok(Verdict::Usage);
        }
    };
    if let Some(named) = asked.format
        && kind != named.kind()
    {
        let named = named.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        eprintln!("tieline: {to}: {} is no {named} case, which --as asks for", kind.words());
        return Ok(Verdict::Usage);
    }
    if kind != Kind::Network && asked.hour.is_some() {
        eprintln!("tieline: --hour is for a network (.m, .toml or a folder); {to} has all hours");
        return Ok(Verdict::Usage);
    }
    if there(&asked.to) && !asked.force {
        eprintln!("tieline: {to}: is there already; --force writes over it");
        return Ok(Verdict::Usage);
    }
    match kind {
        Kind::Network => network::network(asked),
        Kind::Commitment => commitment::commitment(asked),
    }
}

impl Named {
    fn kind(self) -> Kind {
        match self {
            Self::Network => Kind::Network,
            Self::Pglib | Self::Egret => Kind::Commitment,
        }
    }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Network => "a network",
            Self::Commitment => "a unit-commitment case",
        }
    }
}

/// What is asked for: by the name of what is to be written, else by what is to be read; else what was expected.
fn kind(asked: &Convert) -> Result<Kind, String> {
    match ending(&asked.to).as_str() {
        _ if asked.to.extension().is_some_and(|ending| ending == "gz") => {
            Err("files are written plain: leave out .gz".to_owned())
        }
        "m" => Ok(Kind::Network),
        "json" => Ok(Kind::Commitment),
        "toml" | "" => match subject(asked)? {
            Kind::Network => Ok(Kind::Network),
            Kind::Commitment => Err("a unit-commitment case is written as .json".to_owned()),
        },
        _ => Err("expected a name that ends in .m, .toml or nothing (a folder) for a network, or in .json for a \
                  unit-commitment case"
            .to_owned()),
    }
}

/// What is to be read is about.
fn subject(asked: &Convert) -> Result<Kind, String> {
    if let Some(named) = asked.format {
        return Ok(named.kind());
    }
    let below = |name: &str| asked.from.join(name).is_dir();
    if !own::is_tables(&asked.from) && (below("SourceData") || below("RTS_Data")) {
        let folder = asked.from.display();
        return Err(format!("{folder} is a folder of RTS-GMLC tables; say what it is to become: --as network"));
    }
    Ok(if ending(&asked.from) == "json" { Kind::Commitment } else { Kind::Network })
}

/// The ending of a file's name before `.gz`, in small letters; nothing for a folder.
fn ending(path: &Path) -> String {
    let shown = path.to_string_lossy().to_lowercase();
    if shown.ends_with(['/', std::path::MAIN_SEPARATOR]) || path.is_dir() {
        return String::new();
    }
    let plain = Path::new(shown.strip_suffix(".gz").unwrap_or(&shown));
    plain.extension().map_or_else(String::new, |ending| ending.to_string_lossy().into_owned())
}

/// Whether something is there that would be written over.
fn there(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.exists(),
    }
}
