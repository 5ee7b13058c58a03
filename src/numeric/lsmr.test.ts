import { describe, expect, it } from "vitest";
import { type LinearOperator, lsmr } from "./lsmr.ts";
import { randomStream } from "./random.ts";
import { dot } from "./rows.ts";

function dense(matrix: Float64Array, rows: number, columns: number): LinearOperator {
  return {
    rows,
    columns,
    multiply: (x, out) => {
      for (let r = 0; r < rows; r++) out[r] = dot(matrix.subarray(r * columns, (r + 1) * columns), x);
    },
    transposeMultiply: (y, out) => {
      out.fill(0);
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          out[c] = (out[c] ?? 0) + (matrix[r * columns + c] ?? 0) * (y[r] ?? 0);
    },
  };
}

describe("lsmr", () => {
  it("solves a consistent system", () => {
    const stream = randomStream(1);
    const operator = dense(stream.normal(30 * 12), 30, 12);
    const truth = stream.normal(12);
    const b = new Float64Array(30);
    operator.multiply(truth, b);
    const { x, status, condition } = lsmr(operator, b);
    expect(status).toBe("solved");
    expect(condition).toBeGreaterThan(1);
    for (const [i, value] of truth.entries()) expect(x[i]).toBeCloseTo(value, 12);
  });

  it("leaves a residual that is orthogonal to the columns", () => {
    const stream = randomStream(2);
    const operator = dense(stream.normal(30 * 8), 30, 8);
    const b = stream.normal(30);
    const { x, residualNorm, status } = lsmr(operator, b);
    const residual = new Float64Array(30);
    operator.multiply(x, residual);
    for (let i = 0; i < 30; i++) residual[i] = (b[i] ?? 0) - (residual[i] ?? 0);
    const along = new Float64Array(8);
    operator.transposeMultiply(residual, along);
    expect(status).toBe("least-squares");
    expect(Math.sqrt(dot(residual, residual))).toBeCloseTo(residualNorm, 10);
    expect(Math.sqrt(dot(along, along))).toBeLessThan(1e-12);
  });

  it("gives the shortest of many solutions", () => {
    const { x } = lsmr(dense(Float64Array.of(1, 1, 0, 0, 0, 2), 2, 3), Float64Array.of(2, 4));
    expect(Array.from(x, (value) => Number(value.toFixed(12)))).toEqual([1, 1, 2]);
  });

  it("refuses what does not fit", () => {
    const operator = dense(Float64Array.of(1), 1, 1);
    expect(() => lsmr(operator, new Float64Array(2))).toThrow("b has 2 numbers");
    expect(() => lsmr(operator, Float64Array.of(Number.NaN))).toThrow("b holds NaN at 0");
    expect(lsmr(operator, new Float64Array(1)).x).toEqual(new Float64Array(1));
  });
});
