import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseNpy } from "numpy-ts";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { InputError } from "../data/input-error.ts";
import { randomStream } from "../numeric/random.ts";
import { type ExecuteRequest, executeCommand } from "./execute.ts";
import { command, defineMethod } from "./method.ts";
import { parseParameters } from "./parameters.ts";
import type { Run } from "./run.ts";
import { runOptions } from "./run-options.ts";
import { readRunRecord, recordName } from "./run-record.ts";
import { toy } from "./toy.testing.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const schema = toy.commands.sum?.parameters;

function request(
  parameters: Record<string, unknown> = {},
  more: Partial<Omit<ExecuteRequest, "options">> & { out?: string } = {},
): ExecuteRequest {
  if (schema === undefined) throw new Error("the toy has no command");
  const { out = join(folder, "run"), ...rest } = more;
  return {
    method: toy,
    commandName: "sum",
    parameters: parseParameters(schema, { file: "numbers.txt", ...parameters }),
    options: runOptions.parse({ seed: 7, threads: 2, out }),
    ...rest,
  };
}

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

describe("a run that is done", () => {
  it("has the random stream of its seed", async () => {
    const sum = toy.commands.sum;
    if (sum === undefined) throw new Error("the toy has no command");
    const draws: (number | undefined)[] = [];
    const drawing = {
      ...sum,
      async run(_: unknown, { rng }: Run) {
        draws.push(rng.uniform(1)[0], rng.spawn(1)[0]?.uniform(1)[0]);
        return { answer: "Drawn.", values: {} };
      },
    };
    await executeCommand(request({}, { method: { ...toy, commands: { sum: drawing } } }));
    const same = randomStream(7);
    expect(draws).toEqual([same.uniform(1)[0], same.spawn(1)[0]?.uniform(1)[0]]);
  });

  it("leaves the whole folder and nothing else", async () => {
    const done = await executeCommand(request());
    expect(done.result.answer).toBe("The sum is 1.5 s.");
    expect(done.notes).toEqual(["Only a toy <b>."]);
    expect(filesIn(done.folder)).toEqual([
      "arrays/pixels.npy",
      "artifacts/notes.txt",
      "figures/sums.svg",
      "images/pixels.png",
      "metrics.jsonl",
      "report.html",
      "run.json",
      "tables/sums.csv",
    ]);
  });

  it("records what was asked, what came out and on what", async () => {
    const { folder: path } = await executeCommand(request({ stepSize: 0.25 }));
    const record = await readRunRecord(path);
    expect(record).toMatchObject({
      method: "toy",
      command: "sum",
      state: "done",
      seed: 7,
      threads: 2,
      parameters: { file: "numbers.txt", steps: 3, stepSize: 0.25 },
      commandLine: "npx fallline toy sum numbers.txt --step-size 0.25 --seed 7 --threads 2",
      processId: process.pid,
      answer: "The sum is 0.75 s.",
      values: { sum: 0.75, bound: "Infinity" },
      notes: ["Only a toy <b>."],
    });
    expect(record.versions.node).toBe(process.versions.node);
    expect(record.seconds).toBeGreaterThan(0);
    expect(Date.parse(record.endedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(record.startedAt));
    expect(record.items.map((item) => item.path).every((item) => existsSync(join(path, item)))).toBe(true);
  });

  it("writes files that others read", async () => {
    const { folder: path } = await executeCommand(request());
    const lines = readFileSync(join(path, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      [1, 2, 3].map((step) => ({ name: "sum", step, value: step * 0.5 })),
    );
    expect(readFileSync(join(path, "tables/sums.csv"), "utf8").split("\n")[1]).toBe(
      '1,0.5,"<script>""step"" 1"',
    );
    expect(parseNpy(readFileSync(join(path, "arrays/pixels.npy"))).shape).toEqual([1, 1, 2]);
    expect(await sharp(join(path, "images/pixels.png")).metadata()).toMatchObject({ width: 4, height: 2 });
    expect(await sharp(join(path, "figures/sums.svg")).metadata()).toMatchObject({
      format: "svg",
      width: 640,
    });
  });

  it("tells of progress and notes as they come", async () => {
    const heard: string[] = [];
    await executeCommand(
      request(
        {},
        {
          onProgress: ({ done, total, label }) => heard.push(`${done}/${total} ${label}`),
          onNote: (note) => heard.push(note),
        },
      ),
    );
    expect(heard).toEqual(["1/3 sum 0.5", "2/3 sum 1", "3/3 sum 1.5", "Only a toy <b>."]);
  });
});

describe("a run that ends otherwise", () => {
  it("is recorded as running while it runs and as interrupted after an interruption", async () => {
    const controller = new AbortController();
    const states: string[] = [];
    const run = executeCommand(
      request(
        { delay: 1, steps: 50 },
        {
          signal: controller.signal,
          onProgress: ({ done }) => {
            states.push(
              (JSON.parse(readFileSync(join(folder, "run", recordName), "utf8")) as { state: string }).state,
            );
            if (done === 2) controller.abort(new Error("stop"));
          },
        },
      ),
    );
    await expect(run).rejects.toThrow("stop");
    expect(states).toEqual(["running", "running"]);
    expect(await readRunRecord(join(folder, "run"))).toMatchObject({ state: "interrupted" });
    expect(filesIn(join(folder, "run"))).toEqual(["metrics.jsonl", "run.json"]);
  });

  it("is recorded as failed with the error", async () => {
    await expect(executeCommand(request({ fault: "ours" }))).rejects.toThrow("the sum is wrong");
    const record = await readRunRecord(join(folder, "run"));
    expect(record).toMatchObject({ state: "failed", error: "the sum is wrong" });
    expect(record.answer).toBeUndefined();
    expect(existsSync(join(folder, "run", "report.html"))).toBe(false);
  });

  it("shows as interrupted when its process is gone", async () => {
    await expect(executeCommand(request({ fault: "ours" }))).rejects.toThrow();
    const path = join(folder, "run", recordName);
    const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    await writeFile(path, JSON.stringify({ ...record, state: "running", processId: gone }));
    expect((await readRunRecord(join(folder, "run"))).state).toBe("interrupted");
    await writeFile(path, JSON.stringify({ ...record, state: "running" }));
    expect((await readRunRecord(join(folder, "run"))).state).toBe("running");
  });
});

describe("input that the command refuses", () => {
  it("leaves nothing behind where nothing was written, not even the folders around the run", async () => {
    const out = join(folder, "new", "run");
    await expect(executeCommand(request({ fault: "early input" }, { out }))).rejects.toThrow(InputError);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves a folder that was there before empty, and ready for the next try", async () => {
    const out = join(folder, "mine");
    await mkdir(out);
    await expect(executeCommand(request({ fault: "early input" }, { out }))).rejects.toThrow(InputError);
    expect(readdirSync(out)).toEqual([]);
    expect((await executeCommand(request({}, { out }))).folder).toBe(out);
  });

  it("is recorded as failed once something was measured", async () => {
    await expect(executeCommand(request({ fault: "input" }))).rejects.toThrow(InputError);
    expect(await readRunRecord(join(folder, "run"))).toMatchObject({ state: "failed" });
  });
});

describe("a run whose checkpoint cannot be written", () => {
  it("keeps its folder and says why it failed", async () => {
    const keeping = defineMethod({
      ...toy,
      commands: {
        keep: command({
          summary: "Keep a state",
          example: "",
          parameters: z.object({}),
          async run(_, run) {
            // A file in the place of their folder.
            await writeFile(join(run.folder, "checkpoints"), "");
            await run.checkpoint({ step: 1 });
            return { answer: "It was kept.", values: {} };
          },
        }),
      },
    });
    const out = join(folder, "run");
    const run = executeCommand({
      ...request({}, { out }),
      method: keeping,
      commandName: "keep",
      parameters: {},
    });
    await expect(run).rejects.toThrow(
      "checkpoints: the folder cannot be made (there is a file of that name)",
    );
    expect(await readRunRecord(out)).toMatchObject({ state: "failed" });
  });
});

describe("the folder of a run", () => {
  it("may be there when it is empty, and is refused when it is not", async () => {
    const out = join(folder, "mine");
    await mkdir(out);
    await executeCommand(request({}, { out }));
    const before = readFileSync(join(out, recordName), "utf8");
    const again = executeCommand(request({}, { out }));
    await expect(again).rejects.toThrow(InputError);
    await expect(again).rejects.toThrow(
      `--out ${out}: the folder is not empty; expected a new or an empty folder`,
    );
    expect(readFileSync(join(out, recordName), "utf8")).toBe(before);
  });

  it("is never shared by two runs that ask for it at once", async () => {
    const runs = Array.from({ length: 8 }, () => executeCommand(request({ delay: 5 })));
    const outcomes = await Promise.allSettled(runs);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(InputError);
  });

  it("gets a number where two default names meet", async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const options = runOptions.parse({});
      const runs = await Promise.all([1, 2, 3].map(() => executeCommand({ ...request(), options })));
      const folders = runs.map((run) => run.folder);
      expect(new Set(folders).size).toBe(3);
      for (const path of folders) expect(path).toMatch(/^runs\/toy-sum-\d{8}-\d{6}(-\d)?$/);
    } finally {
      process.chdir(before);
    }
  });

  it.each(["file/below", "file"])("is an input error where it cannot be made: %s", async (name) => {
    await writeFile(join(folder, "file"), "text");
    const run = executeCommand(request({}, { out: join(folder, name) }));
    await expect(run).rejects.toThrow(InputError);
    await expect(run).rejects.toThrow("the folder cannot be made");
  });
});
