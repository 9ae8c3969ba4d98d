//! A specification held against the import of each point, millisecond by millisecond, by the judge that `comply` uses.
//!
//! A specification is for one point of connection: every point on the grid is judged for itself, with the same limits and the
//! same reference power, and a clause is met where every point meets it.
//!
//! Not modelled: a plan to hold a schedule against; a meter's averaging and errors (the judge sees each millisecond).

use super::there;
use crate::operation::slug;
use crate::results::Finding;
use crate::scenario::Scenario;
use tieline_campus::specification::{Circumstances, Judge, Rule, Ruling, Specification, Verdict};
use tieline_campus::spectrum::sampling::{Findings, Piece};
use tieline_campus::waveform::Tile;

/// Step of the samples, s.
const STEP_S: f64 = 1e-3;

/// One clause as all points together keep it: the ruling of the point that keeps it worst.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentence {
    /// Name of that point.
    pub point: String,
    /// What was ruled there.
    pub ruling: Ruling,
    /// Judged span that would show it, s, where it is not shown and some span would.
    pub shown_from_s: Option<f64>,
}

/// What came of holding a specification against a waveform.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The clauses, in the specification's order.
    pub sentences: Vec<Sentence>,
    /// Length of what was judged, s.
    pub span_s: f64,
}

impl Judged {
    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Sentence> {
        self.sentences.iter().filter(move |sentence| sentence.ruling.verdict == verdict)
    }

    /// Clauses with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.with(verdict).count()
    }

    /// Whether no clause that the span can show is broken, and it shows one.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.count(Verdict::Fail) == 0 && self.count(Verdict::Pass) > 0
    }

    /// Fail, pass, or nothing shown.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.passes(), self.count(Verdict::Fail)) {
            (true, _) => Verdict::Pass,
            (false, 0) => Verdict::NotShown,
            _ => Verdict::Fail,
        }
    }

    /// Least margin of all clauses that are shown, and whose it is.
    #[must_use]
    pub fn tightest(&self) -> Option<(f64, &Sentence)> {
        let shown = self.sentences.iter().filter(|sentence| sentence.ruling.verdict != Verdict::NotShown);
        let margins = shown.filter_map(|sentence| Some((sentence.ruling.margin?, sentence)));
        margins.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Clauses that are broken, each with what is left to its limit in per cent; the worst first. Where none is, the tightest.
    #[must_use]
    pub fn words(&self) -> String {
        let line = |sentence: &Sentence| match sentence.ruling.margin {
            Some(margin) => format!("{} {:+.0} %", sentence.ruling.name, 100.0 * margin),
            None => sentence.ruling.name.clone(),
        };
        let margin = |sentence: &Sentence| sentence.ruling.margin.unwrap_or(f64::NEG_INFINITY);
        match self.verdict() {
            Verdict::Fail => {
                let mut broken: Vec<&Sentence> = self.with(Verdict::Fail).collect();
                broken.sort_by(|a, b| margin(a).total_cmp(&margin(b)));
                broken.into_iter().map(line).collect::<Vec<_>>().join(", ")
            }
            Verdict::Pass => {
                self.tightest().map_or_else(String::new, |(_, sentence)| format!("tightest {}", line(sentence)))
            }
            Verdict::NotShown => "nothing shown".to_owned(),
        }
    }

    /// Verdicts counted, and the margin of each clause that is shown.
    #[must_use]
    pub fn metrics(&self) -> Vec<(String, f64)> {
        let verdicts = [("passed", Verdict::Pass), ("failed", Verdict::Fail), ("not_shown", Verdict::NotShown)];
        let counts = verdicts.map(|(name, verdict)| (format!("clauses_{name}"), self.count(verdict) as f64));
        let shown = self.sentences.iter().filter(|sentence| sentence.ruling.verdict != Verdict::NotShown);
        let margins = shown.filter_map(|sentence| {
            Some((format!("clause_margin_percent.{}", slug(&sentence.ruling.name)), 100.0 * sentence.ruling.margin?))
        });
        counts.into_iter().chain(margins).collect()
    }

    /// A finding for every clause that is broken.
    pub fn broken(&self) -> impl Iterator<Item = Finding> {
        self.with(Verdict::Fail).map(|sentence| Finding {
            topic: "specification".to_owned(),
            text: format!(
                "{} is broken at {}: {}, {}",
                sentence.ruling.name,
                sentence.point,
                sentence.ruling.measure,
                sentence.figures()
            ),
            closes: false,
        })
    }

    /// What is not shown and what would show it, one line a clause. `settle_s` is what a run spends before it is judged.
    #[must_use]
    pub fn not_shown(&self, settle_s: f64) -> Vec<String> {
        self.with(Verdict::NotShown)
            .map(|sentence| {
                let ruling = &sentence.ruling;
                match sentence.shown_from_s {
                    Some(needed_s) if needed_s > self.span_s => format!(
                        "{}: needs {needed_s:.0} s judged, of which there are {:.0}; span = \"{:.0} s\" shows it",
                        ruling.name,
                        self.span_s,
                        libm::ceil(1.02 * needed_s + settle_s) + 1.0,
                    ),
                    _ => format!("{}: {}", ruling.name, ruling.why),
                }
            })
            .collect()
    }
}

