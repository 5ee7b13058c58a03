import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ExecuteRequest, executeCommand } from "./execute.ts";
import { parseParameters } from "./parameters.ts";
import { processStart } from "./process-life.ts";
import { type ResumeRequest, resumeCommand } from "./resume.ts";
import { contentsOf } from "./run-contents.testing.ts";
import { lockRun } from "./run-lock.ts";
import { readRunRecord, recordName } from "./run-record.ts";
import { toy } from "./toy.testing.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fallline-resume-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function request(name: string, values: Record<string, unknown> = {}): ExecuteRequest {
  const schema = toy.commands.sum?.parameters;
  if (schema === undefined) throw new Error("the toy has no command");
  return {
    method: toy,
    commandName: "sum",
    parameters: parseParameters(schema, { file: "numbers.txt", steps: 30, keep: 4, ...values }),
    options: { seed: 7, threads: 2, out: join(folder, name) },
  };
}

/** A run that is stopped in a step. */
async function interrupt(name: string, step: number, values: Record<string, unknown> = {}): Promise<string> {
  const controller = new AbortController();
  const run = executeCommand({
    ...request(name, values),
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done === step) controller.abort(new Error("stop"));
    },
  });
  await expect(run).rejects.toThrow("stop");
  return join(folder, name);
}

const resume = (path: string, more: Partial<ResumeRequest> = {}) =>
  resumeCommand({ method: toy, commandName: "sum", folder: path, ...more });

/** A report without what differs between two runs of the same. */
function reportOf(path: string): string {
  return readFileSync(join(path, "report.html"), "utf8").replace(/<p class="facts">.*?<\/p>/s, "");
}

describe("a run that is resumed", () => {
  it.each([5, 8, 9, 29])("after step %d ends with the same bits as one that was not", async (step) => {
    const { folder: whole } = await executeCommand(request("whole"));
    const path = await interrupt("cut", step);
    expect(readdirSync(join(path, "checkpoints"))).toHaveLength(1);
    const remarks: string[] = [];
    const { result, notes } = await resume(path, { onRemark: (text) => remarks.push(text) });
    expect(remarks).toEqual(["going on from the last checkpoint"]);
    expect(result.answer).toBe("The sum is 15 s.");
    expect(notes).toEqual(["Only a toy <b>."]);
    expect(contentsOf(path)).toEqual(contentsOf(whole));
    expect(reportOf(path)).toBe(reportOf(whole));
    expect(await readRunRecord(path)).toMatchObject({
      state: "done",
      items: (await readRunRecord(whole)).items,
      resumedAt: [expect.any(String)],
    });
  });

  it("goes on more than once, and after a failure", async () => {
    const { folder: whole } = await executeCommand(request("whole"));
    const path = await interrupt("cut", 6);
    const controller = new AbortController();
    const second = resume(path, {
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 19) controller.abort(new Error("again"));
      },
    });
    await expect(second).rejects.toThrow("again");
    const record = await readRunRecord(path);
    writeFileSync(join(path, recordName), JSON.stringify({ ...record, state: "failed", error: "disk" }));
    await resume(path);
    expect(contentsOf(path)).toEqual(contentsOf(whole));
    const ended = await readRunRecord(path);
    expect(ended.resumedAt).toHaveLength(2);
    expect(ended.error).toBeUndefined();
  });

  it("begins anew where no checkpoint was written", async () => {
    const { folder: whole } = await executeCommand(request("whole", { keep: 0 }));
    const path = await interrupt("cut", 6, { keep: 0 });
    const remarks: string[] = [];
    await resume(path, { onRemark: (text) => remarks.push(text) });
    expect(remarks).toEqual(["no checkpoint was written; the run begins anew"]);
    expect(contentsOf(path)).toEqual(contentsOf(whole));
  });

  it("passes over a torn checkpoint and what a kill left lying about", async () => {
    const { folder: whole } = await executeCommand(request("whole"));
    const path = await interrupt("cut", 13);
    const [name = ""] = readdirSync(join(path, "checkpoints"));
    const bytes = readFileSync(join(path, "checkpoints", name));
    writeFileSync(join(path, "checkpoints", "000099.checkpoint"), bytes.subarray(0, bytes.length - 1));
    writeFileSync(join(path, ".report.html.1-1.part"), "half a rep");
    mkdirSync(join(path, "tables"));
    writeFileSync(join(path, "tables", ".sums.csv.1-1.part"), "st");
    await resume(path);
    expect(contentsOf(path)).toEqual(contentsOf(whole));
  });

  it("takes another number of threads", async () => {
    const path = await interrupt("cut", 13);
    await resume(path, { threads: 5 });
    expect(await readRunRecord(path)).toMatchObject({ threads: 5, seed: 7, state: "done" });
  });
});

describe("a run that cannot be resumed", () => {
  async function change(path: string, changes: Record<string, unknown>): Promise<void> {
    const record = JSON.parse(readFileSync(join(path, recordName), "utf8")) as Record<string, unknown>;
    writeFileSync(join(path, recordName), JSON.stringify({ ...record, ...changes }));
  }

  it("says that it is done", async () => {
    const { folder: path } = await executeCommand(request("done"));
    await expect(resume(path)).rejects.toThrow(
      `--resume ${path}: the run is done; expected one that was interrupted or failed`,
    );
    expect(existsSync(join(path, ".lock-1"))).toBe(false);
  });

  it("is one whose process is there, but not one whose number another process has now", async () => {
    const path = await interrupt("cut", 5);
    const alive = { state: "running", processId: process.pid, processStart: processStart(process.pid) };
    await change(path, alive);
    await expect(resume(path)).rejects.toThrow(
      `process ${process.pid} on ${hostname()} still works on the run`,
    );
    if (alive.processStart === undefined) return;
    await change(path, { ...alive, processStart: "another moment" });
    expect((await readRunRecord(path)).state).toBe("interrupted");
    await resume(path);
  });

  it("is one of another host that touched its record lately", async () => {
    const path = await interrupt("cut", 5);
    const { machine } = await readRunRecord(path);
    await change(path, { state: "running", machine: { ...machine, host: "elsewhere" } });
    await expect(resume(path)).rejects.toThrow("on elsewhere still works on the run");
  });

  it("is no run, of another command or of another version", async () => {
    await expect(resume(folder)).rejects.toThrow("expected the folder of a run");
    const path = await interrupt("cut", 5);
    const { versions } = await readRunRecord(path);
    await change(path, { command: "product" });
    await expect(resume(path)).rejects.toThrow("a run of toy product; expected a run of toy sum");
    await change(path, { command: "sum", versions: { ...versions, fallline: "0.0.1" } });
    await expect(resume(path)).rejects.toThrow("begun with fallline 0.0.1");
  });

  it("is taken up by one of several that try at once", async () => {
    const path = await interrupt("cut", 5, { delay: 2 });
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => resume(path)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
    expect(readdirSync(path).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("lockRun", () => {
  it("passes over the locks of processes that are gone, and leaves none behind", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid;
    writeFileSync(join(folder, ".lock-1"), JSON.stringify({ processId: gone, host: hostname() }));
    const lock = await lockRun(folder);
    expect(readdirSync(folder).sort()).toEqual([".lock-1", ".lock-2"]);
    await expect(lockRun(folder)).rejects.toThrow("has it");
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("names the lock of another host, which only the user can judge", async () => {
    writeFileSync(join(folder, ".lock-1"), JSON.stringify({ processId: 1, host: "elsewhere" }));
    await expect(lockRun(folder)).rejects.toThrow(join(folder, ".lock-1"));
  });
});
