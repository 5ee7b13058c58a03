/**
 * The labelled images a user names by one path: a folder with a subfolder for each class, MNIST's or CIFAR's files, a
 * folder of those, a picture, or a fetched data set by its name.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { allocate } from "../engine/dtype.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { withByteReader } from "./byte-reader.ts";
import { cacheFolder } from "./cache-folder.ts";
import { catalogue } from "./catalogue.ts";
import { readCifar10, readCifar100 } from "./cifar.ts";
import { cifar10Classes, cifar100Classes, fashionMnistClasses } from "./class-names.ts";
import { catalogueEntry } from "./fetch-dataset.ts";
import { hasIdxMagic, readIdx, readIdxImages, readIdxShape } from "./idx.ts";
import type { ImageShape } from "./image.ts";
import { hasImageSignature } from "./image-file.ts";
import { imageClasses, imageFiles, readImageFolder, readImages } from "./image-folder.ts";
import { InputError } from "./input-error.ts";
import { checkedSelection, type Selection } from "./selection.ts";

export interface DatasetOptions extends Selection {
  /** Which part, where a folder or a data set has both. Default train */
  readonly split?: "train" | "test";
  /** For pictures: `[channels, height, width]`; default: that of the first. IDX and CIFAR images keep theirs. */
  readonly shape?: ImageShape | undefined;
  /** Of the pixels. Default float32 */
  readonly dtype?: "float32" | "float64";
  /** The labels' IDX file, where it does not lie beside the images under the usual name. */
  readonly labels?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImageDataset {
  readonly kind: "folder" | "pictures" | "idx" | "cifar-10" | "cifar-100";
  /** `[n, channels, height, width]`, values in [0, 1]. */
  readonly images: NDArray<"float32" | "float64">;
  /** `[n]`, 0 ... classes - 1; null where nothing says them. */
  readonly labels: NDArray<"int64"> | null;
  /** The name of each class; null without labels. */
  readonly classNames: readonly string[] | null;
  /** The files read. */
  readonly files: readonly string[];
  /** What was decided or done in reading, in words. */
  readonly notices: readonly string[];
}

/**
 * Reads labelled images.
 *
 * @param path a folder by class; a folder of pictures; a picture; an IDX file of images (labels beside it:
 *   `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, .gz or not); a CIFAR-10 or CIFAR-100 binary file (.gz or
 *   not); a folder with such files; or the name of a fetched data set
 * @param options.start the first image, of `count` (default all)
 * @throws InputError with what was found and what is accepted
 * @example const { images, labels } = await openDataset("data_batch_1.bin", { count: 100 });
 */
export async function openDataset(path: string, options: DatasetOptions = {}): Promise<ImageDataset> {
  switch (await kindOfPath(path)) {
    case "folder":
      return openFolder(path, options);
    case "file":
      return openFile(path, options);
    default:
      return openFetched(path, options);
  }
}

async function kindOfPath(path: string): Promise<"folder" | "file" | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() ? "folder" : stats === undefined ? undefined : "file";
}

async function openFetched(path: string, options: DatasetOptions): Promise<ImageDataset> {
  const isName = catalogue.some((entry) => entry.name === path.toLowerCase());
  if (!isName) throw new InputError(`${path}: there is no such file or folder; ${ACCEPTED}`);
  const { name, columns } = catalogueEntry(path);
  if (columns !== undefined) throw new InputError(`${path}: is a table; ${ACCEPTED}`);
  const folder = join(options.cacheDir ?? cacheFolder(), name);
  if ((await kindOfPath(folder)) !== "folder")
    throw new InputError(`${path}: is not fetched yet; expected that fallline data fetch ${name} ran before`);
  return openFolder(folder, options);
}

const ACCEPTED =
  "expected a folder with a subfolder of images for each class, an image, an IDX file of images, or a CIFAR binary file";

