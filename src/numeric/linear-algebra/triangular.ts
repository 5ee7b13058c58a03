import { checkVector, type Matrix, matrix, squareSize } from "./matrix.ts";
import { addScaledAt, dotAt } from "./vector.ts";

/** Which triangle of the matrix is meant, and whether its diagonal counts as ones. The rest is not looked at. */
export interface TriangularOptions {
  readonly triangle: "lower" | "upper";
  /** `"transposed"` solves with the transpose of the named triangle. Default `"plain"`. */
  readonly side?: "plain" | "transposed";
  /** Default `"stored"`. */
  readonly diagonal?: "stored" | "ones";
}

/**
 * The x of T x = b for a triangular matrix T, by substitution.
 *
 * @throws RangeError when the matrix is not square, sizes do not fit, an element is not finite, or a diagonal
 *   element is 0 (names it)
 * @example solveTriangular(lower, b, { triangle: "lower" })
 */
export function solveTriangular(a: Matrix, b: Float64Array, options: TriangularOptions): Float64Array {
  const n = squareSize(a, "solveTriangular");
  checkVector(b, n, "solveTriangular");
  if (options.diagonal !== "ones")
    for (let i = 0; i < n; i++)
      if (a.data[i * n + i] === 0)
        throw new RangeError(`solveTriangular: the matrix is singular: its diagonal element ${i} is 0`);
  const x = b.slice();
  substitute(a.data, n, x, options);
  return x;
}

/** {@link solveTriangular} in place and without its checks, for factors that have been checked. */
export function substitute(a: Float64Array, n: number, x: Float64Array, options: TriangularOptions): void {
  const { triangle, side = "plain", diagonal = "stored" } = options;
  const ones = diagonal === "ones";
  // Rows are what is contiguous: the plain solves take inner products with rows, the transposed ones subtract rows.
  const forwards = (triangle === "lower") === (side === "plain");
  for (let step = 0; step < n; step++) {
    const i = forwards ? step : n - 1 - step;
    const row = i * n;
    const first = triangle === "lower" ? 0 : i + 1;
    const length = triangle === "lower" ? i : n - 1 - i;
    if (side === "plain") x[i] = (x[i] as number) - dotAt(a, row + first, x, first, length);
    if (!ones) x[i] = (x[i] as number) / (a[row + i] as number);
    if (side === "transposed") addScaledAt(x, first, -(x[i] as number), a, row + first, length);
  }
}

/** Applies a solver of one right side to each column of `b`. */
export function solveColumns(b: Matrix, rows: number, solve: (column: Float64Array) => Float64Array): Matrix {
  const [given, columns] = b.shape;
  if (given === undefined || columns === undefined || given !== rows)
    throw new RangeError(
      `solve: right sides of shape [${b.shape.join(", ")}] do not fit a matrix of ${rows} rows`,
    );
  const solutions = Array.from({ length: columns }, (_, c) =>
    solve(Float64Array.from({ length: rows }, (_, r) => b.data[r * columns + c] as number)),
  );
  const height = solutions[0]?.length ?? rows;
  const out = matrix(height, columns);
  solutions.forEach((x, c) => {
    for (let r = 0; r < height; r++) out.data[r * columns + c] = x[r] as number;
  });
  return out;
}
