import { expect, it } from "vitest";
import { adam } from "./adam.ts";
import { differentiateRecord } from "./record-adjoint.ts";
import { givenBatches } from "./sampler.ts";
import { sgd } from "./sgd.ts";
import { smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import { arraysOf, copyArrays, type NamedArrays } from "./trees.ts";

const options: TrainModelOptions = {
  model: smallMlp(3, 4),
  data: twoClasses(12, 3, 5, "float64"),
  dtype: "float64",
  batchSize: 4,
  steps: 7,
  sampler: () =>
    givenBatches([
      [0, 5, 7, 11],
      [1, 1, 2],
      [3, 4, 6, 7],
      [8, 9, 10, 0],
      [5, 2, 11],
    ]),
  seed: 3,
  schedule: (step) => 0.3 / (1 + step),
};

function inner(a: NamedArrays, b: NamedArrays): number {
  const others = arraysOf(b);
  return arraysOf(a).reduce(
    (sum, { data }, i) =>
      sum + (data as Float64Array).reduce((s, v, k) => s + v * Number(others[i]?.data[k]), 0),
    0,
  );
}

it.each([
  ["sgd", {}],
  ["decay", { optimizer: sgd({ weightDecay: 0.1 }) }],
  ["momentum", { optimizer: sgd({ momentum: 0.9, nesterov: true }) }],
  ["adam", { optimizer: adam({ weightDecay: 0.01 }) }],
  ["clipped", { clip: { globalNorm: 0.3 }, rowPenalty: 0.1 }],
] as const)("is the derivative of retraining with other weights: %s", async (_, change) => {
  const all = { ...options, ...change };
  const { record, parameters } = await train({ ...all, record: { states: "sqrt" } });
  if (record === undefined) throw new Error("no record");
  const query = copyArrays(parameters);
  for (const { data } of arraysOf(query)) for (let i = 0; i < data.length; i++) data[i] = Math.sin(3 * i + 1);
  const slopes = new Float64Array(12);
  await differentiateRecord(record, [query], ({ batch, rows }) => {
    for (const [k, row] of batch.indices.entries())
      slopes[Number(row)] = (slopes[Number(row)] ?? 0) + Number(rows[0]?.[k]);
  });
  const step = 1e-5;
  for (let row = 0; row < 12; row++) {
    const ends = [];
    for (const sign of [1, -1]) {
      const weights = new Float64Array(12).fill(1);
      weights[row] = 1 + sign * step;
      ends.push(inner(query, (await train({ ...all, weights })).parameters));
    }
    const difference = ((ends[0] ?? 0) - (ends[1] ?? 0)) / (2 * step);
    expect(Math.abs((slopes[row] ?? 0) - difference)).toBeLessThan(1e-8 * (1 + Math.abs(difference)));
  }
});
