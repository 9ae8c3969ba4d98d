//! `tieline grid uc`: the page, the JSON and the tables of a unit commitment.
//!
//! Not modelled: calendar time (the formats have none: tables count from 1970-01-01), charts beyond on and off.

pub mod load;

use super::{Uc, mw};
use crate::outdir::OutDir;
use crate::{Verdict, screen};
use anyhow::{Context, Result};
use load::Loaded;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;
use tieline_files::commitment::Case;
use tieline_files::table::TableWriter;
use tieline_grid::commitment::{self, Clock, Horizon, Lack, Options, Outcome, Plan, Problem, Relief};
use tieline_sim::results::Table;

const MW: f64 = 1e6;
const MWH: f64 = 3.6e9;
/// Rows of the chart on the page.
const ROWS: usize = 40;
/// Widest chart, in steps a line.
const WIDTH: usize = 96;

/// Reads, solves, tells; no schedule is a No with its reasons.
///
/// # Errors
/// A file that cannot be read, a folder that cannot be written.
pub fn uc(asked: &Uc) -> Result<Verdict> {
    let horizon = match asked.roll.as_deref().map(horizon) {
        None => None,
        Some(Ok(Some(horizon))) => Some(horizon),
        Some(_) => {
            eprintln!("tieline: --roll expects steps kept and steps ahead, such as 24+24");
            return Ok(Verdict::Usage);
        }
    };
    if !(0.0..1.0).contains(&asked.gap) {
        eprintln!("tieline: --gap expects a share from 0 to 1, found {}", asked.gap);
        return Ok(Verdict::Usage);
    }
    let begun = Instant::now();
    now_s();
    let mut case = match load::load(&asked.case, &asked.day())? {
        Loaded::Case(case) => *case,
        Loaded::Wrong => return Ok(Verdict::No),
        Loaded::Usage => return Ok(Verdict::Usage),
    };
    if let Some(Horizon { keep, look }) = horizon.filter(|horizon| horizon.keep >= case.problem.steps) {
        eprintln!(
            "tieline: {}: found --roll {keep}+{look}, expected to keep fewer than all {} steps (without --roll they are solved as one)",
            asked.case.display(),
            case.problem.steps
        );
        return Ok(Verdict::Usage);
    }
    if let Some(times) = asked.contingency {
        case.problem.reserve.contingency = Some(times);
    }
    // Reading counts too.
    let clock = Clock { now_s, begun_s: 0.0 };
    let options = Options { gap: asked.gap, most_s: asked.seconds, clock: Some(clock), ..Options::default() };
    let answer = match horizon {
        None => commitment::solve(&case.problem, &options).map(|outcome| (0, outcome)),
        Some(horizon) => commitment::roll(&case.problem, horizon, &options).map(|rolled| match rolled {
            Ok(plan) => (0, Outcome::Solved(Box::new(plan))),
            Err(stopped) => stopped,
        }),
    };
    let shown = asked.case.display().to_string();
    match answer {
        Err(why) => {
            eprintln!("tieline: {shown}: {why}");
            Ok(Verdict::No)
        }
        Ok((from, Outcome::Infeasible(relief))) => {
            let json = relief_json(&shown, &case.problem, from, &relief);
            let text = relief_page(&shown, &case.problem, from, &relief);
            let text = if asked.json { serde_json::to_string_pretty(&json)? + "\n" } else { text };
            screen::answer(&text, Verdict::No)
        }
        Ok((_, Outcome::Solved(plan))) => {
            let summary = summary(&shown, &case, &plan);
            if let Some(out) = &asked.out {
                write(out, &case.problem, &plan, &summary)?;
            }
            let text = if asked.json {
                serde_json::to_string_pretty(&summary)? + "\n"
            } else {
                let mut text = page(&shown, &case, &plan, horizon, begun.elapsed().as_secs_f64());
                if let Some(out) = &asked.out {
                    let _ = writeln!(text, "\ntables in {}", out.display());
                }
                text
            };
            screen::answer(&text, Verdict::Yes)
        }
    }
}

