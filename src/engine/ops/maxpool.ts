import { fail } from "../errors.ts";
import { sizeOf } from "../shape.ts";
import { apply, applyOne, type BatchArguments, type Op, type Tensor } from "../tensor.ts";
import { batchAll } from "./broadcast.ts";
import { arange } from "./constants.ts";
import { add, firstMaximum, mul, sub } from "./elementwise.ts";
import { both, only, reshape } from "./shape.ts";
import { split } from "./slicing.ts";
import {
  covered,
  onnxWindow,
  reachOf,
  resolveWindow,
  tiles,
  type Window,
  type WindowOptions,
  windowCounts,
} from "./window.ts";

export interface MaxPoolOptions extends WindowOptions {
  /** Distance between the elements of a window. */
  readonly dilation?: number | readonly number[];
}

/**
 * The largest element of each window and its place: the index among all elements of x. The derivative reads and writes
 * at those places.
 */
const maxPoolOp: Op<Window> = {
  name: "maxPool",
  outputs: ([x], window) => {
    const shape = [...(x?.shape.slice(0, 2) ?? []), ...windowCounts(x?.shape.slice(2) ?? [], window)];
    return [
      { shape, dtype: x?.dtype ?? "float32" },
      { shape, dtype: "int64" },
    ];
  },
  gradient: ({ inputs, outputs: [, places], attributes, cotangents: [ct] }) => {
    const x = only(inputs);
    if (ct === undefined || places === undefined) return [undefined];
    return [applyOne(putOp, [ct, places], { shape: x.shape, unique: separate(attributes) })];
  },
  batch: ({ inputs, batchSize, attributes }) => {
    const x = only(inputs);
    const [, examples = 1] = x.shape;
    const folded = apply(maxPoolOp, [reshape(x, [batchSize * examples, ...x.shape.slice(2)])], attributes);
    const [values, places] = folded.map((y) => reshape(y, [batchSize, examples, ...y.shape.slice(1)]));
    if (values === undefined || places === undefined) throw new Error("maxPool has two outputs");
    return [values, sub(places, memberStarts(places, sizeOf(x.shape.slice(1))))];
  },
  emit: (emitter, inputs, node, window) =>
    emitter.node("MaxPool", inputs, onnxWindow(window), emitter.isUsed(node, 1) ? 2 : 1),
  flops: (node, { kernel }) => sizeOf(node.outputs[0]?.shape ?? []) * sizeOf(kernel),
};

/** Whether no two windows share an element. */
function separate(window: Window): boolean {
  return window.stride.every((step, axis) => step >= reachOf(window, axis));
}

/** Where each member of a batch starts among all elements, for places [B, ...]. */
function memberStarts(places: Tensor, size: number): Tensor {
  const [batch = 0] = places.shape;
  return reshape(mul(arange(0, batch), size), [batch, ...places.shape.slice(1).map(() => 1)]);
}

interface PutAttributes {
  readonly shape: readonly number[];
  /** No place occurs twice. */
  readonly unique: boolean;
}

/** Values added at places of a tensor of zeros: the transpose of `pick`. */
const putOp: Op<PutAttributes> = {
  name: "putAt",
  outputs: ([values], { shape }) => [{ shape, dtype: values?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { unique }, cotangents: [ct] }) => [
    ct && applyOne(pickOp, [ct, both(inputs)[1]], { unique }),
    undefined,
  ],
  batch: (args) => {
    const { values, places, batchSize } = ownPlaces(args, sizeOf(args.attributes.shape));
    return [
      applyOne(putOp, [values, places], { ...args.attributes, shape: [batchSize, ...args.attributes.shape] }),
    ];
  },
  emit: (emitter, [values = "", places = ""], node, { shape, unique }) => {
    const dtype = node.outputs[0]?.dtype ?? "float32";
    const flat = (name: string): string =>
      emitter.node("Reshape", [name, emitter.integers([-1])], { allowzero: 0 })[0] ?? "";
    const zero =
      emitter.node("Expand", [emitter.scalar(0, dtype), emitter.integers([sizeOf(shape)])])[0] ?? "";
    const filled = emitter.node("ScatterElements", [zero, flat(places), flat(values)], {
      axis: 0,
      reduction: unique ? "none" : "add",
    });
    return emitter.node("Reshape", [filled[0] ?? "", emitter.integers(shape)], { allowzero: 1 });
  },
  flops: (node) => node.inputs[0]?.size ?? 0,
};

/** The elements of x at places. */
const pickOp: Op<{ readonly unique: boolean }> = {
  name: "pickAt",
  outputs: ([x, places]) => [{ shape: places?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ inputs, attributes: { unique }, cotangents: [ct] }) => {
    const [x, places] = both(inputs);
    return [ct && applyOne(putOp, [ct, places], { shape: x.shape, unique }), undefined];
  },
  batch: (args) => {
    const shape = args.inputs[0]?.shape ?? [];
    const { values, places } = ownPlaces(args, sizeOf(args.batched[0] ? shape.slice(1) : shape));
    return [applyOne(pickOp, [values, places], args.attributes)];
  },
  emit: (emitter, [x = "", places = ""]) => {
    const flat = emitter.node("Reshape", [x, emitter.integers([-1])], { allowzero: 0 })[0] ?? "";
    return emitter.node("Gather", [flat, places], { axis: 0 });
  },
  flops: () => 0,
};

/** Both inputs batched, the places counted from the start of the whole batch. */
function ownPlaces<A>(
  args: BatchArguments<A>,
  size: number,
): { readonly values: Tensor; readonly places: Tensor; readonly batchSize: number } {
  const [values, places] = both(batchAll(args));
  return { values, places: add(places, memberStarts(places, size)), batchSize: args.batchSize };
}

/**
 * The largest element of each window of x [N, C, ...]; padding is never the largest. The derivative goes to the first
 * of equal elements, in row-major order, as PyTorch's.
 *
 * @throws GraphError when the window does not fit
 * @example maxPool(images, { kernel: 2 }); maxPool(images, { kernel: 3, stride: 2, padding: 1 })
 */
export function maxPool(x: Tensor, options: MaxPoolOptions): Tensor {
  const window = resolveWindow("maxPool", x, options);
  if (x.size > 0 && tiles(window)) return maxOverTiles(covered(x, window.kernel), window.kernel);
  const [values] = apply(maxPoolOp, [x], window);
  return values ?? fail("maxPool", "has no output");
}

/**
 * Windows side by side are parts of reshaped axes, whose maximum is elementwise. For x [64, 32, 32, 32] in windows of
 * 2 by 2 the value and its derivative take half the time of MaxPool with indices and a scatter, since both move
 * memory in order. Axes are reduced from the innermost, which keeps the first of equals in row-major order.
 */
function maxOverTiles(x: Tensor, kernel: readonly number[]): Tensor {
  let y = x;
  for (let axis = kernel.length - 1; axis >= 0; axis--) {
    const size = kernel[axis] ?? 1;
    if (size === 1) continue;
    const place = axis + 2;
    const outer = y.shape.slice(0, place);
    const inner = y.shape.slice(place + 1);
    const windows = (y.shape[place] ?? 0) / size;
    // The axes around are joined, so that parts are runs of memory as long as they can be.
    const parts = split(reshape(y, [sizeOf(outer) * windows, size, sizeOf(inner)]), size, 1);
    y = reshape(
      parts.reduce((first, second) => firstMaximum(first, second)),
      [...outer, windows, ...inner],
    );
  }
  return y;
}
