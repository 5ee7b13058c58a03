/** Labelled images as three sets of standardised examples. */
import { type ImageDataset, openDataset } from "../../data/dataset.ts";
import type { ImageShape } from "../../data/image.ts";
import { InputError } from "../../data/input-error.ts";
import { pictureOf } from "../../data/picture.ts";
import { allocate } from "../../engine/dtype.ts";
import type { NDArray } from "../../engine/ndarray.ts";
import { addValue, momentsOf } from "../../numeric/statistics/moments.ts";
import { type DataPart, type DataRequest, type PartName, type PreparedImages, rowAt } from "./data-parts.ts";
import { divideRows, drawRows, fewerNotice, rowsOfParts } from "./three-parts.ts";

/** Subtracted from each channel, and then divided by. */
interface Standardisation {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

type Images = NDArray<"float32" | "float64">;

/**
 * {@link prepareData} of images.
 *
 * @throws InputError as there
 */
export async function prepareImages(request: DataRequest): Promise<PreparedImages> {
  requireNoTableOptions(request);
  const { data, rows: count, stream, imageShape, cacheDir, onProgress, signal } = request;
  const shape = imageShape && checkedShape(imageShape);
  const dtype = request.dtype ?? "float32";
  const dataset = await openDataset(data, { dtype, shape, cacheDir, onProgress, signal });
  const { images, classNames } = dataset;
  const labels = labelsOf(data, dataset);
  const before = stream.state();
  const available = labels.length;
  const rows = drawRows(available, count, stream);
  const own = BigInt64Array.from(rows, (row) => labels[row] ?? 0n);
  const present = new Set(own);
  if (present.size < 2)
    throw new InputError(
      `${data}: holds one class only (${classNames?.[Number(own[0])]}); expected two or more`,
    );
  const names = classNames ?? [];
  const divided = divideRows(request, rows, own, names, stream);
  const standardisation = standardisationOf(images, divided.parts.train);
  const partOf = (name: PartName): DataPart => {
    const chosen = divided.parts[name];
    const y = BigInt64Array.from(chosen, (row) => labels[row] ?? 0n);
    return {
      examples: {
        x: standardised(images, chosen, standardisation),
        y: { dtype: "int64", shape: [y.length], data: y },
      },
      rows: chosen.map((row) => row + 1),
    };
  };
  const parts = { train: partOf("train"), validation: partOf("validation"), test: partOf("test") };
  const fileOf = (row: number): string | undefined =>
    dataset.kind === "folder" ? dataset.files[row - 1] : undefined;
  return {
    kind: "images",
    classNames: names,
    inputShape: images.shape.slice(1),
    dtype,
    parts,
    notices: [...dataset.notices, ...fewerNotice(data, count, available, "images"), ...divided.notices],
    manifest: {
      data,
      files: dataset.kind === "folder" ? [] : dataset.files,
      kind: "images",
      classNames: names,
      available,
      dtype,
      fractions: divided.fractions,
      stream: before,
      parts: rowsOfParts(parts),
      ...standardisation,
    },
    describeRow(part, index) {
      const row = rowAt(parts, part, index);
      const file = fileOf(row);
      const label = names[Number(labels[row - 1])] ?? "";
      return { row, label, ...(file !== undefined && { file }) };
    },
    pictureOf(part, index, options) {
      rowAt(parts, part, index);
      return pictureOf(restored(parts[part].examples.x, index, standardisation), options);
    },
  };
}

function checkedShape([channels, height, width, ...more]: readonly number[]): ImageShape {
  if ((channels !== 1 && channels !== 3) || height === undefined || width === undefined || more.length > 0)
    throw new InputError(
      `--image-shape ${[channels, height, width, ...more].join(",")}: expected channels (1 or 3), height and width`,
    );
  return [channels, height, width];
}

function requireNoTableOptions({ data, label, header, textColumns = [], except = [] }: DataRequest): void {
  const given =
    label !== undefined
      ? `--label ${label}`
      : header !== undefined
        ? "--header"
        : textColumns.length > 0
          ? "--text-columns"
          : except.length > 0
            ? "--except"
            : undefined;
  if (given !== undefined)
    throw new InputError(
      `${given}: ${data} holds images, which have their classes and no columns; leave it out`,
    );
}

function labelsOf(data: string, { labels, classNames }: ImageDataset): BigInt64Array {
  if (labels === null || classNames === null)
    throw new InputError(
      `${data}: nothing says the classes of its images; expected a folder with a subfolder for each class, or labels beside an IDX file`,
    );
  return labels.data;
}

/** Each channel's mean and standard deviation (divisor n; 1 for a constant) over all pixels of images. */
function standardisationOf({ shape, data }: Images, chosen: readonly number[]): Standardisation {
  const [, channels = 1, height = 1, width = 1] = shape;
  const area = height * width;
  const moments = Array.from({ length: channels }, () => momentsOf());
  for (const image of chosen)
    for (const [channel, own] of moments.entries()) {
      const first = (image * channels + channel) * area;
      for (let i = first; i < first + area; i++) addValue(own, data[i] ?? 0);
    }
  return {
    mean: moments.map(({ mean }) => mean),
    deviation: moments.map(({ count, squares }) => (squares > 0 ? Math.sqrt(squares / count) : 1)),
  };
}

function standardised(
  { dtype, shape, data }: Images,
  chosen: readonly number[],
  { mean, deviation }: Standardisation,
): Images {
  const [, ...rest] = shape;
  const [channels = 1, height = 1, width = 1] = rest;
  const area = height * width;
  const out = allocate(dtype, chosen.length * channels * area);
  for (const [place, image] of chosen.entries())
    for (let channel = 0; channel < channels; channel++) {
      const from = (image * channels + channel) * area;
      const to = (place * channels + channel) * area;
      const [shift, scale] = [mean[channel] ?? 0, deviation[channel] ?? 1];
      for (let i = 0; i < area; i++) out[to + i] = ((data[from + i] ?? 0) - shift) / scale;
    }
  return { dtype, shape: [chosen.length, ...rest], data: out };
}

/** One image [channels, height, width] with values of [0, 1]. */
function restored(
  { shape, data }: NDArray,
  index: number,
  { mean, deviation }: Standardisation,
): NDArray<"float64"> {
  const [, ...rest] = shape;
  const [channels = 1, height = 1, width = 1] = rest;
  const area = height * width;
  const size = channels * area;
  const out = Float64Array.from({ length: size }, (_, i) => {
    const channel = Math.floor(i / area);
    return Number(data[index * size + i]) * (deviation[channel] ?? 1) + (mean[channel] ?? 0);
  });
  return { dtype: "float64", shape: rest, data: out };
}
