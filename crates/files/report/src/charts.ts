// Charts that share one view, one cursor and one set of marks.

import uPlot from "uplot";
import type { Happening, Marked, Page } from "./data";
import { button, css, h } from "./dom";
import { LocalTime, number, short, span } from "./format";
import { layouts, looks, type Layout, type Look } from "./layout";

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];
const AXIS_WIDTH = 68;
const NEAR_PX = 7;
const SYNC = "tieline";
/** A kind that happened more often than this is marked with thin ticks, and is not shown at first. */
const FREQUENT = 100;

interface Drawn {
  plot: uPlot;
  layout: Layout;
  values: HTMLElement[];
}

export class Charts {
  readonly element: HTMLElement;
  private readonly whole: [number, number];
  private view: [number, number];
  private readonly drawn: Drawn[] = [];
  private readonly range = h("output", { class: "range" });
  private readonly tip = h("div", { class: "tip", role: "tooltip", hidden: "" });
  private readonly clearTo: HTMLButtonElement;
  private kinds: Set<string>;
  private pinned_s: number | null = null;
  private readonly xs: number[];
  private readonly counts: Map<string, number>;

  constructor(private readonly page: Page, private readonly time: LocalTime) {
    const bucket = page.curve_at_s.length > 1 ? page.curve_at_s[1]! - page.curve_at_s[0]! : 1;
    this.xs = page.curve_at_s.map((at) => at + bucket / 2);
    this.counts = kindCounts(page);
    this.whole = [0, Math.max(page.duration_s, 1)];
    this.view = [...this.whole];
    this.kinds = new Set(shownAtFirst(page));
    this.clearTo = button("Whole run", "Show the whole run", () => this.reset(), "wide");
    const bar = h("div", { class: "bar", role: "toolbar", "aria-label": "View of all charts" },
      this.range,
      h("span", { class: "buttons" },
        button("\u25c0", "Earlier", () => this.shift(-0.5)),
        button("\u2212", "Zoom out", () => this.zoom(2)),
        button("+", "Zoom in", () => this.zoom(0.5)),
        button("\u25b6", "Later", () => this.shift(0.5)),
        this.clearTo,
      ),
    );
    this.element = h("div", { class: "charts" }, bar, this.tip);
    for (const layout of layouts(page.curves)) this.element.append(this.frame(layout));
  }

  /** Draws; the element must stand in the document, since widths are measured. */
  start(): void {
    for (const host of this.element.querySelectorAll<HTMLElement>(".plot")) {
      const layout = layouts(this.page.curves).find((one) => one.key === host.dataset["key"]);
      if (layout) this.drawn.push(this.draw(host, layout));
    }
    const fit = () => {
      for (const { plot, layout } of this.drawn) {
        const width = plot.root.parentElement?.clientWidth ?? plot.width;
        if (width !== plot.width) plot.setSize({ width, height: height(layout) });
      }
    };
    new ResizeObserver(fit).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    this.show(...this.view);
  }

  /** Shows the surroundings of an instant and marks it. */
  visit(at_s: number): void {
    const half = Math.min(Math.max(this.whole[1] / 40, 300), 1800);
    this.pinned_s = at_s;
    this.show(at_s - half, at_s + half);
  }

  /** Marks happenings of these kinds only. */
  mark(kinds: Set<string>): void {
    this.kinds = kinds;
    this.redraw();
  }

  private redraw(): void {
    for (const { plot } of this.drawn) plot.redraw(false, true);
  }

  private reset(): void {
    this.pinned_s = null;
    this.show(...this.whole);
  }

  private zoom(by: number): void {
    const [from, to] = this.view;
    const middle = this.pinned_s !== null && this.pinned_s > from && this.pinned_s < to ? this.pinned_s : (from + to) / 2;
    const half = ((to - from) * by) / 2;
    this.show(middle - half, middle + half);
  }

  private shift(by: number): void {
    const width = this.view[1] - this.view[0];
    this.show(this.view[0] + width * by, this.view[1] + width * by);
  }

  private show(from: number, to: number): void {
    const most = this.whole[1];
    const width = Math.min(Math.max(to - from, Math.min(60, most)), most);
    const start = Math.min(Math.max((from + to - width) / 2, 0), most - width);
    this.view = [start, start + width];
    for (const { plot } of this.drawn) plot.setScale("x", { min: this.view[0], max: this.view[1] });
    this.clearTo.disabled = width >= most;
    this.say(null);
    for (const one of this.drawn) this.legend(one, null);
  }

