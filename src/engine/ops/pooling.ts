import { fail } from "../errors.ts";
import { ndarray } from "../ndarray.ts";
import { sizeOf } from "../shape.ts";
import { applyOne, type Op, type Tensor } from "../tensor.ts";
import { expand } from "./broadcast.ts";
import { describe, requireFloat } from "./check.ts";
import { constant, ones } from "./constants.ts";
import { convInputOp, convOp } from "./convolution.ts";
import type { ConvolutionAttributes } from "./convolution-geometry.ts";
import { div, mul } from "./elementwise.ts";
import { mean } from "./reduction.ts";
import { only, reshape } from "./shape.ts";
import {
  covered,
  onnxWindow,
  perAxis,
  resolveWindow,
  tiles,
  type Window,
  type WindowOptions,
  windowCounts,
} from "./window.ts";

/** Average pooling over 1 to 3 spatial axes of x [N, C, ...], and its counterpart, upsampling. */

export { type MaxPoolOptions, maxPool } from "./maxpool.ts";

export interface AveragePoolOptions extends WindowOptions {
  /** Whether the zeros of the padding count as elements (default), or are left out of the average. */
  readonly countIncludePad?: boolean;
}

/** Folds a batch into the examples of a tensor [B, N, ...], applies `f`, and unfolds it. */
function overExamples(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  const [batch = 1, examples = 1] = x.shape;
  const y = f(reshape(x, [batch * examples, ...x.shape.slice(2)]));
  return reshape(y, [batch, examples, ...y.shape.slice(1)]);
}

interface AverageAttributes extends Window {
  readonly countIncludePad: boolean;
  /** Places at the end that only `ceilMode` added, which never count. */
  readonly uncounted: readonly number[];
}

const averagePoolOp: Op<AverageAttributes> = {
  name: "averagePool",
  outputs: ([x], attributes) => [
    {
      shape: [...(x?.shape.slice(0, 2) ?? []), ...windowCounts(x?.shape.slice(2) ?? [], attributes)],
      dtype: x?.dtype ?? "float32",
    },
  ],
  gradient: ({ inputs, attributes, cotangents: [ct] }) => {
    if (ct === undefined) return [undefined];
    const x = only(inputs);
    if (tiles(attributes) && covered(x, attributes.kernel) === x)
      return [mul(upsample(ct, { scale: attributes.kernel }), 1 / sizeOf(attributes.kernel))];
    const weighted = oneChannel(div(ct, elementCounts(x, attributes)));
    const form = windowConvolution(x, attributes);
    const flow = applyOne(convInputOp, [weighted, ones([1, 1, ...attributes.kernel], x.dtype)], form);
    return [reshape(flow, x.shape)];
  },
  batch: ({ inputs, attributes }) => [
    overExamples(only(inputs), (x) => applyOne(averagePoolOp, [x], attributes)),
  ],
  lower: (inputs, attributes) => {
    const x = only(inputs);
    if (x.dtype === "float32" && attributes.uncounted.every((count) => count === 0)) return undefined;
    if (tiles(attributes)) return [meanOverTiles(covered(x, attributes.kernel), attributes.kernel)];
    const form = windowConvolution(x, attributes);
    const sums = applyOne(convOp, [oneChannel(x), ones([1, 1, ...attributes.kernel], x.dtype)], form);
    const shape = [...x.shape.slice(0, 2), ...sums.shape.slice(2)];
    return [div(reshape(sums, shape), elementCounts(x, attributes))];
  },
  emit: (emitter, inputs, _, attributes) => {
    return emitter.node("AveragePool", inputs, {
      ...onnxWindow(attributes),
      count_include_pad: Number(attributes.countIncludePad),
    });
  },
  flops: (node, { kernel }) => sizeOf(node.outputs[0]?.shape ?? []) * sizeOf(kernel),
};

/** Every channel as an example of its own. */
function oneChannel(x: Tensor): Tensor {
  return reshape(x, [(x.shape[0] ?? 1) * (x.shape[1] ?? 1), 1, ...x.shape.slice(2)]);
}

/** The sum over a window is a convolution with ones. */
function windowConvolution(x: Tensor, { kernel, stride, dilation, padding }: Window): ConvolutionAttributes {
  return { stride, dilation, padding, groups: 1, inputSize: x.shape.slice(2), kernelSize: kernel };
}

