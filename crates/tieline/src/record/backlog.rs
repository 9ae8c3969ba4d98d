//! The samples that a driver keeps of each GPU's power, played in the order of their own times.
//!
//! NVML's counter is refreshed every 100 ms on a Hopper GPU, its buffer of samples every 20 ms (measured, H100 SXM, driver 580,
//! 26 November 2026). The buffer holds about two seconds; it is drained five times a second. A sample is played when every GPU
//! has told of a later moment, so that rows come in order; a GPU that has been silent for two seconds is missing from then on, until it speaks.
//!
//! Not modelled: clocks of drivers that run apart from the host's (the samples carry the host's time).

use std::collections::VecDeque;

/// How often the buffers are drained, ns.
pub const DRAIN_NS: i64 = 200_000_000;
/// Silence after which a GPU counts as missing, ns.
const PATIENCE_NS: i64 = 2_000_000_000;

/// A driver's buffer of samples.
pub trait Ring {
    /// Samples later than `last_us` (since 1970): time, us, and power, W; nothing where there is no later one.
    fn since(&self, last_us: u64) -> Vec<(u64, f64)>;
}

/// Samples of several GPUs that wait to be played.
pub struct Backlog<R> {
    rings: Vec<R>,
    last_us: Vec<u64>,
    missing: Vec<bool>,
    /// Not yet playable, by GPU: time, ns, and power, W.
    waiting: Vec<VecDeque<(i64, f64)>>,
    /// Time of the sample being played, ns.
    pub at_ns: i64,
    /// What each GPU draws then, W; NaN where it is missing.
    pub power_w: Vec<f64>,
}

impl<R: Ring> Backlog<R> {
    /// Samples from `begin_ns` (since 1970) on.
    pub fn new(rings: Vec<R>, begin_ns: i64) -> Self {
        let count = rings.len();
        Self {
            rings,
            last_us: vec![begin_ns.max(0) as u64 / 1000; count],
            missing: vec![false; count],
            waiting: vec![VecDeque::new(); count],
            at_ns: begin_ns,
            power_w: vec![f64::NAN; count],
        }
    }

    /// Takes over what the drivers have gathered until `now_ns`.
    pub fn drain(&mut self, now_ns: i64) {
        for (gpu, ring) in self.rings.iter().enumerate() {
            for (at_us, power_w) in ring.since(self.last_us[gpu]) {
                if at_us > self.last_us[gpu] {
                    self.last_us[gpu] = at_us;
                    self.waiting[gpu].push_back((at_us as i64 * 1000, power_w));
                }
            }
            let silent = now_ns - self.last_us[gpu] as i64 * 1000 > PATIENCE_NS;
            if silent && !self.missing[gpu] {
                self.waiting[gpu].push_back((self.last_us[gpu] as i64 * 1000 + 1, f64::NAN));
            }
            self.missing[gpu] = silent;
        }
    }

    /// Plays the earliest samples that no later draining can overtake; false where there is none.
    pub fn play(&mut self) -> bool {
        let told = |gpu: &usize| !self.missing[*gpu];
        let until_ns = (0..self.rings.len()).filter(told).map(|gpu| self.last_us[gpu] as i64 * 1000).min();
        let mut moved = false;
        loop {
            let first = |(gpu, queue): (usize, &VecDeque<(i64, f64)>)| Some((queue.front()?.0, gpu));
            let Some((at_ns, gpu)) = self.waiting.iter().enumerate().filter_map(first).min() else { return moved };
            // Of the same moment, or of one that was played while this GPU was missing: they make no moment of their own.
            let passed = at_ns <= self.at_ns;
            if !passed && (moved || until_ns.is_some_and(|until_ns| at_ns > until_ns)) {
                return moved;
            }
            if let Some((_, power_w)) = self.waiting[gpu].pop_front() {
                self.power_w[gpu] = power_w;
            }
            if !passed {
                (self.at_ns, moved) = (at_ns, true);
            }
        }
    }
}

