import { allocate, type DType, isFloat } from "../dtype.ts";
import { type NDArray, ndarray, toNumbers } from "../ndarray.ts";
import { broadcastShapes, normalizeAxis, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { isTensor } from "../tensor.ts";
import { attribute, type Call, listAttribute, type Value } from "./operators/call.ts";
import { firstOf } from "./operators/shape.ts";
import { dtypeOfElement } from "./tensor-data.ts";

/**
 * Arithmetic on arrays that are known while a graph is built: what exporters write to work out shapes. Only operations
 * whose float32 result is the correctly rounded one are done here, so that folding changes no bit.
 */

/** Larger arrays are left to the graph: they are data, not shapes. */
const largest = 4096;

/** The value of a node whose inputs are all known and small, for the operators that shape arithmetic uses. */
export function fold(call: Call): Value[] | undefined {
  const rule = rules[call.node.domain === "" ? call.node.type : ""];
  if (rule === undefined) return undefined;
  const arrays: NDArray[] = [];
  for (const input of call.inputs) {
    if (input === undefined || isTensor(input) || input.data.length > largest) return undefined;
    arrays.push(input);
  }
  const result = rule(arrays, call);
  return result && [result];
}

type Rule = (inputs: readonly NDArray[], call: Call) => NDArray | undefined;

/** The element a number becomes in a dtype: fractions of integers are dropped, as ONNX's Cast does. */
function store(values: readonly number[], shape: Shape, dtype: DType): NDArray | undefined {
  if (dtype !== "float32" && dtype !== "float64" && !values.every(Number.isFinite)) return undefined;
  const whole = isFloat(dtype) || dtype === "bool" ? values : values.map(Math.trunc);
  // Beyond 2^53 numbers are no longer exact (INT64_MAX as the end of a slice is common): left as they are, not computed.
  if (dtype === "int64" && !whole.every(Number.isSafeInteger)) return undefined;
  return ndarray([...whole], shape, dtype);
}

/** The place in a row-major array of `shape` of each element of the broadcast shape. */
function places(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const offset = target.length - shape.length;
  return Array.from({ length: sizeOf(target) }, (_, index) => {
    let rest = index;
    let place = 0;
    for (let axis = target.length - 1; axis >= offset; axis--) {
      const size = target[axis] ?? 1;
      if ((shape[axis - offset] ?? 1) !== 1) place += (rest % size) * (strides[axis - offset] ?? 0);
      rest = Math.floor(rest / size);
    }
    return place;
  });
}

function elementwise(compute: (...values: number[]) => number, result?: DType): Rule {
  return (inputs) => {
    const shape = broadcastShapes(...inputs.map((input) => input.shape));
    if (shape === undefined || sizeOf(shape) > largest) return undefined;
    const lists = inputs.map((input) => {
      const elements = toNumbers(input);
      return places(input.shape, shape).map((place) => elements[place] ?? 0);
    });
    const values = Array.from({ length: sizeOf(shape) }, (_, i) =>
      compute(...lists.map((list) => list[i] ?? 0)),
    );
    return store(values, shape, result ?? inputs.at(-1)?.dtype ?? "int64");
  };
}

const divide: Rule = (inputs, call) => {
  const [, divisor] = inputs;
  if (divisor === undefined || (!isFloat(divisor.dtype) && toNumbers(divisor).includes(0))) return undefined;
  return elementwise((a, b) => a / b)(inputs, call);
};

/** ONNX's Mod: the sign of the divisor; with `fmod`, the sign of the dividend. */
const modulo: Rule = (inputs, call) => {
  const [, divisor] = inputs;
  if (divisor === undefined || toNumbers(divisor).includes(0)) return undefined;
  return attribute(call, "fmod", 0) === 1
    ? elementwise((a, b) => a % b)(inputs, call)
    : elementwise((a, b) => a - Math.floor(a / b) * b)(inputs, call);
};

/** Powers only of integers: others round differently on every machine. */
const power: Rule = (inputs, call) => {
  const [base] = inputs;
  if (base === undefined || isFloat(base.dtype)) return undefined;
  return elementwise((a, b) => a ** b, base.dtype)(inputs, call);
};

/** The elements at the given places, in another shape. */
function pick(array: NDArray, at: readonly number[], shape: Shape): NDArray | undefined {
  const data = allocate(array.dtype, at.length);
  for (const [i, place] of at.entries()) {
    const element = array.data[place];
    if (element === undefined) return undefined;
    data[i] = element;
  }
  return { dtype: array.dtype, shape, data };
}

const gather: Rule = ([data, indices], call) => {
  if (data === undefined || indices === undefined) return undefined;
  const axis = normalizeAxis(attribute(call, "axis", 0), data.shape.length, "Gather");
  const size = data.shape[axis] ?? 0;
  const inner = sizeOf(data.shape.slice(axis + 1));
  const outer = sizeOf(data.shape.slice(0, axis));
  const rows = toNumbers(indices).map((index) => (index < 0 ? index + size : index));
  if (rows.some((row) => row < 0 || row >= size)) return undefined;
  if (outer * rows.length * inner > largest) return undefined;
  const at: number[] = [];
  for (let o = 0; o < outer; o++)
    for (const row of rows) for (let i = 0; i < inner; i++) at.push((o * size + row) * inner + i);
  return pick(data, at, [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)]);
};

