// The head of NumPy's .npy format (NumPy Enhancement Proposal 1): magic, version, the length of a Python dictionary in
// little-endian, the dictionary.
import { InputError } from "./input-error.ts";

export interface NpyHeader {
  /** As the file writes it: "<f4", "|O", "[('a', '<f4')]". */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
  /** The bytes of all elements; undefined where their width is not written in `descr`. */
  readonly dataBytes: number | undefined;
}

/**
 * @param where what messages call the bytes
 * @param bytes the beginning of a file, at least its header
 * @throws InputError with offset, expected and found
 */
export function parseNpyHeader(bytes: Uint8Array, where: string): NpyHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (offset: number, message: string): InputError =>
    new InputError(`${where}: offset ${offset}: ${message}`);
  if (view.length < 12 || view.toString("latin1", 0, 6) !== "\x93NUMPY")
    throw fail(0, "expected a NumPy .npy file, which begins with \\x93NUMPY, found other bytes");
  const version = view[6] ?? 0;
  if (version < 1 || version > 3) throw fail(6, `expected format 1 to 3, found ${version}`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.readUInt16LE(8) : view.readUInt32LE(8);
  if (start + length > view.length)
    throw fail(8, `expected a header of at most ${view.length - start} bytes, found ${length}`);
  const text = view.toString("latin1", start, start + length);
  const descr = entry(text, "descr", /'([^']*)'|(\[[^\]]*\])/);
  const order = entry(text, "fortran_order", /True|False/);
  const tuple = entry(text, "shape", /\(([\d,\sL]*)\)/);
  if (descr === undefined || order === undefined || tuple === undefined)
    throw fail(
      start,
      `expected a header with descr, fortran_order and shape, each once, found ${JSON.stringify(text.trim().slice(0, 100))}`,
    );
  const shape = (tuple.match(/\d+/g) ?? []).map(Number);
  const size = shape.reduce((product, axis) => product * axis, 1);
  const width = widthOf(descr);
  const dataBytes = width === undefined ? undefined : size * width;
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(dataBytes ?? size))
    throw fail(start, `expected a shape that can be counted, found ${descr} [${shape.join(", ")}]`);
  return { descr, shape, dataOffset: start + length, dataBytes };
}

/** The value of a dictionary's key that stands there once; the content of a text or a tuple. */
function entry(text: string, key: string, value: RegExp): string | undefined {
  if (text.split(`'${key}'`).length !== 2) return undefined;
  const found = new RegExp(`'${key}'\\s*:\\s*(?:${value.source})`).exec(text);
  return found === null ? undefined : (found.slice(1).find((group) => group !== undefined) ?? "");
}

/** Bytes of an element; texts ("U") take four a character, what lies elsewhere ("O") and records say nothing. */
function widthOf(descr: string): number | undefined {
  const [, kind = "", digits] = /^[<>|=]?([a-zA-Z])(\d+)(\[.*\])?$/.exec(descr) ?? [];
  if (digits === undefined || kind === "O") return undefined;
  return Number(digits) * (kind === "U" ? 4 : 1);
}
