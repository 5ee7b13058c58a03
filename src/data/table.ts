/**
 * Tables of a user's: CSV, TSV, JSON and JSON lines (.gz too) and Parquet, one file or many, as typed columns, whole
 * or in batches. Rows keep the order of the files. A column is of numbers when every value it has is a number, else
 * of text; this is decided on all rows, not on a sample.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { InputError } from "./input-error.ts";
import { fetchedTable, knownTable, type TableFileOptions } from "./known-table.ts";
import { joinBatches, streamBatches } from "./table-batches.ts";
import { type ColumnReference, columnOf } from "./table-column.ts";
import { filesOfPattern, openTableDatabase, type TableDatabase, tableError } from "./table-database.ts";
import { inspectTableFile, isPattern, type TableFile, type TableFormat } from "./table-source.ts";
import { MISSING_MARKS, QUERY_COLUMNS, type SqlColumn, sqlColumns, tableSource } from "./table-sql.ts";

export type ColumnType = "number" | "text";

export interface TableColumn {
  readonly name: string;
  /** From 1. */
  readonly position: number;
  readonly type: ColumnType;
  /** The type in the file ("BIGINT", "DATE" of a Parquet file); delimited files hold "VARCHAR". */
  readonly storedType: string;
  /** Rows without a value. */
  readonly missing: number;
}

/** What is known of a table without its values. */
export interface TableInfo {
  /** As it was given. */
  readonly path: string;
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly format: TableFormat;
  readonly hasHeader: boolean;
  readonly rows: number;
  readonly columns: readonly TableColumn[];
  /** What was decided in reading that the user may want to know, in words. */
  readonly notices: readonly string[];
}

/** The values of one column; where `missing` is 1 the value is NaN or "". */
export type ColumnValues =
  | {
      readonly name: string;
      readonly type: "number";
      readonly values: Float64Array;
      readonly missing: Uint8Array;
    }
  | { readonly name: string; readonly type: "text"; readonly values: string[]; readonly missing: Uint8Array };

export interface TableBatch {
  /** The row of the table (from 0) with which the batch starts. */
  readonly start: number;
  readonly rows: number;
  readonly columns: readonly ColumnValues[];
}

/** A table in memory. */
export interface TableData extends TableInfo {
  readonly values: readonly ColumnValues[];
}

/** An opened table: its rows are still in its files. */
export interface Table extends TableInfo {
  /**
   * The rows in order, a batch at a time; memory does not grow with the number of rows.
   *
   * @throws InputError when a file became unreadable, or as {@link columnOf}
   */
  batches(options?: BatchOptions): AsyncGenerator<TableBatch, void>;
  /**
   * The value of an SQL aggregate of each column: `min("value")`, say. For summaries.
   *
   * @param aggregate of one column, whose values it calls `"value"`
   */
  aggregates(aggregate: (column: TableColumn) => string): Promise<unknown[]>;
  close(): void;
}

export interface BatchOptions {
  /** Which columns, in this order; default all. */
  readonly columns?: readonly ColumnReference[];
  /** Rows in a batch. Default 32,768. */
  readonly rows?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TableOptions extends TableFileOptions {
  /** Whether the first line of a delimited file names the columns. Default: recognised. */
  readonly header?: boolean | undefined;
  /** The columns' names, for a delimited file whose first line is a row. */
  readonly names?: readonly string[] | undefined;
  /** What stands for no value in delimited files, besides an empty field. Default {@link MISSING_MARKS} */
  readonly missing?: readonly string[];
}

const BATCH_ROWS = 32_768;

/**
 * Opens a table and counts its rows and missing values (one pass over the files).
 *
 * @param path a file, or a pattern of several (`*`, `?`, `[...]`, `**`) with the same columns; local files only; or the
 *   name of a fetched data set. A file of the catalogue has the names that its source gives its columns
 * @throws InputError with file, line, expected and found: a path that is missing, empty, a folder or binary, rows
 *   with too few or too many fields, text that is not UTF-8, files with different columns
 * @example const table = await openTable("adult.csv"); table.columns[0] // { name: "c1", type: "number", ... }
 */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  const files = await tableFiles(path, options);
  const [first] = files;
  if (first === undefined) throw new InputError(`${path}: no file has such a name`);
  const isDescribed = options.names !== undefined || options.header === true || first.format !== "delimited";
  const known = isDescribed || files.length > 1 ? undefined : await knownTable(first.path);
  const source = tableSource(path, files, { ...options, names: options.names ?? known?.columns }, known);
  const database = await openTableDatabase(files.map((file) => file.path));
  try {
    const { rows, columns } = await sqlColumns(path, database, source, options.missing);
    const info: TableInfo = {
      path,
      files: files.map((file) => file.path),
      format: first.format,
      hasHeader: source.hasHeader,
      rows,
      columns: columns.map(({ raw: _, value: __, ...column }) => column),
      notices: source.notices,
    };
    return openedTable(info, database, source.from, columns, options.missing ?? MISSING_MARKS);
  } catch (error) {
    database.close();
    throw tableError(path, error);
  }
}

