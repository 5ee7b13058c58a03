import { type DType, hasNumber, isFloat } from "../dtype.ts";
import { fail } from "../errors.ts";
import { fromNested, type NDArray, type NestedNumbers, ndarray } from "../ndarray.ts";
import type { Shape } from "../shape.ts";
import { applyOne, isTensor, type Op, type Tensor, type TensorLike } from "../tensor.ts";

/** Operations without inputs cannot be reached by a batched value. */
function neverBatched(): never {
  throw new Error("a constant has no batched inputs");
}

export const constantOp: Op<{ readonly array: NDArray }> = {
  name: "constant",
  outputs: (_, { array }) => [{ shape: array.shape, dtype: array.dtype }],
  batch: neverBatched,
  emit: (emitter, _, __, { array }) => [emitter.constant(array)],
  flops: () => 0,
};

/** One value everywhere. Kept apart from `constant` so that simplification sees zeros and ones. */
export const fullOp: Op<{ readonly value: number; readonly shape: Shape; readonly dtype: DType }> = {
  name: "full",
  outputs: (_, { shape, dtype }) => [{ shape, dtype }],
  batch: neverBatched,
  emit: (emitter, _, __, { value, shape, dtype }) =>
    shape.length === 0
      ? [emitter.scalar(value, dtype)]
      : emitter.node("Expand", [emitter.scalar(value, dtype), emitter.integers(shape)]),
  flops: () => 0,
};

/** An input of a graph: of a compiled function, of a mapped function, of the body of a scan. */
export const parameterOp: Op<{ readonly owner: string; readonly shape: Shape; readonly dtype: DType }> = {
  name: "parameter",
  outputs: (_, { shape, dtype }) => [{ shape, dtype }],
  batch: neverBatched,
  emit: (_, __, ___, { owner, shape, dtype }) =>
    fail(
      "compile",
      `a ${dtype} tensor of shape [${shape.join(",")}] belongs to another trace (${owner}); it was kept outside the function that made it`,
    ),
  flops: () => 0,
};

/** A fresh input named after whom it belongs to. */
export function parameter(shape: Shape, dtype: DType, owner: string): Tensor {
  return applyOne(parameterOp, [], { owner, shape, dtype });
}

/**
 * A constant from a host array or nested numbers.
 *
 * @example constant([[1, 2], [3, 4]], "float64")
 */
export function constant(values: NDArray | NestedNumbers, dtype?: DType): Tensor {
  const array = isHostArray(values) ? values : fromNested(values, dtype);
  return applyOne(constantOp, [], { array });
}

/**
 * A tensor of `shape` with `value` everywhere.
 *
 * @throws GraphError when the dtype does not have the value: 0.5 as int32, 256 as uint8
 */
export function full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  for (const dimension of shape)
    if (!Number.isInteger(dimension) || dimension < 0)
      fail("full", `shape [${shape.join(",")}] has a dimension that is not a size`);
  requireNumberOf("full", value, dtype);
  return applyOne(fullOp, [], { value, shape: [...shape], dtype });
}

/** Throws where an integer dtype or bool does not have a number: it would silently become another one. */
export function requireNumberOf(operation: string, value: number, dtype: DType): void {
  if (!hasNumber(dtype, value)) fail(operation, `${value} is not a number of ${dtype}`);
}

/** Zeros of a shape; float32 where nothing is said. */
export function zeros(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 0, dtype);
}

/** Ones of a shape; float32 where nothing is said. */
export function ones(shape: Shape, dtype: DType = "float32"): Tensor {
  return full(shape, 1, dtype);
}

/** Zeros of the shape and dtype of `x`. */
export function zerosLike(x: Tensor): Tensor {
  return full(x.shape, 0, x.dtype);
}

/** Ones of the shape and dtype of `x`. */
export function onesLike(x: Tensor): Tensor {
  return full(x.shape, 1, x.dtype);
}

/** The identity matrix, or an `n` by `columns` one with ones on its main diagonal. */
export function eye(n: number, columns: number = n, dtype: DType = "float32"): Tensor {
  const values = new Array<number>(n * columns).fill(0);
  for (let i = 0; i < Math.min(n, columns); i++) values[i * columns + i] = 1;
  return constant(ndarray(values, [n, columns], dtype));
}

/** The numbers `start`, `start + step`, ... below `stop` (above it for a negative step). */
export function arange(start: number, stop: number, step = 1, dtype: DType = "int64"): Tensor {
  if (step === 0) fail("arange", "the step is 0");
  for (const value of [start, step]) requireNumberOf("arange", value, dtype);
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return constant(
    ndarray(
      Array.from({ length }, (_, i) => start + i * step),
      [length],
      dtype,
    ),
  );
}

/** `count` numbers evenly spaced from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count: number, dtype: DType = "float32"): Tensor {
  if (!isFloat(dtype)) fail("linspace", `dtype ${dtype} is not float32 or float64`);
  if (!Number.isInteger(count) || count < 0) fail("linspace", `count ${count} is not a number of elements`);
  const values = Array.from({ length: count }, (_, i) =>
    i === count - 1 && count > 1 ? stop : start + (i * (stop - start)) / Math.max(1, count - 1),
  );
  return constant(ndarray(values, [count], dtype));
}

/** A tensor from what an operation was given; numbers take `dtype`. */
export function toTensor(value: TensorLike, dtype: DType = "float32"): Tensor {
  if (isTensor(value)) return value;
  return typeof value === "number" ? full([], value, dtype) : constant(value);
}

/** Tensors from what an operation of several was given: numbers take the dtype of the tensors they meet. */
export function toTensors(values: readonly TensorLike[]): Tensor[] {
  const dtype = values.find((value) => typeof value !== "number")?.dtype ?? "float32";
  return values.map((value) => toTensor(value, dtype));
}

function isHostArray(values: NDArray | NestedNumbers): values is NDArray {
  return typeof values === "object" && "dtype" in values;
}
