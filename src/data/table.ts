/**
 * Tables of a user's: CSV, TSV, JSON and JSON lines (.gz too) and Parquet, one file or many, as typed columns, whole
 * or in batches. Rows keep the order of the files. A column is of numbers when every value it has is a number, else
 * of text; this is decided on all rows, not on a sample.
 */
import { resolve } from "node:path";
import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import { detectCsvDialect, headerOf } from "./csv-dialect.ts";
import { InputError } from "./input-error.ts";
import { type ColumnReference, columnOf } from "./table-column.ts";
import {
  filesOfPattern,
  literalPattern,
  openTableDatabase,
  quoteName,
  quoteText,
  type TableDatabase,
  tableError,
} from "./table-database.ts";
import { inspectTableFile, isPattern, type TableFile, type TableFormat } from "./table-source.ts";

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
  /** Rows of an SQL query over the columns, named by their positions as "1", "2", ...: used for summaries. */
  query(select: string, tail?: string): Promise<unknown[][]>;
  close(): void;
}

export interface BatchOptions {
  /** Which columns, in this order; default all. */
  readonly columns?: readonly ColumnReference[];
  /** Rows in a batch. Default 32,768. */
  readonly rows?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TableOptions {
  /** Whether the first line of a delimited file names the columns. Default: recognised. */
  readonly header?: boolean | undefined;
  /** What stands for no value in delimited files, besides an empty field. */
  readonly missing?: readonly string[];
}

/** Fields that mean "no value" in delimited files; "?" is UCI's. */
export const MISSING_MARKS = ["?", "NA", "N/A", "NaN", "nan", "null", "NULL"] as const;

const BATCH_ROWS = 32_768;

/**
 * Opens a table and counts its rows and missing values (one pass over the files).
 *
 * @param path a file, or a pattern of several (`*`, `?`, `[...]`, `**`) with the same columns; local files only
 * @throws InputError with file, line, expected and found: a path that is missing, empty, a folder or binary, rows
 *   with too few or too many fields, text that is not UTF-8, files with different columns
 * @example const table = await openTable("adult.csv"); table.columns[0] // { name: "c1", type: "number", ... }
 */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  const files = await tableFiles(path);
  const [first] = files;
  if (first === undefined) throw new InputError(`${path}: no file has such a name`);
  const source = first.format === "delimited" ? delimited(path, files, options) : stored(files, first.format);
  const database = await openTableDatabase(files.map((file) => file.path));
  try {
    const { rows, columns, from, expressions } = await typedColumns(path, database, source, options);
    const info: TableInfo = {
      path,
      files: files.map((file) => file.path),
      format: first.format,
      hasHeader: source.hasHeader,
      rows,
      columns,
      notices: source.notices,
    };
    return openedTable(info, database, from, expressions);
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
    const { batches: _, query: __, close: ___, ...info } = table;
    return { ...info, columns, values: columns.map((column, i) => joined(column, batches, i)) };
  } finally {
    table.close();
  }
}

async function tableFiles(path: string): Promise<TableFile[]> {
  const isSeveral = !path.includes("\0") && !path.includes("://") && (await isPattern(path));
  if (!isSeveral) return [await inspectTableFile(path)];
  const files: TableFile[] = [];
  for (const file of await filesOfPattern(resolve(path))) files.push(await inspectTableFile(file));
  const [first] = files;
  for (const file of files)
    if (first !== undefined && file.format !== first.format)
      throw new InputError(`${file.path}: is ${file.format}; expected ${first.format}, as ${first.path}`);
  return files;
}

interface Source {
  /** The table function's call. */
  readonly from: string;
  /** The names of a delimited file; those of others stand in the file. */
  readonly names?: readonly string[];
  readonly hasHeader: boolean;
  readonly notices: readonly string[];
}

