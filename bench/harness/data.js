// @ts-check

/**
 * Uniform numbers made from a hash (MurmurHash3's finalizer) of each element's index, so that both sides of a
 * comparison work on the same data; `uniform` in peers/protocol.py makes the same numbers, bit for bit.
 *
 * @param {number} count
 * @param {number} seed
 * @param {number} [low]
 * @param {number} [high]
 * @returns {Float64Array} `count` numbers in [low, high)
 */
export function uniform(count, seed, low = 0, high = 1) {
  const offset = (Math.imul(seed, 0x85ebca77) + 1) | 0;
  return Float64Array.from({ length: count }, (_, index) => {
    let hash = (Math.imul(index, 0x9e3779b1) + offset) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    return low + ((high - low) * (hash >>> 0)) / 4294967296;
  });
}

/**
 * Class labels 0 to `classes` - 1, the same as `labels` in peers/protocol.py.
 *
 * @param {number} count
 * @param {number} classes
 * @param {number} seed
 * @returns {number[]}
 */
export function labels(count, classes, seed) {
  return Array.from(uniform(count, seed), (u) => Math.floor(u * classes));
}

/**
 * A Lehmer generator, s <- 48271 s mod 2147483647 from the seed on, with normal numbers by Box and Muller: the generator of
 * published reference cases of the leakage attack; `Lcg` in peers/protocol.py makes the same numbers.
 *
 * @param {number} seed
 */
export function lcg(seed) {
  let state = seed;
  const next = () => {
    // The product stays below 2^47, so the remainder is exact.
    state = (48271 * state) % 2147483647;
    return state / 2147483647;
  };
  return {
    /**
     * @param {number} count
     * @param {number} [low]
     * @param {number} [high]
     */
    uniform: (count, low = 0, high = 1) =>
      Float64Array.from({ length: count }, () => low + (high - low) * next()),
    /** @param {number} count of numbers, from fresh pairs of uniform ones */
    normal(count) {
      const numbers = new Float64Array(count + (count % 2));
      for (let i = 0; i < count; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(next()));
        const angle = 2 * Math.PI * next();
        numbers[i] = radius * Math.cos(angle);
        numbers[i + 1] = radius * Math.sin(angle);
      }
      return numbers.subarray(0, count);
    },
  };
}
