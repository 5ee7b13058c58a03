/** What a user's path or name stands for: told by the content first and by the name second. */
import { stat } from "node:fs/promises";
import { withByteReader } from "./byte-reader.ts";
import { catalogue } from "./catalogue.ts";
import { cifarKind } from "./dataset.ts";
import { hasIdxMagic } from "./idx.ts";
import { hasImageSignature } from "./image-file.ts";
import { InputError } from "./input-error.ts";

/**
 * `table` also of whatever is recognised as nothing else, so that the reader of tables says what is wrong with it;
 * `image-set` of a fetched data set of images by its name.
 */
export type DataKind =
  | "table"
  | "image"
  | "idx"
  | "cifar"
  | "npy"
  | "npz"
  | "safetensors"
  | "folder"
  | "image-set";

/**
 * Recognises what a path holds; no more than the first bytes are read (of compressed CIFAR files, all).
 *
 * @throws InputError for a file that is empty or cannot be read
 */
export async function dataKindOf(path: string): Promise<DataKind> {
  const stats = path.includes("\0") ? undefined : await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) return "folder";
  if (stats === undefined && isImageSet(path)) return "image-set";
  if (!stats?.isFile()) return "table";
  if (stats.size === 0)
    throw new InputError(
      `${path}: the file is empty; expected a table, an image, or an IDX, CIFAR, NPY, NPZ or safetensors file`,
    );
  const { head, isCompressed } = await withByteReader(path, async (reader) => ({
    head: Buffer.from(await reader.readUpTo(16)),
    isCompressed: reader.isCompressed,
  }));
  const startsWith = (text: string, at = 0): boolean =>
    head.toString("latin1", at, at + text.length) === text;
  if (!isCompressed) {
    if (startsWith("\x93NUMPY")) return "npy";
    if (startsWith("PK\x03\x04") || /\.npz$/i.test(path)) return "npz";
    // A header's length below 2^40 and the JSON that begins it.
    if (/\.safetensors$/i.test(path) || startsWith("\0\0\0{", 5)) return "safetensors";
    if (hasImageSignature(head)) return "image";
  }
  const isCifarName = /\.bin(\.gz)?$/i.test(path);
  if (!isCifarName && hasIdxMagic(head)) return "idx";
  return isCifarName && (await cifarKind(path)) !== undefined ? "cifar" : "table";
}

function isImageSet(name: string): boolean {
  return catalogue.some((entry) => entry.name === name.toLowerCase() && entry.columns === undefined);
}
