/** The column to predict, as class numbers or as a number. A target is never imputed: a row without one is an error. */
import type { NDArray } from "../engine/ndarray.ts";
import { momentsOf } from "../numeric/statistics/moments.ts";
import { checkRows, valuesOf } from "./encode-features.ts";
import { InputError } from "./input-error.ts";
import type { TableData } from "./table.ts";
import { type ColumnReference, columnOf } from "./table-column.ts";

export interface ClassTarget {
  readonly column: string;
  /** `[rows]`, 0 ... classes - 1. */
  readonly labels: NDArray<"int64">;
  /** The user's value of each class, as text. */
  readonly classNames: readonly string[];
}

export interface ClassTargetOptions {
  /** Which rows, in this order; default all. */
  readonly rows?: ArrayLike<number>;
  /**
   * The order of classes: `sorted` (numbers by size, text by code unit) or `seen` (first row first). Default `sorted`.
   */
  readonly order?: "sorted" | "seen";
  /** The classes, as of the training rows: a value that is none of them is an error. */
  readonly classNames?: readonly string[];
  /** The most classes. Default 1000. */
  readonly mostClasses?: number;
}

/**
 * A column as classes; a number is named as JavaScript writes it (1, not 1.0).
 *
 * @throws InputError naming the row: no value, or one that is none of `classNames`; fewer than two classes or too many
 */
export function encodeClasses(
  table: TableData,
  reference: ColumnReference,
  options: ClassTargetOptions = {},
): ClassTarget {
  const { order = "sorted", mostClasses = 1000 } = options;
  const rows = options.rows ?? Array.from({ length: table.rows }, (_, i) => i);
  checkRows(table, rows);
  const column = valuesOf(table, columnOf(table, reference).name);
  const where = (row: number): string =>
    `${table.path}: row ${row + 1}: column ${JSON.stringify(column.name)}`;
  const texts: string[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    if (column.missing[row] === 1) throw new InputError(`${where(row)} has no value; expected a class`);
    texts.push(String(column.values[row]));
  }
  const classNames = options.classNames ?? [...new Set(texts)];
  if (options.classNames === undefined) {
    if (order === "sorted")
      (classNames as string[]).sort(
        column.type === "number" ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0),
      );
    if (classNames.length < 2 || classNames.length > mostClasses)
      throw new InputError(
        `${table.path}: column ${JSON.stringify(column.name)} has ${classNames.length} different values; expected 2 to ${mostClasses} classes`,
      );
  }
  const numbers = new Map(classNames.map((name, i) => [name, i]));
  const labels = BigInt64Array.from(texts, (text, i) => {
    const number = numbers.get(text);
    if (number === undefined)
      throw new InputError(
        `${where(rows[i] ?? 0)} is ${JSON.stringify(text)}; expected one of ${classNames.slice(0, 20).join(", ")}${classNames.length > 20 ? ", ..." : ""}`,
      );
    return BigInt(number);
  });
  return {
    column: column.name,
    labels: { dtype: "int64", shape: [labels.length], data: labels },
    classNames,
  };
}

export interface RegressionTarget {
  readonly column: string;
  /** `[rows]`: (value - mean) / scale. */
  readonly values: NDArray<"float64">;
  /** Of the training rows, in the column's units; the user's value is `values * scale + mean`. 0 and 1 when not standardised. */
  readonly mean: number;
  readonly scale: number;
}

/**
 * A column of numbers to predict.
 *
 * @param options.rows which rows, in this order; default all
 * @param options.standardize by the mean and standard deviation (divisor n) of these rows, or by the ones given (those of
 *   the training rows). Default false
 * @throws InputError naming the row: no value, or one that is not finite; a column of text
 */
export function encodeRegression(
  table: TableData,
  reference: ColumnReference,
  options: {
    readonly rows?: ArrayLike<number>;
    readonly standardize?: boolean | { readonly mean: number; readonly scale: number };
  } = {},
): RegressionTarget {
  const rows = options.rows ?? Array.from({ length: table.rows }, (_, i) => i);
  const { standardize = false } = options;
  checkRows(table, rows);
  const column = valuesOf(table, columnOf(table, reference).name);
  if (column.type !== "number")
    throw new InputError(
      `${table.path}: column ${JSON.stringify(column.name)} holds text; expected numbers to predict`,
    );
  const values = Float64Array.from({ length: rows.length }, (_, i) => {
    const row = rows[i] ?? 0;
    const value = column.values[row] ?? Number.NaN;
    if (column.missing[row] === 1 || !Number.isFinite(value))
      throw new InputError(
        `${table.path}: row ${row + 1}: column ${JSON.stringify(column.name)}: expected a finite number, found ${column.missing[row] === 1 ? "none" : value}`,
      );
    return value;
  });
  const { mean, scale } =
    typeof standardize === "object" ? standardize : standardize ? scaleOf(values) : { mean: 0, scale: 1 };
  if (!Number.isFinite(mean) || !Number.isFinite(scale) || scale <= 0)
    throw new RangeError(
      `encodeRegression: mean ${mean} and scale ${scale}; expected finite, the scale above 0`,
    );
  const data = values.map((value) => (value - mean) / scale);
  return { column: column.name, values: { dtype: "float64", shape: [data.length], data }, mean, scale };
}

/** The mean, and the standard deviation with divisor n, 1 for a constant. */
function scaleOf(values: Float64Array): { mean: number; scale: number } {
  const { count, mean, squares } = momentsOf(values);
  return { mean, scale: squares > 0 ? Math.sqrt(squares / count) : 1 };
}
