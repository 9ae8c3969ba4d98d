//! What runs, rechecked from the problem and the counts alone: nothing of the windows is asked.
//!
//! Machines are told apart here: the one that is on longest stops first, the one that is off longest starts first, so that
//! least times are kept if any order keeps them.
//!
//! Not modelled: balances and boxes, which [`super::super::judge`] rechecks.

use super::Committed;
use crate::dispatch::Problem;
use std::collections::VecDeque;

/// What the recheck finds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recheck {
    /// Starts of machines.
    pub starts: u64,
    /// What they cost, $.
    pub start_usd: f64,
    /// Machines stopped before their least time on was over, though none of their unit was taken out by a failure.
    pub early_stops: u64,
    /// Machines started before their least time off was over.
    pub early_starts: u64,
    /// Machines on beyond those that are there.
    pub too_many: u64,
    /// Greatest output below the least, or above the greatest, of the machines that are on, W.
    pub output_error_w: f64,
    /// Hours of machines on.
    pub machine_hours: f64,
}

/// Rechecks counts, least times and outputs, and counts the starts.
#[must_use]
pub fn recheck(problem: &Problem, committed: &Committed) -> Recheck {
    let units = problem.units.name.len();
    let mut found = Recheck::default();
    for unit in 0..units {
        let Some(machines) = problem.machines(unit) else { continue };
        // Steps at which each machine that is on, or off, came to be so; before the first step, long ago.
        let mut on: VecDeque<i64> = VecDeque::new();
        let mut off: VecDeque<i64> = VecDeque::new();
        for hour in 0..problem.hours {
            let at = hour * units + unit;
            let (count, there) = (committed.running[at], problem.machines_there(hour, unit));
            let now = hour as i64;
            if hour == 0 {
                on.extend((0..count).map(|_| i64::MIN / 2));
                off.extend((count..machines.count).map(|_| i64::MIN / 2));
            }
            while on.len() < count as usize {
                let since = off.pop_front().unwrap_or(now);
                found.early_starts += u64::from(now - since < machines.least_down as i64);
                (found.starts, found.start_usd) = (found.starts + 1, found.start_usd + machines.start_usd);
                on.push_back(now);
            }
            while on.len() > count as usize {
                let since = on.pop_front().unwrap_or(now);
                // Whose machines are on repair, nobody says: as many as are missing may be those that started last.
                let released = machines.count - there;
                let young = on.iter().filter(|since| now - **since < machines.least_up as i64).count() as u32
                    + u32::from(now - since < machines.least_up as i64);
                found.early_stops += u64::from(now - since < machines.least_up as i64 && young > count + released);
                off.push_back(now);
            }
            found.too_many += u64::from(count.saturating_sub(there));
            found.machine_hours += f64::from(count) * problem.step_s / 3600.0;
            let most_w = problem.available_w(hour, unit) * f64::from(count) / f64::from(there.max(1));
            let power_w = committed.dispatch.generation_w[at];
            let error_w = (power_w - most_w).max(machines.least * most_w - power_w);
            found.output_error_w = if error_w.is_nan() { f64::INFINITY } else { found.output_error_w.max(error_w) };
        }
    }
    found
}
