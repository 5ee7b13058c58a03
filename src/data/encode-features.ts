/**
 * Columns of a table as numbers for learning: numbers standardised, text one-hot. Means, deviations and levels come
 * from the training rows only; an encoder is plain JSON, so that a run records it and applies it to new rows. Every
 * feature knows the user's column (and level) it is made of.
 */
import type { NDArray } from "../engine/ndarray.ts";
import { addValue, momentsOf } from "../numeric/statistics/moments.ts";
import { InputError } from "./input-error.ts";
import type { ColumnValues, TableData } from "./table.ts";
import { type ColumnReference, columnOf } from "./table-column.ts";

/**
 * What is done with a missing value: `error` stops; `impute` takes the mean (numbers) or the most frequent level
 * (text) of the training rows; `indicator` does that for numbers and adds a column that is 1 where the value was
 * missing, and gives text a level of its own, "(missing)".
 */
export type MissingPolicy = "error" | "impute" | "indicator";

export interface NumberEncoding {
  readonly type: "number";
  readonly column: string;
  /** Subtracted, of the training rows; 0 where numbers are not standardised. */
  readonly mean: number;
  /** Divided by: the standard deviation (divisor n) of the training rows, 1 for a constant. */
  readonly scale: number;
  /** In place of a missing value, in the column's units. */
  readonly fill: number;
  readonly hasIndicator: boolean;
}

export interface TextEncoding {
  readonly type: "text";
  readonly column: string;
  /** The levels of the training rows, sorted by code unit; one feature each. */
  readonly levels: readonly string[];
  /** Whether a last feature stands for every level that training rows did not have. */
  readonly hasOther: boolean;
  /** The level taken for a missing value. */
  readonly fill: string;
  readonly hasIndicator: boolean;
}

/** How columns become features: plain JSON. */
export interface FeatureEncoder {
  readonly missing: MissingPolicy;
  readonly columns: readonly (NumberEncoding | TextEncoding)[];
}

/** What a feature is made of. */
export type FeatureSource =
  | { readonly column: string; readonly kind: "number" | "missing" | "other" }
  | { readonly column: string; readonly kind: "level"; readonly level: string };

export interface EncodedFeatures {
  /** `[rows, features]`. */
  readonly features: NDArray<"float64">;
  /** `age`, `age=(missing)`, `work=Private`, `work=(missing)`, `work=(other)`. */
  readonly names: readonly string[];
  readonly sources: readonly FeatureSource[];
}

export interface FeatureEncoderOptions {
  /** The training rows (from 0); default all. */
  readonly rows?: ArrayLike<number>;
  /** Which columns; default all but `except`. */
  readonly columns?: readonly ColumnReference[];
  /** Columns left out: the target, row names. */
  readonly except?: readonly ColumnReference[];
  /** Default `error`. */
  readonly missing?: MissingPolicy;
  /** Whether numbers are standardised. Default true. */
  readonly standardize?: boolean;
  /** The most levels a text column may have: more are names or sentences. Default 1000. */
  readonly mostLevels?: number;
}

const MISSING_LEVEL = "(missing)";

/**
 * Learns an encoding from the training rows of a table.
 *
 * @throws InputError naming column and row: a missing value under the policy `error`, a number that is not finite, a
 *   text column with too many levels, a column without any value in the training rows
 */
export function fitFeatureEncoder(table: TableData, options: FeatureEncoderOptions = {}): FeatureEncoder {
  const { missing = "error", standardize = true, mostLevels = 1000 } = options;
  const rows = options.rows ?? Array.from({ length: table.rows }, (_, i) => i);
  const left = new Set((options.except ?? []).map((column) => columnOf(table, column).name));
  const names = (options.columns ?? table.columns.map((column) => column.name))
    .map((column) => columnOf(table, column).name)
    .filter((name) => !left.has(name));
  if (names.length === 0) throw new InputError(`${table.path}: no columns are left to learn from`);
  if (rows.length === 0) throw new InputError(`${table.path}: there are no training rows`);
  checkRows(table, rows);
  const columns = names.map((name) => {
    const column = valuesOf(table, name);
    if (missing === "error") refuseMissing(table, column, rows);
    return column.type === "number"
      ? fitNumbers(table, column, rows, standardize, missing)
      : fitLevels(table, column, rows, mostLevels, missing);
  });
  return { missing, columns };
}

/**
 * The features of rows of a table with the encoder's columns (found by name).
 *
 * @param rows which rows, in this order; default all
 * @throws InputError naming column and row: a missing value under the policy `error`, a number that is not finite, a
 *   column that is absent or of another type
 */
