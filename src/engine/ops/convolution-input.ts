import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Convolve } from "./convolution-forward.ts";
import { type ConvolutionAttributes, outputSize, windowIndices } from "./convolution-geometry.ts";
import { gatherRows } from "./convolution-patches.ts";
import { inputOfSmallImages } from "./convolution-small.ts";
import { matmul } from "./linear.ts";
import { reshape, transpose } from "./shape.ts";
import { pad, type Range, slice } from "./slicing.ts";

/** The transpose of a convolution in its input; `undefined` where ConvTranspose is the best form. */
export function lowerConvInput(
  ct: Tensor,
  w: Tensor,
  attributes: ConvolutionAttributes,
  convolve: Convolve,
): Tensor[] | undefined {
  if (ct.dtype === "float32") {
    const small = inputOfSmallImages(ct, w, attributes);
    return small && [small];
  }
  const dense = attributes.dilation.every((step) => step === 1);
  return [dense ? inputBySubpixels(ct, w, attributes) : inputBySpacedConv(ct, w, attributes, convolve)];
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
