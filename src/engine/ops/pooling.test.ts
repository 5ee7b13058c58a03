import { describe, expect, test } from "vitest";
import { type Check, distinct, evaluate, generator, runChecks, uniform } from "../checking.testing.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { grad } from "../transforms/grad.ts";
import * as op from "./index.ts";

const windows: readonly (readonly [name: string, shape: readonly number[], options: op.MaxPoolOptions])[] = [
  ["1d tiles", [2, 2, 6], { kernel: 3 }],
  ["1d tiles with a rest", [1, 2, 5], { kernel: 2 }],
  ["1d overlapping", [2, 1, 5], { kernel: 3, stride: 1 }],
  ["2d tiles", [2, 2, 4, 6], { kernel: 2 }],
  ["2d tiles, axes differ", [1, 2, 4, 3], { kernel: [2, 3] }],
  ["2d along one axis", [1, 1, 4, 3], { kernel: [2, 1] }],
  ["2d overlapping, padded", [2, 2, 5, 4], { kernel: 3, stride: 2, padding: 1 }],
  ["2d gaps", [1, 2, 5, 5], { kernel: 2, stride: 3 }],
  [
    "2d uneven padding",
    [1, 1, 4, 4],
    {
      kernel: 3,
      stride: 2,
      padding: [
        [1, 0],
        [0, 2],
      ],
    },
  ],
  ["2d rounded up", [1, 1, 5, 6], { kernel: 2, stride: 2, ceilMode: true }],
  ["2d rounded up, padded", [1, 2, 6, 6], { kernel: 3, stride: 2, padding: 1, ceilMode: true }],
  ["3d tiles", [1, 1, 2, 2, 4], { kernel: 2 }],
  ["3d overlapping", [1, 1, 3, 2, 3], { kernel: 2, stride: 1 }],
  ["no examples", [0, 2, 4, 4], { kernel: 2 }],
];

/** Pooling by its definition: f of the elements of each window, and of the number of places it covers. */
function pooled(
  { shape, data }: NDArray,
  { kernel, stride = kernel, padding = 0, dilation = 1, ceilMode = false }: op.MaxPoolOptions,
  f: (elements: number[], places: number) => number,
): number[] {
  const [examples = 0, channels = 0, ...sizes] = shape;
  const per = (value: number | readonly number[]): number[] =>
    sizes.map((_, i) => (typeof value === "number" ? value : (value[i] ?? 0)));
  const [k, s, d] = [per(kernel), per(stride), per(dilation)];
  const pads = sizes.map((_, i) => {
    const pair = typeof padding === "number" ? padding : (padding[i] ?? 0);
    return typeof pair === "number" ? [pair, pair] : [...pair];
  });
  const counts = sizes.map((size, i) => {
    const [before = 0, after = 0] = pads[i] ?? [];
    const span = (size + before + after - ((d[i] ?? 1) * ((k[i] ?? 1) - 1) + 1)) / (s[i] ?? 1);
    const count = (ceilMode ? Math.ceil(span) : Math.floor(span)) + 1;
    return ceilMode && (count - 1) * (s[i] ?? 1) >= size + before ? count - 1 : count;
  });
  const unravel = (index: number, of: readonly number[]): number[] => {
    let rest = index;
    return of
      .toReversed()
      .map((size) => {
        const place = rest % size;
        rest = Math.floor(rest / size);
        return place;
      })
      .toReversed();
  };
  const result: number[] = [];
  for (let plane = 0; plane < examples * channels; plane++)
    for (let w = 0; w < sizeOf(counts); w++) {
      const window = unravel(w, counts);
      const elements: number[] = [];
      let places = 0;
      for (let e = 0; e < sizeOf(k); e++) {
        const offset = unravel(e, k);
        const at = sizes.map(
          (_, i) => (window[i] ?? 0) * (s[i] ?? 1) - (pads[i]?.[0] ?? 0) + (offset[i] ?? 0) * (d[i] ?? 1),
        );
        if (at.every((p, i) => p < (sizes[i] ?? 0) + (pads[i]?.[1] ?? 0))) places++;
        if (at.every((p, i) => p >= 0 && p < (sizes[i] ?? 0)))
          elements.push(
            Number(data[plane * sizeOf(sizes) + at.reduce((index, p, i) => index * (sizes[i] ?? 1) + p, 0)]),
          );
      }
      result.push(f(elements, places));
    }
  return result;
}

