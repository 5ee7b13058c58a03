import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type RandomStream, randomStream, resumeRandomStream } from "./random.ts";
import { seedWords } from "./seed-sequence.ts";

interface Draw {
  call: "uniform" | "normal" | "integers" | "permutation";
  arguments: number[];
  count: number;
  first: number[];
  sha256: string;
}
interface Tail {
  seed: number;
  count: number;
  positions: number[];
  values: number[];
}
interface Vectors {
  cases: { seed: string[]; path: number[]; draws: Draw[] }[];
  seedWords: { seed: string[]; spawnKey: number[]; words: number[] }[];
  tail: Tail;
  exponentialTail: Tail;
  further: {
    seed: number;
    draws: {
      call: string;
      arguments: number[];
      values: number[];
    }[];
  };
}
const vectors = JSON.parse(
  readFileSync(new URL("../../test/vectors/random.json", import.meta.url), "utf8"),
) as Vectors;

function draw(stream: RandomStream, { call, arguments: given }: Draw): Float64Array | Int32Array {
  const [size = 0, a, b] = given;
  if (call === "uniform") return stream.uniform(size, a, b);
  if (call === "normal") return stream.normal(size, a, b);
  if (call === "integers") return stream.integers(size, a ?? 0, b ?? 0);
  return stream.permutation(size);
}

function further(stream: RandomStream, call: string, given: number[]): Float64Array | Int32Array {
  const [size = 0, a = 1, b] = given;
  if (call === "exponential") return stream.exponential(size, a);
  if (call === "gamma") return stream.gamma(size, a, b);
  if (call === "choice") return stream.choice(size, a);
  if (call === "weightedChoice") return stream.weightedChoice(size, given.slice(1));
  return stream.uniform(size);
}

/** The descendant reached by taking child number path[0], then its child path[1], ... */
function descendant(stream: RandomStream, path: readonly number[]): RandomStream {
  return path.reduce((parent, child) => parent.spawn(child + 1).at(-1) ?? parent, stream);
}

