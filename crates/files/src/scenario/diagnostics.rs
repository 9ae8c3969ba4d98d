//! Mistakes in a file, all of them, each with line, key, what was found, what was expected, and a hint.
//!
//! Not modelled: warnings; what closes and what does not is `check`'s business.

use core::fmt;
use core::ops::Range;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Bytes of the file that it concerns.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Dotted key, `hall[2].gpus`.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
    /// How to mend it; may be empty.
    pub hint: String,
}

/// All mistakes of one file, in file order, with the text they point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// Name of the file or built-in scenario.
    pub file: String,
    /// Its text.
    pub text: String,
    /// The mistakes, at least one.
    pub list: Vec<Mistake>,
    /// How many more there are.
    pub left_out: usize,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            let Mistake { line, column, key, found, expected, hint, .. } = mistake;
            write!(f, "{}:{line}:{column}: {key}: found {found}, expected {expected}", self.file)?;
            if !hint.is_empty() {
                write!(f, "; {hint}")?;
            }
            writeln!(f)?;
        }
        let count = self.list.len() + self.left_out;
        if self.left_out > 0 {
            writeln!(f, "... and {} more", self.left_out)?;
        }
        write!(f, "{count} {}", if count == 1 { "mistake" } else { "mistakes" })
    }
}

impl std::error::Error for Mistakes {}

impl Mistakes {
    /// As a report with the source lines shown, for a terminal.
    #[must_use]
    pub fn report(&self) -> miette::Report {
        let labels = self.list.iter().map(|mistake| {
            let words = if mistake.hint.is_empty() {
                format!("{}: expected {}", mistake.key, mistake.expected)
            } else {
                format!("{}: expected {}; {}", mistake.key, mistake.expected, mistake.hint)
            };
            miette::LabeledSpan::at(mistake.span.clone(), words)
        });
        let count = self.list.len() + self.left_out;
        let title = format!("{count} {} in {}", if count == 1 { "mistake" } else { "mistakes" }, self.file);
        let diagnostic = miette::MietteDiagnostic::new(title).with_labels(labels);
        miette::Report::new(diagnostic).with_source_code(miette::NamedSource::new(&self.file, self.text.clone()))
    }
}

/// Where the lines of a text begin, so that a file full of mistakes is placed in linear time.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// The lines of a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let starts = core::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { starts }
    }

    /// Line and column in characters, both from 1, of a byte offset.
    #[must_use]
    pub fn place(&self, text: &str, offset: usize) -> (usize, usize) {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= end);
        let start = self.starts[line - 1];
        // A column beyond a thousand characters helps nobody and would cost quadratic time on one endless line.
        let column = text[start..end].chars().take(1_000).count() + 1;
        (line, column)
    }
}

/// The nearest of some names, if it is near enough to be meant.
#[must_use]
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|candidate| (distance(name, candidate), !left_out(name, candidate), candidate))
        .filter(|(distance, _, candidate)| *distance <= 1 + candidate.chars().count().min(name.chars().count()) / 3)
        .min()
        .map(|(.., candidate)| candidate)
}

/// Whether a name is a candidate of which something was left out: nearer than one in which something else stands.
fn left_out(name: &str, candidate: &str) -> bool {
    let mut rest = candidate.chars();
    name.chars().all(|wanted| rest.any(|found| found == wanted))
}

/// Levenshtein distance; long names are cut at 64 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
