//! A scenario as values: what `files` reads and the studies run.
//!
//! Not modelled: templates, expressions, inheritance between scenarios.

use crate::disturbances::Disturbances;
use std::collections::BTreeMap;
use tieline_campus::plant::PlantConfig;
use tieline_control::{Config, Event};
use tieline_grid::boundary::Surroundings;
use tieline_units::{SourceKind, Span, Time, Utc};

/// A whole scenario, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Short name ("colossus-2").
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Names of the studies it asks for ("operation").
    pub studies: Vec<String>,
    /// Civil time of the start.
    pub start: Utc,
    /// How long a run lasts.
    pub duration: Span,
    /// Seed when the command gives none.
    pub seed: u64,
    /// The plant behind the meter.
    pub plant: PlantConfig,
    /// The controller's configuration.
    pub control: Config,
    /// The grid's side: load, weather, price, limits in time, dips.
    pub surroundings: Surroundings,
    /// Curtailment events with the instant at which each is received.
    pub events: Vec<ScheduledEvent>,
    /// The declared schedule of import, by start time.
    pub schedule: Vec<DeclaredImport>,
    /// What goes wrong between the site and everybody else.
    pub disturbances: Disturbances,
    /// What was said about the campus, beside what is built.
    pub claims: Claims,
    /// The waveform of its jobs and what flattens it.
    pub waveform: crate::transient::Plan,
    /// What the transient study found, where it ran before the operation study.
    pub found: Option<crate::transient::Summary>,
    /// The dispatch study, if the scenario tells it.
    pub dispatch: Option<crate::dispatch::Plan>,
    /// Other fleets, for comparison only.
    pub fleets: Vec<Fleet>,
    /// The training run beyond its job, if the scenario tells it.
    pub training: Option<crate::train::plan::TrainingPlan>,
    /// What the step model says of that run, where its job states no utilisation and a study asked.
    pub modelled: Option<crate::train::Modelled>,
    /// Metric rules that make the scenario a test.
    pub expect: Vec<Expectation>,
    /// How many numbers rest on which kind of source.
    pub sources: BTreeMap<SourceKind, usize>,
    /// Every number with its source, in file order: key, value as written, source as written.
    pub provenance: Vec<(String, String, String)>,
}

/// A curtailment event and, possibly, its cancellation.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledEvent {
    /// Name for people.
    pub name: String,
    /// The event as the controller will see it.
    pub event: Event,
    /// When its cancellation arrives, if it is cancelled.
    pub cancelled_at: Option<Time>,
    /// Spoken, not sent: how long after it was said an order, and its cancellation, is read back. Zero: sent.
    pub read_back_after: Span,
}

/// Import declared from an instant on, over all points together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeclaredImport {
    /// From when on.
    pub at: Time,
    /// Import declared, W; NaN ends the schedule.
    pub import_w: f64,
}

/// Quantities as claimed; never used as physics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// Power said to be on line.
    pub power: Vec<PowerClaim>,
    /// GPUs said to be installed when complete.
    pub gpus: Option<f64>,
    /// Swing of one synchronous training step at the meter as a share of IT power, 0..1.
    pub step_swing: Option<f64>,
    /// Period of the training step, s.
    pub step_period_s: Option<f64>,
    /// Parameters of the model in training.
    pub model_parameters: Option<f64>,
}

/// A power that somebody said.
#[derive(Clone, Debug, PartialEq)]
pub struct PowerClaim {
    /// What it is called.
    pub label: String,
    /// The power, W.
    pub power_w: f64,
    /// GPUs that it is said to feed, where that was said.
    pub gpus: Option<f64>,
}

/// Another company's fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Company.
    pub name: String,
    /// GPUs.
    pub gpus: f64,
    /// Product that the estimate assumes.
    pub product: String,
    /// All-in power per GPU at the meter, W.
    pub all_in_w: f64,
    /// Number of sites it is spread over.
    pub sites: f64,
}

/// One line of `[expect]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// Dotted metric, `operation.import_over_limit_mwh`.
    pub metric: String,
    /// Comparison.
    pub rule: Rule,
    /// Right-hand side, in the unit that the metric's name carries.
    pub value: f64,
}

/// Comparisons of `[expect]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most.
    AtMost,
    /// At least.
    AtLeast,
    /// Equal to the last bit.
    Equal,
}
