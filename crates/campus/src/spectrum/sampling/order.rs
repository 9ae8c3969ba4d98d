//! Order of the rows as the file has them: newest first, shuffled, or with stamps that repeat because a clock was set back.
//!
//! Rows that come late fill a hole and are sorted into it; a block of rows whose stamps lie where readings already are tells of
//! a clock set back, and goes behind those readings, after a gap.
//!
//! Not modelled: a clock set back by fewer than [`LEAST_BLOCK`] rows (their stamps interleave, their extremes count), a clock
//! set forward (a gap).

use super::{MOST_JUMP_NS, Unusable};
use std::collections::VecDeque;

/// Rows of a block that repeats stamps. A guess.
const LEAST_BLOCK: usize = 16;
/// Rows looked at from a step back on.
const LOOKED_AT: usize = 64;
/// Share of steps back from which on rows are in no order. A guess.
const DISORDER: f64 = 0.1;
/// Rows in no order that are held, 16 bytes each. A guess.
const MOST_HELD: usize = 64 << 20;
/// An hour, ns: what clocks are set back by in autumn.
const HOUR_NS: i64 = 3_600_000_000_000;
/// Set back so often within so many rows on average, it is no clock.
const MOST_BACK: u64 = 5;
const FEWEST_ROWS_BETWEEN: u64 = 5000;
/// Steps back told one by one.
const TOLD: usize = 5;

/// One clock set back.
#[derive(Clone, Copy, Debug)]
struct Back {
    row: u64,
    at_ns: i64,
    by_ns: i64,
}

/// Takes rows in the order of the file, gives them with stamps that do not repeat.
#[derive(Clone, Debug)]
pub struct Order {
    pending: Vec<(i64, f64)>,
    first: Option<i64>,
    /// Stamp of the row before, and the latest so far, unfolded.
    before: i64,
    peak: i64,
    shift: i64,
    row: u64,
    disordered: u64,
    backs: Vec<Back>,
    breaks: VecDeque<i64>,
    hold: Option<bool>,
}

/// What a step back is.
enum Step {
    /// Rows out of order, or the same again.
    Late,
    /// A clock set back; time between its rows, ns.
    Back(i64),
    /// From the beginning.
    Over,
}

impl Order {
    pub fn new() -> Self {
        Self {
            pending: Vec::new(),
            first: None,
            before: i64::MIN,
            peak: i64::MIN,
            shift: 0,
            row: 0,
            disordered: 0,
            backs: Vec::new(),
            breaks: VecDeque::new(),
            hold: None,
        }
    }

    /// Appends rows to `out`; `emitted_ns` is the last stamp that is gone from there.
    pub fn take(
        &mut self,
        rows: &[(i64, f64)],
        out: &mut Vec<(i64, f64)>,
        emitted_ns: i64,
        ended: bool,
    ) -> Result<(), Unusable> {
        if self.holds() {
            out.append(&mut self.pending);
            out.extend_from_slice(rows);
            return if out.len() > MOST_HELD { Err(Unusable::Disorder) } else { Ok(()) };
        }
        let ordered = self.pending.is_empty()
            && rows.first().is_some_and(|row| row.0 >= self.before && self.before != i64::MIN)
            && rows.is_sorted_by_key(|row| row.0)
            && rows.last().is_some_and(|row| row.0.saturating_sub(self.before) < MOST_JUMP_NS);
        if ordered {
            let shift = self.shift;
            out.extend(rows.iter().map(|row| (row.0.saturating_add(shift), row.1)));
            self.row += rows.len() as u64;
            self.before = rows.last().map_or(self.before, |row| row.0);
            self.peak = self.peak.max(self.before.saturating_add(shift));
            return Ok(());
        }
        let mut pending = core::mem::take(&mut self.pending);
        pending.extend_from_slice(rows);
        let mut at = 0;
        while at < pending.len() {
            let (raw, power_w) = pending[at];
            if raw < self.before {
                if pending.len() - at < LOOKED_AT && !ended {
                    break; // more rows say what this is
                }
                self.disordered += 1;
                match self.step(&pending[at..], out, emitted_ns) {
                    Step::Late => {}
                    Step::Over => return Err(Unusable::StartsOver(self.row + 1)),
                    Step::Back(interval_ns) => self.set_back(raw, interval_ns)?,
                }
            }
            let unfolded = raw.saturating_add(self.shift);
            // A stamp far away is a slip, unless the next row agrees with it.
            if raw.saturating_sub(self.before).unsigned_abs() < MOST_JUMP_NS.unsigned_abs() {
                self.peak = self.peak.max(unfolded);
            }
            self.first = self.first.or(Some(raw));
            self.before = raw;
            self.row += 1;
            out.push((unfolded, power_w));
            at += 1;
        }
        pending.drain(..at);
        self.pending = pending;
        Ok(())
    }

