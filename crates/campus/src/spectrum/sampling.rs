//! From readings as a logger wrote them to even samples: order, doubles, holes, repeats, and what the sampling can show.
//!
//! Readings may come late by a few thousand rows, newest first, twice, with stamps coarser than the sampling, or not at all.
//! Even samples are read off straight lines between readings, or are means where several readings fall into one step; what
//! lies beside them goes along as extremes. A hole of more than [`BRIDGED_STEPS`] intervals is a gap.
//!
//! Not modelled: a sensor's averaging (it cannot be seen in its readings; the user states it), drift of its clock.

mod findings;
mod order;
mod repeats;
mod samples;
mod stamps;
#[cfg(test)]
mod tests;

pub use findings::{Findings, Unusable};
pub use samples::Piece;
pub use stamps::{Shared, shared};

use order::Order;
use repeats::Repeats;
use samples::{Beside, Block};
use stamps::{MOST_QUICK, TOGETHER, pace};

/// Holes of up to so many intervals are bridged by a straight line; they count as not measured. A guess.
pub const BRIDGED_STEPS: i64 = 20;
/// Readings held back for late ones.
const HELD: usize = 4096;
/// Least step of the even samples, ns: faster readings are averaged. 1 kHz needs 1 ms; a guess beyond that.
const LEAST_STEP_NS: i64 = 500_000;
/// A stamp this far from the one before is a slip of the logger, ns: 31 days, or [`SLIP_INTERVALS`]. A guess.
const MOST_JUMP_NS: i64 = 31 * 86_400_000_000_000;
/// A stamp less than so many intervals away is no slip. A guess.
const SLIP_INTERVALS: i64 = 1000;
/// A stamp beyond is none, ns: 146 years from 1970.
const FARTHEST_NS: i64 = i64::MAX / 2;
/// So many slips in a row are no slips.
const MOST_SLIPS: u64 = 1000;
/// Rows of one single stamp after which the column cannot be the time.
const MOST_UNPLACED: usize = 10_000_000;
/// Gaps kept with their place.
const KEPT_GAPS: usize = 20;
/// A reading no further from a sample than this part of a step stands for it: stamps kept as floats are off by as much.
const ON_NODE: i64 = 1024;
/// Readings in a step from which on the sample is their mean: fewer are jitter.
const FEWEST_AVERAGED: u64 = 3;
/// Share of rows with another reading under the same stamp beyond which nothing is shown. A guess.
const MOST_DIFFERING: f64 = 0.01;

