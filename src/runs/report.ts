/**
 * `report.html`: a run as one page that needs nothing else: figures are inlined, pictures are data URIs, the style
 * and the table sorter are inside, and a content policy keeps the page from loading anything.
 */
import { type Cell, columnsOf, type Row } from "./csv.ts";
import { formatNumber, formatSeconds } from "./format.ts";
import { type Html, html, trusted } from "./html.ts";
import type { Method } from "./method.ts";
import { type ParameterDescription, quoteValue } from "./parameters.ts";
import { reportScript, reportStyle } from "./report-style.ts";
import type { RunRecord } from "./run-record.ts";

export type ReportSection =
  | { kind: "figure"; name: string; caption: string; svg: string }
  | { kind: "table"; name: string; caption: string; rows: readonly Row[]; path: string }
  | {
      kind: "image";
      name: string;
      caption: string;
      labels: readonly string[];
      png: Uint8Array;
      width: number;
      height: number;
    };

export interface ReportInput {
  readonly method: Method;
  /** The summary of the command. */
  readonly summary: string;
  readonly parameters: readonly ParameterDescription[];
  /** A run that is done. */
  readonly record: RunRecord;
  readonly sections: readonly ReportSection[];
}

const shownRows = 200;

/** The page as text. */
export function renderReport(input: ReportInput): string {
  const { method, summary, record, sections } = input;
  const title = `${method.title}: ${record.command}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(reportStyle)}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">${method.title}</p>
<h1>${summary}</h1>
<p class="answer">${keepUnits(record.answer ?? "")}</p>
<p class="facts">${factsOf(record).map((fact) => html`<span>${fact}</span>`)}</p>
</header>
<div class="sections">
${sections.map(renderSection)}
</div>
${renderNotes(record.notes)}
${renderParameters(input)}
${renderReproduction(input)}
</main>
<script>${trusted(reportScript)}</script>
</body>
</html>
`;
  return page.html;
}

function factsOf(record: RunRecord): string[] {
  const day = record.startedAt.slice(0, 16).replace("T", " ");
  const facts = [`${day} UTC`, `seed ${record.seed}`];
  if (record.seconds !== undefined) facts.push(formatSeconds(record.seconds));
  return facts;
}

/** Keeps a number and its unit on one line. */
function keepUnits(text: string): string {
  return text.replaceAll(/(\d) (ms|s|min|h|dB|%)(?!\w)/g, "$1\u00a0$2");
}

function renderSection(section: ReportSection): Html {
  const caption = section.caption === "" ? undefined : html`<figcaption>${section.caption}</figcaption>`;
  switch (section.kind) {
    case "figure":
      return html`<figure class="drawing">${trusted(section.svg)}${caption}</figure>\n`;
    case "image":
      return html`<figure class="wide">${renderImage(section)}${caption}</figure>\n`;
    case "table":
      return html`<figure class="wide">${renderTable(section)}${caption}</figure>\n`;
  }
}

function renderImage(section: Extract<ReportSection, { kind: "image" }>): Html {
  const { labels, png, width, height, caption, name } = section;
  const data = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  const headings =
    labels.length === 0
      ? undefined
      : html`<div class="labels">${labels.map((label) => html`<span>${label}</span>`)}</div>`;
  return html`<div class="picture" style="max-width:${width}px">${headings}<img src="${data}" width="${width}" height="${height}" alt="${caption || name}"></div>`;
}

function renderTable({ rows, path }: Extract<ReportSection, { kind: "table" }>): Html {
  const columns = columnsOf(rows);
  const rest =
    rows.length > shownRows
      ? html`<p class="rest">The first ${shownRows} of ${rows.length} rows; all are in <a href="${path}">${path}</a>.</p>`
      : undefined;
  return html`<div class="scroll"><table class="sortable">
<thead><tr>${columns.map((column) => renderHeading(column, rows))}</tr></thead>
<tbody>
${rows.slice(0, shownRows).map((row) => html`<tr>${columns.map((column) => renderCell(row[column] ?? null))}</tr>\n`)}</tbody>
</table></div>${rest}`;
}

/** A button, for the sorter; above numbers it stands on the right, as they do. */
function renderHeading(column: string, rows: readonly Row[]): Html {
  const cells = rows.map((row) => row[column] ?? null).filter((cell) => cell !== null);
  const isNumeric = cells.length > 0 && cells.every((cell) => typeof cell === "number");
  return html`<th scope="col"${isNumeric ? trusted(' class="number"') : undefined}><button type="button">${column}</button></th>`;
}

function renderCell(cell: Cell): Html {
  if (typeof cell === "number")
    return html`<td class="number" data-value="${cell}">${formatNumber(cell, { digits: 4 })}</td>`;
  return html`<td>${cell === null ? "" : String(cell)}</td>`;
}

function renderNotes(notes: readonly string[]): Html | undefined {
  if (notes.length === 0) return undefined;
  return html`<section class="notes"><h2>What to keep in mind</h2><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul></section>`;
}

function renderParameters({ parameters, record }: ReportInput): Html {
  const rows = parameters.map((parameter) => {
    const value = record.parameters[parameter.name];
    const shown = value === undefined ? "not given" : typeof value === "string" ? value : quoteValue(value);
    return html`<tr><th scope="row">${parameter.label}</th><td class="value">${shown}${parameter.unit === undefined || value === undefined ? "" : ` ${parameter.unit}`}</td><td>${parameter.description}</td></tr>\n`;
  });
  return html`<section><h2>What was asked</h2><div class="scroll"><table class="parameters"><tbody>
${rows}</tbody></table></div></section>`;
}

function renderReproduction({ method, record }: ReportInput): Html {
  const { authors, title, venue, year, arxiv } = method.source;
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`);
  const { platform, architecture, processor, cores } = record.machine;
  const files = record.items.map(
    (item) =>
      html`<li><a href="${item.path}">${item.path}</a>${item.caption === "" ? "" : `: ${item.caption}`}</li>`,
  );
  return html`<section><h2>How to reproduce</h2>
<pre><code>${record.commandLine}</code></pre>
<p>Seed ${record.seed}, at most ${record.threads} ${record.threads === 1 ? "thread" : "threads"}. ${versions.join(", ")}. ${platform} ${architecture}, ${processor}, ${cores} ${cores === 1 ? "core" : "cores"}.</p>
<p>Method: ${authors}, “${title}”, ${venue}, ${year}${arxiv === undefined ? "" : `, arXiv ${arxiv}`}.</p>
${files.length === 0 ? undefined : html`<details><summary>Files of this run</summary><ul>${files}</ul></details>`}
</section>`;
}
