import { onnxDType } from "../dtype.ts";
import { fail } from "../errors.ts";
import { broadcastShapes, formatShape, normalizeAxes, type Shape, sameShape, sizeOf } from "../shape.ts";
import { applyOne, type BatchArguments, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { describe, requireNumeric } from "./check.ts";
import { toTensor } from "./constants.ts";
import { alignBatch, only, reshape, unsqueeze } from "./shape.ts";

/** Broadcasting and summation: each is the transpose of the other. */

export const expandOp: Op<{ readonly shape: Shape }> = {
  name: "expand",
  outputs: ([x], { shape }) => [{ shape, dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, cotangents: [ct] }) => [ct && sumToShape(ct, only(inputs).shape)],
  batch: ({ inputs, batchSize, attributes: { shape } }) => [
    expand(alignBatch(only(inputs), shape.length), [batchSize, ...shape]),
  ],
  emit: (emitter, [x = ""], _, { shape }) => emitter.node("Expand", [x, emitter.integers(shape)]),
  flops: () => 0,
};

/**
 * Broadcast to a larger shape, as NumPy's `broadcast_to`.
 *
 * @throws GraphError when the shape does not follow from broadcasting
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  const target = broadcastShapes(x.shape, shape);
  if (target === undefined || !sameShape(target, shape))
    fail("expand", `${describe(x)} does not broadcast to ${formatShape(shape)}`);
  return sameShape(x.shape, shape) ? x : applyOne(expandOp, [x], { shape: [...shape] });
}

/** The transpose of broadcasting: sums over the axes that broadcasting `shape` to the shape of `x` repeated. */
export function sumToShape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const added = x.rank - shape.length;
  const axes = x.shape.flatMap((dimension, axis) =>
    axis < added || (shape[axis - added] === 1 && dimension !== 1) ? [axis] : [],
  );
  return reshape(axes.length === 0 ? x : sum(x, { axes }), shape);
}

export interface ReductionOptions {
  /** The axes reduced; all by default. */
  readonly axes?: number | readonly number[];
  /** Keep the reduced axes, with size 1. */
  readonly keepAxes?: boolean;
}

export type Axes = { readonly axes: readonly number[] };

/** The shape without the reduced axes, or with size 1 there. */
export function reducedShape(shape: Shape, axes: readonly number[], { keepAxes = false } = {}): number[] {
  return keepAxes
    ? shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** A reduced tensor spread over the shape it was reduced from. */
export function spread(y: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return expand(reshape(y, reducedShape(shape, axes, { keepAxes: true })), shape);
}

/** The number of elements that a reduction over `axes` takes together. */
export function reducedCount(shape: Shape, axes: readonly number[]): number {
  return sizeOf(shape.filter((_, axis) => axes.includes(axis)));
}

export const sumOp: Op<Axes> = {
  name: "sum",
  outputs: ([x], { axes }) => [{ shape: reducedShape(x?.shape ?? [], axes), dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { axes }, cotangents: [ct] }) => [
    ct && spread(ct, only(inputs).shape, axes),
  ],
  batch: ({ inputs, attributes: { axes } }) => [sum(only(inputs), { axes: axes.map((axis) => axis + 1) })],
  // Behind the summed axis the runtime steps from sum to sum even where there is one element only: 20 times as slow.
  lower: (inputs, { axes }) => {
    const x = only(inputs);
    if (x.shape.at(-1) !== 1 || axes.every((axis) => x.shape[axis] === 1)) return undefined;
    const long = x.shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
    const shape = long.map((axis) => x.shape[axis] ?? 1);
    const places = axes.flatMap((axis) => (long.includes(axis) ? [long.indexOf(axis)] : []));
    return [reshape(sum(reshape(x, shape), { axes: places }), reducedShape(x.shape, axes))];
  },
  emit: (emitter, [x = ""], node, { axes }) => {
    const total = (name: string): string[] =>
      emitter.node("ReduceSum", [name, emitter.integers(axes)], { keepdims: 0 });
    if (node.outputs[0]?.dtype !== "uint8") return total(x);
    // uint8 has no kernel; int32 wraps to the same.
    const [wide = ""] = total(emitter.node("Cast", [x], { to: onnxDType.int32 })[0] ?? "");
    return emitter.node("Cast", [wide], { to: onnxDType.uint8 });
  },
  flops: (node) => node.inputs[0]?.size ?? 0,
};

/** The sum over the given axes; of nothing, 0. */
export function sum(x: TensorLike, { axes, keepAxes = false }: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x);
  requireNumeric("sum", tensor);
  const list = normalizeAxes(axes, tensor.rank, "sum");
  const y = list.length === 0 ? tensor : applyOne(sumOp, [tensor], { axes: list });
  return keepAxes ? reshape(y, reducedShape(tensor.shape, list, { keepAxes })) : y;
}

/** All inputs batched: the ones that were not are repeated. */
export function batchAll<A>({ inputs, batched, batchSize }: BatchArguments<A>): Tensor[] {
  return inputs.map((input, i) =>
    batched[i] ? input : expand(unsqueeze(input, 0), [batchSize, ...input.shape]),
  );
}

/** The tensor repeated along each axis, as NumPy's `tile`. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  const rank = Math.max(x.rank, repeats.length);
  if (repeats.some((count) => !Number.isInteger(count) || count < 0))
    fail("tile", `${formatShape(repeats)} are not repeats`);
  const counts = [...new Array<number>(rank - repeats.length).fill(1), ...repeats];
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const spaced = unsqueeze(
    reshape(x, shape),
    shape.map((_, axis) => 2 * axis),
  );
  const repeated = expand(
    spaced,
    shape.flatMap((size, axis) => [counts[axis] ?? 1, size]),
  );
  return reshape(
    repeated,
    shape.map((size, axis) => size * (counts[axis] ?? 1)),
  );
}
