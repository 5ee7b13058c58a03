/**
 * How a delimited text file is written, from its beginning: the delimiter, lines before the table, the header.
 * Fields follow RFC 4180: double quotes around a field that holds the delimiter, a quote (doubled) or a line break.
 */
import { InputError } from "./input-error.ts";

export interface CsvDialect {
  readonly delimiter: string;
  /** Lines before the table (a title, say): each a single field where the table has several. */
  readonly skippedLines: number;
  /** The line (from 1) on which the table starts. */
  readonly firstLine: number;
  readonly hasHeader: boolean;
  /** The columns' names: the header's, or `c1 ... cN`. */
  readonly names: readonly string[];
  /** What was decided that the user may want to know, in words. */
  readonly notices: readonly string[];
}

export interface CsvDialectOptions {
  /** Whether the first line names the columns. Default: as {@link detectCsvDialect} recognises. */
  readonly header?: boolean | undefined;
  /** Whether `head` is the whole file; otherwise its last line may be cut and is not looked at. */
  readonly isWhole?: boolean;
}

/** The fields of one record and the line (from 1) it starts on. */
interface TextRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

const CANDIDATES = [",", "\t", ";", "|"] as const;
const MOST_RECORDS = 500;
const MOST_SKIPPED = 20;

/**
 * The dialect of a delimited file.
 *
 * The delimiter is the one of `, tab ; |` that gives most lines the same number of fields (more than one). The first
 * line is a header when none of its fields is a number or empty (the first may be empty, as row names have it), and
 * either some column is of numbers below it, or its fields are distinct and none occurs again further down its column.
 *
 * @param path for errors and for what the ending says (.tsv)
 * @param head the beginning of the file
 * @throws InputError when the first line has another number of fields than the lines below it
 */
export function detectCsvDialect(path: string, head: string, options: CsvDialectOptions = {}): CsvDialect {
  const delimiter = delimiterOf(path, head, options.isWhole ?? true);
  const records = recordsOf(head, delimiter, options.isWhole ?? true);
  const width = commonWidth(records).width;
  const skippedLines = width === 1 ? 0 : records.findIndex((record) => record.fields.length !== 1);
  if (skippedLines > MOST_SKIPPED)
    throw new InputError(
      `${path}: line 1: expected ${width} fields, found 1, as in the ${skippedLines} lines before the table; expected at most ${MOST_SKIPPED}`,
    );
  const table = records.slice(skippedLines).map((record) => record.fields);
  const first = table[0] ?? [];
  const firstLine = records[skippedLines]?.line ?? 1;
  if (first.length !== width)
    throw new InputError(
      `${path}: line ${firstLine}: expected ${width} fields, as in most lines, found ${first.length}`,
    );
  const hasHeader = options.header ?? isHeader(first, table.slice(1));
  const notices =
    skippedLines === 0
      ? []
      : [
          `${path}: ${skippedLines === 1 ? "the first line" : `the first ${skippedLines} lines`} before the table ${skippedLines === 1 ? "was" : "were"} passed over`,
        ];
  if (!hasHeader)
    return {
      delimiter,
      skippedLines,
      firstLine,
      hasHeader,
      names: first.map((_, i) => `c${i + 1}`),
      notices,
    };
  const { names, notice } = distinctNames(path, first);
  return {
    delimiter,
    skippedLines,
    firstLine,
    hasHeader,
    names,
    notices: notice ? [...notices, notice] : notices,
  };
}

/** The first record after the lines passed over, as another file of the same table writes its header. */
export function headerOf(head: string, dialect: CsvDialect, isWhole: boolean): readonly string[] {
  return (recordsOf(head, dialect.delimiter, isWhole)[dialect.skippedLines]?.fields ?? []).map((name) =>
    name.trim(),
  );
}

