//! The result of holding a trace against a specification: JSON for programs, one page for people.
//!
//! Not modelled: every sample (the page shows stretches), a second language.

use serde::Serialize;
use tieline_campus::specification::{IdealStore, Outlook, Ruling, Specification, Traces, Verdict};
use tieline_campus::spectrum::sampling::Findings;
use tieline_campus::spectrum::welch::Spectrum;
use tieline_campus::spectrum::windows::{Bucket, Buckets};

/// The page's program, bundled from `report/src/comply.ts`.
const SCRIPT: &str = include_str!("../report/dist/comply.js");
/// The page's style.
const STYLE: &str = include_str!("../report/dist/comply.css");
/// Points of a drawn spectrum.
const SPECTRUM_POINTS: f64 = 600.0;

/// Everything there is to say.
pub struct Compliance<'a> {
    /// Name of the trace's file.
    pub trace: &'a str,
    /// How its time and power were read.
    pub time: &'a str,
    /// How its power was read.
    pub power: &'a str,
    /// Whether its stamps are civil time, and whether the zone is known.
    pub civil: bool,
    /// Whether the zone is known.
    pub zoned: bool,
    /// Remarks on the trace.
    pub remarks: &'a [String],
    /// The specification.
    pub specification: &'a Specification,
    /// Reference power and units.
    pub outlook: Outlook,
    /// What the sampling is like.
    pub findings: &'a Findings,
    /// The rulings.
    pub rulings: &'a [Ruling],
    /// What is drawn.
    pub traces: &'a Traces,
}

#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    version: &'static str,
    trace: &'a str,
    specification: &'a str,
    verdict: &'static str,
    counts: Counts,
    reference: Reference,
    clauses: Vec<Clause<'a>>,
    /// The ideal store with which all clauses that fail pass together, and the stretches on which stores were found, s.
    would_pass_together: Option<Store>,
    stores_found_on_s: f64,
    sampling: Sampling<'a>,
    remarks: &'a [String],
}

#[derive(Serialize)]
struct Counts {
    pass: usize,
    fail: usize,
    not_shown: usize,
}

#[derive(Serialize)]
struct Reference {
    power_w: f64,
    from: &'static str,
}

#[derive(Serialize)]
struct Clause<'a> {
    name: &'a str,
    measure: &'a str,
    verdict: &'static str,
    measured: Option<f64>,
    measured_is_at_least: bool,
    limit: Option<f64>,
    unit: &'a str,
    margin_share: Option<f64>,
    worst_at_s: Option<f64>,
    worst_at: Option<String>,
    broken_share: Option<f64>,
    broken_times: Option<u64>,
    why: std::borrow::Cow<'a, str>,
    would_pass: Option<WouldPass<'a>>,
    source: &'a str,
}

/// What would make a failed clause pass; the ideal store has no losses and no delay.
#[derive(Serialize)]
struct WouldPass<'a> {
    words: &'a str,
    store: Option<Store>,
    no_store_below_w: Option<f64>,
    amplitude_less_share: Option<f64>,
}

#[derive(Serialize)]
struct Store {
    power_w: f64,
    energy_j: f64,
    mean_s: f64,
}

impl Store {
    fn of(store: &IdealStore) -> Self {
        Self { power_w: store.power_w, energy_j: store.energy_j, mean_s: store.mean_s }
    }
}

#[derive(Serialize)]
struct Sampling<'a> {
    time: &'a str,
    power: &'a str,
    start: Option<String>,
    span_s: f64,
    rows: u64,
    interval_s: f64,
    update_s: f64,
    held_s: Option<f64>,
    repeated_share: f64,
    measured_share: f64,
    missing: u64,
    out_of_order: u64,
    left_out_late: u64,
    doubled: u64,
    stamps_slipped: u64,
    stamps_spread: bool,
    holes_bridged: u64,
    gaps: u64,
    gap_s: f64,
    first_gaps_s: &'a [(f64, f64)],
    least_w: f64,
    mean_w: Option<f64>,
    greatest_w: f64,
    energy_j: Option<f64>,
    frozen_s: f64,
    rows_set_back: u64,
    rows_differing: u64,
    doubts: &'a [String],
}

