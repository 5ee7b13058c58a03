// Random streams that are NumPy's, draw for draw. numpy-ts has the same generator but takes only small seeds,
// cannot spawn, and cannot save its state for a resumed run, so the generator is written out here.
import { next32, next64, nextUnit, type Pcg64, seededPcg64 } from "./pcg64.ts";
import { type Seed, seedWords } from "./seed-sequence.ts";
import {
  inverseTailStart,
  layerHeights,
  layerThresholds,
  layerWidths,
  tailStart,
} from "./ziggurat-tables.ts";

export type { Seed } from "./seed-sequence.ts";

/** A stream of random numbers with a state of its own; every draw equals `numpy.random.default_rng`'s. */
export interface RandomStream {
  /**
   * `size` numbers of [low, high), as `Generator.uniform`.
   *
   * @throws RangeError when the size is not a non-negative integer or the range is not finite
   */
  uniform(size: number, low?: number, high?: number): Float64Array;
  /**
   * `size` Gaussian numbers, as `Generator.normal`.
   *
   * @throws RangeError when the size is not a non-negative integer, or the standard deviation negative
   */
  normal(size: number, mean?: number, standardDeviation?: number): Float64Array;
  /**
   * `size` integers of [low, high), as `Generator.integers`.
   *
   * @throws RangeError when the bounds are not 32-bit integers with low < high
   */
  integers(size: number, low: number, high: number): Int32Array;
  /** 0 ... size - 1 in random order, as `Generator.permutation(size)`. */
  permutation(size: number): Int32Array;
  /** `count` independent streams, as `Generator.spawn`; later calls give further ones. This stream's draws do not change. */
  spawn(count: number): RandomStream[];
  /** All that is needed to go on from here, as JSON can hold it. */
  state(): RandomStreamState;
}

/** A stream's place, for checkpoints: see {@link resumeRandomStream}. */
export interface RandomStreamState {
  /** The seed's integers in decimal. */
  readonly seed: readonly string[];
  readonly spawnKey: readonly number[];
  readonly spawned: number;
  /** The 128-bit state, lowest 32-bit word first. */
  readonly words: readonly number[];
  /** The buffered half of a 64-bit draw, or -1. */
  readonly spare: number;
}

/**
 * The stream of `numpy.random.default_rng(seed)`.
 *
 * @param seed a non-negative integer of any size, or several
 * @throws RangeError when the seed is negative or not an integer
 * @example randomStream(0).uniform(1)[0] // 0.6369616873214543
 */
export function randomStream(seed: Seed): RandomStream {
  return streamAt(seed, []);
}

/**
 * A stream that goes on where {@link RandomStream.state} was taken.
 *
 * @throws RangeError when the state is not one that a stream gave
 */
export function resumeRandomStream(state: RandomStreamState): RandomStream {
  const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32;
  if (
    state.words.length !== 4 ||
    !state.words.every(isWord) ||
    !(state.spare === -1 || isWord(state.spare)) ||
    !isWord(state.spawned)
  )
    throw new RangeError("random stream: the saved state is damaged");
  return streamAt(state.seed.map(BigInt), state.spawnKey, state);
}

