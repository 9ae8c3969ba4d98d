//! How numbers and arrays become bytes: differences against what was before, packed to the width that they need.
//!
//! Everything is lossless to the bit, NaN payloads and the sign of zero included. Instruments and commands show values
//! in whole steps (a meter of 10 kW, a cap of 1 W), so most changes are small integers; a value that lies on no known
//! grid is kept as the bits that differ from those before. Arrays go in blocks of 32, and a block without a change
//! costs nothing.
//!
//! Not modelled: entropy coding; the figures are dense enough without, and a row must cost microseconds only.

use tieline_units::{Quality, Time};

/// Places of an array that are coded together: one bit each in a mask of 32.
const BLOCK: usize = 32;
/// Grids that values may lie on, in the unit of the field, and their inverses: 10 kW down to 0.01 %.
const GRIDS: [(f64, f64); 9] = [
    (1e4, 1e-4),
    (1e3, 1e-3),
    (1e2, 1e-2),
    (1e1, 1e-1),
    (1.0, 1.0),
    (1e-1, 1e1),
    (1e-2, 1e2),
    (1e-3, 1e3),
    (1e-4, 1e4),
];
/// In place of a grid's number: the bits that changed.
const RAW: u8 = 15;
/// Set in a block's first byte when some of its places did not change: a mask says which did.
const SPARSE: u8 = 0x80;
/// Added and taken away again, this rounds to a whole number; its bits then hold that number: 1.5 x 2^52.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Sign and exponent of every sum with the rounder for which this holds: fewer than 2^51 steps.
const ROUNDED: u64 = 0x433;

/// Bytes that do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

pub(super) fn put_int(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Bytes being read; every step is checked, nothing panics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take<'a> {
    bytes: &'a [u8],
}

impl<'a> Take<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.raw(1).map(|bytes| bytes[0])
    }

    pub(super) fn fixed(&mut self, width: usize) -> Result<u64, Malformed> {
        let mut bytes = [0; 8];
        bytes.get_mut(..width).ok_or(Malformed)?.copy_from_slice(self.raw(width)?);
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub(super) fn int(&mut self) -> Result<i64, Malformed> {
        self.varint().map(unzigzag)
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
        String::from_utf8(self.raw(length)?.to_vec()).map_err(|_| Malformed)
    }
}

/// What can be compared to the bit, several at once: a loop over it must run in vectors.
pub(super) trait Bits: Copy {
    /// Not zero if a bit differs.
    fn differs(self, other: Self) -> u64;

    /// Whether whole arrays are equal to the bit.
    fn all_equal(now: &[Self], before: &[Self]) -> bool;
}

impl Bits for f64 {
    #[inline]
    fn differs(self, other: Self) -> u64 {
        self.to_bits() ^ other.to_bits()
    }

    #[inline]
    fn all_equal(now: &[Self], before: &[Self]) -> bool {
        bytemuck::cast_slice::<_, u8>(now) == bytemuck::cast_slice::<_, u8>(before)
    }
}

impl Bits for f32 {
    #[inline]
    fn differs(self, other: Self) -> u64 {
        u64::from(self.to_bits() ^ other.to_bits())
    }

    #[inline]
    fn all_equal(now: &[Self], before: &[Self]) -> bool {
        bytemuck::cast_slice::<_, u8>(now) == bytemuck::cast_slice::<_, u8>(before)
    }
}

impl Bits for Time {
    /// By comparison: asking for the nanoseconds would be a call into another crate.
    #[inline]
    fn differs(self, other: Self) -> u64 {
        u64::from(self != other)
    }

    #[inline]
    fn all_equal(now: &[Self], before: &[Self]) -> bool {
        // No early exit within a block: that would keep the loop out of vectors.
        let ((now, now_rest), (before, before_rest)) = (now.as_chunks::<BLOCK>(), before.as_chunks::<BLOCK>());
        now.iter().zip(before).all(|(now, before)| now.iter().zip(before).fold(true, |all, (a, b)| all & (a == b)))
            && now_rest == before_rest
    }
}

