import { fail } from "./errors.ts";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** The number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** `[2, 3]` as the text `[2,3]`, for messages. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/**
 * The shape that NumPy's broadcasting gives two or more shapes, or `undefined` where they do not agree.
 */
export function broadcastShapes(...shapes: Shape[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes)
    for (const [axis, dimension] of shape.entries()) {
      const position = rank - shape.length + axis;
      if (dimension === 1 || dimension === out[position]) continue;
      if (out[position] !== 1) return undefined;
      out[position] = dimension;
    }
  return out;
}

/**
 * An axis counted from either end, as one counted from the front.
 *
 * @throws GraphError naming the operation when the axis is outside the rank
 */
export function normalizeAxis(axis: number, rank: number, operation: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    fail(operation, `axis ${axis} is outside a tensor of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/**
 * Axes as a sorted list without repeats; `undefined` means all.
 *
 * @throws GraphError naming the operation when an axis is outside the rank or given twice
 */
export function normalizeAxes(
  axes: number | readonly number[] | undefined,
  rank: number,
  operation: string,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normalizeAxis(axis, rank, operation));
  if (new Set(list).size !== list.length) fail(operation, `an axis is given twice in ${formatShape(list)}`);
  return list.toSorted((a, b) => a - b);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  return strides;
}
