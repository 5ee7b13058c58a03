import { isFloat } from "../../dtype.ts";
import { type NDArray, ndarray, toNumbers } from "../../ndarray.ts";
import { expand, tile } from "../../ops/broadcast.ts";
import { arange, constant, full } from "../../ops/constants.ts";

import * as e from "../../ops/elementwise.ts";
import { reshape, transpose, unsqueeze } from "../../ops/shape.ts";
import { concat, type Range, slice, split } from "../../ops/slicing.ts";
import { broadcastShapes, normalizeAxes, normalizeAxis, type Shape, sizeOf } from "../../shape.ts";
import { isTensor, type Tensor } from "../../tensor.ts";
import { dtypeOfElement } from "../tensor-data.ts";
import {
  allTensors,
  asTensor,
  attribute,
  type Call,
  checkedLength,
  knownIntegers,
  listAttribute,
  number,
  numbers,
  type OperatorTable,
  optionalAttribute,
  optionalNumbers,
  tensor,
  tensorAttribute,
  textAttribute,
  type Value,
  value,
} from "./call.ts";

/** Shapes, and constants made from shapes. What is known already stays known. */

/** More elements than any shape has: constants up to this size stay known. */
const knownSize = 4096;

/** The value in another shape; an array that is known stays so. */
function reshaped(input: Value, shape: Shape): Value {
  if (isTensor(input)) return reshape(input, shape);
  if (sizeOf(shape) !== input.data.length) return reshape(asTensor(input), shape);
  return { ...input, shape: [...shape] };
}

/** 0 keeps the size of the axis (unless `allowzero`), -1 is what remains. */
function reshapeTo(call: Call): Value {
  const input = value(call, 0);
  const keepZeros = attribute(call, "allowzero", 0) === 1;
  const wanted = numbers(call, 1).map((size, axis) =>
    size === 0 && !keepZeros ? (input.shape[axis] ?? 0) : size,
  );
  const known = sizeOf(wanted.filter((size) => size !== -1));
  const rest = sizeOf(input.shape) / known;
  const shape = wanted.map((size) => (size === -1 && Number.isInteger(rest) ? rest : size));
  return reshaped(input, shape);
}

function flatten(call: Call): Value {
  const input = value(call, 0);
  const given = attribute(call, "axis", 1);
  const rank = input.shape.length;
  const axis = given === rank ? rank : normalizeAxis(given, rank, "Flatten");
  return reshaped(input, [sizeOf(input.shape.slice(0, axis)), sizeOf(input.shape.slice(axis))]);
}

/** Axes are an attribute before operator set 13 and an input since. */
function axesOf(call: Call): readonly number[] | undefined {
  return optionalNumbers(call, 1) ?? listAttribute(call, "axes");
}

function squeeze(call: Call): Value {
  const input = value(call, 0);
  const { shape } = input;
  const given = axesOf(call);
  const dropped =
    given === undefined
      ? shape.flatMap((size, axis) => (size === 1 ? [axis] : []))
      : normalizeAxes(given, shape.length, "Squeeze");
  const wide = dropped.find((axis) => shape[axis] !== 1);
  if (wide !== undefined) throw new Error(`axis ${wide} of shape [${shape}] does not have size 1`);
  return reshaped(
    input,
    shape.filter((_, axis) => !dropped.includes(axis)),
  );
}

function insertAxes(call: Call): Value {
  const input = value(call, 0);
  const given = axesOf(call);
  if (given === undefined) throw new Error("its axes are missing");
  const rank = input.shape.length + given.length;
  const added = normalizeAxes(given, rank, "Unsqueeze");
  const rest = [...input.shape];
  return reshaped(
    input,
    Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
  );
}

function permute(call: Call): Value {
  const input = value(call, 0);
  return input.shape.length < 2 ? input : transpose(asTensor(input), listAttribute(call, "perm"));
}

function shapeOf(call: Call): Value {
  const { shape } = value(call, 0);
  return knownIntegers(shape.slice(attribute(call, "start", 0), optionalAttribute(call, "end")));
}

