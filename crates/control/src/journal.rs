//! The journal of a run: every observation and decision to the bit, so that each can be computed again and explained.
//!
//! A file `journal.tlj` is the text `TIELINE\n`, the format's number (u32), then frames: length of the payload (u32),
//! payload, CRC-32 over both. All integers are little-endian. The first payload is the header, every further one a tick,
//! the last the end with the count of rows. A tick's row holds the observation, the outlook and the plan where they
//! changed, the proposed decision, the guarded one as differences from it, and a digest of the next state; every 300 s
//! the state itself. Rows are coded against the row before, and every 10 s against nothing. A journal that was cut off
//! is read up to its last whole row; damage before whole rows is named by its tick.
//!
//! Not modelled: secrecy and signatures. The checksum finds accidents; that a row was altered on purpose shows when it
//! is computed again.

mod read;
mod rows;
mod wire;

pub use read::JournalReader;

use crate::contract::{Decision, Observation, Outlook, Plan};
use crate::run::{Journal, Row};
use crate::state::State;
use rows::{Against, Before, Grids};
use std::io::{self, Write};
use tieline_units::{Span, Time};

/// First bytes of every journal.
const MAGIC: &[u8; 8] = b"TIELINE\n";
/// Number of the format; a reader takes exactly this one.
const FORMAT: u32 = 3;
/// Greatest payload, bytes: a scenario's text fits many times, and a wrong length cannot ask for the whole memory.
const MOST_PAYLOAD: usize = 4 << 20;
/// Bytes of a frame beside its payload.
const FRAME: usize = 8;

/// First byte of a payload: what it is.
const HEADER: u8 = b'H';
/// A tick, coded against the one before.
const ROW: u8 = b'R';
/// A tick that stands alone.
const WHOLE: u8 = b'W';
/// The end, with the count of rows.
const END: u8 = b'E';

/// Second byte of a tick: what it holds beside observation, decisions and digest.
const WITH_OUTLOOK: u8 = 1;
const WITH_PLAN: u8 = 2;
const WITH_STATE: u8 = 4;

/// Time between rows that stand alone.
const WHOLE_EVERY: Span = Span::secs(10);
/// Time between rows that hold the full state.
const STATE_EVERY: Span = Span::secs(300);

/// What a journal says about the run that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Version of tieline.
    pub version: String,
    /// Machine for which it was compiled.
    pub target: String,
    /// Digest of the versions of all dependencies.
    pub lockfile_digest: u64,
    /// Digest of the scenario's text.
    pub scenario_digest: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Name of the scenario.
    pub scenario_name: String,
    /// The scenario as it was read.
    pub scenario_text: String,
}

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At a whole row, without an end: the writer is still at work or was stopped.
    Open,
    /// With its end, and the count of rows is right.
    Complete,
    /// In a frame that is cut off or damaged, with nothing whole behind it; the rows before it hold.
    Torn {
        /// Bytes behind the last whole row.
        bytes: u64,
    },
}