function streamAt(seed: Seed, spawnKey: readonly number[], resumed?: RandomStreamState): RandomStream {
  const generator = seededPcg64(seedWords(seed, spawnKey, 8));
  let spawned = resumed?.spawned ?? 0;
  if (resumed !== undefined) {
    generator.state.set(resumed.words);
    generator.spare = resumed.spare;
  }

  return {
    uniform(size, low = 0, high = 1) {
      const range = high - low;
      if (!Number.isFinite(range)) throw new RangeError(`uniform: the range ${low} to ${high} is not finite`);
      const out = new Float64Array(checkedSize(size, "uniform"));
      for (let i = 0; i < size; i++) out[i] = low + range * nextUnit(generator);
      return out;
    },

    normal(size, mean = 0, standardDeviation = 1) {
      if (!Number.isFinite(mean)) throw new RangeError(`normal: mean ${mean} is not finite`);
      if (!(standardDeviation >= 0 && standardDeviation < Infinity))
        throw new RangeError(`normal: standard deviation ${standardDeviation} is not a number from 0 up`);
      const out = new Float64Array(checkedSize(size, "normal"));
      for (let i = 0; i < size; i++) out[i] = mean + standardDeviation * nextNormal(generator);
      return out;
    },

    integers(size, low, high) {
      const isInt32 = (value: number): boolean =>
        Number.isInteger(value) && value >= -(2 ** 31) && value <= 2 ** 31;
      if (!isInt32(low) || !isInt32(high) || low >= high)
        throw new RangeError(`integers: [${low}, ${high}) is not a range of 32-bit integers`);
      const out = new Int32Array(checkedSize(size, "integers"));
      for (let i = 0; i < size; i++) out[i] = low + nextBelow(generator, high - low);
      return out;
    },

    permutation(size) {
      const order = new Int32Array(checkedSize(size, "permutation"));
      for (let i = 0; i < size; i++) order[i] = i;
      for (let i = size - 1; i > 0; i--) {
        const j = nextUpTo(generator, i);
        const kept = order[i] as number;
        order[i] = order[j] as number;
        order[j] = kept;
      }
      return order;
    },

    spawn(count) {
      const first = spawned;
      spawned += checkedSize(count, "spawn");
      return Array.from({ length: count }, (_, child) => streamAt(seed, [...spawnKey, first + child]));
    },

    state() {
      const list = typeof seed === "number" || typeof seed === "bigint" ? [seed] : seed;
      return {
        seed: list.map(String),
        spawnKey: [...spawnKey],
        spawned,
        words: Array.from(generator.state),
        spare: generator.spare,
      };
    },
  };
}

function checkedSize(size: number, draw: string): number {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError(`${draw}: size ${size} is not a non-negative integer`);
  return size;
}

/** A standard normal number by the ziggurat. */
function nextNormal(generator: Pcg64): number {
  for (;;) {
    next64(generator);
    const { high, low } = generator;
    const layer = low & 0xff;
    // Bits 9 to 60 of the draw are the magnitude, bit 8 the sign.
    const magnitude = (high & 0x1fffffff) * 8388608 + (low >>> 9);
    const width = magnitude * (layerWidths[layer] as number);
    const x = low & 0x100 ? -width : width;
    if (magnitude < (layerThresholds[layer] as number)) return x;
    if (layer === 0) {
      const tail = nextTail(generator);
      // Bit 8 of the magnitude decides the sign of a tail draw.
      return low & 0x20000 ? -tail : tail;
    }
    const inner = layerHeights[layer - 1] as number;
    const outer = layerHeights[layer] as number;
    if ((inner - outer) * nextUnit(generator) + outer < Math.exp(-0.5 * x * x)) return x;
  }
}

/** A draw beyond the ziggurat's last layer (Marsaglia's tail method). */
function nextTail(generator: Pcg64): number {
  for (;;) {
    const x = -inverseTailStart * Math.log1p(-nextUnit(generator));
    const y = -Math.log1p(-nextUnit(generator));
    if (y + y > x * x) return tailStart + x;
  }
}

/** An integer of [0, bound), bound at most 2^32: D. Lemire, "Fast Random Integer Generation in an Interval" (2019). */
function nextBelow(generator: Pcg64, bound: number): number {
  if (bound === 1) return 0;
  if (bound === 4294967296) return next32(generator);
  const threshold = (4294967296 - bound) % bound;
  for (;;) {
    const word = next32(generator);
    const leftover = Math.imul(word, bound) >>> 0;
    if (leftover >= threshold) return Math.floor((word * bound - leftover) * 2 ** -32 + 0.5);
  }
}

/** An integer of [0, last] by masking and rejection, which is what NumPy shuffles with. */
function nextUpTo(generator: Pcg64, last: number): number {
  const unused = Math.clz32(last);
  for (;;) {
    const value = (next32(generator) << unused) >>> unused;
    if (value <= last) return value;
  }
}
