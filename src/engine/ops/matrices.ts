import { fail } from "../errors.ts";
import { ndarray } from "../ndarray.ts";
import type { Tensor } from "../tensor.ts";
import { describe } from "./check.ts";
import { constant } from "./constants.ts";
import { where } from "./elementwise.ts";
import { reshape } from "./shape.ts";
import { sliceAxis } from "./slicing.ts";

/** Parts of matrices, the last two axes of a tensor. */

function requireMatrix(
  operation: string,
  x: Tensor,
  offset: number,
): readonly [rows: number, columns: number] {
  if (x.rank < 2) fail(operation, `needs two axes, got ${describe(x)}`);
  if (!Number.isInteger(offset)) fail(operation, `offset ${offset} is not an integer`);
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  return [rows, columns];
}

/**
 * The diagonal of the last two axes, `offset` above the main one (below for a negative one).
 *
 * @throws GraphError for fewer than two axes
 */
export function diagonal(x: Tensor, { offset = 0 } = {}): Tensor {
  const [rows, columns] = requireMatrix("diagonal", x, offset);
  const length = Math.max(0, Math.min(rows + Math.min(0, offset), columns - Math.max(0, offset)));
  const start = offset >= 0 ? offset : -offset * columns;
  const flat = reshape(x, [...x.shape.slice(0, -2), rows * columns]);
  return length === 0
    ? sliceAxis(flat, -1, 0, 0)
    : sliceAxis(flat, -1, start, start + (length - 1) * (columns + 1) + 1, columns + 1);
}

/** The elements of each matrix that `keeps` says, by row and column; zeros elsewhere. */
function masked(
  operation: string,
  x: Tensor,
  offset: number,
  keeps: (row: number, column: number) => boolean,
): Tensor {
  const [rows, columns] = requireMatrix(operation, x, offset);
  const kept = Array.from({ length: rows * columns }, (_, i) =>
    Number(keeps(Math.floor(i / columns), i % columns)),
  );
  return where(constant(ndarray(kept, [rows, columns], "bool")), x, 0);
}

/** The lower triangle of each matrix, up to the diagonal `offset` above the main one; zeros above it. */
export function tril(x: Tensor, { offset = 0 } = {}): Tensor {
  return masked("tril", x, offset, (row, column) => column - row <= offset);
}

/** The upper triangle of each matrix, from the diagonal `offset` above the main one; zeros below it. */
export function triu(x: Tensor, { offset = 0 } = {}): Tensor {
  return masked("triu", x, offset, (row, column) => column - row >= offset);
}
