import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textMetrics } from "./metrics.ts";

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((item, i) => permutations(list.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

describe("text metrics", () => {
  it("are 1 for the text itself", () => {
    expect(textMetrics([5, 6, 5], [5, 6, 5])).toEqual({
      tokenAccuracy: 1,
      permutedAccuracy: 1,
      bagRecall: 1,
      bagPrecision: 1,
      rouge1: 1,
      rouge2: 1,
      rougeL: 1,
    });
  });

  it("tell order, counts and gaps apart", () => {
    const metrics = textMetrics([1, 2, 3, 3], [3, undefined, 2, 9]);
    expect(metrics.tokenAccuracy).toBe(0);
    expect(metrics.permutedAccuracy).toBe(2 / 4);
    expect(metrics.bagRecall).toBe(2 / 3);
    expect(metrics.bagPrecision).toBe(2 / 3);
    expect(metrics.rouge1).toBeCloseTo(4 / 7, 15);
    expect(metrics.rouge2).toBe(0);
    expect(metrics.rougeL).toBeCloseTo(2 / 7, 15);
  });

  it("have the accuracy of the best of all permutations", () => {
    const tokens = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(tokens, tokens, (original, recovered) => {
        const best = Math.max(
          ...permutations(recovered).map((order) => textMetrics(original, order).tokenAccuracy),
        );
        expect(textMetrics(original, recovered).permutedAccuracy).toBe(best);
      }),
      { seed: 2, numRuns: 25 },
    );
  });

  it("refuse nothing to compare with, and other lengths", () => {
    expect(() => textMetrics([], [])).toThrow("there is no original token");
    expect(() => textMetrics([1, 2], [1])).toThrow("1 recovered positions for 2 original ones");
  });
});
