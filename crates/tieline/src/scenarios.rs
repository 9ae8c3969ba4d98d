//! `tieline scenarios` and `tieline schema`: what is built in, and what a scenario file may say.
//!
//! Not modelled: a catalogue of other people's scenarios.

use crate::{Verdict, screen, source};
use anyhow::{Context, Result, anyhow};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use tieline_files::scenario::{builtin, builtin_names, read};

/// Lists the built-in scenarios, or writes the one called `save` into the current folder.
///
/// # Errors
/// A file of that name is already there, or cannot be written.
pub fn scenarios(save: Option<&str>) -> Result<Verdict> {
    let Some(name) = save else { return list() };
    let Some(text) = builtin(name) else {
        eprintln!("tieline: {}", source::unknown(name));
        return Ok(Verdict::Usage);
    };
    let file = format!("{name}.toml");
    write_new(Path::new(&file), text)?;
    screen::answer(&format!("wrote {file}; try: tieline check ./{file}\n"), Verdict::Yes)
}

fn list() -> Result<Verdict> {
    let mut rows = String::new();
    let width = builtin_names().iter().map(|name| name.len()).max().unwrap_or(0);
    for name in builtin_names() {
        rows.push_str(&format!("{name:<width$}  {}\n", title(name)?));
    }
    screen::answer(&rows, Verdict::Yes)
}

fn title(name: &str) -> Result<String> {
    let text = builtin(name).ok_or_else(|| anyhow!("{name} is listed and not there"))?;
    let nothing_beside = &mut |_: &str| Err(io::Error::from(ErrorKind::NotFound));
    read(name, text, nothing_beside).map(|scenario| scenario.title).map_err(|mistakes| anyhow!("{mistakes}"))
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let shown = path.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(anyhow!("{shown} is already there; it is left as it is"));
        }
        other => other.with_context(|| format!("{shown}"))?,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a scenario would be read as a wrong one; the message below says why there is none.
        let _ = std::fs::remove_file(path);
    }
    written.with_context(|| format!("{shown}"))
}

/// Files that have a JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Schema {
    /// Scenarios.
    Scenario,
    /// Networks of buses, branches and generators.
    Network,
}

/// Prints the JSON Schema of files, for editors.
///
/// # Errors
/// An output that cannot be written.
pub fn schema(of: Schema) -> Result<Verdict> {
    let schema = match of {
        Schema::Scenario => tieline_files::scenario::schema(),
        Schema::Network => tieline_files::network::schema(),
    };
    let text = serde_json::to_string_pretty(&schema)?;
    screen::answer(&format!("{text}\n"), Verdict::Yes)
}
