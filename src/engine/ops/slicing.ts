import { fail } from "../errors.ts";
import { formatShape, normalizeAxis, sizeOf } from "../shape.ts";
import { apply, applyOne, type Op, type Tensor } from "../tensor.ts";
import { batchAll } from "./broadcast.ts";
import { describe, requireSameDType } from "./check.ts";
import { full, requireNumberOf, zerosLike } from "./constants.ts";
import { only, reshape, unsqueeze } from "./shape.ts";

/** Parts of tensors and tensors from parts: slice and pad are each other's transpose. */

interface SliceAttributes {
  readonly starts: readonly number[];
  /** Exclusive; -1 with a negative step means to the first element. */
  readonly ends: readonly number[];
  readonly steps: readonly number[];
}

const lowest = -Number.MAX_SAFE_INTEGER;

function sliceLength(start: number, end: number, step: number): number {
  return Math.max(0, Math.ceil((end - start) / step));
}

export const sliceOp: Op<SliceAttributes> = {
  name: "slice",
  outputs: ([x], { starts, ends, steps }) => [
    {
      shape: starts.map((start, axis) => sliceLength(start, ends[axis] ?? 0, steps[axis] ?? 1)),
      dtype: x?.dtype ?? "float32",
    },
  ],
  gradient: ({ inputs, outputs, attributes, cotangents: [ct] }) => {
    if (ct === undefined) return [undefined];
    const { starts, steps } = attributes;
    const backward = steps.map((step) => step < 0);
    const forward = backward.some(Boolean)
      ? flip(
          ct,
          backward.flatMap((yes, axis) => (yes ? [axis] : [])),
        )
      : ct;
    const low = starts.map((start, axis) => {
      const length = only(outputs).shape[axis] ?? 0;
      return backward[axis] ? start + (length - 1) * (steps[axis] ?? 1) : start;
    });
    return [padTo(forward, only(inputs).shape, low, steps.map(Math.abs))];
  },
  batch: ({ inputs, batchSize, attributes: { starts, ends, steps } }) => [
    applyOne(sliceOp, inputs, { starts: [0, ...starts], ends: [batchSize, ...ends], steps: [1, ...steps] }),
  ],
  emit: (emitter, [x = ""], node, { starts, ends, steps }) => {
    const shape = node.inputs[0]?.shape ?? [];
    const axes = shape.flatMap((dimension, axis) =>
      starts[axis] === 0 && ends[axis] === dimension && steps[axis] === 1 ? [] : [axis],
    );
    if (axes.length === 0) return emitter.node("Identity", [x]);
    const pick = (values: readonly number[]): number[] => axes.map((axis) => values[axis] ?? 0);
    return emitter.node("Slice", [
      x,
      emitter.integers(pick(starts)),
      emitter.integers(pick(ends).map((end) => (end < 0 ? lowest : end))),
      emitter.integers(axes),
      emitter.integers(pick(steps)),
    ]);
  },
  flops: () => 0,
};

/** `start`, `stop` and `step` along one axis, with Python's meaning; `null` is the default. */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number | null];

/**
 * A part of a tensor, with Python's slicing along each axis; axes that are not given are taken whole.
 *
 * @example slice(x, [0, 10], [null, null, -1]) // x[0:10, ::-1]
 */
export function slice(x: Tensor, ...ranges: readonly Range[]): Tensor {
  if (ranges.length > x.rank) fail("slice", `${ranges.length} ranges for ${describe(x)}`);
  const starts: number[] = [];
  const ends: number[] = [];
  const steps: number[] = [];
  for (const [axis, dimension] of x.shape.entries()) {
    const [start, stop, step] = ranges[axis] ?? [];
    const [first, last, stride] = resolveRange(start ?? null, stop ?? null, step ?? 1, dimension);
    starts.push(first);
    ends.push(last);
    steps.push(stride);
  }
  const whole = x.shape.every(
    (dimension, axis) => starts[axis] === 0 && ends[axis] === dimension && steps[axis] === 1,
  );
  return whole ? x : applyOne(sliceOp, [x], { starts, ends, steps });
}

