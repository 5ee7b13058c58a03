// NumPy's SeedSequence: entropy of any size is hashed into a pool of four words, from which any number of
// well-mixed state words can be read; children differ by their spawn key. After M. E. O'Neill,
// "Developing a seed_seq Alternative" (2015), with the constants that NumPy documents.

/** A seed: a non-negative integer of any size, or several of them. */
export type Seed = number | bigint | readonly (number | bigint)[];

const POOL_SIZE = 4;
const INIT_A = 0x43b0d7e5;
const MULT_A = 0x931e8875;
const INIT_B = 0x8b51f9dd;
const MULT_B = 0x58f38ded;
const MIX_L = 0xca01f9dd;
const MIX_R = 0x4973f715;

/**
 * The first `count` words of `numpy.random.SeedSequence(seed, spawn_key=spawnKey).generate_state(count)`.
 *
 * @param seed non-negative integers of any size
 * @param spawnKey the path of child numbers from the root; empty for the root itself
 * @returns unsigned 32-bit words
 * @throws RangeError when an entropy value is negative or not a safe integer or bigint
 */
export function seedWords(seed: Seed, spawnKey: readonly number[], count: number): Uint32Array {
  const pool = mixedPool(assembledEntropy(seed, spawnKey));
  const words = new Uint32Array(count);
  let hash = INIT_B;
  for (let i = 0; i < count; i++) {
    let word = (pool[i % POOL_SIZE] ?? 0) ^ hash;
    hash = Math.imul(hash, MULT_B);
    word = Math.imul(word, hash);
    words[i] = word ^ (word >>> 16);
  }
  return words;
}

function assembledEntropy(seed: Seed, spawnKey: readonly number[]): number[] {
  const list = typeof seed === "number" || typeof seed === "bigint" ? [seed] : seed;
  const words = list.flatMap(wordsOf);
  // A short seed is padded before a spawn key is appended, so that a child never equals a longer root seed.
  if (spawnKey.length > 0) while (words.length < POOL_SIZE) words.push(0);
  return [...words, ...spawnKey.flatMap(wordsOf)];
}

/** Little-endian 32-bit words; zero is one word. */
function wordsOf(value: number | bigint): number[] {
  if (value < 0 || (typeof value === "number" && !Number.isSafeInteger(value)))
    throw new RangeError(`seed: ${value} is not a non-negative integer; use a bigint beyond 2^53 - 1`);
  const words: number[] = [];
  let rest = BigInt(value);
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return words;
}

function mixedPool(entropy: readonly number[]): Uint32Array {
  const pool = new Uint32Array(POOL_SIZE);
  let hash = INIT_A;
  const hashed = (value: number): number => {
    let word = value ^ hash;
    hash = Math.imul(hash, MULT_A);
    word = Math.imul(word, hash);
    return word ^ (word >>> 16);
  };
  const mixInto = (target: number, value: number): void => {
    const word = Math.imul(MIX_L, pool[target] ?? 0) - Math.imul(MIX_R, hashed(value));
    pool[target] = word ^ (word >>> 16);
  };
  for (let i = 0; i < POOL_SIZE; i++) pool[i] = hashed(entropy[i] ?? 0);
  for (let source = 0; source < POOL_SIZE; source++)
    for (let target = 0; target < POOL_SIZE; target++)
      if (source !== target) mixInto(target, pool[source] ?? 0);
  for (let source = POOL_SIZE; source < entropy.length; source++)
    for (let target = 0; target < POOL_SIZE; target++) mixInto(target, entropy[source] ?? 0);
  return pool;
}
