//! Validation cases: the files under `validation/`, embedded and read, and the columns of the data files they ask for.
//!
//! Not modelled: data files other than CSV with a header, MATPOWER and unit-commitment cases, plain or gzip, and RTS-GMLC's folder
//! of tables.

mod folder;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};

use crate::{commitment, matpower};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use tieline_sim::validate::{Case, Class, DataFile, Expected, FolderUse, Kind, Report, Rule, Supply, run};

/// Path and text of every case file of the repository, listed by the build script.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/validation_cases.rs"));

/// Most bytes of a data file after unpacking.
const DATA_LIMIT: u64 = 256 << 20;

/// The cases that tieline carries, in order of kind and id.
///
/// # Errors
/// The file, the line and what is wrong there. A test of this crate shows that the shipped ones read.
pub fn embedded() -> Result<Vec<Case>, String> {
    EMBEDDED.iter().map(|(path, text)| read(path, text)).collect()
}

/// Reads one case file; `path` is for messages and must end in `<kind>/<id>/case.toml`.
///
/// # Errors
/// The file, the line and what is wrong there.
pub fn read(path: &str, text: &str) -> Result<Case, String> {
    let file: CaseFile = toml::from_str(text).map_err(|error| format!("{path}: {error}"))?;
    let wrong = |why: String| format!("{path}: {why}");
    let mut folders = path.rsplit('/').skip(1);
    let (id, kind) = (folders.next().unwrap_or_default(), folders.next().unwrap_or_default());
    if id != file.id || kind != file.kind.word() {
        return Err(wrong(format!(
            "id \"{}\" of kind {} belongs in {}/{}/",
            file.id,
            file.kind.word(),
            file.kind.word(),
            file.id
        )));
    }
    for (key, value) in [("source", &file.source), ("derivation", &file.derivation), ("why", &file.why)] {
        if value.trim().is_empty() {
            return Err(wrong(format!("\"{key}\" is empty")));
        }
    }
    let expect: Result<Vec<Expected>, String> =
        file.expect.into_iter().map(|(name, expected)| expected.read(&name).map_err(&wrong)).collect();
    Ok(Case {
        id: file.id,
        quantity: file.quantity,
        kind: file.kind.into(),
        class: file.class.into(),
        inputs: file.inputs.into_iter().map(|(name, texts)| (name, texts.list())).collect(),
        expect: expect?,
        data: file.data.into_iter().map(|data| data.read(&wrong)).collect::<Result<_, _>>()?,
        needs: file.needs,
        source: file.source,
        derivation: file.derivation,
        why: file.why,
        note: file.note,
    })
}

/// Runs cases; `open` is asked for a path below the data folder and answers `NotFound` where it is absent.
pub fn validate(cases: &[Case], open: impl Fn(&str) -> io::Result<Box<dyn Read>>) -> Report {
    run(cases, |data| match &data.tables {
        Some(used) => folder::supply(&data.file, used, &open),
        None => supply(data, open(&data.file)),
    })
}

/// A file, as its ending says.
fn supply(data: &DataFile, opened: io::Result<Box<dyn Read>>) -> Supply {
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Supply::Absent,
        Err(error) => Supply::Broken(error.to_string()),
        Ok(bytes) if data.file.ends_with(".m") || data.file.ends_with(".m.gz") => {
            match matpower::read(&data.file, bytes) {
                Ok(case) => Supply::Network(Box::new(case.network)),
                Err(mistakes) => Supply::Broken(mistakes.to_string()),
            }
        }
        Ok(bytes) if data.file.ends_with(".json") || data.file.ends_with(".json.gz") => {
            match commitment::read(&data.file, bytes) {
                Ok(case) => Supply::Commitment(Box::new(case.problem)),
                Err(mistakes) => Supply::Broken(mistakes.to_string()),
            }
        }
        Ok(bytes) => match columns(bytes, &data.columns) {
            Ok(columns) => Supply::Columns(columns),
            Err(why) => Supply::Broken(why),
        },
    }
}

