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

/// Walks the struct that `bytes` begin with and returns its length; `None` where the bytes end before it does, or are no
/// such struct. Every element that a list counts is walked, so a count is never believed.
pub(super) fn walk(bytes: &[u8], met: &mut impl FnMut(&[i16], Event)) -> Option<usize> {
    let mut left = bytes;
    structure(&mut left, &mut Vec::new(), 0, met)?;
    Some(bytes.len() - left.len())
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

fn structure(bytes: &mut &[u8], path: &mut Vec<i16>, depth: usize, met: &mut impl FnMut(&[i16], Event)) -> Option<()> {
    let mut field = 0_i16;
    loop {
        let head = take(bytes, 1)?[0];
        if head == 0 {
            return Some(());
        }
        field = match head >> 4 {
            0 => i16::try_from(zigzag(bytes)?).ok()?,
            step => field.checked_add(i16::from(step))?,
        };
        path.push(field);
        // A flag that is a field stands in its kind alone.
        match head & 15 {
            1 | 2 => {}
            kind => value(bytes, kind, path, depth + 1, met)?,
        }
        path.pop();
    }
}

fn value(
    bytes: &mut &[u8],
    kind: u8,
    path: &mut Vec<i16>,
    depth: usize,
    met: &mut impl FnMut(&[i16], Event),
) -> Option<()> {
    if depth > MOST_DEPTH {
        return None;
    }
    match kind {
        1..=3 => take(bytes, 1).map(|_| ()),
        4..=6 => zigzag(bytes).map(|whole| met(path, Event::Whole(whole))),
        7 => take(bytes, 8).map(|_| ()),
        8 => {
            let length = varint(bytes)?;
            take(bytes, length).map(|_| ())
        }
        9 | 10 => {
            let head = take(bytes, 1)?[0];
            let count = match head >> 4 {
                15 => varint(bytes)?,
                count => u64::from(count),
            };
            for _ in 0..count {
                met(path, Event::Element);
                value(bytes, head & 15, path, depth + 1, met)?;
            }
            Some(())
        }
        11 => {
            let count = varint(bytes)?;
            let kinds = if count > 0 { take(bytes, 1)?[0] } else { 0 };
            for _ in 0..count {
                value(bytes, kinds >> 4, path, depth + 1, met)?;
                value(bytes, kinds & 15, path, depth + 1, met)?;
            }
            Some(())
        }
        12 => structure(bytes, path, depth, met),
        13 => take(bytes, 16).map(|_| ()),
        _ => None,
    }
}
