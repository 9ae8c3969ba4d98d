//! Luck of a simulated run, nodes that are out and come back, and who of an elastic job is at work.
//!
//! Written for speed: a run of 90 days on 555,000 GPUs has 24,000 failures. Nothing here changes a bit of a result; the tests
//! hold it against the plain way of writing it.
//!
//! Not modelled: repairs of unequal length, nodes that come back broken.

use super::Hazard;
use tieline_units::{Draw, Purpose};

/// Exponential times from a stream of luck, four from every call of the generator.
pub(super) struct Luck<'d> {
    draw: &'d Draw,
    event: u64,
    times_s: [f64; 4],
    used: usize,
    mean_s: f64,
}

impl<'d> Luck<'d> {
    pub(super) fn new(draw: &'d Draw, mean_s: f64) -> Self {
        Self { draw, event: 0, times_s: [0.0; 4], used: 4, mean_s }
    }
    #[inline]
    pub(super) fn next_s(&mut self) -> f64 {
        if self.used == 4 {
            // All four at once: their logarithms do not wait for each other.
            let words = self.draw.words(0, Purpose::JobFailure, self.event);
            // The middle of the word's cell: never 0, never 1.
            self.times_s =
                words.map(|word| -self.mean_s * libm::log((f64::from(word) + 0.5) * (1.0 / 4_294_967_296.0)));
            self.event += 1;
            self.used = 0;
        }
        let time_s = self.times_s[self.used];
        self.used += 1;
        time_s
    }
}

/// Nodes that are out; each is back after the same time, so they come back in the order in which they went.
pub(super) struct Repairs {
    /// A ring of instants, its length a power of two.
    back_s: Vec<f64>,
    first: usize,
    count: usize,
    repair_s: f64,
}

impl Repairs {
    pub(super) fn none(repair_s: f64) -> Self {
        Self { back_s: vec![0.0; 16], first: 0, count: 0, repair_s }
    }
    /// The steady state at time zero: a Poisson number of nodes, each back within one repair time.
    pub(super) fn new(hazard: &Hazard, draw: &Draw) -> Self {
        let mut repairs = Self::none(hazard.repair_s);
        if hazard.spares.is_finite() {
            let mut luck = Luck { event: 1 << 40, ..Luck::new(draw, hazard.between_failures_s()) };
            let mut at_s = luck.next_s();
            while at_s < hazard.repair_s {
                repairs.push(at_s);
                at_s += luck.next_s();
            }
        }
        repairs
    }
    #[inline]
    fn push(&mut self, back_s: f64) {
        if self.count == self.back_s.len() {
            self.back_s.rotate_left(self.first);
            self.first = 0;
            self.back_s.resize(2 * self.count, 0.0);
        }
        let mask = self.back_s.len() - 1;
        self.back_s[(self.first + self.count) & mask] = back_s;
        self.count += 1;
    }
    #[inline]
    pub(super) fn fail(&mut self, at_s: f64) {
        self.push(at_s + self.repair_s);
    }
    /// When the next node is back, s; infinite where none is out.
    #[inline]
    pub(super) fn next_s(&self) -> f64 {
        let mask = self.back_s.len() - 1;
        if self.count > 0 { self.back_s[self.first & mask] } else { f64::INFINITY }
    }
    #[inline]
    fn come_back(&mut self, at_s: f64) {
        let mask = self.back_s.len() - 1;
        while self.count > 0 && self.back_s[self.first & mask] <= at_s {
            self.first = (self.first + 1) & mask;
            self.count -= 1;
        }
    }
    /// Nodes out at an instant, which never lies before the last one asked for.
    #[inline]
    pub(super) fn at(&mut self, at_s: f64) -> f64 {
        self.come_back(at_s);
        self.count as f64
    }
}

/// Who of an elastic job is at work.
pub(super) struct Staff {
    swaps: Repairs,
    repairs: Repairs,
    spares: f64,
    /// The most nodes in repair without a lacking one.
    enough: usize,
    replicas: f64,
    /// Share at work when so many whole replicas are missing.
    speeds: [f64; 32],
}

fn speed_of(missing: f64, replicas: f64) -> f64 {
    (1.0 - missing / replicas).max(0.0)
}

