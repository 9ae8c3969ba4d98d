//! Speed and size of the journal: rows of the largest campus, appended to a writer that only counts.
//!
//! Not modelled: the disk; `operation.day` includes it.

use super::{Figure, worst_case};
use crate::machine::Machine;
use crate::run::header_of_this_build;
use anyhow::{Context, Result};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use tieline_control::journal::JournalWriter;
use tieline_control::{Journal, Observation, Row, State, decide, guard, plan};
use tieline_units::{Draw, Time};

/// Two full-state rows lie in so many ticks, at one per 300 s.
const TICKS: u64 = 6_000;

/// Takes bytes and keeps none.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Mean time and size of a row over ten minutes of ticks. Every reading of the case moves on every tick, so the rows are
/// larger than those of a site whose units report once a second.
pub fn append(machine: &Machine) -> Result<Vec<Figure>> {
    let config = worst_case::config();
    let draw = Draw::new(3, 0);
    let table = plan(&config, &worst_case::outlook(&draw, 0), &State::new(Time::ZERO, 1));
    let mut state = State::new(Time::ZERO, 1);
    let mut journal =
        JournalWriter::new(Counting(0), &header_of_this_build()).context("beginning a journal in memory")?;
    let head = journal.bytes();
    let mut spent = Duration::ZERO;
    for tick in 0..TICKS {
        let seen = worst_case::observation(&config, &draw, tick);
        let proposed = decide(&config, &table, &mut state, &seen);
        let guarded = guard(&config, &mut state, &seen, &proposed);
        let row =
            Row { observation: &seen, outlook: None, plan: None, proposed: &proposed, guarded: &guarded, next: &state };
        let start = Instant::now();
        journal.append(&row);
        spent += start.elapsed();
    }
    let row_bytes = (journal.bytes() - head) as f64 / TICKS as f64;
    journal.finish().context("ending a journal in memory")?;
    let each_ns = spent.as_nanos() as f64 / TICKS as f64;
    let note = format!("mean of {TICKS} rows of the largest campus, every reading moving on every tick");
    // A row is made from an observation, two decisions and a state, each read at least once.
    let read = size_of::<Observation>() + 2 * size_of::<tieline_control::Decision>() + size_of::<State>();
    let limit = read as f64 / machine.memory_gb_per_s;
    Ok(vec![
        // A tenth of a tick's budget of 100 us.
        Figure::lower("journal.append", each_ns, "ns", 10_000.0, note.clone()).with_limit(limit),
        // 600 MB over the 864,000 ticks of a day make 694 bytes; this case moves everything ten times as often.
        Figure::lower("journal.row", row_bytes, "B", 6_940.0, note),
    ])
}
