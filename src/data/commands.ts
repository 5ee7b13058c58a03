/** What `fallline data list`, `describe FILE` and `fetch NAME` answer: plain values, and as text for a terminal. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ArrayHeader, readArrayHeaders } from "./array-headers.ts";
import { cacheFolder } from "./cache-folder.ts";
import { catalogue } from "./catalogue.ts";
import { dataKindOf } from "./data-kind.ts";
import { openDataset } from "./dataset.ts";
import { formatBytes } from "./format-bytes.ts";
import { readIdxShape } from "./idx.ts";
import { readImageSize } from "./image.ts";
import { imageClasses, imageFiles } from "./image-folder.ts";
import { InputError } from "./input-error.ts";
import { openTable, type TableOptions } from "./table.ts";
import { type ColumnSummary, describeTable, type TableSummary } from "./table-summary.ts";

export { type FetchedDataset, type FetchOptions, fetchDataset } from "./fetch-dataset.ts";

/** A data set of the catalogue, as `data list` shows it. */
export interface ListedDataset {
  readonly name: string;
  readonly title: string;
  readonly contents: string;
  readonly licence: string;
  readonly citation: string;
  readonly homepage: string;
  /** Of the download. */
  readonly bytes: number;
  /** Where it is in the cache; null where it is not (or not whole). */
  readonly folder: string | null;
}

/** The data sets that can be fetched. */
export function listDatasets(options: { readonly cacheDir?: string | undefined } = {}): ListedDataset[] {
  const { cacheDir = cacheFolder() } = options;
  return catalogue.map(({ name, title, contents, licence, citation, homepage, files }) => {
    const folder = join(cacheDir, name);
    const isThere = files.every((file) =>
      [file, ...(file.members ?? [])].every((each) => existsSync(join(folder, each.name))),
    );
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { name, title, contents, licence, citation, homepage, bytes, folder: isThere ? folder : null };
  });
}

/** What a file or folder holds. */
export type FileDescription =
  | ({ readonly kind: "table" } & TableSummary)
  | {
      readonly kind: "image";
      readonly path: string;
      readonly format: string;
      readonly width: number;
      readonly height: number;
      readonly channels: number;
    }
  | { readonly kind: "idx"; readonly path: string; readonly shape: readonly number[] }
  | {
      readonly kind: "images";
      readonly path: string;
      readonly source: string;
      readonly shape: readonly number[];
      readonly classes: readonly { readonly name: string; readonly count: number }[];
    }
  | {
      readonly kind: "arrays";
      readonly path: string;
      readonly format: "npy" | "npz" | "safetensors";
      readonly arrays: readonly ArrayHeader[];
    };

/**
 * Recognises what a file or folder holds, by its content first and its name second, and describes it.
 *
 * @param path a table (or a pattern of several files), an image, an IDX, CIFAR, NPY, NPZ or safetensors file, a folder
 *   of images by class, or the name of a fetched data set
 * @throws InputError when it is none of these, or damaged
 */
export async function describeFile(path: string, options: TableOptions = {}): Promise<FileDescription> {
  const kind = await dataKindOf(path);
  switch (kind) {
    case "folder":
      return describeFolder(path);
    case "image-set":
    case "cifar":
      return describeImages(path, options);
    case "npy":
    case "npz":
    case "safetensors":
      return describeArrays(path, kind);
    case "image": {
      const { format, width, height, channels } = await readImageSize(path);
      return { kind: "image", path, format, width, height, channels };
    }
    case "idx":
      return { kind: "idx", path, shape: await readIdxShape(path) };
    case "table":
      return describeTableFile(path, options);
  }
}

async function describeTableFile(path: string, options: TableOptions): Promise<FileDescription> {
  const table = await openTable(path, options);
  try {
    return { kind: "table", ...(await describeTable(table)) };
  } finally {
    table.close();
  }
}

async function describeArrays(path: string, format: "npy" | "npz" | "safetensors"): Promise<FileDescription> {
  return { kind: "arrays", path, format, arrays: await readArrayHeaders(path, format) };
}