/// Seconds since it was asked first.
fn now_s() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// "24+24".
fn horizon(text: &str) -> Result<Option<Horizon>, std::num::ParseIntError> {
    let (keep, look) = text.split_once('+').unwrap_or((text, "0"));
    let horizon = Horizon { keep: keep.trim().parse()?, look: look.trim().parse()? };
    Ok((horizon.keep > 0).then_some(horizon))
}

/// On (#) and off (.), step by step.
fn strip(on: &[bool]) -> String {
    on.iter().map(|on| if *on { '#' } else { '.' }).collect()
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Load, output of units, taken from renewables, reserve of a step, W.
fn step_sums(problem: &Problem, plan: &Plan, t: usize) -> [f64; 4] {
    let sum = |of: &[Vec<f64>]| of.iter().map(|unit| unit[t]).sum::<f64>();
    [problem.load_w[t], sum(&plan.output_w), sum(&plan.renewable_w), sum(&plan.spare_w)]
}

fn summary(shown: &str, case: &Case, plan: &Plan) -> Value {
    let problem = &case.problem;
    let units: Vec<Value> = problem
        .units
        .iter()
        .enumerate()
        .map(|(index, unit)| {
            json!({
                "name": unit.name,
                "on": strip(&plan.on[index]),
                "starts": plan.starts(problem, index).len(),
                "steps_on": plan.on[index].iter().filter(|on| **on).count(),
                "generation_mwh": plan.output_w[index].iter().sum::<f64>() * problem.step_s / MWH,
            })
        })
        .collect();
    let steps: Vec<Value> = (0..problem.steps)
        .map(|t| {
            let [load, output, renewable, spare] = step_sums(problem, plan, t);
            json!({
                "load_mw": load / MW,
                "units_mw": output / MW,
                "renewables_mw": renewable / MW,
                "reserve_mw": spare / MW,
                "price_usd_per_mwh": finite(plan.price_usd_per_j[t] * MWH),
                "reserve_price_usd_per_mwh": finite(plan.reserve_price_usd_per_j[t] * MWH),
            })
        })
        .collect();
    let sum = |values: &[f64]| values.iter().sum::<f64>() * problem.step_s / MWH;
    json!({
        "schema": 1,
        "study": "uc",
        "case": shown,
        "format": case.format.name(),
        "version": env!("CARGO_PKG_VERSION"),
        "solver": "HiGHS",
        "feasible": true,
        "metrics": {
            "uc.cost_usd": plan.usd(),
            "uc.bound_usd": finite(plan.bound_usd),
            "uc.gap": plan.gap,
            "uc.production_usd": plan.costs.production_usd,
            "uc.starts_usd": plan.costs.starts_usd,
            "uc.stops_usd": plan.costs.stops_usd,
            "uc.stores_usd": plan.costs.stores_usd,
            "uc.mismatch_usd": plan.costs.mismatch_usd,
            "uc.short_usd": plan.costs.short_usd,
            "uc.fuel_usd": plan.costs.fuel_usd,
            "uc.unserved_mwh": sum(&plan.shed_w),
            "uc.untaken_mwh": sum(&plan.surplus_w),
            "uc.reserve_short_mwh": sum(&plan.short_w),
            "uc.line_rows": plan.line_rows,
        },
        "units": units,
        "steps": steps,
    })
}

fn page(shown: &str, case: &Case, plan: &Plan, horizon: Option<Horizon>, seconds: f64) -> String {
    let problem = &case.problem;
    let mut text = screen::heading(&format!("{shown}: unit commitment ({})", case.format.name()));
    let minutes = problem.step_s / 60.0;
    let _ = writeln!(
        text,
        "  {} steps of {minutes:.0} min, {} units, {} renewables, {} storages; {seconds:.1} s with reading",
        problem.steps,
        problem.units.len(),
        problem.renewables.len(),
        problem.stores.len()
    );
    let costs = &plan.costs;
    let _ = writeln!(text, "  cost   {:>16.2} $", plan.usd());
    match horizon {
        None => {
            let _ = writeln!(text, "  bound  {:>16.2} $: no schedule costs less; gap {:.2e}", plan.bound_usd, plan.gap);
        }
        Some(Horizon { keep, look }) => {
            let _ = writeln!(
                text,
                "  windows of {keep} steps with {look} ahead, each to a gap of at most {:.2e}; the whole has no bound",
                plan.gap
            );
        }
    }
    let _ = writeln!(
        text,
        "  of which production {} $, starts {} $, stops {} $",
        screen::number(costs.production_usd),
        screen::number(costs.starts_usd),
        screen::number(costs.stops_usd)
    );
    for (what, usd) in [
        ("storages", costs.stores_usd),
        ("load unserved and supply untaken", costs.mismatch_usd),
        ("reserve and services missing", costs.short_usd),
        ("other fuel instead of the first", costs.fuel_usd),
    ] {
        if usd.abs() >= 0.005 {
            let _ = writeln!(text, "           {what} {} $", screen::number(usd));
        }
    }
    if plan.line_rows > 0 {
        let _ = writeln!(text, "  {} limits of lines came in, in {} rounds", plan.line_rows, plan.rounds);
    }
    prices(&mut text, problem, plan);
    chart(&mut text, problem, plan);
    text
}

/// Two digits, and no minus sign on nothing.
fn cents(value: f64) -> String {
    format!("{:.2}", if value.abs() < 0.005 { 0.0 } else { value })
}

/// Load, reserve and price: least and greatest, with their steps.
fn prices(text: &mut String, problem: &Problem, plan: &Plan) {
    let sums: Vec<[f64; 4]> = (0..problem.steps).map(|t| step_sums(problem, plan, t)).collect();
    let mut rows: Vec<(&str, Vec<f64>)> = vec![
        ("load, MW", sums.iter().map(|sum| sum[0] / MW).collect()),
        ("renewables taken, MW", sums.iter().map(|sum| sum[2] / MW).collect()),
        ("price, $/MWh", plan.price_usd_per_j.iter().map(|price| price * MWH).collect()),
    ];
    // Without a requirement nobody holds it on purpose.
    if !problem.reserve.required_w.is_empty() || problem.reserve.contingency.is_some() {
        rows.insert(2, ("spinning reserve, MW", sums.iter().map(|sum| sum[3] / MW).collect()));
        let prices = plan.reserve_price_usd_per_j.iter().map(|price| price * MWH).collect();
        rows.push(("reserve price, $/MWh", prices));
    }
    if !problem.stores.is_empty() {
        let net = |t: usize| {
            let sum = |of: &[Vec<f64>]| of.iter().map(|store| store[t]).sum::<f64>();
            (sum(&plan.discharge_w) - sum(&plan.charge_w)) / MW
        };
        rows.push(("storages give, MW", (0..problem.steps).map(net).collect()));
    }
    let required: Vec<(String, Vec<f64>)> = required(problem);
    rows.extend(required.iter().map(|(what, mw)| (what.as_str(), mw.clone())));
    let dc: Vec<String> = problem
        .lines
        .iter()
        .flat_map(|lines| {
            lines.links.iter().map(|link| {
                let number = |bus: usize| lines.network.buses.number[bus];
                format!("{}, {} to {}, MW", link.name, number(link.from), number(link.to))
            })
        })
        .collect();
    rows.extend(
        dc.iter().zip(&plan.link_w).map(|(what, watts)| (what.as_str(), watts.iter().map(|w| w / MW).collect())),
    );
    let mut table = vec![["", "least", "step", "mean", "most", "step"].map(String::from).to_vec()];
    for (what, values) in rows {
        let extreme = |most: bool| {
            let mut at = 0;
            for (t, value) in values.iter().enumerate() {
                if (*value > values[at]) == most && *value != values[at] {
                    at = t;
                }
            }
            at
        };
        let (low, high) = (extreme(false), extreme(true));
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        table.push(vec![
            what.to_owned(),
            cents(values[low]),
            (low + 1).to_string(),
            cents(mean),
            cents(values[high]),
            (high + 1).to_string(),
        ]);
    }
    text.push('\n');
    text.push_str(&screen::columns(2, &table));
}

/// What every area of the services requires in all, MW, by its name.
fn required(problem: &Problem) -> Vec<(String, Vec<f64>)> {
    let areas = problem.services.iter().flat_map(|services| &services.areas);
    areas
        .filter_map(|area| {
            let products: Vec<&Vec<f64>> = area.required_w.iter().filter(|watts| !watts.is_empty()).collect();
            let all = |t: usize| products.iter().map(|watts| watts[t]).sum::<f64>() / MW;
            (!products.is_empty()).then(|| (format!("{} asked, MW", area.name), (0..problem.steps).map(all).collect()))
        })
        .collect()
}

fn chart(text: &mut String, problem: &Problem, plan: &Plan) {
    let on = |index: usize| plan.on[index].iter().filter(|on| **on).count();
    let all: Vec<usize> = (0..problem.units.len()).collect();
    let (always, rest): (Vec<usize>, Vec<usize>) = all.into_iter().partition(|index| on(*index) == problem.steps);
    let (never, mut some): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|index| on(*index) == 0);
    let starts: usize = (0..problem.units.len()).map(|index| plan.starts(problem, index).len()).sum();
    let _ = writeln!(
        text,
        "\nUnits: {} on throughout, {} off throughout, {} change; {starts} starts",
        always.len(),
        never.len(),
        some.len()
    );
    some.sort_by_key(|index| core::cmp::Reverse(on(*index)));
    if some.is_empty() {
        return;
    }
    let wide = problem.steps.min(WIDTH);
    let mut ruler = String::new();
    for t in 0..wide {
        ruler.push(if (t + 1) % 24 == 0 {
            '|'
        } else if (t + 1) % 6 == 0 {
            '+'
        } else {
            ' '
        });
    }
    let name_width = some.iter().take(ROWS).map(|index| problem.units[*index].name.chars().count()).max().unwrap_or(0);
    let name_width = name_width.min(24);
    let _ = writeln!(text, "  {:<name_width$}  {ruler}  starts   MWh", "");
    for index in some.iter().take(ROWS) {
        let energy = plan.output_w[*index].iter().sum::<f64>() * problem.step_s / MWH;
        let _ = writeln!(
            text,
            "  {:<name_width$}  {}  {:>6}  {energy:.0}",
            screen::cut(&problem.units[*index].name, 24),
            strip(&plan.on[*index][..wide]),
            plan.starts(problem, *index).len(),
        );
    }
    if some.len() > ROWS {
        let _ = writeln!(text, "  and {} more; --json has all", some.len() - ROWS);
    }
    if wide < problem.steps {
        let _ = writeln!(text, "  the first {wide} of {} steps are shown", problem.steps);
    }
}

