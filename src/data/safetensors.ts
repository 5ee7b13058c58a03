// The safetensors format (Hugging Face, https://github.com/huggingface/safetensors, "Format"): the header's length as
// a little-endian 64-bit number, a JSON header, the tensors' bytes in little-endian row-major order without gaps.
import { type DType, viewBytes } from "../engine/dtype.ts";
import { type Half, widenHalf } from "../engine/half.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import { type ByteSource, sourceOf, withByteSource } from "./byte-source.ts";
import { InputError } from "./input-error.ts";

/** How the elements of a dtype lie in the file, and what they become: the next dtype that holds all their numbers. */
interface Stored {
  readonly dtype: DType;
  readonly bytes: number;
  readonly half?: Half;
  readonly whole?: "getInt8" | "getInt16" | "getUint16" | "getUint32";
}

const stored: Readonly<Record<string, Stored>> = {
  F64: { dtype: "float64", bytes: 8 },
  F32: { dtype: "float32", bytes: 4 },
  F16: { dtype: "float32", bytes: 2, half: "float16" },
  BF16: { dtype: "float32", bytes: 2, half: "bfloat16" },
  I64: { dtype: "int64", bytes: 8 },
  I32: { dtype: "int32", bytes: 4 },
  I16: { dtype: "int32", bytes: 2, whole: "getInt16" },
  I8: { dtype: "int32", bytes: 1, whole: "getInt8" },
  U32: { dtype: "int64", bytes: 4, whole: "getUint32" },
  U16: { dtype: "int32", bytes: 2, whole: "getUint16" },
  U8: { dtype: "uint8", bytes: 1 },
  BOOL: { dtype: "bool", bytes: 1 },
};
const names = {
  float64: "F64",
  float32: "F32",
  int64: "I64",
  int32: "I32",
  uint8: "U8",
  bool: "BOOL",
} as const;
/** The order in which the format's own library writes: by the size of an element, then by its list of dtypes. */
const writingOrder: readonly DType[] = ["int64", "float64", "float32", "int32", "uint8", "bool"];

const LENGTH_BYTES = 8;
/** The format's own limit. */
const LARGEST_HEADER = 100_000_000;

/** A tensor as the header tells of it. */
export interface SafetensorsEntry {
  readonly name: string;
  /** Its dtype as the format calls it. */
  readonly code: string;
  readonly shape: readonly number[];
  /** Of the data behind the header. */
  readonly start: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file by name. Half precision (F16, BF16) becomes float32; I8, I16 and U16 become int32,
 * U32 becomes int64.
 *
 * The header's length, every dtype, shape and place, and that the tensors fill the file without gaps and overlaps, are
 * checked before memory is taken for any tensor.
 *
 * @throws InputError naming the file, the tensor, what was expected and what was found
 */
export function readSafetensors(path: string): Promise<Record<string, NDArray>> {
  return withByteSource(path, tensorsOf);
}

/** As {@link readSafetensors}, from bytes; `path` is what messages call them. */
export function parseSafetensors(bytes: Uint8Array, path: string): Promise<Record<string, NDArray>> {
  return tensorsOf(sourceOf(bytes, path));
}

async function tensorsOf(source: ByteSource): Promise<Record<string, NDArray>> {
  const { entries, dataOffset } = await safetensorsEntries(source);
  const tensors: [string, NDArray][] = [];
  for (const entry of entries) {
    const bytes = await source.read(dataOffset + entry.start, entry.end - entry.start);
    tensors.push([entry.name, arrayOf(entry, bytes, source.path)]);
  }
  return Object.fromEntries(tensors);
}

/**
 * The header of a safetensors file, checked against its size.
 *
 * @returns the tensors in the header's order, and where their data begin
 * @throws InputError as {@link readSafetensors}
 */
export async function safetensorsEntries(
  source: ByteSource,
): Promise<{ entries: SafetensorsEntry[]; dataOffset: number }> {
  const { path, size } = source;
  const length = headerLength(await source.read(0, Math.min(LENGTH_BYTES, size)), size, path);
  const dataOffset = LENGTH_BYTES + length;
  const header = parseHeader(await source.read(LENGTH_BYTES, length), path);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entryOf(name, value, size - dataOffset, path));
  requireContiguous(entries, size - dataOffset, path);
  return { entries, dataOffset };
}

