//! Keys that stand twice within one object of a JSON text, and the lines of both.
//!
//! Not modelled: texts that are no JSON; they are refused before.

use std::collections::BTreeMap;

/// A key that stands twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubled {
    /// Where it stands: the keys of the objects around it, and its own.
    pub path: String,
    /// Line of the one before it, from 1.
    pub before: usize,
    /// Its line, from 1.
    pub line: usize,
}

/// What is open at a place of the text: an object with its keys and their lines, or a list.
enum Open {
    Object { keys: BTreeMap<String, usize>, key: String },
    List,
}

/// All keys of a text of sound JSON that stand twice within an object, in the order of the text.
pub(super) fn doubled(text: &str) -> Vec<Doubled> {
    let bytes = text.as_bytes();
    let (mut found, mut open, mut line, mut at) = (Vec::new(), Vec::<Open>::new(), 1, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => line += 1,
            b'{' => open.push(Open::Object { keys: BTreeMap::new(), key: String::new() }),
            b'[' => open.push(Open::List),
            b'}' | b']' => {
                open.pop();
            }
            b'"' => {
                let end = end(bytes, at);
                if text[end..].trim_start().starts_with(':') {
                    note(&mut open, plain(&text[at..end]), line, &mut found);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Notes a key of the innermost object.
fn note(open: &mut [Open], name: String, line: usize, found: &mut Vec<Doubled>) {
    let Some(Open::Object { keys, key }) = open.last_mut() else { return };
    name.clone_into(key);
    if let Some(before) = keys.insert(name, line) {
        let around = open.iter().filter_map(|open| match open {
            Open::Object { key, .. } => Some(key.as_str()),
            Open::List => None,
        });
        found.push(Doubled { path: around.collect::<Vec<_>>().join("."), before, line });
    }
}

/// The byte after a quoted text that begins at a place.
fn end(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// A quoted text without its quotes and escapes: `"\u0061"` and `"a"` are one key.
fn plain(quoted: &str) -> String {
    serde_json::from_str(quoted).unwrap_or_else(|_| quoted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Doubled, doubled};

    #[test]
    fn doubles_are_found_with_both_lines_however_they_are_written() {
        let text = "{\n \"a\": {\"x\": 1,\n \"\\u0078\" : [{\"k\": 1}, {\"k\": 2}]},\n \"b\": \"a\\\"\", \"c\": \"\\\\\",\n \"a\": 2}";
        serde_json::from_str::<serde_json::Value>(text).expect("sound");
        let at = |path: &str, before, line| Doubled { path: path.to_owned(), before, line };
        assert_eq!(doubled(text), [at("a.x", 2, 3), at("a", 2, 5)]);
        assert_eq!(doubled("{\"a\": 1, \"A\": {\"a\": 2}, \"l\": [\"a\", \"a\"]}"), []);
    }

    #[test]
    fn cut_texts_do_not_panic() {
        let text = "{\"a\\\\\": {\"x\\\"\": 1}, \"ä\": 2}";
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let _ = doubled(&text[..cut]);
        }
    }
}
