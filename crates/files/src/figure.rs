//! The waveform's figures on the report page: load and import of each point over a few training steps and the frontier of
//! sizes as SVG, and the table of mitigations.
//!
//! Not modelled: zooming (the table `transient.parquet` holds every millisecond).

use crate::report::escaped;
use std::fmt::Write as _;
use tieline_campus::specification::Verdict;
use tieline_sim::results::{Curve, Outcome, Table};
use tieline_sim::transient::{Bounds, Judged, Sized};

/// Size of a panel, px, and the space for its scale.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 190.0;
const MARGIN: f64 = 64.0;
/// Seconds that are shown.
const SHOWN_S: f64 = 12.0;

/// The figure, empty where the run has no waveform. `from_s` is where it begins.
#[must_use]
pub fn waveform(outcome: &Outcome, from_s: f64) -> String {
    let mut charts: Vec<&str> = outcome.curves.iter().map(|curve| curve.chart.as_str()).collect();
    charts.dedup();
    let charts: Vec<&str> = charts.into_iter().filter(|chart| chart.starts_with("waveform, ")).collect();
    if charts.is_empty() {
        return String::new();
    }
    let value = |name: &str| outcome.metrics.get(&format!("transient.{name}")).copied().unwrap_or(f64::NAN);
    let mut html = format!(
        "<section id=\"waveform\"><h2>What the batteries flatten, and what not</h2>\n<p>Load (grey) and import behind the \
         battery (blue), MW, means of {:.0} ms over {SHOWN_S:.0} s. The load swings by {:.1} MW, the import by {:.1} MW; \
         the step's fundamental of {:.2} Hz falls from {:.2} to {:.2} MW.</p>\n",
        1e3 * (outcome.curve_at_s.get(1).copied().unwrap_or(0.0)),
        value("load_swing_mw"),
        value("meter_swing_mw"),
        value("load_fundamental_hz"),
        value("load_fundamental_mw"),
        value("meter_fundamental_mw"),
    );
    for chart in charts {
        let of = |label: &str| outcome.curves.iter().find(|curve| curve.chart == chart && curve.label == label);
        if let (Some(load), Some(import)) = (of("load"), of("import")) {
            html.push_str(&panel(chart.trim_start_matches("waveform, "), &outcome.curve_at_s, load, import, from_s));
        }
    }
    html.push_str("</section>\n");
    html
}

fn panel(name: &str, at_s: &[f64], load: &Curve, import: &Curve, from_s: f64) -> String {
    let shown = |curve: &Curve| -> Vec<(f64, f64)> {
        let values = at_s.iter().zip(&curve.mean).filter_map(|(at, value)| value.map(|value| (*at, f64::from(value))));
        values.filter(|(at, _)| *at >= from_s && *at <= from_s + SHOWN_S).collect()
    };
    let (load, import) = (shown(load), shown(import));
    let all = || load.iter().chain(&import).map(|(_, value)| *value);
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let room = (most - least).max(1e-6) * 0.05;
    let (low, high) = (least - room, most + room);
    let x = |at: f64| MARGIN + (at - from_s) / SHOWN_S * (WIDTH - MARGIN);
    let y = |value: f64| HEIGHT - 20.0 - (value - low) / (high - low) * (HEIGHT - 40.0);
    let line = |points: &[(f64, f64)]| {
        let mut text = String::new();
        for (at, value) in points {
            let _ = write!(text, "{:.1},{:.1} ", x(*at), y(*value));
        }
        text
    };
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"waveform at {name}\" \
         style=\"width:100%;max-width:{WIDTH}px;font:12px sans-serif\">\n<text x=\"{MARGIN}\" y=\"12\" \
         fill=\"currentColor\">{name}</text>\n<text x=\"0\" y=\"{:.1}\" fill=\"currentColor\">{most:.1}</text>\n<text x=\"0\" \
         y=\"{:.1}\" fill=\"currentColor\">{least:.1} MW</text>\n<text x=\"{MARGIN}\" y=\"{HEIGHT}\" \
         fill=\"currentColor\">{from_s:.0} s</text>\n<text x=\"{}\" y=\"{HEIGHT}\" text-anchor=\"end\" \
         fill=\"currentColor\">{:.0} s</text>\n<polyline points=\"{}\" fill=\"none\" stroke=\"#999\"/>\n<polyline \
         points=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>\n</svg>\n",
        y(most) + 4.0,
        y(least) + 4.0,
        WIDTH,
        from_s + SHOWN_S,
        line(&load),
        line(&import),
    )
}

