// The binary version of CIFAR-10 and CIFAR-100 (A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html):
// records of one label byte (CIFAR-100: coarse, then fine) and 3072 pixel bytes, red, green, blue planes.
import type { NDArray } from "../engine/ndarray.ts";
import { type ByteReader, withByteReader } from "./byte-reader.ts";
import { checkedSelection, type Selection } from "./selection.ts";

const PIXELS = 3 * 32 * 32;

/** More records than any of the published files holds; a larger file is read with a `count`. */
const MOST_RECORDS = 60_000;

/**
 * Images and labels of a CIFAR-10 binary file, plain or gzip-compressed.
 *
 * @param path the file: records of 3073 bytes; at most 60,000 unless `selection.count` says more
 * @param selection which records; default all
 * @returns images [n, 3, 32, 32] with pixels 0 to 255, labels [n] from 0 to 9
 * @throws InputError with file, offset, expected and found, when the size is not a whole number of records or a label is out of range
 */
export async function readCifar10(
  path: string,
  selection: Selection = {},
): Promise<{ images: NDArray<"uint8">; labels: NDArray<"uint8"> }> {
  const { images, labels } = await readRecords(path, [{ name: "label", classes: 10 }], selection);
  return { images, labels: labels[0] as NDArray<"uint8"> };
}

/**
 * Images and labels of a CIFAR-100 binary file, plain or gzip-compressed.
 *
 * @param path the file: records of 3074 bytes; at most 60,000 unless `selection.count` says more
 * @param selection which records; default all
 * @returns images [n, 3, 32, 32] with pixels 0 to 255, labels [n] from 0 to 99, coarse labels [n] from 0 to 19
 * @throws InputError as {@link readCifar10}
 */
export async function readCifar100(
  path: string,
  selection: Selection = {},
): Promise<{ images: NDArray<"uint8">; labels: NDArray<"uint8">; coarseLabels: NDArray<"uint8"> }> {
  const kinds = [
    { name: "coarse label", classes: 20 },
    { name: "label", classes: 100 },
  ];
  const { images, labels } = await readRecords(path, kinds, selection);
  return {
    images,
    coarseLabels: labels[0] as NDArray<"uint8">,
    labels: labels[1] as NDArray<"uint8">,
  };
}

function readRecords(
  path: string,
  kinds: readonly { name: string; classes: number }[],
  selection: Selection,
): Promise<{ images: NDArray<"uint8">; labels: NDArray<"uint8">[] }> {
  return withByteReader(path, async (reader) => {
    const recordSize = kinds.length + PIXELS;
    const records = await recordsOf(reader, recordSize, selection);
    const count = records.length / recordSize;
    const images = new Uint8Array(count * PIXELS);
    const labels = kinds.map(() => new Uint8Array(count));
    const firstOffset = reader.offset - records.length;
    for (let i = 0; i < count; i++) {
      const at = i * recordSize;
      for (const [position, { name, classes }] of kinds.entries()) {
        const label = records[at + position] ?? 0;
        if (label >= classes)
          throw reader.error(
            firstOffset + at + position,
            `expected a ${name} from 0 to ${classes - 1}, found ${label}`,
          );
        (labels[position] as Uint8Array)[i] = label;
      }
      images.set(records.subarray(at + kinds.length, at + recordSize), i * PIXELS);
    }
    return {
      images: { dtype: "uint8", shape: [count, 3, 32, 32], data: images },
      labels: labels.map((data) => ({ dtype: "uint8", shape: [count], data })),
    };
  });
}

/** The bytes of the selected records, once the file's size is known to fit. */
async function recordsOf(reader: ByteReader, recordSize: number, selection: Selection): Promise<Uint8Array> {
  const { path, isCompressed, largestSize } = reader;
  if (!isCompressed) {
    if (largestSize === 0 || largestSize % recordSize !== 0)
      throw reader.error(
        Math.floor(largestSize / recordSize) * recordSize,
        `expected a whole number of records of ${recordSize} bytes, found a file of ${largestSize} bytes`,
      );
    const { start, count } = checkedSelection(path, selection, largestSize / recordSize);
    checkLimit(reader, selection, count);
    await reader.skip(start * recordSize, "records");
    return reader.read(count * recordSize, "records");
  }
  // The size of a compressed file shows at its end only: read up to the limit, record by record.
  const { start, count } = checkedSelection(path, selection, Infinity);
  if (count !== Infinity) {
    if ((start + count) * recordSize > largestSize)
      throw reader.error(
        0,
        `expected ${start + count} records of ${recordSize} bytes, found at most ${largestSize} bytes`,
      );
    await reader.skip(start * recordSize, "records");
    return reader.read(count * recordSize, "records");
  }
  await reader.skip(start * recordSize, "records");
  const records: Uint8Array[] = [];
  while (records.length === 0 || !(await reader.isAtEnd())) {
    checkLimit(reader, selection, records.length + 1);
    records.push(await reader.read(recordSize, "a record"));
  }
  const bytes = new Uint8Array(records.length * recordSize);
  for (const [i, record] of records.entries()) bytes.set(record, i * recordSize);
  return bytes;
}

function checkLimit(reader: ByteReader, selection: Selection, count: number): void {
  if (selection.count === undefined && count > MOST_RECORDS)
    throw reader.error(
      reader.offset,
      `expected at most ${MOST_RECORDS} records, found more; say with count how many to read`,
    );
}
