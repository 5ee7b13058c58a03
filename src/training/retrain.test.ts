import { describe, expect, it } from "vitest";
import { itemAt } from "../engine/lists.ts";
import { ndarray } from "../engine/ndarray.ts";
import * as op from "../engine/ops/index.ts";
import { logistic } from "../models/logistic.ts";
import { modelNamed } from "../models/named.ts";
import { randomStream } from "../numeric/random.ts";
import { adam } from "./adam.ts";
import { crossEntropy } from "./problem.ts";
import { retrainWithout } from "./retrain.ts";
import { type Batch, givenBatches } from "./sampler.ts";
import { sgd } from "./sgd.ts";
import { largestDifference, normalizedLinear, smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import type { NamedArrays } from "./trees.ts";

/** One batch twice, one with a row twice, sizes of three kinds. */
const batches: readonly (readonly number[])[] = [
  [0, 5, 7, 11],
  [1, 6, 1],
  [3, 4, 6, 7],
  [2],
  [8, 9, 10, 0],
  [1, 6, 1],
];
/** Rows of two batches, all of one batch, one that comes twice and one that is a batch. */
const removals = [
  [0, 7],
  [1, 6],
  [6, 2],
];

const options: TrainModelOptions = {
  model: smallMlp(3, 4),
  data: twoClasses(12, 3, 5, "float64"),
  dtype: "float64",
  batchSize: 4,
  steps: 8,
  sampler: () => givenBatches(batches),
  seed: 3,
  schedule: (step) => 0.3 / (1 + step),
};

async function retrained(
  change: Partial<TrainModelOptions>,
  normalize: "drop" | "renorm",
  lastEpochs?: number,
) {
  const { record } = await train({ ...options, ...change, record: { states: "none" } });
  return retrainWithout(itemAt([record], 0), removals, { normalize, lastEpochs });
}

/** By a training of its own, whose batches weigh the rows from a step on. */
async function trained(
  change: Partial<TrainModelOptions>,
  normalize: "drop" | "renorm",
  removed: readonly number[],
  from = 0,
): Promise<NamedArrays> {
  const weighted = Array.from({ length: 8 }, (_, step): Batch => {
    const batch = itemAt(batches, step % batches.length);
    if (step < from) return { indices: Int32Array.from(batch) };
    const left = batch.filter((row) => !removed.includes(row)).length;
    const factor = normalize === "renorm" && left > 0 ? batch.length / left : 1;
    return {
      indices: Int32Array.from(batch),
      weights: batch.map((row) => (removed.includes(row) ? 0 : factor)),
    };
  });
  return (await train({ ...options, ...change, sampler: () => givenBatches(weighted) })).parameters;
}

const images = {
  x: ndarray(randomStream(2).normal(12 * 36), [12, 1, 6, 6], "float64"),
  y: options.data.y,
};
const line = logistic({ inputShape: [3], classes: 1 });

describe("retraining without rows is training with weights of 0", () => {
  it.each([
    ["side by side", { optimizer: sgd({ momentum: 0.9, weightDecay: 0.1 }), clip: { value: 0.02 } }, 1e-13],
    ["side by side, Adam", { optimizer: adam() }, 1e-11],
    ["one by one, clipped", { clip: { globalNorm: 0.1, value: 0.02 }, optimizer: sgd({ momentum: 0.9 }) }, 0],
    ["one by one, rows clipped", { rowClipNorm: 0.2 }, 0],
    [
      "one by one, with kernels",
      { model: modelNamed("cnn", { inputShape: [1, 6, 6], classes: 2, width: 2 }), data: images },
      0,
    ],
    ["in loops of logistic regression", { model: line, rowPenalty: 0.2 }, 1e-14],
  ] as const)("%s", async (_, change, tolerance) => {
    for (const normalize of ["drop", "renorm"] as const)
      for (const [i, end] of (await retrained(change, normalize)).entries()) {
        const expected = await trained(change, normalize, itemAt(removals, i));
        expect(largestDifference(end, expected)).toBeLessThanOrEqual(tolerance);
      }
    // An epoch is 6 steps; the second was cut off after two.
    for (const [i, end] of (await retrained(change, "renorm", 1)).entries()) {
      const expected = await trained(change, "renorm", itemAt(removals, i), 6);
      expect(largestDifference(end, expected)).toBeLessThanOrEqual(tolerance);
    }
    await expect(retrained(change, "drop", 3)).rejects.toThrow(
      /lastEpochs 3 is not a whole number from 1 to 2/,
    );
  });
});

it("tells what cannot be trained again", async () => {
  const { record } = await train({ ...options, record: { states: "none" } });
  const one = itemAt([record], 0);
  for (const row of [-1, 12, 0.5])
    await expect(retrainWithout(one, [[0, row]])).rejects.toThrow(
      `retrainWithout: ${row} is not one of the 12 rows trained on, counted from 0`,
    );
  const refused: readonly [Partial<TrainModelOptions>, RegExp][] = [
    [{ model: normalizedLinear(3) }, /^[^\n]*batch normalisation[^\n]*$/],
    [{ transformGradient: (gradient) => gradient }, /transformed on the host/],
    [{ criterion: (output, y) => op.mean(crossEntropy(output, y)) }, /one loss for each row/],
  ];
  for (const [change, message] of refused) {
    const other = await train({ ...options, ...change, record: { states: "none" } });
    await expect(retrainWithout(itemAt([other.record], 0), [[1]])).rejects.toThrow(message);
  }
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await expect(retrainWithout(one, [[1]], { signal: controller.signal })).rejects.toThrow("enough");
});
