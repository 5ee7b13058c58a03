import { makeReflector, reflectColumns } from "./householder.ts";
import { checkVector, finiteSize, type Matrix, matrix } from "./matrix.ts";
import { solveColumns } from "./triangular.ts";
import { addScaledAt, dotAt, norm } from "./vector.ts";

/** A P = Q R: a QR decomposition with column pivoting of a matrix of m rows and n columns, k = min(m, n). */
export interface QR {
  /** Q, m x k, its columns orthonormal. */
  readonly q: Matrix;
  /** R, k x n, upper triangular, its diagonal falling in size. */
  readonly r: Matrix;
  /** Column j of A P is column `columnOrder[j]` of A. */
  readonly columnOrder: Int32Array;
  /** The number of diagonal elements of R above max(m, n) 2^-52 times the first. */
  readonly rank: number;
  /**
   * The x with the smallest ||A x - b||.
   *
   * @throws RangeError when the columns of A are linearly dependent (names the column and the rank), so that x is not unique
   */
  leastSquares(b: Float64Array): Float64Array;
  /** {@link QR.leastSquares} for each column of B. */
  leastSquaresMatrix(b: Matrix): Matrix;
}

/**
 * The QR decomposition of a matrix by Householder reflections, with column pivoting so that the rank shows.
 *
 * @throws RangeError when an element is not finite
 * @see Golub and Van Loan, Matrix Computations, algorithm 5.4.1 (Businger and Golub 1965)
 */
export function qr(a: Matrix): QR {
  const { rows, columns } = finiteSize(a, "qr");
  const work = a.data.slice();
  const columnOrder = Int32Array.from({ length: columns }, (_, c) => c);
  const k = Math.min(rows, columns);
  const reflectors: { v: Float64Array; t: number }[] = [];
  const norms = columnNorms(work, columns, 0);
  const trusted = norms.slice();
  for (let step = 0; step < k; step++) {
    let largest = step;
    for (let c = step + 1; c < columns; c++)
      if ((norms[c] as number) > (norms[largest] as number)) largest = c;
    if (largest !== step) {
      swapColumns(work, columns, columnOrder, step, largest);
      norms[largest] = norms[step] as number;
      trusted[largest] = trusted[step] as number;
    }

    const v = Float64Array.from(
      { length: rows - step },
      (_, r) => work[(step + r) * columns + step] as number,
    );
    const { beta, t } = makeReflector(v);
    reflectColumns(work, columns, { row: step, column: step }, v, t);
    work[step * columns + step] = beta;
    for (let r = step + 1; r < rows; r++) work[r * columns + step] = 0;
    reflectors.push({ v, t });
    shortenNorms(norms, trusted, work, columns, step);
  }

  const q = matrix(rows, k);
  for (let i = 0; i < k; i++) q.data[i * k + i] = 1;
  for (let step = k - 1; step >= 0; step--) {
    const { v, t } = reflectors[step] as { v: Float64Array; t: number };
    reflectColumns(q.data, k, { row: step, column: step }, v, t);
  }
  const r = matrix(k, columns, work.slice(0, k * columns));
  const diagonal = Float64Array.from({ length: k }, (_, i) => Math.abs(work[i * columns + i] as number));
  const smallest = Math.max(rows, columns) * Number.EPSILON * (diagonal[0] ?? 0);
  const rank = diagonal.filter((size) => size > smallest).length;

  const leastSquares = (b: Float64Array): Float64Array => {
    checkVector(b, rows, "qr leastSquares");
    if (rank < columns)
      throw new RangeError(
        `qr: the least squares solution is not unique: rank ${rank} of ${columns} columns` +
          `, column ${columnOrder[rank]} depends on others`,
      );
    const rotated = b.slice();
    reflectors.forEach(({ v, t }, step) => {
      const share = dotAt(rotated, step, v, 0, v.length);
      addScaledAt(rotated, step, -t * share, v, 0, v.length);
    });
    const x = new Float64Array(columns);
    for (let i = columns - 1; i >= 0; i--) {
      const known = dotAt(work, i * columns + i + 1, rotated, i + 1, columns - i - 1);
      rotated[i] = ((rotated[i] as number) - known) / (work[i * columns + i] as number);
      x[columnOrder[i] as number] = rotated[i] as number;
    }
    return x;
  };
  return {
    q,
    r,
    columnOrder,
    rank,
    leastSquares,
    leastSquaresMatrix: (b) => solveColumns(b, rows, leastSquares),
  };
}

/** The norms of the columns below row `first`. */
function columnNorms(work: Float64Array, columns: number, first: number): Float64Array {
  const rows = work.length / columns;
  return Float64Array.from({ length: columns }, (_, c) =>
    norm(
      Float64Array.from(
        { length: Math.max(0, rows - first) },
        (_, r) => work[(first + r) * columns + c] as number,
      ),
    ),
  );
}

/** Takes row `step` out of the norms of the columns after it; where that loses half the digits, forms them anew. */
function shortenNorms(
  norms: Float64Array,
  trusted: Float64Array,
  work: Float64Array,
  columns: number,
  step: number,
): void {
  let anew: Float64Array | undefined;
  for (let c = step + 1; c < columns; c++) {
    const before = norms[c] as number;
    if (before === 0) continue;
    const left = Math.max(0, 1 - ((work[step * columns + c] as number) / before) ** 2);
    if (left * (before / (trusted[c] as number)) ** 2 <= Math.sqrt(Number.EPSILON)) {
      anew ??= columnNorms(work, columns, step + 1);
      norms[c] = anew[c] as number;
      trusted[c] = anew[c] as number;
    } else norms[c] = before * Math.sqrt(left);
  }
}

function swapColumns(work: Float64Array, columns: number, order: Int32Array, p: number, q: number): void {
  for (let at = 0; at < work.length; at += columns) {
    const kept = work[at + p] as number;
    work[at + p] = work[at + q] as number;
    work[at + q] = kept;
  }
  const kept = order[p] as number;
  order[p] = order[q] as number;
  order[q] = kept;
}
