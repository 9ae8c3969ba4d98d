//! The waveform's figure on the report page: load and import of each point over a few training steps, as SVG.
//!
//! Not modelled: zooming (the table `transient.parquet` holds every millisecond).

use std::fmt::Write as _;
use tieline_sim::results::{Curve, Outcome};

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