const concat: Rule = (inputs, call) => {
  const [first] = inputs;
  // Only vectors: anything with more axes is no shape.
  if (first === undefined || inputs.some(({ shape, dtype }) => shape.length !== 1 || dtype !== first.dtype))
    return undefined;
  normalizeAxis(attribute(call, "axis", 0), 1, "Concat");
  const data = allocate(
    first.dtype,
    inputs.reduce((total, input) => total + input.data.length, 0),
  );
  let start = 0;
  for (const input of inputs)
    for (const element of input.data as Iterable<number | bigint>) data[start++] = element;
  return { dtype: first.dtype, shape: [data.length], data };
};

const cast: Rule = ([array], call) => {
  const dtype = dtypeOfElement(attribute(call, "to", 0));
  if (array === undefined || dtype === undefined) return undefined;
  return array.dtype === dtype ? array : store(toNumbers(array), array.shape, dtype);
};

const range: Rule = ([start, limit, delta]) => {
  if (start === undefined || limit === undefined || delta === undefined) return undefined;
  const [from = 0] = toNumbers(start);
  const [to = 0] = toNumbers(limit);
  const [step = 1] = toNumbers(delta);
  const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= largest)) return undefined;
  return store(
    Array.from({ length: count }, (_, i) => from + i * step),
    [count],
    start.dtype,
  );
};

const where: Rule = ([condition, a, b], call) => {
  if (condition === undefined || a === undefined || b === undefined || a.dtype !== b.dtype) return undefined;
  return elementwise((c, x, y) => (c !== 0 ? x : y))([condition, a, b], call);
};

const nonZero: Rule = ([array]) => {
  if (array === undefined) return undefined;
  // A single number has one coordinate, as in ONNX Runtime.
  const shape = array.shape.length === 0 ? [1] : array.shape;
  const strides = stridesOf(shape);
  const found = toNumbers(array).flatMap((element, place) => (element === 0 ? [] : [place]));
  const coordinates = shape.flatMap((size, axis) =>
    found.map((place) => Math.floor(place / (strides[axis] ?? 1)) % size),
  );
  return ndarray(coordinates, [shape.length, found.length], "int64");
};

/** Which elements of one axis are taken. */
interface Selection {
  readonly axis: number;
  readonly indices: readonly number[];
}

/** The elements that are taken along every axis, the axes in the order of the list. */
function select(array: NDArray, selections: readonly Selection[]): NDArray | undefined {
  const strides = stridesOf(array.shape);
  const at = selections.reduce<readonly number[]>(
    (starts, { axis, indices }) =>
      starts.flatMap((start) => indices.map((index) => start + index * (strides[axis] ?? 0))),
    [0],
  );
  return pick(
    array,
    at,
    selections.map(({ indices }) => indices.length),
  );
}

function wholeAxis(array: NDArray, axis: number): Selection {
  return { axis, indices: Array.from({ length: array.shape[axis] ?? 0 }, (_, index) => index) };
}

