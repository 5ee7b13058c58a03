import { type BidiagonalRows, bidiagonalSingularValues } from "./bidiagonal-svd.ts";
import { makeReflector, reflectColumns, reflectRows } from "./householder.ts";
import { finiteSize, type Matrix, matrix } from "./matrix.ts";

/** A = U diag(values) V', for A of m rows and n columns and k = min(m, n). */
export interface SVD {
  /** U, m x k, its columns orthonormal. */
  readonly u: Matrix;
  /** The k singular values, from the largest down. */
  readonly values: Float64Array;
  /** V, n x k, its columns orthonormal. */
  readonly v: Matrix;
}

/**
 * The thin singular value decomposition of a matrix.
 *
 * Householder reflections to bidiagonal form, then the implicitly shifted QR algorithm of Golub and Kahan, with
 * singular vectors kept as rows on the way. Errors are of the size of 2^-52 times the largest singular value.
 *
 * @throws RangeError when an element is not finite
 * @see Golub and Van Loan, Matrix Computations, section 8.6
 */
export function svd(a: Matrix): SVD {
  const { rows, columns } = finiteSize(a, "svd");
  if (rows < columns) {
    const { u, values, v } = svd(transposed(a.data, rows, columns));
    return { u: v, values, v: u };
  }
  const { diagonal, offDiagonal, vectors } = bidiagonalise(a, "vectors");
  bidiagonalSingularValues(diagonal, offDiagonal, vectors);
  const order = fallingOrder(diagonal);
  return {
    u: columnsInOrder(vectors.left, rows, order),
    values: Float64Array.from(order, (i) => diagonal[i] as number),
    v: columnsInOrder(vectors.right, columns, order),
  };
}

/**
 * The singular values of a matrix, from the largest down.
 *
 * @throws RangeError when an element is not finite
 */
export function singularValues(a: Matrix): Float64Array {
  const { rows, columns } = finiteSize(a, "singularValues");
  const { diagonal, offDiagonal } = bidiagonalise(
    rows < columns ? transposed(a.data, rows, columns) : a,
    "values",
  );
  bidiagonalSingularValues(diagonal, offDiagonal);
  return diagonal.sort().reverse();
}

/** U' A V = B with the given diagonal and the one above it; `vectors` are U' (n x m) and V' (n x n). */
function bidiagonalise(
  a: Matrix,
  want: "vectors" | "values",
): { diagonal: Float64Array; offDiagonal: Float64Array; vectors: BidiagonalRows } {
  const [rows, columns] = a.shape as [number, number];
  const work = a.data.slice();
  const diagonal = new Float64Array(columns);
  const offDiagonal = new Float64Array(columns);
  const fromLeft: { v: Float64Array; t: number }[] = [];
  const fromRight: { v: Float64Array; t: number }[] = [];
  for (let k = 0; k < columns; k++) {
    const column = Float64Array.from({ length: rows - k }, (_, r) => work[(k + r) * columns + k] as number);
    const left = makeReflector(column);
    diagonal[k] = left.beta;
    reflectColumns(work, columns, { row: k, column: k + 1 }, column, left.t);
    fromLeft.push({ v: column, t: left.t });
    if (k + 1 >= columns) break;
    const row = work.slice(k * columns + k + 1, (k + 1) * columns);
    const right = makeReflector(row);
    offDiagonal[k] = right.beta;
    reflectRows(work, columns, { row: k + 1, column: k + 1 }, row, right.t);
    fromRight.push({ v: row, t: right.t });
  }
  const left = new Float64Array(want === "vectors" ? columns * rows : 0);
  const right = new Float64Array(want === "vectors" ? columns * columns : 0);
  if (want === "vectors") {
    for (let i = 0; i < columns; i++) {
      left[i * rows + i] = 1;
      right[i * columns + i] = 1;
    }
    for (let k = fromLeft.length - 1; k >= 0; k--) {
      const { v, t } = fromLeft[k] as { v: Float64Array; t: number };
      reflectRows(left, rows, { row: k, column: k }, v, t);
    }
    for (let k = fromRight.length - 1; k >= 0; k--) {
      const { v, t } = fromRight[k] as { v: Float64Array; t: number };
      reflectRows(right, columns, { row: k + 1, column: k + 1 }, v, t);
    }
  }
  return { diagonal, offDiagonal, vectors: { left, right } };
}

function fallingOrder(values: Float64Array): number[] {
  return Array.from(values, (_, i) => i).sort((p, q) => (values[q] as number) - (values[p] as number));
}

/** The rows of `data` in the given order, as columns. */
function columnsInOrder(data: Float64Array, length: number, order: readonly number[]): Matrix {
  const out = matrix(length, order.length);
  order.forEach((row, column) => {
    for (let i = 0; i < length; i++) out.data[i * order.length + column] = data[row * length + i] as number;
  });
  return out;
}

function transposed(data: Float64Array, rows: number, columns: number): Matrix {
  const out = matrix(columns, rows);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out.data[c * rows + r] = data[r * columns + c] as number;
  return out;
}
