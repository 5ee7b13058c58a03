import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { allocate } from "../engine/dtype.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { type ImageShape, readImage, readImageSize } from "./image.ts";
import { InputError, systemErrorCode } from "./input-error.ts";

export interface ImageFolderOptions {
  /** `[channels, height, width]`; default: that of the first image. Larger images are cropped and resized. */
  readonly shape?: ImageShape | undefined;
  /** Of the pixels. Default float32 */
  readonly dtype?: "float32" | "float64";
  /** At most so many images of each class, the alphabetically first. Default all */
  readonly perClass?: number | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImageFolder {
  /** `[n, channels, height, width]`, values in [0, 1]; class by class, in a class by file name. */
  readonly images: NDArray<"float32" | "float64">;
  /** `[n]` */
  readonly labels: NDArray<"int64">;
  /** The subfolders' names, sorted by code unit. */
  readonly classNames: readonly string[];
  /** The file of each image. */
  readonly files: readonly string[];
  /** What was done to make images fit, in words. */
  readonly notices: readonly string[];
}

const IMAGE_NAME = /\.(png|jpe?g|webp|tiff?)$/i;
/** The most numbers of all images together: 8 GiB of float32. */
const MOST_ELEMENTS = 2 ** 31;

/**
 * The images of a folder with a subfolder for each class. Hidden files and those that are no images by their names
 * are passed over; a file that is an image by its name and not by its content is an error.
 *
 * @throws InputError for a path that is no folder, one without class folders or images, or an image that cannot be read
 * @example await readImageFolder("flowers", { shape: [3, 32, 32] })
 */
export async function readImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { perClass = Infinity } = options;
  const classes = await imageClasses(path);
  if (classes.length === 0)
    throw new InputError(
      `${path}: has no subfolder with images; expected a folder for each class, with PNG, JPEG, WebP or TIFF images in it`,
    );
  const chosen = classes.flatMap(({ files }, label) =>
    files.slice(0, perClass).map((file) => ({ file, label })),
  );
  const { images, notices } = await readImages(
    chosen.map(({ file }) => file),
    options,
  );
  return {
    images,
    labels: {
      dtype: "int64",
      shape: [chosen.length],
      data: BigInt64Array.from(chosen, ({ label }) => BigInt(label)),
    },
    classNames: classes.map(({ name }) => name),
    files: chosen.map(({ file }) => file),
    notices,
  };
}

/** The subfolders that hold images, with their image files, both sorted by name. */
export async function imageClasses(path: string): Promise<{ name: string; files: string[] }[]> {
  const entries = await entriesOf(path);
  const folders = entries.filter((entry) => !entry.name.startsWith(".") && !IMAGE_NAME.test(entry.name));
  const classes: { name: string; files: string[] }[] = [];
  for (const { name } of folders.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())) {
    const files = await imageFiles(join(path, name)).catch((error: unknown) => {
      // A link to a file is no class.
      if (error instanceof InputError && systemErrorCode(error.cause) === "ENOTDIR") return [];
      throw error;
    });
    if (files.length > 0) classes.push({ name, files });
  }
  return classes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The image files in a folder itself, sorted by name. */
export async function imageFiles(path: string): Promise<string[]> {
  const entries = await entriesOf(path);
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".") && IMAGE_NAME.test(entry.name))
    .map((entry) => join(path, entry.name))
    .sort();
}

/** Images of one shape, in the files' order. */
export async function readImages(
  files: readonly string[],
  options: Omit<ImageFolderOptions, "perClass">,
): Promise<Pick<ImageFolder, "images" | "notices">> {
  const { dtype = "float32", onProgress, signal } = options;
  const [first] = files;
  if (first === undefined) throw new InputError("there are no images to read");
  const shape = options.shape ?? (await shapeOf(first));
  const size = shape[0] * shape[1] * shape[2];
  if (size * files.length > MOST_ELEMENTS)
    throw new InputError(
      `${first}: ${files.length} images of ${shape.join("x")} are too many to hold; expected at most ${MOST_ELEMENTS} numbers in all: give a smaller size`,
    );
  const data = allocate(dtype, size * files.length);
  const notices: string[] = [];
  let adapted = 0;
  for (const [i, file] of files.entries()) {
    signal?.throwIfAborted();
    const read = await readImage(file, shape);
    data.set(read.image.data, i * size);
    if (read.notices.length > 0 && adapted++ < 3) notices.push(...read.notices);
    onProgress?.(i + 1, files.length);
  }
  if (adapted > 3) notices.push(`${adapted - 3} more images were made to fit in the same way`);
  return { images: { dtype, shape: [files.length, ...shape], data }, notices };
}

async function shapeOf(path: string): Promise<ImageShape> {
  const { channels, height, width } = await readImageSize(path);
  return [channels, height, width];
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    const code = systemErrorCode(error);
    const reason =
      code === "ENOENT"
        ? "there is no such folder"
        : code === "ENOTDIR"
          ? "is a file; expected a folder"
          : `cannot be listed (${code ?? String(error)})`;
    throw new InputError(`${path}: ${reason}`, { cause: error });
  }
}
