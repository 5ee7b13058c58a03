import { describe, expect, it } from "vitest";
import {
  diagonalMatrix,
  gram,
  hilbert,
  largestDifference,
  randomMatrix,
  secondDifference,
} from "./linear-algebra.testing.ts";
import { identityMatrix, type Matrix, matrix, matrixOfRows } from "./matrix.ts";
import { matmul, transpose } from "./product.ts";
import { singularValues, svd } from "./svd.ts";
import { symmetricEigen, symmetricEigenvalues, watchedEigenvalues } from "./symmetric-eigen.ts";

function checkEigen(a: Matrix, tolerance: number): Float64Array {
  const { values, vectors } = symmetricEigen(a);
  const n = values.length;
  expect(largestDifference(gram(vectors), identityMatrix(n))).toBeLessThan(1e-13);
  expect(largestDifference(matmul(a, vectors), matmul(vectors, diagonalMatrix(values)))).toBeLessThan(
    tolerance,
  );
  for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1] as number);
  const alone = symmetricEigenvalues(a);
  for (let i = 0; i < n; i++)
    expect(Math.abs((alone[i] as number) - (values[i] as number))).toBeLessThan(tolerance);
  return values;
}

describe("watchedEigenvalues", () => {
  it("has the bits of symmetricEigenvalues", async () => {
    const a = secondDifference(80);
    expect(await watchedEigenvalues(a)).toEqual(symmetricEigenvalues(a));
  });

  it("ends when it is aborted", async () => {
    const controller = new AbortController();
    const half = randomMatrix(700, 700, 3);
    const work = watchedEigenvalues(gram(half), { signal: controller.signal });
    controller.abort(new Error("stop"));
    await expect(work).rejects.toThrow("stop");
  });
});

describe("symmetricEigen", () => {
  it("decomposes random matrices of all small sizes, and 60", () => {
    for (const n of [1, 2, 3, 4, 5, 8, 13, 60]) {
      const half = randomMatrix(n, n, n);
      const a = matrix(
        n,
        n,
        half.data.map((value, at) => value + (half.data[(at % n) * n + Math.floor(at / n)] as number)),
      );
      checkEigen(a, 1e-12);
    }
  });

  it("has the eigenvalues of the second difference in closed form", () => {
    const n = 100;
    const values = checkEigen(secondDifference(n), 1e-13);
    values.forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)), 13);
    });
  });

  it("handles diagonal, zero, repeated and split spectra", () => {
    expect(Array.from(checkEigen(diagonalMatrix([3, -1, 3, 0]), 1e-15))).toEqual([-1, 0, 3, 3]);
    expect(Array.from(checkEigen(matrix(3, 3), 1e-15))).toEqual([0, 0, 0]);
    const ones = matrix(20, 20, new Float64Array(400).fill(1));
    const values = checkEigen(ones, 1e-13);
    expect(values[19]).toBeCloseTo(20, 12);
    expect(Math.abs(values[18] as number)).toBeLessThan(1e-13);
    checkEigen(
      matrixOfRows([
        [0, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, -2],
        [0, 0, -2, 0],
      ]),
      1e-14,
    );
  });

  it("keeps to scale: 1e150 and 1e-150 times the matrix", () => {
    for (const scale of [1e150, 1e-150]) {
      const values = symmetricEigenvalues(
        matrix(
          4,
          4,
          secondDifference(4).data.map((value) => value * scale),
        ),
      );
      values.forEach((value, k) => {
        expect(value / scale).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / 5), 13);
      });
    }
  });

  it("says why it cannot", () => {
    expect(() =>
      symmetricEigen(
        matrixOfRows([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toThrow("not symmetric: [1, 0] is 3, [0, 1] is 2");
    expect(() => symmetricEigen(matrix(1, 2))).toThrow("a square matrix is needed");
  });
});

function checkSvd(a: Matrix, tolerance: number): Float64Array {
  const { u, values, v } = svd(a);
  const k = values.length;
  expect([u.shape[0], v.shape[0]]).toEqual(a.shape);
  expect(largestDifference(gram(u), identityMatrix(k))).toBeLessThan(1e-13);
  expect(largestDifference(gram(v), identityMatrix(k))).toBeLessThan(1e-13);
  expect(largestDifference(matmul(matmul(u, diagonalMatrix(values)), transpose(v)), a)).toBeLessThan(
    tolerance,
  );
  for (let i = 0; i < k; i++) {
    expect(values[i]).toBeGreaterThanOrEqual(0);
    if (i > 0) expect(values[i]).toBeLessThanOrEqual(values[i - 1] as number);
  }
  const alone = singularValues(a);
  for (let i = 0; i < k; i++)
    expect(Math.abs((alone[i] as number) - (values[i] as number))).toBeLessThan(tolerance);
  return values;
}

describe("svd", () => {
  it("decomposes tall, square and wide random matrices", () => {
    for (const [rows, columns] of [
      [1, 1],
      [4, 1],
      [1, 4],
      [5, 3],
      [3, 5],
      [6, 6],
      [50, 30],
      [30, 50],
    ] as const)
      checkSvd(randomMatrix(rows, columns, rows * 100 + columns), 1e-13);
  });

  it("has the singular values of the triangle of ones in closed form", () => {
    const n = 60;
    const ones = matrix(
      n,
      n,
      Float64Array.from({ length: n * n }, (_, at) => (at % n >= Math.floor(at / n) ? 1 : 0)),
    );
    checkSvd(ones, 1e-12).forEach((value, k) => {
      expect(value).toBeCloseTo(1 / (2 * Math.sin(((2 * k + 1) * Math.PI) / (4 * n + 2))), 12);
    });
  });

  it("shows the rank, with zeros on the diagonal or hidden", () => {
    const low = checkSvd(matmul(randomMatrix(20, 3, 1), randomMatrix(3, 9, 2)), 1e-13);
    expect(low[2]).toBeGreaterThan(0.1);
    expect(low[3]).toBeLessThan(1e-14);
    expect(Array.from(checkSvd(matrix(5, 3), 1e-15))).toEqual([0, 0, 0]);
    expect(Array.from(checkSvd(diagonalMatrix([0, -2, 0, 1]), 1e-15))).toEqual([2, 1, 0, 0]);
    // Bidiagonal with zeros on the diagonal in the middle and at the end.
    checkSvd(
      matrixOfRows([
        [1, 2, 0, 0],
        [0, 0, 3, 0],
        [0, 0, 4, 5],
        [0, 0, 0, 0],
      ]),
      1e-14,
    );
  });

  it("keeps to scale, and to the norm's accuracy where the condition is 1e13", () => {
    expect(
      singularValues(
        matrixOfRows([
          [3e200, 0],
          [4e200, 0],
        ]),
      )[0],
    ).toBeCloseTo(5e200, -187);
    checkSvd(hilbert(10), 1e-15);
    // The sum of squares is the Frobenius norm's.
    const values = checkSvd(hilbert(10), 1e-15);
    const squares = hilbert(10).data.reduce((sum, value) => sum + value * value, 0);
    expect(values.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(squares, 13);
  });

  it("refuses what is not finite", () => {
    expect(() => svd(matrixOfRows([[1], [Infinity]]))).toThrow("svd: element [1, 0] is Infinity");
  });
});
