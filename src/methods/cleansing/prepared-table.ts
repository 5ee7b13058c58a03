/** A table as three sets of encoded examples. */
import { encodeFeatures, type FeatureEncoder, fitFeatureEncoder } from "../../data/encode-features.ts";
import { encodeClasses } from "../../data/encode-target.ts";
import { InputError } from "../../data/input-error.ts";
import { readTable, type TableData } from "../../data/table.ts";
import { columnOf } from "../../data/table-column.ts";
import { castArray } from "../../engine/ndarray.ts";
import { type DataPart, type DataRequest, type PartName, type PreparedTable, rowAt } from "./data-parts.ts";
import { featureColumns } from "./feature-columns.ts";
import { divideRows, drawRows, fewerNotice, rowsOfParts } from "./three-parts.ts";

/** More are no classes but values of a number or names. */
const MOST_CLASSES = 100;
/** On average; with fewer, a column tells rows apart and not classes. */
const FEWEST_ROWS_OF_A_CLASS = 2;

/**
 * {@link prepareData} of a table.
 *
 * @throws InputError as there
 */
export async function prepareTable(request: DataRequest): Promise<PreparedTable> {
  const { data, header, missing = "indicator", dtype = "float64", stream, cacheDir, signal } = request;
  if (request.imageShape !== undefined)
    throw new InputError(`--image-shape ${request.imageShape.join(",")}: ${data} is a table; leave it out`);
  const read = await readTable(data, { header, cacheDir, signal });
  const label = labelOf(read, request.label);
  const before = stream.state();
  const rows = drawRows(read.rows, request.rows, stream);
  const mostClasses = Math.max(2, Math.min(MOST_CLASSES, Math.floor(rows.length / FEWEST_ROWS_OF_A_CLASS)));
  const target = encodeClasses(read, label, { rows, mostClasses });
  const { classNames } = target;
  const divided = divideRows(request, rows, target.labels.data, classNames, stream);
  const { train } = divided.parts;
  const { textColumns = [], except = [] } = request;
  const columns = featureColumns(read, { label, textColumns, except, rows, train });
  const { table, leftOut } = columns;
  const encoder = fitFeatureEncoder(table, { rows: train, except: [label, ...leftOut], missing });
  const featureNames = encodeFeatures(encoder, table, []).names;
  const partOf = (name: PartName): DataPart => {
    const chosen = divided.parts[name];
    const { features } = encodeFeatures(encoder, table, chosen);
    const { labels } = encodeClasses(table, label, { rows: chosen, classNames });
    return {
      examples: { x: castArray(features, dtype), y: labels },
      rows: chosen.map((row) => row + 1),
    };
  };
  const parts = { train: partOf("train"), validation: partOf("validation"), test: partOf("test") };
  return {
    kind: "table",
    classNames,
    inputShape: [featureNames.length],
    featureNames,
    dtype,
    parts,
    notices: [
      ...read.notices,
      ...fewerNotice(data, request.rows, read.rows, "rows"),
      ...columns.notices,
      ...missingNotice(table, encoder, rows),
      ...divided.notices,
    ],
    manifest: {
      data,
      files: read.files,
      kind: "table",
      classNames,
      available: read.rows,
      dtype,
      fractions: divided.fractions,
      stream: before,
      parts: rowsOfParts(parts),
      label,
      encoder,
      leftOut,
    },
    describeRow(part, index) {
      const row = rowAt(parts, part, index);
      const values = Object.fromEntries(
        read.values.map((column) => [
          column.name,
          column.missing[row - 1] === 1 ? null : (column.values[row - 1] ?? null),
        ]),
      );
      return { row, label: String(values[label]), values };
    },
  };
}

/** @throws InputError when there is no such column, or none was said */
function labelOf(table: TableData, label: string | undefined): string {
  if (label !== undefined) return columnOf(table, label).name;
  const names = table.columns.map((column) => column.name);
  throw new InputError(
    `--label: expected the column of ${table.path} that says each row's class, one of ${names.slice(0, 30).join(", ")}${names.length > 30 ? ", ..." : ""} (or its number, or last), found nothing`,
  );
}

/** Which columns miss how many values, and what was done about it. */
function missingNotice(table: TableData, encoder: FeatureEncoder, rows: ArrayLike<number>): string[] {
  const features = new Map(encoder.columns.map((encoding) => [encoding.column, encoding.type]));
  const found = table.values.flatMap(({ name, missing }) => {
    let count = 0;
    for (let i = 0; i < rows.length; i++) count += missing[rows[i] ?? 0] ?? 0;
    const type = features.get(name);
    return type === undefined || count === 0 ? [] : [{ name, count, type }];
  });
  if (found.length === 0) return [];
  const has = (type: "number" | "text"): boolean => found.some((column) => column.type === type);
  const isMarked = encoder.missing === "indicator";
  const done = [
    ...(has("number")
      ? [`numbers take the mean of the rows to train on${isMarked ? " and a mark" : ""}`]
      : []),
    ...(has("text")
      ? [isMarked ? "texts take a level of their own" : "texts take the most frequent level"]
      : []),
  ];
  return [
    `values are missing in ${found.map(({ name, count }) => `${name} (${count} row${count === 1 ? "" : "s"})`).join(", ")}: ${done.join(", ")}`,
  ];
}
