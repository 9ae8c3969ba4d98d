//! Networks of buses, branches and generators in tieline's own formats: TOML, and a folder of Parquet tables.
//!
//! Both hold all that a [network](tieline_grid::network::Network) holds. One list of keys (`fields`) serves both, and the JSON Schema too.
//!
//! Not modelled: sources of numbers in Parquet; more than one state of a network in a file.

pub(crate) mod decimal;
mod difference;
mod fields;
mod rows;
pub mod tables;
mod text;

pub use difference::differences;
pub use text::{is_network, read, unpacked, write};

/// JSON Schema of a network's TOML.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = crate::scenario::schema::of_table(fields::ROOT, "tieline network");
    let source =
        serde_json::json!({ "type": "string", "description": "where the numbers come from, \"kind: citation\"" });
    schema["properties"]["source"] = source;
    schema
}
