//! The collecting reader: one table of a file walked by its field table; every mistake is kept, none stops the walk.
//!
//! Not modelled: inheritance, expressions, optional units.

mod kinds;

use super::diagnostics::{Lines, Mistake, nearest};
use core::cell::RefCell;
use core::ops::Range;
pub use kinds::{Field, Kind, Need, example, kind_word};
use kinds::{parse, range_word};
use std::collections::{BTreeMap, BTreeSet};
use tieline_campus::gpu::Product;
use tieline_units::{Source, SourceKind, Span, Utc};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// First and last instant that a scenario may name, ns since 1970: the years 2000 to 2100.
const FIRST_INSTANT: i64 = 946_684_800_000_000_000;
const LAST_INSTANT: i64 = 4_102_444_800_000_000_000;

/// Greatest power that a scenario may name, W.
const MOST_POWER_W: f64 = 1e12;
/// Longest text, characters.
const MOST_TEXT: usize = 300;

/// Every number with its source: key, as written, source as written.
pub type Provenance = Vec<(String, String, String)>;

/// What all sheets of one file share.
#[derive(Debug)]
pub struct Notes<'t> {
    text: &'t str,
    lines: Lines,
    mistakes: RefCell<Vec<Mistake>>,
    sources: RefCell<BTreeMap<SourceKind, usize>>,
    counted: RefCell<BTreeSet<String>>,
    provenance: RefCell<Vec<(String, String, String)>>,
}

impl<'t> Notes<'t> {
    /// No notes yet.
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            lines: Lines::new(text),
            mistakes: RefCell::default(),
            sources: RefCell::default(),
            counted: RefCell::default(),
            provenance: RefCell::default(),
        }
    }
    /// Adds a mistake.
    pub fn mistake(&self, span: Range<usize>, key: &str, found: &str, expected: &str, hint: &str) {
        let (line, column) = self.lines.place(self.text, span.start);
        let found: String = found.chars().take(80).collect();
        self.mistakes.borrow_mut().push(Mistake {
            span: span.start.min(self.text.len())..span.end.min(self.text.len()),
            line,
            column,
            key: key.to_owned(),
            found,
            expected: expected.to_owned(),
            hint: hint.to_owned(),
        });
    }
    /// Counts a number with its source.
    pub fn number(&self, key: &str, written: &str, source: &Source) {
        if !self.counted.borrow_mut().insert(key.to_owned()) {
            return; // read twice, counted once
        }
        *self.sources.borrow_mut().entry(source.kind).or_default() += 1;
        self.provenance.borrow_mut().push((key.to_owned(), written.to_owned(), source.to_string()));
    }
    /// Whether any mistake was made.
    pub fn clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }
    /// The mistakes in file order, and the sources.
    pub fn finish(self) -> (Vec<Mistake>, BTreeMap<SourceKind, usize>, Provenance) {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| (mistake.span.start, mistake.key.clone()));
        mistakes.dedup();
        (mistakes, self.sources.into_inner(), self.provenance.into_inner())
    }
}

/// One table being read.
pub struct Sheet<'s, 'i> {
    notes: &'s Notes<'i>,
    table: Option<&'s DeTable<'i>>,
    fields: &'static [Field],
    /// Dotted path.
    pub path: String,
    /// Bytes of its header.
    pub span: Range<usize>,
    source: Option<Source>,
}

impl<'s, 'i> Sheet<'s, 'i> {
    /// Opens a table: unknown keys are mistakes at once, its `source` covers its numbers.
    pub fn open(
        notes: &'s Notes<'i>,
        table: Option<&'s DeTable<'i>>,
        fields: &'static [Field],
        path: &str,
        span: Range<usize>,
        inherited: Option<&Source>,
    ) -> Self {
        let mut source = inherited.cloned();
        for (key, value) in table.into_iter().flatten() {
            let name: &str = key.get_ref();
            let full = join(path, name);
            if name == "source" {
                match value.get_ref().as_str().map(Source::parse) {
                    Some(Ok(found)) => source = Some(found),
                    Some(Err(why)) => {
                        notes.mistake(value.span(), &full, "a source that cannot be read", "\"kind: citation\"", &why)
                    }
                    None => {
                        notes.mistake(value.span(), &full, value.get_ref().type_str(), "text, \"kind: citation\"", "")
                    }
                }
            } else if !fields.iter().any(|field| field.key == name) {
                let names: Vec<&str> = fields.iter().map(|field| field.key).chain(["source"]).collect();
                let hint = nearest(name, names.iter().copied())
                    .map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
                let expected = format!("one of: {} (`tieline schema` says what each means)", names.join(", "));
                notes.mistake(key.span(), &full, "an unknown key", &expected, &hint);
            }
        }
        Self { notes, table, fields, path: path.to_owned(), span, source }
    }

