import fc from "fast-check";
import { expect, test } from "vitest";
import { type Check, runChecks, uniform } from "./checking.testing.ts";
import { expectClose } from "./expectations.testing.ts";
import type { NDArray } from "./ndarray.ts";
import * as op from "./ops/index.ts";
import { compile, specs } from "./runtime/compile.ts";
import type { Tensor } from "./tensor.ts";
import { grad } from "./transforms/grad.ts";

/**
 * Random compositions of operations. Each step takes the tensor so far (and an input) to another one; all of them are
 * smooth and bounded, so that differences are accurate however long the chain is.
 */
const steps: Readonly<Record<string, (x: Tensor, other: Tensor) => Tensor>> = {
  tanh: op.tanh,
  sine: op.sin,
  sigmoid: op.sigmoid,
  gelu: (x) => op.gelu(x),
  softplus: op.softplus,
  erf: op.erf,
  halved: (x) => op.mul(x, 0.5),
  negated: op.neg,
  reciprocal: (x) => op.reciprocal(op.add(op.square(x), 2)),
  root: (x) => op.sqrt(op.add(op.square(x), 1)),
  power: (x) => op.pow(op.add(op.tanh(x), 2), 1.5),
  added: (x, y) => op.add(x, broadcastable(y, x)),
  times: (x, y) => op.mul(op.tanh(x), broadcastable(y, x)),
  over: (x, y) => op.div(x, op.add(op.square(broadcastable(y, x)), 1)),
  itself: (x) => op.mul(op.tanh(x), op.cos(x)),
  softmax: (x) => (x.rank === 0 ? x : op.softmax(x)),
  logSoftmax: (x) => (x.rank === 0 ? x : op.logSoftmax(op.tanh(x), { axis: 0 })),
  centred: (x) => op.sub(x, op.mean(x)),
  normed: (x) => op.div(x, op.add(op.norm(x), 1)),
  summed: (x) => (x.rank < 2 ? x : op.mean(x, { axes: 0 })),
  logSumExp: (x) => (x.rank < 2 ? x : op.logSumExp(x, { axes: -1, keepAxes: true })),
  product: (x) => (x.rank < 2 ? x : op.prod(op.tanh(x), { axes: -1 })),
  transposed: (x) => op.transpose(x),
  flattened: op.flatten,
  flipped: (x) => op.flip(x),
  sliced: (x) => (x.rank === 0 ? x : op.slice(x, [null, null, 2])),
  padded: (x) =>
    x.rank === 0
      ? x
      : op.pad(
          x,
          x.shape.map((_, axis) => [axis === 0 ? 1 : 0, 0] as const),
        ),
  doubled: (x) => (x.rank === 0 || x.size > 30 ? x : op.concat([x, op.tanh(x)], -1)),
  tiled: (x) => (x.size > 30 ? x : op.tile(x, [2])),
  gram: (x) => (x.rank === 2 ? op.mul(op.matmul(x, op.transpose(x)), 0.1) : x),
  timesMatrix: (x, y) =>
    x.rank === 2 && y.rank === 2 && x.shape[1] === y.shape[0] ? op.matmul(x, op.tanh(y)) : x,
  cumulated: (x) => (x.rank === 0 ? x : op.mul(op.cumsum(x, { axis: 0 }), 0.5)),
  gathered: (x) => (x.rank === 0 ? x : op.take(x, op.constant([0, -1, 0], "int64"))),
  outer: (x, y) => (x.rank === 1 && x.size < 6 && y.size < 9 ? op.outer(x, op.flatten(y)) : x),
  einsum: (x, y) =>
    x.rank === 2 && y.rank === 2 && x.shape[1] === y.shape[1] ? op.einsum("ij,kj->ik", op.tanh(x), y) : x,
  spectrum: (x) => (x.rank === 0 || x.size > 30 ? x : op.mul(op.reshape(op.rfft(x), [-1]), 0.3)),
  squaredSlope: (x) => grad((t: Tensor) => op.sum(op.cos(op.mul(t, t))))(op.tanh(x)),
};

/** The second input where it broadcasts against x, else its mean. */
function broadcastable(y: Tensor, x: Tensor): Tensor {
  const fits =
    y.rank <= x.rank && y.shape.every((size, i) => size === 1 || size === x.shape[x.rank - y.rank + i]);
  return fits ? y : op.mean(y);
}

interface Composition {
  readonly names: readonly string[];
  readonly shapes: readonly [readonly number[], readonly number[]];
  readonly seed: number;
}

const shapes = [[], [1], [3], [2, 3], [3, 3], [1, 3], [3, 1], [2, 1, 3]];
const compositions: fc.Arbitrary<Composition> = fc.record({
  names: fc.array(fc.constantFrom(...Object.keys(steps)), { minLength: 1, maxLength: 7 }),
  shapes: fc.tuple(fc.constantFrom(...shapes), fc.constantFrom(...shapes)),
  seed: fc.integer({ min: 1, max: 1000 }),
});

function build({ names }: Composition): (x: Tensor, y: Tensor) => Tensor {
  return (x, y) => names.reduce((value, name) => (steps[name] ?? op.neg)(value, y), x);
}

function inputsOf({ shapes: [left, right], seed }: Composition): NDArray[] {
  return [uniform(left, -1.5, 1.5, seed), uniform(right, -1.5, 1.5, seed + 1)];
}

test("random compositions: derivatives against differences, forward against reverse, vmap against a loop", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(compositions, { minLength: 6, maxLength: 6 }), async (several) => {
      await runChecks(
        several.map(
          (composition): Check => ({
            name: JSON.stringify(composition),
            f: (x, y = x) => build(composition)(x, y),
            inputs: inputsOf(composition),
            float32: 2e-5,
          }),
        ),
      );
    }),
    { seed: 20260, numRuns: 12, endOnFailure: true },
  );
});

test("random compositions: optimized or as traced, the value and the gradient are the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(compositions, { minLength: 12, maxLength: 12 }), async (several) => {
      const inputs = several.map(inputsOf);
      const f = (all: Tensor[][]) =>
        several.map((composition, i) => {
          const [x, y] = all[i] ?? [];
          if (x === undefined || y === undefined) throw new Error("two inputs");
          const g = build(composition);
          return [g(x, y), ...grad((a: Tensor, b: Tensor) => op.sum(g(a, b)), { argnums: [0, 1] })(x, y)];
        });
      const results: NDArray[][][] = [];
      for (const optimize of ["all", "none"] as const) {
        const executable = await compile(f, [specs(inputs)], { optimize });
        results.push((await executable.run(inputs)) as NDArray[][]);
        await executable.dispose();
      }
      const [optimized = [], traced = []] = results;
      expect(optimized.length).toBe(several.length);
      for (const [i, arrays] of traced.entries())
        for (const [k, array] of arrays.entries())
          expectClose(optimized[i]?.[k], array, 1e-12, `${JSON.stringify(several[i])}, result ${k}`);
    }),
    { seed: 20261, numRuns: 8, endOnFailure: true },
  );
});
