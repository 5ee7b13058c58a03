// Matrices for the tests: seeded, and ones whose decompositions have closed forms.
import { randomStream } from "../random.ts";
import { type Matrix, matrix } from "./matrix.ts";
import { matmul, transpose } from "./product.ts";

export function randomMatrix(rows: number, columns: number, seed: number): Matrix {
  return matrix(rows, columns, randomStream(seed).normal(rows * columns));
}

/** The largest difference between two matrices. */
export function largestDifference(a: Matrix, b: Matrix): number {
  if (a.data.length !== b.data.length) return Infinity;
  return a.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b.data[i] as number))), 0);
}

export function gram(a: Matrix): Matrix {
  return matmul(transpose(a), a);
}

export function diagonalMatrix(values: ArrayLike<number>): Matrix {
  const n = values.length;
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = values[i] as number;
  return out;
}

export function hilbert(n: number): Matrix {
  return matrix(
    n,
    n,
    Float64Array.from({ length: n * n }, (_, at) => 1 / (Math.floor(at / n) + (at % n) + 1)),
  );
}

/** 2 on the diagonal, -1 beside it: eigenvalues 2 - 2 cos(k pi / (n + 1)). */
export function secondDifference(n: number): Matrix {
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) {
    out.data[i * n + i] = 2;
    if (i > 0) out.data[i * n + i - 1] = -1;
    if (i < n - 1) out.data[i * n + i + 1] = -1;
  }
  return out;
}