export function encodeFeatures(
  encoder: FeatureEncoder,
  table: TableData,
  rows: ArrayLike<number> = Array.from({ length: table.rows }, (_, i) => i),
): EncodedFeatures {
  checkRows(table, rows);
  const sources = featureSources(encoder);
  const width = sources.length;
  const data = new Float64Array(rows.length * width);
  let first = 0;
  for (const encoding of encoder.columns) {
    const column = valuesOf(table, columnOf(table, encoding.column).name);
    if (column.type !== encoding.type)
      throw new InputError(
        `${table.path}: column ${JSON.stringify(encoding.column)} is of ${column.type}; expected ${encoding.type}, as in the training rows`,
      );
    if (encoder.missing === "error") refuseMissing(table, column, rows);
    if (encoding.type === "number" && column.type === "number")
      encodeNumbers(table, encoding, column, rows, data, first, width);
    else if (encoding.type === "text" && column.type === "text")
      encodeLevels(encoding, column, rows, data, first, width);
    first += featureCount(encoding);
  }
  return {
    features: { dtype: "float64", shape: [rows.length, width], data },
    names: sources.map(featureName),
    sources,
  };
}

/** What the encoder's features are made of, in their order. */
export function featureSources(encoder: FeatureEncoder): FeatureSource[] {
  return encoder.columns.flatMap((encoding): FeatureSource[] => {
    const { column } = encoding;
    if (encoding.type === "number")
      return [
        { column, kind: "number" },
        ...(encoding.hasIndicator ? [{ column, kind: "missing" } as const] : []),
      ];
    return [
      ...encoding.levels.map((level) => ({ column, kind: "level", level }) as const),
      ...(encoding.hasIndicator ? [{ column, kind: "missing" } as const] : []),
      ...(encoding.hasOther ? [{ column, kind: "other" } as const] : []),
    ];
  });
}

/** A decoded value: the user's, or why there is none. */
export type DecodedValue = number | string | { readonly kind: "missing" | "other" };

/**
 * The user's values of one encoded row: the column's number in its units, the level whose feature is largest.
 *
 * @param features one row of {@link EncodedFeatures.features}, or a changed or recovered one
 * @throws RangeError when it does not have the encoder's number of features
 */
export function decodeFeatures(
  encoder: FeatureEncoder,
  features: ArrayLike<number>,
): Record<string, DecodedValue> {
  const width = encoder.columns.reduce((sum, encoding) => sum + featureCount(encoding), 0);
  if (features.length !== width)
    throw new RangeError(`decodeFeatures: ${features.length} features; the encoder makes ${width}`);
  const decoded: [string, DecodedValue][] = [];
  let first = 0;
  for (const encoding of encoder.columns) {
    const count = featureCount(encoding);
    const own = Array.from({ length: count }, (_, i) => features[first + i] ?? 0);
    decoded.push([encoding.column, decodeColumn(encoding, own)]);
    first += count;
  }
  return Object.fromEntries(decoded);
}

function decodeColumn(encoding: NumberEncoding | TextEncoding, own: readonly number[]): DecodedValue {
  if (encoding.type === "number") {
    if (encoding.hasIndicator && (own[1] ?? 0) > 0.5) return { kind: "missing" };
    return (own[0] ?? 0) * encoding.scale + encoding.mean;
  }
  const largest = own.reduce((best, value, i) => (value > (own[best] ?? 0) ? i : best), 0);
  const level = encoding.levels[largest];
  if (level !== undefined) return level;
  return { kind: encoding.hasIndicator && largest === encoding.levels.length ? "missing" : "other" };
}

function fitNumbers(
  table: TableData,
  { name, values, missing }: Extract<ColumnValues, { type: "number" }>,
  rows: ArrayLike<number>,
  standardize: boolean,
  policy: MissingPolicy,
): NumberEncoding {
  const moments = momentsOf();
  let hasMissing = false;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    if (missing[row] === 1) {
      hasMissing = true;
      continue;
    }
    const value = values[row] ?? Number.NaN;
    if (!Number.isFinite(value)) throw notFinite(table, name, row, value);
    addValue(moments, value);
  }
  const { count, mean, squares } = moments;
  if (count === 0) throw noValues(table, name);
  const deviation = Math.sqrt(squares / count);
  const isScaled = standardize && deviation > 0 && Number.isFinite(deviation);
  return {
    type: "number",
    column: name,
    mean: standardize ? mean : 0,
    scale: isScaled ? deviation : 1,
    fill: mean,
    hasIndicator: policy === "indicator" && hasMissing,
  };
}

