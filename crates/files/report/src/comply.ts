// The page of a trace held against a specification: clauses, trace, ramps, spectrum, flicker, sampling, sources.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { css, h, section } from "./dom";
import { LocalTime, number, span } from "./format";

interface Curve { step_s: number; least: (number | null)[]; mean: (number | null)[]; greatest: (number | null)[] }
interface Lines { hz: number[]; most: number[]; mean: number[]; segments: number; from_s: number; bin_hz: number }
interface Clause {
  name: string; measure: string; verdict: "pass" | "fail" | "not-shown"; measured: number | null; measured_is_at_least: boolean;
  limit: number | null; unit: string; margin_share: number | null; worst_at_s: number | null; worst_at: string | null; why: string; source: string;
}
interface Data {
  trace: string; title: string; specification: string; version: string; verdict: string; unit: string; start_ms: number | null; zone: string;
  reference: { power_w: number; from: string };
  counts: { pass: number; fail: number; not_shown: number };
  clauses: Clause[];
  sampling: Record<string, unknown> & { span_s: number; time: string; power: string; rows: number };
  remarks: string[];
  power: Curve;
  ramps: { name: string; window_s: number; unit: string; limit: number | null; up: boolean; curve: Curve }[];
  spectrum: Lines | null;
  worst: Lines | null;
  bands: [number, number, string][];
  flicker: [number, number][];
  flicker_limit: number | null;
  provenance: [string, string, string][];
  network: [string, string][];
}

const element = document.getElementById("data");
const report = document.getElementById("report");
if (!element?.textContent || !report) throw new Error("the page holds no data");
const data = JSON.parse(element.textContent) as Data;
const local = data.start_ms === null ? null : new LocalTime(data.start_ms, 0, data.zone);
const draws: (() => void)[] = [];

const when = (seconds: number) => (local ? local.full(seconds) : `${number(seconds, seconds < 100 ? 3 : 1)} s`);

function axis(label: string): uPlot.Axis {
  return {
    stroke: () => css("--muted"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { stroke: () => css("--grid"), width: 1, size: 5 },
    font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", label, labelSize: 18, labelGap: 0,
  };
}

function timeAxis(): uPlot.Axis {
  const base = { ...axis(""), size: 34, space: 80 };
  const splitsOf = (_: uPlot, at: number[], __: unknown, ___: unknown, step: number) => at.map((value) => (local ? local.tick(value, step) : span2(value)));
  return { ...base, values: splitsOf as uPlot.Axis["values"] & object };
}

/** A moment since the start, short enough for a tick. */
function span2(seconds: number): string {
  return seconds !== 0 && Math.abs(seconds) < 10 ? `${number(seconds, 2)} s` : seconds === 0 ? "0" : span(seconds);
}

function frame(id: string, title: string, note: string, legend: [string, string, boolean][], height: number, make: (host: HTMLElement, height: number) => uPlot): HTMLElement {
  const host = h("div", { class: "plot", style: `height:${height}px` });
  const list = h("ul", { class: "legend" });
  for (const [label, colour, dashed] of legend) {
    const swatch = h("i", { class: dashed ? "swatch dashed" : "swatch" });
    swatch.style.setProperty("--colour", `var(${colour})`);
    list.append(h("li", {}, swatch, ` ${label}`));
  }
  draws.push(() => {
    const plot = make(host, height);
    new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height })).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw(false, true));
  });
  return h("figure", { "data-chart": id }, h("figcaption", {}, h("h3", {}, title), note ? h("p", { class: "note" }, note) : null), list, host);
}

