//! The training step as phases: what a GPU does one after another, and for how long.
//!
//! A step is: data stall (some steps), pipeline bubble, micro-batches of forward and backward pass, exposed communication
//! behind a barrier, checkpoint stall (some steps). A GPU of pipeline stage s of P waits s forward passes before its first
//! micro-batch, (P - 1 - s) pairs of passes after it, and s backward passes at the barrier: with M micro-batches every
//! stage fills (P - 1 + M) pairs, the interleaved bubble (P - 1)/(V M) of Llama 3, section 3.3.2, with V = 1.
//!
//! Not modelled: communication within a pass; interleaved schedules and experts, unless the step comes from the training
//! model, which knows them.

use super::WINDOW_MS;
use crate::training::phases as training;

/// What a GPU is doing; an index into a rack's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Doing {
    /// No job.
    Rest = 0,
    /// Blocked: checkpoint, data, host, restart.
    Stalled = 1,
    /// In a collective, waiting or communicating; also the pipeline bubble.
    Exchange = 2,
    /// Forward pass.
    Forward = 3,
    /// Backward pass.
    Backward = 4,
}

/// Number of levels.
pub(crate) const LEVELS: usize = 5;

/// Number of a phase that is not in a sequence; it and all above it have no successor.
pub(crate) const HALT: i32 = 1 << 20;

/// One phase of a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Phase {
    pub(crate) doing: Doing,
    /// Length at full pace, ms; passes are stretched by the GPU's own factor.
    pub(crate) ms: f32,
}

impl Phase {
    pub(crate) fn computes(self) -> bool {
        matches!(self.doing, Doing::Forward | Doing::Backward)
    }
}

/// The training step of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Pipeline stages.
    pub stages: u32,
    /// Micro-batches per step.
    pub micro_batches: u32,
    /// Forward and backward pass of one micro-batch, ms.
    pub forward_ms: f64,
    /// Backward pass, ms.
    pub backward_ms: f64,
    /// Exposed communication after the barrier, ms.
    pub communication_ms: f64,
    /// Own pace of a GPU in a step: deviation of its compute time, as a share.
    pub jitter: f64,
    /// Share of GPUs that straggle in a step.
    pub straggler_share: f64,
    /// How much longer a straggler computes, as a share.
    pub straggler_slowdown: f64,
    /// A checkpoint after every so many steps; 0: none.
    pub checkpoint_every: u32,
    /// How long it stalls the job, ms.
    pub checkpoint_ms: f64,
    /// Share of steps before which data is late.
    pub data_stall_share: f64,
    /// How long data is late, ms.
    pub data_stall_ms: f64,
    /// What each stage does up to the barrier, and for how long, ms, where that comes from a training model. Empty: the
    /// order of work follows from the numbers above.
    pub stages_do: Vec<Vec<(Doing, f64)>>,
}

impl Step {
    /// A step of a given period from the shares of its phases; the rest computes, a third of it forward.
    ///
    /// Forward to backward is 1 to 2: two of the 6 N FLOP per token are forward (cluster.md 4.1).
    #[must_use]
    pub fn of_period(period_ms: f64, communication_share: f64, stages: u32, micro_batches: u32) -> Self {
        let communication_ms = period_ms * communication_share;
        let pair_ms = (period_ms - communication_ms) / f64::from(micro_batches.max(1) + stages.max(1) - 1);
        Self {
            stages: stages.max(1),
            micro_batches: micro_batches.max(1),
            forward_ms: pair_ms / 3.0,
            backward_ms: pair_ms * 2.0 / 3.0,
            communication_ms,
            jitter: 0.0,
            straggler_share: 0.0,
            straggler_slowdown: 0.0,
            checkpoint_every: 0,
            checkpoint_ms: 0.0,
            data_stall_share: 0.0,
            data_stall_ms: 0.0,
            stages_do: Vec::new(),
        }
    }

