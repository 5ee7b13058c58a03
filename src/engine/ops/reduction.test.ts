import { describe, expect, test } from "vitest";
import { type Check, distinct, evaluate, integers, runChecks } from "../checking.testing.ts";
import { expectNumbers } from "../expectations.testing.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

type Reduction = (x: Tensor, options?: op.ReductionOptions) => Tensor;

const reductions: readonly (readonly [name: string, f: Reduction])[] = [
  ["sum", op.sum],
  ["mean", op.mean],
  ["variance", op.variance],
  ["max", op.max],
  ["min", op.min],
  ["prod", op.prod],
  ["logSumExp", op.logSumExp],
  ["norm", op.norm],
  ["norm of order 1", (x, options) => op.norm(x, { ...options, order: 1 })],
  ["norm of order infinity", (x, options) => op.norm(x, { ...options, order: Infinity })],
];

const cases: readonly (readonly [shape: readonly number[], options: op.ReductionOptions])[] = [
  [[2, 3, 2], {}],
  [[2, 3, 2], { axes: [0, 2] }],
  [[2, 3], { axes: -1, keepAxes: true }],
  [[3, 1], { axes: 1 }],
  [[], {}],
  [[2, 3], { axes: [] }],
];

describe("reductions", () => {
  test("derivatives, vmap, float32 over all, some, kept and no axes", async () => {
    await runChecks(
      reductions.flatMap(([name, f]) =>
        cases.map(([shape, options]): Check => {
          // The magnitudes of distinct numbers around 0 nearly tie for the infinity norm.
          const x = distinct(shape, 3);
          const inputs = [name.includes("infinity") ? { ...x, data: x.data.map((v) => v + 0.03125) } : x];
          return { name: `${name} of ${JSON.stringify([shape, options])}`, f: (t) => f(t, options), inputs };
        }),
      ),
    );
  });

  test("empty axes: the value of nothing, and nothing", async () => {
    const empty = ndarray([], [0, 2], "float64");
    const found = await evaluate(() => {
      const x = op.constant(empty);
      return [
        op.sum(x, { axes: 0 }),
        op.prod(x, { axes: 0 }),
        op.mean(x, { axes: 0 }),
        op.logSumExp(x, { axes: 0 }),
        op.norm(x, { axes: 0 }),
        op.sum(x),
        op.max(x, { axes: 1 }),
        op.cumsum(x, { axis: 0 }),
        op.sum(x, { axes: 1 }),
        grad((t: Tensor) => op.sum(op.prod(t, { axes: 1 })))(x),
        grad((t: Tensor) => op.mean(t))(x),
        grad((t: Tensor) => op.norm(t))(x),
      ];
    });
    expect(found.map(({ shape }) => shape)).toEqual([
      [2],
      [2],
      [2],
      [2],
      [2],
      [],
      [0],
      [0, 2],
      [0],
      [0, 2],
      [0, 2],
      [0, 2],
    ]);
    expect(found.slice(0, 6).map(toNumbers)).toEqual([
      [0, 0],
      [1, 1],
      [NaN, NaN],
      [-Infinity, -Infinity],
      [0, 0],
      [0],
    ]);
    expect(() => op.max(op.constant(empty))).toThrow(
      /max: there is no element to choose from in float64\[0,2\]/,
    );
    expect(() => op.argmin(op.constant(empty), { axis: 0 })).toThrow(/argmin: there is no element/);
  });

  test("variance with a correction, cumulative sums, positions", async () => {
    const x = distinct([2, 3, 2]);
    await runChecks([
      { name: "variance, correction 1", f: (t) => op.variance(t, { axes: 1, correction: 1 }), inputs: [x] },
      { name: "cumsum", f: (t) => op.cumsum(t, { axis: 1 }), inputs: [x] },
      { name: "cumsum exclusive", f: (t) => op.cumsum(t, { axis: 0, exclusive: true }), inputs: [x] },
      { name: "cumsum reverse", f: (t) => op.cumsum(t, { reverse: true }), inputs: [x] },
      {
        name: "cumsum both",
        f: (t) => op.cumsum(t, { axis: 1, reverse: true, exclusive: true }),
        inputs: [x],
      },
      { name: "argmax", f: (t) => op.argmax(t, { axis: 1 }), inputs: [x] },
      { name: "argmin", f: (t) => op.argmin(t), inputs: [x] },
      { name: "any", f: (t) => op.any(t, { axes: 0 }), inputs: [integers([3, 4], 0, 2, "bool")] },
      {
        name: "all",
        f: (t) => op.all(t, { axes: 1, keepAxes: true }),
        inputs: [integers([3, 4], 0, 2, "bool")],
      },
    ]);
  });

  test("values", async () => {
    const found = await evaluate(() => {
      const x = op.constant(
        [
          [1, 2, 3],
          [4, 5, 9],
        ],
        "float64",
      );
      const flags = op.constant(
        [
          [1, 0],
          [1, 1],
          [0, 0],
        ],
        "bool",
      );
      return [
        op.variance(x, { axes: 1 }),
        op.variance(x, { correction: 1 }),
        op.cumsum(x, { axis: 0 }),
        op.cumsum(x, { exclusive: true }),
        op.norm(x, { axes: 0 }),
        op.norm(x, { order: Infinity }),
        op.prod(x, { axes: 0 }),
        op.any(flags, { axes: 1 }),
        op.all(flags, { axes: 1 }),
        op.any(flags),
        op.all(flags),
        op.argmax(op.constant([1, 3, 3], "float64")),
        op.argmin(op.constant([2, 1, 1], "float64")),
        op.argmax(x, { axis: 0 }),
      ];
    });
    const expected = [
      [2 / 3, 14 / 3],
      [8],
      [1, 2, 3, 5, 7, 12],
      [0, 1, 3, 0, 4, 9],
      [Math.sqrt(17), Math.sqrt(29), Math.sqrt(90)],
      [9],
      [4, 10, 27],
      [1, 1, 0],
      [0, 1, 0],
      [1],
      [0],
      [1],
      [1],
      [1, 1, 1],
    ];
    for (const [i, values] of expected.entries()) expectNumbers(found[i], values, 1e-14, `result ${i}`);
  });

  test("derivatives at ties, zeros and the origin are PyTorch's", async () => {
    const slopes = (f: (x: Tensor) => Tensor, points: readonly number[]) =>
      grad((x: Tensor) => op.sum(f(x)))(op.constant(points, "float64"));
    const curvature = (f: (x: Tensor) => Tensor, points: readonly number[]) =>
      slopes(
        (x) =>
          op.mul(
            grad((t: Tensor) => op.sum(f(t)))(x),
            op.constant(
              points.map((_, i) => i + 1),
              "float64",
            ),
          ),
        points,
      );
    const found = await evaluate(() => [
      slopes(op.max, [3, 1, 3]),
      slopes(op.min, [1, 1, 1, 5]),
      slopes(op.norm, [0, 0]),
      slopes(op.norm, [3, 0]),
      slopes(op.prod, [0, 2, 3]),
      slopes(op.prod, [0, 0, 3]),
      slopes(op.prod, [0, 0, 0]),
      curvature(op.prod, [0, 0, 3]),
      slopes((x) => op.norm(x, { order: 1 }), [0, -2]),
      slopes(op.logSumExp, [1000, 0]),
    ]);
    expect(found.map(toNumbers)).toEqual([
      [0.5, 0, 0.5],
      [1 / 3, 1 / 3, 1 / 3, 0],
      [0, 0],
      [1, 0],
      [6, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [6, 3, 0],
      [0, -1],
      [1, 0],
    ]);
  });

  test.each(["int32", "int64", "uint8"] as const)("reductions of %s", async (dtype) => {
    const x = ndarray([3, 1, 2, 2, 5, 0], [2, 3], dtype);
    const executable = await compile(
      (t) => [
        op.sum(t, { axes: 1 }),
        op.max(t, { axes: 1 }),
        op.min(t, { axes: 0 }),
        op.prod(t, { axes: 1 }),
        op.cumsum(t, { axis: 1 }),
        op.argmax(t, { axis: 1 }),
        op.argmin(t, { axis: 1 }),
      ],
      [spec([2, 3], dtype)],
    );
    const found = (await executable.run(x)) as NDArray[];
    await executable.dispose();
    expect(found.map((array) => array.dtype)).toEqual([dtype, dtype, dtype, dtype, dtype, "int64", "int64"]);
    expect(found.map(toNumbers)).toEqual([
      [6, 7],
      [3, 5],
      [2, 1, 0],
      [6, 0],
      [3, 4, 6, 2, 7, 7],
      [0, 1],
      [1, 2],
    ]);
  });

  test("large and infinite numbers", async () => {
    for (const dtype of ["float32", "float64"] as const) {
      const found = await evaluate(() => {
        const of = (values: readonly number[]) => op.constant(values, dtype);
        return [
          op.logSumExp(of([80, 1000, -1000])),
          op.logSumExp(of([-Infinity, -Infinity])),
          op.logSumExp(of([Infinity, 1])),
          op.logSumExp(of([-2000, -2000])),
          op.max(of([1, NaN, 2])),
          op.min(of([1, NaN, 2])),
          op.sum(of([Infinity, 1])),
          op.max(of([NaN, 1])),
          op.logSumExp(of([NaN, 1])),
          op.max(of([-Infinity])),
        ];
      });
      const values = [1000, -Infinity, Infinity, -2000 + Math.LN2, NaN, NaN, Infinity, NaN, NaN, -Infinity];
      for (const [i, value] of values.entries())
        expectNumbers(found[i], [value], 1e-7, `${dtype} result ${i}`);
    }
  });

  test("errors", () => {
    const x = op.zeros([2, 3]);
    expect(() => op.sum(x, { axes: 2 })).toThrow(
      /sum: axis 2 is outside a tensor of rank 2.*reduction\.test\.ts:\d+/,
    );
    expect(() => op.sum(x, { axes: [0, -2] })).toThrow(/sum: an axis is given twice/);
    expect(() => op.mean(op.zeros([2], "int32"))).toThrow(/mean: needs float32 or float64, got int32\[2\]/);
    expect(() => op.sum(op.zeros([2], "bool"))).toThrow(/sum: needs numbers, got bool/);
    expect(() => op.any(x)).toThrow(/any: needs bool/);
    expect(() => op.norm(x, { order: 3 as 1 })).toThrow(/norm: order 3/);
    expect(() => op.cumsum(op.zeros([]))).toThrow(/cumsum: axis -1/);
  });
});
