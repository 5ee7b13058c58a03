// Runs that are stopped, killed or starved of room, and taken up again.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeHalves } from "../src/methods/leakage/halves.testing.ts";
import { contentsOf } from "../src/runs/run-contents.testing.ts";
import { readRunRecord } from "../src/runs/run-record.ts";
import { bin, mountSmall, type StartOptions, start, toyBin } from "./command-line.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fallline-größe-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const toy = (args: readonly string[], options: Partial<StartOptions> = {}) =>
  start(toyBin, args, { cwd: folder, ...options });

/** Waits until the run in `out` has kept a checkpoint after this one. */
async function untilCheckpoint(out: string, number: number): Promise<void> {
  const place = join(out, "checkpoints");
  const last = (): number =>
    existsSync(place) ? Math.max(0, ...readdirSync(place).map((name) => Number.parseInt(name, 10) || 0)) : 0;
  while (last() < number) await sleep(5);
}

const sum = ["toy", "sum", "Zahlen größer.txt", "--seed", "3", "--steps", "60", "--delay", "10"];
/** The files of that run when nothing stops it. */
let undisturbed: Record<string, string> = {};
beforeAll(async () => {
  const place = mkdtempSync(join(tmpdir(), "fallline-whole-"));
  await start(toyBin, [...sum, "--out", "run"], { cwd: place });
  undisturbed = contentsOf(join(place, "run"));
  rmSync(place, { recursive: true });
});

