//! The transient study within `tieline run`: its tables, what it tells on the screen, mitigations and sizes.
//!
//! Not modelled: a page of its own; its figure stands on the report of the run.

use super::{Tables, Trouble, bar};
use crate::{screen, threads};
use anyhow::{Result, anyhow};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tieline_campus::specification::Verdict;
use tieline_sim::operation::Outlet;
use tieline_sim::results::{Outcome, Table};
use tieline_sim::scenario::Scenario;
use tieline_sim::transient::{self, Judged, Sized, Summary};

/// What else is asked of the study.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Compare mitigations on the same luck.
    pub mitigate: bool,
    /// Find the least battery for each floor.
    pub size: bool,
    /// The specification that judges, and what is set in it.
    pub spec: Option<String>,
    /// NAME=VALUE.
    pub set: Vec<String>,
    /// The campus buys curtailment in the hours that set its bill.
    pub shave_peaks: bool,
}

/// What came of it.
pub struct Waves {
    pub outcome: Outcome,
    pub summary: Summary,
    pub mitigation: Option<(Table, Vec<Judged>)>,
    pub frontier: Option<Vec<Sized>>,
}

/// Runs the study and what was wished, with tables below `folder`.
pub fn waves(scenario: &Scenario, seed: u64, folder: &Path, wishes: &Wishes) -> Result<Waves> {
    let trouble = Trouble::default();
    let mut tables = Tables { folder, open: Default::default(), trouble: trouble.clone() };
    let spread = threads::on_threads(threads::cores());
    let bar = bar();
    let ended = || anyhow!("the run was ended early");
    let found = transient::transient(
        scenario,
        seed,
        &spread,
        &mut Outlet {
            sink: &mut |table| tables.take(&table),
            progress: &mut |done| {
                bar.set_position((done * super::BAR_STEPS as f64) as u64);
                trouble.is_none()
            },
        },
    );
    bar.finish_and_clear();
    if let Some(error) = trouble.take() {
        return Err(error);
    }
    let (outcome, summary) = found.ok_or_else(ended)?;
    let mut waves = Waves { outcome, summary, mitigation: None, frontier: None };
    if wishes.mitigate {
        let mut line = ProgressLine::new("mitigations");
        let mut told = |what: &str, done: f64| line.tell(what, done) && trouble.is_none();
        let (table, judged) = transient::compare(scenario, seed, &spread, &mut told).ok_or_else(ended)?;
        tables.take(&table);
        waves.mitigation = Some((table, judged));
    }
    if wishes.size {
        let mut line = ProgressLine::new("sizing");
        let mut told = |what: &str, done: f64| line.tell(what, done) && trouble.is_none();
        let (frontier, table) = transient::size(scenario, seed, &spread, &mut told).ok_or_else(ended)?;
        tables.take(&table);
        waves.frontier = Some(frontier);
    }
    tables.finish()?;
    match trouble.take() {
        Some(error) => Err(error),
        None => Ok(waves),
    }
}

/// Lines on standard error about long work: at its beginning, and every ten seconds. On a terminal or not.
struct ProgressLine {
    work: &'static str,
    begun: Instant,
    said: Option<Instant>,
}

impl ProgressLine {
    fn new(work: &'static str) -> Self {
        Self { work, begun: Instant::now(), said: None }
    }

    fn tell(&mut self, what: &str, done: f64) -> bool {
        if self.said.is_none_or(|said| said.elapsed() >= Duration::from_secs(10)) {
            self.said = Some(Instant::now());
            let spent_s = self.begun.elapsed().as_secs_f64();
            let left =
                if done > 0.02 { format!(", about {:.0} s left", spent_s / done - spent_s) } else { String::new() };
            eprintln!("tieline: {}: {:.0} % ({what}), {spent_s:.0} s{left}", self.work, 100.0 * done);
        }
        true
    }
}

