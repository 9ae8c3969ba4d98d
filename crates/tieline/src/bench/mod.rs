//! `tieline bench`: the figures of this project on this machine, each with its unit, target and limit.
//!
//! Not modelled: statistics over several runs; the figures move by some percent with what else the machine does.

mod commitment;
mod comply;
mod control;
mod day;
mod journal;
mod network;
mod peers;
mod plant;
mod train;
pub mod waveform;
mod worst_case;
mod year;

use crate::machine::{self, Machine};
use crate::{Verdict, screen};
use anyhow::Result;
use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Dotted name, stable.
    pub name: String,
    /// What was measured, in `unit`.
    pub value: f64,
    /// Unit of value, target and limit.
    pub unit: &'static str,
    /// "lower" or "higher".
    pub better: &'static str,
    /// What we hold ourselves to.
    pub target: f64,
    /// What this machine could do at best, where that can be said.
    pub limit: Option<f64>,
    /// How much of the limit is reached, 0..1.
    pub share_of_limit: Option<f64>,
    /// Beside the figure: median, size of the case.
    #[serde(skip)]
    pub note: String,
}

impl Figure {
    fn lower(name: &str, value: f64, unit: &'static str, target: f64, note: String) -> Self {
        Self { name: name.to_owned(), value, unit, better: "lower", target, limit: None, share_of_limit: None, note }
    }

    fn higher(name: &str, value: f64, unit: &'static str, target: f64, note: String) -> Self {
        Self { name: name.to_owned(), value, unit, better: "higher", target, limit: None, share_of_limit: None, note }
    }

    /// With the most that the machine could do.
    fn with_ceiling(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self.share_of_limit = Some(self.value / limit);
        self
    }

    /// With the least that the machine could need.
    fn with_limit(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self.share_of_limit = Some(limit / self.value);
        self
    }
}

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    machine: &'a Machine,
    benches: &'a [Figure],
}

/// Yields one or more figures.
type Measure = fn(&Machine) -> Result<Vec<Figure>>;

/// Names, and the measurement that yields each.
const BENCHES: &[(&str, Measure)] = &[
    ("control.decide_guard", |machine| Ok(control::decide_guard(machine))),
    ("control.plan", |machine| Ok(control::plan_table(machine))),
    ("journal.append", |machine| journal::append(machine)),
    ("journal.row", |machine| journal::append(machine)),
    ("network.dc_opf", |_| network::flows()),
    ("network.dc_flow", |_| network::flows()),
    ("network.newton", |_| network::flows()),
    ("realtime.looks", |_| network::realtime()),
    ("plant.step", |_| plant::step()),
    ("train.layouts", |machine| Ok(train::layouts(machine))),
    ("train.monte_carlo", |_| Ok(train::monte_carlo())),
    ("train.monte_carlo_555k", |_| Ok(train::monte_carlo())),
    ("waveform.steps", waveform::steps),
    ("waveform.steps_baseline", waveform::steps),
    ("waveform.steps_bound", waveform::steps),
    ("waveform.memory", waveform::steps),
    ("operation.day", |_| day::day()),
    ("operation.day_memory", |_| day::day()),
    ("operation.journal", |_| day::day()),
    ("check", |_| day::check()),
    ("comply.rows", comply::rows),
    ("dispatch.uc_ratio", |_| commitment::uc()),
    ("dispatch.uc_gap", |_| commitment::uc()),
    ("dispatch.uc", |_| commitment::uc()),
    ("dispatch.year_lp_ratio", |_| year::year_lp()),
    ("dispatch.year_lp_memory", |_| year::year_lp()),
    ("dispatch.year_lp_gap", |_| year::year_lp()),
    ("dispatch.year_lp", |_| year::year_lp()),
    ("dispatch.weather_years", |_| year::weather_years()),
];

/// What takes so long that it is measured only by its whole name.
const ON_REQUEST: &[(&str, Measure)] = &[("dispatch.seeds", |_| commitment::seeds())];

/// Measures everything whose name begins with `name`.
pub fn bench(name: Option<&str>, json: bool) -> Result<Verdict> {
    let wanted = |bench: &str| name.is_none_or(|name| bench.starts_with(name));
    let requested = ON_REQUEST.iter().filter(|(bench, _)| name == Some(*bench));
    if requested.clone().next().is_none() && !BENCHES.iter().any(|(bench, _)| wanted(bench)) {
        let known: Vec<&str> = BENCHES.iter().chain(ON_REQUEST).map(|(bench, _)| *bench).collect();
        eprintln!("tieline: no benchmark is called \"{}\"; there are {}", name.unwrap_or(""), known.join(", "));
        return Ok(Verdict::Usage);
    }
    let machine = machine::machine();
    let mut figures: Vec<Figure> = Vec::new();
    for (bench, measure) in BENCHES.iter().filter(|(bench, _)| wanted(bench)).chain(requested) {
        // Some measurements yield several figures at once.
        if !figures.iter().any(|figure| figure.name == *bench) {
            figures.extend(measure(&machine)?);
        }
    }
    figures.retain(|figure| wanted(&figure.name));
    let text = if json {
        serde_json::to_string_pretty(&Report { schema: 1, machine: &machine, benches: &figures })? + "\n"
    } else {
        table(&machine, &figures)
    };
    screen::answer(&text, Verdict::Yes)
}

fn table(machine: &Machine, figures: &[Figure]) -> String {
    let Machine { processor, cores, memory_gb_per_s, system } = machine;
    let mut text = format!("{processor}, {cores} cores, {memory_gb_per_s:.1} GB/s of memory ({system})\n\n");
    text.push_str(&line(&["benchmark", "value", "", "target", "limit", "reached"]));
    for figure in figures {
        let met = (figure.better == "lower") == (figure.value <= figure.target);
        let reached = figure.share_of_limit.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
        let limit = figure.limit.map_or_else(|| "-".to_owned(), number);
        text.push_str(&line(&[
            &figure.name,
            &number(figure.value),
            figure.unit,
            &number(figure.target),
            &limit,
            &reached,
        ]));
        text.push_str(&format!(
            "{:<24} {}{}\n",
            "",
            figure.note,
            if met {
                ""
            } else if figure.value.is_nan() {
                "; NOT MEASURED"
            } else {
                "; MISSES ITS TARGET"
            }
        ));
    }
    text
}

fn line(cells: &[&str; 6]) -> String {
    let [name, value, unit, target, limit, reached] = cells;
    format!("{name:<24} {value:>12} {unit:<7} {target:>12} {limit:>12} {reached:>8}\n")
}

fn number(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    if value != 0.0 && value.abs() < 1e-3 {
        return format!("{value:.1e}");
    }
    if value.abs() >= 1e7 {
        format!("{value:.3e}")
    } else if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