/// Takes rows, gives even samples.
#[derive(Clone, Debug)]
pub struct Sampling {
    order: Order,
    rows: Vec<(i64, f64)>,
    started: bool,
    ended: bool,
    step_ns: i64,
    interval_ns: i64,
    hole_ns: i64,
    jump_ns: i64,
    stamp_ns: i64,
    average: bool,
    emitted_ns: i64,
    last: (i64, f64),
    slips: u64,
    next_node: i64,
    beside: Beside,
    together: (usize, i64),
    quick: u64,
    first_differing: Option<(i64, f64)>,
    repeats: Repeats,
    block: Block,
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
            order: Order::new(),
            rows: Vec::new(),
            started: false,
            ended: false,
            step_ns: 0,
            interval_ns: 0,
            hole_ns: 0,
            jump_ns: MOST_JUMP_NS,
            stamp_ns: 0,
            average: false,
            emitted_ns: i64::MIN,
            last: (0, f64::NAN),
            slips: 0,
            next_node: 0,
            beside: Beside::new(0, f64::NAN),
            together: (0, i64::MIN),
            quick: 0,
            first_differing: None,
            repeats: Repeats::new(),
            block: Block::default(),
            findings: Findings { range_w: (f64::INFINITY, f64::NEG_INFINITY), ..Findings::default() },
        }
    }

    /// Takes rows (ns, W; NaN where there is no reading) in the order of the file; at least some thousand at once.
    ///
    /// # Errors
    /// Stamps that cannot be times, or rows of several devices.
    pub fn push(&mut self, rows: &[(i64, f64)], each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        self.order.take(rows, &mut self.rows, self.emitted_ns, false)?;
        if self.order.holds() || self.rows.len() < 4 * HELD {
            return Ok(());
        }
        self.drain(HELD, each)
    }

    /// Takes what is held back.
    ///
    /// # Errors
    /// Readings that are too few, stamps that cannot be times, or rows of several devices.
    pub fn finish(&mut self, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        self.order.take(&[], &mut self.rows, self.emitted_ns, true)?;
        if !self.started && self.order.disordered(&self.rows) {
            self.order.hold();
        }
        if self.order.holds() {
            let rows = self.order.release(core::mem::take(&mut self.rows), &mut self.findings.remarks);
            for block in rows.chunks(16 * HELD) {
                self.push(block, each)?;
            }
            self.order.take(&[], &mut self.rows, self.emitted_ns, true)?;
        }
        self.ended = true;
        self.drain(0, each)?;
        self.close_stretch();
        self.block.flush(each);
        self.repeats.close(self.emitted_ns);
        self.conclude();
        let found = &self.findings;
        if self.started && found.last_ns > found.first_ns { Ok(()) } else { Err(Unusable::TooFew) }
    }

    fn drain(&mut self, keep: usize, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        if !self.started && !self.ended && self.order.disordered(&self.rows) {
            self.order.hold();
            return Ok(());
        }
        let mut rows = core::mem::take(&mut self.rows);
        if !rows.is_sorted_by_key(|row| row.0) {
            rows.sort_by_key(|row| row.0);
        }
        if !self.started {
            self.start(&mut rows)?;
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
                let each_ns = after.map_or(self.step_ns, |next| {
                    let even_ns = next.saturating_sub(at) / same as i64;
                    if next.saturating_sub(at) <= self.stamp_ns.saturating_add(self.stamp_ns / 2) {
                        even_ns
                    } else {
                        even_ns.min(self.step_ns)
                    }
                });
                for (number, row) in rows[place..place + same].iter().enumerate() {
                    self.row(at.saturating_add(each_ns.saturating_mul(number as i64)), row.1, each)?;
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
        self.block.flush(each);
        Ok(())
    }

    /// Finds the step from the first rows: the median time between different stamps.
    fn start(&mut self, rows: &mut Vec<(i64, f64)>) -> Result<(), Unusable> {
        // Stamps far from the middle of the first rows are slips; the first reading must not be one of them.
        let middle = rows.get(rows.len() / 2).map_or(0, |row| row.0);
        let Some(found) = pace(rows) else { return Ok(()) };
        self.jump_ns = MOST_JUMP_NS.max(found.interval_ns.saturating_mul(SLIP_INTERVALS)).min(FARTHEST_NS / 4);
        let all = rows.len();
        rows.retain(|row| row.0.saturating_sub(middle).unsigned_abs() <= self.jump_ns.unsigned_abs());
        self.findings.slipped += (all - rows.len()) as u64;
        self.findings.rows += (all - rows.len()) as u64;
        // Rows without a reading say nothing of how often one comes.
        let read: Vec<(i64, f64)> = rows.iter().filter(|row| row.1.is_finite()).copied().collect();
        let Some(mut found) = pace(&read).or_else(|| pace(rows)) else { return Ok(()) };
        match shared(rows) {
            Shared::Several { rows, apart_w } => return Err(Unusable::Several { rows, apart_w }),
            Shared::Coarse(stamp_ns) => {
                // So many rows share a stamp, in the median of the stamps.
                let last = rows.last().map_or(0, |row| row.0);
                let before = rows.iter().filter(|row| row.0 < last).count() as i64;
                let span = last.saturating_sub(rows.first().map_or(0, |row| row.0));
                let (stamps, span) = (i128::from(before) * i128::from(stamp_ns), i128::from(span.max(1)));
                let per_stamp = ((stamps + span / 2) / span).max(1);
                let interval_ns = (stamp_ns / i64::try_from(per_stamp).unwrap_or(i64::MAX)).max(1);
                self.findings.spread = true;
                self.stamp_ns = stamp_ns;
                found = stamps::Pace { interval_ns, step_ns: interval_ns, hole_ns: interval_ns + interval_ns / 2 };
            }
            Shared::Few | Shared::Doubled => {}
        }
        self.average = found.interval_ns < LEAST_STEP_NS;
        self.interval_ns = found.interval_ns.min(FARTHEST_NS / 16);
        self.step_ns = found.step_ns.clamp(LEAST_STEP_NS, FARTHEST_NS / 16);
        self.hole_ns = found.hole_ns.max(self.step_ns + self.step_ns / 2);
        self.findings.step_s = self.step_ns as f64 / 1e9;
        self.findings.interval_s = self.interval_ns as f64 / 1e9;
        self.started = true;
        Ok(())
    }

    fn row(&mut self, at: i64, power_w: f64, each: &mut impl FnMut(Piece<'_>)) -> Result<(), Unusable> {
        self.findings.rows += 1;
        if !power_w.is_finite() {
            self.findings.missing += 1;
            return Ok(());
        }
        let first = self.emitted_ns == i64::MIN;
        let ahead = if first { 0 } else { at.saturating_sub(self.emitted_ns) };
        if ahead.unsigned_abs() > self.jump_ns.unsigned_abs() || at.unsigned_abs() > FARTHEST_NS.unsigned_abs() {
            self.findings.slipped += 1;
            self.slips += 1;
            return if self.slips > MOST_SLIPS { Err(Unusable::Jumps) } else { Ok(()) };
        }
        if !first {
            if ahead == 0 {
                self.again(at, power_w);
                return Ok(());
            }
            if ahead < 0 {
                self.findings.late += 1;
                return Ok(());
            }
        }
        self.slips = 0;
        self.repeats.take(at, power_w);
        let (least, most) = self.findings.range_w;
        self.findings.range_w = (least.min(power_w), most.max(power_w));
        self.emitted_ns = at;
        self.findings.last_ns = at;
        if first {
            self.findings.first_ns = at;
            self.next_node = at;
            self.beside = Beside::new(at, power_w);
            self.last = (at, power_w);
        }
        self.together.0 += 1;
        if self.together.0 >= TOGETHER {
            // In means of a step nothing is lost that their extremes do not hold.
            let took = at.saturating_sub(self.together.1);
            let quick = took < self.step_ns.saturating_mul(TOGETHER as i64) / 2;
            self.quick += if quick && !self.average { TOGETHER as u64 } else { 0 };
            self.together = (0, at);
        }
        self.node(at, power_w, each);
        self.last = (at, power_w);
        Ok(())
    }

    /// A row with the stamp of the one before: the same again, or another reading, which counts as an extreme.
    fn again(&mut self, at: i64, power_w: f64) {
        self.findings.doubled += 1;
        if power_w == self.last.1 {
            return;
        }
        self.findings.differing += 1;
        let apart_w = (power_w - self.last.1).abs();
        let (first, most) = self.first_differing.unwrap_or((at, 0.0));
        self.first_differing = Some((first, apart_w.max(most)));
        let (least, most) = self.findings.range_w;
        self.findings.range_w = (least.min(power_w), most.max(power_w));
        self.beside.seen(power_w);
    }

    /// The even samples between the reading before and this one.
    fn node(&mut self, at: i64, power_w: f64, each: &mut impl FnMut(Piece<'_>)) {
        let set_back = at >= self.order.next_break();
        if at - self.last.0 > self.hole_ns || set_back {
            self.hole(at, power_w, set_back, each);
        }
        let (before, before_w) = self.last;
        if self.average {
            self.cell(at, power_w);
            return;
        }
        let step = self.step_ns;
        // The usual case: one reading for one sample.
        if self.beside.count == 0 && (at - self.next_node).abs() <= step / ON_NODE {
            self.block.push(power_w, self.beside.least, self.beside.most);
            self.beside = Beside::new(at.max(self.next_node), power_w);
            self.next_node += step;
            return;
        }
        while self.next_node <= at {
            let here = self.next_node;
            let part = (here - before) as f64 / (at - before).max(1) as f64;
            let value = if here == at { power_w } else { before_w + (power_w - before_w) * part };
            self.beside.reach(here, value);
            let inside = self.beside.count + u64::from(here == at);
            let mean = if inside >= FEWEST_AVERAGED { self.beside.area / step as f64 } else { value };
            // A mean of a step that began in a hole may leave the readings by rounding or by what was not there.
            let mean = if inside >= FEWEST_AVERAGED {
                mean.clamp(self.beside.least.min(value), self.beside.most.max(value))
            } else {
                mean
            };
            let (least, most) = if here == at { (power_w, power_w) } else { (mean, mean) };
            self.block.push(mean, self.beside.least.min(least), self.beside.most.max(most));
            self.beside = Beside::new(here, value);
            self.next_node += step;
        }
        if at > self.next_node - step {
            self.beside.take(at, power_w);
        }
    }

    /// Mean of all readings from a sample to the next.
    fn cell(&mut self, at: i64, power_w: f64) {
        let step = self.step_ns;
        if at >= self.next_node + step {
            self.close_stretch();
            while self.next_node + step <= at {
                self.block.push(self.last.1, self.last.1, self.last.1);
                self.next_node += step;
            }
        }
        self.beside.take(at, power_w);
    }

    /// Readings behind the last sample get one of their own.
    fn close_stretch(&mut self) {
        let beside = self.beside;
        if beside.count > 0 || beside.least.is_finite() {
            let mean = self.average && beside.count > 0;
            let value = if mean { beside.sum / beside.count as f64 } else { self.last.1 };
            self.block.push(value, beside.least, beside.most);
            self.next_node += self.step_ns;
        }
        self.beside = Beside::new(self.last.0, self.last.1);
    }

    fn hole(&mut self, at: i64, power_w: f64, set_back: bool, each: &mut impl FnMut(Piece<'_>)) {
        let (before, step) = (self.last.0, self.step_ns);
        let unseen_s = (at - before - self.interval_ns) as f64 / 1e9;
        if !set_back && at - before <= self.interval_ns.saturating_mul(BRIDGED_STEPS) {
            self.findings.bridged += 1;
            self.findings.bridged_s += unseen_s;
            return;
        }
        let found = &mut self.findings;
        if set_back {
            found.set_back += 1;
            self.order.pass_break();
        } else {
            found.gaps += 1;
            if found.first_gaps.len() < KEPT_GAPS {
                found.first_gaps.push(((before - found.first_ns) as f64 / 1e9, unseen_s));
            }
        }
        found.gap_s += unseen_s;
        self.close_stretch();
        self.block.flush(each);
        let skipped = ((at - self.next_node) / step + i64::from((at - self.next_node) % step != 0)).max(1);
        self.next_node += skipped * step;
        each(Piece::Gap(skipped as u64));
        if self.average {
            self.next_node = self.next_node.min(at);
        }
        // Nothing is known of the time since the last sample but this reading.
        self.last = (at, power_w);
        self.beside = Beside::new(at, power_w);
    }

    /// What the whole trace says about its sensor and its rows.
    fn conclude(&mut self) {
        let found = &mut self.findings;
        (found.disordered, found.held_s) = (self.order.disordered_rows(), None);
        let (all, changes) = (found.rows - found.missing, self.repeats.changes());
        found.repeated = if all > 0 { 1.0 - changes.min(all) as f64 / all as f64 } else { 0.0 };
        found.held_s = self.repeats.refresh().map(|run| run * found.interval_s);
        let readings = all - found.doubled.min(all);
        found.unknown_update = self.repeats.unknown(readings);
        let since_s = |ns: i64| (ns - found.first_ns) as f64 / 1e9;
        for run in self.repeats.frozen() {
            let long_s = (run.to_ns - run.from_ns) as f64 / 1e9;
            found.frozen_s += long_s;
            found.remarks.push(format!(
                "the reading stands still for {long_s:.3} s from {:.3} s on, and nowhere else for so long: not counted as \
                 measured",
                since_s(run.from_ns)
            ));
        }
        found.remarks.extend(self.order.remarks(found.first_ns));
        if self.repeats.single() && readings > 1 {
            found.doubts.push(format!("all {readings} readings are one value: a sensor that stands still?"));
        }
        if found.late > 0 {
            found.doubts.push(format!("{} rows came too late to be put in order and were left out", found.late));
        }
        if let Some((first, apart_w)) = self.first_differing {
            let words = format!(
                "{} rows have the time of another row and another reading, up to {apart_w} W apart, the first at {:.3} s",
                found.differing,
                since_s(first)
            );
            if found.differing as f64 > MOST_DIFFERING * found.rows as f64 {
                found.doubts.push(format!("{words}: several devices, or a clock set back?"));
            } else {
                found.remarks.push(format!("{words}; ranges and ramps count both"));
            }
        }
        if self.quick as f64 > MOST_QUICK * all as f64 {
            found.doubts.push(format!(
                "{} of {all} readings come more than twice as often as the step of {} ms that the first rows gave",
                self.quick,
                1e3 * found.step_s
            ));
        }
    }
}
