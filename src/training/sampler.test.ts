import { describe, expect, it } from "vitest";
import { randomStream } from "../numeric/random.ts";
import { type Batch, epochShuffling, givenBatches, type Sampler, withReplacement } from "./sampler.ts";
import { selectSteps } from "./steps.ts";

const context = (size: number, batchSize: number) => ({ size, batchSize, stream: randomStream(1) });

function take(sampler: Sampler, from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) =>
    Array.from((sampler.next(from + i) as Batch).indices, Number),
  );
}

describe("epochShuffling", () => {
  it("goes through all rows once an epoch, in NumPy's order", () => {
    const sampler = epochShuffling(context(10, 4));
    expect(sampler.stepsPerEpoch).toBe(3);
    const reference = randomStream(1);
    for (let epoch = 0; epoch < 3; epoch++) {
      const batches = take(sampler, 3 * epoch, 3 * epoch + 3);
      expect(batches.map((batch) => batch.length)).toEqual([4, 4, 2]);
      expect(batches.flat()).toEqual(Array.from(reference.permutation(10)));
    }
  });

  it("drops the rows left over where asked", () => {
    const sampler = epochShuffling(context(10, 4), { last: "drop" });
    expect(sampler.stepsPerEpoch).toBe(2);
    expect(take(sampler, 0, 4).map((batch) => batch.length)).toEqual([4, 4, 4, 4]);
  });

  it.each([
    [10, 4, [4, 3, 3]],
    [8, 4, [4, 4]],
    [11, 4, [4, 4, 3]],
    [9, 8, [5, 4]],
    [3, 3, [3]],
  ])("spreads the rows left over: %i in batches of at most %i", (size, batchSize, sizes) => {
    const sampler = epochShuffling(context(size, batchSize), { last: "spread" });
    expect(sampler.stepsPerEpoch).toBe(sizes.length);
    const batches = take(sampler, 0, 2 * sizes.length);
    expect(batches.map((batch) => batch.length)).toEqual([...sizes, ...sizes]);
    const reference = randomStream(1);
    expect(batches.flat()).toEqual([...reference.permutation(size), ...reference.permutation(size)]);
    const other = epochShuffling({ size, batchSize, stream: randomStream(5) }, { last: "spread" });
    const again = epochShuffling(context(size, batchSize), { last: "spread" });
    take(again, 0, 2);
    other.restore(JSON.parse(JSON.stringify(again.state())));
    expect(take(other, 2, 6)).toEqual(take(again, 2, 6));
  });

  it.each([0, 1, 2, 3, 4, 7])("goes on from its state after %i batches", (done) => {
    const sampler = epochShuffling(context(10, 4));
    take(sampler, 0, done);
    const state = JSON.parse(JSON.stringify(sampler.state()));
    const other = epochShuffling({ size: 10, batchSize: 4, stream: randomStream(77) });
    other.restore(state);
    expect(take(other, done, done + 8)).toEqual(take(sampler, done, done + 8));
  });
});

describe("withReplacement", () => {
  it("draws rows in proportion, and goes on from its state", () => {
    const sampler = withReplacement(context(3, 1000), { probabilities: [1, 0, 3] });
    const [drawn = []] = take(sampler, 0, 1);
    const share = drawn.filter((row) => row === 2).length / 1000;
    expect(drawn).not.toContain(1);
    expect(Math.abs(share - 0.75)).toBeLessThan(0.05);
    const state = sampler.state();
    const next = take(sampler, 1, 3);
    sampler.restore(state);
    expect(take(sampler, 1, 3)).toEqual(next);
  });

  it("draws the same rows as NumPy's integers", () => {
    expect(take(withReplacement(context(9, 5)), 0, 1)).toEqual([
      Array.from(randomStream(1).integers(5, 0, 9)),
    ]);
  });
});

describe("samplers", () => {
  it("name what does not fit", () => {
    expect(() => epochShuffling(context(3, 4))).toThrow(/batchSize 4 is not a whole number from 1 to the 3/);
    expect(() => withReplacement(context(3, 0))).toThrow(/batchSize 0/);
    expect(() => withReplacement(context(3, 2), { probabilities: [1] })).toThrow(/1 probabilities for 3/);
    expect(() => givenBatches([])).toThrow(/no batches/);
  });
});

describe("selectSteps", () => {
  const total = 20;
  it.each([
    ["all", 21],
    ["none", 0],
    ["sqrt", 6],
    [{ every: 7 }, 3],
    [{ lastEpochs: 2 }, 9],
    [[5, 0, 5, 20], 3],
  ] as const)("of %o has %i steps, and finds each after the other", (selection, count) => {
    const selected = selectSteps(selection, { total, stepsPerEpoch: 4 });
    const listed = Array.from({ length: total + 1 }, (_, step) => step).filter(selected.has);
    expect(listed).toHaveLength(count);
    expect(selected.count).toBe(count);
    const found: number[] = [];
    for (let step = selected.after(-1); step <= total; step = selected.after(step)) found.push(step);
    expect(found).toEqual(listed);
  });

  it("names what does not exist", () => {
    expect(() => selectSteps([21], { total })).toThrow(/21 is not a step of 0 to 20/);
    expect(() => selectSteps({ every: 0 }, { total })).toThrow(/every 0/);
    expect(() => selectSteps({ lastEpochs: 1 }, { total })).toThrow(/needs a sampler with epochs/);
  });
});
