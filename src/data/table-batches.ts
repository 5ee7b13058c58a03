/** Rows as DuckDB streams them, gathered into typed columns. */
import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import type { ColumnValues, TableBatch, TableColumn } from "./table.ts";

/** A field of a delimited file as the file has it, to the value it means; null where it means none. */
export type FieldReader = (field: string) => string | null;

/**
 * The rows of a query, a batch at a time.
 *
 * @param sql gives the columns' values in their order
 * @param size rows in a batch
 * @param read where the query gives fields as the file has them
 */
export async function* streamBatches(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly TableColumn[],
  options: {
    readonly size: number;
    readonly read?: FieldReader | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): AsyncGenerator<TableBatch, void> {
  const { size, read, signal } = options;
  const result = await connection.stream(sql);
  let start = 0;
  let rows = 0;
  let values = columns.map((column) => emptyColumn(column, size));
  for (;;) {
    signal?.throwIfAborted();
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    for (let from = 0; from < chunk.rowCount; ) {
      const count = Math.min(chunk.rowCount - from, size - rows);
      for (const [i, column] of values.entries()) copyRows(chunk, i, { from, count, to: rows }, column, read);
      from += count;
      rows += count;
      if (rows < size) continue;
      yield { start, rows, columns: values };
      start += rows;
      rows = 0;
      values = columns.map((column) => emptyColumn(column, size));
    }
  }
  if (rows > 0) yield { start, rows, columns: values.map((column) => shortened(column, rows)) };
}

function emptyColumn({ name, type }: TableColumn, size: number): ColumnValues {
  const missing = new Uint8Array(size);
  return type === "number"
    ? { name, type, values: new Float64Array(size), missing }
    : { name, type, values: new Array<string>(size).fill(""), missing };
}

function copyRows(
  chunk: DuckDBDataChunk,
  index: number,
  { from, count, to }: { from: number; count: number; to: number },
  column: ColumnValues,
  read: FieldReader | undefined,
): void {
  const vector = chunk.getColumnVector(index);
  for (let i = 0; i < count; i++) {
    const stored = vector.getItem(from + i);
    const value = stored === null || read === undefined ? stored : read(String(stored));
    if (value === null) {
      column.missing[to + i] = 1;
      if (column.type === "number") column.values[to + i] = Number.NaN;
    } else if (column.type === "number") column.values[to + i] = numberOf(value);
    else column.values[to + i] = String(value);
  }
}

/** A number, also of a text that DuckDB takes for one: "inf" besides what JavaScript takes. */
function numberOf(value: unknown): number {
  const number = Number(value);
  if (!Number.isNaN(number) || typeof value !== "string") return number;
  return /^[+]?inf/i.test(value) ? Infinity : /^-inf/i.test(value) ? -Infinity : Number.parseFloat(value);
}

function shortened(column: ColumnValues, rows: number): ColumnValues {
  const missing = column.missing.slice(0, rows);
  return column.type === "number"
    ? { ...column, values: column.values.slice(0, rows), missing }
    : { ...column, values: column.values.slice(0, rows), missing };
}

/** The rows of all batches as one column. */
export function joinBatches(
  { name, type }: TableColumn,
  batches: readonly TableBatch[],
  index: number,
): ColumnValues {
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const out = emptyColumn({ name, type, position: 1, storedType: "", missing: 0 }, rows);
  for (const { start, columns } of batches) {
    const part = columns[index];
    if (part === undefined) continue;
    out.missing.set(part.missing, start);
    if (out.type === "number" && part.type === "number") out.values.set(part.values, start);
    else if (out.type === "text" && part.type === "text")
      for (const [i, value] of part.values.entries()) out.values[start + i] = value;
  }
  return out;
}
