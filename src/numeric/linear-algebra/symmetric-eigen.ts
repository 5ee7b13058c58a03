import { makeReflector } from "./householder.ts";
import { type Matrix, matrix, squareSize } from "./matrix.ts";
import { tridiagonalEigen } from "./tridiagonal-eigen.ts";
import { addScaledAt, dotAt } from "./vector.ts";

/** A = V diag(values) V' with V orthogonal. */
export interface SymmetricEigen {
  /** In rising order. */
  readonly values: Float64Array;
  /** V: column i belongs to values[i]. */
  readonly vectors: Matrix;
}

/**
 * All eigenvalues and eigenvectors of a symmetric matrix.
 *
 * Householder reflections to tridiagonal form, then the implicitly shifted QL algorithm. The eigenvectors are kept
 * as rows on the way, so that every inner loop runs along memory. Errors are of the size of 2^-52 times the largest
 * eigenvalue.
 *
 * @throws RangeError when the matrix is not square, not finite, or not symmetric to 1e-10 of its largest element
 *   (names the pair)
 * @see Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3
 */
export function symmetricEigen(a: Matrix): SymmetricEigen {
  const n = checkSymmetric(a, "symmetricEigen");
  const { diagonal, offDiagonal, reflectors } = finish(tridiagonalise(a.data, n));
  const rows = productOf(reflectors, n);
  tridiagonalEigen(diagonal, offDiagonal, rows);
  const order = Array.from(diagonal, (_, i) => i).sort(
    (p, q) => (diagonal[p] as number) - (diagonal[q] as number),
  );
  const vectors = matrix(n, n);
  order.forEach((row, column) => {
    for (let i = 0; i < n; i++) vectors.data[i * n + column] = rows[row * n + i] as number;
  });
  return { values: Float64Array.from(order, (i) => diagonal[i] as number), vectors };
}

/**
 * The eigenvalues of a symmetric matrix, in rising order.
 *
 * @throws RangeError as {@link symmetricEigen}
 */
export function symmetricEigenvalues(a: Matrix): Float64Array {
  const n = checkSymmetric(a, "symmetricEigenvalues");
  const { diagonal, offDiagonal } = finish(tridiagonalise(a.data, n));
  tridiagonalEigen(diagonal, offDiagonal);
  return diagonal.sort();
}

export interface EigenvalueWatch {
  readonly signal?: AbortSignal | undefined;
  /** Rows that are in tridiagonal form, of all; the first take longest. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Milliseconds of work between two looks at the signal. */
const slice = 50;

/**
 * The same bits as {@link symmetricEigenvalues}, for large matrices: lets other work run in between and can be aborted.
 *
 * @throws RangeError as {@link symmetricEigen}
 * @throws the signal's reason when it is aborted
 */
export async function watchedEigenvalues(
  a: Matrix,
  { signal, onProgress }: EigenvalueWatch = {},
): Promise<Float64Array> {
  const n = checkSymmetric(a, "watchedEigenvalues");
  const steps = tridiagonalise(a.data, n);
  let next = performance.now() + slice;
  for (let done = 0; ; done++) {
    const step = steps.next();
    if (step.done === true) {
      tridiagonalEigen(step.value.diagonal, step.value.offDiagonal);
      return step.value.diagonal.sort();
    }
    if (performance.now() < next) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    onProgress?.(done, n);
    next = performance.now() + slice;
  }
}

function checkSymmetric(a: Matrix, where: string): number {
  const n = squareSize(a, where);
  let largest = 0;
  for (const value of a.data) largest = Math.max(largest, Math.abs(value));
  for (let r = 0; r < n; r++)
    for (let c = 0; c < r; c++) {
      const lower = a.data[r * n + c] as number;
      const upper = a.data[c * n + r] as number;
      if (Math.abs(lower - upper) > 1e-10 * largest)
        throw new RangeError(
          `${where}: the matrix is not symmetric: [${r}, ${c}] is ${lower}, [${c}, ${r}] is ${upper}`,
        );
    }
  return n;
}

/** I - t v v' on the first coordinates, as many as v has. */
interface Reflector {
  readonly v: Float64Array;
  readonly t: number;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly offDiagonal: Float64Array;
  /** From the largest down. */
  readonly reflectors: readonly Reflector[];
}

/** Q' A Q = T by reflections, one a step. Reads the lower triangle. */
function* tridiagonalise(a: Float64Array, n: number): Generator<undefined, Tridiagonal, undefined> {
  const work = a.slice();
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  const reflectors: Reflector[] = [];
  // From the last row up: row i has its elements before the diagonal in one stretch, and the reflection leaves the
  // leading i x i block, of which only the lower triangle is kept.
  for (let i = n - 1; i >= 1; i--) {
    const v = work.slice(i * n, i * n + i).reverse();
    const { beta, t } = makeReflector(v);
    v.reverse();
    offDiagonal[i - 1] = beta;
    diagonal[i] = work[i * n + i] as number;
    reflectors.push({ v, t });
    if (t === 0) continue;
    // Block := H block H = block - v w' - w v', with p = t block v and w = p - (t/2)(p'v) v.
    const p = new Float64Array(i);
    for (let r = 0; r < i; r++) {
      p[r] = (p[r] as number) + dotAt(work, r * n, v, 0, r + 1);
      addScaledAt(p, 0, v[r] as number, work, r * n, r);
    }
    for (let r = 0; r < i; r++) p[r] = t * (p[r] as number);
    addScaledAt(p, 0, -0.5 * t * dotAt(p, 0, v, 0, i), v, 0, i);
    for (let r = 0; r < i; r++) subtractTwo(work, r * n, r + 1, v, v[r] as number, p, p[r] as number);
    yield;
  }
  diagonal[0] = work[0] as number;
  return { diagonal, offDiagonal, reflectors };
}

function finish<Result>(steps: Generator<undefined, Result, undefined>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Q', from the reflections in reverse order. */
function productOf(reflectors: readonly Reflector[], n: number): Float64Array {
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  // Q = H(n-1) ... H(1), where H(i) acts on the first i coordinates; Q' is formed from the smallest block up.
  for (let k = reflectors.length - 1; k >= 0; k--) {
    const { v, t } = reflectors[k] as Reflector;
    if (t === 0) continue;
    for (let r = 0; r < v.length; r++)
      addScaledAt(rows, r * n, -t * dotAt(rows, r * n, v, 0, v.length), v, 0, v.length);
  }
  return rows;
}

/** work[start + c] -= a v... of a symmetric rank-two change: row r loses v[r] p + p[r] v. */
function subtractTwo(
  work: Float64Array,
  start: number,
  length: number,
  v: Float64Array,
  vr: number,
  p: Float64Array,
  pr: number,
): void {
  for (let c = 0; c < length; c++)
    work[start + c] = (work[start + c] as number) - (vr * (p[c] as number) + pr * (v[c] as number));
}
