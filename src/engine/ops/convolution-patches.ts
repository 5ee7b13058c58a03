import { ndarray } from "../ndarray.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { constant, zeros } from "./constants.ts";
import { type ConvolutionAttributes, kernelIndices } from "./convolution-geometry.ts";
import { take } from "./indexing.ts";
import { reshape, transpose } from "./shape.ts";
import { concat } from "./slicing.ts";

/**
 * Patches of images, the operands of products that stand for convolutions. The input is laid out channels last, so that
 * a patch is a few contiguous copies.
 */

/** The elements under each kernel offset at each position as rows: [groups, N * positions, taps * C / groups]. */
export function kernelPatches(x: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { groups, kernelSize } = attributes;
  return gatherRows(x, kernelIndices(attributes), sizeOf(kernelSize), groups);
}

/** Rows of `taps` neighbours each from x [N, C, ...]: [groups, N * positions, taps * C / groups]. */
export function gatherRows(x: Tensor, indices: readonly number[], taps: number, groups: number): Tensor {
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
export function channelsFirst(rows: Tensor, examples: number, positions: Shape): Tensor {
  const [groups = 1, , width = 0] = rows.shape;
  const split = transpose(reshape(rows, [groups, examples, sizeOf(positions), width]), [1, 0, 3, 2]);
  return reshape(split, [examples, groups * width, ...positions]);
}
