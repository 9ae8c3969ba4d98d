//! Reading a journal back, from any bytes: what is cut off ends it, what is damaged is named, nothing panics.
//!
//! Not modelled: reading from the middle; a row needs those before it, back to one that stands alone.

use super::rows::{self, Against, Before};
use super::wire::{Malformed, Take};
use super::{
    END, Ending, FORMAT, FRAME, HEADER, Header, JournalError, MAGIC, MOST_PAYLOAD, OwnedRow, ROW, WHOLE, WITH_OUTLOOK,
    WITH_PLAN, WITH_STATE,
};
use crate::contract::{Decision, Observation};
use crate::state::State;
use std::io::{self, Read};
use tieline_units::Time;

/// Bytes asked of the source at once.
const CHUNK: usize = 64 << 10;
/// Bytes checked in search of a whole frame behind a damaged one, before it is taken for granted that there is one.
/// A tail made to mislead the search could otherwise hold it up for hours.
const MOST_SEARCHED: usize = 256 << 20;
/// A frame behind a damaged one is taken for ours if its tick lies at most so far ahead: three years of 100 ms.
const MOST_TICKS_AHEAD: u64 = 1_000_000_000;

/// A window on the source that grows with what really arrives, never with what a length field promises.
#[derive(Debug)]
struct Window<R> {
    input: R,
    bytes: Vec<u8>,
    start: usize,
}

impl<R: Read> Window<R> {
    fn held(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Reads on until `count` bytes are held; false when the source ends before.
    fn want(&mut self, count: usize) -> io::Result<bool> {
        while self.held().len() < count {
            if self.start >= CHUNK && self.start >= self.bytes.len() / 2 {
                self.bytes.drain(..self.start);
                self.start = 0;
            }
            let end = self.bytes.len();
            self.bytes.resize(end + CHUNK, 0);
            let read = self.input.read(&mut self.bytes[end..]);
            self.bytes.truncate(end + read.as_ref().map_or(0, |read| (*read).min(CHUNK)));
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
    }

    /// Length of the payload of a whole frame that begins here.
    fn frame(&mut self) -> io::Result<Result<usize, &'static str>> {
        if !self.want(FRAME + 1)? {
            return Ok(Err("it is cut off"));
        }
        let length = Take::new(self.held()).fixed(4).map_or(0, |length| length as usize);
        if length == 0 || length > MOST_PAYLOAD {
            return Ok(Err("its length makes no sense"));
        }
        if !self.want(length + FRAME)? {
            return Ok(Err("it is cut off"));
        }
        let (body, rest) = self.held().split_at(length + 4);
        let told = Take::new(rest).fixed(4).map_or(0, |check| check as u32);
        // A fuzzer cannot guess checksums; what lies behind them must stand on its own.
        let holds = crc32fast::hash(body) == told || cfg!(fuzzing);
        Ok(if holds { Ok(length) } else { Err("its checksum does not hold") })
    }

    /// The payload of the frame that begins here, as checked by [`Self::frame`].
    fn payload(&self, length: usize) -> &[u8] {
        &self.held()[4..4 + length]
    }

    /// Looks for a whole frame behind a damaged one that begins here; `rows` whole rows lie before it. Otherwise says
    /// how many bytes there are.
    fn search(&mut self, rows: u64) -> io::Result<Result<(), u64>> {
        let (mut skipped, mut searched) = (0_u64, 0);
        while self.want(FRAME + 2)? {
            self.skip(1);
            skipped += 1;
            let mut take = Take::new(self.held());
            let length = take.fixed(4).map_or(0, |length| length as usize);
            let kind = take.byte().unwrap_or(0);
            let tick = take.varint().unwrap_or(u64::MAX);
            let ours =
                matches!(kind, ROW | WHOLE | END) && tick.checked_sub(rows).is_some_and(|n| n < MOST_TICKS_AHEAD);
            if !ours || length > MOST_PAYLOAD {
                continue;
            }
            searched += length;
            if searched > MOST_SEARCHED || self.frame()?.is_ok() {
                return Ok(Ok(()));
            }
        }
        Ok(Err(skipped + self.held().len() as u64))
    }
}

/// Reads a journal row by row.
#[derive(Debug)]
pub struct JournalReader<R: Read> {
    window: Window<R>,
    header: Header,
    before: Box<Before>,
    row: Box<OwnedRow>,
    rows: u64,
    ending: Option<Ending>,
    damage: Option<&'static str>,
}

impl<R: Read> JournalReader<R> {
    /// Begins to read a journal; no more than 64 kB are asked of `input` at once.
    ///
    /// # Errors
    /// Bytes that are no journal, one of another format, a damaged header, and what `input` says.
    pub fn open(input: R) -> Result<Self, JournalError> {
        let mut window = Window { input, bytes: Vec::new(), start: 0 };
        let begins = window.want(MAGIC.len() + 4)?;
        if !begins || !window.held().starts_with(MAGIC) {
            return Err(JournalError::NotAJournal);
        }
        window.skip(MAGIC.len());
        let found = Take::new(window.held()).fixed(4).map_or(0, |found| found as u32);
        if found != FORMAT {
            return Err(JournalError::WrongFormat { found });
        }
        window.skip(4);
        let length = window.frame()?.map_err(|_| JournalError::Header("cut off or damaged"))?;
        let header = take_header(window.payload(length)).map_err(|Malformed| JournalError::Header("not understood"))?;
        window.skip(length + FRAME);
        let row = OwnedRow {
            tick: 0,
            observation: Observation::empty(Time::ZERO),
            outlook: None,
            plan: None,
            proposed: Decision::idle(Time::ZERO, 0),
            guarded: Decision::idle(Time::ZERO, 0),
            digest: 0,
            state: None,
        };
        let before = Box::new(Before::nothing());
        Ok(Self { window, header, before, row: Box::new(row), rows: 0, ending: None, damage: None })
    }

