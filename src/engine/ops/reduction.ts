import { isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import { applyOne, type Op, type Tensor, type TensorLike } from "../tensor.ts";
import { type Axes, type ReductionOptions, reducedCount, reducedShape, spread, sum } from "./broadcast.ts";
import { describe, requireBool, requireFloat, requireNumeric } from "./check.ts";
import { onesLike, toTensor } from "./constants.ts";
import {
  abs,
  cast,
  div,
  equal,
  exp,
  greater,
  isNaN as isNotANumber,
  mul,
  square,
  sub,
  where,
} from "./elementwise.ts";
import { invertPermutation, only, reshape, transpose, unsqueeze } from "./shape.ts";
import { concat, sliceAxis } from "./slicing.ts";

/** Reductions other than the sum, and the cumulative sum. */

/** uint8 has no kernels that add or multiply; int32 wraps to the same. */
function viaInt32<Rest extends readonly unknown[]>(f: (x: Tensor, ...rest: Rest) => Tensor) {
  return (x: Tensor, ...rest: Rest): Tensor | undefined =>
    x.dtype === "uint8" ? cast(f(cast(x, "int32"), ...rest), "uint8") : undefined;
}

interface ReductionRule {
  onnx: string;
  lower?(x: Tensor, axes: readonly number[]): Tensor | undefined;
  gradient(ct: Tensor, x: Tensor, y: Tensor, axes: readonly number[]): Tensor;
}

function reduction(name: string, { onnx, gradient, lower }: ReductionRule): Op<Axes> {
  return {
    name,
    outputs: ([x], { axes }) => [{ shape: reducedShape(x?.shape ?? [], axes), dtype: x?.dtype ?? "float32" }],
    gradient: ({ inputs, outputs, attributes: { axes }, cotangents: [ct] }) => [
      ct && gradient(ct, only(inputs), only(outputs), axes),
    ],
    batch({ inputs, attributes: { axes } }) {
      return [applyOne(this, inputs, { axes: axes.map((axis) => axis + 1) })];
    },
    ...(lower && {
      lower: (inputs, { axes }) => {
        const lowered = lower(only(inputs), axes);
        return lowered && [lowered];
      },
    }),
    emit: (emitter, [x = ""], _, { axes }) =>
      emitter.node(onnx, [x, emitter.integers(axes)], { keepdims: 0 }),
    flops: (node) => node.inputs[0]?.size ?? 0,
  };
}

function reduce(op: Op<Axes>, x: Tensor, { axes, keepAxes = false }: ReductionOptions): Tensor {
  const list = normalizeAxes(axes, x.rank, op.name);
  const y = list.length === 0 ? unreduced(op, x) : applyOne(op, [x], { axes: list });
  return keepAxes ? reshape(y, reducedShape(x.shape, list, { keepAxes })) : y;
}

/** A reduction over no axes: the elements themselves, or their magnitudes for a norm. */
function unreduced(op: Op<Axes>, x: Tensor): Tensor {
  return op === normOp ? abs(x) : x;
}

export const meanOp = reduction("mean", {
  onnx: "ReduceMean",
  gradient: (ct, x, _, axes) => spread(mul(ct, 1 / reducedCount(x.shape, axes)), x.shape, axes),
});

/** The derivative of max and min splits evenly among ties. */
function extremumGradient(ct: Tensor, x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const hits = cast(equal(x, spread(y, x.shape, axes)), x.dtype);
  return mul(hits, spread(div(ct, sum(hits, { axes })), x.shape, axes));
}

/** The runtime's kernels, which pass over NaN. */
const kernelOf = {
  max: reduction("largestNumber", { onnx: "ReduceMax", gradient: extremumGradient }),
  min: reduction("smallestNumber", { onnx: "ReduceMin", gradient: extremumGradient }),
};

/** An extremum that is NaN where any element is. */
function extremumReduction(name: "max" | "min", onnx: string): Op<Axes> {
  return reduction(name, {
    onnx,
    gradient: extremumGradient,
    lower: (x, axes) => {
      if (!isFloat(x.dtype)) return undefined;
      const anyNaN = greater(applyOne(kernelOf.max, [cast(isNotANumber(x), x.dtype)], { axes }), 0);
      return where(anyNaN, Number.NaN, applyOne(kernelOf[name], [x], { axes }));
    },
  });
}

const maxOp = extremumReduction("max", "ReduceMax");
const minOp = extremumReduction("min", "ReduceMin");

const logSumExpOp = reduction("logSumExp", {
  onnx: "ReduceLogSumExp",
  gradient: (ct, x, y, axes) => mul(exp(sub(x, spread(y, x.shape, axes))), spread(ct, x.shape, axes)),
});

/** The Euclidean norm; its derivative at 0 is 0. */
const normOp = reduction("norm", {
  onnx: "ReduceL2",
  gradient: (ct, x, y, axes) => {
    const safe = where(equal(y, 0), 1, y);
    return mul(x, spread(div(ct, safe), x.shape, axes));
  },
});

const prodOp = reduction("prod", {
  onnx: "ReduceProd",
  lower: viaInt32((x, axes) => prod(x, { axes })),
  gradient: (ct, x, _, axes) => {
    const kept = x.shape.map((__, axis) => axis).filter((axis) => !axes.includes(axis));
    const order = [...kept, ...axes];
    const count = reducedCount(x.shape, axes);
    const arranged = transpose(x, order);
    const rows = reshape(arranged, [ct.size, count]);
    return transpose(
      reshape(cofactors(rows, reshape(ct, [ct.size, 1])), arranged.shape),
      invertPermutation(order),
    );
  },
});

/**
 * For rows of factors [m, n] and a weight for each row, the weight times the product of the other factors of the row:
 * a tree of pairwise products walked back, exact where factors are 0, and O(n).
 */
function cofactors(rows: Tensor, weight: Tensor): Tensor {
  const count = rows.shape[1] ?? 0;
  if (count === 0) return rows;
  if (count === 1) return weight;
  const padded = count % 2 === 0 ? rows : concat([rows, onesLike(sliceAxis(rows, 1, 0, 1))], 1);
  const even = sliceAxis(padded, 1, 0, padded.shape[1] ?? 0, 2);
  const odd = sliceAxis(padded, 1, 1, padded.shape[1] ?? 0, 2);
  const above = cofactors(mul(even, odd), weight);
  const pairs = concat([unsqueeze(mul(above, odd), 2), unsqueeze(mul(above, even), 2)], 2);
  return sliceAxis(reshape(pairs, padded.shape), 1, 0, count);
}

interface ArgumentAttributes {
  readonly axis: number;
}

function argumentReduction(name: string, onnx: string): Op<ArgumentAttributes> {
  return {
    name,
    outputs: ([x], { axis }) => [{ shape: reducedShape(x?.shape ?? [], [axis]), dtype: "int64" }],
    batch({ inputs, attributes: { axis } }) {
      return [applyOne(this, inputs, { axis: axis + 1 })];
    },
    emit: (emitter, inputs, _, { axis }) => emitter.node(onnx, inputs, { axis, keepdims: 0 }),
  };
}

const argmaxOp = argumentReduction("argmax", "ArgMax");
const argminOp = argumentReduction("argmin", "ArgMin");

interface CumulativeOptions {
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const cumsumOp: Op<CumulativeOptions & ArgumentAttributes> = {
  name: "cumsum",
  outputs: ([x]) => [{ shape: x?.shape ?? [], dtype: x?.dtype ?? "float32" }],
  gradient: ({ attributes, cotangents: [ct] }) => [
    ct && applyOne(cumsumOp, [ct], { ...attributes, reverse: !attributes.reverse }),
  ],
  batch: ({ inputs, attributes }) => [
    applyOne(cumsumOp, inputs, { ...attributes, axis: attributes.axis + 1 }),
  ],
  lower: (inputs, attributes) => {
    const lowered = viaInt32((x) => applyOne(cumsumOp, [x], attributes))(only(inputs));
    return lowered && [lowered];
  },
  emit: (emitter, [x = ""], _, { axis, exclusive, reverse }) =>
    emitter.node("CumSum", [x, emitter.scalar(axis, "int64")], {
      exclusive: Number(exclusive),
      reverse: Number(reverse),
    }),
};

/** The mean over the given axes; of nothing, NaN. */
export function mean(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x);
  requireFloat("mean", tensor);
  return reduce(meanOp, tensor, options);
}

/** The mean squared deviation from the mean, divided by `n - correction`. */
export function variance(
  x: TensorLike,
  { correction = 0, ...options }: ReductionOptions & { readonly correction?: number } = {},
): Tensor {
  const tensor = toTensor(x);
  requireFloat("variance", tensor);
  const deviations = square(sub(tensor, mean(tensor, { ...options, keepAxes: true })));
  const count = reducedCount(tensor.shape, normalizeAxes(options.axes, tensor.rank, "variance"));
  return correction === 0 ? mean(deviations, options) : div(sum(deviations, options), count - correction);
}

function extremum(op: Op<Axes>, x: TensorLike, options: ReductionOptions): Tensor {
  const tensor = toTensor(x);
  requireNumeric(op.name, tensor);
  if (reducedCount(tensor.shape, normalizeAxes(options.axes, tensor.rank, op.name)) === 0)
    fail(op.name, `there is no element to choose from in ${describe(tensor)}`);
  return reduce(op, tensor, options);
}

/** The largest element; the derivative is split evenly among ties. */
export const max = (x: TensorLike, options: ReductionOptions = {}): Tensor => extremum(maxOp, x, options);
/** The smallest element; the derivative is split evenly among ties. */
export const min = (x: TensorLike, options: ReductionOptions = {}): Tensor => extremum(minOp, x, options);

/** The product over the given axes; of nothing, 1. Its derivative is exact at zeros. */
export function prod(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x);
  requireNumeric("prod", tensor);
  return reduce(prodOp, tensor, options);
}

