import { checkVector, identityMatrix, type Matrix, matrix, squareSize } from "./matrix.ts";
import { solveColumns, substitute } from "./triangular.ts";
import { addScaledAt } from "./vector.ts";

/** P A = L U with L unit lower and U upper triangular: an LU decomposition with partial pivoting. */
export interface LU {
  /** L below the diagonal (its ones are not stored), U on and above it. */
  readonly factors: Matrix;
  /** Row i of P A is row `rowOrder[i]` of A. */
  readonly rowOrder: Int32Array;
  /** det A; 0 for a singular matrix. Overflows where the determinant does: see `logDeterminant`. */
  readonly determinant: number;
  /** ln |det A|; -Infinity for a singular matrix. */
  readonly logDeterminant: number;
  /**
   * The x of A x = b.
   *
   * @throws RangeError when the matrix is singular (names the column) or the vector does not fit
   */
  solve(b: Float64Array): Float64Array;
  /** The X of A X = B. */
  solveMatrix(b: Matrix): Matrix;
  /** The inverse of A. To solve a system, `solve` is faster and more accurate. */
  inverse(): Matrix;
}

/**
 * The LU decomposition of a square matrix.
 *
 * Only a matrix with a pivot of exactly 0 counts as singular: what is nearly singular is a question of units, which
 * `svd` answers.
 *
 * @throws RangeError when the matrix is not square or not finite
 * @see Golub and Van Loan, Matrix Computations, section 3.4
 */
export function lu(a: Matrix): LU {
  const n = squareSize(a, "lu");
  const data = a.data.slice();
  const rowOrder = Int32Array.from({ length: n }, (_, i) => i);
  let sign = 1;
  let singularColumn = -1;
  for (let c = 0; c < n; c++) {
    let pivotRow = c;
    for (let r = c + 1; r < n; r++)
      if (Math.abs(data[r * n + c] as number) > Math.abs(data[pivotRow * n + c] as number)) pivotRow = r;
    const pivot = data[pivotRow * n + c] as number;
    if (pivot === 0) {
      if (singularColumn < 0) singularColumn = c;
      continue;
    }
    if (pivotRow !== c) {
      swapRows(data, n, c, pivotRow);
      const kept = rowOrder[c] as number;
      rowOrder[c] = rowOrder[pivotRow] as number;
      rowOrder[pivotRow] = kept;
      sign = -sign;
    }
    for (let r = c + 1; r < n; r++) {
      const factor = (data[r * n + c] as number) / pivot;
      data[r * n + c] = factor;
      if (factor !== 0) addScaledAt(data, r * n + c + 1, -factor, data, c * n + c + 1, n - c - 1);
    }
  }

  let determinant = sign;
  let logDeterminant = 0;
  for (let i = 0; i < n; i++) {
    determinant *= data[i * n + i] as number;
    logDeterminant += Math.log(Math.abs(data[i * n + i] as number));
  }
  const solve = (b: Float64Array): Float64Array => {
    checkVector(b, n, "lu solve");
    if (singularColumn >= 0)
      throw new RangeError(`lu: the matrix is singular: column ${singularColumn} depends on those before it`);
    const x = Float64Array.from(rowOrder, (r) => b[r] as number);
    substitute(data, n, x, { triangle: "lower", diagonal: "ones" });
    substitute(data, n, x, { triangle: "upper" });
    return x;
  };
  return {
    factors: matrix(n, n, data),
    rowOrder,
    determinant: singularColumn < 0 ? determinant : 0,
    logDeterminant,
    solve,
    solveMatrix: (b) => solveColumns(b, n, solve),
    inverse: () => solveColumns(identityMatrix(n), n, solve),
  };
}

function swapRows(data: Float64Array, columns: number, p: number, q: number): void {
  const kept = data.slice(p * columns, (p + 1) * columns);
  data.copyWithin(p * columns, q * columns, (q + 1) * columns);
  data.set(kept, q * columns);
}
