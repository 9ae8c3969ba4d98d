//! Power traces of other people's loggers: CSV of any dialect, plain or gzip, and Parquet, as rows of (ns, W).
//!
//! What the columns are is found from their names, their cells and the user's flags; what cannot be told apart is asked.
//!
//! Not modelled: a quoted cell with a line break in it, energy counters, workbooks, several devices below one another (one is
//! chosen with a filter).

mod cells;
mod devices;
mod layout;
mod parquet;
mod scan;
mod stamp;

pub use parquet::Columnar;
pub(crate) use parquet::{Flat, flat};
pub use scan::Text;
pub use stamp::offset;

use std::fmt;

/// A unit of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerUnit {
    /// Milliwatts, as GPU libraries count.
    Milliwatt,
    /// Watts.
    Watt,
    /// Kilowatts.
    Kilowatt,
    /// Megawatts.
    Megawatt,
    /// Gigawatts.
    Gigawatt,
}

impl PowerUnit {
    /// All, with their words.
    pub const ALL: [(&'static str, Self); 5] = [
        ("mW", Self::Milliwatt),
        ("W", Self::Watt),
        ("kW", Self::Kilowatt),
        ("MW", Self::Megawatt),
        ("GW", Self::Gigawatt),
    ];

    /// Watts of one.
    #[must_use]
    pub fn watts(self) -> f64 {
        match self {
            Self::Milliwatt => 1e-3,
            Self::Watt => 1.0,
            Self::Kilowatt => 1e3,
            Self::Megawatt => 1e6,
            Self::Gigawatt => 1e9,
        }
    }

    /// From its word; lower case counts where it leaves no doubt.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        let exact = Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit);
        exact.or_else(|| match word.to_ascii_lowercase().as_str() {
            "w" | "watt" | "watts" => Some(Self::Watt),
            "kw" | "kilowatt" | "kilowatts" => Some(Self::Kilowatt),
            "megawatt" | "megawatts" => Some(Self::Megawatt),
            "gw" | "gigawatt" | "gigawatts" => Some(Self::Gigawatt),
            "milliwatt" | "milliwatts" => Some(Self::Milliwatt),
            _ => None,
        })
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, unit)| *unit == self).map_or("W", |(word, _)| word)
    }
}

/// What the user said about a trace.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Column of the time.
    pub time: Option<String>,
    /// Unit of a time in numbers, ns.
    pub time_unit_ns: Option<f64>,
    /// Order of day and month: "dmy" or "mdy".
    pub day_first: Option<bool>,
    /// Columns of power; several are added up.
    pub power: Vec<String>,
    /// Unit of power.
    pub unit: Option<PowerUnit>,
    /// Zone of stamps without one, s ahead of UTC.
    pub zone_s: Option<i64>,
    /// Time between rows where no column says it, ns.
    pub step_ns: Option<i64>,
    /// Only rows with this text in this column.
    pub only: Option<(String, String)>,
}

/// Why a trace cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceError {
    /// The file is damaged, empty, or of a kind that is not read.
    File(String),
    /// Something must be said by a flag: what, and which flag.
    Ask(String),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) | Self::Ask(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TraceError {}

/// How a trace is read, in words, and what was left out.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// As `column "timestamp": civil time, with zone`.
    pub time: String,
    /// As `column "power.draw" in W`.
    pub power: String,
    /// Whether stamps are instants of civil time.
    pub civil: bool,
    /// Whether their zone is known.
    pub zoned: bool,
    /// Time over which the sensor averages, s, where the file says it.
    pub averaging_s: Option<f64>,
    /// Whether the file says, or lets fear, that the sensor averages, and not over how long.
    pub averages: bool,
    /// How often the slowest sensor is refreshed, s, where the file says it.
    pub update_s: Option<f64>,
    /// Remarks on what was assumed.
    pub remarks: Vec<String>,
    /// Rows that have no readable time, and the line of the first.
    pub unreadable_times: (u64, u64),
    /// Cells that should be numbers and are not (nor words for a missing reading), and the line of the first.
    pub unreadable_cells: (u64, u64),
    /// Lines that were not rows: comments, empty ones.
    pub passed_over: u64,
    /// Rows of other devices, left out by the filter.
    pub filtered: u64,
}
