import { expect, it } from "vitest";
import { itemAt } from "../engine/lists.ts";
import { ndarray } from "../engine/ndarray.ts";
import type { Tensor } from "../engine/tensor.ts";
import { jvp } from "../engine/transforms/jvp.ts";
import { adam, adamW } from "./adam.ts";
import { compileTrees } from "./compile-trees.ts";
import type { Curvature } from "./problem.ts";
import { differentiateRecord } from "./record-adjoint.ts";
import { displacements } from "./record-tangent.ts";
import { replay } from "./replay.ts";
import { retrainWithout } from "./retrain.ts";
import { givenBatches } from "./sampler.ts";
import { sgd } from "./sgd.ts";
import { normalizedLinear, smallMlp, twoClasses } from "./train.testing.ts";
import { train } from "./train.ts";
import type { TrainModelOptions } from "./train-options.ts";
import {
  arraysOf,
  copyArrays,
  type NamedArrays,
  type NamedTensors,
  ravelArrays,
  type TensorTree,
  unravelArrays,
} from "./trees.ts";

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

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

async function recordOf(change: Partial<TrainModelOptions> = {}) {
  const { record, parameters } = await train({ ...options, record: { states: "sqrt" }, ...change });
  if (record === undefined) throw new Error("no record");
  return { record, parameters };
}

function queryLike(parameters: NamedArrays, phase: number): NamedArrays {
  return unravelArrays(
    parameters,
    ravelArrays(parameters).map((_, i) => Math.sin(3 * i + phase)),
  );
}

/** The third of the batches holds a row twice; none but the second has weights of 1. */
const weightedBatches = () =>
  givenBatches([
    { indices: Int32Array.of(0, 5, 7, 11), weights: [0.5, 2, 0, 1] },
    { indices: Int32Array.of(1, 6, 2), weights: [1, 1, 1] },
    { indices: Int32Array.of(3, 4, 4, 8), weights: [0.1, 0.2, 3, 1] },
  ]);

const dropout = (step: number, indices: Int32Array) => ({
  hidden: ndarray(
    Array.from({ length: indices.length * 4 }, (_, i) => (i * 7 + step) % 2),
    [indices.length, 4],
    "float64",
  ),
});

it.each([
  ["sgd", {}],
  ["decay", { optimizer: sgd({ weightDecay: 0.1 }) }],
  ["momentum", { optimizer: sgd({ momentum: 0.9, nesterov: true }) }],
  ["dampened", { optimizer: sgd({ momentum: 0.8, dampening: 0.3, weightDecay: 0.1 }) }],
  ["adam", { optimizer: adam({ weightDecay: 0.01 }) }],
  ["adamw", { optimizer: adamW({ weightDecay: 0.1 }) }],
  ["clipped", { clip: { globalNorm: 0.3 }, rowPenalty: 0.1 }],
  ["rows clipped", { rowClipNorm: 0.2 }],
  ["accumulated", { accumulate: 2, optimizer: sgd({ momentum: 0.5 }) }],
  ["dropout", { inputs: dropout }],
  ["weighted", { sampler: weightedBatches, rowPenalty: 0.1 }],
] as const)("is the derivative of retraining with other weights: %s", async (_, change) => {
  const { record, parameters } = await recordOf(change);
  const query = queryLike(parameters, 1);
  const slopes = new Float64Array(12);
  await differentiateRecord(record, [query], ({ batch, rows }) => {
    for (const [k, row] of batch.indices.entries())
      slopes[Number(row)] = (slopes[Number(row)] ?? 0) + Number(rows[0]?.[k]) * (batch.weights?.[k] ?? 1);
  });
  // All rows at once, each by an amount of its own: an error in any of them shows.
  const amounts = Float64Array.from(slopes, (_, row) => Math.cos(5 * row + 1));
  const ends: number[] = [];
  for (const step of [1e-5, -1e-5]) {
    const end = await train({ ...options, ...change, weights: amounts.map((amount) => 1 + step * amount) });
    ends.push(inner(ravelArrays(query), ravelArrays(end.parameters)));
  }
  const difference = ((ends[0] ?? 0) - (ends[1] ?? 0)) / 2e-5;
  expect(Math.abs(difference)).toBeGreaterThan(1e-4);
  expect(Math.abs(inner(slopes, amounts) - difference)).toBeLessThan(1e-8 * (1 + Math.abs(difference)));
});

it.each([
  ["norm", { clip: { globalNorm: 0.3 } }],
  ["rows", { rowClipNorm: 0.2 }],
] as const)(
  "moves the end to first order without a row that has a batch of its own: %s",
  async (_, change) => {
    const sampler = () => givenBatches([[0, 1, 2, 3], [4], [5, 6, 4]]);
    const { record } = await recordOf({ ...change, sampler, steps: 3, schedule: 1e-3 });
    const [moved] = await displacements(record, [4], { correction: "acc" });
    const [end] = await retrainWithout(record, [[4]]);
    const { parameters } = await replay(record, record.lastStep);
    const [predicted, actual, usual] = [moved, end, parameters].map((each) => ravelArrays(each ?? {}));
    const difference = Float64Array.from(actual ?? [], (value, i) => value - (usual?.[i] ?? 0));
    const error = difference.map((value, i) => value - (predicted?.[i] ?? Number.NaN));
    expect(Math.hypot(...error)).toBeLessThan(0.01 * Math.hypot(...difference));
  },
);