/** How many elements each window averages over: the product of the counts along each axis. */
function elementCounts(x: Tensor, attributes: AverageAttributes): Tensor {
  const { kernel, stride, padding, countIncludePad, uncounted } = attributes;
  const sizes = x.shape.slice(2);
  const shape = windowCounts(sizes, attributes);
  const along = shape.map((windows, axis) => {
    const [before, after] = padding[axis] ?? [0, 0];
    const [low, high] = countIncludePad
      ? [-before, (sizes[axis] ?? 0) + after - (uncounted[axis] ?? 0)]
      : [0, sizes[axis] ?? 0];
    return Array.from({ length: windows }, (_, i) => {
      const start = i * (stride[axis] ?? 1) - before;
      return Math.min(start + (kernel[axis] ?? 1), high) - Math.max(start, low);
    });
  });
  const counts = along.reduce((products, list) => products.flatMap((p) => list.map((c) => p * c)), [1]);
  return constant(ndarray(counts, shape, x.dtype));
}

/** The mean over windows side by side. */
function meanOverTiles(x: Tensor, kernel: readonly number[]): Tensor {
  const sizes = x.shape.slice(2);
  const parts = sizes.flatMap((size, axis) => [size / (kernel[axis] ?? 1), kernel[axis] ?? 1]);
  return mean(reshape(x, [...x.shape.slice(0, 2), ...parts]), {
    axes: kernel.map((_, axis) => 2 * axis + 3),
  });
}

/**
 * The average over each window of x [N, C, ...].
 *
 * @throws GraphError when the window does not fit
 * @example averagePool(images, { kernel: 3, stride: 2, padding: 1, countIncludePad: false })
 */
export function averagePool(x: Tensor, { countIncludePad = true, ...options }: AveragePoolOptions): Tensor {
  const window = resolveWindow("averagePool", x, options);
  const plain = resolveWindow("averagePool", x, { ...options, ceilMode: false });
  const uncounted = window.padding.map(([, after], axis) => after - (plain.padding[axis]?.[1] ?? 0));
  const input = tiles(window) ? covered(x, window.kernel) : x;
  return applyOne(averagePoolOp, [input], { ...window, countIncludePad, uncounted });
}

/** The average over all spatial axes, which keep size 1. */
export function globalAveragePool(x: Tensor): Tensor {
  requireFloat("globalAveragePool", x);
  if (x.rank < 3) fail("globalAveragePool", `needs x [N, C, ...], got ${describe(x)}`);
  return mean(x, { axes: x.shape.map((_, axis) => axis).slice(2), keepAxes: true });
}

interface Scale {
  readonly scale: readonly number[];
}

const upsampleOp: Op<Scale> = {
  name: "upsample",
  outputs: ([x], { scale }) => [
    {
      shape: (x?.shape ?? []).map((size, axis) => size * (scale[axis - 2] ?? 1)),
      dtype: x?.dtype ?? "float32",
    },
  ],
  gradient: ({ attributes: { scale }, cotangents: [ct] }) => [
    ct && mul(averagePool(ct, { kernel: scale }), sizeOf(scale)),
  ],
  batch: ({ inputs, attributes: { scale } }) => [overExamples(only(inputs), (x) => upsample(x, { scale }))],
  lower: (inputs, { scale }) => {
    const x = only(inputs);
    // Resize has no float64 kernel.
    if (x.dtype === "float32") return undefined;
    const sizes = x.shape.slice(2);
    const spaced = reshape(x, [...x.shape.slice(0, 2), ...sizes.flatMap((size) => [size, 1])]);
    const repeated = expand(spaced, [
      ...x.shape.slice(0, 2),
      ...sizes.flatMap((size, axis) => [size, scale[axis] ?? 1]),
    ]);
    return [
      reshape(repeated, [...x.shape.slice(0, 2), ...sizes.map((size, axis) => size * (scale[axis] ?? 1))]),
    ];
  },
  emit: (emitter, [x = ""], _, { scale }) =>
    emitter.node(
      "Resize",
      [x, "", emitter.constant(ndarray([1, 1, ...scale], [scale.length + 2], "float32"))],
      { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    ),
  flops: () => 0,
};

/**
 * Every element of x [N, C, ...] repeated along the spatial axes (nearest neighbour).
 *
 * @param scale how often: a whole number for all axes, or one for each
 */
export function upsample(x: Tensor, { scale }: { readonly scale: number | readonly number[] }): Tensor {
  requireFloat("upsample", x);
  if (x.rank < 3 || x.rank > 5)
    fail("upsample", `needs x [N, C, ...] with 1 to 3 spatial axes, got ${describe(x)}`);
  return applyOne(upsampleOp, [x], { scale: perAxis("upsample", scale, x.rank - 2, "scale") });
}
