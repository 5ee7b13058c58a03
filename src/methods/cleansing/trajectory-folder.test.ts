import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { InputError } from "../../data/input-error.ts";
import { readNpy, toNpy } from "../../data/npy.ts";
import { type NDArray, ndarray } from "../../engine/ndarray.ts";
import { mlp } from "../../models/mlp.ts";
import type { TrainingRecord } from "../../training/record.ts";
import { replay } from "../../training/replay.ts";
import { sgd } from "../../training/sgd.ts";
import { twoClasses } from "../../training/train.testing.ts";
import type { TrainModelOptions } from "../../training/train-options.ts";
import { arraysOf } from "../../training/trees.ts";
import { exportTrajectory } from "./export-trajectory.ts";
import { importTrajectory } from "./import-trajectory.ts";
import { linearInfluence } from "./influence.ts";
import { lossQuery } from "./query.ts";
import { optimizerOfSettings } from "./trajectory-format.ts";
import { recordOf } from "./vectors.testing.ts";

let place = "";
let folder = "";
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "trajectory-"));
  folder = join(place, "given");
});
afterEach(() => rm(place, { recursive: true }));

const model = mlp({ inputShape: [3], classes: 2, widths: [4], activation: "tanh" });

/** Ten rows in batches of 4, 4 and 2. */
function training(dtype: "float32" | "float64", change: Partial<TrainModelOptions> = {}): TrainModelOptions {
  return {
    model,
    data: twoClasses(10, 3, 5, dtype),
    dtype,
    batchSize: 4,
    epochs: 3,
    seed: 3,
    schedule: (step) => 0.3 / (1 + step),
    record: { states: "all" },
    ...change,
  };
}

async function scoresOf(record: TrainingRecord): Promise<Float64Array> {
  const [first] = arraysOf((await replay(record, 0)).parameters);
  const examples = twoClasses(6, 3, 9, first?.dtype === "float64" ? "float64" : "float32");
  const [influence] = await linearInfluence(record, [await lossQuery(record, examples)]);
  return influence?.scores ?? new Float64Array(0);
}

it.each([
  ["float64", { kind: "sgd" }, {}],
  ["float32", { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0.01 }, { rowPenalty: 0.05 }],
  ["float64", { kind: "adam", beta2: 0.99 }, {}],
] as const)("gives the same scores after export and import: %s %o", async (dtype, optimizer, further) => {
  const record = await recordOf(training(dtype, { optimizer: optimizerOfSettings(optimizer), ...further }));
  await exportTrajectory(record, folder, { optimizer, ...further });
  const again = await importTrajectory(folder, { model });
  expect(again.losses).toEqual(record.losses);
  expect(await scoresOf(again)).toEqual(await scoresOf(record));
  const states = await readNpy(join(folder, "states.npy"));
  expect({ shape: states.shape, dtype: states.dtype }).toEqual({ shape: [10, 26], dtype });
  expect(await readdir(place)).toEqual(["given"]);
});

it("computes what a folder leaves out: states after the first, one rate, batches in the description", async () => {
  const record = await recordOf(training("float64", { schedule: 0.2 }));
  await exportTrajectory(record, folder, { states: "first" });
  await editDescription(folder, {
    learningRates: 0.2,
    batches: record.batches.map(({ indices }) => Array.from(indices, Number)),
  });
  expect(await scoresOf(await importTrajectory(folder, { model }))).toEqual(await scoresOf(record));
});

it("reads a file for each state", async () => {
  const record = await recordOf(training("float32"));
  await exportTrajectory(record, folder);
  const states = await readNpy(join(folder, "states.npy"));
  for (let step = 0; step < 10; step++) {
    const data = states.data.slice(step * 26, (step + 1) * 26);
    await put(`state-${step}.npy`, { ...states, shape: [26], data } as NDArray);
  }
  await rm(join(folder, "states.npy"));
  expect(await scoresOf(await importTrajectory(folder, { model }))).toEqual(await scoresOf(record));
  await rm(join(folder, "state-7.npy"));
  await refuses(/state-7\.npy/);
});

