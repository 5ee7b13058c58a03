import { checkVector, finiteSize, type Matrix, matrix } from "./matrix.ts";
import { addScaledAt, dotAt } from "./vector.ts";

/** Rows of the right matrix that are worked through together: 64 rows of 500 columns stay in a core's cache. */
const block = 64;

/**
 * The product of two matrices.
 *
 * @throws RangeError when the columns of `a` are not the rows of `b`, or an element is not finite
 */
export function matmul(a: Matrix, b: Matrix): Matrix {
  const { rows, columns: inner } = finiteSize(a, "matmul");
  const { rows: innerOfB, columns } = finiteSize(b, "matmul");
  if (inner !== innerOfB)
    throw new RangeError(
      `matmul: ${rows} x ${inner} and ${innerOfB} x ${columns} do not fit: ${inner} is not ${innerOfB}`,
    );
  const out = matrix(rows, columns);
  for (let start = 0; start < inner; start += block) {
    const end = Math.min(start + block, inner);
    for (let r = 0; r < rows; r++)
      addRowTimes(out.data, r * columns, a.data, r * inner, start, end, b.data, columns);
  }
  return out;
}

/** One row of the product gets its share of the rows `start` to `end` of `b`: four at a time, to load it less often. */
function addRowTimes(
  out: Float64Array,
  outStart: number,
  a: Float64Array,
  aStart: number,
  start: number,
  end: number,
  b: Float64Array,
  columns: number,
): void {
  let k = start;
  for (; k + 3 < end; k += 4) {
    const a0 = a[aStart + k] as number;
    const a1 = a[aStart + k + 1] as number;
    const a2 = a[aStart + k + 2] as number;
    const a3 = a[aStart + k + 3] as number;
    const b0 = k * columns;
    const b1 = b0 + columns;
    const b2 = b1 + columns;
    const b3 = b2 + columns;
    for (let c = 0; c < columns; c++)
      out[outStart + c] =
        (out[outStart + c] as number) +
        (a0 * (b[b0 + c] as number) + a1 * (b[b1 + c] as number)) +
        (a2 * (b[b2 + c] as number) + a3 * (b[b3 + c] as number));
  }
  for (; k < end; k++) addScaledAt(out, outStart, a[aStart + k] as number, b, k * columns, columns);
}

/**
 * The product of a matrix and a vector.
 *
 * @throws RangeError when the vector's length is not the number of columns, or an element is not finite
 */
export function matrixTimesVector(a: Matrix, v: Float64Array): Float64Array {
  const { rows, columns } = finiteSize(a, "matrixTimesVector");
  checkVector(v, columns, "matrixTimesVector");
  const out = new Float64Array(rows);
  for (let r = 0; r < rows; r++) out[r] = dotAt(a.data, r * columns, v, 0, columns);
  return out;
}

/**
 * The product of a matrix's transpose and a vector.
 *
 * @throws RangeError when the vector's length is not the number of rows, or an element is not finite
 */
export function transposeTimesVector(a: Matrix, v: Float64Array): Float64Array {
  const { rows, columns } = finiteSize(a, "transposeTimesVector");
  checkVector(v, rows, "transposeTimesVector");
  const out = new Float64Array(columns);
  for (let r = 0; r < rows; r++) addScaledAt(out, 0, v[r] as number, a.data, r * columns, columns);
  return out;
}

/** A new matrix with rows and columns exchanged. */
export function transpose(a: Matrix): Matrix {
  const { rows, columns } = finiteSize(a, "transpose");
  const out = matrix(columns, rows);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out.data[c * rows + r] = a.data[r * columns + c] as number;
  return out;
}
