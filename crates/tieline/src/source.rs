//! Where a scenario comes from: the name of a built-in one, or the path of a file, to values that were checked.
//!
//! Not modelled: scenarios from standard input or over a network.

use crate::Verdict;
use anyhow::{Context, Result, anyhow, bail};
use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read};
use std::path::{Path, PathBuf};
use tieline_files::scenario::{MOST_BYTES, Mistakes, builtin, builtin_names, nearest, read};
use tieline_sim::scenario::Scenario;

/// A scenario with the text that it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// The text, for the journal's header.
    pub text: String,
    /// The values.
    pub scenario: Scenario,
}

/// Reads the built-in scenario or the file that `given` names. `Ok(Err(verdict))`: it is wrong, and that was said.
///
/// # Errors
/// A file that cannot be read, is not text, or is too large to be a scenario.
pub fn load(given: &str) -> Result<Result<Loaded, Verdict>> {
    let (text, folder) = if let Some(text) = builtin(given) {
        (text.to_owned(), None)
    } else if is_path(given) {
        let path = Path::new(given);
        (read_text(path)?, Some(path.parent().map_or_else(PathBuf::new, Path::to_path_buf)))
    } else {
        eprintln!("tieline: {}", unknown(given));
        return Ok(Err(Verdict::Usage));
    };
    match read(given, &text, &mut |reference| open_beside(folder.as_deref(), reference)) {
        Ok(scenario) => Ok(Ok(Loaded { text, scenario })),
        Err(mistakes) => {
            say_mistakes(&mistakes);
            Ok(Err(Verdict::No))
        }
    }
}

/// Whether what the user gave can only be meant as a path.
pub fn is_path(given: &str) -> bool {
    given.contains(['/', std::path::MAIN_SEPARATOR]) || given.ends_with(".toml") || Path::new(given).exists()
}

/// What to say about a name that no scenario has.
pub fn unknown(given: &str) -> String {
    let names = builtin_names();
    let near = nearest(given, names.iter().copied());
    let meant = near.map_or_else(String::new, |name| format!("did you mean \"{name}\"? "));
    format!(
        "no built-in scenario is called \"{given}\"; {meant}There are {}; a file is given by its path, for example ./{given}.toml",
        names.join(", ")
    )
}

/// The text of a scenario file; anything that cannot be one is refused before it is read.
///
/// # Errors
/// A file that cannot be read, is not text, or is too large.
pub fn read_text(path: &Path) -> Result<String> {
    let shown = path.display();
    let data = fs::metadata(path).with_context(|| format!("{shown}"))?;
    if data.is_dir() {
        bail!("{shown}: is a folder; give the path of a scenario file in it");
    }
    if !data.is_file() {
        bail!("{shown}: is not an ordinary file");
    }
    let too_large = |bytes: u64| {
        anyhow!("{shown}: {bytes} bytes or more; a scenario file has at most {MOST_BYTES} bytes, this one was not read")
    };
    if data.len() > MOST_BYTES {
        return Err(too_large(data.len()));
    }
    let mut bytes = Vec::new();
    // The file may grow between the two looks at it.
    let file = File::open(path).with_context(|| format!("{shown}"))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("{shown}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large(MOST_BYTES + 1));
    }
    String::from_utf8(bytes)
        .map_err(|error| anyhow!("{shown}: not text: byte {} is not UTF-8", error.utf8_error().valid_up_to()))
}

/// Opens a file that a scenario refers to; `folder` is the scenario's own, absent for a built-in one.
fn open_beside(folder: Option<&Path>, reference: &str) -> io::Result<Box<dyn Read>> {
    let Some(folder) = folder else {
        let why = "a built-in scenario can refer only to what is built in; save it with `tieline scenarios --save`";
        return Err(io::Error::new(ErrorKind::NotFound, why));
    };
    open_ordinary(&folder.join(reference))
}

/// Opens an ordinary file; a folder or a pipe would fail late, or never end.
///
/// # Errors
/// What the system says, or that it is not an ordinary file.
pub fn open_ordinary(path: &Path) -> io::Result<Box<dyn Read>> {
    let data = fs::metadata(path)?;
    if !data.is_file() {
        let what = if data.is_dir() { "is a folder" } else { "is not an ordinary file" };
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    Ok(Box::new(File::open(path)?))
}

/// Says every mistake: with its source line on a terminal, one line each otherwise.
pub fn say_mistakes(mistakes: &Mistakes) {
    if io::stderr().is_terminal() {
        eprintln!("{:?}", mistakes.report());
    } else {
        eprintln!("{mistakes}");
    }
}