#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    json: Json<'a>,
    title: &'a str,
    unit: &'static str,
    start_ms: Option<f64>,
    zone: &'static str,
    power: Curve,
    ramps: Vec<Ramp<'a>>,
    spectrum: Option<Lines>,
    worst: Option<Lines>,
    bands: Vec<(f64, f64, &'a str)>,
    flicker: Vec<(f64, f64)>,
    flicker_limit: Option<f64>,
    provenance: &'a [(String, String, String)],
    network: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Curve {
    step_s: f64,
    least: Vec<Option<f64>>,
    mean: Vec<Option<f64>>,
    greatest: Vec<Option<f64>>,
}

#[derive(Serialize)]
struct Ramp<'a> {
    name: &'a str,
    window_s: f64,
    unit: String,
    limit: Option<f64>,
    up: bool,
    curve: Curve,
}

#[derive(Serialize)]
struct Lines {
    hz: Vec<f64>,
    /// Greatest and mean density of the bins that one point stands for, in unit²/Hz.
    most: Vec<f64>,
    mean: Vec<f64>,
    segments: u64,
    from_s: f64,
    bin_hz: f64,
}

fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

impl Compliance<'_> {
    /// Civil time of an instant of the trace, s from its start.
    #[must_use]
    pub fn moment(&self, at_s: f64) -> Option<String> {
        let at = tieline_units::Utc::nanos(self.findings.first_ns + (at_s * 1e9) as i64).to_string();
        self.civil.then(|| if self.zoned { at } else { at.trim_end_matches('Z').to_owned() })
    }

    /// Mean power of all even samples, W.
    #[must_use]
    pub fn mean_w(&self) -> Option<f64> {
        let all = &self.traces.power.all;
        let (sum, count) = all.iter().fold((0.0, 0), |(sum, count), bucket| (sum + bucket.2, count + bucket.3));
        (count > 0).then(|| sum / count as f64)
    }

    /// Time that the even samples stand for, s.
    #[must_use]
    pub fn measured_s(&self) -> f64 {
        self.traces.power.all.iter().map(|bucket| bucket.3).sum::<u64>() as f64 * self.findings.step_s
    }

    /// Whether every clause was passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.rulings.iter().all(|ruling| ruling.verdict == Verdict::Pass)
    }

    /// Rulings with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rulings.iter().filter(|ruling| ruling.verdict == verdict).count()
    }

    /// What the stores that would make clauses pass are assumed to be, and the one for all; `None` where no clause has one.
    #[must_use]
    pub fn assumed(&self) -> Option<String> {
        let stores = self.rulings.iter().filter_map(|ruling| ruling.remedy.as_ref()?.store);
        stores.map(|store| store.mean_s).reduce(f64::max)?;
        let (unit, size) = self.outlook.power();
        let together = self.traces.together.map_or_else(String::new, |store| {
            format!(
                " All that fail and can be mended so pass together behind {:.3} {unit} and {:.4} {unit}h (mean of {:.3} s).",
                store.power_w / size,
                store.energy_j / 3600.0 / size,
                store.mean_s
            )
        });
        Some(format!(
            "An ideal store loses nothing and answers at once; that of a mean is the least of its kind, another kind may need \
             less. Found on means of {:.3} s.{together}",
            self.traces.found_on_s
        ))
    }

    /// `page`: what would pass stands in the reason, where a reader of the page finds it.
    fn json(&self, page: bool) -> Json<'_> {
        let found = self.findings;
        let clause = |ruling: &'_ Ruling| -> (Option<String>, &'static str) {
            (ruling.at_s.and_then(|at_s| self.moment(at_s)), ruling.verdict.word())
        };
        Json {
            schema: 1,
            version: env!("CARGO_PKG_VERSION"),
            trace: self.trace,
            specification: &self.specification.name,
            verdict: if self.passed() {
                "pass"
            } else if self.count(Verdict::Fail) > 0 {
                "fail"
            } else {
                "not-shown"
            },
            counts: Counts {
                pass: self.count(Verdict::Pass),
                fail: self.count(Verdict::Fail),
                not_shown: self.count(Verdict::NotShown),
            },
            reference: Reference {
                power_w: self.outlook.reference_w,
                from: if self.outlook.given { "given" } else { "greatest reading of the trace" },
            },
            clauses: self
                .rulings
                .iter()
                .map(|ruling| {
                    let (worst_at, verdict) = clause(ruling);
                    Clause {
                        name: &ruling.name,
                        measure: &ruling.measure,
                        verdict,
                        measured: ruling.measured,
                        measured_is_at_least: ruling.at_least,
                        limit: ruling.limit,
                        unit: &ruling.unit,
                        margin_share: ruling.margin,
                        worst_at_s: ruling.at_s,
                        worst_at,
                        broken_share: ruling.broken.map(|(share, _)| share),
                        broken_times: ruling.broken.map(|(_, times)| times),
                        why: match ruling.remedy.as_ref().filter(|_| page) {
                            Some(remedy) => format!("{}; would pass: {}", ruling.why, remedy.words).into(),
                            None => ruling.why.as_str().into(),
                        },
                        would_pass: ruling.remedy.as_ref().map(|remedy| WouldPass {
                            words: &remedy.words,
                            store: remedy.store.as_ref().map(Store::of),
                            no_store_below_w: remedy.at_least_w,
                            amplitude_less_share: remedy.share,
                        }),
                        source: &ruling.source,
                    }
                })
                .collect(),
            would_pass_together: self.traces.together.as_ref().map(Store::of),
            stores_found_on_s: self.traces.found_on_s,
            sampling: Sampling {
                time: self.time,
                power: self.power,
                start: self.moment(0.0),
                span_s: found.span_s(),
                rows: found.rows,
                interval_s: found.interval_s,
                update_s: found.update_s(),
                held_s: found.held_s,
                repeated_share: found.repeated,
                measured_share: found.coverage(),
                missing: found.missing,
                out_of_order: found.disordered,
                left_out_late: found.late,
                doubled: found.doubled,
                stamps_slipped: found.slipped,
                stamps_spread: found.spread,
                holes_bridged: found.bridged,
                gaps: found.gaps,
                gap_s: found.gap_s,
                first_gaps_s: &found.first_gaps,
                least_w: found.range_w.0,
                mean_w: self.mean_w(),
                greatest_w: found.range_w.1,
                energy_j: self.mean_w().map(|mean_w| mean_w * self.measured_s()),
                frozen_s: found.frozen_s,
                rows_set_back: found.set_back,
                rows_differing: found.differing,
                doubts: &found.doubts,
            },
            remarks: self.remarks,
        }
    }

    /// What the clauses on voltage were judged with.
    fn network(&self) -> Vec<(&'static str, String)> {
        let connection = &self.specification.connection;
        let known = [("Short-circuit ratio", connection.short_circuit_ratio), ("X/R", connection.x_over_r)];
        known.into_iter().filter_map(|(name, value)| Some((name, short(value?).to_string()))).collect()
    }

    /// `comply.json`, schema 1.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.json(false)).expect("texts and numbers under text keys are always JSON")
            + "\n"
    }

    /// `comply.html`: data, style and program in one page that needs no network.
    #[must_use]
    pub fn to_html(&self) -> String {
        let (unit, size) = self.outlook.power();
        let step_s = self.findings.step_s;
        let limit_of =
            |name: &str| self.rulings.iter().find(|ruling| ruling.name == name).and_then(|ruling| ruling.limit);
        let ramps = self.specification.clauses.iter().filter_map(|clause| {
            let (name, window_s, buckets, stride) = self.traces.ramps.iter().find(|(name, ..)| *name == clause.name)?;
            let (unit, size) = self.outlook.unit(&clause.rule);
            Some(Ramp {
                name,
                window_s: *window_s,
                unit,
                limit: limit_of(name),
                up: matches!(clause.rule, tieline_campus::specification::Rule::Ramp { up: true, .. }),
                curve: curve(buckets, step_s * *stride as f64, size * window_s.max(step_s)),
            })
        });
        let bands = self.specification.clauses.iter().filter_map(|clause| match &clause.rule {
            tieline_campus::specification::Rule::Spectral { band, .. } => {
                Some((band.low_hz, band.high_hz, clause.name.as_str()))
            }
            _ => None,
        });
        let lines = |spectrum: &Option<Spectrum>| spectrum.as_ref().map(|spectrum| lines(spectrum, size, step_s));
        let page = Page {
            json: self.json(true),
            title: &self.specification.title,
            unit,
            start_ms: self.civil.then(|| self.findings.first_ns as f64 / 1e6),
            zone: if self.zoned { "UTC" } else { "wall clock of the trace" },
            power: curve(&self.traces.power, step_s, size),
            ramps: ramps.collect(),
            spectrum: lines(&self.traces.whole),
            worst: lines(&self.traces.worst),
            bands: bands.collect(),
            flicker: self.traces.flicker.iter().map(|(at, pst)| (short(*at as f64 * step_s), short(*pst))).collect(),
            flicker_limit: self
                .rulings
                .iter()
                .find(|ruling| ruling.measure.starts_with("Pst"))
                .and_then(|ruling| ruling.limit),
            provenance: &self.specification.provenance,
            network: self.network(),
        };
        let data = serde_json::to_string(&page).expect("texts and numbers under text keys are always JSON");
        crate::report::page(&format!("{} against {}", self.trace, self.specification.name), &data, "", STYLE, SCRIPT)
    }
}