/** Band from least to greatest, mean on top, limits as dashed lines. */
function timeChart(id: string, title: string, note: string, unit: string, curve: Curve, limits: [string, number][], height: number, edges = false): HTMLElement {
  const xs = curve.mean.map((_, index) => (index + 0.5) * curve.step_s);
  const flat = (value: number) => xs.map(() => value);
  const legend: [string, string, boolean][] = [[edges ? "greatest rise and greatest fall" : "least to greatest, and mean", "--c1", false], ...limits.map(([label]) => [label, "--c2", true] as [string, string, boolean])];
  return frame(id, title, note, legend, height, (host, tall) => new uPlot({
    width: host.clientWidth || 600, height: tall, padding: [12, 20, 0, 0], legend: { show: false },
    scales: { x: { time: false } },
    axes: [timeAxis(), axis(unit)],
    series: [{},
      ...[0, 1].map(() => ({ stroke: () => (edges ? css("--c1") : "transparent"), width: edges ? 1.2 : 0, points: { show: false } })),
      { stroke: () => css("--c1"), width: 1.5, points: { show: false } },
      ...limits.map(() => ({ stroke: () => css("--c2"), width: 1.6, dash: [7, 4], points: { show: false } }))],
    bands: [{ series: [1, 2], fill: () => `${css("--c1")}38` }],
    cursor: { y: false, sync: { key: "time" }, bind: { dblclick: (u) => () => { u.setScale("x", { min: xs[0] ?? 0, max: xs[xs.length - 1] ?? 1 }); return null; } } },
  }, [xs, curve.greatest, curve.least, curve.mean, ...limits.map(([, value]) => flat(value))], host));
}