function parts(call: Call): readonly Value[] {
  const input = value(call, 0);
  const axis = normalizeAxis(attribute(call, "axis", 0), input.shape.length, "Split");
  const size = input.shape[axis] ?? 0;
  const count = optionalAttribute(call, "num_outputs") ?? call.node.outputs.length;
  // Equal parts; where they do not fill the axis, the last is smaller (operator set 18).
  const each = Math.ceil(size / count);
  const sizes =
    optionalNumbers(call, 1) ??
    listAttribute(call, "split") ??
    Array.from({ length: Math.min(count, call.node.outputs.length) }, (_, i) =>
      Math.max(0, Math.min(each, size - i * each)),
    );
  if (!isTensor(input) && input.shape.length === 1 && input.data.length <= knownSize) {
    let start = 0;
    return sizes.map((length) => {
      start += length;
      return { ...input, shape: [length], data: input.data.slice(start - length, start) } as NDArray;
    });
  }
  return split(asTensor(input), sizes, axis);
}

/**
 * Python's slicing, but for one thing: with a negative step, a start before the first element is that element, where
 * Python's slice is empty.
 */
function sliced(call: Call): Tensor {
  const x = tensor(call, 0);
  const starts = numbers(call, 1);
  const ends = numbers(call, 2);
  const axes = optionalNumbers(call, 3) ?? starts.map((_, i) => i);
  const steps = optionalNumbers(call, 4) ?? starts.map(() => 1);
  const ranges = x.shape.map((): Range => []);
  for (const [i, given] of axes.entries()) {
    const axis = normalizeAxis(given, x.rank, "Slice");
    const step = steps[i] ?? 1;
    ranges[axis] = [firstOf(starts[i] ?? 0, step, x.shape[axis] ?? 0), ends[i] ?? 0, step];
  }
  return slice(x, ...ranges);
}

/** Where a slice starts, as Python's slicing takes it. */
export function firstOf(start: number, step: number, size: number): number {
  return step < 0 && size > 0 ? Math.max(start, -size) : start;
}

/** Both ways: an axis of size 1 in the wanted shape keeps the size of the input's. */
function expanded(call: Call): Tensor {
  const input = value(call, 0);
  const wanted = numbers(call, 1);
  const shape = broadcastShapes(input.shape, wanted);
  if (shape === undefined) throw new Error(`shape [${input.shape}] does not broadcast to [${wanted}]`);
  if (!isTensor(input) && input.data.length === 1) return spreadScalar(input, shape);
  return expand(asTensor(input), shape);
}

/** One known element everywhere. */
function spreadScalar(array: NDArray, shape: Shape): Tensor {
  const [element] = toNumbers(array);
  const exact = isFloat(array.dtype) || Number.isSafeInteger(element);
  return element !== undefined && Number.isFinite(element) && exact
    ? full(shape, element, array.dtype)
    : expand(constant(array), shape);
}

function constantOfShape(call: Call): Value {
  const shape = numbers(call, 0);
  const element = tensorAttribute(call, "value") ?? ndarray([0], [1], "float32");
  if (element.data.length !== 1) throw new Error("its value is not one element");
  if (shape.some((size) => size < 0)) throw new Error(`shape [${shape}] has a negative size`);
  const size = sizeOf(shape);
  if (isFloat(element.dtype) || size > knownSize) return spreadScalar(element, shape);
  return ndarray(new Array<number>(size).fill(Number(element.data[0])), shape, element.dtype);
}

/** A constant is known; its value is one of several attributes. */
function constantValue(call: Call): Value {
  const { attributes } = call.node;
  const single = (name: string): number | undefined => optionalAttribute(call, name);
  const float = single("value_float");
  if (float !== undefined) return ndarray([float], [], "float32");
  const integer = single("value_int");
  if (integer !== undefined) return ndarray([integer], [], "int64");
  const floats = listAttribute(call, "value_floats");
  if (floats !== undefined) return ndarray([...floats], [floats.length], "float32");
  const integers = listAttribute(call, "value_ints");
  if (integers !== undefined) return knownIntegers(integers);
  const array = tensorAttribute(call, "value");
  if (array === undefined)
    throw new Error(`its value is of a kind that is not supported (${[...attributes.keys()].join(", ")})`);
  return array;
}

