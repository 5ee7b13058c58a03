// Random streams that are NumPy's, draw for draw. numpy-ts has the same generator but takes only small seeds,
// cannot spawn, and cannot save its state for a resumed run, so the generator is written out here.
import { nextBelow, nextExponential, nextGamma, nextNormal, nextUpTo } from "./draws.ts";
import { nextUnit, type Pcg64, seededPcg64 } from "./pcg64.ts";
import { type Seed, seedWords } from "./seed-sequence.ts";

export type { Seed } from "./seed-sequence.ts";

/** A stream of random numbers with a state of its own; every draw equals `numpy.random.default_rng`'s. */
export interface RandomStream {
  /**
   * `size` numbers of [low, high), as `Generator.uniform`.
   *
   * @throws RangeError when the size is not a non-negative integer, or the range not finite or below 0
   */
  uniform(size: number, low?: number, high?: number): Float64Array;
  /**
   * `size` Gaussian numbers, as `Generator.normal`.
   *
   * @throws RangeError when the size is not a non-negative integer, or the standard deviation negative
   */
  normal(size: number, mean?: number, standardDeviation?: number): Float64Array;
  /**
   * `size` integers of [low, high), as `Generator.integers`; the widest range is [-2^31, 2^31).
   *
   * @throws RangeError when the bounds are not 32-bit integers with low < high
   */
  integers(size: number, low: number, high: number): Int32Array;
  /**
   * `size` exponential numbers with mean `scale`, as `Generator.exponential`.
   *
   * @throws RangeError when the size is not a non-negative integer, or the scale negative or not finite
   */
  exponential(size: number, scale?: number): Float64Array;
  /**
   * `size` gamma numbers with mean `shape` x `scale`, as `Generator.gamma`.
   *
   * @throws RangeError when the size is not a non-negative integer, or shape or scale negative or not finite
   */
  gamma(size: number, shape: number, scale?: number): Float64Array;
  /**
   * `size` different integers of [0, population) in random order, as `Generator.choice(population, size,
   * replace=False)`; with replacement it is {@link RandomStream.integers}.
   *
   * @throws RangeError when there are not so many, or the population is not an integer from 0 to 2^31
   */
  choice(size: number, population: number): Int32Array;
  /**
   * `size` integers of [0, n), each with a probability proportional to its weight, as
   * `Generator.choice(n, size, p=weights / sum)` gives them where the weights add up to 1.
   *
   * @throws RangeError when there are no weights, one is negative or not finite, or all are zero
   */
  weightedChoice(size: number, weights: ArrayLike<number>): Int32Array;
  /**
   * 0 ... size - 1 in random order, as `Generator.permutation(size)`.
   *
   * @throws RangeError when the size is not an integer from 0 to 2^31
   */
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
    !state.seed.every((value) => /^\d+$/.test(value)) ||
    !state.spawnKey.every(isWord) ||
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
      if (range < 0) throw new RangeError(`uniform: the range ${low} to ${high} is below 0`);
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
      const order = ascending(checkedPopulation(size, "permutation: size"));
      shuffleTail(order, 1, (last) => nextUpTo(generator, last));
      return order;
    },

    exponential(size, scale = 1) {
      checkNotNegative("exponential", { scale });
      const out = new Float64Array(checkedSize(size, "exponential"));
      for (let i = 0; i < size; i++) out[i] = scale * nextExponential(generator);
      return out;
    },

    gamma(size, shape, scale = 1) {
      checkNotNegative("gamma", { shape, scale });
      const out = new Float64Array(checkedSize(size, "gamma"));
      for (let i = 0; i < size; i++) out[i] = scale * nextGamma(generator, shape);
      return out;
    },

    choice(size, population) {
      checkedPopulation(population, "choice: population");
      if (checkedSize(size, "choice") > population)
        throw new RangeError(`choice: ${size} different integers of [0, ${population}) do not exist`);
      return distinct(generator, size, population);
    },

    weightedChoice(size, weights) {
      const cumulative = cumulativeWeights(weights);
      const out = new Int32Array(checkedSize(size, "weightedChoice"));
      for (let i = 0; i < size; i++) out[i] = firstAbove(cumulative, nextUnit(generator));
      return out;
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

/** NumPy's two ways: the tail of a partial shuffle where many are drawn of many, Floyd's algorithm elsewhere. */
function distinct(generator: Pcg64, size: number, population: number): Int32Array {
  const draw = (last: number): number => nextBelow(generator, last + 1);
  if (population > 10_000 && size > Math.floor(population / 50)) {
    const order = ascending(population);
    shuffleTail(order, Math.max(population - size, 1), draw);
    return order.slice(population - size);
  }
  const chosen = new Set<number>();
  for (let last = population - size; last < population; last++) {
    const value = draw(last);
    chosen.add(chosen.has(value) ? last : value);
  }
  const order = Int32Array.from(chosen);
  shuffleTail(order, 1, draw);
  return order;
}

/** 0 ... size - 1. */
function ascending(size: number): Int32Array {
  const order = new Int32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  return order;
}

/** Swaps each element from the last down to `first` with one at or before it, whose place `draw` gives. */
function shuffleTail(order: Int32Array, first: number, draw: (last: number) => number): void {
  for (let i = order.length - 1; i >= first; i--) {
    const j = draw(i);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
}

function cumulativeWeights(weights: ArrayLike<number>): Float64Array {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && weight < Infinity))
      throw new RangeError(`weightedChoice: weight ${weight} at ${i} is not a number from 0 up`);
    sum += weight;
    cumulative[i] = sum;
  }
  if (!(sum > 0 && sum < Infinity)) throw new RangeError(`weightedChoice: the weights add up to ${sum}`);
  return cumulative.map((value) => value / sum);
}

/** The first index whose value exceeds `bound`, by bisection. */
function firstAbove(increasing: Float64Array, bound: number): number {
  let low = 0;
  let high = increasing.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((increasing[middle] as number) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

function checkNotNegative(draw: string, parameters: Record<string, number>): void {
  for (const [name, value] of Object.entries(parameters))
    if (!(value >= 0 && value < Infinity))
      throw new RangeError(`${draw}: ${name} ${value} is not a number from 0 up`);
}

/** A number of integers from 0 up that 32 bits can count. */
function checkedPopulation(count: number, what: string): number {
  if (!Number.isInteger(count) || count < 0 || count > 2 ** 31)
    throw new RangeError(`${what} ${count} is not an integer from 0 to 2^31`);
  return count;
}

function checkedSize(size: number, draw: string): number {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError(`${draw}: size ${size} is not a non-negative integer`);
  return size;
}
