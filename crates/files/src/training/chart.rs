//! Line and bar charts as SVG text in the colours of the report's style.
//!
//! Not modelled: interaction; the numbers stand in the JSON beside the page.

use crate::report::escaped;
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 260.0;
/// Room for the axes: left, right, top, bottom.
const ROOM: (f64, f64, f64, f64) = (70.0, 20.0, 14.0, 40.0);
/// Height of a bar with its name.
const BAR: f64 = 46.0;
/// Ticks wanted on an axis.
const TICKS: f64 = 6.0;

/// A line.
pub struct Line<'a> {
    /// Name in the legend.
    pub name: &'a str,
    /// Points.
    pub points: Vec<(f64, f64)>,
    /// Steps instead of slopes.
    pub steps: bool,
}

/// A chart of lines over one axis.
pub struct Chart<'a> {
    /// Title.
    pub title: &'a str,
    /// Axes with their units.
    pub axes: (&'a str, &'a str),
    /// Logarithmic horizontal axis.
    pub log: bool,
    /// The lines.
    pub lines: Vec<Line<'a>>,
    /// Vertical marks with a word; an empty word is a thin tick.
    pub marks: Vec<(f64, String)>,
    /// Shaded spans.
    pub spans: Vec<(f64, f64)>,
}

struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
    log: bool,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let bend = |v: f64| if self.log { v.max(1e-300).ln() } else { v };
        let share = (bend(value) - bend(self.from)) / (bend(self.to) - bend(self.from));
        self.start + (self.end - self.start) * share
    }

    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let mut at = 10_f64.powf(self.from.log10().ceil());
            let mut ticks = Vec::new();
            while at <= self.to * 1.0001 {
                ticks.push(at);
                at *= 10.0;
            }
            return ticks;
        }
        let rough = (self.to - self.from) / TICKS;
        let size = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * size).find(|s| *s >= rough).unwrap_or(rough);
        let mut at = (self.from / step).ceil() * step;
        let mut ticks = Vec::new();
        while at <= self.to + 1e-9 * step {
            ticks.push(at);
            at += step;
        }
        ticks
    }
}

fn plain(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size >= 1e4 {
        format!("{:.0}k", value / 1e3)
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut range: Option<(f64, f64)> = None;
    for value in values.filter(|v| v.is_finite()) {
        let (low, high) = range.unwrap_or((value, value));
        range = Some((low.min(value), high.max(value)));
    }
    range.map(|(low, high)| if high > low { (low, high) } else { (low, low + 1.0) })
}

/// The chart, or a word that there is nothing to draw.
pub fn draw(chart: &Chart<'_>) -> String {
    let points = || chart.lines.iter().flat_map(|line| line.points.iter());
    let (Some(xs), Some(ys)) = (range(points().map(|p| p.0)), range(points().map(|p| p.1))) else {
        return format!("<h3>{}</h3><p class=\"note\">Nothing to draw.</p>", escaped(chart.title));
    };
    let low = if ys.0 > 0.0 && ys.0 < 0.5 * ys.1 { 0.0 } else { ys.0 };
    let x = Scale { from: xs.0, to: xs.1, start: ROOM.0, end: WIDTH - ROOM.1, log: chart.log };
    let y = Scale { from: low, to: ys.1 + 0.04 * (ys.1 - low), start: HEIGHT - ROOM.3, end: ROOM.2, log: false };
    let mut svg = String::new();
    for (from, to) in &chart.spans {
        let (a, b) = (x.at(from.max(xs.0)), x.at(to.min(xs.1)));
        let _ = write!(
            svg,
            "<rect x=\"{a:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" style=\"fill:var(--shade)\"/>",
            ROOM.2,
            (b - a).max(1.0),
            HEIGHT - ROOM.2 - ROOM.3
        );
    }
    axes(&mut svg, &x, &y, chart);
    for (at, word) in chart.marks.iter().filter(|(at, _)| (xs.0..=xs.1).contains(at)) {
        let px = x.at(*at);
        let (top, colour) = if word.is_empty() { (HEIGHT - ROOM.3 - 8.0, "--bad") } else { (ROOM.2, "--mark") };
        let _ = write!(
            svg,
            "<line x1=\"{px:.1}\" x2=\"{px:.1}\" y1=\"{top}\" y2=\"{}\" style=\"stroke:var({colour});stroke-width:1\"/>",
            HEIGHT - ROOM.3
        );
        if !word.is_empty() {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{}\" style=\"fill:var(--muted);font-size:11px\">{}</text>",
                if px > 0.8 * WIDTH { px - 3.0 } else { px + 3.0 },
                ROOM.2 + 10.0,
                if px > 0.8 * WIDTH { "end" } else { "start" },
                escaped(word)
            );
        }
    }
    for (place, line) in chart.lines.iter().enumerate() {
        let mut path = String::new();
        let mut before: Option<f64> = None;
        for (px, py) in line.points.iter().filter(|p| p.0.is_finite() && p.1.is_finite()) {
            if let Some(last) = before.filter(|_| line.steps) {
                let _ = write!(path, "L{:.1} {:.1}", x.at(*px), y.at(last));
            }
            let _ = write!(path, "{}{:.1} {:.1}", if before.is_none() { 'M' } else { 'L' }, x.at(*px), y.at(*py));
            before = Some(*py);
        }
        let _ =
            write!(svg, "<path d=\"{path}\" style=\"fill:none;stroke:var(--c{});stroke-width:1.8\"/>", place % 6 + 1);
    }
    let legend: Vec<String> = chart
        .lines
        .iter()
        .enumerate()
        .map(|(place, line)| {
            format!("<span style=\"color:var(--c{})\">&#9632;</span> {}", place % 6 + 1, escaped(line.name))
        })
        .collect();
    framed(chart.title, &legend.join(" &nbsp; "), HEIGHT, &svg)
}

