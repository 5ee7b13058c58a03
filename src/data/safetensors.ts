// The safetensors format (Hugging Face, https://github.com/huggingface/safetensors, "Format"): the header's length as
// a little-endian 64-bit number, a JSON header, the tensors' bytes in little-endian row-major order without gaps.
import { open } from "node:fs/promises";
import { bytesPerElement, type DType, viewBytes } from "../engine/dtype.ts";
import { type Half, widenHalf } from "../engine/half.ts";
import type { NDArray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import { InputError } from "./input-error.ts";

const stored: Readonly<Record<string, { readonly dtype: DType; readonly half?: Half }>> = {
  F64: { dtype: "float64" },
  F32: { dtype: "float32" },
  F16: { dtype: "float32", half: "float16" },
  BF16: { dtype: "float32", half: "bfloat16" },
  I64: { dtype: "int64" },
  I32: { dtype: "int32" },
  U8: { dtype: "uint8" },
  BOOL: { dtype: "bool" },
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

interface Entry {
  readonly name: string;
  readonly code: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * The tensors of a safetensors file by name. Half precision (F16, BF16) is read as float32.
 *
 * The header's length, every dtype, shape and place, and that the tensors fill the file without gaps and overlaps, are
 * checked before memory is taken for any tensor.
 *
 * @throws InputError naming the file, the tensor, what was expected and what was found
 */
export async function readSafetensors(path: string): Promise<Record<string, NDArray>> {
  const bytes = await readWhole(path);
  return parseSafetensors(bytes, path);
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new InputError(`${path}: is not a file`);
      // The header is looked at first, so that a large file of another kind is not read.
      const first = new Uint8Array(Math.min(LENGTH_BYTES, stats.size));
      await file.read(first, 0, first.length, 0);
      headerLength(first, stats.size, path);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
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

/** As {@link readSafetensors}, from bytes; `path` is what messages call them. */
export function parseSafetensors(bytes: Uint8Array, path: string): Record<string, NDArray> {
  const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.length, path);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), path);
  const data = bytes.subarray(LENGTH_BYTES + length);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => entryOf(name, value, data.length, path));
  requireContiguous(entries, data.length, path);
  return Object.fromEntries(
    entries.map((entry) => [entry.name, arrayOf(entry, data.subarray(entry.start, entry.end), path)]),
  );
}

function parseHeader(bytes: Uint8Array, path: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InputError(
      `${path}: offset 8: expected a JSON header of ${bytes.length} bytes, found other bytes`,
    );
  }
  if (!isObject(header))
    throw new InputError(`${path}: offset 8: expected a JSON object, found ${shown(header)}`);
  return header;
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

function entryOf(name: string, value: unknown, size: number, path: string): Entry {
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
  const needed = elementBytes(code) * sizeOf(shape);
  if (needed !== end - start)
    throw fail(`${needed} bytes for ${code} [${shape.join(", ")}]`, `${end - start} bytes`);
  return { name, code, shape, start, end };
}

function elementBytes(code: string): number {
  const { dtype, half } = stored[code] ?? { dtype: "uint8" };
  return half === undefined ? bytesPerElement(dtype) : 2;
}

function requireContiguous(entries: readonly Entry[], size: number, path: string): void {
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

function arrayOf({ name, code, shape }: Entry, bytes: Uint8Array, path: string): NDArray {
  const { dtype, half } = stored[code] ?? { dtype: "uint8" };
  if (half !== undefined) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const data = Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
      widenHalf(view.getUint16(2 * i, true), half),
    );
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
