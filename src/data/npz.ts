// NPZ files: ZIP archives (PKWARE's APPNOTE.TXT) of .npy files. The archive is taken apart here, because sizes are to be
// checked before memory is taken and damaged data is to be an error; what is in it is read and written by numpy-ts.
import { inflateRawSync } from "node:zlib";
import type { NDArray } from "../engine/ndarray.ts";
import { InputError } from "./input-error.ts";
import { parseNpy, readWhole } from "./npy.ts";

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
// Deflate codes at most 258 bytes in 2 bits: https://zlib.net/zlib_tech.html gives 1032 : 1.
const LARGEST_RATIO = 1032;

interface Member {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * The arrays of an NPZ file by name, as `numpy.load` gives them (compressed or not); dtypes as in `readNpy`.
 *
 * Every place, size and method is checked against the file before memory is taken, and every checksum after.
 *
 * @throws InputError naming the file, the array, what was expected and what was found
 */
export async function readNpz(path: string): Promise<Record<string, NDArray>> {
  return parseNpz(await readWhole(path), path);
}

/** As {@link readNpz}, from bytes; `path` is what messages call them. */
export async function parseNpz(bytes: Uint8Array, path: string): Promise<Record<string, NDArray>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const arrays: [string, NDArray][] = [];
  for (const member of membersOf(view, path)) {
    const name = member.name.replace(/\.npy$/, "");
    if (arrays.some(([other]) => other === name))
      throw new InputError(`${path}: array ${JSON.stringify(name)} is in it twice`);
    arrays.push([name, await parseNpy(unpacked(bytes, view, member, path), whereOf(path, member))]);
  }
  return Object.fromEntries(arrays);
}

function whereOf(path: string, { name }: Member): string {
  return `${path}: array ${JSON.stringify(name.replace(/\.npy$/, ""))}`;
}

/** The archive's directory. */
function membersOf(view: DataView, path: string): Member[] {
  const end = endOf(view);
  if (end === undefined)
    throw new InputError(
      `${path}: expected an NPZ file, which ends with a ZIP directory, found none in ${view.byteLength} bytes`,
    );
  const count = view.getUint16(end + 10, true);
  const members: Member[] = [];
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL_SIGNATURE)
      throw new InputError(`${path}: offset ${at}: expected entry ${i + 1} of ${count} of the ZIP directory`);
    const field = (offset: number): number => view.getUint32(at + offset, true);
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ];
    const next = at + CENTRAL_BYTES + nameLength + extra + comment;
    if (next > end) throw new InputError(`${path}: offset ${at}: the ZIP directory's entry is cut off`);
    const name = new TextDecoder().decode(
      new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at + CENTRAL_BYTES, nameLength),
    );
    members.push({
      name,
      method: view.getUint16(at + 10, true),
      checksum: field(16),
      packed: field(20),
      size: field(24),
      offset: field(42),
    });
    at = next;
  }
  const packed = members.reduce((total, member) => total + member.packed, 0);
  if (packed > view.byteLength)
    throw new InputError(`${path}: its arrays take ${packed} bytes, it has ${view.byteLength}`);
  return members;
}

/** Where the record at the archive's end begins. */
function endOf(view: DataView): number | undefined {
  const first = Math.max(0, view.byteLength - END_BYTES - LONGEST_COMMENT);
  for (let at = view.byteLength - END_BYTES; at >= first; at--)
    if (
      view.getUint32(at, true) === END_SIGNATURE &&
      at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength
    )
      return at;
  return undefined;
}

function unpacked(bytes: Uint8Array, view: DataView, member: Member, path: string): Uint8Array {
  const { method, packed, size, offset, checksum } = member;
  const where = whereOf(path, member);
  if (offset + LOCAL_BYTES > bytes.length || view.getUint32(offset, true) !== LOCAL_SIGNATURE)
    throw new InputError(`${where}: expected a ZIP entry at offset ${offset}, found none`);
  const start = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packed > bytes.length)
    throw new InputError(
      `${where}: expected ${packed} bytes at offset ${start}, found ${Math.max(0, bytes.length - start)}`,
    );
  if (method !== STORED && method !== DEFLATED)
    throw new InputError(`${where}: expected it stored or deflated, found ZIP method ${method}`);
  if (method === STORED ? size !== packed : size > LARGEST_RATIO * packed)
    throw new InputError(`${where}: ${packed} bytes cannot unpack to ${size}`);
  const data = bytes.subarray(start, start + packed);
  const content = method === STORED ? data : inflated(data, size, where);
  const found = crc32(content);
  if (found !== checksum)
    throw new InputError(
      `${where}: expected the checksum ${checksum.toString(16)}, found ${found.toString(16)}: the file is damaged`,
    );
  return content;
}

function inflated(data: Uint8Array, size: number, where: string): Uint8Array {
  try {
    const content = inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
    if (content.length === size) return content;
    throw new Error(`${content.length} bytes came out of it`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${where}: expected deflated data of ${size} bytes: ${reason}`, { cause: error });
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

// zlib.crc32 came to Node with 20.15.
function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++)
    value = (crcTable[(value ^ (bytes[i] as number)) & 0xff] as number) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Arrays as the bytes of an NPZ file, as `numpy.savez` writes them: not compressed, under the given names. */
export async function toNpz(arrays: Readonly<Record<string, NDArray>>): Promise<Uint8Array> {
  const { frombuffer, reshape, serializeNpz } = await import("numpy-ts");
  return serializeNpz(
    new Map(
      Object.entries(arrays).map(([name, { data, dtype, shape }]) => [
        name,
        reshape(frombuffer(data, dtype), [...shape]),
      ]),
    ),
  );
}