fn lack_words(problem: &Problem, lack: &Lack) -> String {
    match lack {
        Lack::Load => "load unserved".to_owned(),
        Lack::Surplus => "supply that nobody takes: units cannot go lower".to_owned(),
        Lack::Reserve => "reserve missing".to_owned(),
        Lack::Line(branch) => {
            let name = problem.lines.as_ref().map(|lines| lines.network.branch_name(*branch));
            format!("above the rating of {}", name.unwrap_or_default())
        }
        Lack::Unit(index) => format!(
            "unit {} cannot keep its own rules: check its first state against its ramps, stop limit and orders",
            problem.units[*index].name
        ),
    }
}

fn relief_page(shown: &str, problem: &Problem, from: usize, relief: &[Relief]) -> String {
    let mut text = screen::heading(&format!("{shown}: unit commitment"));
    text.push_str("  impossible: no schedule keeps all rules.\n");
    if relief.is_empty() {
        text.push_str(
            "  Load, reserve and lines alone do not explain it: look at fuel supplies, storages and services.\n",
        );
        return text;
    }
    text.push_str("  The least that would have to give:\n");
    let mut rows = vec![["step", "what", "MW"].map(String::from).to_vec()];
    for item in relief.iter().take(ROWS) {
        let unit = matches!(item.lack, Lack::Unit(_));
        rows.push(vec![
            if unit { "-".to_owned() } else { (from + item.step + 1).to_string() },
            lack_words(problem, &item.lack),
            if unit { "-".to_owned() } else { mw(item.by_w) },
        ]);
    }
    text.push_str(&screen::columns(4, &rows));
    if relief.len() > ROWS {
        let _ = writeln!(text, "    and {} more", relief.len() - ROWS);
    }
    text
}

