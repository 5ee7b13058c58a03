import { describe, expect, it } from "vitest";
import { cholesky } from "./cholesky.ts";
import {
  gram,
  hilbert,
  largestDifference,
  randomMatrix,
  secondDifference,
} from "./linear-algebra.testing.ts";
import { lu } from "./lu.ts";
import { identityMatrix, matrix, matrixOfRows } from "./matrix.ts";
import { matmul, matrixTimesVector, transpose, transposeTimesVector } from "./product.ts";
import { qr } from "./qr.ts";
import { solveTriangular } from "./triangular.ts";

describe("products", () => {
  it("multiplies sizes around its blocks as the definition does", () => {
    for (const [rows, inner, columns] of [
      [1, 1, 1],
      [3, 5, 2],
      [7, 66, 9],
      [2, 131, 3],
      [4, 0, 2],
    ] as const) {
      const a = randomMatrix(rows, inner, 1);
      const b = randomMatrix(inner, columns, 2);
      const expected = matrix(rows, columns);
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          for (let k = 0; k < inner; k++)
            expected.data[r * columns + c] =
              (expected.data[r * columns + c] as number) +
              (a.data[r * inner + k] as number) * (b.data[k * columns + c] as number);
      expect(largestDifference(matmul(a, b), expected)).toBeLessThan(1e-12);
    }
  });

  it("multiplies vectors as matrices of one column", () => {
    const a = randomMatrix(5, 7, 3);
    const v = randomMatrix(7, 1, 4);
    const w = randomMatrix(5, 1, 5);
    expect(largestDifference(matrix(5, 1, matrixTimesVector(a, v.data)), matmul(a, v))).toBeLessThan(1e-14);
    expect(
      largestDifference(matrix(7, 1, transposeTimesVector(a, w.data)), matmul(transpose(a), w)),
    ).toBeLessThan(1e-14);
  });

  it("says what does not fit", () => {
    expect(() => matmul(matrix(2, 3), matrix(2, 3))).toThrow(
      "matmul: 2 x 3 and 2 x 3 do not fit: 3 is not 2",
    );
    expect(() => matmul(matrixOfRows([[1, Number.NaN]]), matrix(2, 1))).toThrow("element [0, 1] is NaN");
    expect(() => matrixTimesVector(matrix(2, 3), new Float64Array(2))).toThrow(
      "2 elements, the matrix needs 3",
    );
    expect(() => matrixOfRows([[1, 2], [3]])).toThrow("row 1 has 1 elements, row 0 has 2");
    expect(() => matrix(2, 2, new Float64Array(3))).toThrow("3 elements do not fill 2 x 2");
  });
});

describe("solveTriangular", () => {
  const lower = matrixOfRows([
    [2, 9, 9],
    [-1, 3, 9],
    [4, 5, -2],
  ]);
  const x = Float64Array.of(1, -2, 3);

  it("substitutes in both triangles, plain and transposed, and does not read the other one", () => {
    expect(Array.from(solveTriangular(lower, Float64Array.of(2, -7, -12), { triangle: "lower" }))).toEqual([
      1, -2, 3,
    ]);
    expect(
      Array.from(
        solveTriangular(lower, Float64Array.of(16, 9, -6), { triangle: "lower", side: "transposed" }),
      ),
    ).toEqual([1, -2, 3]);
    const upper = transpose(lower);
    expect(Array.from(solveTriangular(upper, Float64Array.of(16, 9, -6), { triangle: "upper" }))).toEqual([
      1, -2, 3,
    ]);
    expect(
      Array.from(
        solveTriangular(upper, Float64Array.of(2, -7, -12), { triangle: "upper", side: "transposed" }),
      ),
    ).toEqual([1, -2, 3]);
    expect(
      Array.from(solveTriangular(lower, Float64Array.of(1, -3, -3), { triangle: "lower", diagonal: "ones" })),
    ).toEqual(Array.from(x, (value, i) => (i === 2 ? 3 : value)));
  });

  it("names the diagonal element that is 0", () => {
    expect(() =>
      solveTriangular(
        matrixOfRows([
          [1, 0],
          [1, 0],
        ]),
        new Float64Array(2),
        { triangle: "lower" },
      ),
    ).toThrow("its diagonal element 1 is 0");
  });
});

describe("cholesky", () => {
  it("gives back the matrix, and solves with it", () => {
    for (const n of [1, 2, 5, 40]) {
      const a = gram(randomMatrix(n + 3, n, n));
      const { lower, solve } = cholesky(a);
      expect(largestDifference(matmul(lower, transpose(lower)), a)).toBeLessThan(1e-12);
      const x = randomMatrix(n, 1, 7).data;
      expect(largestDifference(matrix(n, 1, solve(matrixTimesVector(a, x))), matrix(n, 1, x))).toBeLessThan(
        1e-8,
      );
    }
  });

  it("has the determinant of the second difference, n + 1", () => {
    expect(cholesky(secondDifference(50)).logDeterminant).toBeCloseTo(Math.log(51), 12);
  });

  it("solves for several right sides", () => {
    const a = secondDifference(6);
    expect(
      largestDifference(matmul(a, cholesky(a).solveMatrix(identityMatrix(6))), identityMatrix(6)),
    ).toBeLessThan(1e-14);
  });

  it("says why it cannot", () => {
    expect(() => cholesky(matrix(2, 3))).toThrow("a square matrix is needed, this one is 2 x 3");
    expect(() =>
      cholesky(
        matrixOfRows([
          [1, 2],
          [2, 1],
        ]),
      ),
    ).toThrow("not positive definite: pivot 1 is -3");
    expect(() =>
      cholesky(
        matrixOfRows([
          [Infinity, 2],
          [2, 1],
        ]),
      ),
    ).toThrow("element [0, 0] is Infinity");
  });
});

