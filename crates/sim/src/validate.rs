//! Validation: cases that are data, computed by the functions of one table and held against their references.
//!
//! A case names a quantity, gives its inputs as text with units, and says what must come out, how nearly, from which
//! source, and why it counts. `files` reads the case files; a new case of a known quantity adds a file and no code.
//!
//! Not modelled: statistics over cases; a case passes or fails as a whole, by its worst part.

mod commitment;
mod fleets;
mod measures;
mod network;
mod quantities;
mod tables;
mod training;
mod trial;
mod waves;

use serde::Serialize;
use tieline_grid::commitment::Problem as Commitment;
use tieline_grid::dispatch::Problem as Zones;
use tieline_grid::network::Network;
use tieline_units::{
    Count, Energy, Frequency, Money, Power, PowerRamp, Quantity as _, Ratio, SpanQuantity, Temperature, ThermalResponse,
};

/// Where a reference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Closed form or exact enumeration.
    Analytic,
    /// Printed in a paper, a standard or a repository's tests.
    Published,
    /// Produced by another program.
    Peer,
    /// Measured on real equipment.
    Field,
}

/// How a case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Arithmetic on the published inputs: it shows that we compute what we say, and nothing about the world.
    Identity,
    /// A parameter, waveform or setting of ours was fixed on the reference.
    Calibrated,
    /// Nothing was fitted to it: the only class that is evidence for the physics.
    Predicted,
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every part lies within its tolerance.
    Pass,
    /// A part does not, or the case could not be computed from what it says.
    Fail,
    /// Something it needs is not at hand; `needs` says what.
    Skipped,
}

/// What must come out under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Name of the output of the quantity.
    pub name: String,
    /// Reference values with their units, one per value of the output.
    pub reference: Vec<String>,
    /// How nearly.
    pub rule: Rule,
}

/// When a value is good.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Within this share of the reference ("0.1 %").
    Relative(String),
    /// Within this much of the reference, with a unit.
    Absolute(String),
    /// Equal but for rounding (1e-9 of the reference).
    Exact,
    /// Not above the reference.
    AtMost,
    /// Not below the reference.
    AtLeast,
}

/// Columns of a data file that a case reads, or what it makes of a folder of tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataFile {
    /// Path below the data folder.
    pub file: String,
    /// Name of each column for the quantity, and its header in the file.
    pub columns: Vec<(String, String)>,
    /// Where `file` is a folder of RTS-GMLC tables: what is made of it.
    pub tables: Option<FolderUse>,
}

/// What a case makes of a folder of tables.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderUse {
    /// As a grid of zones, without outages; else as a case of unit commitment.
    pub zones: bool,
    /// First day, "2020-07-06".
    pub day: String,
    /// Hours from its midnight on.
    pub hours: usize,
    /// Units that are left out, by name.
    pub without: Vec<String>,
}

/// A case, as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Stable id, as in the list of quantities that tieline must reproduce.
    pub id: String,
    /// Name of a quantity of the table.
    pub quantity: String,
    /// Where the reference comes from.
    pub kind: Kind,
    /// How the case counts.
    pub class: Class,
    /// Inputs with units, by name.
    pub inputs: Vec<(String, Vec<String>)>,
    /// What must come out.
    pub expect: Vec<Expected>,
    /// Data files it reads.
    pub data: Vec<DataFile>,
    /// What else it needs that may be absent (a peer, a part of tieline that is not built yet).
    pub needs: Option<String>,
    /// Citation of the reference.
    pub source: String,
    /// How the reference follows from its source.
    pub derivation: String,
    /// What the case is good for.
    pub why: String,
    /// Remark for readers of the result.
    pub note: Option<String>,
}

/// One compared number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Output, with its place where there are several ("energy", "throughput 3").
    pub name: String,
    /// What we computed, in `unit`.
    pub ours: f64,
    /// What it is held against, in `unit`.
    pub reference: f64,
    /// How far it may be off, in `unit`; zero where it may only not exceed, or not fall below.
    pub tolerance: f64,
    /// Unit of the three numbers; empty for a plain number.
    pub unit: String,
    /// Whether it lies within.
    pub pass: bool,
}

/// The result of one case; the single numbers are those of the part that comes nearest to failing, or fails worst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    /// Id of the case.
    pub id: String,
    /// Quantity, and after a blank the part that decides.
    pub quantity: String,
    /// What we computed; `None` if nothing could be computed.
    pub ours: Option<f64>,
    /// What it is held against.
    pub reference: Option<f64>,
    /// How far it may be off.
    pub tolerance: Option<f64>,
    /// Unit of the three numbers.
    pub unit: String,
    /// Where the reference comes from.
    pub kind: Kind,
    /// How the case counts.
    pub class: Class,
    /// What came of it.
    pub verdict: Verdict,
    /// What was not at hand, for a skipped case.
    pub needs: Option<String>,
    /// Remark, or what went wrong.
    pub note: Option<String>,
    /// Every compared number.
    pub parts: Vec<Part>,
}

