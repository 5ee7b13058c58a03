import { expect, test } from "vitest";
import { uniform } from "../checking.testing.ts";
import { castArray, toNumbers } from "../ndarray.ts";
import { compile, specs } from "../runtime/compile.ts";
import type { Tensor } from "../tensor.ts";
import { vjp } from "../transforms/grad.ts";
import * as op from "./index.ts";

/** Shapes for which the convolution or one of its transposes has another form in float32. */
const cases: readonly (readonly [
  form: string,
  x: readonly number[],
  w: readonly number[],
  options: op.ConvolutionOptions,
])[] = [
  ["weight by slices", [8, 3, 9, 8], [5, 3, 3, 3], { padding: 1, stride: 2 }],
  ["weight by slices, groups", [32, 4, 5, 5], [6, 2, 3, 3], { groups: 2 }],
  ["weight by offsets", [8, 12, 40, 40], [2, 12, 5, 5], { padding: [[1, 2], 2] }],
  ["weight by rows", [8, 4, 7, 9], [3, 4, 5, 5], { stride: [2, 1], padding: 2 }],
  ["weight by rows, 1d", [8, 12, 20], [3, 12, 7], { dilation: 2 }],
  ["weight by rows, 3d", [8, 3, 5, 4, 6], [2, 3, 3, 3, 3], { stride: [1, 2, 1], padding: 1 }],
  ["weight by gather", [8, 30, 7, 9], [3, 30, 3, 3], { stride: 2, padding: 1 }],
  ["weight by a swapped Conv", [2, 3, 7, 9], [4, 3, 3, 3], { stride: 2, padding: 1 }],
  ["small images", [3, 5, 3, 2], [24, 5, 3, 3], { padding: 1 }],
  ["small images, stride and dilation", [3, 2, 4, 3], [48, 2, 2, 2], { stride: 2, padding: 1, dilation: 2 }],
  ["small images, 1d", [3, 2, 7], [30, 2, 4], { padding: [[2, 1]] }],
  ["blocks", [8, 16, 12, 12], [20, 16, 3, 3], { padding: 1 }],
  ["blocks, asymmetric padding", [16, 32, 9, 11], [16, 32, 3, 4], { padding: [[0, 2], 1] }],
  ["blocks, dilation", [12, 16, 12, 12], [16, 16, 3, 3], { padding: 2, dilation: 2 }],
  ["blocks, stride", [18, 16, 15, 16], [24, 16, 3, 3], { padding: 1, stride: 2 }],
  ["blocks, few channels", [32, 3, 8, 8], [12, 3, 5, 5], { padding: 2 }],
];

test.each(cases)("float32 forms: %s", async (_, x, w, options) => {
  const both = async (dtype: "float32" | "float64"): Promise<number[][]> => {
    const inputs = [uniform(x, -1, 1, 1), uniform(w, -1, 1, 2)].map((array) => castArray(array, dtype));
    const f = (a: Tensor, b: Tensor) => {
      const [y, pullback] = vjp((image, kernel) => op.conv(image, kernel, options), a, b);
      return [y, ...pullback(op.sin(op.reshape(op.arange(0, y.size, 1, dtype), y.shape)))];
    };
    const [a, b] = inputs;
    if (a === undefined || b === undefined) throw new Error("there are two inputs");
    const executable = await compile(f, specs([a, b]), { threads: 1 });
    const results = await executable.run(a, b);
    await executable.dispose();
    return results.map(toNumbers);
  };
  const [found, expected] = [await both("float32"), await both("float64")];
  for (const [i, values] of expected.entries()) {
    const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    expect(found[i]?.length).toBe(values.length);
    const worst = values.reduce(
      (most, value, k) => Math.max(most, Math.abs(value - (found[i]?.[k] ?? 0))),
      0,
    );
    expect(worst).toBeLessThan(3e-6 * scale);
  }
});
