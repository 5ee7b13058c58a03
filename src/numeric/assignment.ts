/**
 * The cheapest one-to-one assignment of rows to columns: the Hungarian algorithm with shortest augmenting paths, in time
 * rows² x columns.
 *
 * Source: R. Jonker, A. Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment
 * Problems", Computing 38, 1987.
 *
 * @param costs row-major, [rows, columns]
 * @returns for each row its column
 * @throws RangeError when there are more rows than columns, the costs are not as many, or one is not finite
 */
export function assign(costs: Float64Array, rows: number, columns: number): Int32Array {
  if (rows > columns) throw new RangeError(`assign: ${rows} rows for ${columns} columns`);
  if (costs.length !== rows * columns)
    throw new RangeError(`assign: ${costs.length} costs are not ${rows} x ${columns}`);
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
  return columnOf;
}
