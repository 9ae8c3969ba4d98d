//! Results as plain tables and the summary that every study fills.
//!
//! Not modelled: file formats (`files` writes these values).

use crate::scenario::Expectation;
use serde::Serialize;
use std::collections::BTreeMap;
use tieline_units::Utc;

/// A block of rows of one table; a study hands blocks on as it goes, so memory stays bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// File stem ("operation").
    pub name: String,
    /// UTC stamp of each row, ns since 1970.
    pub utc_ns: Vec<i64>,
    /// Number columns, unit last in the name ("import_mw"); NaN is written as null.
    pub numbers: Vec<(String, Vec<f64>)>,
    /// Text columns.
    pub texts: Vec<(String, Vec<String>)>,
}

/// A curve of the report: at most a few thousand points, least, mean and greatest value of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Chart to which it belongs ("meter", "battery").
    pub chart: String,
    /// Label for people.
    pub label: String,
    /// Unit for people ("MW", "%").
    pub unit: String,
    /// Least value of each bucket; `null` where there is none.
    pub least: Vec<Option<f32>>,
    /// Mean of each bucket.
    pub mean: Vec<Option<f32>>,
    /// Greatest value of each bucket.
    pub greatest: Vec<Option<f32>>,
}

/// Something that happened, with the controller's reason where it had one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happening {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// Kind ("event", "turbine", "job", "controller", "fault").
    pub kind: String,
    /// In words.
    pub text: String,
}

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Dotted metrics with the unit in their names.
    pub metrics: BTreeMap<String, f64>,
    /// Each `[expect]` line: rule, value reached, verdict.
    pub expectations: Vec<(Expectation, f64, bool)>,
    /// Seconds since the start of the run of each bucket of the curves.
    pub curve_at_s: Vec<f64>,
    /// Curves for the report.
    pub curves: Vec<Curve>,
    /// What happened, in order.
    pub happenings: Vec<Happening>,
    /// Who absorbed what: device class, what, MWh. The rows of one balance sum to zero.
    pub ledger: Vec<(String, String, f64)>,
    /// Findings of `check`, in words.
    pub findings: Vec<Finding>,
}

/// One finding of `check`: something that does not close, or closes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was added up.
    pub topic: String,
    /// In words, with both numbers and their units.
    pub text: String,
    /// Whether it closes.
    pub closes: bool,
}

/// Stamps that name a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStamp {
    /// Scenario name.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// Version of tieline.
    pub version: String,
    /// Civil time at which the simulated run starts.
    pub start: Utc,
}