/** log(sum(exp(x))), without overflow. */
export function logSumExp(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x);
  requireFloat("logSumExp", tensor);
  return reduce(logSumExpOp, tensor, options);
}

/** The norm of order 1, 2 (default) or Infinity over the given axes together. */
export function norm(
  x: TensorLike,
  { order = 2, ...options }: ReductionOptions & { readonly order?: 1 | 2 | typeof Infinity } = {},
): Tensor {
  const tensor = toTensor(x);
  requireFloat("norm", tensor);
  if (order !== 1 && order !== 2 && order !== Infinity)
    fail("norm", `order ${order} is not 1, 2 or Infinity`);
  if (order === 1) return sum(abs(tensor), options);
  return order === 2 ? reduce(normOp, tensor, options) : max(abs(tensor), options);
}

function argument(op: Op<ArgumentAttributes>, x: TensorLike, axis: number): Tensor {
  const tensor = toTensor(x);
  requireNumeric(op.name, tensor);
  const place = normalizeAxis(axis, tensor.rank, op.name);
  if (tensor.shape[place] === 0) fail(op.name, `there is no element to choose from in ${describe(tensor)}`);
  return applyOne(op, [tensor], { axis: place });
}

/** Where along the axis the largest element is (int64); the first of equals. */
export const argmax = (x: TensorLike, { axis = -1 } = {}): Tensor => argument(argmaxOp, x, axis);
/** Where along the axis the smallest element is (int64); the first of equals. */
export const argmin = (x: TensorLike, { axis = -1 } = {}): Tensor => argument(argminOp, x, axis);

/** Running sums along an axis; `exclusive` leaves the element itself out, `reverse` runs from the end. */
export function cumsum(
  x: TensorLike,
  { axis = -1, exclusive = false, reverse = false }: Partial<CumulativeOptions & ArgumentAttributes> = {},
): Tensor {
  const tensor = toTensor(x);
  requireNumeric("cumsum", tensor);
  return applyOne(cumsumOp, [tensor], {
    axis: normalizeAxis(axis, tensor.rank, "cumsum"),
    exclusive,
    reverse,
  });
}

/** Whether any element is true. */
export function any(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x, "bool");
  requireBool("any", tensor);
  return cast(sum(cast(tensor, "int32"), options), "bool");
}

/** Whether all elements are true. */
export function all(x: TensorLike, options: ReductionOptions = {}): Tensor {
  const tensor = toTensor(x, "bool");
  requireBool("all", tensor);
  return equal(sum(sub(1, cast(tensor, "int32")), options), 0);
}