    fn field(&self, key: &str) -> &'static Field {
        self.fields.iter().find(|field| field.key == key).expect("the reader asks only for keys of its own field table")
    }

    fn value(&self, key: &str) -> Option<&'s Spanned<DeValue<'i>>> {
        self.table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value))
    }

    /// Bytes of a key's value, or of the table's header when it is absent.
    pub fn at(&self, key: &str) -> Range<usize> {
        self.value(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Whether the key stands there.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Adds a mistake at a key of this table.
    pub fn wrong(&self, key: &str, found: &str, expected: &str, hint: &str) {
        self.notes.mistake(self.at(key), &join(&self.path, key), found, expected, hint);
    }

    /// Adds a mistake at a place of its own.
    pub fn wrong_at(&self, span: Range<usize>, key: &str, found: &str, expected: &str, hint: &str) {
        self.notes.mistake(span, key, found, expected, hint);
    }

    /// Counts the sources of a product of the catalogue: its numbers are in the physics of this scenario.
    pub fn cite_product(&self, product: &Product) {
        let values = [
            product.rated_w,
            product.idle_w,
            product.stalled_w,
            product.training_w,
            product.min_cap_w,
            product.other_w,
            product.bf16_flops,
            product.throughput_exponent,
        ];
        for ((field, source), value) in product.sources.iter().zip(values) {
            self.notes.number(&format!("(catalogue) {}.{field}", product.name), &value.to_string(), source);
        }
    }

    fn missing(&self, field: &Field) {
        if self.table.is_some() {
            self.wrong(
                field.key,
                "nothing",
                &format!("{} ({})", kind_word(field.kind), field.doc),
                "the key is missing",
            );
        }
    }

    /// A number in SI, with its range checked and its source counted. `None` when absent or mistaken.
    pub fn number(&self, key: &str) -> Option<f64> {
        let field = self.field(key);
        let full = join(&self.path, key);
        let Some(value) = self.value(key) else {
            match field.need {
                Need::Must => self.missing(field),
                Need::Else(text, source) => {
                    if !matches!(field.kind, Kind::Whole | Kind::Interval) {
                        let source = Source::parse(source).expect("defaults carry well-formed sources");
                        self.notes.number(&full, text, &source);
                    }
                    return Some(parse(field.kind, text).expect("defaults are well-formed"));
                }
                Need::May => {}
            }
            return None;
        };
        let (value, source) = self.unwrap_source(key, value)?;
        let Some(written) = written(value.get_ref()) else {
            self.wrong(key, value.get_ref().type_str(), &kind_word(field.kind), "");
            return None;
        };
        let bare = !value.get_ref().is_str();
        if bare && !matches!(field.kind, Kind::Count | Kind::Plain | Kind::Whole) {
            let hint = format!("write the unit in quotes, for example \"{}\"", example(field.kind));
            self.wrong(key, &format!("the bare number {written}"), &kind_word(field.kind), &hint);
            return None;
        }
        let si = match parse(field.kind, &written) {
            Ok(si) => si,
            Err(why) => {
                self.wrong(key, &format!("\"{written}\""), &kind_word(field.kind), &why);
                return None;
            }
        };
        if matches!(field.kind, Kind::Power | Kind::Limit) && si.is_finite() && si.abs() > MOST_POWER_W {
            self.wrong(
                key,
                &format!("\"{written}\""),
                "a power below a terawatt",
                "the whole of North America draws less",
            );
            return None;
        }
        if si.is_nan() && !matches!(field.kind, Kind::Limit) || si < field.range.0 || si > field.range.1 {
            let least =
                if field.range.0 >= 0.0 && si < 0.0 { "it may not be negative".to_owned() } else { range_word(field) };
            self.wrong(key, &format!("\"{written}\""), &format!("{} within its range", kind_word(field.kind)), &least);
            return None;
        }
        if !matches!(field.kind, Kind::Whole | Kind::Interval) {
            match source {
                Some(source) => self.notes.number(&full, &written, &source),
                None => self.wrong(
                    key,
                    "a number without a source",
                    "a source for every number",
                    "add source = \"claim: ...\" to the table, or write { value = \"...\", source = \"guess: ...\" }",
                ),
            }
        }
        Some(si)
    }

    /// `{ value = ..., source = ... }` gives a number its own source.
    fn unwrap_source(
        &self,
        key: &str,
        value: &'s Spanned<DeValue<'i>>,
    ) -> Option<(&'s Spanned<DeValue<'i>>, Option<Source>)> {
        let Some(table) = value.get_ref().as_table() else {
            return Some((value, self.source.clone()));
        };
        let mut inner = None;
        let mut source = self.source.clone();
        for (name, part) in table {
            match name.get_ref().as_ref() {
                "value" => inner = Some(part),
                "source" => match part.get_ref().as_str().map(Source::parse) {
                    Some(Ok(found)) => source = Some(found),
                    Some(Err(why)) => self.wrong(key, "a source that cannot be read", "\"kind: citation\"", &why),
                    None => self.wrong(key, part.get_ref().type_str(), "text, \"kind: citation\"", ""),
                },
                other => self.wrong(key, &format!("the unknown key \"{other}\""), "value and source", ""),
            }
        }
        if inner.is_none() {
            self.wrong(key, "a table without a value", "{ value = \"...\", source = \"...\" }", "");
        }
        inner.map(|inner| (inner, source))
    }

    /// The source of a key's number as written; empty where none was given.
    pub fn source_of(&self, key: &str) -> String {
        let own = self.value(key).and_then(|value| value.get_ref().as_table()).and_then(|table| {
            table.iter().find(|(name, _)| name.get_ref() == "source").and_then(|(_, source)| source.get_ref().as_str())
        });
        own.map_or_else(|| self.source.as_ref().map_or_else(String::new, ToString::to_string), str::to_owned)
    }

    /// A text, a word of a list, or a default.
    pub fn text(&self, key: &str) -> Option<String> {
        let field = self.field(key);
        let Some(value) = self.value(key) else {
            if let Need::Else(text, _) = field.need {
                return Some(text.to_owned());
            }
            if matches!(field.need, Need::Must) {
                self.missing(field);
            }
            return None;
        };
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(key, value.get_ref().type_str(), &kind_word(field.kind), "");
            return None;
        };
        if let Kind::Word(words) = field.kind
            && !words.contains(&text)
        {
            let hint = nearest(text, words.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean \"{near}\"?"));
            self.wrong(key, &format!("\"{text}\""), &format!("one of: {}", words.join(", ")), &hint);
            return None;
        }
        if text.chars().any(char::is_control) || text.chars().count() > MOST_TEXT {
            let expected = format!("at most {MOST_TEXT} characters, none of them a control character");
            self.wrong(key, "a text that no line can show", &expected, "");
            return None;
        }
        if text.trim().is_empty() {
            self.wrong(key, "an empty text", &kind_word(field.kind), "");
            return None;
        }
        Some(text.to_owned())
    }

    /// True or false.
    pub fn flag(&self, key: &str, otherwise: bool) -> bool {
        match self.value(key).map(|value| (value.get_ref().as_bool(), value.get_ref().type_str())) {
            None => otherwise,
            Some((Some(flag), _)) => flag,
            Some((None, found)) => {
                self.wrong(key, found, "true or false", "");
                otherwise
            }
        }
    }

    /// An instant with its zone.
    pub fn instant(&self, key: &str) -> Option<Utc> {
        let field = self.field(key);
        let Some(value) = self.value(key) else {
            if matches!(field.need, Need::Must) {
                self.missing(field);
            }
            return None;
        };
        let text = match value.get_ref() {
            DeValue::Datetime(stamp) => stamp.to_string(),
            other => match other.as_str() {
                Some(text) => text.to_owned(),
                None => {
                    self.wrong(key, other.type_str(), &kind_word(field.kind), "");
                    return None;
                }
            },
        };
        match Utc::parse(&text) {
            // Far dates would leave the range of a nanosecond count once they are subtracted from each other.
            Ok(at) if (FIRST_INSTANT..LAST_INSTANT).contains(&at.as_nanos()) => Some(at),
            Ok(_) => {
                self.wrong(key, &format!("\"{text}\""), "an instant between the years 2000 and 2100", "");
                None
            }
            Err(why) => {
                self.wrong(key, &format!("\"{text}\""), &kind_word(field.kind), &why.reason);
                None
            }
        }
    }

    /// The zone written behind an instant, minutes ahead of UTC; `None` for `Z` and where none can be read.
    pub fn zone_minutes(&self, key: &str) -> Option<i64> {
        let text = match self.value(key)?.get_ref() {
            DeValue::Datetime(stamp) => stamp.to_string(),
            other => other.as_str()?.to_owned(),
        };
        let tail = text.get(text.len().checked_sub(6)?..)?;
        let sign = match tail.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = tail.get(1..)?.split_once(':')?;
        Some(sign * (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?))
    }

    /// A number as above, or zero where a mistake was noted: nothing is built from a file with mistakes.
    pub fn si(&self, key: &str) -> f64 {
        self.number(key).unwrap_or_default()
    }

    /// A length of time, exact to the nanosecond; zero where a mistake was noted.
    pub fn span(&self, key: &str) -> Span {
        Span::from_secs_f64(self.si(key))
    }

    /// A text, or an empty one where a mistake was noted.
    pub fn word(&self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(value) = self.value(key) else {
            if matches!(self.field(key).need, Need::Must) {
                self.missing(self.field(key));
            }
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value.get_ref().type_str(), "a list of texts", "");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => {
                    self.notes.mistake(item.span(), &join(&self.path, key), item.get_ref().type_str(), "a text", "")
                }
            }
        }
        texts
    }

    /// A list of numbers, each held against the range of the key; `None` when absent or mistaken.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let field = self.field(key);
        let Some(value) = self.value(key) else {
            if matches!(field.need, Need::Must) {
                self.missing(field);
            }
            return None;
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value.get_ref().type_str(), &kind_word(field.kind), "");
            return None;
        };
        let path = join(&self.path, key);
        let mut numbers = Vec::with_capacity(array.len());
        for item in array {
            let text = if item.get_ref().is_str() { None } else { written(item.get_ref()) };
            let Some(text) = text else {
                self.notes.mistake(item.span(), &path, item.get_ref().type_str(), "a plain number", "");
                continue;
            };
            match parse(Kind::Plain, &text) {
                Ok(number) if (field.range.0..=field.range.1).contains(&number) => numbers.push(number),
                Ok(_) => self.notes.mistake(item.span(), &path, &text, &format!("numbers {}", range_word(field)), ""),
                Err(why) => self.notes.mistake(item.span(), &path, &text, "a plain number", &why),
            }
        }
        match &self.source {
            Some(source) => self.notes.number(&path, &format!("{} numbers", array.len()), source),
            None => self.wrong(key, "numbers without a source", "a source", "add source = \"claim: ...\" to the table"),
        }
        (numbers.len() == array.len()).then_some(numbers)
    }

    /// A table behind a key; absent reads as one without keys, so that defaults hold.
    pub fn table(&self, key: &str) -> Sheet<'s, 'i> {
        let (Kind::Table(fields) | Kind::NameOr(fields)) = self.field(key).kind else {
            unreachable!("asked for a table where the field table has none")
        };
        let path = join(&self.path, key);
        let (table, span) = match self.value(key) {
            None => {
                if matches!(self.field(key).need, Need::Must) {
                    self.missing(self.field(key));
                }
                (None, self.span.clone())
            }
            Some(value) => {
                if value.get_ref().as_table().is_none() {
                    self.wrong(key, value.get_ref().type_str(), "a table", "");
                }
                (value.get_ref().as_table(), value.span())
            }
        };
        Sheet::open(self.notes, table, fields, &path, span, self.source.as_ref())
    }

    /// Whether a table stands behind a key that takes a name or a table.
    pub fn is_table(&self, key: &str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().as_table().is_some())
    }

    /// How many tables stand behind a key.
    pub fn count(&self, key: &str) -> usize {
        self.value(key).and_then(|value| value.get_ref().as_array()).map_or(0, |array| array.len())
    }

    /// The tables behind a key.
    pub fn tables(&self, key: &str) -> Vec<Sheet<'s, 'i>> {
        let Kind::Tables(fields) = self.field(key).kind else {
            unreachable!("asked for tables where the field table has none")
        };
        let Some(value) = self.value(key) else {
            if matches!(self.field(key).need, Need::Must) {
                self.missing(self.field(key));
            }
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value.get_ref().type_str(), &format!("tables, [[{key}]]"), "");
            return Vec::new();
        };
        let mut sheets = Vec::new();
        for (index, item) in array.iter().enumerate() {
            let path = format!("{}[{index}]", join(&self.path, key));
            match item.get_ref().as_table() {
                Some(table) => {
                    sheets.push(Sheet::open(self.notes, Some(table), fields, &path, item.span(), self.source.as_ref()))
                }
                None => self.notes.mistake(item.span(), &path, item.get_ref().type_str(), "a table", ""),
            }
        }
        sheets
    }

    /// The free keys of a table: key, text, span.
    pub fn free(&self, key: &str) -> Vec<(String, String, Range<usize>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, value.get_ref().type_str(), "a table", "");
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in table {
            match written(value.get_ref()) {
                Some(text) => found.push((name.get_ref().to_string(), text, value.span())),
                None => self.notes.mistake(
                    value.span(),
                    &join(key, name.get_ref()),
                    value.get_ref().type_str(),
                    "a rule, \"<= 0\"",
                    "",
                ),
            }
        }
        found
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // With its prefix, so that hexadecimal and its like are refused as what they are.
        DeValue::Integer(number) if number.radix() != 10 => Some(format!("{number}")),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