/** Python's `slice(start, stop, step).indices(size)`. */
function resolveRange(
  start: number | null,
  stop: number | null,
  step: number,
  size: number,
): [number, number, number] {
  if (!Number.isInteger(step) || step === 0) fail("slice", `step ${step} is not a nonzero integer`);
  for (const bound of [start, stop])
    if (bound !== null && !Number.isInteger(bound)) fail("slice", `${bound} is not an integer`);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const place = (value: number): number => Math.min(high, Math.max(low, value < 0 ? value + size : value));
  const first = start === null ? (step > 0 ? low : high) : place(start);
  const last = stop === null ? (step > 0 ? high : low) : place(stop);
  return [first, step > 0 ? Math.max(first, last) : Math.min(first, last), step];
}

/** A slice along one axis. */
export function sliceAxis(
  x: Tensor,
  axis: number,
  start: number | null,
  stop: number | null,
  step = 1,
): Tensor {
  const place = normalizeAxis(axis, x.rank, "slice");
  return slice(
    x,
    ...x.shape.slice(0, place + 1).map((_, i): Range => (i === place ? [start, stop, step] : [])),
  );
}

/** The elements at one index of the first axis (or of `axis`), which is dropped. */
export function at(x: Tensor, index: number, { axis = 0 } = {}): Tensor {
  const place = normalizeAxis(axis, x.rank, "at");
  const size = x.shape[place] ?? 0;
  if (!Number.isInteger(index) || index < -size || index >= size)
    fail("at", `index ${index} is outside axis ${place} of ${describe(x)}`);
  const first = index < 0 ? index + size : index;
  return reshape(
    sliceAxis(x, place, first, first + 1),
    x.shape.filter((_, i) => i !== place),
  );
}

/** In the reverse order along the given axes (all by default). */
export function flip(x: Tensor, axes?: number | readonly number[]): Tensor {
  const list = (
    axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === "number" ? [axes] : axes
  ).map((axis) => normalizeAxis(axis, x.rank, "flip"));
  return slice(x, ...x.shape.map((_, axis): Range => (list.includes(axis) ? [null, null, -1] : [])));
}

interface PadAttributes {
  /** Elements added before and after each axis; a negative number takes elements away. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Elements put between any two neighbours of each axis. */
  readonly interior: readonly number[];
  readonly value: number;
}

function spacedLength(size: number, interior: number): number {
  return size === 0 ? 0 : size + (size - 1) * interior;
}

export const padOp: Op<PadAttributes> = {
  name: "pad",
  outputs: ([x], { low, high, interior }) => [
    {
      shape: (x?.shape ?? []).map(
        (size, axis) => (low[axis] ?? 0) + spacedLength(size, interior[axis] ?? 0) + (high[axis] ?? 0),
      ),
      dtype: x?.dtype ?? "float32",
    },
  ],
  gradient: ({ inputs, attributes, cotangents: [ct] }) => {
    if (ct === undefined) return [undefined];
    const { low, high, interior } = attributes;
    // First undo the crops (negative pads), then take every (interior + 1)th element.
    const whole = applyOne(padOp, [ct], {
      low: low.map((count) => Math.max(0, -count)),
      high: high.map((count) => Math.max(0, -count)),
      interior: low.map(() => 0),
      value: 0,
    });
    const ranges = only(inputs).shape.map((size, axis): Range => {
      const first = Math.max(0, low[axis] ?? 0);
      return [first, first + spacedLength(size, interior[axis] ?? 0), (interior[axis] ?? 0) + 1];
    });
    return [slice(whole, ...ranges)];
  },
  batch: ({ inputs, attributes: { low, high, interior, value } }) => [
    applyOne(padOp, inputs, { low: [0, ...low], high: [0, ...high], interior: [0, ...interior], value }),
  ],
  lower: ([x], { low, high, interior, value }) => {
    if (x === undefined || interior.every((count) => count === 0)) return undefined;
    // The elements behind the last one of an axis count as padding, or are taken away again.
    return [
      pad(
        spaceOut(x, interior, value),
        low.map((before, axis) => [before, (high[axis] ?? 0) - (interior[axis] ?? 0)] as const),
        { value },
      ),
    ];
  },
  emit: (emitter, [x = ""], node, { low, high, value }) => {
    const dtype = node.outputs[0]?.dtype ?? "float32";
    return emitter.node("Pad", [x, emitter.integers([...low, ...high]), emitter.scalar(value, dtype)]);
  },
  flops: () => 0,
};

