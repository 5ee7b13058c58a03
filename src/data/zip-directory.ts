// The directory of a ZIP archive (PKWARE's APPNOTE.TXT), which stands at its end; ZIP64 is not read.
import type { ByteSource } from "./byte-source.ts";
import { InputError } from "./input-error.ts";

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 0xffff;

export const STORED = 0;
export const DEFLATED = 8;
/** Deflate codes at most 258 bytes in 2 bits: https://zlib.net/zlib_tech.html gives 1032 : 1. */
const LARGEST_RATIO = 1032;

export interface ZipMember {
  readonly name: string;
  /** {@link STORED} or {@link DEFLATED}. */
  readonly method: number;
  /** CRC-32 of the content. */
  readonly checksum: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes of the content; where it is compressed, no more than the packed bytes can become. */
  readonly size: number;
  /** Where the packed bytes begin; they lie within the archive. */
  readonly start: number;
}

/**
 * The members of an archive. Places and sizes are checked against the archive, and members do not overlap.
 *
 * @throws InputError naming the archive, the member or offset, what was expected and what was found
 */
export async function zipMembers(source: ByteSource): Promise<ZipMember[]> {
  const { path } = source;
  const { count, start, end } = await directoryOf(source);
  const bytes = await source.read(start, end - start);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members: ZipMember[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL_SIGNATURE)
      throw new InputError(
        `${path}: offset ${start + at}: expected entry ${i + 1} of ${count} of the ZIP directory`,
      );
    const short = (offset: number): number => view.getUint16(at + offset, true);
    const long = (offset: number): number => view.getUint32(at + offset, true);
    const nameEnd = at + CENTRAL_BYTES + short(28);
    const next = nameEnd + short(30) + short(32);
    if (next > bytes.length)
      throw new InputError(`${path}: offset ${start + at}: the ZIP directory's entry is cut off`);
    const name = new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, nameEnd));
    const entry = { name, method: short(10), checksum: long(16), packed: long(20), size: long(24) };
    members.push({ ...entry, start: await startOf(source, name, long(42), entry.packed) });
    checkSizes(path, entry);
    at = next;
  }
  const sorted = members.toSorted((a, b) => a.start - b.start);
  for (const [i, { name, start: place }] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before !== undefined && place < before.start + before.packed)
      throw new InputError(
        `${path}: ${JSON.stringify(name)} begins at offset ${place}, within ${JSON.stringify(before.name)}; expected members one behind the other`,
      );
  }
  return members;
}

async function directoryOf({
  path,
  size,
  read,
}: ByteSource): Promise<{ count: number; start: number; end: number }> {
  const length = Math.min(size, END_BYTES + LONGEST_COMMENT);
  const tail = await read(size - length, length);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let at = length - END_BYTES; at >= 0; at--) {
    const isEnd =
      view.getUint32(at, true) === END_SIGNATURE && at + END_BYTES + view.getUint16(at + 20, true) === length;
    if (!isEnd) continue;
    const end = size - length + at;
    const start = view.getUint32(at + 16, true);
    if (start > end)
      throw new InputError(
        `${path}: offset ${end + 16}: expected the ZIP directory before offset ${end}, found it at ${start}`,
      );
    return { count: view.getUint16(at + 10, true), start, end };
  }
  throw new InputError(
    `${path}: expected a ZIP archive, which ends with a directory, found none in ${size} bytes`,
  );
}

/** Where a member's packed bytes begin, behind its own header. */
async function startOf(
  { path, size, read }: ByteSource,
  name: string,
  offset: number,
  packed: number,
): Promise<number> {
  const where = `${path}: ${JSON.stringify(name)}`;
  const local = offset + LOCAL_BYTES <= size ? await read(offset, LOCAL_BYTES) : undefined;
  const view = local && new DataView(local.buffer, local.byteOffset, local.byteLength);
  if (view?.getUint32(0, true) !== LOCAL_SIGNATURE)
    throw new InputError(`${where}: expected a ZIP entry at offset ${offset}, found none`);
  const start = offset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packed > size)
    throw new InputError(
      `${where}: expected ${packed} bytes at offset ${start}, found ${Math.max(0, size - start)}`,
    );
  return start;
}

function checkSizes(
  path: string,
  { name, method, packed, size }: Pick<ZipMember, "name" | "method" | "packed" | "size">,
): void {
  const where = `${path}: ${JSON.stringify(name)}`;
  if (method !== STORED && method !== DEFLATED)
    throw new InputError(`${where}: expected it stored or deflated, found ZIP method ${method}`);
  if (method === STORED ? size !== packed : size > LARGEST_RATIO * packed)
    throw new InputError(`${where}: ${packed} bytes cannot unpack to ${size}`);
}
