import { rotateRows } from "./vector.ts";

/** Iterations that one eigenvalue may take; the implicitly shifted QL takes about 1.7. */
const maximumIterations = 60;

/**
 * The eigenvalues of a symmetric tridiagonal matrix by the implicitly shifted QL algorithm, in place.
 *
 * @param diagonal n elements; become the eigenvalues, in no order
 * @param offDiagonal n - 1 elements, or n of which the last is not used; destroyed
 * @param rows row-major, n rows; each rotation turns two of them, so that rows that began as the identity end as
 *   eigenvectors (row i belongs to diagonal[i]). None: eigenvalues only
 * @throws Error when an eigenvalue has not converged after 60 iterations, which no finite matrix is known to need
 * @see Bowdler, Martin, Reinsch and Wilkinson, Numer. Math. 11 (1968) 293; LAPACK's dsteqr
 */
export function tridiagonalEigen(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  rows?: Float64Array,
): void {
  const n = diagonal.length;
  const d = diagonal;
  const e = new Float64Array(n);
  e.set(offDiagonal.subarray(0, Math.max(0, n - 1)));
  const width = rows === undefined ? 0 : rows.length / n;
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; ; iteration++) {
      let m = l;
      for (; m < n - 1; m++) {
        const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
        if (Math.abs(e[m] as number) <= Number.EPSILON * size) break;
      }
      if (m === l) break;
      if (iteration === maximumIterations)
        throw new Error(
          `symmetric eigenvalues: eigenvalue ${l} did not converge in ${maximumIterations} iterations`,
        );
      // Wilkinson's shift from the leading 2 x 2 block.
      let g = ((d[l + 1] as number) - (d[l] as number)) / (2 * (e[l] as number));
      let r = Math.hypot(g, 1);
      g = (d[m] as number) - (d[l] as number) + (e[l] as number) / (g + (g >= 0 ? r : -r));
      let s = 1;
      let c = 1;
      let p = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * (e[i] as number);
        const b = c * (e[i] as number);
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          // A split in the middle: start this eigenvalue again on the smaller block.
          d[i + 1] = (d[i + 1] as number) - p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = (d[i + 1] as number) - p;
        r = ((d[i] as number) - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        if (rows !== undefined) rotateRows(rows, width, i + 1, i, c, s);
      }
      if (r === 0 && i >= l) continue;
      d[l] = (d[l] as number) - p;
      e[l] = g;
      e[m] = 0;
    }
  }
}