/** Puts `interior` elements of `value` behind each element of an axis, the last included, one axis after the other. */
function spaceOut(x: Tensor, interior: readonly number[], value: number): Tensor {
  let y = x;
  for (let axis = x.rank - 1; axis >= 0; axis--) {
    const count = interior[axis] ?? 0;
    if (count === 0) continue;
    const run = sizeOf(y.shape.slice(axis + 1));
    const runs = reshape(y, [y.size / run, run]);
    // Pad works element by element, which is slow for runs of one; concatenation copies runs.
    const longer =
      run === 1
        ? concat([runs, full([y.size, count], value, y.dtype)], 1)
        : pad(
            runs,
            [
              [0, 0],
              [0, count * run],
            ],
            { value },
          );
    y = reshape(
      longer,
      y.shape.map((size, i) => (i === axis ? size * (count + 1) : size)),
    );
  }
  return y;
}

/** Zeros of `shape` with `x` at `low`, `low + step`, ... : the transpose of a slice with positive steps. */
function padTo(
  x: Tensor,
  shape: readonly number[],
  low: readonly number[],
  steps: readonly number[],
): Tensor {
  const interior = steps.map((step) => step - 1);
  const high = shape.map(
    (size, axis) => size - (low[axis] ?? 0) - spacedLength(x.shape[axis] ?? 0, interior[axis] ?? 0),
  );
  return applyOne(padOp, [x], { low, high, interior, value: 0 });
}

interface PadOptions {
  readonly mode?: "constant" | "reflect";
  /** What constant padding fills in. */
  readonly value?: number;
  /** Elements put between neighbours of each axis (constant mode only). */
  readonly interior?: readonly number[];
}

