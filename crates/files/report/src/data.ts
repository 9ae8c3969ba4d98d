// What the program writes into the page. Instants are seconds since the start of the run.

export interface Curve {
  chart: string;
  label: string;
  unit: string;
  /** Absent where every bucket holds one value only. */
  least: (number | null)[] | null;
  mean: (number | null)[];
  greatest: (number | null)[] | null;
}

export interface Happening {
  at_s: number;
  kind: string;
  text: string;
}

export interface Marked {
  name: string;
  received_s: number;
  start_s: number;
  end_s: number;
  cancelled: boolean;
  limit_mw: number | null;
  point: string | null;
}

export interface Expected {
  metric: string;
  rule: string;
  value: number | null;
  reached: number | null;
  pass: boolean;
}

export interface Page {
  scenario: string;
  title: string;
  seed: string;
  version: string;
  start: string;
  start_ms: number;
  duration_s: number;
  offset_s: number;
  zone: string;
  metrics: Record<string, number | null>;
  expectations: Expected[];
  curve_at_s: number[];
  curves: Curve[];
  events: Marked[];
  happenings: Happening[];
  ledger: [string, string, number | null][];
  findings: { topic: string; text: string; closes: boolean }[];
  sources: Record<"measured" | "datasheet" | "claim" | "guess", number>;
  provenance: [string, string, string][];
}

/** Reads the data element of the page. */
export function page(): Page {
  const element = document.getElementById("data");
  if (!element?.textContent) throw new Error("the page holds no data");
  return JSON.parse(element.textContent) as Page;
}
