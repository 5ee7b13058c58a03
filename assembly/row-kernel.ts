// The loops of src/numeric/row-kernel.ts in AssemblyScript, two float64 at a time (WebAssembly SIMD).
// Addresses are byte offsets into the imported memory; `rows` and `stride` are multiples of 4.
// Built by `npm run build:wasm` into src/numeric/row-kernel.wasm.ts.

/** along[r] = matrix[r, :] . v */
export function rowProducts(matrix: usize, rows: i32, stride: i32, v: usize, along: usize): void {
  for (let r = 0; r < rows; r++) f64.store(along + <usize>r * 8, 0);
  addProducts(matrix, rows, <usize>stride * 8, v, along, 0, <usize>stride * 8);
}

/** alongV[r] = matrix[r, :] . v and alongW[r] = matrix[r, :] . w in one pass */
export function rowProductsOfTwo(
  matrix: usize,
  rows: i32,
  stride: i32,
  v: usize,
  w: usize,
  alongV: usize,
  alongW: usize,
): void {
  const width = <usize>stride * 8;
  for (let r = 0; r < rows; r += 4) {
    const p0 = matrix + <usize>r * width;
    const p1 = p0 + width;
    const p2 = p1 + width;
    const p3 = p2 + width;
    let v0 = f64x2.splat(0);
    let v1 = f64x2.splat(0);
    let v2 = f64x2.splat(0);
    let v3 = f64x2.splat(0);
    let w0 = f64x2.splat(0);
    let w1 = f64x2.splat(0);
    let w2 = f64x2.splat(0);
    let w3 = f64x2.splat(0);
    for (let i: usize = 0; i < width; i += 16) {
      const x = v128.load(v + i);
      const y = v128.load(w + i);
      const m0 = v128.load(p0 + i);
      const m1 = v128.load(p1 + i);
      const m2 = v128.load(p2 + i);
      const m3 = v128.load(p3 + i);
      v0 = f64x2.add(v0, f64x2.mul(m0, x));
      v1 = f64x2.add(v1, f64x2.mul(m1, x));
      v2 = f64x2.add(v2, f64x2.mul(m2, x));
      v3 = f64x2.add(v3, f64x2.mul(m3, x));
      w0 = f64x2.add(w0, f64x2.mul(m0, y));
      w1 = f64x2.add(w1, f64x2.mul(m1, y));
      w2 = f64x2.add(w2, f64x2.mul(m2, y));
      w3 = f64x2.add(w3, f64x2.mul(m3, y));
    }
    const outV = alongV + <usize>r * 8;
    f64.store(outV, sum(v0));
    f64.store(outV, sum(v1), 8);
    f64.store(outV, sum(v2), 16);
    f64.store(outV, sum(v3), 24);
    const outW = alongW + <usize>r * 8;
    f64.store(outW, sum(w0));
    f64.store(outW, sum(w1), 8);
    f64.store(outW, sum(w2), 16);
    f64.store(outW, sum(w3), 24);
  }
}

/** v += sum over r of weights[r] matrix[r, :] */
export function addRows(matrix: usize, rows: i32, stride: i32, weights: usize, v: usize): void {
  addColumns(matrix, rows, <usize>stride * 8, weights, v, 0, <usize>stride * 8);
}

/**
 * v = scale (v + sum over r of weights[r] matrix[r, :]), then along[r] = matrix[r, :] . v.
 * Both are done for 256 columns at a time, so that the second finds the rows in the nearest cache.
 */
export function addRowsThenProducts(
  matrix: usize,
  rows: i32,
  stride: i32,
  weights: usize,
  scale: f64,
  v: usize,
  along: usize,
): void {
  const width = <usize>stride * 8;
  const factor = f64x2.splat(scale);
  for (let r = 0; r < rows; r++) f64.store(along + <usize>r * 8, 0);
  for (let from: usize = 0; from < width; from += 2048) {
    const to = min(from + 2048, width);
    addColumns(matrix, rows, width, weights, v, from, to);
    for (let i = from; i < to; i += 16) v128.store(v + i, f64x2.mul(v128.load(v + i), factor));
    addProducts(matrix, rows, width, v, along, from, to);
  }
}

function addColumns(
  matrix: usize,
  rows: i32,
  width: usize,
  weights: usize,
  v: usize,
  from: usize,
  to: usize,
): void {
  for (let r = 0; r < rows; r += 4) {
    const p0 = matrix + <usize>r * width;
    const p1 = p0 + width;
    const p2 = p1 + width;
    const p3 = p2 + width;
    const at = weights + <usize>r * 8;
    const a0 = v128.load64_splat(at);
    const a1 = v128.load64_splat(at, 8);
    const a2 = v128.load64_splat(at, 16);
    const a3 = v128.load64_splat(at, 24);
    for (let i = from; i < to; i += 16) {
      const first = f64x2.add(f64x2.mul(a0, v128.load(p0 + i)), f64x2.mul(a1, v128.load(p1 + i)));
      const second = f64x2.add(f64x2.mul(a2, v128.load(p2 + i)), f64x2.mul(a3, v128.load(p3 + i)));
      v128.store(v + i, f64x2.add(v128.load(v + i), f64x2.add(first, second)));
    }
  }
}

/** along[r] += matrix[r, :] . v over the columns of the byte range from ... to */
function addProducts(
  matrix: usize,
  rows: i32,
  width: usize,
  v: usize,
  along: usize,
  from: usize,
  to: usize,
): void {
  for (let r = 0; r < rows; r += 4) {
    const p0 = matrix + <usize>r * width;
    const p1 = p0 + width;
    const p2 = p1 + width;
    const p3 = p2 + width;
    let s0 = f64x2.splat(0);
    let s1 = f64x2.splat(0);
    let s2 = f64x2.splat(0);
    let s3 = f64x2.splat(0);
    let t0 = f64x2.splat(0);
    let t1 = f64x2.splat(0);
    let t2 = f64x2.splat(0);
    let t3 = f64x2.splat(0);
    for (let i = from; i < to; i += 32) {
      const x = v128.load(v + i);
      const y = v128.load(v + i, 16);
      s0 = f64x2.add(s0, f64x2.mul(v128.load(p0 + i), x));
      s1 = f64x2.add(s1, f64x2.mul(v128.load(p1 + i), x));
      s2 = f64x2.add(s2, f64x2.mul(v128.load(p2 + i), x));
      s3 = f64x2.add(s3, f64x2.mul(v128.load(p3 + i), x));
      t0 = f64x2.add(t0, f64x2.mul(v128.load(p0 + i, 16), y));
      t1 = f64x2.add(t1, f64x2.mul(v128.load(p1 + i, 16), y));
      t2 = f64x2.add(t2, f64x2.mul(v128.load(p2 + i, 16), y));
      t3 = f64x2.add(t3, f64x2.mul(v128.load(p3 + i, 16), y));
    }
    const out = along + <usize>r * 8;
    f64.store(out, f64.load(out) + sum(f64x2.add(s0, t0)));
    f64.store(out, f64.load(out, 8) + sum(f64x2.add(s1, t1)), 8);
    f64.store(out, f64.load(out, 16) + sum(f64x2.add(s2, t2)), 16);
    f64.store(out, f64.load(out, 24) + sum(f64x2.add(s3, t3)), 24);
  }
}

function sum(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}
