import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { longestCommonSubsequence, rougeL, rougeN } from "./rouge.ts";

const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");

describe("ROUGE", () => {
  // Lin 2004, section 3: S1 against S2 and S3, "police killed the gunman".
  const reference = words("police killed the gunman");
  it.each([
    ["police kill the gunman", 3 / 4, 1 / 3, 3 / 4],
    ["the gunman kill police", 3 / 4, 1 / 3, 2 / 4],
    ["the gunman police killed", 4 / 4, 2 / 3, 2 / 4],
  ])("of the paper's example %j", (candidate, one, two, longest) => {
    expect(rougeN(reference, words(candidate), 1).f1).toBeCloseTo(one, 15);
    expect(rougeN(reference, words(candidate), 2).f1).toBeCloseTo(two, 15);
    expect(rougeL(reference, words(candidate)).f1).toBeCloseTo(longest, 15);
  });

  it("counts a token as often as both have it, and weighs recall against precision", () => {
    const { precision, recall, f1 } = rougeN(words("a a b"), words("a a a a b c"), 1);
    expect([precision, recall]).toEqual([3 / 6, 3 / 3]);
    expect(f1).toBeCloseTo(2 / 3, 15);
    // LCS "a c e" of 5 and 4 tokens.
    expect(rougeL(words("a b c d e"), words("a c x e"))).toEqual({
      precision: 3 / 4,
      recall: 3 / 5,
      f1: 2 / 3,
    });
  });

  it("is 0 for what is too short, and refuses n below 1", () => {
    expect(rougeN([1], [1], 2)).toEqual({ precision: 0, recall: 0, f1: 0 });
    expect(rougeL([], [1]).f1).toBe(0);
    expect(() => rougeN([1], [1], 0)).toThrow("rougeN: n = 0 is not a positive integer");
  });

  it("finds the longest common subsequence, as all subsequences tell", () => {
    const letters = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 7 });
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const subsequences = (list: readonly string[]): Set<string> => {
          const all = new Set([""]);
          for (const letter of list) for (const start of [...all]) all.add(start + letter);
          return all;
        };
        const common = [...subsequences(a)].filter((s) => subsequences(b).has(s));
        expect(longestCommonSubsequence(a, b)).toBe(Math.max(...common.map((s) => s.length)));
      }),
      { seed: 1, numRuns: 60 },
    );
  });
});
