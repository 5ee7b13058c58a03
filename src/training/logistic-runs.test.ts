import { describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import { logisticRuns } from "./logistic-runs.ts";
import type { LogisticTraining } from "./logistic-training.ts";

const rows = 15;

/** Batches of 1 to 11 rows, some twice, with and without weights; the last row is in none. */
function trainingOf(width: number, scale: number): LogisticTraining {
  const stream = randomStream(width);
  const sizes = [1, 4, 5, 6, 10, 11, 3];
  const trajectory = new Float64Array((sizes.length + 1) * width);
  trajectory.set(stream.normal(width));
  const training = {
    x: stream.normal(rows * width).map((value) => scale * value),
    width,
    y: stream.uniform(rows).map((value) => Number(value > 0.5)),
    batches: sizes.map((size) => Int32Array.from(stream.integers(size, 0, rows - 1), Number)),
    weights: sizes.map((size, i) => (i % 2 === 0 ? undefined : stream.uniform(size, 0, 3))),
    learningRates: sizes.map((_, i) => 0.5 / (i + 1)),
    rowPenalty: 0.1,
    weightDecay: 0.05,
    trajectory,
    probabilities: [],
  };
  for (const [step, theta] of courseWithout(training, new Set(), false).entries())
    trajectory.set(theta, step * width);
  return training;
}

/** The parameters before each step and at the end, as the steps are written in a textbook. */
function courseWithout(
  training: LogisticTraining,
  removed: ReadonlySet<number>,
  renormalizes: boolean,
): number[][] {
  const { x, y, width, batches, weights, learningRates, rowPenalty, weightDecay, trajectory } = training;
  const theta = [...trajectory.slice(0, width)];
  const course = [[...theta]];
  for (const [step, batch] of batches.entries()) {
    const rate = learningRates[step] ?? 0;
    const gradient = theta.map((value) => weightDecay * value);
    const left = [...batch].filter((row) => !removed.has(row)).length;
    const size = renormalizes ? Math.max(1, left) : batch.length;
    for (const [k, row] of batch.entries()) {
      if (removed.has(row)) continue;
      const features = x.subarray(row * width, (row + 1) * width);
      const logit = features.reduce((sum, value, i) => sum + value * (theta[i] ?? 0), 0);
      const slope = 1 / (1 + Math.exp(-logit)) - (y[row] ?? 0);
      const share = (weights[step]?.[k] ?? 1) / size;
      for (let i = 0; i < width; i++)
        gradient[i] =
          (gradient[i] ?? 0) + share * (slope * (features[i] ?? 0) + rowPenalty * (theta[i] ?? 0));
    }
    for (let i = 0; i < width; i++) theta[i] = (theta[i] ?? 0) - rate * (gradient[i] ?? 0);
    course.push([...theta]);
  }
  return course;
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
        const ends = await logisticRuns(training, removals.slice(0, count), { renormalizes });
        expect(ends).toHaveLength(count);
        for (const [i, end] of ends.entries()) {
          const expected = courseWithout(training, removals[i] ?? new Set(), renormalizes).at(-1) ?? [];
          for (let k = 0; k < width; k++) expect(end[k]).toBeCloseTo(expected[k] ?? Number.NaN, 13);
        }
      }
  });

  it("also where logits are in the thousands", async () => {
    const training = trainingOf(3, 2000);
    const ends = await logisticRuns(training, removals, { renormalizes: false });
    for (const [i, end] of ends.entries()) {
      const expected = courseWithout(training, removals[i] ?? new Set(), false).at(-1) ?? [];
      for (let k = 0; k < 3; k++) expect((end[k] ?? Number.NaN) / (expected[k] ?? 1)).toBeCloseTo(1, 12);
    }
  });
});
