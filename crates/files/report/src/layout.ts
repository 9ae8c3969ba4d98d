// Which curves stand together, under which sentence, in which colour.

import type { Curve } from "./data";

export interface Layout {
  key: string;
  title: string;
  note: string;
  curves: Curve[];
  /** Whether zero belongs into the picture; a fixed top where the unit has one. */
  zero: boolean;
  top: number | null;
  tall: boolean;
}

interface Wording {
  title: string;
  note?: string;
  zero?: boolean;
  top?: number;
  tall?: boolean;
}

/** The free energy dwarfs what is kept, so it has a chart of its own. */
const FREE = "ledger, free";

const WORDINGS: Record<string, Wording> = {
  meter: {
    title: "What the campus needs, what it imports, and what it may import",
    note: "Import is the true mean of each second over all grid points; battery and turbines make it differ from the load.",
    zero: true,
    tall: true,
  },
  campus: { title: "Where the load comes from: halls and their cooling", zero: true },
  supply: { title: "What turbines generate and what batteries take (above zero) or give (below)", zero: true },
  battery: { title: "How full the batteries are", zero: true, top: 100 },
  ledger: {
    title: "What stored energy is kept for",
    note: "The controller's own book: energy that must stay in the batteries for a lapsed lease, a turbine trip, a ramp.",
    zero: true,
  },
  [FREE]: { title: "Stored energy that the controller is free to use", zero: true },
  caps: { title: "How far GPUs are held below their highest power", zero: true, top: 100 },
  work: { title: "Tokens that training and serving make", zero: true },
  weather: { title: "How warm it is outdoors" },
  grid: { title: "How much load the surrounding grid carries" },
  price: { title: "What imported energy costs", zero: true },
  voltage: { title: "Voltage at the campus against its nominal value" },
};
const ORDER = ["meter", "campus", "points", "supply", "battery", FREE, "ledger", "caps", "work", "weather", "grid", "price", "voltage"];

/** Charts in reading order; charts that this page has no words for come last, under their own name. */
export function layouts(curves: Curve[]): Layout[] {
  const groups = new Map<string, Curve[]>();
  for (const curve of curves) {
    if (!curve.mean.some((value) => value !== null)) continue;
    const key = chartOf(curve);
    groups.set(key, [...(groups.get(key) ?? []), curve]);
  }
  const rank = (key: string) => {
    const found = ORDER.indexOf(key.startsWith("points, ") ? "points" : key);
    return found < 0 ? ORDER.length : found;
  };
  return [...groups].sort((a, b) => rank(a[0]) - rank(b[0])).map(([key, group]) => layout(key, group));
}

const isImport = (label: string) => /^import( \(|,|$)/.test(label);
const isLimit = (label: string) => /\blimit\b/.test(label);
const isAim = (label: string) => /\baimed\b/.test(label);

function place(label: string): string {
  return label.slice(label.indexOf(", ") + 2);
}

function chartOf(curve: Curve): string {
  if (curve.chart === "points") return `points, ${place(curve.label)}`;
  return curve.chart === "ledger" && curve.label === "free" ? FREE : curve.chart;
}

function layout(key: string, curves: Curve[]): Layout {
  const wording: Wording = key.startsWith("points, ")
    ? { title: `Import at ${place(key)}${curves.some(({ label }) => isLimit(label)) ? " against its limit" : ", for which no limit stood"}`, zero: true }
    : WORDINGS[key] ?? { title: `${key.charAt(0).toUpperCase()}${key.slice(1)}` };
  return {
    key,
    title: wording.title,
    note: wording.note ?? "",
    // Drawn in this order: what is measured lies on top of what was meant.
    curves: [...curves].sort((a, b) => depth(a.label) - depth(b.label)),
    zero: wording.zero ?? false,
    top: wording.top ?? null,
    tall: wording.tall ?? false,
  };
}

function depth(label: string): number {
  return isImport(label) ? 3 : isLimit(label) ? 2 : isAim(label) ? 1 : 0;
}

export interface Look {
  colour: string;
  dash: number[];
  width: number;
  stepped: boolean;
}

const PALETTE = ["--c1", "--c3", "--c4", "--c5", "--c6"];

/** Limits look alike everywhere; the rest takes colours in order, and import is always the first colour. */
export function looks(curves: Curve[]): Look[] {
  const free = curves.some((curve) => isImport(curve.label)) ? PALETTE.slice(1) : [...PALETTE];
  return curves.map(({ label }) => {
    if (isLimit(label)) return { colour: "--c2", dash: [7, 4], width: 1.6, stepped: true };
    if (isImport(label)) return { colour: "--c1", dash: [], width: 1.8, stepped: false };
    const colour = free.shift() ?? "--c6";
    return isAim(label) ? { colour, dash: [2, 3], width: 1.6, stepped: false } : { colour, dash: [], width: 1.5, stepped: false };
  });
}
