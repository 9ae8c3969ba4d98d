// Bundles src/ into dist/report.js and dist/report.css. The same sources and the same lock file give the same bytes.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const licence = readFileSync(join(here, "node_modules/uplot/LICENSE"), "utf8").trim().replace(/\r\n/g, "\n");
const { version } = JSON.parse(readFileSync(join(here, "node_modules/uplot/package.json"), "utf8"));
const notice = `/* Contains uPlot ${version}:\n\n${licence}\n*/`;

await build({
  absWorkingDir: here,
  entryPoints: { report: "src/main.ts", comply: "src/comply.ts" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  banner: { js: notice, css: notice },
  logLevel: "warning",
});

// The page embeds both files; what would end their elements early must not stand in them.
for (const [file, word] of [["report.js", "</script"], ["report.css", "</style"], ["comply.js", "</script"], ["comply.css", "</style"]]) {
  const path = join(here, "dist", file);
  const text = readFileSync(path, "utf8");
  if (text.toLowerCase().includes(word) || text.includes("<!--")) throw new Error(`${file} contains ${word} or <!--`);
  writeFileSync(path, text.trimEnd() + "\n");
}