function spectrumChart(): HTMLElement | null {
  const { spectrum, worst, bands, unit } = data;
  if (!spectrum) return null;
  const legend: [string, string, boolean][] = [["whole trace, strongest bin", "--c1", false], ["whole trace, mean", "--c3", false]];
  if (worst) legend.push([`span with most movement (from ${when(worst.from_s)})`, "--c2", false]);
  const positive = (list: number[]) => list.map((value) => (value > 0 ? value : null));
  const shade = (u: uPlot) => {
    const { ctx, bbox } = u;
    for (const [low, high] of bands) {
      const [from, to] = [u.valToPos(low, "x", true), u.valToPos(high, "x", true)];
      const [left, right] = [Math.max(from, bbox.left), Math.min(to, bbox.left + bbox.width)];
      ctx.fillStyle = css("--shade");
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
  };
  const few = (_: uPlot, at: (number | null)[]) => at.map((value) => (value === null ? "" : value.toExponential().length < 6 ? String(Number(value.toPrecision(2))) : value.toExponential(0)));
  const note = `Grey: the bands of the clauses. ${spectrum.segments} segments with a Hann window, bins of ${number(spectrum.bin_hz, 4)} Hz.`;
  return frame("spectrum", "Where the power moves: its spectrum", note, legend, 320, (host, tall) => new uPlot({
    width: host.clientWidth || 600, height: tall, padding: [12, 20, 0, 0], legend: { show: false },
    scales: { x: { time: false, distr: 3 }, y: { distr: 3 } },
    axes: [{ ...axis("Hz"), values: few as uPlot.Axis["values"] & object }, { ...axis(`${unit}²/Hz`), size: 68, values: few as uPlot.Axis["values"] & object }],
    series: [{},
      { stroke: () => css("--c1"), width: 1.4, points: { show: false } }, { stroke: () => css("--c3"), width: 1.2, points: { show: false } },
      ...(worst ? [{ stroke: () => css("--c2"), width: 1.2, points: { show: false } }] : [])],
    hooks: { drawClear: [shade] },
  }, [spectrum.hz, positive(spectrum.most), positive(spectrum.mean), ...(worst ? [positive(worst.most)] : [])], host));
}

function flickerChart(): HTMLElement | null {
  const { flicker, flicker_limit } = data;
  if (flicker.length === 0) return null;
  const limits = flicker_limit === null ? [] : [flicker.map(() => flicker_limit)];
  const legend: [string, string, boolean][] = [["Pst of ten minutes", "--c1", false]];
  if (flicker_limit !== null) legend.push(["limit", "--c2", true]);
  return frame("flicker", "How much lamps would flicker", "", legend, 190, (host, tall) => new uPlot({
    width: host.clientWidth || 600, height: tall, padding: [12, 20, 0, 0], legend: { show: false },
    scales: { x: { time: false } }, axes: [timeAxis(), axis("Pst")],
    series: [{}, { stroke: () => css("--c1"), width: 1.5, points: { show: true, size: 6 } }, ...limits.map(() => ({ stroke: () => css("--c2"), width: 1.6, dash: [7, 4], points: { show: false } }))],
  }, [flicker.map(([at]) => at), flicker.map(([, pst]) => pst), ...limits], host));
}

function clauses(): HTMLElement {
  const body = h("tbody");
  const mark = { pass: ["verdict good", "\u2713 pass"], fail: ["verdict bad", "\u2717 fail"], "not-shown": ["verdict", "? not shown"] } as const;
  for (const one of data.clauses) {
    const [look, word] = mark[one.verdict];
    const value = one.measured === null ? "\u2013" : `${one.measured_is_at_least ? "\u2265 " : ""}${number(one.measured)} ${one.unit}`;
    body.append(h("tr", { class: one.verdict },
      h("td", {}, h("span", { class: look }, word)),
      h("td", {}, h("strong", {}, one.name), h("p", { class: "note" }, one.measure), one.why ? h("p", { class: "note" }, one.why) : null),
      h("td", { class: "num" }, value),
      h("td", { class: "num" }, one.limit === null ? "open" : `${number(one.limit)} ${one.unit}`),
      h("td", { class: "num" }, one.margin_share === null ? "\u2013" : `${number(one.margin_share * 100, 1)} %`),
      h("td", {}, one.worst_at ?? (one.worst_at_s === null ? "\u2013" : `${number(one.worst_at_s, 3)} s`)),
      h("td", { class: "name" }, one.source)));
  }
  const head = h("thead", {}, h("tr", {}, ...["", "Clause", "Measured", "Limit", "Margin", "Worst moment", "Limit from"].map((title, index) => h("th", { scope: "col", class: index > 1 && index < 5 ? "num" : "" }, title))));
  return h("div", { class: "scroll" }, h("table", {}, head, body));
}

/** A length of time that may be a millisecond. */
function time(seconds: number): string {
  return seconds < 1 ? `${number(seconds * 1000)} ms` : seconds < 120 ? `${number(seconds)} s` : span(seconds);
}

function power(watts: number): string {
  return `${number(watts / (data.unit === "MW" ? 1e6 : data.unit === "kW" ? 1e3 : 1))} ${data.unit}`;
}

/** What was found of the sampling, in words; counts of nothing are left out. */
function facts(): HTMLElement {
  const found = data.sampling;
  const body = h("tbody");
  const row = (name: string, text: string) => body.append(h("tr", {}, h("td", { class: "name" }, name), h("td", {}, text)));
  const count = (name: string, key: string) => { if (Number(found[key]) > 0) row(name, number(Number(found[key]), 0)); };
  const value = (name: string, key: string, say: (value: number) => string) => { if (typeof found[key] === "number") row(name, say(found[key] as number)); };
  row("time", found.time);
  row("power", found.power);
  value("span", "span_s", time);
  value("a reading every", "interval_s", time);
  value("the sensor is refreshed every", "held_s", time);
  value("measured share of the time", "measured_share", (share) => `${number(share * 100)} %`);
  value("least reading", "least_w", power);
  value("mean", "mean_w", power);
  value("greatest reading", "greatest_w", power);
  value("energy", "energy_j", (joule) => `${number(joule / 3.6e9)} MWh`);
  count("rows without a reading", "missing");
  count("rows out of order", "out_of_order");
  count("rows too late to be put in order, left out", "left_out_late");
  count("rows that repeat a stamp", "doubled");
  count("rows with a time far away, left out", "stamps_slipped");
  if (found["stamps_spread"] === true) row("stamps", "coarser than the sampling; rows of one stamp were spread evenly");
  count("holes bridged", "holes_bridged");
  count("gaps", "gaps");
  if (Number(found["gap_s"]) > 0) value("time in gaps", "gap_s", time);
  for (const doubt of (found["doubts"] as string[] | undefined) ?? []) row("doubt", doubt);
  return h("table", {}, body);
}

/** One chart for each window: what rises within it and what falls. */
function rampCharts(): HTMLElement[] {
  const windows = [...new Set(data.ramps.map((ramp) => ramp.window_s))];
  return windows.map((window_s) => {
    const these = data.ramps.filter((ramp) => ramp.window_s === window_s);
    const limits = these.flatMap((ramp) => (ramp.limit === null ? [] : [[`limit of ${ramp.name}`, ramp.up ? ramp.limit : -ramp.limit] as [string, number]]));
    const [first, second] = these;
    const curve = first!.curve;
    const join = (pick: (a: number, b: number) => number, a: (number | null)[], b: (number | null)[] | undefined) =>
      a.map((x, at) => { const y = b?.[at]; return x === null || y === null || y === undefined ? x : pick(x, y); });
    const both: Curve = second
      ? { step_s: curve.step_s, least: join(Math.min, curve.least, second.curve.least), greatest: join(Math.max, curve.greatest, second.curve.greatest), mean: curve.mean.map(() => null) }
      : { ...curve, mean: curve.mean.map(() => null) };
    return timeChart(`ramp ${window_s}`, `Greatest rise and fall within ${number(window_s)} s, as ramps`, "Above zero what rises, below what falls; each moment shows the window that ends there.", these[0]!.unit, both, limits, 220, true);
  });
}

function sources(): HTMLElement {
  const body = h("tbody");
  for (const [key, value, source] of data.provenance) body.append(h("tr", {}, h("td", { class: "name" }, key), h("td", {}, value), h("td", {}, source)));
  return h("details", {}, h("summary", {}, `Every number of the specification with its source (${data.provenance.length})`), h("div", { class: "scroll" }, h("table", { class: "provenance" }, body)));
}

const { counts, reference, sampling } = data;
const tally = `${counts.pass} passed, ${counts.fail} failed, ${counts.not_shown} not shown`;
const verdict = data.verdict === "pass" ? "Pass: every clause is met." : data.verdict === "fail" ? `Fail: ${tally}.` : `Not shown: ${tally}.`;
const fact = (name: string, text: string) => h("div", {}, h("dt", {}, name), h("dd", {}, text));
report.replaceChildren(
  h("header", {}, h("h1", {}, `${data.trace} against ${data.specification}`), h("p", { class: "note" }, data.title),
    h("dl", { class: "stamp" },
      fact("Verdict", verdict),
      fact("Reference power", `${number(reference.power_w / (data.unit === "MW" ? 1e6 : data.unit === "kW" ? 1e3 : 1))} ${data.unit}, ${reference.from}`),
      ...data.network.map(([name, text]) => fact(name, text)),
      fact("Span", span(sampling.span_s)),
      fact("Readings", number(sampling.rows, 0)),
      fact("Times", local ? data.zone : "seconds from the start"))),
  section("clauses", "Clause by clause", "Not shown: this trace, or this specification, does not allow a judgement; the line below the clause says what is missing. A measured value with \u2265 is a lower bound. The worst moment is the end of a window, the beginning of an interval or a span.", clauses(),
    data.remarks.length ? h("ul", { class: "findings" }, ...data.remarks.map((text) => h("li", {}, text))) : null),
  section("charts", "What the trace looks like", "Drag to zoom, double-click to see the whole trace.",
    timeChart("power", "Power", "", data.unit, data.power, [], 300),
    ...rampCharts(),
    spectrumChart(), flickerChart()),
  section("sampling", "What the trace can show", `${sampling.time}; ${sampling.power}.`, facts()),
  section("sources", "What the limits rest on", "", sources()),
  h("footer", {}, `tieline ${data.version}. comply.json beside this page holds the same figures.`),
);
for (const draw of draws) draw();