it("carries a query back by the Gauss-Newton matrix, or by none, where that is asked for", async () => {
  const { record, parameters } = await recordOf({ steps: 1, rowPenalty: 0.2 });
  const { parameters: start } = await replay(record, 0);
  const query = queryLike(parameters, 2);
  const u = ravelArrays(query);
  const x = ndarray(options.data.x.data.slice(0, 36), [12, 3], "float64");
  const push = await compileTrees(
    (p, direction, rows) =>
      jvp((at) => options.model.apply(at as NamedTensors, rows as Tensor), [p], [direction]) as TensorTree,
    [start, query, x],
  );
  const alongOf = async (direction: NamedArrays): Promise<readonly ArrayLike<number>[]> =>
    arraysOf(await push.run(start, direction, x)).map(({ data }) => Float64Array.from(data, Number));
  // J^T H J u / B, column by column of the Jacobian: of a row with probabilities p, H v = p (v - p.v).
  const [logits = [], moved = []] = await alongOf(query);
  const weighed = [0, 5, 7, 11].map((row) => {
    const [z, v] = [logits, moved].map((values) => [values[2 * row] ?? 0, values[2 * row + 1] ?? 0]);
    const one = 1 / (1 + Math.exp((z?.[0] ?? 0) - (z?.[1] ?? 0)));
    const slope = one * (1 - one) * ((v?.[1] ?? 0) - (v?.[0] ?? 0));
    return [-slope, slope];
  });
  const product = new Float64Array(u.length);
  for (let i = 0; i < u.length; i++) {
    const unit = unravelArrays(query, new Float64Array(u.length).fill(1, i, i + 1));
    const [, column = []] = await alongOf(unit);
    const own = [0, 5, 7, 11].flatMap((row) => [column[2 * row] ?? 0, column[2 * row + 1] ?? 0]);
    product[i] = inner(own, weighed.flat()) / 4;
  }
  await push.dispose();
  const rowsOf: number[][] = [];
  const before = async (curvature: Curvature): Promise<Float64Array> => {
    const [found] = await differentiateRecord(
      record,
      [query],
      ({ rows }) => rowsOf.push([...itemAt(rows, 0)]),
      { curvature },
    );
    return ravelArrays(itemAt([found], 0));
  };
  const newton = await before("gauss-newton");
  for (const [i, value] of newton.entries())
    expect(value).toBeCloseTo((u[i] ?? 0) - 0.3 * ((product[i] ?? 0) + 0.2 * (u[i] ?? 0)), 13);
  expect(await before("none")).toEqual(u);
  const exact = await before("exact");
  expect(Math.max(...exact.map((value, i) => Math.abs(value - (newton[i] ?? 0))))).toBeGreaterThan(1e-3);
  // The rows of the last step see the query as it is.
  for (const rows of rowsOf)
    for (const [k, slope] of rows.entries()) expect(slope).toBeCloseTo(rowsOf[0]?.[k] ?? Number.NaN, 14);
});

it("takes two queries through one walk as it takes each alone", async () => {
  const { record, parameters } = await recordOf({ optimizer: adam() });
  const walk = async (phases: readonly number[]) => {
    const rows = new Map<number, number[][]>();
    const queries = phases.map((phase) => queryLike(parameters, phase));
    const before = await differentiateRecord(record, queries, (found) =>
      rows.set(
        found.step,
        found.rows.map((each) => [...each]),
      ),
    );
    return { rows, before: before.map(ravelArrays) };
  };
  const [both, one, two] = [await walk([1, 2]), await walk([1]), await walk([2])];
  for (const [i, alone] of [one, two].entries()) {
    for (const [k, value] of itemAt(alone.before, 0).entries())
      expect(itemAt(both.before, i)[k]).toBeCloseTo(value, 12);
    for (const [step, [slopes = []]] of alone.rows)
      for (const [k, slope] of slopes.entries()) expect(both.rows.get(step)?.[i]?.[k]).toBeCloseTo(slope, 12);
  }
});

it("refuses trainings whose rows depend on one another, and queries of another shape", async () => {
  const { record, parameters } = await recordOf();
  const nothing = () => {};
  const normalised = await recordOf({ model: normalizedLinear(3) });
  await expect(differentiateRecord(normalised.record, [normalised.parameters], nothing)).rejects.toThrow(
    /^[^\n]*batch normalisation[^\n]*$/,
  );
  await expect(differentiateRecord(record, [], nothing)).rejects.toThrow(/there are no queries/);
  const other = copyArrays({
    ...parameters,
    out: { ...(parameters.out as NamedArrays), bias: ndarray([1], [1], "float64") },
  });
  await expect(differentiateRecord(record, [other], nothing)).rejects.toThrow(
    /^a query's out.bias is float64\[1\]; expected float64\[2\], as the parameters$/,
  );
  const own = await train({
    ...options,
    record: {},
    transformGradient: (gradient) => gradient,
  });
  await expect(differentiateRecord(itemAt([own.record], 0), [parameters], nothing)).rejects.toThrow(
    /transformed on the host/,
  );
  await expect(differentiateRecord(record, [parameters], nothing, { from: 8 })).rejects.toThrow(
    /8 is not a step/,
  );
});
