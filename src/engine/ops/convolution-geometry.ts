import { type Shape, sizeOf } from "../shape.ts";

/** How a convolution lays its kernel over its input. */
export interface ConvolutionAttributes {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Zeros before and after each spatial axis. */
  readonly padding: readonly (readonly [number, number])[];
  readonly groups: number;
  /** Spatial sizes of the input and of the kernel: strides and swapped roles do not determine them. */
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
}

/** The spatial sizes of the output. */
export function outputSize({
  stride,
  dilation,
  padding,
  inputSize,
  kernelSize,
}: ConvolutionAttributes): number[] {
  return inputSize.map((size, i) => {
    const [before, after] = padding[i] ?? [0, 0];
    const reach = (dilation[i] ?? 1) * ((kernelSize[i] ?? 1) - 1) + 1;
    return Math.floor((size + before + after - reach) / (stride[i] ?? 1)) + 1;
  });
}

/** The smallest spatial sizes whose convolution has the spatial sizes `reached`; strides leave larger ones open too. */
export function transposedSize(
  reached: readonly number[],
  {
    stride,
    dilation,
    padding,
    kernelSize,
  }: Pick<ConvolutionAttributes, "stride" | "dilation" | "padding" | "kernelSize">,
): number[] {
  return reached.map((size, i) => {
    const [before, after] = padding[i] ?? [0, 0];
    const reach = (dilation[i] ?? 1) * ((kernelSize[i] ?? 1) - 1) + 1;
    return (size - 1) * (stride[i] ?? 1) + reach - before - after;
  });
}

/** The place of the `index`th element of an array of `shape`. */
export function unravel(index: number, shape: Shape): number[] {
  const position: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return position;
}

/**
 * For every position and every tap, in this order, where in a flattened source of `size` the element is: `place` gives
 * its coordinate on each axis. Elements outside the source get the index just behind it, where a zero is put.
 */
export function windowIndices(
  size: Shape,
  positions: Shape,
  taps: Shape,
  place: (position: number, tap: number, axis: number) => number,
): number[] {
  const outside = sizeOf(size);
  const indices: number[] = [];
  const tapList = Array.from({ length: sizeOf(taps) }, (_, tap) => unravel(tap, taps));
  for (let p = 0; p < sizeOf(positions); p++) {
    const position = unravel(p, positions);
    for (const tap of tapList) {
      let index = 0;
      for (const [axis, length] of size.entries()) {
        const at = place(position[axis] ?? 0, tap[axis] ?? 0, axis);
        index = at < 0 || at >= length || index === outside ? outside : index * length + at;
      }
      indices.push(index);
    }
  }
  return indices;
}

/** For every position and every tap of the kernel, in this order, where in the flattened input the element is. */
export function kernelIndices(attributes: ConvolutionAttributes): number[] {
  const { stride, dilation, padding, inputSize, kernelSize } = attributes;
  return windowIndices(
    inputSize,
    outputSize(attributes),
    kernelSize,
    (position, tap, axis) =>
      position * (stride[axis] ?? 1) + tap * (dilation[axis] ?? 1) - (padding[axis]?.[0] ?? 0),
  );
}

/** The attributes of ONNX's Conv and ConvTranspose. */
export function onnxConvolution({
  stride,
  dilation,
  padding,
  groups,
  kernelSize,
}: ConvolutionAttributes): Record<string, number | number[]> {
  return {
    strides: [...stride],
    dilations: [...dilation],
    pads: [...padding.map(([before]) => before), ...padding.map(([, after]) => after)],
    group: groups,
    kernel_shape: [...kernelSize],
  };
}
