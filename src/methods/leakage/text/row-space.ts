/** The span of a few vectors, and how far others are from it. */
import { matrixOfRows } from "../../../numeric/linear-algebra/matrix.ts";
import { transpose } from "../../../numeric/linear-algebra/product.ts";
import { svd } from "../../../numeric/linear-algebra/svd.ts";
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
