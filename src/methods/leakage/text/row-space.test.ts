import { describe, expect, it } from "vitest";
import { randomStream } from "../../../numeric/random.ts";
import { distanceToSpan, outsideSpan, rowSpace } from "./row-space.ts";

describe("a row space", () => {
  const [a, b, c] = randomStream(1)
    .spawn(3)
    .map((stream) => stream.normal(6));
  if (a === undefined || b === undefined || c === undefined) throw new Error("spawn(3) gives three streams");

  it.each([
    ["more columns than rows", [a, b]],
    ["more rows than columns", [a, b, a.map((value, i) => 2 * value - (b[i] ?? 0)), a, b, a, b, a]],
    ["rows of zeros", [new Float64Array(6), a, new Float64Array(6), b]],
  ])("is spanned by the rows, and by nothing else: %s", (_, rows) => {
    const space = rowSpace(rows);
    expect(space.rank).toBe(2);
    for (const row of rows) expect(distanceToSpan(row, space)).toBeLessThan(1e-14);
    expect(distanceToSpan(c, space)).toBeGreaterThan(0.1);
    const rest = outsideSpan(c, space);
    for (const row of rows)
      expect(row.reduce((sum, value, i) => sum + value * (rest[i] ?? 0), 0)).toBeCloseTo(0, 13);
  });

  it("has no dimension where all is zero, and refuses what is no matrix", () => {
    expect(rowSpace([new Float64Array(3), new Float64Array(3)]).rank).toBe(0);
    expect(() => rowSpace([])).toThrow("the matrix is empty");
    expect(() => rowSpace([a, a.subarray(1)])).toThrow("row 1 does not have 6 finite numbers");
    expect(() => rowSpace([Float64Array.of(1, Number.NaN)])).toThrow("row 0");
  });
});
