import { describe, expect, test } from "vitest";
import { evaluate, runChecks, toFloat32, uniform } from "../checking.testing.ts";
import { ndarray, toNumbers } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

/** Relative distance of every element. */
function relativeErrors(found: readonly number[], expected: readonly number[]): number[] {
  return expected.map((value, i) => Math.abs((found[i] ?? NaN) - value) / (Math.abs(value) || 1));
}

// By the C library (glibc), through Python 3's math.erf.
const erfValues: readonly (readonly [x: number, erf: number])[] = [
  [1e-300, 1.1283791670955126e-300],
  [1e-8, 1.1283791670955126e-8],
  [0.1, 0.1124629160182849],
  [0.46875, 0.49261347321793797],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.5, 0.9661051464753108],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [4, 0.9999999845827421],
  [4.5, 0.9999999998033839],
  [6, 1],
  [40, 1],
];

describe("special functions", () => {
  test("derivatives, vmap, float32", async () => {
    const shapes = [[2, 3], [], [1], [0]];
    await runChecks(
      shapes.flatMap((shape) => [
        { name: `erf of ${shape}`, f: op.erf, inputs: [uniform(shape)] },
        { name: `gelu of ${shape}`, f: (x: Tensor) => op.gelu(x), inputs: [uniform(shape)] },
        { name: `log1p of ${shape}`, f: op.log1p, inputs: [uniform(shape, -0.5, 2)] },
        { name: `expm1 of ${shape}`, f: op.expm1, inputs: [uniform(shape)] },
        { name: `softplus of ${shape}`, f: op.softplus, inputs: [uniform(shape)] },
      ]),
    );
  });

  test("erf in float64 to 2e-16, odd, and in float32 to 1e-6", async () => {
    const points = erfValues.map(([x]) => x);
    const expected = erfValues.map(([, y]) => y);
    const [wide, negative, narrow] = await evaluate(() => {
      const x = op.constant(points, "float64");
      return [op.erf(x), op.erf(op.neg(x)), op.erf(op.constant(points.slice(1), "float32"))] as const;
    });
    expect(Math.max(...relativeErrors(toNumbers(wide), expected))).toBeLessThan(4e-16);
    expect(toNumbers(negative)).toEqual(toNumbers(wide).map((value) => -value));
    expect(Math.max(...relativeErrors(toNumbers(narrow), expected.slice(1)))).toBeLessThan(1e-6);
  });

  test.each(["float32", "float64"] as const)(
    "log1p, expm1 and softplus of %s are accurate near 0 and far out",
    async (dtype) => {
      const round = dtype === "float32" ? toFloat32 : (values: readonly number[]) => [...values];
      const small = round([1e-30, -1e-20, 1e-10, -1e-5, 0.001, -0.3, 0.5, 3]);
      const wide = round([-80, -40, -20, -5, 0, 5, 40, 80]);
      const [log1p, expm1, softplus] = await evaluate(() => [
        op.log1p(op.constant(small, dtype)),
        op.expm1(op.constant(small, dtype)),
        op.softplus(op.constant(wide, dtype)),
      ]);
      const tolerance = dtype === "float32" ? 1e-6 : 1e-15;
      expect(Math.max(...relativeErrors(toNumbers(log1p), small.map(Math.log1p)))).toBeLessThan(tolerance);
      expect(Math.max(...relativeErrors(toNumbers(expm1), small.map(Math.expm1)))).toBeLessThan(tolerance);
      const exact = wide.map((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
      expect(Math.max(...relativeErrors(toNumbers(softplus), exact))).toBeLessThan(tolerance);
    },
  );

  // Both by the C library, through Python 3: x erfc(-x / sqrt 2) / 2, and x / (1 + exp(-2 u)) with Hendrycks and
  // Gimpel's u.
  const geluValues: readonly (readonly [x: number, gelu: number])[] = [
    [-37, -2.118461352333907e-298],
    [-20, -5.507248237212385e-88],
    [-10, -7.619853024160497e-23],
    [-5, -1.4332578593959682e-6],
    [-1, -0.15865525393145702],
    [-0.3, -0.1146265733433142],
    [0.3, 0.1853734266566858],
    [1, 0.841344746068543],
    [5, 4.99999856674214],
    [10, 10],
  ];
  const geluTanhValues: readonly (readonly [x: number, gelu: number])[] = [
    [-10, -1.2040923482098023e-37],
    [-7.5, -4.016268217514138e-18],
    [-5, -2.2917961966295044e-7],
    [-1, -0.15880800939172326],
    [-0.3, -0.11462907645724074],
    [0.3, 0.18537092354275925],
    [1, 0.8411919906082768],
    [5, 4.999999770820381],
    [10, 10],
  ];
  test.each([
    ["none", geluValues],
    ["tanh", geluTanhValues],
  ] as const)(
    "gelu (%s) keeps its digits in float64's tail, and 1e-6 in float32",
    async (approximate, values) => {
      const points = values.map(([x]) => x);
      const [wide, narrow] = await evaluate(() => [
        op.gelu(op.constant(points, "float64"), { approximate }),
        op.gelu(op.constant(points, "float32"), { approximate }),
      ]);
      const expected = values.map(([, y]) => y);
      // x^2 / 2 is 684 at -37: its rounding alone makes 1e-13 of the exponential.
      expect(Math.max(...relativeErrors(toNumbers(wide), expected))).toBeLessThan(1e-12);
      for (const [i, value] of toNumbers(narrow).entries()) expect(value).toBeCloseTo(expected[i] ?? NaN, 6);
    },
  );

  test.each([
    ["float32", 1e-6],
    ["float64", 1e-14],
  ] as const)(
    "sigmoid and the slopes of softplus and expm1 in %s keep their digits far below 0",
    async (dtype, tolerance) => {
      const points = [-80, -40, -20, -10, -5, -1, 0, 1, 5, 10, 20];
      const [sigmoid, softplusSlope, expm1Slope] = await evaluate(() => {
        const x = op.constant(points, dtype);
        return [
          op.sigmoid(x),
          grad((t: Tensor) => op.sum(op.softplus(t)))(x),
          grad((t: Tensor) => op.sum(op.expm1(t)))(x),
        ] as const;
      });
      const logistic = points.map((x) => 1 / (1 + Math.exp(-x)));
      expect(Math.max(...relativeErrors(toNumbers(sigmoid), logistic))).toBeLessThan(tolerance);
      expect(Math.max(...relativeErrors(toNumbers(softplusSlope), logistic))).toBeLessThan(tolerance);
      expect(Math.max(...relativeErrors(toNumbers(expm1Slope), points.map(Math.exp)))).toBeLessThan(
        tolerance,
      );
    },
  );

  test("slopes far out do not overflow", async () => {
    const found = await evaluate(() => {
      const x = op.constant([-800, 0, 800], "float64");
      return [op.softplus, op.tanh, op.sigmoid, op.erf, (t: Tensor) => op.gelu(t)].map((f) =>
        grad((t: Tensor) => op.sum(f(t)))(x),
      );
    });
    expect(found.map(toNumbers)).toEqual([
      [0, 0.5, 1],
      [0, 1, 0],
      [0, 0.25, 0],
      [0, 2 / Math.sqrt(Math.PI), 0],
      [0, 0.5, 1],
    ]);
    expect(() => op.erf(op.constant(ndarray([1], [1], "int32")))).toThrow(/erf: needs float32 or float64/);
  });
});
