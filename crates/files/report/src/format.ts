// Numbers and instants in words.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUS = "\u2212";
const THIN = "\u202f";
const NONE = "\u2013";

/** About four significant digits, thousands apart. */
export function number(value: number | null | undefined, digits?: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const places = digits ?? (size === 0 || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3);
  if (size !== 0 && size < 0.5 * 10 ** -places) return digits === undefined ? value.toExponential(1).replace("-", MINUS) : zero(places);
  const [whole = "0", rest] = size.toFixed(places).split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole;
  const text = rest ? `${grouped}.${rest}` : grouped;
  return value < 0 ? MINUS + text : text;
}

function zero(places: number): string {
  return (0).toFixed(places);
}

/** With its sign; zero has none. */
export function signed(value: number | null, digits: number): string {
  const text = number(value, digits);
  return value !== null && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Very large counts: "4.21 billion". */
export function count(value: number): [string, string] {
  for (const [size, word] of [[1e15, "quadrillion"], [1e12, "trillion"], [1e9, "billion"], [1e6, "million"]] as const) {
    if (Math.abs(value) >= size) return [number(value / size), word];
  }
  return [number(value), ""];
}

/** Short, for a legend: "94.5 M" from a million on. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  for (const [size, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]] as const) {
    if (Math.abs(value) >= size) return `${number(value / size)}${THIN}${letter}`;
  }
  return number(value);
}

/** A length of time: "24 h", "1 h 30 min", "45 s". */
export function span(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [size, word] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]] as const) {
    if (size === 86400 && rest <= 172800) continue;
    const whole = Math.floor(rest / size);
    if (whole > 0) parts.push(`${whole} ${word}`);
    rest -= whole * size;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** Local time of the site, from a fixed offset: a browser's own zone plays no part. */
export class LocalTime {
  readonly origin_s: number;
  readonly zone: string;

  constructor(start_ms: number, offset_s: number, zone: string) {
    this.origin_s = start_ms / 1000 + offset_s;
    this.zone = zone;
  }

  private at(seconds: number): Date {
    return new Date(Math.round((this.origin_s + seconds) * 1000));
  }

  day(seconds: number): string {
    const date = this.at(seconds);
    return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  }

  clock(seconds: number, withSeconds = true): string {
    return this.at(seconds).toISOString().slice(11, withSeconds ? 19 : 16);
  }

  full(seconds: number): string {
    return `${this.day(seconds)} ${this.at(seconds).getUTCFullYear()} ${this.clock(seconds)}`;
  }

  /** Label of a tick of an axis whose ticks lie `step` seconds apart. */
  tick(seconds: number, step: number): string {
    const text = this.clock(seconds, step < 60);
    return text === "00:00" || step >= 86400 ? this.day(seconds) : text;
  }
}