impl Staff {
    pub(super) fn new(hazard: &Hazard, replicas: f64, swap_s: f64, draw: &Draw) -> Self {
        let speeds = core::array::from_fn(|missing| speed_of(missing as f64, replicas));
        let (swaps, repairs) = (Repairs::none(swap_s), Repairs::new(hazard, draw));
        let enough = libm::floor(hazard.spares.max(0.0)) as usize;
        Self { swaps, repairs, spares: hazard.spares, enough, replicas, speeds }
    }
    #[inline]
    pub(super) fn fail(&mut self, at_s: f64) {
        self.swaps.fail(at_s);
        if self.spares.is_finite() {
            self.repairs.fail(at_s);
        }
    }
    /// Share of the replicas at work, and until when that stays so if nothing fails, s.
    #[inline]
    pub(super) fn speed(&mut self, at_s: f64) -> (f64, f64) {
        self.swaps.come_back(at_s);
        let until_s = self.swaps.next_s();
        // Who is back from repair is looked up only when those not yet struck off are more than the spares.
        if self.repairs.count > self.enough {
            let lacking = (self.repairs.at(at_s) - self.spares).max(0.0);
            if lacking > 0.0 {
                // A node that comes back changes the speed only if one is lacking.
                let missing = self.swaps.count as f64 + lacking;
                return (speed_of(missing, self.replicas), until_s.min(self.repairs.next_s()));
            }
        }
        let missing = self.swaps.count;
        let speed = self.speeds.get(missing).copied().unwrap_or_else(|| speed_of(missing as f64, self.replicas));
        (speed, until_s)
    }
    /// Works from one instant to another: the work done, or the instant at which `wanted` was done.
    #[inline]
    pub(super) fn work(&mut self, mut at_s: f64, end_s: f64, wanted_s: f64) -> Result<f64, f64> {
        let mut done_s = 0.0;
        while at_s < end_s {
            let (speed, until_s) = self.speed(at_s);
            let until_s = until_s.min(end_s);
            let more_s = speed * (until_s - at_s);
            if done_s + more_s >= wanted_s {
                return Err(at_s + (wanted_s - done_s) / speed);
            }
            done_s += more_s;
            at_s = until_s;
        }
        Ok(done_s)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lost, Recovery};
    use super::*;
    use std::collections::VecDeque;

    /// The plain way: every count and division anew.
    fn plain(
        swaps: &mut VecDeque<f64>,
        repairs: &mut VecDeque<f64>,
        spares: f64,
        replicas: f64,
        at_s: f64,
    ) -> (f64, f64) {
        for queue in [&mut *swaps, &mut *repairs] {
            while queue.front().is_some_and(|back_s| *back_s <= at_s) {
                queue.pop_front();
            }
        }
        let lacking = (repairs.len() as f64 - spares).max(0.0);
        let mut until_s = swaps.front().copied().unwrap_or(f64::INFINITY);
        if lacking > 0.0 {
            until_s = until_s.min(repairs.front().copied().unwrap_or(f64::INFINITY));
        }
        ((1.0 - (swaps.len() as f64 + lacking) / replicas).max(0.0), until_s)
    }

    #[test]
    fn the_fast_way_is_the_plain_one_bit_by_bit() {
        // Plenty of spares, about enough, none; few replicas and many.
        for (spares, replicas, repair_s) in
            [(400.0, 500.0, 86_400.0), (8.0, 3.0, 3000.0), (0.0, 70.0, 900.0), (2.5, 1.0, 900.0)]
        {
            let recovery =
                Recovery::Elastic { replicas, stall_s: 20.0, swap_s: 600.0, lost: Lost::HeldTwice { slowdown: 0.0 } };
            let hazard = Hazard { spares, repair_s, recovery, ..Hazard::CALM };
            let draw = Draw::new(3, 1);
            let mut staff = Staff::new(&hazard, replicas, 600.0, &draw);
            let (mut swaps, mut repairs) = (VecDeque::new(), VecDeque::new());
            let first = &staff.repairs;
            repairs.extend((0..first.count).map(|i| first.back_s[(first.first + i) & (first.back_s.len() - 1)]));
            let (mut luck, mut at_s) = (Luck::new(&draw, 300.0), 0.0);
            for event in 0..5000 {
                at_s += luck.next_s();
                if event % 3 != 0 {
                    staff.fail(at_s);
                    swaps.push_back(at_s + 600.0);
                    repairs.push_back(at_s + repair_s);
                }
                assert_eq!(
                    staff.speed(at_s),
                    plain(&mut swaps, &mut repairs, spares, replicas, at_s),
                    "{spares} {event}"
                );
            }
        }
    }
}