/// What the screen says of it.
pub fn tell(scenario: &Scenario, waves: &Waves) -> String {
    let value = |name: &str| waves.outcome.metrics.get(&format!("transient.{name}")).copied().unwrap_or(f64::NAN);
    let number = |name: &str| screen::number(value(name));
    let mut text = screen::heading("Waveform");
    let _ = writeln!(
        text,
        "  {} s of {} GPUs at 1 ms ({:.1e} GPU-steps), devices: {}",
        number("simulated_s"),
        number("gpus"),
        value("gpu_steps"),
        scenario.waveform.devices.label(),
    );
    if scenario.waveform.span_s > scenario.waveform.table_s {
        let held = screen::number(scenario.waveform.table_s);
        let _ =
            writeln!(text, "  transient.parquet holds the first {held} s; table = \"...\" in [waveform] asks for more");
    }
    for (name, stage) in
        [("GPUs, islands too", "gpus"), ("load at the grid", "load"), ("import at the meters", "meter")]
    {
        let _ = writeln!(
            text,
            "  {name:<22} mean {:>7} MW, swing {:>7} MW, within a second {:>7} MW",
            number(&format!("{stage}_mean_mw")),
            number(&format!("{stage}_swing_mw")),
            number(&format!("{stage}_within_second_mw")),
        );
    }
    let _ = writeln!(
        text,
        "  fundamental {:.3} Hz: {} MW at the load, {} MW at the meters; {:.0} % of the alternating energy lies in 0.2 to 3 Hz",
        value("load_fundamental_hz"),
        number("load_fundamental_mw"),
        number("meter_fundamental_mw"),
        value("load_energy_02_3hz_percent"),
    );
    let _ = writeln!(
        text,
        "  floor and filler burn {:.2} % of the energy imported; balances close to {:.0e} of it",
        value("extra_energy_percent"),
        value("energy_residual_share"),
    );
    for near in &scenario.waveform.modes {
        let slug = tieline_sim::operation::slug(&near.name);
        let _ = writeln!(
            text,
            "  mode {} at {:.2} Hz: nearest harmonic {:+.3} Hz away; resonance adds {} MW to the import (at worst {} MW, step {:+.1} %; at best {} MW, {:+.1} %)",
            near.name,
            near.hz,
            value(&format!("mode_distance_hz.{slug}")),
            number(&format!("mode_raised_mw.{slug}")),
            number(&format!("mode_worst_mw.{slug}")),
            value(&format!("mode_worst_shift_percent.{slug}")),
            number(&format!("mode_best_mw.{slug}")),
            value(&format!("mode_best_shift_percent.{slug}")),
        );
    }
    if let Some(judged) = &waves.summary.judged {
        text.push_str(&rulings(scenario, judged));
    }
    if let Some((table, judged)) = &waves.mitigation {
        text.push_str(&mitigation(table));
        if !judged.is_empty() {
            text.push_str(&verdicts(table, judged));
        }
    }
    match &waves.frontier {
        Some(frontier) if scenario.waveform.specification.is_some() => text.push_str(&passing(frontier)),
        Some(frontier) => text.push_str(&sizes(scenario, frontier)),
        None => {}
    }
    text
}

fn mitigation(table: &Table) -> String {
    let mut text = screen::heading("Mitigation, on the same luck");
    let _ = writeln!(
        text,
        "  {:<64} {:>8} {:>9} {:>8} {:>6} {:>8} {:>8} {:>7}",
        "devices", "swing MW", "ramp MW/s", "band MW", "Pst", "energy %", "work -%", "bounds"
    );
    let column = |name: &str| table.numbers.iter().find(|(found, _)| found == name).map(|(_, values)| values);
    let cell = |name: &str, row: usize| column(name).map_or(f64::NAN, |values| values[row]);
    for (row, label) in table.texts[0].1.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {:<64} {:>8.1} {:>9.2} {:>8.2} {:>6} {:>8.2} {:>8.2} {:>7}",
            screen::cut(label, 64),
            cell("swing_mw", row),
            cell("ramp_max_mw_per_s", row),
            cell("amplitude_01_20hz_mw", row),
            if cell("pst", row).is_nan() { "-".to_owned() } else { format!("{:.2}", cell("pst", row)) },
            cell("extra_energy_percent", row),
            cell("throughput_loss_percent", row),
            if cell("keeps_bounds", row) > 0.5 { "kept" } else { "BROKEN" },
        );
    }
    let why = table.texts.iter().find(|(name, _)| name == "pst_not_shown");
    let _ = match why.and_then(|(_, reasons)| reasons.iter().find(|why| !why.is_empty())) {
        Some(why) => writeln!(text, "  Pst not shown: {why}"),
        None => writeln!(
            text,
            "  Pst: the judged span repeated for ten minutes (IEC 61000-4-15), at the point where it is worst"
        ),
    };
    text
}