it("names the first step that does not lead to the state after it, and what may be wrong", async () => {
  const record = await recordOf(training("float64", { rowPenalty: 0.05, schedule: 0.1 }));
  await exportTrajectory(record, folder, { rowPenalty: 0.05 });
  const states = await readNpy(join(folder, "states.npy"));
  states.data[4 * 26 + 3] = Number(states.data[4 * 26 + 3]) + 1e-4;
  await put("states.npy", states);
  await refuses(/given: step 3 of 9 does not lead to the state after it: the two differ by 0\.0\d+ of/);
  states.data[4 * 26 + 3] = Number.NaN;
  await put("states.npy", states);
  await refuses("the state before step 4 holds NaN at parameter 3; expected finite numbers");

  await rm(folder, { recursive: true });
  await exportTrajectory(record, folder, { rowPenalty: 0.05 });
  await editDescription(folder, { learningRates: 0.025 });
  await refuses(
    /step 0 of 9 .* it is 4\.000 times as long: the learning rate \(0\.025\), or a sum of losses/,
  );
  await editDescription(folder, { learningRates: 0.1, rowPenalty: 0 });
  await refuses(/step 0 of 9 .* the penalty \(rowPenalty, weightDecay\)/);
  await editDescription(folder, { rowPenalty: 0.05 });
  const batches = await readNpy(join(folder, "batches.npy"));
  batches.data.copyWithin(4, 0, 4);
  await put("batches.npy", batches);
  await refuses(/step 1 of 9 .* the batch \(rows \d/);
});

it("refuses in one line files that are missing, of other shapes or not understood", async () => {
  const record = await recordOf(training("float64"));
  await exportTrajectory(record, folder);
  const kept = new Map<string, Buffer>();
  for (const name of await readdir(folder)) kept.set(name, await readFile(join(folder, name)));
  const numbers = (values: readonly number[], shape: readonly number[]): NDArray =>
    ndarray(values, shape, "float64");
  for (const [change, message] of [
    [() => rm(join(folder, "training.json")), /training\.json: the file cannot be read \(ENOENT\)/],
    [() => writeFile(join(folder, "training.json"), "{"), /training\.json: expected JSON/],
    [
      () => editDescription(folder, { optimizer: { kind: "lion" } }),
      'optimizer.kind is "lion"; expected "sgd", "adam" or "adamw"',
    ],
    [
      () => editDescription(folder, { optimizer: { kind: "sgd", nesterov: true } }),
      /training\.json: sgd: nesterov needs/,
    ],
    [() => editDescription(folder, { format: "trajectory 9" }), /training\.json: format:/],
    [() => editDescription(folder, { steps: 8 }), /states\.npy: an array \[10, 26\]; expected \[9, para/],
    [() => editDescription(folder, { learningRates: [0.1] }), "1 learning rates; expected one for each of 9"],
    [() => editDescription(folder, { batches: [[0]] }), "1 batches; expected one for each of 9 steps"],
    [() => rm(join(folder, "x.npy")), /x\.npy/],
    [() => rm(join(folder, "states.npy")), /state-0\.npy/],
    [
      () => put("y.npy", ndarray([0, 1], [2], "int64")),
      /x\.npy is \[10, 3\] and y\.npy \[2\]; expected as many/,
    ],
    [() => put("states.npy", numbers([1, 2], [1, 2])), /has 2 parameters; expected the model's 26/],
    [() => put("x.npy", numbers(Array(30).fill(Number.NaN), [10, 3])), /given: data\.x: row 0 holds NaN/],
    [() => put("y.npy", ndarray(Array(10).fill(7), [10], "int64")), "given: data.y: row 0 is of class 7"],
    [
      () => put("batches.npy", numbers(Array(9).fill(10), [9, 1])),
      "step 0 has row 10; expected rows from 0 to 9",
    ],
  ] as const) {
    await change();
    await refuses(message);
    for (const [name, bytes] of kept) await writeFile(join(folder, name), bytes);
  }
  await importTrajectory(folder, { model });
});

it("exports nothing that the folder cannot say, and only to a place that is free", async () => {
  const clipped = await recordOf(training("float64", { clip: { globalNorm: 1 } }));
  await expect(exportTrajectory(clipped, folder)).rejects.toThrow("the training had clipping");
  const moving = await recordOf(training("float64", { optimizer: sgd({ momentum: 0.9 }) }));
  await expect(exportTrajectory(moving, folder)).rejects.toThrow("the optimizer given is SGD");
  const record = await recordOf(training("float64"));
  await writeFile(join(place, "other"), "");
  await expect(exportTrajectory(record, place)).rejects.toThrow("holds other; expected a new or empty one");
  await expect(exportTrajectory(record, folder, { signal: AbortSignal.abort() })).rejects.toThrow();
  expect(await readdir(place)).toEqual(["other"]);
});

async function put(name: string, array: NDArray): Promise<void> {
  await writeFile(join(folder, name), await toNpy(array));
}

async function editDescription(at: string, change: object): Promise<void> {
  const path = join(at, "training.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));
}

async function refuses(message: string | RegExp): Promise<void> {
  const error: unknown = await importTrajectory(folder, { model }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  expect(String(error)).toMatch(message);
  expect(String(error)).not.toContain("\n");
}
