// The report page: reads its data, builds its sections in order, starts the charts.

import "uplot/dist/uPlot.min.css";
import "./style.css";
import { Charts } from "./charts";
import { page } from "./data";
import { h, section } from "./dom";
import { LocalTime } from "./format";
import { expectations, findings, happenings, header, headline, ledger, sources } from "./sections";

const data = page();
const time = new LocalTime(data.start_ms, data.offset_s, data.zone);
const charts = new Charts(data, time);
const bucket = data.curve_at_s.length > 1 ? data.curve_at_s[1]! - data.curve_at_s[0]! : 1;
const how = `Lines are means over ${bucket} s; the band around a line reaches from the least to the greatest second. Grey areas are curtailment events, dashed lines their receipt, triangles things that happened. Drag to zoom all charts, double-click to see the whole run. Times in ${data.zone}.`;

const report = document.getElementById("report");
if (!report) throw new Error("the page has no place for the report");
report.replaceChildren(
  header(data, time),
  headline(data),
  expectations(data),
  section("charts", "How it went", how, charts.element),
  happenings(data, time, charts),
  ledger(data),
  findings(data),
  sources(data),
  h("footer", {}, `tieline ${data.version}. The tables beside this page hold every second, summary.json every metric, journal.tlj every decision.`),
);
charts.start();
