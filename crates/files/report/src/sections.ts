// Everything beside the charts.

import { kindCounts, shownAtFirst, type Charts } from "./charts";
import type { Page } from "./data";
import { h, section } from "./dom";
import { count, LocalTime, number, signed, span } from "./format";

type Metrics = (name: string) => number | null;

export function header(page: Page, time: LocalTime): HTMLElement {
  const facts: [string, string][] = [
    ["Scenario", page.scenario],
    ["Seed", page.seed],
    ["Version", `tieline ${page.version}`],
    ["Start", `${time.full(0)} ${time.zone}`],
    ["Duration", span(page.duration_s)],
  ];
  const list = h("dl", { class: "stamp" });
  for (const [name, value] of facts) list.append(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  return h("header", {}, h("h1", {}, page.title || page.scenario), list);
}

interface Card {
  title: string;
  value: string;
  unit: string;
  notes: string[];
  tone?: "good" | "bad";
}

export function headline(page: Page): HTMLElement {
  const metric: Metrics = (name) => page.metrics[`operation.${name}`] ?? null;
  const cards = [importCard(page, metric), overCard(metric), eventsCard(metric), energyCard(metric), loadCard(metric), rampCard(metric),
    batteryCard(metric), turbineCard(metric), tokensCard(metric), lostCard(metric)];
  const grid = h("div", { class: "cards" });
  for (const card of cards) {
    if (!card) continue;
    grid.append(h("div", { class: `card ${card.tone ?? ""}` },
      h("h3", {}, card.title),
      h("p", { class: "figure" }, card.value, " ", h("span", { class: "unit" }, card.unit)),
      ...card.notes.map((note) => h("p", { class: "note" }, note)),
    ));
  }
  return section("headline", "In figures", "", grid, allMetrics(page));
}

function importCard(page: Page, metric: Metrics): Card | null {
  const meter = page.curves.filter((curve) => curve.chart === "meter");
  const drawn = meter.find((curve) => curve.label.startsWith("import ("));
  const limit = meter.find((curve) => /limit/.test(curve.label));
  if (!drawn) return null;
  let [most, at] = [-Infinity, 0];
  (drawn.greatest ?? drawn.mean).forEach((value, index) => {
    if (value !== null && value > most) [most, at] = [value, index];
  });
  if (most === -Infinity) return null;
  const then = limit?.mean[at];
  const over = metric("import_over_limit_max_mw");
  return {
    title: "Greatest import",
    value: number(most),
    unit: "MW",
    notes: [then == null ? "no limit stood then" : `limit then: ${number(then)} MW`, over === null ? "" : over > 0 ? `worst second ${number(over)} MW over a limit` : "never over a limit"],
    ...(over === null ? {} : { tone: over > 0 ? "bad" : "good" }),
  };
}

function overCard(metric: Metrics): Card | null {
  const over = metric("import_over_limit_mwh");
  if (over === null) return null;
  const seconds = metric("import_over_limit_s") ?? 0;
  const notes = seconds > 0 ? [`during ${span(seconds)} of the run, limits counted one by one`] : ["in no second of the run"];
  return { title: "Imported over limits", value: number(over), unit: "MWh", notes, tone: over > 0 ? "bad" : "good" };
}

function eventsCard(metric: Metrics): Card | null {
  const [seen, met] = [metric("events_seen"), metric("events_met")];
  if (seen === null || met === null) return null;
  const notes: string[] = [];
  const [margin, infeasible] = [metric("events_worst_margin_s"), metric("events_infeasible")];
  if (margin !== null) notes.push(margin >= 0 ? `at least ${number(margin, 0)} s before the deadline` : `latest ${number(-margin, 0)} s after the deadline`);
  if (infeasible) notes.push(`${number(infeasible, 0)} said to be infeasible on receipt`);
  const unit = `of ${number(seen, 0)} met`;
  return { title: "Curtailment events", value: number(met, 0), unit, notes, ...(seen > 0 ? { tone: met === seen ? "good" : "bad" } : {}) };
}

function energyCard(metric: Metrics): Card | null {
  const value = metric("import_mwh");
  if (value === null) return null;
  const [cost, exported] = [metric("import_cost_usd"), metric("export_mwh")];
  return { title: "Energy imported", value: number(value, 0), unit: "MWh", notes: [cost === null ? "" : `for ${number(cost, 0)} $`, exported ? `after ${number(exported)} MWh of export` : ""] };
}

function loadCard(metric: Metrics): Card | null {
  const value = metric("load_max_mw");
  const mean = metric("load_mean_mw");
  return value === null ? null : { title: "Greatest load", value: number(value), unit: "MW", notes: [mean === null ? "" : `mean ${number(mean)} MW`] };
}

function rampCard(metric: Metrics): Card | null {
  const value = metric("ramp_max_60s_mw_per_min");
  if (value === null) return null;
  const over = metric("ramp_over_limit_60s_mw_per_min");
  return {
    title: "Steepest minute of import",
    value: number(value),
    unit: "MW/min",
    notes: [over === null ? "" : over > 0 ? `${number(over)} MW/min over a ramp limit` : "within the ramp limits"],
    ...(over === null ? {} : { tone: over > 0 ? "bad" : "good" }),
  };
}

function batteryCard(metric: Metrics): Card | null {
  const value = metric("battery_throughput_mwh");
  if (value === null) return null;
  const [low, high] = [metric("soc_min_percent"), metric("soc_max_percent")];
  return { title: "Battery throughput", value: number(value), unit: "MWh", notes: ["charged and discharged", low === null ? "" : `state of charge ${number(low, 1)} to ${number(high, 1)} %`] };
}

function turbineCard(metric: Metrics): Card | null {
  const value = metric("turbine_mwh");
  if (value === null) return null;
  const trips = metric("turbine_trips");
  return { title: "Turbines generated", value: number(value, 0), unit: "MWh", notes: [trips === null ? "" : `${number(trips, 0)} trip${trips === 1 ? "" : "s"}`] };
}

function tokensCard(metric: Metrics): Card | null {
  const value = metric("tokens");
  if (value === null) return null;
  const [text, word] = count(value);
  const missed = metric("tokens_missed");
  const [lost, lostWord] = count(missed ?? 0);
  return { title: "Tokens", value: text, unit: word || "tokens", notes: [missed === null ? "" : `${lost} ${lostWord} more at full speed`] };
}

function lostCard(metric: Metrics): Card | null {
  const value = metric("gpu_hours_missed");
  if (value === null) return null;
  const [goodput, caps] = [metric("goodput_share"), metric("gpu_hours_capped")];
  return {
    title: "Work lost",
    value: number(value, 0),
    unit: "GPU-h",
    notes: [caps === null ? "" : `${number(caps, 0)} of them to power caps`, goodput === null ? "" : `${number(goodput * 100, 2)} % of GPU time did useful work`],
  };
}

function allMetrics(page: Page): HTMLElement {
  const body = h("tbody");
  for (const [name, value] of Object.entries(page.metrics)) body.append(h("tr", {}, h("td", { class: "name" }, ...breakable(name)), h("td", { class: "num" }, number(value))));
  return h("details", {}, h("summary", {}, `All ${body.childElementCount} metrics`), scroll(h("table", {}, headRow("Metric (its unit is in its name)", "Value"), body)));
}

export function expectations(page: Page): HTMLElement {
  if (page.expectations.length === 0) {
    return section("expectations", "Expectations", "This scenario names no expectation, so nothing was judged.");
  }
  const failed = page.expectations.filter((line) => !line.pass).length;
  const body = h("tbody");
  for (const line of page.expectations) {
    body.append(h("tr", { class: line.pass ? "pass" : "fail" },
      h("td", {}, verdict(line.pass, line.pass ? "met" : "failed")),
      h("td", { class: "name" }, ...breakable(line.metric)),
      h("td", { class: "num" }, `${line.rule.replace("<=", "\u2264").replace(">=", "\u2265").replace("==", "=")} ${number(line.value)}`),
      h("td", { class: "num" }, number(line.reached))));
  }
  const total = page.expectations.length;
  const note = failed === 0 ? `All ${total} hold.` : `${failed} of ${total} do not hold.`;
  return section("expectations", "Expectations", note, scroll(h("table", {}, headRow("", "Metric", "Rule", "Reached"), body)));
}

export function happenings(page: Page, time: LocalTime, charts: Charts): HTMLElement {
  const counts = kindCounts(page);
  const shown = new Set(shownAtFirst(page));
  const list = h("ol", { class: "happenings" });
  const rows = page.happenings.map((happening) => {
    const day = page.duration_s > 86400 ? `${time.day(happening.at_s)} ` : "";
    const row = h("button", { type: "button", title: "Show this moment in the charts" },
      h("time", {}, day + time.clock(happening.at_s)), h("span", { class: "tag" }, happening.kind), h("span", { class: "text" }, happening.text));
    const item = h("li", {}, row);
    row.addEventListener("click", () => {
      list.querySelector(".chosen")?.classList.remove("chosen");
      item.classList.add("chosen");
      charts.visit(happening.at_s);
      document.getElementById("charts")?.scrollIntoView({ behavior: "smooth", block: "start" });
    });
    list.append(item);
    return { item, happening };
  });
  const search = h("input", { type: "search", placeholder: "Filter by words", "aria-label": "Filter by words" });
  const result = h("output", { class: "note" });
  const filter = () => {
    const words = search.value.toLowerCase();
    let left = 0;
    for (const { item, happening } of rows) {
      item.hidden = !shown.has(happening.kind) || !happening.text.toLowerCase().includes(words);
      left += item.hidden ? 0 : 1;
    }
    result.value = `${left} of ${rows.length} shown`;
  };
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Kinds" });
  for (const [kind, total] of counts) {
    const chip = h("button", { type: "button", class: "chip", "aria-pressed": String(shown.has(kind)) }, `${kind} ${total}`);
    chip.addEventListener("click", () => {
      const on = !shown.delete(kind);
      if (on) shown.add(kind);
      chip.setAttribute("aria-pressed", String(on));
      filter();
      charts.mark(new Set(shown));
    });
    chips.append(chip);
  }
  search.addEventListener("input", filter);
  filter();
  const note = `Times in ${time.zone}. A click shows the moment in the charts; kinds switched off lose their marks there too.`;
  return section("happenings", "What happened, and why", note,
    rows.length ? h("div", { class: "filters" }, chips, search, result) : h("p", {}, "Nothing worth telling happened."), list);
}

export function ledger(page: Page): HTMLElement {
  const groups = new Map<string, [string, number | null][]>();
  for (const [device, what, mwh] of page.ledger) groups.set(what, [...(groups.get(what) ?? []), [device, mwh]]);
  const grid = h("div", { class: "balances" });
  for (const [what, rows] of groups) grid.append(balance(what, rows));
  const note = "Energy in MWh. Above zero it flowed into the row (for an event: more, or less taken out, than before); below zero out of it. Every balance sums to zero, because nothing is lost on the way.";
  return section("ledger", "Who absorbed what", note, groups.size ? grid : h("p", {}, "No balance was kept."));
}

function balance(what: string, rows: [string, number | null][]): HTMLElement {
  const most = Math.max(...rows.map(([, mwh]) => Math.abs(mwh ?? 0)), 1e-12);
  const sum = rows.reduce((total, [, mwh]) => total + (mwh ?? 0), 0);
  const digits = most >= 1000 ? 0 : most >= 10 ? 1 : most >= 0.1 ? 2 : 4;
  const body = h("tbody");
  for (const [device, mwh] of rows) {
    const share = Math.abs(mwh ?? 0) / most;
    const fill = h("i", { class: (mwh ?? 0) < 0 ? "fill out" : "fill in" });
    fill.style.width = `${share * 50}%`;
    body.append(h("tr", {}, h("td", {}, device), h("td", { class: "track" }, h("div", {}, fill)), h("td", { class: "num" }, signed(mwh, digits))));
  }
  const closed = Math.abs(sum) < 1e-6 * most;
  const foot = h("tfoot", {}, h("tr", {}, h("td", {}, "sum"), h("td", {}), h("td", { class: "num" }, closed ? number(0, digits) : signed(sum, 6))));
  const [name, rest] = what.includes(": ") ? [what.slice(0, what.indexOf(": ")), what.slice(what.indexOf(": ") + 2)] : [what, ""];
  return h("div", { class: "balance" }, h("h3", {}, name.charAt(0).toUpperCase() + name.slice(1)), rest ? h("p", { class: "note" }, rest) : null,
    h("table", {}, h("colgroup", {}, h("col", { class: "who" }), h("col"), h("col", { class: "mwh" })), headRow("Device class", "out \u2190 0 \u2192 in", "MWh"), body, foot));
}

export function findings(page: Page): HTMLElement {
  const open = page.findings.filter((finding) => !finding.closes).length;
  const list = h("ul", { class: "findings" });
  for (const finding of [...page.findings].sort((a, b) => Number(a.closes) - Number(b.closes))) {
    list.append(h("li", {}, verdict(finding.closes, finding.closes ? "closes" : "does not close"), h("div", {}, h("strong", {}, finding.topic), h("p", {}, finding.text))));
  }
  const note = page.findings.length === 0 ? "The check of the scenario's figures had nothing to add up." : `${page.findings.length} sums of the scenario's own figures; ${open === 0 ? "all close" : `${open} do not close`}. A sum that does not close says that public figures conflict, not that the run is wrong.`;
  return section("findings", "Do the figures add up?", note, list);
}

const KINDS = ["measured", "datasheet", "claim", "guess"] as const;

export function sources(page: Page): HTMLElement {
  const total = KINDS.reduce((sum, kind) => sum + page.sources[kind], 0);
  const share = (kind: (typeof KINDS)[number]) => (total ? (page.sources[kind] / total) * 100 : 0);
  const bar = h("div", { class: "stack", role: "img", "aria-label": KINDS.map((kind) => `${kind} ${page.sources[kind]}`).join(", ") });
  const legend = h("ul", { class: "kinds" });
  for (const kind of KINDS) {
    const part = h("i", { class: kind });
    part.style.flexGrow = String(page.sources[kind]);
    if (page.sources[kind] > 0) bar.append(part);
    legend.append(h("li", {}, h("i", { class: `swatch ${kind}` }), ` ${kind}: ${page.sources[kind]} (${number(share(kind), 0)} %)`));
  }
  const note = total === 0 ? "The scenario names no sources." : `${number(share("guess"), 0)} % of ${total} numbers with a named source are guesses.`;
  return section("sources", "What the numbers rest on", note, total ? bar : null, total ? legend : null, page.provenance.length ? provenance(page) : null);
}

function provenance(page: Page): HTMLElement {
  const body = h("tbody");
  const rows = page.provenance.map(([key, value, source]) => {
    const row = h("tr", {}, h("td", { class: "name" }, ...breakable(key)), h("td", {}, value), h("td", {}, source));
    body.append(row);
    return { row, text: `${key} ${value} ${source}`.toLowerCase() };
  });
  const search = h("input", { type: "search", placeholder: "Filter by words, for example guess", "aria-label": "Filter the numbers by words" });
  search.addEventListener("input", () => {
    for (const { row, text } of rows) row.hidden = !text.includes(search.value.toLowerCase());
  });
  return h("details", {}, h("summary", {}, `Every number with its source (${rows.length})`), search, scroll(h("table", { class: "provenance" }, headRow("Number", "Written", "Source"), body)));
}

/** A dotted name that may be broken where a reader would. */
function breakable(name: string): Node[] {
  return name.split(/(?<=[._])/).flatMap((part) => [document.createTextNode(part), document.createElement("wbr")]);
}

function verdict(good: boolean, word: string): HTMLElement {
  return h("span", { class: good ? "verdict good" : "verdict bad" }, `${good ? "\u2713" : "\u2717"} ${word}`);
}

function headRow(...titles: string[]): HTMLElement {
  return h("thead", {}, h("tr", {}, ...titles.map((title, index) => h("th", { scope: "col", class: index > 0 && /^(Rule|Reached|Value|MWh)$/.test(title) ? "num" : "" }, title))));
}

function scroll(table: HTMLElement): HTMLElement {
  return h("div", { class: "scroll" }, table);
}