  private say(at_s: number | null): void {
    const [from, to] = this.view;
    const zone = this.time.zone;
    this.range.value = at_s !== null
      ? `${this.time.full(at_s)} ${zone}`
      : `${this.time.day(from)} ${this.time.clock(from, false)} \u2013 ${this.time.day(to)} ${this.time.clock(to, false)} ${zone} (${span(to - from)})`;
  }

  private frame(layout: Layout): HTMLElement {
    const looked = looks(layout.curves);
    const legend = h("ul", { class: "legend" });
    layout.curves.forEach((curve, index) => {
      const look = looked[index]!;
      const swatch = h("i", { class: look.dash.length ? "swatch dashed" : "swatch" });
      swatch.style.setProperty("--colour", `var(${look.colour})`);
      const entry = h("button", { type: "button", "aria-pressed": "true", title: "Hide or show this curve" },
        swatch, h("span", { class: "label" }, curve.label), h("span", { class: "value" }));
      entry.addEventListener("click", () => this.toggle(layout.key, index, entry));
      legend.append(h("li", {}, entry));
    });
    return h("figure", { "data-chart": layout.key, class: layout.tall ? "tall" : "" },
      h("figcaption", {}, h("h3", {}, layout.title), layout.note ? h("p", { class: "note" }, layout.note) : null),
      legend,
      h("div", { class: "plot", "data-key": layout.key, style: `height:${height(layout)}px` }),
    );
  }

  private toggle(key: string, index: number, entry: HTMLElement): void {
    const one = this.drawn.find((drawn) => drawn.layout.key === key);
    if (!one) return;
    const shown = entry.getAttribute("aria-pressed") !== "true";
    entry.setAttribute("aria-pressed", String(shown));
    for (const part of [1, 2, 3]) one.plot.setSeries(index * 3 + part, { show: shown });
  }

  private draw(host: HTMLElement, layout: Layout): Drawn {
    const looked = looks(layout.curves);
    const data: uPlot.AlignedData = [this.xs];
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    layout.curves.forEach((curve, index) => {
      const look = looked[index]!;
      data.push(curve.greatest ?? curve.mean, curve.least ?? curve.mean, curve.mean);
      const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
      series.push({ ...edge }, { ...edge }, line(look));
      if (curve.greatest) bands.push({ series: [index * 3 + 1, index * 3 + 2], fill: () => `${css(look.colour)}38` });
    });
    const plot = new uPlot({
      width: host.clientWidth || 600,
      height: height(layout),
      padding: [12, 20, 0, 0],
      legend: { show: false },
      series,
      bands,
      scales: { x: { time: false, min: this.view[0], max: this.view[1] }, y: { range: yRange(layout) } },
      axes: [this.xAxis(), yAxis(layout.curves[0]?.unit ?? "")],
      cursor: {
        y: false,
        points: { size: 7, show: (u, index) => (index % 3 === 0 ? dot(u, index) : (undefined as unknown as HTMLElement)) },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        bind: { dblclick: () => () => { this.reset(); return null; } },
        sync: { key: SYNC, scales: ["x", null], setSeries: false, filters: { pub: moves, sub: moves } },
      },
      hooks: {
        drawClear: [(u) => this.shade(u)],
        draw: [(u) => this.ticks(u)],
        setSelect: [(u) => {
          if (u.select.width > 4) {
            const [from, to] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            this.show(from, to);
          }
        }],
        setCursor: [(u) => this.hover(u)],
      },
    }, data, host);
    const values = [...(host.parentElement?.querySelectorAll<HTMLElement>(".value") ?? [])];
    plot.over.addEventListener("mouseleave", () => { this.tip.hidden = true; });
    return { plot, layout, values };
  }

  private xAxis(): uPlot.Axis {
    const { time } = this;
    return {
      ...axisLook(),
      size: 34,
      space: 66,
      incrs: STEPS_S,
      // Ticks lie on whole local hours and days, not on whole hours of the run.
      splits: (_, __, from, to, step) => {
        const first = Math.ceil((time.origin_s + from) / step) * step - time.origin_s;
        const at: number[] = [];
        for (let value = first; value <= to; value += step) at.push(value);
        return at;
      },
      values: (_, at, __, ___, step) => at.map((value) => time.tick(value, step)),
    };
  }