/// The specification of this name held against the import, clause by clause; `settle_s` is what a run spends before it is judged.
#[must_use]
pub fn rulings(name: &str, judged: &Judged, settle_s: f64) -> String {
    let mut html = format!(
        "<section id=\"specification\"><h2>Import against {}</h2>\n<p>{:.0} s of each point's milliseconds, by the judge of \
         <code>comply</code>; of several points the one that keeps a clause worst.</p>\n<table><tr><th>clause<th>verdict\
         <th>measured<th>limit<th>left to it, %<th>point<th>what is measured</tr>\n",
        escaped(name),
        judged.span_s
    );
    for sentence in &judged.sentences {
        let ruling = &sentence.ruling;
        let number = |value: Option<f64>| match value.filter(|_| ruling.verdict != Verdict::NotShown) {
            Some(value) => format!("{value:.3} {}", ruling.unit),
            None => "-".to_owned(),
        };
        let margin = ruling.margin.filter(|_| ruling.verdict != Verdict::NotShown);
        let word = ruling.verdict.word();
        let word = if ruling.verdict == Verdict::Fail { format!("<b>{word}</b>") } else { word.to_owned() };
        let _ = writeln!(
            html,
            "<tr><td>{}<td>{word}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&ruling.name),
            number(ruling.measured),
            number(ruling.limit),
            margin.map_or_else(|| "-".to_owned(), |margin| format!("{:+.1}", 100.0 * margin)),
            escaped(&sentence.point),
            escaped(&ruling.measure),
        );
    }
    html.push_str("</table>\n");
    for line in judged.not_shown(settle_s) {
        let _ = writeln!(html, "<p>Not shown: {}</p>", escaped(&line));
    }
    html.push_str("</section>\n");
    html
}

/// What each set of devices comes to, as the screen shows it, and what a specification says of each, where one judged.
#[must_use]
pub fn mitigation(table: &Table, judged: &[Judged]) -> String {
    const COLUMNS: [(&str, &str, usize); 7] = [
        ("swing_mw", "swing, MW", 1),
        ("ramp_max_mw_per_s", "ramp in a second, MW/s", 2),
        ("amplitude_01_20hz_mw", "0.1 to 20 Hz, MW", 2),
        ("pst", "Pst", 2),
        ("extra_energy_percent", "energy, % of import", 2),
        ("burned_percent", "burned by floor and filler, % of import", 2),
        ("throughput_loss_percent", "work lost, %", 2),
    ];
    let column = |name: &str| table.numbers.iter().find(|(found, _)| found == name).map(|(_, values)| values);
    let cell = |name: &str, row: usize| column(name).and_then(|values| values.get(row)).copied().unwrap_or(f64::NAN);
    let mut html =
        "<section id=\"mitigation\"><h2>Mitigation, on the same luck</h2>\n<table><tr><th>devices".to_owned();
    COLUMNS.iter().for_each(|(_, title, _)| html.push_str(&format!("<th>{title}")));
    html.push_str("<th>limits</tr>\n");
    for (row, label) in table.texts.first().map_or(&[][..], |(_, labels)| labels).iter().enumerate() {
        let _ = write!(html, "<tr><td>{}", escaped(label));
        for (name, _, digits) in COLUMNS {
            let value = cell(name, row);
            html.push_str(&if value.is_nan() { "<td>-".to_owned() } else { format!("<td>{value:.digits$}") });
        }
        html.push_str(if cell("keeps_bounds", row) > 0.5 { "<td>kept</tr>\n" } else { "<td>broken</tr>\n" });
    }
    html.push_str("</table>\n");
    html.push_str(&clauses(table, judged));
    html.push_str("</section>\n");
    html
}

