/** Which files a user's path or pattern names, and how they are written: told by their first bytes. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type ByteReader, withByteReader } from "./byte-reader.ts";
import { InputError, systemErrorCode } from "./input-error.ts";

export type TableFormat = "delimited" | "json" | "parquet";

/** One file of a table, as far as its beginning tells. */
export interface TableFile {
  /** Absolute. */
  readonly path: string;
  readonly format: TableFormat;
  readonly isCompressed: boolean;
  /** The beginning, decompressed; without a byte order mark. */
  readonly head: string;
  /** Whether `head` is the whole file. */
  readonly isWhole: boolean;
}

export const ACCEPTED_TABLES = "expected CSV, TSV, JSON or JSON lines (.gz too), or Parquet";

const HEAD_BYTES = 1 << 18;

/** Whether a path is a pattern of several files: it has `*`, `?` or `[` and is not itself a file. */
export async function isPattern(path: string): Promise<boolean> {
  return /[*?[]/.test(path) && (await kindOf(path)) === undefined;
}

/**
 * Looks at the beginning of a file.
 *
 * @param path as the user wrote it: errors repeat it
 * @throws InputError when there is no such file, or it is a folder, empty, or neither text nor Parquet
 */
export async function inspectTableFile(path: string): Promise<TableFile> {
  if (path.includes("\0")) throw new InputError(`${JSON.stringify(path)}: a path holds no zero byte`);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    throw new InputError(`${path}: is a web address; expected a file on this computer`);
  const kind = await kindOf(path);
  if (kind === undefined) throw new InputError(`${path}: there is no such file`);
  if (kind === "folder")
    throw new InputError(`${path}: is a folder; expected a table file or a pattern such as ${path}/*.csv`);
  if (kind === "other") throw new InputError(`${path}: is not a regular file; ${ACCEPTED_TABLES}`);
  return withByteReader(path, async (reader) => {
    const bytes = await reader.readUpTo(HEAD_BYTES);
    if (bytes.length === 0) throw new InputError(`${path}: the file is empty; ${ACCEPTED_TABLES}`);
    const base = { path: resolve(path), isCompressed: reader.isCompressed, isWhole: await reader.isAtEnd() };
    if (startsWith(bytes, "PAR1")) {
      if (reader.isCompressed)
        throw new InputError(`${path}: is Parquet inside gzip; expected Parquet as it is`);
      return { ...base, format: "parquet" as const, head: "" };
    }
    const head = textOf(path, bytes, base.isWhole);
    if (head.trim() === "") throw new InputError(`${path}: holds only blank lines; ${ACCEPTED_TABLES}`);
    const format = isJson(path, head) ? ("json" as const) : ("delimited" as const);
    if (format === "json") await refuseOpenList(reader, bytes);
    return { ...base, format, head };
  });
}

/** DuckDB takes a JSON list that was cut off behind a comma for a whole one. */
async function refuseOpenList(reader: ByteReader, head: Uint8Array): Promise<void> {
  let last = "";
  for (let bytes = head; bytes.length > 0; bytes = await reader.readUpTo(HEAD_BYTES))
    last = Buffer.from(bytes).toString("latin1").trimEnd().at(-1) ?? last;
  if (last === ",")
    throw reader.error(reader.offset, 'expected the rest of a JSON list, found its end after ","');
}

async function kindOf(path: string): Promise<"file" | "folder" | "other" | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other";
  } catch (error) {
    const code = systemErrorCode(error);
    if (
      code === "ENOENT" ||
      code === "ENOTDIR" ||
      code === "ENAMETOOLONG" ||
      code === "ERR_INVALID_ARG_VALUE"
    )
      return undefined;
    throw new InputError(`${path}: cannot be looked at (${code ?? String(error)})`, { cause: error });
  }
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.subarray(0, text.length)).toString("latin1") === text;
}

/** The beginning as text; a character cut in two at its end is left out. */
function textOf(path: string, bytes: Uint8Array, isWhole: boolean): string {
  const zero = bytes.indexOf(0);
  if (zero !== -1)
    throw new InputError(
      `${path}: offset ${zero}: is a binary file (found a zero byte); ${ACCEPTED_TABLES}, text in UTF-8`,
    );
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    throw new InputError(`${path}: line ${badLine(bytes)}: expected text in UTF-8, found other bytes`);
  }
}

function badLine(bytes: Uint8Array): number {
  const text = new TextDecoder().decode(bytes);
  const at = text.indexOf("\u{fffd}");
  return text.slice(0, Math.max(0, at)).split("\n").length;
}

function isJson(path: string, head: string): boolean {
  if (/\.(json|jsonl|ndjson)(\.gz)?$/i.test(path)) return true;
  return !/\.(csv|tsv|txt|data)(\.gz)?$/i.test(path) && /^\s*(\{\s*"|\[\s*\{)/.test(head);
}
