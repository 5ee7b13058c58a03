// Products with the rows of a row-major matrix, four rows at a time: each element of the vector is then
// loaded once for four multiplications, which is what bounds these loops.

/** The inner product of two vectors of the same length. */
export function dot(a: Float64Array, b: Float64Array): number {
  const n = a.length;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < n; i += 4) {
    s0 += (a[i] as number) * (b[i] as number);
    s1 += (a[i + 1] as number) * (b[i + 1] as number);
    s2 += (a[i + 2] as number) * (b[i + 2] as number);
    s3 += (a[i + 3] as number) * (b[i + 3] as number);
  }
  for (; i < n; i++) s0 += (a[i] as number) * (b[i] as number);
  return s0 + s1 + s2 + s3;
}

/** The largest absolute value of a vector; NaN where the vector holds one. */
export function maximumAbsolute(a: Float64Array): number {
  let maximum = 0;
  for (let i = 0; i < a.length; i++) {
    const value = Math.abs(a[i] as number);
    if (!(value <= maximum)) {
      if (Number.isNaN(value)) return value;
      maximum = value;
    }
  }
  return maximum;
}

/**
 * out[r] = sum over i of matrix[r, i] v[i], for the first `rows` rows.
 *
 * @param matrix row-major, each row as long as `v`
 */
export function rowProducts(matrix: Float64Array, rows: number, v: Float64Array, out: Float64Array): void {
  const n = v.length;
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    const o0 = r * n;
    const o1 = o0 + n;
    const o2 = o1 + n;
    const o3 = o2 + n;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let i = 0; i < n; i++) {
      const x = v[i] as number;
      s0 += (matrix[o0 + i] as number) * x;
      s1 += (matrix[o1 + i] as number) * x;
      s2 += (matrix[o2 + i] as number) * x;
      s3 += (matrix[o3 + i] as number) * x;
    }
    out[r] = s0;
    out[r + 1] = s1;
    out[r + 2] = s2;
    out[r + 3] = s3;
  }
  for (; r < rows; r++) {
    const o0 = r * n;
    let s0 = 0;
    for (let i = 0; i < n; i++) s0 += (matrix[o0 + i] as number) * (v[i] as number);
    out[r] = s0;
  }
}

/**
 * {@link rowProducts} with two vectors in one pass over the matrix, which costs a third more than with one.
 *
 * @param matrix row-major, each row as long as `v` and `w`
 */
export function rowProductsOfTwo(
  matrix: Float64Array,
  rows: number,
  v: Float64Array,
  w: Float64Array,
  outV: Float64Array,
  outW: Float64Array,
): void {
  const n = v.length;
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    const o0 = r * n;
    const o1 = o0 + n;
    const o2 = o1 + n;
    const o3 = o2 + n;
    let v0 = 0;
    let v1 = 0;
    let v2 = 0;
    let v3 = 0;
    let w0 = 0;
    let w1 = 0;
    let w2 = 0;
    let w3 = 0;
    for (let i = 0; i < n; i++) {
      const x = v[i] as number;
      const y = w[i] as number;
      const m0 = matrix[o0 + i] as number;
      const m1 = matrix[o1 + i] as number;
      const m2 = matrix[o2 + i] as number;
      const m3 = matrix[o3 + i] as number;
      v0 += m0 * x;
      v1 += m1 * x;
      v2 += m2 * x;
      v3 += m3 * x;
      w0 += m0 * y;
      w1 += m1 * y;
      w2 += m2 * y;
      w3 += m3 * y;
    }
    outV[r] = v0;
    outV[r + 1] = v1;
    outV[r + 2] = v2;
    outV[r + 3] = v3;
    outW[r] = w0;
    outW[r + 1] = w1;
    outW[r + 2] = w2;
    outW[r + 3] = w3;
  }
  for (; r < rows; r++) {
    const o0 = r * n;
    let v0 = 0;
    let w0 = 0;
    for (let i = 0; i < n; i++) {
      const m0 = matrix[o0 + i] as number;
      v0 += m0 * (v[i] as number);
      w0 += m0 * (w[i] as number);
    }
    outV[r] = v0;
    outW[r] = w0;
  }
}

/**
 * out[i] += sum over r of weights[r] matrix[r, i], for the first `rows` rows.
 *
 * @param matrix row-major, each row as long as `out`
 */
export function addRows(matrix: Float64Array, rows: number, weights: Float64Array, out: Float64Array): void {
  const n = out.length;
  let r = 0;
  for (; r + 3 < rows; r += 4) {
    const o0 = r * n;
    const o1 = o0 + n;
    const o2 = o1 + n;
    const o3 = o2 + n;
    const w0 = weights[r] as number;
    const w1 = weights[r + 1] as number;
    const w2 = weights[r + 2] as number;
    const w3 = weights[r + 3] as number;
    for (let i = 0; i < n; i++)
      out[i] =
        (out[i] as number) +
        w0 * (matrix[o0 + i] as number) +
        w1 * (matrix[o1 + i] as number) +
        w2 * (matrix[o2 + i] as number) +
        w3 * (matrix[o3 + i] as number);
  }
  for (; r < rows; r++) {
    const o0 = r * n;
    const w0 = weights[r] as number;
    for (let i = 0; i < n; i++) out[i] = (out[i] as number) + w0 * (matrix[o0 + i] as number);
  }
}
