import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { sum } from "./broadcast.ts";
import type { Convolve } from "./convolution-forward.ts";
import { type ConvolutionAttributes, outputSize, unravel } from "./convolution-geometry.ts";
import { kernelPatches } from "./convolution-patches.ts";
import { matmul } from "./linear.ts";
import { matrixTranspose, reshape, transpose } from "./shape.ts";
import { concat, pad, type Range, slice, stack } from "./slicing.ts";

/**
 * The transpose of a convolution in its weight, for which the runtime has no kernel, as products of matrices. What is
 * fastest was measured, and depends on the dtype and the sizes:
 *
 * `gather`: patches as rows of one product over all examples. The form for float64, and the best where the patches fit
 *   into the cache or there is a stride.
 * `rows`: the offsets along the last axis side by side, one product for each of the others. Best for few channels, for
 *   which gathering copies too little at a time.
 * `slices`: patches by one strided slice for each kernel offset, one product for each example. Best when a patch is small.
 * `offsets`: one product for each kernel offset. Best when the patches are larger than the cache, unless a stride breaks
 *   the copies into single elements.
 * `swapped`: a Conv whose examples and channels are exchanged. Best for few examples with few channels.
 */
const fewExamples = 8;
const manyExamples = 32;
const fewChannels = 8;
const severalChannels = 16;
const smallPatch = 64;
const cacheBytes = 12 * 2 ** 20;

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
  if (x.dtype !== "float32") return [weightByGather(x, ct, attributes)];
  if (groups > 1) {
    const form = examples >= manyExamples ? weightBySlices : weightByGather;
    return [form(x, ct, attributes)];
  }
  if (examples < fewExamples && inner < fewChannels)
    return [weightBySwappedConv(x, ct, attributes, convolve)];
  if (examples < fewExamples) return [weightByGather(x, ct, attributes)];
  const patch = inner * sizeOf(kernelSize);
  if (patch <= smallPatch) return [weightBySlices(x, ct, attributes)];
  const bytes = 4 * examples * sizeOf(outputSize(attributes)) * patch;
  if (bytes > cacheBytes && attributes.stride.every((step) => step === 1))
    return [weightByOffsets(x, ct, attributes)];
  const form = inner < severalChannels ? weightByRows : weightByGather;
  return [form(x, ct, attributes)];
}

/** [N, K, ...] as the left factors [groups, K / groups, N * positions]. */
function leftFactor(ct: Tensor, groups: number): Tensor {
  const [examples = 0, outputs = 0] = ct.shape;
  const positions = sizeOf(ct.shape.slice(2));
  const split = reshape(ct, [examples, groups, outputs / groups, positions]);
  return reshape(transpose(split, [1, 2, 0, 3]), [groups, outputs / groups, examples * positions]);
}

function weightByGather(x: Tensor, ct: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { groups, kernelSize } = attributes;
  const inner = (x.shape[1] ?? 0) / groups;
  const outputs = ct.shape[1] ?? 0;
  const taps = sizeOf(kernelSize);
  const product = matmul(leftFactor(ct, groups), kernelPatches(x, attributes));
  const weight = transpose(reshape(product, [outputs, taps, inner]), [0, 2, 1]);
  return reshape(weight, [outputs, inner, ...kernelSize]);
}

function weightByRows(x: Tensor, ct: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { padding, kernelSize } = attributes;
  const [, channels = 0] = x.shape;
  const outputs = ct.shape[1] ?? 0;
  const axes = kernelSize.map((_, axis) => axis);
  const last = axes.length - 1;
  const channelsLast = transpose(padSpatial(x, padding), [0, ...axes.map((axis) => axis + 2), 1]);
  const alongLast = Array.from({ length: kernelSize[last] ?? 1 }, (_, tap) => {
    const whole = axes.slice(0, last).map((): Range => []);
    return slice(channelsLast, [], ...whole, underTap(tap, last, attributes));
  });
  const wide = concat(alongLast, -1);
  const left = reshape(leftFactor(ct, 1), [outputs, ct.size / outputs]);
  const others = kernelSize.slice(0, last);
  const products = Array.from({ length: sizeOf(others) }, (_, offset) => {
    const ranges = unravel(offset, others).map((tap, axis) => underTap(tap, axis, attributes));
    const part = slice(wide, [], ...ranges);
    return matmul(left, reshape(part, [ct.size / outputs, part.shape.at(-1) ?? 0]));
  });
  const weight = reshape(stack(products, 1), [outputs, sizeOf(kernelSize), channels]);
  return reshape(transpose(weight, [0, 2, 1]), [outputs, channels, ...kernelSize]);
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

/** Where the elements under one tap of the kernel are along a spatial axis of the padded input, for all positions. */
function underTap(tap: number, axis: number, attributes: ConvolutionAttributes): Range {
  const stride = attributes.stride[axis] ?? 1;
  const start = tap * (attributes.dilation[axis] ?? 1);
  return [start, start + ((outputSize(attributes)[axis] ?? 1) - 1) * stride + 1, stride];
}

/** The part of the padded input under one kernel offset, for all positions. */
function underOffset(padded: Tensor, offset: number, attributes: ConvolutionAttributes): Tensor {
  const ranges = unravel(offset, attributes.kernelSize).map((tap, axis) => underTap(tap, axis, attributes));
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
