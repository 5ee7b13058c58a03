import { rotateRows } from "./vector.ts";

/** Singular vectors as rows of row-major arrays, turned along with the values; each has as many rows as values. */
export interface BidiagonalRows {
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** QR steps that one singular value may take; two are usual. */
const maximumSteps = 60;

/**
 * The singular values of an upper bidiagonal matrix by the implicitly shifted QR algorithm, in place.
 *
 * @param diagonal n elements; become the singular values, none negative, in no order
 * @param offDiagonal n elements, the one at i right of diagonal[i], the last not used; destroyed
 * @param rows what the rotations turn: row i of each belongs to diagonal[i] at the end
 * @throws Error when a singular value has not converged after 60 steps, which no finite matrix is known to need
 * @see Golub and Van Loan, Matrix Computations, algorithms 8.6.1 and 8.6.2
 */
export function bidiagonalSingularValues(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  rows?: BidiagonalRows,
): void {
  const n = diagonal.length;
  const d = diagonal;
  const e = offDiagonal;
  let scale = 0;
  for (let i = 0; i < n; i++)
    scale = Math.max(scale, Math.abs(d[i] as number), i < n - 1 ? Math.abs(e[i] as number) : 0);
  if (scale === 0) return;
  // Scaled so that no square overflows; what is below `negligible` is far below the rounding errors of the whole.
  for (let i = 0; i < n; i++) {
    d[i] = (d[i] as number) / scale;
    e[i] = (e[i] as number) / scale;
  }
  const negligible = Number.EPSILON ** 2;
  const turn = (data: Float64Array | undefined, p: number, q: number, c: number, s: number): void => {
    if (data !== undefined) rotateRows(data, data.length / n, p, q, c, s);
  };

  let last = n - 1;
  for (let step = 0; last > 0; step++) {
    if (step === maximumSteps * n)
      throw new Error(
        `singular values: no convergence after ${step} steps, with ${last + 1} of ${n} values left`,
      );
    let first = last;
    for (; first > 0; first--) {
      const near = Math.abs(d[first - 1] as number) + Math.abs(d[first] as number);
      if (Math.abs(e[first - 1] as number) <= Number.EPSILON * near + negligible) break;
    }
    if (first > 0) e[first - 1] = 0;
    if (first === last) {
      last--;
      continue;
    }
    let zero = last;
    while (zero >= first && Math.abs(d[zero] as number) > negligible) zero--;
    if (zero === last) emptyColumn(d, e, first, last, (p, q, c, s) => turn(rows?.right, p, q, c, s));
    else if (zero >= first) emptyRow(d, e, zero, last, (p, q, c, s) => turn(rows?.left, p, q, c, s));
    else qrStep(d, e, first, last, turn, rows);
  }

  for (let i = 0; i < n; i++) {
    if ((d[i] as number) < 0 || Object.is(d[i], -0)) {
      d[i] = -(d[i] as number);
      turn(rows?.right, i, i, -1, 0);
    }
    d[i] = (d[i] as number) * scale;
  }
}

type Turn = (p: number, q: number, cosine: number, sine: number) => void;

/** d[zero] is 0: rotations from the left carry e[zero] along its row and out of the matrix. */
function emptyRow(d: Float64Array, e: Float64Array, zero: number, last: number, turn: Turn): void {
  d[zero] = 0;
  let bulge = e[zero] as number;
  e[zero] = 0;
  for (let k = zero + 1; k <= last && bulge !== 0; k++) {
    const r = Math.hypot(d[k] as number, bulge);
    const c = (d[k] as number) / r;
    const s = bulge / r;
    d[k] = r;
    turn(k, zero, c, s);
    bulge = k < last ? -s * (e[k] as number) : 0;
    if (k < last) e[k] = c * (e[k] as number);
  }
}

/** d[last] is 0: rotations from the right carry e[last - 1] up its column and out of the matrix. */
function emptyColumn(d: Float64Array, e: Float64Array, first: number, last: number, turn: Turn): void {
  d[last] = 0;
  let bulge = e[last - 1] as number;
  e[last - 1] = 0;
  for (let k = last - 1; k >= first && bulge !== 0; k--) {
    const r = Math.hypot(d[k] as number, bulge);
    const c = (d[k] as number) / r;
    const s = bulge / r;
    d[k] = r;
    turn(k, last, c, s);
    bulge = k > first ? -s * (e[k - 1] as number) : 0;
    if (k > first) e[k - 1] = c * (e[k - 1] as number);
  }
}

/** One QR step of the block from `first` to `last`, shifted by the nearer eigenvalue of the end of B'B. */
function qrStep(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  turn: (data: Float64Array | undefined, p: number, q: number, c: number, s: number) => void,
  rows: BidiagonalRows | undefined,
): void {
  const above = last - 2 >= first ? (e[last - 2] as number) : 0;
  const t11 = (d[last - 1] as number) ** 2 + above ** 2;
  const t22 = (d[last] as number) ** 2 + (e[last - 1] as number) ** 2;
  const t12 = (d[last - 1] as number) * (e[last - 1] as number);
  const half = (t11 - t22) / 2;
  const root = Math.hypot(half, t12);
  const shift = root === 0 ? t22 : t22 - (t12 / (half + (half >= 0 ? root : -root))) * t12;
  let y = (d[first] as number) ** 2 - shift;
  let z = (d[first] as number) * (e[first] as number);
  for (let k = first; k < last; k++) {
    let r = Math.hypot(y, z);
    let c = r === 0 ? 1 : y / r;
    let s = r === 0 ? 0 : z / r;
    if (k > first) e[k - 1] = r;
    y = c * (d[k] as number) + s * (e[k] as number);
    e[k] = c * (e[k] as number) - s * (d[k] as number);
    z = s * (d[k + 1] as number);
    d[k + 1] = c * (d[k + 1] as number);
    turn(rows?.right, k, k + 1, c, s);
    r = Math.hypot(y, z);
    c = r === 0 ? 1 : y / r;
    s = r === 0 ? 0 : z / r;
    d[k] = r;
    y = c * (e[k] as number) + s * (d[k + 1] as number);
    d[k + 1] = c * (d[k + 1] as number) - s * (e[k] as number);
    e[k] = y;
    turn(rows?.left, k, k + 1, c, s);
    if (k + 1 < last) {
      z = s * (e[k + 1] as number);
      e[k + 1] = c * (e[k + 1] as number);
    }
  }
}