/**
 * With elements added before and after each axis: a value, or the mirror image without the edge.
 *
 * @param widths `[before, after]` for every axis; negative widths take elements away (constant mode only)
 * @example pad(x, [[0, 0], [1, 1]])
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  { mode = "constant", value = 0, interior }: PadOptions = {},
): Tensor {
  if (widths.length !== x.rank)
    fail("pad", `${widths.length} pairs of widths for ${describe(x)}, which has ${x.rank} axes`);
  if (mode === "reflect") return reflect(x, widths);
  requireNumberOf("pad", value, x.dtype);
  const attributes = {
    low: widths.map(([before]) => before),
    high: widths.map(([, after]) => after),
    interior: interior ?? x.shape.map(() => 0),
    value,
  };
  const empty = [...attributes.low, ...attributes.high, ...attributes.interior].every((count) => count === 0);
  if (empty) return x;
  const padded = applyOne(padOp, [x], attributes);
  if (padded.shape.some((size) => size < 0)) fail("pad", `the widths take more away than ${describe(x)} has`);
  return padded;
}

function reflect(x: Tensor, widths: readonly (readonly [number, number])[]): Tensor {
  let padded = x;
  for (const [axis, [before, after]] of widths.entries()) {
    const size = x.shape[axis] ?? 0;
    if (before < 0 || after < 0 || Math.max(before, after) >= Math.max(1, size))
      fail(
        "pad",
        `reflecting ${before} and ${after} elements needs more than that many on axis ${axis} of ${describe(x)}`,
      );
    const parts: Tensor[] = [];
    if (before > 0) parts.push(flip(sliceAxis(padded, axis, 1, before + 1), axis));
    parts.push(padded);
    if (after > 0) parts.push(flip(sliceAxis(padded, axis, size - after - 1, size - 1), axis));
    padded = concat(parts, axis);
  }
  return padded;
}

export const concatOp: Op<{ readonly axis: number }> = {
  name: "concat",
  outputs: (inputs, { axis }) => [
    {
      shape: (inputs[0]?.shape ?? []).map((size, i) =>
        i === axis ? inputs.reduce((total, input) => total + (input.shape[axis] ?? 0), 0) : size,
      ),
      dtype: requireSameDType("concat", inputs),
    },
  ],
  gradient: ({ inputs, attributes: { axis }, cotangents: [ct], wanted }) => {
    let start = 0;
    return inputs.map((input, i) => {
      const end = start + (input.shape[axis] ?? 0);
      const part = ct && wanted[i] ? sliceAxis(ct, axis, start, end) : undefined;
      start = end;
      return part;
    });
  },
  batch: (args) => [concat(batchAll(args), args.attributes.axis + 1)],
  emit: (emitter, inputs, _, { axis }) => emitter.node("Concat", inputs, { axis }),
  flops: () => 0,
};

/** Tensors one after the other along an existing axis. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) fail("concat", "there are no tensors");
  const place = normalizeAxis(axis, first.rank, "concat");
  for (const tensor of tensors)
    if (tensor.rank !== first.rank || tensor.shape.some((size, i) => i !== place && size !== first.shape[i]))
      fail(
        "concat",
        `shapes ${formatShape(first.shape)} and ${formatShape(tensor.shape)} differ outside axis ${place}`,
      );
  return tensors.length === 1 ? first : applyOne(concatOp, tensors, { axis: place });
}

/** Tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const rank = (tensors[0]?.rank ?? 0) + 1;
  const place = normalizeAxis(axis, rank, "stack");
  return concat(
    tensors.map((tensor) => unsqueeze(tensor, place)),
    place,
  );
}

/** Consecutive parts along an axis. One node with several outputs: its derivative is one concatenation. */
const splitOp: Op<{ readonly sizes: readonly number[]; readonly axis: number }> = {
  name: "split",
  outputs: ([x], { sizes, axis }) =>
    sizes.map((size) => ({
      shape: (x?.shape ?? []).map((whole, i) => (i === axis ? size : whole)),
      dtype: x?.dtype ?? "float32",
    })),
  gradient: ({ outputs, attributes: { axis }, cotangents }) => [
    concat(
      outputs.map((part, i) => cotangents[i] ?? zerosLike(part)),
      axis,
    ),
  ],
  batch: ({ inputs, attributes: { sizes, axis } }) => apply(splitOp, inputs, { sizes, axis: axis + 1 }),
  lower: (inputs, { sizes, axis }) => {
    if (sizes.every((size) => size > 0)) return undefined;
    let start = 0;
    return sizes.map((size) => {
      start += size;
      return sliceAxis(only(inputs), axis, start - size, start);
    });
  },
  emit: (emitter, [x = ""], _, { sizes, axis }) =>
    emitter.node("Split", [x, emitter.integers(sizes)], { axis }, sizes.length),
  flops: () => 0,
};

/**
 * Consecutive parts along an axis: of the given sizes, or that many equal ones.
 *
 * @example split(x, 3) // three equal parts; split(x, [2, 5], 1)
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  const place = normalizeAxis(axis, x.rank, "split");
  const total = x.shape[place] ?? 0;
  const list = typeof sizes === "number" ? new Array<number>(sizes).fill(total / sizes) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0) || list.reduce((a, b) => a + b, 0) !== total)
    fail("split", `axis ${place} of ${describe(x)} does not split into ${JSON.stringify(sizes)}`);
  return list.length === 1 ? [x] : apply(splitOp, [x], { sizes: list, axis: place });
}