describe("lu", () => {
  it("gives back the matrix in the order of its rows", () => {
    const n = 30;
    const a = randomMatrix(n, n, 8);
    const { factors, rowOrder } = lu(a);
    const lower = identityMatrix(n);
    const upper = matrix(n, n);
    for (let r = 0; r < n; r++)
      for (let c = 0; c < n; c++) (c < r ? lower : upper).data[r * n + c] = factors.data[r * n + c] as number;
    const permuted = matrix(n, n);
    rowOrder.forEach((row, r) => {
      permuted.data.set(a.data.subarray(row * n, (row + 1) * n), r * n);
    });
    expect(largestDifference(matmul(lower, upper), permuted)).toBeLessThan(1e-13);
  });

  it("inverts the Hilbert matrix of 5, whose inverse has integers and determinant 1 / 266716800000", () => {
    const { inverse, determinant, logDeterminant } = lu(hilbert(5));
    expect(inverse().data[0]).toBeCloseTo(25, 8);
    expect(inverse().data[24]).toBeCloseTo(44100, 6);
    expect(determinant * 266716800000).toBeCloseTo(1, 10);
    expect(logDeterminant).toBeCloseTo(-Math.log(266716800000), 10);
  });

  it("has the determinant of a permutation", () => {
    expect(
      lu(
        matrixOfRows([
          [0, 1, 0],
          [0, 0, 1],
          [1, 0, 0],
        ]),
      ).determinant,
    ).toBe(1);
    expect(
      lu(
        matrixOfRows([
          [0, 1],
          [1, 0],
        ]),
      ).determinant,
    ).toBe(-1);
  });

  it("solves with a matrix that needs pivots", () => {
    expect(
      Array.from(
        lu(
          matrixOfRows([
            [0, 2],
            [3, 1],
          ]),
        ).solve(Float64Array.of(4, 5)),
      ),
    ).toEqual([1, 2]);
  });

  it("names the dependent column of a singular matrix, whose determinant is 0", () => {
    const singular = lu(
      matrixOfRows([
        [1, 2, 3],
        [2, 4, 7],
        [1, 2, 5],
      ]),
    );
    expect(singular.determinant).toBe(0);
    expect(singular.logDeterminant).toBe(-Infinity);
    expect(() => singular.solve(new Float64Array(3))).toThrow("column 1 depends on those before it");
    expect(() => singular.inverse()).toThrow("singular");
  });
});

describe("qr", () => {
  it("gives back tall, square and wide matrices with orthonormal columns and a falling diagonal", () => {
    for (const [rows, columns] of [
      [1, 1],
      [9, 4],
      [6, 6],
      [3, 8],
      [40, 25],
    ] as const) {
      const a = randomMatrix(rows, columns, rows);
      const { q, r, columnOrder, rank } = qr(a);
      const k = Math.min(rows, columns);
      expect(rank).toBe(k);
      expect(largestDifference(gram(q), identityMatrix(k))).toBeLessThan(1e-14);
      const permuted = matrix(rows, columns);
      columnOrder.forEach((column, c) => {
        for (let i = 0; i < rows; i++)
          permuted.data[i * columns + c] = a.data[i * columns + column] as number;
      });
      expect(largestDifference(matmul(q, r), permuted)).toBeLessThan(1e-13);
      for (let i = 1; i < k; i++) {
        expect(Math.abs(r.data[i * columns + i] as number)).toBeLessThanOrEqual(
          Math.abs(r.data[(i - 1) * columns + i - 1] as number) * (1 + 1e-12),
        );
        for (let c = 0; c < i; c++) expect(r.data[i * columns + c]).toBe(0);
      }
    }
  });

  it("leaves a residual orthogonal to the columns", () => {
    const a = randomMatrix(30, 8, 9);
    const b = randomMatrix(30, 1, 10).data;
    const fitted = matrixTimesVector(a, qr(a).leastSquares(b));
    const share = transposeTimesVector(
      a,
      b.map((value, i) => value - (fitted[i] as number)),
    );
    expect(Math.max(...share.map(Math.abs))).toBeLessThan(1e-13);
  });

  it("fits the line through four points", () => {
    const a = matrixOfRows([
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    const x = qr(a).leastSquares(Float64Array.of(1, 2, 2, 4));
    expect(x[0]).toBeCloseTo(0.9, 13);
    expect(x[1]).toBeCloseTo(0.9, 13);
    expect(Array.from(qr(a).leastSquaresMatrix(matrix(4, 1, Float64Array.of(1, 2, 2, 4))).data)).toEqual(
      Array.from(x),
    );
  });

  it("finds the rank, and that least squares has no unique answer", () => {
    const low = matmul(randomMatrix(12, 3, 11), randomMatrix(3, 7, 12));
    const decomposed = qr(low);
    expect(decomposed.rank).toBe(3);
    expect(() => decomposed.leastSquares(new Float64Array(12))).toThrow("not unique: rank 3 of 7 columns");
    expect(() => qr(randomMatrix(2, 3, 1)).leastSquares(new Float64Array(2))).toThrow("rank 2 of 3 columns");
    expect(qr(matrix(4, 2)).rank).toBe(0);
  });
});
