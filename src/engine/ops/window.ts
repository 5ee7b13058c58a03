import { fail } from "../errors.ts";
import { formatShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { describe, requireFloat } from "./check.ts";
import { type Range, slice } from "./slicing.ts";

/** The windows of pooling: which elements of x [N, C, ...] each of them covers. */

export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Places added before and after each spatial axis, those that `ceilMode` adds at the end included. */
  readonly padding: readonly (readonly [number, number])[];
}

export interface WindowOptions {
  /** The size of the window; a number stands for all spatial axes. */
  readonly kernel: number | readonly number[];
  /** Distance between windows; that of the kernel by default, so that windows tile the input. */
  readonly stride?: number | readonly number[];
  /** Places added around the input: a number, or for each axis a number or `[before, after]`. */
  readonly padding?: number | readonly (number | readonly [number, number])[];
  /** Round the number of windows up, as long as a window starts inside the input or the padding before it. */
  readonly ceilMode?: boolean;
}

export function reachOf({ kernel, dilation }: Window, axis: number): number {
  return (dilation[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
}

export function windowCounts(inputSize: readonly number[], window: Window): number[] {
  return inputSize.map((size, axis) => {
    const [before, after] = window.padding[axis] ?? [0, 0];
    return Math.floor((size + before + after - reachOf(window, axis)) / (window.stride[axis] ?? 1)) + 1;
  });
}

export function perAxis(
  operation: string,
  value: number | readonly number[],
  axes: number,
  what: string,
): number[] {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : [...value];
  if (list.length !== axes || list.some((item) => !Number.isInteger(item) || item < 1))
    fail(
      operation,
      `${what} ${JSON.stringify(value)} is not a positive integer for each of the ${axes} spatial axes`,
    );
  return list;
}

/** The window in full, checked against x. */
export function resolveWindow(
  operation: string,
  x: Tensor,
  {
    kernel,
    stride = kernel,
    padding = 0,
    dilation = 1,
    ceilMode = false,
  }: WindowOptions & { readonly dilation?: number | readonly number[] },
): Window {
  const axes = x.rank - 2;
  requireFloat(operation, x);
  if (axes < 1 || axes > 3)
    fail(operation, `needs x [N, C, ...] with 1 to 3 spatial axes, got ${describe(x)}`);
  const list = typeof padding === "number" ? new Array<number>(axes).fill(padding) : padding;
  const pads = list.map((pair): readonly [number, number] =>
    typeof pair === "number" ? [pair, pair] : pair,
  );
  const window = {
    kernel: perAxis(operation, kernel, axes, "kernel"),
    stride: perAxis(operation, stride, axes, "stride"),
    dilation: perAxis(operation, dilation, axes, "dilation"),
    padding: pads,
  };
  const fits = pads.every((pair, axis) =>
    pair.every((count) => Number.isInteger(count) && count >= 0 && count < reachOf(window, axis)),
  );
  if (pads.length !== axes || !fits)
    fail(
      operation,
      `padding ${JSON.stringify(padding)} is not a count below the kernel's size for each of the ${axes} spatial axes`,
    );
  const sizes = x.shape.slice(2);
  const whole = ceilMode ? { ...window, padding: ceilPadding(sizes, window) } : window;
  if (windowCounts(sizes, whole).some((count) => count < 1))
    fail(
      operation,
      `the kernel ${formatShape(window.kernel)} does not fit into ${describe(x)} with this padding`,
    );
  return whole;
}

/** Padding after each axis that makes room for the windows that rounding down loses. */
function ceilPadding(sizes: readonly number[], window: Window): (readonly [number, number])[] {
  return window.padding.map(([before, after], axis) => {
    const size = sizes[axis] ?? 0;
    const stride = window.stride[axis] ?? 1;
    const reach = reachOf(window, axis);
    let last = Math.ceil((size + before + after - reach) / stride);
    if (last * stride >= size + before) last--;
    return [before, Math.max(after, last * stride + reach - size - before)];
  });
}

/** Whether windows lie side by side: neither gaps nor overlaps nor padding. */
export function tiles({ kernel, stride, dilation, padding }: Window): boolean {
  return kernel.every(
    (size, axis) =>
      stride[axis] === size &&
      (dilation[axis] === 1 || size === 1) &&
      padding[axis]?.[0] === 0 &&
      padding[axis]?.[1] === 0,
  );
}

/** The part of x that windows side by side cover. */
export function covered(x: Tensor, kernel: readonly number[]): Tensor {
  return slice(
    x,
    [],
    [],
    ...x.shape.slice(2).map((size, axis): Range => [0, size - (size % (kernel[axis] ?? 1))]),
  );
}

export function onnxWindow({ kernel, stride, dilation, padding }: Window): Record<string, number[]> {
  return {
    kernel_shape: [...kernel],
    strides: [...stride],
    dilations: [...dilation],
    pads: [...padding.map(([before]) => before), ...padding.map(([, after]) => after)],
  };
}