/// Why a journal cannot be read, or not on.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file does not begin as a journal does.
    #[error("this is not a journal of tieline")]
    NotAJournal,
    /// A journal of another format.
    #[error("a journal of format {found}; this version reads format {FORMAT}")]
    WrongFormat {
        /// The format's number in the file.
        found: u32,
    },
    /// The header is cut off or damaged.
    #[error("the journal's header is {0}")]
    Header(&'static str),
    /// A row is damaged and whole ones follow it, or it is whole and cannot be understood.
    #[error("the journal is damaged at tick {tick}: {why}")]
    Corrupt {
        /// The first tick that cannot be read, counted from 0.
        tick: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The source of the bytes failed.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// One row as read back.
#[derive(Clone, Debug)]
pub struct OwnedRow {
    /// The row's number in the journal, from 0.
    pub tick: u64,
    /// What the site showed.
    pub observation: Observation,
    /// The outlook, where it was revised.
    pub outlook: Option<Box<Outlook>>,
    /// The plan, where it was made anew.
    pub plan: Option<Box<Plan>>,
    /// What `decide` proposed.
    pub proposed: Decision,
    /// What `guard` let through.
    pub guarded: Decision,
    /// Digest of the state after this tick, see [`State::digest`].
    pub digest: u64,
    /// The state after this tick, every 300 s.
    pub state: Option<Box<State>>,
}

/// Writes a journal. Appending never fails the loop: the first error of the writer below is kept, later rows are
/// dropped and counted.
#[derive(Debug)]
pub struct JournalWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
    before: Box<Before>,
    grids: Grids,
    next_whole: Time,
    next_state: Time,
    rows: u64,
    dropped: u64,
    bytes: u64,
    error: Option<io::Error>,
}

/// Room for the greatest row, so that no tick allocates: observation, decisions, tables and state, none of them shrunk.
const ROOM: usize = 64 << 10;

impl<W: Write> JournalWriter<W> {
    /// Begins a journal with its header. One write per row goes to `out`: give it a buffer.
    ///
    /// # Errors
    /// What `out` says; a header of more than 4 MiB.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut journal = Self {
            out,
            buffer: Vec::with_capacity(ROOM),
            before: Box::new(Before::nothing()),
            grids: Grids::default(),
            next_whole: Time::NEVER,
            next_state: Time::NEVER,
            rows: 0,
            dropped: 0,
            bytes: 0,
            error: None,
        };
        journal.out.write_all(MAGIC)?;
        journal.out.write_all(&FORMAT.to_le_bytes())?;
        journal.bytes = (MAGIC.len() + size_of::<u32>()) as u64;
        journal.begin(HEADER);
        let buffer = &mut journal.buffer;
        wire::put_text(buffer, &header.version);
        wire::put_text(buffer, &header.target);
        for number in [header.lockfile_digest, header.scenario_digest, header.seed] {
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        wire::put_text(buffer, &header.scenario_name);
        wire::put_text(buffer, &header.scenario_text);
        if buffer.len() - size_of::<u32>() > MOST_PAYLOAD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the journal's header is longer than 4 MiB"));
        }
        journal.send()?;
        Ok(journal)
    }

    /// The first error of the writer below; no row was written since.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Rows written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that were lost because the writer below failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes written, header included.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the end with the count of rows, flushes, and hands back the writer below.
    ///
    /// # Errors
    /// The first error of the writer below, also one from an earlier row.
    pub fn finish(mut self) -> io::Result<W> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.begin(END);
        wire::put_varint(&mut self.buffer, self.rows);
        self.send()?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Begins a frame in the buffer; [`Self::send`] fills in its length.
    fn begin(&mut self, kind: u8) {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; size_of::<u32>()]);
        self.buffer.push(kind);
    }

    /// Sends the frame in the buffer.
    fn send(&mut self) -> io::Result<()> {
        let payload = self.buffer.len() - size_of::<u32>();
        assert!(payload <= MOST_PAYLOAD, "a frame of {payload} bytes");
        self.buffer[..size_of::<u32>()].copy_from_slice(&(payload as u32).to_le_bytes());
        let check = crc32fast::hash(&self.buffer);
        self.buffer.extend_from_slice(&check.to_le_bytes());
        self.out.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        Ok(())
    }

    fn encode(&mut self, row: &Row<'_>) {
        let now = row.observation.now;
        let whole = due(now, &mut self.next_whole, WHOLE_EVERY);
        let state = due(now, &mut self.next_state, STATE_EVERY);
        self.begin(if whole { WHOLE } else { ROW });
        if whole {
            *self.before = Before::nothing();
        }
        let (out, before, grids) = (&mut self.buffer, &mut *self.before, &mut self.grids);
        wire::put_varint(out, self.rows);
        let flag = |with: bool, flag: u8| if with { flag } else { 0 };
        out.push(
            flag(row.outlook.is_some(), WITH_OUTLOOK) | flag(row.plan.is_some(), WITH_PLAN) | flag(state, WITH_STATE),
        );
        rows::put_observation(out, row.observation, &mut before.observation, grids);
        if let Some(outlook) = row.outlook {
            rows::put_outlook(out, outlook, &mut before.outlook);
        }
        if let Some(plan) = row.plan {
            rows::put_plan(out, plan, &mut before.plan);
        }
        rows::put_decision(out, row.proposed, &before.proposed, Against::RowBefore(now), grids);
        rows::put_decision(out, row.guarded, row.proposed, Against::Proposal, grids);
        before.proposed = *row.proposed;
        out.extend_from_slice(&row.next.digest().to_le_bytes());
        if state {
            out.extend_from_slice(bytemuck::bytes_of(row.next));
        }
    }
}

/// Whether something of this period is due, counted from when it last was; a clock that fell back makes it due too.
fn due(now: Time, next: &mut Time, every: Span) -> bool {
    let due = now >= *next || now < *next - every;
    if due {
        *next = now + every;
    }
    due
}

impl<W: Write> Journal for JournalWriter<W> {
    fn append(&mut self, row: &Row<'_>) {
        if self.error.is_some() {
            self.dropped += 1;
            return;
        }
        self.encode(row);
        match self.send() {
            Ok(()) => self.rows += 1,
            Err(error) => {
                self.error = Some(error);
                self.dropped += 1;
            }
        }
    }
}
