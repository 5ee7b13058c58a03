import { ndarray } from "../ndarray.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { sum } from "./broadcast.ts";
import { constant, zeros } from "./constants.ts";
import { type ConvolutionAttributes, outputSize, unravel, windowIndices } from "./convolution-geometry.ts";
import { take } from "./indexing.ts";
import { matmul } from "./linear.ts";
import { matrixTranspose, reshape, transpose } from "./shape.ts";
import { concat, pad, type Range, slice, stack } from "./slicing.ts";

/**
 * Convolutions in terms of operations that have fast kernels. What is fastest was measured, and depends on the dtype
 * and on the number of examples: the runtime has Conv and ConvTranspose for float32 only, and nothing for the weight
 * gradient.
 *
 * `gather`: patches as rows. The input is laid out channels last, so that a patch is a few contiguous copies, and the
 *   product is one matrix product over all examples. Best for few examples, and the form for float64.
 * `swapped`: the weight gradient as a Conv whose examples and channels are exchanged. Best for few examples with few
 *   channels.
 * `slices`: patches by one strided slice for each kernel offset, one product for each example. Best for many examples
 *   when a patch is small.
 * `offsets`: one product for each kernel offset. Best for many examples when a patch is large.
 */
const manyExamples = 32;
const fewChannels = 8;
const smallPatch = 64;

/** The convolution itself, for forms that are convolutions of something else. */
type Convolve = (x: Tensor, w: Tensor, attributes: ConvolutionAttributes) => Tensor;

/** A convolution in float64 as a product of gathered patches; `undefined` where Conv has a kernel. */
export function lowerConv(x: Tensor, w: Tensor, attributes: ConvolutionAttributes): Tensor[] | undefined {
  if (x.dtype === "float32") return undefined;
  const { groups, kernelSize } = attributes;
  const positions = outputSize(attributes);
  const [outputs = 0, inner = 0] = w.shape;
  const taps = sizeOf(kernelSize);
  const weights = transpose(reshape(w, [groups, outputs / groups, inner, taps]), [0, 3, 2, 1]);
  const rows = kernelPatches(x, attributes);
  const product = matmul(rows, reshape(weights, [groups, taps * inner, outputs / groups]));
  return [channelsFirst(product, x.shape[0] ?? 0, positions)];
}

/** The transpose of a convolution in its input; `undefined` where ConvTranspose has a kernel. */
export function lowerConvInput(
  ct: Tensor,
  w: Tensor,
  attributes: ConvolutionAttributes,
  convolve: Convolve,
): Tensor[] | undefined {
  if (ct.dtype === "float32") return undefined;
  const dense = attributes.dilation.every((step) => step === 1);
  return [dense ? inputBySubpixels(ct, w, attributes) : inputBySpacedConv(ct, w, attributes, convolve)];
}

/** The transpose of a convolution in its weight, in its fastest form. */
export function lowerConvWeight(
  x: Tensor,
  ct: Tensor,
  attributes: ConvolutionAttributes,
  convolve: Convolve,
): Tensor[] {
  const { groups, kernelSize } = attributes;
  const [examples = 0, channels = 0] = x.shape;
  const inner = channels / groups;
  if (x.dtype === "float32" && examples >= manyExamples) {
    const small = inner * sizeOf(kernelSize) <= smallPatch;
    return [small || groups > 1 ? weightBySlices(x, ct, attributes) : weightByOffsets(x, ct, attributes)];
  }
  const swapped = x.dtype === "float32" && groups === 1 && inner < fewChannels;
  return [swapped ? weightBySwappedConv(x, ct, attributes, convolve) : weightByGather(x, ct, attributes)];
}

/** The elements under each kernel offset at each position as rows: [groups, N * positions, taps * C / groups]. */
function kernelPatches(x: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { stride, dilation, padding, groups, inputSize, kernelSize } = attributes;
  const indices = windowIndices(
    inputSize,
    outputSize(attributes),
    kernelSize,
    (position, tap, axis) =>
      position * (stride[axis] ?? 1) + tap * (dilation[axis] ?? 1) - (padding[axis]?.[0] ?? 0),
  );
  return gatherRows(x, indices, sizeOf(kernelSize), groups);
}

/** Rows of `taps` neighbours each from x [N, C, ...]: [groups, N * positions, taps * C / groups]. */
function gatherRows(x: Tensor, indices: readonly number[], taps: number, groups: number): Tensor {
  const [examples = 0, channels = 0] = x.shape;
  const size = sizeOf(x.shape.slice(2));
  const last = transpose(reshape(x, [examples, channels, size]), [0, 2, 1]);
  const edged = indices.includes(size) ? concat([last, zeros([examples, 1, channels], x.dtype)], 1) : last;
  const gathered = take(edged, constant(ndarray(indices, [indices.length], "int64")), 1);
  const rows = (examples * indices.length) / taps;
  if (groups === 1) return reshape(gathered, [1, rows, taps * channels]);
  const grouped = transpose(reshape(gathered, [rows, taps, groups, channels / groups]), [2, 0, 1, 3]);
  return reshape(grouped, [groups, rows, (taps * channels) / groups]);
}