fn mark(verdict: Verdict) -> String {
    match verdict {
        Verdict::NotShown => format!("{:<9}", "not-shown"),
        said => screen::mark(said == Verdict::Pass, ("pass", "FAIL"), 9),
    }
}

/// The specification, clause by clause, held against the import as the scenario has it.
fn rulings(scenario: &Scenario, judged: &Judged) -> String {
    let known = scenario.waveform.specification.as_ref();
    let name = known.map_or("specification", |known| known.name.as_str());
    let mut text = screen::heading(&format!("Import against {name}"));
    let _ = writeln!(
        text,
        "  {} s of each point's milliseconds, by the judge of `comply`; of several points the one that keeps a clause worst",
        screen::number(judged.span_s)
    );
    for sentence in judged.sentences.iter().filter(|sentence| sentence.ruling.verdict != Verdict::NotShown) {
        let ruling = &sentence.ruling;
        let margin = ruling.margin.map_or_else(|| "-".to_owned(), |margin| format!("{:+.1} %", 100.0 * margin));
        let _ = writeln!(
            text,
            "  {} {:<16} {:>24} {margin:>10}  {}",
            mark(ruling.verdict),
            screen::cut(&ruling.name, 16),
            sentence.figures(),
            sentence.point
        );
    }
    for line in judged.not_shown(scenario.waveform.settle_s) {
        let _ = writeln!(text, "  not-shown {}", screen::wrap(&line, 110, 12));
    }
    text
}

/// The specification held against each set of devices, and what each set takes up.
fn verdicts(table: &Table, judged: &[Judged]) -> String {
    let mut text = screen::heading("The same against the specification, and who absorbs what");
    let column = |name: &str| table.numbers.iter().find(|(found, _)| found == name).map(|(_, values)| values);
    let cell = |name: &str, row: usize| column(name).map_or(f64::NAN, |values| values[row]);
    for (row, (label, judged)) in table.texts[0].1.iter().zip(judged).enumerate() {
        let absorbs: Vec<String> = [
            ("PSU", cell("supply_throughput_mwh", row)),
            ("BBU", cell("shelf_throughput_mwh", row)),
            ("battery", cell("battery_throughput_mwh", row)),
        ]
        .into_iter()
        .filter(|(_, mwh)| *mwh > 0.0)
        .map(|(name, mwh)| format!("{name} {} kWh in and out", screen::number(1e3 * mwh)))
        .chain((cell("burned_percent", row) > 0.0).then(|| format!("burned {:.1} %", cell("burned_percent", row))))
        .collect();
        let _ = writeln!(text, "  {} {label}", mark(judged.verdict()));
        let all = [judged.words(), absorbs.join(", ")].into_iter().filter(|part| !part.is_empty());
        let _ = writeln!(text, "            {}", screen::wrap(&all.collect::<Vec<_>>().join("; "), 110, 12));
    }
    let passing = judged.iter().filter(|judged| judged.passes()).count();
    let _ = writeln!(text, "  {passing} of {} pass what the span shows", judged.len());
    text
}

