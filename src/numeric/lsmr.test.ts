import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { randomMatrix } from "./linear-algebra/linear-algebra.testing.ts";
import { type Matrix, matrix } from "./linear-algebra/matrix.ts";
import { matrixTimesVector, transposeTimesVector } from "./linear-algebra/product.ts";
import { qr } from "./linear-algebra/qr.ts";
import { type LinearOperator, type LsmrStop, lsmr, lsmrAsync } from "./lsmr.ts";

interface Reference {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly A: number[];
  readonly b: number[];
  readonly options: {
    damp?: number;
    atol?: number;
    btol?: number;
    conlim?: number;
    maxiter?: number;
    x0?: number[];
  };
  readonly x: number[];
  readonly stop: number;
  readonly iterations: number;
  readonly residualNorm: number;
  readonly normalResidualNorm: number;
  readonly matrixNorm: number;
  readonly condition: number;
  readonly solutionNorm: number;
}

const path = new URL("../../test/vectors/numeric/lsmr.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Reference[] };
const stops: LsmrStop[] = [
  "start",
  "consistent",
  "least-squares",
  "condition",
  "rounding",
  "rounding",
  "rounding",
  "iterations",
];

function operatorOf(a: Matrix): LinearOperator {
  const [rows, columns] = a.shape as [number, number];
  return {
    rows,
    columns,
    multiply: (x) => matrixTimesVector(a, x),
    transposeMultiply: (y) => transposeTimesVector(a, y),
  };
}

function differenceOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] as number))), 0);
}

describe("lsmr", () => {
  it.each(cases)("stops as SciPy's, at the same iteration with the same estimates: $name", (reference) => {
    const { damp, conlim, maxiter, x0, ...tolerances } = reference.options;
    const operator = operatorOf(matrix(reference.rows, reference.columns, Float64Array.from(reference.A)));
    const result = lsmr(operator, Float64Array.from(reference.b), {
      ...tolerances,
      ...(damp === undefined ? {} : { damping: damp }),
      ...(conlim === undefined ? {} : { conditionLimit: conlim }),
      ...(maxiter === undefined ? {} : { maximumIterations: maxiter }),
      ...(x0 === undefined ? {} : { start: Float64Array.from(x0) }),
    });
    expect(result.stop).toBe(stops[reference.stop]);
    expect(result.iteration).toBe(reference.iterations);
    expect(differenceOf(result.x, reference.x)).toBeLessThan(1e-9);
    for (const key of ["residualNorm", "solutionNorm"] as const)
      expect(Math.abs(result[key] - reference[key])).toBeLessThan(1e-9 * reference[key] + 1e-9);
    // These two add up the whole recurrence, rounding errors of its end included.
    expect(Math.abs(result.matrixNorm / reference.matrixNorm - 1)).toBeLessThan(1e-2);
    expect(Math.abs(result.condition / reference.condition - 1)).toBeLessThan(1e-2);
    expect(Math.abs(result.normalResidualNorm - reference.normalResidualNorm)).toBeLessThan(1e-9);
  });

  it("agrees with dense least squares, its estimates with the norms they estimate", () => {
    const a = randomMatrix(50, 20, 1);
    const b = randomMatrix(50, 1, 2).data;
    const result = lsmr(operatorOf(a), b, { atol: 1e-14, btol: 1e-14 });
    expect(differenceOf(result.x, qr(a).leastSquares(b))).toBeLessThan(1e-12);
    const residual = matrixTimesVector(a, result.x).map((value, i) => (b[i] as number) - value);
    expect(result.residualNorm).toBeCloseTo(Math.hypot(...residual), 10);
  });

  it("gives the shortest of many solutions", () => {
    // x + y = 2 in three unknowns, one of them free.
    const result = lsmr(operatorOf(matrix(1, 3, Float64Array.of(1, 1, 0))), Float64Array.of(2));
    expect(differenceOf(result.x, [1, 1, 0])).toBeLessThan(1e-12);
  });

  it("takes operators that answer by promises, with the same bits", async () => {
    const a = randomMatrix(30, 12, 3);
    const b = randomMatrix(30, 1, 4).data;
    const { multiply, transposeMultiply, ...size } = operatorOf(a);
    const later = {
      ...size,
      multiply: async (x: Float64Array) => multiply(x),
      transposeMultiply: (y: Float64Array) => transposeMultiply(y),
    };
    expect(await lsmrAsync(later, b)).toEqual(lsmr(operatorOf(a), b));
    const broken = { ...later, multiply: () => Promise.reject(new Error("the worker is gone")) };
    await expect(lsmrAsync(broken, b)).rejects.toThrow("the worker is gone");
  });

  it("has nothing to do where b is zero or orthogonal to all columns", () => {
    const operator = operatorOf(matrix(2, 1, Float64Array.of(1, 0)));
    for (const b of [Float64Array.of(0, 0), Float64Array.of(0, 3)]) {
      const { x, stop, iteration } = lsmr(operator, b);
      expect({ x: Array.from(x), stop, iteration }).toEqual({ x: [0], stop: "start", iteration: 0 });
    }
  });

  it("reports its progress, and stops when told to", () => {
    const operator = operatorOf(randomMatrix(30, 12, 5));
    const b = randomMatrix(30, 1, 6).data;
    const seen: number[] = [];
    const { iteration } = lsmr(operator, b, {
      onIteration: (progress) => void seen.push(progress.iteration),
    });
    expect(seen).toEqual(Array.from({ length: iteration }, (_, i) => i + 1));
    expect(() =>
      lsmr(operator, b, {
        onIteration() {
          throw new Error("stopped");
        },
      }),
    ).toThrow("stopped");
  });

  it("says what is wrong", () => {
    const operator = operatorOf(randomMatrix(4, 2, 7));
    expect(() => lsmr(operator, new Float64Array(3))).toThrow("b has 3 elements, the operator 4 rows");
    expect(() => lsmr(operator, Float64Array.of(1, 2, Number.NaN, 4))).toThrow("element 2 of b is NaN");
    expect(() => lsmr(operator, new Float64Array(4), { damping: -1 })).toThrow(
      "damping -1 is not a number from 0 up",
    );
    const infinite = { ...operator, multiply: () => new Float64Array(4).fill(Infinity) };
    expect(() => lsmr(infinite, Float64Array.of(1, 2, 3, 4))).toThrow(
      "of the product A x is Infinity in iteration 1",
    );
    const short = { ...operator, transposeMultiply: () => new Float64Array(1) };
    expect(() => lsmr(short, Float64Array.of(1, 2, 3, 4))).toThrow("the product A'y has 1 elements, not 2");
  });
});
