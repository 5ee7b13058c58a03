/** The span of a few vectors, and how far others are from it. */
import { matrix, matrixOfRows } from "../../../numeric/linear-algebra/matrix.ts";
import { transpose } from "../../../numeric/linear-algebra/product.ts";
import { svd } from "../../../numeric/linear-algebra/svd.ts";
import { symmetricEigen } from "../../../numeric/linear-algebra/symmetric-eigen.ts";
import { dot } from "../../../numeric/rows.ts";

export interface RowSpace {
  /** Orthonormal vectors, `rank` of them. */
  readonly basis: readonly Float64Array[];
  readonly rank: number;
  /** Of the rows as a matrix, descending. */
  readonly singularValues: readonly number[];
}

/**
 * The span of the rows of a matrix: the right singular vectors whose singular value is above `rankTolerance` times the
 * largest.
 *
 * @throws RangeError when there are no rows, their lengths differ, or an entry is not finite
 */
export function rowSpace(
  rows: readonly Float64Array[],
  { rankTolerance = 1e-7 }: { readonly rankTolerance?: number } = {},
): RowSpace {
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw new RangeError("rowSpace: the matrix is empty");
  for (const [i, row] of rows.entries())
    if (row.length !== width || !row.every(Number.isFinite))
      throw new RangeError(`rowSpace: row ${i} does not have ${width} finite numbers`);
  const { values, v } = svd(matrixOfRows(rows));
  const singularValues = Array.from(values);
  const bound = rankTolerance * (singularValues[0] ?? 0);
  const rank = singularValues.filter((value) => value > bound).length;
  const vectors = transpose(v);
  const basis = Array.from({ length: rank }, (_, i) => vectors.data.slice(i * width, (i + 1) * width));
  return { basis, rank, singularValues };
}

/**
 * The span of `dimensions` directions that holds most of the rows' squares: the first eigenvectors of the sum of their
 * products x x^T.
 *
 * @throws RangeError when there are no rows or their lengths differ
 */
export function principalSpan(rows: readonly Float64Array[], dimensions: number): RowSpace {
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw new RangeError("principalSpan: the matrix is empty");
  const products = new Float64Array(width * width);
  for (const row of rows) {
    if (row.length !== width) throw new RangeError(`principalSpan: the rows are not all ${width} long`);
    for (let i = 0; i < width; i++) {
      const value = row[i] as number;
      if (value === 0) continue;
      for (let j = 0; j < width; j++)
        products[i * width + j] = (products[i * width + j] as number) + value * (row[j] as number);
    }
  }
  const { values, vectors } = symmetricEigen(matrix(width, width, products));
  const directions = transpose(vectors);
  const singularValues = Array.from(values, (value) => Math.sqrt(Math.max(0, value))).reverse();
  const rank = Math.min(dimensions, singularValues.filter((value) => value > 0).length);
  const direction = (i: number): Float64Array => directions.data.slice(i * width, (i + 1) * width);
  return { basis: Array.from({ length: rank }, (_, i) => direction(width - 1 - i)), rank, singularValues };
}

/** The part of a vector that is orthogonal to the span. */
export function outsideSpan(vector: Float64Array, { basis }: Pick<RowSpace, "basis">): Float64Array {
  const rest = vector.slice();
  for (const direction of basis) {
    const along = dot(rest, direction);
    for (let i = 0; i < rest.length; i++) rest[i] = (rest[i] as number) - along * (direction[i] as number);
  }
  return rest;
}

/** ||e - R R^T e|| / ||e||: 0 in the span, near 1 for what has nothing to do with it; 0 for a vector of zeros. */
export function distanceToSpan(vector: Float64Array, space: Pick<RowSpace, "basis">): number {
  const rest = outsideSpan(vector, space);
  const squares = dot(vector, vector);
  return squares === 0 ? 0 : Math.sqrt(dot(rest, rest) / squares);
}
