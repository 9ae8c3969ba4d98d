//! Walks a JSON tree by key, notes what is missing or wrong, and finds the line of a key.
//!
//! Not modelled: keys that repeat within one object; they are found in the text, and are mistakes.

use crate::matpower::{Mistake, Mistakes};
use serde_json::{Map, Value};

/// Most mistakes that are told whole.
const MOST_MISTAKES: usize = 50;

/// Notes of one reading.
pub(super) struct Walk<'t> {
    name: String,
    text: &'t str,
    list: Vec<Mistake>,
    more: usize,
    remarks: Vec<String>,
}

impl<'t> Walk<'t> {
    pub fn new(name: &str, text: &'t str) -> Self {
        Self { name: name.to_owned(), text, list: Vec::new(), more: 0, remarks: Vec::new() }
    }

    pub fn clean(&self) -> bool {
        self.list.is_empty()
    }

    pub fn done(mut self) -> (Mistakes, Vec<String>) {
        self.list.sort_by_key(|mistake| mistake.line);
        (Mistakes { name: self.name, list: self.list, more: self.more }, self.remarks)
    }

    /// Notes a mistake at a path.
    pub fn say(&mut self, path: &[&str], reason: String) {
        if self.list.len() >= MOST_MISTAKES {
            self.more += 1;
            return;
        }
        let place = path.join(".");
        let lead = if place.is_empty() { String::new() } else { format!("{place}: ") };
        // A key that is not there would be found in the next object: the line is its parent's.
        let there = path.len() - usize::from(reason.starts_with("is missing") && !path.is_empty());
        let line = if path.is_empty() { 0 } else { self.line(&path[..there]) };
        self.list.push(Mistake { line, reason: format!("{lead}{reason}") });
    }

    /// Notes a mistake in a line that is known.
    pub fn at(&mut self, line: usize, reason: String) {
        if self.list.len() >= MOST_MISTAKES {
            self.more += 1;
            return;
        }
        self.list.push(Mistake { line, reason });
    }

    /// Notes a mistake of meaning in the line of a path; its words say themselves what they are about.
    pub fn note(&mut self, path: &[&str], reason: String) {
        if self.list.len() >= MOST_MISTAKES {
            self.more += 1;
            return;
        }
        let line = if path.is_empty() { 0 } else { self.line(path) };
        self.list.push(Mistake { line, reason });
    }

    /// Notes what is not used, once.
    pub fn remark(&mut self, what: String) {
        if !self.remarks.contains(&what) {
            self.remarks.push(what);
        }
    }

    /// Line of the last key of a path that the text has, looking for one after the other.
    fn line(&self, path: &[&str]) -> usize {
        let mut at = 0;
        for key in path {
            let quoted = format!("{}:", Value::from(*key));
            let found = self.text[at..]
                .match_indices(quoted.trim_end_matches(':'))
                .find(|(place, word)| self.text[at + place + word.len()..].trim_start().starts_with(':'));
            let Some((place, _)) = found else { break };
            at += place;
        }
        self.text[..at].matches('\n').count() + 1
    }

    /// An object below a key; an empty one where there is none.
    pub fn object<'v>(&mut self, tree: &'v Value, path: &[&str], must: bool) -> Option<&'v Map<String, Value>> {
        let key = path.last().copied().unwrap_or("");
        match tree.get(key) {
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                self.say(path, format!("expected an object, found {}", kind(other)));
                None
            }
            None => {
                if must {
                    self.say(path, "is missing: expected an object".to_owned());
                }
                None
            }
        }
    }

    /// A number below a key, within a range; none where it is missing or null.
    pub fn may(&mut self, tree: &Value, path: &[&str], range: (f64, f64)) -> Option<f64> {
        let key = path.last().copied().unwrap_or("");
        match tree.get(key)? {
            Value::Null => None,
            value => self.within(value, path, range),
        }
    }

    /// A number that must be there; 0 where it is not, and that is noted.
    pub fn number(&mut self, tree: &Value, path: &[&str], range: (f64, f64)) -> f64 {
        let key = path.last().copied().unwrap_or("");
        match tree.get(key) {
            None | Some(Value::Null) => {
                self.say(path, "is missing: expected a number".to_owned());
                0.0
            }
            Some(value) => self.within(value, path, range).unwrap_or(0.0),
        }
    }

    /// A whole number of steps.
    pub fn steps(&mut self, tree: &Value, path: &[&str]) -> usize {
        let number = self.number(tree, path, (0.0, 1e6));
        if number.fract() != 0.0 {
            self.say(path, format!("expected a whole number of steps, found {number}"));
        }
        number as usize
    }

    /// Yes or no: true, false, 1 or 0; nothing where it is missing or null.
    pub fn flag(&mut self, tree: &Value, path: &[&str]) -> Option<bool> {
        let key = path.last().copied().unwrap_or("");
        let value = tree.get(key).filter(|value| !value.is_null())?;
        let found = self.yes(value);
        if found.is_none() {
            self.say(path, format!("expected true or false, 1 or 0; found {}", kind(value)));
        }
        found
    }

    /// Whether a value says yes, or no.
    fn yes(&self, value: &Value) -> Option<bool> {
        match value {
            Value::Bool(yes) => Some(*yes),
            other => other.as_f64().filter(|number| *number == 0.0 || *number == 1.0).map(|number| number == 1.0),
        }
    }

    /// Yes, no or nothing (null) for every step: a list, or one value for all.
    pub fn flags(&mut self, value: &Value, path: &[&str], count: usize) -> Vec<Option<bool>> {
        let each: Vec<&Value> = value.as_array().map_or_else(|| vec![value; count], |list| list.iter().collect());
        if each.len() != count {
            self.say(path, format!("expected {count} values, one a step; found {}", each.len()));
        }
        if let Some(wrong) = each.iter().find(|value| !value.is_null() && self.yes(value).is_none()) {
            self.say(path, format!("expected true or false, 1 or 0, or null; found {}", kind(wrong)));
        }
        each.into_iter().map(|value| self.yes(value)).collect()
    }

    fn within(&mut self, value: &Value, path: &[&str], (least, most): (f64, f64)) -> Option<f64> {
        let Some(number) = value.as_f64() else {
            self.say(path, format!("expected a number, found {}", kind(value)));
            return None;
        };
        if !(least..=most).contains(&number) {
            let limit = if most.is_finite() { format!("{least} to {most}") } else { format!("at least {least}") };
            self.say(path, format!("expected {limit}, found {number}"));
            return None;
        }
        Some(number)
    }

    /// Numbers of a list, `count` of them.
    pub fn list(&mut self, value: &Value, path: &[&str], count: usize, range: (f64, f64)) -> Vec<f64> {
        let Some(list) = value.as_array() else {
            self.say(path, format!("expected a list of {count} numbers, found {}", kind(value)));
            return vec![0.0; count];
        };
        if list.len() != count {
            self.say(path, format!("expected {count} values, one a step; found {}", list.len()));
            return vec![0.0; count];
        }
        list.iter().map(|value| self.within(value, path, range).unwrap_or(0.0)).collect()
    }
}

/// What a value is, in words.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text \"{}\"", text.chars().take(40).collect::<String>()),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(map) => format!("an object with {} keys", map.len()),
    }
}
