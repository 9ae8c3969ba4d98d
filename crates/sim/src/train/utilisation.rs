//! How many tokens the run's job makes from its halls in the other studies: as its layout's step says, where it states no
//! utilisation of its own.
//!
//! Not modelled: layouts that change as halls come and go within a study; failures, restarts and checkpoints, which those
//! studies have of their own.

use super::{Run, chosen, question, standing};
use crate::scenario::Scenario;
use serde::Serialize;
use tieline_campus::training::JobKind;
use tieline_campus::training::search::search;
use tieline_campus::training::step::evaluate;

/// What the step model says of the run at the start of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Modelled {
    /// Number of the job.
    pub job: usize,
    /// Layout in short.
    pub layout: String,
    /// Model arithmetic over the peak of the run's format, of the GPUs at work.
    pub mfu: f64,
    /// Tokens per second of the step, less what stragglers cost.
    pub tokens_per_s: f64,
    /// The same per FLOP/s of 16-bit peak in service.
    pub tokens_per_peak_flop: f64,
}

/// The scenario with the pace of its run filled in from layout and step; `None` where the job states its own utilisation or
/// nothing is said of the run's model.
///
/// # Errors
/// In words, where the model runs in no layout on the halls of the start.
pub fn paced(scenario: &Scenario) -> Option<Result<Scenario, String>> {
    let plan = scenario.training.as_ref()?;
    let place = scenario.plant.jobs.iter().position(|job| job.kind == JobKind::PreTraining)?;
    let job = &scenario.plant.jobs[place];
    if job.mfu > 0.0 || job.tokens_per_flop.is_some() {
        return None;
    }
    let found = standing(scenario, plan, place).and_then(|run| modelled(&run, place));
    Some(found.map(|found| {
        let mut paced = scenario.clone();
        paced.plant.jobs[place].tokens_per_flop = Some(found.tokens_per_peak_flop);
        paced.modelled = Some(found);
        paced
    }))
}

fn modelled(run: &Run<'_>, job: usize) -> Result<Modelled, String> {
    let (layout, step) = match run.plan.layout.filter(|own| own.gpus() <= run.gpus) {
        Some(own) => {
            chosen(run, &own).map_err(|wrong| wrong.join("; "))?;
            (own, evaluate(&run.model, &run.cluster, &own))
        }
        None => {
            let answer = search(&run.model, &run.cluster, &question(run.plan, run.usable(), 1));
            let answer =
                answer.map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
            let best = answer.ranked.into_iter().next().ok_or_else(|| {
                format!("{} fits on {:.0} {} in no layout", run.model.name, run.usable(), run.cluster.accelerator.name)
            })?;
            (best.layout, best.step)
        }
    };
    // A hall that is there but does not work in the layout counts in the peak: its share is in the tokens that it does not make.
    let peak: f64 = run.halls.iter().map(|hall| hall.gpus * hall.product.bf16_flops).sum();
    let tokens_per_s = step.tokens_per_s * (1.0 - run.plan.stragglers);
    Ok(Modelled {
        job,
        layout: layout.to_string(),
        mfu: step.mfu,
        tokens_per_s,
        tokens_per_peak_flop: tokens_per_s / peak,
    })
}