const slice: Rule = ([data, starts, ends, axes, steps]) => {
  if (data === undefined || starts === undefined || ends === undefined) return undefined;
  const selections = data.shape.map((_, axis) => wholeAxis(data, axis));
  const [first, last] = [toNumbers(starts), toNumbers(ends)];
  const stride = steps === undefined ? first.map(() => 1) : toNumbers(steps);
  const sliced = axes === undefined ? [...first.keys()] : toNumbers(axes);
  for (const [i, given] of sliced.entries()) {
    const axis = normalizeAxis(given, data.shape.length, "Slice");
    const indices = slicedIndices(data.shape[axis] ?? 0, first[i] ?? 0, last[i] ?? 0, stride[i] ?? 1);
    if (indices === undefined) return undefined;
    selections[axis] = { axis, indices };
  }
  return select(data, selections);
};

function slicedIndices(size: number, start: number, end: number, step: number): number[] | undefined {
  if (step === 0) return undefined;
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (place: number): number => Math.min(high, Math.max(low, place < 0 ? place + size : place));
  const first = bound(firstOf(start, step, size));
  const count = Math.max(0, Math.ceil((bound(end) - first) / step));
  return Array.from({ length: count }, (_, i) => first + i * step);
}

const transpose: Rule = ([array], call) => {
  if (array === undefined) return undefined;
  const axes = [...array.shape.keys()];
  const order = listAttribute(call, "perm") ?? axes.toReversed();
  if (order.toSorted((a, b) => a - b).join() !== axes.join()) return undefined;
  return select(
    array,
    order.map((axis) => wholeAxis(array, axis)),
  );
};

/** Integers spread over a larger shape: numbers are left to the graph, which spreads them without storing them. */
const expand: Rule = ([data, shape]) => {
  if (data === undefined || shape === undefined || isFloat(data.dtype)) return undefined;
  const target = broadcastShapes(data.shape, toNumbers(shape));
  if (target === undefined || sizeOf(target) > largest || target.some((size) => size < 0)) return undefined;
  return pick(data, places(data.shape, target), target);
};

/** The reduction of a vector of integers. */
function reduce(combine: (a: number, b: number) => number, start: number): Rule {
  return ([data, axes], call) => {
    const none = axes === undefined || axes.data.length === 0;
    if (data?.shape.length !== 1 || isFloat(data.dtype)) return undefined;
    if (none && attribute(call, "noop_with_empty_axes", 0) === 1) return data;
    const result = toNumbers(data).reduce((a, b) => combine(a, b), start);
    return store([result], attribute(call, "keepdims", 1) === 0 ? [] : [1], data.dtype);
  };
}

const truth = (holds: boolean): number => (holds ? 1 : 0);

const rules: Readonly<Record<string, Rule>> = {
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: divide,
  Mod: modulo,
  Pow: power,
  Neg: elementwise((a) => -a),
  Abs: elementwise(Math.abs),
  Sign: elementwise(Math.sign),
  Floor: elementwise(Math.floor),
  Ceil: elementwise(Math.ceil),
  Sqrt: elementwise(Math.sqrt),
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Equal: elementwise((a, b) => truth(a === b), "bool"),
  Less: elementwise((a, b) => truth(a < b), "bool"),
  LessOrEqual: elementwise((a, b) => truth(a <= b), "bool"),
  Greater: elementwise((a, b) => truth(a > b), "bool"),
  GreaterOrEqual: elementwise((a, b) => truth(a >= b), "bool"),
  And: elementwise((a, b) => truth(a !== 0 && b !== 0), "bool"),
  Or: elementwise((a, b) => truth(a !== 0 || b !== 0), "bool"),
  Xor: elementwise((a, b) => truth((a !== 0) !== (b !== 0)), "bool"),
  Not: elementwise((a) => truth(a === 0), "bool"),
  Where: where,
  Cast: cast,
  Gather: gather,
  Concat: concat,
  Range: range,
  NonZero: nonZero,
  Slice: slice,
  Transpose: transpose,
  Expand: expand,
  ReduceProd: reduce((a, b) => a * b, 1),
  ReduceSum: reduce((a, b) => a + b, 0),
  ReduceMax: reduce(Math.max, Number.NEGATIVE_INFINITY),
  ReduceMin: reduce(Math.min, Number.POSITIVE_INFINITY),
};
