import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparisonOf, flatten, lastMeasurements } from "./comparison.ts";
import { executeCommand } from "./execute.ts";
import { parseParameters } from "./parameters.ts";
import { listRuns } from "./run-list.ts";
import { readRunRecord } from "./run-record.ts";
import { toy } from "./toy.testing.ts";

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fallline-list-"));
  const schema = toy.commands.sum?.parameters;
  if (schema === undefined) throw new Error("the toy has no command");
  for (const [name, steps] of [
    ["b", 3],
    ["a", 5],
  ] as const) {
    const parameters = parseParameters(schema, { file: "x", steps });
    const options = { seed: 1, threads: 1, out: join(folder, name) };
    await executeCommand({ method: toy, commandName: "sum", parameters, options });
  }
  mkdirSync(join(folder, "no run"));
  mkdirSync(join(folder, "broken"));
  writeFileSync(join(folder, "broken", "run.json"), '{"format": 1');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("listRuns", () => {
  it("gives runs as they began, then what is broken, and leaves out what is none", async () => {
    const runs = await listRuns(folder);
    expect(runs.map((run) => run.folder.slice(folder.length + 1))).toEqual(["b", "a", "broken"]);
    expect(runs[0]).toMatchObject({ record: { state: "done", answer: "The sum is 1.5 s." } });
    expect(runs[2]).toMatchObject({ problem: expect.stringContaining("not the record of a run") });
  });

  it("gives the run of a run's folder, and refuses what is no folder", async () => {
    expect(await listRuns(join(folder, "a"))).toHaveLength(1);
    await expect(listRuns(join(folder, "nowhere"))).rejects.toThrow("there is no such folder");
  });
});

describe("comparisonOf", () => {
  it("puts what differs first, and compares last measurements", async () => {
    const runs = await Promise.all(
      ["a", "b"].map(async (name) => ({
        record: await readRunRecord(join(folder, name)),
        metrics: await lastMeasurements(join(folder, name)),
      })),
    );
    const rows = comparisonOf(runs);
    expect(rows.filter(({ differs }) => differs)).toEqual([
      { kind: "parameter", name: "steps", values: [5, 3], differs: true },
      { kind: "value", name: "sum", values: [2.5, 1.5], differs: true },
      { kind: "metric", name: "sum", values: [2.5, 1.5], differs: true },
    ]);
    expect(rows.findIndex(({ differs }) => !differs)).toBe(3);
    expect(rows).toContainEqual({ kind: "parameter", name: "seed", values: [1, 1], differs: false });
    expect(rows).toContainEqual({
      kind: "value",
      name: "bound",
      values: ["Infinity", "Infinity"],
      differs: false,
    });
  });

  it("leaves a gap where a run has no such value", () => {
    const [run] = [{ record: { parameters: { a: 1 }, seed: 0, threads: 1 }, metrics: {} }];
    const other = { ...run, metrics: { loss: { step: 3, value: "NaN" } } };
    const rows = comparisonOf([run, other] as unknown as Parameters<typeof comparisonOf>[0]);
    expect(rows[0]).toEqual({ kind: "metric", name: "loss", values: [undefined, "NaN"], differs: true });
  });

  it("passes over a torn line and a run without metrics", async () => {
    writeFileSync(
      join(folder, "broken", "metrics.jsonl"),
      '{"name":"a","step":1,"value":2}\n{"name":"a","st',
    );
    expect(await lastMeasurements(join(folder, "broken"))).toEqual({ a: { step: 1, value: 2 } });
    expect(await lastMeasurements(join(folder, "no run"))).toEqual({});
  });
});

describe("flatten", () => {
  it("names nested values by their path and keeps lists whole", () => {
    expect([...flatten({ a: { b: 1, c: { d: null } }, e: [1, { f: 2 }] })]).toEqual([
      ["a.b", 1],
      ["a.c.d", null],
      ["e", [1, { f: 2 }]],
    ]);
  });
});
