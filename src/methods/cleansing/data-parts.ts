/**
 * A user's data as three disjoint sets of examples: rows to train on, rows by whose loss they are judged (validation), and
 * rows that did neither (test). Rows keep the numbers they have in the user's file, from 1; a header is no row.
 */
import type { FeatureEncoder, MissingPolicy } from "../../data/encode-features.ts";
import type { Picture, PictureOptions } from "../../data/picture.ts";
import type { RandomStream, RandomStreamState } from "../../numeric/random.ts";
import type { Examples } from "../../training/problem.ts";

export interface DataRequest {
  /** A path, a pattern of several tables, or the name of a fetched data set. */
  readonly data: string;
  /** The column of a table with the class: its name, its number from 1, or `last`. */
  readonly label?: string | undefined;
  /** Whether a delimited file has a header; recognised by default. */
  readonly header?: boolean | undefined;
  /** Shares of the rows. Default 0.2 each. */
  readonly validation?: number;
  readonly test?: number;
  /** Use only so many rows, drawn at random; default all. */
  readonly rows?: number | undefined;
  /** Rows of a training step: there must be as many training rows. Default 1 */
  readonly batch?: number;
  /** Default `indicator`. */
  readonly missing?: MissingPolicy;
  /** Columns of a table taken as texts though they hold numbers. */
  readonly textColumns?: readonly string[];
  /** Columns of a table left out. */
  readonly except?: readonly string[];
  /** Of the images of a folder, [channels, height, width]; default that of the first. */
  readonly imageShape?: readonly number[] | undefined;
  /** Default float64 for tables, float32 for images. */
  readonly dtype?: "float32" | "float64" | undefined;
  /** Decides which rows are used and in which part they are. */
  readonly stream: RandomStream;
  /** Where fetched data sets are. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type PartName = "train" | "validation" | "test";

export const partNames: readonly PartName[] = ["train", "validation", "test"];

/** The examples of one part. */
export interface DataPart {
  /** x `[n, ...inputShape]`; y int64 `[n]`, 0 ... classes - 1. */
  readonly examples: Examples;
  /** Which row of the user's file (image of the data set), from 1, each example is; ascending. */
  readonly rows: readonly number[];
}

/** A row as its user knows it. */
export interface RowDescription {
  /** From 1. */
  readonly row: number;
  /** The name of its class. */
  readonly label: string;
  /** Of a table: each column's value, null where it is missing; columns left out of the features too. */
  readonly values?: Readonly<Record<string, string | number | null>>;
  /** Of an image that has a file of its own. */
  readonly file?: string;
}

/** Which rows are in which part and how they became examples: plain JSON that a run keeps. */
export interface DataManifest {
  readonly data: string;
  readonly files: readonly string[];
  readonly kind: "table" | "images";
  readonly classNames: readonly string[];
  /** Rows in the file. */
  readonly available: number;
  readonly dtype: "float32" | "float64";
  readonly fractions: { readonly [part: string]: number };
  /** The stream's place before the rows were drawn; absent where none were. */
  readonly stream?: RandomStreamState;
  /** Rows from 1, ascending; no row is in two parts. */
  readonly parts: Readonly<Record<PartName, readonly number[]>>;
  /** Of a table. */
  readonly label?: string;
  readonly encoder?: FeatureEncoder;
  /** Columns that are no features, besides the label. */
  readonly leftOut?: readonly string[];
  /** Of images: what each channel was shifted and divided by. */
  readonly mean?: readonly number[];
  readonly deviation?: readonly number[];
}

interface Prepared {
  readonly classNames: readonly string[];
  /** One example. */
  readonly inputShape: readonly number[];
  readonly dtype: "float32" | "float64";
  readonly parts: Readonly<Record<PartName, DataPart>>;
  /** What was decided or done that the user may want to know, in words. */
  readonly notices: readonly string[];
  readonly manifest: DataManifest;
  /** @throws RangeError when the part has no such example (from 0) */
  describeRow(part: PartName, index: number): RowDescription;
}

export interface PreparedTable extends Prepared {
  readonly kind: "table";
  /** `age`, `work=Private`, ... */
  readonly featureNames: readonly string[];
}

export interface PreparedImages extends Prepared {
  readonly kind: "images";
  /**
   * An example as it was before it was standardised.
   *
   * @throws RangeError when the part has no such example (from 0)
   */
  pictureOf(part: PartName, index: number, options?: PictureOptions): Picture;
}

export type PreparedData = PreparedTable | PreparedImages;

/**
 * Where a row of the user's file is.
 *
 * @param row from 1
 * @returns undefined for a row that is in no part
 */
export function findRow(
  { parts }: Pick<Prepared, "parts">,
  row: number,
): { readonly part: PartName; readonly index: number } | undefined {
  for (const part of partNames) {
    const index = parts[part].rows.indexOf(row);
    if (index >= 0) return { part, index };
  }
  return undefined;
}

/** The row of the user's file, from 1, that an example is. @throws RangeError when there is none */
export function rowAt(parts: Prepared["parts"], part: PartName, index: number): number {
  const row = parts[part].rows[index];
  if (row === undefined)
    throw new RangeError(`${part} has ${parts[part].rows.length} examples; found index ${index}`);
  return row;
}
