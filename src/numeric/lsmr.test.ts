import { describe, expect, it } from "vitest";
import { type LinearOperator, lsmr } from "./lsmr.ts";
import { randomStream } from "./random.ts";
import { dot } from "./rows.ts";

function dense(matrix: Float64Array, rows: number, columns: number): LinearOperator {
  return {
    rows,
    columns,
    multiply: (x) =>
      Float64Array.from({ length: rows }, (_, r) => dot(matrix.subarray(r * columns, (r + 1) * columns), x)),
    transposeMultiply: (y) => {
      const out = new Float64Array(columns);
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          out[c] = (out[c] ?? 0) + (matrix[r * columns + c] ?? 0) * (y[r] ?? 0);
      return out;
    },
  };
}

const tight = { atol: 1e-14, btol: 1e-14 };

describe("lsmr", () => {
  it("solves a consistent system", () => {
    const stream = randomStream(1);
    const operator = dense(stream.normal(30 * 12), 30, 12);
    const truth = stream.normal(12);
    const { x, stop, condition } = lsmr(operator, operator.multiply(truth), tight);
    expect(stop).toBe("consistent");
    expect(condition).toBeGreaterThan(1);
    for (const [i, value] of truth.entries()) expect(x[i]).toBeCloseTo(value, 12);
  });

  it("leaves a residual that is orthogonal to the columns", () => {
    const stream = randomStream(2);
    const operator = dense(stream.normal(30 * 8), 30, 8);
    const b = stream.normal(30);
    const { x, residualNorm, stop } = lsmr(operator, b, tight);
    const residual = operator.multiply(x);
    for (let i = 0; i < 30; i++) residual[i] = (b[i] ?? 0) - (residual[i] ?? 0);
    const along = operator.transposeMultiply(residual);
    expect(stop).toBe("least-squares");
    expect(Math.sqrt(dot(residual, residual))).toBeCloseTo(residualNorm, 10);
    expect(Math.sqrt(dot(along, along))).toBeLessThan(1e-12);
  });

  it("gives the shortest of many solutions", () => {
    const { x } = lsmr(dense(Float64Array.of(1, 1, 0, 0, 0, 2), 2, 3), Float64Array.of(2, 4), tight);
    expect(Array.from(x, (value) => Number(value.toFixed(12)))).toEqual([1, 1, 2]);
  });

  it("refuses what does not fit", () => {
    const operator = dense(Float64Array.of(1), 1, 1);
    expect(() => lsmr(operator, new Float64Array(2))).toThrow("b has 2 numbers");
    expect(() => lsmr(operator, Float64Array.of(Number.NaN))).toThrow("b holds NaN at 0");
    expect(lsmr(operator, new Float64Array(1)).x).toEqual(new Float64Array(1));
  });
});
