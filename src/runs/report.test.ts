import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executeCommand } from "./execute.ts";
import { parseParameters } from "./parameters.ts";
import { renderReport } from "./report.ts";
import { readRunRecord } from "./run-record.ts";
import { toy } from "./toy.testing.ts";

let folder = "";
let page = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-report-"));
  const command = toy.commands.sum;
  if (command === undefined) throw new Error("the toy has no command");
  const parameters = parseParameters(command.parameters, { file: "<img src=x>.txt" });
  const out = join(folder, "run");
  await executeCommand({ method: toy, commandName: "sum", parameters, options: { seed: 3, out } });
  page = readFileSync(join(out, "report.html"), "utf8");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the report of a run", () => {
  it("loads nothing from anywhere", () => {
    const { document } = parseHTML(page);
    expect(
      document.querySelectorAll("link, iframe, object, embed, audio, video, base, script[src], image, use"),
    ).toHaveLength(0);
    for (const image of document.querySelectorAll("img"))
      expect(image.getAttribute("src")).toMatch(/^data:image\/png;base64,/);
    for (const anchor of document.querySelectorAll("a"))
      expect(anchor.getAttribute("href")).not.toMatch(/^\w+:|^\//);
    const [style] = document.querySelectorAll("style");
    expect(style?.textContent).not.toMatch(/url\(|@import/);
    expect(page.replaceAll("http://www.w3.org/", "")).not.toMatch(/https?:\/\//);
    expect(document.querySelector("meta[http-equiv]")?.getAttribute("content")).toMatch(
      /^default-src 'none'/,
    );
  });

  it("says what was asked, the answer, the caveats and how to do it again", () => {
    const { document } = parseHTML(page);
    expect(document.querySelector("h1")?.textContent).toBe("Add numbers up");
    expect(document.querySelector(".answer")?.textContent).toBe("The sum is 1.5\u00a0s.");
    expect(document.querySelector(".notes")?.textContent).toContain("Only a toy <b>.");
    expect(document.querySelector("pre")?.textContent).toBe(
      "npx fallline toy sum '<img src=x>.txt' --seed 3",
    );
    const parameters = document.querySelector(".parameters")?.textContent ?? "";
    expect(parameters).toContain("--step-size0.5 sWhat to add");
    expect(document.body.textContent).toContain(
      "A. Author, “On Sums”, Journal of Toys, 2020, arXiv 2001.00001",
    );
    expect(document.body.textContent).toContain(`node ${process.versions.node}`);
    expect(document.querySelectorAll("figure svg")).toHaveLength(1);
    expect(document.querySelectorAll("figure img")).toHaveLength(1);
    expect(document.querySelectorAll("table.sortable tbody tr")).toHaveLength(3);
  });

  it("gives the threads as the most that were used: a command may use fewer", () => {
    const { document } = parseHTML(page);
    expect(document.body.textContent).toMatch(/Seed 3, at most \d+ threads?\. /);
  });

  it("keeps sections whole on paper and their headings with them, and lets what is long break", () => {
    const { document } = parseHTML(page);
    const style = document.querySelector("style")?.textContent ?? "";
    const printed = [...style.matchAll(/@media print\{((?:[^{}]*\{[^{}]*\})*)\}/g)]
      .map(([, rules]) => rules)
      .join("");
    const declared = (selector: string): string[] =>
      [...printed.matchAll(/([^{}]+)\{([^{}]+)\}/g)]
        .filter(([, selectors]) => selectors?.split(",").includes(selector))
        .map(([, , declarations]) => declarations ?? "");
    expect(declared("h2")).toContain("break-after:avoid");
    expect(declared("section")).toContain("break-inside:avoid");
    expect(declared("tr")).toContain("break-inside:avoid");
    expect(declared("figure:has(table)")).toContain("break-inside:auto");
    expect(declared(".notes")).toContain("break-inside:auto");
  });

  it("escapes every text that came from elsewhere", () => {
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("script")).toHaveLength(1);
    expect(document.querySelectorAll("b")).toHaveLength(0);
    expect(page).toContain("A toy &lt;method&gt; &amp; its run");
    expect(page).toContain("&lt;script&gt;&quot;step&quot; 1");
  });

  it("shows the first 200 rows of a table and names the file with the rest", async () => {
    const record = await readRunRecord(join(folder, "run"));
    const rows = Array.from({ length: 201 }, (_, row) => ({ row }));
    const text = renderReport({
      method: toy,
      summary: "Add",
      parameters: [],
      record,
      sections: [{ kind: "table", name: "long", caption: "", rows, path: "tables/long.csv" }],
    });
    const { document } = parseHTML(text);
    expect(document.querySelectorAll("table.sortable tbody tr")).toHaveLength(200);
    expect(document.querySelector(".rest a")?.getAttribute("href")).toBe("tables/long.csv");
  });
});