function delimited(path: string, files: readonly TableFile[], options: TableOptions): Source {
  const dialects = files.map((file) =>
    detectCsvDialect(files.length === 1 ? path : file.path, file.head, { ...options, isWhole: file.isWhole }),
  );
  const dialect = dialects[0];
  const first = files[0];
  if (dialect === undefined || first === undefined) throw new InputError(`${path}: there is no such file`);
  const header = headerOf(first.head, dialect, first.isWhole);
  // Several files may have headers that one of them alone does not show to be one.
  const hasHeader = options.header ?? dialect.hasHeader;
  for (const [i, file] of files.entries()) {
    const own = dialects[i];
    if (own === undefined || i === 0) continue;
    const found = headerOf(file.head, own, file.isWhole);
    const isSame = hasHeader
      ? found.length === header.length && found.every((name, k) => name === header[k])
      : found.length === header.length;
    if (!isSame || own.delimiter !== dialect.delimiter)
      throw new InputError(
        `${file.path}: line ${own.firstLine}: expected ${hasHeader ? `the header of ${first.path}` : `${header.length} fields, as ${first.path}`}, found ${JSON.stringify(found.join(own.delimiter).slice(0, 120))}`,
      );
  }
  const isSkipped = dialects.some((own) => own.firstLine !== dialect.firstLine);
  if (isSkipped)
    throw new InputError(
      `${path}: the files have different numbers of lines before the table; read them singly`,
    );
  // The delimiter of a file with a single column may be any; its fields are c1 ... cN here, the names come on top.
  const columns = dialect.names.map((_, i) => `'c${i + 1}': 'VARCHAR'`).join(", ");
  const from = `read_csv([${paths(files)}], auto_detect = false, delim = ${quoteText(dialect.delimiter)}, quote = '"', escape = '"', header = ${hasHeader}, skip = ${dialect.firstLine - 1}, strict_mode = true, compression = '${first.isCompressed ? "gzip" : "none"}', columns = {${columns}})`;
  if (files.some((file) => file.isCompressed !== first.isCompressed))
    throw new InputError(`${path}: some of the files are compressed and some are not; read them singly`);
  return { from, names: dialect.names, hasHeader, notices: dialects.flatMap((own) => own.notices) };
}

function stored(files: readonly TableFile[], format: "json" | "parquet"): Source {
  const compression = files.some((file) => file.isCompressed) ? "gzip" : "uncompressed";
  const from =
    format === "parquet"
      ? `read_parquet([${paths(files)}])`
      : `read_json([${paths(files)}], format = 'auto', sample_size = -1, compression = '${compression}')`;
  return { from, hasHeader: true, notices: [] };
}

function paths(files: readonly TableFile[]): string {
  return files.map((file) => quoteText(literalPattern(file.path))).join(", ");
}

