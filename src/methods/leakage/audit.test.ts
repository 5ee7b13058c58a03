import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import { randomStream } from "../../numeric/random.ts";
import { wilsonInterval } from "../../numeric/statistics/proportion.ts";
import { executeCommand } from "../../runs/execute.ts";
import { parseParameters } from "../../runs/parameters.ts";
import { attacksToHold, auditDefences, conclusionOf, holdsBelow } from "./audit.ts";
import { writeHalves } from "./halves.testing.ts";
import { defineLeakage } from "./method.ts";

const example = fileURLToPath(new URL("../../../examples/fallline.png", import.meta.url));
const images = ndarray(randomStream(2).uniform(64), [1, 1, 8, 8], "float64");
const tiny = { images, classes: 4, evaluations: 300, dtype: "float64" as const };

describe("auditDefences", () => {
  it("tells a bare gradient from one drowned in noise, with the intervals of the counts", async () => {
    const seen: number[] = [];
    const { defences, holds } = await auditDefences({
      ...tiny,
      defences: ["none", "noise:gaussian:10"],
      seeds: 2,
      stream: randomStream(1),
      onProgress: (done) => seen.push(done),
    });
    const [bare, noisy] = defences;
    expect(bare).toMatchObject({ attacks: 2, distortion: 0, recovered: { count: 2, rate: 1 } });
    expect(bare?.labels.count).toBe(2);
    expect(noisy).toMatchObject({ recovered: { count: 0, ...wilsonInterval(0, 2) } });
    expect(noisy?.distortion).toBeGreaterThan(0.9);
    expect(bare?.medianPsnr.estimate).toBeGreaterThan(noisy?.medianPsnr.high ?? Infinity);
    expect(holds).toBeUndefined();
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("attacks the same network from the same start whatever the other defences", async () => {
    const alone = await auditDefences({ ...tiny, defences: ["prune:0.3"], stream: randomStream(1) });
    const beside = await auditDefences({ ...tiny, defences: ["fp16", "prune:0.3"], stream: randomStream(1) });
    expect(beside.defences[1]?.outcomes).toEqual(alone.defences[0]?.outcomes);
    expect(alone.defences[0]?.attacker).toContain("matches the gradient, where it was sent");
  });

  it("says how many failures in a row its criterion needs", () => {
    expect(wilsonInterval(0, attacksToHold).high).toBeLessThan(holdsBelow);
    expect(wilsonInterval(0, attacksToHold - 1).high).toBeGreaterThanOrEqual(holdsBelow);
  });

  it.each([
    [{ defences: ["blur"] }, 'defence "blur" is not one of none'],
    [{ defences: ["batch:2"] }, "batch and local-steps mix several"],
    [{ defences: [] }, "at least one is needed"],
    [{ seeds: 0 }, "seeds 0 is not a positive integer"],
    [{ labels: [0, 1] }, "2 labels for 1 images"],
    [{ images: ndarray(new Float64Array(70), [1, 1, 7, 10], "float64") }, "side a multiple of 4"],
  ])("refuses %o", async (wrong, message) => {
    const asked = { ...tiny, defences: ["none"], ...wrong, stream: randomStream(1) };
    await expect(auditDefences(asked)).rejects.toThrow(message);
  });

  it("stops when it is aborted", async () => {
    const controller = new AbortController();
    const audit = auditDefences({
      ...tiny,
      defences: ["none", "fp16"],
      stream: randomStream(1),
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("enough")),
    });
    await expect(audit).rejects.toThrow("enough");
  });
});

describe("conclusionOf", () => {
  const rate = (count: number) => ({ count, rate: count / 40, ...wilsonInterval(count, 40) });
  const measured = (defence: string, recovered: number, recognisable: number, distortion: number) => ({
    defence,
    recovered: rate(recovered),
    recognisable: rate(recognisable),
    distortion,
  });
  const named = (defences: Parameters<typeof conclusionOf>[0]) => {
    const { holds, hides } = conclusionOf(defences);
    return [holds?.defence, hides?.defence];
  };
  const strong = [
    measured("much noise", 0, 0, 0.9),
    measured("noise", 0, 0, 0.5),
    measured("little", 0, 30, 0.1),
  ];

  it("names the defences that turn the gradient least of those that hold, and of those that hide", () => {
    expect(named([measured("none", 40, 40, 0), ...strong])).toEqual(["little", "noise"]);
    expect(named(strong)).toEqual(["little", "noise"]);
    expect(named([measured("none", 40, 40, 0), measured("fp16", 39, 40, 0.01)])).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("concludes nothing where the attack fails without a defence", () => {
    expect(named([measured("none", 19, 40, 0), ...strong])).toEqual([undefined, undefined]);
    expect(named([measured("none", 20, 40, 0), ...strong])).toEqual(["little", "noise"]);
  });
});

describe("leakage audit", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fallline-audit-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const notAsked = () => {
    throw new Error("not asked");
  };
  async function audit(values: Record<string, unknown>) {
    const method = defineLeakage(notAsked, { attackText: notAsked, loadModels: notAsked });
    const command = method.commands.audit;
    if (command === undefined) throw new Error("there is no audit");
    return executeCommand({
      method,
      commandName: "audit",
      parameters: parseParameters(command.parameters, { data: example, samples: 1, seeds: 1, ...values }),
      options: { seed: 5, threads: 1, out: join(folder, "run") },
    });
  }

  it("writes table, figure and an answer that does not claim more than so few attacks can say", async () => {
    const { result } = await audit({ defences: "none;prune:0.3", evaluations: 20 });
    expect(result.answer).toContain("Undecided which defence holds: 1 attacks");
    const record = JSON.parse(readFileSync(join(folder, "run", "run.json"), "utf8"));
    const paths = record.items.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(["tables/defences.csv", "figures/recovery.svg"]);
    expect(record.notes.join()).toContain(
      "cost in accuracy of training under a defence is not measured: DATA says no classes",
    );
  });

  it("trains under each defence where the data allow it, and shows recovery against accuracy", async () => {
    const { result } = await audit({
      data: writeHalves(folder, 500),
      defences: "noise:gaussian:1;soteria:0.5",
      evaluations: 5,
      trainSteps: 3,
      trainSeeds: 2,
    });
    const record = JSON.parse(readFileSync(join(folder, "run", "run.json"), "utf8"));
    expect(record.items.map(({ path }: { path: string }) => path)).toEqual([
      "tables/defences.csv",
      "figures/trade-off.svg",
      "figures/trade-off-rate.svg",
      "figures/recovery.svg",
    ]);
    const { defences } = result.values as { defences: Record<string, number>[] };
    const [bare, noisy, hidden] = defences;
    expect(bare).toMatchObject({ "accuracy lost": 0 });
    for (const row of [bare, noisy]) {
      expect(row?.["accuracy low"]).toBeLessThanOrEqual(row?.accuracy ?? Number.NaN);
      expect(row?.["learning rate"]).toBeGreaterThan(0);
    }
    expect(hidden).not.toHaveProperty("accuracy");
    const notes = record.notes.join();
    expect(notes).toContain("trained on 375 images for 3 steps of Adam");
    expect(notes).toContain("Accuracy under soteria:0.5 is not measured");
    expect(notes).toContain("DATA holds 500 images, fewer than the 12,000 of --train-images");
  });

  it.each([
    [{ defences: "none;blur:3" }, '--defences: defence "blur:3" is not one of none'],
    [{ defences: "batch:8" }, "--defences: defence"],
    [{ data: "nowhere" }, "nowhere: there is no such file or folder"],
    [{ samples: 2 }, "items 0 to 1 were asked for, it holds 1"],
  ])("refuses %o", async (values, message) => {
    await expect(audit(values)).rejects.toThrow(message);
  });
});
