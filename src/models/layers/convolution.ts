import * as op from "../../engine/ops/index.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { ParameterSpec } from "../initialisation.ts";
import { type FloatDType, type Named, parameterAt } from "../model.ts";
import type { BiasOption } from "./linear.ts";

/** Convolutions of images, as torch.nn.Conv2d and ConvTranspose2d with square kernels. */

export interface ConvolutionShape {
  /** Channels of the input and of the output. */
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the kernel. */
  readonly kernel: number;
}

/** The parameters of a convolution: weight [outputs, inputs, kernel, kernel], bias [outputs]. */
export function convolutionParameters(
  { inputs, outputs, kernel }: ConvolutionShape,
  dtype: FloatDType,
  { bias = true }: BiasOption = {},
): Named<ParameterSpec> {
  const fans = { fanIn: inputs * kernel ** 2, fanOut: outputs * kernel ** 2 };
  return {
    weight: { shape: [outputs, inputs, kernel, kernel], dtype, role: "weight", ...fans },
    ...(bias && { bias: { shape: [outputs], dtype, role: "bias", ...fans } }),
  };
}

/** The parameters of a transposed convolution: weight [inputs, outputs, kernel, kernel], bias [outputs]. */
export function transposedParameters(
  { inputs, outputs, kernel }: ConvolutionShape,
  dtype: FloatDType,
): Named<ParameterSpec> {
  // torch.nn.init counts the fans of any weight from its first two axes, which are swapped here.
  const fans = { fanIn: outputs * kernel ** 2, fanOut: inputs * kernel ** 2 };
  return {
    weight: { shape: [inputs, outputs, kernel, kernel], dtype, role: "weight", ...fans },
    bias: { shape: [outputs], dtype, role: "bias", ...fans },
  };
}

export interface Window {
  readonly stride?: number;
  /** Zeros around the image. */
  readonly padding?: number;
}

/** x [N, inputs, H, W] to [N, outputs, H', W']. */
export function convolution(parameters: Named<Tensor>, x: Tensor, window: Window = {}): Tensor {
  const weight = parameterAt(parameters, "weight");
  return op.conv(x, weight, {
    ...window,
    ...("bias" in parameters && { bias: parameterAt(parameters, "bias") }),
  });
}

/** x [N, inputs, H, W] to [N, outputs, H', W'], larger by the stride. */
export function transposedConvolution(
  parameters: Named<Tensor>,
  x: Tensor,
  window: Window & { readonly outputPadding?: number },
): Tensor {
  return op.convTranspose(x, parameterAt(parameters, "weight"), {
    ...window,
    bias: parameterAt(parameters, "bias"),
  });
}