/// Number columns of a CSV file, plain or gzip: `wanted` pairs the name to give with the header to look for.
///
/// # Errors
/// What cannot be read, a header that is absent, or a cell that is not a finite number, with its line.
pub fn columns(bytes: impl Read, wanted: &[(String, String)]) -> Result<Vec<(String, Vec<f64>)>, String> {
    let mut input = BufReader::new(bytes);
    let gzip = input.fill_buf().map_err(|error| error.to_string())?.starts_with(&[0x1f, 0x8b]);
    let plain: Box<dyn Read> = if gzip { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(plain.take(DATA_LIMIT));
    let headers = reader.headers().map_err(|error| error.to_string())?;
    let mut out = Vec::with_capacity(wanted.len());
    for (name, header) in wanted {
        let place = headers.iter().position(|have| have.trim_start_matches('\u{feff}') == header);
        out.push((place.ok_or_else(|| format!("there is no column \"{header}\""))?, name.clone(), Vec::new()));
    }
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        for (place, name, values) in &mut out {
            let cell = record.get(*place).unwrap_or_default();
            let line = record.position().map_or(0, csv::Position::line);
            match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => return Err(format!("line {line}: \"{cell}\" is not a number, column {name}")),
            }
        }
    }
    Ok(out.into_iter().map(|(_, name, values)| (name, values)).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    id: String,
    quantity: String,
    kind: KindWord,
    class: ClassWord,
    #[serde(default)]
    inputs: BTreeMap<String, OneOrMany>,
    expect: BTreeMap<String, ExpectFile>,
    #[serde(default)]
    data: Vec<DataFileEntry>,
    needs: Option<String>,
    source: String,
    derivation: String,
    why: String,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFile {
    reference: Option<OneOrMany>,
    tolerance: Option<String>,
    at_most: Option<OneOrMany>,
    at_least: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFileEntry {
    file: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// A folder of RTS-GMLC's tables instead of a file, and what is made of it.
    tables: Option<String>,
    #[serde(rename = "as")]
    use_as: Option<UseWord>,
    day: Option<String>,
    hours: Option<usize>,
    #[serde(default)]
    without: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UseWord {
    Commitment,
    Zones,
}

impl DataFileEntry {
    fn read(self, wrong: &impl Fn(String) -> String) -> Result<DataFile, String> {
        let columns: Vec<(String, String)> = self.columns.into_iter().collect();
        match (self.file, self.tables, self.use_as, self.day, self.hours) {
            (Some(file), None, None, None, None) if self.without.is_empty() => {
                Ok(DataFile { file, columns, tables: None })
            }
            (None, Some(file), Some(word), Some(day), Some(hours)) if columns.is_empty() => {
                let zones = matches!(word, UseWord::Zones);
                Ok(DataFile { file, columns, tables: Some(FolderUse { zones, day, hours, without: self.without }) })
            }
            _ => {
                let expected =
                    "\"file\", with \"columns\" where it is CSV, or \"tables\" with \"as\", \"day\" and \"hours\"";
                Err(wrong(format!("[[data]]: expected {expected}")))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindWord {
    Analytic,
    Published,
    Peer,
    Field,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClassWord {
    Identity,
    Calibrated,
    Predicted,
}

impl OneOrMany {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

impl KindWord {
    fn word(self) -> &'static str {
        match self {
            Self::Analytic => "analytic",
            Self::Published => "published",
            Self::Peer => "peer",
            Self::Field => "field",
        }
    }
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Analytic => Self::Analytic,
            KindWord::Published => Self::Published,
            KindWord::Peer => Self::Peer,
            KindWord::Field => Self::Field,
        }
    }
}

impl From<ClassWord> for Class {
    fn from(word: ClassWord) -> Self {
        match word {
            ClassWord::Identity => Self::Identity,
            ClassWord::Calibrated => Self::Calibrated,
            ClassWord::Predicted => Self::Predicted,
        }
    }
}

impl ExpectFile {
    fn read(self, name: &str) -> Result<Expected, String> {
        let (reference, rule) = match (self.reference, self.at_most, self.at_least, self.tolerance) {
            (Some(reference), None, None, Some(tolerance)) => {
                let rule = match tolerance.as_str() {
                    "exact" => Rule::Exact,
                    // "0.1 % of it" is a share of the reference; anything else is an amount with the output's unit.
                    text => match text.strip_suffix(" of it") {
                        Some(share) => Rule::Relative(share.to_owned()),
                        None => Rule::Absolute(text.to_owned()),
                    },
                };
                (reference, rule)
            }
            (None, Some(reference), None, None) => (reference, Rule::AtMost),
            (None, None, Some(reference), None) => (reference, Rule::AtLeast),
            _ => {
                return Err(format!(
                    "expect.{name}: give \"reference\" with \"tolerance\", or \"at_most\", or \"at_least\""
                ));
            }
        };
        Ok(Expected { name: name.to_owned(), reference: reference.list(), rule })
    }
}
