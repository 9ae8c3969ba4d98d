//! Tables of quoted words in a case: names of buses, generators and branches.
//!
//! Not modelled: words that span lines.

use std::collections::BTreeMap;
use tieline_grid::network::Network;

/// Longest name, characters.
const MOST_CHARS: usize = 80;

/// Where the closing brace stands outside of quotes.
pub(super) fn end(code: &str) -> Option<usize> {
    let mut quoted = false;
    code.bytes().position(|byte| {
        quoted ^= byte == b'\'';
        byte == b'}' && !quoted
    })
}

/// Rows of words, apart by semicolons; a quote within a word is written twice.
pub(super) fn rows(body: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut characters = body.chars().peekable();
    while let Some(c) = characters.next() {
        match (&mut word, c) {
            (Some(open), '\'') if characters.peek() == Some(&'\'') => {
                characters.next();
                open.push('\'');
            }
            (Some(_), '\'') => row.extend(word.take().map(|word| tidy(&word))),
            (Some(open), c) => open.push(c),
            (None, '\'') => word = Some(String::new()),
            (None, ';') => rows.extend((!row.is_empty()).then(|| std::mem::take(&mut row))),
            (None, _) => {}
        }
    }
    rows.extend((!row.is_empty()).then_some(row));
    rows
}

/// A word without what no line can show.
fn tidy(word: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    word.trim().chars().take(MOST_CHARS).map(shown).collect::<String>().trim_end().to_owned()
}

/// Gives buses, generators and branches their names.
pub(super) fn hand_out(words: &BTreeMap<String, Vec<Vec<String>>>, network: &mut Network, remarks: &mut Vec<String>) {
    let mut give = |key: &str, what: &str, names: &mut Vec<String>| {
        let Some(rows) = words.get(key) else { return };
        if rows.len() != names.len() {
            remarks.push(format!("mpc.{key} has {} names for {} {what} and is not used", rows.len(), names.len()));
            return;
        }
        for (name, row) in names.iter_mut().zip(rows) {
            row[0].clone_into(name);
        }
    };
    give("bus_name", "buses", &mut network.buses.name);
    give("gen_name", "generators", &mut network.generators.name);
    give("branch_name", "branches", &mut network.branches.name);
}
