/**
 * What arrays a NPY, NPZ or safetensors file holds, from its headers alone: nothing is read that their sizes announce.
 * Formats: NumPy's NEP 1; PKWARE's APPNOTE.TXT (ZIP); github.com/huggingface/safetensors.
 */
import { open } from "node:fs/promises";
import { constants, inflateRawSync } from "node:zlib";
import { InputError } from "./input-error.ts";

export interface ArrayHeader {
  /** Empty for the array of an NPY file. */
  readonly name: string;
  /** As the file writes it: "<f4" (NumPy), "F32" (safetensors). */
  readonly dtype: string;
  readonly shape: readonly number[];
}

const LARGEST_HEADER = 1 << 26;
const HEAD = 1 << 14;

/** Reads exactly the bytes of a place in the file; an InputError where it ends before. */
type ReadAt = (offset: number, length: number, what: string) => Promise<Buffer>;

/**
 * The arrays in a file.
 *
 * @throws InputError with file, offset, expected and found
 */
export async function readArrayHeaders(
  path: string,
  format: "npy" | "npz" | "safetensors",
): Promise<ArrayHeader[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const readAt: ReadAt = async (offset, length, what) => {
      if (!(offset >= 0 && length >= 0 && offset + length <= size))
        throw new InputError(
          `${path}: offset ${offset}: expected ${length} bytes of ${what}, the file has ${size} bytes`,
        );
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer;
    };
    if (format === "safetensors") return await safetensorsHeaders(path, readAt);
    if (format === "npz") return await npzHeaders(path, size, readAt);
    const start = await readAt(0, Math.min(size, HEAD), "a NPY header");
    return [{ name: "", ...npyHeader(path, start) }];
  } finally {
    await file.close();
  }
}

function npyHeader(where: string, bytes: Buffer): { dtype: string; shape: number[] } {
  if (bytes.length < 12 || bytes.toString("latin1", 0, 6) !== "\x93NUMPY")
    throw new InputError(`${where}: offset 0: expected the magic \\x93NUMPY, found other bytes`);
  const isLong = (bytes[6] ?? 0) >= 2;
  const start = isLong ? 12 : 10;
  const length = isLong ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  if (start + length > bytes.length)
    throw new InputError(
      `${where}: offset 8: expected a header of at most ${bytes.length - start} bytes, found ${length}`,
    );
  const text = bytes.toString("latin1", start, start + length);
  const dtype = /'descr':\s*(?:'([^']*)'|(\[[^\]]*\]))/.exec(text);
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (dtype === null || shape === undefined)
    throw new InputError(`${where}: offset ${start}: expected a header with descr and shape, found another`);
  return { dtype: dtype[1] ?? dtype[2] ?? "", shape: (shape.match(/\d+/g) ?? []).map(Number) };
}

async function safetensorsHeaders(path: string, readAt: ReadAt): Promise<ArrayHeader[]> {
  const length = Number((await readAt(0, 8, "the header's length")).readBigUInt64LE(0));
  if (length > LARGEST_HEADER)
    throw new InputError(
      `${path}: offset 0: expected a header of at most ${LARGEST_HEADER} bytes, found ${length}`,
    );
  let header: unknown;
  try {
    header = JSON.parse((await readAt(8, length, "a JSON header")).toString("utf8"));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: offset 8: expected a JSON header, found other text`, { cause: error });
  }
  if (typeof header !== "object" || header === null)
    throw new InputError(`${path}: offset 8: expected a JSON object, found another value`);
  return Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => {
      const { dtype, shape } = (entry ?? {}) as { dtype?: unknown; shape?: unknown };
      if (typeof dtype !== "string" || !Array.isArray(shape) || !shape.every(Number.isSafeInteger))
        throw new InputError(
          `${path}: offset 8: expected dtype and shape of ${JSON.stringify(name)}, found other`,
        );
      return { name, dtype, shape: shape as number[] };
    });
}

async function npzHeaders(path: string, size: number, readAt: ReadAt): Promise<ArrayHeader[]> {
  // The end of the central directory: 22 bytes and a comment of at most 65,535.
  const tailLength = Math.min(size, 22 + 0xffff);
  const tail = await readAt(size - tailLength, tailLength, "a ZIP archive's end");
  const end = tail.lastIndexOf("PK\x05\x06", undefined, "latin1");
  if (end === -1 || end + 22 > tail.length)
    throw new InputError(`${path}: expected the end of a ZIP archive, found none; the file is cut`);
  const [count, length, start] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  const directory = await readAt(start, length, "a ZIP directory");
  const headers: ArrayHeader[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50)
      throw new InputError(
        `${path}: offset ${start + at}: expected a ZIP directory entry, found other bytes`,
      );
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const [method, packed, offset] = [
      directory.readUInt16LE(at + 10),
      directory.readUInt32LE(at + 20),
      directory.readUInt32LE(at + 42),
    ];
    const name = directory.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
    if (name.endsWith(".npy")) {
      const local = await readAt(offset, 30, "a ZIP entry");
      const data = offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
      const start = await readAt(
        data,
        Math.min(packed, HEAD, Math.max(0, size - data)),
        "a ZIP entry's data",
      );
      const where = `${path}: array ${JSON.stringify(name.slice(0, -4))}`;
      headers.push({
        name: name.slice(0, -4),
        ...npyHeader(where, method === 0 ? start : inflated(where, start)),
      });
    }
  }
  return headers;
}

/** What the beginning of a deflated stream holds. */
function inflated(where: string, bytes: Buffer): Buffer {
  try {
    // A header is short; what a stream of 16 kB can grow to is 17 MB.
    return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new InputError(`${where}: the compressed data is damaged`, { cause: error });
  }
}