/// Passed, failed, skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were skipped.
    pub skipped: usize,
}

/// Tallies by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tallies {
    /// Arithmetic.
    pub identity: Tally,
    /// Fixed on the reference.
    pub calibrated: Tally,
    /// Evidence.
    pub predicted: Tally,
}

/// All results, in the order of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// One entry per case.
    pub cases: Vec<CaseResult>,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were skipped.
    pub skipped: usize,
    /// The same by class.
    pub classes: Tallies,
}

/// What the caller has of a data file.
pub enum Supply {
    /// It is not there.
    Absent,
    /// It is there and cannot be used: why.
    Broken(String),
    /// The columns, by the case's own names.
    Columns(Vec<(String, Vec<f64>)>),
    /// A network case.
    Network(Box<Network>),
    /// A unit-commitment case.
    Commitment(Box<Commitment>),
    /// A unit-commitment case from a folder of tables, with the class of every unit ("Gas CC") and renewable.
    Tables(Box<Tables>),
    /// A grid of zones.
    Zones(Box<Zones>),
}

/// A unit-commitment case from a folder of tables.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// The case.
    pub problem: Commitment,
    /// Class of each of its units.
    pub unit_class: Vec<String>,
    /// Class of each of its renewables.
    pub renewable_class: Vec<String>,
}

/// What an input or output is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Watts inside.
    Power,
    /// Joules inside.
    Energy,
    /// Watts per second inside.
    PowerRamp,
    /// Share of one.
    Ratio,
    /// Hertz.
    Frequency,
    /// Seconds.
    Span,
    /// Degrees Celsius.
    Temperature,
    /// Per kelvin.
    PerKelvin,
    /// Ones; scale words allowed.
    Count,
    /// Dollars.
    Money,
    /// Floating-point operations.
    Work,
    /// Floating-point operations per second.
    Speed,
    /// GPU-seconds.
    GpuTime,
    /// Bytes.
    Bytes,
    /// A plain number without unit.
    Plain,
}

const BYTES: &[(&str, f64)] = &[("GiB", 1_073_741_824.0), ("GB", 1e9), ("B", 1.0)];
const WORK: &[(&str, f64)] = &[("FLOP", 1.0), ("EFLOP", 1e18), ("ZFLOP", 1e21), ("YFLOP", 1e24)];
const SPEED: &[(&str, f64)] = &[("TFLOP/s", 1e12), ("GFLOP/s", 1e9), ("PFLOP/s", 1e15), ("FLOP/s", 1.0)];
const GPU_TIME: &[(&str, f64)] = &[("GPU-h", 3600.0), ("MGPU-h", 3.6e9)];
const PLAIN: &[(&str, f64)] = &[("", 1.0)];

impl Dimension {
    /// Accepted units with their factor to the unit inside.
    #[must_use]
    pub fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Power => Power::UNITS,
            Self::Energy => Energy::UNITS,
            Self::PowerRamp => PowerRamp::UNITS,
            Self::Ratio => Ratio::UNITS,
            Self::Frequency => Frequency::UNITS,
            Self::Span => SpanQuantity::UNITS,
            Self::Temperature => Temperature::UNITS,
            Self::PerKelvin => ThermalResponse::UNITS,
            Self::Count => Count::UNITS,
            Self::Money => Money::UNITS,
            Self::Work => WORK,
            Self::Speed => SPEED,
            Self::GpuTime => GPU_TIME,
            Self::Bytes => BYTES,
            Self::Plain => PLAIN,
        }
    }

    /// Reads "20 MW/min": the value in the unit inside, and the unit as written with its factor.
    ///
    /// # Errors
    /// No number, a unit that does not belong, or none where one does.
    pub fn parse(self, text: &str) -> Result<(f64, &'static str, f64), String> {
        let text = text.trim();
        let (number, unit) = match text.split_once(' ') {
            Some((number, unit)) => (number, unit.trim()),
            None => (text, ""),
        };
        let value: f64 = number
            .replace('_', "")
            .parse()
            .map_err(|_| format!("\"{text}\" does not begin with a number and a blank"))?;
        let Some((name, factor)) = self.units().iter().find(|(name, _)| *name == unit) else {
            let known: Vec<&str> = self.units().iter().map(|(name, _)| *name).collect();
            return Err(format!("\"{text}\": the unit must be one of \"{}\"", known.join("\", \"")));
        };
        if !value.is_finite() {
            return Err(format!("\"{text}\" is not finite"));
        }
        Ok((value * factor, name, *factor))
    }
}