/** Rows [groups, N * positions, K / groups] as [N, K, ...positions]. */
function channelsFirst(rows: Tensor, examples: number, positions: Shape): Tensor {
  const [groups = 1, , width = 0] = rows.shape;
  const split = transpose(reshape(rows, [groups, examples, sizeOf(positions), width]), [1, 0, 3, 2]);
  return reshape(split, [examples, groups * width, ...positions]);
}

/** [N, K, ...] as rows [groups, N * positions, K / groups]. */
function asRows(y: Tensor, groups: number): Tensor {
  const [examples = 0, channels = 0] = y.shape;
  const positions = sizeOf(y.shape.slice(2));
  const split = transpose(reshape(y, [examples, groups, channels / groups, positions]), [1, 0, 3, 2]);
  return reshape(split, [groups, examples * positions, channels / groups]);
}

function weightByGather(x: Tensor, ct: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { groups, kernelSize } = attributes;
  const inner = (x.shape[1] ?? 0) / groups;
  const outputs = ct.shape[1] ?? 0;
  const taps = sizeOf(kernelSize);
  const product = matmul(matrixTranspose(asRows(ct, groups)), kernelPatches(x, attributes));
  const weight = transpose(reshape(product, [outputs, taps, inner]), [0, 2, 1]);
  return reshape(weight, [outputs, inner, ...kernelSize]);
}

function weightBySwappedConv(
  x: Tensor,
  ct: Tensor,
  attributes: ConvolutionAttributes,
  convolve: Convolve,
): Tensor {
  const { stride, dilation, padding, kernelSize } = attributes;
  const exchange = [1, 0, ...kernelSize.map((_, i) => i + 2)];
  const y = convolve(transpose(x, exchange), transpose(ct, exchange), {
    stride: dilation,
    dilation: stride,
    padding,
    groups: 1,
    inputSize: x.shape.slice(2),
    kernelSize: ct.shape.slice(2),
  });
  // A stride leaves rows of x at the end that no position reached; they show up as extra offsets.
  const offsets = slice(y, [], [], ...kernelSize.map((size): Range => [0, size]));
  return transpose(offsets, exchange);
}

/** The part of the padded input under one kernel offset, for all positions. */
function underOffset(padded: Tensor, offset: number, attributes: ConvolutionAttributes): Tensor {
  const { stride, dilation, kernelSize } = attributes;
  const out = outputSize(attributes);
  const ranges = unravel(offset, kernelSize).map((tap, i): Range => {
    const start = tap * (dilation[i] ?? 1);
    return [start, start + ((out[i] ?? 1) - 1) * (stride[i] ?? 1) + 1, stride[i] ?? 1];
  });
  return slice(padded, [], [], ...ranges);
}

function padSpatial(x: Tensor, padding: ConvolutionAttributes["padding"]): Tensor {
  return pad(x, [[0, 0], [0, 0], ...padding]);
}

function weightBySlices(x: Tensor, ct: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { padding, groups, kernelSize } = attributes;
  const [examples = 0, channels = 0] = x.shape;
  const outputs = ct.shape[1] ?? 0;
  const inner = channels / groups;
  const taps = sizeOf(kernelSize);
  const positions = sizeOf(outputSize(attributes));
  const padded = padSpatial(x, padding);
  const parts = Array.from({ length: taps }, (_, offset) => underOffset(padded, offset, attributes));
  const split = reshape(concat(parts, 1), [examples, taps, groups, inner, positions]);
  const columns = reshape(transpose(split, [0, 2, 1, 3, 4]), [examples, groups, taps * inner, positions]);
  const cotangent = reshape(ct, [examples, groups, outputs / groups, positions]);
  const products = sum(matmul(cotangent, matrixTranspose(columns)), { axes: 0 });
  const weight = transpose(reshape(products, [outputs, taps, inner]), [0, 2, 1]);
  return reshape(weight, [outputs, inner, ...kernelSize]);
}

function weightByOffsets(x: Tensor, ct: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { padding, kernelSize } = attributes;
  const [examples = 0, channels = 0] = x.shape;
  const outputs = ct.shape[1] ?? 0;
  const positions = sizeOf(outputSize(attributes));
  const padded = padSpatial(x, padding);
  const cotangent = reshape(ct, [examples, outputs, positions]);
  const parts = Array.from({ length: sizeOf(kernelSize) }, (_, offset) => {
    const part = reshape(underOffset(padded, offset, attributes), [examples, channels, positions]);
    return sum(matmul(cotangent, matrixTranspose(part)), { axes: 0 });
  });
  return reshape(stack(parts, 2), [outputs, channels, ...kernelSize]);
}

