//! The clocks of the jobs: barriers, checkpoints, late data, failures and restarts, start and stop.
//!
//! A job is one or more synchronous groups of racks. A group's barrier closes when the last of its GPUs has come; what
//! follows lies at least one tile ahead (exposed communication is no shorter than a tile), so tiles of racks can be
//! computed independently of each other and the barrier still is exact.
//!
//! Not modelled: elastic groups that go on without the failed node; the power of a node under repair.

use super::phases::{Doing, Stalls, Step};
use super::{Job, Tally};
use tieline_units::{Draw, Purpose};

/// Milliseconds per second.
const MS: f64 = 1e3;
/// Groups over which the racks outside lockstep are spread.
pub(crate) const OFFSETS: usize = 16;

/// What happens to a whole group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    /// Everybody stops at this level.
    Halt(Doing),
    /// Everybody begins a step.
    Run,
}

/// What the GPUs of a group must know in one tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// Number of the open step.
    pub(crate) step: u64,
    /// The barrier closed in the tile before: the communication after it ends at this ms of the tile.
    pub(crate) released_ms: Option<f32>,
    pub(crate) stalls: Stalls,
    /// Something happens at this ms of the tile; the number tells luck apart.
    pub(crate) turn: Option<(f32, Turn, u64)>,
}

/// A synchronous group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) job: usize,
    pub(crate) gpus: u64,
    /// When it begins after its job, ms.
    pub(crate) offset_ms: f64,
    step: u64,
    finished: u64,
    latest_ms: f64,
    released_ms: Option<f64>,
    running: bool,
    /// Begin of the step that is open, ms, for the statistics.
    begun_ms: Option<f64>,
    turns: u64,
}

impl Group {
    pub(crate) fn running(&self) -> bool {
        self.running
    }
}

/// Statistics of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobPace {
    /// Steps completed, over all its groups.
    pub steps: u64,
    /// Sum of their lengths, s.
    pub steps_s: f64,
    /// Longest of them, s.
    pub longest_s: f64,
    /// Failures.
    pub failures: u64,
}

#[derive(Clone, Debug)]
struct JobState {
    job: Job,
    /// Failures drawn so far and when the next one comes, ms.
    failures: u64,
    next_failure_ms: f64,
    /// What follows, each at its ms.
    agenda: Vec<(f64, Turn)>,
    pace: JobPace,
}

/// All clocks.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    pub(crate) groups: Vec<Group>,
    jobs: Vec<JobState>,
    draw: Draw,
    views: Vec<View>,
}

impl Clock {
    pub(crate) fn new(jobs: &[Job], groups: Vec<Group>, draw: Draw) -> Self {
        let jobs = jobs
            .iter()
            .enumerate()
            .map(|(index, job)| {
                let mut agenda = Vec::new();
                if job.starts_s > 0.0 {
                    agenda.push((job.starts_s * MS, Turn::Run));
                }
                if job.stops_s.is_finite() {
                    agenda.push((job.stops_s * MS, Turn::Halt(Doing::Rest)));
                }
                let mut state =
                    JobState { job: job.clone(), failures: 0, next_failure_ms: 0.0, agenda, pace: JobPace::default() };
                state.next_failure_ms = state.failure_after(index, job.starts_s * MS, &draw);
                state
            })
            .collect();
        Self { groups, jobs, draw, views: Vec::new() }
    }

    pub(crate) fn group(job: usize, gpus: u64, offset_ms: f64, running: bool) -> Group {
        Group {
            job,
            gpus,
            offset_ms,
            step: 0,
            finished: 0,
            latest_ms: 0.0,
            released_ms: None,
            running,
            begun_ms: running.then_some(offset_ms),
            turns: 0,
        }
    }

    pub(crate) fn pace(&self) -> Vec<JobPace> {
        self.jobs.iter().map(|state| state.pace).collect()
    }

    /// Late data before a step, ms.
    fn data_ms(&self, job: &Job, group: usize, step: u64) -> f32 {
        let Step { data_stall_share, data_stall_ms, .. } = job.step;
        let late = data_stall_share > 0.0 && self.draw.uniform(group as u32, Purpose::JobStep, step) < data_stall_share;
        if late { data_stall_ms as f32 } else { 0.0 }
    }

    pub(crate) fn stalls(&self, group: usize) -> Stalls {
        let Group { job, step, .. } = self.groups[group];
        let job = &self.jobs[job].job;
        let every = u64::from(job.step.checkpoint_every);
        let checkpoint = every > 0 && (step + 1) % every == 0;
        Stalls {
            checkpoint_ms: if checkpoint { job.step.checkpoint_ms as f32 } else { 0.0 },
            data_open_ms: self.data_ms(job, group, step),
            data_next_ms: self.data_ms(job, group, step + 1),
        }
    }

