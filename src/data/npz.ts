// NPZ files: ZIP archives of .npy files. The archive is taken apart by zip-directory.ts, because sizes are to be checked
// before memory is taken and damaged data is to be an error; what is in it is read and written by numpy-ts.
import { constants, inflateRawSync } from "node:zlib";
import type { NDArray } from "../engine/ndarray.ts";
import { type ByteSource, sourceOf, withByteSource } from "./byte-source.ts";
import { crc32 } from "./crc32.ts";
import { InputError } from "./input-error.ts";
import { parseNpy } from "./npy.ts";
import { type NpyHeader, parseNpyHeader } from "./npy-header.ts";
import { STORED, type ZipMember, zipMembers } from "./zip-directory.ts";

const HEAD_BYTES = 1 << 14;

/**
 * The arrays of an NPZ file by name, as `numpy.load` gives them (compressed or not); dtypes as in `readNpy`.
 *
 * Every place, size and method is checked against the file before memory is taken, and every checksum after.
 *
 * @throws InputError naming the file, the array, what was expected and what was found
 */
export function readNpz(path: string): Promise<Record<string, NDArray>> {
  return withByteSource(path, npzArrays);
}

/** As {@link readNpz}, from bytes; `path` is what messages call them. */
export function parseNpz(bytes: Uint8Array, path: string): Promise<Record<string, NDArray>> {
  return npzArrays(sourceOf(bytes, path));
}

async function npzArrays(source: ByteSource): Promise<Record<string, NDArray>> {
  const arrays: [string, NDArray][] = [];
  for (const { name, member } of await npzMembers(source)) {
    const where = whereOf(source, name);
    arrays.push([name, await parseNpy(await contentOf(source, member, where), where)]);
  }
  return Object.fromEntries(arrays);
}

export interface NpzMember {
  readonly name: string;
  readonly header: NpyHeader;
  readonly member: ZipMember;
}

/**
 * The arrays of an NPZ file as members of its archive. Of compressed ones no more is unpacked than their headers.
 *
 * @throws InputError when a name is there twice or an array is larger than its member, and as {@link zipMembers}
 */
export async function npzMembers(source: ByteSource): Promise<NpzMember[]> {
  const found: NpzMember[] = [];
  for (const member of await zipMembers(source)) {
    if (!member.name.endsWith(".npy"))
      throw new InputError(
        `${source.path}: expected an NPZ file, whose members are NPY files, found ${JSON.stringify(member.name)}`,
      );
    const name = member.name.slice(0, -".npy".length);
    const where = whereOf(source, name);
    if (found.some((other) => other.name === name)) throw new InputError(`${where} is in it twice`);
    const header = parseNpyHeader(await headOf(source, member, where), where);
    const { descr, shape, dataOffset, dataBytes } = header;
    if (dataBytes !== undefined && dataBytes !== member.size - dataOffset)
      throw new InputError(
        `${where}: offset ${dataOffset}: expected ${dataBytes} bytes for ${descr} [${shape.join(", ")}], found ${member.size - dataOffset}`,
      );
    found.push({ name, header, member });
  }
  return found;
}

/** The beginning of a member's content, its header at least: 16 kB that unpack to at most 17 MB. */
async function headOf(
  source: ByteSource,
  { method, packed, start }: ZipMember,
  where: string,
): Promise<Uint8Array> {
  const bytes = await source.read(start, Math.min(packed, HEAD_BYTES));
  if (method === STORED) return bytes;
  try {
    return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new InputError(`${where}: the compressed data are damaged`, { cause: error });
  }
}

/** What messages call an array. */
function whereOf({ path }: ByteSource, name: string): string {
  return `${path}: array ${JSON.stringify(name)}`;
}

async function contentOf(
  source: ByteSource,
  { method, packed, size, start, checksum }: ZipMember,
  where: string,
): Promise<Uint8Array> {
  const data = await source.read(start, packed);
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