/// Which blocks of an array differ, lowest bit first.
pub(super) fn changed_blocks<T: Bits>(now: &[T], before: &[T]) -> u32 {
    if T::all_equal(now, before) {
        return 0;
    }
    let mut blocks = 0;
    for (index, (now, before)) in now.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
        let differ = now.iter().zip(before).fold(0, |all, (a, b)| all | a.differs(*b));
        blocks |= u32::from(differ != 0) << index;
    }
    blocks
}

fn changed_places<T: Bits>(now: &[T], before: &[T]) -> u32 {
    let mut places = 0;
    if let (Some(now), Some(before)) = (now.first_chunk::<BLOCK>(), before.first_chunk::<BLOCK>()) {
        // Of known length: unrolled.
        for place in 0..BLOCK {
            places |= u32::from(now[place].differs(before[place]) != 0) << place;
        }
        return places;
    }
    for (place, (a, b)) in now.iter().zip(before).enumerate() {
        places |= u32::from(a.differs(*b) != 0) << place;
    }
    places
}

/// All places of a block of this length.
const fn all_places(length: usize) -> u32 {
    if length >= BLOCK { u32::MAX } else { (1 << length) - 1 }
}

/// Which blocks follow; an array of one block needs no word on it, since it is only here because it changed.
fn put_blocks(out: &mut Vec<u8>, blocks: u32, length: usize) {
    if length > BLOCK {
        put_varint(out, u64::from(blocks));
    }
}

fn take_blocks(take: &mut Take<'_>, length: usize) -> Result<u32, Malformed> {
    if length <= BLOCK {
        return Ok(1);
    }
    let blocks = u32::try_from(take.varint()?).map_err(|_| Malformed)?;
    if blocks & !all_places(length.div_ceil(BLOCK)) == 0 { Ok(blocks) } else { Err(Malformed) }
}

/// First bytes of a block: what its codes are, how wide, and which places changed.
fn put_head(out: &mut Vec<u8>, kind: u8, width: u32, places: u32, length: usize) {
    let sparse = places != all_places(length);
    out.push(if sparse { kind | SPARSE } else { kind });
    out.push(width as u8);
    if sparse {
        out.extend_from_slice(&places.to_le_bytes()[..length.div_ceil(8)]);
    }
}

struct Head {
    kind: u8,
    width: u32,
    places: u32,
}

fn take_head(take: &mut Take<'_>, length: usize) -> Result<Head, Malformed> {
    let kind = take.byte()?;
    let width = u32::from(take.byte()?);
    let all = all_places(length);
    let places = if kind & SPARSE == 0 { all } else { take.fixed(length.div_ceil(8))? as u32 };
    if width > 64 || places == 0 || places & !all != 0 {
        return Err(Malformed);
    }
    Ok(Head { kind: kind & !SPARSE, width, places })
}

/// Appends the low `width` bits of each code, without gaps.
fn put_packed(out: &mut Vec<u8>, codes: &[u64], width: u32) {
    let start = out.len();
    let bytes = (codes.len() * width as usize).div_ceil(8);
    out.resize(start + bytes.next_multiple_of(4), 0);
    let mut words = out[start..].chunks_exact_mut(4);
    let (mut held, mut filled) = (0_u64, 0);
    // In halves of at most 32 bits: 64 bits then hold what is left over and the next half.
    let mut put = |bits: u64, width: u32| {
        held |= bits << filled;
        filled += width;
        if filled >= 32 {
            if let Some(word) = words.next() {
                word.copy_from_slice(&(held as u32).to_le_bytes());
            }
            held >>= 32;
            filled -= 32;
        }
    };
    for code in codes {
        if width <= 32 {
            put(*code, width);
        } else {
            put(code & u64::from(u32::MAX), 32);
            put(code >> 32, width - 32);
        }
    }
    if let Some(word) = words.next() {
        word.copy_from_slice(&(held as u32).to_le_bytes());
    }
    out.truncate(start + bytes);
}