fn axes(svg: &mut String, x: &Scale, y: &Scale, chart: &Chart<'_>) {
    let text = "style=\"fill:var(--muted);font-size:11px\"";
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = write!(
            svg,
            "<line x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" style=\"stroke:var(--grid)\"/>",
            ROOM.0,
            WIDTH - ROOM.1
        );
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" {text}>{}</text>",
            ROOM.0 - 6.0,
            at + 4.0,
            plain(tick)
        );
    }
    for tick in x.ticks() {
        let at = x.at(tick);
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" {text}>{}</text>",
            HEIGHT - ROOM.3 + 15.0,
            plain(tick)
        );
    }
    let middle = 0.5 * (ROOM.0 + WIDTH - ROOM.1);
    let _ = write!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" {text}>{}</text>",
        HEIGHT - 6.0,
        escaped(chart.axes.0)
    );
    let _ = write!(
        svg,
        "<text x=\"12\" y=\"{0}\" transform=\"rotate(-90 12 {0})\" text-anchor=\"middle\" {text}>{1}</text>",
        0.5 * HEIGHT,
        escaped(chart.axes.1)
    );
}

fn framed(title: &str, legend: &str, height: f64, svg: &str) -> String {
    format!(
        "<h3>{}</h3><p class=\"note\">{legend}</p><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" style=\"width:100%;max-width:{WIDTH}px\">{svg}</svg>",
        escaped(title),
        escaped(title)
    )
}

/// Horizontal bars from a low to a high value about a middle: a tornado.
pub fn bars(title: &str, axis: &str, middle: f64, rows: &[(String, f64, f64)]) -> String {
    let all = rows.iter().flat_map(|row| [row.1, row.2]).chain([middle]);
    let Some((low, high)) = range(all) else { return String::new() };
    let x = Scale { from: low, to: high, start: 10.0, end: WIDTH - 130.0, log: false };
    // A name stands above its bar, where the whole width is its own.
    let height = BAR * rows.len() as f64 + 34.0;
    let mut svg = String::new();
    let text = "style=\"fill:var(--ink);font-size:12px\"";
    for (place, (name, a, b)) in rows.iter().enumerate() {
        let top = BAR * place as f64 + 22.0;
        let (from, to) = (x.at(a.min(*b)), x.at(a.max(*b)));
        let _ = write!(svg, "<text x=\"10\" y=\"{:.1}\" {text}>{}</text>", top - 5.0, escaped(name));
        let _ = write!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"20\" style=\"fill:var(--c1)\"/>",
            (to - from).max(1.0)
        );
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" {text}>{} to {}</text>",
            to + 4.0,
            top + 14.0,
            plain(a.min(*b)),
            plain(a.max(*b))
        );
    }
    let at = x.at(middle);
    let _ = write!(
        svg,
        "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{}\" style=\"stroke:var(--bad)\"/>",
        height - 24.0
    );
    let _ = write!(
        svg,
        "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:var(--muted);font-size:11px\">{} {}</text>",
        height - 8.0,
        plain(middle),
        escaped(axis)
    );
    framed(title, "", height, &svg)
}

/// Stretches of time in lanes, coloured by kind.
pub fn lanes(title: &str, kinds: &[&str], rows: &[(usize, &str, f64, f64)], names: &[String]) -> String {
    let end = rows.iter().map(|row| row.2 + row.3).fold(0.0, f64::max);
    if end <= 0.0 {
        return String::new();
    }
    let x = Scale { from: 0.0, to: end, start: 110.0, end: WIDTH - 20.0, log: false };
    let height = 40.0 * names.len() as f64 + 30.0;
    let mut svg = String::new();
    let lane_of = |stage: usize| {
        rows.iter()
            .map(|row| row.0)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .position(|s| s == stage)
            .unwrap_or(0)
    };
    for (place, name) in names.iter().enumerate() {
        let _ = write!(
            svg,
            "<text x=\"100\" y=\"{:.1}\" text-anchor=\"end\" style=\"fill:var(--ink);font-size:12px\">{}</text>",
            40.0 * place as f64 + 24.0,
            escaped(name)
        );
    }
    for (stage, what, start, length) in rows {
        let colour = kinds
            .iter()
            .position(|kind| kind == what)
            .map_or("--shade".to_owned(), |k| if k == 0 { "--shade".to_owned() } else { format!("--c{k}") });
        let top = 40.0 * lane_of(*stage) as f64 + 6.0;
        let _ = write!(
            svg,
            "<rect x=\"{:.2}\" y=\"{top}\" width=\"{:.2}\" height=\"28\" style=\"fill:var({colour})\"/>",
            x.at(*start),
            x.at(start + length) - x.at(*start)
        );
    }
    for tick in x.ticks() {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:var(--muted);font-size:11px\">{} s</text>",
            x.at(tick),
            height - 6.0,
            plain(tick)
        );
    }
    let legend: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(k, kind)| {
            if k == 0 {
                format!("&#9633; {kind}")
            } else {
                format!("<span style=\"color:var(--c{k})\">&#9632;</span> {kind}")
            }
        })
        .collect();
    framed(title, &legend.join(" &nbsp; "), height, &svg)
}