/** Columns with their types from all rows, and the SQL that gives their values. */
async function typedColumns(
  path: string,
  database: TableDatabase,
  source: Source,
  options: TableOptions,
): Promise<{ rows: number; columns: TableColumn[]; from: string; expressions: string[] }> {
  const connection = await database.connect();
  try {
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source.from}`)).getRows();
    const fields = described.map(([name, type], i) => ({
      name: source.names?.[i] ?? String(name),
      type: String(type),
      raw: quoteName(String(name)),
    }));
    if (fields.length === 0) throw new InputError(`${path}: the table has no columns`);
    const marks = ["", ...(options.missing ?? MISSING_MARKS)].map(quoteText).join(", ");
    // Not IN (...): DuckDB makes a join of it for every column, which takes a second and a gigabyte.
    const texts = fields.map(({ raw, type }) =>
      source.names === undefined
        ? isNumeric(type)
          ? finiteNumber(raw)
          : `CAST(${raw} AS VARCHAR)`
        : `CASE WHEN list_contains([${marks}], trim(${raw})) THEN NULL ELSE trim(${raw}) END`,
    );
    const from = `(SELECT ${texts.map((text, i) => `${text} AS t${i + 1}`).join(", ")} FROM ${source.from})`;
    // Casts of DuckDB's take 1_000 for a number; a file that says so means a text.
    const numbers = fields.map((_, i) =>
      source.names === undefined
        ? `t${i + 1}`
        : `TRY_CAST(CASE WHEN contains(t${i + 1}, '_') THEN NULL ELSE t${i + 1} END AS DOUBLE)`,
    );
    const counts = fields.flatMap((_, i) => [
      `count(t${i + 1})`,
      source.names === undefined ? "0" : `count(${numbers[i]})`,
    ]);
    const reader = await connection.runAndReadAll(`SELECT count(*), ${counts.join(", ")} FROM ${from}`);
    const [rows = 0, ...found] = (reader.getRows()[0] ?? []).map(Number);
    if (rows === 0) throw new InputError(`${path}: the table has no rows`);
    const types = fields.map(({ type }, i): ColumnType => {
      const [present = 0, numeric = 0] = [found[2 * i], found[2 * i + 1]];
      const isNumbers = source.names === undefined ? isNumeric(type) : present > 0 && numeric === present;
      return isNumbers ? "number" : "text";
    });
    return {
      rows,
      columns: fields.map(({ name, type }, i) => ({
        name,
        position: i + 1,
        type: types[i] ?? "text",
        storedType: type,
        missing: rows - (found[2 * i] ?? 0),
      })),
      from,
      expressions: types.map((type, i) => (type === "number" ? numbers[i] : undefined) ?? `t${i + 1}`),
    };
  } finally {
    connection.closeSync();
  }
}

function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type);
}

/** A stored number as float64; a NaN is no value. */
function finiteNumber(raw: string): string {
  return `CASE WHEN isnan(CAST(${raw} AS DOUBLE)) THEN NULL ELSE CAST(${raw} AS DOUBLE) END`;
}

function openedTable(
  info: TableInfo,
  database: TableDatabase,
  from: string,
  expressions: readonly string[],
): Table {
  const select = (columns: readonly TableColumn[]): string =>
    `SELECT ${columns.map(({ position }) => `${expressions[position - 1]} AS "${position}"`).join(", ")} FROM ${from}`;
  return {
    ...info,
    async *batches({ columns: references, rows: size = BATCH_ROWS, signal } = {}) {
      if (!Number.isSafeInteger(size) || size < 1)
        throw new RangeError(`batches: rows ${size} is not a whole number from 1`);
      const columns =
        references === undefined ? info.columns : references.map((column) => columnOf(info, column));
      const connection = await database.connect();
      try {
        yield* streamed(connection, select(columns), columns, size, signal);
      } catch (error) {
        if (signal?.aborted) throw error;
        throw tableError(info.path, error);
      } finally {
        connection.closeSync();
      }
    },
    async query(expression, tail = "") {
      const connection = await database.connect();
      try {
        const sql = `SELECT ${expression} FROM (${select(info.columns)}) ${tail}`;
        return (await connection.runAndReadAll(sql)).getRows();
      } catch (error) {
        throw tableError(info.path, error);
      } finally {
        connection.closeSync();
      }
    },
    close: () => database.close(),
  };
}

async function* streamed(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly TableColumn[],
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TableBatch, void> {
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
      for (const [i, column] of values.entries()) copyRows(chunk, i, from, count, column, rows);
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
  from: number,
  count: number,
  column: ColumnValues,
  to: number,
): void {
  const vector = chunk.getColumnVector(index);
  for (let i = 0; i < count; i++) {
    const value = vector.getItem(from + i);
    if (value === null) {
      column.missing[to + i] = 1;
      if (column.type === "number") column.values[to + i] = Number.NaN;
    } else if (column.type === "number") column.values[to + i] = Number(value);
    else column.values[to + i] = String(value);
  }
}

function shortened(column: ColumnValues, rows: number): ColumnValues {
  const missing = column.missing.slice(0, rows);
  return column.type === "number"
    ? { ...column, values: column.values.slice(0, rows), missing }
    : { ...column, values: column.values.slice(0, rows), missing };
}

function joined({ name, type }: TableColumn, batches: readonly TableBatch[], index: number): ColumnValues {
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
