/**
 * A checkpoint as bytes: JSON values and typed arrays in any nesting, bit for bit, behind a hash that tells a torn file
 * from a whole one.
 *
 * The file: `FLCKPT1\n`; SHA-256 of all that follows (32 bytes); length of the header as an unsigned 32-bit number,
 * little-endian; the header, JSON in which an array stands as its kind, length and place; padding to a multiple of 8;
 * the arrays, each at a multiple of 8.
 */
import { createHash } from "node:crypto";
import { endianness } from "node:os";

const magic = Buffer.from("FLCKPT1\n");
const hashBytes = 32;
const headerStart = magic.length + hashBytes + 4;
/** Marks what JSON lacks; an object of the state that has this key itself is marked too, so none is mistaken. */
const mark = "$fallline";

const arrayKinds = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
} as const;
type ArrayKind = keyof typeof arrayKinds;
type AnyArray = InstanceType<(typeof arrayKinds)[ArrayKind]>;

/**
 * The bytes of a state. What it holds is copied before this returns.
 *
 * @param state null, booleans, numbers (NaN, infinities and -0 included), bigints, texts, typed arrays, and lists and
 *   plain objects of such; a property that is `undefined` is left out
 * @throws RangeError for anything else, with its place in the state
 */
export function encodeCheckpoint(state: unknown): Uint8Array {
  const arrays: AnyArray[] = [];
  let place = 0;
  const addArray = (array: AnyArray, kind: ArrayKind): unknown => {
    const from = place;
    arrays.push(array);
    place = padded(place + array.byteLength);
    return { [mark]: "array", kind, length: array.length, from };
  };
  const encode = (value: unknown, at: string): unknown => {
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number")
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [mark]: "number", text: Object.is(value, -0) ? "-0" : String(value) };
    if (typeof value === "bigint") return { [mark]: "bigint", text: String(value) };
    if (Array.isArray(value)) return value.map((item, index) => encode(item, `${at}[${index}]`));
    const kind = kindOf(value);
    if (kind !== undefined) return addArray(value as AnyArray, kind);
    if (!isPlain(value))
      throw new RangeError(
        `checkpoint: ${at} is ${describe(value)}; expected JSON values, typed arrays and plain objects of them`,
      );
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, encode(item, `${at}.${key}`)] as const);
    return mark in value ? { [mark]: "object", entries } : Object.fromEntries(entries);
  };

  const header = Buffer.from(JSON.stringify(encode(state, "the state")));
  const body = padded(headerStart + header.length);
  const bytes = Buffer.alloc(body + place);
  magic.copy(bytes);
  bytes.writeUInt32LE(header.length, headerStart - 4);
  header.copy(bytes, headerStart);
  let from = body;
  for (const array of arrays) {
    bytes.set(littleEndian(array), from);
    from = padded(from + array.byteLength);
  }
  hashOf(bytes).copy(bytes, magic.length);
  return bytes;
}

/**
 * The state of a checkpoint's bytes, its arrays in memory of their own.
 *
 * @returns the state, or `undefined` for bytes that are torn, cut short or of another kind
 */
export function decodeCheckpoint(bytes: Uint8Array): { readonly state: unknown } | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < headerStart || !file.subarray(0, magic.length).equals(magic)) return undefined;
  if (!hashOf(file).equals(file.subarray(magic.length, magic.length + hashBytes))) return undefined;
  const headerEnd = headerStart + file.readUInt32LE(headerStart - 4);
  const body = padded(headerEnd);
  const decode = (value: unknown): unknown => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(decode);
    const record = value as Record<string, unknown>;
    switch (record[mark]) {
      case undefined:
        return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, decode(item)]));
      case "number":
        return Number(record.text);
      case "bigint":
        return BigInt(String(record.text));
      case "object":
        return Object.fromEntries(
          (record.entries as [string, unknown][]).map(([key, item]) => [key, decode(item)]),
        );
      default:
        return readArray(
          file,
          body + Number(record.from),
          record as { kind: ArrayKind; length: number } & typeof record,
        );
    }
  };
  return { state: decode(JSON.parse(file.toString("utf8", headerStart, headerEnd))) };
}

function readArray(
  file: Buffer,
  from: number,
  { kind, length }: { kind: ArrayKind; length: number },
): AnyArray {
  const type = arrayKinds[kind];
  const own = new Uint8Array(file.subarray(from, from + length * type.BYTES_PER_ELEMENT));
  return new type(swapped(own, type.BYTES_PER_ELEMENT).buffer as ArrayBuffer);
}

function littleEndian(array: AnyArray): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return endianness() === "LE" ? bytes : swapped(bytes.slice(), array.BYTES_PER_ELEMENT);
}

/** Turns each element's bytes around, in place, where the machine's order is not the file's. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  if (endianness() === "BE")
    for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes;
}

function hashOf(file: Buffer): Buffer {
  return createHash("sha256")
    .update(file.subarray(magic.length + hashBytes))
    .digest();
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

function kindOf(value: unknown): ArrayKind | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  // A Buffer is a Uint8Array, and comes back as one.
  const name = Buffer.isBuffer(value) ? "Uint8Array" : value.constructor.name;
  return name in arrayKinds ? (name as ArrayKind) : undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null)
    return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
  return `a ${value.constructor?.name ?? "value"}`;
}