/**
 * The transpose in the input without the zeros that a stride would put between cotangents: input element s q + a (before
 * the padding is cropped) is the sum over t of ct[q - t] w[a + s t]. All s phases a come from one product, as channels,
 * and are then woven together (Shi et al., "Real-time single image and video super-resolution using an efficient
 * sub-pixel convolutional neural network", CVPR 2016).
 */
function inputBySubpixels(ct: Tensor, w: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { stride, padding, groups, inputSize, kernelSize } = attributes;
  const [outputs = 0, inner = 0] = w.shape;
  const examples = ct.shape[0] ?? 0;
  const axes = kernelSize.map((_, axis) => axis);
  const taps = kernelSize.map((size, i) => Math.ceil(size / (stride[i] ?? 1)));
  const coarse = inputSize.map(
    (size, i) => Math.floor((size - 1 + (padding[i]?.[0] ?? 0)) / (stride[i] ?? 1)) + 1,
  );
  const indices = windowIndices(outputSize(attributes), coarse, taps, (position, tap) => position - tap);
  const rows = gatherRows(ct, indices, sizeOf(taps), groups);

  const whole = pad(w, [
    [0, 0],
    [0, 0],
    ...kernelSize.map((size, i) => [0, (taps[i] ?? 1) * (stride[i] ?? 1) - size] as const),
  ]);
  const phased = reshape(whole, [
    groups,
    outputs / groups,
    inner,
    ...axes.flatMap((i) => [taps[i] ?? 1, stride[i] ?? 1]),
  ]);
  const order = [0, ...axes.map((i) => 3 + 2 * i), 1, ...axes.map((i) => 4 + 2 * i), 2];
  const weights = reshape(transpose(phased, order), [
    groups,
    (sizeOf(taps) * outputs) / groups,
    sizeOf(stride) * inner,
  ]);

  const product = reshape(matmul(rows, weights), [groups, examples, ...coarse, ...stride, inner]);
  const count = axes.length;
  const woven = transpose(product, [1, 0, 2 + 2 * count, ...axes.flatMap((i) => [2 + i, 2 + count + i])]);
  const full = reshape(woven, [
    examples,
    groups * inner,
    ...axes.map((i) => (coarse[i] ?? 1) * (stride[i] ?? 1)),
  ]);
  return cropTo(full, inputSize, padding);
}

/** The part of a padded input that the input is; what no position reached is zero. */
function cropTo(full: Tensor, inputSize: Shape, padding: ConvolutionAttributes["padding"]): Tensor {
  const widths = inputSize.map((size, i): readonly [number, number] => {
    const before = padding[i]?.[0] ?? 0;
    return [-before, size + before - (full.shape[i + 2] ?? 0)];
  });
  return pad(full, [[0, 0], [0, 0], ...widths]);
}

/**
 * The transpose in the input as a convolution of the cotangent, spaced out by the stride and padded, with the kernel
 * turned around and its channel axes exchanged.
 */
function inputBySpacedConv(
  ct: Tensor,
  w: Tensor,
  attributes: ConvolutionAttributes,
  convolve: Convolve,
): Tensor {
  const { stride, dilation, padding, groups, inputSize, kernelSize } = attributes;
  const [outputs = 0, inner = 0] = w.shape;
  const reach = kernelSize.map((size, i) => (dilation[i] ?? 1) * (size - 1));
  const widths = outputSize(attributes).map((size, i): readonly [number, number] => {
    const before = (reach[i] ?? 0) - (padding[i]?.[0] ?? 0);
    return [before, (inputSize[i] ?? 0) + (reach[i] ?? 0) - before - ((size - 1) * (stride[i] ?? 1) + 1)];
  });
  const spaced = pad(ct, [[0, 0], [0, 0], ...widths], {
    interior: [0, 0, ...stride.map((step) => step - 1)],
  });
  const turned = slice(w, [], [], ...kernelSize.map((): Range => [null, null, -1]));
  const grouped = reshape(turned, [groups, outputs / groups, inner, ...kernelSize]);
  const exchanged = transpose(grouped, [0, 2, 1, ...kernelSize.map((_, i) => i + 3)]);
  return convolve(spaced, reshape(exchanged, [groups * inner, outputs / groups, ...kernelSize]), {
    stride: stride.map(() => 1),
    dilation,
    padding: padding.map(() => [0, 0] as const),
    groups,
    inputSize: spaced.shape.slice(2),
    kernelSize,
  });
}