/// Median distance of samples, s; `None` below eleven samples.
pub fn spacing_s(samples: &[(u64, f64)]) -> Option<f64> {
    let mut apart: Vec<u64> = samples.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).collect();
    let middle = apart.len() / 2;
    (apart.len() >= 10).then(|| *apart.select_nth_unstable(middle).1 as f64 / 1e6)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// Samples every `every_us` until the clock, or until it dies.
    struct Fake {
        clock_us: Rc<Cell<u64>>,
        first_us: u64,
        every_us: u64,
        dies_us: u64,
        wakes_us: u64,
    }

    impl Ring for Fake {
        fn since(&self, last_us: u64) -> Vec<(u64, f64)> {
            let now_us = self.clock_us.get();
            let all = (0..10_000).map(|count| self.first_us + count * self.every_us);
            let alive = |at_us: &u64| *at_us < self.dies_us || *at_us >= self.wakes_us;
            // The buffer holds 119 samples and hands over old ones with the new.
            let held: Vec<u64> = all.filter(|at_us| *at_us <= now_us).filter(alive).collect();
            let held = &held[held.len().saturating_sub(119)..];
            let later =
                held.iter().position(|at_us| *at_us > last_us).map_or(held.len(), |place| place.saturating_sub(1));
            held[later..].iter().map(|at_us| (*at_us, *at_us as f64 / 1e4)).collect()
        }
    }

    fn played(dies_us: u64, wakes_us: u64) -> Vec<(i64, Vec<f64>)> {
        let clock_us = Rc::new(Cell::new(0));
        let fake = |first_us, every_us, dies_us, wakes_us| Fake {
            clock_us: Rc::clone(&clock_us),
            first_us,
            every_us,
            dies_us,
            wakes_us,
        };
        let rings = vec![fake(7_000, 20_000, u64::MAX, 0), fake(3_000, 25_000, dies_us, wakes_us)];
        let mut backlog = Backlog::new(rings, 0);
        let mut rows = Vec::new();
        for count in 0..100 {
            clock_us.set(count * DRAIN_NS as u64 / 1000);
            backlog.drain(clock_us.get() as i64 * 1000);
            while backlog.play() {
                rows.push((backlog.at_ns, backlog.power_w.clone()));
            }
        }
        rows
    }

    #[test]
    fn every_sample_is_played_once_and_in_order() {
        let rows = played(u64::MAX, 0);
        assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
        // 19.8 s of 50 and of 40 samples a second; their times, 7 and 3 ms beside whole steps, never meet.
        assert!((985 + 785..=992 + 793).contains(&rows.len()), "{}", rows.len());
        let own = |gpu: usize| {
            rows.iter().map(|row| row.1[gpu]).fold((0, 0.0), |(count, last), power_w| {
                (
                    count + usize::from(power_w != last && power_w.is_finite()),
                    if power_w.is_finite() { power_w } else { last },
                )
            })
        };
        assert!(own(0).0 >= 985 && own(1).0 >= 785, "{:?} {:?}", own(0), own(1));
    }

    #[test]
    fn a_silent_gpu_is_missing_and_the_others_go_on() {
        let rows = played(5_000_000, 12_000_000);
        let missing = |row: &&(i64, Vec<f64>)| row.1[1].is_nan() && row.0 > 100_000_000;
        let gone: Vec<_> = rows.iter().filter(missing).collect();
        assert!((4_975..5_025).contains(&(gone[0].0 / 1_000_000)), "{:?}", gone[0]);
        assert!(gone.last().unwrap().0 / 1_000_000 > 11_000, "{:?}", gone.last());
        assert!(rows.last().unwrap().1.iter().all(|power_w| power_w.is_finite()), "it speaks again");
        assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_rate_is_told_of_enough_samples_only() {
        let at = |count: u64| (count * 20_000, 100.0);
        assert_eq!(spacing_s(&(0..20).map(at).collect::<Vec<_>>()), Some(0.02));
        assert_eq!(spacing_s(&(0..5).map(at).collect::<Vec<_>>()), None);
    }
}
