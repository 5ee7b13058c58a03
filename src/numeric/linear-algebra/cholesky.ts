import { checkVector, type Matrix, matrix, squareSize } from "./matrix.ts";
import { solveColumns, substitute } from "./triangular.ts";
import { dotAt } from "./vector.ts";

/** A = L L' with L lower triangular. */
export interface Cholesky {
  /** L; its upper triangle is zero. */
  readonly lower: Matrix;
  /** ln det A. */
  readonly logDeterminant: number;
  /** The x of A x = b. */
  solve(b: Float64Array): Float64Array;
  /** The X of A X = B. */
  solveMatrix(b: Matrix): Matrix;
}

/**
 * The Cholesky factor of a symmetric positive definite matrix.
 *
 * Only the lower triangle is read; that the upper one mirrors it is the caller's word.
 *
 * @throws RangeError when the matrix is not square, not finite, or not positive definite (names the pivot)
 * @see Golub and Van Loan, Matrix Computations, section 4.2
 */
export function cholesky(a: Matrix): Cholesky {
  const n = squareSize(a, "cholesky");
  const lower = matrix(n, n);
  const data = lower.data;
  let logDeterminant = 0;
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < r; c++)
      data[r * n + c] =
        ((a.data[r * n + c] as number) - dotAt(data, r * n, data, c * n, c)) / (data[c * n + c] as number);
    const pivot = (a.data[r * n + r] as number) - dotAt(data, r * n, data, r * n, r);
    if (!(pivot > 0))
      throw new RangeError(`cholesky: the matrix is not positive definite: pivot ${r} is ${pivot}`);
    data[r * n + r] = Math.sqrt(pivot);
    logDeterminant += Math.log(pivot);
  }
  const solve = (b: Float64Array): Float64Array => {
    checkVector(b, n, "cholesky solve");
    const x = b.slice();
    substitute(data, n, x, { triangle: "lower" });
    substitute(data, n, x, { triangle: "lower", side: "transposed" });
    return x;
  };
  return { lower, logDeterminant, solve, solveMatrix: (b) => solveColumns(b, n, solve) };
}