/** Ranges too long to be a shape. */
function range(call: Call): Tensor {
  const [start, limit, delta] = [number(call, 0), number(call, 1), number(call, 2)];
  checkedLength((limit - start) / delta, "the length of its range");
  return arange(start, limit, delta, value(call, 0).dtype);
}

/** 0, 1, ... below the size of an axis. */
function counted(size: number): Tensor {
  return arange(0, checkedLength(size, "an axis of size"));
}

/** The lower or upper triangle of each matrix; zeros elsewhere. */
function triangle(call: Call): Tensor {
  const x = tensor(call, 0);
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  const offset = optionalNumbers(call, 1)?.[0] ?? 0;
  const row = e.add(unsqueeze(counted(rows), 1), offset);
  const column = counted(columns);
  const upper = attribute(call, "upper", 1) === 1;
  const kept = upper ? e.lessEqual(row, column) : e.lessEqual(column, row);
  if (x.dtype === "bool") return e.logicalAnd(x, kept);
  return e.where(kept, x, 0);
}

function eyeLike(call: Call): Tensor {
  const input = value(call, 0);
  const [rows = 0, columns = 0] = input.shape;
  const code = optionalAttribute(call, "dtype");
  const dtype = code === undefined ? input.dtype : dtypeOfElement(code);
  if (dtype === undefined) throw new Error("its dtype is not supported");
  const offset = attribute(call, "k", 0);
  return e.cast(e.equal(e.add(unsqueeze(counted(rows), 1), offset), counted(columns)), dtype);
}

/** Channels to blocks of pixels, and back. */
function depthToSpace(call: Call): Tensor {
  const x = tensor(call, 0);
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const block = attribute(call, "blocksize", 1);
  const depth = c / (block * block);
  const arranged =
    textAttribute(call, "mode", "DCR") === "DCR"
      ? transpose(reshape(x, [n, block, block, depth, h, w]), [0, 3, 4, 1, 5, 2])
      : transpose(reshape(x, [n, depth, block, block, h, w]), [0, 1, 4, 2, 5, 3]);
  return reshape(arranged, [n, depth, h * block, w * block]);
}

function spaceToDepth(call: Call): Tensor {
  const x = tensor(call, 0);
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const block = attribute(call, "blocksize", 1);
  const split = reshape(x, [n, c, h / block, block, w / block, block]);
  return reshape(transpose(split, [0, 3, 5, 1, 2, 4]), [n, c * block * block, h / block, w / block]);
}

export const shapes: OperatorTable = {
  Reshape: { apply: reshapeTo, staticInputs: [1] },
  Flatten: flatten,
  Squeeze: { apply: squeeze, staticInputs: [1] },
  Unsqueeze: { apply: insertAxes, staticInputs: [1] },
  Transpose: permute,
  Shape: shapeOf,
  Size: (call) => ndarray([sizeOf(value(call, 0).shape)], [], "int64"),
  Concat: (call) => concat(allTensors(call), attribute(call, "axis", 0)),
  Split: { apply: parts, staticInputs: [1] },
  Slice: { apply: sliced, staticInputs: [1, 2, 3, 4] },
  Expand: { apply: expanded, staticInputs: [1] },
  Tile: { apply: (call) => tile(tensor(call, 0), numbers(call, 1)), staticInputs: [1] },
  ConstantOfShape: { apply: constantOfShape, staticInputs: [0] },
  Constant: {
    apply: constantValue,
    unsupported: (node) =>
      [...node.attributes.keys()].some((name) => /^(value_strings?|sparse_value)$/.test(name))
        ? "constants of text or sparse constants are not supported"
        : undefined,
  },
  Range: { apply: range, staticInputs: [0, 1, 2] },
  Trilu: { apply: triangle, staticInputs: [1] },
  EyeLike: eyeLike,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
