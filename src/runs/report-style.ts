import { paletteCss } from "./style.ts";

/**
 * Where paper may end: between sections, and inside of what may be longer than a page (a table, the caveats, the open
 * list of files) between its rows and items. A heading stays with what it heads.
 */
const breaks = [
  "h2,.labels{break-after:avoid}figcaption{break-before:avoid}",
  "section,thead,tr,li,pre{break-inside:avoid}",
  ".notes,section:has([open]),figure:has(table){break-inside:auto}",
  "p,li{orphans:3;widows:3}",
].join("");

/** The style sheet of a report: one column of text, figures in two where there is room, black on white on paper. */
export const reportStyle = `
${paletteCss(":root")}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:60rem;margin:0 auto;padding:clamp(1.5rem,5vw,4rem) clamp(1rem,4vw,2.5rem)}
h1{font-size:clamp(1.5rem,4vw,2.1rem);line-height:1.2;letter-spacing:-.015em;font-weight:650;margin:.2rem 0 1.2rem;text-wrap:balance}
h2{font-size:1.05rem;font-weight:650;margin:0 0 .7rem}
a{color:var(--accent);text-underline-offset:.15em}
.eyebrow{margin:0;color:var(--muted);font-size:.85rem}
.answer{font-size:1.2rem;line-height:1.5;margin:0;max-width:44rem;border-left:3px solid var(--accent);padding-left:1rem}
.facts{margin:1.1rem 0 0;color:var(--muted);font-size:.85rem;font-variant-numeric:tabular-nums}
.facts span+span::before{content:"·";padding:0 .5em}
.sections{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:2.2rem 2rem;margin:2.6rem 0}
.sections:empty{display:none}
figure{margin:0;min-width:0;break-inside:avoid}
figure.wide{grid-column:1/-1}
figcaption{color:var(--muted);font-size:.875rem;margin-top:.55rem;max-width:44rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{white-space:pre}
.picture img{display:block;width:100%;height:auto;image-rendering:pixelated}
.labels{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);font-size:.8rem;color:var(--muted);margin-bottom:.3rem;text-align:center;font-variant-numeric:tabular-nums}
section{border-top:1px solid var(--rule);padding:1.4rem 0}
.notes ul{margin:0;padding-left:1.2rem;max-width:44rem}
.notes li+li{margin-top:.35rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;width:100%}
th,td{text-align:left;padding:.4rem 1.2rem .4rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
tbody tr:last-child>*{border-bottom:0}
th{font-weight:600}
.number{text-align:right;font-variant-numeric:tabular-nums}
.sortable th button{all:unset;cursor:pointer;font-weight:600}
.sortable th button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.sortable th[aria-sort=ascending] button::after{content:" ↑"}
.sortable th[aria-sort=descending] button::after{content:" ↓"}
.parameters th{font-weight:500;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85rem;white-space:nowrap}
.parameters .value{font-variant-numeric:tabular-nums}
.parameters td:last-child{color:var(--muted)}
pre{background:var(--panel);padding:.8rem 1rem;border-radius:6px;overflow-x:auto;font:.9rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;margin:0 0 .9rem}
section p{margin:.5rem 0;max-width:48rem}
.rest,details{font-size:.9rem;color:var(--muted)}
summary{cursor:pointer}
@media (max-width:40rem){.drawing{overflow-x:auto}.drawing svg{min-width:32rem}.parameters tr{display:block;border-bottom:1px solid var(--rule);padding:.45rem 0}.parameters th,.parameters td{display:block;border:0;padding:0;overflow-wrap:anywhere}}
@media print{main{max-width:none;padding:0}body{font-size:10.5pt}pre{white-space:pre-wrap;border:1px solid var(--rule)}.sections{grid-template-columns:1fr 1fr}.scroll{overflow:visible}${breaks}}
`;

/**
 * Sorts a table by the column whose heading is pressed: numbers by value, texts by alphabet, what is missing last; the
 * second press turns the order around. Without scripts the table stands in its own order.
 */
export const reportScript = `
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  headings.forEach((heading, column) => heading.querySelector("button").addEventListener("click", () => {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => {
      const [x, y] = [Number(key(a)), Number(key(b))];
      if (Number.isNaN(x) || Number.isNaN(y)) return key(a).localeCompare(key(b), undefined, { numeric: true });
      return x < y ? -1 : x > y ? 1 : 0;
    };
    const rows = [...body.rows];
    const given = rows.filter((row) => key(row) !== "").sort(compare);
    body.append(...(descending ? given.reverse() : given), ...rows.filter((row) => key(row) === ""));
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }));
}
`;