    /// What the journal says about the run that wrote it.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Rows read.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How the journal ends; known once [`Self::next_row`] has returned `None`, open until then.
    #[must_use]
    pub fn ended(&self) -> Ending {
        self.ending.unwrap_or(Ending::Open)
    }

    /// The next row; `None` at the end, also at a torn one.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the tick of a damaged row (again on every later call), and what the source says.
    pub fn next_row(&mut self) -> Result<Option<&OwnedRow>, JournalError> {
        if let Some(why) = self.damage {
            return Err(JournalError::Corrupt { tick: self.rows, why });
        }
        if self.ending.is_some() {
            return Ok(None);
        }
        if !self.window.want(1)? {
            self.ending = Some(Ending::Open);
            return Ok(None);
        }
        let length = match self.window.frame()? {
            Ok(length) => length,
            Err(why) => return self.tail(why),
        };
        if self.window.payload(length)[0] == END {
            return self.end(length);
        }
        let (rows, before, row) = (self.rows, &mut *self.before, &mut *self.row);
        if let Err(why) = take_row(self.window.payload(length), rows, before, row) {
            return self.damaged(why);
        }
        self.window.skip(length + FRAME);
        self.rows += 1;
        Ok(Some(&self.row))
    }

    fn damaged(&mut self, why: &'static str) -> Result<Option<&OwnedRow>, JournalError> {
        self.damage = Some(why);
        Err(JournalError::Corrupt { tick: self.rows, why })
    }

    /// A damaged frame: the tail if nothing whole follows it.
    fn tail(&mut self, why: &'static str) -> Result<Option<&OwnedRow>, JournalError> {
        match self.window.search(self.rows)? {
            Ok(()) => self.damaged(why),
            Err(bytes) => {
                self.ending = Some(Ending::Torn { bytes });
                Ok(None)
            }
        }
    }

    fn end(&mut self, length: usize) -> Result<Option<&OwnedRow>, JournalError> {
        let mut take = Take::new(&self.window.payload(length)[1..]);
        if take.varint() != Ok(self.rows) || !take.is_empty() {
            return self.damaged("the count of rows at the end is another");
        }
        self.window.skip(length + FRAME);
        if self.window.want(1)? {
            return self.tail("bytes follow the end");
        }
        self.ending = Some(Ending::Complete);
        Ok(None)
    }
}

fn take_header(payload: &[u8]) -> Result<Header, Malformed> {
    let mut take = Take::new(payload);
    if take.byte()? != HEADER {
        return Err(Malformed);
    }
    let (version, target) = (take.text()?, take.text()?);
    let (lockfile_digest, scenario_digest, seed) = (take.fixed(8)?, take.fixed(8)?, take.fixed(8)?);
    let (scenario_name, scenario_text) = (take.text()?, take.text()?);
    if !take.is_empty() {
        return Err(Malformed);
    }
    Ok(Header { version, target, lockfile_digest, scenario_digest, seed, scenario_name, scenario_text })
}

/// Decodes one tick's payload into `row`.
fn take_row(payload: &[u8], rows: u64, before: &mut Before, row: &mut OwnedRow) -> Result<(), &'static str> {
    let mut take = Take::new(payload);
    let tick = match take.byte() {
        Ok(WHOLE) => {
            *before = Before::nothing();
            take.varint()
        }
        Ok(ROW) if rows == 0 => return Err("the first row does not stand alone"),
        Ok(ROW) => take.varint(),
        _ => return Err("a frame of unknown kind"),
    };
    if tick != Ok(rows) {
        return Err("a row is missing or out of order");
    }
    row.tick = rows;
    take_parts(&mut take, before, row).map_err(|Malformed| "the row is not understood")
}

fn take_parts(take: &mut Take<'_>, before: &mut Before, row: &mut OwnedRow) -> Result<(), Malformed> {
    let flags = take.byte()?;
    if flags >= WITH_STATE << 1 {
        return Err(Malformed);
    }
    rows::take_observation(take, &mut before.observation)?;
    row.observation = before.observation;
    row.outlook = None;
    if flags & WITH_OUTLOOK != 0 {
        rows::take_outlook(take, &mut before.outlook)?;
        row.outlook = Some(Box::new(before.outlook.clone()));
    }
    row.plan = None;
    if flags & WITH_PLAN != 0 {
        rows::take_plan(take, &mut before.plan)?;
        row.plan = Some(Box::new(before.plan.clone()));
    }
    rows::take_decision(take, &mut before.proposed, Against::RowBefore(before.observation.now))?;
    row.proposed = before.proposed;
    row.guarded = before.proposed;
    rows::take_decision(take, &mut row.guarded, Against::Proposal)?;
    row.digest = take.fixed(8)?;
    row.state = None;
    if flags & WITH_STATE != 0 {
        let state = bytemuck::try_pod_read_unaligned::<State>(take.raw(size_of::<State>())?);
        row.state = Some(Box::new(state.map_err(|_| Malformed)?));
    }
    if take.is_empty() { Ok(()) } else { Err(Malformed) }
}
