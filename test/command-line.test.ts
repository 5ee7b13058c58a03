import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { methods } from "../src/methods/index.ts";
import { readRunRecord } from "../src/runs/run-record.ts";
import { bin, type StartOptions, start, toyBin } from "./command-line.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-cli-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const toy = (args: readonly string[], options: Partial<StartOptions> = {}) =>
  start(toyBin, args, { cwd: folder, ...options });

describe("fallline", () => {
  it.each([["--help"], []])("prints its help page and ends with 0: %s", async (...args) => {
    const { code, stdout, stderr } = await start(bin, args, { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: fallline METHOD COMMAND [options]");
    expect(stdout).toContain("list");
  });

  it.each([
    ["help", "Usage: fallline METHOD COMMAND"],
    ["help toy", "Usage: fallline toy COMMAND"],
    ["toy help", "Usage: fallline toy COMMAND"],
    ["toy help sum", "Usage: fallline toy sum FILE"],
    ["help toy sum", "Usage: fallline toy sum FILE"],
    ["help list", "Usage: fallline list"],
    ["toy", "Usage: fallline toy COMMAND"],
  ])("prints the page that `%s` asks for and ends with 0", async (line, usage) => {
    const { code, stdout, stderr } = await toy(line.split(" "));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(usage);
  });

  it.each([
    ["help frob", 'help: expected one of toy, list, schema, docs, runs, show, compare, data, found "frob"'],
    ["help toy frob", 'help: expected one of sum, found "frob"'],
    ["toy help frob", 'help: expected one of sum, found "frob"'],
    ["toy help sum frob", 'help: expected nothing after sum, found "frob"'],
    ["help --frob", "unknown option '--frob'; see --help"],
  ])("refuses `%s` in one line with exit code 2", async (line, message) => {
    expect(await toy(line.split(" "))).toEqual({ code: 2, stdout: "", stderr: `fallline: ${message}\n` });
  });

  it.each([
    [bin, methods],
    [toyBin, []],
  ])("has a help page for everything in it: %s", async (script, listed) => {
    const own = ["list", "data", "schema", "docs", "runs", "show", "compare", "help"].map((name) => [name]);
    const theirs = listed.flatMap(({ name, commands }) => [
      [name],
      ...Object.keys(commands).map((command) => [name, command]),
    ]);
    const toys = script === toyBin ? [["toy"], ["toy", "sum"]] : [];
    for (const words of [...own, ...theirs, ...toys]) {
      const { code, stdout, stderr } = await start(script, [...words, "--help"], { cwd: folder });
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: fallline ${words.join(" ")}`);
      if (words.length === 2) expect(stdout).toContain(`Example:\n  npx fallline ${words.join(" ")}`);
    }
  });

  it("prints its version", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await start(bin, ["--version"], { cwd: folder })).toEqual({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });

  it("lists methods", async () => {
    expect((await start(bin, ["list"], { cwd: folder })).code).toBe(0);
    const { code, stdout } = await toy(["list"]);
    expect(code).toBe(0);
    expect(stdout).toContain("What is the sum of my numbers?");
    expect(stdout).toContain("fallline toy sum: Add numbers up");
    expect(JSON.parse((await toy(["list", "--json"])).stdout)).toMatchObject({
      methods: [{ name: "toy", commands: [{ name: "sum", summary: "Add numbers up" }] }],
    });
  });

  it("says what to do where the package is not built", async () => {
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    copyFileSync(bin, join(folder, "bin", "fallline.js"));
    const { code, stderr } = await start(join(folder, "bin", "fallline.js"), [], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toBe("fallline: dist/cli/main.js is missing; run `npm run build` first\n");
  });
});

describe("a command", () => {
  it("has a help page with units, ranges, defaults and an example", async () => {
    const { code, stdout } = await toy(["toy", "sum", "--help"]);
    expect(code).toBe(0);
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain("Usage: fallline toy sum FILE [options]");
    expect(text).toContain("--step-size N What to add, in s: a number above 0 to 1 (default 0.5)");
    expect(text).toContain("--label N|infer|joint The label (default infer)");
    expect(text).toContain("--no-shade");
    expect(text).toContain("Safety: --keep N Steps between checkpoints");
    expect(text).toContain("--seed N Where all randomness starts: a whole number from 0 (default 0)");
    expect(text).toContain("Example: npx fallline toy sum numbers.txt --steps 3");
  });

  it("prints its answer and where the report is", async () => {
    const { code, stdout, stderr } = await toy(["toy", "sum", "x"]);
    expect(code).toBe(0);
    const [run = ""] = readdirSync(join(folder, "runs"));
    expect(run).toMatch(/^toy-sum-\d{8}-\d{6}$/);
    expect(stdout).toBe(`The sum is 1.5 s.\nReport: runs/${run}/report.html\n`);
    expect(stderr).toBe("note: Only a toy.\n");
  });

  it("prints one JSON object and nothing else with --json, and no notes with --quiet", async () => {
    const { code, stdout, stderr } = await toy(
      "toy sum Übung.txt --json --quiet --seed 3 --label 4 --no-shade --step-size 1e-1 --out läuft".split(
        " ",
      ),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      method: "toy",
      command: "sum",
      seed: 3,
      folder: "läuft",
      values: { parameters: { file: "Übung.txt", label: 4, shade: false, stepSize: 0.1 } },
      notes: ["Only a toy."],
    });
    expect(stdout.trimEnd()).not.toContain("\n");
    expect((await readRunRecord(join(folder, "läuft"))).commandLine).toBe(
      "npx fallline toy sum 'Übung.txt' --step-size 0.1 --label 4 --no-shade --seed 3",
    );
  });

  it.each([
    ["toy sum", "FILE: expected a file of numbers, found nothing"],
    ["toy sum x y", "too many arguments for 'sum'. Expected 1 argument but got 2; see --help"],
    ["toy sum x --steps 0", "--steps: expected a whole number from 1 to 1000, found 0"],
    ["toy sum x --steps 1.5", "--steps: expected a whole number from 1 to 1000, found 1.5"],
    ["toy sum x --steps", "--steps: expected a value (N), found nothing; see --help"],
    ["toy sum x --steps --json", "--steps: expected a whole number from 1 to 1000, found the option --json"],
    ["toy sum x --step 4", "unknown option '--step' (Did you mean --steps?); see --help"],
    [
      "toy sum x --label joke",
      '--label: expected a whole number from 0, or one of infer, joint, found "joke"',
    ],
    ["toy sum x --threads 0", "--threads: expected a whole number from 1 to 1024, found 0"],
    ["toy sum x --seed -1", "--seed: expected a whole number from 0, found -1"],
    ["toy sum x --seed abc", '--seed: expected a whole number from 0, found "abc"'],
    ["toy sum x --seed 0x10", '--seed: expected a whole number from 0, found "0x10"'],
    ["toy sun x", "unknown command 'sun' (Did you mean sum?); see --help"],
    ["tay", "unknown command 'tay' (Did you mean toy?); see --help"],
    ["toy sum x --quiet --fault input", "x: expected numbers, found words"],
  ])("refuses `%s` with one line and exit code 2", async (line, message) => {
    const { code, stdout, stderr } = await toy(line.split(" "));
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `fallline: ${message}\n` });
  });

  it("leaves no folder behind for input that is refused before the work", async () => {
    await toy(["toy", "sum", "x", "--steps", "0"]);
    expect(existsSync(join(folder, "runs"))).toBe(false);
  });

  it.each([
    ["a folder that is taken", "taken", "the folder is not empty"],
    ["a folder below a file", "taken/file/below", "a part of the path is a file"],
  ])("refuses %s with exit code 2", async (_, out, message) => {
    mkdirSync(join(folder, "taken"));
    writeFileSync(join(folder, "taken", "file"), "mine");
    const { code, stderr } = await toy(["toy", "sum", "x", "--out", out]);
    expect(code).toBe(2);
    expect(stderr).toContain(`fallline: --out ${out}: `);
    expect(stderr).toContain(message);
    expect(readdirSync(join(folder, "taken"))).toEqual(["file"]);
  });

  it("owns up to a fault of ours with the stack and exit code 1", async () => {
    const { code, stdout, stderr } = await toy(["toy", "sum", "x", "--fault", "ours", "--out", "run"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("Error: the sum is wrong\n    at ");
    expect(stderr).toContain("this is a bug in fallline");
    expect(await readRunRecord(join(folder, "run"))).toMatchObject({
      state: "failed",
      error: "the sum is wrong",
    });
  });
});

describe("a full disk", () => {
  it.skipIf(!existsSync("/dev/full"))("under stdout is told in one line, with exit code 2", () => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, "list"], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(status).toBe(2);
    expect(stderr).toBe(
      "fallline: stdout: cannot be written (no space left on the device); expected a file or a pipe with room\n",
    );
  });
});