describe("pooling", () => {
  test("maxPool: values, derivatives, vmap, float32", async () => {
    await runChecks(
      [...windows, ["dilated", [1, 2, 7], { kernel: 3, stride: 1, dilation: 2, padding: 1 }] as const].map(
        ([name, shape, options]): Check => {
          const x = distinct(shape, 4);
          return {
            name: `maxPool ${name}`,
            f: (t) => op.maxPool(op.mul(t, op.exp(op.mul(t, 0.05))), options),
            inputs: [x],
          };
        },
      ),
    );
    await runChecks(
      windows.map(([name, shape, options]): Check => {
        const x = distinct(shape, 4);
        return {
          name: `maxPool ${name}`,
          f: (t) => op.maxPool(t, options),
          inputs: [x],
          expected: [pooled(x, options, (e) => Math.max(...e))],
          derivatives: "none",
        };
      }),
    );
  });

  test("averagePool: values, derivatives, vmap, float32", async () => {
    await runChecks(
      windows.flatMap(([name, shape, options]) =>
        [true, false].map((countIncludePad): Check => {
          const x = uniform(shape);
          const mean = (elements: readonly number[], places: number): number =>
            elements.reduce((total, value) => total + value, 0) /
            (countIncludePad ? places : elements.length);
          return {
            name: `averagePool ${name}${countIncludePad ? "" : " of elements only"}`,
            f: (t) => op.averagePool(t, { ...options, countIncludePad }),
            inputs: [x],
            expected: [pooled(x, options, mean)],
          };
        }),
      ),
    );
  });

  test("globalAveragePool and upsample", async () => {
    await runChecks([
      { name: "globalAveragePool", f: op.globalAveragePool, inputs: [uniform([2, 2, 3, 2])] },
      {
        name: "globalAveragePool 1d",
        f: (t) => op.globalAveragePool(op.square(t)),
        inputs: [uniform([2, 2, 3])],
      },
      {
        name: "upsample",
        f: (t) => op.upsample(op.square(t), { scale: 2 }),
        inputs: [uniform([2, 2, 2, 3])],
      },
      {
        name: "upsample 1d",
        f: (t) => op.upsample(t, { scale: 3 }),
        inputs: [ndarray([1, 2], [1, 1, 2], "float64")],
        expected: [[1, 1, 1, 2, 2, 2]],
      },
      {
        name: "upsample 3d",
        f: (t) => op.upsample(t, { scale: [1, 2, 3] }),
        inputs: [uniform([1, 2, 2, 1, 2])],
      },
    ]);
  });

  test("the derivative of maxPool goes to the first of equals, as PyTorch's", async () => {
    const slopes = (shape: readonly number[], values: readonly number[], options: op.MaxPoolOptions) =>
      grad((t: Tensor) => op.sum(op.maxPool(t, options)))(op.constant(ndarray(values, shape, "float64")));
    const found = await evaluate(() => [
      slopes([1, 1, 2, 2], [0, 0, 0, 0], { kernel: 2 }),
      slopes([1, 1, 2, 2], [0, 1, 1, 0], { kernel: 2 }),
      slopes([1, 1, 2, 2], [0, 0, 1, 1], { kernel: 2 }),
      slopes([1, 1, 3], [2, 2, 2], { kernel: 2, stride: 1 }),
      slopes([1, 1, 1, 4], [1, 3, 3, 3], { kernel: [1, 3], stride: 1 }),
    ]);
    expect(found.map(toNumbers)).toEqual([
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [1, 1, 0],
      [0, 2, 0, 0],
    ]);
  });

  test("windows side by side and windows with padding give the same derivative, ties included", async () => {
    const draw = generator(7);
    const values = Array.from({ length: 2 * 3 * 8 * 8 }, () => Math.round(draw() * 3));
    const [byTiles, byPlaces] = await evaluate(() => {
      const x = op.constant(ndarray(values, [2, 3, 8, 8], "float64"));
      const tiles = (t: Tensor) => op.sum(op.maxPool(t, { kernel: 2 }));
      // Zeros around the input and padding around those: but for the outermost, the windows are the same tiles.
      const padded = (t: Tensor) => {
        const framed = op.pad(t, [
          [0, 0],
          [0, 0],
          [1, 1],
          [1, 1],
        ]);
        return op.sum(op.slice(op.maxPool(framed, { kernel: 2, padding: 1 }), [], [], [1, -1], [1, -1]));
      };
      return [grad(tiles)(x), grad(padded)(x)] as const;
    });
    expect(toNumbers(byTiles).reduce((a, b) => a + b)).toBe(2 * 3 * 16);
    expect(toNumbers(byPlaces)).toEqual(toNumbers(byTiles));
  });

  test("errors", () => {
    const x = op.zeros([1, 1, 4, 4]);
    expect(() => op.maxPool(op.zeros([2, 4]), { kernel: 2 })).toThrow(
      /maxPool: needs x \[N, C, \.\.\.\].*float32\[2,4\] \(at .*pooling\.test\.ts/,
    );
    expect(() => op.maxPool(x, { kernel: 5 })).toThrow(
      /the kernel \[5,5\] does not fit into float32\[1,1,4,4\]/,
    );
    expect(() => op.maxPool(x, { kernel: [2] })).toThrow(
      /kernel \[2\] is not a positive integer for each of the 2/,
    );
    expect(() => op.maxPool(x, { kernel: 2, padding: 2 })).toThrow(
      /padding 2 is not a count below the kernel's size/,
    );
    expect(() => op.averagePool(x, { kernel: 2, stride: 0 })).toThrow(/averagePool: stride 0/);
    expect(() => op.maxPool(op.zeros([1, 1, 4], "int32"), { kernel: 2 })).toThrow(/needs float32 or float64/);
    expect(() => op.upsample(x, { scale: 1.5 })).toThrow(/scale 1.5/);
    expect(() => op.globalAveragePool(op.zeros([2, 2]))).toThrow(/globalAveragePool/);
  });
});
