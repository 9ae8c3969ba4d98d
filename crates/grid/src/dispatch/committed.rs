//! Which machines run, through a year: two days at a time, of which the first is kept.
//!
//! Each window is a mixed-integer program of the same zones, units, storages and links as [`super::solve`] knows, where
//! units that consist of machines count how many are on: their least output, their starts, and the least times on and off
//! (`window`). HiGHS solves it on one thread. The state goes on exactly: how many are on, and what started and stopped when.
//! Storages aim, at the end of each window, at what the year's linear program holds then: it sees the seasons, a window does
//! not. With what runs settled, each window is solved again as a linear program, whose duals are the prices.
//!
//! No plan costs less than the year's linear program, which may run any share of a machine at no start: its certified bound
//! is this answer's bound too, and the gap to it is what commitment costs at most, with what the windows do not see.
//!
//! Not modelled: ramps, reserve, hot and cold starts, costs of running beside the fuel, errors of forecast within a window.

mod machines;
mod window;

use super::{Dispatch, Failure, Problem, Quality, judge};
pub use machines::{Recheck, recheck};
use window::Window;

/// Steps of a window, and those of it that are kept: two days and one, in hours.
const SEEN: usize = 48;
const KEPT: usize = 24;
/// Greatest error of a balance, a storage or a limit that an answer may have, W: a hundred of HiGHS' tolerances (1e-7 MW).
const CLOSED_W: f64 = 10.0;

/// Which machines run when, and what follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// Who generates; its cost counts starts, its bound is the linear program's.
    pub dispatch: Dispatch,
    /// Machines on, of each unit: `hours * units`; none where a unit does not consist of machines.
    pub running: Vec<u32>,
    /// What the recheck of the machines found: starts and their cost; nothing else, or there is no answer.
    pub recheck: Recheck,
    /// Windows that were solved.
    pub windows: usize,
    /// Greatest gap between cost and bound of a window, and the mean.
    pub worst_gap: f64,
    /// See `worst_gap`.
    pub mean_gap: f64,
}

/// What is carried from window to window.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    /// Machines on, of each unit; none before the first window, where any number may be.
    running: Option<Vec<u32>>,
    /// Machines that started, and that stopped, of each unit, in the steps before: the last is the step before the window.
    started: Vec<Vec<u32>>,
    stopped: Vec<Vec<u32>>,
    /// Energy of each storage, J.
    energy_j: Vec<f64>,
}

impl State {
    /// The state before the first step: storages as the year's linear program has them.
    fn before(problem: &Problem, relaxed: &Dispatch) -> Self {
        let (units, stores) = (problem.units.name.len(), problem.stores.name.len());
        let energy_j = (0..stores).map(|store| window::first_j(problem, relaxed, store)).collect();
        Self { running: None, started: vec![Vec::new(); units], stopped: vec![Vec::new(); units], energy_j }
    }
}

/// Goes through the year; `relaxed` is [`super::solve`]'s answer to the same problem, `gap` what a window may leave between
/// its cost and its bound, relative.
///
/// # Errors
/// Why there is no dispatch: [`Failure::Window`] where a window has no answer, [`Failure::Broken`] where the recheck of the
/// whole finds that the answer does what none may.
pub fn commit(problem: &Problem, relaxed: &Dispatch, gap: f64) -> Result<Committed, Failure> {
    let complaints = problem.complaints();
    if !complaints.is_empty() {
        return Err(Failure::Unsound(complaints));
    }
    let mut state = State::before(problem, relaxed);
    let mut out = Committed::default();
    let mut first = 0;
    while first < problem.hours {
        let steps = SEEN.min(problem.hours - first);
        // The last window is kept whole.
        let kept = if first + steps == problem.hours { steps } else { KEPT };
        let window = Window::new(problem, relaxed, &state, first, steps);
        let found = window.solve(gap).map_err(|why| Failure::Window { first, steps, why })?;
        out.worst_gap = out.worst_gap.max(found.gap);
        out.mean_gap += found.gap;
        out.windows += 1;
        found.keep(problem, kept, &mut out);
        advance(problem, &out.running, first, kept, &mut state);
        let stores = problem.stores.name.len();
        state.energy_j = out.dispatch.energy_j[(first + kept - 1) * stores..(first + kept) * stores].to_vec();
        first += kept;
    }
    out.mean_gap /= out.windows.max(1) as f64;
    out.recheck = recheck(problem, &out);
    let judged = judge(problem, &out.dispatch);
    let cost_usd = judged.cost_usd + out.recheck.start_usd;
    let bound_usd = relaxed.quality.bound_usd;
    let gap = (cost_usd - bound_usd) / cost_usd.abs().max(0.01);
    out.dispatch.quality = Quality { cost_usd, bound_usd, gap, iterations: out.windows, ..judged };
    let errors_w = [judged.imbalance_w, judged.energy_error_w, judged.box_error_w, out.recheck.output_error_w];
    let kept = out.recheck.early_stops + out.recheck.early_starts + out.recheck.too_many == 0;
    if kept && errors_w.into_iter().all(|error_w| error_w <= CLOSED_W) {
        Ok(out)
    } else {
        Err(Failure::Broken { recheck: out.recheck, quality: out.dispatch.quality })
    }
}

/// Takes the kept steps into the state.
fn advance(problem: &Problem, running: &[u32], first: usize, kept: usize, state: &mut State) {
    let units = problem.units.name.len();
    for hour in first..first + kept {
        for unit in 0..units {
            let on = running[hour * units + unit];
            let before = if hour == 0 { on } else { running[(hour - 1) * units + unit] };
            state.started[unit].push(on.saturating_sub(before));
            state.stopped[unit].push(before.saturating_sub(on));
        }
    }
    state.running = Some(running[(first + kept - 1) * units..(first + kept) * units].to_vec());
}

#[cfg(test)]
mod tests;
