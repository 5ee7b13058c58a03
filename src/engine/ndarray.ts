import { allocate, type DataOf, type DType, hasNumber, holds, isFloat, type TypedArray } from "./dtype.ts";
import { withCallerLine } from "./errors.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

/** The engine's only host type: a plain, row-major array. */
export interface NDArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: DataOf[D];
}

/** Nested arrays of numbers, as written in a source file: `[[1, 2], [3, 4]]`. */
export type NestedNumbers = number | readonly NestedNumbers[];

/**
 * An NDArray from a typed array or from numbers.
 *
 * @param data elements in row-major order: a typed array (kept, not copied, when it holds `dtype`) or numbers
 * @param shape defaults to one axis with all elements
 * @param dtype defaults to the dtype of the typed array, `float32` for plain numbers
 * @throws RangeError when the number of elements is not the product of the shape, or the dtype does not have one of
 *   the numbers ({@link castArray} converts)
 * @example ndarray([1, 2, 3, 4], [2, 2], "float64")
 */
export function ndarray<D extends DType = "float32">(
  data: ArrayLike<number> | ArrayLike<bigint>,
  shape?: Shape,
  dtype?: D,
): NDArray<D> {
  const type = (dtype ?? dtypeOfData(data)) as D;
  const dimensions = shape ?? [data.length];
  if (data.length !== sizeOf(dimensions))
    throw new RangeError(
      withCallerLine(
        `ndarray: ${data.length} elements do not fill shape ${formatShape(dimensions)}, which holds ${sizeOf(dimensions)}`,
      ),
    );
  if (holds(data, type)) return { dtype: type, shape: [...dimensions], data: data as DataOf[D] };
  if (!isFloat(type))
    for (let i = 0; i < data.length; i++)
      if (!hasNumber(type, Number(data[i])))
        throw new RangeError(withCallerLine(`ndarray: element ${i}, ${data[i]}, is not a number of ${type}`));
  return { dtype: type, shape: [...dimensions], data: convert(data, type) };
}

/** A zero-filled NDArray. */
export function zerosArray<D extends DType>(shape: Shape, dtype: D): NDArray<D> {
  return { dtype, shape: [...shape], data: allocate(dtype, sizeOf(shape)) };
}

/**
 * An NDArray from nested arrays of numbers.
 *
 * @throws RangeError when the rows have different lengths
 * @example fromNested([[1, 2], [3, 4]], "float64").shape // [2, 2]
 */
export function fromNested<D extends DType = "float32">(values: NestedNumbers, dtype?: D): NDArray<D> {
  const shape: number[] = [];
  for (let level = values; Array.isArray(level); level = level[0] as NestedNumbers) shape.push(level.length);
  const flat: number[] = [];
  const visit = (value: NestedNumbers, depth: number): void => {
    if (typeof value === "number" ? depth !== shape.length : value.length !== shape[depth])
      throw new RangeError(withCallerLine(`fromNested: rows of different lengths at depth ${depth}`));
    if (typeof value === "number") flat.push(value);
    else for (const item of value) visit(item, depth + 1);
  };
  visit(values, 0);
  return ndarray(flat, shape, (dtype ?? "float32") as D);
}

/**
 * The same elements in another dtype; a number the dtype does not have becomes one as in the typed array's constructor.
 *
 * @throws RangeError when a number that is not whole is to become an int64
 */
export function castArray<D extends DType>(array: NDArray, dtype: D): NDArray<D> {
  if (hasDType(array, dtype)) return array;
  return { dtype, shape: array.shape, data: convert(array.data, dtype) };
}

function hasDType<D extends DType>(array: NDArray, dtype: D): array is NDArray<D> {
  return array.dtype === dtype;
}

/**
 * The rows [k, ...] of an array [n, ...] at the given places of its first axis, in their order.
 *
 * @throws RangeError when there is no such row
 */
export function takeRows<D extends DType>(array: NDArray<D>, rows: ArrayLike<number>): NDArray<D> {
  const [count = 0, ...shape] = array.shape;
  const size = sizeOf(shape);
  const out = zerosArray([rows.length, ...shape], array.dtype);
  const [from, into]: [TypedArray, TypedArray] = [array.data, out.data];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? -1;
    if (!Number.isInteger(row) || row < 0 || row >= count)
      throw new RangeError(withCallerLine(`takeRows: ${row} is not one of ${count} rows`));
    into.set(from.subarray(row * size, (row + 1) * size) as never, i * size);
  }
  return out;
}

/** The elements as numbers, whatever the dtype (int64 beyond 2^53 loses digits). */
export function toNumbers(array: NDArray): number[] {
  return Array.from(array.data as ArrayLike<number | bigint>, Number);
}

function dtypeOfData(data: unknown): DType {
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array) return "uint8";
  return "float32";
}

function convert<D extends DType>(data: ArrayLike<number> | ArrayLike<bigint>, dtype: D): DataOf[D] {
  const out = allocate(dtype as DType, data.length) as TypedArray;
  if (out instanceof BigInt64Array)
    for (let i = 0; i < data.length; i++) out[i] = BigInt(data[i] as number | bigint);
  else if (dtype === "bool") for (let i = 0; i < data.length; i++) out[i] = Number(data[i]) === 0 ? 0 : 1;
  else for (let i = 0; i < data.length; i++) out[i] = Number(data[i]);
  return out as DataOf[D];
}