fn curve(buckets: &Buckets, step_s: f64, size: f64) -> Curve {
    let pick = |value: &dyn Fn(&Bucket) -> f64| {
        buckets.all.iter().map(|bucket| (bucket.3 > 0).then(|| short(value(bucket) / size))).collect()
    };
    Curve {
        step_s: step_s * buckets.size as f64,
        least: pick(&|bucket| bucket.0),
        mean: pick(&|bucket| bucket.2 / bucket.3 as f64),
        greatest: pick(&|bucket| bucket.1),
    }
}

/// A spectrum thinned to points that lie evenly on a logarithmic axis.
fn lines(spectrum: &Spectrum, size: f64, step_s: f64) -> Lines {
    let last = spectrum.psd.len() - 1;
    let ratio = (last as f64).powf(1.0 / SPECTRUM_POINTS).max(1.0 + 1e-9);
    let mut out = Lines {
        hz: Vec::new(),
        most: Vec::new(),
        mean: Vec::new(),
        segments: spectrum.segments,
        from_s: spectrum.start as f64 * step_s,
        bin_hz: spectrum.bin_hz,
    };
    let (mut first, mut edge) = (1_usize, 1.0_f64);
    while first <= last {
        edge = (edge * ratio).max(first as f64 + 0.999);
        let next = (edge as usize + 1).clamp(first + 1, last + 1);
        let bins = &spectrum.psd[first..next];
        let middle = 0.5 * (first + next - 1) as f64;
        out.hz.push(short(middle * spectrum.bin_hz));
        out.most.push(short(bins.iter().copied().fold(0.0, f64::max) / (size * size)));
        out.mean.push(short(bins.iter().sum::<f64>() / bins.len() as f64 / (size * size)));
        first = next;
    }
    out
}