/// The least battery that passes the specification, for each floor and for what stands in the racks beside it.
fn passing(frontier: &[Sized]) -> String {
    let mut text = screen::heading("Least battery that passes, for each floor");
    let _ = writeln!(
        text,
        "  every clause that the span shows, at every point; energy is what this span takes (another span: the swing, and the drift for its length)"
    );
    for sized in frontier {
        let floor = if sized.floor > 0.0 { format!("{:.0} %", 100.0 * sized.floor) } else { "none".to_owned() };
        let beside = screen::cut(&sized.beside, 40);
        let _ = if sized.power_w.is_finite() {
            writeln!(
                text,
                "  floor {floor:<5} {beside:<40} {:>8} MW {:>9} kWh ({} kWh and {} kW of drift), the floor burns {:.1} %",
                screen::number(sized.power_w / 1e6),
                screen::number(sized.energy_j / 3.6e6),
                screen::number(sized.swing_j / 3.6e6),
                screen::number(sized.drift_w / 1e3),
                100.0 * sized.burned,
            )
        } else {
            writeln!(text, "  floor {floor:<5} {beside:<40} no battery is enough: {}", sized.words)
        };
    }
    let least = |of: &dyn Fn(&Sized) -> f64| {
        frontier.iter().filter(|sized| sized.power_w.is_finite()).min_by(|a, b| of(a).total_cmp(&of(b)))
    };
    let words = |sized: &Sized| {
        format!(
            "floor {:.0} %, {}, {} MW and {} kWh",
            100.0 * sized.floor,
            sized.beside,
            screen::number(sized.power_w / 1e6),
            screen::number(sized.energy_j / 3.6e6)
        )
    };
    if let (Some(battery), Some(floor)) = (least(&|sized| sized.power_w), least(&|sized| sized.floor)) {
        let _ = writeln!(text, "  least battery: {}; lowest floor: {}", words(battery), words(floor));
        for (name, power_w, energy_j) in battery.points.iter().filter(|_| battery.points.len() > 1) {
            let _ = writeln!(
                text,
                "    of it at {name}: {} MW and {} kWh",
                screen::number(power_w / 1e6),
                screen::number(energy_j / 3.6e6)
            );
        }
    }
    text
}

/// The specification held against the import, for the page; empty where there is none.
pub fn judged(scenario: &Scenario, summary: &Summary) -> String {
    let plan = &scenario.waveform;
    match (&plan.specification, &summary.judged) {
        (Some(known), Some(judged)) => tieline_files::figure::rulings(&known.name, judged, plan.settle_s),
        _ => String::new(),
    }
}

/// The figure of the sizes, beside the batteries that are built at points on the grid.
pub fn frontier(scenario: &Scenario, sizes: &[Sized]) -> String {
    let plant = &scenario.plant;
    let built = plant.batteries.iter().filter(|unit| !plant.pois[unit.poi].island);
    let built = built.fold((0.0, 0.0), |(w, j), unit| (w + unit.rated_w, j + unit.energy_j));
    let known = scenario.waveform.specification.as_ref().map(|known| known.name.as_str());
    tieline_files::figure::frontier(sizes, &scenario.waveform.bounds, known, built)
}

fn sizes(scenario: &Scenario, frontier: &[Sized]) -> String {
    let bounds = &scenario.waveform.bounds;
    let mut text = screen::heading("Least battery for each floor");
    let at_most = |value: f64, unit: &str| match value.is_finite() {
        true => format!("of at most {} {unit}", screen::number(value / 1e6)),
        false => "without a limit".to_owned(),
    };
    let _ = writeln!(
        text,
        "  for means of {:.0} ms that swing {} and rise or fall {} within any {} s; energy is what this span takes (another span: the swing, and the drift for its length), not what a battery is built with",
        bounds.window_s * 1e3,
        at_most(bounds.swing_w, "MW"),
        at_most(bounds.ramp_w_per_s, "MW/s"),
        screen::number(bounds.ramp_window_s),
    );
    for sized in frontier {
        let floor = if sized.floor > 0.0 { format!("{:.0} %", 100.0 * sized.floor) } else { "none".to_owned() };
        let battery = if sized.power_w.is_finite() {
            format!(
                "{:>7.1} MW {:>8.1} kWh ({:.1} kWh and {:.1} kW of drift)",
                sized.power_w / 1e6,
                sized.energy_j / 3.6e6,
                sized.swing_j / 3.6e6,
                sized.drift_w / 1e3,
            )
        } else {
            "no battery is enough".to_owned()
        };
        let _ = writeln!(
            text,
            "  floor {floor:<6} {battery}   the floor burns {:.1} % of the energy imported; the milliseconds swing {} MW and move {} MW/s",
            100.0 * sized.burned,
            screen::number(sized.bare.0 / 1e6),
            screen::number(sized.bare.1 / 1e6),
        );
    }
    text
}
