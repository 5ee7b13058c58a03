import { describe, expect, test } from "vitest";
import { type Check, evaluate, integers, runChecks, uniform } from "../checking.testing.ts";
import type { DType } from "../dtype.ts";
import { expectNumbers } from "../expectations.testing.ts";
import { castArray, ndarray, toNumbers } from "../ndarray.ts";
import { compile, spec } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

type Unary = (x: Tensor) => Tensor;

/** Functions of one number, what JavaScript makes of them, and where they are looked at. */
const unary: readonly [
  name: string,
  f: Unary,
  reference: (x: number) => number,
  low?: number,
  high?: number,
][] = [
  ["neg", op.neg, (x) => -x],
  ["abs", op.abs, Math.abs],
  ["sign", op.sign, Math.sign],
  ["exp", op.exp, Math.exp],
  ["log", op.log, Math.log, 0.25, 4],
  ["log1p", op.log1p, Math.log1p, -0.75, 4],
  ["expm1", op.expm1, Math.expm1],
  ["sqrt", op.sqrt, Math.sqrt, 0.25, 4],
  ["rsqrt", op.rsqrt, (x) => 1 / Math.sqrt(x), 0.25, 4],
  ["square", op.square, (x) => x * x],
  ["reciprocal", op.reciprocal, (x) => 1 / x, 0.25, 4],
  ["sin", op.sin, Math.sin],
  ["cos", op.cos, Math.cos],
  ["tan", op.tan, Math.tan, -1, 1],
  ["tanh", op.tanh, Math.tanh],
  ["sigmoid", op.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
  ["softplus", op.softplus, (x) => Math.log1p(Math.exp(x))],
  ["relu", op.relu, (x) => Math.max(x, 0)],
  ["gelu tanh", (x) => op.gelu(x, { approximate: "tanh" }), geluTanh],
  ["floor", op.floor, Math.floor],
  ["ceil", op.ceil, Math.ceil],
];

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

type Binary = (a: Tensor, b: Tensor) => Tensor;

const binary: readonly [
  name: string,
  f: Binary,
  reference: (a: number, b: number) => number,
  low?: number,
][] = [
  ["add", op.add, (a, b) => a + b],
  ["sub", op.sub, (a, b) => a - b],
  ["mul", op.mul, (a, b) => a * b],
  ["div", op.div, (a, b) => a / b, 0.5],
  ["pow", op.pow, (a, b) => a ** b, 0.5],
  ["maximum", op.maximum, Math.max],
  ["minimum", op.minimum, Math.min],
];

const shapePairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[], [2]],
  [[], []],
  [[0, 3], [3]],
  [
    [2, 0],
    [2, 1],
  ],
];