function delimiterOf(path: string, head: string, isWhole: boolean): string {
  const candidates = /\.tsv(\.gz)?$/i.test(path) ? ["\t", ...CANDIDATES] : CANDIDATES;
  let best = { delimiter: candidates[0] ?? ",", share: 0, width: 1 };
  for (const delimiter of candidates) {
    const { width, share } = commonWidth(recordsOf(head, delimiter, isWhole));
    if (width > 1 && (share > best.share || (share === best.share && width > best.width)))
      best = { delimiter, share, width };
  }
  return best.delimiter;
}

/** The number of fields most records have, and the share of records that have it. */
function commonWidth(records: readonly TextRecord[]): { width: number; share: number } {
  const counts = new Map<number, number>();
  for (const { fields } of records) counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
  let [width, most] = [1, 0];
  for (const [fields, count] of counts)
    if (count > most || (count === most && fields > width)) [width, most] = [fields, count];
  // A delimiter that appears only here and there is the text's, unless it is in a fifth of the lines.
  if (width === 1) {
    const [other, count] = [...counts].filter(([fields]) => fields > 1).sort((a, b) => b[1] - a[1])[0] ?? [
      1, 0,
    ];
    if (count * 5 >= records.length) [width, most] = [other, count];
  }
  return { width, share: records.length === 0 ? 0 : most / records.length };
}

/** The fields of the first records; blank lines are none. */
function recordsOf(text: string, delimiter: string, isWhole: boolean): TextRecord[] {
  const records: TextRecord[] = [];
  let record: string[] = [];
  let field = "";
  let line = 1;
  let startLine = 1;
  let isQuoted = false;
  const endRecord = (): void => {
    record.push(field);
    if (record.length > 1 || record[0]?.trim() !== "") records.push({ fields: record, line: startLine });
    record = [];
    field = "";
  };
  for (let i = 0; i < text.length && records.length < MOST_RECORDS; i++) {
    const character = text[i] ?? "";
    if (character === "\n" || (character === "\r" && text[i + 1] !== "\n")) line++;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else isQuoted = false;
    } else if (character === '"' && field.trim() === "") {
      field = "";
      isQuoted = true;
    } else if (character === delimiter) {
      record.push(field);
      field = "";
    } else if (character === "\n" || character === "\r") {
      if (character === "\r" && text[i + 1] === "\n") {
        i++;
        line++;
      }
      endRecord();
      startLine = line;
    } else field += character;
  }
  if (isWhole && records.length < MOST_RECORDS && (field !== "" || record.length > 0)) endRecord();
  // A single line longer than what was looked at still says how many fields there are at least.
  if (records.length === 0 && record.length > 0) records.push({ fields: [...record, field], line: 1 });
  return records;
}

function isHeader(first: readonly string[], below: readonly (readonly string[])[]): boolean {
  const names = first.map((field) => field.trim());
  const named = names[0] === "" && names.length > 1 ? names.slice(1) : names;
  if (named.some((name) => name === "" || isNumber(name))) return false;
  const columns = names.map((_, i) =>
    below.map((record) => record[i]?.trim() ?? "").filter((value) => value !== ""),
  );
  if (columns.some((values) => values.length > 0 && values.every(isNumber))) return true;
  return new Set(names).size === names.length && names.every((name, i) => !columns[i]?.includes(name));
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || /^([+-]?inf(inity)?|nan|na|\?)$/i.test(text);
}

/** Names without blanks around them; an empty one becomes `cN`, a repeated one gets its position. */
function distinctNames(path: string, header: readonly string[]): { names: string[]; notice?: string } {
  const seen = new Set<string>();
  const renamed: string[] = [];
  const names = header.map((field, i) => {
    let name = field.trim() || `c${i + 1}`;
    if (seen.has(name)) {
      renamed.push(name);
      while (seen.has(name)) name = `${name} (${i + 1})`;
    }
    seen.add(name);
    return name;
  });
  if (renamed.length === 0) return { names };
  return {
    names,
    notice: `${path}: the header names ${renamed.map((name) => JSON.stringify(name)).join(", ")} more than once; the later ones got their position added`,
  };
}