/** The length of the header, once it is known to fit. */
function headerLength(bytes: Uint8Array, size: number, path: string): number {
  if (bytes.length < LENGTH_BYTES)
    throw new InputError(`${path}: offset 0: expected 8 bytes of header length, found ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const most = Math.min(size - LENGTH_BYTES, LARGEST_HEADER);
  if (length > BigInt(most) || length < 2n)
    throw new InputError(
      `${path}: offset 0: expected the length of a safetensors header, from 2 to ${most}, found ${length}`,
    );
  return Number(length);
}

function parseHeader(bytes: Uint8Array, path: string): Record<string, unknown> {
  let header: unknown;
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new InputError(
      `${path}: offset 8: expected a JSON header of ${bytes.length} bytes, found other bytes`,
    );
  }
  if (!isObject(header))
    throw new InputError(`${path}: offset 8: expected a JSON object, found ${shown(header)}`);
  const keys = keyCount(text);
  if (keys !== Object.keys(header).length)
    throw new InputError(
      `${path}: offset 8: expected each tensor once, found ${keys} names for ${Object.keys(header).length} tensors`,
    );
  return header;
}

/** The keys of a JSON object's text, without those of the objects in it: of two equal ones a parser keeps one. */
function keyCount(text: string): number {
  let depth = 0;
  let keys = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (token === ":" && depth === 1) keys++;
  }
  return keys;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function entryOf(name: string, value: unknown, size: number, path: string): SafetensorsEntry {
  const fail = (expected: string, found: unknown): InputError =>
    new InputError(`${path}: tensor ${shown(name)}: expected ${expected}, found ${shown(found)}`);
  if (!isObject(value)) throw fail("an object with dtype, shape and data_offsets", value);
  const { dtype: code, shape, data_offsets: offsets } = value;
  if (typeof code !== "string" || !Object.hasOwn(stored, code))
    throw fail(`a dtype of ${Object.keys(stored).join(", ")}`, code);
  if (!isSizes(shape)) throw fail("a shape of whole numbers", shape);
  if (!isSizes(offsets) || offsets.length !== 2) throw fail("data_offsets of two whole numbers", offsets);
  const [start = 0, end = 0] = offsets;
  if (start > end || end > size) throw fail(`data_offsets within the ${size} bytes of data`, offsets);
  const needed = storedAs(code).bytes * sizeOf(shape);
  if (needed !== end - start)
    throw fail(`${needed} bytes for ${code} [${shape.join(", ")}]`, `${end - start} bytes`);
  return { name, code, shape, start, end };
}

function storedAs(code: string): Stored {
  const found = stored[code];
  if (found === undefined) throw new RangeError(`safetensors: there is no dtype ${code}`);
  return found;
}

function requireContiguous(entries: readonly SafetensorsEntry[], size: number, path: string): void {
  let reached = 0;
  const sorted = [...entries].sort((a, b) => a.start - b.start || a.end - b.end);
  for (const { name, start, end } of sorted) {
    if (start !== reached)
      throw new InputError(
        `${path}: tensor ${shown(name)}: expected to begin at byte ${reached} of the data, where the one before ends, found ${start}`,
      );
    reached = end;
  }
  if (reached !== size)
    throw new InputError(`${path}: expected ${reached} bytes of data, as the header says, found ${size}`);
}

function arrayOf({ name, code, shape }: SafetensorsEntry, bytes: Uint8Array, path: string): NDArray {
  const { dtype, bytes: width, half, whole } = storedAs(code);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length / width;
  if (half !== undefined) {
    const data = Float32Array.from({ length }, (_, i) => widenHalf(view.getUint16(2 * i, true), half));
    return { dtype, shape, data };
  }
  if (whole !== undefined) {
    const numbers = { length };
    const at = (_: unknown, i: number): number => view[whole](i * width, true);
    const data =
      dtype === "int64"
        ? BigInt64Array.from(numbers, (_, i) => BigInt(at(_, i)))
        : Int32Array.from(numbers, at);
    return { dtype, shape, data };
  }
  const other = dtype === "bool" ? bytes.find((byte) => byte > 1) : undefined;
  if (other !== undefined)
    throw new InputError(`${path}: tensor ${shown(name)}: expected bytes 0 and 1 for BOOL, found ${other}`);
  // A copy: a view would keep the whole file alive. Not `slice`: that of a Node Buffer does not copy.
  return { dtype, shape, data: viewBytes(dtype, new Uint8Array(bytes)) };
}

/**
 * Arrays as the bytes of a safetensors file: the same bytes, in the same order, as the format's own library writes.
 *
 * @param arrays by name
 * @param metadata texts by name, kept in the header
 * @throws RangeError when an array is called "__metadata__", which the format keeps for itself
 */
export function toSafetensors(
  arrays: Readonly<Record<string, NDArray>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  if (Object.hasOwn(arrays, "__metadata__"))
    throw new RangeError('safetensors: no tensor can be called "__metadata__"');
  const rank = ({ dtype }: NDArray): number => writingOrder.indexOf(dtype);
  const sorted = Object.entries(arrays).sort(
    ([a, first], [b, second]) => rank(first) - rank(second) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  let offset = 0;
  const parts: Uint8Array[] = [];
  const entries = sorted.map(([name, { dtype, shape, data }]): [string, unknown] => {
    parts.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    const start = offset;
    offset += data.byteLength;
    return [name, { dtype: names[dtype], shape, data_offsets: [start, offset] }];
  });
  const members = [...(metadata === undefined ? [] : [["__metadata__", metadata] as const]), ...entries];
  // Written by hand: JSON.stringify of an object would put names that are whole numbers first.
  const json = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / LENGTH_BYTES) * LENGTH_BYTES;
  const bytes = new Uint8Array(LENGTH_BYTES + length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + length);
  bytes.set(text, LENGTH_BYTES);
  let place = LENGTH_BYTES + length;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}
