// Bytes that are read where they are needed, so that headers can be checked before memory is taken for what they announce.
import { open, stat } from "node:fs/promises";
import { InputError } from "./input-error.ts";

/** A file's bytes, or an array's. */
export interface ByteSource {
  /** What messages call them. */
  readonly path: string;
  readonly size: number;
  /** `length` bytes from `offset` on, which lie within the source; memory of their own, or a view that is not to be changed. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes in memory as a source. */
export function sourceOf(bytes: Uint8Array, path: string): ByteSource {
  return {
    path,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/**
 * Opens a regular file, lets `use` read it, and closes it.
 *
 * @throws InputError when the file does not exist, is no regular file, or cannot be read
 */
export async function withByteSource<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const refuse = (error: unknown): never => {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  };
  // Asked before opening: to open a named pipe is to wait for its writer.
  if (!(await stat(path).catch(refuse)).isFile()) throw new InputError(`${path}: is not a file`);
  const file = await open(path).catch(refuse);
  try {
    const { size } = await file.stat();
    return await use({
      path,
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        for (let filled = 0; filled < length; ) {
          const { bytesRead } = await file
            .read(bytes, filled, length - filled, offset + filled)
            .catch(refuse);
          if (bytesRead === 0)
            throw new InputError(
              `${path}: offset ${offset}: expected ${length} bytes, found ${filled}: the file was cut`,
            );
          filled += bytesRead;
        }
        return bytes;
      },
    });
  } finally {
    await file.close();
  }
}

/**
 * All bytes of a regular file.
 *
 * @throws InputError as {@link withByteSource}
 */
export function readBytes(path: string): Promise<Uint8Array> {
  return withByteSource(path, ({ size, read }) => read(0, size));
}