    fn set_back(&mut self, raw: i64, interval_ns: i64) -> Result<(), Unusable> {
        let to_ns = self.peak.saturating_add(interval_ns.saturating_mul(2));
        let by_ns = to_ns.saturating_sub(raw.saturating_add(self.shift));
        self.shift = self.shift.saturating_add(by_ns);
        self.breaks.push_back(to_ns);
        self.backs.push(Back { row: self.row + 1, at_ns: self.peak, by_ns: by_ns - interval_ns });
        let often = self.backs.len() as u64;
        if often >= MOST_BACK && self.row / often < FEWEST_ROWS_BETWEEN {
            return Err(Unusable::StartsOver(self.backs[0].row));
        }
        Ok(())
    }

    /// Looks at the rows from a step back on.
    fn step(&self, run: &[(i64, f64)], out: &[(i64, f64)], emitted_ns: i64) -> Step {
        let unfolded = |row: &(i64, f64)| row.0.saturating_add(self.shift);
        let mut count = 1;
        while count < run.len().min(LOOKED_AT) && run[count].0 >= run[count - 1].0 && unfolded(&run[count]) <= self.peak
        {
            count += 1;
        }
        let (from, to) = (unfolded(&run[0]), unfolded(&run[count - 1]));
        if count < 3 || to <= from {
            return Step::Late;
        }
        let interval_ns = to.saturating_sub(from) / (count as i64 - 1);
        let back_ns = self.peak.saturating_sub(from).saturating_add(interval_ns);
        // By an hour, to the row: a clock set back in autumn, also where the rows are few or begin within that hour.
        let autumn = back_ns.saturating_sub(HOUR_NS).saturating_abs() <= interval_ns / 2 + 1_000_000_000
            && (count >= LEAST_BLOCK || from.saturating_add(interval_ns.saturating_mul(count as i64)) > self.peak);
        if count < LEAST_BLOCK && !autumn {
            return Step::Late;
        }
        let inside = |row: &&(i64, f64)| row.0 >= from && row.0 <= to;
        let mut older: Vec<(i64, u64)> = out.iter().filter(inside).map(|row| (row.0, row.1.to_bits())).collect();
        older.sort_unstable();
        let gone = if emitted_ns > from && to > from {
            count as f64 * (emitted_ns.min(to).saturating_sub(from) as f64 / to.saturating_sub(from) as f64)
        } else {
            0.0
        };
        if 2.0 * (older.len() as f64 + gone) < count as f64 && !autumn {
            return Step::Late;
        }
        let twins =
            run[..count].iter().filter(|row| older.binary_search(&(unfolded(row), row.1.to_bits())).is_ok()).count();
        if 10 * twins >= 9 * count {
            return Step::Late;
        }
        let over = self.shift == 0
            && self.first.is_some_and(|first| run[0].0.saturating_sub(first).saturating_abs() <= interval_ns / 2);
        if over { Step::Over } else { Step::Back(interval_ns) }
    }

    /// Rows below the row above them.
    pub fn disordered_rows(&self) -> u64 {
        self.disordered
    }

    /// First stamp of the next stretch behind a clock set back.
    pub fn next_break(&self) -> i64 {
        self.breaks.front().copied().unwrap_or(i64::MAX)
    }

    pub fn pass_break(&mut self) {
        self.breaks.pop_front();
    }

    /// Whether the first rows are in no order of time, or the newest come first.
    pub fn disordered(&self, rows: &[(i64, f64)]) -> bool {
        let back = rows.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
        self.hold.is_none() && rows.len() > 2 && back as f64 > DISORDER * rows.len() as f64
    }

    pub fn hold(&mut self) {
        self.hold = Some(true);
    }

    pub fn holds(&self) -> bool {
        self.hold == Some(true)
    }

    /// All rows that were held, in order, to be taken again.
    pub fn release(&mut self, mut rows: Vec<(i64, f64)>, remarks: &mut Vec<String>) -> Vec<(i64, f64)> {
        let back = rows.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
        let mut disordered = back as u64;
        if back as f64 > (1.0 - DISORDER) * (rows.len() - 1) as f64 {
            rows.reverse();
            remarks.push("the newest row comes first: read from the end".to_owned());
            disordered = 0;
        } else {
            rows.sort_by_key(|row| row.0);
        }
        *self = Self { hold: Some(false), disordered, ..Self::new() };
        rows
    }

    /// What was unfolded, in words.
    pub fn remarks(&self, first_ns: i64) -> Vec<String> {
        let told = self.backs.iter().take(TOLD).map(|back| {
            format!(
                "the clock was set back by {:.3} s at {:.3} s (row {}): what follows was put behind it, after a gap",
                back.by_ns as f64 / 1e9,
                back.at_ns.saturating_sub(first_ns) as f64 / 1e9,
                back.row
            )
        });
        let more = self.backs.len().saturating_sub(TOLD);
        told.chain((more > 0).then(|| format!("and {more} times more"))).collect()
    }
}
