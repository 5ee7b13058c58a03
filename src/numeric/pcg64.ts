// PCG64 (XSL-RR 128/64), NumPy's default bit generator: M. E. O'Neill, "PCG: A Family of Simple Fast
// Space-Efficient Statistically Good Algorithms for Random Number Generation" (2014).

/** The state of a generator: 128-bit numbers as four 32-bit words, lowest first. */
export interface Pcg64 {
  readonly state: Uint32Array;
  readonly increment: Uint32Array;
  /** The last 64-bit output: its high and its low half. */
  high: number;
  low: number;
  /** The unused high half that NumPy keeps between 32-bit draws, or -1. */
  spare: number;
}

// The multiplier 0x2360ed051fc65da44385df649fccf645.
const M0 = 0x9fccf645;
const M1 = 0x4385df64;
const M2 = 0x1fc65da4;
const M3 = 0x2360ed05;
const SCALE = 2 ** -32;

/**
 * A generator seeded as NumPy seeds it from eight words of a SeedSequence.
 *
 * @param words 8 unsigned 32-bit words: initial state (high 64 bits first), then the stream's number
 */
export function seededPcg64(words: Uint32Array): Pcg64 {
  // NumPy reads pairs of 32-bit words as little-endian 64-bit numbers, the high 64 bits coming first.
  const word = (i: number): number => words[i] ?? 0;
  const initial = Uint32Array.of(word(2), word(3), word(0), word(1));
  const stream = [word(6), word(7), word(4), word(5)];
  const increment = new Uint32Array(4);
  for (let i = 0; i < 4; i++)
    increment[i] = ((stream[i] ?? 0) << 1) | (i === 0 ? 1 : (stream[i - 1] ?? 0) >>> 31);
  const generator: Pcg64 = { state: new Uint32Array(4), increment, high: 0, low: 0, spare: -1 };
  advance(generator.state, increment);
  let carry = 0;
  for (let i = 0; i < 4; i++) {
    const sum = (generator.state[i] ?? 0) + (initial[i] ?? 0) + carry;
    generator.state[i] = sum;
    carry = sum >= 2 ** 32 ? 1 : 0;
  }
  advance(generator.state, increment);
  return generator;
}

/** Draws the next 64 bits into `generator.high` and `generator.low`. */
export function next64(generator: Pcg64): void {
  const { state } = generator;
  advance(state, generator.increment);
  const s0 = state[0] as number;
  const s1 = state[1] as number;
  const s2 = state[2] as number;
  const s3 = state[3] as number;
  let high = s3 ^ s1;
  let low = s2 ^ s0;
  let rotation = s3 >>> 26;
  if (rotation >= 32) {
    const swap = high;
    high = low;
    low = swap;
    rotation -= 32;
  }
  if (rotation === 0) {
    generator.high = high >>> 0;
    generator.low = low >>> 0;
  } else {
    generator.high = ((high >>> rotation) | (low << (32 - rotation))) >>> 0;
    generator.low = ((low >>> rotation) | (high << (32 - rotation))) >>> 0;
  }
}

/** The next 32 bits: the low half of a 64-bit draw, then its high half, as NumPy buffers them. */
export function next32(generator: Pcg64): number {
  if (generator.spare >= 0) {
    const word = generator.spare;
    generator.spare = -1;
    return word;
  }
  next64(generator);
  generator.spare = generator.high;
  return generator.low;
}

/** The next number of [0, 1): the top 53 of 64 bits. */
export function nextUnit(generator: Pcg64): number {
  next64(generator);
  return (generator.high * 2097152 + (generator.low >>> 11)) * 2 ** -53;
}

/** state <- state * multiplier + increment, modulo 2^128. */
function advance(state: Uint32Array, increment: Uint32Array): void {
  const a0 = state[0] as number;
  const a1 = state[1] as number;
  const a2 = state[2] as number;
  const a3 = state[3] as number;
  const l00 = Math.imul(a0, M0) >>> 0;
  const l01 = Math.imul(a0, M1) >>> 0;
  const l10 = Math.imul(a1, M0) >>> 0;
  const l02 = Math.imul(a0, M2) >>> 0;
  const l11 = Math.imul(a1, M1) >>> 0;
  const l20 = Math.imul(a2, M0) >>> 0;
  let sum = l00 + (increment[0] as number);
  state[0] = sum;
  let carry = sum >= 4294967296 ? 1 : 0;
  sum = l01 + l10 + highProduct(a0, M0, l00) + (increment[1] as number) + carry;
  state[1] = sum;
  carry = Math.floor(sum * SCALE);
  sum =
    l02 + l11 + l20 + highProduct(a0, M1, l01) + highProduct(a1, M0, l10) + (increment[2] as number) + carry;
  state[2] = sum;
  carry = Math.floor(sum * SCALE);
  state[3] =
    Math.imul(a0, M3) +
    Math.imul(a1, M2) +
    Math.imul(a2, M1) +
    Math.imul(a3, M0) +
    highProduct(a0, M2, l02) +
    highProduct(a1, M1, l11) +
    highProduct(a2, M0, l20) +
    (increment[3] as number) +
    carry;
}

/**
 * The high word of a 64-bit product whose low word is known. The double product errs by at most 2^10, the
 * difference by as much again, and the exact difference is a multiple of 2^32: rounding recovers it.
 */
function highProduct(a: number, b: number, low: number): number {
  return Math.floor((a * b - low) * SCALE + 0.5);
}
