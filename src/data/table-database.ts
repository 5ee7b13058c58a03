/**
 * DuckDB as the reader of table files, fenced in: it may read the files it is given and nothing else, neither other
 * paths nor addresses, and it loads no extensions. It is imported on first use (150 ms).
 */
import { resolve } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { InputError } from "./input-error.ts";

export interface TableDatabase {
  /** A connection of its own for one stream of rows; the caller closes it. */
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

/** What DuckDB may use for itself; rows pass through, so that this does not grow with the file. */
const MEMORY_LIMIT = "1GB";

/**
 * A database in memory that can read `files`.
 *
 * @param files absolute paths
 */
export async function openTableDatabase(files: readonly string[]): Promise<TableDatabase> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    memory_limit: MEMORY_LIMIT,
  });
  const connection = await instance.connect();
  try {
    // DuckDB asks with the path, where it holds a pattern's characters with the path as a pattern.
    const allowed = [...new Set([...files, ...files.map(literalPattern)])].map(quoteText).join(", ");
    await connection.run(`SET allowed_paths = [${allowed}]`);
    await connection.run("SET enable_external_access = false");
    await connection.run("SET lock_configuration = true");
  } finally {
    connection.closeSync();
  }
  return { connect: () => instance.connect(), close: () => instance.closeSync() };
}

/** The files a pattern (`*`, `**`, `?`, `[...]`) names, sorted. */
export async function filesOfPattern(pattern: string): Promise<string[]> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  try {
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(
      `SELECT file FROM glob(${quoteText(pattern)}) ORDER BY file`,
    );
    return reader.getRows().map(([file]) => String(file));
  } catch (error) {
    throw new InputError(`${pattern}: is not a usable pattern (${firstLine(error)})`, { cause: error });
  } finally {
    instance.closeSync();
  }
}

/** A text as an SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A path as a pattern that names this path only. */
export function literalPattern(path: string): string {
  return path.replaceAll(/[*?[]/g, (character) => `[${character}]`);
}

/** DuckDB's refusal of a file as one line: file, line where it says one, expected, found. */
export function tableError(path: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const named = /^\s*file = (.*)$/m.exec(message)?.[1] ?? path;
  // The user's own word for the file, where it is that one.
  const file = named === resolve(path) ? path : named;
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const where = line === undefined ? file : `${file}: line ${line}`;
  const width = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (width !== null)
    return new InputError(`${where}: expected ${width[1]} fields, found ${width[2]}`, { cause: error });
  if (line !== undefined) {
    const reason = message.split("\n").find((text, i) => i > 0 && !/^(Original Line|Possible)/.test(text));
    return new InputError(`${where}: cannot be read as CSV (${(reason ?? firstLine(error)).trim()})`, {
      cause: error,
    });
  }
  return new InputError(`${where}: cannot be read as a table (${firstLine(error)})`, { cause: error });
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n")[0] ?? message).replace(/^[A-Z][A-Za-z ]+ Error: /, "").slice(0, 300);
}
