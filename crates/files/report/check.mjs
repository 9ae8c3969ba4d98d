// Opens a report in headless Chromium and fails on whatever a reader would stumble over.
//
//   node check.mjs REPORT.html [--shots FOLDER]
//   node check.mjs comply.html --comply
//
// Chromium is $CHROMIUM, or chromium, or google-chrome on the path.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const comply = process.argv.includes("--comply");
const SECTIONS = comply ? ["clauses", "charts", "sampling", "sources"] : ["headline", "expectations", "charts", "happenings", "ledger", "findings", "sources"];
const LEAST_CHARTS = comply ? 3 : 5;
const [path, flag, folder] = process.argv.slice(2).filter((word) => word !== "--comply");
if (!path || !existsSync(path) || (flag && (flag !== "--shots" || !folder))) {
  console.error("usage: node check.mjs REPORT.html [--shots FOLDER]");
  process.exit(2);
}
if (folder) mkdirSync(folder, { recursive: true });

function browser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
    } catch {
      // not this one
    }
  }
  console.error("no Chromium found: install chromium, or set CHROMIUM");
  process.exit(2);
}

const faults = [];
const fault = (text) => faults.push(text);
const url = pathToFileURL(resolve(path)).href;
// Chromium's own sandbox does not start as root, as in a container.
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const chrome = await chromium.launch({ executablePath: browser(), args });

async function open(view) {
  const context = await chrome.newContext({ colorScheme: view.scheme, viewport: { width: view.width, height: view.height }, deviceScaleFactor: view.scale ?? 1 });
  const tab = await context.newPage();
  tab.on("console", (message) => message.type() === "error" && fault(`${view.name}: console: ${message.text()}`));
  tab.on("pageerror", (error) => fault(`${view.name}: ${error.message}`));
  tab.on("request", (request) => request.url() !== url && fault(`${view.name}: asks for ${request.url()}`));
  await tab.goto(url);
  await tab.waitForTimeout(300);
  return tab;
}

// Coloured pixels of each chart; frames and grid lines are grey.
const coloured = (tab) => tab.evaluate(() => [...document.querySelectorAll("figure[data-chart]")].map((figure) => {
  const canvas = figure.querySelector("canvas");
  if (!canvas) return [figure.dataset.chart, 0];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const parts = [data[at], data[at + 1], data[at + 2]];
    if (data[at + 3] > 60 && Math.max(...parts) - Math.min(...parts) > 50) count += 1;
  }
  return [figure.dataset.chart, count];
}));

async function look(view) {
  const tab = await open(view);
  for (const id of SECTIONS) {
    const text = await tab.locator(`section#${id}`).innerText().catch(() => "");
    if (text.trim().length < 20) fault(`${view.name}: the section ${id} is missing or empty`);
  }
  const order = await tab.evaluate(() => [...document.querySelectorAll("main > section")].map((section) => section.id));
  if (order.join() !== SECTIONS.join()) fault(`${view.name}: sections stand in the order ${order.join(", ")}`);
  const charts = await coloured(tab);
  if (charts.length < LEAST_CHARTS) fault(`${view.name}: only ${charts.length} charts`);
  for (const [name, pixels] of charts) if (pixels < 100) fault(`${view.name}: the chart ${name} is empty (${pixels} coloured pixels)`);
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) fault(`${view.name}: the page is ${wide} px wider than the window`);
  const units = await tab.evaluate(() => document.querySelectorAll("figure .u-axis .u-label, figure .u-axis").length);
  if (units < charts.length) fault(`${view.name}: axes are missing`);
  if (folder) await tab.screenshot({ path: join(folder, `${view.name}.png`), fullPage: true });
  return { tab, charts };
}

// Zoom by dragging, by a click on a happening, back by a double click; hovering moves every legend.
async function use(tab) {
  const range = () => tab.locator(".bar .range").innerText();
  const legends = () => tab.locator(".legend .value").allInnerTexts();
  const plots = tab.locator("figure .u-over");
  await tab.mouse.move(0, 0);
  await plots.first().scrollIntoViewIfNeeded();
  const [whole, still] = [await range(), await legends()];
  const box = await plots.first().boundingBox();
  const y = box.y + box.height / 2;
  await tab.mouse.move(box.x + box.width * 0.5, y);
  await tab.waitForTimeout(60);
  const hovered = await legends();
  const moved = hovered.filter((text, index) => text !== still[index]).length;
  if (moved < hovered.length / 2) fault(`hovering one chart changes only ${moved} of ${hovered.length} legends`);
  await tab.mouse.move(box.x + box.width * 0.3, y);
  await tab.mouse.down();
  await tab.mouse.move(box.x + box.width * 0.6, y, { steps: 5 });
  await tab.mouse.up();
  await tab.mouse.move(0, 0);
  await tab.waitForTimeout(60);
  const dragged = await range();
  if (dragged === whole) fault("dragging does not zoom");
  for (const [name, pixels] of await coloured(tab)) if (pixels === 0) fault(`the chart ${name} is empty when zoomed`);
  if (folder) await tab.screenshot({ path: join(folder, "zoomed.png") });
  await tab.mouse.dblclick(box.x + box.width * 0.5, y);
  await tab.mouse.move(0, 0);
  await tab.waitForTimeout(60);
  if ((await range()) !== whole) fault("a double click does not show the whole run");
  const rows = tab.locator(".happenings li:not([hidden]) button");
  const many = await rows.count();
  if (many > 0) {
    await rows.nth(Math.floor(many / 2)).click();
    await tab.waitForTimeout(900);
    if ((await range()) === whole) fault("a click on a happening does not zoom the charts");
    if (folder) {
      const middle = await plots.first().boundingBox();
      await tab.mouse.move(middle.x + middle.width / 2, middle.y + middle.height / 2);
      await tab.waitForTimeout(100);
      await tab.screenshot({ path: join(folder, "visited.png") });
      await tab.mouse.move(0, 0);
    }
    await tab.locator(".chips .chip[aria-pressed=true]").first().click();
    if ((await rows.count()) >= many) fault("switching a kind off hides nothing");
  }
}

const { tab, charts } = await look({ name: "light-1280", scheme: "light", width: 1280, height: 900 });
if (!comply) await use(tab);
await look({ name: "dark-1280", scheme: "dark", width: 1280, height: 900 });
await look({ name: "light-400", scheme: "light", width: 400, height: 800, scale: 2 });
await chrome.close();
for (const text of faults) console.error(`report: ${text}`);
if (faults.length === 0) console.log(`report: ${SECTIONS.length} sections and ${charts.length} charts at three sizes, no fault`);
process.exit(faults.length === 0 ? 0 : 1);
