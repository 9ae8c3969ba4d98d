//! The limits as the grid meant them: what stood at each second, and by how much true import exceeded it.
//!
//! This is the judge, not the controller: it reads the scenario and the truth and shares no code with `control`.
//!
//! Not modelled: disputes about whether a message arrived (a limit or event counts from the instant at which it was sent).

use crate::metrics::{LimitJudge, RampJudge};
use crate::scenario::Scenario;
use tieline_control::POIS;
use tieline_units::Time;

/// What one second showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Limit that stood at each point, W (infinite: none).
    pub poi_w: [f64; POIS],
    /// Limit that stood over all points, W.
    pub all_w: f64,
    /// Greatest excess over any limit, over its own window, W.
    pub over_w: f64,
}

impl Standing {
    /// The tightest limit on the whole campus, W.
    pub fn total_w(&self, pois: usize) -> f64 {
        self.poi_w.iter().take(pois).sum::<f64>().min(self.all_w)
    }
}

/// Judges limits, events and ramps.
#[derive(Debug)]
pub(crate) struct Judges<'a> {
    scenario: &'a Scenario,
    said_w: Vec<f64>,
    next: Vec<usize>,
    limits: Vec<LimitJudge>,
    events: Vec<LimitJudge>,
    fast: Vec<RampJudge>,
    slow: Vec<RampJudge>,
    over_j: f64,
    over_max_w: f64,
}

impl<'a> Judges<'a> {
    /// Judges for a scenario.
    pub fn new(scenario: &'a Scenario) -> Self {
        let control = &scenario.control;
        let ramp = |window_s| {
            control
                .pois
                .iter()
                .map(move |poi| RampJudge::new(poi.ramp_up_w_per_s, poi.ramp_down_w_per_s, window_s))
                .collect()
        };
        Self {
            scenario,
            said_w: control.limits.iter().map(|limit| limit.initial_w).collect(),
            next: vec![0; control.limits.len()],
            limits: control.limits.iter().map(|limit| LimitJudge::new(limit.window.as_secs_f64())).collect(),
            events: scenario.events.iter().map(|_| LimitJudge::new(0.0)).collect(),
            fast: ramp(1),
            slow: ramp(60),
            over_j: 0.0,
            over_max_w: 0.0,
        }
    }

    /// One second that ends at `at`, with its mean import.
    pub fn second(&mut self, at: Time, import_w: &[f64; POIS]) -> Standing {
        let control = &self.scenario.control;
        let total_w: f64 = import_w.iter().sum();
        let mut standing = Standing { poi_w: [f64::INFINITY; POIS], all_w: f64::INFINITY, over_w: 0.0 };
        for index in 0..self.limits.len() {
            let steps = self.scenario.surroundings.limits.get(index).map_or(&[][..], Vec::as_slice);
            // A limit binds the seconds after it was said; one that falls silent keeps binding.
            while let Some(step) = steps.get(self.next[index]).filter(|step| step.at < at) {
                self.next[index] += 1;
                if !step.limit_w.is_nan() {
                    self.said_w[index] = step.limit_w;
                }
            }
            let poi = control.limits[index].poi.map(usize::from);
            let scope_w = poi.map_or(total_w, |poi| import_w[poi]);
            standing.take(poi, self.said_w[index], self.limits[index].second(scope_w, self.said_w[index]));
        }
        for (scheduled, judge) in self.scenario.events.iter().zip(&mut self.events) {
            let event = &scheduled.event;
            let cancelled = scheduled.cancelled_at.is_some_and(|cancelled_at| cancelled_at < at);
            let stands = event.start < at && at <= event.end && !cancelled;
            let limit_w = if stands { event.limit_w } else { f64::INFINITY };
            let poi = (event.poi != 255).then_some(usize::from(event.poi));
            let scope_w = poi.map_or(total_w, |poi| import_w[poi]);
            standing.take(poi, limit_w, judge.second(scope_w, limit_w));
        }
        for poi in 0..control.pois.len() {
            self.fast[poi].second(import_w[poi]);
            self.slow[poi].second(import_w[poi]);
        }
        self.over_j += standing.over_w;
        self.over_max_w = self.over_max_w.max(standing.over_w);
        standing
    }

    /// The metrics of limits and ramps.
    pub fn metrics(&self, put: &mut dyn FnMut(&str, f64)) {
        put("import_over_limit_mwh", self.over_j / 3.6e9);
        put("import_over_limit_max_mw", self.over_max_w / 1e6);
        let seconds = |judges: &[LimitJudge]| judges.iter().map(|judge| judge.seconds_over).sum::<f64>();
        put("import_over_limit_s", seconds(&self.limits) + seconds(&self.events));
        let worst = |judges: &[RampJudge], f: fn(&RampJudge) -> f64| judges.iter().map(f).fold(0.0, f64::max);
        for (name, judges) in [("1s", &self.fast), ("60s", &self.slow)] {
            put(&format!("ramp_max_{name}_mw_per_min"), worst(judges, |judge| judge.steepest_w_per_s) * 60.0 / 1e6);
            put(&format!("ramp_over_limit_{name}_mw_per_min"), worst(judges, |judge| judge.over_w_per_s) * 60.0 / 1e6);
            put(&format!("ramp_over_limit_{name}_s"), judges.iter().map(|judge| judge.seconds_over).sum());
        }
    }

    /// Each limit source and event with its excess: name, MWh, greatest MW.
    pub fn sources(&self) -> Vec<(String, f64, f64)> {
        let limits = self.scenario.control.limits.iter().map(|limit| limit.name.clone()).zip(&self.limits);
        let events = self.scenario.events.iter().map(|event| event.name.clone()).zip(&self.events);
        limits.chain(events).map(|(name, judge)| (name, judge.over_j / 3.6e9, judge.over_max_w / 1e6)).collect()
    }
}

impl Standing {
    fn take(&mut self, poi: Option<usize>, limit_w: f64, over_w: f64) {
        match poi {
            Some(poi) => self.poi_w[poi] = self.poi_w[poi].min(limit_w),
            None => self.all_w = self.all_w.min(limit_w),
        }
        self.over_w = self.over_w.max(over_w);
    }
}
