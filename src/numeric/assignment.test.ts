import { describe, expect, it } from "vitest";
import { assign } from "./assignment.ts";
import { type Matrix, matrix, matrixOfRows } from "./linear-algebra/matrix.ts";
import { randomStream } from "./random.ts";

/** The smallest sum by trying all. */
function smallestByEnumeration({ data, shape }: Matrix): number {
  const [rows, columns] = shape as [number, number];
  const visit = (row: number, taken: ReadonlySet<number>, idle: number): number => {
    if (row === rows) return 0;
    let best = idle > 0 ? visit(row + 1, taken, idle - 1) : Infinity;
    for (let c = 0; c < columns; c++)
      if (!taken.has(c))
        best = Math.min(
          best,
          (data[row * columns + c] as number) + visit(row + 1, new Set([...taken, c]), idle),
        );
    return best;
  };
  return visit(0, new Set(), Math.max(0, rows - columns));
}

function checkPairs(costs: Matrix): number {
  const [rows, columns] = costs.shape as [number, number];
  const { columnOfRow, cost } = assign(costs);
  const used = Array.from(columnOfRow).filter((column) => column >= 0);
  expect(columnOfRow.length).toBe(rows);
  expect(used.length).toBe(Math.min(rows, columns));
  expect(new Set(used).size).toBe(used.length);
  let sum = 0;
  columnOfRow.forEach((column, row) => {
    if (column >= 0) sum += costs.data[row * columns + column] as number;
  });
  expect(cost).toBeCloseTo(sum, 12);
  return cost;
}

describe("assign", () => {
  it("is the best of all assignments, square, wide and tall, with ties and negative costs", () => {
    const stream = randomStream(5);
    for (let repeat = 0; repeat < 60; repeat++) {
      const [rows, columns] = stream.integers(2, 1, 6) as unknown as [number, number];
      const size = rows * columns;
      const data = repeat % 2 === 0 ? stream.normal(size) : Float64Array.from(stream.integers(size, -3, 4));
      const costs = matrix(rows, columns, data);
      expect(checkPairs(costs)).toBeCloseTo(smallestByEnumeration(costs), 12);
    }
  });

  it("finds a hidden permutation among 150", () => {
    const n = 150;
    const stream = randomStream(6);
    const hidden = stream.permutation(n);
    const costs = matrix(n, n, stream.uniform(n * n, 1, 2));
    hidden.forEach((column, row) => {
      costs.data[row * n + column] = 0.5;
    });
    expect(Array.from(assign(costs).columnOfRow)).toEqual(Array.from(hidden));
  });

  it("leaves rows without a column when there are too few, and handles none", () => {
    expect(Array.from(assign(matrixOfRows([[5], [1], [2]])).columnOfRow)).toEqual([-1, 0, -1]);
    expect(assign(matrix(0, 3)).cost).toBe(0);
    expect(Array.from(assign(matrix(2, 0)).columnOfRow)).toEqual([-1, -1]);
    expect(() => assign(matrixOfRows([[1, Infinity]]))).toThrow("assign: element [0, 1] is Infinity");
  });
});
