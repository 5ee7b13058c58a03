// The tar archive format (POSIX.1-1988 "ustar", IEEE Std 1003.1): blocks of 512 bytes, a header and the file's bytes.
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type ByteReader, withByteReader } from "./byte-reader.ts";
import { asWriteError } from "./whole-file.ts";

const BLOCK = 512;
const PIECE = 1 << 20;

/**
 * Takes files out of a tar or tar.gz archive. Only the files asked for are written, by their last names, so that no
 * name in an archive leads elsewhere; each appears whole or not at all.
 *
 * @param members last names and sizes; a file of another size is an error
 * @param folder where they go; must exist
 * @returns the paths written, in the order of `members`
 * @throws InputError with file, offset, expected and found, when the archive is damaged or lacks one
 */
export async function extractTar(
  archive: string,
  members: readonly { readonly name: string; readonly bytes: number }[],
  folder: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const left = new Map(members.map((member) => [member.name, member.bytes]));
  await withByteReader(archive, async (reader) => {
    while (left.size > 0) {
      options.signal?.throwIfAborted();
      const start = reader.offset;
      if (await reader.isAtEnd()) break;
      const header = Buffer.from(await reader.read(BLOCK, "a tar header"));
      if (header.every((byte) => byte === 0)) break;
      const { name, size, isFile } = headerOf(reader, start, header);
      const expected = isFile ? left.get(name) : undefined;
      const padding = (BLOCK - (size % BLOCK)) % BLOCK;
      if (expected === undefined) {
        await reader.skip(size + padding, "a tar member");
        continue;
      }
      if (size !== expected)
        throw reader.error(start, `expected ${name} with ${expected} bytes, found ${size}`);
      await writeMember(reader, join(folder, name), size, options.signal);
      await reader.skip(padding, "a tar member's padding");
      left.delete(name);
    }
    const [lacking] = left.keys();
    if (lacking !== undefined) throw reader.error(reader.offset, `expected a member ${lacking}, found none`);
  });
  return members.map((member) => join(folder, member.name));
}

function headerOf(
  reader: ByteReader,
  start: number,
  header: Buffer,
): { name: string; size: number; isFile: boolean } {
  const text = (from: number, to: number) =>
    header.subarray(from, to).toString("latin1").replace(/\0.*$/s, "").trim();
  const octal = (from: number, to: number) =>
    /^[0-7]+$/.test(text(from, to)) ? Number.parseInt(text(from, to), 8) : Number.NaN;
  // The checksum counts its own eight bytes as blanks.
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (octal(148, 156) !== sum)
    throw reader.error(start, `expected a tar header with checksum ${text(148, 156) || "?"}, found ${sum}`);
  const size = octal(124, 136);
  if (!Number.isSafeInteger(size)) throw reader.error(start + 124, "expected a tar member's size in octal");
  const name = text(0, 100).split("/").at(-1) ?? "";
  return { name, size, isFile: header[156] === 0 || header[156] === 48 };
}

async function writeMember(
  reader: ByteReader,
  path: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  try {
    const file = await open(aside, "w");
    try {
      for (let left = size; left > 0; left -= Math.min(left, PIECE)) {
        signal?.throwIfAborted();
        await file.writeFile(await reader.read(Math.min(left, PIECE), "a tar member"));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    throw asWriteError(path, error, { expected: `a place with room for ${size} bytes` });
  } finally {
    await rm(aside, { force: true });
  }
}