/// The clauses of the specification across, the sets of devices down: what is left to each limit.
fn clauses(table: &Table, judged: &[Judged]) -> String {
    let Some(first) = judged.first() else { return String::new() };
    let mut html = format!(
        "<h3>Against the specification</h3>\n<p>What is left to each limit, in percent of it, at the point that keeps it \
         worst, over {:.0} s; a minus is a broken clause, - one that this span cannot show.</p>\n<table><tr><th>devices",
        first.span_s
    );
    first.sentences.iter().for_each(|sentence| html.push_str(&format!("<th>{}", escaped(&sentence.ruling.name))));
    html.push_str("<th>all that is shown</tr>\n");
    for (label, judged) in table.texts.first().map_or(&[][..], |(_, labels)| labels).iter().zip(judged) {
        let _ = write!(html, "<tr><td>{}", escaped(label));
        for sentence in &judged.sentences {
            let margin = sentence.ruling.margin.filter(|_| sentence.ruling.verdict != Verdict::NotShown);
            html.push_str(&match (sentence.ruling.verdict, margin) {
                (Verdict::Fail, Some(margin)) => format!("<td><b>{:+.1}</b>", 100.0 * margin),
                (_, Some(margin)) => format!("<td>{:+.1}", 100.0 * margin),
                (Verdict::Pass, None) => "<td>pass".to_owned(),
                (..) => "<td>-".to_owned(),
            });
        }
        let _ = writeln!(html, "<td>{}</tr>", judged.verdict().word());
    }
    html.push_str("</table>\n");
    html
}

/// Height of the frontier's panel, px.
const FRONTIER_HEIGHT: f64 = 340.0;

