// The inner loops of dense linear algebra on stretches of row-major arrays. Four sums at a time in `dotAt`: one
// running sum would wait for its own last addition.

/** The inner product of `length` elements of `a` from `aStart` on with those of `b` from `bStart` on. */
export function dotAt(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  length: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const p = aStart + i;
    const q = bStart + i;
    s0 += (a[p] as number) * (b[q] as number);
    s1 += (a[p + 1] as number) * (b[q + 1] as number);
    s2 += (a[p + 2] as number) * (b[q + 2] as number);
    s3 += (a[p + 3] as number) * (b[q + 3] as number);
  }
  for (; i < length; i++) s0 += (a[aStart + i] as number) * (b[bStart + i] as number);
  return s0 + s1 + (s2 + s3);
}

/** out[outStart + i] += factor * a[aStart + i] for `length` elements. */
export function addScaledAt(
  out: Float64Array,
  outStart: number,
  factor: number,
  a: Float64Array,
  aStart: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const at = outStart + i;
    out[at] = (out[at] as number) + factor * (a[aStart + i] as number);
  }
}

/** Turns rows `p` and `q` of a row-major array with `length` columns: p' = c p + s q, q' = c q - s p. */
export function rotateRows(
  data: Float64Array,
  length: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  const pStart = p * length;
  const qStart = q * length;
  for (let i = 0; i < length; i++) {
    const a = data[pStart + i] as number;
    const b = data[qStart + i] as number;
    data[pStart + i] = cosine * a + sine * b;
    data[qStart + i] = cosine * b - sine * a;
  }
}

/** The Euclidean norm of a vector; neither overflows nor underflows where the norm itself does not. */
export function norm(v: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < v.length; i++) {
    const size = Math.abs(v[i] as number);
    if (!(size <= largest)) largest = size; // NaN gets through, and out
  }
  if (largest === 0 || !(largest < Infinity)) return largest;
  if (largest > 1e-140 && largest < 1e140) return Math.sqrt(dotAt(v, 0, v, 0, v.length));
  let sum = 0;
  for (let i = 0; i < v.length; i++) {
    const scaled = (v[i] as number) / largest;
    sum += scaled * scaled;
  }
  return largest * Math.sqrt(sum);
}
