import { describe, expect, it } from "vitest";
import { randomStream } from "./random.ts";
import { addRows, dot, maximumAbsolute, rowProducts, rowProductsOfTwo } from "./rows.ts";

const naiveDot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe("products with rows", () => {
  for (const [rows, n] of [
    [0, 3],
    [1, 1],
    [3, 5],
    [4, 4],
    [11, 18],
  ] as const)
    it(`agree with plain sums for ${rows} x ${n}`, () => {
      const stream = randomStream([rows, n]);
      const matrix = stream.normal((rows + 2) * n);
      const [v, w, weights] = [stream.normal(n), stream.normal(n), stream.normal(rows)];
      const row = (r: number) => matrix.subarray(r * n, (r + 1) * n);
      const [one, first, second] = [0, 0, 0].map(() => new Float64Array(rows));
      if (!one || !first || !second) throw new Error("unreachable");
      rowProducts(matrix, rows, v, one);
      rowProductsOfTwo(matrix, rows, v, w, first, second);
      for (let r = 0; r < rows; r++) {
        expect(one[r]).toBeCloseTo(naiveDot(row(r), v), 12);
        expect(first[r]).toBeCloseTo(naiveDot(row(r), v), 12);
        expect(second[r]).toBeCloseTo(naiveDot(row(r), w), 12);
      }
      const sum = v.slice();
      addRows(matrix, rows, weights, sum);
      for (let i = 0; i < n; i++) {
        const column = Array.from({ length: rows }, (_, r) => matrix[r * n + i] ?? 0);
        expect(sum[i]).toBeCloseTo((v[i] ?? 0) + naiveDot(column, weights), 12);
      }
      expect(dot(v, w)).toBeCloseTo(naiveDot(v, w), 12);
    });

  it("finds the largest absolute value, and a NaN", () => {
    expect(maximumAbsolute(Float64Array.of(1, -3, 2))).toBe(3);
    expect(maximumAbsolute(new Float64Array(0))).toBe(0);
    expect(maximumAbsolute(Float64Array.of(1, Number.NaN, 2))).toBeNaN();
    expect(maximumAbsolute(Float64Array.of(-Infinity, 1))).toBe(Infinity);
  });
});
