//! JSON Schema of scenario files, from the same field table that reads them: an editor completes what the reader takes.
//!
//! Not modelled: rules between keys (order of dates, references), which only the reader checks.

use super::fields::ROOT;
use super::sheet::{Field, Kind, Need, example, kind_word};
use serde_json::{Map, Value, json};
use tieline_units::{Quantity, SourceKind};

/// The schema, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    of_table(ROOT, "tieline scenario")
}

/// The schema of files whose root has these keys.
pub(crate) fn of_table(fields: &[Field], title: &str) -> Value {
    let mut schema = table(fields, false);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(title);
    schema
}

fn table(fields: &[Field], sourced: bool) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut value = of(field.kind);
        let mut doc = field.doc.to_owned();
        if let Need::Else(text, source) = field.need {
            doc = format!("{doc} (without it: {text}{}{source})", if source.is_empty() { "" } else { ", " });
        }
        value["description"] = json!(doc);
        properties.insert(field.key.to_owned(), value);
    }
    if sourced {
        properties.insert("source".to_owned(), source());
    }
    let required: Vec<&str> =
        fields.iter().filter(|field| matches!(field.need, Need::Must)).map(|field| field.key).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn source() -> Value {
    let words: Vec<&str> = SourceKind::ALL.iter().map(|kind| kind.word()).collect();
    json!({
        "type": "string",
        "pattern": format!("^({}): .+", words.join("|")),
        "description": "where the numbers of this table come from, \"kind: citation\"",
    })
}

fn of(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Instant => json!({ "type": "string", "description": kind_word(kind), "examples": [example(kind)] }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Numbers => json!({ "type": "array", "items": { "type": "number" } }),
        Kind::Table(fields) => table(fields, true),
        Kind::NameOr(fields) => json!({ "oneOf": [{ "type": "string" }, table(fields, true)] }),
        Kind::Tables(fields) => json!({ "type": "array", "items": table(fields, true) }),
        Kind::Free => json!({
            "type": "object",
            "additionalProperties": { "type": "string", "pattern": "^(<=|>=|==) *[-+0-9.eE]+$" },
        }),
        Kind::Whole => json!({ "type": "integer", "minimum": 0 }),
        Kind::Interval => text(kind),
        Kind::Count | Kind::Plain => with_source(json!({ "type": ["number", "string"], "examples": [example(kind)] })),
        _ => with_source(text(kind)),
    }
}

/// A quantity as text: a number and one of the units.
fn text(kind: Kind) -> Value {
    let units: Vec<String> = units(kind).iter().map(|unit| unit.replace('/', "\\/").replace('$', "\\$")).collect();
    let number = "[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?";
    let words = if matches!(kind, Kind::Limit) { "|none|silent" } else { "" };
    json!({
        "type": "string",
        "pattern": format!("^({number} ?({}){words})$", units.join("|")),
        "examples": [example(kind)],
    })
}

fn with_source(value: Value) -> Value {
    let both = json!({
        "type": "object",
        "properties": { "value": value.clone(), "source": source() },
        "required": ["value"],
        "additionalProperties": false,
    });
    json!({ "anyOf": [value, both] })
}

fn units(kind: Kind) -> Vec<&'static str> {
    fn of<Q: Quantity>() -> Vec<&'static str> {
        Q::UNITS.iter().map(|(name, _)| *name).collect()
    }
    match kind {
        Kind::Power | Kind::Limit => of::<tieline_units::Power>(),
        Kind::Reactive => of::<tieline_units::ReactivePower>(),
        Kind::Apparent => of::<tieline_units::ApparentPower>(),
        Kind::Voltage => of::<tieline_units::Voltage>(),
        Kind::Angle => of::<tieline_units::Angle>(),
        Kind::Energy => of::<tieline_units::Energy>(),
        Kind::Ramp => of::<tieline_units::PowerRamp>(),
        Kind::Ratio => of::<tieline_units::Ratio>(),
        Kind::Span | Kind::Interval => of::<tieline_units::SpanQuantity>(),
        Kind::Temperature => of::<tieline_units::Temperature>(),
        Kind::PerKelvin => of::<tieline_units::ThermalResponse>(),
        Kind::Price => of::<tieline_units::EnergyPrice>(),
        Kind::Money => of::<tieline_units::Money>(),
        Kind::Frequency => of::<tieline_units::Frequency>(),
        _ => Vec::new(),
    }
}