async function describeFolder(path: string): Promise<FileDescription> {
  const classes = await imageClasses(path);
  const [firstFile = (await imageFiles(path))[0]] = classes.flatMap(({ files }) => files);
  if (firstFile === undefined)
    return describeImages(path).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(
        `${path}: is a folder without images; expected images, one folder for each class, or a file; a pattern such as ${path}/*.csv names several tables`,
        { cause: error },
      );
    });
  const { width, height, channels } = await readImageSize(firstFile);
  const loose = classes.length === 0 ? (await imageFiles(path)).length : 0;
  const count = classes.reduce((sum, { files }) => sum + files.length, loose);
  return {
    kind: "images",
    path,
    source: classes.length > 0 ? "folder by class" : "folder of images",
    shape: [count, channels, height, width],
    classes: classes.map(({ name, files }) => ({ name, count: files.length })),
  };
}

/** IDX and CIFAR files in a folder, a CIFAR file, or a fetched data set. */
async function describeImages(
  path: string,
  { cacheDir }: Pick<TableOptions, "cacheDir"> = {},
): Promise<FileDescription> {
  const { kind, images, labels, classNames } = await openDataset(path, { cacheDir });
  const counts = new Array<number>(classNames?.length ?? 0).fill(0);
  for (const label of labels?.data ?? []) counts[Number(label)] = (counts[Number(label)] ?? 0) + 1;
  return {
    kind: "images",
    path,
    source: kind,
    shape: images.shape,
    classes: (classNames ?? []).map((name, i) => ({ name, count: counts[i] ?? 0 })),
  };
}

/** {@link listDatasets} for a terminal. */
export function formatDatasets(datasets: readonly ListedDataset[]): string {
  const rows = datasets.map(({ name, contents, bytes, licence, folder }) => [
    name,
    formatBytes(bytes),
    folder === null ? "" : "fetched",
    licence,
    contents,
  ]);
  return aligned([["name", "download", "", "licence", "contents"], ...rows]);
}

/** {@link describeFile} for a terminal. */
export function formatDescription(description: FileDescription): string {
  switch (description.kind) {
    case "table": {
      const { rows, files, hasHeader, format, columns, notices } = description;
      const head = `${counted(rows, "row")}, ${counted(columns.length, "column")} (${format}${files > 1 ? `, ${files} files` : ""}${format === "delimited" ? `, ${hasHeader ? "with" : "without"} a header` : ""})`;
      const lines = columns.map((column) => [
        String(column.position),
        column.name,
        column.type,
        column.missing === 0 ? "" : String(column.missing),
        valuesOf(column),
      ]);
      return [head, ...notices, aligned([["", "column", "type", "missing", "values"], ...lines])].join("\n");
    }
    case "image":
      return `${description.format} image, ${description.width} x ${description.height} pixels, ${description.channels === 3 ? "colour" : "grey"}`;
    case "idx":
      return `IDX file of unsigned bytes, ${description.shape.join(" x ")}`;
    case "images": {
      const [count, ...size] = description.shape;
      const classes = description.classes.map(({ name, count }) => [name, String(count)]);
      return `${counted(count ?? 0, "image")}, ${size.join(" x ")} (${description.source})${classes.length === 0 ? "" : `\n${aligned([["class", "images"], ...classes])}`}`;
    }
    case "arrays":
      return `${counted(description.arrays.length, "array")} (${description.format})\n${aligned(
        description.arrays.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(", ")}]`]),
      )}`;
  }
}

function valuesOf(column: ColumnSummary): string {
  if (column.type === "number")
    return column.minimum === null
      ? ""
      : `${short(column.minimum)} to ${short(column.maximum ?? 0)}, mean ${short(column.mean ?? 0)}`;
  if (column.isEstimate) return `about ${column.distinct} different texts`;
  const listed = column.levels.slice(0, 4).map(({ value, count }) => `${value} (${count})`);
  return `${counted(column.distinct, "level")}: ${listed.join(", ")}${column.distinct > 4 ? ", ..." : ""}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

function short(value: number): string {
  return String(Number.isSafeInteger(value) ? value : Number(value.toPrecision(5)));
}

/** Rows as columns of equal width. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
