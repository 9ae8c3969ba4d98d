//! From readings as a logger wrote them to even samples: order, doubles, holes, repeats, and what the sampling can show.
//!
//! Readings may come late by a few thousand rows, twice, with stamps coarser than the sampling, or not at all. Even samples
//! are read off straight lines between readings; a hole of more than [`BRIDGED_STEPS`] steps is a gap.
//!
//! Not modelled: a sensor's averaging (it cannot be seen in its readings; the user states it), drift of its clock.

/// Holes of up to so many steps are bridged by a straight line; they count as not measured. A guess.
pub const BRIDGED_STEPS: i64 = 20;
/// Readings held back for late ones.
const HELD: usize = 4096;
/// Least step of the even samples, ns: faster readings are averaged. 1 kHz needs 1 ms; a guess beyond that.
const LEAST_STEP_NS: i64 = 500_000;
/// A stamp this far from the one before is a slip of the logger, ns: 31 days. A guess.
const MOST_JUMP_NS: i64 = 31 * 86_400_000_000_000;
/// So many slips in a row are no slips.
const MOST_SLIPS: u64 = 1000;
/// Rows of one single stamp after which the column cannot be the time.
const MOST_UNPLACED: usize = 10_000_000;
/// Longest run of equal readings that is told apart, readings.
const LONGEST_RUN: usize = 4096;
/// Fewest levels that a trace must have for its repeats to say something about the sensor. A guess: a drawn waveform has few.
const FEWEST_LEVELS: usize = 32;
/// Gaps kept with their place.
const KEPT_GAPS: usize = 20;

/// Evenly spaced samples, or a hole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece<'p> {
    /// Samples, W.
    Samples(&'p [f64]),
    /// Samples, W, with readings beside them that no sample stands for: the least and the greatest reading since the sample
    /// before, for every sample (itself where there is no other).
    Spread {
        /// The samples, W.
        even: &'p [f64],
        /// Least reading of each, W.
        least: &'p [f64],
        /// Greatest reading of each, W.
        most: &'p [f64],
    },
    /// So many samples that were not measured.
    Gap(u64),
}

/// What was found on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Rows with a stamp.
    pub rows: u64,
    /// Rows without a reading.
    pub missing: u64,
    /// Rows whose stamp lies before that of the row above.
    pub disordered: u64,
    /// Rows that came too late to be put in their place, and were left out.
    pub late: u64,
    /// Rows with the stamp of the row before (left out, or spread where stamps are coarse).
    pub doubled: u64,
    /// Rows whose stamp lies a month or more away, left out.
    pub slipped: u64,
    /// Whether stamps are coarser than the sampling, so that rows of one stamp were spread evenly.
    pub spread: bool,
    /// Holes that were bridged, and the time in them, s.
    pub bridged: u64,
    /// Time in bridged holes, s.
    pub bridged_s: f64,
    /// Gaps that were not.
    pub gaps: u64,
    /// Time in gaps, s.
    pub gap_s: f64,
    /// First gaps: where they begin, s from the start, and how long, s.
    pub first_gaps: Vec<(f64, f64)>,
    /// First stamp, ns.
    pub first_ns: i64,
    /// Last stamp, ns.
    pub last_ns: i64,
    /// Step of the even samples, s.
    pub step_s: f64,
    /// Median time between readings, s.
    pub interval_s: f64,
    /// How often the sensor's value changes, s, where it is read more often than that.
    pub held_s: Option<f64>,
    /// Share of readings that repeat the one before.
    pub repeated: f64,
    /// Least and greatest reading, W.
    pub range_w: (f64, f64),
    /// Why nothing in this trace can count as shown, in words: readings left out that said something else, a sensor that
    /// stood still. What breaks a limit breaks it all the same.
    pub doubts: Vec<String>,
}