describe("elementwise", () => {
  test("operations of one tensor: values, derivatives, vmap, float32", async () => {
    await runChecks(
      unary.flatMap(([name, f, reference, low = -2, high = 2]) =>
        [[2, 3], [], [0, 2], [1]].map((shape): Check => {
          const x = uniform(shape, low, high);
          return {
            name: `${name} of ${JSON.stringify(shape)}`,
            f,
            inputs: [x],
            expected: [Array.from(x.data, reference)],
          };
        }),
      ),
    );
  });

  test("operations of two tensors: values, broadcasting, derivatives, vmap, float32", async () => {
    await runChecks(
      binary.flatMap(([name, f, reference, low = -2]) =>
        shapePairs.map(([left, right]): Check => {
          const [a, b] = [uniform(left, low, 2, 1), uniform(right, low, 2, 2)];
          const expected =
            a.data.length === b.data.length
              ? { expected: [Array.from(a.data, (x, i) => reference(x, b.data[i] ?? 0))] }
              : {};
          return { name: `${name} of ${JSON.stringify([left, right])}`, f, inputs: [a, b], ...expected };
        }),
      ),
    );
  });

  test("where, clip, cast and constants that take the dtype they meet", async () => {
    const x = uniform([2, 3]);
    const mask = integers([2, 3], 0, 2, "bool");
    await runChecks([
      { name: "where", f: (c, a, b) => op.where(c, a, b), inputs: [mask, x, uniform([3], -2, 2, 5)] },
      {
        name: "where broadcasting",
        f: (c, a) => op.where(c, a, 0),
        inputs: [integers([2, 1], 0, 2, "bool"), uniform([3])],
      },
      { name: "clip", f: (a) => op.clip(a, { min: -1, max: 0.75 }), inputs: [x] },
      { name: "clip from below", f: (a) => op.clip(a, { min: 0.5 }), inputs: [x] },
      { name: "numbers", f: (a) => op.sub(1, op.div(2, op.add(op.mul(a, 0.5), 3))), inputs: [x] },
      {
        name: "cast there and back",
        f: (a) => op.mul(op.cast(op.cast(a, "float32"), a.dtype), a),
        inputs: [x],
        derivatives: "none",
      },
      {
        name: "pow with numbers",
        f: (a) => op.add(op.pow(a, 3), op.pow(a, 2.5)),
        inputs: [uniform([3], 0.25, 2)],
      },
      { name: "number to a power", f: (a) => op.pow(2, a), inputs: [x] },
    ]);
  });

  test("comparisons and logic: values and vmap, no derivative", async () => {
    const a = integers([2, 3], -1, 2, "float64", 1);
    const b = integers([3], -1, 2, "float64", 2);
    const [p, q] = [integers([2, 3], 0, 2, "bool", 3), integers([3], 0, 2, "bool", 4)];
    const compare = (name: string, f: Binary, reference: (x: number, y: number) => boolean): Check => ({
      name,
      f,
      inputs: [a, b],
      expected: [Array.from(a.data, (x, i) => Number(reference(x, b.data[i % 3] ?? 0)))],
    });
    await runChecks([
      compare("equal", op.equal, (x, y) => x === y),
      compare("notEqual", op.notEqual, (x, y) => x !== y),
      compare("less", op.less, (x, y) => x < y),
      compare("lessEqual", op.lessEqual, (x, y) => x <= y),
      compare("greater", op.greater, (x, y) => x > y),
      compare("greaterEqual", op.greaterEqual, (x, y) => x >= y),
      {
        name: "logicalAnd",
        f: op.logicalAnd,
        inputs: [p, q],
        expected: [Array.from(p.data, (x, i) => x & (q.data[i % 3] ?? 0))],
      },
      {
        name: "logicalOr",
        f: op.logicalOr,
        inputs: [p, q],
        expected: [Array.from(p.data, (x, i) => x | (q.data[i % 3] ?? 0))],
      },
      { name: "logicalNot", f: op.logicalNot, inputs: [p], expected: [Array.from(p.data, (x) => 1 - x)] },
      {
        name: "equal of bools",
        f: op.equal,
        inputs: [p, q],
        expected: [Array.from(p.data, (x, i) => Number(x === q.data[i % 3]))],
      },
      {
        name: "isNaN",
        f: (x) => op.isNaN(op.div(x, 0)),
        inputs: [a],
        expected: [Array.from(a.data, (x) => Number(x === 0))],
        float32: false,
      },
    ]);
  });

  test("round goes to the even of two", async () => {
    const x = ndarray([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.6], [7], "float64");
    const y = await evaluate(() => op.round(op.constant(x)));
    expect(toNumbers(y)).toEqual([-2, -2, -0, 0, 2, 2, 3]);
  });

  test.each(["int32", "int64", "uint8"] as const)("arithmetic of %s", async (dtype: DType) => {
    const a = ndarray([7, 3, 250, 0], [4], dtype);
    const b = ndarray([2, 3, 10, 1], [4], dtype);
    const executable = await compile(
      (x, y) => [
        op.add(x, y),
        op.sub(x, y),
        op.mul(x, y),
        op.div(x, y),
        op.maximum(x, y),
        op.minimum(x, y),
        op.equal(x, y),
        op.less(x, y),
        op.greaterEqual(x, y),
        op.clip(x, { min: 2, max: 100 }),
        op.where(op.less(x, y), x, 1),
        op.abs(x),
        op.sign(x),
        op.square(x),
        op.add(x, 1),
      ],
      [spec([4], dtype), spec([4], dtype)],
    );
    const wrap = (values: readonly number[]): number[] =>
      toNumbers(castArray(ndarray(values, undefined, "float64"), dtype));
    const found = (await executable.run(a, b)).map(toNumbers);
    await executable.dispose();
    expect(found).toEqual([
      wrap([9, 6, 260, 1]),
      wrap([5, 0, 240, -1]),
      wrap([14, 9, 2500, 0]),
      [3, 1, 25, 0],
      [7, 3, 250, 1],
      [2, 3, 10, 0],
      [0, 1, 0, 0],
      [0, 0, 0, 1],
      [1, 1, 1, 0],
      [7, 3, 100, 2],
      [1, 1, 1, 0],
      [7, 3, 250, 0],
      [1, 1, 1, 0],
      wrap([49, 9, 62500, 0]),
      wrap([8, 4, 251, 1]),
    ]);
  });

  test("division of negative integers drops the fraction", async () => {
    const y = await evaluate(() =>
      op.div(op.constant([-7, 7, -8], "int32"), op.constant([2, -2, 3], "int32")),
    );
    expect(toNumbers(y)).toEqual([-3, -3, -2]);
  });

  test("casts between all dtypes", async () => {
    const dtypes = ["float32", "float64", "int32", "int64", "uint8", "bool"] as const;
    const results = await evaluate(() =>
      dtypes.flatMap((from) =>
        dtypes.map((to) => op.cast(op.constant(castArray(ndarray([0, 1, 3]), from)), to)),
      ),
    );
    for (const [i, result] of (results as { dtype: DType; data: ArrayLike<number> }[]).entries()) {
      const [from, to] = [dtypes[Math.floor(i / 6)], dtypes[i % 6]];
      const last = from === "bool" || to === "bool" ? 1 : 3;
      expect([result.dtype, ...Array.from(result.data, Number)], `${from} to ${to}`).toEqual([
        to,
        0,
        1,
        last,
      ]);
    }
    const dropped = await evaluate(() => op.cast(op.constant([-1.75, 1.75], "float64"), "int32"));
    expect(toNumbers(dropped)).toEqual([-1, 1]);
  });

  test("derivatives at kinks are PyTorch's", async () => {
    const slopes = (f: Unary, points: readonly number[]) =>
      grad((x: Tensor) => op.sum(f(x)))(op.constant(points, "float64"));
    const pair = (f: Binary) =>
      grad((a: Tensor, b: Tensor) => op.sum(f(a, b)), { argnums: [0, 1] })(
        op.constant([1, 2], "float64"),
        op.constant([1, 3], "float64"),
      );
    const [maximum, minimum] = [op.maximum, op.minimum];
    const found = await evaluate(() => [
      slopes(op.relu, [0, -0, 1]),
      slopes(op.abs, [0, -2, 3]),
      slopes((x) => op.clip(x, { min: -1, max: 1 }), [-1, 1, 2]),
      ...pair(maximum),
      ...pair(minimum),
      slopes((x) => op.norm(x, {}), [0, 0]),
      slopes((x) => op.pow(x, 2), [0, 2]),
      slopes((x) => op.pow(x, 0), [0, 2]),
      slopes((x) => op.pow(0, x), [1, 2]),
      slopes(op.sign, [0, 1]),
      slopes(op.floor, [0.5, 1]),
      slopes(op.sqrt, [0]),
      slopes((x) => op.where(op.greater(x, 0), op.log(op.where(op.greater(x, 0), x, 1)), 0), [0, 2]),
    ]);
    expect(found.map(toNumbers)).toEqual([
      [0, 0, 1],
      [0, -1, 1],
      [1, 1, 0],
      [0.5, 0],
      [0.5, 1],
      [0.5, 1],
      [0.5, 0],
      [0, 0],
      [0, 4],
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
      [Infinity],
      [0, 0.5],
    ]);
  });

  test("NaN and infinities pass through", async () => {
    const values = [Number.NaN, Infinity, -Infinity, 1, -1];
    for (const dtype of ["float32", "float64"] as const) {
      const x = ndarray(values, [5], dtype);
      const functions: Record<string, [Unary, (v: number) => number]> = {
        neg: [op.neg, (v) => -v],
        sign: [op.sign, Math.sign],
        abs: [op.abs, Math.abs],
        exp: [op.exp, Math.exp],
        log: [op.log, Math.log],
        sqrt: [op.sqrt, Math.sqrt],
        tanh: [op.tanh, Math.tanh],
        sigmoid: [op.sigmoid, (v) => 1 / (1 + Math.exp(-v))],
        softplus: [op.softplus, (v) => (v > 0 ? v + Math.log1p(Math.exp(-v)) : Math.log1p(Math.exp(v)))],
        log1p: [op.log1p, Math.log1p],
        expm1: [op.expm1, Math.expm1],
        relu: [op.relu, (v) => Math.max(v, 0)],
        clip: [(t) => op.clip(t, { min: -2, max: 2 }), (v) => Math.min(Math.max(v, -2), 2)],
        maximum: [(t) => op.maximum(t, 0.5), (v) => Math.max(v, 0.5)],
        "maximum, NaN second": [(t) => op.maximum(0.5, t), (v) => Math.max(v, 0.5)],
        minimum: [(t) => op.minimum(t, 0.5), (v) => Math.min(v, 0.5)],
        square: [op.square, (v) => v * v],
        reciprocal: [op.reciprocal, (v) => 1 / v],
        sin: [op.sin, Math.sin],
        floor: [op.floor, Math.floor],
        erf: [
          op.erf,
          (v) => (Number.isFinite(v) ? Math.sign(v) * 0.8427007929497149 : v > 0 ? 1 : v < 0 ? -1 : v),
        ],
      };
      const executable = await compile(
        (t) => Object.values(functions).map(([f]) => f(t)),
        [spec([5], dtype)],
      );
      const found = await executable.run(x);
      await executable.dispose();
      for (const [i, [name, [, reference]]] of Object.entries(functions).entries())
        expectNumbers(
          found[i],
          values.map(reference),
          dtype === "float32" ? 1e-6 : 1e-14,
          `${name} of ${dtype}`,
        );
    }
  });

  test("sigmoid in float64 keeps its digits where it is small", async () => {
    const points = [-700, -300, -40, -20, -5, 0, 5, 40];
    const found = toNumbers(await evaluate(() => op.sigmoid(op.constant(points, "float64"))));
    for (const [i, x] of points.entries()) expect((found[i] ?? 0) * (1 + Math.exp(-x))).toBeCloseTo(1, 14);
  });

  test("errors name the operation, both dtypes or shapes, and the caller's line", () => {
    const [a, b] = [op.zeros([2, 3], "float32"), op.zeros([2, 3], "float64")];
    expect(() => op.add(a, b)).toThrow(
      /^add: the dtypes differ: float32\[2,3\] and float64\[2,3\]; cast one of them \(at .*elementwise\.test\.ts:\d+\)$/,
    );
    expect(() => op.mul(a, op.zeros([4]))).toThrow(
      /^mul: the shapes do not broadcast: \[2,3\] and \[4\] \(at .*elementwise\.test\.ts:\d+\)$/,
    );
    expect(() => op.where(op.zeros([2, 1], "bool"), a, b)).toThrow(/float32\[2,3\] and float64\[2,3\]/);
    expect(() => op.where(a, a, a)).toThrow(/where: needs bool, got float32/);
    expect(() => op.exp(op.zeros([2], "int64"))).toThrow(/exp: needs float32 or float64, got int64\[2\]/);
    expect(() => op.add(op.zeros([1], "bool"), op.zeros([1], "bool"))).toThrow(/needs numbers, got bool/);
    expect(() => op.logicalNot(a)).toThrow(/needs bool/);
  });

  test("a number that the dtype does not have is an error, not another number", () => {
    expect(() => op.mul(op.zeros([2], "int32"), 0.5)).toThrow(/0.5.*int32/);
    expect(() => op.add(op.zeros([2], "int64"), Number.NaN)).toThrow(/NaN.*int64/);
    expect(() => op.add(op.zeros([2], "uint8"), 256)).toThrow(/256.*uint8/);
  });

  test("the negative of uint8 wraps", async () => {
    const executable = await compile(
      (x) => [op.neg(x), op.neg(op.full([2], 5, "uint8"))],
      [spec([2], "uint8")],
    );
    const found = await executable.run(ndarray([1, 0], [2], "uint8"));
    expect(found.map(toNumbers)).toEqual([
      [255, 0],
      [251, 251],
    ]);
    await executable.dispose();
  });

  test("products and negatives of the least int32 wrap, folded or not", async () => {
    const least = -(2 ** 31);
    const executable = await compile(
      (x) => [
        op.neg(op.full([2], least, "int32")),
        op.neg(op.mul(x, op.full([], least, "int32"))),
        op.mul(op.neg(x), op.full([], least, "int32")),
      ],
      [spec([2], "int32")],
    );
    const found = await executable.run(ndarray([1, 2], [2], "int32"));
    expect(found.map(toNumbers)).toEqual([
      [least, least],
      [least, 0],
      [least, 0],
    ]);
    await executable.dispose();
  });

  test.each([0, 1, 2, 3])("derivatives of x to the power %i at 0, to the fourth", async (exponent) => {
    let f = (x: Tensor): Tensor => op.pow(x, exponent);
    const expected: number[] = [];
    const functions: ((x: Tensor) => Tensor)[] = [];
    for (let order = 0, factorial = 1; order <= 4; factorial *= Math.max(1, exponent - order), order++) {
      expected.push(order === exponent ? factorial : 0);
      functions.push(f);
      f = grad(f);
    }
    const found = await evaluate(() => functions.map((g) => g(op.zeros([], "float64"))));
    expect(found.flatMap(toNumbers).map((value) => value + 0)).toEqual(expected);
  });
});