  private hover(u: uPlot): void {
    const one = this.drawn.find((drawn) => drawn.plot === u);
    if (!one) return;
    const { idx, left } = u.cursor;
    const inside = left !== undefined && left >= 0 && idx !== null && idx !== undefined;
    this.legend(one, inside ? idx : null);
    if (!inside) {
      this.tip.hidden = true;
      this.say(null);
    } else if (u.over.matches(":hover")) {
      this.say(this.xs[idx] ?? null);
      this.tell(u, left);
    }
  }

  private legend({ layout, values }: Drawn, index: number | null): void {
    const [from, to] = this.view;
    layout.curves.forEach((curve, place) => {
      const target = values[place];
      if (!target) return;
      const unit = curve.unit.startsWith("%") ? "%" : curve.unit;
      if (index !== null) {
        const [least, mean, greatest] = [curve.least?.[index], curve.mean[index], curve.greatest?.[index]];
        const band = least != null && greatest != null && greatest > least ? ` (${short(least)} to ${short(greatest)})` : "";
        target.textContent = `${short(mean)} ${unit}${band}`;
        return;
      }
      let [low, high] = [Infinity, -Infinity];
      this.xs.forEach((x, at) => {
        if (x < from || x > to) return;
        low = Math.min(low, (curve.least ?? curve.mean)[at] ?? Infinity);
        high = Math.max(high, (curve.greatest ?? curve.mean)[at] ?? -Infinity);
      });
      target.textContent = low > high ? "no value in view" : low === high ? `${short(low)} ${unit}` : `${short(low)} to ${short(high)} ${unit}`;
    });
  }

  private shown(): Happening[] {
    return this.page.happenings.filter((happening) => this.kinds.has(happening.kind));
  }

  private shade(u: uPlot): void {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const event of this.page.events) {
      const [from, to] = [u.valToPos(event.start_s, "x", true), u.valToPos(event.end_s, "x", true)];
      ctx.fillStyle = css("--shade");
      ctx.fillRect(from, bbox.top, Math.max(to - from, 1), bbox.height);
      upright(ctx, bbox, u.valToPos(event.received_s, "x", true), css("--mark"), [3, 4]);
      upright(ctx, bbox, from, css("--mark"), []);
    }
    if (this.pinned_s !== null) upright(ctx, bbox, u.valToPos(this.pinned_s, "x", true), css("--ink"), []);
    ctx.restore();
  }

  /** Names of the events, on three lines in turn so that neighbours stay apart. */
  private names(u: uPlot): void {
    const { ctx, bbox } = u;
    ctx.font = `${11.5 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = css("--muted");
    this.page.events.forEach((event, index) => {
      const [from, to] = [u.valToPos(event.start_s, "x", true), u.valToPos(event.end_s, "x", true)];
      if (to < bbox.left || from > bbox.left + bbox.width) return;
      const room = bbox.left + bbox.width - ctx.measureText(event.name).width - 4 * devicePixelRatio;
      const x = Math.min(Math.max(from, bbox.left) + 5 * devicePixelRatio, Math.max(room, bbox.left));
      ctx.fillText(event.name, x, bbox.top + bbox.height * 0.4 + (index % 3) * 15 * devicePixelRatio);
    });
  }

  private ticks(u: uPlot): void {
    const { ctx, bbox } = u;
    const size = 5 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - size * 2, bbox.width, bbox.height + size * 2);
    ctx.clip();
    ctx.fillStyle = css("--muted");
    for (const happening of this.shown()) {
      const x = u.valToPos(happening.at_s, "x", true);
      if ((this.counts.get(happening.kind) ?? 0) > FREQUENT) {
        ctx.fillRect(x, bbox.top - size * 1.5, devicePixelRatio, size);
        continue;
      }
      ctx.beginPath();
      ctx.moveTo(x - size * 0.8, bbox.top - size * 1.5);
      ctx.lineTo(x + size * 0.8, bbox.top - size * 1.5);
      ctx.lineTo(x, bbox.top);
      ctx.fill();
    }
    if (u.root.closest("figure")?.classList.contains("tall")) this.names(u);
    ctx.restore();
  }

  private tell(u: uPlot, left: number): void {
    const near = (at_s: number) => Math.abs(u.valToPos(at_s, "x") - left) <= NEAR_PX;
    const lines: [number, string][] = this.shown().filter(({ at_s }) => near(at_s)).map(({ at_s, text }) => [at_s, text]);
    const told = (event: Marked, at_s: number) => lines.some(([when_s, text]) => Math.abs(when_s - at_s) < 2 && text.startsWith(event.name));
    for (const event of this.page.events) {
      const marks: [number, string][] = [
        [event.received_s, `${event.name}: received`],
        [event.start_s, `${event.name}: starts, at most ${number(event.limit_mw)} MW${event.point ? ` at ${event.point}` : ""}`],
        [event.end_s, `${event.name}: ${event.cancelled ? "cancelled" : "over"}`],
      ];
      for (const [at_s, text] of marks) if (near(at_s) && !told(event, at_s)) lines.push([at_s, text]);
    }
    this.tip.hidden = lines.length === 0;
    if (this.tip.hidden) return;
    lines.sort((a, b) => a[0] - b[0]);
    const most = 5;
    this.tip.replaceChildren(
      ...lines.slice(0, most).map(([at_s, text]) => h("p", {}, h("time", {}, this.time.clock(at_s)), ` ${text}`)),
      lines.length > most ? h("p", { class: "note" }, `and ${lines.length - most} more here; zoom in`) : "",
    );
    const area = this.element.getBoundingClientRect();
    const over = u.over.getBoundingClientRect();
    const x = over.left - area.left + left;
    const width = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14 + width > area.width ? x - width - 14 : x + 14, area.width - width))}px`;
    this.tip.style.top = `${over.top - area.top + 8}px`;
  }
}