impl Findings {
    /// From the first to the last reading, s.
    #[must_use]
    pub fn span_s(&self) -> f64 {
        (self.last_ns - self.first_ns) as f64 / 1e9
    }

    /// Share of that span that was measured.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        let span_s = self.span_s();
        if span_s > 0.0 { (1.0 - (self.gap_s + self.bridged_s) / span_s).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Time between two readings that may differ, s: of the sampling or of the sensor, whichever is longer.
    #[must_use]
    pub fn update_s(&self) -> f64 {
        self.held_s.map_or(self.interval_s, |held_s| held_s.max(self.interval_s)).max(self.step_s)
    }
}

/// Why readings cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Unusable {
    /// Fewer than two readings with different stamps.
    TooFew,
    /// Stamps jump by months again and again.
    Jumps,
}

impl core::fmt::Display for Unusable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooFew => "fewer than two readings with different times",
            Self::Jumps => {
                "the times jump by more than a month again and again: is this column the time, in this unit?"
            }
        })
    }
}

/// How long readings stay the same.
#[derive(Clone, Debug)]
struct Repeats {
    runs: Vec<u64>,
    run: usize,
    last_w: f64,
    levels: Vec<u64>,
}

impl Repeats {
    fn take(&mut self, power_w: f64) {
        if power_w == self.last_w {
            self.run += 1;
            return;
        }
        if self.run > 0 {
            self.runs[self.run.min(LONGEST_RUN) - 1] += 1;
        }
        (self.run, self.last_w) = (1, power_w);
        if self.levels.len() < FEWEST_LEVELS && !self.levels.contains(&power_w.to_bits()) {
            self.levels.push(power_w.to_bits());
        }
    }

    /// Mean length of a run, longer ones than four times the median left out (the load really stood still), if the median
    /// is more than one reading and there are levels enough to say so.
    fn mean_run(&self) -> Option<f64> {
        let all: u64 = self.runs.iter().sum();
        if self.levels.len() < FEWEST_LEVELS || all < 20 {
            return None;
        }
        let mut seen = 0;
        let median = self.runs.iter().position(|count| {
            seen += count;
            2 * seen >= all
        })? + 1;
        let kept = &self.runs[..(4 * median).min(LONGEST_RUN)];
        let count: u64 = kept.iter().sum();
        let readings: u64 = kept.iter().enumerate().map(|(place, count)| (place as u64 + 1) * count).sum();
        let mean = readings as f64 / count as f64;
        (mean > 1.25).then_some(mean)
    }
}

/// Takes rows, gives even samples.
#[derive(Clone, Debug)]
pub struct Sampling {
    rows: Vec<(i64, f64)>,
    started: bool,
    ended: bool,
    step_ns: i64,
    average: bool,
    emitted_ns: i64,
    pushed_ns: i64,
    last: (i64, f64),
    slips: u64,
    next_node: i64,
    cell: (f64, u64),
    repeats: Repeats,
    buffer: Vec<f64>,
    /// What was found so far.
    pub findings: Findings,
}

