import { describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import type { LinearTraining } from "./linear-training.ts";
import { logisticRuns } from "./logistic-runs.ts";

const rows = 15;

/** Batches of 1 to 11 rows, some twice, with and without weights; the last row is in none. */
function trainingOf(width: number, scale: number): LinearTraining {
  const stream = randomStream(width);
  const sizes = [1, 4, 5, 6, 10, 11, 3];
  const training = {
    x: stream.normal(rows * width).map((value) => scale * value),
    width,
    y: stream.uniform(rows).map((value) => Number(value > 0.5)),
    batches: sizes.map((size) => Int32Array.from(stream.integers(size, 0, rows - 1), Number)),
    weights: sizes.map((size, i) => (i % 2 === 0 ? undefined : stream.uniform(size, 0, 3))),
    learningRates: sizes.map((_, i) => 0.5 / (i + 1)),
    rowPenalty: 0.1,
    weightDecay: 0.05,
    probabilities: [],
    trajectory: new Float64Array((sizes.length + 1) * width),
  };
  training.trajectory.set(stream.normal(width));
  for (let step = 0; step < sizes.length; step++) {
    const theta = training.trajectory.slice(step * width, (step + 1) * width);
    training.trajectory.set(descend(training, step, theta, new Set(), false), (step + 1) * width);
  }
  return training;
}

/** A step as it is written in a textbook. */
function descend(
  { x, y, width, batches, weights, learningRates, rowPenalty, weightDecay }: LinearTraining,
  step: number,
  theta: Float64Array<ArrayBuffer>,
  removed: ReadonlySet<number>,
  renormalizes: boolean,
): Float64Array<ArrayBuffer> {
  const batch = batches[step] ?? [];
  const gradient = theta.map((value) => weightDecay * value);
  const left = Array.from(batch).filter((row) => !removed.has(row)).length;
  const size = renormalizes ? Math.max(1, left) : batch.length;
  for (const [k, row] of batch.entries()) {
    if (removed.has(row)) continue;
    const features = x.subarray(row * width, (row + 1) * width);
    const logit = features.reduce((sum, value, i) => sum + value * (theta[i] ?? 0), 0);
    const slope = 1 / (1 + Math.exp(-logit)) - (y[row] ?? 0);
    const share = (weights[step]?.[k] ?? 1) / size;
    for (let i = 0; i < width; i++)
      gradient[i] = (gradient[i] ?? 0) + share * (slope * (features[i] ?? 0) + rowPenalty * (theta[i] ?? 0));
  }
  return theta.map((value, i) => value - (learningRates[step] ?? 0) * (gradient[i] ?? 0));
}

function trainWithout(training: LinearTraining, removed: ReadonlySet<number>, renormalizes: boolean) {
  let theta = training.trajectory.slice(0, training.width);
  for (const step of training.batches.keys()) theta = descend(training, step, theta, removed, renormalizes);
  return theta;
}

/** Fewer than four trainings, and more. */
const removals = [
  [],
  [0],
  [3, 4, 5],
  [rows - 1],
  Array.from({ length: rows }, (_, row) => row),
  [7],
  [1, 2],
].map((removed) => new Set(removed));

describe("trainings side by side are those one by one", () => {
  it.each([1, 2, 5, 8, 63])("with %i parameters", async (width) => {
    const training = trainingOf(width, 1);
    for (const count of [1, 4, removals.length])
      for (const renormalizes of [false, true]) {
        const ended: number[] = [];
        const onEnds = async (so: number): Promise<void> => void ended.push(so);
        const ends = await logisticRuns(training, removals.slice(0, count), { renormalizes, onEnds });
        expect(ends).toHaveLength(count);
        expect(ended.at(-1)).toBe(count);
        for (const [i, end] of ends.entries()) {
          const expected = trainWithout(training, removals[i] ?? new Set(), renormalizes);
          for (let k = 0; k < width; k++) expect(end[k]).toBeCloseTo(expected[k] ?? Number.NaN, 13);
        }
      }
  });

  it("also where logits are in the thousands", async () => {
    const training = trainingOf(3, 2000);
    const ends = await logisticRuns(training, removals, { renormalizes: false, onEnds: async () => {} });
    for (const [i, end] of ends.entries()) {
      const expected = trainWithout(training, removals[i] ?? new Set(), false);
      for (let k = 0; k < 3; k++) expect((end[k] ?? Number.NaN) / (expected[k] ?? 1)).toBeCloseTo(1, 12);
    }
  });
});