fn take_packed(take: &mut Take<'_>, codes: &mut [u64], width: u32) -> Result<(), Malformed> {
    let bytes = take.raw((codes.len() * width as usize).div_ceil(8))?;
    let mask = if width == 64 { u64::MAX } else { (1_u64 << width) - 1 };
    let (mut held, mut filled, mut at) = (0_u128, 0, 0);
    for code in codes {
        while filled < width {
            held |= u128::from(bytes[at]) << filled;
            at += 1;
            filled += 8;
        }
        *code = held as u64 & mask;
        held >>= width;
        filled -= width;
    }
    Ok(())
}

/// Bits that hold every one of the codes.
fn width_of(codes: &[u64]) -> u32 {
    64 - codes.iter().fold(0, |all, code| all | code).leading_zeros()
}

/// A block of integers as the first and, packed, the distances of the others from it; returns the first.
fn put_integers(
    out: &mut Vec<u8>,
    kind: u8,
    places: u32,
    length: usize,
    mut value: impl FnMut(usize) -> i64,
    guess: i64,
) -> i64 {
    let first = value(places.trailing_zeros() as usize);
    let mut codes = [0; BLOCK];
    let mut count = 0;
    if places == all_places(length) {
        for place in 1..length {
            codes[place - 1] = zigzag(value(place).wrapping_sub(first));
        }
        count = length - 1;
    } else {
        let mut rest = places & (places - 1);
        while rest != 0 {
            codes[count] = zigzag(value(rest.trailing_zeros() as usize).wrapping_sub(first));
            count += 1;
            rest &= rest - 1;
        }
    }
    let width = width_of(&codes[..count]);
    put_head(out, kind, width, places, length);
    put_int(out, first.wrapping_sub(guess));
    put_packed(out, &codes[..count], width);
    first
}

/// Calls `each` with every changed place and its integer; returns the first.
fn take_integers(
    take: &mut Take<'_>,
    head: &Head,
    guess: i64,
    mut each: impl FnMut(usize, i64),
) -> Result<i64, Malformed> {
    let first = guess.wrapping_add(take.int()?);
    let count = head.places.count_ones() as usize - 1;
    let mut codes = [0; BLOCK];
    take_packed(take, &mut codes[..count], head.width)?;
    let mut places = head.places;
    let mut integer = first;
    for code in codes {
        each(places.trailing_zeros() as usize, integer);
        places &= places - 1;
        if places == 0 {
            break;
        }
        integer = first.wrapping_add(unzigzag(code));
    }
    Ok(first)
}