    /// A step from the phases of a training model, one list per pipeline stage, each without gaps from the step's start.
    ///
    /// Waits are exchange; what follows the last pass (gradients, optimizer) is the exposed communication behind the
    /// barrier; a wait at the end is spent at the barrier. Waits shorter than a noise interval are added to what follows.
    ///
    /// # Errors
    /// In words, where a pass or the communication is shorter than the noise interval.
    pub fn of_training(stages: &[Vec<training::Phase>]) -> Result<Self, String> {
        let least_ms = WINDOW_MS as f64;
        let mut step = Self::of_period(1_000.0, 0.2, stages.len() as u32, 1);
        let (mut sums_ms, mut counts) = ([0.0; LEVELS], [0_u32; LEVELS]);
        step.communication_ms = 0.0;
        for phases in stages {
            let mut does: Vec<(Doing, f64)> = Vec::new();
            let mut owed_ms = 0.0;
            let mut after_ms = 0.0;
            for phase in phases {
                let ms = phase.duration_s * 1e3;
                let doing = match phase.activity {
                    training::Activity::Wait => Doing::Exchange,
                    training::Activity::Forward => Doing::Forward,
                    training::Activity::Backward => Doing::Backward,
                    training::Activity::Gradients | training::Activity::Optimizer => {
                        after_ms += ms;
                        continue;
                    }
                };
                if doing == Doing::Exchange && ms < least_ms {
                    owed_ms += ms;
                    continue;
                }
                if doing != Doing::Exchange {
                    sums_ms[doing as usize] += ms;
                    counts[doing as usize] += 1;
                }
                does.push((doing, ms + core::mem::take(&mut owed_ms)));
            }
            while does.last().is_some_and(|(doing, _)| *doing == Doing::Exchange) {
                does.pop();
            }
            step.communication_ms = step.communication_ms.max(after_ms);
            step.stages_do.push(does);
        }
        let mean_ms = |doing: Doing| sums_ms[doing as usize] / f64::from(counts[doing as usize].max(1));
        (step.forward_ms, step.backward_ms) = (mean_ms(Doing::Forward), mean_ms(Doing::Backward));
        step.micro_batches = counts[Doing::Forward as usize] / step.stages.max(1);
        match step.complaints().into_iter().next() {
            Some(complaint) => Err(complaint),
            None => Ok(step),
        }
    }

    /// Length of a step without jitter, stragglers and stalls, ms.
    #[must_use]
    pub fn period_ms(&self) -> f64 {
        if !self.stages_do.is_empty() {
            let length = |does: &Vec<(Doing, f64)>| does.iter().map(|(_, ms)| ms).sum::<f64>();
            return self.stages_do.iter().map(length).fold(0.0, f64::max) + self.communication_ms;
        }
        f64::from(self.micro_batches + self.stages - 1) * (self.forward_ms + self.backward_ms) + self.communication_ms
    }

    /// What is wrong with it, in words.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.problems("of this step", &mut problems);
        problems
    }

    /// The same for a named job, added to others.
    pub(crate) fn problems(&self, name: &str, problems: &mut Vec<String>) {
        let least = WINDOW_MS as f64;
        let shrunk = 1.0 - 3.5 * self.jitter;
        let mut need = |good: bool, what: &str| {
            if !good {
                problems.push(format!("job {name}: {what}"));
            }
        };
        need(self.stages >= 1 && self.micro_batches >= 1, "a step has at least one stage and one micro-batch");
        need((0.0..=0.2).contains(&self.jitter), "jitter of the pace must lie between 0 and 20 %");
        need(self.forward_ms * shrunk >= least, "a forward pass must last at least 16 ms (the noise interval)");
        need(self.backward_ms * shrunk >= least, "a backward pass must last at least 16 ms (the noise interval)");
        let shortest = self.stages_do.iter().flatten().map(|(_, ms)| *ms).fold(f64::INFINITY, f64::min);
        need(shortest * shrunk >= least, "a pass of the training model must last at least 16 ms (the noise interval)");
        need(
            self.stages_do.is_empty() || self.stages_do.len() == self.stages as usize,
            "every stage of the training model does something",
        );
        need(self.communication_ms >= least, "exposed communication must last at least 16 ms");
        need(self.period_ms() <= 1e6, "a step must be shorter than 1000 s");
        need((0.0..=1.0).contains(&self.straggler_share), "the share of stragglers is a share");
        need((0.0..=10.0).contains(&self.straggler_slowdown), "a straggler is at most ten times slower");
        need((0.0..=1.0).contains(&self.data_stall_share), "the share of data stalls is a share");
        let stall = |ms: f64| ms >= least && ms <= 1e7;
        need(self.checkpoint_every == 0 || stall(self.checkpoint_ms), "a checkpoint stalls for at least 16 ms");
        need(self.data_stall_share == 0.0 || stall(self.data_stall_ms), "a data stall lasts at least 16 ms");
    }

    /// The phases of a stage between the start of a step and its barrier.
    pub(crate) fn sequence(&self, stage: u32) -> Vec<Phase> {
        let phase = |doing, ms: f64| Phase { doing, ms: ms as f32 };
        if let Some(does) = self.stages_do.get(stage as usize) {
            return does.iter().map(|(doing, ms)| phase(*doing, *ms)).collect();
        }
        let (forward, backward) = (self.forward_ms, self.backward_ms);
        let mut phases = Vec::new();
        if stage > 0 {
            phases.push(phase(Doing::Exchange, f64::from(stage) * forward));
        }
        for micro_batch in 0..self.micro_batches {
            phases.push(phase(Doing::Forward, forward));
            phases.push(phase(Doing::Backward, backward));
            let behind = self.stages - 1 - stage;
            if micro_batch == 0 && behind > 0 {
                phases.push(phase(Doing::Exchange, f64::from(behind) * (forward + backward)));
            }
        }
        phases
    }
}