const bytesOf = (values: Float64Array | Int32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

describe("randomStream against NumPy", () => {
  for (const { seed, path, draws } of vectors.cases)
    it(`gives the same bits for seed ${seed.join(",")}, child [${path.join(",")}]`, () => {
      const stream = descendant(randomStream(seed.map(BigInt)), path);
      for (const expected of draws) {
        const values = draw(stream, expected);
        const label = `${expected.call}(${expected.arguments.join(", ")})`;
        expect(values.length, label).toBe(expected.count);
        expect(Array.from(values.subarray(0, 3)), label).toEqual(expected.first);
        expect(createHash("sha256").update(bytesOf(values)).digest("hex").slice(0, 32), label).toBe(
          expected.sha256,
        );
      }
    });

  it("hashes seeds and spawn keys as SeedSequence does", () => {
    for (const { seed, spawnKey, words } of vectors.seedWords)
      expect(Array.from(seedWords(seed.map(BigInt), spawnKey, 8))).toEqual(words);
  });

  it.each(["tail", "exponentialTail"] as const)("draws beyond the last layer: %s", (kind) => {
    const { seed, count, positions, values } = vectors[kind];
    const [drawn, start] =
      kind === "tail"
        ? [randomStream(seed).normal(count), 3.654152885361009]
        : [randomStream(seed).exponential(count), 7.69711747013105];
    expect(Array.from(drawn.keys()).filter((i) => Math.abs(drawn[i] ?? 0) > start)).toEqual(positions);
    for (const [i, position] of positions.entries()) {
      const expected = values[i] ?? 0;
      // log1p is not correctly rounded in either runtime: one unit in the last place is allowed.
      expect(Math.abs((drawn[position] ?? 0) - expected)).toBeLessThanOrEqual(Math.abs(expected) * 2 ** -52);
    }
  });

  it("draws exponential and gamma numbers and choices, one stream through all", () => {
    const stream = randomStream(vectors.further.seed);
    for (const { call, arguments: given, values } of vectors.further.draws) {
      const size = given[0] ?? 0;
      const drawn = further(stream, call, given);
      expect(drawn.length, call).toBe(size);
      for (const [i, value] of values.entries())
        expect(Math.abs((drawn[i] ?? Number.NaN) - value), `${call} ${i}`).toBeLessThanOrEqual(4e-15 * value);
    }
  });
});

describe("randomStream", () => {
  it("takes a number, a bigint and a list of one as the same seed", () => {
    const expected = randomStream(7).uniform(5);
    expect(randomStream(7n).uniform(5)).toEqual(expected);
    expect(randomStream([7]).uniform(5)).toEqual(expected);
  });

  it("gives what NumPy gives at the ends of its ranges", () => {
    // numpy 2: g = default_rng(5); the same calls in the same order.
    const stream = randomStream(5);
    const drawn = [
      stream.integers(5, -(2 ** 31), 2 ** 31),
      stream.integers(5, -(2 ** 31), 2 ** 31 - 1),
      stream.integers(3, 7, 8),
      stream.permutation(0),
      stream.permutation(1),
      stream.permutation(2),
      stream.choice(0, 0),
      stream.choice(5, 5),
      stream.choice(1, 1),
      stream.choice(3, 2 ** 31),
      stream.choice(201, 10001).subarray(0, 5),
      stream.choice(10001, 10001).subarray(0, 5),
      stream.choice(200, 10001).subarray(0, 5),
    ];
    expect(drawn.map((values) => Array.from(values))).toEqual([
      [733537704, 1309977582, -2050188811, 1322595621, -133780032],
      [65822782, 559350901, -919976069, 2059538668, -1915853047],
      [7, 7, 7],
      [],
      [0],
      [0, 1],
      [],
      [1, 2, 3, 4, 0],
      [0],
      [410131242, 2145714366, 1400951999],
      [7293, 561, 3029, 4383, 4322],
      [4418, 2674, 4991, 1204, 9256],
      [1304, 3693, 1084, 5100, 2654],
    ]);
  });

  it("keeps streams independent of each other, in any order of calls", () => {
    const alone = randomStream(1);
    const a = [alone.normal(3), alone.integers(3, 0, 9), alone.uniform(3)];
    const first = randomStream(1);
    const second = randomStream(2);
    const child = first.spawn(1)[0];
    const mixed: unknown[] = [];
    mixed.push(first.normal(3));
    second.integers(1, 0, 5);
    child?.normal(100);
    mixed.push(first.integers(3, 0, 9));
    second.permutation(11);
    mixed.push(first.uniform(3));
    expect(mixed).toEqual(a);
  });

  it("splits a draw into smaller ones without change", () => {
    const whole = randomStream(4).normal(1000);
    const parts = randomStream(4);
    expect([...parts.normal(1), ...parts.normal(0), ...parts.normal(999)]).toEqual(Array.from(whole));
  });

  it("goes on from a saved state through JSON, spawned children included", () => {
    const stream = randomStream([3n, 2n ** 90n]).spawn(2)[1] ?? randomStream(0);
    stream.spawn(2);
    stream.integers(3, 0, 100);
    const copy = resumeRandomStream(JSON.parse(JSON.stringify(stream.state())));
    expect(copy.integers(5, 0, 100)).toEqual(stream.integers(5, 0, 100));
    expect(copy.normal(50)).toEqual(stream.normal(50));
    expect(copy.spawn(1)[0]?.uniform(3)).toEqual(stream.spawn(1)[0]?.uniform(3));
  });

  it("refuses a damaged state", () => {
    const state = randomStream(1).state();
    expect(() => resumeRandomStream({ ...state, words: [1, 2, 3] })).toThrow("damaged");
    expect(() => resumeRandomStream({ ...state, spare: 0.5 })).toThrow("damaged");
    expect(() => resumeRandomStream({ ...state, seed: ["one"] })).toThrow("damaged");
    expect(() => resumeRandomStream({ ...state, spawnKey: [-1] })).toThrow("damaged");
  });

  it("names what is wrong with a seed, a size, or a range", () => {
    expect(() => randomStream(-1)).toThrow("seed: -1 is not a non-negative integer");
    expect(() => randomStream(0.5)).toThrow("seed: 0.5");
    expect(() => randomStream(2 ** 60)).toThrow("bigint");
    const stream = randomStream(0);
    expect(() => stream.uniform(-1)).toThrow("uniform: size -1");
    expect(() => stream.uniform(1, 0, Number.NaN)).toThrow("not finite");
    expect(() => stream.uniform(1, 3, 1)).toThrow("uniform: the range 3 to 1 is below 0");
    expect(() => stream.normal(1, 0, -1)).toThrow("standard deviation -1");
    expect(() => stream.normal(1, Infinity)).toThrow("mean Infinity");
    expect(() => stream.integers(1, 3, 3)).toThrow("integers: [3, 3)");
    expect(() => stream.integers(1, 0, 2 ** 40)).toThrow("32-bit");
    expect(() => stream.exponential(1, -1)).toThrow("exponential: scale -1");
    expect(() => stream.gamma(1, Number.NaN)).toThrow("gamma: shape NaN");
    expect(() => stream.choice(3, 2)).toThrow("choice: 3 different integers of [0, 2) do not exist");
    expect(() => stream.choice(3, 2 ** 40)).toThrow("choice: population 1099511627776 is not an integer");
    expect(() => stream.choice(1, 2.5)).toThrow("choice: population 2.5");
    expect(() => stream.weightedChoice(1, [1, -1])).toThrow("weight -1 at 1");
    expect(() => stream.weightedChoice(1, [0, 0])).toThrow("add up to 0");
    expect(() => stream.permutation(1.5)).toThrow("permutation: size 1.5");
  });
});