/// The number of a value on a grid, and zero if the value lies on it exactly. Negative values, the negative zero among
/// them, count from -1 downwards, so that both zeros have a number of their own. Without a branch: it runs in vectors.
fn number_on(value: f64, (grid, inverse): (f64, f64)) -> (i64, u64) {
    let shifted = value * inverse + ROUNDER;
    let nearest = (shifted - ROUNDER) * grid;
    let off = (nearest.abs().to_bits() ^ value.abs().to_bits()) | ((shifted.to_bits() >> 52) ^ ROUNDED);
    let whole = (shifted.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
    (whole.wrapping_sub((value.to_bits() >> 63) as i64), off)
}

fn value_of(number: i64, grid: f64) -> f64 {
    if number >= 0 { number as f64 * grid } else { -((-(number + 1)) as f64 * grid) }
}

/// The number of the value before; one that lies on no step counts as zero, for writer and reader alike.
fn number_before(value: f64, grid: (f64, f64)) -> i64 {
    let (number, off) = number_on(value, grid);
    if off == 0 { number } else { 0 }
}

/// Writes one block on this grid, unless a changed value does not lie on it.
fn put_on_grid(out: &mut Vec<u8>, now: &[f64], before: &[f64], places: u32, grid: u8) -> bool {
    let steps = GRIDS[usize::from(grid)];
    let mut changes = [0_i64; BLOCK];
    let mut off = 0;
    for ((change, now), before) in changes.iter_mut().zip(now).zip(before) {
        let ((number, now_off), (old, old_off)) = (number_on(*now, steps), number_on(*before, steps));
        off |= now_off | old_off;
        *change = number.wrapping_sub(old);
    }
    // Something lies beside the grid: it may be what did not change, or what was before.
    if off != 0 {
        for place in (0..now.len().min(BLOCK)).filter(|place| places & (1 << place) != 0) {
            let (number, off) = number_on(now[place], steps);
            if off != 0 {
                return false;
            }
            changes[place] = number.wrapping_sub(number_before(before[place], steps));
        }
    }
    put_integers(out, grid, places, now.len(), |place| changes[place], 0);
    true
}

/// Writes one block as the bits that changed, without the zeros that all share above and below.
fn put_raw(out: &mut Vec<u8>, now: &[f64], before: &[f64], places: u32) {
    let mut codes = [0_u64; BLOCK];
    let mut count = 0;
    let mut all = 0;
    for (a, b) in now.iter().zip(before) {
        let differ = a.to_bits() ^ b.to_bits();
        if differ != 0 {
            codes[count] = differ;
            count += 1;
            all |= differ;
        }
    }
    let low = all.trailing_zeros();
    codes[..count].iter_mut().for_each(|code| *code >>= low);
    let width = 64 - (all >> low).leading_zeros();
    put_head(out, RAW, width, places, now.len());
    out.push(low as u8);
    put_packed(out, &codes[..count], width);
}

/// Doubles of changed blocks against those before. `guess` is the grid that fitted last; it is renewed by what fits.
pub(super) fn put_doubles(out: &mut Vec<u8>, now: &[f64], before: &[f64], blocks: u32, guess: &mut u8) {
    put_blocks(out, blocks, now.len());
    for (index, (now, before)) in now.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
        if blocks & (1 << index) == 0 {
            continue;
        }
        let places = changed_places(now, before);
        let sample = now[places.trailing_zeros() as usize];
        let mut written = false;
        for grid in std::iter::once(*guess).chain(0..GRIDS.len() as u8) {
            if grid == RAW || number_on(sample, GRIDS[usize::from(grid)]).1 != 0 {
                continue;
            }
            written = put_on_grid(out, now, before, places, grid);
            if written {
                *guess = grid;
                break;
            }
        }
        if !written {
            put_raw(out, now, before, places);
        }
    }
}

/// Doubles that lie on no grid by their nature: one test less.
pub(super) fn put_raw_doubles(out: &mut Vec<u8>, now: &[f64], before: &[f64], blocks: u32) {
    put_blocks(out, blocks, now.len());
    for (index, (now, before)) in now.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
        if blocks & (1 << index) != 0 {
            put_raw(out, now, before, changed_places(now, before));
        }
    }
}

/// Reads what [`put_doubles`] or [`put_raw_doubles`] wrote; `values` holds those before and becomes those now.
pub(super) fn take_doubles(take: &mut Take<'_>, values: &mut [f64]) -> Result<(), Malformed> {
    let blocks = take_blocks(take, values.len())?;
    for (index, values) in values.chunks_mut(BLOCK).enumerate() {
        if blocks & (1 << index) == 0 {
            continue;
        }
        let head = take_head(take, values.len())?;
        if head.kind == RAW {
            take_raw(take, &head, values)?;
            continue;
        }
        let grid = *GRIDS.get(usize::from(head.kind)).ok_or(Malformed)?;
        take_integers(take, &head, 0, |place, change| {
            values[place] = value_of(number_before(values[place], grid).wrapping_add(change), grid.0);
        })?;
    }
    Ok(())
}

fn take_raw(take: &mut Take<'_>, head: &Head, values: &mut [f64]) -> Result<(), Malformed> {
    let low = u32::from(take.byte()?);
    if low + head.width > 64 || head.width == 0 {
        return Err(Malformed);
    }
    let mut codes = [0; BLOCK];
    let count = head.places.count_ones() as usize;
    take_packed(take, &mut codes[..count], head.width)?;
    let mut places = head.places;
    for code in &codes[..count] {
        let value = &mut values[places.trailing_zeros() as usize];
        *value = f64::from_bits(value.to_bits() ^ (code << low));
        places &= places - 1;
    }
    Ok(())
}

