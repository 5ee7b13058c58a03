import type { NDArray } from "../../../engine/ndarray.ts";

export interface MatrixRows {
  readonly count: number;
  readonly width: number;
  row(index: number): Float64Array;
}

/** The rows of a matrix in float64. */
export function matrixRows(matrix: NDArray): MatrixRows {
  const [count = 0, width = 0] = matrix.shape;
  const data = Float64Array.from(matrix.data as ArrayLike<number>);
  return { count, width, row: (index) => data.subarray(index * width, (index + 1) * width) };
}
