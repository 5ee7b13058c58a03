// Householder reflections H = I - t v v' with v[0] = 1, which turn a vector x into (beta, 0, ..., 0)'.
// Golub and Van Loan, Matrix Computations, algorithm 5.1.1, in LAPACK's form (dlarfg).
import { addScaledAt, dotAt, norm } from "./vector.ts";

/**
 * Makes the reflection of a vector: `x` becomes v, with v[0] = 1.
 *
 * @returns beta, what the reflected vector has first, and t (0 where there is nothing to reflect)
 */
export function makeReflector(x: Float64Array): { beta: number; t: number } {
  const first = x[0] as number;
  const tail = norm(x.subarray(1));
  x[0] = 1;
  if (tail === 0) return { beta: first, t: 0 };
  const beta = -Math.sign(first || 1) * Math.hypot(first, tail);
  const scale = first - beta;
  for (let i = 1; i < x.length; i++) x[i] = (x[i] as number) / scale;
  return { beta, t: -scale / beta };
}

/** Where a block of a row-major array lies: its first row and column; it reaches to the array's end. */
export interface Block {
  readonly row: number;
  readonly column: number;
}

/** Reflects the columns of a block from the left: block := H block, v as long as the block is high. */
export function reflectColumns(
  data: Float64Array,
  columns: number,
  block: Block,
  v: Float64Array,
  t: number,
): void {
  if (t === 0) return;
  const width = columns - block.column;
  const products = new Float64Array(width);
  for (let r = 0; r < v.length; r++)
    addScaledAt(products, 0, v[r] as number, data, (block.row + r) * columns + block.column, width);
  for (let r = 0; r < v.length; r++)
    addScaledAt(data, (block.row + r) * columns + block.column, -t * (v[r] as number), products, 0, width);
}

/** Reflects the rows of a block from the right: block := block H, v as long as the block is wide. */
export function reflectRows(
  data: Float64Array,
  columns: number,
  block: Block,
  v: Float64Array,
  t: number,
): void {
  if (t === 0) return;
  const rows = data.length / columns;
  for (let r = block.row; r < rows; r++) {
    const start = r * columns + block.column;
    addScaledAt(data, start, -t * dotAt(data, start, v, 0, v.length), v, 0, v.length);
  }
}
