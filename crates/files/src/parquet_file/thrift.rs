//! Walks a struct in Thrift's compact protocol without keeping anything of it.
//!
//! Source: the Apache Thrift compact protocol specification, "Struct encoding", "List and Set", "Map".
//!
//! Not modelled: the values of texts and floating-point numbers, which are passed over.

/// Most structs, lists and maps inside one another.
const MOST_DEPTH: usize = 32;

/// What is met on the way. The path to it is the numbers of the fields from the outermost struct down; an element of a
/// list stands at its list's path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event {
    /// A whole number.
    Whole(i64),
    /// An element of a list begins.
    Element,
}

/// Kinds of fields, by the numbers that stand before them.
pub(super) mod kind {
    /// Either flag, of which the other is 2.
    pub const FLAG: u8 = 1;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const TEXT: u8 = 8;
    pub const LIST: u8 = 9;
    pub const STRUCT: u8 = 12;
}

/// Walks the struct that `bytes` begin with and returns its length; `None` where the bytes end before it does, or are no
/// such struct. Every element that a list counts is walked, so a count is never believed.
///
/// `known` tells the kind of the field at a path, where it is known. A field of another kind is `None` too: a reader that
/// takes a known field for what it should be would go on at another byte than this walk.
pub(super) fn walk(
    bytes: &[u8],
    known: fn(&[i16]) -> Option<u8>,
    met: &mut impl FnMut(&[i16], Event),
) -> Option<usize> {
    let mut walk = Walk { left: bytes, path: Vec::new(), known, met };
    walk.structure(0)?;
    Some(bytes.len() - walk.left.len())
}

/// A number of seven bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], count: u64) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// A number whose sign is its lowest bit.
fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let value = varint(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

struct Walk<'b, 'm, M> {
    left: &'b [u8],
    path: Vec<i16>,
    known: fn(&[i16]) -> Option<u8>,
    met: &'m mut M,
}

impl<M: FnMut(&[i16], Event)> Walk<'_, '_, M> {
    fn structure(&mut self, depth: usize) -> Option<()> {
        let mut field = 0_i16;
        loop {
            let head = take(&mut self.left, 1)?[0];
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => i16::try_from(zigzag(&mut self.left)?).ok()?,
                step => field.checked_add(i16::from(step))?,
            };
            self.path.push(field);
            // A flag that is a field stands in its kind alone.
            let kind = match head & 15 {
                2 => kind::FLAG,
                kind => kind,
            };
            if (self.known)(&self.path).is_some_and(|known| known != kind) {
                return None;
            }
            if kind != kind::FLAG {
                self.value(kind, depth + 1)?;
            }
            self.path.pop();
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MOST_DEPTH {
            return None;
        }
        match kind {
            1..=3 => take(&mut self.left, 1).map(|_| ()),
            4..=6 => {
                let whole = zigzag(&mut self.left)?;
                (self.met)(&self.path, Event::Whole(whole));
                Some(())
            }
            7 => take(&mut self.left, 8).map(|_| ()),
            8 => {
                let length = varint(&mut self.left)?;
                take(&mut self.left, length).map(|_| ())
            }
            9 | 10 => {
                let head = take(&mut self.left, 1)?[0];
                let count = match head >> 4 {
                    15 => varint(&mut self.left)?,
                    count => u64::from(count),
                };
                for _ in 0..count {
                    (self.met)(&self.path, Event::Element);
                    self.value(head & 15, depth + 1)?;
                }
                Some(())
            }
            11 => {
                let count = varint(&mut self.left)?;
                let kinds = if count > 0 { take(&mut self.left, 1)?[0] } else { 0 };
                for _ in 0..count {
                    self.value(kinds >> 4, depth + 1)?;
                    self.value(kinds & 15, depth + 1)?;
                }
                Some(())
            }
            12 => self.structure(depth),
            13 => take(&mut self.left, 16).map(|_| ()),
            _ => None,
        }
    }
}