/** How often each kind happened, in order of first appearance. */
export function kindCounts(page: Page): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of page.happenings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Frequent kinds would bury the others; where all are frequent, all are shown. */
export function shownAtFirst(page: Page): string[] {
  const kinds = [...kindCounts(page)];
  const rare = kinds.filter(([, count]) => count <= FREQUENT);
  return (rare.length > 0 ? rare : kinds).map(([kind]) => kind);
}

function moves(type: string): boolean {
  return type === "mousemove" || type === "mouseleave" || type === "mouseenter";
}

function height(layout: Layout): number {
  return layout.tall ? 300 : 190;
}

function line(look: Look): uPlot.Series {
  const series: uPlot.Series = { stroke: () => css(look.colour), width: look.width, dash: look.dash, points: { show: false } };
  const stepped = uPlot.paths.stepped;
  if (look.stepped && stepped) series.paths = stepped({ align: 1 });
  return series;
}

function dot(u: uPlot, index: number): HTMLElement {
  const element = h("div", { class: "u-cursor-pt" });
  const stroke = u.series[index]?.stroke;
  element.style.background = typeof stroke === "function" ? String(stroke(u, index)) : "currentColor";
  return element;
}

function axisLook(): uPlot.Axis {
  return {
    stroke: () => css("--muted"),
    grid: { stroke: () => css("--grid"), width: 1 },
    ticks: { stroke: () => css("--grid"), width: 1, size: 5 },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
}

function yAxis(unit: string): uPlot.Axis {
  return {
    ...axisLook(),
    label: unit,
    labelSize: 18,
    labelGap: 0,
    size: AXIS_WIDTH - 18,
    space: 34,
    values: (_, at, __, ___, step) => at.map((value) => tickValue(value, step)),
  };
}

function tickValue(value: number, step: number): string {
  const size = Math.abs(value);
  const scaled = size >= 1e9 ? [1e9, "G"] as const : size >= 1e6 ? [1e6, "M"] as const : size >= 1e5 ? [1e3, "k"] as const : [1, ""] as const;
  const fine = step / scaled[0];
  let places = 0;
  while (places < 6 && Math.abs(fine * 10 ** places - Math.round(fine * 10 ** places)) > 1e-6) places += 1;
  return number(value / scaled[0], places) + scaled[1];
}

function yRange(layout: Layout): uPlot.Scale.Range {
  return (_, low, high) => {
    if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, layout.top ?? 1];
    let [from, to] = [low, high];
    if (layout.zero) [from, to] = [Math.min(from, 0), Math.max(to, 0)];
    if (layout.top !== null) to = Math.max(to, layout.top);
    if (to === from) to += Math.abs(to) * 0.02 || 1;
    const room = to - from;
    const above = layout.top !== null && to === layout.top ? 0 : room * 0.06;
    return [layout.zero && from === 0 ? 0 : from - room * 0.06, to + above];
  };
}

function upright(ctx: CanvasRenderingContext2D, bbox: uPlot.BBox, x: number, colour: string, dash: number[]): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
}