impl Default for Sampling {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampling {
    /// Nothing taken yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            started: false,
            ended: false,
            step_ns: 0,
            average: false,
            emitted_ns: i64::MIN,
            pushed_ns: i64::MIN,
            last: (0, f64::NAN),
            slips: 0,
            next_node: 0,
            cell: (0.0, 0),
            repeats: Repeats { runs: vec![0; LONGEST_RUN], run: 0, last_w: f64::NAN, levels: Vec::new() },
            buffer: Vec::new(),
            findings: Findings { range_w: (f64::INFINITY, f64::NEG_INFINITY), ..Findings::default() },
        }
    }

    /// Takes rows (ns, W; NaN where there is no reading) in the order of the file; at least some thousand at once.
    ///
    /// # Errors
    /// Stamps that cannot be times.
    pub fn push(&mut self, rows: &[(i64, f64)], each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        for (at, _) in rows {
            self.findings.disordered += u64::from(*at < self.pushed_ns);
            self.pushed_ns = *at;
        }
        self.rows.extend_from_slice(rows);
        if self.rows.len() < 4 * HELD {
            return Ok(());
        }
        self.drain(HELD, each)
    }

    /// Takes what is held back.
    ///
    /// # Errors
    /// Readings that are too few, or stamps that cannot be times.
    pub fn finish(&mut self, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        self.ended = true;
        self.drain(0, each)?;
        if self.cell.1 > 0 {
            self.buffer.push(self.cell.0 / self.cell.1 as f64);
        }
        self.flush(each);
        if self.repeats.run > 0 && self.repeats.run < LONGEST_RUN {
            self.repeats.runs[self.repeats.run - 1] += 1;
        }
        let found = &mut self.findings;
        let (all, changes) = (found.rows - found.missing, self.repeats.runs.iter().sum::<u64>());
        found.repeated = if all > 0 { 1.0 - changes.min(all) as f64 / all as f64 } else { 0.0 };
        found.held_s = self.repeats.mean_run().map(|run| run * found.interval_s);
        if self.started && found.last_ns > found.first_ns { Ok(()) } else { Err(Unusable::TooFew) }
    }

    fn drain(&mut self, keep: usize, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        let mut rows = core::mem::take(&mut self.rows);
        if !rows.is_sorted_by_key(|row| row.0) {
            rows.sort_by_key(|row| row.0);
        }
        if !self.started {
            self.start(&mut rows);
        }
        if !self.started {
            // No two different stamps yet: there is no step, and nothing can be placed.
            self.rows = rows;
            let hopeless = self.ended || self.rows.len() > MOST_UNPLACED;
            return if hopeless { Err(Unusable::TooFew) } else { Ok(()) };
        }
        let ready = rows.len().saturating_sub(keep);
        let mut place = 0;
        while place < ready {
            let (at, power_w) = rows[place];
            // Rows of one stamp: spread up to the next stamp, or the first of them alone.
            if self.findings.spread {
                let same = rows[place..].iter().take_while(|row| row.0 == at).count();
                let after = rows.get(place + same).map(|row| row.0);
                if after.is_none() && !self.ended && place > 0 {
                    break; // more of this stamp may follow
                }
                let each_ns = after.map_or(self.step_ns, |next| ((next - at) / same as i64).min(self.step_ns));
                for (number, row) in rows[place..place + same].iter().enumerate() {
                    self.row(at + each_ns * number as i64, row.1, each)?;
                }
                self.findings.doubled += same as u64 - 1;
                place += same;
                continue;
            }
            self.row(at, power_w, each)?;
            place += 1;
        }
        rows.drain(..place);
        self.rows = rows;
        self.flush(each);
        Ok(())
    }

    /// Finds the step from the first rows: the median time between different stamps.
    fn start(&mut self, rows: &mut Vec<(i64, f64)>) {
        // Stamps far from the middle of the first rows are slips; the first reading must not be one of them.
        let middle = rows.get(rows.len() / 2).map_or(0, |row| row.0);
        let all = rows.len();
        rows.retain(|row| row.0.saturating_sub(middle).unsigned_abs() <= MOST_JUMP_NS.unsigned_abs());
        self.findings.slipped += (all - rows.len()) as u64;
        self.findings.rows += (all - rows.len()) as u64;
        let mut steps: Vec<i64> = rows.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
        let all = steps.len();
        steps.retain(|step| *step > 0);
        steps.sort_unstable();
        let Some(median) = steps.get(steps.len() / 2).copied() else { return };
        let doubled = all - steps.len();
        self.findings.spread = all >= 10 && 2 * doubled > all;
        let interval = if self.findings.spread {
            // So many rows share a stamp, in the median of the stamps.
            let last = rows.last().map_or(0, |row| row.0);
            let before = rows.iter().filter(|row| row.0 < last).count() as i64;
            let span = last - rows.first().map_or(0, |row| row.0);
            let per_stamp = ((before * median + span / 2) / span.max(1)).max(1);
            (median / per_stamp).max(1)
        } else {
            median
        };
        self.average = interval < LEAST_STEP_NS;
        self.step_ns = interval.max(LEAST_STEP_NS);
        self.findings.step_s = self.step_ns as f64 / 1e9;
        self.findings.interval_s = interval as f64 / 1e9;
        self.started = true;
    }

    fn row(&mut self, at: i64, power_w: f64, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        self.findings.rows += 1;
        if !power_w.is_finite() {
            self.findings.missing += 1;
            return Ok(());
        }
        let first = self.emitted_ns == i64::MIN;
        if !first {
            let ahead = at.saturating_sub(self.emitted_ns);
            if ahead.abs() > MOST_JUMP_NS {
                self.findings.slipped += 1;
                self.slips += 1;
                return if self.slips > MOST_SLIPS { Err(Unusable::Jumps) } else { Ok(()) };
            }
            if ahead == 0 {
                self.findings.doubled += 1;
                return Ok(());
            }
            if ahead < 0 {
                self.findings.late += 1;
                return Ok(());
            }
        }
        self.slips = 0;
        self.repeats.take(power_w);
        let (least, most) = self.findings.range_w;
        self.findings.range_w = (least.min(power_w), most.max(power_w));
        self.emitted_ns = at;
        self.findings.last_ns = at;
        if first {
            self.findings.first_ns = at;
            self.next_node = at;
        }
        self.node(first, at, power_w, each);
        self.last = (at, power_w);
        Ok(())
    }

    /// The even samples between the reading before and this one.
    fn node(&mut self, first: bool, at: i64, power_w: f64, each: &mut impl FnMut(Piece<'_>)) {
        let (before, before_w) = self.last;
        let step = self.step_ns;
        if !first && at - before > step + step / 2 {
            self.hole(before, at, each);
        }
        if self.average {
            if at >= self.next_node + step {
                if self.cell.1 > 0 {
                    self.buffer.push(self.cell.0 / self.cell.1 as f64);
                    self.next_node += step;
                }
                self.cell = (0.0, 0);
                while self.next_node + step <= at {
                    self.buffer.push(before_w);
                    self.next_node += step;
                }
            }
            self.cell = (self.cell.0 + power_w, self.cell.1 + 1);
            return;
        }
        while self.next_node <= at {
            let value = if self.next_node == at || first {
                power_w
            } else {
                before_w + (power_w - before_w) * ((self.next_node - before) as f64 / (at - before) as f64)
            };
            self.buffer.push(value);
            self.next_node += step;
        }
    }

    fn hole(&mut self, before: i64, at: i64, each: &mut impl FnMut(Piece<'_>)) {
        let step = self.step_ns;
        let unseen_s = (at - before - step) as f64 / 1e9;
        if at - before <= BRIDGED_STEPS * step {
            self.findings.bridged += 1;
            self.findings.bridged_s += unseen_s;
            return;
        }
        let found = &mut self.findings;
        found.gaps += 1;
        found.gap_s += unseen_s;
        if found.first_gaps.len() < KEPT_GAPS {
            found.first_gaps.push(((before - found.first_ns) as f64 / 1e9, unseen_s));
        }
        if self.average && self.cell.1 > 0 {
            self.buffer.push(self.cell.0 / self.cell.1 as f64);
            self.cell = (0.0, 0);
            self.next_node += step;
        }
        self.flush(each);
        let skipped = ((at - self.next_node) / step + i64::from((at - self.next_node) % step != 0)).max(0);
        self.next_node += skipped * step;
        each(Piece::Gap(skipped as u64));
        if self.average {
            self.next_node = self.next_node.min(at);
        }
    }

    fn flush(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        if !self.buffer.is_empty() {
            each(Piece::Samples(&self.buffer));
            self.buffer.clear();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(rows: &[(i64, f64)]) -> (Vec<f64>, u64, Findings) {
        let mut sampling = Sampling::new();
        let (mut samples, mut gap) = (Vec::new(), 0);
        let mut each = |piece: Piece<'_>| match piece {
            Piece::Samples(block) | Piece::Spread { even: block, .. } => samples.extend_from_slice(block),
            Piece::Gap(count) => gap += count,
        };
        for block in rows.chunks(1000) {
            sampling.push(block, &mut each).unwrap();
        }
        sampling.finish(&mut each).unwrap();
        (samples, gap, sampling.findings)
    }

    const MS: i64 = 1_000_000;

    #[test]
    fn even_rows_pass_through() {
        let rows: Vec<_> = (0..50_000).map(|i| (i * MS, i as f64)).collect();
        let (samples, gap, found) = run(&rows);
        assert_eq!((samples.len(), gap), (50_000, 0));
        assert!(samples.iter().enumerate().all(|(i, x)| *x == i as f64));
        assert_eq!((found.step_s, found.held_s, found.coverage()), (0.001, None, 1.0));
    }

    #[test]
    fn disorder_doubles_missing_and_gaps_are_told_apart() {
        let mut rows: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, (i % 997) as f64)).collect();
        rows.swap(100, 101);
        rows.insert(500, rows[499]);
        rows[700].1 = f64::NAN;
        rows.drain(10_000..10_500);
        rows.push((5, 1.0));
        rows.insert(20_000, (i64::MAX / 2, 3.0));
        let (samples, gap, found) = run(&rows);
        assert_eq!((found.disordered, found.doubled, found.missing, found.bridged), (3, 1, 1, 1));
        assert_eq!((found.gaps, gap, found.late, found.slipped), (1, 500, 1, 1));
        assert_eq!(samples.len() as u64 + gap, 30_000);
        assert!((found.gap_s - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_sensor_that_is_read_three_times_as_often_as_it_changes_is_found_out() {
        let rows: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, ((i / 3 * 7919) % 1009) as f64)).collect();
        let (_, _, found) = run(&rows);
        assert!((found.held_s.unwrap() - 0.03).abs() < 0.001, "{found:?}");
        let square: Vec<_> = (0..30_000).map(|i| (i * 10 * MS, f64::from(u8::from(i / 500 % 2 == 0)))).collect();
        assert_eq!(run(&square).2.held_s, None, "a drawn square wave repeats and says nothing about a sensor");
    }

    #[test]
    fn readings_of_a_single_instant_are_refused() {
        for rows in [vec![], vec![(5, 1.0)], vec![(5, 1.0); 20_000]] {
            let mut sampling = Sampling::new();
            let mut each = |_: Piece<'_>| panic!("nothing can be placed");
            let pushed = sampling.push(&rows, &mut each).and_then(|()| sampling.finish(&mut each));
            assert_eq!(pushed, Err(Unusable::TooFew));
        }
    }

    #[test]
    fn stamps_of_whole_seconds_are_spread() {
        let rows: Vec<_> = (0..5000).map(|i| (i / 10 * 1000 * MS, i as f64)).collect();
        let (samples, _, found) = run(&rows);
        assert!(found.spread);
        assert_eq!((samples.len(), found.step_s), (5000, 0.1));
        assert!(samples.iter().enumerate().all(|(i, x)| (*x - i as f64).abs() < 1e-6));
    }

    #[test]
    fn readings_faster_than_the_least_step_are_averaged() {
        let rows: Vec<_> = (0..40_000).map(|i| (i * MS / 10, (i % 5) as f64)).collect();
        let (samples, _, found) = run(&rows);
        assert_eq!((samples.len(), found.step_s), (8000, 0.0005));
        assert!(samples.iter().all(|x| *x == 2.0));
    }
}
