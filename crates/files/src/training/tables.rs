//! The tables of a training study's page: layouts, goodput, finish, build-out, fleets, prices.
//!
//! Not modelled: sorting; the numbers stand in the JSON beside the page.

use crate::report::escaped;
use std::fmt::Write as _;
use tieline_sim::train::Study;
use tieline_units::{Span, Utc};

/// Seconds and nanoseconds of a day.
const DAY_S: f64 = 86_400.0;
const DAY_NS: f64 = 86_400e9;
/// Days beyond which a date means nothing.
const MOST_D: f64 = 36_500.0;

/// A cell: text, or a number, which stands to the right.
enum Cell {
    Text(String),
    Number(String),
}
use Cell::{Number, Text};

fn table(title: &str, heads: &[&str], rows: &[Vec<Cell>]) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let mut text = format!("<h3>{}</h3><div class=\"scroll\"><table><thead><tr>", escaped(title));
    for (head, cell) in heads.iter().zip(first) {
        let class = if matches!(cell, Number(_)) { " class=\"num\"" } else { "" };
        let _ = write!(text, "<th{class}>{}</th>", escaped(head));
    }
    text.push_str("</tr></thead><tbody>");
    for row in rows {
        text.push_str("<tr>");
        for cell in row {
            let _ = match cell {
                Text(cell) => write!(text, "<td>{}</td>", escaped(cell)),
                Number(cell) => write!(text, "<td class=\"num\">{}</td>", escaped(cell)),
            };
        }
        text.push_str("</tr>");
    }
    text + "</tbody></table></div>"
}

/// A number with this many decimals; what never comes is said so.
fn number(value: f64, decimals: usize) -> Cell {
    Number(if value.is_finite() { format!("{value:.decimals$}") } else { "never".to_owned() })
}

fn percent(share: f64) -> Cell {
    number(100.0 * share, 1)
}

fn date(start_ns: i64, days: f64) -> String {
    if !days.is_finite() || days > MOST_D {
        return "-".to_owned();
    }
    let at = Utc::nanos(start_ns) + Span::nanos((days * DAY_NS) as i64);
    at.to_string().chars().take(10).collect()
}

pub fn layouts(study: &Study) -> String {
    let row = |row: &tieline_sim::train::LayoutRow| {
        vec![
            Text(row.layout.clone()),
            number(row.gpus, 0),
            number(row.step_s, 3),
            percent(row.mfu),
            percent(row.hfu),
            number(row.memory_bytes / 1e9, 1),
            Text(row.loses.clone()),
        ]
    };
    let rows: Vec<_> = study.step.layouts.iter().map(row).collect();
    table("Layouts", &["layout", "GPUs", "step, s", "MFU, %", "HFU, %", "GB a GPU", "loses by"], &rows)
}

pub fn goodput(study: &Study) -> String {
    let goodput = &study.goodput;
    let row = |way: &tieline_sim::train::Way| {
        let simulated = way
            .simulated
            .map_or_else(|| "-".to_owned(), |s| format!("{:.2} ± {:.3}", 100.0 * s.value, 100.0 * s.standard_error));
        vec![
            Text(way.name.clone()),
            number(way.interval_s / 60.0, 2),
            number(100.0 * way.closed_form, 2),
            Number(simulated),
            percent(way.storage_busy),
        ]
    };
    let rows: Vec<_> = goodput.ways.iter().map(row).collect();
    let spares = &goodput.spares;
    let mut text = format!(
        "<p class=\"note\">{:.0} spare nodes ({:.0} GPUs, {:.0} $ a day) stand by and do not compute. This scenario: {}, {:.2} % effective, a checkpoint every {:.1} min.",
        spares.nodes,
        spares.gpus,
        spares.usd_per_day,
        escaped(&goodput.own),
        100.0 * goodput.own_effective,
        goodput.own_interval_s / 60.0
    );
    for note in &goodput.notes {
        let _ = write!(text, " {}.", escaped(note));
    }
    text.push_str("</p>");
    let heads = ["way with failures", "interval, min", "effective, %", "simulated, %", "storage writes, % of time"];
    table("Ways to live with failures", &heads, &rows) + &text
}

