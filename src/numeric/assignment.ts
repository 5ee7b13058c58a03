import { finiteSize, type Matrix } from "./linear-algebra/matrix.ts";

/** A cheapest one-to-one assignment of rows to columns. */
export interface Assignment {
  /** The column of each row, or -1 for a row that stays without (more rows than columns). */
  readonly columnOfRow: Int32Array;
  /** The sum of the chosen costs. */
  readonly cost: number;
}

/**
 * The linear assignment problem: as many different pairs (row, column) as the smaller side has, with the smallest sum of
 * costs. O(rows^2 columns) for rows <= columns; ties go to the lower columns.
 *
 * Shortest augmenting paths with dual prices (Jonker and Volgenant, Computing 38 (1987) 325, in the form of Crouse,
 * IEEE Transactions on Aerospace and Electronic Systems 52 (2016) 1679).
 *
 * @param costs finite, of any sign; negate them for the largest sum
 * @throws RangeError when the costs are not a matrix of finite numbers
 * @example assign(matrixOfRows([[4, 1], [2, 3]])) // columnOfRow [1, 0], cost 3
 */
export function assign(costs: Matrix): Assignment {
  const { rows, columns } = finiteSize(costs, "assign");
  const isTall = rows > columns;
  const n = isTall ? columns : rows;
  const m = isTall ? rows : columns;
  const cost = (i: number, j: number): number =>
    costs.data[isTall ? j * columns + i : i * columns + j] as number;

  const columnPrices = new Float64Array(m);
  const rowPrices = new Float64Array(n);
  const columnOf = new Int32Array(n).fill(-1);
  const rowOf = new Int32Array(m).fill(-1);
  const distance = new Float64Array(m);
  const previousRow = new Int32Array(m);
  const isDone = new Uint8Array(m);
  for (let start = 0; start < n; start++) {
    // Dijkstra over reduced costs, from the row without a column to the nearest column without a row.
    distance.fill(Infinity);
    isDone.fill(0);
    let row = start;
    let reached = 0;
    let sink = -1;
    while (sink < 0) {
      let nearest = -1;
      for (let j = 0; j < m; j++) {
        if (isDone[j] === 1) continue;
        const through = reached + cost(row, j) - (rowPrices[row] as number) - (columnPrices[j] as number);
        if (through < (distance[j] as number)) {
          distance[j] = through;
          previousRow[j] = row;
        }
        // Of equally near columns a free one ends the search.
        const isNearer = nearest < 0 || (distance[j] as number) < (distance[nearest] as number);
        const isFreeTie =
          nearest >= 0 && distance[j] === distance[nearest] && rowOf[j] === -1 && rowOf[nearest] !== -1;
        if (isNearer || isFreeTie) nearest = j;
      }
      reached = distance[nearest] as number;
      isDone[nearest] = 1;
      const owner = rowOf[nearest] as number;
      if (owner < 0) sink = nearest;
      else row = owner;
    }
    for (let j = 0; j < m; j++) {
      if (isDone[j] !== 1) continue;
      const saved = reached - (distance[j] as number);
      columnPrices[j] = (columnPrices[j] as number) - saved;
      const owner = rowOf[j] as number;
      if (owner >= 0) rowPrices[owner] = (rowPrices[owner] as number) + saved;
    }
    rowPrices[start] = (rowPrices[start] as number) + reached;
    for (let j = sink; ; ) {
      const i = previousRow[j] as number;
      const next = columnOf[i] as number;
      columnOf[i] = j;
      rowOf[j] = i;
      if (i === start) break;
      j = next;
    }
  }

  const columnOfRow = isTall ? rowOf : columnOf;
  let total = 0;
  columnOfRow.forEach((column, row) => {
    if (column >= 0) total += costs.data[row * columns + column] as number;
  });
  return { columnOfRow, cost: total };
}
