import { fail } from "../errors.ts";
import { formatShape, normalizeAxes, normalizeAxis, type Shape, sameShape, sizeOf } from "../shape.ts";
import { applyOne, type BatchArguments, type Op, type Tensor } from "../tensor.ts";
import { describe } from "./check.ts";

type ShapeAttributes = { readonly shape: Shape };

/** The single input of an operation that has one. */
export function only(inputs: readonly Tensor[]): Tensor {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) throw new Error(`expected one input, got ${inputs.length}`);
  return input;
}

/** The two inputs of an operation that has two. */
export function both(inputs: readonly Tensor[]): readonly [Tensor, Tensor] {
  const [first, second] = inputs;
  if (first === undefined || second === undefined)
    throw new Error(`expected two inputs, got ${inputs.length}`);
  return [first, second];
}

export const reshapeOp: Op<ShapeAttributes> = {
  name: "reshape",
  outputs: ([x], { shape }) => [{ shape, dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, cotangents: [ct] }) => [ct && reshape(ct, only(inputs).shape)],
  batch: ({ inputs, batchSize, attributes }) => [reshape(only(inputs), [batchSize, ...attributes.shape])],
  emit: (emitter, [x = ""], _, { shape }) =>
    emitter.node("Reshape", [x, emitter.integers(shape)], { allowzero: 1 }),
  flops: () => 0,
};

/**
 * The same elements in another shape; one size may be -1 and is worked out.
 *
 * @throws GraphError when the number of elements differs
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1);
  const known = sizeOf(shape.filter((dimension) => dimension !== -1));
  const resolved =
    unknown === -1 || known === 0
      ? [...shape]
      : shape.map((dimension, axis) => (axis === unknown ? x.size / known : dimension));
  if (
    resolved.some((dimension) => !Number.isInteger(dimension) || dimension < 0) ||
    sizeOf(resolved) !== x.size
  )
    fail("reshape", `${describe(x)} does not have the number of elements of ${formatShape(shape)}`);
  return sameShape(x.shape, resolved) ? x : applyOne(reshapeOp, [x], { shape: resolved });
}

/** All elements along one axis. */
export function flatten(x: Tensor): Tensor {
  return reshape(x, [x.size]);
}

/** Without the axes of size 1, or without the given ones. */
export function squeeze(x: Tensor, axes?: number | readonly number[]): Tensor {
  const dropped =
    axes === undefined
      ? x.shape.flatMap((dimension, axis) => (dimension === 1 ? [axis] : []))
      : normalizeAxes(axes, x.rank, "squeeze");
  for (const axis of dropped)
    if (x.shape[axis] !== 1) fail("squeeze", `axis ${axis} of ${describe(x)} does not have size 1`);
  return reshape(
    x,
    x.shape.filter((_, axis) => !dropped.includes(axis)),
  );
}

/** With axes of size 1 at the given places of the result. */
export function unsqueeze(x: Tensor, axes: number | readonly number[]): Tensor {
  const count = typeof axes === "number" ? 1 : axes.length;
  const added = normalizeAxes(axes, x.rank + count, "unsqueeze");
  const shape: number[] = [];
  let next = 0;
  for (let axis = 0; axis < x.rank + count; axis++)
    shape.push(added.includes(axis) ? 1 : (x.shape[next++] ?? 1));
  return reshape(x, shape);
}

export const transposeOp: Op<{ readonly permutation: readonly number[] }> = {
  name: "transpose",
  outputs: ([x], { permutation }) => [
    { shape: permutation.map((axis) => x?.shape[axis] ?? 1), dtype: x?.dtype ?? "float32" },
  ],
  gradient: ({ attributes, cotangents: [ct] }) => [
    ct && transpose(ct, invertPermutation(attributes.permutation)),
  ],
  batch: ({ inputs, attributes }) => [
    transpose(only(inputs), [0, ...attributes.permutation.map((axis) => axis + 1)]),
  ],
  emit: (emitter, inputs, _, { permutation }) => emitter.node("Transpose", inputs, { perm: permutation }),
  flops: () => 0,
};

export function invertPermutation(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  for (const [to, from] of permutation.entries()) inverse[from] = to;
  return inverse;
}

/** With the axes in another order; without one, reversed. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const order = (permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis)).map((axis) =>
    normalizeAxis(axis, x.rank, "transpose"),
  );
  if (order.length !== x.rank || new Set(order).size !== x.rank)
    fail(
      "transpose",
      `${formatShape(permutation ?? [])} is not an order of the ${x.rank} axes of ${describe(x)}`,
    );
  return order.every((axis, i) => axis === i) ? x : applyOne(transposeOp, [x], { permutation: order });
}

export { transpose as permute };

/** With the last two axes exchanged: the transpose of each matrix. */
export function matrixTranspose(x: Tensor): Tensor {
  const order = x.shape.map((_, axis) => axis);
  return transpose(x, [...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** Whether a tensor is a {@link matrixTranspose}, so that transposing it back costs nothing. */
export function isMatrixTranspose({ node, rank }: Tensor): boolean {
  if (node.op.name !== transposeOp.name) return false;
  const { permutation } = node.attributes as { readonly permutation: readonly number[] };
  return permutation.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
}

/** With the axis `from` at the place `to`, the others in order. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const source = normalizeAxis(from, x.rank, "moveAxis");
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== source);
  order.splice(normalizeAxis(to, x.rank, "moveAxis"), 0, source);
  return transpose(x, order);
}

/** A batched tensor of fewer axes, given axes of size 1 behind the batch so that it broadcasts as an unbatched one did. */
export function alignBatch(x: Tensor, rank: number): Tensor {
  const missing = rank - (x.rank - 1);
  return missing <= 0
    ? x
    : reshape(x, [x.shape[0] ?? 1, ...new Array<number>(missing).fill(1), ...x.shape.slice(1)]);
}

/** The inputs of an elementwise operation, the batched ones aligned to the widest. */
export function alignAll<A>({ inputs, batched }: BatchArguments<A>): Tensor[] {
  const rank = Math.max(...inputs.map((input, i) => input.rank - (batched[i] ? 1 : 0)));
  return inputs.map((input, i) => (batched[i] ? alignBatch(input, rank) : input));
}