pub fn finish(study: &Study) -> String {
    let outlook = &study.outlook;
    let mut rows: Vec<Vec<Cell>> = ["P10", "P50", "P90"]
        .into_iter()
        .zip(outlook.quantiles_d)
        .map(|(name, (days, error))| {
            let error = if error.is_finite() { format!("{error:.2}") } else { "-".to_owned() };
            vec![Text(name.to_owned()), number(days, 1), Number(error), Text(date(outlook.start_ns, days))]
        })
        .collect();
    let likely_d = outlook.likely_d.unwrap_or(f64::INFINITY);
    rows.insert(
        0,
        vec![
            Text("all at their likely values".to_owned()),
            number(likely_d, 1),
            Number("-".to_owned()),
            Text(date(outlook.start_ns, likely_d)),
        ],
    );
    let mut text = table("Finish", &["", "days", "±", "date"], &rows);
    if outlook.never > 0.0 {
        let _ = write!(text, "<p class=\"note\">{:.1} % of the draws never finish.</p>", 100.0 * outlook.never);
    }
    if !outlook.aside.is_empty() {
        let _ = write!(text, "<p class=\"note\">{}.</p>", escaped(&outlook.aside));
    }
    text
}

pub fn build_out(study: &Study) -> String {
    if study.outlook.build.len() < 2 {
        return String::new();
    }
    let row = |row: &tieline_sim::train::BuildRow| {
        vec![
            Text(date(row.at_ns, 0.0)),
            number(row.gpus, 0),
            Number(row.power_w.map_or_else(|| "no limit".to_owned(), |watts| format!("{:.2}", watts / 1e9))),
            number(row.at_work, 0),
            Text(row.limited_by.clone()),
            number(row.alone_d, 1),
            number(row.through_d.unwrap_or(f64::INFINITY), 1),
        ]
    };
    let rows: Vec<_> = study.outlook.build.iter().map(row).collect();
    let heads = ["from", "GPUs", "power, GW", "at work", "limited by", "days with this alone", "days with later steps"];
    table("Build-out, and the whole run begun at each of its steps", &heads, &rows)
}

pub fn fleets(study: &Study) -> String {
    let row = |fleet: &tieline_sim::train::Fleet| {
        vec![
            Text(fleet.name.clone()),
            Text(fleet.model.clone()),
            number(fleet.gpus, 0),
            percent(fleet.mfu),
            percent(fleet.effective),
            Number(fleet.days.map_or_else(|| "fits in no layout".to_owned(), |days| format!("{days:.1}"))),
        ]
    };
    let rows: Vec<_> = study.outlook.fleets.iter().map(row).collect();
    table("The same tokens on other fleets", &["fleet", "model", "at work", "MFU, %", "effective, %", "days"], &rows)
}

pub fn prices(study: &Study) -> String {
    let price = &study.price;
    let mut rows = Vec::new();
    for job in &price.jobs {
        for offer in &job.offers {
            let mut row = vec![Text(job.name.clone()), Text(offer.response.to_owned())];
            if offer.refused.is_empty() {
                let late_s = offer.late_d * DAY_S;
                row.extend([
                    Number(format!("{:.3}", offer.shed_mw)),
                    number(offer.gpu_hours, 0),
                    number(late_s / 60.0, 1),
                    number(offer.usd, 0),
                    number(offer.usd_per_mwh, 0),
                    Text(format!("keeps {:.0} %", 100.0 * offer.throughput)),
                ]);
            } else {
                row.extend((0..5).map(|_| Number("-".to_owned())));
                row.push(Text(offer.refused.clone()));
            }
            rows.push(row);
        }
    }
    let title = format!("Shedding {:.0} % of each job's GPU power for {:.1} h", 100.0 * price.depth, price.hours);
    let heads = ["job", "answer", "MW", "GPU-h", "min late", "$", "$/MWh", ""];
    let met = format!(
        "<p class=\"note\">Together, within their tiers, the jobs shed {:.1} % of the {:.1} % asked for {:.0} $.</p>",
        100.0 * price.reached,
        100.0 * price.depth,
        price.together[0]
    );
    table(&title, &heads, &rows) + &met
}
