// The IDX format of MNIST (Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist): two zero bytes,
// the element type, the number of axes, the size of each axis as a big-endian 32-bit number, the elements.
import type { NDArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import { type ByteReader, withByteReader } from "./byte-reader.ts";
import { InputError } from "./input-error.ts";
import { checkedSelection, type Selection } from "./selection.ts";

const UNSIGNED_BYTE = 0x08;
const MOST_AXES = 4;

/** Whether a file's first bytes may be IDX's: of any element type, so that an error can name the one found. */
export function hasIdxMagic(head: Uint8Array): boolean {
  const [first, second, type = 0, axes = 0] = head;
  return first === 0 && second === 0 && type >= 0x08 && type <= 0x0e && axes >= 1 && axes <= MOST_AXES;
}

/**
 * The items of an IDX file of unsigned bytes with one to four axes, plain or gzip-compressed.
 *
 * The header is checked against the file's size before memory is taken; a compressed file is never
 * decompressed beyond what its header announces.
 *
 * @param path the file
 * @param selection which items (slices along the first axis); default all
 * @returns uint8, the file's shape with the number of items read as its first axis
 * @throws InputError with file, offset, expected and found, when the file is not such a file, ends early, or goes on
 */
export function readIdx(path: string, selection: Selection = {}): Promise<NDArray<"uint8">> {
  return withByteReader(path, async (reader) => {
    const shape = await readHeader(reader);
    const [items = 0, ...rest] = shape;
    const itemSize = sizeOf(rest);
    checkSize(reader, shape);
    const { start, count } = checkedSelection(path, selection, items);
    await reader.skip(start * itemSize, "elements");
    const data = await reader.read(count * itemSize, "elements");
    const end = reader.offset;
    if (start + count === items && !(await reader.isAtEnd()))
      throw reader.error(end, `expected the end of the file after ${items} items, found more bytes`);
    return { dtype: "uint8", shape: [count, ...rest], data };
  });
}

/**
 * Labelled images from a pair of IDX files, as MNIST comes.
 *
 * @param files.images path of an IDX file of shape [n, height, width]
 * @param files.labels path of an IDX file of shape [n]
 * @param selection which images; default all
 * @returns images [n, 1, height, width] with pixels 0 to 255, labels [n]
 * @throws InputError as {@link readIdx}, or when the shapes are not those
 */
export async function readIdxImages(
  files: { readonly images: string; readonly labels: string },
  selection: Selection = {},
): Promise<{ images: NDArray<"uint8">; labels: NDArray<"uint8"> }> {
  const [imageShape, labelShape] = [await readIdxShape(files.images), await readIdxShape(files.labels)];
  if (imageShape.length !== 3)
    throw new InputError(
      `${files.images}: offset 3: expected 3 axes (images, height, width), found ${imageShape.length}`,
    );
  if (labelShape.length !== 1)
    throw new InputError(`${files.labels}: offset 3: expected 1 axis (labels), found ${labelShape.length}`);
  if (imageShape[0] !== labelShape[0])
    throw new InputError(
      `${files.labels}: offset 4: expected ${imageShape[0]} labels, as many as images in ${files.images}, found ${labelShape[0]}`,
    );
  const pixels = await readIdx(files.images, selection);
  const labels = await readIdx(files.labels, selection);
  const [count = 0, height = 0, width = 0] = pixels.shape;
  return { images: { ...pixels, shape: [count, 1, height, width] }, labels };
}

/**
 * The shape an IDX file of unsigned bytes announces, without reading its elements.
 *
 * @throws InputError when the header is not that of such a file
 */
export function readIdxShape(path: string): Promise<number[]> {
  return withByteReader(path, readHeader);
}

async function readHeader(reader: ByteReader): Promise<number[]> {
  const [first = 0, second = 0, type = 0, axes = 0] = await reader.read(4, "IDX magic");
  const hex = [first, second, type, axes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (first !== 0 || second !== 0 || type !== UNSIGNED_BYTE || axes < 1 || axes > MOST_AXES)
    throw reader.error(
      0,
      `expected the IDX magic 00 00 08 01 to 00 00 08 04 (unsigned bytes, 1 to 4 axes), found ${hex}`,
    );
  const bytes = await reader.read(4 * axes, "axis sizes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: axes }, (_, axis) => {
    const size = view.getUint32(4 * axis);
    if (size === 0)
      throw reader.error(4 + 4 * axis, `expected a size of at least 1 for axis ${axis}, found 0`);
    return size;
  });
}

function checkSize(reader: ByteReader, shape: readonly number[]): void {
  const announced = sizeOf(shape);
  const available = reader.largestSize - reader.offset;
  if (announced > available)
    throw reader.error(
      4,
      `expected ${shape.join(" x ")} elements, found ${reader.isCompressed ? "at most " : ""}${available}`,
    );
  if (!reader.isCompressed && announced < available)
    throw reader.error(
      reader.offset + announced,
      `expected the end of the file after ${shape.join(" x ")} elements, found ${available - announced} more bytes`,
    );
}