/// What a GPU needs to know of its group in order to go on from phase to phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stalls {
    /// Checkpoint after the step that is open, ms; 0: none.
    pub(crate) checkpoint_ms: f32,
    /// Late data before the open step, and before the one after it, ms; 0: none.
    pub(crate) data_open_ms: f32,
    pub(crate) data_next_ms: f32,
}

/// The phase after `phase`: its number, what the GPU does, and its length in ms at full pace.
///
/// In a sequence of n phases the barrier is number n, the checkpoint n + 1, late data n + 2.
pub(crate) fn following(sequence: &[Phase], phase: i32, stretch: f32, stalls: &Stalls) -> (i32, Doing, f32) {
    let n = sequence.len() as i32;
    let first = || at(sequence, 0, stretch);
    let data = |ms: f32| if ms > 0.0 { (n + 2, Doing::Stalled, ms) } else { first() };
    if phase >= HALT {
        (HALT, Doing::Rest, super::chip::ENDLESS_MS)
    } else if phase + 1 < n {
        at(sequence, phase + 1, stretch)
    } else if phase + 1 == n {
        (n, Doing::Exchange, super::chip::ENDLESS_MS)
    } else if phase == n {
        if stalls.checkpoint_ms > 0.0 {
            (n + 1, Doing::Stalled, stalls.checkpoint_ms)
        } else {
            data(stalls.data_next_ms)
        }
    } else if phase == n + 1 {
        // The barrier has closed: the step that is open now is the one to come.
        data(stalls.data_open_ms)
    } else {
        first()
    }
}

/// A phase of the sequence with its length for this GPU.
pub(crate) fn at(sequence: &[Phase], phase: i32, stretch: f32) -> (i32, Doing, f32) {
    let found = sequence[phase as usize];
    let ms = if found.computes() { found.ms * stretch } else { found.ms };
    (phase, found.doing, ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_fills_the_same_step() {
        let step = Step::of_period(2_000.0, 0.2, 4, 5);
        assert!((step.period_ms() - 2_000.0).abs() < 1e-9);
        for stage in 0..4 {
            let length: f64 = step.sequence(stage).iter().map(|phase| f64::from(phase.ms)).sum();
            // The last of it, s backward passes, is spent at the barrier.
            let filled = length + f64::from(stage) * step.backward_ms;
            assert!((filled + step.communication_ms - 2_000.0).abs() < 1e-2, "{stage} {filled}");
        }
    }

    #[test]
    fn stalls_come_after_the_barrier_in_order() {
        let step = Step::of_period(1_000.0, 0.2, 1, 4);
        let sequence = step.sequence(0);
        let n = sequence.len() as i32;
        let stalls = Stalls { checkpoint_ms: 500.0, data_open_ms: 70.0, data_next_ms: 90.0 };
        assert_eq!(following(&sequence, n - 1, 1.0, &stalls).0, n);
        assert_eq!(following(&sequence, n, 1.0, &stalls), (n + 1, Doing::Stalled, 500.0));
        assert_eq!(following(&sequence, n + 1, 1.0, &stalls), (n + 2, Doing::Stalled, 70.0));
        assert_eq!(following(&sequence, n + 2, 1.0, &stalls).0, 0);
        let none = Stalls { checkpoint_ms: 0.0, ..stalls };
        assert_eq!(following(&sequence, n, 1.0, &none), (n + 2, Doing::Stalled, 90.0));
        assert_eq!(following(&sequence, HALT, 1.0, &none).0, HALT);
    }
}
