import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type ConvolutionAttributes, outputSize } from "./convolution-geometry.ts";
import { channelsFirst, kernelPatches } from "./convolution-patches.ts";
import { convolutionOfSmallImages } from "./convolution-small.ts";
import { matmul } from "./linear.ts";
import { reshape, transpose } from "./shape.ts";

/** The convolution itself, for forms that are convolutions of something else. */
export type Convolve = (x: Tensor, w: Tensor, attributes: ConvolutionAttributes) => Tensor;

/** A convolution in terms of operations that are faster, or that have a kernel; `undefined` where Conv is the best form. */
export function lowerConv(x: Tensor, w: Tensor, attributes: ConvolutionAttributes): Tensor[] | undefined {
  if (x.dtype === "float32") {
    const small = convolutionOfSmallImages(x, w, attributes);
    return small && [small];
  }
  const { groups, kernelSize } = attributes;
  const positions = outputSize(attributes);
  const [outputs = 0, inner = 0] = w.shape;
  const taps = sizeOf(kernelSize);
  const weights = transpose(reshape(w, [groups, outputs / groups, inner, taps]), [0, 3, 2, 1]);
  const rows = kernelPatches(x, attributes);
  const product = matmul(rows, reshape(weights, [groups, taps * inner, outputs / groups]));
  return [channelsFirst(product, x.shape[0] ?? 0, positions)];
}
