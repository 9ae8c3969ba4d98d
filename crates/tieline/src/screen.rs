//! What goes to the screen: columns, numbers with their units, and the end of a pipe that nobody reads any more.
//!
//! Not modelled: right-to-left text, characters wider than one column.

use crate::Verdict;
use anyhow::Result;
use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind, IsTerminal, Write as _};

/// Nobody reads our output any more (`tieline ... | head`): no reason to complain.
#[derive(Debug)]
struct ReaderLeft;

impl fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for ReaderLeft {}

/// Writes `text` to standard output.
///
/// # Errors
/// A closed pipe, as the error that [`pipe_closed`] knows; anything else as the system says it.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderLeft.into()),
        Err(error) => Err(anyhow::Error::new(error).context("writing to standard output")),
    }
}

/// Writes `text` and gives `verdict`; a No stays a No when the reader has left.
///
/// # Errors
/// As [`print()`].
pub fn answer(text: &str, verdict: Verdict) -> Result<Verdict> {
    match print(text) {
        Err(error) if verdict != Verdict::Yes && pipe_closed(&error) => Ok(verdict),
        other => other.map(|()| verdict),
    }
}

/// Writes a line of an answer whose files are written already: a reader who has left does not undo them.
pub fn tell(line: &str) {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => eprintln!("tieline: cannot write the answer: {error}"),
        _ => {}
    }
}

/// Whether the only thing that went wrong is that the reader of our output has left.
pub fn pipe_closed(error: &anyhow::Error) -> bool {
    error.is::<ReaderLeft>()
}

/// Whether colours are wanted: a terminal whose user has not said NO_COLOR.
pub fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A mark for yes and no, in colour where that is wanted; `width` columns wide.
pub fn mark(good: bool, words: (&str, &str), width: usize) -> String {
    let word = if good { words.0 } else { words.1 };
    if colours() {
        format!("\x1b[{}m{word:<width$}\x1b[0m", if good { 32 } else { 31 })
    } else {
        format!("{word:<width$}")
    }
}

/// Rows as columns: the first left-aligned, the others right-aligned, two blanks between them, `indent` before.
pub fn columns(indent: usize, rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            // Writing to a String cannot fail.
            let _ = if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks `text` at blanks so that no line is wider than `width`; every line begins at column `indent`, the first where
/// the caller put it.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = indent;
    for word in text.split_whitespace() {
        let size = word.chars().count();
        if used > indent && used + 1 + size > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += size;
    }
    out
}

/// Cuts `text` to `width` columns, with an ellipsis where something was cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A number for people: thousands set apart from 1,000 on, else three or four figures; "-" for what does not exist.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "-".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "no limit".to_owned() } else { "-".to_owned() }
    } else if (999.5..1e15).contains(&size) {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", tieline_sim::check::count(size))
    } else if size >= 1e15 {
        format!("{value:.3e}")
    } else if value == 0.0 {
        "0".to_owned()
    } else if size >= 99.95 {
        format!("{value:.0}")
    } else if size >= 9.995 {
        format!("{value:.1}")
    } else if size >= 0.001 {
        format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.2e}")
    }
}

/// A number to its last figure, for comparisons: `0.25`, `1e-9`; "absent" for what does not exist.
pub fn exact(value: f64) -> String {
    if value.is_nan() {
        "absent".to_owned()
    } else if value != 0.0 && !(1e-4..1e12).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// A number held against a bound: four figures, or as many more as it takes to stand on its own side of the bound.
pub fn against(value: f64, bound: f64) -> String {
    let rounded = (3..16).map(|figures| format!("{value:.figures$e}").parse().unwrap_or(value));
    exact(
        rounded.into_iter().find(|short: &f64| short.partial_cmp(&bound) == value.partial_cmp(&bound)).unwrap_or(value),
    )
}

/// A heading: bold where colours are wanted.
pub fn heading(text: &str) -> String {
    if colours() { format!("\x1b[1m{text}\x1b[0m\n") } else { format!("{text}\n") }
}

/// A number with a prefix for a large count: `1.23 million`, `4.56 billion`, `7.89 trillion`.
pub fn large(value: f64) -> String {
    for (size, word) in [(1e12, "trillion"), (1e9, "billion"), (1e6, "million")] {
        if value.abs() >= size {
            return format!("{:.2} {word}", value / size);
        }
    }
    number(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.25"),
            (9.5, "9.5"),
            (42.55, "42.5"),
            (123.4, "123"),
            (999.7, "1,000"),
            (-1234.0, "-1,234"),
            (555_000.0, "555,000"),
            (f64::NAN, "-"),
            (f64::INFINITY, "no limit"),
            (1e-5, "1.00e-5"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(large(2.5e9), "2.50 billion");
        assert_eq!([1e-9, 0.25, 0.0, 300.0, f64::NAN].map(exact), ["1e-9", "0.25", "0", "300", "absent"]);
    }

    #[test]
    fn a_number_stays_on_its_side_of_the_bound() {
        assert_eq!(against(9.438_912e-13, 1e-9), "9.439e-13");
        assert_eq!(against(300.000_04, 300.0), "300.00004");
        assert_eq!(against(300.0, 300.0), "300");
        assert_eq!(against(0.0, 0.0), "0");
        assert_eq!(against(f64::NAN, 1.0), "absent");
    }

    #[test]
    fn columns_align() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), "100".to_owned()]];
        assert_eq!(columns(2, &rows), "  a       1\n  long  100\n");
    }

    #[test]
    fn long_lines_break_at_blanks() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("one two three four", 11, 2), "one two\n  three\n  four");
        assert_eq!(wrap("one two three four", 12, 2), "one two\n  three four");
        assert_eq!(wrap("a-word-wider-than-the-line b", 6, 0), "a-word-wider-than-the-line\nb");
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn only_a_closed_output_is_a_closed_pipe() {
        assert!(pipe_closed(&ReaderLeft.into()));
        assert!(!pipe_closed(&io::Error::from(ErrorKind::BrokenPipe).into()));
    }
}