/// One point that is being judged.
struct Held {
    name: String,
    poi: usize,
    judge: Judge,
    range_w: (f64, f64),
}

/// Judges the import of the points on the grid while a run goes on.
pub struct Judging {
    specification: Specification,
    settle_ms: usize,
    most_ms: usize,
    seen_ms: usize,
    judged_ms: usize,
    points: Vec<Held>,
}

impl Judging {
    /// Nothing seen yet; what lies before the plan's settling time and behind its span will not count.
    #[must_use]
    pub fn new(scenario: &Scenario, specification: &Specification) -> Self {
        let (plan, plant) = (&scenario.waveform, &scenario.plant);
        // A point without a hall in service has nothing to be judged.
        let loaded = |poi: usize| there(plant, plan.at).any(|hall| hall.poi == poi);
        let on_grid = plant.pois.iter().enumerate().filter(|(poi, at)| !at.island && loaded(*poi));
        let points = on_grid.map(|(poi, at)| Held::new(&at.name, poi, specification)).collect();
        Self {
            specification: specification.clone(),
            settle_ms: (plan.settle_s * 1e3) as usize,
            most_ms: (plan.span_s * 1e3) as usize,
            seen_ms: 0,
            judged_ms: 0,
            points,
        }
    }

    /// Takes the next tile.
    pub fn tile(&mut self, tile: &Tile) {
        let first = self.settle_ms.saturating_sub(self.seen_ms).min(tile.len());
        let end = self.most_ms.saturating_sub(self.seen_ms).min(tile.len());
        self.seen_ms += tile.len();
        if first < end {
            self.judged_ms += end - first;
            self.points.iter_mut().for_each(|point| point.push(&tile.meter_w[point.poi][first..end]));
        }
    }

    /// The rulings.
    #[must_use]
    pub fn finish(self) -> Judged {
        let span_s = self.judged_ms as f64 * STEP_S;
        let at_points: Vec<(String, Vec<Ruling>)> =
            self.points.into_iter().map(|point| point.finish(self.judged_ms)).collect();
        together(&self.specification, &at_points, span_s)
    }
}

impl Held {
    fn new(name: &str, poi: usize, specification: &Specification) -> Self {
        let judge = Judge::new(specification.clone(), Circumstances { step_s: STEP_S, ..Circumstances::default() });
        Self { name: name.to_owned(), poi, judge, range_w: (f64::INFINITY, f64::NEG_INFINITY) }
    }

    fn push(&mut self, import_w: &[f64]) {
        self.range_w = import_w.iter().fold(self.range_w, |(least, most), w| (least.min(*w), most.max(*w)));
        self.judge.push(Piece::Samples(import_w));
    }

    fn finish(self, judged_ms: usize) -> (String, Vec<Ruling>) {
        (self.name, self.judge.finish(&findings(judged_ms, self.range_w)).1)
    }
}

/// What the judge is told of samples that are all there, a millisecond apart.
fn findings(judged_ms: usize, range_w: (f64, f64)) -> Findings {
    Findings {
        rows: judged_ms as u64,
        last_ns: judged_ms.saturating_sub(1) as i64 * 1_000_000,
        step_s: STEP_S,
        interval_s: STEP_S,
        range_w,
        ..Findings::default()
    }
}

/// The judge on one point's import, 1 ms a value, all of it judged.
#[must_use]
pub fn judge_import(name: &str, specification: &Specification, import_w: &[f64]) -> Judged {
    let mut point = Held::new(name, 0, specification);
    point.push(import_w);
    together(specification, &[point.finish(import_w.len())], import_w.len() as f64 * STEP_S)
}

/// Of each clause the ruling of the point that keeps it worst: broken before not shown before met, then the least margin.
fn together(specification: &Specification, points: &[(String, Vec<Ruling>)], span_s: f64) -> Judged {
    let rank = |ruling: &Ruling| match ruling.verdict {
        Verdict::Fail => 0,
        Verdict::NotShown => 1,
        Verdict::Pass => 2,
    };
    let margin = |ruling: &Ruling| ruling.margin.unwrap_or(f64::INFINITY);
    let sentences = specification.clauses.iter().enumerate().filter_map(|(place, clause)| {
        let all = points.iter().map(|(name, rulings)| (name, &rulings[place]));
        let worst = |a: &(&String, &Ruling), b: &(&String, &Ruling)| {
            rank(a.1).cmp(&rank(b.1)).then(margin(a.1).total_cmp(&margin(b.1)))
        };
        let (point, ruling) = all.min_by(worst)?;
        let mut ruling = ruling.clone();
        if matches!(clause.rule, Rule::Schedule { .. }) {
            ruling.why = "this study has no plan to hold it against (`comply` takes one)".to_owned();
        }
        let open = ruling.limit.is_none() && ruling.measured.is_some();
        let shown_from_s = specification.shown_from_s(clause, STEP_S).filter(|_| !open);
        Some(Sentence { point: point.clone(), ruling, shown_from_s })
    });
    Judged { sentences: sentences.collect(), span_s }
}

impl Sentence {
    /// For people: what was measured against the limit.
    #[must_use]
    pub fn figures(&self) -> String {
        let value = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        format!("{} of {} {}", value(self.ruling.measured), value(self.ruling.limit), self.ruling.unit)
            .trim_end()
            .to_owned()
    }
}