/// A row of the table of quantities.
struct Quantity {
    name: &'static str,
    inputs: &'static [(&'static str, Dimension)],
    columns: &'static [&'static str],
    outputs: &'static [(&'static str, Dimension)],
    compute: fn(&Given) -> Result<Vec<Vec<f64>>, String>,
}

/// Inputs and columns of one case, in the units inside.
#[derive(Default)]
struct Given {
    inputs: Vec<(&'static str, Vec<f64>)>,
    columns: Vec<(String, Vec<f64>)>,
    network: Option<Box<Network>>,
    commitment: Option<Box<Commitment>>,
    tables: Option<Box<Tables>>,
    zones: Option<Box<Zones>>,
}

impl Given {
    /// The values of an input.
    fn list(&self, name: &str) -> &[f64] {
        let found = self.inputs.iter().find(|(key, _)| *key == name);
        assert!(found.is_some(), "the table names its inputs, and all were read: {name}");
        found.map_or(&[], |(_, values)| values)
    }
    /// The value of an input that has one.
    fn one(&self, name: &str) -> Result<f64, String> {
        match self.list(name) {
            [value] => Ok(*value),
            several => Err(format!("input \"{name}\" has {} values, expected one", several.len())),
        }
    }
    /// A column of data.
    fn column(&self, name: &str) -> &[f64] {
        let found = self.columns.iter().find(|(key, _)| key == name);
        assert!(found.is_some(), "the table names its columns, and all were supplied: {name}");
        found.map_or(&[], |(_, values)| values)
    }
}

/// Runs the cases; `supply` is asked for each data file.
pub fn run(cases: &[Case], mut supply: impl FnMut(&DataFile) -> Supply) -> Report {
    let mut report = Report {
        cases: Vec::with_capacity(cases.len()),
        passed: 0,
        failed: 0,
        skipped: 0,
        classes: Tallies::default(),
    };
    // Several cases may ask for other outputs of one quantity, some of which take a minute: it is computed once.
    let mut known: Vec<(&Case, Vec<Vec<f64>>)> = Vec::new();
    for case in cases {
        let same =
            |other: &Case| (&other.quantity, &other.inputs, &other.data) == (&case.quantity, &case.inputs, &case.data);
        let before = known.iter().find(|(other, _)| same(other)).map(|(_, ours)| ours.clone());
        let ours = match (&case.needs, before) {
            (Some(needs), _) => Err(Stop::Skip(needs.clone())),
            (None, Some(ours)) => Ok(ours),
            (None, None) => compute(case, &mut supply).inspect(|ours| known.push((case, ours.clone()))),
        };
        let result = judge(case, ours);
        let by_class = match result.class {
            Class::Identity => &mut report.classes.identity,
            Class::Calibrated => &mut report.classes.calibrated,
            Class::Predicted => &mut report.classes.predicted,
        };
        let (all, of_class) = match result.verdict {
            Verdict::Pass => (&mut report.passed, &mut by_class.passed),
            Verdict::Fail => (&mut report.failed, &mut by_class.failed),
            Verdict::Skipped => (&mut report.skipped, &mut by_class.skipped),
        };
        *all += 1;
        *of_class += 1;
        report.cases.push(result);
    }
    report
}

fn judge(case: &Case, ours: Result<Vec<Vec<f64>>, Stop>) -> CaseResult {
    let mut result = CaseResult {
        id: case.id.clone(),
        quantity: case.quantity.clone(),
        ours: None,
        reference: None,
        tolerance: None,
        unit: String::new(),
        kind: case.kind,
        class: case.class,
        verdict: Verdict::Fail,
        needs: None,
        note: case.note.clone(),
        parts: Vec::new(),
    };
    match ours.and_then(|ours| compared(case, &ours)) {
        Err(Stop::Skip(needs)) => {
            result.verdict = Verdict::Skipped;
            result.needs = Some(needs);
        }
        Err(Stop::Fail(why)) => result.note = Some(why),
        Ok(parts) => {
            // The worst part speaks for the case: the greatest deviation for its tolerance.
            if let Some(worst) = parts.iter().max_by(|a, b| strain(a).total_cmp(&strain(b))) {
                result.quantity = format!("{} {}", case.quantity, worst.name);
                (result.ours, result.reference) = (Some(worst.ours), Some(worst.reference));
                result.tolerance = Some(worst.tolerance);
                result.unit = worst.unit.clone();
                if parts.iter().all(|part| part.pass) {
                    result.verdict = Verdict::Pass;
                }
            }
            result.parts = parts;
        }
    }
    result
}

/// How far a part is off, in tolerances; failing parts always come above passing ones.
fn strain(part: &Part) -> f64 {
    let off = (part.ours - part.reference).abs();
    let scale = if part.tolerance > 0.0 { part.tolerance } else { part.reference.abs().max(f64::MIN_POSITIVE) };
    let strain = (off / scale).min(1e9);
    match (part.pass, strain.is_nan()) {
        (false, true) => f64::MAX,
        (false, false) => strain + 1e12,
        (true, _) => strain,
    }
}

enum Stop {
    Skip(String),
    Fail(String),
}

impl From<String> for Stop {
    fn from(why: String) -> Self {
        Self::Fail(why)
    }
}

fn quantity_of(case: &Case) -> Result<&'static Quantity, String> {
    let found = quantities::TABLE.iter().find(|quantity| quantity.name == case.quantity);
    found.ok_or_else(|| format!("no quantity is called \"{}\"", case.quantity))
}