async function openFolder(path: string, options: DatasetOptions): Promise<ImageDataset> {
  const { split = "train" } = options;
  const names = (await readdir(path)).sort();
  const matching = (pattern: RegExp) =>
    names.filter((name) => pattern.test(name)).map((name) => join(path, name));
  const idx = matching(
    split === "train" ? /^train-images[-.]idx3-ubyte(\.gz)?$/ : /^t10k-images[-.]idx3-ubyte(\.gz)?$/,
  );
  if (idx[0] !== undefined) return openIdx(idx[0], options);
  const batches = matching(split === "train" ? /^data_batch_\d\.bin(\.gz)?$/ : /^test_batch\.bin(\.gz)?$/);
  if (batches.length > 0) return openCifar(distinctFiles(batches), "cifar-10", options);
  const cifar100 = matching(split === "train" ? /^train\.bin(\.gz)?$/ : /^test\.bin(\.gz)?$/);
  if (cifar100[0] !== undefined) return openCifar([cifar100[0]], "cifar-100", options);
  if ((await imageClasses(path)).length > 0) return openClasses(path, options);
  const pictures = await imageFiles(path);
  if (pictures.length > 0) return openPictures(path, pictures, options);
  throw new InputError(`${path}: the folder holds no such data; ${ACCEPTED}`);
}

/** A file and its compressed copy are one. */
function distinctFiles(paths: readonly string[]): string[] {
  return paths.filter((path) => !path.endsWith(".gz") || !paths.includes(path.slice(0, -3)));
}

async function openFile(path: string, options: DatasetOptions): Promise<ImageDataset> {
  const { head, isWhole } = await withByteReader(path, async (reader) => ({
    head: await reader.readUpTo(16),
    isWhole: await reader.isAtEnd(),
  }));
  if (head.length === 0) throw new InputError(`${path}: the file is empty; ${ACCEPTED}`);
  if (hasIdxMagic(head) && !isCifarName(path)) return openIdx(path, options);
  if (!isWhole && (isCifarName(path) || !hasImageSignature(head))) {
    const kind = await cifarKind(path);
    if (kind !== undefined) return openCifar([path], kind, options);
    if (isCifarName(path))
      throw new InputError(
        `${path}: expected whole CIFAR records (of 3073 bytes, CIFAR-100's of 3074), found another size; ${ACCEPTED}`,
      );
  }
  return openPictures(path, [path], options);
}

function isCifarName(path: string): boolean {
  return /\.bin(\.gz)?$/i.test(path);
}

/** Which of CIFAR's two record sizes divides the file; the name decides where both do. */
export async function cifarKind(path: string): Promise<"cifar-10" | "cifar-100" | undefined> {
  const size = await withByteReader(path, async (reader) => {
    if (!reader.isCompressed) return reader.largestSize;
    const most = 3074 * 60_000 + 1;
    let total = 0;
    for (;;) {
      const { length } = await reader.readUpTo(1 << 20);
      total += length;
      if (length === 0 || total > most) return total;
    }
  });
  const isTen = size > 0 && size % 3073 === 0;
  const isHundred = size > 0 && size % 3074 === 0;
  if (isTen && isHundred) return /100|^(train|test)\.bin/.test(basename(path)) ? "cifar-100" : "cifar-10";
  return isTen ? "cifar-10" : isHundred ? "cifar-100" : undefined;
}

async function openIdx(path: string, options: DatasetOptions): Promise<ImageDataset> {
  const shape = await readIdxShape(path);
  if (shape.length !== 3)
    throw new InputError(
      `${path}: offset 3: expected an IDX file of images with 3 axes (images, height, width), found ${shape.length}; labels are read from beside the images`,
    );
  const labelsPath = options.labels ?? (await labelsBeside(path));
  const selection = selectionOf(options);
  if (labelsPath === undefined) {
    const pixels = await readIdx(path, selection);
    const [count = 0, height = 0, width = 0] = pixels.shape;
    return {
      kind: "idx",
      images: unitInterval({ ...pixels, shape: [count, 1, height, width] }, options),
      labels: null,
      classNames: null,
      files: [path],
      notices: [`${path}: no labels lie beside it (${labelsName(basename(path))}); it was read without`],
    };
  }
  const { images, labels } = await readIdxImages({ images: path, labels: labelsPath }, selection);
  const all = (await readIdx(labelsPath)).data.reduce((most, label) => Math.max(most, label), 0) + 1;
  const isFashion = /fashion/i.test(path) && all === fashionMnistClasses.length;
  return {
    kind: "idx",
    images: unitInterval(images, options),
    labels: wide(labels),
    classNames: isFashion ? fashionMnistClasses : Array.from({ length: all }, (_, i) => String(i)),
    files: [path, labelsPath],
    notices: [],
  };
}

function labelsName(name: string): string {
  return name.replace("images", "labels").replace("idx3", "idx1");
}

