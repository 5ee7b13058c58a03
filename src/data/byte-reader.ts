// Reading a binary file from its start, plain or gzip-compressed, without trusting the sizes it announces.
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { InputError } from "./input-error.ts";

/** Reads one file forwards. Every error it throws is an InputError with the file and the offset. */
export interface ByteReader {
  readonly path: string;
  /** Bytes (decompressed) taken so far. */
  readonly offset: number;
  /**
   * The size of a plain file; of a compressed one the most that its compressed size can become.
   */
  readonly largestSize: number;
  /** Whether the file is compressed, so that its size is known at its end only. */
  readonly isCompressed: boolean;
  /**
   * Exactly the next `count` bytes; memory is taken only as bytes arrive.
   *
   * @param what names the bytes in the error when the file ends before them
   */
  read(count: number, what: string): Promise<Uint8Array>;
  /** The next bytes, as many as there are up to `most`. */
  readUpTo(most: number): Promise<Uint8Array>;
  /** Passes over the next `count` bytes. */
  skip(count: number, what: string): Promise<void>;
  /** Whether no byte is left. */
  isAtEnd(): Promise<boolean>;
  /** An error at an offset of this file. */
  error(offset: number, message: string): InputError;
}

// Deflate codes at most 258 bytes in 2 bits: https://zlib.net/zlib_tech.html gives 1032 : 1.
const LARGEST_RATIO = 1032;
const FIRST_CAPACITY = 1 << 16;

/**
 * Opens a file, lets `use` read it, and closes it. Gzip is told by its first two bytes, not by the name.
 *
 * @throws InputError when the file does not exist, is no regular file, or its compressed data is damaged
 */
export async function withByteReader<T>(path: string, use: (reader: ByteReader) => Promise<T>): Promise<T> {
  const { size, isCompressed } = await inspect(path);
  const source = createReadStream(path);
  let stream: Readable = source;
  if (isCompressed) {
    const gunzip = createGunzip();
    source.on("error", (error) => gunzip.destroy(error));
    stream = source.pipe(gunzip);
  }
  // Reads throw what goes wrong; a file that goes away after the last of them, or before the first, is nobody's error.
  for (const each of [source, stream]) each.on("error", () => {});
  try {
    return await use(readerOf(path, stream, size, isCompressed));
  } finally {
    source.destroy();
    stream.destroy();
  }
}

async function inspect(path: string): Promise<{ size: number; isCompressed: boolean }> {
  try {
    // Asked before opening: to open a named pipe is to wait for its writer.
    if (!(await stat(path)).isFile()) throw new InputError(`${path}: is not a file`);
    const file = await open(path);
    try {
      const stats = await file.stat();
      const { bytesRead, buffer } = await file.read(new Uint8Array(2), 0, 2, 0);
      return { size: stats.size, isCompressed: bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw asInputError(path, error);
  }
}

function readerOf(path: string, stream: Readable, size: number, isCompressed: boolean): ByteReader {
  const largestSize = isCompressed ? size * LARGEST_RATIO : size;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let chunk: Uint8Array = new Uint8Array(0);
  let offset = 0;

  /** Makes the current chunk non-empty, or returns false at the end of the file. */
  const fill = async (): Promise<boolean> => {
    while (chunk.length === 0) {
      try {
        const next = await chunks.next();
        if (next.done) return false;
        chunk = next.value;
      } catch (error) {
        throw asInputError(`${path}: offset ${offset}`, error);
      }
    }
    return true;
  };
  const take = (most: number): Uint8Array => {
    const taken = chunk.subarray(0, most);
    chunk = chunk.subarray(taken.length);
    offset += taken.length;
    return taken;
  };
  const error = (at: number, message: string): InputError =>
    new InputError(`${path}: offset ${at}: ${message}`);
  const ended = (from: number, count: number, what: string, found: number): InputError =>
    error(from, `expected ${count} bytes of ${what}, found ${found}`);

  return {
    path,
    largestSize,
    isCompressed,
    error,
    get offset() {
      return offset;
    },
    async read(count, what) {
      const from = offset;
      if (!isCompressed && count > size - from) throw ended(from, count, what, size - from);
      let bytes = new Uint8Array(isCompressed ? Math.min(count, FIRST_CAPACITY) : count);
      let filled = 0;
      while (filled < count) {
        if (!(await fill())) throw ended(from, count, what, filled);
        const taken = take(count - filled);
        if (filled + taken.length > bytes.length) {
          const larger = new Uint8Array(Math.min(count, 2 * (filled + taken.length)));
          larger.set(bytes.subarray(0, filled));
          bytes = larger;
        }
        bytes.set(taken, filled);
        filled += taken.length;
      }
      return bytes;
    },
    async readUpTo(most) {
      const parts: Uint8Array[] = [];
      for (let left = most; left > 0 && (await fill()); ) {
        const taken = take(left);
        parts.push(taken);
        left -= taken.length;
      }
      return Buffer.concat(parts);
    },
    async skip(count, what) {
      const from = offset;
      while (offset - from < count) {
        if (!(await fill())) throw ended(from, count, what, offset - from);
        take(count - (offset - from));
      }
    },
    async isAtEnd() {
      return !(await fill());
    },
  };
}

function asInputError(where: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  return new InputError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
}