describe("a run that is stopped", () => {
  it("by SIGINT ends with 130, says interrupted, and with --resume ends as if it had not been", async () => {
    const out = join(folder, "läuft");
    const { code, stdout, stderr } = await toy([...sum, "--out", "läuft"], {
      async started(child) {
        await untilCheckpoint(out, 5);
        expect((await readRunRecord(out)).state).toBe("running");
        child.kill("SIGINT");
      },
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toBe("note: Only a toy.\nfallline: interrupted\n");
    expect(await readRunRecord(out)).toMatchObject({ state: "interrupted" });
    expect(readdirSync(out).sort()).toEqual(["checkpoints", "metrics.jsonl", "run.json"]);

    const again = await toy(["toy", "sum", "--resume", "läuft", "--json"]);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain("going on from the last checkpoint");
    expect(JSON.parse(again.stdout)).toMatchObject({
      folder: "läuft",
      seed: 3,
      values: { sum: 30 },
      notes: ["Only a toy."],
    });
    expect(contentsOf(out)).toEqual(undisturbed);
    expect((await readRunRecord(out)).state).toBe("done");
  });

  it("by kill -9, again and again, leaves whole files and ends the same", async () => {
    const out = join(folder, "run");
    for (const [round, checkpoint] of [3, 17, 18, 41].entries()) {
      const { code } = await toy(round === 0 ? [...sum, "--out", "run"] : ["toy", "sum", "--resume", "run"], {
        async started(child) {
          await untilCheckpoint(out, checkpoint);
          child.kill("SIGKILL");
        },
      });
      expect(code).toBeNull();
      expect((await readRunRecord(out)).state).toBe("interrupted");
      const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").split("\n");
      expect(lines.pop()).toBe("");
      for (const line of lines) expect(JSON.parse(line)).toHaveProperty("name", "sum");
    }
    expect(await toy(["toy", "sum", "--resume", "run", "--quiet"])).toEqual({
      code: 0,
      stdout: "The sum is 30 s.\nReport: run/report.html\n",
      stderr: "",
    });
    expect(contentsOf(out)).toEqual(undisturbed);
    expect(readdirSync(out).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("is continued from any folder: its paths are meant from where it began", async () => {
    const out = join(folder, "run");
    await toy([...sum, "--out", "run"], {
      async started(child) {
        await untilCheckpoint(out, 2);
        child.kill("SIGKILL");
      },
    });
    mkdirSync(join(folder, "elsewhere"));
    const { code, stdout } = await toy(["toy", "sum", "--resume", "../run"], {
      cwd: join(folder, "elsewhere"),
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "The sum is 30 s.\nReport: ../run/report.html\n" });
    expect(contentsOf(out)).toEqual(undisturbed);
  });

  it("does not go on while it runs, when it is done, or with other parameters", async () => {
    const out = join(folder, "run");
    const resume = async (...more: string[]) => {
      const { code, stderr } = await toy(["toy", "sum", "--resume", "run", ...more]);
      return `${code} ${stderr}`;
    };
    await toy([...sum, "--out", "run"], {
      async started() {
        await untilCheckpoint(out, 1);
        expect(await resume()).toMatch(
          /^2 fallline: --resume run: process \d+ on .* still works on the run; expected .*\n$/,
        );
      },
    });
    expect(await resume()).toBe(
      "2 fallline: --resume run: the run is done; expected one that was interrupted or failed\n",
    );
    const alone =
      "expected --threads, --json and --quiet alone, as the run goes on with its recorded parameters";
    expect(await resume("--steps", "4")).toBe(
      `2 fallline: --resume run: found --steps beside it; ${alone}\n`,
    );
    expect(await resume("--out", "new")).toBe(`2 fallline: --resume run: found --out beside it; ${alone}\n`);
    expect(await resume("--no-shade")).toContain("found --no-shade beside it");
    expect(await resume("x.txt")).toBe(`2 fallline: --resume run: found "x.txt" beside it; ${alone}\n`);
    expect(contentsOf(out)).toEqual(undisturbed);
  });
});

describe("a leakage attack that is stopped", () => {
  it("ends with --resume in the same image, bit for bit", async () => {
    const picture = fileURLToPath(new URL("../examples/fallline.png", import.meta.url));
    const attack = ["leakage", "attack", picture, "--quiet", "--evaluations", "1500", "--seed", "2"];
    const run = (args: readonly string[], options: Partial<StartOptions> = {}) =>
      start(bin, args, { cwd: folder, ...options });
    const [whole, cut] = await Promise.all([
      run([...attack, "--out", "whole"]),
      run([...attack, "--out", "cut"], {
        async started(child) {
          await untilCheckpoint(join(folder, "cut"), 1);
          child.kill("SIGINT");
        },
      }),
    ]);
    expect([whole.code, cut.code]).toEqual([0, 130]);
    expect((await run(["leakage", "attack", "--resume", "cut", "--quiet"])).code).toBe(0);
    expect(Object.keys(contentsOf(join(folder, "cut")))).toContain("arrays/recovered.npy");
    expect(contentsOf(join(folder, "cut"))).toEqual(contentsOf(join(folder, "whole")));
  });
});

describe("a leakage audit that is stopped", () => {
  it("ends with --resume, whatever the number of processes, in the same files, bit for bit", async () => {
    const data = writeHalves(folder, 500);
    const audit = [
      "leakage",
      "audit",
      data,
      "--defences",
      "noise:gaussian:1e-3",
      "--samples",
      "8",
      "--quiet",
    ];
    const short = ["--seeds", "1", "--evaluations", "300", "--train-steps", "50", "--train-seeds", "2"];
    const run = (args: readonly string[], options: Partial<StartOptions> = {}) =>
      start(bin, args, { cwd: folder, ...options });
    const cut = await run([...audit, ...short, "--out", "cut", "--threads", "1"], {
      async started(child) {
        await untilCheckpoint(join(folder, "cut"), 1);
        child.kill("SIGINT");
      },
    });
    expect(cut.code).toBe(130);
    const [rest, whole] = await Promise.all([
      run(["leakage", "audit", "--resume", "cut", "--quiet", "--threads", "2"]),
      run([...audit, ...short, "--out", "whole", "--threads", "1"]),
    ]);
    expect([rest.code, whole.code]).toEqual([0, 0]);
    expect(Object.keys(contentsOf(join(folder, "cut")))).toContain("figures/trade-off.svg");
    expect(contentsOf(join(folder, "cut"))).toEqual(contentsOf(join(folder, "whole")));
  }, 180_000);
});

describe("two runs at once", () => {
  it("get folders of their own where none is named", async () => {
    const runs = await Promise.all([toy(["toy", "sum", "x"]), toy(["toy", "sum", "x"])]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    const folders = readdirSync(join(folder, "runs"));
    expect(folders).toHaveLength(2);
    for (const run of folders) expect((await readRunRecord(join(folder, "runs", run))).state).toBe("done");
  });

  it("cannot have the same folder", async () => {
    const runs = await Promise.all([1, 2, 3].map(() => toy([...sum, "--out", "run", "--quiet"])));
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 2, 2]);
    for (const { code, stderr } of runs)
      if (code === 2)
        expect(stderr).toBe(
          "fallline: --out run: the folder is not empty; expected a new or an empty folder\n",
        );
    expect(contentsOf(join(folder, "run"))).toEqual(undisturbed);
  });
});

describe("a disk without room", () => {
  it("ends the run with exit code 2, leaves whole files, and --resume goes on once there is room", async (context) => {
    const disk = mountSmall(join(folder, "disk"), "32k");
    if (disk === undefined) return context.skip("a small disk takes the right to mount one");
    try {
      const out = join(folder, "disk", "run");
      const { code, stderr } = await toy(
        [...sum, "--quiet", "--steps", "1000", "--delay", "0"].concat("--out", "disk/run"),
      );
      expect(code).toBe(2);
      expect(stderr).toMatch(/^fallline: disk\/run\/.*no space left on the device.*\n$/);
      const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
      for (const line of lines) expect(JSON.parse(line)).toHaveProperty("name", "sum");
      expect(readdirSync(out).sort()).toEqual(["checkpoints", "metrics.jsonl", "run.json"]);
      expect(readdirSync(join(out, "checkpoints"))).toHaveLength(1);
      expect(statSync(join(out, "run.json")).size).toBeGreaterThan(100);
      disk.remount("size=4m");
      expect((await toy(["toy", "sum", "--resume", "disk/run", "--quiet"])).code).toBe(0);
      await toy([...sum, "--quiet", "--steps", "1000", "--delay", "0", "--out", "whole"]);
      expect(contentsOf(out)).toEqual(contentsOf(join(folder, "whole")));
    } finally {
      disk.unmount();
    }
  });

  it("or that may not be written is told before any work", async (context) => {
    const place = join(folder, "sealed");
    const isRoot = process.getuid?.() === 0;
    const disk = isRoot ? mountSmall(place, "64k") : undefined;
    if (isRoot && disk === undefined) return context.skip("nothing is read-only to root but a mount");
    if (disk === undefined) {
      mkdirSync(place);
      chmodSync(place, 0o555);
    } else disk.remount("ro");
    try {
      const { code, stdout, stderr } = await toy(["toy", "sum", "x", "--out", "sealed/run"]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(
        /^fallline: --out sealed\/run: the folder cannot be made \((the file system is read-only|permission denied)\); expected .*\n$/,
      );
    } finally {
      if (disk === undefined) chmodSync(place, 0o755);
      else disk.unmount();
    }
  });
});
