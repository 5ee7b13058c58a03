import { fail } from "../errors.ts";
import { broadcastShapes, formatShape, normalizeAxis, type Shape } from "../shape.ts";
import { apply, applyOne, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { batchAll, expand } from "./broadcast.ts";
import { describe, requireIndices, requireNumeric, requireSameDType } from "./check.ts";
import { arange, toTensor, zeros } from "./constants.ts";
import { add, cast, equal, less, mul } from "./elementwise.ts";
import { both, moveAxis, only, reshape, unsqueeze } from "./shape.ts";
import { type Range, slice } from "./slicing.ts";

/** Reading and writing at computed places. A gather and the addition at the same places are each other's transpose. */

type Axis = { readonly axis: number };

const takeOp: Op<Axis> = {
  name: "take",
  outputs: ([x, indices], { axis }) => [
    {
      shape: [
        ...(x?.shape.slice(0, axis) ?? []),
        ...(indices?.shape ?? []),
        ...(x?.shape.slice(axis + 1) ?? []),
      ],
      dtype: x?.dtype ?? "float32",
    },
  ],
  gradient: ({ inputs, attributes: { axis }, cotangents: [ct] }) => {
    const [x, indices] = both(inputs);
    return [ct && applyOne(addRowsOp, [ct, indices], { axis, size: x.shape[axis] ?? 0 }), undefined];
  },
  batch: ({ inputs, batched, batchSize, attributes: { axis } }) => {
    const [x, indices] = both(inputs);
    if (!batched[0]) return [moveAxis(take(x, indices, axis), axis, 0)];
    if (!batched[1]) return [take(x, indices, axis + 1)];
    // Each member of the batch reads its own rows: one gather over the batch's rows laid end to end.
    const rows = moveAxis(x, axis + 1, 1);
    const size = rows.shape[1] ?? 0;
    const joined = reshape(rows, [batchSize * size, ...rows.shape.slice(2)]);
    const taken = take(joined, ownRows(indices, size), 0);
    let result = taken;
    for (let i = 0; i < indices.rank - 1; i++) result = moveAxis(result, 1, 1 + axis + indices.rank - 2);
    return [indices.rank === 1 ? taken : result];
  },
  emit: (emitter, inputs, _, { axis }) => emitter.node("Gather", inputs, { axis }),
  flops: () => 0,
};

/** Indices of each member of a batch, moved to where that member's rows start. Negative ones are resolved first. */
function ownRows(indices: Tensor, size: number): Tensor {
  const starts = mul(cast(arange(0, indices.shape[0] ?? 0), indices.dtype), size);
  return add(
    fromFront(indices, size),
    reshape(starts, [indices.shape[0] ?? 0, ...indices.shape.slice(1).map(() => 1)]),
  );
}

/** Negative indices counted from the front. */
function fromFront(indices: Tensor, size: number): Tensor {
  return add(indices, mul(cast(less(indices, 0), indices.dtype), size));
}

/** Rows added at their places into zeros: the transpose of `take`. */
const addRowsOp: Op<Axis & { readonly size: number }> = {
  name: "addRows",
  outputs: ([rows, indices], { axis, size }) => {
    const shape = rows?.shape ?? [];
    return [
      {
        shape: [...shape.slice(0, axis), size, ...shape.slice(axis + (indices?.shape.length ?? 0))],
        dtype: rows?.dtype ?? "float32",
      },
    ];
  },
  gradient: ({ inputs, attributes: { axis }, cotangents: [ct] }) => [
    ct && take(ct, both(inputs)[1], axis),
    undefined,
  ],
  batch: ({ inputs, batched, batchSize, attributes: { axis, size } }) => {
    const [rows, indices] = both(inputs);
    if (!batched[1]) return [applyOne(addRowsOp, [rows, indices], { axis: axis + 1, size })];
    const all = batched[0] ? rows : expand(unsqueeze(rows, 0), [batchSize, ...rows.shape]);
    const indexRank = indices.rank - 1;
    let front = all;
    for (let i = 0; i < indexRank; i++) front = moveAxis(front, 1 + axis + i, 1 + i);
    const joined = applyOne(addRowsOp, [front, ownRows(indices, size)], { axis: 0, size: batchSize * size });
    const split = reshape(joined, [batchSize, size, ...joined.shape.slice(1)]);
    return [moveAxis(split, 1, axis + 1)];
  },
  lower: (inputs, { axis, size }) => {
    const [rows, indices] = both(inputs);
    if (axis === 0) return undefined;
    let front = rows;
    for (let i = 0; i < indices.rank; i++) front = moveAxis(front, axis + i, i);
    return [moveAxis(applyOne(addRowsOp, [front, indices], { axis: 0, size }), 0, axis)];
  },
  emit: (emitter, [rows = "", indices = ""], node) => {
    const output = node.outputs[0];
    const places = node.inputs[1];
    const zero = emitter.node("Expand", [
      emitter.scalar(0, output?.dtype ?? "float32"),
      emitter.integers(output?.shape ?? []),
    ])[0];
    const wide = places?.dtype === "int64" ? indices : (emitter.node("Cast", [indices], { to: 7 })[0] ?? "");
    const column = emitter.node("Reshape", [wide, emitter.integers([...(places?.shape ?? []), 1])], {
      allowzero: 1,
    })[0];
    return emitter.node("ScatterND", [zero ?? "", column ?? "", rows], { reduction: "add" });
  },
};

/**
 * The slices of x at `indices` along an axis, which is replaced by the axes of the indices (NumPy's `take`). Negative
 * indices count from the end.
 */
export function take(x: Tensor, indices: TensorLike, axis = 0): Tensor {
  const places = toTensor(indices, "int64");
  requireIndices("take", places);
  return applyOne(takeOp, [x, places], { axis: normalizeAxis(axis, x.rank, "take") });
}

/**
 * Zeros of `size` along an axis with rows added at `indices`: the transpose of {@link take}. The axes of the indices,
 * at `axis` in `rows`, become one.
 */
export function addRows(
  rows: Tensor,
  indices: Tensor,
  { axis, size }: { readonly axis: number; readonly size: number },
): Tensor {
  requireIndices("addRows", indices);
  const shape = rows.shape.slice(axis, axis + indices.rank);
  if (formatShape(shape) !== formatShape(indices.shape))
    fail("addRows", `rows ${describe(rows)} at axis ${axis} are not one for each index ${describe(indices)}`);
  return applyOne(addRowsOp, [rows, indices], { axis, size });
}

/** The rows of a table [entries, width] at integer ids of any shape. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  if (table.rank !== 2) fail("embedding", `the table must be [entries, width], got ${describe(table)}`);
  return take(table, ids, 0);
}

const takeAlongAxisOp: Op<Axis> = {
  name: "takeAlongAxis",
  outputs: ([x, indices]) => [{ shape: indices?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { axis }, cotangents: [ct] }) => {
    const [x, indices] = both(inputs);
    return [ct && scatterAdd(zeros(x.shape, x.dtype), indices, ct, axis), undefined];
  },
  batch: (args) => apply(takeAlongAxisOp, batchAll(args), { axis: args.attributes.axis + 1 }),
  emit: (emitter, inputs, _, { axis }) => emitter.node("GatherElements", inputs, { axis }),
  flops: () => 0,
};

/**
 * One element of x for each index, along an axis: `y[i][j] = x[indices[i][j]][j]` for axis 0. The shapes agree but
 * for that axis, other axes of size 1 broadcast (NumPy's `take_along_axis`).
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  requireIndices("takeAlongAxis", indices);
  const place = normalizeAxis(axis, x.rank, "takeAlongAxis");
  const [source, places] = alignAlong("takeAlongAxis", x, indices, place);
  return applyOne(takeAlongAxisOp, [source, places], { axis: place });
}

function alignAlong(operation: string, x: Tensor, indices: Tensor, axis: number): [Tensor, Tensor] {
  if (x.rank !== indices.rank)
    fail(operation, `${describe(x)} and indices ${describe(indices)} have different numbers of axes`);
  const outside = (shape: Shape): Shape => shape.map((size, i) => (i === axis ? 1 : size));
  const common = broadcastShapes(outside(x.shape), outside(indices.shape));
  if (common === undefined)
    return fail(
      operation,
      `shapes ${formatShape(x.shape)} and ${formatShape(indices.shape)} differ outside axis ${axis}`,
    );
  const shape = (own: Shape): number[] => common.map((size, i) => (i === axis ? (own[i] ?? 1) : size));
  return [expand(x, shape(x.shape)), expand(indices, shape(indices.shape))];
}

const scatterAddOp: Op<Axis> = {
  name: "scatterAdd",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { axis }, cotangents: [ct] }) => {
    const indices = inputs[1];
    if (ct === undefined || indices === undefined) return [];
    // Outside the axis the indices may stop before x does: what they do not reach gives nothing back.
    const reached = slice(ct, ...indices.shape.map((size, i): Range => (i === axis ? [] : [0, size])));
    return [ct, undefined, takeAlongAxis(reached, indices, axis)];
  },
  batch: (args) => apply(scatterAddOp, batchAll(args), { axis: args.attributes.axis + 1 }),
  emit: (emitter, inputs, _, { axis }) => emitter.node("ScatterElements", inputs, { axis, reduction: "add" }),
};

/**
 * x with every update added at its index along an axis: `x[indices[i][j]][j] += updates[i][j]` for axis 0 (PyTorch's
 * `scatter_add`). Repeated indices add up.
 */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  requireIndices("scatterAdd", indices);
  requireNumeric("scatterAdd", x, updates);
  requireSameDType("scatterAdd", [x, updates]);
  const place = normalizeAxis(axis, x.rank, "scatterAdd");
  const fits = indices.shape.every((size, i) => i === place || size <= (x.shape[i] ?? 0));
  if (formatShape(indices.shape) !== formatShape(updates.shape) || indices.rank !== x.rank || !fits)
    fail(
      "scatterAdd",
      `updates ${describe(updates)} at indices ${describe(indices)} do not fit into ${describe(x)}`,
    );
  return applyOne(scatterAddOp, [x, indices, updates], { axis: place });
}

