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
