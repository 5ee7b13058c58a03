// Parameters from files, what is known of commands, and what is told of runs.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, start, toyBin } from "./command-line.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fallline-workbench-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const toy = (...args: readonly string[]) => start(toyBin, args, { cwd: folder });

describe("--config", () => {
  it("gives parameters and common options; what is typed wins", async () => {
    writeFileSync(
      join(folder, "größe.yaml"),
      "file: Zahlen.txt\nsteps: 4\nstep-size: 0.25\nshade: false\nlabel: 7\nseed: 9\nout: from-file\n",
    );
    const { code, stdout } = await toy("toy", "sum", "--config", "größe.yaml", "--steps", "6", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      seed: 9,
      folder: "from-file",
      values: { parameters: { file: "Zahlen.txt", steps: 6, stepSize: 0.25, shade: false, label: 7 } },
    });
    const record = JSON.parse(readFileSync(join(folder, "from-file/run.json"), "utf8")) as {
      commandLine: string;
    };
    expect(record.commandLine).toBe(
      "npx fallline toy sum Zahlen.txt --steps 6 --step-size 0.25 --label 7 --no-shade --seed 9",
    );
  });

  it.each([
    [
      '{"stepz": 4}',
      /^fallline: --config c\.json: there is no parameter "stepz"; expected some of file, steps, /,
    ],
    ['{"json": true}', /there is no parameter "json"/],
    [
      '{"steps": "4"}',
      /^fallline: --config c\.json, steps: expected a whole number from 1 to 1000, found "4"\n$/,
    ],
    ['{"file": 3}', /^fallline: --config c\.json, file: expected a file of numbers, found 3\n$/],
    [
      '{"threads": 0}',
      /^fallline: --config c\.json, threads: expected a whole number from 1 to 1024, found 0\n$/,
    ],
    ['{"steps": 4', /^fallline: --config c\.json: not JSON \(.*\)\n$/],
  ])("is refused in one line: %s", async (text, message) => {
    writeFileSync(join(folder, "c.json"), text);
    const typed = text.includes("file") ? [] : ["x"];
    const { code, stdout, stderr } = await toy("toy", "sum", ...typed, "--config", "c.json");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

describe("what is known of a command", () => {
  it("is printed as JSON Schema", async () => {
    const { code, stdout, stderr } = await start(bin, ["schema", "leakage", "attack"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const schema = JSON.parse(stdout) as { properties: Record<string, { description?: string }> };
    expect(Object.keys(schema.properties)).toContain("evaluations");
    for (const [name, { description }] of Object.entries(schema.properties))
      expect(description, name).toMatch(/\w/);
  });

  it("is printed as a page of Markdown", async () => {
    const { code, stdout } = await start(bin, ["docs", "leakage"], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# fallline leakage: Deep leakage from gradients\n/);
    for (const option of ["seed", "out", "config", "resume", "json", "quiet"])
      expect(stdout).toContain(`| \`--${option}\` |`);
    const asJson = await start(bin, ["docs", "leakage", "--json"], { cwd: folder });
    expect(JSON.parse(asJson.stdout)).toEqual({ method: "leakage", markdown: stdout });
  });

  it.each([
    [["schema", "toy"], "COMMAND: expected one of sum, found nothing"],
    [["schema", "toy", "constructor"], 'COMMAND: expected one of sum, found "constructor"'],
    [["schema", "tay", "sum"], 'METHOD: expected one of toy, found "tay"'],
    [["docs"], "METHOD: expected one of toy, found nothing"],
  ])("%j is refused in one line", async (args, message) => {
    expect(await toy(...args)).toEqual({ code: 2, stdout: "", stderr: `fallline: ${message}\n` });
  });
});

describe("what is told of runs", () => {
  beforeAll(async () => {
    await toy("toy", "sum", "x", "--out", "runs/first", "--png");
    await toy("toy", "sum", "x", "--steps", "5", "--out", "runs/second");
    await toy("toy", "sum", "x", "--fault", "ours", "--out", "runs/third");
    mkdirSync(join(folder, "runs/broken"));
    writeFileSync(join(folder, "runs/broken/run.json"), "{");
  });

  it("lists them, the broken one too", async () => {
    const { code, stdout, stderr } = await toy("runs");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["run", "state", "command"],
      ["runs/first", "done", "toy sum"],
      ["runs/second", "done", "toy sum"],
      ["runs/third", "failed", "toy sum"],
      ["runs/broken", "broken", expect.stringContaining("run.json: not the record of a run") as string],
    ]);
    expect(lines[1]).toContain("The sum is 1.5 s.");
    const { runs } = JSON.parse((await toy("runs", "runs", "--json")).stdout) as { runs: object[] };
    expect(runs.map((run) => Object.keys(run))).toEqual([
      ["folder", "record"],
      ["folder", "record"],
      ["folder", "record"],
      ["folder", "problem"],
    ]);
  });

  it("shows one", async () => {
    const { code, stdout } = await toy("show", "first");
    expect(code).toBe(0);
    expect(stdout).toContain("toy sum: done, begun ");
    expect(stdout).toContain("\nThe sum is 1.5 s.\n");
    expect(stdout).toMatch(/\nValues\n {2}sum +1\.5\n/);
    expect(stdout).toContain("\nWhat to keep in mind\n  Only a toy.\n");
    expect(stdout).toMatch(/\nFiles in runs\/first\n {2}report\.html /);
    expect(JSON.parse((await toy("show", "runs/first", "--json")).stdout)).toMatchObject({
      folder: "runs/first",
      state: "done",
      values: { sum: 1.5 },
    });
    const failed = (await toy("show", "third")).stdout;
    expect(failed).toContain("It failed: the sum is wrong");
    expect(failed).toContain("To go on: npx fallline toy sum --resume runs/third");
  });

  it("compares several, what differs first", async () => {
    const { stdout } = await toy("compare", "first", "second");
    const lines = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    const differs = lines.findIndex(([title]) => title === "differs");
    const same = lines.findIndex(([title]) => title === "same");
    expect(lines.slice(differs + 1, same - 1)).toEqual(
      expect.arrayContaining([
        ["parameter", "steps", "3", "5"],
        ["value", "sum", "1.5", "2.5"],
        ["metric", "sum", "1.5", "2.5"],
      ]),
    );
    expect(lines.slice(same)).toContainEqual(["parameter", "stepSize", "0.5", "0.5"]);
    const { rows } = JSON.parse((await toy("compare", "first", "second", "third", "--json")).stdout) as {
      rows: { kind: string; name: string; values: unknown[] }[];
    };
    expect(rows).toContainEqual({ kind: "value", name: "sum", values: [1.5, 2.5, null], differs: true });
  });

  it.each([
    [["show"], "RUN: expected the folder of a run, found nothing"],
    [["show", "fifth"], "fifth: there is no run.json in it nor in runs/fifth; expected a run"],
    [["compare", "first"], "RUN...: expected two runs or more, found one"],
    [["runs", "nowhere"], "nowhere: there is no such folder; expected a folder of runs"],
  ])("%j is refused in one line", async (args, message) => {
    expect(await toy(...args)).toEqual({ code: 2, stdout: "", stderr: `fallline: ${message}\n` });
  });

  it("includes figures as PNG where asked", async () => {
    const png = await sharp(join(folder, "runs/first/figures/draws.png")).metadata();
    expect(png).toMatchObject({ format: "png", width: 1280, height: 640 });
    expect(existsSync(join(folder, "runs/second/figures/draws.svg"))).toBe(true);
    expect(existsSync(join(folder, "runs/second/figures/draws.png"))).toBe(false);
    expect(readFileSync(join(folder, "runs/first/run.json"), "utf8")).toContain("--png");
  });
});