function fitLevels(
  table: TableData,
  { name, values, missing }: Extract<ColumnValues, { type: "text" }>,
  rows: ArrayLike<number>,
  mostLevels: number,
  policy: MissingPolicy,
): TextEncoding {
  const counts = new Map<string, number>();
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    if (missing[row] !== 1) counts.set(values[row] ?? "", (counts.get(values[row] ?? "") ?? 0) + 1);
  }
  if (counts.size === 0) throw noValues(table, name);
  if (counts.size > mostLevels)
    throw new InputError(
      `${table.path}: column ${JSON.stringify(name)} has ${counts.size} different texts in the training rows; expected at most ${mostLevels} levels: leave the column out`,
    );
  const levels = [...counts.keys()].sort();
  const fill = levels.reduce(
    (best, level) => ((counts.get(level) ?? 0) > (counts.get(best) ?? 0) ? level : best),
    levels[0] ?? "",
  );
  return { type: "text", column: name, levels, hasOther: true, fill, hasIndicator: policy === "indicator" };
}

function encodeNumbers(
  table: TableData,
  { mean, scale, fill, hasIndicator }: NumberEncoding,
  { name, values, missing }: Extract<ColumnValues, { type: "number" }>,
  rows: ArrayLike<number>,
  data: Float64Array,
  first: number,
  width: number,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const isMissing = missing[row] === 1;
    const value = isMissing ? fill : (values[row] ?? Number.NaN);
    if (!Number.isFinite(value)) throw notFinite(table, name, row, value);
    data[i * width + first] = (value - mean) / scale;
    if (hasIndicator && isMissing) data[i * width + first + 1] = 1;
  }
}

function encodeLevels(
  { levels, fill, hasIndicator }: TextEncoding,
  { values, missing }: Extract<ColumnValues, { type: "text" }>,
  rows: ArrayLike<number>,
  data: Float64Array,
  first: number,
  width: number,
): void {
  const positions = new Map(levels.map((level, i) => [level, i]));
  const other = levels.length + (hasIndicator ? 1 : 0);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    let position = positions.get(values[row] ?? "") ?? other;
    if (missing[row] === 1) position = hasIndicator ? levels.length : (positions.get(fill) ?? other);
    data[i * width + first + position] = 1;
  }
}

function featureCount(encoding: NumberEncoding | TextEncoding): number {
  const indicator = encoding.hasIndicator ? 1 : 0;
  return encoding.type === "number"
    ? 1 + indicator
    : encoding.levels.length + indicator + (encoding.hasOther ? 1 : 0);
}

function featureName(source: FeatureSource): string {
  switch (source.kind) {
    case "number":
      return source.column;
    case "level":
      return `${source.column}=${source.level}`;
    case "missing":
      return `${source.column}=${MISSING_LEVEL}`;
    case "other":
      return `${source.column}=(other)`;
  }
}

/** The values of a column by its name. */
export function valuesOf(table: TableData, name: string): ColumnValues {
  const column = table.values.find((candidate) => candidate.name === name);
  if (column === undefined)
    throw new InputError(`${table.path}: column ${JSON.stringify(name)} was not read`);
  return column;
}

/** @throws RangeError for a row that the table does not have */
export function checkRows(table: TableData, rows: ArrayLike<number>): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? Number.NaN;
    if (!Number.isInteger(row) || row < 0 || row >= table.rows)
      throw new RangeError(`row ${row} is not one of the ${table.rows} rows of ${table.path} (from 0)`);
  }
}

function refuseMissing(table: TableData, { name, missing }: ColumnValues, rows: ArrayLike<number>): void {
  for (let i = 0; i < rows.length; i++)
    if (missing[rows[i] ?? 0] === 1)
      throw new InputError(
        `${table.path}: row ${(rows[i] ?? 0) + 1}: column ${JSON.stringify(name)} has no value; expected one, or a policy for missing values (impute or indicator)`,
      );
}

function notFinite(table: TableData, name: string, row: number, value: number): InputError {
  return new InputError(
    `${table.path}: row ${row + 1}: column ${JSON.stringify(name)}: expected a finite number, found ${value}`,
  );
}

function noValues(table: TableData, name: string): InputError {
  return new InputError(
    `${table.path}: column ${JSON.stringify(name)} has no value in the training rows; leave it out`,
  );
}
