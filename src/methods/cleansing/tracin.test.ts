import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { logistic } from "../../models/logistic.ts";
import { randomStream } from "../../numeric/random.ts";
import { linearInfluence } from "./influence.ts";
import { lossQuery } from "./query.ts";
import { ownLosses, randomScores, selfConfidence } from "./row-scores.ts";
import { tracin } from "./tracin.ts";
import { distance, examplesOf, noVectors, readVectors, recordOf, trainingOf } from "./vectors.testing.ts";

it("is the influence itself where gradients do not depend on the parameters", async () => {
  const stream = randomStream(8);
  const dataOf = (rows: number) => ({
    x: ndarray(stream.normal(rows * 3), [rows, 3], "float64"),
    y: ndarray(stream.normal(rows), [rows], "float64"),
  });
  const record = await recordOf({
    model: logistic({ inputShape: [3], classes: 1 }),
    dtype: "float64",
    // A loss that is linear in the parameters.
    criterion: (output, y) => op.reshape(output, [output.size]).mul(y),
    data: dataOf(12),
    batchSize: 4,
    epochs: 3,
    schedule: (step) => 0.1 / (1 + Math.floor(step / 3)),
    record: {},
  });
  const examples = dataOf(5);
  const [influence] = await linearInfluence(record, [await lossQuery(record, examples)]);
  const expected = influence?.scores ?? [];
  const seen: number[][] = [];
  const onProgress = (done: number, total: number): unknown => seen.push([done, total]);
  expect(distance(await tracin(record, examples, { onProgress }), expected)).toBeLessThan(1e-13);
  expect(seen).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(distance(await tracin(record, examples, { checkpoints: 9 }), expected)).toBeLessThan(1e-13);
  expect(distance(await tracin(record, examples, { checkpoints: [9, 2, 5] }), expected)).toBeLessThan(1e-13);
  await expect(tracin(record, examples, { checkpoints: 10 })).rejects.toThrow("from 1 to 9");
  await expect(tracin(record, examples, { checkpoints: [0, 9] })).rejects.toThrow("checkpoint 0;");
});

describe.skipIf(noVectors !== undefined)("the logistic reference training (skipped where absent)", () => {
  it("sums products of gradients at epoch ends; own losses and confidences at the end", async () => {
    const vectors = readVectors("logreg");
    const { X, Y, X_val, Y_val, lrs, theta_trace: trace } = vectors;
    const record = await recordOf(trainingOf(vectors));
    const logit = (theta: readonly number[], x: readonly number[]): number =>
      x.reduce((sum, value, k) => sum + value * (theta[k] ?? 0), theta[3] ?? 0);
    const gradient = (theta: readonly number[], x: readonly number[], y: number): number[] =>
      [...x, 1].map((value) => (1 / (1 + Math.exp(-logit(theta, x))) - y) * value);
    const expected = X.map((x, j) =>
      [4, 8, 12].reduce((sum, step) => {
        const theta = trace[step] ?? [];
        const own = gradient(theta, x, Y[j] ?? 0);
        const rates = lrs.slice(step - 4, step).reduce((a, b) => a + b);
        const products = X_val.map((v, i) =>
          gradient(theta, v, Y_val[i] ?? 0).reduce((a, value, k) => a + value * (own[k] ?? 0), 0),
        );
        return sum + (rates / X.length) * (products.reduce((a, b) => a + b) / X_val.length);
      }, 0),
    );
    expect(distance(await tracin(record, examplesOf(X_val, Y_val)), expected)).toBeLessThan(1e-14);
    const confidences = X.map((x, j) => {
      const positive = 1 / (1 + Math.exp(-logit(trace[12] ?? [], x)));
      return Y[j] === 1 ? positive : 1 - positive;
    });
    expect(distance(await selfConfidence(record), confidences)).toBeLessThan(1e-14);
    const losses = confidences.map((p) => -Math.log(p));
    expect(distance(await ownLosses(record), losses)).toBeLessThan(1e-13);
  });
});

it("draws random scores from their stream", () => {
  expect(randomScores(5, randomStream(2))).toEqual(randomStream(2).uniform(5));
});
