import { describe, expect, it } from "vitest";
import { randomStream } from "../../numeric/random.ts";
import { rowsToVerify, tauInterval } from "./verification.ts";

const scores = randomStream(3).normal(40);

describe("rows to verify", () => {
  it("are half the most harmful, half any of the others, drawn by the seed", () => {
    const { harmful, random } = rowsToVerify(scores, 15, randomStream(1));
    const lowest = [...scores.keys()].sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0)).slice(0, 8);
    expect(harmful).toEqual(lowest);
    expect(random).toHaveLength(7);
    expect(new Set([...harmful, ...random]).size).toBe(15);
    expect(rowsToVerify(scores, 15, randomStream(1))).toEqual({ harmful, random });
    expect(rowsToVerify(scores, 15, randomStream(2)).random).not.toEqual(random);
    // They are not the next by their scores.
    const drawn = random.map((row) => scores.filter((score) => score < (scores[row] ?? 0)).length);
    expect(Math.max(...drawn)).toBeGreaterThan(25);
  });

  it("are no more than there are, and none where none are asked for", () => {
    const { harmful, random } = rowsToVerify(scores, 1000, randomStream(1));
    expect([...harmful, ...random].sort((a, b) => a - b)).toEqual([...scores.keys()]);
    expect(rowsToVerify(scores, 0, randomStream(1))).toEqual({ harmful: [], random: [] });
    expect(rowsToVerify(scores, 1, randomStream(1))).toMatchObject({
      harmful: [expect.any(Number)],
      random: [],
    });
    // Ties come in the order of the rows.
    expect(rowsToVerify([0, 0, 0], 2, randomStream(1)).harmful).toEqual([0]);
  });
});

describe("the interval of tau", () => {
  const actual = Array.from(scores.slice(0, 15));

  it("holds the estimate, is seeded, and wider the worse predictions agree", () => {
    const noise = randomStream(9).normal(15);
    const noisy = (strength: number) => actual.map((value, i) => value + strength * (noise[i] ?? 0));
    const width = (strength: number): number => {
      const found = tauInterval(noisy(strength), actual, randomStream(5));
      const { estimate = Number.NaN, low = Number.NaN, high = Number.NaN } = found ?? {};
      expect(low).toBeLessThanOrEqual(estimate);
      expect(estimate).toBeLessThanOrEqual(high);
      return high - low;
    };
    expect(width(0)).toBeCloseTo(0, 12);
    expect(width(0.1)).toBeLessThan(width(2));
    const [once, twice] = [0, 1].map(() => tauInterval(noisy(2), actual, randomStream(5)));
    expect(once).toEqual(twice);
    const turned = actual.map((value) => -value);
    expect(tauInterval(turned, actual, randomStream(5))).toMatchObject({ estimate: -1 });
  });

  it("does not exist where a column is constant", () => {
    expect(tauInterval([1, 1, 1], [1, 2, 3], randomStream(5))).toBeUndefined();
    expect(tauInterval([1, 2, 3], [0, 0, 0], randomStream(5))).toBeUndefined();
    expect(tauInterval([], [], randomStream(5))).toBeUndefined();
  });
});
