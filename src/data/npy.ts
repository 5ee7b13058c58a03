import type { DType } from "../engine/dtype.ts";
import { castArray, type NDArray, ndarray } from "../engine/ndarray.ts";
import { type ByteSource, sourceOf, withByteSource } from "./byte-source.ts";
import { InputError } from "./input-error.ts";
import { type NpyHeader, parseNpyHeader } from "./npy-header.ts";

/**
 * An array as the bytes of a NumPy `.npy` file (format 3.0, little-endian, C order), which `numpy.load` reads with
 * the same dtype and shape.
 */
export async function toNpy(array: NDArray): Promise<Uint8Array> {
  const { frombuffer, reshape, serializeNpy } = await import("numpy-ts");
  return serializeNpy(reshape(frombuffer(array.data, array.dtype), [...array.shape]));
}

/** What each of NumPy's dtypes becomes; those without a counterpart become the next that holds all their numbers. */
const held: Readonly<Record<string, DType>> = {
  float64: "float64",
  float32: "float32",
  float16: "float32",
  int64: "int64",
  int32: "int32",
  int16: "int32",
  int8: "int32",
  uint32: "int64",
  uint16: "int32",
  uint8: "uint8",
  bool: "bool",
};

/**
 * The array of a NumPy `.npy` file (formats 1 to 3, either byte order, C or Fortran order). float16 becomes float32;
 * int8, int16 and uint16 become int32, uint32 becomes int64.
 *
 * @throws InputError naming the file, what was expected and what was found
 */
export function readNpy(path: string): Promise<NDArray> {
  return withByteSource(path, npyArray);
}

/**
 * As {@link readNpy}, from bytes.
 *
 * @param where what messages call them
 */
export function parseNpy(bytes: Uint8Array, where: string): Promise<NDArray> {
  return npyArray(sourceOf(bytes, where));
}

/** More than the header of any array of numbers. */
const HEAD_BYTES = 1 << 16;

/**
 * The header of an NPY file whose elements are as many bytes as it says.
 *
 * @throws InputError with file, offset, expected and found
 */
export async function npyHeaderOf({ path, size, read }: ByteSource): Promise<NpyHeader> {
  const header = parseNpyHeader(await read(0, Math.min(size, HEAD_BYTES)), path);
  const { descr, shape, dataOffset, dataBytes } = header;
  if (dataBytes !== undefined && size - dataOffset !== dataBytes)
    throw new InputError(
      `${path}: offset ${dataOffset}: expected ${dataBytes} bytes for ${descr} [${shape.join(", ")}], found ${size - dataOffset}`,
    );
  return header;
}

async function npyArray(source: ByteSource): Promise<NDArray> {
  const { descr, dataBytes } = await npyHeaderOf(source);
  const refuse = (found: string): InputError =>
    new InputError(`${source.path}: expected a dtype of ${Object.keys(held).join(", ")}, found ${found}`);
  if (dataBytes === undefined) throw refuse(descr);
  const { parseNpy } = await import("numpy-ts");
  // A copy, for the library looks at the whole buffer behind a view.
  const bytes = Uint8Array.from(await source.read(0, source.size));
  const array = (() => {
    try {
      return parseNpy(bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError(`${source.path}: expected a NumPy .npy file: ${reason}`, { cause: error });
    }
  })();
  const dtype = held[array.dtype];
  if (dtype === undefined) throw refuse(array.dtype);
  const shape = [...array.shape];
  // A copy: the library's memory is its own.
  const data = array.data.slice() as Float64Array;
  if (dtype === "bool") return { dtype, shape, data: Uint8Array.from(data) };
  return array.dtype === dtype
    ? ndarray(data, shape, dtype)
    : castArray(ndarray(Array.from(data, Number), shape, "float64"), dtype);
}
