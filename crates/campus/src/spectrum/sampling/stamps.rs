//! What the stamps of the first rows say: how often a reading comes, how much that varies, and whether rows share a stamp.
//!
//! Not modelled: stamps that are coarse in a step of no round unit (a clock tick of 15.6 ms), rates that change for good.

/// Share of rows that may come at less than half the interval before the step is chosen finer. A guess.
pub const MOST_QUICK: f64 = 0.01;
/// A step is not chosen finer than the interval over this; a guess that bounds the number of samples.
const FINEST: i64 = 64;
/// Rows that are looked at together to tell a burst from jitter, which takes back what it gives.
pub const TOGETHER: usize = 8;
/// A hole is longer than so many intervals. A guess.
const HOLE_INTERVALS: f64 = 1.5;
/// Units in which loggers cut stamps off, ns.
const UNITS_NS: [i64; 5] = [60_000_000_000, 1_000_000_000, 100_000_000, 1_000_000, 1000];

/// How rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Median time between different stamps, ns.
    pub interval_ns: i64,
    /// Step that loses little, ns.
    pub step_ns: i64,
    /// Time between two readings beyond which something is missing, ns.
    pub hole_ns: i64,
}

/// Pace of rows in order of time; none where all have one stamp.
pub fn pace(rows: &[(i64, f64)]) -> Option<Pace> {
    let apart = |pair: &[(i64, f64)]| pair[1].0.saturating_sub(pair[0].0);
    let intervals: Vec<i64> = rows.windows(2).map(apart).filter(|interval| *interval > 0).collect();
    let middle = |mut of: Vec<i64>, part: f64| {
        of.sort_unstable();
        of.get((of.len() as f64 * part) as usize).copied()
    };
    let interval_ns = middle(intervals.clone(), 0.5)?;
    let sum = |chunk: &[i64]| chunk.iter().fold(0_i64, |sum, interval| sum.saturating_add(*interval));
    let quick = |chunk: &&[i64]| sum(chunk) / (chunk.len() as i64) < interval_ns / 2;
    let burst: Vec<i64> =
        intervals.chunks_exact(TOGETHER).filter(quick).map(|chunk| sum(chunk) / TOGETHER as i64).collect();
    let many = (burst.len() * TOGETHER) as f64 > MOST_QUICK * intervals.len() as f64;
    let step_ns = match middle(burst, 0.5) {
        Some(burst_ns) if many => burst_ns.max(interval_ns / FINEST).max(1),
        _ => interval_ns,
    };
    // What jitter takes off the shortest intervals it may add to the longest.
    let usual: Vec<i64> = intervals.chunks(TOGETHER).filter(|chunk| !quick(chunk)).flatten().copied().collect();
    let short_ns = middle(usual, 0.01).unwrap_or(interval_ns).min(interval_ns);
    let hole_ns = (HOLE_INTERVALS * (2 * i128::from(interval_ns) - i128::from(short_ns)) as f64) as i64;
    Some(Pace { interval_ns, step_ns, hole_ns })
}

/// What rows of one stamp are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shared {
    /// Few share one.
    Few,
    /// The same row again.
    Doubled,
    /// Readings one after another, with stamps cut off: so many ns from stamp to stamp.
    Coarse(i64),
    /// Readings of several devices, or of one several times.
    Several {
        /// Rows of a stamp.
        rows: usize,
        /// Greatest distance of two readings of a stamp, W.
        apart_w: f64,
    },
}

/// Looks at rows in order of time; those of one stamp in the order of the file.
#[must_use]
pub fn shared(rows: &[(i64, f64)]) -> Shared {
    let same = |pair: &&[(i64, f64)]| pair[0].0 == pair[1].0;
    let (all, equal) = (rows.len().saturating_sub(1), rows.windows(2).filter(same).count());
    if all < 10 || 5 * equal < 2 * all {
        return Shared::Few;
    }
    let differ = |pair: &&[(i64, f64)]| pair[0].1.is_finite() && pair[1].1.is_finite() && pair[0].1 != pair[1].1;
    let differing = rows.windows(2).filter(same).filter(differ).count();
    if 20 * differing < equal {
        return Shared::Doubled;
    }
    // The first and the last stamp may be cut.
    let groups: Vec<&[(i64, f64)]> = rows.chunk_by(|a, b| a.0 == b.0).collect();
    let groups = &groups[1.min(groups.len())..groups.len().saturating_sub(1).max(1)];
    let mut sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    sizes.sort_unstable();
    let usual = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let odd = sizes.iter().filter(|size| **size != usual).count();
    let mut steps: Vec<i64> = groups.windows(2).map(|pair| pair[1][0].0.saturating_sub(pair[0][0].0)).collect();
    steps.sort_unstable();
    let step_ns = steps.get(steps.len() / 2).copied().unwrap_or(0);
    let unit = UNITS_NS.iter().find(|unit| rows.iter().all(|row| row.0 % **unit == 0));
    let coarse = groups.len() < 4 || unit.is_some_and(|unit| step_ns == *unit);
    // Of a series the next reading is nearer than that of the next stamp; of several devices it is not.
    let near = mean(groups.iter().flat_map(|group| group.windows(2)).map(|pair| pair[1].1 - pair[0].1));
    let alike = groups.windows(2).filter(|pair| pair[0].len() == pair[1].len());
    let slots = mean(alike.flat_map(|pair| pair[0].iter().zip(pair[1])).map(|(now, next)| next.1 - now.1));
    if coarse && (groups.len() < 4 || 20 * odd > groups.len() || near < 0.7 * slots) {
        let whole_ns = unit.copied().unwrap_or(step_ns);
        return Shared::Coarse(if step_ns > 0 { step_ns } else { whole_ns });
    }
    let spread = |group: &&[(i64, f64)]| {
        let finite = group.iter().map(|row| row.1).filter(|power_w| power_w.is_finite());
        let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
        (most - least).max(0.0)
    };
    Shared::Several { rows: usual.max(2), apart_w: groups.iter().map(spread).fold(0.0, f64::max) }
}

/// Mean size.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0_u64), |(sum, count), value| (sum + value.abs(), count + 1));
    if count > 0 { sum / count as f64 } else { 0.0 }
}
