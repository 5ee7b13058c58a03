import type { NDArray } from "../engine/ndarray.ts";

/** A cheapest one-to-one assignment of rows to columns. */
export interface Assignment {
  /** The column of each row. */
  readonly columnOfRow: Int32Array;
  /** The sum of the chosen costs. */
  readonly cost: number;
}

/**
 * The cheapest one-to-one assignment of rows to columns: the Hungarian algorithm with shortest augmenting paths, in time
 * rows² x columns.
 *
 * Source: R. Jonker, A. Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment
 * Problems", Computing 38, 1987.
 *
 * @param matrix finite costs, [rows, columns]
 * @throws RangeError when there are more rows than columns or a cost is not finite
 */
export function assign({ data: costs, shape }: NDArray<"float64">): Assignment {
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2 || rows > columns)
    throw new RangeError(`assign: ${rows} rows for ${columns} columns`);
  const bad = costs.findIndex((cost) => !Number.isFinite(cost));
  if (bad >= 0) throw new RangeError(`assign: cost ${bad} is ${costs[bad]}`);
  // Places count from 1; column 0 stands for the row that is being assigned.
  const rowPrice = new Float64Array(rows + 1);
  const columnPrice = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const before = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    rowOf[0] = row;
    let column = 0;
    const cheapest = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const done = new Uint8Array(columns + 1);
    do {
      done[column] = 1;
      const from = rowOf[column] ?? 0;
      let step = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= columns; j++) {
        if (done[j]) continue;
        const reduced =
          (costs[(from - 1) * columns + j - 1] ?? 0) - (rowPrice[from] ?? 0) - (columnPrice[j] ?? 0);
        if (reduced < (cheapest[j] ?? 0)) {
          cheapest[j] = reduced;
          before[j] = column;
        }
        if ((cheapest[j] ?? 0) < step) {
          step = cheapest[j] ?? 0;
          next = j;
        }
      }
      for (let j = 0; j <= columns; j++)
        if (done[j]) {
          const at = rowOf[j] ?? 0;
          rowPrice[at] = (rowPrice[at] ?? 0) + step;
          columnPrice[j] = (columnPrice[j] ?? 0) - step;
        } else cheapest[j] = (cheapest[j] ?? 0) - step;
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = before[column] ?? 0;
      rowOf[column] = rowOf[previous] ?? 0;
      column = previous;
    }
  }
  const columnOf = new Int32Array(rows);
  for (let j = 1; j <= columns; j++) if (rowOf[j] !== 0) columnOf[(rowOf[j] ?? 0) - 1] = j - 1;
  let cost = 0;
  for (let i = 0; i < rows; i++) cost += costs[i * columns + (columnOf[i] ?? 0)] ?? 0;
  return { columnOfRow: columnOf, cost };
}
