/** The random numbers of the reference files: a Lehmer generator and Box-Muller normals. */
export interface Lcg {
  /** The next `count` numbers of (low, high). */
  uniform(count: number, low?: number, high?: number): Float64Array;
  /** The next `count` normal numbers, from fresh pairs of uniform ones. */
  normal(count: number): Float64Array;
}

/** s <- 48271 s mod 2147483647 from s = seed. */
export function lcg(seed: number): Lcg {
  let state = seed;
  const next = (): number => {
    // The product stays below 2^47, so the remainder is exact.
    state = (48271 * state) % 2147483647;
    return state / 2147483647;
  };
  return {
    uniform: (count, low = 0, high = 1) =>
      Float64Array.from({ length: count }, () => low + (high - low) * next()),
    normal(count) {
      const out = new Float64Array(count + (count % 2));
      for (let i = 0; i < count; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(next()));
        const angle = 2 * Math.PI * next();
        out[i] = radius * Math.cos(angle);
        out[i + 1] = radius * Math.sin(angle);
      }
      return out.subarray(0, count);
    },
  };
}
