// Dense matrices on the host are the engine's own arrays: nothing has to be converted on the way to a graph.
import type { NDArray } from "../../engine/ndarray.ts";

/** A real matrix: an array of dtype float64 with the shape [rows, columns], row-major. */
export type Matrix = NDArray<"float64">;

/**
 * A matrix on the given elements (kept, not copied), zeros where there are none.
 *
 * @param data row-major
 * @throws RangeError when a size is not a non-negative integer or the elements do not fill it
 */
export function matrix(rows: number, columns: number, data?: Float64Array): Matrix {
  for (const size of [rows, columns])
    if (!Number.isSafeInteger(size) || size < 0)
      throw new RangeError(`matrix: ${size} is not a non-negative whole number of rows or columns`);
  if (data !== undefined && data.length !== rows * columns)
    throw new RangeError(`matrix: ${data.length} elements do not fill ${rows} x ${columns}`);
  return { dtype: "float64", shape: [rows, columns], data: data ?? new Float64Array(rows * columns) };
}

/**
 * A matrix from its rows.
 *
 * @throws RangeError when the rows have different lengths
 * @example matrixOfRows([[1, 2], [3, 4]])
 */
export function matrixOfRows(rows: readonly ArrayLike<number>[]): Matrix {
  const columns = rows[0]?.length ?? 0;
  const out = matrix(rows.length, columns);
  rows.forEach((row, r) => {
    if (row.length !== columns)
      throw new RangeError(`matrix: row ${r} has ${row.length} elements, row 0 has ${columns}`);
    out.data.set(row, r * columns);
  });
  return out;
}

/** The identity of `size` rows. */
export function identityMatrix(size: number): Matrix {
  const out = matrix(size, size);
  for (let i = 0; i < size; i++) out.data[i * size + i] = 1;
  return out;
}

/**
 * The rows and columns of what should be a matrix of finite numbers.
 *
 * @param where begins the error: the function that was called
 * @throws RangeError when the array does not have two axes, or holds NaN or an infinity (says where)
 */
export function finiteSize(a: Matrix, where: string): { rows: number; columns: number } {
  const [rows, columns] = a.shape;
  if (a.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new RangeError(
      `${where}: the shape [${a.shape.join(", ")}] is not that of a matrix, [rows, columns]`,
    );
  const at = firstNonFinite(a.data);
  if (at >= 0)
    throw new RangeError(
      `${where}: element [${Math.floor(at / columns)}, ${at % columns}] is ${a.data[at]}, not a finite number`,
    );
  return { rows, columns };
}

/**
 * The number of rows of what should be a square matrix of finite numbers.
 *
 * @throws RangeError when it is not square, or not finite
 */
export function squareSize(a: Matrix, where: string): number {
  const { rows, columns } = finiteSize(a, where);
  if (rows !== columns)
    throw new RangeError(`${where}: a square matrix is needed, this one is ${rows} x ${columns}`);
  return rows;
}

/**
 * Sees to it that a vector has `length` finite elements.
 *
 * @throws RangeError when it has not
 */
export function checkVector(v: Float64Array, length: number, where: string): void {
  if (v.length !== length)
    throw new RangeError(`${where}: the vector has ${v.length} elements, the matrix needs ${length}`);
  const at = firstNonFinite(v);
  if (at >= 0) throw new RangeError(`${where}: element ${at} of the vector is ${v[at]}, not a finite number`);
}

function firstNonFinite(values: Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