/// Instants of changed blocks as their age at `now`; readings of one scan share it. `age` is the last one written.
pub(super) fn put_times(out: &mut Vec<u8>, times: &[Time], before: &[Time], blocks: u32, now: Time, age: &mut i64) {
    put_blocks(out, blocks, times.len());
    for (index, (times, before)) in times.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
        if blocks & (1 << index) != 0 {
            let places = changed_places(times, before);
            let first = times[places.trailing_zeros() as usize];
            let others = changed_places(times, &[first; BLOCK][..times.len()]);
            if others & places == 0 {
                // One scan read them all.
                let common = now.as_nanos().wrapping_sub(first.as_nanos());
                put_head(out, 0, 0, places, times.len());
                put_int(out, common.wrapping_sub(*age));
                *age = common;
                continue;
            }
            let age_at = |place: usize| now.as_nanos().wrapping_sub(times[place].as_nanos());
            *age = put_integers(out, 0, places, times.len(), age_at, *age);
        }
    }
}

pub(super) fn take_times(take: &mut Take<'_>, times: &mut [Time], now: Time, age: &mut i64) -> Result<(), Malformed> {
    let blocks = take_blocks(take, times.len())?;
    for (index, times) in times.chunks_mut(BLOCK).enumerate() {
        if blocks & (1 << index) != 0 {
            let head = take_head(take, times.len())?;
            *age = take_integers(take, &head, *age, |place, age| {
                times[place] = Time::nanos(now.as_nanos().wrapping_sub(age));
            })?;
        }
    }
    Ok(())
}

/// Single-precision doubles of a table: changes of their bits as integers.
pub(super) fn put_singles(out: &mut Vec<u8>, now: &[f32], before: &[f32]) {
    let blocks = changed_blocks(now, before);
    put_varint(out, u64::from(blocks));
    for (index, (now, before)) in now.chunks(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
        if blocks & (1 << index) != 0 {
            let places = changed_places(now, before);
            let change = |place: usize| i64::from(now[place].to_bits()) - i64::from(before[place].to_bits());
            put_integers(out, 0, places, now.len(), change, 0);
        }
    }
}

pub(super) fn take_singles(take: &mut Take<'_>, values: &mut [f32]) -> Result<(), Malformed> {
    let blocks = u32::try_from(take.varint()?).map_err(|_| Malformed)?;
    if blocks & !all_places(values.len().div_ceil(BLOCK)) != 0 {
        return Err(Malformed);
    }
    for (index, values) in values.chunks_mut(BLOCK).enumerate() {
        if blocks & (1 << index) != 0 {
            let head = take_head(take, values.len())?;
            take_integers(take, &head, 0, |place, change| {
                let bits = i64::from(values[place].to_bits()).wrapping_add(change);
                values[place] = f32::from_bits(bits as u32);
            })?;
        }
    }
    Ok(())
}

/// Whether any quality differs.
pub(super) fn qualities_differ(now: &[Quality], before: &[Quality]) -> bool {
    now.iter().zip(before).fold(0, |all, (a, b)| all | (*a as u8 ^ *b as u8)) != 0
}

/// Qualities as runs of equal ones; they change rarely.
pub(super) fn put_qualities(out: &mut Vec<u8>, now: &[Quality]) {
    for run in now.chunk_by(|a, b| a == b) {
        put_varint(out, ((run.len() as u64) << 2) | run[0] as u64);
    }
}

pub(super) fn take_qualities(take: &mut Take<'_>, values: &mut [Quality]) -> Result<(), Malformed> {
    let mut rest = values;
    while !rest.is_empty() {
        let run = take.varint()?;
        let length = usize::try_from(run >> 2).map_err(|_| Malformed)?;
        if length == 0 || length > rest.len() || run & 3 == 3 {
            return Err(Malformed);
        }
        let (filled, left) = rest.split_at_mut(length);
        filled.fill(Quality::from_code((run & 3) as u8));
        rest = left;
    }
    Ok(())
}