fn relief_json(shown: &str, problem: &Problem, from: usize, relief: &[Relief]) -> Value {
    let list: Vec<Value> = relief
        .iter()
        .map(|item| {
            json!({
                "step": from + item.step + 1,
                "what": lack_words(problem, &item.lack),
                "by_mw": item.by_w / MW,
            })
        })
        .collect();
    json!({ "schema": 1, "study": "uc", "case": shown, "feasible": false, "must_give": list })
}

/// Writes `units`, `system`, `stores` and `lines` as Parquet, and `summary.json`.
fn write(out: &Path, problem: &Problem, plan: &Plan, summary: &Value) -> Result<()> {
    let folder = OutDir::create(out)?;
    let step_ns = (problem.step_s * 1e9).round() as i64;
    let utc_ns: Vec<i64> = (0..problem.steps as i64).map(|t| t * step_ns).collect();
    let column = |name: &str, what: &str| format!("{}_{what}", name.replace(' ', "_"));
    let scaled = |values: &[f64], per: f64| -> Vec<f64> { values.iter().map(|value| value / per).collect() };
    let mut units = Vec::new();
    for (index, unit) in problem.units.iter().enumerate() {
        units.push((column(&unit.name, "on"), plan.on[index].iter().map(|on| f64::from(u8::from(*on))).collect()));
        units.push((column(&unit.name, "mw"), scaled(&plan.output_w[index], MW)));
        units.push((column(&unit.name, "reserve_mw"), scaled(&plan.spare_w[index], MW)));
    }
    let mut system = vec![
        ("load_mw".to_owned(), scaled(&problem.load_w, MW)),
        ("unserved_mw".to_owned(), scaled(&plan.shed_w, MW)),
        ("untaken_mw".to_owned(), scaled(&plan.surplus_w, MW)),
        ("reserve_short_mw".to_owned(), scaled(&plan.short_w, MW)),
        ("price_usd_per_mwh".to_owned(), scaled(&plan.price_usd_per_j, 1.0 / MWH)),
        ("reserve_price_usd_per_mwh".to_owned(), scaled(&plan.reserve_price_usd_per_j, 1.0 / MWH)),
    ];
    for (index, renewable) in problem.renewables.iter().enumerate() {
        system.push((column(&renewable.name, "mw"), scaled(&plan.renewable_w[index], MW)));
    }
    let mut stores = Vec::new();
    for (index, store) in problem.stores.iter().enumerate() {
        stores.push((column(&store.name, "charge_mw"), scaled(&plan.charge_w[index], MW)));
        stores.push((column(&store.name, "discharge_mw"), scaled(&plan.discharge_w[index], MW)));
        stores.push((column(&store.name, "energy_mwh"), scaled(&plan.energy_j[index], MWH)));
    }
    let mut lines: Vec<(String, Vec<f64>)> = problem.lines.as_ref().map_or_else(Vec::new, |lines| {
        (0..lines.network.branches.from.len())
            .map(|branch| {
                (format!("branch_{}_mw", branch + 1), plan.flow_w.iter().map(|flow| flow[branch] / MW).collect())
            })
            .collect()
    });
    if let Some(given) = &problem.lines {
        for (link, watts) in given.links.iter().zip(&plan.link_w) {
            lines.push((column(&link.name, "dc_mw"), scaled(watts, MW)));
        }
    }
    for (name, numbers) in [("units", units), ("system", system), ("stores", stores), ("lines", lines)] {
        if numbers.is_empty() {
            continue;
        }
        let table = Table { name: name.to_owned(), utc_ns: utc_ns.clone(), numbers, texts: Vec::new() };
        let path = folder.path().join(format!("{name}.parquet"));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = TableWriter::new(BufWriter::new(file), &table)?;
        writer.write(&table)?;
        writer.finish()?;
    }
    let path = folder.path().join("summary.json");
    std::fs::write(&path, serde_json::to_string_pretty(summary)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    folder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_is_two_numbers() {
        assert_eq!(horizon("24+24"), Ok(Some(Horizon { keep: 24, look: 24 })));
        assert_eq!(horizon("12"), Ok(Some(Horizon { keep: 12, look: 0 })));
        assert_eq!(horizon("0+24"), Ok(None));
        assert!(horizon("day").is_err());
    }
}