/** 1 at each index and 0 elsewhere, on a new last axis of `classes`; an index outside gives zeros. */
export function oneHot(indices: Tensor, classes: number, dtype: Tensor["dtype"] = "float32"): Tensor {
  requireIndices("oneHot", indices);
  return cast(equal(unsqueeze(indices, indices.rank), arange(0, classes, 1, indices.dtype)), dtype);
}

interface TopKAttributes extends Axis {
  readonly k: number;
  readonly largest: boolean;
}

const topKOp: Op<TopKAttributes> = {
  name: "topK",
  outputs: ([x], { axis, k }) => {
    const shape = (x?.shape ?? []).map((size, i) => (i === axis ? k : size));
    return [
      { shape, dtype: x?.dtype ?? "float32" },
      { shape, dtype: "int64" },
    ];
  },
  gradient: ({ inputs, outputs, attributes: { axis }, cotangents: [ct] }) => {
    const x = only(inputs);
    const indices = outputs[1];
    return [ct && indices && scatterAdd(zeros(x.shape, x.dtype), indices, ct, axis)];
  },
  batch: ({ inputs, attributes }) => apply(topKOp, inputs, { ...attributes, axis: attributes.axis + 1 }),
  emit: (emitter, [x = ""], _, { axis, k, largest }) =>
    emitter.node("TopK", [x, emitter.integers([k])], { axis, largest: Number(largest), sorted: 1 }, 2),
};

/** The k largest (or smallest) elements along an axis in order, and where they are (int64). */
export function topK(
  x: Tensor,
  k: number,
  { axis = -1, largest = true } = {},
): readonly [values: Tensor, indices: Tensor] {
  requireNumeric("topK", x);
  const place = normalizeAxis(axis, x.rank, "topK");
  const size = x.shape[place] ?? 0;
  if (!Number.isInteger(k) || k < 0 || k > size)
    fail("topK", `k = ${k} is not between 0 and the ${size} elements on axis ${place}`);
  const [values, indices] = apply(topKOp, [x], { axis: place, k, largest });
  if (values === undefined || indices === undefined) throw new Error("topK has two outputs");
  return [values, indices];
}

/** The elements in order along an axis; equal ones keep their order. */
export function sort(x: Tensor, { axis = -1, descending = false } = {}): Tensor {
  return topK(x, x.shape[normalizeAxis(axis, x.rank, "sort")] ?? 0, { axis, largest: descending })[0];
}

/** The indices (int64) that sort along an axis. */
export function argsort(x: Tensor, { axis = -1, descending = false } = {}): Tensor {
  return topK(x, x.shape[normalizeAxis(axis, x.rank, "argsort")] ?? 0, { axis, largest: descending })[1];
}
