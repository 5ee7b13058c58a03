import { describe, expect, it } from "vitest";
import { ndarray } from "../engine/ndarray.ts";
import { assign } from "./assignment.ts";
import { randomStream } from "./random.ts";

/** The smallest cost over all assignments, tried one by one. */
function smallest(costs: Float64Array, rows: number, columns: number, row = 0, used = 0): number {
  if (row === rows) return 0;
  let best = Number.POSITIVE_INFINITY;
  for (let j = 0; j < columns; j++)
    if (!(used & (1 << j)))
      best = Math.min(
        best,
        (costs[row * columns + j] ?? 0) + smallest(costs, rows, columns, row + 1, used | (1 << j)),
      );
  return best;
}

describe("assign", () => {
  it.each([
    [1, 1],
    [2, 5],
    [5, 5],
    [6, 7],
  ])("is as cheap as the best of all assignments of %i rows to %i columns", (rows, columns) => {
    const stream = randomStream(rows * 10 + columns);
    for (let trial = 0; trial < 20; trial++) {
      const costs = stream.normal(rows * columns);
      const { columnOfRow, cost } = assign(ndarray(costs, [rows, columns], "float64"));
      expect(new Set(columnOfRow).size).toBe(rows);
      expect(
        columnOfRow.reduce((sum, column, row) => sum + (costs[row * columns + column] ?? 0), 0),
      ).toBeCloseTo(cost, 12);
      expect(cost).toBeCloseTo(smallest(costs, rows, columns), 10);
    }
  });

  it("refuses what cannot be assigned", () => {
    expect(() => assign(ndarray(new Float64Array(2), [2, 1], "float64"))).toThrow("2 rows for 1 columns");
    expect(() => assign(ndarray(Float64Array.of(1, Number.NaN), [1, 2], "float64"))).toThrow("cost 1 is NaN");
  });
});