/// The outputs of the case's quantity.
fn compute(case: &Case, supply: &mut impl FnMut(&DataFile) -> Supply) -> Result<Vec<Vec<f64>>, Stop> {
    let quantity = quantity_of(case)?;
    let mut given = Given::default();
    for (name, dimension) in quantity.inputs {
        let (_, texts) = case
            .inputs
            .iter()
            .find(|(key, _)| key == name)
            .ok_or_else(|| format!("input \"{name}\" of {} is missing", quantity.name))?;
        let values: Result<Vec<f64>, String> =
            texts.iter().map(|text| dimension.parse(text).map(|(value, ..)| value)).collect();
        given.inputs.push((name, values.map_err(|why| format!("input \"{name}\": {why}"))?));
    }
    if let Some((extra, _)) = case.inputs.iter().find(|(key, _)| !quantity.inputs.iter().any(|(name, _)| name == key)) {
        return Err(Stop::Fail(format!("{} has no input \"{extra}\"", quantity.name)));
    }
    for file in &case.data {
        match supply(file) {
            Supply::Absent => return Err(Stop::Skip(file.file.clone())),
            Supply::Broken(why) => return Err(Stop::Fail(format!("{}: {why}", file.file))),
            Supply::Columns(columns) => given.columns.extend(columns),
            Supply::Network(network) => given.network = Some(network),
            Supply::Commitment(problem) => given.commitment = Some(problem),
            Supply::Tables(tables) => given.tables = Some(tables),
            Supply::Zones(zones) => given.zones = Some(zones),
        }
    }
    if let Some(name) = quantity.columns.iter().find(|name| !given.columns.iter().any(|(key, _)| key == *name)) {
        return Err(Stop::Fail(format!("column \"{name}\" of {} is missing", quantity.name)));
    }
    let ours = (quantity.compute)(&given)?;
    assert_eq!(ours.len(), quantity.outputs.len(), "{} returns what the table says", quantity.name);
    Ok(ours)
}

/// What the case expects beside what came out.
fn compared(case: &Case, ours: &[Vec<f64>]) -> Result<Vec<Part>, Stop> {
    let quantity = quantity_of(case)?;
    if case.expect.is_empty() {
        return Err(Stop::Fail("the case expects nothing".to_owned()));
    }
    let mut parts = Vec::new();
    for expected in &case.expect {
        let place = quantity
            .outputs
            .iter()
            .position(|(name, _)| *name == expected.name)
            .ok_or_else(|| format!("{} has no output \"{}\"", quantity.name, expected.name))?;
        parts.extend(compare(expected, quantity.outputs[place].1, &ours[place])?);
    }
    Ok(parts)
}

fn compare(expected: &Expected, dimension: Dimension, ours: &[f64]) -> Result<Vec<Part>, String> {
    let name = &expected.name;
    if ours.len() != expected.reference.len() || ours.is_empty() {
        return Err(format!("\"{name}\" has {} values, the case expects {}", ours.len(), expected.reference.len()));
    }
    let mut parts = Vec::with_capacity(ours.len());
    for (place, (ours, text)) in ours.iter().zip(&expected.reference).enumerate() {
        let (reference, unit, factor) =
            dimension.parse(text).map_err(|why| format!("reference of \"{name}\": {why}"))?;
        let bad = |why| format!("tolerance of \"{name}\": {why}");
        let tolerance = match &expected.rule {
            Rule::Relative(share) => Dimension::Ratio.parse(share).map_err(bad)?.0 * reference.abs(),
            Rule::Absolute(much) => dimension.parse(much).map_err(bad)?.0,
            Rule::Exact => 1e-9 * reference.abs(),
            Rule::AtMost | Rule::AtLeast => 0.0,
        };
        let pass = match expected.rule {
            Rule::AtMost => *ours <= reference,
            Rule::AtLeast => *ours >= reference,
            _ => (ours - reference).abs() <= tolerance,
        };
        parts.push(Part {
            name: if expected.reference.len() > 1 { format!("{name} {}", place + 1) } else { name.clone() },
            ours: ours / factor,
            reference: reference / factor,
            tolerance: tolerance / factor,
            unit: unit.to_owned(),
            pass,
        });
    }
    Ok(parts)
}