/** The labels' file that goes with one of images, compressed or not. */
async function labelsBeside(path: string): Promise<string | undefined> {
  const name = labelsName(basename(path));
  if (name === basename(path)) return undefined;
  const other = name.endsWith(".gz") ? name.slice(0, -3) : `${name}.gz`;
  for (const candidate of [name, other]) {
    const beside = join(dirname(path), candidate);
    if ((await kindOfPath(beside)) === "file") return beside;
  }
  return undefined;
}

async function openCifar(
  paths: readonly string[],
  kind: "cifar-10" | "cifar-100",
  options: DatasetOptions,
): Promise<ImageDataset> {
  const read = kind === "cifar-10" ? readCifar10 : readCifar100;
  const [only] = paths;
  const parts =
    paths.length === 1 && only !== undefined
      ? [await read(only, selectionOf(options))]
      : await Promise.all(paths.map((path) => read(path)));
  const joined = {
    images: concatenated(parts.map((part) => part.images)),
    labels: concatenated(parts.map((part) => part.labels)),
  };
  const { start, count } =
    paths.length === 1
      ? { start: 0, count: joined.labels.data.length }
      : checkedSelection(dirname(only ?? ""), selectionOf(options), joined.labels.data.length);
  return {
    kind,
    images: unitInterval(sliced(joined.images, start, count), options),
    labels: wide(sliced(joined.labels, start, count)),
    classNames: kind === "cifar-10" ? cifar10Classes : cifar100Classes,
    files: paths,
    notices: [],
  };
}

async function openClasses(path: string, options: DatasetOptions): Promise<ImageDataset> {
  const { start, count, ...rest } = options;
  if (start === undefined && count === undefined)
    return { kind: "folder", ...(await readImageFolder(path, rest)) };
  // Only the images asked for are decoded.
  const classes = await imageClasses(path);
  const all = classes.flatMap(({ files }, label) => files.map((file) => ({ file, label })));
  const chosen = checkedSelection(path, selectionOf(options), all.length);
  const part = all.slice(chosen.start, chosen.start + chosen.count);
  const files = part.map(({ file }) => file);
  const labels = BigInt64Array.from(part, ({ label }) => BigInt(label));
  return {
    kind: "folder",
    ...(await readImages(files, rest)),
    labels: { dtype: "int64", shape: [labels.length], data: labels },
    classNames: classes.map(({ name }) => name),
    files,
  };
}

async function openPictures(
  path: string,
  files: readonly string[],
  options: DatasetOptions,
): Promise<ImageDataset> {
  const { start, count } = checkedSelection(path, selectionOf(options), files.length);
  const chosen = files.slice(start, start + count);
  const { images, notices } = await readImages(chosen, options);
  return { kind: "pictures", images, labels: null, classNames: null, files: chosen, notices };
}

function selectionOf({ start, count }: DatasetOptions): Selection {
  return { ...(start === undefined ? {} : { start }), ...(count === undefined ? {} : { count }) };
}

function unitInterval(
  images: NDArray<"uint8">,
  { dtype = "float32" }: DatasetOptions,
): NDArray<"float32" | "float64"> {
  const data = allocate(dtype, images.data.length);
  for (let i = 0; i < data.length; i++) data[i] = (images.data[i] ?? 0) / 255;
  return { dtype, shape: images.shape, data };
}

function wide(labels: NDArray<"uint8">): NDArray<"int64"> {
  return { dtype: "int64", shape: labels.shape, data: BigInt64Array.from(labels.data, BigInt) };
}

function concatenated(arrays: readonly NDArray<"uint8">[]): NDArray<"uint8"> {
  const [first] = arrays;
  if (first !== undefined && arrays.length === 1) return first;
  const items = arrays.reduce((sum, array) => sum + (array.shape[0] ?? 0), 0);
  const data = new Uint8Array(arrays.reduce((sum, array) => sum + array.data.length, 0));
  let at = 0;
  for (const array of arrays) {
    data.set(array.data, at);
    at += array.data.length;
  }
  return { dtype: "uint8", shape: [items, ...(first?.shape.slice(1) ?? [])], data };
}

function sliced(array: NDArray<"uint8">, start: number, count: number): NDArray<"uint8"> {
  const size = array.data.length / Math.max(1, array.shape[0] ?? 1);
  return {
    dtype: "uint8",
    shape: [count, ...array.shape.slice(1)],
    data: array.data.subarray(start * size, (start + count) * size),
  };
}
