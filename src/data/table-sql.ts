/** The SQL that reads a table's files, and the columns' types, which are decided on all rows. */
import { detectCsvDialect, headerOf } from "./csv-dialect.ts";
import { InputError } from "./input-error.ts";
import type { KnownTable } from "./known-table.ts";
import type { ColumnType, TableColumn, TableOptions } from "./table.ts";
import { literalPattern, quoteName, quoteText, type TableDatabase } from "./table-database.ts";
import type { TableFile } from "./table-source.ts";

/** Fields that mean "no value" in delimited files; "?" is UCI's. */
export const MISSING_MARKS = ["?", "NA", "N/A", "NaN", "nan", "null", "NULL"] as const;

export interface TableSource {
  /** The table function's call. */
  readonly from: string;
  /** The names of a delimited file; those of others stand in the file. */
  readonly names?: readonly string[];
  /** What ends each row's last field and is no part of it. */
  readonly rowEnd?: string | undefined;
  readonly hasHeader: boolean;
  readonly notices: readonly string[];
}

/**
 * How files of one table are read.
 *
 * @param path as the user gave it, for errors
 * @param known what the catalogue knows of the file
 * @throws InputError when the files have different headers or delimiters, or there are names for other columns
 */
export function tableSource(
  path: string,
  files: readonly TableFile[],
  options: TableOptions,
  known?: KnownTable,
): TableSource {
  const format = files[0]?.format ?? "delimited";
  if (format === "delimited") return named(path, delimited(path, files, options), options, known);
  if (options.names !== undefined)
    throw new InputError(`${path}: is ${format}, which names its own columns; expected no other names`);
  return stored(files, format);
}

/** The source with the names that were given for its columns. */
function named(
  path: string,
  source: TableSource,
  { names }: TableOptions,
  known: KnownTable | undefined,
): TableSource {
  if (names === undefined) return source;
  const count = source.names?.length ?? 0;
  if (names.length !== count || new Set(names).size !== count)
    throw new InputError(
      `${path}: has ${count} columns; expected as many different names, found ${names.join(", ")}`,
    );
  if (known === undefined) return { ...source, names };
  const end =
    known.rowEnd === undefined ? "" : `; the ${JSON.stringify(known.rowEnd)} that ends each row was left out`;
  return {
    ...source,
    names,
    rowEnd: known.rowEnd,
    notices: [...source.notices, `${path} is ${known.title}; its columns have the names of the source${end}`],
  };
}

function delimited(path: string, files: readonly TableFile[], options: TableOptions): TableSource {
  const header = options.names === undefined ? options.header : false;
  const dialects = files.map((file) =>
    detectCsvDialect(files.length === 1 ? path : file.path, file.head, { header, isWhole: file.isWhole }),
  );
  const dialect = dialects[0];
  const first = files[0];
  if (dialect === undefined || first === undefined) throw new InputError(`${path}: there is no such file`);
  const ownHeader = headerOf(first.head, dialect, first.isWhole);
  // Several files may have headers that one of them alone does not show to be one.
  const hasHeader = header ?? dialect.hasHeader;
  for (const [i, file] of files.entries()) {
    const own = dialects[i];
    if (own === undefined || i === 0) continue;
    const found = headerOf(file.head, own, file.isWhole);
    const isSame = hasHeader
      ? found.length === ownHeader.length && found.every((name, k) => name === ownHeader[k])
      : found.length === ownHeader.length;
    if (!isSame || own.delimiter !== dialect.delimiter)
      throw new InputError(
        `${file.path}: line ${own.firstLine}: expected ${hasHeader ? `the header of ${first.path}` : `${ownHeader.length} fields, as ${first.path}`}, found ${JSON.stringify(found.join(own.delimiter).slice(0, 120))}`,
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

function stored(files: readonly TableFile[], format: "json" | "parquet"): TableSource {
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

/** A column and the SQL of its values. */
export interface SqlColumn extends TableColumn {
  /** The column as the file has it. */
  readonly raw: string;
  /** Its value as DOUBLE or VARCHAR, NULL where there is none. */
  readonly value: string;
}

/** Columns in one query. DuckDB's search for common subexpressions takes time in the square of their number. */
export const QUERY_COLUMNS = 100;

/**
 * The number of rows and the columns with their types from all rows.
 *
 * @throws InputError when there are no columns or no rows
 */
export async function sqlColumns(
  path: string,
  database: TableDatabase,
  source: TableSource,
  missing: readonly string[] = MISSING_MARKS,
): Promise<{ rows: number; columns: SqlColumn[] }> {
  const connection = await database.connect();
  try {
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source.from}`)).getRows();
    if (described.length === 0) throw new InputError(`${path}: the table has no columns`);
    const columns: SqlColumn[] = [];
    let rows = 0;
    for (let first = 0; first < described.length; first += QUERY_COLUMNS) {
      const part = described.slice(first, first + QUERY_COLUMNS).map(([name, type], i) => {
        const position = first + i + 1;
        const field = quoteName(String(name));
        const raw =
          source.rowEnd !== undefined && position === described.length
            ? withoutEnd(field, source.rowEnd)
            : field;
        const forms = source.names ? delimitedForms(raw, missing) : storedForms(raw, String(type));
        return {
          name: source.names?.[position - 1] ?? String(name),
          position,
          storedType: String(type),
          raw,
          ...forms,
        };
      });
      const counts = part.map(({ text, number }) => `count(${text}), count(${number})`).join(", ");
      const reader = await connection.runAndReadAll(`SELECT count(*), ${counts} FROM ${source.from}`);
      const [total = 0, ...found] = (reader.getRows()[0] ?? []).map(Number);
      if (total === 0) throw new InputError(`${path}: the table has no rows`);
      rows = total;
      for (const [i, { text, number, ...column }] of part.entries()) {
        const [present = 0, numeric = 0] = [found[2 * i], found[2 * i + 1]];
        const isNumber = source.names ? present > 0 && numeric === present : isNumeric(column.storedType);
        const type: ColumnType = isNumber ? "number" : "text";
        columns.push({ ...column, type, missing: rows - present, value: isNumber ? number : text });
      }
    }
    return { rows, columns };
  } finally {
    connection.closeSync();
  }
}

function withoutEnd(field: string, end: string): string {
  const trimmed = `trim(${field})`;
  return `CASE WHEN suffix(${trimmed}, ${quoteText(end)}) THEN left(${trimmed}, -${end.length}) ELSE ${trimmed} END`;
}

/** The values of a field of a delimited file. */
function delimitedForms(raw: string, missing: readonly string[]): { text: string; number: string } {
  const marks = ["", ...missing].map(quoteText).join(", ");
  // Not IN (...): DuckDB makes a join of it for every column, which takes a second and a gigabyte.
  const text = `CASE WHEN list_contains([${marks}], trim(${raw})) THEN NULL ELSE trim(${raw}) END`;
  // Casts of DuckDB's take 1_000 for a number; a file that says so means a text.
  const number = `CASE WHEN list_contains([${marks}], trim(${raw})) OR contains(${raw}, '_') THEN NULL ELSE TRY_CAST(trim(${raw}) AS DOUBLE) END`;
  return { text, number };
}

/** The values of a column that has a type in its file; a NaN is no value. */
function storedForms(raw: string, type: string): { text: string; number: string } {
  if (!isNumeric(type)) return { text: `CAST(${raw} AS VARCHAR)`, number: "NULL" };
  const number = `CASE WHEN isnan(CAST(${raw} AS DOUBLE)) THEN NULL ELSE CAST(${raw} AS DOUBLE) END`;
  return { text: number, number };
}

function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type);
}