/// Battery power against energy, a point for each floor, beside what is built (power in W, energy in J).
#[must_use]
pub fn frontier(sizes: &[Sized], bounds: &Bounds, specification: Option<&str>, built: (f64, f64)) -> String {
    let enough: Vec<&Sized> = sizes.iter().filter(|sized| sized.power_w.is_finite()).collect();
    let what = match specification {
        Some(name) => format!(
            "What passes every clause of {} that the span shows, at every point; a line for each storage in the racks.",
            escaped(name)
        ),
        None => format!(
            "What keeps the swing under {}, of means of {:.0} ms, and their rise or fall within any {} s under {}.",
            bound(bounds.swing_w, "MW"),
            bounds.window_s * 1e3,
            short(bounds.ramp_window_s),
            bound(bounds.ramp_w_per_s, "MW/s"),
        ),
    };
    let mut html = format!(
        "<section id=\"frontier\"><h2>Least battery for each GPU floor</h2>\n<p>{what} Right and up is more battery; the number at a point is the floor in percent of the rating. \
         Built are {} MW and {} MWh (a square, where they lie in the figure).{}</p>\n",
        short(built.0 / 1e6),
        short(built.1 / 3.6e9),
        lowest(sizes),
    );
    let most = |of: fn(&Sized) -> f64| enough.iter().map(|sized| of(sized)).fold(0.0, f64::max);
    let (least_w, least_j) = (most(|sized| sized.power_w), most(|sized| sized.energy_j));
    // What is built is drawn where it does not press the frontier into a corner.
    let near = built.0 <= 3.0 * least_w && built.1 <= 3.0 * least_j;
    let most_w = 1.1 * if near { built.0.max(least_w) } else { least_w }.max(1e3);
    let most_j = 1.1 * if near { built.1.max(least_j) } else { least_j }.max(3.6e6);
    let x = |power_w: f64| MARGIN + power_w / most_w * (WIDTH - MARGIN - 20.0);
    let y = |energy_j: f64| FRONTIER_HEIGHT - 40.0 - energy_j / most_j * (FRONTIER_HEIGHT - 60.0);
    let _ = writeln!(
        html,
        "<svg viewBox=\"0 0 {WIDTH} {FRONTIER_HEIGHT}\" role=\"img\" aria-label=\"battery power against energy\" \
         style=\"width:100%;max-width:{WIDTH}px;font:12px sans-serif\">",
    );
    for tick in 0..=4 {
        let (power_w, energy_j) = (most_w * f64::from(tick) / 4.0, most_j * f64::from(tick) / 4.0);
        let (across, up) = (x(power_w), y(energy_j));
        let _ = write!(
            html,
            "<line x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#8884\"/><text \
             x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"currentColor\">{}</text>\n<line \
             x1=\"{MARGIN}\" x2=\"{:.1}\" y1=\"{up:.1}\" y2=\"{up:.1}\" stroke=\"#8884\"/><text x=\"{:.1}\" \
             y=\"{:.1}\" text-anchor=\"end\" fill=\"currentColor\">{}</text>\n",
            y(0.0),
            y(most_j),
            FRONTIER_HEIGHT - 24.0,
            short(power_w / 1e6),
            WIDTH - 20.0,
            MARGIN - 6.0,
            up + 4.0,
            short(energy_j / 3.6e6),
        );
    }
    let _ = write!(
        html,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"currentColor\">battery power, MW</text>\n<text \
         x=\"{MARGIN}\" y=\"12\" fill=\"currentColor\">battery energy, kWh</text>\n",
        WIDTH - 20.0,
        FRONTIER_HEIGHT - 6.0,
    );
    let mut racks: Vec<&str> = Vec::new();
    for sized in &enough {
        if !racks.contains(&sized.beside.as_str()) {
            racks.push(&sized.beside);
        }
    }
    for beside in racks {
        let of_these = enough.iter().filter(|sized| sized.beside == beside);
        let path: String = of_these.map(|sized| format!("{:.1},{:.1} ", x(sized.power_w), y(sized.energy_j))).collect();
        let _ = writeln!(html, "<polyline points=\"{path}\" fill=\"none\" stroke=\"#06c\"/>");
    }
    // Floors that need the same battery stand at one point, their numbers beside each other.
    let mut marks: Vec<(f64, f64, String)> = Vec::new();
    for sized in &enough {
        let (across, up, floor) = (x(sized.power_w), y(sized.energy_j), format!("{:.0}", 100.0 * sized.floor));
        match marks.last_mut() {
            Some((near, level, label)) if (*near - across).abs() + (*level - up).abs() < 14.0 => {
                let _ = write!(label, ", {floor}");
            }
            _ => marks.push((across, up, floor)),
        }
        let _ = writeln!(html, "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"4\" fill=\"#06c\"/>");
    }
    for (across, up, label) in marks {
        let _ = writeln!(
            html,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"currentColor\">{label} %</text>",
            across + 7.0,
            up - 7.0
        );
    }
    if near && built.0 > 0.0 {
        let _ = writeln!(
            html,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" fill=\"none\" stroke=\"currentColor\" \
             stroke-width=\"2\"/>",
            x(built.0) - 4.5,
            y(built.1) - 4.5,
        );
    }
    html.push_str("</svg>\n<table><tr><th>floor");
    html.push_str(if specification.is_some() { "<th>in the racks" } else { "" });
    html.push_str("<th>battery<th>energy<th>the floor burns, of import</tr>\n");
    for sized in sizes {
        let floor = if sized.floor > 0.0 { format!("{:.0} %", 100.0 * sized.floor) } else { "none".to_owned() };
        let battery = if sized.power_w.is_finite() {
            format!("<td>{} MW<td>{} kWh", short(sized.power_w / 1e6), short(sized.energy_j / 3.6e6))
        } else {
            let why = if sized.words.is_empty() { String::new() } else { format!(": {}", escaped(&sized.words)) };
            format!("<td colspan=\"2\">no battery is enough{why}")
        };
        let beside = if specification.is_some() { format!("<td>{}", escaped(&sized.beside)) } else { String::new() };
        let _ = writeln!(html, "<tr><td>{floor}{beside}{battery}<td>{:.1} %</tr>", 100.0 * sized.burned);
    }
    html.push_str("</table></section>\n");
    html
}

fn bound(limit: f64, unit: &str) -> String {
    if limit.is_finite() { format!("{} {unit}", short(limit / 1e6)) } else { "any value".to_owned() }
}

fn short(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// The lowest floors that pass: with some battery, and with none.
fn lowest(sizes: &[Sized]) -> String {
    let floor = |passes: fn(&Sized) -> bool| {
        let found = sizes.iter().find(|sized| passes(sized));
        found.map_or_else(|| "none of the floors tried".to_owned(), |sized| format!("{:.0} %", 100.0 * sized.floor))
    };
    format!(
        " Lowest floor that passes with enough battery: {}; without a battery: {}.",
        floor(|sized| sized.power_w.is_finite()),
        floor(|sized| sized.power_w == 0.0)
    )
}