/**
 * A table in memory.
 *
 * @param options.columns which columns, in this order; default all
 * @throws InputError as {@link openTable}
 */
export async function readTable(path: string, options: TableOptions & BatchOptions = {}): Promise<TableData> {
  const table = await openTable(path, options);
  try {
    const columns = (options.columns ?? table.columns.map((column) => column.position)).map((column) =>
      columnOf(table, column),
    );
    const batches: TableBatch[] = [];
    for await (const batch of table.batches(options)) batches.push(batch);
    const { batches: _, aggregates: __, close: ___, ...info } = table;
    return { ...info, columns, values: columns.map((column, i) => joinBatches(column, batches, i)) };
  } finally {
    table.close();
  }
}

async function tableFiles(path: string, options: TableFileOptions): Promise<TableFile[]> {
  const isSeveral = !path.includes("\0") && !path.includes("://") && (await isPattern(path));
  if (!isSeveral) {
    const fetched = existsSync(path) ? undefined : await fetchedTable(path, options);
    return [await inspectTableFile(fetched ?? path)];
  }
  const files: TableFile[] = [];
  for (const file of await filesOfPattern(resolve(path))) files.push(await inspectTableFile(file));
  const [first] = files;
  for (const file of files)
    if (first !== undefined && file.format !== first.format)
      throw new InputError(`${file.path}: is ${file.format}; expected ${first.format}, as ${first.path}`);
  return files;
}

function openedTable(
  info: TableInfo,
  database: TableDatabase,
  from: string,
  columns: readonly SqlColumn[],
  missing: readonly string[],
): Table {
  const sqlOf = (reference: ColumnReference): SqlColumn => {
    const column = columns[columnOf(info, reference).position - 1];
    if (column === undefined) throw new RangeError(`${info.path}: column ${reference} has no SQL`);
    return column;
  };
  const marks = new Set(["", ...missing]);
  const readField = (field: string): string | null => {
    // Blanks, as SQL's trim() takes them.
    const text = field.replace(/^ +| +$/g, "");
    return marks.has(text) ? null : text;
  };
  return {
    ...info,
    async *batches({ columns: references, rows: size = BATCH_ROWS, signal } = {}) {
      if (!Number.isSafeInteger(size) || size < 1)
        throw new RangeError(`batches: rows ${size} is not a whole number from 1`);
      const chosen = references === undefined ? columns : references.map(sqlOf);
      // So many expressions would take DuckDB longer to plan than the values take to be read here.
      const read = chosen.length > QUERY_COLUMNS && info.format === "delimited" ? readField : undefined;
      const values = chosen.map(({ raw, value }, i) => `${read ? raw : value} AS v${i}`).join(", ");
      const connection = await database.connect();
      try {
        yield* streamBatches(connection, `SELECT ${values} FROM ${from}`, chosen, { size, read, signal });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw tableError(info.path, error);
      } finally {
        connection.closeSync();
      }
    },
    async aggregates(aggregate) {
      const connection = await database.connect();
      const found: unknown[] = [];
      try {
        for (let first = 0; first < columns.length; first += QUERY_COLUMNS) {
          const part = columns.slice(first, first + QUERY_COLUMNS);
          const values = part.map(({ value }, i) => `${value} AS v${i}`).join(", ");
          const sql = part.map((column, i) => aggregate(column).replaceAll('"value"', `v${i}`)).join(", ");
          const reader = await connection.runAndReadAll(`SELECT ${sql} FROM (SELECT ${values} FROM ${from})`);
          found.push(...(reader.getRows()[0] ?? []));
        }
        return found;
      } catch (error) {
        throw tableError(info.path, error);
      } finally {
        connection.closeSync();
      }
    },
    close: () => database.close(),
  };
}
