/** Which columns of a table are learned from, and as what. */
import { InputError } from "../../data/input-error.ts";
import type { ColumnValues, TableData } from "../../data/table.ts";
import { columnOf } from "../../data/table-column.ts";

/** More levels are names, keys or sentences: each has too few rows to learn from. */
export const MOST_LEVELS = 200;

/** A column with a larger share of numbers is taken for one of numbers, in which a text is a mistake. */
const NUMERIC_SHARE = 0.9;

export interface FeatureColumns {
  /** The table with the columns that were to be texts as texts. */
  readonly table: TableData;
  /** Columns that are no features, besides the label. */
  readonly leftOut: readonly string[];
  readonly notices: readonly string[];
}

/**
 * Looks at every column but the label.
 *
 * - A column of texts of which nine in ten are numbers is refused, unless it is named as one of texts.
 * - A column without a value in the training rows, and one of texts with more than {@link MOST_LEVELS} levels, or more
 *   than 10 and half as many as it has values, is left out: it names rows rather than describing them.
 *
 * @param options.rows the rows in use, from 0
 * @param options.train those to train on
 * @throws InputError naming row and column; for a column that is not there; when no column is left
 */
export function featureColumns(
  read: TableData,
  options: {
    readonly label: string;
    readonly textColumns: readonly string[];
    readonly except: readonly string[];
    readonly rows: ArrayLike<number>;
    readonly train: readonly number[];
  },
): FeatureColumns {
  const { label, rows, train } = options;
  const texts = new Set(options.textColumns.map((column) => columnOf(read, column).name));
  const except = new Set(options.except.map((column) => columnOf(read, column).name));
  const table = {
    ...read,
    values: read.values.map((column) => (texts.has(column.name) ? asTexts(column) : column)),
  };
  const leftOut = [...except].filter((name) => name !== label);
  const notices: string[] = [];
  const drop = (name: string, reason: string): void => {
    leftOut.push(name);
    notices.push(`column ${JSON.stringify(name)} is left out: it has ${reason}`);
  };
  for (const column of table.values) {
    const { name } = column;
    if (name === label || leftOut.includes(name)) continue;
    const present = train.filter((row) => column.missing[row] !== 1);
    if (present.length === 0) drop(name, "no value in the rows to train on");
    else if (column.type === "text") {
      if (!texts.has(name)) notices.push(...mixedNotice(read.path, column, rows));
      const levels = new Set(present.map((row) => column.values[row])).size;
      if (levels > MOST_LEVELS || (levels > 10 && levels > present.length / 2))
        drop(
          name,
          `${levels} different texts in ${present.length} rows to train on (at most ${MOST_LEVELS}, and half as many as rows, are learned from)`,
        );
    } else if (countsRows(column.values, rows))
      notices.push(
        `column ${JSON.stringify(name)} counts the rows; if it is no property of theirs, leave it out by --except ${name}`,
      );
  }
  if (leftOut.length + 1 >= table.columns.length)
    throw new InputError(
      `${read.path}: no column is left to learn from${notices[0] === undefined ? "" : `: ${notices.join("; ")}`}`,
    );
  return { table, leftOut, notices };
}

function asTexts(column: ColumnValues): ColumnValues {
  if (column.type === "text") return column;
  const values = Array.from(column.values, (value, i) => (column.missing[i] === 1 ? "" : String(value)));
  return { name: column.name, type: "text", values, missing: column.missing };
}

/**
 * What is said of a column of texts that holds many numbers.
 *
 * @throws InputError naming the first text of a column that is of numbers otherwise
 */
function mixedNotice(
  path: string,
  { name, values, missing }: Extract<ColumnValues, { type: "text" }>,
  rows: ArrayLike<number>,
): string[] {
  let numbers = 0;
  const others: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    if (missing[row] === 1) continue;
    if (isNumber(values[row] ?? "")) numbers++;
    else others.push(row);
  }
  const [first] = others;
  const share = numbers / Math.max(1, numbers + others.length);
  if (first === undefined || share < 0.5) return [];
  const found = JSON.stringify((values[first] ?? "").slice(0, 60));
  if (share >= NUMERIC_SHARE)
    throw new InputError(
      `${path}: row ${first + 1}: column ${JSON.stringify(name)}: expected a number, as ${numbers} other rows have, found ${found}${others.length > 1 ? ` (and no number in ${others.length - 1} more rows)` : ""}; mend it, or name the column in --text-columns or --except`,
    );
  return [
    `column ${JSON.stringify(name)} is taken as texts: ${numbers} of its values are numbers, ${others.length} are not (row ${first + 1}: ${found})`,
  ];
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
}

/** Whether each row in use has its own place plus a constant. */
function countsRows(values: Float64Array, rows: ArrayLike<number>): boolean {
  const first = values[rows[0] ?? 0] ?? Number.NaN;
  const shift = first - (rows[0] ?? 0);
  for (let i = 0; i < rows.length; i++) if (values[rows[i] ?? 0] !== (rows[i] ?? 0) + shift) return false;
  return rows.length > 2;
}
