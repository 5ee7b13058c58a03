import { describe, expect, it } from "vitest";
import { ndarray } from "../../engine/ndarray.ts";
import * as op from "../../engine/ops/index.ts";
import { parameterAt } from "../../models/model.ts";
import { givenBatches } from "../../training/sampler.ts";
import { train } from "../../training/train.ts";
import type { TrainModelOptions } from "../../training/train-options.ts";
import { kohLiang } from "./koh-liang.ts";
import { distance, noVectors, readVectors, recordOf, trainingOf, unflattened } from "./vectors.testing.ts";

/** x w with the loss (x w - y)² / 2: its Hessian is the mean of x². */
function regression(x: readonly number[], y: readonly number[]): TrainModelOptions {
  return {
    model: {
      init: () => ({ w: ndarray([0.5], [1, 1], "float64") }),
      apply: (parameters, input) => op.matmul(input, parameterAt(parameters, "w")),
    },
    criterion: (output, target) => op.square(op.reshape(output, [output.size]).sub(target)).mul(0.5),
    data: { x: ndarray(x, [x.length, 1], "float64"), y: ndarray(y, [y.length], "float64") },
    parameters: { w: ndarray([0.5], [1, 1], "float64") },
    batchSize: x.length,
    steps: 1,
    sampler: () => givenBatches([x.map((_, row) => row)]),
    schedule: 0,
    record: { states: "all" },
  };
}

describe.skipIf(noVectors !== undefined)("the reference numbers (skipped where they are absent)", () => {
  it.each(["logreg", "tanh2layer"])("%s", async (name) => {
    const vectors = readVectors(name);
    const record = await recordOf(trainingOf(vectors));
    const query = unflattened((await train(trainingOf(vectors))).parameters, vectors.u);
    const { influence, damping_added: damping } = vectors.koh_liang;
    const options = { penalty: vectors.alpha, damping };
    const exact = await kohLiang(record, query, options);
    expect(distance(exact, influence)).toBeLessThan(1e-12);
    const iterated = await kohLiang(record, query, { ...options, solver: "conjugate-gradient" });
    expect(distance(iterated, exact)).toBeLessThan(1e-9);
  });

  it("conjugate gradients name the damping that an indefinite Hessian needs", async () => {
    const vectors = readVectors("tanh2layer");
    const record = await recordOf(trainingOf(vectors));
    const query = unflattened((await train(trainingOf(vectors))).parameters, vectors.u);
    const refused = kohLiang(record, query, { penalty: vectors.alpha, solver: "conjugate-gradient" });
    await expect(refused).rejects.toThrow(
      /curvature -0\.\d+ in a direction.*expected a damping that is larger/,
    );
    await expect(refused).rejects.toThrow(/^[^\n]*$/);
  });
});

it("has the closed form of a regression, exactly and by few steps of descent", async () => {
  const [x, y] = [
    [1, 2, -1, 0.5],
    [1, -1, 2, 3],
  ];
  const record = await recordOf(regression(x, y));
  const query = { w: ndarray([0.7], [1, 1], "float64") };
  const curvature = x.reduce((sum, value) => sum + value ** 2, 0) / x.length;
  const gradients = x.map((value, i) => (value * 0.5 - (y[i] ?? 0)) * value);
  const scores = (v: number): number[] => gradients.map((gradient) => (v * gradient) / x.length);
  const options = { penalty: 0.2, damping: 0.1 };
  for (const solver of ["exact", "conjugate-gradient"] as const)
    expect(
      distance(await kohLiang(record, query, { ...options, solver }), scores(0.7 / (curvature + 0.3))),
    ).toBeLessThan(1e-14);
  let [v, velocity] = [0.7, 0];
  for (let step = 0; step < 100; step++) {
    velocity = 0.9 * velocity + (curvature + 0.3) * v - 0.7;
    v -= 0.01 * velocity;
  }
  const seen: number[] = [];
  const descended = await kohLiang(record, query, {
    ...options,
    solver: "gradient-descent",
    onProgress: (done) => seen.push(done),
  });
  expect(distance(descended, scores(v))).toBeLessThan(1e-14);
  expect(seen).toHaveLength(100);
});

it("refuses what has no solution", async () => {
  const record = await recordOf(regression([0, 0], [1, 2]));
  const query = { w: ndarray([0.7], [1, 1], "float64") };
  await expect(kohLiang(record, query)).rejects.toThrow("is singular; expected a damping above 0");
  await expect(kohLiang(record, query, { damping: -1 })).rejects.toThrow("damping -1 is not");
  await expect(kohLiang(record, { w: ndarray([1], [1], "float64") })).rejects.toThrow(
    "expected float64[1, 1]",
  );
});
