import { readFile, stat } from "node:fs/promises";
import type { DType } from "../engine/dtype.ts";
import { castArray, type NDArray, ndarray } from "../engine/ndarray.ts";
import { sizeOf } from "../engine/shape.ts";
import { InputError } from "./input-error.ts";

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
export async function readNpy(path: string): Promise<NDArray> {
  return parseNpy(await readWhole(path), path);
}

/** The bytes of a regular file. */
export async function readWhole(path: string): Promise<Uint8Array> {
  try {
    if (!(await stat(path)).isFile()) throw new InputError(`${path}: is not a file`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/**
 * As {@link readNpy}, from bytes.
 *
 * @param where what messages call them
 */
export async function parseNpy(bytes: Uint8Array, where: string): Promise<NDArray> {
  const numpy = await import("numpy-ts");
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError(`${where}: expected a NumPy .npy file: ${reason}`, { cause: error });
    }
  };
  // Its last bytes may be missing; a copy, for the library looks at the whole buffer behind a view.
  const own = new Uint8Array(bytes);
  const { header, dataOffset } = attempt(() => numpy.parseNpyHeader(own));
  const shown = `${header.descr} [${header.shape.join(", ")}]`;
  const width = Number(/\d+$/.exec(header.descr)?.[0] ?? Number.NaN);
  const needed = sizeOf(header.shape) * width;
  if (
    !header.shape.every((size: number) => Number.isSafeInteger(size) && size >= 0) ||
    !Number.isSafeInteger(needed)
  )
    throw new InputError(`${where}: expected a dtype and a shape of whole numbers, found ${shown}`);
  if (own.length - dataOffset !== needed)
    throw new InputError(
      `${where}: offset ${dataOffset}: expected ${needed} bytes for ${shown}, found ${own.length - dataOffset}`,
    );
  const array = attempt(() => numpy.parseNpy(own));
  const dtype = held[array.dtype];
  if (dtype === undefined)
    throw new InputError(
      `${where}: expected a dtype of ${Object.keys(held).join(", ")}, found ${array.dtype}`,
    );
  // A copy: the library's memory is its own.
  const data = array.data.slice() as Float64Array;
  if (dtype === "bool") return { dtype, shape: header.shape, data: Uint8Array.from(data) };
  const same = array.dtype === dtype;
  return same
    ? ndarray(data, header.shape, dtype)
    : castArray(ndarray(Array.from(data, Number), header.shape, "float64"), dtype);
}