    /// What each group shows its GPUs in the tile from `start_ms`, `length_ms` long.
    pub(crate) fn open(&mut self, start_ms: f64, length_ms: f64) -> Vec<View> {
        let mut turns: Vec<Option<(f64, Turn)>> = vec![None; self.jobs.len()];
        for (index, state) in self.jobs.iter_mut().enumerate() {
            turns[index] = state.next_turn(start_ms + length_ms);
            if let Some((_, Turn::Run)) = turns[index] {
                state.next_failure_ms = state.failure_after(index, start_ms, &self.draw);
            }
        }
        let mut views = core::mem::take(&mut self.views);
        views.clear();
        for index in 0..self.groups.len() {
            let turn = turns[self.groups[index].job];
            if turn.is_some() {
                self.turn(index, turn.map(|(_, turn)| turn));
            }
            let stalls = self.stalls(index);
            let group = &mut self.groups[index];
            let released_ms = group.released_ms.take().map(|at| (at - start_ms) as f32);
            group.turns += u64::from(turn.is_some());
            views.push(View {
                step: group.step,
                released_ms: if turn.is_some() { None } else { released_ms },
                stalls,
                turn: turn.map(|(at, turn)| {
                    let offset = if turn == Turn::Run { group.offset_ms } else { 0.0 };
                    (((at - start_ms).max(0.0) + offset) as f32, turn, group.turns)
                }),
            });
        }
        views
    }

    fn turn(&mut self, index: usize, turn: Option<Turn>) {
        let group = &mut self.groups[index];
        group.finished = 0;
        group.latest_ms = 0.0;
        group.begun_ms = None;
        if let Some(Turn::Run) = turn {
            // New luck after a restart.
            group.step += 1;
            group.running = true;
        } else {
            group.running = false;
        }
    }

    /// Takes in what the blocks counted in the tile from `start_ms`, and closes barriers.
    pub(crate) fn close(&mut self, start_ms: f64, views: Vec<View>, tallies: &[Vec<Tally>]) {
        for block in tallies {
            // Whoever came to the barrier of a step that was then broken off came for nothing.
            let counts = |tally: &&Tally| !matches!(views[tally.group].turn, Some((_, Turn::Halt(_), _)));
            for tally in block.iter().filter(counts) {
                let group = &mut self.groups[tally.group];
                group.finished += tally.finished;
                group.latest_ms = group.latest_ms.max(start_ms + f64::from(tally.latest_ms));
            }
        }
        self.views = views;
        for index in 0..self.groups.len() {
            let group = &self.groups[index];
            if !group.running || group.gpus == 0 || group.finished < group.gpus {
                continue;
            }
            assert_eq!(group.finished, group.gpus, "every GPU comes to a barrier once");
            let state = &mut self.jobs[group.job];
            let released_ms = group.latest_ms + state.job.step.communication_ms;
            if let Some(begun_ms) = group.begun_ms {
                let step_s = (released_ms - begun_ms) / MS;
                state.pace.steps += 1;
                state.pace.steps_s += step_s;
                state.pace.longest_s = state.pace.longest_s.max(step_s);
            }
            let checkpoint_ms = f64::from(self.stalls(index).checkpoint_ms);
            let group = &mut self.groups[index];
            group.begun_ms = Some(released_ms + checkpoint_ms);
            group.released_ms = Some(released_ms);
            group.step += 1;
            group.finished = 0;
            group.latest_ms = 0.0;
        }
    }
}

impl JobState {
    fn failure_after(&self, index: usize, after_ms: f64, draw: &Draw) -> f64 {
        if self.job.mean_time_to_failure_s.is_finite() {
            let wait = draw.exponential(index as u32, Purpose::JobFailure, self.failures);
            after_ms + wait * self.job.mean_time_to_failure_s * MS
        } else {
            f64::INFINITY
        }
    }

    /// What happens to the job before `end_ms`, if anything: at most one thing per tile.
    fn next_turn(&mut self, end_ms: f64) -> Option<(f64, Turn)> {
        let (position, at) = self
            .agenda
            .iter()
            .enumerate()
            .map(|(position, (at, _))| (position, *at))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((usize::MAX, f64::INFINITY));
        if self.next_failure_ms < end_ms && self.next_failure_ms <= at {
            let at = self.next_failure_ms;
            let Job { detect_s, restart_s, load_s, .. } = self.job;
            self.failures += 1;
            self.pace.failures += 1;
            self.next_failure_ms = f64::INFINITY;
            let ends = self.agenda.iter().filter(|(_, turn)| *turn == Turn::Halt(Doing::Rest));
            let ends: Vec<(f64, Turn)> = ends.copied().collect();
            self.agenda = vec![
                (at + detect_s * MS, Turn::Halt(Doing::Rest)),
                (at + (detect_s + restart_s) * MS, Turn::Halt(Doing::Stalled)),
                (at + (detect_s + restart_s + load_s) * MS, Turn::Run),
            ];
            if let Some((stop, _)) = ends.first() {
                self.agenda.retain(|(at, _)| at < stop);
                self.agenda.extend(ends);
            }
            // The others wait in their collectives until the failure is seen.
            return Some((at, Turn::Halt(Doing::Exchange)));
        }
        if at < end_ms {
            let (at, turn) = self.agenda.remove(position);
            return Some((at, turn));
        }
        None
    }
}
