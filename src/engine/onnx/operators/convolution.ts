import { conv, convTranspose } from "../../ops/convolution.ts";
import { transposedSize } from "../../ops/convolution-geometry.ts";
import type { Tensor } from "../../tensor.ts";
import { attribute, type Call, listAttribute, type OperatorTable, optionalTensor, tensor } from "./call.ts";
import { autoPadding, autoPadMode, type Padding, pairs } from "./window.ts";

/** Convolutions. */

function convolution(call: Call): Tensor {
  const x = tensor(call, 0);
  const w = tensor(call, 1);
  const bias = optionalTensor(call, 2);
  const axes = x.rank - 2;
  const stride = listAttribute(call, "strides") ?? new Array<number>(axes).fill(1);
  const dilation = listAttribute(call, "dilations") ?? new Array<number>(axes).fill(1);
  const padding = autoPadding(call, {
    size: x.shape.slice(2),
    kernel: w.shape.slice(2),
    stride,
    dilation,
  });
  return conv(x, w, {
    stride,
    dilation,
    padding,
    groups: attribute(call, "group", 1),
    ...(bias && { bias }),
  });
}

/**
 * `output_shape` fixes the padding; without it the padding fixes the output's shape. Where the wanted shape is larger
 * than what the kernel reaches, the rest is output padding.
 */
function transposedConvolution(call: Call): Tensor {
  const x = tensor(call, 0);
  const w = tensor(call, 1);
  const bias = optionalTensor(call, 2);
  const axes = x.rank - 2;
  const ones = new Array<number>(axes).fill(1);
  const stride = listAttribute(call, "strides") ?? ones;
  const dilation = listAttribute(call, "dilations") ?? ones;
  const outputPadding = listAttribute(call, "output_padding") ?? ones.map(() => 0);
  const unpadded = { stride, dilation, padding: [], kernelSize: w.shape.slice(2) };
  const reach = transposedSize(x.shape.slice(2), unpadded).map((size, i) => size + (outputPadding[i] ?? 0));
  const wanted = wantedSize(call, stride, x.shape.slice(2));
  return convTranspose(x, w, {
    stride,
    dilation,
    padding: transposedPadding(call, reach, wanted),
    outputPadding: outputPadding.map((extra, i) => extra + Math.max(0, (wanted?.[i] ?? 0) - (reach[i] ?? 0))),
    groups: attribute(call, "group", 1),
    ...(bias && { bias }),
  });
}

/** The spatial axes of the output where the node fixes them. */
function wantedSize(
  call: Call,
  stride: readonly number[],
  size: readonly number[],
): readonly number[] | undefined {
  const mode = autoPadMode(call);
  const same = mode === "SAME_UPPER" || mode === "SAME_LOWER";
  // Some exporters list the examples and channels too.
  return (
    listAttribute(call, "output_shape")?.slice(-size.length) ??
    (same ? size.map((n, i) => n * (stride[i] ?? 1)) : undefined)
  );
}

function transposedPadding(
  call: Call,
  reach: readonly number[],
  wanted: readonly number[] | undefined,
): Padding[] {
  const mode = autoPadMode(call);
  if (wanted === undefined)
    return mode === "VALID"
      ? reach.map((): Padding => [0, 0])
      : pairs(listAttribute(call, "pads") ?? [], reach.length);
  return reach.map((length, i): Padding => {
    const total = Math.max(0, length - (wanted[i] ?? length));
    const small = Math.floor(total / 2);
    return mode === "SAME_UPPER" ? [small, total - small] : [total - small, small];
  });
}

export const convolutions: OperatorTable = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
};
